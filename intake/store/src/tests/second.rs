//! The second factor, as the people who have one use it.

use super::*;

/// The code of an authenticator at a moment.
fn code(at: DateTime<Utc>) -> String {
    totp_code(&totp_secret(&TOTP_SECRET), at).unwrap()
}

async fn prove(world: &World, session: &Session, code: &str) -> Result<(), StoreError> {
    world.store.prove_second_factor(session, code, PEER, world.now).await
}

fn is_refused(result: Result<(), StoreError>, refused: &Refused) -> bool {
    matches!(result, Err(StoreError::Refused(found)) if found == *refused)
}

/// An operator with a second factor.
async fn with_second_factor(world: &mut World) -> (Town, AccountId) {
    let town = world.town("pordenone").await;
    let account = town.account;
    world
        .store
        .clone()
        .set_totp(&town.command_line, account, &TOTP_SECRET, world.now, &mut world.chance)
        .await
        .unwrap();
    (town, account)
}

#[test]
fn codes_are_those_of_the_standard() {
    // RFC 6238, appendix B: the last six of eight digits.
    for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
        assert_eq!(code(DateTime::from_timestamp(seconds, 0).unwrap()), expected);
    }
}

#[rstest]
#[tokio::test]
async fn a_password_alone_opens_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    with_second_factor(&mut world).await;
    let login = world.login("pordenone", "operatrice").await;
    assert_eq!(login.session.second_factor(), SecondFactor::MustProve);
    let scope = login.session.scope(Right::SeePersone);
    assert!(matches!(scope, Err(StoreError::Refused(Refused::MustProveSecondFactor))));
    let chosen = AcceptedPassword::check("tazza blu sul tavolo", Role::Operator, &[]).unwrap();
    let (store, now) = (world.store.clone(), world.now);
    let changed = store.change_password(&login.session, PASSWORD, chosen, PEER, now, &mut world.chance).await;
    assert!(is_refused(changed, &Refused::MustProveSecondFactor));
    assert!(store.offer_totp(&login.session, now, &mut world.chance).await.is_err());
    assert!(is_refused(prove(&world, &login.session, "000000").await, &Refused::SecondFactor));
    prove(&world, &login.session, &code(world.now)).await.unwrap();
    let session = store.session(&login.token, now).await.unwrap();
    assert_eq!(session.second_factor(), SecondFactor::Proved);
    session.scope(Right::SeePersone).unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_give_one_code_one_gets_in(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    with_second_factor(&mut world).await;
    let mut sessions = Vec::new();
    for _ in 0..50 {
        sessions.push(world.login("pordenone", "operatrice").await.session);
    }
    let (code, now) = (code(world.now), world.now);
    let tries: Vec<_> = sessions
        .into_iter()
        .enumerate()
        .map(|(at, session)| {
            let (store, code) = (world.store.clone(), code.clone());
            // From fifty addresses, so that it is the code and not the counting that keeps them out.
            let peer = IpAddr::V4(Ipv4Addr::new(198, 51, 100, u8::try_from(at).unwrap()));
            tokio::spawn(async move { store.prove_second_factor(&session, &code, peer, now).await.is_ok() })
        })
        .collect();
    let mut successes = 0;
    for one in tries {
        successes += u32::from(one.await.unwrap());
    }
    assert_eq!(successes, 1);
}

#[rstest]
#[tokio::test]
async fn codes_of_the_past_and_of_the_past_minute(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    with_second_factor(&mut world).await;
    let earlier = code(world.now - Duration::seconds(30));
    let old = code(world.now - Duration::seconds(90));
    let session = world.login("pordenone", "operatrice").await.session;
    assert!(is_refused(prove(&world, &session, &old).await, &Refused::SecondFactor));
    prove(&world, &session, &earlier).await.unwrap();
    let again = world.login("pordenone", "operatrice").await.session;
    assert!(is_refused(prove(&world, &again, &earlier).await, &Refused::SecondFactor));
    prove(&world, &again, &code(world.now)).await.unwrap();
    // Then none of an earlier step, though it is of the last minute.
    let third = world.login("pordenone", "operatrice").await.session;
    assert!(is_refused(prove(&world, &third, &earlier).await, &Refused::SecondFactor));
}

#[rstest]
#[tokio::test]
async fn guessing_codes_is_slowed_down(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    with_second_factor(&mut world).await;
    let session = world.login("pordenone", "operatrice").await.session;
    for guess in 0..5 {
        assert!(is_refused(prove(&world, &session, &format!("00000{guess}")).await, &Refused::SecondFactor));
    }
    let blocked = prove(&world, &session, &code(world.now)).await;
    assert!(matches!(blocked, Err(StoreError::Refused(Refused::Throttled { .. }))), "{blocked:?}");
}

#[rstest]
#[tokio::test]
async fn an_administrator_sets_one_up_first_and_recovers_with_a_code(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    world.account(&town.command_line, "nuova.amministratrice", Role::EnteAdministrator).await;
    let login = world.login("pordenone", "nuova.amministratrice").await;
    assert_eq!(login.session.second_factor(), SecondFactor::MustEnrol);
    let scope = login.session.scope(Right::ManageAccounts);
    assert!(matches!(scope, Err(StoreError::Refused(Refused::MustEnrolSecondFactor))));
    let offer = store.offer_totp(&login.session, now, &mut world.chance).await.unwrap();
    assert!(
        offer.uri.starts_with("otpauth://totp/Noncello:nuova.amministratrice%40pordenone?secret="),
        "{}",
        *offer.uri
    );
    let authenticator = totp_rs::Totp::from_url(offer.uri.as_str()).unwrap();
    let first = authenticator.generate(u64::try_from(now.timestamp()).unwrap()).to_string();
    let wrong = store.enrol_totp(&login.session, &offer.sealed, "000000", now, &mut world.chance).await;
    assert!(matches!(wrong, Err(StoreError::Refused(Refused::SecondFactor))));
    // What was offered to one account is nothing for another.
    let other = world.login("pordenone", "operatrice").await.session;
    let moved = store.enrol_totp(&other, &offer.sealed, &first, now, &mut world.chance).await;
    assert!(matches!(moved, Err(StoreError::Refused(Refused::SecondFactor))));
    let codes = store.enrol_totp(&login.session, &offer.sealed, &first, now, &mut world.chance).await.unwrap();
    assert_eq!(codes.len(), 10);
    let session = store.session(&login.token, now).await.unwrap();
    session.scope(Right::ManageAccounts).unwrap();
    assert_eq!(store.recovery_codes_left(&session).await.unwrap(), 10);

    let without = world.login("pordenone", "nuova.amministratrice").await.session;
    prove(&world, &without, &codes[3].to_uppercase()).await.unwrap();
    let twice = world.login("pordenone", "nuova.amministratrice").await.session;
    assert!(is_refused(prove(&world, &twice, &codes[3]).await, &Refused::SecondFactor));
    assert_eq!(store.recovery_codes_left(&session).await.unwrap(), 9);
    let renewed = store.renew_recovery_codes(&session, now, &mut world.chance).await.unwrap();
    assert!(is_refused(prove(&world, &twice, &codes[4]).await, &Refused::SecondFactor));
    prove(&world, &twice, &renewed[0]).await.unwrap();
    assert!(is_refused(store.drop_second_factor(&session, now).await, &Refused::SecondFactorNeeded));
    // Ten minutes after the password, what changes the way in asks for it again.
    let later = now + Duration::minutes(11);
    let stale = store.offer_totp(&session, later, &mut world.chance).await;
    assert!(matches!(stale, Err(StoreError::Refused(Refused::MustConfirmPassword))));
    store.confirm_password(&session, PASSWORD, PEER, later).await.unwrap();
    let fresh = store.session(&login.token, later).await.unwrap();
    store.offer_totp(&fresh, later, &mut world.chance).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_lost_authenticator_is_taken_away_by_the_administrator(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (town, account) = with_second_factor(&mut world).await;
    let login = world.login("pordenone", "operatrice").await;
    world.store.reset_second_factor(&town.administrator, account, world.now).await.unwrap();
    assert!(world.store.session(&login.token, world.now).await.is_err(), "its sessions end");
    assert_eq!(world.login("pordenone", "operatrice").await.session.second_factor(), SecondFactor::NotAsked);
    let there = world.town("udine").await;
    let foreign = world.store.reset_second_factor(&there.administrator, account, world.now).await;
    assert!(matches!(foreign, Err(StoreError::NotFound(_))));
}
