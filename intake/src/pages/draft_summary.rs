//! The end of a questionnaire: what is missing, the result that the rules propose, and the operator's own evaluation,
//! without which nothing becomes valid.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use domain::feed::AzioneOutcome;
use domain::instrument::{Id, Instrument};
use serde::Serialize;
use store::{Assessment, DraftId, PersonaData, Refused, StoreError, Validation};
use templates::{Area, Page};

use super::azioni::{self, OpenAzione};
use super::draft::{self, Loaded, Step};
use super::evaluation::{self, AzioneChoice, EvaluationForm, Rules};
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
    rules: Rules,
    azioni: Vec<AzioneChoice>,
    open: Vec<OpenAzione>,
    outcomes: Vec<&'static str>,
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
        loaded: &Loaded,
        open: Vec<OpenAzione>,
        fields: &Fields,
        reading: &Reading<'_>,
        is_changed_elsewhere: bool,
    ) -> Result<Self, domain::scoring::Refusal> {
        let draft = &loaded.draft;
        let sections = instrument.sections.len();
        let part = |place: usize| draft::part_path(draft.id, instrument.sections[place].id.as_str());
        let missing = instrument.sections.iter().flat_map(|section| {
            section.items.clone().filter(|item| !draft::is_given(&draft.sheet, instrument, *item)).map(|item| {
                MissingItem {
                    number: item + 1,
                    text: instrument.items[item].text.to_string(),
                    path: item_path(instrument, draft.id, item),
                }
            })
        });
        let scoring = instrument.score(&draft.sheet)?;
        Ok(Self {
            path: format!("/bozze/{}", draft.id),
            path_first: part(0),
            path_last: part(sections - 1),
            persona: loaded.head(),
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
            rules: Rules::new(instrument, &draft.sheet, &loaded.facts(), reading, |item| {
                item_path(instrument, draft.id, item)
            }),
            azioni: evaluation::azioni(instrument, &scoring, fields, draft.assessed_on),
            open,
            outcomes: azioni::OUTCOMES.map(AzioneOutcome::code).into(),
            profile_title: instrument.profile.as_ref().map(|profile| profile.title.to_string()),
            profile_classes: evaluation::classes(instrument),
        })
    }
}

/// Where an item of a draft is asked.
fn item_path(instrument: &Instrument, draft: DraftId, item: usize) -> String {
    let section = instrument.sections.iter().find(|section| section.items.contains(&item));
    let section = section.map_or("", |section| section.id.as_str());
    format!("{}#item-{}", draft::part_path(draft, section), instrument.items[item].id)
}

impl Page for DraftSummary {
    const TEMPLATE: &'static str = "pages/draft_summary.html";

    fn samples() -> Vec<Self> {
        let on = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap_or_default();
        let blank = Fields::default();
        let fine = Reading::new(&blank);
        let mut samples = Vec::new();
        for instrument in view::sample_instruments() {
            let chosen = instrument.azioni.first().map_or_else(String::new, |azione| azione.id.to_string());
            let sent = Fields::new(vec![
                ("azione".to_owned(), chosen.clone()),
                (format!("due.{chosen}"), "ieri".to_owned()),
                (format!("who.{chosen}"), "il Centro per l'impiego".to_owned()),
            ]);
            let mut refused = Reading::new(&sent);
            for (name, code) in [
                ("evaluation", "evaluation"),
                ("reason", "reason"),
                ("rules", "inconsistent"),
                ("recheck", "recheck"),
                ("azioni", "azioni"),
            ] {
                refused.refuse(name, code);
            }
            // Old enough for every rule about age to have something to say.
            let data = PersonaData { birth_date: NaiveDate::from_ymd_opt(1950, 1, 1), ..PersonaData::default() };
            let mut loaded = Loaded::sample(&instrument, on, data);
            samples.extend(Self::new(&instrument, &loaded, OpenAzione::samples(), &sent, &refused, true));
            loaded.draft.sheet.clear();
            loaded.persona.data = PersonaData::default();
            samples.extend(Self::new(&instrument, &loaded, Vec::new(), &blank, &fine, false));
        }
        samples
    }
}

fn page(
    desk: &Desk<Assess>,
    status: StatusCode,
    loaded: &Loaded,
    past: &[Assessment],
    reading: &Reading<'_>,
    is_changed_elsewhere: bool,
) -> Result<Response, Failure> {
    let instrument = loaded.instrument(desk)?;
    let fields = reading.fields();
    let open = azioni::views(desk.portal(), past, desk.today(), fields);
    let page = DraftSummary::new(instrument, loaded, open, fields, reading, is_changed_elsewhere)
        .map_err(|_| Failure::Store(StoreError::Damaged { table: "drafts", row: loaded.draft.id.to_string() }))?;
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn get(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let loaded = Loaded::read(&desk, id(path)?).await?;
    let past = desk.store.history_of_persona(&desk.scope, loaded.draft.persona, desk.now).await?;
    let blank = Fields::default();
    page(&desk, StatusCode::OK, &loaded, &past, &Reading::new(&blank), false)
}

pub(crate) async fn validate(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let loaded = match Loaded::read(&desk, id).await {
        Err(Failure::NotFound) => return validate_again(&desk, id, &fields).await,
        loaded => loaded?,
    };
    let instrument = loaded.instrument(&desk)?;
    let past = desk.store.history_of_persona(&desk.scope, loaded.draft.persona, desk.now).await?;
    let revision: i32 = fields.get("revision").parse().map_err(|_| Failure::BadRequest)?;
    let outcomes = azioni::read(&past, &fields)?;
    let mut reading = Reading::new(&fields);
    let rechecked = evaluation::check_rules(instrument, &loaded.draft.sheet, &loaded.facts(), &mut reading, &fields);
    let validation = evaluation::read(instrument, loaded.draft.assessed_on, &fields, &mut reading);
    let (Some(validation), true) = (validation, reading.is_fine()) else {
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &loaded, &past, &reading, false);
    };
    let sem_hundredths = desk.portal().sem_hundredths(desk.scope.ente(), instrument).await;
    let validation = Validation { outcomes, rechecked, sem_hundredths, ..validation };
    let mut chance = desk.portal().chance();
    match desk.store.validate(&desk.scope, id, revision, &validation, desk.now, &mut chance).await {
        Ok(assessment) => Ok(reply::see(&format!("/questionari/{assessment}?validato=1"))),
        // What is recorded of the persona has changed meanwhile, or the draft has.
        Err(StoreError::Conflict(_) | StoreError::Refused(Refused::Inconsistent(_) | Refused::Unchecked(_))) => {
            let loaded = Loaded::read(&desk, id).await?;
            page(&desk, StatusCode::CONFLICT, &loaded, &past, &reading, true)
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
    let mut reading = Reading::new(fields);
    let validation = instrument.and_then(|instrument| evaluation::read(instrument, desk.today(), fields, &mut reading));
    let (Some(revision), Some(validation)) = (revision, validation) else { return Err(Failure::NotFound) };
    let mut chance = desk.portal().chance();
    let assessment = desk.store.validate(&desk.scope, id, revision, &validation, desk.now, &mut chance).await?;
    Ok(reply::see(&format!("/questionari/{assessment}?validato=1")))
}
