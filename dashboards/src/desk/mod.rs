//! What managers keep: views that they saved, and reports for the plan of their territory. All of it belongs to an Ente, and is
//! made of figures that were protected before.

pub(crate) mod content;
pub(crate) mod document;
mod editions;
pub(crate) mod groups;
mod reports;
mod sentences;
pub(crate) mod snapshots;
mod views;
pub(crate) mod visits;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use rand::SeedableRng;
use rand::rngs::StdRng;
use templates::{Area, Page};
use workspace::{EnteError, Person, Workspace};

use crate::fields::NotOurForm;
use crate::pages::notice::NoticeKind;
use crate::pages::{refuse, respond};
use crate::{Clock, Dashboards, Viewer};

/// Where views and reports are kept, and what time it is.
#[derive(Clone)]
pub struct Desk {
    workspace: Workspace,
    clock: Clock,
    chance: Arc<Mutex<StdRng>>,
}

impl Desk {
    /// Over a workspace.
    #[must_use]
    pub fn new(workspace: Workspace, clock: Clock, chance: StdRng) -> Self {
        Self { workspace, clock, chance: Arc::new(Mutex::new(chance)) }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    fn chance(&self) -> StdRng {
        StdRng::from_rng(&mut *self.chance.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no such thing, or not for them.
    Missing,
    /// What was sent is none of our forms.
    Form,
    /// There are no figures now, and why.
    Figures(NoticeKind),
    /// Ours, and logged.
    Broken,
}

impl From<NotOurForm> for Trouble {
    fn from(NotOurForm: NotOurForm) -> Self {
        Self::Form
    }
}

impl From<NoticeKind> for Trouble {
    fn from(kind: NoticeKind) -> Self {
        Self::Figures(kind)
    }
}

/// Anything that no rule of a form foresees.
impl From<EnteError> for Trouble {
    fn from(error: EnteError) -> Self {
        match error {
            EnteError::NotFound(_) => Self::Missing,
            EnteError::Field { .. }
            | EnteError::Text { .. }
            | EnteError::ViewsFull { .. }
            | EnteError::Conflict { .. }
            | EnteError::NotScheduled
            | EnteError::Workspace(_) => {
                tracing::error!(%error, "what an Ente keeps cannot be read or written");
                Self::Broken
            }
        }
    }
}

/// Who asks, with what is kept for them.
pub(crate) struct Asked {
    viewer: Viewer,
    person: Person,
    desk: Desk,
}

impl FromRequestParts<Dashboards> for Asked {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &Dashboards) -> Result<Self, StatusCode> {
        let viewer = Extension::<Viewer>::from_request_parts(parts, state).await.map_err(|_| StatusCode::NOT_FOUND)?.0;
        match (viewer.person.clone(), state.desk.clone()) {
            (Some(person), Some(desk)) => Ok(Self { viewer, person, desk }),
            _ => Err(StatusCode::NOT_FOUND),
        }
    }
}

impl Asked {
    async fn page<P: Page + Send + 'static>(&self, dashboards: &Dashboards, page: P) -> Response {
        respond(dashboards, self.viewer.layout.clone(), Area::Cruscotti, move || page).await
    }

    async fn answer(&self, dashboards: &Dashboards, outcome: Result<Response, Trouble>) -> Response {
        match outcome {
            Ok(response) => response,
            Err(Trouble::Missing) => StatusCode::NOT_FOUND.into_response(),
            Err(Trouble::Form) => StatusCode::BAD_REQUEST.into_response(),
            Err(Trouble::Figures(kind)) => refuse(dashboards, &self.viewer, Area::Cruscotti, kind).await,
            Err(Trouble::Broken) => refuse(dashboards, &self.viewer, Area::Cruscotti, NoticeKind::Broken).await,
        }
    }
}

fn to(path: &str) -> Response {
    Redirect::to(path).into_response()
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T, Trouble> {
    text.parse().map_err(|_| Trouble::Missing)
}

/// The pages. Whoever serves them has checked session, right and, of what is sent, the session's token.
pub(crate) fn router() -> Router<Dashboards> {
    Router::new()
        .route("/cruscotti/viste", get(views::list).post(views::save))
        .route("/cruscotti/viste/{view}/condividi", post(views::share))
        .route("/cruscotti/viste/{view}/elimina", post(views::delete))
        .route("/cruscotti/relazioni", get(reports::list))
        .route("/cruscotti/relazioni/nuova", get(reports::blank).post(reports::create))
        .route("/cruscotti/relazioni/edizioni/{edition}", get(editions::one))
        .route("/cruscotti/relazioni/edizioni/{edition}/docx", get(editions::docx))
        .route("/cruscotti/relazioni/{report}", get(reports::one))
        .route("/cruscotti/relazioni/{report}/docx", get(reports::docx))
        .route("/cruscotti/relazioni/{report}/modifica", get(reports::form).post(reports::update))
        .route("/cruscotti/relazioni/{report}/elimina", post(reports::delete))
}

pub use editions::EnteReader;
pub(crate) use editions::look_after;
#[cfg(test)]
pub(crate) use reports::{ReportForm, ReportPage, Reports};
#[cfg(test)]
pub(crate) use views::Views;
