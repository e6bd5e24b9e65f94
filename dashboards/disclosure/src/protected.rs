//! Protected tables, and figures made from them.
//!
//! A figure made of counts is asked for here and not computed by the caller from what is shown, because a share with its
//! base shows its count: a figure is hidden with any of the counts it is made of, and its computation never sees a hidden
//! one.

use std::collections::BTreeMap;

use crate::decision::{Reason, Refusal, Share};
use crate::model::{Effort, Model, Protection, Var};
use crate::tables::{At, Key, TableSet};
use crate::{Decision, Error, Threshold};

/// A set of tables after [`TableSet::protect`].
pub struct ProtectedTables {
    set: TableSet,
    model: Model,
    cells: BTreeMap<Key, Var>,
    protection: Protection,
}

impl ProtectedTables {
    pub(crate) fn new(set: TableSet, model: Model, cells: BTreeMap<Key, Var>, protection: Protection) -> Self {
        Self { set, model, cells, protection }
    }

    /// Whether the counts of these cells add up to the same in every table that the proofs rest on. Then their sum may be a
    /// margin of a [`CrossTable`](crate::CrossTable): what is shown of it takes nothing from what protects these tables.
    ///
    /// # Errors
    ///
    /// As [`ProtectedTables::count`].
    pub fn is_settled(&self, cells: &[At<'_>]) -> Result<bool, Error> {
        let vars = cells.iter().map(|at| self.var(at)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.protection.is_settled(&vars))
    }

    /// A number of a cell: over cells whose sum is settled they add up to zero (wrapping around), over others all but never. For
    /// trying many ways to count cells together; the one chosen is to be asked of [`ProtectedTables::is_settled`].
    ///
    /// # Errors
    ///
    /// As [`ProtectedTables::count`].
    pub fn movement(&self, at: At<'_>) -> Result<u64, Error> {
        Ok(self.protection.movement(self.var(at)?))
    }

    fn var(&self, at: At<'_>) -> Result<Var, Error> {
        let key = self.set.key(at)?;
        self.cells.get(&key).copied().ok_or_else(|| Error::UnknownCell { cell: self.set.label(&key) })
    }

    /// The count of a cell.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCell`] and what [`TableSet::count`] says of coordinates.
    pub fn count(&self, at: At<'_>) -> Result<Decision<u32>, Error> {
        Ok(self.protection.decision(self.var(at)?))
    }

    /// A figure made of the counts of these cells (a rate, an index, a mean): computed from them if all are shown.
    ///
    /// Means and sums of a value of each person belong here for now; they leave room for a dominance rule, which would
    /// ask for the largest contributions beside the cell.
    ///
    /// # Errors
    ///
    /// As [`ProtectedTables::count`].
    pub fn derive<T>(&self, from: &[At<'_>], compute: impl FnOnce(&[u32]) -> T) -> Result<Decision<T>, Error> {
        match self.shown(from)? {
            Some(counts) => Ok(Decision::Shown(compute(&counts))),
            None => Ok(self.refuse()),
        }
    }

    /// The share of `part` in `whole`, which it belongs to. Hidden also when the others are fewer than the threshold:
    /// 100 % tells something of every single person, and 96 % of 25 tells how few the others are.
    ///
    /// # Errors
    ///
    /// As [`ProtectedTables::count`].
    pub fn share(&self, part: At<'_>, whole: At<'_>) -> Result<Decision<Share>, Error> {
        let enough = self.threshold().people();
        Ok(match self.shown(&[part, whole])?.as_deref() {
            Some(&[part, whole]) if whole.checked_sub(part).is_some_and(|others| others >= enough) => {
                Decision::Shown(Share { part, whole })
            }
            _ => self.refuse(),
        })
    }

    /// A median of the people of a cell. It is the value of one of them, so it needs more people than a count: see
    /// [`Threshold::people_for_median`].
    ///
    /// # Errors
    ///
    /// As [`ProtectedTables::count`].
    pub fn median<T>(&self, of: At<'_>, compute: impl FnOnce() -> T) -> Result<Decision<T>, Error> {
        let enough = self.threshold().people_for_median();
        Ok(match self.count(of)? {
            Decision::Shown(people) if people >= enough => Decision::Shown(compute()),
            Decision::Shown(_) | Decision::Hidden(_) => self.refuse(),
        })
    }

    /// What is hidden and why, by cell, for the engine's own report. Those *without* a characteristic are listed too.
    pub fn report(&self) -> impl Iterator<Item = (String, Reason)> {
        self.cells.iter().filter_map(|(key, &var)| Some((self.set.label(key), self.protection.decision(var).reason()?)))
    }

    /// The small counts that readers could narrow down after all, by another path than the engine's: see
    /// [`Model::exposed`]. Slow; for a gate before publication, and for tests.
    ///
    /// # Errors
    ///
    /// [`Error::Unanswered`].
    pub fn exposed(&self) -> Result<Vec<String>, Error> {
        self.model.exposed(&self.protection)
    }

    /// The threshold of the protection.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        self.protection.threshold()
    }

    /// How much work it was.
    #[must_use]
    pub fn effort(&self) -> Effort {
        self.protection.effort()
    }

    fn shown(&self, cells: &[At<'_>]) -> Result<Option<Vec<u32>>, Error> {
        let mut counts = Some(Vec::with_capacity(cells.len()));
        for at in cells {
            match self.count(at)? {
                Decision::Shown(people) => counts.iter_mut().for_each(|counts| counts.push(people)),
                Decision::Hidden(_) => counts = None,
            }
        }
        Ok(counts)
    }

    fn refuse<T>(&self) -> Decision<T> {
        Decision::Hidden(Refusal::new(Reason::Derived, self.threshold()))
    }
}

impl std::fmt::Debug for ProtectedTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProtectedTables")
            .field("set", &self.set)
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}
