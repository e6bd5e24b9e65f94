//! Tables of two times: what one hides the other must not give away.

use disclosure::{
    AllPeriods, Changes, Dimension, DimensionId, Error, ProtectedTables, PublishedTables, TableSet, Threshold,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

fn same(_: &str, category: &str) -> Option<String> {
    Some(category.to_owned())
}

fn row(counts: [u32; 4], before: Option<&PublishedTables>) -> (ProtectedTables, DimensionId) {
    let mut set = TableSet::new();
    let names = ["a", "b", "c", "d"];
    let group = set.dimension(Dimension::exclusive("group", names)).unwrap();
    set.table(&[group]).unwrap();
    for (name, people) in names.into_iter().zip(counts) {
        set.count(&[(group, name)], people).unwrap();
    }
    if let Some(before) = before {
        set.published_before(before, Changes::Known, same);
    }
    (set.protect(Threshold::default()).unwrap(), group)
}

fn shown((tables, group): &(ProtectedTables, DimensionId)) -> Vec<Option<u32>> {
    ["a", "b", "c", "d"].map(|name| tables.count(&[(*group, name)]).unwrap().published().value()).into()
}

#[test]
fn what_was_shown_is_not_hidden_for_another_s_sake_later() {
    let first = row([2, 6, 40, 9], None);
    assert_eq!(shown(&first), [None, None, Some(40), Some(9)]);
    // Many came to b. By itself this row hides the two smallest: with the nine of before that leaves two in a.
    let alone = row([2, 70, 40, 9], None);
    assert_eq!(shown(&alone), [None, Some(70), Some(40), None]);
    let second = row([2, 70, 40, 9], Some(&first.0.published()));
    assert_eq!(shown(&second), [None, None, Some(40), Some(9)]);
    assert_eq!(second.0.exposed().unwrap(), Vec::<String>::new());
    // Where people left, what was shown is small now, and hidden.
    let third = row([6, 70, 40, 4], Some(&second.0.published()));
    assert_eq!(shown(&third)[2..], [Some(40), None]);
}

#[test]
fn a_category_that_was_counted_with_others_is_not_told_apart_by_what_they_were_together() {
    let set = |counts: &[(&str, u32)], former: Option<[&str; 2]>, before: Option<&PublishedTables>| {
        let mut set = TableSet::new();
        let names = counts.iter().map(|(name, _)| *name);
        let mut dimension = Dimension::exclusive("comune", names);
        if let Some(members) = former {
            dimension = dimension.group("former", members);
        }
        let comune = set.dimension(dimension).unwrap();
        set.table(&[comune]).unwrap();
        for &(name, people) in counts {
            set.count(&[(comune, name)], people).unwrap();
        }
        if let Some(before) = before {
            set.published_before(before, Changes::Known, |_, category| {
                Some(if category == "others" { "former".to_owned() } else { category.to_owned() })
            });
        }
        (set.protect(Threshold::default()).unwrap(), comune)
    };
    let (first, _) = set(&[("a", 30), ("b", 40), ("others", 23)], None, None);
    let former = Some(["c", "others"]);
    let (second, comune) = set(&[("a", 30), ("b", 40), ("c", 20), ("others", 3)], former, Some(&first.published()));
    let told = |name| second.count(&[(comune, name)]).unwrap().published().value();
    // The others are three: the twenty of c would tell, since both together are known to be twenty-three.
    assert_eq!(
        [told("a"), told("b"), told("c"), told("others"), told("former")],
        [Some(30), Some(40), None, None, Some(23)]
    );
}

#[test]
fn what_is_published_is_read_again_as_it_was_written() {
    let (tables, group) = row([2, 6, 40, 9], None);
    let published = tables.published();
    // Written once and never changed: dimensions with their names, and the cells that are shown.
    let text = include_str!("../fixtures/published_tables_1.json").trim_end();
    assert_eq!(serde_json::to_string(&published).unwrap(), text);
    let read: PublishedTables = serde_json::from_str(text).unwrap();
    assert_eq!(read, published);
    assert_eq!(read.count(&[(group, "c")]).unwrap().value(), Some(40));
    assert!(!text.contains('6'), "a hidden count is not in it");
    let low = text.replace("\"threshold\":5", "\"threshold\":2");
    assert!(serde_json::from_str::<PublishedTables>(&low).is_err());
}

/// Groups by level and year, nobody in both years.
struct OverYears {
    set: TableSet,
    ids: [DimensionId; 3],
}

impl OverYears {
    /// By group, level and year.
    fn new(counts: &[u32]) -> Self {
        let mut set = TableSet::new();
        let group = set.dimension(Dimension::exclusive("group", ["a", "b", "c"])).unwrap();
        let level = set.dimension(Dimension::exclusive("level", ["low", "high"]).changing()).unwrap();
        let year = set.dimension(Dimension::periods("year", ["1", "2"], AllPeriods::Latest)).unwrap();
        set.table(&[group, level, year]).unwrap();
        let mut counts = counts.iter().copied();
        for of in ["a", "b", "c"] {
            for at in ["low", "high"] {
                let mut both = 0;
                for when in ["1", "2"] {
                    let people = counts.next().unwrap();
                    set.count(&[(group, of), (level, at), (year, when)], people).unwrap();
                    both += people;
                }
                set.count(&[(group, of), (level, at)], both).unwrap();
            }
        }
        Self { set, ids: [group, level, year] }
    }

    fn after(mut self, before: &PublishedTables, changes: Changes) -> Self {
        self.set.published_before(before, changes, same);
        self
    }

    fn at<'a>(&self, cell: &[(&str, &'a str)]) -> Vec<(DimensionId, &'a str)> {
        let id = |name| self.ids[["group", "level", "year"].iter().position(|known| *known == name).unwrap()];
        cell.iter().map(|&(name, category)| (id(name), category)).collect()
    }

    fn protect(self) -> Result<ProtectedTables, Error> {
        self.set.protect(Threshold::default())
    }
}

/// Twelve counts, and the same when people have come in the second year.
fn two_times() -> impl Strategy<Value = (Vec<u32>, Vec<u32>)> {
    let first = prop::collection::vec(prop_oneof![0_u32..6, 0_u32..40], 12);
    let came = prop::collection::vec(prop_oneof![Just(0_u32), 0_u32..4, 0_u32..25], 6);
    (first, came).prop_map(|(first, came)| {
        let more = |(place, people): (usize, &u32)| people + if place % 2 == 1 { came[place / 2] } else { 0 };
        let second = first.iter().enumerate().map(more).collect();
        (first, second)
    })
}

/// What readers who have seen both times, and know of the difference what they are taken to, could narrow down; nothing where the second
/// cannot be protected. Nothing is known of the first in the second without `changes`.
fn told_by_both(first: &[u32], second: &[u32], changes: Option<Changes>) -> Option<Vec<String>> {
    let then = OverYears::new(first).protect().ok()?.published();
    let now = OverYears::new(second);
    let now = if let Some(changes) = changes { now.after(&then, changes) } else { now };
    let now = now.protect().ok()?.published();
    let both = OverYears::new(second).after(&then, changes.unwrap_or(Changes::Unknown)).after(&now, Changes::Known);
    Some(both.set.exposed_before(Threshold::default()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_hidden_is_told_by_what_two_times_show(
        (first, second) in two_times(),
        changes in prop_oneof![Just(Changes::Known), Just(Changes::Unknown)],
    ) {
        prop_assert!(told_by_both(&first, &second, Some(changes)).is_none_or(|told| told.is_empty()));
    }

    #[test]
    fn what_was_shown_stays((first, second) in two_times()) {
        let Ok(then) = OverYears::new(&first).protect() else { return Ok(()) };
        let now = OverYears::new(&second).after(&then.published(), Changes::Known);
        let cells: Vec<_> = then.published().cells().map(|(cell, people)| {
            let cell: Vec<(String, String)> = cell.iter().map(|&(name, of)| (name.to_owned(), of.to_owned())).collect();
            (cell, people)
        }).collect();
        let at = |now: &OverYears, cell: &[(String, String)]| {
            let cell: Vec<(&str, &str)> = cell.iter().map(|(name, of)| (name.as_str(), of.as_str())).collect();
            now.at(&cell).into_iter().map(|(id, of)| (id, of.to_owned())).collect::<Vec<_>>()
        };
        let cells: Vec<_> = cells.iter().map(|(cell, people)| (at(&now, cell), *people)).collect();
        let Ok(now) = now.protect() else { return Ok(()) };
        for (cell, then) in cells {
            let at: Vec<(DimensionId, &str)> = cell.iter().map(|(id, of)| (*id, of.as_str())).collect();
            prop_assert!(now.published().count(&at).unwrap().value().is_some_and(|now| now >= then), "{:?}", cell);
        }
    }
}

/// Why it is done: two times that know nothing of each other give hidden counts away.
#[test]
fn two_times_by_themselves_tell_of_hidden_counts() {
    let mut runner = TestRunner::deterministic();
    let (mut worlds, mut told, mut refused) = (0, 0, [0; 2]);
    for _ in 0..200 {
        let (first, second) = two_times().new_tree(&mut runner).unwrap().current();
        if let Some(exposed) = told_by_both(&first, &second, None) {
            worlds += 1;
            told += usize::from(!exposed.is_empty());
            for (refused, changes) in refused.iter_mut().zip([Changes::Known, Changes::Unknown]) {
                *refused += usize::from(told_by_both(&first, &second, Some(changes)).is_none());
            }
        }
    }
    println!("{told} of {worlds} pairs of times tell of a hidden count; {refused:?} cannot be protected together");
    assert!(told * 4 > worlds, "{told} of {worlds}");
    // Twelve cells leave little to hide behind: what readers who know of every change make impossible is mostly possible without.
    assert!(refused[1] * 50 < worlds, "{refused:?} of {worlds}");
}
