//! A validated questionnaire: the report as it was, on screen and on paper, with who evaluated it and how, what was agreed,
//! and what became of it.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use domain::feed::{AssessmentId, AzioneOutcome, Evaluation};
use domain::instrument::{Id, Instrument};
use serde::{Deserialize, Serialize};
use store::{Assessment, Right, StoreError};
use templates::{Area, Page};

use super::azioni::{self, OUTCOMES};
use super::history::State;
use super::people::PersonaHead;
use super::persona::{evaluation_code, origin_code, state};
use super::report::Report;
use super::view;
use crate::form::{Fields, show_date};
use crate::portal::Portal;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Assess, Desk, SeePersone, show_instant};

#[derive(Serialize)]
pub(crate) struct AssessmentPage {
    path: String,
    persona: PersonaHead,
    instrument: String,
    version: u32,
    /// The first digits of the definition's SHA-256.
    fingerprint: String,
    is_just_validated: bool,
    state: State,
    state_at: Option<String>,
    state_reason: Option<String>,
    successor: Option<String>,
    predecessor: Option<String>,
    correction_reason: Option<String>,
    assessed_on: String,
    validated_at: String,
    operator: Option<String>,
    evaluation: &'static str,
    evaluation_reason: Option<String>,
    evaluation_profile: Option<String>,
    origin: &'static str,
    source: Option<String>,
    has_azioni: bool,
    azioni: Vec<AgreedView>,
    outcomes: Vec<&'static str>,
    notes: Vec<NoteView>,
    /// The rules that fired and that were looked at again.
    rechecked: Vec<String>,
    report: Report,
    has_easy_words: bool,
    can_write: bool,
}

#[derive(Serialize)]
struct NoteView {
    number: usize,
    item: String,
    text: String,
}

#[derive(Serialize)]
struct AgreedView {
    id: String,
    title: String,
    text: String,
    due_on: Option<String>,
    followed_by: Option<String>,
    results: Vec<ResultView>,
}

#[derive(Serialize)]
struct ResultView {
    outcome: &'static str,
    at: String,
    by: Option<String>,
}

impl AssessmentPage {
    fn new(
        instrument: &Instrument,
        one: &Assessment,
        persona: PersonaHead,
        can_write: bool,
        is_just_validated: bool,
    ) -> Result<Self, domain::scoring::Refusal> {
        let class = match &one.evaluation {
            Evaluation::Overridden { profile } => profile.as_ref(),
            Evaluation::Confirmed | Evaluation::Absent => None,
        };
        let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
        let azioni = one.azioni.iter().filter_map(|agreed| {
            let azione = instrument.azioni.iter().find(|azione| azione.id == agreed.azione)?;
            Some(AgreedView {
                id: azione.id.to_string(),
                title: azione.title.to_string(),
                text: azione.text.to_string(),
                due_on: agreed.terms.due_on.map(show_date),
                followed_by: agreed.terms.followed_by.clone(),
                results: agreed
                    .results
                    .iter()
                    .map(|result| ResultView {
                        outcome: result.outcome.code(),
                        at: show_instant(result.at),
                        by: result.by.as_ref().map(|by| by.display_name.clone()),
                    })
                    .collect(),
            })
        });
        Ok(Self {
            path: path(one.id),
            persona,
            instrument: instrument.title.to_string(),
            version: one.version,
            fingerprint: one.definition_sha256.chars().take(12).collect(),
            is_just_validated,
            state: state(one),
            state_at: one.annulment.as_ref().map(|annulment| show_instant(annulment.at)),
            state_reason: one.annulment.as_ref().map(|annulment| annulment.reason.clone()),
            successor: one.superseded_by.map(path),
            predecessor: one.supersedes.map(path),
            correction_reason: one.amendment_reason.clone(),
            assessed_on: show_date(one.assessed_on),
            validated_at: show_instant(one.validated_at),
            operator: one.operator.as_ref().map(|operator| operator.display_name.clone()),
            evaluation: evaluation_code(&one.evaluation),
            evaluation_reason: one.evaluation_reason.clone(),
            evaluation_profile: classes
                .filter(|known| Some(&known.id) == class)
                .map(|class| class.title.to_string())
                .next(),
            origin: origin_code(one.origin),
            source: one.import_source.clone(),
            has_azioni: !instrument.azioni.is_empty(),
            azioni: azioni.collect(),
            outcomes: OUTCOMES.map(AzioneOutcome::code).into(),
            notes: instrument
                .items
                .iter()
                .enumerate()
                .filter_map(|(place, item)| {
                    let text = one.notes.get(&item.id)?.clone();
                    Some(NoteView { number: place + 1, item: item.text.to_string(), text })
                })
                .collect(),
            rechecked: instrument
                .consistency
                .iter()
                .filter(|rule| one.rechecked.contains(&rule.id))
                .map(|rule| rule.text.to_string())
                .collect(),
            report: Report::new(instrument, &one.sheet)?,
            has_easy_words: instrument.scales.iter().flat_map(|scale| &scale.levels).any(|level| level.easy.is_some()),
            can_write: can_write && one.is_current(),
        })
    }
}

impl Page for AssessmentPage {
    const TEMPLATE: &'static str = "pages/assessment.html";

    fn samples() -> Vec<Self> {
        let mut samples = Vec::new();
        for instrument in view::sample_instruments() {
            let one = sample(&instrument);
            samples.extend(Self::new(&instrument, &one, PersonaHead::sample(), true, true));
            let annulled = Assessment {
                annulment: Some(store::Annulment {
                    at: one.validated_at,
                    by: None,
                    reason: "Persona scambiata.".to_owned(),
                }),
                amendment_reason: Some("Risposta sbagliata.".to_owned()),
                supersedes: Some(one.id),
                operator: None,
                evaluation: Evaluation::Absent,
                origin: domain::feed::Origin::Import,
                import_source: Some("Un archivio".to_owned()),
                azioni: Vec::new(),
                ..one.clone()
            };
            samples.extend(Self::new(&instrument, &annulled, PersonaHead::sample(), true, false));
            let superseded = Assessment {
                superseded_by: Some(one.id),
                evaluation: Evaluation::Overridden {
                    profile: instrument
                        .profile
                        .as_ref()
                        .and_then(|profile| profile.classes.first())
                        .map(|class| class.id.clone()),
                },
                evaluation_reason: Some("Conosco altro di lei.".to_owned()),
                ..one
            };
            samples.extend(Self::new(&instrument, &superseded, PersonaHead::sample(), false, false));
        }
        samples
    }
}

/// A validated questionnaire for samples.
pub(crate) fn sample(instrument: &Instrument) -> Assessment {
    let sheet = crate::example::sheet(instrument, 1);
    let draft =
        super::draft::sample_draft(instrument, chrono::NaiveDate::from_ymd_opt(2026, 11, 25).unwrap_or_default());
    let result = store::AzioneResult { outcome: AzioneOutcome::UnderWay, at: draft.started_at, by: None };
    let azioni = instrument.azioni.iter().take(2).enumerate().map(|(place, azione)| store::AzioneAgreed {
        azione: azione.id.clone(),
        terms: store::AzioneTerms {
            due_on: (place == 0).then_some(draft.assessed_on),
            followed_by: (place == 0).then(|| "Anna Prova".to_owned()),
        },
        results: if place == 0 { vec![result.clone()] } else { Vec::new() },
    });
    Assessment {
        id: AssessmentId(uuid::Uuid::nil()),
        persona: draft.persona,
        revision: 1,
        supersedes: None,
        superseded_by: None,
        amendment_reason: None,
        annulment: None,
        instrument: instrument.id.clone(),
        version: instrument.version,
        definition_sha256: instrument.sha256.clone(),
        scores: Vec::new(),
        profile: None,
        blocks: std::collections::BTreeSet::new(),
        sheet,
        notes: instrument.items.iter().take(1).map(|item| (item.id.clone(), "Da rivedere.".to_owned())).collect(),
        rechecked: instrument.consistency.iter().take(1).map(|rule| rule.id.clone()).collect(),
        evaluation: Evaluation::Confirmed,
        evaluation_reason: None,
        azioni: azioni.collect(),
        categories: store::Categories::default(),
        sem_hundredths: std::collections::BTreeMap::new(),
        operator: Some(store::AccountName {
            id: store::AccountId(uuid::Uuid::nil()),
            display_name: "Anna Prova".to_owned(),
        }),
        unita: None,
        origin: domain::feed::Origin::Portal,
        import_source: None,
        started_at: Some(draft.started_at),
        assessed_on: draft.assessed_on,
        validated_at: draft.updated_at,
    }
}

/// The page of a questionnaire.
pub(crate) fn path(id: AssessmentId) -> String {
    format!("/questionari/{id}")
}

/// The questionnaire of a path.
pub(crate) fn id(path: Result<Path<String>, PathRejection>) -> Result<AssessmentId, Failure> {
    super::id(path).map(AssessmentId)
}

/// The definition that a questionnaire was made with.
pub(crate) fn definition<'a>(portal: &'a Portal, one: &Assessment) -> Result<&'a Instrument, Failure> {
    let found = portal.instrument_version(&one.instrument, one.version);
    found
        .filter(|instrument| instrument.sha256 == one.definition_sha256)
        .ok_or(Failure::Store(StoreError::Damaged { table: "assessments", row: one.id.to_string() }))
}

#[derive(Deserialize)]
pub(crate) struct Done {
    validato: Option<u8>,
}

pub(crate) async fn get(
    desk: Desk<SeePersone>,
    path: Result<Path<String>, PathRejection>,
    done: Result<Query<Done>, QueryRejection>,
) -> Outcome {
    let one = desk.store.assessment(&desk.scope, id(path)?, desk.now).await?;
    let persona = desk.store.persona(&desk.scope, one.persona, desk.now).await?;
    let instrument = definition(desk.portal(), &one)?;
    let head = PersonaHead::new(one.persona, &persona.data);
    let is_just_validated = done.is_ok_and(|Query(done)| done.validato.is_some());
    let page = AssessmentPage::new(instrument, &one, head, desk.may(Right::Assess), is_just_validated)
        .map_err(|_| Failure::Store(StoreError::Damaged { table: "assessments", row: one.id.to_string() }))?;
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}

/// Records what came of an azione.
pub(crate) async fn record(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    desk.store.assessment(&desk.scope, id, desk.now).await?;
    let azione = Id::parse(fields.get("azione")).map_err(|_| Failure::BadRequest)?;
    let outcome = azioni::outcome(fields.get("outcome"))?;
    let mut chance = desk.portal().chance();
    desk.store.record_azione(&desk.scope, id, &azione, outcome, desk.now, &mut chance).await?;
    Ok(reply::see(&format!("{}#concordate", self::path(id))))
}
