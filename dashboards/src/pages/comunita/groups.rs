//! Who the people are beside the residents, and which disadvantages go with the lowest level.

use serde::Serialize;
use territory::Sex;

use crate::characteristic::{Characteristic, NONE, ages_of_residents};
use crate::merge::POOL;
use crate::pages::bars::{Farthest, with_interval};
use crate::pages::{Data, count, residents_year, share};
use crate::protect::Part;
use crate::table::{Column, Row, Table};
use crate::{Viewer, text};

/// A band of ages in the pyramid: people to the left and right of the middle, the outline of the residents behind them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    title: String,
    /// Women, men: thousandths of the widest, `None` where the number is not shown.
    people: [Option<u32>; 2],
    residents: [u32; 2],
}

/// What the title of the pyramid says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum PyramidFinding {
    /// The group that is assessed most often for how many of it live here.
    Over {
        group: String,
        times: String,
    },
    Nothing,
}

/// People assessed beside the residents of the Ente's comuni, by sex and age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Pyramid {
    finding: PyramidFinding,
    /// The oldest first, as pyramids are drawn.
    steps: Vec<Step>,
    year: i32,
    table: Table,
}

/// Residents of the Ente's comuni in a band of ages.
fn residents(comuni: &[String], year: i32, sex: Sex, band: &str) -> u32 {
    let Some(ages) = ages_of_residents(band) else { return 0 };
    let of = |code: &String| territory::population(code.parse().ok()?, year, Some(sex), ages.clone());
    comuni.iter().filter_map(of).sum()
}

impl Pyramid {
    /// None where sex or age is not known of enough people, or the residents are not known.
    pub(super) fn new(viewer: &Viewer, data: &Data, period: &str, mark: &str) -> Option<Self> {
        let figures = &data.figures;
        let sexes = [("f", Sex::Female), ("m", Sex::Male)];
        let year = residents_year(figures, period);
        let bands: Vec<String> =
            figures.categories(Characteristic::AgeBand).into_iter().filter(|band| band != POOL).collect();
        let cell = |sex: &str, band: &str| figures.people_of_sex_and_age(sex, band, period);
        let all_people = figures.people(period)?;
        let all_residents: u32 = Characteristic::AgeBand
            .categories()
            .iter()
            .flat_map(|band| sexes.map(|(_, sex)| residents(&viewer.comuni, year, sex, band)))
            .sum();
        if all_residents == 0 || all_people == 0 || bands.is_empty() || !figures.has_pyramid() {
            return None;
        }
        let share_of = |people: u32, all: u32| f64::from(people) * 1_000.0 / f64::from(all);
        let mut widest: f64 = 1.0;
        let mut found = Vec::new();
        let mut most: Option<(f64, String)> = None;
        for band in bands.iter().rev() {
            let people = sexes.map(|(code, _)| cell(code, band));
            let here = sexes.map(|(_, sex)| residents(&viewer.comuni, year, sex, band));
            for (place, (code, _)) in sexes.iter().enumerate() {
                let living = share_of(here[place], all_residents);
                widest = widest.max(living);
                let Some(shown) = people[place] else { continue };
                let assessed = share_of(shown, all_people);
                widest = widest.max(assessed);
                let times = assessed / living.max(0.1);
                if shown >= 30 && most.as_ref().is_none_or(|(before, _)| times > *before) {
                    let group = format!(
                        "{}, {}",
                        text::word("women_men", code),
                        Characteristic::AgeBand.category(band).to_lowercase()
                    );
                    most = Some((times, group));
                }
            }
            found.push((band, people, here));
        }
        let width = |permille: f64| unit(permille / widest * 1_000.0);
        let steps = found.iter().map(|(band, people, here)| Step {
            title: Characteristic::AgeBand.category(band),
            people: people.map(|people| people.map(|people| width(share_of(people, all_people)))),
            residents: here.map(|here| width(share_of(here, all_residents))),
        });
        let steps = steps.collect();
        let word = |code: &str| text::word("dashboard", code);
        let mut columns = vec![Column::text(text::word("characteristic", "age_band"))];
        for (code, _) in sexes {
            let who = text::word("women_men", code);
            columns.push(Column::number(format!("{who}: {}", word("people").to_lowercase())));
            columns.push(Column::number(format!("{who}: {}", word("residents_permille"))));
            columns.push(Column::number(format!("{who}: {}", word("people_permille"))));
        }
        let rows = found.iter().map(|(band, people, here)| {
            let cells = [0, 1].map(|sex| {
                let permille = |value: f64| text::tenths(i64::from(unit(value * 10.0)));
                [
                    count(people[sex], mark),
                    permille(share_of(here[sex], all_residents)),
                    people[sex].map_or_else(|| mark.to_owned(), |people| permille(share_of(people, all_people))),
                ]
            });
            let head = Characteristic::AgeBand.category(band);
            Row { head, cells: cells.concat(), is_total: false }
        });
        let table = Table { columns, rows: rows.collect() };
        let finding = match most.filter(|(times, _)| *times >= 1.2) {
            Some((times, group)) => PyramidFinding::Over { group, times: text::hundredths(times) },
            None => PyramidFinding::Nothing,
        };
        Some(Self { finding, steps, year, table })
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares in thousandths are never negative")]
fn unit(value: f64) -> u32 {
    value.round().max(0.0) as u32
}

/// How much more likely the lowest level is in a category than among those without any.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Odds {
    ratio: f64,
    low: f64,
    high: f64,
    /// The logarithm in its standard errors.
    apart: f64,
}

/// The ratio of two odds with Woolf's interval (1955): `a` of `n` against `b` of `m`.
fn odds((a, n): (u32, u32), (b, m): (u32, u32)) -> Option<Odds> {
    let cells = [a, n.checked_sub(a)?, b, m.checked_sub(b)?].map(f64::from);
    if cells.contains(&0.0) {
        return None;
    }
    let [a, c, b, d] = cells;
    let log = (a * d / (b * c)).ln();
    let error = cells.iter().map(|cell| 1.0 / cell).sum::<f64>().sqrt();
    let at = |errors: f64| (log + errors * error).exp();
    Some(Odds { ratio: log.exp(), low: at(-1.959_964), high: at(1.959_964), apart: log / error })
}

/// What the title says of disadvantages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum OddsFinding {
    /// The disadvantage that goes most clearly with the lowest level of a scale.
    With {
        category: String,
        scale: String,
        level: String,
        share: String,
        none_share: String,
    },
    /// None does by more than chance explains.
    None,
    Nothing,
}

/// A category on a logarithmic line from a quarter to sixteen times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OddsLine {
    category: String,
    text: String,
    x: u32,
    low: u32,
    high: u32,
    is_apart: bool,
}

/// Disadvantages against the lowest level of one scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OddsOfScale {
    id: String,
    scale: String,
    level: String,
    finding: OddsFinding,
    lines: Vec<OddsLine>,
    /// Where the odds are the same.
    one: u32,
    table: Table,
}

/// Where a ratio stands on the line.
fn on_line(ratio: f64) -> u32 {
    unit(((ratio.ln() - 0.25_f64.ln()) / (16.0_f64.ln() - 0.25_f64.ln()) * 1_000.0).clamp(0.0, 1_000.0))
}

/// For each scale with levels, how each disadvantage goes with the lowest: against those of whom it is known that they have none.
pub(super) fn odds_of_scales(data: &Data, period: &str, mark: &str) -> Vec<OddsOfScale> {
    let figures = &data.figures;
    let of = Characteristic::Disadvantage;
    let categories: Vec<String> = figures.categories(of).into_iter().filter(|category| category != NONE).collect();
    let word = |code: &str| text::word("dashboard", code);
    let mut all = Vec::new();
    for scale in &data.strumento.scales {
        let Some(lowest) = scale.levels.first() else { continue };
        let at = |category: &str| {
            let part = figures.outcome_with(of, category, &scale.id, &lowest.id, period).unwrap_or(Part::HIDDEN);
            // A share is hidden where it would tell of all of a group: then nothing is made of its count either.
            let people = part.share_permille.and(part.people);
            (part, people.zip(figures.people_with(of, category, period)))
        };
        let (none_part, none) = at(NONE);
        let (mut lines, mut rows) = (Vec::new(), Vec::new());
        let mut farthest = Farthest::none();
        for category in &categories {
            let (part, here) = at(category);
            let title = of.category(category);
            let found = here.zip(none).and_then(|(here, none)| odds(here, none));
            let odds_text = found.map_or_else(
                || mark.to_owned(),
                |odds| {
                    format!(
                        "{} ({}–{})",
                        text::hundredths(odds.ratio),
                        text::hundredths(odds.low),
                        text::hundredths(odds.high)
                    )
                },
            );
            rows.push(Row {
                head: title.clone(),
                cells: vec![
                    count(figures.people_with(of, category, period), mark),
                    with_interval(part, here.map(|(_, whole)| whole), mark),
                    odds_text.clone(),
                ],
                is_total: false,
            });
            let Some(odds) = found else { continue };
            lines.push(OddsLine {
                category: title.clone(),
                text: odds_text,
                x: on_line(odds.ratio),
                low: on_line(odds.low),
                high: on_line(odds.high),
                is_apart: odds.low > 1.0 || odds.high < 1.0,
            });
            farthest.offer(odds.apart, || OddsFinding::With {
                category: title,
                scale: scale.title.clone(),
                level: lowest.title.clone(),
                share: share(part.share_permille, mark),
                none_share: share(none_part.share_permille, mark),
            });
        }
        rows.push(Row {
            head: of.category(NONE),
            cells: vec![
                count(figures.people_with(of, NONE, period), mark),
                share(none_part.share_permille, mark),
                "1".to_owned(),
            ],
            is_total: true,
        });
        let finding = match farthest.said() {
            Some(finding) => finding,
            None if lines.is_empty() => OddsFinding::Nothing,
            None => OddsFinding::None,
        };
        let columns = vec![
            Column::text(text::word("characteristic", of.code())),
            Column::number(word("people")),
            Column::number(format!("«{}» % ({})", lowest.title, word("interval"))),
            Column::number(format!("{} ({})", word("odds_ratio"), word("interval"))),
        ];
        all.push(OddsOfScale {
            id: scale.id.clone(),
            scale: scale.title.clone(),
            level: lowest.title.clone(),
            finding,
            lines,
            one: on_line(1.0),
            table: Table { columns, rows },
        });
    }
    all
}

impl OddsOfScale {
    pub(super) fn titled(&self) -> (String, &Table) {
        (format!("{}: «{}»", self.scale, self.level), &self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_as_in_the_textbook() {
        // Bland and Altman (2000), BMJ 320, p. 1468: hay fever and eczema in children of eleven.
        let found = odds((141, 561), (928, 14_453)).unwrap();
        let near = |value: f64, wanted: f64| (value - wanted).abs() < 0.01;
        assert!(near(found.ratio, 4.89) && near(found.low, 4.0) && near(found.high, 5.99), "{found:?}");
        assert_eq!(odds((0, 10), (5, 10)), None);
        assert_eq!(odds((11, 10), (5, 10)), None);
    }

    #[test]
    fn the_line_is_logarithmic() {
        assert_eq!([0.25, 1.0, 16.0, 100.0, 0.01].map(on_line), [0, 333, 1_000, 1_000, 0]);
    }
}
