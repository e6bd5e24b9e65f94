//! What the portal counts of an Ente, from its own tables and never from the feed, so that the two can be compared.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use domain::feed::{EnteId, Tally, TallyLine};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::access::EnteScope;
use crate::error::StoreError;
use crate::open::Store;
use crate::persone::real;
use crate::tables::{assessments, ente_counters, persone, segments};

/// Ids in one condition.
const IDS_AT_ONCE: usize = 500;

impl Store {
    /// What the portal counts of the scope's Ente, at this moment.
    ///
    /// # Errors
    /// The database.
    pub async fn tally(&self, scope: &EnteScope) -> Result<Tally, StoreError> {
        let moment = self.snapshot(scope.ente()).await?;
        count(&moment, scope.ente()).await
    }

    /// What the portal counts at the moment of the segments; `None` when events or erasures came after them.
    pub(crate) async fn tally_of_segments(&self, ente: EnteId) -> Result<Option<Tally>, StoreError> {
        let moment = self.snapshot(ente).await?;
        let rows = segments::Entity::find().filter(segments::Column::EnteId.eq(ente.0)).all(&moment).await?;
        let last = rows.iter().map(|row| row.last_seq).max().unwrap_or(0);
        let is_written = rows.iter().all(|row| row.written >= row.wanted);
        let tally = count(&moment, ente).await?;
        Ok((is_written && tally.last_seq == last).then_some(tally))
    }
}

async fn count(moment: &impl ConnectionTrait, ente: EnteId) -> Result<Tally, StoreError> {
    let counters = ente_counters::Entity::find_by_id(ente.0).one(moment).await?;
    let last_seq = counters.ok_or(StoreError::NotFound("Ente"))?.feed_seq;
    let current = Condition::all()
        .add(assessments::Column::SupersededBy.is_null())
        .add(assessments::Column::AnnulledAt.is_null());
    let mut lines = by_year(moment, ente, current.clone()).await?;
    let mut restricted = 0;
    for ids in restricted_persone(moment, ente).await?.chunks(IDS_AT_ONCE) {
        let theirs = current.clone().add(assessments::Column::PersonaId.is_in(ids.iter().copied()));
        for (line, count) in by_year(moment, ente, theirs).await? {
            restricted += count;
            *lines.entry(line).or_default() -= count;
        }
    }
    let of = |condition: Condition| async {
        let found = assessments::Entity::find().filter(of_ente(ente)).filter(condition).count(moment).await?;
        Ok::<_, StoreError>(i64::try_from(found).unwrap_or(i64::MAX))
    };
    let superseded = of(Condition::all().add(assessments::Column::SupersededBy.is_not_null())).await?;
    let annulled = Condition::all()
        .add(assessments::Column::SupersededBy.is_null())
        .add(assessments::Column::AnnulledAt.is_not_null());
    let annulled = of(annulled).await?;
    let counting = lines
        .into_iter()
        .filter(|(_, assessments)| *assessments != 0)
        .map(|((instrument, year), assessments)| TallyLine { instrument, year, assessments })
        .collect();
    Ok(Tally { ente, last_seq, counting, superseded, annulled, restricted })
}

/// The Ente's assessments, without those of imports that are not real yet.
fn of_ente(ente: EnteId) -> Condition {
    Condition::all().add(assessments::Column::EnteId.eq(ente.0)).add(real(assessments::Column::ImportId, ente))
}

async fn by_year(
    moment: &impl ConnectionTrait,
    ente: EnteId,
    condition: Condition,
) -> Result<BTreeMap<(String, i32), i64>, StoreError> {
    let days: Vec<(String, NaiveDate, i64)> = assessments::Entity::find()
        .select_only()
        .column(assessments::Column::Instrument)
        .column(assessments::Column::AssessedOn)
        .column_as(assessments::Column::Id.count(), "assessments")
        .filter(of_ente(ente))
        .filter(condition)
        .group_by(assessments::Column::Instrument)
        .group_by(assessments::Column::AssessedOn)
        .into_tuple()
        .all(moment)
        .await?;
    let mut years = BTreeMap::new();
    for (instrument, day, count) in days {
        *years.entry((instrument, day.year())).or_default() += count;
    }
    Ok(years)
}

/// Persone whose data must not be used for now, and those merged into them.
async fn restricted_persone(moment: &impl ConnectionTrait, ente: EnteId) -> Result<Vec<Uuid>, StoreError> {
    let either =
        Condition::any().add(persone::Column::IsRestricted.eq(true)).add(persone::Column::MergedInto.is_not_null());
    let rows: Vec<(Uuid, bool, Option<Uuid>)> = persone::Entity::find()
        .select_only()
        .column(persone::Column::Id)
        .column(persone::Column::IsRestricted)
        .column(persone::Column::MergedInto)
        .filter(persone::Column::EnteId.eq(ente.0))
        .filter(either)
        .into_tuple()
        .all(moment)
        .await?;
    let restricted: BTreeSet<Uuid> = rows.iter().filter(|row| row.1).map(|row| row.0).collect();
    let merged: BTreeMap<Uuid, Uuid> = rows.iter().filter_map(|(id, _, into)| Some((*id, (*into)?))).collect();
    let goes_on_as = |id: Uuid| std::iter::successors(Some(id), |at| merged.get(at).copied()).last();
    let ids = rows.iter().map(|row| row.0);
    Ok(ids.filter(|id| goes_on_as(*id).is_some_and(|root| restricted.contains(&root))).collect())
}
