//! How many people a count needs before it may be shown.
//!
//! The type refuses anything under five: whoever holds a `Threshold` need not check it again.

use serde::{Deserialize, Serialize};

use crate::Error;

/// The lowest number of people that may be shown as a count. Five at least, five by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Threshold(u32);

impl Threshold {
    /// The lowest threshold accepted.
    pub const LOWEST: u32 = 5;

    /// A threshold of `people`, refused under [`Threshold::LOWEST`].
    ///
    /// # Errors
    ///
    /// [`Error::ThresholdTooLow`].
    pub fn new(people: u32) -> Result<Self, Error> {
        if people < Self::LOWEST {
            return Err(Error::ThresholdTooLow { given: people, lowest: Self::LOWEST });
        }
        Ok(Self(people))
    }

    /// The number of people.
    #[must_use]
    pub fn people(self) -> u32 {
        self.0
    }

    /// People needed before a median, or another figure that is one person's value, may be shown: twice the threshold,
    /// so that about a whole threshold of people lies on either side of the one whose value is told.
    #[must_use]
    pub fn people_for_median(self) -> u32 {
        self.0.saturating_mul(2)
    }
}

impl TryFrom<u32> for Threshold {
    type Error = Error;

    fn try_from(people: u32) -> Result<Self, Error> {
        Self::new(people)
    }
}

impl From<Threshold> for u32 {
    fn from(threshold: Threshold) -> Self {
        threshold.0
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self(Self::LOWEST)
    }
}

#[cfg(test)]
mod tests {
    use super::Threshold;
    use crate::Error;

    #[test]
    fn a_threshold_can_rise_but_never_fall_under_five() {
        assert_eq!(Threshold::default().people(), 5);
        assert_eq!(Threshold::new(10).map(Threshold::people), Ok(10));
        assert_eq!(Threshold::new(4), Err(Error::ThresholdTooLow { given: 4, lowest: 5 }));
    }
}
