//! What is remembered of the groups of people with similar needs, so that they keep their letters from one state of the lake to the
//! next. Where it cannot be read or written, which is logged, they are found anew.

use std::fmt::Display;

use domain::feed::EnteId;

use super::Desk;
use crate::protect::Remembered;

fn failed(ente: EnteId, error: &dyn Display) {
    tracing::error!(ente.id = %ente, %error, "groups of needs cannot be remembered");
}

pub(crate) async fn remembered(desk: &Desk, ente: EnteId, strumento: &str) -> Option<Remembered> {
    let text = desk.workspace.needs_groups(ente, strumento).await;
    let text = text.inspect_err(|error| failed(ente, error)).ok()??;
    serde_json::from_str(&text).inspect_err(|error| failed(ente, error)).ok()
}

pub(crate) async fn remember(desk: &Desk, ente: EnteId, strumento: &str, found: &Remembered) {
    let kept = match serde_json::to_string(found) {
        Ok(text) => desk.workspace.keep_needs_groups(ente, strumento, &text, desk.now()).await,
        Err(error) => return failed(ente, &error),
    };
    if let Err(error) = kept {
        failed(ente, &error);
    }
}
