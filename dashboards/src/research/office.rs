//! What the research office comes to: projects, what waits for somebody, and what there is.

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};
use workspace::{Project, Request, StateKind};

use super::{Research, Said, SaidView, Scholar, Trouble, day};
use crate::text;

/// A project, in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProjectRow {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) institution: String,
    pub(crate) standing: &'static str,
    pub(crate) starts_on: String,
    pub(crate) ends_on: String,
    pub(crate) members: usize,
}

impl ProjectRow {
    pub(super) fn of(project: &Project, research: &Research) -> Self {
        Self {
            id: project.id.to_string(),
            title: project.terms.title.clone(),
            institution: project.terms.institution.clone(),
            standing: project.standing(research.today()).code(),
            starts_on: day(project.terms.starts_on),
            ends_on: day(project.terms.ends_on),
            members: project.members.len(),
        }
    }

    pub(super) fn sample(standing: &'static str) -> Self {
        Self {
            id: "1".into(),
            title: "Lavoro e autonomia".into(),
            institution: "Università di prova".into(),
            standing,
            starts_on: "01/01/2026".into(),
            ends_on: "31/12/2028".into(),
            members: 2,
        }
    }
}

/// A request, in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RequestRow {
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) base: String,
    pub(crate) k: u32,
    pub(crate) columns: usize,
    pub(crate) state: &'static str,
    pub(crate) asked_at: String,
    pub(crate) by: String,
    /// What came of it, where something did.
    pub(crate) release: Option<String>,
}

impl RequestRow {
    pub(super) fn of(request: &Request, projects: &[Project]) -> Self {
        let project = projects.iter().find(|project| project.id == request.project);
        Self {
            id: request.id.to_string(),
            project: project.map(|project| project.terms.title.clone()).unwrap_or_default(),
            base: request.asked.base.to_string(),
            k: request.asked.k,
            columns: request.asked.columns.len(),
            state: request.state.kind().code(),
            asked_at: text::instant(request.at),
            by: request.by.name.clone(),
            release: super::request::release_of(&request.state).map(ToString::to_string),
        }
    }

    pub(super) fn sample(state: &'static str) -> Self {
        Self {
            id: "1".into(),
            project: "Lavoro e autonomia".into(),
            base: "asso-2026-06-30".into(),
            k: 5,
            columns: 12,
            state,
            asked_at: "01/07/2026 10:00".into(),
            by: "Anna Verdi".into(),
            release: (state == "published").then(|| "asso-2026-06-30-01".into()),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Office {
    said: SaidView,
    projects: Vec<ProjectRow>,
    /// Requests that wait for somebody of the office.
    waiting: Vec<RequestRow>,
    others: Vec<RequestRow>,
    tables: usize,
}

impl Page for Office {
    const TEMPLATE: &'static str = "pages/research_office.html";

    fn samples() -> Vec<Self> {
        let standings = ["active", "unsigned", "not-started", "ended", "closed"];
        let states = StateKind::ALL.map(StateKind::code);
        vec![
            Self {
                said: SaidView::default(),
                projects: Vec::new(),
                waiting: Vec::new(),
                others: Vec::new(),
                tables: 0,
            },
            Self {
                said: SaidView::default(),
                projects: standings.map(ProjectRow::sample).into(),
                waiting: vec![RequestRow::sample("requested"), RequestRow::sample("assessed")],
                others: states.map(RequestRow::sample).into(),
                tables: 3,
            },
        ]
    }
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Query(said): Query<Said>,
) -> Result<Response, Trouble> {
    scholar.see("/ricerca").await?;
    let projects = research.workspace().projects().await?;
    let requests = research.workspace().requests().await?;
    let waits = |request: &&Request| match request.state.kind() {
        StateKind::Requested | StateKind::Assessed | StateKind::Failed => true,
        StateKind::Building | StateKind::Refused | StateKind::Published | StateKind::Withdrawn => false,
    };
    let rows = |requests: Vec<&Request>| requests.into_iter().map(|one| RequestRow::of(one, &projects)).collect();
    let (waiting, others): (Vec<&Request>, Vec<&Request>) = requests.iter().partition(waits);
    let page = Office {
        said: said.view(),
        waiting: rows(waiting),
        others: rows(others),
        projects: projects.iter().map(|project| ProjectRow::of(project, &research)).collect(),
        tables: research.bases().await?.len(),
    };
    Ok(research.page(&scholar, Area::Ricerca, page).await)
}
