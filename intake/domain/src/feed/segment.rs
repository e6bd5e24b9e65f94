//! A segment: consecutive events of one Ente in one sealed file.
//!
//! A line of plain text says what it is (format, Ente, numbers, key), then come the events: JSON, one a line, packed with
//! zstd, sealed for the pipeline with that first line as context. The portal can write a segment and cannot read one.

use rand::CryptoRng;

use super::{EnteId, Event, VersionedEvent};
use crate::keys::{KeyError, OpeningKey, SealingKey};

/// Events compress well at once; more effort gains little.
const ZSTD_LEVEL: i32 = 3;

/// What a segment may unpack to: a damaged length must not fill the memory.
const BYTES_MAX: usize = 1 << 30;

/// Consecutive events of one Ente.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    ente: EnteId,
    events: Vec<Event>,
}

/// Why a segment cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// There is nothing to put into it.
    #[error("a segment holds at least one event")]
    Empty,
    /// Events of two Enti, or with a gap between them.
    #[error("event {found} cannot follow event {before} in a segment of Ente {ente}")]
    NotConsecutive {
        /// The segment's Ente.
        ente: EnteId,
        /// The number before.
        before: i64,
        /// The number found, or of another Ente.
        found: i64,
    },
    /// The first line is not one of a segment that this program can read.
    #[error("not a segment of a format that this program knows")]
    Format,
    /// Sealed for another key, or changed.
    #[error("the segment cannot be opened")]
    Sealed(#[from] KeyError),
    /// What was sealed is not what a segment holds.
    #[error("the segment opens but its content is broken: {0}")]
    Content(String),
}

impl Segment {
    /// Puts events into a segment.
    ///
    /// # Errors
    /// When there are none, or they are not consecutive events of one Ente.
    pub fn new(events: Vec<Event>) -> Result<Self, SegmentError> {
        let ente = events.first().ok_or(SegmentError::Empty)?.ente;
        for pair in events.windows(2) {
            let (before, found) = (&pair[0], &pair[1]);
            if found.ente != ente || found.seq != before.seq + 1 {
                return Err(SegmentError::NotConsecutive { ente, before: before.seq, found: found.seq });
            }
        }
        Ok(Self { ente, events })
    }

    /// Whose events these are.
    #[must_use]
    pub fn ente(&self) -> EnteId {
        self.ente
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The events, in order.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// The numbers of the first and the last event.
    #[must_use]
    pub fn range(&self) -> (i64, i64) {
        (self.events[0].seq, self.events[self.events.len() - 1].seq)
    }

    /// The name of its file: numbers padded, so that names sort as events do.
    #[must_use]
    pub fn file_name(&self) -> String {
        let (first, last) = self.range();
        format!("{first:012}-{last:012}.segment")
    }

    /// First and last number from the name of a file, if it is one of a segment.
    #[must_use]
    pub fn parse_file_name(name: &str) -> Option<(i64, i64)> {
        let (first, last) = name.strip_suffix(".segment")?.split_once('-')?;
        let number = |digits: &str| (digits.len() == 12).then(|| digits.parse::<i64>().ok()).flatten();
        Some((number(first)?, number(last)?))
    }

    /// Seals it for the pipeline.
    pub fn seal(&self, key: &SealingKey, chance: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
        let mut lines = Vec::new();
        for event in &self.events {
            serde_json::to_writer(&mut lines, &VersionedEvent::V1(event.clone())).expect("an event is plain data");
            lines.push(b'\n');
        }
        let packed = zstd::bulk::compress(&lines, ZSTD_LEVEL).expect("memory holds what it held before");
        let head = self.head(&key.id());
        [head.as_bytes(), b"\n", &key.seal(&packed, &head, chance)].concat()
    }

    fn head(&self, key_id: &str) -> String {
        let (first, last) = self.range();
        format!("noncello-segment 1 {} {first} {last} {key_id}", self.ente)
    }

    /// Opens a segment.
    ///
    /// # Errors
    /// Another format, another key, any change of any byte, or events that are not what the first line says.
    pub fn open(bytes: &[u8], key: &OpeningKey) -> Result<Self, SegmentError> {
        let end = bytes.iter().take(200).position(|byte| *byte == b'\n').ok_or(SegmentError::Format)?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| SegmentError::Format)?;
        if !head.starts_with("noncello-segment 1 ") {
            return Err(SegmentError::Format);
        }
        let packed = key.open(&bytes[end + 1..], head)?;
        let lines =
            zstd::bulk::decompress(&packed, BYTES_MAX).map_err(|error| SegmentError::Content(error.to_string()))?;
        let events = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).map(VersionedEvent::into_latest))
            .collect::<Result<Vec<Event>, _>>()
            .map_err(|error| SegmentError::Content(error.to_string()))?;
        let segment = Self::new(events)?;
        if segment.head(&key.sealing().id()) == head {
            Ok(segment)
        } else {
            Err(SegmentError::Content("its events are not those that its first line announces".into()))
        }
    }
}
