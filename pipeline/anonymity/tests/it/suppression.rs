//! Rows of `*`: only as many as allowed, only where it pays, and only if what is left still holds.

use anonymity::{Error, Request, Rules, SuppressedRows, anonymize};

use crate::data::{SEED, identifiers, released, table};

/// Two classes of equal rows, and three rows that have nothing in common.
fn with_outliers() -> arrow::array::RecordBatch {
    table(
        "
        age: 0 0 0 19 19 19 6 14 10
        place: Aviano Aviano Aviano Cividale Cividale Cividale Sacile Udine Sacile",
    )
}

#[test]
fn outliers_are_suppressed_where_allowed() {
    let request = Request::new(identifiers(), Rules::k(3), SEED).suppression(0.4);
    for (rows, kept) in [(9, SuppressedRows::Kept), (6, SuppressedRows::Dropped)] {
        let (released, outcome) = released(&with_outliers(), &request.clone().suppressed_rows(kept));
        assert!(outcome.passed, "{:?}", outcome.violations);
        let measures = &released.report.measures;
        assert_eq!((released.batch.num_rows(), measures.rows, measures.suppressed), (rows, 9, 3));
        // Three rows of nine lose everything, the others nothing.
        assert!((measures.loss.expect("known") - 1.0 / 3.0).abs() < 1e-12);
        assert!((outcome.measures.loss.expect("known") - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((measures.classes, measures.discernibility), (2, 9 + 9 + 27));
    }
}

#[test]
fn no_row_comes_out_as_stars_where_none_may() {
    let (released, outcome) = released(&with_outliers(), &Request::new(identifiers(), Rules::k(3), SEED));
    assert!(outcome.passed, "{:?}", outcome.violations);
    assert_eq!(released.report.measures.suppressed, 0);
    // All nine in one class would be stars, and there is no other way: that is said.
    let error = anonymize(&[with_outliers()], &Request::new(identifiers(), Rules::k(9), SEED)).expect_err("refused");
    assert!(matches!(error, Error::Unsatisfiable { .. }), "{error}");
}
