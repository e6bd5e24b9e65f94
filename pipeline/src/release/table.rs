//! The master table: one row per human, its columns, the hierarchies of its quasi-identifiers and the order of its classes.
//!
//! Eight quasi-identifiers, since each is what a neighbour or an office may know of somebody; every other column is sensitive
//! and keeps its distance: levels, indices, profile, how many assessments and disadvantages. No item answers: they are unique and would join with an Ente's own copy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anonymity::{Error, Hierarchy, QuasiIdentifier};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use domain::instrument::Instrument;
use domain::person::age_band;

use super::geography::{self, Places};
use super::humans::{Assessed, Human};

/// Whose row it is: beside the table, never in a file.
pub(super) const PERSONA: &str = "persona";
/// In which Ente the assessment was made: likewise.
pub(super) const ENTE: &str = "ente";
/// The class of the profile.
pub(super) const PROFILE: &str = "profilo";
/// A scale without enough answers, a profile that cannot be had.
pub(super) const NOT_VALID: &str = "non_valido";
const UNKNOWN: &str = "non_noto";
/// Where people live.
pub(super) const TERRITORY: &str = "territorio";
const YEAR: &str = "anno";

type Read = fn(&Assessed) -> Option<&str>;

/// A code with the broader class that it belongs to.
type Code = (&'static str, &'static str);

/// The quasi-identifiers that are codes: column, codes with the broader class of each, and where the code is.
const CODED: [(&str, &[Code], Read); 6] = [
    (
        "fascia_eta",
        &[
            ("0_24", "0_34"),
            ("25_34", "0_34"),
            ("35_44", "35_54"),
            ("45_54", "35_54"),
            ("55_64", "55_plus"),
            ("65_plus", "55_plus"),
        ],
        |seen| seen.age.and_then(|age| u8::try_from(age).ok()).map(age_band),
    ),
    ("sesso", &[("f", "f"), ("m", "m")], |seen| seen.sex.as_deref()),
    (
        "titolo_studio",
        &[("isced_0_1", "isced_0_2"), ("isced_2", "isced_0_2"), ("isced_3_4", "isced_3_8"), ("isced_5_8", "isced_3_8")],
        |seen| seen.education.as_deref(),
    ),
    ("cittadinanza", &[("it", "it"), ("eu", "straniera"), ("non_eu", "straniera")], |seen| seen.citizenship.as_deref()),
    (
        "nucleo",
        &[
            ("alone", "senza_figli"),
            ("couple", "senza_figli"),
            ("couple_children", "con_figli"),
            ("single_parent", "con_figli"),
            ("relatives", "con_altri"),
            ("other", "con_altri"),
        ],
        |seen| seen.household.as_deref(),
    ),
    (
        "condizione_lavorativa",
        &[
            ("employed", "employed"),
            ("unemployed_short", "in_cerca"),
            ("unemployed_long", "in_cerca"),
            ("first_job", "in_cerca"),
            ("inactive", "non_in_cerca"),
            ("retired", "non_in_cerca"),
        ],
        |seen| seen.work.as_deref(),
    ),
];

/// A sensitive column, its classes from the most to the least favourable.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub(super) column: String,
    pub(super) values: Vec<String>,
    /// Whether hardly any row has another value than the commonest: two values in every class would then need one class of all.
    pub(super) is_nearly_constant: bool,
}

impl Ordered {
    /// Whether it is nearly constant is found once the table is whole.
    fn new(column: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { column: column.into(), values: values.into_iter().map(Into::into).collect(), is_nearly_constant: false }
    }
}

/// A column is nearly constant when fewer than one row in so many has another value than the commonest.
const FEW: usize = 20;

/// How many assessments, by their number; nobody has none.
const NUMBERS: [&str; 4] = ["1", "1", "2", "3_o_piu"];
/// How many minimum conditions are missing.
const MISSING_CONDITIONS: [&str; 3] = ["0", "1", "2_o_piu"];
/// In how many categories of disadvantage; last, nobody asked.
const DISADVANTAGES: [&str; 4] = ["nessuno", "uno", "due_o_piu", UNKNOWN];

/// The table before anything is generalised.
#[derive(Debug)]
pub(super) struct Master {
    /// With [`PERSONA`] and [`ENTE`].
    pub(super) batch: RecordBatch,
    /// Each further Ente that knows the human of a row.
    pub(super) also_known_to: Vec<(usize, usize)>,
    pub(super) quasi_identifiers: Vec<QuasiIdentifier>,
    /// The profile first, where there is one.
    pub(super) ordered: Vec<Ordered>,
    /// All columns that may leave, in their order.
    pub(super) columns: Vec<String>,
}

/// Makes the table of some people.
pub(super) fn make(
    humans: &BTreeMap<String, Human>,
    versions: &[&Instrument],
    places: &Places,
) -> Result<Master, Error> {
    let people: Vec<(&String, &Human)> = humans.iter().collect();
    let mut columns: Vec<(String, Vec<String>)> = Vec::new();
    let mut quasi_identifiers = Vec::new();
    let mut identify = |column: &str, values: Vec<String>, lines: Vec<Vec<String>>| -> Result<(), Error> {
        let hierarchy =
            Hierarchy::from_rows(lines).map_err(|source| Error::Hierarchy { column: column.to_owned(), source })?;
        quasi_identifiers.push(QuasiIdentifier::new(column, hierarchy));
        columns.push((column.to_owned(), values));
        Ok(())
    };
    for (column, codes, read) in CODED {
        let value = |human: &Human| read(human.last()).unwrap_or(UNKNOWN).to_owned();
        let values: Vec<String> = people.iter().map(|(_, human)| value(human)).collect();
        let known = codes.iter().copied().chain([(UNKNOWN, UNKNOWN)]);
        let lines = known.map(|(code, broader)| vec![code.to_owned(), broader.to_owned(), "*".to_owned()]).collect();
        identify(column, values, lines)?;
    }
    let rows: Vec<(Option<&str>, usize)> =
        people.iter().map(|(_, human)| (human.last().comune.as_deref(), human.last().ente)).collect();
    let territory = geography::name(&rows, places);
    identify(TERRITORY, territory.labels, territory.lines)?;
    let years: Vec<String> = people.iter().map(|(_, human)| human.last().year.to_string()).collect();
    let known: BTreeSet<&String> = years.iter().collect();
    let hierarchy = Hierarchy::ordered(known.into_iter().cloned(), &[2])
        .map_err(|source| Error::Hierarchy { column: YEAR.to_owned(), source })?;
    quasi_identifiers.push(QuasiIdentifier::new(YEAR, hierarchy));
    columns.push((YEAR.to_owned(), years));

    let mut ordered = Vec::new();
    let mut add = |column: String, value: &dyn Fn(&Human) -> String| {
        columns.push((column, people.iter().map(|(_, human)| value(human)).collect()));
    };
    let classes = in_order(versions, |instrument| {
        instrument.profile.iter().flat_map(|profile| &profile.classes).map(|class| class.id.to_string()).collect()
    });
    if !classes.is_empty() {
        add(PROFILE.to_owned(), &|human| human.last().profile.clone().unwrap_or_else(|| NOT_VALID.to_owned()));
        ordered.push(Ordered::new(PROFILE, with_not_valid(classes)));
    }
    let scales = in_order(versions, |instrument| instrument.scales.iter().map(|scale| scale.id.to_string()).collect());
    for scale in scales {
        // Definitions list levels from the lowest; a release from the most favourable.
        let mut levels = in_order(versions, |instrument| {
            let of_scale = instrument.scales.iter().filter(|found| found.id.as_str() == scale);
            of_scale.flat_map(|found| &found.levels).map(|level| level.id.to_string()).collect()
        });
        levels.reverse();
        let level = |seen: &Assessed| {
            seen.scores.get(&scale).and_then(|score| score.level.clone()).unwrap_or_else(|| NOT_VALID.to_owned())
        };
        let (last, first) = (format!("livello_{scale}"), format!("livello_iniziale_{scale}"));
        if !levels.is_empty() {
            add(last.clone(), &|human| level(human.last()));
            ordered.push(Ordered::new(last, with_not_valid(levels.clone())));
        }
        let bands = format!("fascia_indice_{scale}");
        add(bands.clone(), &|human| band(human.last().scores.get(&scale).and_then(|score| score.index_tenths)));
        ordered.push(Ordered::new(bands, with_not_valid((0..10).rev().map(band_of_ten).collect())));
        if !levels.is_empty() {
            add(first.clone(), &|human| level(human.first()));
            ordered.push(Ordered::new(first, with_not_valid(levels)));
        }
    }
    add("numero_valutazioni".to_owned(), &|human| capped(human.count_assessments(), &NUMBERS));
    ordered.push(Ordered::new("numero_valutazioni", NUMBERS[1..].iter().copied()));
    if versions.iter().any(|instrument| !instrument.blocks.is_empty()) {
        add("blocchi".to_owned(), &|human| capped(human.last().blocks, &MISSING_CONDITIONS));
        ordered.push(Ordered::new("blocchi", MISSING_CONDITIONS));
    }
    add("svantaggio".to_owned(), &|human| {
        let known = human.last().disadvantages;
        known.map_or_else(|| UNKNOWN.to_owned(), |count| capped(count, &DISADVANTAGES[..3]))
    });
    ordered.push(Ordered::new("svantaggio", DISADVANTAGES));

    for of in &mut ordered {
        let values = columns.iter().find(|(name, _)| *name == of.column).map(|(_, values)| values.as_slice());
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for value in values.unwrap_or_default() {
            *counts.entry(value).or_default() += 1;
        }
        let commonest = counts.values().max().copied().unwrap_or_default();
        of.is_nearly_constant = (people.len() - commonest) * FEW < people.len();
    }
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    columns.push((PERSONA.to_owned(), people.iter().map(|(key, _)| (*key).clone()).collect()));
    columns.push((ENTE.to_owned(), people.iter().map(|(_, human)| human.last().ente.to_string()).collect()));
    let also_known_to = people.iter().enumerate().flat_map(|(row, (_, human))| {
        human.enti.iter().filter(|ente| **ente != human.last().ente).map(move |ente| (row, *ente))
    });
    Ok(Master {
        also_known_to: also_known_to.collect(),
        batch: batch(columns)?,
        quasi_identifiers,
        ordered,
        columns: names,
    })
}

/// Ids of all versions: the newest version's order, then what only older ones have.
fn in_order(versions: &[&Instrument], ids: impl Fn(&Instrument) -> Vec<String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for instrument in versions.iter().rev() {
        for id in ids(instrument) {
            if !found.contains(&id) {
                found.push(id);
            }
        }
    }
    found
}

fn with_not_valid(mut values: Vec<String>) -> Vec<String> {
    values.push(NOT_VALID.to_owned());
    values
}

/// The band of ten points of an index; a hundred is in the last.
fn band(index_tenths: Option<i32>) -> String {
    index_tenths.map_or_else(|| NOT_VALID.to_owned(), |tenths| band_of_ten((tenths / 100).clamp(0, 9)))
}

fn band_of_ten(ten: i32) -> String {
    if ten == 9 { "90_100".to_owned() } else { format!("{}_{}", ten * 10, ten * 10 + 9) }
}

fn capped(count: usize, words: &[&str]) -> String {
    words[count.min(words.len() - 1)].to_owned()
}

/// Columns of text without nulls.
pub(super) fn batch(columns: Vec<(String, Vec<String>)>) -> Result<RecordBatch, ArrowError> {
    let fields: Vec<Field> = columns.iter().map(|(name, _)| Field::new(name, DataType::Utf8, false)).collect();
    let arrays = columns.into_iter().map(|(_, values)| Arc::new(StringArray::from(values)) as ArrayRef).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_falls_in_its_band() {
        for (tenths, expected) in [
            (None, NOT_VALID),
            (Some(0), "0_9"),
            (Some(99), "0_9"),
            (Some(100), "10_19"),
            (Some(999), "90_100"),
            (Some(1000), "90_100"),
        ] {
            assert_eq!(band(tenths), expected, "{tenths:?}");
        }
    }
}
