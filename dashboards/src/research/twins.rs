//! Synthetic twins, for anybody: tables about nobody, with the columns of a published release.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Layout, Page};
use workspace::{Content, ReleaseId};

use super::files::{self, FileView};
use super::{Research, Trouble, id};
use crate::pages::render;

/// The twin of a release.
#[derive(Clone, Debug, Serialize)]
struct Twin {
    id: String,
    rows: u64,
    files: Vec<FileView>,
}

#[derive(Serialize)]
pub(crate) struct TwinsPage {
    twins: Vec<Twin>,
}

impl Page for TwinsPage {
    const TEMPLATE: &'static str = "pages/twins.html";

    fn samples() -> Vec<Self> {
        let twin = Twin {
            id: "asso-2026-06-30-01".into(),
            rows: 1_804,
            files: vec![FileView { name: "gemello.parquet".into(), bytes: 90_000 }],
        };
        vec![Self { twins: Vec::new() }, Self { twins: vec![twin] }]
    }
}

/// The releases that were ever published: a twin says nothing of anybody, and stays when its release is withdrawn.
async fn published(research: &Research) -> Result<Vec<(ReleaseId, u64)>, Trouble> {
    let entries = research.workspace().register().await?;
    let published = entries.into_iter().filter_map(|entry| match entry.content {
        Content::Published(release) => Some((entry.release, release.rows)),
        Content::Withdrawn { .. } => None,
    });
    Ok(published.collect())
}

fn folder(research: &Research, release: &ReleaseId) -> std::path::PathBuf {
    research.shared.config.twins.join(release.to_string())
}

pub(super) async fn get(State(research): State<Research>) -> Result<Response, Trouble> {
    let mut twins = Vec::new();
    for (release, rows) in published(&research).await?.into_iter().rev() {
        let folder = folder(&research, &release);
        if folder.is_dir() {
            twins.push(Twin { id: release.to_string(), rows, files: files::list(&folder)? });
        }
    }
    let layout = Layout {
        is_demonstration: research.shared.config.is_demonstration,
        area: Area::Other,
        has_accounts: true,
        user: None,
    };
    Ok(render(&research.shared.renderer, layout, Area::Other, move || TwinsPage { twins }).await)
}

pub(super) async fn file(
    State(research): State<Research>,
    Path((release, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let release: ReleaseId = id(&release)?;
    if !published(&research).await?.iter().any(|(known, _)| *known == release) {
        return Err(Trouble::Missing);
    }
    files::send(method, &headers, &folder(&research, &release), &name).await
}
