//! Errors as programs read them: RFC 9457, with a code that stays.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::instrument::Id;
use rand::Rng;
use serde::Serialize;
use store::{Refused, StoreError};
use utoipa::ToSchema;

use crate::form;
use crate::portal::Portal;
use crate::reply::Failure;

/// Why a request got no answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    r#type: ProblemType,
    /// The phrase of the status.
    title: &'static str,
    /// The status of the response.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Which problem it is. Codes keep their meaning within a version of the API.
    code: &'static str,
    /// What is wrong, for the programmer.
    detail: String,
    /// What is wrong with which field, by the codes that the portal's own forms use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    fields: Vec<FieldProblem>,
    /// The rules of the definition that fire.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    rules: Vec<String>,
    /// A number to quote when something of ours is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    #[serde(skip)]
    retry_after_seconds: Option<u16>,
}

/// The type of every problem: `code` says which one it is.
#[derive(Debug, Serialize, ToSchema)]
enum ProblemType {
    #[serde(rename = "about:blank")]
    AboutBlank,
}

/// What is wrong with a field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// Its name on the portal's form.
    field: &'static str,
    /// What is wrong with it.
    code: &'static str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            r#type: ProblemType::AboutBlank,
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            fields: Vec::new(),
            rules: Vec::new(),
            number: None,
            retry_after_seconds: None,
        }
    }

    /// For what is absent, and for what is another Ente's or out of reach.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is no such thing, or it is not yours")
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// Others are being served: the same request a moment later is answered.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self { retry_after_seconds: Some(5), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail) }
    }

    /// What was sent can be read and breaks a rule.
    pub(crate) fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// What the portal's own form would say.
    pub(crate) fn of_form(problems: &[form::Problem]) -> Self {
        let fields = problems.iter().map(|problem| FieldProblem { field: problem.name, code: problem.code });
        Self { fields: fields.collect(), ..Self::unprocessable("fields", "some fields are not as they must be") }
    }

    /// What the store gave instead of an answer. What is ours to mend is logged here, once, under a number.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else goes wrong in the store is ours to mend")]
    pub(crate) fn of_store(portal: &Portal, error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::not_found(),
            StoreError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", error.to_string()),
            StoreError::Refused(refused) => Self::of_refusal(&refused, portal.now()),
            StoreError::KeysRenewed => Self {
                retry_after_seconds: Some(1),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "again", error.to_string())
            },
            other => {
                let number = portal.chance().next_u32();
                tracing::error!(number, error = %other, source = ?std::error::Error::source(&other), "a request of a program failed");
                Self { number: Some(number), ..Self::broken() }
            }
        }
    }

    /// What a page's code gave instead of an answer.
    pub(crate) fn of_failure(portal: &Portal, failure: Failure) -> Self {
        match failure {
            Failure::NotFound => Self::not_found(),
            Failure::BadRequest => Self::bad_request("this cannot be read"),
            Failure::Refused(refused) => Self::of_refusal(&refused, portal.now()),
            Failure::Broken => Self::broken(),
            Failure::Store(error) => Self::of_store(portal, error),
        }
    }

    fn broken() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", "something of ours is broken")
    }

    /// The rule that forbids. Rules speak of no persona.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rules about accounts, Enti and sessions are asked of no program"
    )]
    pub(crate) fn of_refusal(refused: &Refused, now: DateTime<Utc>) -> Self {
        let as_texts = |ids: &[Id]| ids.iter().map(ToString::to_string).collect();
        let (status, code) = match refused {
            Refused::NoToken | Refused::NoSession => (StatusCode::UNAUTHORIZED, "no-token"),
            Refused::Throttled { .. } => (StatusCode::TOO_MANY_REQUESTS, "throttled"),
            Refused::NotInScope(_) => (StatusCode::FORBIDDEN, "not-in-scope"),
            Refused::NotAllowed(_) | Refused::NeedsAccount => (StatusCode::FORBIDDEN, "not-allowed"),
            Refused::NoAgreement => (StatusCode::FORBIDDEN, "no-agreement"),
            Refused::IdentifierTaken => (StatusCode::CONFLICT, "identifier-taken"),
            Refused::Restricted => (StatusCode::CONFLICT, "restricted"),
            Refused::Merged => (StatusCode::CONFLICT, "merged"),
            Refused::Superseded => (StatusCode::CONFLICT, "superseded"),
            Refused::Annulled => (StatusCode::CONFLICT, "annulled"),
            Refused::Inconsistent(_) => (StatusCode::UNPROCESSABLE_ENTITY, "inconsistent"),
            Refused::Unchecked(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unchecked"),
            Refused::Evaluation => (StatusCode::UNPROCESSABLE_ENTITY, "evaluation"),
            Refused::ReasonMissing => (StatusCode::UNPROCESSABLE_ENTITY, "reason-missing"),
            Refused::Azione => (StatusCode::UNPROCESSABLE_ENTITY, "azione"),
            Refused::RequestReused => (StatusCode::UNPROCESSABLE_ENTITY, "key-reused"),
            Refused::ExtractionUnderWay => (StatusCode::CONFLICT, "extraction-under-way"),
            Refused::OtherDefinition => (StatusCode::UNPROCESSABLE_ENTITY, "other-definition"),
            Refused::Sheet(_) => (StatusCode::UNPROCESSABLE_ENTITY, "answers"),
            Refused::AssessedOn => (StatusCode::UNPROCESSABLE_ENTITY, "assessed-on"),
            Refused::TextForm(_) => (StatusCode::UNPROCESSABLE_ENTITY, "text"),
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
        };
        let problem = Self::new(status, code, refused.to_string());
        match refused {
            Refused::Inconsistent(rules) | Refused::Unchecked(rules) => Self { rules: as_texts(rules), ..problem },
            Refused::Throttled { until } => {
                let seconds = (*until - now).num_seconds().max(0).saturating_add(1);
                Self { retry_after_seconds: Some(u16::try_from(seconds).unwrap_or(u16::MAX)), ..problem }
            }
            _ => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
