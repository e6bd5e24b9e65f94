//! Imports: invisible until they are real, the same twice, as fast as promised.

use super::*;
use domain::feed::{AzioneOutcome, Origin, What};

fn rows(instrument: &Instrument, count: usize) -> Vec<ImportRow> {
    (0..count)
        .map(|at| ImportRow {
            persona: ImportPersona {
                external_id: format!("x{}", at / 2),
                is_of_this_row: false,
                data: PersonaData { surname: String::new(), name: String::new(), ..data("", "") },
                age: None,
            },
            assessed_on: on(2024, 1, 1) + Duration::days(i64::try_from(at % 2).unwrap() * 200),
            sheet: sheet(instrument, at % 3),
            origin: Origin::Import,
            operator: None,
            unita: None,
            evaluation: Evaluation::Absent,
            evaluation_reason: None,
            azioni: Vec::new(),
            started_at: None,
            validated_at: None,
        })
        .collect()
}

async fn begin(world: &mut World, town: &Town) -> ImportId {
    world.store.begin_import(&town.administrator, "archivio 2024", world.now, &mut world.chance).await.unwrap()
}

async fn stage(
    world: &mut World,
    town: &Town,
    import: ImportId,
    instrument: &Instrument,
    rows: &[ImportRow],
) -> Vec<RowOutcome> {
    world.store.stage_import(&town.administrator, import, instrument, rows, world.now, &mut world.chance).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn staged_rows_are_invisible_until_all_are_real(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let isa = instrument("isa");
    let by_hand = world.persona(&town, "Verdi", "Anna").await;
    world.validated(&town, by_hand, &isa).await;
    let import = begin(&mut world, &town).await;
    let outcomes = stage(&mut world, &town, import, &isa, &rows(&isa, 620)).await;
    let staged: BTreeSet<PersonaId> = outcomes
        .iter()
        .map(|outcome| if let RowOutcome::Staged(persona) = outcome { *persona } else { panic!("{outcome:?}") })
        .collect();
    assert_eq!(staged.len(), 310);
    let (store, now) = (world.store.clone(), world.now);
    assert_eq!(store.count_persone(&town.operator).await.unwrap(), 1);
    assert_eq!(store.count_assessments(&town.operator, None).await.unwrap(), 1);
    assert_eq!(store.recent_persone(&town.operator, 100, now).await.unwrap().len(), 1);
    let one = *staged.first().unwrap();
    assert!(matches!(store.persona(&town.operator, one, now).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.history_of_persona(&town.operator, one, now).await, Err(StoreError::NotFound(_))));
    assert_eq!(world.events(&town).await.len(), 1);
    // The portal goes on meanwhile, and numbers stay without gaps.
    world.validated(&town, by_hand, &isa).await;
    let another = store.begin_import(&town.administrator, "altro", now, &mut world.chance).await;
    assert!(matches!(another, Err(StoreError::Refused(Refused::ImportUnderWay(id))) if id == import));
    let summary = store.commit_import(&town.administrator, import, now).await.unwrap();
    assert_eq!(summary, ImportSummary { assessments: 620, persone: 310, skipped: 0 });
    assert!(matches!(
        store.commit_import(&town.administrator, import, now).await,
        Err(StoreError::Refused(Refused::ImportOver))
    ));
    world.validated(&town, by_hand, &isa).await;
    let events = world.events(&town).await;
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=623).collect::<Vec<_>>());
    let middle = store.events(town.id, 620, 10).await.unwrap();
    assert_eq!(middle.iter().map(|event| event.seq).collect::<Vec<_>>(), [621, 622, 623]);
    assert_eq!(store.count_assessments(&town.operator, None).await.unwrap(), 623);
    let history = store.history_of_persona(&town.operator, one, now).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!((history[0].origin, history[0].import_source.as_deref()), (Origin::Import, Some("archivio 2024")));
    // An imported persona is erased like any other.
    store.erase_persona(&town.administrator, one, ErasureGround::Request, now, &mut world.chance).await.unwrap();
    let blank = world.events(&town).await.iter().filter(|event| event.what == What::Blank).count();
    assert_eq!(blank, 2);
}

#[rstest]
#[tokio::test]
async fn the_same_again_is_skipped_and_another_is_told(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let isa = instrument("isa");
    let mut all = rows(&isa, 10);
    let import = begin(&mut world, &town).await;
    stage(&mut world, &town, import, &isa, &all).await;
    // In the same import, too.
    assert_eq!(stage(&mut world, &town, import, &isa, &all[..1]).await, [RowOutcome::Skipped]);
    world.store.commit_import(&town.administrator, import, world.now).await.unwrap();
    all[3].sheet = sheet(&isa, 4);
    all[4].persona.data.residence = Some("093044".into());
    all.push(ImportRow { sheet: Sheet::from([(id("nessuno"), Answer::Value(1))]), ..rows(&isa, 11)[10].clone() });
    all.push(ImportRow { assessed_on: on(2031, 1, 1), ..rows(&isa, 11)[10].clone() });
    all.push(rows(&isa, 11)[10].clone());
    let import = begin(&mut world, &town).await;
    let outcomes = stage(&mut world, &town, import, &isa, &all).await;
    for (at, outcome) in outcomes.iter().enumerate() {
        match at {
            3 | 4 => assert_eq!(*outcome, RowOutcome::Different),
            10 => assert!(matches!(outcome, RowOutcome::Refused(Refused::Sheet(_)))),
            11 => assert_eq!(*outcome, RowOutcome::Refused(Refused::AssessedOn)),
            12 => assert!(matches!(outcome, RowOutcome::Staged(_))),
            _ => assert_eq!(*outcome, RowOutcome::Skipped),
        }
    }
    let summary = world.store.commit_import(&town.administrator, import, world.now).await.unwrap();
    assert_eq!(summary, ImportSummary { assessments: 1, persone: 1, skipped: 8 });
}

#[rstest]
#[tokio::test]
async fn an_import_that_is_abandoned_leaves_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let azione = asso.azioni[0].id.clone();
    let with_azioni: Vec<ImportRow> = rows(&asso, 300)
        .into_iter()
        .map(|row| ImportRow { azioni: vec![(azione.clone(), Some(AzioneOutcome::UnderWay))], ..row })
        .collect();
    let import = begin(&mut world, &town).await;
    stage(&mut world, &town, import, &asso, &with_azioni).await;
    world.store.abandon_import(&town.administrator, import, world.now).await.unwrap();
    for table in ["assessments", "azione_results", "events", "persone", "persona_keys", "persona_index"] {
        let count = privacy::count(&world, table).await;
        assert_eq!(count, 0, "{table}");
    }
    // One whose program died stands in the way for ten minutes, no longer.
    let left = begin(&mut world, &town).await;
    stage(&mut world, &town, left, &asso, &with_azioni).await;
    world.pass(Duration::minutes(9));
    let early = world.store.begin_import(&town.administrator, "ancora", world.now, &mut world.chance).await;
    assert!(matches!(early, Err(StoreError::Refused(Refused::ImportUnderWay(_)))));
    world.pass(Duration::minutes(2));
    let next = begin(&mut world, &town).await;
    stage(&mut world, &town, next, &asso, &with_azioni).await;
    let summary = world.store.commit_import(&town.administrator, next, world.now).await.unwrap();
    assert_eq!((summary.assessments, summary.persone), (300, 150));
    assert_eq!(world.events(&town).await.len(), 600);
}

#[rstest]
#[tokio::test]
async fn the_demo_goes_the_same_way_in_the_name_of_its_operators(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let row = ImportRow {
        origin: Origin::Portal,
        operator: Some(town.account),
        evaluation: Evaluation::Confirmed,
        validated_at: Some(world.now - Duration::days(300)),
        persona: ImportPersona {
            external_id: "d1".into(),
            is_of_this_row: false,
            data: PersonaData { identifier: Some(stp(7)), ..data("Rossi", "Ada") },
            age: None,
        },
        ..rows(&asso, 1)[0].clone()
    };
    let absent = ImportRow { evaluation: Evaluation::Absent, assessed_on: on(2024, 5, 5), ..row.clone() };
    let import = world.store.begin_import(&town.command_line, "demo", world.now, &mut world.chance).await.unwrap();
    let (store, now) = (world.store.clone(), world.now);
    let outcomes =
        store.stage_import(&town.command_line, import, &asso, &[row, absent], now, &mut world.chance).await.unwrap();
    assert!(matches!(outcomes[0], RowOutcome::Staged(_)));
    assert_eq!(outcomes[1], RowOutcome::Refused(Refused::Evaluation));
    store.commit_import(&town.command_line, import, now).await.unwrap();
    let found = store.find_by_identifier(&town.operator, &stp(7), now).await.unwrap().unwrap();
    let history = store.history_of_persona(&town.operator, found.id, now).await.unwrap();
    assert_eq!(history[0].operator.as_ref().map(|operator| operator.id), Some(town.account));
    assert_eq!((history[0].origin, &history[0].import_source), (Origin::Portal, &None));
    let events = world.events(&town).await;
    assert!(matches!(&events[0].what, What::Validated(told) if told.link.is_some()));
    // An Ente's own codes say nothing of who somebody is elsewhere.
    let own = PersonaData { identifier: Some(local("7")), ..data("Rossi", "Eva") };
    let eva = store.create_persona(&town.operator, &own, now, &mut world.chance).await.unwrap();
    world.validated(&town, eva, &asso).await;
    let last = world.events(&town).await.pop().unwrap();
    assert!(matches!(&last.what, What::Validated(told) if told.link.is_none()));
}

#[rstest]
#[tokio::test]
async fn one_external_id_never_joins_two_codes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let isa = instrument("isa");
    let row = |code: Option<&str>, external: &str, day: u32| {
        let mut row = rows(&isa, 1).remove(0);
        row.persona.external_id = external.into();
        row.persona.data.identifier = code.map(local);
        row.assessed_on = on(2024, 1, day);
        row
    };
    let import = begin(&mut world, &town).await;
    stage(&mut world, &town, import, &isa, &[row(Some("PN-1"), "7", 1), row(Some("PN-2"), "8", 1)]).await;
    world.store.commit_import(&town.administrator, import, world.now).await.unwrap();
    let import = begin(&mut world, &town).await;
    // Another office numbers its people too.
    let again = [
        row(Some("PN-3"), "7", 2),
        row(Some("PN-2"), "7", 2),
        row(Some("PN-1"), "7", 3),
        row(None, "7", 4),
        row(Some("PN-2"), "99", 5),
    ];
    let outcomes = stage(&mut world, &town, import, &isa, &again).await;
    let other = RowOutcome::Refused(Refused::OtherPersona);
    assert_eq!(outcomes[..2], [other.clone(), other]);
    assert!(outcomes[2..].iter().all(|outcome| matches!(outcome, RowOutcome::Staged(_))), "{outcomes:?}");
    assert_eq!(outcomes[2], outcomes[3]);
    assert_ne!(outcomes[2], outcomes[4]);
    // Who comes without a code gets one by the first row that has it; the next one is another's.
    let named_later = [row(None, "55", 1), row(Some("PN-5"), "55", 2), row(Some("PN-6"), "55", 3)];
    let outcomes = stage(&mut world, &town, import, &isa, &named_later).await;
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[2], RowOutcome::Refused(Refused::OtherPersona));
}

#[rstest]
#[tokio::test]
async fn the_same_table_is_known_after_a_new_code_and_after_a_merge(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let isa = instrument("isa");
    let row = |code: u64, external: &str, day: u32| {
        let mut row = rows(&isa, 1).remove(0);
        row.persona.external_id = external.into();
        row.persona.data.identifier = Some(stp(code));
        row.assessed_on = on(2024, 1, day);
        row
    };
    let import = begin(&mut world, &town).await;
    let outcomes = stage(&mut world, &town, import, &isa, &[row(1, "7", 1), row(2, "8", 1)]).await;
    let [RowOutcome::Staged(one), RowOutcome::Staged(two)] = outcomes[..] else { panic!("{outcomes:?}") };
    let (store, now) = (world.store.clone(), world.now);
    store.commit_import(&town.administrator, import, now).await.unwrap();
    let renewed = PersonaData { identifier: Some(stp(3)), ..data("Verdi", "Ada") };
    store.update_persona(&town.operator, one, 1, &renewed, now, &mut world.chance).await.unwrap();
    let import = begin(&mut world, &town).await;
    assert_eq!(stage(&mut world, &town, import, &isa, &[row(1, "7", 1)]).await, [RowOutcome::Skipped]);
    store.abandon_import(&town.administrator, import, now).await.unwrap();
    store.merge_persone(&town.operator, one, two, "la stessa persona", now, &mut world.chance).await.unwrap();
    let import = begin(&mut world, &town).await;
    let outcomes = stage(&mut world, &town, import, &isa, &[row(3, "8", 2)]).await;
    assert!(matches!(outcomes[..], [RowOutcome::Staged(_)]), "{outcomes:?}");
}

#[rstest]
#[tokio::test]
async fn a_numbered_row_is_nobody_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let isa = instrument("isa");
    let row = |day: u32, at: usize| {
        let mut row = rows(&isa, 3).remove(at);
        row.persona.external_id = "1 / archivio".into();
        row.persona.is_of_this_row = true;
        row.assessed_on = on(2024, 1, day);
        row
    };
    let import = begin(&mut world, &town).await;
    stage(&mut world, &town, import, &isa, &[row(1, 0)]).await;
    world.store.commit_import(&town.administrator, import, world.now).await.unwrap();
    let import = begin(&mut world, &town).await;
    // The same table, a corrected one, another one.
    let outcomes = stage(&mut world, &town, import, &isa, &[row(1, 0), row(1, 1), row(2, 0)]).await;
    let other = RowOutcome::Refused(Refused::OtherPersona);
    assert_eq!(outcomes, [RowOutcome::Skipped, RowOutcome::Different, other]);
}
