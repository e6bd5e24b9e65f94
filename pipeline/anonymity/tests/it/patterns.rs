//! People with several rows, all of which others may know.

use anonymity::verify::{Beside, Checks, Released, StarRows, Violation, verify, verify_together};
use anonymity::{
    Anonymized, Error, Gain, Mode, Page, Request, RowOrder, Rules, Seed, Sensitive, SuppressedRows, anonymize,
};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use proptest::prelude::*;

use crate::data::{SEED, checked, column, from_columns, identifiers, released, table, tamper};

const PLACES: [&str; 4] = ["Aviano", "Sacile", "Udine", "Cividale"];

/// The people of released rows, by the `who` of the original.
fn people(original: &RecordBatch, made: &Anonymized) -> Vec<u64> {
    let who = column(original, "who");
    made.origins.iter().map(|&row| who[row].as_deref().expect("a person").parse().expect("a number")).collect()
}

fn together(made: &Anonymized, people: &[u64], checks: &Checks) -> anonymity::verify::Together {
    verify_together(&[Released { batch: &made.batch, people, checks }]).expect("can be checked")
}

fn checks(request: &Request) -> Checks {
    Checks::new(["age", "place"], request.rules.clone())
}

/// The reason why nothing can be released.
fn refusal(original: &RecordBatch, request: &Request) -> String {
    anonymize(std::slice::from_ref(original), request).expect_err("refused").to_string()
}

/// Twelve people with a row each at home and one elsewhere: three homes, four other places.
fn commuters() -> RecordBatch {
    let rows: Vec<(usize, usize, usize)> =
        (0..24).map(|row| (row % 12, if row < 12 { row % 12 / 4 } else { 3 - row % 4 }, row * 5 % 3)).collect();
    let text = |name: &str, value: &dyn Fn(&(usize, usize, usize)) -> String| {
        (name.to_owned(), rows.iter().map(|row| Some(value(row))).collect())
    };
    from_columns(vec![
        text("age", &|row| (row.0 / 4 * 5).to_string()),
        text("place", &|row| PLACES[row.1].to_owned()),
        text("illness", &|row| ["a", "b", "c"][row.2].to_owned()),
        text("who", &|row| row.0.to_string()),
    ])
}

#[test]
fn classes_of_rows_tell_people_apart_and_classes_of_people_do_not() {
    let original = commuters();
    let illness = || Sensitive::new("illness").distinct_l(2);
    for (rules, holds) in [
        (Rules::k(4).per_person("who").with(illness()), false),
        (Rules::k(4).per_person_pattern("who").with(illness()), true),
    ] {
        let request = Request::new(identifiers(), rules, SEED);
        let (made, outcome) = released(&original, &request);
        assert!(outcome.passed, "{:?}", outcome.violations);
        let found = together(&made, &people(&original, &made), &checks(&request));
        assert_eq!(found.passed, holds, "{:?}", found.violations);
        assert_eq!(outcome.measures.k_of_patterns, holds.then_some(found.k));
        // Homes are told still, and where people go, as far as it can be.
        assert!(made.report.measures.loss.expect("known") < 0.5);
    }
}

/// Seven people in two classes of four; person 3 alone is in both.
#[test]
fn the_verifier_asks_patterns_where_told_to() {
    let batch = table("group: x x x x y y y y\nillness: a b a b b a b a\nwho: 0 1 2 3 3 4 5 6");
    let of = |rules: Rules| checked(&batch, &["group"], rules);
    assert!(of(Rules::k(3).per_person("who")).passed);
    let outcome = of(Rules::k(3).per_person_pattern("who"));
    assert_eq!((outcome.measures.k, outcome.measures.k_of_patterns), (4, Some(1)));
    let class = vec!["x".to_owned(), "y".to_owned()];
    assert_eq!(outcome.violations, [Violation::SmallClass { class: class.clone(), row: 3, people: 1, k: 3 }]);

    // What is asked of illness is asked in each class of the pattern: person 3 has one in each.
    let outcome = of(Rules::k(1).per_person_pattern("who").with(Sensitive::new("illness").distinct_l(2)));
    let found = |row: usize| Violation::FewDistinctValues {
        class: class.clone(),
        row,
        column: "illness".into(),
        distinct: 1,
        l: 2,
    };
    assert_eq!(outcome.violations, [found(3), found(4)]);

    // A null is named once.
    let null = tamper(&batch, "illness", 0, None);
    let outcome = checked(&null, &["group"], Rules::k(1).per_person_pattern("who").with(Sensitive::new("illness")));
    assert_eq!(outcome.violations, [Violation::NullSensitive { column: "illness".into(), row: 0 }]);
}

#[test]
fn contributors_are_asked_of_patterns_too() {
    // Two people in both classes, all rows of theirs from one office.
    let batch = table("group: x x x x x y y y y y\nwho: 0 1 2 3 4 3 4 5 6 7\noffice: A B C D D D D A B C");
    let rules = |rules: Rules| rules.robust_to("office");
    assert!(checked(&batch, &["group"], rules(Rules::k(2).per_person("who"))).passed);
    let outcome = checked(&batch, &["group"], rules(Rules::k(2).per_person_pattern("who")));
    let class = vec!["x".to_owned(), "y".to_owned()];
    assert_eq!(outcome.violations, [Violation::ContributorKnowsTooMany { class, row: 3, left: 0, k: 2 }]);
}

/// Two rows of a person in one class are another pattern than one.
#[test]
fn how_many_rows_there_are_is_part_of_the_pattern() {
    let batch = table("group: x x x x\nwho: 0 1 2 2");
    let outcome = checked(&batch, &["group"], Rules::k(2).per_person_pattern("who"));
    assert_eq!(outcome.measures.k_of_patterns, Some(1));

    let original = table(
        "
        age: 0 1 2 3 0 1 2 3 4
        place: Aviano Aviano Sacile Sacile Aviano Aviano Sacile Sacile Udine
        illness: a b a b a b a b a
        who: 0 1 2 3 0 1 2 3 3",
    );
    let request = Request::new(identifiers(), Rules::k(3).per_person_pattern("who"), SEED);
    assert_eq!(
        refusal(&original, &request),
        "no release can satisfy the rules: a person's rows are read together, and those who have 3 have 1 people, and k is \
         3; allow rows to be dropped, or ask for less"
    );
    let request = request.suppressed_rows(SuppressedRows::Dropped);
    assert!(refusal(&original, &request).contains("1 rows would have to be dropped, and 0 may be"));
    let (made, outcome) = released(&original, &request.suppression(0.2));
    assert!(outcome.passed, "{:?}", outcome.violations);
    let people = people(&original, &made);
    assert_eq!((people.len(), people.iter().filter(|&&who| who == 3).count()), (8, 2));
    assert_eq!((made.report.measures.k_of_patterns, made.report.measures.suppressed), (Some(4), 1));
}

/// Twenty rows of two quasi-identifiers are forty columns.
#[test]
fn more_rows_than_the_engine_has_room_for() {
    let mixed = |row: usize| (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    let column = |name: &str, value: &dyn Fn(usize) -> String| {
        (name.to_owned(), (0..600).map(|row| Some(value(row))).collect::<Vec<_>>())
    };
    let original = from_columns(vec![
        column("age", &|row| (row % 30 / 2).to_string()),
        column("place", &|row| PLACES[(row % 30 / 15 * 2 + mixed(row) % 2) % 4].to_owned()),
        column("illness", &|row| (mixed(row) % 3).to_string()),
        column("who", &|row| (row % 30).to_string()),
    ]);
    let illness = Sensitive::new("illness").distinct_l(2);
    let request = Request::new(identifiers(), Rules::k(4).per_person_pattern("who").with(illness), SEED);
    let (made, outcome) = released(&original, &request);
    assert!(outcome.passed, "{:?}", outcome.violations);
    assert!(together(&made, &people(&original, &made), &checks(&request)).passed);
    assert!(made.report.measures.classes >= 10, "{}", made.report.measures.classes);
}

#[test]
fn what_it_needs_is_said() {
    let original = commuters();
    let rules = Rules::k(2).per_person_pattern("who");
    let request = Request::new(identifiers(), rules.clone(), SEED);
    let global = request.clone().mode(Mode::Global);
    assert_eq!(refusal(&original, &global), "mode is global; it must be local where a person's rows are read together");
    let nobody = Rules { person: None, ..rules };
    let expected = "person is not named; it must be a column where a person's rows are read together";
    assert_eq!(refusal(&original, &Request::new(identifiers(), nobody.clone(), SEED)), expected);
    let error = verify(std::slice::from_ref(&original), &Checks::new(["age"], nobody), &Beside::default())
        .expect_err("refused");
    assert_eq!(error.to_string(), expected);

    let (made, outcome) = released(&original, &request);
    let json = made.report.to_json();
    assert!(json.contains("\"several_rows\": \"together\"") && json.contains("\"k_of_patterns\""), "{json}");
    let page =
        Page { title: "x", report: &made.report, verification: Some(&outcome), comparison: None, register: None };
    assert!(page.to_html().contains("people, by who, all rows of each read together"));
}

/// Age, place, illness, office, person.
type Row = (u8, usize, usize, usize, usize);

fn batch(rows: &[Row]) -> RecordBatch {
    let column = |name: &str, value: &dyn Fn(&Row) -> String| {
        (name.to_owned(), rows.iter().map(|row| Some(value(row))).collect())
    };
    from_columns(vec![
        column("age", &|row| row.0.to_string()),
        column("place", &|row| PLACES[row.1].to_owned()),
        column("illness", &|row| ["a", "b", "c"][row.2].to_owned()),
        column("office", &|row| ["A", "B", "C", "D"][row.3].to_owned()),
        column("who", &|row| row.4.to_string()),
    ])
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop_oneof![Just(15_usize), Just(40), Just(100)].prop_flat_map(|people| {
        prop::collection::vec((0_u8..20, 0_usize..4, 0_usize..3, 0_usize..4, 0..people), 40..160)
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let illness = || Sensitive::new("illness");
    (2_usize..5, 0..7).prop_map(move |(k, kind)| {
        let rules = Rules::k(k).per_person_pattern("who");
        match kind {
            0 => rules,
            1 => rules.with(illness().distinct_l(2)),
            2 => rules.with(illness().entropy_l(1.5)),
            3 => rules.with(illness().equal_t(0.4)),
            4 => rules.robust_to("office"),
            5 => rules.with(illness().recursive_l(3.0, 2)),
            _ => rules.robust_to("office").with(illness().likeness(1.5, Gain::Basic).ordered_t(0.5, ["a", "b", "c"])),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever goes in, laid beside itself it tells nobody apart, `*` rows read either way.
    #[test]
    fn no_pattern_stands_out(
        rows in rows(),
        rules in rules(),
        seed: u8,
        suppression in prop_oneof![Just(0.0), 0.0..1.0],
        dropped in prop::bool::weighted(0.8),
        shuffled: bool,
    ) {
        let original = batch(&rows);
        let request = Request::new(identifiers(), rules, Seed::new([seed; 32]))
            .suppression(suppression)
            .row_order(if shuffled { RowOrder::Shuffled } else { RowOrder::Kept })
            .suppressed_rows(if dropped { SuppressedRows::Dropped } else { SuppressedRows::Kept });
        if let Err(error) = anonymize(std::slice::from_ref(&original), &request) {
            prop_assert!(matches!(error, Error::Unsatisfiable { .. }), "{}", error);
            return Ok(());
        }
        let (made, outcome) = released(&original, &request);
        prop_assert!(outcome.passed, "{:?}", outcome.violations);
        let people = people(&original, &made);
        for star_rows in [StarRows::AreSetApart, StarRows::AreAClass] {
            let checks = Checks { star_rows, ..checks(&request) };
            let found = together(&made, &people, &checks);
            prop_assert!(found.passed, "{:?}", found.violations);
            if star_rows == StarRows::AreSetApart {
                prop_assert_eq!(made.report.measures.k_of_patterns, Some(found.k));
            } else {
                prop_assert_eq!(outcome.measures.k_of_patterns, Some(found.k));
            }
        }
    }

    /// The same rows in another order: the same labels as many times.
    #[test]
    fn the_order_of_rows_does_not_matter(rows in rows(), rules in rules(), order in any::<u64>()) {
        let original = batch(&rows);
        let request = Request::new(identifiers(), rules, SEED).suppression(1.0).suppressed_rows(SuppressedRows::Dropped);
        let Ok(made) = anonymize(std::slice::from_ref(&original), &request) else { return Ok(()) };
        let mut indices: Vec<u32> = (0..u32::try_from(rows.len()).expect("few rows")).collect();
        indices.sort_by_key(|&row| (u64::from(row) + 1).wrapping_mul(order | 1));
        let shuffled = take_record_batch(&original, &UInt32Array::from(indices)).expect("indices of rows");
        let again = anonymize(&[shuffled], &request).expect("the same rows");
        prop_assert_eq!(made.report.measures.loss, again.report.measures.loss);
        let sorted = |batch: &RecordBatch| {
            let mut rows: Vec<_> = column(batch, "age").into_iter().zip(column(batch, "place")).collect();
            rows.sort();
            rows
        };
        prop_assert_eq!(sorted(&made.batch), sorted(&again.batch));
    }
}
