//! How precisely strumenti measure among the people of one Ente, computed on its own data and told to its own reports.
//!
//! Stored format "calibration 1". The definition says from how many people on it takes the place of what the definition assumes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::feed::EnteId;
use crate::instrument::{Id, Instrument};

/// A calibration in the version in which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format")]
pub enum VersionedCalibration {
    /// Version 1.
    #[serde(rename = "calibration 1")]
    V1(Calibration),
}

impl VersionedCalibration {
    /// The calibration, as the newest version has it.
    #[must_use]
    pub fn into_latest(self) -> Calibration {
        match self {
            Self::V1(calibration) => calibration,
        }
    }
}

/// What is known of the precision of strumenti in one Ente.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// Whose.
    pub ente: EnteId,
    /// Of which state of its data.
    pub published_at: DateTime<Utc>,
    /// By scale.
    pub scales: Vec<CalibratedScale>,
}

/// The precision of a scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibratedScale {
    /// The strumento.
    pub instrument: Id,
    /// Its version.
    pub version: u32,
    /// The scale.
    pub scale: Id,
    /// People whose last assessment has every item of the scale answered.
    pub people: i64,
    /// The standard error of measurement, in hundredths of an index point.
    pub sem_hundredths: i32,
}

impl Calibration {
    /// The standard errors of measurement to report with, by scale: those from enough people, as the definition says; none where it
    /// does not say how many are enough.
    #[must_use]
    pub fn sem_hundredths(&self, instrument: &Instrument) -> BTreeMap<Id, i32> {
        let Some(enough) = instrument.reliability_enough else { return BTreeMap::new() };
        let of_version = |scale: &&CalibratedScale| {
            scale.instrument == instrument.id && scale.version == instrument.version && scale.people >= enough.into()
        };
        let scales = self.scales.iter().filter(of_version);
        scales.map(|scale| (scale.scale.clone(), scale.sem_hundredths)).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn calibration() -> Calibration {
        let id = |text: &str| Id::parse(text).unwrap();
        let scale = |version, scale: &str, people, sem_hundredths| CalibratedScale {
            instrument: id("asso"),
            version,
            scale: id(scale),
            people,
            sem_hundredths,
        };
        Calibration {
            ente: EnteId(Uuid::from_u128(1)),
            published_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
            scales: vec![
                scale(1, "occupabilita", 100, 512),
                scale(1, "formabilita", 99, 700),
                scale(2, "occupabilita", 400, 300),
            ],
        }
    }

    #[test]
    fn what_comes_from_too_few_people_or_another_version_does_not_count() {
        let mut asso = Instrument::parse(crate::shipped_for_tests()[0].1).unwrap();
        asso.reliability_enough = Some(100);
        let expected = BTreeMap::from([(Id::parse("occupabilita").unwrap(), 512)]);
        assert_eq!(calibration().sem_hundredths(&asso), expected);
        asso.reliability_enough = Some(101);
        assert_eq!(calibration().sem_hundredths(&asso), BTreeMap::new());
        asso.reliability_enough = None;
        assert_eq!(calibration().sem_hundredths(&asso), BTreeMap::new());
    }

    #[test]
    fn calibration_1_is_read() {
        let text = include_str!("../tests/fixtures/calibration-1.json");
        let read: VersionedCalibration = serde_json::from_str(text).unwrap();
        assert_eq!(read.clone().into_latest(), calibration());
        assert_eq!(serde_json::to_string_pretty(&read).unwrap() + "\n", text);
    }
}
