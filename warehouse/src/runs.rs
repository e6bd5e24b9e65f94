//! The record of each Ente's last run, in a folder beside the partitions. No key is needed to read it: it holds counts and states.

use std::fs;
use std::io;
use std::path::Path;

use domain::feed::EnteId;
use domain::run::{RunRecord, VersionedRunRecord};
use uuid::Uuid;

use crate::lake::{Lake, LakeError};
use crate::layout;

/// What the last run came to for an Ente, in the lake in `folder`; `None` before the first.
///
/// # Errors
/// A file that cannot be read, or that is no record of this Ente.
pub fn run_record(folder: &Path, ente: EnteId) -> Result<Option<RunRecord>, LakeError> {
    let path = layout::run_record(folder, ente);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LakeError::File { path, source }),
    };
    let record = serde_json::from_slice::<VersionedRunRecord>(&bytes).ok().map(VersionedRunRecord::into_latest);
    match record.filter(|record| record.ente == ente) {
        Some(record) => Ok(Some(record)),
        None => Err(LakeError::Damaged { path, problem: "not a record of a run of this Ente" }),
    }
}

impl Lake {
    /// What the last run came to for an Ente.
    ///
    /// # Errors
    /// As [`run_record`].
    pub fn run_record(&self, ente: EnteId) -> Result<Option<RunRecord>, LakeError> {
        run_record(self.folder(), ente)
    }

    /// The Enti of which a run is on record.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn recorded(&self) -> Result<Vec<EnteId>, LakeError> {
        let folder = layout::run_records(self.folder());
        let failed = |source| LakeError::File { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut enti = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let id = name.to_str().and_then(|name| Uuid::try_parse(name.strip_suffix(".json")?).ok());
            enti.extend(id.map(EnteId));
        }
        enti.sort_unstable();
        Ok(enti)
    }

    /// Keeps what a run came to, in place of the run before. It appears whole; it need not survive a power cut, since the next run
    /// writes it again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_run(&self, record: &RunRecord) -> Result<(), LakeError> {
        let path = layout::run_record(self.folder(), record.ente);
        let text = serde_json::to_string_pretty(&VersionedRunRecord::V1(record.clone()))
            .map_err(|error| LakeError::Content(error.to_string()))?;
        layout::replace(&path, text.as_bytes()).map_err(|source| LakeError::File { path, source })
    }

    /// Forgets the runs of an Ente that is closed.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget_run(&self, ente: EnteId) -> Result<(), LakeError> {
        let path = layout::run_record(self.folder(), ente);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(LakeError::File { path, source }),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
