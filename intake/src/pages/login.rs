//! Logging in and out. Every failure says the same, so that nobody learns which accounts there are.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use store::{Credentials, NewSession, Refused, StoreError};
use templates::{Area, Page};

use crate::cookies::{self, Cookie};
use crate::form::{Field, Fields};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{AnySession, Peer, Visitor};

/// What the login form has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Problem {
    /// Ente, username and password did not open anything.
    Refused,
    /// A page wants a session, and there is none any more.
    Expired,
    /// The session was closed.
    Ended,
    /// Whoever was at the gateway came back without an identity.
    GatewayLeft,
    /// The gateway does not answer.
    GatewaySilent,
    /// What the gateway said is not believed.
    GatewayRefused,
    /// The identity is linked to no account.
    GatewayUnknown,
}

#[derive(Serialize)]
pub(crate) struct Login {
    csrf: String,
    problem: Option<Problem>,
    /// How people call the gateway, where there is one.
    gateway: Option<String>,
    ente: Field,
    username: Field,
    password: Field,
}

impl Page for Login {
    const TEMPLATE: &'static str = "pages/login.html";

    fn samples() -> Vec<Self> {
        let all = [
            Problem::Refused,
            Problem::Expired,
            Problem::Ended,
            Problem::GatewayLeft,
            Problem::GatewaySilent,
            Problem::GatewayRefused,
            Problem::GatewayUnknown,
        ];
        std::iter::once(None)
            .chain(all.map(Some))
            .map(|problem| Self {
                csrf: "0".to_owned(),
                problem,
                gateway: (problem != Some(Problem::Expired)).then(|| "SPID o CIE".to_owned()),
                ente: Field::new("pordenone-demo"),
                username: Field::new("anna"),
                password: Field::default(),
            })
            .collect()
    }
}

#[derive(Deserialize)]
pub(crate) struct Why {
    motivo: Option<String>,
}

pub(crate) async fn get(visitor: Visitor, headers: HeaderMap, why: Result<Query<Why>, QueryRejection>) -> Response {
    if visitor.session().is_some() {
        return reply::see("/scrivania");
    }
    let problem = match why.ok().and_then(|Query(why)| why.motivo).as_deref() {
        Some("scaduta") => Some(Problem::Expired),
        Some("uscita") => Some(Problem::Ended),
        Some(_) | None => None,
    };
    form(&visitor, &headers, StatusCode::OK, problem, &Fields::default())
}

/// The form, with what there is to say and nothing filled in.
pub(crate) fn with_problem(visitor: &Visitor, headers: &HeaderMap, status: StatusCode, problem: Problem) -> Response {
    form(visitor, headers, status, Some(problem), &Fields::default())
}

/// The form, tied to the browser by a cookie.
fn form(
    visitor: &Visitor,
    headers: &HeaderMap,
    status: StatusCode,
    problem: Option<Problem>,
    fields: &Fields,
) -> Response {
    with_login_cookie(visitor, headers, |csrf| {
        let page = Login {
            csrf,
            problem,
            gateway: visitor.portal().gateway().map(|gateway| gateway.name().to_owned()),
            ente: Field::new(fields.get("ente")),
            username: Field::new(fields.get("username")),
            password: Field::default(),
        };
        visitor.page(Area::Login, status, &page)
    })
}

/// A page with a form for whoever is not logged in: tied to the browser that asks for it by a cookie, and by the token that
/// the form carries.
pub(crate) fn with_login_cookie(
    visitor: &Visitor,
    headers: &HeaderMap,
    page: impl FnOnce(String) -> Response,
) -> Response {
    let cookies = visitor.portal().cookies();
    let kept = cookies.read(headers, Cookie::Login).filter(|value| value.len() == 64).map(ToOwned::to_owned);
    let value = kept.unwrap_or_else(|| cookies::login_value(&mut visitor.portal().chance()));
    let mut response = page(cookies::login_token(&value));
    if let Some(header) = cookies.set(Cookie::Login, &value) {
        response.headers_mut().append(SET_COOKIE, header);
    }
    response
}

pub(crate) async fn post(visitor: Visitor, headers: HeaderMap, Peer(peer): Peer, fields: Fields) -> Outcome {
    let portal = visitor.portal();
    let store = portal.store().ok_or(Failure::NotFound)?;
    let ente = fields.get("ente").to_lowercase();
    let credentials = Credentials {
        ente: (!ente.is_empty()).then_some(ente.as_str()),
        username: fields.get("username"),
        password: fields.exact("password"),
        peer,
    };
    let new = match store.login(credentials, portal.now(), &mut portal.chance()).await {
        Ok(new) => new,
        Err(StoreError::Refused(
            Refused::Credentials | Refused::Throttled { .. } | Refused::OneTimePasswordExpired,
        )) => return Ok(form(&visitor, &headers, StatusCode::UNAUTHORIZED, Some(Problem::Refused), &fields)),
        Err(error) => return Err(error.into()),
    };
    Ok(entered(&visitor, &new))
}

/// Gives the browser its session, and sends it on.
pub(crate) fn entered(visitor: &Visitor, new: &NewSession) -> Response {
    let to = new.session.require_complete().err().as_ref().and_then(reply::step).unwrap_or("/scrivania");
    let mut response = reply::see(to);
    let cookies = visitor.portal().cookies();
    for header in
        [cookies.set(Cookie::Session, &new.token.expose()), cookies.clear(Cookie::Login)].into_iter().flatten()
    {
        response.headers_mut().append(SET_COOKIE, header);
    }
    response
}

pub(crate) async fn leave(own: AnySession) -> Outcome {
    own.store.logout(&own.session, own.now).await?;
    let mut response = reply::see("/accesso?motivo=uscita").into_response();
    let headers = response.headers_mut();
    // What the browser kept of this site goes with the session; its storage does not: that holds, sealed, the drafts taken along,
    // which nothing but the operator throws away (ADR 13).
    let kept = HeaderValue::from_static("\"cache\", \"cookies\"");
    headers.insert(HeaderName::from_static("clear-site-data"), kept);
    if let Some(header) = own.visitor.portal().cookies().clear(Cookie::Session) {
        headers.append(SET_COOKIE, header);
    }
    Ok(response)
}
