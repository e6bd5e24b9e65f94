//! Tables as files: one as CSV, several as an archive of CSV or as a spreadsheet, with the tables that explain them. Whatever
//! somebody typed, no cell is a formula.
//!
//! Files are written from the first byte to the last, into whatever the caller gives: no row stands in clear on a disk unless
//! the caller puts it there. A spreadsheet is made in memory for the same reason, so it has a limit.

mod csv;
mod file;

pub use csv::{CSV_MARK, csv, csv_line, harmless};
pub use file::{CELLS_MAX, Cell, Explanation, TableError, TableFile};
