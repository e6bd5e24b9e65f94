//! Copies committed events to sealed segment files, and writes anew those that hold what was erased since.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use domain::feed::{EnteId, Segment, TALLY_FILE};
use domain::keys::SealingKey;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::audit::{Line, append};
use crate::database::PLATFORM;
use crate::error::StoreError;
use crate::open::{Chance, Store, update};
use crate::tables::{enti, segments};

/// Events in one segment at most.
const EVENTS_MAX: i64 = 20_000;

/// How often an Ente's export starts again because somebody worked meanwhile.
const ROUNDS_MAX: usize = 20;

/// What an export did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Events that were in no segment before.
    pub events: u64,
    /// New segments.
    pub segments: u64,
    /// Segments written anew because an erasure reached them, or because their file was lost.
    pub rewritten: u64,
}

impl Store {
    /// Brings the folder of segments up to the database: `folder/ente=<id>/<first>-<last>.segment`, sealed for the pipeline.
    /// Each file appears whole or not at all; killed anywhere, the next export goes on.
    ///
    /// # Errors
    /// The database, or a file that cannot be written.
    pub async fn export_segments(
        &self,
        folder: &Path,
        pipeline: &SealingKey,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Exported, StoreError> {
        let enti = enti::Entity::find().order_by_asc(enti::Column::Id).all(&self.directory()).await?;
        let mut exported = Exported::default();
        for ente in enti.into_iter().map(|row| EnteId(row.id)).filter(|ente| *ente != PLATFORM) {
            let done = self.export_ente(&folder.join(format!("ente={ente}")), ente, pipeline, now, chance).await?;
            exported.events += done.events;
            exported.segments += done.segments;
            exported.rewritten += done.rewritten;
        }
        Ok(exported)
    }

    /// What is written down while files are written makes another round necessary: the tally is of the moment of the segments, or
    /// there is none, and the pipeline says so.
    async fn export_ente(
        &self,
        folder: &Path,
        ente: EnteId,
        pipeline: &SealingKey,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Exported, StoreError> {
        let mut exported = Exported::default();
        make_folder(folder)?;
        for _round in 0..ROUNDS_MAX {
            let round = self.export_round(folder, ente, pipeline, chance).await?;
            exported.events += round.events;
            exported.segments += round.segments;
            exported.rewritten += round.rewritten;
            if let Some(tally) = self.tally_of_segments(ente).await? {
                write_whole(folder, TALLY_FILE, &tally.seal(pipeline, chance), Durable::No)?;
                break;
            }
        }
        if exported != Exported::default() {
            let line = Line {
                ente,
                actor: None,
                action: "feed.export",
                is_refused: false,
                subjects: &[],
                detail: Some(format!(
                    "events {} segments {} rewritten {}",
                    exported.events, exported.segments, exported.rewritten
                )),
            };
            let writing = self.write(ente).await?;
            append(&self.keys, &*writing, line, now).await?;
            writing.commit().await?;
        }
        Ok(exported)
    }

    async fn export_round(
        &self,
        folder: &Path,
        ente: EnteId,
        pipeline: &SealingKey,
        chance: &mut dyn Chance,
    ) -> Result<Exported, StoreError> {
        let planned = self.plan(ente).await?;
        let rows = segments::Entity::find()
            .filter(segments::Column::EnteId.eq(ente.0))
            .order_by_asc(segments::Column::FirstSeq)
            .all(&self.reading(ente))
            .await?;
        let mut exported = Exported::default();
        let mut names = BTreeSet::new();
        for row in rows {
            let name = file_name(row.first_seq, row.last_seq);
            let is_new = row.written == 0;
            let is_due = row.written < row.wanted || !folder.join(&name).is_file();
            names.insert(name);
            if !is_due {
                continue;
            }
            let count = u64::try_from(row.last_seq - row.first_seq + 1).unwrap_or(0);
            let events = self.events(ente, row.first_seq - 1, count).await?;
            let damaged = |_| StoreError::Damaged { table: "events", row: format!("{ente} {}", row.first_seq) };
            let segment = Segment::new(events).map_err(damaged)?;
            let bytes = segment.seal(pipeline, chance).map_err(damaged)?;
            write_whole(folder, &segment.file_name(), &bytes, Durable::Yes)?;
            // What was blanked while the file was written has raised `wanted` again: it stays due.
            let writing = self.write(ente).await?;
            let change = segments::ActiveModel {
                ente_id: Set(ente.0),
                first_seq: Set(row.first_seq),
                written: Set(row.wanted),
                ..Default::default()
            };
            update(change, &*writing).await?;
            writing.commit().await?;
            if is_new {
                exported.events += u64::try_from(row.last_seq - planned.max(row.first_seq - 1)).unwrap_or(0);
                exported.segments += 1;
            } else {
                exported.rewritten += 1;
            }
        }
        remove_others(folder, &names)?;
        Ok(exported)
    }

    /// Decides on the segments of events that are in none yet, before any file is written: an export that is killed and
    /// repeated writes the same files. A new segment takes in those before it that are no larger than itself, so that ten years
    /// of nights leave a dozen small files and not thousands; each event is written again a dozen times at most. Gives the number of
    /// the last event that was in a segment before.
    async fn plan(&self, ente: EnteId) -> Result<i64, StoreError> {
        let last = self.last_seq(ente).await?;
        let writing = self.write(ente).await?;
        let mut known = segments::Entity::find()
            .filter(segments::Column::EnteId.eq(ente.0))
            .order_by_asc(segments::Column::FirstSeq)
            .all(&*writing)
            .await?;
        let planned = known.last().map_or(0, |row| row.last_seq);
        let mut first = planned + 1;
        while first <= last
            && let Some(before) = known.pop()
        {
            let size = before.last_seq - before.first_seq + 1;
            if size > last - first + 1 || last - before.first_seq + 1 > EVENTS_MAX {
                break;
            }
            first = before.first_seq;
            segments::Entity::delete_by_id((ente.0, first)).exec(&*writing).await?;
        }
        while first <= last {
            let row = segments::ActiveModel {
                ente_id: Set(ente.0),
                first_seq: Set(first),
                last_seq: Set((first + EVENTS_MAX - 1).min(last)),
                wanted: Set(1),
                written: Set(0),
            };
            segments::Entity::insert(row).exec_without_returning(&*writing).await?;
            first += EVENTS_MAX;
        }
        writing.commit().await?;
        Ok(planned)
    }
}

fn file_name(first: i64, last: i64) -> String {
    format!("{first:012}-{last:012}.segment")
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path: PathBuf = path.to_owned();
    move |source| StoreError::File { path: path.display().to_string(), source }
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(file_error(folder))?;
    if let Some(parent) = folder.parent() {
        sync_folder(parent)?;
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error(folder))
}

/// Whether a file must be there after the machine lost its power.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durable {
    Yes,
    /// The next export writes it anyway.
    No,
}

/// Writes a file beside its place, then puts it there in one step.
fn write_whole(folder: &Path, name: &str, bytes: &[u8], durable: Durable) -> Result<(), StoreError> {
    let unfinished = folder.join(format!("{name}.unfinished"));
    let write = || {
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(bytes)?;
        if durable == Durable::Yes {
            file.sync_all()?;
        }
        std::fs::rename(&unfinished, folder.join(name))
    };
    write().map_err(file_error(&unfinished))?;
    if durable == Durable::Yes { sync_folder(folder) } else { Ok(()) }
}

/// Takes away what an export that was killed left behind, and files that are not this database's.
fn remove_others(folder: &Path, names: &BTreeSet<String>) -> Result<(), StoreError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file_error(folder)(error)),
    };
    for entry in entries {
        let path = entry.map_err(file_error(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_ours = name.ends_with(".segment") || name.ends_with(".unfinished");
        if is_ours && !names.contains(name) {
            std::fs::remove_file(&path).map_err(file_error(&path))?;
        }
    }
    Ok(())
}
