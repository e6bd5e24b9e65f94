//! From accepted assessments to the lake's tables: one Arrow batch per table and year, rows in their total order.
//!
//! Assessments are sorted once; every table follows that order, and within one assessment the order of the text that tells
//! its rows apart. Every batch ends with exactly the schema that the warehouse gives for its table, or the stage fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringBuilder};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::{Datelike, NaiveDate, TimeDelta};
use domain::feed::packed::{ABSENT, PackedAssessment, PackedEvaluation, PackedScore, Word, Words};
use domain::instrument::{Id, Instrument, Missing};
use uuid::Uuid;
use warehouse::TableData;
use warehouse::{schema, workers};

use crate::report::count;
use crate::resolve::Current;

/// Why tables cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartitionError {
    /// Columns and schema do not fit.
    #[error("the table {table} has not the lake's schema")]
    Schema {
        /// Which.
        table: String,
        /// Why.
        source: ArrowError,
    },
    /// A number is too large for its column.
    #[error("the table {table}: {number} does not fit into its column")]
    Number {
        /// Which.
        table: String,
        /// The number.
        number: i64,
    },
    /// The warehouse knows no such table.
    #[error("the lake has no table {0}")]
    Unknown(&'static str),
}

/// Stands for a persona in one Ente.
pub(crate) type Pseudonym = [u8; 16];

/// An assessment that enters the tables.
#[derive(Clone, Debug)]
pub(crate) struct Accepted<'a> {
    /// Whose, in this Ente alone.
    pub(crate) pseudonym: Pseudonym,
    /// What it says.
    pub(crate) current: Current,
    /// The definition that it conforms to.
    pub(crate) instrument: &'a Instrument,
}

impl Accepted<'_> {
    fn assessment(&self) -> &PackedAssessment {
        &self.current.assessment
    }
}

/// What the rows of an Ente speak of.
#[derive(Debug)]
pub(crate) struct Speech<'a> {
    /// The words of its events.
    pub(crate) words: &'a Words,
    /// What stands for each operator in this Ente alone, by place.
    pub(crate) operators: Vec<String>,
    /// The definitions known.
    pub(crate) instruments: &'a [Instrument],
}

/// All tables of an Ente, by year and table.
pub(crate) fn partition(
    mut accepted: Vec<Accepted<'_>>,
    speech: &Speech<'_>,
) -> Result<Vec<TableData>, PartitionError> {
    accepted.sort_unstable_by_key(|row| {
        let assessment = row.assessment();
        // A hyphenated id sorts as its bytes do, and a pseudonym's digits as its own.
        (year(assessment.assessed_on), row.pseudonym, assessment.assessed_on, assessment.id)
    });
    let years: Vec<&[Accepted<'_>]> =
        accepted.chunk_by(|a, b| year(a.assessment().assessed_on) == year(b.assessment().assessed_on)).collect();
    let mut tables = Vec::new();
    for of_year in workers::map(&years, |rows| of_one_year(rows, speech)) {
        tables.extend(of_year?);
    }
    Ok(tables)
}

/// The calendar year of a day.
pub(crate) fn year(day: i32) -> i32 {
    NaiveDate::default().checked_add_signed(TimeDelta::days(day.into())).map_or(i32::MAX, |day| day.year())
}

fn of_one_year(accepted: &[Accepted<'_>], speech: &Speech<'_>) -> Result<Vec<TableData>, PartitionError> {
    let Some(first) = accepted.first() else { return Ok(Vec::new()) };
    let year = year(first.assessment().assessed_on);
    let mut tables = Vec::new();
    let mut add = |made: Option<(String, RecordBatch)>| {
        tables.extend(made.map(|(table, rows)| TableData { table, year, rows }));
    };
    let all: Vec<(&Accepted<'_>, ())> = accepted.iter().map(|row| (row, ())).collect();
    add(assessments(&all, speech)?);
    add(scores(accepted, speech)?);
    add(disadvantages(accepted, speech)?);
    add(blocks(accepted, speech)?);
    add(azioni(accepted, speech)?);
    let mut versions: BTreeMap<&Id, Vec<&Instrument>> = BTreeMap::new();
    for instrument in speech.instruments {
        versions.entry(&instrument.id).or_default().push(instrument);
    }
    for (id, versions) in versions {
        add(answers(accepted, id, &versions, speech)?);
    }
    Ok(tables)
}

/// A table that is being made: columns are added in the schema's order.
struct Table<'a, T> {
    name: String,
    schema: SchemaRef,
    rows: &'a [(&'a Accepted<'a>, T)],
    columns: Vec<ArrayRef>,
}

impl<'a, T> Table<'a, T> {
    /// With the columns that every table begins with.
    fn new(name: &str, schema: SchemaRef, rows: &'a [(&'a Accepted<'a>, T)]) -> Self {
        let mut table = Self { name: name.to_owned(), schema, rows, columns: Vec::new() };
        let mut digits = [0; 32];
        let mut pseudonyms = StringBuilder::with_capacity(rows.len(), rows.len() * digits.len());
        for (row, _) in rows {
            hex::encode_to_slice(row.pseudonym, &mut digits).expect("16 bytes are 32 digits");
            pseudonyms.append_value(std::str::from_utf8(&digits).expect("digits are text"));
        }
        table.columns.push(Arc::new(pseudonyms.finish()));
        let days = rows.iter().map(|(row, _)| row.assessment().assessed_on);
        table.columns.push(Arc::new(Date32Array::from_iter_values(days)));
        table.ids(|row| Some(row.assessment().id));
        table
    }

    fn fixed(name: &'static str, rows: &'a [(&'a Accepted<'a>, T)]) -> Result<Self, PartitionError> {
        Ok(Self::new(name, schema::fixed(name).ok_or(PartitionError::Unknown(name))?, rows))
    }

    fn ids(&mut self, value: impl Fn(&Accepted<'_>) -> Option<Uuid>) {
        let mut text = [0; 36];
        let mut ids = StringBuilder::with_capacity(self.rows.len(), self.rows.len() * text.len());
        for (row, _) in self.rows {
            ids.append_option(value(row).map(|id| &*id.hyphenated().encode_lower(&mut text)));
        }
        self.columns.push(Arc::new(ids.finish()));
    }

    fn text(&mut self, value: impl Fn(&'a Accepted<'a>, &'a T) -> Option<&'a str>) {
        let mut texts = StringBuilder::with_capacity(self.rows.len(), self.rows.len() * 8);
        for (row, of) in self.rows {
            texts.append_option(value(row, of));
        }
        self.columns.push(Arc::new(texts.finish()));
    }

    fn number16(&mut self, value: impl Fn(&'a Accepted<'a>, &'a T) -> Option<i16>) {
        self.columns.push(Arc::new(self.rows.iter().map(|(row, of)| value(row, of)).collect::<Int16Array>()));
    }

    /// Numbers that may be too large are an error, not other numbers.
    fn number32<N: Into<i64>>(
        &mut self,
        value: impl Fn(&'a Accepted<'a>, &'a T) -> Option<N>,
    ) -> Result<(), PartitionError> {
        let numbers = self.rows.iter().map(|(row, of)| {
            let number = value(row, of).map(Into::into);
            number.map(|number| i32::try_from(number).map_err(|_| self.too_large(number))).transpose()
        });
        let numbers: Int32Array = numbers.collect::<Result<_, _>>()?;
        self.columns.push(Arc::new(numbers));
        Ok(())
    }

    fn number64(&mut self, value: impl Fn(&'a Accepted<'a>) -> Option<i64>) {
        self.columns.push(Arc::new(self.rows.iter().map(|(row, _)| value(row)).collect::<Int64Array>()));
    }

    fn too_large(&self, number: i64) -> PartitionError {
        PartitionError::Number { table: self.name.clone(), number }
    }

    /// `None` when there is no row.
    fn finish(self) -> Result<Option<(String, RecordBatch)>, PartitionError> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        match RecordBatch::try_new(self.schema, self.columns) {
            Ok(rows) => Ok(Some((self.name, rows))),
            Err(source) => Err(PartitionError::Schema { table: self.name, source }),
        }
    }
}

type Made = Result<Option<(String, RecordBatch)>, PartitionError>;

fn assessments(rows: &[(&Accepted<'_>, ())], speech: &Speech<'_>) -> Made {
    let words = speech.words;
    let mut table = Table::fixed(schema::ASSESSMENTS, rows)?;
    let word = |word: Option<Word>| word.map(|word| words.text(word));
    table.text(|row, ()| Some(row.instrument.id.as_str()));
    table.number32(|row, ()| Some(row.instrument.version))?;
    table.text(|row, ()| word(row.assessment().comune));
    table.ids(|row| row.current.unita);
    table.number16(|row, ()| row.assessment().age.map(i16::from));
    table.text(|row, ()| word(row.assessment().sex));
    table.text(|row, ()| word(row.assessment().education));
    table.text(|row, ()| word(row.assessment().citizenship));
    table.text(|row, ()| word(row.assessment().household));
    table.text(|row, ()| word(row.assessment().work));
    table.number16(|row, ()| Some(row.assessment().disadvantage.is_some().into()));
    table.text(|row, ()| word(row.assessment().profile));
    table.text(|row, ()| {
        Some(match row.assessment().evaluation {
            PackedEvaluation::Confirmed => "confirmed",
            PackedEvaluation::Overridden { .. } => "overridden",
            PackedEvaluation::Absent => "absent",
        })
    });
    table.text(|row, ()| match row.assessment().evaluation {
        PackedEvaluation::Overridden { profile } => word(profile),
        PackedEvaluation::Confirmed | PackedEvaluation::Absent => None,
    });
    table.text(|row, ()| Some(if row.assessment().is_imported { "import" } else { "portal" }));
    table.text(|row, ()| speech.operators.get(row.assessment().operator.place()).map(String::as_str));
    table.number64(|row| row.assessment().started_at.map(|at| at.seconds));
    table.number64(|row| Some(row.assessment().validated_at.seconds));
    table.number32(|row, ()| {
        let is_answer = |answer: &&i16| **answer != ABSENT && !Missing::ALL.iter().any(|kind| kind.code() == **answer);
        Some(count(row.assessment().answers.iter().filter(is_answer).count()))
    })?;
    table.number32(|row, ()| Some(count(row.instrument.items.len())))?;
    table.finish()
}

/// A row for each of the things that an assessment has several of, in the order of their texts.
fn several<'a, T>(
    accepted: &'a [Accepted<'a>],
    words: &Words,
    things: impl Fn(&'a PackedAssessment) -> &'a [T],
    name: impl Fn(&T) -> Word,
) -> Vec<(&'a Accepted<'a>, &'a T)> {
    let mut rows = Vec::new();
    for row in accepted {
        let first = rows.len();
        rows.extend(things(row.assessment()).iter().map(|thing| (row, thing)));
        rows[first..].sort_unstable_by_key(|(_, thing)| words.text(name(thing)));
    }
    rows
}

fn scores(accepted: &[Accepted<'_>], speech: &Speech<'_>) -> Made {
    let words = speech.words;
    let rows = several(accepted, words, |assessment| &assessment.scores, |score: &PackedScore| score.scale);
    let mut table = Table::fixed(schema::SCORES, &rows)?;
    table.text(|row, _| Some(row.instrument.id.as_str()));
    table.number32(|row, _| Some(row.instrument.version))?;
    table.text(|_, score| Some(words.text(score.scale)));
    table.number32(|_, score| Some(score.points))?;
    table.number32(|_, score| Some(score.reachable))?;
    table.number32(|_, score| Some(score.items_answered))?;
    table.number16(|_, score| Some(score.is_valid.into()));
    table.text(|_, score| score.level.map(|level| words.text(level)));
    table.text(|_, score| score.level_of_index.map(|level| words.text(level)));
    table.number32(|_, score| {
        let is_index = score.is_valid && score.reachable != 0;
        is_index.then(|| 1_000 * i64::from(score.points) / i64::from(score.reachable))
    })?;
    table.finish()
}

fn disadvantages(accepted: &[Accepted<'_>], speech: &Speech<'_>) -> Made {
    let words = speech.words;
    let rows = several(accepted, words, |it| it.disadvantage.as_deref().unwrap_or_default(), |category| *category);
    let mut table = Table::fixed(schema::DISADVANTAGES, &rows)?;
    table.text(|_, category| Some(words.text(**category)));
    table.finish()
}

fn blocks(accepted: &[Accepted<'_>], speech: &Speech<'_>) -> Made {
    let words = speech.words;
    let rows = several(accepted, words, |assessment| &assessment.blocks, |block| *block);
    let mut table = Table::fixed(schema::BLOCKS, &rows)?;
    table.text(|row, _| Some(row.instrument.id.as_str()));
    table.text(|_, block| Some(words.text(**block)));
    table.finish()
}

fn azioni(accepted: &[Accepted<'_>], speech: &Speech<'_>) -> Made {
    let words = speech.words;
    let rows = several(accepted, words, |assessment| &assessment.azioni, |azione| *azione);
    let mut table = Table::fixed(schema::AZIONI, &rows)?;
    table.text(|row, _| Some(row.instrument.id.as_str()));
    table.text(|_, azione| Some(words.text(**azione)));
    table.text(|row, azione| {
        let outcome = row.current.outcomes.iter().find(|(of, _)| of == *azione);
        outcome.map(|(_, outcome)| words.text(*outcome))
    });
    table.finish()
}

/// Answers of one strumento: an item of the sheet's version that has no answer was not answered.
fn answers(accepted: &[Accepted<'_>], id: &Id, versions: &[&Instrument], speech: &Speech<'_>) -> Made {
    let rows: Vec<(&Accepted<'_>, ())> =
        accepted.iter().filter(|row| row.instrument.id == *id).map(|row| (row, ())).collect();
    let mut table = Table::new(&schema::answers_table(id.as_str()), schema::answers(versions), &rows);
    table.number32(|row, ()| Some(row.instrument.version))?;
    let items: BTreeSet<&Id> = versions.iter().flat_map(|version| &version.items).map(|item| &item.id).collect();
    for item in items {
        // By form: nothing when its version has no such item, else where the item stands, if anywhere.
        let places: Vec<Option<Option<usize>>> = speech
            .words
            .forms()
            .map(|(_, form)| {
                let version = versions.iter().find(|version| version.version == form.version)?;
                version.item_index(item.as_str())?;
                Some(form.items.iter().position(|word| speech.words.text(*word) == item.as_str()))
            })
            .collect();
        table.number16(|row, ()| {
            let place = places.get(row.assessment().form.place()).copied().flatten()?;
            let answer = place.and_then(|place| row.assessment().answers.get(place)).copied();
            Some(answer.filter(|answer| *answer != ABSENT).unwrap_or(Missing::NotAnswered.code()))
        });
    }
    table.finish()
}
