//! `noncello keys`: new keys for the portal, while it runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;
use store::{KeyStep, PlatformScope, Store};

use super::{block_on, open_store, print_line, progress_bar};
use crate::data_folder::DataFolder;
use crate::system;

/// How often a portal that serves reads the keys of the Enti anew.
const READ_AGAIN_EVERY: Duration = Duration::from_secs(10);
/// Until every portal that serves has done so, and what it was doing is over.
const UNTIL_KNOWN: Duration = Duration::from_secs(45);

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Give the portal a new identity key, and every Ente a new one under it; the portal goes on serving meanwhile.
    #[command(after_help = "Example: noncello keys rotate --data /srv/noncello

Stopped half-way it leaves everything readable; the same command goes on from there. The old key file stays beside the new
one under another name: it opens only backups made before, and is to be deleted with the last of them.")]
    Rotate {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// No portal is serving: do not wait until it knows the new keys.
        #[arg(long)]
        offline: bool,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Rotate { data, offline } => rotate(data, if *offline { Duration::ZERO } else { UNTIL_KNOWN }),
    }
}

/// Has a store that serves read keys anew, for as long as the program does.
pub(crate) async fn read_again(store: Store) {
    loop {
        tokio::time::sleep(READ_AGAIN_EVERY).await;
        store.forget_keys();
    }
}

fn rotate(data: &Path, wait: Duration) -> Result<ExitCode> {
    let folder = DataFolder::open(data)?;
    let _lock = folder.lock_keys()?;
    block_on(async {
        let store = open_store(&folder).await?;
        let ring = folder.next_identity_key(&mut system::chance())?;
        let scope = store.command_line_platform("keys rotate", "keys rotate", system::now()).await?;
        let (mut persone, mut records) = (0, 0);
        // An Ente that is admitted meanwhile is found in the next round.
        for _round in 0..100 {
            let left = unsettled(&store, &scope, ring.id()).await?;
            if left.is_empty() {
                folder.settle_identity_key(&ring)?;
                print_line(&format!(
                    "the identity key is {}; sealed anew: {persone} keys of persone, {records} records",
                    ring.id()
                ));
                return Ok(ExitCode::SUCCESS);
            }
            let bar = progress_bar("renewing keys");
            bar.set_length(left.len() as u64 * 3);
            for (ente, step) in &left {
                if *step == KeyStep::Settled {
                    store.announce_key(&scope, *ente, system::now(), &mut system::chance()).await?;
                }
                bar.inc(1);
            }
            tokio::time::sleep(wait).await;
            for (ente, _) in &left {
                store.switch_key(&scope, *ente, &ring, system::now(), &mut system::chance()).await?;
                bar.inc(1);
            }
            tokio::time::sleep(wait).await;
            for (ente, _) in &left {
                let renewed = store.give_up_key(&scope, *ente, system::now(), &mut system::chance()).await?;
                persone += renewed.persone;
                records += renewed.records;
                bar.inc(1);
            }
            bar.finish_and_clear();
        }
        bail!("Enti are admitted faster than their keys can be renewed: run it again when that is over")
    })
}

/// The Enti, and last the platform, whose keys are not yet what they shall be.
async fn unsettled(store: &Store, scope: &PlatformScope, ring: &str) -> Result<Vec<(domain::feed::EnteId, KeyStep)>> {
    let all = store.key_steps(scope).await?.into_iter();
    let left = all.filter(|(_, step, wrapped_by)| *step != KeyStep::Settled || wrapped_by != ring);
    Ok(left.map(|(ente, step, _)| (ente, step)).collect())
}
