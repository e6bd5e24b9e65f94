//! What an Ente's partition consists of. Stored formats "lake 1" and "lake 2": read for ever, the newest written.

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
    /// Version 2: what it was made from, the counts of every stage, who was taken away.
    #[serde(rename = "lake 2")]
    V2(Manifest),
}

impl VersionedManifest {
    /// The manifest, as the newest version has it.
    #[must_use]
    pub fn into_latest(self) -> Manifest {
        match self {
            Self::V1(manifest) | Self::V2(manifest) => manifest,
        }
    }
}

/// An Ente's partition at one moment: whole, or not visible. What has a default is not in version 1.
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
    /// What the segments were that it was made from: a mark that changes when any of them is written anew.
    #[serde(default)]
    pub source_mark: Option<String>,
    /// The version of the stages that made it.
    #[serde(default)]
    pub stages: i64,
    /// The proof of each erasure.
    #[serde(default)]
    pub erasures: Vec<Erasure>,
    /// How many events have restricted somebody.
    #[serde(default)]
    pub restrictions: i64,
    /// The definitions known when it was made.
    pub definitions: Vec<Definition>,
    /// What became of the assessments read.
    pub counts: Counts,
    /// All files, by table and year.
    pub files: Vec<FileEntry>,
}

/// Somebody was erased: when it had reached every file. Who it was stands nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The number of the event in the feed.
    pub seq: i64,
    /// The first version of the partition without them; older ones are gone with it.
    pub version: i64,
    /// When that version was made visible.
    pub published_at: DateTime<Utc>,
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

/// `versions` = the sum of `set_aside` + `read`; `read` = `accepted` + the sum of `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Events of the feed.
    #[serde(default)]
    pub events: i64,
    /// Versions of assessments in them.
    #[serde(default)]
    pub versions: i64,
    /// Those that do not count, by the code of the reason.
    #[serde(default)]
    pub set_aside: BTreeMap<String, i64>,
    /// Current assessments that the feed gives.
    pub read: i64,
    /// Those in the tables.
    pub accepted: i64,
    /// The others, by the code of the reason.
    pub rejected: BTreeMap<String, i64>,
    /// People in the tables.
    #[serde(default)]
    pub people: i64,
    /// Those of them who have a link.
    #[serde(default)]
    pub links: i64,
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
    /// SHA-256 of `enti` as compact JSON; not in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    /// Each Ente's present manifest.
    pub(crate) enti: BTreeMap<EnteId, RootEntry>,
}

/// The format of the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RootFormat {
    /// Version 1.
    #[serde(rename = "lake root 1")]
    V1,
    /// Version 2: says what its own hash is.
    #[default]
    #[serde(rename = "lake root 2")]
    V2,
}

/// The present manifest of an Ente.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RootEntry {
    /// Its version.
    pub(crate) version: i64,
    /// SHA-256 of its bytes.
    pub(crate) sha256: String,
}
