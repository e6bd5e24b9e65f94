//! What a released table must satisfy, and how a request says it.
//!
//! Plain data shared by the engine and the verifier; neither finds any logic here, so that a mistake in one cannot hide
//! in the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hierarchy::Hierarchy;

/// The conditions on every class of equal quasi-identifiers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// At least this many people (rows, without [`Rules::person`]) in each class.
    pub k: usize,
    /// Column that says whose row it is, when one person may have several: `k` then counts people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// What others may know of a person who has several rows.
    #[serde(default, skip_serializing_if = "SeveralRows::are_apart")]
    pub several_rows: SeveralRows,
    /// Column of contributors: `k` must also hold for the people a single contributor does not know, for any of them. It
    /// knows a person when it has a row of theirs anywhere in the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contributor: Option<String>,
    /// Sensitive columns, each with its own conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<Sensitive>,
    /// What it means that there is no value (null, or an empty text), by column: it is this value, a category like others, which
    /// the hierarchy or the list of values must know. In a quasi-identifier or sensitive column that is not named here nothing
    /// may be missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
    /// How likely it may be that somebody of a larger population is in the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
}

/// δ-presence (Nergiz and others, 2007): the table given is a population of which some rows are released; in each class the
/// released are between these parts of all. With global recoding only: there alone a reader knows who is in which class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    /// The column that is `true` in the rows to release.
    pub column: String,
    /// The least part, 0 or more.
    pub least: f64,
    /// The greatest part, 1 or less.
    pub most: f64,
}

impl Rules {
    /// Only `k`.
    pub fn k(k: usize) -> Self {
        Self {
            k,
            person: None,
            several_rows: SeveralRows::Apart,
            contributor: None,
            sensitive: Vec::new(),
            missing: BTreeMap::new(),
            presence: None,
        }
    }

    /// Reads a missing value in `column` as `value`.
    #[must_use]
    pub fn missing_as(mut self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.missing.insert(column.into(), value.into());
        self
    }

    /// Releases the rows in which `column` is `true`, and asks that in each class they be from `least` to `most` of all.
    #[must_use]
    pub fn present_within(mut self, column: impl Into<String>, least: f64, most: f64) -> Self {
        self.presence = Some(Presence { column: column.into(), least, most });
        self
    }

    /// Adds a sensitive column.
    #[must_use]
    pub fn with(mut self, sensitive: Sensitive) -> Self {
        self.sensitive.push(sensitive);
        self
    }

    /// Asks for `k` people after taking away any single contributor's.
    #[must_use]
    pub fn robust_to(mut self, contributor: impl Into<String>) -> Self {
        self.contributor = Some(contributor.into());
        self
    }

    /// Counts people instead of rows.
    #[must_use]
    pub fn per_person(mut self, person: impl Into<String>) -> Self {
        self.person = Some(person.into());
        self
    }

    /// Counts people instead of rows, and asks of people with one pattern what is asked of a class.
    #[must_use]
    pub fn per_person_pattern(mut self, person: impl Into<String>) -> Self {
        self.several_rows = SeveralRows::Together;
        self.per_person(person)
    }
}

/// What others may know of a person who has several rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeveralRows {
    /// One of them: every rule is asked of classes of rows.
    #[default]
    Apart,
    /// All of them, and so how many there are: a person's *pattern* is the classes that their rows are in, each as often as it
    /// occurs, and `k`, contributors included, is asked of the people of one pattern; what sensitive columns ask, of their
    /// rows in each of its classes. Needs [`Rules::person`]. With local recoding only.
    Together,
}

impl SeveralRows {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn are_apart(&self) -> bool {
        *self == Self::Apart
    }
}

/// The conditions on one sensitive column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sensitive {
    /// The column.
    pub column: String,
    /// At least this many different values in each class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_l: Option<usize>,
    /// The entropy of each class is at least ln of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy_l: Option<f64>,
    /// The commonest value of each class is outweighed by the rare ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recursive_l: Option<RecursiveL>,
    /// Each class is at most this far from the whole table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closeness: Option<Closeness>,
    /// No value is so much more frequent in a class than in the whole table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<Likeness>,
}

impl Sensitive {
    /// A column without conditions yet: it is reported, and nothing is asked of it.
    pub fn new(column: impl Into<String>) -> Self {
        Self {
            column: column.into(),
            distinct_l: None,
            entropy_l: None,
            recursive_l: None,
            closeness: None,
            likeness: None,
        }
    }

    /// Asks for so many different values.
    #[must_use]
    pub fn distinct_l(mut self, l: usize) -> Self {
        self.distinct_l = Some(l);
        self
    }

    /// Asks for an entropy of at least ln `l`.
    #[must_use]
    pub fn entropy_l(mut self, l: f64) -> Self {
        self.entropy_l = Some(l);
        self
    }

    /// Asks for recursive (c, l)-diversity.
    #[must_use]
    pub fn recursive_l(mut self, c: f64, l: usize) -> Self {
        self.recursive_l = Some(RecursiveL { c, l });
        self
    }

    /// Asks for β-likeness, basic or enhanced.
    #[must_use]
    pub fn likeness(mut self, beta: f64, gain: Gain) -> Self {
        self.likeness = Some(Likeness { beta, gain });
        self
    }

    /// Asks for at most `t` of earth mover's distance from the whole table, all values being equally far apart.
    #[must_use]
    pub fn equal_t(mut self, t: f64) -> Self {
        self.closeness = Some(Closeness { t, distance: Distance::Equal });
        self
    }

    /// Asks for at most `t` of earth mover's distance from the whole table over `values`, lowest to highest.
    #[must_use]
    pub fn ordered_t<S: Into<String>>(mut self, t: f64, values: impl IntoIterator<Item = S>) -> Self {
        let distance = Distance::Ordered { values: values.into_iter().map(Into::into).collect() };
        self.closeness = Some(Closeness { t, distance });
        self
    }

    /// Asks for at most `t` of earth mover's distance from the whole table, values being as far apart as the height of what
    /// they have in common in `hierarchy`.
    #[must_use]
    pub fn hierarchical_t(mut self, t: f64, hierarchy: Hierarchy) -> Self {
        self.closeness = Some(Closeness { t, distance: Distance::Hierarchical { hierarchy } });
        self
    }
}

/// Recursive (c, l)-diversity (Machanavajjhala and others, 2007): with the counts of a class's values from greatest to least,
/// the first is less than `c` times the sum of those from the `l`-th on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RecursiveL {
    /// How many times the rare values may be outweighed.
    pub c: f64,
    /// From which place on values are rare.
    pub l: usize,
}

/// β-likeness (Cao and Karras, 2012): for every value more frequent in a class (q) than in the table (p), the gain
/// (q − p) ÷ p is at most a limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// The greatest gain.
    pub beta: f64,
    /// Which limit a value has.
    pub gain: Gain,
}

/// The limit of a gain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gain {
    /// β for every value.
    #[default]
    Basic,
    /// β, and −ln p where that is less: frequent values may gain less.
    Enhanced,
}

/// How far a class may be from the whole table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closeness {
    /// The greatest distance allowed, from 0 to 1.
    pub t: f64,
    /// What it costs to move from one value to another.
    pub distance: Distance,
}

/// The ground distance of the earth mover's distance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Distance {
    /// Any two values are one apart: half the sum of |p − q|.
    Equal,
    /// Neighbours in the list are 1/(m − 1) apart; values that no row has count towards m.
    Ordered {
        /// All values, lowest to highest.
        values: Vec<String>,
    },
    /// Two values are apart by the height of their lowest common ancestor over the height of the tree; values that no row has
    /// count towards it.
    Hierarchical {
        /// The tree of the values.
        hierarchy: Hierarchy,
    },
}

/// A column by which a person could be found, and the labels it may be released under.
#[derive(Debug, Clone)]
pub struct QuasiIdentifier {
    /// The column.
    pub column: String,
    /// Its hierarchy.
    pub hierarchy: Hierarchy,
    /// How much its loss counts beside the others' when the engine chooses; 1 unless said. What is reported as loss weighs all alike.
    pub weight: f64,
}

impl QuasiIdentifier {
    /// A column and its hierarchy.
    pub fn new(column: impl Into<String>, hierarchy: Hierarchy) -> Self {
        Self { column: column.into(), hierarchy, weight: 1.0 }
    }

    /// Counts its loss so many times.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

/// How labels may differ from row to row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Each class has its own labels: least loss.
    #[default]
    Local,
    /// Full-domain: all rows have the labels of one level in a column, and of all combinations of levels the one of least
    /// loss is found. Nothing hangs on choices that could be undone from the output.
    Global,
}

/// How long the engine looks for less loss. The work is counted in steps, not in seconds: the result is the same on any
/// machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// One construction, no search.
    Fast,
    /// A short search.
    #[default]
    Default,
    /// A long search, for the file that will be published.
    More,
}

/// In which order the rows come out. Classes never come out side by side: grouping would tell how they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// As they came in.
    #[default]
    Kept,
    /// Shuffled by the seed.
    Shuffled,
}

/// What becomes of a suppressed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressedRows {
    /// It stays, with `*` in every quasi-identifier.
    #[default]
    Kept,
    /// It is left out, and counted.
    Dropped,
}

/// The secret that decides ties and the course of the search. Who knows it can run the engine again and compare, so it
/// prints as redacted and does not serialise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from bytes that nobody can guess.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seed(redacted)")
    }
}

/// Everything the engine is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The columns to generalise.
    pub quasi_identifiers: Vec<QuasiIdentifier>,
    /// What each class must satisfy.
    pub rules: Rules,
    /// The greatest fraction of rows that may be suppressed; 0 for none. Fewer are, unless the loss falls.
    pub suppression: f64,
    /// How labels may differ.
    pub mode: Mode,
    /// How long to search; global recoding always finds the best.
    pub effort: Effort,
    /// The order of the rows that come out.
    pub row_order: RowOrder,
    /// What becomes of a suppressed row.
    pub suppressed_rows: SuppressedRows,
    /// The secret that decides ties.
    pub seed: Seed,
}

impl Request {
    /// No suppression, default effort, rows in the order they came.
    pub fn new(quasi_identifiers: Vec<QuasiIdentifier>, rules: Rules, seed: Seed) -> Self {
        Self {
            quasi_identifiers,
            rules,
            suppression: 0.0,
            mode: Mode::default(),
            effort: Effort::default(),
            row_order: RowOrder::default(),
            suppressed_rows: SuppressedRows::default(),
            seed,
        }
    }

    /// Recodes locally or globally.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Searches longer or shorter.
    #[must_use]
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Allows a fraction of the rows to be suppressed.
    #[must_use]
    pub fn suppression(mut self, fraction: f64) -> Self {
        self.suppression = fraction;
        self
    }

    /// Leaves suppressed rows out, or keeps them as `*`.
    #[must_use]
    pub fn suppressed_rows(mut self, suppressed_rows: SuppressedRows) -> Self {
        self.suppressed_rows = suppressed_rows;
        self
    }

    /// Keeps the order of the rows, or shuffles them.
    #[must_use]
    pub fn row_order(mut self, row_order: RowOrder) -> Self {
        self.row_order = row_order;
        self
    }
}
