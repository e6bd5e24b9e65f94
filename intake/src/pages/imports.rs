//! The imports of an Ente: what came from tables, whatever way it came.

use axum::http::StatusCode;
use serde::Serialize;
use store::{ImportEntry, ImportState};
use templates::{Area, Page};

use crate::form::show_id;
use crate::reply::Outcome;
use crate::visitor::{Desk, Import, show_instant};

#[derive(Serialize)]
pub(crate) struct Imports {
    imports: Vec<Row>,
    strumenti: Vec<Strumento>,
}

#[derive(Serialize)]
struct Row {
    begun_at: String,
    source: String,
    state: &'static str,
    /// `None` of one that left nothing.
    counts: Option<Counts>,
    code: String,
}

#[derive(Serialize)]
struct Counts {
    assessments: u64,
    persone: u64,
    skipped: u64,
}

/// A strumento whose template can be downloaded.
#[derive(Serialize)]
struct Strumento {
    path: String,
    title: String,
}

impl Page for Imports {
    const TEMPLATE: &'static str = "pages/imports.html";

    fn samples() -> Vec<Self> {
        let row = |state: ImportState| Row {
            begun_at: "28/11/2026, 10:05".to_owned(),
            source: "Archivio del servizio (Anna Prova)".to_owned(),
            state: state.code(),
            counts: (state == ImportState::Committed).then_some(Counts {
                assessments: 1_240,
                persone: 800,
                skipped: 3,
            }),
            code: "0a1b2c3d".to_owned(),
        };
        let strumenti = || vec![Strumento { path: "/importazioni/modelli/asso".to_owned(), title: "ASSO".to_owned() }];
        vec![
            Self { imports: ImportState::ALL.map(row).into(), strumenti: strumenti() },
            Self { imports: Vec::new(), strumenti: strumenti() },
        ]
    }
}

fn row(entry: ImportEntry) -> Row {
    let summary = entry.summary;
    Row {
        begun_at: show_instant(entry.begun_at),
        source: entry.source,
        state: entry.state.code(),
        counts: (entry.state == ImportState::Committed).then_some(Counts {
            assessments: summary.assessments,
            persone: summary.persone,
            skipped: summary.skipped,
        }),
        code: show_id(entry.id),
    }
}

pub(crate) async fn get(desk: Desk<Import>) -> Outcome {
    let imports = desk.store.imports(&desk.scope, desk.now).await?;
    let strumenti = desk.portal().instruments().map(|instrument| Strumento {
        path: super::import_template::path(instrument),
        title: instrument.title.to_string(),
    });
    let page = Imports { imports: imports.into_iter().map(row).collect(), strumenti: strumenti.collect() };
    Ok(desk.visitor.page(Area::Importazioni, StatusCode::OK, &page))
}
