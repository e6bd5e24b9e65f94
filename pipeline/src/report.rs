//! What a run did, Ente by Ente: states, counts of every stage, nothing about anyone.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use domain::run::{Halt, RunRecord, StageCounts};
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
    Halted(Halt),
    /// The agreement has ended: keys destroyed, links removed.
    Closed,
}

/// What the manifest keeps of the counts.
pub(crate) fn to_lake(counts: &StageCounts) -> LakeCounts {
    LakeCounts {
        events: counts.events,
        versions: counts.versions,
        set_aside: counts.set_aside.clone(),
        read: counts.current,
        accepted: counts.accepted,
        rejected: counts.rejected.clone(),
        people: counts.people,
        links: counts.links,
    }
}

/// The counts of an earlier run that came to this manifest.
pub(crate) fn of_manifest(manifest: &Manifest) -> StageCounts {
    let mut rows: BTreeMap<String, i64> = BTreeMap::new();
    for file in manifest.files.iter().filter(|file| file.year.is_some()) {
        *rows.entry(file.table.clone()).or_default() += file.rows;
    }
    let LakeCounts { events, versions, set_aside, read, accepted, rejected, people, links } = manifest.counts.clone();
    let files_kept = count(manifest.files.len());
    StageCounts {
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

fn add(total: &mut StageCounts, other: &StageCounts) {
    fn add_all(to: &mut BTreeMap<String, i64>, from: &BTreeMap<String, i64>) {
        for (name, count) in from {
            *to.entry(name.clone()).or_default() += count;
        }
    }
    total.events += other.events;
    total.versions += other.versions;
    add_all(&mut total.set_aside, &other.set_aside);
    total.current += other.current;
    total.accepted += other.accepted;
    add_all(&mut total.rejected, &other.rejected);
    total.people += other.people;
    total.links += other.links;
    add_all(&mut total.rows, &other.rows);
    total.files_written += other.files_written;
    total.files_kept += other.files_kept;
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
    pub counts: StageCounts,
}

impl EnteReport {
    pub(crate) fn new(ente: EnteId) -> Self {
        Self {
            ente,
            state: State::InOrder,
            last_seq: 0,
            lake_version: 0,
            is_changed: false,
            counts: StageCounts::default(),
        }
    }

    /// What is kept of it; `before` is what was kept of the run before.
    pub(crate) fn record(&self, before: Option<&RunRecord>, now: DateTime<Utc>) -> RunRecord {
        let halt = match &self.state {
            State::Halted(halt) => Some(halt.clone()),
            State::InOrder | State::Closed => None,
        };
        let in_order_at = if halt.is_none() { Some(now) } else { before.and_then(|before| before.in_order_at) };
        RunRecord {
            ente: self.ente,
            ran_at: now,
            halt,
            in_order_at,
            last_seq: self.last_seq,
            lake_version: self.lake_version,
            counts: self.counts.clone(),
        }
    }

    /// Takes over what an earlier run came to.
    pub(crate) fn still(&mut self, manifest: &Manifest) {
        self.lake_version = manifest.version;
        self.counts = of_manifest(manifest);
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Every Ente that has segments, in order.
    pub enti: Vec<EnteReport>,
    /// All of them together.
    pub total: StageCounts,
}

impl RunReport {
    pub(crate) fn add(&mut self, ente: EnteReport) {
        add(&mut self.total, &ente.counts);
        self.enti.push(ente);
    }

    /// Whether no Ente halted.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        !self.enti.iter().any(|ente| matches!(ente.state, State::Halted(_)))
    }
}
