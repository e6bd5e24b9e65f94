//! What people need: how they answer each item, which minimum conditions are missing and where, which azioni are proposed, agreed,
//! and what came of them.

use std::collections::BTreeMap;

use disclosure::{Dimension, Error, TableSet};
use warehouse::AzioneRow;

use super::one_way::{OneWay, Same};
use super::plan::{Count, Ids, People};
use super::{ALL, Marts, ProtectError};
use crate::merge::{Merged, RARE, Sizes};
use crate::strumento::Strumento;

/// Those who answered another version, whose question may have been another one.
pub(super) const ELSEWHERE: &str = "elsewhere";
/// All the others, where there are such.
pub(super) const ASKED: &str = "asked";

/// The table of an item.
pub(crate) fn item(id: &str) -> String {
    format!("item {id}")
}

/// The table of an azione.
pub(crate) fn azione(id: &str) -> String {
    format!("azione {id}")
}

pub(super) fn tables(marts: &Marts, strumento: &Strumento, people: &People<'_>) -> Result<Vec<OneWay>, ProtectError> {
    let wrong = |source| ProtectError::Tables { strumento: strumento.id.clone(), source };
    let mut tables = items(marts, strumento, people)?.map_err(wrong)?;
    tables.extend(azioni(marts, strumento, people)?.map_err(wrong)?);
    Ok(tables)
}

fn periods<'a>(people: &'a People<'_>) -> impl Iterator<Item = (&'a str, u32)> {
    people.everybody.iter().map(|(period, &people)| (period.as_str(), people))
}

/// Of each item of the latest version those whose answer holds them back, and all the others who were asked: finer than that
/// nothing is shown, and what is not offered takes nothing away from what is.
fn items(
    marts: &Marts,
    strumento: &Strumento,
    people: &People<'_>,
) -> Result<Result<Vec<OneWay>, Error>, ProtectError> {
    let content = &strumento.content;
    let mut by_item: BTreeMap<&str, Vec<(&str, i64, u32)>> = BTreeMap::new();
    for row in marts.items.iter().filter(|row| row.version == content.version) {
        let count = (people.count)("items", row.people)?;
        by_item.entry(&row.item).or_default().push((&row.period, row.value, count));
    }
    let mut tables = Vec::new();
    for known in content.items.iter().filter(|known| known.can_be_low()) {
        let Some(rows) = by_item.get(known.id.as_str()) else { continue };
        let mut table = OneWay { is_by_year: true, ..OneWay::new(item(&known.id), ["low", "other"]) };
        let is_low = |value: i64| known.low().any(|low| i64::from(low) == value);
        for (period, value, count) in rows {
            table.add(if is_low(*value) { "low" } else { "other" }, period, *count);
        }
        if periods(people).any(|(period, everybody)| table.sum(period) < everybody) {
            table.categories.push(ELSEWHERE.to_owned());
            for (period, everybody) in periods(people) {
                if let Err(error) = table.fill(ELSEWHERE, period, everybody) {
                    return Ok(Err(error));
                }
            }
            table.group(ASKED, ["low", "other"]);
        }
        tables.push(table);
    }
    Ok(Ok(tables))
}

/// What came of each azione that enough people agreed on, over all years.
fn azioni(
    marts: &Marts,
    strumento: &Strumento,
    people: &People<'_>,
) -> Result<Result<Vec<OneWay>, Error>, ProtectError> {
    let mut found = Vec::new();
    for row in marts.azioni.iter().filter(|row| row.period == ALL) {
        let known = strumento.content.azioni.iter().any(|known| known.id == row.azione);
        let (Some(completed), Some(under_way), Some(dropped), true) =
            (row.people_completed, row.people_under_way, row.people_dropped, known)
        else {
            continue;
        };
        if (people.count)("azioni", row.people)? < RARE {
            continue;
        }
        let outcomes = ["completed", "under_way", "dropped", "not_recorded"];
        let mut table = OneWay::new(azione(&row.azione), outcomes.into_iter().chain(["not_agreed"]));
        let not_recorded = row.people - completed - under_way - dropped;
        for (outcome, number) in outcomes.into_iter().zip([completed, under_way, dropped, not_recorded]) {
            table.add(outcome, ALL, (people.count)("azioni", number)?);
        }
        if let Err(error) = table.fill("not_agreed", ALL, people.everybody.get(ALL).copied().unwrap_or_default()) {
            return Ok(Err(error));
        }
        table.group("agreed", outcomes);
        table.same.push(("agreed".to_owned(), Same::Several { of: Several::AGREED, category: row.azione.clone() }));
        found.push(table);
    }
    Ok(Ok(found))
}

/// In how many people for each comune a condition must be missing to be counted by comune.
const PER_COMUNE: usize = 10;

/// Minimum conditions that are missing, and by comune those that many people miss: one person may miss several.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    pub(super) kept: Merged,
    pub(super) frequent: Merged,
    /// By condition and period, and over all periods by condition and comune.
    by_period: BTreeMap<(String, String), u32>,
    by_comune: BTreeMap<(String, String), u32>,
}

impl Blocks {
    pub(super) fn new(
        marts: &Marts,
        strumento: &Strumento,
        comuni: &Merged,
        count: &Count<'_>,
        before: Option<&Merged>,
    ) -> Result<Self, ProtectError> {
        let (mut by_period, mut by_comune) = (BTreeMap::new(), BTreeMap::new());
        let mut sizes = Sizes::new();
        for row in &marts.blocks {
            let people = count("blocks", row.people)?;
            if row.comune == ALL {
                sizes.entry(row.block.clone()).or_default().insert(row.period.clone(), people);
                by_period.insert((row.block.clone(), row.period.clone()), people);
            } else if let (ALL, Some(place)) = (row.period.as_str(), comuni.place(&row.comune)) {
                *by_comune.entry((row.block.clone(), place.to_owned())).or_default() += people;
            }
        }
        let order: Vec<&str> = strumento.content.blocks.iter().map(|block| block.id.as_str()).collect();
        let kept = Merged::multiple(&order, &sizes, before);
        let enough = u32::try_from(comuni.all().count() * PER_COMUNE).unwrap_or(u32::MAX);
        let is_frequent = |block: &&String| {
            by_period.get(&((*block).clone(), ALL.to_owned())).is_some_and(|people| *people >= enough)
        };
        let frequent = Merged::only(kept.kept.iter().filter(is_frequent).cloned().collect());
        Ok(Self { kept, frequent, by_period, by_comune })
    }

    pub(super) fn dimension(&self) -> Option<Dimension> {
        self.kept.all().next()?;
        Some(Dimension::multiple("block", self.kept.all()).changing())
    }

    pub(super) fn dimension_by_comune(&self) -> Option<Dimension> {
        self.frequent.all().next()?;
        Some(Dimension::multiple("block by comune", self.frequent.all()).changing())
    }

    pub(super) fn count(&self, set: &mut TableSet, ids: &Ids) -> Result<(), Error> {
        let Some(id) = ids.blocks else { return Ok(()) };
        set.table(&[id, ids.year])?;
        for ((block, period), &people) in
            self.by_period.iter().filter(|((block, _), _)| self.kept.place(block).is_some())
        {
            set.count(&ids.cell(period, &[(id, block)]), people)?;
        }
        let Some(here) = ids.blocks_by_comune else { return Ok(()) };
        set.table(&[here, ids.comune])?;
        let frequent = |block: &String| self.frequent.place(block).is_some();
        for ((block, comune), &people) in self.by_comune.iter().filter(|((block, _), _)| frequent(block)) {
            set.count(&[(here, block), (ids.comune, comune)], people)?;
        }
        for block in self.frequent.all() {
            let people = self.by_period.get(&(block.to_owned(), ALL.to_owned())).copied().unwrap_or_default();
            set.count(&[(here, block)], people)?;
            // The same people, with and without their comune.
            set.sum(&[(id, block)], &[&[(here, block)]])?;
        }
        Ok(())
    }
}

/// What people may have several of, by period: azioni proposed by the last result, azioni agreed on.
#[derive(Clone, Debug)]
pub(super) struct Several {
    name: &'static str,
    pub(super) kept: Merged,
    by_period: BTreeMap<(String, String), u32>,
}

impl Several {
    pub(super) const PROPOSED: &str = "proposed";
    pub(super) const AGREED: &str = "agreed";

    /// `before` are those that were shown before, by name.
    pub(super) fn all(
        marts: &Marts,
        strumento: &Strumento,
        count: &Count<'_>,
        before: impl Fn(&str) -> Option<Merged>,
    ) -> Result<Vec<Self>, ProtectError> {
        let proposed = |row: &AzioneRow| row.people_proposed;
        let agreed = |row: &AzioneRow| row.people_completed.and(Some(row.people));
        Ok(vec![
            Self::new(Self::PROPOSED, marts, strumento, (count, proposed), before(Self::PROPOSED).as_ref())?,
            Self::new(Self::AGREED, marts, strumento, (count, agreed), before(Self::AGREED).as_ref())?,
        ])
    }

    fn new(
        name: &'static str,
        marts: &Marts,
        strumento: &Strumento,
        (count, people): (&Count<'_>, impl Fn(&AzioneRow) -> Option<i64>),
        before: Option<&Merged>,
    ) -> Result<Self, ProtectError> {
        let mut by_period = BTreeMap::new();
        let mut sizes = Sizes::new();
        for row in &marts.azioni {
            let Some(people) = people(row) else { continue };
            let people = count("azioni", people)?;
            sizes.entry(row.azione.clone()).or_default().insert(row.period.clone(), people);
            by_period.insert((row.azione.clone(), row.period.clone()), people);
        }
        let order: Vec<&str> = strumento.content.azioni.iter().map(|azione| azione.id.as_str()).collect();
        Ok(Self { name, kept: Merged::multiple(&order, &sizes, before), by_period })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// None where nothing has people enough.
    pub(super) fn dimension(&self) -> Option<(&'static str, Dimension)> {
        self.kept.all().next()?;
        Some((self.name, Dimension::multiple(self.name, self.kept.all()).changing()))
    }

    pub(super) fn count(&self, set: &mut TableSet, ids: &Ids) -> Result<(), Error> {
        let Some(&id) = ids.several.get(self.name) else { return Ok(()) };
        set.table(&[id, ids.year])?;
        let kept = self.by_period.iter().filter(|((azione, _), _)| self.kept.place(azione).is_some());
        for ((azione, period), &people) in kept {
            set.count(&ids.cell(period, &[(id, azione)]), people)?;
        }
        Ok(())
    }
}
