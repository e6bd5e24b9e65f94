//! The figures that are shown until the next ones, kept where a restart finds them. Where they cannot be read or written, which is
//! logged, those of the present state are shown.

use std::fmt::Display;

use domain::feed::EnteId;

use super::Desk;
use crate::snapshot::Snapshot;

fn failed(ente: EnteId, error: &dyn Display) {
    tracing::error!(ente.id = %ente, %error, "the figures that are shown cannot be kept");
}

pub(crate) async fn kept(desk: &Desk, ente: EnteId, strumento: &str) -> Option<Snapshot> {
    let bytes = desk.workspace.snapshot(ente, strumento).await;
    let bytes = bytes.inspect_err(|error| failed(ente, error)).ok()??;
    Snapshot::from_bytes(&bytes).inspect_err(|error| failed(ente, error)).ok()
}

pub(crate) async fn keep(desk: &Desk, ente: EnteId, strumento: &str, snapshot: &Snapshot) {
    let kept = match snapshot.to_bytes() {
        Ok(bytes) => {
            let version = snapshot.position.version;
            desk.workspace.keep_snapshot(ente, strumento, version, bytes, desk.now()).await
        }
        Err(error) => return failed(ente, &error),
    };
    if let Err(error) = kept {
        failed(ente, &error);
    }
}
