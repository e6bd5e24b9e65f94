//! One's own account: what it is for, where it is logged in, how it logs in.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{SecondFactor, SessionId, SessionRow};
use templates::{Area, Page};

use super::id;
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
    has_second_factor: bool,
    needs_second_factor: bool,
    codes_left: u64,
    sessions: Vec<SessionView>,
    tokens: Vec<TokenView>,
    may_have_tokens: bool,
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
        ]
        .map(|(done, has_second_factor, needs_second_factor, codes_left)| Self {
            done,
            name: "Anna Prova".to_owned(),
            username: "anna".to_owned(),
            role: "operator",
            ente: (!needs_second_factor).then(|| "Ente di prova".to_owned()),
            has_second_factor,
            needs_second_factor,
            codes_left,
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
        Some(_) | None => None,
    };
    let session = &own.session;
    let sessions = own.store.sessions(session, own.now).await?;
    let tokens = own.store.tokens(session, own.now).await?;
    let page = OwnAccountPage {
        done,
        name: session.display_name().to_owned(),
        username: session.username().to_owned(),
        role: session.role().code(),
        ente: session.ente_name().map(ToOwned::to_owned),
        has_second_factor: session.second_factor() == SecondFactor::Proved,
        needs_second_factor: session.role().needs_second_factor(),
        codes_left: own.store.recovery_codes_left(session).await?,
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
