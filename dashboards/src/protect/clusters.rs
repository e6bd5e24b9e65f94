//! Profiles of the community: groups of people with similar needs, alike in the sections where their last answers hold them back. How
//! many a group has, and how often each question holds it back, is protected with all other tables.

use std::collections::BTreeMap;

use disclosure::{Dimension, DimensionId, Error, TableSet};
use serde::{Deserialize, Serialize};
use warehouse::LowRow;
use warehouse::clusters::{Clusters, letters};

use super::needs;
use super::plan::Ids;
use crate::strumento::{Content, ItemNames};

/// Fewer people are no group.
const LEAST: usize = 20;
/// More groups are too many to plan for, and each has few people.
const MOST: usize = 5;
/// Those who answered another version, whose questions may have been others.
const ELSEWHERE: &str = "elsewhere";

/// What is remembered of the groups of a strumento in an Ente, so that they keep their letters and change slowly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    format: Format,
    /// The sections that people are alike in.
    columns: Vec<String>,
    groups: Vec<Centre>,
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
    /// By section the share of questions whose answers hold back.
    centre: Vec<f64>,
}

/// Everybody in groups, before they are protected.
pub(super) struct Grouped {
    names: Vec<String>,
    people: BTreeMap<String, u32>,
    /// The items, each with the people of every group whose answer holds them back.
    low: Vec<(String, BTreeMap<String, u32>)>,
    elsewhere: u32,
    remembered: Remembered,
}

/// The questions that groups are made of: those that an answer can hold somebody back in, and that can change.
pub(crate) fn questions(content: &Content) -> Vec<&ItemNames> {
    content.items.iter().filter(|item| !item.is_fixed && item.options.iter().any(|option| option.is_low)).collect()
}

impl Grouped {
    /// The groups of people by their answers to [`questions`]; `None` where there are none, or they are not the people of the tables:
    /// `low_of_all` are how many people each question holds back.
    pub(super) fn new(
        rows: &[LowRow],
        content: &Content,
        everybody: u32,
        low_of_all: &BTreeMap<String, u32>,
        earlier: Option<&Remembered>,
    ) -> Option<Self> {
        let items = questions(content);
        let mut columns: Vec<String> = items.iter().map(|item| item.section.clone()).collect();
        columns.dedup();
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
        let known = earlier.filter(|earlier| earlier.columns == columns).map(|earlier| earlier.groups.as_slice());
        let known: Vec<(String, Vec<f64>)> =
            known.unwrap_or_default().iter().map(|group| (group.name.clone(), group.centre.clone())).collect();
        let centres: Vec<Vec<f64>> = known.iter().map(|(_, centre)| centre.clone()).collect();
        let found = Clusters::of(&points.collect::<Vec<_>>(), LEAST, MOST, &centres)?;
        let letters = letters(&found.centres, &known);
        let mut groups: Vec<Centre> =
            letters.iter().zip(found.centres).map(|(name, centre)| Centre { name: name.clone(), centre }).collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        let mut of_groups: BTreeMap<String, u32> = BTreeMap::new();
        let mut low: Vec<(String, BTreeMap<String, u32>)> =
            items.iter().map(|item| (item.id.clone(), BTreeMap::new())).collect();
        let mut assigned = found.assigned.into_iter();
        for (row, &people) in rows.iter().zip(&people) {
            for group in assigned.by_ref().take(people) {
                let name = &letters[group];
                *of_groups.entry(name.clone()).or_default() += 1;
                for ((_, low), _) in low.iter_mut().zip(row.pattern.bytes()).filter(|(_, answer)| *answer == b'1') {
                    *low.entry(name.clone()).or_default() += 1;
                }
            }
        }
        let elsewhere = everybody.checked_sub(of_groups.values().sum());
        let is_same = low.iter().all(|(item, low)| low_of_all.get(item) == Some(&low.values().sum()));
        let Some(elsewhere) = elsewhere.filter(|_| is_same) else {
            tracing::error!("people counted one by one are not those of the tables: no groups are made of them");
            return None;
        };
        Some(Self {
            names: groups.iter().map(|group| group.name.clone()).collect(),
            people: of_groups,
            low,
            elsewhere,
            remembered: Remembered { format: Format::One, columns, groups },
        })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    pub(super) fn dimension(&self) -> Dimension {
        let elsewhere = (self.elsewhere > 0).then(|| ELSEWHERE.to_owned());
        Dimension::exclusive("group", self.names.iter().cloned().chain(elsewhere)).changing()
    }

    pub(super) fn count(&self, set: &mut TableSet, id: DimensionId, ids: &Ids) -> Result<(), Error> {
        set.table(&[id])?;
        for (name, &people) in &self.people {
            set.count(&[(id, name)], people)?;
        }
        if self.elsewhere > 0 {
            set.count(&[(id, ELSEWHERE)], self.elsewhere)?;
        }
        for (item, low) in &self.low {
            let Some(&item) = ids.one_way.get(&needs::item(item)) else { continue };
            set.table(&[id, item])?;
            for name in &self.names {
                let (here, low) =
                    (self.people.get(name).copied().unwrap_or_default(), low.get(name).copied().unwrap_or_default());
                set.count(&[(id, name), (item, "low")], low)?;
                set.count(&[(id, name), (item, "other")], here.saturating_sub(low))?;
                if self.elsewhere > 0 {
                    set.impossible(&[(id, name), (item, ELSEWHERE)])?;
                }
            }
            if self.elsewhere > 0 {
                set.count(&[(id, ELSEWHERE), (item, ELSEWHERE)], self.elsewhere)?;
                for answer in ["low", "other", "asked"] {
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
            columns: vec!["Abitare".to_owned(), "Salute".to_owned()],
            groups: vec![centre("A", vec![0.25, 0.5]), centre("C", vec![1.0, 0.75])],
        };
        // Written once by version 1 and never changed.
        let version_1 = include_str!("../tests/fixtures/needs_groups_1.json").trim_end();
        assert_eq!(serde_json::to_string(&remembered).unwrap(), version_1);
        assert_eq!(serde_json::from_str::<Remembered>(version_1).unwrap(), remembered);
        let later = version_1.replace("groups 1", "groups 2");
        assert!(serde_json::from_str::<Remembered>(&later).is_err());
    }
}
