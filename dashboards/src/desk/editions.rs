//! Editions: reports as they were issued by themselves, kept as they were.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::feed::EnteId;
use serde::Serialize;
use templates::{Area, Layout};
use workspace::{Due, EditionId, EditionLine, NewEdition};

use super::content::Content;
use super::reports::{ReportPage, file, next_on};
use super::{Asked, Desk, Trouble, id};
use crate::{Dashboards, NotRecorded, Viewer, text};

/// An edition in the list.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EditionRow {
    id: String,
    title: String,
    made_at: String,
    is_opened: bool,
}

impl EditionRow {
    pub(super) fn samples() -> Vec<Self> {
        let edition = |is_opened| Self {
            id: "2".to_owned(),
            title: "Piano di Zona 2027".to_owned(),
            made_at: "01/12/2026 02:00".to_owned(),
            is_opened,
        };
        vec![edition(false), edition(true)]
    }
}

pub(super) fn rows(editions: &[EditionLine]) -> Vec<EditionRow> {
    let row = |edition: &EditionLine| EditionRow {
        id: edition.id.to_string(),
        title: edition.title.clone(),
        made_at: text::instant(edition.made_at),
        is_opened: edition.is_opened,
    };
    editions.iter().map(row).collect()
}

async fn read(asked: &Asked, edition: &str) -> Result<(EditionId, String, Content), Trouble> {
    let edition = asked.desk.workspace.edition(asked.viewer.ente, id(edition)?).await?;
    let content = Content::read(&edition.content).map_err(|error| {
        tracing::error!(edition = %edition.id, %error, "an edition cannot be read");
        Trouble::Broken
    })?;
    asked.desk.workspace.open_edition(asked.viewer.ente, edition.id, asked.person.account).await?;
    Ok((edition.id, text::instant(edition.made_at), content))
}

pub(super) async fn one(State(dashboards): State<Dashboards>, asked: Asked, Path(edition): Path<String>) -> Response {
    let shown = async {
        let (edition, made_at, content) = read(&asked, &edition).await?;
        let path = format!("/cruscotti/relazioni/edizioni/{edition}/docx");
        Ok(asked.page(&dashboards, ReportPage::of(None, path, content, Some(made_at))).await)
    };
    let outcome = shown.await;
    asked.answer(&dashboards, outcome).await
}

pub(super) async fn docx(
    State(dashboards): State<Dashboards>,
    asked: Asked,
    Path(edition): Path<String>,
    headers: HeaderMap,
) -> Response {
    let outcome = read(&asked, &edition).await.and_then(|(_, _, content)| file(&content, &headers));
    asked.answer(&dashboards, outcome).await
}

/// The name and the comuni of an Ente that is open; nothing of one that is closed. The error is logged by whoever gives this.
pub type EnteReader = Arc<
    dyn Fn(EnteId) -> Pin<Box<dyn Future<Output = Result<Option<(String, Vec<String>)>, NotRecorded>> + Send>>
        + Send
        + Sync,
>;

/// Issues every report that is due, and takes out whatever is kept of Enti that are closed; how many were issued. What fails waits
/// for the next time, and is logged.
pub(crate) async fn look_after(dashboards: &Dashboards, desk: &Desk, known: &EnteReader) -> usize {
    let kept = match desk.workspace.kept_enti().await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::error!(%error, "the Enti that keep anything cannot be listed");
            return 0;
        }
    };
    let due = desk.workspace.due(text::day(desk.now())).await.unwrap_or_else(|error| {
        tracing::error!(%error, "reports that are due cannot be listed");
        Vec::new()
    });
    let mut issued = 0;
    for ente in kept {
        let Ok(found) = known(ente).await else { continue };
        let Some((ente_name, comuni)) = found else {
            dashboards.cache.forget(ente);
            match desk.workspace.forget_ente(ente).await {
                Ok(forgotten) => tracing::info!(ente.id = %ente, ?forgotten, "a closed Ente keeps nothing"),
                Err(error) => tracing::error!(ente.id = %ente, %error, "a closed Ente cannot be forgotten"),
            }
            continue;
        };
        let layout = Layout { is_demonstration: false, area: Area::Cruscotti, has_accounts: true, user: None };
        let viewer = Viewer { ente, ente_name, comuni, layout, person: None };
        for one in due.iter().filter(|one| one.ente == ente) {
            match issue(dashboards, desk, &viewer, one).await {
                Ok(()) => issued += 1,
                Err(trouble) => tracing::warn!(ente.id = %ente, report = %one.report, ?trouble, "a report waits"),
            }
        }
    }
    issued
}

async fn issue(dashboards: &Dashboards, desk: &Desk, viewer: &Viewer, due: &Due) -> Result<(), Trouble> {
    let report = desk.workspace.report(due.ente, due.report).await?;
    let content = Content::now(dashboards, viewer, &report.terms).await?;
    let kept = content.kept().map_err(|error| {
        tracing::error!(%error, "a report cannot be kept");
        Trouble::Broken
    })?;
    let next_on = next_on(due.schedule.every, text::day(desk.now())).ok_or(Trouble::Broken)?;
    let edition = NewEdition { version: content.version, content: kept, next_on };
    desk.workspace.issue(due.ente, due.report, edition, desk.now(), &mut desk.chance()).await?;
    Ok(())
}
