//! The digest of a table's content: the same rows give the same digest whatever the file's bytes, which never repeat.
//!
//! Canonical form: the schema's names and types, then row by row each value with a byte before it (0 absent, 1 present),
//! whole numbers as 8 bytes, texts with their length. Keyed, since small tables could be guessed from a plain digest.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Int16Type, Int32Type, Int64Type, Schema};
use domain::keys::Secret;
use sha2::{Digest, Sha256};

/// A type of column that the lake does not have.
#[derive(Debug, thiserror::Error)]
#[error("column {column} has the type {found}, which the lake does not store")]
pub(crate) struct UnknownType {
    column: String,
    found: String,
}

enum Column<'a> {
    Text(&'a arrow::array::StringArray),
    Int16(&'a arrow::array::Int16Array),
    Int32(&'a arrow::array::Int32Array),
    Int64(&'a arrow::array::Int64Array),
    Date(&'a arrow::array::Date32Array),
}

impl Column<'_> {
    fn add(&self, row: usize, to: &mut Vec<u8>) {
        let mut number = |is_null: bool, value: i64| {
            if is_null {
                to.push(0);
            } else {
                to.push(1);
                to.extend(value.to_be_bytes());
            }
        };
        match self {
            Self::Int16(array) => number(array.is_null(row), array.value(row).into()),
            Self::Int32(array) => number(array.is_null(row), array.value(row).into()),
            Self::Int64(array) => number(array.is_null(row), array.value(row)),
            Self::Date(array) => number(array.is_null(row), array.value(row).into()),
            Self::Text(array) if array.is_null(row) => to.push(0),
            Self::Text(array) => {
                let text = array.value(row);
                to.push(1);
                to.extend((text.len() as u64).to_be_bytes());
                to.extend(text.as_bytes());
            }
        }
    }
}

fn columns(batch: &RecordBatch) -> Result<Vec<Column<'_>>, UnknownType> {
    let named = batch.columns().iter().zip(batch.schema_ref().fields());
    named
        .map(|(array, field)| {
            #[expect(clippy::wildcard_enum_match_arm, reason = "the lake has five types; arrow has many")]
            Ok(match array.data_type() {
                DataType::Utf8 => Column::Text(array.as_string()),
                DataType::Int16 => Column::Int16(array.as_primitive::<Int16Type>()),
                DataType::Int32 => Column::Int32(array.as_primitive::<Int32Type>()),
                DataType::Int64 => Column::Int64(array.as_primitive::<Int64Type>()),
                DataType::Date32 => Column::Date(array.as_primitive::<Date32Type>()),
                other => return Err(UnknownType { column: field.name().clone(), found: other.to_string() }),
            })
        })
        .collect()
}

/// The canonical form of some columns of each row.
pub(crate) fn canonical(rows: &RecordBatch, wanted: &[usize]) -> Result<Vec<Vec<u8>>, UnknownType> {
    let of_key = rows.project(wanted).unwrap_or_else(|_| RecordBatch::new_empty(rows.schema()));
    let columns = columns(&of_key)?;
    let form = |row| {
        let mut bytes = Vec::new();
        columns.iter().for_each(|column| column.add(row, &mut bytes));
        bytes
    };
    Ok((0..rows.num_rows()).map(form).collect())
}

/// The keyed digest of rows, as hexadecimal digits.
pub(crate) fn digest(schema: &Schema, batches: &[RecordBatch], key: &Secret) -> Result<String, UnknownType> {
    let mut hasher = Sha256::new();
    let mut buffer = Vec::new();
    for field in schema.fields() {
        buffer.extend(format!("{}:{};", field.name(), field.data_type()).into_bytes());
    }
    for batch in batches {
        let columns = columns(batch)?;
        for row in 0..batch.num_rows() {
            for column in &columns {
                column.add(row, &mut buffer);
            }
            if buffer.len() > 1 << 16 {
                hasher.update(&buffer);
                buffer.clear();
            }
        }
    }
    hasher.update(&buffer);
    Ok(hex::encode(key.authenticate(&[&hasher.finalize()])))
}
