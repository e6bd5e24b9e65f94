//! From a page, or a failure, to a response.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use templates::{Area, Page};

use crate::pages::message::{Message, MessageKind};
use crate::portal::Portal;

/// A page as a response. One that cannot be rendered is ours to mend: logged once, and answered with 500.
pub(crate) fn page<P: Page>(portal: &Portal, area: Area, status: StatusCode, page: &P) -> Response {
    match portal.renderer().render(page, &portal.layout(area)) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(template = error.template, source = %error.source, "page cannot be rendered");
            let message = Message { kind: MessageKind::Broken };
            let html = portal.renderer().render(&message, &portal.layout(Area::Other)).unwrap_or_default();
            (StatusCode::INTERNAL_SERVER_ERROR, Html(html)).into_response()
        }
    }
}

/// The page that says that there is no such page.
pub(crate) fn not_found(portal: &Portal) -> Response {
    page(portal, Area::Other, StatusCode::NOT_FOUND, &Message { kind: MessageKind::NotFound })
}

/// The page that says that what was sent cannot be read.
pub(crate) fn bad_request(portal: &Portal) -> Response {
    page(portal, Area::Other, StatusCode::BAD_REQUEST, &Message { kind: MessageKind::BadRequest })
}
