//! Several tables in one file.

use std::io::{self, Write};

use chrono::NaiveDate;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use crate::csv::{CSV_MARK, csv_line, harmless};

/// Rows of a sheet, with its head.
const SHEET_ROWS_MAX: u32 = 1_048_576;

/// Cells of a spreadsheet, which is made in memory (docs/adr/0014): a bound, not a measure.
pub const CELLS_MAX: u64 = 2_000_000;

/// Up to so many cells columns are as wide as what is in them.
const WIDTHS_MAX: u64 = 100_000;

/// Characters in the name of a sheet.
const SHEET_NAME_MAX: usize = 31;

/// What one cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Absent,
    /// A text or a code.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// A figure as Italian pages write it: 1234, 63,4, −0,05. A number of as many decimals in a spreadsheet, and the text that it is in
    /// CSV. What is no number (n<5, an interval) is a text in both.
    Figure(&'a str),
    /// A day, written as 2026-11-28.
    Day(NaiveDate),
}

/// A table of texts that explains the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its name: of the sheet, or of the file after `codebook_`.
    pub name: String,
    /// The headings.
    pub head: Vec<String>,
    /// The lines, each as long as the head.
    pub lines: Vec<Vec<String>>,
}

/// Why a file cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It cannot be written.
    #[error(transparent)]
    Io(io::Error),
    /// Nor can the archive.
    #[error(transparent)]
    Zip(ZipError),
    /// Nor can the spreadsheet.
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
    /// A spreadsheet cannot hold so much ([`CELLS_MAX`] cells, 1,048,576 rows to a sheet), or whatever is written to takes no
    /// more.
    #[error("more than the file can hold")]
    TooLarge,
    /// A row came before the table that it is of.
    #[error("a row without its table")]
    NoTable,
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::FileTooLarge { Self::TooLarge } else { Self::Io(error) }
    }
}

impl From<ZipError> for TableError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else goes wrong with an archive is the archive's")]
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            error => Self::Zip(error),
        }
    }
}

/// A file of several tables that is being written.
pub struct TableFile<W: Write> {
    kind: Kind<W>,
}

enum Kind<W: Write> {
    Csv { zip: Box<ZipWriter<StreamWriter<W>>>, is_large: bool },
    Spreadsheet { sheets: Vec<Worksheet>, next_row: u32, cells: u64, to: W },
}

impl<W: Write> std::fmt::Debug for TableFile<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableFile").finish_non_exhaustive()
    }
}

impl<W: Write> TableFile<W> {
    /// An archive with a CSV for each table. `is_large` says that one of them may pass four gibibytes.
    pub fn csv(to: W, is_large: bool) -> Self {
        Self { kind: Kind::Csv { zip: Box::new(ZipWriter::new_stream(to)), is_large } }
    }

    /// A spreadsheet with a sheet for each table.
    pub fn spreadsheet(to: W) -> Self {
        Self { kind: Kind::Spreadsheet { sheets: Vec::new(), next_row: 0, cells: 0, to } }
    }

    /// Begins a table.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn begin<Head: AsRef<str>>(
        &mut self,
        name: &str,
        head: impl IntoIterator<Item = Head>,
    ) -> Result<(), TableError> {
        match &mut self.kind {
            Kind::Csv { zip, is_large } => {
                begin_csv(zip, &format!("{name}.csv"), *is_large)?;
                zip.write_all(csv_line(head.into_iter().map(|name| harmless(name.as_ref()))).as_bytes())?;
            }
            Kind::Spreadsheet { sheets, next_row, .. } => {
                let mut sheet = named(name)?;
                for (column, name) in head.into_iter().enumerate() {
                    sheet.write_string(0, place(column)?, harmless(name.as_ref()))?;
                }
                sheets.push(sheet);
                *next_row = 1;
            }
        }
        Ok(())
    }

    /// Writes a row of the table begun last.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> Result<(), TableError> {
        match &mut self.kind {
            Kind::Csv { zip, .. } => zip.write_all(csv_line(cells.into_iter().map(csv_cell)).as_bytes())?,
            Kind::Spreadsheet { sheets, next_row, cells: count, .. } => {
                let sheet = sheets.last_mut().ok_or(TableError::NoTable)?;
                if *next_row >= SHEET_ROWS_MAX {
                    return Err(TableError::TooLarge);
                }
                for (column, cell) in cells.into_iter().enumerate() {
                    write_cell(sheet, *next_row, place(column)?, cell)?;
                    *count += 1;
                }
                if *count > CELLS_MAX {
                    return Err(TableError::TooLarge);
                }
                *next_row += 1;
            }
        }
        Ok(())
    }

    /// Ends the file with what explains it, which a spreadsheet shows first; gives back what was written to.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn finish(self, explanations: &[Explanation]) -> Result<W, TableError> {
        match self.kind {
            Kind::Csv { mut zip, is_large } => {
                for table in explanations {
                    begin_csv(&mut zip, &format!("codebook_{}.csv", table.name), is_large)?;
                    for line in std::iter::once(&table.head).chain(&table.lines) {
                        zip.write_all(csv_line(line.iter().map(|value| explained(value))).as_bytes())?;
                    }
                }
                Ok(zip.finish()?.into_inner())
            }
            Kind::Spreadsheet { sheets, mut to, cells, .. } => {
                let mut workbook = Workbook::new();
                for table in explanations {
                    let mut sheet = explaining(table)?;
                    sheet.autofit();
                    workbook.push_worksheet(sheet);
                }
                for mut sheet in sheets {
                    // Measuring each text of a large table would take longer than writing it.
                    if cells <= WIDTHS_MAX {
                        sheet.autofit();
                    }
                    workbook.push_worksheet(sheet);
                }
                to.write_all(&workbook.save_to_buffer()?)?;
                Ok(to)
            }
        }
    }
}

fn begin_csv<W: Write>(zip: &mut ZipWriter<StreamWriter<W>>, name: &str, is_large: bool) -> Result<(), TableError> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    zip.start_file(name, options.large_file(is_large))?;
    Ok(zip.write_all(CSV_MARK.as_bytes())?)
}

/// A number as it is, a text as no formula.
fn csv_cell(cell: Cell<'_>) -> String {
    match cell {
        Cell::Absent => String::new(),
        Cell::Text(text) | Cell::Figure(text) => harmless(text),
        Cell::Number(number) => number.to_string(),
        Cell::Day(day) => day.to_string(),
    }
}

fn write_cell(sheet: &mut Worksheet, row: u32, column: u16, cell: Cell<'_>) -> Result<(), TableError> {
    match cell {
        Cell::Absent => {}
        Cell::Text(text) => {
            sheet.write_string(row, column, harmless(text))?;
        }
        Cell::Number(number) => {
            sheet.write_number(row, column, number as f64)?;
        }
        Cell::Figure(text) => match figure(text) {
            Some((number, decimals)) => {
                let format = Format::new().set_num_format(match decimals {
                    0 => "0".to_owned(),
                    decimals => format!("0.{}", "0".repeat(decimals)),
                });
                sheet.write_number_with_format(row, column, number, &format)?;
            }
            None => {
                sheet.write_string(row, column, harmless(text))?;
            }
        },
        Cell::Day(day) => {
            sheet.write_string(row, column, day.to_string())?;
        }
    }
    Ok(())
}

/// The number that a figure is, and its decimals.
fn figure(text: &str) -> Option<(f64, usize)> {
    let (sign, digits) = text.strip_prefix('−').map_or(("", text), |rest| ("-", rest));
    let (whole, decimals) = digits.split_once(',').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // "12," and a number of more digits than a spreadsheet keeps are texts.
    let is_number = !whole.is_empty() && is_digits(whole) && is_digits(decimals);
    let is_kept = whole.len() + decimals.len() <= 15 && digits.contains(',') != decimals.is_empty();
    let number = (is_number && is_kept).then(|| format!("{sign}{whole}.{decimals}0").parse().ok()).flatten()?;
    Some((number, decimals.len()))
}

/// A text that explains: the code of a kind of missing is a number, like those that it explains.
fn explained(text: &str) -> String {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_code = text.strip_prefix('-').is_some_and(is_digits);
    if is_code { text.to_owned() } else { harmless(text) }
}

fn named(name: &str) -> Result<Worksheet, XlsxError> {
    let mut sheet = Worksheet::new();
    sheet.set_name(name.chars().take(SHEET_NAME_MAX).collect::<String>())?;
    sheet.set_freeze_panes(1, 0)?;
    Ok(sheet)
}

fn place(column: usize) -> Result<u16, TableError> {
    u16::try_from(column).map_err(|_| TableError::TooLarge)
}

fn explaining(table: &Explanation) -> Result<Worksheet, TableError> {
    let mut sheet = named(&table.name)?;
    for (line, row) in std::iter::once(&table.head).chain(&table.lines).zip(0..) {
        for (column, value) in line.iter().enumerate() {
            sheet.write_string(row, place(column)?, explained(value))?;
        }
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    fn written(mut file: TableFile<Vec<u8>>) -> Vec<u8> {
        file.begin("persone", ["cognome", "=anni"]).unwrap();
        file.row([Cell::Text("=Rossi"), Cell::Number(-2)]).unwrap();
        file.row([Cell::Absent, Cell::Day(NaiveDate::from_ymd_opt(2026, 11, 28).unwrap())]).unwrap();
        let codes = Explanation {
            name: "codici".to_owned(),
            head: vec!["codice".to_owned(), "in parole".to_owned()],
            lines: vec![vec!["-2".to_owned(), "-non risponde".to_owned()]],
        };
        file.finish(&[codes]).unwrap()
    }

    fn entry(archive: &[u8], name: &str) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn an_archive_has_a_file_for_each_table_and_no_formula() {
        let file = written(TableFile::csv(Vec::new(), false));
        assert_eq!(entry(&file, "persone.csv"), "\u{feff}cognome;'=anni\r\n'=Rossi;-2\r\n;2026-11-28\r\n");
        assert_eq!(entry(&file, "codebook_codici.csv"), "\u{feff}codice;in parole\r\n-2;'-non risponde\r\n");
    }

    #[test]
    fn a_spreadsheet_shows_what_explains_it_first() {
        let file = written(TableFile::spreadsheet(Vec::new()));
        let workbook = entry(&file, "xl/workbook.xml");
        assert!(workbook.find("\"codici\"").unwrap() < workbook.find("\"persone\"").unwrap(), "{workbook}");
        let strings = entry(&file, "xl/sharedStrings.xml");
        assert!(strings.contains("'=Rossi") && strings.contains("2026-11-28"), "{strings}");
        assert!(entry(&file, "xl/worksheets/sheet2.xml").contains("<v>-2</v>"));
        assert!(!entry(&file, "xl/worksheets/sheet2.xml").contains("<f>"));
    }

    #[test]
    fn a_figure_is_a_number_in_a_spreadsheet_and_its_text_elsewhere() {
        for (text, found) in [("1234", (1234.0, 0)), ("63,4", (63.4, 1)), ("−0,05", (-0.05, 2)), ("0", (0.0, 0))] {
            assert_eq!(figure(text), Some(found), "{text}");
        }
        for text in ["", "n<5", "12,", ",5", "1,2,3", "63,4 (60,1–66,7)", "–", "−", "-5", "1.234", "1234567890123456"]
        {
            assert_eq!(figure(text), None, "{text}");
        }
        let written = |mut file: TableFile<Vec<u8>>| {
            file.begin("quote", ["quota"]).unwrap();
            for text in ["63,4", "n<5", "=1"] {
                file.row([Cell::Figure(text)]).unwrap();
            }
            file.finish(&[]).unwrap()
        };
        let sheet = entry(&written(TableFile::spreadsheet(Vec::new())), "xl/worksheets/sheet1.xml");
        assert!(sheet.contains("<v>63.4</v>") && !sheet.contains("<f>"), "{sheet}");
        assert_eq!(
            entry(&written(TableFile::csv(Vec::new(), false)), "quote.csv"),
            "\u{feff}quota\r\n63,4\r\nn<5\r\n'=1\r\n"
        );
    }

    #[test]
    fn a_spreadsheet_has_an_end() {
        let mut file = TableFile::spreadsheet(Vec::new());
        assert!(matches!(file.row([Cell::Number(1)]), Err(TableError::NoTable)));
        file.begin("a", ["a"]).unwrap();
        let row = || std::iter::repeat_n(Cell::Absent, 10_000);
        for _ in 0..CELLS_MAX / 10_000 {
            file.row(row()).unwrap();
        }
        assert!(matches!(file.row(row()), Err(TableError::TooLarge)));
    }
}
