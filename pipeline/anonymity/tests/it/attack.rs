//! Attacks that need nothing but the released table: where they must succeed, and where they must not.

use anonymity::attack::{Assumed, Choice, Exposure, Truth, attack};
use anonymity::{Error, Hierarchy, Mode, QuasiIdentifier, Request, Rules};
use arrow::array::RecordBatch;

use crate::data::{SEED, from_columns, identifiers, released, table, tamper};

const GREEDY: Assumed = Assumed { k: 3, choice: Choice::Greedy, is_tight: true };
const BROAD: Assumed = Assumed { is_tight: false, ..GREEDY };
const SETTLED: Assumed = Assumed { choice: Choice::Settled, ..GREEDY };

fn places() -> Vec<QuasiIdentifier> {
    let text = "Aviano;west;*\nSacile;west;*\nManiago;west;*\nUdine;east;*\nCividale;east;*\n";
    vec![QuasiIdentifier::new("place", Hierarchy::from_text(text, ';').expect("a tree"))]
}

fn exposed(text: &str, identifiers: &[QuasiIdentifier], assumed: Assumed) -> Exposure {
    attack(&table(text), identifiers, assumed, None).expect("can be attacked")
}

/// A greedy table: who is from Aviano was taken first, so nobody in the west class is.
#[test]
fn what_was_taken_before_is_ruled_out() {
    let text = "place: Aviano Aviano Aviano west west west west";
    let found = exposed(text, &places(), GREEDY);
    assert_eq!((found.cells, found.narrowed, found.pinned, found.contradictions), (4, 4, 0, 0));
    assert!((found.ruled_out - 1.0 / 3.0).abs() < 1e-12);
    // Two are left and both are needed, or the label would be one of them.
    assert_eq!(found.present, 2);
    // Of four rows one can be spared: they would have moved. Of three none can.
    assert_eq!(exposed(text, &places(), SETTLED).narrowed, 4);
    assert_eq!(exposed("place: Aviano Aviano Aviano west west west", &places(), SETTLED).narrowed, 0);
    assert_eq!(exposed("place: Aviano Aviano Aviano west west west", &places(), GREEDY).narrowed, 3);
}

/// Labels at the level of a column, as of tools that do not tighten: what is left is one value, and the row is known.
#[test]
fn a_single_value_left_is_the_value() {
    let text = "place: Aviano Aviano Aviano Sacile Sacile Sacile west west west";
    let released = table(text);
    let original = table("place: Aviano Aviano Aviano Sacile Sacile Sacile Maniago Maniago Maniago");
    let origins: Vec<usize> = (0..9).collect();
    let rules = Rules::k(3);
    let truth = Truth { original: &original, origins: &origins, rules: &rules };
    let exposure = attack(&released, &places(), BROAD, Some(truth)).expect("can be attacked");
    assert_eq!((exposure.cells, exposure.narrowed, exposure.pinned), (3, 3, 3));
    let found = exposure.found.expect("the original is there");
    assert_eq!((found.narrowed_right, found.guessed), (3, 3));
    // A third of the west is from Maniago.
    assert!((found.narrowed_by_chance - 1.0).abs() < 1e-12);
    // With nothing ruled out, any of three equals is guessed.
    let guessed = attack(&released, &places(), Assumed { choice: Choice::Settled, ..BROAD }, Some(truth));
    let guessed = guessed.expect("can be attacked").found.expect("the original is there");
    assert_eq!((guessed.guessed, guessed.guessed_without, found.guessed_without), (3, 3, 3));
    // Who takes labels for tight sees that something is wrong, and believes nothing there.
    let exposure = attack(&released, &places(), GREEDY, Some(truth)).expect("can be attacked");
    assert_eq!((exposure.contradictions, exposure.narrowed), (1, 0));
}

/// Two narrower classes together take a value, though neither does alone.
#[test]
fn classes_that_cover_a_value_together_rule_it_out() {
    let text = "
        age: 0-4 0-4 0-4 5-9 5-9 5-9 0-9 0-9 0-9
        place: Aviano Aviano Aviano Aviano Aviano Aviano west west west";
    let identifiers = || {
        let mut columns = places();
        columns.push(QuasiIdentifier::new("age", Hierarchy::integers(0, 19, &[5, 10]).expect("widths")));
        columns
    };
    let found = exposed(text, &identifiers(), GREEDY);
    // Three ages columns of the narrower classes, and both columns of the last one; only its place is narrowed.
    assert_eq!((found.cells, found.narrowed, found.present), (12, 3, 2));
    // Those who are older are not in the way.
    let other = text.replace("5-9 5-9 5-9", "10-19 10-19 10-19");
    assert_eq!(exposed(&other, &identifiers(), GREEDY).narrowed, 0);
}

/// In a box too large to look at value by value a class that takes all rows of a value still rules it out.
#[test]
fn large_boxes_are_narrowed_by_single_classes() {
    let ages = |name: &str| QuasiIdentifier::new(name, Hierarchy::integers(0, 299, &[100]).expect("widths"));
    let identifiers = [ages("a"), ages("b")];
    let text = "a: * * * 0-99 0-99 0-99 100-199\nb: 0-99 0-99 0-99 0-99 0-99 0-99 0-99";
    let found = exposed(text, &identifiers, BROAD);
    assert_eq!((found.cells, found.narrowed), (14, 3));
    // Of 300 values of a, 200 are ruled out for three cells of fourteen.
    assert!((found.ruled_out - 3.0 * (2.0 / 3.0) / 14.0).abs() < 1e-12);
    // A third class leaves nothing, which cannot be.
    let more = text.replace("100-199", "100-199 200-299").replace("\nb: ", "\nb: 0-99 ");
    assert_eq!(exposed(&more, &identifiers, BROAD).contradictions, 1);
}

#[test]
fn a_class_that_could_be_split_has_nearly_all_rows_on_one_side() {
    let rows = |count: usize| format!("place: {}", "west ".repeat(count));
    assert_eq!(exposed(&rows(9), &places(), GREEDY).lopsided, 1);
    assert_eq!(exposed(&rows(8), &places(), GREEDY).lopsided, 0);
    let truth = |places: &str| {
        let original = table(places);
        let origins: Vec<usize> = (0..9).collect();
        let rules = Rules::k(3);
        let truth = Truth { original: &original, origins: &origins, rules: &rules };
        let exposure = attack(&table(&rows(9)), &self::places(), GREEDY, Some(truth)).expect("can be attacked");
        exposure.found.expect("the original is there").lopsided_right
    };
    assert_eq!(truth("place: Aviano Aviano Aviano Aviano Aviano Aviano Aviano Sacile Maniago"), 1);
    assert_eq!(truth("place: Aviano Aviano Aviano Aviano Aviano Aviano Sacile Sacile Maniago"), 0);
}

/// With one level for a column no two names share a value: there is nothing to rule out.
#[test]
fn global_recoding_has_no_order_to_undo() {
    let original = crowd();
    for (mode, is_exposed) in [(Mode::Global, false), (Mode::Local, true)] {
        let request = Request::new(identifiers(), Rules::k(3), SEED).mode(mode);
        let (made, _) = released(&original, &request);
        let truth = Truth { original: &original, origins: &made.origins, rules: &request.rules };
        let exposure = attack(&made.batch, &identifiers(), GREEDY, Some(truth)).expect("can be attacked");
        assert!(exposure.cells > 0);
        assert_eq!(exposure.narrowed > 0, is_exposed, "{exposure:?}");
    }
}

/// Two hundred people, more of them young and in the first places.
fn crowd() -> RecordBatch {
    let mixed = |row: usize, bound: usize| {
        let number = (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (number >> 20) % bound * ((number >> 40) % bound) / bound
    };
    let place = |row: usize| ["Aviano", "Sacile", "Udine", "Cividale"][mixed(row + 999, 4)];
    from_columns(vec![
        ("age".into(), (0..200).map(|row| Some(mixed(row, 20).to_string())).collect()),
        ("place".into(), (0..200).map(|row| Some(place(row).to_owned())).collect()),
    ])
}

#[test]
fn rows_of_stars_are_left_out_and_odd_tables_refused() {
    let found = exposed("place: Aviano Aviano Aviano * * *", &places(), GREEDY);
    assert_eq!((found.cells, found.narrowed), (0, 0));
    assert!((found.ruled_out - 0.0).abs() < f64::EPSILON);
    let released = table("place: Aviano Aviano Aviano");
    let refused = |batch: &RecordBatch, origins: &[usize]| -> Error {
        let rules = Rules::k(3);
        attack(batch, &places(), GREEDY, Some(Truth { original: &released, origins, rules: &rules })).unwrap_err()
    };
    assert!(refused(&released, &[0]).to_string().contains("1 origins for 3 rows"));
    assert!(refused(&released, &[0, 1, 9]).to_string().contains("no original row 9"));
    assert!(refused(&tamper(&released, "place", 1, Some("Rome")), &[0, 1, 2]).to_string().contains("Rome"));
    assert!(refused(&tamper(&released, "place", 1, None), &[0, 1, 2]).to_string().contains("row 1"));
}
