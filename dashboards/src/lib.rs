//! Pages over published marts of one Ente, for its manager: territory, community, quality of the data. And, apart from them,
//! the pages by which an Ente takes out its own rows (`extraction`) and asks of them in SQL (`query`): those are microdata, and
//! nothing there is protected; and the area of those who study anonymous releases (`research`), which knows no Ente.
//!
//! They filter, sort and limit; a join here means that a mart is missing. Counts of people reach a page through `protect`
//! alone, so what may not be shown never gets into a template, a drawing, a sentence or a file. What is missing on purpose:
//! sessions and roles (whoever serves the pages says whose they are, by [`Viewer`]), the portal's store, any way to choose
//! another Ente, anything that changes what is published.

mod cache;
mod characteristic;
pub mod desk;
mod extraction;
mod fields;
mod map;
mod merge;
mod pages;
mod protect;
pub mod query;
mod rates;
pub mod research;
mod samples;
mod snapshot;
mod strumento;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use domain::feed::EnteId;
use domain::instrument::Instrument;
use templates::{Layout, Renderer};
use warehouse::Lake;
use workspace::Person;

use crate::cache::Cache;
use crate::desk::{Desk, EnteReader};
pub use crate::extraction::{
    Act, Clock, ExtractionConfig, ExtractionEvent, Extractions, Extractor, NotRecorded, Recorder, Recording,
    RenewalError, renew_extractions,
};
pub use crate::protect::ProtectError;

/// Whose figures a request may see. Put among the request's extensions by whoever knows the session; without it there is no
/// such page.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The Ente.
    pub ente: EnteId,
    /// Its name.
    pub ente_name: String,
    /// The ISTAT codes of its comuni.
    pub comuni: Vec<String>,
    /// What every page shows around its own content.
    pub layout: Layout,
    /// Who looks; nobody where a report is made by itself.
    pub person: Option<Person>,
}

/// The dashboards of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Dashboards {
    cache: Arc<Cache>,
    renderer: Arc<Renderer>,
    desk: Option<Desk>,
}

impl Dashboards {
    /// Dashboards over a lake. `instruments` are all definitions known, every version of each.
    #[must_use]
    pub fn new(lake: Lake, instruments: Vec<Instrument>, renderer: Arc<Renderer>) -> Self {
        Self { cache: Arc::new(Cache::new(lake, instruments)), renderer, desk: None }
    }

    /// The same, with what managers keep.
    #[must_use]
    pub fn with_desk(self, desk: Desk) -> Self {
        self.cache.remember_at(desk.clone());
        Self { desk: Some(desk), ..self }
    }

    /// The pages of what managers keep, which take forms too: whoever serves them checks the session's token. Every handler needs a
    /// [`Viewer`] with a person.
    pub fn desk_router(self) -> Router {
        desk::router().with_state(self)
    }

    /// Issues the reports that are due, and takes out whatever is kept of Enti that are closed; how many were issued.
    pub async fn look_after(&self, known: &EnteReader) -> usize {
        match &self.desk {
            Some(desk) => desk::look_after(self, desk, known).await,
            None => 0,
        }
    }

    /// Starts to protect what was just published of an Ente, so that the first reader need not wait. Returns at once; to be
    /// called within the runtime that serves the pages.
    pub fn warm(&self, ente: EnteId) {
        let cache = Arc::clone(&self.cache);
        tokio::spawn(async move {
            let Ok(_place) = cache.ahead().await else { return };
            let reading = Arc::clone(&cache);
            match tokio::task::spawn_blocking(move || reading.publication(ente)).await {
                Ok(Ok(Some(publication))) => cache.compute_all(&publication).await,
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tracing::error!(ente.id = %ente, %error, "the lake of an Ente cannot be read"),
                Err(error) => tracing::error!(ente.id = %ente, %error, "reading the lake of an Ente broke off"),
            }
        });
    }

    /// The pages. Every handler needs a [`Viewer`] among the extensions; responses say that nothing may be stored.
    pub fn router(self) -> Router {
        Router::new()
            .route("/cruscotti/quadro", get(pages::quadro::get))
            .route("/cruscotti/quadro.csv", get(pages::quadro::get_file))
            .route("/cruscotti/quadro.xlsx", get(pages::quadro::get_file))
            .route("/cruscotti/bisogni", get(pages::bisogni::get))
            .route("/cruscotti/bisogni.csv", get(pages::bisogni::get_file))
            .route("/cruscotti/bisogni.xlsx", get(pages::bisogni::get_file))
            .route("/cruscotti/percorsi", get(pages::percorsi::get))
            .route("/cruscotti/percorsi.csv", get(pages::percorsi::get_file))
            .route("/cruscotti/percorsi.xlsx", get(pages::percorsi::get_file))
            .route("/cruscotti/territorio", get(pages::territorio::get))
            .route("/cruscotti/territorio.csv", get(pages::territorio::get_file))
            .route("/cruscotti/territorio.xlsx", get(pages::territorio::get_file))
            .route("/cruscotti/comunita", get(pages::comunita::get))
            .route("/cruscotti/comunita.csv", get(pages::comunita::get_file))
            .route("/cruscotti/comunita.xlsx", get(pages::comunita::get_file))
            .route("/cruscotti/esplora", get(pages::esplora::get))
            .route("/cruscotti/esplora.csv", get(pages::esplora::get_file))
            .route("/cruscotti/esplora.xlsx", get(pages::esplora::get_file))
            .route("/cruscotti/qualita", get(pages::qualita::get))
            .with_state(self)
    }
}

impl std::fmt::Debug for Dashboards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dashboards").finish_non_exhaustive()
    }
}
