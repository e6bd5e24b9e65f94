//! Changing one's own password: the first thing after a one-time password.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{AcceptedPassword, PasswordRefusal, Refused, Role, StoreError};
use templates::{Area, Page};

use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Outcome};
use crate::visitor::{OwnAccount, Peer};

#[derive(Serialize)]
pub(crate) struct Password {
    username: String,
    is_forced: bool,
    length_min: usize,
    problems: Vec<Problem>,
    current: Field,
    password: Field,
    again: Field,
}

impl Page for Password {
    const TEMPLATE: &'static str = "pages/password.html";

    fn samples() -> Vec<Self> {
        let problem = Problem { name: "password", code: "password_weak" };
        [(true, vec![]), (false, vec![problem])]
            .map(|(is_forced, problems)| Self {
                username: "anna".to_owned(),
                is_forced,
                length_min: 12,
                password: Field { value: String::new(), error: problems.first().map(|problem| problem.code) },
                problems,
                current: Field::default(),
                again: Field::default(),
            })
            .into()
    }
}

fn page(own: &OwnAccount, status: StatusCode, reading: &Reading<'_>) -> Response {
    let length_min = match own.session.role() {
        Role::PlatformAdministrator | Role::EnteAdministrator => 14,
        Role::Operator | Role::Manager | Role::Analyst | Role::ResearchOfficer | Role::UniversityPartner => 12,
    };
    let page = Password {
        username: own.session.username().to_owned(),
        is_forced: own.session.must_change_password(),
        length_min,
        current: reading.hidden("current"),
        password: reading.hidden("password"),
        again: reading.hidden("again"),
        problems: reading.problems.clone(),
    };
    own.visitor.page(Area::Other, status, &page)
}

pub(crate) async fn get(own: OwnAccount) -> Response {
    page(&own, StatusCode::OK, &Reading::new(&Fields::default()))
}

pub(crate) async fn post(own: OwnAccount, Peer(peer): Peer, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    let (current, new) = (fields.exact("current"), fields.exact("password"));
    if current.is_empty() {
        reading.refuse("current", "required");
    }
    let session = &own.session;
    let context = [
        Some(session.username()),
        Some(session.display_name()),
        session.ente_name(),
        session.ente_code(),
        Some("noncello"),
    ];
    let context: Vec<&str> = context.into_iter().flatten().collect();
    let accepted = match AcceptedPassword::check(new, session.role(), &context) {
        Ok(accepted) => Some(accepted),
        Err(refusal) => {
            reading.refuse(
                "password",
                match refusal {
                    PasswordRefusal::TooShort { .. } => "password_short",
                    PasswordRefusal::TooLong => "password_long",
                    PasswordRefusal::Context => "password_context",
                    PasswordRefusal::Guessable => "password_weak",
                },
            );
            None
        }
    };
    if new == current && !new.is_empty() {
        reading.refuse("password", "password_same");
    }
    if new != fields.exact("again") {
        reading.refuse("again", "password_repeat");
    }
    if let (Some(accepted), true) = (accepted, reading.problems.is_empty()) {
        let mut chance = own.visitor.portal().chance();
        match own.store.change_password(session, current, accepted, peer, own.now, &mut chance).await {
            Ok(()) => return Ok(reply::see("/scrivania?password=cambiata")),
            Err(StoreError::Refused(Refused::Credentials | Refused::Throttled { .. })) => {
                reading.refuse("current", "password_wrong");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(page(&own, StatusCode::UNPROCESSABLE_ENTITY, &reading))
}
