//! The feed: what the portal tells the pipeline, one event for each thing that happens, without identities.
//!
//! Events of an Ente are numbered without gaps. Names, codes, birth dates, free texts and notes have no field here, so
//! they cannot leave the portal this way. `segment` is the sealed file in which events travel, `packed` their compact form. Stored formats: what is
//! written is always the newest version, what was written once is read for ever.

pub mod packed;
mod segment;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::instrument::Id;
use crate::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use crate::scoring::Scoring;

pub use segment::{PackedSegment, Segment, SegmentError};
pub use tally::{TALLY_FILE, Tally, TallyError, TallyLine};

/// Defines an opaque id.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )+ };
}

ids! {
    /// An Ente.
    EnteId;
    /// One version of an assessment: a correction has an id of its own.
    AssessmentId;
    /// An unità of an Ente.
    UnitaId;
}

/// Defines a keyed token: 32 bytes, written as hexadecimal digits.
macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; 32]);

        impl TryFrom<String> for $name {
            type Error = hex::FromHexError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl From<$name> for String {
            fn from(token: $name) -> Self {
                hex::encode(token.0)
            }
        }
    )+ };
}

tokens! {
    /// Stands for a persona: HMAC of its random id under the portal's key.
    PersonToken;
    /// Stands for an operator: HMAC of the account's random id under the portal's key.
    OperatorToken;
}

/// Identifier kind and code as an HMAC, sealed for the release builder alone: one human in two Enti can be counted once
/// in a release, and nobody else can tell. Hexadecimal; two sealings of the same human share nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedLink(pub String);

/// An event as it is stored, in the version in which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum VersionedEvent {
    /// Version 1.
    #[serde(rename = "1")]
    V1(Event),
}

impl VersionedEvent {
    /// The event, as the newest version has it.
    #[must_use]
    pub fn into_latest(self) -> Event {
        match self {
            Self::V1(event) => event,
        }
    }
}

/// One thing that happened in an Ente.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where.
    pub ente: EnteId,
    /// Its number in the Ente, from 1 without gaps.
    pub seq: i64,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// An operator made a questionnaire valid, or an import brought one.
    Validated(Box<Assessment>),
    /// A validated questionnaire was corrected: `supersedes` names the version that no longer counts.
    Amended(Box<Assessment>),
    /// A validated questionnaire no longer counts at all.
    Annulled {
        /// The version that was current.
        assessment: AssessmentId,
        /// Whose it was.
        person: PersonToken,
    },
    /// A persona's data must not be used for now (GDPR art. 18).
    Restricted {
        /// Whose.
        person: PersonToken,
    },
    /// They may be used again.
    Unrestricted {
        /// Whose.
        person: PersonToken,
    },
    /// A persona was erased. Earlier events of theirs have become [`What::Blank`].
    Erased {
        /// Who.
        person: PersonToken,
    },
    /// Something about a persona that holds for all their questionnaires has changed: today, by which human they are known.
    PersonaChanged {
        /// Whose.
        person: PersonToken,
        /// The new link; `None` when the persona has no code.
        link: Option<SealedLink>,
    },
    /// Two persone were found to be one human.
    PersonasMerged {
        /// The one that is no longer used.
        from: PersonToken,
        /// The one that goes on.
        into: PersonToken,
    },
    /// They were not, after all.
    Unmerged {
        /// The one that is used again.
        from: PersonToken,
    },
    /// An unità now belongs under another heading in tables.
    UnitaMoved {
        /// Which.
        unita: UnitaId,
        /// Under which it is counted from now on; `None` for itself.
        counted_under: Option<UnitaId>,
    },
    /// An azione that was agreed has come to something.
    AzioneRecorded {
        /// The assessment that agreed it.
        assessment: AssessmentId,
        /// Whose.
        person: PersonToken,
        /// Which, by its id in the strumento.
        azione: Id,
        /// What came of it.
        outcome: AzioneOutcome,
    },
    /// The Ente's agreement has ended: nothing follows.
    EnteClosed,
    /// What stood here was erased with its persona.
    Blank,
}

/// One version of a validated questionnaire, with all that counts and nothing that identifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// This version.
    pub id: AssessmentId,
    /// The version that it takes the place of.
    pub supersedes: Option<AssessmentId>,
    /// How it came to the portal.
    pub origin: Origin,
    /// Whose.
    pub person: PersonToken,
    /// The human, sealed for the release builder; `None` for people without a code.
    pub link: Option<SealedLink>,
    /// Who assessed.
    pub operator: OperatorToken,
    /// In which unità.
    pub unita: Option<UnitaId>,
    /// ISTAT code of the comune of residence on the day of the assessment, as it was valid then.
    pub comune: Option<String>,
    /// Age in completed years on the day of the assessment.
    pub age: Option<u8>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Education.
    pub education: Option<Education>,
    /// Citizenship.
    pub citizenship: Option<Citizenship>,
    /// Household.
    pub household: Option<Household>,
    /// Work condition.
    pub work: Option<Work>,
    /// Categories of disadvantage; `None` when nobody asked, empty when there are none.
    pub disadvantage: Option<BTreeSet<Disadvantage>>,
    /// The strumento.
    pub instrument: Id,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the definition's file, lower-case hexadecimal.
    pub definition_sha256: String,
    /// Per item of the strumento: the option's value, or the negative code of a kind of missing.
    pub answers: BTreeMap<Id, i16>,
    /// Per scale of the strumento, in its order.
    pub scores: Vec<ScaleResult>,
    /// The class of the profile that the rules give.
    pub profile: Option<Id>,
    /// The minimum conditions that are missing.
    pub blocks: BTreeSet<Id>,
    /// What the operator made of it.
    pub evaluation: Evaluation,
    /// The azioni agreed with the persona.
    pub azioni: BTreeSet<Id>,
    /// When the form was first opened; `None` for imports.
    pub started_at: Option<DateTime<Utc>>,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
    /// When it became valid.
    pub validated_at: DateTime<Utc>,
}

/// The result on one scale, in whole numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleResult {
    /// The scale.
    pub scale: Id,
    /// Points given by the answers.
    pub points: i32,
    /// The most points that the answered items can give.
    pub reachable: i32,
    /// Items answered.
    pub items_answered: i32,
    /// Whether enough was answered.
    pub is_valid: bool,
    /// The level that counts.
    pub level: Option<Id>,
    /// The level of the index alone, before blocks.
    pub level_of_index: Option<Id>,
}

/// How a questionnaire came to the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Filled in and validated by an operator.
    Portal,
    /// Brought from elsewhere: `importato`.
    Import,
}

/// The person who decides has the last word; both words are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evaluation {
    /// The operator agrees with the result.
    Confirmed,
    /// The operator does not, and gave a reason, which stays in the portal.
    Overridden {
        /// The class that the operator sees instead, where the strumento has a profile.
        profile: Option<Id>,
    },
    /// Nobody evaluated: imported.
    Absent,
}

/// What came of an azione.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AzioneOutcome {
    /// Done.
    Completed,
    /// Begun, not finished.
    UnderWay,
    /// Given up.
    Dropped,
}

impl AzioneOutcome {
    /// All.
    pub const ALL: [Self; 3] = [Self::Completed, Self::UnderWay, Self::Dropped];

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }

    /// The code that is stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::UnderWay => "under_way",
            Self::Dropped => "dropped",
        }
    }
}

impl ScaleResult {
    /// The results of a scoring, in the order of the strumento's scales.
    #[must_use]
    pub fn all(instrument: &crate::instrument::Instrument, scoring: &Scoring) -> Vec<Self> {
        instrument
            .scales
            .iter()
            .zip(&scoring.scales)
            .map(|(scale, score)| {
                let level = |index: usize| scale.levels[index].id.clone();
                Self {
                    scale: scale.id.clone(),
                    points: score.points,
                    reachable: score.reachable,
                    items_answered: i32::try_from(score.items_answered).expect("a strumento has at most 500 items"),
                    is_valid: score.is_valid,
                    level: score.level.map(|scored| level(scored.level)),
                    level_of_index: score.level.map(|scored| level(scored.level_of_index)),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
