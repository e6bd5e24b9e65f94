//! What programs may do: the same things as the pages, in JSON, with a token that somebody made on their account's page.
//!
//! Routes stand in the portal's own table, with the scopes that each asks for; a request without a good token goes no
//! further, and a browser's session is none. Errors are problems (RFC 9457), in English: programmers read them. What
//! programs may not do is not here: accounts, erasure, restriction, the audit. Nor is what they read of the platform, which
//! others serve behind `beside`.

pub(crate) mod description;
pub(crate) mod estrazioni;
pub(crate) mod interrogazioni;
pub(crate) mod persone;
mod problem;
pub(crate) mod questionari;
pub(crate) mod report;
pub(crate) mod strumenti;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::de::DeserializeOwned;
use store::{Ente, EnteScope, Refused, Store, TokenAccess, TokenScope};
use uuid::Uuid;

use crate::portal::Portal;
use crate::visitor::{Peer, italian_day};

pub(crate) use problem::Problem;

/// What a handler gives.
pub(crate) type Answer = Result<Response, Problem>;

/// A program whose token is good: its way to the data of one Ente.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) portal: Portal,
    pub(crate) store: Store,
    pub(crate) access: TokenAccess,
    pub(crate) ente: Ente,
    pub(crate) now: DateTime<Utc>,
}

impl Program {
    /// Permission for what a scope opens, and for nothing else.
    pub(crate) fn scope(&self, scope: TokenScope) -> Result<EnteScope, Problem> {
        self.access.scope(scope).map_err(|refused| Problem::of_refusal(&refused, self.now))
    }

    /// The day in Italy.
    pub(crate) fn today(&self) -> NaiveDate {
        italian_day(self.now)
    }
}

/// There only once the guard of the route has accepted the token.
impl FromRequestParts<Portal> for Program {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Problem> {
        let refused = || Problem::of_refusal(&Refused::NoToken, portal.now());
        parts.extensions.get::<Self>().cloned().ok_or_else(refused)
    }
}

/// Stands before every route that asks for a token: who shows it, and does it open what the route asks for.
pub(crate) async fn pass(portal: &Portal, path: &str, scopes: &[TokenScope], request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match admit(portal, path, scopes, &mut parts).await {
        Ok(program) => {
            parts.extensions.insert(program);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(portal: &Portal, path: &str, scopes: &[TokenScope], parts: &mut Parts) -> Result<Program, Problem> {
    let shown = Shown::of(portal, parts).await?;
    for scope in scopes {
        shown.allowed(portal, path, shown.access.scope(*scope)).await?;
    }
    let Shown { store, access, now } = shown;
    // Scopes of an Ente are of nobody else.
    let ente = access.ente().cloned().ok_or_else(|| Problem::of_refusal(&Refused::NoToken, now))?;
    Ok(Program { portal: portal.clone(), store, access, ente, now })
}

/// A token that a request shows and that is good, whatever it opens.
pub(crate) struct Shown {
    pub(crate) store: Store,
    pub(crate) access: TokenAccess,
    now: DateTime<Utc>,
}

impl Shown {
    /// Looks the token up.
    pub(crate) async fn of(portal: &Portal, parts: &mut Parts) -> Result<Self, Problem> {
        let now = portal.now();
        let store = portal.store().ok_or_else(Problem::not_found)?;
        let shown = bearer(&parts.headers).ok_or_else(|| Problem::of_refusal(&Refused::NoToken, now))?.to_owned();
        let Ok(Peer(peer)) = Peer::from_request_parts(parts, portal).await;
        let access = store.token_access(&shown, peer, now).await.map_err(|error| Problem::of_store(portal, error))?;
        Ok(Self { store: store.clone(), access, now })
    }

    /// What the token gives for a path; a refusal is written to the audit.
    pub(crate) async fn allowed<T>(
        &self,
        portal: &Portal,
        path: &str,
        given: Result<T, Refused>,
    ) -> Result<T, Problem> {
        let refused = match given {
            Ok(given) => return Ok(given),
            Err(refused) => refused,
        };
        if matches!(refused, Refused::NotInScope(_) | Refused::NotAllowed(_)) {
            let noted = self.store.record_token_refusal(&self.access, path, self.now).await;
            noted.map_err(|error| Problem::of_store(portal, error))?;
        }
        Err(Problem::of_refusal(&refused, self.now))
    }
}

/// What a request shows of a token.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The id that a path holds; what is none is not there.
fn id<T: std::str::FromStr>(path: Result<Path<String>, PathRejection>) -> Result<T, Problem> {
    path.ok().and_then(|Path(text)| text.parse().ok()).ok_or_else(Problem::not_found)
}

/// A body of JSON, read strictly: a field that nobody knows is an error, since it may be a name misspelt.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Portal> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Problem> {
        let is_json = request.headers().get(CONTENT_TYPE).and_then(|given| given.to_str().ok()).is_some_and(|given| {
            given.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
        });
        if !is_json {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "send application/json"));
        }
        let bytes = axum::body::Bytes::from_request(request, portal).await.map_err(|rejection| {
            match rejection.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "a body has 256 KiB at most")
                }
                _ => Problem::bad_request("the body was cut"),
            }
        })?;
        // The message may quote what was sent, to whoever sent it; it is never logged.
        serde_json::from_slice(&bytes).map(Self).map_err(|error| Problem::bad_request(error.to_string()))
    }
}

/// What a program calls its request, by the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a UUID.
/// The same request sent again is done once.
pub(crate) struct RequestKey(pub(crate) Option<Uuid>);

impl FromRequestParts<Portal> for RequestKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Portal) -> Result<Self, Problem> {
        let Some(given) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        // The draft has a quoted string; programs in the wild send it bare.
        let key = given.to_str().ok().and_then(|text| Uuid::parse_str(text.trim().trim_matches('"')).ok());
        let key = key.filter(|key| !key.is_nil());
        key.map(|key| Self(Some(key))).ok_or_else(|| Problem::bad_request("Idempotency-Key is a UUID"))
    }
}

/// What an address asks for, read as strictly.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Portal> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, portal).await {
            Ok(axum::extract::Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
        }
    }
}
