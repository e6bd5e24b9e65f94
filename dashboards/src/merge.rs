//! Categories with few people are counted together before anything is protected: tables then say more, and sooner.
//!
//! A category is rare when it has fewer than [`RARE`] people in every period. The bound is far above the threshold on
//! purpose: that a category was merged says nothing of whether it has nobody, few, or enough people to be shown.
//!
//! What was counted by itself in the figures that were shown before stays so. A category that leaves the others as it grows is told
//! apart from them by whoever remembers them together: so they stay a subtotal, see [`Merged::former`].

use std::collections::{BTreeMap, BTreeSet};

use disclosure::Dimension;
use serde::{Deserialize, Serialize};

/// Under so many people in every period a category is counted with others.
pub(crate) const RARE: u32 = 20;

/// The category of all that is counted together; marts have no such code.
pub(crate) const POOL: &str = "pool";

/// What marts write for what nobody recorded.
pub(crate) const UNKNOWN: &str = "unknown";

/// People by category and period.
pub(crate) type Sizes = BTreeMap<String, BTreeMap<String, u32>>;

/// Which categories are counted by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Merged {
    /// In the order of the list they came from.
    pub(crate) kept: Vec<String>,
    /// Whether others are counted together, under [`POOL`].
    pub(crate) has_pool: bool,
    /// What has left [`POOL`] since figures with it were shown, each time with all that left it later.
    former: Vec<Vec<String>>,
}

impl Merged {
    /// For comuni: the rare ones and those not known are counted together, and may still be few.
    pub(crate) fn comuni(sizes: &Sizes, before: Option<&Self>) -> Self {
        Self::rare(&[], sizes, usize::MAX, before)
    }

    /// For categories of which everybody has exactly one: the rare ones and those not recorded are counted together. Where
    /// these would be rare again and at least three others are left, the smallest of these joins them.
    pub(crate) fn exclusive(order: &[&str], sizes: &Sizes, before: Option<&Self>) -> Self {
        Self::rare(order, sizes, 2, before)
    }

    /// Others join the rare ones while these are few and more than `stay` others are left.
    fn rare(order: &[&str], sizes: &Sizes, stay: usize, before: Option<&Self>) -> Self {
        let was_kept = |code: &String| before.is_some_and(|before| before.kept.contains(code));
        let mut kept: Vec<String> = order.iter().map(|&code| code.to_owned()).collect();
        let found: BTreeSet<&String> = sizes.keys().chain(before.iter().flat_map(|before| &before.kept)).collect();
        kept.extend(found.into_iter().filter(|code| !order.contains(&code.as_str())).cloned());
        kept.retain(|code| code != UNKNOWN);
        let is_rare = |code: &String| !was_kept(code) && largest(sizes, &[code.as_str()]) < RARE;
        let mut pool: BTreeSet<String> = kept.iter().filter(|code| is_rare(code)).cloned().collect();
        kept.retain(|code| !pool.contains(code));
        if pool.is_empty() && largest(sizes, &[UNKNOWN]) == 0 {
            return Self { former: former(&kept, before), kept, has_pool: false };
        }
        pool.insert(UNKNOWN.to_owned());
        let pooled = |pool: &BTreeSet<String>| largest(sizes, &pool.iter().map(String::as_str).collect::<Vec<_>>());
        while pooled(&pool) < RARE && kept.len() > stay {
            let others = kept.iter().filter(|code| !was_kept(code));
            let Some(smallest) = others.min_by_key(|code| largest(sizes, &[code.as_str()])).cloned() else {
                break;
            };
            kept.retain(|code| *code != smallest);
            pool.insert(smallest);
        }
        let has_pool = pooled(&pool) > 0 || kept.is_empty();
        Self { former: former(&kept, before), kept, has_pool }
    }

    /// These alone.
    pub(crate) fn only(kept: Vec<String>) -> Self {
        Self { kept, has_pool: false, former: Vec::new() }
    }

    /// For categories of which one may have several: the rare ones are left out, since they add up to no total, and pages
    /// show them as hidden. Those not recorded are left out too: with them readers could tell how many have at least one.
    pub(crate) fn multiple(order: &[&str], sizes: &Sizes, before: Option<&Self>) -> Self {
        let was_kept = |code: &str| before.is_some_and(|before| before.kept.iter().any(|kept| kept == code));
        let is_kept = |code: &&&str| **code != UNKNOWN && (was_kept(code) || largest(sizes, &[**code]) >= RARE);
        Self::only(order.iter().filter(is_kept).map(|&code| code.to_owned()).collect())
    }

    /// A dimension of these categories, with what was one of them before as subtotals.
    pub(crate) fn dimension(&self, name: &str) -> Dimension {
        let former = self.former.iter().enumerate();
        former.fold(Dimension::exclusive(name, self.all()), |dimension, (number, codes)| {
            let members = codes.iter().map(String::as_str).chain(self.has_pool.then_some(POOL));
            dimension.group(former_pool(number), members)
        })
    }

    /// The name that a category of `before` has in [`Merged::dimension`]; nothing where it has none.
    pub(crate) fn renamed(&self, before: &Self, category: &str) -> Option<String> {
        if category != POOL {
            return Some(category.to_owned());
        }
        match self.former.len().checked_sub(1).filter(|_| self.former.len() > before.former.len()) {
            Some(last) => Some(former_pool(last)),
            None => self.has_pool.then(|| POOL.to_owned()),
        }
    }

    /// The categories that are now what a category of `before` was; whoever is in none of them was in no category then.
    pub(crate) fn now_of<'a>(&'a self, before: &Self, category: &'a str) -> Vec<&'a str> {
        if category != POOL {
            return self.place(category).into_iter().collect();
        }
        let left = self.kept.iter().map(String::as_str).filter(|&code| !before.kept.iter().any(|kept| kept == code));
        left.chain(self.has_pool.then_some(POOL)).collect()
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

/// What has left the pool of before.
fn former(kept: &[String], before: Option<&Merged>) -> Vec<Vec<String>> {
    let Some(before) = before else { return Vec::new() };
    let has_left = |code: &&String| before.has_pool && !before.kept.contains(code);
    let left: Vec<String> = kept.iter().filter(has_left).cloned().collect();
    let mut former: Vec<Vec<String>> = before.former.iter().map(|codes| [codes.as_slice(), &left].concat()).collect();
    if !left.is_empty() {
        former.push(left);
    }
    former
}

/// The name of a former pool.
fn former_pool(number: usize) -> String {
    format!("{POOL} {number}")
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
        let merged = Merged::exclusive(order, &sizes(of), None);
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
            Merged::comuni(&sizes(&[("a", &[3]), ("b", &[88]), ("c", &[90]), ("d", &[99]), ("unknown", &[2])]), None);
        assert_eq!((merged.kept.as_slice(), merged.has_pool), (["b", "c", "d"].map(str::to_owned).as_slice(), true));
    }

    #[test]
    fn what_was_counted_by_itself_stays_so_and_what_leaves_the_others_stays_their_subtotal() {
        let first = Merged::comuni(&sizes(&[("a", &[3]), ("b", &[12]), ("c", &[90])]), None);
        assert_eq!((first.kept.as_slice(), first.has_pool), (["c".to_owned()].as_slice(), true));
        // c has shrunk and stays; b has grown and leaves the others; d is new among them.
        let of = sizes(&[("a", &[3]), ("b", &[25]), ("c", &[4]), ("d", &[2])]);
        let second = Merged::comuni(&of, Some(&first));
        assert_eq!((second.kept.as_slice(), second.has_pool), (["b", "c"].map(str::to_owned).as_slice(), true));
        assert_eq!(second.former, [["b"]]);
        assert_eq!(second.renamed(&first, POOL).as_deref(), Some("pool 0"));
        assert_eq!(second.renamed(&first, "c").as_deref(), Some("c"));
        // Nothing left: the others are the same.
        let third = Merged::comuni(&of, Some(&second));
        assert_eq!((&third, third.renamed(&second, POOL).as_deref()), (&second, Some("pool")));
        // All leave, one after the other: each time those of before are known together.
        let fourth = Merged::comuni(&sizes(&[("a", &[20]), ("b", &[25]), ("c", &[4]), ("d", &[21])]), Some(&third));
        assert_eq!(fourth.former, [vec!["b", "a", "d"], vec!["a", "d"]]);
        assert_eq!((fourth.renamed(&third, POOL).as_deref(), fourth.has_pool), (Some("pool 1"), false));
        assert_eq!(fourth.renamed(&third, "pool 0").as_deref(), Some("pool 0"));
        let dimension = format!("{:?}", fourth.dimension("comune"));
        assert!(dimension.contains(r#"("pool 1", ["a", "d"])"#), "{dimension}");
        let kept =
            Merged::multiple(&["a", "b"], &sizes(&[("a", &[4]), ("b", &[5])]), Some(&Merged::only(vec!["a".into()])));
        assert_eq!(kept, Merged::only(vec!["a".into()]));
    }

    #[test]
    fn of_several_the_rare_are_left_out() {
        let merged = Merged::multiple(
            &["a", "b", "none"],
            &sizes(&[("a", &[30]), ("b", &[4]), ("none", &[60]), ("unknown", &[70])]),
            None,
        );
        assert_eq!(merged, Merged::only(vec!["a".into(), "none".into()]));
        assert_eq!(merged.place("b"), None);
        assert_eq!(merged.place("a"), Some("a"));
    }
}
