//! The table of routes: method, path, what it takes to be let in, handler. It builds the router, and the test that asks
//! every route as every role; a route without a [`Need`] cannot be written.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use store::{Right, StoreError};
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

use crate::cookies::{Cookie, login_token};
use crate::form::Fields;
use crate::portal::Portal;
use crate::reply::{self, Failure};
use crate::visitor::Visitor;
use crate::{headers, pages};

/// A form of 500 items is far below this.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// From the last byte of the head to the answer: a body that stalls is cut.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// What it takes to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    Public,
    /// Nothing, and nobody is looked up: files, the health page.
    Open,
    /// To be logged in, even with a password that must be changed.
    OwnAccount,
    /// To be logged in.
    Account,
    /// A right in one's own Ente.
    Ente(Right),
    /// A right on the platform.
    Platform(Right),
}

/// What an unsafe request must prove, besides coming from a page of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// The session's token.
    Session,
    /// The token of the browser that asked for the login form.
    Login,
    /// Nothing: the handler writes nothing, anywhere.
    WritesNothing,
}

/// How a route is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Reads.
    Get,
    /// Writes, once the token is proved.
    Post(Token),
}

/// A line of the table.
pub(crate) struct Route {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    handler: fn() -> MethodRouter<Portal>,
}

macro_rules! routes {
    ($($verb:ident $(($token:ident))? $path:literal, $need:expr, $handler:path;)+) => {
        &[$(Route {
            verb: routes!(@verb $verb $($token)?),
            path: $path,
            need: $need,
            handler: || routes!(@method $verb)($handler),
        }),+]
    };
    (@verb get) => { Verb::Get };
    (@verb post $token:ident) => { Verb::Post(Token::$token) };
    (@method get) => { get };
    (@method post) => { post };
}

const SEE: Need = Need::Ente(Right::SeePersone);
const ASSESS: Need = Need::Ente(Right::Assess);
const ACCOUNTS: Need = Need::Ente(Right::ManageAccounts);
const ENTI: Need = Need::Platform(Right::ManageEnti);

/// Every route.
pub(crate) static ROUTES: &[Route] = routes! {
    get "/", Need::Public, pages::home::get;
    get "/strumenti", Need::Public, pages::instruments::get;
    get "/strumenti/{instrument}", Need::Public, pages::instrument::get;
    get "/strumenti/{instrument}/prova", Need::Public, pages::tryout::get;
    post(WritesNothing) "/strumenti/{instrument}/prova", Need::Public, pages::tryout::post;
    get "/privacy", Need::Public, pages::notices::privacy;
    get "/accessibilita", Need::Public, pages::notices::accessibility;
    get "/salute", Need::Open, pages::health::get;
    get "/assets/{version}/{name}", Need::Open, pages::assets::get;

    get "/accesso", Need::Public, pages::login::get;
    post(Login) "/accesso", Need::Public, pages::login::post;
    post(Session) "/esci", Need::OwnAccount, pages::login::leave;
    get "/password", Need::OwnAccount, pages::password::get;
    post(Session) "/password", Need::OwnAccount, pages::password::post;
    get "/scrivania", Need::Account, pages::desk::get;

    get "/persone", SEE, pages::persone::get;
    post(Session) "/persone/cerca", SEE, pages::persone::search;
    get "/persone/nuova", ASSESS, pages::persona_form::new;
    post(Session) "/persone/nuova", ASSESS, pages::persona_form::create;
    get "/persone/{persona}", SEE, pages::persona::get;
    get "/persone/{persona}/modifica", ASSESS, pages::persona_form::edit;
    post(Session) "/persone/{persona}/modifica", ASSESS, pages::persona_form::update;
    post(Session) "/persone/{persona}/questionari", ASSESS, pages::draft::start;

    get "/bozze/{draft}", ASSESS, pages::draft::open;
    get "/bozze/{draft}/parte/{section}", ASSESS, pages::draft::get;
    post(Session) "/bozze/{draft}/parte/{section}", ASSESS, pages::draft::save;
    get "/bozze/{draft}/riepilogo", ASSESS, pages::draft_summary::get;
    post(Session) "/bozze/{draft}/valida", ASSESS, pages::draft_summary::validate;
    post(Session) "/bozze/{draft}/elimina", ASSESS, pages::draft::delete;

    get "/questionari", ASSESS, pages::questionari::mine;
    get "/questionari/{assessment}", SEE, pages::assessment::get;
    post(Session) "/questionari/{assessment}/azioni", ASSESS, pages::assessment::record;
    get "/questionari/{assessment}/correggi", ASSESS, pages::amend::get;
    post(Session) "/questionari/{assessment}/correggi", ASSESS, pages::amend::post;
    get "/questionari/{assessment}/annulla", ASSESS, pages::annul::get;
    post(Session) "/questionari/{assessment}/annulla", ASSESS, pages::annul::post;

    get "/operatori", ACCOUNTS, pages::accounts::get;
    post(Session) "/operatori", ACCOUNTS, pages::accounts::create;
    post(Session) "/operatori/{account}/sospendi", ACCOUNTS, pages::accounts::suspend;
    post(Session) "/operatori/{account}/riattiva", ACCOUNTS, pages::accounts::reactivate;
    post(Session) "/operatori/{account}/password", ACCOUNTS, pages::accounts::reset;
    get "/operatori/{account}/questionari", ACCOUNTS, pages::questionari::of_operator;

    get "/enti", ENTI, pages::enti::get;
    get "/enti/nuovo", ENTI, pages::ente_form::get;
    post(Session) "/enti/nuovo", ENTI, pages::ente_form::post;
};

/// The router of the table, with others beside it.
pub(crate) fn router(portal: &Portal, others: Router) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let guarded = (route.handler)().route_layer(middleware::from_fn_with_state((portal.clone(), route), guard));
        router = router.route(route.path, guarded);
    }
    router
        .fallback(pages::message::not_found)
        .with_state(portal.clone())
        .merge(others)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIME_MAX))
        .layer(middleware::from_fn(headers::add))
        .layer(CompressionLayer::new())
}

/// Stands before every handler: who asks, may they, and is the form ours.
async fn guard(State((portal, route)): State<(Portal, &'static Route)>, request: Request, next: Next) -> Response {
    if route.need == Need::Open {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let visitor = match Visitor::from_request_parts(&mut parts, &portal).await {
        Ok(visitor) => visitor,
        Err(broken) => return broken,
    };
    if let Err(answer) = admit(&visitor, route).await {
        return answer;
    }
    let request = match route.verb {
        Verb::Get => Request::from_parts(parts, body),
        Verb::Post(token) => {
            if !is_from_here(&parts.headers) {
                return reply::stale(&visitor);
            }
            if token == Token::WritesNothing {
                Request::from_parts(parts, body)
            } else {
                let Some(fields) = read_form(body).await else { return reply::bad_request(&visitor) };
                if !is_proved(&visitor, token, &parts.headers, &fields) {
                    return reply::stale(&visitor);
                }
                parts.extensions.insert(fields);
                Request::from_parts(parts, Body::empty())
            }
        }
    };
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Arc<Failure>>() {
        Some(failure) => reply::failure(&visitor, &failure),
        None => response,
    }
}

/// Whether the visitor has what the route needs; a refusal to somebody known is written to the audit.
async fn admit(visitor: &Visitor, route: &Route) -> Result<(), Response> {
    let Some(store) = visitor.portal().store() else {
        return if route.need == Need::Public && route.path != "/accesso" {
            Ok(())
        } else {
            Err(reply::no_accounts(visitor))
        };
    };
    let session = match route.need {
        Need::Public | Need::Open => return Ok(()),
        Need::OwnAccount | Need::Account | Need::Ente(_) | Need::Platform(_) => {
            visitor.session().ok_or_else(reply::to_login)?
        }
    };
    let admitted = match route.need {
        Need::Public | Need::Open | Need::OwnAccount => Ok(()),
        Need::Account if session.must_change_password() => return Err(reply::see("/password")),
        Need::Account => Ok(()),
        Need::Ente(right) => session.scope(right).map(|_| ()),
        Need::Platform(right) => session.platform_scope(right).map(|_| ()),
    };
    let Err(error) = admitted else { return Ok(()) };
    if matches!(error, StoreError::Refused(store::Refused::NotAllowed(_)))
        && let Err(error) = store.record_refusal(session, route.path, visitor.portal().now()).await
    {
        return Err(reply::failure(visitor, &Failure::Store(error)));
    }
    Err(reply::failure(visitor, &Failure::from(error)))
}

/// Whether an unsafe request comes from a page of ours, as far as the browser says.
fn is_from_here(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    match (headers.get(ORIGIN), headers.get(HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, authority)| host.to_str().is_ok_and(|host| host == authority))
        }
        (Some(_), None) => false,
    }
}

async fn read_form(body: Body) -> Option<Fields> {
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.ok()?;
    let request = Request::builder()
        .method("POST")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(bytes))
        .ok()?;
    let form = <axum::Form<Vec<(String, String)>> as axum::extract::FromRequest<()>>::from_request(request, &()).await;
    form.ok().map(|axum::Form(pairs)| Fields::new(pairs))
}

fn is_proved(visitor: &Visitor, token: Token, headers: &HeaderMap, fields: &Fields) -> bool {
    let given = fields.get("csrf");
    match token {
        Token::WritesNothing => true,
        Token::Session => visitor.session().is_some_and(|session| session.csrf_fits(given)),
        Token::Login => visitor
            .portal()
            .cookies()
            .read(headers, Cookie::Login)
            .is_some_and(|value| value.len() == 64 && login_token(value) == given),
    }
}
