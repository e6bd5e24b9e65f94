//! The protected figures that the pages of an Ente show of a strumento, one state of the lake at a time. One row for each strumento,
//! in a form that the dashboards alone understand; of what is hidden there is nothing in it.

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Set};

use crate::database::Workspace;
use crate::error::{EnteError, Problem, Refused};
use crate::fields::{moment, refused, strumento, version};
use crate::tables::snapshots;

/// Bytes of a snapshot.
const CONTENT_BYTES: usize = 20_000_000;

fn row_of(ente: EnteId, of: &str) -> Result<Condition, Refused> {
    Ok(Condition::all().add(snapshots::Column::EnteId.eq(ente.0)).add(snapshots::Column::Strumento.eq(strumento(of)?)))
}

impl Workspace {
    /// What is kept of a strumento in an Ente.
    ///
    /// # Errors
    /// The strumento has not its form; the database.
    pub async fn snapshot(&self, ente: EnteId, strumento: &str) -> Result<Option<Vec<u8>>, EnteError> {
        let row = snapshots::Entity::find().filter(row_of(ente, strumento)?).one(self.reading()).await?;
        Ok(row.map(|row| row.content))
    }

    /// Keeps this, and nothing of before.
    ///
    /// # Errors
    /// The strumento has not its form; the version is no number of a state; the content is empty, or longer than 20,000,000 bytes;
    /// the database.
    pub async fn keep_snapshot(
        &self,
        ente: EnteId,
        of: &str,
        of_version: i64,
        content: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<(), EnteError> {
        let (before, now, of_version) = (row_of(ente, of)?, moment(now), version(of_version)?);
        match content.len() {
            0 => return Err(refused("content", Problem::Missing).into()),
            1..=CONTENT_BYTES => {}
            _ => return Err(refused("content", Problem::TooLong).into()),
        }
        let writing = self.write().await?;
        snapshots::Entity::delete_many().filter(before).exec(&writing).await?;
        let row = snapshots::ActiveModel {
            ente_id: Set(ente.0),
            strumento: Set(of.to_owned()),
            version: Set(of_version),
            kept_at: Set(now),
            content: Set(content),
        };
        snapshots::Entity::insert(row).exec_without_returning(&writing).await?;
        writing.commit().await?;
        Ok(())
    }
}
