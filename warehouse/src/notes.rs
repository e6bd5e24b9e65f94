//! What each column of the base tables means and who may see it: the sidecar of the schema, as `marts/*.toml` are of marts.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use serde::Deserialize;

use crate::mart::PrivacyClass;
use crate::schema;

/// The text of the sidecar.
const SIDECAR: &str = include_str!("columns.toml");

/// A column of a base table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseColumn {
    /// What it means, in Italian.
    pub meaning: String,
    /// Who may see it.
    pub class: PrivacyClass,
    /// The event of the feed and the field in it that it comes from, or `definition`.
    pub from: String,
    /// In what it is measured or written.
    pub unit: Option<String>,
    /// The name of the codes that it holds.
    pub codes: Option<String>,
}

/// The sidecar of all base tables.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseNotes {
    /// What a row is, by table; `answers` stands for the answers of every strumento.
    tables: BTreeMap<String, String>,
    /// By column.
    columns: BTreeMap<String, BaseColumn>,
}

impl BaseNotes {
    /// The sidecar, read.
    ///
    /// # Errors
    /// When it is not one: a defect that a test finds.
    pub fn read() -> Result<Self, toml::de::Error> {
        toml::from_str(SIDECAR)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tables.iter().map(|(table, grain)| (table.as_str(), grain.as_str()))
    }

    /// What a row of a table is.
    #[must_use]
    pub fn grain(&self, table: &str) -> &str {
        let name = if schema::fixed(table).is_some() { table } else { "answers" };
        self.tables.get(name).map_or("", String::as_str)
    }

    /// A column; `None` for an item of a table of answers.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&BaseColumn> {
        self.columns.get(name)
    }

    /// Whether a column may be taken out. What nobody has classed stays: but for items, which the schema names by the definition.
    pub(crate) fn may_leave(&self, table: &str, name: &str) -> bool {
        match self.columns.get(name) {
            Some(note) => match note.class {
                PrivacyClass::Public | PrivacyClass::QuasiIdentifier | PrivacyClass::Sensitive => true,
                PrivacyClass::Private => false,
            },
            None => schema::fixed(table).is_none(),
        }
    }
}

/// What kind of value a column of the lake holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text or a code.
    Text,
    /// A whole number.
    Number,
    /// A day.
    Day,
}

impl Kind {
    pub(crate) fn of(kind: &DataType) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the schema has no other types")]
        match kind {
            DataType::Utf8 => Self::Text,
            DataType::Date32 => Self::Day,
            _ => Self::Number,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::schema::column;

    #[test]
    fn every_column_of_the_schema_has_a_meaning_and_a_class_and_no_other_has() {
        let notes = BaseNotes::read().unwrap();
        let mut known = BTreeSet::new();
        let mut tables: BTreeSet<&str> = BTreeSet::from(["answers"]);
        for table in schema::FIXED_TABLES {
            tables.insert(table);
            let schema = schema::fixed(table).unwrap();
            known.extend(schema.fields().iter().map(|field| field.name().clone()));
        }
        known.extend(schema::answers(&[]).fields().iter().map(|field| field.name().clone()));
        assert_eq!(notes.columns.keys().cloned().collect::<BTreeSet<_>>(), known);
        assert_eq!(notes.tables.keys().map(String::as_str).collect::<BTreeSet<_>>(), tables);
        assert!(notes.columns.values().all(|note| note.meaning.ends_with('.')));
    }

    /// The fields of the events of a feed, by `event.field`, and `event.field.part`.
    fn fields_of_the_feed() -> BTreeSet<String> {
        let mut fields = BTreeSet::new();
        for line in include_str!("../../intake/domain/tests/fixtures/feed-1.jsonl").lines() {
            let event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
            let name = event["event"].as_str().unwrap();
            for (field, value) in &event {
                fields.insert(format!("{name}.{field}"));
                let part = value.as_array().and_then(|list| list.first()).unwrap_or(value);
                let parts = part.as_object().into_iter().flat_map(|parts| parts.keys());
                fields.extend(parts.map(|part| format!("{name}.{field}.{part}")));
            }
        }
        fields
    }

    #[test]
    fn every_column_comes_from_a_field_of_the_feed_or_the_definition() {
        let fields = fields_of_the_feed();
        for (name, note) in BaseNotes::read().unwrap().columns {
            assert!(note.from == "definition" || fields.contains(&note.from), "{name} comes from {}", note.from);
        }
    }

    #[test]
    fn who_assessed_never_leaves() {
        let notes = BaseNotes::read().unwrap();
        assert!(!notes.may_leave(schema::ASSESSMENTS, column::OPERATOR));
        assert!(notes.may_leave(schema::ASSESSMENTS, column::PSEUDONYM));
        assert!(!notes.may_leave(schema::ASSESSMENTS, "something_new"), "what nobody has classed stays");
        assert!(notes.may_leave("answers_prova", "item"));
    }
}
