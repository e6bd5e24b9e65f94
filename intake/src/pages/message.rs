//! The pages that say why there is no page.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::Page;

use crate::portal::Portal;
use crate::reply;

#[derive(Serialize)]
pub(crate) struct Message {
    pub(crate) kind: MessageKind,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageKind {
    NotFound,
    BadRequest,
    Broken,
}

impl Page for Message {
    const TEMPLATE: &'static str = "pages/message.html";

    fn samples() -> Vec<Self> {
        [MessageKind::NotFound, MessageKind::BadRequest, MessageKind::Broken].map(|kind| Self { kind }).into()
    }
}

pub(crate) async fn not_found(State(portal): State<Portal>) -> Response {
    reply::not_found(&portal)
}
