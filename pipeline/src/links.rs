//! The links of an Ente's persone: sealed for the release builder, kept beside the lake and never in it.
//!
//! Only of people with rows in the lake, under their pseudonym; whoever is erased or restricted is gone from the file.
//! Stored format "links 1": read for ever, the newest written. The file appears whole, private to its owner.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::feed::{EnteId, SealedLink};
use serde::{Deserialize, Serialize};

use crate::pseudonymize::{remove, write_private};

/// Why links cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LinksError {
    /// The disk.
    #[error("the links {} cannot be read or written", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not a file of links of a known format.
    #[error("{} is not a file of links: delete it, and the next run of the pipeline writes it again", .0.display())]
    Format(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "format")]
enum VersionedLinks {
    #[serde(rename = "links 1")]
    V1 { ente: EnteId, links: BTreeMap<String, SealedLink> },
}

/// The file of an Ente.
#[must_use]
pub fn path(folder: &Path, ente: EnteId) -> PathBuf {
    folder.join(format!("{ente}.json"))
}

/// The links of an Ente, by pseudonym.
///
/// # Errors
/// When the file cannot be read, or is not one of links. One that is not there is an error too: who builds a release must know.
pub fn read(path: &Path) -> Result<BTreeMap<String, SealedLink>, LinksError> {
    let bytes = fs::read(path).map_err(|source| LinksError::File { path: path.to_owned(), source })?;
    match serde_json::from_slice(&bytes) {
        Ok(VersionedLinks::V1 { ente: _, links }) => Ok(links),
        Err(_) => Err(LinksError::Format(path.to_owned())),
    }
}

/// Writes the links of an Ente where they have changed; says whether they had.
pub(crate) fn write(folder: &Path, ente: EnteId, links: &BTreeMap<String, SealedLink>) -> Result<bool, LinksError> {
    let path = path(folder, ente);
    let stored = VersionedLinks::V1 { ente, links: links.clone() };
    let mut bytes = serde_json::to_vec_pretty(&stored).map_err(|_| LinksError::Format(path.clone()))?;
    bytes.push(b'\n');
    if fs::read(&path).is_ok_and(|before| before == bytes) {
        return Ok(false);
    }
    write_private(&path, &bytes).map_err(|source| LinksError::File { path, source })?;
    Ok(true)
}

/// Removes the links of an Ente whose agreement has ended.
pub(crate) fn forget(folder: &Path, ente: EnteId) -> Result<(), LinksError> {
    let path = path(folder, ente);
    remove(&path).map_err(|source| LinksError::File { path, source })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// Written once by version 1 and never changed.
    const LINKS_1: &str = r#"{
  "format": "links 1",
  "ente": "00000000-0000-0000-0000-000000000001",
  "links": {
    "0a": "00ff"
  }
}
"#;

    #[test]
    fn links_1_is_read_and_still_written_only_when_something_changed() {
        let folder = tempfile::tempdir().unwrap();
        let ente = EnteId(Uuid::from_u128(1));
        let links = BTreeMap::from([("0a".to_owned(), SealedLink("00ff".into()))]);
        assert!(write(folder.path(), ente, &links).unwrap());
        assert!(!write(folder.path(), ente, &links).unwrap());
        let file = path(folder.path(), ente);
        assert_eq!(fs::read_to_string(&file).unwrap(), LINKS_1);
        assert_eq!(read(&file).unwrap(), links);
        forget(folder.path(), ente).unwrap();
        forget(folder.path(), ente).unwrap();
        assert!(matches!(read(&file), Err(LinksError::File { .. })));
        fs::write(&file, "{}").unwrap();
        assert!(matches!(read(&file), Err(LinksError::Format(_))));
    }
}
