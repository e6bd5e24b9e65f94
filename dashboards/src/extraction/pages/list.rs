//! The extractions of an Ente that are kept.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use templates::Page;

use super::{Asked, ExtractionView, Refusal, sample_views};
use crate::extraction::Extractions;

#[derive(Serialize)]
pub(crate) struct List {
    ente: String,
    extractions: Vec<ExtractionView>,
}

impl Page for List {
    const TEMPLATE: &'static str = "pages/extractions.html";

    fn samples() -> Vec<Self> {
        [Vec::new(), sample_views()]
            .map(|extractions| Self { ente: "Ambito dimostrativo".to_owned(), extractions })
            .into()
    }
}

pub(crate) async fn get(State(extractions): State<Extractions>, asked: Asked) -> Response {
    let outcome = list(&extractions, &asked).await;
    asked.answer(&extractions, outcome).await
}

async fn list(extractions: &Extractions, asked: &Asked) -> Result<Response, Refusal> {
    asked.seen().await?;
    let kept = asked.with_shelf(extractions, |shelf, now| shelf.all(now)).await?;
    let page = List {
        ente: asked.extractor.ente_name.clone(),
        extractions: kept.iter().map(|one| ExtractionView::new(one, &extractions.shared.instruments)).collect(),
    };
    Ok(asked.page(extractions, page).await)
}
