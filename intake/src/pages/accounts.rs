//! The accounts of an Ente: who may log in. A password made here is shown once.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use store::{Account, AccountId, NewAccount, OneTimePassword, Refused, Role, StoreError};
use templates::{Area, Page};

use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, ManageAccounts, Visitor};

/// What an Ente administrator can make.
const ROLES: [Role; 4] = [Role::Operator, Role::Manager, Role::Analyst, Role::EnteAdministrator];

#[derive(Serialize)]
pub(crate) struct Accounts {
    problems: Vec<Problem>,
    done: Option<&'static str>,
    accounts: Vec<Row>,
    form: AccountForm,
    roles: Vec<&'static str>,
}

#[derive(Default, Serialize)]
struct AccountForm {
    name: Field,
    username: Field,
    role: Field,
}

#[derive(Serialize)]
struct Row {
    path: String,
    name: String,
    username: String,
    role: &'static str,
    state: &'static str,
    is_self: bool,
}

impl Page for Accounts {
    const TEMPLATE: &'static str = "pages/accounts.html";

    fn samples() -> Vec<Self> {
        let row = |role, state, is_self| Row {
            path: "/operatori/1".to_owned(),
            name: "Anna Prova".to_owned(),
            username: "anna".to_owned(),
            role,
            state,
            is_self,
        };
        let rows = || {
            vec![
                row("ente_administrator", "active", true),
                row("operator", "must_change", false),
                row("analyst", "suspended", false),
            ]
        };
        let problem = Problem { name: "username", code: "username_taken" };
        [(None, Vec::new()), (Some("suspended"), vec![problem]), (Some("active"), Vec::new())]
            .map(|(done, problems)| Self {
                problems,
                done,
                accounts: rows(),
                form: AccountForm::default(),
                roles: ROLES.map(Role::code).into(),
            })
            .into()
    }
}

/// The page that shows a new password, once.
#[derive(Serialize)]
pub(crate) struct AccountCreated {
    pub(crate) ente: Option<String>,
    pub(crate) ente_code: Option<String>,
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) path_back: String,
}

impl AccountCreated {
    pub(crate) fn answer(self, visitor: &Visitor, area: Area) -> Response {
        visitor.page(area, StatusCode::OK, &self)
    }
}

impl Page for AccountCreated {
    const TEMPLATE: &'static str = "pages/account_created.html";

    fn samples() -> Vec<Self> {
        [None, Some("pordenone-demo".to_owned())]
            .map(|ente_code| Self {
                ente: ente_code.clone(),
                ente_code,
                name: "Anna Prova".to_owned(),
                username: "anna".to_owned(),
                password: "una-due-tre-quattro".to_owned(),
                path_back: "/operatori".to_owned(),
            })
            .into()
    }
}

/// The page of an account, under which its actions stand.
pub(crate) fn path(id: AccountId) -> String {
    format!("/operatori/{id}")
}

/// The account of a path.
pub(crate) fn id(path: Result<Path<String>, PathRejection>) -> Result<AccountId, Failure> {
    path.ok().and_then(|Path(text)| text.parse().ok()).ok_or(Failure::NotFound)
}

async fn page(
    desk: &Desk<ManageAccounts>,
    status: StatusCode,
    reading: &Reading<'_>,
    done: Option<&'static str>,
) -> Outcome {
    let accounts = desk.store.accounts(&desk.scope).await?;
    let page = Accounts {
        problems: reading.problems.clone(),
        done,
        accounts: accounts.iter().map(|account| row(account, desk.session.account())).collect(),
        form: AccountForm {
            name: reading.field("name"),
            username: reading.field("username"),
            role: reading.field("role"),
        },
        roles: ROLES.map(Role::code).into(),
    };
    Ok(desk.visitor.page(Area::Operatori, status, &page))
}

fn row(account: &Account, own: AccountId) -> Row {
    Row {
        path: path(account.id),
        name: account.display_name.clone(),
        username: account.username.clone(),
        role: account.role.code(),
        state: match (account.is_active, account.must_change) {
            (false, _) => "suspended",
            (true, true) => "must_change",
            (true, false) => "active",
        },
        is_self: account.id == own,
    }
}

#[derive(Deserialize)]
pub(crate) struct Done {
    fatto: Option<String>,
}

pub(crate) async fn get(desk: Desk<ManageAccounts>, done: Result<Query<Done>, QueryRejection>) -> Outcome {
    let done = match done.ok().and_then(|Query(done)| done.fatto).as_deref() {
        Some("sospeso") => Some("suspended"),
        Some("riattivato") => Some("active"),
        Some(_) | None => None,
    };
    page(&desk, StatusCode::OK, &Reading::new(&Fields::default()), done).await
}

pub(crate) async fn create(desk: Desk<ManageAccounts>, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    let display_name = reading.required("name", 100);
    let username = reading.required("username", 64);
    let role = reading.code("role", |code| ROLES.into_iter().find(|role| role.code() == code));
    if role.is_none() && fields.get("role").is_empty() {
        reading.refuse("role", "required");
    }
    if let (Some(display_name), Some(username), Some(role), true) =
        (display_name, username, role, reading.problems.is_empty())
    {
        let new = NewAccount { username, display_name, role, unita: None };
        match desk.store.create_account(&desk.scope, &new, desk.now, &mut desk.portal().chance()).await {
            Ok((_, password)) => return Ok(created(&desk, new.display_name, new.username, &password)),
            Err(StoreError::Refused(refused)) => match account_problem(&refused) {
                Some((name, code)) => reading.refuse(name, code),
                None => return Err(Failure::Refused(refused)),
            },
            Err(error) => return Err(error.into()),
        }
    }
    page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &reading, None).await
}

/// The field of an account's form that a rule speaks of.
pub(crate) fn account_problem(refused: &Refused) -> Option<(&'static str, &'static str)> {
    if *refused == Refused::UsernameTaken {
        Some(("username", "username_taken"))
    } else if *refused == Refused::UsernameForm {
        Some(("username", "username_form"))
    } else {
        matches!(refused, Refused::TextForm(_)).then_some(("name", "text"))
    }
}

fn created(desk: &Desk<ManageAccounts>, name: String, username: String, password: &OneTimePassword) -> Response {
    let page = AccountCreated {
        ente: desk.session.ente_name().map(ToOwned::to_owned),
        ente_code: desk.session.ente_code().map(ToOwned::to_owned),
        name,
        username,
        password: password.expose().to_owned(),
        path_back: "/operatori".to_owned(),
    };
    page.answer(&desk.visitor, Area::Operatori)
}

async fn set_active(
    desk: &Desk<ManageAccounts>,
    path: Result<Path<String>, PathRejection>,
    is_active: bool,
) -> Outcome {
    desk.store.set_account_active(&desk.scope, id(path)?, is_active, desk.now).await?;
    Ok(reply::see(if is_active { "/operatori?fatto=riattivato" } else { "/operatori?fatto=sospeso" }))
}

pub(crate) async fn suspend(desk: Desk<ManageAccounts>, path: Result<Path<String>, PathRejection>) -> Outcome {
    set_active(&desk, path, false).await
}

pub(crate) async fn reactivate(desk: Desk<ManageAccounts>, path: Result<Path<String>, PathRejection>) -> Outcome {
    set_active(&desk, path, true).await
}

pub(crate) async fn reset(desk: Desk<ManageAccounts>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let id = id(path)?;
    let account = desk.store.account(&desk.scope, id).await?;
    let password = desk.store.reset_password(&desk.scope, id, desk.now, &mut desk.portal().chance()).await?;
    Ok(created(&desk, account.display_name, account.username, &password))
}
