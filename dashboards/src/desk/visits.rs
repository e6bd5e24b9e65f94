//! What changed since somebody looked last: the counts shown then, beside those shown now.

use std::collections::BTreeMap;

use serde::Serialize;
use workspace::Visit;

use super::Desk;
use crate::pages::Data;
use crate::protect::{ALL, RECENCY};
use crate::{Viewer, text};

/// A difference of fewer people is not said: whoever knows one of them would learn of that one.
const SAID_FROM: u32 = 5;

/// Something that is now another number of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// `people`, `again`, `overdue`, or `level`.
    pub(crate) kind: String,
    /// Of a level: its scale, or the profile, and its name.
    pub(crate) of: Option<(String, String)>,
    pub(crate) people: u32,
    pub(crate) by: u32,
    pub(crate) is_more: bool,
}

/// What changed since an earlier state that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Since {
    /// The day on which it was looked at last.
    pub(crate) day: String,
    pub(crate) changes: Vec<Change>,
}

type Figures = BTreeMap<String, u32>;

/// The counts over all years that are shown, under codes that a later version still knows.
fn figures(data: &Data) -> Figures {
    let shown = &data.figures;
    let mut found = Figures::new();
    let mut add = |code: String, people: Option<u32>| {
        if let Some(people) = people {
            found.insert(code, people);
        }
    };
    add("people".to_owned(), shown.people(ALL));
    add("again".to_owned(), shown.repeated().people);
    add("overdue".to_owned(), shown.people_in(RECENCY, "overdue", ALL));
    for (target, _) in data.strumento.targets() {
        for outcome in shown.outcomes(target) {
            let people = shown.outcome_of_all(target, outcome, ALL).and_then(|part| part.people);
            add(format!("level {target} {outcome}"), people);
        }
    }
    found
}

/// What is another number in both, by enough people to be said; the largest differences of levels first.
fn changes(data: &Data, before: &Figures, now: &Figures) -> Vec<Change> {
    let targets = data.strumento.targets();
    let change = |code: &str, people: u32| {
        let earlier = *before.get(code)?;
        let by = people.abs_diff(earlier);
        if by < SAID_FROM {
            return None;
        }
        let mut parts = code.split(' ');
        let kind = parts.next().unwrap_or_default().to_owned();
        let of = parts.next().zip(parts.next()).and_then(|(target, outcome)| {
            let (_, title) = targets.iter().find(|(known, _)| *known == target)?;
            Some(((*title).to_owned(), data.strumento.outcome_title(target, outcome)))
        });
        Some(Change { kind, of, people, by, is_more: people > earlier })
    };
    let (levels, mut said): (Vec<Change>, Vec<Change>) =
        now.iter().filter_map(|(code, &people)| change(code, people)).partition(|change| change.of.is_some());
    said.sort_by_key(|change| ["people", "again", "overdue"].iter().position(|kind| *kind == change.kind));
    let mut levels = levels;
    levels.sort_by_key(|change| std::cmp::Reverse(change.by));
    said.extend(levels.into_iter().take(3));
    said
}

/// What changed since the viewer looked at an earlier state; and remembers that they look at this one. Nothing on the first visit,
/// and where it cannot be read, which is logged: the page does without.
pub(crate) async fn since(desk: &Desk, viewer: &Viewer, data: &Data) -> Option<Since> {
    let account = viewer.person.as_ref()?.account;
    let version = data.position.version;
    let visit = Visit { ente: viewer.ente, account, page: "quadro", strumento: &data.strumento.id };
    let now = figures(data);
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(ente.id = %viewer.ente, %error, "a visit cannot be read or written");
    };
    let earlier = match desk.workspace.seen(&visit, version).await {
        Ok(earlier) => earlier,
        Err(error) => {
            failed(&error);
            return None;
        }
    };
    let text = serde_json::to_string(&now).inspect_err(|error| failed(error)).ok()?;
    if let Err(error) = desk.workspace.see(&visit, version, &text, desk.now()).await {
        failed(&error);
    }
    let earlier = earlier?;
    let before: Figures = serde_json::from_str(&earlier.figures).inspect_err(|error| failed(error)).ok()?;
    Some(Since {
        day: text::day(earlier.last_at).format("%d/%m/%Y").to_string(),
        changes: changes(data, &before, &now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn only_differences_of_enough_people_are_said() {
        let data = &samples::all()[0];
        let now = figures(data);
        let people = now["people"];
        let before: Figures = now
            .iter()
            .map(|(code, &people)| {
                let less = match code.as_str() {
                    "people" => 5,
                    "again" => 4,
                    _ => 0,
                };
                (code.clone(), people - less)
            })
            .collect();
        let said = changes(data, &before, &now);
        assert_eq!(said, [Change { kind: "people".to_owned(), of: None, people, by: 5, is_more: true }]);
        assert!(changes(data, &now, &now).is_empty());
        // What was not shown then is no change now.
        assert!(changes(data, &Figures::new(), &now).is_empty());
    }

    #[test]
    fn levels_are_named() {
        let data = &samples::all()[0];
        let now = figures(data);
        let (code, &people) = now.iter().find(|(code, _)| code.starts_with("level ambito")).unwrap();
        let before = Figures::from([(code.clone(), people + 9)]);
        let said = changes(data, &before, &now);
        let (scale, _) = said[0].of.clone().unwrap();
        assert_eq!((scale.as_str(), said[0].by, said[0].is_more), ("Ambito", 9, false));
    }
}
