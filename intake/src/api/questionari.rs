//! Questionnaires: read with all that the rules and the operator made of them, made valid, corrected, annulled.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{AssessmentId, AzioneOutcome, Evaluation, Origin, ScaleResult, UnitaId};
use domain::instrument::{Answer as ItemAnswer, Id, Instrument, Missing};
use domain::scoring::Sheet;
use serde::{Deserialize, Serialize};
use store::{
    AccountId, Amendment, Assessment, AzioneTerms, Entry, HistoryFilter, NewOutcome, PersonaId, StoreError, TokenScope,
    Validation,
};
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::persone::created;
use super::{Answer, Asked, Problem, Program, RequestKey, Sent, id, strumenti};
use crate::pages::{assessment, people};
use crate::papers;

/// Questionnaires given at once.
const PAGE_MAX: u64 = 100;
/// Characters of a reason, as on the portal's forms.
const REASON_MAX: usize = 2000;
/// Azioni, outcomes and rules in one questionnaire.
const LIST_MAX: usize = 100;

/// The operator's own word on the result.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EvaluationKind {
    /// They agree with it.
    Confirmed,
    /// They do not, and say why.
    Overridden,
    /// Nobody evaluated: imported questionnaires alone.
    Absent,
}

/// What the operator makes of the result.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EvaluationBody {
    kind: EvaluationKind,
    /// The class that the operator sees instead, where the strumento has a profile.
    #[schema(max_length = 32)]
    profile: Option<String>,
    /// Why, when it overrides.
    #[schema(max_length = 2000)]
    reason: Option<String>,
}

/// What came of an azione.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Completed,
    UnderWay,
    Dropped,
}

impl From<AzioneOutcome> for Outcome {
    fn from(outcome: AzioneOutcome) -> Self {
        match outcome {
            AzioneOutcome::Completed => Self::Completed,
            AzioneOutcome::UnderWay => Self::UnderWay,
            AzioneOutcome::Dropped => Self::Dropped,
        }
    }
}

impl From<Outcome> for AzioneOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::UnderWay => Self::UnderWay,
            Outcome::Dropped => Self::Dropped,
        }
    }
}

/// An azione agreed, and what came of it.
#[derive(Serialize, ToSchema)]
struct AzioneView {
    azione: String,
    due_on: Option<NaiveDate>,
    followed_by: Option<String>,
    /// The oldest first.
    results: Vec<ResultView>,
}

#[derive(Serialize, ToSchema)]
struct ResultView {
    outcome: Outcome,
    at: DateTime<Utc>,
}

/// The result on a scale, in whole numbers.
#[derive(Serialize, ToSchema)]
struct Score {
    scale: String,
    points: i32,
    /// The most points that the answered items can give.
    reachable: i32,
    items_answered: i32,
    /// Whether enough was answered.
    is_valid: bool,
    /// The level that counts.
    level: Option<String>,
    /// The level of the index alone, before minimum conditions.
    level_of_index: Option<String>,
}

impl Score {
    fn of(score: &ScaleResult) -> Self {
        Self {
            scale: score.scale.to_string(),
            points: score.points,
            reachable: score.reachable,
            items_answered: score.items_answered,
            is_valid: score.is_valid,
            level: score.level.as_ref().map(ToString::to_string),
            level_of_index: score.level_of_index.as_ref().map(ToString::to_string),
        }
    }
}

/// Who made it valid.
#[derive(Serialize, ToSchema)]
struct Operator {
    id: Uuid,
    name: String,
}

/// That it no longer counts.
#[derive(Serialize, ToSchema)]
struct AnnulmentView {
    at: DateTime<Utc>,
    reason: String,
}

/// One version of a validated questionnaire. Notes on items are not here: they never leave the portal.
#[derive(Serialize, ToSchema)]
pub(crate) struct Questionario {
    id: Uuid,
    persona: Uuid,
    /// From 1; a correction is the next.
    revision: i32,
    /// Whether it counts: neither corrected nor annulled.
    is_current: bool,
    /// The version that it takes the place of.
    supersedes: Option<Uuid>,
    /// The version that takes its place.
    superseded_by: Option<Uuid>,
    amendment_reason: Option<String>,
    annulment: Option<AnnulmentView>,
    instrument: String,
    version: u32,
    definition_sha256: String,
    assessed_on: NaiveDate,
    started_at: Option<DateTime<Utc>>,
    validated_at: DateTime<Utc>,
    operator: Option<Operator>,
    unita: Option<Uuid>,
    /// Whether it was brought from elsewhere.
    is_imported: bool,
    import_source: Option<String>,
    #[schema(schema_with = answers_schema)]
    answers: BTreeMap<Id, i16>,
    scores: Vec<Score>,
    /// The class that the rules give.
    profile: Option<String>,
    /// The minimum conditions that are missing.
    blocks: Vec<String>,
    evaluation: EvaluationBody,
    azioni: Vec<AzioneView>,
    /// The soft rules that fired and that the operator looked at again.
    rechecked: Vec<String>,
}

impl Questionario {
    fn of(one: &Assessment) -> Self {
        let texts = |ids: &BTreeSet<Id>| ids.iter().map(ToString::to_string).collect();
        let (kind, profile) = match &one.evaluation {
            Evaluation::Confirmed => (EvaluationKind::Confirmed, None),
            Evaluation::Overridden { profile } => (EvaluationKind::Overridden, profile.as_ref()),
            Evaluation::Absent => (EvaluationKind::Absent, None),
        };
        Self {
            id: one.id.0,
            persona: one.persona.0,
            revision: one.revision,
            is_current: one.is_current(),
            supersedes: one.supersedes.map(|id| id.0),
            superseded_by: one.superseded_by.map(|id| id.0),
            amendment_reason: one.amendment_reason.clone(),
            annulment: one.annulment.as_ref().map(|it| AnnulmentView { at: it.at, reason: it.reason.clone() }),
            instrument: one.instrument.to_string(),
            version: one.version,
            definition_sha256: one.definition_sha256.clone(),
            assessed_on: one.assessed_on,
            started_at: one.started_at,
            validated_at: one.validated_at,
            operator: one.operator.as_ref().map(|it| Operator { id: it.id.0, name: it.display_name.clone() }),
            unita: one.unita.map(|unita| unita.0),
            is_imported: one.origin == Origin::Import,
            import_source: one.import_source.clone(),
            answers: one.sheet.iter().map(|(item, answer)| (item.clone(), answer.code())).collect(),
            scores: one.scores.iter().map(Score::of).collect(),
            profile: one.profile.as_ref().map(ToString::to_string),
            blocks: texts(&one.blocks),
            evaluation: EvaluationBody {
                kind,
                profile: profile.map(ToString::to_string),
                reason: one.evaluation_reason.clone(),
            },
            azioni: one
                .azioni
                .iter()
                .map(|azione| AzioneView {
                    azione: azione.azione.to_string(),
                    due_on: azione.terms.due_on,
                    followed_by: azione.terms.followed_by.clone(),
                    results: azione
                        .results
                        .iter()
                        .map(|result| ResultView { outcome: result.outcome.into(), at: result.at })
                        .collect(),
                })
                .collect(),
            rechecked: texts(&one.rechecked),
        }
    }
}

/// Questionnaires.
#[derive(Serialize, ToSchema)]
pub(crate) struct Questionari {
    questionari: Vec<Questionario>,
    /// Where the next ones begin, if there are more.
    next_offset: Option<u64>,
}

/// Answers by item: an option's value, -2 (not assessable) or -3 (refused to say).
fn answers_schema() -> Object {
    let answer =
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).minimum(Some(-3)).maximum(Some(1000)).build();
    let answers: AdditionalProperties<Schema> = AdditionalProperties::RefOr(Schema::Object(answer).into());
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Object))
        .additional_properties(Some(answers))
        .description(Some("By item: an option's value, -2 (not assessable) or -3 (refused to say). An item left out was not answered."))
        .build()
}

/// An azione agreed with the persona.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AgreedBody {
    /// Its id in the strumento.
    #[schema(max_length = 32)]
    azione: String,
    /// Until when, not before the assessment.
    due_on: Option<NaiveDate>,
    /// Who follows it.
    #[schema(max_length = 120)]
    followed_by: Option<String>,
}

/// What came of an azione that an earlier questionnaire of the persona agreed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OutcomeBody {
    /// The questionnaire that agreed it.
    questionario: Uuid,
    #[schema(max_length = 32)]
    azione: String,
    outcome: Outcome,
}

/// A whole questionnaire, with the operator's own evaluation: the person who decides is not a program.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewQuestionario {
    /// The strumento.
    #[schema(max_length = 32, example = "asso")]
    instrument: String,
    /// Its newest version: what the program showed must be what is scored.
    version: u32,
    filled: Filled,
}

/// A correction: the whole questionnaire again, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    /// Why it is corrected.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
    filled: Filled,
}

/// What the operator filled in and decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Filled {
    /// The day of the assessment.
    assessed_on: NaiveDate,
    #[schema(schema_with = answers_schema)]
    answers: BTreeMap<Id, i16>,
    evaluation: EvaluationBody,
    #[serde(default)]
    #[schema(required = false, max_items = 100)]
    azioni: Vec<AgreedBody>,
    #[serde(default)]
    #[schema(required = false, max_items = 100)]
    outcomes: Vec<OutcomeBody>,
    /// The soft rules that fire and that the operator has looked at again.
    #[serde(default)]
    #[schema(required = false, max_items = 100)]
    rechecked: Vec<String>,
}

/// A reason that is not too long; whether there must be one is the store's to say.
fn reason(given: &str) -> Result<&str, Problem> {
    let fits = given.chars().count() <= REASON_MAX;
    if fits { Ok(given) } else { Err(Problem::unprocessable("text", "a reason has 2000 characters at most")) }
}

pub(super) fn parsed(text: &str) -> Result<Id, Problem> {
    Id::parse(text).map_err(|_| Problem::unprocessable("id", "an id has small letters, digits and _, 32 at most"))
}

impl Filled {
    fn sheet(&self) -> Result<Sheet, Problem> {
        let blank = Missing::NotAnswered.code();
        let given = self.answers.iter().filter(|(_, code)| **code != blank);
        given
            .map(|(item, code)| {
                let missing = Missing::ALL.into_iter().find(|missing| missing.code() == *code);
                let answer = match missing {
                    Some(missing) => ItemAnswer::Missing(missing),
                    None if *code < 0 => return Err(Problem::unprocessable("answers", "no such kind of missing")),
                    None => ItemAnswer::Value(*code),
                };
                Ok((item.clone(), answer))
            })
            .collect()
    }

    fn validation<'a>(&self, instrument: &'a Instrument) -> Result<Validation<'a>, Problem> {
        if [self.azioni.len(), self.outcomes.len(), self.rechecked.len()].into_iter().any(|count| count > LIST_MAX) {
            return Err(Problem::unprocessable("text", "a list has 100 entries at most"));
        }
        let evaluation_reason = self.evaluation.reason.as_deref().map(reason).transpose()?;
        let profile = self.evaluation.profile.as_deref().map(parsed).transpose()?;
        let evaluation = match (self.evaluation.kind, profile) {
            (EvaluationKind::Confirmed, None) => Evaluation::Confirmed,
            (EvaluationKind::Confirmed, Some(_)) => {
                return Err(Problem::unprocessable("evaluation", "a result that is confirmed is given no other class"));
            }
            (EvaluationKind::Overridden, profile) => Evaluation::Overridden { profile },
            (EvaluationKind::Absent, _) => Evaluation::Absent,
        };
        let mut azioni = BTreeMap::new();
        for agreed in &self.azioni {
            if agreed.due_on.is_some_and(|day| day < self.assessed_on) {
                return Err(Problem::unprocessable("azione", "an azione is not due before the assessment"));
            }
            let terms = AzioneTerms { due_on: agreed.due_on, followed_by: agreed.followed_by.clone() };
            if azioni.insert(parsed(&agreed.azione)?, terms).is_some() {
                return Err(Problem::unprocessable("azione", "an azione is agreed once"));
            }
        }
        let outcomes = self.outcomes.iter().map(|one| {
            Ok(NewOutcome {
                assessment: AssessmentId(one.questionario),
                azione: parsed(&one.azione)?,
                outcome: one.outcome.into(),
            })
        });
        Ok(Validation {
            instrument,
            evaluation,
            evaluation_reason: evaluation_reason.map(ToOwned::to_owned),
            azioni,
            outcomes: outcomes.collect::<Result<_, Problem>>()?,
            rechecked: self.rechecked.iter().map(|rule| parsed(rule)).collect::<Result<_, Problem>>()?,
            sem_hundredths: BTreeMap::new(),
        })
    }
}

/// Which questionnaires.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Who made it valid: the id of an account.
    operator: Option<Uuid>,
    /// The strumento.
    #[param(max_length = 32, pattern = "^[a-z][a-z0-9_]*$")]
    instrument: Option<String>,
    /// Assessed on this day or later.
    from: Option<NaiveDate>,
    /// Assessed on this day or earlier.
    until: Option<NaiveDate>,
    unita: Option<Uuid>,
    /// A scale, of which `level` says the level reached.
    #[param(max_length = 32, pattern = "^[a-z][a-z0-9_]*$")]
    scale: Option<String>,
    #[param(max_length = 32, pattern = "^[a-z][a-z0-9_]*$")]
    level: Option<String>,
    /// Those alone that count.
    current_only: Option<bool>,
    /// How many to skip.
    #[param(minimum = 0, maximum = 1_000_000)]
    offset: Option<u64>,
    /// How many to give; without it, and at most, a hundred.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u64>,
}

/// An id that an address asks for.
fn asked_id(text: Option<&str>) -> Result<Option<Id>, Problem> {
    let bad = |_| Problem::bad_request("an id has small letters, digits and _, 32 at most");
    text.map(|text| Id::parse(text).map_err(bad)).transpose()
}

/// Questionnaires by filters, the last made valid first
#[utoipa::path(
    get,
    operation_id = "list_questionari",
    path = "/api/v1/questionari",
    tag = "questionari",
    security(("token" = ["questionari:read"])),
    params(Filter),
    responses(
        (status = 200, description = "Those that fit.", body = Questionari),
        (status = 400, description = "The query cannot be read.", body = Problem, content_type = "application/problem+json"),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn list(program: Program, Asked(asked): Asked<Filter>) -> Answer {
    let scope = program.scope(TokenScope::QuestionariRead)?;
    let (scale, level) = (asked_id(asked.scale.as_deref())?, asked_id(asked.level.as_deref())?);
    if scale.is_some() != level.is_some() {
        return Err(Problem::bad_request("scale and level are asked for together"));
    }
    let filter = HistoryFilter {
        operator: asked.operator.map(AccountId),
        instrument: asked_id(asked.instrument.as_deref())?,
        from: asked.from,
        until: asked.until,
        unita: asked.unita.map(UnitaId),
        level: scale.zip(level),
        is_current_only: asked.current_only.unwrap_or(false),
    };
    let offset = asked.offset.unwrap_or(0);
    let limit = asked.limit.unwrap_or(PAGE_MAX);
    if offset > 1_000_000 || !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::bad_request("offset goes to 1,000,000, limit from 1 to 100"));
    }
    let found = program.store.history(&scope, &filter, offset, limit + 1, program.now).await;
    let found = found.map_err(|error| Problem::of_store(&program.portal, error))?;
    let limit_rows = usize::try_from(limit).unwrap_or(usize::MAX);
    let next_offset = (found.len() > limit_rows).then_some(offset + limit);
    let questionari = found.iter().take(limit_rows).map(Questionario::of).collect();
    Ok(Json(Questionari { questionari, next_offset }).into_response())
}

/// The questionnaires of a persona, every version, the latest day first
#[utoipa::path(
    get,
    operation_id = "list_questionari_of_persona",
    path = "/api/v1/persone/{persona}/questionari",
    tag = "questionari",
    security(("token" = ["questionari:read"])),
    params(("persona" = Uuid, Path, description = "Their id.")),
    responses(
        (status = 200, description = "All of them, those of persone merged into this one included.", body = Questionari),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn of_persona(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    let scope = program.scope(TokenScope::QuestionariRead)?;
    let found = program.store.history_of_persona(&scope, id(path)?, program.now).await;
    let found = found.map_err(|error| Problem::of_store(&program.portal, error))?;
    let questionari = found.iter().map(Questionario::of).collect();
    Ok(Json(Questionari { questionari, next_offset: None }).into_response())
}

pub(super) async fn read(program: &Program, path: Result<Path<String>, PathRejection>) -> Result<Assessment, Problem> {
    let scope = program.scope(TokenScope::QuestionariRead)?;
    let found = program.store.assessment(&scope, AssessmentId(id(path)?), program.now).await;
    found.map_err(|error| Problem::of_store(&program.portal, error))
}

/// A questionnaire
#[utoipa::path(
    get,
    operation_id = "read_questionario",
    path = "/api/v1/questionari/{assessment}",
    tag = "questionari",
    security(("token" = ["questionari:read"])),
    params(("assessment" = Uuid, Path, description = "Its id.")),
    responses(
        (status = 200, description = "This version of it.", body = Questionario),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn one(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    Ok(Json(Questionario::of(&read(&program, path).await?)).into_response())
}

/// The answers of a questionnaire as an HL7 FHIR R4 QuestionnaireResponse
///
/// With what the rules make of them; the persona by their id alone.
#[utoipa::path(
    get,
    operation_id = "read_questionario_fhir",
    path = "/api/v1/questionari/{assessment}/fhir",
    tag = "questionari",
    security(("token" = ["questionari:read"])),
    params(("assessment" = Uuid, Path, description = "Its id.")),
    responses(
        (status = 200, description = "The QuestionnaireResponse.", body = Object, content_type = "application/fhir+json"),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn fhir(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    let one = read(&program, path).await?;
    let failed = |failure| Problem::of_failure(&program.portal, failure);
    let instrument = assessment::definition(&program.portal, &one).map_err(failed)?;
    let resource = domain::fhir::questionnaire_response(instrument, &one.sheet, one.validated_at, one.persona.0);
    let damaged = |_| StoreError::Damaged { table: "assessments", row: one.id.to_string() };
    let resource = resource.map_err(|error| Problem::of_store(&program.portal, damaged(error)))?;
    Ok(strumenti::fhir(&resource))
}

/// The report of a questionnaire as PDF
///
/// It names the persona, and so asks for both scopes.
#[utoipa::path(
    get,
    operation_id = "read_report_pdf",
    path = "/api/v1/questionari/{assessment}/relazione.pdf",
    tag = "questionari",
    security(("token" = ["persone:read", "questionari:read"])),
    params(("assessment" = Uuid, Path, description = "Its id.")),
    responses(
        (status = 200, description = "The report: PDF/UA-1 and PDF/A-2a.", body = String, content_type = "application/pdf"),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn report(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    let portal = &program.portal;
    let one = read(&program, path).await?;
    let failed = |error| Problem::of_store(portal, error);
    let persone = program.scope(TokenScope::PersoneRead)?;
    let persona = program.store.persona(&persone, one.persona, program.now).await.map_err(failed)?;
    let questionari = program.scope(TokenScope::QuestionariRead)?;
    let past = program.store.history_of_persona(&questionari, one.persona, program.now).await.map_err(failed)?;
    let instrument = assessment::definition(portal, &one).map_err(|failure| Problem::of_failure(portal, failure))?;
    let name = people::name(&persona.data.surname, &persona.data.name, persona.id);
    let ente = &program.ente;
    let issue = papers::issue_by(portal, &ente.name, program.access.display_name(), ente.is_demo, program.now);
    let damaged = |_| failed(StoreError::Damaged { table: "assessments", row: one.id.to_string() });
    let paper = papers::report(issue, name, instrument, &one, &past).map_err(damaged)?;
    let bytes = papers::print(portal, paper).await.map_err(|failure| Problem::of_failure(portal, failure))?;
    Ok(([(CONTENT_TYPE, "application/pdf")], bytes).into_response())
}

/// What became valid.
#[derive(Serialize, ToSchema)]
pub(crate) struct Made {
    pub(super) id: Uuid,
}

/// Makes a whole questionnaire valid
///
/// With the day, the answers and the operator's own evaluation, by the rules of the portal: hard rules of consistency
/// refuse, soft ones must be named in `rechecked`. It is made in the name of the account of the token.
#[utoipa::path(
    post,
    operation_id = "create_questionario",
    path = "/api/v1/persone/{persona}/questionari",
    tag = "questionari",
    security(("token" = ["questionari:write"])),
    params(
        ("persona" = Uuid, Path, description = "Whose."),
        ("Idempotency-Key" = Option<Uuid>, Header, description = "The same request with the same key is done once."),
    ),
    request_body = NewQuestionario,
    responses(
        (status = 201, description = "Valid.", body = Made, headers(("Location" = String, description = "Its address."))),
        super::description::Refusals,
        super::description::BodyRefusals,
        super::description::Absent,
        super::description::Conflicts,
    ),
)]
pub(crate) async fn create(
    program: Program,
    path: Result<Path<String>, PathRejection>,
    RequestKey(request): RequestKey,
    Sent(body): Sent<NewQuestionario>,
) -> Answer {
    let scope = program.scope(TokenScope::QuestionariWrite)?;
    let persona: PersonaId = id(path)?;
    let portal = &program.portal;
    let newest = portal.instrument(&body.instrument).filter(|newest| newest.version == body.version);
    let instrument = newest.ok_or_else(|| {
        Problem::unprocessable("other-definition", "there is no such strumento, or this is not its newest version")
    })?;
    let sem_hundredths = portal.sem_hundredths(scope.ente(), instrument).await;
    let entry = Entry {
        persona,
        sheet: body.filled.sheet()?,
        assessed_on: body.filled.assessed_on,
        validation: Validation { sem_hundredths, ..body.filled.validation(instrument)? },
        request,
    };
    let made = program.store.enter(&scope, &entry, program.now, &mut portal.chance()).await;
    let made = made.map_err(|error| Problem::of_store(portal, error))?;
    Ok(created(format!("/api/v1/questionari/{made}"), Made { id: made.0 }))
}

/// Corrects a questionnaire: a new version, with a reason
///
/// The whole questionnaire again, with its own definition. Notes on items stay as they were: for that the version before
/// is read, hence both scopes.
#[utoipa::path(
    post,
    operation_id = "amend_questionario",
    path = "/api/v1/questionari/{assessment}/correggi",
    tag = "questionari",
    security(("token" = ["questionari:read", "questionari:write"])),
    params(("assessment" = Uuid, Path, description = "The version to correct.")),
    request_body = Correction,
    responses(
        (status = 201, description = "Corrected.", body = Made, headers(("Location" = String, description = "Address of the new version."))),
        super::description::Refusals,
        super::description::BodyRefusals,
        super::description::Absent,
        super::description::Conflicts,
    ),
)]
pub(crate) async fn amend(
    program: Program,
    path: Result<Path<String>, PathRejection>,
    Sent(body): Sent<Correction>,
) -> Answer {
    let portal = &program.portal;
    let scope = program.scope(TokenScope::QuestionariWrite)?;
    reason(&body.reason)?;
    let before = read(&program, path).await?;
    let instrument = assessment::definition(portal, &before).map_err(|failure| Problem::of_failure(portal, failure))?;
    let sem_hundredths = portal.sem_hundredths(scope.ente(), instrument).await;
    let amendment = Amendment {
        sheet: body.filled.sheet()?,
        notes: before.notes,
        assessed_on: body.filled.assessed_on,
        validation: Validation { sem_hundredths, ..body.filled.validation(instrument)? },
        reason: body.reason,
    };
    let made = program.store.amend(&scope, before.id, &amendment, program.now, &mut portal.chance()).await;
    let made = made.map_err(|error| Problem::of_store(portal, error))?;
    Ok(created(format!("/api/v1/questionari/{made}"), Made { id: made.0 }))
}

/// Why it no longer counts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAnnulment {
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Says that a questionnaire no longer counts; it stays visible
#[utoipa::path(
    post,
    operation_id = "annul_questionario",
    path = "/api/v1/questionari/{assessment}/annulla",
    tag = "questionari",
    security(("token" = ["questionari:write"])),
    params(("assessment" = Uuid, Path, description = "Its id.")),
    request_body = NewAnnulment,
    responses(
        (status = 204, description = "Annulled."),
        super::description::Refusals,
        super::description::BodyRefusals,
        super::description::Absent,
        super::description::Conflicts,
    ),
)]
pub(crate) async fn annul(
    program: Program,
    path: Result<Path<String>, PathRejection>,
    Sent(body): Sent<NewAnnulment>,
) -> Answer {
    let scope = program.scope(TokenScope::QuestionariWrite)?;
    reason(&body.reason)?;
    let assessment = AssessmentId(id(path)?);
    let chance = &mut program.portal.chance();
    let done = program.store.annul(&scope, assessment, &body.reason, program.now, chance).await;
    done.map_err(|error| Problem::of_store(&program.portal, error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
