//! The figures that are shown until the next ones, kept where a restart finds them. Where the database does not answer nothing new may be
//! shown, since it would not know of what was: that is logged. What is kept and is of another form is as if it were lost.

use std::fmt::Display;

use domain::feed::EnteId;

use super::Desk;
use crate::protect::ProtectError;
use crate::snapshot::Snapshot;

fn failed(ente: EnteId, error: &dyn Display) -> ProtectError {
    tracing::error!(ente.id = %ente, %error, "the figures that are shown cannot be kept");
    ProtectError::Kept
}

pub(crate) async fn kept(desk: &Desk, ente: EnteId, strumento: &str) -> Result<Option<Snapshot>, ProtectError> {
    let bytes = desk.workspace.snapshot(ente, strumento).await.map_err(|error| failed(ente, &error))?;
    let read = |bytes: Vec<u8>| Snapshot::from_bytes(&bytes).inspect_err(|error| drop(failed(ente, error))).ok();
    Ok(bytes.and_then(read))
}

/// Keeps a snapshot, unless one of a later state is kept.
pub(crate) async fn keep(
    desk: &Desk,
    ente: EnteId,
    strumento: &str,
    snapshot: &Snapshot,
) -> Result<bool, ProtectError> {
    let bytes = snapshot.to_bytes().map_err(|error| failed(ente, &error))?;
    let kept = desk.workspace.keep_snapshot(ente, strumento, snapshot.position.published_at, bytes).await;
    kept.map_err(|error| failed(ente, &error))
}
