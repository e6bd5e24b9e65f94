//! The end of a questionnaire: what is missing, the result that the rules propose, and the operator's own evaluation,
//! without which nothing becomes valid.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use domain::instrument::{Id, Instrument};
use serde::Serialize;
use store::{Draft, DraftId, StoreError};
use templates::{Area, Page};

use super::draft::{self, Loaded, Step};
use super::evaluation::{self, AzioneChoice, EvaluationForm};
use super::id;
use super::people::PersonaHead;
use super::persona_form::Named;
use super::report::Report;
use super::view;
use crate::form::{Fields, Problem, Reading, show_date};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Assess, Desk};

#[derive(Serialize)]
pub(crate) struct DraftSummary {
    path: String,
    path_first: String,
    path_last: String,
    persona: PersonaHead,
    instrument: String,
    instrument_id: String,
    version: u32,
    revision: i32,
    problems: Vec<Problem>,
    is_changed_elsewhere: bool,
    assessed_on: String,
    steps: Vec<Step>,
    count_answered: usize,
    count_items: usize,
    missing: Vec<MissingItem>,
    report: Report,
    form: EvaluationForm,
    azioni: Vec<AzioneChoice>,
    profile_title: Option<String>,
    profile_classes: Vec<Named>,
}

#[derive(Serialize)]
struct MissingItem {
    number: usize,
    text: String,
    path: String,
}

impl DraftSummary {
    fn new(
        instrument: &Instrument,
        draft: &Draft,
        persona: PersonaHead,
        reading: &Reading<'_>,
        agreed: &BTreeSet<Id>,
        is_changed_elsewhere: bool,
    ) -> Result<Self, domain::scoring::Refusal> {
        let sections = instrument.sections.len();
        let part = |place: usize| draft::part_path(draft.id, instrument.sections[place].id.as_str());
        let missing = instrument.sections.iter().flat_map(|section| {
            section.items.clone().filter(|item| !draft::is_given(&draft.sheet, instrument, *item)).map(|item| {
                MissingItem {
                    number: item + 1,
                    text: instrument.items[item].text.to_string(),
                    path: format!(
                        "{}#item-{}",
                        draft::part_path(draft.id, section.id.as_str()),
                        instrument.items[item].id
                    ),
                }
            })
        });
        let scoring = instrument.score(&draft.sheet)?;
        Ok(Self {
            path: format!("/bozze/{}", draft.id),
            path_first: part(0),
            path_last: part(sections - 1),
            persona,
            instrument: instrument.title.to_string(),
            instrument_id: instrument.id.to_string(),
            version: instrument.version,
            revision: draft.revision,
            problems: reading.problems.clone(),
            is_changed_elsewhere,
            assessed_on: show_date(draft.assessed_on),
            steps: draft::steps(instrument, draft.id, &draft.sheet, sections),
            count_answered: draft::count_answered(&draft.sheet),
            count_items: instrument.items.len(),
            missing: missing.collect(),
            report: Report::new(instrument, &draft.sheet)?,
            form: EvaluationForm::new(reading),
            azioni: evaluation::azioni(instrument, &scoring, agreed),
            profile_title: instrument.profile.as_ref().map(|profile| profile.title.to_string()),
            profile_classes: evaluation::classes(instrument),
        })
    }
}

impl Page for DraftSummary {
    const TEMPLATE: &'static str = "pages/draft_summary.html";

    fn samples() -> Vec<Self> {
        let on = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap_or_default();
        let blank = Fields::default();
        let mut refused = Reading::new(&blank);
        for (name, code) in [("evaluation", "evaluation"), ("reason", "reason")] {
            refused.refuse(name, code);
        }
        let fine = Reading::new(&blank);
        let mut samples = Vec::new();
        for instrument in view::sample_instruments() {
            let mut draft = draft::sample_draft(&instrument, on);
            let agreed = instrument.azioni.iter().map(|azione| azione.id.clone()).take(1).collect();
            samples.extend(Self::new(&instrument, &draft, PersonaHead::sample(), &refused, &agreed, true));
            draft.sheet.clear();
            samples.extend(Self::new(&instrument, &draft, PersonaHead::sample(), &fine, &BTreeSet::new(), false));
        }
        samples
    }
}

fn page(
    desk: &Desk<Assess>,
    status: StatusCode,
    loaded: &Loaded,
    fields: &Fields,
    reading: &Reading<'_>,
    is_changed_elsewhere: bool,
) -> Result<Response, Failure> {
    let instrument = loaded.instrument(desk)?;
    let agreed = evaluation::agreed(fields);
    let page = DraftSummary::new(instrument, &loaded.draft, loaded.head(), reading, &agreed, is_changed_elsewhere)
        .map_err(|_| Failure::Store(StoreError::Damaged { table: "drafts", row: loaded.draft.id.to_string() }))?;
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn get(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let loaded = Loaded::read(&desk, id(path)?).await?;
    let blank = Fields::default();
    page(&desk, StatusCode::OK, &loaded, &blank, &Reading::new(&blank), false)
}

pub(crate) async fn validate(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let loaded = match Loaded::read(&desk, id).await {
        Err(Failure::NotFound) => return validate_again(&desk, id, &fields).await,
        loaded => loaded?,
    };
    let instrument = loaded.instrument(&desk)?;
    let revision: i32 = fields.get("revision").parse().map_err(|_| Failure::BadRequest)?;
    let mut reading = Reading::new(&fields);
    let validation = evaluation::read(instrument, &fields, &mut reading);
    let (Some(validation), true) = (validation, reading.problems.is_empty()) else {
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &loaded, &fields, &reading, false);
    };
    let mut chance = desk.portal().chance();
    match desk.store.validate(&desk.scope, id, revision, &validation, desk.now, &mut chance).await {
        Ok(assessment) => Ok(reply::see(&format!("/questionari/{assessment}?validato=1"))),
        Err(StoreError::Conflict(_)) => {
            let loaded = Loaded::read(&desk, id).await?;
            page(&desk, StatusCode::CONFLICT, &loaded, &fields, &reading, true)
        }
        Err(error) => Err(error.into()),
    }
}

/// A form sent twice: the draft is gone, and the store answers with what the first became, if it was ours.
async fn validate_again(desk: &Desk<Assess>, id: DraftId, fields: &Fields) -> Outcome {
    let instrument = Id::parse(fields.get("instrument")).ok().zip(fields.get("version").parse().ok());
    let instrument =
        instrument.and_then(|(instrument, version)| desk.portal().instrument_version(&instrument, version));
    let revision: Option<i32> = fields.get("revision").parse().ok();
    let validation = instrument.and_then(|instrument| evaluation::read(instrument, fields, &mut Reading::new(fields)));
    let (Some(revision), Some(validation)) = (revision, validation) else { return Err(Failure::NotFound) };
    let mut chance = desk.portal().chance();
    let assessment = desk.store.validate(&desk.scope, id, revision, &validation, desk.now, &mut chance).await?;
    Ok(reply::see(&format!("/questionari/{assessment}?validato=1")))
}
