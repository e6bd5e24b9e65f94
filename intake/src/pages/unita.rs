//! The unità of an Ente: associated municipalities and services, which accounts and persone can belong to.

use axum::extract::Path;
use axum::extract::Query;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::StatusCode;
use domain::feed::UnitaId;
use serde::{Deserialize, Serialize};
use store::{Refused, StoreError};
use templates::{Area, Page};

use super::account_form::Choice;
use crate::form::{Field, Fields, Problem, Reading, show_date};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, ManageAccounts, italian_day};

#[derive(Serialize)]
pub(crate) struct UnitaPage {
    problems: Vec<Problem>,
    is_done: bool,
    name: Field,
    rows: Vec<Row>,
    choices: Vec<Choice>,
}

/// An unità with its own form.
#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    since: String,
    is_open: bool,
    count_accounts: usize,
    counted_under: String,
    ended_on: Field,
}

impl Page for UnitaPage {
    const TEMPLATE: &'static str = "pages/unita.html";

    fn samples() -> Vec<Self> {
        let row = |id: &str, is_open: bool| Row {
            id: id.to_owned(),
            name: "Sacile".to_owned(),
            since: "3/11/2026".to_owned(),
            is_open,
            count_accounts: 2,
            counted_under: if is_open { String::new() } else { "1".to_owned() },
            ended_on: if is_open { Field::default() } else { Field::new("3/11/2026") },
        };
        [(vec![], false), (vec![row("1", true)], true), (vec![row("1", true), row("2", false)], false)]
            .map(|(rows, is_done)| Self {
                problems: if is_done { Vec::new() } else { vec![Problem { name: "name", code: "required" }] },
                is_done,
                name: Field::default(),
                choices: rows.iter().map(|row| Choice::new(&row.id, &row.name)).collect(),
                rows,
            })
            .into()
    }
}

async fn page(
    desk: &Desk<ManageAccounts>,
    status: StatusCode,
    is_done: bool,
    about: Option<UnitaId>,
    reading: &Reading<'_>,
) -> Outcome {
    let all = desk.store.unita(&desk.scope).await?;
    let accounts = desk.store.accounts(&desk.scope).await?;
    let today = desk.today();
    let rows = all.iter().map(|one| Row {
        id: one.id.to_string(),
        name: one.name.clone(),
        since: show_date(italian_day(one.created_at)),
        is_open: one.is_open(today),
        count_accounts: accounts.iter().filter(|account| account.is_active && account.unita == Some(one.id)).count(),
        counted_under: one.counted_under.map(|under| under.to_string()).unwrap_or_default(),
        ended_on: if about == Some(one.id) {
            reading.field("ended_on")
        } else {
            Field::new(one.ended_on.map(show_date).unwrap_or_default())
        },
    });
    let page = UnitaPage {
        problems: reading.problems.clone(),
        is_done,
        name: reading.field("name"),
        rows: rows.collect(),
        choices: all.iter().map(|one| Choice::new(one.id, &one.name)).collect(),
    };
    Ok(desk.visitor.page(Area::Operatori, status, &page))
}

#[derive(Deserialize)]
pub(crate) struct Done {
    fatto: Option<String>,
}

pub(crate) async fn get(desk: Desk<ManageAccounts>, done: Result<Query<Done>, QueryRejection>) -> Outcome {
    let is_done = done.is_ok_and(|Query(done)| done.fatto.is_some());
    page(&desk, StatusCode::OK, is_done, None, &Reading::new(&Fields::default())).await
}

pub(crate) async fn create(desk: Desk<ManageAccounts>, fields: Fields) -> Outcome {
    let mut reading = Reading::new(&fields);
    let Some(name) = reading.required("name", 200) else {
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, false, None, &reading).await;
    };
    match desk.store.create_unita(&desk.scope, &name, desk.now, &mut desk.portal().chance()).await {
        Ok(_) => Ok(reply::see("/operatori/unita?fatto=creata")),
        Err(StoreError::Refused(Refused::TextForm(_))) => {
            reading.refuse("name", "text");
            page(&desk, StatusCode::UNPROCESSABLE_ENTITY, false, None, &reading).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn update(
    desk: Desk<ManageAccounts>,
    path: Result<Path<String>, PathRejection>,
    fields: Fields,
) -> Outcome {
    let id = super::id(path).map(UnitaId)?;
    let all = desk.store.unita(&desk.scope).await?;
    let known = all.iter().find(|one| one.id == id).ok_or(Failure::NotFound)?;
    let mut reading = Reading::new(&fields);
    let ended_on = reading.date("ended_on");
    let given = fields.get("counted_under");
    let under = all.iter().map(|one| one.id).find(|one| one.to_string() == given && *one != id);
    if under.is_none() && !given.is_empty() {
        return Err(Failure::BadRequest);
    }
    if !reading.is_fine() {
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, false, Some(id), &reading).await;
    }
    if under != known.counted_under {
        desk.store.move_unita(&desk.scope, id, under, desk.now, &mut desk.portal().chance()).await?;
    }
    if ended_on != known.ended_on {
        desk.store.end_unita(&desk.scope, id, ended_on, desk.now).await?;
    }
    Ok(reply::see("/operatori/unita?fatto=cambiata"))
}
