//! A job: makes the file of an extraction away from the threads that serve pages, and tells how far it is.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use tabular::TableError;
use warehouse::{BaseNotes, EnteLake, LakeError, Selection, schema};

use crate::extraction::codebook::{About, Codebook};
use crate::extraction::file::{self, FileError};
use crate::extraction::keep::{KeepError, Shelf, Turn};
use crate::extraction::record::{Made, Problem, Record, State, Wanted, counts};
use crate::extraction::{Act, ExtractionEvent, Extractions, Extractor};
use crate::snapshot::Position;

/// Tables of a form and what the lake calls them.
pub(crate) const TABLES: [&str; 6] =
    [schema::ASSESSMENTS, schema::SCORES, ANSWERS, schema::DISADVANTAGES, schema::BLOCKS, schema::AZIONI];

/// The answers of the strumento, in forms.
pub(crate) const ANSWERS: &str = "answers";

/// What is wanted, by the lake's names.
pub(crate) fn selection(wanted: &Wanted) -> Selection {
    let name =
        |table: &String| if table == ANSWERS { schema::answers_table(&wanted.instrument) } else { table.clone() };
    Selection {
        instrument: wanted.instrument.clone(),
        years: wanted.from..=wanted.until,
        tables: wanted.tables.iter().map(name).collect(),
    }
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error("nothing is published")]
    Unpublished,
    #[error("the work broke off")]
    BrokeOff,
}

impl From<LakeError> for JobError {
    fn from(error: LakeError) -> Self {
        Self::File(error.into())
    }
}

impl JobError {
    fn problem(&self) -> Problem {
        match self {
            Self::File(FileError::Table(TableError::TooLarge)) => Problem::TooLarge,
            Self::File(FileError::Lake(_)) | Self::Keep(KeepError::Lake(_)) => Problem::Lake,
            Self::Unpublished => Problem::Unpublished,
            Self::File(FileError::Io(_) | FileError::Zip(_) | FileError::Table(_) | FileError::Json(_))
            | Self::Keep(KeepError::File { .. })
            | Self::BrokeOff => Problem::File,
        }
    }
}

/// Starts a job whose request the audit has taken and whose record is written. Returns at once; needs the runtime.
pub(crate) fn start(extractions: &Extractions, extractor: Extractor, record: Record, shelf: Shelf, turn: Turn) {
    let extractions = extractions.clone();
    tokio::spawn(async move {
        let shelf = Arc::new(shelf);
        let Ok(_place) = Arc::clone(&extractions.shared.turn).acquire_owned().await else { return };
        let (work, on, by, of) = (extractions.clone(), Arc::clone(&shelf), extractor.clone(), record.clone());
        let made = tokio::task::spawn_blocking(move || make(&work, &on, &by, of)).await;
        let made = made.unwrap_or(Err(JobError::BrokeOff));
        let outcome = finish(&extractions, &shelf, &extractor, record.clone(), made, turn);
        if let Err(error) = outcome.await {
            // It stays as it was left, and is shown as interrupted.
            tracing::error!(ente.id = %extractor.ente, extraction = %record.id, %error, "the end of an extraction cannot be written");
        }
    });
}

/// Tells the audit, and only then shows what was made.
async fn finish(
    extractions: &Extractions,
    shelf: &Arc<Shelf>,
    extractor: &Extractor,
    mut record: Record,
    made: Result<Made, JobError>,
    turn: Turn,
) -> Result<(), KeepError> {
    let tell = |act, detail| (extractor.record)(ExtractionEvent::Done { act, extraction: record.id, detail });
    let now = extractions.now();
    let mut problem = None;
    match made {
        Ok(made) => match tell(Act::Ready, counts(&made.rows, made.bytes)).await {
            Ok(()) => record.ready(now, &made),
            Err(_) => problem = Some(Problem::Audit),
        },
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(ente.id = %extractor.ente, extraction = %record.id, %error, source, "an extraction was not made");
            problem = Some(error.problem());
            // Nothing left the house: without this line nothing is missing but the line.
            let _ = tell(Act::Fail, error.problem().code().to_owned()).await;
        }
    }
    if let Some(problem) = problem {
        record.state = State::Failed { problem };
    }
    let (shelf, mut chance) = (Arc::clone(shelf), extractions.chance());
    let written = tokio::task::spawn_blocking(move || {
        if matches!(record.state, State::Ready { .. })
            && let Err(error) = shelf.publish(record.id)
        {
            tracing::error!(extraction = %record.id, %error, "an extraction that was made cannot be kept");
            record.state = State::Failed { problem: Problem::File };
        }
        let written = shelf.write(&record, &mut chance);
        drop(turn);
        written
    });
    written.await.unwrap_or(Ok(()))
}

fn make(extractions: &Extractions, shelf: &Shelf, extractor: &Extractor, mut record: Record) -> Result<Made, JobError> {
    let shared = &extractions.shared;
    let lake: EnteLake = shared.lake.ente(extractor.ente)?.ok_or(JobError::Unpublished)?;
    let mut chance = extractions.chance();
    let codes = domain::keys::Secret::generate(&mut chance);
    let extract = lake.extract(selection(&record.wanted), &shared.instruments, codes)?;
    let notes = BaseNotes::read().map_err(|error| LakeError::Content(error.to_string()))?;
    let about = About {
        extraction: record.id,
        ente_name: extractor.ente_name.clone(),
        comuni: extractor.comuni.clone(),
        asked_at: record.asked_at,
        wanted: record.wanted.clone(),
    };
    let manifest = lake.manifest();
    let (mut read, of) = (0, extract.rows_to_read());
    let writer = shelf.begin(record.id, extractions.chance())?;
    let mut tell = |more: usize| {
        read += more as u64;
        record.state = State::Running { read, of };
        if let Err(error) = shelf.write(&record, &mut chance) {
            tracing::warn!(%error, "how far an extraction is cannot be written");
        }
    };
    let explain = |rows: &_| Codebook::new(&extract, &notes, manifest, &shared.instruments, &about, rows);
    let (writer, rows) = file::write(&extract, about.wanted.format, &explain, writer, &mut tell)?;
    let (_, bytes) = writer.finish().map_err(FileError::from)?;
    let position =
        Position { version: manifest.version, published_at: manifest.published_at, last_seq: manifest.last_seq };
    Ok(Made { rows, bytes, position })
}

/// A new record.
pub(crate) fn record(extractor: &Extractor, wanted: Wanted, now: DateTime<Utc>, chance: &mut StdRng) -> Record {
    let mut bytes = [0; 16];
    rand::Rng::fill_bytes(chance, &mut bytes);
    Record {
        id: uuid::Builder::from_random_bytes(bytes).into_uuid(),
        asked_at: now,
        asked_by: extractor.name.clone(),
        wanted,
        state: State::Running { read: 0, of: 0 },
    }
}
