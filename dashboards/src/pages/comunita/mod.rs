//! The Ente's community: a characteristic of the people against the levels of every scale and the profile.

mod groups;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::Page;

use self::groups::{OddsOfScale, Pyramid};
use super::bars::{APART_MIN, Bar, Bars, COLOURS, COMPARED_MIN, Said, Segment, bar, keys, standard_errors_apart};
use super::{Asked, Choice, Choices, Data, Head, count, download, share, show};
use crate::characteristic::Characteristic;
use crate::merge::POOL;
use crate::protect::{NOT_VALID, PROFILE, Part};
use crate::samples;
use crate::table::{Column, Row, Table, csv};
use crate::{Dashboards, Viewer, text};

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
pub(crate) struct Comunita {
    head: Head,
    characteristics: Vec<Choice>,
    characteristic: String,
    is_multiple: bool,
    has_pool: bool,
    /// One for each scale with levels, and the profile; when there is none, one of people alone.
    charts: Vec<Bars<Finding>>,
    pyramid: Option<Pyramid>,
    /// How disadvantages go with the lowest level of each scale.
    odds: Vec<OddsOfScale>,
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
pub(crate) fn category_title(of: Characteristic, category: &str) -> String {
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
        let mut charts: Vec<Bars<Finding>> =
            targets.chain(profile).map(|(target, title)| chart(data, of, &period, target, title, &head.mark)).collect();
        let is_people_only = charts.is_empty();
        if is_people_only {
            charts.push(people_chart(data, of, &period, &head.mark));
        }
        Self {
            characteristics: Characteristic::choices(of),
            characteristic: text::word("characteristic", of.code()),
            is_multiple: of.is_multiple(),
            has_pool: data.figures.categories(of).iter().any(|category| category == POOL),
            charts,
            pyramid: Pyramid::new(viewer, data, &period, &head.mark),
            odds: groups::odds_of_scales(data, &period, &head.mark),
            without_levels: strumento
                .scales
                .iter()
                .filter(|scale| scale.levels.is_empty())
                .map(|scale| scale.title.clone())
                .collect(),
            has_profile: strumento.profile.is_some(),
            is_people_only,
            csv_path: head.csv_path("comunita", &[("caratteristica", of.code())]),
            head,
        }
    }

    pub(crate) fn csv(&self) -> String {
        let charts = self.charts.iter().map(|chart| (chart.title.clone(), &chart.table));
        let pyramid = self.pyramid.iter().map(|pyramid| (text::word("dashboard", "pyramid"), pyramid.table()));
        let tables: Vec<(String, &Table)> =
            charts.chain(pyramid).chain(self.odds.iter().map(OddsOfScale::titled)).collect();
        let tables = tables.iter().map(|(title, table)| (Some(title.as_str()), *table));
        csv(tables, &self.head.notes(vec![("characteristic", self.characteristic.clone())]))
    }
}

fn chart(data: &Data, of: Characteristic, period: &str, target: &str, title: &str, mark: &str) -> Bars<Finding> {
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
    Bars {
        id: target.to_owned(),
        title: title.to_owned(),
        finding: finding(outcomes, &titles, &groups),
        keys: keys(outcomes, &titles),
        bars,
        table: Table { columns, rows },
    }
}

/// People of each category, for a strumento that has no levels and no profile.
fn people_chart(data: &Data, of: Characteristic, period: &str, mark: &str) -> Bars<Finding> {
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
    Bars {
        id: "persone".to_owned(),
        title: word("people"),
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
    show(&dashboards, asked, |asked, data| Comunita::new(&asked.viewer, data, &asked.choices)).await
}

pub(crate) async fn get_csv(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    download(&dashboards, asked, |asked, data| {
        let of = characteristic(&asked.choices).code();
        let name = format!("comunita-{}-{of}-{}", data.strumento.id, data.period(&asked.choices));
        (name, Comunita::new(&asked.viewer, data, &asked.choices).csv())
    })
    .await
}
