//! The guard of the portal's routes, for routers beside its own: session, right, fresh password, token and origin are checked
//! by the same code, and what is refused gets the same pages.

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use store::Right;

use crate::portal::Portal;
use crate::reply;
use crate::routes::{Door, Need, Token, Verb, pass};
use crate::visitor::Visitor;

impl Portal {
    /// Puts every route of `others` behind a right in one's own Ente and a password given in the last ten minutes; whatever is
    /// not a GET must also carry the session's token. Handlers find the [`Visitor`] among the extensions. What they do not
    /// find is answered as the portal answers it.
    pub fn behind(&self, right: Right, others: Router) -> Router {
        others.route_layer(middleware::from_fn_with_state((self.clone(), right), stand_before))
    }
}

async fn stand_before(State((portal, right)): State<(Portal, Right)>, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let verb = if is_read { Verb::Get } else { Verb::Post(Token::Session) };
    let (mut parts, body) = request.into_parts();
    let visitor = match Visitor::from_request_parts(&mut parts, &portal).await {
        Ok(visitor) => visitor,
        Err(broken) => return broken,
    };
    let matched = parts.extensions.get::<MatchedPath>().cloned();
    let path = matched.as_ref().map_or("", MatchedPath::as_str);
    let door = Door { verb, path, need: Need::EnteFresh(right) };
    let response = pass(&portal, door, Request::from_parts(parts, body), next).await;
    match response.status() {
        StatusCode::NOT_FOUND => reply::not_found(&visitor),
        _ => response.into_response(),
    }
}
