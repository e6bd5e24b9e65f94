//! Tables that were sent to a page: tried at once, imported when whoever sent them says so.
//!
//! The file stands in memory alone, for as long as somebody needs to read what was found, and is overwritten when it goes; so
//! does what was found. One table per Ente and a few in all (docs/adr/0015-imports-from-the-page.md says why). What a
//! restart takes away is sent again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use rand::RngExt;
use sha2::{Digest, Sha256};
use store::{AccountId, EnteScope, Store};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{ImportError, ImportReport, Map, Options, run};
use crate::portal::Portal;

/// How long a table waits for a word.
pub(crate) const KEPT: TimeDelta = TimeDelta::minutes(15);
/// Tables that wait at once, of all Enti.
const WAITING_MAX: usize = 8;
/// Tables that are worked on at once: each takes a core, and memory.
const AT_ONCE: usize = 2;
/// How long a page waits for a small table, so that nobody has to ask twice.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often what is past its time is looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// A file that somebody sent; overwritten when the last one who holds it lets go.
pub(crate) type File = Arc<Zeroizing<Vec<u8>>>;

/// What an import says of a table.
pub(crate) type Found = Arc<Result<ImportReport, ImportError>>;

/// How far a table is.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// It is being tried.
    Trying,
    /// It was tried.
    Tried(Found),
    /// It is being imported.
    Importing,
    /// It was imported, or was not after all.
    Done(Found),
    /// Something of ours broke, and was logged.
    Broken,
}

impl Step {
    const fn is_running(&self) -> bool {
        matches!(self, Self::Trying | Self::Importing)
    }
}

/// A table that was sent.
#[derive(Clone)]
pub(crate) struct Trial {
    pub(crate) id: Uuid,
    ente: EnteId,
    account: AccountId,
    pub(crate) instrument: Instrument,
    /// From where it comes, as who sent it says.
    pub(crate) source: String,
    map: Arc<Map>,
    file: Option<File>,
    pub(crate) size: usize,
    /// Of the file, lower-case hexadecimal.
    pub(crate) sha256: String,
    until: DateTime<Utc>,
    rows: Arc<AtomicU64>,
    step: watch::Receiver<Step>,
}

impl Trial {
    /// How far it is; a small table is waited for.
    pub(crate) async fn step(&mut self) -> Step {
        let over = self.step.wait_for(|step| !step.is_running());
        // Whoever works on it says how it ends; one that was broken off never will.
        let is_broken_off = matches!(tokio::time::timeout(PATIENCE, over).await, Ok(Err(_)));
        let step = self.step.borrow().clone();
        if is_broken_off && step.is_running() { Step::Broken } else { step }
    }

    /// Rows read so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    fn is_running(&self) -> bool {
        self.step.borrow().is_running() && self.step.has_changed().is_ok()
    }
}

/// What is sent with a table.
pub(crate) struct NewTrial {
    pub(crate) account: AccountId,
    pub(crate) instrument: Instrument,
    pub(crate) source: String,
    pub(crate) map: Map,
    pub(crate) file: File,
}

/// Why a table is not taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// The Ente's own is being worked on.
    Ente,
    /// Too many others wait.
    Portal,
}

/// All tables that wait.
#[derive(Clone)]
pub(crate) struct Trials {
    waiting: Arc<Mutex<BTreeMap<EnteId, Trial>>>,
    turns: Arc<Semaphore>,
}

impl Trials {
    pub(crate) fn new() -> Self {
        Self { waiting: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<EnteId, Trial>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is past its time; `false` when nothing is left.
    fn sweep(&self, now: DateTime<Utc>) -> bool {
        let mut waiting = self.waiting();
        waiting.retain(|_, trial| trial.is_running() || now < trial.until);
        !waiting.is_empty()
    }

    /// The table with this id, if this account of this Ente sent it and it still waits.
    pub(crate) fn find(&self, scope: &EnteScope, account: AccountId, id: Uuid, now: DateTime<Utc>) -> Option<Trial> {
        self.sweep(now);
        self.waiting().get(&scope.ente()).filter(|trial| trial.id == id && trial.account == account).cloned()
    }

    /// Forgets a table, unless it is being worked on.
    pub(crate) fn forget(&self, trial: &Trial) {
        let mut waiting = self.waiting();
        if waiting.get(&trial.ente).is_some_and(|known| known.id == trial.id && !known.is_running()) {
            waiting.remove(&trial.ente);
        }
    }

    /// Takes a table and tries it, in the place of an earlier one of the Ente.
    pub(crate) fn begin(
        &self,
        portal: &Portal,
        store: &Store,
        scope: &EnteScope,
        new: NewTrial,
        now: DateTime<Utc>,
    ) -> Result<Uuid, Busy> {
        self.sweep(now);
        let (say, step) = watch::channel(Step::Trying);
        let trial = Trial {
            id: uuid::Builder::from_random_bytes(portal.chance().random()).into_uuid(),
            ente: scope.ente(),
            account: new.account,
            instrument: new.instrument,
            source: new.source,
            map: Arc::new(new.map),
            size: new.file.len(),
            sha256: hex::encode(Sha256::digest(new.file.as_slice())),
            file: Some(new.file),
            until: now + KEPT,
            rows: Arc::default(),
            step,
        };
        {
            let mut waiting = self.waiting();
            if waiting.get(&trial.ente).is_some_and(Trial::is_running) {
                return Err(Busy::Ente);
            }
            if waiting.len() >= WAITING_MAX && !waiting.contains_key(&trial.ente) {
                return Err(Busy::Portal);
            }
            waiting.insert(trial.ente, trial.clone());
        }
        let id = trial.id;
        let options = Options { dry_run: true, accept_warnings: false };
        self.work(portal, store, scope, trial, options, now, say);
        self.forget_in_time(portal);
        Ok(id)
    }

    /// Imports a table that was tried; one that somebody else set going meanwhile is left alone.
    pub(crate) fn import(
        &self,
        portal: &Portal,
        store: &Store,
        scope: &EnteScope,
        id: Uuid,
        options: Options,
        now: DateTime<Utc>,
    ) {
        let (say, step) = watch::channel(Step::Importing);
        let trial = {
            let mut waiting = self.waiting();
            let Some(trial) = waiting.get_mut(&scope.ente()).filter(|trial| trial.id == id) else { return };
            let is_tried = matches!(&*trial.step.borrow(), Step::Tried(_));
            if !is_tried || trial.file.is_none() {
                return;
            }
            trial.step = step;
            trial.rows = Arc::default();
            trial.until = now + KEPT;
            let whole = trial.clone();
            // It is not needed again: what cannot be imported is mended and sent anew.
            trial.file = None;
            whole
        };
        self.work(portal, store, scope, trial, options, now, say);
    }

    /// Reads a table away from the threads that serve pages: opening, reading, scoring and sealing take a core for as long as
    /// they last.
    #[expect(clippy::too_many_arguments, reason = "one step of `begin` and `import`, which own all of them")]
    fn work(
        &self,
        portal: &Portal,
        store: &Store,
        scope: &EnteScope,
        trial: Trial,
        options: Options,
        now: DateTime<Utc>,
        say: watch::Sender<Step>,
    ) {
        let (turns, store, scope) = (self.turns.clone(), store.clone(), scope.clone());
        let mut chance = portal.chance();
        tokio::spawn(async move {
            let Ok(turn) = turns.acquire_owned().await else { return };
            let handle = Handle::current();
            let done = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let file = trial.file?;
                let mut progress = |rows| trial.rows.store(rows, Ordering::Relaxed);
                let reading = run(
                    &store,
                    &scope,
                    &trial.instrument,
                    &trial.map,
                    file.as_slice(),
                    options,
                    now,
                    &mut chance,
                    &mut progress,
                );
                Some(Arc::new(handle.block_on(reading)))
            });
            let step = match done.await {
                Ok(Some(found)) => {
                    if let Err(ImportError::Store(error)) = &*found {
                        tracing::error!(%error, source = ?std::error::Error::source(error), "an import from a page failed");
                    }
                    if options.dry_run { Step::Tried(found) } else { Step::Done(found) }
                }
                Ok(None) => Step::Broken,
                Err(error) => {
                    tracing::error!(%error, "an import from a page was broken off");
                    Step::Broken
                }
            };
            // Nobody may be there any more to hear it.
            let _ = say.send(step);
        });
    }

    /// Lets go of what is past its time although nobody asks for it.
    fn forget_in_time(&self, portal: &Portal) {
        let (trials, portal) = (self.clone(), portal.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                if !trials.sweep(portal.now()) {
                    return;
                }
            }
        });
    }
}
