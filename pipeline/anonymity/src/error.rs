//! What can be wrong with a request or with the data it is for.
//!
//! Every variant is the caller's to mend and names the column, the value or the row; rows count from 0. A table that
//! fails verification is not an error but a [`crate::verify::Verification`] with violations.

use arrow::error::ArrowError;
use thiserror::Error;

use crate::hierarchy::HierarchyError;

/// Why nothing could be done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A hierarchy is not one.
    #[error("hierarchy of {column:?}: {source}")]
    Hierarchy {
        /// The attribute.
        column: String,
        /// What is wrong.
        source: HierarchyError,
    },
    /// A column that the request names is not in the table.
    #[error("there is no column {column:?}; the table has {}", present.join(", "))]
    UnknownColumn {
        /// The column asked for.
        column: String,
        /// The columns there are.
        present: Vec<String>,
    },
    /// A column is named twice, or in two roles.
    #[error("column {column:?} is named twice in the request")]
    ColumnTwice {
        /// The column.
        column: String,
    },
    /// A value is null where a value is needed.
    #[error("column {column:?}, row {row}: null; give missing values a word of their own")]
    Null {
        /// The column.
        column: String,
        /// The row.
        row: usize,
    },
    /// A value is not in the hierarchy of its column.
    #[error("column {column:?}, row {row}: value {value:?} is not in the hierarchy")]
    UnknownValue {
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The first row that has it.
        row: usize,
    },
    /// A sensitive value is not in the list that orders its column.
    #[error("column {column:?}, row {row}: value {value:?} is not in the list that orders the column")]
    UnorderedValue {
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The first row that has it.
        row: usize,
    },
    /// A parameter is out of its range.
    #[error("{parameter} is {value}; it must be {expected}")]
    Parameter {
        /// The parameter.
        parameter: String,
        /// What was given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// More of something than the engine can number.
    #[error("{what}: {found}, and the engine takes at most {limit}")]
    TooMany {
        /// Of what.
        what: String,
        /// How many there are.
        found: usize,
        /// How many it can take.
        limit: usize,
    },
    /// Even the whole table as one class does not satisfy a rule.
    #[error("no release can satisfy the rules: {reason}")]
    Unsatisfiable {
        /// Which rule, and what the whole table reaches.
        reason: String,
    },
    /// A column that must hold text holds something that cannot be shown as text.
    #[error("column {column:?} has type {data_type}, which has no text form")]
    NoTextForm {
        /// The column.
        column: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// Released and original tables cannot be compared row by row.
    #[error("released and original rows cannot be matched: {reason}")]
    RowsDoNotMatch {
        /// Why.
        reason: String,
    },
    /// The Arrow library refused.
    #[error("arrow: {0}")]
    Arrow(#[from] ArrowError),
}
