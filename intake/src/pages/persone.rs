//! Looking for a persona: by code or by name, always by POST, so that neither ever stands in an address.

use axum::http::StatusCode;
use domain::identifier::{Identifier, IdentifierKind};
use serde::Serialize;
use store::Right;
use templates::{Area, Page};

use super::desk::RECENT_MAX;
use super::people::PersonaHead;
use crate::form::{Field, Fields};
use crate::reply::Outcome;
use crate::visitor::{Desk, SeePersone};

/// Rows of a result.
const FOUND_MAX: usize = 50;
/// Characters of a search.
const QUERY_MAX: usize = 200;

#[derive(Serialize)]
pub(crate) struct Persone {
    query: Field,
    can_create: bool,
    found: Option<Found>,
    recent: Vec<PersonaHead>,
}

#[derive(Serialize)]
struct Found {
    persone: Vec<PersonaHead>,
    is_cut: bool,
}

impl Page for Persone {
    const TEMPLATE: &'static str = "pages/persone.html";

    fn samples() -> Vec<Self> {
        let unknown = PersonaHead { born_on: None, comune: None, ..PersonaHead::sample() };
        let found = |persone: Vec<PersonaHead>, is_cut| Some(Found { persone, is_cut });
        [
            (None, Vec::new()),
            (None, vec![PersonaHead::sample(), unknown.clone()]),
            (found(Vec::new(), false), Vec::new()),
            (found(vec![unknown], false), Vec::new()),
            (found(vec![PersonaHead::sample(), PersonaHead::sample()], true), Vec::new()),
        ]
        .map(|(found, recent)| Self { query: Field::new("ros"), can_create: recent.is_empty(), found, recent })
        .into()
    }
}

pub(crate) async fn get(desk: Desk<SeePersone>) -> Outcome {
    let recent = desk.store.recent_persone(&desk.scope, RECENT_MAX, desk.now).await?;
    let page = Persone {
        query: Field::default(),
        can_create: desk.may(Right::Assess),
        found: None,
        recent: recent.iter().map(PersonaHead::of_summary).collect(),
    };
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}

pub(crate) async fn search(desk: Desk<SeePersone>, fields: Fields) -> Outcome {
    let query: String = fields.get("query").chars().take(QUERY_MAX).collect();
    let mut persone = Vec::new();
    for kind in IdentifierKind::ALL {
        if let Ok(identifier) = Identifier::parse(kind, &query, desk.today())
            && let Some(summary) = desk.store.find_by_identifier(&desk.scope, &identifier, desk.now).await?
        {
            persone.push(PersonaHead::of_summary(&summary));
        }
    }
    let mut is_cut = false;
    if persone.is_empty() && query.chars().any(char::is_alphabetic) {
        let found = desk.store.find_by_name(&desk.scope, &query, FOUND_MAX, desk.now).await?;
        is_cut = found.has_more;
        persone = found.persone.iter().map(PersonaHead::of_summary).collect();
    }
    let page = Persone {
        query: Field::new(query),
        can_create: desk.may(Right::Assess),
        found: Some(Found { persone, is_cut }),
        recent: Vec::new(),
    };
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}
