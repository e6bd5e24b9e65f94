//! The people of each disadvantage, over all periods: which questions hold them back, who was assessed again, and how they changed.
//!
//! Disadvantages are crossed with nothing (`crossed`), so no other table tells of people by a disadvantage and a further
//! characteristic: what is known of both by themselves narrows nothing down.

use std::collections::BTreeMap;

use disclosure::{DimensionId, Error, TableSet};

use super::clusters::questions;
use super::needs::{self, ELSEWHERE};
use super::one_way::OneWay;
use super::plan::{Count, Ids};
use super::{ALL, Marts, ProtectError, changes};
use crate::characteristic::Characteristic;
use crate::merge::Merged;
use crate::strumento::Strumento;

/// Those of one disadvantage.
#[derive(Clone, Debug, Default)]
struct Of {
    people: u32,
    again: u32,
    /// Those who answered the latest version last.
    asked: u32,
    /// By question.
    low: BTreeMap<String, u32>,
    /// By scale and change, of those who can be compared.
    changed: BTreeMap<(String, String), u32>,
}

/// People by disadvantage, before they are protected.
#[derive(Clone, Debug, Default)]
pub(super) struct Disadvantaged {
    /// Questions that were answered, none where nobody's answers are known.
    items: Vec<String>,
    scales: Vec<String>,
    /// Everybody who answered the latest version last.
    asked: u32,
    of: BTreeMap<String, Of>,
}

impl Disadvantaged {
    /// Of the disadvantages that are counted by themselves; of none where the people counted one by one are not `people`, by category and
    /// period.
    pub(super) fn new(
        marts: &Marts,
        strumento: &Strumento,
        kept: Option<&Merged>,
        people: &BTreeMap<(Characteristic, String, String), u32>,
        count: &Count<'_>,
    ) -> Result<Self, ProtectError> {
        let mut of: BTreeMap<String, Of> = BTreeMap::new();
        for category in kept.into_iter().flat_map(Merged::all) {
            let known = (Characteristic::Disadvantage, category.to_owned(), ALL.to_owned());
            let people = people.get(&known).copied().unwrap_or_default();
            of.insert(category.to_owned(), Of { people, ..Of::default() });
        }
        let mut counted = BTreeMap::new();
        for row in &marts.disadvantaged {
            let Some(of) = of.get_mut(&row.category) else { continue };
            counted.insert(row.category.as_str(), count("assessments", row.people)?);
            of.again = count("assessments", row.again)?;
        }
        let items = questions(&strumento.content);
        for row in &marts.low_by_disadvantage {
            let Some(of) = of.get_mut(&row.category) else { continue };
            let people = count("answers", row.people)?;
            of.asked += people;
            for (item, _) in items.iter().zip(row.pattern.bytes()).filter(|(_, answer)| *answer == b'1') {
                *of.low.entry(item.id.clone()).or_default() += people;
            }
        }
        for row in &marts.changes_by_disadvantage {
            let Some(of) = of.get_mut(&row.category) else { continue };
            of.changed.insert((row.scale.clone(), row.change.clone()), count("persone", row.people)?);
        }
        let is_same = |(category, of): (&String, &Of)| {
            let counted = counted.get(category.as_str()).copied().unwrap_or_default();
            counted == of.people && of.asked <= of.people && of.compared().all(|compared| compared <= of.again)
        };
        if !of.iter().all(is_same) {
            tracing::error!("people counted by disadvantage are not those of the tables: they are left out");
            return Ok(Self::default());
        }
        let asked = marts.low.iter().map(|row| count("answers", row.people)).sum::<Result<u32, _>>()?;
        Ok(Self {
            items: items.into_iter().filter(|_| asked > 0).map(|item| item.id.clone()).collect(),
            scales: strumento.scales.iter().map(|scale| scale.id.clone()).collect(),
            asked,
            of,
        })
    }

    /// Adds them to what is offered together, beside the tables of all people.
    pub(super) fn count(&self, set: &mut TableSet, ids: &Ids, tables: &[OneWay]) -> Result<(), Error> {
        let Some(&disadvantage) = ids.characteristics.get(&Characteristic::Disadvantage) else { return Ok(()) };
        for (category, of) in &self.of {
            let here = (disadvantage, category.as_str());
            let again = [here, (ids.repeated, "again")];
            set.table(&[disadvantage, ids.repeated])?;
            set.count(&again, of.again)?;
            set.count(&[here, (ids.repeated, "once")], of.people.saturating_sub(of.again))?;
            for scale in &self.scales {
                let Some(&id) = ids.one_way.get(&changes(scale)) else { continue };
                let [improved, worsened] = ["improved", "worsened"].map(|change| of.changed_so(scale, change));
                let unchanged = of.again.saturating_sub(improved).saturating_sub(worsened);
                set.table(&[disadvantage, id])?;
                set.count(&[here, (id, "improved")], improved)?;
                set.count(&[here, (id, "unchanged")], unchanged)?;
                set.count(&[here, (id, "worsened")], worsened)?;
                set.count(&[here, (id, "once")], of.people.saturating_sub(of.again))?;
                set.sum(&again, &[&[here, (id, "again")]])?;
            }
            let mut first_elsewhere: Option<DimensionId> = None;
            for item in &self.items {
                let name = needs::item(item);
                let Some((&id, table)) = ids.one_way.get(&name).zip(tables.iter().find(|table| table.name == name))
                else {
                    continue;
                };
                let of_all = table.counts.get(&(ELSEWHERE.to_owned(), ALL.to_owned())).copied().unwrap_or_default();
                if table.sum(ALL) != of_all + self.asked {
                    // Some who answered this version were not asked: which disadvantages they have is not known here.
                    continue;
                }
                let has_elsewhere = table.categories.iter().any(|category| category == ELSEWHERE);
                let low = of.low.get(item).copied().unwrap_or_default();
                set.table(&[disadvantage, id])?;
                set.count(&[here, (id, "low")], low)?;
                set.count(&[here, (id, "other")], of.asked.saturating_sub(low))?;
                if has_elsewhere {
                    let elsewhere = [here, (id, ELSEWHERE)];
                    set.count(&elsewhere, of.people.saturating_sub(of.asked))?;
                    // Whoever answered another version did so for all questions.
                    match first_elsewhere {
                        Some(first) => set.sum(&elsewhere, &[&[here, (first, ELSEWHERE)]])?,
                        None => first_elsewhere = Some(id),
                    }
                }
            }
        }
        Ok(())
    }
}

impl Of {
    fn changed_so(&self, scale: &str, change: &str) -> u32 {
        self.changed.get(&(scale.to_owned(), change.to_owned())).copied().unwrap_or_default()
    }

    /// By scale those who can be compared.
    fn compared(&self) -> impl Iterator<Item = u32> {
        let mut by_scale: BTreeMap<&str, u32> = BTreeMap::new();
        for ((scale, _), people) in &self.changed {
            *by_scale.entry(scale).or_default() += people;
        }
        by_scale.into_values()
    }
}
