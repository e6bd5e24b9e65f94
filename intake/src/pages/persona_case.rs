//! What is decided about a persona as a whole: who follows them, notices given, the same human entered twice, restriction.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use domain::feed::UnitaId;
use serde::Serialize;
use store::{AccountName, Decision, DecisionKind, Follows, Notice, PersonaId, Refused, Right, StoreError};
use templates::{Area, Page};

use super::account_form::Choice;
use super::id;
use super::people::{self, PersonaHead};
use crate::form::{Field, Fields, Problem, Reading, show_date};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Assess, Assign, Desk, Erase, SeePersone, show_instant};

/// The version of the notice that is given today.
pub(crate) const NOTICE_VERSION: &str = "1";

#[derive(Serialize)]
pub(crate) struct CasePage {
    head: PersonaHead,
    problems: Vec<Problem>,
    is_restricted: bool,
    merged_into: Option<String>,
    can_assess: bool,
    can_assign: bool,
    can_decide: bool,
    can_see_audit: bool,
    follower: Option<String>,
    unita: Option<String>,
    operators: Vec<Choice>,
    unita_choices: Vec<Choice>,
    notices: Vec<NoticeView>,
    notice_version: &'static str,
    given_on: Field,
    similar: Vec<Similar>,
    decisions: Vec<DecisionView>,
}

#[derive(Serialize)]
struct NoticeView {
    version: String,
    given_on: String,
    by: Option<String>,
}

#[derive(Serialize)]
struct Similar {
    id: String,
    head: PersonaHead,
}

#[derive(Serialize)]
struct DecisionView {
    kind: &'static str,
    at: String,
    by: Option<String>,
    reason: String,
    /// The code before, in words, where the code is what changed.
    former: Option<String>,
    other: Option<String>,
}

fn by(name: &Option<AccountName>) -> Option<String> {
    name.as_ref().map(|name| name.display_name.clone())
}

impl NoticeView {
    fn of(notice: &Notice) -> Self {
        Self { version: notice.version.clone(), given_on: show_date(notice.given_on), by: by(&notice.by) }
    }
}

impl DecisionView {
    fn of(decision: &Decision, this: PersonaId) -> Self {
        let other = if decision.persona == this { decision.other } else { Some(decision.persona) };
        Self {
            kind: decision.kind.code(),
            at: show_instant(decision.at),
            by: by(&decision.by),
            former: (decision.kind == DecisionKind::IdentifierChanged)
                .then(|| people::former(decision.former.as_ref())),
            reason: decision.reason.clone(),
            other: other.map(people::path),
        }
    }
}

impl Page for CasePage {
    const TEMPLATE: &'static str = "pages/persona_case.html";

    fn samples() -> Vec<Self> {
        [(true, false, None), (false, true, None), (true, true, Some("/persone/2".to_owned()))]
            .map(|(can, is_restricted, merged_into)| Self {
                head: PersonaHead::sample(),
                problems: if can { vec![Problem { name: "reason", code: "reason" }] } else { Vec::new() },
                is_restricted,
                merged_into,
                can_assess: can,
                can_assign: can,
                can_decide: !can || is_restricted,
                can_see_audit: !can,
                follower: can.then(|| "Anna Prova".to_owned()),
                unita: can.then(|| "Sacile".to_owned()),
                operators: vec![Choice::new(1, "Anna Prova")],
                unita_choices: vec![Choice::new(1, "Sacile")],
                notices: if can {
                    vec![NoticeView { version: "1".to_owned(), given_on: "3/11/2026".to_owned(), by: None }]
                } else {
                    Vec::new()
                },
                notice_version: NOTICE_VERSION,
                given_on: Field::default(),
                similar: if can {
                    vec![Similar { id: "1".to_owned(), head: PersonaHead::sample() }]
                } else {
                    Vec::new()
                },
                decisions: ["restricted", "merged", "identifier_changed"]
                    .map(|kind| DecisionView {
                        kind,
                        at: "3/11/2026, 9:00".to_owned(),
                        by: None,
                        reason: "un motivo".to_owned(),
                        former: (kind == "identifier_changed").then(|| people::former(None)),
                        other: (kind == "merged").then(|| "/persone/2".to_owned()),
                    })
                    .into(),
            })
            .into()
    }
}

async fn page(desk: &Desk<SeePersone>, id: PersonaId, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    let (store, scope) = (&desk.store, &desk.scope);
    let persona = store.persona(scope, id, desk.now).await?;
    let follows = store.who_follows(scope, id).await?;
    let unita = store.unita(scope).await?;
    let operators = store.operators(scope).await?;
    let is_one = persona.merged_into.is_none();
    let similar = if is_one && !persona.is_restricted {
        store.similar_persone(scope, &persona.data, desk.now).await?
    } else {
        Vec::new()
    };
    let name_of = |account| operators.iter().find(|one| one.id == account).map(|one| one.display_name.clone());
    let page = CasePage {
        head: PersonaHead::new(id, &persona.data),
        problems: reading.problems.clone(),
        is_restricted: persona.is_restricted,
        merged_into: persona.merged_into.map(people::path),
        can_assess: desk.may(Right::Assess) && is_one && !persona.is_restricted,
        can_assign: desk.may(Right::Assign) && is_one && !persona.is_restricted,
        can_decide: desk.may(Right::Erase) && is_one,
        can_see_audit: desk.may(Right::ManageAccounts),
        follower: follows.account.and_then(name_of),
        unita: follows.unita.and_then(|id| unita.iter().find(|one| one.id == id)).map(|one| one.name.clone()),
        operators: operators.iter().map(|one| Choice::new(one.id, &one.display_name)).collect(),
        unita_choices: unita
            .iter()
            .filter(|one| one.is_open(desk.today()))
            .map(|one| Choice::new(one.id, &one.name))
            .collect(),
        notices: store.notices(scope, id).await?.iter().map(NoticeView::of).collect(),
        notice_version: NOTICE_VERSION,
        given_on: match reading.field("given_on") {
            Field { value, error: None } if value.is_empty() => Field::new(show_date(desk.today())),
            given => given,
        },
        similar: similar
            .iter()
            .filter(|other| other.id != id && !other.is_restricted)
            .map(|other| Similar { id: other.id.to_string(), head: PersonaHead::of_summary(other) })
            .collect(),
        decisions: store.decisions(scope, id).await?.iter().map(|one| DecisionView::of(one, id)).collect(),
    };
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn get(desk: Desk<SeePersone>, path: Result<Path<String>, PathRejection>) -> Outcome {
    page(&desk, id(path)?, StatusCode::OK, &Reading::new(&Fields::default())).await
}

/// Back to the page, with what is wrong, for whoever may see it anyway.
async fn again<N: crate::visitor::Need>(desk: Desk<N>, id: PersonaId, reading: &Reading<'_>) -> Outcome {
    page(&desk.into_seeing()?, id, StatusCode::UNPROCESSABLE_ENTITY, reading).await
}

fn done(id: PersonaId) -> Outcome {
    Ok(reply::see(&format!("{}/gestione", people::path(id))))
}

pub(crate) async fn assign(desk: Desk<Assign>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let given = |name: &str| Some(fields.get(name)).filter(|text| !text.is_empty());
    let account = given("account").map(str::parse).transpose().map_err(|_| Failure::BadRequest)?;
    let unita = given("unita").map(uuid::Uuid::parse_str).transpose().map_err(|_| Failure::BadRequest)?.map(UnitaId);
    desk.store.assign_persona(&desk.scope, id, Follows { account, unita }, desk.now).await?;
    // Who gave them away may not see them any more.
    match desk.store.persona(&desk.scope, id, desk.now).await {
        Ok(_) => done(id),
        Err(StoreError::NotFound(_)) => Ok(reply::see("/persone")),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn notice(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let mut reading = Reading::new(&fields);
    if let Some(given_on) = reading.required_date("given_on") {
        let mut chance = desk.portal().chance();
        let recorded = desk.store.record_notice(&desk.scope, id, NOTICE_VERSION, given_on, desk.now, &mut chance).await;
        match recorded {
            Ok(()) => return done(id),
            Err(StoreError::Refused(Refused::AssessedOn)) => reading.refuse("given_on", "date_future"),
            Err(error) => return Err(error.into()),
        }
    }
    again(desk, id, &reading).await
}

/// A reason, which every decision has.
fn reason(reading: &mut Reading<'_>) -> Option<String> {
    let given = reading.text("reason", 1_000);
    if given.is_none() && reading.problems.is_empty() {
        reading.refuse("reason", "reason");
    }
    given.filter(|_| reading.problems.is_empty())
}

pub(crate) async fn merge(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let from = id(path)?;
    desk.store.persona(&desk.scope, from, desk.now).await?;
    let into: PersonaId = fields.get("into").parse().map_err(|_| Failure::BadRequest)?;
    let mut reading = Reading::new(&fields);
    let Some(reason) = reason(&mut reading) else { return again(desk, from, &reading).await };
    let mut chance = desk.portal().chance();
    desk.store.merge_persone(&desk.scope, from, into, &reason, desk.now, &mut chance).await?;
    done(into)
}

pub(crate) async fn unmerge(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let mut reading = Reading::new(&fields);
    let Some(reason) = reason(&mut reading) else { return again(desk, id, &reading).await };
    desk.store.unmerge_persona(&desk.scope, id, &reason, desk.now, &mut desk.portal().chance()).await?;
    done(id)
}

pub(crate) async fn restrict(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let mut reading = Reading::new(&fields);
    let Some(reason) = reason(&mut reading) else { return again(desk, id, &reading).await };
    desk.store.restrict_persona(&desk.scope, id, &reason, desk.now, &mut desk.portal().chance()).await?;
    done(id)
}

pub(crate) async fn lift(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    let mut reading = Reading::new(&fields);
    let Some(reason) = reason(&mut reading) else { return again(desk, id, &reading).await };
    desk.store.unrestrict_persona(&desk.scope, id, &reason, desk.now, &mut desk.portal().chance()).await?;
    done(id)
}
