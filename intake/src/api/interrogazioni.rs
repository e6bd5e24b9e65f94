//! Questions in SQL about what is published of the Ente. The portal links no query engine: whoever composes the program gives an
//! [`Answerer`], and where there is none, there is no such thing here. It writes what becomes of a question to the audit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use store::{EnteScope, TokenScope};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::{Answer, Problem, Program, Sent};
use crate::reply::Failure;

/// What an answer can be taken as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFormat {
    /// A list of objects.
    Json,
    /// For spreadsheets: semicolons, decimal commas, no formula.
    Csv,
    /// A Parquet file.
    Parquet,
    /// An Arrow stream.
    Arrow,
}

impl AnswerFormat {
    /// All.
    pub const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Parquet, Self::Arrow];

    /// Its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Its media type, without parameters.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.code() == code)
    }

    /// The first that a list of media types accepts.
    fn accepted(list: &str) -> Option<Self> {
        list.split(',').find_map(|one| {
            let essence = one.split(';').next().unwrap_or_default().trim();
            let known = Self::ALL.into_iter().find(|format| essence.eq_ignore_ascii_case(format.media_type()));
            known.or_else(|| ["*/*", "application/*"].contains(&essence).then_some(Self::Json))
        })
    }
}

/// A question, by somebody who may ask it.
#[derive(Debug)]
pub struct Question {
    /// Of which Ente, and in whose name: it lends the right to ask and no other.
    pub scope: EnteScope,
    /// One SELECT.
    pub sql: String,
    /// How the answer is wanted.
    pub format: AnswerFormat,
}

/// Why a question has no answer; each says so in English, for programmers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It is none that is answered.
    Refused(String),
    /// Too late, too large, too much memory: by a code of the API.
    TooMuch(&'static str, String),
    /// Others are being answered.
    Busy(String),
    /// Nothing of the Ente is published.
    Unpublished(String),
    /// Ours, and logged already.
    Broken,
}

/// An answer on its way: the bytes of a file.
pub type Answering = Pin<Box<dyn Future<Output = Result<Vec<u8>, NoAnswer>> + Send>>;

/// Answers questions.
pub type Answerer = Arc<dyn Fn(Question) -> Answering + Send + Sync>;

/// A question in SQL.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInterrogazione {
    /// One SELECT over the Ente's tables, by their names.
    #[schema(min_length = 1, max_length = 20_000, example = "select period, instrument, people from mart_totals")]
    sql: String,
    /// How the answer is wanted; left out, `Accept` says so, and without a wish there it is JSON.
    #[serde(default)]
    #[schema(schema_with = formats, required = false)]
    format: Option<String>,
}

fn formats() -> Object {
    let codes = AnswerFormat::ALL.into_iter().map(AnswerFormat::code);
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(codes)).build()
}

/// What is wanted, by the body or by `Accept`.
fn wanted(format: Option<&str>, headers: &HeaderMap) -> Result<AnswerFormat, Problem> {
    let codes = || AnswerFormat::ALL.map(AnswerFormat::code).join(", ");
    if let Some(code) = format {
        let known = AnswerFormat::from_code(code);
        return known.ok_or_else(|| Problem::unprocessable("format", format!("an answer comes as {}", codes())));
    }
    let lists: Vec<&str> = headers.get_all(ACCEPT).iter().flat_map(|value| value.to_str()).collect();
    if lists.is_empty() {
        return Ok(AnswerFormat::Json);
    }
    AnswerFormat::accepted(&lists.join(",")).ok_or_else(|| {
        let detail = format!("an answer comes as {}: say which in Accept, or in the body", codes());
        Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", detail)
    })
}

/// Asks one question in SQL about the Ente's published data
///
/// The tables are those of the page for people, without names of persone; figures are not protected, so an answer is personal data.
/// At most 100,000 rows and 64 MiB, within 15 seconds, one question of an Ente at a time.
#[utoipa::path(
    post,
    operation_id = "ask_interrogazione",
    path = "/api/v1/interrogazioni",
    tag = "interrogazioni",
    security(("token" = ["interrogazioni:ask"])),
    request_body = NewInterrogazione,
    responses(
        (status = 200, description = "The rows.", content(
            (Vec<Object> = "application/json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.parquet"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        super::description::Refusals,
        super::description::BodyRefusals,
        super::description::Absent,
        (status = 406, description = "`Accept` names no format that there is.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Other questions are being answered: `Retry-After` says when to come back.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn ask(program: Program, headers: HeaderMap, Sent(body): Sent<NewInterrogazione>) -> Answer {
    let scope = program.scope(TokenScope::InterrogazioniAsk)?;
    let format = wanted(body.format.as_deref(), &headers)?;
    let answerer = program.portal.answerer().ok_or_else(Problem::not_found)?;
    match answerer(Question { scope, sql: body.sql, format }).await {
        Ok(bytes) => Ok(([(CONTENT_TYPE, format.media_type())], bytes).into_response()),
        Err(NoAnswer::Refused(reason)) => Err(Problem::unprocessable("sql", reason)),
        Err(NoAnswer::TooMuch(code, detail)) => Err(Problem::unprocessable(code, detail)),
        Err(NoAnswer::Busy(detail)) => Err(Problem::busy(detail)),
        Err(NoAnswer::Unpublished(detail)) => Err(Problem::new(StatusCode::NOT_FOUND, "not-published", detail)),
        Err(NoAnswer::Broken) => Err(Problem::of_failure(&program.portal, Failure::Broken)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_type_that_there_is_is_given() {
        let check = |list: &str, expected| assert_eq!(AnswerFormat::accepted(list), expected, "{list}");
        check("*/*", Some(AnswerFormat::Json));
        check("text/csv", Some(AnswerFormat::Csv));
        check("image/png, TEXT/CSV;q=0.5, */*", Some(AnswerFormat::Csv));
        check("application/vnd.apache.arrow.stream;q=1", Some(AnswerFormat::Arrow));
        check("application/vnd.apache.parquet,application/json", Some(AnswerFormat::Parquet));
        check("text/html", None);
        check("", None);
    }
}
