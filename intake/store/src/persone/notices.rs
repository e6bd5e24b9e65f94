//! Notices on the use of data (GDPR art. 13) given to a persona, each with its version and day.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use super::{seen_one, usable};
use crate::access::{EnteScope, Right};
use crate::assessments::AccountName;
use crate::audit::{Line, append};
use crate::drafts::possible_day;
use crate::error::StoreError;
use crate::ids::PersonaId;
use crate::open::{Chance, Store, moment, new_id, required};
use crate::tables::notices;

/// A notice that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The version of its text.
    pub version: String,
    /// The day on which it was given.
    pub given_on: NaiveDate,
    /// When that was recorded.
    pub at: DateTime<Utc>,
    /// Who recorded it.
    pub by: Option<AccountName>,
}

impl Store {
    /// Records that a notice was given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a day in the future; no right.
    pub async fn record_notice(
        &self,
        scope: &EnteScope,
        persona: PersonaId,
        version: &str,
        given_on: NaiveDate,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        possible_day(given_on, now)?;
        let version = required("version", version, 40)?;
        let writing = self.write(scope.ente()).await?;
        usable(&*writing, scope, persona).await?;
        let row = notices::ActiveModel {
            ente_id: Set(scope.ente().0),
            id: Set(new_id(chance)),
            persona_id: Set(persona.0),
            version: Set(version),
            given_on: Set(given_on),
            at: Set(now),
            account_id: Set(scope.account_id().map(|account| account.0)),
        };
        notices::Entity::insert(row).exec_without_returning(&*writing).await?;
        append(&self.keys, &*writing, Line::done(scope, "persona.notice", &[persona.0]), now).await?;
        writing.commit().await
    }

    /// The notices given to a persona, the last first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn notices(&self, scope: &EnteScope, persona: PersonaId) -> Result<Vec<Notice>, StoreError> {
        scope.require(Right::SeePersone)?;
        let reading = &self.reading(scope.ente());
        seen_one(reading, scope, persona).await?;
        let rows = notices::Entity::find()
            .filter(notices::Column::EnteId.eq(scope.ente().0))
            .filter(notices::Column::PersonaId.eq(persona.0))
            .order_by_desc(notices::Column::GivenOn)
            .order_by_desc(notices::Column::At)
            .all(reading)
            .await?;
        let names = self.account_names(scope.ente()).await?;
        Ok(rows
            .into_iter()
            .map(|row| Notice {
                version: row.version,
                given_on: row.given_on,
                at: row.at,
                by: AccountName::of(row.account_id, &names),
            })
            .collect())
    }
}
