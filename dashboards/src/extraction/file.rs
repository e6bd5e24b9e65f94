//! The three files that an extraction can be: archives of CSV or of Parquet, one spreadsheet. Each ends with the codebook.
//!
//! Archives are written without going back, into whatever seals them: no row ever stands in clear on a disk. A spreadsheet is
//! made in memory for the same reason, so it has a limit.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use templates::{CSV_MARK, csv_line, harmless};
use warehouse::{Cell, Extract, LakeError, Rows};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use crate::extraction::codebook::{Codebook, Sheet};
use crate::extraction::record::Format;
use crate::text;

/// Rows of a sheet, with its head.
const SHEET_ROWS_MAX: u32 = 1_048_576;

/// Cells of a spreadsheet, which is made in memory (docs/adr/0014): a bound, not a measure.
const CELLS_MAX: u64 = 2_000_000;

/// A name of a sheet.
const SHEET_NAME_MAX: usize = 31;

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
    /// Nor the spreadsheet.
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
    /// Nor the codebook.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A spreadsheet cannot hold so much.
    #[error("more than a spreadsheet holds")]
    TooLarge,
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
    match format {
        Format::Csv => Archive::new(extract, to).csv(explain, progress),
        Format::Parquet => Archive::new(extract, to).parquet(explain, progress),
        Format::Xlsx => spreadsheet(extract, explain, to, progress),
    }
}

struct Archive<'a, W: Write> {
    extract: &'a Extract<'a>,
    zip: ZipWriter<StreamWriter<W>>,
    rows: BTreeMap<String, u64>,
}

impl<'a, W: Write + Send> Archive<'a, W> {
    fn new(extract: &'a Extract<'a>, to: W) -> Self {
        Self { extract, zip: ZipWriter::new_stream(to), rows: BTreeMap::new() }
    }

    fn begin(&mut self, name: &str, method: zip::CompressionMethod) -> Result<(), FileError> {
        let is_large = self.extract.rows_to_read() > LARGE_ROWS;
        let options = SimpleFileOptions::default().compression_method(method).large_file(is_large);
        Ok(self.zip.start_file(name, options)?)
    }

    fn end(self) -> Result<(W, BTreeMap<String, u64>), FileError> {
        Ok((self.zip.finish()?.into_inner(), self.rows))
    }

    fn csv(mut self, explain: Explain<'_>, progress: Progress<'_>) -> Result<(W, BTreeMap<String, u64>), FileError> {
        for table in &self.extract.selection().tables {
            self.begin(&format!("{table}.csv"), zip::CompressionMethod::Deflated)?;
            self.zip.write_all(CSV_MARK.as_bytes())?;
            let names = self.extract.columns(table).into_iter().map(|column| column.name);
            self.zip.write_all(csv_line(names).as_bytes())?;
            let mut count = 0;
            for rows in self.extract.rows(table) {
                let rows = rows?;
                let values = rows.values();
                for row in 0..rows.len() {
                    let cells = values.iter().map(|column| csv_cell(column.cell(row)));
                    self.zip.write_all(csv_line(cells).as_bytes())?;
                }
                count += rows.len() as u64;
                progress(rows.read);
            }
            self.rows.insert(table.clone(), count);
        }
        for sheet in explain(&self.rows).sheets() {
            self.begin(
                &format!("codebook_{}.csv", text::word("codebook", sheet.name)),
                zip::CompressionMethod::Deflated,
            )?;
            self.zip.write_all(CSV_MARK.as_bytes())?;
            for line in std::iter::once(&sheet.head).chain(&sheet.lines) {
                self.zip.write_all(csv_line(line.iter().map(|value| explained(value))).as_bytes())?;
            }
        }
        self.end()
    }

    fn parquet(
        mut self,
        explain: Explain<'_>,
        progress: Progress<'_>,
    ) -> Result<(W, BTreeMap<String, u64>), FileError> {
        for table in &self.extract.selection().tables {
            // Its columns are compressed already.
            self.begin(&format!("{table}.parquet"), zip::CompressionMethod::Stored)?;
            let mut file = self.extract.parquet(table, &mut self.zip)?;
            let mut count = 0;
            for rows in self.extract.rows(table) {
                let rows = rows?;
                file.write(&rows)?;
                count += rows.len() as u64;
                progress(rows.read);
            }
            file.finish()?;
            self.rows.insert(table.clone(), count);
        }
        let codebook = explain(&self.rows);
        self.begin("codebook.json", zip::CompressionMethod::Deflated)?;
        self.zip.write_all(&serde_json::to_vec_pretty(&codebook)?)?;
        self.end()
    }
}

/// A number as it is, a text as no formula.
fn csv_cell(cell: Cell<'_>) -> String {
    match cell {
        Cell::Absent => String::new(),
        Cell::Text(text) => harmless(text),
        Cell::Number(number) => number.to_string(),
        Cell::Day(day) => day.to_string(),
    }
}

/// A text of the codebook: the code of a kind of missing is a number, like those that it explains.
fn explained(text: &str) -> String {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_code = text.strip_prefix('-').is_some_and(is_digits);
    if is_code { text.to_owned() } else { harmless(text) }
}

fn spreadsheet<W: Write>(
    extract: &Extract<'_>,
    explain: Explain<'_>,
    mut to: W,
    progress: Progress<'_>,
) -> Result<(W, BTreeMap<String, u64>), FileError> {
    let mut sheets = Vec::new();
    let mut counted = BTreeMap::new();
    let mut cells = 0;
    for table in &extract.selection().tables {
        let mut sheet = named(table)?;
        let columns = extract.columns(table);
        write_head(&mut sheet, columns.iter().map(|column| column.name.as_str()))?;
        let mut next = 1;
        for rows in extract.rows(table) {
            let rows = rows?;
            cells += (rows.len() * columns.len()) as u64;
            let after = u64::from(next) + rows.len() as u64;
            if cells > CELLS_MAX || after > u64::from(SHEET_ROWS_MAX) {
                return Err(FileError::TooLarge);
            }
            write_rows(&mut sheet, next, &rows)?;
            next = u32::try_from(after).map_err(|_| FileError::TooLarge)?;
            progress(rows.read);
        }
        counted.insert(table.clone(), u64::from(next - 1));
        sheets.push(sheet);
    }
    let mut workbook = Workbook::new();
    for sheet in explain(&counted).sheets() {
        workbook.push_worksheet(text_sheet(&sheet)?);
    }
    for sheet in sheets {
        workbook.push_worksheet(sheet);
    }
    to.write_all(&workbook.save_to_buffer()?)?;
    Ok((to, counted))
}

fn named(name: &str) -> Result<Worksheet, XlsxError> {
    let mut sheet = Worksheet::new();
    sheet.set_name(name.chars().take(SHEET_NAME_MAX).collect::<String>())?;
    sheet.set_freeze_panes(1, 0)?;
    Ok(sheet)
}

fn write_head<'a>(sheet: &mut Worksheet, names: impl IntoIterator<Item = &'a str>) -> Result<(), FileError> {
    for (column, name) in names.into_iter().enumerate() {
        sheet.write_string(0, place(column)?, harmless(name))?;
    }
    Ok(())
}

fn place(column: usize) -> Result<u16, FileError> {
    u16::try_from(column).map_err(|_| FileError::TooLarge)
}

fn write_rows(sheet: &mut Worksheet, first: u32, rows: &Rows) -> Result<(), FileError> {
    for (column, values) in rows.values().iter().enumerate() {
        let column = place(column)?;
        for (row, at) in (0..rows.len()).zip(first..) {
            match values.cell(row) {
                Cell::Absent => {}
                Cell::Text(text) => {
                    sheet.write_string(at, column, harmless(text))?;
                }
                Cell::Number(number) => {
                    sheet.write_number(at, column, number as f64)?;
                }
                Cell::Day(day) => {
                    sheet.write_string(at, column, day.to_string())?;
                }
            }
        }
    }
    Ok(())
}

fn text_sheet(sheet: &Sheet) -> Result<Worksheet, FileError> {
    let mut made = named(&text::word("codebook", sheet.name))?;
    write_head(&mut made, sheet.head.iter().map(String::as_str))?;
    for (line, at) in sheet.lines.iter().zip(1..) {
        for (column, value) in line.iter().enumerate() {
            made.write_string(at, place(column)?, explained(value))?;
        }
    }
    Ok(made)
}
