//! The persone who may be in the Ente twice.

use axum::http::StatusCode;
use serde::Serialize;
use templates::{Area, Page};

use super::people::PersonaHead;
use crate::reply::Outcome;
use crate::visitor::{Desk, SeePersone};

#[derive(Serialize)]
pub(crate) struct Duplicates {
    groups: Vec<Vec<PersonaHead>>,
}

impl Page for Duplicates {
    const TEMPLATE: &'static str = "pages/duplicates.html";

    fn samples() -> Vec<Self> {
        vec![Self { groups: Vec::new() }, Self { groups: vec![vec![PersonaHead::sample(), PersonaHead::sample()]] }]
    }
}

pub(crate) async fn get(desk: Desk<SeePersone>) -> Outcome {
    let groups = desk.store.possible_duplicates(&desk.scope, desk.now).await?;
    let heads = |group: &Vec<store::PersonaSummary>| group.iter().map(PersonaHead::of_summary).collect();
    let page = Duplicates { groups: groups.iter().map(heads).collect() };
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}
