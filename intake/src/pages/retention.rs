//! Whom the Ente need not keep any longer: first who they are, then, for those who are ticked, the deed.

use std::collections::BTreeSet;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{ErasureGround, PastRetention, PersonaId, Right};
use templates::{Area, Page};

use super::people;
use crate::form::{Fields, show_date};
use crate::reply::{self, Outcome};
use crate::visitor::{Desk, Erase};

/// Rows of the page: each is looked at by somebody.
const ROWS_MAX: usize = 100;

#[derive(Serialize)]
pub(crate) struct Retention {
    /// How many were erased just now.
    erased: Option<u32>,
    /// Nothing was ticked, or not said to be certain.
    is_unsure: bool,
    /// `None` where the Ente has set no time.
    months: Option<u32>,
    count: usize,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    path: String,
    name: String,
    last_on: String,
    is_ticked: bool,
}

impl Page for Retention {
    const TEMPLATE: &'static str = "pages/retention.html";

    fn samples() -> Vec<Self> {
        let row = || Row {
            id: "1".to_owned(),
            path: "/persone/1".to_owned(),
            name: "Rossi Mario".to_owned(),
            last_on: "3/7/2015".to_owned(),
            is_ticked: true,
        };
        vec![
            Self { erased: None, is_unsure: false, months: None, count: 0, rows: Vec::new() },
            Self { erased: Some(1), is_unsure: false, months: Some(120), count: 0, rows: Vec::new() },
            Self { erased: Some(2), is_unsure: true, months: Some(120), count: 1, rows: vec![row()] },
            Self { erased: None, is_unsure: false, months: Some(1), count: 300, rows: vec![row()] },
        ]
    }
}

#[derive(Deserialize)]
pub(crate) struct Done {
    cancellate: Option<u32>,
}

async fn page(
    desk: &Desk<Erase>,
    status: StatusCode,
    erased: Option<u32>,
    is_unsure: bool,
    ticked: &BTreeSet<PersonaId>,
) -> Outcome {
    let months = desk.store.retention_months(&desk.session.scope(Right::SeeEnte)?).await?;
    let (found, count) = desk.store.past_retention(&desk.scope, ROWS_MAX, desk.now).await?;
    let row = |one: &PastRetention| Row {
        id: one.persona.id.to_string(),
        path: people::path(one.persona.id),
        name: people::name(&one.persona.surname, &one.persona.name, one.persona.id),
        last_on: show_date(one.last_on),
        is_ticked: ticked.contains(&one.persona.id),
    };
    let page = Retention { erased, is_unsure, months, count, rows: found.iter().map(row).collect() };
    Ok(desk.visitor.page(Area::Impostazioni, status, &page))
}

pub(crate) async fn get(desk: Desk<Erase>, done: Result<Query<Done>, QueryRejection>) -> Outcome {
    let erased = done.ok().and_then(|Query(done)| done.cancellate);
    page(&desk, StatusCode::OK, erased, false, &BTreeSet::new()).await
}

pub(crate) async fn post(desk: Desk<Erase>, fields: Fields) -> Outcome {
    let ticked: BTreeSet<PersonaId> = fields.all("persona").filter_map(|id| id.parse().ok()).take(ROWS_MAX).collect();
    if ticked.is_empty() || fields.get("certo") != "1" {
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, None, true, &ticked).await;
    }
    let mut erased = 0;
    // Whoever was assessed since the page was shown stays.
    for persona in desk.store.still_past_retention(&desk.scope, &ticked, desk.now).await? {
        let ground = ErasureGround::Retention;
        desk.store.erase_persona(&desk.scope, persona, ground, desk.now, &mut desk.portal().chance()).await?;
        erased += 1;
    }
    Ok(reply::see(&format!("/conservazione?cancellate={erased}")))
}
