//! The pages of extractions: what is kept, a new one, one of them.

pub(crate) mod form;
pub(crate) mod list;
pub(crate) mod one;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::instrument::Instrument;
use serde::Serialize;
use templates::{Area, Page};

use crate::extraction::keep::{KeepError, Kept, Shelf};
use crate::extraction::record::State;
use crate::extraction::{Act, ExtractionEvent, Extractions, Extractor};
use crate::pages::notice::{Notice, NoticeKind};
use crate::pages::render;
use crate::text;

/// Whose extractions are asked for, and at which address.
pub(crate) struct Asked {
    extractor: Extractor,
    path: String,
}

impl FromRequestParts<Extractions> for Asked {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &Extractions) -> Result<Self, StatusCode> {
        let extractor = Extension::<Extractor>::from_request_parts(parts, state).await;
        let Extension(extractor) = extractor.map_err(|_| StatusCode::NOT_FOUND)?;
        Ok(Self { extractor, path: parts.uri.path().to_owned() })
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No such extraction of this Ente.
    NotFound,
    /// The form does not send this.
    BadRequest,
    /// It cannot be read, or the audit did not take the line; logged already.
    Broken,
    /// Nothing is published.
    Empty,
}

impl Asked {
    /// Writes to the audit that a page is looked at.
    async fn seen(&self) -> Result<(), Refusal> {
        let seen = ExtractionEvent::Seen { path: self.path.clone() };
        (self.extractor.record)(seen).await.map_err(|_| Refusal::Broken)
    }

    async fn done(&self, act: Act, extraction: uuid::Uuid, detail: String) -> Result<(), Refusal> {
        let done = ExtractionEvent::Done { act, extraction, detail };
        (self.extractor.record)(done).await.map_err(|_| Refusal::Broken)
    }

    async fn page<P: Page + Send + 'static>(&self, extractions: &Extractions, page: P) -> Response {
        render(&extractions.shared.renderer, self.extractor.layout.clone(), Area::Estrazioni, move || page).await
    }

    async fn answer(&self, extractions: &Extractions, outcome: Result<Response, Refusal>) -> Response {
        let kind = match outcome {
            Ok(response) => return response,
            Err(Refusal::NotFound) => return StatusCode::NOT_FOUND.into_response(),
            Err(Refusal::BadRequest) => return StatusCode::BAD_REQUEST.into_response(),
            Err(Refusal::Empty) => NoticeKind::Empty,
            Err(Refusal::Broken) => NoticeKind::Broken,
        };
        let notice = Notice { kind, ente: self.extractor.ente_name.clone() };
        let mut response = self.page(extractions, notice).await;
        if response.status() == StatusCode::OK {
            *response.status_mut() = kind.status();
        }
        response
    }

    /// Works with what is kept of the Ente, swept first, on the blocking pool.
    async fn with_shelf<T: Send + 'static>(
        &self,
        extractions: &Extractions,
        work: impl FnOnce(&Shelf, DateTime<Utc>) -> Result<T, KeepError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (extractions, ente) = (extractions.clone(), self.extractor.ente);
        let now = extractions.now();
        let worked = tokio::task::spawn_blocking(move || {
            let shelf = extractions.shelf(ente)?;
            shelf.sweep(now, &mut extractions.chance())?;
            work(&shelf, now)
        });
        match worked.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(ente.id = %ente, %error, "the extractions of an Ente cannot be read");
                Err(Refusal::Broken)
            }
            Err(error) => {
                tracing::error!(ente.id = %ente, %error, "reading the extractions of an Ente broke off");
                Err(Refusal::Broken)
            }
        }
    }
}

/// An extraction as pages show it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExtractionView {
    pub(crate) id: String,
    pub(crate) asked_at: String,
    pub(crate) asked_by: String,
    pub(crate) strumento: String,
    pub(crate) years: String,
    /// Codes of `extraction_table`.
    pub(crate) tables: Vec<String>,
    pub(crate) format: &'static str,
    pub(crate) reason: String,
    /// A code of `extraction_state`.
    pub(crate) state: &'static str,
    /// A code of `extraction_problem`.
    pub(crate) problem: Option<&'static str>,
    pub(crate) read: u64,
    pub(crate) of: u64,
    /// By table, for those that are ready.
    pub(crate) rows: Vec<(String, u64)>,
    /// Of the file, in kibibytes.
    pub(crate) size: u64,
    pub(crate) version: i64,
    pub(crate) published_at: String,
    pub(crate) until: String,
}

impl ExtractionView {
    pub(crate) fn new(kept: &Kept, instruments: &[Instrument]) -> Self {
        let record = &kept.record;
        let wanted = &record.wanted;
        let mut view = Self {
            id: record.id.to_string(),
            asked_at: text::instant(record.asked_at),
            asked_by: record.asked_by.clone(),
            strumento: title(&wanted.instrument, instruments),
            years: if wanted.from == wanted.until {
                wanted.from.to_string()
            } else {
                format!("{}–{}", wanted.from, wanted.until)
            },
            tables: wanted.tables.clone(),
            format: wanted.format.code(),
            reason: wanted.reason.clone(),
            state: "running",
            problem: None,
            read: 0,
            of: 0,
            rows: Vec::new(),
            size: 0,
            version: 0,
            published_at: String::new(),
            until: text::instant(record.until()),
        };
        match &record.state {
            State::Interrupted => view.state = "interrupted",
            State::Running { .. } if kept.is_interrupted => view.state = "interrupted",
            State::Running { read, of } => (view.read, view.of) = (*read, *of),
            State::Ready { rows, bytes, version, published_at, .. } => {
                view.state = "ready";
                view.rows = rows.iter().map(|(table, rows)| (table.clone(), *rows)).collect();
                view.size = bytes.div_ceil(1024);
                view.version = *version;
                view.published_at = text::instant(*published_at);
            }
            State::Failed { problem } => (view.state, view.problem) = ("failed", Some(problem.code())),
        }
        view
    }
}

/// The name of a strumento by its latest definition.
pub(crate) fn title(id: &str, instruments: &[Instrument]) -> String {
    let versions = instruments.iter().filter(|one| one.id.as_str() == id);
    versions.max_by_key(|one| one.version).map_or_else(|| id.to_owned(), |one| one.title.as_str().to_owned())
}

/// Views in every state, for samples of pages.
fn sample_views() -> Vec<ExtractionView> {
    use crate::extraction::record::{Format, Problem, Record, Wanted};

    let at = DateTime::<Utc>::UNIX_EPOCH;
    let rows = [("answers_asso", 120), ("assessments", 120)].map(|(table, rows)| (table.to_owned(), rows)).into();
    let ready = State::Ready { at, rows, bytes: 48_213, version: 3, last_seq: 412, published_at: at };
    let mut states = vec![(State::Running { read: 40, of: 120 }, false), (State::Running { read: 0, of: 0 }, true)];
    states.push((ready, false));
    states.extend(Problem::ALL.map(|problem| (State::Failed { problem }, false)));
    let formats = Format::ALL.into_iter().cycle();
    let kept = states.into_iter().zip(formats).map(|((state, is_interrupted), format)| Kept {
        record: Record {
            id: uuid::Uuid::nil(),
            asked_at: at,
            asked_by: "Anna Prova".to_owned(),
            wanted: Wanted {
                instrument: "asso".to_owned(),
                from: 2024,
                until: 2025,
                tables: crate::extraction::job::TABLES.map(str::to_owned).into(),
                format,
                reason: "Relazione annuale dell'ambito".to_owned(),
            },
            state,
        },
        is_interrupted,
    });
    kept.map(|kept| ExtractionView::new(&kept, &[])).collect()
}
