//! One file per command: arguments, and the calls that do the work. Exit codes: 0 done, 1 the data or the request is
//! wrong, 2 usage.

pub(crate) mod anonymize;
pub(crate) mod audit;
pub(crate) mod demo;
pub(crate) mod ente;
pub(crate) mod erase;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod instrument;
pub(crate) mod keys;
pub(crate) mod pipeline;
pub(crate) mod release;
pub(crate) mod serve;
pub(crate) mod totp;
pub(crate) mod version;
pub(crate) mod warehouse;

use std::io::Write;

use anyhow::{Context, Result};
use clap::ValueEnum;
use domain::keys::{KeyError, Ring};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use store::{HashingCost, Store, StoreError};

use crate::data_folder::DataFolder;
use crate::system;

/// How a command reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// An error with all its causes, on standard error.
#[expect(clippy::print_stderr, reason = "the binary is where errors are shown")]
pub(crate) fn print_error(error: &anyhow::Error) {
    eprintln!("noncello: {error:#}");
}

/// A line of a command's result, on standard output.
pub(crate) fn print_line(line: &str) {
    // A reader that has left (`| head`) wants no more: no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line about what is wrong, on standard error.
#[expect(clippy::print_stderr, reason = "the binary is where errors are shown")]
pub(crate) fn print_complaint(line: &str) {
    eprintln!("{line}");
}

/// Runs what waits for the database or the network.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to work with")?;
    let done = runtime.block_on(work);
    // An extraction can take minutes: it is cut as by a crash, and whoever asked for it is told.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}

/// The portal's database of a data folder.
pub(crate) async fn open_store(folder: &DataFolder) -> Result<Store> {
    let identity = folder.key(Ring::Identity)?;
    let release = folder.sealing_key(Ring::Release)?;
    let (location, cost) = (folder.store_location()?, HashingCost::default());
    let store = match Store::open(&location, identity, release.clone(), cost, &mut system::chance()).await {
        // A renewal of keys is not yet at its last step: the next key is the one.
        Err(StoreError::WrongKey(KeyError::OtherRing { wanted, found })) => {
            let wrong = || StoreError::WrongKey(KeyError::OtherRing { wanted, found: found.clone() });
            let next = folder.identity_key(&found).ok_or_else(wrong)?;
            Store::open(&location, next, release, cost, &mut system::chance()).await?
        }
        opened => opened?,
    };
    let known = folder.clone();
    store.set_ring_source(move |id| known.identity_key(id));
    Ok(store)
}

/// What goes wrong while serving or running, on standard error.
pub(crate) fn log_to_standard_error() {
    // A second call finds the first one's subscriber, and that is fine.
    let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).try_init();
}

/// A bar on a terminal, nothing elsewhere.
pub(crate) fn progress_bar(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}").expect("the template is a constant");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar.set_message(what.to_owned());
    bar
}
