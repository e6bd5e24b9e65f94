//! Releases for programs with a token: the list of them, and their files.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{Research, ResearchAct, ResearchEvent, ScholarProgram, TABLE, Trouble, files, release};
use crate::pages::NO_STORE;

/// A release, as programs read it.
#[derive(Serialize)]
struct Listed {
    id: String,
    rows: u64,
    k: u32,
    sha256: String,
    licence: String,
    citation: String,
    expires_on: chrono::NaiveDate,
    /// The address of its table.
    href: String,
}

impl ScholarProgram {
    async fn tell(&self, act: ResearchAct, subject: String, detail: String) -> Result<(), Trouble> {
        Ok((self.record)(ResearchEvent { act, subject, detail }).await?)
    }
}

pub(super) async fn list(State(research): State<Research>, program: ScholarProgram) -> Result<Response, Trouble> {
    program.tell(ResearchAct::See, "/api/v1/rilasci".into(), String::new()).await?;
    let releases = research.workspace().releases_of(program.person.account, research.today()).await?;
    let listed = releases.into_iter().map(|release| Listed {
        href: format!("/api/v1/rilasci/{}/{TABLE}", release.id),
        id: release.id.to_string(),
        rows: release.content.rows,
        k: release.content.k,
        sha256: release.content.sha256,
        licence: release.content.licence,
        citation: release.content.citation,
        expires_on: release.content.expires_on,
    });
    Ok(([NO_STORE], Json(serde_json::json!({ "releases": listed.collect::<Vec<_>>() }))).into_response())
}

pub(super) async fn file(
    State(research): State<Research>,
    program: ScholarProgram,
    Path((release, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let release = release::own(&research, program.person.account, &release).await?;
    let range = headers.get(axum::http::header::RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
    program.tell(ResearchAct::Download, release.id.to_string(), format!("file={name} {range}")).await?;
    files::send(method, &headers, &research.part(&release.id), &name).await
}
