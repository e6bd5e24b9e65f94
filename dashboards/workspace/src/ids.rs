//! Who acts, and the ids of what there is.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use domain::instrument::Id;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An account of the portal that does something here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// The portal's id: says nothing here, and leads nowhere from here.
    pub account: Uuid,
    /// The name as it was shown when they acted.
    pub name: String,
}

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

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+ };
}

ids! {
    /// A project.
    ProjectId;
    /// A request of a project.
    RequestId;
    /// A job of the builder.
    JobId;
    /// A saved query.
    QueryId;
    /// A saved view of a dashboard.
    ViewId;
    /// A report of an Ente.
    ReportId;
    /// An edition of a report.
    EditionId;
}

/// A text that is no id of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of a {kind}: {text:?}")]
pub struct InvalidId {
    kind: &'static str,
    text: String,
}

/// The id of a cleared table, from which releases are made: strumento and cut-off, like `asso-2026-06-30`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseId {
    instrument: Id,
    cutoff: NaiveDate,
}

impl BaseId {
    /// The one of a strumento at a cut-off.
    #[must_use]
    pub fn new(instrument: Id, cutoff: NaiveDate) -> Self {
        Self { instrument, cutoff }
    }

    /// The strumento.
    #[must_use]
    pub fn instrument(&self) -> &Id {
        &self.instrument
    }

    /// The last day of an assessment in it.
    #[must_use]
    pub fn cutoff(&self) -> NaiveDate {
        self.cutoff
    }
}

impl fmt::Display for BaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.instrument, self.cutoff)
    }
}

impl FromStr for BaseId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let read = || {
            let (instrument, cutoff) = text.split_once('-')?;
            let base = Self { instrument: Id::parse(instrument).ok()?, cutoff: cutoff.parse().ok()? };
            (base.to_string() == text).then_some(base)
        };
        read().ok_or_else(|| InvalidId { kind: "base", text: text.to_owned() })
    }
}

/// The id of a release: its base and a number that is never given twice, like `asso-2026-06-30-01`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId {
    base: BaseId,
    number: u32,
}

impl ReleaseId {
    pub(crate) fn new(base: BaseId, number: u32) -> Self {
        Self { base, number }
    }

    /// The table it is made from.
    #[must_use]
    pub fn base(&self) -> &BaseId {
        &self.base
    }

    /// Its number among those of its base, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.base, self.number)
    }
}

impl FromStr for ReleaseId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let read = || {
            let (base, number) = text.rsplit_once('-')?;
            let release = Self { base: base.parse().ok()?, number: number.parse().ok()? };
            (release.to_string() == text && release.number > 0).then_some(release)
        };
        read().ok_or_else(|| InvalidId { kind: "release", text: text.to_owned() })
    }
}

/// How texts become these ids and back, for serde.
macro_rules! as_text {
    ($($name:ident),+) => { $(
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )+ };
}

as_text!(BaseId, ReleaseId);

/// A new opaque id: random, so that it tells neither order nor number.
pub(crate) fn new_id(chance: &mut impl CryptoRng) -> Uuid {
    let mut bytes = [0; 16];
    chance.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_bases_and_releases_are_read_one_way_alone() {
        fn check(text: &str, is_base: bool, is_release: bool) {
            assert_eq!(text.parse::<BaseId>().is_ok_and(|id| id.to_string() == text), is_base, "{text}");
            assert_eq!(text.parse::<ReleaseId>().is_ok_and(|id| id.to_string() == text), is_release, "{text}");
        }
        check("asso-2026-06-30", true, false);
        check("patto_2-2026-06-30", true, false);
        check("asso-2026-06-30-01", false, true);
        check("asso-2026-06-30-123", false, true);
        for neither in [
            "",
            "asso",
            "Asso-2026-06-30",
            "asso-2026-6-30",
            "asso-2026-02-30",
            "asso-2026-06-30-1",
            "asso-2026-06-30-00",
            "asso-2026-06-30-001",
            "asso-2026-06-30-+1",
            " asso-2026-06-30",
            "../asso-2026-06-30",
        ] {
            check(neither, false, false);
        }
    }
}
