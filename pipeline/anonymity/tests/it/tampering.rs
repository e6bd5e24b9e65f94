//! The verifier refuses what was changed after the engine.

use std::sync::Arc;

use anonymity::verify::{Beside, Checks, Released, Violation, verify, verify_together};
use anonymity::{Anonymized, Gain, Request, RowOrder, Rules, Sensitive};
use arrow::array::{ArrayRef, RecordBatch, StringArray};

use crate::data::{SEED, beside, column, columns_of, from_columns, identifiers, released, table, tamper};

fn original() -> RecordBatch {
    table(
        "
        age: 0 1 2 3 7 8 9 9 11 12 13 14 16 17 18 19
        place: Aviano Sacile Aviano Sacile Aviano Aviano Sacile Sacile Udine Udine Udine Cividale Udine Udine Cividale Cividale
        illness: a b a c a b c a b b c a c a b b",
    )
}

fn request() -> Request {
    Request::new(identifiers(), Rules::k(4).with(Sensitive::new("illness").distinct_l(2)), SEED)
}

fn made() -> Anonymized {
    let (made, outcome) = released(&original(), &request());
    assert!(outcome.passed, "{:?}", outcome.violations);
    made
}

/// The violations of a changed table, compared with the original row by row.
fn violations(batch: RecordBatch) -> Vec<Violation> {
    let request = request();
    let original = [original()];
    let checks = Checks::new(["age", "place"], request.rules);
    let beside = beside(&request.quasi_identifiers, &original, None);
    let outcome = verify(&[batch], &checks, &beside).expect("can be checked");
    assert_eq!(outcome.passed, outcome.violations.is_empty());
    outcome.violations
}

#[test]
fn untouched_passes() {
    assert_eq!(violations(made().batch), []);
}

#[test]
fn two_labels_swapped() {
    let batch = made().batch;
    let ages = column(&batch, "age");
    let other = (1..16).find(|&row| ages[row] != ages[0]).expect("more than one class");
    let swapped = tamper(&tamper(&batch, "age", 0, ages[other].as_deref()), "age", other, ages[0].as_deref());
    assert!(violations(swapped).iter().any(|found| matches!(found, Violation::NotAnAncestor { row: 0, .. })));
}

#[test]
fn a_sensitive_value_swapped() {
    let found = violations(tamper(&made().batch, "illness", 0, Some("z")));
    assert!(found.contains(&Violation::ColumnChanged { column: "illness".into(), row: 0 }), "{found:?}");
}

#[test]
fn a_row_dropped() {
    let batch = made().batch.slice(0, 15);
    assert!(violations(batch).contains(&Violation::RowsDoNotAddUp { original: 16, released: 15 }));
}

#[test]
fn a_row_twice() {
    let mut columns = columns_of(&made().batch);
    columns.iter_mut().for_each(|(_, cells)| cells[1] = cells[0].clone());
    assert!(!violations(from_columns(columns)).is_empty());
}

#[test]
fn a_wrong_ancestor() {
    let found = violations(tamper(&made().batch, "place", 0, Some("east")));
    let wrong = Violation::NotAnAncestor { column: "place".into(), row: 0, label: "east".into() };
    assert!(found.contains(&wrong), "{found:?}");
}

#[test]
fn a_label_from_nowhere() {
    let found = violations(tamper(&made().batch, "place", 0, Some("north")));
    assert!(found.contains(&Violation::UnknownLabel { column: "place".into(), row: 0, label: "north".into() }));
}

#[test]
fn a_null() {
    let found = violations(tamper(&made().batch, "place", 0, None));
    assert!(found.contains(&Violation::NullQuasiIdentifier { column: "place".into(), row: 0 }), "{found:?}");
    let found = violations(tamper(&made().batch, "illness", 3, None));
    assert!(found.contains(&Violation::NullSensitive { column: "illness".into(), row: 3 }), "{found:?}");
}

#[test]
fn an_original_value_left_in() {
    // Correct as an ancestor, and alone in its class.
    let found = violations(tamper(&made().batch, "age", 0, Some("0")));
    assert!(found.iter().any(|found| matches!(found, Violation::SmallClass { people: 1, .. })), "{found:?}");
}

#[test]
fn a_column_too_many_or_too_few() {
    let mut columns = columns_of(&made().batch);
    columns.push(("name".into(), vec![Some("x".into()); 16]));
    assert!(violations(from_columns(columns)).contains(&Violation::ColumnNotInBoth { column: "name".into() }));
}

#[test]
fn a_limit_that_is_no_number() {
    let illness = || Sensitive::new("illness");
    let made = made();
    for rules in [
        Rules::k(4).with(illness().equal_t(f64::NAN)),
        Rules::k(4).with(illness().entropy_l(f64::NAN)),
        Rules::k(4).with(illness().recursive_l(f64::NAN, 1)),
        Rules::k(4).with(illness().likeness(f64::NAN, Gain::Basic)),
        Rules::k(4).present_within("illness", f64::NAN, 1.0),
        Rules::k(4).present_within("illness", 0.0, f64::NAN),
    ] {
        let checks = Checks::new(["age", "place"], rules);
        let error = verify(std::slice::from_ref(&made.batch), &checks, &Beside::default()).expect_err("refused");
        assert!(error.to_string().ends_with("is NaN; it must be a number"), "{error}");
        let release = Released { batch: &made.batch, people: &[0; 16], checks: &checks };
        assert!(verify_together(&[release]).is_err());
    }
    let mut checks = Checks::new(["age", "place"], Rules::k(4));
    checks.suppression = Some(f64::NAN);
    assert!(verify(&[made.batch], &checks, &Beside::default()).is_err());
}

#[test]
fn shuffled_rows_need_their_origins() {
    let request = request().row_order(RowOrder::Shuffled);
    let (shuffled, outcome) = released(&original(), &request);
    assert!(outcome.passed);
    assert_ne!(shuffled.origins, (0..16).collect::<Vec<_>>());
    assert!(!violations(shuffled.batch).is_empty());
}

#[test]
fn no_original_row_comes_twice() {
    let released = made().batch;
    let request = request();
    let original = [original()];
    let checks = Checks::new(["age", "place"], request.rules);
    let mut origins: Vec<usize> = (0..16).collect();
    origins[15] = 3;
    let beside = beside(&request.quasi_identifiers, &original, Some(&origins));
    let refused = verify(&[released], &checks, &beside).unwrap_err();
    assert!(refused.to_string().contains("original row 3 is named twice"), "{refused}");
}

/// How much is wrong with a table in which two people are asked of each class.
fn faults(released: &RecordBatch, original: &RecordBatch, given: Option<&[&str]>) -> usize {
    let mut rules = Rules::k(2);
    rules.person = Some("who".into());
    let mut beside = Beside { original: std::slice::from_ref(original), ..Beside::default() };
    beside.person = given.map(|given| Arc::new(StringArray::from(given.to_vec())) as ArrayRef);
    let outcome = verify(std::slice::from_ref(released), &Checks::new(["place"], rules), &beside);
    outcome.expect("can be checked").violations.len()
}

#[test]
fn people_are_those_given_else_those_of_the_original_else_those_released() {
    let released = table("place: Aviano Aviano");
    let one = table("place: Aviano Aviano\n who: anna anna");
    let two = table("place: Aviano Aviano\n who: anna bruno");
    assert_eq!(faults(&released, &two, None), 0);
    assert_eq!(faults(&released, &one, None), 1);
    // What is given counts, whatever the original says.
    assert_eq!(faults(&released, &one, Some(&["anna", "bruno"])), 0);
    assert_eq!(faults(&released, &two, Some(&["anna", "anna"])), 1);
    // An original that says nothing of them leaves it to the released table, whose column it lacks: one fault more.
    assert_eq!(faults(&two, &released, None), 1);
    assert_eq!(faults(&one, &released, None), 2);
}
