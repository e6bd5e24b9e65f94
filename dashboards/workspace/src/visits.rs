//! What an account saw of a page last, so that the page can say what has changed since.
//!
//! A state is a version of the Ente's lake with the figures shown of it. Two are kept of each page and strumento: the newest
//! seen and the one before it, so that a page opened twice still compares with what was seen before. A lake older than the
//! newest seen changes nothing: a damaged one may be shown in an earlier state for a while.

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, Set};
use serde::de::IgnoredAny;
use uuid::Uuid;

use crate::database::Workspace;
use crate::error::{EnteError, Problem, Refused};
use crate::fields::{code, moment, refused, strumento, version};
use crate::tables::visits;

/// Bytes of the figures of a page.
const FIGURES_BYTES: usize = 20_000;

/// Who looks at what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit<'a> {
    /// In which Ente.
    pub ente: EnteId,
    /// Who: an account of the portal.
    pub account: Uuid,
    /// The page, by its code.
    pub page: &'a str,
    /// The strumento, by its id.
    pub strumento: &'a str,
}

impl Visit<'_> {
    /// Its rows. Texts are held to their form for reading too: PostgreSQL takes none with a nought in it.
    fn rows(&self) -> Result<Condition, Refused> {
        Ok(Condition::all()
            .add(visits::Column::EnteId.eq(self.ente.0))
            .add(visits::Column::AccountId.eq(self.account))
            .add(visits::Column::Page.eq(code("page", self.page)?))
            .add(visits::Column::Strumento.eq(strumento(self.strumento)?)))
    }
}

/// A state that an account has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The version of the lake.
    pub version: i64,
    /// When it was seen first.
    pub first_at: DateTime<Utc>,
    /// When it was seen last.
    pub last_at: DateTime<Utc>,
    /// The figures shown when it was seen first: JSON, which the page alone understands.
    pub figures: String,
}

impl Workspace {
    /// The state to compare version `before` with: the last that the account saw of a lower version.
    ///
    /// # Errors
    /// Page or strumento have not their form.
    pub async fn seen(&self, visit: &Visit<'_>, before: i64) -> Result<Option<Seen>, EnteError> {
        let row = visits::Entity::find()
            .filter(visit.rows()?)
            .filter(visits::Column::Version.lt(before))
            .order_by_desc(visits::Column::Version)
            .one(self.reading())
            .await?;
        Ok(row.map(|row| Seen {
            version: row.version,
            first_at: row.first_at,
            last_at: row.last_at,
            figures: row.figures,
        }))
    }

    /// Notes that the account sees a version with these figures. The newest seen again only changes its time; a newer one
    /// makes it the earlier state; an older one is ignored.
    ///
    /// # Errors
    /// Page or strumento have not their form; the version is below 0; the figures are no JSON, or longer than 20,000 bytes.
    pub async fn see(
        &self,
        visit: &Visit<'_>,
        version_seen: i64,
        figures: &str,
        now: DateTime<Utc>,
    ) -> Result<(), EnteError> {
        let (rows, now, seen) = (visit.rows()?, moment(now), version(version_seen)?);
        if figures.len() > FIGURES_BYTES {
            return Err(refused("figures", Problem::TooLong).into());
        }
        if serde_json::from_str::<IgnoredAny>(figures).is_err() {
            return Err(refused("figures", Problem::Form).into());
        }
        let writing = self.write().await?;
        let newest = visits::Entity::find()
            .filter(rows.clone())
            .order_by_desc(visits::Column::Version)
            .one(&writing)
            .await?
            .map(|row| row.version);
        if newest.is_some_and(|newest| seen < newest) {
            return Ok(());
        }
        if newest == Some(seen) {
            visits::Entity::update_many()
                .set(visits::ActiveModel { last_at: Set(now), ..Default::default() })
                .filter(rows)
                .filter(visits::Column::Version.eq(seen))
                .exec(&writing)
                .await?;
        } else {
            if let Some(newest) = newest {
                let older = visits::Column::Version.lt(newest);
                visits::Entity::delete_many().filter(rows).filter(older).exec(&writing).await?;
            }
            let row = visits::ActiveModel {
                ente_id: Set(visit.ente.0),
                account_id: Set(visit.account),
                page: Set(visit.page.to_owned()),
                strumento: Set(visit.strumento.to_owned()),
                version: Set(seen),
                first_at: Set(now),
                last_at: Set(now),
                figures: Set(figures.to_owned()),
            };
            visits::Entity::insert(row).exec_without_returning(&writing).await?;
        }
        writing.commit().await?;
        Ok(())
    }
}
