//! Tables of two times: what one hides the other must not give away.

use std::collections::BTreeSet;

use disclosure::{
    AllPeriods, Changes, Dimension, DimensionId, Error, Model, ProtectedTables, PublishedTables, Standing, TableSet,
    Threshold, Var,
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

/// Whether readers of both times could narrow down a small count of the first year, which is over, so that both times are of the same people
/// there. The year is written anew here, by itself: what one time shows of it and what the other does.
fn tells_of_the_first_year(counts: &[u32], times: &[&PublishedTables]) -> bool {
    let mut model = Model::new();
    let told: BTreeSet<Vec<(&str, &str)>> = times.iter().flat_map(|time| time.cells()).map(|(cell, _)| cell).collect();
    let mut var = |of: Option<&'static str>, at: Option<&'static str>, people: u32| {
        let coordinates = [("group", of), ("level", at), ("year", Some("1"))];
        let cell: Vec<(&str, &str)> = coordinates.iter().filter_map(|(name, of)| Some((*name, (*of)?))).collect();
        let standing = match (told.contains(&cell), people < 5) {
            (true, _) => Standing::Known,
            (false, true) => Standing::Offered,
            (false, false) => Standing::Unlisted,
        };
        model.variable(format!("{cell:?}"), people, standing).unwrap()
    };
    let (groups, levels) = (["a", "b", "c"], ["low", "high"]);
    let count = |group: usize, level: usize| counts[(group * 2 + level) * 2];
    let sum = |cells: &[(usize, usize)]| cells.iter().map(|&(group, level)| count(group, level)).sum::<u32>();
    let cells: Vec<(usize, usize)> = (0..3).flat_map(|group| [(group, 0), (group, 1)]).collect();
    let inner: Vec<Var> = cells
        .iter()
        .map(|&(group, level)| var(Some(groups[group]), Some(levels[level]), count(group, level)))
        .collect();
    let all = var(None, None, sum(&cells));
    let of_groups: Vec<Var> =
        (0..3).map(|group| var(Some(groups[group]), None, sum(&[(group, 0), (group, 1)]))).collect();
    let of_levels: Vec<Var> =
        (0..2).map(|level| var(None, Some(levels[level]), sum(&[(0, level), (1, level), (2, level)]))).collect();
    for (group, total) in of_groups.iter().enumerate() {
        model.sum(*total, &inner[group * 2..group * 2 + 2]);
    }
    for (level, total) in of_levels.iter().enumerate() {
        model.sum(*total, &[inner[level], inner[2 + level], inner[4 + level]]);
    }
    model.sum(all, &of_groups);
    // Nothing more can be hidden: either there are other years that agree with all that was told, or there are not.
    model.protect(Threshold::default()).is_err()
}

/// Whether both times together tell of a small count, where the second knows what it is given of the first; nothing where one of them cannot
/// be protected.
fn told_by_both(first: &[u32], second: &[u32], changes: Option<Changes>) -> Option<bool> {
    let then = OverYears::new(first).protect().ok()?.published();
    let now = OverYears::new(second);
    let now = if let Some(changes) = changes { now.after(&then, changes) } else { now };
    let now = now.protect().ok()?.published();
    Some(tells_of_the_first_year(second, &[&then, &now]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_hidden_is_told_by_what_two_times_show(
        (first, second) in two_times(),
        changes in prop_oneof![Just(Changes::Known), Just(Changes::Unknown)],
    ) {
        prop_assert!(!told_by_both(&first, &second, Some(changes)).unwrap_or(false));
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
        if let Some(is_told) = told_by_both(&first, &second, None) {
            worlds += 1;
            told += usize::from(is_told);
            for (refused, changes) in refused.iter_mut().zip([Changes::Known, Changes::Unknown]) {
                *refused += usize::from(told_by_both(&first, &second, Some(changes)).is_none());
            }
        }
    }
    println!("{told} of {worlds} pairs of times tell of a hidden count; {refused:?} cannot be protected together");
    assert!(told * 10 > worlds, "{told} of {worlds}");
    // Twelve cells leave little to hide behind: what readers who know of every change make impossible is mostly possible without.
    assert_eq!(refused[1], 0, "{refused:?} of {worlds}");
}

#[test]
fn a_higher_threshold_shows_nothing_that_is_small_for_it() {
    let before = row([8, 9, 40, 60], None).0.published();
    let mut set = TableSet::new();
    let group = set.dimension(Dimension::exclusive("group", ["a", "b", "c", "d"])).unwrap();
    set.table(&[group]).unwrap();
    for (name, people) in [("a", 8), ("b", 9), ("c", 40), ("d", 60)] {
        set.count(&[(group, name)], people).unwrap();
    }
    set.published_before(&before, Changes::Unknown, same);
    let now = set.protect(Threshold::new(10).unwrap()).unwrap().published();
    let shown = ["a", "b", "c", "d"].map(|name| now.count(&[(group, name)]).unwrap().value());
    assert_eq!(shown, [None, None, Some(40), Some(60)]);
}
