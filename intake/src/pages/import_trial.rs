//! A table that was sent: what importing it would do, the word that does it, and what came of it.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{Refused, StoreError};
use templates::{Area, Page, term};
use uuid::Uuid;

use crate::form::Fields;
use crate::import::trials::{KEPT, Step, Trial};
use crate::import::{Count, ImportError, ImportReport, Options, Plausibility, Refusal, Rule, WHOLE_ROW};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, Import};

/// Refusals that the page shows; the rest are counted.
const REFUSALS_SHOWN: usize = 100;

#[derive(Serialize)]
pub(crate) struct TrialPage {
    path: String,
    title: String,
    version: u32,
    source: String,
    kilobytes: usize,
    sha256: String,
    minutes: i64,
    step: &'static str,
    rows_read: u64,
    found: Option<Found>,
    /// Whether the box below the surprising rows was left empty.
    is_unconfirmed: bool,
}

/// What an import says of the table.
#[derive(Default, Serialize)]
struct Found {
    rows: u64,
    imported: u64,
    persone: u64,
    already_there: u64,
    refused: u64,
    is_refused: bool,
    refusals: Vec<RefusalView>,
    refusals_more: u64,
    warnings: Vec<WarningView>,
    unused: Vec<String>,
    /// Why the whole file could not be taken: a code of `import_file` in messages/terms.toml.
    problem: Option<&'static str>,
    /// The row of the sheet at which that was.
    problem_row: Option<u64>,
}

#[derive(Serialize)]
struct RefusalView {
    row: Option<u64>,
    /// `None`: the whole row.
    column: Option<String>,
    value: String,
    rule: &'static str,
    detail: Option<String>,
}

#[derive(Serialize)]
struct WarningView {
    code: &'static str,
    detail: Option<String>,
    count: u64,
    rows: String,
    has_more: bool,
}

/// The number that a spreadsheet shows beside a row: the headings are the first.
const fn sheet_row(row: u64) -> u64 {
    row + 1
}

impl Found {
    fn of_report(report: &ImportReport) -> Self {
        let warnings = report.warnings.iter().map(|(warning, count)| WarningView {
            code: warning.code(),
            detail: if let Plausibility::Unlikely(text) = warning { Some(text.clone()) } else { None },
            count: count.count,
            rows: rows(count),
            has_more: count.count > count.first_rows.len() as u64,
        });
        Self {
            rows: report.rows,
            imported: report.imported,
            persone: report.persone,
            already_there: report.already_there,
            refused: report.refused,
            warnings: warnings.collect(),
            unused: report.unused_columns.clone(),
            ..Self::default()
        }
    }

    fn of_error(error: &ImportError) -> Self {
        match error {
            ImportError::Refused { refusals, count, report } => Self {
                is_refused: true,
                refusals: refusals.iter().take(REFUSALS_SHOWN).map(refusal).collect(),
                refusals_more: count.saturating_sub(REFUSALS_SHOWN as u64),
                ..Self::of_report(report)
            },
            // The box is asked for before: only a table that changed under way comes here.
            ImportError::Warnings(report) => Self { problem: Some("conflict"), ..Self::of_report(report) },
            ImportError::Csv { row, source } => {
                let problem = if matches!(source.kind(), csv::ErrorKind::Utf8 { .. }) {
                    "encoding"
                } else if matches!(source.kind(), csv::ErrorKind::UnequalLengths { .. }) {
                    "ragged"
                } else {
                    "csv"
                };
                Self { problem: Some(problem), problem_row: Some(sheet_row(row + 1)), ..Self::default() }
            }
            ImportError::Workbook(error) => Self { problem: Some(error.code()), ..Self::default() },
            ImportError::Store(error) => {
                let problem = match error {
                    StoreError::Refused(Refused::ImportUnderWay(_)) => "busy",
                    StoreError::Conflict(_) | StoreError::KeysRenewed => "conflict",
                    StoreError::NotFound(_)
                    | StoreError::Refused(_)
                    | StoreError::Database(_)
                    | StoreError::Damaged { .. }
                    | StoreError::WrongKey(_)
                    | StoreError::Version(_)
                    | StoreError::PostgresRole(_)
                    | StoreError::File { .. } => "broken",
                };
                Self { problem: Some(problem), ..Self::default() }
            }
        }
    }
}

fn rows(count: &Count) -> String {
    count.first_rows.iter().map(|row| sheet_row(*row).to_string()).collect::<Vec<_>>().join(", ")
}

fn refusal(refusal: &Refusal) -> RefusalView {
    let (kind, code) = refusal.rule.code();
    RefusalView {
        row: refusal.row.map(sheet_row),
        column: (refusal.column != WHOLE_ROW).then(|| refusal.column.clone()),
        value: refusal.value.clone(),
        rule: term(kind, code).unwrap_or_default(),
        detail: if let Rule::Contradiction(text) = &refusal.rule { Some(text.clone()) } else { None },
    }
}

impl TrialPage {
    fn new(trial: &Trial, step: &Step, is_unconfirmed: bool) -> Self {
        let (code, found) = match step {
            Step::Trying => ("trying", None),
            Step::Tried(found) => ("tried", Some(found)),
            Step::Importing => ("importing", None),
            Step::Done(found) => ("done", Some(found)),
            Step::Broken => ("broken", None),
        };
        Self {
            path: path(trial.id),
            title: trial.instrument.title.to_string(),
            version: trial.instrument.version,
            source: trial.source.clone(),
            kilobytes: trial.size.div_ceil(1024),
            sha256: trial.sha256.clone(),
            minutes: KEPT.num_minutes(),
            step: code,
            rows_read: trial.rows(),
            found: found.map(|found| match &**found {
                Ok(report) => Found::of_report(report),
                Err(error) => Found::of_error(error),
            }),
            is_unconfirmed,
        }
    }

    fn answer(self, desk: &Desk<Import>, status: StatusCode) -> Response {
        desk.visitor.page(Area::Importazioni, status, &self)
    }
}

impl Page for TrialPage {
    const TEMPLATE: &'static str = "pages/import_trial.html";

    fn samples() -> Vec<Self> {
        let refusal = |row, column: Option<&str>, detail: Option<&str>| RefusalView {
            row,
            column: column.map(ToOwned::to_owned),
            value: "7".to_owned(),
            rule: "Non è un codice di questa colonna.",
            detail: detail.map(ToOwned::to_owned),
        };
        let warning = |code, detail: Option<&str>, has_more| WarningView {
            code,
            detail: detail.map(ToOwned::to_owned),
            count: 7,
            rows: "2, 3, 9".to_owned(),
            has_more,
        };
        let fine = || Found { rows: 12, imported: 10, persone: 9, already_there: 2, ..Found::default() };
        let surprising = || Found {
            warnings: vec![warning("age", None, true), warning("unlikely", Some("Età e pensione."), false)],
            unused: vec!["note".to_owned()],
            ..fine()
        };
        let refused = || Found {
            is_refused: true,
            refused: 2,
            refusals: vec![
                refusal(None, Some("sesso"), None),
                refusal(Some(3), Some("sesso"), None),
                refusal(Some(4), None, Some("Età e fascia di età.")),
            ],
            refusals_more: 4,
            ..surprising()
        };
        let nothing = || Found { rows: 2, already_there: 2, ..Found::default() };
        let problem = |problem, problem_row| Found { problem: Some(problem), problem_row, ..Found::default() };
        let page = |step, found, is_unconfirmed| Self {
            path: "/importazioni/prove/1".to_owned(),
            title: "ASSO".to_owned(),
            version: 1,
            source: "Archivio del servizio".to_owned(),
            kilobytes: 120,
            sha256: "0a".repeat(32),
            minutes: 15,
            step,
            rows_read: 2_000,
            found,
            is_unconfirmed,
        };
        vec![
            page("trying", None, false),
            page("tried", Some(fine()), false),
            page("tried", Some(surprising()), true),
            page("tried", Some(refused()), false),
            page("tried", Some(nothing()), false),
            page("tried", Some(Found::default()), false),
            page("tried", Some(problem("encoding", Some(4))), false),
            page("importing", None, false),
            page("done", Some(fine()), false),
            page("done", Some(refused()), false),
            page("done", Some(problem("busy", None)), false),
            page("broken", None, false),
        ]
    }
}

/// The page of a table that was sent.
pub(crate) fn path(id: Uuid) -> String {
    format!("/importazioni/prove/{id}")
}

fn find(desk: &Desk<Import>, path: Result<Path<String>, PathRejection>) -> Result<Trial, Failure> {
    let id = super::id(path)?;
    let trial = desk.portal().trials().find(&desk.scope, desk.session.account(), id, desk.now);
    trial.ok_or(Failure::NotFound)
}

pub(crate) async fn get(desk: Desk<Import>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let mut trial = find(&desk, path)?;
    let step = trial.step().await;
    Ok(TrialPage::new(&trial, &step, false).answer(&desk, StatusCode::OK))
}

pub(crate) async fn import(desk: Desk<Import>, at: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let mut trial = find(&desk, at)?;
    let step = trial.step().await;
    // A form that is sent twice finds the import under way, or done.
    if let Step::Tried(found) = &step
        && let Ok(report) = &**found
        && report.imported > 0
    {
        let is_confirmed = fields.get("insolite") == "1";
        if !report.warnings.is_empty() && !is_confirmed {
            return Ok(TrialPage::new(&trial, &step, true).answer(&desk, StatusCode::UNPROCESSABLE_ENTITY));
        }
        let options = Options { dry_run: false, accept_warnings: is_confirmed };
        desk.portal().trials().import(desk.portal(), &desk.store, &desk.scope, trial.id, options, desk.now);
    }
    Ok(reply::see(&path(trial.id)))
}

pub(crate) async fn forget(desk: Desk<Import>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let trial = find(&desk, path)?;
    desk.portal().trials().forget(&trial);
    Ok(reply::see("/importazioni"))
}
