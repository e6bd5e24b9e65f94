//! An account of the research area: a new one, and what who keeps it does to one that is there. A password made here is shown
//! once.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::OneTimePassword;
use templates::Page;

use super::accounts::{AccountCreated, refuse_account, state};
use super::id;
use super::research_accounts::{Keeps, path};
use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Outcome};
use crate::visitor::{ManageEnti, PlatformDesk, Release};

#[derive(Serialize)]
pub(crate) struct ResearchAccountPage {
    problems: Vec<Problem>,
    /// The code of its role.
    role: &'static str,
    path_list: &'static str,
    name: Field,
    username: Field,
    /// What is there already; `None` for a new account.
    known: Option<Known>,
}

#[derive(Serialize)]
struct Known {
    path: String,
    name: String,
    username: String,
    has_second_factor: bool,
    is_active: bool,
    state: &'static str,
}

impl Page for ResearchAccountPage {
    const TEMPLATE: &'static str = "pages/research_account.html";

    fn samples() -> Vec<Self> {
        let known = |state: &'static str, has_second_factor| Known {
            path: "/ricerca/partner/1".to_owned(),
            name: "Università di prova".to_owned(),
            username: "universita".to_owned(),
            has_second_factor,
            is_active: state != "suspended",
            state,
        };
        let taken = Problem { name: "username", code: "username_taken" };
        [
            ("university_partner", Release::PATH, Vec::new(), None),
            ("research_officer", ManageEnti::PATH, vec![taken], None),
            ("university_partner", Release::PATH, Vec::new(), Some(known("active", true))),
            ("research_officer", ManageEnti::PATH, Vec::new(), Some(known("must_change", false))),
            ("university_partner", Release::PATH, Vec::new(), Some(known("suspended", true))),
        ]
        .map(|(role, path_list, problems, known)| Self {
            username: Field { value: String::new(), error: problems.first().map(|problem| problem.code) },
            problems,
            role,
            path_list,
            name: Field::default(),
            known,
        })
        .into()
    }
}

fn page<K: Keeps>(desk: &PlatformDesk<K>, status: StatusCode, reading: &Reading<'_>, known: Option<Known>) -> Response {
    let page = ResearchAccountPage {
        problems: reading.problems.clone(),
        role: K::KIND.role().code(),
        path_list: K::PATH,
        name: reading.field("name"),
        username: reading.field("username"),
        known,
    };
    desk.visitor.page(K::AREA, status, &page)
}

/// The page that shows a new password.
fn shown<K: Keeps>(desk: &PlatformDesk<K>, name: String, username: String, password: &OneTimePassword) -> Response {
    let page = AccountCreated {
        ente: None,
        ente_code: None,
        name,
        username,
        password: password.expose().to_owned(),
        path_back: K::PATH.to_owned(),
    };
    page.answer(&desk.visitor, K::AREA)
}

pub(crate) async fn new<K: Keeps>(desk: PlatformDesk<K>) -> Response {
    page(&desk, StatusCode::OK, &Reading::new(&Fields::default()), None)
}

pub(crate) async fn create<K: Keeps>(desk: PlatformDesk<K>, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    let name = reading.required("name", 100);
    let username = reading.required("username", 64);
    if let (Some(name), Some(username), true) = (name, username, reading.is_fine()) {
        let mut chance = desk.visitor.portal().chance();
        let made =
            desk.store.create_research_account(&desk.scope, K::KIND, &username, &name, desk.now, &mut chance).await;
        match made {
            Ok((_, password)) => return Ok(shown(&desk, name, username, &password)),
            Err(error) => refuse_account(&mut reading, error)?,
        }
    }
    Ok(page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &reading, None))
}

pub(crate) async fn get<K: Keeps>(desk: PlatformDesk<K>, asked: Result<Path<String>, PathRejection>) -> Outcome {
    let account = desk.store.research_account(&desk.scope, K::KIND, id(asked)?).await?;
    let known = Known {
        path: path::<K>(account.id),
        state: state(&account),
        name: account.display_name,
        username: account.username,
        has_second_factor: account.has_second_factor,
        is_active: account.is_active,
    };
    Ok(page(&desk, StatusCode::OK, &Reading::new(&Fields::default()), Some(known)))
}

/// The list, which says what was done.
fn done<K: Keeps>(what: &str) -> Response {
    reply::see(&format!("{}?fatto={what}", K::PATH))
}

pub(crate) async fn suspend<K: Keeps>(desk: PlatformDesk<K>, asked: Result<Path<String>, PathRejection>) -> Outcome {
    desk.store.set_research_account_active(&desk.scope, K::KIND, id(asked)?, false, desk.now).await?;
    Ok(done::<K>("sospeso"))
}

pub(crate) async fn reactivate<K: Keeps>(desk: PlatformDesk<K>, asked: Result<Path<String>, PathRejection>) -> Outcome {
    desk.store.set_research_account_active(&desk.scope, K::KIND, id(asked)?, true, desk.now).await?;
    Ok(done::<K>("riattivato"))
}

pub(crate) async fn reset<K: Keeps>(desk: PlatformDesk<K>, asked: Result<Path<String>, PathRejection>) -> Outcome {
    let id = id(asked)?;
    let account = desk.store.research_account(&desk.scope, K::KIND, id).await?;
    let mut chance = desk.visitor.portal().chance();
    let password = desk.store.reset_research_password(&desk.scope, K::KIND, id, desk.now, &mut chance).await?;
    Ok(shown(&desk, account.display_name, account.username, &password))
}

pub(crate) async fn reset_second_factor<K: Keeps>(
    desk: PlatformDesk<K>,
    asked: Result<Path<String>, PathRejection>,
) -> Outcome {
    desk.store.reset_research_second_factor(&desk.scope, K::KIND, id(asked)?, desk.now).await?;
    Ok(done::<K>("senza-secondo-fattore"))
}
