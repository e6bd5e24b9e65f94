//! From a page, or a failure, to a response.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use rand::Rng;
use store::{Refused, StoreError};
use templates::{Area, POLICY_WITH_SCRIPTS, Page};

use crate::pages::message::{Message, MessageKind};
use crate::visitor::Visitor;

/// Why a handler has no page to give.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no such page: for a page that is absent, an id that makes no sense, and an id that is another Ente's.
    NotFound,
    /// What was sent makes no sense; our own forms never send it.
    BadRequest,
    /// A rule forbids it.
    Refused(Refused),
    /// Something of ours is broken, and is logged.
    Broken,
    /// The store said no, or failed.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else goes wrong in the store is the store's")]
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::NotFound,
            StoreError::Refused(refused) => Self::Refused(refused),
            other => Self::Store(other),
        }
    }
}

/// What a handler gives.
pub(crate) type Outcome = Result<Response, Failure>;

/// A page as a response. One that cannot be rendered is ours to mend: logged once, and answered with 500.
pub(crate) fn page<P: Page>(visitor: &Visitor, area: Area, status: StatusCode, page: &P) -> Response {
    match visitor.portal().renderer().render(page, &visitor.layout(area)) {
        Ok(html) if P::SCRIPTS.is_empty() => (status, Html(html)).into_response(),
        Ok(html) => (status, [(CONTENT_SECURITY_POLICY, POLICY_WITH_SCRIPTS)], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(template = error.template, source = %error.source, "page cannot be rendered");
            let message = Message { kind: MessageKind::Broken, number: None };
            let html = visitor.portal().renderer().render(&message, &visitor.layout(Area::Other)).unwrap_or_default();
            (StatusCode::INTERNAL_SERVER_ERROR, Html(html)).into_response()
        }
    }
}

fn message(visitor: &Visitor, status: StatusCode, kind: MessageKind) -> Response {
    page(visitor, Area::Other, status, &Message { kind, number: None })
}

/// The page that says that there is no such page.
pub(crate) fn not_found(visitor: &Visitor) -> Response {
    message(visitor, StatusCode::NOT_FOUND, MessageKind::NotFound)
}

/// The page that says that what was sent cannot be read.
pub(crate) fn bad_request(visitor: &Visitor) -> Response {
    message(visitor, StatusCode::BAD_REQUEST, MessageKind::BadRequest)
}

/// The page that says that the role does not open this.
pub(crate) fn forbidden(visitor: &Visitor) -> Response {
    message(visitor, StatusCode::FORBIDDEN, MessageKind::Forbidden)
}

/// The page that says that a form belongs to another session or another site.
pub(crate) fn stale(visitor: &Visitor) -> Response {
    message(visitor, StatusCode::FORBIDDEN, MessageKind::Stale)
}

/// The page that says that this installation has no accounts.
pub(crate) fn no_accounts(visitor: &Visitor) -> Response {
    message(visitor, StatusCode::NOT_FOUND, MessageKind::NoAccounts)
}

/// The page of the step that a session lacks.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other rule is about what is asked for, not about the session"
)]
pub(crate) fn step(refused: &Refused) -> Option<&'static str> {
    match refused {
        Refused::MustProveSecondFactor => Some("/secondo-fattore"),
        Refused::MustChangePassword => Some("/password"),
        Refused::MustEnrolSecondFactor => Some("/account/secondo-fattore"),
        _ => None,
    }
}

/// A table as a file to keep; its name is ours, never somebody's text.
pub(crate) fn csv<Line>(name: &'static str, head: &[&str], lines: impl IntoIterator<Item = Line>) -> Outcome
where
    Line: IntoIterator<Item = String>,
{
    let head = std::iter::once(head.iter().map(|&field| field.to_owned()).collect());
    let lines = lines.into_iter().map(|line| line.into_iter().collect::<Vec<String>>());
    file(name, "text/csv; charset=utf-8", tabular::csv(head.chain(lines)).into_bytes())
}

/// A file to keep.
pub(crate) fn file(name: &str, media_type: &'static str, bytes: Vec<u8>) -> Outcome {
    let disposition =
        HeaderValue::try_from(format!("attachment; filename=\"{name}\"")).map_err(|_| Failure::BadRequest)?;
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(media_type)), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, bytes).into_response())
}

/// To the login page, which says why.
pub(crate) fn to_login() -> Response {
    Redirect::to("/accesso?motivo=scaduta").into_response()
}

/// To a page of ours, after something was done.
pub(crate) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// What a failure looks like. What is ours to mend is logged here, once, under a number that the page shows.
#[expect(clippy::wildcard_enum_match_arm, reason = "a rule that no page explains has one answer, whichever it is")]
pub(crate) fn failure(visitor: &Visitor, failure: &Failure) -> Response {
    match failure {
        Failure::NotFound | Failure::Store(StoreError::NotFound(_)) => not_found(visitor),
        Failure::BadRequest => bad_request(visitor),
        Failure::Broken => message(visitor, StatusCode::INTERNAL_SERVER_ERROR, MessageKind::Broken),
        Failure::Refused(refused) | Failure::Store(StoreError::Refused(refused)) => match refused {
            Refused::NoSession => to_login(),
            Refused::NotAllowed(_) | Refused::NeedsAccount => forbidden(visitor),
            Refused::NoAgreement => message(visitor, StatusCode::FORBIDDEN, MessageKind::NoAgreement),
            other if let Some(path) = step(other) => see(path),
            other => {
                tracing::info!(refused = %other, "a request was refused by a rule that its page does not explain");
                message(visitor, StatusCode::UNPROCESSABLE_ENTITY, MessageKind::BadRequest)
            }
        },
        Failure::Store(StoreError::KeysRenewed) => {
            let again = message(visitor, StatusCode::SERVICE_UNAVAILABLE, MessageKind::Again);
            ([(RETRY_AFTER, HeaderValue::from_static("1"))], again).into_response()
        }
        Failure::Store(error) => {
            let number = format!("{:08x}", visitor.portal().chance().next_u32());
            tracing::error!(number, error = %error, source = ?std::error::Error::source(error), "a page failed");
            let broken = Message { kind: MessageKind::Broken, number: Some(number) };
            page(visitor, Area::Other, StatusCode::INTERNAL_SERVER_ERROR, &broken)
        }
    }
}
