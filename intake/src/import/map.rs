//! The map of an import: which column of a table is what. Format 1 is docs/import.md; a map that leaves here can be used
//! on any table that has its columns.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::identifier::IdentifierKind;
use domain::instrument::{Id, Missing};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use serde::Deserialize;

/// What is wrong with a map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {rule}")]
pub struct MapError {
    /// Which key of the map.
    pub at: String,
    /// What a map has to be there.
    pub rule: String,
}

/// What becomes of a cell that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalid {
    /// The whole import is refused.
    #[default]
    Refuse,
    /// The cell counts as missing; the report counts how many.
    Missing,
    /// The row is left out; the report counts how many.
    RejectRow,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The column with this heading.
    Column(String),
    /// The same text for every row.
    Constant(String),
}

/// How a value is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) source: Source,
    pub(crate) recode: Option<BTreeMap<String, String>>,
    pub(crate) missing: BTreeSet<String>,
    pub(crate) on_invalid: OnInvalid,
    pub(crate) days: DayForm,
    pub(crate) separator: Option<String>,
}

/// How days are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum DayForm {
    /// 2026-11-28.
    #[default]
    Iso,
    /// As the map says.
    Format(String),
    /// As people write them and as browsers do: 28/11/2026, 2026-11-28.
    Written,
}

impl DayForm {
    fn new(format: Option<&str>) -> Self {
        format.map_or(Self::Iso, |format| Self::Format(format.to_owned()))
    }

    /// The day that a text says.
    pub(crate) fn read(&self, text: &str) -> Option<NaiveDate> {
        match self {
            Self::Iso => NaiveDate::parse_from_str(text, ISO).ok(),
            Self::Format(format) => NaiveDate::parse_from_str(text, format).ok(),
            Self::Written => crate::form::read_date(text),
        }
    }

    /// What to write, for a refusal.
    pub(crate) fn shape(&self) -> &str {
        match self {
            Self::Iso => ISO,
            Self::Format(format) => format,
            Self::Written => "day/month/year",
        }
    }
}

/// How days are written where nobody says it.
const ISO: &str = "%Y-%m-%d";

/// What kind of code an identifier is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KindSource {
    /// The same for every row.
    Constant(IdentifierKind),
    /// What a column says; a codice fiscale where it says nothing.
    Column(Column),
}

/// What tells one questionnaire of the table from another, besides its date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExternalId {
    /// A column: rows with the same value are the same persona.
    Column(String),
    /// The number of the row, from 1: every row is a persona of its own.
    RowNumber,
}

/// What a table can say of a persona.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PersonaField {
    Surname,
    Name,
    Identifier,
    Sex,
    BirthDate,
    Age,
    Comune,
    Education,
    Citizenship,
    Household,
    Work,
    Disadvantage,
}

impl PersonaField {
    pub(crate) const ALL: [Self; 12] = [
        Self::Surname,
        Self::Name,
        Self::Identifier,
        Self::Sex,
        Self::BirthDate,
        Self::Age,
        Self::Comune,
        Self::Education,
        Self::Citizenship,
        Self::Household,
        Self::Work,
        Self::Disadvantage,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Surname => "surname",
            Self::Name => "name",
            Self::Identifier => "identifier",
            Self::Sex => "sex",
            Self::BirthDate => "birth_date",
            Self::Age => "age",
            Self::Comune => "comune",
            Self::Education => "education",
            Self::Citizenship => "citizenship",
            Self::Household => "household",
            Self::Work => "work",
            Self::Disadvantage => "disadvantage",
        }
    }

    /// The codes that the field can hold, where it holds codes.
    pub(crate) fn codes(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Sex => Some(Sex::ALL.iter().map(|this| this.code()).collect()),
            Self::Education => Some(Education::ALL.iter().map(|this| this.code()).collect()),
            Self::Citizenship => Some(Citizenship::ALL.iter().map(|this| this.code()).collect()),
            Self::Household => Some(Household::ALL.iter().map(|this| this.code()).collect()),
            Self::Work => Some(Work::ALL.iter().map(|this| this.code()).collect()),
            Self::Disadvantage => Some(Disadvantage::ALL.iter().map(|this| this.code()).chain(["none"]).collect()),
            Self::Surname | Self::Name | Self::Identifier | Self::BirthDate | Self::Age | Self::Comune => None,
        }
    }
}

/// A map that holds together by itself; whether a table fits is asked when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Where the table comes from: shown with every questionnaire that came with it.
    pub source: String,
    /// Who answers for the import.
    pub responsible: String,
    /// Between the cells of a CSV file; `None`: whatever stands between its headings.
    pub(crate) delimiter: Option<u8>,
    pub(crate) external_id: ExternalId,
    pub(crate) assessed_on: Column,
    pub(crate) persona: BTreeMap<PersonaField, Column>,
    pub(crate) identifier_kind: KindSource,
    pub(crate) match_items_by_name: bool,
    pub(crate) items_default: Column,
    pub(crate) items: BTreeMap<Id, Column>,
}

/// Reads a map.
///
/// # Errors
/// All that is wrong, by key; one error alone when the text is not TOML of this format.
pub fn read_map(text: &str) -> Result<Map, Vec<MapError>> {
    let file: MapFile = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        vec![MapError { at: format!("line {line}"), rule: error.message().to_owned() }]
    })?;
    let mut checking =
        Checking { missing: file.missing.iter().map(|cell| cell.trim().to_owned()).collect(), errors: Vec::new() };
    let map = checking.map(file);
    if checking.errors.is_empty() { map.ok_or_else(Vec::new) } else { Err(checking.errors) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapFile {
    format: u32,
    source: String,
    responsible: String,
    #[serde(default = "comma")]
    delimiter: String,
    #[serde(default)]
    missing: Vec<String>,
    external_id: ExternalIdFile,
    assessed_on: ColumnFile,
    #[serde(default)]
    persona: BTreeMap<String, ColumnFile>,
    #[serde(default)]
    items: ItemsFile,
}

fn comma() -> String {
    ",".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExternalIdFile {
    column: Option<String>,
    #[serde(default)]
    row_number: bool,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnFile {
    column: Option<String>,
    constant: Option<String>,
    recode: Option<BTreeMap<String, String>>,
    missing: Option<Vec<String>>,
    #[serde(default)]
    on_invalid: OnInvalid,
    format: Option<String>,
    separator: Option<String>,
    kind: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemsFile {
    #[serde(default)]
    match_names: bool,
    #[serde(default)]
    on_invalid: OnInvalid,
    missing: Option<Vec<String>>,
    recode: Option<BTreeMap<String, String>>,
    #[serde(default)]
    columns: BTreeMap<String, ColumnFile>,
}

struct Checking {
    missing: BTreeSet<String>,
    errors: Vec<MapError>,
}

impl Checking {
    fn refuse(&mut self, at: impl Into<String>, rule: impl Into<String>) {
        self.errors.push(MapError { at: at.into(), rule: rule.into() });
    }

    fn map(&mut self, file: MapFile) -> Option<Map> {
        if file.format != 1 {
            self.refuse("format", "must be 1");
        }
        for (at, text) in [("source", &file.source), ("responsible", &file.responsible)] {
            if text.trim().is_empty() || text.chars().count() > 200 || domain::text::has_hidden_characters(text) {
                self.refuse(at, "1 to 200 visible characters: it is shown with every questionnaire imported");
            }
        }
        let delimiter = match file.delimiter.as_bytes() {
            [one] if one.is_ascii() && !b"\"\r\n".contains(one) => *one,
            _ => {
                self.refuse("delimiter", "one ASCII character, such as \",\", \";\" or \"\\t\"");
                b','
            }
        };
        let external_id = match (file.external_id.column, file.external_id.row_number) {
            (Some(column), false) => Some(ExternalId::Column(column)),
            (None, true) => Some(ExternalId::RowNumber),
            (Some(_), true) | (None, false) => {
                self.refuse("external_id", "exactly one of `column` and `row_number = true`");
                None
            }
        };
        let assessed_on = self.column("assessed_on", &file.assessed_on);
        self.date_column("assessed_on", &file.assessed_on);
        if file.assessed_on.on_invalid == OnInvalid::Missing {
            self.refuse("assessed_on.on_invalid", "a questionnaire needs a date: `refuse` or `reject_row`");
        }
        let mut identifier_kind = IdentifierKind::Local;
        let mut persona = BTreeMap::new();
        for (name, column) in &file.persona {
            let at = format!("persona.{name}");
            let Some(field) = PersonaField::ALL.into_iter().find(|field| field.name() == name) else {
                let known = PersonaField::ALL.map(PersonaField::name).join(", ");
                self.refuse(at, format!("not something that is recorded of a persona; what is: {known}"));
                continue;
            };
            self.persona_column(&at, field, column, &mut identifier_kind);
            if let Some(column) = self.column(&at, column) {
                persona.insert(field, column);
            }
        }
        let default = ColumnFile {
            constant: Some(String::new()),
            on_invalid: file.items.on_invalid,
            missing: file.items.missing.clone(),
            recode: file.items.recode.clone(),
            ..ColumnFile::default()
        };
        let items_default = self.column("items", &default);
        self.item_recode("items", &default);
        let mut items = BTreeMap::new();
        for (name, column) in &file.items.columns {
            let at = format!("items.columns.{name}");
            let Ok(id) = Id::parse(name) else {
                self.refuse(at, "not the id of an item");
                continue;
            };
            self.item_recode(&at, column);
            if let Some(column) = self.column(&at, column) {
                items.insert(id, column);
            }
        }
        Some(Map {
            source: file.source.trim().to_owned(),
            responsible: file.responsible.trim().to_owned(),
            delimiter: Some(delimiter),
            external_id: external_id?,
            assessed_on: assessed_on?,
            persona,
            identifier_kind: KindSource::Constant(identifier_kind),
            match_items_by_name: file.items.match_names,
            items_default: items_default?,
            items,
        })
    }

    fn column(&mut self, at: &str, file: &ColumnFile) -> Option<Column> {
        let source = match (&file.column, &file.constant) {
            (Some(column), None) => Source::Column(column.clone()),
            (None, Some(constant)) => Source::Constant(constant.clone()),
            (Some(_), Some(_)) | (None, None) => {
                self.refuse(at, "exactly one of `column` and `constant`");
                return None;
            }
        };
        let own = file.missing.as_ref().map(|cells| cells.iter().map(|cell| cell.trim().to_owned()).collect());
        let mut missing: BTreeSet<String> = own.unwrap_or_else(|| self.missing.clone());
        missing.insert(String::new());
        Some(Column {
            source,
            recode: file.recode.clone(),
            missing,
            on_invalid: file.on_invalid,
            days: DayForm::new(file.format.as_deref()),
            separator: file.separator.clone(),
        })
    }

    fn persona_column(&mut self, at: &str, field: PersonaField, file: &ColumnFile, kind: &mut IdentifierKind) {
        if let (Some(codes), Some(recode)) = (field.codes(), &file.recode) {
            for (from, to) in recode {
                if !codes.contains(&to.as_str()) {
                    let known = codes.join(", ");
                    self.refuse(format!("{at}.recode.{from}"), format!("«{to}» is not a code of it: {known}"));
                }
            }
        }
        if field == PersonaField::BirthDate {
            self.date_column(at, file);
        } else if file.format.is_some() {
            self.refuse(format!("{at}.format"), "only dates have a format");
        }
        if file.separator.is_some() && field != PersonaField::Disadvantage {
            self.refuse(format!("{at}.separator"), "only `disadvantage` can hold several codes");
        }
        match (field, &file.kind) {
            (PersonaField::Identifier, Some(code)) => {
                match IdentifierKind::ALL.into_iter().find(|known| known.code() == code) {
                    Some(known) => *kind = known,
                    None => {
                        let known = IdentifierKind::ALL.map(IdentifierKind::code).join(", ");
                        self.refuse(format!("{at}.kind"), format!("one of {known}"));
                    }
                }
            }
            (PersonaField::Identifier, None) => self.refuse(format!("{at}.kind"), "an identifier needs its kind"),
            (_, Some(_)) => self.refuse(format!("{at}.kind"), "only an identifier has a kind"),
            (_, None) => {}
        }
    }

    fn date_column(&mut self, at: &str, file: &ColumnFile) {
        if let Some(constant) = &file.constant
            && DayForm::new(file.format.as_deref()).read(constant).is_none()
        {
            self.refuse(format!("{at}.constant"), "not a date in the format given (default %Y-%m-%d)");
        }
    }

    fn item_recode(&mut self, at: &str, file: &ColumnFile) {
        for (from, to) in file.recode.iter().flatten() {
            if to.parse::<i16>().is_err() && missing_kind(to).is_none() {
                let kinds = Missing::ALL.map(missing_name).join(", ");
                self.refuse(
                    format!("{at}.recode.{from}"),
                    format!("«{to}» is neither a value of an option nor one of {kinds}"),
                );
            }
        }
        if file.format.is_some() || file.separator.is_some() || file.kind.is_some() {
            self.refuse(at, "an item has no format, separator or kind");
        }
    }
}

/// The name of a kind of missing in maps and definitions.
pub(crate) const fn missing_name(missing: Missing) -> &'static str {
    match missing {
        Missing::NotAnswered => "not_answered",
        Missing::NotAssessable => "not_assessable",
        Missing::Refused => "refused",
    }
}

/// The kind of missing with this name.
pub(crate) fn missing_kind(name: &str) -> Option<Missing> {
    Missing::ALL.into_iter().find(|missing| missing_name(*missing) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        format = 1
        source = "A table."
        responsible = "Somebody"
        missing = ["NA"]
        external_id = { column = "id" }
        assessed_on = { constant = "2020-01-31" }
        [persona]
        sex = { column = "gender", recode = { 1 = "m", 2 = "f" } }
        age = { column = "age", on_invalid = "missing" }
        [items]
        match_names = true
    "#;

    fn check(change: (&str, &str), at: &str) {
        let text = GOOD.replace(change.0, change.1);
        assert_ne!(text, GOOD, "{change:?} changes nothing");
        let errors = read_map(&text).unwrap_err();
        assert!(errors.iter().any(|error| error.at.starts_with(at)), "{change:?} gives {errors:?}");
    }

    #[test]
    fn a_map_is_read() {
        let map = read_map(GOOD).unwrap();
        assert_eq!(map.external_id, ExternalId::Column("id".to_owned()));
        assert!(map.match_items_by_name);
        let sex = &map.persona[&PersonaField::Sex];
        assert_eq!(sex.recode.as_ref().unwrap()["2"], "f");
        assert!(sex.missing.contains("NA") && sex.missing.contains(""));
        assert_eq!(map.persona[&PersonaField::Age].on_invalid, OnInvalid::Missing);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        check(("format = 1", "format = 2"), "format");
        check(("\"A table.\"", "\" \""), "source");
        check(("format = 1", "format = 1\ndelimiter = \"ab\""), "delimiter");
        check(("{ column = \"id\" }", "{ column = \"id\", row_number = true }"), "external_id");
        check(("2020-01-31", "31/01/2020"), "assessed_on.constant");
        check(("1 = \"m\"", "1 = \"male\""), "persona.sex.recode.1");
        check(("age = {", "shoes = {"), "persona.shoes");
        check(("column = \"age\"", "column = \"age\", constant = \"3\""), "persona.age");
        check(("column = \"age\"", "column = \"age\", colour = \"3\""), "line");
        check(("match_names = true", "columns = { A = { column = \"x\" } }"), "items.columns.A");
        check(("match_names = true", "recode = { x = \"yes\" }"), "items.recode.x");
        check(("[items]", "identifier = { column = \"cf\" }\n[items]"), "persona.identifier.kind");
        check(("format = 1", "format ="), "line 2");
    }
}
