//! The Adult data, when they are there: in the folder that ANONYMITY_DATA names, or beside the workspace.

use std::path::PathBuf;

use anonymity::{Effort, Hierarchy, QuasiIdentifier, Request, Rules, Sensitive};
use arrow::array::RecordBatch;

use crate::data::{SEED, from_columns, released};

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("ANONYMITY_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    let adult = folder.join("adult");
    if adult.join("adult.csv").exists() {
        return Some(adult);
    }
    eprintln!("SKIPPED: no Adult data in {}; set ANONYMITY_DATA to the folder that holds adult/", folder.display());
    None
}

fn adult() -> Option<(PathBuf, RecordBatch)> {
    let folder = folder()?;
    let text = std::fs::read_to_string(folder.join("adult.csv")).expect("readable");
    let mut lines = text.lines();
    let mut columns: Vec<(String, Vec<Option<String>>)> =
        lines.next().expect("a header").split(';').map(|name| (name.to_owned(), Vec::new())).collect();
    for line in lines {
        for (column, value) in columns.iter_mut().zip(line.split(';')) {
            column.1.push(Some(value.to_owned()));
        }
    }
    Some((folder, from_columns(columns)))
}

fn check(rules: Rules, effort: Effort, loss_max: f64) {
    let Some((folder, table)) = adult() else { return };
    let schema = table.schema();
    let identifiers = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .filter(|name| rules.sensitive.iter().all(|sensitive| sensitive.column != *name));
    let identifiers = identifiers.map(|name| {
        let text = std::fs::read_to_string(folder.join(format!("adult_hierarchy_{name}.csv"))).expect("readable");
        QuasiIdentifier::new(name, Hierarchy::from_text(&text, ';').expect("a tree"))
    });
    let request = Request::new(identifiers.collect(), rules, SEED).effort(effort);
    let (released, outcome) = released(&table, &request);
    assert!(outcome.passed, "{:?}", outcome.violations.first());
    let loss = released.report.measures.loss.expect("known");
    assert!(loss <= loss_max, "loss {loss}, at most {loss_max} expected");
    let verified = outcome.measures.loss.expect("known");
    assert!((loss - verified).abs() < 1e-12, "{loss} reported, {verified} found");
    assert_eq!(released.report.measures.suppressed, 0);
}

#[test]
fn k_5_fast() {
    check(Rules::k(5), Effort::Fast, 0.057);
}

#[test]
fn k_5() {
    check(Rules::k(5), Effort::Default, 0.0536);
}

#[test]
fn k_2_10_25() {
    check(Rules::k(2), Effort::Default, 0.0220);
    check(Rules::k(10), Effort::Default, 0.0820);
    check(Rules::k(25), Effort::Default, 0.1200);
}

#[test]
fn occupation_is_diverse() {
    check(Rules::k(5).with(Sensitive::new("occupation").distinct_l(2)), Effort::Default, 0.0301);
    check(Rules::k(5).with(Sensitive::new("occupation").entropy_l(3.0)), Effort::Default, 0.0467);
}
