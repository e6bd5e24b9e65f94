//! The marts: SQL in files, each with a sidecar that says its grain, what each column means, its privacy class and its tests.
//!
//! Intermediate steps are views of one session where holding them would take much room, else temporary tables; marts
//! are written to the lake. The order here is the order in which they are made.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One step: a file of SQL whose last line selects the result.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The table or view that it makes.
    pub name: &'static str,
    /// The SQL.
    pub sql: &'static str,
    /// What it makes.
    pub made: Made,
}

/// How long a step's result is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Kept in memory until the session ends.
    Table,
    /// Computed each time a mart asks: what is large takes no room.
    View,
}

impl Made {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Table => "temp table",
            Self::View => "temp view",
        }
    }
}

/// A mart: a step that is published, with its sidecar.
#[derive(Clone, Copy, Debug)]
pub struct Mart {
    /// The step.
    pub step: Step,
    /// The sidecar's text.
    pub sidecar: &'static str,
}

macro_rules! step {
    ($folder:literal, $name:literal, $made:ident) => {
        Step { name: $name, sql: include_str!(concat!("../marts/", $folder, "/", $name, ".sql")), made: Made::$made }
    };
}

macro_rules! marts {
    ($($name:literal,)+) => { &[$(Mart {
        step: step!("marts", $name, Table),
        sidecar: include_str!(concat!("../marts/marts/", $name, ".toml")),
    },)+] };
}

/// What marts are made from, beyond the tables of the partition.
pub const INTERMEDIATE: &[Step] = &[
    step!("intermediate", "int_latest", Table),
    step!("intermediate", "int_outcomes", View),
    step!("intermediate", "int_complete", Table),
];

/// What people ask about.
pub const MARTS: &[Mart] = marts![
    "mart_totals",
    "mart_territory",
    "mart_territory_people",
    "mart_territory_index",
    "mart_community",
    "mart_reliability",
    "mart_paths",
];

/// Who may see a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivacyClass {
    /// Anybody.
    Public,
    /// Helps to single somebody out.
    QuasiIdentifier,
    /// Says something about people that they may not want known.
    Sensitive,
    /// Never leaves the Ente's own systems.
    Private,
}

/// A test that a mart's content must pass before it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnTest {
    /// Never absent.
    Present,
    /// Never below zero.
    NotNegative,
}

/// A column of a mart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnNote {
    /// What it means.
    pub meaning: String,
    /// Who may see it.
    pub class: PrivacyClass,
    /// What must hold.
    #[serde(default)]
    pub tests: Vec<ColumnTest>,
}

/// What stands beside a mart's SQL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// What one row is, in a sentence.
    pub grain: String,
    /// The columns that make a row unique.
    pub key: Vec<String>,
    /// All columns.
    pub columns: BTreeMap<String, ColumnNote>,
}

impl Mart {
    /// The sidecar, read.
    ///
    /// # Errors
    /// When it is not a sidecar: a defect that a test finds.
    pub fn notes(&self) -> Result<Sidecar, toml::de::Error> {
        toml::from_str(self.sidecar)
    }

    /// A query whose one value is the first of the sidecar's rules that does not hold; absent when the mart is right.
    ///
    /// # Errors
    /// When the sidecar cannot be read.
    pub fn checks(&self) -> Result<String, toml::de::Error> {
        let notes = self.notes()?;
        let name = self.step.name;
        let key = notes.key.join(", ");
        let mut rules = vec![format!(
            "when count(*) <> (select count(*) from (select distinct {key} from {name})) then '{name} is unique by {key}'"
        )];
        for (column, note) in &notes.columns {
            for test in &note.tests {
                let (says, finds) = match test {
                    ColumnTest::Present => ("is never absent", format!("{column} is null")),
                    ColumnTest::NotNegative => ("is never negative", format!("{column} < 0")),
                };
                rules.push(format!("when count(*) filter (where {finds}) > 0 then '{name}.{column} {says}'"));
            }
        }
        Ok(format!("select case {} end from {name}", rules.join(" ")))
    }
}

/// SHA-256 of all the SQL: marts are made anew when it changes.
#[must_use]
pub fn sha256() -> String {
    let mut hasher = Sha256::new();
    for step in INTERMEDIATE.iter().chain(MARTS.iter().map(|mart| &mart.step)) {
        hasher.update(step.name);
        hasher.update(step.sql);
    }
    hex::encode(hasher.finalize())
}
