//! What can go wrong in the workspace, as far as a caller would act differently; codes that pages turn into words.

use sea_orm::DbErr;

use crate::projects::Standing;
use crate::requests::StateKind;

/// Why the workspace did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The database does not answer, or refuses.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    /// What is stored makes no sense.
    #[error("damaged: table {table}, row {row}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row's id.
        row: String,
    },
    /// The database is another program's, or was written by a newer one.
    #[error("the database does not fit this program: it was written by another version of it ({0})")]
    Version(String),
    /// The database's file cannot be made.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Why the workspace did not keep, or give, something of an Ente.
#[derive(Debug, thiserror::Error)]
pub enum EnteError {
    /// There is no such thing, in this Ente and for this account.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A field does not do.
    #[error("the field {field} does not do: {}", .problem.code())]
    Field {
        /// Which.
        field: &'static str,
        /// Why.
        problem: Problem,
    },
    /// A text of a report does not do.
    #[error("the text {part:?} of the report does not do: {}", .problem.code())]
    Text {
        /// The code of its chapter, or one of the two that every report has.
        part: String,
        /// Why.
        problem: Problem,
    },
    /// The account keeps as many views as it may.
    #[error("the account keeps {most} views already and may keep no more: it must delete one first")]
    ViewsFull {
        /// How many it may keep.
        most: u32,
    },
    /// Somebody changed the report meanwhile, and nothing was written.
    #[error("the report was changed meanwhile: read revision {present}, put both together and write again upon it")]
    Conflict {
        /// The revision that lies there now.
        present: i64,
    },
    /// Nothing is issued of a report without a schedule.
    #[error("the report has no schedule: it must be scheduled first")]
    NotScheduled,
    /// The workspace itself failed.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

impl From<DbErr> for EnteError {
    fn from(error: DbErr) -> Self {
        Self::Workspace(error.into())
    }
}

impl From<Refused> for EnteError {
    fn from(refused: Refused) -> Self {
        if let Refused::Field { field, problem } = refused {
            Self::Field { field, problem }
        } else {
            Self::Workspace(refused.into())
        }
    }
}

/// A failure of the database, for logs; its text never reaches a client.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(Box<dyn std::error::Error + Send + Sync>);

impl From<DbErr> for WorkspaceError {
    fn from(error: DbErr) -> Self {
        Self::Database(DatabaseError(Box::new(error)))
    }
}

/// The rule that forbids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A field does not do.
    #[error("the field {field} does not do: {}", .problem.code())]
    Field {
        /// Which.
        field: &'static str,
        /// Why.
        problem: Problem,
    },
    /// The account is no member of the project.
    #[error("not a member of the project")]
    NotMember,
    /// The account is a member already.
    #[error("a member of the project already")]
    MemberAlready,
    /// Nothing is asked or published for a project that is not active.
    #[error("the project is not active: {}", .0.code())]
    NotActive(Standing),
    /// The project is closed already.
    #[error("the project is closed")]
    Closed,
    /// The request, as it stands now, does not allow this act.
    #[error("not while the request is {}", .0.code())]
    NotNow(StateKind),
    /// The draft approved is not the one that lies there now.
    #[error("this is another draft than the one of the request")]
    OtherDraft,
    /// Nobody approves what they asked for.
    #[error("nobody approves a request of their own")]
    OwnRequest,
    /// One account approves once.
    #[error("this account has approved the draft already")]
    ApprovedAlready,
    /// Two people must have approved this draft.
    #[error("two people must approve this draft first")]
    ApprovalsMissing,
    /// The builder does not work on this job: it is over, was dropped, or was not taken.
    #[error("the job is not under way")]
    JobNotUnderWay,
    /// The job makes something else.
    #[error("the job makes something else")]
    OtherWork,
}

impl Refused {
    /// For pages and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Field { .. } => "field",
            Self::NotMember => "not-member",
            Self::MemberAlready => "member-already",
            Self::NotActive(_) => "not-active",
            Self::Closed => "closed",
            Self::NotNow(_) => "not-now",
            Self::OtherDraft => "other-draft",
            Self::OwnRequest => "own-request",
            Self::ApprovedAlready => "approved-already",
            Self::ApprovalsMissing => "approvals-missing",
            Self::JobNotUnderWay => "job-not-under-way",
            Self::OtherWork => "other-work",
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// It must say something.
    Missing,
    /// It is longer than it may be.
    TooLong,
    /// It has characters that a reader cannot see.
    Hidden,
    /// It has not the form that is asked for.
    Form,
    /// The number is too small or too large.
    Range,
    /// Something is named twice.
    Twice,
    /// It speaks of something that was not asked for.
    NotAsked,
    /// The day is not after the one before it.
    Order,
}

impl Problem {
    /// For pages and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too-long",
            Self::Hidden => "hidden",
            Self::Form => "form",
            Self::Range => "range",
            Self::Twice => "twice",
            Self::NotAsked => "not-asked",
            Self::Order => "order",
        }
    }
}
