//! The register of releases: what was published and withdrawn, by whom; and whether it is whole.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};
use workspace::{Content, Entry, Project, RegisterProblem, ReleaseId};

use super::fields::{Fields, Sent};
use super::{Research, ResearchAct, Said, SaidView, Scholar, Trouble, back, day, id, outcome};
use crate::text;

/// A line of the register.
#[derive(Clone, Debug, Serialize)]
struct Line {
    seq: i64,
    act: &'static str,
    release: String,
    request: String,
    project: String,
    at: String,
    by: String,
    rows: Option<u64>,
    k: Option<u32>,
    sha256: Option<String>,
    expires_on: Option<String>,
    reason: Option<String>,
    hash: String,
}

impl Line {
    fn of(entry: Entry, projects: &[Project]) -> Self {
        let project = projects.iter().find(|project| project.id == entry.project);
        let line = Self {
            seq: entry.seq,
            act: "published",
            release: entry.release.to_string(),
            request: entry.request.to_string(),
            project: project.map(|project| project.terms.title.clone()).unwrap_or_default(),
            at: text::instant(entry.at),
            by: entry.by.name,
            rows: None,
            k: None,
            sha256: None,
            expires_on: None,
            reason: None,
            hash: entry.hash,
        };
        match entry.content {
            Content::Published(release) => Self {
                rows: Some(release.rows),
                k: Some(release.k),
                sha256: Some(release.sha256),
                expires_on: Some(day(release.expires_on)),
                ..line
            },
            Content::Withdrawn { reason } => Self { act: "withdrawn", reason: Some(reason), ..line },
        }
    }
}

#[derive(Serialize)]
pub(crate) struct RegisterPage {
    said: SaidView,
    lines: Vec<Line>,
    /// Those that may be withdrawn.
    standing: Vec<String>,
    /// The number of the first line that is not as it was written, or missing.
    broken_at: Option<i64>,
    head: Option<String>,
}

impl Page for RegisterPage {
    const TEMPLATE: &'static str = "pages/research_register.html";

    fn samples() -> Vec<Self> {
        let line = |seq, act| Line {
            seq,
            act,
            release: "asso-2026-06-30-01".into(),
            request: "1".into(),
            project: "Lavoro e autonomia".into(),
            at: "02/07/2026 10:00".into(),
            by: "Ufficio ricerca".into(),
            rows: (act == "published").then_some(1_804),
            k: (act == "published").then_some(5),
            sha256: (act == "published").then(|| "00ff".repeat(16)),
            expires_on: (act == "published").then(|| "31/12/2028".into()),
            reason: (act == "withdrawn").then(|| "Un errore nella codifica".into()),
            hash: "aa11".repeat(16),
        };
        let page = |lines, standing, broken_at| Self {
            said: SaidView::default(),
            lines,
            standing,
            broken_at,
            head: Some("aa11".repeat(16)),
        };
        vec![
            Self { head: None, ..page(Vec::new(), Vec::new(), None) },
            page(vec![line(1, "published")], vec!["asso-2026-06-30-01".into()], None),
            page(vec![line(2, "withdrawn"), line(1, "published")], Vec::new(), Some(2)),
        ]
    }
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Query(said): Query<Said>,
) -> Result<Response, Trouble> {
    scholar.see("/ricerca/rilasci").await?;
    let workspace = research.workspace();
    let projects = workspace.projects().await?;
    let entries = workspace.register().await?;
    let is_withdrawn = |release: &ReleaseId| {
        entries.iter().any(|entry| entry.release == *release && matches!(entry.content, Content::Withdrawn { .. }))
    };
    let standing = entries
        .iter()
        .filter(|entry| matches!(entry.content, Content::Published(_)) && !is_withdrawn(&entry.release))
        .map(|entry| entry.release.to_string())
        .collect();
    let verdict = workspace.verify_register().await?;
    let broken_at = verdict.problem.map(|problem| match problem {
        RegisterProblem::Changed { seq } | RegisterProblem::Missing { seq } => seq,
        RegisterProblem::End { found, .. } => found + 1,
    });
    let page = RegisterPage {
        said: said.view(),
        standing,
        broken_at,
        head: verdict.head,
        lines: entries.into_iter().rev().map(|entry| Line::of(entry, &projects)).collect(),
    };
    Ok(research.page(&scholar, Area::Ricerca, page).await)
}

pub(super) async fn withdraw(
    State(research): State<Research>,
    scholar: Scholar,
    Path(release): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let release: ReleaseId = id(&release)?;
    let reason = Fields::read(sent)?.get("motivo").to_owned();
    let workspace = research.workspace();
    workspace.release(&release).await?;
    scholar.tell(ResearchAct::Withdraw, &release, "").await?;
    let withdrawn = workspace.withdraw(&release, &scholar.person, &reason, research.now()).await;
    Ok(back("/ricerca/rilasci", outcome("withdrawn", withdrawn)?))
}
