//! Requests: what a project asks for, and how it becomes a draft that two people approve.
//!
//! Each act has the states in which it is possible; the change of state is one statement that asks for them, so that of two
//! acts at once the second finds the state that the first left. `jobs` is the builder's side, `publishing` what comes after.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use rand::CryptoRng;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set, SqlErr};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::database::Workspace;
use crate::error::{Problem, Refused, WorkspaceError};
use crate::events::{self, Act, Event};
use crate::fields::{LONG, code, damaged, from_json, moment, person, refused, required, sha256, stored_count, to_json};
use crate::ids::{BaseId, JobId, Person, ProjectId, ReleaseId, RequestId, new_id};
use crate::jobs::{self, Work};
use crate::projects;
use crate::tables::{approvals, release_numbers, requests};

/// People in each class, at least.
pub const K_MIN: u32 = 5;
/// More people in each class than any release could keep.
const K_MAX: u32 = 10_000;
/// Columns of one request, at most.
const COLUMNS_MAX: usize = 200;
/// Steps up a hierarchy, at most.
const STEPS_MAX: u32 = 100;
/// Bytes of a draft's report.
const REPORT_BYTES_MAX: usize = 4_000_000;
/// People who must approve a draft, none of them the one who asked.
pub const APPROVALS_NEEDED: usize = 2;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRequest {
    /// The cleared table to take from.
    pub base: BaseId,
    /// Its columns wanted, each once.
    pub columns: Vec<String>,
    /// People in each class, at least [`K_MIN`].
    pub k: u32,
    /// Columns wanted less fine than the table has them: steps up their hierarchy, at least one.
    pub coarser: BTreeMap<String, u32>,
    /// Why.
    pub reason: String,
}

/// What is asked for, in the version in which it was written.
#[derive(Serialize, Deserialize)]
#[serde(tag = "format")]
enum VersionedRequest {
    #[serde(rename = "request 1")]
    V1(NewRequest),
}

impl NewRequest {
    fn checked(&self) -> Result<Self, Refused> {
        if self.columns.is_empty() {
            return Err(refused("columns", Problem::Missing));
        }
        if self.columns.len() > COLUMNS_MAX {
            return Err(refused("columns", Problem::TooLong));
        }
        let columns: Vec<String> = self.columns.iter().map(|name| code("columns", name)).collect::<Result<_, _>>()?;
        let asked: BTreeSet<&String> = columns.iter().collect();
        if asked.len() != columns.len() {
            return Err(refused("columns", Problem::Twice));
        }
        if !(K_MIN..=K_MAX).contains(&self.k) {
            return Err(refused("k", Problem::Range));
        }
        if self.coarser.keys().any(|column| !asked.contains(column)) {
            return Err(refused("coarser", Problem::NotAsked));
        }
        if self.coarser.values().any(|steps| !(1..=STEPS_MAX).contains(steps)) {
            return Err(refused("coarser", Problem::Range));
        }
        let reason = required("reason", &self.reason, LONG)?;
        Ok(Self { base: self.base.clone(), columns, k: self.k, coarser: self.coarser.clone(), reason })
    }

    fn read(text: &str, row: Uuid) -> Result<Self, WorkspaceError> {
        let VersionedRequest::V1(request) = from_json(text, "requests", row)?;
        Ok(request)
    }
}

/// What the builder made and measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The id that it would be published under: the one fixed when the request was accepted.
    pub release: ReleaseId,
    /// Of the file, in small hexadecimal digits.
    pub sha256: String,
    /// Rows of the file.
    pub rows: u64,
    /// People in each class, counted in the file: no fewer than asked for.
    pub k: u32,
    /// The builder's report, as JSON.
    pub report: String,
}

impl Draft {
    pub(crate) fn checked(&self, asked: &NewRequest, release: &ReleaseId) -> Result<(), Refused> {
        if self.release != *release {
            return Err(refused("release", Problem::NotAsked));
        }
        sha256("sha256", &self.sha256)?;
        stored_count("rows", self.rows)?;
        if !(asked.k..=i32::MAX.unsigned_abs()).contains(&self.k) {
            return Err(refused("k", Problem::Range));
        }
        if self.report.len() > REPORT_BYTES_MAX {
            return Err(refused("report", Problem::TooLong));
        }
        if serde_json::from_str::<serde_json::Value>(&self.report).is_err() {
            return Err(refused("report", Problem::Form));
        }
        Ok(())
    }
}

/// That somebody approved a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub by: Person,
    /// When.
    pub at: DateTime<Utc>,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has looked at it.
    Requested,
    /// Accepted: the builder has it.
    Building {
        /// What it will be called.
        release: ReleaseId,
    },
    /// The builder could not: it may be accepted again.
    Failed {
        /// What it would be called.
        release: ReleaseId,
        /// What went wrong.
        problem: String,
    },
    /// A draft lies there to be judged.
    Assessed {
        /// The draft.
        draft: Draft,
        /// Who approved it, the first first.
        approvals: Vec<Approval>,
    },
    /// Refused, for good.
    Refused {
        /// By whom.
        by: Person,
        /// Why.
        reason: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// The release is in the register.
    Published {
        /// Its id.
        release: ReleaseId,
    },
    /// The release was withdrawn, for good.
    Withdrawn {
        /// Its id.
        release: ReleaseId,
        /// Why.
        reason: String,
    },
}

/// A state without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateKind {
    /// [`State::Requested`].
    Requested,
    /// [`State::Building`].
    Building,
    /// [`State::Failed`].
    Failed,
    /// [`State::Assessed`].
    Assessed,
    /// [`State::Refused`].
    Refused,
    /// [`State::Published`].
    Published,
    /// [`State::Withdrawn`].
    Withdrawn,
}

impl StateKind {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::Requested,
        Self::Building,
        Self::Failed,
        Self::Assessed,
        Self::Refused,
        Self::Published,
        Self::Withdrawn,
    ];

    /// As it is stored, and for pages.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Building => "building",
            Self::Failed => "failed",
            Self::Assessed => "assessed",
            Self::Refused => "refused",
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn read(row: &requests::Model) -> Result<Self, WorkspaceError> {
        let kind = Self::ALL.into_iter().find(|kind| kind.code() == row.state);
        kind.ok_or_else(|| damaged("requests", row.id))
    }
}

impl State {
    /// Which it is.
    #[must_use]
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Requested => StateKind::Requested,
            Self::Building { .. } => StateKind::Building,
            Self::Failed { .. } => StateKind::Failed,
            Self::Assessed { .. } => StateKind::Assessed,
            Self::Refused { .. } => StateKind::Refused,
            Self::Published { .. } => StateKind::Published,
            Self::Withdrawn { .. } => StateKind::Withdrawn,
        }
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Whose.
    pub project: ProjectId,
    /// Who asked.
    pub by: Person,
    /// When.
    pub at: DateTime<Utc>,
    /// What is asked for.
    pub asked: NewRequest,
    /// Where it stands.
    pub state: State,
}

impl Request {
    fn read(row: requests::Model, approvals: Vec<Approval>) -> Result<Self, WorkspaceError> {
        let missing = || damaged("requests", row.id);
        let release = || release_of(&row)?.ok_or_else(missing);
        let reason = || row.ended_reason.clone().ok_or_else(missing);
        let state = match StateKind::read(&row)? {
            StateKind::Requested => State::Requested,
            StateKind::Building => State::Building { release: release()? },
            StateKind::Failed => {
                State::Failed { release: release()?, problem: row.problem.clone().ok_or_else(missing)? }
            }
            StateKind::Assessed => State::Assessed { draft: draft_of(&row)?, approvals },
            StateKind::Refused => {
                let by = row.ended_by.zip(row.ended_name.clone()).map(|(account, name)| Person { account, name });
                State::Refused { by: by.ok_or_else(missing)?, reason: reason()?, at: row.ended_at.ok_or_else(missing)? }
            }
            StateKind::Published => State::Published { release: release()? },
            StateKind::Withdrawn => State::Withdrawn { release: release()?, reason: reason()? },
        };
        Ok(Self {
            id: RequestId(row.id),
            project: ProjectId(row.project_id),
            by: Person { account: row.made_by, name: row.made_name },
            at: row.made_at,
            asked: NewRequest::read(&row.asked, row.id)?,
            state,
        })
    }
}

/// The release's id, once it is fixed.
fn release_of(row: &requests::Model) -> Result<Option<ReleaseId>, WorkspaceError> {
    row.release.as_deref().map(str::parse).transpose().map_err(|_| damaged("requests", row.id))
}

/// The draft that a request's row holds.
pub(crate) fn draft_of(row: &requests::Model) -> Result<Draft, WorkspaceError> {
    let draft = || {
        Some(Draft {
            release: row.release.as_deref()?.parse().ok()?,
            sha256: row.draft_sha256.clone()?,
            rows: u64::try_from(row.draft_rows?).ok()?,
            k: u32::try_from(row.draft_k?).ok()?,
            report: row.draft_report.clone()?,
        })
    };
    draft().ok_or_else(|| damaged("requests", row.id))
}

/// A request's row.
pub(crate) async fn row_of(
    connection: &impl ConnectionTrait,
    id: RequestId,
) -> Result<requests::Model, WorkspaceError> {
    requests::Entity::find_by_id(id.0).one(connection).await?.ok_or(WorkspaceError::NotFound("request"))
}

/// What was asked for, and the id fixed for it.
pub(crate) async fn asked(
    connection: &impl ConnectionTrait,
    id: RequestId,
) -> Result<(NewRequest, ReleaseId), WorkspaceError> {
    let row = row_of(connection, id).await?;
    let release = release_of(&row)?.ok_or_else(|| damaged("requests", row.id))?;
    Ok((NewRequest::read(&row.asked, row.id)?, release))
}

/// Takes a request from one of the states `from` to another, with the columns that go with it.
pub(crate) async fn turn(
    connection: &impl ConnectionTrait,
    id: RequestId,
    from: &[StateKind],
    to: StateKind,
    with: requests::ActiveModel,
) -> Result<(), WorkspaceError> {
    let change = requests::ActiveModel { state: Set(to.code().to_owned()), ..with };
    let done = requests::Entity::update_many()
        .set(change)
        .filter(requests::Column::Id.eq(id.0))
        .filter(requests::Column::State.is_in(from.iter().map(|state| state.code())))
        .exec(connection)
        .await?;
    if done.rows_affected == 0 {
        let row = row_of(connection, id).await?;
        return Err(Refused::NotNow(StateKind::read(&row)?).into());
    }
    Ok(())
}

/// Columns of an end that somebody decided.
pub(crate) fn ended(by: &Person, reason: String, at: DateTime<Utc>) -> requests::ActiveModel {
    requests::ActiveModel {
        ended_at: Set(Some(at)),
        ended_by: Set(Some(by.account)),
        ended_name: Set(Some(by.name.clone())),
        ended_reason: Set(Some(reason)),
        ..Default::default()
    }
}

/// Who approved a draft, the first first.
pub(crate) async fn approvals_of(
    connection: &impl ConnectionTrait,
    request: Uuid,
    draft_sha256: &str,
) -> Result<Vec<Approval>, WorkspaceError> {
    let rows = approvals::Entity::find()
        .filter(approvals::Column::RequestId.eq(request))
        .filter(approvals::Column::DraftSha256.eq(draft_sha256))
        .order_by_asc(approvals::Column::At)
        .order_by_asc(approvals::Column::AccountId)
        .all(connection)
        .await?;
    let read = |row: approvals::Model| Approval { by: Person { account: row.account_id, name: row.name }, at: row.at };
    Ok(rows.into_iter().map(read).collect())
}

/// The next number of a base: given once, whatever becomes of it.
async fn next_release(connection: &impl ConnectionTrait, base: &BaseId) -> Result<ReleaseId, WorkspaceError> {
    let text = base.to_string();
    let last = release_numbers::Entity::find_by_id(text.clone()).one(connection).await?.map_or(0, |row| row.last);
    let row = release_numbers::ActiveModel { base: Set(text.clone()), last: Set(last + 1) };
    let over =
        OnConflict::column(release_numbers::Column::Base).update_column(release_numbers::Column::Last).to_owned();
    release_numbers::Entity::insert(row).on_conflict(over).exec_without_returning(connection).await?;
    let number = u32::try_from(last + 1).map_err(|_| damaged("release_numbers", text))?;
    Ok(ReleaseId::new(base.clone(), number))
}

impl Workspace {
    /// Asks for a release, as a member of an active project.
    ///
    /// # Errors
    /// No such project, not active or not one's own; a field does not do.
    pub async fn ask(
        &self,
        project: ProjectId,
        by: &Person,
        new: &NewRequest,
        today: NaiveDate,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<RequestId, WorkspaceError> {
        let (by, now, id) = (person(by)?, moment(now), new_id(chance));
        let asked = VersionedRequest::V1(new.checked()?);
        let writing = self.write().await?;
        let of = projects::one(&writing, project).await?;
        of.require_member(&by)?;
        of.require_active(today)?;
        let row = requests::ActiveModel {
            id: Set(id),
            project_id: Set(project.0),
            made_at: Set(now),
            made_by: Set(by.account),
            made_name: Set(by.name.clone()),
            asked: Set(to_json(&asked)),
            state: Set(StateKind::Requested.code().to_owned()),
            ..Default::default()
        };
        requests::Entity::insert(row).exec_without_returning(&writing).await?;
        events::append(&writing, id, Event::by(&by, Act::Requested, now)).await?;
        writing.commit().await?;
        Ok(RequestId(id))
    }

    /// Accepts a request, or one in which the builder failed once more: fixes the release's id the first time, and queues
    /// the builder.
    ///
    /// # Errors
    /// No such request; neither requested nor failed.
    pub async fn accept(
        &self,
        id: RequestId,
        by: &Person,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<JobId, WorkspaceError> {
        let (by, now, job) = (person(by)?, moment(now), JobId(new_id(chance)));
        let writing = self.write().await?;
        let row = row_of(&writing, id).await?;
        let cleared = requests::ActiveModel { problem: Set(None), ..Default::default() };
        turn(&writing, id, &[StateKind::Requested, StateKind::Failed], StateKind::Building, cleared).await?;
        let release = match release_of(&row)? {
            Some(release) => release,
            None => {
                let release = next_release(&writing, &NewRequest::read(&row.asked, row.id)?.base).await?;
                let fixed = requests::ActiveModel { release: Set(Some(release.to_string())), ..Default::default() };
                turn(&writing, id, &[StateKind::Building], StateKind::Building, fixed).await?;
                release
            }
        };
        jobs::queue(&writing, job, &Work::Draft { request: id }, &by, now).await?;
        events::append(&writing, id.0, Event::by(&by, Act::Accepted, now).with(release.to_string())).await?;
        writing.commit().await?;
        Ok(job)
    }

    /// Refuses a request that is not published, for good; what the builder does about it is dropped.
    ///
    /// # Errors
    /// No such request; refused, published or withdrawn already; no reason.
    pub async fn refuse(
        &self,
        id: RequestId,
        by: &Person,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), WorkspaceError> {
        let (by, now, reason) = (person(by)?, moment(now), required("reason", reason, LONG)?);
        let before = [StateKind::Requested, StateKind::Building, StateKind::Failed, StateKind::Assessed];
        let writing = self.write().await?;
        turn(&writing, id, &before, StateKind::Refused, ended(&by, reason.clone(), now)).await?;
        jobs::drop_of(&writing, id, now).await?;
        events::append(&writing, id.0, Event::by(&by, Act::Refused, now).with(reason)).await?;
        writing.commit().await?;
        Ok(())
    }

    /// Approves the draft with this SHA-256, and no other.
    ///
    /// # Errors
    /// No such request; no draft, or another one; one's own request; approved by this account already.
    pub async fn approve(
        &self,
        id: RequestId,
        by: &Person,
        draft_sha256: &str,
        now: DateTime<Utc>,
    ) -> Result<(), WorkspaceError> {
        let (by, now, hash) = (person(by)?, moment(now), sha256("sha256", draft_sha256)?);
        let writing = self.write().await?;
        let row = row_of(&writing, id).await?;
        match StateKind::read(&row)? {
            StateKind::Assessed => {}
            other @ (StateKind::Requested
            | StateKind::Building
            | StateKind::Failed
            | StateKind::Refused
            | StateKind::Published
            | StateKind::Withdrawn) => return Err(Refused::NotNow(other).into()),
        }
        if draft_of(&row)?.sha256 != hash {
            return Err(Refused::OtherDraft.into());
        }
        if row.made_by == by.account {
            return Err(Refused::OwnRequest.into());
        }
        let approval = approvals::ActiveModel {
            request_id: Set(id.0),
            draft_sha256: Set(hash.clone()),
            account_id: Set(by.account),
            name: Set(by.name.clone()),
            at: Set(now),
        };
        // The key of the table is the rule.
        approvals::Entity::insert(approval).exec_without_returning(&writing).await.map_err(|error| {
            match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => Refused::ApprovedAlready.into(),
                _ => WorkspaceError::from(error),
            }
        })?;
        events::append(&writing, id.0, Event::by(&by, Act::Approved, now).with(hash)).await?;
        writing.commit().await?;
        Ok(())
    }

    /// One request.
    ///
    /// # Errors
    /// No such request.
    pub async fn request(&self, id: RequestId) -> Result<Request, WorkspaceError> {
        let row = row_of(self.reading(), id).await?;
        Ok(self.read_requests(vec![row]).await?.remove(0))
    }

    /// All requests, the last made first: for officers.
    ///
    /// # Errors
    /// The database.
    pub async fn requests(&self) -> Result<Vec<Request>, WorkspaceError> {
        let query = requests::Entity::find().order_by_desc(requests::Column::MadeAt);
        self.read_requests(query.order_by_asc(requests::Column::Id).all(self.reading()).await?).await
    }

    /// A project's requests, the last made first.
    ///
    /// # Errors
    /// The database.
    pub async fn requests_of(&self, project: ProjectId) -> Result<Vec<Request>, WorkspaceError> {
        let rows = requests::Entity::find()
            .filter(requests::Column::ProjectId.eq(project.0))
            .order_by_desc(requests::Column::MadeAt)
            .order_by_asc(requests::Column::Id)
            .all(self.reading())
            .await?;
        self.read_requests(rows).await
    }

    /// Who did what about a request when, the first first.
    ///
    /// # Errors
    /// No such request.
    pub async fn history(&self, id: RequestId) -> Result<Vec<Event>, WorkspaceError> {
        row_of(self.reading(), id).await?;
        events::list(self.reading(), id.0).await
    }

    async fn read_requests(&self, rows: Vec<requests::Model>) -> Result<Vec<Request>, WorkspaceError> {
        let mut read = Vec::with_capacity(rows.len());
        for row in rows {
            let approvals = match &row.draft_sha256 {
                Some(hash) if row.state == StateKind::Assessed.code() => {
                    approvals_of(self.reading(), row.id, hash).await?
                }
                _ => Vec::new(),
            };
            read.push(Request::read(row, approvals)?);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_of_a_request_is_read_for_ever() {
        let text = include_str!("tests/fixtures/request_1.json").trim();
        let asked = NewRequest::read(text, Uuid::nil()).unwrap();
        assert_eq!(asked.coarser, BTreeMap::from([("comune".to_owned(), 2)]));
        assert_eq!(to_json(&VersionedRequest::V1(asked)), text);
    }
}
