//! Bringing in questionnaires from a table: CSV and a map, both somebody else's.
//!
//! `map` is the format of the map, `table` reads rows by it; here the rows are staged and made real together, or not at
//! all. What is imported is marked so everywhere, with its source and who answers for it, and its evaluation is absent:
//! nobody's judgement is made up. The same table again changes nothing.

mod map;
mod table;

use std::collections::BTreeMap;
use std::io::Read;

use chrono::{DateTime, Utc};
use domain::instrument::Instrument;
use store::{Chance, EnteScope, ImportId, ImportRow, ImportSummary, RowOutcome, Store, StoreError};

pub(crate) use map::missing_name;
pub use map::{Map, MapError, OnInvalid, read_map};
pub use table::{Plausibility, Refusal};

use crate::visitor::italian_day;
use table::Table;

/// Rows handed to the store at once.
const BATCH: usize = 500;
/// Refusals that are kept; the rest are counted.
const REFUSALS_MAX: usize = 1_000;
/// Rows that a count names.
const ROWS_NAMED: usize = 5;

/// How an import is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Read and check everything, write nothing.
    pub dry_run: bool,
    /// Go on although some rows are surprising.
    pub accept_warnings: bool,
}

/// How often something happened, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub count: u64,
    /// The first rows, from 1.
    pub first_rows: Vec<u64>,
}

impl Count {
    fn add(&mut self, row: u64) {
        self.count += 1;
        if self.first_rows.len() < ROWS_NAMED {
            self.first_rows.push(row);
        }
    }
}

/// What an import did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows of the table.
    pub rows: u64,
    /// Questionnaires brought in; in a dry run, those that can be.
    pub imported: u64,
    /// Persone made for them; 0 in a dry run.
    pub persone: u64,
    /// Rows that were there already, the same in everything.
    pub already_there: u64,
    /// Rows left out because the map says so, by column and rule.
    pub rejected: BTreeMap<(String, String), Count>,
    /// Cells that count as missing because the map says so, by column and rule.
    pub set_missing: BTreeMap<(String, String), Count>,
    /// What is worth a look.
    pub warnings: BTreeMap<Plausibility, Count>,
    /// Columns that the map does not name.
    pub unused_columns: Vec<String>,
    /// Whether nothing was written.
    pub is_dry_run: bool,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The table or some of its rows cannot be taken.
    #[error("{count} refusals, the first: {}", .refusals.first().map(ToString::to_string).unwrap_or_default())]
    Refused {
        /// The first of them.
        refusals: Vec<Refusal>,
        /// How many there are.
        count: u64,
    },
    /// Rows are surprising, and nobody said that they may be.
    #[error("some rows are surprising: look at them, and say --accept-warnings if they are right")]
    Warnings(Box<ImportReport>),
    /// The file is not a table.
    #[error("the table cannot be read after row {row}: {source}")]
    Csv {
        /// The last row that could be read.
        row: u64,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Imports a table. `progress` is told how many rows have been read, now and then.
///
/// # Errors
/// See [`ImportError`]; whenever there is one, nothing has been imported.
#[expect(
    clippy::too_many_arguments,
    reason = "store, permission, definition, map, table, clock and chance are the caller's"
)]
pub async fn run<R: Read>(
    store: &Store,
    scope: &EnteScope,
    instrument: &Instrument,
    map: &Map,
    reader: R,
    options: Options,
    now: DateTime<Utc>,
    chance: &mut impl Chance,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<ImportReport, ImportError> {
    let mut csv = csv::ReaderBuilder::new().delimiter(map.delimiter).from_reader(reader);
    let mut headings = csv.headers().map_err(|source| ImportError::Csv { row: 0, source })?.clone();
    // Spreadsheets write a mark before the first heading.
    if let Some(first) = headings.get(0).and_then(|first| first.strip_prefix('\u{feff}')) {
        headings = std::iter::once(first).chain(headings.iter().skip(1)).map(ToOwned::to_owned).collect();
    }
    let table = Table::new(instrument, map, &headings, italian_day(now))
        .map_err(|refusals| ImportError::Refused { count: refusals.len() as u64, refusals })?;
    let import = match options.dry_run {
        true => None,
        false => {
            let source = format!("{} ({})", map.source, map.responsible);
            let source: String = source.chars().take(200).collect();
            Some(store.begin_import(scope, &source, now, chance).await?)
        }
    };
    let mut running = Running {
        store,
        scope,
        instrument,
        now,
        import,
        batch: Vec::new(),
        report: ImportReport {
            unused_columns: table.unused.clone(),
            is_dry_run: options.dry_run,
            ..ImportReport::default()
        },
        refusals: Vec::new(),
        count_refusals: 0,
    };
    let outcome = running.all(&mut csv, &table, chance, progress).await;
    let outcome = outcome.and_then(|()| running.verdict(options));
    match (outcome, import) {
        (Ok(()), None) => Ok(running.report),
        (Ok(()), Some(import)) => {
            let ImportSummary { assessments, persone, skipped } = store.commit_import(scope, import, now).await?;
            let mut report = running.report;
            report.imported = assessments;
            report.persone = persone;
            report.already_there = skipped;
            Ok(report)
        }
        (Err(error), None) => Err(error),
        (Err(error), Some(import)) => {
            store.abandon_import(scope, import, now).await?;
            Err(error)
        }
    }
}

/// An import under way.
struct Running<'a> {
    store: &'a Store,
    scope: &'a EnteScope,
    instrument: &'a Instrument,
    now: DateTime<Utc>,
    /// `None` in a dry run.
    import: Option<ImportId>,
    batch: Vec<(u64, ImportRow)>,
    report: ImportReport,
    refusals: Vec<Refusal>,
    count_refusals: u64,
}

impl Running<'_> {
    async fn all<R: Read>(
        &mut self,
        csv: &mut csv::Reader<R>,
        table: &Table<'_>,
        chance: &mut impl Chance,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ImportError> {
        let mut record = csv::StringRecord::new();
        loop {
            let more =
                csv.read_record(&mut record).map_err(|source| ImportError::Csv { row: self.report.rows, source })?;
            if !more {
                break;
            }
            self.report.rows += 1;
            self.take(table, &record);
            if self.batch.len() >= BATCH {
                self.stage(chance).await?;
                progress(self.report.rows);
            }
        }
        self.stage(chance).await?;
        progress(self.report.rows);
        Ok(())
    }

    fn take(&mut self, table: &Table<'_>, record: &csv::StringRecord) {
        let number = self.report.rows;
        let read = table.read(number, record);
        for refusal in read.refusals {
            self.refuse(refusal);
        }
        for cell in read.set_missing {
            self.report.set_missing.entry(cell).or_default().add(number);
        }
        if let Some(why) = read.rejected {
            self.report.rejected.entry(why).or_default().add(number);
        }
        for warning in read.warnings {
            self.report.warnings.entry(warning).or_default().add(number);
        }
        if let Some(row) = read.row {
            self.batch.push((number, row));
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.count_refusals += 1;
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.push(refusal);
        }
    }

    /// Hands the batch to the store; after a refusal there is no use in staging more.
    async fn stage(&mut self, chance: &mut impl Chance) -> Result<(), ImportError> {
        let (numbers, rows): (Vec<u64>, Vec<ImportRow>) = std::mem::take(&mut self.batch).into_iter().unzip();
        let Some(import) = self.import.filter(|_| self.count_refusals == 0) else {
            self.report.imported += rows.len() as u64;
            return Ok(());
        };
        let outcomes = self.store.stage_import(self.scope, import, self.instrument, &rows, self.now, chance).await?;
        for (number, outcome) in numbers.into_iter().zip(outcomes) {
            let rule = match outcome {
                RowOutcome::Staged(_) | RowOutcome::Skipped => continue,
                RowOutcome::Different => {
                    "another questionnaire with this external id and day is there already: an import never changes one"
                        .to_owned()
                }
                RowOutcome::Refused(refused) => refused.to_string(),
            };
            self.refuse(Refusal {
                row: Some(number), column: "the whole row".to_owned(), value: "…".to_owned(), rule
            });
        }
        Ok(())
    }

    /// Whether the import may be made real.
    fn verdict(&mut self, options: Options) -> Result<(), ImportError> {
        if self.count_refusals > 0 {
            return Err(ImportError::Refused {
                refusals: std::mem::take(&mut self.refusals),
                count: self.count_refusals,
            });
        }
        if !self.report.warnings.is_empty() && !options.accept_warnings && !options.dry_run {
            return Err(ImportError::Warnings(Box::new(self.report.clone())));
        }
        Ok(())
    }
}
