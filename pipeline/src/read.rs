//! From an Ente's segment files to its events: from number 1 without gap or overlap, each file what its name says.
//!
//! Files that are not named as segments (one that is being written) are passed over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::feed::{EnteId, Event, Segment, SegmentError};
use domain::keys::OpeningKey;
use uuid::Uuid;

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

/// All events of an Ente, in order.
pub(crate) fn read(segments: &Path, ente: EnteId, key: &OpeningKey) -> Result<Vec<Event>, ReadError> {
    let folder = segments.join(format!("ente={ente}"));
    let at_folder = |source| ReadError::File { path: folder.clone(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).map_err(at_folder)? {
        let name = entry.map_err(at_folder)?.file_name();
        let Some(name) = name.to_str() else { continue };
        files.extend(Segment::parse_file_name(name).map(|range| (range, name.to_owned())));
    }
    files.sort_unstable();

    let mut events = Vec::new();
    let mut last_seq = 0;
    for ((first, last), file) in files {
        if first > last_seq + 1 {
            return Err(ReadError::Gap { from: last_seq + 1, to: first - 1 });
        }
        if first <= last_seq {
            return Err(ReadError::Overlap { file });
        }
        let path = folder.join(&file);
        let bytes = fs::read(&path).map_err(|source| ReadError::File { path, source })?;
        let segment = Segment::open(&bytes, key)
            .map_err(|error| ReadError::Segment { file: file.clone(), what: kind_of_damage(&error) })?;
        if segment.ente() != ente || segment.range() != (first, last) {
            return Err(ReadError::Misplaced { file });
        }
        last_seq = last;
        events.extend(segment.into_events());
    }
    Ok(events)
}

fn kind_of_damage(error: &SegmentError) -> &'static str {
    match error {
        SegmentError::Format => "not a segment",
        SegmentError::Sealed(_) => "changed, or sealed for another key",
        SegmentError::Empty | SegmentError::NotConsecutive { .. } | SegmentError::Content(_) => "broken content",
    }
}
