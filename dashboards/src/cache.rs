//! Protected figures, computed once for each publication and kept in memory.
//!
//! The key is Ente, version of its lake, strumento; nothing of one Ente is ever looked up for another. One computation runs
//! at a time, on the blocking pool, and whoever asks meanwhile waits for it a little. A second server would compute the
//! same where it remembers the same of groups with similar needs: protection has no chance in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit, watch};
use warehouse::{DataQualityRow, DriftRow, Lake, PracticeRow, ReliabilityRow};

use crate::desk::{Desk, groups};
use crate::protect::{Marts, ProtectError, Protected, Remembered, Start};
use crate::strumento::Strumento;

/// How long a request waits for a computation under way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What is ready of a strumento.
#[derive(Clone, Debug)]
pub(crate) enum Ready {
    /// Figures that may be shown.
    Figures(Arc<Protected>),
    /// Still being computed.
    Preparing,
    /// They could not be protected: there are no figures.
    Refused,
    /// The lake could not be read: the next request tries again.
    Broken,
}

/// Which state of an Ente's data is shown, said on every page and in every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) version: i64,
    pub(crate) published_at: DateTime<Utc>,
    /// The number of the last event of the Ente's feed that is in.
    pub(crate) last_seq: i64,
}

/// The published state of an Ente. What it counts is questionnaires, and none of them leaves `pages::qualita` as it is.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) ente: EnteId,
    pub(crate) position: Position,
    /// A later state is damaged: this is the last good one.
    pub(crate) is_earlier: bool,
    /// Those with data, in the order of the definitions, then by id.
    pub(crate) strumenti: Vec<Arc<Strumento>>,
    pub(crate) reliability: Vec<ReliabilityRow>,
    pub(crate) quality: Quality,
}

/// What marts say of how questionnaires are filled in, of all strumenti.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quality {
    pub(crate) data: Vec<DataQualityRow>,
    pub(crate) practice: Vec<PracticeRow>,
    pub(crate) drift: Vec<DriftRow>,
}

type Outcome = Option<Result<Arc<Protected>, Arc<ProtectError>>>;
type Key = (EnteId, i64, String);

/// The cache.
pub(crate) struct Cache {
    lake: Lake,
    instruments: Vec<Instrument>,
    publications: Mutex<BTreeMap<EnteId, Arc<Publication>>>,
    figures: Mutex<BTreeMap<Key, watch::Receiver<Outcome>>>,
    turn: Arc<Semaphore>,
    /// Held by the one Ente that is computed before anybody asks.
    ahead: Semaphore,
    /// Where groups of people keep their letters; without it they are found anew each time.
    desk: OnceLock<Desk>,
}

impl Cache {
    pub(crate) fn new(lake: Lake, instruments: Vec<Instrument>) -> Self {
        Self {
            lake,
            instruments,
            publications: Mutex::default(),
            figures: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
            ahead: Semaphore::new(1),
            desk: OnceLock::new(),
        }
    }

    /// Keeps the letters of groups at this desk; the first one given stays.
    pub(crate) fn remember_at(&self, desk: Desk) {
        let _ = self.desk.set(desk);
    }

    /// The definitions known.
    pub(crate) fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// What is published of an Ente now; `None` when nothing ever was. Reads files: never on an async thread.
    pub(crate) fn publication(&self, ente: EnteId) -> Result<Option<Arc<Publication>>, ProtectError> {
        let is_known =
            |version| locked(&self.publications).get(&ente).filter(|known| known.position.version == version).cloned();
        let Some(lake) = self.lake.ente(ente)? else { return Ok(None) };
        if let Some(known) = is_known(lake.manifest().version) {
            return Ok(Some(known));
        }
        drop(lake);
        // Of a state that is new here every file that a page can ask for is looked at; where one is damaged, the state before.
        let Some(lake) = self.lake.sound(ente, |table| table.starts_with("mart_"))? else { return Ok(None) };
        let manifest = lake.manifest();
        if let Some(known) = is_known(manifest.version) {
            return Ok(Some(known));
        }
        if let Some(damage) = lake.damage() {
            let version = manifest.version;
            tracing::error!(ente.id = %ente, damage, version, "the lake of an Ente is damaged: an earlier state is shown");
        }
        let mut ids: Vec<String> =
            lake.totals()?.into_iter().filter(|row| row.people > 0).map(|row| row.instrument).collect();
        let place = |id: &String| self.instruments.iter().position(|instrument| instrument.id.as_str() == id);
        ids.sort_by_key(|id| (place(id).unwrap_or(usize::MAX), id.clone()));
        ids.dedup();
        let publication = Arc::new(Publication {
            ente,
            position: Position {
                version: manifest.version,
                published_at: manifest.published_at,
                last_seq: manifest.last_seq,
            },
            is_earlier: lake.damage().is_some(),
            strumenti: ids.iter().map(|id| Arc::new(Strumento::new(id, &self.instruments))).collect(),
            reliability: lake.reliability()?,
            quality: Quality { data: lake.data_quality()?, practice: lake.practice()?, drift: lake.drift()? },
        });
        locked(&self.publications).insert(ente, Arc::clone(&publication));
        Ok(Some(publication))
    }

    /// Starts the computation of one strumento unless it was started before, and gives what to wait for. Needs the runtime.
    pub(crate) fn start(
        self: &Arc<Self>,
        publication: &Arc<Publication>,
        strumento: &Arc<Strumento>,
    ) -> watch::Receiver<Outcome> {
        let key = (publication.ente, publication.position.version, strumento.id.clone());
        let mut figures = locked(&self.figures);
        if let Some(running) = figures.get(&key) {
            return running.clone();
        }
        // What an earlier publication showed is never shown again.
        figures.retain(|(ente, version, id), _| *ente != key.0 || *id != key.2 || *version >= key.1);
        let (sender, receiver) = watch::channel(None);
        figures.insert(key.clone(), receiver.clone());
        drop(figures);
        let cache = Arc::clone(self);
        let strumento = Arc::clone(strumento);
        tokio::spawn(async move {
            // Held until the groups are remembered: the next state grows from them.
            let Ok(_turn) = Arc::clone(&cache.turn).acquire_owned().await else { return };
            let (ente, version, id) = key.clone();
            let work = Arc::clone(&cache);
            let remembered = match cache.desk.get() {
                Some(desk) => groups::remembered(desk, ente, &id).await,
                None => None,
            };
            let start = remembered.as_ref().map(|remembered| remembered.start(version)).unwrap_or_default();
            let from = start.clone();
            let done = tokio::task::spawn_blocking(move || work.compute(ente, version, &strumento, &from));
            match done.await {
                // A file that could not be read may be readable next time.
                Ok(Some(Err(ProtectError::Lake(error)))) => {
                    tracing::error!(ente.id = %ente, strumento = id, %error, "the marts cannot be read");
                    locked(&cache.publications).remove(&ente);
                    locked(&cache.figures).remove(&key);
                    sender.send_replace(Some(Err(Arc::new(ProtectError::Lake(error)))));
                }
                Ok(Some(outcome)) => {
                    if let Err(error) = &outcome {
                        let source = std::error::Error::source(error).map(ToString::to_string);
                        tracing::error!(ente.id = %ente, strumento = id, %error, source, "figures are not shown: they could not be protected");
                    }
                    let found = outcome.as_ref().ok().map(|figures| figures.found().clone());
                    sender.send_replace(Some(outcome.map(Arc::new).map_err(Arc::new)));
                    let is_new = remembered.is_none_or(|remembered| remembered.is_before(version));
                    if let (Some(desk), Some(found), true) = (cache.desk.get(), found, is_new) {
                        groups::remember(desk, ente, &id, &Remembered::new(version, start, found)).await;
                    }
                }
                // Overtaken by another publication: the next request starts anew, on that one.
                Ok(None) => {
                    locked(&cache.figures).remove(&key);
                }
                Err(error) => {
                    tracing::error!(ente.id = %ente, strumento = id, %error, "protecting figures broke off");
                    locked(&cache.figures).remove(&key);
                }
            }
        });
        receiver
    }

    /// The place of the one Ente that is computed before anybody asks: one after the other, so that a request never waits for
    /// more than the computation under way.
    pub(crate) async fn ahead(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.ahead.acquire().await
    }

    /// Computes all of a publication, one strumento after the other.
    pub(crate) async fn compute_all(self: &Arc<Self>, publication: &Arc<Publication>) {
        for strumento in &publication.strumenti {
            let mut running = self.start(publication, strumento);
            // One that was overtaken ends without an outcome.
            let _ = running.wait_for(Option::is_some).await;
        }
    }

    /// What is ready, after waiting no longer than `patience`.
    pub(crate) async fn wait(mut receiver: watch::Receiver<Outcome>, patience: Duration) -> Ready {
        match tokio::time::timeout(patience, receiver.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => match &*outcome {
                Some(Ok(figures)) => Ready::Figures(Arc::clone(figures)),
                Some(Err(error)) if matches!(**error, ProtectError::Lake(_)) => Ready::Broken,
                Some(Err(_)) => Ready::Refused,
                None => Ready::Preparing,
            },
            Ok(Err(_)) | Err(_) => Ready::Preparing,
        }
    }

    fn compute(
        &self,
        ente: EnteId,
        version: i64,
        strumento: &Strumento,
        start: &Start,
    ) -> Option<Result<Protected, ProtectError>> {
        let marts = match self.lake.at(ente, version) {
            Ok(Some(lake)) => Marts::read(&lake, strumento),
            Ok(None) => return None,
            Err(error) => Err(error),
        };
        Some(marts.map_err(ProtectError::from).and_then(|marts| Protected::new(&marts, strumento, start)))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
