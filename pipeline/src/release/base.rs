//! The whole table of a strumento and a window of entry: one row for each human who was first assessed in the window, in any Ente,
//! as they were last assessed up to the cut-off.
//!
//! Windows of one strumento never overlap, so that nobody is in two of its tables and laying them side by side tells nothing.
//! That needs no list of who is in which: the day of a first assessment is in the partitions. Whom an erasure or the
//! end of an Ente took out of them may come back as somebody new.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anonymity::attack::{Assumed, Choice, Truth, attack};
use anonymity::verify::{Beside, Checks, Verification, verify};
use anonymity::{Effort, Hierarchy, QuasiIdentifier, RowOrder, Rules, Seed, Sensitive, SuppressedRows, anonymize};
use arrow::array::{RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take};
use chrono::{DateTime, NaiveDate, Utc};
use domain::instrument::Instrument;
use domain::keys::{RingKey, Secret};
use rand::CryptoRng;
use warehouse::Lake;

use super::dataset::Terms;
use super::file::{self, Contents, Written};
use super::gate::{Cleared, Draft, Gated};
use super::geography::Places;
use super::humans::{self, Human};
use super::notes::{self, Class, Identified, Notes};
use super::profiles::{self, Profiles};
use super::register::{self, Entry, Window};
use super::table::{self, ENTE, Master, Ordered, PERSONA, PROFILE};
use super::{K_MIN, Origin, REPORT, ReleaseError, Report, SelfTest, dictionary, merge, text, told, versions};

/// The most that a class may differ from the whole table, in every sensitive column.
pub(super) const T: f64 = 0.25;
/// The least number of values of a sensitive column in a class: an outsider who finds somebody's class learns none for certain.
pub(super) const L: usize = 2;
/// What is asked, one after the other, until the loss is not absurd: values of each sensitive column in a class, and the
/// distance of all but the profile, which keeps [`T`].
const ASKED: [(usize, f64); 7] = [(L, T), (L, 0.35), (L, 0.5), (1, T), (1, 0.35), (1, 0.5), (1, 1.0)];
/// From here on a loss is absurd: hardly anything but `*` is left, and nothing is released.
const LOSS_MAX: f64 = 0.8;
/// The greatest part of the rows that may be left out.
pub(super) const SUPPRESSION: f64 = 0.1;
/// The most that an attack on a table may better guesses, as a part of its cells. What it finds are values of quasi-identifiers;
/// k holds all the same, since what is ruled out of a class is ruled out of all its rows.
const GAIN_MAX: f64 = 0.05;
/// The least number of Enti: of two, each would have the other's rows by taking its own away.
pub(super) const ENTI_MIN: usize = 3;

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
    /// The last day of a first assessment: an earlier one than the cut-off gives everybody time to be assessed again; the
    /// cut-off itself, without it.
    pub entered_by: Option<NaiveDate>,
    /// People in each class, without those of any one Ente.
    pub k: usize,
    /// Under what terms.
    pub terms: Terms,
}

/// The whole table of a window of entry, with all that is known of it.
#[derive(Debug)]
pub struct Base {
    id: String,
    lock: PathBuf,
    releases: PathBuf,
    terms: Terms,
    seed: Secret,
    ring: RingKey,
    versions: Vec<Instrument>,
    created_at: DateTime<Utc>,
    k: usize,
    pub(super) origin: Origin,
    pub(super) released: RecordBatch,
    classes: Vec<Class>,
    pub(super) basis: Basis,
}

/// What the verifier compares a table with. It never leaves the memory.
#[derive(Debug)]
pub(super) struct Basis {
    pub(super) master: RecordBatch,
    /// The same with a row for each further Ente that knows somebody.
    everybody_known: RecordBatch,
    pub(super) origins: Vec<usize>,
    /// Of each row of the master table.
    entered_on: Vec<NaiveDate>,
    pub(super) window: Window,
    quasi_identifiers: Vec<QuasiIdentifier>,
    rules: Rules,
}

/// Builds the table of a strumento for a window of entry.
///
/// # Errors
/// See [`ReleaseError`]; nothing is written here.
pub fn build(
    request: &Request<'_>,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
) -> Result<Draft<Base>, ReleaseError> {
    let (cutoff, k) = (request.cutoff, request.k);
    if k < K_MIN {
        return Err(ReleaseError::LowK(k));
    }
    let entered_by = request.entered_by.unwrap_or(cutoff);
    if entered_by > cutoff {
        return Err(ReleaseError::Window { entered_by, cutoff });
    }
    let _lock = crate::run::lock(&request.lock)?;
    let id = format!("{}-{cutoff}", request.instrument);
    file::finish_interrupted(&request.releases)?;
    let window = register::window(&request.releases, &request.instrument, &id, entered_by)?;
    let versions = versions(request.instruments, &request.instrument);
    if versions.is_empty() {
        return Err(ReleaseError::UnknownInstrument(request.instrument.clone()));
    }
    let seed = Secret::generate(chance);
    let mut humans = humans::read(
        request.lake,
        &request.links,
        &request.ring.opening(),
        &request.instrument,
        cutoff,
        &seed.derive("people of this release"),
    )?;
    let count_assessed = humans.len();
    humans.retain(|_, human| window.has(human.entered_on()));
    if humans.is_empty() {
        return Err(ReleaseError::Nobody { instrument: request.instrument.clone(), cutoff });
    }
    let enti: BTreeSet<usize> = humans.values().flat_map(|human| &human.enti).copied().collect();
    if enti.len() < ENTI_MIN {
        return Err(ReleaseError::FewEnti { found: enti.len() });
    }
    let master = table::make(&humans, &versions.iter().collect::<Vec<_>>(), request.places)?;
    let Generalised { released, origins, rules, l, t_others_max, classes } = generalise(&master, k, &seed)?;
    let count = |is_counted: fn(&Human) -> bool| humans.values().filter(|human| is_counted(human)).count();
    let profile = rules.sensitive.iter().find(|sensitive| sensitive.column == PROFILE);
    let self_test = self_test(&released, &origins, &master, &rules, k)?;
    let origin = Origin {
        instrument: request.instrument.clone(),
        definitions_sha256: versions.iter().map(|known| (known.version, known.sha256.clone())).collect(),
        cutoff,
        entered_after: window.after,
        entered_by,
        count_enti: enti.len(),
        count_humans: humans.len(),
        count_without_code: told(count(|human| !human.has_link)),
        count_in_several_enti: told(count(|human| human.enti.len() > 1)),
        count_entered_outside: told(count_assessed - humans.len()),
        t_profile_max: profile.and_then(|profile| profile.closeness.as_ref()).map(|closeness| closeness.t),
        t_others_max,
        l,
        self_test,
    };
    let basis = Basis {
        everybody_known: with_everybody_known(&master)?,
        master: master.batch,
        entered_on: humans.values().map(Human::entered_on).collect(),
        window,
        origins,
        quasi_identifiers: master.quasi_identifiers,
        rules,
    };
    let table = Base {
        id,
        lock: request.lock.clone(),
        releases: request.releases.clone(),
        terms: request.terms.clone(),
        seed,
        ring: request.ring.clone(),
        versions,
        created_at: now,
        k,
        origin,
        released,
        classes,
        basis,
    };
    Ok(Draft { table })
}

/// Attacks the table as whoever knows the engine would, and compares with what the attack cannot know.
fn self_test(
    released: &RecordBatch,
    origins: &[usize],
    master: &Master,
    rules: &Rules,
    k: usize,
) -> Result<SelfTest, ReleaseError> {
    let assumed = Assumed { k, choice: Choice::Settled, is_tight: true };
    let truth = Truth { original: &master.batch, origins, rules };
    let exposure = attack(released, &master.quasi_identifiers, assumed, Some(truth))?;
    let (guessed, guessed_without) = exposure.found.map_or((0, 0), |found| (found.guessed, found.guessed_without));
    Ok(SelfTest {
        all_cells: released.num_rows() * master.quasi_identifiers.len(),
        cells: exposure.cells,
        narrowed: exposure.narrowed,
        ruled_out: exposure.ruled_out,
        guessed,
        guessed_without,
    })
}

impl Gated for Base {
    fn verify(&self) -> Result<Verification, ReleaseError> {
        let found = self.origin.self_test;
        if found.gain() > GAIN_MAX {
            return Err(ReleaseError::Exposed { found, allowed: GAIN_MAX });
        }
        self.basis.verify(&self.released)
    }
}

impl Base {
    fn report(&self, verification: &Verification) -> Report {
        let measures = verification.measures.clone();
        Report {
            format: REPORT,
            id: self.id.clone(),
            base: None,
            origin: self.origin.clone(),
            created_at: self.created_at,
            rows: self.released.num_rows(),
            suppressed: measures.suppressed,
            k: self.k,
            quasi_identifiers: self.basis.columns(),
            measures,
            sha256: None,
        }
    }
}

impl Cleared<Base> {
    /// What will be told of it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.table.report(&self.verification)
    }

    /// Writes the table into its folder among the releases, and enters it into the register.
    ///
    /// # Errors
    /// When the disk refuses, or what was read back does not hold; then nothing is shown.
    pub fn write(self, chance: &mut impl CryptoRng) -> Result<Written, ReleaseError> {
        let table = &self.table;
        let _lock = crate::run::lock(&table.lock)?;
        let id = &table.id;
        register::window(&table.releases, &table.origin.instrument, id, table.origin.entered_by)?;
        let contents = Contents {
            id,
            k: table.k,
            released: &table.released,
            quasi_identifiers: &table.basis.columns(),
            versions: &table.versions,
            terms: &table.terms,
            beside: Vec::new(),
        };
        let report = file::stage(
            &table.releases,
            &contents,
            |back| table.basis.verify(back),
            |verification| table.report(verification),
        )?;
        register::keep_seed(&table.releases, id, &table.seed, &table.ring, chance)?;
        notes::keep(&table.releases, id, &table.notes())?;
        if let Some(profiles) = table.profiles()? {
            profiles::keep(&table.releases, &profiles)?;
        }
        let entry = Entry {
            id: id.clone(),
            instrument: table.origin.instrument.clone(),
            cutoff: table.origin.cutoff,
            entered_after: table.origin.entered_after,
            entered_by: table.origin.entered_by,
            created_at: table.created_at,
            sha256: report.sha256.clone().unwrap_or_default(),
            rows: report.rows,
            k: table.k,
        };
        register::append(&table.releases, entry)?;
        let folder = file::show(&table.releases, id)?;
        Ok(Written { folder, report })
    }
}

impl Base {
    /// Humans whose rows were left out.
    pub(super) fn suppressed(&self) -> usize {
        self.origin.count_humans - self.released.num_rows()
    }

    /// The profiles of its people, with the letters of the table before.
    fn profiles(&self) -> Result<Option<Profiles>, ReleaseError> {
        let before = register::list(&self.releases)?;
        let before = before.iter().rev().find(|entry| entry.instrument == self.origin.instrument);
        let earlier = before.map(|entry| profiles::read(&self.releases, &entry.id)).transpose()?.flatten();
        let described = dictionary::describe(&self.released, &self.basis.columns(), &self.versions)?;
        let sensitive = &self.basis.rules.sensitive;
        profiles::make(&self.released, &self.id, sensitive, &described, table::TERRITORY, earlier.as_ref())
    }

    /// What parts of the table are made by.
    fn notes(&self) -> Notes {
        let identified = self.basis.quasi_identifiers.iter();
        Notes {
            origin: self.origin.clone(),
            k: self.k,
            suppressed: self.suppressed(),
            quasi_identifiers: identified
                .map(|known| Identified { column: known.column.clone(), hierarchy: known.hierarchy.clone() })
                .collect(),
            sensitive: self.basis.rules.sensitive.clone(),
            classes: self.classes.clone(),
        }
    }
}

impl Basis {
    pub(super) fn columns(&self) -> Vec<String> {
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
        // Nobody of another window: whoever built the table chose its people, and this asks each row again.
        let strangers = self.origins.iter().filter(|&&row| !self.window.has(self.entered_on[row])).count();
        if strangers > 0 {
            return Err(ReleaseError::Strangers(strangers));
        }
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
    classes: Vec<Class>,
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
    let Closed { batch: released, origins, classes } = close_to_insiders(master, &made.batch, &made.origins, k)?;
    let kept = master.columns.iter().map(|name| released.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Generalised { released: released.project(&kept)?, origins, rules, l, t_others_max: t_others, classes })
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

/// A table no class of which an Ente sees through.
struct Closed {
    batch: RecordBatch,
    origins: Vec<usize>,
    classes: Vec<Class>,
}

/// Joins the classes that an Ente sees through by people whom it shares with others.
fn close_to_insiders(
    master: &Master,
    released: &RecordBatch,
    origins: &[usize],
    k: usize,
) -> Result<Closed, ReleaseError> {
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
    let others = |rows: &[usize]| merge::without_any(rows, &known);
    let left_over: BTreeSet<usize> = merge::join(&mut classes, &hierarchies, &others, k).into_iter().collect();
    let mut told = Vec::new();
    for (joined, rows) in classes {
        told.push(Class { labels: joined.clone(), rows: rows.len(), others: others(&rows) });
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
    Ok(Closed { batch, origins: kept.into_iter().map(|row| origins[row]).collect(), classes: told })
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
