//! What an operator makes of a result: the part of a form that a draft's validation and a correction share.

use std::collections::{BTreeMap, BTreeSet};

use domain::feed::Evaluation;
use domain::instrument::{Id, Instrument};
use domain::scoring::Scoring;
use serde::Serialize;
use store::Validation;

use super::persona_form::Named;
use super::report;
use crate::form::{Field, Fields, Reading};

/// Characters of a reason.
const REASON_MAX: usize = 2000;

/// The fields, as the form shows them.
#[derive(Serialize)]
pub(crate) struct EvaluationForm {
    evaluation: Field,
    reason: Field,
    profile: Field,
    correction: Field,
}

impl EvaluationForm {
    pub(crate) fn new(reading: &Reading<'_>) -> Self {
        Self {
            evaluation: reading.field("evaluation"),
            reason: reading.field("reason"),
            profile: reading.field("profile"),
            correction: reading.field("correction"),
        }
    }
}

/// An azione that can be agreed.
#[derive(Serialize)]
pub(crate) struct AzioneChoice {
    id: String,
    title: String,
    is_chosen: bool,
}

/// The azioni that a result proposes, and those agreed before; chosen are the agreed ones.
pub(crate) fn azioni(instrument: &Instrument, scoring: &Scoring, agreed: &BTreeSet<Id>) -> Vec<AzioneChoice> {
    let proposed = report::proposed(instrument, scoring);
    let choices = instrument
        .azioni
        .iter()
        .enumerate()
        .filter(|(place, azione)| proposed.contains(place) || agreed.contains(&azione.id));
    choices
        .map(|(_, azione)| AzioneChoice {
            id: azione.id.to_string(),
            title: azione.title.to_string(),
            is_chosen: agreed.contains(&azione.id),
        })
        .collect()
}

/// The azioni ticked; one that the strumento has not is left to the store to refuse.
pub(crate) fn agreed(fields: &Fields) -> BTreeSet<Id> {
    fields.all("azione").filter_map(|id| Id::parse(id).ok()).collect()
}

/// The classes of the profile, to choose from.
pub(crate) fn classes(instrument: &Instrument) -> Vec<Named> {
    let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
    classes.map(|class| Named { code: class.id.to_string(), text: class.title.to_string() }).collect()
}

/// Reads the operator's evaluation; what is wrong is noted in `reading`.
pub(crate) fn read<'a>(
    instrument: &'a Instrument,
    fields: &Fields,
    reading: &mut Reading<'_>,
) -> Option<Validation<'a>> {
    let reason = reading.text("reason", REASON_MAX);
    let class = fields.get("profile");
    let profile = instrument
        .profile
        .as_ref()
        .and_then(|profile| profile.classes.iter().find(|known| known.id.as_str() == class))
        .map(|class| class.id.clone());
    if !class.is_empty() && profile.is_none() {
        reading.refuse("profile", "choice");
    }
    let evaluation = match fields.get("evaluation") {
        "confirmed" => Evaluation::Confirmed,
        "overridden" => {
            if reason.is_none() {
                reading.refuse("reason", "reason");
            }
            Evaluation::Overridden { profile }
        }
        _ => {
            reading.refuse("evaluation", "evaluation");
            return None;
        }
    };
    let evaluation_reason = reason.filter(|_| evaluation != Evaluation::Confirmed);
    Some(Validation {
        instrument,
        evaluation,
        evaluation_reason,
        azioni: agreed(fields),
        sem_hundredths: BTreeMap::new(),
    })
}

/// Reads the reason of a correction or of an annulment.
pub(crate) fn reason(name: &'static str, reading: &mut Reading<'_>) -> Option<String> {
    let given = reading.text(name, REASON_MAX);
    if given.is_none() {
        reading.refuse(name, "reason");
    }
    given
}
