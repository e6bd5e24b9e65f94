//! Where one starts after logging in: search, own drafts, persone seen lately, and what the role opens.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::Right;
use templates::{Area, Entry, Page};

use super::people::{self, DraftRow, PersonaHead};
use crate::form::Field;
use crate::reply::Outcome;
use crate::visitor::OwnAccount;

/// Persone seen lately.
pub(crate) const RECENT_MAX: usize = 10;

#[derive(Serialize)]
pub(crate) struct DeskPage {
    is_password_changed: bool,
    persone: Option<PersonePart>,
    links: Vec<Entry>,
}

#[derive(Serialize)]
struct PersonePart {
    query: Field,
    can_create: bool,
    can_assess: bool,
    drafts: Vec<DraftRow>,
    recent: Vec<PersonaHead>,
}

impl Page for DeskPage {
    const TEMPLATE: &'static str = "pages/desk.html";

    fn samples() -> Vec<Self> {
        let part = |drafts: Vec<DraftRow>, recent: Vec<PersonaHead>, can: bool| {
            Some(PersonePart { query: Field::default(), can_create: can, can_assess: can, drafts, recent })
        };
        let links = vec![Entry { area: Area::Territorio, path: "/cruscotti/territorio".to_owned() }];
        vec![
            Self { is_password_changed: true, persone: None, links },
            Self { is_password_changed: false, persone: part(Vec::new(), Vec::new(), true), links: Vec::new() },
            Self {
                is_password_changed: false,
                persone: part(vec![DraftRow::sample()], vec![PersonaHead::sample()], true),
                links: Vec::new(),
            },
            Self { is_password_changed: false, persone: part(Vec::new(), Vec::new(), false), links: Vec::new() },
        ]
    }
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
        let drafts = match role.may(Right::Assess) {
            true => people::draft_rows(portal, &own.store, &own.session.scope(Right::Assess)?, None).await?,
            false => Vec::new(),
        };
        let recent = own.store.recent_persone(&scope, RECENT_MAX, own.now).await?;
        Some(PersonePart {
            query: Field::default(),
            can_create: role.may(Right::Assess),
            can_assess: role.may(Right::Assess),
            drafts,
            recent: recent.iter().map(PersonaHead::of_summary).collect(),
        })
    } else {
        None
    };
    let links = own.visitor.layout(Area::Desk).user.map(|user| user.entries).unwrap_or_default();
    let page = DeskPage {
        is_password_changed: done.is_ok_and(|Query(done)| done.password.is_some()),
        persone,
        links: links
            .into_iter()
            .filter(|entry| !matches!(entry.area, Area::Desk | Area::Persone | Area::Questionari))
            .collect(),
    };
    Ok(own.visitor.page(Area::Desk, StatusCode::OK, &page))
}
