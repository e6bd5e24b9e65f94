//! An answer as people and programs take it: some rows of a table on a page, a CSV for spreadsheets, JSON, Parquet, Arrow.

use std::collections::BTreeSet;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;
use warehouse::analyst::Answer;

/// Rows that a page shows.
const ROWS_SHOWN: usize = 200;

/// Columns that a page shows.
const COLUMNS_SHOWN: usize = 100;

/// Cells that a page shows: of wide tables fewer rows.
const CELLS_SHOWN: usize = 6_000;

/// Characters of a cell that a page shows.
const CELL_CHARACTERS: usize = 200;

/// Bytes of a file of texts: names and digits take more room than the values they stand for.
const FILE_BYTES: usize = 256 << 20;

/// What an answer can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFormat {
    /// For spreadsheets: semicolons, decimal commas, no formula.
    Csv,
    /// A list of objects.
    Json,
    /// A Parquet file, in clear.
    Parquet,
    /// An Arrow stream.
    Arrow,
}

impl AnswerFormat {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Parquet, Self::Arrow];

    /// Its code: in forms, and how the name of a file ends.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.code() == code)
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

/// Why an answer does not fit a format.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShapeError {
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error("the file cannot be written: {0}")]
    File(String),
    #[error("the file would have more than {} MiB", FILE_BYTES >> 20)]
    Large,
}

/// The bytes of a file.
pub(crate) fn file(answer: &Answer, format: AnswerFormat) -> Result<Vec<u8>, ShapeError> {
    match format {
        AnswerFormat::Csv => csv(answer),
        AnswerFormat::Json => json(answer),
        AnswerFormat::Parquet => answer.to_parquet().map_err(|error| ShapeError::File(error.to_string())),
        AnswerFormat::Arrow => Ok(answer.to_arrow()?),
    }
}

/// What a column holds, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// A number, whole or not.
    Number,
    /// Yes or no.
    Truth,
    /// Anything else, as its text.
    Text,
}

impl Held {
    fn of(kind: &DataType) -> Self {
        if kind.is_numeric() {
            Self::Number
        } else if *kind == DataType::Boolean {
            Self::Truth
        } else {
            Self::Text
        }
    }

    fn all(schema: &SchemaRef) -> Vec<Self> {
        schema.fields().iter().map(|field| Self::of(field.data_type())).collect()
    }
}

/// Hands each row of a batch to `see`, as texts; `None` where there is no value.
fn each_row(
    batch: &RecordBatch,
    columns: usize,
    mut see: impl FnMut(Vec<Option<String>>) -> bool,
) -> Result<bool, ArrowError> {
    let options = FormatOptions::new();
    let columns = &batch.columns()[..columns.min(batch.num_columns())];
    let formatters: Vec<_> =
        columns.iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options)).collect::<Result<_, _>>()?;
    for row in 0..batch.num_rows() {
        let cells = formatters.iter().zip(columns);
        let cells = cells.map(|(format, column)| (!column.is_null(row)).then(|| format.value(row).to_string()));
        if !see(cells.collect()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A number as Italian spreadsheets and readers take it.
fn with_comma(number: &str) -> String {
    number.replace('.', ",")
}

fn csv(answer: &Answer) -> Result<Vec<u8>, ShapeError> {
    let held = Held::all(&answer.schema);
    let head = answer.schema.fields().iter().map(|field| tabular::harmless(field.name()));
    let mut file = format!("{}{}", tabular::CSV_MARK, tabular::csv_line(head));
    for batch in &answer.batches {
        each_row(batch, held.len(), |cells| {
            let cells = cells.into_iter().zip(&held).map(|(cell, held)| match (cell, held) {
                (None, _) => String::new(),
                (Some(number), Held::Number) => with_comma(&number),
                (Some(text), Held::Truth | Held::Text) => tabular::harmless(&text),
            });
            file.push_str(&tabular::csv_line(cells));
            file.len() <= FILE_BYTES
        })?;
    }
    whole(file)
}

/// A file of texts, if it is not too large.
fn whole(file: String) -> Result<Vec<u8>, ShapeError> {
    if file.len() > FILE_BYTES { Err(ShapeError::Large) } else { Ok(file.into_bytes()) }
}

/// Names that differ: an object has each once, and an answer may have the same twice.
fn different_names(schema: &SchemaRef) -> Vec<String> {
    let mut known = BTreeSet::new();
    let mut names = Vec::new();
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut next = 2;
        while !known.insert(name.clone()) {
            name = format!("{}_{next}", field.name());
            next += 1;
        }
        names.push(name);
    }
    names
}

fn json(answer: &Answer) -> Result<Vec<u8>, ShapeError> {
    // Numbers are written as they are: a decimal has more digits than a float would keep.
    let quoted = |text: &str| serde_json::to_string(text).map_err(|error| ShapeError::File(error.to_string()));
    let held = Held::all(&answer.schema);
    let names = different_names(&answer.schema);
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect::<Result<_, _>>()?;
    let mut file = String::from("[");
    let mut failed = None;
    let mut is_first = true;
    for batch in &answer.batches {
        each_row(batch, held.len(), |cells| {
            file.push_str(if std::mem::take(&mut is_first) { "\n{" } else { ",\n{" });
            for (place, ((cell, held), name)) in cells.into_iter().zip(&held).zip(&names).enumerate() {
                let value = match (cell, held) {
                    (None, _) => "null".to_owned(),
                    // What JSON has no number for: infinity, what is no number.
                    (Some(number), Held::Number) if serde_json::from_str::<serde_json::Number>(&number).is_err() => {
                        "null".to_owned()
                    }
                    (Some(plain), Held::Number | Held::Truth) => plain,
                    (Some(text), Held::Text) => quoted(&text).unwrap_or_else(|error| {
                        failed = Some(error);
                        String::new()
                    }),
                };
                file.push_str(if place == 0 { "" } else { "," });
                file.push_str(name);
                file.push(':');
                file.push_str(&value);
            }
            file.push('}');
            failed.is_none() && file.len() <= FILE_BYTES
        })?;
    }
    file.push_str("\n]\n");
    failed.map_or_else(|| whole(file), Err)
}

/// A column on a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownColumn {
    pub(crate) name: String,
    pub(crate) is_number: bool,
}

/// An answer on a page: its first rows and columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    pub(crate) columns: Vec<ShownColumn>,
    /// `None` where there is no value.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) count_rows: usize,
    pub(crate) count_columns: usize,
    /// In hundredths of a second.
    pub(crate) hundredths: i64,
}

/// What a page shows of an answer.
pub(crate) fn shown(answer: &Answer, milliseconds: i64) -> Result<Shown, ArrowError> {
    let count_columns = answer.schema.fields().len();
    let held = Held::all(&answer.schema);
    let columns: Vec<ShownColumn> = answer
        .schema
        .fields()
        .iter()
        .zip(&held)
        .take(COLUMNS_SHOWN)
        .map(|(field, held)| ShownColumn { name: cut(field.name()), is_number: *held == Held::Number })
        .collect();
    let rows_shown = ROWS_SHOWN.min(CELLS_SHOWN / columns.len().max(1));
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let goes_on = each_row(batch, COLUMNS_SHOWN, |cells| {
            if rows.len() < rows_shown {
                let cells = cells.into_iter().zip(&columns).map(|(cell, column)| {
                    cell.map(|text| if column.is_number { with_comma(&text) } else { cut(&text) })
                });
                rows.push(cells.collect::<Vec<_>>());
            }
            rows.len() < rows_shown
        })?;
        if !goes_on {
            break;
        }
    }
    let count_rows = answer.batches.iter().map(RecordBatch::num_rows).sum();
    Ok(Shown { columns, rows, count_rows, count_columns, hundredths: milliseconds.max(0) / 10 })
}

/// A text that fits a cell.
fn cut(text: &str) -> String {
    crate::text::cut(text, CELL_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray};

    use super::*;

    fn answer(columns: Vec<(&str, ArrayRef)>) -> Answer {
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)).collect::<Vec<_>>(),
        )
        .unwrap();
        Answer { schema: batch.schema(), batches: vec![batch.slice(0, 1), batch.slice(1, batch.num_rows() - 1)] }
    }

    fn of_every_kind() -> Answer {
        answer(vec![
            ("=n", Arc::new(Int64Array::from(vec![Some(-1), None, Some(9_007_199_254_740_993)]))),
            ("n", Arc::new(Float64Array::from(vec![0.5, f64::NAN, f64::INFINITY]))),
            (
                "n",
                Arc::new(
                    Decimal128Array::from(vec![12_345_678_901_234_567_890_i128, 5, -250])
                        .with_precision_and_scale(38, 2)
                        .unwrap(),
                ),
            ),
            ("t", Arc::new(StringArray::from(vec![Some("=HYPERLINK(1)"), None, Some("a;\"b\"\nc")]))),
            ("is", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("day", Arc::new(Date32Array::from(vec![Some(20_000), None, Some(0)]))),
        ])
    }

    #[test]
    fn a_csv_is_for_italian_spreadsheets_and_has_no_formula() {
        let file = String::from_utf8(file(&of_every_kind(), AnswerFormat::Csv).unwrap()).unwrap();
        let lines: Vec<&str> = file.trim_start_matches(tabular::CSV_MARK).split("\r\n").collect();
        assert_eq!(lines[0], "'=n;n;n;t;is;day");
        assert_eq!(lines[1], "-1;0,5;123456789012345678,90;'=HYPERLINK(1);true;2024-10-04");
        assert_eq!(lines[2], ";NaN;0,05;;false;");
        assert_eq!(lines[3], "9007199254740993;inf;-2,50;\"a;\"\"b\"\"\nc\";;1970-01-01");
        assert!(file.starts_with(tabular::CSV_MARK));
    }

    #[test]
    fn json_keeps_every_digit_and_every_column() {
        let file = String::from_utf8(file(&of_every_kind(), AnswerFormat::Json).unwrap()).unwrap();
        let read: serde_json::Value = serde_json::from_str(&file).unwrap();
        assert_eq!(read.as_array().unwrap().len(), 3);
        assert!(file.contains("123456789012345678.90") && file.contains("9007199254740993"), "{file}");
        assert_eq!(read[0]["n"], 0.5);
        assert_eq!(read[0]["is"], true);
        assert_eq!(read[0]["day"], "2024-10-04");
        assert_eq!(read[1]["n_2"], 0.05);
        for absent in ["=n", "n", "t", "day"] {
            assert!(read[1][absent].is_null(), "{absent}");
        }
        assert_eq!(read[2]["t"], "a;\"b\"\nc");
    }

    #[test]
    fn an_answer_without_rows_is_a_file_all_the_same() {
        let mut none = of_every_kind();
        none.batches.clear();
        let text = |format| String::from_utf8(file(&none, format).unwrap()).unwrap();
        assert_eq!(text(AnswerFormat::Csv), format!("{}'=n;n;n;t;is;day\r\n", tabular::CSV_MARK));
        assert_eq!(text(AnswerFormat::Json), "[\n]\n");
        assert!(file(&none, AnswerFormat::Parquet).unwrap().starts_with(b"PAR1"));
        assert!(!file(&none, AnswerFormat::Arrow).unwrap().is_empty());
        assert_eq!(shown(&none, 0).unwrap().rows.len(), 0);
    }

    #[test]
    fn a_file_has_an_end() {
        let names: Vec<String> = (0..300).map(|place| format!("{}{place}", "n".repeat(100))).collect();
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true; 10_000]));
        let large = answer(names.iter().map(|name| (name.as_str(), Arc::clone(&flags))).collect());
        assert!(matches!(file(&large, AnswerFormat::Json), Err(ShapeError::Large)));
        assert!(file(&large, AnswerFormat::Csv).is_ok());
    }

    #[test]
    fn a_page_shows_the_first_rows_and_says_how_many_there_are() {
        let shown_of = |rows: usize, columns: usize| {
            let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::try_from(rows).unwrap()));
            let names: Vec<String> = (0..columns).map(|place| format!("c{place}")).collect();
            shown(&answer(names.iter().map(|name| (name.as_str(), Arc::clone(&numbers))).collect()), 1_239).unwrap()
        };
        let one = shown_of(1_000, 1);
        assert_eq!((one.rows.len(), one.count_rows, one.columns.len(), one.hundredths), (ROWS_SHOWN, 1_000, 1, 123));
        let wide = shown_of(1_000, 150);
        assert_eq!((wide.rows.len(), wide.columns.len(), wide.count_columns), (60, COLUMNS_SHOWN, 150));
        assert!(wide.rows.iter().all(|row| row.len() == COLUMNS_SHOWN));
        let all = shown(&of_every_kind(), 0).unwrap();
        assert_eq!(all.rows[0][..3], [Some("-1".into()), Some("0,5".into()), Some("123456789012345678,90".into())]);
        assert_eq!(all.rows[1][0], None);
        assert!(all.columns[0].is_number && !all.columns[3].is_number);
        let long = answer(vec![("t", Arc::new(StringArray::from(vec!["è".repeat(500), "è".repeat(200)])))]);
        let long = shown(&long, 0).unwrap();
        assert_eq!(long.rows[0][0].as_ref().unwrap().chars().count(), CELL_CHARACTERS + 1);
        assert_eq!(long.rows[1][0].as_ref().unwrap().chars().count(), CELL_CHARACTERS);
    }
}
