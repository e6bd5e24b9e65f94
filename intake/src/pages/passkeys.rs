//! Passkeys of one's own account: making one, giving one at login, taking one away. Only scripts can ask an authenticator:
//! without them codes remain.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::{PASSKEYS_MAX, PasskeyRow, PasskeySite, Refused, SecondFactor, StoreError};
use templates::{Area, Page};

use super::id;
use super::second_factor::{self, RecoveryCodes};
use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{AnySession, OwnAccount, Peer, Visitor, italian_day, show_instant};

/// A passkey in a list.
#[derive(Serialize)]
pub(crate) struct PasskeyView {
    path: String,
    name: String,
    made_on: String,
    used_at: Option<String>,
}

impl PasskeyView {
    pub(crate) fn samples() -> Vec<Self> {
        ["Portatile", "Chiavetta"]
            .map(|name| Self {
                path: "/account/passkey/1".to_owned(),
                name: name.to_owned(),
                made_on: "3 novembre 2026".to_owned(),
                used_at: (name == "Portatile").then(|| "4 novembre 2026, 9:00".to_owned()),
            })
            .into()
    }

    pub(crate) fn of(row: &PasskeyRow) -> Self {
        Self {
            path: format!("/account/passkey/{}", row.id),
            name: row.name.clone(),
            made_on: crate::form::show_date(italian_day(row.created_at)),
            used_at: row.last_used_at.map(show_instant),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct NewPasskey {
    problems: Vec<Problem>,
    is_forced: bool,
    is_full: bool,
    count_max: u64,
    name: Field,
}

impl Page for NewPasskey {
    const TEMPLATE: &'static str = "pages/passkey_new.html";
    const SCRIPTS: &'static [&'static str] = &["passkey.js"];

    fn samples() -> Vec<Self> {
        let problem = |name, code| vec![Problem { name, code }];
        [
            (false, false, vec![]),
            (true, false, problem("name", "required")),
            (false, true, problem("answer", "passkey")),
        ]
        .map(|(is_forced, is_full, problems)| Self {
            problems,
            is_forced,
            is_full,
            count_max: PASSKEYS_MAX,
            name: Field::new("Portatile"),
        })
        .into()
    }
}

/// The site of passkeys; without one their pages are not there.
fn site(visitor: &Visitor) -> Result<&PasskeySite, Failure> {
    visitor.portal().passkeys().ok_or(Failure::NotFound)
}

/// What a script hands to the browser.
fn challenge(challenge: Result<String, StoreError>) -> Outcome {
    match challenge {
        Ok(challenge) => Ok(([(CONTENT_TYPE, "application/json")], challenge).into_response()),
        Err(StoreError::Refused(Refused::Passkey | Refused::PasskeysFull)) => {
            Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn form(own: &OwnAccount, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    site(&own.visitor)?;
    let page = NewPasskey {
        problems: reading.problems.clone(),
        is_forced: own.session.second_factor() == SecondFactor::MustEnrol,
        is_full: own.store.passkeys(&own.session).await?.len() as u64 >= PASSKEYS_MAX,
        count_max: PASSKEYS_MAX,
        name: reading.field("name"),
    };
    Ok(own.visitor.page(Area::Other, status, &page))
}

pub(crate) async fn get(own: OwnAccount) -> Outcome {
    form(&own, StatusCode::OK, &Reading::new(&Fields::default())).await
}

pub(crate) async fn ask_new(own: OwnAccount) -> Outcome {
    let site = site(&own.visitor)?;
    let mut chance = own.visitor.portal().chance();
    challenge(own.store.challenge_new_passkey(&own.session, site, own.now, &mut chance).await)
}

pub(crate) async fn enrol(own: OwnAccount, fields: Fields) -> Outcome {
    let site = site(&own.visitor)?;
    let mut reading = Reading::new(&fields);
    let Some(name) = reading.required("name", 60) else {
        return form(&own, StatusCode::UNPROCESSABLE_ENTITY, &reading).await;
    };
    let mut chance = own.visitor.portal().chance();
    match own.store.enrol_passkey(&own.session, site, &name, fields.exact("answer"), own.now, &mut chance).await {
        Ok(Some(codes)) => Ok(RecoveryCodes::answer(&own, &codes)),
        Ok(None) => Ok(reply::see("/account?fatto=passkey")),
        Err(StoreError::Refused(Refused::Passkey | Refused::PasskeysFull)) => {
            reading.refuse("answer", "passkey");
            form(&own, StatusCode::UNPROCESSABLE_ENTITY, &reading).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn remove(own: OwnAccount, path: Result<Path<String>, PathRejection>) -> Outcome {
    match own.store.remove_passkey(&own.session, id(path)?, own.now).await {
        Ok(()) => Ok(reply::see("/account?fatto=passkey-tolta")),
        Err(StoreError::Refused(Refused::SecondFactorNeeded)) => Ok(reply::see("/account?fatto=ultima")),
        Err(error) => Err(error.into()),
    }
}

/// Asks for a passkey at login; a session that has nothing to give is asked for nothing.
pub(crate) async fn ask(any: AnySession) -> Outcome {
    let site = site(&any.visitor)?;
    let mut chance = any.visitor.portal().chance();
    challenge(any.store.challenge_passkey(&any.session, site, any.now, &mut chance).await)
}

pub(crate) async fn prove(any: AnySession, Peer(peer): Peer, fields: Fields) -> Result<Response, Failure> {
    let site = site(&any.visitor)?;
    let mut chance = any.visitor.portal().chance();
    let answer = fields.exact("answer");
    match any.store.prove_passkey(&any.session, site, answer, peer, any.now, &mut chance).await {
        Ok(()) => Ok(second_factor::onward(&any.session)),
        Err(StoreError::Refused(Refused::Passkey | Refused::Throttled { .. })) => {
            second_factor::refuse_passkey(&any, &fields).await
        }
        Err(error) => Err(error.into()),
    }
}
