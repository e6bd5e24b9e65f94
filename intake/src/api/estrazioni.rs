//! Extractions with names: asked for with a reason, made in the background, taken as a file. For accounts that have the right
//! by name; whoever makes the token has just given the password.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::feed::UnitaId;
use domain::instrument::Id;
use serde::{Deserialize, Serialize};
use store::{AccountId, IdentifiedExtraction, IdentifiedRequest, IdentifiedState, Narrowing, TokenScope};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};
use uuid::Uuid;

use super::questionari::parsed;
use super::{Answer, Problem, Program, Sent, id};
use crate::extraction::{self, Format, Table};

/// What is to be taken out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEstrazione {
    #[schema(max_length = 32, example = "asso")]
    instrument: String,
    /// The first year of assessment.
    #[schema(minimum = 1950, maximum = 2100)]
    from: i32,
    /// The last.
    #[schema(minimum = 1950, maximum = 2100)]
    until: i32,
    #[schema(schema_with = tables)]
    tables: Vec<String>,
    #[schema(schema_with = formats)]
    format: String,
    /// What for: it stays in the Ente's audit, so it names nobody.
    #[schema(min_length = 3, max_length = 300)]
    reason: String,
    /// Only what this account made valid.
    operator: Option<Uuid>,
    unita: Option<Uuid>,
    /// A scale, of which `level` says the level reached.
    #[schema(max_length = 32)]
    scale: Option<String>,
    #[schema(max_length = 32)]
    level: Option<String>,
}

fn texts(of: impl Iterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(of)).build()
}

fn formats() -> Object {
    texts(Format::ALL.into_iter().map(Format::code))
}

fn tables() -> utoipa::openapi::schema::Array {
    ArrayBuilder::new()
        .items(texts(Table::ALL.into_iter().map(Table::code)))
        .min_items(Some(1))
        .max_items(Some(Table::ALL.len()))
        .build()
}

impl NewEstrazione {
    fn read(self, program: &Program) -> Result<IdentifiedRequest, Problem> {
        let refused = |detail: &str| Err(Problem::unprocessable("extraction", detail));
        let instrument: Id = parsed(&self.instrument)?;
        if program.portal.instrument(instrument.as_str()).is_none() {
            return refused("there is no such strumento");
        }
        if self.from > self.until || ![self.from, self.until].iter().all(|year| (1950..=2100).contains(year)) {
            return refused("years go from 1950 to 2100, the first before the last");
        }
        let tables: Vec<Table> =
            Table::ALL.into_iter().filter(|one| self.tables.iter().any(|t| t == one.code())).collect();
        if tables.is_empty() || tables.len() != self.tables.len() {
            return refused("name one table at least, each once, and none that is not there");
        }
        let Some(format) = Format::from_code(&self.format) else { return refused("there is no such format") };
        let reason = self.reason.split_whitespace().collect::<Vec<_>>().join(" ");
        if !(3..=300).contains(&reason.chars().count()) {
            return refused("a reason has 3 characters at least and 300 at most");
        }
        let level = match (self.scale, self.level) {
            (Some(scale), Some(level)) => Some((parsed(&scale)?, parsed(&level)?)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return refused("scale and level are asked for together"),
        };
        Ok(IdentifiedRequest {
            instrument,
            from: self.from,
            until: self.until,
            tables: tables.into_iter().map(|table| table.code().to_owned()).collect(),
            format: format.code().to_owned(),
            reason,
            only: Narrowing { operator: self.operator.map(AccountId), unita: self.unita.map(UnitaId), level },
        })
    }
}

/// What became of an extraction.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    /// It was being made when the program ended: ask again.
    Interrupted,
    Ready,
    Failed,
}

/// Rows of a table.
#[derive(Serialize, ToSchema)]
struct Rows {
    table: String,
    rows: u64,
}

/// An extraction.
#[derive(Serialize, ToSchema)]
pub(crate) struct Estrazione {
    id: Uuid,
    state: State,
    asked_at: DateTime<Utc>,
    asked_by: Option<String>,
    /// Until when it is kept.
    until: DateTime<Utc>,
    instrument: String,
    from_year: i32,
    until_year: i32,
    tables: Vec<String>,
    format: String,
    reason: String,
    /// Rows written, of a file under way.
    rows_done: Option<u64>,
    /// Rows to write, of a file under way.
    rows_of: Option<u64>,
    /// By table, once it is ready.
    rows: Vec<Rows>,
    /// Bytes of the file, once it is ready.
    bytes: Option<u64>,
    /// Why it failed: `too_large` or `broken`.
    problem: Option<String>,
}

impl Estrazione {
    fn of(one: IdentifiedExtraction) -> Self {
        let IdentifiedRequest { instrument, from, until, tables, format, reason, only: _ } = one.request;
        let mut view = Self {
            id: one.id.0,
            state: State::Running,
            asked_at: one.asked_at,
            asked_by: one.asked_by.map(|by| by.display_name),
            until: one.until,
            instrument: instrument.to_string(),
            from_year: from,
            until_year: until,
            tables,
            format,
            reason,
            rows_done: None,
            rows_of: None,
            rows: Vec::new(),
            bytes: None,
            problem: None,
        };
        match one.state {
            IdentifiedState::Running { read, of } => (view.rows_done, view.rows_of) = (Some(read), Some(of)),
            IdentifiedState::Interrupted => view.state = State::Interrupted,
            IdentifiedState::Failed { problem } => (view.state, view.problem) = (State::Failed, Some(problem)),
            IdentifiedState::Ready { rows, bytes } => {
                view.state = State::Ready;
                view.rows = rows.into_iter().map(|(table, rows)| Rows { table, rows }).collect();
                view.bytes = Some(bytes);
            }
        }
        view
    }
}

/// Extractions.
#[derive(Serialize, ToSchema)]
pub(crate) struct Estrazioni {
    estrazioni: Vec<Estrazione>,
}

/// The extractions with names of the Ente that are kept, the newest first
#[utoipa::path(
    get,
    operation_id = "list_estrazioni",
    path = "/api/v1/estrazioni",
    tag = "estrazioni",
    security(("token" = ["estrazioni:identified"])),
    responses((status = 200, description = "All of them.", body = Estrazioni), super::description::Refusals),
)]
pub(crate) async fn list(program: Program) -> Answer {
    let scope = program.scope(TokenScope::EstrazioniIdentified)?;
    let all = program.store.identified_extractions(&scope, program.now).await;
    let all = all.map_err(|error| Problem::of_store(&program.portal, error))?;
    Ok(Json(Estrazioni { estrazioni: all.into_iter().map(Estrazione::of).collect() }).into_response())
}

/// Asks for an extraction with names
///
/// Of the questionnaires that count, of the persone whom the account reaches. It is made in the background, one at a time in
/// an Ente; look at its address until it is ready.
#[utoipa::path(
    post,
    operation_id = "ask_estrazione",
    path = "/api/v1/estrazioni",
    tag = "estrazioni",
    security(("token" = ["estrazioni:identified"])),
    request_body = NewEstrazione,
    responses(
        (status = 202, description = "Under way.", body = super::questionari::Made, headers(("Location" = String, description = "Its address."))),
        super::description::Refusals,
        super::description::BodyRefusals,
        super::description::Conflicts,
    ),
)]
pub(crate) async fn ask(program: Program, Sent(body): Sent<NewEstrazione>) -> Answer {
    let scope = program.scope(TokenScope::EstrazioniIdentified)?;
    let request = body.read(&program)?;
    let portal = &program.portal;
    let job = program.store.begin_identified(&scope, request, program.now, &mut portal.chance()).await;
    let job = job.map_err(|error| Problem::of_store(portal, error))?;
    let id = job.id();
    extraction::start(portal.clone(), program.ente.name.clone(), job);
    let at = format!("/api/v1/estrazioni/{id}");
    Ok((StatusCode::ACCEPTED, [(LOCATION, at)], Json(super::questionari::Made { id: id.0 })).into_response())
}

/// An extraction with names: how far it is
#[utoipa::path(
    get,
    operation_id = "read_estrazione",
    path = "/api/v1/estrazioni/{extraction}",
    tag = "estrazioni",
    security(("token" = ["estrazioni:identified"])),
    params(("extraction" = Uuid, Path, description = "Its id.")),
    responses(
        (status = 200, description = "What became of it.", body = Estrazione),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn one(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    let scope = program.scope(TokenScope::EstrazioniIdentified)?;
    let one = program.store.identified_extraction(&scope, id(path)?, program.now).await;
    Ok(Json(Estrazione::of(one.map_err(|error| Problem::of_store(&program.portal, error))?)).into_response())
}

/// The file of an extraction with names
#[utoipa::path(
    get,
    operation_id = "read_estrazione_file",
    path = "/api/v1/estrazioni/{extraction}/file",
    tag = "estrazioni",
    security(("token" = ["estrazioni:identified"])),
    params(("extraction" = Uuid, Path, description = "Its id.")),
    responses(
        (status = 200, description = "An archive of CSV files, or a spreadsheet, with the codebook.", body = String, content_type = "application/octet-stream"),
        super::description::Refusals,
        super::description::Absent,
        super::description::Conflicts,
    ),
)]
pub(crate) async fn file(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    let scope = program.scope(TokenScope::EstrazioniIdentified)?;
    let failed = |error| Problem::of_store(&program.portal, error);
    let one = program.store.identified_extraction(&scope, id(path)?, program.now).await.map_err(failed)?;
    if !matches!(one.state, IdentifiedState::Ready { .. }) {
        return Err(Problem::new(StatusCode::CONFLICT, "not-ready", "there is no file: its address says why"));
    }
    let broken = || Problem::of_failure(&program.portal, crate::reply::Failure::Broken);
    let (name, _) = extraction::file_name(&one).ok_or_else(broken)?;
    let bytes = program.store.take_identified(&scope, one.id, program.now).await.map_err(failed)?;
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, bytes).into_response())
}

/// Deletes an extraction with names before its time
#[utoipa::path(
    delete,
    operation_id = "delete_estrazione",
    path = "/api/v1/estrazioni/{extraction}",
    tag = "estrazioni",
    security(("token" = ["estrazioni:identified"])),
    params(("extraction" = Uuid, Path, description = "Its id.")),
    responses(
        (status = 204, description = "Gone; one that was being made is no longer."),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn delete(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    let scope = program.scope(TokenScope::EstrazioniIdentified)?;
    let gone = program.store.delete_identified(&scope, id(path)?, program.now).await;
    gone.map_err(|error| Problem::of_store(&program.portal, error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
