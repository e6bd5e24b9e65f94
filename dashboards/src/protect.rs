//! Protects everything that the pages can show of one strumento of one Ente, in one go: all tables, all periods.
//!
//! From here on nobody sees a raw count: pages ask [`Protected`], and get a figure or nothing. What is not asked for here
//! cannot be shown. Four rules are ours and not the engine's, each where it is applied: what is merged before (`merge`), who is
//! counted as having several disadvantages, when a median has enough people, when the number of questionnaires may be told.

use std::collections::BTreeMap;

use disclosure::{AllPeriods, At, Decision, Dimension, DimensionId, Figure, ProtectedTables, TableSet, Threshold};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use warehouse::{CommunityRow, EnteLake, LakeError, TerritoryIndexRow, TerritoryPeopleRow, TerritoryRow, TotalsRow};

use crate::merge::{Merged, Sizes};
use crate::strumento::Strumento;

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
    /// The tables contradict each other, or cannot be protected. Nothing may be shown.
    #[error("the tables of {strumento} cannot be protected (are the marts of one publication?)")]
    Tables {
        /// Which strumento.
        strumento: String,
        /// What the engine said.
        #[source]
        source: disclosure::Error,
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

/// What is recorded of a persona, in the order of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Characteristic {
    AgeBand,
    Sex,
    Education,
    Citizenship,
    Household,
    Work,
    Disadvantage,
}

impl Characteristic {
    pub(crate) const ALL: [Self; 7] =
        [Self::AgeBand, Self::Sex, Self::Education, Self::Citizenship, Self::Household, Self::Work, Self::Disadvantage];

    /// The code of marts and of messages/terms.toml.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::AgeBand => "age_band",
            Self::Sex => "sex",
            Self::Education => "education",
            Self::Citizenship => "citizenship",
            Self::Household => "household",
            Self::Work => "work",
            Self::Disadvantage => "disadvantage",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|this| this.code() == code)
    }

    /// Whether one may be in several categories.
    pub(crate) fn is_multiple(self) -> bool {
        self == Self::Disadvantage
    }

    /// All its categories but "unknown".
    pub(crate) fn categories(self) -> Vec<&'static str> {
        match self {
            Self::AgeBand => vec!["0_24", "25_34", "35_44", "45_54", "55_64", "65_plus"],
            Self::Sex => Sex::ALL.iter().map(|one| one.code()).collect(),
            Self::Education => Education::ALL.iter().map(|one| one.code()).collect(),
            Self::Citizenship => Citizenship::ALL.iter().map(|one| one.code()).collect(),
            Self::Household => Household::ALL.iter().map(|one| one.code()).collect(),
            Self::Work => Work::ALL.iter().map(|one| one.code()).collect(),
            Self::Disadvantage => Disadvantage::ALL.iter().map(|one| one.code()).chain(["none"]).collect(),
        }
    }
}

/// What marts say of one strumento.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marts {
    pub(crate) totals: Vec<TotalsRow>,
    pub(crate) territory: Vec<TerritoryRow>,
    pub(crate) territory_people: Vec<TerritoryPeopleRow>,
    pub(crate) territory_index: Vec<TerritoryIndexRow>,
    pub(crate) community: Vec<CommunityRow>,
}

impl Marts {
    pub(crate) fn read(lake: &EnteLake, strumento: &str) -> Result<Self, LakeError> {
        let mut marts = Self {
            totals: lake.totals()?,
            territory: lake.territory()?,
            territory_people: lake.territory_people()?,
            territory_index: lake.territory_index()?,
            community: lake.community()?,
        };
        marts.totals.retain(|row| row.instrument == strumento);
        marts.territory.retain(|row| row.instrument == strumento);
        marts.territory_people.retain(|row| row.instrument == strumento);
        marts.territory_index.retain(|row| row.instrument == strumento);
        marts.community.retain(|row| row.instrument == strumento);
        Ok(marts)
    }

    fn years(&self) -> Vec<String> {
        let mut years: Vec<String> =
            self.totals.iter().map(|row| row.period.clone()).filter(|period| period != ALL).collect();
        years.sort();
        years.dedup();
        years
    }
}

/// A set of outcomes: the levels of a scale, or the classes of the profile.
struct Target {
    dimension: DimensionId,
    outcomes: Vec<String>,
}

/// The code of the profile among targets.
pub(crate) const PROFILE: &str = "profile";

/// Figures of one strumento of one Ente, hidden where they must be. `None` everywhere means: not to be shown.
pub(crate) struct Protected {
    tables: ProtectedTables,
    years: Vec<String>,
    year: DimensionId,
    comune: DimensionId,
    comuni: Merged,
    repeated: DimensionId,
    characteristics: BTreeMap<Characteristic, (DimensionId, Merged)>,
    targets: BTreeMap<String, Target>,
    medians: BTreeMap<(String, String, String), (i64, i64)>,
    totals: BTreeMap<String, TotalsRow>,
}

/// A count with its share of the whole, each shown or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) people: Option<u32>,
    /// In tenths of a percent, rounded.
    pub(crate) share_permille: Option<u32>,
}

impl Protected {
    /// Protects. Takes seconds: never on an async thread.
    pub(crate) fn new(marts: &Marts, strumento: &Strumento) -> Result<Self, ProtectError> {
        let wrong = |source| ProtectError::Tables { strumento: strumento.id.clone(), source };
        let plan = Plan::new(marts, strumento)?;
        // A sex does not change; where the registry corrected one between two questionnaires the counts say otherwise, and
        // then nobody can rely on it either.
        let tables = match plan.protect(Sexes::Fixed) {
            Err(disclosure::Error::Inconsistent { .. }) => plan.protect(Sexes::Corrected),
            other => other,
        };
        let (tables, ids) = tables.map_err(wrong)?;
        let medians = marts
            .territory_index
            .iter()
            .map(|row| ((row.period.clone(), row.comune.clone(), row.scale.clone()), (row.people, row.median_tenths)));
        Ok(Self {
            tables,
            year: ids.year,
            comune: ids.comune,
            repeated: ids.repeated,
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
            medians: medians.collect(),
            totals: marts.totals.iter().map(|row| (row.period.clone(), row.clone())).collect(),
        })
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
    ///
    /// Twice the people a median needs must be counted there, and those with a valid result must be enough by themselves. So
    /// whoever sees no median learns that there are more than ten without a valid result, or fewer than twenty people: never
    /// that few are in either group.
    pub(crate) fn median_tenths(&self, comune: Option<&str>, scale: &str, period: &str) -> Option<i64> {
        let at = match comune {
            Some(comune) => self.at_comune(comune, period)?,
            None => self.at_period(period)?,
        };
        let (valid, median) =
            *self.medians.get(&(period.to_owned(), comune.unwrap_or(ALL).to_owned(), scale.to_owned()))?;
        let enough = self.tables.threshold().people_for_median();
        if self.count(&at)? < enough.saturating_mul(2) || valid < i64::from(enough) {
            return None;
        }
        shown(self.tables.median(&at, || median))
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

    /// Those of a category, as a share of everybody.
    pub(crate) fn share_with(&self, of: Characteristic, category: &str, period: &str) -> Option<u32> {
        self.share(&self.at_category(of, category, period)?, &self.at_period(period)?)
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

    /// People with two questionnaires or more, over all periods.
    pub(crate) fn repeated(&self) -> Part {
        let at = [(self.repeated, "again")];
        Part { people: self.count(&at), share_permille: self.share(&at, &[]) }
    }

    /// The questionnaires of a period. Where they are hardly more than the people, the difference is people who were assessed
    /// again, so ten more are needed; and all periods are told only where each is.
    pub(crate) fn assessments(&self, period: &str) -> Option<i64> {
        let of = |period: &str| {
            let row = self.totals.get(period)?;
            let is_told = row.assessments - i64::from(self.people(period)?) >= REPEATED_MIN;
            is_told.then_some(row.assessments)
        };
        if period == ALL && !self.years.iter().all(|year| of(year).is_some()) {
            return None;
        }
        of(period)
    }

    /// The small counts that readers could narrow down after all, by the engine's own audit.
    #[cfg(test)]
    pub(crate) fn exposed(&self) -> Vec<String> {
        self.tables.exposed().unwrap_or_else(|error| vec![error.to_string()])
    }

    fn part(&self, whole: Option<Vec<(DimensionId, &str)>>, target: &Target, outcome: &str) -> Part {
        let Some(whole) = whole else { return Part { people: None, share_permille: None } };
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
        let share = shown(self.tables.share(part, whole))?;
        let (part, whole) = (u64::from(share.part), u64::from(share.whole));
        u32::try_from((part * 2_000 + whole) / (2 * whole)).ok()
    }
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
fn shown<T>(decision: Result<Decision<T>, disclosure::Error>) -> Option<T> {
    match decision.ok()?.published() {
        Figure::Shown(value) => Some(value),
        Figure::Hidden(_) => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sexes {
    Fixed,
    Corrected,
}

/// A cell of a table of two: the code along each, and the period.
type Cells = BTreeMap<(String, String, String), u32>;

/// The tables before they are protected.
struct Plan {
    years: Vec<String>,
    everybody: BTreeMap<String, u32>,
    again: u32,
    comuni: Merged,
    by_comune: BTreeMap<(String, String), u32>,
    characteristics: BTreeMap<Characteristic, Merged>,
    by_category: BTreeMap<(Characteristic, String, String), u32>,
    targets: BTreeMap<String, Vec<String>>,
    comune_by_outcome: BTreeMap<String, Cells>,
    category_by_outcome: BTreeMap<(Characteristic, String), Cells>,
}

struct Ids {
    year: DimensionId,
    comune: DimensionId,
    repeated: DimensionId,
    characteristics: BTreeMap<Characteristic, DimensionId>,
    targets: BTreeMap<String, DimensionId>,
}

impl Plan {
    fn new(marts: &Marts, strumento: &Strumento) -> Result<Self, ProtectError> {
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
        let comuni = Merged::comuni(&comune_sizes);
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
            let merged = if of.is_multiple() {
                Merged::multiple(&of.categories(), sizes)
            } else {
                Merged::exclusive(&of.categories(), sizes)
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

        Ok(Self {
            years: marts.years(),
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

    fn protect(&self, sexes: Sexes) -> Result<(ProtectedTables, Ids), disclosure::Error> {
        let mut set = TableSet::new();
        let ids = self.dimensions(&mut set, sexes)?;
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
        Ok((set.protect(Threshold::default())?, ids))
    }

    fn dimensions(&self, set: &mut TableSet, sexes: Sexes) -> Result<Ids, disclosure::Error> {
        let year = set.dimension(Dimension::periods("anno", &self.years, AllPeriods::Latest))?;
        let comune = set.dimension(Dimension::exclusive("comune", self.comuni.all()).changing())?;
        let repeated = set.dimension(Dimension::exclusive("repeated", ["once", "again"]).changing())?;
        let mut characteristics = BTreeMap::new();
        for (&of, merged) in &self.characteristics {
            let dimension = if of.is_multiple() {
                // Readers are told how many have none, which is a category like the others, but not of how many it is unknown:
                // so they cannot tell how many have at least one, which no cell here protects.
                Dimension::multiple(of.code(), merged.all()).changing()
            } else if of == Characteristic::Sex && sexes == Sexes::Fixed {
                Dimension::exclusive(of.code(), merged.all())
            } else {
                Dimension::exclusive(of.code(), merged.all()).changing()
            };
            characteristics.insert(of, set.dimension(dimension)?);
        }
        let mut targets = BTreeMap::new();
        for (target, outcomes) in &self.targets {
            let name = format!("outcome of {target}");
            targets.insert(target.clone(), set.dimension(Dimension::exclusive(name, outcomes).changing())?);
        }
        Ok(Ids { year, comune, repeated, characteristics, targets })
    }
}

impl Ids {
    fn period<'a>(&self, period: &'a str) -> Vec<(DimensionId, &'a str)> {
        if period == ALL { Vec::new() } else { vec![(self.year, period)] }
    }

    fn cell<'a>(&self, period: &'a str, at: &[(DimensionId, &'a str)]) -> Vec<(DimensionId, &'a str)> {
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

fn outcome_of(outcomes: &[String], code: &str) -> String {
    if outcomes.iter().any(|outcome| outcome == code) { code.to_owned() } else { NOT_VALID.to_owned() }
}

/// The outcomes of every scale with levels and of the profile. "Not valid" is one of them, unless it never happened: that
/// every sheet had answers enough says nothing of a person.
fn targets(marts: &Marts, strumento: &Strumento) -> BTreeMap<String, Vec<String>> {
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
