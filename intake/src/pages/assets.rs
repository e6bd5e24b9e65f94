//! The files that pages load, under a path that changes with their content.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use templates::{ASSETS, ASSETS_VERSION};

use crate::portal::Portal;
use crate::reply;

pub(crate) async fn get(State(portal): State<Portal>, path: Result<Path<(String, String)>, PathRejection>) -> Response {
    let Ok(Path((version, name))) = path else { return reply::not_found(&portal) };
    match ASSETS.iter().find(|asset| asset.name == name && version == ASSETS_VERSION) {
        Some(asset) => {
            let headers = [(CONTENT_TYPE, asset.media_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, asset.bytes).into_response()
        }
        None => reply::not_found(&portal),
    }
}
