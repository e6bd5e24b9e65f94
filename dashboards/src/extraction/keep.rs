//! Where extractions are kept: per Ente a folder with, of each, a sealed record and a sealed file.
//!
//! A file gets its name once it is whole and durable, and the record says that it is ready after that: whatever a crash
//! leaves is without a record that names it, and is swept. Whoever makes one holds the folder's lock, which the system
//! gives back when the program dies: a record that says "running" while the lock is free was interrupted.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use rand::rngs::StdRng;
use uuid::Uuid;
use warehouse::{KeyFileError, Lake, LakeError, SealedReader, SealedWriter, Vault};

use crate::extraction::record::{Record, State, VersionedRecord};

/// Why what is kept cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    /// The Ente's key cannot be had.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

/// What is kept of one Ente.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
    /// None once the Ente's key is destroyed: what is there cannot be read any more.
    vault: Option<Vault>,
}

/// Held by whoever makes an extraction of the Ente.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "closing it gives the lock back")] File);

/// An extraction with what is true of it now.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) record: Record,
    /// It was under way when the program ended.
    pub(crate) is_interrupted: bool,
}

/// The Enti of which something is kept.
pub(crate) fn enti(folder: &Path) -> Vec<EnteId> {
    let names =
        fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut enti: Vec<EnteId> =
        names.filter_map(|name| name.strip_prefix("ente=").and_then(|id| id.parse().ok()).map(EnteId)).collect();
    enti.sort();
    enti
}

impl Shelf {
    pub(crate) fn open(folder: &Path, lake: &Lake, ente: EnteId) -> Result<Self, KeepError> {
        let vault = match lake.vault(ente) {
            Ok(vault) => Some(vault),
            Err(LakeError::Key(KeyFileError::Absent(_))) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { folder: folder.join(format!("ente={ente}")), vault })
    }

    fn record_path(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.record"))
    }

    fn kept_path(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.kept"))
    }

    fn partial_path(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.partial"))
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// The turn to make one; `None` while another is being made. Whoever has it knows that nobody works on what says to be
    /// under way, and writes so: later it could no longer be told from what is made then.
    pub(crate) fn take_turn(&self, chance: &mut StdRng) -> Result<Option<Turn>, KeepError> {
        let Some(turn) = self.try_lock()? else { return Ok(None) };
        for id in self.ids()? {
            if let Some(record) = self.record(id)?.filter(|record| matches!(record.state, State::Running { .. })) {
                self.write(&Record { state: State::Interrupted, ..record }, chance)?;
            }
        }
        Ok(Some(turn))
    }

    fn try_lock(&self) -> Result<Option<Turn>, KeepError> {
        let path = self.lock_path();
        let failed = |source| KeepError::File { path: path.clone(), source };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Turn(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Whether somebody makes one now.
    fn is_busy(&self) -> Result<bool, KeepError> {
        Ok(self.folder.is_dir() && self.try_lock()?.is_none())
    }

    /// Writes a record, whole and durable.
    pub(crate) fn write(&self, record: &Record, chance: &mut StdRng) -> Result<(), KeepError> {
        let path = self.record_path(record.id);
        let failed = |source| KeepError::File { path: path.clone(), source };
        let vault = self.vault.as_ref().ok_or_else(|| failed(io::Error::other("the Ente's key is gone")))?;
        let text = serde_json::to_vec(&VersionedRecord::V1(record.clone())).map_err(|error| failed(error.into()))?;
        warehouse::write_whole(&path, &vault.seal(&text, &about_record(record.id), chance)).map_err(failed)
    }

    /// The record with this id; `None` for one that is not there, is past its time, or cannot be opened.
    fn record(&self, id: Uuid) -> Result<Option<Record>, KeepError> {
        let path = self.record_path(id);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(KeepError::File { path, source }),
        };
        let text = self.vault.as_ref().and_then(|vault| vault.open(&bytes, &about_record(id)).ok());
        let record = text.and_then(|text| serde_json::from_slice::<VersionedRecord>(&text).ok());
        Ok(record.map(|VersionedRecord::V1(record)| record))
    }

    /// One of them.
    pub(crate) fn one(&self, id: Uuid, now: DateTime<Utc>) -> Result<Option<Kept>, KeepError> {
        let Some(mut record) = self.record(id)?.filter(|record| !record.is_past(now)) else { return Ok(None) };
        if matches!(record.state, State::Running { .. }) && !self.is_busy()? {
            // Whoever made it may have ended between the two looks.
            let Some(again) = self.record(id)? else { return Ok(None) };
            let was_cut_off = matches!(again.state, State::Running { .. });
            record = again;
            if was_cut_off {
                return Ok(Some(Kept { record, is_interrupted: true }));
            }
        }
        let is_interrupted = matches!(record.state, State::Interrupted);
        Ok(Some(Kept { record, is_interrupted }))
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self, now: DateTime<Utc>) -> Result<Vec<Kept>, KeepError> {
        let mut all = Vec::new();
        for id in self.ids()? {
            all.extend(self.one(id, now)?);
        }
        all.sort_by_key(|kept| std::cmp::Reverse((kept.record.asked_at, kept.record.id)));
        Ok(all)
    }

    fn names(&self) -> Result<Vec<String>, KeepError> {
        let failed = |source| KeepError::File { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn ids(&self) -> Result<Vec<Uuid>, KeepError> {
        let names = self.names()?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(".record")?.parse().ok()).collect())
    }

    /// Begins the sealed file of an extraction.
    pub(crate) fn begin(&self, id: Uuid, chance: StdRng) -> Result<SealedWriter<File, StdRng>, KeepError> {
        let path = self.partial_path(id);
        let failed = |source| KeepError::File { path: path.clone(), source };
        let vault = self.vault.as_ref().ok_or_else(|| failed(io::Error::other("the Ente's key is gone")))?;
        File::create(&path).and_then(|file| vault.write(file, &about_file(id), chance)).map_err(failed)
    }

    /// Makes what was written durable, reads it back, and gives it its name.
    pub(crate) fn publish(&self, id: Uuid) -> Result<(), KeepError> {
        let (partial, kept) = (self.partial_path(id), self.kept_path(id));
        File::open(&partial)
            .and_then(|file| file.sync_all())
            .and_then(|()| self.check(&partial, id))
            .and_then(|()| fs::rename(&partial, &kept))
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|source| KeepError::File { path: kept.clone(), source })
    }

    fn reader(&self, path: &Path, id: Uuid) -> io::Result<SealedReader<io::BufReader<File>>> {
        let vault = self.vault.as_ref().ok_or_else(|| io::Error::other("the Ente's key is gone"))?;
        vault.read(io::BufReader::with_capacity(1 << 18, File::open(path)?), &about_file(id))
    }

    fn check(&self, path: &Path, id: Uuid) -> io::Result<()> {
        let mut reader = self.reader(path, id)?;
        while reader.piece()?.is_some() {}
        Ok(())
    }

    /// The file of an extraction, once all of it is known to be what was written.
    pub(crate) fn read(&self, id: Uuid) -> Result<SealedReader<io::BufReader<File>>, KeepError> {
        let path = self.kept_path(id);
        self.check(&path, id)
            .and_then(|()| self.reader(&path, id))
            .map_err(|source| KeepError::File { path: path.clone(), source })
    }

    /// Deletes an extraction: the record first, so that nothing names what is no longer there.
    pub(crate) fn delete(&self, id: Uuid) -> Result<(), KeepError> {
        for path in [self.record_path(id), self.kept_path(id), self.partial_path(id)] {
            remove(&path)?;
        }
        Ok(())
    }

    /// Seals anew what was sealed under the Ente's key before, while that is renewed; gives how many extractions were. `None` while
    /// one is being made.
    pub(crate) fn renew(&self, chance: &mut StdRng) -> Result<Option<usize>, KeepError> {
        let Some(vault) = self.vault.as_ref().filter(|_| self.folder.is_dir()) else { return Ok(Some(0)) };
        let Some(_turn) = self.take_turn(chance)? else { return Ok(None) };
        let mut renewed = 0;
        for id in self.ids()? {
            // The file first: a record that is sealed anew says that its file is.
            let (kept, partial, path) = (self.kept_path(id), self.partial_path(id), self.record_path(id));
            let failed = |source| KeepError::File { path: kept.clone(), source };
            if kept.is_file() {
                let from = io::BufReader::new(File::open(&kept).map_err(failed)?);
                let to = File::create(&partial).map_err(failed)?;
                if vault.renew_file(from, &to, &about_file(id), chance).map_err(failed)? {
                    self.publish(id)?;
                } else {
                    remove(&partial)?;
                }
            }
            let failed = |source| KeepError::File { path: path.clone(), source };
            let bytes = fs::read(&path).map_err(failed)?;
            let anew = vault.renew(&bytes, &about_record(id), chance);
            if let Some(anew) = anew.map_err(|error| failed(io::Error::other(error)))? {
                warehouse::write_whole(&path, &anew).map_err(failed)?;
                renewed += 1;
            }
        }
        Ok(Some(renewed))
    }

    /// Removes what is past its time or cannot be opened any more and, unless one is being made, what no record names.
    pub(crate) fn sweep(&self, now: DateTime<Utc>, chance: &mut StdRng) -> Result<(), KeepError> {
        for id in self.ids()? {
            if self.record(id)?.is_none_or(|record| record.is_past(now)) {
                self.delete(id)?;
            }
        }
        // What is being made has files that its record does not name yet.
        let Some(_turn) = self.folder.is_dir().then(|| self.take_turn(chance)).transpose()?.flatten() else {
            return Ok(());
        };
        let ids = self.ids()?;
        for name in self.names()? {
            let (stem, kind) = name.rsplit_once('.').unwrap_or((&name, ""));
            let is_named = stem.parse().is_ok_and(|id: Uuid| ids.contains(&id));
            let is_kept = name == "lock" || (is_named && (kind == "record" || kind == "kept"));
            if !is_kept {
                remove(&self.folder.join(&name))?;
            }
        }
        Ok(())
    }
}

fn about_record(id: Uuid) -> String {
    format!("extraction|{id}|record")
}

fn about_file(id: Uuid) -> String {
    format!("extraction|{id}|file")
}

fn remove(path: &Path) -> Result<(), KeepError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(KeepError::File { path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
