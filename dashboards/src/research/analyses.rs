//! Ready analyses of a release: how a column is distributed, two columns crossed, a column over the years.
//!
//! Counts are of people of the anonymous file. A table shown here may be printed and published: cells of fewer than five people are
//! hidden, and so is whatever would give them away (`disclosure`).

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use disclosure::{Dimension, TableSet, Threshold};
use serde::{Deserialize, Serialize};
use templates::{Area, Page};

use super::chart::{Bar, Chart};
use super::scholar::ReleaseRow;
use super::{Research, ResearchAct, Scholar, TABLE, Trouble, release, sql};
use crate::pages::Choice;
use crate::query::Unanswered;

/// People below which a cell is hidden.
const THRESHOLD: u32 = 5;
/// The column of years, and the one that most want to see over them.
const YEAR: &str = "anno";
const PROFILE: &str = "profilo";

/// A row of a table: its head and its cells, `None` where one is hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Row {
    head: String,
    cells: Vec<Option<u32>>,
    total: Option<u32>,
}

/// A table of counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Crossed {
    columns: Vec<String>,
    rows: Vec<Row>,
    totals: Vec<Option<u32>>,
    total: Option<u32>,
    hidden: usize,
}

#[derive(Serialize)]
pub(crate) struct Analyses {
    release: ReleaseRow,
    columns: Vec<Choice>,
    against: Vec<Choice>,
    /// The meaning of the column, and of the one it is crossed with.
    meaning: String,
    against_meaning: Option<String>,
    chart: Option<Chart>,
    crossed: Option<Crossed>,
    problem: bool,
    /// Whether there is a year to show change over.
    has_years: bool,
    citation: String,
}

impl Page for Analyses {
    const TEMPLATE: &'static str = "pages/scholar_analyses.html";

    fn samples() -> Vec<Self> {
        let choice = |value: &str, is_chosen| Choice { value: value.into(), title: value.into(), is_chosen };
        let crossed = |columns: Vec<String>| Crossed {
            rows: vec![
                Row { head: "svantaggio lieve".into(), cells: vec![Some(60); columns.len()], total: Some(120) },
                Row { head: "vulnerabilità".into(), cells: vec![None; columns.len()], total: Some(12) },
            ],
            totals: vec![Some(66); columns.len()],
            total: Some(132),
            hidden: columns.len(),
            columns,
        };
        let page = |against_meaning: Option<&str>, chart, crossed, problem| Self {
            release: ReleaseRow::sample(),
            columns: vec![choice("profilo", true), choice("sesso", false)],
            against: vec![choice("", against_meaning.is_none()), choice("sesso", against_meaning.is_some())],
            meaning: "Profilo dell'ultima valutazione".into(),
            against_meaning: against_meaning.map(Into::into),
            chart,
            crossed,
            problem,
            has_years: true,
            citation: "Noncello, dati anonimi".into(),
        };
        vec![
            page(None, Some(Chart::sample()), Some(crossed(Vec::new())), false),
            page(Some("Sesso"), None, Some(crossed(vec!["donna".into(), "uomo".into()])), false),
            page(None, None, None, true),
        ]
    }
}

/// What an address chooses.
#[derive(Default, Deserialize)]
pub(super) struct Choices {
    #[serde(default)]
    colonna: String,
    #[serde(default)]
    per: String,
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Path(release): Path<String>,
    Query(choices): Query<Choices>,
) -> Result<Response, Trouble> {
    let release = release::own(&research, scholar.person.account, &release).await?;
    let request = research.workspace().request(release.request).await?;
    let names = &request.asked.columns;
    let meanings: BTreeMap<String, String> = super::request::asked_columns(&research, &request)
        .await?
        .into_iter()
        .map(|column| (column.name, column.meaning))
        .collect();
    let column = names
        .iter()
        .find(|name| **name == choices.colonna)
        .or_else(|| names.iter().find(|name| *name == PROFILE).or(names.last()));
    let column = column.ok_or(Trouble::Missing)?.clone();
    let against = names.iter().find(|name| **name == choices.per && **name != column).cloned();
    let detail = format!("column={column} against={}", against.as_deref().unwrap_or("-"));
    scholar.tell(ResearchAct::Query, &release.id, detail).await?;
    let table = release::table_name(&release.id);
    // Names of columns are the release's own, and letters, digits and `_` alone.
    let grouped = against.iter().fold(format!("\"{column}\""), |all, other| format!("{all}, \"{other}\""));
    let select = format!("select {grouped}, count(*)::bigint as people from {table} group by all order by all");
    let files = [(table, research.part(&release.id).join(TABLE))].into();
    let words = words(&research, &release).await?;
    let answer = sql::answered(&research, files, select).await;
    let crossed = match answer {
        Ok(answer) => Some(cross(&answer.batches, against.is_some(), |is_first, code| {
            let of = if is_first { Some(&column) } else { against.as_ref() };
            of.and_then(|of| words.get(&(of.clone(), code.to_owned()))).cloned().unwrap_or_else(|| code.to_owned())
        })?),
        Err(Unanswered::Broken) => return Err(Trouble::Broken),
        Err(_) => None,
    };
    let title = |name: &String| meanings.get(name).filter(|words| !words.is_empty()).unwrap_or(name).clone();
    let chosen = |name: &str, chosen: Option<&String>| chosen.is_some_and(|chosen| chosen == name);
    let mut others = vec![Choice {
        value: String::new(),
        title: crate::text::word("research", "nothing"),
        is_chosen: against.is_none(),
    }];
    others.extend(names.iter().filter(|name| **name != column).map(|name| Choice {
        value: name.clone(),
        title: title(name),
        is_chosen: chosen(name, against.as_ref()),
    }));
    let page = Analyses {
        release: super::scholar::ReleaseRow::of(&release),
        columns: names
            .iter()
            .map(|name| Choice { value: name.clone(), title: title(name), is_chosen: chosen(name, Some(&column)) })
            .collect(),
        against: others,
        meaning: title(&column),
        against_meaning: against.as_ref().map(title),
        chart: crossed.as_ref().filter(|_| against.is_none()).and_then(bars),
        problem: crossed.is_none(),
        has_years: [YEAR, PROFILE].iter().all(|needed| names.iter().any(|name| name == needed)),
        crossed,
        citation: release.content.citation.clone(),
    };
    Ok(research.page(&scholar, Area::DatiRicerca, page).await)
}

/// The words of every code, from the release's own dictionary.
async fn words(
    research: &Research,
    release: &workspace::Release,
) -> Result<BTreeMap<(String, String), String>, Trouble> {
    let path = research.part(&release.id).join("dizionario.csv");
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
    let text = match read {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(Trouble::broken("the dictionary of a release cannot be read", &error)),
        Err(error) => return Err(Trouble::broken("reading a dictionary broke off", &error)),
    };
    let mut words = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.trim_matches('"').split("\";\"").collect();
        if let [column, code, meaning, ..] = cells.as_slice()
            && !code.is_empty()
        {
            words.insert(((*column).to_owned(), (*code).to_owned()), (*meaning).replace("\"\"", "\""));
        }
    }
    Ok(words)
}

/// A protected table of counts, with words for codes; `word` is asked for those of the first column, or of the other.
fn cross(batches: &[RecordBatch], is_crossed: bool, word: impl Fn(bool, &str) -> String) -> Result<Crossed, Trouble> {
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for batch in batches {
        let heads = batch.column(0).as_string_opt::<i32>();
        let people = batch.column(batch.num_columns() - 1).as_primitive_opt::<Int64Type>();
        let others = if is_crossed { batch.column(1).as_string_opt::<i32>() } else { heads };
        let (Some(heads), Some(people), Some(others)) = (heads, people, others) else {
            return Err(Trouble::broken("an analysis", &"the answer has other columns than were asked for"));
        };
        for row in 0..batch.num_rows() {
            let other = if is_crossed { others.value(row) } else { "" };
            let people = u32::try_from(people.value(row)).unwrap_or(u32::MAX);
            counts.insert((heads.value(row).to_owned(), other.to_owned()), people);
        }
    }
    let heads: BTreeSet<&String> = counts.keys().map(|(head, _)| head).collect();
    let others: BTreeSet<&String> = counts.keys().map(|(_, other)| other).filter(|_| is_crossed).collect();
    protect(&counts, &heads, &others, word).map_err(|error| Trouble::broken("an analysis cannot be protected", &error))
}

fn protect(
    counts: &BTreeMap<(String, String), u32>,
    heads: &BTreeSet<&String>,
    others: &BTreeSet<&String>,
    word: impl Fn(bool, &str) -> String,
) -> Result<Crossed, disclosure::Error> {
    let mut tables = TableSet::new();
    let first = tables.dimension(Dimension::exclusive("rows", heads.iter().copied()))?;
    let mut dimensions = vec![first];
    if !others.is_empty() {
        dimensions.push(tables.dimension(Dimension::exclusive("columns", others.iter().copied()))?);
    }
    tables.table(&dimensions)?;
    let (first, second) = (dimensions[0], dimensions.get(1).copied());
    let place = |head: Option<&'_ str>, other: Option<&'_ str>| {
        let other = second.zip(other.map(str::to_owned));
        (head.map(|head| (first, head.to_owned())).into_iter().chain(other)).collect::<Vec<_>>()
    };
    for head in heads {
        for other in others.iter().map(|other| other.as_str()).chain(others.is_empty().then_some("")) {
            let people = counts.get(&((*head).clone(), other.to_owned())).copied().unwrap_or(0);
            tables.count(&as_at(&place(Some(head), Some(other))), people)?;
        }
    }
    let protected = tables.protect(Threshold::new(THRESHOLD)?)?;
    let mut hidden = 0;
    let mut shown = |head: Option<&str>, other: Option<&str>| -> Result<Option<u32>, disclosure::Error> {
        let value = protected.count(&as_at(&place(head, other)))?.published().value();
        hidden += usize::from(value.is_none());
        Ok(value)
    };
    let mut rows = Vec::new();
    for head in heads {
        let cells = others.iter().map(|other| shown(Some(head), Some(other))).collect::<Result<Vec<_>, _>>()?;
        let total = shown(Some(head), None)?;
        rows.push(Row { head: word(true, head), cells, total });
    }
    let totals = others.iter().map(|other| shown(None, Some(other))).collect::<Result<Vec<_>, _>>()?;
    let total = shown(None, None)?;
    Ok(Crossed { columns: others.iter().map(|other| word(false, other)).collect(), rows, totals, total, hidden })
}

/// A cell, as `disclosure` is told of it.
fn as_at(place: &[(disclosure::DimensionId, String)]) -> Vec<(disclosure::DimensionId, &str)> {
    place.iter().map(|(dimension, category)| (*dimension, category.as_str())).collect()
}

/// The bars of a single column.
fn bars(crossed: &Crossed) -> Option<Chart> {
    let known: Vec<(&String, u32)> = crossed.rows.iter().filter_map(|row| Some((&row.head, row.total?))).collect();
    let (label, greatest) =
        known.iter().copied().max_by_key(|(_, people)| *people).filter(|(_, people)| *people > 0)?;
    let bar = |(label, people): &(&String, u32)| Bar {
        label: (*label).clone(),
        value: people.to_string(),
        width: f64::from(people * 1_000 / greatest),
    };
    Some(Chart {
        measure: crate::text::word("research", "people"),
        of: String::new(),
        greatest: (label.clone(), greatest.to_string()),
        bars: known.iter().map(bar).collect(),
    })
}
