//! The quality of the data: how precisely the scales measure in this Ente, and how many questionnaires stand behind the figures.

mod practice;

use axum::extract::State;
use axum::response::Response;
use domain::instrument::{Instrument, Reliability};
use serde::Serialize;
use templates::Page;
use warehouse::ReliabilityRow;

use self::practice::Practice;
use super::{Asked, Data, Head, count, share, show};
use crate::protect::ALL;
use crate::samples;
use crate::table::{Column, Row, Table};
use crate::{Dashboards, Viewer, text};

/// An alpha of fewer complete questionnaires than this is mostly chance, and close to the answers of single people.
const CASES_MIN: i64 = 30;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Qualita {
    head: Head,
    reliability: Table,
    /// Where the figures that the definitions assume come from.
    sources: Vec<String>,
    cases_min: i64,
    totals: Table,
    again: String,
    again_share: String,
    missing: Option<Table>,
    practice: Option<Practice>,
    /// Until when questionnaires are counted here, where it is another day than that of the figures of people.
    counted_at: Option<String>,
}

impl Qualita {
    pub(crate) fn new(viewer: &Viewer, data: &Data, instruments: &[Instrument]) -> Self {
        let figures = &data.figures;
        let head = Head::new(viewer, data, ALL);
        let of_this = |row: &&ReliabilityRow| row.instrument == data.strumento.id;
        let rows: Vec<&ReliabilityRow> = data.publication.reliability.iter().filter(of_this).collect();
        let mut sources: Vec<String> = rows
            .iter()
            .filter_map(|row| assumed(instruments, row))
            .map(|reliability| reliability.source.as_str().to_owned())
            .collect();
        sources.sort();
        sources.dedup();
        let periods = figures.years().iter().map(String::as_str).chain([ALL]);
        let totals = periods.map(|period| Row {
            head: if period == ALL { text::word("dashboard", "all_periods") } else { period.to_owned() },
            cells: vec![
                count(figures.people(period), &head.mark),
                figures.assessments(period).map_or_else(|| head.mark.clone(), |sheets| sheets.to_string()),
            ],
            is_total: period == ALL,
        });
        let word = |code: &str| text::word("dashboard", code);
        let again = figures.repeated();
        Self {
            reliability: Table {
                columns: vec![
                    Column::text(word("scale")),
                    Column::number(word("version_of_strumento")),
                    Column::number(word("items")),
                    Column::number(word("cases")),
                    Column::number(word("alpha")),
                    Column::number(word("alpha_assumed")),
                    Column::number(word("sem_assumed")),
                ],
                rows: rows.iter().map(|row| reliability_row(data, instruments, row)).collect(),
            },
            sources,
            cases_min: CASES_MIN,
            totals: Table {
                columns: vec![
                    Column::text(word("period")),
                    Column::number(word("people")),
                    Column::number(word("assessments")),
                ],
                rows: totals.collect(),
            },
            again: count(again.people, &head.mark),
            again_share: share(again.share_permille, &head.mark),
            missing: practice::missing(data, &head.mark),
            practice: practice::practice(data, &head.mark),
            counted_at: (data.publication.position != data.position)
                .then(|| text::instant(data.publication.position.published_at)),
            head,
        }
    }
}

impl Qualita {
    /// What the page shows in tables, but for those who assess: that is for talking about it, not for taking along.
    pub(crate) fn tables(&self) -> Vec<(Option<String>, Table)> {
        let word = |code: &str| Some(text::word("dashboard", code));
        let missing = self.missing.iter().map(|table| (word("missing"), table.clone()));
        let first = [(word("precision"), self.reliability.clone()), (word("by_year"), self.totals.clone())];
        first.into_iter().chain(missing).collect()
    }
}

/// What the definition of that version assumes.
fn assumed<'a>(instruments: &'a [Instrument], row: &ReliabilityRow) -> Option<&'a Reliability> {
    let version = u32::try_from(row.version).ok()?;
    let known = instruments.iter().find(|one| one.id.as_str() == row.instrument && one.version == version)?;
    known.scales.iter().find(|scale| scale.id.as_str() == row.scale)?.reliability.as_ref()
}

fn reliability_row(data: &Data, instruments: &[Instrument], row: &ReliabilityRow) -> Row {
    let none = || "–".to_owned();
    let title = data.strumento.scale(&row.scale).map_or_else(|| row.scale.clone(), |scale| scale.title.clone());
    let is_enough = row.cases >= CASES_MIN;
    let few = || format!("n<{CASES_MIN}");
    let alpha = row.alpha_millionths.map_or_else(none, text::hundredths_of_millionths);
    let assumed = assumed(instruments, row);
    let assumed_alpha = assumed.and_then(|one| one.alpha_thousandths).map(|alpha| i64::from(alpha) * 1_000);
    let assumed_sem = assumed.map(|one| i64::from(one.sem_hundredths) * 10_000);
    Row {
        head: title,
        cells: vec![
            row.version.to_string(),
            row.items.to_string(),
            if is_enough { cases_band(row.cases) } else { few() },
            if is_enough { alpha } else { few() },
            assumed_alpha.map_or_else(none, text::hundredths_of_millionths),
            assumed_sem.map_or_else(none, text::hundredths_of_millionths),
        ],
        is_total: false,
    }
}

/// An exact number beside the people of the same strumento would tell how few left something blank.
fn cases_band(cases: i64) -> String {
    match cases {
        ..100 => format!("{CASES_MIN}–99"),
        100..300 => "100–299".to_owned(),
        300..1_000 => "300–999".to_owned(),
        1_000..3_000 => "1.000–2.999".to_owned(),
        3_000.. => "3.000+".to_owned(),
    }
}

impl Page for Qualita {
    const TEMPLATE: &'static str = "pages/dashboard_qualita.html";

    fn samples() -> Vec<Self> {
        samples::all().iter().map(|data| Self::new(&samples::viewer(), data, &[])).collect()
    }
}

pub(crate) async fn get(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    let cache = std::sync::Arc::clone(&dashboards.cache);
    show(&dashboards, asked, move |asked, data| Qualita::new(&asked.viewer, data, cache.instruments())).await
}
