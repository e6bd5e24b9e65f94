//! One table, for the page and for the file: what is downloaded is what is seen, cell by cell.

use serde::{Deserialize, Serialize};
use tabular::{Cell, Explanation, TableError, TableFile};

use crate::text;

/// A column's heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) text: String,
    /// Figures stand to the right.
    pub(crate) is_number: bool,
}

impl Column {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_number: false }
    }

    pub(crate) fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_number: true }
    }
}

/// A row: its head, then a cell for each further column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) head: String,
    pub(crate) cells: Vec<String>,
    pub(crate) is_total: bool,
}

/// A table of texts, as shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

/// The tables of one page as a file, with what is said of them all: names and values.
#[derive(Clone, Debug)]
pub(crate) struct TablesFile {
    pub(crate) tables: Vec<(Option<String>, Table)>,
    pub(crate) notes: Vec<(String, String)>,
}

impl TablesFile {
    /// One below the other, as Italian spreadsheets open them: semicolons, UTF-8 with its mark, CRLF. The notes follow.
    pub(crate) fn csv(&self) -> String {
        let mut lines: Vec<Vec<String>> = Vec::new();
        for (title, table) in &self.tables {
            if !lines.is_empty() {
                lines.push(Vec::new());
            }
            lines.extend(title.iter().map(|title| vec![title.clone()]));
            lines.push(table.columns.iter().map(|column| column.text.clone()).collect());
            lines.extend(table.rows.iter().map(|row| [vec![row.head.clone()], row.cells.clone()].concat()));
        }
        lines.push(Vec::new());
        lines.extend(self.notes.iter().map(|(name, value)| vec![name.clone(), value.clone()]));
        tabular::csv(lines)
    }

    /// A sheet for each, whose figures are numbers, after one that names them and has the notes.
    ///
    /// # Errors
    /// See [`TableError`].
    pub(crate) fn xlsx(&self) -> Result<Vec<u8>, TableError> {
        let word = |code: &str| text::word("dashboard", code);
        let mut file = TableFile::spreadsheet(Vec::new());
        let mut lines = Vec::new();
        for ((title, table), number) in self.tables.iter().zip(1..) {
            let sheet = format!("{} {number}", word("sheet"));
            file.begin(&sheet, table.columns.iter().map(|column| &column.text))?;
            for row in &table.rows {
                let cells = row
                    .cells
                    .iter()
                    .zip(table.columns.iter().skip(1))
                    .map(|(cell, column)| if column.is_number { Cell::Figure(cell) } else { Cell::Text(cell) });
                file.row(std::iter::once(Cell::Text(&row.head)).chain(cells))?;
            }
            let title = title.clone().or_else(|| table.columns.first().map(|column| column.text.clone()));
            lines.push(vec![sheet, title.unwrap_or_default()]);
        }
        lines.push(Vec::new());
        lines.extend(self.notes.iter().map(|(name, value)| vec![name.clone(), value.clone()]));
        let head = vec![word("sheet"), word("contents")];
        file.finish(&[Explanation { name: word("index_of_sheets"), head, lines }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_the_table_says_and_no_formula_gets_through() {
        let row = |head: &str, cell: &str| Row { head: head.into(), cells: vec![cell.into()], is_total: false };
        let table = Table {
            columns: vec![Column::text("Comune"), Column::number("Persone")],
            rows: vec![
                row("=HYPERLINK(\"x\")", "12,5"),
                row("San Vito; al \"T\"", "n<5"),
                row("@a", "+1"),
                row("\ta", "-1"),
            ],
        };
        let notes = vec![("Dati del".to_owned(), "25/11/2026 04:36".to_owned())];
        let file = TablesFile { tables: vec![(None, table)], notes };
        let expected = "\u{feff}Comune;Persone\r\n\"'=HYPERLINK(\"\"x\"\")\";12,5\r\n\"San Vito; al \"\"T\"\"\";n<5\r\n'@a;'+1\r\n'\ta;'-1\r\n\r\n\
                        Dati del;25/11/2026 04:36\r\n";
        assert_eq!(file.csv(), expected);
    }
}
