//! The codebook that goes with every extraction: made from the schema, its sidecar, the definitions and the manifest, so
//! that it cannot say anything else than what is in the files.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::instrument::{Instrument, Item, Missing, Status};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use serde::Serialize;
use tabular::Explanation;
use uuid::Uuid;
use warehouse::mart::PrivacyClass;
use warehouse::{BaseColumn, BaseNotes, Extract, Kind, Manifest};

use crate::extraction::record::Wanted;
use crate::text;

/// What is known of an extraction besides its rows.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) extraction: Uuid,
    pub(crate) ente_name: String,
    pub(crate) comuni: Vec<String>,
    pub(crate) asked_at: DateTime<Utc>,
    pub(crate) wanted: Wanted,
}

/// A fact of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ColumnLine {
    pub(crate) table: String,
    /// What a row of the table is.
    pub(crate) row: String,
    pub(crate) column: String,
    pub(crate) kind: String,
    pub(crate) meaning: String,
    pub(crate) unit: String,
    pub(crate) class: String,
}

/// A code of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CodeLine {
    pub(crate) table: String,
    pub(crate) column: String,
    /// Of the strumento; empty where the code is not the strumento's.
    pub(crate) version: String,
    pub(crate) code: String,
    pub(crate) words: String,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Codebook {
    pub(crate) information: Vec<Fact>,
    pub(crate) columns: Vec<ColumnLine>,
    pub(crate) codes: Vec<CodeLine>,
}

fn word(code: &str) -> String {
    text::word("codebook", code)
}

impl Codebook {
    /// The codebook of an extraction. `rows` are counted already.
    pub(crate) fn new(
        extract: &Extract<'_>,
        notes: &BaseNotes,
        manifest: &Manifest,
        instruments: &[Instrument],
        about: &About,
        rows: &BTreeMap<String, u64>,
    ) -> Self {
        let versions = published(manifest, instruments, &about.wanted.instrument);
        let (mut columns, mut codes) = (Vec::new(), Vec::new());
        for table in &extract.selection().tables {
            for column in extract.columns(table) {
                let note = notes.column(&column.name);
                columns.push(column_line(notes.grain(table), table, &column.name, column.kind, note, &versions));
                let of_column = match note {
                    Some(note) => note.codes.as_deref().map(|kind| codes_of(kind, &versions, &about.comuni)),
                    None => Some(item_codes(&column.name, &versions)),
                };
                codes.extend(of_column.unwrap_or_default().into_iter().map(|(version, code, words)| CodeLine {
                    table: table.clone(),
                    column: column.name.clone(),
                    version,
                    code,
                    words,
                }));
            }
        }
        Self { information: information(extract, manifest, &versions, about, rows), columns, codes }
    }

    /// Its parts, for files made of tables.
    pub(crate) fn tables(&self) -> [Explanation; 3] {
        let head = |codes: &[&str]| codes.iter().map(|code| word(code)).collect();
        let facts = self.information.iter().map(|fact| vec![fact.name.clone(), fact.value.clone()]);
        let columns = self.columns.iter().map(|line| {
            let ColumnLine { table, row, column, kind, meaning, unit, class } = line.clone();
            vec![table, column, meaning, kind, unit, class, row]
        });
        let codes = self.codes.iter().map(|line| {
            let CodeLine { table, column, version, code, words } = line.clone();
            vec![table, column, code, words, version]
        });
        [
            Explanation { name: word("information"), head: head(&["name", "value"]), lines: facts.collect() },
            Explanation {
                name: word("columns"),
                head: head(&["table", "column", "meaning", "kind", "unit", "class", "grain"]),
                lines: columns.collect(),
            },
            Explanation {
                name: word("codes"),
                head: head(&["table", "column", "code", "words", "version"]),
                lines: codes.collect(),
            },
        ]
    }
}

/// The versions of a strumento that the published state was made with, the oldest first.
fn published<'a>(manifest: &Manifest, instruments: &'a [Instrument], id: &str) -> Vec<&'a Instrument> {
    let is_published =
        |one: &&Instrument| manifest.definitions.iter().any(|known| known.id == id && known.version == one.version);
    let mut versions: Vec<&Instrument> =
        instruments.iter().filter(|one| one.id.as_str() == id).filter(is_published).collect();
    versions.sort_by_key(|one| one.version);
    versions
}

fn information(
    extract: &Extract<'_>,
    manifest: &Manifest,
    versions: &[&Instrument],
    about: &About,
    rows: &BTreeMap<String, u64>,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push(Fact { name: word(name), value });
    add("personal", word("personal_words"));
    add("extraction", about.extraction.to_string());
    add("ente", about.ente_name.clone());
    let title = versions.last().map_or(about.wanted.instrument.as_str(), |latest| latest.title.as_str());
    add("strumento", format!("{title} ({})", about.wanted.instrument));
    if versions.iter().any(|one| one.status == Status::Unofficial) {
        add("unofficial", word("unofficial_words"));
    }
    for known in manifest.definitions.iter().filter(|known| known.id == about.wanted.instrument) {
        add("definition", format!("{} {}", known.version, known.sha256));
    }
    let (from, until) = (about.wanted.from, about.wanted.until);
    add("years", if from == until { from.to_string() } else { format!("{from}–{until}") });
    for (table, rows) in rows {
        add("rows", format!("{table}: {rows}"));
    }
    add("lake_version", manifest.version.to_string());
    add("last_seq", manifest.last_seq.to_string());
    add("published_at", text::instant(manifest.published_at));
    add("asked_at", text::instant(about.asked_at));
    add("missing", word("missing_words"));
    for table in &extract.selection().tables {
        let kept_back = extract.columns_kept_back(table);
        if !kept_back.is_empty() {
            add("kept_back", format!("{table}: {}. {}", kept_back.join(", "), word("kept_back_words")));
        }
    }
    add("source", territory::ATTRIBUTION.to_owned());
    facts
}

fn column_line(
    grain: &str,
    table: &str,
    name: &str,
    kind: Kind,
    note: Option<&BaseColumn>,
    versions: &[&Instrument],
) -> ColumnLine {
    let kind = match kind {
        Kind::Text => "text",
        Kind::Number => "number",
        Kind::Day => "day",
    };
    let class = match note.map_or(PrivacyClass::Sensitive, |note| note.class) {
        PrivacyClass::Public => "public",
        PrivacyClass::QuasiIdentifier => "quasi_identifier",
        PrivacyClass::Sensitive => "sensitive",
        PrivacyClass::Private => "private",
    };
    let asked = || items(name, versions).last().map_or(String::new(), |(_, item)| item.text.as_str().to_owned());
    ColumnLine {
        table: table.to_owned(),
        row: grain.to_owned(),
        column: name.to_owned(),
        kind: text::word("codebook_kind", kind),
        meaning: note.map_or_else(asked, |note| note.meaning.clone()),
        unit: note.and_then(|note| note.unit.clone()).unwrap_or_default(),
        class: text::word("privacy_class", class),
    }
}

/// An item in the versions that have it.
fn items<'a>(id: &str, versions: &[&'a Instrument]) -> Vec<(u32, &'a Item)> {
    let of = |one: &&'a Instrument| Some((one.version, one.items.iter().find(|item| item.id.as_str() == id)?));
    versions.iter().filter_map(of).collect()
}

/// Version, code, words.
type Code = (String, String, String);

/// What the numbers of an item stand for: its options, then why there is none.
fn item_codes(id: &str, versions: &[&Instrument]) -> Vec<Code> {
    let mut codes = Vec::new();
    for (version, item) in items(id, versions) {
        let options = item.options.iter().map(|option| (option.value, option.text.as_str().to_owned()));
        let kinds = std::iter::once(&Missing::NotAnswered).chain(&item.missing);
        let missing = kinds.map(|kind| (kind.code(), text::word("missing", missing(*kind))));
        let mut of_version: Vec<Code> =
            options.chain(missing).map(|(code, words)| (version.to_string(), code.to_string(), words)).collect();
        of_version.dedup();
        codes.extend(of_version);
    }
    codes
}

const fn missing(kind: Missing) -> &'static str {
    match kind {
        Missing::NotAnswered => "not_answered",
        Missing::NotAssessable => "not_assessable",
        Missing::Refused => "refused",
    }
}

/// The codes of a kind, as the sidecar names it.
fn codes_of(kind: &str, versions: &[&Instrument], comuni: &[String]) -> Vec<Code> {
    let fixed = |codes: Vec<&str>| -> Vec<Code> {
        let line = |code: &str| (String::new(), code.to_owned(), text::word(kind, code));
        codes.into_iter().map(line).collect()
    };
    match kind {
        "sex" => fixed(Sex::ALL.iter().map(|one| one.code()).collect()),
        "education" => fixed(Education::ALL.iter().map(|one| one.code()).collect()),
        "citizenship" => fixed(Citizenship::ALL.iter().map(|one| one.code()).collect()),
        "household" => fixed(Household::ALL.iter().map(|one| one.code()).collect()),
        "work" => fixed(Work::ALL.iter().map(|one| one.code()).collect()),
        "disadvantage" => fixed(Disadvantage::ALL.iter().map(|one| one.code()).collect()),
        "evaluation" => fixed(vec!["confirmed", "overridden", "absent"]),
        "origin" => fixed(vec!["portal", "import"]),
        "outcome" => fixed(vec!["completed", "under_way", "dropped"]),
        "comune" => comuni.iter().map(|code| (String::new(), code.clone(), text::comune(code))).collect(),
        _ => versions.iter().flat_map(|one| definition_codes(kind, one)).collect(),
    }
}

/// The codes that a definition gives.
fn definition_codes(kind: &str, instrument: &Instrument) -> Vec<Code> {
    let named =
        |id: &domain::instrument::Id, title: String| (instrument.version.to_string(), id.as_str().to_owned(), title);
    match kind {
        "scale" => instrument.scales.iter().map(|one| named(&one.id, one.title.to_string())).collect(),
        "level" => {
            let levels =
                instrument.scales.iter().flat_map(|scale| scale.levels.iter().map(move |level| (scale, level)));
            levels.map(|(scale, level)| named(&level.id, format!("{}: {}", scale.title, level.title))).collect()
        }
        "profile" => {
            let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
            classes.map(|class| named(&class.id, class.title.to_string())).collect()
        }
        "block" => instrument.blocks.iter().map(|one| named(&one.id, one.title.to_string())).collect(),
        "azione" => instrument.azioni.iter().map(|one| named(&one.id, one.title.to_string())).collect(),
        _ => Vec::new(),
    }
}
