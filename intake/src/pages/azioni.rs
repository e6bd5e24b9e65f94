//! Azioni agreed with a persona that are still to be followed: on the persona's page, and asked about when the next
//! questionnaire is validated.

use chrono::NaiveDate;
use domain::feed::{AssessmentId, AzioneOutcome};
use domain::instrument::Id;
use serde::Serialize;
use store::{Assessment, AzioneAgreed, NewOutcome};

use super::assessment;
use crate::form::{Fields, show_date};
use crate::portal::Portal;
use crate::reply::Failure;

/// What can come of an azione, in the order in which it happens.
pub(crate) const OUTCOMES: [AzioneOutcome; 3] =
    [AzioneOutcome::UnderWay, AzioneOutcome::Completed, AzioneOutcome::Dropped];

/// The outcome of a code that a form sends.
pub(crate) fn outcome(code: &str) -> Result<AzioneOutcome, Failure> {
    OUTCOMES.into_iter().find(|known| known.code() == code).ok_or(Failure::BadRequest)
}

/// An azione that nobody has said to be over.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OpenAzione {
    /// The field of a form that asks what came of it.
    field: String,
    path: String,
    title: String,
    agreed_on: String,
    due_on: Option<String>,
    is_overdue: bool,
    followed_by: Option<String>,
    last: Option<&'static str>,
    /// What the form sent, or empty.
    value: String,
}

/// The azioni of current questionnaires that are open, the earliest due first.
fn open(past: &[Assessment]) -> Vec<(&Assessment, &AzioneAgreed)> {
    let current = past.iter().filter(|one| one.is_current());
    let mut open: Vec<_> = current
        .flat_map(|one| one.azioni.iter().filter(|azione| azione.is_open()).map(move |azione| (one, azione)))
        .collect();
    open.sort_by_key(|(one, azione)| (azione.terms.due_on.is_none(), azione.terms.due_on, one.assessed_on));
    open
}

fn field(assessment: AssessmentId, azione: &Id) -> String {
    format!("outcome.{assessment}.{azione}")
}

/// The open azioni of a persona as pages show them.
pub(crate) fn views(portal: &Portal, past: &[Assessment], today: NaiveDate, fields: &Fields) -> Vec<OpenAzione> {
    let view = |(one, agreed): (&Assessment, &AzioneAgreed)| {
        let instrument = portal.instrument_version(&one.instrument, one.version)?;
        let azione = instrument.azioni.iter().find(|known| known.id == agreed.azione)?;
        let field = field(one.id, &agreed.azione);
        Some(OpenAzione {
            path: assessment::path(one.id),
            title: azione.title.to_string(),
            agreed_on: show_date(one.assessed_on),
            due_on: agreed.terms.due_on.map(show_date),
            is_overdue: agreed.terms.due_on.is_some_and(|due| due < today),
            followed_by: agreed.terms.followed_by.clone(),
            last: agreed.results.last().map(|result| result.outcome.code()),
            value: fields.get(&field).to_owned(),
            field,
        })
    };
    open(past).into_iter().filter_map(view).collect()
}

/// What a form says came of the open azioni; one left blank has no news.
pub(crate) fn read(past: &[Assessment], fields: &Fields) -> Result<Vec<NewOutcome>, Failure> {
    let said = open(past).into_iter().map(|(one, agreed)| (one, agreed, fields.get(&field(one.id, &agreed.azione))));
    said.filter(|(_, _, code)| !code.is_empty())
        .map(|(one, agreed, code)| {
            Ok(NewOutcome { assessment: one.id, azione: agreed.azione.clone(), outcome: outcome(code)? })
        })
        .collect()
}

impl OpenAzione {
    pub(crate) fn samples() -> Vec<Self> {
        let one = Self {
            field: "outcome.1.corso".to_owned(),
            path: "/questionari/1".to_owned(),
            title: "Corso di italiano".to_owned(),
            agreed_on: "3/7/2026".to_owned(),
            due_on: Some("30/9/2026".to_owned()),
            is_overdue: true,
            followed_by: Some("Centro per l'impiego".to_owned()),
            last: Some("under_way"),
            value: "completed".to_owned(),
        };
        let bare = Self {
            field: "outcome.2.corso".to_owned(),
            due_on: None,
            is_overdue: false,
            followed_by: None,
            last: None,
            ..one.clone()
        };
        vec![one, bare]
    }
}
