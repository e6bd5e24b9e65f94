//! The journalist's risk against a register: how many people of a population somebody could be who is in a class.
//!
//! The register says how many people there are by some of the quasi-identifiers, as official statistics do; of the others an
//! attacker learns nothing from it.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::hierarchy::{Hierarchy, SUPPRESSED};
use crate::rules::QuasiIdentifier;
use crate::table;

/// The risk of being found again by whoever has the register and does not know who is in the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegisterRisk {
    /// The quasi-identifiers that the register has.
    pub columns: Vec<String>,
    /// People in the register.
    pub people: u64,
    /// The fewest people of the register under the labels of a class.
    pub least: u64,
    /// One over it: the greatest probability with which a row is linked to the right person.
    pub max: f64,
    /// The mean of that probability over rows. Rows of `*` only count too: they may be anybody.
    pub mean: f64,
}

/// Counts the people of a register under the labels of each row of a released table.
///
/// `register` has a column for some of the `quasi_identifiers`, with values of their hierarchies, and the whole number of people
/// in `count`. Where it knows fewer people than there are rows with those labels, it is taken to have as many.
///
/// # Errors
/// No column of the register is a quasi-identifier; a value that a hierarchy does not know; a count that is no whole number.
pub fn register_risk(
    released: &RecordBatch,
    quasi_identifiers: &[QuasiIdentifier],
    register: &RecordBatch,
    count: &str,
) -> Result<RegisterRisk, Error> {
    let shared: Vec<&QuasiIdentifier> =
        quasi_identifiers.iter().filter(|qi| register.column_by_name(&qi.column).is_some()).collect();
    if shared.is_empty() {
        return Err(Error::Parameter {
            parameter: "register".into(),
            value: "without any quasi-identifier".into(),
            expected: "a table with at least one of them",
        });
    }
    let counts = counts(register, count)?;
    let mut cells: BTreeMap<Vec<u32>, u64> = BTreeMap::new();
    let leaves = shared
        .iter()
        .map(|qi| table::leaves(register, &qi.column, &qi.hierarchy, None))
        .collect::<Result<Vec<_>, _>>()?;
    for (row, people) in counts.iter().enumerate() {
        *cells.entry(leaves.iter().map(|column| column[row]).collect()).or_default() += people;
    }
    let labels = shared
        .iter()
        .map(|qi| {
            let text = table::as_text(table::column(released, &qi.column)?, &qi.column)?;
            Ok(text.as_string::<i32>().iter().map(|label| label.unwrap_or(SUPPRESSED).to_owned()).collect())
        })
        .collect::<Result<Vec<Vec<String>>, Error>>()?;
    let mut groups: BTreeMap<Vec<&str>, u64> = BTreeMap::new();
    for row in 0..released.num_rows() {
        *groups.entry(labels.iter().map(|column| column[row].as_str()).collect()).or_default() += 1;
    }
    let hierarchies: Vec<&Hierarchy> = shared.iter().map(|qi| &qi.hierarchy).collect();
    let (mut least, mut sum) = (u64::MAX, 0.0);
    for (labels, rows) in &groups {
        let mut ranges = Vec::new();
        for ((label, hierarchy), qi) in labels.iter().zip(&hierarchies).zip(&shared) {
            let node = hierarchy.node(label).ok_or_else(|| Error::UnknownValue {
                column: qi.column.clone(),
                value: (*label).to_owned(),
                row: 0,
            })?;
            ranges.push(hierarchy.leaves(node));
        }
        let is_under = |cell: &[u32]| cell.iter().zip(&ranges).all(|(&leaf, range)| range.contains(&(leaf as usize)));
        let people: u64 = cells.iter().filter(|(cell, _)| is_under(cell)).map(|(_, people)| people).sum();
        let people = people.max(*rows);
        least = least.min(people);
        sum += *rows as f64 / people as f64;
    }
    let rows = released.num_rows() as f64;
    Ok(RegisterRisk {
        columns: shared.iter().map(|qi| qi.column.clone()).collect(),
        people: counts.iter().sum(),
        least: if groups.is_empty() { 0 } else { least },
        max: if groups.is_empty() { 0.0 } else { 1.0 / least as f64 },
        mean: if groups.is_empty() { 0.0 } else { sum / rows },
    })
}

/// The whole numbers of a column.
fn counts(register: &RecordBatch, name: &str) -> Result<Vec<u64>, Error> {
    let numbers = cast(table::column(register, name)?, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let wrong = |row: usize| Error::Parameter {
        parameter: format!("column {name:?} of the register, row {row}"),
        value: "not a whole number from 0 up".into(),
        expected: "a number of people",
    };
    numbers
        .iter()
        .enumerate()
        .map(|(row, number)| number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| wrong(row)))
        .collect()
}
