//! Attributes with many values, and many attributes: other tables and other widths inside than the usual ones.

use anonymity::{Effort, Hierarchy, QuasiIdentifier, Request, Rules, Sensitive};

use crate::data::{SEED, from_columns, released};

fn mixed(row: usize, column: usize) -> usize {
    let number =
        (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (column as u64 + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    usize::try_from(number.wrapping_mul(0x94D0_49BB_1331_11EB) >> 33).expect("31 bits")
}

fn check(columns: usize, values: usize, rows: usize, rules: Rules) {
    let width =
        |levels: &[usize]| Hierarchy::integers(0, i64::try_from(values - 1).expect("few"), levels).expect("widths");
    let identifiers = (0..columns)
        .map(|column| {
            let hierarchy = match column % 3 {
                0 => width(&[10, 100, 500]),
                1 => width(&[20]),
                _ => Hierarchy::flat((0..values).map(|value| value.to_string())).expect("a tree"),
            };
            QuasiIdentifier::new(format!("c{column}"), hierarchy)
        })
        .collect();
    let mut table: Vec<(String, Vec<Option<String>>)> = (0..columns)
        .map(|column| {
            let cells = (0..rows).map(|row| Some((mixed(row, column) % values).to_string()));
            (format!("c{column}"), cells.collect())
        })
        .collect();
    table.push(("illness".into(), (0..rows).map(|row| Some((mixed(row, 99) % 5).to_string())).collect()));
    let table = from_columns(table);
    let request = Request::new(identifiers, rules, SEED);
    let mut losses = Vec::new();
    for effort in [Effort::Fast, Effort::Default] {
        let (released, outcome) = released(&table, &request.clone().effort(effort));
        assert!(outcome.passed, "{:?}", outcome.violations.first());
        losses.push(released.report.measures.loss.expect("known"));
    }
    assert!(losses[0] >= losses[1], "{losses:?}");
    assert!(losses[1] < 0.97, "{losses:?}");
}

#[test]
fn one_attribute() {
    check(1, 40, 500, Rules::k(4));
}

#[test]
fn more_values_than_a_table_of_spans() {
    check(3, 2000, 6000, Rules::k(5));
    check(2, 2000, 3000, Rules::k(5).with(Sensitive::new("illness").distinct_l(3)));
}

#[test]
fn more_bits_than_a_key() {
    check(13, 2000, 800, Rules::k(3));
    check(30, 300, 400, Rules::k(3));
}
