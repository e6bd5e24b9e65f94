//! Builds the anonymous table of a strumento at a cut-off date from the partitions of all Enti.
//!
//! A [`Draft`] becomes [`Assessed`] when the verifier has looked at it, [`Cleared`] when nothing is wrong with it, and only
//! that can be written; the file is read back and verified once more before it gets its name. One table for each strumento
//! and cut-off: what others need is a part of its columns or a coarsening of its classes, never a second table of the
//! same rows. Who is in it is not kept anywhere; the seed is kept, sealed, beside the register.

mod dataset;
mod dictionary;
mod file;
mod geography;
mod humans;
mod merge;
mod register;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anonymity::report::Measures;
use anonymity::verify::{Beside, Checks, Verification, verify};
use anonymity::{Effort, Hierarchy, QuasiIdentifier, RowOrder, Rules, Seed, Sensitive, SuppressedRows, anonymize};
use arrow::array::{AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use domain::keys::{RingKey, Secret};
use parquet::errors::ParquetError;
use rand::CryptoRng;
use serde::Serialize;
use warehouse::{Lake, LakeError};

use crate::links::LinksError;
use crate::run::PipelineError;

pub use file::{Written, finish_interrupted};
pub use geography::Places;
pub use register::{Entry, list};
use table::{ENTE, Master, Ordered, PERSONA, PROFILE};

/// The most that a class may differ from the whole table, in every sensitive column.
const T: f64 = 0.25;
/// The least number of values of a sensitive column in a class: an outsider who finds somebody's class learns none for certain.
const L: usize = 2;
/// What is asked, one after the other, until the loss is not absurd: values of each sensitive column in a class, and the
/// distance of all but the profile, which keeps [`T`].
const ASKED: [(usize, f64); 7] = [(L, T), (L, 0.35), (L, 0.5), (1, T), (1, 0.35), (1, 0.5), (1, 1.0)];
/// From here on a loss is absurd: hardly anything but `*` is left, and nothing is released.
const LOSS_MAX: f64 = 0.8;
/// The greatest part of the rows that may be left out.
const SUPPRESSION: f64 = 0.1;
/// The least that a contract with researchers allows.
const K_MIN: usize = 5;

/// The least number of Enti: of two, each would have the other's rows by taking its own away.
const ENTI_MIN: usize = 3;
/// Fewer people than this are not told of in a report.
const TOLD_MIN: usize = 10;

/// Why there is no release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The links of an Ente cannot be read.
    #[error(transparent)]
    Links(#[from] LinksError),
    /// A link was sealed for another key.
    #[error("a link of the Ente {0} cannot be opened: it was sealed for another release key")]
    Link(EnteId),
    /// A table of the lake has another schema.
    #[error("a table of the lake has no column {0} of the type expected; `noncello pipeline run` writes it again")]
    Column(&'static str),
    /// The strumento is not known.
    #[error("no strumento is called {0}; `noncello instrument list` shows those there are")]
    UnknownInstrument(String),
    /// Fewer than may be asked.
    #[error("k is {0}; at least {K_MIN} people in a class are needed")]
    LowK(usize),
    /// Who knows all people of one Ente knows too much of those of the other.
    #[error(
        "a release needs people of at least {ENTI_MIN} Enti, and there are those of {found}: with fewer, whoever takes away the people they know is left with another Ente's"
    )]
    FewEnti {
        /// How many there are.
        found: usize,
    },
    /// Nobody is to be released.
    #[error("nobody was assessed with {instrument} up to {cutoff}")]
    Nobody {
        /// The strumento.
        instrument: String,
        /// The cut-off.
        cutoff: NaiveDate,
    },
    /// There is one already.
    #[error(
        "{0} is there already, and holds many of the same people: a second table of them could be intersected with it; take a part of it"
    )]
    Twice(String),
    /// The pipeline runs, or another release is being built.
    #[error(transparent)]
    Lock(#[from] PipelineError),
    /// The engine or the verifier refuses.
    #[error("no anonymous table can be made")]
    Anonymity(#[from] anonymity::Error),
    /// The table made does not hold.
    #[error("the table does not hold, and nothing was written: {count} violations; the first: {first}")]
    Refused {
        /// How many.
        count: usize,
        /// One of them.
        first: String,
    },
    /// A table in memory.
    #[error("the table cannot be held")]
    Arrow(#[from] ArrowError),
    /// A Parquet file.
    #[error("the table cannot be written or read as Parquet")]
    Parquet(#[from] ParquetError),
    /// The disk.
    #[error("{} cannot be read or written", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The register is not one.
    #[error("{} is not a register of releases: restore it from a copy; without it nobody knows what was released", .0.display())]
    Register(PathBuf),
}

/// What a release is made from.
#[derive(Debug)]
pub struct Request<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// The folder of the links.
    pub links: PathBuf,
    /// Opens links, seals the seed.
    pub ring: &'a RingKey,
    /// All definitions known.
    pub instruments: &'a [Instrument],
    /// Names of places.
    pub places: &'a Places,
    /// The lock file that runs of the pipeline hold: partitions and links must not change while they are read.
    pub lock: PathBuf,
    /// The folder of the releases and their register.
    pub releases: PathBuf,
    /// Which strumento.
    pub instrument: String,
    /// The last day of an assessment.
    pub cutoff: NaiveDate,
    /// People in each class, without those of any one Ente.
    pub k: usize,
}

/// What is told of a release; in its folder as `rapporto.json`. Nothing here is about one person or one Ente.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Form of this report.
    pub format: &'static str,
    /// The release.
    pub id: String,
    /// The strumento.
    pub instrument: String,
    /// SHA-256 of its definitions, by version.
    pub definitions_sha256: BTreeMap<u32, String>,
    /// The last day of an assessment.
    pub cutoff: NaiveDate,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Enti with people in it.
    pub count_enti: usize,
    /// Humans: rows before any was left out.
    pub count_humans: usize,
    /// Humans without a code that holds in every Ente, counted once in each; `None` when they are fewer than ten.
    pub count_without_code: Option<usize>,
    /// Humans known to more than one Ente; `None` when they are fewer than ten.
    pub count_in_several_enti: Option<usize>,
    /// Rows written.
    pub rows: usize,
    /// Rows left out.
    pub suppressed: usize,
    /// Asked: people in a class without those of any one Ente.
    pub k: usize,
    /// The greatest distance asked of the profile, where there is one.
    pub t_profile_max: Option<f64>,
    /// The greatest distance asked of each other sensitive column; 1 asks nothing.
    pub t_others_max: f64,
    /// Asked: values in a class of each sensitive column in which one row in twenty has another value than the commonest.
    pub l: usize,
    /// The quasi-identifiers; every other column is sensitive.
    pub quasi_identifiers: Vec<String>,
    /// What is reached.
    pub measures: Measures,
    /// Of the Parquet file; `None` until it is written.
    pub sha256: Option<String>,
}

/// A table that nobody has verified.
#[derive(Debug)]
pub struct Draft {
    parts: Parts,
}

/// A table with the outcome of its verification.
#[derive(Debug)]
pub struct Assessed {
    parts: Parts,
    verification: Verification,
}

/// A table with which nothing is wrong: the only one that can be written.
#[derive(Debug)]
pub struct Cleared {
    parts: Parts,
    verification: Verification,
}

#[derive(Debug)]
struct Parts {
    id: String,
    lock: PathBuf,
    releases: PathBuf,
    seed: Secret,
    ring: RingKey,
    versions: Vec<Instrument>,
    created_at: DateTime<Utc>,
    report: ReportBase,
    released: RecordBatch,
    basis: Basis,
}

/// What the report knows before the table is verified.
#[derive(Debug)]
struct ReportBase {
    instrument: String,
    cutoff: NaiveDate,
    count_enti: usize,
    count_humans: usize,
    count_with_code: usize,
    count_in_several_enti: usize,
    k: usize,
    l: usize,
    t_others_max: f64,
}

/// What the verifier compares a table with. It never leaves the memory.
#[derive(Debug)]
struct Basis {
    master: RecordBatch,
    /// The same with a row for each further Ente that knows somebody.
    everybody_known: RecordBatch,
    origins: Vec<usize>,
    quasi_identifiers: Vec<QuasiIdentifier>,
    rules: Rules,
}

/// Builds the table of a strumento at a cut-off.
///
/// # Errors
/// See [`ReleaseError`]; nothing is written here.
pub fn build(request: &Request<'_>, now: DateTime<Utc>, chance: &mut impl CryptoRng) -> Result<Draft, ReleaseError> {
    if request.k < K_MIN {
        return Err(ReleaseError::LowK(request.k));
    }
    let _lock = crate::run::lock(&request.lock)?;
    let id = format!("{}-{}", request.instrument, request.cutoff);
    file::finish_interrupted(&request.releases)?;
    register::refuse_twice(&request.releases, &id)?;
    let mut versions: Vec<&Instrument> =
        request.instruments.iter().filter(|known| known.id.as_str() == request.instrument).collect();
    versions.sort_by_key(|instrument| instrument.version);
    if versions.is_empty() {
        return Err(ReleaseError::UnknownInstrument(request.instrument.clone()));
    }
    let seed = Secret::generate(chance);
    let humans = humans::read(
        request.lake,
        &request.links,
        &request.ring.opening(),
        &request.instrument,
        request.cutoff,
        &seed.derive("people of this release"),
    )?;
    if humans.is_empty() {
        return Err(ReleaseError::Nobody { instrument: request.instrument.clone(), cutoff: request.cutoff });
    }
    let enti: BTreeSet<usize> = humans.values().flat_map(|human| &human.enti).copied().collect();
    if enti.len() < ENTI_MIN {
        return Err(ReleaseError::FewEnti { found: enti.len() });
    }
    let master = table::make(&humans, &versions, request.places)?;
    let Generalised { released, origins, rules, l, t_others_max } = generalise(&master, request.k, &seed)?;
    let report = ReportBase {
        instrument: request.instrument.clone(),
        cutoff: request.cutoff,
        count_enti: enti.len(),
        count_humans: humans.len(),
        count_with_code: humans.values().filter(|human| human.has_link).count(),
        count_in_several_enti: humans.values().filter(|human| human.enti.len() > 1).count(),
        k: request.k,
        l,
        t_others_max,
    };
    let basis = Basis {
        everybody_known: with_everybody_known(&master)?,
        master: master.batch,
        origins,
        quasi_identifiers: master.quasi_identifiers,
        rules,
    };
    let parts = Parts {
        id,
        lock: request.lock.clone(),
        releases: request.releases.clone(),
        seed,
        ring: request.ring.clone(),
        versions: versions.into_iter().cloned().collect(),
        created_at: now,
        report,
        released,
        basis,
    };
    Ok(Draft { parts })
}

impl Draft {
    /// Has it verified.
    ///
    /// # Errors
    /// When the verifier cannot look; what is wrong with the table is in the outcome.
    pub fn assess(self) -> Result<Assessed, ReleaseError> {
        let verification = self.parts.basis.verify(&self.parts.released)?;
        Ok(Assessed { parts: self.parts, verification })
    }
}

impl Assessed {
    /// The outcome of the verification.
    #[must_use]
    pub fn verification(&self) -> &Verification {
        &self.verification
    }

    /// Clears it for writing.
    ///
    /// # Errors
    /// [`ReleaseError::Refused`] when anything is wrong with it.
    pub fn clear(self) -> Result<Cleared, ReleaseError> {
        refuse(&self.verification)?;
        Ok(Cleared { parts: self.parts, verification: self.verification })
    }
}

impl Cleared {
    /// What will be told of it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.parts.report(&self.verification)
    }
}

impl Parts {
    fn report(&self, verification: &Verification) -> Report {
        let base = &self.report;
        let measures = verification.measures.clone();
        let rules = &self.basis.rules.sensitive;
        let profile = rules.iter().find(|sensitive| sensitive.column == PROFILE);
        Report {
            format: "release report 1",
            id: self.id.clone(),
            instrument: base.instrument.clone(),
            definitions_sha256: self.versions.iter().map(|known| (known.version, known.sha256.clone())).collect(),
            cutoff: base.cutoff,
            created_at: self.created_at,
            count_enti: base.count_enti,
            count_humans: base.count_humans,
            count_without_code: told(base.count_humans - base.count_with_code),
            count_in_several_enti: told(base.count_in_several_enti),
            rows: self.released.num_rows(),
            suppressed: measures.suppressed,
            k: base.k,
            t_profile_max: profile.and_then(|profile| profile.closeness.as_ref()).map(|closeness| closeness.t),
            t_others_max: base.t_others_max,
            l: base.l,
            quasi_identifiers: self.basis.columns(),
            measures,
            sha256: None,
        }
    }
}

fn told(people: usize) -> Option<usize> {
    (people >= TOLD_MIN).then_some(people)
}

fn refuse(verification: &Verification) -> Result<(), ReleaseError> {
    match verification.violations.first() {
        None if verification.passed => Ok(()),
        first => Err(ReleaseError::Refused {
            count: verification.violations.len(),
            first: first.map(ToString::to_string).unwrap_or_default(),
        }),
    }
}

impl Basis {
    fn columns(&self) -> Vec<String> {
        self.quasi_identifiers.iter().map(|identifier| identifier.column.clone()).collect()
    }

    /// Looks at a table twice: against the rows it was made from, and, for the people whom an Ente knows from elsewhere,
    /// against all rows of all Enti.
    fn verify(&self, released: &RecordBatch) -> Result<Verification, ReleaseError> {
        let hierarchies: BTreeMap<String, Hierarchy> = self
            .quasi_identifiers
            .iter()
            .map(|identifier| (identifier.column.clone(), identifier.hierarchy.clone()))
            .collect();
        let tables = std::slice::from_ref(released);
        let mut checks = Checks::new(self.columns(), self.rules.clone()).strict();
        checks.suppression = Some(SUPPRESSION);
        let mut beside = Beside { hierarchies, origins: Some(&self.origins), ..Beside::default() };
        let master = std::slice::from_ref(&self.master);
        beside.original = master;
        // Whose rows they are is looked for in the master table, which has both columns.
        let mut outcome = verify(tables, &checks, &beside)?;
        let known = Rules { sensitive: Vec::new(), ..self.rules.clone() };
        let checks = Checks::new(self.columns(), known).strict();
        let everybody = std::slice::from_ref(&self.everybody_known);
        beside.original = everybody;
        let insiders = verify(tables, &checks, &beside)?;
        outcome.passed &= insiders.passed;
        outcome.measures.k_without_any_contributor = insiders.measures.k_without_any_contributor;
        outcome.violations.extend(insiders.violations);
        Ok(outcome)
    }
}

/// A table whose classes hold the rules that were asked at last.
struct Generalised {
    released: RecordBatch,
    /// The master table's row of each.
    origins: Vec<usize>,
    rules: Rules,
    l: usize,
    t_others_max: f64,
}

/// Generalises, with the strictest distance that leaves something to read.
fn generalise(master: &Master, k: usize, seed: &Secret) -> Result<Generalised, ReleaseError> {
    let mut found: Option<(anonymity::Anonymized, Rules, usize, f64)> = None;
    let mut impossible = None;
    for (l, t_others) in ASKED {
        let rules = rules(&master.ordered, k, l, t_others);
        let engine_seed = Seed::new(*seed.derive("engine").expose());
        let mut asked = anonymity::Request::new(master.quasi_identifiers.clone(), rules.clone(), engine_seed)
            .suppression(SUPPRESSION)
            .suppressed_rows(SuppressedRows::Dropped)
            .row_order(RowOrder::Shuffled)
            .effort(Effort::Default);
        // The engine has one row for each human; only the verifier needs to be told.
        asked.rules.person = None;
        let made = match anonymize(std::slice::from_ref(&master.batch), &asked) {
            Ok(made) => made,
            Err(error @ anonymity::Error::Unsatisfiable { .. }) => {
                impossible = Some(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let loss = made.report.measures.loss.unwrap_or(1.0);
        if loss <= LOSS_MAX {
            found = Some((made, rules, l, t_others));
            break;
        }
        impossible = Some(anonymity::Error::Unsatisfiable {
            reason: format!(
                "what holds these rules says nothing any more (loss {loss:.2}): there are too few people, or too few Enti"
            ),
        });
    }
    let Some((made, rules, l, t_others)) = found else {
        let reason = || anonymity::Error::Unsatisfiable { reason: "no distance was tried".into() };
        return Err(impossible.unwrap_or_else(reason).into());
    };
    let (released, origins) = close_to_insiders(master, &made.batch, &made.origins, k)?;
    let kept = master.columns.iter().map(|name| released.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Generalised { released: released.project(&kept)?, origins, rules, l, t_others_max: t_others })
}

fn rules(ordered: &[Ordered], k: usize, l: usize, t_others: f64) -> Rules {
    let mut rules = Rules::k(k).robust_to(ENTE).per_person(PERSONA);
    for of in ordered {
        let t = if of.column == PROFILE { T } else { t_others };
        let mut sensitive = Sensitive::new(&of.column).ordered_t(t, &of.values);
        // What is the same for nearly everybody tells hardly anything of anybody; the distance still bounds how the few stand out.
        if l > 1 && !of.is_nearly_constant {
            sensitive = sensitive.distinct_l(l);
        }
        rules = rules.with(sensitive);
    }
    rules
}

/// Joins the classes that an Ente sees through by people whom it shares with others.
fn close_to_insiders(
    master: &Master,
    released: &RecordBatch,
    origins: &[usize],
    k: usize,
) -> Result<(RecordBatch, Vec<usize>), ReleaseError> {
    let names: Vec<&String> = master.quasi_identifiers.iter().map(|identifier| &identifier.column).collect();
    let hierarchies: Vec<&Hierarchy> = master.quasi_identifiers.iter().map(|found| &found.hierarchy).collect();
    let mut labels: Vec<Vec<String>> = vec![Vec::new(); released.num_rows()];
    for name in &names {
        for (row, label) in text(released, name)?.iter().enumerate() {
            labels[row].push(label.unwrap_or_default().to_owned());
        }
    }
    let mut known: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); master.batch.num_rows()];
    for (row, ente) in text(&master.batch, ENTE)?.iter().enumerate() {
        known[row].extend(ente.and_then(|ente| ente.parse::<usize>().ok()));
    }
    for (row, ente) in &master.also_known_to {
        known[*row].insert(*ente);
    }
    let known: Vec<BTreeSet<usize>> = origins.iter().map(|&row| known[row].clone()).collect();
    let mut classes = merge::Classes::new();
    for (row, labels) in labels.iter().enumerate() {
        classes.entry(labels.clone()).or_default().push(row);
    }
    let left_over: BTreeSet<usize> = merge::join(&mut classes, &hierarchies, &known, k).into_iter().collect();
    for (joined, rows) in classes {
        rows.into_iter().for_each(|row| labels[row].clone_from(&joined));
    }
    let kept: Vec<usize> = (0..released.num_rows()).filter(|row| !left_over.contains(row)).collect();
    let rows = UInt32Array::from_iter_values(kept.iter().filter_map(|&row| u32::try_from(row).ok()));
    let mut columns = Vec::new();
    for (field, array) in released.schema().fields().iter().zip(released.columns()) {
        columns.push(match names.iter().position(|name| *name == field.name()) {
            Some(at) => Arc::new(StringArray::from_iter_values(kept.iter().map(|&row| &labels[row][at]))),
            None => take(array, &rows, None)?,
        });
    }
    let batch = RecordBatch::try_new(released.schema(), columns)?;
    Ok((batch, kept.into_iter().map(|row| origins[row]).collect()))
}

/// The master table, and below it the rows of people known to further Enti once more, as theirs.
fn with_everybody_known(master: &Master) -> Result<RecordBatch, ReleaseError> {
    let rows = master.also_known_to.iter().filter_map(|(row, _)| u32::try_from(*row).ok());
    let rows = UInt32Array::from_iter_values(rows);
    let mut columns = Vec::new();
    for (field, array) in master.batch.schema().fields().iter().zip(master.batch.columns()) {
        columns.push(if field.name() == ENTE {
            Arc::new(StringArray::from_iter_values(master.also_known_to.iter().map(|(_, ente)| ente.to_string())))
        } else {
            take(array, &rows, None)?
        });
    }
    let further = RecordBatch::try_new(master.batch.schema(), columns)?;
    Ok(concat_batches(&master.batch.schema(), [&master.batch, &further])?)
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, ArrowError> {
    let column = batch.column_by_name(name).and_then(|array| array.as_string_opt());
    column.ok_or_else(|| ArrowError::SchemaError(format!("the column {name} is not text")))
}
