//! An extraction as it is kept: who asked for what and why, and what became of it. Sealed on disk, gone after seven days.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::snapshot::Position;

/// How long a file is kept.
const KEPT: TimeDelta = TimeDelta::days(7);

/// As what it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Csv,
    Xlsx,
    Parquet,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Csv, Self::Xlsx, Self::Parquet];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Parquet => "parquet",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.code() == code)
    }

    /// How the file's name ends, and what it is to a browser.
    pub(crate) const fn file_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv | Self::Parquet => ("zip", "application/zip"),
            Self::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) instrument: String,
    pub(crate) from: i32,
    pub(crate) until: i32,
    /// Names of the form: `answers` stands for those of the strumento.
    pub(crate) tables: Vec<String>,
    pub(crate) format: Format,
    pub(crate) reason: String,
}

impl Wanted {
    /// For the audit: what was chosen, without the reason.
    pub(crate) fn summary(&self) -> String {
        let Self { instrument, from, until, tables, format, .. } = self;
        format!("{instrument} {from}-{until} {} {}", format.code(), tables.join("+"))
    }
}

/// Why it could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Problem {
    TooLarge,
    Unpublished,
    Lake,
    File,
    Audit,
}

impl Problem {
    pub(crate) const ALL: [Self; 5] = [Self::TooLarge, Self::Unpublished, Self::Lake, Self::File, Self::Audit];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Unpublished => "unpublished",
            Self::Lake => "lake",
            Self::File => "file",
            Self::Audit => "audit",
        }
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum State {
    /// Under way, or it was when the program ended: whether somebody works on it is not written here.
    Running {
        /// Rows looked at.
        read: u64,
        /// Rows to look at.
        of: u64,
    },
    /// It was under way when the program ended.
    Interrupted,
    /// To be taken.
    Ready {
        at: DateTime<Utc>,
        /// By table.
        rows: BTreeMap<String, u64>,
        /// Of the file in clear.
        bytes: u64,
        /// Of which state of the lake.
        version: i64,
        last_seq: i64,
        published_at: DateTime<Utc>,
    },
    /// Not made.
    Failed { problem: Problem },
}

/// An extraction, in the version in which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format")]
pub(crate) enum VersionedRecord {
    #[serde(rename = "extraction 1")]
    V1(Record),
}

/// An extraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: Uuid,
    pub(crate) asked_at: DateTime<Utc>,
    pub(crate) asked_by: String,
    pub(crate) wanted: Wanted,
    pub(crate) state: State,
}

impl Record {
    /// Until when it is kept.
    pub(crate) fn until(&self) -> DateTime<Utc> {
        let from = match &self.state {
            State::Ready { at, .. } => *at,
            State::Running { .. } | State::Interrupted | State::Failed { .. } => self.asked_at,
        };
        from.checked_add_signed(KEPT).unwrap_or(from)
    }

    pub(crate) fn is_past(&self, now: DateTime<Utc>) -> bool {
        self.until() <= now
    }

    /// Marks it as ready.
    pub(crate) fn ready(&mut self, at: DateTime<Utc>, made: &Made) {
        let Position { version, last_seq, published_at } = made.position;
        self.state = State::Ready { at, rows: made.rows.clone(), bytes: made.bytes, version, last_seq, published_at };
    }
}

/// What a job has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) rows: BTreeMap<String, u64>,
    pub(crate) bytes: u64,
    pub(crate) position: Position,
}

/// Counts, for the audit.
pub(crate) fn counts(rows: &BTreeMap<String, u64>, bytes: u64) -> String {
    let tables: Vec<String> = rows.iter().map(|(table, rows)| format!("{table}={rows}")).collect();
    format!("rows {} bytes={bytes}", tables.join(" "))
}
