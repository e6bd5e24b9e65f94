//! The token of the session, for a page that was open before it began.
//!
//! A page whose session ran out keeps its answers; once somebody has logged in again in another window its script asks here for
//! the new token. Another site can neither read this nor, without it, write; another account's draft stays out of reach.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use crate::reply::Outcome;
use crate::visitor::OwnAccount;

pub(crate) async fn get(own: OwnAccount) -> Outcome {
    Ok(Json(json!({ "csrf": own.session.csrf() })).into_response())
}
