//! What is remembered of the groups of people with similar needs of an Ente, from one state of its lake to the next: nothing but
//! what gives each group its letter again. One text for each strumento, which the dashboards alone understand.

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Set};
use serde::de::IgnoredAny;

use crate::database::Workspace;
use crate::error::{EnteError, Problem, Refused};
use crate::fields::{moment, refused, strumento};
use crate::tables::needs_groups;

/// Bytes of what is remembered.
const CONTENT_BYTES: usize = 20_000;

fn row_of(ente: EnteId, of: &str) -> Result<Condition, Refused> {
    Ok(Condition::all()
        .add(needs_groups::Column::EnteId.eq(ente.0))
        .add(needs_groups::Column::Strumento.eq(strumento(of)?)))
}

impl Workspace {
    /// What is remembered of a strumento in an Ente.
    ///
    /// # Errors
    /// The strumento has not its form; the database.
    pub async fn needs_groups(&self, ente: EnteId, strumento: &str) -> Result<Option<String>, EnteError> {
        let row = needs_groups::Entity::find().filter(row_of(ente, strumento)?).one(self.reading()).await?;
        Ok(row.map(|row| row.content))
    }

    /// Remembers this, and nothing of before.
    ///
    /// # Errors
    /// The strumento has not its form; the content is no JSON, or longer than 20,000 bytes; the database.
    pub async fn keep_needs_groups(
        &self,
        ente: EnteId,
        of: &str,
        content: &str,
        now: DateTime<Utc>,
    ) -> Result<(), EnteError> {
        let (before, now) = (row_of(ente, of)?, moment(now));
        if content.len() > CONTENT_BYTES {
            return Err(refused("content", Problem::TooLong).into());
        }
        if serde_json::from_str::<IgnoredAny>(content).is_err() {
            return Err(refused("content", Problem::Form).into());
        }
        let writing = self.write().await?;
        needs_groups::Entity::delete_many().filter(before).exec(&writing).await?;
        let row = needs_groups::ActiveModel {
            ente_id: Set(ente.0),
            strumento: Set(of.to_owned()),
            found_at: Set(now),
            content: Set(content.to_owned()),
        };
        needs_groups::Entity::insert(row).exec_without_returning(&writing).await?;
        writing.commit().await?;
        Ok(())
    }
}
