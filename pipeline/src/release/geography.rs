//! Which name of a place a row may carry: an ambito *is* an Ente, so a provincia is named only when three Enti have people
//! there and none has more than 60 % of them; else the region, by the same rule; else no place.
//!
//! The rows left over in a region have to satisfy the rule too: otherwise they would be the people of the small provincia
//! under another name. Until they do, the smallest provincia still named joins them.

use std::collections::BTreeMap;

/// The name of a province and its rows.
type Province<'a> = (&'a str, Vec<usize>);

/// Enti that a named place needs.
const ENTI_MIN: usize = 3;
/// The most that one Ente may have of a named place's rows, in hundredths.
const SHARE_MAX: usize = 60;
/// The rows of no place: unknown, or in none that may be named.
pub(super) const NOWHERE: &str = "altro_o_non_noto";

/// Names of places, by the first three digits of the comuni's ISTAT codes.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Provincia and region; the names of provincie differ from those of regions (`Aosta (AO)`).
    pub by_prefix: BTreeMap<String, (String, String)>,
}

impl Places {
    fn of(&self, comune: &str) -> Option<&(String, String)> {
        self.by_prefix.get(comune.get(..3)?)
    }
}

/// What each row is called, and the hierarchy over those names, line by line.
#[derive(Debug)]
pub(super) struct Territory {
    pub(super) labels: Vec<String>,
    pub(super) lines: Vec<Vec<String>>,
}

/// Rows as comune and Ente.
pub(super) fn name(rows: &[(Option<&str>, usize)], places: &Places) -> Territory {
    let place_of = |row: &usize| rows[*row].0.and_then(|comune| places.of(comune));
    let mut regions: BTreeMap<&str, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    let mut nowhere = Vec::new();
    for row in 0..rows.len() {
        match place_of(&row) {
            Some((province, region)) => regions.entry(region).or_default().entry(province).or_default().push(row),
            None => nowhere.push(row),
        }
    }
    let mut named: BTreeMap<&str, (Vec<Province<'_>>, Vec<usize>)> = BTreeMap::new();
    for (region, provinces) in regions {
        let all: Vec<usize> = provinces.values().flatten().copied().collect();
        if !may_be_named(&all, rows) {
            nowhere.extend(all);
            continue;
        }
        named.insert(region, settle(provinces.into_iter().collect(), Vec::new(), rows));
    }
    // The same over the regions: what is left without a place must not be one Ente's.
    while !nowhere.is_empty() && !may_be_named(&nowhere, rows) {
        let size = |found: &(Vec<(&str, Vec<usize>)>, Vec<usize>)| {
            found.0.iter().map(|(_, rows)| rows.len()).sum::<usize>() + found.1.len()
        };
        let Some(smallest) = named.iter().min_by_key(|(_, found)| size(found)).map(|(region, _)| *region) else {
            break;
        };
        if let Some((provinces, rest)) = named.remove(smallest) {
            nowhere.extend(provinces.into_iter().flat_map(|(_, rows)| rows).chain(rest));
        }
    }
    let mut labels = vec![String::from(NOWHERE); rows.len()];
    let mut lines = Vec::new();
    let line = |leaf: &str, region: &str| vec![leaf.to_owned(), region.to_owned(), String::from("*")];
    for (region, (provinces, rest)) in named {
        let has_provinces = !provinces.is_empty();
        for (province, members) in provinces {
            members.iter().for_each(|&row| province.clone_into(&mut labels[row]));
            lines.push(line(province, region));
        }
        if !rest.is_empty() {
            let leaf = if has_provinces { format!("{region} (altre province)") } else { region.to_owned() };
            rest.iter().for_each(|&row| leaf.clone_into(&mut labels[row]));
            lines.push(line(&leaf, region));
        }
    }
    if !nowhere.is_empty() || lines.is_empty() {
        lines.push(line(NOWHERE, NOWHERE));
    }
    Territory { labels, lines }
}

type Settled<'a> = (Vec<(&'a str, Vec<usize>)>, Vec<usize>);

/// The provincie that keep their names, and the rows that get the region's.
fn settle<'a>(
    provinces: Vec<(&'a str, Vec<usize>)>,
    mut rest: Vec<usize>,
    rows: &[(Option<&str>, usize)],
) -> Settled<'a> {
    let (mut kept, small): (Vec<_>, Vec<_>) =
        provinces.into_iter().partition(|(_, members)| may_be_named(members, rows));
    rest.extend(small.into_iter().flat_map(|(_, members)| members));
    while !rest.is_empty() && !may_be_named(&rest, rows) {
        let smallest = kept.iter().enumerate().min_by_key(|(_, (name, members))| (members.len(), *name));
        let Some(position) = smallest.map(|(position, _)| position) else { break };
        rest.extend(kept.remove(position).1);
    }
    (kept, rest)
}

fn may_be_named(members: &[usize], rows: &[(Option<&str>, usize)]) -> bool {
    let mut of_ente: BTreeMap<usize, usize> = BTreeMap::new();
    for &row in members {
        *of_ente.entry(rows[row].1).or_default() += 1;
    }
    let most = of_ente.values().max().copied().unwrap_or(0);
    of_ente.len() >= ENTI_MIN && most * 100 <= members.len() * SHARE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let place = |province: &str, region: &str| (province.to_owned(), region.to_owned());
        Places {
            by_prefix: BTreeMap::from([
                ("093".to_owned(), place("Pordenone (PN)", "Friuli")),
                ("030".to_owned(), place("Udine (UD)", "Friuli")),
                ("031".to_owned(), place("Gorizia (GO)", "Friuli")),
                ("026".to_owned(), place("Treviso (TV)", "Veneto")),
            ]),
        }
    }

    /// How many rows of each label, from (comune, Ente, rows).
    fn check(of: &[(&'static str, usize, usize)], expected: &[(&str, usize)]) {
        let rows: Vec<(Option<&str>, usize)> = of
            .iter()
            .flat_map(|&(comune, ente, count)| vec![(Some(comune).filter(|c| !c.is_empty()), ente); count])
            .collect();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for label in name(&rows, &places()).labels {
            *counts.entry(label).or_default() += 1;
        }
        let expected: BTreeMap<String, usize> = expected.iter().map(|(l, n)| ((*l).to_owned(), *n)).collect();
        assert_eq!(counts, expected);
    }

    #[test]
    fn a_provincia_is_named_only_when_no_ente_is_seen_through_it() {
        check(&[("093033", 1, 10), ("093001", 2, 10), ("093002", 3, 10)], &[("Pordenone (PN)", 30)]);
        // Two Enti in Pordenone; three in the region.
        check(&[("093033", 1, 10), ("093033", 2, 10), ("030001", 3, 10)], &[("Friuli", 30)]);
        // Three, and one of them has two thirds.
        check(&[("093033", 1, 20), ("093033", 2, 5), ("093033", 3, 5)], &[(NOWHERE, 30)]);
        // What is left of the region would be one Ente's: Pordenone gives up its name.
        check(&[("093033", 1, 10), ("093033", 2, 10), ("093033", 3, 10), ("030001", 4, 5)], &[("Friuli", 35)]);
        // Three are left: Pordenone keeps it.
        check(
            &[
                ("093033", 1, 10),
                ("093033", 2, 10),
                ("093033", 3, 10),
                ("030001", 4, 5),
                ("030001", 5, 5),
                ("031001", 6, 5),
            ],
            &[("Pordenone (PN)", 30), ("Friuli (altre province)", 15)],
        );
        // A person of nowhere would be alone there.
        check(&[("026001", 1, 9), ("026001", 2, 9), ("026001", 3, 9), ("", 4, 1)], &[(NOWHERE, 28)]);
    }
}
