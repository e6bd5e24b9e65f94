//! What the engine says of one figure: shown with its value, or hidden for a reason.
//!
//! A [`Decision`] is the engine's own word and carries the reason. A [`Figure`] is what leaves the house: one symbol for
//! every reason, because a reader who could tell a primary from a complementary cell would know which cells are small,
//! and in which ones to look for the rest.

use std::fmt;

use crate::Threshold;

/// Why a figure is hidden. For the engine's report, never for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A count of fewer people than the threshold, none included.
    Primary,
    /// A count that would let a reader compute another one.
    Complementary,
    /// A figure made of a hidden count, of too few people for its kind, or one that says "all of them".
    Derived,
}

/// The one symbol for everything hidden, `n<5` for a threshold of five.
///
/// Precisely, it says: *fewer than five people, perhaps none; or a larger number hidden so that another cannot be
/// computed*. It does not say which, and it never stands for a zero that a reader may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    threshold: Threshold,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n<{}", self.threshold.people())
    }
}

/// A refusal to show: the reason for the report, the mark for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Refusal {
    reason: Reason,
    mark: Mark,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, threshold: Threshold) -> Self {
        Self { reason, mark: Mark { threshold } }
    }

    /// Why. It must not reach a page, a file or a log that readers of the table can see.
    #[must_use]
    pub fn reason(self) -> Reason {
        self.reason
    }
}

/// What is lost when a count is hidden: a larger one tells more, but not in proportion. Its logarithm, one at least.
pub(crate) fn loss_of(people: i64) -> u32 {
    (i64::BITS - people.leading_zeros()).max(1)
}

/// The engine's word on one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision<T> {
    /// May be shown.
    Shown(T),
    /// May not.
    Hidden(Refusal),
}

impl<T> Decision<T> {
    /// The form that may leave: the value or the mark, the reason left behind.
    pub fn published(self) -> Figure<T> {
        match self {
            Self::Shown(value) => Figure::Shown(value),
            Self::Hidden(refusal) => Figure::Hidden(refusal.mark),
        }
    }

    /// Why it is hidden, if it is.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Shown(_) => None,
            Self::Hidden(refusal) => Some(refusal.reason),
        }
    }
}

/// A figure as readers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Figure<T> {
    /// Its value.
    Shown(T),
    /// The mark.
    Hidden(Mark),
}

impl<T> Figure<T> {
    /// The value that is told, or the mark.
    pub(crate) fn of(threshold: Threshold, told: Option<T>) -> Self {
        told.map_or(Self::Hidden(Mark { threshold }), Self::Shown)
    }

    /// The value, if it is shown.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Shown(value) => Some(value),
            Self::Hidden(_) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Figure<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(value) => value.fmt(f),
            Self::Hidden(mark) => mark.fmt(f),
        }
    }
}

/// A share as two counts; the ratio is made where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The people of the part.
    pub part: u32,
    /// The people of the whole.
    pub whole: u32,
}

impl Share {
    /// A share of two counts that are shown; nothing when the others are fewer than the threshold.
    pub(crate) fn told(part: u32, whole: u32, threshold: Threshold) -> Option<Self> {
        let others = whole.checked_sub(part)?;
        (others >= threshold.people()).then_some(Self { part, whole })
    }

    /// The ratio, between 0 and 1.
    #[must_use]
    pub fn ratio(self) -> f64 {
        f64::from(self.part) / f64::from(self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Reason, Refusal};
    use crate::Threshold;

    #[test]
    fn every_reason_is_published_as_the_same_symbol() {
        let published = |reason| Decision::<u32>::Hidden(Refusal::new(reason, Threshold::default())).published();
        assert_eq!(published(Reason::Primary).to_string(), "n<5");
        assert_eq!(published(Reason::Primary), published(Reason::Complementary));
        assert_eq!(published(Reason::Primary), published(Reason::Derived));
        assert_eq!(Decision::Shown(12).published().to_string(), "12");
    }
}
