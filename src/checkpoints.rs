//! The file of checkpoints of the audits, beside the database and not in it: one line each, only ever appended.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use store::{AuditCheckpoint, Store, VersionedCheckpoint};

use crate::data_folder::{DataFolder, cannot};
use crate::system;

/// How often `serve` writes one.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// All checkpoints, from the first; none where none was written.
pub(crate) fn read(path: &Path) -> Result<Vec<AuditCheckpoint>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).with_context(|| cannot("read", path))?;
    // A line that a crash cut short has no end; the one after it begins a line of its own.
    let lines = text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n') && line.trim() != "");
    lines
        .map(|(number, line)| {
            let read: Result<VersionedCheckpoint, _> = serde_json::from_str(line);
            let read = read.with_context(|| format!("{}, line {}: not a checkpoint", path.display(), number + 1))?;
            Ok(read.into_latest())
        })
        .collect()
}

/// Appends one, durable before this returns. Two programs at once take turns.
pub(crate) async fn write(folder: &DataFolder, store: &Store) -> Result<AuditCheckpoint> {
    let path = folder.audit_checkpoints();
    let mut file =
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path).with_context(|| cannot("write", &path))?;
    file.lock().with_context(|| cannot("lock", &path))?;
    let known = read(&path)?;
    let now = system::now();
    let platform = store.command_line_platform("audit checkpoint", "audit checkpoint", now).await?;
    let checkpoint = store.audit_checkpoint(&platform, known.last(), now).await?;
    let mut line = serde_json::to_string(&VersionedCheckpoint::V1(checkpoint.clone()))?;
    line.push('\n');
    if !fs::read_to_string(&path).with_context(|| cannot("read", &path))?.ends_with('\n') && !known.is_empty() {
        line.insert(0, '\n');
    }
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).with_context(|| cannot("write", &path))?;
    Ok(checkpoint)
}

/// Whether every checkpoint is this database's own and none was taken out; gives the place of the first that is not.
pub(crate) fn check(path: &Path, store: &Store, checkpoints: &[AuditCheckpoint]) -> Result<()> {
    let mut before = None;
    for (number, checkpoint) in checkpoints.iter().enumerate() {
        if !store.is_our_checkpoint(checkpoint, before) {
            bail!(
                "{}: checkpoint {} was changed, belongs to another database, or the one before it is missing; compare with a copy",
                path.display(),
                number + 1
            );
        }
        before = Some(checkpoint);
    }
    Ok(())
}

/// Writes one now and then one an hour, for as long as the program serves.
pub(crate) async fn write_every_hour(folder: DataFolder, store: Store) {
    loop {
        if let Err(error) = write(&folder, &store).await {
            tracing::error!(error = format!("{error:#}"), "the checkpoint of the audits could not be written");
        }
        tokio::time::sleep(EVERY).await;
    }
}
