//! What each event does to what counts, and that blank events change nothing more than the erasure did.

use domain::feed::packed::Words;
use domain::feed::{Assessment, AzioneOutcome, EnteId, SealedLink, What};
use domain::instrument::Id;

use super::*;
use crate::testing::{Feed, assessment, day, ente, id, packed, person, unita};

fn feed(build: impl FnOnce(&mut Feed)) -> Feed {
    let mut feed = Feed::new(ente(1));
    build(&mut feed);
    feed
}

fn resolved(build: impl FnOnce(&mut Feed)) -> Resolved {
    resolved_with(&mut Words::default(), build)
}

fn resolved_with(words: &mut Words, build: impl FnOnce(&mut Feed)) -> Resolved {
    resolve(packed(&feed(build).events, words)).unwrap()
}

fn refused(build: impl FnOnce(&mut Feed)) -> Contradiction {
    resolve(packed(&feed(build).events, &mut Words::default())).unwrap_err()
}

fn first(number: u128, of: u8) -> Assessment {
    assessment(number, of, day(2026, 10))
}

fn amended(number: u128, old: u128, of: u8) -> What {
    What::Amended(Box::new(Assessment { supersedes: Some(id(old)), ..assessment(number, of, day(2025, 300)) }))
}

fn ids(resolved: &Resolved) -> Vec<Uuid> {
    resolved.current.iter().map(|current| current.assessment.id).collect()
}

fn set_aside(resolved: &Resolved) -> Vec<(&str, i64)> {
    resolved.set_aside.iter().map(|(why, count)| (why.code(), *count)).collect()
}

#[test]
fn the_last_version_counts_until_it_is_annulled() {
    let it = resolved(|feed| {
        feed.validated(first(1, 1)).push(amended(2, 1, 1)).push(amended(3, 2, 1)).validated(first(4, 1));
    });
    assert_eq!(ids(&it), [id(3).0, id(4).0]);
    assert_eq!((it.versions, set_aside(&it)), (4, vec![("superseded", 2)]));
    let it = resolved(|feed| {
        feed.validated(first(1, 1)).push(amended(2, 1, 1));
        feed.push(What::Annulled { assessment: id(2), person: person(1) });
    });
    assert_eq!((ids(&it), set_aside(&it)), (vec![], vec![("superseded", 1), ("annulled", 1)]));
}

#[test]
fn contradictions_are_refused_with_their_number() {
    let twice = refused(|feed| {
        feed.validated(first(1, 1)).validated(first(1, 1));
    });
    assert_eq!(twice.seq, 2);
    let twice = refused(|feed| {
        feed.validated(first(1, 1)).push(amended(2, 1, 1)).push(amended(3, 1, 1));
    });
    assert_eq!(twice.seq, 3);
    let late = refused(|feed| {
        feed.push(What::EnteClosed).validated(first(1, 1));
    });
    assert_eq!(late.seq, 2);
    let nothing = refused(|feed| {
        feed.push(What::Amended(Box::new(first(1, 1))));
    });
    assert_eq!(nothing.seq, 1);
    let annulled = refused(|feed| {
        feed.validated(first(1, 1));
        feed.push(What::Annulled { assessment: id(1), person: person(1) }).push(amended(2, 1, 1));
    });
    assert_eq!(annulled.seq, 3);
}

#[test]
fn restricted_people_are_set_aside_until_they_are_not() {
    let restricted = |feed: &mut Feed| {
        feed.validated(first(1, 1)).validated(first(2, 2)).push(What::Restricted { person: person(1) });
    };
    let it = resolved(restricted);
    assert_eq!((ids(&it), set_aside(&it)), (vec![id(2).0], vec![("restricted", 1)]));
    let it = resolved(|feed| {
        restricted(feed);
        feed.push(What::Unrestricted { person: person(1) });
    });
    assert_eq!(ids(&it), [id(1).0, id(2).0]);
    // A restriction reaches everything of the human.
    let it = resolved(|feed| {
        restricted(feed);
        feed.push(What::PersonasMerged { from: person(1), into: person(2) });
    });
    assert_eq!((ids(&it), set_aside(&it)), (vec![], vec![("restricted", 2)]));
}

#[test]
fn merged_people_are_one_until_they_are_not() {
    let merged = |feed: &mut Feed| {
        for of in 1..=3 {
            feed.validated(first(of.into(), of));
        }
        feed.push(What::PersonasMerged { from: person(1), into: person(2) });
        feed.push(What::PersonasMerged { from: person(2), into: person(3) });
    };
    let people = |it: &Resolved| it.current.iter().map(|current| current.person).collect::<Vec<_>>();
    let it = resolved(merged);
    assert_eq!(people(&it), [person(3).0; 3]);
    assert_eq!(it.links.keys().collect::<Vec<_>>(), [&person(3).0]);
    let it = resolved(|feed| {
        merged(feed);
        feed.push(What::Unmerged { from: person(2) });
    });
    assert_eq!(people(&it), [person(2).0, person(2).0, person(3).0]);
}

#[test]
fn the_last_link_counts_and_the_merged_one_helps_out() {
    let link = |text: &str| Some(SealedLink(text.into()));
    let it = resolved(|feed| {
        feed.validated(first(1, 1)).validated(first(2, 2));
        feed.push(What::PersonaChanged { person: person(1), link: link("aa") });
        feed.push(What::PersonaChanged { person: person(2), link: None });
    });
    assert_eq!(it.links, BTreeMap::from([(person(1).0, vec![0xaa])]));
    let it = resolved(|feed| {
        feed.validated(first(1, 1)).validated(first(2, 2));
        feed.push(What::PersonaChanged { person: person(1), link: link("aa") });
        feed.push(What::PersonaChanged { person: person(2), link: None });
        feed.push(What::PersonasMerged { from: person(1), into: person(2) });
    });
    assert_eq!(it.links, BTreeMap::from([(person(2).0, vec![0xaa])]));
    // The word of the one that goes on stands against a later one of the other.
    let it = resolved(|feed| {
        feed.push(What::PersonaChanged { person: person(2), link: link("bb") });
        feed.push(What::PersonaChanged { person: person(1), link: link("aa") });
        feed.push(What::PersonasMerged { from: person(1), into: person(2) });
    });
    assert_eq!(it.links, BTreeMap::from([(person(2).0, vec![0xbb])]));
}

#[test]
fn unita_stand_under_their_present_heading() {
    let moved =
        |unita_: u128, under: Option<u128>| What::UnitaMoved { unita: unita(unita_), counted_under: under.map(unita) };
    let it = resolved(|feed| {
        feed.validated(first(1, 1));
        feed.push(moved(1, Some(2))).push(moved(2, Some(0)));
    });
    assert_eq!(it.current[0].unita, Some(unita(0).0));
    let it = resolved(|feed| {
        feed.validated(first(1, 1));
        feed.push(moved(1, Some(2))).push(moved(2, Some(0))).push(moved(1, None));
    });
    assert_eq!(it.current[0].unita, Some(unita(1).0));
    // A circle ends.
    let it = resolved(|feed| {
        feed.validated(first(1, 1));
        feed.push(moved(1, Some(2))).push(moved(2, Some(1)));
    });
    assert_eq!(it.current[0].unita, Some(unita(2).0));
}

#[test]
fn outcomes_follow_a_correction() {
    let azione = first(1, 1).azioni.first().cloned().unwrap();
    let recorded = |number: u128, azione: &Id, outcome| What::AzioneRecorded {
        assessment: id(number),
        person: person(1),
        azione: azione.clone(),
        outcome,
    };
    fn outcomes(it: &Resolved, words: &Words) -> Vec<(String, String)> {
        let text = |word: Word| words.text(word).to_owned();
        it.current[0].outcomes.iter().map(|(azione, outcome)| (text(*azione), text(*outcome))).collect()
    }
    let mut words = Words::default();
    let it = resolved_with(&mut words, |feed| {
        feed.validated(first(1, 1));
        feed.push(recorded(1, &azione, AzioneOutcome::UnderWay));
        feed.push(amended(2, 1, 1));
    });
    assert_eq!(outcomes(&it, &words), [(azione.to_string(), "under_way".to_owned())]);
    let it = resolved_with(&mut words, |feed| {
        feed.validated(first(1, 1)).push(amended(2, 1, 1));
        feed.push(recorded(1, &azione, AzioneOutcome::UnderWay));
        feed.push(recorded(2, &azione, AzioneOutcome::Completed));
        feed.push(recorded(2, &Id::parse("never_agreed").unwrap(), AzioneOutcome::Completed));
    });
    assert_eq!(outcomes(&it, &words), [(azione.to_string(), "completed".to_owned())]);
}

#[test]
fn an_erasure_is_the_same_before_and_after_the_blanking() {
    let build = |feed: &mut Feed| {
        for of in 1..=4 {
            feed.validated(first(of.into(), of));
        }
        feed.push(What::PersonasMerged { from: person(1), into: person(2) });
        feed.push(What::PersonasMerged { from: person(3), into: person(2) });
        feed.push(What::Unmerged { from: person(3) });
        feed.push(What::PersonasMerged { from: person(3), into: person(4) });
        feed.push(amended(5, 2, 2));
        feed.push(What::PersonaChanged { person: person(2), link: Some(SealedLink("bb".into())) });
    };
    let mut words = Words::default();
    let before = resolved_with(&mut words, |feed| {
        build(feed);
        feed.push(What::Erased { person: person(2) });
    });
    let after = resolved_with(&mut words, |feed| {
        build(feed);
        feed.erase(person(2), &[person(1)]);
    });
    assert_eq!(ids(&before), [id(3).0, id(4).0]);
    assert_eq!((&before.current, &before.links), (&after.current, &after.links));
    assert_eq!((set_aside(&before), set_aside(&after)), (vec![("erased", 3)], vec![]));
}

#[test]
fn a_closed_ente_is_known_as_such() {
    let it = resolved(|feed| {
        feed.validated(first(1, 1)).push(What::EnteClosed).push(What::Blank);
    });
    assert!(it.is_closed);
    let nothing = Feed::new(EnteId(Uuid::nil()));
    assert_eq!(resolve(packed(&nothing.events, &mut Words::default())).unwrap(), Resolved::default());
}
