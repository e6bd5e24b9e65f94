//! Validated questionnaires: never changed; a correction is a new version with a reason, and both stay visible.
//!
//! What is stored is the feed's own [`domain::feed::Assessment`], sealed once, with what never leaves the portal beside it:
//! `stored` has that form.

mod azioni;
mod history;
mod stored;
mod validation;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{AssessmentId, Evaluation, Origin, ScaleResult, UnitaId, What};
use domain::instrument::Id;
use domain::person::PersonaFacts;
use domain::scoring::Sheet;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use crate::access::{EnteScope, Right};
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::drafts::{account, checked_notes, possible_day};
use crate::error::{Refused, StoreError};
use crate::feed::NewEvent;
use crate::ids::{AccountId, PersonaId};
use crate::keys::{context, seal};
use crate::open::{Chance, Store, moment, new_id, update};
use crate::persone::{StoredPersona, persona_key, reached, reason_given, seen_one, touch};
use crate::tables::{assessments, persone};

pub use azioni::{AzioneAgreed, AzioneResult, AzioneTerms, NewOutcome};
pub use history::HistoryFilter;
pub use validation::{Entry, Validation};

pub(crate) use azioni::check_azioni;
pub(crate) use history::there;
pub(crate) use stored::{Facts, Place, StoredAssessment, StoredResult};
pub(crate) use validation::{check_evaluation, sem_of};

/// A correction.
#[derive(Clone, Debug)]
pub struct Amendment<'a> {
    /// The whole new sheet.
    pub sheet: Sheet,
    /// The notes by item.
    pub notes: BTreeMap<Id, String>,
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
    /// All that rules of a definition may ask.
    pub facts: PersonaFacts,
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
    /// Notes by item: they never leave the portal.
    pub notes: BTreeMap<Id, String>,
    /// The soft rules that fired and that the operator looked at again.
    pub rechecked: BTreeSet<Id>,
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

    /// Whether it reached a level of a scale.
    #[must_use]
    pub fn has_level(&self, scale: &Id, level: &Id) -> bool {
        self.scores.iter().any(|score| score.scale == *scale && score.level.as_ref() == Some(level))
    }
}

impl Store {
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
        chance: &mut dyn Chance,
    ) -> Result<AssessmentId, StoreError> {
        scope.require(Right::Assess)?;
        let account = account(scope)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let amendment_reason = reason_given(&amendment.reason)?;
        possible_day(amendment.assessed_on, now)?;
        let validation = &amendment.validation;
        let terms = validation.checked_terms()?;
        let notes = checked_notes(&amendment.notes)?;
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
        // What was recorded on the day stays; age alone follows the day, and the birth date where that was wrong.
        let age = stored_persona.data(persona)?.categories(amendment.assessed_on).facts.age;
        categories.facts.age = age.or(categories.facts.age);
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
        let rechecked = validation.consistent(&amendment.sheet, &facts.categories.facts)?;
        let told = facts.told(instrument, &amendment.sheet, validation.evaluation.clone(), validation.agreed())?;
        let stored = StoredAssessment {
            told,
            evaluation_reason: reason,
            amendment_reason: Some(amendment_reason),
            sem_hundredths: validation.sem(),
            terms,
            notes,
            rechecked,
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
        self.record_outcomes(&writing, scope, persona, &validation.outcomes, now, chance).await?;
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
        chance: &mut dyn Chance,
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
}

impl Categories {
    fn of(told: &domain::feed::Assessment) -> Self {
        Self {
            comune: told.comune.clone(),
            facts: PersonaFacts {
                age: told.age,
                sex: told.sex,
                education: told.education,
                citizenship: told.citizenship,
                household: told.household,
                work: told.work,
                disadvantage: told.disadvantage.clone(),
            },
        }
    }
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
