//! Editions of reports: the protected figures of a day as they were put on paper, and who has opened them.
//!
//! An edition never changes. It is issued in one transaction with the step of its report's schedule, so that a run that is
//! repeated, or two at once, make one.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::EnteId;
use rand::CryptoRng;
use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use uuid::Uuid;

use crate::database::Workspace;
use crate::error::{EnteError, Problem};
use crate::fields::{damaged, moment, refused, version};
use crate::ids::{EditionId, ReportId, new_id};
use crate::reports::{self, Schedule};
use crate::tables::{edition_readers, editions, reports as report_rows};

/// Bytes of an edition.
const CONTENT_BYTES: usize = 5_000_000;

/// An edition to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEdition {
    /// The version of the lake that it shows.
    pub version: i64,
    /// Protected figures, in the form that the page understands: from 1 byte to 5,000,000.
    pub content: Vec<u8>,
    /// The day from which the edition after this one is due.
    pub next_on: NaiveDate,
}

/// What became of an edition that was to be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It was made.
    Made(EditionId),
    /// Nothing was done: the report's next edition is due on the same day, or later, already.
    Already,
}

/// An edition, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditionLine {
    /// Its id.
    pub id: EditionId,
    /// The report.
    pub report: ReportId,
    /// The version of the lake that it shows.
    pub version: i64,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The report's title at that time.
    pub title: String,
    /// Whether the account that asks has opened it.
    pub is_opened: bool,
}

/// An edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Its id.
    pub id: EditionId,
    /// The report.
    pub report: ReportId,
    /// Whose it is.
    pub ente: EnteId,
    /// The version of the lake that it shows.
    pub version: i64,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The report's title at that time.
    pub title: String,
    /// Protected figures.
    pub content: Vec<u8>,
    /// The accounts that have opened it.
    pub read_by: BTreeSet<Uuid>,
}

/// The columns of a list: contents stay where they are.
#[derive(FromQueryResult)]
struct Line {
    id: Uuid,
    report_id: Uuid,
    version: i64,
    made_at: DateTime<Utc>,
    title: String,
}

fn of(ente: EnteId, id: EditionId) -> Condition {
    Condition::all().add(editions::Column::EnteId.eq(ente.0)).add(editions::Column::Id.eq(id.0))
}

/// Deletes the editions of a report of the Ente, in the caller's transaction.
pub(crate) async fn delete_of(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    report: ReportId,
) -> Result<(), EnteError> {
    let gone = Condition::all().add(editions::Column::EnteId.eq(ente.0)).add(editions::Column::ReportId.eq(report.0));
    let ids = Query::select().column(editions::Column::Id).from(editions::Entity).cond_where(gone.clone()).take();
    edition_readers::Entity::delete_many()
        .filter(edition_readers::Column::EnteId.eq(ente.0))
        .filter(edition_readers::Column::EditionId.in_subquery(ids))
        .exec(connection)
        .await?;
    editions::Entity::delete_many().filter(gone).exec(connection).await?;
    Ok(())
}

impl Workspace {
    /// Issues an edition of a scheduled report under its present title, and moves the schedule on to `new.next_on`.
    ///
    /// # Errors
    /// No such report in the Ente; it has no schedule; the version is below 0; the content is empty or too long.
    pub async fn issue(
        &self,
        ente: EnteId,
        report: ReportId,
        new: NewEdition,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<Issued, EnteError> {
        let (now, id, version) = (moment(now), new_id(chance), version(new.version)?);
        if new.content.is_empty() {
            return Err(refused("content", Problem::Missing).into());
        }
        if new.content.len() > CONTENT_BYTES {
            return Err(refused("content", Problem::TooLong).into());
        }
        let writing = self.write().await?;
        let row = reports::one(&writing, ente, report).await?;
        let schedule = Schedule::read(&row)?.ok_or(EnteError::NotScheduled)?;
        if schedule.next_on >= new.next_on {
            return Ok(Issued::Already);
        }
        report_rows::Entity::update_many()
            .set(report_rows::ActiveModel { next_on: Set(Some(new.next_on)), ..Default::default() })
            .filter(reports::of(ente, report))
            .exec(&writing)
            .await?;
        let edition = editions::ActiveModel {
            id: Set(id),
            ente_id: Set(ente.0),
            report_id: Set(report.0),
            version: Set(version),
            made_at: Set(now),
            title: Set(row.title),
            content: Set(new.content),
        };
        editions::Entity::insert(edition).exec_without_returning(&writing).await?;
        writing.commit().await?;
        Ok(Issued::Made(EditionId(id)))
    }

    /// The editions of an Ente, the newest first, with whether `account` has opened each.
    ///
    /// # Errors
    /// The database.
    pub async fn editions(&self, ente: EnteId, account: Uuid) -> Result<Vec<EditionLine>, EnteError> {
        let lines = editions::Entity::find()
            .select_only()
            .columns([
                editions::Column::Id,
                editions::Column::ReportId,
                editions::Column::Version,
                editions::Column::MadeAt,
                editions::Column::Title,
            ])
            .filter(editions::Column::EnteId.eq(ente.0))
            .order_by_desc(editions::Column::MadeAt)
            .order_by_asc(editions::Column::Id)
            .into_model::<Line>()
            .all(self.reading())
            .await?;
        let opened: BTreeSet<Uuid> = edition_readers::Entity::find()
            .filter(edition_readers::Column::EnteId.eq(ente.0))
            .filter(edition_readers::Column::AccountId.eq(account))
            .all(self.reading())
            .await?
            .into_iter()
            .map(|reader| reader.edition_id)
            .collect();
        let read = |line: Line| EditionLine {
            id: EditionId(line.id),
            report: ReportId(line.report_id),
            version: line.version,
            made_at: line.made_at,
            title: line.title,
            is_opened: opened.contains(&line.id),
        };
        Ok(lines.into_iter().map(read).collect())
    }

    /// An edition of an Ente, with its content. That somebody has opened it is said by [`Workspace::open_edition`].
    ///
    /// # Errors
    /// No such edition in the Ente.
    pub async fn edition(&self, ente: EnteId, id: EditionId) -> Result<Edition, EnteError> {
        let row = editions::Entity::find().filter(of(ente, id)).one(self.reading()).await?;
        let row = row.ok_or(EnteError::NotFound("edition"))?;
        let readers = edition_readers::Entity::find()
            .filter(edition_readers::Column::EnteId.eq(ente.0))
            .filter(edition_readers::Column::EditionId.eq(id.0))
            .all(self.reading())
            .await?;
        Ok(Edition {
            id,
            report: ReportId(row.report_id),
            ente,
            version: row.version,
            made_at: row.made_at,
            title: row.title,
            content: row.content,
            read_by: readers.into_iter().map(|reader| reader.account_id).collect(),
        })
    }

    /// Notes that an account has opened an edition. Does nothing when it had.
    ///
    /// # Errors
    /// No such edition in the Ente.
    pub async fn open_edition(&self, ente: EnteId, id: EditionId, account: Uuid) -> Result<(), EnteError> {
        let writing = self.write().await?;
        if editions::Entity::find().filter(of(ente, id)).count(&writing).await? == 0 {
            return Err(EnteError::NotFound("edition"));
        }
        if edition_readers::Entity::find_by_id((id.0, account)).one(&writing).await?.is_none() {
            let row =
                edition_readers::ActiveModel { edition_id: Set(id.0), account_id: Set(account), ente_id: Set(ente.0) };
            edition_readers::Entity::insert(row).exec_without_returning(&writing).await?;
            writing.commit().await?;
        }
        Ok(())
    }

    /// How many editions of an Ente an account has not opened.
    ///
    /// # Errors
    /// The database.
    pub async fn unread(&self, ente: EnteId, account: Uuid) -> Result<u32, EnteError> {
        let opened = Query::select()
            .column(edition_readers::Column::EditionId)
            .from(edition_readers::Entity)
            .and_where(edition_readers::Column::EnteId.eq(ente.0))
            .and_where(edition_readers::Column::AccountId.eq(account))
            .take();
        let unread = editions::Entity::find()
            .filter(editions::Column::EnteId.eq(ente.0))
            .filter(editions::Column::Id.not_in_subquery(opened))
            .count(self.reading())
            .await?;
        u32::try_from(unread).map_err(|_| damaged("editions", ente).into())
    }
}
