//! The whole at a glance: how many people, who is new, who comes back, who is overdue, how levels and indices move over the years.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};

use super::bars::{Bars, COMPARED_MIN, Farthest, bar, columns, keys, row, standard_errors_apart};
use super::filters::{self, FilterForm};
use super::{Asked, Choices, Data, FileKind, Head, count, data, download, refuse, respond, share, tenths};
use crate::desk::visits::{self, Change, Since};
use crate::protect::{ALL, ARRIVALS, Group, NOT_VALID, Part, RECENCY, overdue_before};
use crate::samples;
use crate::table::{Column, Row, Table, TablesFile};
use crate::{Dashboards, Viewer, text};

/// What the title of a chart says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Finding {
    /// The share of an outcome moved between the last two years by more than chance explains.
    Moved { outcome: String, before: String, before_share: String, year: String, share: String, is_more: bool },
    /// The last two years are hardly apart.
    Steady { before: String, year: String },
    /// Too little is shown to compare.
    Nothing,
}

/// A number above everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Number {
    code: &'static str,
    value: String,
    /// In percent, where there is one to show.
    share: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Quadro {
    head: Head,
    filters: FilterForm,
    /// Whether one year is chosen.
    is_year: bool,
    numbers: Vec<Number>,
    /// The month before which a last assessment is overdue, and after how many days that is; none where the strumento does not say.
    overdue: Option<(String, u32)>,
    years: Table,
    /// Of everybody alone: a median of few people is one person's value.
    medians: Option<Table>,
    charts: Vec<Bars<Finding>>,
    /// What changed since whoever looks was here last.
    since: Option<Since>,
    csv_path: String,
}

/// `2025-06` in words.
fn month(code: &str) -> String {
    let (year, month) = code.split_once('-').unwrap_or((code, ""));
    format!("{} {year}", text::word("month", month))
}

impl Quadro {
    pub(crate) fn new(viewer: &Viewer, data: &Data, choices: &Choices) -> Self {
        let (figures, strumento) = (&data.figures, &data.strumento);
        let asked = filters::asked(choices, figures);
        let (group, filters) = filters::narrow(figures, &asked, figures.filters_max(), None);
        let period = if group.has_periods() { data.period(choices) } else { ALL.to_owned() };
        let head = Head::new(viewer, data, &period);
        let is_filtered = !filters.in_use.is_empty();
        let number = |code, part: Part| Number {
            code,
            value: count(part.people, &head.mark),
            share: part.share_permille.map(|permille| share(Some(permille), "")),
        };
        let of_all = is_filtered.then(|| group.share_of(&figures.everybody(), &period)).flatten();
        let mut numbers = vec![number("people", Part { people: group.people(&period), share_permille: of_all })];
        let mut overdue = None;
        if !is_filtered {
            if period != ALL && !figures.names_in(ARRIVALS).is_empty() {
                numbers.push(number("first", figures.part_in(ARRIVALS, "first", None, &period)));
            }
            numbers.push(number("again", figures.repeated()));
            overdue = strumento.content.reassess_after_days.and_then(|days| {
                let before = overdue_before(text::day(data.position.published_at), days)?;
                (!figures.names_in(RECENCY).is_empty()).then_some((month(&before), days))
            });
            if overdue.is_some() {
                numbers.push(number("overdue", figures.part_in(RECENCY, "overdue", None, ALL)));
            }
        }
        let targets = strumento.targets().into_iter().filter(|(target, _)| !group.outcomes(target).is_empty());
        Self {
            is_year: period != ALL,
            numbers,
            overdue,
            years: if is_filtered { years_of(data, &group, &head.mark) } else { years(data, &head.mark) },
            medians: (!is_filtered).then(|| medians(data, &head.mark)),
            charts: targets.map(|(target, title)| chart(data, &group, target, title, &head.mark)).collect(),
            since: None,
            csv_path: head.filtered_csv_path("quadro", &[], &group),
            filters,
            head,
        }
    }

    /// What the page shows in tables, and the numbers above them.
    pub(crate) fn tables(&self) -> Vec<(Option<String>, Table)> {
        let word = |code: &str| text::word("dashboard", code);
        let number = |number: &Number| Row {
            head: text::word("dashboard_number", number.code),
            cells: vec![number.value.clone(), number.share.clone().unwrap_or_else(|| "–".to_owned())],
            is_total: false,
        };
        let numbers = Table {
            columns: vec![
                Column::text(word("figure")),
                Column::number(word("people")),
                Column::number(word("share_of_all")),
            ],
            rows: self.numbers.iter().map(number).collect(),
        };
        let mut tables = vec![(None, numbers), (Some(word("by_year")), self.years.clone())];
        tables.extend(self.medians.iter().map(|table| (Some(word("index")), table.clone())));
        tables.extend(self.charts.iter().map(|chart| (Some(chart.title.clone()), chart.table.clone())));
        tables
    }

    pub(crate) fn file(&self) -> TablesFile {
        let filters = self.filters.in_use.iter().map(|one| ("filter", one.clone())).collect();
        TablesFile { tables: self.tables(), notes: self.head.notes(filters) }
    }
}

/// A row for each year, then for all of them.
fn periods(data: &Data) -> impl Iterator<Item = (&str, String)> {
    let years = data.figures.years().iter().map(|year| (year.as_str(), year.clone()));
    years.chain([(ALL, text::word("dashboard", "all_periods"))])
}

/// The same as far as there are figures of a group.
fn periods_of<'a>(data: &'a Data, group: &Group<'_>) -> impl Iterator<Item = (&'a str, String)> {
    let has_periods = group.has_periods();
    periods(data).filter(move |(period, _)| has_periods || *period == ALL)
}

/// The people that filters leave, by year.
fn years_of(data: &Data, group: &Group<'_>, mark: &str) -> Table {
    let word = |code: &str| text::word("dashboard", code);
    let everybody = data.figures.everybody();
    let row = |(period, head): (&str, String)| Row {
        head,
        cells: vec![
            count(group.people(period), mark),
            share(group.share_of(&everybody, period), mark),
            count(everybody.people(period), mark),
        ],
        is_total: period == ALL,
    };
    let columns = ["people", "share_of_all", "everybody"].map(|code| Column::number(word(code)));
    Table {
        columns: std::iter::once(Column::text(word("period"))).chain(columns).collect(),
        rows: periods_of(data, group).map(row).collect(),
    }
}

fn years(data: &Data, mark: &str) -> Table {
    let figures = &data.figures;
    let word = |code: &str| text::word("dashboard", code);
    let has_arrivals = !figures.names_in(ARRIVALS).is_empty();
    let mut columns = vec![Column::text(word("period")), Column::number(word("people"))];
    if has_arrivals {
        columns.push(Column::number(word("first_time")));
        columns.push(Column::number(word("known_before")));
    }
    columns.push(Column::number(word("assessments")));
    let row = |(period, head): (&str, String)| {
        let mut cells = vec![count(figures.people(period), mark)];
        if has_arrivals {
            for name in ["first", "known"] {
                let of_year = || count(figures.people_in(ARRIVALS, name, period), mark);
                cells.push(if period == ALL { "–".to_owned() } else { of_year() });
            }
        }
        cells.push(figures.assessments(period).map_or_else(|| mark.to_owned(), |sheets| sheets.to_string()));
        Row { head, cells, is_total: period == ALL }
    };
    Table { columns, rows: periods(data).map(row).collect() }
}

/// The median index of each scale by year, and how the last year differs from the one before.
fn medians(data: &Data, mark: &str) -> Table {
    let figures = &data.figures;
    let mut columns = vec![Column::text(text::word("dashboard", "scale"))];
    columns.extend(periods(data).map(|(_, title)| Column::number(title)));
    let last_two = figures.years().last_chunk::<2>();
    columns.extend(last_two.map(|[before, last]| Column::number(format!("{last} − {before}"))));
    let row = |scale: &crate::strumento::ScaleNames| {
        let median = |period: &str| figures.median_tenths(None, &scale.id, period);
        let mut cells: Vec<String> = periods(data).map(|(period, _)| tenths(median(period), mark)).collect();
        cells.extend(last_two.map(|[before, last]| match (median(before), median(last)) {
            (Some(before), Some(last)) => text::tenths(last - before),
            _ => mark.to_owned(),
        }));
        Row { head: scale.title.clone(), cells, is_total: false }
    };
    Table { columns, rows: data.strumento.scales.iter().map(row).collect() }
}

/// The shares of a scale's levels, or of the profile, year by year.
pub(super) fn chart(data: &Data, group: &Group<'_>, target: &str, title: &str, mark: &str) -> Bars<Finding> {
    let outcomes = group.outcomes(target);
    let titles: Vec<String> = outcomes.iter().map(|outcome| data.strumento.outcome_title(target, outcome)).collect();
    let mut rows = Vec::new();
    let mut bars = Vec::new();
    let mut found: Vec<Year<'_>> = Vec::new();
    for (period, head) in periods_of(data, group) {
        let parts: Vec<Part> = (0..outcomes.len()).map(|outcome| group.part(target, outcome, period)).collect();
        let people = group.people(period);
        rows.push(row(head.clone(), people, &parts, mark, period == ALL));
        bars.push(bar(head, &outcomes, &titles, &parts));
        if period != ALL {
            found.push((period, people, parts));
        }
    }
    let finding = match found.last_chunk::<2>() {
        Some([before, last]) => finding(&outcomes, &titles, before, last),
        None => Finding::Nothing,
    };
    Bars {
        id: target.to_owned(),
        title: title.to_owned(),
        finding,
        keys: keys(&outcomes, &titles),
        bars,
        table: Table { columns: columns(&text::word("dashboard", "period"), &titles), rows },
    }
}

/// A year with its people and their shares.
type Year<'a> = (&'a str, Option<u32>, Vec<Part>);

fn finding(outcomes: &[String], titles: &[String], before: &Year<'_>, last: &Year<'_>) -> Finding {
    let is_enough = |people: &u32| *people >= COMPARED_MIN;
    let (Some(people_before), Some(people)) = (before.1.filter(is_enough), last.1.filter(is_enough)) else {
        return Finding::Nothing;
    };
    let mut farthest = Farthest::none();
    let mut compared = 0;
    for (place, title) in titles.iter().enumerate().filter(|(place, _)| outcomes[*place] != NOT_VALID) {
        let (Some(from), Some(to)) = (before.2[place].share_permille, last.2[place].share_permille) else { continue };
        compared += 1;
        farthest.offer(standard_errors_apart((people_before, from), (people, to)), || Finding::Moved {
            outcome: title.clone(),
            before: before.0.to_owned(),
            before_share: share(Some(from), ""),
            year: last.0.to_owned(),
            share: share(Some(to), ""),
            is_more: to > from,
        });
    }
    match farthest.said() {
        Some(finding) => finding,
        None if compared > 0 => Finding::Steady { before: before.0.to_owned(), year: last.0.to_owned() },
        None => Finding::Nothing,
    }
}

impl Page for Quadro {
    const TEMPLATE: &'static str = "pages/dashboard_quadro.html";

    fn samples() -> Vec<Self> {
        let viewer = samples::viewer();
        let of = |data, period: &str| {
            Self::new(&viewer, data, &Choices { periodo: Some(period.to_owned()), ..Choices::default() })
        };
        let narrowed = |data, eta: &str, svantaggio: Option<&str>| {
            let sesso = Some("f".to_owned());
            let (eta, svantaggio) = (Some(eta.to_owned()), svantaggio.map(str::to_owned));
            Self::new(&viewer, data, &Choices { sesso, eta, svantaggio, ..Choices::default() })
        };
        let of_each = |data| {
            let many = [
                narrowed(data, "25_34", None),
                narrowed(data, "", Some("none")),
                narrowed(data, "25_34", Some("none")),
            ];
            [of(data, "tutti"), of(data, "2025"), narrowed(data, "", None)].into_iter().chain(many)
        };
        let change = |kind: &str, of: Option<(&str, &str)>, is_more| Change {
            kind: kind.to_owned(),
            of: of.map(|(scale, level)| (scale.to_owned(), level.to_owned())),
            people: 412,
            by: 12,
            is_more,
        };
        let kinds = [("people", true), ("again", true), ("overdue", false)];
        let mut changes: Vec<Change> = kinds.into_iter().map(|(kind, is_more)| change(kind, None, is_more)).collect();
        changes.push(change("level", Some(("Ambito", "Bassa")), false));
        let since = |changes: &[Change]| {
            let since = Since { day: "01/11/2026".to_owned(), changes: changes.to_vec() };
            Self { since: Some(since), ..of(&samples::all()[0], "tutti") }
        };
        let back = [since(&changes), since(&[])];
        samples::all().iter().flat_map(of_each).chain(back).collect()
    }
}

pub(crate) async fn get(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    let data = match data(&dashboards, &asked).await {
        Ok(data) => data,
        Err(kind) => return refuse(&dashboards, &asked.viewer, Area::Cruscotti, kind).await,
    };
    let since = match &dashboards.desk {
        Some(desk) => visits::since(desk, &asked.viewer, &data).await,
        None => None,
    };
    let layout = asked.viewer.layout.clone();
    let page = move || Quadro { since, ..Quadro::new(&asked.viewer, &data, &asked.choices) };
    respond(&dashboards, layout, Area::Cruscotti, page).await
}

pub(crate) async fn get_file(State(dashboards): State<Dashboards>, kind: FileKind, asked: Asked) -> Response {
    download(&dashboards, asked, kind, |asked, data| {
        let name = format!("quadro-{}-{}", data.strumento.id, data.period(&asked.choices));
        (name, Quadro::new(&asked.viewer, data, &asked.choices).file())
    })
    .await
}
