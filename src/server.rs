//! Composition of the pages: the portal's own, and the dashboards' behind the portal's sessions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::{Router, middleware};
use dashboards::desk::Desk;
use dashboards::query::{self, Queries, QueryConfig};
use dashboards::{Dashboards, ExtractionConfig, Extractions};
use domain::keys::Ring;
use intake::{Cookies, Demand, Portal, PortalConfig, RunReader};
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{Right, Store};
use templates::Renderer;
use warehouse::Lake;
use warehouse::analyst::Caps;

use crate::commands::print_line;
use crate::data_folder::DataFolder;
use crate::outside::Outside;
use crate::{behind, calibrations, research, system};

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
pub(crate) async fn pages(
    folder: &DataFolder,
    store: Store,
    parts: Parts,
    is_demonstration: bool,
    outside: &Outside,
) -> Result<(Router, Option<Dashboards>)> {
    let instruments = folder.instruments()?;
    let queries = if parts.dashboards { Some(queries(folder, query::CAPS)?) } else { None };
    let workspace = if parts.dashboards { Some(research::open(folder).await?) } else { None };
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
        answerer: queries.clone().map(|queries| behind::answerer(store, queries)),
        unread: workspace.clone().map(behind::unread),
    })?;
    let Some((queries, workspace)) = queries.zip(workspace) else { return Ok((portal.router(), None)) };
    let lake = lake(folder)?;
    let renderer = Arc::new(Renderer::new()?);
    let desk = Desk::new(workspace.clone(), Arc::new(system::now), StdRng::from_rng(&mut system::chance()));
    let dashboards = Dashboards::new(lake.clone(), instruments.clone(), Arc::clone(&renderer)).with_desk(desk);
    warm(&lake, &dashboards);
    let seen = || middleware::from_fn_with_state(portal.clone(), behind::see_dashboards);
    let behind = dashboards.clone().router().layer(seen());
    // These take forms too: the guard before them checks the session's token.
    let kept = dashboards.clone().desk_router().route_layer(seen());
    let behind = behind.merge(portal.behind(Demand::Ente(Right::SeeDashboards), kept));
    let config = ExtractionConfig {
        folder: folder.extractions(),
        clock: Arc::new(system::now),
        chance: StdRng::from_rng(&mut system::chance()),
    };
    let research =
        research::area(folder, workspace, &portal, Arc::clone(&renderer), answering_program()?, is_demonstration)
            .await?;
    let extractions = Extractions::new(lake, instruments, renderer, config);
    let sweeping = extractions.clone();
    tokio::task::spawn_blocking(move || sweeping.sweep());
    let taken_out =
        extractions.router().route_layer(middleware::from_fn_with_state(portal.clone(), behind::see_extractions));
    let taken_out = portal.behind(Demand::EnteFresh(Right::ExtractPseudonymous), taken_out);
    let asked = queries.router().route_layer(middleware::from_fn_with_state(portal.clone(), behind::see_queries));
    let asked = portal.behind(Demand::EnteFresh(Right::Query), asked);
    Ok((portal.router_with(behind.merge(taken_out).merge(asked).merge(research)), Some(dashboards)))
}

/// Questions in SQL to the lake of a data folder.
pub(crate) fn queries(folder: &DataFolder, caps: Caps) -> Result<Queries> {
    let config = QueryConfig {
        program: answering_program()?,
        caps,
        patience: query::PATIENCE,
        clock: Arc::new(system::now),
        chance: StdRng::from_rng(&mut system::chance()),
    };
    Ok(Queries::new(lake(folder)?, folder.instruments()?, Arc::new(Renderer::new()?), config))
}

/// What answers questions in SQL: this program again, as a process of its own.
fn answering_program() -> Result<query::Program> {
    let program = std::env::current_exe().context("the program cannot be found again")?;
    Ok(Arc::new(move || {
        let mut command = std::process::Command::new(&program);
        command.args(["warehouse", "answer"]);
        command
    }))
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
