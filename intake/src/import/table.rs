//! From the rows of a table to questionnaires, by a map: every cell is read, counts as missing, or is refused with its row,
//! column and rule.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use csv::StringRecord;
use domain::feed::{Evaluation, Origin};
use domain::identifier::{Identifier, IdentifierKind};
use domain::instrument::{Answer, Id, Instrument, Missing, Severity};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use domain::scoring::Sheet;
use domain::text::has_hidden_characters;
use store::{ImportPersona, ImportRow, PersonaData};
use territory::{BirthplaceKind, ComuneCode};

use super::file::Row;
use super::map::{Column, DayForm, ExternalId, KindSource, Map, OnInvalid, PersonaField, Source, missing_kind};
use super::rule::Rule;

/// Characters of a value in a refusal.
const VALUE_MAX: usize = 40;
/// Ages that a table can hold.
const AGE_MAX: u8 = 120;
/// Ages that are not surprising.
const AGES_LIKELY: std::ops::RangeInclusive<u8> = 14..=100;
/// From so many answers on, all of them the same is surprising.
const SAME_ANSWERS_MIN: usize = 10;

/// Something in a table that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The row, from 1 below the headings; `None` for the headings.
    pub row: Option<u64>,
    /// The heading of the column, or the key of the map.
    pub column: String,
    /// What stands there; `…` where it could identify somebody.
    pub value: String,
    /// What has to stand there.
    pub rule: Rule,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.row {
            Some(row) => write!(f, "row {row}, column «{}», value «{}»: {}", self.column, self.value, self.rule),
            None => write!(f, "column «{}»: {}", self.column, self.rule),
        }
    }
}

/// Something that can be taken but is worth a look.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plausibility {
    /// Younger or older than people whom these services assess.
    Age,
    /// Every answer is the same option.
    SameAnswers,
    /// No answer at all.
    NoAnswers,
    /// Answers and what is recorded of the persona hardly fit: a soft rule of the definition, in its words.
    Unlikely(String),
}

impl Plausibility {
    /// Its code among the words of pages.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::SameAnswers => "same_answers",
            Self::NoAnswers => "no_answers",
            Self::Unlikely(_) => "unlikely",
        }
    }
}

impl std::fmt::Display for Plausibility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Age => f.write_str("the age is below 14 or above 100"),
            Self::SameAnswers => f.write_str("all answers (ten or more) are the same option"),
            Self::NoAnswers => f.write_str("there is no answer at all"),
            Self::Unlikely(text) => write!(f, "the definition says: {text}"),
        }
    }
}

/// Where a value stands in the table.
#[derive(Clone, Debug)]
enum Place {
    At(usize),
    Constant(String),
}

#[derive(Clone, Debug)]
struct Bound<'m> {
    place: Place,
    name: String,
    column: &'m Column,
}

/// A map laid over the headings of a table.
pub(super) struct Table<'m> {
    instrument: &'m Instrument,
    map: &'m Map,
    today: NaiveDate,
    /// Whether days come from the cells of a spreadsheet, which are written in one way whatever the map says.
    is_workbook: bool,
    external_id: Option<usize>,
    assessed_on: Bound<'m>,
    persona: Vec<(PersonaField, Bound<'m>)>,
    identifier_kind: Option<Bound<'m>>,
    items: Vec<(usize, Bound<'m>)>,
    /// The headings, and which of them the map names.
    headings: Vec<String>,
    used: BTreeSet<usize>,
    /// Headings that the map does not name.
    pub(super) unused: Vec<String>,
}

/// What a row became.
pub(super) struct RowRead {
    /// The questionnaire; `None` when the row is refused or left out.
    pub(super) row: Option<ImportRow>,
    /// What makes the whole import refused.
    pub(super) refusals: Vec<Refusal>,
    /// What left the row out: column and rule.
    pub(super) rejected: Option<(String, Rule)>,
    /// Cells that count as missing because they could not be read: column and rule.
    pub(super) set_missing: Vec<(String, Rule)>,
    /// What is worth a look.
    pub(super) warnings: BTreeSet<Plausibility>,
}

impl<'m> Table<'m> {
    /// Lays a map over headings.
    pub(super) fn new(
        instrument: &'m Instrument,
        map: &'m Map,
        headings: &StringRecord,
        is_workbook: bool,
        today: NaiveDate,
    ) -> Result<Self, Vec<Refusal>> {
        let mut binding = Binding { headings, used: BTreeSet::new(), refusals: Vec::new() };
        binding.look_for_doubles();
        let external_id = match &map.external_id {
            ExternalId::Column(name) => binding.find(name),
            ExternalId::RowNumber => None,
        };
        let assessed_on = binding.bind("assessed_on", &map.assessed_on);
        let persona = map
            .persona
            .iter()
            .filter_map(|(field, column)| Some((*field, binding.bind(field.name(), column)?)))
            .collect();
        let identifier_kind = match &map.identifier_kind {
            KindSource::Constant(_) => None,
            KindSource::Column(column) => binding.bind("identifier_kind", column),
        };
        for id in map.items.keys() {
            if instrument.item_index(id.as_str()).is_none() {
                binding.refuse(&format!("items.columns.{id}"), Rule::NoItem);
            }
        }
        let items = instrument
            .items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| match map.items.get(&item.id) {
                Some(column) => Some((index, binding.bind(item.id.as_str(), column)?)),
                None => Some((index, binding.by_name(&item.id, map)?)),
            })
            .collect();
        let unused = (0..headings.len())
            .filter(|place| !binding.used.contains(place))
            .map(|place| headings[place].to_owned())
            .collect();
        match (assessed_on, binding.refusals.is_empty()) {
            (Some(assessed_on), true) => Ok(Self {
                instrument,
                map,
                today,
                is_workbook,
                external_id,
                assessed_on,
                persona,
                identifier_kind,
                items,
                headings: headings.iter().map(|heading| heading.trim().to_owned()).collect(),
                used: binding.used,
                unused,
            }),
            (_, _) => Err(binding.refusals),
        }
    }

    /// Reads a row.
    pub(super) fn read(&self, row: &Row) -> RowRead {
        let (number, record) = (row.number, &row.cells);
        let mut reading = RowReading {
            number,
            record,
            is_workbook: self.is_workbook,
            result: RowRead {
                row: None,
                refusals: Vec::new(),
                rejected: None,
                set_missing: Vec::new(),
                warnings: BTreeSet::new(),
            },
        };
        for (place, error) in row.errors.iter().filter(|(place, _)| self.used.contains(place)) {
            reading.invalid(&self.headings[*place], OnInvalid::Refuse, error, Rule::CellError);
        }
        let external_id = match self.external_id {
            Some(place) => record.get(place).unwrap_or_default().trim().to_owned(),
            None => format!("{number} / {}", self.map.source).chars().take(200).collect(),
        };
        if external_id.is_empty() || external_id.chars().count() > 200 || has_hidden_characters(&external_id) {
            let column = match &self.map.external_id {
                ExternalId::Column(name) => name.as_str(),
                ExternalId::RowNumber => "source",
            };
            reading.invalid(column, OnInvalid::Refuse, "…", Rule::ExternalId);
        }
        let assessed_on = self.day(&mut reading, &self.assessed_on);
        let (data, age) = self.persona(&mut reading);
        let sheet = self.sheet(&mut reading);
        if assessed_on.is_none() && reading.result.refusals.is_empty() && reading.result.rejected.is_none() {
            reading.invalid(&self.assessed_on.name, self.assessed_on.column.on_invalid, "", Rule::NoDay);
        }
        let mut result = reading.result;
        if let (Some(assessed_on), true, None) = (assessed_on, result.refusals.is_empty(), &result.rejected) {
            result.warnings = warnings(self.instrument, &sheet, age, &data, assessed_on);
            result.row = Some(ImportRow {
                persona: ImportPersona { external_id, is_of_this_row: self.external_id.is_none(), data, age },
                assessed_on,
                sheet,
                origin: Origin::Import,
                operator: None,
                unita: None,
                evaluation: Evaluation::Absent,
                evaluation_reason: None,
                azioni: Vec::new(),
                started_at: None,
                validated_at: None,
            });
        }
        result
    }

    fn day(&self, reading: &mut RowReading<'_>, bound: &Bound<'_>) -> Option<NaiveDate> {
        let text = reading.text(bound)?;
        match reading.read_day(bound, &text) {
            Some(day) if day <= self.today => Some(day),
            Some(_) => reading.wrong(bound, &text, Rule::FutureDay),
            None => reading.wrong(bound, &text, Rule::Day(bound.column.days.shape().to_owned())),
        }
    }

    fn persona(&self, reading: &mut RowReading<'_>) -> (PersonaData, Option<u8>) {
        let mut data = PersonaData::default();
        let mut age = None;
        for (field, bound) in &self.persona {
            match field {
                PersonaField::Surname => data.surname = reading.name(bound).unwrap_or_default(),
                PersonaField::Name => data.name = reading.name(bound).unwrap_or_default(),
                PersonaField::Identifier => {
                    let kind = match (&self.map.identifier_kind, &self.identifier_kind) {
                        (KindSource::Column(_), Some(column)) => reading.identifier_kind(column),
                        (KindSource::Column(_), None) => None,
                        (KindSource::Constant(kind), _) => Some(*kind),
                    };
                    data.identifier = kind.and_then(|kind| reading.identifier(bound, kind, self.today));
                }
                PersonaField::Sex => data.sex = reading.code(bound, Sex::from_code),
                PersonaField::BirthDate => data.birth_date = reading.private_day(bound, self.today),
                PersonaField::Age => age = reading.age(bound),
                PersonaField::Comune => data.residence = reading.comune(bound, self.today),
                PersonaField::Education => data.education = reading.code(bound, Education::from_code),
                PersonaField::Citizenship => data.citizenship = reading.code(bound, Citizenship::from_code),
                PersonaField::Household => data.household = reading.code(bound, Household::from_code),
                PersonaField::Work => data.work = reading.code(bound, Work::from_code),
                PersonaField::Disadvantage => data.disadvantage = reading.disadvantage(bound),
            }
        }
        (data, age)
    }

    fn sheet(&self, reading: &mut RowReading<'_>) -> Sheet {
        let mut sheet = Sheet::new();
        for (index, bound) in &self.items {
            let item = &self.instrument.items[*index];
            let Some(text) = reading.text(bound) else { continue };
            let answer = match missing_kind(&text) {
                Some(Missing::NotAnswered) => continue,
                Some(kind) if item.missing.contains(&kind) => Some(Answer::Missing(kind)),
                Some(_) => reading.wrong(bound, &text, Rule::MissingKind),
                None => match text.parse::<i16>().ok().filter(|value| item.option(*value).is_some()) {
                    Some(value) => Some(Answer::Value(value)),
                    None => reading.wrong(bound, &text, Rule::OptionValue),
                },
            };
            if let Some(answer) = answer {
                sheet.insert(item.id.clone(), answer);
            }
        }
        sheet
    }
}

fn warnings(
    instrument: &Instrument,
    sheet: &Sheet,
    age: Option<u8>,
    data: &PersonaData,
    assessed_on: NaiveDate,
) -> BTreeSet<Plausibility> {
    let mut facts = data.categories(assessed_on).facts;
    facts.age = facts.age.or(age);
    // Hard rules are the store's: they refuse the row.
    let fired = instrument.inconsistencies(sheet, &facts).into_iter().filter(|rule| rule.severity == Severity::Soft);
    let mut found: BTreeSet<Plausibility> = fired.map(|rule| Plausibility::Unlikely(rule.text.to_string())).collect();
    if facts.age.is_some_and(|age| !AGES_LIKELY.contains(&age)) {
        found.insert(Plausibility::Age);
    }
    let mut values: BTreeMap<i16, usize> = BTreeMap::new();
    for answer in sheet.values() {
        if let Answer::Value(value) = answer {
            *values.entry(*value).or_default() += 1;
        }
    }
    let count: usize = values.values().sum();
    if count == 0 {
        found.insert(Plausibility::NoAnswers);
    } else if values.len() == 1 && count >= SAME_ANSWERS_MIN {
        found.insert(Plausibility::SameAnswers);
    }
    found
}

/// Finds columns by their headings.
struct Binding<'h> {
    headings: &'h StringRecord,
    used: BTreeSet<usize>,
    refusals: Vec<Refusal>,
}

impl Binding<'_> {
    fn refuse(&mut self, column: &str, rule: Rule) {
        self.refusals.push(Refusal { row: None, column: column.to_owned(), value: String::new(), rule });
    }

    fn look_for_doubles(&mut self) {
        let mut seen = BTreeSet::new();
        let headings: Vec<String> = self.headings.iter().map(|heading| heading.trim().to_owned()).collect();
        for heading in headings {
            if !seen.insert(heading.clone()) {
                self.refuse(&heading, Rule::TwoColumns);
            }
        }
    }

    fn find(&mut self, name: &str) -> Option<usize> {
        let place = self.headings.iter().position(|heading| heading.trim() == name);
        match place {
            Some(place) => {
                self.used.insert(place);
            }
            None => self.refuse(name, Rule::NoColumn),
        }
        place
    }

    fn bind<'m>(&mut self, name: &str, column: &'m Column) -> Option<Bound<'m>> {
        let (place, name) = match &column.source {
            Source::Column(heading) => (Place::At(self.find(heading)?), heading.clone()),
            Source::Constant(text) => (Place::Constant(text.clone()), name.to_owned()),
        };
        Some(Bound { place, name, column })
    }

    /// The column whose heading is the item's id, whatever the case of its letters.
    fn by_name<'m>(&mut self, item: &Id, map: &'m Map) -> Option<Bound<'m>> {
        let found = self.headings.iter().position(|heading| heading.trim().eq_ignore_ascii_case(item.as_str()));
        match found.filter(|_| map.match_items_by_name) {
            Some(place) => {
                self.used.insert(place);
                let name = self.headings[place].trim().to_owned();
                Some(Bound { place: Place::At(place), name, column: &map.items_default })
            }
            None => {
                self.refuse(&format!("items.columns.{item}"), Rule::ItemWithoutColumn);
                None
            }
        }
    }
}

/// One row being read.
struct RowReading<'r> {
    number: u64,
    record: &'r StringRecord,
    is_workbook: bool,
    result: RowRead,
}

impl RowReading<'_> {
    /// The text of a cell, recoded; `None` when it is missing, or was refused.
    fn text(&mut self, bound: &Bound<'_>) -> Option<String> {
        let raw = match &bound.place {
            Place::At(place) => self.record.get(*place).unwrap_or_default().trim(),
            Place::Constant(text) => text.trim(),
        };
        if bound.column.missing.contains(raw) {
            return None;
        }
        let Some(recode) = &bound.column.recode else { return Some(raw.to_owned()) };
        match recode.get(raw) {
            Some(to) => Some(to.clone()),
            None => {
                let raw = raw.to_owned();
                self.wrong(bound, &raw, Rule::Recode)
            }
        }
    }

    /// Notes what is wrong with a cell, as the map wants it.
    fn wrong<T>(&mut self, bound: &Bound<'_>, value: &str, rule: Rule) -> Option<T> {
        self.invalid(&bound.name, bound.column.on_invalid, value, rule);
        None
    }

    fn invalid(&mut self, column: &str, on_invalid: OnInvalid, value: &str, rule: Rule) {
        match on_invalid {
            OnInvalid::Refuse => self.result.refusals.push(Refusal {
                row: Some(self.number),
                column: column.to_owned(),
                value: value.chars().take(VALUE_MAX).collect(),
                rule,
            }),
            OnInvalid::Missing => self.result.set_missing.push((column.to_owned(), rule)),
            OnInvalid::RejectRow => {
                self.result.rejected.get_or_insert((column.to_owned(), rule));
            }
        }
    }

    fn code<T>(&mut self, bound: &Bound<'_>, from_code: fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(bound)?;
        match from_code(&text) {
            Some(code) => Some(code),
            None => self.wrong(bound, &text, Rule::Code),
        }
    }

    fn name(&mut self, bound: &Bound<'_>) -> Option<String> {
        let text = self.text(bound)?;
        if text.chars().count() > 100 || has_hidden_characters(&text) {
            return self.wrong(bound, "…", Rule::Name);
        }
        Some(text)
    }

    fn identifier(&mut self, bound: &Bound<'_>, kind: IdentifierKind, today: NaiveDate) -> Option<Identifier> {
        let text = self.text(bound)?;
        match Identifier::parse(kind, &text, today) {
            Ok(identifier) => Some(identifier),
            Err(error) => self.wrong(bound, "…", Rule::of_identifier(&error)),
        }
    }

    fn private_day(&mut self, bound: &Bound<'_>, today: NaiveDate) -> Option<NaiveDate> {
        let text = self.text(bound)?;
        match self.read_day(bound, &text) {
            Some(day) if day <= today => Some(day),
            Some(_) | None => self.wrong(bound, "…", Rule::PastDay(bound.column.days.shape().to_owned())),
        }
    }

    fn read_day(&self, bound: &Bound<'_>, text: &str) -> Option<NaiveDate> {
        let of_cell = || self.is_workbook.then(|| DayForm::Iso.read(text)).flatten();
        bound.column.days.read(text).or_else(of_cell)
    }

    /// The kind that a row says its code is of; a codice fiscale where it says nothing, `None` where it was refused.
    fn identifier_kind(&mut self, bound: &Bound<'_>) -> Option<IdentifierKind> {
        let refused = self.result.refusals.len();
        match self.text(bound) {
            Some(text) => match IdentifierKind::ALL.into_iter().find(|kind| kind.code() == text) {
                Some(kind) => Some(kind),
                None => self.wrong(bound, &text, Rule::Code),
            },
            None => (self.result.refusals.len() == refused).then_some(IdentifierKind::CodiceFiscale),
        }
    }

    fn age(&mut self, bound: &Bound<'_>) -> Option<u8> {
        let text = self.text(bound)?;
        match text.parse::<u8>().ok().filter(|age| *age <= AGE_MAX) {
            Some(age) => Some(age),
            None => self.wrong(bound, &text, Rule::Age),
        }
    }

    fn comune(&mut self, bound: &Bound<'_>, today: NaiveDate) -> Option<String> {
        let text = self.text(bound)?;
        // Spreadsheets take the zeros before a number off.
        let is_number = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let digits = if is_number { format!("{text:0>6}") } else { text.clone() };
        if let Some(comune) = digits.parse::<ComuneCode>().ok().and_then(territory::comune) {
            return Some(comune.code.to_string());
        }
        let found = territory::search_by_name(&text, today);
        let mut exact = found.iter().filter(|place| place.name.to_lowercase() == text.to_lowercase());
        let code = match (exact.next().map(|place| &place.kind), exact.next()) {
            (Some(BirthplaceKind::Comune { today: Some(code), .. }), None) => Some(code.to_string()),
            (_, _) => None,
        };
        if code.is_none() {
            return self.wrong(bound, &text, Rule::Comune);
        }
        code
    }

    fn disadvantage(&mut self, bound: &Bound<'_>) -> Option<BTreeSet<Disadvantage>> {
        let separator = bound.column.separator.as_deref();
        let raw = match &bound.place {
            Place::At(place) => self.record.get(*place).unwrap_or_default().trim().to_owned(),
            Place::Constant(text) => text.trim().to_owned(),
        };
        if bound.column.missing.contains(&raw) {
            return None;
        }
        let mut categories = BTreeSet::new();
        let parts: Vec<&str> = separator.map_or_else(|| vec![raw.as_str()], |separator| raw.split(separator).collect());
        for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
            let code = match &bound.column.recode {
                Some(recode) => recode.get(part).map(String::as_str),
                None => Some(part),
            };
            match code {
                Some("none") => {}
                Some(code) if Disadvantage::from_code(code).is_some() => {
                    categories.extend(Disadvantage::from_code(code))
                }
                Some(_) | None => {
                    return self.wrong(bound, part, Rule::Disadvantage);
                }
            }
        }
        Some(categories)
    }
}
