//! The forms in which a questionnaire is kept: what the feed tells, and what stays in the portal. Versioned; every version is
//! read, the newest is written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{AssessmentId, AzioneOutcome, EnteId, Evaluation, Origin, ScaleResult, UnitaId};
use domain::instrument::{Answer, Id, Instrument, Missing};
use domain::keys::Secret;
use domain::scoring::Sheet;
use sea_orm::Set;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Categories;
use super::azioni::AzioneTerms;
use crate::error::{Refused, StoreError};
use crate::ids::{AccountId, DraftId, PersonaId};
use crate::keys::{context, open, seal};
use crate::open::{Chance, new_id};
use crate::tables::{assessments, azione_results};

/// What is known of an assessment besides its answers.
pub(crate) struct Facts {
    pub(crate) id: AssessmentId,
    pub(crate) supersedes: Option<AssessmentId>,
    pub(crate) origin: Origin,
    pub(crate) person: domain::feed::PersonToken,
    pub(crate) link: Option<domain::feed::SealedLink>,
    pub(crate) operator: domain::feed::OperatorToken,
    pub(crate) unita: Option<UnitaId>,
    pub(crate) categories: Categories,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) assessed_on: NaiveDate,
    pub(crate) validated_at: DateTime<Utc>,
}

impl Facts {
    /// Scores a sheet and puts all together as the feed tells it.
    pub(crate) fn told(
        self,
        instrument: &Instrument,
        sheet: &Sheet,
        evaluation: Evaluation,
        azioni: BTreeSet<Id>,
    ) -> Result<domain::feed::Assessment, Refused> {
        let scoring = instrument.score(sheet)?;
        let answer = |id: &Id| sheet.get(id).copied().unwrap_or(Answer::Missing(Missing::NotAnswered)).code();
        let classes = instrument.profile.as_ref().map(|profile| &profile.classes);
        Ok(domain::feed::Assessment {
            id: self.id,
            supersedes: self.supersedes,
            origin: self.origin,
            person: self.person,
            link: self.link,
            operator: self.operator,
            unita: self.unita,
            comune: self.categories.comune,
            age: self.categories.facts.age,
            sex: self.categories.facts.sex,
            education: self.categories.facts.education,
            citizenship: self.categories.facts.citizenship,
            household: self.categories.facts.household,
            work: self.categories.facts.work,
            disadvantage: self.categories.facts.disadvantage,
            instrument: instrument.id.clone(),
            version: instrument.version,
            definition_sha256: instrument.sha256.clone(),
            answers: instrument.items.iter().map(|item| (item.id.clone(), answer(&item.id))).collect(),
            scores: ScaleResult::all(instrument, &scoring),
            profile: scoring.profile.zip(classes).map(|(class, classes)| classes[class].id.clone()),
            blocks: scoring.blocks.keys().map(|block| instrument.blocks[*block].id.clone()).collect(),
            evaluation,
            azioni,
            started_at: self.started_at,
            assessed_on: self.assessed_on,
            validated_at: self.validated_at,
        })
    }
}

/// The answers, as forms hold them: what was left blank is absent.
pub(super) fn sheet_of(answers: &BTreeMap<Id, i16>) -> Sheet {
    answers
        .iter()
        .filter_map(|(id, code)| {
            let answer = match Missing::ALL.into_iter().find(|missing| missing.code() == *code) {
                Some(Missing::NotAnswered) => return None,
                Some(missing) => Answer::Missing(missing),
                None => Answer::Value(*code),
            };
            Some((id.clone(), answer))
        })
        .collect()
}

/// The stored forms: every version is read, the newest is written.
#[derive(Deserialize)]
#[serde(tag = "v")]
enum VersionedAssessment {
    #[serde(rename = "1")]
    V1(StoredAssessmentV1),
    #[serde(rename = "2")]
    V2(StoredAssessment),
}

#[derive(Serialize)]
#[serde(tag = "v")]
enum Newest<'a> {
    #[serde(rename = "2")]
    V2(&'a StoredAssessment),
}

/// Version 1: without notes, terms of azioni and rules looked at again.
#[derive(Deserialize)]
struct StoredAssessmentV1 {
    told: domain::feed::Assessment,
    evaluation_reason: Option<String>,
    amendment_reason: Option<String>,
    sem_hundredths: BTreeMap<Id, i32>,
}

/// Version 2: what the feed tells, and what stays here.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredAssessment {
    pub(crate) told: domain::feed::Assessment,
    pub(crate) evaluation_reason: Option<String>,
    pub(crate) amendment_reason: Option<String>,
    pub(crate) sem_hundredths: BTreeMap<Id, i32>,
    /// By azione agreed, where there are any.
    pub(crate) terms: BTreeMap<Id, AzioneTerms>,
    /// By item.
    pub(crate) notes: BTreeMap<Id, String>,
    /// The rules that fired and that the operator looked at again.
    pub(crate) rechecked: BTreeSet<Id>,
}

impl VersionedAssessment {
    fn into_latest(self) -> StoredAssessment {
        match self {
            Self::V1(StoredAssessmentV1 { told, evaluation_reason, amendment_reason, sem_hundredths }) => {
                StoredAssessment {
                    told,
                    evaluation_reason,
                    amendment_reason,
                    sem_hundredths,
                    terms: BTreeMap::new(),
                    notes: BTreeMap::new(),
                    rechecked: BTreeSet::new(),
                }
            }
            Self::V2(stored) => stored,
        }
    }
}

/// Where an assessment stands.
pub(crate) struct Place {
    pub(crate) ente: EnteId,
    pub(crate) persona: PersonaId,
    pub(crate) account: Option<AccountId>,
    pub(crate) revision: i32,
    pub(crate) draft: Option<DraftId>,
    pub(crate) import: Option<Uuid>,
    /// Token and content of an imported row.
    pub(crate) external: Option<(Vec<u8>, Vec<u8>)>,
}

impl StoredAssessment {
    pub(crate) fn open(key: &Secret, sealed: &[u8], ente: EnteId, id: Uuid) -> Result<Self, StoreError> {
        let versioned: VersionedAssessment = open(key, sealed, ente, "assessments", "sealed", id)?;
        Ok(versioned.into_latest())
    }

    /// Its row, sealed.
    pub(crate) fn row(&self, place: &Place, key: &Secret, chance: &mut dyn Chance) -> assessments::ActiveModel {
        let told = &self.told;
        let (token, content) = place.external.clone().unzip();
        assessments::ActiveModel {
            ente_id: Set(place.ente.0),
            id: Set(told.id.0),
            persona_id: Set(place.persona.0),
            account_id: Set(place.account.map(|account| account.0)),
            unita_id: Set(told.unita.map(|unita| unita.0)),
            instrument: Set(told.instrument.as_str().to_owned()),
            version: Set(i32::try_from(told.version).unwrap_or(i32::MAX)),
            assessed_on: Set(told.assessed_on),
            validated_at: Set(told.validated_at),
            revision: Set(place.revision),
            supersedes: Set(told.supersedes.map(|id| id.0)),
            superseded_by: Set(None),
            annulled_at: Set(None),
            annulled_by: Set(None),
            annulment: Set(None),
            draft_id: Set(place.draft.map(|draft| draft.0)),
            import_id: Set(place.import),
            external_token: Set(token),
            external_mac: Set(content),
            sealed: Set(seal(key, &Newest::V2(self), &context(place.ente, "assessments", "sealed", told.id.0), chance)),
        }
    }
}

/// What came of an azione, as it is sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredResult {
    pub(crate) azione: Id,
    pub(crate) outcome: AzioneOutcome,
}

impl StoredResult {
    pub(super) fn open(key: &Secret, sealed: &[u8], ente: EnteId, id: Uuid) -> Result<Self, StoreError> {
        open(key, sealed, ente, "azione_results", "sealed", id)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one row")]
    pub(crate) fn row(
        &self,
        ente: EnteId,
        persona: PersonaId,
        assessment: AssessmentId,
        account: Option<AccountId>,
        now: DateTime<Utc>,
        key: &Secret,
        chance: &mut dyn Chance,
    ) -> azione_results::ActiveModel {
        let id = new_id(chance);
        azione_results::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id),
            assessment_id: Set(assessment.0),
            persona_id: Set(persona.0),
            account_id: Set(account.map(|account| account.0)),
            at: Set(now),
            sealed: Set(seal(key, self, &context(ente, "azione_results", "sealed", id), chance)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stored_version_is_read() {
        let told = include_str!("../tests/fixtures/assessment_told.json");
        let common =
            format!(r#""told":{told},"evaluation_reason":"r","amendment_reason":null,"sem_hundredths":{{"s":300}}"#);
        let first = format!(r#"{{"v":"1",{common}}}"#);
        let second = format!(
            r#"{{"v":"2",{common},"terms":{{"a":{{"due_on":"2026-12-31","followed_by":"Anna"}}}},"notes":{{"i":"n"}},"rechecked":["r"]}}"#
        );
        let read = |text: &str| serde_json::from_str::<VersionedAssessment>(text).unwrap().into_latest();
        let old = read(&first);
        assert_eq!((old.evaluation_reason.as_deref(), old.terms.len(), old.notes.len()), (Some("r"), 0, 0));
        let latest = read(&second);
        assert_eq!(latest.told, old.told);
        let terms = latest.terms.values().next().unwrap();
        assert_eq!(terms.followed_by.as_deref(), Some("Anna"));
        let written = serde_json::to_value(Newest::V2(&latest)).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(&second).unwrap());
    }
}
