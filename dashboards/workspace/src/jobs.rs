//! What the builder has to do: one queue, one worker at a time, which is the caller's promise.
//!
//! A job found started when the worker asks for the next one was left by a worker that ended: it is given out again, and
//! fails when it was given out [`TAKEN_MAX`] times. What comes in about a job that is not under way is refused.

use chrono::{DateTime, NaiveDate, Utc};
use domain::instrument::Id;
use rand::CryptoRng;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use serde::{Deserialize, Serialize};

use crate::database::Workspace;
use crate::error::{Problem, Refused, WorkspaceError};
use crate::events::{self, Act, Event};
use crate::fields::{LONG, damaged, from_json, moment, person, refused, required, stored_count, to_json};
use crate::ids::{BaseId, JobId, Person, RequestId, new_id};
use crate::requests::{self, Draft, K_MIN, StateKind};
use crate::tables::{jobs, requests as request_rows};

/// How often one job is given out.
pub const TAKEN_MAX: u32 = 3;
/// The problem of a job whose workers ended under it, each time.
pub const GAVE_UP: &str = "gave-up";

const QUEUED: &str = "queued";
const STARTED: &str = "started";
const DONE: &str = "done";
const FAILED: &str = "failed";
const DROPPED: &str = "dropped";

/// A table to be cleared, from which releases will be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseOrder {
    /// The strumento.
    pub instrument: Id,
    /// The last day on which a questionnaire was entered.
    pub entered_by: NaiveDate,
    /// The last day of an assessment.
    pub cutoff: NaiveDate,
    /// People in each class, at least [`K_MIN`].
    pub k: u32,
}

/// What is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "makes", rename_all = "kebab-case")]
pub enum Work {
    /// A cleared table.
    Base(BaseOrder),
    /// The draft of a release.
    Draft {
        /// What it is for.
        request: RequestId,
    },
}

/// What is to be made, in the version in which it was written.
#[derive(Serialize, Deserialize)]
#[serde(tag = "format")]
enum VersionedWork {
    #[serde(rename = "work 1")]
    V1(Work),
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Nobody has it.
    Queued,
    /// A worker has it.
    Started {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// It is made.
    Done {
        /// When it was.
        at: DateTime<Utc>,
        /// The id of the table or of the release.
        made: String,
    },
    /// It could not be made.
    Failed {
        /// When that was clear.
        at: DateTime<Utc>,
        /// What went wrong; [`GAVE_UP`] when nobody could say.
        problem: String,
    },
    /// Its request was refused meanwhile.
    Dropped {
        /// When.
        at: DateTime<Utc>,
    },
}

/// A job of the builder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is to be made.
    pub work: Work,
    /// Who had it queued.
    pub by: Person,
    /// When.
    pub queued_at: DateTime<Utc>,
    /// How often it was given out.
    pub taken: u32,
    /// Where it stands.
    pub state: JobState,
}

impl Job {
    fn read(row: jobs::Model) -> Result<Self, WorkspaceError> {
        let missing = || damaged("jobs", row.id);
        let ended = || row.ended_at.ok_or_else(missing);
        let outcome = || row.outcome.clone().ok_or_else(missing);
        let state = match row.state.as_str() {
            QUEUED => JobState::Queued,
            STARTED => JobState::Started { at: row.started_at.ok_or_else(missing)? },
            DONE => JobState::Done { at: ended()?, made: outcome()? },
            FAILED => JobState::Failed { at: ended()?, problem: outcome()? },
            DROPPED => JobState::Dropped { at: ended()? },
            _ => return Err(missing()),
        };
        Ok(Self {
            id: JobId(row.id),
            work: work_of(&row)?,
            by: Person { account: row.queued_by, name: row.queued_name },
            queued_at: row.queued_at,
            taken: u32::try_from(row.taken).map_err(|_| damaged("jobs", row.id))?,
            state,
        })
    }
}

fn work_of(row: &jobs::Model) -> Result<Work, WorkspaceError> {
    let VersionedWork::V1(work) = from_json(&row.work, "jobs", row.id)?;
    Ok(work)
}

/// Queues a job, in the caller's transaction.
pub(crate) async fn queue(
    connection: &impl ConnectionTrait,
    id: JobId,
    work: &Work,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<(), WorkspaceError> {
    let last = jobs::Entity::find().order_by_desc(jobs::Column::Seq).one(connection).await?;
    let request = match work {
        Work::Base(_) => None,
        Work::Draft { request } => Some(request.0),
    };
    let row = jobs::ActiveModel {
        id: Set(id.0),
        seq: Set(last.map_or(0, |row| row.seq) + 1),
        work: Set(to_json(&VersionedWork::V1(work.clone()))),
        request_id: Set(request),
        queued_at: Set(now),
        queued_by: Set(by.account),
        queued_name: Set(by.name.clone()),
        state: Set(QUEUED.to_owned()),
        taken: Set(0),
        ..Default::default()
    };
    jobs::Entity::insert(row).exec_without_returning(connection).await?;
    Ok(())
}

/// Drops what is to be done for a request.
pub(crate) async fn drop_of(
    connection: &impl ConnectionTrait,
    request: RequestId,
    now: DateTime<Utc>,
) -> Result<(), WorkspaceError> {
    let dropped = jobs::ActiveModel { state: Set(DROPPED.to_owned()), ended_at: Set(Some(now)), ..Default::default() };
    jobs::Entity::update_many()
        .set(dropped)
        .filter(jobs::Column::RequestId.eq(request.0))
        .filter(jobs::Column::State.is_in([QUEUED, STARTED]))
        .exec(connection)
        .await?;
    Ok(())
}

/// Ends a job that is under way, and says what it was to make.
async fn end(
    connection: &impl ConnectionTrait,
    id: JobId,
    state: &str,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<Work, WorkspaceError> {
    let row = jobs::Entity::find_by_id(id.0).one(connection).await?.ok_or(WorkspaceError::NotFound("job"))?;
    let change = jobs::ActiveModel {
        state: Set(state.to_owned()),
        ended_at: Set(Some(now)),
        outcome: Set(Some(outcome.to_owned())),
        ..Default::default()
    };
    let done = jobs::Entity::update_many()
        .set(change)
        .filter(jobs::Column::Id.eq(id.0))
        .filter(jobs::Column::State.eq(STARTED))
        .exec(connection)
        .await?;
    if done.rows_affected == 0 {
        return Err(Refused::JobNotUnderWay.into());
    }
    work_of(&row)
}

/// Ends a job that is under way as failed, and its request with it.
async fn end_failed(
    connection: &impl ConnectionTrait,
    id: JobId,
    problem: &str,
    now: DateTime<Utc>,
) -> Result<(), WorkspaceError> {
    match end(connection, id, FAILED, problem, now).await? {
        Work::Base(_) => Ok(()),
        Work::Draft { request } => {
            let with = request_rows::ActiveModel { problem: Set(Some(problem.to_owned())), ..Default::default() };
            requests::turn(connection, request, &[StateKind::Building], StateKind::Failed, with).await?;
            events::append(connection, request.0, Event::of_builder(Act::Failed, now).with(problem)).await
        }
    }
}

impl Workspace {
    /// Has a table cleared.
    ///
    /// # Errors
    /// `k` is too small.
    pub async fn queue_base(
        &self,
        by: &Person,
        order: &BaseOrder,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<JobId, WorkspaceError> {
        let (by, now, id) = (person(by)?, moment(now), JobId(new_id(chance)));
        if order.k < K_MIN {
            return Err(refused("k", Problem::Range).into());
        }
        let writing = self.write().await?;
        queue(&writing, id, &Work::Base(order.clone()), &by, now).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// The next job, which is started by this; `None` when there is nothing to do. Only one worker may ask at a time: what is
    /// found started is taken to be left behind.
    ///
    /// # Errors
    /// The database.
    pub async fn take_job(&self, now: DateTime<Utc>) -> Result<Option<Job>, WorkspaceError> {
        let now = moment(now);
        let writing = self.write().await?;
        let waiting = jobs::Entity::find()
            .filter(jobs::Column::State.is_in([QUEUED, STARTED]))
            .order_by_asc(jobs::Column::Seq)
            .all(&writing)
            .await?;
        let mut found = None;
        for mut row in waiting {
            if u32::try_from(row.taken).is_ok_and(|taken| taken >= TAKEN_MAX) {
                end_failed(&writing, JobId(row.id), GAVE_UP, now).await?;
                continue;
            }
            let change = jobs::ActiveModel {
                state: Set(STARTED.to_owned()),
                taken: Set(row.taken + 1),
                started_at: Set(Some(now)),
                ..Default::default()
            };
            jobs::Entity::update_many().set(change).filter(jobs::Column::Id.eq(row.id)).exec(&writing).await?;
            (row.state, row.taken, row.started_at) = (STARTED.to_owned(), row.taken + 1, Some(now));
            found = Some(Job::read(row)?);
            break;
        }
        writing.commit().await?;
        Ok(found)
    }

    /// The builder made the draft of a job: its request can be judged.
    ///
    /// # Errors
    /// No such job, not under way, or not for a draft; the draft is not what was asked for.
    pub async fn assessed(&self, id: JobId, draft: &Draft, now: DateTime<Utc>) -> Result<(), WorkspaceError> {
        let now = moment(now);
        let writing = self.write().await?;
        let Work::Draft { request } = end(&writing, id, DONE, &draft.release.to_string(), now).await? else {
            return Err(Refused::OtherWork.into());
        };
        let (asked, release) = requests::asked(&writing, request).await?;
        draft.checked(&asked, &release)?;
        let with = request_rows::ActiveModel {
            draft_sha256: Set(Some(draft.sha256.clone())),
            draft_rows: Set(Some(stored_count("rows", draft.rows)?)),
            draft_k: Set(Some(i32::try_from(draft.k).map_err(|_| refused("k", Problem::Range))?)),
            draft_report: Set(Some(draft.report.clone())),
            ..Default::default()
        };
        requests::turn(&writing, request, &[StateKind::Building], StateKind::Assessed, with).await?;
        let event = Event::of_builder(Act::Assessed, now).with(draft.sha256.clone());
        events::append(&writing, request.0, event).await?;
        writing.commit().await?;
        Ok(())
    }

    /// The builder cleared the table of a job.
    ///
    /// # Errors
    /// No such job, not under way, or not for this table.
    pub async fn base_built(&self, id: JobId, base: &BaseId, now: DateTime<Utc>) -> Result<(), WorkspaceError> {
        let writing = self.write().await?;
        match end(&writing, id, DONE, &base.to_string(), moment(now)).await? {
            Work::Base(order) if BaseId::new(order.instrument.clone(), order.cutoff) == *base => {}
            Work::Base(_) | Work::Draft { .. } => return Err(Refused::OtherWork.into()),
        }
        writing.commit().await?;
        Ok(())
    }

    /// The builder cannot do a job: with the request it was for, that fails.
    ///
    /// # Errors
    /// No such job, or not under way; no problem given.
    pub async fn fail(&self, id: JobId, problem: &str, now: DateTime<Utc>) -> Result<(), WorkspaceError> {
        let problem = required("problem", problem, LONG)?;
        let writing = self.write().await?;
        end_failed(&writing, id, &problem, moment(now)).await?;
        writing.commit().await?;
        Ok(())
    }

    /// The last jobs, the last queued first.
    ///
    /// # Errors
    /// The database.
    pub async fn jobs(&self, limit: u64) -> Result<Vec<Job>, WorkspaceError> {
        let query = jobs::Entity::find().order_by_desc(jobs::Column::Seq).limit(limit);
        query.all(self.reading()).await?.into_iter().map(Job::read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_of_work_is_read_for_ever() {
        for text in include_str!("tests/fixtures/work_1.jsonl").lines() {
            let work: VersionedWork = serde_json::from_str(text).unwrap();
            assert_eq!(to_json(&work), text);
        }
    }
}
