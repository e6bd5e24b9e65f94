//! A strumento tried out: the form, and the report of what was answered. Nothing is stored.

use std::collections::BTreeSet;

use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use domain::instrument::Instrument;
use domain::scoring::Sheet;
use serde::{Deserialize, Serialize};
use templates::{Area, Page};

use super::report::Report;
use super::view::{self, InstrumentHead, SectionView};
use crate::example;
use crate::reply;
use crate::visitor::Visitor;

/// How many invented examples the page offers; any other number works too.
const EXAMPLES: [u64; 3] = [1, 2, 3];

#[derive(Serialize)]
pub(crate) struct Tryout {
    head: InstrumentHead,
    window_days: Option<u32>,
    examples: [u64; 3],
    count_invalid: usize,
    sections: Vec<SectionView>,
}

impl Tryout {
    fn new(instrument: &Instrument, sheet: &Sheet, invalid: &[String]) -> Self {
        Self {
            head: InstrumentHead::new(instrument),
            window_days: instrument.window_days,
            examples: EXAMPLES,
            count_invalid: invalid.len(),
            sections: view::sections(instrument, sheet, invalid),
        }
    }
}

impl Page for Tryout {
    const TEMPLATE: &'static str = "pages/tryout.html";

    fn samples() -> Vec<Self> {
        let instruments = view::sample_instruments();
        let blank = instruments.iter().map(|instrument| Self::new(instrument, &Sheet::new(), &[]));
        let refused = instruments.iter().map(|instrument| {
            Self::new(instrument, &example::sheet(instrument, 1), &[instrument.items[0].id.to_string()])
        });
        blank.chain(refused).collect()
    }
}

#[derive(Serialize)]
pub(crate) struct TryoutReport {
    head: InstrumentHead,
    report: Report,
}

impl Page for TryoutReport {
    const TEMPLATE: &'static str = "pages/tryout_report.html";

    fn samples() -> Vec<Self> {
        view::sample_instruments()
            .iter()
            .flat_map(|instrument| {
                let sheets = (0..20).map(|seed| example::sheet(instrument, seed)).chain([Sheet::new()]);
                sheets
                    .map(|sheet| (InstrumentHead::new(instrument), Report::new(instrument, &sheet)))
                    .collect::<Vec<_>>()
            })
            .filter_map(|(head, report)| Some(Self { head, report: report.ok()? }))
            .collect()
    }
}

#[derive(Deserialize)]
pub(crate) struct Choice {
    esempio: Option<u64>,
}

pub(crate) async fn get(
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    choice: Result<Query<Choice>, QueryRejection>,
) -> Response {
    let Some(instrument) = path.ok().and_then(|Path(id)| visitor.portal().instrument(&id)) else {
        return reply::not_found(&visitor);
    };
    let Ok(Query(choice)) = choice else { return reply::bad_request(&visitor) };
    let sheet = choice.esempio.map(|seed| example::sheet(instrument, seed)).unwrap_or_default();
    reply::page(&visitor, Area::Instruments, StatusCode::OK, &Tryout::new(instrument, &sheet, &[]))
}

pub(crate) async fn post(
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let Some(instrument) = path.ok().and_then(|Path(id)| visitor.portal().instrument(&id)) else {
        return reply::not_found(&visitor);
    };
    let Ok(Form(fields)) = form else { return reply::bad_request(&visitor) };
    let names: BTreeSet<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    if names.len() < fields.len() {
        return reply::bad_request(&visitor);
    }
    let mut sheet = Sheet::new();
    let mut invalid = Vec::new();
    for (name, code) in fields {
        let Some(index) = instrument.item_index(&name) else { return reply::bad_request(&visitor) };
        let item = &instrument.items[index];
        match view::read_answer(item, &code) {
            Some(answer) => {
                sheet.insert(item.id.clone(), answer);
            }
            None => invalid.push(name),
        }
    }
    if !invalid.is_empty() {
        let page = Tryout::new(instrument, &sheet, &invalid);
        return reply::page(&visitor, Area::Instruments, StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    match Report::new(instrument, &sheet) {
        Ok(report) => {
            let page = TryoutReport { head: InstrumentHead::new(instrument), report };
            reply::page(&visitor, Area::Instruments, StatusCode::OK, &page)
        }
        Err(_) => reply::bad_request(&visitor),
    }
}
