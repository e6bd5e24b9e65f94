//! How many people of each category have something (an answer that holds them back, say), by any number of characteristics.
//!
//! # What is assumed
//!
//! An [`IndicatorTable`] divides people in two, those who have it and the others, for each category of each characteristic by itself.
//! Readers are taken to know *who everybody is*: the characteristics of all people, all of them together; how many have it in all; and
//! what is shown. So whatever else is offered of the same people by these characteristics, tables of two of them included, takes
//! nothing from the proofs, as long as nothing in it says who has it. Categories whose people are not told elsewhere, or not settled
//! there ([`ProtectedTables::is_settled`](crate::ProtectedTables::is_settled)), are [withheld](IndicatorTable::withhold); where the
//! total is not settled the table must not be offered. Then tables of several things that one may have are protected one by one.
//!
//! # The rule
//!
//! Fewer than the threshold who have it are sensitive, none included, and so are fewer others: that all have it tells of everybody.
//! A sensitive category is hidden, and proved by other ways in which people can have it, whole, with the same total and the same
//! counts wherever they are shown: one with nobody and one with a threshold of people. The same holds for what is offered nowhere and
//! readers could narrow down all the same: people by each two categories, and people who are alike in everything. Where there are
//! fewer people than the threshold, it must stay possible that none of them has it, and that all have.
//!
//! # How
//!
//! From the truth people are moved as the goal asks, and then one by one, of some who are looked at the one who helps most and nobody twice in a row,
//! until the shown counts are as they were (a *tabu* search: Glover 1989). What it cannot mend is hidden too; in the end each category
//! that was hidden for another's sake is shown again if others can do without. The search decides how much is hidden, never whether it
//! is safe: every proof is checked again at the end.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::decision::loss_of;
use crate::published::PublishedIndicator;
use crate::{Decision, Model, Protection, Reason, Standing, Threshold};

/// People moved one after the other in one attempt.
const STEPS: usize = 600;
/// Kinds of people looked at for each of them, from a random one on. All of them would be better moves, and take longer to find.
const LOOKED_AT: usize = 100;
/// Attempts to find another way that hides nothing more, where something may be hidden and where nothing may.
const ATTEMPTS: [usize; 2] = [10, 4];
/// For so many steps nobody alike is moved again: at least, and how many more by chance.
const REST: [usize; 2] = [12, 12];
/// What counts for more than any category: the total, and what was shown before.
const FIXED: i64 = 1_000;

/// Why there is no protected table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndicatorError {
    /// People in a category that is not in the table.
    #[error("characteristic {characteristic} has no category {category}")]
    Unknown {
        /// The characteristic.
        characteristic: usize,
        /// Its category.
        category: usize,
    },
    /// People without a category along each characteristic.
    #[error("people have {given} categories, not one of each of {wanted} characteristics")]
    Incomplete {
        /// How many were given.
        given: usize,
        /// How many there are.
        wanted: usize,
    },
    /// Hiding every category does not protect one: too few have it, or too few others.
    #[error("nothing protects the table (too few have it, or too few others)")]
    Unprotectable,
}

/// People who are alike.
#[derive(Clone, Debug)]
struct Kind {
    /// A category along each characteristic.
    slots: Vec<usize>,
    people: i64,
    with: i64,
}

/// People by characteristics, and how many of them have it, before they are protected.
#[derive(Clone, Debug, Default)]
pub struct IndicatorTable {
    /// The first category of each characteristic, among all; and their number.
    starts: Vec<usize>,
    slots: usize,
    kinds: Vec<Kind>,
    known: BTreeMap<Vec<usize>, usize>,
    is_withheld: Vec<bool>,
    /// By category, whether it was shown before; nothing where it is new.
    before: Vec<Option<bool>>,
}

impl IndicatorTable {
    /// Nobody yet, by characteristics of so many categories each.
    #[must_use]
    pub fn new(categories: &[usize]) -> Self {
        let mut starts = Vec::new();
        let mut slots = 0;
        for categories in categories {
            starts.push(slots);
            slots += categories;
        }
        Self { starts, slots, is_withheld: vec![false; slots], before: vec![None; slots], ..Self::default() }
    }

    fn slot(&self, characteristic: usize, category: usize) -> Result<usize, IndicatorError> {
        let end = self.starts.get(characteristic + 1).copied().unwrap_or(self.slots);
        let slot = self.starts.get(characteristic).map(|start| start + category).filter(|&slot| slot < end);
        slot.ok_or(IndicatorError::Unknown { characteristic, category })
    }

    /// Adds people with a category along each characteristic, so many `with` it and so many `without`.
    ///
    /// # Errors
    ///
    /// [`IndicatorError::Unknown`], [`IndicatorError::Incomplete`].
    pub fn add(&mut self, categories: &[usize], with: u32, without: u32) -> Result<(), IndicatorError> {
        if categories.len() != self.starts.len() {
            return Err(IndicatorError::Incomplete { given: categories.len(), wanted: self.starts.len() });
        }
        let slots = categories.iter().enumerate().map(|(of, &category)| self.slot(of, category));
        let slots = slots.collect::<Result<Vec<_>, _>>()?;
        let (with, people) = (i64::from(with), i64::from(with) + i64::from(without));
        if people == 0 {
            return Ok(());
        }
        let kind = *self.known.entry(slots.clone()).or_insert_with(|| {
            self.kinds.push(Kind { slots, people: 0, with: 0 });
            self.kinds.len() - 1
        });
        self.kinds[kind].people += people;
        self.kinds[kind].with += with;
        Ok(())
    }

    /// Says that readers are not told how many people a category has: it is never shown.
    ///
    /// # Errors
    ///
    /// [`IndicatorError::Unknown`].
    pub fn withhold(&mut self, characteristic: usize, category: usize) -> Result<(), IndicatorError> {
        let slot = self.slot(characteristic, category)?;
        self.is_withheld[slot] = true;
        Ok(())
    }

    /// Says that a category was published before, and whether it was shown. What was shown is shown again unless it is small now; what
    /// was hidden stays so.
    ///
    /// # Errors
    ///
    /// [`IndicatorError::Unknown`].
    pub fn seen_before(
        &mut self,
        characteristic: usize,
        category: usize,
        was_shown: bool,
    ) -> Result<(), IndicatorError> {
        let slot = self.slot(characteristic, category)?;
        self.before[slot] = Some(was_shown);
        Ok(())
    }

    /// Decides what to show. The same table is protected in the same way every time.
    ///
    /// # Errors
    ///
    /// [`IndicatorError::Unprotectable`].
    pub fn protect(self, threshold: Threshold) -> Result<ProtectedIndicator, IndicatorError> {
        let enough = i64::from(threshold.people());
        let sums = |of: fn(&Kind) -> i64| {
            let mut sums = vec![0; self.slots];
            for kind in &self.kinds {
                for &slot in &kind.slots {
                    sums[slot] += of(kind);
                }
            }
            sums
        };
        let (people, with) = (sums(|kind| kind.people), sums(|kind| kind.with));
        let is_small: Vec<bool> =
            people.iter().zip(&with).map(|(people, with)| *with < enough || people - with < enough).collect();
        let total = |of: fn(&Kind) -> i64| self.kinds.iter().map(of).sum::<i64>();
        let all = total(|kind| kind.with);
        if all < enough || total(|kind| kind.people) - all < enough {
            return Err(IndicatorError::Unprotectable);
        }
        let mut pattern = Pattern::new(&self, &people, &is_small, enough);
        pattern.hide_more().ok_or(IndicatorError::Unprotectable)?;
        pattern.show_again();
        if !pattern.is_proved() {
            return Err(IndicatorError::Unprotectable);
        }
        let reason = |slot: usize| match (pattern.is_hidden[slot], is_small[slot]) {
            (true, true) => Some(Reason::Primary),
            (true, false) if self.is_withheld[slot] => Some(Reason::Derived),
            (true, false) => Some(Reason::Complementary),
            (false, _) => None,
        };
        let reasons = (0..self.slots).map(reason).collect();
        let counts = |of: &[i64]| of.iter().map(|&people| u32::try_from(people).unwrap_or(u32::MAX)).collect();
        let protection = Protection::decided(threshold, counts(&with), reasons);
        Ok(ProtectedIndicator { people: counts(&people), table: self, protection })
    }
}

/// An [`IndicatorTable`] after [`IndicatorTable::protect`].
pub struct ProtectedIndicator {
    table: IndicatorTable,
    people: Vec<u32>,
    protection: Protection,
}

impl ProtectedIndicator {
    /// How many people of a category have it.
    ///
    /// # Errors
    ///
    /// [`IndicatorError::Unknown`].
    pub fn count(&self, characteristic: usize, category: usize) -> Result<Decision<u32>, IndicatorError> {
        Ok(self.protection.at(self.table.slot(characteristic, category)?))
    }

    /// What readers see of it.
    #[must_use]
    pub fn published(&self) -> PublishedIndicator {
        let told = |slot: usize| self.protection.at(slot).published().value().map(|with| (with, self.people[slot]));
        let ends = self.table.starts.iter().skip(1).chain([&self.table.slots]);
        let of = self.table.starts.iter().zip(ends).map(|(&start, &end)| (start..end).map(told).collect());
        PublishedIndicator::new(self.protection.threshold(), of.collect())
    }

    /// The small counts, of categories and of each two, that readers who know who everybody is could narrow down after all, by linear
    /// programming: another path than the search that chose what to hide. Slow; for tests.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Unanswered`].
    pub fn exposed(&self) -> Result<Vec<String>, crate::Error> {
        let table = &self.table;
        let mut model = Model::new();
        let (mut values, mut reasons) = (Vec::new(), Vec::new());
        let mut add = |label: String, value: i64, standing, reason| {
            let value = u32::try_from(value).unwrap_or(u32::MAX);
            values.push(value);
            reasons.push(reason);
            model.variable(label, value, standing)
        };
        let mut kinds = Vec::new();
        let mut sums = Vec::new();
        for (number, kind) in table.kinds.iter().enumerate() {
            let hidden = Some(Reason::Derived);
            let people = add(format!("kind {number}"), kind.people, Standing::Known, None)?;
            let with = add(format!("kind {number} with"), kind.with, Standing::Unlisted, hidden)?;
            let without = add(format!("kind {number} without"), kind.people - kind.with, Standing::Unlisted, hidden)?;
            sums.push((people, vec![with, without]));
            kinds.push([with, without]);
        }
        let everybody: Vec<usize> = (0..kinds.len()).collect();
        let mut cells: Vec<(String, Option<Reason>, Standing, Vec<usize>)> =
            vec![("all".to_owned(), None, Standing::Known, everybody)];
        let of = |slots: &[usize]| {
            let has_all = |kind: &Kind| slots.iter().all(|slot| kind.slots.contains(slot));
            (0..kinds.len()).filter(|&number| has_all(&table.kinds[number])).collect::<Vec<_>>()
        };
        for slot in 0..table.slots {
            let reason = self.protection.at(slot).reason();
            cells.push((format!("category {slot}"), reason, Standing::Offered, of(&[slot])));
            let later = table.starts.iter().find(|&&start| start > slot).copied().unwrap_or(table.slots);
            for other in later..table.slots {
                let label = format!("categories {slot} and {other}");
                cells.push((label, Some(Reason::Derived), Standing::Implied, of(&[slot, other])));
            }
        }
        for (label, reason, standing, members) in cells {
            let people: i64 = members.iter().map(|&kind| table.kinds[kind].people).sum();
            if people < i64::from(self.protection.threshold().people()) {
                continue;
            }
            for (side, of) in [("with", 0), ("without", 1)] {
                let value = members.iter().map(|&kind| {
                    let Kind { people, with, .. } = table.kinds[kind];
                    if of == 0 { with } else { people - with }
                });
                let cell = add(format!("{label} {side}"), value.sum(), standing, reason)?;
                sums.push((cell, members.iter().map(|&kind| kinds[kind][of]).collect()));
            }
        }
        for (total, parts) in sums {
            model.sum(total, &parts);
        }
        model.exposed(&Protection::decided(self.protection.threshold(), values, reasons))
    }
}

impl std::fmt::Debug for ProtectedIndicator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProtectedIndicator").field("categories", &self.table.slots).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Missing,
    Truth,
    /// Another way, by number.
    Other(usize),
}

/// How many of a cell must be able to have it.
#[derive(Clone, Copy, Debug)]
struct Goal {
    cell: usize,
    least: i64,
    most: i64,
    proof: Proof,
}

/// Another way in which people can have it, as what it changes: kinds and how many more of them.
type Other = Vec<(usize, i64)>;

/// An attempt, with the categories that it moves and what is lost when they are hidden.
struct Found {
    other: Other,
    hides: Vec<usize>,
    loss: i64,
}

struct Pattern<'a> {
    table: &'a IndicatorTable,
    people: &'a [i64],
    is_small: &'a [bool],
    is_hidden: Vec<bool>,
    /// Cells: categories, each two of different characteristics, kinds. With their kinds, and how many have it.
    members: Vec<Vec<usize>>,
    with: Vec<i64>,
    goals: Vec<Goal>,
    /// The goals of a cell.
    goals_of: Vec<Vec<usize>>,
    others: Vec<Other>,
    chance: ChaCha8Rng,
}

impl<'a> Pattern<'a> {
    fn new(table: &'a IndicatorTable, people: &'a [i64], is_small: &'a [bool], enough: i64) -> Self {
        let was_hidden = table.before.iter().map(|before| *before == Some(false));
        let is_hidden = is_small.iter().zip(&table.is_withheld).zip(was_hidden);
        let is_hidden = is_hidden.map(|((small, withheld), was_hidden)| *small || *withheld || was_hidden).collect();
        let slots = table.slots;
        let mut members = vec![Vec::new(); slots + slots * slots + table.kinds.len()];
        for (number, kind) in table.kinds.iter().enumerate() {
            for cell in cells_of(slots, number, kind) {
                members[cell].push(number);
            }
        }
        let mut pattern = Self {
            with: members.iter().map(|kinds| kinds.iter().map(|&kind| table.kinds[kind].with).sum()).collect(),
            goals: Vec::new(),
            goals_of: vec![Vec::new(); members.len()],
            others: Vec::new(),
            chance: ChaCha8Rng::seed_from_u64(0),
            table,
            people,
            is_small,
            is_hidden,
            members,
        };
        for cell in 0..pattern.members.len() {
            pattern.ask(cell, enough);
        }
        pattern
    }

    /// Writes down what must be possible of a cell.
    fn ask(&mut self, cell: usize, enough: i64) {
        let people: i64 = self.members[cell].iter().map(|&kind| self.table.kinds[kind].people).sum();
        let with = self.with[cell];
        let some = enough.min(people);
        let mut wanted: Vec<(i64, i64)> = Vec::new();
        if people > 0 && with < enough {
            wanted.extend([(0, 0), (some, people)]);
        }
        if people > 0 && people - with < enough {
            wanted.extend([(people, people), (0, people - some)]);
        }
        wanted.sort_unstable();
        wanted.dedup();
        for (least, most) in wanted {
            let proof = if (least..=most).contains(&with) { Proof::Truth } else { Proof::Missing };
            self.goals_of[cell].push(self.goals.len());
            self.goals.push(Goal { cell, least, most, proof });
        }
    }

    /// What is lost when a category is hidden.
    fn loss(&self, slot: usize) -> i64 {
        match (self.is_hidden[slot], self.table.before[slot]) {
            (true, _) => 0,
            (false, Some(true)) => FIXED,
            (false, _) => i64::from(loss_of(self.people[slot])),
        }
    }

    /// Hides what cannot be mended. Nothing where no way is found for a goal, or it would hide what was shown before.
    fn hide_more(&mut self) -> Option<()> {
        for goal in 0..self.goals.len() {
            if self.goals[goal].proof == Proof::Missing {
                let found = self.find(goal, ATTEMPTS[0])?;
                if found.loss >= FIXED {
                    return None;
                }
                for &slot in &found.hides {
                    self.is_hidden[slot] = true;
                }
                self.credit(found.other);
            }
        }
        Some(())
    }

    /// Files another way under every goal that it reaches.
    fn credit(&mut self, other: Other) {
        let number = self.others.len();
        let mut changed: BTreeMap<usize, i64> = BTreeMap::new();
        for &(kind, more) in &other {
            for cell in cells_of(self.table.slots, kind, &self.table.kinds[kind]) {
                if !self.goals_of[cell].is_empty() {
                    *changed.entry(cell).or_default() += more;
                }
            }
        }
        for (cell, more) in changed {
            for &goal in &self.goals_of[cell] {
                let goal = &mut self.goals[goal];
                if goal.proof == Proof::Missing && (goal.least..=goal.most).contains(&(self.with[cell] + more)) {
                    goal.proof = Proof::Other(number);
                }
            }
        }
        self.others.push(other);
    }

    /// Another way that reaches a goal; of several attempts the one that hides least.
    fn find(&mut self, goal: usize, attempts: usize) -> Option<Found> {
        let mut best: Option<Found> = None;
        for _ in 0..attempts {
            let Some(found) = self.attempt(goal) else { continue };
            if found.loss == 0 {
                return Some(found);
            }
            if best.as_ref().is_none_or(|best| found.loss < best.loss) {
                best = Some(found);
            }
        }
        best
    }

    fn attempt(&mut self, goal: usize) -> Option<Found> {
        let Goal { cell, least, most, .. } = self.goals[goal];
        let kinds = &self.table.kinds;
        let losses: Vec<i64> = (0..self.table.slots).map(|slot| self.loss(slot)).collect();
        let mut balance = Balance::new(kinds, &losses);
        let mut is_fixed = vec![false; kinds.len()];
        for &kind in &self.members[cell] {
            is_fixed[kind] = true;
        }
        // As the goal asks, by chance among those of the cell.
        let mut missing = self.with[cell].clamp(least, most) - self.with[cell];
        while missing != 0 {
            let by = missing.signum();
            let can: Vec<usize> = self.members[cell].iter().copied().filter(|&kind| balance.can(kind, by)).collect();
            let kind = *can.get(self.chance.random_range(0..can.len().max(1)))?;
            balance.shift(kind, by);
            missing -= by;
        }
        let mut rested = vec![0; kinds.len()];
        let mut best: Option<(i64, Other)> = None;
        for step in 1..=STEPS {
            let price = balance.price();
            if balance.more_in_all == 0 && best.as_ref().is_none_or(|(least, _)| price < *least) {
                best = Some((price, balance.other()));
                if price == 0 {
                    break;
                }
            }
            let mut chosen: Option<(i64, u32, usize, i64)> = None;
            let from = self.chance.random_range(0..kinds.len());
            let some = (0..kinds.len().min(LOOKED_AT)).map(|place| (from + place) % kinds.len());
            for kind in some.filter(|&kind| !is_fixed[kind] && rested[kind] < step) {
                for by in [1, -1] {
                    if balance.can(kind, by) {
                        let gain = balance.gain(kind, by);
                        if chosen.is_none_or(|(least, ..)| gain <= least) {
                            let rank = (gain, self.chance.random::<u32>(), kind, by);
                            if chosen.is_none_or(|least| rank < least) {
                                chosen = Some(rank);
                            }
                        }
                    }
                }
            }
            let Some((_, _, kind, by)) = chosen else { continue };
            balance.shift(kind, by);
            rested[kind] = step + REST[0] + self.chance.random_range(0..REST[1]);
        }
        let (_, other) = best?;
        let moved = moved(self.table, &other);
        let hides: Vec<usize> = (0..moved.len()).filter(|&slot| moved[slot] != 0 && !self.is_hidden[slot]).collect();
        let loss = hides.iter().map(|&slot| losses[slot]).sum();
        Some(Found { other, hides, loss })
    }

    /// Shows what was hidden for others' sake again where they can do without, the largest first.
    fn show_again(&mut self) {
        let is_candidate = |&slot: &usize| {
            self.is_hidden[slot]
                && !self.is_small[slot]
                && !self.table.is_withheld[slot]
                && self.table.before[slot] != Some(false)
        };
        let mut candidates: Vec<usize> = (0..self.table.slots).filter(is_candidate).collect();
        candidates.sort_by_key(|&slot| (std::cmp::Reverse(self.people[slot]), slot));
        for slot in candidates {
            let leans: Vec<bool> = self.others.iter().map(|other| moved(self.table, other)[slot] != 0).collect();
            let (goals, kept) = (self.goals.clone(), self.others.len());
            self.is_hidden[slot] = false;
            for goal in &mut self.goals {
                if matches!(goal.proof, Proof::Other(number) if leans[number]) {
                    goal.proof = Proof::Missing;
                }
            }
            if !self.find_again() {
                self.is_hidden[slot] = true;
                self.goals = goals;
                self.others.truncate(kept);
            }
        }
    }

    /// Looks for the proofs that are missing within what is hidden.
    fn find_again(&mut self) -> bool {
        for goal in 0..self.goals.len() {
            if self.goals[goal].proof == Proof::Missing {
                match self.find(goal, ATTEMPTS[1]).filter(|found| found.hides.is_empty()) {
                    Some(found) => self.credit(found.other),
                    None => return false,
                }
            }
        }
        true
    }

    /// Checks every proof again, from what is shown.
    fn is_proved(&self) -> bool {
        let is_sound = |other: &Other| {
            let kinds = &self.table.kinds;
            let is_possible = |&(kind, more): &(usize, i64)| {
                let Kind { people, with, .. } = kinds[kind];
                (0..=people).contains(&(with + more))
            };
            let moved = moved(self.table, other);
            other.iter().all(is_possible)
                && other.iter().map(|(_, more)| more).sum::<i64>() == 0
                && moved.iter().zip(&self.is_hidden).all(|(&more, &is_hidden)| more == 0 || is_hidden)
        };
        let is_sound: Vec<bool> = self.others.iter().map(is_sound).collect();
        let is_reached = |goal: &Goal| {
            let more = match goal.proof {
                Proof::Missing => None,
                Proof::Truth => Some(0),
                Proof::Other(number) => is_sound[number].then(|| {
                    let of = &self.members[goal.cell];
                    self.others[number].iter().filter(|(kind, _)| of.contains(kind)).map(|(_, more)| more).sum()
                }),
            };
            more.is_some_and(|more: i64| (goal.least..=goal.most).contains(&(self.with[goal.cell] + more)))
        };
        self.goals.iter().all(is_reached)
            && self.is_small.iter().zip(&self.is_hidden).all(|(small, hidden)| !small || *hidden)
    }
}

/// The cells that people of a kind are in: see [`Pattern::members`].
fn cells_of(slots: usize, number: usize, kind: &Kind) -> impl Iterator<Item = usize> + '_ {
    let of = &kind.slots;
    let each_two = of
        .iter()
        .enumerate()
        .flat_map(move |(place, &one)| of[place + 1..].iter().map(move |&other| slots + one * slots + other));
    of.iter().copied().chain(each_two).chain([slots + slots * slots + number])
}

/// How many more of each category have it.
fn moved(table: &IndicatorTable, other: &Other) -> Vec<i64> {
    let mut moved = vec![0; table.slots];
    for &(kind, more) in other {
        for &slot in &table.kinds[kind].slots {
            moved[slot] += more;
        }
    }
    moved
}

/// What is not as it was while people are moved.
struct Balance<'a> {
    kinds: &'a [Kind],
    losses: &'a [i64],
    more: Vec<i64>,
    more_in_all: i64,
    more_of: Vec<i64>,
    /// What one more costs in each category, and one less.
    prices: [Vec<i64>; 2],
}

impl<'a> Balance<'a> {
    fn new(kinds: &'a [Kind], losses: &'a [i64]) -> Self {
        Self {
            kinds,
            losses,
            more: vec![0; losses.len()],
            more_in_all: 0,
            more_of: vec![0; kinds.len()],
            prices: [losses.to_vec(), losses.to_vec()],
        }
    }

    fn can(&self, kind: usize, by: i64) -> bool {
        let Kind { people, with, .. } = self.kinds[kind];
        (0..=people).contains(&(with + self.more_of[kind] + by))
    }

    fn shift(&mut self, kind: usize, by: i64) {
        self.more_of[kind] += by;
        self.more_in_all += by;
        for &slot in &self.kinds[kind].slots {
            self.more[slot] += by;
            let (more, loss) = (self.more[slot], self.losses[slot]);
            self.prices[0][slot] = ((more + 1).abs() - more.abs()) * loss;
            self.prices[1][slot] = ((more - 1).abs() - more.abs()) * loss;
        }
    }

    fn gain(&self, kind: usize, by: i64) -> i64 {
        let prices = &self.prices[usize::from(by < 0)];
        let in_all = ((self.more_in_all + by).abs() - self.more_in_all.abs()) * FIXED;
        self.kinds[kind].slots.iter().map(|&slot| prices[slot]).sum::<i64>() + in_all
    }

    fn price(&self) -> i64 {
        self.more.iter().zip(self.losses).filter(|(more, _)| **more != 0).map(|(_, loss)| loss).sum()
    }

    fn other(&self) -> Other {
        self.more_of.iter().copied().enumerate().filter(|(_, more)| *more != 0).collect()
    }
}
