//! Azioni: what is agreed with a persona, until when and who follows it, and what comes of it.

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{AssessmentId, AzioneOutcome, What};
use domain::instrument::{Id, Instrument};
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};

use super::stored::{StoredAssessment, StoredResult};
use super::{AccountName, current};
use crate::access::{EnteScope, Right};
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::error::{Refused, StoreError};
use crate::feed::NewEvent;
use crate::ids::PersonaId;
use crate::open::{Chance, Store, moment, text};
use crate::persone::{group, persona_key, touch};
use crate::tables::{assessments, azione_results};

/// Characters of who follows an azione.
const FOLLOWED_BY_MAX: usize = 120;

/// What is agreed of an azione; it stays in the portal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AzioneTerms {
    /// Until when.
    pub due_on: Option<NaiveDate>,
    /// Who follows it: a colleague, another service, the person.
    pub followed_by: Option<String>,
}

impl AzioneTerms {
    pub(super) fn checked(&self) -> Result<Self, Refused> {
        let followed_by = self.followed_by.as_ref().map(|who| text("followed_by", who, FOLLOWED_BY_MAX)).transpose()?;
        Ok(Self { due_on: self.due_on, followed_by: followed_by.filter(|who| !who.is_empty()) })
    }
}

/// What came of an azione, to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOutcome {
    /// The questionnaire that agreed it.
    pub assessment: AssessmentId,
    /// Its id in the strumento.
    pub azione: Id,
    /// What came of it.
    pub outcome: AzioneOutcome,
}

/// An azione agreed, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzioneAgreed {
    /// Its id in the strumento.
    pub azione: Id,
    /// What was agreed of it.
    pub terms: AzioneTerms,
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

impl AzioneAgreed {
    /// Whether it is still to be followed: nothing was recorded, or that it is under way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.results.last().is_none_or(|last| last.outcome == AzioneOutcome::UnderWay)
    }
}

impl Store {
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
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let writing = self.write(ente).await?;
        let row = current(&writing, scope, id).await?;
        let persona = PersonaId(row.persona_id);
        self.record_one(&writing, scope, &row, azione, outcome, now, chance).await?;
        touch(&*writing, ente, persona, now).await?;
        writing.commit().await
    }

    /// Records, within a transaction, what came of azioni agreed in other questionnaires of a persona.
    pub(super) async fn record_outcomes(
        &self,
        writing: &Writing,
        scope: &EnteScope,
        persona: PersonaId,
        outcomes: &[NewOutcome],
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let group = group(&**writing, scope.ente(), persona).await?;
        for NewOutcome { assessment, azione, outcome } in outcomes {
            let row = current(writing, scope, *assessment).await?;
            if !group.contains(&PersonaId(row.persona_id)) {
                return Err(StoreError::NotFound("assessment"));
            }
            self.record_one(writing, scope, &row, azione, *outcome, now, chance).await?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the two above, which own all of them")]
    async fn record_one(
        &self,
        writing: &Writing,
        scope: &EnteScope,
        row: &assessments::Model,
        azione: &Id,
        outcome: AzioneOutcome,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let ente = scope.ente();
        let (id, persona) = (AssessmentId(row.id), PersonaId(row.persona_id));
        let key = persona_key(&**writing, &*self.ente_keys(ente).await?, ente, persona).await?;
        let stored = StoredAssessment::open(&key, &row.sealed, ente, row.id)?;
        if !stored.told.azioni.contains(azione) {
            return Err(Refused::Azione.into());
        }
        let result = StoredResult { azione: azione.clone(), outcome };
        let model = result.row(ente, persona, id, scope.account_id(), now, &key, chance);
        azione_results::Entity::insert(model).exec_without_returning(&**writing).await?;
        let person = self.keys.person_token(persona);
        let what = What::AzioneRecorded { assessment: id, person, azione: azione.clone(), outcome };
        crate::feed::append(&**writing, NewEvent { ente, persona: Some(persona), what }, &key, now, chance).await?;
        append(&self.keys, &**writing, Line::done(scope, "azione.record", &[id.0, persona.0]), now).await
    }
}

/// Whether a strumento has these azioni.
pub(crate) fn check_azioni<'a>(
    instrument: &Instrument,
    mut azioni: impl Iterator<Item = &'a Id>,
) -> Result<(), Refused> {
    let has = |id: &Id| instrument.azioni.iter().any(|azione| azione.id == *id);
    if azioni.all(has) { Ok(()) } else { Err(Refused::Azione) }
}
