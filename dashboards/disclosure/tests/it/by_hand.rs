//! Tables small enough to be checked with a pencil, one for each way that readers have been known to subtract.

use disclosure::{AllPeriods, Decision, Dimension, DimensionId, Error, ProtectedTables, Reason, TableSet, Threshold};

/// One exclusive dimension with these counts.
fn row(counts: &[u32]) -> (ProtectedTables, DimensionId) {
    let mut set = TableSet::new();
    let names = (0..counts.len()).map(|place| place.to_string());
    let level = set.dimension(Dimension::exclusive("level", names)).unwrap();
    set.table(&[level]).unwrap();
    for (place, &people) in counts.iter().enumerate() {
        set.count(&[(level, &place.to_string())], people).unwrap();
    }
    (set.protect(Threshold::default()).unwrap(), level)
}

fn shown(decision: Decision<u32>) -> String {
    decision.published().to_string()
}

fn check_row(counts: &[u32], expected: &[&str]) {
    let (tables, level) = row(counts);
    let found: Vec<_> =
        (0..counts.len()).map(|place| shown(tables.count(&[(level, &place.to_string())]).unwrap())).collect();
    assert_eq!(found, expected, "{counts:?}");
}

#[test]
fn a_small_count_takes_another_with_it() {
    check_row(&[20, 3, 9], &["20", "n<5", "n<5"]);
    check_row(&[20, 30, 9], &["20", "30", "9"]);
}

#[test]
fn two_small_counts_that_add_up_to_few_take_a_third() {
    // 1 + 2: neither could be five.
    check_row(&[20, 1, 2, 9], &["20", "n<5", "n<5", "n<5"]);
    // 4 + 4: either could be five or more, and either nobody.
    check_row(&[20, 4, 4, 9], &["20", "n<5", "n<5", "9"]);
}

#[test]
fn nobody_is_hidden_like_few_so_that_all_of_them_is_never_said() {
    check_row(&[20, 0, 9], &["20", "n<5", "n<5"]);
    check_row(&[20, 0, 0], &["n<5", "n<5", "n<5"]);
}

#[test]
fn what_cannot_be_is_shown_as_nobody() {
    let mut set = TableSet::new();
    let age = set.dimension(Dimension::exclusive("age", ["child", "adult"])).unwrap();
    let work = set.dimension(Dimension::exclusive("work", ["yes", "no"])).unwrap();
    set.table(&[age, work]).unwrap();
    set.impossible(&[(age, "child"), (work, "yes")]).unwrap();
    set.count(&[(age, "child"), (work, "no")], 12).unwrap();
    set.count(&[(age, "adult"), (work, "yes")], 8).unwrap();
    set.count(&[(age, "adult"), (work, "no")], 9).unwrap();
    let tables = set.protect(Threshold::default()).unwrap();
    assert_eq!(shown(tables.count(&[(age, "child"), (work, "yes")]).unwrap()), "0");
    assert_eq!(shown(tables.count(&[(age, "child"), (work, "no")]).unwrap()), "12");
}

#[test]
fn a_group_that_is_small_by_difference_is_protected() {
    let mut set = TableSet::new();
    let level = Dimension::exclusive("level", ["a", "b", "c", "d"]).group("a to c", ["a", "b", "c"]);
    let level = set.dimension(level).unwrap();
    set.table(&[level]).unwrap();
    for (name, people) in [("a", 10), ("b", 12), ("c", 14), ("d", 2)] {
        set.count(&[(level, name)], people).unwrap();
    }
    let tables = set.protect(Threshold::default()).unwrap();
    let count = |name| shown(tables.count(&[(level, name)]).unwrap());
    assert_eq!(count("d"), "n<5");
    let all = shown(tables.count(&[]).unwrap());
    assert!(all == "n<5" || count("a to c") == "n<5", "38 − 36 = 2");
    assert!(count("a to c") == "n<5" || ["a", "b", "c"].map(count).contains(&"n<5".to_owned()) || all == "n<5");
}

#[test]
fn those_without_a_characteristic_are_people_too() {
    let mut set = TableSet::new();
    let need = set.dimension(Dimension::multiple("need", ["house", "health"])).unwrap();
    set.table(&[need]).unwrap();
    set.count(&[], 30).unwrap();
    set.count(&[(need, "house")], 28).unwrap();
    set.count(&[(need, "health")], 12).unwrap();
    let tables = set.protect(Threshold::default()).unwrap();
    // 30 − 28: two without need of a house, so the 28 or the 30 is hidden; 12 and 18 need nothing.
    let count = |name| tables.count(&[(need, name)]).unwrap();
    assert_eq!(count("house").reason().or(tables.count(&[]).unwrap().reason()), Some(Reason::Complementary));
    assert_eq!(shown(count("health")), "12");
}

#[test]
fn those_who_have_none_and_those_who_have_one_leave_those_who_have_neither() {
    let tables = |is_apart: bool| {
        let mut set = TableSet::new();
        let needs = Dimension::multiple("need", ["house", "none"]);
        let need = set.dimension(if is_apart { needs.apart("none") } else { needs }).unwrap();
        let level = set.dimension(Dimension::exclusive("level", ["high", "low"])).unwrap();
        set.table(&[need, level]).unwrap();
        for (at, [high, low]) in [(None, [50, 70]), (Some("none"), [30, 50]), (Some("house"), [18, 20])] {
            for (of, people) in [("high", high), ("low", low)] {
                let cell: Vec<_> = at.map(|at| (need, at)).into_iter().chain([(level, of)]).collect();
                set.count(&cell, people).unwrap();
            }
        }
        for (at, people) in [("none", 80), ("house", 38)] {
            set.count(&[(need, at)], people).unwrap();
        }
        set.count(&[], 120).unwrap();
        let tables = set.protect(Threshold::default()).unwrap();
        let mut shown = Vec::new();
        for at in [None, Some("none"), Some("house")] {
            for of in [None, Some("high"), Some("low")] {
                let need = at.map(|at| (need, at));
                let level = of.map(|of| (level, of));
                let cell: Vec<_> = need.into_iter().chain(level).collect();
                shown.push(tables.count(&cell).unwrap().reason().is_none());
            }
        }
        shown
    };
    // In neither: 120 − 80 − 38 = 2, and 50 − 30 − 18 = 2 of the high level.
    assert_eq!(tables(false), [true; 9]);
    let shown = tables(true);
    for of in 0..3 {
        assert!(![0, 3, 6].iter().all(|cell| shown[cell + of]), "{shown:?}");
    }
}

#[test]
fn a_category_apart_is_one_of_a_multiple_dimension() {
    let mut set = TableSet::new();
    let refused = |dimension: Dimension| matches!(TableSet::new().dimension(dimension), Err(Error::Dimension { .. }));
    assert!(refused(Dimension::exclusive("sex", ["f", "m"]).apart("m")));
    assert!(refused(Dimension::multiple("need", ["house"]).apart("none")));
    let mut two = TableSet::new();
    let [one, other] =
        ["need", "right"].map(|name| two.dimension(Dimension::multiple(name, ["a", "none"]).apart("none")).unwrap());
    assert!(matches!(two.table(&[one, other]), Err(Error::Dimension { .. })));
    // More than there are people: none and house exclude each other.
    let need = set.dimension(Dimension::multiple("need", ["house", "none"]).apart("none")).unwrap();
    set.table(&[need]).unwrap();
    for (at, people) in [("house", 7), ("none", 6)] {
        set.count(&[(need, at)], people).unwrap();
    }
    set.count(&[], 12).unwrap();
    let refused = set.protect(Threshold::default()).unwrap_err();
    assert_eq!(refused, Error::Inconsistent { relation: "[need=house] + [need=none] ≤ [everybody]".to_owned() });
}

#[test]
fn a_period_is_not_the_difference_between_all_of_them_and_the_others() {
    let mut set = TableSet::new();
    let year = set.dimension(Dimension::periods("year", ["2024", "2025"], AllPeriods::EverThere)).unwrap();
    set.table(&[year]).unwrap();
    // 20 in all, 16 of them in 2024, so at least four in 2025: just four are small, and five were not excluded.
    set.count(&[], 20).unwrap();
    set.count(&[(year, "2024")], 16).unwrap();
    set.count(&[(year, "2025")], 4).unwrap();
    let tables = set.protect(Threshold::default()).unwrap();
    let count = |name| tables.count(&[(year, name)]).unwrap();
    assert_eq!(shown(count("2025")), "n<5");
    // With 20 and 16 shown, "at least four" would say that somebody was there.
    assert!(count("2024").reason().is_some() || tables.count(&[]).unwrap().reason().is_some());
}

#[test]
fn a_margin_shared_by_two_tables_is_one_cell() {
    let mut set = TableSet::new();
    let [sex, age, level] =
        ["sex", "age", "level"].map(|name| set.dimension(Dimension::exclusive(name, ["x", "y", "z"])).unwrap());
    for (other, table) in [(sex, [20, 3, 11, 30, 25, 12, 40, 28, 16]), (age, [30, 16, 13, 30, 20, 13, 30, 20, 13])] {
        set.table(&[other, level]).unwrap();
        for (place, people) in table.into_iter().enumerate() {
            let names = ["x", "y", "z"];
            set.count(&[(other, names[place / 3]), (level, names[place % 3])], people).unwrap();
        }
    }
    let tables = set.protect(Threshold::default()).unwrap();
    assert_eq!(shown(tables.count(&[(sex, "x"), (level, "y")]).unwrap()), "n<5");
    assert_eq!(tables.exposed().unwrap(), Vec::<String>::new());
    // A rectangle in the one table is enough: nothing of the other need be hidden.
    assert!(tables.report().all(|(cell, _)| !cell.contains("age=")));
}

#[test]
fn categories_that_change_ask_for_the_latest_of_all_periods() {
    let mut set = TableSet::new();
    let level = set.dimension(Dimension::exclusive("level", ["a", "b"]).changing()).unwrap();
    let year = set.dimension(Dimension::periods("year", ["2024", "2025"], AllPeriods::EverThere)).unwrap();
    set.table(&[level, year]).unwrap();
    assert!(matches!(set.protect(Threshold::default()), Err(Error::Dimension { .. })));
}

#[test]
fn counts_that_contradict_each_other_are_refused() {
    let mut set = TableSet::new();
    let level = set.dimension(Dimension::exclusive("level", ["a", "b"])).unwrap();
    set.table(&[level]).unwrap();
    set.count(&[(level, "a")], 7).unwrap();
    set.count(&[(level, "b")], 8).unwrap();
    set.count(&[], 16).unwrap();
    assert!(matches!(set.protect(Threshold::default()), Err(Error::Inconsistent { .. })));
}

#[test]
fn a_sum_that_no_dimension_says_is_kept_all_the_same() {
    // Of those at a level some were assessed again: whoever sees both counts knows how many were not.
    let build = |is_told: bool| {
        let mut set = TableSet::new();
        let level = set.dimension(Dimension::exclusive("level", ["low", "high"])).unwrap();
        let path = Dimension::exclusive("path", ["once low", "once high", "again low", "again high"])
            .group("again", ["again low", "again high"]);
        let path = set.dimension(path).unwrap();
        set.table(&[level]).unwrap();
        set.table(&[path]).unwrap();
        for (name, once, again) in [("low", 2, 38), ("high", 30, 20)] {
            set.count(&[(level, name)], once + again).unwrap();
            set.count(&[(path, &format!("once {name}"))], once).unwrap();
            set.count(&[(path, &format!("again {name}"))], again).unwrap();
            if is_told {
                let [once, again] = [format!("once {name}"), format!("again {name}")];
                set.sum(&[(level, name)], &[&[(path, &once)], &[(path, &again)]]).unwrap();
            }
        }
        let tables = set.protect(Threshold::default()).unwrap();
        assert_eq!(tables.exposed().unwrap(), Vec::<String>::new());
        [tables.count(&[(level, "low")]).unwrap(), tables.count(&[(path, "again low")]).unwrap()]
    };
    let both = |found: [Decision<u32>; 2]| found.iter().all(|decision| decision.reason().is_none());
    assert!(both(build(false)), "40 − 38 = 2, and nobody said that they belong together");
    assert!(!both(build(true)));
}

#[test]
fn a_sum_of_cells_that_are_in_no_table_is_refused() {
    let mut set = TableSet::new();
    let [level, path] = ["level", "path"].map(|name| set.dimension(Dimension::exclusive(name, ["x", "y"])).unwrap());
    set.table(&[level]).unwrap();
    set.sum(&[(level, "x")], &[&[(path, "x")]]).unwrap();
    assert_eq!(set.protect(Threshold::default()).unwrap_err(), Error::UnknownCell { cell: "path=x".to_owned() });
}
