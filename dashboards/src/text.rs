//! Figures as Italian readers write them, the same on pages and in files; and the words that files share with pages.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::Rome;

/// Whole tenths with one decimal: 634 → «63,4».
pub(crate) fn tenths(value: i64) -> String {
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{},{}", value.abs() / 10, value.abs() % 10)
}

/// Millionths rounded to two decimals: 824_400 → «0,82».
pub(crate) fn hundredths_of_millionths(value: i64) -> String {
    let hundredths = (value.abs() + 5_000) / 10_000;
    let sign = if value < 0 && hundredths > 0 { "−" } else { "" };
    format!("{sign}{},{:02}", hundredths / 100, hundredths % 100)
}

/// A number rounded to two decimals: 0.824 → «0,82».
pub(crate) fn hundredths(value: f64) -> String {
    format!("{value:.2}").replace('-', "−").replace('.', ",")
}

/// An instant on the clocks of Rome: 25/11/2026 04:36.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.with_timezone(&Rome).format("%d/%m/%Y %H:%M").to_string()
}

/// The day of an instant on the calendars of Rome.
pub(crate) fn day(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Rome).date_naive()
}

/// Words from messages/terms.toml. A code without words is shown as it is, and a test keeps that from happening.
pub(crate) fn word(kind: &str, code: &str) -> String {
    templates::term(kind, code).unwrap_or(code).to_owned()
}

/// The beginning of a text that is longer than so many characters.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The name of a comune by its ISTAT code.
pub(crate) fn comune(code: &str) -> String {
    match code.parse().ok().and_then(territory::comune) {
        Some(comune) => comune.name.to_owned(),
        None => word("dashboard", if code == crate::merge::POOL { "comuni_pool" } else { "comune_unknown" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_in_italian() {
        assert_eq!(tenths(634), "63,4");
        assert_eq!(tenths(-4), "−0,4");
        assert_eq!([hundredths(0.824), hundredths(-1.0)], ["0,82", "−1,00"]);
        assert_eq!(hundredths_of_millionths(824_400), "0,82");
        assert_eq!(hundredths_of_millionths(695_000), "0,70");
        assert_eq!(hundredths_of_millionths(-51_000), "−0,05");
        assert_eq!(hundredths_of_millionths(1_000_000), "1,00");
        let summer = "2026-07-01T22:30:00Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(instant(summer), "02/07/2026 00:30");
        assert_eq!(instant("2026-11-25T03:36:00Z".parse().unwrap()), "25/11/2026 04:36");
        assert_eq!(comune("093033"), "Pordenone");
    }
}
