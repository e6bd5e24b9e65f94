//! The tables before they are protected: what is offered together, and its counts.

use std::collections::BTreeMap;

use disclosure::{AllPeriods, Changes, Dimension, DimensionId, ProtectedTables, TableSet, Threshold};
use warehouse::CommunityRow;

use super::clusters::{self, GROUP, Grouped, OfAll, Start};
use super::disadvantaged::Disadvantaged;
use super::one_way::{OneWay, Same};
use super::{ALL, Marts, NOT_VALID, PROFILE, ProtectError, Protected, RECENCY, RETURNS, followed, needs};
use crate::characteristic::{Characteristic, NONE};
use crate::merge::{Merged, Sizes};
use crate::strumento::Strumento;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sexes {
    Fixed,
    Corrected,
}

/// The dimension of where people live.
const COMUNE: &str = "comune";

/// How much is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offer {
    All,
    /// All but the needs and changes of each disadvantage.
    OfEverybody,
    /// Who and where people are, and their levels: not how they are followed nor what they need.
    Core,
}

/// A cell of a table of two: the code along each, and the period.
pub(super) type Cells = BTreeMap<(String, String, String), u32>;

/// The tables before they are protected.
pub(super) struct Plan {
    pub(super) years: Vec<String>,
    everybody: BTreeMap<String, u32>,
    again: u32,
    pub(super) comuni: Merged,
    pub(super) by_comune: BTreeMap<(String, String), u32>,
    pub(super) characteristics: BTreeMap<Characteristic, Merged>,
    pub(super) by_category: BTreeMap<(Characteristic, String, String), u32>,
    pub(super) targets: BTreeMap<String, Vec<String>>,
    pub(super) comune_by_outcome: BTreeMap<String, Cells>,
    pub(super) category_by_outcome: BTreeMap<(Characteristic, String), Cells>,
    /// By sex, age band and period.
    by_sex_and_age: Cells,
    pub(super) one_way: Vec<OneWay>,
    pub(super) blocks: needs::Blocks,
    pub(super) several: Vec<needs::Several>,
    disadvantaged: Disadvantaged,
    /// Profiles of the community.
    pub(super) grouped: Option<Grouped>,
    /// The median time to a second assessment, told or not.
    pub(super) median_quarters: Option<i64>,
}

pub(super) struct Ids {
    pub(super) year: DimensionId,
    pub(super) comune: DimensionId,
    pub(super) repeated: DimensionId,
    pub(super) characteristics: BTreeMap<Characteristic, DimensionId>,
    pub(super) targets: BTreeMap<String, DimensionId>,
    pub(super) one_way: BTreeMap<String, DimensionId>,
    pub(super) blocks: Option<DimensionId>,
    pub(super) blocks_by_comune: Option<DimensionId>,
    pub(super) several: BTreeMap<&'static str, DimensionId>,
    pub(super) groups: Option<DimensionId>,
}

impl Plan {
    /// What is offered keeps to the categories of the figures that were shown before.
    pub(super) fn new(
        marts: &Marts,
        strumento: &Strumento,
        start: &Start,
        before: Option<&Protected>,
    ) -> Result<Self, ProtectError> {
        let count = |mart: &'static str, people: i64| {
            u32::try_from(people).map_err(|_| ProtectError::Count { mart, strumento: strumento.id.clone() })
        };
        let mut everybody = BTreeMap::new();
        let mut again = 0;
        for row in &marts.totals {
            everybody.insert(row.period.clone(), count("totals", row.people)?);
            if row.period == ALL {
                again = count("totals", row.reassessed)?;
            }
        }

        let mut comune_sizes = Sizes::new();
        for row in &marts.territory_people {
            let people = count("territory_people", row.people)?;
            *comune_sizes.entry(row.comune.clone()).or_default().entry(row.period.clone()).or_default() += people;
        }
        let comuni = Merged::comuni(&comune_sizes, before.map(|before| &before.comuni));
        let mut by_comune = BTreeMap::new();
        for (code, periods) in &comune_sizes {
            let Some(place) = comuni.place(code) else { continue };
            for (period, people) in periods {
                *by_comune.entry((place.to_owned(), period.clone())).or_default() += people;
            }
        }

        let targets = targets(marts, strumento);
        let mut comune_by_outcome: BTreeMap<String, Cells> = BTreeMap::new();
        for row in &marts.territory {
            let Some(outcomes) = targets.get(&row.scale) else { continue };
            let Some(place) = comuni.place(&row.comune) else { continue };
            let cells = comune_by_outcome.entry(row.scale.clone()).or_default();
            let key = (place.to_owned(), outcome_of(outcomes, &row.level), row.period.clone());
            *cells.entry(key).or_default() += count("territory", row.people)?;
        }

        let mut category_sizes: BTreeMap<Characteristic, Sizes> = BTreeMap::new();
        for row in marts.community.iter().filter(|row| row.target == "people") {
            let Some(of) = Characteristic::from_code(&row.characteristic) else { continue };
            let people = count("community", row.people)?;
            let sizes = category_sizes.entry(of).or_default();
            *sizes.entry(row.category.clone()).or_default().entry(row.period.clone()).or_default() += people;
        }
        let mut characteristics = BTreeMap::new();
        let mut by_category = BTreeMap::new();
        for (&of, sizes) in &category_sizes {
            let known = before.and_then(|before| before.characteristics.get(&of)).map(|(_, merged)| merged);
            let merged = if of.is_multiple() {
                Merged::multiple(&of.categories(), sizes, known)
            } else {
                Merged::exclusive(&of.categories(), sizes, known)
            };
            if merged.all().next().is_none() {
                continue;
            }
            for (code, periods) in sizes {
                let Some(place) = merged.place(code) else { continue };
                for (period, people) in periods {
                    *by_category.entry((of, place.to_owned(), period.clone())).or_default() += people;
                }
            }
            characteristics.insert(of, merged);
        }
        let mut category_by_outcome: BTreeMap<(Characteristic, String), Cells> = BTreeMap::new();
        for row in &marts.community {
            let Some(outcomes) = targets.get(&row.target) else { continue };
            let Some(of) = Characteristic::from_code(&row.characteristic) else { continue };
            let Some(place) = characteristics.get(&of).and_then(|merged: &Merged| merged.place(&row.category)) else {
                continue;
            };
            let cells = category_by_outcome.entry((of, row.target.clone())).or_default();
            let key = (place.to_owned(), outcome_of(outcomes, &row.outcome), row.period.clone());
            *cells.entry(key).or_default() += count("community", row.people)?;
        }

        let mut by_sex_and_age = Cells::new();
        if let (Some(sexes), Some(ages)) =
            (characteristics.get(&Characteristic::Sex), characteristics.get(&Characteristic::AgeBand))
        {
            for row in &marts.ages {
                let (Some(sex), Some(age)) = (sexes.place(&row.sex), ages.place(&row.age_band)) else { continue };
                let key = (sex.to_owned(), age.to_owned(), row.period.clone());
                *by_sex_and_age.entry(key).or_default() += count("ages", row.people)?;
            }
        }
        let people = People { years: marts.years(), everybody: &everybody, again, targets: &targets, count: &count };
        let mut one_way = followed::tables(marts, strumento, &people, before)?;
        one_way.extend(needs::tables(marts, strumento, &people)?);
        let known = before.and_then(|before| before.blocks.as_ref()).map(|(_, merged)| merged);
        let blocks = needs::Blocks::new(marts, strumento, &comuni, &count, known)?;
        let known = |name: &str| before?.several.get(name).map(|(_, merged)| merged.clone());
        let several = needs::Several::all(marts, strumento, &count, known)?;
        let count_of = |table: &OneWay, category: &str| {
            table.counts.get(&(category.to_owned(), ALL.to_owned())).copied().unwrap_or_default()
        };
        let of_all = clusters::questions(&strumento.content).into_iter().filter_map(|item| {
            let table = one_way.iter().find(|table| table.name == needs::item(&item.id))?;
            let of_all = OfAll { low: count_of(table, "low"), elsewhere: count_of(table, needs::ELSEWHERE) };
            Some((item.id.clone(), of_all))
        });
        let people_of_all = everybody.get(ALL).copied().unwrap_or_default();
        let grouped = Grouped::new(&marts.low, &strumento.content, people_of_all, &of_all.collect(), start);
        let kept = characteristics.get(&Characteristic::Disadvantage);
        let disadvantaged = Disadvantaged::new(marts, strumento, kept, &by_category, &count)?;
        Ok(Self {
            disadvantaged,
            grouped,
            median_quarters: followed::median_quarters(&marts.returns),
            years: people.years,
            by_sex_and_age,
            one_way,
            blocks,
            several,
            everybody,
            again,
            comuni,
            by_comune,
            characteristics,
            by_category,
            targets,
            comune_by_outcome,
            category_by_outcome,
        })
    }

    /// Whether there are people by sex and age.
    pub(super) fn has_pyramid(&self) -> bool {
        !self.by_sex_and_age.is_empty()
    }

    /// Protects as much as can be.
    pub(super) fn protect_most(&self, before: Option<&Protected>) -> Result<(ProtectedTables, Ids), disclosure::Error> {
        // A sex does not change; where the registry corrected one between two questionnaires the counts say otherwise, and
        // then nobody can rely on it either.
        let protect = |offer, changes| {
            let before = before.map(|before| (before, changes));
            match self.protect(Sexes::Fixed, offer, before) {
                Err(disclosure::Error::Inconsistent { .. }) => self.protect(Sexes::Corrected, offer, before),
                other => other,
            }
        };
        let mut outcome = protect(Offer::All, Changes::Known);
        // Rather than none, readers are taken to know of what was shown before that some of it is so still, and not what has changed
        // elsewhere; and better fewer figures than none: what cannot be protected together is offered without what came last.
        let fewer = [
            (Offer::OfEverybody, Changes::Known),
            (Offer::All, Changes::Unknown),
            (Offer::OfEverybody, Changes::Unknown),
            (Offer::Core, Changes::Unknown),
        ];
        for (offer, changes) in fewer {
            let Err(error @ disclosure::Error::Unprotectable { .. }) = &outcome else { break };
            if offer == Offer::Core || changes == Changes::Known || before.is_some() {
                tracing::warn!(%error, ?offer, ?changes, "what is offered cannot be protected together");
                outcome = protect(offer, changes);
            }
        }
        outcome
    }

    /// Protects, with what was shown before and what readers know of the difference.
    fn protect(
        &self,
        sexes: Sexes,
        offer: Offer,
        before: Option<(&Protected, Changes)>,
    ) -> Result<(ProtectedTables, Ids), disclosure::Error> {
        let mut set = TableSet::new();
        let ids = self.dimensions(&mut set, sexes, offer)?;
        for (period, &people) in &self.everybody {
            set.count(&ids.period(period), people)?;
        }
        set.table(&[ids.repeated])?;
        let once = self.everybody.get(ALL).copied().unwrap_or_default().checked_sub(self.again);
        let once = once.ok_or_else(|| disclosure::Error::Inconsistent {
            relation: "[people assessed again] ≤ [everybody]".to_owned(),
        })?;
        set.count(&[(ids.repeated, "again")], self.again)?;
        set.count(&[(ids.repeated, "once")], once)?;

        set.table(&[ids.comune, ids.year])?;
        for ((comune, period), &people) in &self.by_comune {
            set.count(&ids.cell(period, &[(ids.comune, comune)]), people)?;
        }
        for ((of, category, period), &people) in &self.by_category {
            set.table(&[ids.characteristics[of], ids.year])?;
            set.count(&ids.cell(period, &[(ids.characteristics[of], category)]), people)?;
        }
        for (target, outcomes) in &self.targets {
            let outcome = ids.targets[target];
            // Marts have no profile by comune.
            if target != PROFILE {
                let cells = self.comune_by_outcome.get(target);
                set.table(&[ids.comune, outcome, ids.year])?;
                let wholes = self.by_comune.iter().map(|((comune, period), &people)| (comune, period, people));
                fill(&mut set, &ids, (ids.comune, outcome), outcomes, cells, wholes)?;
            }
            for &of in self.characteristics.keys() {
                let cells = self.category_by_outcome.get(&(of, target.clone()));
                let characteristic = ids.characteristics[&of];
                set.table(&[characteristic, outcome, ids.year])?;
                let wholes = self.by_category.iter().filter(|((whose, ..), _)| *whose == of);
                let wholes = wholes.map(|((_, category, period), &people)| (category, period, people));
                fill(&mut set, &ids, (characteristic, outcome), outcomes, cells, wholes)?;
            }
        }
        for ((sex, age, period), &people) in &self.by_sex_and_age {
            let [of_sex, of_age] = [Characteristic::Sex, Characteristic::AgeBand].map(|of| ids.characteristics[&of]);
            set.table(&[of_sex, of_age, ids.year])?;
            set.count(&ids.cell(period, &[(of_sex, sex), (of_age, age)]), people)?;
        }
        self.blocks.count(&mut set, &ids)?;
        for table in &self.several {
            table.count(&mut set, &ids)?;
        }
        for table in &self.one_way {
            table.count(&mut set, &ids)?;
        }
        if let (Some(grouped), Some(id)) = (&self.grouped, ids.groups) {
            grouped.count(&mut set, id, &ids, &self.one_way)?;
        }
        if offer == Offer::All {
            self.disadvantaged.count(&mut set, &ids, &self.one_way)?;
        }
        for table in &self.one_way {
            table.relate(&mut set, &ids)?;
        }
        if let Some((before, changes)) = before {
            set.published_before(&before.tables, changes, |dimension, category| {
                self.renamed(before, dimension, category)
            });
        }
        Ok((set.protect(Threshold::default())?, ids))
    }

    /// The name that a category of a dimension of before has now; nothing where it is another one: who is overdue is so on another
    /// day, groups of people with similar needs have other people, and where the median time to a second assessment has moved so
    /// has the bound between those before and after it.
    fn renamed(&self, before: &Protected, dimension: &str, category: &str) -> Option<String> {
        if dimension == COMUNE {
            return self.comuni.renamed(&before.comuni, category);
        }
        if let Some(of) = Characteristic::from_code(dimension) {
            return self.characteristics.get(&of)?.renamed(&before.characteristics.get(&of)?.1, category);
        }
        let is_the_same = match dimension {
            RECENCY | GROUP => false,
            RETURNS => self.median_quarters.is_some() && self.median_quarters == before.median_quarters,
            _ => true,
        };
        is_the_same.then(|| category.to_owned())
    }

    fn dimensions(&self, set: &mut TableSet, sexes: Sexes, offer: Offer) -> Result<Ids, disclosure::Error> {
        let year = set.dimension(Dimension::periods("anno", &self.years, AllPeriods::Latest))?;
        let comune = set.dimension(self.comuni.dimension(COMUNE).changing())?;
        let repeated = set.dimension(Dimension::exclusive("repeated", ["once", "again"]).changing())?;
        let mut characteristics = BTreeMap::new();
        for (&of, merged) in &self.characteristics {
            let dimension = if of.is_multiple() {
                // Readers are told how many have none, but not of how many it is unknown: so they cannot tell how many have at least
                // one, which no cell here protects.
                let several = Dimension::multiple(of.code(), merged.all()).changing();
                if merged.place(NONE).is_some() { several.apart(NONE) } else { several }
            } else if of == Characteristic::Sex && sexes == Sexes::Fixed {
                merged.dimension(of.code())
            } else {
                merged.dimension(of.code()).changing()
            };
            characteristics.insert(of, set.dimension(dimension)?);
        }
        let mut targets = BTreeMap::new();
        for (target, outcomes) in &self.targets {
            let name = format!("outcome of {target}");
            targets.insert(target.clone(), set.dimension(Dimension::exclusive(name, outcomes).changing())?);
        }
        let mut one_way = BTreeMap::new();
        for table in self.one_way.iter().filter(|_| offer != Offer::Core) {
            one_way.insert(table.name.clone(), set.dimension(table.dimension())?);
        }
        let mut offered = |dimension: Option<Dimension>| {
            dimension.filter(|_| offer != Offer::Core).map(|dimension| set.dimension(dimension)).transpose()
        };
        let blocks = offered(self.blocks.dimension())?;
        let blocks_by_comune = offered(self.blocks.dimension_by_comune())?;
        let groups = offered(self.grouped.as_ref().map(Grouped::dimension))?;
        let mut several = BTreeMap::new();
        let several_tables = self.several.iter().filter(|_| offer != Offer::Core);
        for (name, dimension) in several_tables.filter_map(needs::Several::dimension) {
            several.insert(name, set.dimension(dimension)?);
        }
        Ok(Ids { year, comune, repeated, characteristics, targets, one_way, blocks, blocks_by_comune, several, groups })
    }
}

/// What all tables share: who is counted at all, and how a mart's number becomes a count.
pub(super) struct People<'a> {
    pub(super) years: Vec<String>,
    /// By period.
    pub(super) everybody: &'a BTreeMap<String, u32>,
    /// With two questionnaires or more.
    pub(super) again: u32,
    /// The outcomes of each scale with levels and of the profile.
    pub(super) targets: &'a BTreeMap<String, Vec<String>>,
    pub(super) count: &'a Count<'a>,
}

/// Turns the number of a mart into a count of people.
pub(super) type Count<'a> = dyn Fn(&'static str, i64) -> Result<u32, ProtectError> + 'a;

impl Ids {
    /// Where a table by itself says the same as another.
    pub(super) fn same<'a>(&self, same: &'a Same) -> Option<Vec<(DimensionId, &'a str)>> {
        match same {
            Same::Again => Some(vec![(self.repeated, "again")]),
            Same::Outcome { target, outcome } => Some(vec![(*self.targets.get(target)?, outcome.as_str())]),
            Same::Year(year) => Some(vec![(self.year, year.as_str())]),
            Same::Several { of, category } => Some(vec![(*self.several.get(of)?, category.as_str())]),
        }
    }

    pub(super) fn period<'a>(&self, period: &'a str) -> Vec<(DimensionId, &'a str)> {
        if period == ALL { Vec::new() } else { vec![(self.year, period)] }
    }

    pub(super) fn cell<'a>(&self, period: &'a str, at: &[(DimensionId, &'a str)]) -> Vec<(DimensionId, &'a str)> {
        let mut cell = self.period(period);
        cell.extend_from_slice(at);
        cell
    }
}

/// Counts a table of rows by outcomes. Whoever is in a row and in none of its outcomes had a version without this scale:
/// no valid result.
fn fill<'a>(
    set: &mut TableSet,
    ids: &Ids,
    (row, column): (DimensionId, DimensionId),
    outcomes: &[String],
    cells: Option<&Cells>,
    wholes: impl Iterator<Item = (&'a String, &'a String, u32)>,
) -> Result<(), disclosure::Error> {
    let nothing = Cells::new();
    let cells = cells.unwrap_or(&nothing);
    for (place, period, whole) in wholes {
        let found =
            |outcome: &String| cells.get(&(place.clone(), outcome.clone(), period.clone())).copied().unwrap_or(0);
        let sum: u32 = outcomes.iter().map(found).sum();
        let missing = whole.saturating_sub(sum);
        for outcome in outcomes {
            let more = if outcome == NOT_VALID { missing } else { 0 };
            let at = [(row, place.as_str()), (column, outcome.as_str())];
            set.count(&ids.cell(period, &at), found(outcome).saturating_add(more))?;
        }
    }
    Ok(())
}

pub(super) fn outcome_of(outcomes: &[String], code: &str) -> String {
    if outcomes.iter().any(|outcome| outcome == code) { code.to_owned() } else { NOT_VALID.to_owned() }
}

/// The outcomes of every scale with levels and of the profile. "Not valid" is one of them, unless it never happened: that
/// every sheet had answers enough says nothing of a person.
pub(super) fn targets(marts: &Marts, strumento: &Strumento) -> BTreeMap<String, Vec<String>> {
    let scales = strumento.scales.iter().map(|scale| (scale.id.clone(), &scale.levels));
    let profile = strumento.profile.iter().map(|(_, classes)| (PROFILE.to_owned(), classes));
    let everybody: i64 = marts.totals.iter().map(|row| row.people).sum();
    scales
        .chain(profile)
        .filter(|(_, outcomes)| !outcomes.is_empty())
        .map(|(target, outcomes)| {
            let mut codes: Vec<String> = outcomes.iter().map(|outcome| outcome.id.clone()).collect();
            let of_sex = |row: &&CommunityRow| row.target == target && row.characteristic == Characteristic::Sex.code();
            let valid = marts.community.iter().filter(of_sex).filter(|row| codes.contains(&row.outcome));
            if valid.map(|row| row.people).sum::<i64>() != everybody {
                codes.push(NOT_VALID.to_owned());
            }
            (target, codes)
        })
        .collect()
}
