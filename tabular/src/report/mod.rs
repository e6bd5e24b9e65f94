//! A written report as a file for a word processor: headings that make a table of contents, sentences with their source,
//! tables whose head is repeated on each page.
//!
//! The same report gives the same bytes: nothing in the file says when it was made, unless a text of the report does. What
//! somebody typed is text, never a field that a word processor would work out; characters that XML cannot hold are left out.

mod body;
mod parts;
mod text;
mod widths;
mod xml;

use std::io;

use zip::result::ZipError;

/// Columns that a table of a word processor can have.
pub const COLUMNS_MAX: usize = 63;

/// A report, from its title to its last block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its title, which the properties of the file have too. It cannot be blank.
    pub title: String,
    /// What stands under the title; nothing if blank.
    pub subtitle: String,
    /// The language that it is read aloud and spelled in, such as `it-IT`.
    pub language: &'static str,
    /// What it says, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// The heading of what follows.
    Heading {
        /// Of which rank.
        level: Level,
        /// Its words.
        text: String,
    },
    /// A paragraph about figures.
    Paragraph {
        /// What it says. A line that ends, ends in the file too.
        text: String,
        /// Where the figures can be seen; it follows the text, after a space.
        link: Option<Link>,
    },
    /// What people added: a paragraph for each part between blank lines.
    Free(String),
    /// A table.
    Table {
        /// What it shows: stands above it, and is what a screen reader says of it. Not shown if blank.
        caption: String,
        /// Its columns, 1 to [`COLUMNS_MAX`].
        columns: Vec<ReportColumn>,
        /// Its rows, with a cell for each column.
        rows: Vec<Vec<String>>,
    },
    /// A remark in smaller letters, often under a table.
    Note(String),
}

/// The rank of a heading; the title of the report stands above all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A part of the report.
    First,
    /// A section of a part.
    Second,
    /// A section of a section.
    Third,
}

/// Words that lead somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The words.
    pub text: String,
    /// Where they lead: `https://…`, `http://…`, or a path that begins with `/`. Nothing but the whole address leads there
    /// from a file that was sent on: a word processor looks for a path on the reader's own disk.
    pub address: String,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportColumn {
    /// Its heading.
    pub title: String,
    /// Whether it is of figures, which stand on the right.
    pub is_number: bool,
}

/// Why a report cannot be made. Blocks and rows are counted from one.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Without a title it has no name that a reader can be told.
    #[error("a report without a title")]
    NoTitle,
    /// A table has no columns, or more than [`COLUMNS_MAX`].
    #[error("block {block}: a table of {columns} columns, of which there can be 1 to {COLUMNS_MAX}")]
    Columns {
        /// Which block the table is.
        block: usize,
        /// How many columns it has.
        columns: usize,
    },
    /// A row has more or fewer cells than its table has columns.
    #[error("block {block}, row {row}: {cells} cells in a table of {columns} columns")]
    Cells {
        /// Which block the table is.
        block: usize,
        /// Which row, below the head.
        row: usize,
        /// How many cells it has.
        cells: usize,
        /// How many it should have.
        columns: usize,
    },
    /// A link leads neither to a page of the web nor to a path (the address is not said: it may hold what a reader asked for).
    #[error("block {block}: a link that begins neither with https:// or http:// nor with one slash")]
    Address {
        /// Which block the link is in.
        block: usize,
    },
    /// It cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nor can the archive that a DOCX file is.
    #[error(transparent)]
    Zip(#[from] ZipError),
}

/// The report as a DOCX file: A4, two centimetres of margin, the number of each page at its foot.
///
/// # Errors
/// [`ReportError`], of which all but the last two say what is wrong with the report.
pub fn docx(report: &Report) -> Result<Vec<u8>, ReportError> {
    check(report)?;
    let body = body::written(report)?;
    parts::zipped(report, &body)
}

/// What the model cannot hold by itself.
fn check(report: &Report) -> Result<(), ReportError> {
    if text::one_line(&report.title).is_empty() {
        return Err(ReportError::NoTitle);
    }
    for (block, what) in (1..).zip(&report.blocks) {
        match what {
            Block::Paragraph { link: Some(link), .. } if !text::is_address(&link.address) => {
                return Err(ReportError::Address { block });
            }
            Block::Table { columns, rows, .. } => check_table(block, columns.len(), rows)?,
            Block::Heading { .. } | Block::Paragraph { .. } | Block::Free(_) | Block::Note(_) => {}
        }
    }
    Ok(())
}

fn check_table(block: usize, columns: usize, rows: &[Vec<String>]) -> Result<(), ReportError> {
    if !(1..=COLUMNS_MAX).contains(&columns) {
        return Err(ReportError::Columns { block, columns });
    }
    match (1..).zip(rows).find(|(_, cells)| cells.len() != columns) {
        Some((row, cells)) => Err(ReportError::Cells { block, row, cells: cells.len(), columns }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
