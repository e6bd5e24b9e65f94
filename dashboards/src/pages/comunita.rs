//! The Ente's community: a characteristic of the people against the levels of every scale and the profile.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};

use super::{Asked, Choice, Choices, Data, Head, count, data, file, refuse, respond, share};
use crate::merge::POOL;
use crate::protect::{Characteristic, NOT_VALID, PROFILE, Part};
use crate::samples;
use crate::table::{Column, Row, Table, csv};
use crate::{Dashboards, Viewer, text};

/// A share of fewer people than this says little when it is compared.
const COMPARED_MIN: u32 = 30;

/// How many standard errors apart two shares must be before a sentence says so. The two are the farthest of many, so the usual
/// two would find a difference in chance alone.
const APART_MIN: f64 = 3.5;

/// The colour of an outcome that is no level.
const NOT_VALID_COLOUR: &str = "x";

/// More outcomes than this share the last colour.
const COLOURS: usize = 7;

/// A stretch of a bar, in thousandths of its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Segment {
    x: u32,
    width: u32,
    colour: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Said {
    title: String,
    share: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bar {
    category: String,
    segments: Vec<Segment>,
    /// Where what is not shown begins, if anything is not.
    hidden_from: Option<u32>,
    /// The same in words: what is shown.
    said: Vec<Said>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    title: String,
    colour: String,
}

/// What the title of a chart says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Finding {
    /// An outcome is more frequent in a category than in another, by more than chance explains.
    Apart { outcome: String, high: String, high_share: String, low: String, low_share: String },
    /// Of people alone: the category with the most of them.
    Largest { category: String, share: String },
    /// The shares shown are hardly apart.
    Similar,
    /// Too few are shown to compare.
    Nothing,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Chart {
    id: String,
    title: String,
    is_profile: bool,
    finding: Finding,
    keys: Vec<Key>,
    bars: Vec<Bar>,
    table: Table,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comunita {
    head: Head,
    characteristics: Vec<Choice>,
    characteristic: String,
    is_multiple: bool,
    has_pool: bool,
    /// One for each scale with levels, and the profile; when there is none, one of people alone.
    charts: Vec<Chart>,
    /// Scales that have no levels.
    without_levels: Vec<String>,
    has_profile: bool,
    /// Whether the charts show people, for want of levels.
    is_people_only: bool,
    csv_path: String,
}

fn characteristic(choices: &Choices) -> Characteristic {
    choices.caratteristica.as_deref().and_then(Characteristic::from_code).unwrap_or(Characteristic::AgeBand)
}

/// A category in words.
fn category_title(of: Characteristic, category: &str) -> String {
    if category == POOL { text::word("dashboard", "category_pool") } else { text::word(of.code(), category) }
}

impl Comunita {
    pub(crate) fn new(viewer: &Viewer, data: &Data, choices: &Choices) -> Self {
        let of = characteristic(choices);
        let period = data.period(choices);
        let head = Head::new(viewer, data, &period);
        let strumento = &data.strumento;
        let scales = strumento.scales.iter().filter(|scale| !scale.levels.is_empty());
        let targets = scales.map(|scale| (scale.id.as_str(), scale.title.as_str()));
        let profile = strumento.profile.iter().map(|(title, _)| (PROFILE, title.as_str()));
        let mut charts: Vec<Chart> =
            targets.chain(profile).map(|(target, title)| chart(data, of, &period, target, title, &head.mark)).collect();
        let is_people_only = charts.is_empty();
        if is_people_only {
            charts.push(people_chart(data, of, &period, &head.mark));
        }
        let in_address = head.periods.iter().find(|choice| choice.is_chosen).map_or("", |choice| &choice.value);
        Self {
            characteristics: Characteristic::ALL
                .iter()
                .map(|one| Choice::new(one.code(), text::word("characteristic", one.code()), of.code()))
                .collect(),
            characteristic: text::word("characteristic", of.code()),
            is_multiple: of.is_multiple(),
            has_pool: data.figures.categories(of).iter().any(|category| category == POOL),
            charts,
            without_levels: strumento
                .scales
                .iter()
                .filter(|scale| scale.levels.is_empty())
                .map(|scale| scale.title.clone())
                .collect(),
            has_profile: strumento.profile.is_some(),
            is_people_only,
            csv_path: format!(
                "/cruscotti/comunita.csv?periodo={in_address}&strumento={}&caratteristica={}",
                strumento.id,
                of.code()
            ),
            head,
        }
    }

    pub(crate) fn csv(&self) -> String {
        let tables = self.charts.iter().map(|chart| (Some(chart.title.as_str()), &chart.table));
        csv(tables, &self.head.notes(vec![("characteristic", self.characteristic.clone())]))
    }
}

fn colour(place: usize, outcome: &str) -> String {
    if outcome == NOT_VALID { NOT_VALID_COLOUR.to_owned() } else { (place.min(COLOURS - 1) + 1).to_string() }
}

fn chart(data: &Data, of: Characteristic, period: &str, target: &str, title: &str, mark: &str) -> Chart {
    let figures = &data.figures;
    let outcomes = figures.outcomes(target);
    let titles: Vec<String> = outcomes.iter().map(|outcome| data.strumento.outcome_title(target, outcome)).collect();
    let word = |code: &str| text::word("dashboard", code);
    let mut columns = vec![Column::text(text::word("characteristic", of.code())), Column::number(word("people"))];
    for title in &titles {
        columns.push(Column::number(title.clone()));
        columns.push(Column::number(format!("{title} %")));
    }
    let nothing = Part { people: None, share_permille: None };
    let categories = figures.categories(of);
    let mut parts: Vec<Vec<Part>> = Vec::new();
    let mut rows = Vec::new();
    for category in &categories {
        let of_category: Vec<Part> = outcomes
            .iter()
            .map(|outcome| figures.outcome_with(of, category, target, outcome, period).unwrap_or(nothing))
            .collect();
        let people = figures.people_with(of, category, period);
        rows.push(row(category_title(of, category), people, &of_category, mark, false));
        parts.push(of_category);
    }
    let everybody: Vec<Part> =
        outcomes.iter().map(|outcome| figures.outcome_of_all(target, outcome, period).unwrap_or(nothing)).collect();
    rows.push(row(word("total"), figures.people(period), &everybody, mark, true));
    let bars = categories
        .iter()
        .zip(&parts)
        .map(|(category, parts)| bar(category_title(of, category), outcomes, &titles, parts))
        .collect();
    let groups: Vec<Group<'_>> = categories
        .iter()
        .zip(&parts)
        .filter(|(category, _)| *category != POOL)
        .map(|(category, parts)| Group {
            title: category_title(of, category),
            people: figures.people_with(of, category, period),
            parts,
        })
        .collect();
    Chart {
        id: target.to_owned(),
        title: title.to_owned(),
        is_profile: target == PROFILE,
        finding: finding(outcomes, &titles, &groups),
        keys: outcomes
            .iter()
            .zip(&titles)
            .enumerate()
            .map(|(place, (outcome, title))| Key { title: title.clone(), colour: colour(place, outcome) })
            .collect(),
        bars,
        table: Table { columns, rows },
    }
}

/// People of each category, for a strumento that has no levels and no profile.
fn people_chart(data: &Data, of: Characteristic, period: &str, mark: &str) -> Chart {
    let figures = &data.figures;
    let word = |code: &str| text::word("dashboard", code);
    let columns = vec![
        Column::text(text::word("characteristic", of.code())),
        Column::number(word("people")),
        Column::number(word("share_of_all")),
    ];
    let mut rows = Vec::new();
    let mut bars = Vec::new();
    let mut largest: Option<(u32, String)> = None;
    for category in figures.categories(of) {
        let title = category_title(of, &category);
        let permille = figures.share_with(of, &category, period);
        if let Some(permille) = permille.filter(|permille| largest.as_ref().is_none_or(|(most, _)| permille > most)) {
            largest = Some((permille, title.clone()));
        }
        let cells = vec![count(figures.people_with(of, &category, period), mark), share(permille, mark)];
        rows.push(Row { head: title.clone(), cells, is_total: false });
        bars.push(Bar {
            category: title,
            segments: permille.map(|width| Segment { x: 0, width, colour: COLOURS.to_string() }).into_iter().collect(),
            hidden_from: None,
            said: permille
                .map(|one| Said { title: String::new(), share: share(Some(one), mark) })
                .into_iter()
                .collect(),
        });
    }
    rows.push(Row {
        head: word("total"),
        cells: vec![count(figures.people(period), mark), "–".to_owned()],
        is_total: true,
    });
    Chart {
        id: "persone".to_owned(),
        title: word("people"),
        is_profile: false,
        finding: largest.map_or(Finding::Nothing, |(permille, category)| Finding::Largest {
            category,
            share: share(Some(permille), mark),
        }),
        keys: Vec::new(),
        bars,
        table: Table { columns, rows },
    }
}

fn row(head: String, people: Option<u32>, parts: &[Part], mark: &str, is_total: bool) -> Row {
    let mut cells = vec![count(people, mark)];
    for part in parts {
        cells.push(count(part.people, mark));
        cells.push(share(part.share_permille, mark));
    }
    Row { head, cells, is_total }
}

/// Shares one after another in the order of the outcomes; what is left of the bar is what is not shown.
fn bar(category: String, outcomes: &[String], titles: &[String], parts: &[Part]) -> Bar {
    let mut x = 0;
    let mut segments = Vec::new();
    let mut said = Vec::new();
    for (place, ((outcome, title), part)) in outcomes.iter().zip(titles).zip(parts).enumerate() {
        let Some(permille) = part.share_permille else { continue };
        // Rounding may bring the sum a little over the whole.
        let width = permille.min(1_000 - x);
        segments.push(Segment { x, width, colour: colour(place, outcome) });
        said.push(Said { title: title.clone(), share: share(Some(permille), "") });
        x += width;
    }
    let is_whole = parts.iter().all(|part| part.share_permille.is_some());
    Bar { category, segments, hidden_from: (!is_whole).then_some(x), said }
}

/// A category as the finding compares it.
struct Group<'a> {
    title: String,
    people: Option<u32>,
    parts: &'a [Part],
}

/// The two shares of one outcome that are the most standard errors apart, of those shown and with people enough.
fn finding(outcomes: &[String], titles: &[String], groups: &[Group<'_>]) -> Finding {
    let mut farthest: Option<(f64, Finding)> = None;
    let mut compared = 0;
    for (place, title) in titles.iter().enumerate().filter(|(place, _)| outcomes[*place] != NOT_VALID) {
        let shares = groups.iter().filter_map(|group| {
            let people = group.people.filter(|&people| people >= COMPARED_MIN)?;
            Some((group, people, group.parts[place].share_permille?))
        });
        let shares: Vec<_> = shares.collect();
        let high = shares.iter().min_by_key(|(.., share)| std::cmp::Reverse(*share));
        let low = shares.iter().min_by_key(|(.., share)| *share);
        let (Some(high), Some(low)) = (high, low) else { continue };
        if shares.len() < 2 {
            continue;
        }
        compared += 1;
        let apart = standard_errors_apart((high.1, high.2), (low.1, low.2));
        if apart >= APART_MIN && farthest.as_ref().is_none_or(|(before, _)| apart > *before) {
            let said = Finding::Apart {
                outcome: title.clone(),
                high: high.0.title.clone(),
                high_share: share(Some(high.2), ""),
                low: low.0.title.clone(),
                low_share: share(Some(low.2), ""),
            };
            farthest = Some((apart, said));
        }
    }
    match farthest {
        Some((_, finding)) => finding,
        None if compared > 0 => Finding::Similar,
        None => Finding::Nothing,
    }
}

/// The difference of two shares, each of so many people and in thousandths, in standard errors of a difference by chance.
fn standard_errors_apart((people_a, permille_a): (u32, u32), (people_b, permille_b): (u32, u32)) -> f64 {
    let (n, m) = (f64::from(people_a), f64::from(people_b));
    let (p, q) = (f64::from(permille_a) / 1_000.0, f64::from(permille_b) / 1_000.0);
    let pooled = (p * n + q * m) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if error > 0.0 { (p - q).abs() / error } else { 0.0 }
}

impl Page for Comunita {
    const TEMPLATE: &'static str = "pages/dashboard_comunita.html";

    fn samples() -> Vec<Self> {
        let choices = |of: Characteristic, period: &str| Choices {
            caratteristica: Some(of.code().to_owned()),
            periodo: Some(period.to_owned()),
            ..Choices::default()
        };
        let viewer = samples::viewer();
        let mut pages = Vec::new();
        for data in samples::all() {
            for of in Characteristic::ALL {
                pages.push(Self::new(&viewer, data, &choices(of, "tutti")));
            }
            pages.push(Self::new(&viewer, data, &choices(Characteristic::Sex, "2025")));
        }
        pages
    }
}

pub(crate) async fn get(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    let area = Area::Comunita;
    match data(&dashboards, &asked).await {
        Ok(data) => {
            let layout = asked.viewer.layout.clone();
            respond(&dashboards, layout, area, move || Comunita::new(&asked.viewer, &data, &asked.choices)).await
        }
        Err(kind) => refuse(&dashboards, &asked.viewer, area, kind).await,
    }
}

pub(crate) async fn get_csv(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    match data(&dashboards, &asked).await {
        Ok(data) => {
            let of = characteristic(&asked.choices).code();
            let name = format!("comunita-{}-{of}-{}", data.strumento.id, data.period(&asked.choices));
            file(&name, Comunita::new(&asked.viewer, &data, &asked.choices).csv())
        }
        Err(kind) => refuse(&dashboards, &asked.viewer, Area::Comunita, kind).await,
    }
}
