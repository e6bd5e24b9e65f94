//! From Arrow columns to numbers and back.
//!
//! Turns each quasi-identifier into leaf numbers of its hierarchy and each other column the rules name into dense codes,
//! refusing nulls and unknown values by column, value and row. What the numbers mean is the engine's affair.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::error::Error;
use crate::hierarchy::Hierarchy;

/// A column of the table by name.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Error> {
    batch.column_by_name(name).ok_or_else(|| Error::UnknownColumn {
        column: name.to_owned(),
        present: batch.schema().fields().iter().map(|field| field.name().clone()).collect(),
    })
}

/// Codes of a quasi-identifier: the leaf of each row.
pub(crate) fn leaves(
    batch: &RecordBatch,
    name: &str,
    hierarchy: &Hierarchy,
    missing: Option<&str>,
) -> Result<Vec<u32>, Error> {
    encode(batch, name, missing, |value| hierarchy.leaf(value)).map_err(|refusal| refusal.unknown_value(name))
}

/// Codes of a sensitive column whose values are listed.
pub(crate) fn listed(
    batch: &RecordBatch,
    name: &str,
    values: &[String],
    missing: Option<&str>,
) -> Result<Vec<u32>, Error> {
    let positions: BTreeMap<&str, usize> =
        values.iter().enumerate().map(|(position, value)| (value.as_str(), position)).collect();
    encode(batch, name, missing, |value| positions.get(value).copied()).map_err(|refusal| match refusal {
        Refusal::Error(error) => error,
        Refusal::Unknown { value, row } => Error::UnorderedValue { column: name.to_owned(), value, row },
    })
}

/// A column that is `true` or `false` in each row.
pub(crate) fn flags(batch: &RecordBatch, name: &str) -> Result<Vec<bool>, Error> {
    let codes = encode(batch, name, None, |value| ["false", "true"].iter().position(|flag| *flag == value));
    Ok(codes.map_err(|refusal| refusal.unknown_value(name))?.into_iter().map(|code| code == 1).collect())
}

/// Codes of any other column, and how many different ones; numbered by sorted value, so that the order of the rows does
/// not show in them.
pub(crate) fn categories(batch: &RecordBatch, name: &str, missing: Option<&str>) -> Result<(Vec<u32>, usize), Error> {
    let mut seen: Vec<String> = Vec::new();
    let codes = encode(batch, name, missing, |value| {
        seen.push(value.to_owned());
        Some(seen.len() - 1)
    })
    .map_err(|refusal| refusal.unknown_value(name))?;
    let mut sorted: Vec<usize> = (0..seen.len()).collect();
    sorted.sort_unstable_by(|&a, &b| seen[a].cmp(&seen[b]));
    let mut rank = vec![0; seen.len()];
    for (position, &code) in sorted.iter().enumerate() {
        rank[code] = small(position);
    }
    Ok((codes.into_iter().map(|code| rank[code as usize]).collect(), seen.len()))
}

enum Refusal {
    Error(Error),
    Unknown { value: String, row: usize },
}

impl Refusal {
    fn unknown_value(self, column: &str) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Unknown { value, row } => Error::UnknownValue { column: column.to_owned(), value, row },
        }
    }
}

/// Calls `number` once for each different value; what is missing is the value `missing`.
fn encode(
    batch: &RecordBatch,
    name: &str,
    missing: Option<&str>,
    mut number: impl FnMut(&str) -> Option<usize>,
) -> Result<Vec<u32>, Refusal> {
    let array = column(batch, name).map_err(Refusal::Error)?;
    let text = as_text(array, name).map_err(Refusal::Error)?;
    let text = text.as_string::<i32>();
    // Asked of the text: a dictionary's null value is no null before.
    if missing.is_none()
        && let Some(row) = (0..text.len()).find(|&row| text.is_null(row))
    {
        return Err(Refusal::Error(Error::Null { column: name.to_owned(), row }));
    }
    let mut numbers = Numbers::new();
    let mut codes = Vec::with_capacity(text.len());
    for row in 0..text.len() {
        let value = if text.is_null(row) { "" } else { text.value(row) };
        let value = missing.filter(|_| value.is_empty()).unwrap_or(value);
        let code = match numbers.get(value) {
            Some(code) => code,
            None => {
                let code = number(value).ok_or_else(|| Refusal::Unknown { value: value.to_owned(), row })?;
                numbers.insert(value, small(code));
                small(code)
            }
        };
        codes.push(code);
    }
    Ok(codes)
}

/// The text of each value as Arrow writes it.
pub(crate) fn as_text(array: &ArrayRef, name: &str) -> Result<ArrayRef, Error> {
    if array.data_type() == &DataType::Utf8 {
        return Ok(ArrayRef::clone(array));
    }
    cast(array, &DataType::Utf8)
        .map_err(|_| Error::NoTextForm { column: name.to_owned(), data_type: array.data_type().to_string() })
}

pub(crate) fn small(number: usize) -> u32 {
    u32::try_from(number).expect("rows and values were checked to be fewer than four thousand million")
}

/// A number of rows, where differences are taken.
#[inline]
#[expect(clippy::cast_possible_wrap, reason = "rows were checked to be fewer than four thousand million")]
pub(crate) fn signed(rows: usize) -> i64 {
    rows as i64
}

/// The numbers given to texts so far. A few values come again and again, and finding them was half of the encoding: so
/// open addressing, and a hash of eight bytes at a time. Nobody can ask it for an order.
struct Numbers<'a> {
    /// Place in `known`, or [`FREE`]; the length is a power of two, at most half of it in use.
    slots: Vec<u32>,
    known: Vec<(&'a str, u32)>,
}

const FREE: u32 = u32::MAX;

impl<'a> Numbers<'a> {
    fn new() -> Self {
        Self { slots: vec![FREE; 256], known: Vec::new() }
    }

    fn get(&self, text: &str) -> Option<u32> {
        match self.slots[self.slot(text)] {
            FREE => None,
            place => Some(self.known[place as usize].1),
        }
    }

    fn insert(&mut self, text: &'a str, number: u32) {
        if (self.known.len() + 1) * 2 > self.slots.len() {
            self.slots = vec![FREE; self.slots.len() * 2];
            for place in 0..self.known.len() {
                let slot = self.slot(self.known[place].0);
                self.slots[slot] = small(place);
            }
        }
        let slot = self.slot(text);
        self.slots[slot] = small(self.known.len());
        self.known.push((text, number));
    }

    /// Where the text is, or where it would be.
    fn slot(&self, text: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(text.as_bytes()) & mask;
        while self.slots[slot] != FREE && self.known[self.slots[slot] as usize].0 != text {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

fn hash(bytes: &[u8]) -> usize {
    let mut hash = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    (hash >> 32) as usize
}
