//! Whom figures are about: everybody, those of one category, or those of one category and another.

use super::crossed::Crossed;
use super::{ALL, PROFILE, Part, Protected};
use crate::characteristic::Filter;

/// People whose figures are asked for. Of two categories together there are figures over all periods alone.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    figures: &'a Protected,
    of: Of<'a>,
}

#[derive(Clone, Copy)]
enum Of<'a> {
    Everybody,
    One(Filter, &'a str),
    Two {
        filters: [Filter; 2],
        crossed: &'a Crossed,
        at: (usize, usize),
    },
    /// Everybody of the categories that are counted together when a characteristic is crossed with another.
    Joined {
        filter: Filter,
        categories: &'a [String],
        people: u32,
    },
}

impl Protected {
    /// Everybody.
    pub(crate) fn everybody(&self) -> Group<'_> {
        Group { figures: self, of: Of::Everybody }
    }

    /// Those of one category; nothing where it is not counted by itself.
    pub(crate) fn of_one<'a>(&'a self, filter: Filter, category: &'a str) -> Option<Group<'a>> {
        let is_counted = self.filter_categories(filter).iter().any(|known| known == category);
        is_counted.then_some(Group { figures: self, of: Of::One(filter, category) })
    }

    /// Those of a category with those that are counted with it when it is crossed with another characteristic; nothing where it is not.
    pub(crate) fn of_joined(&self, filter: Filter, category: &str, other: Filter) -> Option<Group<'_>> {
        let (crossed, is_second) = self.crossed(filter, other)?;
        let groups = crossed.groups(is_second);
        let place = groups.iter().position(|group| group.iter().any(|known| known == category))?;
        let people = crossed.people_along(is_second, place);
        Some(Group { figures: self, of: Of::Joined { filter, categories: &groups[place], people } })
    }

    /// Those of one category and another, each with those that are counted with it; nothing where they are not counted together.
    pub(crate) fn of_two(&self, one: (Filter, &str), other: (Filter, &str)) -> Option<Group<'_>> {
        let (crossed, is_second) = self.crossed(one.0, other.0)?;
        let (first, second) = if is_second { (other, one) } else { (one, other) };
        let place = |is_second, category: &str| {
            crossed.groups(is_second).iter().position(|group| group.iter().any(|known| known == category))
        };
        let at = (place(false, first.1)?, place(true, second.1)?);
        Some(Group { figures: self, of: Of::Two { filters: [first.0, second.0], crossed, at } })
    }

    /// The categories that one can ask for, those counted together under one code last.
    pub(crate) fn filter_categories(&self, filter: Filter) -> Vec<String> {
        match filter {
            Filter::Comune => self.comuni.all().map(str::to_owned).collect(),
            Filter::Of(of) if of.is_multiple() => {
                let merged = self.characteristics.get(&of).map(|(_, merged)| merged);
                merged.map(|merged| merged.all().map(str::to_owned).collect()).unwrap_or_default()
            }
            Filter::Of(of) => self.categories(of),
        }
    }

    /// The categories of a characteristic that are counted together when it is crossed with another; nothing where the two are not.
    pub(crate) fn crossed_with(&self, filter: Filter, other: Filter) -> Option<&[Vec<String>]> {
        let (crossed, is_second) = self.crossed(filter, other)?;
        Some(crossed.groups(is_second))
    }

    /// Everybody of the categories at a place of [`Protected::crossed_with`].
    pub(crate) fn people_crossed_with(&self, filter: Filter, other: Filter, place: usize) -> Option<u32> {
        let (crossed, is_second) = self.crossed(filter, other)?;
        Some(crossed.people_along(is_second, place))
    }

    /// How many filters can be in use at once: two where any two characteristics are counted together.
    pub(crate) fn filters_max(&self) -> usize {
        if self.crosses.is_empty() { 1 } else { 2 }
    }

    /// Two characteristics crossed, and whether the first of them stands second there.
    fn crossed(&self, filter: Filter, other: Filter) -> Option<(&Crossed, bool)> {
        let is_second = !is_before(filter, other);
        let key = if is_second { (other, filter) } else { (filter, other) };
        Some((self.crosses.get(&key)?, is_second))
    }

    /// A count as a share of one that it is part of, in tenths of a percent: hidden with either, and where fewer than a threshold are left.
    pub(crate) fn share_between(&self, part: Option<u32>, whole: Option<u32>) -> Option<u32> {
        let (part, whole) = part.zip(whole)?;
        let is_enough = whole.checked_sub(part)? >= self.tables.threshold().people();
        is_enough.then(|| super::permille(disclosure::Share { part, whole })).flatten()
    }
}

fn is_before(one: Filter, other: Filter) -> bool {
    let place = |filter| Filter::ALL.iter().position(|known| *known == filter);
    place(one) < place(other)
}

impl Group<'_> {
    /// What the people have in common: of each characteristic the categories counted together.
    pub(crate) fn common(&self) -> Vec<(Filter, Vec<String>)> {
        match self.of {
            Of::Everybody => Vec::new(),
            Of::One(filter, category) => vec![(filter, vec![category.to_owned()])],
            Of::Joined { filter, categories, .. } => vec![(filter, categories.to_vec())],
            Of::Two { filters, crossed, at } => vec![
                (filters[0], crossed.groups(false)[at.0].clone()),
                (filters[1], crossed.groups(true)[at.1].clone()),
            ],
        }
    }

    /// Whether there are figures for each period.
    pub(crate) fn has_periods(&self) -> bool {
        match self.of {
            Of::Everybody | Of::One(..) => true,
            Of::Two { .. } | Of::Joined { .. } => false,
        }
    }

    /// How many they are.
    pub(crate) fn people(&self, period: &str) -> Option<u32> {
        match self.of {
            Of::Everybody => self.figures.people(period),
            Of::One(Filter::Comune, comune) => self.figures.people_of(comune, period),
            Of::One(Filter::Of(of), category) => self.figures.people_with(of, category, period),
            Of::Two { crossed, at, .. } => crossed.people(at).filter(|_| period == ALL),
            Of::Joined { people, .. } => (period == ALL).then_some(people),
        }
    }

    /// The outcomes of a target; none where they are not counted for these people.
    pub(crate) fn outcomes(&self, target: &str) -> Vec<String> {
        match self.of {
            Of::One(Filter::Comune, _) if target == PROFILE => Vec::new(),
            Of::Everybody | Of::One(..) => self.figures.outcomes(target).to_vec(),
            Of::Two { crossed, .. } => crossed.outcomes(target).to_vec(),
            Of::Joined { .. } => Vec::new(),
        }
    }

    /// Those of them with an outcome, by its place in [`Group::outcomes`].
    pub(crate) fn part(&self, target: &str, outcome: usize, period: &str) -> Part {
        let figures = self.figures;
        let code = || figures.outcomes(target).get(outcome);
        let part = match self.of {
            Of::Everybody => code().and_then(|code| figures.outcome_of_all(target, code, period)),
            Of::One(Filter::Comune, comune) => code().and_then(|code| figures.outcome_of(comune, target, code, period)),
            Of::One(Filter::Of(of), category) => {
                code().and_then(|code| figures.outcome_with(of, category, target, code, period))
            }
            Of::Two { crossed, at, .. } => crossed.part(at, target, outcome).filter(|_| period == ALL),
            Of::Joined { .. } => None,
        };
        part.unwrap_or(Part::HIDDEN)
    }

    /// These people as a share of others whom they belong to, as [`Protected::share_between`].
    pub(crate) fn share_of(&self, whole: &Group<'_>, period: &str) -> Option<u32> {
        self.figures.share_between(self.people(period), whole.people(period))
    }
}
