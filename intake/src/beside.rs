//! The guard of the portal's routes, for routers beside its own: session, right, fresh password, token and origin are checked
//! by the same code, and what is refused gets the same pages; programs show a token, and read problems.

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use store::{AccountId, PlatformScope, Right, Store, TokenScope};

use crate::api::{self, Problem};
use crate::portal::Portal;
use crate::reply;
use crate::routes::{Door, Need, Token, Verb, pass};
use crate::visitor::Visitor;

/// What a router beside the portal's asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A right in one's own Ente.
    Ente(Right),
    /// A right in one's own Ente, and a password given in the last ten minutes.
    EnteFresh(Right),
    /// A right of the platform.
    Platform(Right),
    /// The same, and a password given in the last ten minutes.
    PlatformFresh(Right),
}

impl Demand {
    const fn need(self) -> Need {
        match self {
            Self::Ente(right) => Need::Ente(right),
            Self::EnteFresh(right) => Need::EnteFresh(right),
            Self::Platform(right) => Need::Platform(right),
            Self::PlatformFresh(right) => Need::PlatformFresh(right),
        }
    }
}

/// A program that a token of the platform let in, among the extensions of its request. Holding it is the permission.
#[derive(Clone, Debug)]
pub struct ReleaseProgram {
    store: Store,
    account: AccountId,
    display_name: String,
    scope: PlatformScope,
}

impl ReleaseProgram {
    /// The portal's database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Permission for what the token's scope lends, and for nothing else.
    #[must_use]
    pub fn platform_scope(&self) -> &PlatformScope {
        &self.scope
    }

    /// The account in whose name it asks.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The account's name.
    #[must_use]
    pub fn display_name(&self) -> &str {
        &self.display_name
    }
}

impl Portal {
    /// Puts every route of `others` behind a right; whatever is not a GET must also carry the session's token. Handlers find
    /// the [`Visitor`] among the extensions. What they do not find is answered as the portal answers it.
    pub fn behind(&self, demand: Demand, others: Router) -> Router {
        others.route_layer(middleware::from_fn_with_state((self.clone(), demand.need()), stand_before))
    }

    /// Puts every route of `others` behind a program's token with a scope of the platform: with one of an Ente's nobody gets in.
    /// They are read, never written to. Handlers find a [`ReleaseProgram`] among the extensions. What is refused, and what they
    /// do not find, is answered as the API answers it.
    pub fn behind_token(&self, scope: TokenScope, others: Router) -> Router {
        others.route_layer(middleware::from_fn_with_state((self.clone(), scope), stand_before_programs))
    }
}

/// The route that a request was found to ask for.
fn matched(matched: Option<&MatchedPath>) -> &str {
    matched.map_or("", MatchedPath::as_str)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

async fn stand_before(State((portal, need)): State<(Portal, Need)>, request: Request, next: Next) -> Response {
    let verb = if is_read(request.method()) { Verb::Get } else { Verb::Post(Token::Session) };
    let (mut parts, body) = request.into_parts();
    let visitor = match Visitor::from_request_parts(&mut parts, &portal).await {
        Ok(visitor) => visitor,
        Err(broken) => return broken,
    };
    let path = parts.extensions.get::<MatchedPath>().cloned();
    let door = Door { verb, path: matched(path.as_ref()), need };
    let response = pass(&portal, door, Request::from_parts(parts, body), next).await;
    match response.status() {
        StatusCode::NOT_FOUND => reply::not_found(&visitor),
        _ => response.into_response(),
    }
}

async fn stand_before_programs(
    State((portal, scope)): State<(Portal, TokenScope)>,
    request: Request,
    next: Next,
) -> Response {
    if !is_read(request.method()) {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this is read with GET");
        return ([(ALLOW, HeaderValue::from_static("GET, HEAD"))], problem).into_response();
    }
    let (mut parts, body) = request.into_parts();
    match admit(&portal, scope, &mut parts).await {
        Ok(program) => {
            parts.extensions.insert(program);
        }
        Err(problem) => return problem.into_response(),
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    match response.status() {
        StatusCode::NOT_FOUND => Problem::not_found().into_response(),
        _ => response.into_response(),
    }
}

async fn admit(portal: &Portal, scope: TokenScope, parts: &mut Parts) -> Result<ReleaseProgram, Problem> {
    let path = parts.extensions.get::<MatchedPath>().cloned();
    let shown = api::Shown::of(portal, parts).await?;
    let given = shown.access.platform_scope(scope);
    let scope = shown.allowed(portal, matched(path.as_ref()), given).await?;
    Ok(ReleaseProgram {
        account: shown.access.account(),
        display_name: shown.access.display_name().to_owned(),
        store: shown.store,
        scope,
    })
}
