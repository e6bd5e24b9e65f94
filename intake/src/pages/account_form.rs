//! The form of an account: a new one, and what an administrator may change of one that is there.

use std::collections::BTreeSet;
use std::fmt::Display;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use domain::feed::UnitaId;
use serde::Serialize;
use store::{AccountChange, AccountId, NewAccount, Reach, Right, Role, Unita};
use templates::{Area, Page};

use super::account::SessionView;
use super::accounts::{created, path, refuse_account};
use super::id;
use super::tokens::TokenView;
use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, ManageAccounts};

/// What an Ente administrator can make.
const ROLES: [Role; 4] = [Role::Operator, Role::Manager, Role::Analyst, Role::EnteAdministrator];

/// A choice with a name of its own.
#[derive(Clone, Serialize)]
pub(crate) struct Choice {
    pub(crate) code: String,
    pub(crate) text: String,
}

impl Choice {
    pub(crate) fn new(id: impl Display, name: &str) -> Self {
        Self { code: id.to_string(), text: name.to_owned() }
    }
}

#[derive(Serialize)]
pub(crate) struct AccountForm {
    problems: Vec<Problem>,
    roles: Vec<&'static str>,
    reaches: Vec<&'static str>,
    unita: Vec<Choice>,
    form: Form,
    /// What is there already; `None` for a new account.
    known: Option<Known>,
}

#[derive(Default, Serialize)]
struct Form {
    name: Field,
    username: Field,
    role: Field,
    unita: Field,
    reach: Field,
    rights: Vec<Ticked>,
    /// Who somebody is to the gateway: typed, never shown again.
    subject: Field,
}

/// A right that may be given, and whether it is.
#[derive(Serialize)]
struct Ticked {
    code: &'static str,
    is_ticked: bool,
}

#[derive(Serialize)]
struct Known {
    path: String,
    name: String,
    username: String,
    role: &'static str,
    is_self: bool,
    is_active: bool,
    is_operator: bool,
    has_second_factor: bool,
    /// How people call the gateway, where there is one.
    gateway: Option<String>,
    is_gateway_linked: bool,
    sessions: Vec<SessionView>,
    tokens: Vec<TokenView>,
}

impl Page for AccountForm {
    const TEMPLATE: &'static str = "pages/account_form.html";

    fn samples() -> Vec<Self> {
        let known = |is_self, is_active, is_operator, has_second_factor| Known {
            path: "/operatori/1".to_owned(),
            name: "Anna Prova".to_owned(),
            username: "anna".to_owned(),
            role: "operator",
            is_self,
            is_active,
            is_operator,
            has_second_factor,
            gateway: (!is_self).then(|| "SPID o CIE".to_owned()),
            is_gateway_linked: has_second_factor,
            sessions: if is_active { vec![SessionView::sample(false)] } else { Vec::new() },
            tokens: if is_operator { TokenView::samples() } else { Vec::new() },
        };
        let problem = Problem { name: "username", code: "username_taken" };
        [
            (None, vec![problem]),
            (Some(known(true, true, false, true)), vec![]),
            (Some(known(false, false, true, false)), vec![]),
            (Some(known(false, true, true, true)), vec![]),
            (Some(known(false, true, true, false)), vec![]),
        ]
        .map(|(known, problems)| Self {
            problems,
            roles: ROLES.map(Role::code).into(),
            reaches: Reach::ALL.map(Reach::code).into(),
            unita: vec![Choice::new(1, "Sacile")],
            form: Form { rights: vec![Ticked { code: "extract_pseudonymous", is_ticked: true }], ..Form::default() },
            known,
        })
        .into()
    }
}

/// The rights that an account may be given, with those of a form or of an account ticked.
fn ticked(given: impl Fn(&str) -> bool) -> Vec<Ticked> {
    let codes = Right::GRANTED.into_iter().filter_map(Right::code);
    codes.map(|code| Ticked { code, is_ticked: given(code) }).collect()
}

/// The unità that a form names.
fn read_unita(reading: &mut Reading<'_>, fields: &Fields, unita: &[Unita]) -> Option<UnitaId> {
    let given = fields.get("unita");
    let found = unita.iter().find(|one| one.id.to_string() == given).map(|one| one.id);
    if found.is_none() && !given.is_empty() {
        reading.refuse("unita", "choice");
    }
    found
}

async fn page(
    desk: &Desk<ManageAccounts>,
    status: StatusCode,
    problems: Vec<Problem>,
    form: Form,
    known: Option<Known>,
) -> Outcome {
    // One that has ended is offered to whoever belongs to it still.
    let (today, all) = (desk.today(), desk.store.unita(&desk.scope).await?);
    let unita = all.iter().filter(|one| one.is_open(today) || one.id.to_string() == form.unita.value);
    let page = AccountForm {
        problems,
        roles: ROLES.map(Role::code).into(),
        reaches: Reach::ALL.map(Reach::code).into(),
        unita: unita.map(|one| Choice::new(one.id, &one.name)).collect(),
        form,
        known,
    };
    Ok(desk.visitor.page(Area::Operatori, status, &page))
}

fn as_sent(reading: &Reading<'_>, fields: &Fields) -> Form {
    Form {
        name: reading.field("name"),
        username: reading.field("username"),
        role: reading.field("role"),
        unita: reading.field("unita"),
        reach: reading.field("reach"),
        rights: ticked(|code| fields.all("rights").any(|given| given == code)),
        subject: Field::default(),
    }
}

pub(crate) async fn new(desk: Desk<ManageAccounts>) -> Outcome {
    let form = Form { reach: Field::new(Reach::Ente.code()), ..Form::default() };
    page(&desk, StatusCode::OK, Vec::new(), form, None).await
}

pub(crate) async fn create(desk: Desk<ManageAccounts>, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    let display_name = reading.required("name", 100);
    let username = reading.required("username", 64);
    let role = reading.required_code("role", |code| ROLES.into_iter().find(|role| role.code() == code));
    let reach = reading.code("reach", Reach::from_code).unwrap_or(Reach::Ente);
    let known_unita = desk.store.unita(&desk.scope).await?;
    let unita = read_unita(&mut reading, &fields, &known_unita);
    if let (Some(display_name), Some(username), Some(role), true) =
        (display_name, username, role, reading.problems.is_empty())
    {
        let new = NewAccount { username, display_name, role, unita, reach };
        match desk.store.create_account(&desk.scope, &new, desk.now, &mut desk.portal().chance()).await {
            Ok((_, password)) => return Ok(created(&desk, new.display_name, new.username, &password)),
            Err(error) => refuse_account(&mut reading, error)?,
        }
    }
    let form = as_sent(&reading, &fields);
    page(&desk, StatusCode::UNPROCESSABLE_ENTITY, reading.problems.clone(), form, None).await
}

async fn known(desk: &Desk<ManageAccounts>, account: AccountId) -> Result<(Known, Form), Failure> {
    let found = desk.store.account(&desk.scope, account).await?;
    let sessions = desk.store.sessions_of(&desk.scope, account, desk.now).await?;
    let tokens = desk.store.tokens_of(&desk.scope, account, desk.now).await?;
    let under = path(account);
    let form = Form {
        name: Field::new(found.display_name.clone()),
        username: Field::new(found.username.clone()),
        role: Field::new(found.role.code()),
        unita: Field::new(found.unita.map(|unita| unita.to_string()).unwrap_or_default()),
        reach: Field::new(found.reach.code()),
        rights: ticked(|code| Right::from_code(code).is_some_and(|right| found.granted.contains(&right))),
        subject: Field::default(),
    };
    let known = Known {
        sessions: sessions.iter().map(|row| SessionView::of(row, &under, desk.session.id())).collect(),
        tokens: tokens.iter().map(|row| TokenView::of(row, &under)).collect(),
        path: under,
        name: found.display_name,
        username: found.username,
        role: found.role.code(),
        is_self: account == desk.session.account(),
        is_active: found.is_active,
        is_operator: found.role == Role::Operator,
        has_second_factor: found.has_second_factor,
        gateway: desk.portal().gateway().map(|gateway| gateway.name().to_owned()),
        is_gateway_linked: found.is_gateway_linked,
    };
    Ok((known, form))
}

pub(crate) async fn edit(desk: Desk<ManageAccounts>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let (known, form) = known(&desk, id(path)?).await?;
    page(&desk, StatusCode::OK, Vec::new(), form, Some(known)).await
}

pub(crate) async fn update(
    desk: Desk<ManageAccounts>,
    path: Result<Path<String>, PathRejection>,
    fields: Fields,
) -> Outcome {
    let account = id(path)?;
    let (known, _) = known(&desk, account).await?;
    let mut reading = Reading::new(&fields);
    let display_name = reading.required("name", 100);
    let reach = reading.code("reach", Reach::from_code).unwrap_or(Reach::Ente);
    let known_unita = desk.store.unita(&desk.scope).await?;
    let unita = read_unita(&mut reading, &fields, &known_unita);
    let rights: Option<BTreeSet<Right>> = fields.all("rights").map(Right::from_code).collect();
    let granted = rights.ok_or(Failure::BadRequest)?;
    if let (Some(display_name), true) = (display_name, reading.problems.is_empty()) {
        let change = AccountChange { display_name, unita, reach, granted };
        match desk.store.update_account(&desk.scope, account, &change, desk.now).await {
            Ok(()) => return Ok(reply::see("/operatori?fatto=cambiato")),
            Err(error) => refuse_account(&mut reading, error)?,
        }
    }
    let form = as_sent(&reading, &fields);
    page(&desk, StatusCode::UNPROCESSABLE_ENTITY, reading.problems.clone(), form, Some(known)).await
}
