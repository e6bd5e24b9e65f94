//! What a run of the pipeline came to for one Ente: counts of every stage, nothing about anyone, kept beside the lake.
//!
//! Stored format "run 1". The last one of each Ente is kept, and carries the moment at which the Ente was last in order: so whoever
//! reads it, at any time, knows whether data are late.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::feed::EnteId;

/// Runs are made each night: after a day without a good one, and two hours for the run itself, data are late.
pub const LATE_AFTER: TimeDelta = TimeDelta::hours(26);

/// The counts of one Ente. `versions` = the sum of `set_aside` + `current`; `current` = `accepted` + the sum of `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageCounts {
    /// Events read.
    pub events: i64,
    /// Versions of assessments in them.
    pub versions: i64,
    /// Those that do not count: `superseded`, `annulled`, `restricted`, `erased`.
    pub set_aside: BTreeMap<String, i64>,
    /// Those that do.
    pub current: i64,
    /// Those in the tables.
    pub accepted: i64,
    /// The others, by the code of the reason.
    pub rejected: BTreeMap<String, i64>,
    /// People in the tables.
    pub people: i64,
    /// Those of them who have a link.
    pub links: i64,
    /// Rows of each table.
    pub rows: BTreeMap<String, i64>,
    /// Files written.
    pub files_written: i64,
    /// Files that stayed as they were.
    pub files_kept: i64,
}

impl StageCounts {
    /// Whether nothing went in that did not come out somewhere.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.versions == self.set_aside.values().sum::<i64>() + self.current
            && self.current == self.accepted + self.rejected.values().sum::<i64>()
    }
}

/// A record in the version in which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format")]
pub enum VersionedRunRecord {
    /// Version 1.
    #[serde(rename = "run 1")]
    V1(RunRecord),
}

impl VersionedRunRecord {
    /// The record, as the newest version has it.
    #[must_use]
    pub fn into_latest(self) -> RunRecord {
        match self {
            Self::V1(record) => record,
        }
    }
}

/// The last run, for one Ente.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Whose.
    pub ente: EnteId,
    /// When the run was.
    pub ran_at: DateTime<Utc>,
    /// What stopped it, if anything did.
    pub halt: Option<Halt>,
    /// The last run after which the lake was what the portal had told; this one, unless it halted.
    pub in_order_at: Option<DateTime<Utc>>,
    /// The number of the last event read.
    pub last_seq: i64,
    /// The version of the partition that the run came to; 0 when it published none.
    pub lake_version: i64,
    /// How far it came.
    pub counts: StageCounts,
}

/// What stopped a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// What kind of thing.
    pub cause: Cause,
    /// What, where, and what to do: for whoever runs the platform, in English.
    pub reason: String,
}

/// Kinds of what stops a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Segments are missing, damaged, or contradict each other.
    Feed,
    /// The portal counts something else than the segments give, or than the lake shows.
    Reconciliation,
    /// A key cannot be had.
    Key,
    /// Files cannot be written or read.
    Storage,
    /// A defect of the program.
    Program,
}

impl Cause {
    /// The code in records and pages.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Reconciliation => "reconciliation",
            Self::Key => "key",
            Self::Storage => "storage",
            Self::Program => "program",
        }
    }
}

/// How the data of an Ente stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No run has come by yet.
    Waiting,
    /// The lake is what the portal had told at the last run, and that was not long ago.
    InOrder,
    /// No run for too long.
    Late,
    /// The last run stopped at something.
    Halted,
}

impl Standing {
    /// How the data of an Ente stand, by the record of its last run.
    #[must_use]
    pub fn of(record: Option<&RunRecord>, now: DateTime<Utc>) -> Self {
        match record {
            None => Self::Waiting,
            Some(RunRecord { halt: Some(_), .. }) => Self::Halted,
            Some(RunRecord { in_order_at: Some(at), .. }) if now - *at <= LATE_AFTER => Self::InOrder,
            Some(_) => Self::Late,
        }
    }

    /// The code in reports and pages.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InOrder => "in_order",
            Self::Late => "late",
            Self::Halted => "halted",
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn instant(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap() + TimeDelta::hours(hours)
    }

    fn record(halt: Option<Halt>) -> RunRecord {
        let in_order_at = Some(instant(0));
        let counts = StageCounts {
            events: 9,
            versions: 7,
            set_aside: BTreeMap::from([("annulled".to_owned(), 1), ("superseded".to_owned(), 2)]),
            current: 4,
            accepted: 3,
            rejected: BTreeMap::from([("age_impossible".to_owned(), 1)]),
            people: 2,
            links: 1,
            rows: BTreeMap::from([("assessments".to_owned(), 3)]),
            files_written: 5,
            files_kept: 6,
        };
        let ente = EnteId(Uuid::from_u128(1));
        RunRecord { ente, ran_at: instant(0), halt, in_order_at, last_seq: 9, lake_version: 2, counts }
    }

    #[test]
    fn data_are_late_after_a_day_and_two_hours() {
        let (good, halt) =
            (record(None), Halt { cause: Cause::Feed, reason: "events 3 to 4 are in no segment".into() });
        let cases = [
            (None, 0, Standing::Waiting),
            (Some(&good), 0, Standing::InOrder),
            (Some(&good), 26, Standing::InOrder),
            (Some(&good), 27, Standing::Late),
            (Some(&record(Some(halt))), 0, Standing::Halted),
            (Some(&RunRecord { in_order_at: None, ..record(None) }), 0, Standing::Late),
        ];
        for (record, hours, expected) in cases {
            assert_eq!(Standing::of(record, instant(hours)), expected, "{record:?} after {hours} hours");
        }
    }

    #[test]
    fn run_1_is_read() {
        let text = include_str!("../tests/fixtures/run-1.json");
        let read: VersionedRunRecord = serde_json::from_str(text).unwrap();
        let halt = Halt { cause: Cause::Reconciliation, reason: "the portal counts 3, the segments give 2".into() };
        assert_eq!(read.clone().into_latest(), record(Some(halt)));
        assert_eq!(serde_json::to_string_pretty(&read).unwrap() + "\n", text);
        assert!(record(None).counts.is_balanced());
    }
}
