//! What several pages show of persone and of their drafts.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use domain::person::Disadvantage;
use serde::Serialize;
use store::{Draft, EnteScope, FormerIdentifier, PersonaData, PersonaId, PersonaSummary, Store, StoreError};

use crate::form::{show_date, show_id};
use crate::portal::Portal;
use crate::visitor::show_instant;

/// A persona in a list or at the head of a page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PersonaHead {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) born_on: Option<String>,
    pub(crate) comune: Option<String>,
}

impl PersonaHead {
    pub(crate) fn new(id: PersonaId, data: &PersonaData) -> Self {
        Self {
            path: path(id),
            name: name(&data.surname, &data.name, id),
            born_on: data.birth_date.map(show_date),
            comune: data.residence.as_deref().map(comune_name),
        }
    }

    pub(crate) fn of_summary(summary: &PersonaSummary) -> Self {
        Self {
            path: path(summary.id),
            name: name(&summary.surname, &summary.name, summary.id),
            born_on: summary.birth_date.map(show_date),
            comune: summary.residence.as_deref().map(comune_name),
        }
    }

    pub(crate) fn sample() -> Self {
        Self {
            path: "/persone/1".to_owned(),
            name: "Rossi Maria".to_owned(),
            born_on: Some("10/12/1985".to_owned()),
            comune: Some("Pordenone".to_owned()),
        }
    }
}

/// The page of a persona.
pub(crate) fn path(id: PersonaId) -> String {
    format!("/persone/{id}")
}

/// Surname and name; imported persone may have none, then the first digits of the id tell them apart.
pub(crate) fn name(surname: &str, name: &str, id: PersonaId) -> String {
    let whole = format!("{surname} {name}");
    let whole = whole.trim();
    if whole.is_empty() { format!("n. {}", show_id(id)) } else { whole.to_owned() }
}

/// The code by which a persona was known before, in words.
pub(crate) fn former(former: Option<&FormerIdentifier>) -> String {
    let word = |code| templates::term("identifier_kind", code).unwrap_or(code);
    former.map_or_else(|| word("none").to_owned(), |it| format!("{} {}", word(it.kind.code()), it.expose()))
}

/// The categories of disadvantage in words; «nessuna» where somebody asked and there are none, `None` where nobody asked.
pub(crate) fn disadvantage_text(all: Option<&BTreeSet<Disadvantage>>) -> Option<String> {
    let word = |code| templates::term("disadvantage", code).unwrap_or(code);
    let said: Vec<&str> = all?.iter().map(|one| word(one.code())).collect();
    Some(if said.is_empty() { word("none").to_owned() } else { said.join("; ") })
}

/// The name of a comune by its ISTAT code; the code itself for one that is no longer.
pub(crate) fn comune_name(code: &str) -> String {
    code.parse().ok().and_then(territory::comune).map_or_else(|| code.to_owned(), |comune| comune.name.to_owned())
}

/// Completed years on a day.
pub(crate) fn age_on(birth: NaiveDate, on: NaiveDate) -> i32 {
    let had_birthday = (on.month(), on.day()) >= (birth.month(), birth.day());
    on.year() - birth.year() - i32::from(!had_birthday)
}

/// A draft in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DraftRow {
    pub(crate) path: String,
    pub(crate) persona: String,
    pub(crate) instrument: String,
    pub(crate) count_answered: usize,
    pub(crate) count_items: usize,
    pub(crate) saved_at: String,
}

impl DraftRow {
    pub(crate) fn new(portal: &Portal, draft: &Draft, persona: String) -> Self {
        let instrument = portal.instrument_version(&draft.instrument, draft.version);
        Self {
            path: format!("/bozze/{}", draft.id),
            persona,
            instrument: instrument
                .map_or_else(|| draft.instrument.to_string(), |instrument| instrument.title.to_string()),
            count_answered: draft.sheet.values().filter(|answer| answer.code() >= 0).count(),
            count_items: instrument.map_or(0, |instrument| instrument.items.len()),
            saved_at: show_instant(draft.updated_at),
        }
    }

    pub(crate) fn sample() -> Self {
        Self {
            path: "/bozze/1".to_owned(),
            persona: "Rossi Maria".to_owned(),
            instrument: "ASSO".to_owned(),
            count_answered: 12,
            count_items: 25,
            saved_at: "3/7/2026, 9:05".to_owned(),
        }
    }
}

/// One's own drafts as rows, each with the name of its persona; of one persona only, if given.
pub(crate) async fn draft_rows(
    portal: &Portal,
    store: &Store,
    scope: &EnteScope,
    only: Option<PersonaId>,
) -> Result<Vec<DraftRow>, StoreError> {
    let mut rows = Vec::new();
    for draft in store.my_drafts(scope, portal.now()).await? {
        if only.is_some_and(|only| only != draft.persona) {
            continue;
        }
        // A persona who was given to somebody else to follow is not there any more.
        let persona = match store.persona(scope, draft.persona, portal.now()).await {
            Ok(persona) => persona,
            Err(StoreError::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        let name = name(&persona.data.surname, &persona.data.name, draft.persona);
        rows.push(DraftRow::new(portal, &draft, name));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_completed_on_the_birthday() {
        let day = |text: &str| crate::form::read_date(text).unwrap();
        assert_eq!(age_on(day("29/2/2000"), day("28/2/2026")), 25);
        assert_eq!(age_on(day("29/2/2000"), day("1/3/2026")), 26);
        assert_eq!(age_on(day("3/7/1985"), day("3/7/2026")), 41);
    }

    #[test]
    fn a_comune_has_its_name() {
        assert_eq!(comune_name("093033"), "Pordenone");
        assert_eq!(comune_name("999999"), "999999");
    }
}
