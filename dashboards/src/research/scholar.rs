//! What a partner comes to: its projects, what they asked for, what they may use; and the form of a request.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use templates::{Area, Page};
use workspace::{NewRequest, Project, ProjectId, StateKind};

use super::fields::{self, Field, Fields, Problem, Sent};
use super::office::{ProjectRow, RequestRow};
use super::tables::TableRow;
use super::{BaseTable, Research, ResearchAct, Said, SaidView, Scholar, Trouble, back, day, id};
use crate::text;

/// Characters by which a level is told: a list of a hundred provinces is no choice to read.
const LEVEL_CHARACTERS: usize = 90;

/// A release that may be used, in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReleaseRow {
    pub(crate) id: String,
    pub(crate) rows: u64,
    pub(crate) k: u32,
    pub(crate) expires_on: String,
}

impl ReleaseRow {
    pub(super) fn of(release: &workspace::Release) -> Self {
        Self {
            id: release.id.to_string(),
            rows: release.content.rows,
            k: release.content.k,
            expires_on: day(release.content.expires_on),
        }
    }

    pub(super) fn sample() -> Self {
        Self { id: "asso-2026-06-30-01".into(), rows: 1_804, k: 5, expires_on: "31/12/2028".into() }
    }
}

/// A project of one's own.
#[derive(Clone, Debug, Serialize)]
struct OwnProject {
    project: ProjectRow,
    purpose: String,
    releases: Vec<ReleaseRow>,
    requests: Vec<RequestRow>,
}

#[derive(Serialize)]
pub(crate) struct ScholarHome {
    said: SaidView,
    projects: Vec<OwnProject>,
}

impl Page for ScholarHome {
    const TEMPLATE: &'static str = "pages/scholar_home.html";

    fn samples() -> Vec<Self> {
        let project = |standing, releases| OwnProject {
            project: ProjectRow::sample(standing),
            purpose: "Capire chi torna al lavoro.".into(),
            releases,
            requests: StateKind::ALL.map(|state| RequestRow::sample(state.code())).into(),
        };
        let blank = OwnProject { requests: Vec::new(), ..project("active", Vec::new()) };
        vec![
            Self { said: SaidView::default(), projects: Vec::new() },
            Self {
                said: SaidView { done: Some("asked".into()), problem: None },
                projects: vec![project("active", vec![ReleaseRow::sample()]), blank, project("ended", Vec::new())],
            },
        ]
    }
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Query(said): Query<Said>,
) -> Result<Response, Trouble> {
    scholar.see("/dati-ricerca").await?;
    let workspace = research.workspace();
    let account = scholar.person.account;
    let releases = workspace.releases_of(account, research.today()).await?;
    let mut projects = Vec::new();
    for project in workspace.projects_of(account).await? {
        let requests = workspace.requests_of(project.id).await?;
        projects.push(OwnProject {
            purpose: project.terms.purpose.clone(),
            releases: releases.iter().filter(|one| one.project == project.id).map(ReleaseRow::of).collect(),
            requests: requests.iter().map(|one| RequestRow::of(one, std::slice::from_ref(&project))).collect(),
            project: ProjectRow::of(&project, &research),
        });
    }
    Ok(research.page(&scholar, Area::DatiRicerca, ScholarHome { said: said.view(), projects }).await)
}

/// One's own project; others are as absent.
pub(super) async fn own(research: &Research, scholar: &Scholar, project: &str) -> Result<Project, Trouble> {
    let id: ProjectId = id(project)?;
    let own = research.workspace().projects_of(scholar.person.account).await?;
    own.into_iter().find(|project| project.id == id).ok_or(Trouble::Missing)
}

/// A column to choose.
#[derive(Clone, Debug, Serialize)]
struct Choice {
    name: String,
    meaning: String,
    is_chosen: bool,
    /// The labels of each level, as a text; the first is the finest.
    levels: Vec<String>,
    level: usize,
}

impl Choice {
    fn of(column: &super::BaseColumn) -> Self {
        Self {
            name: column.name.clone(),
            meaning: column.meaning.clone(),
            is_chosen: false,
            levels: column.levels.iter().map(|labels| text::cut(&labels.join(", "), LEVEL_CHARACTERS)).collect(),
            level: 0,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct AskForm {
    project: ProjectRow,
    tables: Vec<TableRow>,
    /// The table chosen.
    table: Option<TableRow>,
    columns: Vec<Choice>,
    problems: Vec<Problem>,
    k: Field,
    reason: Field,
    columns_error: Option<&'static str>,
}

impl Page for AskForm {
    const TEMPLATE: &'static str = "pages/scholar_request.html";

    fn samples() -> Vec<Self> {
        let column = |name: &str, levels: &[&str]| Choice {
            name: name.to_owned(),
            meaning: "Che cosa vuol dire".into(),
            is_chosen: !levels.is_empty(),
            levels: levels.iter().map(|level| (*level).to_owned()).collect(),
            level: levels.len().saturating_sub(1),
        };
        let blank = |tables| Self {
            project: ProjectRow::sample("active"),
            tables,
            table: None,
            columns: Vec::new(),
            problems: Vec::new(),
            k: Field::of("5"),
            reason: Field::default(),
            columns_error: None,
        };
        let chosen = || Self {
            table: Some(TableRow::sample()),
            columns: vec![
                column("fascia_eta", &["0_24, 25_34", "0_34"]),
                column("sesso", &["f, m"]),
                column("profilo", &[]),
            ],
            ..blank(vec![TableRow::sample()])
        };
        let mut wrong = chosen();
        for (name, code) in [("columns", "columns_identifier"), ("k", "people_k"), ("reason", "required")] {
            wrong.mark(name, code);
        }
        vec![blank(Vec::new()), blank(vec![TableRow::sample()]), chosen(), wrong]
    }
}

impl AskForm {
    async fn blank(research: &Research, project: &Project, base: &str) -> Result<(Self, Option<BaseTable>), Trouble> {
        let bases = research.bases().await?;
        let table = bases.iter().find(|table| table.id == base);
        let form = Self {
            project: ProjectRow::of(project, research),
            tables: bases.iter().map(TableRow::of).collect(),
            table: table.map(TableRow::of),
            columns: table.iter().flat_map(|table| &table.columns).map(Choice::of).collect(),
            problems: Vec::new(),
            k: Field::of(table.map_or(workspace::K_MIN, |table| table.k).to_string()),
            reason: Field::default(),
            columns_error: None,
        };
        Ok((form, table.cloned()))
    }

    fn mark(&mut self, name: &'static str, code: &'static str) {
        self.problems.push(Problem { name, code });
        match name {
            "k" => self.k.error = Some(code),
            "reason" => self.reason.error = Some(code),
            _ => self.columns_error = Some(code),
        }
    }
}

/// Which table the form is about.
#[derive(Default, Deserialize)]
pub(super) struct About {
    #[serde(default)]
    tabella: String,
}

pub(super) async fn ask(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    Query(about): Query<About>,
) -> Result<Response, Trouble> {
    let project = own(&research, &scholar, &project).await?;
    scholar.see(format!("/dati-ricerca/progetti/{}/richiesta", project.id)).await?;
    let (form, _) = AskForm::blank(&research, &project, &about.tabella).await?;
    Ok(research.page(&scholar, Area::DatiRicerca, form).await)
}

pub(super) async fn send(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let project = own(&research, &scholar, &project).await?;
    let fields = Fields::read(sent)?;
    let (mut form, table) = AskForm::blank(&research, &project, fields.get("tabella")).await?;
    let Some(table) = table else { return Err(Trouble::Form) };
    form.k = fields.field("k");
    form.reason = fields.field("reason");
    let levels: BTreeMap<&str, usize> =
        fields.each("livello.").filter_map(|(name, level)| Some((name, level.parse().ok()?))).collect();
    for column in &mut form.columns {
        column.is_chosen = fields.all("colonna").any(|name| name == column.name);
        let level = levels.get(column.name.as_str()).copied().unwrap_or(0);
        column.level = level.min(column.levels.len().saturating_sub(1));
    }
    let chosen: Vec<&Choice> = form.columns.iter().filter(|column| column.is_chosen).collect();
    let has_identifier = chosen.iter().any(|column| !column.levels.is_empty());
    let k = form.k.value.parse::<u32>().ok().filter(|k| *k >= table.k);
    let coarser = chosen
        .iter()
        .filter_map(|column| Some((column.name.clone(), u32::try_from(column.level).ok().filter(|level| *level > 0)?)))
        .collect();
    let columns = chosen.iter().map(|column| column.name.clone()).collect();
    if !has_identifier {
        form.mark("columns", "columns_identifier");
    }
    if k.is_none() {
        form.mark("k", "people_k");
    }
    let base = table.id.parse().map_err(|error: workspace::InvalidId| Trouble::broken("a table's id", &error))?;
    if let (Some(k), true) = (k, form.problems.is_empty()) {
        let request = NewRequest { base, columns, k, coarser, reason: form.reason.value.clone() };
        scholar.tell(ResearchAct::Request, project.id, format!("base={} k={k}", table.id)).await?;
        let asked = research
            .workspace()
            .ask(project.id, &scholar.person, &request, research.today(), research.now(), &mut research.chance())
            .await;
        match asked.map_err(fields::problem) {
            Ok(_) => return Ok(back("/dati-ricerca", Ok("asked"))),
            Err(Ok(("", code))) => return Ok(back("/dati-ricerca", Err(code))),
            Err(Ok((field, code))) => form.mark(field, code),
            Err(Err(trouble)) => return Err(trouble),
        }
    }
    Ok(research.again(&scholar, Area::DatiRicerca, form).await)
}
