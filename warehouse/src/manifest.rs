//! What an Ente's partition consists of. Stored format "lake 1": read for ever, the newest written.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::EnteId;
use serde::{Deserialize, Serialize};

/// A manifest in the version in which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format")]
pub enum VersionedManifest {
    /// Version 1.
    #[serde(rename = "lake 1")]
    V1(Manifest),
}

impl VersionedManifest {
    /// The manifest, as the newest version has it.
    #[must_use]
    pub fn into_latest(self) -> Manifest {
        match self {
            Self::V1(manifest) => manifest,
        }
    }
}

/// An Ente's partition at one moment: whole, or not visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Whose.
    pub ente: EnteId,
    /// Counts publications of this Ente.
    pub version: i64,
    /// When it was made visible.
    pub published_at: DateTime<Utc>,
    /// The number of the last event of the feed that is in it.
    pub last_seq: i64,
    /// The last day of an assessment in it.
    pub last_assessed_on: Option<NaiveDate>,
    /// Which pseudonym key was used.
    pub pseudonym_key_id: String,
    /// Which key the files are encrypted with.
    pub lake_key_id: String,
    /// SHA-256 of the SQL of all marts.
    pub marts_sha256: String,
    /// The definitions known when it was made.
    pub definitions: Vec<Definition>,
    /// What became of the assessments read.
    pub counts: Counts,
    /// All files, by table and year.
    pub files: Vec<FileEntry>,
}

/// A definition by its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Definition {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its file.
    pub sha256: String,
}

/// Rows in = rows accepted + rows rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Current assessments that the feed gives.
    pub read: i64,
    /// Those in the tables.
    pub accepted: i64,
    /// The others, by the code of the reason.
    pub rejected: BTreeMap<String, i64>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The table or mart.
    pub table: String,
    /// The year of the assessments in it; `None` for marts.
    pub year: Option<i32>,
    /// Its path, relative to the Ente's folder.
    pub path: String,
    /// How many rows.
    pub rows: i64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Keyed digest of its rows.
    pub digest: String,
}

/// All Enti: replaced by one rename, which publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Root {
    /// The format.
    pub(crate) format: RootFormat,
    /// Each Ente's present manifest.
    pub(crate) enti: BTreeMap<EnteId, RootEntry>,
}

/// The format of the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RootFormat {
    /// Version 1.
    #[default]
    #[serde(rename = "lake root 1")]
    V1,
}

/// The present manifest of an Ente.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RootEntry {
    /// Its version.
    pub(crate) version: i64,
    /// SHA-256 of its bytes.
    pub(crate) sha256: String,
}
