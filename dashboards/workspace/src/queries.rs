//! Queries of a project: those that its members saved, and the log of all that were asked.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use crate::database::Workspace;
use crate::error::WorkspaceError;
use crate::fields::{SHORT, SQL, code, damaged, moment, person, required, stored_count};
use crate::ids::{Person, ProjectId, QueryId, new_id};
use crate::projects;
use crate::tables::{query_log, saved_queries};

/// A query that somebody saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedQuery {
    /// Its id.
    pub id: QueryId,
    /// Its name, once in the project.
    pub name: String,
    /// The query.
    pub sql: String,
    /// Who saved it last.
    pub by: Person,
    /// When.
    pub at: DateTime<Utc>,
}

/// What is noted of a query that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLogLine {
    /// The query, as it was typed.
    pub sql: String,
    /// What became of it, as a code.
    pub outcome: String,
    /// Rows given, where it was answered.
    pub rows: Option<u64>,
    /// How long it took.
    pub milliseconds: u64,
}

/// A query that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedQuery {
    /// Its number in the project, from 1.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who asked.
    pub by: Person,
    /// What is noted of it.
    pub line: NewLogLine,
}

impl LoggedQuery {
    fn read(row: query_log::Model) -> Result<Self, WorkspaceError> {
        let count = |stored: i64| {
            u64::try_from(stored).map_err(|_| damaged("query_log", format!("{} {}", row.project_id, row.seq)))
        };
        Ok(Self {
            seq: row.seq,
            at: row.at,
            line: NewLogLine {
                rows: row.rows.map(count).transpose()?,
                milliseconds: count(row.milliseconds)?,
                sql: row.sql,
                outcome: row.outcome,
            },
            by: Person { account: row.by_id, name: row.by_name },
        })
    }
}

/// What was typed, as far as it can be kept: a log does without the end of a text that no query would be.
fn kept(sql: &str) -> String {
    // PostgreSQL holds no text with a nought in it.
    sql.chars().take(SQL).map(|character| if character == '\0' { '\u{FFFD}' } else { character }).collect()
}

impl Workspace {
    /// Saves a query under a name, in the place of the one that has it.
    ///
    /// # Errors
    /// No such project, or not a member; name or query missing or too long.
    pub async fn save_query(
        &self,
        project: ProjectId,
        by: &Person,
        name: &str,
        sql: &str,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<QueryId, WorkspaceError> {
        let (by, now, new) = (person(by)?, moment(now), new_id(chance));
        let (name, sql) = (required("name", name, SHORT)?, required("sql", sql, SQL)?);
        let writing = self.write().await?;
        projects::one(&writing, project).await?.require_member(&by)?;
        let saved = saved_queries::ActiveModel {
            sql: Set(sql),
            saved_at: Set(now),
            saved_by: Set(by.account),
            saved_name: Set(by.name),
            ..Default::default()
        };
        let there = saved_queries::Entity::find()
            .filter(saved_queries::Column::ProjectId.eq(project.0))
            .filter(saved_queries::Column::Name.eq(name.as_str()))
            .one(&writing)
            .await?;
        let id = match there {
            Some(row) => {
                let by_id = saved_queries::Column::Id.eq(row.id);
                saved_queries::Entity::update_many().set(saved).filter(by_id).exec(&writing).await?;
                row.id
            }
            None => {
                let row =
                    saved_queries::ActiveModel { id: Set(new), project_id: Set(project.0), name: Set(name), ..saved };
                saved_queries::Entity::insert(row).exec_without_returning(&writing).await?;
                new
            }
        };
        writing.commit().await?;
        Ok(QueryId(id))
    }

    /// A project's saved queries, by name.
    ///
    /// # Errors
    /// The database.
    pub async fn saved_queries(&self, project: ProjectId) -> Result<Vec<SavedQuery>, WorkspaceError> {
        let rows = saved_queries::Entity::find()
            .filter(saved_queries::Column::ProjectId.eq(project.0))
            .all(self.reading())
            .await?;
        let read = |row: saved_queries::Model| SavedQuery {
            id: QueryId(row.id),
            name: row.name,
            sql: row.sql,
            by: Person { account: row.saved_by, name: row.saved_name },
            at: row.saved_at,
        };
        let mut queries: Vec<SavedQuery> = rows.into_iter().map(read).collect();
        // Here, not in the database: each sorts letters in its own way.
        queries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(queries)
    }

    /// Throws a saved query of the project away.
    ///
    /// # Errors
    /// No such project, or not a member; no such query in it.
    pub async fn delete_query(&self, project: ProjectId, id: QueryId, by: &Person) -> Result<(), WorkspaceError> {
        let writing = self.write().await?;
        projects::one(&writing, project).await?.require_member(by)?;
        let done = saved_queries::Entity::delete_many()
            .filter(saved_queries::Column::ProjectId.eq(project.0))
            .filter(saved_queries::Column::Id.eq(id.0))
            .exec(&writing)
            .await?;
        if done.rows_affected == 0 {
            return Err(WorkspaceError::NotFound("query"));
        }
        writing.commit().await?;
        Ok(())
    }

    /// Notes a query that a member asked, whatever became of it. A text longer than a query may be is noted cut off.
    ///
    /// # Errors
    /// No such project, or not a member; the outcome is no code.
    pub async fn log_query(
        &self,
        project: ProjectId,
        by: &Person,
        line: &NewLogLine,
        now: DateTime<Utc>,
    ) -> Result<(), WorkspaceError> {
        let by = person(by)?;
        let outcome = code("outcome", &line.outcome)?;
        let rows = line.rows.map(|rows| stored_count("rows", rows)).transpose()?;
        let milliseconds = stored_count("milliseconds", line.milliseconds)?;
        let writing = self.write().await?;
        projects::one(&writing, project).await?.require_member(&by)?;
        let last = query_log::Entity::find()
            .filter(query_log::Column::ProjectId.eq(project.0))
            .order_by_desc(query_log::Column::Seq)
            .one(&writing)
            .await?;
        let row = query_log::ActiveModel {
            project_id: Set(project.0),
            seq: Set(last.map_or(0, |row| row.seq) + 1),
            at: Set(moment(now)),
            by_id: Set(by.account),
            by_name: Set(by.name),
            sql: Set(kept(&line.sql)),
            outcome: Set(outcome),
            rows: Set(rows),
            milliseconds: Set(milliseconds),
        };
        query_log::Entity::insert(row).exec_without_returning(&writing).await?;
        writing.commit().await?;
        Ok(())
    }

    /// The last queries of a project, the last asked first.
    ///
    /// # Errors
    /// The database.
    pub async fn query_log(&self, project: ProjectId, limit: u64) -> Result<Vec<LoggedQuery>, WorkspaceError> {
        let rows = query_log::Entity::find()
            .filter(query_log::Column::ProjectId.eq(project.0))
            .order_by_desc(query_log::Column::Seq)
            .limit(limit)
            .all(self.reading())
            .await?;
        rows.into_iter().map(LoggedQuery::read).collect()
    }
}
