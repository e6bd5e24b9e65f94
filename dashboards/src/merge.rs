//! Categories with few people are counted together before anything is protected: tables then say more, and sooner.
//!
//! A category is rare when it has fewer than [`RARE`] people in every period. The bound is far above the threshold on
//! purpose: that a category was merged says nothing of whether it has nobody, few, or enough people to be shown.

use std::collections::{BTreeMap, BTreeSet};

/// Under so many people in every period a category is counted with others.
pub(crate) const RARE: u32 = 20;

/// The category of all that is counted together; marts have no such code.
pub(crate) const POOL: &str = "pool";

/// What marts write for what nobody recorded.
pub(crate) const UNKNOWN: &str = "unknown";

/// People by category and period.
pub(crate) type Sizes = BTreeMap<String, BTreeMap<String, u32>>;

/// Which categories are counted by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Merged {
    /// In the order of the list they came from.
    pub(crate) kept: Vec<String>,
    /// Whether others are counted together, under [`POOL`].
    pub(crate) has_pool: bool,
}

impl Merged {
    /// For comuni: the rare ones and those not known are counted together, and may still be few.
    pub(crate) fn comuni(sizes: &Sizes) -> Self {
        Self::rare(&[], sizes, usize::MAX)
    }

    /// For categories of which everybody has exactly one: the rare ones and those not recorded are counted together. Where
    /// these would be rare again and at least three others are left, the smallest of these joins them.
    pub(crate) fn exclusive(order: &[&str], sizes: &Sizes) -> Self {
        Self::rare(order, sizes, 2)
    }

    /// Others join the rare ones while these are few and more than `stay` others are left.
    fn rare(order: &[&str], sizes: &Sizes, stay: usize) -> Self {
        let mut kept: Vec<String> = order.iter().map(|&code| code.to_owned()).collect();
        kept.extend(sizes.keys().filter(|code| !order.contains(&code.as_str())).cloned());
        kept.retain(|code| code != UNKNOWN);
        let is_rare = |code: &String| largest(sizes, &[code.as_str()]) < RARE;
        let mut pool: BTreeSet<String> = kept.iter().filter(|code| is_rare(code)).cloned().collect();
        kept.retain(|code| !pool.contains(code));
        if pool.is_empty() && largest(sizes, &[UNKNOWN]) == 0 {
            return Self { kept, has_pool: false };
        }
        pool.insert(UNKNOWN.to_owned());
        let pooled = |pool: &BTreeSet<String>| largest(sizes, &pool.iter().map(String::as_str).collect::<Vec<_>>());
        while pooled(&pool) < RARE && kept.len() > stay {
            let Some(smallest) = kept.iter().min_by_key(|code| largest(sizes, &[code.as_str()])).cloned() else {
                break;
            };
            kept.retain(|code| *code != smallest);
            pool.insert(smallest);
        }
        let has_pool = pooled(&pool) > 0 || kept.is_empty();
        Self { kept, has_pool }
    }

    /// For categories of which one may have several: the rare ones are left out, since they add up to no total, and pages
    /// show them as hidden. Those not recorded are left out too: with them readers could tell how many have at least one.
    pub(crate) fn multiple(order: &[&str], sizes: &Sizes) -> Self {
        let is_kept = |code: &&&str| **code != UNKNOWN && largest(sizes, &[**code]) >= RARE;
        Self { kept: order.iter().filter(is_kept).map(|&code| code.to_owned()).collect(), has_pool: false }
    }

    /// Where somebody with this code is counted.
    pub(crate) fn place<'a>(&'a self, code: &'a str) -> Option<&'a str> {
        match self.kept.iter().any(|kept| kept == code) {
            true => Some(code),
            false => self.has_pool.then_some(POOL),
        }
    }

    /// All categories, the pool last.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(String::as_str).chain(self.has_pool.then_some(POOL))
    }
}

/// The most people that these categories have together in a period.
fn largest(sizes: &Sizes, codes: &[&str]) -> u32 {
    let mut by_period: BTreeMap<&str, u32> = BTreeMap::new();
    for (period, people) in codes.iter().filter_map(|&code| sizes.get(code)).flatten() {
        let sum = by_period.entry(period.as_str()).or_default();
        *sum = sum.saturating_add(*people);
    }
    by_period.into_values().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(of: &[(&str, &[u32])]) -> Sizes {
        let by_period = |people: &[u32]| people.iter().enumerate().map(|(year, &n)| (year.to_string(), n)).collect();
        of.iter().map(|(code, people)| ((*code).to_owned(), by_period(people))).collect()
    }

    fn check(order: &[&str], of: &[(&str, &[u32])], kept: &[&str], has_pool: bool) {
        let merged = Merged::exclusive(order, &sizes(of));
        assert_eq!(
            (merged.kept.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), merged.has_pool),
            (kept, has_pool)
        );
    }

    #[test]
    fn few_people_are_counted_together() {
        // Nothing rare, nobody unknown: as it is.
        check(&["a", "b", "c"], &[("a", &[30]), ("b", &[40]), ("c", &[50])], &["a", "b", "c"], false);
        // Nineteen are rare, twenty in one period are not.
        check(&["a", "b", "c"], &[("a", &[19, 19]), ("b", &[20, 1]), ("c", &[50, 3])], &["b", "c"], true);
        // Those nobody recorded never stand alone with a handful: the smallest joins them, as long as two others stay.
        check(&["a", "b", "c"], &[("a", &[30]), ("b", &[40]), ("c", &[50]), ("unknown", &[3])], &["b", "c"], true);
        check(&["f", "m"], &[("f", &[30]), ("m", &[40]), ("unknown", &[3])], &["f", "m"], true);
        // What the list does not know has its place.
        check(&["a", "b"], &[("a", &[30]), ("b", &[40]), ("z", &[50])], &["a", "b", "z"], false);
        // All rare: one category for everybody.
        check(&["a", "b"], &[("a", &[3]), ("b", &[4])], &[], true);
    }

    #[test]
    fn of_comuni_only_those_with_few_people_lose_their_figures() {
        let merged =
            Merged::comuni(&sizes(&[("a", &[3]), ("b", &[88]), ("c", &[90]), ("d", &[99]), ("unknown", &[2])]));
        assert_eq!(merged, Merged { kept: vec!["b".into(), "c".into(), "d".into()], has_pool: true });
    }

    #[test]
    fn of_several_the_rare_are_left_out() {
        let merged = Merged::multiple(
            &["a", "b", "none"],
            &sizes(&[("a", &[30]), ("b", &[4]), ("none", &[60]), ("unknown", &[70])]),
        );
        assert_eq!(merged, Merged { kept: vec!["a".into(), "none".into()], has_pool: false });
        assert_eq!(merged.place("b"), None);
        assert_eq!(merged.place("a"), Some("a"));
    }
}
