//! Profiles of the community: groups of people with similar needs, in words.

use serde::Serialize;

use crate::pages::bars::{Bar, Bars, of_one};
use crate::pages::{Data, count, share};
use crate::protect::{ALL, questions};
use crate::table::{Column, Row, Table};
use crate::text;

/// By how much a question must hold a group back more or less often than all, in thousandths, to be said of the group.
const APART_BY: u32 = 100;

/// What is said of a group at most.
const FACTS: usize = 4;

/// A question that holds a group back more often than all, or less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fact {
    question: String,
    is_more: bool,
    share: String,
    share_of_all: String,
}

/// A group in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Described {
    name: String,
    people: String,
    share: String,
    /// The most telling first.
    facts: Vec<Fact>,
}

/// What the title says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Finding {
    /// The group with most people.
    Largest {
        group: String,
        share: String,
    },
    Nothing,
}

/// The groups of an Ente's people.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Profiles {
    chart: Bars<Finding>,
    groups: Vec<Described>,
    /// How often each question holds each group back.
    questions: Table,
    /// Somebody is in no group.
    has_ungrouped: bool,
}

impl Profiles {
    /// None where there are no groups: too few people, or nothing that they differ in.
    pub(super) fn new(data: &Data, mark: &str) -> Option<Self> {
        let figures = &data.figures;
        let names = figures.groups();
        if names.is_empty() {
            return None;
        }
        let groups: Vec<Described> = names
            .iter()
            .map(|name| {
                let part = figures.of_group(name);
                Described {
                    name: name.clone(),
                    people: count(part.people, mark),
                    share: share(part.share_permille, mark),
                    facts: facts(data, name),
                }
            })
            .collect();
        let titled = |name: &str| text::word("dashboard", "group").replace("{lettera}", name);
        let parts = names.iter().map(|name| (name, figures.of_group(name)));
        let largest = parts.clone().filter_map(|(name, part)| Some((part.share_permille?, name)));
        let finding = match largest.max_by_key(|(permille, _)| *permille) {
            Some((permille, name)) => Finding::Largest { group: name.clone(), share: share(Some(permille), mark) },
            None => Finding::Nothing,
        };
        let word = |code: &str| text::word("dashboard", code);
        let bars: Vec<Bar> = parts.clone().map(|(name, part)| of_one(titled(name), part)).collect();
        let rows = parts.map(|(name, part)| Row {
            head: titled(name),
            cells: vec![count(part.people, mark), share(part.share_permille, mark)],
            is_total: false,
        });
        let columns = vec![
            Column::text(word("similar_needs")),
            Column::number(word("people")),
            Column::number(word("share_of_all")),
        ];
        let chart = Bars {
            id: "gruppi".to_owned(),
            title: word("similar_needs"),
            finding,
            keys: Vec::new(),
            bars,
            table: Table { columns, rows: rows.collect() },
        };
        Some(Self {
            chart,
            groups,
            questions: table(data, names, mark, titled),
            has_ungrouped: figures.has_ungrouped(),
        })
    }

    pub(super) fn tables(&self) -> [(Option<String>, Table); 2] {
        [
            (Some(self.chart.title.clone()), self.chart.table.clone()),
            (Some(text::word("dashboard", "low_answers_of_groups")), self.questions.clone()),
        ]
    }
}

/// The questions in which a group is farthest from all.
fn facts(data: &Data, name: &str) -> Vec<Fact> {
    let mut found = Vec::new();
    for question in questions(&data.strumento.content) {
        let here = data.figures.low_of_group(name, &question.id).share_permille;
        let Some((here, all)) = here.zip(data.figures.low(&question.id, ALL).share_permille) else { continue };
        if here.abs_diff(all) >= APART_BY {
            let fact = Fact {
                question: question.text.clone(),
                is_more: here > all,
                share: share(Some(here), ""),
                share_of_all: share(Some(all), ""),
            };
            found.push((here.abs_diff(all), fact));
        }
    }
    found.sort_by_key(|(by, _)| std::cmp::Reverse(*by));
    found.into_iter().map(|(_, fact)| fact).take(FACTS).collect()
}

fn table(data: &Data, names: &[String], mark: &str, titled: impl Fn(&str) -> String) -> Table {
    let word = |code: &str| text::word("dashboard", code);
    let of_groups = names.iter().map(|name| Column::number(format!("{} %", titled(name))));
    let columns = std::iter::once(Column::text(word("item")))
        .chain(of_groups)
        .chain([Column::number(format!("{} %", word("everybody")))]);
    let rows = questions(&data.strumento.content).into_iter().map(|question| {
        let of_group = |name: &String| data.figures.low_of_group(name, &question.id).share_permille;
        let shares = names.iter().map(of_group).chain([data.figures.low(&question.id, ALL).share_permille]);
        let cells = shares.map(|permille| share(permille, mark)).collect();
        Row { head: question.text.clone(), cells, is_total: false }
    });
    Table { columns: columns.collect(), rows: rows.collect() }
}
