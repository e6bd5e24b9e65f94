//! A database in two halves. The research area's: projects, requests and their approvals, the register of published releases,
//! jobs of the builder, saved queries and the log of those that were asked. And the dashboards': what an account saw last,
//! saved views, reports with their editions, the groups of needs that keep their letters, and the figures that pages show, each of
//! one Ente.
//!
//! No persona is in it, and no Ente in the research area's half; in the other every row is of an Ente, and what is asked for
//! one never reaches a row of another ([`Workspace::due`] alone looks at all, and tells ids). Who acts is a [`Person`], an
//! account of the portal by an opaque id and the name that was shown. Who may act as an officer or see dashboards is decided by
//! the caller; membership of a project and ownership of a view are decided here. Building, files and pages belong to others.
//! Clock and chance are arguments; a civil day is given by the caller.

mod database;
mod editions;
mod error;
mod events;
mod fields;
mod forgetting;
mod groups;
mod ids;
mod jobs;
mod migrations;
mod projects;
mod publishing;
mod queries;
mod register;
mod reports;
mod requests;
mod snapshots;
mod tables;
mod views;
mod visits;

pub use database::{Place, Workspace};
pub use editions::{Edition, EditionLine, Issued, NewEdition};
pub use error::{DatabaseError, EnteError, Problem, Refused, WorkspaceError};
pub use events::{Act, Event};
pub use forgetting::Forgotten;
pub use ids::{
    BaseId, EditionId, InvalidId, JobId, Person, ProjectId, QueryId, ReleaseId, ReportId, RequestId, ViewId,
};
pub use jobs::{BaseOrder, GAVE_UP, Job, JobState, TAKEN_MAX, Work};
pub use projects::{Closing, NewProject, Project, Standing};
pub use publishing::{Release, Terms, Withdrawal};
pub use queries::{LoggedQuery, NewLogLine, SavedQuery};
pub use register::{Content, Entry, Published, RegisterProblem, RegisterVerdict, VersionedContent};
pub use reports::{CLOSING, Due, Every, INTRODUCTION, NewReport, Report, Schedule};
pub use requests::{APPROVALS_NEEDED, Approval, Draft, K_MIN, NewRequest, Request, State, StateKind};
pub use views::{SavedView, VIEWS_MAX};
pub use visits::{Seen, Visit};

#[cfg(test)]
mod tests;
