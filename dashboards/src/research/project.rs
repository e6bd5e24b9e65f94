//! A project, for the research office: its terms, who is in it, what it asked for.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};
use workspace::{NewProject, Person, Project, ProjectId};

use super::fields::{self, Field, Fields, Offer, Problem, Sent};
use super::office::{ProjectRow, RequestRow};
use super::{Research, ResearchAct, Said, SaidView, Scholar, Trouble, back, day, id, outcome};
use crate::text;

/// The form of a project.
#[derive(Serialize)]
pub(crate) struct ProjectForm {
    /// None for a new one.
    id: Option<String>,
    problems: Vec<Problem>,
    title: Field,
    purpose: Field,
    institution: Field,
    responsible: Field,
    ethics: Field,
    starts_on: Field,
    ends_on: Field,
    undertaking_on: Field,
}

impl Page for ProjectForm {
    const TEMPLATE: &'static str = "pages/research_project_form.html";

    fn samples() -> Vec<Self> {
        let blank = Self::blank();
        let mut wrong = Self { id: Some("1".into()), ..Self::blank() };
        for (name, code) in
            [("title", "required"), ("purpose", "too_long"), ("ends_on", "date_order"), ("starts_on", "date")]
        {
            wrong.mark(name, code);
        }
        vec![blank, wrong]
    }
}

impl ProjectForm {
    fn blank() -> Self {
        Self {
            id: None,
            problems: Vec::new(),
            title: Field::default(),
            purpose: Field::default(),
            institution: Field::default(),
            responsible: Field::default(),
            ethics: Field::default(),
            starts_on: Field::default(),
            ends_on: Field::default(),
            undertaking_on: Field::default(),
        }
    }

    fn of(project: &Project) -> Self {
        let terms = &project.terms;
        Self {
            id: Some(project.id.to_string()),
            problems: Vec::new(),
            title: Field::of(&terms.title),
            purpose: Field::of(&terms.purpose),
            institution: Field::of(&terms.institution),
            responsible: Field::of(&terms.responsible),
            ethics: Field::of(&terms.ethics),
            starts_on: Field::of(day(terms.starts_on)),
            ends_on: Field::of(day(terms.ends_on)),
            undertaking_on: Field::of(terms.undertaking_on.map(day).unwrap_or_default()),
        }
    }

    fn sent(fields: &Fields) -> Self {
        Self {
            id: None,
            problems: Vec::new(),
            title: fields.field("title"),
            purpose: fields.field("purpose"),
            institution: fields.field("institution"),
            responsible: fields.field("responsible"),
            ethics: fields.field("ethics"),
            starts_on: fields.field("starts_on"),
            ends_on: fields.field("ends_on"),
            undertaking_on: fields.field("undertaking_on"),
        }
    }

    fn mark(&mut self, name: &'static str, code: &'static str) {
        self.problems.push(Problem { name, code });
        let field = match name {
            "title" => &mut self.title,
            "purpose" => &mut self.purpose,
            "institution" => &mut self.institution,
            "responsible" => &mut self.responsible,
            "ethics" => &mut self.ethics,
            "starts_on" => &mut self.starts_on,
            "ends_on" => &mut self.ends_on,
            _ => &mut self.undertaking_on,
        };
        field.error = Some(code);
    }

    /// The project as it was filled in; what is no day is marked.
    fn read(&mut self) -> Option<NewProject> {
        let days = [&self.starts_on, &self.ends_on, &self.undertaking_on].map(|field| fields::day(&field.value));
        let [starts_on, ends_on, undertaking_on] = days;
        for (name, day, value) in
            [("starts_on", starts_on, &self.starts_on.value.clone()), ("ends_on", ends_on, &self.ends_on.value.clone())]
        {
            if day.is_none() {
                self.mark(name, if value.is_empty() { "required" } else { "date" });
            }
        }
        if undertaking_on.is_none() && !self.undertaking_on.value.is_empty() {
            self.mark("undertaking_on", "date");
        }
        if !self.problems.is_empty() {
            return None;
        }
        Some(NewProject {
            title: self.title.value.clone(),
            purpose: self.purpose.value.clone(),
            institution: self.institution.value.clone(),
            responsible: self.responsible.value.clone(),
            ethics: self.ethics.value.clone(),
            starts_on: starts_on?,
            ends_on: ends_on?,
            undertaking_on,
        })
    }
}

/// Somebody in a project.
#[derive(Clone, Debug, Serialize)]
struct Member {
    account: String,
    name: String,
}

/// A line of a history.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EventRow {
    pub(crate) act: &'static str,
    pub(crate) at: String,
    pub(crate) by: Option<String>,
    pub(crate) about: Option<String>,
    pub(crate) detail: Option<String>,
}

impl EventRow {
    pub(super) fn of(event: workspace::Event) -> Self {
        Self {
            act: event.act.code(),
            at: text::instant(event.at),
            by: event.by.map(|person| person.name),
            about: event.about.map(|person| person.name),
            detail: event.detail,
        }
    }

    pub(super) fn samples() -> Vec<Self> {
        let row = |act: workspace::Act| Self {
            act: act.code(),
            at: "01/07/2026 10:00".into(),
            by: Some("Anna Verdi".into()),
            about: None,
            detail: Some("asso-2026-06-30-01".into()),
        };
        workspace::Act::ALL.map(row).into()
    }
}

#[derive(Serialize)]
pub(crate) struct ProjectPage {
    said: SaidView,
    project: ProjectRow,
    purpose: String,
    responsible: String,
    ethics: String,
    undertaking_on: Option<String>,
    closed: Option<String>,
    members: Vec<Member>,
    /// Partners who are not in it.
    partners: Vec<Offer>,
    requests: Vec<RequestRow>,
    history: Vec<EventRow>,
}

impl Page for ProjectPage {
    const TEMPLATE: &'static str = "pages/research_project.html";

    fn samples() -> Vec<Self> {
        let page = |standing| Self {
            said: SaidView::default(),
            project: ProjectRow::sample(standing),
            purpose: "Capire chi torna al lavoro.".into(),
            responsible: "Bianca Neri".into(),
            ethics: "Parere 12/2026 del comitato etico".into(),
            undertaking_on: None,
            closed: None,
            members: Vec::new(),
            partners: Vec::new(),
            requests: Vec::new(),
            history: Vec::new(),
        };
        vec![
            page("unsigned"),
            Self {
                said: SaidView { done: Some("member".into()), problem: None },
                undertaking_on: Some("01/02/2026".into()),
                members: vec![Member { account: "1".into(), name: "Anna Verdi".into() }],
                partners: vec![Offer { code: "2".into(), text: "Carlo Blu".into() }],
                requests: vec![RequestRow::sample("published"), RequestRow::sample("requested")],
                history: EventRow::samples(),
                ..page("active")
            },
            Self {
                said: SaidView { done: None, problem: Some("not-now".into()) },
                closed: Some("Finito prima".into()),
                ..page("closed")
            },
        ]
    }
}

fn path(id: ProjectId) -> String {
    format!("/ricerca/progetti/{id}")
}

pub(super) async fn new(State(research): State<Research>, scholar: Scholar) -> Result<Response, Trouble> {
    scholar.see("/ricerca/progetti/nuovo").await?;
    Ok(research.page(&scholar, Area::Ricerca, ProjectForm::blank()).await)
}

pub(super) async fn create(
    State(research): State<Research>,
    scholar: Scholar,
    sent: Sent,
) -> Result<Response, Trouble> {
    let mut form = ProjectForm::sent(&Fields::read(sent)?);
    let Some(project) = form.read() else { return Ok(research.again(&scholar, Area::Ricerca, form).await) };
    scholar.tell(ResearchAct::Project, "new", "create").await?;
    let created =
        research.workspace().create_project(&scholar.person, &project, research.now(), &mut research.chance()).await;
    match created {
        Ok(id) => Ok(back(&path(id), Ok("created"))),
        Err(error) => {
            let (field, code) = fields::problem(error)?;
            form.mark(field, code);
            Ok(research.again(&scholar, Area::Ricerca, form).await)
        }
    }
}

pub(super) async fn change(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
) -> Result<Response, Trouble> {
    let project: ProjectId = id(&project)?;
    scholar.see(format!("{}/modifica", path(project))).await?;
    let project = research.workspace().project(project).await?;
    Ok(research.page(&scholar, Area::Ricerca, ProjectForm::of(&project)).await)
}

pub(super) async fn save(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let project: ProjectId = id(&project)?;
    research.workspace().project(project).await?;
    let mut form = ProjectForm { id: Some(project.to_string()), ..ProjectForm::sent(&Fields::read(sent)?) };
    let Some(changed) = form.read() else { return Ok(research.again(&scholar, Area::Ricerca, form).await) };
    scholar.tell(ResearchAct::Project, project, "change").await?;
    match research.workspace().change_project(project, &scholar.person, &changed, research.now()).await {
        Ok(()) => Ok(back(&path(project), Ok("changed"))),
        Err(error) => match fields::problem(error)? {
            ("", code) => Ok(back(&path(project), Err(code))),
            (field, code) => {
                form.mark(field, code);
                Ok(research.again(&scholar, Area::Ricerca, form).await)
            }
        },
    }
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    Query(said): Query<Said>,
) -> Result<Response, Trouble> {
    let id: ProjectId = id(&project)?;
    scholar.see(path(id)).await?;
    let workspace = research.workspace();
    let project = workspace.project(id).await?;
    let partners = (scholar.partners)().await?;
    let outside = partners.into_iter().filter(|partner| !project.has_member(partner.account));
    let requests = workspace.requests_of(id).await?;
    let page = ProjectPage {
        said: said.view(),
        project: ProjectRow::of(&project, &research),
        purpose: project.terms.purpose.clone(),
        responsible: project.terms.responsible.clone(),
        ethics: project.terms.ethics.clone(),
        undertaking_on: project.terms.undertaking_on.map(day),
        closed: project.closed.as_ref().map(|closing| closing.reason.clone()),
        members: project
            .members
            .iter()
            .map(|member| Member { account: member.account.to_string(), name: member.name.clone() })
            .collect(),
        partners: outside.map(|partner| Offer { code: partner.account.to_string(), text: partner.name }).collect(),
        requests: requests.iter().map(|one| RequestRow::of(one, std::slice::from_ref(&project))).collect(),
        history: workspace.project_history(id).await?.into_iter().rev().map(EventRow::of).collect(),
    };
    Ok(research.page(&scholar, Area::Ricerca, page).await)
}

/// Takes somebody in, or out.
pub(super) async fn people(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let project: ProjectId = id(&project)?;
    let fields = Fields::read(sent)?;
    let workspace = research.workspace();
    let known = workspace.project(project).await?;
    if let Some(leaving) = known.members.iter().find(|member| member.account.to_string() == fields.get("togli")) {
        scholar.tell(ResearchAct::Project, project, format!("remove {}", leaving.account)).await?;
        let removed = workspace.remove_member(project, leaving.account, &scholar.person, research.now()).await;
        return Ok(back(&path(project), outcome("left", removed)?));
    }
    let partners: Vec<Person> = (scholar.partners)().await?;
    let Some(new) = partners.into_iter().find(|partner| partner.account.to_string() == fields.get("persona")) else {
        return Ok(back(&path(project), Err("nobody")));
    };
    scholar.tell(ResearchAct::Project, project, format!("add {}", new.account)).await?;
    let added = workspace.add_member(project, &new, &scholar.person, research.now()).await;
    Ok(back(&path(project), outcome("member", added)?))
}

pub(super) async fn close(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let project: ProjectId = id(&project)?;
    let reason = Fields::read(sent)?.get("motivo").to_owned();
    research.workspace().project(project).await?;
    scholar.tell(ResearchAct::Project, project, "close").await?;
    let closed = research.workspace().close_project(project, &scholar.person, &reason, research.now()).await;
    Ok(back(&path(project), outcome("closed", closed)?))
}
