//! Who is due for the next assessment with a strumento.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::EnteId;
use domain::instrument::Id;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{IDS_MAX, PersonaSummary, going_on_in, real, seen};
use crate::access::{EnteScope, Right};
use crate::audit::Line;
use crate::error::StoreError;
use crate::open::Store;
use crate::tables::{assessments, persone};

/// A persona who is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Who.
    pub persona: PersonaSummary,
    /// The day of the last assessment that counts.
    pub assessed_on: NaiveDate,
}

impl Store {
    /// The persone whose last assessment with a strumento was on a day or before it, the longest ago first, `limit` at most;
    /// and how many there are. Restricted persone are left out. Audited.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn due_persone(
        &self,
        scope: &EnteScope,
        instrument: &Id,
        last_on: NaiveDate,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Due>, usize), StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let merged = going_on_in(&self.reading(ente), ente).await?;
        let days = last_days(&self.reading(ente), ente, Some(instrument), &merged).await?;
        let mut due: Vec<(NaiveDate, Uuid)> =
            days.into_iter().filter(|(_, day)| *day <= last_on).map(|(persona, day)| (day, persona)).collect();
        due.sort_unstable();
        let wanted: Vec<Uuid> = due.iter().map(|(_, persona)| *persona).collect();
        let mut reached: BTreeSet<Uuid> = BTreeSet::new();
        for chunk in wanted.chunks(IDS_MAX) {
            let rows: Vec<Uuid> = seen(scope)
                .select_only()
                .column(persone::Column::Id)
                .filter(persone::Column::IsRestricted.eq(false))
                .filter(persone::Column::Id.is_in(chunk.to_vec()))
                .into_tuple()
                .all(&self.reading(ente))
                .await?;
            reached.extend(rows);
        }
        due.retain(|(_, persona)| reached.contains(persona));
        let count = due.len();
        due.truncate(limit);
        let ids: Vec<Uuid> = due.iter().map(|(_, persona)| *persona).collect();
        let rows = seen(scope).filter(persone::Column::Id.is_in(ids.clone())).all(&self.reading(ente)).await?;
        let mut found: BTreeMap<Uuid, PersonaSummary> =
            self.summaries(&keys, ente, rows).await?.into_iter().map(|one| (one.id.0, one)).collect();
        let due = due
            .into_iter()
            .filter_map(|(assessed_on, persona)| Some(Due { persona: found.remove(&persona)?, assessed_on }))
            .collect();
        self.note(Line::done(scope, "persona.due", &ids), now).await?;
        Ok((due, count))
    }
}

/// The day of the last assessment that counts of each persona who goes on; with one strumento, if given. Merged persone are
/// one: the last day of any of them counts.
pub(super) async fn last_days(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    instrument: Option<&Id>,
    merged: &BTreeMap<Uuid, Uuid>,
) -> Result<BTreeMap<Uuid, NaiveDate>, StoreError> {
    let of_instrument =
        Condition::all().add_option(instrument.map(|id| assessments::Column::Instrument.eq(id.as_str())));
    let last: Vec<(Uuid, NaiveDate)> = assessments::Entity::find()
        .select_only()
        .column(assessments::Column::PersonaId)
        .column_as(assessments::Column::AssessedOn.max(), "last")
        .filter(assessments::Column::EnteId.eq(ente.0))
        .filter(of_instrument)
        .filter(assessments::Column::SupersededBy.is_null())
        .filter(assessments::Column::AnnulledAt.is_null())
        .filter(real(assessments::Column::ImportId, ente))
        .group_by(assessments::Column::PersonaId)
        .into_tuple()
        .all(connection)
        .await?;
    let mut days: BTreeMap<Uuid, NaiveDate> = BTreeMap::new();
    for (persona, day) in last {
        let goes_on = *merged.get(&persona).unwrap_or(&persona);
        days.entry(goes_on).and_modify(|known| *known = day.max(*known)).or_insert(day);
    }
    Ok(days)
}
