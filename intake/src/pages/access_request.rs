//! A request of access (GDPR art. 15): its number, its day, who asked; the answer is the paper, and a line in the history of
//! the persona says that it was given.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use chrono::NaiveDate;
use documents::Requester;
use serde::Serialize;
use store::PersonaId;
use templates::{Area, Page};

use super::dossier::Dossier;
use super::id;
use super::people::PersonaHead;
use crate::form::{Field, Fields, Problem, Reading, show_date};
use crate::papers;
use crate::reply::{self, Outcome};
use crate::visitor::{Desk, Erase};

/// Characters of the number of a request.
const NUMBER_MAX: usize = 40;
/// Characters of who asks for somebody, and of their title.
const NAME_MAX: usize = 120;

/// What is asked, and by whom.
pub(crate) struct AccessRequest {
    pub(crate) number: Option<String>,
    pub(crate) requested_on: Option<NaiveDate>,
    pub(crate) requested_by: Requester,
}

#[derive(Serialize)]
pub(crate) struct AccessForm {
    head: PersonaHead,
    problems: Vec<Problem>,
    number: Field,
    requested_on: Field,
    representative: Field,
    title: Field,
}

impl Page for AccessForm {
    const TEMPLATE: &'static str = "pages/access_request.html";

    fn samples() -> Vec<Self> {
        let empty = Fields::default();
        let mut wrong = Reading::new(&empty);
        for (name, code) in
            [("number", "too_long"), ("requested_on", "date_future"), ("representative", "text"), ("title", "required")]
        {
            wrong.refuse(name, code);
        }
        vec![Self::new(PersonaHead::sample(), &Reading::new(&empty)), Self::new(PersonaHead::sample(), &wrong)]
    }
}

impl AccessForm {
    fn new(head: PersonaHead, reading: &Reading<'_>) -> Self {
        Self {
            head,
            problems: reading.problems.clone(),
            number: reading.field("number"),
            requested_on: reading.field("requested_on"),
            representative: reading.field("representative"),
            title: reading.field("title"),
        }
    }
}

impl AccessRequest {
    fn read(reading: &mut Reading<'_>, today: NaiveDate) -> Option<Self> {
        let number = reading.text("number", NUMBER_MAX);
        let requested_on = reading.date("requested_on");
        if requested_on.is_some_and(|day| day > today) {
            reading.refuse("requested_on", "date_future");
        }
        let representative = reading.text("representative", NAME_MAX);
        let title = reading.text("title", NAME_MAX);
        let requested_by = match (representative, title) {
            (None, None) => Requester::Persona,
            (Some(name), Some(title)) => Requester::Representative { name, title },
            (Some(_), None) => {
                reading.refuse("title", "required");
                return None;
            }
            (None, Some(_)) => {
                reading.refuse("representative", "required");
                return None;
            }
        };
        reading.is_fine().then_some(Self { number, requested_on, requested_by })
    }

    /// For the history of the persona.
    fn about(&self) -> String {
        let mut about = match &self.requested_by {
            Requester::Persona => "richiesta della persona".to_owned(),
            Requester::Representative { name, title } => format!("richiesta di {name}, {title}"),
        };
        about.extend(self.number.iter().map(|number| format!(", n. {number}")));
        about.extend(self.requested_on.map(|day| format!(", del {}", show_date(day))));
        about
    }
}

async fn form(desk: &Desk<Erase>, id: PersonaId, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    let persona = desk.store.persona(&desk.scope, id, desk.now).await?;
    let page = AccessForm::new(PersonaHead::new(id, &persona.data), reading);
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn get(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>) -> Outcome {
    form(&desk, id(path)?, StatusCode::OK, &Reading::new(&Fields::default())).await
}

pub(crate) async fn post(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let mut reading = Reading::new(&fields);
    let Some(request) = AccessRequest::read(&mut reading, desk.today()) else {
        return form(&desk, id, StatusCode::UNPROCESSABLE_ENTITY, &reading).await;
    };
    let portal = desk.portal();
    // Noted first: the paper says of itself that it was given.
    desk.store.record_access_given(&desk.scope, id, &request.about(), desk.now, &mut portal.chance()).await?;
    let dossier = Dossier::read(&desk, id).await?;
    let issue = papers::issue(portal, &desk.session, desk.now);
    let paper = papers::access_report(portal, issue, request, &dossier)?;
    reply::file("fascicolo.pdf", "application/pdf", papers::print(portal, paper).await?)
}
