//! Comuni compared fairly: rates with the age of residents taken into account, what chance alone explains, year by year.

use serde::Serialize;

use super::residents;
use crate::characteristic::{Characteristic, ages_of_residents};
use crate::pages::Data;
use crate::protect::Protected;
use crate::rates::{Estimate, Place, Shrinkage, funnel_limits};
use crate::table::{Column, Row, Table};
use crate::text;

/// A comune of the Ente whose people may be shown.
pub(super) struct Rated {
    pub(super) code: String,
    name: String,
    /// Its place in the table of comuni.
    number: usize,
    place: Place,
}

/// The comuni that can be compared.
pub(super) struct Rates {
    pub(super) rated: Vec<Rated>,
    /// People for every 1,000 residents of 18 to 64 in all of them together.
    overall: f64,
    shrinkage: Option<Shrinkage>,
}

impl Rates {
    /// `comuni` are codes and names in the order of the table, `year` that of the residents.
    pub(super) fn new(figures: &Protected, period: &str, comuni: &[(String, String)], year: i32) -> Self {
        let of = |code: &str, ages| territory::population(code.parse().ok()?, year, None, ages);
        let sum = |ages: std::ops::RangeInclusive<u8>| -> f64 {
            comuni.iter().filter_map(|(code, _)| of(code, ages.clone())).map(f64::from).sum()
        };
        // People for each resident, by age; bands whose people are not shown go together, by what the others leave.
        let all = Characteristic::AgeBand.categories();
        let mut bands: Vec<(Vec<std::ops::RangeInclusive<u8>>, f64)> = Vec::new();
        let (mut rest, mut shown) = (Vec::new(), 0);
        for band in all {
            let Some(ages) = ages_of_residents(band) else { continue };
            match figures.people_with(Characteristic::AgeBand, band, period) {
                Some(people) => {
                    shown += people;
                    let residents = sum(ages.clone());
                    bands.push((vec![ages], f64::from(people) / residents.max(1.0)));
                }
                None => rest.push(ages),
            }
        }
        let others = figures.people(period).and_then(|everybody| everybody.checked_sub(shown)).unwrap_or(0);
        if !rest.is_empty() {
            let residents: f64 = rest.iter().cloned().map(sum).sum();
            bands.push((rest, f64::from(others) / residents.max(1.0)));
        }
        let mut rated: Vec<Rated> = Vec::new();
        let (mut people, mut aged) = (0.0, 0.0);
        for (number, (code, name)) in comuni.iter().enumerate() {
            let (Some(observed), Some(residents)) = (figures.people_of(code, period), residents(code, year)) else {
                continue;
            };
            let here = |ages: &[std::ops::RangeInclusive<u8>]| -> f64 {
                ages.iter().filter_map(|ages| of(code, ages.clone())).map(f64::from).sum()
            };
            let expected = bands.iter().map(|(ages, rate)| here(ages) * rate).sum();
            people += f64::from(observed);
            aged += f64::from(residents);
            let (code, name) = (code.clone(), name.clone());
            rated.push(Rated { code, name, number: number + 1, place: Place { observed, expected } });
        }
        // One means: like all the comuni that are compared.
        let expected: f64 = rated.iter().map(|one| one.place.expected).sum();
        if expected > 0.0 {
            rated.iter_mut().for_each(|one| one.place.expected *= people / expected);
        }
        let places: Vec<Place> = rated.iter().map(|one| one.place).collect();
        let overall = if aged > 0.0 { people * 1_000.0 / aged } else { 0.0 };
        Self { rated, overall, shrinkage: Shrinkage::of(&places) }
    }

    fn find(&self, code: &str) -> Option<&Rated> {
        self.rated.iter().find(|one| one.code == code)
    }

    /// People for every 1,000 residents, were residents of the same ages everywhere.
    pub(super) fn standardised(&self, code: &str) -> Option<Estimate> {
        Some(self.find(code)?.place.ratio()?.times(self.overall))
    }

    /// The same, moved towards all comuni the more the fewer people there are.
    pub(super) fn smoothed(&self, code: &str) -> Option<Estimate> {
        Some(self.shrinkage?.smoothed(self.find(code)?.place)?.times(self.overall))
    }
}

/// A figure with its interval, in tenths.
pub(super) fn in_tenths(estimate: Estimate) -> (i64, i64, i64) {
    (tenths_of(estimate.value), tenths_of(estimate.low), tenths_of(estimate.high))
}

/// «12,3 (10,1–14,9)».
pub(super) fn with_interval(estimate: Option<Estimate>, mark: &str) -> String {
    estimate.map(in_tenths).map_or_else(
        || mark.to_owned(),
        |(value, low, high)| format!("{} ({}–{})", text::tenths(value), text::tenths(low), text::tenths(high)),
    )
}

#[expect(clippy::cast_possible_truncation, reason = "a rate is at most some thousands")]
fn tenths_of(rate: f64) -> i64 {
    (rate * 10.0).round() as i64
}

/// How far from all the others a comune is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// As far as chance goes.
    Within,
    /// Farther than chance goes 95 times of a hundred: of twenty comuni one is, with nothing behind it.
    Beyond95,
    /// Farther than chance goes 998 times of a thousand.
    Beyond998,
}

/// A comune in the ranking: its rate and interval on a line of a thousand units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Ranked {
    name: String,
    value: String,
    x: i32,
    low: i32,
    high: i32,
}

/// A comune in the funnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Dot {
    name: String,
    number: usize,
    x: i32,
    y: i32,
    standing: Standing,
}

/// A tick of an axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Tick {
    at: i32,
    text: String,
}

/// Ratios against how many people were to be expected, with the limits of chance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Funnel {
    dots: Vec<Dot>,
    /// The limits of 95 and of 99.8 %, below and above.
    limits: Vec<String>,
    /// Where the ratio is one.
    middle: i32,
    across: Vec<Tick>,
    up: Vec<Tick>,
    table: Table,
    /// Names of comuni with more and with fewer people than 99.8 % of chance explains.
    above: Vec<String>,
    below: Vec<String>,
    within: usize,
}

/// A comune through the years.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Small {
    name: String,
    /// The points of a line; years that are not shown leave a gap.
    lines: Vec<String>,
    dots: Vec<(i32, i32)>,
    said: Vec<(String, String)>,
}

/// Width of the drawings.
const WIDTH: f64 = 1_000.0;
/// Height of the funnel.
const HEIGHT: f64 = 420.0;
/// Room for the texts of its axes, on the left and below.
const AXIS: f64 = 56.0;
/// A small drawing.
const SMALL: (f64, f64) = (160.0, 60.0);

#[expect(clippy::cast_possible_truncation, reason = "a drawing is a thousand units wide")]
fn unit(value: f64) -> i32 {
    value.round() as i32
}

impl Funnel {
    pub(super) fn table(&self) -> &Table {
        &self.table
    }
}

impl Rates {
    /// From the highest standardised rate to the lowest, and where the line of all is.
    pub(super) fn ranking(&self, mark: &str) -> (Vec<Ranked>, i32) {
        let mut rated: Vec<(&Rated, Estimate)> =
            self.rated.iter().filter_map(|one| Some((one, one.place.ratio()?.times(self.overall)))).collect();
        rated.sort_by(|(one, a), (other, b)| b.value.total_cmp(&a.value).then_with(|| one.name.cmp(&other.name)));
        let most = rated.iter().map(|(_, estimate)| estimate.value).fold(self.overall, f64::max) * 1.35;
        let x = |rate: f64| unit((rate / most.max(f64::EPSILON) * WIDTH).min(WIDTH));
        let ranked = rated.iter().map(|(one, estimate)| Ranked {
            name: one.name.clone(),
            value: with_interval(Some(*estimate), mark),
            x: x(estimate.value),
            low: x(estimate.low),
            high: x(estimate.high),
        });
        (ranked.collect(), x(self.overall))
    }

    /// The funnel; none where too few can be compared.
    pub(super) fn funnel(&self) -> Option<Funnel> {
        if self.rated.len() < 3 {
            return None;
        }
        let widest = self.rated.iter().map(|one| one.place.expected).fold(1.0, f64::max) * 1.05;
        let ratios = self.rated.iter().filter_map(|one| Some(one.place.ratio()?.value));
        let tallest = ratios.fold(2.0, f64::max) * 1.05;
        let x = |expected: f64| unit(AXIS + expected / widest * (WIDTH - AXIS - 8.0));
        let y = |ratio: f64| unit((HEIGHT - AXIS) * (1.0 - ratio.min(tallest) / tallest) + 8.0);
        let mut limits = vec![String::new(); 4];
        for step in 1..=60 {
            let expected = widest * f64::from(step) / 60.0;
            for (pair, outside) in [0.025, 0.001].into_iter().enumerate() {
                let Some((low, high)) = funnel_limits(expected, outside) else { continue };
                for (line, ratio) in [low, high].into_iter().enumerate() {
                    let path = &mut limits[pair * 2 + line];
                    let letter = if path.is_empty() { 'M' } else { 'L' };
                    path.push_str(&format!("{letter}{} {}", x(expected), y(ratio)));
                }
            }
        }
        let standing = |place: Place| -> Option<(Standing, bool)> {
            let ratio = place.ratio()?.value;
            let beyond =
                |outside| funnel_limits(place.expected, outside).is_some_and(|(low, high)| ratio < low || ratio > high);
            let standing = match (beyond(0.001), beyond(0.025)) {
                (true, _) => Standing::Beyond998,
                (false, true) => Standing::Beyond95,
                (false, false) => Standing::Within,
            };
            Some((standing, ratio > 1.0))
        };
        let (mut dots, mut rows, mut above, mut below) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let word = |code: &str| text::word("dashboard", code);
        for one in &self.rated {
            let (Some((standing, is_more)), Some(ratio)) = (standing(one.place), one.place.ratio()) else { continue };
            if standing == Standing::Beyond998 {
                if is_more { above.push(one.name.clone()) } else { below.push(one.name.clone()) }
            }
            let says = match standing {
                Standing::Within => "within_chance",
                Standing::Beyond95 => "beyond_95",
                Standing::Beyond998 => "beyond_998",
            };
            rows.push(Row {
                head: one.name.clone(),
                cells: vec![
                    one.place.observed.to_string(),
                    text::tenths(tenths_of(one.place.expected)),
                    text::hundredths(ratio.value),
                    word(says),
                ],
                is_total: false,
            });
            dots.push(Dot {
                name: one.name.clone(),
                number: one.number,
                x: x(one.place.expected),
                y: y(ratio.value),
                standing,
            });
        }
        let ticks = |most: f64| {
            let step = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];
            let step = step.into_iter().find(|step| most / step <= 6.0).unwrap_or(most);
            (0..=6).map(move |place| f64::from(place) * step).filter(move |at| *at <= most)
        };
        let columns = vec![
            Column::text(word("comune")),
            Column::number(word("people")),
            Column::number(word("expected")),
            Column::number(word("ratio")),
            Column::text(word("standing")),
        ];
        Some(Funnel {
            within: dots.len() - above.len() - below.len(),
            dots,
            limits,
            middle: y(1.0),
            across: ticks(widest).map(|at| Tick { at: x(at), text: unit(at).to_string() }).collect(),
            up: ticks(tallest).map(|at| Tick { at: y(at), text: text::tenths(tenths_of(at)) }).collect(),
            table: Table { columns, rows },
            above,
            below,
        })
    }
}

/// People of each comune by year, drawn on one scale.
pub(super) fn through_the_years(data: &Data, comuni: &[(String, String)], mark: &str) -> (Vec<Small>, Table) {
    let figures = &data.figures;
    let years = figures.years();
    let most = comuni.iter().flat_map(|(code, _)| years.iter().map(move |year| figures.people_of(code, year)));
    let most = f64::from(most.flatten().max().unwrap_or(1));
    let last = f64::from(u32::try_from(years.len().max(2) - 1).unwrap_or(1));
    let mut columns = vec![Column::text(text::word("dashboard", "comune"))];
    columns.extend(years.iter().map(|year| Column::number(year.clone())));
    let (mut drawn, mut rows) = (Vec::new(), Vec::new());
    for (code, name) in comuni.iter().filter(|(code, _)| figures.comuni().contains(code)) {
        let mut lines = vec![String::new()];
        let (mut dots, mut said) = (Vec::new(), Vec::new());
        for (place, year) in (0..).zip(years) {
            let people = figures.people_of(code, year);
            said.push((year.clone(), people.map_or_else(|| mark.to_owned(), |people| people.to_string())));
            let Some(people) = people else {
                lines.push(String::new());
                continue;
            };
            let x = unit(6.0 + f64::from(place) / last * (SMALL.0 - 12.0));
            let y = unit((SMALL.1 - 12.0) * (1.0 - f64::from(people) / most) + 6.0);
            dots.push((x, y));
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&format!("{x},{y}"));
            }
        }
        lines.retain(|line| line.contains(' '));
        rows.push(Row {
            head: name.clone(),
            cells: said.iter().map(|(_, people)| people.clone()).collect(),
            is_total: false,
        });
        drawn.push(Small { name: name.clone(), lines, dots, said });
    }
    (drawn, Table { columns, rows })
}
