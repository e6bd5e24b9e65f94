//! How questionnaires are filled in: what is missing, and how those who assess differ, under letters.
//!
//! What is counted here is questionnaires and answers, which no table of people knows. So that nobody is read out of them by
//! subtraction, shares and numbers of questionnaires are bands: the lowest one has room for nobody and for five.

use serde::Serialize;
use warehouse::{DataQualityRow, DriftRow, PracticeRow};

use crate::pages::Data;
use crate::protect::ALL;
use crate::table::{Column, Row, Table};
use crate::text;

/// Whoever has fewer questionnaires is not shown.
const SHEETS_MIN: i64 = 30;
/// Of fewer questionnaires no band is told: the lowest one ends at a twentieth, which is then five.
const BANDS_MIN: i64 = 100;
/// With fewer who assess, each would read the others out of the whole.
const OPERATORS_MIN: usize = 3;
/// A mean so many points from the Ente's is worth talking about.
const FAR: i64 = 10;

/// Who is farthest from the Ente's mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Far {
    letter: String,
    scale: String,
    points: i64,
    is_higher: bool,
}

/// Those who assess, each under a letter.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Practice {
    pub(super) table: Table,
    far: Option<Far>,
    /// A band of percents: the results that were confirmed, of those that somebody looked at.
    confirmed: Option<String>,
}

/// What is missing, year by year; nothing where no year has questionnaires enough.
pub(super) fn missing(data: &Data, mark: &str) -> Option<Table> {
    let rows: Vec<&DataQualityRow> =
        data.publication.quality.data.iter().filter(|row| row.instrument == data.strumento.id).collect();
    let periods: Vec<&str> = data.figures.years().iter().map(String::as_str).chain([ALL]).collect();
    let of = |period: &str| rows.iter().find(|row| row.period == period).copied();
    if !periods.iter().filter_map(|period| of(period)).any(|row| row.assessments >= BANDS_MIN) {
        return None;
    }
    let word = |code: &str| text::word("questionnaire_lacks", code);
    let band = |part: fn(&DataQualityRow) -> i64, whole: fn(&DataQualityRow) -> i64| {
        move |row: &DataQualityRow| (row.assessments >= BANDS_MIN).then(|| band(part(row), whole(row)))
    };
    type Told<'a> = Box<dyn Fn(&DataQualityRow) -> Option<String> + 'a>;
    let kinds: [(&str, Told<'_>); 10] = [
        ("items", Box::new(band(|row| row.items_missing, |row| row.items_asked))),
        ("results", Box::new(band(|row| row.results_not_valid, |row| row.results))),
        ("comune", Box::new(band(|row| row.comune_unknown, |row| row.assessments))),
        ("age", Box::new(band(|row| row.age_unknown, |row| row.assessments))),
        ("sex", Box::new(band(|row| row.sex_unknown, |row| row.assessments))),
        ("education", Box::new(band(|row| row.education_unknown, |row| row.assessments))),
        ("citizenship", Box::new(band(|row| row.citizenship_unknown, |row| row.assessments))),
        ("household", Box::new(band(|row| row.household_unknown, |row| row.assessments))),
        ("work", Box::new(band(|row| row.work_unknown, |row| row.assessments))),
        ("disadvantage", Box::new(band(|row| row.disadvantage_unknown, |row| row.assessments))),
    ];
    let mut columns = vec![Column::text(text::word("dashboard", "missing"))];
    columns.extend(periods.iter().map(|period| {
        Column::number(if *period == ALL { text::word("dashboard", "all_periods") } else { (*period).to_owned() })
    }));
    let rows = kinds.iter().map(|(code, told)| Row {
        head: word(code),
        cells: periods.iter().map(|period| of(period).and_then(told).unwrap_or_else(|| mark.to_owned())).collect(),
        is_total: false,
    });
    Some(Table { columns, rows: rows.collect() })
}

/// A part of questionnaires as a band, in percent.
fn band(part: i64, whole: i64) -> String {
    match part * 100 / whole.max(1) {
        ..5 => "< 5",
        5..10 => "5–9",
        10..25 => "10–24",
        25..50 => "25–49",
        50.. => "≥ 50",
    }
    .to_owned()
}

/// A number of questionnaires as a band.
fn sheets(number: i64) -> String {
    match number {
        ..100 => format!("{SHEETS_MIN}–99"),
        100..300 => "100–299".to_owned(),
        300.. => "300+".to_owned(),
    }
}

/// Those who assess and have questionnaires enough, in the order of their pseudonyms, which says nothing of them.
pub(super) fn practice(data: &Data, mark: &str) -> Option<Practice> {
    let quality = &data.publication.quality;
    let is_this = |period: &str, instrument: &str| period == ALL && instrument == data.strumento.id;
    let mut operators: Vec<&PracticeRow> = quality
        .practice
        .iter()
        .filter(|row| is_this(&row.period, &row.instrument) && row.assessments >= SHEETS_MIN)
        .collect();
    if operators.len() < OPERATORS_MIN {
        return None;
    }
    operators.sort_by(|one, other| one.operator.cmp(&other.operator));
    let drift: Vec<&DriftRow> =
        quality.drift.iter().filter(|row| is_this(&row.period, &row.instrument) && row.results >= SHEETS_MIN).collect();
    let word = |code: &str| text::word("practice", code);
    let mut columns = vec![Column::text(word("letter"))];
    columns.extend(["sheets", "missing", "days", "confirmed"].map(|code| Column::number(word(code))));
    let scales = &data.strumento.scales;
    columns.extend(scales.iter().map(|scale| Column::number(format!("{}: {}", scale.title, word("difference")))));
    let mut far: Option<Far> = None;
    let mut rows = Vec::new();
    for (place, operator) in operators.iter().enumerate() {
        let letter = letter(place);
        let missing = operator.not_answered + operator.not_assessable + operator.refused;
        let looked_at = operator.confirmed + operator.overridden;
        let mut cells = vec![
            sheets(operator.assessments),
            band(missing, operator.items_asked),
            operator.days_median.map_or_else(|| "–".to_owned(), days),
            if looked_at >= SHEETS_MIN { wide_band(operator.confirmed, looked_at) } else { "–".to_owned() },
        ];
        for scale in scales {
            let row = drift.iter().find(|row| row.operator == operator.operator && row.scale == scale.id);
            cells.push(row.map_or_else(|| mark.to_owned(), |row| with_chance(row)));
            // What chance explains is no drift.
            let is_chance =
                |row: &&&DriftRow| interval(row).is_some_and(|(low, high)| low.signum() * high.signum() <= 0);
            let points = row.filter(|row| !is_chance(row)).map(|row| points_apart(row));
            if let Some(points) = points.filter(|points| points.abs() >= FAR)
                && far.as_ref().is_none_or(|before| points.abs() > before.points)
            {
                let (scale, is_higher) = (scale.title.clone(), points > 0);
                far = Some(Far { letter: letter.clone(), scale, points: points.abs(), is_higher });
            }
        }
        rows.push(Row { head: letter, cells, is_total: false });
    }
    let sum = |of: fn(&PracticeRow) -> i64| operators.iter().map(|row| of(row)).sum::<i64>();
    let (confirmed, overridden) = (sum(|row| row.confirmed), sum(|row| row.overridden));
    let looked_at = confirmed + overridden;
    let confirmed = (looked_at >= SHEETS_MIN).then(|| wide_band(confirmed, looked_at));
    Some(Practice { table: Table { columns, rows }, far, confirmed })
}

/// A part of thirty questionnaires or more as a band, in percent: in each there is room for five on either side.
fn wide_band(part: i64, whole: i64) -> String {
    match part * 100 / whole.max(1) {
        ..50 => "< 50",
        50..80 => "50–79",
        80.. => "≥ 80",
    }
    .to_owned()
}

/// By how many points an operator's mean index is from the Ente's.
fn difference(row: &DriftRow) -> f64 {
    mean(row.sum_tenths, row.results) - mean(row.ente_sum_tenths, row.ente_results)
}

/// The same in whole points.
fn points_apart(row: &DriftRow) -> i64 {
    whole_points(difference(row))
}

#[expect(clippy::cast_precision_loss, reason = "sums of a mart are far below 2^52")]
fn mean(sum_tenths: i64, results: i64) -> f64 {
    sum_tenths as f64 / 10.0 / results.max(1) as f64
}

/// Between how many points the difference would be 95 times in a hundred by chance alone, were the Ente's questionnaires dealt out among
/// those who assess: the variance of a mean of n drawn from N without putting back, s² (1/n − 1/N). Nothing of a mart that lacks squares.
#[expect(clippy::cast_precision_loss, reason = "sums of a mart are far below 2^52")]
fn interval(row: &DriftRow) -> Option<(i64, i64)> {
    /// The normal quantile of 97.5 %.
    const Z: f64 = 1.959_964;
    let squares = row.ente_sum_squares?;
    if row.results < 2 || row.ente_results < 2 {
        return None;
    }
    let (n, whole) = (row.results as f64, row.ente_results as f64);
    let sum = row.ente_sum_tenths as f64;
    let variance = (squares as f64 - sum * sum / whole).max(0.0) / (whole - 1.0);
    let reach = Z * (variance * (1.0 / n - 1.0 / whole).max(0.0)).sqrt() / 10.0;
    let points = difference(row);
    Some((whole_points(points - reach), whole_points(points + reach)))
}

#[expect(clippy::cast_possible_truncation, reason = "an index is between 0 and 100")]
fn whole_points(points: f64) -> i64 {
    points.clamp(-200.0, 200.0).round() as i64
}

/// A difference with its interval: «11 in più (8–14)», «2 in più (da −3 a +7)».
fn with_chance(row: &DriftRow) -> String {
    let points = said(points_apart(row));
    match interval(row) {
        Some((low, high)) if low.signum() * high.signum() > 0 => {
            let (near, far) = (low.abs().min(high.abs()), low.abs().max(high.abs()));
            format!("{points} ({near}–{far})")
        }
        Some((low, high)) => format!("{points} (da {} a {})", signed(low), signed(high)),
        None => points,
    }
}

/// A number of points with its sign, inside a text.
fn signed(points: i64) -> String {
    match points {
        ..0 => format!("−{}", points.abs()),
        0 => "0".to_owned(),
        1.. => format!("+{points}"),
    }
}

/// Days, a zero in words: pages show none.
fn days(days: i64) -> String {
    if days == 0 { "meno di 1".to_owned() } else { days.to_string() }
}

/// A difference, without a sign that spreadsheets would take for a formula.
fn said(points: i64) -> String {
    match points {
        0 => "uguale".to_owned(),
        1.. => format!("{points} in più"),
        ..0 => format!("{} in meno", points.abs()),
    }
}

/// A, B, … Z, AA, AB.
fn letter(place: usize) -> String {
    let of = |place: usize| char::from(b'A' + u8::try_from(place % 26).unwrap_or(0));
    if place < 26 { of(place).to_string() } else { format!("{}{}", of(place / 26 - 1), of(place)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn few_questionnaires_and_few_who_assess_say_nothing() {
        let data = &samples::all()[0];
        let practice = practice(data, "n<5").unwrap();
        let letters: Vec<&str> = practice.table.rows.iter().map(|row| row.head.as_str()).collect();
        // The fifth has seventeen questionnaires.
        assert_eq!(letters, ["A", "B", "C", "D"]);
        let far = practice.far.unwrap();
        assert_eq!((far.letter.as_str(), far.points, far.is_higher), ("C", 11, true));
        let mut few = data.clone();
        let mut publication = crate::cache::Publication {
            ente: data.publication.ente,
            position: data.publication.position,
            is_earlier: false,
            strumenti: data.publication.strumenti.clone(),
            reliability: Vec::new(),
            quality: data.publication.quality.clone(),
        };
        publication.quality.practice.retain(|row| ["a", "b", "e"].contains(&row.operator.as_str()));
        few.publication = std::sync::Arc::new(publication);
        assert!(super::practice(&few, "n<5").is_none());
    }

    #[test]
    fn a_difference_is_told_with_what_chance_explains() {
        let row = |results, sum_tenths| DriftRow {
            period: ALL.to_owned(),
            operator: "a".to_owned(),
            instrument: "prova".to_owned(),
            scale: "scala".to_owned(),
            results,
            sum_tenths,
            ente_results: 400,
            ente_sum_tenths: 400 * 500,
            ente_sum_squares: Some(400 * 500 * 500 + 399 * 200 * 200),
        };
        // 1.96 · 20 · √(1/100 − 1/400) = 3.39; of thirty-six 6.23.
        assert_eq!(interval(&row(100, 100 * 600)), Some((7, 13)));
        assert_eq!(with_chance(&row(100, 100 * 600)), "10 in più (7–13)");
        assert_eq!(with_chance(&row(100, 100 * 400)), "10 in meno (7–13)");
        assert_eq!(with_chance(&row(36, 36 * 520)), "2 in più (da −4 a +8)");
        assert_eq!(with_chance(&row(400, 400 * 500)), "uguale (da 0 a 0)");
        assert_eq!(with_chance(&DriftRow { ente_sum_squares: None, ..row(100, 100 * 600) }), "10 in più");
    }

    #[test]
    fn what_is_recorded_of_people_is_told_in_bands_of_many() {
        let table = missing(&samples::all()[0], "n<5").unwrap();
        let row =
            |head: &str| table.rows.iter().find(|row| row.head == text::word("questionnaire_lacks", head)).unwrap();
        // 2023 has none, 2024 ninety: a band of them could be of fewer than five.
        assert_eq!(row("education").cells, ["n<5", "n<5", "5–9", "5–9"]);
        assert_eq!(row("sex").cells, ["n<5", "n<5", "< 5", "< 5"]);
        assert_eq!(row("work").cells, ["n<5", "n<5", "≥ 50", "≥ 50"]);
        assert_eq!(row("items").cells, ["n<5", "n<5", "< 5", "< 5"]);
    }

    #[test]
    fn in_a_wide_band_there_is_room_for_five() {
        for (part, told) in [(30, "≥ 80"), (24, "≥ 80"), (23, "50–79"), (15, "50–79"), (14, "< 50"), (0, "< 50")]
        {
            assert_eq!(wide_band(part, 30), told);
        }
    }

    #[test]
    fn letters_go_on_after_z() {
        assert_eq!([letter(0), letter(25), letter(26), letter(51)], ["A", "Z", "AA", "AZ"]);
    }
}
