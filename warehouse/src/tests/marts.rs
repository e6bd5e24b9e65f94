//! Marts and views against the same figures counted in plain Rust, from an Ente made up by chance, and by hand where a rule
//! turns on one row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use chrono::{Datelike, NaiveDate};
use domain::instrument::{Answer, Instrument, Missing};
use domain::scoring::change::{Change, reliable_change};
use domain::scoring::{Scoring, Sheet};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::{World, batch, ente, now};
use crate::lake::LIMITS;
use crate::mart::{MARTS, Mart, PrivacyClass, Step, VIEWS};
use crate::publish::{Source, make_marts};
use crate::session::TableFiles;
use crate::{Counts, EnteLake, Publication, TableData, checks, dictionary, keys, layout, mart, schema, session};

/// Two scales that share an item, one of them with levels that a block caps; a profile; azioni from all three; kinds of missing.
const DEFINITION: &str = r#"
format = 1
id = "ricca"
version = 1
status = "ufficiale"
languages = ["it"]
title = "Ricca"
description = "Una prova."
source = "Nessuna."
licence = "CC0-1.0"
missing = [{ kind = "not_assessable", label = "Non valutabile" }, { kind = "refused", label = "Non risponde" }]
[[option_set]]
id = "quattro"
options = [{ value = 1, text = "Uno" }, { value = 2, text = "Due" }, { value = 3, text = "Tre" }, { value = 4, text = "Quattro" }]
[[section]]
id = "only"
title = "Sezione"
[[section.item]]
id = "a"
text = "A?"
option_set = "quattro"
keys = { uno = "forward" }
[[section.item]]
id = "b"
text = "B?"
option_set = "quattro"
keys = { uno = "forward" }
[[section.item]]
id = "c"
text = "C?"
option_set = "quattro"
keys = { uno = "forward", due = "reverse" }
[[section.item]]
id = "d"
text = "D?"
option_set = "quattro"
keys = { uno = "reverse" }
[[section.item]]
id = "e"
text = "E?"
options = [{ value = 1, text = "Uno", points = { due = 1 }, blocks = ["casa"] }, { value = 2, text = "Due", points = { due = 7 } }]
[[scale]]
id = "uno"
title = "Uno"
description = "Una scala."
minimum_percent = 75
reliability = { sem_hundredths = 800, alpha_thousandths = 700, source = "Nessuna." }
[[scale.level]]
id = "basso"
title = "Basso"
from = 0
paragraph = "Basso."
azioni = ["a1"]
[[scale.level]]
id = "alto"
title = "Alto"
from = 50
paragraph = "Alto."
azioni = ["a5"]
[[scale]]
id = "due"
title = "Due"
description = "Una scala."
minimum_items = 1
[[scale.level]]
id = "basso"
title = "Basso"
from = 0
paragraph = "Basso."
azioni = ["a2", "a1"]
[[scale.level]]
id = "alto"
title = "Alto"
from = 40
paragraph = "Alto."
azioni = []
[[block]]
id = "casa"
title = "Casa"
text = "Manca."
caps = { uno = "basso" }
azioni = ["a3"]
[[azione]]
id = "a1"
title = "A1"
text = "A1."
[[azione]]
id = "a2"
title = "A2"
text = "A2."
[[azione]]
id = "a3"
title = "A3"
text = "A3."
[[azione]]
id = "a4"
title = "A4"
text = "A4."
[[azione]]
id = "a5"
title = "A5"
text = "A5."
[profile]
title = "Profilo"
scales = ["uno", "due"]
[[profile.class]]
id = "su"
title = "Su"
paragraph = "Su."
azioni = []
[[profile.class]]
id = "giu"
title = "Giù"
paragraph = "Giù."
azioni = ["a4"]
[[profile.rule]]
class = "su"
when = { uno = ["alto"] }
[[profile.rule]]
class = "giu"
when = { uno = ["basso"] }
"#;

/// Two versions of it, the second without a stated error of measurement, and another strumento.
static INSTRUMENTS: LazyLock<[Instrument; 3]> = LazyLock::new(|| {
    let second = DEFINITION.replace("version = 1", "version = 2").replace("reliability = ", "# ");
    [DEFINITION, second.as_str(), super::DEFINITION].map(|text| Instrument::parse(text).unwrap())
});

/// A questionnaire, with what its tables say of it.
#[derive(Clone)]
struct One {
    person: String,
    id: String,
    day: NaiveDate,
    instrument: &'static Instrument,
    answers: Sheet,
    scoring: Scoring,
    known: BTreeMap<&'static str, String>,
    disadvantage: Option<Vec<&'static str>>,
    evaluation: &'static str,
    is_imported: bool,
    operator: String,
    started_at: Option<i64>,
    validated_at: i64,
    agreed: BTreeMap<String, Option<&'static str>>,
}

/// Days since 1970.
fn number(day: NaiveDate) -> i64 {
    (day - NaiveDate::default()).num_days()
}

impl One {
    fn year(&self) -> String {
        self.day.year().to_string()
    }

    fn quarter(&self) -> i64 {
        i64::from(self.day.year()) * 4 + i64::from(self.day.month0() / 3)
    }

    fn order(&self) -> (NaiveDate, i64, &str) {
        (self.day, self.validated_at, &self.id)
    }

    fn code(&self, item: &str) -> i16 {
        let item = domain::instrument::Id::parse(item).unwrap();
        self.answers.get(&item).map_or(Missing::NotAnswered.code(), |answer| answer.code())
    }

    fn missing(&self, kind: Missing) -> usize {
        self.instrument.items.iter().filter(|item| self.code(item.id.as_str()) == kind.code()).count()
    }

    fn level(&self, scale: usize) -> String {
        let (of, score) = (&self.instrument.scales[scale], &self.scoring.scales[scale]);
        if !score.is_valid {
            return "not_valid".into();
        }
        score.level.map_or_else(|| "none".into(), |scored| of.levels[scored.level].id.to_string())
    }

    fn profile(&self) -> Option<&'static str> {
        let profile = self.instrument.profile.as_ref()?;
        Some(profile.classes[self.scoring.profile?].id.as_str())
    }

    /// As a report does (`intake/src/pages/report.rs`).
    fn proposed(&self) -> BTreeSet<String> {
        let instrument = self.instrument;
        let mut azioni: Vec<usize> = Vec::new();
        for (scale, score) in instrument.scales.iter().zip(&self.scoring.scales) {
            azioni.extend(score.level.iter().flat_map(|scored| &scale.levels[scored.level].azioni));
        }
        azioni.extend(self.scoring.blocks.keys().flat_map(|block| &instrument.blocks[*block].azioni));
        let class = instrument.profile.as_ref().zip(self.scoring.profile);
        azioni.extend(class.iter().flat_map(|(profile, class)| &profile.classes[*class].azioni));
        azioni.into_iter().map(|azione| instrument.azioni[azione].id.to_string()).collect()
    }

    /// The points of a scale's items, where all are answered.
    fn complete(&self, scale: usize) -> Option<Vec<f64>> {
        let items = self.instrument.items.iter().filter(|item| item.weight(scale) > 0);
        items
            .map(|item| item.option(self.code(item.id.as_str())).map(|option| f64::from(option.points[scale])))
            .collect()
    }
}

fn make_up(seed: u64, count: usize, people: usize) -> Vec<One> {
    let mut chance = ChaCha20Rng::seed_from_u64(seed);
    let tendency: Vec<i16> = (0..people).map(|_| chance.random_range(1..=4)).collect();
    (0..count)
        .map(|number_of| {
            let person = chance.random_range(0..people);
            let instrument = &INSTRUMENTS[[0, 0, 1, 2][chance.random_range(0..4)]];
            let mut answers = Sheet::new();
            for item in &instrument.items {
                let answer = if chance.random_bool(0.12) {
                    let kind = Missing::ALL[chance.random_range(0..3)];
                    if kind == Missing::NotAnswered || !item.missing.contains(&kind) {
                        continue;
                    }
                    Answer::Missing(kind)
                } else {
                    let wanted = (tendency[person] + chance.random_range(-1..=1)).max(1);
                    Answer::Value(item.option(wanted).unwrap_or_else(|| item.options.last().unwrap()).value)
                };
                answers.insert(item.id.clone(), answer);
            }
            let scoring = instrument.score(&answers).unwrap();
            let day = NaiveDate::from_ymd_opt(2022, 11, 1).unwrap() + chrono::Days::new(chance.random_range(0..800));
            let mut known = BTreeMap::new();
            for (column, value) in [
                ("comune", "093033"),
                ("age", "44"),
                ("sex", "f"),
                ("education", "isced_2"),
                ("citizenship", "it"),
                ("household", "alone"),
                ("work", "retired"),
            ] {
                if chance.random_bool(0.8) {
                    known.insert(column, value.to_owned());
                }
            }
            if let Some(age) = known.get_mut("age") {
                *age = chance.random_range(16..80).to_string();
            }
            let is_imported = chance.random_bool(0.2);
            let validated_at = number(day) * 86_400 + chance.random_range(-3_600..900_000);
            let agreed =
                instrument.azioni.iter().filter(|_| chance.random_bool(0.3)).map(|azione| azione.id.to_string());
            let agreed: Vec<String> = agreed.collect();
            One {
                person: format!("{:032x}", (person + 1) * 7_919 % 1_009),
                id: format!("{:032x}", (number_of + 1) * 104_729 % 1_000_003),
                day,
                instrument,
                answers,
                scoring,
                known,
                disadvantage: [None, Some(vec![]), Some(vec!["housing", "poverty"])][chance.random_range(0..3)].clone(),
                evaluation: if is_imported { "absent" } else { ["confirmed", "overridden"][chance.random_range(0..2)] },
                is_imported,
                operator: format!("operator-{}", chance.random_range(0..3)),
                started_at: (!is_imported).then(|| validated_at - chance.random_range(0..500_000)),
                validated_at,
                agreed: agreed
                    .into_iter()
                    .map(|azione| {
                        (
                            azione,
                            [None, Some("completed"), Some("under_way"), Some("dropped")][chance.random_range(0..4)],
                        )
                    })
                    .collect(),
            }
        })
        .collect()
}

type Cells = BTreeMap<String, String>;

fn cells(pairs: &[(&str, Option<String>)]) -> Cells {
    pairs.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?))).collect()
}

fn some(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

/// The tables of these questionnaires, by year.
fn tables(all: &[One]) -> Vec<TableData> {
    let mut all: Vec<&One> = all.iter().collect();
    all.sort_by_key(|one| (&one.person, one.day, &one.id));
    let mut rows: BTreeMap<(String, i32), Vec<Cells>> = BTreeMap::new();
    for one in all {
        let key = cells(&[
            ("pseudonym", some(&one.person)),
            ("assessed_on", some(number(one.day))),
            ("assessment_id", some(&one.id)),
            ("instrument", some(&one.instrument.id)),
            ("version", some(one.instrument.version)),
        ]);
        let mut add = |table: &str, more: &[(&str, Option<String>)]| {
            let mut row = key.clone();
            row.extend(cells(more));
            rows.entry((table.to_owned(), one.day.year())).or_default().push(row);
        };
        let answered = one.answers.values().filter(|answer| answer.code() >= 0).count();
        let mut sheet = vec![
            ("is_disadvantage_known", some(i32::from(one.disadvantage.is_some()))),
            ("profile", one.profile().map(str::to_owned)),
            ("evaluation", some(one.evaluation)),
            ("origin", some(if one.is_imported { "import" } else { "portal" })),
            ("operator", some(&one.operator)),
            ("started_at", one.started_at.map(|at| at.to_string())),
            ("validated_at", some(one.validated_at)),
            ("count_answered", some(answered)),
            ("count_items", some(one.instrument.items.len())),
        ];
        sheet.extend(one.known.iter().map(|(column, value)| (*column, some(value))));
        add(schema::ASSESSMENTS, &sheet);
        for (index, (scale, score)) in one.instrument.scales.iter().zip(&one.scoring.scales).enumerate() {
            let level = Some(one.level(index)).filter(|_| score.level.is_some());
            add(
                schema::SCORES,
                &[
                    ("scale", some(&scale.id)),
                    ("points", some(score.points)),
                    ("reachable", some(score.reachable)),
                    ("items_answered", some(score.items_answered)),
                    ("is_valid", some(i32::from(score.is_valid))),
                    ("level", level),
                    ("level_of_index", score.level.map(|scored| scale.levels[scored.level_of_index].id.to_string())),
                    ("index_tenths", score.index_tenths().filter(|_| score.is_valid).map(|tenths| tenths.to_string())),
                ],
            );
        }
        one.disadvantage
            .iter()
            .flatten()
            .for_each(|category| add(schema::DISADVANTAGES, &[("category", some(category))]));
        one.scoring
            .blocks
            .keys()
            .for_each(|block| add(schema::BLOCKS, &[("block", some(&one.instrument.blocks[*block].id))]));
        one.agreed.iter().for_each(|(azione, outcome)| {
            add(schema::AZIONI, &[("azione", some(azione)), ("outcome", outcome.map(str::to_owned))]);
        });
        let answers: Vec<_> =
            one.instrument.items.iter().map(|item| (item.id.as_str(), some(one.code(item.id.as_str())))).collect();
        add(&schema::answers_table(one.instrument.id.as_str()), &answers);
    }
    let instruments = &*INSTRUMENTS;
    rows.into_iter()
        .map(|((table, year), rows)| {
            let of_table = instruments.iter().filter(|one| schema::answers_table(one.id.as_str()) == table);
            let schema = schema::fixed(&table).unwrap_or_else(|| schema::answers(&of_table.collect::<Vec<_>>()));
            let rows: Vec<Vec<(&str, &str)>> = rows
                .iter()
                .map(|row| row.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
                .collect();
            TableData { table, year, rows: batch(&schema, &rows) }
        })
        .collect()
}

impl World {
    /// Publishes made-up questionnaires, which are taken for as many as `accepted`: above a number marts are made from files.
    fn publish_all(&mut self, number: u128, all: &[One], accepted: i64) -> EnteLake {
        let publication = Publication {
            tables: tables(all),
            instruments: INSTRUMENTS.to_vec(),
            counts: Counts { accepted, ..Counts::default() },
            ..self.publication(&[])
        };
        self.lake.publish(ente(number), publication, now(), &mut self.chance).unwrap();
        self.lake.ente(ente(number)).unwrap().unwrap()
    }
}

/// What a mart must hold: by key, which is a part of the columns, the others.
type Expected = BTreeSet<Cells>;

fn check(lake: &EnteLake, name: &str, expected: &Expected) {
    let found = lake.query(&format!("select * from {name}")).unwrap();
    let rows = found.rows.iter().map(|row| {
        let pairs = found.columns.iter().zip(row);
        pairs.filter_map(|(column, value)| Some((column.clone(), value.clone()?))).collect::<Cells>()
    });
    let rows: Expected = rows.collect();
    assert_eq!(rows.len(), found.rows.len(), "{name} says something twice");
    if rows != *expected {
        let mut text = String::new();
        for (what, some) in [("found only", rows.difference(expected)), ("wanted only", expected.difference(&rows))] {
            for row in some.take(5) {
                writeln!(text, "{what}: {row:?}").unwrap();
            }
        }
        panic!("{name}: {text}");
    }
    assert!(rows.len() > 2, "{name} has too few rows to be a test");
}

/// A questionnaire counts in its year and in all.
fn periods(one: &One) -> [String; 2] {
    [one.year(), "all".to_owned()]
}

/// By period and strumento, the last questionnaire of each person.
fn latest(all: &[One]) -> BTreeMap<(String, String), Vec<&One>> {
    let mut found: BTreeMap<(String, String, &str), &One> = BTreeMap::new();
    for one in all {
        for period in periods(one) {
            let last = found.entry((period, one.instrument.id.to_string(), &one.person)).or_insert(one);
            if one.order() > last.order() {
                *last = one;
            }
        }
    }
    let mut by_period: BTreeMap<(String, String), Vec<&One>> = BTreeMap::new();
    for ((period, instrument, _), one) in found {
        by_period.entry((period, instrument)).or_default().push(one);
    }
    by_period
}

/// By strumento and person, in order.
fn histories(all: &[One]) -> BTreeMap<(String, &str), Vec<&One>> {
    let mut found: BTreeMap<(String, &str), Vec<&One>> = BTreeMap::new();
    for one in all {
        found.entry((one.instrument.id.to_string(), &one.person)).or_default().push(one);
    }
    found.values_mut().for_each(|history| history.sort_by_key(|one| one.order()));
    found
}

/// Counts by texts, as rows: the names of the texts, then that of the count.
fn counted(names: &[&str], count: &str, counts: &BTreeMap<Vec<String>, i64>) -> Expected {
    let row = |(key, number): (&Vec<String>, &i64)| {
        let pairs = names.iter().zip(key).map(|(name, text)| ((*name).to_owned(), text.clone()));
        pairs.chain([(count.to_owned(), number.to_string())]).collect::<Cells>()
    };
    counts.iter().map(row).collect()
}

/// By name of the column, and who agreed.
type CountsAndPeople<'a> = (BTreeMap<&'a str, i64>, BTreeSet<&'a str>);

fn azioni(all: &[One]) -> Expected {
    let mut found: BTreeMap<[String; 3], CountsAndPeople<'_>> = BTreeMap::new();
    for one in all {
        let proposed = one.proposed();
        for azione in proposed.iter().chain(one.agreed.keys()).collect::<BTreeSet<_>>() {
            for period in periods(one) {
                let (counts, people) =
                    found.entry([period, one.instrument.id.to_string(), azione.clone()]).or_default();
                let mut add = |name, is_so: bool| *counts.entry(name).or_default() += i64::from(is_so);
                let agreed = one.agreed.get(azione);
                add("proposed", proposed.contains(azione));
                add("agreed", agreed.is_some());
                add("agreed_as_proposed", agreed.is_some() && proposed.contains(azione));
                for outcome in ["completed", "under_way", "dropped"] {
                    add(outcome, agreed == Some(&Some(outcome)));
                }
                add("not_recorded", agreed == Some(&None));
                people.extend(agreed.map(|_| one.person.as_str()));
            }
        }
    }
    for ((period, instrument), people) in latest(all) {
        for (one, azione) in people.iter().flat_map(|one| one.proposed().into_iter().map(move |azione| (one, azione))) {
            assert_eq!(one.instrument.id.as_str(), instrument);
            let key = [period.clone(), instrument.clone(), azione];
            *found.get_mut(&key).unwrap().0.entry("people_proposed").or_default() += 1;
        }
    }
    for ((instrument, _), history) in histories(all) {
        let years: BTreeSet<String> = history.iter().flat_map(|one| periods(one)).collect();
        for period in years {
            // Of each azione the last time: a later one takes the place of an earlier.
            let within = history.iter().filter(|one| periods(one).contains(&period));
            let last: BTreeMap<&String, &Option<&str>> = within.flat_map(|one| &one.agreed).collect();
            for (azione, outcome) in last {
                let counts = &mut found.get_mut(&[period.clone(), instrument.clone(), azione.clone()]).unwrap().0;
                let name = match outcome {
                    Some("completed") => "people_completed",
                    Some("under_way") => "people_under_way",
                    Some("dropped") => "people_dropped",
                    Some(_) | None => continue,
                };
                *counts.entry(name).or_default() += 1;
            }
        }
    }
    for (counts, _) in found.values_mut() {
        for name in ["people_proposed", "people_completed", "people_under_way", "people_dropped"] {
            counts.entry(name).or_default();
        }
    }
    let row = |([period, instrument, azione], (counts, people)): (&[String; 3], &CountsAndPeople<'_>)| {
        let mut row = cells(&[
            ("period", some(period)),
            ("instrument", some(instrument)),
            ("azione", some(azione)),
            ("people", some(people.len())),
        ]);
        row.extend(counts.iter().map(|(name, count)| ((*name).to_owned(), count.to_string())));
        row
    };
    found.iter().map(row).collect()
}

fn transitions(all: &[One]) -> Expected {
    let mut counts = BTreeMap::new();
    for history in histories(all).values() {
        for pair in history.windows(2) {
            for (index, scale) in pair[1].instrument.scales.iter().enumerate() {
                for period in periods(pair[1]) {
                    let key = [
                        period,
                        pair[1].instrument.id.to_string(),
                        scale.id.to_string(),
                        pair[0].level(index),
                        pair[1].level(index),
                    ];
                    *counts.entry(key.to_vec()).or_default() += 1;
                }
            }
        }
    }
    counted(&["period", "instrument", "scale", "from_level", "to_level"], "transitions", &counts)
}

fn paths(all: &[One]) -> Expected {
    let years: BTreeSet<(String, String)> =
        all.iter().flat_map(|one| periods(one).map(|period| (period, one.instrument.id.to_string()))).collect();
    let mut counts = BTreeMap::new();
    for (period, instrument) in years {
        for history in histories(all).iter().filter(|((of, _), _)| *of == instrument).map(|(_, history)| history) {
            let until: Vec<_> = history.iter().filter(|one| period == "all" || one.year() <= period).collect();
            let [first, .., last] = until.as_slice() else { continue };
            for (index, scale) in last.instrument.scales.iter().enumerate() {
                let key =
                    [period.clone(), instrument.clone(), scale.id.to_string(), first.level(index), last.level(index)];
                *counts.entry(key.to_vec()).or_default() += 1;
            }
        }
    }
    counted(&["period", "instrument", "scale", "from_level", "to_level"], "people", &counts)
}

fn totals(all: &[One]) -> Expected {
    let mut rows = Expected::new();
    for ((period, instrument), people) in latest(all) {
        let of: Vec<&One> = all
            .iter()
            .filter(|one| one.instrument.id.as_str() == instrument && periods(one).contains(&period))
            .collect();
        let firsts: BTreeMap<String, String> = histories(all)
            .into_iter()
            .filter(|((of, _), _)| *of == instrument)
            .map(|((_, person), history)| (person.to_owned(), history[0].year()))
            .collect();
        let again = histories(all)
            .iter()
            .filter(|((of, _), history)| {
                *of == instrument && history.iter().filter(|one| period == "all" || one.year() <= period).count() > 1
            })
            .count();
        rows.insert(cells(&[
            ("people", some(people.len())),
            ("assessments", some(of.len())),
            ("imported", some(of.iter().filter(|one| one.is_imported).count())),
            ("reassessed", some(again)),
            ("of_first_year", some(people.iter().filter(|one| firsts[&one.person] == one.year()).count())),
            ("first_on", some(of.iter().map(|one| one.day).min().unwrap())),
            ("last_on", some(of.iter().map(|one| one.day).max().unwrap())),
            ("period", some(period)),
            ("instrument", some(instrument)),
        ]));
    }
    rows
}

/// What a person comes to: the level on each scale, the class of the profile where there are any, and `all`.
fn outcomes(one: &One) -> Vec<(String, String)> {
    let scales = one.instrument.scales.iter().enumerate();
    let mut found: Vec<(String, String)> =
        scales.map(|(index, scale)| (scale.id.to_string(), one.level(index))).collect();
    if one.instrument.profile.is_some() {
        found.push(("profile".into(), one.profile().unwrap_or("not_valid").into()));
    }
    found.push(("people".into(), "all".into()));
    found
}

fn known(one: &One, column: &str) -> String {
    one.known.get(column).cloned().unwrap_or_else(|| "unknown".into())
}

fn age_band(one: &One) -> &'static str {
    match one.known.get("age").map(|age| age.parse::<u8>().unwrap()) {
        None => "unknown",
        Some(..25) => "0_24",
        Some(25..35) => "25_34",
        Some(35..45) => "35_44",
        Some(45..55) => "45_54",
        Some(55..65) => "55_64",
        Some(65..) => "65_plus",
    }
}

fn territory(all: &[One]) -> Expected {
    let mut counts = BTreeMap::new();
    for ((period, instrument), people) in latest(all) {
        for one in people {
            for (target, level) in
                outcomes(one).into_iter().filter(|(target, _)| target != "profile" && target != "people")
            {
                let key = [period.clone(), instrument.clone(), known(one, "comune"), target, level];
                *counts.entry(key.to_vec()).or_default() += 1;
            }
        }
    }
    counted(&["period", "instrument", "comune", "scale", "level"], "people", &counts)
}

/// The disadvantages that somebody has, as marts write them.
fn disadvantages(one: &One) -> Vec<&'static str> {
    match &one.disadvantage {
        None => vec!["unknown"],
        Some(none) if none.is_empty() => vec!["none"],
        Some(some) => some.clone(),
    }
}

fn community(all: &[One]) -> Expected {
    let mut counts = BTreeMap::new();
    for ((period, instrument), people) in latest(all) {
        for one in people {
            let mut categories: Vec<(&str, String)> = ["sex", "education", "citizenship", "household", "work"]
                .into_iter()
                .map(|characteristic| (characteristic, known(one, characteristic)))
                .collect();
            categories.push(("age_band", age_band(one).into()));
            categories.extend(disadvantages(one).into_iter().map(|category| ("disadvantage", category.into())));
            for (characteristic, category) in categories {
                for (target, outcome) in outcomes(one) {
                    let key =
                        [period.clone(), instrument.clone(), characteristic.into(), category.clone(), target, outcome];
                    *counts.entry(key.to_vec()).or_default() += 1;
                }
            }
        }
    }
    counted(&["period", "instrument", "characteristic", "category", "target", "outcome"], "people", &counts)
}

fn cohorts(all: &[One]) -> Expected {
    let mut rows = Expected::new();
    let histories = histories(all);
    let cohort_of = |history: &[&One]| history[0].quarter();
    let keys: BTreeSet<(String, i64)> =
        histories.iter().map(|((instrument, _), history)| (instrument.clone(), cohort_of(history))).collect();
    for (instrument, cohort) in keys {
        let of: Vec<&Vec<&One>> = histories
            .iter()
            .filter(|((of, _), history)| *of == instrument && cohort_of(history) == cohort)
            .map(|(_, history)| history)
            .collect();
        for since in 0..=8 {
            let in_quarter: Vec<&One> = of
                .iter()
                .filter_map(|history| history.iter().rfind(|one| one.quarter() == cohort + since))
                .copied()
                .collect();
            let again =
                of.iter().filter(|history| history.get(1).is_some_and(|one| one.quarter() <= cohort + since)).count();
            let mut levels: BTreeMap<(String, String), i64> = BTreeMap::new();
            for one in &in_quarter {
                for (index, scale) in one.instrument.scales.iter().enumerate() {
                    *levels.entry((scale.id.to_string(), one.level(index))).or_default() += 1;
                }
            }
            for ((scale, level), people) in levels {
                rows.insert(cells(&[
                    ("cohort", some(format!("{}-Q{}", cohort / 4, cohort % 4 + 1))),
                    ("instrument", some(&instrument)),
                    ("scale", some(scale)),
                    ("quarters_since", some(since)),
                    ("level", some(level)),
                    ("people", some(people)),
                    ("assessed", some(in_quarter.len())),
                    ("reassessed", some(again)),
                    ("cohort_people", some(of.len())),
                ]));
            }
        }
    }
    rows
}

fn ages(all: &[One]) -> Expected {
    let mut counts = BTreeMap::new();
    for ((period, instrument), people) in latest(all) {
        for one in people {
            let key = [period.clone(), instrument.clone(), known(one, "sex"), age_band(one).to_owned()];
            *counts.entry(key.to_vec()).or_default() += 1;
        }
    }
    counted(&["period", "instrument", "sex", "age_band"], "people", &counts)
}

fn returns(all: &[One]) -> Expected {
    let mut counts = BTreeMap::new();
    for ((instrument, _), history) in histories(all) {
        let first = history[0].quarter();
        let quarters = history.get(1).map_or(-1, |second| second.quarter() - first);
        let key = [format!("{}-Q{}", first / 4, first % 4 + 1), instrument, quarters.to_string()];
        *counts.entry(key.to_vec()).or_default() += 1;
    }
    counted(&["cohort", "instrument", "quarters_to_second"], "people", &counts)
}

fn recency(all: &[One]) -> Expected {
    let mut counts = BTreeMap::new();
    for ((instrument, _), history) in histories(all) {
        let month = history.last().unwrap().day.format("%Y-%m").to_string();
        *counts.entry(vec![instrument, month]).or_default() += 1;
    }
    counted(&["instrument", "month"], "people", &counts)
}

fn blocks(all: &[One]) -> Expected {
    let mut counts = BTreeMap::new();
    for ((period, instrument), people) in latest(all) {
        for one in people {
            for block in one.scoring.blocks.keys().map(|block| one.instrument.blocks[*block].id.to_string()) {
                for comune in [known(one, "comune"), "all".to_owned()] {
                    *counts.entry(vec![period.clone(), instrument.clone(), comune, block.clone()]).or_default() += 1;
                }
            }
        }
    }
    counted(&["period", "instrument", "comune", "block"], "people", &counts)
}

fn items(all: &[One]) -> Expected {
    let mut counts = BTreeMap::new();
    for ((period, instrument), people) in latest(all) {
        for one in people {
            for item in &one.instrument.items {
                let code = one.code(item.id.as_str());
                let kind = match code {
                    -1 => "not_answered",
                    -2 => "not_assessable",
                    -3 => "refused",
                    _ => "answered",
                };
                let version = one.instrument.version.to_string();
                let key = [
                    period.clone(),
                    instrument.clone(),
                    version,
                    item.id.to_string(),
                    code.to_string(),
                    kind.to_owned(),
                ];
                *counts.entry(key.to_vec()).or_default() += 1;
            }
        }
    }
    counted(&["period", "instrument", "version", "item", "value", "kind"], "people", &counts)
}

/// The k-th of sorted numbers at a share, as `percentile_disc` gives it.
fn quantile(sorted: &[i64], quarters: usize) -> Option<String> {
    let at = (sorted.len() * quarters).div_ceil(4).max(1) - 1;
    sorted.get(at).map(ToString::to_string)
}

fn practice(all: &[One]) -> Expected {
    let mut groups: BTreeMap<(String, &str, &str), Vec<&One>> = BTreeMap::new();
    for one in all {
        for period in periods(one) {
            groups.entry((period, &one.operator, one.instrument.id.as_str())).or_default().push(one);
        }
    }
    let mut rows = Expected::new();
    for ((period, operator, instrument), of) in groups {
        let sum = |count: &dyn Fn(&One) -> usize| some(of.iter().map(|one| count(one)).sum::<usize>());
        let timed = of.iter().filter(|one| !one.is_imported);
        let mut days: Vec<i64> =
            timed.map(|one| (one.validated_at.div_euclid(86_400) - number(one.day)).max(0)).collect();
        days.sort_unstable();
        rows.insert(cells(&[
            ("period", some(period)),
            ("operator", some(operator)),
            ("instrument", some(instrument)),
            ("assessments", some(of.len())),
            ("items_asked", sum(&|one| one.instrument.items.len())),
            ("not_answered", sum(&|one| one.missing(Missing::NotAnswered))),
            ("not_assessable", sum(&|one| one.missing(Missing::NotAssessable))),
            ("refused", sum(&|one| one.missing(Missing::Refused))),
            ("timed", some(days.len())),
            ("days_q1", quantile(&days, 1)),
            ("days_median", quantile(&days, 2)),
            ("days_q3", quantile(&days, 3)),
            ("confirmed", sum(&|one| usize::from(one.evaluation == "confirmed"))),
            ("overridden", sum(&|one| usize::from(one.evaluation == "overridden"))),
            ("evaluation_absent", sum(&|one| usize::from(one.evaluation == "absent"))),
        ]));
    }
    rows
}

fn drift(all: &[One]) -> Expected {
    let mut own: BTreeMap<(String, &str, &str, &str), [i64; 3]> = BTreeMap::new();
    let mut whole: BTreeMap<(String, &str, &str), [i64; 3]> = BTreeMap::new();
    for one in all {
        for (scale, score) in one.instrument.scales.iter().zip(&one.scoring.scales).filter(|(_, score)| score.is_valid)
        {
            let tenths = i64::from(score.index_tenths().unwrap());
            for period in periods(one) {
                let (instrument, scale) = (one.instrument.id.as_str(), scale.id.as_str());
                for sums in [
                    own.entry((period.clone(), &one.operator, instrument, scale)).or_default(),
                    whole.entry((period, instrument, scale)).or_default(),
                ] {
                    *sums = [sums[0] + 1, sums[1] + tenths, sums[2] + tenths * tenths];
                }
            }
        }
    }
    let row = |((period, operator, instrument, scale), sums): (&(String, &str, &str, &str), &[i64; 3])| {
        let whole = whole[&(period.clone(), *instrument, *scale)];
        cells(&[
            ("period", some(period)),
            ("operator", some(operator)),
            ("instrument", some(instrument)),
            ("scale", some(scale)),
            ("results", some(sums[0])),
            ("sum_tenths", some(sums[1])),
            ("ente_results", some(whole[0])),
            ("ente_sum_tenths", some(whole[1])),
            ("ente_sum_squares", some(whole[2])),
        ])
    };
    own.iter().map(row).collect()
}

fn data_quality(all: &[One]) -> Expected {
    let mut rows = Expected::new();
    for (period, instrument) in latest(all).into_keys() {
        let of: Vec<&One> = all
            .iter()
            .filter(|one| one.instrument.id.as_str() == instrument && periods(one).contains(&period))
            .collect();
        let count = |is_so: &dyn Fn(&One) -> bool| some(of.iter().filter(|one| is_so(one)).count());
        let without = |column: &str| count(&|one| !one.known.contains_key(column));
        let scores = || of.iter().flat_map(|one| &one.scoring.scales);
        let missing = |one: &&One| Missing::ALL.map(|kind| one.missing(kind)).iter().sum::<usize>();
        rows.insert(cells(&[
            ("period", some(&period)),
            ("instrument", some(&instrument)),
            ("assessments", some(of.len())),
            ("imported", count(&|one| one.is_imported)),
            ("evaluation_absent", count(&|one| one.evaluation == "absent")),
            ("comune_unknown", without("comune")),
            ("age_unknown", without("age")),
            ("sex_unknown", without("sex")),
            ("education_unknown", without("education")),
            ("citizenship_unknown", without("citizenship")),
            ("household_unknown", without("household")),
            ("work_unknown", without("work")),
            ("disadvantage_unknown", count(&|one| one.disadvantage.is_none())),
            ("items_asked", some(of.iter().map(|one| one.instrument.items.len()).sum::<usize>())),
            ("items_missing", some(of.iter().map(missing).sum::<usize>())),
            ("results", some(scores().count())),
            ("results_not_valid", some(scores().filter(|score| !score.is_valid).count())),
        ]));
    }
    rows
}

fn scales() -> Expected {
    let of = |instrument: &Instrument| {
        let scales = instrument.scales.iter().enumerate();
        let row = |(index, scale): (usize, &domain::instrument::Scale)| {
            let weights: Vec<i32> =
                instrument.items.iter().map(|item| item.weight(index)).filter(|weight| *weight > 0).collect();
            let stated = scale.reliability.as_ref();
            cells(&[
                ("instrument", some(&instrument.id)),
                ("version", some(instrument.version)),
                ("scale", some(&scale.id)),
                ("items", some(weights.len())),
                ("points_max", some(weights.iter().sum::<i32>())),
                ("sem_hundredths", stated.map(|one| one.sem_hundredths.to_string())),
                ("alpha_thousandths", stated.and_then(|one| one.alpha_thousandths).map(|alpha| alpha.to_string())),
            ])
        };
        scales.map(row).collect::<Vec<_>>()
    };
    INSTRUMENTS.iter().flat_map(of).collect()
}

fn persone(all: &[One]) -> Expected {
    let mut rows = Expected::new();
    for ((instrument, person), history) in histories(all) {
        for (index, scale) in history[0].instrument.scales.iter().enumerate() {
            let valid: Vec<_> = history.iter().filter(|one| one.scoring.scales[index].is_valid).collect();
            let mut row = cells(&[
                ("pseudonym", some(person)),
                ("instrument", some(&instrument)),
                ("scale", some(&scale.id)),
                ("assessments", some(history.len())),
                ("results", some(valid.len())),
            ]);
            let mut change = "none";
            if let (Some(first), Some(last)) = (valid.first(), valid.last()) {
                for (which, one) in [("first", first), ("last", last)] {
                    let score = &one.scoring.scales[index];
                    let level = Some(one.level(index)).filter(|_| score.level.is_some());
                    let named = [
                        ("on", some(one.day)),
                        ("version", some(one.instrument.version)),
                        ("points", some(score.points)),
                        ("reachable", some(score.reachable)),
                        ("level", level),
                    ];
                    row.extend(named.into_iter().filter_map(|(name, value)| Some((format!("{which}_{name}"), value?))));
                }
                let stated = last.instrument.scales[index].reliability.as_ref();
                if let Some(stated) = stated
                    && valid.len() > 1
                    && first.instrument.version == last.instrument.version
                {
                    let (before, after) = (&first.scoring.scales[index], &last.scoring.scales[index]);
                    change = match reliable_change(before, after, stated.sem_hundredths).unwrap() {
                        Change::ReliableImprovement => "improved",
                        Change::WithinError => "unchanged",
                        Change::ReliableWorsening => "worsened",
                    };
                }
            }
            row.insert("change".into(), change.into());
            rows.insert(row);
        }
    }
    rows
}

fn assessments(all: &[One]) -> Expected {
    let mut rows = Expected::new();
    for history in histories(all).into_values() {
        for (place, one) in history.iter().enumerate() {
            let known = |column: &str| one.known.get(column).cloned();
            let valid = one.scoring.scales.iter().filter(|score| score.is_valid).count();
            let missing = Missing::ALL.map(|kind| one.missing(kind));
            rows.insert(cells(&[
                ("pseudonym", some(&one.person)),
                ("assessment_id", some(&one.id)),
                ("instrument", some(&one.instrument.id)),
                ("version", some(one.instrument.version)),
                ("assessed_on", some(one.day)),
                ("year", some(one.year())),
                ("quarter", some(one.day.month0() / 3 + 1)),
                ("place", some(place + 1)),
                ("is_first", some(u8::from(place == 0))),
                ("is_last", some(u8::from(place + 1 == history.len()))),
                (
                    "days_since_previous",
                    place.checked_sub(1).map(|at| (one.day - history[at].day).num_days().to_string()),
                ),
                ("comune", known("comune")),
                ("age", known("age")),
                ("age_band", some(age_band(one))),
                ("sex", known("sex")),
                ("education", known("education")),
                ("citizenship", known("citizenship")),
                ("household", known("household")),
                ("work", known("work")),
                ("is_disadvantage_known", some(u8::from(one.disadvantage.is_some()))),
                ("profile", one.profile().map(str::to_owned)),
                ("evaluation", some(one.evaluation)),
                ("origin", some(if one.is_imported { "import" } else { "portal" })),
                ("days_to_validation", one.started_at.map(|at| ((one.validated_at - at) / 86_400).to_string())),
                ("items_asked", some(one.instrument.items.len())),
                ("answered", some(one.instrument.items.len() - missing.iter().sum::<usize>())),
                ("not_answered", some(missing[0])),
                ("not_assessable", some(missing[1])),
                ("refused", some(missing[2])),
                ("results", some(valid)),
                ("results_not_valid", some(one.scoring.scales.len() - valid)),
            ]));
        }
    }
    rows
}

/// Whether two figures in millionths are the same but for the last digit.
fn near(found: Option<&String>, wanted: Option<f64>, what: &str) {
    let found = found.map(|text| text.parse::<i64>().unwrap());
    let wanted = wanted.map(|figure| crate::reliability::rounded(1e6 * figure));
    assert!(
        match (found, wanted) {
            (Some(found), Some(wanted)) => (found - wanted).abs() <= 1,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        },
        "{what}: {found:?} for {wanted:?}"
    );
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
}

fn covariance(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    mean(&x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).collect::<Vec<_>>())
}

/// Alpha, floor, ceiling and item-rest correlations, straight from their definitions.
fn check_quality(lake: &EnteLake, all: &[One]) {
    let answers = |sql: &str| lake.query(sql).unwrap().rows;
    let mut compared = 0;
    for ((period, id), people) in latest(all).into_iter().filter(|((period, _), _)| period == "all") {
        assert_eq!(period, "all");
        for instrument in INSTRUMENTS.iter().filter(|one| one.id.as_str() == id) {
            for (index, scale) in instrument.scales.iter().enumerate() {
                let of_version = people.iter().filter(|one| one.instrument.version == instrument.version);
                let rows: Vec<Vec<f64>> = of_version.filter_map(|one| one.complete(index)).collect();
                let key =
                    format!("instrument = '{id}' and version = {} and scale = '{}'", instrument.version, scale.id);
                let found = answers(&format!(
                    "select items, cases, floor_people, ceiling_people, alpha_millionths from mart_reliability where {key}"
                ));
                let items: Vec<_> = instrument.items.iter().filter(|item| item.weight(index) > 0).collect();
                if rows.is_empty() {
                    assert!(found.is_empty());
                    continue;
                }
                let column = |item: usize| rows.iter().map(|row| row[item]).collect::<Vec<f64>>();
                let total: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
                let bound = |of: &dyn Fn(i32, i32) -> i32| {
                    let points = items
                        .iter()
                        .map(|item| item.options.iter().map(|option| option.points[index]).reduce(of).unwrap());
                    f64::from(points.sum::<i32>())
                };
                let at = |bound: f64| total.iter().filter(|total| **total == bound).count().to_string();
                let (least, most) = (bound(&|a, b| a.min(b)), bound(&|a, b| a.max(b)));
                let expected = [items.len().to_string(), rows.len().to_string(), at(least), at(most)].map(Some);
                assert_eq!(found[0][..4], expected, "{key}");
                let k = f64::from(u32::try_from(items.len()).unwrap());
                let own: f64 = (0..items.len()).map(|item| covariance(&column(item), &column(item))).sum();
                let spread = covariance(&total, &total);
                let alpha = (items.len() > 1 && spread > 0.0).then(|| k / (k - 1.0) * (1.0 - own / spread));
                near(found[0][4].as_ref(), alpha, &key);
                for (place, item) in items.iter().enumerate() {
                    let found = answers(&format!(
                        "select cases, correlation_millionths from mart_item_rest where {key} and item = '{}'",
                        item.id
                    ));
                    let own = column(place);
                    let rest: Vec<f64> = total.iter().zip(&own).map(|(total, own)| total - own).collect();
                    let product = covariance(&own, &own) * covariance(&rest, &rest);
                    near(
                        found[0][1].as_ref(),
                        (product > 0.0).then(|| covariance(&own, &rest) / product.sqrt()),
                        &format!("{key} {}", item.id),
                    );
                    assert_eq!(found[0][0], some(rows.len()));
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 10);
}

#[test]
fn marts_and_views_hold_what_plain_counting_finds() {
    for (seed, count, people) in [(1, 420, 90), (2, 60, 40)] {
        let all = make_up(seed, count, people);
        let mut world = World::new();
        let lake = world.publish_all(1, &all, 0);
        check(&lake, "mart_totals", &totals(&all));
        check(&lake, "mart_territory", &territory(&all));
        check(&lake, "mart_community", &community(&all));
        check(&lake, "mart_paths", &paths(&all));
        check(&lake, "mart_azioni", &azioni(&all));
        check(&lake, "mart_transitions", &transitions(&all));
        check(&lake, "mart_cohorts", &cohorts(&all));
        check(&lake, "mart_ages", &ages(&all));
        check(&lake, "mart_returns", &returns(&all));
        check(&lake, "mart_recency", &recency(&all));
        check(&lake, "mart_blocks", &blocks(&all));
        check(&lake, "mart_items", &items(&all));
        check(&lake, "mart_practice", &practice(&all));
        check(&lake, "mart_drift", &drift(&all));
        check(&lake, "mart_data_quality", &data_quality(&all));
        check(&lake, "mart_scales", &scales());
        check(&lake, "mart_assessments", &assessments(&all));
        check(&lake, "mart_persone", &persone(&all));
        check_quality(&lake, &all);
        for view in VIEWS {
            let rows = checked(&lake, view).unwrap_or_else(|says| panic!("{says}"));
            assert!(rows.num_rows() > 0, "{}", view.step.name);
        }
    }
}

/// The rows of a mart or view, made anew over what is published and held against its sidecar.
fn checked(lake: &EnteLake, mart: &Mart) -> Result<RecordBatch, String> {
    let tables = lake.checked_files(|table| table != mart.step.name).unwrap();
    let connection = session::open_files(&[lake.folder()], Some(lake.file_key()), &tables, LIMITS).unwrap();
    let names = tables.iter().map(|table| table.table.as_str()).collect();
    session::show_views(&connection, &names).unwrap();
    let is_published = MARTS.iter().any(|known| known.step.sql == mart.step.sql);
    let again = format!("select * from \"{}\"", mart.step.name);
    // What a mart is made from is gone: what is published of it stands for it.
    let step = if is_published {
        let whole = lake.table(mart.step.name).unwrap().remove(0);
        session::hold(&connection, mart.step.name, &whole).unwrap();
        Step { sql: Box::leak(again.into_boxed_str()), ..mart.step }
    } else {
        mart.step
    };
    let notes = mart.notes().unwrap();
    let mut statement = connection.prepare(&checks::query(&Mart { step, ..*mart }, &notes)).unwrap();
    let result = statement.query_arrow([]).unwrap();
    let schema = result.get_schema();
    let batches: Vec<RecordBatch> = result.collect();
    checks::check(mart, &notes, &arrow::compute::concat_batches(&schema, &batches).unwrap())
}

#[test]
fn marts_from_files_are_those_from_rows() {
    let all = make_up(3, 300, 80);
    let mut world = World::new();
    let rows = world.publish_all(1, &all, 0);
    let files = world.publish_all(2, &all, crate::publish::IN_MEMORY_AT_MOST + 1);
    for one in MARTS {
        let ask = |lake: &EnteLake| lake.query(&format!("select * from {}", one.step.name)).unwrap();
        assert_eq!(ask(&rows), ask(&files), "{}", one.step.name);
        assert!(!ask(&rows).rows.is_empty(), "{}", one.step.name);
    }
}

/// Whatever the order in which people and questionnaires have their ids: the numbers that stand for them sort alike.
#[test]
fn marts_do_not_depend_on_the_order_of_rows() {
    let all = make_up(4, 200, 50);
    let mut turned = tables(&all);
    turned.reverse();
    let made = |tables: &[TableData]| -> Vec<(&'static str, RecordBatch)> {
        let mut world = World::new();
        world.publish_all(1, &all, 0);
        let folder = layout::ente(world.lake.folder(), ente(1));
        let key = keys::open(world.lake.key_folder(), ente(1), world.lake.ring(), None).unwrap();
        make_marts(&folder, &key, &Source::Rows(tables), &*INSTRUMENTS).unwrap()
    };
    assert_eq!(made(&tables(&all)), made(&turned));
}

/// Sidecars and results name the same columns, both ways; only what is about operators, and the views, is private.
#[test]
fn sidecars_name_the_columns_that_there_are() {
    let mut world = World::new();
    let lake = world.publish_all(1, &make_up(5, 80, 30), 0);
    let check = |mart: &Mart, private: &[&str]| {
        let notes = mart.notes().unwrap_or_else(|error| panic!("{}: {error}", mart.step.name));
        let mut columns = lake.query(&format!("select * from {} limit 0", mart.step.name)).unwrap().columns;
        columns.sort();
        assert_eq!(columns, notes.columns.keys().cloned().collect::<Vec<_>>(), "{}", mart.step.name);
        assert!(notes.key.iter().all(|column| notes.columns.contains_key(column)) && notes.grain.ends_with('.'));
        assert!(notes.columns.values().all(|note| note.meaning.ends_with('.')), "{}", mart.step.name);
        let found: Vec<&str> = notes
            .columns
            .iter()
            .filter(|(_, note)| note.class == PrivacyClass::Private)
            .map(|(column, _)| column.as_str())
            .collect();
        assert_eq!(found, private, "{}", mart.step.name);
    };
    for mart in MARTS {
        let is_about_operators = matches!(mart.step.name, "mart_practice" | "mart_drift");
        check(mart, if is_about_operators { &["operator"] } else { &[] });
    }
    for view in VIEWS {
        check(view, &[]);
    }
}

/// What stays in files names nobody: in memory pseudonyms and ids are numbers, and a mart that held one would hold nonsense.
#[test]
fn stored_marts_hold_no_pseudonym_and_no_assessment() {
    let all = make_up(6, 80, 30);
    let mut world = World::new();
    let lake = world.publish_all(1, &all, 0);
    for mart in MARTS {
        let notes = mart.notes().unwrap();
        assert!(["pseudonym", "assessment_id"].iter().all(|column| !notes.columns.contains_key(*column)));
        for row in lake.query(&format!("select * from {}", mart.step.name)).unwrap().rows {
            let is_somebody = |text: &String| all.iter().any(|one| one.person == *text || one.id == *text);
            assert!(!row.iter().flatten().any(is_somebody), "{}", mart.step.name);
        }
    }
}

fn by_hand(number_of: u8, person: u8, day: &str, answers: [i16; 5]) -> One {
    let instrument = &INSTRUMENTS[0];
    let ids = instrument.items.iter().map(|item| item.id.clone());
    let kind = |code: i16| Missing::ALL.into_iter().find(|kind| kind.code() == code);
    let answers: Sheet = ids.zip(answers.map(|code| kind(code).map_or(Answer::Value(code), Answer::Missing))).collect();
    let day: NaiveDate = day.parse().unwrap();
    One {
        person: format!("p{person}"),
        id: format!("s{number_of}"),
        day,
        instrument,
        scoring: instrument.score(&answers).unwrap(),
        answers,
        known: BTreeMap::new(),
        disadvantage: None,
        evaluation: "confirmed",
        is_imported: false,
        operator: "o".into(),
        started_at: Some(number(day) * 86_400),
        validated_at: number(day) * 86_400 + 3 * 86_400,
        agreed: BTreeMap::new(),
    }
}

fn rows(lake: &EnteLake, sql: &str) -> Vec<Vec<String>> {
    let rows = lake.query(sql).unwrap().rows.into_iter();
    rows.map(|row| row.into_iter().map(|cell| cell.unwrap_or_else(|| "–".into())).collect()).collect()
}

#[test]
fn azioni_are_proposed_by_level_class_and_missing_condition() {
    // Points on uno: 12 of 12, but e sets a block: the level is basso, so is the class. On due: 0 + 1 of 10.
    let mut capped = by_hand(1, 1, "2024-01-10", [4, 4, 4, 1, 1]);
    capped.agreed = BTreeMap::from([("a3".into(), Some("completed")), ("a5".into(), None)]);
    // Without a block: alto and su; due 7 of 10, alto.
    let free = by_hand(2, 2, "2024-02-10", [4, 4, 4, 1, 2]);
    let mut world = World::new();
    let lake = world.publish_all(1, &[capped, free], 0);
    let found = rows(
        &lake,
        "select azione, proposed, agreed, agreed_as_proposed, completed, not_recorded from mart_azioni where period = 'all' order by 1",
    );
    let wanted = [
        ["a1", "1", "0", "0", "0", "0"],
        ["a2", "1", "0", "0", "0", "0"],
        ["a3", "1", "1", "1", "1", "0"],
        ["a4", "1", "0", "0", "0", "0"],
        ["a5", "1", "1", "0", "0", "1"],
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_cohort_shows_who_came_back_and_when() {
    let all = [
        by_hand(1, 1, "2023-02-01", [1, 1, 1, 4, 2]),
        by_hand(2, 1, "2023-03-01", [4, 4, 4, 1, 2]),
        by_hand(3, 2, "2023-03-31", [4, 4, 4, 1, 2]),
        by_hand(4, 2, "2023-10-01", [1, 1, 1, 4, 2]),
        by_hand(5, 3, "2023-04-01", [4, 4, 4, 1, 2]),
    ];
    let mut world = World::new();
    let lake = world.publish_all(1, &all, 0);
    let found = rows(
        &lake,
        "select cohort, quarters_since, level, people, assessed, reassessed, cohort_people from mart_cohorts where scale = 'uno' order by 1, 2, 3",
    );
    let wanted = [
        ["2023-Q1", "0", "alto", "2", "2", "1", "2"],
        ["2023-Q1", "3", "basso", "1", "1", "2", "2"],
        ["2023-Q2", "0", "alto", "1", "1", "0", "1"],
    ];
    assert_eq!(found, wanted);
    let steps = rows(
        &lake,
        "select period, from_level, to_level, transitions from mart_transitions where scale = 'uno' order by 1, 2",
    );
    assert_eq!(
        steps,
        [
            ["2023", "alto", "basso", "1"],
            ["2023", "basso", "alto", "1"],
            ["all", "alto", "basso", "1"],
            ["all", "basso", "alto", "1"]
        ]
    );
}

#[test]
fn a_persona_changes_only_beyond_the_error_and_within_a_version() {
    let mut later = by_hand(6, 3, "2024-01-01", [4, 4, 4, 1, 2]);
    later.instrument = &INSTRUMENTS[1];
    let all = [
        // 1.96 · 8 · √2 = 22.17 points of index; two points of twelve are 16.7, three are 25.
        by_hand(1, 1, "2023-01-01", [2, 2, 2, 2, 2]),
        by_hand(2, 1, "2023-06-01", [3, 3, 2, 2, 2]),
        by_hand(3, 2, "2023-01-01", [2, 2, 2, 2, 2]),
        by_hand(4, 2, "2023-06-01", [3, 3, 3, 2, 2]),
        by_hand(5, 3, "2023-01-01", [1, 1, 1, 4, 2]),
        later,
        by_hand(7, 4, "2023-01-01", [3, 3, 3, 2, 2]),
        // Too little is answered: no result, and no end of anything.
        by_hand(8, 4, "2023-06-01", [-1, -2, -3, 2, 2]),
    ];
    let mut world = World::new();
    let lake = world.publish_all(1, &all, 0);
    let found =
        rows(&lake, "select pseudonym, assessments, results, change from mart_persone where scale = 'uno' order by 1");
    let wanted = [
        ["p1", "2", "2", "unchanged"],
        ["p2", "2", "2", "improved"],
        ["p3", "2", "2", "none"],
        ["p4", "2", "1", "none"],
    ];
    assert_eq!(found, wanted);
    let practice = rows(
        &lake,
        "select not_answered, not_assessable, refused, days_median from mart_practice where period = '2023'",
    );
    assert_eq!(practice, [["1", "1", "1", "3"]]);
}

#[test]
fn people_alike_are_those_of_the_community_counted_at_once() {
    let all = make_up(11, 240, 90);
    let mut world = World::new();
    let lake = world.publish_all(1, &all, 0);
    let mut found: BTreeMap<(String, Vec<String>), i64> = BTreeMap::new();
    for row in lake.alike().unwrap() {
        let recorded = [row.comune, row.age_band, row.sex, row.education, row.citizenship, row.household, row.work];
        let outcomes = [row.profile, row.levels];
        *found.entry((row.instrument, [recorded.as_slice(), &outcomes].concat())).or_default() += row.people;
    }
    let mut wanted: BTreeMap<(String, Vec<String>), i64> = BTreeMap::new();
    for ((period, instrument), people) in latest(&all) {
        for one in people.into_iter().filter(|_| period == "all") {
            let columns = ["education", "citizenship", "household", "work"];
            let mut row = vec![known(one, "comune"), age_band(one).to_owned(), known(one, "sex")];
            row.extend(columns.map(|column| known(one, column)));
            let outcomes = outcomes(one);
            let of = |target: &str| outcomes.iter().find(|(known, _)| known == target).map(|(_, one)| one.clone());
            row.push(of("profile").unwrap_or_else(|| "not_valid".to_owned()));
            let mut levels: Vec<String> = outcomes
                .iter()
                .filter(|(target, _)| !["profile", "people"].contains(&target.as_str()))
                .map(|(scale, level)| format!("{scale}={level}"))
                .collect();
            levels.sort();
            row.push(levels.join(" "));
            *wanted.entry((instrument.clone(), row)).or_default() += 1;
        }
    }
    assert_eq!(found, wanted);
    assert!(found.len() > 50);
}

#[test]
fn people_held_back_alike_are_those_of_the_last_answers() {
    let all = make_up(11, 240, 90);
    let mut world = World::new();
    let lake = world.publish_all(1, &all, 0);
    for ((period, strumento), people) in latest(&all).into_iter().filter(|((period, _), _)| period == "all") {
        let instrument = &people[0].instrument;
        let version = i64::from(instrument.version);
        let items: Vec<_> = instrument.items.iter().take(4).collect();
        let low: Vec<(&str, Vec<i16>)> = items.iter().map(|item| (item.id.as_str(), vec![1, 2])).collect();
        let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
        for one in people.iter().filter(|one| i64::from(one.instrument.version) == version) {
            let answers = items.iter().map(|item| if [1, 2].contains(&one.code(item.id.as_str())) { '1' } else { '0' });
            *wanted.entry(answers.collect()).or_default() += 1;
        }
        let found = lake.low_answers(&strumento, version, &low).unwrap();
        let found: BTreeMap<String, i64> = found.into_iter().map(|row| (row.pattern, row.people)).collect();
        assert_eq!(found, wanted, "{strumento} {period}");
        assert!(found.len() > 3);
        assert!(lake.low_answers(&strumento, version + 9, &low).unwrap().is_empty());
        let later = [low.as_slice(), &[("di_una_versione_nuova", vec![1])]].concat();
        assert!(lake.low_answers(&strumento, version, &later).unwrap().is_empty());
    }
    assert!(lake.low_answers("nessuno", 1, &[("a", vec![1])]).unwrap().is_empty());
}

#[test]
fn people_of_a_disadvantage_are_those_who_have_it_at_the_last_assessment() {
    let all = make_up(11, 240, 90);
    let mut world = World::new();
    let lake = world.publish_all(1, &all, 0);
    let mut people: BTreeMap<(String, &str), [i64; 2]> = BTreeMap::new();
    let mut changes: BTreeMap<[String; 4], i64> = BTreeMap::new();
    let last = histories(&all)
        .into_iter()
        .filter_map(|((strumento, person), history)| Some(((strumento, person), (history.len(), *history.last()?))));
    let last: BTreeMap<_, _> = last.collect();
    for ((strumento, _), (assessments, one)) in &last {
        for category in disadvantages(one) {
            let [people, again] = people.entry((strumento.clone(), category)).or_default();
            *people += 1;
            *again += i64::from(*assessments > 1);
        }
    }
    for row in persone(&all).iter().filter(|row| row["change"] != "none") {
        let (_, one) = last[&(row["instrument"].clone(), row["pseudonym"].as_str())];
        for category in disadvantages(one) {
            let key = [&row["instrument"], category, &row["scale"], &row["change"]].map(str::to_owned);
            *changes.entry(key).or_default() += 1;
        }
    }
    let found: BTreeMap<_, _> = lake
        .disadvantaged()
        .unwrap()
        .into_iter()
        .map(|row| ((row.instrument, row.category), [row.people, row.again]))
        .collect();
    let people = people.into_iter().map(|((strumento, category), of)| ((strumento, category.to_owned()), of));
    assert_eq!(found, people.collect());
    let found = lake.changes_by_disadvantage().unwrap();
    let found = found.into_iter().map(|row| ([row.instrument, row.category, row.scale, row.change], row.people));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), changes);
    assert!(changes.len() > 8);
    let instrument = &all[0].instrument;
    let low = [(instrument.items[0].id.as_str(), vec![1, 2])];
    let mut wanted: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for ((strumento, _), (_, one)) in &last {
        if *strumento == instrument.id.to_string() && one.instrument.version == instrument.version {
            let pattern = if [1, 2].contains(&one.code(low[0].0)) { "1" } else { "0" };
            disadvantages(one).into_iter().for_each(|category| *wanted.entry((category, pattern)).or_default() += 1);
        }
    }
    let found = lake.low_answers_by_disadvantage(instrument.id.as_str(), instrument.version.into(), &low).unwrap();
    let found: BTreeMap<_, _> =
        found.iter().map(|row| ((row.category.as_str(), row.pattern.as_str()), row.people)).collect();
    assert_eq!(found, wanted);
    assert!(wanted.len() > 6);
    // A lake in which nobody has any.
    let known = |known| One { disadvantage: known, ..by_hand(1, 1, "2023-05-01", [1; 5]) };
    let lake = world.publish_all(2, &[known(Some(vec![]))], 1);
    let found: Vec<_> = lake.disadvantaged().unwrap().into_iter().map(|row| (row.category, row.people)).collect();
    assert_eq!(found, [("none".to_owned(), 1)]);
    assert!(lake.changes_by_disadvantage().unwrap().is_empty());
}

#[test]
fn what_sql_reads_is_known_and_so_is_who_shows_it() {
    let base: BTreeSet<&str> = schema::FIXED_TABLES.into_iter().chain(["answers", "definitions"]).collect();
    let steps = mart::INTERMEDIATE.iter().chain(MARTS.iter().chain(VIEWS).map(|mart| &mart.step));
    let names: BTreeSet<&str> =
        steps.clone().map(|step| step.name).chain(mart::COMPUTED_FROM.iter().map(|(name, _)| *name)).collect();
    for step in steps {
        let inputs = step.inputs();
        assert!(!inputs.is_empty(), "{} reads nothing", step.name);
        assert!(
            inputs.iter().all(|name| base.contains(name) || names.contains(name)),
            "{} reads {inputs:?}",
            step.name
        );
        assert!(mart::sources(step.name).is_subset(&base) && !mart::sources(step.name).is_empty());
    }
    let sources = |name| mart::sources(name).into_iter().collect::<Vec<_>>();
    assert_eq!(sources("mart_totals"), ["assessments"]);
    assert_eq!(sources("mart_reliability"), ["answers", "assessments", "definitions"]);
    assert_eq!(sources("mart_azioni"), ["assessments", "azioni", "blocks", "definitions", "scores"]);
}

#[test]
fn the_dictionary_is_of_today() {
    let page = dictionary::page().unwrap();
    let kept = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dictionary.md"));
    assert!(kept.is_ok_and(|kept| kept == page), "docs/dictionary.md is not of today: make dictionary");
}

#[test]
fn a_rule_of_a_sidecar_that_does_not_hold_is_named() {
    let mut world = World::new();
    let lake = world.publish_all(1, &make_up(7, 40, 20), 0);
    let mart = MARTS.iter().find(|mart| mart.step.name == "mart_azioni").unwrap();
    let broken = Mart {
        sidecar: Box::leak(mart.sidecar.replace("agreed <> completed", "agreed = completed").into_boxed_str()),
        ..*mart
    };
    let says = checked(&lake, &broken).unwrap_err();
    assert_eq!(says, "mart_azioni: an azione agreed has one outcome, or none yet");
    let with =
        |from: &str, to: &str| Mart { sidecar: Box::leak(mart.sidecar.replace(from, to).into_boxed_str()), ..*mart };
    let says =
        checked(&lake, &with("key = [\"period\", \"instrument\", \"azione\"]", "key = [\"period\"]")).unwrap_err();
    assert_eq!(says, "mart_azioni is unique by period");
    let made_up = Mart {
        step: Step { sql: "select cast(null as varchar) as period, cast(-1 as bigint) as people", ..mart.step },
        ..*mart
    };
    let sidecar = |tests: &str, column: &str| {
        format!(
            "grain = \"\"\nkey = [\"period\"]\n[columns.{column}]\nmeaning = \"\"\nclass = \"public\"\ntests = [\"{tests}\"]\n"
        )
    };
    for (tests, column, expected) in [
        ("present", "period", "mart_azioni.period is never absent"),
        ("not-negative", "people", "mart_azioni.people is never negative"),
    ] {
        let one = Mart { sidecar: Box::leak(sidecar(tests, column).into_boxed_str()), ..made_up };
        assert_eq!(checked(&lake, &one).unwrap_err(), expected);
    }
}

/// Files of marts that no program reads any more are not in the way: a session shows what it can.
#[test]
fn an_ente_without_assessments_has_no_views() {
    let mut world = World::new();
    let lake = world.publish_all(1, &[], 0);
    assert!(lake.query("select * from mart_persone").is_err());
    assert_eq!(lake.query("select count(*) from mart_scales").unwrap().rows, [[Some("5".to_owned())]]);
    assert!(TableFiles::group(lake.folder(), &lake.manifest().files).len() > 10);
}
