//! Bars of shares, as pages draw them; the same in words; and when two shares are far enough apart to say so.

use serde::Serialize;

use super::{count, share};
use crate::protect::{NOT_VALID, Part};
use crate::table::{Column, Row, Table};
use crate::text;

/// A share of fewer people than this says little when it is compared.
pub(crate) const COMPARED_MIN: u32 = 30;

/// How many standard errors apart two shares must be before a sentence says so. The two are the farthest of many, so the usual
/// two would find a difference in chance alone.
pub(crate) const APART_MIN: f64 = 3.5;

/// Of what a sentence could say, what is farthest from chance; nothing within [`APART_MIN`].
pub(crate) struct Farthest<F>(Option<(f64, F)>);

impl<F> Farthest<F> {
    /// Nothing yet.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// What could be said of a difference of so many standard errors.
    pub(crate) fn offer(&mut self, apart: f64, said: impl FnOnce() -> F) {
        if apart >= APART_MIN && self.0.as_ref().is_none_or(|(most, _)| apart > *most) {
            self.0 = Some((apart, said()));
        }
    }

    pub(crate) fn said(self) -> Option<F> {
        self.0.map(|(_, said)| said)
    }
}

/// The colour of an outcome that is no level.
const NOT_VALID_COLOUR: &str = "x";

/// More outcomes than this share the last colour.
pub(crate) const COLOURS: usize = 7;

/// A stretch of a bar, in thousandths of its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Segment {
    pub(crate) x: u32,
    pub(crate) width: u32,
    pub(crate) colour: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
/// A share in words.
pub(crate) struct Said {
    pub(crate) title: String,
    pub(crate) share: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bar {
    pub(crate) category: String,
    pub(crate) segments: Vec<Segment>,
    /// Where what is not shown begins, if anything is not.
    pub(crate) hidden_from: Option<u32>,
    /// The same in words: what is shown.
    pub(crate) said: Vec<Said>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    pub(crate) title: String,
    pub(crate) colour: String,
}

/// The colour of an outcome, by its place.
pub(crate) fn colour(place: usize, outcome: &str) -> String {
    if outcome == NOT_VALID { NOT_VALID_COLOUR.to_owned() } else { (place.min(COLOURS - 1) + 1).to_string() }
}

/// Shares one after another in the order of the outcomes; what is left of the bar is what is not shown.
pub(crate) fn bar(category: String, outcomes: &[String], titles: &[String], parts: &[Part]) -> Bar {
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

/// One share of a bar: what is left of it is those whom the share is not about.
pub(crate) fn of_one(category: String, part: Part) -> Bar {
    let mut bar = bar(category, &["one".to_owned()], &[String::new()], &[part]);
    if !bar.said.is_empty() {
        bar.hidden_from = None;
    }
    bar
}

/// The difference of two shares, each of so many people and in thousandths, in standard errors of a difference by chance.
pub(crate) fn standard_errors_apart((people_a, permille_a): (u32, u32), (people_b, permille_b): (u32, u32)) -> f64 {
    let (n, m) = (f64::from(people_a), f64::from(people_b));
    let (p, q) = (f64::from(permille_a) / 1_000.0, f64::from(permille_b) / 1_000.0);
    let pooled = (p * n + q * m) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if error > 0.0 { (p - q).abs() / error } else { 0.0 }
}

/// The columns of a table of outcomes: what a row is, its people, and of each outcome how many and which share.
pub(crate) fn columns(of: &str, titles: &[String]) -> Vec<Column> {
    let of_outcome = |title: &String| [Column::number(title.clone()), Column::number(format!("{title} %"))];
    let first = [Column::text(of), Column::number(text::word("dashboard", "people"))];
    first.into_iter().chain(titles.iter().flat_map(of_outcome)).collect()
}

/// A row under these columns.
pub(crate) fn row(head: String, people: Option<u32>, parts: &[Part], mark: &str, is_total: bool) -> Row {
    let cells = parts.iter().flat_map(|part| [count(part.people, mark), share(part.share_permille, mark)]);
    Row { head, cells: std::iter::once(count(people, mark)).chain(cells).collect(), is_total }
}

/// Bars with their table, and what the title says of them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bars<F> {
    /// In the ids of the page's elements.
    pub(crate) id: String,
    /// Of what.
    pub(crate) title: String,
    pub(crate) finding: F,
    pub(crate) keys: Vec<Key>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) table: Table,
}

/// One key for each outcome.
pub(crate) fn keys(outcomes: &[String], titles: &[String]) -> Vec<Key> {
    let outcomes = outcomes.iter().zip(titles).enumerate();
    outcomes.map(|(place, (outcome, title))| Key { title: title.clone(), colour: colour(place, outcome) }).collect()
}

/// The interval of a share at 95 %, in thousandths (Wilson 1927): it never leaves 0 to 1, and holds for small groups too.
fn wilson_permille(part: u32, whole: u32) -> Option<(u32, u32)> {
    /// The normal quantile of 97.5 %.
    const Z: f64 = 1.959_964;
    if whole == 0 || part > whole {
        return None;
    }
    let (n, p) = (f64::from(whole), f64::from(part) / f64::from(whole));
    let middle = p + Z * Z / (2.0 * n);
    let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Some((permille((middle - reach) / scale), permille((middle + reach) / scale)))
}

/// A share with its interval: «41,0 (36,2–46,0)».
pub(crate) fn with_interval(part: Part, whole: Option<u32>, mark: &str) -> String {
    let interval = part.people.zip(whole).and_then(|(part, whole)| wilson_permille(part, whole));
    match (part.share_permille, interval) {
        (Some(permille), Some((low, high))) => {
            format!("{} ({}–{})", share(Some(permille), mark), share(Some(low), mark), share(Some(high), mark))
        }
        _ => mark.to_owned(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1")]
fn permille(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 1_000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_as_published() {
        // Newcombe (1998), Statistics in Medicine 17, table I, method 3.
        assert_eq!(wilson_permille(81, 263), Some((255, 366)));
        assert_eq!(wilson_permille(15, 148), Some((62, 160)));
        assert_eq!(wilson_permille(0, 20), Some((0, 161)));
        assert_eq!(wilson_permille(1, 29), Some((6, 172)));
        assert_eq!(wilson_permille(3, 0), None);
    }
}
