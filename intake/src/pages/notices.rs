//! Privacy notice and accessibility page.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};

use crate::reply;
use crate::visitor::Visitor;

#[derive(Serialize)]
pub(crate) struct Privacy {}

impl Page for Privacy {
    const TEMPLATE: &'static str = "pages/privacy.html";

    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

#[derive(Serialize)]
pub(crate) struct Accessibility {}

impl Page for Accessibility {
    const TEMPLATE: &'static str = "pages/accessibility.html";

    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

pub(crate) async fn privacy(visitor: Visitor) -> Response {
    reply::page(&visitor, Area::Other, StatusCode::OK, &Privacy {})
}

pub(crate) async fn accessibility(visitor: Visitor) -> Response {
    reply::page(&visitor, Area::Other, StatusCode::OK, &Accessibility {})
}
