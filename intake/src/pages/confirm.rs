//! Asks for the password again before something that cannot be taken back: it is good for ten minutes.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Refused, StoreError};
use templates::{Area, Page};

use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{OwnAccount, Peer};

#[derive(Serialize)]
pub(crate) struct Confirm {
    problems: Vec<Problem>,
    username: String,
    then: String,
    /// How people call the gateway, where one is linked to the account.
    gateway: Option<String>,
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
                gateway: Some("SPID o CIE".to_owned()),
                password: Field::default(),
            })
            .into()
    }
}

#[derive(Deserialize)]
pub(crate) struct Then {
    pub(crate) poi: Option<String>,
}

/// A page of ours: an address that could lead elsewhere leads to the desk.
pub(crate) fn ours(then: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    let is_ours = then.starts_with('/') && !then.starts_with("//") && then.bytes().all(is_plain);
    if is_ours { then } else { "/scrivania" }
}

async fn page(own: &OwnAccount, status: StatusCode, then: &str, reading: &Reading<'_>) -> Outcome {
    let page = Confirm {
        gateway: linked_gateway(own).await?,
        problems: reading.problems.clone(),
        username: own.session.username().to_owned(),
        then: ours(then).to_owned(),
        password: reading.hidden("password"),
    };
    Ok(own.visitor.page(Area::Other, status, &page))
}

/// How people call the gateway, where one is linked to the account.
async fn linked_gateway(own: &OwnAccount) -> Result<Option<String>, Failure> {
    let Some(gateway) = own.visitor.portal().gateway() else { return Ok(None) };
    let is_linked = own.store.is_gateway_linked(&own.session).await?;
    Ok(is_linked.then(|| gateway.name().to_owned()))
}

pub(crate) async fn get(own: OwnAccount, then: Result<Query<Then>, QueryRejection>) -> Outcome {
    let then = then.ok().and_then(|Query(then)| then.poi).unwrap_or_default();
    page(&own, StatusCode::OK, &then, &Reading::new(&Fields::default())).await
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
    page(&own, StatusCode::UNPROCESSABLE_ENTITY, fields.get("then"), &reading).await
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
