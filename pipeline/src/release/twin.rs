//! The synthetic twin of a part: a table of the same columns, codes and number of rows about nobody, for whoever wants to write
//! their program before they have access.
//!
//! It is made from counts of the anonymous part alone, and of these only those of ten rows or more: how often each code is, and
//! each pair of codes of two columns. Smaller counts of a pair of columns are put together and shared out as if the two had nothing
//! to do with each other. Rows begin with every column shuffled on its own; then values are exchanged between rows as long
//! as that brings the pairs nearer to what they are in the part.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::error::ArrowError;
use rand::seq::SliceRandom;
use rand::{CryptoRng, Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::Serialize;

use super::dataset;
use super::file::{self, Contents};
use super::{ReleaseError, Report, dictionary, text};

/// The folder of the twins, among the releases.
const TWINS: &str = "twins";
/// Counts below this are not told, one by one, to whoever may have the twin: anybody.
const COUNT_MIN: u8 = 10;
/// How often, on average, each cell is offered an exchange.
const ROUNDS: usize = 12;

/// How near a twin comes to its part; in its folder as `gemello.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Nearness {
    format: &'static str,
    /// The release.
    of: String,
    rows: usize,
    columns: usize,
    /// The part of rows that would have to change for a pair of columns to have the part's counts, on average over pairs.
    distance_mean: f64,
    /// The same for the pair that is farthest.
    distance_max: f64,
    /// The same average before anything was exchanged: as if no column had to do with another.
    distance_of_independent_columns: f64,
}

/// A column as numbers.
struct Coded {
    codes: Vec<String>,
    /// The code of each row.
    rows: Vec<u16>,
}

impl Coded {
    fn read(table: &RecordBatch, name: &str) -> Result<Self, ArrowError> {
        let column = text(table, name)?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        column.iter().flatten().for_each(|code| *counts.entry(code).or_default() += 1);
        let codes: Vec<String> = counts.keys().map(|code| (*code).to_owned()).collect();
        let number = |code: &str| codes.binary_search_by(|known| known.as_str().cmp(code)).unwrap_or_default();
        let rows = column.iter().flatten().map(|code| u16::try_from(number(code)).unwrap_or(u16::MAX)).collect();
        Ok(Self { codes, rows })
    }

    fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.codes.len()];
        self.rows.iter().for_each(|&code| counts[usize::from(code)] += 1);
        counts
    }
}

/// How often each code should be: its count, or, of rare ones together, an equal share.
fn told(counts: &[usize]) -> Vec<usize> {
    let rare: Vec<usize> = (0..counts.len()).filter(|&code| counts[code] < usize::from(COUNT_MIN)).collect();
    let mut told = counts.to_vec();
    let total: usize = rare.iter().map(|&code| counts[code]).sum();
    for (at, &code) in rare.iter().enumerate() {
        told[code] = total / rare.len() + usize::from(at < total % rare.len());
    }
    told
}

/// How often each pair of codes should be.
fn pairs_told(one: &Coded, other: &Coded) -> Vec<f64> {
    let width = other.codes.len();
    let counts = pairs(&one.rows, &other.rows, one.codes.len(), width);
    let (of_one, of_other) = (told(&one.counts()), told(&other.counts()));
    let is_rare = |cell: usize| counts[cell] < i64::from(COUNT_MIN);
    let expected = |cell: usize| (of_one[cell / width] * of_other[cell % width]) as f64;
    let rare: Vec<usize> = (0..counts.len()).filter(|&cell| is_rare(cell)).collect();
    let total: i64 = rare.iter().map(|&cell| counts[cell]).sum();
    let weight: f64 = rare.iter().map(|&cell| expected(cell)).sum();
    let share = |cell: usize| if weight > 0.0 { total as f64 * expected(cell) / weight } else { 0.0 };
    (0..counts.len()).map(|cell| if is_rare(cell) { share(cell) } else { counts[cell] as f64 }).collect()
}

fn pairs(one: &[u16], other: &[u16], height: usize, width: usize) -> Vec<i64> {
    let mut counts = vec![0; height * width];
    one.iter().zip(other).for_each(|(a, b)| counts[usize::from(*a) * width + usize::from(*b)] += 1);
    counts
}

/// The columns of a twin under way, with the counts of every pair of them.
struct Making {
    columns: Vec<Vec<u16>>,
    widths: Vec<usize>,
    /// By pair of columns, the first the smaller.
    wanted: Vec<Vec<f64>>,
    counts: Vec<Vec<i64>>,
}

impl Making {
    fn new(coded: &[Coded], chance: &mut impl Rng) -> Self {
        let mut columns = Vec::new();
        for column in coded {
            let mut rows: Vec<u16> = Vec::with_capacity(column.rows.len());
            for (code, count) in told(&column.counts()).into_iter().enumerate() {
                rows.extend(std::iter::repeat_n(u16::try_from(code).unwrap_or(u16::MAX), count));
            }
            rows.shuffle(chance);
            columns.push(rows);
        }
        let widths: Vec<usize> = coded.iter().map(|column| column.codes.len()).collect();
        let (mut wanted, mut counts) = (Vec::new(), Vec::new());
        for one in 0..coded.len() {
            for other in one + 1..coded.len() {
                wanted.push(pairs_told(&coded[one], &coded[other]));
                counts.push(pairs(&columns[one], &columns[other], widths[one], widths[other]));
            }
        }
        Self { columns, widths, wanted, counts }
    }

    fn pair(&self, one: usize, other: usize) -> usize {
        let (one, other) = (one.min(other), one.max(other));
        one * (2 * self.widths.len() - one - 1) / 2 + other - one - 1
    }

    /// The cell of a pair's table, with `value` in `column`.
    fn cell(&self, column: usize, value: u16, other: usize, row: usize) -> usize {
        let beside = usize::from(self.columns[other][row]);
        let value = usize::from(value);
        if column < other { value * self.widths[other] + beside } else { beside * self.widths[column] + value }
    }

    /// Exchanges the values of two rows in a column where the pairs come nearer by it.
    fn offer(&mut self, column: usize, one: usize, other: usize) {
        let (a, b) = (self.columns[column][one], self.columns[column][other]);
        if a == b {
            return;
        }
        let mut gain = 0.0;
        for beside in (0..self.widths.len()).filter(|&beside| beside != column) {
            let pair = self.pair(column, beside);
            for (cell, step) in self.steps(column, beside, one, other) {
                let away = self.counts[pair][cell] as f64 - self.wanted[pair][cell];
                gain += away * away - (away + step as f64).powi(2);
            }
        }
        if gain <= 0.0 {
            return;
        }
        for beside in (0..self.widths.len()).filter(|&beside| beside != column) {
            let pair = self.pair(column, beside);
            for (cell, step) in self.steps(column, beside, one, other) {
                self.counts[pair][cell] += step;
            }
        }
        self.columns[column].swap(one, other);
    }

    /// What an exchange does to the counts of a pair of columns; nothing where both rows have the same beside.
    fn steps(&self, column: usize, beside: usize, one: usize, other: usize) -> [(usize, i64); 4] {
        let (a, b) = (self.columns[column][one], self.columns[column][other]);
        let step = i64::from(self.columns[beside][one] != self.columns[beside][other]);
        [
            (self.cell(column, a, beside, one), -step),
            (self.cell(column, b, beside, one), step),
            (self.cell(column, b, beside, other), -step),
            (self.cell(column, a, beside, other), step),
        ]
    }

    /// For each pair the part of the rows that would have to change.
    fn distances(&self) -> Vec<f64> {
        let rows = self.columns.first().map_or(0, Vec::len).max(1) as f64;
        let away = |(counts, wanted): (&Vec<i64>, &Vec<f64>)| {
            let apart = counts.iter().zip(wanted).map(|(count, wanted)| (*count as f64 - wanted).abs());
            apart.sum::<f64>() / (2.0 * rows)
        };
        self.counts.iter().zip(&self.wanted).map(away).collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Makes a twin.
fn make(table: &RecordBatch, of: &str, chance: &mut impl Rng) -> Result<(RecordBatch, Nearness), ReleaseError> {
    let schema = table.schema();
    let coded = schema.fields().iter().map(|field| Coded::read(table, field.name())).collect::<Result<Vec<_>, _>>()?;
    let mut making = Making::new(&coded, chance);
    let independent = mean(&making.distances());
    let rows = table.num_rows();
    if rows > 1 {
        for _ in 0..ROUNDS * rows * coded.len() {
            let (one, other) = (chance.random_range(0..rows), chance.random_range(0..rows));
            making.offer(chance.random_range(0..coded.len()), one, other);
        }
    }
    let distances = making.distances();
    let nearness = Nearness {
        format: "twin 1",
        of: of.to_owned(),
        rows,
        columns: coded.len(),
        distance_mean: mean(&distances),
        distance_max: distances.iter().copied().fold(0.0, f64::max),
        distance_of_independent_columns: independent,
    };
    let words = |(column, rows): (&Coded, &Vec<u16>)| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|&code| &column.codes[usize::from(code)])))
    };
    let columns = coded.iter().zip(&making.columns).map(words).collect();
    Ok((RecordBatch::try_new(schema, columns)?, nearness))
}

/// Makes the twin of a part and writes it: table, the same as CSV, dictionary, how near it comes.
pub(super) fn write(
    releases: &Path,
    contents: &Contents<'_>,
    report: &Report,
    chance: &mut impl CryptoRng,
) -> Result<(), ReleaseError> {
    // Millions of draws, none of which is a secret: the seed alone comes from the system.
    let mut drawn = ChaCha20Rng::from_rng(chance);
    let (table, nearness) = make(contents.released, &report.id, &mut drawn)?;
    let columns = dictionary::describe(&table, contents.quasi_identifiers, contents.versions)?;
    let folder = twins_folder(releases).join(&report.id);
    let told = serde_json::to_vec_pretty(&nearness)
        .map_err(|source| ReleaseError::File { path: folder.clone(), source: source.into() })?;
    let files = [
        ("gemello.csv", dataset::csv(&table)?),
        ("dizionario.csv", dictionary::csv(&columns).into_bytes()),
        ("gemello.json", told),
        ("leggimi.txt", format!("{}\n", dictionary::heading("gemello")).into_bytes()),
        ("gemello.parquet", file::parquet(&table, Vec::new())?),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        crate::pseudonymize::write_private(&path, &bytes).map_err(file::at(&path))?;
    }
    Ok(())
}

/// Where the twins are, each in a folder of its part's name.
#[must_use]
pub fn twins_folder(releases: &Path) -> PathBuf {
    releases.join(TWINS)
}

#[cfg(test)]
mod tests {
    use super::super::table::batch;
    use super::*;

    /// Six hundred rows: the second column follows the first, the third neither; one code is rare.
    fn table() -> RecordBatch {
        let word = |words: [&str; 3], at: usize| words[at % 3].to_owned();
        let one = (0..600).map(|row| word(["a", "b", "c"], row)).collect();
        let two = (0..600).map(|row| if row == 5 { "rare".into() } else { word(["x", "y", "y"], row) }).collect();
        let three = (0..600).map(|row| word(["p", "q", "r"], row / 200)).collect();
        batch(vec![("one".into(), one), ("two".into(), two), ("three".into(), three)]).unwrap()
    }

    #[test]
    fn a_twin_has_the_counts_and_the_pairs_of_its_part() {
        let part = table();
        let (twin, nearness) = make(&part, "x", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        assert_eq!((twin.schema(), twin.num_rows()), (part.schema(), 600));
        for name in ["one", "three"] {
            assert_eq!(Coded::read(&twin, name).unwrap().counts(), [200; 3]);
        }
        assert!(nearness.distance_mean < 0.02, "{nearness:?}");
        assert!(nearness.distance_of_independent_columns > 0.1, "{nearness:?}");
        // Another seed gives other rows.
        let (other, _) = make(&part, "x", &mut ChaCha20Rng::seed_from_u64(2)).unwrap();
        assert_ne!(twin, other);
    }

    #[test]
    fn what_fewer_than_ten_rows_say_is_not_told() {
        assert_eq!(told(&[3, 100, 9]), [6, 100, 6]);
        assert_eq!(told(&[10, 9]), [10, 9]);
        let column = |rows: Vec<u16>, codes: usize| Coded { codes: (0..codes).map(|n| n.to_string()).collect(), rows };
        // Nine rows of the cell (0, 1), which as many of its column would have in (1, 0).
        let one = column([vec![0; 59], vec![1; 50]].concat(), 2);
        let other = column([vec![0; 50], vec![1; 9], vec![1; 50]].concat(), 2);
        let told = pairs_told(&one, &other);
        assert_eq!((told[0], told[3]), (50.0, 50.0));
        assert!((told[1] + told[2] - 9.0).abs() < 1e-9 && told[2] > 3.0, "{told:?}");
    }
}
