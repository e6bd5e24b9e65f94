//! Several releases at once: what somebody learns who knows that a person is in them and lays them side by side.
//!
//! A person's *pattern* is the classes that their rows are in, release by release, and in which releases they have none. Nothing
//! else tells people of one pattern apart, so every rule is asked of them as it is of a class: k of their number, the
//! others of their values in each release. With one release it says whether the pattern of a person's several rows stands out.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use serde::Serialize;

use super::{Checks, Class, Labels, StarRows, Violation, check_sensitive, refuse_nan};
use crate::error::Error;
use crate::report::SensitiveMeasures;

/// A release, and whose rows it has.
#[derive(Debug, Clone, Copy)]
pub struct Released<'a> {
    /// The table.
    pub batch: &'a RecordBatch,
    /// For each of its rows the number of its person, the same one in every release.
    pub people: &'a [u64],
    /// Its quasi-identifiers and rules.
    pub checks: &'a Checks,
}

/// The outcome for all releases together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Together {
    /// Whether there is no violation.
    pub passed: bool,
    /// People in any of the releases.
    pub people: usize,
    /// Different patterns.
    pub patterns: usize,
    /// People of the rarest one; 0 if there is nobody.
    pub k: usize,
    /// For each release what its sensitive columns reach among people of one pattern.
    pub sensitive: Vec<Vec<SensitiveMeasures>>,
    /// Everything that is wrong; rows are those of the release in which the pattern's first row is.
    pub violations: Vec<Violation>,
}

/// A class of a release, and a row of it: by release.
type Pattern = Vec<(usize, usize)>;

/// Checks that no rule breaks for whoever knows in which of these releases a person is and lays them side by side.
///
/// The number of people asked for is the greatest `k` of the releases. Rows of `*` only are a class with
/// [`StarRows::AreAClass`]; else who has only those in a release counts as not in it.
///
/// # Errors
/// A column that is not there; a number of people that is not that of the rows; a limit that is no number.
pub fn verify_together(releases: &[Released<'_>]) -> Result<Together, Error> {
    let mut violations = Vec::new();
    let mut patterns: BTreeMap<u64, Pattern> = BTreeMap::new();
    let mut rows_of: BTreeMap<(usize, usize, u64), Vec<usize>> = BTreeMap::new();
    let mut names: Vec<BTreeMap<usize, Vec<String>>> = Vec::new();
    for (number, release) in releases.iter().enumerate() {
        let (batch, checks) = (release.batch, release.checks);
        refuse_nan(checks)?;
        if release.people.len() != batch.num_rows() {
            return Err(Error::RowsDoNotMatch {
                reason: format!("release {number}: {} people for {} rows", release.people.len(), batch.num_rows()),
            });
        }
        let labels = checks
            .quasi_identifiers
            .iter()
            .map(|name| Labels::read(batch, name, &mut violations))
            .collect::<Result<Vec<_>, _>>()?;
        let mut numbers: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        let mut named = BTreeMap::new();
        for row in 0..batch.num_rows() {
            if checks.star_rows == StarRows::AreSetApart && labels.iter().all(|labels| labels.text(row) == "*") {
                continue;
            }
            let next = numbers.len();
            let class = *numbers.entry(labels.iter().map(|labels| labels.codes[row]).collect()).or_insert(next);
            named.entry(class).or_insert_with(|| labels.iter().map(|labels| labels.text(row).to_owned()).collect());
            patterns.entry(release.people[row]).or_default().push((number, class));
            rows_of.entry((number, class, release.people[row])).or_default().push(row);
        }
        names.push(named);
    }
    let mut by_pattern: BTreeMap<Pattern, Vec<u64>> = BTreeMap::new();
    for (person, mut pattern) in patterns.clone() {
        pattern.sort_unstable();
        by_pattern.entry(pattern).or_default().push(person);
    }

    let asked = releases.iter().map(|release| release.checks.rules.k).max().unwrap_or(0);
    let mut classes: Vec<Vec<Class>> = releases.iter().map(|_| Vec::new()).collect();
    let mut least: Option<usize> = None;
    for (pattern, people) in &by_pattern {
        let name: Vec<String> = pattern.iter().flat_map(|(release, class)| names[*release][class].clone()).collect();
        let mut steps = pattern.clone();
        steps.dedup();
        for (at, &(release, class)) in steps.iter().enumerate() {
            let rows: Vec<usize> =
                people.iter().flat_map(|person| &rows_of[&(release, class, *person)]).copied().collect();
            if at == 0 && people.len() < asked {
                violations.push(Violation::SmallClass {
                    class: name.clone(),
                    row: rows.first().copied().unwrap_or(0),
                    people: people.len(),
                    k: asked,
                });
            }
            classes[release].push(Class { name: name.clone(), rows });
        }
        least = Some(least.map_or(people.len(), |least| least.min(people.len())));
    }
    let mut sensitive = Vec::new();
    for (release, classes) in releases.iter().zip(&classes) {
        let rules = &release.checks.rules;
        let reached =
            rules.sensitive.iter().map(|rule| check_sensitive(release.batch, classes, rules, rule, &mut violations));
        sensitive.push(reached.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(Together {
        passed: violations.is_empty(),
        people: patterns.len(),
        patterns: by_pattern.len(),
        k: least.unwrap_or(0),
        sensitive,
        violations,
    })
}
