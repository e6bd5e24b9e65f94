//! Extractions without names: an Ente takes out its own rows of the lake, with the codebook that explains them.
//!
//! A request becomes a job in the background; what it makes is kept sealed for seven days and then swept. Nothing is done
//! that the audit did not take first. Whose the Ente is, and that its right and password were asked for, is the business of
//! whoever serves these pages: without an [`Extractor`] among the extensions there is no such page.

mod codebook;
mod file;
mod job;
mod keep;
mod pages;
mod record;
#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use rand::SeedableRng;
use rand::rngs::StdRng;
use templates::{Layout, Renderer};
use tokio::sync::Semaphore;
use uuid::Uuid;
use warehouse::Lake;

use crate::extraction::keep::Shelf;

/// How many files are made at once, of all Enti: a spreadsheet is made in memory.
const AT_ONCE: usize = 2;

/// A clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What extractions need besides the lake.
pub struct ExtractionConfig {
    /// Where they are kept.
    pub folder: PathBuf,
    /// What time it is.
    pub clock: Clock,
    /// Where keys come from.
    pub chance: StdRng,
}

/// What is told to the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtractionEvent {
    /// A page was looked at.
    Seen {
        /// Its address.
        path: String,
    },
    /// Something was done with an extraction.
    Done {
        /// What.
        act: Act,
        /// With which.
        extraction: Uuid,
        /// What was chosen, how much it is, and why.
        detail: String,
    },
}

/// What can be done with an extraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It was asked for.
    Request,
    /// It is ready to be taken.
    Ready,
    /// It could not be made, or not be read any more.
    Fail,
    /// It was taken.
    Download,
    /// It was deleted.
    Delete,
}

/// The audit did not take a line; whoever wrote it has logged why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit did not take a line")]
pub struct NotRecorded;

/// A line on its way to the audit.
pub type Recording = Pin<Box<dyn Future<Output = Result<(), NotRecorded>> + Send>>;

/// Writes a line to the audit, in the name of whoever asks.
pub type Recorder = Arc<dyn Fn(ExtractionEvent) -> Recording + Send + Sync>;

/// Who may take out the data of an Ente: put among the request's extensions by whoever knows the session.
#[derive(Clone)]
pub struct Extractor {
    /// The Ente.
    pub ente: EnteId,
    /// Its name.
    pub ente_name: String,
    /// The ISTAT codes of its comuni.
    pub comuni: Vec<String>,
    /// Who asks, for their colleagues.
    pub name: String,
    /// What pages show around their content, with the token of the session's forms: checking it is not this package's business.
    pub layout: Layout,
    /// The audit.
    pub record: Recorder,
}

impl std::fmt::Debug for Extractor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extractor").field("ente", &self.ente).finish_non_exhaustive()
    }
}

/// The extractions of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Extractions {
    shared: Arc<Shared>,
}

struct Shared {
    lake: Lake,
    instruments: Vec<Instrument>,
    renderer: Arc<Renderer>,
    folder: PathBuf,
    clock: Clock,
    chance: Mutex<StdRng>,
    turn: Arc<Semaphore>,
}

impl Extractions {
    /// Extractions from a lake. `instruments` are all definitions known, every version of each.
    #[must_use]
    pub fn new(lake: Lake, instruments: Vec<Instrument>, renderer: Arc<Renderer>, config: ExtractionConfig) -> Self {
        let ExtractionConfig { folder, clock, chance } = config;
        let (chance, turn) = (Mutex::new(chance), Arc::new(Semaphore::new(AT_ONCE)));
        Self { shared: Arc::new(Shared { lake, instruments, renderer, folder, clock, chance, turn }) }
    }

    /// The pages. Every handler needs an [`Extractor`] among the extensions.
    pub fn router(self) -> Router {
        Router::new()
            .route("/estrazioni", get(pages::list::get))
            .route("/estrazioni/nuova", get(pages::form::get).post(pages::form::post))
            .route("/estrazioni/{extraction}", get(pages::one::get))
            .route("/estrazioni/{extraction}/scarica", get(pages::one::download))
            .route("/estrazioni/{extraction}/elimina", post(pages::one::delete))
            .with_state(self)
    }

    /// Removes what is past its time, and what a crash left behind, of every Ente. Reads files: never on an async thread.
    pub fn sweep(&self) {
        for ente in keep::enti(&self.shared.folder) {
            if let Err(error) = self.shelf(ente).and_then(|shelf| shelf.sweep(self.now(), &mut self.chance())) {
                tracing::error!(ente.id = %ente, %error, "the extractions of an Ente cannot be swept");
            }
        }
    }

    fn now(&self) -> DateTime<Utc> {
        (self.shared.clock)()
    }

    /// A generator of its own for whoever asks.
    fn chance(&self) -> StdRng {
        let mut chance = self.shared.chance.lock().unwrap_or_else(PoisonError::into_inner);
        StdRng::from_rng(&mut *chance)
    }

    fn shelf(&self, ente: EnteId) -> Result<Shelf, keep::KeepError> {
        Shelf::open(&self.shared.folder, &self.shared.lake, ente)
    }
}

/// Seals anew what is kept of an Ente's extractions in `folder`, while the Ente's key is renewed ([`Lake::begin_renewal`]); gives how
/// many there were. Done again it goes on.
///
/// # Errors
/// An extraction that is being made; a file that cannot be read or written.
pub fn renew_extractions(folder: &Path, lake: &Lake, ente: EnteId, chance: &mut StdRng) -> Result<usize, RenewalError> {
    let renewed = Shelf::open(folder, lake, ente).and_then(|shelf| shelf.renew(chance));
    renewed.map_err(|error| RenewalError::Kept(error.into()))?.ok_or(RenewalError::Busy)
}

/// Why extractions cannot be sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// One is being made.
    #[error("an extraction of this Ente is being made: do it again when that is over")]
    Busy,
    /// What is kept cannot be read or written.
    #[error("what is kept of extractions cannot be sealed anew")]
    Kept(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl std::fmt::Debug for Extractions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extractions").finish_non_exhaustive()
    }
}
