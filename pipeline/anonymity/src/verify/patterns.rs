//! The pattern of a person's several rows within one release: in which classes they are, and in each how many.
//!
//! Whoever knows all rows of a person tells apart people of different patterns and nobody else, so what is asked of a class is
//! asked of them: k and contributors of their number, the rest of their rows in each of their classes.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::{Checks, Class, People, Violation, check_people, check_sensitive};
use crate::error::Error;

/// The people of the rarest pattern; 0 if there is nobody.
pub(super) fn check(
    released: &RecordBatch,
    classes: &[Class],
    people: &People,
    checks: &Checks,
    violations: &mut Vec<Violation>,
) -> Result<usize, Error> {
    if checks.rules.person.is_none() {
        return Err(Error::Parameter {
            parameter: "person".into(),
            value: "not named".into(),
            expected: "a column where a person's rows are read together",
        });
    }
    // Rows come class by class, so a person's are in the order of their classes.
    let mut rows_of: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, class) in classes.iter().enumerate() {
        for &row in &class.rows {
            rows_of.entry(people.person_of[row]).or_default().push((number, row));
        }
    }
    let mut by_pattern: BTreeMap<Vec<usize>, Vec<(usize, usize)>> = BTreeMap::new();
    for rows in rows_of.into_values() {
        let pattern = rows.iter().map(|&(number, _)| number).collect();
        by_pattern.entry(pattern).or_default().extend(rows);
    }
    let (mut wholes, mut parts) = (Vec::new(), Vec::new());
    for (pattern, mut rows) in by_pattern {
        let name: Vec<String> = pattern.iter().flat_map(|&number| classes[number].name.clone()).collect();
        rows.sort_unstable();
        for part in rows.chunk_by(|a, b| a.0 == b.0) {
            parts.push(Class { name: name.clone(), rows: part.iter().map(|&(_, row)| row).collect() });
        }
        let mut rows: Vec<usize> = rows.into_iter().map(|(_, row)| row).collect();
        rows.sort_unstable();
        wholes.push(Class { name, rows });
    }
    let (least, _) = check_people(&wholes, people, checks, violations);
    for rule in &checks.rules.sensitive {
        let mut found = Vec::new();
        check_sensitive(released, &parts, &checks.rules, rule, &mut found)?;
        // Nulls were named when the classes were asked.
        violations.extend(found.into_iter().filter(|found| !matches!(found, Violation::NullSensitive { .. })));
    }
    Ok(least)
}
