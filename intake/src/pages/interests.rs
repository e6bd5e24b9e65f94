//! The expressions of interest, for the platform's administrator.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use serde::Serialize;
use store::{Interest, InterestState};
use templates::{Area, Page};

use super::id;
use super::interest::InterestView;
use crate::form::show_id;
use crate::papers;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{ManageEnti, PlatformDesk, show_instant};

#[derive(Serialize)]
pub(crate) struct Interests {
    interests: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    path: String,
    received_at: String,
    state: &'static str,
    decided_at: Option<String>,
    data: InterestView,
}

impl Row {
    fn sample(state: &'static str, decided_at: Option<String>) -> Self {
        Self {
            path: "/interessi/1".to_owned(),
            received_at: "3 novembre 2026, 9:00".to_owned(),
            state,
            decided_at,
            data: InterestView::sample(),
        }
    }

    fn of(interest: &Interest) -> Self {
        Self {
            path: format!("/interessi/{}", interest.id),
            received_at: show_instant(interest.received_at),
            state: interest.state.code(),
            decided_at: interest.decided_at.map(show_instant),
            data: InterestView::of(&interest.data),
        }
    }
}

impl Page for Interests {
    const TEMPLATE: &'static str = "pages/interests.html";

    fn samples() -> Vec<Self> {
        vec![Self { interests: Vec::new() }, Self { interests: vec![Row::sample("received", None)] }]
    }
}

#[derive(Serialize)]
pub(crate) struct InterestPage {
    id: String,
    interest: Row,
}

impl Page for InterestPage {
    const TEMPLATE: &'static str = "pages/interest.html";

    fn samples() -> Vec<Self> {
        let decided = Some("4 novembre 2026, 9:00".to_owned());
        [("received", None), ("declined", decided)]
            .map(|(state, decided)| Self { id: "1".to_owned(), interest: Row::sample(state, decided) })
            .into()
    }
}

pub(crate) async fn get(desk: PlatformDesk<ManageEnti>) -> Outcome {
    let interests = desk.store.interests(&desk.scope).await?;
    let page = Interests { interests: interests.iter().map(Row::of).collect() };
    Ok(desk.visitor.page(Area::Interessi, StatusCode::OK, &page))
}

pub(crate) async fn one(desk: PlatformDesk<ManageEnti>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let interest = desk.store.interest(&desk.scope, id(path)?).await?;
    let page = InterestPage { id: interest.id.to_string(), interest: Row::of(&interest) };
    Ok(desk.visitor.page(Area::Interessi, StatusCode::OK, &page))
}

pub(crate) async fn decline(desk: PlatformDesk<ManageEnti>, path: Result<Path<String>, PathRejection>) -> Outcome {
    desk.store
        .decide_interest(&desk.scope, id(path)?, InterestState::Declined, desk.now, &mut desk.visitor.portal().chance())
        .await?;
    Ok(reply::see("/interessi"))
}

/// The copy for the certified mail. Of one that was declined nothing is left to copy.
pub(crate) async fn copy(desk: PlatformDesk<ManageEnti>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let interest = desk.store.interest(&desk.scope, id(path)?).await?;
    if interest.state == InterestState::Declined {
        return Err(Failure::NotFound);
    }
    let portal = desk.visitor.portal();
    let issue = papers::issue_of_platform(portal, desk.name(), false, desk.now);
    let paper = papers::interest(issue, show_id(interest.id), interest.received_at, &interest.data);
    reply::file("manifestazione-di-interesse.pdf", "application/pdf", papers::print(portal, paper).await?)
}
