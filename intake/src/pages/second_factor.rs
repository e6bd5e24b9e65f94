//! The second factor: giving it at login, setting it up, and the recovery codes, which are shown once.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{Refused, SecondFactor, StoreError, TotpOffer};
use templates::{Area, Page};

use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{AnySession, OwnAccount, Peer};

/// Where a session goes on that lacks nothing any more.
const HOME: &str = "/scrivania";

#[derive(Serialize)]
pub(crate) struct GiveSecondFactor {
    problems: Vec<Problem>,
    code: Field,
}

impl Page for GiveSecondFactor {
    const TEMPLATE: &'static str = "pages/second_factor.html";

    fn samples() -> Vec<Self> {
        [vec![], vec![Problem { name: "code", code: "second_factor" }]]
            .map(|problems| Self { problems, code: Field::default() })
            .into()
    }
}

pub(crate) async fn get(any: AnySession) -> Response {
    match any.session.second_factor() {
        SecondFactor::MustProve => ask(&any, StatusCode::OK, &Reading::new(&Fields::default())),
        SecondFactor::NotAsked | SecondFactor::MustEnrol | SecondFactor::Proved => reply::see(HOME),
    }
}

fn ask(any: &AnySession, status: StatusCode, reading: &Reading<'_>) -> Response {
    let page = GiveSecondFactor { problems: reading.problems.clone(), code: reading.hidden("code") };
    any.visitor.page(Area::Login, status, &page)
}

pub(crate) async fn post(any: AnySession, Peer(peer): Peer, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    match any.store.prove_second_factor(&any.session, fields.get("code"), peer, any.now).await {
        Ok(()) => {
            let to = if any.session.must_change_password() { "/password" } else { HOME };
            return Ok(reply::see(to));
        }
        Err(StoreError::Refused(Refused::SecondFactor | Refused::Throttled { .. })) => {
            reading.refuse("code", "second_factor");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ask(&any, StatusCode::UNPROCESSABLE_ENTITY, &reading))
}

#[derive(Serialize)]
pub(crate) struct SetUpSecondFactor {
    problems: Vec<Problem>,
    is_forced: bool,
    is_replacing: bool,
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
        is_replacing: own.session.second_factor() == SecondFactor::Proved,
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
    fn answer(own: &OwnAccount, codes: &[zeroize::Zeroizing<String>]) -> Response {
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
