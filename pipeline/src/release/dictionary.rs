//! The dictionary of a release: every column and every code in it, in the words of `words.csv` and of the definition.
//!
//! A code that is not in the table is not in the dictionary, so that it tells nothing that the table does not.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use domain::instrument::Instrument;
use serde::Serialize;

/// Italian words: column, code (none for the column itself), words. A column that ends in `_` stands for its scales.
const WORDS: &str = include_str!("words.csv");

/// One column.
#[derive(Debug, Serialize)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) meaning: String,
    pub(super) is_quasi_identifier: bool,
    pub(super) codes: Vec<Code>,
}

/// One of the codes of a column, in how many rows it is.
#[derive(Debug, Serialize)]
pub(super) struct Code {
    pub(super) code: String,
    pub(super) words: String,
    /// Whether it stands for a value that is not there: not known, not valid, not released.
    pub(super) is_missing: bool,
    pub(super) rows: usize,
}

fn word(column: &str, code: &str) -> Option<&'static str> {
    WORDS.lines().find_map(|line| {
        let mut cells = line.splitn(3, ';');
        let is_it = cells.next() == Some(column) && cells.next() == Some(code);
        cells.next().filter(|_| is_it)
    })
}

/// The words of a column itself, or of what every release is told with; a test looks that they are there.
pub(super) fn heading(column: &str) -> &'static str {
    word(column, "").unwrap_or_default()
}

/// The columns of a table with the codes that it has.
pub(super) fn describe(
    table: &RecordBatch,
    quasi_identifiers: &[String],
    versions: &[Instrument],
) -> Result<Vec<Column>, ArrowError> {
    let mut columns = Vec::new();
    for field in table.schema().fields() {
        let name = field.name();
        let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
        let text = super::text(table, name)?;
        text.iter().flatten().for_each(|code| *rows.entry(code).or_default() += 1);
        columns.push(Column {
            name: name.clone(),
            meaning: meaning(name, versions),
            is_quasi_identifier: quasi_identifiers.contains(name),
            codes: rows
                .into_iter()
                .map(|(code, rows)| Code {
                    code: code.to_owned(),
                    words: words_of(name, code, versions),
                    is_missing: word(name, code).is_none() && word("*", code).is_some(),
                    rows,
                })
                .collect(),
        });
    }
    Ok(columns)
}

/// The words of a code; of one that nobody has words for, the code.
pub(super) fn words_of(column: &str, code: &str, versions: &[Instrument]) -> String {
    let words = word(column, code).or_else(|| word("*", code)).map(str::to_owned);
    words.or_else(|| of_definition(column, code, versions)).unwrap_or_else(|| code.replace('_', "–"))
}

/// The longest beginning of a column's name that is one of a scale's columns, and the scale.
fn of_scale(name: &str) -> Option<(&'static str, &str)> {
    ["livello_iniziale_", "fascia_indice_", "livello_"]
        .into_iter()
        .find_map(|stem| name.strip_prefix(stem).map(|scale| (stem, scale)))
}

/// What a column says.
pub(super) fn meaning(name: &str, versions: &[Instrument]) -> String {
    if let Some(words) = word(name, "") {
        return words.to_owned();
    }
    let Some((stem, id)) = of_scale(name) else { return name.to_owned() };
    let title = versions.iter().rev().flat_map(|known| &known.scales).find(|scale| scale.id.as_str() == id);
    format!("{}: {}", heading(stem), title.map_or(id, |scale| scale.title.as_str()))
}

fn of_definition(name: &str, code: &str, versions: &[Instrument]) -> Option<String> {
    let newest = || versions.iter().rev();
    if name == super::table::PROFILE {
        let classes = newest().filter_map(|known| known.profile.as_ref()).flat_map(|profile| &profile.classes);
        return classes.into_iter().find(|class| class.id.as_str() == code).map(|class| class.title.to_string());
    }
    let (_, id) = of_scale(name)?;
    let levels = newest().flat_map(|known| &known.scales).filter(|scale| scale.id.as_str() == id);
    levels.flat_map(|scale| &scale.levels).find(|level| level.id.as_str() == code).map(|level| level.title.to_string())
}

impl Column {
    fn role(&self) -> &'static str {
        heading(if self.is_quasi_identifier { "quasi" } else { "altra" })
    }
}

/// As a table: one line for each column, one for each code.
pub(super) fn csv(columns: &[Column]) -> String {
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let line = |cells: &[&str]| cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(";") + "\n";
    let titles = ["colonna", "codice", "descrizione", "tipo", "ruolo"].map(heading);
    let mut text = line(&titles);
    for column in columns {
        text += &line(&[&column.name, "", &column.meaning, heading("testo"), column.role()]);
        for Code { code, words, is_missing: _, rows: _ } in &column.codes {
            text += &line(&[&column.name, code, words, "", ""]);
        }
    }
    text
}

/// As a text to read.
pub(super) fn markdown(columns: &[Column], instrument: &str) -> String {
    let mut text = format!("# {}: {instrument}\n\n{}\n", heading("titolo"), heading("intro"));
    let plain = |words: &str| words.replace('|', "\\|").replace('*', "\\*");
    for column in columns {
        text += &format!(
            "\n## `{}`\n\n{} ({}, {}).\n\n| {} | {} |\n|---|---|\n",
            column.name,
            column.meaning,
            heading("testo"),
            column.role(),
            heading("codice"),
            heading("descrizione"),
        );
        for Code { code, words, is_missing: _, rows: _ } in &column.codes {
            text += &format!("| {} | {} |\n", plain(code), plain(words));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ASSO;

    #[test]
    fn columns_and_codes_have_words() {
        let versions = [ASSO.clone()];
        assert_eq!(word("sesso", "f"), Some("donna"));
        assert!(meaning("livello_iniziale_occupabilita", &versions).starts_with("Livello della prima valutazione"));
        assert_eq!(of_definition("livello_occupabilita", "piena", &versions).as_deref(), Some("Piena"));
        assert_eq!(of_definition("profilo", "svantaggio_lieve", &versions).as_deref(), Some("Svantaggio lieve"));
        for line in WORDS.lines() {
            assert!(line.splitn(3, ';').nth(2).is_some_and(|words| !words.is_empty()), "{line}");
        }
    }
}
