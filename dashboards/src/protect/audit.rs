//! What the tests ask of figures that were just protected: what readers could narrow down after all, by another path than the one
//! that chose what to hide.

use disclosure::{ProtectedCross, ProtectedTables};

/// Everything with its proofs; nothing of figures that were kept.
#[derive(Default)]
pub(super) struct Audit(Option<(ProtectedTables, Vec<ProtectedCross>)>);

impl Audit {
    pub(super) fn new(tables: ProtectedTables, crosses: Vec<ProtectedCross>) -> Self {
        Self(Some((tables, crosses)))
    }

    /// The small counts that readers could narrow down.
    pub(super) fn exposed(&self) -> Vec<String> {
        let Some((tables, crosses)) = &self.0 else {
            return vec!["nothing is known of its proofs".to_owned()];
        };
        let of =
            |exposed: Result<Vec<String>, disclosure::Error>| exposed.unwrap_or_else(|error| vec![error.to_string()]);
        let crosses = crosses.iter().flat_map(|cross| of(cross.exposed()));
        of(tables.exposed()).into_iter().chain(crosses).collect()
    }
}
