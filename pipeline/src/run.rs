//! A run: for every Ente that has segments, the stages in their order. One Ente that halts holds up no other.

use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use domain::keys::RingKey;
use rand::CryptoRng;
use warehouse::{Lake, LakeError};

use crate::conform::{conform, definitions};
use crate::links::LinksError;
use crate::partition::{Accepted, PartitionError, partition};
use crate::pseudonymize::{self, PseudonymKeyError};
use crate::publish::{close, links_of, publish};
use crate::read::{self, ReadError, read};
use crate::report::{EnteReport, RunReport, State};
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

/// Runs the stages for every Ente that has segments. `progress` gets the Ente whose turn it is, how many are done, and of
/// how many; at the end the last one again, with all done.
///
/// # Errors
/// When the run cannot begin; what goes wrong with one Ente is in the report.
pub fn run(
    config: &Config,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
    progress: &dyn Fn(EnteId, usize, usize),
) -> Result<RunReport, PipelineError> {
    let _lock = lock(&config.lock)?;
    let enti =
        read::enti(&config.segments).map_err(|source| PipelineError::File { path: config.segments.clone(), source })?;
    let mut report = RunReport::default();
    for (done, ente) in enti.iter().enumerate() {
        progress(*ente, done, enti.len());
        let mut of_ente = EnteReport::new(*ente);
        match stages(config, &mut of_ente, now, chance) {
            Ok(state) => of_ente.state = state,
            Err(halt) => of_ente.state = State::Halted { reason: with_sources(&halt) },
        }
        log(&of_ente);
        report.add(of_ente);
    }
    if let Some(last) = enti.last() {
        progress(*last, enti.len(), enti.len());
    }
    Ok(report)
}

/// The stages of one Ente, in order.
fn stages(
    config: &Config,
    report: &mut EnteReport,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
) -> Result<State, Halt> {
    let events = read(&config.segments, report.ente, &config.ring.opening())?;
    report.counts.events = i64::try_from(events.len()).unwrap_or(i64::MAX);
    report.last_seq = events.last().map_or(0, |event| event.seq);

    let resolved = resolve(events)?;
    if resolved.is_closed {
        close(config, report.ente)?;
        return Ok(State::Closed);
    }
    check_not_shortened(config, report)?;
    let pseudonyms = pseudonymize::open_or_create(&config.pseudonym_keys, report.ente, &config.ring, chance)?;
    let Resolved { current, versions, set_aside, links, is_closed: _ } = resolved;
    report.counts.versions = versions;
    report.counts.set_aside = set_aside.iter().map(|(why, count)| (why.code().to_owned(), *count)).collect();
    report.counts.current = i64::try_from(current.len()).unwrap_or(i64::MAX);

    let definitions = definitions(&config.instruments);
    let mut accepted = Vec::with_capacity(current.len());
    for current in current {
        match conform(&definitions, &current.assessment) {
            Ok(instrument) => accepted.push(Accepted {
                pseudonym: pseudonyms.person(current.person),
                operator: pseudonyms.operator(current.assessment.operator),
                current,
                instrument,
            }),
            Err(reason) => *report.counts.rejected.entry(reason.code().to_owned()).or_default() += 1,
        }
    }
    report.counts.accepted = i64::try_from(accepted.len()).unwrap_or(i64::MAX);
    if !report.counts.is_balanced() {
        return Err(Halt::Unbalanced);
    }

    let tables = partition(&accepted, &config.instruments)?;
    for table in &tables {
        *report.counts.rows.entry(table.table.clone()).or_default() +=
            i64::try_from(table.rows.num_rows()).unwrap_or(i64::MAX);
    }
    if report.counts.rows.get(warehouse::schema::ASSESSMENTS).copied().unwrap_or(0) != report.counts.accepted {
        return Err(Halt::Unbalanced);
    }
    let links = links_of(&accepted, &links);
    report.counts.people = people(&accepted);
    report.counts.links = i64::try_from(links.len()).unwrap_or(i64::MAX);
    publish(config, report, tables, &links, &pseudonyms, now, chance)?;
    Ok(State::InOrder)
}

/// Segments that end before what the lake holds have lost events: publishing them would lose data in silence.
fn check_not_shortened(config: &Config, report: &EnteReport) -> Result<(), Halt> {
    let Some(published) = config.lake.ente(report.ente)? else { return Ok(()) };
    let published = published.manifest().last_seq;
    if report.last_seq < published {
        return Err(Halt::Shortened { found: report.last_seq, published });
    }
    Ok(())
}

fn people(accepted: &[Accepted<'_>]) -> i64 {
    let people: std::collections::BTreeSet<&str> = accepted.iter().map(|row| row.pseudonym.as_str()).collect();
    i64::try_from(people.len()).unwrap_or(i64::MAX)
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
    let EnteReport { ente, state, last_seq, lake_version, counts, .. } = report;
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
        State::Halted { reason } => tracing::error!(ente.id = %ente, last_seq, reason, "Ente {ente} halted: {reason}"),
        State::Closed => tracing::info!(ente.id = %ente, last_seq, "Ente {ente}: closed, keys destroyed"),
    }
}
