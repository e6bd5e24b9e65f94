//! Projects: what for, for how long, signed by whom, and who is a member now.
//!
//! Days count whole: a project begins with its first day and ends with its last.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rand::CryptoRng;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use uuid::Uuid;

use crate::database::Workspace;
use crate::error::{Problem, Refused, WorkspaceError};
use crate::events::{self, Act, Event};
use crate::fields::{LONG, SHORT, moment, person, refused, required};
use crate::ids::{Person, ProjectId, new_id};
use crate::tables::{members, projects};

/// The terms of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    /// Its title.
    pub title: String,
    /// What is to be found out.
    pub purpose: String,
    /// The university or institute.
    pub institution: String,
    /// Who answers for it there.
    pub responsible: String,
    /// The opinion of the ethics committee, or why none is needed.
    pub ethics: String,
    /// Its first day.
    pub starts_on: NaiveDate,
    /// Its last day, after the first.
    pub ends_on: NaiveDate,
    /// The day on which the institution signed the undertaking, once it has.
    pub undertaking_on: Option<NaiveDate>,
}

impl NewProject {
    fn checked(&self) -> Result<Self, Refused> {
        if self.ends_on <= self.starts_on {
            return Err(refused("ends_on", Problem::Order));
        }
        Ok(Self {
            title: required("title", &self.title, SHORT)?,
            purpose: required("purpose", &self.purpose, LONG)?,
            institution: required("institution", &self.institution, SHORT)?,
            responsible: required("responsible", &self.responsible, SHORT)?,
            ethics: required("ethics", &self.ethics, LONG)?,
            starts_on: self.starts_on,
            ends_on: self.ends_on,
            undertaking_on: self.undertaking_on,
        })
    }

    fn into_row(self) -> projects::ActiveModel {
        projects::ActiveModel {
            title: Set(self.title),
            purpose: Set(self.purpose),
            institution: Set(self.institution),
            responsible: Set(self.responsible),
            ethics: Set(self.ethics),
            starts_on: Set(self.starts_on),
            ends_on: Set(self.ends_on),
            undertaking_on: Set(self.undertaking_on),
            ..Default::default()
        }
    }

    /// The fields in which two differ, for the history.
    fn differing(&self, other: &Self) -> Vec<&'static str> {
        let Self { title, purpose, institution, responsible, ethics, starts_on, ends_on, undertaking_on } = self;
        let fields = [
            ("title", *title != other.title),
            ("purpose", *purpose != other.purpose),
            ("institution", *institution != other.institution),
            ("responsible", *responsible != other.responsible),
            ("ethics", *ethics != other.ethics),
            ("starts_on", *starts_on != other.starts_on),
            ("ends_on", *ends_on != other.ends_on),
            ("undertaking_on", *undertaking_on != other.undertaking_on),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
    }
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its terms.
    pub terms: NewProject,
    /// Who is a member now, by name.
    pub members: Vec<Person>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: Person,
    /// Who closed it, once somebody has.
    pub closed: Option<Closing>,
}

/// How a project was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// By whom.
    pub by: Person,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// Where a project stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its members ask and read.
    Active,
    /// The institution has not signed.
    Unsigned,
    /// Its first day is to come.
    NotStarted,
    /// Its last day is past.
    Ended,
    /// It was closed.
    Closed,
}

impl Standing {
    /// For pages and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Unsigned => "unsigned",
            Self::NotStarted => "not-started",
            Self::Ended => "ended",
            Self::Closed => "closed",
        }
    }
}

impl Project {
    /// Where it stands on a day.
    #[must_use]
    pub fn standing(&self, today: NaiveDate) -> Standing {
        if self.closed.is_some() {
            Standing::Closed
        } else if self.terms.undertaking_on.is_none_or(|signed| signed > today) {
            Standing::Unsigned
        } else if today < self.terms.starts_on {
            Standing::NotStarted
        } else if today > self.terms.ends_on {
            Standing::Ended
        } else {
            Standing::Active
        }
    }

    /// Whether it is signed, has begun, has not ended and was not closed.
    #[must_use]
    pub fn is_active(&self, today: NaiveDate) -> bool {
        self.standing(today) == Standing::Active
    }

    /// Whether an account is a member now.
    #[must_use]
    pub fn has_member(&self, account: Uuid) -> bool {
        self.members.iter().any(|member| member.account == account)
    }

    /// Refuses whoever is no member.
    pub(crate) fn require_member(&self, by: &Person) -> Result<(), Refused> {
        if self.has_member(by.account) { Ok(()) } else { Err(Refused::NotMember) }
    }

    /// Refuses what only an active project may have.
    pub(crate) fn require_active(&self, today: NaiveDate) -> Result<(), Refused> {
        match self.standing(today) {
            Standing::Active => Ok(()),
            standing @ (Standing::Unsigned | Standing::NotStarted | Standing::Ended | Standing::Closed) => {
                Err(Refused::NotActive(standing))
            }
        }
    }

    fn read(row: projects::Model, members: Vec<Person>) -> Self {
        let closed_by = row.closed_by.zip(row.closed_name).map(|(account, name)| Person { account, name });
        let closed = row.closed_at.zip(closed_by).zip(row.closed_reason);
        Self {
            id: ProjectId(row.id),
            terms: NewProject {
                title: row.title,
                purpose: row.purpose,
                institution: row.institution,
                responsible: row.responsible,
                ethics: row.ethics,
                starts_on: row.starts_on,
                ends_on: row.ends_on,
                undertaking_on: row.undertaking_on,
            },
            members,
            created_at: row.created_at,
            created_by: Person { account: row.created_by, name: row.created_name },
            closed: closed.map(|((at, by), reason)| Closing { by, at, reason }),
        }
    }
}

/// Projects with their members, the last made first; `only` leaves out all others.
pub(crate) async fn load(
    connection: &impl ConnectionTrait,
    only: Option<Vec<Uuid>>,
) -> Result<Vec<Project>, WorkspaceError> {
    let mut query = projects::Entity::find();
    let mut of = members::Entity::find();
    if let Some(ids) = only {
        query = query.filter(projects::Column::Id.is_in(ids.clone()));
        of = of.filter(members::Column::ProjectId.is_in(ids));
    }
    let rows =
        query.order_by_desc(projects::Column::CreatedAt).order_by_asc(projects::Column::Id).all(connection).await?;
    let mut people: BTreeMap<Uuid, Vec<Person>> = BTreeMap::new();
    for row in of.order_by_asc(members::Column::AccountId).all(connection).await? {
        people.entry(row.project_id).or_default().push(Person { account: row.account_id, name: row.name });
    }
    let read = |row: projects::Model| {
        let mut members = people.remove(&row.id).unwrap_or_default();
        // Here, not in the database: each sorts letters in its own way.
        members.sort_by(|a, b| (&a.name, a.account).cmp(&(&b.name, b.account)));
        Project::read(row, members)
    };
    Ok(rows.into_iter().map(read).collect())
}

/// One project.
pub(crate) async fn one(connection: &impl ConnectionTrait, id: ProjectId) -> Result<Project, WorkspaceError> {
    load(connection, Some(vec![id.0])).await?.pop().ok_or(WorkspaceError::NotFound("project"))
}

/// The projects in which an account is a member now, the last made first.
pub(crate) async fn of_member(
    connection: &impl ConnectionTrait,
    account: Uuid,
) -> Result<Vec<Project>, WorkspaceError> {
    let rows = members::Entity::find().filter(members::Column::AccountId.eq(account)).all(connection).await?;
    load(connection, Some(rows.into_iter().map(|row| row.project_id).collect())).await
}

impl Workspace {
    /// Makes a project, without members.
    ///
    /// # Errors
    /// A field does not do.
    pub async fn create_project(
        &self,
        by: &Person,
        new: &NewProject,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<ProjectId, WorkspaceError> {
        let (by, now, id) = (person(by)?, moment(now), new_id(chance));
        let row = projects::ActiveModel {
            id: Set(id),
            created_at: Set(now),
            created_by: Set(by.account),
            created_name: Set(by.name.clone()),
            ..new.checked()?.into_row()
        };
        let writing = self.write().await?;
        projects::Entity::insert(row).exec_without_returning(&writing).await?;
        events::append(&writing, id, Event::by(&by, Act::Created, now)).await?;
        writing.commit().await?;
        Ok(ProjectId(id))
    }

    /// Changes the terms of a project that is not closed. The history says which fields.
    ///
    /// # Errors
    /// No such project; closed; a field does not do.
    pub async fn change_project(
        &self,
        id: ProjectId,
        by: &Person,
        new: &NewProject,
        now: DateTime<Utc>,
    ) -> Result<(), WorkspaceError> {
        let (by, now, new) = (person(by)?, moment(now), new.checked()?);
        let writing = self.write().await?;
        let before = one(&writing, id).await?;
        let differing = before.terms.differing(&new);
        set(&writing, id, new.into_row()).await?;
        if !differing.is_empty() {
            let event = Event::by(&by, Act::Changed, now).with(differing.join(" "));
            events::append(&writing, id.0, event).await?;
        }
        writing.commit().await?;
        Ok(())
    }

    /// Closes a project for good: nothing of it is asked for or read by its members any more.
    ///
    /// # Errors
    /// No such project; closed already; no reason.
    pub async fn close_project(
        &self,
        id: ProjectId,
        by: &Person,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), WorkspaceError> {
        let (by, now, reason) = (person(by)?, moment(now), required("reason", reason, LONG)?);
        let change = projects::ActiveModel {
            closed_at: Set(Some(now)),
            closed_by: Set(Some(by.account)),
            closed_name: Set(Some(by.name.clone())),
            closed_reason: Set(Some(reason.clone())),
            ..Default::default()
        };
        let writing = self.write().await?;
        set(&writing, id, change).await?;
        events::append(&writing, id.0, Event::by(&by, Act::Closed, now).with(reason)).await?;
        writing.commit().await?;
        Ok(())
    }

    /// Makes somebody a member of a project that is not closed.
    ///
    /// # Errors
    /// No such project; closed; a member already.
    pub async fn add_member(
        &self,
        id: ProjectId,
        member: &Person,
        by: &Person,
        now: DateTime<Utc>,
    ) -> Result<(), WorkspaceError> {
        let (by, now, member) = (person(by)?, moment(now), person(member)?);
        let writing = self.write().await?;
        let project = one(&writing, id).await?;
        if project.closed.is_some() {
            return Err(Refused::Closed.into());
        }
        if project.has_member(member.account) {
            return Err(Refused::MemberAlready.into());
        }
        let row = members::ActiveModel {
            project_id: Set(id.0),
            account_id: Set(member.account),
            name: Set(member.name.clone()),
        };
        members::Entity::insert(row).exec_without_returning(&writing).await?;
        events::append(&writing, id.0, Event::by(&by, Act::MemberAdded, now).about(&member)).await?;
        writing.commit().await?;
        Ok(())
    }

    /// Ends a membership, at once; what the member asked for and saved stays the project's.
    ///
    /// # Errors
    /// No such project, or no such member in it.
    pub async fn remove_member(
        &self,
        id: ProjectId,
        account: Uuid,
        by: &Person,
        now: DateTime<Utc>,
    ) -> Result<(), WorkspaceError> {
        let (by, now) = (person(by)?, moment(now));
        let writing = self.write().await?;
        let mut members = one(&writing, id).await?.members.into_iter();
        let member = members.find(|member| member.account == account).ok_or(WorkspaceError::NotFound("member"))?;
        members::Entity::delete_by_id((id.0, account)).exec(&writing).await?;
        events::append(&writing, id.0, Event::by(&by, Act::MemberRemoved, now).about(&member)).await?;
        writing.commit().await?;
        Ok(())
    }

    /// All projects, the last made first: for officers.
    ///
    /// # Errors
    /// The database.
    pub async fn projects(&self) -> Result<Vec<Project>, WorkspaceError> {
        load(self.reading(), None).await
    }

    /// The projects in which an account is a member now, whatever their standing, the last made first.
    ///
    /// # Errors
    /// The database.
    pub async fn projects_of(&self, account: Uuid) -> Result<Vec<Project>, WorkspaceError> {
        of_member(self.reading(), account).await
    }

    /// One project.
    ///
    /// # Errors
    /// No such project.
    pub async fn project(&self, id: ProjectId) -> Result<Project, WorkspaceError> {
        one(self.reading(), id).await
    }

    /// Who did what to a project when, the first first.
    ///
    /// # Errors
    /// No such project.
    pub async fn project_history(&self, id: ProjectId) -> Result<Vec<Event>, WorkspaceError> {
        let history = events::list(self.reading(), id.0).await?;
        // A project begins with an event; a request's id is none of a project.
        if history.first().is_none_or(|event| event.act != Act::Created) {
            return Err(WorkspaceError::NotFound("project"));
        }
        Ok(history)
    }
}

/// Sets columns of a project that is not closed.
async fn set(
    connection: &impl ConnectionTrait,
    id: ProjectId,
    change: projects::ActiveModel,
) -> Result<(), WorkspaceError> {
    let done = projects::Entity::update_many()
        .set(change)
        .filter(projects::Column::Id.eq(id.0))
        .filter(projects::Column::ClosedAt.is_null())
        .exec(connection)
        .await?;
    if done.rows_affected == 0 {
        one(connection, id).await?;
        return Err(Refused::Closed.into());
    }
    Ok(())
}
