//! Editions: one for each day on which one was due, and who has opened them.

use super::*;

#[rstest]
#[tokio::test]
async fn an_edition_is_issued_once_and_moves_the_schedule(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, ente, today) = (world.workspace.clone(), pordenone(), world.today);
    let report = world.scheduled(ente, "Piano").await;
    let next = on(2026, 12, 29);
    let id = world.issued(ente, report, edition("{\"persone\":100}", next)).await;
    let made = Edition {
        id,
        report,
        ente,
        version: 7,
        made_at: world.now,
        title: "Piano".to_owned(),
        content: b"{\"persone\":100}".to_vec(),
        read_by: [].into(),
    };
    assert_eq!(workspace.edition(ente, id).await.unwrap(), made);
    let moved = workspace.report(ente, report).await.unwrap();
    assert_eq!((moved.schedule, moved.revision), (every_month(next), 1));
    assert_eq!(workspace.due(today).await.unwrap(), []);

    // The run again, with other figures, or one that is late.
    for again in [next, today, on(2026, 12, 1)] {
        assert_eq!(world.issue(ente, report, edition("{}", again)).await.unwrap(), Issued::Already);
    }
    assert_eq!(workspace.editions(ente, manager().account).await.unwrap().len(), 1);
    assert_eq!(workspace.edition(ente, id).await.unwrap(), made);
    assert_eq!(workspace.report(ente, report).await.unwrap(), moved);

    // The next has the title of its day; the first keeps its own.
    workspace.update_report(ente, report, 1, &written("Piano nuovo"), &manager(), world.now).await.unwrap();
    world.now += TimeDelta::days(30);
    let second = world.issued(ente, report, edition("{}", on(2027, 1, 29))).await;
    let lines = workspace.editions(ente, manager().account).await.unwrap();
    let told: Vec<_> = lines.iter().map(|line| (line.id, line.title.as_str(), line.made_at)).collect();
    assert_eq!(told, [(second, "Piano nuovo", world.now), (id, "Piano", made.made_at)], "the newest first");
}

#[rstest]
#[tokio::test]
async fn two_runs_at_once_make_one_edition(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let report = world.scheduled(pordenone(), "Piano").await;
    let (one, other) = (world.workspace.clone(), world.opened_again().await);
    let (mut chance, mut other_chance) = (ChaCha20Rng::seed_from_u64(1), ChaCha20Rng::seed_from_u64(2));
    let new = edition("{}", on(2026, 12, 29));
    let (first, second) = tokio::join!(
        one.issue(pordenone(), report, new.clone(), world.now, &mut chance),
        other.issue(pordenone(), report, new, world.now, &mut other_chance),
    );
    let made = [first.unwrap(), second.unwrap()].into_iter().filter(|issued| *issued != Issued::Already).count();
    assert_eq!(made, 1);
    assert_eq!(one.editions(pordenone(), manager().account).await.unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn an_edition_is_unread_until_an_account_opens_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, ente) = (world.workspace.clone(), pordenone());
    let (elsa, fabio) = (manager().account, second_manager().account);
    let report = world.scheduled(ente, "Piano").await;
    let elsewhere = world.scheduled(sacile(), "Altrove").await;
    let first = world.issued(ente, report, edition("{}", on(2026, 12, 29))).await;
    world.now += TimeDelta::days(30);
    let second = world.issued(ente, report, edition("{}", on(2027, 1, 29))).await;
    world.issued(sacile(), elsewhere, edition("{}", on(2026, 12, 29))).await;
    assert_eq!((workspace.unread(ente, elsa).await.unwrap(), workspace.unread(ente, fabio).await.unwrap()), (2, 2));
    for _ in 0..2 {
        workspace.open_edition(ente, first, elsa).await.unwrap();
    }
    assert_eq!((workspace.unread(ente, elsa).await.unwrap(), workspace.unread(ente, fabio).await.unwrap()), (1, 2));
    let opened = async |account| {
        let lines = workspace.editions(ente, account).await.unwrap();
        lines.into_iter().map(|line| (line.id, line.is_opened)).collect::<Vec<_>>()
    };
    assert_eq!(opened(elsa).await, [(second, false), (first, true)]);
    assert_eq!(opened(fabio).await, [(second, false), (first, false)]);
    workspace.open_edition(ente, first, fabio).await.unwrap();
    assert_eq!(workspace.edition(ente, first).await.unwrap().read_by, [elsa, fabio].into());
    assert_eq!(workspace.edition(ente, second).await.unwrap().read_by, [].into());
    assert_eq!(workspace.unread(sacile(), elsa).await.unwrap(), 1, "another Ente's are counted there");
}

#[rstest]
#[tokio::test]
async fn no_edition_is_reached_from_another_ente(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, elsa) = (world.workspace.clone(), manager().account);
    let report = world.scheduled(pordenone(), "Piano").await;
    let id = world.issued(pordenone(), report, edition("{}", on(2026, 12, 29))).await;
    assert_eq!(workspace.editions(sacile(), elsa).await.unwrap(), []);
    assert_eq!(workspace.unread(sacile(), elsa).await.unwrap(), 0);
    assert_absent(workspace.edition(sacile(), id).await, "edition");
    assert_absent(workspace.open_edition(sacile(), id, elsa).await, "edition");
    assert_absent(workspace.open_edition(pordenone(), EditionId(Uuid::nil()), elsa).await, "edition");
    assert_absent(world.issue(sacile(), report, edition("{}", on(2027, 1, 29))).await, "report");
    assert_absent(workspace.delete_report(sacile(), report).await, "report");
    assert_eq!(workspace.edition(pordenone(), id).await.unwrap().read_by, [].into());
    assert_eq!(workspace.report(pordenone(), report).await.unwrap().schedule, every_month(on(2026, 12, 29)));
}

#[rstest]
#[tokio::test]
async fn the_editions_of_a_report_go_with_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, ente, elsa) = (world.workspace.clone(), pordenone(), manager().account);
    let (gone, kept) = (world.scheduled(ente, "Primo").await, world.scheduled(ente, "Secondo").await);
    let next = on(2026, 12, 29);
    let of_gone = world.issued(ente, gone, edition("{}", next)).await;
    let of_kept = world.issued(ente, kept, edition("{}", next)).await;
    for id in [of_gone, of_kept] {
        workspace.open_edition(ente, id, elsa).await.unwrap();
    }
    workspace.delete_report(ente, gone).await.unwrap();
    assert_absent(workspace.edition(ente, of_gone).await, "edition");
    assert_absent(workspace.open_edition(ente, of_gone, elsa).await, "edition");
    assert_absent(world.issue(ente, gone, edition("{}", on(2027, 1, 29))).await, "report");
    let lines = workspace.editions(ente, elsa).await.unwrap();
    assert_eq!(lines.iter().map(|line| (line.id, line.is_opened)).collect::<Vec<_>>(), [(of_kept, true)]);
    assert_eq!(workspace.unread(ente, elsa).await.unwrap(), 0);
}

#[rstest]
#[tokio::test]
async fn an_edition_is_held_to_its_form(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, ente, next) = (world.workspace.clone(), pordenone(), on(2026, 12, 29));
    let report = world.report(ente, &written("Piano")).await.unwrap();
    let refused = world.issue(ente, report, edition("{}", next)).await.unwrap_err();
    assert!(matches!(refused, EnteError::NotScheduled), "{refused:?}");
    workspace.schedule_report(ente, report, every_month(world.today)).await.unwrap();
    let with = |content: Vec<u8>| NewEdition { version: 0, content, next_on: next };
    assert_field(world.issue(ente, report, with(Vec::new())).await, "content", Problem::Missing);
    assert_field(world.issue(ente, report, with(vec![0; 5_000_001])).await, "content", Problem::TooLong);
    let negative = NewEdition { version: -1, ..edition("{}", next) };
    assert_field(world.issue(ente, report, negative).await, "version", Problem::Range);
    assert_eq!(workspace.editions(ente, manager().account).await.unwrap(), []);
    assert_eq!(workspace.report(ente, report).await.unwrap().schedule, every_month(world.today), "it is due still");
    // Any bytes, to the last one.
    let full: Vec<u8> = (0..=u8::MAX).cycle().take(5_000_000).collect();
    let id = world.issued(ente, report, with(full.clone())).await;
    assert!(workspace.edition(ente, id).await.unwrap().content == full);
}
