//! A persona: what is recorded, what is under way, and the visura storica.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use domain::feed::{Evaluation, Origin};
use serde::{Deserialize, Serialize};
use store::{Assessment, PersonaData, Right};
use templates::{Area, Page};

use super::azioni::{self, OpenAzione};
use super::history::{self, History, Past, State};
use super::people::{self, DraftRow, PersonaHead};
use super::{draft, persona_form, view};
use crate::form::{Fields, show_date};
use crate::reply::Outcome;
use crate::visitor::{Desk, SeePersone};

#[derive(Serialize)]
pub(crate) struct PersonaPage {
    head: PersonaHead,
    facts: Facts,
    saved: bool,
    can_write: bool,
    can_assess: bool,
    drafts: Vec<DraftRow>,
    instruments: Vec<Startable>,
    open: Vec<OpenAzione>,
    histories: Vec<History>,
}

#[derive(Serialize)]
struct Facts {
    identifier_kind: &'static str,
    identifier: Option<String>,
    born_on: Option<String>,
    age: Option<i32>,
    birth_place: Option<String>,
    sex: &'static str,
    comune: Option<String>,
    education: &'static str,
    citizenship: &'static str,
    household: &'static str,
    work: &'static str,
    disadvantage: Vec<&'static str>,
    phone: Option<String>,
    email: Option<String>,
    notes: Option<String>,
}

/// A strumento that can be begun.
#[derive(Serialize)]
struct Startable {
    id: String,
    title: String,
    /// The last questionnaire whose answers it can begin with.
    previous: Option<Previous>,
}

#[derive(Serialize)]
struct Previous {
    id: String,
    assessed_on: String,
}

impl Facts {
    fn new(data: &PersonaData, today: chrono::NaiveDate) -> Self {
        let code = |code: Option<&'static str>| code.unwrap_or("unknown");
        Self {
            identifier_kind: data.identifier.as_ref().map_or("none", |this| this.kind().code()),
            identifier: data.identifier.as_ref().map(|this| this.expose().to_owned()),
            born_on: data.birth_date.map(show_date),
            age: data.birth_date.map(|birth| people::age_on(birth, today)),
            birth_place: data.birth_place.as_deref().map(|code| persona_form::place_name(code, data.birth_date)),
            sex: code(data.sex.map(domain::person::Sex::code)),
            comune: data.residence.as_deref().map(people::comune_name),
            education: code(data.education.map(domain::person::Education::code)),
            citizenship: code(data.citizenship.map(domain::person::Citizenship::code)),
            household: code(data.household.map(domain::person::Household::code)),
            work: code(data.work.map(domain::person::Work::code)),
            disadvantage: match &data.disadvantage {
                None => vec!["unknown"],
                Some(categories) if categories.is_empty() => vec!["none"],
                Some(categories) => categories.iter().map(|this| this.code()).collect(),
            },
            phone: data.phone.clone(),
            email: data.email.clone(),
            notes: data.note.clone(),
        }
    }
}

impl Page for PersonaPage {
    const TEMPLATE: &'static str = "pages/persona.html";

    fn samples() -> Vec<Self> {
        let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 25).unwrap_or_default();
        let full = PersonaData {
            birth_date: chrono::NaiveDate::from_ymd_opt(1985, 12, 10),
            birth_place: Some("G888".to_owned()),
            disadvantage: Some([domain::person::Disadvantage::Poverty, domain::person::Disadvantage::Housing].into()),
            phone: Some("0434 000000".to_owned()),
            email: Some("maria@example.org".to_owned()),
            note: Some("Una nota.".to_owned()),
            residence: Some("093033".to_owned()),
            ..PersonaData::default()
        };
        let none = PersonaData { disadvantage: Some(std::collections::BTreeSet::new()), ..PersonaData::default() };
        let instruments = view::sample_instruments();
        let histories = history::samples(&instruments);
        let startable = || {
            [None, Some(Previous { id: "1".to_owned(), assessed_on: "3/7/2026".to_owned() })]
                .map(|previous| Startable { id: "asso".to_owned(), title: "ASSO".to_owned(), previous })
                .into()
        };
        [
            (full, true, vec![DraftRow::sample()], startable(), histories),
            (PersonaData::default(), false, Vec::new(), Vec::new(), Vec::new()),
            (none, true, Vec::new(), startable(), Vec::new()),
        ]
        .map(|(data, can, drafts, instruments, histories)| Self {
            head: PersonaHead::sample(),
            facts: Facts::new(&data, today),
            saved: can,
            can_write: can,
            can_assess: can,
            drafts,
            instruments,
            open: if can { OpenAzione::samples() } else { Vec::new() },
            histories,
        })
        .into()
    }
}

#[derive(Deserialize)]
pub(crate) struct Done {
    salvata: Option<u8>,
}

pub(crate) async fn get(
    desk: Desk<SeePersone>,
    path: Result<Path<String>, PathRejection>,
    done: Result<Query<Done>, QueryRejection>,
) -> Outcome {
    let id = super::id(path)?;
    let persona = desk.store.persona(&desk.scope, id, desk.now).await?;
    let past = desk.store.history_of_persona(&desk.scope, id, desk.now).await?;
    let can_write = desk.may(Right::Assess) && desk.session.standing().may_write() && persona.merged_into.is_none();
    let portal = desk.portal();
    let drafts = match can_write {
        true => people::draft_rows(portal, &desk.store, &desk.scope, Some(id)).await?,
        false => Vec::new(),
    };
    let page = PersonaPage {
        head: PersonaHead::new(id, &persona.data),
        facts: Facts::new(&persona.data, desk.today()),
        saved: done.is_ok_and(|Query(done)| done.salvata.is_some()),
        can_write,
        can_assess: can_write && !persona.is_restricted,
        drafts,
        instruments: portal
            .instruments()
            .map(|instrument| Startable {
                id: instrument.id.to_string(),
                title: instrument.title.to_string(),
                // The history comes with the latest day first.
                previous: past.iter().filter(|one| one.is_current()).find_map(|one| {
                    let copied = draft::copy(instrument, one)?;
                    Some(Previous { id: copied.from.to_string(), assessed_on: show_date(copied.assessed_on) })
                }),
            })
            .collect(),
        open: azioni::views(portal, &past, desk.today(), &Fields::default()),
        histories: history::histories(past.iter().map(self::past).collect(), |id, version| {
            portal.instrument_version(id, version)
        }),
    };
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}

/// A stored questionnaire as the visura shows it.
fn past(one: &Assessment) -> Past {
    Past {
        path: format!("/questionari/{}", one.id),
        assessed_on: one.assessed_on,
        instrument: one.instrument.clone(),
        version: one.version,
        scores: one.scores.clone(),
        profile: one.profile.clone(),
        state: state(one),
        is_correction: one.supersedes.is_some(),
        evaluation: evaluation_code(&one.evaluation),
        origin: origin_code(one.origin),
        operator: one.operator.as_ref().map(|operator| operator.display_name.clone()),
        sem_hundredths: one.sem_hundredths.clone(),
    }
}

pub(crate) fn state(one: &Assessment) -> State {
    match (&one.annulment, &one.superseded_by) {
        (Some(_), _) => State::Annulled,
        (None, Some(_)) => State::Superseded,
        (None, None) => State::Current,
    }
}

pub(crate) const fn evaluation_code(evaluation: &Evaluation) -> &'static str {
    match evaluation {
        Evaluation::Confirmed => "confirmed",
        Evaluation::Overridden { .. } => "overridden",
        Evaluation::Absent => "absent",
    }
}

pub(crate) const fn origin_code(origin: Origin) -> &'static str {
    match origin {
        Origin::Portal => "portal",
        Origin::Import => "import",
    }
}
