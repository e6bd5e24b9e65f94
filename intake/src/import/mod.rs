//! Bringing in questionnaires from a table: a file and a map, both somebody else's.
//!
//! `map` is the format of the map, `standard` the one that a page uses, `file` opens CSV and XLSX, `table` reads rows by the
//! map; here the rows are staged and made real together, or not at all. `trials` holds what was sent to a page. What is imported is marked so everywhere, with its source and who answers for it, and its evaluation is absent:
//! nobody's judgement is made up. The same table again changes nothing.

mod file;
mod map;
mod rule;
pub(crate) mod standard;
mod table;
pub(crate) mod trials;

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use chrono::{DateTime, Utc};
use domain::instrument::Instrument;
use store::{Chance, EnteScope, ImportCheck, ImportId, ImportRow, ImportSummary, RowOutcome, Store, StoreError};

pub use file::WorkbookError;
pub(crate) use map::missing_name;
pub use map::{Map, MapError, OnInvalid, read_map};
pub use rule::Rule;
pub use table::{Plausibility, Refusal};

use crate::visitor::italian_day;
use file::{Row, TableFile};
use table::Table;

/// Rows handed to the store at once.
const BATCH: usize = 500;
/// Refusals that are kept; the rest are counted.
const REFUSALS_MAX: usize = 1_000;
/// Rows that a count names.
const ROWS_NAMED: usize = 5;
/// The column of a refusal that is about no single one.
pub(crate) const WHOLE_ROW: &str = "the whole row";

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
    /// Rows of the table that hold anything.
    pub rows: u64,
    /// Questionnaires brought in; in a dry run, those that can be.
    pub imported: u64,
    /// Persone made for them; in a dry run, those that would be.
    pub persone: u64,
    /// Rows that were there already, the same in everything.
    pub already_there: u64,
    /// Rows that cannot be taken: one is enough, and nothing is imported.
    pub refused: u64,
    /// Rows left out because the map says so, by column and rule.
    pub rejected: BTreeMap<(String, Rule), Count>,
    /// Cells that count as missing because the map says so, by column and rule.
    pub set_missing: BTreeMap<(String, Rule), Count>,
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
        /// What else was found.
        report: Box<ImportReport>,
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
    /// The file is no workbook that can be read.
    #[error(transparent)]
    Workbook(#[from] WorkbookError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Imports a table: CSV, or the first sheet of an XLSX workbook. `progress` is told how many rows have been read, now and then.
///
/// # Errors
/// See [`ImportError`]; whenever there is one, nothing has been imported.
#[expect(
    clippy::too_many_arguments,
    reason = "store, permission, definition, map, table, clock and chance are the caller's"
)]
pub async fn run<R: BufRead>(
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
    let mut file = TableFile::open(reader, map.delimiter)?;
    let table =
        Table::new(instrument, map, &file.headings, file.is_workbook, italian_day(now)).map_err(|refusals| {
            let report = Box::new(ImportReport { is_dry_run: options.dry_run, ..ImportReport::default() });
            ImportError::Refused { count: refusals.len() as u64, refusals, report }
        })?;
    let target = match options.dry_run {
        true => Target::Check(Box::new(store.begin_check(scope, now).await?)),
        false => {
            let source = format!("{} ({})", map.source, map.responsible);
            let source: String = source.chars().take(200).collect();
            Target::Import(store.begin_import(scope, &source, now, chance).await?)
        }
    };
    let mut running = Running {
        store,
        scope,
        instrument,
        now,
        target,
        batch: Vec::new(),
        report: ImportReport {
            unused_columns: table.unused.clone(),
            is_dry_run: options.dry_run,
            ..ImportReport::default()
        },
        refusals: Vec::new(),
        count_refusals: 0,
        refused: BTreeSet::new(),
    };
    let outcome = running.all(&mut file, &table, chance, progress).await;
    let outcome = outcome.and_then(|()| running.verdict(options));
    match (outcome, running.target) {
        (Ok(()), Target::Check(_)) => Ok(running.report),
        (Ok(()), Target::Import(import)) => {
            let ImportSummary { assessments, persone, skipped } = store.commit_import(scope, import, now).await?;
            let mut report = running.report;
            report.imported = assessments;
            report.persone = persone;
            report.already_there = skipped;
            Ok(report)
        }
        (Err(error), Target::Check(_)) => Err(error),
        (Err(error), Target::Import(import)) => {
            store.abandon_import(scope, import, now).await?;
            Err(error)
        }
    }
}

/// Where rows go.
enum Target {
    /// Nowhere: they are looked at.
    Check(Box<ImportCheck>),
    /// Into an import that is not real yet.
    Import(ImportId),
}

/// An import under way.
struct Running<'a> {
    store: &'a Store,
    scope: &'a EnteScope,
    instrument: &'a Instrument,
    now: DateTime<Utc>,
    target: Target,
    batch: Vec<(u64, ImportRow)>,
    report: ImportReport,
    refusals: Vec<Refusal>,
    count_refusals: u64,
    /// The rows that are refused, by their numbers.
    refused: BTreeSet<u64>,
}

impl Running<'_> {
    async fn all<R: BufRead>(
        &mut self,
        file: &mut TableFile<R>,
        table: &Table<'_>,
        chance: &mut impl Chance,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ImportError> {
        let mut row = Row::default();
        while file.next(&mut row)? {
            self.report.rows += 1;
            self.take(table, &row);
            if self.batch.len() >= BATCH {
                self.stage(chance).await?;
                progress(self.report.rows);
            }
        }
        self.stage(chance).await?;
        progress(self.report.rows);
        Ok(())
    }

    fn take(&mut self, table: &Table<'_>, row: &Row) {
        let number = row.number;
        let read = table.read(row);
        for refusal in read.refusals {
            self.refuse(number, refusal);
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

    fn refuse(&mut self, number: u64, refusal: Refusal) {
        self.count_refusals += 1;
        self.refused.insert(number);
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.push(refusal);
        }
    }

    /// Hands the batch to the store. After a refusal there is no use in staging more; a dry run finds them all.
    async fn stage(&mut self, chance: &mut impl Chance) -> Result<(), ImportError> {
        let (numbers, rows): (Vec<u64>, Vec<ImportRow>) = std::mem::take(&mut self.batch).into_iter().unzip();
        let outcomes = match &mut self.target {
            Target::Check(check) => {
                let outcomes =
                    self.store.check_import(self.scope, check, self.instrument, &rows, self.now, chance).await?;
                self.report.persone = check.persone();
                outcomes
            }
            Target::Import(_) if self.count_refusals > 0 => return Ok(()),
            Target::Import(import) => {
                self.store.stage_import(self.scope, *import, self.instrument, &rows, self.now, chance).await?
            }
        };
        for (number, outcome) in numbers.into_iter().zip(outcomes) {
            let rule = match outcome {
                RowOutcome::Staged(_) => {
                    self.report.imported += 1;
                    continue;
                }
                RowOutcome::Skipped => {
                    self.report.already_there += 1;
                    continue;
                }
                RowOutcome::Different => Rule::Different,
                RowOutcome::Refused(refused) => Rule::of_store(&refused, self.instrument),
            };
            let refusal = Refusal { row: Some(number), column: WHOLE_ROW.to_owned(), value: "…".to_owned(), rule };
            self.refuse(number, refusal);
        }
        Ok(())
    }

    /// Whether the import may be made real.
    fn verdict(&mut self, options: Options) -> Result<(), ImportError> {
        self.report.refused = self.refused.len() as u64;
        if self.count_refusals > 0 {
            return Err(ImportError::Refused {
                refusals: std::mem::take(&mut self.refusals),
                count: self.count_refusals,
                report: Box::new(self.report.clone()),
            });
        }
        if !self.report.warnings.is_empty() && !options.accept_warnings && !options.dry_run {
            return Err(ImportError::Warnings(Box::new(self.report.clone())));
        }
        Ok(())
    }
}
