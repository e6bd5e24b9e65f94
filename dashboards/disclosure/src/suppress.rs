//! Chooses what to hide.
//!
//! # The rule
//!
//! A count under the threshold *t*, zero included, is sensitive. It is protected when what readers see, and all they
//! know of how cells relate, leaves room both for a table where **nobody** is in that cell and for one where **t people
//! or more** are: its feasibility interval contains 0..=t. So a reader can neither tell how many they are, nor that there
//! is anybody, nor that they are few: the cell looks like any hidden for another's sake, which is what lets both carry
//! the same mark.
//!
//! In the words of Fischetti and Salazar (2000, 2001) every sensitive cell has a lower protection level equal to its
//! value and an upper one of t minus its value; a sliding level would add nothing. The upper one is the usual choice for
//! a threshold rule: an attacker must not learn that the count is below it. The lower one is stricter than the usual
//! "some uncertainty" and is possible because counts are small: an interval such as 2..=6 hides the number and still
//! says that somebody is there. It also stops sums: were two hidden cells known to add up to four, neither could reach
//! five, so a third must be hidden.
//!
//! # Zeros
//!
//! Zeros are hidden like any small count. A shown zero says that nobody of a group has a property; the zeros beside a
//! full category say that everybody has it. The Handbook on Statistical Disclosure Control (Hundepool et al., chapter on
//! frequency tables) calls it group attribute disclosure and asks for ambiguity in the zeros. With zeros hidden and
//! protected, 100 % needs no rule of its own: whoever shows a category that holds its whole group, and the group, gives
//! away that the others are zero, and these are protected. Were only some zeros hidden, readers could rule zero out of
//! every other mark. The price is that an empty row reads as a small one. Combinations that cannot exist are declared
//! [`Known`](crate::Standing::Known) and shown.
//!
//! # How
//!
//! Protection is proved by witnesses (see `search`), which stay valid when more is hidden. Cell by cell, totals before
//! their parts, it takes the witness that moves the least information, whose shown cells become complementary (least-cost
//! linear programming, after Kelly, Golden and Assad, 1992). Looking goes from near to far, because small programs are
//! cheap and mostly enough, and last along one dimension, with all margins of the others as they are; and from the
//! witnesses of a small cell's totals, which have settled already what the other
//! tables with the same total must do: so tables that share margins are searched one at a time, margins first. Then each
//! complementary cell, the most informative first, is shown again if the cells leaning on it find other witnesses. At
//! the end all witnesses are checked anew, in whole numbers and against every relation. Each step adds a proof or gives
//! up a cell, so it ends. The heuristics decide how much is hidden and how long it takes, never whether it is safe.

use std::cmp::Reverse;

use crate::decision::loss_of;
use crate::model::{Effort, Model, Standing};
use crate::search::{Aim, Price, Reach, Side, System, Witness};
use crate::{Error, Reason, Threshold};

/// Variables in a program that looks for a witness without hiding more: where it fails, a little more is hidden.
const FREE: usize = 300;
/// Variables in the programs tried one after the other where looking near finds nothing, before the one with all.
const WIDER: [usize; 3] = [400, 1_200, 3_000];
/// Variables in a program that moves people among the categories of one dimension.
const ALONG: usize = 6_000;
/// A total with fewer people than so many thresholds has few of them to move: they are looked for together.
const SCARCE: i64 = 5;

pub(crate) struct Outcome {
    pub(crate) reasons: Vec<Option<Reason>>,
    pub(crate) effort: Effort,
    /// The tables that the proofs rest on, each as variables with how many more people they have there.
    pub(crate) others: Vec<Vec<(usize, i64)>>,
}

pub(crate) fn suppress(model: &Model, threshold: Threshold) -> Result<Outcome, Error> {
    if let Some(relation) = model.broken() {
        return Err(Error::Inconsistent { relation });
    }
    let (system, order) = System::new(model);
    let cells = order.iter().map(|&var| Cell::new(model, var, threshold)).collect();
    let mut pattern = Pattern { system, threshold, cells, witnesses: Vec::new(), programs: 0 };
    pattern.credit_the_truth();
    if let Err(index) = pattern.hide_more().and_then(|()| {
        pattern.show_again();
        pattern.verify()
    }) {
        return Err(Error::Unprotectable { cell: model.variables[order[index]].label.clone() });
    }
    let mut reasons = vec![None; order.len()];
    for (cell, &var) in pattern.cells.iter().zip(&order) {
        reasons[var] = cell.reason();
    }
    let effort = Effort { programs: pattern.programs, witnesses: pattern.witnesses.len() };
    let others = pattern.leant_on().map(|witness| {
        let by = |&(index, value): &(usize, i64)| (order[index], value - pattern.system.values[index]);
        witness.changes.iter().map(by).collect()
    });
    let others = others.collect();
    Ok(Outcome { reasons, effort, others })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Shown,
    Known,
    /// Sensitive: hidden for its own sake.
    Small,
    /// Hidden for another's sake.
    Complementary,
    /// Not meant for display, and not sensitive.
    Unlisted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Missing,
    /// The true table is already on that side.
    Truth,
    Witness(usize),
}

struct Cell {
    state: State,
    /// What is lost when it is hidden.
    loss: u32,
    /// How much wider than an inner cell: totals come first, since their witnesses serve their parts.
    weight: u32,
    nobody: Proof,
    enough: Proof,
}

impl Cell {
    fn new(model: &Model, var: usize, threshold: Threshold) -> Self {
        let variable = &model.variables[var];
        let small = variable.value < threshold.people();
        let state = match variable.standing {
            Standing::Offered | Standing::Implied if small => State::Small,
            Standing::Offered => State::Shown,
            Standing::Implied | Standing::Unlisted => State::Unlisted,
            Standing::Known => State::Known,
        };
        Self {
            state,
            loss: loss_of(i64::from(variable.value)).saturating_mul(variable.weight.max(1)),
            weight: variable.weight,
            nobody: Proof::Missing,
            enough: Proof::Missing,
        }
    }

    fn reason(&self) -> Option<Reason> {
        match self.state {
            State::Shown | State::Known => None,
            State::Small => Some(Reason::Primary),
            State::Complementary => Some(Reason::Complementary),
            State::Unlisted => Some(Reason::Derived),
        }
    }

    fn proof(&self, side: Side) -> Proof {
        match side {
            Side::Nobody => self.nobody,
            Side::Enough => self.enough,
        }
    }

    fn proof_mut(&mut self, side: Side) -> &mut Proof {
        match side {
            Side::Nobody => &mut self.nobody,
            Side::Enough => &mut self.enough,
        }
    }

    fn lacks(&self, side: Side) -> bool {
        self.state == State::Small && self.proof(side) == Proof::Missing
    }

    fn is_hidden(&self) -> bool {
        matches!(self.state, State::Small | State::Complementary | State::Unlisted)
    }

    /// The price of moving it when nothing more may be hidden.
    fn price(&self) -> Price {
        match self.state {
            State::Shown | State::Known => Price::Fixed,
            State::Small | State::Unlisted => Price::Free,
            State::Complementary => Price::Borrowed,
        }
    }

    /// The price of moving it when more may be hidden.
    fn price_with_hiding(&self) -> Price {
        match self.state {
            State::Shown => Price::Hiding(self.loss),
            State::Known | State::Small | State::Complementary | State::Unlisted => self.price(),
        }
    }
}

const SIDES: [Side; 2] = [Side::Nobody, Side::Enough];

struct Pattern {
    system: System,
    threshold: Threshold,
    cells: Vec<Cell>,
    witnesses: Vec<Witness>,
    programs: usize,
}

impl Pattern {
    fn credit_the_truth(&mut self) {
        for (cell, &value) in self.cells.iter_mut().zip(&self.system.values) {
            if value == 0 {
                cell.nobody = Proof::Truth;
            }
        }
    }

    /// Files a witness under every cell that lacked one on the side where it puts it.
    fn credit(&mut self, witness: Witness) {
        let number = self.witnesses.len();
        let enough = i64::from(self.threshold.people());
        for &(index, value) in &witness.changes {
            let cell = &mut self.cells[index];
            let side = if value == 0 {
                Side::Nobody
            } else if value >= enough {
                Side::Enough
            } else {
                continue;
            };
            if cell.lacks(side) {
                *cell.proof_mut(side) = Proof::Witness(number);
            }
        }
        self.witnesses.push(witness);
    }

    /// A witness within what is hidden now.
    fn find_free(&mut self, cell: usize, side: Side, reach: Reach, base: &[i64]) -> Option<Witness> {
        let aim = self.aim(cell, side);
        self.find(aim, reach, base, Cell::price)
    }

    /// The witness that hides the least.
    fn find_priced(&mut self, cell: usize, side: Side, reach: Reach, base: &[i64]) -> Option<Witness> {
        let aim = self.aim(cell, side);
        self.find(aim, reach, base, Cell::price_with_hiding)
    }

    fn find(&mut self, aim: Aim, reach: Reach, base: &[i64], price: impl Fn(&Cell) -> Price) -> Option<Witness> {
        let cells = &self.cells;
        self.programs += 1;
        self.system.find(aim, reach, base, |index| price(&cells[index]), |index| cells[index].lacks(aim.side))
    }

    /// Where to start looking for a witness. For a cell that must rise while its totals are small, these are the
    /// witnesses of the totals: what they move elsewhere need not be found again. And where a total has few people, the
    /// witness of another of its parts has brought them together already.
    fn bases(&self, cell: usize, side: Side) -> Vec<Vec<i64>> {
        let truth = self.system.values.clone();
        if side == Side::Nobody {
            return vec![truth];
        }
        let enough = i64::from(self.threshold.people());
        let (mut totals, mut gathered) = (Vec::new(), Vec::new());
        let mut is_small = false;
        for (total, fellows) in self.system.totals_of(cell) {
            let value = self.system.values[total];
            is_small |= value < enough;
            let witness = |index: usize| match self.cells[index].enough {
                Proof::Witness(number) => Some(number),
                Proof::Missing | Proof::Truth => None,
            };
            match witness(total) {
                Some(number) => {
                    totals.push(number);
                    gathered.push(number);
                }
                None if value < enough * SCARCE => gathered.extend(fellows.into_iter().find_map(witness)),
                None => {}
            }
        }
        let mut bases = Vec::new();
        if !is_small {
            bases.push(truth);
        }
        bases.extend(self.together(totals));
        bases.extend(self.together(gathered));
        if bases.is_empty() {
            bases.push(self.system.values.clone());
        }
        bases.dedup();
        bases
    }

    /// The table of several witnesses at once, if they get along; else of the first of them.
    fn together(&self, mut numbers: Vec<usize>) -> Option<Vec<i64>> {
        numbers.sort_unstable();
        numbers.dedup();
        let truth = &self.system.values;
        let table_of = |numbers: &[usize]| {
            let mut table = truth.clone();
            for &(index, value) in numbers.iter().flat_map(|&number| &self.witnesses[number].changes) {
                table[index] += value - truth[index];
            }
            let changes = (0..).zip(&table).filter(|&(index, &value)| value != truth[index]);
            let witness = Witness { changes: changes.map(|(index, &value)| (index, value)).collect() };
            self.system.accepts(&witness, |index| self.cells[index].is_hidden()).then_some(table)
        };
        let first = numbers.get(..1)?;
        table_of(&numbers).or_else(|| table_of(first))
    }

    fn aim(&self, cell: usize, side: Side) -> Aim {
        Aim { cell, side, enough: i64::from(self.threshold.people()) }
    }

    /// Hides what the cheapest witnesses need. Fails with a cell for which there is none.
    fn hide_more(&mut self) -> Result<(), usize> {
        for side in SIDES {
            let mut order: Vec<usize> = (0..self.cells.len()).collect();
            order.sort_by_key(|&cell| (Reverse(self.cells[cell].weight), cell));
            for cell in order {
                if self.cells[cell].lacks(side) {
                    let witness = self.find_or_hide(cell, side).ok_or(cell)?;
                    for &(moved, _) in &witness.changes {
                        if self.cells[moved].state == State::Shown {
                            self.cells[moved].state = State::Complementary;
                        }
                    }
                    self.credit(witness);
                }
            }
        }
        Ok(())
    }

    /// Looks wider only where looking near would hide something, or finds nothing.
    fn find_or_hide(&mut self, cell: usize, side: Side) -> Option<Witness> {
        let bases = self.bases(cell, side);
        let mut near = None;
        for base in &bases {
            let found = self.find_priced(cell, side, Reach::Near, base);
            if found.as_ref().is_some_and(|witness| !self.hides(witness)) {
                return found;
            }
            near = near.or(found);
        }
        if let Some(near) = near {
            return self.find_free(cell, side, Reach::Sums(FREE), &bases[0]).or(Some(near));
        }
        for base in &bases {
            if let Some(found) = self.find_priced(cell, side, Reach::Layers, base) {
                return Some(found);
            }
        }
        // Those of the last dimension first: what comes of people is declared after who they are, and is what changes.
        let along = self.system.dimensions_of(cell).iter().rev().map(|&dimension| Reach::Along(dimension, ALONG));
        let along: Vec<Reach> = along.collect();
        for reach in WIDER.map(Reach::Fans).into_iter().chain(along).chain([Reach::Fans(usize::MAX)]) {
            for base in &bases {
                if let Some(found) = self.find_priced(cell, side, reach, base) {
                    return Some(found);
                }
            }
        }
        self.find_priced(cell, side, Reach::Everything, &self.system.values.clone())
    }

    fn hides(&self, witness: &Witness) -> bool {
        witness.changes.iter().any(|&(moved, _)| self.cells[moved].state == State::Shown)
    }

    /// Shows complementary cells again where those leaning on them find other witnesses.
    fn show_again(&mut self) {
        let mut candidates: Vec<usize> =
            (0..self.cells.len()).filter(|&index| self.cells[index].state == State::Complementary).collect();
        candidates.sort_by_key(|&index| (Reverse(self.cells[index].loss), index));
        for candidate in candidates {
            let leaning = self.leaning_on(candidate);
            let before: Vec<_> =
                leaning.iter().map(|&(index, side)| (index, side, self.cells[index].proof(side))).collect();
            let kept = self.witnesses.len();
            self.cells[candidate].state = State::Shown;
            for &(index, side) in &leaning {
                *self.cells[index].proof_mut(side) = Proof::Missing;
            }
            let replaced = leaning.iter().all(|&(index, side)| {
                if self.cells[index].lacks(side) {
                    let base = self.bases(index, side).swap_remove(0);
                    let Some(witness) = self
                        .find_free(index, side, Reach::Near, &base)
                        .or_else(|| self.find_free(index, side, Reach::Sums(FREE), &base))
                    else {
                        return false;
                    };
                    self.credit(witness);
                }
                true
            });
            if !replaced {
                self.cells[candidate].state = State::Complementary;
                for (index, side, proof) in before {
                    *self.cells[index].proof_mut(side) = proof;
                }
                self.witnesses.truncate(kept);
            }
        }
    }

    /// The witnesses that some proof rests on.
    fn leant_on(&self) -> impl Iterator<Item = &Witness> {
        let mut is_leant_on = vec![false; self.witnesses.len()];
        for cell in &self.cells {
            for side in SIDES {
                if let Proof::Witness(number) = cell.proof(side) {
                    is_leant_on[number] = true;
                }
            }
        }
        self.witnesses.iter().zip(is_leant_on).filter(|&(_, leant_on)| leant_on).map(|(witness, _)| witness)
    }

    fn leaning_on(&self, candidate: usize) -> Vec<(usize, Side)> {
        let moves = |witness: &Witness| witness.changes.binary_search_by_key(&candidate, |&(index, _)| index).is_ok();
        let lost: Vec<bool> = self.witnesses.iter().map(moves).collect();
        let mut leaning: Vec<(usize, Side)> = Vec::new();
        for (index, cell) in self.cells.iter().enumerate() {
            for side in SIDES {
                if let Proof::Witness(number) = cell.proof(side)
                    && lost[number]
                {
                    leaning.push((index, side));
                }
            }
        }
        leaning.sort_by_key(|&(index, side)| (Reverse(self.cells[index].weight), index, side));
        leaning
    }

    /// Checks every proof again, against what is hidden in the end. Fails with a cell that has none.
    fn verify(&self) -> Result<(), usize> {
        let enough = i64::from(self.threshold.people());
        let sound: Vec<bool> = self
            .witnesses
            .iter()
            .map(|witness| self.system.accepts(witness, |index| self.cells[index].is_hidden()))
            .collect();
        for (index, cell) in self.cells.iter().enumerate().filter(|(_, cell)| cell.state == State::Small) {
            for side in SIDES {
                let value = match cell.proof(side) {
                    Proof::Missing => None,
                    Proof::Truth => Some(self.system.values[index]),
                    Proof::Witness(number) if sound[number] => self.witnesses[number]
                        .changes
                        .iter()
                        .find(|&&(moved, _)| moved == index)
                        .map(|&(_, value)| value),
                    Proof::Witness(_) => None,
                };
                let proved = value.is_some_and(|value| match side {
                    Side::Nobody => value == 0,
                    Side::Enough => value >= enough,
                });
                if !proved {
                    return Err(index);
                }
            }
        }
        Ok(())
    }
}
