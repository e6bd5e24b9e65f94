//! The feed: numbered events of each Ente, appended in the transaction that does the thing.

use chrono::{DateTime, Utc};
use domain::feed::{EnteId, Event, What};
use domain::keys::Secret;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use crate::assessments::StoredAssessment;
use crate::error::{Refused, StoreError};
use crate::ids::PersonaId;
use crate::keys::{context, open, seal};
use crate::open::{Chance, Store, moment};
use crate::tables::{assessments, ente_counters, events, imports, persona_keys};

/// What a row of the feed holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The validation of an assessment: what is told of it stands in the assessment's own row.
    Validated,
    /// The same of a correction.
    Amended,
    /// Sealed under the persona's key.
    OfPersona,
    /// Sealed under the Ente's key.
    OfEnte,
    /// The Ente's end: says nothing else, so it is readable without the Ente's key, which is gone.
    Closed,
    /// Erased.
    Blank,
}

impl Kind {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::Amended => "amended",
            Self::OfPersona => "of_persona",
            Self::OfEnte => "of_ente",
            Self::Closed => "closed",
            Self::Blank => "blank",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [Self::Validated, Self::Amended, Self::OfPersona, Self::OfEnte, Self::Closed, Self::Blank]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// The block of events that are numbered by the Ente.
pub(crate) const ORDINARY: Uuid = Uuid::nil();

/// An event to be appended.
pub(crate) struct NewEvent {
    pub(crate) ente: EnteId,
    /// Whose key seals it; `None` for the Ente's.
    pub(crate) persona: Option<PersonaId>,
    pub(crate) what: What,
}

/// Takes `count` numbers of an Ente; gives the first.
pub(crate) async fn take_numbers(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    count: i64,
) -> Result<i64, StoreError> {
    let counters = ente_counters::Entity::find_by_id(ente.0)
        .lock_exclusive()
        .one(connection)
        .await?
        .ok_or(StoreError::NotFound("Ente"))?;
    let next = ente_counters::ActiveModel {
        ente_id: Set(ente.0),
        feed_seq: Set(counters.feed_seq + count),
        ..Default::default()
    };
    crate::open::update(next, connection).await?;
    Ok(counters.feed_seq + 1)
}

/// Appends an event, in the transaction that does the thing. `key` is the persona's, or the Ente's own.
pub(crate) async fn append(
    connection: &impl ConnectionTrait,
    event: NewEvent,
    key: &Secret,
    now: DateTime<Utc>,
    chance: &mut dyn Chance,
) -> Result<(), StoreError> {
    let seq = take_numbers(connection, event.ente, 1).await?;
    let (kind, assessment, sealed) = match &event.what {
        What::Validated(assessment) => (Kind::Validated, Some(assessment.id.0), Vec::new()),
        What::Amended(assessment) => (Kind::Amended, Some(assessment.id.0), Vec::new()),
        What::EnteClosed => (Kind::Closed, None, Vec::new()),
        what @ (What::Annulled { .. }
        | What::Restricted { .. }
        | What::Unrestricted { .. }
        | What::Erased { .. }
        | What::PersonaChanged { .. }
        | What::PersonasMerged { .. }
        | What::Unmerged { .. }
        | What::UnitaMoved { .. }
        | What::AzioneRecorded { .. }
        | What::Blank) => {
            let kind = if event.persona.is_some() { Kind::OfPersona } else { Kind::OfEnte };
            (kind, None, seal(key, what, &context(event.ente, "events", "sealed", row(ORDINARY, seq)), chance))
        }
    };
    let row = events::ActiveModel {
        ente_id: Set(event.ente.0),
        block: Set(ORDINARY),
        ordinal: Set(seq),
        persona_id: Set(event.persona.map(|persona| persona.0)),
        assessment_id: Set(assessment),
        at: Set(moment(now)),
        kind: Set(kind.code().to_owned()),
        sealed: Set(sealed),
    };
    events::Entity::insert(row).exec_without_returning(connection).await?;
    Ok(())
}

/// The name of a row in contexts.
pub(crate) fn row(block: Uuid, ordinal: i64) -> String {
    format!("{block}:{ordinal}")
}

impl Store {
    /// The events after a number, in order, `limit` at most; what was erased is blank. For the export alone.
    ///
    /// # Errors
    /// The database, or a payload that cannot be opened.
    pub async fn events(&self, ente: EnteId, after_seq: i64, limit: u64) -> Result<Vec<Event>, StoreError> {
        // One moment for all that follows: an erasure must not fall between an event and what it tells.
        let moment = self.snapshot(ente).await?;
        let counters = ente_counters::Entity::find_by_id(ente.0).one(&moment).await?;
        let last = counters.ok_or(StoreError::NotFound("Ente"))?.feed_seq;
        let until = after_seq.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)).min(last);
        let first = after_seq.max(0) + 1;
        let blocks = imports::Entity::find()
            .filter(imports::Column::EnteId.eq(ente.0))
            .filter(imports::Column::FirstSeq.is_not_null())
            .filter(imports::Column::FirstSeq.lte(until))
            .order_by_asc(imports::Column::FirstSeq)
            .all(&moment)
            .await?;
        let mut rows: Vec<(i64, events::Model)> = Vec::new();
        let stretches = blocks
            .iter()
            .filter_map(|block| Some((block.id, block.first_seq? - 1)))
            .chain(std::iter::once((ORDINARY, 0)));
        for (block, base) in stretches {
            let found = events::Entity::find()
                .filter(events::Column::EnteId.eq(ente.0))
                .filter(events::Column::Block.eq(block))
                .filter(events::Column::Ordinal.gte(first - base))
                .filter(events::Column::Ordinal.lte(until - base))
                .order_by_asc(events::Column::Ordinal)
                .all(&moment)
                .await?;
            rows.extend(found.into_iter().map(|row| (row.ordinal + base, row)));
        }
        rows.sort_by_key(|(seq, _)| *seq);
        let numbers = rows.iter().map(|(seq, _)| *seq);
        if !numbers.eq(first..=until) {
            return Err(StoreError::Damaged {
                table: "events",
                row: format!("{ente} {first}-{until}: a number is missing"),
            });
        }
        self.read_events(&moment, ente, rows).await
    }

    /// The number of the last event; 0 before the first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn last_seq(&self, ente: EnteId) -> Result<i64, StoreError> {
        let row = ente_counters::Entity::find_by_id(ente.0).one(&self.reading(ente)).await?;
        Ok(row.ok_or(StoreError::NotFound("Ente"))?.feed_seq)
    }

    async fn read_events(
        &self,
        connection: &impl ConnectionTrait,
        ente: EnteId,
        rows: Vec<(i64, events::Model)>,
    ) -> Result<Vec<Event>, StoreError> {
        // A closed Ente has none: what is left of its feed needs none.
        let keys = match self.ente_keys(ente).await {
            Ok(keys) => Some(keys),
            Err(StoreError::Refused(Refused::EnteClosed)) => None,
            Err(error) => return Err(error),
        };
        let mut events = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(500) {
            let persone: Vec<Uuid> = chunk.iter().filter_map(|(_, row)| row.persona_id).collect();
            let wrapped: std::collections::BTreeMap<Uuid, Vec<u8>> = persona_keys::Entity::find()
                .filter(persona_keys::Column::EnteId.eq(ente.0))
                .filter(persona_keys::Column::PersonaId.is_in(persone))
                .all(connection)
                .await?
                .into_iter()
                .map(|row| (row.persona_id, row.wrapped_key))
                .collect();
            let ids: Vec<Uuid> = chunk.iter().filter_map(|(_, row)| row.assessment_id).collect();
            let sealed: std::collections::BTreeMap<Uuid, Vec<u8>> = assessments::Entity::find()
                .filter(assessments::Column::EnteId.eq(ente.0))
                .filter(assessments::Column::Id.is_in(ids))
                .all(connection)
                .await?
                .into_iter()
                .map(|row| (row.id, row.sealed))
                .collect();
            for (seq, row_found) in chunk {
                let name = row(row_found.block, row_found.ordinal);
                let damaged = || StoreError::Damaged { table: "events", row: format!("{ente} {name}") };
                let keys = || keys.as_deref().ok_or_else(damaged);
                let persona_key = || {
                    let persona = row_found.persona_id.ok_or_else(damaged)?;
                    keys()?.unwrap_persona(PersonaId(persona), wrapped.get(&persona).ok_or_else(damaged)?)
                };
                let what = match Kind::from_code(&row_found.kind).ok_or_else(damaged)? {
                    Kind::Blank => What::Blank,
                    Kind::Closed => What::EnteClosed,
                    Kind::OfPersona => open(&persona_key()?, &row_found.sealed, ente, "events", "sealed", &name)?,
                    Kind::OfEnte => open(&keys()?.own, &row_found.sealed, ente, "events", "sealed", &name)?,
                    kind @ (Kind::Validated | Kind::Amended) => {
                        let id = row_found.assessment_id.ok_or_else(damaged)?;
                        let sealed = sealed.get(&id).ok_or_else(damaged)?;
                        let stored = StoredAssessment::open(&persona_key()?, sealed, ente, id)?;
                        let told = Box::new(stored.told);
                        if kind == Kind::Validated { What::Validated(told) } else { What::Amended(told) }
                    }
                };
                events.push(Event { ente, seq: *seq, at: row_found.at, what });
            }
        }
        Ok(events)
    }
}
