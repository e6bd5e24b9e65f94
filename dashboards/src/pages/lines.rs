//! Groups of people line by line, each divided by the outcomes of a target: bars, table, and what differs by more than chance.

use serde::Serialize;

use super::bars::{Bars, COMPARED_MIN, Farthest, bar, columns, keys, row, standard_errors_apart};
use super::{Data, count, filters, share};
use crate::characteristic::Filter;
use crate::merge::POOL;
use crate::protect::{Group, NOT_VALID, Part};
use crate::table::{Row, Table};
use crate::text;

/// What the title of a chart says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Finding {
    /// An outcome is more frequent in a line than in another, by more than chance explains.
    Apart { outcome: String, high: String, high_share: String, low: String, low_share: String },
    /// Of people alone: the line with the most of them.
    Largest { category: String, share: String },
    /// The shares shown are hardly apart.
    Similar,
    /// Too few are shown to compare.
    Nothing,
}

/// A line: its title, and the people, unless they are not counted.
pub(crate) struct Line<'a> {
    pub(crate) title: String,
    /// Of several categories together because each is rare: it is not compared.
    pub(crate) is_pool: bool,
    pub(crate) group: Option<Group<'a>>,
}

/// A line for each category of a characteristic; with a filter, of those whom it leaves.
pub(crate) fn lines<'a>(
    data: &'a Data,
    of: Filter,
    categories: &'a [String],
    filter: Option<&'a (Filter, Vec<String>)>,
) -> Vec<Line<'a>> {
    let figures = &data.figures;
    let Some((by, wanted)) = filter else {
        let line = |category: &'a String| Line {
            title: of.category(category),
            is_pool: category == POOL,
            group: figures.of_one(of, category),
        };
        return categories.iter().map(line).collect();
    };
    let together = figures.crossed_with(of, *by).unwrap_or_default();
    let line = |categories: &'a Vec<String>| Line {
        title: filters::together(of, categories),
        is_pool: categories.iter().any(|one| one == POOL),
        group: categories.first().zip(wanted.first()).and_then(|(one, other)| figures.of_two((of, one), (*by, other))),
    };
    together.iter().map(line).collect()
}

/// The lines by the outcomes of a target, and all their people below.
pub(crate) fn chart(
    data: &Data,
    of: &str,
    lines: &[Line<'_>],
    total: &Group<'_>,
    (target, title): (&str, &str),
    (period, mark): (&str, &str),
) -> Bars<Finding> {
    let outcomes = lines.iter().find_map(|line| line.group).unwrap_or(*total).outcomes(target);
    let titles: Vec<String> = outcomes.iter().map(|outcome| data.strumento.outcome_title(target, outcome)).collect();
    let word = |code: &str| text::word("dashboard", code);
    let parts_of = |group: Option<&Group<'_>>| -> Vec<Part> {
        let part = |outcome| group.map_or(Part::HIDDEN, |group| group.part(target, outcome, period));
        (0..outcomes.len()).map(part).collect()
    };
    let people_of = |group: Option<&Group<'_>>| group.and_then(|group| group.people(period));
    let parts: Vec<Vec<Part>> = lines.iter().map(|line| parts_of(line.group.as_ref())).collect();
    let mut rows: Vec<Row> = lines
        .iter()
        .zip(&parts)
        .map(|(line, parts)| row(line.title.clone(), people_of(line.group.as_ref()), parts, mark, false))
        .collect();
    // Of those whom a filter leaves, counted together, outcomes are not.
    rows.push(if total.outcomes(target) == outcomes {
        row(word("total"), total.people(period), &parts_of(Some(total)), mark, true)
    } else {
        let none = std::iter::repeat_n("–".to_owned(), 2 * outcomes.len());
        let cells = std::iter::once(count(total.people(period), mark)).chain(none).collect();
        Row { head: word("total"), cells, is_total: true }
    });
    let compared: Vec<Compared<'_>> = lines
        .iter()
        .zip(&parts)
        .filter(|(line, _)| !line.is_pool)
        .map(|(line, parts)| Compared { title: &line.title, people: people_of(line.group.as_ref()), parts })
        .collect();
    let bars = lines.iter().zip(&parts).map(|(line, parts)| bar(line.title.clone(), &outcomes, &titles, parts));
    Bars {
        id: target.to_owned(),
        title: title.to_owned(),
        finding: finding(&outcomes, &titles, &compared),
        keys: keys(&outcomes, &titles),
        bars: bars.collect(),
        table: Table { columns: columns(of, &titles), rows },
    }
}

/// A line as the finding compares it.
struct Compared<'a> {
    title: &'a str,
    people: Option<u32>,
    parts: &'a [Part],
}

/// The two shares of one outcome that are the most standard errors apart, of those shown and with people enough.
fn finding(outcomes: &[String], titles: &[String], lines: &[Compared<'_>]) -> Finding {
    let mut farthest = Farthest::none();
    let mut compared = 0;
    for (place, title) in titles.iter().enumerate().filter(|(place, _)| outcomes[*place] != NOT_VALID) {
        let shares = lines.iter().filter_map(|line| {
            let people = line.people.filter(|&people| people >= COMPARED_MIN)?;
            Some((line, people, line.parts[place].share_permille?))
        });
        let shares: Vec<_> = shares.collect();
        let high = shares.iter().min_by_key(|(.., share)| std::cmp::Reverse(*share));
        let low = shares.iter().min_by_key(|(.., share)| *share);
        let (Some(high), Some(low)) = (high, low) else { continue };
        if shares.len() < 2 {
            continue;
        }
        compared += 1;
        farthest.offer(standard_errors_apart((high.1, high.2), (low.1, low.2)), || Finding::Apart {
            outcome: title.clone(),
            high: high.0.title.to_owned(),
            high_share: share(Some(high.2), ""),
            low: low.0.title.to_owned(),
            low_share: share(Some(low.2), ""),
        });
    }
    match farthest.said() {
        Some(finding) => finding,
        None if compared > 0 => Finding::Similar,
        None => Finding::Nothing,
    }
}
