//! Reports for the Piano di Zona: which chapters, with which words of the Ente's own, and when they are issued by themselves.
//!
//! A report is of its Ente: whoever may see dashboards there reads and changes it. Who changes it says which revision they have
//! read, so that nobody writes over what another wrote meanwhile. The schedule stands beside the revision: issuing an edition
//! moves it on without disturbing somebody who is writing. Figures are not in a report, they are in its `editions`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::EnteId;
use rand::CryptoRng;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use serde::{Deserialize, Serialize};

use crate::database::Workspace;
use crate::editions;
use crate::error::{EnteError, Problem, Refused, WorkspaceError};
use crate::fields::{SHORT, damaged, from_json, line, moment, person, refused, strumento, to_json};
use crate::ids::{Person, ReportId, new_id};
use crate::tables::reports;

/// The part of [`NewReport::texts`] that comes before the chapters; no chapter is called so.
pub const INTRODUCTION: &str = "introduction";
/// The part of [`NewReport::texts`] that comes after the chapters; no chapter is called so.
pub const CLOSING: &str = "closing";

/// Chapters of a report.
const CHAPTERS_MAX: usize = 30;
/// Letters of the code of a chapter.
const CHAPTER: usize = 40;
/// Characters of a text.
const TEXT: usize = 20_000;
/// Characters of a period.
const PERIOD: usize = 64;

/// What is written of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReport {
    /// Its title.
    pub title: String,
    /// The strumento whose figures it shows, by its id.
    pub strumento: String,
    /// The period whose figures it shows, in the words of the dashboards.
    pub period: String,
    /// Its chapters by their codes, in their order, each once.
    pub chapters: Vec<String>,
    /// What the Ente says to a chapter, by its code, or under [`INTRODUCTION`] and [`CLOSING`]. An empty text is none.
    pub texts: BTreeMap<String, String>,
}

/// Chapters and texts as they are stored.
#[derive(Serialize, Deserialize)]
struct Body {
    chapters: Vec<String>,
    texts: BTreeMap<String, String>,
}

/// Chapters and texts, in the version in which they were written.
#[derive(Serialize, Deserialize)]
#[serde(tag = "format")]
enum VersionedBody {
    #[serde(rename = "report 1")]
    V1(Body),
}

impl NewReport {
    fn checked(&self) -> Result<Self, EnteError> {
        Ok(Self {
            title: line("title", &self.title, SHORT)?,
            strumento: strumento(&self.strumento)?,
            period: line("period", &self.period, PERIOD)?,
            chapters: self.checked_chapters()?,
            texts: self.checked_texts()?,
        })
    }

    fn checked_chapters(&self) -> Result<Vec<String>, Refused> {
        if self.chapters.len() > CHAPTERS_MAX {
            return Err(refused("chapters", Problem::TooLong));
        }
        let mut before = BTreeSet::from([INTRODUCTION, CLOSING]);
        for chapter in &self.chapters {
            let is_code = (1..=CHAPTER).contains(&chapter.len())
                && chapter.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            if !is_code {
                return Err(refused("chapters", Problem::Form));
            }
            if !before.insert(chapter) {
                return Err(refused("chapters", Problem::Twice));
            }
        }
        Ok(self.chapters.clone())
    }

    fn checked_texts(&self) -> Result<BTreeMap<String, String>, EnteError> {
        let mut texts = BTreeMap::new();
        for (part, given) in &self.texts {
            let wrong = |problem| EnteError::Text { part: part.clone(), problem };
            if part != INTRODUCTION && part != CLOSING && !self.chapters.contains(part) {
                return Err(wrong(Problem::NotAsked));
            }
            let text = given.trim();
            if text.chars().count() > TEXT {
                return Err(wrong(Problem::TooLong));
            }
            if domain::text::has_hidden_characters(text) {
                return Err(wrong(Problem::Hidden));
            }
            if !text.is_empty() {
                texts.insert(part.clone(), text.to_owned());
            }
        }
        Ok(texts)
    }

    fn into_row(self) -> reports::ActiveModel {
        reports::ActiveModel {
            title: Set(self.title),
            strumento: Set(self.strumento),
            period: Set(self.period),
            body: Set(to_json(&VersionedBody::V1(Body { chapters: self.chapters, texts: self.texts }))),
            ..Default::default()
        }
    }
}

/// How often a report is issued by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Every {
    /// Once in a month.
    Month,
    /// Once in three months.
    Quarter,
}

impl Every {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Month, Self::Quarter];

    /// As it is stored, and for pages.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }
}

/// When a report is issued by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How often.
    pub every: Every,
    /// The day from which the next edition is due.
    pub next_on: NaiveDate,
}

impl Schedule {
    pub(crate) fn read(row: &reports::Model) -> Result<Option<Self>, WorkspaceError> {
        let wrong = || damaged("reports", row.id);
        let Some(code) = &row.every else {
            return if row.next_on.is_none() { Ok(None) } else { Err(wrong()) };
        };
        let every = Every::ALL.into_iter().find(|every| every.code() == code).ok_or_else(wrong)?;
        Ok(Some(Self { every, next_on: row.next_on.ok_or_else(wrong)? }))
    }
}

/// A report of an Ente.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// Whose it is.
    pub ente: EnteId,
    /// What is written of it.
    pub terms: NewReport,
    /// How often it was written: 1 when it was made.
    pub revision: i64,
    /// When it is issued by itself, if it is.
    pub schedule: Option<Schedule>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was written last.
    pub updated_at: DateTime<Utc>,
    /// Who wrote it last.
    pub updated_by: Person,
}

impl Report {
    fn read(row: reports::Model) -> Result<Self, WorkspaceError> {
        let schedule = Schedule::read(&row)?;
        let VersionedBody::V1(Body { chapters, texts }) = from_json(&row.body, "reports", row.id)?;
        Ok(Self {
            id: ReportId(row.id),
            ente: EnteId(row.ente_id),
            terms: NewReport { title: row.title, strumento: row.strumento, period: row.period, chapters, texts },
            revision: row.revision,
            schedule,
            created_at: row.created_at,
            updated_at: row.updated_at,
            updated_by: Person { account: row.updated_by, name: row.updated_name },
        })
    }
}

/// A report of which an edition is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose it is.
    pub ente: EnteId,
    /// Which.
    pub report: ReportId,
    /// By which schedule.
    pub schedule: Schedule,
}

/// The row of a report of an Ente.
pub(crate) fn of(ente: EnteId, id: ReportId) -> Condition {
    Condition::all().add(reports::Column::EnteId.eq(ente.0)).add(reports::Column::Id.eq(id.0))
}

pub(crate) async fn one(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    id: ReportId,
) -> Result<reports::Model, EnteError> {
    let row = reports::Entity::find().filter(of(ente, id)).one(connection).await?;
    row.ok_or(EnteError::NotFound("report"))
}

impl Workspace {
    /// Makes a report, without a schedule.
    ///
    /// # Errors
    /// A field or a text does not do.
    pub async fn create_report(
        &self,
        ente: EnteId,
        by: &Person,
        new: &NewReport,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<ReportId, EnteError> {
        let (by, now, id) = (person(by)?, moment(now), new_id(chance));
        let row = reports::ActiveModel {
            id: Set(id),
            ente_id: Set(ente.0),
            revision: Set(1),
            created_at: Set(now),
            updated_at: Set(now),
            updated_by: Set(by.account),
            updated_name: Set(by.name),
            ..new.checked()?.into_row()
        };
        let writing = self.write().await?;
        reports::Entity::insert(row).exec_without_returning(&writing).await?;
        writing.commit().await?;
        Ok(ReportId(id))
    }

    /// The reports of an Ente, by title.
    ///
    /// # Errors
    /// A report is damaged.
    pub async fn reports(&self, ente: EnteId) -> Result<Vec<Report>, EnteError> {
        let rows = reports::Entity::find().filter(reports::Column::EnteId.eq(ente.0)).all(self.reading()).await?;
        let mut reports: Vec<Report> = rows.into_iter().map(Report::read).collect::<Result<_, _>>()?;
        // Here, not in the database: each sorts letters in its own way.
        reports.sort_by(|a, b| (&a.terms.title, a.created_at, a.id).cmp(&(&b.terms.title, b.created_at, b.id)));
        Ok(reports)
    }

    /// A report of an Ente.
    ///
    /// # Errors
    /// No such report in the Ente; it is damaged.
    pub async fn report(&self, ente: EnteId, id: ReportId) -> Result<Report, EnteError> {
        Ok(Report::read(one(self.reading(), ente, id).await?)?)
    }

    /// Writes a report anew upon the revision that was read, and gives the new revision.
    ///
    /// # Errors
    /// A field or a text does not do; no such report in the Ente; [`EnteError::Conflict`] when another revision lies there
    /// now, and then nothing is written.
    pub async fn update_report(
        &self,
        ente: EnteId,
        id: ReportId,
        expected: i64,
        new: &NewReport,
        by: &Person,
        now: DateTime<Utc>,
    ) -> Result<i64, EnteError> {
        let by = person(by)?;
        let terms = new.checked()?;
        let writing = self.write().await?;
        let present = one(&writing, ente, id).await?.revision;
        if present != expected {
            return Err(EnteError::Conflict { present });
        }
        let revision = present.checked_add(1).ok_or_else(|| damaged("reports", id))?;
        let row = reports::ActiveModel {
            revision: Set(revision),
            updated_at: Set(moment(now)),
            updated_by: Set(by.account),
            updated_name: Set(by.name),
            ..terms.into_row()
        };
        let done = reports::Entity::update_many()
            .set(row)
            .filter(of(ente, id))
            .filter(reports::Column::Revision.eq(expected))
            .exec(&writing)
            .await?;
        if done.rows_affected == 0 {
            return Err(EnteError::NotFound("report"));
        }
        writing.commit().await?;
        Ok(revision)
    }

    /// Gives a report its schedule, or takes it away. The revision stays: nobody who is writing is disturbed.
    ///
    /// # Errors
    /// No such report in the Ente.
    pub async fn schedule_report(
        &self,
        ente: EnteId,
        id: ReportId,
        schedule: Option<Schedule>,
    ) -> Result<(), EnteError> {
        let row = reports::ActiveModel {
            every: Set(schedule.map(|schedule| schedule.every.code().to_owned())),
            next_on: Set(schedule.map(|schedule| schedule.next_on)),
            ..Default::default()
        };
        let writing = self.write().await?;
        let done = reports::Entity::update_many().set(row).filter(of(ente, id)).exec(&writing).await?;
        if done.rows_affected == 0 {
            return Err(EnteError::NotFound("report"));
        }
        writing.commit().await?;
        Ok(())
    }

    /// The reports of all Enti of which an edition is due, the longest due first: for whoever issues them.
    ///
    /// # Errors
    /// A schedule is damaged.
    pub async fn due(&self, today: NaiveDate) -> Result<Vec<Due>, EnteError> {
        let rows = reports::Entity::find()
            .filter(reports::Column::NextOn.lte(today))
            .order_by_asc(reports::Column::NextOn)
            .order_by_asc(reports::Column::EnteId)
            .order_by_asc(reports::Column::Id)
            .all(self.reading())
            .await?;
        let read = |row: reports::Model| {
            let schedule = Schedule::read(&row)?.ok_or_else(|| damaged("reports", row.id))?;
            Ok(Due { ente: EnteId(row.ente_id), report: ReportId(row.id), schedule })
        };
        rows.into_iter().map(read).collect()
    }

    /// Throws a report away, and its editions with it.
    ///
    /// # Errors
    /// No such report in the Ente.
    pub async fn delete_report(&self, ente: EnteId, id: ReportId) -> Result<(), EnteError> {
        let writing = self.write().await?;
        one(&writing, ente, id).await?;
        editions::delete_of(&writing, ente, id).await?;
        reports::Entity::delete_many().filter(of(ente, id)).exec(&writing).await?;
        writing.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn version_1_of_a_report_is_read_for_ever() {
        let text = include_str!("tests/fixtures/report_1.json").trim();
        let body: VersionedBody = from_json(text, "reports", Uuid::nil()).unwrap();
        assert_eq!(to_json(&body), text);
        let VersionedBody::V1(Body { chapters, texts }) = body;
        assert_eq!(chapters, ["bisogni", "esiti_dei_percorsi"]);
        assert_eq!(texts.keys().collect::<Vec<_>>(), ["bisogni", CLOSING, INTRODUCTION]);
    }
}
