//! What makes a questionnaire valid: the operator's decision on a draft, or on a whole sheet that a program brings.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{AssessmentId, Evaluation, Origin, What};
use domain::instrument::{Id, Instrument, Severity};
use domain::person::PersonaFacts;
use domain::scoring::Sheet;
use sea_orm::{ColumnTrait, EntityTrait, ModelTrait, QueryFilter};
use uuid::Uuid;

use super::azioni::{AzioneTerms, NewOutcome, check_azioni};
use super::stored::{Facts, Place, StoredAssessment, sheet_of};
use crate::access::{EnteScope, Right};
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::drafts::{Content, account, own, possible_day};
use crate::error::{Refused, StoreError};
use crate::feed::NewEvent;
use crate::ids::{AccountId, DraftId, PersonaId};
use crate::open::{Chance, Store, moment, new_id, requested_id, text};
use crate::persone::{StoredPersona, persona_key, touch, usable};
use crate::tables::{assessments, drafts};

/// What makes a filled sheet a valid questionnaire.
#[derive(Clone, Debug)]
pub struct Validation<'a> {
    /// The definition by which it was filled in.
    pub instrument: &'a Instrument,
    /// The operator's own: confirmed or overridden, never absent.
    pub evaluation: Evaluation,
    /// Why, when it overrides.
    pub evaluation_reason: Option<String>,
    /// The azioni agreed, each with what was agreed of it.
    pub azioni: BTreeMap<Id, AzioneTerms>,
    /// What came of azioni agreed in earlier questionnaires of the persona.
    pub outcomes: Vec<NewOutcome>,
    /// The soft rules of the definition that fire and that the operator has looked at again.
    pub rechecked: BTreeSet<Id>,
    /// Standard errors of measurement in hundredths, by scale, where the Ente's own take the place of the definition's.
    pub sem_hundredths: BTreeMap<Id, i32>,
}

/// A whole questionnaire, entered at once.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Whose.
    pub persona: PersonaId,
    /// The answers.
    pub sheet: Sheet,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
    /// Evaluation, azioni, definition.
    pub validation: Validation<'a>,
    /// What the caller calls this request: the same again is done once.
    pub request: Option<Uuid>,
}

/// Where the answers come from.
enum Source<'a> {
    Draft(drafts::Model),
    Entry(&'a Entry<'a>, Option<DraftId>),
}

impl Store {
    /// Makes a draft valid, in one transaction with its event and its audit line; the draft is gone. The same draft again
    /// gives the same assessment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when `revision` is not the draft's; evaluation absent or without
    /// reason; azioni or answers that the strumento has not; another definition; persona restricted;
    /// [`Refused::Inconsistent`], [`Refused::Unchecked`].
    pub async fn validate(
        &self,
        scope: &EnteScope,
        draft: DraftId,
        revision: i32,
        validation: &Validation<'_>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AssessmentId, StoreError> {
        scope.require(Right::Assess)?;
        let account = account(scope)?;
        let writing = self.write(scope.ente()).await?;
        let row = match own(&*writing, scope, draft).await {
            Err(StoreError::NotFound(_)) => {
                let before = made_of(&writing, scope, account, draft).await?.ok_or(StoreError::NotFound("draft"))?;
                return Ok(AssessmentId(before.id));
            }
            found => found?,
        };
        if row.revision != revision {
            return Err(StoreError::Conflict("draft"));
        }
        let instrument = validation.instrument;
        if row.instrument != instrument.id.as_str() || u32::try_from(row.version) != Ok(instrument.version) {
            return Err(Refused::OtherDefinition.into());
        }
        self.make_valid(writing, scope, Source::Draft(row), validation, now, chance).await
    }

    /// Enters a whole questionnaire and makes it valid, in one transaction with its event and its audit line.
    ///
    /// # Errors
    /// As [`Store::validate`], and a day that is none; [`Refused::RequestReused`] when the account made another questionnaire
    /// by the same request.
    pub async fn enter(
        &self,
        scope: &EnteScope,
        entry: &Entry<'_>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AssessmentId, StoreError> {
        scope.require(Right::Assess)?;
        let account = account(scope)?;
        possible_day(entry.assessed_on, moment(now))?;
        let draft = entry.request.map(|request| DraftId(requested_id(account, "questionario", request)));
        let writing = self.write(scope.ente()).await?;
        if let Some(draft) = draft
            && let Some(before) = made_of(&writing, scope, account, draft).await?
        {
            let persona = PersonaId(before.persona_id);
            let keys = self.ente_keys(scope.ente()).await?;
            let key = persona_key(&*writing, &keys, scope.ente(), persona).await?;
            let stored = StoredAssessment::open(&key, &before.sealed, scope.ente(), before.id)?;
            let is_same = persona == entry.persona && entry.is_told_by(&stored);
            return if is_same { Ok(AssessmentId(before.id)) } else { Err(Refused::RequestReused.into()) };
        }
        self.make_valid(writing, scope, Source::Entry(entry, draft), &entry.validation, now, chance).await
    }

    async fn make_valid(
        &self,
        writing: Writing,
        scope: &EnteScope,
        source: Source<'_>,
        validation: &Validation<'_>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AssessmentId, StoreError> {
        let (now, ente, account) = (moment(now), scope.ente(), account(scope)?);
        let keys = self.ente_keys(ente).await?;
        let reason = validation.checked(false)?;
        let terms = validation.checked_terms()?;
        let (persona, assessed_on, draft) = match &source {
            Source::Draft(row) => (PersonaId(row.persona_id), row.assessed_on, Some(DraftId(row.id))),
            Source::Entry(entry, draft) => (entry.persona, entry.assessed_on, *draft),
        };
        let persona_row = usable(&*writing, scope, persona).await?;
        let key = persona_key(&*writing, &keys, ente, persona).await?;
        let stored_persona = StoredPersona::open(&key, &persona_row.sealed, ente, persona)?;
        let (sheet, notes, started_at) = match source {
            Source::Draft(row) => {
                let content = Content::open(&key, &row.sealed, ente, DraftId(row.id))?;
                let started_at = row.started_at;
                // It goes before the questionnaire comes: that makes the same validation twice impossible.
                row.delete(&*writing).await?;
                (content.sheet, content.notes, Some(started_at))
            }
            Source::Entry(entry, _) => (entry.sheet.clone(), BTreeMap::new(), None),
        };
        let id = AssessmentId(new_id(chance));
        let facts = Facts {
            id,
            supersedes: None,
            origin: Origin::Portal,
            person: self.keys.person_token(persona),
            categories: stored_persona.data(persona)?.categories(assessed_on),
            link: stored_persona.link,
            operator: self.keys.operator_token(ente, Some(account)),
            unita: scope.unita(),
            started_at,
            assessed_on,
            validated_at: now,
        };
        let rechecked = validation.consistent(&sheet, &facts.categories.facts)?;
        let evaluation = validation.evaluation.clone();
        let stored = StoredAssessment {
            told: facts.told(validation.instrument, &sheet, evaluation, validation.agreed())?,
            evaluation_reason: reason,
            amendment_reason: None,
            sem_hundredths: validation.sem(),
            terms,
            notes,
            rechecked,
        };
        let place = Place { ente, persona, account: Some(account), revision: 1, draft, import: None, external: None };
        let model = stored.row(&place, &key, chance);
        assessments::Entity::insert(model).exec_without_returning(&*writing).await?;
        let event = NewEvent { ente, persona: Some(persona), what: What::Validated(Box::new(stored.told)) };
        crate::feed::append(&*writing, event, &key, now, chance).await?;
        self.record_outcomes(&writing, scope, persona, &validation.outcomes, now, chance).await?;
        touch(&*writing, ente, persona, now).await?;
        let subjects: Vec<Uuid> = [id.0, persona.0].into_iter().chain(draft.map(|draft| draft.0)).collect();
        append(&self.keys, &*writing, Line::done(scope, "assessment.validate", &subjects), now).await?;
        writing.commit().await?;
        Ok(id)
    }
}

/// What an account made valid of a draft.
async fn made_of(
    writing: &Writing,
    scope: &EnteScope,
    account: AccountId,
    draft: DraftId,
) -> Result<Option<assessments::Model>, StoreError> {
    let made = assessments::Entity::find()
        .filter(assessments::Column::EnteId.eq(scope.ente().0))
        .filter(assessments::Column::DraftId.eq(draft.0))
        .filter(assessments::Column::AccountId.eq(account.0));
    Ok(made.one(&**writing).await?)
}

impl Entry<'_> {
    /// Whether a questionnaire is the one that this would make.
    fn is_told_by(&self, stored: &StoredAssessment) -> bool {
        let Validation {
            instrument,
            evaluation,
            evaluation_reason,
            azioni: _,
            outcomes: _,
            rechecked: _,
            sem_hundredths: _,
        } = &self.validation;
        let told = &stored.told;
        let given = |reason: &Option<String>| reason.as_deref().map(str::trim).unwrap_or_default().to_owned();
        told.definition_sha256 == instrument.sha256
            && told.assessed_on == self.assessed_on
            && sheet_of(&told.answers) == self.sheet
            && told.evaluation == *evaluation
            && given(&stored.evaluation_reason) == given(evaluation_reason)
            && told.azioni == self.validation.agreed()
    }
}

impl Validation<'_> {
    /// The reason, trimmed, once evaluation and azioni are found to fit. Who brings an imported one may leave it absent.
    pub(crate) fn checked(&self, may_be_absent: bool) -> Result<Option<String>, Refused> {
        check_azioni(self.instrument, self.azioni.keys())?;
        check_evaluation(self.instrument, &self.evaluation, self.evaluation_reason.as_deref(), may_be_absent)
    }

    /// The ids of the azioni agreed.
    pub(super) fn agreed(&self) -> BTreeSet<Id> {
        self.azioni.keys().cloned().collect()
    }

    /// What was agreed of each azione, trimmed, where anything was.
    pub(super) fn checked_terms(&self) -> Result<BTreeMap<Id, AzioneTerms>, Refused> {
        let checked = self.azioni.iter().map(|(id, terms)| Ok((id.clone(), terms.checked()?)));
        let checked: Result<BTreeMap<Id, AzioneTerms>, Refused> = checked.collect();
        checked.map(|terms| terms.into_iter().filter(|(_, terms)| *terms != AzioneTerms::default()).collect())
    }

    /// The soft rules that fire, once no hard one does and the operator has looked at all of them again.
    pub(super) fn consistent(&self, sheet: &Sheet, facts: &PersonaFacts) -> Result<BTreeSet<Id>, Refused> {
        let fired = self.instrument.inconsistencies(sheet, facts);
        let ids = |severity: Severity| -> Vec<Id> {
            fired.iter().filter(|rule| rule.severity == severity).map(|rule| rule.id.clone()).collect()
        };
        let hard = ids(Severity::Hard);
        if !hard.is_empty() {
            return Err(Refused::Inconsistent(hard));
        }
        let (rechecked, unchecked): (Vec<Id>, Vec<Id>) =
            ids(Severity::Soft).into_iter().partition(|rule| self.rechecked.contains(rule));
        if unchecked.is_empty() { Ok(rechecked.into_iter().collect()) } else { Err(Refused::Unchecked(unchecked)) }
    }

    pub(super) fn sem(&self) -> BTreeMap<Id, i32> {
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
