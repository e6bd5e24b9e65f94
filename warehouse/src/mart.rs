//! The marts: SQL in files, each with a sidecar that says its grain, what each column means, its privacy class and its tests.
//!
//! Intermediate steps are views of one session where holding them would take much room, else temporary tables; marts
//! are written to the lake. The order here is the order in which they are made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::schema;

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
    ($folder:literal, $made:ident: $($name:literal,)+) => { &[$(Mart {
        step: step!($folder, $name, $made),
        sidecar: include_str!(concat!("../marts/", $folder, "/", $name, ".toml")),
    },)+] };
}

/// What marts are made from, beyond the tables of the partition.
pub const INTERMEDIATE: &[Step] = &[
    step!("intermediate", "int_placed", Table),
    step!("intermediate", "int_latest", Table),
    step!("intermediate", "int_outcome_names", Table),
    step!("intermediate", "int_outcomes", View),
    step!("intermediate", "int_marks", Table),
];

/// What people ask about.
pub const MARTS: &[Mart] = marts![
    "marts", Table:
    "mart_totals",
    "mart_territory",
    "mart_territory_people",
    "mart_territory_index",
    "mart_community",
    "mart_ages",
    "mart_reliability",
    "mart_item_rest",
    "mart_items",
    "mart_paths",
    "mart_transitions",
    "mart_cohorts",
    "mart_returns",
    "mart_recency",
    "mart_blocks",
    "mart_azioni",
    "mart_practice",
    "mart_drift",
    "mart_data_quality",
    "mart_scales",
];

/// What an Ente's own people ask about person by person. Views, made anew in each session over its files: rows of people,
/// written once more, would take as much room and time again as the tables that they come from.
pub const VIEWS: &[Mart] = marts!["views", View: "mart_assessments", "mart_persone",];

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
    /// What it means, in Italian: analysts read it.
    pub meaning: String,
    /// Who may see it.
    pub class: PrivacyClass,
    /// What must hold.
    #[serde(default)]
    pub tests: Vec<ColumnTest>,
}

/// Something that must hold of every row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What holds, in words.
    pub says: String,
    /// The condition, in SQL, of a row that breaks it. Marts made before this one can be asked too.
    pub broken: String,
}

/// What stands beside a mart's SQL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// What one row is, in an Italian sentence: analysts read it.
    pub grain: String,
    /// The columns that make a row unique.
    pub key: Vec<String>,
    /// The pages of dashboards that show figures of it.
    #[serde(default)]
    pub shown_on: Vec<String>,
    /// What must hold of its rows, beyond single columns.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// All columns.
    pub columns: BTreeMap<String, ColumnNote>,
}

impl Step {
    /// The tables that it reads: what stands after `from` and `join` and is not a step of its own.
    #[must_use]
    pub fn inputs(&self) -> BTreeSet<&'static str> {
        let lines = self.sql.lines().filter(|line| !line.trim_start().starts_with("--"));
        let words: Vec<&str> = lines
            .flat_map(|line| line.split(|character: char| !(character.is_alphanumeric() || "_.(".contains(character))))
            .flat_map(|word| word.split_inclusive('('))
            .filter(|word| !word.is_empty())
            .collect();
        let own: BTreeSet<&str> =
            words.windows(3).filter(|three| three[1] == "as" && three[2] == "(").map(|three| three[0]).collect();
        let mut found = BTreeSet::new();
        for (at, word) in words.iter().enumerate().skip(2) {
            // `extract(year from assessed_on)` reads no table.
            let is_part = words[at - 1] == "from" && at > 2 && words[at - 3] == "extract(";
            if matches!(words[at - 1], "from" | "join") && !is_part && *word != "(" && !own.contains(word) {
                found.insert(*word);
            }
        }
        found
    }
}

/// What tables are made from that are no SQL's: counted from the answers (`sheets`), or read from the definitions (`session`).
pub const COMPUTED_FROM: &[(&str, &[&str])] = &[
    ("int_missing", &["answers"]),
    ("int_item_counts", &["answers", "int_marks"]),
    ("int_quality", &["answers", "int_marks", "definitions"]),
    ("int_item_rest", &["answers", "int_marks", "definitions"]),
    ("ref_instruments", &["definitions"]),
    ("ref_scales", &["definitions"]),
    ("ref_azioni", &["definitions"]),
];

/// Everything that a table is made from, directly or through others, down to the tables of the partition and the definitions.
#[must_use]
pub fn sources(table: &str) -> BTreeSet<&'static str> {
    let steps = INTERMEDIATE.iter().chain(MARTS.iter().chain(VIEWS).map(|mart| &mart.step));
    let made = steps.map(|step| (step.name, step.inputs()));
    let computed = COMPUTED_FROM.iter().map(|(name, inputs)| (*name, inputs.iter().copied().collect()));
    let inputs: BTreeMap<&str, BTreeSet<&'static str>> = made.chain(computed).collect();
    let mut found = BTreeSet::new();
    let mut open: Vec<&'static str> = inputs.get(table).into_iter().flatten().copied().collect();
    while let Some(next) = open.pop() {
        match inputs.get(next) {
            Some(further) => open.extend(further),
            None => {
                found.insert(next);
            }
        }
    }
    found
}

impl Mart {
    /// The sidecar, read.
    ///
    /// # Errors
    /// When it is not a sidecar: a defect that a test finds.
    pub fn notes(&self) -> Result<Sidecar, toml::de::Error> {
        toml::from_str(self.sidecar)
    }
}

/// Whether a text names a view.
pub(crate) fn names_a_view(sql: &str) -> bool {
    let text = sql.to_lowercase();
    VIEWS.iter().any(|view| text.contains(view.step.name))
}

/// Whether a view reads this table: answers by way of how many of them are missing.
pub(crate) fn is_read_by_views(table: &str) -> bool {
    table.starts_with(&schema::answers_table("")) || VIEWS.iter().any(|view| view.step.inputs().contains(table))
}

/// A mart with its sidecar, read.
pub(crate) struct Noted {
    pub(crate) mart: &'static Mart,
    pub(crate) notes: Sidecar,
    /// Whether a rule of another mart asks it.
    pub(crate) is_asked: bool,
}

/// The marts with their sidecars, read once for all Enti.
pub(crate) static NOTED: LazyLock<Vec<Noted>> = LazyLock::new(|| {
    let read = |mart: &'static Mart| (mart, mart.notes().expect("a test reads the sidecars in the binary"));
    let all: Vec<(&Mart, Sidecar)> = MARTS.iter().map(read).collect();
    let is_asked = |name: &str| {
        let others = all.iter().filter(|(mart, _)| mart.step.name != name);
        others.flat_map(|(_, notes)| &notes.rules).any(|rule| rule.broken.contains(name))
    };
    let noted = |(mart, notes): &(&'static Mart, Sidecar)| Noted {
        mart,
        notes: notes.clone(),
        is_asked: is_asked(mart.step.name),
    };
    all.iter().map(noted).collect()
});

/// What computes beside SQL: a change of it changes marts too.
const COMPUTED: [&str; 2] = [include_str!("sheets.rs"), include_str!("reliability.rs")];

/// SHA-256 of all the SQL: marts are made anew when it changes.
#[must_use]
pub fn sha256() -> String {
    let mut hasher = Sha256::new();
    for step in INTERMEDIATE.iter().chain(MARTS.iter().map(|mart| &mart.step)) {
        hasher.update(step.name);
        hasher.update(step.sql);
    }
    for code in COMPUTED {
        hasher.update(code);
    }
    hex::encode(hasher.finalize())
}
