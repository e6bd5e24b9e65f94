//! What is said about a release: sizes, what the rules reach, loss and risk.
//!
//! Written by the engine about its own work and by the verifier about anybody's; a test holds the two against each other.
//! It never contains the seed, a row, or a value of the data.

use serde::{Deserialize, Serialize};

use crate::rules::{Effort, Mode, RowOrder, Rules, SuppressedRows};

/// The version of the report's JSON.
pub const REPORT_VERSION: u32 = 1;

/// What the engine says about a release it made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this form, [`REPORT_VERSION`].
    pub version: u32,
    /// Name and version of the engine.
    pub engine: String,
    /// What was asked.
    pub parameters: Parameters,
    /// What came out.
    pub measures: Measures,
}

/// The request as far as it may be told: everything but the seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// The generalised columns.
    pub quasi_identifiers: Vec<String>,
    /// The rules.
    pub rules: Rules,
    /// The greatest fraction of rows that was allowed to be suppressed.
    pub suppression: f64,
    /// How labels could differ.
    #[serde(default)]
    pub mode: Mode,
    /// How much the loss of each column counted, where not all counted alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// How long the engine searched.
    pub effort: Effort,
    /// The order of the rows.
    pub row_order: RowOrder,
    /// What became of suppressed rows.
    pub suppressed_rows: SuppressedRows,
}

/// What a table reaches. A row is suppressed when every quasi-identifier is `*`; suppressed rows are no class here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Rows that went in; with nothing to compare, rows of the table.
    pub rows: usize,
    /// Rows suppressed, kept as `*` or dropped.
    pub suppressed: usize,
    /// Classes of equal quasi-identifiers.
    pub classes: usize,
    /// People in the smallest class; 0 if there is no class.
    pub k: usize,
    /// The fewest people left in a class after taking away any single contributor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k_without_any_contributor: Option<usize>,
    /// The people of the rarest pattern, where a person's several rows are read together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k_of_patterns: Option<usize>,
    /// What each sensitive column reaches.
    pub sensitive: Vec<SensitiveMeasures>,
    /// What part of their population is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<PresenceMeasures>,
    /// Mean over rows and quasi-identifiers of (leaves − 1) ÷ (D − 1), suppressed cells 1. Needs hierarchies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// The same for each quasi-identifier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loss_by_attribute: Vec<AttributeLoss>,
    /// Σ|C|² + rows × suppressed.
    pub discernibility: u64,
    /// Rows not suppressed ÷ classes.
    pub average_class_size: f64,
    /// Σ −log₂(p(original) ÷ p(generalised)) over its value at full generalisation. Needs the original and hierarchies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_uniform_entropy: Option<f64>,
    /// The risk of being found again.
    pub risk: Risk,
    /// How many classes have each size, by growing size.
    pub class_sizes: Vec<ClassSize>,
}

/// What a sensitive column reaches, at the worst class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensitiveMeasures {
    /// The column.
    pub column: String,
    /// The fewest different values in a class.
    pub distinct_l: usize,
    /// e to the least entropy of a class.
    pub entropy_l: f64,
    /// The greatest distance from the whole table, all values equally far apart.
    pub t_equal: f64,
    /// The greatest distance over ordered values, where an order is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_ordered: Option<f64>,
    /// The greatest distance over a tree of values, where one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_hierarchical: Option<f64>,
    /// By how many times the commonest value of a class outweighs those from the `l`-th on, where that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outweighing: Option<f64>,
    /// The greatest (q − p) ÷ p of a value, where a limit is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<f64>,
}

/// What part of a class's population is released, where limits are asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PresenceMeasures {
    /// People of the population, released or not.
    pub population: usize,
    /// The least part.
    pub least: f64,
    /// The greatest part.
    pub most: f64,
}

/// The loss of one quasi-identifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeLoss {
    /// The column.
    pub column: String,
    /// Its mean over rows.
    pub loss: f64,
}

/// Risks of the rows that are not suppressed, as probabilities. A class of n rows gives each of them 1/n.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// The attacker knows that the person is in the table: the greatest 1/n.
    pub prosecutor_max: f64,
    /// Its mean over rows.
    pub prosecutor_mean: f64,
    /// The attacker does not know it and searches a register. With no register given, the table stands for it, which is
    /// the worst case, and the figures are the prosecutor's.
    pub journalist_max: f64,
    /// Its mean over rows.
    pub journalist_mean: f64,
    /// The share of people an attacker expects to find who links every row: classes ÷ rows.
    pub marketer_mean: f64,
    /// The same in the class where the share is greatest.
    pub marketer_max: f64,
}

/// How many classes have so many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassSize {
    /// Rows in the class.
    pub rows: usize,
    /// Classes of this size.
    pub classes: usize,
}

impl Report {
    /// The report as JSON, for people to read too.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has text keys and finite numbers only")
    }
}
