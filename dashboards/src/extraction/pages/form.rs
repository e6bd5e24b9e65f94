//! The form of a new extraction: which strumento, years, tables and format; why; and who takes responsibility.

use std::collections::{BTreeMap, BTreeSet};

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use templates::Page;
use warehouse::Manifest;

use super::{Asked, Refusal, title};
use crate::extraction::job::{self, TABLES};
use crate::extraction::record::{Format, Wanted};
use crate::extraction::{Act, Extractions};

/// A reason is a sentence, not a letter.
const REASON_MAX: usize = 300;

/// A field: what stands in it, and what is wrong with it.
#[derive(Clone, Debug, Default, Serialize)]
struct Field {
    value: String,
    error: Option<&'static str>,
}

/// One of a list of fields with its own name.
#[derive(Clone, Debug, Serialize)]
struct Choice {
    code: String,
    text: String,
}

#[derive(Clone, Debug, Serialize)]
struct Problem {
    name: &'static str,
    code: &'static str,
}

#[derive(Serialize)]
pub(crate) struct NewExtraction {
    ente: String,
    problems: Vec<Problem>,
    strumenti: Vec<Choice>,
    years: Vec<Choice>,
    tables: Vec<(&'static str, bool)>,
    formats: Vec<&'static str>,
    strumento: Field,
    from: Field,
    until: Field,
    tables_error: Option<&'static str>,
    format: Field,
    reason: Field,
    responsibility_error: Option<&'static str>,
}

impl Page for NewExtraction {
    const TEMPLATE: &'static str = "pages/extraction_form.html";

    fn samples() -> Vec<Self> {
        let offer = Offer { strumenti: vec![("asso".to_owned(), "ASSO".to_owned())], years: [2024, 2025].into() };
        let wrong = Given::read(&[]).wanted(&offer).err().unwrap_or_default();
        let busy = vec![Problem { name: "strumento", code: "extraction_busy" }];
        [Vec::new(), wrong, busy]
            .map(|problems| Self::new("Ambito dimostrativo", &offer, &Given::blank(&offer), problems))
            .into()
    }
}

/// What can be chosen.
#[derive(Clone, Debug)]
struct Offer {
    /// Id and name.
    strumenti: Vec<(String, String)>,
    years: BTreeSet<i32>,
}

impl Offer {
    fn new(manifest: &Manifest, extractions: &Extractions) -> Self {
        let instruments = &extractions.shared.instruments;
        let has_answers = |id: &str| {
            let table = warehouse::schema::answers_table(id);
            manifest.files.iter().any(|entry| entry.table == table)
        };
        let mut strumenti: Vec<(String, String)> = Vec::new();
        for one in instruments {
            let id = one.id.as_str();
            if has_answers(id) && !strumenti.iter().any(|(known, _)| known == id) {
                strumenti.push((id.to_owned(), title(id, instruments)));
            }
        }
        Self { strumenti, years: manifest.files.iter().filter_map(|entry| entry.year).collect() }
    }
}

/// What was filled in.
#[derive(Clone, Debug, Default)]
struct Given {
    strumento: String,
    from: String,
    until: String,
    tables: BTreeSet<String>,
    format: String,
    reason: String,
    is_responsible: bool,
}

impl Given {
    /// What the form proposes.
    fn blank(offer: &Offer) -> Self {
        let year = |year: Option<&i32>| year.map(ToString::to_string).unwrap_or_default();
        Self {
            strumento: offer.strumenti.first().map(|(id, _)| id.clone()).unwrap_or_default(),
            from: year(offer.years.last()),
            until: year(offer.years.last()),
            format: Format::Csv.code().to_owned(),
            ..Self::default()
        }
    }

    fn read(fields: &[(String, String)]) -> Self {
        let mut by_name: BTreeMap<&str, &str> = BTreeMap::new();
        let mut tables = BTreeSet::new();
        for (name, value) in fields {
            if name == "tabella" {
                tables.insert(value.clone());
            } else {
                by_name.insert(name, value.trim());
            }
        }
        let field = |name: &str| by_name.get(name).copied().unwrap_or_default().to_owned();
        Self {
            strumento: field("strumento"),
            from: field("dal"),
            until: field("al"),
            tables,
            format: field("formato"),
            reason: field("motivo"),
            is_responsible: field("responsabilita") == "1",
        }
    }

    /// What is wanted, or what is wrong.
    fn wanted(&self, offer: &Offer) -> Result<Wanted, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |name, code| problems.push(Problem { name, code });
        if !offer.strumenti.iter().any(|(id, _)| *id == self.strumento) {
            wrong("strumento", "choice");
        }
        let year = |text: &str| text.parse::<i32>().ok().filter(|year| offer.years.contains(year));
        let (from, until) = (year(&self.from), year(&self.until));
        if from.is_none() {
            wrong("dal", "choice");
        }
        match (from, until) {
            (_, None) => wrong("al", "choice"),
            (Some(from), Some(until)) if from > until => wrong("al", "years_order"),
            (_, Some(_)) => {}
        }
        if self.tables.is_empty() {
            wrong("tabella", "tables_empty");
        } else if !self.tables.iter().all(|table| TABLES.contains(&table.as_str())) {
            wrong("tabella", "choice");
        }
        let format = Format::from_code(&self.format);
        if format.is_none() {
            wrong("formato", "choice");
        }
        let length = self.reason.chars().count();
        if length < 3 {
            wrong("motivo", "reason");
        } else if length > REASON_MAX {
            wrong("motivo", "too_long");
        } else if self.reason.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\r') {
            wrong("motivo", "text");
        }
        if !self.is_responsible {
            wrong("responsabilita", "responsibility");
        }
        match (from, until, format) {
            (Some(from), Some(until), Some(format)) if problems.is_empty() => Ok(Wanted {
                instrument: self.strumento.clone(),
                from,
                until,
                tables: TABLES
                    .iter()
                    .filter(|table| self.tables.contains(**table))
                    .map(|&table| table.to_owned())
                    .collect(),
                format,
                // One line, as the audit shows it.
                reason: self.reason.split_whitespace().collect::<Vec<_>>().join(" "),
            }),
            _ => Err(problems),
        }
    }
}

impl NewExtraction {
    fn new(ente: &str, offer: &Offer, given: &Given, problems: Vec<Problem>) -> Self {
        let error = |name: &str| problems.iter().find(|problem| problem.name == name).map(|problem| problem.code);
        let field = |name: &str, value: &str| Field { value: value.to_owned(), error: error(name) };
        let years = offer.years.iter().rev().map(|year| Choice { code: year.to_string(), text: year.to_string() });
        Self {
            ente: ente.to_owned(),
            strumenti: offer
                .strumenti
                .iter()
                .map(|(code, text)| Choice { code: code.clone(), text: text.clone() })
                .collect(),
            years: years.collect(),
            tables: TABLES.map(|table| (table, given.tables.contains(table))).into(),
            formats: Format::ALL.map(Format::code).into(),
            strumento: field("strumento", &given.strumento),
            from: field("dal", &given.from),
            until: field("al", &given.until),
            tables_error: error("tabella"),
            format: field("formato", &given.format),
            reason: field("motivo", &given.reason),
            responsibility_error: error("responsabilita"),
            problems,
        }
    }
}

async fn offer(extractions: &Extractions, asked: &Asked) -> Result<Offer, Refusal> {
    let (work, ente) = (extractions.clone(), asked.extractor.ente);
    let read = tokio::task::spawn_blocking(move || {
        let lake = work.shared.lake.ente(ente)?;
        Ok::<_, warehouse::LakeError>(lake.map(|lake| Offer::new(lake.manifest(), &work)))
    });
    match read.await {
        Ok(Ok(Some(offer))) if !offer.strumenti.is_empty() => Ok(offer),
        Ok(Ok(_)) => Err(Refusal::Empty),
        Ok(Err(error)) => {
            tracing::error!(ente.id = %ente, %error, "the lake of an Ente cannot be read");
            Err(Refusal::Broken)
        }
        Err(error) => {
            tracing::error!(ente.id = %ente, %error, "reading the lake of an Ente broke off");
            Err(Refusal::Broken)
        }
    }
}

pub(crate) async fn get(State(extractions): State<Extractions>, asked: Asked) -> Response {
    let outcome = show(&extractions, &asked).await;
    asked.answer(&extractions, outcome).await
}

async fn show(extractions: &Extractions, asked: &Asked) -> Result<Response, Refusal> {
    asked.seen().await?;
    let offer = offer(extractions, asked).await?;
    let page = NewExtraction::new(&asked.extractor.ente_name, &offer, &Given::blank(&offer), Vec::new());
    Ok(asked.page(extractions, page).await)
}

pub(crate) async fn post(
    State(extractions): State<Extractions>,
    asked: Asked,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let outcome = ask(&extractions, &asked, form).await;
    asked.answer(&extractions, outcome).await
}

async fn ask(
    extractions: &Extractions,
    asked: &Asked,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(fields) = form.map_err(|_| Refusal::BadRequest)?;
    let given = Given::read(&fields);
    let offer = offer(extractions, asked).await?;
    let again = async |status, problems| {
        let page = NewExtraction::new(&asked.extractor.ente_name, &offer, &given, problems);
        let mut response = asked.page(extractions, page).await;
        if response.status() == StatusCode::OK {
            *response.status_mut() = status;
        }
        response
    };
    let wanted = match given.wanted(&offer) {
        Ok(wanted) => wanted,
        Err(problems) => return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, problems).await),
    };
    let mut chance = extractions.chance();
    let Some(turn) = asked.with_shelf(extractions, move |shelf, _| shelf.take_turn(&mut chance)).await? else {
        let busy = vec![Problem { name: "strumento", code: "extraction_busy" }];
        return Ok(again(StatusCode::CONFLICT, busy).await);
    };
    let record = job::record(&asked.extractor, wanted, extractions.now(), &mut extractions.chance());
    let id = record.id;
    asked.done(Act::Request, id, format!("{}; {}", record.wanted.summary(), record.wanted.reason)).await?;
    let (work, ente, written) = (extractions.clone(), asked.extractor.ente, record.clone());
    let shelf = tokio::task::spawn_blocking(move || {
        let shelf = work.shelf(ente)?;
        shelf.write(&written, &mut work.chance())?;
        Ok::<_, crate::extraction::keep::KeepError>(shelf)
    });
    let shelf = match shelf.await {
        Ok(Ok(shelf)) => shelf,
        Ok(Err(error)) => {
            tracing::error!(ente.id = %ente, %error, "an extraction cannot be written down");
            return Err(Refusal::Broken);
        }
        Err(error) => {
            tracing::error!(ente.id = %ente, %error, "writing an extraction down broke off");
            return Err(Refusal::Broken);
        }
    };
    job::start(extractions, asked.extractor.clone(), record, shelf, turn);
    Ok(Redirect::to(&format!("/estrazioni/{id}")).into_response())
}
