//! A segment: consecutive events of one Ente in one sealed file.
//!
//! A line of plain text says what it is (format, Ente, numbers, key), then come the events, compressed with zstd and sealed
//! for the pipeline with that first line as context. The portal can write a segment and cannot read one. Version 1 has an
//! event as JSON on each line; version 2, which is written, what `packed` describes, in the encoding of `postcard`.

use rand::CryptoRng;
use serde::Serialize;

use super::packed::{PackedEvent, Unpackable, Words};
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
    /// A number in it stands for nothing, or an event cannot be packed.
    #[error("the segment's content is broken: {0}")]
    Packed(#[from] Unpackable),
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
    ///
    /// # Errors
    /// An event that cannot be packed: a link that is not hexadecimal.
    pub fn seal(&self, key: &SealingKey, chance: &mut (impl CryptoRng + ?Sized)) -> Result<Vec<u8>, SegmentError> {
        let packed = PackedSegment::pack(self)?;
        let content = postcard::to_allocvec(&Content { words: &packed.words, events: &packed.events })
            .expect("plain data in memory can be written to memory");
        let content = zstd::bulk::compress(&content, ZSTD_LEVEL).expect("memory holds what it held before");
        let (first, last) = self.range();
        let head = Head { version: 2, ente: self.ente, first, last }.line(&key.id());
        Ok([head.as_bytes(), b"\n", &key.seal(&content, &head, chance)].concat())
    }

    /// Opens a segment of any version.
    ///
    /// # Errors
    /// Another format, another key, any change of any byte, or events that are not what the first line says.
    pub fn open(bytes: &[u8], key: &OpeningKey) -> Result<Self, SegmentError> {
        match unseal(bytes, key)? {
            Unsealed::Plain(segment) => Ok(segment),
            Unsealed::Packed(packed) => {
                let events = packed.events.iter().map(|event| event.unpack(packed.ente, &packed.words));
                Self::new(events.collect::<Result<_, _>>()?)
            }
        }
    }
}

/// Consecutive events of one Ente, packed: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedSegment {
    ente: EnteId,
    words: Words,
    events: Vec<PackedEvent>,
}

impl PackedSegment {
    fn pack(segment: &Segment) -> Result<Self, SegmentError> {
        let mut words = Words::default();
        let events = segment.events.iter().map(|event| PackedEvent::pack(event, &mut words));
        Ok(Self { ente: segment.ente, events: events.collect::<Result<_, _>>()?, words })
    }

    /// Opens a segment of any version.
    ///
    /// # Errors
    /// As [`Segment::open`].
    pub fn open(bytes: &[u8], key: &OpeningKey) -> Result<Self, SegmentError> {
        match unseal(bytes, key)? {
            Unsealed::Plain(segment) => Self::pack(&segment),
            Unsealed::Packed(packed) => Ok(packed),
        }
    }

    /// Whose events these are.
    #[must_use]
    pub fn ente(&self) -> EnteId {
        self.ente
    }

    /// The numbers of the first and the last event.
    #[must_use]
    pub fn range(&self) -> (i64, i64) {
        (self.events[0].seq, self.events[self.events.len() - 1].seq)
    }

    /// The events, in order, speaking of `words`.
    ///
    /// # Errors
    /// A number that stands for nothing.
    pub fn into_events(self, words: &mut Words) -> Result<Vec<PackedEvent>, SegmentError> {
        let adoption = words.adopt(&self.words)?;
        let mut events = self.events;
        events.iter_mut().try_for_each(|event| adoption.apply(event))?;
        Ok(events)
    }
}

/// What is sealed in version 2.
#[derive(Serialize)]
struct Content<'a> {
    words: &'a Words,
    events: &'a [PackedEvent],
}

/// The first line of a segment.
struct Head {
    version: u8,
    ente: EnteId,
    first: i64,
    last: i64,
}

impl Head {
    fn line(&self, key_id: &str) -> String {
        let Self { version, ente, first, last } = self;
        format!("noncello-segment {version} {ente} {first} {last} {key_id}")
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("noncello-segment ")?.split(' ');
        Some(Self {
            version: words.next()?.parse().ok()?,
            ente: EnteId(words.next()?.parse().ok()?),
            first: words.next()?.parse().ok()?,
            last: words.next()?.parse().ok()?,
        })
    }

    fn check(&self, ente: EnteId, range: (i64, i64)) -> Result<(), SegmentError> {
        if (self.ente, (self.first, self.last)) == (ente, range) {
            Ok(())
        } else {
            Err(SegmentError::Content("its events are not those that its first line announces".into()))
        }
    }
}

/// What a segment holds, in the version in which it was written: the events that its first line announces.
enum Unsealed {
    /// Version 1: JSON, one event a line.
    Plain(Segment),
    /// Version 2.
    Packed(PackedSegment),
}

/// The length that the frame announces is taken at once, and no more.
fn decompress(frame: &[u8]) -> std::io::Result<Vec<u8>> {
    let announced = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten();
    let length = announced.and_then(|length| usize::try_from(length).ok()).filter(|length| *length <= BYTES_MAX);
    zstd::bulk::decompress(frame, length.ok_or_else(|| std::io::Error::other("it announces no possible length"))?)
}

fn unseal(bytes: &[u8], key: &OpeningKey) -> Result<Unsealed, SegmentError> {
    let end = bytes.iter().take(200).position(|byte| *byte == b'\n').ok_or(SegmentError::Format)?;
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| SegmentError::Format)?;
    let head = Head::parse(line).ok_or(SegmentError::Format)?;
    let broken = |why: &dyn std::fmt::Display| SegmentError::Content(why.to_string());
    let content = key.open(&bytes[end + 1..], line)?;
    if head.line(&key.sealing().id()) != line {
        return Err(SegmentError::Format);
    }
    let content = decompress(&content).map_err(|error| broken(&error))?;
    match head.version {
        1 => {
            let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let events = lines.map(|line| serde_json::from_slice(line).map(VersionedEvent::into_latest));
            let segment = Segment::new(events.collect::<Result<_, _>>().map_err(|error| broken(&error))?)?;
            head.check(segment.ente, segment.range())?;
            Ok(Unsealed::Plain(segment))
        }
        2 => {
            let (words, events): (Words, Vec<PackedEvent>) =
                postcard::from_bytes(&content).map_err(|error| broken(&error))?;
            if events.is_empty() {
                return Err(SegmentError::Empty);
            }
            for pair in events.windows(2) {
                let (before, found) = (pair[0].seq, pair[1].seq);
                if found != before + 1 {
                    return Err(SegmentError::NotConsecutive { ente: head.ente, before, found });
                }
            }
            let packed = PackedSegment { ente: head.ente, words, events };
            head.check(packed.ente, packed.range())?;
            Ok(Unsealed::Packed(packed))
        }
        _ => Err(SegmentError::Format),
    }
}
