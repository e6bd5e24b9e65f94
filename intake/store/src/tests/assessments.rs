//! From a persona to a validated questionnaire and its corrections.

use super::*;
use domain::feed::{AzioneOutcome, What};

#[rstest]
#[tokio::test]
async fn persone_are_found_by_what_is_known_of_them(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let with_code = PersonaData { identifier: Some(local("PN-1")), ..data("D’Angelo Đorđević", "Maria Pia") };
    let (store, now) = (world.store.clone(), world.now);
    let maria = store.create_persona(&town.operator, &with_code, now, &mut world.chance).await.unwrap();
    let mario = world.persona(&town, "Li", "Mario").await;
    let found = store.find_by_identifier(&town.operator, &local("PN-1"), now).await.unwrap();
    assert_eq!(found.map(|found| found.id), Some(maria));
    assert_eq!(store.find_by_identifier(&town.operator, &local("pn-1"), now).await.unwrap(), None);
    let mut chance = world.chance.clone();
    let taken = store.create_persona(&town.operator, &with_code, now, &mut chance).await;
    assert!(matches!(taken, Err(StoreError::Refused(Refused::IdentifierTaken))));
    for (text, expected) in [
        ("mari", vec![maria, mario]),
        ("maria d'ang", vec![maria]),
        ("dordev", vec![maria]),
        ("LI", vec![mario]),
        ("ma", vec![]),
        ("mariano", vec![]),
        ("", vec![]),
    ] {
        let found = store.find_by_name(&town.operator, text, 10, now).await.unwrap();
        let ids: Vec<PersonaId> = found.persone.iter().map(|persona| persona.id).collect();
        assert_eq!(ids, expected, "{text}");
    }
    assert!(store.find_by_name(&town.operator, "mari", 1, now).await.unwrap().has_more);

    let renamed = PersonaData { identifier: Some(stp(2)), ..data("Bianchi", "Maria") };
    store.update_persona(&town.operator, maria, 1, &renamed, now, &mut world.chance).await.unwrap();
    let stale = store.update_persona(&town.operator, maria, 1, &renamed, now, &mut world.chance).await;
    assert!(matches!(stale, Err(StoreError::Conflict("persona"))));
    let read = store.persona(&town.operator, maria, now).await.unwrap();
    assert_eq!((read.data, read.revision), (renamed, 2));
    assert_eq!(store.find_by_identifier(&town.operator, &local("PN-1"), now).await.unwrap(), None);
    assert!(store.find_by_name(&town.operator, "dordev", 10, now).await.unwrap().persone.is_empty());
    assert!(matches!(world.events(&town).await[0].what, What::PersonaChanged { link: Some(_), .. }));
    assert_eq!(store.count_persone(&town.operator).await.unwrap(), 2);
}

#[rstest]
#[tokio::test]
async fn two_tabs_get_a_conflict_and_a_double_submit_makes_one_record(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let (draft, revision) = world.draft(&town, persona, &asso).await;
    let (store, now) = (world.store.clone(), world.now);
    let day = on(2026, 11, 20);
    let late = store.save_draft(&town.operator, draft, 1, &sheet(&asso, 0), day, now, &mut world.chance).await;
    assert!(matches!(late, Err(StoreError::Conflict("draft"))));
    let stale = store.validate(&town.operator, draft, 1, &confirmed(&asso), now, &mut world.chance).await;
    assert!(matches!(stale, Err(StoreError::Conflict("draft"))));
    let once =
        store.validate(&town.operator, draft, revision, &confirmed(&asso), now, &mut world.chance).await.unwrap();
    let twice =
        store.validate(&town.operator, draft, revision, &confirmed(&asso), now, &mut world.chance).await.unwrap();
    assert_eq!(once, twice);
    assert_eq!(store.count_assessments(&town.operator, None).await.unwrap(), 1);
    assert!(store.my_drafts(&town.operator, now).await.unwrap().is_empty());

    let read = store.assessment(&town.operator, once, now).await.unwrap();
    assert_eq!(read.sheet, sheet(&asso, 1));
    assert_eq!(read.definition_sha256, asso.sha256);
    assert_eq!(read.categories.age, Some(40));
    let scoring = asso.score(&read.sheet).unwrap();
    assert_eq!(read.scores, domain::feed::ScaleResult::all(&asso, &scoring));
    assert_eq!(read.operator.as_ref().map(|operator| operator.id), Some(town.account));
    let [event] = &world.events(&town).await[..] else { panic!("one event") };
    let What::Validated(told) = &event.what else { panic!("validated") };
    assert_eq!((told.id, event.seq, told.answers.len()), (once, 1, asso.items.len()));
}

#[rstest]
#[tokio::test]
async fn a_person_decides_and_says_why(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let (draft, revision) = world.draft(&town, persona, &asso).await;
    let class = asso.profile.as_ref().unwrap().classes[0].id.clone();
    let overridden = |profile: &str| Evaluation::Overridden { profile: Some(id(profile)) };
    for (evaluation, reason, expected) in [
        (Evaluation::Absent, None, Some(Refused::Evaluation)),
        (overridden(class.as_str()), None, Some(Refused::ReasonMissing)),
        (overridden(class.as_str()), Some("  "), Some(Refused::ReasonMissing)),
        (overridden("nessuna"), Some("perché sì"), Some(Refused::Evaluation)),
        (overridden(class.as_str()), Some("la conosco da anni"), None),
    ] {
        let validation = Validation { evaluation, evaluation_reason: reason.map(str::to_owned), ..confirmed(&asso) };
        let done =
            world.store.validate(&town.operator, draft, revision, &validation, world.now, &mut world.chance).await;
        let refused = match done {
            Ok(assessment) => {
                let read = world.store.assessment(&town.operator, assessment, world.now).await.unwrap();
                assert_eq!(read.evaluation_reason.as_deref(), Some("la conosco da anni"));
                None
            }
            Err(StoreError::Refused(refused)) => Some(refused),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(refused, expected);
    }
}

#[rstest]
#[tokio::test]
async fn a_correction_is_a_new_version_and_both_stay(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let isa = instrument("isa");
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let first = world.validated(&town, persona, &isa).await;
    let (store, now) = (world.store.clone(), world.now);
    let amendment = |reason: &str| Amendment {
        sheet: sheet(&isa, 2),
        assessed_on: on(2026, 11, 19),
        validation: confirmed(&isa),
        reason: reason.to_owned(),
    };
    let without = store.amend(&town.operator, first, &amendment(" "), now, &mut world.chance).await;
    assert!(matches!(without, Err(StoreError::Refused(Refused::ReasonMissing))));
    let second =
        store.amend(&town.operator, first, &amendment("risposte scambiate"), now, &mut world.chance).await.unwrap();
    let again = store.amend(&town.operator, first, &amendment("ancora"), now, &mut world.chance).await;
    assert!(matches!(again, Err(StoreError::Refused(Refused::Superseded))));
    let azione = isa.azioni[0].id.clone();
    let outcome = AzioneOutcome::Completed;
    store.record_azione(&town.operator, second, &azione, outcome, now, &mut world.chance).await.unwrap();
    let foreign = store.record_azione(&town.operator, second, &id("nessuna"), outcome, now, &mut world.chance).await;
    assert!(matches!(foreign, Err(StoreError::Refused(Refused::Azione))));

    let history = store.history_of_persona(&town.operator, persona, now).await.unwrap();
    let [before, after] = [first, second].map(|id| history.iter().find(|one| one.id == id).unwrap());
    assert_eq!((before.sheet.clone(), before.superseded_by), (sheet(&isa, 1), Some(second)));
    assert!(!before.is_current() && after.is_current());
    assert_eq!((after.supersedes, after.revision), (Some(first), 2));
    assert_eq!(after.amendment_reason.as_deref(), Some("risposte scambiate"));
    assert_eq!(after.azioni[0].results[0].outcome, outcome);
    assert_eq!(store.count_assessments(&town.operator, Some(town.account)).await.unwrap(), 1);

    store.annul(&town.operator, second, "persona sbagliata", now, &mut world.chance).await.unwrap();
    let twice = store.annul(&town.operator, second, "persona sbagliata", now, &mut world.chance).await;
    assert!(matches!(twice, Err(StoreError::Refused(Refused::Annulled))));
    let read = store.assessment(&town.operator, second, now).await.unwrap();
    assert_eq!(read.annulment.unwrap().reason, "persona sbagliata");
    assert_eq!(store.history_of_operator(&town.operator, town.account, 0, 10, now).await.unwrap().len(), 2);
    let kinds: Vec<String> = world
        .events(&town)
        .await
        .iter()
        .map(|event| {
            let value = serde_json::to_value(event).unwrap();
            value["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kinds, ["validated", "amended", "azione-recorded", "annulled"]);
}

#[rstest]
#[tokio::test]
async fn restricted_and_merged_persone_are_left_alone_until_they_are_not(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let anna = world.persona(&town, "Verdi", "Anna").await;
    let twin = world.persona(&town, "Verdi", "Anna Maria").await;
    world.validated(&town, anna, &asso).await;
    world.validated(&town, twin, &asso).await;
    let (store, now) = (world.store.clone(), world.now);
    let new = NewDraft { persona: anna, instrument: asso.id.clone(), version: 1, assessed_on: on(2026, 11, 20) };
    store.restrict_persona(&town.administrator, anna, "richiesta", now, &mut world.chance).await.unwrap();
    let refused = store.start_draft(&town.operator, &new, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::Restricted))));
    store.unrestrict_persona(&town.administrator, anna, "chiarito", now, &mut world.chance).await.unwrap();
    store.merge_persone(&town.operator, anna, twin, "stessa persona", now, &mut world.chance).await.unwrap();
    let refused = store.start_draft(&town.operator, &new, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::Merged))));
    assert_eq!(store.history_of_persona(&town.operator, twin, now).await.unwrap().len(), 2);
    assert_eq!(store.count_persone(&town.operator).await.unwrap(), 1);
    store.unmerge_persona(&town.operator, anna, "erano due", now, &mut world.chance).await.unwrap();
    assert_eq!(store.history_of_persona(&town.operator, twin, now).await.unwrap().len(), 1);
    store.start_draft(&town.operator, &new, now, &mut world.chance).await.unwrap();
    let events = world.events(&town).await;
    assert!(matches!(events[2].what, What::Restricted { .. }));
    assert!(matches!(events[3].what, What::Unrestricted { .. }));
    assert!(matches!(events[4].what, What::PersonasMerged { .. }));
    assert!(matches!(events[5].what, What::Unmerged { .. }));
}
