//! What a run did, Ente by Ente: states, counts of every stage, nothing about anyone.

use std::collections::BTreeMap;

use domain::feed::EnteId;
use serde::Serialize;
use warehouse::{Counts as LakeCounts, Manifest};

/// How many there are of something that is in memory.
pub(crate) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How an Ente came out of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// What the lake shows is what the segments say.
    #[default]
    InOrder,
    /// Something is wrong with this Ente alone; what was published before stays visible.
    Halted {
        /// What, where, and what to do.
        reason: String,
    },
    /// The agreement has ended: keys destroyed, links removed.
    Closed,
}

/// The counts of one Ente. `versions` = the sum of `set_aside` + `current`; `current` = `accepted` + the sum of `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
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

impl Counts {
    /// Whether nothing went in that did not come out somewhere.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.versions == self.set_aside.values().sum::<i64>() + self.current
            && self.current == self.accepted + self.rejected.values().sum::<i64>()
    }

    /// What the manifest keeps.
    pub(crate) fn to_lake(&self) -> LakeCounts {
        LakeCounts {
            events: self.events,
            versions: self.versions,
            set_aside: self.set_aside.clone(),
            read: self.current,
            accepted: self.accepted,
            rejected: self.rejected.clone(),
            people: self.people,
            links: self.links,
        }
    }

    /// The counts of an earlier run that came to this manifest.
    fn of(manifest: &Manifest) -> Self {
        let mut rows: BTreeMap<String, i64> = BTreeMap::new();
        for file in manifest.files.iter().filter(|file| file.year.is_some()) {
            *rows.entry(file.table.clone()).or_default() += file.rows;
        }
        let LakeCounts { events, versions, set_aside, read, accepted, rejected, people, links } =
            manifest.counts.clone();
        let files_kept = count(manifest.files.len());
        Self {
            events,
            versions,
            set_aside,
            current: read,
            accepted,
            rejected,
            people,
            links,
            rows,
            files_written: 0,
            files_kept,
        }
    }

    fn add(&mut self, other: &Self) {
        fn add_all(to: &mut BTreeMap<String, i64>, from: &BTreeMap<String, i64>) {
            for (name, count) in from {
                *to.entry(name.clone()).or_default() += count;
            }
        }
        self.events += other.events;
        self.versions += other.versions;
        add_all(&mut self.set_aside, &other.set_aside);
        self.current += other.current;
        self.accepted += other.accepted;
        add_all(&mut self.rejected, &other.rejected);
        self.people += other.people;
        self.links += other.links;
        add_all(&mut self.rows, &other.rows);
        self.files_written += other.files_written;
        self.files_kept += other.files_kept;
    }
}

/// What a run did for one Ente. Of one that halted, the counts reach as far as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnteReport {
    /// Which.
    pub ente: EnteId,
    /// How it came out.
    #[serde(flatten)]
    pub state: State,
    /// The number of the last event read.
    pub last_seq: i64,
    /// The version of the partition that is visible; 0 when the run published none.
    pub lake_version: i64,
    /// Whether the run made another version visible.
    pub is_changed: bool,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
}

impl EnteReport {
    pub(crate) fn new(ente: EnteId) -> Self {
        Self { ente, state: State::InOrder, last_seq: 0, lake_version: 0, is_changed: false, counts: Counts::default() }
    }

    /// Takes over what an earlier run came to.
    pub(crate) fn still(&mut self, manifest: &Manifest) {
        self.lake_version = manifest.version;
        self.counts = Counts::of(manifest);
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Every Ente that has segments, in order.
    pub enti: Vec<EnteReport>,
    /// All of them together.
    pub total: Counts,
}

impl RunReport {
    pub(crate) fn add(&mut self, ente: EnteReport) {
        self.total.add(&ente.counts);
        self.enti.push(ente);
    }

    /// Whether no Ente halted.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        !self.enti.iter().any(|ente| matches!(ente.state, State::Halted { .. }))
    }
}
