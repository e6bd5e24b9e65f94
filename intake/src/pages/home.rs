//! What the platform is.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};

use super::view::{self, InstrumentHead};
use crate::reply;
use crate::visitor::Visitor;

#[derive(Serialize)]
pub(crate) struct Home {
    instruments: Vec<InstrumentHead>,
}

impl Page for Home {
    const TEMPLATE: &'static str = "pages/home.html";

    fn samples() -> Vec<Self> {
        vec![Self { instruments: Vec::new() }, Self { instruments: view::sample_heads() }]
    }
}

pub(crate) async fn get(visitor: Visitor) -> Response {
    let instruments = visitor.portal().instruments().map(InstrumentHead::new).collect();
    reply::page(&visitor, Area::Home, StatusCode::OK, &Home { instruments })
}
