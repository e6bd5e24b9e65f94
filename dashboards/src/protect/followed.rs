//! How people are followed: who has not been assessed for long, who comes back and when, from which level to which, and
//! whether the index moved by more than the error of measurement.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use warehouse::ReturnRow;

use super::one_way::{OneWay, Same};
use super::plan::{People, outcome_of};
use super::{ALL, Marts, NOT_VALID, ProtectError, Protected};
use crate::merge::RARE;
use crate::strumento::Strumento;

/// Who has not been assessed for long.
pub(crate) const RECENCY: &str = "recency";
/// When people were assessed first, and whether again.
pub(crate) const COHORTS: &str = "cohorts";
/// How long after the first assessment the second was.
pub(crate) const RETURNS: &str = "returns";
/// By calendar year: who was assessed for the first time in the year that counts.
pub(crate) const ARRIVALS: &str = "arrivals";

/// The table of paths of a scale.
pub(crate) fn paths(scale: &str) -> String {
    format!("paths of {scale}")
}

/// The table of changes of a scale.
pub(crate) fn changes(scale: &str) -> String {
    format!("changes of {scale}")
}

/// From one level to another.
pub(crate) fn path(from: &str, to: &str) -> String {
    format!("{from} > {to}")
}

/// The month before which a last assessment is overdue: `2025-06`, when so many days ago was in June.
pub(crate) fn overdue_before(as_of: NaiveDate, days: u32) -> Option<String> {
    Some(as_of.checked_sub_days(Days::new(days.into()))?.format("%Y-%m").to_string())
}

pub(super) fn tables(
    marts: &Marts,
    strumento: &Strumento,
    people: &People<'_>,
    before: Option<&Protected>,
) -> Result<Vec<OneWay>, ProtectError> {
    let wrong = |source| ProtectError::Tables { strumento: strumento.id.clone(), source };
    let mut tables = Vec::new();
    tables.extend(recency(marts, strumento, people)?);
    tables.extend(returns(marts, people, before.map(|before| before.names_in(COHORTS)).unwrap_or_default())?);
    tables.extend(arrivals(marts, people)?);
    for scale in &strumento.scales {
        if let Some(outcomes) = people.targets.get(&scale.id) {
            tables.push(paths_of(marts, &scale.id, outcomes, people)?.map_err(wrong)?);
        }
        tables.extend(changes_of(marts, &scale.id, people)?.map(|table| table.map_err(wrong)).transpose()?);
    }
    Ok(tables)
}

/// Overdue or not, each divided by whether the last assessment is in the last year with data: readers see that year's people.
fn recency(marts: &Marts, strumento: &Strumento, people: &People<'_>) -> Result<Option<OneWay>, ProtectError> {
    let Some(before) = strumento.content.reassess_after_days.and_then(|days| overdue_before(marts.as_of, days)) else {
        return Ok(None);
    };
    let Some(last) = people.years.last().filter(|_| !marts.recency.is_empty()) else { return Ok(None) };
    let code = |is_overdue: bool, is_last: bool| {
        let when = if is_last { "last year" } else { "earlier" };
        format!("{} {when}", if is_overdue { "overdue" } else { "recent" })
    };
    // Between the two lies either a part of the last year or a part of the one before, never of both.
    let starts = format!("{last}-01");
    let between = if before > starts { code(true, true) } else { code(false, false) };
    let mut table = OneWay::new(RECENCY, [code(true, false), between, code(false, true)]);
    for row in &marts.recency {
        let category = code(row.month < before, row.month >= starts);
        table.add(&category, ALL, (people.count)("recency", row.people)?);
    }
    let of = |table: &OneWay, part: &str| -> Vec<String> {
        table.categories.iter().filter(|category| category.contains(part)).cloned().collect()
    };
    for part in ["overdue", "recent", "last year"] {
        table.group(part, of(&table, part));
    }
    table.same.push(("last year".to_owned(), Same::Year(last.clone())));
    Ok(Some(table))
}

/// Cohorts as they are shown: quarters, or years where most quarters have few people and no quarter was shown before.
fn cohort_names(returns: &[ReturnRow], before: &[String]) -> BTreeMap<String, String> {
    let mut sizes: BTreeMap<&str, i64> = BTreeMap::new();
    for row in returns {
        *sizes.entry(row.cohort.as_str()).or_default() += row.people;
    }
    let mut sorted: Vec<i64> = sizes.values().copied().collect();
    sorted.sort_unstable();
    let had_quarters = sizes.keys().any(|cohort| before.iter().any(|name| name == cohort));
    let is_small = !had_quarters && sorted.get(sorted.len() / 2).is_none_or(|&median| median < i64::from(RARE));
    let shown = |cohort: &str| if is_small { cohort[..4].to_owned() } else { cohort.to_owned() };
    sizes.keys().map(|cohort| ((*cohort).to_owned(), shown(cohort))).collect()
}

/// Cohorts by whether they came back so far; and those who did by whether it was within the median time or later. Fixed times
/// would leave a handful on one side, and those take the figures of the others away.
fn returns(marts: &Marts, people: &People<'_>, before: &[String]) -> Result<Vec<OneWay>, ProtectError> {
    if marts.returns.is_empty() {
        return Ok(Vec::new());
    }
    let names = cohort_names(&marts.returns, before);
    let code = |cohort: &str, when: &str| format!("{cohort} {when}");
    let mut cohorts: Vec<&String> = names.values().collect();
    cohorts.dedup();
    let mut by_cohort =
        OneWay::new(COHORTS, cohorts.iter().flat_map(|cohort| ["again", "never"].map(|when| code(cohort, when))));
    let median = median_quarters(&marts.returns);
    let mut times = OneWay::new(RETURNS, ["by then", "later", "never"]);
    for row in &marts.returns {
        let people = (people.count)("returns", row.people)?;
        let (when, time) = match median {
            Some(median) if row.quarters_to_second > median => ("again", "later"),
            Some(_) if row.quarters_to_second >= 0 => ("again", "by then"),
            Some(_) | None => ("never", "never"),
        };
        by_cohort.add(&code(&names[&row.cohort], when), ALL, people);
        times.add(time, ALL, people);
    }
    for cohort in &cohorts {
        by_cohort.group(*cohort, ["again", "never"].map(|when| code(cohort, when)));
    }
    // What was shown of whole years stays known when quarters are shown.
    for year in cohorts.iter().filter(|cohort| cohort.len() > 4).map(|cohort| &cohort[..4]).collect::<BTreeSet<_>>() {
        let quarters = || cohorts.iter().filter(|cohort| cohort.starts_with(year));
        for when in ["again", "never"] {
            if before.contains(&code(year, when)) {
                by_cohort.group(code(year, when), quarters().map(|cohort| code(cohort, when)).collect::<Vec<_>>());
            }
        }
        if before.iter().any(|name| name == year) {
            let both = quarters().flat_map(|cohort| ["again", "never"].map(|when| code(cohort, when)));
            by_cohort.group(year, both.collect::<Vec<_>>());
        }
    }
    if let Some(first) = people.years.first() {
        // Who was assessed in the first year was so for the first time.
        let of = cohorts.iter().filter(|cohort| cohort.starts_with(first.as_str()));
        let of = of.flat_map(|cohort| ["again", "never"].map(|when| code(cohort, when)));
        by_cohort.group(format!("first in {first}"), of.collect::<Vec<_>>());
        by_cohort.same.push((format!("first in {first}"), Same::Year(first.clone())));
    }
    by_cohort.group("all again", cohorts.iter().map(|cohort| code(cohort, "again")).collect::<Vec<_>>());
    by_cohort.same.push(("all again".to_owned(), Same::Again));
    times.group("again", ["by then", "later"]);
    times.same.push(("again".to_owned(), Same::Again));
    Ok(vec![by_cohort, times])
}

/// The lower median of the quarters until the second assessment, of those who have one.
pub(crate) fn median_quarters(returns: &[ReturnRow]) -> Option<i64> {
    let mut by_quarters: BTreeMap<i64, i64> = BTreeMap::new();
    for row in returns.iter().filter(|row| row.quarters_to_second >= 0) {
        *by_quarters.entry(row.quarters_to_second).or_default() += row.people;
    }
    let half = (by_quarters.values().sum::<i64>() + 1) / 2;
    let mut so_far = 0;
    by_quarters.into_iter().find_map(|(quarters, people)| {
        so_far += people;
        (so_far >= half.max(1)).then_some(quarters)
    })
}

/// By year: for the first time, or known from before. The difference between a year's people and its cohorts tells it anyway.
fn arrivals(marts: &Marts, people: &People<'_>) -> Result<Option<OneWay>, ProtectError> {
    // In one year alone everybody is new, which says nothing.
    if people.years.len() < 2 {
        return Ok(None);
    }
    let mut table = OneWay { is_by_year: true, ..OneWay::new(ARRIVALS, ["first", "known"]) };
    for row in &marts.totals {
        let Some(first) = row.of_first_year else { return Ok(None) };
        table.add("first", &row.period, (people.count)("totals", first)?);
        table.add("known", &row.period, (people.count)("totals", row.people - first)?);
    }
    if let Some(first) = people.years.first() {
        // Before the first year of all nobody was known.
        table.impossible.push(("known".to_owned(), first.clone()));
    }
    Ok(Some(table))
}

/// From the first level to the last; whoever was assessed once stands where they are.
fn paths_of(
    marts: &Marts,
    scale: &str,
    outcomes: &[String],
    people: &People<'_>,
) -> Result<Result<OneWay, disclosure::Error>, ProtectError> {
    let once = |outcome: &str| format!("once {outcome}");
    let pairs = outcomes.iter().flat_map(|from| outcomes.iter().map(move |to| path(from, to)));
    let mut table = OneWay::new(paths(scale), outcomes.iter().map(|outcome| once(outcome)).chain(pairs));
    let of_scale = |row: &&warehouse::PathRow| row.scale == scale && row.period == ALL;
    for row in marts.paths.iter().filter(of_scale) {
        let (from, to) = (outcome_of(outcomes, &row.from_level), outcome_of(outcomes, &row.to_level));
        table.add(&path(&from, &to), ALL, (people.count)("paths", row.people)?);
    }
    // Of an earlier version that had not this scale there is no path: no valid result then, nor now.
    if outcomes.iter().any(|outcome| outcome == NOT_VALID)
        && let Some(rest) = people.again.checked_sub(table.sum(ALL))
    {
        table.add(&path(NOT_VALID, NOT_VALID), ALL, rest);
    }
    let here: Vec<u32> = outcomes
        .iter()
        .map(|outcome| {
            let rows = marts.territory.iter().filter(|row| row.scale == scale && row.period == ALL);
            let rows = rows.filter(|row| outcome_of(outcomes, &row.level) == *outcome);
            rows.map(|row| (people.count)("territory", row.people)).sum::<Result<u32, _>>()
        })
        .collect::<Result<_, _>>()?;
    let counted: u32 = here.iter().sum();
    let missing = people.everybody.get(ALL).copied().unwrap_or_default().saturating_sub(counted);
    for (outcome, here) in outcomes.iter().zip(here) {
        let here = if outcome == NOT_VALID { here + missing } else { here };
        let came: u32 =
            outcomes.iter().filter_map(|from| table.counts.get(&(path(from, outcome), ALL.to_owned()))).sum();
        let Some(stayed) = here.checked_sub(came) else {
            return Ok(Err(disclosure::Error::Inconsistent {
                relation: format!("[paths to {outcome} of {scale}] ≤ [{outcome}]"),
            }));
        };
        table.add(&once(outcome), ALL, stayed);
    }
    for outcome in outcomes {
        table.group(format!("from {outcome}"), outcomes.iter().map(|to| path(outcome, to)));
        table.group(format!("to {outcome}"), outcomes.iter().map(|from| path(from, outcome)));
        table.group(format!("now {outcome}"), outcomes.iter().map(|from| path(from, outcome)).chain([once(outcome)]));
        let same = Same::Outcome { target: scale.to_owned(), outcome: outcome.clone() };
        table.same.push((format!("now {outcome}"), same));
    }
    table.group("again", outcomes.iter().flat_map(|from| outcomes.iter().map(move |to| path(from, to))));
    table.same.push(("again".to_owned(), Same::Again));
    Ok(Ok(table))
}

/// Improved, worsened, or neither by more than the error: those whose two results cannot be compared are mostly a handful, and
/// by themselves they would take the figures of all others away.
fn changes_of(
    marts: &Marts,
    scale: &str,
    people: &People<'_>,
) -> Result<Option<Result<OneWay, disclosure::Error>>, ProtectError> {
    let mut table = OneWay::new(changes(scale), ["improved", "unchanged", "worsened", "once"]);
    let rows = || marts.changes.iter().filter(|row| row.scale == scale && row.change != "none");
    if rows().next().is_none() {
        return Ok(None);
    }
    for row in rows() {
        table.add(&row.change, ALL, (people.count)("persone", row.people)?);
    }
    let filled = table
        .fill("unchanged", ALL, people.again)
        .and_then(|()| table.fill("once", ALL, people.everybody.get(ALL).copied().unwrap_or_default()));
    table.group("again", ["improved", "unchanged", "worsened"]);
    table.same.push(("again".to_owned(), Same::Again));
    Ok(Some(filled.map(|()| table)))
}
