//! Erasing a persona: first what would go, then the deed, then a certificate that names nobody.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use serde::Serialize;
use store::{AuditFilter, ErasureGround, PersonaId, Right};
use templates::{Area, Page};

use super::audit::who;
use super::id;
use super::people::PersonaHead;
use crate::form::{Field, Fields, Problem, Reading, show_id};
use crate::papers;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, Erase, show_instant};

#[derive(Serialize)]
pub(crate) struct ErasePage {
    head: PersonaHead,
    problems: Vec<Problem>,
    count_questionnaires: usize,
    count_drafts: u64,
    count_merged: usize,
    grounds: Vec<&'static str>,
    ground: Field,
}

impl Page for ErasePage {
    const TEMPLATE: &'static str = "pages/erase.html";

    fn samples() -> Vec<Self> {
        [(0, 0, vec![]), (3, 1, vec![Problem { name: "ground", code: "required" }])]
            .map(|(questionnaires, merged, problems)| Self {
                head: PersonaHead::sample(),
                problems,
                count_questionnaires: questionnaires,
                count_drafts: 1,
                count_merged: merged,
                grounds: ErasureGround::ALL.map(ErasureGround::code).into(),
                ground: Field::default(),
            })
            .into()
    }
}

/// What was done, for whoever asked for it: who it was is not said.
#[derive(Serialize)]
pub(crate) struct ErasedPage {
    at: String,
    ente: String,
    number: String,
    certificate: String,
    ground: &'static str,
    count_questionnaires: usize,
}

impl Page for ErasedPage {
    const TEMPLATE: &'static str = "pages/erased.html";

    fn samples() -> Vec<Self> {
        vec![Self {
            at: "3/11/2026, 9:00".to_owned(),
            ente: "Ente di prova".to_owned(),
            number: "0a1b2c3d".to_owned(),
            certificate: "/cancellazioni/1/attestato.pdf".to_owned(),
            ground: "request",
            count_questionnaires: 3,
        }]
    }
}

async fn page(desk: &Desk<Erase>, id: PersonaId, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    let persona = desk.store.persona(&desk.scope, id, desk.now).await?;
    let would_go = desk.store.erasure_preview(&desk.scope, id).await?;
    let page = ErasePage {
        head: PersonaHead::new(id, &persona.data),
        problems: reading.problems.clone(),
        count_questionnaires: would_go.assessments,
        count_drafts: would_go.drafts,
        count_merged: would_go.merged,
        grounds: ErasureGround::ALL.map(ErasureGround::code).into(),
        ground: reading.field("ground"),
    };
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn get(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>) -> Outcome {
    page(&desk, id(path)?, StatusCode::OK, &Reading::new(&Fields::default())).await
}

pub(crate) async fn post(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let mut reading = Reading::new(&fields);
    let Some(ground) = reading.required_code("ground", ErasureGround::from_code) else {
        return page(&desk, id, StatusCode::UNPROCESSABLE_ENTITY, &reading).await;
    };
    let gone = desk.store.erasure_preview(&desk.scope, id).await?;
    desk.store.erase_persona(&desk.scope, id, ground, desk.now, &mut desk.portal().chance()).await?;
    let ente = desk.session.ente_name().ok_or(Failure::NotFound)?;
    let erased = ErasedPage {
        at: show_instant(desk.now),
        ente: ente.to_owned(),
        // Of the id that was theirs: it leads nowhere any more, and finds the line of the audit.
        number: show_id(id),
        certificate: format!("/cancellazioni/{id}/attestato.pdf"),
        ground: ground.code(),
        count_questionnaires: gone.assessments,
    };
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &erased))
}

/// The certificate on paper, from the line that the erasure left in the audit: it can be asked for again.
pub(crate) async fn certificate(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let erased: PersonaId = id(path)?;
    let scope = desk.session.scope(Right::ManageAccounts)?;
    let filter =
        AuditFilter { subject: Some(erased.0), action: Some("persona.erase".to_owned()), ..AuditFilter::default() };
    let line = desk.store.audit(&scope, &filter, 1, desk.now).await?.pop().ok_or(Failure::NotFound)?;
    let accounts = desk.store.accounts(&scope).await?;
    let done_by = who(line.actor.as_ref(), &accounts).unwrap_or_default();
    let portal = desk.portal();
    let issue = papers::issue(portal, &desk.session, desk.now);
    let paper = papers::certificate(issue, &line, done_by).ok_or(Failure::NotFound)?;
    reply::file("attestato-di-cancellazione.pdf", "application/pdf", papers::print(portal, paper).await?)
}
