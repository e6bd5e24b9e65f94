//! For how long an Ente keeps persone with whom nothing happens any more, and whom that time is over for.

use std::collections::BTreeSet;

use chrono::{DateTime, Months, NaiveDate, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::due::last_days;
use super::{IDS_MAX, PersonaSummary, going_on_in, seen};
use crate::access::{EnteScope, Right};
use crate::audit::Line;
use crate::error::StoreError;
use crate::ids::PersonaId;
use crate::open::{Store, day};
use crate::tables::{drafts, persone};

/// A persona for whom the time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRetention {
    /// Who.
    pub persona: PersonaSummary,
    /// The last day on which something happened: an assessment, a change of what is recorded.
    pub last_on: NaiveDate,
}

impl Store {
    /// The persone for whom the Ente's time is over, the longest ago first, `limit` at most; and how many there are. Nobody
    /// where the Ente has set no time. Whoever is restricted or has an open draft is left out. Audited.
    ///
    /// # Errors
    /// No right ([`Right::Erase`]); the database.
    pub async fn past_retention(
        &self,
        scope: &EnteScope,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<(Vec<PastRetention>, usize), StoreError> {
        let mut over = self.over(scope, now).await?;
        let count = over.len();
        over.truncate(limit);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let mut found = Vec::new();
        for chunk in over.chunks(IDS_MAX) {
            let ids = chunk.iter().map(|(_, persona)| *persona);
            let rows = seen(scope).filter(persone::Column::Id.is_in(ids)).all(&self.reading(ente)).await?;
            let mut summaries = self.summaries(&keys, ente, rows).await?;
            for (last_on, id) in chunk {
                let place = summaries.iter().position(|one| one.id.0 == *id);
                let persona = place.map(|place| summaries.swap_remove(place));
                found.extend(persona.map(|persona| PastRetention { persona, last_on: *last_on }));
            }
        }
        let subjects: Vec<Uuid> = found.iter().map(|one| one.persona.id.0).collect();
        self.note(Line::done(scope, "persona.past_retention", &subjects), now).await?;
        Ok((found, count))
    }

    /// Those of `wanted` for whom the time is over now.
    ///
    /// # Errors
    /// As [`Store::past_retention`].
    pub async fn still_past_retention(
        &self,
        scope: &EnteScope,
        wanted: &BTreeSet<PersonaId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<PersonaId>, StoreError> {
        let over = self.over(scope, now).await?;
        Ok(over.into_iter().map(|(_, persona)| PersonaId(persona)).filter(|persona| wanted.contains(persona)).collect())
    }

    async fn over(&self, scope: &EnteScope, now: DateTime<Utc>) -> Result<Vec<(NaiveDate, Uuid)>, StoreError> {
        scope.require(Right::Erase)?;
        let ente = scope.ente();
        let Some(months) = self.retention_months_of(ente).await? else { return Ok(Vec::new()) };
        let Some(last_kept) = day(now).checked_sub_months(Months::new(months)) else { return Ok(Vec::new()) };
        let reading = &self.reading(ente);
        let rows: Vec<(Uuid, DateTime<Utc>)> = seen(scope)
            .filter(persone::Column::MergedInto.is_null())
            .filter(persone::Column::IsRestricted.eq(false))
            .select_only()
            .columns([persone::Column::Id, persone::Column::UpdatedAt])
            .into_tuple()
            .all(reading)
            .await?;
        let merged = going_on_in(reading, ente).await?;
        let assessed = last_days(reading, ente, None, &merged).await?;
        let with_draft: BTreeSet<Uuid> = drafts::Entity::find()
            .filter(drafts::Column::EnteId.eq(ente.0))
            .select_only()
            .column(drafts::Column::PersonaId)
            .into_tuple::<Uuid>()
            .all(reading)
            .await?
            .into_iter()
            .map(|persona| *merged.get(&persona).unwrap_or(&persona))
            .collect();
        let mut over: Vec<(NaiveDate, Uuid)> = rows
            .into_iter()
            .filter(|(persona, _)| !with_draft.contains(persona))
            .map(|(persona, updated_at)| {
                let changed = day(updated_at);
                (assessed.get(&persona).map_or(changed, |assessed| changed.max(*assessed)), persona)
            })
            .filter(|(last_on, _)| *last_on < last_kept)
            .collect();
        over.sort_unstable();
        Ok(over)
    }
}
