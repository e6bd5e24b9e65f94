//! Questions that the page offers: messages/queries.toml, read once.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A question that is worth asking.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its name in addresses.
    pub id: String,
    /// The question as people ask it.
    pub title: String,
    /// The tables that it names.
    pub tables: Vec<String>,
    /// The question in SQL.
    pub sql: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    example: Vec<Example>,
}

static EXAMPLES: LazyLock<Vec<Example>> = LazyLock::new(|| {
    let file: File =
        toml::from_str(include_str!("../../messages/queries.toml")).expect("a test reads the file in the binary");
    file.example
});

/// All of them.
pub(crate) fn all() -> Vec<Example> {
    EXAMPLES.clone()
}

/// Those that a lake with these tables answers.
pub(crate) fn of(tables: &BTreeSet<&str>) -> Vec<Example> {
    let is_there = |example: &&Example| example.tables.iter().all(|table| tables.contains(table.as_str()));
    EXAMPLES.iter().filter(is_there).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_is_offered_with_its_tables() {
        let all = all();
        assert!(all.len() >= 5);
        assert_eq!(all.iter().map(|example| &example.id).collect::<BTreeSet<_>>().len(), all.len());
        for example in &all {
            assert!(!example.tables.is_empty(), "{}", example.id);
            assert!(example.tables.iter().all(|table| example.sql.contains(table)), "{}", example.id);
            assert!(example.title.ends_with('?'), "{}", example.id);
        }
        assert!(of(&BTreeSet::new()).is_empty());
        let offered = of(&BTreeSet::from(["mart_totals"]));
        assert!(!offered.is_empty() && offered.iter().all(|example| example.tables == ["mart_totals"]));
    }
}
