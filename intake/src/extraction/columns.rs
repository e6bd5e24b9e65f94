//! The tables of an extraction with names: their columns, their rows, and the codebook. Meanings are in
//! messages/extraction.toml; the words for codes are those of the pages.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::NaiveDate;
use domain::feed::{Evaluation, UnitaId};
use domain::instrument::{Id, Instrument, Item, Missing};
use domain::person::PersonaFacts;
use store::{Assessment, ExtractionId, IdentifiedRequest, Narrowing, Persona};
use tabular::{Cell, Explanation};
use templates::term;

use crate::import::missing_name;
use crate::pages::people::{comune_name, disadvantage_text};
use crate::pages::persona::{evaluation_code, origin_code};
use crate::pages::persona_form::place_name;
use crate::portal::Portal;
use crate::visitor::{italian_day, show_instant};

type Words = BTreeMap<String, BTreeMap<String, String>>;

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    toml::from_str(include_str!("../../messages/extraction.toml")).expect("a test reads the file in the binary")
});

/// Words of messages/extraction.toml; a test asks for all of them.
fn words(kind: &str, name: &str) -> String {
    WORDS.get(kind).and_then(|kind| kind.get(name)).map_or_else(|| name.to_owned(), Clone::clone)
}

/// The tables that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Persone,
    Questionari,
    Risposte,
    Azioni,
}

impl Table {
    pub(crate) const ALL: [Self; 4] = [Self::Persone, Self::Questionari, Self::Risposte, Self::Azioni];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Persone => "persone",
            Self::Questionari => "questionari",
            Self::Risposte => "risposte",
            Self::Azioni => "azioni",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.code() == code)
    }
}

const PERSONE: [&str; 19] = [
    "codice_persona",
    "cognome",
    "nome",
    "tipo_codice",
    "codice",
    "data_nascita",
    "luogo_nascita",
    "sesso",
    "residenza_istat",
    "residenza",
    "titolo_studio",
    "cittadinanza",
    "nucleo",
    "lavoro",
    "svantaggio",
    "telefono",
    "email",
    "inserita_il",
    "aggiornata_il",
];

const QUESTIONARI: [&str; 16] = [
    "codice_questionario",
    "codice_persona",
    "cognome",
    "nome",
    "codice",
    "versione_strumento",
    "data_valutazione",
    "data_convalida",
    "unita",
    "eta",
    "residenza",
    "titolo_studio",
    "cittadinanza",
    "nucleo",
    "lavoro",
    "svantaggio",
];

const OF_A_SCALE: [&str; 3] = ["punti", "punti_massimi", "livello"];

const OUTCOME: [&str; 5] =
    ["profilo_calcolato", "valutazione", "profilo_operatore", "condizioni_mancanti", "provenienza"];

const RISPOSTE: [&str; 3] = ["codice_questionario", "codice_persona", "data_valutazione"];

const AZIONI: [&str; 10] = [
    "codice_questionario",
    "codice_persona",
    "cognome",
    "nome",
    "azione",
    "titolo",
    "entro",
    "chi_la_segue",
    "esito",
    "esito_il",
];

/// The columns that a table has whatever the strumento, each with its meaning; those of a scale once for all scales.
pub(crate) fn meanings(table: Table) -> Vec<(String, String)> {
    let named = |names: &[&str]| -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), words(table.code(), name))).collect()
    };
    match table {
        Table::Persone => named(&PERSONE),
        Table::Risposte => named(&RISPOSTE),
        Table::Azioni => named(&AZIONI),
        Table::Questionari => {
            let of_scales =
                OF_A_SCALE.map(|name| (format!("…_{name}"), words(table.code(), name).replace("{}", "ogni ambito")));
            named(&QUESTIONARI).into_iter().chain(of_scales).chain(named(&OUTCOME)).collect()
        }
    }
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Absent,
    Text(String),
    Number(i64),
    Day(NaiveDate),
}

impl Value {
    pub(super) fn cell(&self) -> Cell<'_> {
        match self {
            Self::Absent => Cell::Absent,
            Self::Text(text) => Cell::Text(text),
            Self::Number(number) => Cell::Number(*number),
            Self::Day(day) => Cell::Day(*day),
        }
    }

    fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Absent } else { Self::Text(text) }
    }

    fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Absent, Self::text)
    }

    fn code(kind: &str, code: Option<&str>) -> Self {
        Self::maybe(code.map(|code| term(kind, code).unwrap_or(code)))
    }

    fn day(day: Option<NaiveDate>) -> Self {
        day.map_or(Self::Absent, Self::Day)
    }
}

/// A column with its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) meaning: String,
}

/// The columns of every table of a strumento.
pub(super) struct Columns<'a> {
    request: &'a IdentifiedRequest,
    /// Every version, the oldest first.
    versions: Vec<&'a Instrument>,
    /// Of whichever version, in the order of the newest.
    scales: Vec<(Id, String)>,
    items: Vec<Id>,
    unita: BTreeMap<UnitaId, String>,
    asked_at: String,
}

/// The entries of every version, in the order of the newest: each by the newest version that has it.
fn union<'a, T>(versions: &[&'a Instrument], of: impl Fn(&'a Instrument) -> Vec<(Id, T)>) -> Vec<(Id, T)> {
    let mut all: Vec<(Id, T)> = Vec::new();
    for version in versions.iter().rev() {
        for (id, one) in of(version) {
            if !all.iter().any(|(known, _)| *known == id) {
                all.push((id, one));
            }
        }
    }
    all
}

/// A scale and one of its levels, in the words of the first definition that has them; by their ids where none has.
pub(crate) fn level_title<'a>(mut definitions: impl Iterator<Item = &'a Instrument>, scale: &Id, level: &Id) -> String {
    let title = definitions.find_map(|one| {
        let scale = one.scales.iter().find(|known| known.id == *scale)?;
        let level = scale.levels.iter().find(|known| known.id == *level)?;
        Some(format!("{}: {}", scale.title, level.title))
    });
    title.unwrap_or_else(|| format!("{scale}: {level}"))
}

impl<'a> Columns<'a> {
    /// `None` for a strumento that is not there.
    pub(super) fn new(
        portal: &'a Portal,
        request: &'a IdentifiedRequest,
        unita: BTreeMap<UnitaId, String>,
    ) -> Option<Self> {
        let mut versions: Vec<&Instrument> = portal.versions(&request.instrument).collect();
        versions.sort_by_key(|one| one.version);
        versions.last()?;
        let scales = union(&versions, |one| {
            one.scales.iter().map(|scale| (scale.id.clone(), scale.title.to_string())).collect()
        });
        let items = union(&versions, |one| one.items.iter().map(|item| (item.id.clone(), ())).collect());
        let items = items.into_iter().map(|(id, ())| id).collect();
        Some(Self { request, versions, scales, items, unita, asked_at: show_instant(portal.now()) })
    }

    /// The columns of a table, in the order of its rows.
    pub(super) fn of(&self, table: Table) -> Vec<Column> {
        let named = |names: &[&str]| -> Vec<Column> {
            let column = |name: &&str| Column { name: (*name).to_owned(), meaning: words(table.code(), name) };
            names.iter().map(column).collect()
        };
        match table {
            Table::Persone => named(&PERSONE),
            Table::Azioni => named(&AZIONI),
            Table::Risposte => {
                let items = self.items.iter().map(|id| Column {
                    name: id.to_string(),
                    meaning: self.item(id).map(|item| item.text.to_string()).unwrap_or_default(),
                });
                named(&RISPOSTE).into_iter().chain(items).collect()
            }
            Table::Questionari => {
                let of_scales = self.scales.iter().flat_map(|(scale, title)| {
                    OF_A_SCALE.map(|name| Column {
                        name: format!("{scale}_{name}"),
                        meaning: words(table.code(), name).replace("{}", title),
                    })
                });
                named(&QUESTIONARI).into_iter().chain(of_scales).chain(named(&OUTCOME)).collect()
            }
        }
    }

    /// The definition that a questionnaire was filled in with.
    fn version(&self, one: &Assessment) -> Option<&'a Instrument> {
        self.versions.iter().copied().find(|version| version.version == one.version)
    }

    fn item(&self, id: &Id) -> Option<&'a Item> {
        self.versions.iter().rev().find_map(|one| one.items.iter().find(|item| item.id == *id))
    }

    /// The row of a persona.
    pub(super) fn persona(&self, persona: &Persona) -> Vec<Value> {
        let data = &persona.data;
        let identifier = data.identifier.as_ref();
        vec![
            Value::text(persona.id.to_string()),
            Value::text(data.surname.as_str()),
            Value::text(data.name.as_str()),
            Value::code("identifier_kind", identifier.map(|it| it.kind().code())),
            Value::maybe(identifier.map(|it| it.expose())),
            Value::day(data.birth_date),
            Value::maybe(data.birth_place.as_deref().map(|code| place_name(code, data.birth_date))),
            Value::code("sex", data.sex.map(|it| it.code())),
            Value::maybe(data.residence.as_deref()),
            Value::maybe(data.residence.as_deref().map(comune_name)),
            Value::code("education", data.education.map(|it| it.code())),
            Value::code("citizenship", data.citizenship.map(|it| it.code())),
            Value::code("household", data.household.map(|it| it.code())),
            Value::code("work", data.work.map(|it| it.code())),
            Value::maybe(disadvantage_text(data.disadvantage.as_ref())),
            Value::maybe(data.phone.as_deref()),
            Value::maybe(data.email.as_deref()),
            Value::Day(italian_day(persona.created_at)),
            Value::Day(italian_day(persona.updated_at)),
        ]
    }

    /// The rows that a questionnaire has in a table other than that of the persone.
    pub(super) fn rows(&self, table: Table, one: &Assessment, persona: Option<&Persona>) -> Vec<Vec<Value>> {
        match table {
            Table::Persone => Vec::new(),
            Table::Questionari => vec![self.questionario(one, persona)],
            Table::Risposte => vec![self.answers(one)],
            Table::Azioni => self.azioni(one, persona),
        }
    }

    fn questionario(&self, one: &Assessment, persona: Option<&Persona>) -> Vec<Value> {
        let version = self.version(one);
        let class = |id: &Id| {
            let classes = version.and_then(|version| version.profile.as_ref()).map(|profile| &profile.classes);
            let class = classes.into_iter().flatten().find(|class| class.id == *id);
            class.map_or_else(|| id.to_string(), |class| class.title.to_string())
        };
        let block = |id: &Id| {
            let block = version.and_then(|version| version.blocks.iter().find(|block| block.id == *id));
            block.map_or_else(|| id.to_string(), |block| block.title.to_string())
        };
        let PersonaFacts { age, sex: _, education, citizenship, household, work, disadvantage: categories } =
            &one.categories.facts;
        let mut row = vec![Value::text(one.id.to_string()), Value::text(one.persona.to_string())];
        row.extend(name(persona));
        row.extend([
            Value::maybe(persona.and_then(|it| it.data.identifier.as_ref()).map(|it| it.expose())),
            Value::Number(one.version.into()),
            Value::Day(one.assessed_on),
            Value::Day(italian_day(one.validated_at)),
            Value::maybe(one.unita.and_then(|unita| self.unita.get(&unita)).map(String::as_str)),
            age.map_or(Value::Absent, |age| Value::Number(age.into())),
            Value::maybe(one.categories.comune.as_deref().map(comune_name)),
            Value::code("education", education.map(|it| it.code())),
            Value::code("citizenship", citizenship.map(|it| it.code())),
            Value::code("household", household.map(|it| it.code())),
            Value::code("work", work.map(|it| it.code())),
            Value::maybe(disadvantage_text(categories.as_ref())),
        ]);
        for (scale, _) in &self.scales {
            let score = one.scores.iter().find(|score| score.scale == *scale);
            let levels = version.and_then(|version| version.scales.iter().find(|known| known.id == *scale));
            let level = |id: &Id| {
                let level = levels.and_then(|scale| scale.levels.iter().find(|level| level.id == *id));
                level.map_or_else(|| id.to_string(), |level| level.title.to_string())
            };
            row.extend([
                score.map_or(Value::Absent, |score| Value::Number(score.points.into())),
                score.map_or(Value::Absent, |score| Value::Number(score.reachable.into())),
                Value::maybe(score.and_then(|score| score.level.as_ref()).map(level)),
            ]);
        }
        let said = match &one.evaluation {
            Evaluation::Overridden { profile } => profile.as_ref(),
            Evaluation::Confirmed | Evaluation::Absent => None,
        };
        row.extend([
            Value::maybe(one.profile.as_ref().map(class)),
            Value::code("evaluation", Some(evaluation_code(&one.evaluation))),
            Value::maybe(said.map(class)),
            Value::text(one.blocks.iter().map(block).collect::<Vec<_>>().join("; ")),
            Value::code("origin", Some(origin_code(one.origin))),
        ]);
        row
    }

    fn answers(&self, one: &Assessment) -> Vec<Value> {
        let head = [Value::text(one.id.to_string()), Value::text(one.persona.to_string()), Value::Day(one.assessed_on)];
        let asked = self.version(one);
        let is_asked = |id: &Id| asked.is_none_or(|version| version.items.iter().any(|item| item.id == *id));
        let answers = self.items.iter().map(|id| match one.sheet.get(id) {
            Some(answer) => Value::Number(answer.code().into()),
            None if is_asked(id) => Value::Number(Missing::NotAnswered.code().into()),
            None => Value::Absent,
        });
        head.into_iter().chain(answers).collect()
    }

    fn azioni(&self, one: &Assessment, persona: Option<&Persona>) -> Vec<Vec<Value>> {
        let version = self.version(one);
        let rows = one.azioni.iter().map(|agreed| {
            let azione = version.and_then(|version| version.azioni.iter().find(|known| known.id == agreed.azione));
            let last = agreed.results.last();
            let mut row = vec![Value::text(one.id.to_string()), Value::text(one.persona.to_string())];
            row.extend(name(persona));
            row.extend([
                Value::text(agreed.azione.to_string()),
                Value::maybe(azione.map(|azione| azione.title.to_string())),
                Value::day(agreed.terms.due_on),
                Value::maybe(agreed.terms.followed_by.as_deref()),
                Value::code("outcome", last.map(|last| last.outcome.code())),
                Value::day(last.map(|last| italian_day(last.at))),
            ]);
            row
        });
        rows.collect()
    }

    /// The codebook of the tables that are there.
    pub(super) fn explanations(
        &self,
        ente_name: &str,
        id: ExtractionId,
        rows: &BTreeMap<String, u64>,
    ) -> [Explanation; 3] {
        let tables = || Table::ALL.into_iter().filter(|table| rows.contains_key(table.code()));
        let heads = |names: &[&str]| names.iter().map(|name| words("titoli", name)).collect();
        let about = |name: &str| words("informazioni", name);
        let (from, until) = (self.request.from, self.request.until);
        let title = self.versions.last().map(|one| one.title.to_string()).unwrap_or_default();
        let mut facts = vec![
            [about("avvertenza"), about("avvertenza_testo")],
            [about("estrazione"), id.to_string()],
            [about("ente"), ente_name.to_owned()],
            [about("strumento"), format!("{title} ({})", self.request.instrument)],
            [about("anni"), if from == until { from.to_string() } else { format!("{from}–{until}") }],
        ];
        let Narrowing { operator, unita, level } = &self.request.only;
        facts.extend(operator.map(|operator| [about("operatore"), operator.to_string()]));
        let unita = unita.and_then(|unita| self.unita.get(&unita));
        facts.extend(unita.map(|name| [about("unita"), name.clone()]));
        let newest_first = self.versions.iter().rev().copied();
        let level = level.as_ref().map(|(scale, level)| level_title(newest_first, scale, level));
        facts.extend(level.map(|title| [about("livello"), title]));
        facts.extend([[about("motivo"), self.request.reason.clone()], [about("chiesta"), self.asked_at.clone()]]);
        facts.extend(rows.iter().map(|(table, rows)| [about("righe"), format!("{table}: {rows}")]));
        facts.push([about("non_comprese"), about("non_comprese_testo")]);
        facts.push([about("vuote"), about("vuote_testo")]);
        let columns = tables().flat_map(|table| {
            let of_table = self.of(table).into_iter();
            of_table.map(move |column| vec![table.code().to_owned(), column.name, column.meaning])
        });
        let codes = if rows.contains_key(Table::Risposte.code()) { self.item_codes() } else { Vec::new() };
        [
            Explanation {
                name: words("titoli", "informazioni"),
                head: vec![about("voce"), about("valore")],
                lines: facts.into_iter().map(Vec::from).collect(),
            },
            Explanation {
                name: words("titoli", "colonne"),
                head: heads(&["tabella", "colonna", "significato"]),
                lines: columns.collect(),
            },
            Explanation {
                name: words("titoli", "codici"),
                head: heads(&["colonna", "codice", "in_parole", "versione"]),
                lines: codes,
            },
        ]
    }

    /// What the numbers of each item stand for, in each version.
    fn item_codes(&self) -> Vec<Vec<String>> {
        let mut lines = Vec::new();
        for id in &self.items {
            for version in &self.versions {
                let Some(item) = version.items.iter().find(|item| item.id == *id) else { continue };
                let options = item.options.iter().map(|option| (option.value, option.text.to_string()));
                let kinds = std::iter::once(Missing::NotAnswered).chain(item.missing.iter().copied());
                let kinds = kinds.map(|kind| {
                    let code = missing_name(kind);
                    (kind.code(), term("missing", code).unwrap_or(code).to_owned())
                });
                let mut of_item: Vec<Vec<String>> = options
                    .chain(kinds)
                    .map(|(code, text)| vec![id.to_string(), code.to_string(), text, version.version.to_string()])
                    .collect();
                of_item.dedup();
                lines.extend(of_item);
            }
        }
        lines
    }
}

fn name(persona: Option<&Persona>) -> [Value; 2] {
    [Value::maybe(persona.map(|it| it.data.surname.as_str())), Value::maybe(persona.map(|it| it.data.name.as_str()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_meaning_and_no_meaning_is_of_nothing() {
        let scales = OF_A_SCALE.iter().chain(&OUTCOME).chain(&QUESTIONARI);
        for (table, names) in [
            ("persone", PERSONE.to_vec()),
            ("questionari", scales.copied().collect()),
            ("risposte", RISPOSTE.to_vec()),
            ("azioni", AZIONI.to_vec()),
        ] {
            let mut names: Vec<&str> = names;
            names.sort_unstable();
            assert_eq!(WORDS[table].keys().map(String::as_str).collect::<Vec<_>>(), names, "{table}");
        }
    }
}
