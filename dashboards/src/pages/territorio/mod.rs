//! The Ente's territory: a map of its comuni, the same figures in a table, and in a file.

mod rates;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::Page;
use territory::ComuneCode;

use self::rates::{Funnel, Ranked, Rates, Small, in_tenths, with_interval};
use super::{Asked, Choice, Choices, Data, FileKind, Head, count, download, residents_year, share, show, tenths};
use crate::map::{self, Classes, Cut};
use crate::merge::POOL;
use crate::protect::Protected;
use crate::samples;
use crate::table::{Column, Row, Table, TablesFile};
use crate::{Dashboards, Viewer, text};

/// More numbers than this cannot be read on a map; the table has them anyway.
const NUMBERS_MAX: usize = 60;

/// What the map is coloured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// People for every 1,000 residents.
    Rate,
    /// The same, were residents of the same ages everywhere.
    Standardised,
    /// The same again, moved towards all comuni the more the fewer people there are.
    Smoothed,
    /// People.
    People,
    /// The median index of a scale.
    Index,
    /// The share of a level of a scale.
    Level,
}

impl Measure {
    const ALL: [Self; 6] = [Self::Rate, Self::Standardised, Self::Smoothed, Self::People, Self::Index, Self::Level];

    const fn code(self) -> &'static str {
        match self {
            Self::Rate => "tasso",
            Self::Standardised => "tasso-per-eta",
            Self::Smoothed => "tasso-smussato",
            Self::People => "persone",
            Self::Index => "indice",
            Self::Level => "livello",
        }
    }
}

/// A comune on the map.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Place {
    name: String,
    /// Its number on the map and in the table.
    number: usize,
    path: String,
    x: i32,
    y: i32,
    /// From one; zero is "not shown".
    class: usize,
    /// The figure, or the mark.
    value: String,
}

/// A line of the map's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    class: usize,
    from: String,
    to: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Map {
    height: i32,
    places: Vec<Place>,
    keys: Vec<Key>,
    has_hidden: bool,
    has_numbers: bool,
}

/// What the title of the map says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Finding {
    /// The comune with the highest figure, and the one with the lowest.
    Extremes { high: String, high_value: String, low: String, low_value: String },
    /// All figures shown are the same, or there is one.
    Same { value: String },
    /// None is shown.
    Nothing,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Territorio {
    head: Head,
    measure: Measure,
    measures: Vec<Choice>,
    cuts: Vec<Choice>,
    scales: Vec<Choice>,
    levels: Vec<Choice>,
    scale: String,
    level: Option<String>,
    /// A level was asked for, of a scale that has none.
    is_without_levels: bool,
    residents_year: i32,
    map: Option<Map>,
    finding: Finding,
    count_shown: usize,
    count_comuni: usize,
    has_pool: bool,
    has_outside: bool,
    total: String,
    table: Table,
    /// By standardised rate, with the place of the line of all.
    ranking: Vec<Ranked>,
    ranking_all: i32,
    funnel: Option<Funnel>,
    small: Vec<Small>,
    small_table: Table,
    csv_path: String,
}

/// What is chosen, after what makes no sense was left out.
struct Chosen {
    period: String,
    measure: Measure,
    cut: Cut,
    is_without_levels: bool,
    /// Id and title.
    scale: Option<(String, String)>,
    level: Option<(String, String)>,
}

impl Chosen {
    fn new(data: &Data, choices: &Choices) -> Self {
        let strumento = &data.strumento;
        let scale = choices.ambito.as_ref().and_then(|id| strumento.scale(id)).or(strumento.scales.first());
        let asked = Measure::ALL.into_iter().find(|measure| Some(measure.code()) == choices.misura.as_deref());
        let levels = scale.map(|scale| scale.levels.as_slice()).unwrap_or_default();
        let level = levels.iter().find(|level| Some(&level.id) == choices.livello.as_ref()).or(levels.first());
        let is_without_levels = asked == Some(Measure::Level) && levels.is_empty();
        let measure = match asked {
            Some(Measure::Level) if levels.is_empty() => Measure::People,
            Some(Measure::Index) if scale.is_none() => Measure::People,
            other => other.unwrap_or(Measure::Rate),
        };
        Self {
            period: data.period(choices),
            measure,
            cut: Cut::ALL
                .into_iter()
                .find(|cut| Some(cut.code()) == choices.classi.as_deref())
                .unwrap_or(Cut::Quantiles),
            is_without_levels,
            scale: scale.map(|scale| (scale.id.clone(), scale.title.clone())),
            level: level.map(|level| (level.id.clone(), level.title.clone())),
        }
    }

    fn scale(&self) -> &str {
        self.scale.as_ref().map_or("", |(id, _)| id)
    }
}

/// Residents aged 18 to 64 of a comune, if they are known.
fn residents(code: &str, year: i32) -> Option<u32> {
    territory::population(code.parse().ok()?, year, None, 18..=64).filter(|&people| people > 0)
}

/// The figure of a comune by which the map is coloured. `None`: not to be shown.
fn value(figures: &Protected, rates: &Rates, chosen: &Chosen, comune: &str, year: i32) -> Option<i64> {
    let period = &chosen.period;
    match chosen.measure {
        Measure::Rate => figures.rate_tenths(comune, period, residents(comune, year)?),
        Measure::Standardised => rates.standardised(comune).map(|rate| in_tenths(rate).0),
        Measure::Smoothed => rates.smoothed(comune).map(|rate| in_tenths(rate).0),
        Measure::People => figures.people_of(comune, period).map(i64::from),
        Measure::Index => figures.median_tenths(Some(comune), chosen.scale(), period),
        Measure::Level => {
            let (level, _) = chosen.level.as_ref()?;
            figures.outcome_of(comune, chosen.scale(), level, period)?.share_permille.map(i64::from)
        }
    }
}

/// A figure of the map as shown.
fn value_text(measure: Measure, value: i64) -> String {
    match measure {
        Measure::People => value.to_string(),
        Measure::Rate | Measure::Standardised | Measure::Smoothed | Measure::Index | Measure::Level => {
            text::tenths(value)
        }
    }
}

impl Territorio {
    pub(crate) fn new(viewer: &Viewer, data: &Data, choices: &Choices) -> Self {
        let figures = &*data.figures;
        let chosen = Chosen::new(data, choices);
        let head = Head::new(viewer, data, &chosen.period);
        let year = residents_year(figures, &chosen.period);

        let mut comuni: Vec<(String, String)> =
            viewer.comuni.iter().map(|code| (code.clone(), text::comune(code))).collect();
        comuni.sort_by(|(_, one), (_, other)| one.cmp(other));
        comuni.dedup();
        let mut outside: Vec<(String, String)> = figures
            .comuni()
            .iter()
            .filter(|code| !viewer.comuni.contains(code))
            .map(|code| (code.clone(), text::comune(code)))
            .collect();
        outside.sort_by(|(_, one), (_, other)| one.cmp(other));

        let rates = Rates::new(figures, &chosen.period, &comuni, year);
        let values: Vec<Option<i64>> =
            comuni.iter().map(|(code, _)| value(figures, &rates, &chosen, code, year)).collect();
        let table = table(data, &rates, &chosen, &Comuni { own: &comuni, outside: &outside, year }, &head.mark);
        let (ranking, ranking_all) = rates.ranking(&head.mark);
        let (small, small_table) = rates::through_the_years(data, &comuni, &head.mark);
        let total = match chosen.measure {
            Measure::Rate | Measure::Standardised | Measure::Smoothed => {
                tenths(total_rate(figures, &chosen.period, &viewer.comuni, year), &head.mark)
            }
            Measure::People => count(figures.people(&chosen.period), &head.mark),
            Measure::Index => tenths(figures.median_tenths(None, chosen.scale(), &chosen.period), &head.mark),
            Measure::Level => {
                let level = chosen.level.as_ref().map_or("", |(id, _)| id);
                let part = figures.outcome_of_all(chosen.scale(), level, &chosen.period);
                share(part.and_then(|part| part.share_permille), &head.mark)
            }
        };
        let strumento = &data.strumento;
        let levels = strumento.scale(chosen.scale()).map(|scale| scale.levels.as_slice()).unwrap_or_default();
        let level = chosen.level.as_ref().map_or("", |(id, _)| id);
        let query = [
            ("ambito", chosen.scale()),
            ("misura", chosen.measure.code()),
            ("livello", level),
            ("classi", chosen.cut.code()),
        ];
        Self {
            measure: chosen.measure,
            measures: Measure::ALL
                .iter()
                .map(|one| Choice::new(one.code(), text::word("dashboard_measure", one.code()), chosen.measure.code()))
                .collect(),
            scales: strumento
                .scales
                .iter()
                .map(|scale| Choice::new(&scale.id, scale.title.clone(), chosen.scale()))
                .collect(),
            levels: levels.iter().map(|one| Choice::new(&one.id, one.title.clone(), level)).collect(),
            scale: chosen.scale.as_ref().map(|(_, title)| title.clone()).unwrap_or_default(),
            level: chosen.level.as_ref().map(|(_, title)| title.clone()),
            is_without_levels: chosen.is_without_levels,
            residents_year: year,
            map: drawing(chosen.measure, chosen.cut, &comuni, &values, &head.mark),
            cuts: Cut::ALL
                .iter()
                .map(|cut| Choice::new(cut.code(), text::word("dashboard_cut", cut.code()), chosen.cut.code()))
                .collect(),
            ranking,
            ranking_all,
            funnel: rates.funnel(),
            small,
            small_table,
            finding: finding(chosen.measure, &comuni, &values),
            count_shown: values.iter().flatten().count(),
            count_comuni: comuni.len(),
            has_pool: figures.has_other_comuni(),
            has_outside: !outside.is_empty(),
            total,
            table,
            csv_path: head.csv_path("territorio", &query),
            head,
        }
    }

    pub(crate) fn file(&self) -> TablesFile {
        let chosen = |choices: &[Choice]| {
            choices.iter().find(|choice| choice.is_chosen).map(|choice| choice.title.clone()).unwrap_or_default()
        };
        let mut filters = vec![("measure", chosen(&self.measures))];
        if matches!(self.measure, Measure::Index | Measure::Level) {
            filters.push(("scale", self.scale.clone()));
        }
        filters.push(("residents_year", self.residents_year.to_string()));
        TablesFile { tables: self.tables(), notes: self.head.notes(filters) }
    }

    /// What the page shows in tables.
    pub(crate) fn tables(&self) -> Vec<(Option<String>, Table)> {
        let word = |code: &str| Some(text::word("dashboard", code));
        let funnel = self.funnel.as_ref().map(|funnel| (word("funnel"), funnel.table().clone()));
        let tables = std::iter::once((None, self.table.clone())).chain(funnel);
        let tables = tables.chain([(word("by_year"), self.small_table.clone())]);
        tables.filter(|(_, table)| !table.rows.is_empty()).collect()
    }
}

/// The rate of the whole Ente: everybody assessed, wherever they live, for its own residents.
fn total_rate(figures: &Protected, period: &str, comuni: &[String], year: i32) -> Option<i64> {
    let residents: Option<Vec<u32>> = comuni.iter().map(|code| residents(code, year)).collect();
    figures.rate_tenths_of_all(period, residents?.into_iter().sum())
}

/// Codes and names: those of the Ente, and those outside where its people live; and the year of the residents.
struct Comuni<'a> {
    own: &'a [(String, String)],
    outside: &'a [(String, String)],
    year: i32,
}

/// All comuni of the Ente, those outside that have people enough, the others together, everybody.
fn table(
    Data { figures, strumento, .. }: &Data,
    rates: &Rates,
    chosen: &Chosen,
    &Comuni { own, outside, year }: &Comuni<'_>,
    mark: &str,
) -> Table {
    let period = &chosen.period;
    let word = |code: &str| text::word("dashboard", code);
    let outcomes = if chosen.measure == Measure::Level { figures.outcomes(chosen.scale()) } else { &[] };
    let title_of = |outcome: &String| strumento.outcome_title(chosen.scale(), outcome);
    let mut columns = vec![Column::text(word("comune")), Column::number(word("people"))];
    if chosen.measure == Measure::Level {
        for outcome in outcomes {
            columns.push(Column::number(title_of(outcome)));
            columns.push(Column::number(format!("{} %", title_of(outcome))));
        }
    } else {
        columns.push(Column::number(format!("{} {year}", word("residents"))));
        columns.push(Column::number(word("rate")));
        columns.push(Column::number(format!("{} ({})", word("rate_standardised"), word("interval"))));
        columns.push(Column::number(format!("{} ({})", word("rate_smoothed"), word("interval"))));
        if let Some((_, title)) = &chosen.scale {
            columns.push(Column::number(format!("{}: {title}", word("index"))));
        }
    }
    let cells_of = |comune: Option<&str>| {
        let people = match comune {
            Some(comune) => figures.people_of(comune, period),
            None => figures.people(period),
        };
        let mut cells = vec![count(people, mark)];
        if chosen.measure == Measure::Level {
            for outcome in outcomes {
                let part = match comune {
                    Some(comune) => figures.outcome_of(comune, chosen.scale(), outcome, period),
                    None => figures.outcome_of_all(chosen.scale(), outcome, period),
                };
                cells.push(count(part.and_then(|part| part.people), mark));
                cells.push(share(part.and_then(|part| part.share_permille), mark));
            }
            return cells;
        }
        let none = "–".to_owned();
        let residents_here = match comune {
            Some(POOL) => None,
            Some(comune) => residents(comune, year),
            None => own.iter().map(|(code, _)| residents(code, year)).sum(),
        };
        cells.push(residents_here.map_or(none.clone(), |residents| residents.to_string()));
        cells.push(match (comune, residents_here) {
            (_, None) => none.clone(),
            (Some(comune), Some(residents)) => tenths(figures.rate_tenths(comune, period, residents), mark),
            (None, Some(residents)) => tenths(figures.rate_tenths_of_all(period, residents), mark),
        });
        // Of other comuni than the Ente's own, and of all together, there is nothing to compare with.
        let is_compared = comune.is_some_and(|comune| own.iter().any(|(code, _)| code == comune));
        for estimate in [Rates::standardised, Rates::smoothed] {
            let shown = comune.filter(|_| is_compared);
            cells.push(shown.map_or(none.clone(), |comune| with_interval(estimate(rates, comune), mark)));
        }
        if chosen.scale.is_some() {
            cells.push(match comune {
                Some(POOL) => none,
                comune => tenths(figures.median_tenths(comune, chosen.scale(), period), mark),
            });
        }
        cells
    };
    let mut rows: Vec<Row> = own
        .iter()
        .chain(outside)
        .map(|(code, name)| Row { head: name.clone(), cells: cells_of(Some(code)), is_total: false })
        .collect();
    if figures.has_other_comuni() {
        rows.push(Row { head: text::comune(POOL), cells: cells_of(Some(POOL)), is_total: false });
    }
    rows.push(Row { head: word("total"), cells: cells_of(None), is_total: true });
    Table { columns, rows }
}

fn drawing(measure: Measure, cut: Cut, comuni: &[(String, String)], values: &[Option<i64>], mark: &str) -> Option<Map> {
    let codes: Vec<ComuneCode> = comuni.iter().filter_map(|(code, _)| code.parse().ok()).collect();
    let (height, outlines) = map::draw(&codes)?;
    let shown: Vec<i64> = values.iter().flatten().copied().collect();
    let classes = Classes::of(&shown, cut);
    let places: Vec<Place> = comuni
        .iter()
        .zip(values)
        .enumerate()
        .filter_map(|(place, ((code, name), value))| {
            let code = code.parse().ok()?;
            let (_, outline) = outlines.iter().find(|(drawn, _)| *drawn == code)?;
            Some(Place {
                name: name.clone(),
                number: place + 1,
                path: outline.path.clone(),
                x: outline.x,
                y: outline.y,
                class: value.map_or(0, |value| classes.class(value)),
                value: value.map_or_else(|| mark.to_owned(), |value| value_text(measure, value)),
            })
        })
        .collect();
    let key = |(place, &(from, to)): (usize, &(i64, i64))| Key {
        class: place + 1,
        from: value_text(measure, from),
        to: value_text(measure, to),
    };
    Some(Map {
        height,
        has_hidden: places.iter().any(|place| place.class == 0),
        has_numbers: places.len() <= NUMBERS_MAX,
        keys: classes.0.iter().enumerate().map(key).collect(),
        places,
    })
}

fn finding(measure: Measure, comuni: &[(String, String)], values: &[Option<i64>]) -> Finding {
    let shown = || comuni.iter().zip(values).filter_map(|((_, name), value)| Some((name, (*value)?)));
    // The first in the order of names, of equal ones.
    let high = shown().min_by_key(|&(_, value)| std::cmp::Reverse(value));
    let low = shown().min_by_key(|&(_, value)| value);
    match (high, low) {
        (Some((high, most)), Some((low, least))) if most > least => Finding::Extremes {
            high: high.clone(),
            high_value: value_text(measure, most),
            low: low.clone(),
            low_value: value_text(measure, least),
        },
        (Some((_, value)), _) => Finding::Same { value: value_text(measure, value) },
        (None, _) => Finding::Nothing,
    }
}

impl Page for Territorio {
    const TEMPLATE: &'static str = "pages/dashboard_territorio.html";

    fn samples() -> Vec<Self> {
        let viewer = samples::viewer();
        let mut pages = Vec::new();
        for data in samples::all() {
            for (misura, ambito, periodo) in [
                ("tasso", "ambito", "tutti"),
                ("tasso-per-eta", "ambito", "tutti"),
                ("tasso-smussato", "ambito", "2025"),
                ("persone", "ambito", "2025"),
                ("indice", "misura", "tutti"),
                ("livello", "ambito", "tutti"),
                ("livello", "misura", "2024"),
            ] {
                let choices = Choices {
                    misura: Some(misura.to_owned()),
                    ambito: Some(ambito.to_owned()),
                    periodo: Some(periodo.to_owned()),
                    ..Choices::default()
                };
                pages.push(Self::new(&viewer, data, &choices));
            }
        }
        pages
    }
}

pub(crate) async fn get(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    show(&dashboards, asked, |asked, data| Territorio::new(&asked.viewer, data, &asked.choices)).await
}

pub(crate) async fn get_file(State(dashboards): State<Dashboards>, kind: FileKind, asked: Asked) -> Response {
    download(&dashboards, asked, kind, |asked, data| {
        let name = format!("territorio-{}-{}", data.strumento.id, data.period(&asked.choices));
        (name, Territorio::new(&asked.viewer, data, &asked.choices).file())
    })
    .await
}
