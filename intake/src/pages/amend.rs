//! Correcting a validated questionnaire: a new version, with a reason; the one before stays as it is.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use domain::feed::Evaluation;
use domain::instrument::{Id, Instrument, Missing};
use domain::scoring::Sheet;
use serde::Serialize;
use store::{Amendment, Assessment, Persona, StoreError};
use templates::{Area, Page};

use super::assessment;
use super::draft;
use super::evaluation::{self, AzioneChoice, EvaluationForm};
use super::people::PersonaHead;
use super::persona_form::Named;
use super::report::Report;
use super::view::{self, SectionView};
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
    azioni: Vec<AzioneChoice>,
    profile_title: Option<String>,
    profile_classes: Vec<Named>,
}

impl Amend {
    fn new(
        instrument: &Instrument,
        path: String,
        persona: PersonaHead,
        sheet: &Sheet,
        reading: &Reading<'_>,
        agreed: &BTreeSet<Id>,
        invalid: &[String],
    ) -> Result<Self, domain::scoring::Refusal> {
        let scoring = instrument.score(sheet)?;
        Ok(Self {
            path,
            persona,
            instrument: instrument.title.to_string(),
            problems: reading.problems.clone(),
            count_invalid: invalid.len(),
            date: reading.field("assessed_on"),
            sections: view::sections(instrument, sheet, invalid),
            report: Report::new(instrument, sheet)?,
            form: EvaluationForm::new(reading),
            azioni: evaluation::azioni(instrument, &scoring, agreed),
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
                let sheet = crate::example::sheet(instrument, 1);
                let invalid = [instrument.items[0].id.to_string()];
                let none = BTreeSet::new();
                [
                    Self::new(instrument, path(), PersonaHead::sample(), &sheet, &fine, &none, &[]),
                    Self::new(instrument, path(), PersonaHead::sample(), &sheet, &refused, &none, &invalid),
                ]
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
    pairs.extend(one.azioni.iter().map(|agreed| ("azione".to_owned(), agreed.azione.to_string())));
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
    page(&desk, StatusCode::OK, &one, &persona, &one.sheet, &fields, &Reading::new(&fields), &[])
}

#[expect(clippy::too_many_arguments, reason = "all of them belong to the one page that three answers share")]
fn page(
    desk: &Desk<Assess>,
    status: StatusCode,
    one: &Assessment,
    persona: &Persona,
    sheet: &Sheet,
    fields: &Fields,
    reading: &Reading<'_>,
    invalid: &[String],
) -> Result<Response, Failure> {
    let instrument = assessment::definition(desk.portal(), one)?;
    let head = PersonaHead::new(one.persona, &persona.data);
    let agreed = evaluation::agreed(fields);
    let page = Amend::new(instrument, assessment::path(one.id), head, sheet, reading, &agreed, invalid)
        .map_err(|_| Failure::Store(StoreError::Damaged { table: "assessments", row: one.id.to_string() }))?;
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn post(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let (one, persona) = load(&desk, path).await?;
    let instrument = assessment::definition(desk.portal(), &one)?;
    let mut sheet = Sheet::new();
    let mut invalid = Vec::new();
    for place in 0..instrument.sections.len() {
        let (answers, wrong) = draft::read_section(instrument, place, &fields)?;
        sheet.extend(answers);
        invalid.extend(wrong);
    }
    sheet.retain(|_, answer| answer.code() != Missing::NotAnswered.code());
    let mut reading = Reading::new(&fields);
    let day = draft::day(fields.get("assessed_on"), persona.data.birth_date, desk.today());
    if let Err(code) = day {
        reading.refuse("assessed_on", code);
    }
    if fields.get("action") != "save" {
        let status = if invalid.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return page(&desk, status, &one, &persona, &sheet, &fields, &reading, &invalid);
    }
    let reason = evaluation::reason("correction", &mut reading);
    let validation = evaluation::read(instrument, &fields, &mut reading);
    let (Some(validation), Some(reason), Ok(assessed_on), true) =
        (validation, reason, day, reading.problems.is_empty() && invalid.is_empty())
    else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return page(&desk, status, &one, &persona, &sheet, &fields, &reading, &invalid);
    };
    let amendment = Amendment { sheet, assessed_on, validation, reason };
    let mut chance = desk.portal().chance();
    let new = desk.store.amend(&desk.scope, one.id, &amendment, desk.now, &mut chance).await?;
    Ok(reply::see(&format!("{}?validato=1", assessment::path(new))))
}
