//! Publishing and withdrawing, and which releases somebody may have: published, not withdrawn, not expired, of an active
//! project in which they are a member now. What is had is read from the register alone.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::database::Workspace;
use crate::error::{Problem, Refused, WorkspaceError};
use crate::events::{self, Act, Event};
use crate::fields::{LONG, SHORT, damaged, moment, person, refused, required};
use crate::ids::{Person, ProjectId, ReleaseId, RequestId};
use crate::projects;
use crate::register::{self, Content, Entry, NewEntry, Of, Published};
use crate::requests::{self, APPROVALS_NEEDED, StateKind};
use crate::tables::requests as request_rows;

/// On which terms a release is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The licence.
    pub licence: String,
    /// How it is to be cited.
    pub citation: String,
    /// The last day on which it may be had.
    pub expires_on: NaiveDate,
}

/// A release that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its id.
    pub id: ReleaseId,
    /// What it was made for.
    pub request: RequestId,
    /// The project it was made for.
    pub project: ProjectId,
    /// The release itself.
    pub content: Published,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// By whom.
    pub published_by: Person,
    /// Who withdrew it, once somebody has.
    pub withdrawn: Option<Withdrawal>,
}

/// How a release was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// By whom.
    pub by: Person,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

impl Release {
    /// Whether it may be had on a day, by whoever is a member of an active project of it.
    #[must_use]
    pub fn is_available(&self, today: NaiveDate) -> bool {
        self.withdrawn.is_none() && today <= self.content.expires_on
    }

    /// What rows of the register, the first first, make up.
    fn read(entries: Vec<Entry>) -> Result<Vec<Self>, WorkspaceError> {
        let mut releases: Vec<Self> = Vec::new();
        for entry in entries {
            match entry.content {
                Content::Published(content) => releases.push(Self {
                    id: entry.release,
                    request: entry.request,
                    project: entry.project,
                    content,
                    published_at: entry.at,
                    published_by: entry.by,
                    withdrawn: None,
                }),
                Content::Withdrawn { reason } => {
                    let release = releases.iter_mut().find(|release| release.id == entry.release);
                    let release = release.ok_or_else(|| damaged("register", entry.seq))?;
                    release.withdrawn = Some(Withdrawal { by: entry.by, at: entry.at, reason });
                }
            }
        }
        Ok(releases)
    }
}

/// The releases that an account may have on a day, the first published first.
async fn had_by(
    connection: &impl ConnectionTrait,
    account: Uuid,
    today: NaiveDate,
) -> Result<Vec<Release>, WorkspaceError> {
    let own = projects::of_member(connection, account).await?;
    let active = own.iter().filter(|project| project.is_active(today)).map(|project| project.id.0).collect();
    let releases = Release::read(register::entries(connection, Of::Projects(active)).await?)?;
    Ok(releases.into_iter().filter(|release| release.is_available(today)).collect())
}

impl Workspace {
    /// Publishes the draft of a request, which [`APPROVALS_NEEDED`] people have approved; the project must be active.
    ///
    /// # Errors
    /// No such request, or no draft; too few approvals of this very draft; a term does not do; the project is not active.
    pub async fn publish(
        &self,
        id: RequestId,
        by: &Person,
        terms: &Terms,
        today: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<ReleaseId, WorkspaceError> {
        let (by, now) = (person(by)?, moment(now));
        let licence = required("licence", &terms.licence, SHORT)?;
        let citation = required("citation", &terms.citation, LONG)?;
        if terms.expires_on <= today {
            return Err(refused("expires_on", Problem::Order).into());
        }
        let writing = self.write().await?;
        requests::turn(&writing, id, &[StateKind::Assessed], StateKind::Published, Default::default()).await?;
        let row = requests::row_of(&writing, id).await?;
        projects::one(&writing, ProjectId(row.project_id)).await?.require_active(today)?;
        let draft = requests::draft_of(&row)?;
        let approvals = requests::approvals_of(&writing, row.id, &draft.sha256).await?;
        if approvals.iter().filter(|approval| approval.by.account != row.made_by).count() < APPROVALS_NEEDED {
            return Err(Refused::ApprovalsMissing.into());
        }
        let content = Content::Published(Published {
            base: draft.release.base().clone(),
            sha256: draft.sha256,
            rows: draft.rows,
            k: draft.k,
            licence,
            citation,
            expires_on: terms.expires_on,
        });
        let release = draft.release;
        let new = NewEntry { release: &release, request: row.id, project: row.project_id, by: &by, at: now, content };
        register::append(&writing, new).await?;
        events::append(&writing, id.0, Event::by(&by, Act::Published, now).with(release.to_string())).await?;
        writing.commit().await?;
        Ok(release)
    }

    /// Withdraws a release, for good: nobody has it from here any more, and the register says why.
    ///
    /// # Errors
    /// No such release; not published, or withdrawn already; no reason.
    pub async fn withdraw(
        &self,
        release: &ReleaseId,
        by: &Person,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), WorkspaceError> {
        let (by, now, reason) = (person(by)?, moment(now), required("reason", reason, LONG)?);
        let writing = self.write().await?;
        let row = request_rows::Entity::find()
            .filter(request_rows::Column::Release.eq(release.to_string()))
            .one(&writing)
            .await?
            .ok_or(WorkspaceError::NotFound("release"))?;
        let id = RequestId(row.id);
        let with = requests::ended(&by, reason.clone(), now);
        requests::turn(&writing, id, &[StateKind::Published], StateKind::Withdrawn, with).await?;
        let content = Content::Withdrawn { reason: reason.clone() };
        let new = NewEntry { release, request: row.id, project: row.project_id, by: &by, at: now, content };
        register::append(&writing, new).await?;
        events::append(&writing, id.0, Event::by(&by, Act::Withdrawn, now).with(reason)).await?;
        writing.commit().await?;
        Ok(())
    }

    /// The releases that an account may have on a day, the first published first.
    ///
    /// # Errors
    /// The database.
    pub async fn releases_of(&self, account: Uuid, today: NaiveDate) -> Result<Vec<Release>, WorkspaceError> {
        had_by(self.reading(), account, today).await
    }

    /// One release, if the account may have it on this day; why not is not said.
    ///
    /// # Errors
    /// The database.
    pub async fn release_for(
        &self,
        account: Uuid,
        release: &ReleaseId,
        today: NaiveDate,
    ) -> Result<Option<Release>, WorkspaceError> {
        let all = had_by(self.reading(), account, today).await?;
        Ok(all.into_iter().find(|one| one.id == *release))
    }

    /// One release, whatever has become of it: for officers.
    ///
    /// # Errors
    /// No such release was published.
    pub async fn release(&self, id: &ReleaseId) -> Result<Release, WorkspaceError> {
        let entries = register::entries(self.reading(), Of::Release(id)).await?;
        Release::read(entries)?.pop().ok_or(WorkspaceError::NotFound("release"))
    }
}
