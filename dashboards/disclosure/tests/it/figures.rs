//! Shares, rates and medians: hidden with the counts that they would give away.

use disclosure::{Dimension, DimensionId, Figure, PublishedTables, Share, TableSet, Threshold};

/// Two groups by two answers.
fn tables(counts: [u32; 4]) -> (PublishedTables, DimensionId, DimensionId) {
    let mut set = TableSet::new();
    let group = set.dimension(Dimension::exclusive("group", ["a", "b", "c"])).unwrap();
    let answer = set.dimension(Dimension::exclusive("answer", ["yes", "no"])).unwrap();
    set.table(&[group, answer]).unwrap();
    let others = [("c", "yes", 40), ("c", "no", 50)];
    let names = [("a", "yes"), ("a", "no"), ("b", "yes"), ("b", "no")];
    let all = names.iter().zip(counts).map(|(&(group, answer), people)| (group, answer, people));
    for (of, said, people) in all.chain(others) {
        set.count(&[(group, of), (answer, said)], people).unwrap();
    }
    (set.protect(Threshold::default()).unwrap().published(), group, answer)
}

#[test]
fn a_share_is_shown_with_enough_people_on_both_sides() {
    let (tables, group, answer) = tables([10, 15, 20, 30]);
    let share = tables.share(&[(group, "a"), (answer, "yes")], &[(group, "a")]).unwrap();
    assert_eq!(share, Figure::Shown(Share { part: 10, whole: 25 }));
}

#[test]
fn a_share_of_all_or_of_nobody_is_not_shown() {
    let (tables, group, answer) = tables([25, 0, 20, 30]);
    for said in ["yes", "no"] {
        let share = tables.share(&[(group, "a"), (answer, said)], &[(group, "a")]).unwrap();
        assert_eq!(share.value(), None, "{said}");
    }
    let whole = tables.share(&[(group, "b")], &[(group, "b")]).unwrap();
    assert_eq!(whole.value(), None, "100 % of themselves");
}

#[test]
fn a_rate_is_not_even_computed_from_a_hidden_count() {
    let (tables, group, answer) = tables([2, 15, 20, 30]);
    let of = [&[(group, "a"), (answer, "yes")][..], &[(group, "a")]];
    let rate: Figure<u32> = tables.derive(&of, |_| unreachable!("a hidden count")).unwrap();
    assert_eq!(rate.value(), None);
    let of = [&[(group, "a")][..], &[(group, "b")]];
    let rate = tables.derive(&of, |counts| (counts[0], counts[1])).unwrap();
    assert_eq!(rate, Figure::Shown((17, 50)));
}

#[test]
fn a_median_needs_twice_as_many_people() {
    let (tables, group, answer) = tables([9, 10, 20, 30]);
    let median = |said| tables.median(&[(group, "a"), (answer, said)], || 61).unwrap();
    assert_eq!(median("yes").value(), None);
    assert_eq!(median("no"), Figure::Shown(61));
}

#[test]
fn every_hidden_figure_reads_the_same() {
    let (tables, group, answer) = tables([2, 15, 20, 30]);
    let hidden: Vec<String> = ["a", "b", "c"]
        .iter()
        .flat_map(|of| ["yes", "no"].map(|said| tables.count(&[(group, of), (answer, said)]).unwrap()))
        .filter(|figure| figure.value().is_none())
        .map(|figure| figure.to_string())
        .collect();
    assert!(hidden.len() >= 4, "a small cell and its rectangle");
    assert!(hidden.iter().all(|figure| figure == "n<5"), "{hidden:?}");
}
