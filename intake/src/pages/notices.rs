//! Privacy notice and accessibility page.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};

use crate::portal::Portal;
use crate::reply;

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

pub(crate) async fn privacy(State(portal): State<Portal>) -> Response {
    reply::page(&portal, Area::Other, StatusCode::OK, &Privacy {})
}

pub(crate) async fn accessibility(State(portal): State<Portal>) -> Response {
    reply::page(&portal, Area::Other, StatusCode::OK, &Accessibility {})
}
