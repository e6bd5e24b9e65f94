//! What is asked wrongly is refused, and the refusal says where.

use anonymity::{Error, Hierarchy, QuasiIdentifier, Request, Rules, Sensitive, anonymize};

use crate::data::{SEED, identifiers, table, tamper};

fn refuses(columns: &str, request: Request, expected: &str) {
    let error = anonymize(&[table(columns)], &request).expect_err("refused");
    assert_eq!(error.to_string(), expected);
}

fn asks(rules: Rules) -> Request {
    Request::new(identifiers(), rules, SEED)
}

const COLUMNS: &str = "age: 0 1\nplace: Aviano Udine\nillness: a b";

#[test]
fn bad_data() {
    refuses(
        "age: 0 20\nplace: Aviano Udine",
        asks(Rules::k(2)),
        "column \"age\", row 1: value \"20\" is not in the hierarchy",
    );
    refuses("age: 0 1", asks(Rules::k(2)), "there is no column \"place\"; the table has age");
    let null = tamper(&table(COLUMNS), "place", 1, None);
    assert_eq!(
        anonymize(&[null], &asks(Rules::k(2))).expect_err("refused").to_string(),
        "column \"place\", row 1: null; give missing values a word of their own"
    );
    refuses(
        COLUMNS,
        asks(Rules::k(2).with(Sensitive::new("illness").ordered_t(0.1, ["a"]))),
        "column \"illness\", row 1: value \"b\" is not in the list that orders the column",
    );
}

#[test]
fn bad_parameters() {
    refuses(COLUMNS, asks(Rules::k(0)), "k is 0; it must be at least 1");
    refuses(COLUMNS, asks(Rules::k(2)).suppression(1.5), "suppression is 1.5; it must be a fraction from 0 to 1");
    refuses(
        COLUMNS,
        asks(Rules::k(2).with(Sensitive::new("illness").equal_t(f64::NAN))),
        "t of \"illness\" is NaN; it must be from 0 to 1",
    );
    refuses(COLUMNS, asks(Rules::k(2).with(Sensitive::new("age"))), "column \"age\" is named twice in the request");
    refuses(
        COLUMNS,
        Request::new(Vec::new(), Rules::k(2), SEED),
        "quasi_identifiers is empty; it must be at least one column",
    );
}

#[test]
fn rules_nobody_can_meet() {
    for rules in
        [Rules::k(3), Rules::k(2).robust_to("illness"), Rules::k(2).with(Sensitive::new("illness").distinct_l(3))]
    {
        let error = anonymize(&[table(COLUMNS)], &asks(rules)).expect_err("refused");
        assert!(matches!(error, Error::Unsatisfiable { .. }), "{error}");
    }
}

#[test]
fn more_columns_than_fit() {
    let names: Vec<String> = (0..33).map(|number| format!("c{number}")).collect();
    let columns: String = names.iter().map(|name| format!("{name}: a b\n")).collect();
    let flat = || Hierarchy::flat(["a", "b"]).expect("a tree");
    let identifiers = names.iter().map(|name| QuasiIdentifier::new(name, flat())).collect();
    refuses(
        &columns,
        Request::new(identifiers, Rules::k(2), SEED),
        "quasi-identifiers: 33, and the engine takes at most 32",
    );
}

#[test]
fn nothing_in_nothing_out() {
    let request = asks(Rules::k(5));
    let released = anonymize(&[table("age:\nplace:")], &request).expect("an empty table");
    assert_eq!((released.batch.num_rows(), released.report.measures.classes), (0, 0));
}

#[test]
fn the_seed_is_told_to_nobody() {
    let request = asks(Rules::k(2));
    assert!(format!("{request:?}").contains("Seed(redacted)"));
    let report = anonymize(&[table(COLUMNS)], &request).expect("can be met").report.to_json();
    assert!(!report.contains("seed"), "{report}");
}
