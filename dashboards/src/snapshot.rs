//! The figures that pages show of a strumento, and when the next ones take their place.
//!
//! The lake has a new state every night. Pages do not: whoever compared them from one day to the next would see in which level, age,
//! comune and disadvantage one person more is counted, and may know who came. So the figures of a state stay until a calendar
//! month begins and enough people have been assessed since, for the first time and again. They are kept in the workspace, without anything that is hidden: the state of
//! the lake they come from may be gone by then, and after a restart nothing has to be computed again.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use warehouse::AssessedRow;

use crate::protect::Protected;
use crate::text;

/// So many people at least are assessed for the first time, and so many again, between one state that is shown and the next, if any
/// are: four times the threshold, so that what changes is not what changed of one, nor of a handful.
pub(crate) const CHANGED_MIN: i64 = 20;

/// Which state of an Ente's data is shown, said on every page and in every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) version: i64,
    pub(crate) published_at: DateTime<Utc>,
    /// The number of the last event of the Ente's feed that is in.
    pub(crate) last_seq: i64,
}

/// Figures with the state they are of.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) position: Position,
    pub(crate) figures: Arc<Protected>,
}

/// Stored format "snapshot 2". Figures of version 1 are the same in form, but of those who have no disadvantage they showed what tells
/// of others: they are read without them. Where neither can be read, the present state is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "snapshot 1")]
    One,
    #[serde(rename = "snapshot 2")]
    Two,
}

#[derive(Serialize)]
struct Writing<'a> {
    format: Format,
    position: Position,
    figures: &'a Protected,
}

#[derive(Deserialize)]
struct Read {
    format: Format,
    position: Position,
    figures: Protected,
}

impl Snapshot {
    /// As it is kept.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Writing { format: Format::Two, position: self.position, figures: &self.figures })
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let Read { format, position, figures } = serde_json::from_slice(bytes)?;
        let figures = match format {
            Format::One => figures.without_none(),
            Format::Two => figures,
        };
        Ok(Self { position, figures: Arc::new(figures) })
    }

    /// Whether there are enough of those who were assessed since, for the first time and again.
    pub(crate) fn may_go_after(assessed: &AssessedRow) -> bool {
        let is_enough = |people: i64| people == 0 || people >= CHANGED_MIN;
        is_enough(assessed.first) && is_enough(assessed.again) && assessed.first + assessed.again > 0
    }

    /// Whether a state of a later calendar month may take its place, if [`Snapshot::may_go_after`] says so too.
    pub(crate) fn is_of_earlier_month_than(&self, published_at: DateTime<Utc>) -> bool {
        let month = |at| {
            let day = text::day(at);
            (day.year(), day.month())
        };
        month(self.position.published_at) < month(published_at)
    }
}
