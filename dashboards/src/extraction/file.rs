//! The three files that an extraction can be: archives of CSV or of Parquet, one spreadsheet. Each ends with the codebook.
//!
//! They are written without going back, into whatever seals them: no row ever stands in clear on a disk.

use std::collections::BTreeMap;
use std::io::{self, Write};

use tabular::{TableError, TableFile};
use warehouse::{Cell, Extract, LakeError};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::extraction::codebook::Codebook;
use crate::extraction::record::Format;

/// Rows above which an entry of an archive may pass four gibibytes.
const LARGE_ROWS: u64 = 5_000_000;

/// Why a file cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nor the archive.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// Nor the tables.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Nor the codebook.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// What is told as rows are looked at.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(usize);

/// What gives the codebook, once rows are counted.
pub(crate) type Explain<'a> = &'a dyn Fn(&BTreeMap<String, u64>) -> Codebook;

/// Writes an extraction; gives back what was written to, and the rows by table.
pub(crate) fn write<W: Write + Send>(
    extract: &Extract<'_>,
    format: Format,
    explain: Explain<'_>,
    to: W,
    progress: Progress<'_>,
) -> Result<(W, BTreeMap<String, u64>), FileError> {
    let is_large = extract.rows_to_read() > LARGE_ROWS;
    match format {
        Format::Csv => tables(extract, TableFile::csv(to, is_large), explain, progress),
        Format::Xlsx => tables(extract, TableFile::spreadsheet(to), explain, progress),
        Format::Parquet => parquet(extract, is_large, explain, to, progress),
    }
}

fn tables<W: Write>(
    extract: &Extract<'_>,
    mut file: TableFile<W>,
    explain: Explain<'_>,
    progress: Progress<'_>,
) -> Result<(W, BTreeMap<String, u64>), FileError> {
    let mut counted = BTreeMap::new();
    for table in &extract.selection().tables {
        file.begin(table, extract.columns(table).into_iter().map(|column| column.name))?;
        let mut count = 0;
        for rows in extract.rows(table) {
            let rows = rows?;
            let values = rows.values();
            for row in 0..rows.len() {
                file.row(values.iter().map(|column| written(column.cell(row))))?;
            }
            count += rows.len() as u64;
            progress(rows.read);
        }
        counted.insert(table.clone(), count);
    }
    let to = file.finish(&explain(&counted).tables())?;
    Ok((to, counted))
}

/// A cell of the lake as files hold it.
const fn written(cell: Cell<'_>) -> tabular::Cell<'_> {
    match cell {
        Cell::Absent => tabular::Cell::Absent,
        Cell::Text(text) => tabular::Cell::Text(text),
        Cell::Number(number) => tabular::Cell::Number(number),
        Cell::Day(day) => tabular::Cell::Day(day),
    }
}

fn parquet<W: Write + Send>(
    extract: &Extract<'_>,
    is_large: bool,
    explain: Explain<'_>,
    to: W,
    progress: Progress<'_>,
) -> Result<(W, BTreeMap<String, u64>), FileError> {
    let mut zip = ZipWriter::new_stream(to);
    let options = |method| SimpleFileOptions::default().compression_method(method).large_file(is_large);
    let mut counted = BTreeMap::new();
    for table in &extract.selection().tables {
        // Its columns are compressed already.
        zip.start_file(format!("{table}.parquet"), options(zip::CompressionMethod::Stored))?;
        let mut file = extract.parquet(table, &mut zip)?;
        let mut count = 0;
        for rows in extract.rows(table) {
            let rows = rows?;
            file.write(&rows)?;
            count += rows.len() as u64;
            progress(rows.read);
        }
        file.finish()?;
        counted.insert(table.clone(), count);
    }
    zip.start_file("codebook.json", options(zip::CompressionMethod::Deflated))?;
    zip.write_all(&serde_json::to_vec_pretty(&explain(&counted))?)?;
    Ok((zip.finish()?.into_inner(), counted))
}
