//! What a sidecar says of its mart, asked of the rows themselves: unique by its key, never absent, never negative. Rules in SQL come
//! with the rows, as columns that say of each row whether it breaks one.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::min;
use arrow::datatypes::Int64Type;

use crate::digest;
use crate::mart::{ColumnTest, Mart, Sidecar};

/// The query whose rows are a mart's, each with a column for every rule of its sidecar.
pub(crate) fn query(mart: &Mart, notes: &Sidecar) -> String {
    let name = mart.step.name;
    let rules = notes.rules.iter().enumerate();
    let rules: String =
        rules.map(|(at, rule)| format!(", coalesce({}, false) as \"{}\"", rule.broken, column(at))).collect();
    format!("select {name}.*{rules} from ({}) as {name}", mart.step.sql)
}

/// The name of the column that says whether a row breaks a rule: no mart has one like it.
fn column(rule: usize) -> String {
    format!("broken {rule}")
}

/// Takes the columns of rules away from the rows of [`query`]; the first thing that does not hold, if any does.
pub(crate) fn check(mart: &Mart, notes: &Sidecar, rows: &RecordBatch) -> Result<RecordBatch, String> {
    let name = mart.step.name;
    let schema = rows.schema();
    for (at, rule) in notes.rules.iter().enumerate() {
        let column = rows.column_by_name(&column(at)).and_then(|column| column.as_boolean_opt());
        let column = column.ok_or_else(|| format!("{name}: {} cannot be asked", rule.says))?;
        if column.true_count() > 0 {
            return Err(format!("{name}: {}", rule.says));
        }
    }
    for (column, note) in &notes.columns {
        let array = rows.column_by_name(column).ok_or_else(|| format!("{name} has no {column}"))?;
        for test in &note.tests {
            let (says, holds) = match test {
                ColumnTest::Present => ("is never absent", array.null_count() == 0),
                ColumnTest::NotNegative => {
                    let numbers = array.as_primitive_opt::<Int64Type>();
                    ("is never negative", numbers.is_some_and(|numbers| min(numbers).is_none_or(|least| least >= 0)))
                }
            };
            if !holds {
                return Err(format!("{name}.{column} {says}"));
            }
        }
    }
    let key: Vec<usize> = notes.key.iter().filter_map(|column| schema.index_of(column).ok()).collect();
    let mut keys = digest::canonical(rows, &key).map_err(|error| error.to_string())?;
    keys.sort_unstable();
    if key.len() != notes.key.len() || keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!("{name} is unique by {}", notes.key.join(", ")));
    }
    // Those of rules stand last.
    let own: Vec<usize> = (0..schema.fields().len() - notes.rules.len()).collect();
    rows.project(&own).map_err(|error| error.to_string())
}
