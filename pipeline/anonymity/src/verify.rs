//! Checks a released table, whoever made it.
//!
//! Another code path than the engine's: it reads labels, not codes, and shares with the engine the hierarchy type and the
//! plain data of rules and report, nothing else. From the table alone it counts classes and asks every rule of each; with
//! the original and the hierarchies beside, it also asks that every label covers its value and that no row was lost.
//!
//! How `*` is read: in a row with other labels it is a value like any other and equals only `*` (to let it match anything
//! would make classes larger, so this is the stricter reading). Rows of `*` only are set apart and counted as suppressed,
//! or, with [`StarRows::AreAClass`], are a class that every rule is asked of.
//!
//! Where a person's several rows are read together, the people of one pattern are asked what a class is; what is wrong with
//! them names the labels of all their rows, one after the other.

mod patterns;
mod successive;

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::hierarchy::{Hierarchy, NodeId};
use crate::report::{AttributeLoss, ClassSize, Measures, PresenceMeasures, REPORT_VERSION, Risk, SensitiveMeasures};
use crate::rules::{Distance, Gain, Likeness, RecursiveL, Rules, SeveralRows};

pub use successive::{Released, Together, verify_together};

/// Sums of fractions are compared with this much room.
const TOLERANCE: f64 = 1e-9;

/// What a table is checked for.
#[derive(Debug, Clone)]
pub struct Checks {
    /// The columns by which a person could be found.
    pub quasi_identifiers: Vec<String>,
    /// What each class must satisfy.
    pub rules: Rules,
    /// How rows of `*` only are read.
    pub star_rows: StarRows,
    /// The greatest fraction of rows that may be suppressed, if there is a limit.
    pub suppression: Option<f64>,
}

impl Checks {
    /// Rules over quasi-identifiers; `*` rows set apart, any number of them.
    pub fn new<S: Into<String>>(quasi_identifiers: impl IntoIterator<Item = S>, rules: Rules) -> Self {
        Self {
            quasi_identifiers: quasi_identifiers.into_iter().map(Into::into).collect(),
            rules,
            star_rows: StarRows::default(),
            suppression: None,
        }
    }

    /// Reads rows of `*` only as a class.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.star_rows = StarRows::AreAClass;
        self
    }
}

/// How rows of `*` only are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StarRows {
    /// They are suppressed: counted, and no rule is asked of them.
    #[default]
    AreSetApart,
    /// They are a class: every rule is asked of it.
    AreAClass,
}

/// What lies beside a released table and is not in it. Everything is optional.
#[derive(Debug, Clone, Default)]
pub struct Beside<'a> {
    /// By column. With one for each quasi-identifier the loss is computed.
    pub hierarchies: BTreeMap<String, Hierarchy>,
    /// The table the released one was made from.
    pub original: &'a [RecordBatch],
    /// For each released row its row in the original; without it rows are compared in order.
    pub origins: Option<&'a [usize]>,
    /// The contributor of each released row; otherwise it is looked for in the original, then in the released table.
    pub contributor: Option<ArrayRef>,
    /// The person of each released row; otherwise looked for in the same places.
    pub person: Option<ArrayRef>,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The version of this form.
    pub version: u32,
    /// Whether there is no violation.
    pub passed: bool,
    /// How rows of `*` only were read.
    pub star_rows_read_as: StarRows,
    /// Rows of `*` only in the table.
    pub star_rows: usize,
    /// What the table reaches.
    pub measures: Measures,
    /// Everything that is wrong.
    pub violations: Vec<Violation>,
}

impl Verification {
    /// The outcome as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("an outcome has text keys and finite numbers only")
    }
}

/// One thing that is wrong. Rows count from 0 in the released table. Values of the original are not repeated here.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Violation {
    /// A quasi-identifier is null.
    #[error("column {column:?}, row {row}: null in a quasi-identifier")]
    NullQuasiIdentifier {
        /// The column.
        column: String,
        /// The row.
        row: usize,
    },
    /// A sensitive value is null.
    #[error("column {column:?}, row {row}: null in a sensitive column")]
    NullSensitive {
        /// The column.
        column: String,
        /// The row.
        row: usize,
    },
    /// A class has too few people.
    #[error("class {}, first in row {row}: {people} people, at least {k} asked", class.join(", "))]
    SmallClass {
        /// The labels of the class.
        class: Vec<String>,
        /// Its first row.
        row: usize,
        /// How many people it has.
        people: usize,
        /// How many were asked.
        k: usize,
    },
    /// Too few people are left when those whom one contributor knows are taken away.
    #[error("class {}, first in row {row}: {left} people left without one contributor's, at least {k} asked", class.join(", "))]
    ContributorKnowsTooMany {
        /// The labels of the class.
        class: Vec<String>,
        /// Its first row.
        row: usize,
        /// How many people are left.
        left: usize,
        /// How many were asked.
        k: usize,
    },
    /// A class has too few different sensitive values.
    #[error("class {}, first in row {row}: {distinct} different values of {column:?}, at least {l} asked", class.join(", "))]
    FewDistinctValues {
        /// The labels of the class.
        class: Vec<String>,
        /// Its first row.
        row: usize,
        /// The sensitive column.
        column: String,
        /// How many values there are.
        distinct: usize,
        /// How many were asked.
        l: usize,
    },
    /// The entropy of a class is too low.
    #[error("class {}, first in row {row}: entropy of {column:?} is ln {entropy_l:.4}, at least ln {l} asked", class.join(", "))]
    LowEntropy {
        /// The labels of the class.
        class: Vec<String>,
        /// Its first row.
        row: usize,
        /// The sensitive column.
        column: String,
        /// e to the entropy.
        entropy_l: f64,
        /// What was asked.
        l: f64,
    },
    /// A class is too far from the whole table.
    #[error("class {}, first in row {row}: {column:?} is {distance:.4} from the table, at most {t} asked", class.join(", "))]
    FarFromTable {
        /// The labels of the class.
        class: Vec<String>,
        /// Its first row.
        row: usize,
        /// The sensitive column.
        column: String,
        /// Its distance.
        distance: f64,
        /// What was asked.
        t: f64,
    },
    /// The commonest value of a class outweighs the rare ones.
    #[error("class {}, first in row {row}: the commonest {column:?} is {outweighing:.3} times those from place {l} on, less than {c} asked", class.join(", "))]
    RareValuesOutweighed {
        /// The labels of the class.
        class: Vec<String>,
        /// Its first row.
        row: usize,
        /// The sensitive column.
        column: String,
        /// How many times.
        outweighing: f64,
        /// The limit.
        c: f64,
        /// From which place on values are rare.
        l: usize,
    },
    /// A value is too much more frequent in a class than in the table.
    #[error("class {}, first in row {row}: a value of {column:?} is {gain:.4} more frequent than in the table, at most {limit:.4} allowed", class.join(", "))]
    ValueGains {
        /// The labels of the class.
        class: Vec<String>,
        /// Its first row.
        row: usize,
        /// The sensitive column.
        column: String,
        /// (q − p) ÷ p.
        gain: f64,
        /// The limit for this value.
        limit: f64,
    },
    /// The rows released are too small or too large a part of those of the population under the labels of a class.
    #[error("class {}, first in row {row}: {released} of {population} in the population are released, from {least} to {most} asked", class.join(", "))]
    PresenceTellsTooMuch {
        /// The labels of the class.
        class: Vec<String>,
        /// Its first row.
        row: usize,
        /// Rows of the class.
        released: usize,
        /// Rows of the population under its labels.
        population: usize,
        /// The least part.
        least: f64,
        /// The greatest part.
        most: f64,
    },
    /// A label is not in the hierarchy.
    #[error("column {column:?}, row {row}: label {label:?} is not in the hierarchy")]
    UnknownLabel {
        /// The column.
        column: String,
        /// The row.
        row: usize,
        /// The label.
        label: String,
    },
    /// A label does not cover the value of the original.
    #[error("column {column:?}, row {row}: label {label:?} does not cover the original value")]
    NotAnAncestor {
        /// The column.
        column: String,
        /// The row.
        row: usize,
        /// The label.
        label: String,
    },
    /// A column that should be untouched differs from the original.
    #[error("column {column:?}, row {row}: differs from the original")]
    ColumnChanged {
        /// The column.
        column: String,
        /// The row.
        row: usize,
    },
    /// A column of the original is missing, or one was added.
    #[error("column {column:?} is in one of released and original only")]
    ColumnNotInBoth {
        /// The column.
        column: String,
    },
    /// Rows in are not rows out plus rows suppressed.
    #[error("{original} original rows, {released} released rows: they do not match")]
    RowsDoNotAddUp {
        /// Rows of the original.
        original: usize,
        /// Rows of the released table.
        released: usize,
    },
    /// More rows are suppressed than allowed.
    #[error("{suppressed} of {rows} rows suppressed, at most a fraction of {limit} allowed")]
    TooManySuppressed {
        /// Rows suppressed.
        suppressed: usize,
        /// Rows in all.
        rows: usize,
        /// The limit.
        limit: f64,
    },
}

/// Checks a released table; what is wrong with it is in the outcome. An error means that it could not be checked.
pub fn verify(released: &[RecordBatch], checks: &Checks, beside: &Beside<'_>) -> Result<Verification, Error> {
    refuse_nan(checks)?;
    let released = join(released)?;
    let original = if beside.original.is_empty() { None } else { Some(join(beside.original)?) };
    let mut violations = Vec::new();
    let Present { population, original, origins } = Present::read(original, checks, beside)?;
    let sources = match_rows(&released, original.as_ref(), origins.as_deref(), &mut violations)?;

    let labels = checks
        .quasi_identifiers
        .iter()
        .map(|name| Labels::read(&released, name, &mut violations))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = released.num_rows();
    let is_star = |row: usize| labels.iter().all(|labels| labels.text(row) == "*");
    let star_rows = (0..rows).filter(|&row| is_star(row)).count();
    let dropped = original.as_ref().map_or(0, |original| original.num_rows().saturating_sub(rows));

    let mut in_classes: Vec<usize> =
        (0..rows).filter(|&row| checks.star_rows == StarRows::AreAClass || !is_star(row)).collect();
    let key = |row: usize| labels.iter().map(move |labels| labels.codes[row]);
    in_classes.sort_unstable_by(|&a, &b| key(a).cmp(key(b)).then(a.cmp(&b)));
    let mut classes: Vec<Class> = in_classes
        .chunk_by(|&a, &b| key(a).eq(key(b)))
        .map(|rows| Class {
            name: labels.iter().map(|labels| labels.text(rows[0]).to_owned()).collect(),
            rows: rows.to_vec(),
        })
        .collect();
    classes.sort_unstable_by(|a, b| a.name.cmp(&b.name));

    let people = People::read(&released, original.as_ref(), sources.as_deref(), checks, beside)?;
    let (k, k_without_any_contributor) = check_people(&classes, &people, checks, &mut violations);
    let mut sensitive = Vec::new();
    for rule in &checks.rules.sensitive {
        sensitive.push(check_sensitive(&released, &classes, &checks.rules, rule, &mut violations)?);
    }
    let k_of_patterns = match checks.rules.several_rows {
        SeveralRows::Apart => None,
        SeveralRows::Together => Some(patterns::check(&released, &classes, &people, checks, &mut violations)?),
    };

    let nodes = Nodes::read(checks, beside, &labels, &mut violations)?;
    if let (Some(original), Some(sources)) = (&original, &sources) {
        check_ancestors(original, sources, &labels, &nodes, &checks.rules, &mut violations)?;
        check_other_columns(&released, original, sources, checks, &mut violations)?;
    }
    let presence = match &population {
        Some(population) => Some(check_presence(population, &classes, checks, beside, &mut violations)?),
        None => None,
    };
    let rows_in = rows + dropped;
    let suppressed = star_rows + dropped;
    if let Some(limit) = checks.suppression
        && suppressed as f64 > limit * rows_in as f64 + TOLERANCE
    {
        violations.push(Violation::TooManySuppressed { suppressed, rows: rows_in, limit });
    }

    let (loss, loss_by_attribute) = nodes.loss(dropped);
    let sizes: Vec<usize> = classes.iter().map(|class| class.rows.len()).collect();
    let rows_in_classes: usize = sizes.iter().sum();
    // Under the strict reading `*` rows are a class, and cost what a class costs.
    let outside = rows_in - rows_in_classes;
    let mut distribution: BTreeMap<usize, usize> = BTreeMap::new();
    sizes.iter().for_each(|&size| *distribution.entry(size).or_default() += 1);
    let share = if rows_in_classes == 0 { 0.0 } else { classes.len() as f64 / rows_in_classes as f64 };
    let worst = sizes.iter().min().map_or(0.0, |&size| 1.0 / size as f64);
    let measures = Measures {
        rows: rows_in,
        suppressed,
        classes: classes.len(),
        k,
        k_without_any_contributor,
        k_of_patterns,
        sensitive,
        presence,
        loss,
        loss_by_attribute,
        discernibility: sizes.iter().map(|&size| size as u64 * size as u64).sum::<u64>()
            + rows_in as u64 * outside as u64,
        average_class_size: if classes.is_empty() { 0.0 } else { rows_in_classes as f64 / classes.len() as f64 },
        non_uniform_entropy: match (&original, &sources) {
            (Some(original), Some(sources)) => nodes.non_uniform_entropy(original, sources, &checks.rules)?,
            _ => None,
        },
        risk: Risk {
            prosecutor_max: worst,
            prosecutor_mean: share,
            journalist_max: worst,
            journalist_mean: share,
            marketer_mean: share,
            marketer_max: worst,
        },
        class_sizes: distribution.into_iter().map(|(rows, classes)| ClassSize { rows, classes }).collect(),
    };
    Ok(Verification {
        version: REPORT_VERSION,
        passed: violations.is_empty(),
        star_rows_read_as: checks.star_rows,
        star_rows,
        measures,
        violations,
    })
}

/// What is no number is neither more nor less than anything: every class would pass.
fn refuse_nan(checks: &Checks) -> Result<(), Error> {
    let mut limits = vec![("suppression".to_owned(), checks.suppression)];
    if let Some(presence) = &checks.rules.presence {
        limits.extend([presence.least, presence.most].map(|limit| ("presence".to_owned(), Some(limit))));
    }
    for sensitive in &checks.rules.sensitive {
        let of = |what: &str| format!("{what} of {:?}", sensitive.column);
        limits.push((of("entropy l"), sensitive.entropy_l));
        limits.push((of("recursive l"), sensitive.recursive_l.map(|rule| rule.c)));
        limits.push((of("t"), sensitive.closeness.as_ref().map(|closeness| closeness.t)));
        limits.push((of("β"), sensitive.likeness.map(|likeness| likeness.beta)));
    }
    let nan = limits.into_iter().find(|(_, limit)| limit.is_some_and(f64::is_nan));
    nan.map_or(Ok(()), |(parameter, _)| Err(Error::Parameter { parameter, value: "NaN".into(), expected: "a number" }))
}

/// Where some rows of a population are released, which ones.
struct Present {
    population: Option<RecordBatch>,
    /// The rows to release.
    original: Option<RecordBatch>,
    /// For each released row its row among those.
    origins: Option<Vec<usize>>,
}

impl Present {
    fn read(original: Option<RecordBatch>, checks: &Checks, beside: &Beside<'_>) -> Result<Self, Error> {
        let origins = beside.origins.map(<[usize]>::to_vec);
        let Some(presence) = &checks.rules.presence else {
            return Ok(Self { population: None, original, origins });
        };
        let Some(population) = original else {
            return Err(Error::RowsDoNotMatch { reason: "presence is asked, and the population is not given".into() });
        };
        let text = text_of(find(&population, &presence.column)?, &presence.column)?;
        let mut place = vec![None; population.num_rows()];
        let mut chosen: Vec<u64> = Vec::new();
        for (row, is_released) in text.iter().enumerate() {
            if is_released == Some("true") {
                place[row] = Some(chosen.len());
                chosen.push(row as u64);
            }
        }
        let of_chosen = |row: &usize| {
            place.get(*row).copied().flatten().ok_or_else(|| Error::RowsDoNotMatch {
                reason: format!("original row {row} is not one of those to release"),
            })
        };
        let origins = origins.map(|origins| origins.iter().map(of_chosen).collect::<Result<_, _>>()).transpose()?;
        let mut original = take_record_batch(&population, &UInt64Array::from(chosen))?;
        original.remove_column(original.schema().index_of(&presence.column)?);
        Ok(Self { population: Some(population), original: Some(original), origins })
    }
}

/// Rows with equal labels.
struct Class {
    name: Vec<String>,
    rows: Vec<usize>,
}

fn join(batches: &[RecordBatch]) -> Result<RecordBatch, Error> {
    let Some(first) = batches.first() else {
        return Err(Error::RowsDoNotMatch { reason: "there is no released table".into() });
    };
    Ok(concat_batches(&first.schema(), batches)?)
}

fn find<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Error> {
    batch.column_by_name(name).ok_or_else(|| Error::UnknownColumn {
        column: name.to_owned(),
        present: batch.schema().fields().iter().map(|field| field.name().clone()).collect(),
    })
}

/// A column of the original, or a sensitive one: what is missing is the value that the rules name for it.
fn values_of(batch: &RecordBatch, name: &str, rules: &Rules) -> Result<StringArray, Error> {
    let text = text_of(find(batch, name)?, name)?;
    let Some(missing) = rules.missing.get(name) else { return Ok(text) };
    let value = |value: Option<&str>| value.filter(|value| !value.is_empty()).unwrap_or(missing).to_owned();
    Ok(StringArray::from_iter_values(text.iter().map(value)))
}

fn text_of(array: &ArrayRef, name: &str) -> Result<StringArray, Error> {
    let text = cast(array, &DataType::Utf8)
        .map_err(|_| Error::NoTextForm { column: name.to_owned(), data_type: array.data_type().to_string() })?;
    Ok(text.as_string::<i32>().clone())
}

/// For each released row its row in the original; `None` if there is none or they do not match.
fn match_rows(
    released: &RecordBatch,
    original: Option<&RecordBatch>,
    origins: Option<&[usize]>,
    violations: &mut Vec<Violation>,
) -> Result<Option<Vec<usize>>, Error> {
    let Some(original) = original else { return Ok(None) };
    let mismatch = Violation::RowsDoNotAddUp { original: original.num_rows(), released: released.num_rows() };
    let Some(origins) = origins else {
        if original.num_rows() != released.num_rows() {
            violations.push(mismatch);
            return Ok(None);
        }
        return Ok(Some((0..released.num_rows()).collect()));
    };
    let mut seen = vec![false; original.num_rows()];
    for &origin in origins {
        match seen.get_mut(origin) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => {
                return Err(Error::RowsDoNotMatch { reason: format!("original row {origin} is named twice") });
            }
            None => {
                return Err(Error::RowsDoNotMatch { reason: format!("there is no original row {origin}") });
            }
        }
    }
    if origins.len() != released.num_rows() {
        violations.push(mismatch);
        return Ok(None);
    }
    Ok(Some(origins.to_vec()))
}

/// The labels of one quasi-identifier.
struct Labels {
    column: String,
    codes: Vec<u32>,
    texts: Vec<String>,
}

impl Labels {
    fn read(released: &RecordBatch, name: &str, violations: &mut Vec<Violation>) -> Result<Self, Error> {
        let text = text_of(find(released, name)?, name)?;
        let mut numbers: BTreeMap<Option<&str>, u32> = BTreeMap::new();
        let mut labels = Self { column: name.to_owned(), codes: Vec::with_capacity(text.len()), texts: Vec::new() };
        for (row, value) in text.iter().enumerate() {
            if value.is_none() {
                violations.push(Violation::NullQuasiIdentifier { column: name.to_owned(), row });
            }
            let code = *numbers.entry(value).or_insert_with(|| {
                labels.texts.push(value.unwrap_or("(null)").to_owned());
                u32::try_from(labels.texts.len() - 1).expect("Arrow text columns hold fewer values than that")
            });
            labels.codes.push(code);
        }
        Ok(labels)
    }

    fn text(&self, row: usize) -> &str {
        &self.texts[self.codes[row] as usize]
    }
}

/// Whose rows they are, and who knows them.
struct People {
    /// The person of each released row.
    person_of: Vec<usize>,
    /// For each person the contributors that have a row of theirs; empty if nobody asked.
    known_to: Option<Vec<Vec<u32>>>,
}

impl People {
    fn read(
        released: &RecordBatch,
        original: Option<&RecordBatch>,
        sources: Option<&[usize]>,
        checks: &Checks,
        beside: &Beside<'_>,
    ) -> Result<Self, Error> {
        // Who knows whom is read from the whole original when it is there: it may know people by rows not released.
        let whole = original.zip(sources);
        let column = |name: &Option<String>, given: &Option<ArrayRef>| -> Result<Option<(Vec<String>, bool)>, Error> {
            let Some(name) = name else { return Ok(None) };
            let (array, is_original) = match (given, whole) {
                (Some(given), _) => (given, false),
                (None, Some((original, _))) if original.column_by_name(name).is_some() => (find(original, name)?, true),
                _ => (find(released, name)?, false),
            };
            let text = text_of(array, name)?;
            if !is_original && text.len() != released.num_rows() {
                return Err(Error::RowsDoNotMatch {
                    reason: format!("{} values of {name:?}, {} released rows", text.len(), released.num_rows()),
                });
            }
            let mut values = Vec::with_capacity(text.len());
            for (row, value) in text.iter().enumerate() {
                let value = value.ok_or_else(|| Error::Null { column: name.clone(), row })?;
                values.push(value.to_owned());
            }
            Ok(Some((values, is_original)))
        };
        let pick = |values: Vec<String>, is_original: bool| match (whole, is_original) {
            (Some((_, sources)), true) => sources.iter().map(|&row| values[row].clone()).collect(),
            _ => values,
        };
        let person = column(&checks.rules.person, &beside.person)?;
        let contributor = column(&checks.rules.contributor, &beside.contributor)?;

        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        let mut number_of = |name: &String| {
            let next = numbers.len();
            *numbers.entry(name.clone()).or_insert(next)
        };
        // Pairs of person and contributor over the widest table in which both are known.
        let (person_of, pairs): (Vec<usize>, Vec<(usize, String)>) = match (person, contributor) {
            (None, None) => ((0..released.num_rows()).collect(), Vec::new()),
            (None, Some((contributor, is_original))) => {
                ((0..released.num_rows()).collect(), pick(contributor, is_original).into_iter().enumerate().collect())
            }
            (Some((person, is_original)), None) => {
                (pick(person, is_original).iter().map(&mut number_of).collect(), Vec::new())
            }
            (Some((person, true)), Some((contributor, true))) => {
                let people: Vec<usize> = person.iter().map(&mut number_of).collect();
                let released = pick(person, true).iter().map(&mut number_of).collect();
                (released, people.into_iter().zip(contributor).collect())
            }
            (Some((person, person_original)), Some((contributor, contributor_original))) => {
                let people: Vec<usize> = pick(person, person_original).iter().map(&mut number_of).collect();
                let contributor = pick(contributor, contributor_original);
                (people.clone(), people.into_iter().zip(contributor).collect())
            }
        };
        let known_to = checks.rules.contributor.is_some().then(|| {
            let people = person_of.iter().chain(pairs.iter().map(|(person, _)| person)).max().map_or(0, |&max| max + 1);
            let mut known_to = vec![Vec::new(); people];
            let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
            for (person, contributor) in pairs {
                let next = u32::try_from(numbers.len()).expect("fewer contributors than rows");
                let contributor = *numbers.entry(contributor).or_insert(next);
                if !known_to[person].contains(&contributor) {
                    known_to[person].push(contributor);
                }
            }
            known_to
        });
        Ok(Self { person_of, known_to })
    }
}

fn check_people(
    classes: &[Class],
    people: &People,
    checks: &Checks,
    violations: &mut Vec<Violation>,
) -> (usize, Option<usize>) {
    let asked = checks.rules.k;
    let mut least: Option<usize> = None;
    let mut least_left: Option<usize> = None;
    for class in classes {
        let mut present: Vec<usize> = class.rows.iter().map(|&row| people.person_of[row]).collect();
        present.sort_unstable();
        present.dedup();
        let count = present.len();
        if count < asked {
            violations.push(Violation::SmallClass {
                class: class.name.clone(),
                row: class.rows[0],
                people: count,
                k: asked,
            });
        }
        least = Some(least.map_or(count, |least| least.min(count)));
        if let Some(known_to) = &people.known_to {
            let mut known: BTreeMap<u32, usize> = BTreeMap::new();
            for &person in &present {
                for &contributor in &known_to[person] {
                    *known.entry(contributor).or_default() += 1;
                }
            }
            let left = count - known.into_values().max().unwrap_or(0);
            if left < asked {
                violations.push(Violation::ContributorKnowsTooMany {
                    class: class.name.clone(),
                    row: class.rows[0],
                    left,
                    k: asked,
                });
            }
            least_left = Some(least_left.map_or(left, |least| least.min(left)));
        }
    }
    (least.unwrap_or(0), people.known_to.as_ref().map(|_| least_left.unwrap_or(0)))
}

/// For each class, the rows released beside those of the population that its labels cover.
fn check_presence(
    population: &RecordBatch,
    classes: &[Class],
    checks: &Checks,
    beside: &Beside<'_>,
    violations: &mut Vec<Violation>,
) -> Result<PresenceMeasures, Error> {
    let limits = checks.rules.presence.as_ref().expect("the population was read because of it");
    let mut columns = Vec::new();
    for name in &checks.quasi_identifiers {
        let hierarchy = beside.hierarchies.get(name).ok_or_else(|| Error::RowsDoNotMatch {
            reason: format!("presence is asked, and the hierarchy of {name:?} is not given"),
        })?;
        let text = values_of(population, name, &checks.rules)?;
        let leaves: Vec<Option<usize>> = text.iter().map(|value| hierarchy.leaf(value?)).collect();
        columns.push((hierarchy, leaves));
    }
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for class in classes {
        let covered: Option<Vec<_>> = class
            .name
            .iter()
            .zip(&columns)
            .map(|(label, (hierarchy, _))| Some(hierarchy.leaves(hierarchy.node(label)?)))
            .collect();
        // A label that is not in the hierarchy has been named already.
        let Some(covered) = covered else { continue };
        let is_covered = |row: &usize| {
            columns
                .iter()
                .zip(&covered)
                .all(|((_, leaves), range)| leaves[*row].is_some_and(|leaf| range.contains(&leaf)))
        };
        let people = (0..population.num_rows()).filter(is_covered).count();
        let part = class.rows.len() as f64 / people as f64;
        (least, most) = (least.min(part), most.max(part));
        if !(limits.least - TOLERANCE..=limits.most + TOLERANCE).contains(&part) {
            violations.push(Violation::PresenceTellsTooMuch {
                class: class.name.clone(),
                row: class.rows[0],
                released: class.rows.len(),
                population: people,
                least: limits.least,
                most: limits.most,
            });
        }
    }
    Ok(PresenceMeasures { population: population.num_rows(), least: if least.is_finite() { least } else { 0.0 }, most })
}

/// How far a class is from the table over a tree of values: at each node the mass that its children have to exchange, times the
/// node's height over the tree's (Li and others, 2007).
fn hierarchical_distance(hierarchy: &Hierarchy, values: &[&str], class: &[f64], table: &[f64]) -> f64 {
    let top = (hierarchy.level_count() - 1) as f64;
    let mut extra: BTreeMap<NodeId, f64> = BTreeMap::new();
    for ((value, p), q) in values.iter().zip(class).zip(table) {
        let mut node = hierarchy.leaf(value).map(|leaf| hierarchy.leaf_node(leaf));
        while let Some(current) = node {
            *extra.entry(current).or_default() += p - q;
            node = hierarchy.parent(current);
        }
    }
    let mut exchanged: BTreeMap<NodeId, (f64, f64)> = BTreeMap::new();
    for (&node, &extra) in &extra {
        let Some(parent) = hierarchy.parent(node) else { continue };
        let (more, less) = exchanged.entry(parent).or_default();
        if extra > 0.0 { *more += extra } else { *less -= extra }
    }
    exchanged.iter().map(|(&node, (more, less))| hierarchy.level(node) as f64 / top * more.min(*less)).sum()
}

fn check_sensitive(
    released: &RecordBatch,
    classes: &[Class],
    rules: &Rules,
    rule: &crate::rules::Sensitive,
    violations: &mut Vec<Violation>,
) -> Result<SensitiveMeasures, Error> {
    let text = values_of(released, &rule.column, rules)?;
    let (order, tree) = match rule.closeness.as_ref().map(|closeness| &closeness.distance) {
        Some(Distance::Ordered { values }) => (Some(values), None),
        Some(Distance::Hierarchical { hierarchy }) => (None, Some(hierarchy)),
        Some(Distance::Equal) | None => (None, None),
    };
    // Value → its share of the whole table; in the given order if there is one.
    let values: Vec<&str> = match order {
        Some(order) => order.iter().map(String::as_str).collect(),
        None => {
            let mut values: Vec<&str> = text.iter().flatten().collect();
            values.sort_unstable();
            values.dedup();
            values
        }
    };
    let places: BTreeMap<&str, usize> = values.iter().enumerate().map(|(place, &value)| (value, place)).collect();
    let mut places_of = Vec::with_capacity(text.len());
    for (row, value) in text.iter().enumerate() {
        let Some(value) = value else {
            violations.push(Violation::NullSensitive { column: rule.column.clone(), row });
            places_of.push(None);
            continue;
        };
        if let Some(tree) = tree
            && tree.leaf(value).is_none()
        {
            return Err(Error::UnknownValue { column: rule.column.clone(), value: value.to_owned(), row });
        }
        // Without an order every value has a place.
        let Some(&place) = places.get(value) else {
            return Err(Error::UnorderedValue { column: rule.column.clone(), value: value.to_owned(), row });
        };
        places_of.push(Some(place));
    }
    let shares = |rows: &mut dyn Iterator<Item = usize>| -> Vec<f64> {
        let mut counts = vec![0_usize; values.len()];
        let mut total = 0_usize;
        for place in rows.filter_map(|row| places_of[row]) {
            counts[place] += 1;
            total += 1;
        }
        counts.into_iter().map(|count| if total == 0 { 0.0 } else { count as f64 / total as f64 }).collect()
    };
    let table = shares(&mut (0..text.len()));

    let mut worst = SensitiveMeasures {
        column: rule.column.clone(),
        distinct_l: if classes.is_empty() { 0 } else { usize::MAX },
        entropy_l: if classes.is_empty() { 0.0 } else { f64::INFINITY },
        t_equal: 0.0,
        t_ordered: order.map(|_| 0.0),
        t_hierarchical: tree.map(|_| 0.0),
        outweighing: rule.recursive_l.map(|_| 0.0),
        gain: rule.likeness.map(|_| 0.0),
    };
    for class in classes {
        let class_shares = shares(&mut class.rows.iter().copied());
        let distinct = class_shares.iter().filter(|&&share| share > 0.0).count();
        let entropy_l =
            class_shares.iter().filter(|&&share| share > 0.0).map(|share| -share * share.ln()).sum::<f64>().exp();
        let equal = class_shares.iter().zip(&table).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0;
        let ordered = order.map(|_| {
            let mut above = 0.0;
            let mut moved = 0.0;
            for (p, q) in class_shares.iter().zip(&table) {
                above += p - q;
                moved += f64::abs(above);
            }
            if values.len() < 2 { 0.0 } else { moved / (values.len() - 1) as f64 }
        });
        worst.distinct_l = worst.distinct_l.min(distinct);
        worst.entropy_l = worst.entropy_l.min(entropy_l);
        worst.t_equal = worst.t_equal.max(equal);
        worst.t_ordered = worst.t_ordered.zip(ordered).map(|(worst, ordered)| worst.max(ordered));
        let hierarchical = tree.map(|tree| hierarchical_distance(tree, &values, &class_shares, &table));
        worst.t_hierarchical = worst.t_hierarchical.zip(hierarchical).map(|(worst, distance)| worst.max(distance));

        let (name, column, row) = (|| class.name.clone(), || rule.column.clone(), class.rows[0]);
        if let Some(l) = rule.distinct_l.filter(|&l| distinct < l) {
            violations.push(Violation::FewDistinctValues { class: name(), row, column: column(), distinct, l });
        }
        if let Some(l) = rule.entropy_l.filter(|&l| entropy_l < l * (1.0 - TOLERANCE)) {
            violations.push(Violation::LowEntropy { class: name(), row, column: column(), entropy_l, l });
        }
        if let Some(RecursiveL { c, l }) = rule.recursive_l {
            let mut falling: Vec<f64> = class_shares.iter().copied().filter(|&share| share > 0.0).collect();
            falling.sort_by(|a, b| b.total_cmp(a));
            let rare: f64 = falling.iter().skip(l.saturating_sub(1)).sum();
            let most = falling.first().copied().unwrap_or(0.0);
            let outweighing = if rare > 0.0 { most / rare } else { f64::INFINITY };
            worst.outweighing = worst.outweighing.map(|worst| worst.max(outweighing));
            if outweighing >= c * (1.0 - TOLERANCE) {
                violations.push(Violation::RareValuesOutweighed {
                    class: name(),
                    row,
                    column: column(),
                    outweighing,
                    c,
                    l,
                });
            }
        }
        if let Some(Likeness { beta, gain: kind }) = rule.likeness {
            for (q, p) in class_shares.iter().zip(&table).filter(|(q, _)| **q > 0.0) {
                let gain = (q - p) / p;
                let limit = if kind == Gain::Enhanced { beta.min(-p.ln()) } else { beta };
                worst.gain = worst.gain.map(|worst| worst.max(gain));
                if gain > limit + TOLERANCE {
                    violations.push(Violation::ValueGains { class: name(), row, column: column(), gain, limit });
                }
            }
        }
        let distance = ordered.or(hierarchical).unwrap_or(equal);
        if let Some(t) = rule.closeness.as_ref().map(|closeness| closeness.t).filter(|t| distance > t + TOLERANCE) {
            violations.push(Violation::FarFromTable { class: name(), row, column: column(), distance, t });
        }
    }
    Ok(worst)
}

/// The labels read through the hierarchies.
struct Nodes<'a> {
    columns: Vec<NodeColumn<'a>>,
    asked: usize,
    rows: usize,
}

struct NodeColumn<'a> {
    name: &'a str,
    hierarchy: &'a Hierarchy,
    codes: &'a [u32],
    /// Label → node, `None` if the hierarchy does not know it.
    nodes: Vec<Option<NodeId>>,
}

impl<'a> Nodes<'a> {
    fn read(
        checks: &'a Checks,
        beside: &'a Beside<'_>,
        labels: &'a [Labels],
        violations: &mut Vec<Violation>,
    ) -> Result<Self, Error> {
        let mut columns = Vec::new();
        for labels in labels {
            let Some(hierarchy) = beside.hierarchies.get(&labels.column) else { continue };
            let nodes: Vec<Option<NodeId>> = labels.texts.iter().map(|label| hierarchy.node(label)).collect();
            for (row, &code) in labels.codes.iter().enumerate() {
                if nodes[code as usize].is_none() {
                    violations.push(Violation::UnknownLabel {
                        column: labels.column.clone(),
                        row,
                        label: labels.texts[code as usize].clone(),
                    });
                }
            }
            columns.push(NodeColumn { name: &labels.column, hierarchy, codes: &labels.codes, nodes });
        }
        let rows = labels.first().map_or(0, |labels| labels.codes.len());
        Ok(Self { columns, asked: checks.quasi_identifiers.len(), rows })
    }

    /// Dropped rows lose everything. `None` unless every label of every quasi-identifier has a place in a hierarchy.
    fn loss(&self, dropped: usize) -> (Option<f64>, Vec<AttributeLoss>) {
        let rows = self.rows + dropped;
        if self.columns.len() != self.asked || self.asked == 0 {
            return (None, Vec::new());
        }
        let mut by_attribute = Vec::new();
        for column in &self.columns {
            let mut total = dropped as f64;
            for &code in column.codes {
                let Some(node) = column.nodes[code as usize] else { return (None, Vec::new()) };
                let (numerator, denominator) = column.hierarchy.loss(node);
                total += numerator as f64 / denominator as f64;
            }
            let loss = if rows == 0 { 0.0 } else { total / rows as f64 };
            by_attribute.push(AttributeLoss { column: column.name.to_owned(), loss });
        }
        let mean = by_attribute.iter().map(|attribute| attribute.loss).sum::<f64>() / self.asked as f64;
        (Some(mean), by_attribute)
    }

    fn non_uniform_entropy(
        &self,
        original: &RecordBatch,
        sources: &[usize],
        rules: &Rules,
    ) -> Result<Option<f64>, Error> {
        if self.columns.len() != self.asked || self.asked == 0 {
            return Ok(None);
        }
        let rows = original.num_rows();
        let mut source_of = vec![None; rows];
        for (released, &source) in sources.iter().enumerate() {
            source_of[source] = Some(released);
        }
        let (mut reached, mut full) = (0.0, 0.0);
        for column in &self.columns {
            let text = values_of(original, column.name, rules)?;
            let mut leaf_counts = vec![0_usize; column.hierarchy.leaf_count()];
            let mut leaves = Vec::with_capacity(rows);
            for value in text.iter() {
                let Some(leaf) = value.and_then(|value| column.hierarchy.leaf(value)) else { return Ok(None) };
                leaf_counts[leaf] += 1;
                leaves.push(leaf);
            }
            let mut node_counts: BTreeMap<NodeId, usize> = BTreeMap::new();
            for (row, &leaf) in leaves.iter().enumerate() {
                let own = leaf_counts[leaf] as f64;
                let covered = match source_of[row] {
                    None => rows,
                    Some(released) => {
                        let Some(node) = column.nodes[column.codes[released] as usize] else { return Ok(None) };
                        *node_counts
                            .entry(node)
                            .or_insert_with(|| leaf_counts[column.hierarchy.leaves(node)].iter().sum())
                    }
                };
                reached += (covered as f64 / own).log2();
                full += (rows as f64 / own).log2();
            }
        }
        Ok(Some(if full > 0.0 { reached / full } else { 0.0 }))
    }
}

fn check_ancestors(
    original: &RecordBatch,
    sources: &[usize],
    labels: &[Labels],
    nodes: &Nodes<'_>,
    rules: &Rules,
    violations: &mut Vec<Violation>,
) -> Result<(), Error> {
    for column in &nodes.columns {
        let text = values_of(original, column.name, rules)?;
        let labels = labels.iter().find(|labels| labels.column == column.name);
        let labels = labels.expect("columns of nodes were read from the labels");
        for (row, &source) in sources.iter().enumerate() {
            // A label that is not in the hierarchy has been named already.
            let Some(node) = column.nodes[column.codes[row] as usize] else { continue };
            let covers = text.is_valid(source)
                && column
                    .hierarchy
                    .leaf(text.value(source))
                    .is_some_and(|leaf| column.hierarchy.leaves(node).contains(&leaf));
            if !covers {
                violations.push(Violation::NotAnAncestor {
                    column: column.name.to_owned(),
                    row,
                    label: labels.text(row).to_owned(),
                });
            }
        }
    }
    Ok(())
}

fn check_other_columns(
    released: &RecordBatch,
    original: &RecordBatch,
    sources: &[usize],
    checks: &Checks,
    violations: &mut Vec<Violation>,
) -> Result<(), Error> {
    for field in released.schema().fields() {
        if original.column_by_name(field.name()).is_none() {
            violations.push(Violation::ColumnNotInBoth { column: field.name().clone() });
        }
    }
    for field in original.schema().fields() {
        let name = field.name();
        let is_rule_column =
            checks.rules.person.as_ref() == Some(name) || checks.rules.contributor.as_ref() == Some(name);
        let Some(after) = released.column_by_name(name) else {
            // Person and contributor are rightly left out of what is released.
            if !is_rule_column {
                violations.push(Violation::ColumnNotInBoth { column: name.clone() });
            }
            continue;
        };
        if checks.quasi_identifiers.contains(name) {
            continue;
        }
        let Some(before) = original.column_by_name(name) else { continue };
        // As text, since a file written and read again may hold the same values in another type.
        let (after, before) = (text_of(after, name)?, text_of(before, name)?);
        for (row, &source) in sources.iter().enumerate() {
            let same = match (after.is_valid(row), before.is_valid(source)) {
                (true, true) => after.value(row) == before.value(source),
                (after, before) => after == before,
            };
            if !same {
                violations.push(Violation::ColumnChanged { column: name.clone(), row });
            }
        }
    }
    Ok(())
}
