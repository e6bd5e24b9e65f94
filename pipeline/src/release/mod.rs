//! Builds anonymous tables from the partitions of all Enti, and the files of projects from them.
//!
//! A [`Draft`] becomes [`Assessed`] when the verifier has looked at it, [`Cleared`] when nothing is wrong with it, and only
//! that can be written; the file is read back and verified once more before it gets its name. There is one table for each
//! strumento and window of entry ([`base`]), and the windows never overlap: nobody is in two. What a project gets is some of
//! its columns and a coarsening of its classes ([`part`]), never a second table of the same rows. Who is in it is not kept
//! anywhere; the seed is kept, sealed, beside the register.

mod base;
mod dataset;
mod dictionary;
mod file;
mod gate;
mod geography;
mod humans;
mod merge;
mod notes;
mod part;
mod profiles;
mod register;
mod table;
#[cfg(test)]
mod tests;
mod twin;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use anonymity::report::Measures;
use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};
use warehouse::LakeError;

use crate::links::LinksError;
use crate::run::PipelineError;

pub use base::{Base, Request, build};
pub use dataset::Terms;
pub use file::{Written, finish_interrupted};
pub use gate::{Assessed, Cleared, Draft, Gated};
pub use geography::Places;
pub use part::{Choice, Column, Part, PartRequest, choices, parts_folder, take_part};
pub use profiles::{Fact, Group, Profiles};
pub use register::{Entry, list};
pub use twin::twins_folder;

use base::ENTI_MIN;

/// The least that a contract with researchers allows.
const K_MIN: usize = 5;
/// Fewer people than this are not told of in a report.
const TOLD_MIN: usize = 10;

/// Why there is no release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The links of an Ente cannot be read.
    #[error(transparent)]
    Links(#[from] LinksError),
    /// A link was sealed for another key.
    #[error("a link of the Ente {0} cannot be opened: it was sealed for another release key")]
    Link(EnteId),
    /// A table of the lake has another schema.
    #[error("a table of the lake has no column {0} of the type expected; `noncello pipeline run` writes it again")]
    Column(&'static str),
    /// The strumento is not known.
    #[error("no strumento is called {0}; `noncello instrument list` shows those there are")]
    UnknownInstrument(String),
    /// Fewer than may be asked.
    #[error("k is {0}; at least {K_MIN} people in a class are needed")]
    LowK(usize),
    /// Who knows all people of one Ente knows too much of those of the other.
    #[error(
        "a release needs people of at least {ENTI_MIN} Enti, and there are those of {found}: with fewer, whoever takes away the people they know is left with another Ente's"
    )]
    FewEnti {
        /// How many there are.
        found: usize,
    },
    /// Nobody is to be released.
    #[error("nobody was assessed with {instrument} up to {cutoff}")]
    Nobody {
        /// The strumento.
        instrument: String,
        /// The cut-off.
        cutoff: NaiveDate,
    },
    /// The window of entry would hold people of a table that there is.
    #[error(
        "{earlier} holds everybody first assessed up to {until}: a second table of them could be intersected with it; take a part of it, or say a later --entered-by"
    )]
    Twice {
        /// The table there is.
        earlier: String,
        /// The last day of entry in it.
        until: NaiveDate,
    },
    /// A window of entry that ends after the last day looked at.
    #[error("entry ends on {entered_by}, after the cut-off {cutoff}: whoever enters later is not seen")]
    Window {
        /// The last day of entry.
        entered_by: NaiveDate,
        /// The cut-off.
        cutoff: NaiveDate,
    },
    /// No such table.
    #[error("no table is called {0}; `noncello release list` shows those there are")]
    UnknownBase(String),
    /// A table that was made before parts could be.
    #[error(
        "of {0} nothing is known beside its rows: it was made before parts of a table could be, and can only be given whole"
    )]
    NoNotes(String),
    /// A table that is another one than the register says.
    #[error("the table of {0} is not the one that was entered into the register: restore it from a copy")]
    Changed(String),
    /// Rows of people who entered outside the window.
    #[error("{0} rows are of people first assessed outside the window: nothing was written")]
    Strangers(usize),
    /// A part's label that is narrower than the whole table's.
    #[error("{label} in {column} tells more than the whole table does: nothing was written")]
    NotCoarser {
        /// The column.
        column: String,
        /// What it would have said.
        label: String,
    },
    /// A part with a class that an Ente sees through.
    #[error("only {left} people are left in a class without those of one Ente, and {k} are asked: nothing was written")]
    SeenThrough {
        /// How many.
        left: usize,
        /// How many are needed.
        k: usize,
    },
    /// A table that the self-test sees through.
    #[error("an attack on the table guesses {:.1} % of its cells more than frequencies do ({found:?}), and {:.0} % is allowed: nothing was written", .found.gain() * 100.0, .allowed * 100.0)]
    Exposed {
        /// What it found.
        found: SelfTest,
        /// The most allowed.
        allowed: f64,
    },
    /// Columns that a part cannot have.
    #[error("{0}")]
    Columns(String),
    /// The pipeline runs, or another release is being built.
    #[error(transparent)]
    Lock(#[from] PipelineError),
    /// The engine or the verifier refuses.
    #[error("no anonymous table can be made")]
    Anonymity(#[from] anonymity::Error),
    /// The table made does not hold.
    #[error("the table does not hold, and nothing was written: {count} violations; the first: {first}")]
    Refused {
        /// How many.
        count: usize,
        /// One of them.
        first: String,
    },
    /// A table in memory.
    #[error("the table cannot be held")]
    Arrow(#[from] ArrowError),
    /// A Parquet file.
    #[error("the table cannot be written or read as Parquet")]
    Parquet(#[from] ParquetError),
    /// The disk.
    #[error("{} cannot be read or written", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The register is not one.
    #[error("{} is not a register of releases: restore it from a copy; without it nobody knows what was released", .0.display())]
    Register(PathBuf),
}

/// Where a table comes from: the same for a base and for its parts. Nothing here is about one person or one Ente.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The strumento.
    pub instrument: String,
    /// SHA-256 of its definitions, by version.
    pub definitions_sha256: BTreeMap<u32, String>,
    /// The last day of an assessment.
    pub cutoff: NaiveDate,
    /// Everybody was first assessed after this day; `None` where no earlier table has the people before it.
    pub entered_after: Option<NaiveDate>,
    /// The last day of a first assessment.
    pub entered_by: NaiveDate,
    /// Enti with people in it.
    pub count_enti: usize,
    /// Humans: rows before any was left out.
    pub count_humans: usize,
    /// Humans without a code that holds in every Ente, counted once in each; `None` when they are fewer than ten.
    pub count_without_code: Option<usize>,
    /// Humans known to more than one Ente; `None` when they are fewer than ten.
    pub count_in_several_enti: Option<usize>,
    /// Humans assessed up to the cut-off who entered outside the window; `None` when they are fewer than ten.
    pub count_entered_outside: Option<usize>,
    /// The greatest distance asked of the profile, where there is one.
    pub t_profile_max: Option<f64>,
    /// The greatest distance asked of each other sensitive column; 1 asks nothing.
    pub t_others_max: f64,
    /// Asked: values in a class of each sensitive column in which one row in twenty has another value than the commonest.
    pub l: usize,
    /// What an attack on the whole table came to.
    pub self_test: SelfTest,
}

/// What whoever knows how the engine chooses, and not its seed, learns from a whole table alone (`anonymity::attack`): from some
/// cells values can be ruled out, and a guess at the others be better than by frequency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Cells of quasi-identifiers.
    pub all_cells: usize,
    /// Those with a label that is not a single value.
    pub cells: usize,
    /// Those of which some value is ruled out.
    pub narrowed: usize,
    /// The part of the values under their labels that is ruled out, mean over all cells.
    pub ruled_out: f64,
    /// Cells guessed right with the attack.
    pub guessed: usize,
    /// Cells guessed right without it, by frequency alone.
    pub guessed_without: usize,
}

impl SelfTest {
    /// By how much the attack betters guesses, as a part of all cells: of a table that is hardly generalised little is left to
    /// guess.
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.guessed.saturating_sub(self.guessed_without) as f64 / self.all_cells.max(1) as f64
    }
}

/// What is told of a release; in its folder as `rapporto.json`. Nothing here is about one person or one Ente.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Form of this report.
    pub format: &'static str,
    /// The release.
    pub id: String,
    /// The table of which it is a part.
    pub base: Option<String>,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Rows written.
    pub rows: usize,
    /// Rows left out of the whole table, and of this part of it.
    pub suppressed: usize,
    /// Asked: people in a class without those of any one Ente.
    pub k: usize,
    /// The quasi-identifiers; every other column is sensitive.
    pub quasi_identifiers: Vec<String>,
    /// What is reached.
    pub measures: Measures,
    /// Of the Parquet file; `None` until it is written.
    pub sha256: Option<String>,
}

/// The form of [`Report`].
const REPORT: &str = "release report 1";

fn told(people: usize) -> Option<usize> {
    (people >= TOLD_MIN).then_some(people)
}

/// The versions of a strumento, the newest last.
fn versions(instruments: &[Instrument], instrument: &str) -> Vec<Instrument> {
    let known = instruments.iter().filter(|known| known.id.as_str() == instrument);
    let mut versions: Vec<Instrument> = known.cloned().collect();
    versions.sort_by_key(|instrument| instrument.version);
    versions
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, ArrowError> {
    let column = batch.column_by_name(name).and_then(|array| array.as_string_opt());
    column.ok_or_else(|| ArrowError::SchemaError(format!("the column {name} is not text")))
}
