//! What the audit tells of extractions. The data are the lake's, and the files are kept beside it: nothing of them is here.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::access::{EnteScope, Right};
use crate::audit::Line;
use crate::error::StoreError;
use crate::open::Store;

/// What was done with an extraction without names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtractionAct {
    /// Somebody asked for it.
    Request,
    /// It is ready to be taken.
    Ready,
    /// It could not be made.
    Fail,
    /// Somebody took it.
    Download,
    /// Somebody deleted it.
    Delete,
}

impl ExtractionAct {
    /// The code of the audit.
    const fn code(self) -> &'static str {
        match self {
            Self::Request => "extraction.request",
            Self::Ready => "extraction.ready",
            Self::Fail => "extraction.fail",
            Self::Download => "extraction.download",
            Self::Delete => "extraction.delete",
        }
    }
}

impl Store {
    /// Writes to the audit what is done with an extraction: `detail` says what was chosen, how much it is, and why.
    ///
    /// # Errors
    /// No right ([`Right::ExtractPseudonymous`]); the database.
    pub async fn record_extraction(
        &self,
        scope: &EnteScope,
        act: ExtractionAct,
        extraction: Uuid,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ExtractPseudonymous)?;
        let detail: String = detail.chars().take(1_000).collect();
        self.note(Line::done(scope, act.code(), &[extraction]).with_detail(detail), now).await
    }
}
