//! The protected figures that the pages of an Ente show of a strumento, one state of the lake at a time. One row for each strumento,
//! in a form that the dashboards alone understand; of what is hidden there is nothing in it.

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use crate::database::Workspace;
use crate::error::{EnteError, Problem, Refused};
use crate::fields::{moment, refused, strumento};
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

    /// Keeps this, and nothing of before; unless what is kept is of a later state, which is said by `false`.
    ///
    /// # Errors
    /// The strumento has not its form; the content is empty, or longer than 20,000,000 bytes; the database.
    pub async fn keep_snapshot(
        &self,
        ente: EnteId,
        of: &str,
        published_at: DateTime<Utc>,
        content: Vec<u8>,
    ) -> Result<bool, EnteError> {
        let (before, published_at) = (row_of(ente, of)?, moment(published_at));
        match content.len() {
            0 => return Err(refused("content", Problem::Missing).into()),
            1..=CONTENT_BYTES => {}
            _ => return Err(refused("content", Problem::TooLong).into()),
        }
        let writing = self.write().await?;
        let kept = snapshots::Entity::find().filter(before.clone());
        let kept = kept.select_only().column(snapshots::Column::PublishedAt);
        let kept: Option<DateTime<Utc>> = kept.into_tuple().one(&writing).await?;
        if kept.is_some_and(|kept| kept > published_at) {
            return Ok(false);
        }
        snapshots::Entity::delete_many().filter(before).exec(&writing).await?;
        let row = snapshots::ActiveModel {
            ente_id: Set(ente.0),
            strumento: Set(of.to_owned()),
            published_at: Set(published_at),
            content: Set(content),
        };
        snapshots::Entity::insert(row).exec_without_returning(&writing).await?;
        writing.commit().await?;
        Ok(true)
    }
}
