//! Extractions with names: those that are kept, a new one, one of them with its file.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, HeaderValue};
use axum::response::IntoResponse;
use chrono::{Datelike, NaiveDate};
use domain::feed::UnitaId;
use domain::instrument::Id;
use serde::{Deserialize, Serialize};
use store::{
    AccountId, HistoryFilter, IdentifiedExtraction, IdentifiedRequest, IdentifiedState, Narrowing, Refused, Right,
    StoreError,
};
use templates::{Area, Page};

use super::account_form::Choice;
use super::questionari::{ScaleChoice, read_level};
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
    /// Who made them valid, the unità and the level, where these are asked for.
    only: Vec<(&'static str, String)>,
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
        let strumento = title.map_or_else(|| one.request.instrument.to_string(), |title| title.title.to_string());
        let level = one
            .request
            .only
            .level
            .as_ref()
            .map(|(scale, level)| extraction::level_title(portal.versions(&one.request.instrument), scale, level));
        Self::of(one, strumento, level)
    }

    fn of(one: &IdentifiedExtraction, strumento: String, level: Option<String>) -> Self {
        let IdentifiedRequest { instrument: _, from, until, tables, format, reason, only: _ } = &one.request;
        let operator = one.operator.as_ref().map(|operator| operator.display_name.clone());
        let only = [("operatore", operator), ("unita", one.unita.clone()), ("livello", level)];
        let mut view = Self {
            id: one.id.to_string(),
            path: path(one),
            asked_at: show_instant(one.asked_at),
            asked_by: one.asked_by.as_ref().map(|by| by.display_name.clone()),
            strumento,
            only: only.into_iter().filter_map(|(what, which)| Some((what, which?))).collect(),
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
        operator: None,
        unita: Some("Sportello".to_owned()),
        asked_at: at,
        until: at,
        request: IdentifiedRequest {
            instrument: Id::parse("asso").expect("it is an id"),
            from: 2025,
            until: 2026,
            tables: Table::ALL.map(|table| table.code().to_owned()).into(),
            format: format.code().to_owned(),
            reason: "Verifica dei fascicoli".to_owned(),
            only: Narrowing::default(),
        },
        state,
    });
    all.map(|one| View::of(&one, "ASSO".to_owned(), None)).collect()
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
    /// Who made them valid, where one operator's are asked for.
    operator: Option<Choice>,
    unita: Field,
    units: Vec<Choice>,
    level: Field,
    scales: Vec<ScaleChoice>,
    tables: Vec<TableChoice>,
    tables_error: Option<&'static str>,
    format: Field,
    formats: [&'static str; 2],
    reason: Field,
    reason_max: usize,
    responsibility_error: Option<&'static str>,
}

/// What there is to choose from.
struct Offer {
    strumenti: Vec<Choice>,
    this_year: i32,
    operator: Option<Choice>,
    units: Vec<Choice>,
    scales: Vec<ScaleChoice>,
}

impl Offer {
    /// With the operator whom the form is about, if it is about one whom one may see.
    async fn new(desk: &Desk<ExtractIdentified>, operator: &str) -> Result<Self, Failure> {
        let portal = desk.portal();
        let operator = match operator {
            "" => None,
            id => {
                let id: AccountId = id.parse().map_err(|_| Failure::NotFound)?;
                let name = if id == desk.session.account() {
                    desk.session.display_name().to_owned()
                } else {
                    desk.store.account(&desk.session.scope(Right::ManageAccounts)?, id).await?.display_name
                };
                Some(Choice::new(id, &name))
            }
        };
        let units = desk.store.unita(&desk.session.scope(Right::SeeEnte)?).await?;
        Ok(Self {
            strumenti: portal.instruments().map(|one| Choice::new(one.id.as_str(), one.title.as_str())).collect(),
            this_year: desk.today().year(),
            operator,
            units: units.into_iter().map(|unita| Choice::new(unita.id, &unita.name)).collect(),
            scales: ScaleChoice::all(portal),
        })
    }
}

impl Page for IdentifiedForm {
    const TEMPLATE: &'static str = "pages/identified_form.html";

    fn samples() -> Vec<Self> {
        let offer = |operator| Offer {
            strumenti: vec![Choice::new("asso", "ASSO")],
            this_year: 2026,
            operator,
            units: vec![Choice::new("a", "A")],
            scales: ScaleChoice::samples(),
        };
        let empty = Fields::default();
        let mut wrong = Reading::new(&empty);
        wanted(&mut wrong, &offer(None));
        wrong.refuse("unita", "choice");
        wrong.refuse("livello", "choice");
        let whose = Some(Choice::new("1", "Anna Prova"));
        let fields = proposed(&Begin::default(), &offer(None));
        vec![Self::new(offer(whose), &Reading::new(&fields)), Self::new(offer(None), &wrong)]
    }
}

impl IdentifiedForm {
    fn new(offer: Offer, reading: &Reading<'_>) -> Self {
        let error = |name| reading.field(name).error;
        let ticked: Vec<&str> = reading.fields().all("tabella").collect();
        let Offer { strumenti, this_year, operator, units, scales } = offer;
        Self {
            problems: reading.problems.clone(),
            strumento: reading.field("strumento"),
            strumenti,
            from: reading.field("dal"),
            until: reading.field("al"),
            years: (this_year - YEARS..=this_year).rev().map(|year| Choice::new(year, &year.to_string())).collect(),
            operator,
            unita: reading.field("unita"),
            units,
            level: reading.field("livello"),
            scales,
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

/// What the form proposes: what a list asked for, else this year of the first strumento.
fn proposed(begin: &Begin, offer: &Offer) -> Fields {
    let Begin { strumento, dal, al, unita, livello, operatore } = begin;
    let is_of_a_list = [strumento, dal, al, unita, livello, operatore].iter().any(|asked| asked.is_some());
    let first_year = if is_of_a_list { offer.this_year - YEARS } else { offer.this_year };
    let given = |asked: &Option<String>, otherwise: String| asked.clone().unwrap_or(otherwise);
    let first = offer.strumenti.first().map(|one| one.code.clone()).unwrap_or_default();
    let pairs = [
        ("strumento", given(strumento, first)),
        ("dal", given(dal, first_year.to_string())),
        ("al", given(al, offer.this_year.to_string())),
        ("unita", given(unita, String::new())),
        ("livello", given(livello, String::new())),
        ("formato", Format::Xlsx.code().to_owned()),
    ];
    Fields::new(pairs.map(|(name, value)| (name.to_owned(), value)).into())
}

/// What is wanted, or what is wrong.
fn wanted(reading: &mut Reading<'_>, offer: &Offer) -> Option<IdentifiedRequest> {
    let this_year = offer.this_year;
    let strumento = reading.required("strumento", 40);
    let instrument = strumento.filter(|id| offer.strumenti.iter().any(|one| one.code == *id));
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
    let unita = reading.fields().get("unita").to_owned();
    if !unita.is_empty() && offer.units.iter().all(|one| one.code != unita) {
        reading.refuse("unita", "choice");
    }
    let level = reading.fields().get("livello").to_owned();
    let chosen = read_level(&level).filter(|(of, ..)| Some(of) == instrument.as_ref());
    if !level.is_empty() && chosen.is_none() {
        reading.refuse("livello", "level_of_other");
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
        only: Narrowing {
            operator: offer.operator.as_ref().and_then(|one| one.code.parse().ok()),
            unita: unita.parse().ok().map(UnitaId),
            level: chosen.map(|(_, scale, level)| (scale, level)),
        },
    })
}

/// What a list of questionnaires asks for, as the form begins with it.
#[derive(Default, Deserialize)]
pub(crate) struct Begin {
    strumento: Option<String>,
    dal: Option<String>,
    al: Option<String>,
    unita: Option<String>,
    livello: Option<String>,
    operatore: Option<String>,
}

/// The form for what a list shows.
pub(super) fn form_address(filter: &HistoryFilter) -> String {
    let HistoryFilter { operator, instrument, from, until, unita, level, is_current_only: _ } = filter;
    let year = |day: &Option<NaiveDate>| day.map(|day| day.year().to_string());
    let level = instrument.as_ref().zip(level.as_ref()).map(|(of, (scale, level))| format!("{of}.{scale}.{level}"));
    let parts = [
        ("strumento", instrument.as_ref().map(ToString::to_string)),
        ("dal", year(from)),
        ("al", year(until)),
        ("unita", unita.map(|unita| unita.to_string())),
        ("livello", level),
        ("operatore", operator.map(|operator| operator.to_string())),
    ];
    // Ids and years need no escaping.
    let parts: Vec<String> = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?))).collect();
    format!("/estrazioni-con-nomi/nuova?{}", parts.join("&")).trim_end_matches('?').to_owned()
}

pub(crate) async fn list(desk: Desk<ExtractIdentified>) -> Outcome {
    let all = desk.store.identified_extractions(&desk.scope, desk.now).await?;
    let extractions = all.iter().map(|one| View::new(desk.portal(), one)).collect();
    Ok(desk.visitor.page(Area::EstrazioniConNomi, StatusCode::OK, &IdentifiedList { extractions }))
}

pub(crate) async fn form(desk: Desk<ExtractIdentified>, query: Result<Query<Begin>, QueryRejection>) -> Outcome {
    let begin = query.map(|Query(begin)| begin).unwrap_or_default();
    let offer = Offer::new(&desk, begin.operatore.as_deref().unwrap_or_default()).await?;
    let fields = proposed(&begin, &offer);
    let page = IdentifiedForm::new(offer, &Reading::new(&fields));
    Ok(desk.visitor.page(Area::EstrazioniConNomi, StatusCode::OK, &page))
}

pub(crate) async fn ask(desk: Desk<ExtractIdentified>, fields: Fields) -> Outcome {
    let offer = Offer::new(&desk, fields.get("operatore")).await?;
    let mut reading = Reading::new(&fields);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(request) = wanted(&mut reading, &offer) {
        let portal = desk.portal();
        match desk.store.begin_identified(&desk.scope, request, desk.now, &mut portal.chance()).await {
            Ok(job) => {
                let path = format!("/estrazioni-con-nomi/{}", job.id());
                let ente = desk.session.ente_name().unwrap_or_default().to_owned();
                extraction::start(portal.clone(), ente, job);
                return Ok(reply::see(&path));
            }
            Err(StoreError::Refused(Refused::ExtractionUnderWay)) => {
                reading.refuse("strumento", "extraction_busy");
                status = StatusCode::CONFLICT;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let page = IdentifiedForm::new(offer, &reading);
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
    let (name, media_type) = extraction::file_name(&one).ok_or(Failure::Broken)?;
    // Said to be as it is, so that nobody compresses what is compressed.
    let header = [(CONTENT_ENCODING, HeaderValue::from_static("identity"))];
    Ok((header, reply::file(&name, media_type, bytes)?).into_response())
}

pub(crate) async fn delete(desk: Desk<ExtractIdentified>, path: Result<Path<String>, PathRejection>) -> Outcome {
    desk.store.delete_identified(&desk.scope, super::id(path)?, desk.now).await?;
    Ok(reply::see("/estrazioni-con-nomi"))
}
