//! Asks for the password again before something that cannot be taken back: it is good for ten minutes.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use store::{Refused, StoreError};
use templates::{Area, Page};

use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Outcome};
use crate::visitor::{OwnAccount, Peer};

#[derive(Serialize)]
pub(crate) struct Confirm {
    problems: Vec<Problem>,
    username: String,
    then: String,
    password: Field,
}

impl Page for Confirm {
    const TEMPLATE: &'static str = "pages/confirm.html";

    fn samples() -> Vec<Self> {
        [vec![], vec![Problem { name: "password", code: "password_wrong" }]]
            .map(|problems| Self {
                problems,
                username: "anna".to_owned(),
                then: "/operatori".to_owned(),
                password: Field::default(),
            })
            .into()
    }
}

#[derive(Deserialize)]
pub(crate) struct Then {
    poi: Option<String>,
}

/// A page of ours: an address that could lead elsewhere leads to the desk.
fn ours(then: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    let is_ours = then.starts_with('/') && !then.starts_with("//") && then.bytes().all(is_plain);
    if is_ours { then } else { "/scrivania" }
}

fn page(own: &OwnAccount, status: StatusCode, then: &str, reading: &Reading<'_>) -> Response {
    let page = Confirm {
        problems: reading.problems.clone(),
        username: own.session.username().to_owned(),
        then: ours(then).to_owned(),
        password: reading.hidden("password"),
    };
    own.visitor.page(Area::Other, status, &page)
}

pub(crate) async fn get(own: OwnAccount, then: Result<Query<Then>, QueryRejection>) -> Response {
    let then = then.ok().and_then(|Query(then)| then.poi).unwrap_or_default();
    page(&own, StatusCode::OK, &then, &Reading::new(&Fields::default()))
}

pub(crate) async fn post(own: OwnAccount, Peer(peer): Peer, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    match own.store.confirm_password(&own.session, fields.exact("password"), peer, own.now).await {
        Ok(()) => return Ok(reply::see(ours(fields.get("then")))),
        Err(StoreError::Refused(Refused::Credentials | Refused::Throttled { .. })) => {
            reading.refuse("password", "password_wrong");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(page(&own, StatusCode::UNPROCESSABLE_ENTITY, fields.get("then"), &reading))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_leads_elsewhere() {
        for (then, expected) in [
            ("/operatori/nuovo", "/operatori/nuovo"),
            ("//evil.example", "/scrivania"),
            ("https://evil.example", "/scrivania"),
            ("/\\evil.example", "/scrivania"),
            ("/operatori\r\nX: y", "/scrivania"),
            ("", "/scrivania"),
        ] {
            assert_eq!(ours(then), expected, "{then}");
        }
    }
}
