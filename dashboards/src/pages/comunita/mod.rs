//! The Ente's community: a characteristic of the people against the levels of every scale and the profile.

mod groups;
mod profiles;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::Page;

use self::groups::{OddsOfScale, Pyramid};
use self::profiles::Profiles;
use super::bars::{Bar, Bars, COLOURS, Said, Segment};
use super::filters::{self, FilterForm};
use super::lines::{self, Finding, Line};
use super::{Asked, Choice, Choices, Data, FileKind, Head, count, download, share, show};
use crate::characteristic::{Characteristic, Filter};
use crate::merge::POOL;
use crate::protect::{ALL, Group};
use crate::samples;
use crate::table::{Column, Row, Table, TablesFile};
use crate::{Dashboards, Viewer, text};

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comunita {
    head: Head,
    filters: FilterForm,
    characteristics: Vec<Choice>,
    characteristic: String,
    is_multiple: bool,
    has_pool: bool,
    /// One for each scale with levels, and the profile; when there is none, one of people alone.
    charts: Vec<Bars<Finding>>,
    pyramid: Option<Pyramid>,
    /// How disadvantages go with the lowest level of each scale.
    odds: Vec<OddsOfScale>,
    /// Groups of people with similar needs, over all periods.
    profiles: Option<Profiles>,
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

impl Comunita {
    pub(crate) fn new(viewer: &Viewer, data: &Data, choices: &Choices) -> Self {
        let of = characteristic(choices);
        let figures = &data.figures;
        let asked = filters::asked(choices, figures);
        let (group, filters) = filters::narrow(figures, &asked, 1, Some(Filter::Of(of)));
        let filter = group.common().into_iter().next();
        let period = if filter.is_some() { ALL.to_owned() } else { data.period(choices) };
        let head = Head::new(viewer, data, &period);
        let strumento = &data.strumento;
        let categories = figures.categories(of);
        let lines = lines::lines(data, Filter::Of(of), &categories, filter.as_ref());
        let kind = text::word("characteristic", of.code());
        let is_told =
            |target: &str| lines.iter().filter_map(|line| line.group).any(|one| !one.outcomes(target).is_empty());
        let charted = |(target, title): (&str, &str)| {
            (filter.is_none() || is_told(target))
                .then(|| lines::chart(data, &kind, &lines, &group, (target, title), (&period, &head.mark)))
        };
        let mut charts: Vec<Bars<Finding>> = strumento.targets().into_iter().filter_map(charted).collect();
        let is_people_only = charts.is_empty();
        if is_people_only {
            charts.push(people_chart(&kind, &lines, &group, &period, &head.mark));
        }
        let is_filtered = filter.is_some();
        Self {
            characteristics: Characteristic::choices(of),
            characteristic: kind.clone(),
            is_multiple: of.is_multiple(),
            has_pool: data.figures.categories(of).iter().any(|category| category == POOL),
            charts,
            pyramid: if is_filtered { None } else { Pyramid::new(viewer, data, &period, &head.mark) },
            odds: if is_filtered { Vec::new() } else { groups::odds_of_scales(data, &period, &head.mark) },
            profiles: if is_filtered { None } else { Profiles::new(data, &head.mark) },
            without_levels: strumento
                .scales
                .iter()
                .filter(|scale| scale.levels.is_empty())
                .map(|scale| scale.title.clone())
                .collect(),
            has_profile: strumento.profile.is_some(),
            is_people_only,
            csv_path: head.filtered_csv_path("comunita", &[("caratteristica", of.code())], &group),
            filters,
            head,
        }
    }

    /// The tables of what the characteristic goes with.
    pub(crate) fn charts_tables(&self) -> Vec<(String, Table)> {
        self.charts.iter().map(|chart| (chart.title.clone(), chart.table.clone())).collect()
    }

    /// The other tables, whatever the characteristic.
    pub(crate) fn other_tables(&self) -> Vec<(Option<String>, Table)> {
        let pyramid = self.pyramid.iter().map(|one| (Some(text::word("dashboard", "pyramid")), one.table().clone()));
        let odds = self.odds.iter().map(|odds| {
            let (title, table) = odds.titled();
            (Some(title), table.clone())
        });
        let profiles = self.profiles.iter().flat_map(Profiles::tables);
        pyramid.chain(odds).chain(profiles).collect()
    }

    pub(crate) fn file(&self) -> TablesFile {
        let charts = self.charts_tables().into_iter().map(|(title, table)| (Some(title), table));
        let tables = charts.chain(self.other_tables()).collect();
        let filters = self.filters.in_use.iter().map(|one| ("filter", one.clone()));
        let notes = std::iter::once(("characteristic", self.characteristic.clone())).chain(filters);
        TablesFile { tables, notes: self.head.notes(notes.collect()) }
    }
}

/// People of each category, where nothing tells them apart.
fn people_chart(of: &str, lines: &[Line<'_>], total: &Group<'_>, period: &str, mark: &str) -> Bars<Finding> {
    let word = |code: &str| text::word("dashboard", code);
    let columns = vec![Column::text(of), Column::number(word("people")), Column::number(word("share_of_all"))];
    let mut rows = Vec::new();
    let mut bars = Vec::new();
    let mut largest: Option<(u32, String)> = None;
    for line in lines {
        let title = line.title.clone();
        let permille = line.group.and_then(|group| group.share_of(total, period));
        if let Some(permille) = permille.filter(|permille| largest.as_ref().is_none_or(|(most, _)| permille > most)) {
            largest = Some((permille, title.clone()));
        }
        let people = line.group.and_then(|group| group.people(period));
        rows.push(Row {
            head: title.clone(),
            cells: vec![count(people, mark), share(permille, mark)],
            is_total: false,
        });
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
        cells: vec![count(total.people(period), mark), "–".to_owned()],
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
            let narrowed = Choices { sesso: Some("f".to_owned()), ..choices(Characteristic::AgeBand, "2025") };
            pages.push(Self::new(&viewer, data, &narrowed));
            pages.push(Self::new(&viewer, data, &Choices { svantaggio: Some("none".to_owned()), ..narrowed }));
        }
        pages
    }
}

pub(crate) async fn get(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    show(&dashboards, asked, |asked, data| Comunita::new(&asked.viewer, data, &asked.choices)).await
}

pub(crate) async fn get_file(State(dashboards): State<Dashboards>, kind: FileKind, asked: Asked) -> Response {
    download(&dashboards, asked, kind, |asked, data| {
        let of = characteristic(&asked.choices).code();
        let name = format!("comunita-{}-{of}-{}", data.strumento.id, data.period(&asked.choices));
        (name, Comunita::new(&asked.viewer, data, &asked.choices).file())
    })
    .await
}
