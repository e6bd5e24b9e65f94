//! Another name or other comuni of an Ente, from a day on.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use serde::Serialize;
use store::{Ente, EnteChange, Refused, StoreError};
use templates::{Area, Page};

use super::ente::open;
use super::ente_form::required_comuni;
use super::people::comune_name;
use crate::form::{Field, Fields, Problem, Reading, show_date};
use crate::reply::{self, Outcome};
use crate::visitor::{ManageEnti, PlatformDesk, italian_day};

#[derive(Serialize)]
pub(crate) struct ChangePage {
    problems: Vec<Problem>,
    /// Lines of the comuni that name none, or several.
    unknown: Vec<String>,
    path: String,
    ente: String,
    name: Field,
    comuni: Field,
    from: Field,
}

impl Page for ChangePage {
    const TEMPLATE: &'static str = "pages/ente_change.html";

    fn samples() -> Vec<Self> {
        [(vec![], vec![]), (vec![Problem { name: "comuni", code: "comune_unknown" }], vec!["Atlantide".to_owned()])]
            .map(|(problems, unknown)| Self {
                problems,
                unknown,
                path: "/enti/1".to_owned(),
                ente: "Pordenone".to_owned(),
                name: Field::new("Pordenone"),
                comuni: Field::new("Pordenone\nCordenons"),
                from: Field::new("3/11/2026"),
            })
            .into()
    }
}

/// The comuni of an Ente, one on each line.
fn lines(comuni: &BTreeSet<String>) -> String {
    let mut names: Vec<String> = comuni.iter().map(|code| comune_name(code)).collect();
    names.sort();
    names.join("\n")
}

fn page(
    desk: &PlatformDesk<ManageEnti>,
    ente: &Ente,
    status: StatusCode,
    reading: &Reading<'_>,
    unknown: Vec<String>,
) -> axum::response::Response {
    let page = ChangePage {
        problems: reading.problems.clone(),
        unknown,
        path: format!("/enti/{}", ente.id),
        ente: ente.name.clone(),
        name: reading.field("name"),
        comuni: reading.field("comuni"),
        from: reading.field("from"),
    };
    desk.visitor.page(Area::Enti, status, &page)
}

pub(crate) async fn get(desk: PlatformDesk<ManageEnti>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let ente = open(&desk, path).await?;
    let pairs =
        [("name", ente.name.clone()), ("comuni", lines(&ente.comuni)), ("from", show_date(italian_day(desk.now)))];
    let fields = Fields::new(pairs.map(|(name, value)| (name.to_owned(), value)).into());
    Ok(page(&desk, &ente, StatusCode::OK, &Reading::new(&fields), Vec::new()))
}

pub(crate) async fn post(
    desk: PlatformDesk<ManageEnti>,
    path: Result<Path<String>, PathRejection>,
    fields: Fields,
) -> Outcome {
    let ente = open(&desk, path).await?;
    let mut reading = Reading::new(&fields);
    let name = reading.required("name", 200);
    let from = reading.required_date("from");
    let (comuni, unknown) = required_comuni(&mut reading, fields.get("comuni"), italian_day(desk.now));
    if let (Some(name), Some(from), true) = (name, from, reading.is_fine()) {
        let change = EnteChange { name, comuni, from };
        let mut chance = desk.visitor.portal().chance();
        match desk.store.change_ente(&desk.scope, ente.id, &change, desk.now, &mut chance).await {
            Ok(()) => return Ok(reply::see(&format!("/enti/{}", ente.id))),
            Err(StoreError::Refused(Refused::TextForm("from"))) => reading.refuse("from", "change_too_early"),
            Err(StoreError::Refused(Refused::TextForm(_))) => reading.refuse("name", "text"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(page(&desk, &ente, StatusCode::UNPROCESSABLE_ENTITY, &reading, unknown))
}
