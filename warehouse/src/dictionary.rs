//! The data dictionary: every table, view and mart with its columns, and the way of each figure from the feed to a page. Made
//! from the sidecars and the SQL, so that it cannot say anything else than they do.

use std::collections::BTreeSet;

use crate::mart::{COMPUTED_FROM, INTERMEDIATE, MARTS, Mart, PrivacyClass, VIEWS, sources};
use crate::notes::BaseNotes;
use crate::schema;

const HEAD: &str = "# Data dictionary

What `noncello warehouse query` and the dashboards read, made from the sidecars beside the SQL (`warehouse/marts`) and
`warehouse/src/columns.toml`; a test compares. After a change `make dictionary` writes it anew.

Classes: **public**, anybody; **quasi-identifier**, helps to single somebody out; **sensitive**, says something about people that they may not want known;
**private**, never leaves the Ente's own systems. All tables are of one Ente. A `period` is a calendar year, or `all`: in it each person counts once, where their last
assessment of the period has them, unless a column says assessments.
";

const LINEAGE: &str = "
## From the feed to a page
```
events of the feed ─▶ base tables ─▶ steps (int_…) ─▶ marts ─▶ pages of dashboards
                          │              ▲               │
definitions ──────────────┼─▶ ref_… ─────┘               └─▶ views, person by person, where analysts ask
                          └──────────────────────────────────▲
```
";

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}

fn class(class: PrivacyClass) -> &'static str {
    match class {
        PrivacyClass::Public => "public",
        PrivacyClass::QuasiIdentifier => "quasi-identifier",
        PrivacyClass::Sensitive => "sensitive",
        PrivacyClass::Private => "private",
    }
}

fn line(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    page.push_str(&format!("| {} |\n", cells.join(" | ")));
}

fn head(page: &mut String, cells: &[&str]) {
    line(page, cells);
    page.push_str(&format!("{}|\n", "|---".repeat(cells.len())));
}

/// The whole page.
///
/// # Errors
/// When a sidecar cannot be read: a defect that a test finds.
pub fn page() -> Result<String, toml::de::Error> {
    let notes = BaseNotes::read()?;
    let mut page = HEAD.to_owned();
    page.push_str(LINEAGE);
    steps(&mut page)?;
    page.push_str("\n## Base tables\nSplit by the year of the assessment, sorted by pseudonym, day, assessment. Meanings are in Italian: the codebook of an extraction prints them.\n");
    for (table, grain) in notes.tables() {
        base(&mut page, &notes, table, grain);
    }
    page.push_str("\n## Views\nMade anew in each session of an Ente's own people, stored nowhere.\n");
    VIEWS.iter().try_for_each(|view| mart(&mut page, view))?;
    page.push_str("\n## Marts\nMade whenever an Ente's tables change, and published with them.\n");
    MARTS.iter().try_for_each(|one| mart(&mut page, one))?;
    Ok(page)
}

fn steps(page: &mut String) -> Result<(), toml::de::Error> {
    page.push('\n');
    head(page, &["made", "reads", "so comes from", "shown on"]);
    for (name, inputs) in COMPUTED_FROM {
        line(page, &[&format!("`{name}`"), &list(inputs.iter().copied()), &list(sources(name)), "–"]);
    }
    for step in INTERMEDIATE {
        line(page, &[&format!("`{}`", step.name), &list(step.inputs()), &list(sources(step.name)), "–"]);
    }
    for one in MARTS.iter().chain(VIEWS) {
        let notes = one.notes()?;
        let pages: BTreeSet<String> = notes.shown_on.iter().map(|page| format!("/cruscotti/{page}")).collect();
        let name = format!("`{}`", one.step.name);
        let pages = list(pages.iter().map(String::as_str));
        line(page, &[&name, &list(one.step.inputs()), &list(sources(one.step.name)), &pages]);
    }
    Ok(())
}

fn base(page: &mut String, notes: &BaseNotes, table: &str, grain: &str) {
    let is_answers = schema::fixed(table).is_none();
    let schema = schema::fixed(table).unwrap_or_else(|| schema::answers(&[]));
    let name = if is_answers { "answers_<strumento>" } else { table };
    page.push_str(&format!("\n### `{name}`\n{grain}\n\n"));
    head(page, &["column", "comes from", "meaning", "class"]);
    for field in schema.fields() {
        let Some(note) = notes.column(field.name()) else { continue };
        let unit = note.unit.as_ref().map_or_else(String::new, |unit| format!(" ({unit})"));
        let meaning = format!("{}{unit}", note.meaning);
        line(page, &[&format!("`{}`", field.name()), &format!("`{}`", note.from), &meaning, class(note.class)]);
    }
    if is_answers {
        let meaning = "Valore dell'opzione scelta, o il codice di ciò che manca: -1 senza risposta, -2 non valutabile, -3 preferisce non rispondere. Vuoto se la versione non ha la domanda.";
        line(page, &["a column per item", "`validated.answers`", meaning, "sensitive"]);
    }
}

fn mart(page: &mut String, mart: &Mart) -> Result<(), toml::de::Error> {
    let notes = mart.notes()?;
    page.push_str(&format!(
        "\n### `{}`\n{} Unique by {}.",
        mart.step.name,
        notes.grain,
        list(notes.key.iter().map(String::as_str))
    ));
    for rule in &notes.rules {
        page.push_str(&format!(" Tested: {}.", rule.says));
    }
    page.push_str("\n\n");
    head(page, &["column", "meaning", "class"]);
    for (column, note) in &notes.columns {
        line(page, &[&format!("`{column}`"), &note.meaning, class(note.class)]);
    }
    Ok(())
}
