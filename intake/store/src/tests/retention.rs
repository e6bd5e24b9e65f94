//! Whom an Ente need not keep any longer.

use super::*;

#[rstest]
#[tokio::test]
async fn the_time_is_over_for_whom_nothing_happens_to(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let mut persone = Vec::new();
    for surname in ["Valutata", "Limitata", "Inbozza", "Aggiornata", "Unita", "Maivista"] {
        persone.push(world.persona(&town, surname, "Prova").await);
    }
    let [assessed, restricted, drafted, updated, merged, never] = persone[..] else { panic!("six were made") };
    for persona in [assessed, restricted, updated, merged] {
        world.validated(&town, persona, &asso).await;
    }
    world.draft(&town, drafted, &asso).await;
    let (store, privacy, now) = (world.store.clone(), town.command_line.clone(), world.now);
    store.restrict_persona(&privacy, restricted, "prova", now, &mut world.chance).await.unwrap();
    store.merge_persone(&town.operator, merged, assessed, "doppione", now, &mut world.chance).await.unwrap();
    let over = async |now| {
        let (found, count) = store.past_retention(&privacy, 10, now).await.unwrap();
        assert_eq!(found.len(), count);
        found.into_iter().map(|one| (one.persona.id, one.last_on)).collect::<BTreeSet<_>>()
    };

    world.pass(Duration::days(365 * 3));
    assert!(over(world.now).await.is_empty(), "nobody has said for how long");
    assert_eq!(store.retention_months(&town.operator).await.unwrap(), None);
    let refused = store.set_retention_months(&town.operator, 24, now).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refused::NotAllowed(Right::ManageAccounts))));
    let refused = store.set_retention_months(&town.administrator, RETENTION_MONTHS_MAX + 1, now).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refused::TextForm("months"))));
    store.set_retention_months(&town.administrator, 24, now).await.unwrap();
    assert_eq!(store.retention_months(&town.operator).await.unwrap(), Some(24));

    let revision = store.persona(&town.operator, updated, now).await.unwrap().revision;
    let data = data("Aggiornata", "Prova");
    let at = world.now - Duration::days(30);
    store.update_persona(&town.operator, updated, revision, &data, at, &mut world.chance).await.unwrap();
    let day = on(2026, 11, 23);
    assert_eq!(over(world.now).await, [(assessed, day), (never, day)].into());
    let refused = store.past_retention(&town.operator, 10, world.now).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refused::NotAllowed(Right::Erase))));
    let wanted = [never, updated, restricted].into();
    assert_eq!(store.still_past_retention(&privacy, &wanted, world.now).await.unwrap(), [never]);
    let (first, count) = store.past_retention(&privacy, 1, world.now).await.unwrap();
    assert_eq!((first.len(), count), (1, 2));

    // To the day: what happened two years ago is kept, the day before is not.
    let two_years = Utc.with_ymd_and_hms(2028, 11, 23, 9, 0, 0).unwrap();
    assert!(over(two_years).await.is_empty());
    assert_eq!(over(two_years + Duration::days(1)).await.len(), 2);
    store.set_retention_months(&town.administrator, 0, now).await.unwrap();
    assert!(over(world.now).await.is_empty(), "0 is no rule");
}
