//! A table to be imported: the strumento, from where it comes, the file. Nothing is imported here: the table is tried first.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use templates::{Area, Page};

use super::persona_form::Named;
use crate::form::{Field, Fields, Problem, Reading};
use crate::import::standard;
use crate::import::trials::{Busy, NewTrial};
use crate::reply::{self, Outcome};
use crate::upload::{FILE_BYTES_MAX, Upload};
use crate::visitor::{Desk, Import};

/// Characters of the text that says from where a table comes: with who sent it, it stands beside every questionnaire.
const SOURCE_LENGTH_MAX: usize = 120;

#[derive(Serialize)]
pub(crate) struct ImportForm {
    problems: Vec<Problem>,
    strumenti: Vec<Named>,
    strumento: Field,
    source: Field,
    source_length_max: usize,
    file: Field,
    megabytes_max: usize,
}

impl ImportForm {
    fn new(strumenti: Vec<Named>, reading: &Reading<'_>) -> Self {
        Self {
            problems: reading.problems.clone(),
            strumenti,
            strumento: reading.field("strumento"),
            source: reading.field("fonte"),
            source_length_max: SOURCE_LENGTH_MAX,
            file: reading.hidden("file"),
            megabytes_max: FILE_BYTES_MAX / 1024 / 1024,
        }
    }
}

impl Page for ImportForm {
    const TEMPLATE: &'static str = "pages/import_form.html";

    fn samples() -> Vec<Self> {
        let strumenti = || vec![Named { code: "asso".to_owned(), text: "ASSO".to_owned() }];
        let blank = Fields::default();
        let mut wrong = Reading::new(&blank);
        wrong.refuse("strumento", "choice");
        wrong.refuse("fonte", "required");
        wrong.refuse("file", "file_large");
        vec![Self::new(strumenti(), &Reading::new(&blank)), Self::new(strumenti(), &wrong)]
    }
}

fn page(desk: &Desk<Import>, status: StatusCode, reading: &Reading<'_>) -> Response {
    let strumenti = desk
        .portal()
        .instruments()
        .map(|instrument| Named { code: instrument.id.to_string(), text: instrument.title.to_string() });
    desk.visitor.page(Area::Importazioni, status, &ImportForm::new(strumenti.collect(), reading))
}

pub(crate) async fn get(desk: Desk<Import>) -> Response {
    page(&desk, StatusCode::OK, &Reading::new(&Fields::default()))
}

pub(crate) async fn post(desk: Desk<Import>, fields: Fields, upload: Upload) -> Outcome {
    let mut reading = Reading::new(&fields);
    let instrument = desk.portal().instrument(fields.get("strumento")).cloned();
    if instrument.is_none() {
        reading.refuse("strumento", "choice");
    }
    let source = reading.required("fonte", SOURCE_LENGTH_MAX);
    let file = upload.file(&mut reading, "file");
    let (Some(instrument), Some(source), Some(file), true) = (instrument, source, file, reading.is_fine()) else {
        return Ok(page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &reading));
    };
    let map = standard::map(&instrument, &source, desk.session.display_name());
    let new = NewTrial { account: desk.session.account(), instrument, source, map, file };
    match desk.portal().trials().begin(desk.portal(), &desk.store, &desk.scope, new, desk.now) {
        Ok(id) => Ok(reply::see(&super::import_trial::path(id))),
        Err(busy) => {
            reading.refuse(
                "file",
                match busy {
                    Busy::Ente => "import_busy",
                    Busy::Portal => "import_full",
                },
            );
            Ok(page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &reading))
        }
    }
}
