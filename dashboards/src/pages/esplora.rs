//! The pivot: one characteristic against another, against the years, or against what comes of people; as counts or as shares.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::Page;

use super::bars::{APART_MIN, Bars, COMPARED_MIN, Key, bar, colour, standard_errors_apart};
use super::filters::{self, FilterForm};
use super::lines::{self, Finding, Line};
use super::{Asked, Choice, Choices, Data, FileKind, Head, count, download, share, show};
use crate::characteristic::{Characteristic, Filter};
use crate::merge::POOL;
use crate::protect::{ALL, Group, Part};
use crate::samples;
use crate::table::{Column, Row, Table, TablesFile};
use crate::{Dashboards, Viewer, text};

/// The years, among what can stand in rows and columns.
const YEARS: &str = "anno";
/// What comes of people, among what can stand in columns.
const OUTCOMES: &str = "esiti";
/// People themselves, among what is counted.
const PEOPLE: &str = "persone";

/// What stands along one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Of(Filter),
    Years,
    Outcomes,
}

impl Side {
    fn read(code: Option<&str>) -> Option<Self> {
        match code? {
            YEARS => Some(Self::Years),
            OUTCOMES => Some(Self::Outcomes),
            code => Filter::ALL.into_iter().find(|filter| filter.parameter() == code).map(Self::Of),
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Of(filter) => filter.parameter(),
            Self::Years => YEARS,
            Self::Outcomes => OUTCOMES,
        }
    }

    fn title(self) -> String {
        match self {
            Self::Of(filter) => filter.title(),
            Self::Years => text::word("dashboard", "period"),
            Self::Outcomes => text::word("dashboard", "outcomes"),
        }
    }

    fn filter(self) -> Option<Filter> {
        match self {
            Self::Of(filter) => Some(filter),
            Self::Years | Self::Outcomes => None,
        }
    }

    /// Those to choose from.
    fn choices(chosen: Self, has_outcomes: bool) -> Vec<Choice> {
        let all = Filter::ALL.into_iter().map(Self::Of).chain([Self::Years]);
        let all = all.chain(has_outcomes.then_some(Self::Outcomes));
        all.map(|side| Choice::new(side.code(), side.title(), chosen.code())).collect()
    }
}

/// What is said of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Said {
    /// What rows by outcomes have to say.
    Lines { finding: Finding },
    /// The cell with most people.
    Most { row: String, column: String, people: String },
    /// An outcome is more frequent in a cell than in another, by more than chance explains.
    Apart { outcome: String, high: String, high_share: String, low: String, low_share: String },
    /// The shares shown are hardly apart.
    Similar,
    /// Too little is shown.
    Nothing,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Esplora {
    head: Head,
    rows: Vec<Choice>,
    columns: Vec<Choice>,
    counted: Vec<Choice>,
    filters: FilterForm,
    row_title: String,
    column_title: String,
    counted_title: String,
    /// Whether shares are shown, of each cell those with an outcome.
    is_share: bool,
    /// Whether columns divide the people of a row, so that they can stand in one bar.
    is_divided: bool,
    said: Said,
    /// Whether these two are not counted together here.
    is_impossible: bool,
    chart: Bars<()>,
    csv_path: String,
}

/// One outcome whose share is counted: its target with its title, its code, and how both are called together.
struct Counted {
    target: String,
    target_title: String,
    outcome: String,
    title: String,
}

/// What can be counted: people, or each outcome of each target.
fn counted(data: &Data) -> Vec<(String, String, Option<Counted>)> {
    let people = (PEOPLE.to_owned(), text::word("dashboard", "people"), None);
    let of_target = |(target, title): (&str, &str)| {
        let outcomes = data.figures.outcomes(target).to_vec();
        let (target, title) = (target.to_owned(), title.to_owned());
        outcomes.into_iter().map(move |outcome| {
            let called = format!("{title}: {}", data.strumento.outcome_title(&target, &outcome));
            let one = Counted {
                target: target.clone(),
                target_title: title.clone(),
                outcome: outcome.clone(),
                title: called.clone(),
            };
            (format!("{target}.{outcome}"), called, Some(one))
        })
    };
    std::iter::once(people).chain(data.strumento.targets().into_iter().flat_map(of_target)).collect()
}

/// A column of a table of two characteristics, or of years.
struct ColumnOf {
    title: String,
    is_pool: bool,
    at: At,
    /// Everybody there.
    people: Option<u32>,
}

/// Where a column is.
enum At {
    Period(String),
    Category(String),
}

impl Esplora {
    pub(crate) fn new(viewer: &Viewer, data: &Data, choices: &Choices) -> Self {
        let figures = &data.figures;
        let all_counted = counted(data);
        let has_outcomes = all_counted.len() > 1;
        let rows = Side::read(choices.righe.as_deref()).filter(|side| *side != Side::Outcomes);
        let rows = rows.unwrap_or(Side::Of(Filter::Of(Characteristic::AgeBand)));
        let columns = Side::read(choices.colonne.as_deref()).filter(|side| *side != rows);
        let columns = columns.filter(|side| has_outcomes || *side != Side::Outcomes);
        let columns = columns.unwrap_or(match rows {
            _ if has_outcomes => Side::Outcomes,
            Side::Of(_) => Side::Years,
            Side::Years | Side::Outcomes => Side::Of(Filter::Of(Characteristic::AgeBand)),
        });
        // By outcomes a target is chosen: that of the outcome asked for, else the first one.
        let wanted = all_counted.iter().find(|(code, ..)| Some(code) == choices.esito.as_ref());
        let wanted = match columns {
            Side::Outcomes => wanted.filter(|(.., one)| one.is_some()).or(all_counted.get(1)),
            Side::Of(_) | Side::Years => wanted.or(all_counted.first()),
        };
        let (code, counted_title, one) =
            wanted.map_or(("", "", None), |(code, title, one)| (code, title, one.as_ref()));

        // A third characteristic only where two would else be.
        let most = usize::from(columns == Side::Outcomes);
        let asked = filters::asked(choices, figures);
        let (group, filters) = filters::narrow(figures, &asked, most, rows.filter());
        let is_all =
            !filters.in_use.is_empty() && rows != Side::Years || rows.filter().is_some() && columns.filter().is_some();
        let period =
            if is_all || [rows, columns].contains(&Side::Years) { ALL.to_owned() } else { data.period(choices) };
        let head = Head::new(viewer, data, &period);
        let mark = head.mark.clone();

        let made = match (columns, one) {
            (Side::Outcomes, Some(one)) => Some(by_outcomes(data, rows, &group, one, &period, &mark)),
            (Side::Outcomes, None) => None,
            (Side::Of(_) | Side::Years, one) => cells(data, rows, columns, one, &mark),
        };
        let is_impossible = made.is_none();
        let (chart, said) = made.unwrap_or_else(|| {
            let nothing = Bars {
                id: String::new(),
                title: String::new(),
                finding: (),
                keys: Vec::new(),
                bars: Vec::new(),
                table: Table::default(),
            };
            (nothing, Said::Nothing)
        });
        let more = [("righe", rows.code()), ("colonne", columns.code()), ("esito", code)];
        Self {
            rows: Side::choices(rows, false),
            columns: Side::choices(columns, has_outcomes),
            counted: all_counted.iter().map(|(value, title, _)| Choice::new(value, title.clone(), code)).collect(),
            row_title: rows.title(),
            column_title: columns.title(),
            counted_title: counted_title.to_owned(),
            is_share: columns != Side::Outcomes && one.is_some(),
            is_divided: !chart.bars.is_empty(),
            is_impossible,
            said,
            chart,
            csv_path: head.filtered_csv_path("esplora", &more, &group),
            filters,
            head,
        }
    }

    pub(crate) fn file(&self) -> TablesFile {
        let word = |code: &str| text::word("dashboard", code);
        let mut notes = vec![("rows", self.row_title.clone()), ("columns", self.column_title.clone())];
        notes.push(("measure", self.counted_title.clone()));
        notes.extend(self.filters.in_use.iter().map(|one| ("filter", one.clone())));
        let table = match self.is_impossible {
            true => Table { columns: vec![Column::text(word("not_together"))], rows: Vec::new() },
            false => self.chart.table.clone(),
        };
        TablesFile { tables: vec![(None, table)], notes: self.head.notes(notes) }
    }
}

/// Rows by the outcomes of a target.
fn by_outcomes(
    data: &Data,
    rows: Side,
    group: &Group<'_>,
    one: &Counted,
    period: &str,
    mark: &str,
) -> (Bars<()>, Said) {
    let figures = &data.figures;
    let target = (one.target.as_str(), one.target_title.as_str());
    let Some(of) = rows.filter() else {
        let chart = super::quadro::chart(data, group, target.0, target.1, mark);
        return (plain(chart), Said::Nothing);
    };
    let filter = group.common().into_iter().next();
    let categories = figures.filter_categories(of);
    let lines: Vec<Line<'_>> = lines::lines(data, of, &categories, filter.as_ref());
    let chart = lines::chart(data, &of.title(), &lines, group, target, (period, mark));
    let said = Said::Lines { finding: chart.finding.clone() };
    (plain(chart), said)
}

fn plain<F>(chart: Bars<F>) -> Bars<()> {
    let Bars { id, title, keys, bars, table, .. } = chart;
    Bars { id, title, finding: (), keys, bars, table }
}

/// Two characteristics, or one by year: people, or the share of an outcome. Nothing where the two are not counted together.
fn cells(data: &Data, rows: Side, columns: Side, one: Option<&Counted>, mark: &str) -> Option<(Bars<()>, Said)> {
    let figures = &data.figures;
    let (row_of, column_of) = (rows.filter(), columns.filter());
    let category = |filter: Filter, categories: &[String], people: Option<u32>| ColumnOf {
        title: filters::together(filter, categories),
        is_pool: categories.iter().any(|code| code == POOL),
        at: At::Category(categories.first().cloned().unwrap_or_default()),
        people,
    };
    let alone = |filter: Filter| {
        let categories = figures.filter_categories(filter);
        let people = |code: &str| figures.of_one(filter, code).and_then(|group| group.people(ALL));
        categories.iter().map(|code| category(filter, std::slice::from_ref(code), people(code))).collect::<Vec<_>>()
    };
    let crossed = |filter: Filter, other: Filter| {
        let groups = figures.crossed_with(filter, other)?.iter().enumerate();
        let of = |(place, group): (usize, &Vec<String>)| {
            category(filter, group, figures.people_crossed_with(filter, other, place))
        };
        Some(groups.map(of).collect::<Vec<_>>())
    };
    let years = || {
        let years = figures.years().iter().map(|year| (year.clone(), year.clone()));
        let periods = years.chain([(ALL.to_owned(), text::word("dashboard", "all_periods"))]);
        let of = |(code, title): (String, String)| {
            let people = figures.people(&code);
            ColumnOf { title, is_pool: false, at: At::Period(code), people }
        };
        periods.map(of).collect::<Vec<_>>()
    };
    let (lines, across) = match (row_of, column_of) {
        (Some(row), Some(column)) => (crossed(row, column)?, crossed(column, row)?),
        (Some(row), None) => (alone(row), years()),
        (None, Some(column)) => (years(), alone(column)),
        (None, None) => return None,
    };
    let at = |line: &'_ ColumnOf, column: &'_ ColumnOf| -> (Option<u32>, Part) {
        let (group, period) = match (&line.at, &column.at, row_of, column_of) {
            (At::Category(one), At::Category(other), Some(row), Some(across)) => {
                (figures.of_two((row, one), (across, other)), ALL)
            }
            (At::Category(one), At::Period(period), Some(row), _) => (figures.of_one(row, one), period.as_str()),
            (At::Period(period), At::Category(one), _, Some(across)) => (figures.of_one(across, one), period.as_str()),
            _ => (None, ALL),
        };
        let Some(group) = group else { return (None, Part::HIDDEN) };
        let part = one.map_or(Part::HIDDEN, |one| {
            let place = group.outcomes(&one.target).iter().position(|outcome| *outcome == one.outcome);
            place.map_or(Part::HIDDEN, |place| group.part(&one.target, place, period))
        });
        (group.people(period), part)
    };
    let found: Vec<Vec<(Option<u32>, Part)>> =
        lines.iter().map(|line| across.iter().map(|column| at(line, column)).collect()).collect();
    let is_divided = one.is_none() && column_of.is_some_and(Filter::is_crossed);
    let titles: Vec<String> = across.iter().map(|column| column.title.clone()).collect();
    let mut table = Table { columns: vec![Column::text(rows.title())], rows: Vec::new() };
    table.columns.extend(titles.iter().map(|title| Column::number(title.clone())));
    if is_divided {
        table.columns.push(Column::number(text::word("dashboard", "total")));
    }
    let mut bars = Vec::new();
    for (line, cells) in lines.iter().zip(&found) {
        let mut texts: Vec<String> = cells
            .iter()
            .map(|(people, part)| match one {
                Some(_) => share(part.share_permille, mark),
                None => count(*people, mark),
            })
            .collect();
        if is_divided {
            texts.push(count(line.people, mark));
            let share = |people| figures.share_between(people, line.people);
            let parts: Vec<Part> =
                cells.iter().map(|&(people, _)| Part { people, share_permille: share(people) }).collect();
            bars.push(bar(line.title.clone(), &titles, &titles, &parts));
        }
        let is_total = matches!(&line.at, At::Period(period) if period == ALL);
        table.rows.push(Row { head: line.title.clone(), cells: texts, is_total });
    }
    let said = match one {
        Some(one) => apart(one, &lines, &across, &found),
        None => most(&lines, &across, &found),
    };
    let keys = if is_divided {
        let key = |(place, title): (usize, &String)| Key { title: title.clone(), colour: colour(place, title) };
        titles.iter().enumerate().map(key).collect()
    } else {
        Vec::new()
    };
    let chart = Bars {
        id: "celle".to_owned(),
        title: format!("{} × {}", rows.title(), columns.title()),
        finding: (),
        keys,
        bars,
        table,
    };
    Some((chart, said))
}

fn most(lines: &[ColumnOf], across: &[ColumnOf], found: &[Vec<(Option<u32>, Part)>]) -> Said {
    let is_all = |column: &ColumnOf| matches!(&column.at, At::Period(period) if period == ALL);
    let mut most: Option<(u32, &str, &str)> = None;
    for (line, cells) in lines.iter().zip(found).filter(|(line, _)| !line.is_pool && !is_all(line)) {
        for (column, (people, _)) in across.iter().zip(cells).filter(|(column, _)| !column.is_pool && !is_all(column)) {
            if let Some(people) = people.filter(|people| most.is_none_or(|(before, ..)| *people > before)) {
                most = Some((people, &line.title, &column.title));
            }
        }
    }
    most.map_or(Said::Nothing, |(people, row, column)| Said::Most {
        row: row.to_owned(),
        column: column.to_owned(),
        people: people.to_string(),
    })
}

fn apart(one: &Counted, lines: &[ColumnOf], across: &[ColumnOf], found: &[Vec<(Option<u32>, Part)>]) -> Said {
    let is_all = |column: &ColumnOf| matches!(&column.at, At::Period(period) if period == ALL);
    let mut shares: Vec<(String, u32, u32)> = Vec::new();
    for (line, cells) in lines.iter().zip(found).filter(|(line, _)| !line.is_pool && !is_all(line)) {
        for (column, (people, part)) in
            across.iter().zip(cells).filter(|(column, _)| !column.is_pool && !is_all(column))
        {
            let people = people.filter(|&people| people >= COMPARED_MIN);
            if let Some((people, permille)) = people.zip(part.share_permille) {
                shares.push((format!("{}, {}", line.title, column.title), people, permille));
            }
        }
    }
    let high = shares.iter().min_by_key(|(.., permille)| std::cmp::Reverse(*permille));
    let low = shares.iter().min_by_key(|(.., permille)| *permille);
    let (Some(high), Some(low)) = (high, low) else { return Said::Nothing };
    if shares.len() < 2 {
        return Said::Nothing;
    }
    if standard_errors_apart((high.1, high.2), (low.1, low.2)) < APART_MIN {
        return Said::Similar;
    }
    Said::Apart {
        outcome: one.title.clone(),
        high: high.0.clone(),
        high_share: share(Some(high.2), ""),
        low: low.0.clone(),
        low_share: share(Some(low.2), ""),
    }
}

impl Page for Esplora {
    const TEMPLATE: &'static str = "pages/dashboard_esplora.html";

    fn samples() -> Vec<Self> {
        let viewer = samples::viewer();
        let mut pages = Vec::new();
        for data in samples::all() {
            let page = |righe: &str, colonne: &str, esito: &str, sesso: Option<&str>| {
                let text = |text: &str| Some(text.to_owned());
                let sesso = sesso.map(str::to_owned);
                let choices = Choices {
                    righe: text(righe),
                    colonne: text(colonne),
                    esito: text(esito),
                    sesso,
                    ..Choices::default()
                };
                Self::new(&viewer, data, &choices)
            };
            pages.push(page("", "", "", None));
            pages.push(page("eta", "sesso", "persone", None));
            pages.push(page("eta", "sesso", "ambito.bassa", None));
            pages.push(page("eta", "esiti", "profile.vicino", Some("f")));
            pages.push(page("anno", "esiti", "ambito.alta", Some("f")));
            pages.push(page("svantaggio", "anno", "persone", None));
            pages.push(page("anno", "svantaggio", "persone", None));
            pages.push(page("anno", "comune", "ambito.bassa", None));
            pages.push(page("svantaggio", "sesso", "persone", None));
            let pairs = Filter::ALL.iter().flat_map(|one| Filter::ALL.iter().map(move |other| (*one, *other)));
            let mut crossed = pairs.filter(|(one, other)| data.figures.crossed_with(*one, *other).is_some());
            if let Some((one, other)) = crossed.next() {
                pages.push(page(one.parameter(), other.parameter(), "persone", None));
                pages.push(page(one.parameter(), other.parameter(), "ambito.bassa", None));
            }
        }
        pages
    }
}

pub(crate) async fn get(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    show(&dashboards, asked, |asked, data| Esplora::new(&asked.viewer, data, &asked.choices)).await
}

pub(crate) async fn get_file(State(dashboards): State<Dashboards>, kind: FileKind, asked: Asked) -> Response {
    download(&dashboards, asked, kind, |asked, data| {
        let name = format!("esplora-{}", data.strumento.id);
        (name, Esplora::new(&asked.viewer, data, &asked.choices).file())
    })
    .await
}
