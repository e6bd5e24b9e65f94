//! Two Enti never see each other: whatever is done in one, nothing of it is readable, countable or touchable from another.

use super::*;

use proptest::prelude::*;

#[rstest]
#[tokio::test]
async fn names_have_dates_and_unita_move(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    let comuni = BTreeSet::from(["093010".to_owned(), "093033".to_owned()]);
    let change = EnteChange { name: "Città di Pordenone".into(), comuni: comuni.clone(), from: on(2026, 11, 1) };
    store.change_ente(&world.platform, town.id, &change, now, &mut world.chance).await.unwrap();
    let too_early = EnteChange { name: "Pordenone".into(), ..change };
    let too_early = store.change_ente(&world.platform, town.id, &too_early, now, &mut world.chance).await;
    assert!(matches!(too_early, Err(StoreError::Refused(Refused::TextForm("from")))), "{too_early:?}");
    let ente = store.ente(&town.operator, world.now).await.unwrap();
    assert_eq!((ente.name.as_str(), ente.names.len(), &ente.comuni), ("Città di Pordenone", 2, &comuni));
    assert_eq!(world.login("pordenone", "operatrice").await.session.ente_name(), Some("Città di Pordenone"));
    assert_eq!(store.enti(&world.platform, world.now).await.unwrap(), [ente]);
    assert_eq!(store.ente_id("Pordenone ").await.unwrap(), town.id);
    let one = store.create_unita(&town.administrator, "Cordenons", now, &mut world.chance).await.unwrap();
    let two = store.create_unita(&town.administrator, "Porcia", now, &mut world.chance).await.unwrap();
    store.move_unita(&town.administrator, one, Some(two), now, &mut world.chance).await.unwrap();
    assert_eq!(store.unita(&town.operator).await.unwrap()[0].counted_under, Some(two));
    assert!(matches!(world.events(&town).await[0].what, domain::feed::What::UnitaMoved { .. }));
    store.end_unita(&town.administrator, one, Some(on(2026, 12, 1)), now).await.unwrap();
    let ended = store.unita(&town.operator).await.unwrap().remove(0);
    assert!(ended.is_open(on(2026, 11, 30)) && !ended.is_open(on(2026, 12, 1)));
    store.end_unita(&town.administrator, one, None, now).await.unwrap();
    assert!(store.unita(&town.operator).await.unwrap()[0].is_open(on(2030, 1, 1)));
    let taken = NewEnte {
        code: "pordenone".into(),
        name: "Altro".into(),
        from: on(2026, 1, 1),
        comuni: BTreeSet::new(),
        is_demo: false,
    };
    let taken = store.create_ente(&world.platform, &taken, now, &mut world.chance).await;
    assert!(matches!(taken, Err(StoreError::Refused(Refused::CodeTaken))));
    let counts = store.account_counts(&world.platform).await.unwrap();
    assert_eq!(counts.get(&(Some(town.id), Role::Operator)), Some(&1));
    // The platform makes an administrator where nobody administers, and gives itself no way in elsewhere.
    let (platform, new) = (&world.platform, ("seconda", "Seconda"));
    let refused = store.create_ente_administrator(platform, town.id, new.0, new.1, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::Administered))));
    let first = town.administrator.account_id().unwrap();
    store.set_account_active(&town.command_line, first, false, now).await.unwrap();
    let made = store.create_ente_administrator(platform, town.id, new.0, new.1, now, &mut world.chance).await;
    let (administrator, password) = made.unwrap();
    assert!(world.try_login("pordenone", "seconda", password.expose()).await.is_ok());
    assert!(store.account(&town.administrator, administrator).await.unwrap().must_change);
    let misplaced = NewAccount {
        username: "ricerca".into(),
        display_name: "Ricerca".into(),
        role: Role::ResearchOfficer,
        unita: None,
        reach: Reach::Ente,
    };
    let refused = store.create_account(&town.administrator, &misplaced, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::RoleMisplaced))));
    store.create_platform_account(&world.platform, &misplaced, now, &mut world.chance).await.unwrap();
    assert_eq!(store.platform_accounts(&world.platform).await.unwrap().len(), 1);
}

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Enter,
    Change,
    Draft,
    Validate,
    Correct,
    Annul,
    Erase,
    Import,
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    use Act::*;
    let act = prop_oneof![
        3 => Just(Enter),
        1 => Just(Change),
        2 => Just(Draft),
        3 => Just(Validate),
        1 => Just(Correct),
        1 => Just(Annul),
        1 => Just(Erase),
        1 => Just(Import),
    ];
    proptest::collection::vec((0_usize..3, act), 5..30)
}

/// What an Ente has, as we remember it.
#[derive(Default)]
struct Mine {
    persone: Vec<PersonaId>,
    drafts: Vec<DraftId>,
    assessments: Vec<AssessmentId>,
}

fn surname(town: usize) -> &'static str {
    ["Fringuellini", "Merlottini", "Passerella"][town]
}

async fn act(world: &mut World, town: &Town, at: usize, act: Act, mine: &mut Mine, step: usize) {
    let asso = instrument("asso");
    let (store, now) = (world.store.clone(), world.now);
    match act {
        Act::Enter => {
            // The same people and codes in every Ente.
            let data = PersonaData { identifier: Some(local(&format!("C{step}"))), ..data(surname(at), "Anna") };
            mine.persone.push(store.create_persona(&town.operator, &data, now, &mut world.chance).await.unwrap());
        }
        Act::Change => {
            if let Some(persona) = mine.persone.last() {
                let read = store.persona(&town.operator, *persona, now).await.unwrap();
                let data = PersonaData { note: Some(format!("nota {}", surname(at))), ..read.data };
                store
                    .update_persona(&town.operator, *persona, read.revision, &data, now, &mut world.chance)
                    .await
                    .unwrap();
            }
        }
        Act::Draft => {
            if let Some(persona) = mine.persone.last() {
                mine.drafts.push(world.draft(town, *persona, &asso).await.0);
            }
        }
        Act::Validate => {
            if let Some(persona) = mine.persone.last() {
                mine.assessments.push(world.validated(town, *persona, &asso).await);
            }
        }
        Act::Correct => {
            if let Some(assessment) = mine.assessments.pop() {
                let amendment = Amendment {
                    sheet: sheet(&asso, 0),
                    notes: BTreeMap::new(),
                    assessed_on: on(2026, 11, 1),
                    validation: confirmed(&asso),
                    reason: surname(at).into(),
                };
                let new = store.amend(&town.operator, assessment, &amendment, now, &mut world.chance).await.unwrap();
                mine.assessments.push(new);
            }
        }
        Act::Annul => {
            if let Some(assessment) = mine.assessments.pop() {
                store.annul(&town.operator, assessment, surname(at), now, &mut world.chance).await.unwrap();
            }
        }
        Act::Erase => {
            if let Some(persona) = mine.persone.pop() {
                store
                    .erase_persona(&town.administrator, persona, ErasureGround::Request, now, &mut world.chance)
                    .await
                    .unwrap();
                mine.drafts.clear();
                mine.assessments.clear();
                mine.persone.clear();
            }
        }
        Act::Import => {
            let import = store.begin_import(&town.administrator, surname(at), now, &mut world.chance).await.unwrap();
            let row = ImportRow {
                persona: ImportPersona {
                    external_id: format!("E{step}"),
                    is_of_this_row: false,
                    data: data(surname(at), "Importata"),
                    age: None,
                },
                assessed_on: on(2025, 5, 5),
                sheet: sheet(&asso, 2),
                origin: domain::feed::Origin::Import,
                operator: None,
                unita: None,
                evaluation: Evaluation::Absent,
                evaluation_reason: None,
                azioni: vec![],
                started_at: None,
                validated_at: None,
            };
            store.stage_import(&town.administrator, import, &asso, &[row], now, &mut world.chance).await.unwrap();
            store.commit_import(&town.administrator, import, now).await.unwrap();
        }
    }
}

/// Everything that the people of `town` can read, as text; and all that they try on what is another's, refused.
async fn look(world: &mut World, town: &Town, others: &Mine) -> String {
    let (store, now) = (world.store.clone(), world.now);
    let mut seen = String::new();
    for other in (0..3).map(surname) {
        let found = store.find_by_name(&town.operator, other, 100, now).await.unwrap();
        seen += &found.persone.iter().map(|one| format!("{} {}\n", one.surname, one.id)).collect::<String>();
    }
    for persona in store.recent_persone(&town.operator, 1_000, now).await.unwrap() {
        let read = store.persona(&town.operator, persona.id, now).await.unwrap();
        seen += &format!("{} {} {:?}\n", read.id, read.data.surname, read.data.note);
        for assessment in store.history_of_persona(&town.operator, persona.id, now).await.unwrap() {
            seen += &format!("{assessment:?}\n");
        }
    }
    for draft in store.my_drafts(&town.operator, now).await.unwrap() {
        seen += &format!("{draft:?}\n");
    }
    seen += &format!("{:?}", store.history(&town.operator, &HistoryFilter::default(), 0, 1_000, now).await.unwrap());
    seen += &format!("{:?}", store.audit(&town.administrator, &AuditFilter::default(), 10_000, now).await.unwrap());
    seen += &format!("{:?}", store.accounts(&town.administrator).await.unwrap());
    let asso = instrument("asso");
    let random = uuid::Uuid::from_u128(7);
    for id in others.persone.iter().copied().chain([PersonaId(random)]) {
        let new = NewDraft {
            persona: id,
            instrument: asso.id.clone(),
            version: 1,
            assessed_on: on(2026, 11, 1),
            copied: None,
        };
        let chance = &mut world.chance;
        // A foreign id is answered like one that nobody has.
        let said = [
            store.persona(&town.operator, id, now).await.unwrap_err().to_string(),
            store.update_persona(&town.operator, id, 1, &data("x", "y"), now, chance).await.unwrap_err().to_string(),
            store.history_of_persona(&town.operator, id, now).await.unwrap_err().to_string(),
            store
                .erase_persona(&town.administrator, id, ErasureGround::Request, now, chance)
                .await
                .unwrap_err()
                .to_string(),
            store.restrict_persona(&town.administrator, id, "x", now, chance).await.unwrap_err().to_string(),
            store.start_draft(&town.operator, &new, now, chance).await.unwrap_err().to_string(),
            store.unmerge_persona(&town.operator, id, "x", now, chance).await.unwrap_err().to_string(),
        ];
        assert!(said.iter().all(|said| said == "no such persona in this Ente"), "{said:?}");
    }
    for id in others.drafts.iter().copied().chain([DraftId(random)]) {
        let chance = &mut world.chance;
        let said = [
            store.draft(&town.operator, id, now).await.unwrap_err().to_string(),
            store.delete_draft(&town.operator, id, now).await.unwrap_err().to_string(),
            store.validate(&town.operator, id, 2, &confirmed(&asso), now, chance).await.unwrap_err().to_string(),
        ];
        assert!(said.iter().all(|said| said == "no such draft in this Ente"), "{said:?}");
    }
    for id in others.assessments.iter().copied().chain([AssessmentId(random)]) {
        let chance = &mut world.chance;
        let said = [
            store.assessment(&town.operator, id, now).await.unwrap_err().to_string(),
            store.annul(&town.operator, id, "x", now, chance).await.unwrap_err().to_string(),
        ];
        assert!(said.iter().all(|said| said == "no such assessment in this Ente"), "{said:?}");
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_in_one_nothing_is_seen_in_another(
        acts in acts(),
        kind in proptest::sample::select(&[Kind::Sqlite, Kind::Postgres][..]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(kind).await;
            let mut towns = Vec::new();
            for code in ["aviano", "budoia", "caneva"] {
                towns.push(world.town(code).await);
            }
            let mut mine: [Mine; 3] = Default::default();
            for (step, (at, what)) in acts.into_iter().enumerate() {
                act(&mut world, &towns[at], at, what, &mut mine[at], step).await;
            }
            for (at, town) in towns.iter().enumerate() {
                for other in (0..3).filter(|other| *other != at) {
                    let seen = look(&mut world, town, &mine[other]).await;
                    assert!(!seen.contains(surname(other)), "{} sees {}", town.code, surname(other));
                    for id in &mine[other].persone {
                        assert!(!seen.contains(&id.to_string()), "{} sees a persona of another", town.code);
                    }
                    for id in &mine[other].assessments {
                        assert!(!seen.contains(&id.to_string()), "{} sees an assessment of another", town.code);
                    }
                }
                let events = world.events(town).await;
                assert!(events.iter().all(|event| event.ente == town.id));
                let verdict = world.store.audit_verify(&world.platform, Some(town.id), &[]).await.unwrap();
                assert_eq!(verdict.problem, None);
            }
        });
    }
}

#[rstest]
#[tokio::test]
async fn an_ente_is_admitted_whole_or_not_at_all(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (store, now) = (world.store.clone(), world.now);
    let interest = InterestData {
        administration: "Comune di Prova".to_owned(),
        ipa_code: "c_x000".to_owned(),
        pec: "comune@pec.example".to_owned(),
        comuni: "Prova".to_owned(),
        contact: "Anna Neri".to_owned(),
        email: "a@example.it".to_owned(),
        ..InterestData::default()
    };
    let interest = store.express_interest(&interest, PEER, now, &mut world.chance).await.unwrap();
    let fine = Admission {
        ente: NewEnte {
            code: "prova".to_owned(),
            name: "Comune di Prova".to_owned(),
            from: on(2026, 11, 1),
            comuni: BTreeSet::from(["093033".to_owned()]),
            is_demo: false,
        },
        agreement: NewAgreement {
            kind: AgreementKind::First,
            number: "1/2026".to_owned(),
            text_version: 1,
            signed_on: on(2026, 11, 1),
            from: on(2026, 11, 1),
            until: on(2028, 12, 31),
            maintenance: "ordinaria".to_owned(),
        },
        username: "anna".to_owned(),
        display_name: "Anna Neri".to_owned(),
        interest: Some(interest),
    };
    let enti = store.enti(&world.platform, now).await.unwrap().len();
    let backwards = NewAgreement { until: on(2026, 1, 1), ..fine.agreement.clone() };
    let nobody = InterestId(uuid::Uuid::from_u128(7));
    for wrong in [
        Admission { username: "à".to_owned(), ..fine.clone() },
        Admission { agreement: backwards, ..fine.clone() },
        Admission { interest: Some(nobody), ..fine.clone() },
        Admission { display_name: " ".to_owned(), ..fine.clone() },
    ] {
        assert!(store.admit(&world.platform, &wrong, now, &mut world.chance).await.is_err(), "{wrong:?}");
        assert_eq!(store.enti(&world.platform, now).await.unwrap().len(), enti);
        let waiting = store.interest(&world.platform, interest).await.unwrap();
        assert_eq!(waiting.state, InterestState::Received);
    }
    let (ente, password) = store.admit(&world.platform, &fine, now, &mut world.chance).await.unwrap();
    assert_eq!(store.interest(&world.platform, interest).await.unwrap().state, InterestState::Admitted);
    assert_eq!(store.agreements(&world.platform, ente).await.unwrap().len(), 1);
    assert!(world.try_login("prova", "anna", password.expose()).await.is_ok());
    let again = store.admit(&world.platform, &Admission { interest: None, ..fine }, now, &mut world.chance).await;
    assert!(matches!(again, Err(StoreError::Refused(Refused::CodeTaken))));
    for ente in [Some(ente), None] {
        assert_eq!(store.audit_verify(&world.platform, ente, &[]).await.unwrap().problem, None);
    }
}
