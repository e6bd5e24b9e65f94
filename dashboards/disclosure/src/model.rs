//! The general form: whole, non-negative variables, what a reader knows of how they relate, and which ones are shown.
//!
//! [`crate::TableSet`] writes one of these from dimensions with totals, so that nobody forgets a relation. Writing it by
//! hand is for shapes the builder does not know: the promise is then only as good as the relations, since the engine
//! protects against what a reader can compute *from them*.

use std::collections::{BTreeMap, BTreeSet};

use crate::suppress::{self, Outcome};
use crate::{Decision, Error, Reason, Refusal, Threshold};

/// A variable of one [`Model`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Var(pub(crate) usize);

/// What readers may see of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A count of people meant to be shown: hidden when small, or to protect another.
    Offered,
    /// A count of people that nobody displays, but that readers can compute from others (those *without* a
    /// characteristic): protected when small.
    Implied,
    /// Not displayed and not a count to protect: a help to write what readers know.
    Unlisted,
    /// The reader has it anyway (an impossible combination, a figure already published): never hidden, whatever it is.
    Known,
}

pub(crate) struct Variable {
    pub(crate) label: String,
    pub(crate) value: u32,
    pub(crate) standing: Standing,
    pub(crate) weight: u32,
    /// The numbers of the dimensions that it has a category of, in order, but for periods; none where it is of no table.
    pub(crate) dimensions: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Comparison {
    Equal,
    AtMost,
}

/// `Σ coefficient × variable` equals, or is at most, zero. Without a constant every set of tables has a rest position,
/// all zeros, and a multiple of a table is a table: hiding everything always leaves room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Relation {
    pub(crate) terms: Vec<(Var, i32)>,
    pub(crate) comparison: Comparison,
}

/// Variables, relations, and what is offered. `Debug` tells its size alone: the values are what is to be protected.
#[derive(Default)]
pub struct Model {
    pub(crate) variables: Vec<Variable>,
    labels: BTreeSet<String>,
    relations: BTreeSet<Relation>,
}

impl Model {
    /// The largest count the solver is asked to be exact about.
    pub const LARGEST: u32 = 100_000_000;

    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A variable with its true value. The label is its name in reports, and the order of work follows the labels, so
    /// that the order of calls does not matter.
    ///
    /// # Errors
    ///
    /// [`Error::RepeatedLabel`], [`Error::TooLarge`].
    pub fn variable(&mut self, label: impl Into<String>, value: u32, standing: Standing) -> Result<Var, Error> {
        self.weighted(label, value, standing, 1)
    }

    /// As [`Model::variable`], with how much is lost when it is hidden, as a multiple of an inner cell of its size.
    ///
    /// # Errors
    ///
    /// [`Error::RepeatedLabel`], [`Error::TooLarge`].
    pub fn weighted(
        &mut self,
        label: impl Into<String>,
        value: u32,
        standing: Standing,
        weight: u32,
    ) -> Result<Var, Error> {
        let label = label.into();
        if value > Self::LARGEST {
            return Err(Error::TooLarge { label, most: Self::LARGEST });
        }
        if !self.labels.insert(label.clone()) {
            return Err(Error::RepeatedLabel { label });
        }
        self.variables.push(Variable { label, value, standing, weight, dimensions: Vec::new() });
        Ok(Var(self.variables.len() - 1))
    }

    /// Says of which dimensions a variable has a category: looking for other tables goes along them.
    pub(crate) fn is_of(&mut self, var: Var, dimensions: Vec<usize>) {
        self.variables[var.0].dimensions = dimensions;
    }

    /// Readers know that `total` is the sum of `parts`.
    pub fn sum(&mut self, total: Var, parts: &[Var]) {
        let terms = parts.iter().map(|&part| (part, 1)).chain([(total, -1)]);
        self.relate(terms, Comparison::Equal);
    }

    /// Readers know that `total` counts everybody who is in one of `parts` or in several: it is at least the largest and
    /// at most their sum.
    pub fn union(&mut self, total: Var, parts: &[Var]) {
        for &part in parts {
            self.at_most(part, &[total]);
        }
        self.at_most(total, parts);
    }

    /// Readers know that `small` is at most the sum of `large`.
    pub fn at_most(&mut self, small: Var, large: &[Var]) {
        self.linear_at_most([(small, 1)].into_iter().chain(large.iter().map(|&one| (one, -1))));
    }

    /// Readers know that the sum of the terms is at most zero.
    pub fn linear_at_most(&mut self, terms: impl IntoIterator<Item = (Var, i32)>) {
        self.relate(terms, Comparison::AtMost);
    }

    fn relate(&mut self, terms: impl IntoIterator<Item = (Var, i32)>, comparison: Comparison) {
        let mut merged: BTreeMap<Var, i32> = BTreeMap::new();
        for (var, coefficient) in terms {
            *merged.entry(var).or_default() += coefficient;
        }
        merged.retain(|_, coefficient| *coefficient != 0);
        if !merged.is_empty() {
            self.relations.insert(Relation { terms: merged.into_iter().collect(), comparison });
        }
    }

    pub(crate) fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter()
    }

    /// The first relation that the values break, in words.
    pub(crate) fn broken(&self) -> Option<String> {
        let value = |var: Var| i64::from(self.variables[var.0].value);
        let breaks = |relation: &&Relation| {
            let sum: i64 = relation.terms.iter().map(|&(var, coefficient)| i64::from(coefficient) * value(var)).sum();
            match relation.comparison {
                Comparison::Equal => sum != 0,
                Comparison::AtMost => sum > 0,
            }
        };
        self.relations.iter().find(breaks).map(|relation| self.describe(relation))
    }

    fn describe(&self, relation: &Relation) -> String {
        let side = |positive: bool| {
            let terms: Vec<_> = relation
                .terms
                .iter()
                .filter(|&&(_, coefficient)| (coefficient > 0) == positive)
                .map(|&(var, coefficient)| match coefficient.unsigned_abs() {
                    1 => format!("[{}]", self.variables[var.0].label),
                    times => format!("{times}·[{}]", self.variables[var.0].label),
                })
                .collect();
            if terms.is_empty() { "0".to_owned() } else { terms.join(" + ") }
        };
        let sign = match relation.comparison {
            Comparison::Equal => "=",
            Comparison::AtMost => "≤",
        };
        format!("{} {sign} {}", side(true), side(false))
    }

    /// Decides what to show.
    ///
    /// # Errors
    ///
    /// [`Error::Inconsistent`] when the values break a relation, [`Error::Unprotectable`] when hiding everything that may
    /// be hidden does not protect a cell.
    pub fn protect(&self, threshold: Threshold) -> Result<Protection, Error> {
        let Outcome { reasons, effort, others } = suppress::suppress(self, threshold)?;
        let values = self.variables.iter().map(|variable| variable.value).collect();
        let mut moves = vec![Vec::new(); self.variables.len()];
        for (number, changes) in others.iter().enumerate() {
            for &(var, by) in changes {
                moves[var].push((number, by));
            }
        }
        Ok(Protection { threshold, values, reasons, effort, moves })
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("variables", &self.variables.len())
            .field("relations", &self.relations.len())
            .finish_non_exhaustive()
    }
}

/// What may be shown of a [`Model`].
pub struct Protection {
    threshold: Threshold,
    values: Vec<u32>,
    reasons: Vec<Option<Reason>>,
    effort: Effort,
    /// Of each variable, in which of the tables that prove the protection it is another one, and by how many people.
    moves: Vec<Vec<(usize, i64)>>,
}

/// How much work a protection was, in things that do not depend on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// Programs given to the solver.
    pub programs: usize,
    /// Other tables found that explain what is shown.
    pub witnesses: usize,
}

impl Protection {
    /// A protection that something else than linear programming decided.
    pub(crate) fn decided(threshold: Threshold, values: Vec<u32>, reasons: Vec<Option<Reason>>) -> Self {
        let moves = vec![Vec::new(); values.len()];
        Self { threshold, values, reasons, effort: Effort::default(), moves }
    }

    /// Whether the sum of these variables is the true one in every table that the proofs rest on: then it may be taken as
    /// known wherever else it is used, and nothing said there weakens them.
    pub(crate) fn is_settled(&self, vars: &[Var]) -> bool {
        let mut by: BTreeMap<usize, i64> = BTreeMap::new();
        for &(number, more) in vars.iter().flat_map(|var| &self.moves[var.0]) {
            *by.entry(number).or_default() += more;
        }
        by.values().all(|&by| by == 0)
    }

    /// A number of a variable that adds up to zero over variables whose sum is settled, and over others all but never.
    pub(crate) fn movement(&self, var: Var) -> u64 {
        let moves = self.moves[var.0].iter();
        moves.fold(0, |sum: u64, &(number, by)| sum.wrapping_add(weight(number).wrapping_mul(by.cast_unsigned())))
    }

    /// The decision on the variable with this number.
    pub(crate) fn at(&self, number: usize) -> Decision<u32> {
        self.decision(Var(number))
    }

    /// The value of the variable with this number, shown or not.
    pub(crate) fn value(&self, number: usize) -> u32 {
        self.values[number]
    }

    /// The decision on one variable. Whatever is not offered or known is hidden as derived: it has no place on a page.
    pub fn decision(&self, var: Var) -> Decision<u32> {
        match self.reasons[var.0] {
            None => Decision::Shown(self.values[var.0]),
            Some(reason) => Decision::Hidden(Refusal::new(reason, self.threshold)),
        }
    }

    /// Shows a variable after all, so that the audit can be seen to object.
    #[cfg(test)]
    pub(crate) fn betray(&mut self, var: Var) {
        self.reasons[var.0] = None;
    }

    /// The threshold it was made with.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// How much work it was.
    #[must_use]
    pub fn effort(&self) -> Effort {
        self.effort
    }
}

/// A number for each table that a proof rests on, as if by chance (the finalizer of SplitMix64, Steele and others 2014).
fn weight(number: usize) -> u64 {
    let mut mixed = u64::try_from(number).unwrap_or(u64::MAX).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl std::fmt::Debug for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protection")
            .field("threshold", &self.threshold)
            .field("effort", &self.effort)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Model, Standing};
    use crate::{Error, Threshold};

    #[test]
    fn values_that_break_a_relation_are_refused_with_its_words() {
        let mut model = Model::new();
        let all = model.variable("all", 9, Standing::Offered).unwrap();
        let first = model.variable("first", 4, Standing::Offered).unwrap();
        let second = model.variable("second", 6, Standing::Offered).unwrap();
        model.sum(all, &[first, second]);
        assert_eq!(
            model.protect(Threshold::default()).unwrap_err(),
            Error::Inconsistent { relation: "[first] + [second] = [all]".to_owned() }
        );
    }

    #[test]
    fn a_label_names_one_variable() {
        let mut model = Model::new();
        model.variable("all", 9, Standing::Offered).unwrap();
        assert_eq!(model.variable("all", 9, Standing::Offered), Err(Error::RepeatedLabel { label: "all".to_owned() }));
    }

    #[test]
    fn what_the_reader_knows_can_make_protection_impossible() {
        let mut model = Model::new();
        let known = model.variable("known", 9, Standing::Known).unwrap();
        let rest = model.variable("rest", 7, Standing::Known).unwrap();
        let small = model.variable("small", 2, Standing::Offered).unwrap();
        model.sum(known, &[rest, small]);
        assert_eq!(model.protect(Threshold::default()).unwrap_err(), Error::Unprotectable { cell: "small".to_owned() });
    }
}
