//! `noncello serve`: the portal and the dashboards over a data folder; the pipeline from time to time, in a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use dashboards::desk::EnteReader;
use dashboards::{Dashboards, NotRecorded};
use store::Store;

use super::{block_on, keys, open_store};
use crate::checkpoints;
use crate::data_folder::DataFolder;
use crate::outside::Outside;
use crate::server::{self, Parts};
use crate::system;

#[derive(clap::Args)]
#[command(after_help = "Example: noncello serve --data /srv/noncello --listen 127.0.0.1:8080 --pipeline-every 1h

There is no TLS: a reverse proxy stands in front for any other machine. With --pipeline-every a child process runs the
pipeline with the pipeline's keys; this one never opens them.")]
pub(crate) struct Arguments {
    /// The data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Serve the portal alone, or everything.
    #[arg(long, value_enum)]
    only: Option<Only>,
    #[command(flatten)]
    outside: Outside,
    /// Run the pipeline this often: 30m, 1h, 1d.
    #[arg(long, value_name = "INTERVAL", value_parser = interval)]
    pipeline_every: Option<Duration>,
}

/// What to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    /// The portal without the dashboards: no key of the lake is opened.
    Portal,
}

/// A number with m, h or d.
fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is not an interval: 30m, 1h and 1d are");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err(wrong()),
    };
    match number.parse::<u64>() {
        Ok(number) if (1..=100_000).contains(&number) => Ok(Duration::from_secs(number * minutes * 60)),
        Ok(_) | Err(_) => Err(wrong()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    super::log_to_standard_error();
    let folder = DataFolder::open(&arguments.data)?;
    let parts = Parts { portal: true, dashboards: arguments.only != Some(Only::Portal) };
    block_on(async {
        let store = open_store(&folder).await?;
        tokio::spawn(keys::read_again(store.clone()));
        let (router, dashboards) = server::pages(&folder, store.clone(), parts, false, &arguments.outside).await?;
        if let Some(dashboards) = dashboards.clone() {
            tokio::spawn(look_after_desk(dashboards, store.clone()));
        }
        if let Some(every) = arguments.pipeline_every {
            let Some(dashboards) = dashboards else {
                bail!("--pipeline-every needs the dashboards: leave --only out, or use a timer of the system");
            };
            tokio::spawn(run_pipeline_every(every, arguments.data.clone(), server::lake(&folder)?, dashboards));
        }
        tokio::spawn(checkpoints::write_every_hour(folder.clone(), store));
        server::serve(router, arguments.listen, |address| server::announce("noncello", address)).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// How often what Enti keep is looked after.
const DESK_EVERY: Duration = Duration::from_secs(3_600);

/// Issues the reports that are due and forgets closed Enti, at the start and then every hour. What cannot be done now is tried again.
async fn look_after_desk(dashboards: Dashboards, store: Store) {
    let known: EnteReader = Arc::new(move |ente| {
        let store = store.clone();
        Box::pin(async move {
            let found = store.open_ente(ente, system::now()).await.map_err(|error| {
                tracing::error!(ente.id = %ente, %error, "an Ente cannot be read");
                NotRecorded
            })?;
            Ok(found.map(|ente| (ente.name, ente.comuni.into_iter().collect())))
        })
    });
    loop {
        let issued = dashboards.look_after(&known).await;
        if issued > 0 {
            tracing::info!(issued, "reports were issued");
        }
        tokio::time::sleep(DESK_EVERY).await;
    }
}

/// Starts `noncello pipeline run` as a child, again and again.
async fn run_pipeline_every(every: Duration, data: PathBuf, lake: warehouse::Lake, dashboards: Dashboards) {
    loop {
        tokio::time::sleep(every).await;
        let data = data.clone();
        let run = move || {
            let program = std::env::current_exe()?;
            std::process::Command::new(program).args(["pipeline", "run", "--data"]).arg(&data).status()
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(Ok(status)) if status.success() => server::warm(&lake, &dashboards),
            Ok(Ok(status)) => tracing::error!(%status, "the pipeline did not end well; see its report"),
            Ok(Err(error)) => tracing::error!(%error, "the pipeline cannot be started"),
            Err(error) => tracing::error!(%error, "the pipeline's watcher ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_a_unit() {
        assert_eq!(interval("30m"), Ok(Duration::from_secs(1_800)));
        assert_eq!(interval("1d"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "h", "30", "0m", "1w", "-1h", "1è"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
