//! Where one starts after logging in: search, own drafts, persone seen lately, and what the role opens.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use chrono::{DateTime, Days, Utc};
use serde::{Deserialize, Serialize};
use store::{Due, EnteScope, Right, Store, StoreError};
use templates::{Area, Entry, Page};

use super::people::{self, DraftRow, PersonaHead};
use crate::form::{Field, show_date};
use crate::portal::Portal;
use crate::reply::Outcome;
use crate::visitor::{OwnAccount, italian_day};

/// Persone shown for each strumento of those who are due.
const DUE_MAX: usize = 10;
/// Persone seen lately.
pub(crate) const RECENT_MAX: usize = 10;

#[derive(Serialize)]
pub(crate) struct DeskPage {
    is_password_changed: bool,
    persone: Option<PersonePart>,
    /// Editions of reports to read.
    unread: u32,
    links: Vec<Entry>,
}

#[derive(Serialize)]
struct PersonePart {
    query: Field,
    can_create: bool,
    can_assess: bool,
    drafts: Vec<DraftRow>,
    due: Vec<DuePart>,
    recent: Vec<PersonaHead>,
}

/// Who is due with a strumento.
#[derive(Serialize)]
struct DuePart {
    title: String,
    days: u32,
    count: usize,
    persone: Vec<DueRow>,
}

#[derive(Serialize)]
struct DueRow {
    head: PersonaHead,
    assessed_on: String,
}

impl Page for DeskPage {
    const TEMPLATE: &'static str = "pages/desk.html";
    const SCRIPTS: &'static [&'static str] = &["local.js"];

    fn samples() -> Vec<Self> {
        let part = |drafts: Vec<DraftRow>, recent: Vec<PersonaHead>, can: bool| {
            let due = DuePart {
                title: "ASSO".to_owned(),
                days: 180,
                count: 12,
                persone: vec![DueRow { head: PersonaHead::sample(), assessed_on: "3/3/2026".to_owned() }],
            };
            let due = if recent.is_empty() { Vec::new() } else { vec![due] };
            Some(PersonePart { query: Field::default(), can_create: can, can_assess: can, drafts, due, recent })
        };
        let links = vec![Entry { area: Area::Cruscotti, path: "/cruscotti/quadro".to_owned() }];
        vec![
            Self { unread: 2, is_password_changed: true, persone: None, links },
            Self {
                unread: 0,
                is_password_changed: false,
                persone: part(Vec::new(), Vec::new(), true),
                links: Vec::new(),
            },
            Self {
                unread: 1,
                is_password_changed: false,
                persone: part(vec![DraftRow::sample()], vec![PersonaHead::sample()], true),
                links: Vec::new(),
            },
            Self {
                unread: 0,
                is_password_changed: false,
                persone: part(Vec::new(), Vec::new(), false),
                links: Vec::new(),
            },
        ]
    }
}

/// Who is due with each strumento: after as many days as the Ente has set, or the definition says.
async fn due(
    portal: &Portal,
    store: &Store,
    scope: &EnteScope,
    now: DateTime<Utc>,
) -> Result<Vec<DuePart>, StoreError> {
    let set = store.reassess_days(scope).await?;
    let mut parts = Vec::new();
    for instrument in portal.instruments() {
        let days = set.get(&instrument.id).copied().or(instrument.reassess_after_days).unwrap_or(0);
        let last_on = italian_day(now).checked_sub_days(Days::new(days.into()));
        let Some(last_on) = last_on.filter(|_| days > 0) else { continue };
        let (persone, count) = store.due_persone(scope, &instrument.id, last_on, DUE_MAX, now).await?;
        if count > 0 {
            let row = |one: &Due| DueRow {
                head: PersonaHead::of_summary(&one.persona),
                assessed_on: show_date(one.assessed_on),
            };
            let title = instrument.title.to_string();
            parts.push(DuePart { title, days, count, persone: persone.iter().map(row).collect() });
        }
    }
    Ok(parts)
}

#[derive(Deserialize)]
pub(crate) struct Done {
    password: Option<String>,
}

pub(crate) async fn get(own: OwnAccount, done: Result<Query<Done>, QueryRejection>) -> Outcome {
    let role = own.session.role();
    let portal = own.visitor.portal();
    let persone = if role.may(Right::SeePersone) {
        let scope = own.session.scope(Right::SeePersone)?;
        let drafts = match role.may(Right::SeeOwnWork) {
            true => people::draft_rows(portal, &own.store, &scope, None).await?,
            false => Vec::new(),
        };
        let recent = own.store.recent_persone(&scope, RECENT_MAX, own.now).await?;
        Some(PersonePart {
            query: Field::default(),
            can_create: role.may(Right::Assess) && own.session.standing().may_write(),
            can_assess: role.may(Right::SeeOwnWork),
            drafts,
            due: match role.may(Right::Assess) {
                true => due(portal, &own.store, &scope, own.now).await?,
                false => Vec::new(),
            },
            recent: recent.iter().map(PersonaHead::of_summary).collect(),
        })
    } else {
        None
    };
    let unread = match role.may(Right::SeeDashboards) {
        true => portal.unread(own.session.scope(Right::SeeDashboards)?.ente(), own.session.account()).await,
        false => 0,
    };
    let links = own.visitor.layout(Area::Desk).user.map(|user| user.entries).unwrap_or_default();
    let page = DeskPage {
        is_password_changed: done.is_ok_and(|Query(done)| done.password.is_some()),
        persone,
        unread,
        links: links
            .into_iter()
            .filter(|entry| !matches!(entry.area, Area::Desk | Area::Persone | Area::Questionari))
            .collect(),
    };
    Ok(own.visitor.page(Area::Desk, StatusCode::OK, &page))
}
