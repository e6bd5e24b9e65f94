//! The template of a strumento: the columns of a table that can be imported, explained, to read and to download.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use domain::instrument::Instrument;
use serde::Serialize;
use templates::{Area, Page};

use crate::import::standard;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, Import};

#[derive(Serialize)]
pub(crate) struct Template {
    path: String,
    title: String,
    version: u32,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Column {
    heading: String,
    is_required: bool,
    meaning: String,
    codes: Vec<(String, String)>,
}

impl Template {
    fn new(instrument: &Instrument) -> Self {
        let columns = standard::explained(instrument).into_iter().map(|column| Column {
            heading: column.heading,
            is_required: column.is_required,
            meaning: column.meaning,
            codes: column.codes,
        });
        Self {
            path: path(instrument),
            title: instrument.title.to_string(),
            version: instrument.version,
            columns: columns.collect(),
        }
    }
}

impl Page for Template {
    const TEMPLATE: &'static str = "pages/import_template.html";

    fn samples() -> Vec<Self> {
        crate::instruments::shipped().unwrap_or_default().iter().map(Self::new).collect()
    }
}

/// The page of a strumento's template.
pub(crate) fn path(instrument: &Instrument) -> String {
    format!("/importazioni/modelli/{}", instrument.id)
}

/// The strumento that a path names.
fn named(desk: &Desk<Import>, path: Result<Path<String>, PathRejection>) -> Result<Instrument, Failure> {
    let Path(id) = path.map_err(|_| Failure::NotFound)?;
    desk.portal().instrument(&id).cloned().ok_or(Failure::NotFound)
}

pub(crate) async fn get(desk: Desk<Import>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let page = Template::new(&named(&desk, path)?);
    Ok(desk.visitor.page(Area::Importazioni, StatusCode::OK, &page))
}

pub(crate) async fn csv(desk: Desk<Import>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let instrument = named(&desk, path)?;
    let bytes = standard::csv(&instrument).into_bytes();
    reply::file(&format!("modello-{}.csv", instrument.id), "text/csv; charset=utf-8", bytes)
}

pub(crate) async fn xlsx(desk: Desk<Import>, path: Result<Path<String>, PathRejection>) -> Outcome {
    const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let instrument = named(&desk, path)?;
    let name = format!("modello-{}.xlsx", instrument.id);
    let made = tokio::task::spawn_blocking(move || standard::workbook(&instrument)).await;
    match made {
        Ok(Ok(bytes)) => reply::file(&name, MEDIA_TYPE, bytes),
        Ok(Err(error)) => {
            tracing::error!(%error, "a template of an import cannot be made");
            Err(Failure::Broken)
        }
        Err(error) => {
            tracing::error!(%error, "the making of a template of an import was broken off");
            Err(Failure::Broken)
        }
    }
}
