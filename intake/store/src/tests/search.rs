//! Finding persone by name, in an Ente where many begin alike.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::*;
use crate::tables::{enti, persona_index};

async fn found(world: &World, scope: &EnteScope, text: &str) -> (Vec<String>, bool) {
    let found = world.store.find_by_name(scope, text, 50, world.now).await.unwrap();
    (found.persone.into_iter().map(|one| format!("{} {}", one.surname, one.name)).collect(), found.has_more)
}

/// As many persone whose names begin alike as are not all opened for one search, and a few besides.
async fn crowd(world: &mut World) -> Town {
    let town = world.town("pordenone").await;
    for number in 0..510 {
        world.persona(&town, "Marin", if number % 2 == 0 { "Martina" } else { "Bruno" }).await;
    }
    for (surname, name) in [("Marangon", "Ada"), ("Marangoni", "Ugo"), ("Marchi", "Ada Maria"), ("Li", "Bo")] {
        world.persona(&town, surname, name).await;
    }
    town
}

#[rstest]
#[tokio::test]
async fn whoever_is_typed_far_enough_is_found_among_many(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = crowd(&mut world).await;
    let scope = &town.operator;
    let one = |name: &str| (vec![name.to_owned()], false);
    assert_eq!(found(&world, scope, "marangoni").await, one("Marangoni Ugo"));
    assert_eq!(found(&world, scope, "Marango").await.0, ["Marangon Ada", "Marangoni Ugo"]);
    assert_eq!(found(&world, scope, "marc").await, one("Marchi Ada Maria"));
    assert_eq!(found(&world, scope, "ada marang").await, one("Marangon Ada"));
    assert_eq!(found(&world, scope, "mar ada mar").await.0, ["Marangon Ada", "Marchi Ada Maria"]);
    assert_eq!(found(&world, scope, "li").await, one("Li Bo"));
    assert_eq!(found(&world, scope, "l").await, (vec![], false));
    let (some, has_more) = found(&world, scope, "mar").await;
    assert!(some.len() == 50 && has_more, "{} of 514", some.len());
}

#[rstest]
#[tokio::test]
async fn who_sees_few_persone_finds_them_among_many(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = crowd(&mut world).await;
    let account = world.account(&town.command_line, "collega", Role::Operator).await;
    let change =
        AccountChange { display_name: "Collega".into(), unita: None, reach: Reach::Own, granted: BTreeSet::new() };
    world.store.update_account(&town.administrator, account, &change, world.now).await.unwrap();
    let persona = world.persona(&town, "Marin", "Zeno").await;
    let session = world.login("pordenone", "collega").await.session;
    let scope = session.scope(Right::SeePersone).unwrap();
    assert_eq!(found(&world, &scope, "mar").await, (vec![], false));
    let follows = Follows { account: Some(account), unita: None };
    world.store.assign_persona(&town.administrator, persona, follows, world.now).await.unwrap();
    assert_eq!(found(&world, &scope, "mar").await, (vec!["Marin Zeno".to_owned()], false));
}

#[rstest]
#[tokio::test]
async fn an_index_of_the_first_version_is_brought_up_to_date(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (kept, erased) = (world.persona(&town, "Marangon", "Ada").await, world.persona(&town, "Marchi", "Ugo").await);
    let (store, now) = (world.store.clone(), world.now);
    store.erase_persona(&town.administrator, erased, ErasureGround::Request, now, &mut world.chance).await.unwrap();
    let intruder = world.intruder().await;
    let names = || persona_index::Entity::find().filter(persona_index::Column::Kind.eq("n"));
    let written = names().count(&intruder).await.unwrap();
    // As if the first version had written it: it knew three letters and the whole word.
    intruder.execute_unprepared("delete from persona_index where kind = 'n'").await.unwrap();
    intruder.execute_unprepared("update enti set index_version = 1").await.unwrap();
    assert_eq!(found(&world, &town.operator, "marang").await.0, [""; 0]);
    let identity = world.identity.clone();
    world.opened_again(identity.clone()).await.unwrap();
    assert_eq!(found(&world, &town.operator, "marang").await.0, ["Marangon Ada"]);
    assert_eq!(names().count(&intruder).await.unwrap(), written, "one index, and none of who was erased");
    let old = enti::Entity::find().filter(enti::Column::IndexVersion.eq(1)).count(&intruder).await.unwrap();
    assert_eq!(old, 0);
    // Once more changes nothing.
    intruder.execute_unprepared("update enti set index_version = 1").await.unwrap();
    world.opened_again(identity).await.unwrap();
    assert_eq!(names().count(&intruder).await.unwrap(), written);
    assert_eq!(names().filter(persona_index::Column::PersonaId.eq(kept.0)).count(&intruder).await.unwrap(), written);
}
