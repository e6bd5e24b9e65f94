//! What can go wrong before a table is protected: a set described wrongly, counts that contradict each other, a cell
//! that no suppression can protect.
//!
//! A hidden figure is not an error: see `decision`.

/// Why a set of tables cannot be described, protected or asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A threshold lower than the engine accepts.
    #[error("threshold {given} is lower than {lowest}, the lowest one accepted")]
    ThresholdTooLow {
        /// What was asked for.
        given: u32,
        /// What is accepted at least.
        lowest: u32,
    },
    /// A dimension that cannot be used.
    #[error("dimension '{dimension}': {problem}")]
    Dimension {
        /// Its name.
        dimension: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A category that its dimension does not have.
    #[error("dimension '{dimension}' has no category '{category}'")]
    UnknownCategory {
        /// The dimension's name.
        dimension: String,
        /// What was asked for.
        category: String,
    },
    /// Coordinates that name one dimension twice.
    #[error("dimension '{dimension}' is named twice in one cell")]
    RepeatedDimension {
        /// The dimension's name.
        dimension: String,
    },
    /// A cell that is in no table of the set.
    #[error("no table of the set has the cell '{cell}' (declare a table over its dimensions)")]
    UnknownCell {
        /// The cell.
        cell: String,
    },
    /// Two counts for the same cell.
    #[error("cell '{cell}' was counted {first} and then {second}")]
    Contradiction {
        /// The cell.
        cell: String,
        /// The count given first.
        first: u32,
        /// The count given later.
        second: u32,
    },
    /// A total that cannot be computed from its parts, because people may be in several of them.
    #[error("cell '{cell}' is not the sum of its parts, so its count must be given")]
    MissingTotal {
        /// The cell.
        cell: String,
    },
    /// The counts break a relation that readers rely on.
    #[error("the counts contradict '{relation}'")]
    Inconsistent {
        /// The relation, with its variables.
        relation: String,
    },
    /// Two variables with one label.
    #[error("two variables are called '{label}'")]
    RepeatedLabel {
        /// The label.
        label: String,
    },
    /// A count or a coefficient too large for the solver to be exact about.
    #[error("'{label}' is too large: at most {most}")]
    TooLarge {
        /// The variable.
        label: String,
        /// The largest number accepted.
        most: u32,
    },
    /// A cell that stays computable however much is hidden: what the reader already knows gives it away.
    #[error("'{cell}' cannot be protected by hiding other cells (is something declared as known that gives it away?)")]
    Unprotectable {
        /// The cell.
        cell: String,
    },
    /// The audit's solver could not answer.
    #[error("the interval of '{label}' could not be computed")]
    Unanswered {
        /// The variable.
        label: String,
    },
}
