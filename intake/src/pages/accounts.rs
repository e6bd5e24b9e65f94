//! The accounts of an Ente: who may log in. A password made here is shown once.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use store::{Account, AccountId, OneTimePassword, Refused, StoreError, Unita};
use templates::{Area, Page};

use super::id;
use crate::form::{Fields, Reading};
use crate::papers;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, ManageAccounts, Visitor};

/// Characters of a search.
const SEARCH_MAX: usize = 100;

#[derive(Serialize)]
pub(crate) struct Accounts {
    done: Option<&'static str>,
    /// What was searched for; empty for everybody.
    searched: String,
    count_all: usize,
    accounts: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    path: String,
    name: String,
    username: String,
    role: &'static str,
    unita: Option<String>,
    reach: &'static str,
    rights: Vec<&'static str>,
    has_second_factor: bool,
    state: &'static str,
    is_self: bool,
}

impl Page for Accounts {
    const TEMPLATE: &'static str = "pages/accounts.html";

    fn samples() -> Vec<Self> {
        let row = |role, state, is_self: bool| Row {
            path: "/operatori/1".to_owned(),
            name: "Anna Prova".to_owned(),
            username: "anna".to_owned(),
            role,
            unita: is_self.then(|| "Sacile".to_owned()),
            reach: "unita",
            rights: vec!["extract_pseudonymous"],
            has_second_factor: is_self,
            state,
            is_self,
        };
        [
            None,
            Some("suspended"),
            Some("active"),
            Some("changed"),
            Some("second_factor"),
            Some("gateway"),
            Some("sessions"),
        ]
        .map(|done| Self {
            done,
            searched: if done.is_some() { "anna".to_owned() } else { String::new() },
            count_all: 9,
            accounts: vec![
                row("ente_administrator", "active", true),
                row("operator", "must_change", false),
                row("analyst", "suspended", false),
            ],
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

fn row(account: &Account, own: AccountId, unita: &[Unita]) -> Row {
    Row {
        path: path(account.id),
        name: account.display_name.clone(),
        username: account.username.clone(),
        role: account.role.code(),
        unita: unita.iter().find(|one| Some(one.id) == account.unita).map(|one| one.name.clone()),
        reach: account.reach.code(),
        rights: account.granted.iter().filter_map(|right| right.code()).collect(),
        has_second_factor: account.has_second_factor,
        state: state(account),
        is_self: account.id == own,
    }
}

/// The code of an account's state.
pub(crate) const fn state(account: &Account) -> &'static str {
    match (account.is_active, account.must_change) {
        (false, _) => "suspended",
        (true, true) => "must_change",
        (true, false) => "active",
    }
}

async fn page(desk: &Desk<ManageAccounts>, done: Option<&'static str>, searched: &str) -> Result<Accounts, Failure> {
    let all = desk.store.accounts(&desk.scope).await?;
    let unita = desk.store.unita(&desk.scope).await?;
    let found = all.iter().filter(|account| account.is_named(searched));
    let accounts = found.map(|account| row(account, desk.session.account(), &unita)).collect();
    Ok(Accounts { done, searched: searched.to_owned(), count_all: all.len(), accounts })
}

#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    fatto: Option<String>,
    #[serde(default)]
    cerca: String,
}

pub(crate) async fn get(desk: Desk<ManageAccounts>, asked: Result<Query<Asked>, QueryRejection>) -> Outcome {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let done = match asked.fatto.as_deref() {
        Some("sospeso") => Some("suspended"),
        Some("riattivato") => Some("active"),
        Some("cambiato") => Some("changed"),
        Some("senza-secondo-fattore") => Some("second_factor"),
        Some("gateway") => Some("gateway"),
        Some("sessioni") => Some("sessions"),
        Some(_) | None => None,
    };
    let searched: String = asked.cerca.trim().chars().take(SEARCH_MAX).collect();
    let page = page(&desk, done, &searched).await?;
    Ok(desk.visitor.page(Area::Operatori, StatusCode::OK, &page))
}

/// Who can do what, as a table to keep: the same rows as the page without a search.
pub(crate) async fn list(desk: Desk<ManageAccounts>) -> Outcome {
    let rows = page(&desk, None, "").await?.accounts;
    let words = |kind: &str, code: &str| templates::term(kind, code).unwrap_or_default();
    let head = ["nome", "nome_utente", "ruolo", "unita", "vede", "diritti_in_piu", "secondo_fattore", "stato"];
    let lines = rows.iter().map(|row| {
        let rights: Vec<&str> = row.rights.iter().map(|code| words("right", code)).collect();
        [
            row.name.clone(),
            row.username.clone(),
            words("role", row.role).to_owned(),
            row.unita.clone().unwrap_or_default(),
            words("reach", row.reach).to_owned(),
            rights.join("; "),
            if row.has_second_factor { "sì" } else { "no" }.to_owned(),
            words("account_state", row.state).to_owned(),
        ]
    });
    reply::csv("account.csv", &head, lines)
}

/// Who can do what, on paper, to be checked and signed.
pub(crate) async fn list_pdf(desk: Desk<ManageAccounts>) -> Outcome {
    let accounts = desk.store.accounts(&desk.scope).await?;
    let unita = desk.store.unita(&desk.scope).await?;
    let portal = desk.portal();
    let paper = papers::accounts_list(papers::issue(portal, &desk.session, desk.now), &accounts, &unita);
    reply::file("account.pdf", "application/pdf", papers::print(portal, paper).await?)
}

/// The field of an account's form that a rule speaks of.
fn account_problem(refused: &Refused) -> Option<(&'static str, &'static str)> {
    if *refused == Refused::UsernameTaken {
        Some(("username", "username_taken"))
    } else if *refused == Refused::UsernameForm {
        Some(("username", "username_form"))
    } else if *refused == Refused::Reach {
        Some(("reach", "reach"))
    } else {
        matches!(refused, Refused::TextForm(_)).then_some(("name", "text"))
    }
}

/// Notes what the store refuses of an account at the field that it speaks of.
pub(crate) fn refuse_account(reading: &mut Reading<'_>, error: StoreError) -> Result<(), Failure> {
    if let StoreError::Refused(refused) = &error
        && let Some((name, code)) = account_problem(refused)
    {
        reading.refuse(name, code);
        return Ok(());
    }
    Err(error.into())
}

pub(crate) fn created(
    desk: &Desk<ManageAccounts>,
    name: String,
    username: String,
    password: &OneTimePassword,
) -> Response {
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

pub(crate) async fn reset_second_factor(
    desk: Desk<ManageAccounts>,
    path: Result<Path<String>, PathRejection>,
) -> Outcome {
    desk.store.reset_second_factor(&desk.scope, id(path)?, desk.now).await?;
    Ok(reply::see("/operatori?fatto=senza-secondo-fattore"))
}

/// Links the identity that a form names to an account, or takes the linked one away where it names none.
pub(crate) async fn set_gateway(
    desk: Desk<ManageAccounts>,
    path: Result<Path<String>, PathRejection>,
    fields: Fields,
) -> Outcome {
    let account = id(path)?;
    let gateway = desk.portal().gateway().ok_or(Failure::NotFound)?;
    let subject = fields.get("subject");
    let identity =
        if subject.is_empty() { None } else { Some(gateway.identity(subject).map_err(|_| Failure::BadRequest)?) };
    desk.store.set_gateway_of(&desk.scope, account, identity.as_ref(), desk.now).await?;
    Ok(reply::see("/operatori?fatto=gateway"))
}

pub(crate) async fn end_sessions(desk: Desk<ManageAccounts>, path: Result<Path<String>, PathRejection>) -> Outcome {
    desk.store.end_sessions_of(&desk.scope, id(path)?, desk.now).await?;
    Ok(reply::see("/operatori?fatto=sessioni"))
}
