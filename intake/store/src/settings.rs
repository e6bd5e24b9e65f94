//! What an Ente sets for itself: after how many days a persona is due for the next assessment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::instrument::Id;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use crate::access::{EnteScope, Right};
use crate::audit::{Line, append};
use crate::error::{Refused, StoreError};
use crate::open::{Store, moment};
use crate::tables::settings;

/// Days that can be set at most: five years.
const DAYS_MAX: u32 = 1_826;

/// The name of a setting.
fn reassess(instrument: &Id) -> String {
    format!("reassess {instrument}")
}

impl Store {
    /// The intervals that the Ente has set, by strumento: days after the last assessment; 0 for never.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn reassess_days(&self, scope: &EnteScope) -> Result<BTreeMap<Id, u32>, StoreError> {
        scope.require(Right::SeeEnte)?;
        let rows = settings::Entity::find()
            .filter(settings::Column::EnteId.eq(scope.ente().0))
            .all(&self.reading(scope.ente()))
            .await?;
        rows.iter()
            .filter_map(|row| Some((row, row.name.strip_prefix("reassess ")?)))
            .map(|(row, id)| {
                let damaged = || StoreError::Damaged { table: "settings", row: row.name.clone() };
                Ok((Id::parse(id).map_err(|_| damaged())?, row.value.parse().map_err(|_| damaged())?))
            })
            .collect()
    }

    /// Sets the interval of a strumento.
    ///
    /// # Errors
    /// More than five years; no right.
    pub async fn set_reassess_days(
        &self,
        scope: &EnteScope,
        instrument: &Id,
        days: u32,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        if days > DAYS_MAX {
            return Err(Refused::TextForm("days").into());
        }
        let now = moment(now);
        let name = reassess(instrument);
        let writing = self.write(scope.ente()).await?;
        settings::Entity::delete_by_id((scope.ente().0, name.clone())).exec(&*writing).await?;
        let row = settings::ActiveModel {
            ente_id: Set(scope.ente().0),
            name: Set(name.clone()),
            value: Set(days.to_string()),
            set_at: Set(now),
            set_by: Set(scope.account_id().map(|account| account.0)),
        };
        settings::Entity::insert(row).exec_without_returning(&*writing).await?;
        let line = Line::done(scope, "settings.change", &[]).with_detail(format!("{name} {days}"));
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await
    }
}
