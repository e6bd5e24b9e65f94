//! Everything held of a persona (GDPR art. 15), for a program: JSON. Each score is explained by the answers that gave it and
//! the version of the rule, so that it can be computed again.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use domain::instrument::Instrument;
use serde_json::{Value, json};
use store::{Assessment, AuditFilter, PersonaData, Right};

use super::audit::who;
use super::id;
use super::persona::{evaluation_code, origin_code, state};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, Erase};

/// Lines of the audit in one dossier at most: more than anybody's file has.
const LINES_MAX: u64 = 100_000;

fn of_data(data: &PersonaData) -> Value {
    json!({
        "surname": data.surname,
        "name": data.name,
        "identifier": data.identifier.as_ref().map(|it| json!({ "kind": it.kind().code(), "code": it.expose() })),
        "birth_date": data.birth_date,
        "birth_place": data.birth_place,
        "sex": data.sex.map(|it| it.code()),
        "residence": data.residence,
        "education": data.education.map(|it| it.code()),
        "citizenship": data.citizenship.map(|it| it.code()),
        "household": data.household.map(|it| it.code()),
        "work": data.work.map(|it| it.code()),
        "disadvantage": data.disadvantage.as_ref().map(|all| all.iter().map(|it| it.code()).collect::<Vec<_>>()),
        "phone": data.phone,
        "email": data.email,
        "note": data.note,
    })
}

/// An answer with its question and what it gave to each scale.
fn answers(one: &Assessment, instrument: &Instrument) -> Vec<Value> {
    instrument
        .items
        .iter()
        .map(|item| {
            let code = one.sheet.get(&item.id).map(|answer| answer.code());
            let option = item.options.iter().find(|option| Some(option.value) == code);
            let points = option.map(|option| {
                let named = instrument.scales.iter().zip(&option.points);
                named.map(|(scale, points)| (scale.id.to_string(), json!(points))).collect::<serde_json::Map<_, _>>()
            });
            json!({
                "item": item.id.as_str(),
                "question": item.text.as_str(),
                "code": code,
                "answer": option.map(|option| option.text.as_str()),
                "points": points,
            })
        })
        .collect()
}

fn of_assessment(one: &Assessment, instrument: Option<&Instrument>) -> Value {
    json!({
        "id": one.id.0,
        "instrument": one.instrument.as_str(),
        "version": one.version,
        "definition_sha256": one.definition_sha256,
        "state": state(one),
        "supersedes": one.supersedes.map(|id| id.0),
        "amendment_reason": one.amendment_reason,
        "annulled": one.annulment.as_ref().map(|it| json!({ "at": it.at, "reason": it.reason })),
        "assessed_on": one.assessed_on,
        "validated_at": one.validated_at,
        "operator": one.operator.as_ref().map(|by| &by.display_name),
        "origin": origin_code(one.origin),
        "source": one.import_source,
        "scores": one.scores,
        "profile": one.profile.as_ref().map(|id| id.as_str()),
        "blocks": one.blocks.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "evaluation": evaluation_code(&one.evaluation),
        "evaluation_reason": one.evaluation_reason,
        "answers": instrument.map(|instrument| answers(one, instrument)),
        "notes": one.notes.iter().map(|(item, note)| (item.to_string(), json!(note))).collect::<serde_json::Map<_, _>>(),
        "rules_looked_at_again": one.rechecked.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "azioni": one.azioni.iter().map(|azione| json!({
            "azione": azione.azione.as_str(),
            "due_on": azione.terms.due_on,
            "followed_by": azione.terms.followed_by,
            "results": azione.results.iter().map(|it| json!({ "outcome": it.outcome.code(), "at": it.at })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

pub(crate) async fn json(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let id = id(path)?;
    let (store, scope) = (&desk.store, &desk.scope);
    let persona = store.persona(scope, id, desk.now).await?;
    let history = store.history_of_persona(scope, id, desk.now).await?;
    let notices = store.notices(scope, id).await?;
    let decisions = store.decisions(scope, id).await?;
    let accounts_scope = desk.session.scope(Right::ManageAccounts)?;
    let accounts = store.accounts(&accounts_scope).await?;
    let filter = AuditFilter { subject: Some(id.0), ..AuditFilter::default() };
    let seen = store.audit(&accounts_scope, &filter, LINES_MAX, desk.now).await?;
    let portal = desk.portal();
    let dossier = json!({
        "format": "noncello access report 1",
        "made_at": desk.now,
        "ente": desk.session.ente_name(),
        "persona": id.0,
        "recorded": of_data(&persona.data),
        "entered_at": persona.created_at,
        "changed_at": persona.updated_at,
        "is_restricted": persona.is_restricted,
        "notices": notices.iter().map(|it| json!({ "version": it.version, "given_on": it.given_on })).collect::<Vec<_>>(),
        "decisions": decisions.iter().map(|it| json!({
            "kind": it.kind.code(), "at": it.at, "reason": it.reason,
            "by": it.by.as_ref().map(|by| &by.display_name),
        })).collect::<Vec<_>>(),
        "questionnaires": history.iter().map(|one| {
            of_assessment(one, portal.instrument_version(&one.instrument, one.version))
        }).collect::<Vec<_>>(),
        "accesses": seen.iter().map(|line| json!({
            "at": line.at, "who": who(line.actor.as_ref(), &accounts), "what": line.action, "refused": line.is_refused,
        })).collect::<Vec<_>>(),
    });
    let bytes = serde_json::to_vec_pretty(&dossier).map_err(|_| Failure::BadRequest)?;
    reply::file("fascicolo.json", "application/json", bytes)
}
