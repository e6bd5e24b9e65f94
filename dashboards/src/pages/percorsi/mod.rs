//! Paths: who comes back and when, from which level to which, and whether indices moved by more than the error.
//!
//! Figures are of those assessed twice or more, and the page always says how many these are: what holds of those who stayed need
//! not hold of all.

mod disadvantages;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::Page;

use disadvantages::{DisadvantageFinding, by_disadvantage};

use super::bars::{Bars, COMPARED_MIN, Farthest, Key, bar, colour, keys, of_one, with_interval};
use super::{Asked, Choice, Choices, Data, FileKind, Head, count, download, share, show};
use crate::protect::{ALL, COHORTS, RETURNS, changes, path, paths};
use crate::samples;
use crate::strumento::ScaleNames;
use crate::table::{Column, Row, Table, TablesFile};
use crate::{Dashboards, Viewer, text};

/// The kinds of change, the best first.
const CHANGES: [&str; 3] = ["improved", "unchanged", "worsened"];

/// What the title of the changes says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ChangeFinding {
    /// On one scale those who got better outnumber those who got worse by more than chance explains, or the contrary.
    Apart {
        scale: String,
        is_better: bool,
        improved: String,
        worsened: String,
    },
    /// On none.
    Level,
    /// Those who got better or worse cannot be shown: the scale on which most did neither.
    Unchanged {
        scale: String,
        share: String,
    },
    Nothing,
}

/// What the title of the paths says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum PathFinding {
    /// Of those at a level at first, the share who are there still: the level that most leave.
    Leave {
        level: String,
        share: String,
        people: u32,
    },
    Nothing,
}

/// What the title of the returns says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ReturnFinding {
    /// Half of those who came back did so within so many quarters.
    Median {
        quarters: i64,
    },
    /// So many came back.
    Share {
        share: String,
    },
    Nothing,
}

/// A level on a side of the drawing, from `y` on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Node {
    title: String,
    people: u32,
    colour: String,
    y: u32,
    height: u32,
}

/// People on their way from a level to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Flow {
    colour: String,
    /// Both ends, from the top.
    from: u32,
    to: u32,
    height: u32,
    from_title: String,
    to_title: String,
    people: u32,
}

/// Flows between levels, as far as they may be shown: what of a level is no flow is hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sankey {
    height: u32,
    left: Vec<Node>,
    right: Vec<Node>,
    flows: Vec<Flow>,
    has_hidden: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Percorsi {
    head: Head,
    people: String,
    again: String,
    again_share: Option<String>,
    /// None where no result can be compared.
    changes: Option<Bars<ChangeFinding>>,
    scales: Vec<Choice>,
    scale: String,
    /// None where nothing of it can be shown.
    by_disadvantage: Option<Bars<DisadvantageFinding>>,
    sankey: Option<Sankey>,
    path_keys: Vec<Key>,
    path_finding: PathFinding,
    /// None for a scale without levels.
    paths: Option<Table>,
    returns: Option<Bars<ReturnFinding>>,
    times: Option<Table>,
    csv_path: String,
}

impl Percorsi {
    pub(crate) fn new(viewer: &Viewer, data: &Data, choices: &Choices) -> Self {
        let (figures, strumento) = (&data.figures, &data.strumento);
        let head = Head::new(viewer, data, ALL);
        let with_levels: Vec<&ScaleNames> = strumento.scales.iter().filter(|scale| !scale.levels.is_empty()).collect();
        let asked = with_levels.iter().find(|scale| Some(&scale.id) == choices.ambito.as_ref());
        let scale = asked.or(with_levels.first()).copied();
        let scale_id = scale.map_or("", |scale| scale.id.as_str());
        let outcomes = figures.outcomes(scale_id);
        let titles: Vec<String> = outcomes.iter().map(|outcome| strumento.outcome_title(scale_id, outcome)).collect();
        let has_paths = !figures.names_in(&paths(scale_id)).is_empty();
        let again = figures.repeated();
        Self {
            people: count(figures.people(ALL), &head.mark),
            again: count(again.people, &head.mark),
            again_share: again.share_permille.map(|permille| share(Some(permille), "")),
            changes: changes_chart(data, &head.mark),
            scales: with_levels.iter().map(|one| Choice::new(&one.id, one.title.clone(), scale_id)).collect(),
            scale: scale.map(|scale| scale.title.clone()).unwrap_or_default(),
            by_disadvantage: scale.and_then(|scale| by_disadvantage(data, scale, &head.mark)),
            sankey: has_paths.then(|| sankey(data, scale_id, outcomes, &titles)).flatten(),
            path_keys: keys(outcomes, &titles),
            path_finding: path_finding(data, scale_id, outcomes, &titles),
            paths: has_paths.then(|| paths_table(data, scale_id, outcomes, &titles, &head.mark)),
            returns: returns_chart(data, &head.mark),
            times: times(data, &head.mark),
            csv_path: head.csv_path("percorsi", &[("ambito", scale_id)]),
            head,
        }
    }

    /// What the page shows in tables.
    pub(crate) fn tables(&self) -> Vec<(Option<String>, Table)> {
        let word = |code: &str| text::word("dashboard", code);
        let tables = [
            (word("changes"), self.changes.as_ref().map(|chart| &chart.table)),
            (
                format!("{}: {}", word("changes_by_disadvantage"), self.scale),
                self.by_disadvantage.as_ref().map(|chart| &chart.table),
            ),
            (format!("{}: {}", word("paths"), self.scale), self.paths.as_ref()),
            (word("returns"), self.returns.as_ref().map(|chart| &chart.table)),
            (word("quarters_to_second"), self.times.as_ref()),
        ];
        tables.into_iter().filter_map(|(title, table)| Some((Some(title), table?.clone()))).collect()
    }

    pub(crate) fn file(&self) -> TablesFile {
        TablesFile { tables: self.tables(), notes: self.head.notes(vec![("again", self.again.clone())]) }
    }
}

/// Improved, unchanged, worsened on each scale, of those whose results can be compared.
fn changes_chart(data: &Data, mark: &str) -> Option<Bars<ChangeFinding>> {
    let figures = &data.figures;
    let codes: Vec<String> = CHANGES.iter().map(|code| (*code).to_owned()).collect();
    let titles: Vec<String> = CHANGES.iter().map(|code| text::word("change", code)).collect();
    let mut columns =
        vec![Column::text(text::word("dashboard", "scale")), Column::number(text::word("dashboard", "again"))];
    for title in &titles {
        columns.push(Column::number(title.clone()));
        columns.push(Column::number(format!("{title} % ({})", text::word("dashboard", "interval"))));
    }
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    let mut farthest = Farthest::none();
    let mut unchanged: Option<(u32, ChangeFinding)> = None;
    let mut compared_scales = 0;
    for scale in &data.strumento.scales {
        let table = changes(&scale.id);
        if figures.names_in(&table).is_empty() {
            continue;
        }
        let parts = CHANGES.map(|code| figures.part_in(&table, code, Some("again"), ALL));
        let again = figures.people_in(&table, "again", ALL);
        let mut cells = vec![count(again, mark)];
        for part in parts {
            cells.push(count(part.people, mark));
            cells.push(with_interval(part, again, mark));
        }
        rows.push(Row { head: scale.title.clone(), cells, is_total: false });
        bars.push(bar(scale.title.clone(), &codes, &titles, &parts));
        if let Some(permille) = parts[1].share_permille {
            let said = ChangeFinding::Unchanged { scale: scale.title.clone(), share: share(Some(permille), mark) };
            if unchanged.as_ref().is_none_or(|(most, _)| permille > *most) {
                unchanged = Some((permille, said));
            }
        }
        let (Some(better), Some(worse)) = (parts[0].people, parts[2].people) else { continue };
        compared_scales += 1;
        let apart = sign_test(better, worse);
        farthest.offer(apart.abs(), || ChangeFinding::Apart {
            scale: scale.title.clone(),
            is_better: apart > 0.0,
            improved: share(parts[0].share_permille, mark),
            worsened: share(parts[2].share_permille, mark),
        });
    }
    if rows.is_empty() {
        return None;
    }
    let finding = match farthest.said() {
        Some(finding) => finding,
        None if compared_scales > 0 => ChangeFinding::Level,
        None => unchanged.map_or(ChangeFinding::Nothing, |(_, finding)| finding),
    };
    Some(Bars {
        id: "cambiamenti".to_owned(),
        title: text::word("dashboard", "changes"),
        finding,
        keys: keys(&codes, &titles),
        bars,
        table: Table { columns, rows },
    })
}

/// How far two counts of the same people are apart, were both as likely: in standard errors, positive when the first is larger.
fn sign_test(better: u32, worse: u32) -> f64 {
    let (better, worse) = (f64::from(better), f64::from(worse));
    if better + worse > 0.0 { (better - worse) / (better + worse).sqrt() } else { 0.0 }
}

/// From each first level to each last one, with their sums.
fn paths_table(data: &Data, scale: &str, outcomes: &[String], titles: &[String], mark: &str) -> Table {
    let (figures, table) = (&data.figures, paths(scale));
    let mut columns = vec![Column::text(text::word("dashboard", "from_level"))];
    columns.extend(titles.iter().map(|title| Column::number(title.clone())));
    columns.push(Column::number(text::word("dashboard", "came_from")));
    let people = |name: &str| count(figures.people_in(&table, name, ALL), mark);
    let row = |(from, title): (&String, &String)| {
        let mut cells: Vec<String> = outcomes.iter().map(|to| people(&path(from, to))).collect();
        cells.push(people(&format!("from {from}")));
        Row { head: title.clone(), cells, is_total: false }
    };
    let mut rows: Vec<Row> = outcomes.iter().zip(titles).map(row).collect();
    let mut totals: Vec<String> = outcomes.iter().map(|to| people(&format!("to {to}"))).collect();
    totals.push(people("again"));
    rows.push(Row { head: text::word("dashboard", "total"), cells: totals, is_total: true });
    Table { columns, rows }
}

/// The height of the drawing without the gaps.
const SANKEY: u32 = 360;
/// The gap between two levels.
const GAP: u32 = 14;

/// People to heights: a whole of `again` people is [`SANKEY`] high.
fn scaled(people: u32, again: u32) -> u32 {
    u32::try_from(u64::from(people) * u64::from(SANKEY) / u64::from(again.max(1))).unwrap_or(SANKEY)
}

/// The drawing of paths; none where the levels' own sums are hidden, since nothing would have its place.
fn sankey(data: &Data, scale: &str, outcomes: &[String], titles: &[String]) -> Option<Sankey> {
    let (figures, table) = (&data.figures, paths(scale));
    let again = figures.people_in(&table, "again", ALL)?;
    let nodes = |side: &str| {
        let mut y = 0;
        let mut nodes = Vec::new();
        for (place, (outcome, title)) in outcomes.iter().zip(titles).enumerate() {
            let Some(people) = figures.people_in(&table, &format!("{side} {outcome}"), ALL) else { continue };
            let height = scaled(people, again).max(1);
            let colour = colour(place, outcome);
            nodes.push((outcome.as_str(), Node { title: title.clone(), people, colour, y, height }));
            y += height + GAP;
        }
        nodes
    };
    let (left, right) = (nodes("from"), nodes("to"));
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let mut used: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
    let mut flows = Vec::new();
    let mut shown = 0;
    for (from, start) in &left {
        let mut out = 0;
        for (to, end) in &right {
            let Some(people) = figures.people_in(&table, &path(from, to), ALL) else { continue };
            let height = scaled(people, again).max(1);
            let into = used.entry(to).or_default();
            flows.push(Flow {
                colour: start.colour.clone(),
                from: start.y + out,
                to: end.y + *into,
                height,
                from_title: start.title.clone(),
                to_title: end.title.clone(),
                people,
            });
            out += height;
            *into += height;
            shown += people;
        }
    }
    let end = |nodes: &[(&str, Node)]| nodes.last().map_or(0, |(_, node)| node.y + node.height);
    let height = end(&left).max(end(&right));
    let own = |nodes: Vec<(&str, Node)>| nodes.into_iter().map(|(_, node)| node).collect();
    Some(Sankey { height, left: own(left), right: own(right), flows, has_hidden: shown < again })
}

/// The level that the largest share of those who began there has left.
fn path_finding(data: &Data, scale: &str, outcomes: &[String], titles: &[String]) -> PathFinding {
    let (figures, table) = (&data.figures, paths(scale));
    let left = outcomes.iter().zip(titles).filter_map(|(outcome, title)| {
        let from = format!("from {outcome}");
        let stayed = figures.part_in(&table, &path(outcome, outcome), Some(&from), ALL);
        let people = figures.people_in(&table, &from, ALL).filter(|&people| people >= COMPARED_MIN)?;
        (outcome != crate::protect::NOT_VALID).then_some((1_000 - stayed.share_permille?, title, people))
    });
    match left.max_by_key(|(permille, ..)| *permille) {
        Some((permille, level, people)) => {
            PathFinding::Leave { level: level.clone(), share: share(Some(permille), ""), people }
        }
        None => PathFinding::Nothing,
    }
}

/// Who came back so far, by when they were assessed for the first time.
fn returns_chart(data: &Data, mark: &str) -> Option<Bars<ReturnFinding>> {
    let figures = &data.figures;
    let names = figures.names_in(COHORTS);
    let mut cohorts: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(" never")).collect();
    // Years that were shown before their quarters are sums of these.
    let longest = cohorts.iter().map(|cohort| cohort.len()).max().unwrap_or(0);
    cohorts.retain(|cohort| cohort.len() == longest);
    cohorts.sort_unstable();
    if cohorts.is_empty() {
        return None;
    }
    let word = |code: &str| text::word("dashboard", code);
    let columns = vec![
        Column::text(word("cohort")),
        Column::number(word("people")),
        Column::number(word("ever_again")),
        Column::number(format!("% ({})", word("interval"))),
    ];
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for cohort in cohorts {
        let whole = figures.people_in(COHORTS, cohort, ALL);
        let part = figures.part_in(COHORTS, &format!("{cohort} again"), Some(cohort), ALL);
        let title = cohort_title(cohort);
        let cells = vec![count(whole, mark), count(part.people, mark), with_interval(part, whole, mark)];
        rows.push(Row { head: title.clone(), cells, is_total: false });
        bars.push(of_one(title, part));
    }
    let again = figures.repeated();
    let everybody = figures.people(ALL);
    let cells = vec![count(everybody, mark), count(again.people, mark), with_interval(again, everybody, mark)];
    rows.push(Row { head: word("total"), cells, is_total: true });
    let finding = match (figures.median_quarters(), again.share_permille) {
        (Some(quarters), _) => ReturnFinding::Median { quarters },
        (None, Some(permille)) => ReturnFinding::Share { share: share(Some(permille), mark) },
        (None, None) => ReturnFinding::Nothing,
    };
    Some(Bars {
        id: "ritorni".to_owned(),
        title: word("returns"),
        finding,
        keys: Vec::new(),
        bars,
        table: Table { columns, rows },
    })
}

/// How many came back within the median time, and later; none where that may not be told.
fn times(data: &Data, mark: &str) -> Option<Table> {
    let figures = &data.figures;
    let quarters = figures.median_quarters()?;
    let word = |code: &str| text::word("dashboard", code);
    let row = |name: &str, code: &str| {
        let part = figures.part_in(RETURNS, name, Some("again"), ALL);
        let head = format!("{} {quarters}", word(code));
        Row { head, cells: vec![count(part.people, mark), share(part.share_permille, mark)], is_total: false }
    };
    Some(Table {
        columns: vec![
            Column::text(word("quarters_to_second")),
            Column::number(word("people")),
            Column::number(word("share_of_again")),
        ],
        rows: vec![row("by then", "at_most"), row("later", "more_than")],
    })
}

/// `2024-Q1` in words; a year as it is.
fn cohort_title(cohort: &str) -> String {
    match cohort.split_once("-Q") {
        Some((year, quarter)) => format!("{quarter}° trimestre {year}"),
        None => cohort.to_owned(),
    }
}

impl Page for Percorsi {
    const TEMPLATE: &'static str = "pages/dashboard_percorsi.html";

    fn samples() -> Vec<Self> {
        samples::all().iter().map(|data| Self::new(&samples::viewer(), data, &Choices::default())).collect()
    }
}

pub(crate) async fn get(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    show(&dashboards, asked, |asked, data| Percorsi::new(&asked.viewer, data, &asked.choices)).await
}

pub(crate) async fn get_file(State(dashboards): State<Dashboards>, kind: FileKind, asked: Asked) -> Response {
    download(&dashboards, asked, kind, |asked, data| {
        let name = format!("percorsi-{}", data.strumento.id);
        (name, Percorsi::new(&asked.viewer, data, &asked.choices).file())
    })
    .await
}
