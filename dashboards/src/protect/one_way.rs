//! A table of one dimension, with what it shares with others: how people are followed, what they answer, what they agreed.

use std::collections::BTreeMap;

use disclosure::{Dimension, Error, TableSet};

use super::ALL;
use super::plan::Ids;

/// The same people elsewhere in the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Same {
    /// Assessed twice or more.
    Again,
    /// With an outcome, over all periods.
    Outcome { target: String, outcome: String },
    /// Assessed in a year.
    Year(String),
    /// In a category of what people may have several of, over all periods.
    Several { of: &'static str, category: String },
}

/// Categories of which everybody is in exactly one, with subtotals.
#[derive(Clone, Debug, Default)]
pub(super) struct OneWay {
    pub(super) name: String,
    pub(super) categories: Vec<String>,
    /// Subtotals by name.
    pub(super) groups: Vec<(String, Vec<String>)>,
    /// Whether it is offered for each year too.
    pub(super) is_by_year: bool,
    /// By category and period; what is not counted has nobody.
    pub(super) counts: BTreeMap<(String, String), u32>,
    /// Categories that nobody can be in, in which period, as everybody knows.
    pub(super) impossible: Vec<(String, String)>,
    /// Categories or subtotals that are the same people as others.
    pub(super) same: Vec<(String, Same)>,
}

impl OneWay {
    pub(super) fn new(name: impl Into<String>, categories: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { name: name.into(), categories: categories.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A subtotal; one without members is left out.
    pub(super) fn group(&mut self, name: impl Into<String>, members: impl IntoIterator<Item = impl Into<String>>) {
        let members: Vec<String> = members.into_iter().map(Into::into).collect();
        if !members.is_empty() {
            self.groups.push((name.into(), members));
        }
    }

    pub(super) fn add(&mut self, category: &str, period: &str, people: u32) {
        let count = self.counts.entry((category.to_owned(), period.to_owned())).or_default();
        *count = count.saturating_add(people);
    }

    /// The people counted in a period.
    pub(super) fn sum(&self, period: &str) -> u32 {
        self.counts.iter().filter(|((_, of), _)| of == period).map(|(_, people)| people).sum()
    }

    /// Counts in `category` whoever of `people` is nowhere else.
    pub(super) fn fill(&mut self, category: &str, period: &str, people: u32) -> Result<(), Error> {
        let Some(rest) = people.checked_sub(self.sum(period)) else {
            return Err(Error::Inconsistent { relation: format!("[{}] ≤ [everybody]", self.name) });
        };
        self.add(category, period, rest);
        Ok(())
    }

    pub(super) fn dimension(&self) -> Dimension {
        let dimension = Dimension::exclusive(self.name.clone(), self.categories.clone()).changing();
        self.groups.iter().fold(dimension, |dimension, (name, members)| dimension.group(name.clone(), members.clone()))
    }

    pub(super) fn count(&self, set: &mut TableSet, ids: &Ids) -> Result<(), Error> {
        let Some(&id) = ids.one_way.get(&self.name) else { return Ok(()) };
        if self.is_by_year {
            set.table(&[id, ids.year])?;
        } else {
            set.table(&[id])?;
        }
        for ((category, period), &people) in &self.counts {
            set.count(&ids.cell(period, &[(id, category)]), people)?;
        }
        for (category, period) in &self.impossible {
            set.impossible(&ids.cell(period, &[(id, category)]))?;
        }
        Ok(())
    }

    /// Says what is the same elsewhere, once all tables are there.
    pub(super) fn relate(&self, set: &mut TableSet, ids: &Ids) -> Result<(), Error> {
        let Some(&id) = ids.one_way.get(&self.name) else { return Ok(()) };
        for (own, same) in &self.same {
            let is_there = self.categories.contains(own) || self.groups.iter().any(|(name, _)| name == own);
            if let (true, Some(other)) = (is_there, ids.same(same)) {
                set.sum(&other, &[&ids.cell(ALL, &[(id, own)])])?;
            }
        }
        Ok(())
    }
}
