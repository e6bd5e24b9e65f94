//! The register: what was published and what was withdrawn, only ever longer.
//!
//! Each row carries a SHA-256 over itself and the row before, and the head says where the register ends. Whoever can write to
//! the database past its triggers can neither change a row nor take one out without it being found, unless they reckon
//! every hash after it and the head anew: that is found by who has kept an earlier head ([`RegisterVerdict::head`]).
//!
//! Stored format "register 1": read for ever, the newest written.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::database::Workspace;
use crate::error::WorkspaceError;
use crate::fields::{damaged, from_json, to_json};
use crate::ids::{BaseId, Person, ProjectId, ReleaseId, RequestId};
use crate::tables::{register, register_head};

/// The one row of the head.
const HEAD: i32 = 1;

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Content {
    /// A release was published.
    Published(Published),
    /// It was withdrawn.
    Withdrawn {
        /// Why.
        reason: String,
    },
}

/// A release as it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The table it was made from.
    pub base: BaseId,
    /// Of the file, in small hexadecimal digits.
    pub sha256: String,
    /// Rows of the file.
    pub rows: u64,
    /// People in each class.
    pub k: u32,
    /// The licence.
    pub licence: String,
    /// How it is to be cited.
    pub citation: String,
    /// The last day on which it may be had.
    pub expires_on: NaiveDate,
}

/// What a row says, in the version in which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format")]
pub enum VersionedContent {
    /// Version 1.
    #[serde(rename = "register 1")]
    V1(Content),
}

impl VersionedContent {
    /// As the newest version has it.
    #[must_use]
    pub fn into_latest(self) -> Content {
        match self {
            Self::V1(content) => content,
        }
    }
}

impl Content {
    /// As it is stored.
    fn act(&self) -> &'static str {
        match self {
            Self::Published(_) => "published",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

/// A row of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub seq: i64,
    /// The release.
    pub release: ReleaseId,
    /// What it was made for.
    pub request: RequestId,
    /// The project it was made for.
    pub project: ProjectId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who published or withdrew it.
    pub by: Person,
    /// What the row says.
    pub content: Content,
    /// Over this row and the one before, in small hexadecimal digits.
    pub hash: String,
}

/// What a check of the register found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterVerdict {
    /// Rows that hold, from the first on.
    pub rows: u64,
    /// The hash of the last row, to be kept elsewhere; `None` while the register is empty.
    pub head: Option<String>,
    /// The first thing that is wrong.
    pub problem: Option<RegisterProblem>,
}

/// What is wrong with the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterProblem {
    /// A row is not what was written.
    Changed {
        /// Its number.
        seq: i64,
    },
    /// A row is missing.
    Missing {
        /// Its number.
        seq: i64,
    },
    /// The register does not end where its head says.
    End {
        /// The number of the last row that should be there.
        expected: i64,
        /// The number of the last row that is.
        found: i64,
    },
}

/// What is to be written.
pub(crate) struct NewEntry<'a> {
    pub(crate) release: &'a ReleaseId,
    pub(crate) request: Uuid,
    pub(crate) project: Uuid,
    pub(crate) by: &'a Person,
    pub(crate) at: DateTime<Utc>,
    pub(crate) content: Content,
}

/// Over every field of a row and the hash of the row before; each with its length before it, so that none runs into the next.
fn hash(before: &str, row: &register::Model) -> String {
    let mut digest = Sha256::new();
    let fields = [
        "register row 1",
        before,
        &row.seq.to_string(),
        &row.act,
        &row.release,
        &row.request_id.hyphenated().to_string(),
        &row.project_id.hyphenated().to_string(),
        &row.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        &row.by_id.hyphenated().to_string(),
        &row.by_name,
        &row.content,
    ];
    for field in fields {
        digest.update(field.len().to_string());
        digest.update(":");
        digest.update(field);
    }
    hex::encode(digest.finalize())
}

/// Where the register ends: the number and hash of its last row; nought and nothing while it is empty.
async fn head(connection: &impl ConnectionTrait) -> Result<(i64, String), WorkspaceError> {
    let row = register_head::Entity::find_by_id(HEAD).one(connection).await?;
    Ok(row.map_or_else(|| (0, String::new()), |row| (row.seq, row.hash)))
}

/// Writes a row, in the caller's transaction.
pub(crate) async fn append(connection: &impl ConnectionTrait, new: NewEntry<'_>) -> Result<(), WorkspaceError> {
    let (last, before) = head(connection).await?;
    let mut row = register::Model {
        seq: last + 1,
        act: new.content.act().to_owned(),
        release: new.release.to_string(),
        request_id: new.request,
        project_id: new.project,
        at: new.at,
        by_id: new.by.account,
        by_name: new.by.name.clone(),
        content: to_json(&VersionedContent::V1(new.content)),
        hash: String::new(),
    };
    row.hash = hash(&before, &row);
    let (seq, hash) = (row.seq, row.hash.clone());
    register::Entity::insert(register::ActiveModel::from(row)).exec_without_returning(connection).await?;
    if last == 0 {
        let first = register_head::ActiveModel { id: Set(HEAD), seq: Set(seq), hash: Set(hash) };
        register_head::Entity::insert(first).exec_without_returning(connection).await?;
        return Ok(());
    }
    let next = register_head::ActiveModel { seq: Set(seq), hash: Set(hash), ..Default::default() };
    let done = register_head::Entity::update_many()
        .set(next)
        .filter(register_head::Column::Id.eq(HEAD))
        .filter(register_head::Column::Seq.eq(last))
        .exec(connection)
        .await?;
    if done.rows_affected == 0 {
        return Err(damaged("register_head", HEAD));
    }
    Ok(())
}

impl Entry {
    fn read(row: register::Model) -> Result<Self, WorkspaceError> {
        let content = from_json::<VersionedContent>(&row.content, "register", row.seq)?.into_latest();
        if content.act() != row.act {
            return Err(damaged("register", row.seq));
        }
        Ok(Self {
            seq: row.seq,
            release: row.release.parse().map_err(|_| damaged("register", row.seq))?,
            request: RequestId(row.request_id),
            project: ProjectId(row.project_id),
            at: row.at,
            by: Person { account: row.by_id, name: row.by_name },
            content,
            hash: row.hash,
        })
    }
}

/// Whose rows are wanted.
pub(crate) enum Of<'a> {
    All,
    Projects(Vec<Uuid>),
    Release(&'a ReleaseId),
}

/// Rows of the register, the first first.
pub(crate) async fn entries(connection: &impl ConnectionTrait, of: Of<'_>) -> Result<Vec<Entry>, WorkspaceError> {
    let all = register::Entity::find().order_by_asc(register::Column::Seq);
    let query = match of {
        Of::All => all,
        Of::Projects(ids) => all.filter(register::Column::ProjectId.is_in(ids)),
        Of::Release(release) => all.filter(register::Column::Release.eq(release.to_string())),
    };
    query.all(connection).await?.into_iter().map(Entry::read).collect()
}

impl Workspace {
    /// The whole register, the first row first.
    ///
    /// # Errors
    /// The database.
    pub async fn register(&self) -> Result<Vec<Entry>, WorkspaceError> {
        entries(self.reading(), Of::All).await
    }

    /// Follows the register from its first row to its head.
    ///
    /// # Errors
    /// The database.
    pub async fn verify_register(&self) -> Result<RegisterVerdict, WorkspaceError> {
        // In a turn: nobody writes between reading the head and reading the rows.
        let writing = self.write().await?;
        let (last, last_hash) = head(&writing).await?;
        let rows = register::Entity::find().order_by_asc(register::Column::Seq).all(&writing).await?;
        writing.rollback().await?;
        let (mut seq, mut before, mut held) = (0, String::new(), 0);
        let mut problem = None;
        for row in rows {
            if row.seq != seq + 1 {
                problem = Some(RegisterProblem::Missing { seq: seq + 1 });
                break;
            }
            if row.hash != hash(&before, &row) {
                problem = Some(RegisterProblem::Changed { seq: row.seq });
                break;
            }
            (seq, before, held) = (row.seq, row.hash, held + 1);
        }
        if problem.is_none() && (seq != last || before != last_hash) {
            problem = Some(RegisterProblem::End { expected: last, found: seq });
        }
        Ok(RegisterVerdict { rows: held, head: (!before.is_empty()).then_some(before), problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_of_the_register_is_read_for_ever() {
        let published = include_str!("tests/fixtures/register_1_published.json").trim();
        let read: VersionedContent = serde_json::from_str(published).unwrap();
        let Content::Published(release) = read.clone().into_latest() else { panic!("it was published") };
        assert_eq!((release.base.to_string().as_str(), release.rows, release.k), ("asso-2026-06-30", 1804, 5));
        assert_eq!(release.expires_on, NaiveDate::from_ymd_opt(2028, 12, 31).unwrap());
        assert_eq!(to_json(&read), published);
        let withdrawn = include_str!("tests/fixtures/register_1_withdrawn.json").trim();
        let read: VersionedContent = serde_json::from_str(withdrawn).unwrap();
        assert_eq!(read.clone().into_latest(), Content::Withdrawn { reason: "Un errore nella codifica".to_owned() });
        assert_eq!(to_json(&read), withdrawn);
    }

    /// A hash that was once written must be found again by every later program.
    #[test]
    fn the_hash_of_a_row_never_changes() {
        let row = register::Model {
            seq: 1,
            act: "published".to_owned(),
            release: "asso-2026-06-30-01".to_owned(),
            request_id: Uuid::from_u128(1),
            project_id: Uuid::from_u128(2),
            at: DateTime::UNIX_EPOCH,
            by_id: Uuid::from_u128(3),
            by_name: "Anna Verdi".to_owned(),
            content: include_str!("tests/fixtures/register_1_published.json").trim().to_owned(),
            hash: String::new(),
        };
        assert_eq!(hash("", &row), include_str!("tests/fixtures/register_1_published.sha256").trim());
    }
}
