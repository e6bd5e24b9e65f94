//! A run: for every Ente that has segments, the stages in their order. One Ente that halts holds up no other.

use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use domain::feed::{EnteId, PersonToken};
use domain::instrument::Instrument;
use domain::keys::RingKey;
use domain::run;
use rand::{CryptoRng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use warehouse::{Lake, LakeError, workers};

use crate::conform::Conformity;
use crate::links::LinksError;
use crate::partition::{Accepted, PartitionError, Pseudonym, Speech, partition};
use crate::pseudonymize::{self, PseudonymKeyError};
use crate::publish::{Outcome, close, links_of, publish, still_holds};
use crate::read::{self, Events, Files, ReadError};
use crate::reconcile::{self, Mismatch};
use crate::report::{EnteReport, RunReport, State, count};
use crate::resolve::{Contradiction, Resolved, resolve};

/// Where a run finds and puts things.
#[derive(Debug)]
pub struct Config {
    /// The folder of segments.
    pub segments: PathBuf,
    /// The lake.
    pub lake: Lake,
    /// The lock file, in the lake's folder: one run at a time.
    pub lock: PathBuf,
    /// The folder of links.
    pub links: PathBuf,
    /// The folder of the Enti's pseudonym keys.
    pub pseudonym_keys: PathBuf,
    /// The pipeline's ring.
    pub ring: RingKey,
    /// Every version of every definition.
    pub instruments: Vec<Instrument>,
    /// For how many days what was published stays readable once something newer is.
    pub keep_days: i64,
    /// Whether Enti are made anew whose segments have not changed.
    pub is_full: bool,
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// Another run is under way.
    #[error("another command of the pipeline holds {}: wait for it to end", .0.display())]
    Busy(PathBuf),
    /// A folder cannot be used.
    #[error("{} cannot be used", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why an Ente halted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    #[error(
        "the segments end at event {found}, and the lake holds {published}: restore them, or delete the lake's folder"
    )]
    Shortened { found: i64, published: i64 },
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    PseudonymKey(#[from] PseudonymKeyError),
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error("assessments were lost between stages: an error of this program, please report it")]
    Unbalanced,
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Links(#[from] LinksError),
}

impl Halt {
    fn cause(&self) -> run::Cause {
        match self {
            Self::Read(_) | Self::Contradiction(_) | Self::Shortened { .. } => run::Cause::Feed,
            Self::Mismatch(_) => run::Cause::Reconciliation,
            Self::PseudonymKey(_) | Self::Lake(LakeError::Key(_)) => run::Cause::Key,
            Self::Partition(_) | Self::Unbalanced => run::Cause::Program,
            Self::Lake(_) | Self::Links(_) => run::Cause::Storage,
        }
    }
}

/// Runs the stages for every Ente that has segments, several Enti at once. `progress` gets how many are done, and of how many.
///
/// # Errors
/// When the run cannot begin; what goes wrong with one Ente is in the report.
pub fn run(
    config: &Config,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<RunReport, PipelineError> {
    let _lock = lock(&config.lock)?;
    let enti =
        read::enti(&config.segments).map_err(|source| PipelineError::File { path: config.segments.clone(), source })?;
    // Each Ente draws from a generator of its own, so that nothing depends on whose turn comes first.
    let mut turns = Vec::new();
    for ente in &enti {
        turns.push((*ente, ChaCha20Rng::from_rng(chance)));
    }
    let done = AtomicUsize::new(0);
    progress(0, turns.len());
    let reports = workers::map(&turns, |(ente, chance)| {
        let mut report = of_ente(config, *ente, now, &mut chance.clone());
        keep(config, &mut report, now);
        log(&report);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, turns.len());
        report
    });
    let mut report = RunReport::default();
    for of_ente in reports {
        report.add(of_ente);
    }
    Ok(report)
}

fn of_ente(config: &Config, ente: EnteId, now: DateTime<Utc>, chance: &mut ChaCha20Rng) -> EnteReport {
    let mut report = EnteReport::new(ente);
    match stages(config, &mut report, now, chance) {
        Ok(state) => report.state = state,
        Err(halt) => report.state = State::Halted(run::Halt { cause: halt.cause(), reason: with_sources(&halt) }),
    }
    report
}

/// Keeps what the run came to, for the pages that say how data stand. An Ente whose record cannot be kept has halted: what was
/// published is good, but nobody would hear of it.
fn keep(config: &Config, report: &mut EnteReport, now: DateTime<Utc>) {
    let kept = match &report.state {
        State::Closed => config.lake.forget_run(report.ente),
        State::InOrder | State::Halted(_) => {
            let before = config.lake.run_record(report.ente).unwrap_or_default();
            config.lake.keep_run(&report.record(before.as_ref(), now))
        }
    };
    if let Err(error) = kept
        && !matches!(report.state, State::Halted(_))
    {
        report.state = State::Halted(run::Halt { cause: run::Cause::Storage, reason: with_sources(&error) });
    }
}

/// The stages of one Ente, in order.
fn stages(
    config: &Config,
    report: &mut EnteReport,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
) -> Result<State, Halt> {
    let files = Files::list(&config.segments, report.ente)?;
    report.last_seq = files.last_seq();
    let tally = files.tally(&config.ring.opening())?;
    reconcile::same_moment(&tally, report.last_seq)?;
    if report.last_seq == 0 {
        // Nothing has happened yet: there is nothing to show.
        check_not_shortened(config, report)?;
        return Ok(State::InOrder);
    }
    let source_mark = files.mark()?;
    if !config.is_full
        && let Some(manifest) = still_holds(config, report.ente, &source_mark, now)?
    {
        report.still(&manifest);
        reconcile::lake(&tally, &report.counts)?;
        return Ok(State::InOrder);
    }
    let Events { events, words } = files.read(&config.ring.opening())?;
    report.counts.events = count(events.len());

    let resolved = resolve(events)?;
    if resolved.is_closed {
        close(config, report.ente)?;
        return Ok(State::Closed);
    }
    check_not_shortened(config, report)?;
    let pseudonyms = pseudonymize::open_or_create(&config.pseudonym_keys, report.ente, &config.ring, chance)?;
    let Resolved { current, versions, set_aside, links, erasures, restrictions, is_closed: _ } = resolved;
    report.counts.versions = versions;
    report.counts.set_aside = set_aside.iter().map(|(why, count)| (why.code().to_owned(), *count)).collect();
    report.counts.current = count(current.len());

    reconcile::segments(&tally, &current, &set_aside, &words)?;

    let conformity = Conformity::new(&config.instruments, &words);
    let mut accepted = Vec::with_capacity(current.len());
    for current in current {
        match conformity.check(&current.assessment) {
            Ok(instrument) => {
                let pseudonym = pseudonyms.person(PersonToken(current.person));
                accepted.push(Accepted { pseudonym, current, instrument });
            }
            Err(reason) => *report.counts.rejected.entry(reason.code().to_owned()).or_default() += 1,
        }
    }
    report.counts.accepted = count(accepted.len());
    if !report.counts.is_balanced() {
        return Err(Halt::Unbalanced);
    }
    let links = links_of(&accepted, &links);
    report.counts.people = people(&accepted);
    report.counts.links = count(links.len());

    let operators = words.operators().map(|operator| hex::encode(pseudonyms.operator(operator))).collect();
    let tables = partition(accepted, &Speech { words: &words, operators, instruments: &config.instruments })?;
    for table in &tables {
        *report.counts.rows.entry(table.table.clone()).or_default() += count(table.rows.num_rows());
    }
    if reconcile::rows_of_assessments(&report.counts.rows) != report.counts.accepted {
        return Err(Halt::Unbalanced);
    }
    let outcome = Outcome { tables, links, source_mark, erasures, restrictions };
    publish(config, report, outcome, &pseudonyms, now, chance)?;
    Ok(State::InOrder)
}

/// Segments that end before what the lake holds have lost events: publishing them would lose data in silence.
fn check_not_shortened(config: &Config, report: &EnteReport) -> Result<(), Halt> {
    let Some(published) = config.lake.manifest(report.ente)? else { return Ok(()) };
    let published = published.last_seq;
    if report.last_seq < published {
        return Err(Halt::Shortened { found: report.last_seq, published });
    }
    Ok(())
}

fn people(accepted: &[Accepted<'_>]) -> i64 {
    let people: std::collections::BTreeSet<&Pseudonym> = accepted.iter().map(|row| &row.pseudonym).collect();
    count(people.len())
}

/// Keeps others from running the pipeline, or from building a release of what it is about to change. Held until the file is
/// dropped; the system frees it when the process dies.
///
/// # Errors
/// [`PipelineError::Busy`], or a file that cannot be made.
pub fn lock(path: &Path) -> Result<File, PipelineError> {
    let unusable = |source| PipelineError::File { path: path.to_owned(), source };
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(unusable)?;
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PipelineError::Busy(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// A report is one line: what a library adds below it (a stack trace) is for nobody who reads it.
fn first_line(error: &dyn Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = first_line(error);
    let mut next = error.source();
    while let Some(source) = next {
        let says = first_line(source);
        if !text.contains(&says) {
            text.push_str(": ");
            text.push_str(&says);
        }
        next = source.source();
    }
    text
}

fn log(report: &EnteReport) {
    let EnteReport { ente, state, last_seq, lake_version, counts, is_changed: _ } = report;
    let rejected: i64 = counts.rejected.values().sum();
    match state {
        State::InOrder if rejected == 0 => tracing::info!(
            ente.id = %ente, last_seq, lake_version, rows_accepted = counts.accepted,
            files_written = counts.files_written, files_kept = counts.files_kept,
            "Ente {ente}: version {lake_version}, {} assessments", counts.accepted
        ),
        State::InOrder => tracing::warn!(
            ente.id = %ente, last_seq, lake_version, rows_accepted = counts.accepted, rows_rejected = rejected,
            reasons = ?counts.rejected,
            "Ente {ente}: version {lake_version}, {} assessments, {rejected} rejected", counts.accepted
        ),
        State::Halted(run::Halt { cause, reason }) => {
            tracing::error!(ente.id = %ente, last_seq, ?cause, reason, "Ente {ente} halted: {reason}");
        }
        State::Closed => tracing::info!(ente.id = %ente, last_seq, "Ente {ente}: closed, keys destroyed"),
    }
}
