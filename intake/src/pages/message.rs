//! The pages that say why there is no page.

use axum::response::Response;
use serde::Serialize;
use templates::Page;

use crate::reply;
use crate::visitor::Visitor;

#[derive(Serialize)]
pub(crate) struct Message {
    pub(crate) kind: MessageKind,
    /// To quote when asking for help.
    pub(crate) number: Option<String>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageKind {
    NotFound,
    BadRequest,
    Forbidden,
    NoAgreement,
    Stale,
    NoAccounts,
    Again,
    Broken,
}

impl Page for Message {
    const TEMPLATE: &'static str = "pages/message.html";

    fn samples() -> Vec<Self> {
        let kinds = [
            MessageKind::NotFound,
            MessageKind::BadRequest,
            MessageKind::Forbidden,
            MessageKind::NoAgreement,
            MessageKind::Stale,
            MessageKind::NoAccounts,
            MessageKind::Again,
            MessageKind::Broken,
        ];
        let plain = kinds.map(|kind| Self { kind, number: None });
        plain.into_iter().chain([Self { kind: MessageKind::Broken, number: Some("0a1b2c3d".to_owned()) }]).collect()
    }
}

pub(crate) async fn not_found(visitor: Visitor) -> Response {
    reply::not_found(&visitor)
}
