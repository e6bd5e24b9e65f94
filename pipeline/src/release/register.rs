//! The register of releases: what was released, when, and with which file. Only ever longer.
//!
//! Stored formats "register 1" and "register 2": each read for ever, the newest written. The seeds lie beside, each sealed by the release ring.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use domain::keys::{RingKey, Secret};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use super::ReleaseError;
use crate::pseudonymize::write_private;

/// A whole table that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Strumento and cut-off; the name of its folder.
    pub id: String,
    /// The strumento.
    pub instrument: String,
    /// The last day of an assessment.
    pub cutoff: NaiveDate,
    /// Everybody in it was first assessed after this day.
    pub entered_after: Option<NaiveDate>,
    /// The last day of a first assessment.
    pub entered_by: NaiveDate,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Of the Parquet file.
    pub sha256: String,
    /// Its rows.
    pub rows: usize,
    /// People in each class, without those of any one Ente.
    pub k: usize,
}

/// As version 1 had it: everybody up to the cut-off.
#[derive(Deserialize)]
struct EntryV1 {
    id: String,
    instrument: String,
    cutoff: NaiveDate,
    created_at: DateTime<Utc>,
    sha256: String,
    rows: usize,
    k: usize,
}

impl From<EntryV1> for Entry {
    fn from(entry: EntryV1) -> Self {
        let EntryV1 { id, instrument, cutoff, created_at, sha256, rows, k } = entry;
        Self { id, instrument, cutoff, entered_after: None, entered_by: cutoff, created_at, sha256, rows, k }
    }
}

#[derive(Deserialize)]
#[serde(tag = "format")]
enum VersionedRegister {
    #[serde(rename = "register 1")]
    V1 { releases: Vec<EntryV1> },
    #[serde(rename = "register 2")]
    V2 { releases: Vec<Entry> },
}

/// The newest form.
#[derive(Serialize)]
struct Register<'a> {
    format: &'static str,
    releases: &'a [Entry],
}

/// The days of a first assessment that a table takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The last day of the table before.
    pub(super) after: Option<NaiveDate>,
    pub(super) by: NaiveDate,
}

impl Window {
    pub(super) fn has(&self, day: NaiveDate) -> bool {
        self.after.is_none_or(|after| day > after) && day <= self.by
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("register.json")
}

/// All releases, the first made first.
///
/// # Errors
/// When the register cannot be read, or is not one.
pub fn list(folder: &Path) -> Result<Vec<Entry>, ReleaseError> {
    let path = path(folder);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ReleaseError::File { path, source }),
    };
    match serde_json::from_slice(&bytes) {
        Ok(VersionedRegister::V1 { releases }) => Ok(releases.into_iter().map(Entry::from).collect()),
        Ok(VersionedRegister::V2 { releases }) => Ok(releases),
        Err(_) => Err(ReleaseError::Register(path)),
    }
}

/// The window of a new table of a strumento: from the end of the one before. Tables whose windows overlap would hold the same
/// people, generalised twice, and could be intersected.
pub(super) fn window(folder: &Path, instrument: &str, id: &str, entered_by: NaiveDate) -> Result<Window, ReleaseError> {
    let earlier = list(folder)?.into_iter().filter(|entry| entry.instrument == instrument);
    let last = earlier.max_by_key(|entry| (entry.entered_by, entry.id == id));
    match last {
        Some(entry) if entry.entered_by >= entered_by || entry.id == id => {
            Err(ReleaseError::Twice { earlier: entry.id, until: entry.entered_by })
        }
        last => Ok(Window { after: last.map(|entry| entry.entered_by), by: entered_by }),
    }
}

pub(super) fn append(folder: &Path, entry: Entry) -> Result<(), ReleaseError> {
    window(folder, &entry.instrument, &entry.id, entry.entered_by)?;
    let mut releases = list(folder)?;
    releases.push(entry);
    let path = path(folder);
    let register = Register { format: "register 2", releases: &releases };
    let mut bytes = serde_json::to_vec_pretty(&register).map_err(|_| ReleaseError::Register(path.clone()))?;
    bytes.push(b'\n');
    write_private(&path, &bytes).map_err(|source| ReleaseError::File { path, source })
}

/// Keeps the seed of a release: who knows it could undo choices of the engine.
pub(super) fn keep_seed(
    folder: &Path,
    id: &str,
    seed: &Secret,
    ring: &RingKey,
    chance: &mut impl CryptoRng,
) -> Result<(), ReleaseError> {
    let path = folder.join("seeds").join(format!("{id}.seed"));
    let sealed = ring.derive("release seeds").seal(seed.expose(), &format!("release seed|{id}"), chance);
    write_private(&path, format!("noncello-sealed 1 {}\n", hex::encode(sealed)).as_bytes())
        .map_err(|source| ReleaseError::File { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written once by version 1 and never changed.
    const REGISTER_1: &str = r#"{
  "format": "register 1",
  "releases": [
    {
      "id": "asso-2026-06-30",
      "instrument": "asso",
      "cutoff": "2026-06-30",
      "created_at": "2026-07-01T08:00:00Z",
      "sha256": "00ff",
      "rows": 42,
      "k": 5
    }
  ]
}
"#;

    /// Written once by version 2 and never changed.
    const REGISTER_2: &str = r#"{
  "format": "register 2",
  "releases": [
    {
      "id": "asso-2026-06-30",
      "instrument": "asso",
      "cutoff": "2026-06-30",
      "entered_after": null,
      "entered_by": "2026-06-30",
      "created_at": "2026-07-01T08:00:00Z",
      "sha256": "00ff",
      "rows": 42,
      "k": 5
    }
  ]
}
"#;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    fn entry() -> Entry {
        Entry {
            id: "asso-2026-06-30".into(),
            instrument: "asso".into(),
            cutoff: day(2026, 6, 30),
            entered_after: None,
            entered_by: day(2026, 6, 30),
            created_at: "2026-07-01T08:00:00Z".parse().unwrap(),
            sha256: "00ff".into(),
            rows: 42,
            k: 5,
        }
    }

    #[test]
    fn a_register_of_every_version_is_read_and_the_newest_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(list(folder.path()).unwrap().is_empty());
        fs::write(path(folder.path()), REGISTER_1).unwrap();
        assert_eq!(list(folder.path()).unwrap(), [entry()]);
        fs::remove_file(path(folder.path())).unwrap();
        append(folder.path(), entry()).unwrap();
        assert_eq!(fs::read_to_string(path(folder.path())).unwrap(), REGISTER_2);
        fs::write(path(folder.path()), "[]").unwrap();
        assert!(matches!(list(folder.path()), Err(ReleaseError::Register(_))));
    }

    #[test]
    fn windows_of_a_strumento_follow_each_other_and_never_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let first = entry();
        append(folder.path(), first.clone()).unwrap();
        assert!(matches!(append(folder.path(), first.clone()), Err(ReleaseError::Twice { .. })));
        // A later cut-off, yet the same people.
        let same = Entry { id: "asso-2026-12-31".into(), cutoff: day(2026, 12, 31), ..first.clone() };
        assert!(matches!(append(folder.path(), same), Err(ReleaseError::Twice { earlier, .. }) if earlier == first.id));
        let asked = |id: &str, by| window(folder.path(), "asso", id, by);
        let next = asked("asso-2026-12-31", day(2026, 12, 31)).unwrap();
        assert_eq!(next.after, Some(first.entered_by));
        assert!(!next.has(first.entered_by) && next.has(day(2026, 7, 1)));
        assert!(next.has(day(2026, 12, 31)) && !next.has(day(2027, 1, 1)));
        // Its name is taken, whatever its window.
        assert!(asked("asso-2026-06-30", day(2026, 12, 31)).is_err());
        append(folder.path(), Entry { id: "isa-2026-06-30".into(), instrument: "isa".into(), ..first }).unwrap();
        assert_eq!(list(folder.path()).unwrap().len(), 2);
    }
}
