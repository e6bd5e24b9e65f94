//! What may be asked: every table that is published of an Ente, with what a row is, its columns, what each means and who may
//! see it. All of it comes from the manifest, the sidecars of `warehouse` and the definitions; no table is known here by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use domain::instrument::Instrument;
use serde::Serialize;
use sha2::{Digest, Sha256};
use warehouse::mart::{MARTS, PrivacyClass, Sidecar};
use warehouse::{BaseNotes, EnteLake, LakeError, analyst, schema};

/// A table that may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// What a row is.
    pub(crate) grain: String,
    pub(crate) columns: Vec<Column>,
}

/// A column of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// A code of `column_kind`.
    pub(crate) kind: &'static str,
    pub(crate) meaning: String,
    pub(crate) unit: Option<String>,
    /// A code of `privacy_class`; `None` where nobody has said.
    pub(crate) class: Option<&'static str>,
}

/// The names of what is published.
pub(crate) fn names(lake: &EnteLake) -> BTreeSet<&str> {
    lake.manifest().files.iter().map(|entry| entry.table.as_str()).collect()
}

/// What may be asked of an Ente: views, then marts in the order in which they are made, then what both are made from.
pub(crate) fn tables(lake: &EnteLake, instruments: &[Instrument]) -> Result<Vec<Table>, LakeError> {
    let content = |error: toml::de::Error| LakeError::Content(error.to_string());
    let base = BaseNotes::read().map_err(content)?;
    let names = names(lake);
    let mut tables = Vec::new();
    for (view, schema) in lake.views()? {
        tables.push(of_mart(view.step.name, &view.notes().map_err(content)?, &schema));
    }
    for mart in MARTS.iter().filter(|mart| names.contains(mart.step.name)) {
        let notes = mart.notes().map_err(content)?;
        tables.push(of_mart(mart.step.name, &notes, &published_schema(lake, mart.step.name)?));
    }
    for name in names.into_iter().filter(|name| !MARTS.iter().any(|mart| mart.step.name == *name)) {
        let versions = versions(lake, instruments, name);
        let schema = match schema::fixed(name) {
            Some(schema) => schema,
            None if !versions.is_empty() => schema::answers(&versions),
            // Of a definition that is gone: the file knows its columns.
            None => published_schema(lake, name)?,
        };
        tables.push(of_base(name, &base, &schema, &versions));
    }
    Ok(tables)
}

/// The columns of a table as its files have them.
fn published_schema(lake: &EnteLake, table: &str) -> Result<SchemaRef, LakeError> {
    let entry = lake.manifest().files.iter().find(|entry| entry.table == table);
    let entry = entry.ok_or_else(|| LakeError::Content(format!("{table} has no file")))?;
    Ok(lake.rows(entry)?.schema())
}

/// The published versions of the strumento whose answers a table has.
fn versions<'a>(lake: &EnteLake, instruments: &'a [Instrument], table: &str) -> Vec<&'a Instrument> {
    let known = &lake.manifest().definitions;
    let is_published =
        |one: &&Instrument| known.iter().any(|known| known.id == one.id.as_str() && known.version == one.version);
    instruments.iter().filter(|one| schema::answers_table(one.id.as_str()) == table).filter(is_published).collect()
}

fn of_mart(name: &str, notes: &Sidecar, schema: &SchemaRef) -> Table {
    let hidden = analyst::hidden_columns(name);
    let columns = schema.fields().iter().filter(|field| !hidden.contains(field.name())).map(|field| {
        let note = notes.columns.get(field.name());
        Column {
            name: field.name().clone(),
            kind: kind(field.data_type()),
            meaning: note.map(|note| note.meaning.clone()).unwrap_or_default(),
            unit: None,
            class: note.map(|note| class(note.class)),
        }
    });
    Table { name: name.to_owned(), grain: notes.grain.clone(), columns: columns.collect() }
}

fn of_base(name: &str, notes: &BaseNotes, schema: &SchemaRef, versions: &[&Instrument]) -> Table {
    let hidden = analyst::hidden_columns(name);
    let item = |column: &str| {
        let mut items = versions.iter().flat_map(|version| &version.items);
        items.rfind(|item| item.id.as_str() == column).map(|item| item.text.as_str().to_owned())
    };
    let columns = schema.fields().iter().filter(|field| !hidden.contains(field.name())).map(|field| {
        let note = notes.column(field.name());
        Column {
            name: field.name().clone(),
            kind: kind(field.data_type()),
            meaning: note.map(|note| note.meaning.clone()).or_else(|| item(field.name())).unwrap_or_default(),
            unit: note.and_then(|note| note.unit.clone()),
            // Items are answers about health and need.
            class: Some(note.map_or("sensitive", |note| class(note.class))),
        }
    });
    Table { name: name.to_owned(), grain: notes.grain(name).to_owned(), columns: columns.collect() }
}

const fn class(class: PrivacyClass) -> &'static str {
    match class {
        PrivacyClass::Public => "public",
        PrivacyClass::QuasiIdentifier => "quasi_identifier",
        PrivacyClass::Sensitive => "sensitive",
        PrivacyClass::Private => "private",
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "arrow has many types; whatever is no number and no date reads as text"
)]
fn kind(kind: &DataType) -> &'static str {
    match kind {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => "day",
        kind if kind.is_integer() => "number",
        kind if kind.is_numeric() => "decimal",
        _ => "text",
    }
}

/// What the audit is told of a question: its hash, its length, and which tables it names. The text itself is not kept: somebody
/// may type a name into it, and a line of the audit is kept for good.
pub(crate) fn described(lake: &EnteLake, sql: &str) -> String {
    let lower = sql.to_lowercase();
    let words: BTreeSet<&str> =
        lower.split(|character: char| !(character.is_alphanumeric() || character == '_')).collect();
    let named: Vec<&str> = names(lake).into_iter().filter(|name| words.contains(name)).collect();
    let hash = hex::encode(Sha256::digest(sql));
    format!("sha256={hash} characters={} tables={}", sql.chars().count(), named.join(","))
}

/// What was made for one version of an Ente's tables.
pub(crate) type Made = (i64, Arc<Vec<Table>>);
