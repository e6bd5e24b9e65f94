//! Files of releases as they leave: whole or by ranges, so that DuckDB and pyarrow read over HTTP what they need of them.
//!
//! Which file somebody may have is decided by whoever calls; a name is looked up among those of the folder.

use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::{Trouble, is_plain_name};
use crate::pages::NO_STORE;

/// A file that may be taken.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FileView {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// The files of a folder, by name; the table first.
pub(super) fn list(folder: &Path) -> Result<Vec<FileView>, Trouble> {
    let read = std::fs::read_dir(folder).and_then(|entries| {
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_file() && is_plain_name(&name) {
                files.push(FileView { name, bytes: entry.metadata()?.len() });
            }
        }
        Ok(files)
    });
    let mut files = read.map_err(|error| Trouble::broken("the folder of a release cannot be listed", &error))?;
    files.sort_by_key(|file| (!file.name.starts_with("dati"), file.name.clone()));
    Ok(files)
}

/// Its media type, by the end of its name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("parquet") => "application/vnd.apache.parquet",
        Some("csv") => "text/csv; charset=utf-8",
        Some("json" | "jsonld") => "application/json",
        Some("xml") => "application/xml",
        Some("ttl") => "text/turtle; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}

/// Sends a file of a folder, or the ranges of it that are asked for. It is a download: nothing of it is shown as a page of ours.
pub(super) async fn send(method: Method, headers: &HeaderMap, folder: &Path, name: &str) -> Result<Response, Trouble> {
    let path = folder.join(name);
    if !is_plain_name(name) || !path.is_file() {
        return Err(Trouble::Missing);
    }
    let mut request = Request::builder().method(method).uri("/");
    for asked in [header::RANGE, header::IF_RANGE, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE] {
        if let Some(value) = headers.get(&asked) {
            request = request.header(asked, value);
        }
    }
    let request = request.body(Body::empty()).map_err(|error| Trouble::broken("a range", &error))?;
    let sent = ServeFile::new(&path).oneshot(request).await;
    let mut response = sent.into_response().map(Body::new);
    if response.status() == StatusCode::NOT_FOUND {
        return Err(Trouble::Missing);
    }
    let headers = response.headers_mut();
    let disposition = format!("attachment; filename=\"{name}\"");
    for (name, value) in [
        (header::CONTENT_TYPE, media_type(name)),
        (header::CONTENT_DISPOSITION, disposition.as_str()),
        (NO_STORE.0, NO_STORE.1),
    ] {
        let value = value.parse().map_err(|error: header::InvalidHeaderValue| Trouble::broken("a header", &error))?;
        headers.insert(name, value);
    }
    Ok(response)
}
