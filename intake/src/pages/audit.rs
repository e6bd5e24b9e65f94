//! The Ente's own audit, with filters; and who has seen one persona.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};
use serde::{Deserialize, Serialize};
use store::{Account, Actor, AuditEntry, AuditFilter, PersonaId, Right};
use templates::{Area, Page};

use super::account_form::Choice;
use super::{id, people};
use crate::form::{Field, read_date, show_id};
use crate::reply::Outcome;
use crate::visitor::{Desk, ManageAccounts, show_instant};

/// Lines on a page.
const LINES: u64 = 100;

/// What can be asked for: the first words of the actions.
const ACTIONS: [&str; 20] = [
    "persona",
    "assessment",
    "draft",
    "azione",
    "session",
    "account",
    "token",
    "import",
    "audit",
    "operator",
    "dashboards",
    "extraction",
    "identified_extraction",
    "query",
    "keys",
    "unita",
    "settings",
    "feed",
    "refused",
    "command_line",
];

#[derive(Serialize)]
pub(crate) struct AuditPage {
    /// The page of the persona that it is about; `None` for all.
    persona: Option<String>,
    lines: Vec<LineView>,
    accounts: Vec<Choice>,
    actions: Vec<&'static str>,
    actor: Field,
    action: Field,
    from: Field,
    until: Field,
    only_refused: bool,
    next: Option<String>,
}

#[derive(Serialize)]
struct LineView {
    seq: i64,
    at: String,
    who: Option<String>,
    role: Option<&'static str>,
    /// Whether a program did it, with a token of the account.
    is_program: bool,
    action: String,
    is_refused: bool,
    subjects: Vec<String>,
    detail: Option<String>,
}

impl Page for AuditPage {
    const TEMPLATE: &'static str = "pages/audit.html";

    fn samples() -> Vec<Self> {
        let line = |who: Option<&str>, is_refused| LineView {
            seq: 7,
            at: "3/11/2026, 9:00".to_owned(),
            who: who.map(ToOwned::to_owned),
            role: who.is_some().then_some("operator"),
            is_program: is_refused,
            action: "persona.read".to_owned(),
            is_refused,
            subjects: vec!["0a1b2c3d".to_owned()],
            detail: is_refused.then(|| "/persone".to_owned()),
        };
        [(None, true), (Some("/persone/1".to_owned()), false)]
            .map(|(persona, is_full)| Self {
                persona,
                lines: if is_full { vec![line(Some("Anna Prova"), false), line(None, true)] } else { Vec::new() },
                accounts: vec![Choice::new(1, "Anna Prova")],
                actions: ACTIONS.into(),
                actor: Field::default(),
                action: Field::default(),
                from: Field::default(),
                until: Field { value: "x".to_owned(), error: Some("date") },
                only_refused: is_full,
                next: is_full.then(|| "/registro?prima=1".to_owned()),
            })
            .into()
    }
}

#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    chi: Option<String>,
    azione: Option<String>,
    dal: Option<String>,
    al: Option<String>,
    rifiutate: Option<String>,
    prima: Option<i64>,
}

/// The first instant of a day in Italy.
fn start_of(day: NaiveDate) -> Option<DateTime<Utc>> {
    let midnight = day.and_hms_opt(0, 0, 0)?;
    chrono_tz::Europe::Rome.from_local_datetime(&midnight).earliest().map(|at| at.with_timezone(&Utc))
}

/// A day in a field: nothing, a date, or what is wrong.
fn day_of(given: Option<&str>) -> (Field, Option<NaiveDate>) {
    let text = given.unwrap_or_default().trim();
    let read = read_date(text);
    let error = (read.is_none() && !text.is_empty()).then_some("date");
    (Field { value: text.to_owned(), error }, read)
}

/// The name of whoever did something, among the Ente's accounts.
pub(crate) fn who(actor: Option<&Actor>, accounts: &[Account]) -> Option<String> {
    match actor? {
        Actor::Account { id, .. } | Actor::Token { id, .. } => {
            accounts.iter().find(|account| account.id == *id).map(|account| account.display_name.clone())
        }
        Actor::CommandLine { name } => Some(name.clone()),
    }
}

async fn page(desk: &Desk<ManageAccounts>, asked: &Asked, persona: Option<PersonaId>) -> Outcome {
    let accounts = desk.store.accounts(&desk.scope).await?;
    let (from, first) = day_of(asked.dal.as_deref());
    let (until, last) = day_of(asked.al.as_deref());
    let action = asked.azione.as_deref().filter(|given| ACTIONS.contains(given));
    let filter = AuditFilter {
        before_seq: asked.prima,
        actor: asked.chi.as_deref().and_then(|id| id.parse().ok()),
        action: action.map(ToOwned::to_owned),
        subject: persona.map(|persona| persona.0),
        from: first.and_then(start_of),
        until: last.and_then(|day| day.checked_add_days(Days::new(1))).and_then(start_of),
        only_refused: asked.rifiutate.is_some(),
    };
    let entries = desk.store.audit(&desk.scope, &filter, LINES, desk.now).await?;
    let full = u64::try_from(entries.len()).is_ok_and(|count| count == LINES);
    let base = persona.map_or_else(|| "/registro".to_owned(), |id| format!("{}/accessi", people::path(id)));
    let next = entries.last().filter(|_| full).map(|oldest| {
        let mut query = vec![format!("prima={}", oldest.seq)];
        query.extend(filter.actor.map(|actor| format!("chi={actor}")));
        query.extend(action.map(|action| format!("azione={action}")));
        query.extend(first.map(|day| format!("dal={}", day.format("%d/%m/%Y"))));
        query.extend(last.map(|day| format!("al={}", day.format("%d/%m/%Y"))));
        query.extend(filter.only_refused.then(|| "rifiutate=1".to_owned()));
        format!("{base}?{}", query.join("&"))
    });
    let line = |entry: &AuditEntry| LineView {
        seq: entry.seq,
        at: show_instant(entry.at),
        who: who(entry.actor.as_ref(), &accounts),
        role: match entry.actor {
            Some(Actor::Account { role, .. } | Actor::Token { role, .. }) => Some(role.code()),
            Some(Actor::CommandLine { .. }) | None => None,
        },
        is_program: matches!(entry.actor, Some(Actor::Token { .. })),
        action: entry.action.clone(),
        is_refused: entry.is_refused,
        subjects: entry.subjects.iter().map(show_id).collect(),
        detail: entry.detail.clone(),
    };
    let page = AuditPage {
        persona: persona.map(people::path),
        lines: entries.iter().map(line).collect(),
        accounts: accounts.iter().map(|account| Choice::new(account.id, &account.display_name)).collect(),
        actions: ACTIONS.into(),
        actor: Field::new(asked.chi.clone().unwrap_or_default()),
        action: Field::new(action.unwrap_or_default()),
        from,
        until,
        only_refused: filter.only_refused,
        next,
    };
    Ok(desk.visitor.page(Area::Registro, StatusCode::OK, &page))
}

pub(crate) async fn get(desk: Desk<ManageAccounts>, asked: Result<Query<Asked>, QueryRejection>) -> Outcome {
    page(&desk, &asked.map(|Query(asked)| asked).unwrap_or_default(), None).await
}

pub(crate) async fn of_persona(
    desk: Desk<ManageAccounts>,
    path: Result<Path<String>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Outcome {
    let id = id(path)?;
    desk.store.persona(&desk.session.scope(Right::SeePersone)?, id, desk.now).await?;
    page(&desk, &asked.map(|Query(asked)| asked).unwrap_or_default(), Some(id)).await
}
