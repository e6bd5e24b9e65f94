//! Saying that a validated questionnaire no longer counts, with a reason; it stays visible.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::Assessment;
use templates::{Area, Page};

use super::people::PersonaHead;
use super::{assessment, evaluation};
use crate::form::{Field, Fields, Problem, Reading, show_date};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Assess, Desk};

#[derive(Serialize)]
pub(crate) struct Annul {
    path: String,
    persona: PersonaHead,
    instrument: String,
    assessed_on: String,
    problems: Vec<Problem>,
    reason: Field,
}

impl Page for Annul {
    const TEMPLATE: &'static str = "pages/annul.html";

    fn samples() -> Vec<Self> {
        [Vec::new(), vec![Problem { name: "reason", code: "reason" }]]
            .map(|problems| Self {
                path: "/questionari/1".to_owned(),
                persona: PersonaHead::sample(),
                instrument: "ASSO".to_owned(),
                assessed_on: "3/7/2026".to_owned(),
                reason: Field { value: String::new(), error: problems.first().map(|problem| problem.code) },
                problems,
            })
            .into()
    }
}

/// The questionnaire of a path, when it still counts.
async fn load(desk: &Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Result<Assessment, Failure> {
    let one = desk.store.assessment(&desk.scope, assessment::id(path)?, desk.now).await?;
    if one.is_current() { Ok(one) } else { Err(Failure::NotFound) }
}

async fn page(
    desk: &Desk<Assess>,
    status: StatusCode,
    one: &Assessment,
    reading: &Reading<'_>,
) -> Result<Response, Failure> {
    let persona = desk.store.persona(&desk.scope, one.persona, desk.now).await?;
    let page = Annul {
        path: assessment::path(one.id),
        persona: PersonaHead::new(one.persona, &persona.data),
        instrument: assessment::definition(desk.portal(), one)?.title.to_string(),
        assessed_on: show_date(one.assessed_on),
        problems: reading.problems.clone(),
        reason: reading.field("reason"),
    };
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn get(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let one = load(&desk, path).await?;
    page(&desk, StatusCode::OK, &one, &Reading::new(&Fields::default())).await
}

pub(crate) async fn post(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let one = load(&desk, path).await?;
    let mut reading = Reading::new(&fields);
    let reason = evaluation::reason("reason", &mut reading);
    let (Some(reason), true) = (reason, reading.problems.is_empty()) else {
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &one, &reading).await;
    };
    desk.store.annul(&desk.scope, one.id, &reason, desk.now, &mut desk.portal().chance()).await?;
    Ok(reply::see(&assessment::path(one.id)))
}
