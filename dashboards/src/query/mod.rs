//! Questions in SQL: an Ente's analyst asks one SELECT over the Ente's published tables, on a page or by a program.
//!
//! One question of an Ente is answered at a time, two in all, each by a process of its own (`warehouse::analyst`) and away from
//! the threads that serve pages; whoever asked may be gone before the answer comes, and it ends at its deadline all the same.
//! Nothing is asked that the audit did not take first. Whose the Ente is, and that its right was asked for, is the business of
//! whoever serves these pages or calls [`Queries::ask`].

mod catalogue;
mod examples;
mod pages;
pub(crate) mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use rand::Rng;
use rand::rngs::StdRng;
use templates::{Layout, Renderer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;
use warehouse::analyst::{Answer, AnswerError, Caps};
use warehouse::{EnteLake, Lake};

use crate::NotRecorded;
use crate::extraction::Clock;
use crate::query::catalogue::{Made, Table};
pub use crate::query::examples::Example;
pub(crate) use crate::query::pages::{Problem, status};
pub use crate::query::shape::AnswerFormat;
use crate::query::shape::ShapeError;

/// Characters of a question.
pub const CHARACTERS_MAX: usize = 20_000;

/// Processes that answer at once, of all Enti: each may take a core for as long as it may last, and its memory.
const AT_ONCE: usize = 2;

/// What an answer may take here: less time than a request has, the wait for a turn included.
pub const CAPS: Caps = Caps { rows: 100_000, bytes: 64 << 20, memory_mib: 1_024, seconds: 15 };

/// How long a question waits for its turn.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Gives the command that answers, which calls `warehouse::analyst::answer` and nothing else.
pub type Program = Arc<dyn Fn() -> Command + Send + Sync>;

/// What questions need besides the lake.
pub struct QueryConfig {
    /// What answers.
    pub program: Program,
    /// What an answer may take.
    pub caps: Caps,
    /// How long a question waits for its turn.
    pub patience: Duration,
    /// What time it is.
    pub clock: Clock,
    /// Where the ids of questions come from.
    pub chance: StdRng,
}

/// What is told to the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryEvent {
    /// The page was looked at.
    Seen {
        /// Its address.
        path: String,
    },
    /// A question went one step on.
    Question {
        /// Which step.
        act: Step,
        /// Of which question.
        question: Uuid,
        /// Its hash and the tables it names; or how it ended, in codes and counts. Never its text.
        detail: String,
    },
}

/// The steps of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is asked, and not answered yet.
    Ask,
    /// It was answered.
    Answer,
    /// It is none that is answered.
    Refuse,
    /// It had no answer.
    Fail,
}

/// A line on its way to the audit.
pub type QueryRecording = Pin<Box<dyn Future<Output = Result<(), NotRecorded>> + Send>>;

/// Writes a line to the audit, in the name of whoever asks.
pub type QueryRecorder = Arc<dyn Fn(QueryEvent) -> QueryRecording + Send + Sync>;

/// Who may ask, and whose data: put among the request's extensions by whoever knows the session.
#[derive(Clone)]
pub struct Analyst {
    /// The Ente.
    pub ente: EnteId,
    /// Its name.
    pub ente_name: String,
    /// What pages show around their content, with the token of the session's forms: checking it is not this package's business.
    pub layout: Layout,
    /// The audit.
    pub record: QueryRecorder,
}

impl std::fmt::Debug for Analyst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analyst").field("ente", &self.ente).finish_non_exhaustive()
    }
}

/// An answer, and how long it took.
#[derive(Debug)]
pub struct Answered {
    answer: Answer,
    /// By the clock, from the turn on.
    milliseconds: i64,
}

impl Answered {
    /// As a file in a format.
    fn file(&self, format: AnswerFormat, caps: Caps) -> Result<Vec<u8>, Unanswered> {
        file(&self.answer, format, caps)
    }

    /// Its rows.
    #[must_use]
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.answer.batches.iter().map(arrow::array::RecordBatch::num_rows).sum()
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// There is nothing in it.
    #[error("there is no question")]
    Empty,
    /// More than [`CHARACTERS_MAX`] characters.
    #[error("a question has {CHARACTERS_MAX} characters at most")]
    TooLong,
    /// Another question of the Ente, or of others, takes too long to wait for.
    #[error("other questions are being answered: ask again in a moment")]
    Busy,
    /// Nothing of the Ente is published.
    #[error("nothing of the Ente is published yet")]
    Unpublished,
    /// Not one SELECT over the Ente's tables, or DuckDB refuses it.
    #[error("{0}")]
    Refused(String),
    /// It took too long.
    #[error("there is no answer within {0} seconds: ask for less, or of fewer years")]
    Late(u32),
    /// More rows or bytes than agreed.
    #[error("the answer has more than {} rows or {} MiB: add a condition or a `limit`", .0.rows, .0.bytes >> 20)]
    Large(Caps),
    /// More memory than there is.
    #[error("the answer needs more memory than there is for it: ask for less, or group first")]
    Memory,
    /// A type of the answer has no place in the format.
    #[error("a column has a type that this format cannot hold: cast it to text")]
    Format,
    /// Ours, and logged already.
    #[error("something of ours is broken")]
    Broken,
}

impl Unanswered {
    /// Its code: of the page's words, and of the audit.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Busy => "busy",
            Self::Unpublished => "unpublished",
            Self::Refused(_) => "refused",
            Self::Late(_) => "late",
            Self::Large(_) => "large",
            Self::Memory => "memory",
            Self::Format => "format",
            Self::Broken => "broken",
        }
    }
}

/// Questions to the lake of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Queries {
    shared: Arc<Shared>,
}

struct Shared {
    lake: Lake,
    instruments: Vec<Instrument>,
    renderer: Arc<Renderer>,
    program: Program,
    caps: Caps,
    patience: Duration,
    clock: Clock,
    chance: Mutex<StdRng>,
    turns: Turns,
    /// What may be asked, by Ente: columns and their meanings, no row.
    tables: Mutex<BTreeMap<EnteId, Made>>,
}

impl Shared {
    /// What was made of this version.
    fn tables(&self, ente: EnteId, version: i64) -> Option<Arc<Vec<Table>>> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.get(&ente).filter(|(of, _)| *of == version).map(|(_, tables)| Arc::clone(tables))
    }

    fn keep_tables(&self, ente: EnteId, made: Made) {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).insert(ente, made);
    }
}

/// Whose turn it is to have a question answered: one of each asker at a time, and a few in all.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    by_asker: Mutex<BTreeMap<Uuid, Arc<Semaphore>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), by_asker: Mutex::default() }
    }
}

/// The turn to have a question answered; given back when dropped.
pub(crate) struct Turn {
    _of_the_asker: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    /// Waits for a turn, so long at most. First the asker's own: who asks much waits for itself.
    pub(crate) async fn take(&self, asker: Uuid, patience: Duration) -> Result<Turn, Unanswered> {
        let turn = tokio::time::timeout(patience, self.turn(asker)).await;
        turn.map_err(|_| Unanswered::Busy)?.ok_or(Unanswered::Broken)
    }

    async fn turn(&self, asker: Uuid) -> Option<Turn> {
        let own = {
            let mut by_asker = self.by_asker.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(by_asker.entry(asker).or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        let of_the_asker = own.acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _of_the_asker: of_the_asker, _of_all: of_all })
    }
}

impl Queries {
    /// Questions to a lake. `instruments` are all definitions known, every version of each.
    #[must_use]
    pub fn new(lake: Lake, instruments: Vec<Instrument>, renderer: Arc<Renderer>, config: QueryConfig) -> Self {
        let QueryConfig { program, caps, patience, clock, chance } = config;
        let (chance, turns, tables) = (Mutex::new(chance), Turns::default(), Mutex::default());
        let shared = Shared { lake, instruments, renderer, program, caps, patience, clock, chance, turns, tables };
        Self { shared: Arc::new(shared) }
    }

    /// The pages. Every handler needs an [`Analyst`] among the extensions.
    pub fn router(self) -> Router {
        Router::new()
            .route("/interrogazioni", get(pages::get))
            .route("/interrogazioni/risposta", get(pages::nothing_asked).post(pages::answer))
            .route("/interrogazioni/file", post(pages::file))
            .with_state(self)
    }

    /// Questions that are worth asking of an Ente: those whose tables are published.
    #[must_use]
    pub fn examples() -> Vec<Example> {
        examples::all()
    }

    /// Has a question answered, in the name of whoever `record` writes for. What was begun ends even where nobody waits any
    /// more, with its line in the audit.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub async fn ask(&self, ente: EnteId, record: &QueryRecorder, sql: String) -> Result<Answered, Unanswered> {
        check_length(&sql)?;
        let turn = self.shared.turns.take(ente.0, self.shared.patience).await?;
        let (queries, record) = (self.clone(), Arc::clone(record));
        let asked = tokio::spawn(async move {
            let answered = queries.answered(ente, &record, sql).await;
            drop(turn);
            answered
        });
        asked.await.unwrap_or_else(|error| {
            tracing::error!(ente.id = %ente, %error, "a question broke off");
            Err(Unanswered::Broken)
        })
    }

    /// The same, as the bytes of a file.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub async fn ask_file(
        &self,
        ente: EnteId,
        record: &QueryRecorder,
        sql: String,
        format: AnswerFormat,
    ) -> Result<Vec<u8>, Unanswered> {
        let answered = self.ask(ente, record, sql).await?;
        self.on_the_pool(ente, move |shared| Ok(answered.file(format, shared.caps))).await?
    }

    async fn answered(&self, ente: EnteId, record: &QueryRecorder, sql: String) -> Result<Answered, Unanswered> {
        let lake = self.on_the_pool(ente, move |shared| Ok(shared.lake.ente(ente)?)).await?;
        let lake = lake.ok_or(Unanswered::Unpublished)?;
        let question = self.id();
        let told = |act, detail| record(QueryEvent::Question { act, question, detail });
        told(Step::Ask, catalogue::described(&lake, &sql)).await.map_err(|NotRecorded| Unanswered::Broken)?;
        let begun = (self.shared.clock)();
        let answer = self.on_the_pool(ente, move |shared| answer(shared, &lake, &sql)).await;
        let answered = answer.map(|answer| {
            let milliseconds = ((self.shared.clock)() - begun).num_milliseconds();
            Answered { answer, milliseconds }
        });
        let (act, detail) = match &answered {
            Ok(answered) => (Step::Answer, format!("rows={}", answered.rows())),
            // Not the reason, which may quote what was typed.
            Err(Unanswered::Refused(_)) => (Step::Refuse, String::from("refused")),
            Err(problem) => (Step::Fail, problem.code().to_owned()),
        };
        told(act, detail).await.map_err(|NotRecorded| Unanswered::Broken)?;
        answered
    }

    /// Works on the blocking pool; what is ours to mend is logged here, once.
    async fn on_the_pool<T: Send + 'static>(
        &self,
        ente: EnteId,
        work: impl FnOnce(&Shared) -> Result<T, AnswerError> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let shared = Arc::clone(&self.shared);
        let caps = shared.caps;
        let error = match tokio::task::spawn_blocking(move || work(&shared)).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(error) => {
                tracing::error!(ente.id = %ente, %error, "the work of a question broke off");
                return Err(Unanswered::Broken);
            }
        };
        Err(unanswered(error, caps)
            .inspect_err(|error| {
                let source = std::error::Error::source(error).map(ToString::to_string);
                tracing::error!(ente.id = %ente, %error, source, "a question cannot be answered");
            })
            .unwrap_or(Unanswered::Broken))
    }

    /// A new id.
    fn id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.shared.chance.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// An answer as a file in a format.
pub(crate) fn file(answer: &Answer, format: AnswerFormat, caps: Caps) -> Result<Vec<u8>, Unanswered> {
    shape::file(answer, format).map_err(|error| match error {
        ShapeError::Large => Unanswered::Large(caps),
        ShapeError::Arrow(_) | ShapeError::File(_) => {
            tracing::info!(%error, "an answer does not fit the format that was asked for");
            Unanswered::Format
        }
    })
}

/// Whether a question can be one at all.
pub(crate) fn check_length(sql: &str) -> Result<(), Unanswered> {
    if sql.trim().is_empty() {
        return Err(Unanswered::Empty);
    }
    if sql.chars().count() > CHARACTERS_MAX {
        return Err(Unanswered::TooLong);
    }
    Ok(())
}

/// Why a question has no answer, for whoever asked; what is ours to mend is given back.
pub(crate) fn unanswered(error: AnswerError, caps: Caps) -> Result<Unanswered, AnswerError> {
    match error {
        AnswerError::Refused(reason) => Ok(Unanswered::Refused(reason)),
        AnswerError::Late(seconds) => Ok(Unanswered::Late(seconds)),
        AnswerError::Large(_) => Ok(Unanswered::Large(caps)),
        AnswerError::Died => Ok(Unanswered::Memory),
        AnswerError::Lake(_) | AnswerError::Process(_) | AnswerError::Content(_) => Err(error),
    }
}

fn answer(shared: &Shared, lake: &EnteLake, sql: &str) -> Result<Answer, AnswerError> {
    lake.ask(&mut (shared.program)(), sql, shared.caps)
}

impl std::fmt::Debug for Queries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queries").finish_non_exhaustive()
    }
}
