//! The base tables of an Ente for whoever takes its own data out: the rows of one strumento and of whole years, without the
//! columns that never leave.
//!
//! One file of the lake is in memory at a time. A questionnaire's id is its address in the portal, where a name stands
//! beside it: a code that holds for one extraction takes its place, and ties the tables to each other all the same.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Date32Type, Int16Type, Int32Type, Int64Type, Schema, SchemaRef};
use chrono::NaiveDate;
use domain::instrument::Instrument;
use domain::keys::Secret;
use parquet::arrow::ArrowWriter;

use crate::lake::{EnteLake, LakeError};
use crate::manifest::FileEntry;
use crate::notes::{BaseNotes, Kind};
use crate::parquet_file;
use crate::schema::{self, column};

/// Days from the first of January of the year 1 to that of 1970.
const DAYS_TO_1970: i32 = 719_163;

/// What is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The strumento.
    pub instrument: String,
    /// The years of the assessments.
    pub years: RangeInclusive<i32>,
    /// The tables, in their order.
    pub tables: Vec<String>,
}

/// A column of what is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// The rows of one file of the lake, as they leave.
#[derive(Debug)]
pub struct Rows {
    batch: RecordBatch,
    /// How many rows were looked at.
    pub read: usize,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// None.
    Absent,
    /// A text or a code.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// A day.
    Day(NaiveDate),
}

/// The values of a column.
#[derive(Debug)]
pub struct Values<'a>(Typed<'a>);

#[derive(Debug)]
enum Typed<'a> {
    Text(&'a StringArray),
    Day(&'a Date32Array),
    Small(&'a Int16Array),
    Middle(&'a Int32Array),
    Large(&'a Int64Array),
}

impl Values<'_> {
    /// The value of a row.
    #[must_use]
    pub fn cell(&self, row: usize) -> Cell<'_> {
        let number = |is_null: bool, value: i64| if is_null { Cell::Absent } else { Cell::Number(value) };
        match &self.0 {
            Typed::Text(values) if values.is_null(row) => Cell::Absent,
            Typed::Text(values) => Cell::Text(values.value(row)),
            Typed::Day(values) if values.is_null(row) => Cell::Absent,
            Typed::Day(values) => {
                let day = values.value(row).checked_add(DAYS_TO_1970).and_then(NaiveDate::from_num_days_from_ce_opt);
                day.map_or(Cell::Absent, Cell::Day)
            }
            Typed::Small(values) => number(values.is_null(row), i64::from(values.value(row))),
            Typed::Middle(values) => number(values.is_null(row), i64::from(values.value(row))),
            Typed::Large(values) => number(values.is_null(row), values.value(row)),
        }
    }
}

impl Rows {
    /// How many leave.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values, by column.
    #[must_use]
    pub fn values(&self) -> Vec<Values<'_>> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the schema has no other types")]
        fn typed(array: &ArrayRef) -> Values<'_> {
            Values(match array.data_type() {
                DataType::Utf8 => Typed::Text(array.as_string()),
                DataType::Date32 => Typed::Day(array.as_primitive::<Date32Type>()),
                DataType::Int16 => Typed::Small(array.as_primitive::<Int16Type>()),
                DataType::Int32 => Typed::Middle(array.as_primitive::<Int32Type>()),
                _ => Typed::Large(array.as_primitive::<Int64Type>()),
            })
        }
        self.batch.columns().iter().map(typed).collect()
    }
}

/// What is taken out of an Ente's partition, at one moment of it.
#[derive(Debug)]
pub struct Extract<'a> {
    lake: &'a EnteLake,
    selection: Selection,
    notes: BaseNotes,
    answers: SchemaRef,
    codes: Secret,
}

impl EnteLake {
    /// What `selection` takes out. `instruments` are the definitions known; `codes` is a secret of this extraction alone.
    ///
    /// # Errors
    /// A table that there is not.
    pub fn extract(
        &self,
        selection: Selection,
        instruments: &[Instrument],
        codes: Secret,
    ) -> Result<Extract<'_>, LakeError> {
        let notes = BaseNotes::read().map_err(|error| LakeError::Content(error.to_string()))?;
        let published = |one: &&Instrument| {
            self.manifest().definitions.iter().any(|known| known.id == one.id.as_str() && known.version == one.version)
        };
        let versions: Vec<&Instrument> =
            instruments.iter().filter(|one| one.id.as_str() == selection.instrument).filter(published).collect();
        let own_answers = schema::answers_table(&selection.instrument);
        if let Some(unknown) =
            selection.tables.iter().find(|table| schema::fixed(table).is_none() && **table != own_answers)
        {
            return Err(LakeError::Content(format!("{unknown} is no table of {}", selection.instrument)));
        }
        Ok(Extract { lake: self, selection, notes, answers: schema::answers(&versions), codes })
    }
}

impl Extract<'_> {
    /// What is taken out.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    fn schema(&self, table: &str) -> SchemaRef {
        schema::fixed(table).unwrap_or_else(|| Arc::clone(&self.answers))
    }

    /// Where the columns that leave stand in the lake.
    fn leaving(&self, table: &str) -> Vec<usize> {
        let schema = self.schema(table);
        let fields = schema.fields().iter().enumerate();
        fields.filter(|(_, field)| self.notes.may_leave(table, field.name())).map(|(at, _)| at).collect()
    }

    fn leaving_schema(&self, table: &str) -> SchemaRef {
        let schema = self.schema(table);
        let fields: Vec<_> = self.leaving(table).into_iter().map(|at| schema.field(at).clone()).collect();
        Arc::new(Schema::new(fields))
    }

    /// The columns of a table that leave.
    #[must_use]
    pub fn columns(&self, table: &str) -> Vec<ExtractColumn> {
        let schema = self.leaving_schema(table);
        let columns = schema.fields().iter();
        columns.map(|field| ExtractColumn { name: field.name().clone(), kind: Kind::of(field.data_type()) }).collect()
    }

    /// The columns of a table that stay.
    #[must_use]
    pub fn columns_kept_back(&self, table: &str) -> Vec<String> {
        let schema = self.schema(table);
        let names = schema.fields().iter().map(|field| field.name().clone());
        names.filter(|name| !self.notes.may_leave(table, name)).collect()
    }

    fn files(&self, table: &str) -> impl Iterator<Item = &FileEntry> {
        self.lake.manifest().files.iter().filter(move |entry| {
            entry.table == table && entry.year.is_some_and(|year| self.selection.years.contains(&year))
        })
    }

    /// How many rows must be looked at.
    #[must_use]
    pub fn rows_to_read(&self) -> u64 {
        let tables = self.selection.tables.iter();
        tables.flat_map(|table| self.files(table)).map(|entry| u64::try_from(entry.rows).unwrap_or(0)).sum()
    }

    /// The rows of a table, a file of the lake at a time.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = Result<Rows, LakeError>> {
        let leaving = self.leaving(table);
        let schema = self.schema(table);
        let leaving_schema = self.leaving_schema(table);
        self.files(table).map(move |entry| {
            let (_, batches) = self.lake.read(entry)?;
            let whole = arrow::compute::concat_batches(&schema, &batches)
                .map_err(|error| LakeError::Content(format!("{}: {error}", entry.path)))?;
            let wanted = self.of_the_instrument(entry, &whole)?;
            let content = |error: arrow::error::ArrowError| LakeError::Content(error.to_string());
            let kept = filter_record_batch(&whole, &wanted).map_err(content)?;
            let columns = leaving.iter().map(|at| {
                let values = kept.column(*at);
                if schema.field(*at).name() == column::ASSESSMENT_ID { self.coded(values) } else { Arc::clone(values) }
            });
            let batch = RecordBatch::try_new(Arc::clone(&leaving_schema), columns.collect()).map_err(content)?;
            Ok(Rows { batch, read: whole.num_rows() })
        })
    }

    /// Which rows are of the strumento: where the table does not say, the assessments of the same year do.
    fn of_the_instrument(&self, entry: &FileEntry, rows: &RecordBatch) -> Result<BooleanArray, LakeError> {
        let wanted = Some(self.selection.instrument.as_str());
        if let Some(instruments) = rows.column_by_name(column::INSTRUMENT) {
            return Ok(instruments.as_string::<i32>().iter().map(|instrument| Some(instrument == wanted)).collect());
        }
        if schema::fixed(&entry.table).is_none() {
            return Ok(BooleanArray::from(vec![true; rows.num_rows()]));
        }
        let mut of_it = BTreeSet::new();
        let assessments = self.files(schema::ASSESSMENTS).filter(|other| other.year == entry.year);
        for file in assessments {
            for batch in self.lake.read(file)?.1 {
                let (Some(ids), Some(instruments)) =
                    (batch.column_by_name(column::ASSESSMENT_ID), batch.column_by_name(column::INSTRUMENT))
                else {
                    return Err(LakeError::Content(format!("{} has no id or no strumento", file.path)));
                };
                let pairs = ids.as_string::<i32>().iter().zip(instruments.as_string::<i32>().iter());
                of_it.extend(
                    pairs.filter(|(_, instrument)| *instrument == wanted).filter_map(|(id, _)| id.map(str::to_owned)),
                );
            }
        }
        let Some(ids) = rows.column_by_name(column::ASSESSMENT_ID) else {
            return Err(LakeError::Content(format!("{} has no id", entry.path)));
        };
        Ok(ids.as_string::<i32>().iter().map(|id| Some(id.is_some_and(|id| of_it.contains(id)))).collect())
    }

    /// Codes in place of ids.
    fn coded(&self, ids: &ArrayRef) -> ArrayRef {
        let code = |id: &str| hex::encode(&self.codes.authenticate(&[id.as_bytes()])[..12]);
        let codes: StringArray = ids.as_string::<i32>().iter().map(|id| id.map(code)).collect();
        Arc::new(codes)
    }

    /// Writes a table as a Parquet file that anybody can read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn parquet<W: Write + Send>(&self, table: &str, to: W) -> Result<ParquetTable<W>, LakeError> {
        Ok(ParquetTable { writer: parquet_file::plain(to, self.leaving_schema(table))? })
    }
}

/// A Parquet file that is being written.
pub struct ParquetTable<W: Write + Send> {
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> ParquetTable<W> {
    /// Adds rows.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, rows: &Rows) -> Result<(), LakeError> {
        Ok(self.writer.write(&rows.batch)?)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<(), LakeError> {
        self.writer.close()?;
        Ok(())
    }
}

impl<W: Write + Send> std::fmt::Debug for ParquetTable<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetTable").finish_non_exhaustive()
    }
}
