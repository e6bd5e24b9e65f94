//! Who did what when, of projects and of requests: only ever longer, which the database holds.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set};
use uuid::Uuid;

use crate::error::WorkspaceError;
use crate::fields::damaged;
use crate::ids::Person;
use crate::tables::events;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A project was made.
    Created,
    /// Its terms were changed: the detail names the fields.
    Changed,
    /// Somebody became a member.
    MemberAdded,
    /// Somebody is no member any more.
    MemberRemoved,
    /// The project was closed: the detail is the reason.
    Closed,
    /// A release was asked for.
    Requested,
    /// The request was accepted: the detail is the release's id.
    Accepted,
    /// The builder made the draft: the detail is its SHA-256.
    Assessed,
    /// The builder failed: the detail is the problem.
    Failed,
    /// A draft was approved: the detail is its SHA-256.
    Approved,
    /// The request was refused: the detail is the reason.
    Refused,
    /// The release was published: the detail is its id.
    Published,
    /// The release was withdrawn: the detail is the reason.
    Withdrawn,
}

impl Act {
    /// All.
    pub const ALL: [Self; 13] = [
        Self::Created,
        Self::Changed,
        Self::MemberAdded,
        Self::MemberRemoved,
        Self::Closed,
        Self::Requested,
        Self::Accepted,
        Self::Assessed,
        Self::Failed,
        Self::Approved,
        Self::Refused,
        Self::Published,
        Self::Withdrawn,
    ];

    /// As it is stored, and for pages.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::MemberAdded => "member-added",
            Self::MemberRemoved => "member-removed",
            Self::Closed => "closed",
            Self::Requested => "requested",
            Self::Accepted => "accepted",
            Self::Assessed => "assessed",
            Self::Failed => "failed",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub act: Act,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; `None` is the builder.
    pub by: Option<Person>,
    /// Whom it was about, where it was about a member.
    pub about: Option<Person>,
    /// A reason, a hash, an id: [`Act`] says which.
    pub detail: Option<String>,
}

impl Event {
    pub(crate) fn by(by: &Person, act: Act, at: DateTime<Utc>) -> Self {
        Self { act, at, by: Some(by.clone()), about: None, detail: None }
    }

    pub(crate) fn of_builder(act: Act, at: DateTime<Utc>) -> Self {
        Self { act, at, by: None, about: None, detail: None }
    }

    pub(crate) fn about(self, person: &Person) -> Self {
        Self { about: Some(person.clone()), ..self }
    }

    pub(crate) fn with(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    fn read(row: events::Model) -> Result<Self, WorkspaceError> {
        let person =
            |id: Option<Uuid>, name: Option<String>| id.zip(name).map(|(account, name)| Person { account, name });
        let act = Act::ALL.into_iter().find(|act| act.code() == row.act);
        Ok(Self {
            act: act.ok_or_else(|| damaged("events", format!("{} {}", row.subject_id, row.seq)))?,
            at: row.at,
            by: person(row.by_id, row.by_name),
            about: person(row.about_id, row.about_name),
            detail: row.detail,
        })
    }
}

/// Writes an event, in the caller's transaction.
pub(crate) async fn append(
    connection: &impl ConnectionTrait,
    subject: Uuid,
    event: Event,
) -> Result<(), WorkspaceError> {
    let before = events::Entity::find().filter(events::Column::SubjectId.eq(subject)).count(connection).await?;
    let (by_id, by_name) = event.by.map(|person| (person.account, person.name)).unzip();
    let (about_id, about_name) = event.about.map(|person| (person.account, person.name)).unzip();
    let row = events::ActiveModel {
        subject_id: Set(subject),
        seq: Set(i64::try_from(before).map_err(|_| damaged("events", subject))? + 1),
        act: Set(event.act.code().to_owned()),
        at: Set(event.at),
        by_id: Set(by_id),
        by_name: Set(by_name),
        about_id: Set(about_id),
        about_name: Set(about_name),
        detail: Set(event.detail),
    };
    events::Entity::insert(row).exec_without_returning(connection).await?;
    Ok(())
}

/// What was done, the first first.
pub(crate) async fn list(connection: &impl ConnectionTrait, subject: Uuid) -> Result<Vec<Event>, WorkspaceError> {
    let rows = events::Entity::find()
        .filter(events::Column::SubjectId.eq(subject))
        .order_by_asc(events::Column::Seq)
        .all(connection)
        .await?;
    rows.into_iter().map(Event::read).collect()
}
