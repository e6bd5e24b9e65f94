//! Extractions with names: those that are kept, a new one, one of them with its file.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, HeaderValue};
use axum::response::IntoResponse;
use chrono::Datelike;
use domain::instrument::Id;
use serde::Serialize;
use store::{IdentifiedExtraction, IdentifiedRequest, IdentifiedState, Refused, Right, StoreError};
use templates::{Area, Page};

use super::account_form::Choice;
use crate::extraction::{self, Format, Table};
use crate::form::{Field, Fields, Problem, Reading};
use crate::portal::Portal;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, ExtractIdentified, show_instant};

/// A reason is a sentence, not a letter.
const REASON_MAX: usize = 300;

/// Years back that can be chosen.
const YEARS: i32 = 15;

/// An extraction as pages show it.
#[derive(Clone, Debug, Serialize)]
struct View {
    id: String,
    path: String,
    asked_at: String,
    asked_by: Option<String>,
    strumento: String,
    years: String,
    /// Codes of `identified_table`.
    tables: Vec<String>,
    format: String,
    reason: String,
    /// A code of `extraction_state`.
    state: &'static str,
    /// A code of `identified_problem`.
    problem: Option<String>,
    read: u64,
    of: u64,
    /// By table, for those that are ready.
    rows: Vec<(String, u64)>,
    /// Of the file, in kibibytes.
    size: u64,
    until: String,
}

impl View {
    fn new(portal: &Portal, one: &IdentifiedExtraction) -> Self {
        let title = portal.instrument(one.request.instrument.as_str());
        Self::of(one, title.map_or_else(|| one.request.instrument.to_string(), |title| title.title.to_string()))
    }

    fn of(one: &IdentifiedExtraction, strumento: String) -> Self {
        let IdentifiedRequest { instrument: _, from, until, tables, format, reason } = &one.request;
        let mut view = Self {
            id: one.id.to_string(),
            path: path(one),
            asked_at: show_instant(one.asked_at),
            asked_by: one.asked_by.as_ref().map(|by| by.display_name.clone()),
            strumento,
            years: if from == until { from.to_string() } else { format!("{from}–{until}") },
            tables: tables.clone(),
            format: format.clone(),
            reason: reason.clone(),
            state: "running",
            problem: None,
            read: 0,
            of: 0,
            rows: Vec::new(),
            size: 0,
            until: show_instant(one.until),
        };
        match &one.state {
            IdentifiedState::Running { read, of } => (view.read, view.of) = (*read, *of),
            IdentifiedState::Interrupted => view.state = "interrupted",
            IdentifiedState::Failed { problem } => (view.state, view.problem) = ("failed", Some(problem.clone())),
            IdentifiedState::Ready { rows, bytes } => {
                view.state = "ready";
                view.rows = rows.iter().map(|(table, rows)| (table.clone(), *rows)).collect();
                view.size = bytes.div_ceil(1024);
            }
        }
        view
    }
}

fn path(one: &IdentifiedExtraction) -> String {
    format!("/estrazioni-con-nomi/{}", one.id)
}

#[derive(Serialize)]
pub(crate) struct IdentifiedList {
    extractions: Vec<View>,
}

impl Page for IdentifiedList {
    const TEMPLATE: &'static str = "pages/identified_list.html";

    fn samples() -> Vec<Self> {
        vec![Self { extractions: Vec::new() }, Self { extractions: samples() }]
    }
}

#[derive(Serialize)]
pub(crate) struct IdentifiedOne {
    extraction: View,
}

impl Page for IdentifiedOne {
    const TEMPLATE: &'static str = "pages/identified.html";

    fn samples() -> Vec<Self> {
        samples().into_iter().map(|extraction| Self { extraction }).collect()
    }
}

/// In every state.
fn samples() -> Vec<View> {
    let at = chrono::DateTime::UNIX_EPOCH;
    let rows = [("persone", 60), ("risposte", 120)].map(|(table, rows)| (table.to_owned(), rows)).into();
    let mut states = vec![
        IdentifiedState::Running { read: 0, of: 0 },
        IdentifiedState::Running { read: 40, of: 120 },
        IdentifiedState::Interrupted,
        IdentifiedState::Ready { rows, bytes: 48_213 },
    ];
    states
        .extend(extraction::Problem::ALL.map(|problem| IdentifiedState::Failed { problem: problem.code().to_owned() }));
    let formats = Format::ALL.into_iter().cycle();
    let all = states.into_iter().zip(formats).map(|(state, format)| IdentifiedExtraction {
        id: store::ExtractionId(uuid::Uuid::nil()),
        asked_by: None,
        asked_at: at,
        until: at,
        request: IdentifiedRequest {
            instrument: Id::parse("asso").expect("it is an id"),
            from: 2025,
            until: 2026,
            tables: Table::ALL.map(|table| table.code().to_owned()).into(),
            format: format.code().to_owned(),
            reason: "Verifica dei fascicoli".to_owned(),
        },
        state,
    });
    all.map(|one| View::of(&one, "ASSO".to_owned())).collect()
}

/// A table of the form.
#[derive(Clone, Debug, Serialize)]
struct TableChoice {
    code: &'static str,
    is_ticked: bool,
}

#[derive(Serialize)]
pub(crate) struct IdentifiedForm {
    problems: Vec<Problem>,
    strumento: Field,
    strumenti: Vec<Choice>,
    from: Field,
    until: Field,
    years: Vec<Choice>,
    tables: Vec<TableChoice>,
    tables_error: Option<&'static str>,
    format: Field,
    formats: [&'static str; 2],
    reason: Field,
    reason_max: usize,
    responsibility_error: Option<&'static str>,
}

impl Page for IdentifiedForm {
    const TEMPLATE: &'static str = "pages/identified_form.html";

    fn samples() -> Vec<Self> {
        let strumenti = vec![Choice::new("asso", "ASSO")];
        let empty = Fields::default();
        let mut wrong = Reading::new(&empty);
        wanted(&mut wrong, &strumenti, 2026);
        vec![
            Self::new(strumenti.clone(), 2026, &Reading::new(&blank("asso", 2026))),
            Self::new(strumenti, 2026, &wrong),
        ]
    }
}

impl IdentifiedForm {
    fn new(strumenti: Vec<Choice>, this_year: i32, reading: &Reading<'_>) -> Self {
        let error = |name| reading.field(name).error;
        let ticked: Vec<&str> = reading.fields().all("tabella").collect();
        Self {
            problems: reading.problems.clone(),
            strumento: reading.field("strumento"),
            strumenti,
            from: reading.field("dal"),
            until: reading.field("al"),
            years: (this_year - YEARS..=this_year).rev().map(|year| Choice::new(year, &year.to_string())).collect(),
            tables: Table::ALL
                .map(|table| TableChoice { code: table.code(), is_ticked: ticked.contains(&table.code()) })
                .into(),
            tables_error: error("tabella"),
            format: reading.field("formato"),
            formats: Format::ALL.map(Format::code),
            reason: reading.field("motivo"),
            reason_max: REASON_MAX,
            responsibility_error: error("responsabilita"),
        }
    }
}

/// What the form proposes.
fn blank(strumento: &str, year: i32) -> Fields {
    let year = year.to_string();
    let pairs = [("strumento", strumento), ("dal", &year), ("al", &year), ("formato", Format::Xlsx.code())];
    Fields::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

/// What is wanted, or what is wrong.
fn wanted(reading: &mut Reading<'_>, strumenti: &[Choice], this_year: i32) -> Option<IdentifiedRequest> {
    let strumento = reading.required("strumento", 40);
    let instrument = strumento.filter(|id| strumenti.iter().any(|one| one.code == *id));
    let instrument = instrument.and_then(|id| Id::parse(&id).ok());
    if instrument.is_none() {
        reading.refuse("strumento", "choice");
    }
    let mut year = |name| {
        let year = reading.fields().get(name).parse().ok();
        let year = year.filter(|year| (this_year - YEARS..=this_year).contains(year));
        if year.is_none() {
            reading.refuse(name, "choice");
        }
        year
    };
    let (from, until) = (year("dal"), year("al"));
    if from.zip(until).is_some_and(|(from, until)| from > until) {
        reading.refuse("al", "years_order");
    }
    let ticked: Vec<&str> = reading.fields().all("tabella").collect();
    if ticked.is_empty() {
        reading.refuse("tabella", "tables_empty");
    } else if ticked.iter().any(|code| Table::from_code(code).is_none()) {
        reading.refuse("tabella", "choice");
    }
    let format = reading.required_code("formato", Format::from_code);
    let reason = reading.text("motivo", REASON_MAX).filter(|reason| reason.chars().count() >= 3);
    if reason.is_none() {
        reading.refuse("motivo", "reason");
    }
    if reading.fields().get("responsabilita") != "1" {
        reading.refuse("responsabilita", "responsibility");
    }
    if !reading.is_fine() {
        return None;
    }
    let tables = Table::ALL.into_iter().map(Table::code).filter(|code| ticked.contains(code));
    Some(IdentifiedRequest {
        instrument: instrument?,
        from: from?,
        until: until?,
        tables: tables.map(ToOwned::to_owned).collect(),
        format: format?.code().to_owned(),
        // One line, as the audit shows it.
        reason: reason?.split_whitespace().collect::<Vec<_>>().join(" "),
    })
}

fn strumenti(portal: &Portal) -> Vec<Choice> {
    portal.instruments().map(|one| Choice::new(one.id.as_str(), one.title.as_str())).collect()
}

pub(crate) async fn list(desk: Desk<ExtractIdentified>) -> Outcome {
    let all = desk.store.identified_extractions(&desk.scope, desk.now).await?;
    let extractions = all.iter().map(|one| View::new(desk.portal(), one)).collect();
    Ok(desk.visitor.page(Area::EstrazioniConNomi, StatusCode::OK, &IdentifiedList { extractions }))
}

pub(crate) async fn form(desk: Desk<ExtractIdentified>) -> Outcome {
    let (strumenti, year) = (strumenti(desk.portal()), desk.today().year());
    let first = desk.portal().instruments().next().map(|one| one.id.to_string()).unwrap_or_default();
    let fields = blank(&first, year);
    let page = IdentifiedForm::new(strumenti, year, &Reading::new(&fields));
    Ok(desk.visitor.page(Area::EstrazioniConNomi, StatusCode::OK, &page))
}

pub(crate) async fn ask(desk: Desk<ExtractIdentified>, fields: Fields) -> Outcome {
    let (strumenti, year) = (strumenti(desk.portal()), desk.today().year());
    let mut reading = Reading::new(&fields);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(request) = wanted(&mut reading, &strumenti, year) {
        let portal = desk.portal();
        match desk.store.begin_identified(&desk.scope, request, desk.now, &mut portal.chance()).await {
            Ok(job) => {
                let scope = desk.session.scope(Right::SeeEnte)?;
                let unita = desk.store.unita(&scope).await?;
                let unita = unita.into_iter().map(|unita| (unita.id, unita.name)).collect();
                let path = format!("/estrazioni-con-nomi/{}", job.id());
                let ente = desk.session.ente_name().unwrap_or_default().to_owned();
                extraction::start(portal.clone(), ente, unita, job);
                return Ok(reply::see(&path));
            }
            Err(StoreError::Refused(Refused::ExtractionUnderWay)) => {
                reading.refuse("strumento", "extraction_busy");
                status = StatusCode::CONFLICT;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let page = IdentifiedForm::new(strumenti, year, &reading);
    Ok(desk.visitor.page(Area::EstrazioniConNomi, status, &page))
}

pub(crate) async fn one(desk: Desk<ExtractIdentified>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let one = desk.store.identified_extraction(&desk.scope, super::id(path)?, desk.now).await?;
    let extraction = View::new(desk.portal(), &one);
    Ok(desk.visitor.page(Area::EstrazioniConNomi, StatusCode::OK, &IdentifiedOne { extraction }))
}

pub(crate) async fn download(desk: Desk<ExtractIdentified>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let one = desk.store.identified_extraction(&desk.scope, super::id(path)?, desk.now).await?;
    if !matches!(one.state, IdentifiedState::Ready { .. }) {
        // It is under way, or will never be: its page says which.
        return Ok(reply::see(&self::path(&one)));
    }
    let bytes = desk.store.take_identified(&desk.scope, one.id, desk.now).await?;
    let (ending, media_type) = Format::from_code(&one.request.format).ok_or(Failure::Broken)?.file_type();
    let IdentifiedRequest { instrument, from, until, .. } = &one.request;
    let mark = &one.id.0.simple().to_string()[..8];
    let name = format!("estrazione-con-nomi-{instrument}-{from}-{until}-{mark}.{ending}");
    // Said to be as it is, so that nobody compresses what is compressed.
    let header = [(CONTENT_ENCODING, HeaderValue::from_static("identity"))];
    Ok((header, reply::file(&name, media_type, bytes)?).into_response())
}

pub(crate) async fn delete(desk: Desk<ExtractIdentified>, path: Result<Path<String>, PathRejection>) -> Outcome {
    desk.store.delete_identified(&desk.scope, super::id(path)?, desk.now).await?;
    Ok(reply::see("/estrazioni-con-nomi"))
}
