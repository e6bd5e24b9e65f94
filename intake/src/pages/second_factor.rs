//! The second factor: giving it at login, setting it up, and the recovery codes, which are shown once.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{Refused, SecondFactor, Session, StoreError, TotpOffer};
use templates::{Area, Page};

use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{AnySession, OwnAccount, Peer};

/// Where a session goes on that lacks nothing any more.
const HOME: &str = "/scrivania";

#[derive(Serialize)]
pub(crate) struct GiveSecondFactor {
    problems: Vec<Problem>,
    /// Whether an app shows codes for the account.
    has_totp: bool,
    /// Whether the account has a passkey, and this site is one that passkeys are made for.
    has_passkey: bool,
    code: Field,
}

impl Page for GiveSecondFactor {
    const TEMPLATE: &'static str = "pages/second_factor.html";
    const SCRIPTS: &'static [&'static str] = &["passkey.js"];

    fn samples() -> Vec<Self> {
        let problem = |name, code| vec![Problem { name, code }];
        [
            (true, false, vec![]),
            (true, true, problem("code", "second_factor")),
            (false, true, problem("answer", "passkey")),
        ]
        .map(|(has_totp, has_passkey, problems)| Self { problems, has_totp, has_passkey, code: Field::default() })
        .into()
    }
}

pub(crate) async fn get(any: AnySession) -> Outcome {
    match any.session.second_factor() {
        SecondFactor::MustProve => ask(&any, StatusCode::OK, &Reading::new(&Fields::default())).await,
        SecondFactor::NotAsked | SecondFactor::MustEnrol | SecondFactor::Proved => Ok(reply::see(HOME)),
    }
}

async fn ask(any: &AnySession, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    let has = any.store.second_factors(&any.session).await?;
    let page = GiveSecondFactor {
        problems: reading.problems.clone(),
        has_totp: has.totp,
        has_passkey: has.passkey && any.visitor.portal().passkeys().is_some(),
        code: reading.hidden("code"),
    };
    Ok(any.visitor.page(Area::Login, status, &page))
}

/// The page again, after a passkey that did not fit.
pub(crate) async fn refuse_passkey(any: &AnySession, fields: &Fields) -> Outcome {
    let mut reading = Reading::new(fields);
    reading.refuse("answer", "passkey");
    ask(any, StatusCode::UNPROCESSABLE_ENTITY, &reading).await
}

/// Where a session goes once its second factor is given.
pub(crate) fn onward(session: &Session) -> Response {
    reply::see(if session.must_change_password() { "/password" } else { HOME })
}

pub(crate) async fn post(any: AnySession, Peer(peer): Peer, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    match any.store.prove_second_factor(&any.session, fields.get("code"), peer, any.now).await {
        Ok(()) => return Ok(onward(&any.session)),
        Err(StoreError::Refused(Refused::SecondFactor | Refused::Throttled { .. })) => {
            reading.refuse("code", "second_factor");
        }
        Err(error) => return Err(error.into()),
    }
    ask(&any, StatusCode::UNPROCESSABLE_ENTITY, &reading).await
}

#[derive(Serialize)]
pub(crate) struct SetUpSecondFactor {
    problems: Vec<Problem>,
    is_forced: bool,
    is_replacing: bool,
    /// Whether a passkey could be made instead.
    may_have_passkey: bool,
    offer: String,
    /// In groups of four, as one types it.
    secret: String,
    /// A picture in SVG, made here: it holds nothing that anybody typed.
    qr: String,
    code: Field,
}

impl Page for SetUpSecondFactor {
    const TEMPLATE: &'static str = "pages/second_factor_set_up.html";

    fn samples() -> Vec<Self> {
        let problem = Problem { name: "code", code: "second_factor" };
        [(true, false, vec![]), (false, true, vec![problem]), (false, false, vec![])]
            .map(|(is_forced, is_replacing, problems)| Self {
                problems,
                is_forced,
                is_replacing,
                may_have_passkey: is_forced,
                offer: "00".to_owned(),
                secret: "ABCD EFGH".to_owned(),
                qr: qr("otpauth://totp/x"),
                code: Field::default(),
            })
            .into()
    }
}

/// A QR code as a picture, with the border that scanners want.
fn qr(text: &str) -> String {
    use qrcode::render::svg;
    let Ok(code) = qrcode::QrCode::new(text) else { return String::new() };
    let picture = code
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    // Within a page the picture has no head of its own.
    picture.split_once("?>").map_or(picture.clone(), |(_, picture)| picture.to_owned())
}

async fn offer(own: &OwnAccount, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    let TotpOffer { sealed, secret, uri } =
        own.store.offer_totp(&own.session, own.now, &mut own.visitor.portal().chance()).await?;
    let groups: Vec<String> = secret.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into()).collect();
    let page = SetUpSecondFactor {
        problems: reading.problems.clone(),
        is_forced: own.session.second_factor() == SecondFactor::MustEnrol,
        is_replacing: own.store.second_factors(&own.session).await?.totp,
        may_have_passkey: own.visitor.portal().passkeys().is_some(),
        offer: sealed,
        secret: groups.join(" "),
        qr: qr(&uri),
        code: reading.hidden("code"),
    };
    Ok(own.visitor.page(Area::Other, status, &page))
}

pub(crate) async fn set_up(own: OwnAccount) -> Outcome {
    offer(&own, StatusCode::OK, &Reading::new(&Fields::default())).await
}

pub(crate) async fn enrol(own: OwnAccount, fields: Fields) -> Outcome {
    let mut chance = own.visitor.portal().chance();
    let (sealed, code) = (fields.get("offer"), fields.get("code"));
    match own.store.enrol_totp(&own.session, sealed, code, own.now, &mut chance).await {
        Ok(codes) => Ok(RecoveryCodes::answer(&own, &codes)),
        Err(StoreError::Refused(Refused::SecondFactor)) => {
            let mut reading = Reading::new(&fields);
            reading.refuse("code", "second_factor");
            offer(&own, StatusCode::UNPROCESSABLE_ENTITY, &reading).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Serialize)]
pub(crate) struct RecoveryCodes {
    codes: Vec<String>,
}

impl Page for RecoveryCodes {
    const TEMPLATE: &'static str = "pages/recovery_codes.html";

    fn samples() -> Vec<Self> {
        vec![Self { codes: vec!["aaaa-bbbb-cccc".to_owned(), "dddd-eeee-ffff".to_owned()] }]
    }
}

impl RecoveryCodes {
    pub(crate) fn answer(own: &OwnAccount, codes: &[zeroize::Zeroizing<String>]) -> Response {
        let page = Self { codes: codes.iter().map(|code| code.to_string()).collect() };
        own.visitor.page(Area::Other, StatusCode::OK, &page)
    }
}

pub(crate) async fn renew_codes(own: OwnAccount) -> Outcome {
    let codes = own.store.renew_recovery_codes(&own.session, own.now, &mut own.visitor.portal().chance()).await;
    match codes {
        Ok(codes) => Ok(RecoveryCodes::answer(&own, &codes)),
        Err(StoreError::Refused(Refused::SecondFactor)) => Err(Failure::BadRequest),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn remove(own: OwnAccount) -> Outcome {
    own.store.drop_second_factor(&own.session, own.now).await?;
    Ok(reply::see("/account?fatto=tolto"))
}
