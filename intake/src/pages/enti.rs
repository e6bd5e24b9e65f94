//! The Enti, as the platform may know them: name, code, how many comuni and accounts. Never a persona or a figure.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use domain::run;
use serde::Serialize;
use templates::{Area, Page};

use super::ente::StandingView;
use crate::reply::Outcome;
use crate::visitor::{ManageEnti, PlatformDesk};

#[derive(Serialize)]
pub(crate) struct Enti {
    enti: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    code: String,
    count_comuni: usize,
    count_accounts: u64,
    path: String,
    standing: StandingView,
    /// How its data stand on their way to its dashboards: that, and no figure.
    data: &'static str,
}

impl Page for Enti {
    const TEMPLATE: &'static str = "pages/enti.html";

    fn samples() -> Vec<Self> {
        let row = Row {
            name: "Pordenone".to_owned(),
            code: "pordenone-demo".to_owned(),
            count_comuni: 12,
            count_accounts: 7,
            path: "/enti/1".to_owned(),
            standing: StandingView::sample("running_out"),
            data: "late",
        };
        vec![Self { enti: Vec::new() }, Self { enti: vec![row] }]
    }
}

pub(crate) async fn get(desk: PlatformDesk<ManageEnti>) -> Outcome {
    let counts = desk.store.account_counts(&desk.scope).await?;
    let enti = desk.store.enti(&desk.scope, desk.now).await?;
    let mut data = BTreeMap::new();
    for ente in &enti {
        let record = desk.visitor.portal().run_record(ente.id).await;
        data.insert(ente.id, run::Standing::of(record.as_ref(), desk.now).code());
    }
    let rows = enti.into_iter().map(|ente| Row {
        data: data.get(&ente.id).copied().unwrap_or_default(),
        count_comuni: ente.comuni.len(),
        count_accounts: counts.iter().filter(|((of, _), _)| *of == Some(ente.id)).map(|(_, count)| count).sum(),
        path: format!("/enti/{}", ente.id),
        standing: StandingView::of(ente.standing),
        name: ente.name,
        code: ente.code,
    });
    let page = Enti { enti: rows.collect() };
    Ok(desk.visitor.page(Area::Enti, StatusCode::OK, &page))
}
