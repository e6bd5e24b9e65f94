//! The files that pages load, under a path that changes with their content.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use templates::{ASSETS, ASSETS_VERSION};

use crate::portal::Portal;
use crate::reply;
use crate::visitor::Visitor;

pub(crate) async fn get(
    State(portal): State<Portal>,
    headers: HeaderMap,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let known = path
        .ok()
        .and_then(|Path((version, name))| ASSETS.iter().find(|asset| asset.name == name && version == ASSETS_VERSION));
    match known {
        Some(asset) => {
            let headers = [(CONTENT_TYPE, asset.media_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, asset.bytes).into_response()
        }
        None => match Visitor::read(&portal, &headers).await {
            Ok(visitor) => reply::not_found(&visitor),
            Err(broken) => broken,
        },
    }
}
