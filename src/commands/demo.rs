//! `noncello demo`: the portal as a demonstration, on this machine only unless asked otherwise.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use intake::Portal;

use super::{instrument, print_line};

/// How long requests under way may take once the program is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
#[command(after_help = "Example: noncello demo --listen 127.0.0.1:8080 --instrument questionario.toml")]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// A definition file to try out beside the strumenti shipped; may be given more than once.
    #[arg(long = "instrument", value_name = "FILE")]
    instruments: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let mut others = Vec::new();
    for file in &arguments.instruments {
        match instrument::read(file)? {
            Ok(instrument) => others.push(instrument),
            Err(errors) => {
                instrument::complain(file, &errors);
                return Ok(ExitCode::from(1));
            }
        }
    }
    let portal = Portal::new(true, others)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to serve with")?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(arguments.listen)
            .await
            .with_context(|| format!("cannot listen on {}; another --listen may be free", arguments.listen))?;
        let address = listener.local_addr().context("the listener has no address")?;
        print_line(&format!("the demonstration is at http://{address}/ (Ctrl-C ends it)"));
        let (stopping, stop) = tokio::sync::oneshot::channel();
        let server = axum::serve(listener, portal.router()).with_graceful_shutdown(async {
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
    })?;
    Ok(ExitCode::SUCCESS)
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
