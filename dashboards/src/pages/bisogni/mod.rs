//! What people need: the answers that hold them back, the minimum conditions that are missing, the levels of each group, and the
//! azioni that were called for, agreed and brought to an end.

mod disadvantages;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::Page;

use disadvantages::{ByDisadvantage, by_disadvantage};

use super::bars::{Bars, COMPARED_MIN, bar, keys};
use super::{Asked, Choice, Choices, Data, FileKind, Head, count, download, share, show};
use crate::characteristic::Characteristic;
use crate::protect::{ALL, Part, azione, item};
use crate::samples;
use crate::table::{Column, Row, Table, TablesFile};
use crate::text;
use crate::{Dashboards, Viewer};

/// Steps of colour of a heat map.
const HEAT: u32 = 5;

/// A figure with the step of its colour; zero is "not shown".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Heat {
    text: String,
    step: u32,
}

/// A row of a heat map; a section has a head alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HeatRow {
    head: String,
    is_section: bool,
    cells: Vec<Heat>,
}

/// A table whose cells have colours: read as a drawing and as a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HeatMap {
    columns: Vec<String>,
    rows: Vec<HeatRow>,
}

/// What holds most of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Most {
    title: String,
    share: String,
}

/// An azione whose outcome is known of enough people to be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum AzioneFinding {
    /// The azione that most people agreed on.
    Agreed {
        title: String,
        people: u32,
        completed: Option<String>,
    },
    Nothing,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bisogni {
    head: Head,
    characteristics: Vec<Choice>,
    characteristic: String,
    items: HeatMap,
    item_most: Option<Most>,
    /// None where nothing of it can be shown.
    by_disadvantage: Option<ByDisadvantage>,
    blocks: Option<Bars<Option<Most>>>,
    blocks_by_comune: Table,
    levels: HeatMap,
    has_levels: bool,
    azioni: Bars<AzioneFinding>,
    csv_path: String,
}

impl HeatMap {
    /// As a table of texts, for the file.
    fn table(&self) -> Table {
        let mut columns: Vec<Column> = Vec::new();
        for (place, column) in self.columns.iter().enumerate() {
            columns.push(if place == 0 { Column::text(column.clone()) } else { Column::number(column.clone()) });
        }
        let rows = self.rows.iter().filter(|row| !row.is_section).map(|row| Row {
            head: row.head.clone(),
            cells: row.cells.iter().map(|cell| cell.text.clone()).collect(),
            is_total: false,
        });
        Table { columns, rows: rows.collect() }
    }
}

/// A share with its colour: fifths of the whole.
fn heat(permille: Option<u32>, mark: &str) -> Heat {
    let step = permille.map_or(0, |permille| (permille / (1_000 / HEAT) + 1).min(HEAT));
    Heat { text: share(permille, mark), step }
}

impl Bisogni {
    pub(crate) fn new(viewer: &Viewer, data: &Data, choices: &Choices) -> Self {
        let period = data.period(choices);
        let head = Head::new(viewer, data, &period);
        let of =
            choices.caratteristica.as_deref().and_then(Characteristic::from_code).unwrap_or(Characteristic::AgeBand);
        let (items, item_most) = items(data, &period, &head.mark);
        let levels = levels(data, of, &period, &head.mark);
        Self {
            characteristics: Characteristic::choices(of),
            characteristic: text::word("characteristic", of.code()),
            items,
            item_most,
            by_disadvantage: by_disadvantage(data, &head.mark),
            blocks: blocks(data, &period, &head.mark),
            blocks_by_comune: blocks_by_comune(data, &head.mark),
            has_levels: levels.columns.len() > 1,
            levels,
            azioni: azioni(data, &period, &head.mark),
            csv_path: head.csv_path("bisogni", &[("caratteristica", of.code())]),
            head,
        }
    }

    /// What the page shows in tables.
    pub(crate) fn tables(&self) -> Vec<(Option<String>, Table)> {
        let mut tables = vec![("low_answers", self.items.table())];
        tables.extend(self.by_disadvantage.as_ref().map(|of| ("low_answers_by_disadvantage", of.map.table())));
        tables.extend(self.blocks.as_ref().map(|chart| ("blocks", chart.table.clone())));
        tables.push(("blocks_by_comune", self.blocks_by_comune.clone()));
        tables.push(("first_level", self.levels.table()));
        tables.push(("azioni", self.azioni.table.clone()));
        let is_told = |table: &Table| !table.rows.is_empty() && table.columns.len() > 1;
        let tables = tables.into_iter().filter(|(_, table)| is_told(table));
        tables.map(|(code, table)| (Some(text::word("dashboard", code)), table)).collect()
    }

    pub(crate) fn file(&self) -> TablesFile {
        let notes = self.head.notes(vec![("characteristic", self.characteristic.clone())]);
        TablesFile { tables: self.tables(), notes }
    }
}

/// The share of answers that hold back, question by question: in the period, and in each year.
fn items(data: &Data, period: &str, mark: &str) -> (HeatMap, Option<Most>) {
    let (figures, content) = (&data.figures, &data.strumento.content);
    let mut columns = vec![text::word("dashboard", "item")];
    columns.extend(figures.years().iter().cloned());
    columns.push(text::word("dashboard", "all_periods"));
    let mut rows = Vec::new();
    let mut most: Option<(u32, Most)> = None;
    let mut section = "";
    for known in &content.items {
        let table = item(&known.id);
        let names = figures.names_in(&table);
        if !names.iter().any(|name| name == "low") {
            continue;
        }
        if known.section != section {
            section = &known.section;
            rows.push(HeatRow { head: section.to_owned(), is_section: true, cells: Vec::new() });
        }
        let low = |period: &str| figures.low(&known.id, period);
        let periods = figures.years().iter().map(String::as_str).chain([ALL]);
        let cells = periods.map(|period| heat(low(period).share_permille, mark)).collect();
        rows.push(HeatRow { head: known.text.clone(), is_section: false, cells });
        let here = low(period).share_permille;
        if let Some(permille) = here.filter(|permille| most.as_ref().is_none_or(|(before, _)| permille > before)) {
            most = Some((permille, Most { title: known.text.clone(), share: share(Some(permille), mark) }));
        }
    }
    (HeatMap { columns, rows }, most.map(|(_, most)| most))
}

/// People who miss each minimum condition, most first.
fn blocks(data: &Data, period: &str, mark: &str) -> Option<Bars<Option<Most>>> {
    let (figures, content) = (&data.figures, &data.strumento.content);
    let kept = figures.blocks();
    if content.blocks.is_empty() {
        return None;
    }
    let word = |code: &str| text::word("dashboard", code);
    let mut found: Vec<(Part, &str)> = content
        .blocks
        .iter()
        .map(|block| {
            let part = if kept.contains(&block.id) { figures.missing(&block.id, period) } else { Part::HIDDEN };
            (part, block.title.as_str())
        })
        .collect();
    found.sort_by_key(|(part, title)| (std::cmp::Reverse(part.people), *title));
    let row = |(part, title): &(Part, &str)| Row {
        head: (*title).to_owned(),
        cells: vec![count(part.people, mark), share(part.share_permille, mark)],
        is_total: false,
    };
    let mut rows: Vec<Row> = found.iter().map(row).collect();
    rows.push(Row {
        head: word("total"),
        cells: vec![count(figures.people(period), mark), "–".to_owned()],
        is_total: true,
    });
    let bars = found.iter().map(|(part, title)| super::bars::of_one((*title).to_owned(), *part)).collect();
    let most = found.first().and_then(|(part, title)| {
        Some(Most { title: (*title).to_owned(), share: share(Some(part.share_permille?), mark) })
    });
    Some(Bars {
        id: "condizioni".to_owned(),
        title: word("block"),
        finding: most,
        keys: Vec::new(),
        bars,
        table: Table {
            columns: vec![
                Column::text(word("block")),
                Column::number(word("people")),
                Column::number(word("share_of_all")),
            ],
            rows,
        },
    })
}

/// Where they are missing, over all years.
fn blocks_by_comune(data: &Data, mark: &str) -> Table {
    let figures = &data.figures;
    let kept = figures.frequent_blocks();
    if kept.is_empty() {
        return Table::default();
    }
    let title = |block: &String| {
        let known = data.strumento.content.blocks.iter().find(|known| known.id == *block);
        known.map_or_else(|| block.clone(), |known| known.title.clone())
    };
    let word = |code: &str| text::word("dashboard", code);
    let mut columns = vec![Column::text(word("comune")), Column::number(word("people"))];
    columns.extend(kept.iter().map(|block| Column::number(title(block))));
    let mut comuni: Vec<(String, String)> =
        figures.comuni().iter().map(|code| (text::comune(code), code.clone())).collect();
    comuni.sort();
    if figures.has_other_comuni() {
        comuni.push((text::comune(crate::merge::POOL), crate::merge::POOL.to_owned()));
    }
    let row = |(name, code): (String, String)| {
        let mut cells = vec![count(figures.people_of(&code, ALL), mark)];
        cells.extend(kept.iter().map(|block| count(figures.missing_in(block, &code).people, mark)));
        Row { head: name, cells, is_total: false }
    };
    let mut rows: Vec<Row> = comuni.into_iter().map(row).collect();
    let mut cells = vec![count(figures.people(ALL), mark)];
    cells.extend(kept.iter().map(|block| count(figures.missing(block, ALL).people, mark)));
    rows.push(Row { head: word("total"), cells, is_total: true });
    Table { columns, rows }
}

/// The share at the lowest level of each scale, by category.
fn levels(data: &Data, of: Characteristic, period: &str, mark: &str) -> HeatMap {
    let figures = &data.figures;
    let scales: Vec<_> =
        data.strumento.scales.iter().filter_map(|scale| Some((scale, scale.levels.first()?))).collect();
    let mut columns = vec![text::word("characteristic", of.code())];
    columns.extend(scales.iter().map(|(scale, lowest)| format!("{}: «{}»", scale.title, lowest.title)));
    let lowest = |category: &str| {
        let shares = scales.iter().map(|(scale, lowest)| {
            figures.outcome_with(of, category, &scale.id, &lowest.id, period).and_then(|part| part.share_permille)
        });
        shares.map(|permille| heat(permille, mark)).collect()
    };
    let row = |category: String| HeatRow { head: of.category(&category), is_section: false, cells: lowest(&category) };
    let mut rows: Vec<HeatRow> = figures.categories(of).into_iter().map(row).collect();
    let everybody = scales.iter().map(|(scale, lowest)| {
        let part = figures.outcome_of_all(&scale.id, &lowest.id, period);
        heat(part.and_then(|part| part.share_permille), mark)
    });
    rows.push(HeatRow { head: text::word("dashboard", "total"), is_section: false, cells: everybody.collect() });
    HeatMap { columns, rows }
}

/// More azioni than this are in the table alone.
const DRAWN_MAX: usize = 15;

/// How azioni end, in the order of the colours.
const OUTCOMES: [&str; 4] = ["dropped", "not_recorded", "under_way", "completed"];

/// To how many people each azione is proposed, how many agreed, and how it ended: those that most people agreed on first.
fn azioni(data: &Data, period: &str, mark: &str) -> Bars<AzioneFinding> {
    let (figures, content) = (&data.figures, &data.strumento.content);
    let word = |code: &str| text::word("dashboard", code);
    let codes: Vec<String> = OUTCOMES.iter().map(|code| (*code).to_owned()).collect();
    let titles: Vec<String> = OUTCOMES.iter().map(|code| word(&format!("azione_{code}"))).collect();
    let mut columns =
        vec![Column::text(word("azione")), Column::number(word("proposed")), Column::number(word("agreed"))];
    columns.extend(titles.iter().map(|title| Column::number(format!("{title}, {}", word("all_periods")))));
    let mut found: Vec<_> = content
        .azioni
        .iter()
        .map(|known| {
            let table = azione(&known.id);
            let agreed = figures.agreed(&known.id, period).people;
            let parts = OUTCOMES.map(|code| figures.part_in(&table, code, Some("agreed"), ALL));
            (agreed, figures.proposed(&known.id, period), parts, known.title.as_str())
        })
        .collect();
    found.sort_by_key(|(agreed, proposed, _, title)| (std::cmp::Reverse((*agreed, proposed.people)), *title));
    let row = |(agreed, proposed, parts, title): &(Option<u32>, Part, [Part; 4], &str)| {
        let mut cells = vec![count(proposed.people, mark), count(*agreed, mark)];
        cells.extend(parts.iter().map(|part| count(part.people, mark)));
        Row { head: (*title).to_owned(), cells, is_total: false }
    };
    let drawn = found.iter().filter(|(agreed, ..)| agreed.is_some()).take(DRAWN_MAX);
    let bars = drawn.map(|(_, _, parts, title)| bar((*title).to_owned(), &codes, &titles, parts)).collect();
    let finding = match found.first() {
        Some((Some(people), _, parts, title)) if *people >= COMPARED_MIN => AzioneFinding::Agreed {
            title: (*title).to_owned(),
            people: *people,
            completed: parts[3].share_permille.map(|permille| share(Some(permille), mark)),
        },
        _ => AzioneFinding::Nothing,
    };
    Bars {
        id: "azioni".to_owned(),
        title: word("azioni"),
        finding,
        keys: keys(&codes, &titles),
        bars,
        table: Table { columns, rows: found.iter().map(row).collect() },
    }
}

impl Page for Bisogni {
    const TEMPLATE: &'static str = "pages/dashboard_bisogni.html";

    fn samples() -> Vec<Self> {
        let viewer = samples::viewer();
        let of = |data, period: &str| {
            Self::new(&viewer, data, &Choices { periodo: Some(period.to_owned()), ..Choices::default() })
        };
        samples::all().iter().flat_map(|data| [of(data, "tutti"), of(data, "2025")]).collect()
    }
}

pub(crate) async fn get(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    show(&dashboards, asked, |asked, data| Bisogni::new(&asked.viewer, data, &asked.choices)).await
}

pub(crate) async fn get_file(State(dashboards): State<Dashboards>, kind: FileKind, asked: Asked) -> Response {
    download(&dashboards, asked, kind, |asked, data| {
        let name = format!("bisogni-{}-{}", data.strumento.id, data.period(&asked.choices));
        (name, Bisogni::new(&asked.viewer, data, &asked.choices).file())
    })
    .await
}
