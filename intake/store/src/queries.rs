//! What the audit tells of questions in SQL. The data are the lake's, and so are the answers: nothing of them is here.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::access::{EnteScope, Right};
use crate::audit::Line;
use crate::error::StoreError;
use crate::open::Store;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryAct {
    /// Somebody asks it.
    Ask,
    /// It was answered.
    Answer,
    /// It is none that is answered.
    Refuse,
    /// It had no answer: too late, too large, something broken.
    Fail,
}

impl QueryAct {
    /// The code of the audit.
    const fn code(self) -> &'static str {
        match self {
            Self::Ask => "query.ask",
            Self::Answer => "query.answer",
            Self::Refuse => "query.refuse",
            Self::Fail => "query.fail",
        }
    }
}

impl Store {
    /// Writes to the audit what becomes of a question: `detail` has its hash, the tables that it names and counts, never its
    /// text, in which somebody may have typed a name.
    ///
    /// # Errors
    /// No right ([`Right::Query`]); the database.
    pub async fn record_query(
        &self,
        scope: &EnteScope,
        act: QueryAct,
        question: Uuid,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::Query)?;
        let detail: String = detail.chars().take(1_000).collect();
        let line = Line::done(scope, act.code(), std::slice::from_ref(&question)).with_detail(detail);
        self.note(Line { is_refused: act == QueryAct::Refuse, ..line }, now).await
    }
}
