//! Tokens for programs ("chiavi"): made by whose account they act for, shown once, revoked there and by the Ente's administrator.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use serde::Serialize;
use store::{AccountId, NewToken, Refused, Session, StoreError, TOKEN_DAYS_MAX, TokenId, TokenRow, TokenScope};
use templates::{Area, Page};

use super::accounts;
use crate::form::{Field, Fields, Problem, Reading, show_date};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, ManageAccounts, OwnAccount, italian_day, show_instant};

/// For how many days one can be made.
const DAYS: [u16; 4] = [30, 90, 180, TOKEN_DAYS_MAX];

/// A token in a list.
#[derive(Serialize)]
pub(crate) struct TokenView {
    path: String,
    name: String,
    scopes: Vec<&'static str>,
    made_on: String,
    used_at: Option<String>,
    ends_on: String,
}

impl TokenView {
    pub(crate) fn samples() -> Vec<Self> {
        [None, Some("3 novembre 2026, 9:30")]
            .map(|used_at| Self {
                path: "/account/chiavi/1".to_owned(),
                name: "Gestionale".to_owned(),
                scopes: TokenScope::ALL.map(TokenScope::code).into(),
                made_on: "3/11/2026".to_owned(),
                used_at: used_at.map(ToOwned::to_owned),
                ends_on: "3/11/2027".to_owned(),
            })
            .into()
    }

    /// A token whose actions stand under a path.
    pub(crate) fn of(row: &TokenRow, under: &str) -> Self {
        Self {
            path: format!("{under}/chiavi/{}", row.id),
            name: row.name.clone(),
            scopes: row.scopes.iter().map(|scope| scope.code()).collect(),
            made_on: show_date(italian_day(row.created_at)),
            used_at: row.last_used_at.map(show_instant),
            ends_on: show_date(italian_day(row.expires_at)),
        }
    }
}

/// What a token of an account can open.
pub(crate) fn open_to(session: &Session) -> Vec<TokenScope> {
    TokenScope::ALL.into_iter().filter(|scope| session.may_lend(*scope)).collect()
}

/// A scope, and whether the form asks for it.
#[derive(Serialize)]
struct Ticked {
    code: &'static str,
    is_ticked: bool,
}

#[derive(Serialize)]
pub(crate) struct TokenForm {
    problems: Vec<Problem>,
    /// Of an account of the platform, which has no persone.
    is_of_the_platform: bool,
    name: Field,
    scopes: Vec<Ticked>,
    scopes_error: Option<&'static str>,
    days: Field,
    days_offered: Vec<u16>,
}

impl Page for TokenForm {
    const TEMPLATE: &'static str = "pages/token_form.html";

    fn samples() -> Vec<Self> {
        let blank = Fields::default();
        let sent = Fields::new(vec![("scope".to_owned(), "persone:read".to_owned())]);
        let mut refused = Reading::new(&sent);
        refused.refuse("token_name", "required");
        refused.refuse("scope", "token_scope");
        refused.refuse("days", "choice");
        vec![
            Self::new(&Reading::new(&blank), &TokenScope::ALL),
            Self::new(&refused, &TokenScope::ALL),
            Self::new(&Reading::new(&blank), &[TokenScope::RilasciRead]),
            Self::new(&Reading::new(&blank), &[]),
        ]
    }
}

impl TokenForm {
    fn new(reading: &Reading<'_>, open: &[TokenScope]) -> Self {
        let fields = reading.fields();
        let ticked = |scope: &TokenScope| Ticked {
            code: scope.code(),
            is_ticked: fields.all("scope").any(|given| given == scope.code()),
        };
        Self {
            problems: reading.problems.clone(),
            is_of_the_platform: open.iter().all(|scope| scope.right().is_of_the_platform()),
            name: reading.field("token_name"),
            scopes: open.iter().map(ticked).collect(),
            scopes_error: reading.field("scope").error,
            days: reading.field("days"),
            days_offered: DAYS.into(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct TokenMade {
    name: String,
    secret: String,
    ends_on: String,
}

impl Page for TokenMade {
    const TEMPLATE: &'static str = "pages/token_made.html";

    fn samples() -> Vec<Self> {
        vec![Self {
            name: "Gestionale".to_owned(),
            secret: format!("noncello_{}", "0".repeat(64)),
            ends_on: "3/11/2027".to_owned(),
        }]
    }
}

fn page(own: &OwnAccount, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    own.session.require_complete().map_err(Failure::Refused)?;
    let page = TokenForm::new(reading, &open_to(&own.session));
    Ok(own.visitor.page(Area::Other, status, &page))
}

pub(crate) async fn get(own: OwnAccount) -> Outcome {
    page(&own, StatusCode::OK, &Reading::new(&Fields::default()))
}

pub(crate) async fn create(own: OwnAccount, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    let name = reading.required("token_name", 60);
    let days = reading.required_code("days", |text| text.parse().ok().filter(|days: &u16| DAYS.contains(days)));
    let open = open_to(&own.session);
    let scopes: Option<BTreeSet<TokenScope>> = fields.all("scope").map(TokenScope::from_code).collect();
    let scopes = scopes.filter(|scopes| scopes.iter().all(|scope| open.contains(scope))).ok_or(Failure::BadRequest)?;
    if scopes.is_empty() {
        reading.refuse("scope", "token_scope");
    }
    if let (Some(name), Some(days), true) = (name, days, reading.is_fine()) {
        let new = NewToken { name, scopes, days };
        match own.store.create_token(&own.session, &new, own.now, &mut own.visitor.portal().chance()).await {
            Ok((_, secret)) => {
                let made = TokenMade {
                    name: new.name,
                    secret: secret.expose().to_string(),
                    ends_on: show_date(italian_day(own.now + chrono::Duration::days(days.into()))),
                };
                return Ok(own.visitor.page(Area::Other, StatusCode::OK, &made));
            }
            Err(StoreError::Refused(Refused::TokensFull)) => reading.refuse("token_name", "tokens_full"),
            Err(error) => return Err(error.into()),
        }
    }
    page(&own, StatusCode::UNPROCESSABLE_ENTITY, &reading)
}

pub(crate) async fn revoke(own: OwnAccount, path: Result<Path<String>, PathRejection>) -> Outcome {
    own.store.revoke_token(&own.session, super::id(path)?, own.now).await?;
    Ok(reply::see("/account?fatto=revocata"))
}

/// Of an account of the Ente, by its administrator.
pub(crate) async fn revoke_of(
    desk: Desk<ManageAccounts>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Outcome {
    let ids = path.ok().and_then(|Path((account, token))| Some((account.parse().ok()?, token.parse().ok()?)));
    let (account, token): (AccountId, TokenId) = ids.ok_or(Failure::NotFound)?;
    desk.store.revoke_token_of(&desk.scope, account, token, desk.now).await?;
    Ok(reply::see(&accounts::path(account)))
}
