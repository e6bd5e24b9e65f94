//! The map that a page uses: a column for everything that can be recorded, so that nobody has to write one. The template of a
//! strumento has these columns and says what each holds.

use std::collections::{BTreeMap, BTreeSet};

use domain::identifier::IdentifierKind;
use domain::instrument::{Instrument, Item};
use rust_xlsxwriter::{DataValidation, Format, Workbook, Worksheet, XlsxError};
use tabular::harmless;
use templates::term;

use super::map::{Column, DayForm, ExternalId, KindSource, Map, OnInvalid, PersonaField, Source, missing_name};

/// Rows of the template that offer their codes.
const ROWS_HELPED: u32 = 5_000;
/// Characters that a list of codes may have together.
const CODES_LENGTH_MAX: usize = 255;
/// Between the categories of disadvantage of one cell.
const SEPARATOR: &str = ";";

/// What a column of a template is about.
#[derive(Clone, Copy, Debug)]
enum About<'i> {
    ExternalId,
    AssessedOn,
    IdentifierKind,
    Persona(PersonaField),
    Item(&'i Item),
}

/// A column of a template, as it is explained.
#[derive(Clone, Debug)]
pub(crate) struct Explained {
    pub(crate) heading: String,
    pub(crate) is_required: bool,
    pub(crate) meaning: String,
    /// What can stand there, where only some things can: the code and its words.
    pub(crate) codes: Vec<(String, String)>,
    form: CellForm,
}

/// How the cells of a column are written in a spreadsheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CellForm {
    /// As text: zeros at the front stay.
    Text,
    Day,
    Number,
}

/// The columns of a strumento's template, in their order.
fn columns(instrument: &Instrument) -> Vec<(String, About<'_>)> {
    let fields = PersonaField::ALL.into_iter().flat_map(|field| {
        let kind = (field == PersonaField::Identifier).then_some(About::IdentifierKind);
        kind.into_iter().chain([About::Persona(field)])
    });
    let mut all: Vec<(String, About<'_>)> = [About::ExternalId, About::AssessedOn]
        .into_iter()
        .chain(fields)
        .map(|about| (heading(about).to_owned(), about))
        .collect();
    let taken: BTreeSet<String> = all.iter().map(|(heading, _)| heading.clone()).collect();
    all.extend(instrument.items.iter().map(|item| {
        let id = item.id.to_string();
        let heading = if taken.contains(&id) { format!("risposta_{id}") } else { id };
        (heading, About::Item(item))
    }));
    all
}

/// The code of a column among the words of pages, which is its heading too; items have their own.
const fn heading(about: About<'_>) -> &'static str {
    match about {
        About::ExternalId => "codice_esterno",
        About::AssessedOn => "data_valutazione",
        About::IdentifierKind => "tipo_codice",
        About::Persona(field) => match field {
            PersonaField::Surname => "cognome",
            PersonaField::Name => "nome",
            PersonaField::Identifier => "codice",
            PersonaField::Sex => "sesso",
            PersonaField::BirthDate => "data_nascita",
            PersonaField::Age => "eta",
            PersonaField::Comune => "comune",
            PersonaField::Education => "titolo_studio",
            PersonaField::Citizenship => "cittadinanza",
            PersonaField::Household => "nucleo",
            PersonaField::Work => "lavoro",
            PersonaField::Disadvantage => "svantaggio",
        },
        About::Item(_) => "domanda",
    }
}

/// The codes of a column with their words; empty where anything can stand.
fn codes(about: About<'_>) -> Vec<(String, String)> {
    let words = |kind: &str, code: &str| (code.to_owned(), term(kind, code).unwrap_or(code).to_owned());
    match about {
        About::ExternalId | About::AssessedOn => Vec::new(),
        About::IdentifierKind => IdentifierKind::ALL.iter().map(|kind| words("identifier_kind", kind.code())).collect(),
        About::Persona(field) => {
            let known = field.codes().unwrap_or_default();
            known.into_iter().map(|code| words(field.name(), code)).collect()
        }
        About::Item(item) => {
            let options = item.options.iter().map(|option| (option.value.to_string(), option.text.to_string()));
            let missing = item.missing.iter().map(|missing| words("missing", missing_name(*missing)));
            options.chain(missing).collect()
        }
    }
}

/// The map of a strumento's template.
pub(crate) fn map(instrument: &Instrument, source: &str, responsible: &str) -> Map {
    let mut assessed_on = None;
    let mut kind = None;
    let mut persona = BTreeMap::new();
    let mut items = BTreeMap::new();
    for (heading, about) in columns(instrument) {
        let column = column(heading, about);
        match about {
            About::ExternalId => {}
            About::AssessedOn => assessed_on = Some(column),
            About::IdentifierKind => kind = Some(column),
            About::Persona(field) => {
                persona.insert(field, column);
            }
            About::Item(item) => {
                items.insert(item.id.clone(), column);
            }
        }
    }
    Map {
        source: source.to_owned(),
        responsible: responsible.to_owned(),
        delimiter: None,
        external_id: ExternalId::Column(heading(About::ExternalId).to_owned()),
        assessed_on: assessed_on.expect("every template has the day of the assessment"),
        persona,
        identifier_kind: kind.map_or(KindSource::Constant(IdentifierKind::CodiceFiscale), KindSource::Column),
        match_items_by_name: false,
        items_default: column(String::new(), About::ExternalId),
        items,
    }
}

/// A column of the map: a code stands for itself, and so do its words where no other code has them.
fn column(heading: String, about: About<'_>) -> Column {
    let codes = codes(about);
    let words = codes.iter().filter(|(code, words)| !codes.iter().any(|(other, same)| other != code && same == words));
    let mut recode: BTreeMap<String, String> =
        words.map(|(code, words)| (words.trim().to_owned(), code.clone())).collect();
    recode.extend(codes.iter().map(|(code, _)| (code.clone(), code.clone())));
    let holds_several = matches!(about, About::Persona(PersonaField::Disadvantage));
    Column {
        source: Source::Column(heading),
        recode: (!recode.is_empty()).then_some(recode),
        missing: BTreeSet::from([String::new()]),
        on_invalid: OnInvalid::Refuse,
        days: DayForm::Written,
        separator: holds_several.then(|| SEPARATOR.to_owned()),
    }
}

/// What stands in each column of a strumento's template.
pub(crate) fn explained(instrument: &Instrument) -> Vec<Explained> {
    columns(instrument)
        .into_iter()
        .map(|(name, about)| Explained {
            is_required: matches!(about, About::ExternalId | About::AssessedOn),
            meaning: if let About::Item(item) = about {
                item.text.to_string()
            } else {
                term("import_column", heading(about)).unwrap_or_default().to_owned()
            },
            codes: codes(about),
            form: match about {
                About::AssessedOn | About::Persona(PersonaField::BirthDate) => CellForm::Day,
                About::Item(_) | About::Persona(PersonaField::Age) => CellForm::Number,
                About::ExternalId | About::IdentifierKind | About::Persona(_) => CellForm::Text,
            },
            heading: name,
        })
        .collect()
}

/// A template as CSV: its headings.
pub(crate) fn csv(instrument: &Instrument) -> String {
    tabular::csv([columns(instrument).into_iter().map(|(heading, _)| heading)])
}

/// A template as a workbook: the sheet to fill in, what each column holds, what each code means.
pub(crate) fn workbook(instrument: &Instrument) -> Result<Vec<u8>, XlsxError> {
    let columns = explained(instrument);
    let word = |code: &str| term("import_template", code).unwrap_or_default();
    let bold = Format::new().set_bold();
    let mut book = Workbook::new();
    let sheet = named(&mut book, word("rows"))?;
    for (place, column) in (0_u16..).zip(&columns) {
        sheet.write_string_with_format(0, place, column.heading.as_str(), &bold)?;
        sheet.set_column_width(place, 18)?;
        let format = match column.form {
            CellForm::Text => Format::new().set_num_format("@"),
            CellForm::Day => Format::new().set_num_format("dd/mm/yyyy"),
            CellForm::Number => Format::new().set_num_format("0"),
        };
        sheet.set_column_format(place, &format)?;
        let codes: Vec<&str> = column.codes.iter().map(|(code, _)| code.as_str()).collect();
        let length: usize = codes.iter().map(|code| code.chars().count() + 1).sum();
        if !codes.is_empty() && length <= CODES_LENGTH_MAX {
            // It offers and does not forbid: the words of a code are as good as the code.
            let offer = DataValidation::new().allow_list_strings(&codes)?.show_error_message(false);
            sheet.add_data_validation(1, place, ROWS_HELPED, place, &offer)?;
        }
    }
    let sheet = named(&mut book, word("columns"))?;
    head(sheet, &[(word("column"), 22), (word("required"), 14), (word("meaning"), 90)], &bold)?;
    for (row, column) in (1..).zip(&columns) {
        let required = word(if column.is_required { "yes" } else { "no" });
        write(sheet, row, &[&column.heading, required, &column.meaning])?;
    }
    let sheet = named(&mut book, word("codes"))?;
    head(sheet, &[(word("column"), 22), (word("code"), 22), (word("words"), 90)], &bold)?;
    let codes = columns.iter().flat_map(|column| column.codes.iter().map(|code| (&column.heading, code)));
    for (row, (heading, (code, words))) in (1..).zip(codes) {
        write(sheet, row, &[heading, code, words])?;
    }
    book.save_to_buffer()
}

fn named<'b>(book: &'b mut Workbook, name: &str) -> Result<&'b mut Worksheet, XlsxError> {
    let sheet = book.add_worksheet();
    sheet.set_name(name)?;
    sheet.set_freeze_panes(1, 0)?;
    Ok(sheet)
}

fn head(sheet: &mut Worksheet, headings: &[(&str, u32)], format: &Format) -> Result<(), XlsxError> {
    for (place, (heading, width)) in (0_u16..).zip(headings) {
        sheet.write_string_with_format(0, place, *heading, format)?;
        sheet.set_column_width(place, *width)?;
    }
    Ok(())
}

fn write(sheet: &mut Worksheet, row: u32, texts: &[&str]) -> Result<(), XlsxError> {
    for (place, text) in (0_u16..).zip(texts) {
        sheet.write_string(row, place, harmless(text))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_heading_of_its_own_and_words() {
        for instrument in crate::instruments::shipped().unwrap() {
            let columns = explained(&instrument);
            let headings: BTreeSet<&str> = columns.iter().map(|column| column.heading.as_str()).collect();
            assert_eq!(headings.len(), columns.len(), "{}: a heading twice", instrument.id);
            assert_eq!(columns.len(), 2 + PersonaField::ALL.len() + 1 + instrument.items.len());
            for column in &columns {
                assert!(!column.meaning.is_empty(), "{} has no words", column.heading);
                for (code, words) in &column.codes {
                    assert!(!words.is_empty(), "{} {code}", column.heading);
                }
            }
            let sexes = &columns.iter().find(|column| column.heading == "sesso").unwrap().codes;
            assert!(sexes.contains(&("f".to_owned(), "donna".to_owned())), "{sexes:?}");
            assert!(workbook(&instrument).unwrap().starts_with(b"PK"));
            assert_eq!(csv(&instrument).matches(';').count() + 1, columns.len());
        }
    }

    #[test]
    fn the_words_of_a_code_are_as_good_as_the_code() {
        let column = column("x".to_owned(), About::Persona(PersonaField::Education));
        let recode = column.recode.unwrap();
        assert_eq!(recode["isced_2"], "isced_2");
        assert_eq!(recode["licenza media"], "isced_2");
    }
}
