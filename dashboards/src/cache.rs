//! Protected figures in memory: those that are shown, until a later state of the lake may take their place (`snapshot`).
//!
//! The key is Ente and strumento; nothing of one Ente is ever looked up for another. One computation runs at a time, on the blocking
//! pool; meanwhile the figures of before are shown, and where there are none whoever asks waits for it a little. A second server
//! computes the same where it keeps the same: protection has no chance in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use domain::feed::EnteId;
use domain::instrument::Instrument;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit, watch};
use warehouse::{DataQualityRow, DriftRow, Lake, PracticeRow, ReliabilityRow};

use crate::desk::{Desk, groups, snapshots};
use crate::protect::{Marts, ProtectError, Protected, Remembered, Start};
use crate::snapshot::{Position, Snapshot};
use crate::strumento::Strumento;

/// How long a request waits for a computation under way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What is ready of a strumento.
#[derive(Clone, Debug)]
pub(crate) enum Ready {
    /// Figures that may be shown.
    Figures(Snapshot),
    /// Still being computed.
    Preparing,
    /// They could not be protected: there are no figures.
    Refused,
    /// The lake could not be read: the next request tries again.
    Broken,
}

/// The last state of an Ente that is published. What it counts is questionnaires, and none of them leaves `pages::qualita` as it is.
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

type Outcome = Option<Result<Snapshot, Arc<ProtectError>>>;
type Key = (EnteId, String);

/// What is shown of a strumento, and of which state of the lake it has been decided that it is.
#[derive(Clone, Debug, Default)]
struct Showing {
    outcome: Outcome,
    settled: Option<i64>,
}

/// Of one strumento of an Ente.
struct Slot {
    /// The state that is looked at, or was.
    version: Option<i64>,
    sender: watch::Sender<Showing>,
}

/// What came of looking at a state.
enum Looked {
    /// Its figures.
    Figures(Box<Protected>),
    /// It is too early for it: what was shown is.
    Kept,
    /// The lake has it no longer: the next request looks at another.
    Overtaken,
}

/// The cache.
pub(crate) struct Cache {
    lake: Lake,
    instruments: Vec<Instrument>,
    publications: Mutex<BTreeMap<EnteId, Arc<Publication>>>,
    figures: Mutex<BTreeMap<Key, Slot>>,
    turn: Arc<Semaphore>,
    /// Held by the one Ente that is computed before anybody asks.
    ahead: Semaphore,
    /// Where figures are kept until the next ones, and groups of people their letters; without it both are found anew each time.
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

    /// Keeps figures and the letters of groups at this desk; the first one given stays.
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
        let is_asked = |table: &str| {
            ["mart_", "answers_"].iter().any(|start| table.starts_with(start))
                || ["assessments", "scores"].contains(&table)
        };
        let Some(lake) = self.lake.sound(ente, is_asked)? else { return Ok(None) };
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

    /// Looks whether figures of this state are to be shown of a strumento, unless it was done before, and gives what to wait for. Needs
    /// the runtime.
    pub(crate) fn start(self: &Arc<Self>, publication: &Arc<Publication>, strumento: &Arc<Strumento>) -> Running {
        let version = publication.position.version;
        let mut figures = locked(&self.figures);
        let slot = figures
            .entry((publication.ente, strumento.id.clone()))
            .or_insert_with(|| Slot { version: None, sender: watch::Sender::new(Showing::default()) });
        let running = Running { showing: slot.sender.subscribe(), version };
        if slot.version == Some(version) {
            return running;
        }
        slot.version = Some(version);
        let sender = slot.sender.clone();
        drop(figures);
        sender.send_modify(|showing| {
            // Whoever asks for a state again waits for it again.
            showing.settled = showing.settled.filter(|settled| *settled != version);
            if !matches!(showing.outcome, Some(Ok(_))) {
                showing.outcome = None;
            }
        });
        let look = Look {
            cache: Arc::clone(self),
            ente: publication.ente,
            position: publication.position,
            strumento: Arc::clone(strumento),
            sender,
            is_done: false,
        };
        tokio::spawn(look.go());
        running
    }

    /// The place of the one Ente that is computed before anybody asks: one after the other, so that a request never waits for
    /// more than the computation under way.
    pub(crate) async fn ahead(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.ahead.acquire().await
    }

    /// Looks at all of a publication, one strumento after the other.
    pub(crate) async fn compute_all(self: &Arc<Self>, publication: &Arc<Publication>) {
        for strumento in &publication.strumenti {
            self.start(publication, strumento).settled().await;
        }
    }

    /// Nothing is known any more of an Ente that has left.
    pub(crate) fn forget(&self, ente: EnteId) {
        locked(&self.publications).remove(&ente);
        locked(&self.figures).retain(|(of, _), _| *of != ente);
    }

    /// Lets the next request look again.
    fn look_again(&self, ente: EnteId, strumento: &str) {
        if let Some(slot) = locked(&self.figures).get_mut(&(ente, strumento.to_owned())) {
            slot.version = None;
        }
    }
}

/// What is being found out of a strumento of an Ente.
pub(crate) struct Running {
    showing: watch::Receiver<Showing>,
    version: i64,
}

impl Running {
    /// What is shown, after waiting no longer than `patience` where there is nothing yet.
    pub(crate) async fn wait(mut self, patience: Duration) -> Ready {
        let version = Some(self.version);
        let is_done = |showing: &Showing| showing.outcome.is_some() || showing.settled >= version;
        match tokio::time::timeout(patience, self.showing.wait_for(is_done)).await {
            Ok(Ok(showing)) => match &showing.outcome {
                Some(Ok(snapshot)) => Ready::Figures(snapshot.clone()),
                Some(Err(error)) if matches!(**error, ProtectError::Lake(_) | ProtectError::Kept) => Ready::Broken,
                Some(Err(_)) => Ready::Refused,
                None => Ready::Preparing,
            },
            Ok(Err(_)) | Err(_) => Ready::Preparing,
        }
    }

    /// Waits until it is decided whether this state is shown. One that was overtaken is not.
    async fn settled(mut self) {
        let version = Some(self.version);
        let _ = self.showing.wait_for(|showing| showing.settled >= version).await;
    }
}

/// A look at a state of the lake: whether its figures are to be shown, and which they are. Dropped, it is settled, and where it has not
/// come to an end the next request looks again.
struct Look {
    cache: Arc<Cache>,
    ente: EnteId,
    position: Position,
    strumento: Arc<Strumento>,
    sender: watch::Sender<Showing>,
    is_done: bool,
}

impl Drop for Look {
    fn drop(&mut self) {
        if !self.is_done {
            self.cache.look_again(self.ente, &self.strumento.id);
        }
        let version = Some(self.position.version);
        self.sender.send_modify(|showing| showing.settled = showing.settled.max(version));
    }
}

impl Look {
    async fn go(mut self) {
        self.is_done = match self.look().await {
            Ok(is_done) => is_done,
            Err(error) => self.fail(error),
        };
    }

    /// Whether it came to an end.
    async fn look(&self) -> Result<bool, ProtectError> {
        let Self { cache, ente, position, strumento, .. } = self;
        let (ente, id, version) = (*ente, strumento.id.as_str(), position.version);
        // What is kept is shown before this waits for others.
        if !self.may_be_next(self.shown().await?.as_ref()) {
            return Ok(true);
        }
        // Held until all is kept: the next state grows from it. By then another look, or another server, may have been first.
        let Ok(_turn) = Arc::clone(&cache.turn).acquire_owned().await else { return Ok(false) };
        let shown = self.shown().await?;
        if !self.may_be_next(shown.as_ref()) {
            return Ok(true);
        }
        let desk = cache.desk.get();
        let remembered = match desk {
            Some(desk) => groups::remembered(desk, ente, id).await,
            None => None,
        };
        let start = remembered.as_ref().map(|remembered| remembered.start(version)).unwrap_or_default();
        let (work, of, from, state) = (Arc::clone(cache), Arc::clone(strumento), start.clone(), *position);
        let looked = tokio::task::spawn_blocking(move || work.look(ente, state, &of, &from, shown.as_ref())).await;
        let figures = match looked {
            Ok(looked) => match looked? {
                Looked::Figures(figures) => figures,
                Looked::Kept => return Ok(true),
                Looked::Overtaken => return Ok(false),
            },
            Err(error) => {
                tracing::error!(ente.id = %ente, strumento = id, %error, "protecting figures broke off");
                return Ok(false);
            }
        };
        let snapshot = Snapshot { position: *position, figures: Arc::new(*figures) };
        if let Some(desk) = desk {
            // Nothing is shown that the next state might not know of, and nothing kept of an Ente that has left meanwhile.
            if !locked(&cache.figures).contains_key(&(ente, id.to_owned())) {
                return Ok(true);
            }
            if !snapshots::keep(desk, ente, id, &snapshot).await? {
                return Ok(false);
            }
            if remembered.is_none_or(|remembered| remembered.is_before(version)) {
                let found = Remembered::new(version, start, snapshot.figures.found().clone());
                groups::remember(desk, ente, id, &found).await;
            }
        }
        self.show(Ok(snapshot));
        Ok(true)
    }

    /// What is shown now: what is kept, where it is of a later state than what this server shows.
    async fn shown(&self) -> Result<Option<Snapshot>, ProtectError> {
        let here = self.sender.borrow().outcome.clone().and_then(Result::ok);
        let kept = match self.cache.desk.get() {
            Some(desk) => snapshots::kept(desk, self.ente, &self.strumento.id).await?,
            None => None,
        };
        let Some(kept) = kept else { return Ok(here) };
        match here {
            Some(here) if here.position.published_at >= kept.position.published_at => Ok(Some(here)),
            Some(_) | None => {
                self.show(Ok(kept.clone()));
                Ok(Some(kept))
            }
        }
    }

    /// Whether it is a state of a later month than the one that is shown.
    fn may_be_next(&self, shown: Option<&Snapshot>) -> bool {
        shown.is_none_or(|shown| shown.is_of_earlier_month_than(self.position.published_at))
    }

    fn show(&self, outcome: Result<Snapshot, ProtectError>) {
        self.sender.send_modify(|showing| showing.outcome = Some(outcome.map_err(Arc::new)));
    }

    /// Shows that there are no figures, where there are none of before; whether the next request need not look again.
    fn fail(&self, error: ProtectError) -> bool {
        let (ente, id) = (self.ente, self.strumento.id.as_str());
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(ente.id = %ente, strumento = id, %error, source, "figures of this state are not shown");
        let has_figures = matches!(self.sender.borrow().outcome, Some(Ok(_)));
        // A file or a database that could not be read may be readable next time. Where there are figures, the next state tries.
        let is_passing = matches!(error, ProtectError::Lake(_) | ProtectError::Kept);
        if !has_figures {
            self.show(Err(error));
        }
        if is_passing && !has_figures {
            locked(&self.cache.publications).remove(&ente);
        }
        has_figures || !is_passing
    }
}

impl Cache {
    /// Reads a state, and protects its figures where it is time for them.
    fn look(
        &self,
        ente: EnteId,
        state: Position,
        strumento: &Strumento,
        start: &Start,
        shown: Option<&Snapshot>,
    ) -> Result<Looked, ProtectError> {
        let Some(lake) = self.lake.at(ente, state.version)? else { return Ok(Looked::Overtaken) };
        if let Some(shown) = shown {
            let assessed = lake.assessed_after(shown.position.published_at)?;
            let of_this = assessed.iter().find(|row| row.instrument == strumento.id);
            if !of_this.is_some_and(Snapshot::may_go_after) {
                return Ok(Looked::Kept);
            }
        }
        let marts = Marts::read(&lake, strumento)?;
        Protected::new(&marts, strumento, start, shown.map(|shown| &*shown.figures))
            .map(|figures| Looked::Figures(Box::new(figures)))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
