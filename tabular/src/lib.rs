//! Tables and written reports as files people open in an office program: a table as CSV, several as an archive of CSV or as a
//! spreadsheet, with the tables that explain them; a report as DOCX. Whatever somebody typed, no cell is a formula and no
//! text a field.
//!
//! Files of tables are written from the first byte to the last, into whatever the caller gives: no row stands in clear on a
//! disk unless the caller puts it there. A spreadsheet is made in memory for the same reason, so it has a limit; a report is
//! made in memory because it is short.

mod csv;
mod file;
mod report;

pub use csv::{CSV_MARK, csv, csv_line, harmless};
pub use file::{CELLS_MAX, Cell, Explanation, TableError, TableFile};
pub use report::{Block, COLUMNS_MAX, Level, Link, Report, ReportColumn, ReportError, docx};
