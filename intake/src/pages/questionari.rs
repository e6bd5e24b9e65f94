//! The visura of an operator: what they made valid. One's own; the Ente administrator sees every operator's.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use serde::Serialize;
use store::{AccountId, Assessment, EnteScope, PersonaId, Role, Store};
use templates::{Area, Page};

use super::history::State;
use super::people;
use super::persona::{evaluation_code, state};
use super::{accounts, assessment};
use crate::form::show_date;
use crate::portal::Portal;
use crate::reply::{Failure, Outcome};
use crate::visitor::{Desk, ManageAccounts, SeeOwnWork};

/// Rows of a page.
const ROWS_MAX: u64 = 200;

#[derive(Serialize)]
pub(crate) struct Questionari {
    /// Whose; `None` for one's own.
    operator: Option<String>,
    operators: Vec<OperatorLink>,
    rows: Vec<Row>,
    is_cut: bool,
}

#[derive(Serialize)]
struct OperatorLink {
    path: String,
    name: String,
    is_current: bool,
}

#[derive(Serialize)]
struct Row {
    path: String,
    assessed_on: String,
    persona: String,
    instrument: String,
    evaluation: &'static str,
    state: State,
}

impl Page for Questionari {
    const TEMPLATE: &'static str = "pages/questionari.html";

    fn samples() -> Vec<Self> {
        let row = |state| Row {
            path: "/questionari/1".to_owned(),
            assessed_on: "3/7/2026".to_owned(),
            persona: "Rossi Maria".to_owned(),
            instrument: "ASSO".to_owned(),
            evaluation: "confirmed",
            state,
        };
        let rows = || [State::Current, State::Superseded, State::Annulled].map(row).into();
        let links = [true, false].map(|is_current| OperatorLink {
            path: "/operatori/1/questionari".to_owned(),
            name: "Anna Prova".to_owned(),
            is_current,
        });
        vec![
            Self { operator: None, operators: Vec::new(), rows: Vec::new(), is_cut: false },
            Self { operator: None, operators: Vec::new(), rows: rows(), is_cut: true },
            Self { operator: Some("Anna Prova".to_owned()), operators: links.into(), rows: rows(), is_cut: false },
        ]
    }
}

async fn rows(
    portal: &Portal,
    store: &Store,
    scope: &EnteScope,
    operator: AccountId,
) -> Result<(Vec<Row>, bool), Failure> {
    let past = store.history_of_operator(scope, operator, 0, ROWS_MAX + 1, portal.now()).await?;
    let shown = usize::try_from(ROWS_MAX).unwrap_or(usize::MAX);
    let is_cut = past.len() > shown;
    let mut names: BTreeMap<PersonaId, String> = BTreeMap::new();
    let mut rows = Vec::new();
    for one in past.iter().take(shown) {
        let persona = match names.get(&one.persona) {
            Some(name) => name.clone(),
            None => {
                let data = store.persona(scope, one.persona, portal.now()).await?.data;
                let name = people::name(&data.surname, &data.name, one.persona);
                names.insert(one.persona, name.clone());
                name
            }
        };
        rows.push(row(portal, one, persona));
    }
    Ok((rows, is_cut))
}

fn row(portal: &Portal, one: &Assessment, persona: String) -> Row {
    let instrument = portal.instrument_version(&one.instrument, one.version);
    Row {
        path: assessment::path(one.id),
        assessed_on: show_date(one.assessed_on),
        persona,
        instrument: instrument.map_or_else(|| one.instrument.to_string(), |instrument| instrument.title.to_string()),
        evaluation: evaluation_code(&one.evaluation),
        state: state(one),
    }
}

pub(crate) async fn mine(desk: Desk<SeeOwnWork>) -> Outcome {
    let (rows, is_cut) = rows(desk.portal(), &desk.store, &desk.scope, desk.session.account()).await?;
    let page = Questionari { operator: None, operators: Vec::new(), rows, is_cut };
    Ok(desk.visitor.page(Area::Questionari, StatusCode::OK, &page))
}

pub(crate) async fn of_operator(desk: Desk<ManageAccounts>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let id = super::id(path)?;
    let account = desk.store.account(&desk.scope, id).await?;
    let (rows, is_cut) = rows(desk.portal(), &desk.store, &desk.scope, id).await?;
    let all = desk.store.accounts(&desk.scope).await?;
    let operators = all.iter().filter(|other| other.role == Role::Operator).map(|other| OperatorLink {
        path: format!("{}/questionari", accounts::path(other.id)),
        name: other.display_name.clone(),
        is_current: other.id == id,
    });
    let page = Questionari { operator: Some(account.display_name), operators: operators.collect(), rows, is_cut };
    Ok(desk.visitor.page(Area::Operatori, StatusCode::OK, &page))
}
