//! From accepted assessments to the lake's tables: one Arrow batch per table and year, rows in their total order.
//!
//! Frames are polars'; they cross to Arrow as a stream in memory, since the two crates share no types. Every batch ends
//! with exactly the schema that the warehouse gives for its table, or the stage fails.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{FieldRef, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use chrono::{Datelike, NaiveDate};
use domain::feed::{Assessment, Evaluation, Origin, ScaleResult};
use domain::instrument::{Id, Instrument, Missing};
use polars::prelude::{
    Column, DataFrame, DataType, IntoLazy, IpcStreamWriter, NamedFrom, PolarsError, SerWriter, Series,
    SortMultipleOptions, col, lit,
};
use warehouse::TableData;
use warehouse::schema::{self, column};

use crate::resolve::Current;

/// The year of the assessment: splits a table, and is no column of it.
const YEAR: &str = "anno";

/// By which columns a table is sorted: its key, the same in all tables, and what tells the rows of one assessment apart.
const KEY: [&str; 3] = [column::PSEUDONYM, column::ASSESSED_ON, column::ASSESSMENT_ID];

/// Why tables cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartitionError {
    /// A stage of frames.
    #[error("the table {table} cannot be made")]
    Frame {
        /// Which.
        table: String,
        /// Why.
        source: PolarsError,
    },
    /// Frames and schema do not fit.
    #[error("the table {table} has not the lake's schema")]
    Schema {
        /// Which.
        table: String,
        /// Why.
        source: ArrowError,
    },
    /// The warehouse knows no such table.
    #[error("the lake has no table {0}")]
    Unknown(&'static str),
}

/// An assessment that enters the tables.
#[derive(Clone, Debug)]
pub(crate) struct Accepted<'a> {
    /// Whose, in this Ente alone.
    pub(crate) pseudonym: String,
    /// Who assessed, in this Ente alone.
    pub(crate) operator: String,
    /// What it says.
    pub(crate) current: Current,
    /// The definition that it conforms to.
    pub(crate) instrument: &'a Instrument,
}

impl Accepted<'_> {
    fn assessment(&self) -> &Assessment {
        &self.current.assessment
    }
}

/// A row of a table with several rows per assessment: the assessment, and what the row is about.
type Long<'a, T> = Vec<(&'a Accepted<'a>, T)>;

/// All tables of an Ente.
pub(crate) fn partition(
    accepted: &[Accepted<'_>],
    instruments: &[Instrument],
) -> Result<Vec<TableData>, PartitionError> {
    let mut tables = Vec::new();
    let mut add = |table: &str, order: Option<&str>, schema: SchemaRef, columns: Vec<Column>| {
        by_year(table, order, &schema, columns).map(|made| tables.extend(made))
    };
    let fixed = |table| schema::fixed(table).ok_or(PartitionError::Unknown(table));
    add(schema::ASSESSMENTS, None, fixed(schema::ASSESSMENTS)?, assessments(accepted))?;
    add(schema::SCORES, Some(column::SCALE), fixed(schema::SCORES)?, scores(accepted))?;
    add(schema::DISADVANTAGES, Some(column::CATEGORY), fixed(schema::DISADVANTAGES)?, disadvantages(accepted))?;
    add(schema::BLOCKS, Some(column::BLOCK), fixed(schema::BLOCKS)?, blocks(accepted))?;
    add(schema::AZIONI, Some(column::AZIONE), fixed(schema::AZIONI)?, azioni(accepted))?;
    let mut versions: BTreeMap<&Id, Vec<&Instrument>> = BTreeMap::new();
    for instrument in instruments {
        versions.entry(&instrument.id).or_default().push(instrument);
    }
    for (id, versions) in versions {
        add(&schema::answers_table(id.as_str()), None, schema::answers(&versions), answers(accepted, &versions))?;
    }
    Ok(tables)
}

fn assessments(accepted: &[Accepted<'_>]) -> Vec<Column> {
    let rows: Long<'_, ()> = accepted.iter().map(|row| (row, ())).collect();
    let mut columns = key(&rows);
    columns.extend([
        text(column::INSTRUMENT, &rows, |row, ()| Some(row.instrument.id.as_str())),
        number(column::VERSION, &rows, |row, ()| Some(row.assessment().version)),
        text(column::COMUNE, &rows, |row, ()| row.assessment().comune.as_deref()),
        text(column::UNITA, &rows, |row, ()| row.current.unita.map(|unita| unita.to_string())),
        number(column::AGE, &rows, |row, ()| row.assessment().age),
        text(column::SEX, &rows, |row, ()| row.assessment().sex.map(domain::person::Sex::code)),
        text(column::EDUCATION, &rows, |row, ()| row.assessment().education.map(domain::person::Education::code)),
        text(column::CITIZENSHIP, &rows, |row, ()| row.assessment().citizenship.map(domain::person::Citizenship::code)),
        text(column::HOUSEHOLD, &rows, |row, ()| row.assessment().household.map(domain::person::Household::code)),
        text(column::WORK, &rows, |row, ()| row.assessment().work.map(domain::person::Work::code)),
        number(column::IS_DISADVANTAGE_KNOWN, &rows, |row, ()| Some(row.assessment().disadvantage.is_some())),
        text(column::PROFILE, &rows, |row, ()| row.assessment().profile.as_ref().map(Id::as_str)),
        text(column::EVALUATION, &rows, |row, ()| Some(evaluation(&row.assessment().evaluation))),
        text(column::EVALUATION_PROFILE, &rows, |row, ()| match &row.assessment().evaluation {
            Evaluation::Overridden { profile } => profile.as_ref().map(Id::as_str),
            Evaluation::Confirmed | Evaluation::Absent => None,
        }),
        text(column::ORIGIN, &rows, |row, ()| Some(origin(row.assessment().origin))),
        text(column::OPERATOR, &rows, |row, ()| Some(row.operator.as_str())),
        number(column::STARTED_AT, &rows, |row, ()| row.assessment().started_at.map(|at| at.timestamp())),
        number(column::VALIDATED_AT, &rows, |row, ()| Some(row.assessment().validated_at.timestamp())),
        number(column::COUNT_ANSWERED, &rows, |row, ()| {
            let missing = Missing::ALL.map(Missing::code);
            Some(count(row.assessment().answers.values().filter(|code| !missing.contains(code)).count()))
        }),
        number(column::COUNT_ITEMS, &rows, |row, ()| Some(count(row.instrument.items.len()))),
    ]);
    columns
}

fn scores(accepted: &[Accepted<'_>]) -> Vec<Column> {
    let rows: Long<'_, &ScaleResult> =
        accepted.iter().flat_map(|row| row.assessment().scores.iter().map(move |score| (row, score))).collect();
    let mut columns = key(&rows);
    columns.extend([
        text(column::INSTRUMENT, &rows, |row, _| Some(row.instrument.id.as_str())),
        number(column::VERSION, &rows, |row, _| Some(row.assessment().version)),
        text(column::SCALE, &rows, |_, score| Some(score.scale.as_str())),
        number(column::POINTS, &rows, |_, score| Some(score.points)),
        number(column::REACHABLE, &rows, |_, score| Some(score.reachable)),
        number(column::ITEMS_ANSWERED, &rows, |_, score| Some(score.items_answered)),
        number(column::IS_VALID, &rows, |_, score| Some(score.is_valid)),
        text(column::LEVEL, &rows, |_, score| score.level.as_ref().map(Id::as_str)),
        text(column::LEVEL_OF_INDEX, &rows, |_, score| score.level_of_index.as_ref().map(Id::as_str)),
        number(column::INDEX_TENTHS, &rows, |_, score| {
            let is_index = score.is_valid && score.reachable != 0;
            is_index.then(|| 1_000 * i64::from(score.points) / i64::from(score.reachable))
        }),
    ]);
    columns
}

fn disadvantages(accepted: &[Accepted<'_>]) -> Vec<Column> {
    let rows: Long<'_, &str> = accepted
        .iter()
        .flat_map(|row| row.assessment().disadvantage.iter().flatten().map(move |category| (row, category.code())))
        .collect();
    let mut columns = key(&rows);
    columns.push(text(column::CATEGORY, &rows, |_, category| Some(*category)));
    columns
}

fn blocks(accepted: &[Accepted<'_>]) -> Vec<Column> {
    let rows: Long<'_, &Id> =
        accepted.iter().flat_map(|row| row.assessment().blocks.iter().map(move |block| (row, block))).collect();
    let mut columns = key(&rows);
    columns.extend([
        text(column::INSTRUMENT, &rows, |row, _| Some(row.instrument.id.as_str())),
        text(column::BLOCK, &rows, |_, block| Some(block.as_str())),
    ]);
    columns
}

fn azioni(accepted: &[Accepted<'_>]) -> Vec<Column> {
    let rows: Long<'_, &Id> =
        accepted.iter().flat_map(|row| row.assessment().azioni.iter().map(move |azione| (row, azione))).collect();
    let mut columns = key(&rows);
    columns.extend([
        text(column::INSTRUMENT, &rows, |row, _| Some(row.instrument.id.as_str())),
        text(column::AZIONE, &rows, |_, azione| Some(azione.as_str())),
        text(column::OUTCOME, &rows, |row, azione| row.current.outcomes.get(*azione).map(|outcome| outcome.code())),
    ]);
    columns
}

/// Answers of one strumento: an item of the sheet's version that has no answer was not answered.
fn answers(accepted: &[Accepted<'_>], versions: &[&Instrument]) -> Vec<Column> {
    let rows: Long<'_, ()> = accepted
        .iter()
        .filter(|row| versions.iter().any(|version| version.id == row.instrument.id))
        .map(|row| (row, ()))
        .collect();
    let items: BTreeSet<&Id> = versions.iter().flat_map(|version| &version.items).map(|item| &item.id).collect();
    let asked: BTreeMap<u32, BTreeSet<&Id>> =
        versions.iter().map(|version| (version.version, version.items.iter().map(|item| &item.id).collect())).collect();
    let mut columns = key(&rows);
    columns.push(number(column::VERSION, &rows, |row, ()| Some(row.assessment().version)));
    columns.extend(items.into_iter().map(|item| {
        number(item.as_str(), &rows, |row, ()| {
            let assessment = row.assessment();
            asked.get(&assessment.version).filter(|items| items.contains(item))?;
            Some(assessment.answers.get(item).copied().unwrap_or(Missing::NotAnswered.code()))
        })
    }));
    columns
}

const fn evaluation(evaluation: &Evaluation) -> &'static str {
    match evaluation {
        Evaluation::Confirmed => "confirmed",
        Evaluation::Overridden { .. } => "overridden",
        Evaluation::Absent => "absent",
    }
}

const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Portal => "portal",
        Origin::Import => "import",
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The columns that every table begins with, and the year.
fn key<T>(rows: &Long<'_, T>) -> Vec<Column> {
    let epoch = NaiveDate::default();
    let days = number(column::ASSESSED_ON, rows, |row, _| {
        Some(row.assessment().assessed_on.signed_duration_since(epoch).num_days())
    });
    vec![
        number(YEAR, rows, |row, _| Some(row.assessment().assessed_on.year())),
        text(column::PSEUDONYM, rows, |row, _| Some(row.pseudonym.as_str())),
        days,
        text(column::ASSESSMENT_ID, rows, |row, _| Some(row.assessment().id.to_string())),
    ]
}

fn text<'r, T, S: AsRef<str>>(
    name: &str,
    rows: &'r Long<'_, T>,
    value: impl Fn(&'r Accepted<'r>, &'r T) -> Option<S>,
) -> Column {
    let values: Vec<Option<String>> =
        rows.iter().map(|(row, of)| value(row, of).map(|text| text.as_ref().to_owned())).collect();
    Series::new(name.into(), values).into()
}

/// Numbers are wide here, and become as narrow as the schema has them with a check.
fn number<'r, T, N: Into<i64>>(
    name: &str,
    rows: &'r Long<'_, T>,
    value: impl Fn(&'r Accepted<'r>, &'r T) -> Option<N>,
) -> Column {
    let values: Vec<Option<i64>> = rows.iter().map(|(row, of)| value(row, of).map(Into::into)).collect();
    Series::new(name.into(), values).into()
}

/// Sorts a table, splits it by year, and gives each year the lake's schema.
fn by_year(
    table: &str,
    order: Option<&str>,
    schema: &SchemaRef,
    columns: Vec<Column>,
) -> Result<Vec<TableData>, PartitionError> {
    let broken = |source| PartitionError::Frame { table: table.to_owned(), source };
    let unfit = |source| PartitionError::Schema { table: table.to_owned(), source };
    let height = columns.first().map_or(0, Column::len);
    let by: Vec<_> = KEY.into_iter().chain(order).map(col).collect();
    let sorted = DataFrame::new(height, columns)
        .map_err(broken)?
        .lazy()
        .sort_by_exprs(by, SortMultipleOptions::default())
        .collect()
        .map_err(broken)?;
    let years: BTreeSet<i64> =
        sorted.column(YEAR).and_then(|years| Ok(years.i64()?.into_no_null_iter().collect())).map_err(broken)?;
    let mut tables = Vec::new();
    for year in years {
        let names: Vec<_> = schema.fields().iter().map(|field| col(field.name().as_str())).collect();
        let of_year = sorted
            .clone()
            .lazy()
            .filter(col(YEAR).eq(lit(year)))
            .select(names)
            .with_column(col(column::ASSESSED_ON).cast(DataType::Int32).cast(DataType::Date))
            .collect()
            .map_err(broken)?;
        let streamed = stream(of_year).map_err(broken)?;
        let rows = batch(&streamed, schema).map_err(unfit)?;
        let year = i32::try_from(year).unwrap_or(i32::MAX);
        tables.push(TableData { table: table.to_owned(), year, rows });
    }
    Ok(tables)
}

fn stream(mut frame: DataFrame) -> Result<Vec<u8>, PolarsError> {
    let mut bytes = Vec::new();
    IpcStreamWriter::new(&mut bytes).finish(&mut frame)?;
    Ok(bytes)
}

/// One batch with exactly this schema; a number that is too large for its column is an error, not another number.
fn batch(stream: &[u8], schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let reader = StreamReader::try_new(Cursor::new(stream), None)?;
    let streamed_schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    let whole = concat_batches(&streamed_schema, &batches)?;
    let to_type = |field: &FieldRef| {
        let column = whole
            .column_by_name(field.name())
            .ok_or_else(|| ArrowError::SchemaError(format!("the column {} is missing", field.name())))?;
        let nulls = column.null_count();
        let column = cast(column, field.data_type())?;
        if column.null_count() == nulls {
            Ok(column)
        } else {
            Err(ArrowError::CastError(format!("a value of the column {} does not fit", field.name())))
        }
    };
    let columns = schema.fields().iter().map(to_type).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}
