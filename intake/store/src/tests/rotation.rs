//! Keys are renewed while the portal runs: everything can be read all the time, and nothing is kept under a key given up.

use domain::feed::{Event, PersonToken, What};
use sea_orm::{ConnectionTrait, Statement};

use super::*;
use crate::database::PLATFORM;

/// A portal with something under each key of the Ente: persone, questionnaires, a signed agreement, an event of the Ente's,
/// an extraction, the second factor of its administrator.
async fn filled(kind: Kind) -> (World, Town, Vec<PersonaId>) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let mut persone = Vec::new();
    for surname in ["Rossi", "Bianchi", "Verdi"] {
        let persona = world.persona(&town, surname, "Ada").await;
        world.validated(&town, persona, &instrument("asso")).await;
        persone.push(persona);
    }
    let unita = world.store.create_unita(&town.command_line, "Sacile", world.now, &mut world.chance).await.unwrap();
    let under = world.store.create_unita(&town.command_line, "Altra", world.now, &mut world.chance).await.unwrap();
    let (store, now) = (world.store.clone(), world.now);
    store.move_unita(&town.command_line, unita, Some(under), now, &mut world.chance).await.unwrap();
    let new = NewAgreement {
        kind: AgreementKind::First,
        number: "1/2026".to_owned(),
        text_version: 1,
        signed_on: now.date_naive(),
        from: now.date_naive(),
        until: now.date_naive() + Duration::days(400),
        maintenance: "ordinaria".to_owned(),
    };
    let agreement = store.add_agreement(&world.platform, town.id, &new, now, &mut world.chance).await.unwrap();
    store
        .keep_signed_agreement(&world.platform, town.id, agreement, b"%PDF-1.7 x", now, &mut world.chance)
        .await
        .unwrap();
    let scope = world.extractor(&town, Reach::Ente).await;
    world.ready(&scope).await;
    (world, town, persone)
}

/// Reads whatever there is, by a store: all that a key of the Ente seals.
async fn read(world: &World, store: &Store, town: &Town, persone: &[PersonaId]) -> Result<(), StoreError> {
    for persona in persone {
        store.persona(&town.command_line, *persona, world.now).await?;
        assert_eq!(store.history_of_persona(&town.command_line, *persona, world.now).await?.len(), 1);
    }
    let events = store.events(town.id, 0, 100).await?;
    assert!(events.len() >= 4);
    let agreements = store.signed_agreements(&world.platform, town.id).await?;
    for agreement in agreements {
        store.signed_agreement(&world.platform, town.id, agreement, world.now).await?;
    }
    let extractions = store.identified_extractions(&town.command_line, world.now).await?;
    assert_eq!(extractions.len(), 1);
    store.take_identified(&town.command_line, extractions[0].id, world.now).await?;
    Ok(())
}

/// Who was assessed, as the feed tells them.
fn tokens(events: &[Event]) -> Vec<PersonToken> {
    let person = |event: &Event| if let What::Validated(told) = &event.what { Some(told.person) } else { None };
    events.iter().filter_map(person).collect()
}

/// Every blob of the Ente that one of its own keys seals or wraps, as the tables hold it.
async fn blobs(world: &World) -> Vec<Vec<u8>> {
    let database = world.intruder().await;
    let mut all = Vec::new();
    for query in [
        "select wrapped_key as blob from persona_keys",
        "select sealed as blob from signed_agreements",
        "select sealed as blob from identified_extractions",
        "select sealed as blob from second_factors",
        "select sealed as blob from events where kind = 'of_ente'",
    ] {
        let rows =
            database.query_all_raw(Statement::from_string(database.get_database_backend(), query)).await.unwrap();
        assert!(!rows.is_empty(), "{query}");
        all.extend(rows.iter().map(|row| row.try_get::<Vec<u8>>("", "blob").unwrap()));
    }
    all
}

#[rstest]
#[tokio::test]
async fn every_step_leaves_everything_readable_and_the_last_leaves_nothing_under_the_old_key(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (mut world, town, persone) = filled(kind).await;
    let (store, now) = (world.store.clone(), world.now);
    let other = world.opened_again(world.identity.clone()).await.unwrap();
    let next = RingKey::generate(Ring::Identity, &mut world.chance);
    let known = next.clone();
    other.set_ring_source(move |id| (id == known.id()).then(|| known.clone()));
    let before = tokens(&store.events(town.id, 0, 100).await.unwrap());
    assert_eq!(before.len(), 3);
    let old = blobs(&world).await;
    let all = [town.id, PLATFORM];
    assert_eq!(
        store.key_steps(&world.platform).await.unwrap(),
        all.map(|ente| (ente, KeyStep::Settled, world.identity.id().to_owned()))
    );
    // Nothing is switched that was not announced.
    let early = store.switch_key(&world.platform, town.id, &next, now, &mut world.chance).await;
    assert!(matches!(early, Err(StoreError::Conflict(_))), "{early:?}");

    for ente in all {
        for _twice in 0..2 {
            store.announce_key(&world.platform, ente, now, &mut world.chance).await.unwrap();
        }
    }
    read(&world, &store, &town, &persone).await.unwrap();
    // Another process that knew the keys of before reads on.
    read(&world, &other, &town, &persone).await.unwrap();

    for ente in all {
        for _twice in 0..2 {
            store.switch_key(&world.platform, ente, &next, now, &mut world.chance).await.unwrap();
        }
        read(&world, &store, &town, &persone).await.unwrap();
    }
    // What the other process seals with keys that it believes in is not kept.
    let late = other.create_persona(&town.command_line, &data("Neri", "Ida"), now, &mut world.chance).await;
    assert!(matches!(late, Err(StoreError::KeysRenewed)), "{late:?}");
    let ida = other.create_persona(&town.command_line, &data("Neri", "Ida"), now, &mut world.chance).await.unwrap();
    store.persona(&town.command_line, ida, now).await.unwrap();

    for ente in all {
        let renewed = store.give_up_key(&world.platform, ente, now, &mut world.chance).await.unwrap();
        if ente == town.id {
            assert_eq!(renewed.persone, 3, "the fourth was entered under the new key");
            assert!(renewed.records >= 3, "{renewed:?}");
        }
        assert_eq!(store.give_up_key(&world.platform, ente, now, &mut world.chance).await.unwrap(), Renewed::default());
    }
    assert_eq!(
        store.key_steps(&world.platform).await.unwrap(),
        all.map(|ente| (ente, KeyStep::Settled, next.id().to_owned()))
    );
    read(&world, &store, &town, &persone).await.unwrap();
    other.forget_keys();
    read(&world, &other, &town, &persone).await.unwrap();
    let now_there = blobs(&world).await;
    assert!(old.iter().all(|blob| !now_there.contains(blob)), "each was sealed anew");

    // The new ring alone opens the database; people and tokens are the same.
    let refused = world.opened_again(world.identity.clone()).await;
    assert!(matches!(refused, Err(StoreError::WrongKey(_))), "{:?}", refused.map(|_| ()));
    let again = world.opened_again(next.clone()).await.unwrap();
    read(&world, &again, &town, &persone).await.unwrap();
    let after = tokens(&again.events(town.id, 0, 100).await.unwrap());
    assert_eq!(before, after);
    let persona = world.persona(&town, "Gialli", "Ugo").await;
    assert_eq!(
        again.keys.person_token(persona),
        world.store.keys.person_token(persona),
        "a persona entered later is told by the same secret"
    );
    assert_ne!(
        RingKey::generate(Ring::Identity, &mut world.chance)
            .derive("person token")
            .authenticate(&[persona.0.as_bytes()]),
        again.keys.person_token(persona).0
    );
    for ente in [Some(town.id), None] {
        let verdict = again.audit_verify(&world.platform, ente, &[]).await.unwrap();
        assert!(verdict.problem.is_none(), "{verdict:?}");
    }
    // And the administrator's authenticator still opens the door.
    world.store = again;
    let login = world.login("pordenone", "amministra").await;
    let later = world.now + Duration::seconds(60);
    let code = totp_code(&totp_secret(&TOTP_SECRET), later).unwrap();
    world.store.prove_second_factor(&login.session, &code, PEER, later).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn an_ente_admitted_meanwhile_is_found(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    let next = RingKey::generate(Ring::Identity, &mut world.chance);
    for ente in [town.id, PLATFORM] {
        store.announce_key(&world.platform, ente, now, &mut world.chance).await.unwrap();
    }
    let late = world.town("sacile").await;
    for ente in [town.id, PLATFORM] {
        store.switch_key(&world.platform, ente, &next, now, &mut world.chance).await.unwrap();
    }
    let steps = store.key_steps(&world.platform).await.unwrap();
    assert!(steps.contains(&(late.id, KeyStep::Settled, world.identity.id().to_owned())), "{steps:?}");
    let new = world.town("cordenons").await;
    let steps = store.key_steps(&world.platform).await.unwrap();
    assert!(steps.contains(&(new.id, KeyStep::Settled, next.id().to_owned())), "the platform's ring wraps it");
}
