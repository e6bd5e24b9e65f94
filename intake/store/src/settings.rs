//! What an Ente sets for itself: after how many days a persona is due for the next assessment, whether drafts may be taken
//! along on a device, for how many months persone with whom nothing happens are kept.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use domain::instrument::Id;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use crate::access::{EnteScope, Right};
use crate::audit::{Line, append};
use crate::drafts::Draft;
use crate::error::{Refused, StoreError};
use crate::ids::DraftId;
use crate::open::{Store, moment};
use crate::tables::settings;

/// Days that can be set at most: five years.
pub const REASSESS_DAYS_MAX: u32 = 1_826;

/// Months that can be set at most: fifty years.
pub const RETENTION_MONTHS_MAX: u32 = 600;

/// For how long persone are kept.
const RETENTION: &str = "retention_months";

/// Whether drafts may be taken along.
const OFFLINE: &str = "offline";
const ON: &str = "on";
const OFF: &str = "off";

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
        if days > REASSESS_DAYS_MAX {
            return Err(Refused::TextForm("days").into());
        }
        self.set(scope, &reassess(instrument), &days.to_string(), now).await
    }

    /// Whether operators may take drafts along on a device, to fill them in without network. Nobody has said so: no.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn allows_offline(&self, scope: &EnteScope) -> Result<bool, StoreError> {
        scope.require(Right::SeeEnte)?;
        let row =
            settings::Entity::find_by_id((scope.ente().0, OFFLINE.to_owned())).one(&self.reading(scope.ente())).await?;
        Ok(row.is_some_and(|row| row.value == ON))
    }

    /// Says whether operators may take drafts along.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn set_offline(&self, scope: &EnteScope, is_on: bool, now: DateTime<Utc>) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        self.set(scope, OFFLINE, if is_on { ON } else { OFF }, now).await
    }

    /// For how many months persone with whom nothing happens are kept; `None` where the Ente has not said.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn retention_months(&self, scope: &EnteScope) -> Result<Option<u32>, StoreError> {
        scope.require(Right::SeeEnte)?;
        self.retention_months_of(scope.ente()).await
    }

    pub(crate) async fn retention_months_of(&self, ente: EnteId) -> Result<Option<u32>, StoreError> {
        let row = settings::Entity::find_by_id((ente.0, RETENTION.to_owned())).one(&self.reading(ente)).await?;
        let damaged = || StoreError::Damaged { table: "settings", row: RETENTION.to_owned() };
        let months = row.map(|row| row.value.parse::<u32>().map_err(|_| damaged())).transpose()?;
        Ok(months.filter(|months| *months > 0))
    }

    /// Says for how many months persone with whom nothing happens are kept; 0 for no rule.
    ///
    /// # Errors
    /// More than fifty years; no right.
    pub async fn set_retention_months(
        &self,
        scope: &EnteScope,
        months: u32,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        if months > RETENTION_MONTHS_MAX {
            return Err(Refused::TextForm("months").into());
        }
        self.set(scope, RETENTION, &months.to_string(), now).await
    }

    /// One's own draft, to be taken along: as [`Store::draft`], with a line in the audit that says so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] also where the Ente does not allow it.
    pub async fn take_draft(&self, scope: &EnteScope, id: DraftId, now: DateTime<Utc>) -> Result<Draft, StoreError> {
        scope.require(Right::Assess)?;
        if !self.allows_offline(scope).await? {
            return Err(StoreError::NotFound("draft"));
        }
        let draft = self.draft(scope, id, now).await?;
        self.note(Line::done(scope, "draft.take", &[id.0, draft.persona.0]), now).await?;
        Ok(draft)
    }

    async fn set(&self, scope: &EnteScope, name: &str, value: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let now = moment(now);
        let writing = self.write(scope.ente()).await?;
        settings::Entity::delete_by_id((scope.ente().0, name.to_owned())).exec(&*writing).await?;
        let row = settings::ActiveModel {
            ente_id: Set(scope.ente().0),
            name: Set(name.to_owned()),
            value: Set(value.to_owned()),
            set_at: Set(now),
            set_by: Set(scope.account_id().map(|account| account.0)),
        };
        settings::Entity::insert(row).exec_without_returning(&*writing).await?;
        let line = Line::done(scope, "settings.change", &[]).with_detail(format!("{name} {value}"));
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await
    }
}
