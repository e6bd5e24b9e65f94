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
    parse(whole(&fs::read_to_string(path).with_context(|| cannot("read", path))?), path)
}

/// The lines that have an end: a crash can cut the last one short.
fn whole(text: &str) -> &str {
    &text[..text.rfind('\n').map_or(0, |end| end + 1)]
}

fn parse(text: &str, path: &Path) -> Result<Vec<AuditCheckpoint>> {
    text.lines()
        .enumerate()
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
    let text = fs::read_to_string(&path).with_context(|| cannot("read", &path))?;
    let known = parse(whole(&text), &path)?;
    let now = system::now();
    let platform = store.command_line_platform("audit checkpoint", "audit checkpoint", now).await?;
    let checkpoint = store.audit_checkpoint(&platform, known.last(), now).await?;
    let mut line = serde_json::to_string(&VersionedCheckpoint::V1(checkpoint.clone()))?;
    line.push('\n');
    // What a crash cut short was never acknowledged; left there it would spoil the line that follows.
    file.set_len(whole(&text).len() as u64).with_context(|| cannot("write", &path))?;
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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::commands::{block_on, open_store};

    #[test]
    fn a_line_that_a_crash_cut_short_spoils_no_other() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(&parent.path().join("data"), &mut StdRng::seed_from_u64(1)).unwrap();
        let path = folder.audit_checkpoints();
        block_on(async {
            let store = open_store(&folder).await?;
            for cut in [r#"{"v":"1","at":"20"#, r#"{"v""#] {
                let before = read(&path)?.len();
                OpenOptions::new().append(true).create(true).open(&path)?.write_all(cut.as_bytes())?;
                assert_eq!(read(&path)?.len(), before);
                write(&folder, &store).await?;
                let known = read(&path)?;
                assert_eq!(known.len(), before + 1);
                check(&path, &store, &known)?;
            }
            Ok(())
        })
        .unwrap();
    }
}
