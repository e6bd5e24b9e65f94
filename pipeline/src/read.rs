//! From an Ente's segment files to its events: from number 1 without gap or overlap, each file what its name says.
//!
//! Files that are not named as segments (one that is being written) are passed over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::feed::packed::{PackedEvent, Words};
use domain::feed::{EnteId, PackedSegment, Segment, SegmentError, TALLY_FILE, Tally};
use domain::keys::OpeningKey;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use warehouse::{system_mark, workers};

/// Why an Ente's segments cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The folder or a file cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Events are missing.
    #[error("events {from} to {to} are in no segment: export the segments again")]
    Gap {
        /// The first one missing.
        from: i64,
        /// The last one missing.
        to: i64,
    },
    /// Events are there twice.
    #[error("{file} begins with an event that the segment before it holds too: export the segments again")]
    Overlap {
        /// The later of the two.
        file: String,
    },
    /// A file does not open, or holds something else than a segment. What exactly is broken stays unsaid: it may quote.
    #[error("{file} cannot be opened as a segment ({what}): restore it, or export the segments again")]
    Segment {
        /// Which.
        file: String,
        /// What kind of damage.
        what: &'static str,
    },
    /// There is no tally, or none that can be used.
    #[error("{TALLY_FILE} {problem}: export the segments again")]
    Tally {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file holds other events than its name says, or another Ente's.
    #[error("{file} holds other events than its name and folder say")]
    Misplaced {
        /// Which.
        file: String,
    },
}

/// The Enti that have a folder of segments, in order.
pub(crate) fn enti(segments: &Path) -> io::Result<Vec<EnteId>> {
    let entries = match fs::read_dir(segments) {
        Ok(entries) => entries,
        // Nothing was exported yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut enti = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix("ente=")).and_then(|id| Uuid::try_parse(id).ok());
        enti.extend(id.map(EnteId));
    }
    enti.sort_unstable();
    Ok(enti)
}

/// The segment files of an Ente.
pub(crate) struct Files {
    folder: PathBuf,
    ente: EnteId,
    files: Vec<((i64, i64), String)>,
}

/// All events of an Ente.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// In order, from number 1.
    pub(crate) events: Vec<PackedEvent>,
    /// What they speak of.
    pub(crate) words: Words,
}

impl Files {
    /// The files of an Ente, without gap or overlap.
    pub(crate) fn list(segments: &Path, ente: EnteId) -> Result<Self, ReadError> {
        let folder = segments.join(format!("ente={ente}"));
        let at_folder = |source| ReadError::File { path: folder.clone(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).map_err(at_folder)? {
            let name = entry.map_err(at_folder)?.file_name();
            let Some(name) = name.to_str() else { continue };
            files.extend(Segment::parse_file_name(name).map(|range| (range, name.to_owned())));
        }
        files.sort_unstable();
        let mut last_seq = 0;
        for ((first, last), file) in &files {
            if *first > last_seq + 1 {
                return Err(ReadError::Gap { from: last_seq + 1, to: first - 1 });
            }
            if *first <= last_seq {
                return Err(ReadError::Overlap { file: file.clone() });
            }
            last_seq = *last;
        }
        Ok(Self { folder, ente, files })
    }

    /// The number of the last event.
    pub(crate) fn last_seq(&self) -> i64 {
        self.files.last().map_or(0, |((_, last), _)| *last)
    }

    /// What the portal counts.
    pub(crate) fn tally(&self, key: &OpeningKey) -> Result<Tally, ReadError> {
        let path = self.folder.join(TALLY_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ReadError::Tally { problem: "is not there" });
            }
            Err(source) => return Err(ReadError::File { path, source }),
        };
        let tally = Tally::open(&bytes, key).map_err(|_| ReadError::Tally { problem: "cannot be opened" })?;
        if tally.ente == self.ente { Ok(tally) } else { Err(ReadError::Tally { problem: "is another Ente's" }) }
    }

    /// Changes when any file is written anew: names, sizes, and what the system notes of each file's last change. Segments are
    /// replaced by a rename and never written in place, so that a file with the same mark holds the same bytes.
    pub(crate) fn mark(&self) -> Result<String, ReadError> {
        let mut hasher = Sha256::new();
        for (_, name) in &self.files {
            let path = self.folder.join(name);
            let metadata = fs::metadata(&path).map_err(|source| ReadError::File { path, source })?;
            hasher.update(format!("{name} {}\n", system_mark(&metadata)));
        }
        Ok(hex::encode(&hasher.finalize()[..16]))
    }

    /// Reads and opens all of them.
    pub(crate) fn read(&self, key: &OpeningKey) -> Result<Events, ReadError> {
        let opened = workers::map(&self.files, |(range, file)| self.open(*range, file, key));
        let mut events = Events::default();
        for (segment, (_, file)) in opened.into_iter().zip(&self.files) {
            let damaged = |error: SegmentError| ReadError::Segment { file: file.clone(), what: kind_of_damage(&error) };
            events.events.append(&mut segment?.into_events(&mut events.words).map_err(damaged)?);
        }
        Ok(events)
    }

    fn open(&self, range: (i64, i64), file: &str, key: &OpeningKey) -> Result<PackedSegment, ReadError> {
        let path = self.folder.join(file);
        let bytes = fs::read(&path).map_err(|source| ReadError::File { path, source })?;
        let segment = PackedSegment::open(&bytes, key)
            .map_err(|error| ReadError::Segment { file: file.to_owned(), what: kind_of_damage(&error) })?;
        if segment.ente() == self.ente && segment.range() == range {
            Ok(segment)
        } else {
            Err(ReadError::Misplaced { file: file.to_owned() })
        }
    }
}

fn kind_of_damage(error: &SegmentError) -> &'static str {
    match error {
        SegmentError::Format => "not a segment",
        SegmentError::Sealed(_) => "changed, or sealed for another key",
        SegmentError::Empty
        | SegmentError::NotConsecutive { .. }
        | SegmentError::Content(_)
        | SegmentError::Packed(_) => "broken content",
    }
}
