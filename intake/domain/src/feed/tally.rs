//! A tally: what the portal itself counts of an Ente, told beside the segments so that whoever reads them can compare.
//!
//! It is counted from the portal's own tables and never from the feed: events that were lost or told wrongly make the two differ.
//! Sealed for the pipeline like a segment, since how much an Ente works is nobody else's business. Stored format "tally 1".

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{AssessmentId, EnteId, Event, PersonToken, What};
use crate::keys::{KeyError, OpeningKey, SealingKey};

/// The name of its file, in the Ente's folder of segments.
pub const TALLY_FILE: &str = "portal.tally";

/// Versions of assessments of one Ente, by what they are in the portal. Those of persone erased are in none of the counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Whose.
    pub ente: EnteId,
    /// The number of the last event when it was counted.
    pub last_seq: i64,
    /// Those that count, sorted by strumento and year.
    pub counting: Vec<TallyLine>,
    /// Corrected ones.
    pub superseded: i64,
    /// Annulled ones.
    pub annulled: i64,
    /// Those of persone whose data must not be used for now, neither corrected nor annulled.
    pub restricted: i64,
}

/// How many assessments count, of a strumento and a year.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TallyLine {
    /// The strumento.
    pub instrument: String,
    /// The year of the day of assessment.
    pub year: i32,
    /// How many.
    pub assessments: i64,
}

/// Why a tally cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TallyError {
    /// The first line is not one of a tally that this program can read.
    #[error("not a tally of a format that this program knows")]
    Format,
    /// Sealed for another key, or changed.
    #[error("the tally cannot be opened")]
    Sealed(#[from] KeyError),
    /// What was sealed is not what a tally holds.
    #[error("the tally opens but its content is broken")]
    Content(#[source] serde_json::Error),
}

/// The first line: context of the sealing, so that a tally is of no use as another Ente's or of another moment.
fn head(ente: EnteId, last_seq: i64, key_id: &str) -> String {
    format!("noncello-tally 1 {ente} {last_seq} {key_id}")
}

impl Tally {
    /// How many assessments count.
    #[must_use]
    pub fn count_counting(&self) -> i64 {
        self.counting.iter().map(|line| line.assessments).sum()
    }

    /// What these events of an Ente come to, of a feed that no portal tells: generated ones, in benchmarks and tests.
    #[must_use]
    pub fn of_events<'a>(ente: EnteId, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut feed = Counted::default();
        let mut last_seq = 0;
        for event in events {
            last_seq = event.seq;
            feed.apply(&event.what);
        }
        let mut tally = Self { ente, last_seq, counting: Vec::new(), superseded: 0, annulled: 0, restricted: 0 };
        let mut counting: BTreeMap<(String, i32), i64> = BTreeMap::new();
        // Who was restricted before being merged stays so.
        let restricted: BTreeSet<PersonToken> = feed.restricted.iter().map(|token| feed.goes_on_as(*token)).collect();
        for version in feed.versions.values() {
            match version.standing {
                Standing::Superseded => tally.superseded += 1,
                Standing::Annulled => tally.annulled += 1,
                Standing::Counts if restricted.contains(&feed.goes_on_as(version.person)) => tally.restricted += 1,
                Standing::Counts => {
                    *counting.entry((version.instrument.clone(), version.year)).or_default() += 1;
                }
            }
        }
        let line = |((instrument, year), assessments)| TallyLine { instrument, year, assessments };
        tally.counting = counting.into_iter().map(line).collect();
        tally
    }

    /// Seals it for the pipeline.
    #[must_use]
    pub fn seal(&self, key: &SealingKey, chance: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
        let content = serde_json::to_vec(self).expect("plain data in memory can be written to memory");
        let head = head(self.ente, self.last_seq, &key.id());
        [head.as_bytes(), b"\n", &key.seal(&content, &head, chance)].concat()
    }

    /// Opens one.
    ///
    /// # Errors
    /// Another format, another key, any change of any byte.
    pub fn open(bytes: &[u8], key: &OpeningKey) -> Result<Self, TallyError> {
        let end = bytes.iter().take(200).position(|byte| *byte == b'\n').ok_or(TallyError::Format)?;
        let line = std::str::from_utf8(&bytes[..end]).map_err(|_| TallyError::Format)?;
        if !line.starts_with("noncello-tally 1 ") {
            return Err(TallyError::Format);
        }
        let content = key.open(&bytes[end + 1..], line)?;
        let tally: Self = serde_json::from_slice(&content).map_err(TallyError::Content)?;
        if head(tally.ente, tally.last_seq, &key.sealing().id()) == line { Ok(tally) } else { Err(TallyError::Format) }
    }
}

enum Standing {
    Counts,
    Superseded,
    Annulled,
}

struct Version {
    person: PersonToken,
    instrument: String,
    year: i32,
    standing: Standing,
}

#[derive(Default)]
struct Counted {
    versions: BTreeMap<AssessmentId, Version>,
    merged_into: BTreeMap<PersonToken, PersonToken>,
    restricted: BTreeSet<PersonToken>,
}

impl Counted {
    fn apply(&mut self, what: &What) {
        match what {
            What::Validated(assessment) | What::Amended(assessment) => {
                if let Some(old) = assessment.supersedes.and_then(|old| self.versions.get_mut(&old)) {
                    old.standing = Standing::Superseded;
                }
                let version = Version {
                    person: assessment.person,
                    instrument: assessment.instrument.to_string(),
                    year: assessment.assessed_on.year(),
                    standing: Standing::Counts,
                };
                self.versions.insert(assessment.id, version);
            }
            What::Annulled { assessment, .. } => {
                if let Some(version) = self.versions.get_mut(assessment) {
                    version.standing = Standing::Annulled;
                }
            }
            What::Restricted { person } => {
                self.restricted.insert(*person);
            }
            What::Unrestricted { person } => {
                self.restricted.remove(person);
            }
            What::Erased { person } => {
                self.versions.retain(|_, version| version.person != *person);
                self.merged_into.remove(person);
                self.restricted.remove(person);
            }
            What::PersonasMerged { from, into } => {
                self.merged_into.remove(into);
                self.merged_into.insert(*from, *into);
            }
            What::Unmerged { from } => {
                self.merged_into.remove(from);
            }
            What::PersonaChanged { .. }
            | What::UnitaMoved { .. }
            | What::AzioneRecorded { .. }
            | What::EnteClosed
            | What::Blank => {}
        }
    }

    fn goes_on_as(&self, person: PersonToken) -> PersonToken {
        std::iter::successors(Some(person), |at| self.merged_into.get(at).copied()).last().unwrap_or(person)
    }
}
