//! What the portal is made of, and what its handlers share.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use chrono::{DateTime, Utc};
use documents::{PaperError, Press};
use domain::calibration::Calibration;
use domain::feed::EnteId;
use domain::instrument::{Id, Instrument};
use domain::run::RunRecord;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{AccountId, PasskeySite, Store};
use templates::{RenderError, Renderer};
use tokio::sync::Semaphore;

use crate::api::interrogazioni::Answerer;
use crate::cookies::Cookies;
use crate::gateway::Gateway;
use crate::import::trials::Trials;
use crate::{instruments, routes, upload};

/// Papers that are set at once: each takes a core for a moment.
const PAPERS_AT_ONCE: usize = 2;

/// A clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Reads what the pipeline's last run came to for an Ente: from a file, so never on an async thread.
pub type RunReader = Arc<dyn Fn(EnteId) -> Option<RunRecord> + Send + Sync>;

/// Reads the calibration of an Ente: from a file, so never on an async thread.
pub type CalibrationReader = Arc<dyn Fn(EnteId) -> Option<Calibration> + Send + Sync>;

/// Counts the editions of reports that an account of an Ente has not opened; nothing where it cannot be told now.
pub type UnreadReader =
    Arc<dyn Fn(EnteId, AccountId) -> Pin<Box<dyn Future<Output = Option<u32>> + Send>> + Send + Sync>;

/// What a portal is made of.
pub struct PortalConfig {
    /// The portal's database; without one the strumenti can be read and tried out, and nobody can log in.
    pub store: Option<Store>,
    /// The strumenti, every version of them.
    pub instruments: Vec<Instrument>,
    /// Synthetic data: said on every page.
    pub is_demonstration: bool,
    /// What time it is.
    pub clock: Clock,
    /// Where secrets come from: seeded by the system's generator, or by a test.
    pub chance: StdRng,
    /// How cookies are marked.
    pub cookies: Cookies,
    /// The site that passkeys are made for; without it there are none.
    pub passkeys: Option<PasskeySite>,
    /// What vouches for people besides their password, where there is one.
    pub gateway: Option<Gateway>,
    /// What the pipeline's last run came to for an Ente; without it no page knows.
    pub runs: Option<RunReader>,
    /// How precisely strumenti measure among the people of an Ente; without it reports use what definitions say.
    pub calibrations: Option<CalibrationReader>,
    /// Reverse proxies whose word on the client's address counts; nobody else's does.
    pub trusted_proxies: Vec<IpAddr>,
    /// What answers questions in SQL, where there is a lake; without it programs find none.
    pub answerer: Option<Answerer>,
    /// Who has editions of reports to read, where there are dashboards; without it the desk says nothing of them.
    pub unread: Option<UnreadReader>,
}

/// What handlers share.
#[derive(Clone, Debug)]
pub struct Portal {
    shared: Arc<Shared>,
}

struct Shared {
    renderer: Renderer,
    store: Option<Store>,
    instruments: Vec<Instrument>,
    is_demonstration: bool,
    clock: Clock,
    chance: Mutex<StdRng>,
    cookies: Cookies,
    passkeys: Option<PasskeySite>,
    gateway: Option<Gateway>,
    runs: Option<RunReader>,
    calibrations: Option<CalibrationReader>,
    trusted_proxies: Vec<IpAddr>,
    answerer: Option<Answerer>,
    unread: Option<UnreadReader>,
    press: Arc<Press>,
    setting: Arc<Semaphore>,
    trials: Trials,
    uploading: Semaphore,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").field("is_demonstration", &self.is_demonstration).finish_non_exhaustive()
    }
}

/// Why the portal cannot start.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// A template is not valid.
    #[error(transparent)]
    Template(#[from] RenderError),
    /// The fonts or sources of papers in the binary are broken.
    #[error(transparent)]
    Papers(#[from] PaperError),
    /// A definition that is shipped breaks a rule.
    #[error(transparent)]
    Instrument(#[from] instruments::ShippedError),
    /// Two strumenti that nobody could tell apart.
    #[error("there is already a strumento {id} {version}: give the new one another id or version")]
    Twice {
        /// Their id.
        id: Id,
        /// Their version.
        version: u32,
    },
}

impl Portal {
    /// A portal.
    ///
    /// # Errors
    /// When a template in the binary is broken, or two strumenti have the same id and version.
    pub fn new(config: PortalConfig) -> Result<Self, PortalError> {
        for (place, one) in config.instruments.iter().enumerate() {
            if config.instruments[..place].iter().any(|known| (&known.id, known.version) == (&one.id, one.version)) {
                return Err(PortalError::Twice { id: one.id.clone(), version: one.version });
            }
        }
        let shared = Shared {
            renderer: Renderer::new()?,
            store: config.store,
            instruments: config.instruments,
            is_demonstration: config.is_demonstration,
            clock: config.clock,
            chance: Mutex::new(config.chance),
            cookies: config.cookies,
            passkeys: config.passkeys,
            gateway: config.gateway,
            runs: config.runs,
            calibrations: config.calibrations,
            trusted_proxies: config.trusted_proxies,
            answerer: config.answerer,
            unread: config.unread,
            press: Arc::new(Press::new()?),
            setting: Arc::new(Semaphore::new(PAPERS_AT_ONCE)),
            trials: Trials::new(),
            uploading: Semaphore::new(upload::FILES_AT_ONCE),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Everything that the portal answers. Serve it with the peer's address (`into_make_service_with_connect_info`), which
    /// throttling counts by.
    pub fn router(&self) -> Router {
        self.router_with(Router::new())
    }

    /// The portal's router with other pages beside its own, under the same headers, limits and page for what is not found.
    pub fn router_with(&self, others: Router) -> Router {
        routes::router(self, others)
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.shared.clock)()
    }

    /// The portal's database, where there is one.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.shared.store.as_ref()
    }

    /// What the pipeline's last run came to for an Ente.
    pub(crate) async fn run_record(&self, ente: EnteId) -> Option<RunRecord> {
        let runs = self.shared.runs.clone()?;
        // A page that says nothing of the run is better than none: whoever reads the files logs what is wrong.
        tokio::task::spawn_blocking(move || runs(ente)).await.ok().flatten()
    }

    /// The standard errors of measurement that reports of an Ente use instead of the definition's: from its own data, once there is
    /// enough.
    pub(crate) async fn sem_hundredths(&self, ente: EnteId, instrument: &Instrument) -> BTreeMap<Id, i32> {
        let Some(calibrations) = self.shared.calibrations.clone() else { return BTreeMap::new() };
        let calibration = tokio::task::spawn_blocking(move || calibrations(ente)).await.ok().flatten();
        calibration.map(|calibration| calibration.sem_hundredths(instrument)).unwrap_or_default()
    }

    /// A generator of its own for whoever asks.
    pub(crate) fn chance(&self) -> StdRng {
        let mut chance = self.shared.chance.lock().unwrap_or_else(PoisonError::into_inner);
        StdRng::from_rng(&mut *chance)
    }

    /// The turn to set a paper.
    pub(crate) fn setting(&self) -> Arc<Semaphore> {
        self.shared.setting.clone()
    }

    /// What sets papers.
    pub(crate) fn press(&self) -> Arc<Press> {
        self.shared.press.clone()
    }

    /// Tables that were sent to be imported.
    pub(crate) fn trials(&self) -> &Trials {
        &self.shared.trials
    }

    /// The turn to send a file.
    pub(crate) fn uploading(&self) -> &Semaphore {
        &self.shared.uploading
    }

    /// The site that passkeys are made for.
    pub(crate) fn passkeys(&self) -> Option<&PasskeySite> {
        self.shared.passkeys.as_ref()
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> Option<&Gateway> {
        self.shared.gateway.as_ref()
    }

    /// What answers questions in SQL.
    pub(crate) fn answerer(&self) -> Option<&Answerer> {
        self.shared.answerer.as_ref()
    }

    /// Editions of reports that an account has not opened; none where nobody knows.
    pub(crate) async fn unread(&self, ente: EnteId, account: AccountId) -> u32 {
        match &self.shared.unread {
            Some(unread) => unread(ente, account).await.unwrap_or_default(),
            None => 0,
        }
    }

    pub(crate) fn trusted_proxies(&self) -> &[IpAddr] {
        &self.shared.trusted_proxies
    }

    pub(crate) fn cookies(&self) -> Cookies {
        self.shared.cookies
    }

    pub(crate) fn renderer(&self) -> &Renderer {
        &self.shared.renderer
    }

    pub(crate) fn is_demonstration(&self) -> bool {
        self.shared.is_demonstration
    }

    /// The newest version of each strumento, in the order of their first versions.
    pub(crate) fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        let all = &self.shared.instruments;
        all.iter().filter(|this| !all.iter().any(|other| other.id == this.id && other.version > this.version))
    }

    /// The newest version of a strumento.
    pub(crate) fn instrument(&self, id: &str) -> Option<&Instrument> {
        self.instruments().find(|instrument| instrument.id.as_str() == id)
    }

    /// Every version of a strumento.
    pub(crate) fn versions(&self, id: &Id) -> impl Iterator<Item = &Instrument> {
        self.shared.instruments.iter().filter(move |instrument| instrument.id == *id)
    }

    /// A version of a strumento.
    pub(crate) fn instrument_version(&self, id: &Id, version: u32) -> Option<&Instrument> {
        self.shared.instruments.iter().find(|instrument| instrument.id == *id && instrument.version == version)
    }
}
