//! One's own account: what it is for, where it is logged in, how it logs in.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{SessionId, SessionRow};
use templates::{Area, Page};

use super::id;
use super::passkeys::PasskeyView;
use super::tokens::{self, TokenView};
use crate::reply::{self, Outcome};
use crate::visitor::{OwnAccount, show_instant};

#[derive(Serialize)]
pub(crate) struct OwnAccountPage {
    done: Option<&'static str>,
    name: String,
    username: String,
    role: &'static str,
    ente: Option<String>,
    has_totp: bool,
    has_second_factor: bool,
    needs_second_factor: bool,
    codes_left: u64,
    passkeys: Vec<PasskeyView>,
    may_have_passkeys: bool,
    gateway: Option<GatewayView>,
    sessions: Vec<SessionView>,
    tokens: Vec<TokenView>,
    may_have_tokens: bool,
}

/// The gateway, and whether it opens the account.
#[derive(Serialize)]
struct GatewayView {
    name: String,
    is_linked: bool,
}

/// A session in a list.
#[derive(Serialize)]
pub(crate) struct SessionView {
    path: String,
    began_at: String,
    seen_at: String,
    is_this: bool,
}

impl SessionView {
    pub(crate) fn sample(is_this: bool) -> Self {
        Self {
            path: "/account/sessioni/1".to_owned(),
            began_at: "3 novembre 2026, 9:00".to_owned(),
            seen_at: "3 novembre 2026, 9:30".to_owned(),
            is_this,
        }
    }

    /// A session whose actions stand under a path.
    pub(crate) fn of(row: &SessionRow, under: &str, this: SessionId) -> Self {
        Self {
            path: format!("{under}/sessioni/{}", row.id),
            began_at: show_instant(row.created_at),
            seen_at: show_instant(row.last_seen_at),
            is_this: row.id == this,
        }
    }
}

impl Page for OwnAccountPage {
    const TEMPLATE: &'static str = "pages/account.html";
    const SCRIPTS: &'static [&'static str] = &["local.js"];

    fn samples() -> Vec<Self> {
        [
            (None, false, false, 0),
            (Some("removed"), true, false, 2),
            (Some("revoked"), false, false, 0),
            (Some("closed"), true, true, 10),
            (Some("passkey"), true, false, 9),
            (Some("passkey_removed"), true, true, 8),
            (Some("last"), true, true, 1),
            (Some("linked"), true, true, 10),
            (Some("unlinked"), false, false, 0),
        ]
        .map(|(done, has_second_factor, needs_second_factor, codes_left)| Self {
            done,
            name: "Anna Prova".to_owned(),
            username: "anna".to_owned(),
            role: "operator",
            ente: (!needs_second_factor).then(|| "Ente di prova".to_owned()),
            has_totp: has_second_factor && codes_left != 9,
            has_second_factor,
            needs_second_factor,
            codes_left,
            passkeys: if codes_left > 8 { PasskeyView::samples() } else { Vec::new() },
            may_have_passkeys: codes_left > 0,
            gateway: (codes_left != 2)
                .then(|| GatewayView { name: "SPID o CIE".to_owned(), is_linked: codes_left == 10 }),
            sessions: vec![SessionView::sample(true), SessionView::sample(false)],
            tokens: if has_second_factor { TokenView::samples() } else { Vec::new() },
            may_have_tokens: !needs_second_factor,
        })
        .into()
    }
}

#[derive(Deserialize)]
pub(crate) struct Done {
    fatto: Option<String>,
}

pub(crate) async fn get(own: OwnAccount, done: Result<Query<Done>, QueryRejection>) -> Outcome {
    let done = match done.ok().and_then(|Query(done)| done.fatto).as_deref() {
        Some("tolto") => Some("removed"),
        Some("chiusa") => Some("closed"),
        Some("revocata") => Some("revoked"),
        Some("passkey") => Some("passkey"),
        Some("passkey-tolta") => Some("passkey_removed"),
        Some("ultima") => Some("last"),
        Some("collegato") => Some("linked"),
        Some("scollegato") => Some("unlinked"),
        Some(_) | None => None,
    };
    let session = &own.session;
    let sessions = own.store.sessions(session, own.now).await?;
    let tokens = own.store.tokens(session, own.now).await?;
    let has = own.store.second_factors(session).await?;
    let is_linked = own.store.is_gateway_linked(session).await?;
    let portal = own.visitor.portal();
    let page = OwnAccountPage {
        done,
        name: session.display_name().to_owned(),
        username: session.username().to_owned(),
        role: session.role().code(),
        ente: session.ente_name().map(ToOwned::to_owned),
        has_totp: has.totp,
        has_second_factor: has.totp || has.passkey,
        needs_second_factor: session.role().needs_second_factor(),
        codes_left: own.store.recovery_codes_left(session).await?,
        passkeys: own.store.passkeys(session).await?.iter().map(PasskeyView::of).collect(),
        may_have_passkeys: portal.passkeys().is_some(),
        gateway: portal.gateway().map(|gateway| GatewayView { name: gateway.name().to_owned(), is_linked }),
        sessions: sessions.iter().map(|row| SessionView::of(row, "/account", session.id())).collect(),
        tokens: tokens.iter().map(|row| TokenView::of(row, "/account")).collect(),
        may_have_tokens: !tokens::open_to(session).is_empty(),
    };
    Ok(own.visitor.page(Area::Other, StatusCode::OK, &page))
}

pub(crate) async fn end_session(own: OwnAccount, path: Result<Path<String>, PathRejection>) -> Outcome {
    own.store.revoke_session(&own.session, id(path)?, own.now).await?;
    Ok(reply::see("/account?fatto=chiusa"))
}
