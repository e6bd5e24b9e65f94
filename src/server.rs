//! Composition of the pages: the portal's own, and the dashboards' behind the portal's sessions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use dashboards::query::{
    self, Analyst, AnswerFormat, Queries, QueryConfig, QueryEvent, QueryRecorder, Step, Unanswered,
};
use dashboards::{
    Act, Dashboards, ExtractionConfig, ExtractionEvent, Extractions, Extractor, NotRecorded, Recorder, Viewer,
};
use intake::{Answerer, Cookies, NoAnswer, Portal, PortalConfig, Question, RunReader, Visitor};
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{EnteScope, ExtractionAct, QueryAct, Right, Store, StoreError};
use templates::{Area, Renderer};
use warehouse::Lake;
use warehouse::analyst::Caps;

use crate::calibrations;
use crate::commands::print_line;
use crate::data_folder::DataFolder;
use crate::outside::Outside;
use crate::system;
use domain::keys::Ring;

/// How long requests under way may take once the program is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The portal's pages.
    pub(crate) portal: bool,
    /// The dashboards, which ask the portal who is there.
    pub(crate) dashboards: bool,
}

/// The pages over a data folder.
pub(crate) fn pages(
    folder: &DataFolder,
    store: Store,
    parts: Parts,
    is_demonstration: bool,
    outside: &Outside,
) -> Result<(Router, Option<Dashboards>)> {
    let instruments = folder.instruments()?;
    let queries = if parts.dashboards { Some(queries(folder, query::CAPS)?) } else { None };
    let portal = Portal::new(PortalConfig {
        store: Some(store.clone()),
        instruments: instruments.clone(),
        is_demonstration,
        clock: Arc::new(system::now),
        chance: StdRng::from_rng(&mut system::chance()),
        cookies: Cookies::Host,
        passkeys: outside.passkeys()?,
        gateway: outside.gateway()?,
        runs: Some(runs(folder)),
        calibrations: Some(calibrations::reader(folder)),
        trusted_proxies: outside.trusted_proxies.clone(),
        answerer: queries.clone().map(|queries| answerer(store, queries)),
    })?;
    let Some(queries) = queries else { return Ok((portal.router(), None)) };
    let lake = lake(folder)?;
    let renderer = Arc::new(Renderer::new()?);
    let dashboards = Dashboards::new(lake.clone(), instruments.clone(), Arc::clone(&renderer));
    warm(&lake, &dashboards);
    let behind = dashboards.clone().router().layer(middleware::from_fn_with_state(portal.clone(), see_dashboards));
    let config = ExtractionConfig {
        folder: folder.extractions(),
        clock: Arc::new(system::now),
        chance: StdRng::from_rng(&mut system::chance()),
    };
    let extractions = Extractions::new(lake, instruments, renderer, config);
    let sweeping = extractions.clone();
    tokio::task::spawn_blocking(move || sweeping.sweep());
    let taken_out = extractions.router().route_layer(middleware::from_fn_with_state(portal.clone(), see_extractions));
    let taken_out = portal.behind(Right::ExtractPseudonymous, taken_out);
    let asked = queries.router().route_layer(middleware::from_fn_with_state(portal.clone(), see_queries));
    let asked = portal.behind(Right::Query, asked);
    Ok((portal.router_with(behind.merge(taken_out).merge(asked)), Some(dashboards)))
}

/// Questions in SQL to the lake of a data folder: this program again answers them, as a process of its own.
pub(crate) fn queries(folder: &DataFolder, caps: Caps) -> Result<Queries> {
    let program = std::env::current_exe().context("the program cannot be found again")?;
    let config = QueryConfig {
        program: Arc::new(move || {
            let mut command = std::process::Command::new(&program);
            command.args(["warehouse", "answer"]);
            command
        }),
        caps,
        patience: query::PATIENCE,
        clock: Arc::new(system::now),
        chance: StdRng::from_rng(&mut system::chance()),
    };
    Ok(Queries::new(lake(folder)?, folder.instruments()?, Arc::new(Renderer::new()?), config))
}

/// Reads the records of runs, which need no key.
fn runs(folder: &DataFolder) -> RunReader {
    let lake = folder.lake();
    Arc::new(move |ente| {
        warehouse::run_record(&lake, ente)
            .inspect_err(|error| tracing::error!(ente.id = %ente, %error, "the record of a run cannot be read"))
            .ok()
            .flatten()
    })
}

/// Has the dashboards protect what is published, before anybody asks.
pub(crate) fn warm(lake: &Lake, dashboards: &Dashboards) {
    match lake.enti() {
        Ok(enti) => enti.into_iter().for_each(|ente| dashboards.warm(ente)),
        Err(error) => tracing::error!(%error, "the lake's root cannot be read"),
    }
}

/// The lake, with the ring that opens it.
pub(crate) fn lake(folder: &DataFolder) -> Result<Lake> {
    Ok(Lake::new(folder.lake(), folder.lake_keys(), folder.key(Ring::Lake)?))
}

/// Lets through who may see the dashboards of their Ente, and says which that is.
async fn see_dashboards(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let visitor = match Visitor::read(&portal, request.headers()).await {
        Ok(visitor) => visitor,
        Err(response) => return response,
    };
    let Some(store): Option<&Store> = portal.store() else { return StatusCode::NOT_FOUND.into_response() };
    let asked = request.uri().path().to_owned();
    let broken = |error: StoreError| {
        tracing::error!(%error, "the Ente of a session cannot be read, or its audit not written");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    };
    let scope = match visitor.scope(Right::SeeDashboards) {
        Ok(scope) => scope,
        Err(response) => {
            let known = visitor.session().filter(|session| session.require_complete().is_ok());
            let Some(session) = known else { return response };
            return match store.record_refusal(session, &asked, system::now()).await {
                Ok(()) => response,
                Err(error) => broken(error),
            };
        }
    };
    let ente = match store.ente(&scope, system::now()).await {
        Ok(ente) => ente,
        Err(error) => return broken(error),
    };
    if let Err(error) = store.record_reading(&scope, &asked, system::now()).await {
        return broken(error);
    }
    let area = if request.uri().path().starts_with("/cruscotti/comunita") { Area::Comunita } else { Area::Territorio };
    request.extensions_mut().insert(Viewer {
        ente: ente.id,
        ente_name: ente.name,
        comuni: ente.comuni.into_iter().collect(),
        layout: visitor.layout(area),
    });
    next.run(request).await
}

/// Says to the pages of extractions whose data they may take out. The portal's guard stands before this, and has found session,
/// right, fresh password and token.
async fn see_extractions(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let (Some(visitor), Some(store)) = (visitor, portal.store()) else { return StatusCode::NOT_FOUND.into_response() };
    let scope = match visitor.scope(Right::ExtractPseudonymous) {
        Ok(scope) => scope,
        Err(response) => return response,
    };
    let ente = match store.ente(&scope, system::now()).await {
        Ok(ente) => ente,
        Err(error) => {
            tracing::error!(%error, "the Ente of a session cannot be read");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let name = visitor.session().map(|session| session.display_name().to_owned()).unwrap_or_default();
    request.extensions_mut().insert(Extractor {
        ente: ente.id,
        ente_name: ente.name,
        comuni: ente.comuni.into_iter().collect(),
        name,
        layout: visitor.layout(Area::Estrazioni),
        record: recorder(store.clone(), scope),
    });
    next.run(request).await
}

/// Writes what is told of extractions to the Ente's audit, in the name of whoever the scope was given to.
fn recorder(store: Store, scope: EnteScope) -> Recorder {
    Arc::new(move |event| {
        let (store, scope) = (store.clone(), scope.clone());
        Box::pin(async move {
            let now = system::now();
            let written = match event {
                ExtractionEvent::Seen { path } => store.record_reading(&scope, &path, now).await,
                ExtractionEvent::Done { act, extraction, detail } => {
                    let act = match act {
                        Act::Request => ExtractionAct::Request,
                        Act::Ready => ExtractionAct::Ready,
                        Act::Fail => ExtractionAct::Fail,
                        Act::Download => ExtractionAct::Download,
                        Act::Delete => ExtractionAct::Delete,
                    };
                    store.record_extraction(&scope, act, extraction, &detail, now).await
                }
            };
            written.map_err(|error| {
                tracing::error!(%error, "a line about an extraction cannot be written to the audit");
                NotRecorded
            })
        })
    })
}

/// Says to the pages of questions in SQL whose data may be asked. As for [`see_extractions`], the portal's guard stands before
/// this: what comes out is rows about people, so the password is fresh here too.
async fn see_queries(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let (Some(visitor), Some(store)) = (visitor, portal.store()) else { return StatusCode::NOT_FOUND.into_response() };
    let scope = match visitor.scope(Right::Query) {
        Ok(scope) => scope,
        Err(response) => return response,
    };
    let ente = match store.ente(&scope, system::now()).await {
        Ok(ente) => ente,
        Err(error) => {
            tracing::error!(%error, "the Ente of a session cannot be read");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    request.extensions_mut().insert(Analyst {
        ente: ente.id,
        ente_name: ente.name,
        layout: visitor.layout(Area::Interrogazioni),
        record: query_recorder(store.clone(), scope),
    });
    next.run(request).await
}

/// Writes what becomes of questions to the Ente's audit, in the name of whoever the scope was given to.
pub(crate) fn query_recorder(store: Store, scope: EnteScope) -> QueryRecorder {
    Arc::new(move |event| {
        let (store, scope) = (store.clone(), scope.clone());
        Box::pin(async move {
            let now = system::now();
            let written = match event {
                QueryEvent::Seen { path } => store.record_reading(&scope, &path, now).await,
                QueryEvent::Question { act, question, detail } => {
                    let act = match act {
                        Step::Ask => QueryAct::Ask,
                        Step::Answer => QueryAct::Answer,
                        Step::Refuse => QueryAct::Refuse,
                        Step::Fail => QueryAct::Fail,
                    };
                    store.record_query(&scope, act, question, &detail, now).await
                }
            };
            written.map_err(|error| {
                tracing::error!(%error, "a line about a question cannot be written to the audit");
                NotRecorded
            })
        })
    })
}

/// Answers the questions of programs: by the same code as the page's, in the name of whoever the token's scope was given to.
fn answerer(store: Store, queries: Queries) -> Answerer {
    Arc::new(move |Question { scope, sql, format }| {
        let (store, queries) = (store.clone(), queries.clone());
        Box::pin(async move {
            let ente = scope.ente();
            let format = match format {
                intake::AnswerFormat::Json => AnswerFormat::Json,
                intake::AnswerFormat::Csv => AnswerFormat::Csv,
                intake::AnswerFormat::Parquet => AnswerFormat::Parquet,
                intake::AnswerFormat::Arrow => AnswerFormat::Arrow,
            };
            let file = queries.ask_file(ente, &query_recorder(store, scope), sql, format).await;
            file.map_err(|unanswered| {
                let (code, detail) = (unanswered.code(), unanswered.to_string());
                match unanswered {
                    Unanswered::Empty | Unanswered::TooLong | Unanswered::Refused(_) => NoAnswer::Refused(detail),
                    Unanswered::Late(_) | Unanswered::Large(_) | Unanswered::Memory | Unanswered::Format => {
                        NoAnswer::TooMuch(code, detail)
                    }
                    Unanswered::Busy => NoAnswer::Busy(detail),
                    Unanswered::Unpublished => NoAnswer::Unpublished(detail),
                    Unanswered::Broken => NoAnswer::Broken,
                }
            })
        })
    })
}

/// Serves until asked to stop.
pub(crate) async fn serve(router: Router, listen: SocketAddr, announce: impl FnOnce(SocketAddr)) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; another --listen may be free"))?;
    announce(listener.local_addr().context("the listener has no address")?);
    let (stopping, stop) = tokio::sync::oneshot::channel();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async {
        until_asked_to_stop().await;
        // The receiver is gone only when serving has ended already.
        let _ = stopping.send(());
    });
    let grace_over = async {
        match stop.await {
            Ok(()) => tokio::time::sleep(GRACE).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = server => ended.context("serving ended"),
        () = grace_over => Ok(()),
    }
}

/// Ends at Ctrl-C or SIGTERM; without signals to wait for it never does.
async fn until_asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupted.await;
        }
    }
}

/// The line that tells people, and tests, where it listens.
pub(crate) fn announce(what: &str, address: SocketAddr) {
    print_line(&format!("{what} is at http://{address}/ (Ctrl-C ends it)"));
}
