//! Sheets about the processing of data: the register of processing (art. 30 of the GDPR), the sheet an impact assessment
//! (art. 35) starts from, the data dictionary. Words are in messages/sheets.toml; values are what is running.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use documents::{Issue, Part, Section, Sheet};
use domain::instrument::{Instrument, Missing, Status};
use serde::Deserialize;
use store::{Account, Right, Role};

use super::words::{WORDS, platform_name, words};
use crate::extraction::{Table, meanings};
use crate::import::missing_name;

static SHEETS: LazyLock<Sheets> = LazyLock::new(|| {
    toml::from_str(include_str!("../../messages/sheets.toml")).expect("a test reads the file in the binary")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheets {
    tables: BTreeMap<String, Heads>,
    words: BTreeMap<String, String>,
    register: SheetWords,
    impact: SheetWords,
    measures: Vec<Measure>,
    dictionary: Dictionary,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Heads {
    caption: String,
    columns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SheetWords {
    title: String,
    subtitle: String,
    section: Vec<SectionWords>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionWords {
    title: String,
    text: Option<String>,
    #[serde(default)]
    list: Vec<String>,
    #[serde(default)]
    tables: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measure {
    risk: String,
    measure: String,
    left: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dictionary {
    title: String,
    subtitle: String,
    words: BTreeMap<String, String>,
}

/// How the platform runs for an Ente today.
pub(crate) struct Running<'a> {
    pub(crate) ente: String,
    /// By name.
    pub(crate) comuni: Vec<String>,
    /// How the agreement stands, in words.
    pub(crate) standing: String,
    pub(crate) accounts: Vec<Account>,
    pub(crate) retention_months: Option<u32>,
    pub(crate) is_offline: bool,
    /// The newest version of each strumento.
    pub(crate) strumenti: Vec<&'a Instrument>,
}

impl Running<'_> {
    fn active(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(|account| account.is_active)
    }

    fn retention(&self) -> String {
        match self.retention_months {
            Some(months) => SHEETS.words["kept"].replace("{months}", &months.to_string()),
            None => SHEETS.words["no_rule"].clone(),
        }
    }

    /// A text with the values in their places.
    fn filled(&self, text: &str) -> String {
        let strumenti: Vec<&str> = self.strumenti.iter().map(|one| one.title.as_str()).collect();
        let offline = if self.is_offline { "offline_on" } else { "offline_off" };
        [
            ("{ente}", self.ente.clone()),
            ("{platform}", platform_name().to_owned()),
            ("{comuni}", self.comuni.join(", ")),
            ("{standing}", self.standing.clone()),
            ("{retention}", self.retention()),
            ("{offline}", SHEETS.words[offline].clone()),
            ("{accounts}", self.active().count().to_string()),
            ("{second_factors}", self.active().filter(|account| account.has_second_factor).count().to_string()),
            ("{strumenti}", strumenti.join(", ")),
        ]
        .iter()
        .fold(text.trim().to_owned(), |text, (name, value)| text.replace(name, value))
    }

    fn rows(&self, table: &str) -> Vec<Vec<String>> {
        let access = &WORDS.access;
        match table {
            "purposes" => access.purposes.iter().map(|one| vec![one.purpose.clone(), one.basis.clone()]).collect(),
            "recipients" => {
                let recipients = access.recipients().into_iter();
                recipients.map(|one| vec![one.who, one.why, one.what]).collect()
            }
            "storage" => {
                let word = |name: &str| SHEETS.words[name].clone();
                let persone = access.storage.first().map(|one| one.what.clone()).unwrap_or_default();
                vec![
                    vec![persone, self.retention()],
                    vec![word("extracted"), word("seven_days")],
                    vec![word("audit"), word("audit_period")],
                ]
            }
            "accounts" => Role::ALL
                .into_iter()
                .filter(|role| role.is_of_an_ente())
                .map(|role| {
                    let of_role = || self.active().filter(move |account| account.role == role);
                    let proved = of_role().filter(|account| account.has_second_factor).count();
                    vec![words("role", role.code()), of_role().count().to_string(), proved.to_string()]
                })
                .collect(),
            "rights" => [Right::ExtractPseudonymous, Right::ExtractIdentified]
                .into_iter()
                .map(|right| {
                    let holders = self.active().filter(|account| account.granted.contains(&right)).count();
                    vec![words("right", right.code().unwrap_or_default()), holders.to_string()]
                })
                .collect(),
            "strumenti" => self.strumenti.iter().map(|one| strumento(one)).collect(),
            "measures" => {
                let measures = SHEETS.measures.iter();
                measures.map(|one| vec![one.risk.clone(), one.measure.clone(), one.left.clone()]).collect()
            }
            _ => Vec::new(),
        }
    }

    fn sheet(&self, issue: Issue, words: &SheetWords) -> Sheet {
        let section = |section: &SectionWords| {
            let mut parts = Vec::new();
            parts.extend(section.text.as_ref().map(|text| Part::Paragraph { text: self.filled(text) }));
            if !section.list.is_empty() {
                parts.push(Part::List { entries: section.list.iter().map(|entry| self.filled(entry)).collect() });
            }
            parts.extend(section.tables.iter().map(|name| table(name, self.rows(name))));
            Section { title: section.title.clone(), parts, sections: Vec::new() }
        };
        Sheet {
            issue,
            title: words.title.clone(),
            subtitle: Some(words.subtitle.clone()),
            version: None,
            is_landscape: false,
            sections: words.section.iter().map(section).collect(),
        }
    }
}

/// The Ente's sheet for its register of processing.
pub(crate) fn register(issue: Issue, running: &Running<'_>) -> Sheet {
    running.sheet(issue, &SHEETS.register)
}

/// What an impact assessment of the Ente starts from.
pub(crate) fn impact(issue: Issue, running: &Running<'_>) -> Sheet {
    running.sheet(issue, &SHEETS.impact)
}

/// What is recorded, by the names that extractions give it, and the items of the strumenti.
pub(crate) fn dictionary(issue: Issue, running: &Running<'_>) -> Sheet {
    let word = |name: &str| SHEETS.dictionary.words[name].clone();
    let mut sections: Vec<Section> =
        [(Table::Persone, "persona"), (Table::Questionari, "questionario"), (Table::Azioni, "azione")]
            .into_iter()
            .map(|(of, title)| {
                let rows = meanings(of).into_iter().map(|(name, meaning)| vec![name, meaning]).collect();
                let columns = vec![word("column"), word("meaning")];
                let table = Part::Table { caption: word(title), columns, rows, has_row_headers: true };
                Section { title: word(title), parts: vec![table], sections: Vec::new() }
            })
            .collect();
    sections.extend(running.strumenti.iter().map(|one| {
        let title =
            word("items").replace("{strumento}", one.title.as_str()).replace("{version}", &one.version.to_string());
        let rows = one.items.iter().map(|item| {
            let options = item.options.iter().map(|option| format!("{} {}", option.value, option.text));
            let kinds = std::iter::once(Missing::NotAnswered).chain(item.missing.iter().copied());
            let missing = kinds.map(|kind| format!("{} {}", kind.code(), words("missing", missing_name(kind))));
            let codes: Vec<String> = options.chain(missing).collect();
            vec![item.id.to_string(), item.text.to_string(), codes.join("\n")]
        });
        let table = Part::Table {
            caption: title.clone(),
            columns: vec![word("item"), word("text"), word("codes")],
            rows: rows.collect(),
            has_row_headers: true,
        };
        Section { title, parts: vec![table], sections: Vec::new() }
    }));
    Sheet {
        issue,
        title: SHEETS.dictionary.title.clone(),
        subtitle: Some(SHEETS.dictionary.subtitle.clone()),
        version: None,
        is_landscape: true,
        sections,
    }
}

fn table(name: &str, rows: Vec<Vec<String>>) -> Part {
    let heads = &SHEETS.tables[name];
    Part::Table { caption: heads.caption.clone(), columns: heads.columns.clone(), rows, has_row_headers: true }
}

fn strumento(one: &Instrument) -> Vec<String> {
    let origin = if one.status == Status::Unofficial { "unofficial" } else { "official" };
    vec![
        one.title.to_string(),
        one.version.to_string(),
        one.items.len().to_string(),
        SHEETS.words[origin].clone(),
        one.sha256.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(all: &[Instrument]) -> Running<'_> {
        Running {
            ente: "Ente di prova".to_owned(),
            comuni: vec!["Pordenone".to_owned(), "Sacile".to_owned()],
            standing: "vale fino al 31/12/2028".to_owned(),
            accounts: Vec::new(),
            retention_months: Some(120),
            is_offline: false,
            strumenti: all.iter().collect(),
        }
    }

    fn issue() -> Issue {
        Issue {
            ente: "Ente di prova".to_owned(),
            unit: None,
            made_on: chrono::NaiveDate::default(),
            made_by: None,
            is_demonstration: false,
        }
    }

    /// All that a sheet says.
    fn said(sheet: &Sheet) -> String {
        serde_json::to_string(sheet).unwrap()
    }

    #[test]
    fn every_table_has_rows_and_every_value_its_place() {
        let all = crate::instruments::shipped().unwrap();
        let running = running(&all);
        for words in [&SHEETS.register, &SHEETS.impact] {
            for name in words.section.iter().flat_map(|section| &section.tables) {
                let rows = running.rows(name);
                assert!(!rows.is_empty(), "{name}");
                assert!(rows.iter().all(|row| row.len() == SHEETS.tables[name].columns.len()), "{name}");
            }
            let said = said(&running.sheet(issue(), words));
            for name in ["ente", "platform", "retention", "offline", "standing", "comuni", "accounts", "strumenti"] {
                assert!(!said.contains(&format!("{{{name}}}")), "{name}");
            }
            assert!(said.contains("Ente di prova") && said.contains("120 mesi"), "{said}");
        }
        for strumento in &all {
            assert!(said(&impact(issue(), &running)).contains(&strumento.sha256));
        }
    }

    #[test]
    fn the_dictionary_has_every_item_and_every_column() {
        let all = crate::instruments::shipped().unwrap();
        let said = said(&dictionary(issue(), &running(&all)));
        for item in all.iter().flat_map(|one| &one.items) {
            assert!(said.contains(&format!("\"{}\"", item.id)), "{}", item.id);
        }
        assert!(said.contains("Categorie di svantaggio") && said.contains("profilo_calcolato"));
    }
}
