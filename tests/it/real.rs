//! Answers of real people, from the import to a release, by the commands that people type.
//!
//! The table is not in the repository: it is looked for in `../shared/data`, or where `NONCELLO_REAL_DATA` says.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::demonstration::Demonstration;

/// Enti of the demonstration: one gets everybody, the others a third each.
const WHOLE: &str = "dimostrazione-trieste";
const THIRDS: [&str; 3] = ["dimostrazione-pordenone", "dimostrazione-udine", "dimostrazione-gorizia"];

/// Cronbach's alpha of each scale over complete cases, in thousandths, and how many these are: as psych::alpha gives them.
const PUBLISHED: [(&str, i64, i64); 5] = [
    ("agreeableness", 704, 2_709),
    ("conscientiousness", 729, 2_707),
    ("extraversion", 761, 2_713),
    ("neuroticism", 813, 2_694),
    ("openness", 603, 2_726),
];

/// The table of real answers, if this machine has it.
fn table() -> Option<String> {
    let folder = std::env::var_os("NONCELLO_REAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    std::fs::read_to_string(folder.join("bfi.csv")).ok()
}

/// Imports a table, which has surprising rows; the report.
fn import(demonstration: &Demonstration, ente: &str, table: &str) -> Value {
    let file = demonstration.data.with_extension("csv");
    std::fs::write(&file, table).unwrap();
    let asked = ["--ente", ente, "--instrument", "bfi", "--map", "tests/real/bfi/map.toml", "--format", "json"];
    let file = file.to_str().unwrap();
    let refused = demonstration.run(&["import"], &[asked.as_slice(), &[file]].concat());
    assert_eq!(refused.status.code(), Some(1), "rows that are surprising need a word");
    let report = demonstration.done(&["import", "--accept-warnings"], &[asked.as_slice(), &[file]].concat());
    serde_json::from_str(&report).unwrap()
}

#[test]
fn real_answers_give_the_published_alphas_and_an_anonymous_table() {
    let Some(table) = table() else {
        println!("bfi.csv is missing (NONCELLO_REAL_DATA says where it is): real answers are not tested");
        return;
    };
    let demonstration = Demonstration::new();
    demonstration.done(&["instrument", "add"], &["tests/real/bfi/definition.toml"]);
    let report = import(&demonstration, WHOLE, &table);
    assert_eq!(
        (&report["rows"], &report["imported"], &report["persone"]),
        (&2_800.into(), &2_800.into(), &2_800.into())
    );
    let (headings, rows) = table.split_once('\n').unwrap();
    for (third, ente) in THIRDS.iter().enumerate() {
        let mut part = headings.to_owned();
        for row in rows.lines().skip(third).step_by(THIRDS.len()) {
            part.push('\n');
            part.push_str(row);
        }
        import(&demonstration, ente, &part);
    }
    demonstration.done(&["pipeline", "run"], &[]);
    let alphas = demonstration
        .ask(WHOLE, "select scale, cases, alpha_millionths from mart_reliability where instrument = 'bfi'");
    let text = |row: &Value, column: &str| row[column].as_str().unwrap().to_owned();
    let number = |row: &Value, column: &str| text(row, column).parse::<i64>().unwrap();
    let found: Vec<(String, i64, i64)> = alphas
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (text(row, "scale"), (number(row, "alpha_millionths") + 500) / 1_000, number(row, "cases")))
        .collect();
    let published: Vec<(String, i64, i64)> =
        PUBLISHED.iter().map(|(scale, alpha, cases)| ((*scale).to_owned(), *alpha, *cases)).collect();
    assert_eq!(found, published);

    let built: Value = serde_json::from_str(
        &demonstration
            .done(&["release", "build"], &["--instrument", "bfi", "--cutoff", "2010-12-31", "--format", "json"]),
    )
    .unwrap();
    assert!(built["measures"]["k"].as_u64().unwrap() >= 5 && built["rows"].as_u64().unwrap() > 5_000, "{built}");
}
