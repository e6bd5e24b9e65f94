//! What a project gets: some columns of a whole table, some of them coarser, in classes of more people where it asks for that.
//!
//! Each of its classes is a union of classes of the whole table, so that no two parts, laid side by side, tell more than the
//! table does. Which rows came from which is forgotten: they are shuffled again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anonymity::verify::{Beside, Checks, Verification, verify};
use anonymity::{Hierarchy, Rules};
use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, Utc};
use domain::instrument::Instrument;
use rand::CryptoRng;
use rand::seq::SliceRandom;
use sha2::{Digest, Sha256};

use super::dataset::Terms;
use super::file::{self, Contents, TABLE, Written};
use super::gate::{Cleared, Draft, Gated};
use super::notes::{self, Notes};
use super::{Origin, REPORT, ReleaseError, Report, dictionary, merge, profiles, register, text, twin, versions};

/// The folder of the parts, among the releases.
const PARTS: &str = "projects";

/// What is to be made.
#[derive(Clone, Debug)]
pub struct PartRequest<'a> {
    /// The folder of the releases and their register.
    pub releases: PathBuf,
    /// The whole table.
    pub base: String,
    /// What the part will be called.
    pub id: String,
    /// Its columns; their order is the table's.
    pub columns: BTreeSet<String>,
    /// People in each class, without those of any one Ente.
    pub k: usize,
    /// How many levels up its hierarchy each label of a column is at least.
    pub coarser: BTreeMap<String, usize>,
    /// All definitions known: the words of codes.
    pub instruments: &'a [Instrument],
    /// Under what terms.
    pub terms: Terms,
}

/// A column of a whole table, as it can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it says, in Italian.
    pub meaning: String,
    /// How far it can be made coarser: the classes of each level in words, the finest first; empty if it is no quasi-identifier.
    pub levels: Vec<Vec<String>>,
}

/// A whole table of which parts can be had.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its id.
    pub id: String,
    /// Where it comes from.
    pub origin: Origin,
    /// People in each of its classes: the least of a part.
    pub k: usize,
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// A part with all that is known of it.
#[derive(Debug)]
pub struct Part {
    id: String,
    base: String,
    releases: PathBuf,
    terms: Terms,
    versions: Vec<Instrument>,
    created_at: DateTime<Utc>,
    pub(super) k: usize,
    origin: Origin,
    suppressed: usize,
    pub(super) released: RecordBatch,
    identified: Vec<Identified>,
    rules: Rules,
    /// What each row is in the whole table.
    before: Vec<Before>,
}

/// A quasi-identifier of a part.
#[derive(Clone, Debug)]
struct Identified {
    name: String,
    hierarchy: Hierarchy,
    /// Its place among those of the whole table.
    place: usize,
}

/// The class that a row is in in the whole table: its labels, and how many people it has without those of any one Ente.
#[derive(Clone, Debug)]
struct Before {
    labels: Arc<[String]>,
    others: usize,
}

/// The whole tables that parts can be had of, the newest first.
///
/// # Errors
/// When the register or the notes on a table cannot be read.
pub fn choices(releases: &Path, instruments: &[Instrument]) -> Result<Vec<Choice>, ReleaseError> {
    let mut found = Vec::new();
    for entry in register::list(releases)?.into_iter().rev() {
        let notes = match notes::read(releases, &entry.id) {
            Ok(notes) => notes,
            Err(ReleaseError::NoNotes(_)) => continue,
            Err(error) => return Err(error),
        };
        let versions = versions(instruments, &notes.origin.instrument);
        let words = |column: &str, labels: Vec<Vec<String>>| {
            let of_level = |labels: Vec<String>| {
                labels.into_iter().map(|label| dictionary::words_of(column, &label, &versions)).collect()
            };
            labels.into_iter().map(of_level).collect()
        };
        // Quasi-identifiers come first, and every other column is sensitive.
        let names = notes.columns().into_iter().chain(notes.sensitive.iter().map(|rule| rule.column.clone()));
        let columns = names.map(|name| Column {
            levels: notes.hierarchy(&name).map(|known| words(&name, levels(known))).unwrap_or_default(),
            meaning: dictionary::meaning(&name, &versions),
            name,
        });
        let columns = columns.collect();
        found.push(Choice { id: entry.id, origin: notes.origin, k: notes.k, rows: entry.rows, columns });
    }
    Ok(found)
}

/// The labels of each level but the last, where nothing is told any more.
fn levels(hierarchy: &Hierarchy) -> Vec<Vec<String>> {
    let top = hierarchy.level_count().saturating_sub(1);
    let of_level = |level: usize| {
        let mut labels: Vec<String> = Vec::new();
        for leaf in 0..hierarchy.leaf_count() {
            let label = hierarchy.label(hierarchy.raised(hierarchy.leaf_node(leaf), level));
            if labels.last().is_none_or(|last| last != label) {
                labels.push(label.to_owned());
            }
        }
        labels
    };
    (0..top).map(of_level).collect()
}

/// A whole table, as it was entered into the register.
fn whole(releases: &Path, id: &str) -> Result<RecordBatch, ReleaseError> {
    let entries = register::list(releases)?;
    let entry = entries.iter().find(|entry| entry.id == id);
    let entry = entry.ok_or_else(|| ReleaseError::UnknownBase(id.to_owned()))?;
    let path = releases.join(id).join(TABLE);
    let bytes = fs::read(&path).map_err(file::at(&path))?;
    if hex::encode(Sha256::digest(&bytes)) != entry.sha256 {
        return Err(ReleaseError::Changed(id.to_owned()));
    }
    file::read(&path)
}

impl Notes {
    fn columns(&self) -> Vec<String> {
        self.quasi_identifiers.iter().map(|known| known.column.clone()).collect()
    }

    fn hierarchy(&self, column: &str) -> Option<&Hierarchy> {
        self.quasi_identifiers.iter().find(|known| known.column == column).map(|known| &known.hierarchy)
    }
}

/// Makes a part of a whole table.
///
/// # Errors
/// See [`ReleaseError`]; nothing is written here.
pub fn take_part(
    request: &PartRequest<'_>,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
) -> Result<Draft<Part>, ReleaseError> {
    let notes = notes::read(&request.releases, &request.base);
    if matches!(notes, Err(ReleaseError::NoNotes(_)))
        && !register::list(&request.releases)?.iter().any(|entry| entry.id == request.base)
    {
        return Err(ReleaseError::UnknownBase(request.base.clone()));
    }
    let notes = notes?;
    let table = whole(&request.releases, &request.base)?;
    if request.k < notes.k {
        return Err(ReleaseError::LowK(request.k));
    }
    let kept: Vec<String> = asked(request, &notes, &table)?;
    let identified: Vec<Identified> = notes
        .quasi_identifiers
        .iter()
        .enumerate()
        .filter(|(_, known)| request.columns.contains(&known.column))
        .map(|(place, known)| Identified { name: known.column.clone(), hierarchy: known.hierarchy.clone(), place })
        .collect();
    let before = before(&notes, &table)?;
    let mut labels: Vec<Vec<String>> = vec![Vec::new(); table.num_rows()];
    for Identified { name, hierarchy, .. } in &identified {
        let level = request.coarser.get(name).copied().unwrap_or(0);
        for (row, label) in text(&table, name)?.iter().enumerate() {
            let node = label.and_then(|label| hierarchy.node(label));
            let node = node.ok_or_else(|| ReleaseError::Changed(request.base.clone()))?;
            labels[row].push(hierarchy.label(hierarchy.raised(node, level)).to_owned());
        }
    }
    let mut classes = merge::Classes::new();
    for (row, labels) in labels.iter().enumerate() {
        classes.entry(labels.clone()).or_default().push(row);
    }
    let hierarchies: Vec<&Hierarchy> = identified.iter().map(|known| &known.hierarchy).collect();
    let others = |rows: &[usize]| others(rows.iter().map(|&row| &before[row]));
    let left_over: BTreeSet<usize> = merge::join(&mut classes, &hierarchies, &others, request.k).into_iter().collect();
    for (joined, rows) in classes {
        rows.into_iter().for_each(|row| labels[row].clone_from(&joined));
    }
    let mut rows: Vec<usize> = (0..table.num_rows()).filter(|row| !left_over.contains(row)).collect();
    rows.shuffle(chance);
    let taken = UInt32Array::from_iter_values(rows.iter().filter_map(|&row| u32::try_from(row).ok()));
    let mut columns: Vec<ArrayRef> = Vec::new();
    for name in &kept {
        columns.push(match identified.iter().position(|known| known.name == *name) {
            Some(at) => Arc::new(StringArray::from_iter_values(rows.iter().map(|&row| &labels[row][at]))),
            None => take(text(&table, name)?, &taken, None)?,
        });
    }
    let fields: Vec<Field> = kept.iter().map(|name| Field::new(name, DataType::Utf8, false)).collect();
    let mut rules = Rules::k(request.k);
    for sensitive in notes.sensitive.iter().filter(|sensitive| request.columns.contains(&sensitive.column)) {
        rules = rules.with(sensitive.clone());
    }
    let part = Part {
        id: request.id.clone(),
        base: request.base.clone(),
        releases: request.releases.clone(),
        terms: request.terms.clone(),
        versions: versions(request.instruments, &notes.origin.instrument),
        created_at: now,
        k: request.k,
        suppressed: notes.suppressed + left_over.len(),
        released: RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?,
        identified,
        rules,
        before: rows.into_iter().map(|row| before[row].clone()).collect(),
        origin: notes.origin,
    };
    Ok(Draft { table: part })
}

/// The columns asked for, in the table's order.
fn asked(request: &PartRequest<'_>, notes: &Notes, table: &RecordBatch) -> Result<Vec<String>, ReleaseError> {
    let refused = |what: String| Err(ReleaseError::Columns(what));
    let kept: Vec<String> = table
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .filter(|name| request.columns.contains(name))
        .collect();
    if let Some(name) = request.columns.iter().find(|name| !kept.contains(name)) {
        return refused(format!("{} has no column {name}", request.base));
    }
    if !kept.iter().any(|name| notes.hierarchy(name).is_some()) {
        return refused(format!("at least one quasi-identifier is needed: {}", notes.columns().join(", ")));
    }
    for (name, level) in &request.coarser {
        let top = notes.hierarchy(name).map_or(0, |hierarchy| hierarchy.level_count().saturating_sub(1));
        if !kept.contains(name) || *level >= top.max(1) {
            return refused(format!("{name} cannot be made {level} levels coarser"));
        }
    }
    Ok(kept)
}

/// What each row of the whole table is there.
fn before(notes: &Notes, table: &RecordBatch) -> Result<Vec<Before>, ReleaseError> {
    let classes: BTreeMap<&[String], Before> = notes
        .classes
        .iter()
        .map(|class| {
            let before = Before { labels: class.labels.as_slice().into(), others: class.others };
            (class.labels.as_slice(), before)
        })
        .collect();
    let columns = notes.columns();
    let columns = columns.iter().map(|name| text(table, name)).collect::<Result<Vec<_>, _>>()?;
    let of_row = |row: usize| {
        let labels: Vec<String> = columns.iter().map(|column| column.value(row).to_owned()).collect();
        classes.get(labels.as_slice()).cloned()
    };
    let found: Option<Vec<Before>> = (0..table.num_rows()).map(of_row).collect();
    found.ok_or_else(|| ReleaseError::Changed(notes.origin.instrument.clone()))
}

/// People of a union of classes whom any one Ente does not know: no fewer than those of each class together.
fn others<'a>(rows: impl Iterator<Item = &'a Before>) -> usize {
    let classes: BTreeMap<&[String], usize> = rows.map(|row| (row.labels.as_ref(), row.others)).collect();
    classes.values().sum()
}

fn covers(hierarchy: &Hierarchy, label: &str, was: &str) -> bool {
    let (Some(label), Some(was)) = (hierarchy.node(label), hierarchy.node(was)) else { return false };
    let (broad, narrow) = (hierarchy.leaves(label), hierarchy.leaves(was));
    broad.start <= narrow.start && narrow.end <= broad.end
}

impl Gated for Part {
    fn verify(&self) -> Result<Verification, ReleaseError> {
        self.verify_table(&self.released)
    }
}

impl Part {
    fn quasi_identifiers(&self) -> Vec<String> {
        self.identified.iter().map(|known| known.name.clone()).collect()
    }

    /// Asks the verifier, and then what it cannot know: that every label covers the one of the whole table, and that enough
    /// people are left in each class without those of any one Ente.
    fn verify_table(&self, released: &RecordBatch) -> Result<Verification, ReleaseError> {
        let checks = Checks::new(self.quasi_identifiers(), self.rules.clone()).strict();
        let hierarchies = self.identified.iter().map(|known| (known.name.clone(), known.hierarchy.clone()));
        let beside = Beside { hierarchies: hierarchies.collect(), ..Beside::default() };
        let mut outcome = verify(std::slice::from_ref(released), &checks, &beside)?;
        if released.num_rows() != self.before.len() {
            return Err(ReleaseError::Changed(self.base.clone()));
        }
        let mut classes: BTreeMap<Vec<String>, Vec<&Before>> = BTreeMap::new();
        let mut labels: Vec<Vec<String>> = vec![Vec::new(); released.num_rows()];
        for known in &self.identified {
            for (row, label) in text(released, &known.name)?.iter().enumerate() {
                let label = label.unwrap_or_default();
                if !covers(&known.hierarchy, label, &self.before[row].labels[known.place]) {
                    return Err(ReleaseError::NotCoarser { column: known.name.clone(), label: label.to_owned() });
                }
                labels[row].push(label.to_owned());
            }
        }
        for (labels, before) in labels.into_iter().zip(&self.before) {
            classes.entry(labels).or_default().push(before);
        }
        let left = classes.values().map(|rows| others(rows.iter().copied())).min().unwrap_or(0);
        if left < self.k {
            return Err(ReleaseError::SeenThrough { left, k: self.k });
        }
        outcome.measures.k_without_any_contributor = Some(left);
        outcome.measures.suppressed = self.suppressed;
        Ok(outcome)
    }

    fn report(&self, verification: &Verification) -> Report {
        Report {
            format: REPORT,
            id: self.id.clone(),
            base: Some(self.base.clone()),
            origin: self.origin.clone(),
            created_at: self.created_at,
            rows: self.released.num_rows(),
            suppressed: self.suppressed,
            k: self.k,
            quasi_identifiers: self.quasi_identifiers(),
            measures: verification.measures.clone(),
            sha256: None,
        }
    }
}

impl Cleared<Part> {
    /// What will be told of it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.table.report(&self.verification)
    }

    /// Writes the part into its folder, where one of the same name and its twin are replaced: whether it is given to anybody is decided
    /// elsewhere, by its hash.
    ///
    /// # Errors
    /// When the disk refuses, or what was read back does not hold; then nothing is shown.
    pub fn write(self, chance: &mut impl CryptoRng) -> Result<Written, ReleaseError> {
        let part = &self.table;
        let parent = parts_folder(&part.releases);
        fs::create_dir_all(&parent).map_err(file::at(&parent))?;
        let mut beside = Vec::new();
        if let Some(profiles) = profiles::read(&part.releases, &part.base)? {
            beside.push(("profili.csv", profiles::csv(&profiles).into_bytes()));
            beside.push(("profili.json", profiles::to_json(&profiles).map_err(file::at(&parent))?));
        }
        let contents = Contents {
            id: &part.id,
            k: part.k,
            released: &part.released,
            quasi_identifiers: &part.quasi_identifiers(),
            versions: &part.versions,
            terms: &part.terms,
            beside,
        };
        let verify = |back: &RecordBatch| part.verify_table(back);
        let report = file::stage(&parent, &contents, verify, |verification| part.report(verification))?;
        twin::write(&part.releases, &contents, &report, chance)?;
        let folder = file::show(&parent, &part.id)?;
        Ok(Written { folder, report })
    }
}

/// Where the parts are, each in a folder of its name.
#[must_use]
pub fn parts_folder(releases: &Path) -> PathBuf {
    releases.join(PARTS)
}
