//! Logging in through a gateway (SPID, CIE), linking what it says to one's account, and showing again who one is.
//!
//! The gateway sends the browser to a page that writes nothing and holds a form of ours; only that form, which passes the
//! guard of every other, has the code looked at. So no address opens a session, and the session's cookie stays out of
//! reach of other sites.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use store::{AccountId, GatewayIdentity, Refused, Session, StoreError};
use templates::{Area, Page};

use super::confirm::{Then, ours};
use super::login::{self, Problem, with_login_cookie};
use crate::cookies::{Cookie, login_token};
use crate::form::Fields;
use crate::gateway::{Flow, Gateway, GatewayError, Purpose, Returned};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{OwnAccount, Peer, Visitor};

/// What is sealed for the browser, by purpose.
const AT_THE_GATEWAY: &str = "at the gateway";
const TO_CHOOSE: &str = "to choose an account";
/// The gateway takes its time: people look for their phone.
const FLOW_FOR: Duration = Duration::minutes(15);
/// To choose one of one's accounts.
const CHOICE_FOR: Duration = Duration::minutes(5);

/// The form with which the browser brings the gateway's answer.
#[derive(Serialize)]
pub(crate) struct Arrival {
    csrf: String,
    gateway: String,
    code: String,
    state: String,
    issuer: String,
}

impl Page for Arrival {
    const TEMPLATE: &'static str = "pages/gateway_arrival.html";
    const SCRIPTS: &'static [&'static str] = &["arrival.js"];

    fn samples() -> Vec<Self> {
        let text = |text: &str| text.to_owned();
        vec![Self { csrf: text("0"), gateway: text("SPID o CIE"), code: text("c"), state: text("s"), issuer: text("") }]
    }
}

/// One's accounts, of which one is opened.
#[derive(Serialize)]
pub(crate) struct Choice {
    csrf: String,
    ticket: String,
    accounts: Vec<Choosable>,
}

#[derive(Serialize)]
struct Choosable {
    id: String,
    ente: Option<String>,
    name: String,
    role: &'static str,
}

impl Page for Choice {
    const TEMPLATE: &'static str = "pages/gateway_choice.html";

    fn samples() -> Vec<Self> {
        let account = |ente: Option<&str>, role| Choosable {
            id: "1".to_owned(),
            ente: ente.map(ToOwned::to_owned),
            name: "Anna Prova".to_owned(),
            role,
        };
        let accounts = vec![account(None, "research_officer"), account(Some("Ente di prova"), "operator")];
        vec![Self { csrf: "0".to_owned(), ticket: "00".to_owned(), accounts }]
    }
}

/// Who may choose, and in which browser.
#[derive(Serialize, Deserialize)]
struct Ticket {
    identity: GatewayIdentity,
    browser: String,
}

/// What the gateway puts into the address.
#[derive(Deserialize)]
pub(crate) struct Answer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

fn gateway_of(visitor: &Visitor) -> Result<&Gateway, Failure> {
    visitor.portal().gateway().ok_or(Failure::NotFound)
}

/// Sends the browser to the gateway.
async fn leave_for(visitor: &Visitor, headers: &HeaderMap, purpose: Purpose) -> Outcome {
    let portal = visitor.portal();
    let (gateway, store) = (gateway_of(visitor)?, portal.store().ok_or(Failure::NotFound)?);
    let now = portal.now();
    let (to, flow) = match gateway.begin(purpose, now, &mut portal.chance()).await {
        Ok(begun) => begun,
        Err(error) => return Ok(refused(visitor, headers, &error)),
    };
    let carried = store.carry(&flow, AT_THE_GATEWAY, now + FLOW_FOR, &mut portal.chance());
    let mut response = reply::see(&to);
    if let Some(header) = portal.cookies().set(Cookie::Gateway, &carried) {
        response.headers_mut().append(SET_COOKIE, header);
    }
    Ok(response)
}

/// The login form, which says that the gateway did not help.
fn refused(visitor: &Visitor, headers: &HeaderMap, error: &GatewayError) -> Response {
    match error {
        GatewayError::Unreachable(_) => {
            tracing::error!(%error, "the gateway cannot be used");
            login::with_problem(visitor, headers, StatusCode::BAD_GATEWAY, Problem::GatewaySilent)
        }
        GatewayError::NotBelieved(_) => {
            tracing::warn!(%error, "an answer of the gateway was refused");
            login::with_problem(visitor, headers, StatusCode::UNAUTHORIZED, Problem::GatewayRefused)
        }
    }
}

pub(crate) async fn enter(visitor: Visitor, headers: HeaderMap) -> Outcome {
    leave_for(&visitor, &headers, Purpose::Enter).await
}

pub(crate) async fn link(own: OwnAccount, headers: HeaderMap) -> Outcome {
    leave_for(&own.visitor, &headers, Purpose::Link { session: own.session.id().to_string() }).await
}

pub(crate) async fn confirm(own: OwnAccount, headers: HeaderMap, then: Result<Query<Then>, QueryRejection>) -> Outcome {
    let then = then.ok().and_then(|Query(then)| then.poi).unwrap_or_default();
    let purpose = Purpose::Confirm { session: own.session.id().to_string(), then: ours(&then).to_owned() };
    leave_for(&own.visitor, &headers, purpose).await
}

/// Where the gateway sends the browser back to: nothing is looked at yet.
pub(crate) async fn arrive(
    visitor: Visitor,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Outcome {
    let gateway = gateway_of(&visitor)?;
    let Ok(Query(Answer { code, state, iss, error })) = answer else { return Err(Failure::BadRequest) };
    let (Some(code), Some(state), None) = (code, state, error) else {
        // Whoever thought better of it is not told of an error.
        return Ok(login::with_problem(&visitor, &headers, StatusCode::OK, Problem::GatewayLeft));
    };
    Ok(with_login_cookie(&visitor, &headers, |csrf| {
        let gateway = gateway.name().to_owned();
        let page = Arrival { csrf, gateway, code, state, issuer: iss.unwrap_or_default() };
        visitor.page(Area::Login, StatusCode::OK, &page)
    }))
}

/// Has the gateway's answer looked at, and does what the browser had been sent there for.
pub(crate) async fn finish(visitor: Visitor, headers: HeaderMap, Peer(peer): Peer, fields: Fields) -> Outcome {
    let portal = visitor.portal();
    let (gateway, store) = (gateway_of(&visitor)?, portal.store().ok_or(Failure::NotFound)?);
    let now = portal.now();
    let carried = portal.cookies().read(&headers, Cookie::Gateway);
    let flow = carried.and_then(|text| store.carried::<Flow>(text, AT_THE_GATEWAY, now));
    let Some(flow) = flow else {
        return Ok(login::with_problem(&visitor, &headers, StatusCode::UNAUTHORIZED, Problem::GatewayRefused));
    };
    match store.reserve_gateway_attempt(peer, now).await {
        Ok(()) => {}
        Err(StoreError::Refused(Refused::Throttled { .. })) => {
            return Ok(login::with_problem(&visitor, &headers, StatusCode::UNAUTHORIZED, Problem::GatewayRefused));
        }
        Err(error) => return Err(error.into()),
    }
    let issuer = Some(fields.get("issuer")).filter(|issuer| !issuer.is_empty());
    let returned = Returned { code: fields.exact("code"), state: fields.exact("state"), issuer };
    let identity = match gateway.finish(&flow, returned, now).await {
        Ok(identity) => identity,
        Err(error) => return Ok(done_there(&visitor, refused(&visitor, &headers, &error))),
    };
    let answer = match flow.purpose {
        Purpose::Enter => open(&visitor, &headers, peer, &identity).await?,
        Purpose::Link { session } => {
            store.link_gateway(same_session(&visitor, &session)?, &identity, now).await?;
            store.forgive_gateway_attempt(peer, now).await?;
            reply::see("/account?fatto=collegato")
        }
        Purpose::Confirm { session, then } => {
            match store.confirm_by_gateway(same_session(&visitor, &session)?, &identity, now).await {
                Ok(()) => {
                    store.forgive_gateway_attempt(peer, now).await?;
                    reply::see(ours(&then))
                }
                Err(StoreError::Refused(Refused::Credentials)) => return Err(Failure::BadRequest),
                Err(error) => return Err(error.into()),
            }
        }
    };
    Ok(done_there(&visitor, answer))
}

/// The visitor's session, if it is the one that the browser was sent away with.
fn same_session<'a>(visitor: &'a Visitor, id: &str) -> Result<&'a Session, Failure> {
    visitor.session().filter(|own| own.id().to_string() == id).ok_or(Failure::Refused(Refused::NoSession))
}

/// The same answer, after which the browser carries nothing of the gateway any more.
fn done_there(visitor: &Visitor, mut answer: Response) -> Response {
    if let Some(header) = visitor.portal().cookies().clear(Cookie::Gateway) {
        answer.headers_mut().append(SET_COOKIE, header);
    }
    answer
}

/// Opens the one account of an identity, or asks which.
async fn open(
    visitor: &Visitor,
    headers: &HeaderMap,
    peer: std::net::IpAddr,
    identity: &GatewayIdentity,
) -> Result<Response, Failure> {
    let portal = visitor.portal();
    let store = portal.store().ok_or(Failure::NotFound)?;
    let accounts = match store.gateway_accounts(identity, portal.now()).await {
        Ok(accounts) => accounts,
        Err(StoreError::Refused(Refused::Credentials)) => {
            return Ok(login::with_problem(visitor, headers, StatusCode::UNAUTHORIZED, Problem::GatewayUnknown));
        }
        Err(error) => return Err(error.into()),
    };
    if let [account] = accounts.as_slice() {
        return log_in(visitor, headers, peer, identity, account.id).await;
    }
    let Some(browser) = portal.cookies().read(headers, Cookie::Login).map(login_token) else {
        return Err(Failure::BadRequest);
    };
    let ticket = Ticket { identity: identity.clone(), browser: browser.clone() };
    let page = Choice {
        csrf: browser,
        ticket: store.carry(&ticket, TO_CHOOSE, portal.now() + CHOICE_FOR, &mut portal.chance()),
        accounts: accounts
            .into_iter()
            .map(|account| Choosable {
                id: account.id.to_string(),
                ente: account.ente_name,
                name: account.display_name,
                role: account.role.code(),
            })
            .collect(),
    };
    Ok(visitor.page(Area::Login, StatusCode::OK, &page))
}

pub(crate) async fn choose(visitor: Visitor, headers: HeaderMap, Peer(peer): Peer, fields: Fields) -> Outcome {
    let portal = visitor.portal();
    gateway_of(&visitor)?;
    let store = portal.store().ok_or(Failure::NotFound)?;
    let ticket: Option<Ticket> = store.carried(fields.get("ticket"), TO_CHOOSE, portal.now());
    let browser = portal.cookies().read(&headers, Cookie::Login).map(login_token);
    let ticket = ticket.filter(|ticket| Some(&ticket.browser) == browser.as_ref());
    let account: Option<AccountId> = fields.get("account").parse().ok();
    let (Some(ticket), Some(account)) = (ticket, account) else {
        return Ok(login::with_problem(&visitor, &headers, StatusCode::UNAUTHORIZED, Problem::GatewayRefused));
    };
    log_in(&visitor, &headers, peer, &ticket.identity, account).await
}

async fn log_in(
    visitor: &Visitor,
    headers: &HeaderMap,
    peer: std::net::IpAddr,
    identity: &GatewayIdentity,
    account: AccountId,
) -> Outcome {
    let portal = visitor.portal();
    let store = portal.store().ok_or(Failure::NotFound)?;
    match store.login_by_gateway(identity, account, peer, portal.now(), &mut portal.chance()).await {
        Ok(new) => Ok(login::entered(visitor, &new)),
        Err(StoreError::Refused(Refused::Credentials)) => {
            Ok(login::with_problem(visitor, headers, StatusCode::UNAUTHORIZED, Problem::GatewayUnknown))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn unlink(own: OwnAccount) -> Outcome {
    own.store.unlink_gateway(&own.session, own.now).await?;
    Ok(reply::see("/account?fatto=scollegato"))
}
