//! Correcting a validated questionnaire: a new version, with a reason; the one before stays as it is.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use domain::feed::Evaluation;
use domain::instrument::Instrument;
use domain::person::PersonaFacts;
use domain::scoring::Sheet;
use serde::Serialize;
use store::{Amendment, Assessment, Persona, StoreError, Validation};
use templates::{Area, Page};

use super::assessment;
use super::draft;
use super::evaluation::{self, AzioneChoice, EvaluationForm, Rules};
use super::people::PersonaHead;
use super::persona_form::Named;
use super::report::Report;
use super::view::{self, Notes, SectionView};
use crate::form::{Field, Fields, Problem, Reading, show_date};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Assess, Desk};

#[derive(Serialize)]
pub(crate) struct Amend {
    path: String,
    persona: PersonaHead,
    instrument: String,
    problems: Vec<Problem>,
    count_invalid: usize,
    date: Field,
    sections: Vec<SectionView>,
    report: Report,
    form: EvaluationForm,
    rules: Rules,
    count_invalid_notes: usize,
    azioni: Vec<AzioneChoice>,
    profile_title: Option<String>,
    profile_classes: Vec<Named>,
}

/// What a correction shows and saves besides the evaluation.
struct Content {
    sheet: Sheet,
    notes: Notes,
    /// Items whose answer is not offered.
    invalid: Vec<String>,
    /// The day of the assessment, as far as it can be read.
    assessed_on: NaiveDate,
    /// What is recorded of the persona on that day.
    facts: PersonaFacts,
}

impl Content {
    /// What was recorded on the day stays; age follows the day and the birth date.
    fn facts(one: &Assessment, persona: &Persona, assessed_on: NaiveDate) -> PersonaFacts {
        let recorded = one.categories.facts.clone();
        let age = persona.data.categories(assessed_on).facts.age.or(recorded.age);
        PersonaFacts { age, ..recorded }
    }
}

impl Amend {
    fn new(
        instrument: &Instrument,
        path: String,
        persona: PersonaHead,
        content: &Content,
        reading: &Reading<'_>,
    ) -> Result<Self, domain::scoring::Refusal> {
        let Content { sheet, notes, invalid, assessed_on, facts } = content;
        let scoring = instrument.score(sheet)?;
        let sections = view::sections(instrument, sheet, invalid).into_iter().map(|section| section.with_notes(notes));
        let sections: Vec<SectionView> = sections.collect();
        let place = |item: usize| format!("#item-{}", instrument.items[item].id);
        Ok(Self {
            path,
            persona,
            instrument: instrument.title.to_string(),
            problems: reading.problems.clone(),
            count_invalid: invalid.len(),
            count_invalid_notes: sections.iter().map(SectionView::count_invalid_notes).sum(),
            date: reading.field("assessed_on"),
            sections,
            report: Report::new(instrument, sheet)?,
            form: EvaluationForm::new(reading),
            rules: Rules::new(instrument, sheet, facts, reading, place),
            azioni: evaluation::azioni(instrument, &scoring, reading.fields(), *assessed_on),
            profile_title: instrument.profile.as_ref().map(|profile| profile.title.to_string()),
            profile_classes: evaluation::classes(instrument),
        })
    }
}

impl Page for Amend {
    const TEMPLATE: &'static str = "pages/amend.html";

    fn samples() -> Vec<Self> {
        let blank = Fields::default();
        let fine = Reading::new(&blank);
        let mut refused = Reading::new(&blank);
        for (name, code) in [("correction", "reason"), ("evaluation", "evaluation"), ("assessed_on", "date")] {
            refused.refuse(name, code);
        }
        let path = || "/questionari/1".to_owned();
        view::sample_instruments()
            .iter()
            .flat_map(|instrument| {
                let mut content = Content {
                    sheet: crate::example::sheet(instrument, 1),
                    notes: Notes::default(),
                    invalid: Vec::new(),
                    assessed_on: NaiveDate::default(),
                    facts: PersonaFacts { age: Some(70), ..PersonaFacts::default() },
                };
                let first = Self::new(instrument, path(), PersonaHead::sample(), &content, &fine);
                content.invalid = vec![instrument.items[0].id.to_string()];
                [first, Self::new(instrument, path(), PersonaHead::sample(), &content, &refused)]
            })
            .flatten()
            .collect()
    }
}

/// What was validated, as the form would send it.
fn fields_of(one: &Assessment) -> Fields {
    let mut pairs = vec![("assessed_on".to_owned(), show_date(one.assessed_on))];
    pairs.push(("reason".to_owned(), one.evaluation_reason.clone().unwrap_or_default()));
    match &one.evaluation {
        Evaluation::Confirmed => pairs.push(("evaluation".to_owned(), "confirmed".to_owned())),
        Evaluation::Overridden { profile } => {
            pairs.push(("evaluation".to_owned(), "overridden".to_owned()));
            pairs.extend(profile.iter().map(|class| ("profile".to_owned(), class.to_string())));
        }
        Evaluation::Absent => {}
    }
    for agreed in &one.azioni {
        let id = &agreed.azione;
        pairs.push(("azione".to_owned(), id.to_string()));
        pairs.extend(agreed.terms.due_on.map(|due| (format!("due.{id}"), show_date(due))));
        pairs.extend(agreed.terms.followed_by.clone().map(|who| (format!("who.{id}"), who)));
    }
    Fields::new(pairs)
}

/// The questionnaire of a path, when it can still be corrected.
async fn load(
    desk: &Desk<Assess>,
    path: Result<Path<String>, PathRejection>,
) -> Result<(Assessment, Persona), Failure> {
    let one = desk.store.assessment(&desk.scope, assessment::id(path)?, desk.now).await?;
    if !one.is_current() {
        return Err(Failure::NotFound);
    }
    let persona = desk.store.persona(&desk.scope, one.persona, desk.now).await?;
    Ok((one, persona))
}

pub(crate) async fn get(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let (one, persona) = load(&desk, path).await?;
    let fields = fields_of(&one);
    let content = Content {
        sheet: one.sheet.clone(),
        notes: Notes::new(&one.notes),
        invalid: Vec::new(),
        assessed_on: one.assessed_on,
        facts: Content::facts(&one, &persona, one.assessed_on),
    };
    page(&desk, StatusCode::OK, &one, &persona, &content, &Reading::new(&fields))
}

fn page(
    desk: &Desk<Assess>,
    status: StatusCode,
    one: &Assessment,
    persona: &Persona,
    content: &Content,
    reading: &Reading<'_>,
) -> Result<Response, Failure> {
    let instrument = assessment::definition(desk.portal(), one)?;
    let head = PersonaHead::new(one.persona, &persona.data);
    let page = Amend::new(instrument, assessment::path(one.id), head, content, reading)
        .map_err(|_| Failure::Store(StoreError::Damaged { table: "assessments", row: one.id.to_string() }))?;
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn post(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let (one, persona) = load(&desk, path).await?;
    let instrument = assessment::definition(desk.portal(), &one)?;
    let (sheet, invalid) = draft::read_sheet(instrument, &fields)?;
    let mut notes = Notes::new(&one.notes);
    let notes_fit = notes.read(&instrument.items, &fields);
    let mut reading = Reading::new(&fields);
    let day = draft::day(fields.get("assessed_on"), persona.data.birth_date, desk.today());
    if let Err(code) = day {
        reading.refuse("assessed_on", code);
    }
    let assessed_on = day.unwrap_or(one.assessed_on);
    let facts = Content::facts(&one, &persona, assessed_on);
    let content = Content { sheet, notes, invalid, assessed_on, facts };
    if fields.get("action") != "save" {
        let fits = content.invalid.is_empty() && notes_fit;
        let status = if fits { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return page(&desk, status, &one, &persona, &content, &reading);
    }
    let reason = evaluation::reason("correction", &mut reading);
    let rechecked = evaluation::check_rules(instrument, &content.sheet, &content.facts, &mut reading, &fields);
    let validation = evaluation::read(instrument, assessed_on, &fields, &mut reading);
    let (Some(validation), Some(reason), true) =
        (validation, reason, reading.is_fine() && content.invalid.is_empty() && notes_fit)
    else {
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &one, &persona, &content, &reading);
    };
    let sem_hundredths = desk.portal().sem_hundredths(desk.scope.ente(), instrument).await;
    let validation = Validation { rechecked, sem_hundredths, ..validation };
    let notes = content.notes.kept(&one.notes);
    let amendment = Amendment { sheet: content.sheet, notes, assessed_on, validation, reason };
    let mut chance = desk.portal().chance();
    let new = desk.store.amend(&desk.scope, one.id, &amendment, desk.now, &mut chance).await?;
    Ok(reply::see(&format!("{}?validato=1", assessment::path(new))))
}
