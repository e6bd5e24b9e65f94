//! A release, for those who may use it: what it is, its files, how programs read it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};
use workspace::{Release, ReleaseId};

use super::files::{self, FileView};
use super::scholar::ReleaseRow;
use super::{Research, ResearchAct, Scholar, Trouble, id};

#[derive(Serialize)]
pub(crate) struct ReleasePage {
    release: ReleaseRow,
    project_id: String,
    table: String,
    citation: String,
    licence: String,
    sha256: String,
    files: Vec<FileView>,
}

impl Page for ReleasePage {
    const TEMPLATE: &'static str = "pages/scholar_release.html";

    fn samples() -> Vec<Self> {
        vec![Self {
            release: ReleaseRow::sample(),
            project_id: "1".into(),
            table: "asso_2026_06_30_01".into(),
            citation: "Noncello, dati anonimi dello strumento ASSO".into(),
            licence: "Uso per soli scopi scientifici".into(),
            sha256: "00ff".repeat(16),
            files: vec![
                FileView { name: "dati.parquet".into(), bytes: 120_000 },
                FileView { name: "codebook.html".into(), bytes: 9_000 },
            ],
        }]
    }
}

/// A release that may be used by whoever asks, in whatever way; any other is as absent.
pub(super) async fn own(research: &Research, account: uuid::Uuid, release: &str) -> Result<Release, Trouble> {
    let id: ReleaseId = id(release)?;
    research.workspace().release_for(account, &id, research.today()).await?.ok_or(Trouble::Missing)
}

/// The name of a release's table in SQL.
pub(super) fn table_name(release: &ReleaseId) -> String {
    release.to_string().replace('-', "_")
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Path(release): Path<String>,
) -> Result<Response, Trouble> {
    let release = own(&research, scholar.person.account, &release).await?;
    scholar.see(format!("/dati-ricerca/rilasci/{}", release.id)).await?;
    let page = ReleasePage {
        release: ReleaseRow::of(&release),
        project_id: release.project.to_string(),
        table: table_name(&release.id),
        citation: release.content.citation.clone(),
        licence: release.content.licence.clone(),
        sha256: release.content.sha256.clone(),
        files: files::list(&research.part(&release.id))?,
    };
    Ok(research.page(&scholar, Area::DatiRicerca, page).await)
}

pub(super) async fn file(
    State(research): State<Research>,
    scholar: Scholar,
    Path((release, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let release = own(&research, scholar.person.account, &release).await?;
    scholar.tell(ResearchAct::Download, &release.id, format!("file={name}")).await?;
    files::send(method, &headers, &research.part(&release.id), &name).await
}
