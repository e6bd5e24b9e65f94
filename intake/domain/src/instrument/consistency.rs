//! What cannot, or can hardly, be true at once: rules of a definition over answers and what is recorded of a persona.
//!
//! A rule fires only on what is known. A blank answer, or a fact that nobody recorded, contradicts nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Id, Instrument, Text};
use crate::person::{Citizenship, Disadvantage, Education, Household, PersonaFacts, Sex, Work};
use crate::scoring::Sheet;

/// What a rule that fires asks of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Look again: both may be true, and the operator may go on.
    Soft,
    /// Not possible: the questionnaire cannot be validated until something changes.
    Hard,
}

impl Severity {
    /// The code that a definition file names.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }
}

/// One rule: it fires when all its conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// Its id.
    pub id: Id,
    /// What it asks.
    pub severity: Severity,
    /// What to check, for the operator.
    pub text: Text,
    /// Per item (its index in [`Instrument::items`]): the values, one of which must be the answer.
    pub answers: BTreeMap<usize, BTreeSet<i16>>,
    /// What must be recorded of the persona.
    pub facts: FactConditions,
}

/// Conditions on the facts of a persona. `None` asks nothing; a set is met by any one of its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactConditions {
    /// At least this many completed years on the day of the assessment.
    pub age_min: Option<u8>,
    /// At most this many completed years on the day of the assessment.
    pub age_max: Option<u8>,
    /// Sex.
    pub sex: Option<BTreeSet<Sex>>,
    /// Education.
    pub education: Option<BTreeSet<Education>>,
    /// Citizenship.
    pub citizenship: Option<BTreeSet<Citizenship>>,
    /// Household.
    pub household: Option<BTreeSet<Household>>,
    /// Work condition.
    pub work: Option<BTreeSet<Work>>,
    /// One of these at least is among the categories of disadvantage.
    pub disadvantage_any: Option<BTreeSet<Disadvantage>>,
}

impl FactConditions {
    /// Whether all that is asked is known to be so.
    #[must_use]
    pub fn hold(&self, facts: &PersonaFacts) -> bool {
        fn among<T: Ord>(asked: Option<&BTreeSet<T>>, fact: Option<T>) -> bool {
            asked.is_none_or(|asked| fact.is_some_and(|fact| asked.contains(&fact)))
        }
        // Fields are named one by one, so that a condition added here and forgotten below does not compile.
        let Self { age_min, age_max, sex, education, citizenship, household, work, disadvantage_any } = self;
        age_min.is_none_or(|least| facts.age.is_some_and(|age| age >= least))
            && age_max.is_none_or(|most| facts.age.is_some_and(|age| age <= most))
            && among(sex.as_ref(), facts.sex)
            && among(education.as_ref(), facts.education)
            && among(citizenship.as_ref(), facts.citizenship)
            && among(household.as_ref(), facts.household)
            && among(work.as_ref(), facts.work)
            && disadvantage_any
                .as_ref()
                .is_none_or(|asked| facts.disadvantage.as_ref().is_some_and(|recorded| !recorded.is_disjoint(asked)))
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Instrument {
    /// The rules that fire on a sheet and what is recorded of the persona on that day, in the file's order.
    #[must_use]
    pub fn inconsistencies(&self, sheet: &Sheet, facts: &PersonaFacts) -> Vec<&Consistency> {
        let is_given = |item: usize, values: &BTreeSet<i16>| match sheet.get(&self.items[item].id) {
            Some(Answer::Value(value)) => values.contains(value),
            Some(Answer::Missing(_)) | None => false,
        };
        self.consistency
            .iter()
            .filter(|rule| rule.answers.iter().all(|(item, values)| is_given(*item, values)))
            .filter(|rule| rule.facts.hold(facts))
            .collect()
    }
}
