//! Reading validated questionnaires: one, those of a persona, those of an operator or of the whole Ente by filters.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{AssessmentId, EnteId, Origin, UnitaId};
use domain::instrument::Id;
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::azioni::{AzioneAgreed, AzioneResult};
use super::stored::{StoredAssessment, StoredResult, sheet_of};
use super::{AccountName, Annulment, Assessment, Categories};
use crate::access::{EnteScope, Right};
use crate::audit::Line;
use crate::error::StoreError;
use crate::ids::{AccountId, PersonaId};
use crate::keys::{EnteKeys, open};
use crate::open::Store;
use crate::persone::{IDS_MAX, group, persona_secrets, reached, real, seen_one};
use crate::tables::{accounts, assessments, azione_results, imports};

/// Rows opened at a time while looking for a level.
const ROWS_AT_ONCE: u64 = 500;

/// Which questionnaires; what is `None` asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Who made it valid.
    pub operator: Option<AccountId>,
    /// The strumento.
    pub instrument: Option<Id>,
    /// Assessed on this day or later.
    pub from: Option<NaiveDate>,
    /// Assessed on this day or earlier.
    pub until: Option<NaiveDate>,
    /// The unità.
    pub unita: Option<UnitaId>,
    /// A scale, and the level reached on it.
    pub level: Option<(Id, Id)>,
    /// Those alone that count: neither superseded nor annulled.
    pub is_current_only: bool,
}

impl HistoryFilter {
    /// All but the level, which is sealed.
    pub(crate) fn condition(&self) -> Condition {
        // Fields are named one by one, so that one added above and forgotten here does not compile.
        let Self { operator, instrument, from, until, unita, level: _, is_current_only } = self;
        let mut all = Condition::all()
            .add_option(operator.map(|operator| assessments::Column::AccountId.eq(operator.0)))
            .add_option(instrument.as_ref().map(|id| assessments::Column::Instrument.eq(id.as_str())))
            .add_option(from.map(|from| assessments::Column::AssessedOn.gte(from)))
            .add_option(until.map(|until| assessments::Column::AssessedOn.lte(until)))
            .add_option(unita.map(|unita| assessments::Column::UnitaId.eq(unita.0)));
        if *is_current_only {
            all = all.add(assessments::Column::SupersededBy.is_null()).add(assessments::Column::AnnulledAt.is_null());
        }
        all
    }
}

impl Store {
    /// One version; audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn assessment(
        &self,
        scope: &EnteScope,
        id: AssessmentId,
        now: DateTime<Utc>,
    ) -> Result<Assessment, StoreError> {
        scope.require(Right::SeePersone)?;
        let row = there(scope.ente())
            .filter(reached(scope, assessments::Column::PersonaId))
            .filter(assessments::Column::Id.eq(id.0))
            .one(&self.reading(scope.ente()))
            .await?;
        let row = row.ok_or(StoreError::NotFound("assessment"))?;
        let found = self.read_assessments(scope.ente(), vec![row]).await?.remove(0);
        self.note(Line::done(scope, "assessment.read", &[id.0, found.persona.0]), now).await?;
        Ok(found)
    }

    /// The visura of a persona, those merged into them included: every version, the latest day first; audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn history_of_persona(
        &self,
        scope: &EnteScope,
        persona: PersonaId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Assessment>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        seen_one(&self.reading(ente), scope, persona).await?;
        let group = group(&self.reading(ente), ente, persona).await?;
        let rows = there(ente)
            .filter(assessments::Column::PersonaId.is_in(group.iter().map(|persona| persona.0)))
            .order_by_desc(assessments::Column::AssessedOn)
            .order_by_desc(assessments::Column::ValidatedAt)
            .order_by_asc(assessments::Column::Id)
            .all(&self.reading(ente))
            .await?;
        let found = self.read_assessments(ente, rows).await?;
        self.note(Line::done(scope, "persona.history", &[persona.0]), now).await?;
        Ok(found)
    }

    /// The visura of an operator, or of the whole Ente: questionnaires that fit the filter, the last validated first, from
    /// place `offset`; audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an operator who is not there.
    pub async fn history(
        &self,
        scope: &EnteScope,
        filter: &HistoryFilter,
        offset: u64,
        limit: u64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Assessment>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        if let Some(operator) = filter.operator {
            let account = accounts::Entity::find_by_id((ente.0, operator.0)).one(&self.reading(ente)).await?;
            account.ok_or(StoreError::NotFound("account"))?;
        }
        let rows = there(ente)
            .filter(reached(scope, assessments::Column::PersonaId))
            .filter(filter.condition())
            .order_by_desc(assessments::Column::ValidatedAt)
            .order_by_asc(assessments::Column::Id);
        let found = match &filter.level {
            None => {
                let rows = rows.offset(offset).limit(limit).all(&self.reading(ente)).await?;
                self.read_assessments(ente, rows).await?
            }
            Some((scale, level)) => {
                // Levels are sealed: rows are opened until enough of them fit.
                let wanted = usize::try_from(offset.saturating_add(limit)).unwrap_or(usize::MAX);
                let mut found = Vec::new();
                let mut at = 0;
                while found.len() < wanted {
                    let rows = rows.clone().offset(at).limit(ROWS_AT_ONCE).all(&self.reading(ente)).await?;
                    let is_last = (rows.len() as u64) < ROWS_AT_ONCE;
                    at += ROWS_AT_ONCE;
                    let read = self.read_assessments(ente, rows).await?;
                    found.extend(read.into_iter().filter(|one| one.has_level(scale, level)));
                    if is_last {
                        break;
                    }
                }
                found.truncate(wanted);
                found.drain(..usize::try_from(offset).unwrap_or(usize::MAX).min(found.len()));
                found
            }
        };
        let subjects: Vec<Uuid> = filter.operator.iter().map(|operator| operator.0).collect();
        let action = if filter.operator.is_some() { "operator.history" } else { "assessment.list" };
        self.note(Line::done(scope, action, &subjects), now).await?;
        Ok(found)
    }

    /// How many questionnaires count; of one operator, if given.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn count_assessments(&self, scope: &EnteScope, operator: Option<AccountId>) -> Result<u64, StoreError> {
        scope.require(Right::SeePersone)?;
        let mut query = there(scope.ente())
            .filter(reached(scope, assessments::Column::PersonaId))
            .filter(assessments::Column::SupersededBy.is_null())
            .filter(assessments::Column::AnnulledAt.is_null());
        if let Some(operator) = operator {
            query = query.filter(assessments::Column::AccountId.eq(operator.0));
        }
        Ok(query.count(&self.reading(scope.ente())).await?)
    }

    /// Opens rows, in their order.
    pub(crate) async fn read_assessments(
        &self,
        ente: EnteId,
        rows: Vec<assessments::Model>,
    ) -> Result<Vec<Assessment>, StoreError> {
        let keys: &EnteKeys = &*self.ente_keys(ente).await?;
        let persone: Vec<PersonaId> = rows.iter().map(|row| PersonaId(row.persona_id)).collect();
        let secrets = persona_secrets(&self.reading(ente), keys, ente, &persone).await?;
        let mut results: BTreeMap<Uuid, Vec<azione_results::Model>> = BTreeMap::new();
        for chunk in rows.chunks(IDS_MAX) {
            let found = azione_results::Entity::find()
                .filter(azione_results::Column::EnteId.eq(ente.0))
                .filter(azione_results::Column::AssessmentId.is_in(chunk.iter().map(|row| row.id)))
                .order_by_asc(azione_results::Column::At)
                .order_by_asc(azione_results::Column::Id)
                .all(&self.reading(ente))
                .await?;
            for result in found {
                results.entry(result.assessment_id).or_default().push(result);
            }
        }
        // Accounts and imports of an Ente are few.
        let names = self.account_names(ente).await?;
        let sources: BTreeMap<Uuid, String> = imports::Entity::find()
            .filter(imports::Column::EnteId.eq(ente.0))
            .all(&self.reading(ente))
            .await?
            .into_iter()
            .map(|row| (row.id, row.source))
            .collect();
        let name = |id: Option<Uuid>| AccountName::of(id, &names);
        rows.into_iter()
            .map(|row| {
                let damaged = || StoreError::Damaged { table: "assessments", row: row.id.to_string() };
                let key = secrets.get(&PersonaId(row.persona_id)).ok_or_else(damaged)?;
                let stored = StoredAssessment::open(key, &row.sealed, ente, row.id)?;
                let mut azioni: Vec<AzioneAgreed> = stored
                    .told
                    .azioni
                    .iter()
                    .map(|id| AzioneAgreed {
                        azione: id.clone(),
                        terms: stored.terms.get(id).cloned().unwrap_or_default(),
                        results: Vec::new(),
                    })
                    .collect();
                for result in results.remove(&row.id).unwrap_or_default() {
                    let read = StoredResult::open(key, &result.sealed, ente, result.id)?;
                    let azione = azioni.iter_mut().find(|azione| azione.azione == read.azione).ok_or_else(damaged)?;
                    let by = name(result.account_id);
                    azione.results.push(AzioneResult { outcome: read.outcome, at: result.at, by });
                }
                let annulment = match (row.annulled_at, &row.annulment) {
                    (Some(at), Some(sealed)) => Some(Annulment {
                        at,
                        by: name(row.annulled_by),
                        reason: open(key, sealed, ente, "assessments", "annulment", row.id)?,
                    }),
                    _ => None,
                };
                let categories = Categories::of(&stored.told);
                let told = stored.told;
                Ok(Assessment {
                    id: AssessmentId(row.id),
                    persona: PersonaId(row.persona_id),
                    revision: row.revision,
                    supersedes: row.supersedes.map(AssessmentId),
                    superseded_by: row.superseded_by.map(AssessmentId),
                    amendment_reason: stored.amendment_reason,
                    annulment,
                    instrument: told.instrument,
                    version: told.version,
                    definition_sha256: told.definition_sha256,
                    sheet: sheet_of(&told.answers),
                    notes: stored.notes,
                    rechecked: stored.rechecked,
                    scores: told.scores,
                    profile: told.profile,
                    blocks: told.blocks,
                    evaluation: told.evaluation,
                    evaluation_reason: stored.evaluation_reason,
                    azioni,
                    categories,
                    sem_hundredths: stored.sem_hundredths,
                    operator: name(row.account_id),
                    unita: row.unita_id.map(UnitaId),
                    origin: told.origin,
                    import_source: row
                        .import_id
                        .filter(|_| told.origin == Origin::Import)
                        .and_then(|import| sources.get(&import).cloned()),
                    started_at: told.started_at,
                    assessed_on: told.assessed_on,
                    validated_at: told.validated_at,
                })
            })
            .collect()
    }
}

/// The Ente's assessments that are there: not merely staged.
pub(crate) fn there(ente: EnteId) -> Select<assessments::Entity> {
    assessments::Entity::find()
        .filter(assessments::Column::EnteId.eq(ente.0))
        .filter(real(assessments::Column::ImportId, ente))
}
