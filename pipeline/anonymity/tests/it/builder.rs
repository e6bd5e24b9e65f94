//! All that a release asks for at once: built hierarchies, several ordered sensitive columns, people with several rows,
//! contributors who know some of them, suppressed rows left out, and columns that may not leave.

use anonymity::verify::{Beside, Checks, Violation, verify};
use anonymity::{Error, Hierarchy, QuasiIdentifier, Request, RowOrder, Rules, Sensitive, SuppressedRows, anonymize};
use arrow::array::RecordBatch;

use crate::data::{SEED, from_columns, tamper};

const LEVELS: [&str; 4] = ["1", "2", "3", "4"];

/// Six hundred questionnaires of four hundred people at five Enti.
fn questionnaires() -> RecordBatch {
    let mixed = |row: usize, salt: u64| {
        let number = (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        usize::try_from(number.wrapping_mul(0x94D0_49BB_1331_11EB) >> 33).expect("31 bits")
    };
    let person = |row: usize| row % 400;
    let column = |name: &str, value: &dyn Fn(usize) -> String| {
        (name.to_owned(), (0..600).map(|row| Some(value(row))).collect::<Vec<_>>())
    };
    from_columns(vec![
        column("persona", &|row| format!("p{}", person(row))),
        column("ente", &|row| format!("e{}", mixed(row, 1) % 5)),
        column("age", &|row| (18 + mixed(person(row), 2) % 60).to_string()),
        column("schooling", &|row| ["none", "primary", "secondary", "degree"][mixed(person(row), 3) % 4].to_owned()),
        column("work", &|row| LEVELS[mixed(row, 4) % 4].to_owned()),
        column("health", &|row| LEVELS[mixed(row, 5) % 4].to_owned()),
    ])
}

#[test]
fn a_release() -> Result<(), Error> {
    let original = [questionnaires()];
    let schooling = Hierarchy::ordered(["none", "primary", "secondary", "degree"], &[2]);
    let schooling = schooling.map_err(|source| Error::Hierarchy { column: "schooling".into(), source })?;
    let ages = Hierarchy::integers(0, 120, &[5, 10, 20, 40]);
    let ages = ages.map_err(|source| Error::Hierarchy { column: "age".into(), source })?;
    let rules = Rules::k(5)
        .per_person("persona")
        .robust_to("ente")
        .with(Sensitive::new("work").ordered_t(0.25, LEVELS))
        .with(Sensitive::new("health").distinct_l(2).ordered_t(0.25, LEVELS));
    let identifiers = vec![QuasiIdentifier::new("age", ages), QuasiIdentifier::new("schooling", schooling)];
    let request = Request::new(identifiers, rules, SEED)
        .suppression(0.05)
        .suppressed_rows(SuppressedRows::Dropped)
        .row_order(RowOrder::Shuffled);
    let made = anonymize(&original, &request)?;

    // Who it was and who wrote it stay here; the verifier finds them in the original, row by row.
    let kept: Vec<usize> = (2..6).collect();
    let released = made.batch.project(&kept)?;
    let mut checks = Checks::new(["age", "schooling"], request.rules.clone()).strict();
    checks.suppression = Some(request.suppression);
    let beside = Beside {
        hierarchies: request.quasi_identifiers.iter().map(|qi| (qi.column.clone(), qi.hierarchy.clone())).collect(),
        original: &original,
        origins: Some(&made.origins),
        ..Beside::default()
    };
    let outcome = verify(std::slice::from_ref(&released), &checks, &beside)?;
    assert!(outcome.passed, "{:?}", outcome.violations);
    assert!(outcome.measures.k_without_any_contributor >= Some(5));
    assert_eq!(outcome.measures.rows - outcome.measures.suppressed, released.num_rows());
    assert!(outcome.measures.sensitive.iter().all(|column| column.t_ordered.is_some_and(|t| t <= 0.25 + 1e-9)));

    let tampered = tamper(&released, "work", 0, Some("1"));
    let tampered = if tampered == released { tamper(&released, "work", 0, Some("2")) } else { tampered };
    let outcome = verify(&[tampered], &checks, &beside)?;
    assert!(outcome.violations.contains(&Violation::ColumnChanged { column: "work".into(), row: 0 }));
    Ok(())
}
