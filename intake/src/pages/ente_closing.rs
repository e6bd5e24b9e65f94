//! The end of an Ente: what goes with it, the code typed to be sure, and the certificate.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use serde::Serialize;
use store::{Ente, Refused, StoreError};
use templates::{Area, Page};

use super::ente::{self, StandingView};
use crate::form::{Field, Fields, Problem, Reading};
use crate::papers;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{ManageEnti, PlatformDesk, show_instant};

#[derive(Serialize)]
pub(crate) struct EnteClosing {
    problems: Vec<Problem>,
    path: String,
    name: String,
    standing: StandingView,
    is_possible: bool,
    /// When somebody of the Ente last took its data out with names.
    taken_at: Option<String>,
    reason: Field,
    code: Field,
}

impl Page for EnteClosing {
    const TEMPLATE: &'static str = "pages/ente_closing.html";

    fn samples() -> Vec<Self> {
        [
            ("expired", vec![]),
            ("expired", vec![Problem { name: "code", code: "ente_code_differs" }]),
            ("active", vec![]),
        ]
        .map(|(standing, problems)| Self {
            taken_at: problems.is_empty().then(|| "3 novembre 2026, 9:00".to_owned()),
            problems,
            path: "/enti/1".to_owned(),
            name: "Pordenone".to_owned(),
            standing: StandingView::sample(standing),
            is_possible: standing == "expired",
            reason: Field::default(),
            code: Field::default(),
        })
        .into()
    }
}

async fn page(desk: &PlatformDesk<ManageEnti>, ente: Ente, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    let taken = desk.store.last_taken_with_names(&desk.scope, ente.id).await?;
    let page = EnteClosing {
        problems: reading.problems.clone(),
        path: format!("/enti/{}", ente.id),
        name: ente.name,
        standing: StandingView::of(ente.standing),
        is_possible: ente.standing.may_close(),
        taken_at: taken.map(show_instant),
        reason: reading.field("reason"),
        code: reading.field("code"),
    };
    Ok(desk.visitor.page(Area::Enti, status, &page))
}

pub(crate) async fn get(desk: PlatformDesk<ManageEnti>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let ente = ente::open(&desk, path).await?;
    page(&desk, ente, StatusCode::OK, &Reading::new(&Fields::default())).await
}

pub(crate) async fn post(
    desk: PlatformDesk<ManageEnti>,
    path: Result<Path<String>, PathRejection>,
    fields: Fields,
) -> Outcome {
    let ente = ente::open(&desk, path).await?;
    let mut reading = Reading::new(&fields);
    let reason = reading.required("reason", 500);
    if reading.required("code", 40).is_some_and(|code| code != ente.code) {
        reading.refuse("code", "ente_code_differs");
    }
    if let (Some(reason), true) = (reason, reading.is_fine()) {
        let done_by = desk.name().ok_or(Failure::BadRequest)?;
        let mut chance = desk.visitor.portal().chance();
        match desk.store.close_ente(&desk.scope, ente.id, &done_by, &reason, desk.now, &mut chance).await {
            Ok(_) => return Ok(reply::see(&format!("/enti/{}", ente.id))),
            Err(StoreError::Refused(Refused::AgreementNotOver)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    page(&desk, ente, StatusCode::UNPROCESSABLE_ENTITY, &reading).await
}

/// The certificate that an Ente's data and key are gone.
pub(crate) async fn certificate(desk: PlatformDesk<ManageEnti>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let ente = ente::found(&desk, ente::id(path)?).await?;
    let closing = desk.store.closing(&desk.scope, ente.id).await?.ok_or(Failure::NotFound)?;
    let agreements = desk.store.agreements(&desk.scope, ente.id).await?;
    let portal = desk.visitor.portal();
    let issue = papers::issue_of_platform(portal, desk.name(), ente.is_demo, desk.now);
    let paper = papers::closing_certificate(issue, &ente, agreements.first(), &closing);
    reply::file("attestato-di-chiusura.pdf", "application/pdf", papers::print(portal, paper).await?)
}
