//! The access report of a persona: everything that [`Dossier`] holds, in the shapes of the paper.

use std::collections::{BTreeMap, BTreeSet};

use documents::{
    AccessReport, AnswerSection, Contact, Draft, Fact, Issue, Notice, Processing, Questionnaire, Restriction,
    Strumento, Viewing,
};
use domain::instrument::{Id, Instrument};
use domain::person::Disadvantage;
use store::{Actor, Assessment, AuditEntry, Categories, DecisionKind, Persona};

use super::italian_moment;
use super::words::{WORDS, words};
use crate::form::{show_date, show_id};
use crate::pages::access_request::AccessRequest;
use crate::pages::audit::who;
use crate::pages::dossier::Dossier;
use crate::pages::people::{self, comune_name};
use crate::pages::persona_form::place_name;
use crate::pages::report::answer_text;
use crate::portal::Portal;
use crate::reply::Failure;
use crate::visitor::{italian_day, show_instant};

/// Lines of the audit on paper, some forty to a page; the others are in the copy for programs.
const VIEWINGS_MAX: usize = 1_000;

fn fact(label: &str, value: impl Into<String>) -> Fact {
    Fact::new(words("persona", label), value)
}

/// A characteristic, in words; nobody recorded it where there is no code.
fn characteristic(kind: &str, code: Option<&str>) -> Option<Fact> {
    Some(Fact::new(words("characteristic", kind), words(kind, code?)))
}

fn disadvantage(all: Option<&BTreeSet<Disadvantage>>) -> Option<Fact> {
    Some(Fact::new(words("characteristic", "disadvantage"), people::disadvantage_text(all)?))
}

fn identity(persona: &Persona) -> Vec<Fact> {
    let data = &persona.data;
    let text = |label: &str, value: &Option<String>| value.as_ref().map(|value| fact(label, value));
    [
        Some(fact("name", people::name(&data.surname, &data.name, persona.id))),
        data.identifier
            .as_ref()
            .map(|it| fact("identifier", format!("{} ({})", it.expose(), words("identifier_kind", it.kind().code())))),
        data.birth_date.map(|date| fact("birth_date", show_date(date))),
        data.birth_place.as_deref().map(|code| fact("birth_place", place_name(code, data.birth_date))),
        characteristic("sex", data.sex.map(|it| it.code())),
        data.residence.as_deref().map(|code| fact("residence", comune_name(code))),
        characteristic("education", data.education.map(|it| it.code())),
        characteristic("citizenship", data.citizenship.map(|it| it.code())),
        characteristic("household", data.household.map(|it| it.code())),
        characteristic("work", data.work.map(|it| it.code())),
        disadvantage(data.disadvantage.as_ref()),
        text("phone", &data.phone),
        text("email", &data.email),
        Some(fact("entered_at", show_instant(persona.created_at))),
        Some(fact("changed_at", show_instant(persona.updated_at))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn circumstances(of: &Categories) -> Vec<Fact> {
    [
        of.comune.as_deref().map(|code| fact("residence", comune_name(code))),
        of.facts.age.map(|age| fact("age", age.to_string())),
        characteristic("sex", of.facts.sex.map(|it| it.code())),
        characteristic("education", of.facts.education.map(|it| it.code())),
        characteristic("citizenship", of.facts.citizenship.map(|it| it.code())),
        characteristic("household", of.facts.household.map(|it| it.code())),
        characteristic("work", of.facts.work.map(|it| it.code())),
        disadvantage(of.facts.disadvantage.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A questionnaire whose definition this installation no longer has: its answers by their codes, and no explanation.
fn without_definition(one: &Assessment) -> Questionnaire {
    Questionnaire {
        strumento: Strumento {
            title: one.instrument.to_string(),
            subtitle: None,
            version: one.version,
            is_unofficial: false,
            source: words("persona", "no_definition"),
            definition_sha256: one.definition_sha256.clone(),
        },
        assessed_on: one.assessed_on,
        validated_on: Some(italian_day(one.validated_at)),
        operator: one.operator.as_ref().map(|by| by.display_name.clone()),
        origin: super::origin(one),
        standing: super::standing(one),
        correction_reason: one.amendment_reason.clone(),
        circumstances: Vec::new(),
        notes: Vec::new(),
        count_answered: one.sheet.values().filter(|answer| answer.code() >= 0).count(),
        count_items: one.sheet.len(),
        has_profile: false,
        profile: None,
        blocks: Vec::new(),
        scales: Vec::new(),
        evaluation: super::evaluation(one, |class| Some(class.to_string())),
        azioni: Vec::new(),
        answers: vec![AnswerSection {
            title: one.instrument.to_string(),
            answers: one
                .sheet
                .iter()
                .enumerate()
                .map(|(place, (item, answer))| documents::Answer {
                    number: place + 1,
                    item: item.to_string(),
                    answer: answer.code().to_string(),
                    is_missing: answer.code() < 0,
                })
                .collect(),
        }],
    }
}

fn questionnaire(portal: &Portal, one: &Assessment) -> Result<Questionnaire, Failure> {
    let paper = match portal.instrument_version(&one.instrument, one.version) {
        Some(instrument) => super::questionnaire(instrument, one).map_err(|_| Failure::BadRequest)?,
        None => without_definition(one),
    };
    let notes = notes(portal.instrument_version(&one.instrument, one.version), &one.notes);
    Ok(Questionnaire { circumstances: circumstances(&one.categories), notes, ..paper })
}

/// Notes, each under its question; under the id where the definition is gone.
fn notes(instrument: Option<&Instrument>, notes: &BTreeMap<Id, String>) -> Vec<Fact> {
    let item = |id: &Id| instrument.and_then(|all| all.items.iter().find(|item| item.id == *id));
    let question = |id: &Id| item(id).map_or_else(|| id.to_string(), |item| item.text.to_string());
    notes.iter().map(|(id, note)| Fact::new(question(id), note.clone())).collect()
}

fn draft(instrument: Option<&Instrument>, draft: &store::Draft, by: Option<&store::AccountName>) -> Draft {
    let answers = draft.sheet.iter().map(|(id, answer)| {
        let item = instrument.and_then(|all| Some((all, all.items.iter().position(|item| item.id == *id)?)));
        match item {
            Some((all, item)) => Fact::new(all.items[item].text.to_string(), answer_text(all, &draft.sheet, item)),
            None => Fact::new(id.to_string(), answer.code().to_string()),
        }
    });
    Draft {
        strumento: super::versioned(
            instrument.map_or_else(|| draft.instrument.to_string(), |it| it.title.to_string()),
            draft.version,
        ),
        started_on: italian_day(draft.started_at),
        saved_on: italian_day(draft.updated_at),
        by: by.map(|by| by.display_name.clone()),
        answers: answers.collect(),
        notes: notes(instrument, &draft.notes),
    }
}

/// From the last to the first; one that was lifted says why.
fn restrictions(dossier: &Dossier) -> Vec<Restriction> {
    let mut found: Vec<Restriction> = Vec::new();
    for decision in dossier.decisions.iter().rev() {
        let on = italian_day(decision.at);
        match decision.kind {
            DecisionKind::Restricted => {
                found.push(Restriction { from: on, until: None, reason: decision.reason.clone() });
            }
            DecisionKind::Unrestricted => {
                if let Some(open) = found.iter_mut().rev().find(|one| one.until.is_none()) {
                    open.until = Some(on);
                    open.reason = format!("{} → {}", open.reason, decision.reason);
                }
            }
            DecisionKind::Merged
            | DecisionKind::Unmerged
            | DecisionKind::IdentifierChanged
            | DecisionKind::AccessGiven => {}
        }
    }
    found.reverse();
    found
}

fn viewing(line: &AuditEntry, dossier: &Dossier) -> Viewing {
    let what = words("action", &line.action);
    Viewing {
        at: italian_moment(line.at),
        who: who(line.actor.as_ref(), &dossier.accounts).unwrap_or_else(|| words("persona", "unknown")),
        role: match line.actor {
            Some(Actor::Account { role, .. } | Actor::Token { role, .. }) => Some(words("role", role.code())),
            Some(Actor::CommandLine { .. }) | None => None,
        },
        what: if line.is_refused { format!("{what} ({})", words("action", "refused")) } else { what },
    }
}

/// The access report.
///
/// # Errors
/// When an answer does not belong to its strumento.
pub(crate) fn access_report(
    portal: &Portal,
    issue: Issue,
    request: AccessRequest,
    dossier: &Dossier,
) -> Result<AccessReport, Failure> {
    let persona = &dossier.persona;
    let mut facts = identity(persona);
    facts.extend(dossier.follower.iter().map(|name| fact("follower", name)));
    facts.extend(dossier.unita.iter().map(|name| fact("unita", name)));
    for other in &dossier.merged {
        facts.push(fact("merged", show_id(other.id)));
        facts.extend(identity(other));
        facts.extend(other.data.note.iter().map(|note| fact("note", note)));
    }
    for decision in &dossier.decisions {
        let why = match decision.kind {
            DecisionKind::Merged | DecisionKind::Unmerged | DecisionKind::AccessGiven => decision.reason.clone(),
            DecisionKind::IdentifierChanged => people::former(decision.former.as_ref()),
            DecisionKind::Restricted | DecisionKind::Unrestricted => continue,
        };
        facts.push(Fact::new(words("decision", decision.kind.code()), format!("{}: {why}", show_instant(decision.at))));
    }
    let mut sources: Vec<String> = dossier.history.iter().filter_map(|one| one.import_source.clone()).collect();
    sources.sort();
    sources.dedup();
    let access = &WORDS.access;
    Ok(AccessReport {
        persona: people::name(&persona.data.surname, &persona.data.name, persona.id),
        number: request.number,
        requested_on: request.requested_on,
        requested_by: request.requested_by,
        as_of: italian_moment(dossier.made_at),
        identity: facts,
        notes: persona.data.note.clone(),
        notices: dossier
            .notices
            .iter()
            .map(|notice| Notice {
                title: super::versioned(words("persona", "notice"), &notice.version),
                given_on: notice.given_on,
                how: None,
                by: notice.by.as_ref().map(|by| by.display_name.clone()),
            })
            .collect(),
        questionnaires: dossier.history.iter().map(|one| questionnaire(portal, one)).collect::<Result<_, _>>()?,
        drafts: dossier
            .drafts
            .iter()
            .map(|(one, by)| draft(portal.instrument_version(&one.instrument, one.version), one, by.as_ref()))
            .collect(),
        restrictions: restrictions(dossier),
        viewings: dossier.seen.iter().take(VIEWINGS_MAX).map(|line| viewing(line, dossier)).collect(),
        viewings_left_out: dossier.seen.len().saturating_sub(VIEWINGS_MAX),
        processing: Processing {
            controller: Contact {
                name: issue.ente.clone(),
                office: Some(access.controller_office.clone()),
                email: None,
                phone: None,
            },
            dpo: None,
            purposes: access.purposes.clone(),
            categories: access.categories.clone(),
            recipients: access.recipients(),
            storage: access.storage.clone(),
            sources,
        },
        issue,
    })
}
