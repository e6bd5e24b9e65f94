//! Tables as files hold them: CSV read as it comes, the first sheet of an XLSX workbook read whole, within limits.
//!
//! Which of the two a file is its first bytes say, not its name. What a cell means belongs to `table`.

use std::io::{self, BufRead, Cursor, Read};

use calamine::{CellErrorType, DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use csv::StringRecord;
use zip::ZipArchive;

use super::ImportError;

/// Bytes of a workbook, which is read whole.
const WORKBOOK_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of all that a workbook holds once it is unpacked: beyond that it is no table of questionnaires.
const UNPACKED_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Files inside a workbook.
const ENTRIES_MAX: usize = 1_000;
/// Cells of a sheet that hold something.
const CELLS_MAX: usize = 2_000_000;
/// Columns of a sheet that hold something.
const COLUMNS_MAX: usize = 2_000;

/// How a zip archive begins, and so a workbook.
const ZIP: &[u8] = b"PK\x03\x04";
/// How an old workbook begins, and one with a password.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0";

/// Why a workbook cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    /// Some other file.
    #[error("this is no XLSX workbook: save the table as .xlsx, or as CSV in UTF-8")]
    Other,
    /// The format of before 2007, or encrypted.
    #[error("an old workbook (.xls), or one with a password: save it as .xlsx without a password")]
    OldOrLocked,
    /// Too many bytes.
    #[error("the workbook has more than {} MiB: split the table, or save it as CSV", WORKBOOK_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// Too much inside.
    #[error(
        "the workbook holds more than {} MiB or {} cells once it is unpacked: split the table, or save it as CSV",
        UNPACKED_BYTES_MAX / 1024 / 1024,
        CELLS_MAX
    )]
    TooMuch,
    /// Nothing that can be seen.
    #[error("the workbook has no sheet that can be seen")]
    NoSheet,
    /// The first row is empty.
    #[error("the first row of the first sheet must hold the headings")]
    NoHeadings,
    /// A defect of the file.
    #[error("the workbook is damaged: open it, save it again, and try once more")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl WorkbookError {
    /// Its code among the words of pages.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::OldOrLocked => "old_or_locked",
            Self::TooLarge => "too_large",
            Self::TooMuch => "too_much",
            Self::NoSheet => "no_sheet",
            Self::NoHeadings => "no_headings",
            Self::Damaged(_) => "damaged",
        }
    }
}

impl From<XlsxError> for WorkbookError {
    fn from(error: XlsxError) -> Self {
        Self::Damaged(Box::new(error))
    }
}

/// A row of a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// From 1, below the headings; rows that are empty count.
    pub(super) number: u64,
    pub(super) cells: StringRecord,
    /// Cells of a spreadsheet that hold an error, by their place, with its name.
    pub(super) errors: Vec<(usize, String)>,
}

impl Row {
    fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// An open table.
pub(super) struct TableFile<R> {
    pub(super) headings: StringRecord,
    /// Whether dates come from cells, and are written in one way whatever the map says.
    pub(super) is_workbook: bool,
    rows: Rows<R>,
}

enum Rows<R> {
    Csv { reader: Box<csv::Reader<R>>, number: u64 },
    Workbook(std::vec::IntoIter<Row>),
}

impl<R: BufRead> TableFile<R> {
    /// Opens a table; without a delimiter, the heading line of a CSV file says which it is.
    pub(super) fn open(mut from: R, delimiter: Option<u8>) -> Result<Self, ImportError> {
        let cannot_read = |source: io::Error| ImportError::Csv { row: 0, source: source.into() };
        let head = from.fill_buf().map_err(cannot_read)?;
        if head.starts_with(COMPOUND) {
            return Err(WorkbookError::OldOrLocked.into());
        }
        if head.starts_with(ZIP) {
            let mut bytes = Vec::new();
            from.take(WORKBOOK_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
            let (headings, rows) = read_workbook(&bytes)?;
            return Ok(Self { headings, is_workbook: true, rows: Rows::Workbook(rows.into_iter()) });
        }
        let delimiter = delimiter.unwrap_or_else(|| delimiter_of(head));
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(from);
        let headings = reader.headers().map_err(|source| ImportError::Csv { row: 0, source })?;
        // Spreadsheets write a mark before the first heading.
        let headings = match headings.get(0).and_then(|first| first.strip_prefix('\u{feff}')) {
            Some(first) => std::iter::once(first).chain(headings.iter().skip(1)).collect(),
            None => headings.clone(),
        };
        Ok(Self { headings, is_workbook: false, rows: Rows::Csv { reader: Box::new(reader), number: 0 } })
    }

    /// The next row that holds anything; `false` when there is none.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, ImportError> {
        loop {
            match &mut self.rows {
                Rows::Csv { reader, number } => {
                    let more = reader.read_record(&mut row.cells);
                    if !more.map_err(|source| ImportError::Csv { row: *number, source })? {
                        return Ok(false);
                    }
                    *number += 1;
                    row.number = *number;
                }
                Rows::Workbook(rows) => match rows.next() {
                    Some(next) => *row = next,
                    None => return Ok(false),
                },
            }
            if !row.is_empty() {
                return Ok(true);
            }
        }
    }
}

/// What stands most often between the headings.
fn delimiter_of(head: &[u8]) -> u8 {
    let line = head.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let count = |delimiter: &u8| line.iter().filter(|byte| *byte == delimiter).count();
    [b',', b'\t', b';'].into_iter().max_by_key(count).unwrap_or(b';')
}

fn read_workbook(bytes: &[u8]) -> Result<(StringRecord, Vec<Row>), WorkbookError> {
    if bytes.len() > WORKBOOK_BYTES_MAX {
        return Err(WorkbookError::TooLarge);
    }
    weigh(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| {
        // Another kind of document is an archive too.
        if matches!(error, XlsxError::FileNotFound(_)) { WorkbookError::Other } else { error.into() }
    })?;
    let seen = |sheet: &&calamine::Sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible;
    let name = book.sheets_metadata().iter().find(seen).map(|sheet| sheet.name.clone());
    let name = name.ok_or(WorkbookError::NoSheet)?;
    let mut cells = book.worksheet_cells_reader(&name)?;
    let mut sheet = Sheet::default();
    let mut count = 0;
    while let Some(cell) = cells.next_cell()? {
        let (row, column) = cell.get_position();
        let value = cell.get_value();
        let text = if let DataRef::Error(error) = value { Err(error) } else { Ok(text_of(value)) };
        if matches!(&text, Ok(text) if text.trim().is_empty()) {
            continue;
        }
        count += 1;
        let column = column as usize;
        if count > CELLS_MAX || column >= COLUMNS_MAX {
            return Err(WorkbookError::TooMuch);
        }
        sheet.take(row, column, text)?;
    }
    sheet.end()
}

/// Unpacks all of an archive once, keeping nothing: what it says of its own size may be a lie.
fn weigh(bytes: &[u8]) -> Result<(), WorkbookError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| WorkbookError::Other)?;
    if archive.len() > ENTRIES_MAX {
        return Err(WorkbookError::TooMuch);
    }
    let mut left = UNPACKED_BYTES_MAX;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(|error| WorkbookError::Damaged(Box::new(error)))?;
        let unpacked = io::copy(&mut entry.take(left + 1), &mut io::sink());
        let unpacked = unpacked.map_err(|error| WorkbookError::Damaged(Box::new(error)))?;
        left = left.checked_sub(unpacked).ok_or(WorkbookError::TooMuch)?;
    }
    Ok(())
}

/// A sheet while its cells come by, row after row.
#[derive(Default)]
struct Sheet {
    headings: Vec<String>,
    rows: Vec<Row>,
    /// The row that is being read, by its number on the sheet from 0, and its cells.
    row: u32,
    cells: Vec<String>,
    errors: Vec<(usize, String)>,
}

impl Sheet {
    fn take(&mut self, row: u32, column: usize, cell: Result<String, &CellErrorType>) -> Result<(), WorkbookError> {
        let is_before = row < self.row || (row == self.row && column < self.cells.len());
        if is_before {
            return Err(WorkbookError::Damaged("cells are out of order".into()));
        }
        if row > self.row {
            self.end_row()?;
            self.row = row;
        }
        // What stands beside the headings no map can name.
        if row > 0 && column >= self.headings.len() {
            return Ok(());
        }
        self.cells.resize(column, String::new());
        self.cells.push(cell.unwrap_or_else(|error| {
            self.errors.push((column, error.to_string()));
            String::new()
        }));
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), WorkbookError> {
        let mut cells = std::mem::take(&mut self.cells);
        let errors = std::mem::take(&mut self.errors);
        if self.row == 0 {
            if cells.is_empty() || !errors.is_empty() {
                return Err(WorkbookError::NoHeadings);
            }
            self.headings = cells;
        } else {
            cells.resize(self.headings.len(), String::new());
            self.rows.push(Row { number: self.row.into(), cells: StringRecord::from(cells), errors });
        }
        Ok(())
    }

    fn end(mut self) -> Result<(StringRecord, Vec<Row>), WorkbookError> {
        self.end_row()?;
        Ok((StringRecord::from(self.headings), self.rows))
    }
}

/// What a cell says, as a CSV file would: whole numbers without a point, days as 2026-11-28. Of a formula it is the value that
/// was saved with it.
fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty | DataRef::Error(_) => String::new(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
        // Below one there is an hour and no day.
        DataRef::DateTime(moment) if moment.is_duration() || moment.as_f64() < 1.0 => number_text(moment.as_f64()),
        DataRef::DateTime(moment) => {
            let (year, month, day, ..) = moment.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTimeIso(text) => text.split('T').next().unwrap_or_default().to_owned(),
        DataRef::DurationIso(text) => text.clone(),
    }
}

fn number_text(number: f64) -> String {
    // A whole one has no point, and no zero is below zero.
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
    use zip::write::SimpleFileOptions;

    use super::*;

    fn book(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
        let mut book = Workbook::new();
        fill(book.add_worksheet());
        book.add_worksheet().write_string(0, 0, "another sheet").unwrap();
        book.save_to_buffer().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<(Vec<String>, Vec<Row>), ImportError> {
        let mut file = TableFile::open(bytes, None)?;
        let mut rows = Vec::new();
        let mut row = Row::default();
        while file.next(&mut row)? {
            rows.push(std::mem::take(&mut row));
        }
        Ok((file.headings.iter().map(ToOwned::to_owned).collect(), rows))
    }

    fn refused(bytes: &[u8]) -> WorkbookError {
        let outcome = read(bytes);
        let Err(ImportError::Workbook(error)) = outcome else { panic!("{outcome:?}") };
        error
    }

    fn cells(row: &Row) -> Vec<&str> {
        row.cells.iter().collect()
    }

    #[test]
    fn the_first_sheet_is_read_as_a_csv_file_would_be() {
        let bytes = book(|sheet| {
            for (column, heading) in (0..).zip(["id", "day", "code", "text", "sum", "wrong"]) {
                sheet.write_string(0, column, heading).unwrap();
            }
            let day = Format::new().set_num_format("dd/mm/yyyy");
            let on = ExcelDateTime::from_ymd(2026, 3, 9).unwrap();
            sheet.write_number(1, 0, 12.0).unwrap();
            sheet.write_datetime_with_format(1, 1, &on, &day).unwrap();
            sheet.write_string(1, 2, "0093033").unwrap();
            sheet.write_string(1, 3, "due; tre").unwrap();
            sheet.write_formula(1, 4, Formula::new("=2+3").set_result("5")).unwrap();
            sheet.write_formula(1, 5, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
            // A row of blanks, a row that begins late, something beside the headings.
            sheet.write_string(2, 1, "  ").unwrap();
            sheet.write_number(3, 3, 0.5).unwrap();
            sheet.write_boolean(3, 4, true).unwrap();
            sheet.write_string(3, 9, "a note").unwrap();
            sheet.write_blank(9, 0, &day).unwrap();
        });
        let (headings, rows) = read(&bytes).unwrap();
        assert_eq!(headings, ["id", "day", "code", "text", "sum", "wrong"]);
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!(cells(&rows[0]), ["12", "2026-03-09", "0093033", "due; tre", "5", ""]);
        assert_eq!(rows[0].errors, [(5, "#DIV/0!".to_owned())]);
        assert_eq!((rows[1].number, cells(&rows[1])), (3, vec!["", "", "", "0.5", "TRUE", ""]));
    }

    #[test]
    fn what_is_no_workbook_is_refused_with_what_to_do() {
        assert!(matches!(refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), WorkbookError::OldOrLocked));
        assert!(matches!(refused(b"PK\x03\x04 and nothing more"), WorkbookError::Other));
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("content.xml", SimpleFileOptions::default()).unwrap();
        archive.write_all(b"<office:document-content/>").unwrap();
        assert!(matches!(refused(&archive.finish().unwrap().into_inner()), WorkbookError::Other));
        let headless = book(|sheet| {
            sheet.write_string(4, 0, "id").unwrap();
        });
        assert!(matches!(refused(&headless), WorkbookError::NoHeadings));
        let good = book(|sheet| {
            sheet.write_string(0, 0, "id").unwrap();
        });
        assert!(read(&good).is_ok());
        let mut cut = good.clone();
        cut.truncate(good.len() / 2);
        assert!(matches!(refused(&cut), WorkbookError::Other));
        let far = book(|sheet| {
            sheet.write_string(0, 0, "id").unwrap();
            sheet.write_string(1, 16_000, "x").unwrap();
        });
        assert!(matches!(refused(&far), WorkbookError::TooMuch));
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused_before_it_is_read() {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        archive.start_file("xl/workbook.xml", deflated).unwrap();
        let blanks = vec![b' '; 1024 * 1024];
        for _ in 0..=UNPACKED_BYTES_MAX / (1024 * 1024) {
            archive.write_all(&blanks).unwrap();
        }
        let bytes = archive.finish().unwrap().into_inner();
        assert!(bytes.len() < 1024 * 1024, "{} bytes", bytes.len());
        assert!(matches!(refused(&bytes), WorkbookError::TooMuch));
    }

    #[test]
    fn the_headings_say_what_stands_between_them() {
        for (head, expected) in
            [("a;b,c;d\n1;2;3", b';'), ("a,b\n1;2;3;4", b','), ("a\tb", b'\t'), ("a", b';'), ("", b';')]
        {
            assert_eq!(delimiter_of(head.as_bytes()), expected, "{head}");
        }
        let (headings, rows) = read("\u{feff}id;day\r\n1;2026-01-31\r\n;\r\n".as_bytes()).unwrap();
        assert_eq!((headings.len(), rows.len()), (2, 1), "a row of empty cells is no row");
        assert_eq!(headings[0], "id");
    }

    #[test]
    fn no_bytes_break_the_reader() {
        let good = book(|sheet| {
            sheet.write_string(0, 0, "id").unwrap();
            sheet.write_string(1, 0, "x").unwrap();
        });
        for at in (0..good.len()).step_by(7) {
            let mut bytes = good.clone();
            bytes[at] ^= 0x55;
            let _ = read(&bytes);
        }
    }
}
