//! The research area's database: projects, requests and their approvals, the register of published releases, jobs of the
//! builder, saved queries and the log of those that were asked.
//!
//! No persona and no Ente is in it: who acts is a [`Person`], an account of the portal by an opaque id and the name that was
//! shown. Who may act as an officer is decided by the caller; membership of a project is decided here. Building, files and
//! pages belong to others. Clock and chance are arguments; a civil day is given by the caller.

mod database;
mod error;
mod events;
mod fields;
mod ids;
mod jobs;
mod migrations;
mod projects;
mod publishing;
mod queries;
mod register;
mod requests;
mod tables;

pub use database::{Place, Workspace};
pub use error::{DatabaseError, Problem, Refused, WorkspaceError};
pub use events::{Act, Event};
pub use ids::{BaseId, InvalidId, JobId, Person, ProjectId, QueryId, ReleaseId, RequestId};
pub use jobs::{BaseOrder, GAVE_UP, Job, JobState, TAKEN_MAX, Work};
pub use projects::{Closing, NewProject, Project, Standing};
pub use publishing::{Release, Terms, Withdrawal};
pub use queries::{LoggedQuery, NewLogLine, SavedQuery};
pub use register::{Content, Entry, Published, RegisterProblem, RegisterVerdict, VersionedContent};
pub use requests::{APPROVALS_NEEDED, Approval, Draft, K_MIN, NewRequest, Request, State, StateKind};

#[cfg(test)]
mod tests;
