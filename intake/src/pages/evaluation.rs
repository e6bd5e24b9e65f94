//! What an operator makes of a result: the part of a form that a draft's validation and a correction share.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::feed::Evaluation;
use domain::instrument::{Azione, Consistency, Id, Instrument, Severity};
use domain::person::PersonaFacts;
use domain::scoring::{Scoring, Sheet};
use domain::text::has_hidden_characters;
use serde::Serialize;
use store::{AzioneTerms, Validation};

use super::persona_form::Named;
use super::report;
use crate::form::{Field, Fields, Reading, read_date};

/// Characters of a reason.
const REASON_MAX: usize = 2000;
/// Characters of who follows an azione.
const WHO_MAX: usize = 120;

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
    /// Whether the result proposes it; the rest of the catalogue can be agreed too.
    is_proposed: bool,
    due: Field,
    who: String,
}

/// The azioni to choose from, as a form or an earlier version has them.
pub(crate) fn azioni(
    instrument: &Instrument,
    scoring: &Scoring,
    fields: &Fields,
    assessed_on: NaiveDate,
) -> Vec<AzioneChoice> {
    let proposed = report::proposed(instrument, scoring);
    let choice = |(place, azione): (usize, &Azione)| {
        let asked = Asked::read(&azione.id, fields, assessed_on);
        AzioneChoice {
            id: azione.id.to_string(),
            title: azione.title.to_string(),
            is_chosen: asked.is_ticked,
            is_proposed: proposed.contains(&place) || asked.is_ticked,
            due: Field { value: fields.get(&format!("due.{}", azione.id)).to_owned(), error: asked.error },
            who: asked.terms.followed_by.unwrap_or_default(),
        }
    };
    instrument.azioni.iter().enumerate().map(choice).collect()
}

/// What a form says of one azione.
struct Asked {
    is_ticked: bool,
    terms: AzioneTerms,
    error: Option<&'static str>,
}

impl Asked {
    fn read(azione: &Id, fields: &Fields, assessed_on: NaiveDate) -> Self {
        let is_ticked = fields.all("azione").any(|ticked| ticked == azione.as_str());
        let due = fields.get(&format!("due.{azione}"));
        let who = fields.get(&format!("who.{azione}"));
        let due_on = read_date(due);
        let error = match due_on {
            _ if !is_ticked && (!due.is_empty() || !who.is_empty()) => Some("azione_not_ticked"),
            None if !due.is_empty() => Some("date"),
            Some(day) if day < assessed_on => Some("date_before_assessment"),
            _ if who.chars().count() > WHO_MAX => Some("too_long"),
            _ if has_hidden_characters(who) => Some("text"),
            _ => None,
        };
        let followed_by = (!who.is_empty()).then(|| who.to_owned());
        Self { is_ticked, terms: AzioneTerms { due_on, followed_by }, error }
    }
}

/// The azioni ticked; one that the strumento has not is left to the store to refuse.
fn agreed(
    instrument: &Instrument,
    fields: &Fields,
    assessed_on: NaiveDate,
    reading: &mut Reading<'_>,
) -> BTreeMap<Id, AzioneTerms> {
    if instrument.azioni.iter().any(|azione| Asked::read(&azione.id, fields, assessed_on).error.is_some()) {
        reading.refuse("azioni", "azioni");
    }
    let ticked = fields.all("azione").filter_map(|id| Id::parse(id).ok());
    ticked.map(|id| (id.clone(), Asked::read(&id, fields, assessed_on).terms)).collect()
}

/// A rule of the definition that fires, with the items that it is about.
#[derive(Serialize)]
pub(crate) struct RuleView {
    id: String,
    text: String,
    items: Vec<RuleItem>,
}

#[derive(Serialize)]
struct RuleItem {
    number: usize,
    path: String,
}

/// The rules that fire on a sheet and what is recorded of the persona.
#[derive(Serialize)]
pub(crate) struct Rules {
    hard: Vec<RuleView>,
    soft: Vec<RuleView>,
    recheck: Field,
}

impl Rules {
    /// `path` gives the place of an item, by its index.
    pub(crate) fn new(
        instrument: &Instrument,
        sheet: &Sheet,
        facts: &PersonaFacts,
        reading: &Reading<'_>,
        path: impl Fn(usize) -> String,
    ) -> Self {
        let fired = instrument.inconsistencies(sheet, facts);
        let of = |severity: Severity| {
            let rules = fired.iter().filter(|rule| rule.severity == severity);
            let view = |rule: &&Consistency| RuleView {
                id: rule.id.to_string(),
                text: rule.text.to_string(),
                items: rule.answers.keys().map(|item| RuleItem { number: item + 1, path: path(*item) }).collect(),
            };
            rules.map(view).collect()
        };
        Self { hard: of(Severity::Hard), soft: of(Severity::Soft), recheck: reading.field("recheck") }
    }
}

/// Notes what the rules of the definition ask; gives the soft ones that fire.
pub(crate) fn check_rules(
    instrument: &Instrument,
    sheet: &Sheet,
    facts: &PersonaFacts,
    reading: &mut Reading<'_>,
    fields: &Fields,
) -> BTreeSet<Id> {
    let fired = instrument.inconsistencies(sheet, facts);
    if fired.iter().any(|rule| rule.severity == Severity::Hard) {
        reading.refuse("rules", "inconsistent");
    }
    let soft: BTreeSet<Id> =
        fired.iter().filter(|rule| rule.severity == Severity::Soft).map(|rule| rule.id.clone()).collect();
    // The page says which rules it showed: one that fires since then has not been looked at.
    let shown: BTreeSet<&str> = fields.all("rule").collect();
    if !soft.is_empty() && (fields.get("recheck") != "yes" || !soft.iter().all(|rule| shown.contains(rule.as_str()))) {
        reading.refuse("recheck", "recheck");
    }
    soft
}

/// The classes of the profile, to choose from.
pub(crate) fn classes(instrument: &Instrument) -> Vec<Named> {
    let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
    classes.map(|class| Named { code: class.id.to_string(), text: class.title.to_string() }).collect()
}

/// Reads the operator's evaluation; what is wrong is noted in `reading`. Outcomes of earlier azioni and rules looked at
/// again are the caller's to add.
pub(crate) fn read<'a>(
    instrument: &'a Instrument,
    assessed_on: NaiveDate,
    fields: &Fields,
    reading: &mut Reading<'_>,
) -> Option<Validation<'a>> {
    let azioni = agreed(instrument, fields, assessed_on, reading);
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
        azioni,
        outcomes: Vec::new(),
        rechecked: BTreeSet::new(),
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
