//! What is known of a whole table beside its rows, and needed to make parts of it: the hierarchies of its quasi-identifiers, what is
//! asked of each sensitive column, and for each class how many people are left without those of any one Ente.
//!
//! Stored format "base notes 1": read for ever. It lies outside the table's folder, since nothing of it leaves the house.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anonymity::{Hierarchy, Sensitive};
use serde::{Deserialize, Serialize};

use super::{Origin, ReleaseError};
use crate::pseudonymize::write_private;

/// The notes on one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Notes {
    pub(super) origin: Origin,
    /// People in each class, without those of any one Ente.
    pub(super) k: usize,
    /// Humans left out of the table.
    pub(super) suppressed: usize,
    pub(super) quasi_identifiers: Vec<Identified>,
    pub(super) sensitive: Vec<Sensitive>,
    pub(super) classes: Vec<Class>,
}

/// A quasi-identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identified {
    pub(super) column: String,
    pub(super) hierarchy: Hierarchy,
}

/// The rows with the same quasi-identifiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Class {
    /// In the order of the quasi-identifiers.
    pub(super) labels: Vec<String>,
    pub(super) rows: usize,
    /// The fewest people left after taking away those whom any one Ente knows.
    pub(super) others: usize,
}

/// The newest form, as it is written.
#[derive(Serialize)]
struct Stored<'a> {
    format: &'static str,
    #[serde(flatten)]
    notes: &'a Notes,
}

/// Which form a file has; a tagged enum would read the numbers among its keys as texts.
#[derive(Deserialize)]
struct Form {
    format: String,
}

const FORM_1: &str = "base notes 1";

fn path(releases: &Path, id: &str) -> PathBuf {
    releases.join("notes").join(format!("{id}.json"))
}

pub(super) fn keep(releases: &Path, id: &str, notes: &Notes) -> Result<(), ReleaseError> {
    let path = path(releases, id);
    let bytes = serde_json::to_vec(&Stored { format: FORM_1, notes }).map_err(io::Error::from);
    bytes.and_then(|bytes| write_private(&path, &bytes)).map_err(|source| ReleaseError::File { path, source })
}

/// The notes on a table; a table of before there were any has none.
pub(super) fn read(releases: &Path, id: &str) -> Result<Notes, ReleaseError> {
    let path = path(releases, id);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ReleaseError::NoNotes(id.to_owned())),
        Err(source) => return Err(ReleaseError::File { path, source }),
    };
    let read = match serde_json::from_slice(&bytes) {
        Ok(Form { format }) if format == FORM_1 => serde_json::from_slice(&bytes).map_err(io::Error::from),
        Ok(Form { format }) => Err(io::Error::other(format!("{format} is no form of notes that this program knows"))),
        Err(error) => Err(error.into()),
    };
    read.map_err(|source| ReleaseError::File { path, source })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::NaiveDate;

    use super::super::SelfTest;
    use super::*;

    /// Written once by version 1 and never changed.
    const NOTES_1: &str = r#"{"format":"base notes 1","origin":{"instrument":"asso","definitions_sha256":{"1":"00ff"},"cutoff":"2026-06-30","entered_after":null,"entered_by":"2026-06-30","count_enti":3,"count_humans":20,"count_without_code":null,"count_in_several_enti":12,"count_entered_outside":null,"t_profile_max":0.25,"t_others_max":0.25,"l":2,"self_test":{"all_cells":80,"cells":40,"narrowed":2,"ruled_out":0.025,"guessed":20,"guessed_without":19}},"k":5,"suppressed":2,"quasi_identifiers":[{"column":"sesso","hierarchy":"f;*\nm;*\n"}],"sensitive":[{"column":"profilo","distinct_l":2,"closeness":{"t":0.25,"distance":{"kind":"ordered","values":["a","b"]}}}],"classes":[{"labels":["f"],"rows":18,"others":9}]}"#;

    #[test]
    fn notes_of_every_version_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 6, 30).unwrap();
        let notes = Notes {
            origin: Origin {
                instrument: "asso".into(),
                definitions_sha256: BTreeMap::from([(1, "00ff".to_owned())]),
                cutoff: day,
                entered_after: None,
                entered_by: day,
                count_enti: 3,
                count_humans: 20,
                count_without_code: None,
                count_in_several_enti: Some(12),
                count_entered_outside: None,
                t_profile_max: Some(0.25),
                t_others_max: 0.25,
                l: 2,
                self_test: SelfTest {
                    all_cells: 80,
                    cells: 40,
                    narrowed: 2,
                    ruled_out: 0.025,
                    guessed: 20,
                    guessed_without: 19,
                },
            },
            k: 5,
            suppressed: 2,
            quasi_identifiers: vec![Identified {
                column: "sesso".into(),
                hierarchy: Hierarchy::flat(["f", "m"]).unwrap(),
            }],
            sensitive: vec![Sensitive::new("profilo").ordered_t(0.25, ["a", "b"]).distinct_l(2)],
            classes: vec![Class { labels: vec!["f".into()], rows: 18, others: 9 }],
        };
        keep(folder.path(), "asso-2026-06-30", &notes).unwrap();
        assert_eq!(fs::read_to_string(path(folder.path(), "asso-2026-06-30")).unwrap(), NOTES_1);
        assert_eq!(read(folder.path(), "asso-2026-06-30").unwrap(), notes);
        assert!(matches!(read(folder.path(), "isa-2026-06-30"), Err(ReleaseError::NoNotes(_))));
    }
}
