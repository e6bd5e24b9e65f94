//! `noncello keys`: new keys for the portal, while it runs, for the partitions of the lake, and for pseudonyms.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;
use domain::feed::EnteId;
use domain::keys::Ring;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{KeyStep, PlatformScope, Store};
use uuid::Uuid;

use super::{Format, block_on, open_store, print_line, progress_bar};
use crate::data_folder::DataFolder;
use crate::{server, system};

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
    /// Give the partition of every Ente a new key: its files are written anew, and what it has taken out and kept.
    #[command(after_help = "Example: noncello keys rotate-lake --data /srv/noncello

Stopped half-way it leaves everything readable; the same command goes on from there. Dashboards go on meanwhile. Copies of the
lake from before cannot be read any more once it is done, unless the key files were copied too.")]
    RotateLake {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// One Ente alone, by its id.
        #[arg(long, value_name = "ID")]
        ente: Option<Uuid>,
    },
    /// Give every Ente a new pseudonym key, and make its partition anew: nothing that was taken out before can be joined with it.
    #[command(after_help = "Example: noncello keys rotate-pseudonyms --data /srv/noncello")]
    RotatePseudonyms {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// One Ente alone, by its id.
        #[arg(long, value_name = "ID")]
        ente: Option<Uuid>,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Rotate { data, offline } => rotate(data, if *offline { Duration::ZERO } else { UNTIL_KNOWN }),
        Command::RotateLake { data, ente } => rotate_lake(data, *ente),
        Command::RotatePseudonyms { data, ente } => rotate_pseudonyms(data, *ente),
    }
}

fn rotate_lake(data: &Path, only: Option<Uuid>) -> Result<ExitCode> {
    let folder = DataFolder::open(data)?;
    let _lock = pipeline::lock(&folder.pipeline_lock())?;
    let lake = server::lake(&folder)?;
    let enti = chosen(lake.enti()?, only)?;
    let bar = progress_bar("renewing keys of the lake");
    bar.set_length(enti.len() as u64);
    let (mut files, mut extractions) = (0, 0);
    for ente in &enti {
        lake.begin_renewal(*ente, &mut system::chance())?;
        let mut chance = StdRng::from_rng(&mut system::chance());
        extractions += dashboards::renew_extractions(&folder.extractions(), &lake, *ente, &mut chance)?;
        files += lake.end_renewal(*ente, system::now(), &mut system::chance())?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    print_line(&format!("new keys: {}; written anew: {files} files, {extractions} extractions", enti.len()));
    Ok(ExitCode::SUCCESS)
}

fn rotate_pseudonyms(data: &Path, only: Option<Uuid>) -> Result<ExitCode> {
    let folder = DataFolder::open(data)?;
    {
        let _lock = pipeline::lock(&folder.pipeline_lock())?;
        let ring = folder.key(Ring::Pipeline)?;
        let enti = chosen(server::lake(&folder)?.enti()?, only)?;
        for ente in &enti {
            pipeline::renew_pseudonym_key(&folder.pipeline_keys(), *ente, &ring, &mut system::chance())?;
        }
        print_line(&format!("new pseudonym keys: {}", enti.len()));
    }
    // One that halts keeps what it had: the next run goes on.
    super::pipeline::report(&super::pipeline::run_stages(&folder, false)?, Format::Text)
}

/// All Enti, or the one that was named.
fn chosen(enti: Vec<EnteId>, only: Option<Uuid>) -> Result<Vec<EnteId>> {
    let Some(only) = only.map(EnteId) else { return Ok(enti) };
    if !enti.contains(&only) {
        bail!("nothing of {only} is published; `noncello pipeline status` lists the Enti");
    }
    Ok(vec![only])
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
async fn unsettled(store: &Store, scope: &PlatformScope, ring: &str) -> Result<Vec<(EnteId, KeyStep)>> {
    let all = store.key_steps(scope).await?.into_iter();
    let left = all.filter(|(_, step, wrapped_by)| *step != KeyStep::Settled || wrapped_by != ring);
    Ok(left.map(|(ente, step, _)| (ente, step)).collect())
}
