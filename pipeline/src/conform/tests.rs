//! Each reason, from one change to an assessment that conforms.

use chrono::Duration;
use domain::feed::packed::PackedWhat;
use domain::feed::{Assessment, Evaluation};

use super::*;
use crate::testing::{ASSO, Feed, ISA, assessment, day, ente, packed};

fn check(change: impl FnOnce(&mut Assessment), expected: Result<(), Reason>) {
    let instruments = [ASSO.clone(), ISA.clone()];
    let mut changed = assessment(1, 1, day(2026, 10));
    change(&mut changed);
    let mut feed = Feed::new(ente(1));
    feed.validated(changed);
    let mut words = Words::default();
    let event = packed(&feed.events, &mut words).remove(0);
    let PackedWhat::Validated(packed) = event.what else { panic!("an assessment") };
    assert_eq!(Conformity::new(&instruments, &words).check(&packed).map(|_| ()), expected);
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

#[test]
fn what_conforms_is_accepted() {
    check(|_| {}, Ok(()));
    check(|it| it.comune = None, Ok(()));
    check(|it| it.age = Some(120), Ok(()));
    // Just after midnight in Rome it is still the day before in UTC.
    check(|it| it.validated_at -= Duration::hours(13), Ok(()));
    let class = ASSO.profile.as_ref().unwrap().classes[0].id.clone();
    check(|it| it.evaluation = Evaluation::Overridden { profile: Some(class) }, Ok(()));
    // Blank is the same as absent.
    let blank = ASSO.items.iter().map(|item| item.id.clone());
    check(
        |it| {
            for item in blank {
                it.answers.entry(item).or_insert(Missing::NotAnswered.code());
            }
        },
        Ok(()),
    );
}

#[test]
fn each_reason_has_its_cause() {
    check(|it| it.version = 2, Err(Reason::DefinitionUnknown));
    check(|it| it.instrument = id("unheard_of"), Err(Reason::DefinitionUnknown));
    check(|it| it.definition_sha256 = "00".repeat(32), Err(Reason::DefinitionDiffers));
    check(|it| assert_eq!(it.answers.insert(id("unheard_of"), 1), None), Err(Reason::AnswersRefused));
    check(|it| *it.answers.values_mut().next().unwrap() = 99, Err(Reason::AnswersRefused));
    check(|it| *it.answers.values_mut().next().unwrap() = -4, Err(Reason::AnswersRefused));
    check(|it| it.scores[0].points += 1, Err(Reason::ResultsDiffer));
    check(|it| drop(it.scores.pop()), Err(Reason::ResultsDiffer));
    check(|it| it.profile = Some(id("another")), Err(Reason::ResultsDiffer));
    check(|it| assert!(it.blocks.insert(id("another"))), Err(Reason::ResultsDiffer));
    let seen = Evaluation::Overridden { profile: Some(id("another")) };
    check(|it| it.evaluation = seen, Err(Reason::EvaluationRefused));
    check(|it| assert!(it.azioni.insert(id("another"))), Err(Reason::AzioneUnknown));
    check(|it| it.age = Some(121), Err(Reason::AgeImpossible));
    for code in ["93033", "0930333", "09303a", "PN", ""] {
        check(|it| it.comune = Some(code.into()), Err(Reason::ComuneForm));
    }
    check(|it| it.assessed_on += Duration::days(2), Err(Reason::DayImpossible));
}

#[test]
fn codes_are_told_apart() {
    let codes: std::collections::BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
}
