//! Everything held of a persona (GDPR art. 15), and the copy of it for programs; the paper is `access_request`'s. Each score is explained by the answers
//! that gave it and the version of the rule, so that it can be computed again.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use chrono::{DateTime, Utc};
use domain::instrument::{Id, Instrument};
use serde_json::{Value, json};
use store::{
    Account, AccountName, Assessment, AuditEntry, AuditFilter, Decision, DecisionKind, Draft, Notice, Persona,
    PersonaData, PersonaId, Right,
};

use super::audit::who;
use super::id;
use super::persona::{evaluation_code, origin_code, state};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, Erase};

/// Lines of the audit in one dossier at most: more than anybody's file has.
const LINES_MAX: u64 = 100_000;

/// What is held of a persona.
pub(crate) struct Dossier {
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) persona: Persona,
    /// Those merged into them, at whatever remove.
    pub(crate) merged: Vec<Persona>,
    pub(crate) follower: Option<String>,
    pub(crate) unita: Option<String>,
    pub(crate) history: Vec<Assessment>,
    /// Whose each is.
    pub(crate) drafts: Vec<(Draft, Option<AccountName>)>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) decisions: Vec<Decision>,
    /// Lines of the audit about any of them, the newest first.
    pub(crate) seen: Vec<AuditEntry>,
    /// Whom those lines may name.
    pub(crate) accounts: Vec<Account>,
}

impl Dossier {
    pub(super) async fn read(desk: &Desk<Erase>, id: PersonaId) -> Result<Self, Failure> {
        let (store, scope) = (&desk.store, &desk.scope);
        let accounts_scope = desk.session.scope(Right::ManageAccounts)?;
        let persona = store.persona(scope, id, desk.now).await?;
        let history = store.history_of_persona(scope, id, desk.now).await?;
        let drafts = store.drafts_of_persona(scope, id, desk.now).await?;
        let follows = store.who_follows(scope, id).await?;
        let accounts = store.accounts(&accounts_scope).await?;
        let unita = store.unita(scope).await?;
        let mut merged: Vec<Persona> = Vec::new();
        let (mut notices, mut decisions, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        let mut wanted = vec![id];
        while let Some(id) = wanted.pop() {
            notices.extend(store.notices(scope, id).await?);
            for decision in store.decisions(scope, id).await? {
                let is_into_this = decision.kind == DecisionKind::Merged && decision.other == Some(id);
                if is_into_this && merged.iter().all(|known| known.id != decision.persona) {
                    let other = store.persona(scope, decision.persona, desk.now).await?;
                    // Taken apart again, they are somebody else.
                    if other.merged_into == Some(id) {
                        wanted.push(other.id);
                        merged.push(other);
                    }
                }
                if !decisions.contains(&decision) {
                    decisions.push(decision);
                }
            }
            let filter = AuditFilter { subject: Some(id.0), ..AuditFilter::default() };
            seen.extend(store.audit(&accounts_scope, &filter, LINES_MAX, desk.now).await?);
        }
        notices.sort_by_key(|notice| std::cmp::Reverse((notice.given_on, notice.at)));
        decisions.sort_by_key(|decision| std::cmp::Reverse(decision.at));
        seen.sort_by_key(|line| std::cmp::Reverse(line.seq));
        seen.dedup_by_key(|line| line.seq);
        let name = |id| accounts.iter().find(|account| account.id == id).map(|account| account.display_name.clone());
        Ok(Self {
            made_at: desk.now,
            persona,
            merged,
            follower: follows.account.and_then(name),
            unita: follows.unita.and_then(|id| unita.into_iter().find(|one| one.id == id)).map(|one| one.name),
            history,
            drafts,
            notices,
            decisions,
            seen,
            accounts,
        })
    }
}

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
        "notes": of_notes(&one.notes),
        "rules_looked_at_again": one.rechecked.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "azioni": one.azioni.iter().map(|azione| json!({
            "azione": azione.azione.as_str(),
            "due_on": azione.terms.due_on,
            "followed_by": azione.terms.followed_by,
            "results": azione.results.iter().map(|it| json!({ "outcome": it.outcome.code(), "at": it.at })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

/// Notes by item.
fn of_notes(notes: &BTreeMap<Id, String>) -> Value {
    notes.iter().map(|(item, note)| (item.to_string(), json!(note))).collect::<serde_json::Map<_, _>>().into()
}

fn of_draft(draft: &Draft, by: Option<&AccountName>) -> Value {
    json!({
        "instrument": draft.instrument.as_str(),
        "version": draft.version,
        "started_at": draft.started_at,
        "saved_at": draft.updated_at,
        "operator": by.map(|by| &by.display_name),
        "notes": of_notes(&draft.notes),
        "answers": draft.sheet.iter().map(|(item, answer)| json!({ "item": item.as_str(), "code": answer.code() })).collect::<Vec<_>>(),
    })
}

pub(crate) async fn json(desk: Desk<Erase>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let held = Dossier::read(&desk, id(path)?).await?;
    let portal = desk.portal();
    let dossier = json!({
        "format": "noncello access report 1",
        "made_at": held.made_at,
        "ente": desk.session.ente_name(),
        "persona": held.persona.id.0,
        "recorded": of_data(&held.persona.data),
        "entered_at": held.persona.created_at,
        "changed_at": held.persona.updated_at,
        "is_restricted": held.persona.is_restricted,
        "merged": held.merged.iter().map(|it| json!({
            "persona": it.id.0, "recorded": of_data(&it.data), "entered_at": it.created_at, "changed_at": it.updated_at,
        })).collect::<Vec<_>>(),
        "followed_by": held.follower,
        "unita": held.unita,
        "notices": held.notices.iter().map(|it| json!({ "version": it.version, "given_on": it.given_on })).collect::<Vec<_>>(),
        "decisions": held.decisions.iter().map(|it| json!({
            "kind": it.kind.code(), "at": it.at, "reason": it.reason,
            "former_identifier": it.former.as_ref().map(|it| json!({ "kind": it.kind.code(), "code": it.expose() })),
            "by": it.by.as_ref().map(|by| &by.display_name),
        })).collect::<Vec<_>>(),
        "questionnaires": held.history.iter().map(|one| {
            of_assessment(one, portal.instrument_version(&one.instrument, one.version))
        }).collect::<Vec<_>>(),
        "drafts": held.drafts.iter().map(|(draft, by)| of_draft(draft, by.as_ref())).collect::<Vec<_>>(),
        "accesses": held.seen.iter().map(|line| json!({
            "at": line.at, "who": who(line.actor.as_ref(), &held.accounts), "what": line.action, "refused": line.is_refused,
        })).collect::<Vec<_>>(),
    });
    let bytes = serde_json::to_vec_pretty(&dossier).map_err(|_| Failure::BadRequest)?;
    reply::file("fascicolo.json", "application/json", bytes)
}
