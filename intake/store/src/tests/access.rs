//! Logging in, being slowed down, sessions that end, rights that are missing.

use super::*;

async fn refused(world: &mut World, username: &str, password: &str) -> Refused {
    match world.try_login("pordenone", username, password).await {
        Err(StoreError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn wrong_passwords_are_slowed_down_and_never_locked_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.town("pordenone").await;
    // Unknown accounts are answered and counted exactly as known ones.
    for username in ["operatrice", "nessuno"] {
        for _ in 0..5 {
            assert_eq!(refused(&mut world, username, "sbagliata").await, Refused::Credentials);
        }
        // After the fifth, even the right password must wait.
        assert!(matches!(refused(&mut world, username, PASSWORD).await, Refused::Throttled { .. }));
        world.pass(Duration::seconds(2));
        assert_eq!(refused(&mut world, username, "sbagliata").await, Refused::Credentials);
        let Refused::Throttled { until } = refused(&mut world, username, PASSWORD).await else { panic!("not slowed") };
        assert_eq!((until - world.now).num_seconds(), 2);
    }
    for _ in 0..30 {
        world.pass(Duration::minutes(16));
        assert_eq!(refused(&mut world, "operatrice", "sbagliata").await, Refused::Credentials);
    }
    world.pass(Duration::seconds(900));
    world.login("pordenone", "operatrice").await;
}

#[rstest]
#[tokio::test]
async fn a_block_outlives_a_restart_and_many_attempts_at_once_count_as_many(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    world.town("pordenone").await;
    let attempt = |seed| {
        let (store, now) = (world.store.clone(), world.now);
        async move {
            let mut chance = ChaCha20Rng::seed_from_u64(seed);
            let credentials =
                Credentials { ente: Some("pordenone"), username: "operatrice", password: "no", peer: PEER };
            store.login(credentials, now, &mut chance).await.unwrap_err()
        }
    };
    let attempts: Vec<_> = (0..20).map(|seed| tokio::spawn(attempt(seed))).collect();
    let mut looked_at = 0;
    for attempt in attempts {
        looked_at += i32::from(matches!(attempt.await.unwrap(), StoreError::Refused(Refused::Credentials)));
    }
    assert_eq!(looked_at, 5);
    world.store.clone().close().await.unwrap();
    world.store = world.opened_again(world.identity.clone()).await.unwrap();
    assert!(matches!(refused(&mut world, "operatrice", PASSWORD).await, Refused::Throttled { .. }));
}

#[rstest]
#[tokio::test]
async fn an_address_is_slowed_down_whatever_accounts_it_tries(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.town("pordenone").await;
    for at in 0..30 {
        assert_eq!(refused(&mut world, &format!("utente{at}"), "sbagliata").await, Refused::Credentials);
    }
    assert!(matches!(refused(&mut world, "un-altro", "sbagliata").await, Refused::Throttled { .. }));
}

#[rstest]
#[tokio::test]
async fn sessions_end_when_unused_when_old_when_told(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.town("pordenone").await;
    let unused = world.login("pordenone", "operatrice").await;
    assert_eq!(SessionToken::parse(&unused.token.expose()).unwrap().expose(), unused.token.expose());
    assert!(unused.session.csrf_fits(unused.session.csrf()));
    assert!(!unused.session.csrf_fits("00"));
    world.pass(Duration::minutes(29));
    world.store.session(&unused.token, world.now).await.unwrap();
    world.pass(Duration::minutes(30));
    let is_over = |result: Result<Session, StoreError>| matches!(result, Err(StoreError::Refused(Refused::NoSession)));
    assert!(is_over(world.store.session(&unused.token, world.now).await));

    let old = world.login("pordenone", "operatrice").await;
    for _ in 0..28 {
        world.pass(Duration::minutes(25));
        world.store.session(&old.token, world.now).await.unwrap();
    }
    world.pass(Duration::minutes(25));
    assert!(is_over(world.store.session(&old.token, world.now).await));

    let (one, other) = (world.login("pordenone", "operatrice").await, world.login("pordenone", "operatrice").await);
    assert_eq!(world.store.sessions(&one.session, world.now).await.unwrap().len(), 2);
    world.store.revoke_session(&one.session, other.session.id(), world.now).await.unwrap();
    assert!(is_over(world.store.session(&other.token, world.now).await));
    let somebody = world.login("pordenone", "amministra").await;
    let foreign = world.store.revoke_session(&one.session, somebody.session.id(), world.now).await;
    assert!(matches!(foreign, Err(StoreError::NotFound(_))));
    world.store.logout(&one.session, world.now).await.unwrap();
    assert!(is_over(world.store.session(&one.token, world.now).await));
}

#[rstest]
#[tokio::test]
async fn a_one_time_password_expires_and_must_be_changed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let new = NewAccount {
        username: "Nuova".into(),
        display_name: "Nuova Collega".into(),
        role: Role::Operator,
        unita: None,
        reach: Reach::Ente,
    };
    let (account, password) =
        world.store.create_account(&town.administrator, &new, world.now, &mut world.chance).await.unwrap();
    let taken = world.store.create_account(&town.administrator, &new, world.now, &mut world.chance).await;
    assert!(matches!(taken, Err(StoreError::Refused(Refused::UsernameTaken))));
    let login = world.try_login("pordenone", "nuova", password.expose()).await.unwrap();
    assert!(login.session.must_change_password());
    let scope = login.session.scope(Right::SeePersone);
    assert!(matches!(scope, Err(StoreError::Refused(Refused::MustChangePassword))));
    let chosen = AcceptedPassword::check("tazza blu sul tavolo", Role::Operator, &[]).unwrap();
    let (store, now) = (world.store.clone(), world.now);
    store.change_password(&login.session, password.expose(), chosen, PEER, now, &mut world.chance).await.unwrap();
    let session = store.session(&login.token, now).await.unwrap();
    session.scope(Right::SeePersone).unwrap();

    let again = store.reset_password(&town.administrator, account, now, &mut world.chance).await.unwrap();
    assert!(store.session(&login.token, now).await.is_err());
    world.pass(Duration::hours(73));
    assert_eq!(refused(&mut world, "nuova", again.expose()).await, Refused::OneTimePasswordExpired);
    assert_eq!(refused(&mut world, "nuova", "tazza blu sul tavolo").await, Refused::Credentials);
}

#[rstest]
#[tokio::test]
async fn rights_are_asked_for_twice(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    world.account(&town.command_line, "dirige", Role::Manager).await;
    let session = world.login("pordenone", "dirige").await.session;
    let not_allowed = |error| matches!(error, StoreError::Refused(Refused::NotAllowed(_)));
    assert!(not_allowed(session.scope(Right::SeePersone).unwrap_err()));
    assert!(not_allowed(session.platform_scope(Right::ManageEnti).unwrap_err()));
    // A scope that was given for one thing does not open another.
    let scope = session.scope(Right::SeeDashboards).unwrap();
    assert!(not_allowed(world.store.recent_persone(&scope, 10, world.now).await.unwrap_err()));
    assert!(not_allowed(world.store.accounts(&scope).await.unwrap_err()));
    world.store.record_refusal(&session, "GET /persone", world.now).await.unwrap();
    let lines = world.store.audit(&town.administrator, &AuditFilter::default(), 1, world.now).await.unwrap();
    assert!(lines[0].is_refused && lines[0].detail.as_deref() == Some("GET /persone"));
    // A suspended account is out at once.
    let login = world.login("pordenone", "operatrice").await;
    world.store.set_account_active(&town.administrator, town.account, false, world.now).await.unwrap();
    assert!(world.store.session(&login.token, world.now).await.is_err());
    assert_eq!(refused(&mut world, "operatrice", PASSWORD).await, Refused::Credentials);
}

#[rstest]
#[tokio::test]
async fn a_session_that_is_over_changes_no_password(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.town("pordenone").await;
    let login = world.login("pordenone", "operatrice").await;
    let (store, now) = (world.store.clone(), world.now);
    store.logout(&login.session, now).await.unwrap();
    // The password is right, and was looked at before anybody knew that the session had ended.
    let chosen = AcceptedPassword::check("tazza blu sul tavolo", Role::Operator, &[]).unwrap();
    let changed = store.change_password(&login.session, PASSWORD, chosen, PEER, now, &mut world.chance).await;
    assert!(matches!(changed, Err(StoreError::Refused(Refused::NoSession))), "{changed:?}");
    world.login("pordenone", "operatrice").await;
}

async fn guess_from(world: &mut World, address: &str) -> Refused {
    let (store, peer) = (world.store.clone(), address.parse().unwrap());
    let guess = Credentials { ente: Some("pordenone"), username: "operatrice", password: "sbagliata", peer };
    match store.login(guess, world.now, &mut world.chance).await {
        Err(StoreError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn guessing_from_elsewhere_does_not_keep_the_owner_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.town("pordenone").await;
    let mut blocked = 0;
    for _ in 0..60 {
        world.pass(Duration::minutes(10));
        blocked += u32::from(guess_from(&mut world, "198.51.100.7").await != Refused::Credentials);
    }
    assert!(blocked > 10, "who guesses is slowed down: {blocked}");
    world.login("pordenone", "operatrice").await;
}

#[rstest]
#[tokio::test]
async fn guessing_from_everywhere_is_slowed_down_and_forgotten_little_by_little(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    world.town("pordenone").await;
    for host in 0..50 {
        assert_eq!(guess_from(&mut world, &format!("203.0.113.{host}")).await, Refused::Credentials);
    }
    assert!(matches!(guess_from(&mut world, "203.0.113.200").await, Refused::Throttled { .. }));
    world.pass(Duration::minutes(20));
    for host in 0..2 {
        assert_eq!(guess_from(&mut world, &format!("198.51.100.{host}")).await, Refused::Credentials);
    }
    assert!(matches!(guess_from(&mut world, "198.51.100.3").await, Refused::Throttled { .. }));
}

#[rstest]
#[tokio::test]
async fn who_looks_at_figures_is_in_the_audit(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    store.record_reading(&town.operator, "/cruscotti/territorio", now).await.unwrap();
    let line = store.audit(&town.administrator, &AuditFilter::default(), 1, now).await.unwrap().remove(0);
    assert_eq!((line.action.as_str(), line.detail.as_deref()), ("dashboards.read", Some("/cruscotti/territorio")));
    assert!(!line.is_refused);
}
