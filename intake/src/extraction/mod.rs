//! Extractions with names: what the portal holds of persone and questionnaires, as a file for the Ente itself.
//!
//! `columns` says what a row of each table is and what each column means; here the file is written, in the background, in
//! pieces that the store seals as they come. No row stands in clear on a disk.

mod columns;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use store::{IdentifiedExtraction, IdentifiedJob, IdentifiedRequest, PersonaId, StoreError};
use tabular::{TableError, TableFile};
use tokio::runtime::Handle;

use crate::portal::Portal;
use columns::{Columns, Value};
pub(crate) use columns::{Table, level_title, meanings};

/// Rows read at a time.
const ROWS_AT_ONCE: usize = 500;

/// Bytes of a piece that the store keeps.
const PIECE: usize = 256 * 1024;

/// Bytes of a file at most: whoever takes it out has it in memory for a moment.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// As what it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Xlsx,
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Csv, Self::Xlsx];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.code() == code)
    }

    /// How the file's name ends, and what it is to a browser.
    pub(crate) const fn file_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("zip", "application/zip"),
            Self::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        }
    }
}

/// How the file of an extraction is called, and what it is to a browser; `None` for a format that is not there.
pub(crate) fn file_name(one: &IdentifiedExtraction) -> Option<(String, &'static str)> {
    let (ending, media_type) = Format::from_code(&one.request.format)?.file_type();
    let IdentifiedRequest { instrument, from, until, .. } = &one.request;
    let mark = &one.id.0.simple().to_string()[..8];
    Some((format!("estrazione-con-nomi-{instrument}-{from}-{until}-{mark}.{ending}"), media_type))
}

/// Why it could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    TooLarge,
    Broken,
}

impl Problem {
    pub(crate) const ALL: [Self; 2] = [Self::TooLarge, Self::Broken];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Broken => "broken",
        }
    }
}

/// Why a file is not made.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the request names a table, a format or a strumento that is not there")]
    Request,
}

/// Starts the work and returns at once. Its end is written in the extraction's row.
pub(crate) fn start(portal: Portal, ente_name: String, job: IdentifiedJob) {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let id = job.id();
        let work = Work { portal: portal.clone(), runtime: runtime.clone(), ente_name };
        let shared = Shared::new(portal.clone(), runtime.clone(), job);
        let made = work.file(&shared);
        let Some(job) = shared.into_job() else { return };
        let ended = match &made {
            Ok(rows) => runtime.block_on(job.finish(rows.clone(), portal.now(), &mut portal.chance())),
            // Withdrawn or deleted: there is no row to write to.
            Err(JobError::Store(StoreError::NotFound(_))) => Ok(()),
            Err(error) => {
                tracing::error!(extraction = %id, %error, "an extraction with names was not made");
                runtime.block_on(job.fail(problem(error).code(), portal.now(), &mut portal.chance()))
            }
        };
        match ended {
            // It stays as it was left, and is shown as interrupted.
            Err(error) if !matches!(error, StoreError::NotFound(_)) => {
                tracing::error!(extraction = %id, %error, "the end of an extraction with names cannot be written");
            }
            Ok(()) | Err(_) => {}
        }
    });
}

fn problem(error: &JobError) -> Problem {
    match error {
        JobError::Table(TableError::TooLarge) => Problem::TooLarge,
        JobError::Table(_) | JobError::Store(_) | JobError::Request => Problem::Broken,
    }
}

struct Work {
    portal: Portal,
    runtime: Handle,
    ente_name: String,
}

impl Work {
    /// Writes the file; gives the rows by table.
    fn file(&self, shared: &Shared) -> Result<BTreeMap<String, u64>, JobError> {
        let request = shared.with(|state| state.job.request().clone());
        let format = Format::from_code(&request.format).ok_or(JobError::Request)?;
        let tables: Option<Vec<Table>> = request.tables.iter().map(|code| Table::from_code(code)).collect();
        let tables = tables.ok_or(JobError::Request)?;
        let unita = shared.with(|state| state.job.unita().clone());
        let columns = Columns::new(&self.portal, &request, unita).ok_or(JobError::Request)?;
        shared.with(|state| self.runtime.block_on(state.job.keep_level()))?;
        let (count_assessments, everybody) =
            shared.with(|state| (state.job.count_assessments(), state.job.everybody().to_vec()));
        let of = |table: Table| if table == Table::Persone { everybody.len() } else { count_assessments };
        shared.with(|state| state.total = tables.iter().map(|table| of(*table) as u64).sum());
        let mut file = match format {
            Format::Csv => TableFile::csv(shared.clone(), false),
            Format::Xlsx => TableFile::spreadsheet(shared.clone()),
        };
        let mut rows = BTreeMap::new();
        for table in tables {
            file.begin(table.code(), columns.of(table).into_iter().map(|column| column.name))?;
            let mut count = 0;
            let mut write = |row: Vec<Value>| {
                count += 1;
                file.row(row.iter().map(Value::cell))
            };
            for from in (0..of(table)).step_by(ROWS_AT_ONCE) {
                if table == Table::Persone {
                    let ids: BTreeSet<PersonaId> = everybody.iter().skip(from).take(ROWS_AT_ONCE).copied().collect();
                    for persona in self.persone(shared, &ids)?.values() {
                        write(columns.persona(persona))?;
                    }
                    shared.advance(ids.len())?;
                    continue;
                }
                let page = shared
                    .with(|state| self.runtime.block_on(state.job.assessments(from, ROWS_AT_ONCE)))
                    .map_err(JobError::Store)?;
                let of_whom = if table == Table::Risposte {
                    BTreeMap::new()
                } else {
                    self.persone(shared, &page.iter().map(|one| one.persona).collect())?
                };
                for one in &page {
                    for row in columns.rows(table, one, of_whom.get(&one.persona)) {
                        write(row)?;
                    }
                }
                shared.advance(page.len())?;
            }
            rows.insert(table.code().to_owned(), count);
        }
        let explanations = columns.explanations(&self.ente_name, shared.with(|state| state.job.id()), &rows);
        file.finish(&explanations)?;
        shared.keep(true)?;
        Ok(rows)
    }

    fn persone(
        &self,
        shared: &Shared,
        ids: &BTreeSet<PersonaId>,
    ) -> Result<BTreeMap<PersonaId, store::Persona>, JobError> {
        let found = shared.with(|state| self.runtime.block_on(state.job.persone(ids)))?;
        Ok(found.into_iter().map(|persona| (persona.id, persona)).collect())
    }
}

/// The job, and what of its file waits to be kept. One thread works on it: the lock is never waited for.
#[derive(Clone)]
struct Shared {
    portal: Portal,
    runtime: Handle,
    state: Arc<Mutex<JobState>>,
}

struct JobState {
    job: IdentifiedJob,
    waiting: Vec<u8>,
    bytes: u64,
    read: u64,
    total: u64,
}

impl Shared {
    fn new(portal: Portal, runtime: Handle, job: IdentifiedJob) -> Self {
        let state = JobState { job, waiting: Vec::new(), bytes: 0, read: 0, total: 0 };
        Self { portal, runtime, state: Arc::new(Mutex::new(state)) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut JobState) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The job, once the file's writer is gone.
    fn into_job(self) -> Option<IdentifiedJob> {
        let state = Arc::into_inner(self.state)?;
        Some(state.into_inner().unwrap_or_else(PoisonError::into_inner).job)
    }

    /// Keeps whole pieces of what waits, or all of it.
    fn keep(&self, is_end: bool) -> Result<(), StoreError> {
        self.with(|state| {
            while state.waiting.len() >= PIECE || (is_end && !state.waiting.is_empty()) {
                let piece: Vec<u8> = state.waiting.drain(..PIECE.min(state.waiting.len())).collect();
                let (now, mut chance) = (self.portal.now(), self.portal.chance());
                self.runtime.block_on(state.job.keep(&piece, state.read, state.total, now, &mut chance))?;
            }
            Ok(())
        })
    }

    fn advance(&self, rows: usize) -> Result<(), StoreError> {
        self.with(|state| {
            state.read += rows as u64;
            self.runtime.block_on(state.job.tell(state.read, state.total, self.portal.now()))
        })
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_too_large = self.with(|state| {
            state.waiting.extend_from_slice(bytes);
            state.bytes += bytes.len() as u64;
            state.bytes > BYTES_MAX
        });
        if is_too_large {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.keep(false).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
