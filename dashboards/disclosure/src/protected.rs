//! Protected tables, as the house knows them: hidden counts with their reasons, and what proves that they are safe.

use std::collections::BTreeMap;

use crate::decision::Reason;
use crate::model::{Effort, Model, Protection, Var};
use crate::published::PublishedTables;
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

    /// What readers see of it.
    #[must_use]
    pub fn published(&self) -> PublishedTables {
        let shown = self.cells.iter().filter_map(|(key, &var)| {
            let people = self.protection.decision(var).published().value()?;
            Some((key.coordinates()?, people))
        });
        PublishedTables::new(self.threshold(), self.set.names(), shown.collect())
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
