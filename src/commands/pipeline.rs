//! `noncello pipeline`: run it, see how each Ente stands, check every byte of the lake.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use domain::feed::EnteId;
use domain::keys::Ring;
use domain::run::{RunRecord, Standing};
use pipeline::{Config, EnteReport, RunReport, State};
use serde_json::json;
use warehouse::{Lake, LakeError, Manifest};

use super::{Format, block_on, open_store, print_complaint, print_line, progress_bar};
use crate::data_folder::DataFolder;
use crate::{calibrations, server, system};

/// What was published stays readable for a week after something newer is, unless somebody in it was erased or restricted.
const KEEP_DAYS: i64 = 7;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The portal's side alone: copy what it has recorded to sealed segments.
    #[command(after_help = "Example: noncello pipeline export --data /srv/noncello")]
    Export {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Copy what the portal has recorded to segments, then bring the lake up to them.
    #[command(after_help = "Example: noncello pipeline run --data /srv/noncello")]
    Run {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Make every Ente anew, those too whose segments have not changed.
        #[arg(long)]
        full: bool,
        /// How to report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// The pipeline's side alone: bring the lake up to the segments.
    #[command(after_help = "Example: noncello pipeline publish --data /srv/noncello")]
    Publish {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Make every Ente anew, those too whose segments have not changed.
        #[arg(long)]
        full: bool,
        /// How to report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Say how the data of each Ente stand, and what is published; ends with 1 when one is late, halted or damaged.
    #[command(after_help = "Example: noncello pipeline status --data /srv/noncello --format json")]
    Status {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// How to report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Read every file of the lake and compare it with its manifest.
    #[command(after_help = "Example: noncello pipeline verify --data /srv/noncello")]
    Verify {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    super::log_to_standard_error();
    match command {
        Command::Export { data } => {
            block_on(export(&DataFolder::open(data)?))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run { data, full, format } => {
            let folder = DataFolder::open(data)?;
            // A second run is refused before it exports what the first one is reading.
            drop(pipeline::lock(&folder.pipeline_lock())?);
            export_in_a_child(data)?;
            report(&run_stages(&folder, *full)?, *format)
        }
        Command::Publish { data, full, format } => report(&run_stages(&DataFolder::open(data)?, *full)?, *format),
        Command::Status { data, format } => status(&DataFolder::open(data)?, *format),
        Command::Verify { data } => verify(&DataFolder::open(data)?),
    }
}

/// The portal's side: new events to sealed segments.
pub(crate) async fn export(folder: &DataFolder) -> Result<()> {
    // Two at once could write a segment from before an erasure over the one from after it.
    let _lock = pipeline::lock(&folder.export_lock())?;
    let store = open_store(folder).await?;
    let sealing = folder.sealing_key(Ring::Pipeline)?;
    store.export_segments(&folder.segments(), &sealing, system::now(), &mut system::chance()).await?;
    store.close().await?;
    Ok(())
}

/// The export opens the portal's keys: it gets a process of its own, so that this one never holds them.
fn export_in_a_child(data: &Path) -> Result<()> {
    let program = std::env::current_exe().context("the program cannot be found again")?;
    let status = std::process::Command::new(program).args(["pipeline", "export", "--data"]).arg(data).status()?;
    if !status.success() {
        bail!("the portal's events could not be exported (see above); nothing was published");
    }
    Ok(())
}

/// The pipeline's side: segments to the lake.
pub(crate) fn run_stages(folder: &DataFolder, is_full: bool) -> Result<RunReport> {
    // Segments are put together while they are exported: not while they are read.
    let _segments = pipeline::lock(&folder.export_lock())?;
    let config = Config {
        segments: folder.segments(),
        lake: server::lake(folder)?,
        lock: folder.pipeline_lock(),
        links: folder.links(),
        pseudonym_keys: folder.pipeline_keys(),
        ring: folder.key(Ring::Pipeline)?,
        instruments: folder.instruments()?,
        keep_days: KEEP_DAYS,
        is_full,
    };
    let bar = progress_bar("pipeline");
    let report = pipeline::run(&config, system::now(), &mut system::chance(), &|done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    let is_new =
        |ente: &&EnteReport| ente.is_changed || ente.state == State::Closed || !folder.calibration(ente.ente).is_file();
    let changed: Vec<EnteId> = report.enti.iter().filter(is_new).map(|ente| ente.ente).collect();
    calibrations::copy(folder, &config.lake, &changed)?;
    Ok(report)
}

pub(super) fn report(report: &RunReport, format: Format) -> Result<ExitCode> {
    match format {
        Format::Json => print_line(&serde_json::to_string_pretty(report)?),
        Format::Text => {
            for ente in &report.enti {
                let counts = &ente.counts;
                let rejected: i64 = counts.rejected.values().sum();
                let set_aside: i64 = counts.set_aside.values().sum();
                let line = format!(
                    "{}: version {}, event {}, {} assessments ({} people), {rejected} rejected, {set_aside} set aside, {} files written, {} kept",
                    ente.ente,
                    ente.lake_version,
                    ente.last_seq,
                    counts.accepted,
                    counts.people,
                    counts.files_written,
                    counts.files_kept
                );
                match &ente.state {
                    State::InOrder => print_line(&line),
                    State::Closed => print_line(&format!("{}: closed", ente.ente)),
                    State::Halted(halt) => print_complaint(&format!("{}: halted: {}", ente.ente, halt.reason)),
                }
                for (reason, count) in &counts.rejected {
                    print_line(&format!("  rejected, {reason}: {count}"));
                }
            }
        }
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// How the data of an Ente stand.
struct EnteStatus {
    ente: EnteId,
    standing: Standing,
    record: Option<RunRecord>,
    manifest: Option<Manifest>,
    /// What is damaged of the lake.
    damage: Option<String>,
}

impl EnteStatus {
    fn read(lake: &Lake, ente: EnteId) -> Self {
        let (record, damage_of_record) = split(lake.run_record(ente));
        let (published, damage_of_lake) = split(lake.ente(ente));
        let damage = published.as_ref().and_then(|published| published.damage().map(ToOwned::to_owned));
        let manifest = published.map(|published| published.manifest().clone());
        let standing = Standing::of(record.as_ref(), system::now());
        Self { ente, standing, record, manifest, damage: damage.or(damage_of_lake).or(damage_of_record) }
    }

    fn is_wrong(&self) -> bool {
        self.damage.is_some() || matches!(self.standing, Standing::Halted | Standing::Late)
    }

    fn to_json(&self) -> serde_json::Value {
        let manifest = self.manifest.as_ref();
        let counts = manifest.map(|manifest| &manifest.counts);
        json!({
            "ente": self.ente,
            "state": self.standing.code(),
            "ran_at": self.record.as_ref().map(|record| record.ran_at),
            "in_order_at": self.record.as_ref().and_then(|record| record.in_order_at),
            "halt": self.record.as_ref().and_then(|record| record.halt.as_ref()),
            "damage": self.damage,
            "version": manifest.map(|manifest| manifest.version),
            "published_at": manifest.map(|manifest| manifest.published_at),
            "last_seq": manifest.map(|manifest| manifest.last_seq),
            "last_assessed_on": manifest.and_then(|manifest| manifest.last_assessed_on),
            "events": counts.map(|counts| counts.events),
            "versions": counts.map(|counts| counts.versions),
            "set_aside": counts.map(|counts| &counts.set_aside),
            "read": counts.map(|counts| counts.read),
            "accepted": counts.map(|counts| counts.accepted),
            "rejected": counts.map(|counts| &counts.rejected),
            "people": counts.map(|counts| counts.people),
            "erasures": manifest.map(|manifest| &manifest.erasures),
            "files": manifest.map(|manifest| manifest.files.len()),
        })
    }

    fn print(&self) {
        let state = self.standing.code().replace('_', " ");
        let at = self.record.as_ref().and_then(|record| record.in_order_at);
        let at = at.map(|at| format!(", in order at {}", at.format("%Y-%m-%d %H:%M:%SZ"))).unwrap_or_default();
        match &self.manifest {
            Some(manifest) => {
                print_line(&format!(
                    "{}: {state}{at}; version {}, published {}, event {}, {} of {} assessments, {} files",
                    self.ente,
                    manifest.version,
                    manifest.published_at.format("%Y-%m-%d %H:%M:%SZ"),
                    manifest.last_seq,
                    manifest.counts.accepted,
                    manifest.counts.read,
                    manifest.files.len()
                ));
                stages(manifest);
            }
            None => print_line(&format!("{}: {state}{at}; nothing published", self.ente)),
        }
        if let Some(halt) = self.record.as_ref().and_then(|record| record.halt.as_ref()) {
            print_complaint(&format!("{}: halted: {}", self.ente, halt.reason));
        }
        if let Some(damage) = &self.damage {
            print_complaint(&format!("{}: {damage}", self.ente));
        }
    }
}

/// What was read, and what went wrong.
fn split<T>(read: Result<Option<T>, LakeError>) -> (Option<T>, Option<String>) {
    match read {
        Ok(found) => (found, None),
        Err(error) => (None, Some(error.to_string())),
    }
}

fn status(folder: &DataFolder, format: Format) -> Result<ExitCode> {
    let lake = server::lake(folder)?;
    let enti: BTreeSet<EnteId> = lake.enti()?.into_iter().chain(lake.recorded()?).collect();
    let enti: Vec<EnteStatus> = enti.into_iter().map(|ente| EnteStatus::read(&lake, ente)).collect();
    match format {
        Format::Json => {
            let rows: Vec<_> = enti.iter().map(EnteStatus::to_json).collect();
            print_line(&serde_json::to_string_pretty(&rows)?);
        }
        Format::Text => {
            enti.iter().for_each(EnteStatus::print);
            if enti.is_empty() {
                print_line("nothing is published yet; `noncello pipeline run` does it");
            }
        }
    }
    Ok(if enti.iter().any(EnteStatus::is_wrong) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What became of everything at each stage; a manifest of version 1 does not know all of it.
fn stages(manifest: &Manifest) {
    let counts = &manifest.counts;
    let of_each = |counts: &BTreeMap<String, i64>| -> String {
        counts.iter().map(|(reason, count)| format!(", {count} {reason}")).collect()
    };
    if counts.events > 0 {
        print_line(&format!(
            "  {} events: {} versions of assessments, {} that count{}",
            counts.events,
            counts.versions,
            counts.read,
            of_each(&counts.set_aside)
        ));
    }
    if !counts.rejected.is_empty() {
        print_line(&format!("  rejected{}", of_each(&counts.rejected)));
    }
    for erasure in &manifest.erasures {
        print_line(&format!(
            "  erased by event {}: in no file since version {}, {}",
            erasure.seq,
            erasure.version,
            erasure.published_at.format("%Y-%m-%d %H:%M:%SZ")
        ));
    }
}

fn verify(folder: &DataFolder) -> Result<ExitCode> {
    let lake = server::lake(folder)?;
    let mut is_any_wrong = false;
    for ente in lake.enti()? {
        match lake.verify(ente) {
            Ok(verified) => {
                print_line(&format!("{ente}: {} files, {} rows, as published", verified.files, verified.rows))
            }
            Err(error) => {
                is_any_wrong = true;
                print_complaint(&format!("{ente}: {error}"));
            }
        }
    }
    Ok(if is_any_wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
