//! The router of all pages, and what their handlers share.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;
use domain::instrument::{Id, Instrument};
use templates::{Area, Layout, RenderError, Renderer};
use tower_http::timeout::TimeoutLayer;

use crate::{headers, instruments, pages};

/// A form of 500 items is far below this.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// From the last byte of the head to the answer: a body that stalls is cut.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// What handlers share.
#[derive(Clone, Debug)]
pub struct Portal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    renderer: Renderer,
    instruments: Vec<Instrument>,
    is_demonstration: bool,
}

/// Why the portal cannot start.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// A template is not valid.
    #[error(transparent)]
    Template(#[from] RenderError),
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
    /// A portal with the strumenti shipped and `others`.
    ///
    /// # Errors
    /// When a template or a definition in the binary is broken, or two strumenti have the same id and version.
    pub fn new(is_demonstration: bool, others: Vec<Instrument>) -> Result<Self, PortalError> {
        let mut instruments = instruments::shipped()?;
        for other in others {
            if instruments.iter().any(|known| (&known.id, known.version) == (&other.id, other.version)) {
                return Err(PortalError::Twice { id: other.id, version: other.version });
            }
            instruments.push(other);
        }
        let shared = Shared { renderer: Renderer::new()?, instruments, is_demonstration };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Everything that the portal answers.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(pages::home::get))
            .route("/strumenti", get(pages::instruments::get))
            .route("/strumenti/{instrument}", get(pages::instrument::get))
            .route("/strumenti/{instrument}/prova", get(pages::tryout::get).post(pages::tryout::post))
            .route("/privacy", get(pages::notices::privacy))
            .route("/accessibilita", get(pages::notices::accessibility))
            .route("/salute", get(pages::health::get))
            .route("/assets/{version}/{name}", get(pages::assets::get))
            .fallback(pages::message::not_found)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIME_MAX))
            .layer(middleware::from_fn(headers::add))
            .layer(tower_http::compression::CompressionLayer::new())
            .with_state(self.clone())
    }

    pub(crate) fn renderer(&self) -> &Renderer {
        &self.shared.renderer
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

    pub(crate) fn layout(&self, area: Area) -> Layout {
        Layout { is_demonstration: self.shared.is_demonstration, area }
    }
}
