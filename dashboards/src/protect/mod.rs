//! Protects everything that the pages can show of one strumento of one Ente, in one go: all tables, all periods.
//!
//! From here on nobody sees a raw count: pages ask [`Protected`], and get a figure or nothing. What is not asked for here
//! cannot be shown. Four rules are ours and not the engine's, each where it is applied: what is merged before (`merge`), who is
//! counted as having several disadvantages, when a median has enough people, when the number of questionnaires may be told.

#[cfg(test)]
mod audit;
mod clusters;
mod crossed;
mod disadvantaged;
mod followed;
mod group;
mod marts;
mod needs;
mod one_way;
mod plan;

use std::collections::BTreeMap;

use disclosure::{At, DimensionId, Figure, PublishedTables, Share, Threshold};
use serde::{Deserialize, Serialize};
use warehouse::LakeError;

use crate::characteristic::{Characteristic, Filter, NONE};
use crate::merge::Merged;
use crate::strumento::Strumento;
use clusters::Grouped;
pub(crate) use clusters::{Found, Remembered, Start, questions};
use crossed::Crosses;
pub(crate) use followed::{ARRIVALS, COHORTS, RECENCY, RETURNS, changes, overdue_before, path, paths};
pub(crate) use group::Group;
pub(crate) use marts::Marts;
pub(crate) use needs::{azione, item};
use plan::Plan;

/// All periods together, as marts write it.
pub(crate) const ALL: &str = "all";

/// An outcome that is no level and no class: too few answers, or a scale that the version did not have.
pub(crate) const NOT_VALID: &str = "not_valid";

/// Under so many questionnaires more than people, how many there are is not told: see [`Protected::assessments`].
const REPEATED_MIN: i64 = 10;

/// Why there are no protected figures. The texts name cells, never their counts.
#[derive(Debug, thiserror::Error)]
pub enum ProtectError {
    /// The lake cannot be read.
    #[error("the marts cannot be read")]
    Lake(#[from] LakeError),
    /// What was shown before cannot be read, or what is to be shown cannot be kept: nothing new may be shown.
    #[error("the figures that are shown cannot be read or kept")]
    Kept,
    /// The tables contradict each other, or cannot be protected. Nothing may be shown.
    #[error("the tables of {strumento} cannot be protected (are the marts of one publication?)")]
    Tables {
        /// Which strumento.
        strumento: String,
        /// What the engine said.
        #[source]
        source: disclosure::Error,
    },
    /// The people counted one by one contradict the tables.
    #[error("two characteristics of {strumento} cannot be counted together (please report it)")]
    Crossed {
        /// Which strumento.
        strumento: String,
        /// What the engine said.
        #[source]
        source: disclosure::CrossError,
    },
    /// A count in a mart that cannot be one.
    #[error("mart {mart} of {strumento} has a count that is no count (please report it)")]
    Count {
        /// Which mart.
        mart: &'static str,
        /// Which strumento.
        strumento: String,
    },
}

/// A set of outcomes: the levels of a scale, or the classes of the profile.
#[derive(Debug, Serialize, Deserialize)]
struct Target {
    dimension: DimensionId,
    outcomes: Vec<String>,
}

/// The code of the profile among targets.
pub(crate) const PROFILE: &str = "profile";

/// Figures of one strumento of one Ente, hidden where they must be. `None` everywhere means: not to be shown. What is hidden is not
/// in it, so that it can be kept: see `snapshot`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Protected {
    tables: PublishedTables,
    years: Vec<String>,
    year: DimensionId,
    comune: DimensionId,
    comuni: Merged,
    repeated: DimensionId,
    characteristics: BTreeMap<Characteristic, (DimensionId, Merged)>,
    targets: BTreeMap<String, Target>,
    /// Tables of one dimension by name, each with the categories and subtotals that it has.
    one_way: BTreeMap<String, (DimensionId, Vec<String>)>,
    has_pyramid: bool,
    /// The median time to a second assessment, in quarters, where it may be told.
    median_quarters: Option<i64>,
    blocks: Option<(DimensionId, Merged)>,
    blocks_by_comune: Option<(DimensionId, Merged)>,
    several: BTreeMap<String, (DimensionId, Merged)>,
    /// The median indices that may be told, in tenths, by period, comune and scale.
    #[serde(with = "as_list")]
    medians: BTreeMap<(String, String, String), i64>,
    /// How many questionnaires there are in the periods that may be told.
    assessments: BTreeMap<String, i64>,
    #[serde(with = "as_list")]
    crosses: Crosses,
    /// Those of states before that are not offered in this one.
    #[serde(with = "as_list", default, skip_serializing_if = "BTreeMap::is_empty")]
    withdrawn: Crosses,
    groups: Option<(DimensionId, Vec<String>)>,
    /// To be remembered apart; what was kept has none.
    #[serde(skip)]
    found: Found,
    /// Whether somebody is in no group, having answered another version.
    has_ungrouped: bool,
    /// What the audit of the tests asks.
    #[cfg(test)]
    #[serde(skip)]
    audit: audit::Audit,
}

/// A count with its share of the whole, each shown or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) people: Option<u32>,
    /// In tenths of a percent, rounded.
    pub(crate) share_permille: Option<u32>,
}

impl Part {
    /// Not shown.
    pub(crate) const HIDDEN: Self = Self { people: None, share_permille: None };
}

impl Protected {
    /// Protects, so that these figures and those that were shown `before` do not give each other's hidden ones away. `start` is what the
    /// groups of people with similar needs grow from. Takes seconds: never on an async thread.
    pub(crate) fn new(
        marts: &Marts,
        strumento: &Strumento,
        start: &Start,
        before: Option<&Self>,
    ) -> Result<Self, ProtectError> {
        let wrong = |source| ProtectError::Tables { strumento: strumento.id.clone(), source };
        let plan = Plan::new(marts, strumento, start, before)?;
        let (tables, ids) = plan.protect_most(before).map_err(wrong)?;
        let crossed = crossed::cross(marts, &plan, &ids, &tables, before)
            .map_err(|source| ProtectError::Crossed { strumento: strumento.id.clone(), source })?;
        let crosses: Crosses =
            crossed.iter().map(|(filters, crossed, proved)| (*filters, crossed.published(proved))).collect();
        let withdrawn = before.map(|before| crossed::withdrawn(before, &plan, &crosses)).unwrap_or_default();
        let one_way = plan.one_way.iter().filter_map(|table| {
            let groups = table.groups.iter().map(|(name, _)| name);
            let names = table.categories.iter().chain(groups).cloned().collect();
            Some((table.name.clone(), (*ids.one_way.get(&table.name)?, names)))
        });
        let one_way = one_way.collect();
        let groups = ids.groups.zip(plan.grouped.as_ref().map(|grouped| grouped.names().to_vec()));
        let mut protected = Self {
            groups,
            found: plan
                .grouped
                .as_ref()
                .filter(|_| ids.groups.is_some())
                .map(Grouped::found)
                .cloned()
                .unwrap_or_default(),
            has_ungrouped: plan.grouped.as_ref().is_some_and(Grouped::has_elsewhere),
            crosses,
            withdrawn,
            tables: tables.published(),
            year: ids.year,
            comune: ids.comune,
            repeated: ids.repeated,
            one_way,
            has_pyramid: plan.has_pyramid(),
            median_quarters: None,
            blocks_by_comune: ids.blocks_by_comune.map(|id| (id, plan.blocks.frequent)),
            blocks: ids.blocks.map(|id| (id, plan.blocks.kept)),
            several: plan
                .several
                .iter()
                .filter_map(|of| Some((of.name().to_owned(), (*ids.several.get(of.name())?, of.kept.clone()))))
                .collect(),
            characteristics: ids
                .characteristics
                .into_iter()
                .zip(plan.characteristics)
                .map(|((c, id), (_, m))| (c, (id, m)))
                .collect(),
            targets: ids
                .targets
                .into_iter()
                .zip(plan.targets)
                .map(|((code, dimension), (_, outcomes))| (code, Target { dimension, outcomes }))
                .collect(),
            years: plan.years,
            comuni: plan.comuni,
            medians: BTreeMap::new(),
            assessments: BTreeMap::new(),
            #[cfg(test)]
            audit: audit::Audit::new(tables, crossed.into_iter().map(|(_, _, proved)| proved).collect()),
        };
        protected.tell(marts, plan.median_quarters);
        Ok(protected)
    }

    /// What else may be told, now that it is known which counts are shown.
    fn tell(&mut self, marts: &Marts, median_quarters: Option<i64>) {
        let medians = marts.territory_index.iter().filter_map(|row| {
            let at = (row.period.clone(), row.comune.clone(), row.scale.clone());
            Some((at, self.told_median(&row.comune, &row.period, row.people, row.median_tenths)?))
        });
        self.medians = medians.collect();
        let assessments: BTreeMap<&str, i64> =
            marts.totals.iter().map(|row| (row.period.as_str(), row.assessments)).collect();
        self.assessments = self.told_assessments(&assessments);
        self.median_quarters = self.told_median_quarters(median_quarters);
    }

    /// Twice the people a median needs must be counted there, and those with a valid result must be enough by themselves. So
    /// whoever sees no median learns that there are more than ten without a valid result, or fewer than twenty people: never
    /// that few are in either group.
    fn told_median(&self, comune: &str, period: &str, valid: i64, median: i64) -> Option<i64> {
        let at = match comune {
            ALL => self.at_period(period)?,
            comune => self.at_comune(comune, period)?,
        };
        let enough = self.tables.threshold().people_for_median();
        if self.count(&at)? < enough.saturating_mul(2) || valid < i64::from(enough) {
            return None;
        }
        shown(self.tables.median(&at, || median))
    }

    /// Where questionnaires are hardly more than the people, the difference is people who were assessed again, so ten more are
    /// needed; and all periods are told only where each is.
    fn told_assessments(&self, of: &BTreeMap<&str, i64>) -> BTreeMap<String, i64> {
        let told = |(&period, &assessments): (&&str, &i64)| {
            let is_told = assessments - i64::from(self.people(period)?) >= REPEATED_MIN;
            is_told.then(|| (period.to_owned(), assessments))
        };
        let mut told: BTreeMap<String, i64> = of.iter().filter_map(told).collect();
        if !self.years.iter().all(|year| told.contains_key(year)) {
            told.remove(ALL);
        }
        told
    }

    /// The quarters within which half of those assessed again were so: one person's value, so there must be people enough before
    /// and after.
    fn told_median_quarters(&self, median: Option<i64>) -> Option<i64> {
        let enough = self.tables.threshold().people_for_median();
        let is_enough = |name| self.people_in(RETURNS, name, ALL).is_some_and(|people| people >= enough);
        median.filter(|_| is_enough("by then") && is_enough("later"))
    }

    /// The same without those who have no disadvantage. Until "snapshot 2" they were shown as if they could have others: beside everybody
    /// and one disadvantage they told of those who have neither.
    pub(crate) fn without_none(mut self) -> Self {
        self.tables = self.tables.without(Characteristic::Disadvantage.code(), NONE);
        self
    }

    /// Which categories of a characteristic are counted by themselves.
    fn merged(&self, filter: Filter) -> Option<&Merged> {
        match filter {
            Filter::Comune => Some(&self.comuni),
            Filter::Of(of) => self.characteristics.get(&of).map(|(_, merged)| merged),
        }
    }

    /// The same as if no two characteristics could have been offered.
    #[cfg(test)]
    pub(crate) fn with_crosses_withdrawn(mut self) -> Self {
        self.withdrawn.append(&mut self.crosses);
        self
    }

    /// The mark of what is hidden.
    pub(crate) fn mark(&self) -> String {
        mark(self.tables.threshold())
    }

    /// The calendar years with data, in order.
    pub(crate) fn years(&self) -> &[String] {
        &self.years
    }

    /// Comuni that are counted by themselves.
    pub(crate) fn comuni(&self) -> &[String] {
        &self.comuni.kept
    }

    /// Whether comuni are counted together, under [`POOL`].
    pub(crate) fn has_other_comuni(&self) -> bool {
        self.comuni.has_pool
    }

    /// The categories of a characteristic, [`POOL`] last if there is one. Of disadvantages all, shown or not.
    pub(crate) fn categories(&self, of: Characteristic) -> Vec<String> {
        if of.is_multiple() {
            return of.categories().into_iter().map(str::to_owned).collect();
        }
        let merged = self.characteristics.get(&of).map(|(_, merged)| merged);
        merged.map(|merged| merged.all().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// The outcomes of a scale or the profile, [`NOT_VALID`] last if there is one; empty for what has no levels.
    pub(crate) fn outcomes(&self, target: &str) -> &[String] {
        self.targets.get(target).map(|target| target.outcomes.as_slice()).unwrap_or_default()
    }

    /// Everybody of a period.
    pub(crate) fn people(&self, period: &str) -> Option<u32> {
        self.count(&self.at_period(period)?)
    }

    /// The people of a comune, or of [`POOL`]. A comune that is counted with others has no figure of its own.
    pub(crate) fn people_of(&self, comune: &str, period: &str) -> Option<u32> {
        self.count(&self.at_comune(comune, period)?)
    }

    /// People of a comune for every 1,000 residents, in tenths.
    pub(crate) fn rate_tenths(&self, comune: &str, period: &str, residents: u32) -> Option<i64> {
        let at = self.at_comune(comune, period)?;
        self.rate(&at, residents)
    }

    /// People of the whole Ente for every 1,000 residents, in tenths.
    pub(crate) fn rate_tenths_of_all(&self, period: &str, residents: u32) -> Option<i64> {
        let at = self.at_period(period)?;
        self.rate(&at, residents)
    }

    fn rate(&self, at: At<'_>, residents: u32) -> Option<i64> {
        if residents == 0 {
            return None;
        }
        let rate = |counts: &[u32]| {
            let people: i64 = counts.iter().copied().map(i64::from).sum();
            (people * 10_000 * 2 + i64::from(residents)) / (2 * i64::from(residents))
        };
        shown(self.tables.derive(&[at], rate))
    }

    /// The median index of a comune, or of everybody (`None`), in tenths.
    pub(crate) fn median_tenths(&self, comune: Option<&str>, scale: &str, period: &str) -> Option<i64> {
        self.medians.get(&(period.to_owned(), comune.unwrap_or(ALL).to_owned(), scale.to_owned())).copied()
    }

    /// Those of a comune, or of [`POOL`], with an outcome.
    pub(crate) fn outcome_of(&self, comune: &str, target: &str, outcome: &str, period: &str) -> Option<Part> {
        let target = self.targets.get(target)?;
        let whole = self.at_comune(comune, period);
        Some(self.part(whole, target, outcome))
    }

    /// Those of the whole Ente with an outcome.
    pub(crate) fn outcome_of_all(&self, target: &str, outcome: &str, period: &str) -> Option<Part> {
        let target = self.targets.get(target)?;
        let whole = self.at_period(period);
        Some(self.part(whole, target, outcome))
    }

    /// Those of a category.
    pub(crate) fn people_with(&self, of: Characteristic, category: &str, period: &str) -> Option<u32> {
        self.count(&self.at_category(of, category, period)?)
    }

    /// Those of a category with an outcome.
    pub(crate) fn outcome_with(
        &self,
        of: Characteristic,
        category: &str,
        target: &str,
        outcome: &str,
        period: &str,
    ) -> Option<Part> {
        let target = self.targets.get(target)?;
        let whole = self.at_category(of, category, period);
        Some(self.part(whole, target, outcome))
    }

    /// Whether people are counted by sex and age together.
    pub(crate) fn has_pyramid(&self) -> bool {
        self.has_pyramid
    }

    /// Those of a sex and an age band.
    pub(crate) fn people_of_sex_and_age(&self, sex: &str, age: &str, period: &str) -> Option<u32> {
        let mut at = self.at_category(Characteristic::Sex, sex, period)?;
        let (of_age, merged) = self.characteristics.get(&Characteristic::AgeBand)?;
        merged.all().any(|known| known == age).then_some(())?;
        at.push((*of_age, age));
        self.count(&at)
    }

    /// The categories and subtotals of a table of one dimension; none if there is no such table.
    pub(crate) fn names_in(&self, table: &str) -> &[String] {
        self.one_way.get(table).map(|(_, names)| names.as_slice()).unwrap_or_default()
    }

    /// Those in a category or subtotal of a table of one dimension.
    pub(crate) fn people_in(&self, table: &str, name: &str, period: &str) -> Option<u32> {
        self.count(&self.at_name(table, name, period)?)
    }

    /// The same, as a part of a larger subtotal of the table, or of everybody.
    pub(crate) fn part_in(&self, table: &str, name: &str, whole: Option<&str>, period: &str) -> Part {
        let Some(part) = self.at_name(table, name, period) else { return Part::HIDDEN };
        let whole = match whole {
            Some(whole) => self.at_name(table, whole, period),
            None => self.at_period(period),
        };
        let share_permille = whole.and_then(|whole| self.share(&part, &whole));
        Part { people: self.count(&part), share_permille }
    }

    /// The quarters within which half of those assessed again were so.
    pub(crate) fn median_quarters(&self) -> Option<i64> {
        self.median_quarters
    }

    /// Those whose answer to a question holds them back, as a part of all who were asked it; none where it is not counted.
    pub(crate) fn low(&self, question: &str, period: &str) -> Part {
        let table = item(question);
        self.part_in(&table, "low", self.asked_in(&table), period)
    }

    /// The subtotal of those who were asked a question, where not everybody was.
    fn asked_in(&self, table: &str) -> Option<&'static str> {
        self.names_in(table).iter().any(|name| name == needs::ASKED).then_some(needs::ASKED)
    }

    /// Minimum conditions that enough people miss.
    pub(crate) fn blocks(&self) -> Vec<String> {
        self.blocks.iter().flat_map(|(_, kept)| kept.all()).map(str::to_owned).collect()
    }

    /// Those so frequent that they are counted by comune.
    pub(crate) fn frequent_blocks(&self) -> Vec<String> {
        self.blocks_by_comune.iter().flat_map(|(_, kept)| kept.all()).map(str::to_owned).collect()
    }

    /// Those who miss a condition.
    pub(crate) fn missing(&self, block: &str, period: &str) -> Part {
        self.one_of(self.blocks.as_ref(), block, self.at_period(period))
    }

    /// Those of a comune who miss a condition, over all periods.
    pub(crate) fn missing_in(&self, block: &str, comune: &str) -> Part {
        self.one_of(self.blocks_by_comune.as_ref(), block, self.at_comune(comune, ALL))
    }

    /// Those of a group who are in one category of what people may have several of.
    fn one_of<'a>(
        &self,
        of: Option<&(DimensionId, Merged)>,
        category: &'a str,
        whole: Option<Vec<(DimensionId, &'a str)>>,
    ) -> Part {
        let Some(((id, kept), whole)) = of.zip(whole) else { return Part::HIDDEN };
        if !kept.all().any(|known| known == category) {
            return Part::HIDDEN;
        }
        let part = [whole.clone(), vec![(*id, category)]].concat();
        Part { people: self.count(&part), share_permille: self.share(&part, &whole) }
    }

    /// To whom the last result of the period proposes an azione.
    pub(crate) fn proposed(&self, azione: &str, period: &str) -> Part {
        self.one_of(self.several.get(needs::Several::PROPOSED), azione, self.at_period(period))
    }

    /// Who agreed on an azione in the period.
    pub(crate) fn agreed(&self, azione: &str, period: &str) -> Part {
        self.one_of(self.several.get(needs::Several::AGREED), azione, self.at_period(period))
    }

    /// The groups of people with similar needs, by their letters.
    pub(crate) fn groups(&self) -> &[String] {
        self.groups.as_ref().map(|(_, names)| names.as_slice()).unwrap_or_default()
    }

    /// Whether somebody is in none of them, having answered another version last.
    pub(crate) fn has_ungrouped(&self) -> bool {
        self.has_ungrouped
    }

    /// What is to be remembered of them.
    pub(crate) fn found(&self) -> &Found {
        &self.found
    }

    /// The dimension of groups, if this is one of them.
    fn group_dimension(&self, name: &str) -> Option<DimensionId> {
        let (id, names) = self.groups.as_ref()?;
        names.iter().any(|known| known == name).then_some(*id)
    }

    /// Those of a group of similar needs, over all periods.
    pub(crate) fn of_group(&self, name: &str) -> Part {
        let Some(id) = self.group_dimension(name) else { return Part::HIDDEN };
        let at = [(id, name)];
        Part { people: self.count(&at), share_permille: self.share(&at, &[]) }
    }

    /// Those of them whose answer to a question holds them back, over all periods.
    pub(crate) fn low_of_group(&self, name: &str, question: &str) -> Part {
        let table = self.one_way.get(&item(question));
        let Some((id, (of_item, _))) = self.group_dimension(name).zip(table) else { return Part::HIDDEN };
        let (part, whole) = ([(id, name), (*of_item, "low")], [(id, name)]);
        Part { people: self.count(&part), share_permille: self.share(&part, &whole) }
    }

    /// Those of a disadvantage whose answer to a question holds them back, as a part of those who were asked it; over all periods.
    pub(crate) fn low_of_disadvantage(&self, category: &str, question: &str) -> Part {
        let table = item(question);
        self.disadvantaged_in(category, &table, "low", self.asked_in(&table))
    }

    /// How many of a disadvantage were asked a question, over all periods.
    pub(crate) fn asked_of_disadvantage(&self, category: &str, question: &str) -> Option<u32> {
        let table = item(question);
        match self.asked_in(&table) {
            Some(asked) => self.disadvantaged_in(category, &table, asked, None).people,
            None => self.people_with(Characteristic::Disadvantage, category, ALL),
        }
    }

    /// How many of all were asked a question, over all periods.
    pub(crate) fn asked(&self, question: &str) -> Option<u32> {
        let table = item(question);
        match self.asked_in(&table) {
            Some(asked) => self.people_in(&table, asked, ALL),
            None => self.people(ALL),
        }
    }

    /// Those of a disadvantage who were assessed twice or more, over all periods.
    pub(crate) fn again_of_disadvantage(&self, category: &str) -> Part {
        let Some(whole) = self.at_category(Characteristic::Disadvantage, category, ALL) else { return Part::HIDDEN };
        let part = [whole.as_slice(), &[(self.repeated, "again")]].concat();
        Part { people: self.count(&part), share_permille: self.share(&part, &whole) }
    }

    /// Those of them whose index on a scale changed so, as a part of them.
    pub(crate) fn change_of_disadvantage(&self, category: &str, scale: &str, change: &str) -> Part {
        self.disadvantaged_in(category, &changes(scale), change, Some("again"))
    }

    /// Those of a disadvantage in a category of a table, as a part of those in a subtotal of it or of all of them.
    fn disadvantaged_in(&self, category: &str, table: &str, name: &str, whole: Option<&str>) -> Part {
        let (here, of) = (self.at_category(Characteristic::Disadvantage, category, ALL), self.one_way.get(table));
        let Some((here, (id, _))) = here.zip(of) else { return Part::HIDDEN };
        let part = [here.as_slice(), &[(*id, name)]].concat();
        let whole = [here, whole.map(|whole| (*id, whole)).into_iter().collect()].concat();
        Part { people: self.count(&part), share_permille: self.share(&part, &whole) }
    }

    /// People with two questionnaires or more, over all periods.
    pub(crate) fn repeated(&self) -> Part {
        let at = [(self.repeated, "again")];
        Part { people: self.count(&at), share_permille: self.share(&at, &[]) }
    }

    /// The questionnaires of a period.
    pub(crate) fn assessments(&self, period: &str) -> Option<i64> {
        self.assessments.get(period).copied()
    }

    /// The small counts that readers could narrow down after all, by the engine's own audit.
    #[cfg(test)]
    pub(crate) fn exposed(&self) -> Vec<String> {
        self.audit.exposed()
    }

    fn part(&self, whole: Option<Vec<(DimensionId, &str)>>, target: &Target, outcome: &str) -> Part {
        let Some(whole) = whole else { return Part::HIDDEN };
        let mut part = whole.clone();
        part.push((target.dimension, outcome));
        Part { people: self.count(&part), share_permille: self.share(&part, &whole) }
    }

    fn at_period<'a>(&self, period: &'a str) -> Option<Vec<(DimensionId, &'a str)>> {
        match period {
            ALL => Some(Vec::new()),
            year => self.years.iter().any(|known| known == year).then(|| vec![(self.year, year)]),
        }
    }

    fn at_name<'a>(&self, table: &str, name: &'a str, period: &'a str) -> Option<Vec<(DimensionId, &'a str)>> {
        let (id, names) = self.one_way.get(table)?;
        names.iter().any(|known| known == name).then_some(())?;
        let mut at = self.at_period(period)?;
        at.push((*id, name));
        Some(at)
    }

    fn at_comune<'a>(&self, comune: &'a str, period: &'a str) -> Option<Vec<(DimensionId, &'a str)>> {
        self.comuni.all().any(|known| known == comune).then_some(())?;
        let mut at = self.at_period(period)?;
        at.push((self.comune, comune));
        Some(at)
    }

    fn at_category<'a>(
        &self,
        of: Characteristic,
        category: &'a str,
        period: &'a str,
    ) -> Option<Vec<(DimensionId, &'a str)>> {
        let (dimension, merged) = self.characteristics.get(&of)?;
        merged.all().any(|known| known == category).then_some(())?;
        let mut at = self.at_period(period)?;
        at.push((*dimension, category));
        Some(at)
    }

    fn count(&self, at: At<'_>) -> Option<u32> {
        shown(self.tables.count(at))
    }

    fn share(&self, part: At<'_>, whole: At<'_>) -> Option<u32> {
        permille(shown(self.tables.share(part, whole))?)
    }
}

/// A share in tenths of a percent, rounded.
fn permille(share: Share) -> Option<u32> {
    let (part, whole) = (u64::from(share.part), u64::from(share.whole));
    u32::try_from((part * 2_000 + whole) / (2 * whole)).ok()
}

impl std::fmt::Debug for Protected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protected").field("years", &self.years).finish_non_exhaustive()
    }
}

/// The mark of what is hidden, for a threshold.
pub(crate) fn mark(threshold: Threshold) -> String {
    format!("n<{}", threshold.people())
}

/// What may be shown. A question the tables cannot answer is answered by showing nothing.
fn shown<T>(figure: Result<Figure<T>, disclosure::Error>) -> Option<T> {
    figure.ok()?.value()
}

/// A map whose keys are no texts, as a list of keys with their values.
mod as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'a, K: Deserialize<'a> + Ord, V: Deserialize<'a>, D: Deserializer<'a>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
