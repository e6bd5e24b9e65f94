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
    let late = filling(sheet(&asso, 0), day);
    let late = store.save_draft(&town.operator, draft, 1, &late, now, &mut world.chance).await;
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
    assert_eq!(read.categories.facts.age, Some(40));
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
        notes: BTreeMap::new(),
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
    assert_eq!(store.history(&town.operator, &HistoryFilter::default(), 0, 10, now).await.unwrap().len(), 2);
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
    let new = NewDraft {
        persona: anna,
        instrument: asso.id.clone(),
        version: 1,
        assessed_on: on(2026, 11, 20),
        copied: None,
    };
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

#[rstest]
#[tokio::test]
async fn what_cannot_be_true_is_refused_and_what_hardly_is_must_be_looked_at_again(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let (draft, revision) = world.draft(&town, persona, &asso).await;
    let (store, now) = (world.store.clone(), world.now);
    let mut answers = sheet(&asso, 1);
    answers.insert(id("fascia_eta"), Answer::Value(1));
    answers.insert(id("ultimo_lavoro"), Answer::Value(1));
    answers.insert(id("mestiere"), Answer::Value(4));
    let day = on(2026, 11, 20);
    let saved = filling(answers.clone(), day);
    let revision = store.save_draft(&town.operator, draft, revision, &saved, now, &mut world.chance).await.unwrap();
    let looked_at =
        |rules: &[&str]| Validation { rechecked: rules.iter().map(|rule| id(rule)).collect(), ..confirmed(&asso) };
    // Of ASSO: 40 years are not «up to 24», and a trade that takes years to learn hardly goes with never having worked.
    let all = looked_at(&["eta_35_49", "mestiere_senza_lavoro"]);
    let refused = store.validate(&town.operator, draft, revision, &all, now, &mut world.chance).await;
    let expected = Refused::Inconsistent(vec![id("eta_35_49")]);
    assert!(matches!(refused, Err(StoreError::Refused(given)) if given == expected), "nobody can confirm this away");
    answers.insert(id("fascia_eta"), Answer::Value(3));
    let saved = filling(answers.clone(), day);
    let revision = store.save_draft(&town.operator, draft, revision, &saved, now, &mut world.chance).await.unwrap();
    let refused = store.validate(&town.operator, draft, revision, &looked_at(&[]), now, &mut world.chance).await;
    let expected = Refused::Unchecked(vec![id("mestiere_senza_lavoro")]);
    assert!(matches!(refused, Err(StoreError::Refused(given)) if given == expected));
    let first = store.validate(&town.operator, draft, revision, &all, now, &mut world.chance).await.unwrap();
    let read = store.assessment(&town.operator, first, now).await.unwrap();
    assert_eq!(read.rechecked, [id("mestiere_senza_lavoro")].into(), "those alone that fired");

    // A birth date that was wrong: the correction goes by the right one, although the day stays.
    let mut young = store.persona(&town.operator, persona, now).await.unwrap();
    young.data.birth_date = Some(on(2005, 1, 1));
    store.update_persona(&town.operator, persona, young.revision, &young.data, now, &mut world.chance).await.unwrap();
    let amendment = |age: i16| {
        let mut sheet = answers.clone();
        sheet.insert(id("fascia_eta"), Answer::Value(age));
        Amendment {
            sheet,
            notes: BTreeMap::new(),
            assessed_on: day,
            validation: looked_at(&["mestiere_senza_lavoro"]),
            reason: "data di nascita sbagliata".to_owned(),
        }
    };
    let refused = store.amend(&town.operator, first, &amendment(3), now, &mut world.chance).await;
    let expected = Refused::Inconsistent(vec![id("eta_fino_a_24")]);
    assert!(matches!(refused, Err(StoreError::Refused(given)) if given == expected));
    let second = store.amend(&town.operator, first, &amendment(1), now, &mut world.chance).await.unwrap();
    let read = store.assessment(&town.operator, second, now).await.unwrap();
    assert_eq!(read.categories.facts.age, Some(21));
}

#[rstest]
#[tokio::test]
async fn azioni_have_terms_and_their_outcome_comes_with_the_next_questionnaire(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let isa = instrument("isa");
    let anna = world.persona(&town, "Verdi", "Anna").await;
    let other = world.persona(&town, "Neri", "Luca").await;
    let (store, now) = (world.store.clone(), world.now);
    let azione = isa.azioni[0].id.clone();
    let terms = |who: &str| AzioneTerms { due_on: Some(on(2027, 1, 31)), followed_by: Some(who.to_owned()) };
    let with = |terms: AzioneTerms| Validation { azioni: BTreeMap::from([(azione.clone(), terms)]), ..confirmed(&isa) };
    let (draft, revision) = world.draft(&town, anna, &isa).await;
    let long = with(terms(&"x".repeat(121)));
    let refused = store.validate(&town.operator, draft, revision, &long, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::TextForm("followed_by")))));
    let given = with(terms(" il Centro per l'impiego "));
    let first = store.validate(&town.operator, draft, revision, &given, now, &mut world.chance).await.unwrap();
    let theirs = world.validated(&town, other, &isa).await;
    let read = store.assessment(&town.operator, first, now).await.unwrap();
    assert_eq!(read.azioni[0].terms, terms("il Centro per l'impiego"));
    assert!(read.azioni[0].is_open());

    let (draft, revision) = world.draft(&town, anna, &isa).await;
    let telling = |assessment: AssessmentId, azione: &Id| Validation {
        outcomes: vec![NewOutcome { assessment, azione: azione.clone(), outcome: AzioneOutcome::Completed }],
        ..confirmed(&isa)
    };
    let foreign = telling(theirs, &azione);
    let refused = store.validate(&town.operator, draft, revision, &foreign, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::NotFound("assessment"))), "another persona's");
    let unknown = telling(first, &id("nessuna"));
    let refused = store.validate(&town.operator, draft, revision, &unknown, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::Azione))));
    assert_eq!(store.my_drafts(&town.operator, now).await.unwrap().len(), 1, "a refusal leaves the draft");
    let done = telling(first, &azione);
    store.validate(&town.operator, draft, revision, &done, now, &mut world.chance).await.unwrap();
    let read = store.assessment(&town.operator, first, now).await.unwrap();
    assert_eq!(read.azioni[0].results[0].outcome, AzioneOutcome::Completed);
    assert!(!read.azioni[0].is_open());
    let events = world.events(&town).await;
    let [.., validated, recorded] = &events[..] else { panic!("two events at least") };
    assert!(matches!(validated.what, What::Validated(_)));
    assert!(matches!(&recorded.what, What::AzioneRecorded { assessment, .. } if *assessment == first));
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("impiego") && !text.contains("2027"), "terms stay in the portal");
}

#[rstest]
#[tokio::test]
async fn notes_and_copied_answers_stay_with_a_draft_and_notes_with_the_questionnaire(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let isa = instrument("isa");
    let anna = world.persona(&town, "Verdi", "Anna").await;
    let first = world.validated(&town, anna, &isa).await;
    let (store, now) = (world.store.clone(), world.now);
    let copied = Copied { from: first, assessed_on: on(2026, 11, 20), sheet: sheet(&isa, 1) };
    let new = NewDraft {
        persona: anna,
        instrument: isa.id.clone(),
        version: 1,
        assessed_on: on(2026, 11, 21),
        copied: Some(copied.clone()),
    };
    let draft = store.start_draft(&town.operator, &new, now, &mut world.chance).await.unwrap();
    let read = store.draft(&town.operator, draft, now).await.unwrap();
    assert_eq!((&read.sheet, read.copied.as_ref()), (&copied.sheet, Some(&copied)));
    let item = &isa.items[0].id;
    let noted = |note: &str| Filling {
        notes: BTreeMap::from([(item.clone(), note.to_owned()), (isa.items[1].id.clone(), "  ".to_owned())]),
        ..filling(sheet(&isa, 2), on(2026, 11, 21))
    };
    let long = store.save_draft(&town.operator, draft, 1, &noted(&"x".repeat(2_001)), now, &mut world.chance).await;
    assert!(matches!(long, Err(StoreError::Refused(Refused::TextForm("item_note")))));
    let revision = store
        .save_draft(&town.operator, draft, 1, &noted("parla del cugino Zanussi"), now, &mut world.chance)
        .await
        .unwrap();
    let read = store.draft(&town.operator, draft, now).await.unwrap();
    assert_eq!(read.copied, Some(copied), "saving does not forget what it began with");
    assert_eq!(read.notes, BTreeMap::from([(item.clone(), "parla del cugino Zanussi".to_owned())]));
    let validation = confirmed(&isa);
    let second = store.validate(&town.operator, draft, revision, &validation, now, &mut world.chance).await.unwrap();
    let read = store.assessment(&town.operator, second, now).await.unwrap();
    assert_eq!(read.notes[item], "parla del cugino Zanussi");
    let text = serde_json::to_string(&world.events(&town).await).unwrap();
    assert!(!text.contains("Zanussi"), "notes never leave the portal");
}

#[rstest]
#[tokio::test]
async fn questionnaires_are_found_by_filters(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let elsewhere = world.town("udine").await;
    let (asso, isa) = (instrument("asso"), instrument("isa"));
    let anna = world.persona(&town, "Verdi", "Anna").await;
    let (store, now) = (world.store.clone(), world.now);
    let of_asso = world.validated(&town, anna, &asso).await;
    let first = world.validated(&town, anna, &isa).await;
    let amendment = Amendment {
        sheet: sheet(&isa, 4),
        notes: BTreeMap::new(),
        assessed_on: on(2026, 11, 1),
        validation: confirmed(&isa),
        reason: "risposte scambiate".to_owned(),
    };
    let second = store.amend(&town.operator, first, &amendment, now, &mut world.chance).await.unwrap();
    let foreign = world.persona(&elsewhere, "Verdi", "Anna").await;
    world.validated(&elsewhere, foreign, &isa).await;
    let level = |id: AssessmentId, scale: usize| {
        let (store, town) = (store.clone(), &town);
        async move {
            let read = store.assessment(&town.operator, id, now).await.unwrap();
            (read.scores[scale].scale.clone(), read.scores[scale].level.clone().unwrap())
        }
    };
    let (low, high) = (level(first, 0).await, level(second, 0).await);
    assert_ne!(low, high);
    let none = HistoryFilter::default;
    let of_isa = || HistoryFilter { instrument: Some(isa.id.clone()), ..none() };
    for (filter, expected) in [
        (none(), vec![of_asso, first, second]),
        (HistoryFilter { operator: Some(town.account), ..none() }, vec![of_asso, first, second]),
        (of_isa(), vec![first, second]),
        (HistoryFilter { is_current_only: true, ..of_isa() }, vec![second]),
        (HistoryFilter { from: Some(on(2026, 11, 2)), ..none() }, vec![of_asso, first]),
        (HistoryFilter { until: Some(on(2026, 11, 1)), ..none() }, vec![second]),
        (HistoryFilter { level: Some(low), ..of_isa() }, vec![first]),
        (HistoryFilter { level: Some(high), ..of_isa() }, vec![second]),
        (HistoryFilter { unita: Some(UnitaId(uuid::Uuid::nil())), ..none() }, vec![]),
    ] {
        let found = store.history(&town.operator, &filter, 0, 10, now).await.unwrap();
        let ids: BTreeSet<AssessmentId> = found.iter().map(|one| one.id).collect();
        assert_eq!(ids, expected.into_iter().collect(), "{filter:?}");
        for place in 0..found.len() {
            let one = store.history(&town.operator, &filter, place as u64, 1, now).await.unwrap();
            assert_eq!(one[..], found[place..=place], "{filter:?} from {place}");
        }
    }
    let nobody = HistoryFilter { operator: Some(elsewhere.account), ..none() };
    assert!(matches!(store.history(&town.operator, &nobody, 0, 10, now).await, Err(StoreError::NotFound("account"))));
}
