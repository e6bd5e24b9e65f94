//! What generalising did to a table: which labels it came to, and what is left of distributions and associations.
//!
//! Before and after are compared at one level, the broadest that says anything (right below `*`), so that the figures mean the
//! same on both sides: a row that came out broader is in none of its categories. Categories with fewer rows than the least
//! are put together, since what is told here about the original is told to whoever reads the report.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use serde::{Deserialize, Serialize};

use crate::anonymize::to_release;
use crate::error::Error;
use crate::hierarchy::{Hierarchy, NodeId};
use crate::rules::{Request, Rules};
use crate::table;

/// The version of this form.
pub const COMPARISON_VERSION: u32 = 1;

/// A released table beside its original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The version of this form, [`COMPARISON_VERSION`].
    pub version: u32,
    /// Rows before.
    pub rows_before: usize,
    /// Rows after, those of `*` only included.
    pub rows_after: usize,
    /// Categories of fewer rows than this are together in one without a name.
    pub least: usize,
    /// Each quasi-identifier.
    pub attributes: Vec<AttributeComparison>,
    /// Each pair of quasi-identifiers and sensitive columns.
    pub associations: Vec<Association>,
}

/// One quasi-identifier before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeComparison {
    /// The column.
    pub column: String,
    /// How many rows came out at each level of the hierarchy, from the values to `*`.
    pub levels: Vec<usize>,
    /// The broadest categories, by name; the one without a name, if there is one, last.
    pub categories: Vec<Category>,
}

/// One of the broadest categories of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its label; absent for those that are put together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Rows before.
    pub before: usize,
    /// Rows after whose label is this one or below it.
    pub after: usize,
}

/// How closely two columns go together, from 0 to 1: Cramér's V of their broadest categories, corrected for bias (Bergsma,
/// 2013).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Association {
    /// One column.
    pub first: String,
    /// The other.
    pub second: String,
    /// Over all rows of the original.
    pub before: f64,
    /// Over the rows that have a category of both after.
    pub after: f64,
}

/// Compares a released table with the one it was made from.
///
/// `origins` is the row of the original that each released row is from, as [`crate::Anonymized`] gives it.
///
/// # Errors
/// A column that is missing or holds what the request's hierarchies do not know.
pub fn compare(
    original: &[RecordBatch],
    released: &RecordBatch,
    origins: &[usize],
    request: &Request,
) -> Result<Comparison, Error> {
    let Some(first) = original.first() else {
        return Err(Error::RowsDoNotMatch { reason: "there is no original".into() });
    };
    let original = concat_batches(&first.schema(), original)?;
    // Of a population, those that are not released are not in the table.
    let (original, chosen) = to_release(&original, &request.rules)?;
    let place = |row: &usize| match &chosen {
        None => (*row < original.num_rows()).then_some(*row),
        Some(chosen) => chosen.binary_search(row).ok(),
    };
    let origins = origins.iter().map(|row| {
        place(row).ok_or_else(|| Error::RowsDoNotMatch { reason: format!("there is no original row {row} to release") })
    });
    let origins = origins.collect::<Result<Vec<usize>, Error>>()?;
    let rules = &request.rules;
    let mut columns = Vec::new();
    for identifier in &request.quasi_identifiers {
        columns.push(Column::generalised(&identifier.column, &identifier.hierarchy, &original, released, rules)?);
    }
    for sensitive in &rules.sensitive {
        columns.push(Column::kept(&sensitive.column, &original, &origins, rules)?);
    }
    let mut associations = Vec::new();
    for (at, first) in columns.iter().enumerate() {
        for second in &columns[at + 1..] {
            associations.push(Association {
                first: first.name.clone(),
                second: second.name.clone(),
                before: cramers_v(&first.before, &second.before),
                after: cramers_v(&first.after, &second.after),
            });
        }
    }
    let identifiers = columns.into_iter().take(request.quasi_identifiers.len());
    Ok(Comparison {
        version: COMPARISON_VERSION,
        rows_before: original.num_rows(),
        rows_after: released.num_rows(),
        least: rules.k,
        attributes: identifiers.map(|column| column.told(rules.k)).collect(),
        associations,
    })
}

/// A column by its broadest categories; `None` where a row has none of them.
struct Column {
    name: String,
    labels: Vec<String>,
    before: Vec<Option<usize>>,
    after: Vec<Option<usize>>,
    levels: Vec<usize>,
}

impl Column {
    fn generalised(
        name: &str,
        hierarchy: &Hierarchy,
        original: &RecordBatch,
        released: &RecordBatch,
        rules: &Rules,
    ) -> Result<Self, Error> {
        let broadest = hierarchy.level_count() - 2;
        let mut labels: Vec<String> = Vec::new();
        let mut numbers: BTreeMap<NodeId, usize> = BTreeMap::new();
        for leaf in 0..hierarchy.leaf_count() {
            let node = hierarchy.raised(hierarchy.leaf_node(leaf), broadest);
            numbers.entry(node).or_insert_with(|| {
                labels.push(hierarchy.label(node).to_owned());
                labels.len() - 1
            });
        }
        let missing = rules.missing.get(name).map(String::as_str);
        let leaves = table::leaves(original, name, hierarchy, missing)?;
        let before = leaves
            .into_iter()
            .map(|leaf| numbers.get(&hierarchy.raised(hierarchy.leaf_node(leaf as usize), broadest)).copied())
            .collect();
        let text = table::as_text(table::column(released, name)?, name)?;
        let mut levels = vec![0; hierarchy.level_count()];
        let mut after = Vec::with_capacity(released.num_rows());
        for (row, label) in text.as_string::<i32>().iter().enumerate() {
            let node = label.and_then(|label| hierarchy.node(label)).ok_or_else(|| Error::UnknownValue {
                column: name.to_owned(),
                value: label.unwrap_or_default().to_owned(),
                row,
            })?;
            levels[hierarchy.level(node)] += 1;
            after.push(numbers.get(&hierarchy.raised(node, broadest)).copied());
        }
        Ok(Self { name: name.to_owned(), labels, before, after, levels })
    }

    /// A column that was not generalised: its categories are its values.
    fn kept(name: &str, original: &RecordBatch, origins: &[usize], rules: &Rules) -> Result<Self, Error> {
        let missing = rules.missing.get(name).map(String::as_str);
        let (codes, _) = table::categories(original, name, missing)?;
        let before: Vec<Option<usize>> = codes.into_iter().map(|code| Some(code as usize)).collect();
        let after = origins.iter().map(|&row| before[row]).collect();
        Ok(Self { name: name.to_owned(), labels: Vec::new(), before, after, levels: Vec::new() })
    }

    fn told(self, least: usize) -> AttributeComparison {
        let count =
            |codes: &[Option<usize>], category: usize| codes.iter().filter(|code| **code == Some(category)).count();
        let all = self.labels.into_iter().enumerate().map(|(category, label)| Category {
            label: Some(label),
            before: count(&self.before, category),
            after: count(&self.after, category),
        });
        let (mut told, rare): (Vec<Category>, Vec<Category>) =
            all.filter(|category| category.before + category.after > 0).partition(|category| category.before >= least);
        if !rare.is_empty() {
            told.push(Category {
                label: None,
                before: rare.iter().map(|category| category.before).sum(),
                after: rare.iter().map(|category| category.after).sum(),
            });
        }
        AttributeComparison { column: self.name, levels: self.levels, categories: told }
    }
}

fn cramers_v(first: &[Option<usize>], second: &[Option<usize>]) -> f64 {
    let mut cells: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    let (mut rows, mut columns): (BTreeMap<usize, f64>, BTreeMap<usize, f64>) = (BTreeMap::new(), BTreeMap::new());
    let mut total = 0.0;
    for (a, b) in first.iter().zip(second).filter_map(|(a, b)| a.zip(*b)) {
        *cells.entry((a, b)).or_default() += 1.0;
        *rows.entry(a).or_default() += 1.0;
        *columns.entry(b).or_default() += 1.0;
        total += 1.0;
    }
    if rows.len() < 2 || columns.len() < 2 {
        return 0.0;
    }
    // χ² ÷ n = Σ n_ab² ÷ (n_a n_b) − 1.
    let phi = cells.iter().map(|((a, b), count)| count * count / (rows[a] * columns[b])).sum::<f64>() - 1.0;
    let (r, c) = (rows.len() as f64, columns.len() as f64);
    let corrected = (phi - (r - 1.0) * (c - 1.0) / (total - 1.0)).max(0.0);
    let least = (r - (r - 1.0).powi(2) / (total - 1.0)).min(c - (c - 1.0).powi(2) / (total - 1.0)) - 1.0;
    if least > 0.0 { (corrected / least).sqrt().min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_say_the_same_go_together_and_others_do_not() {
        let first: Vec<Option<usize>> = (0..600).map(|row| Some(row % 3)).collect();
        let other: Vec<Option<usize>> = (0..600).map(|row| Some(row / 3 % 2)).collect();
        assert!((cramers_v(&first, &first) - 1.0).abs() < 1e-12);
        assert!(cramers_v(&first, &other).abs() < f64::EPSILON);
        // Half of the rows as they are, half the other way round: χ² is nothing.
        let turned: Vec<Option<usize>> = other
            .iter()
            .enumerate()
            .map(|(row, code)| code.map(|code| if row < 300 { code } else { 1 - code }))
            .collect();
        assert!(cramers_v(&other, &turned).abs() < f64::EPSILON);
        assert!(cramers_v(&first, &vec![None; 600]).abs() < f64::EPSILON);
    }
}
