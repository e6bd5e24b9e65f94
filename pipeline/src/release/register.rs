//! The register of releases: what was released, when, and with which file. Only ever longer.
//!
//! Stored format "register 1": read for ever, the newest written. The seeds lie beside, each sealed by the release ring.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use domain::keys::{RingKey, Secret};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use super::ReleaseError;
use crate::pseudonymize::write_private;

/// A release that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Strumento and cut-off; the name of its folder.
    pub id: String,
    /// The strumento.
    pub instrument: String,
    /// The last day of an assessment.
    pub cutoff: NaiveDate,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Of the Parquet file.
    pub sha256: String,
    /// Its rows.
    pub rows: usize,
    /// People in each class, without those of any one Ente.
    pub k: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "format")]
enum VersionedRegister {
    #[serde(rename = "register 1")]
    V1 { releases: Vec<Entry> },
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
        Ok(VersionedRegister::V1 { releases }) => Ok(releases),
        Err(_) => Err(ReleaseError::Register(path)),
    }
}

/// One table for each strumento: two cut-offs hold many of the same people, generalised twice, and could be intersected.
pub(super) fn refuse_twice(folder: &Path, id: &str) -> Result<(), ReleaseError> {
    let strumento = |id: &str| id.split('-').next().unwrap_or_default().to_owned();
    match list(folder)?.into_iter().find(|entry| strumento(&entry.id) == strumento(id)) {
        Some(entry) => Err(ReleaseError::Twice(entry.id)),
        None => Ok(()),
    }
}

pub(super) fn append(folder: &Path, entry: Entry) -> Result<(), ReleaseError> {
    refuse_twice(folder, &entry.id)?;
    let mut releases = list(folder)?;
    releases.push(entry);
    let path = path(folder);
    let mut bytes = serde_json::to_vec_pretty(&VersionedRegister::V1 { releases })
        .map_err(|_| ReleaseError::Register(path.clone()))?;
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

    #[test]
    fn register_1_is_read_and_grows_and_names_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        assert!(list(folder.path()).unwrap().is_empty());
        let entry: Entry = Entry {
            id: "asso-2026-06-30".into(),
            instrument: "asso".into(),
            cutoff: NaiveDate::from_ymd_opt(2026, 6, 30).unwrap(),
            created_at: "2026-07-01T08:00:00Z".parse().unwrap(),
            sha256: "00ff".into(),
            rows: 42,
            k: 5,
        };
        append(folder.path(), entry.clone()).unwrap();
        assert_eq!(fs::read_to_string(path(folder.path())).unwrap(), REGISTER_1);
        assert!(matches!(append(folder.path(), entry.clone()), Err(ReleaseError::Twice(_))));
        let later = Entry { id: "asso-2026-12-31".into(), ..entry.clone() };
        assert!(matches!(append(folder.path(), later), Err(ReleaseError::Twice(id)) if id == entry.id));
        append(folder.path(), Entry { id: "isa-2026-06-30".into(), ..entry }).unwrap();
        assert_eq!(list(folder.path()).unwrap().len(), 2);
        fs::write(path(folder.path()), "[]").unwrap();
        assert!(matches!(list(folder.path()), Err(ReleaseError::Register(_))));
    }
}
