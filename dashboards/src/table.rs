//! One table, for the page and for the file: what is downloaded is what is seen, cell by cell.

use serde::{Deserialize, Serialize};

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

/// Tables of one page as a file that Italian spreadsheets open: semicolons, UTF-8 with its mark, CRLF. The notes follow, as
/// name and value.
pub(crate) fn csv<'a>(
    tables: impl IntoIterator<Item = (Option<&'a str>, &'a Table)>,
    notes: &[(String, String)],
) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (title, table) in tables {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.extend(title.map(|title| vec![title.to_owned()]));
        lines.push(table.columns.iter().map(|column| column.text.clone()).collect());
        lines.extend(table.rows.iter().map(|row| [vec![row.head.clone()], row.cells.clone()].concat()));
    }
    lines.push(Vec::new());
    lines.extend(notes.iter().map(|(name, value)| vec![name.clone(), value.clone()]));
    tabular::csv(lines)
}

/// The same of tables that have a title or none.
pub(crate) fn csv_of(tables: &[(Option<String>, Table)], notes: &[(String, String)]) -> String {
    csv(tables.iter().map(|(title, table)| (title.as_deref(), table)), notes)
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
        let file = csv([(None, &table)], &[("Dati del".to_owned(), "25/11/2026 04:36".to_owned())]);
        let expected = "\u{feff}Comune;Persone\r\n\"'=HYPERLINK(\"\"x\"\")\";12,5\r\n\"San Vito; al \"\"T\"\"\";n<5\r\n'@a;'+1\r\n'\ta;'-1\r\n\r\n\
                        Dati del;25/11/2026 04:36\r\n";
        assert_eq!(file, expected);
    }
}
