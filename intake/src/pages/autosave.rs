//! The form of a section as the page's script sends it: saved by the same handler, answered in JSON.
//!
//! With `auto` the page stays where it is, so what [`draft::save`] says with its status is all there is to tell: a redirect and
//! 422 mean saved (422: but something in it cannot be read, and the page that says so is had by sending the form), 409 not.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use serde_json::json;

use super::draft;
use crate::form::Fields;
use crate::reply::{Failure, Outcome};
use crate::visitor::{Assess, Desk, show_time};

pub(crate) async fn save(
    desk: Desk<Assess>,
    path: Result<Path<(String, String)>, PathRejection>,
    fields: Fields,
) -> Outcome {
    if fields.get("auto").is_empty() {
        return draft::save(desk, path, fields).await;
    }
    let saved_at = show_time(desk.now);
    let revision = fields.get("revision").parse::<i32>().ok().and_then(|revision| revision.checked_add(1));
    let saved = draft::save(desk, path, fields).await?;
    let status = saved.status();
    if status == StatusCode::CONFLICT {
        return Ok((StatusCode::CONFLICT, Json(json!({}))).into_response());
    }
    if status != StatusCode::SEE_OTHER && status != StatusCode::UNPROCESSABLE_ENTITY {
        return Ok(saved);
    }
    let revision = revision.ok_or(Failure::BadRequest)?;
    let to = saved.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    Ok(Json(json!({ "revision": revision, "saved_at": saved_at, "to": to })).into_response())
}
