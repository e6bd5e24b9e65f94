//! Profiles of the community: groups of people with similar needs, alike in the sections where their last answers hold them back. How
//! many a group has, and how often each question holds it back, is protected with all other tables.

use std::collections::BTreeMap;

use disclosure::{Dimension, DimensionId, Error, TableSet};
use serde::{Deserialize, Serialize};
use warehouse::LowRow;
use warehouse::clusters::{Clusters, letters};

use super::needs::{self, ASKED, ELSEWHERE};
use super::one_way::OneWay;
use super::plan::Ids;
use crate::strumento::{Content, ItemNames};

/// The dimension of groups.
pub(super) const GROUP: &str = "group";

/// Fewer people are no group.
const LEAST: usize = 20;
/// More groups are too many to plan for, and each has few people.
const MOST: usize = 5;

/// What groups grow from, so that they keep their letters and change slowly. The same start and the same people give the same groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Start {
    columns: Vec<String>,
    groups: Vec<Centre>,
    /// Letters that groups had before these, and that no other has again.
    letters: Vec<String>,
}

/// The groups of a state; none where nothing tells its people apart, or they are not offered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// The sections that people are alike in.
    columns: Vec<String>,
    groups: Vec<Centre>,
}

/// What is remembered of the groups of a strumento in an Ente.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    format: Format,
    /// The version of the lake that these groups are of.
    version: i64,
    columns: Vec<String>,
    groups: Vec<Centre>,
    /// What they grew from: the same version grows from it again, so that nothing in it changes with a restart.
    before: Vec<Centre>,
    /// The letters given before this version.
    letters: Vec<String>,
}

/// Stored format "needs groups 1": read for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "needs groups 1")]
    One,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Centre {
    name: String,
    /// By section the share of questions whose answers hold back, to a tenth: enough to find the group again, and no count.
    centre: Vec<f64>,
}

impl Remembered {
    /// What is to be remembered of a version.
    pub(crate) fn new(version: i64, start: Start, found: Found) -> Self {
        Self {
            format: Format::One,
            version,
            columns: found.columns,
            groups: found.groups,
            before: start.groups,
            letters: start.letters,
        }
    }

    /// Whether it is of a version before this one.
    pub(crate) fn is_before(&self, version: i64) -> bool {
        self.version < version
    }

    /// What the groups of a version grow from.
    pub(crate) fn start(&self, version: i64) -> Start {
        let (columns, mut letters) = (self.columns.clone(), self.letters.clone());
        if !self.is_before(version) {
            return Start { columns, groups: self.before.clone(), letters };
        }
        letters.extend(self.groups.iter().map(|group| group.name.clone()));
        letters.sort();
        letters.dedup();
        Start { columns, groups: self.groups.clone(), letters }
    }
}

/// Everybody in groups, before they are protected.
pub(super) struct Grouped {
    names: Vec<String>,
    people: BTreeMap<String, u32>,
    /// The items, each with the people of every group whose answer holds them back.
    low: Vec<(String, BTreeMap<String, u32>)>,
    elsewhere: u32,
    found: Found,
}

/// How a question's table counts everybody over all periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OfAll {
    pub(super) low: u32,
    pub(super) elsewhere: u32,
}

/// The questions that groups are made of: those that an answer can hold somebody back in, and that can change.
pub(crate) fn questions(content: &Content) -> Vec<&ItemNames> {
    content.items.iter().filter(|item| !item.is_fixed && item.can_be_low()).collect()
}

impl Grouped {
    /// The groups of people by their answers to [`questions`]; `None` where there are none, or they are not the people of the tables,
    /// each of which counts everybody as `of_all` says.
    pub(super) fn new(
        rows: &[LowRow],
        content: &Content,
        everybody: u32,
        of_all: &BTreeMap<String, OfAll>,
        start: &Start,
    ) -> Option<Self> {
        let items = questions(content);
        let mut columns: Vec<String> = Vec::new();
        for item in &items {
            if !columns.contains(&item.section) {
                columns.push(item.section.clone());
            }
        }
        // By section how many of its questions hold somebody back, as a share.
        let point = |row: &LowRow| -> Vec<f64> {
            let share = |section: &String| {
                let of = items.iter().zip(row.pattern.bytes()).filter(|(item, _)| item.section == *section);
                let (low, all) =
                    of.fold((0, 0), |(low, all), (_, answer)| (low + usize::from(answer == b'1'), all + 1));
                small(low) / small(all.max(1))
            };
            columns.iter().map(share).collect()
        };
        let people: Vec<usize> = rows.iter().map(|row| usize::try_from(row.people).unwrap_or(0)).collect();
        let points = rows.iter().zip(&people).flat_map(|(row, &people)| std::iter::repeat_n(point(row), people));
        let known = if start.columns == columns { start.groups.as_slice() } else { &[] };
        let known: Vec<(String, Vec<f64>)> =
            known.iter().map(|group| (group.name.clone(), group.centre.clone())).collect();
        let centres: Vec<Vec<f64>> = known.iter().map(|(_, centre)| centre.clone()).collect();
        let clusters = Clusters::of(&points.collect::<Vec<_>>(), LEAST, MOST, &centres)?;
        let letters = letters(&clusters.centres, &known, &start.letters);
        let in_tenths = |centre: Vec<f64>| centre.into_iter().map(|share| (share * 10.0).round() / 10.0).collect();
        let mut groups: Vec<Centre> = letters
            .iter()
            .zip(clusters.centres)
            .map(|(name, centre)| Centre { name: name.clone(), centre: in_tenths(centre) })
            .collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        let mut of_groups: BTreeMap<String, u32> = BTreeMap::new();
        let mut low: Vec<(String, BTreeMap<String, u32>)> =
            items.iter().map(|item| (item.id.clone(), BTreeMap::new())).collect();
        let mut assigned = clusters.assigned.into_iter();
        for (row, &people) in rows.iter().zip(&people) {
            for group in assigned.by_ref().take(people) {
                let name = &letters[group];
                *of_groups.entry(name.clone()).or_default() += 1;
                for ((_, low), _) in low.iter_mut().zip(row.pattern.bytes()).filter(|(_, answer)| *answer == b'1') {
                    *low.entry(name.clone()).or_default() += 1;
                }
            }
        }
        let elsewhere = everybody.saturating_sub(of_groups.values().sum());
        let is_same =
            low.iter().all(|(item, low)| of_all.get(item) == Some(&OfAll { low: low.values().sum(), elsewhere }));
        if !is_same {
            tracing::error!("people counted one by one are not those of the tables: no groups are made of them");
            return None;
        }
        Some(Self {
            names: groups.iter().map(|group| group.name.clone()).collect(),
            people: of_groups,
            low,
            elsewhere,
            found: Found { columns, groups },
        })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    /// Whether somebody is in no group.
    pub(super) fn has_elsewhere(&self) -> bool {
        self.elsewhere > 0
    }

    pub(super) fn dimension(&self) -> Dimension {
        let elsewhere = (self.elsewhere > 0).then(|| ELSEWHERE.to_owned());
        Dimension::exclusive(GROUP, self.names.iter().cloned().chain(elsewhere)).changing()
    }

    pub(super) fn count(&self, set: &mut TableSet, id: DimensionId, ids: &Ids, tables: &[OneWay]) -> Result<(), Error> {
        set.table(&[id])?;
        for (name, &people) in &self.people {
            set.count(&[(id, name)], people)?;
        }
        if self.elsewhere > 0 {
            set.count(&[(id, ELSEWHERE)], self.elsewhere)?;
        }
        for (item, low) in &self.low {
            let name = needs::item(item);
            let Some(&item) = ids.one_way.get(&name) else { continue };
            let is_elsewhere = |table: &OneWay| table.categories.iter().any(|category| category == ELSEWHERE);
            let has_elsewhere = tables.iter().find(|table| table.name == name).is_some_and(is_elsewhere);
            set.table(&[id, item])?;
            for name in &self.names {
                let (here, low) =
                    (self.people.get(name).copied().unwrap_or_default(), low.get(name).copied().unwrap_or_default());
                set.count(&[(id, name), (item, "low")], low)?;
                set.count(&[(id, name), (item, "other")], here.saturating_sub(low))?;
                if has_elsewhere {
                    set.impossible(&[(id, name), (item, ELSEWHERE)])?;
                }
            }
            if self.elsewhere > 0 {
                set.count(&[(id, ELSEWHERE), (item, ELSEWHERE)], self.elsewhere)?;
                for answer in ["low", "other", ASKED] {
                    set.impossible(&[(id, ELSEWHERE), (item, answer)])?;
                }
            }
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of questions are far below 2^52")]
fn small(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_read_for_ever() {
        let centre = |name: &str, centre| Centre { name: name.to_owned(), centre };
        let remembered = Remembered {
            format: Format::One,
            version: 7,
            columns: vec!["Abitare".to_owned(), "Salute".to_owned()],
            groups: vec![centre("A", vec![0.2, 0.5]), centre("C", vec![1.0, 0.7])],
            before: vec![centre("A", vec![0.3, 0.5])],
            letters: vec!["A".to_owned(), "B".to_owned()],
        };
        // Written once by version 1 and never changed.
        let version_1 = include_str!("../tests/fixtures/needs_groups_1.json").trim_end();
        assert_eq!(serde_json::to_string(&remembered).unwrap(), version_1);
        assert_eq!(serde_json::from_str::<Remembered>(version_1).unwrap(), remembered);
        let later = version_1.replace("groups 1", "groups 2");
        assert!(serde_json::from_str::<Remembered>(&later).is_err());
    }
    #[test]
    fn a_version_grows_from_the_same_again_and_a_later_one_from_it() {
        let centre = |name: &str| Centre { name: name.to_owned(), centre: vec![0.5] };
        let found = |name: &str| Found { columns: vec!["Abitare".to_owned()], groups: vec![centre(name)] };
        let first = Remembered::new(1, Start::default(), found("A"));
        assert_eq!(first.start(1).groups, Vec::new());
        let second = Remembered::new(2, first.start(2), found("B"));
        assert_eq!((second.start(2).groups, second.start(1).groups), (vec![centre("A")], vec![centre("A")]));
        assert_eq!(second.start(2).letters, ["A"]);
        let third = second.start(3);
        assert_eq!((third.groups, third.letters), (vec![centre("B")], vec!["A".to_owned(), "B".to_owned()]));
        // A state without groups leaves the letters alone.
        let none = Remembered::new(3, second.start(3), Found::default());
        assert_eq!((none.start(4).groups, none.start(4).letters.len()), (Vec::new(), 2));
    }
}
