//! The research area: projects, what they ask for, what was published for them, and work on it.
//!
//! The research office sees projects, requests, whole tables as what can be had of them, and the register; a partner sees the
//! projects it is a member of and their releases. Nothing here can reach a partition, an Ente or a person key: what there is is the
//! workspace's database, the folder of files that the builder wrote, and a way to wake the builder, which is another process.
//! Who somebody is and what they may is said by whoever serves these pages ([`Scholar`]); every act is told to the audit first.

mod analyses;
mod chart;
mod fields;
mod files;
mod office;
mod profiles;
mod program;
mod project;
mod register;
mod release;
mod request;
mod scholar;
mod sql;
mod tables;
#[cfg(test)]
mod tests;
mod twins;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::Rome;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use templates::{Area, Layout, Page, Renderer};
use warehouse::analyst::Caps;
use workspace::{Person, ReleaseId, Workspace, WorkspaceError};

use crate::extraction::Clock;
use crate::fields::NotOurForm;
use crate::pages::render;
use crate::query::{Program, Turns};
use crate::{NotRecorded, Recording};

pub use request::PartTold;

/// The table of a release, in its folder.
const TABLE: &str = "dati.parquet";

/// What is told to the audit, which comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResearchAct {
    /// A page was looked at.
    See,
    /// A project is made or changed.
    Project,
    /// A release is asked for.
    Request,
    /// The builder is given work.
    Build,
    /// A draft is approved.
    Approve,
    /// A request is refused.
    Refuse,
    /// A release is published.
    Publish,
    /// A release is withdrawn.
    Withdraw,
    /// A file is taken.
    Download,
    /// A question is put to releases.
    Query,
    /// A question was answered.
    Answer,
    /// What was told before came to nothing.
    Fail,
}

/// A line for the audit: the act, what it is about, and what more is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResearchEvent {
    /// What.
    pub act: ResearchAct,
    /// About what: an id or an address.
    pub subject: String,
    /// Ids, codes and counts; never a text that somebody typed.
    pub detail: String,
}

/// Writes a line to the audit, in the name of whoever acts.
pub type ResearchRecorder = Arc<dyn Fn(ResearchEvent) -> Recording + Send + Sync>;

/// Gives the accounts of universities, by name.
pub type PartnerReader =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Vec<Person>, NotRecorded>> + Send>> + Send + Sync>;

/// Gives the whole tables of which parts can be had, the newest first; the error is for the log.
pub type BaseReader = Arc<dyn Fn() -> Result<Vec<BaseTable>, String> + Send + Sync>;

/// Somebody of the research office or a partner: put among the request's extensions by whoever knows the session.
#[derive(Clone)]
pub struct Scholar {
    /// Who.
    pub person: Person,
    /// What pages show around their content, with the token of the session's forms: checking it is not this package's business.
    pub layout: Layout,
    /// The audit.
    pub record: ResearchRecorder,
    /// The partners, for the office.
    pub partners: PartnerReader,
}

impl std::fmt::Debug for Scholar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scholar").field("account", &self.person.account).finish_non_exhaustive()
    }
}

/// A program of a partner, with what it needs of [`Scholar`].
#[derive(Clone)]
pub struct ScholarProgram {
    /// In whose name.
    pub person: Person,
    /// The audit.
    pub record: ResearchRecorder,
}

/// A whole table, as far as parts of it can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaseTable {
    /// Strumento and cut-off.
    pub id: String,
    /// The strumento's title.
    pub title: String,
    /// The last day of an assessment.
    pub cutoff: NaiveDate,
    /// Everybody was first assessed after this day.
    pub entered_after: Option<NaiveDate>,
    /// The last day of a first assessment.
    pub entered_by: NaiveDate,
    /// People in each class: the least of a part.
    pub k: u32,
    /// Its rows.
    pub rows: u64,
    /// Its columns.
    pub columns: Vec<BaseColumn>,
}

/// A column of a whole table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaseColumn {
    /// Its name.
    pub name: String,
    /// What it says.
    pub meaning: String,
    /// The classes of each level of coarseness in words, the finest first; empty if it is no quasi-identifier.
    pub levels: Vec<Vec<String>>,
}

/// A strumento of which a table can be built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Buildable {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
}

/// What the area stands on.
pub struct ResearchConfig {
    /// Its database.
    pub workspace: Workspace,
    /// The folder with a folder for each release that the builder wrote.
    pub parts: PathBuf,
    /// The folder with a folder for each synthetic twin.
    pub twins: PathBuf,
    /// The whole tables.
    pub bases: BaseReader,
    /// The strumenti.
    pub strumenti: Vec<Buildable>,
    /// Wakes the builder; returns at once.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// Whether the data are made up, which every page says.
    pub is_demonstration: bool,
    /// What answers questions in SQL.
    pub program: Program,
    /// What an answer may take.
    pub caps: Caps,
    /// How long a question waits for its turn.
    pub patience: Duration,
    /// What time it is.
    pub clock: Clock,
    /// Where ids come from.
    pub chance: StdRng,
}

/// The research area of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Research {
    shared: Arc<Shared>,
}

struct Shared {
    config: ResearchConfig,
    renderer: Arc<Renderer>,
    chance: Mutex<StdRng>,
    turns: Turns,
}

/// The routers of the area, each for its own door.
pub struct ResearchRouters {
    /// Pages of the research office that are looked at.
    pub office: Router,
    /// Forms of the research office: they ask for a fresh password.
    pub office_acts: Router,
    /// Pages and forms of partners, and of the office where it is a member.
    pub scholars: Router,
    /// Files for programs with a token.
    pub programs: Router,
    /// For anybody.
    pub public: Router,
}

impl Research {
    /// The area.
    #[must_use]
    pub fn new(renderer: Arc<Renderer>, mut config: ResearchConfig) -> Self {
        let chance = Mutex::new(StdRng::from_rng(&mut config.chance));
        Self { shared: Arc::new(Shared { config, renderer, chance, turns: Turns::default() }) }
    }

    /// The pages and files. Handlers need a [`Scholar`] among the extensions, those for programs a [`ScholarProgram`].
    #[must_use]
    pub fn routers(self) -> ResearchRouters {
        let office = Router::new()
            .route("/ricerca", get(office::get))
            .route("/ricerca/progetti/nuovo", get(project::new))
            .route("/ricerca/progetti/{id}", get(project::get))
            .route("/ricerca/progetti/{id}/modifica", get(project::change))
            .route("/ricerca/richieste/{id}", get(request::get))
            .route("/ricerca/richieste/{id}/file/{name}", get(request::file))
            .route("/ricerca/tabelle", get(tables::get))
            .route("/ricerca/rilasci", get(register::get))
            .with_state(self.clone());
        let office_acts = Router::new()
            .route("/ricerca/progetti/nuovo", post(project::create))
            .route("/ricerca/progetti/{id}/modifica", post(project::save))
            .route("/ricerca/progetti/{id}/persone", post(project::people))
            .route("/ricerca/progetti/{id}/chiudi", post(project::close))
            .route("/ricerca/richieste/{id}/accetta", post(request::accept))
            .route("/ricerca/richieste/{id}/rifiuta", post(request::refuse))
            .route("/ricerca/richieste/{id}/approva", post(request::approve))
            .route("/ricerca/richieste/{id}/pubblica", post(request::publish))
            .route("/ricerca/tabelle", post(tables::build))
            .route("/ricerca/rilasci/{id}/ritira", post(register::withdraw))
            .with_state(self.clone());
        let scholars = Router::new()
            .route("/dati-ricerca", get(scholar::get))
            .route("/dati-ricerca/progetti/{id}/richiesta", get(scholar::ask).post(scholar::send))
            .route("/dati-ricerca/progetti/{id}/sql", get(sql::get).post(sql::answer))
            .route("/dati-ricerca/progetti/{id}/sql/file", post(sql::file))
            .route("/dati-ricerca/progetti/{id}/sql/salva", post(sql::save))
            .route("/dati-ricerca/progetti/{id}/sql/elimina", post(sql::delete))
            .route("/dati-ricerca/rilasci/{id}", get(release::get))
            .route("/dati-ricerca/rilasci/{id}/analisi", get(analyses::get))
            .route("/dati-ricerca/rilasci/{id}/profili", get(profiles::get))
            .route("/dati-ricerca/rilasci/{id}/file/{name}", get(release::file))
            .with_state(self.clone());
        let programs = Router::new()
            .route("/api/v1/rilasci", get(program::list))
            .route("/api/v1/rilasci/{id}/{name}", get(program::file))
            .with_state(self.clone());
        let public = Router::new()
            .route("/gemelli", get(twins::get))
            .route("/gemelli/{id}/{name}", get(twins::file))
            .route("/api/v1/rilasci/openapi.json", get(program::describe))
            .with_state(self);
        ResearchRouters { office, office_acts, scholars, programs, public }
    }

    fn workspace(&self) -> &Workspace {
        &self.shared.config.workspace
    }

    fn now(&self) -> DateTime<Utc> {
        (self.shared.config.clock)()
    }

    fn today(&self) -> NaiveDate {
        self.now().with_timezone(&Rome).date_naive()
    }

    /// A source of ids of its own, for one act.
    fn chance(&self) -> StdRng {
        let mut seed = [0; 32];
        self.shared.chance.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut seed);
        StdRng::from_seed(seed)
    }

    fn wake(&self) {
        (self.shared.config.wake)();
    }

    fn part(&self, release: &ReleaseId) -> PathBuf {
        self.shared.config.parts.join(release.to_string())
    }

    /// The whole tables, read on the blocking pool.
    async fn bases(&self) -> Result<Vec<BaseTable>, Trouble> {
        let read = Arc::clone(&self.shared.config.bases);
        let bases =
            tokio::task::spawn_blocking(move || read()).await.map_err(|error| Trouble::broken("bases", &error))?;
        bases.map_err(|error| Trouble::broken("the whole tables cannot be read", &error))
    }

    async fn page<P: Page + Send + 'static>(&self, scholar: &Scholar, area: Area, page: P) -> Response {
        render(&self.shared.renderer, scholar.layout.clone(), area, move || page).await
    }

    /// A form once more, with what is wrong.
    async fn again<P: Page + Send + 'static>(&self, scholar: &Scholar, area: Area, form: P) -> Response {
        let mut response = self.page(scholar, area, form).await;
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        }
        response
    }
}

impl std::fmt::Debug for Research {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Research").finish_non_exhaustive()
    }
}

/// Why a request ends without what it asked for.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no such thing, or not for them.
    Missing,
    /// What was sent is none of our forms.
    Form,
    /// Ours, and logged.
    Broken,
}

impl Trouble {
    fn broken(what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "{what}");
        Self::Broken
    }
}

impl From<NotOurForm> for Trouble {
    fn from(NotOurForm: NotOurForm) -> Self {
        Self::Form
    }
}

impl From<NotRecorded> for Trouble {
    fn from(NotRecorded: NotRecorded) -> Self {
        Self::Broken
    }
}

impl From<WorkspaceError> for Trouble {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::NotFound(_) => Self::Missing,
            // A page that lets a rule be broken looks at it before; what comes here is a form that is none of ours.
            WorkspaceError::Refused(_) => Self::Form,
            WorkspaceError::Database(_)
            | WorkspaceError::Damaged { .. }
            | WorkspaceError::Version(_)
            | WorkspaceError::File { .. } => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, source, "the workspace failed");
                Self::Broken
            }
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        match self {
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Form => StatusCode::BAD_REQUEST,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
        .into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Scholar {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::NOT_FOUND)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ScholarProgram {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::NOT_FOUND)
    }
}

impl Scholar {
    async fn tell(
        &self,
        act: ResearchAct,
        subject: impl ToString,
        detail: impl Into<String>,
    ) -> Result<(), NotRecorded> {
        (self.record)(ResearchEvent { act, subject: subject.to_string(), detail: detail.into() }).await
    }

    /// The page at an address was looked at.
    async fn see(&self, address: impl ToString) -> Result<(), NotRecorded> {
        self.tell(ResearchAct::See, address, "").await
    }
}

/// What came of an act, on the page that the browser is sent to.
fn back(path: &str, outcome: Result<&'static str, &'static str>) -> Response {
    let query = match outcome {
        Ok(done) => format!("fatto={done}"),
        Err(problem) => format!("problema={problem}"),
    };
    Redirect::to(&format!("{path}?{query}")).into_response()
}

/// What an act came to: refusals by a rule are told on the page, with the code of the rule.
fn outcome(
    done: &'static str,
    result: Result<(), WorkspaceError>,
) -> Result<Result<&'static str, &'static str>, Trouble> {
    match result {
        Ok(()) => Ok(Ok(done)),
        Err(WorkspaceError::Refused(refused)) => Ok(Err(refused.code())),
        Err(error) => Err(error.into()),
    }
}

/// What an address says came of the last act; only codes that have words.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub(crate) struct Said {
    fatto: Option<String>,
    problema: Option<String>,
}

impl Said {
    fn view(self) -> SaidView {
        let known = |kind: &str, code: Option<String>| code.filter(|code| templates::term(kind, code).is_some());
        SaidView { done: known("research_done", self.fatto), problem: known("research_problem", self.problema) }
    }
}

/// The same, for a page.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SaidView {
    done: Option<String>,
    problem: Option<String>,
}

/// A day as one reads it.
fn day(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

/// Whether a file's name is one: no folder, nothing hidden.
fn is_plain_name(name: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    !name.starts_with('.') && !name.is_empty() && name.chars().all(allowed)
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T, Trouble> {
    text.parse().map_err(|_| Trouble::Missing)
}
