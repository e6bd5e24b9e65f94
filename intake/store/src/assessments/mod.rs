//! Validated questionnaires: never changed; a correction is a new version with a reason, and both stay visible.
//!
//! What is stored is the feed's own [`domain::feed::Assessment`], sealed once, with what never leaves the portal beside it:
//! `stored` has that form.

mod stored;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{AssessmentId, AzioneOutcome, EnteId, Evaluation, Origin, ScaleResult, UnitaId, What};
use domain::instrument::{Id, Instrument};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use domain::scoring::Sheet;
use sea_orm::{
    ColumnTrait, EntityTrait, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
};
use uuid::Uuid;

use crate::access::{EnteScope, Right};
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::drafts::{account, open_sheet, own, possible_day};
use crate::error::{Refused, StoreError};
use crate::feed::NewEvent;
use crate::ids::{AccountId, DraftId, PersonaId};
use crate::keys::{EnteKeys, context, open, seal};
use crate::open::{Chance, Store, moment, new_id, text, update};
use crate::persone::{
    IDS_MAX, StoredPersona, group, persona_key, persona_secrets, reached, real, reason_given, seen_one, touch, usable,
};
use crate::tables::{accounts, assessments, azione_results, imports, persone};
use stored::sheet_of;

pub(crate) use stored::{Facts, Place, StoredAssessment, StoredResult};

/// What turns a draft into a valid questionnaire.
#[derive(Clone, Debug)]
pub struct Validation<'a> {
    /// The draft's definition.
    pub instrument: &'a Instrument,
    /// The operator's own: confirmed or overridden, never absent.
    pub evaluation: Evaluation,
    /// Why, when it overrides.
    pub evaluation_reason: Option<String>,
    /// The azioni agreed.
    pub azioni: BTreeSet<Id>,
    /// Standard errors of measurement in hundredths, by scale, where the Ente's own take the place of the definition's.
    pub sem_hundredths: BTreeMap<Id, i32>,
}

/// A correction.
#[derive(Clone, Debug)]
pub struct Amendment<'a> {
    /// The whole new sheet.
    pub sheet: Sheet,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
    /// Evaluation, azioni, definition (the corrected questionnaire's).
    pub validation: Validation<'a>,
    /// Why it is corrected.
    pub reason: String,
}

/// What was recorded of the persona on the day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Categories {
    /// ISTAT code of the comune of residence.
    pub comune: Option<String>,
    /// Age in completed years.
    pub age: Option<u8>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Education.
    pub education: Option<Education>,
    /// Citizenship.
    pub citizenship: Option<Citizenship>,
    /// Household.
    pub household: Option<Household>,
    /// Work condition.
    pub work: Option<Work>,
    /// Categories of disadvantage.
    pub disadvantage: Option<BTreeSet<Disadvantage>>,
}

/// An account with the name it has today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub display_name: String,
}

impl AccountName {
    /// The name under an id, if there is one.
    pub(crate) fn of(id: Option<Uuid>, names: &BTreeMap<Uuid, String>) -> Option<Self> {
        let id = id?;
        Some(Self { id: AccountId(id), display_name: names.get(&id)?.clone() })
    }
}

/// An azione agreed, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzioneAgreed {
    /// Its id in the strumento.
    pub azione: Id,
    /// What came of it, the oldest first.
    pub results: Vec<AzioneResult>,
}

/// What came of an azione.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzioneResult {
    /// What.
    pub outcome: AzioneOutcome,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Option<AccountName>,
}

/// That a questionnaire no longer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annulment {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Option<AccountName>,
    /// Why.
    pub reason: String,
}

/// One version of a validated questionnaire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// This version.
    pub id: AssessmentId,
    /// Whose: the persona at whose name it was entered, even once merged.
    pub persona: PersonaId,
    /// From 1; a correction is the next.
    pub revision: i32,
    /// The version that it takes the place of.
    pub supersedes: Option<AssessmentId>,
    /// The version that takes its place.
    pub superseded_by: Option<AssessmentId>,
    /// Why it corrects the one before.
    pub amendment_reason: Option<String>,
    /// Whether and why it no longer counts.
    pub annulment: Option<Annulment>,
    /// The strumento.
    pub instrument: Id,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the definition.
    pub definition_sha256: String,
    /// The answers; items left blank are absent.
    pub sheet: Sheet,
    /// Per scale.
    pub scores: Vec<ScaleResult>,
    /// The class that the rules give.
    pub profile: Option<Id>,
    /// The minimum conditions that are missing.
    pub blocks: BTreeSet<Id>,
    /// The operator's word.
    pub evaluation: Evaluation,
    /// Why, when it overrides.
    pub evaluation_reason: Option<String>,
    /// Azioni agreed and what came of them.
    pub azioni: Vec<AzioneAgreed>,
    /// What was recorded of the persona on the day.
    pub categories: Categories,
    /// Standard error of measurement in hundredths, by scale, as it was used.
    pub sem_hundredths: BTreeMap<Id, i32>,
    /// Who assessed; `None` for imports that do not say.
    pub operator: Option<AccountName>,
    /// In which unità.
    pub unita: Option<UnitaId>,
    /// How it came.
    pub origin: Origin,
    /// From where, when imported.
    pub import_source: Option<String>,
    /// When the form was first opened.
    pub started_at: Option<DateTime<Utc>>,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
    /// When it became valid.
    pub validated_at: DateTime<Utc>,
}

impl Assessment {
    /// Whether it counts: neither superseded nor annulled.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.superseded_by.is_none() && self.annulment.is_none()
    }
}

impl Store {
    /// Makes a draft valid, in one transaction with its event and its audit line; the draft is gone. The same draft again
    /// gives the same assessment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when `revision` is not the draft's; evaluation absent or without
    /// reason; azioni or answers that the strumento has not; another definition; persona restricted.
    pub async fn validate(
        &self,
        scope: &EnteScope,
        draft: DraftId,
        revision: i32,
        validation: &Validation<'_>,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<AssessmentId, StoreError> {
        scope.require(Right::Assess)?;
        let account = account(scope)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reason = validation.checked(false)?;
        let writing = self.write(ente).await?;
        let before = assessments::Entity::find()
            .filter(assessments::Column::EnteId.eq(ente.0))
            .filter(assessments::Column::DraftId.eq(draft.0))
            .filter(assessments::Column::AccountId.eq(account.0))
            .one(&*writing)
            .await?;
        if let Some(before) = before {
            return Ok(AssessmentId(before.id));
        }
        let row = own(&*writing, scope, draft).await?;
        if row.revision != revision {
            return Err(StoreError::Conflict("draft"));
        }
        let instrument = validation.instrument;
        if row.instrument != instrument.id.as_str() || u32::try_from(row.version) != Ok(instrument.version) {
            return Err(Refused::OtherDefinition.into());
        }
        let persona = PersonaId(row.persona_id);
        let persona_row = usable(&*writing, scope, persona).await?;
        let key = persona_key(&*writing, &keys, ente, persona).await?;
        let stored_persona = StoredPersona::open(&key, &persona_row.sealed, ente, persona)?;
        let categories = stored_persona.data(persona)?.categories(row.assessed_on);
        let unita =
            accounts::Entity::find_by_id((ente.0, account.0)).one(&*writing).await?.and_then(|row| row.unita_id);
        let id = AssessmentId(new_id(chance));
        let facts = Facts {
            id,
            supersedes: None,
            origin: Origin::Portal,
            person: self.keys.person_token(persona),
            link: stored_persona.link,
            operator: self.keys.operator_token(ente, Some(account)),
            unita: unita.map(UnitaId),
            categories,
            started_at: Some(row.started_at),
            assessed_on: row.assessed_on,
            validated_at: now,
        };
        let sheet = open_sheet(&key, &row.sealed, ente, draft)?;
        let told = facts.told(instrument, &sheet, validation.evaluation.clone(), validation.azioni.clone())?;
        let stored = StoredAssessment {
            told,
            evaluation_reason: reason,
            amendment_reason: None,
            sem_hundredths: validation.sem(),
        };
        let place = Place {
            ente,
            persona,
            account: Some(account),
            revision: 1,
            draft: Some(draft),
            import: None,
            external: None,
        };
        // The draft goes first: it is what makes the same validation twice impossible.
        row.delete(&*writing).await?;
        let model = stored.row(&place, &key, chance);
        assessments::Entity::insert(model).exec_without_returning(&*writing).await?;
        let event = NewEvent { ente, persona: Some(persona), what: What::Validated(Box::new(stored.told)) };
        crate::feed::append(&*writing, event, &key, now, chance).await?;
        touch(&*writing, ente, persona, now).await?;
        append(&self.keys, &*writing, Line::done(scope, "assessment.validate", &[id.0, persona.0, draft.0]), now)
            .await?;
        writing.commit().await?;
        Ok(id)
    }

    /// Corrects a questionnaire: a new version, with a reason.
    ///
    /// # Errors
    /// [`crate::Refused::Superseded`], [`crate::Refused::Annulled`], and as [`Store::validate`].
    pub async fn amend(
        &self,
        scope: &EnteScope,
        id: AssessmentId,
        amendment: &Amendment<'_>,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<AssessmentId, StoreError> {
        scope.require(Right::Assess)?;
        let account = account(scope)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let amendment_reason = reason_given(&amendment.reason)?;
        possible_day(amendment.assessed_on, now)?;
        let validation = &amendment.validation;
        let writing = self.write(ente).await?;
        let row = current(&writing, scope, id).await?;
        let persona = PersonaId(row.persona_id);
        let key = persona_key(&*writing, &keys, ente, persona).await?;
        let before = StoredAssessment::open(&key, &row.sealed, ente, row.id)?;
        let reason = validation.checked(before.told.origin == Origin::Import)?;
        let instrument = validation.instrument;
        if before.told.instrument != instrument.id || before.told.definition_sha256 != instrument.sha256 {
            return Err(Refused::OtherDefinition.into());
        }
        let persona_row = persone::Entity::find_by_id((ente.0, persona.0)).one(&*writing).await?;
        let persona_row = persona_row.ok_or(StoreError::NotFound("persona"))?;
        let stored_persona = StoredPersona::open(&key, &persona_row.sealed, ente, persona)?;
        let mut categories = Categories::of(&before.told);
        if amendment.assessed_on != before.told.assessed_on {
            // What was recorded on the day stays; age alone follows the day.
            let age = stored_persona.data(persona)?.categories(amendment.assessed_on).age;
            categories.age = age.or(categories.age);
        }
        let new_assessment = AssessmentId(new_id(chance));
        let facts = Facts {
            id: new_assessment,
            supersedes: Some(id),
            origin: before.told.origin,
            person: self.keys.person_token(persona),
            link: stored_persona.link,
            operator: self.keys.operator_token(ente, Some(account)),
            unita: before.told.unita,
            categories,
            started_at: before.told.started_at,
            assessed_on: amendment.assessed_on,
            validated_at: now,
        };
        let told =
            facts.told(instrument, &amendment.sheet, validation.evaluation.clone(), validation.azioni.clone())?;
        let stored = StoredAssessment {
            told,
            evaluation_reason: reason,
            amendment_reason: Some(amendment_reason),
            sem_hundredths: validation.sem(),
        };
        let place = Place {
            ente,
            persona,
            account: Some(account),
            revision: row.revision + 1,
            draft: None,
            import: row.import_id,
            external: None,
        };
        let model = stored.row(&place, &key, chance);
        assessments::Entity::insert(model).exec_without_returning(&*writing).await?;
        let change = assessments::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            superseded_by: Set(Some(new_assessment.0)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let event = NewEvent { ente, persona: Some(persona), what: What::Amended(Box::new(stored.told)) };
        crate::feed::append(&*writing, event, &key, now, chance).await?;
        touch(&*writing, ente, persona, now).await?;
        let subjects = [new_assessment.0, id.0, persona.0];
        append(&self.keys, &*writing, Line::done(scope, "assessment.amend", &subjects), now).await?;
        writing.commit().await?;
        Ok(new_assessment)
    }

    /// Says that a questionnaire no longer counts; it stays visible.
    ///
    /// # Errors
    /// As [`Store::amend`].
    pub async fn annul(
        &self,
        scope: &EnteScope,
        id: AssessmentId,
        reason: &str,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reason = reason_given(reason)?;
        let writing = self.write(ente).await?;
        let row = current(&writing, scope, id).await?;
        let persona = PersonaId(row.persona_id);
        let key = persona_key(&*writing, &keys, ente, persona).await?;
        let sealed = seal(&key, &reason, &context(ente, "assessments", "annulment", id), chance);
        let change = assessments::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            annulled_at: Set(Some(now)),
            annulled_by: Set(scope.account_id().map(|account| account.0)),
            annulment: Set(Some(sealed)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let what = What::Annulled { assessment: id, person: self.keys.person_token(persona) };
        crate::feed::append(&*writing, NewEvent { ente, persona: Some(persona), what }, &key, now, chance).await?;
        touch(&*writing, ente, persona, now).await?;
        append(&self.keys, &*writing, Line::done(scope, "assessment.annul", &[id.0, persona.0]), now).await?;
        writing.commit().await
    }

    /// Records what came of an azione agreed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`crate::Refused::Azione`].
    pub async fn record_azione(
        &self,
        scope: &EnteScope,
        id: AssessmentId,
        azione: &Id,
        outcome: AzioneOutcome,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let writing = self.write(ente).await?;
        let row = current(&writing, scope, id).await?;
        let persona = PersonaId(row.persona_id);
        let key = persona_key(&*writing, &keys, ente, persona).await?;
        let stored = StoredAssessment::open(&key, &row.sealed, ente, row.id)?;
        if !stored.told.azioni.contains(azione) {
            return Err(Refused::Azione.into());
        }
        let result = StoredResult { azione: azione.clone(), outcome };
        let model = result.row(ente, persona, id, scope.account_id(), now, &key, chance);
        azione_results::Entity::insert(model).exec_without_returning(&*writing).await?;
        let person = self.keys.person_token(persona);
        let what = What::AzioneRecorded { assessment: id, person, azione: azione.clone(), outcome };
        crate::feed::append(&*writing, NewEvent { ente, persona: Some(persona), what }, &key, now, chance).await?;
        touch(&*writing, ente, persona, now).await?;
        append(&self.keys, &*writing, Line::done(scope, "azione.record", &[id.0, persona.0]), now).await?;
        writing.commit().await
    }

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

    /// The visura of an operator: what they made valid, the latest first, from place `offset`; audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn history_of_operator(
        &self,
        scope: &EnteScope,
        operator: AccountId,
        offset: u64,
        limit: u64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Assessment>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let account = accounts::Entity::find_by_id((ente.0, operator.0)).one(&self.reading(ente)).await?;
        account.ok_or(StoreError::NotFound("account"))?;
        let rows = there(ente)
            .filter(reached(scope, assessments::Column::PersonaId))
            .filter(assessments::Column::AccountId.eq(operator.0))
            .order_by_desc(assessments::Column::ValidatedAt)
            .order_by_asc(assessments::Column::Id)
            .offset(offset)
            .limit(limit)
            .all(&self.reading(ente))
            .await?;
        let found = self.read_assessments(ente, rows).await?;
        self.note(Line::done(scope, "operator.history", &[operator.0]), now).await?;
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
    async fn read_assessments(
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
                    .map(|id| AzioneAgreed { azione: id.clone(), results: Vec::new() })
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

impl Validation<'_> {
    /// The reason, trimmed, once evaluation and azioni are found to fit. Who brings an imported one may leave it absent.
    pub(crate) fn checked(&self, may_be_absent: bool) -> Result<Option<String>, Refused> {
        check_azioni(self.instrument, self.azioni.iter())?;
        check_evaluation(self.instrument, &self.evaluation, self.evaluation_reason.as_deref(), may_be_absent)
    }

    fn sem(&self) -> BTreeMap<Id, i32> {
        let mut sem = sem_of(self.instrument);
        sem.extend(self.sem_hundredths.iter().map(|(scale, sem)| (scale.clone(), *sem)));
        sem.retain(|scale, _| self.instrument.scale_index(scale.as_str()).is_some());
        sem
    }
}

/// The standard errors of measurement that a definition gives.
pub(crate) fn sem_of(instrument: &Instrument) -> BTreeMap<Id, i32> {
    let scales = instrument.scales.iter();
    scales.filter_map(|scale| Some((scale.id.clone(), scale.reliability.as_ref()?.sem_hundredths))).collect()
}

/// Whether a strumento has these azioni.
pub(crate) fn check_azioni<'a>(
    instrument: &Instrument,
    mut azioni: impl Iterator<Item = &'a Id>,
) -> Result<(), Refused> {
    let has = |id: &Id| instrument.azioni.iter().any(|azione| azione.id == *id);
    if azioni.all(has) { Ok(()) } else { Err(Refused::Azione) }
}

/// Whether an evaluation fits; gives its reason, trimmed.
pub(crate) fn check_evaluation(
    instrument: &Instrument,
    evaluation: &Evaluation,
    reason: Option<&str>,
    may_be_absent: bool,
) -> Result<Option<String>, Refused> {
    let reason = reason.map(|reason| text("evaluation_reason", reason, 4_000)).transpose()?;
    let reason = reason.filter(|reason| !reason.is_empty());
    match evaluation {
        Evaluation::Absent if may_be_absent => Ok(None),
        Evaluation::Absent => Err(Refused::Evaluation),
        Evaluation::Confirmed => Ok(reason),
        Evaluation::Overridden { profile } => {
            let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
            let fits = profile.as_ref().is_none_or(|given| classes.into_iter().any(|class| class.id == *given));
            match reason {
                _ if !fits => Err(Refused::Evaluation),
                None => Err(Refused::ReasonMissing),
                reason => Ok(reason),
            }
        }
    }
}

impl Categories {
    fn of(told: &domain::feed::Assessment) -> Self {
        Self {
            comune: told.comune.clone(),
            age: told.age,
            sex: told.sex,
            education: told.education,
            citizenship: told.citizenship,
            household: told.household,
            work: told.work,
            disadvantage: told.disadvantage.clone(),
        }
    }
}

/// The Ente's assessments that are there: not merely staged.
fn there(ente: EnteId) -> Select<assessments::Entity> {
    assessments::Entity::find()
        .filter(assessments::Column::EnteId.eq(ente.0))
        .filter(real(assessments::Column::ImportId, ente))
}

/// An assessment that counts, of a persona whose data may be used.
async fn current(writing: &Writing, scope: &EnteScope, id: AssessmentId) -> Result<assessments::Model, StoreError> {
    let row = there(scope.ente())
        .filter(reached(scope, assessments::Column::PersonaId))
        .filter(assessments::Column::Id.eq(id.0))
        .one(&**writing)
        .await?
        .ok_or(StoreError::NotFound("assessment"))?;
    if row.superseded_by.is_some() {
        return Err(Refused::Superseded.into());
    }
    if row.annulled_at.is_some() {
        return Err(Refused::Annulled.into());
    }
    if seen_one(&**writing, scope, PersonaId(row.persona_id)).await?.is_restricted {
        return Err(Refused::Restricted.into());
    }
    Ok(row)
}
