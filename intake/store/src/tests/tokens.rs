//! Tokens for programs: what they open, when they die, what is kept of them.

use super::*;

/// The scopes that a role opens.
const OF_A_ROLE: [TokenScope; 4] =
    [TokenScope::PersoneRead, TokenScope::PersoneWrite, TokenScope::QuestionariRead, TokenScope::QuestionariWrite];
use sea_orm::EntityTrait;

use crate::tables;

fn new_token(scopes: &[TokenScope]) -> NewToken {
    NewToken { name: "Gestionale".into(), scopes: scopes.iter().copied().collect(), days: 90 }
}

/// A token of an account that has just logged in, as its program shows it.
async fn token(world: &mut World, town: &Town, username: &str, scopes: &[TokenScope]) -> (TokenId, String) {
    let session = world.login(&town.code, username).await.session;
    let (id, secret) =
        world.store.create_token(&session, &new_token(scopes), world.now, &mut world.chance).await.unwrap();
    assert_eq!(format!("{secret:?}"), "TokenSecret(…)", "nothing that prints it tells it");
    (id, secret.expose().to_string())
}

async fn is_dead(world: &World, shown: &str) -> bool {
    let access = world.store.token_access(shown, PEER, world.now).await;
    match access {
        Ok(_) => false,
        Err(StoreError::Refused(Refused::NoToken)) => true,
        Err(other) => panic!("{other:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn a_token_opens_what_its_scopes_name_and_nothing_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let elsewhere = world.town("udine").await;
    let (store, now) = (world.store.clone(), world.now);
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let foreign = world.persona(&elsewhere, "Bianchi", "Ugo").await;
    let (id, shown) =
        token(&mut world, &town, "operatrice", &[TokenScope::PersoneRead, TokenScope::QuestionariWrite]).await;
    let access = store.token_access(&shown, PEER, now).await.unwrap();
    let reading = access.scope(TokenScope::PersoneRead).unwrap();
    store.persona(&reading, persona, now).await.unwrap();
    assert!(matches!(store.persona(&reading, foreign, now).await, Err(StoreError::NotFound(_))));
    // A scope lends one right, also where the account has others.
    let refused = store.create_persona(&reading, &data("Neri", "Ada"), now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::NotAllowed(Right::Assess)))));
    let writing = access.scope(TokenScope::QuestionariWrite).unwrap();
    assert!(matches!(
        store.persona(&writing, persona, now).await,
        Err(StoreError::Refused(Refused::NotAllowed(Right::SeePersone)))
    ));
    assert_eq!(access.scope(TokenScope::PersoneWrite).unwrap_err(), Refused::NotInScope(TokenScope::PersoneWrite));
    for scope in [&reading, &writing] {
        assert!(store.accounts(scope).await.is_err());
        assert!(store.audit(scope, &AuditFilter::default(), 1, now).await.is_err());
        assert!(store.erase_persona(scope, persona, ErasureGround::Request, now, &mut world.chance).await.is_err());
    }
    // The audit tells that it was a program, and the chain holds.
    let filter = AuditFilter { subject: Some(persona.0), ..AuditFilter::default() };
    let lines = store.audit(&town.administrator, &filter, 1, now).await.unwrap();
    let actor = Actor::Token { id: town.account, role: Role::Operator, token: id };
    assert_eq!(lines[0].actor.as_ref(), Some(&actor));
    assert_eq!(store.audit_verify(&world.platform, Some(town.id), &[]).await.unwrap().problem, None);
}

#[rstest]
#[tokio::test]
async fn a_token_is_made_by_who_may_and_for_what_they_may(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    world.account(&town.command_line, "dirige", Role::Manager).await;
    let (store, now) = (world.store.clone(), world.now);
    let session = world.login("pordenone", "operatrice").await.session;
    let read = new_token(&[TokenScope::PersoneRead]);
    for (new, expected) in [
        (NewToken { scopes: BTreeSet::new(), ..read.clone() }, Refused::TokenScopes),
        (NewToken { days: 366, ..read.clone() }, Refused::TokenDays),
        (NewToken { days: 0, ..read.clone() }, Refused::TokenDays),
        (NewToken { name: " ".into(), ..read.clone() }, Refused::TextForm("token_name")),
    ] {
        let refused = store.create_token(&session, &new, now, &mut world.chance).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Refused(refused) if *refused == expected), "{refused:?}");
    }
    let manager = world.login("pordenone", "dirige").await.session;
    let refused = store.create_token(&manager, &read, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::NotAllowed(Right::SeePersone)))));
    // The administrator gave a password, and not the second factor.
    let half = world.login("pordenone", "amministra").await.session;
    let refused = store.create_token(&half, &read, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::MustProveSecondFactor))));
    let late = store.create_token(&session, &read, now + Duration::minutes(10), &mut world.chance).await;
    assert!(matches!(late, Err(StoreError::Refused(Refused::MustConfirmPassword))));
    for _ in 0..20 {
        store.create_token(&session, &read, now, &mut world.chance).await.unwrap();
    }
    let full = store.create_token(&session, &read, now, &mut world.chance).await;
    assert!(matches!(full, Err(StoreError::Refused(Refused::TokensFull))));
    store.logout(&session, now).await.unwrap();
    let gone = store.create_token(&session, &read, now, &mut world.chance).await;
    assert!(matches!(gone, Err(StoreError::Refused(Refused::NoSession))));
}

#[rstest]
#[tokio::test]
async fn a_token_dies_with_what_it_was_given_for(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    let scopes = [TokenScope::PersoneRead];
    let sacile = store.create_unita(&town.administrator, "Sacile", now, &mut world.chance).await.unwrap();

    let (revoked, shown) = token(&mut world, &town, "operatrice", &scopes).await;
    let session = world.login("pordenone", "operatrice").await.session;
    store.token_access(&shown, PEER, now).await.unwrap();
    let listed = store.tokens(&session, now).await.unwrap();
    assert_eq!((listed.len(), listed[0].last_used_at), (1, Some(now)));
    assert_eq!(store.tokens_of(&town.administrator, town.account, now).await.unwrap(), listed);
    let half = store.revoke_token_of(&town.administrator, AccountId(uuid::Uuid::nil()), revoked, now).await;
    assert!(matches!(half, Err(StoreError::NotFound(_))));
    store.revoke_token(&session, revoked, now).await.unwrap();
    assert!(is_dead(&world, &shown).await);
    assert!(matches!(store.revoke_token(&session, revoked, now).await, Err(StoreError::NotFound(_))));

    let (id, shown) = token(&mut world, &town, "operatrice", &scopes).await;
    store.revoke_token_of(&town.administrator, town.account, id, now).await.unwrap();
    assert!(is_dead(&world, &shown).await);

    let (_, shown) = token(&mut world, &town, "operatrice", &scopes).await;
    let change =
        |unita, reach| AccountChange { display_name: "Operatrice".into(), unita, reach, granted: BTreeSet::new() };
    store.update_account(&town.administrator, town.account, &change(None, Reach::Own), now).await.unwrap();
    let access = store.token_access(&shown, PEER, now).await.unwrap();
    let narrow = access.scope(TokenScope::PersoneRead).unwrap();
    assert_eq!(narrow.reach(), Reach::Own, "the reach is the account's of today");
    store.update_account(&town.administrator, town.account, &change(Some(sacile), Reach::Own), now).await.unwrap();
    assert!(is_dead(&world, &shown).await);

    let (_, shown) = token(&mut world, &town, "operatrice", &scopes).await;
    store.set_account_active(&town.administrator, town.account, false, now).await.unwrap();
    assert!(is_dead(&world, &shown).await);
    store.set_account_active(&town.administrator, town.account, true, now).await.unwrap();
    assert!(is_dead(&world, &shown).await, "it does not come back with the account");

    let (_, shown) = token(&mut world, &town, "operatrice", &scopes).await;
    let intruder = world.intruder().await;
    let role = |role: Role| tables::accounts::ActiveModel {
        ente_id: sea_orm::Set(town.id.0),
        id: sea_orm::Set(town.account.0),
        role: sea_orm::Set(role.code().to_owned()),
        ..Default::default()
    };
    crate::open::update(role(Role::Manager), &intruder).await.unwrap();
    assert!(is_dead(&world, &shown).await, "of another role it is no token");
    crate::open::update(role(Role::Operator), &intruder).await.unwrap();
    assert!(!is_dead(&world, &shown).await);
    store.reset_password(&town.administrator, town.account, now, &mut world.chance).await.unwrap();
    assert!(is_dead(&world, &shown).await);
    assert!(store.tokens_of(&town.administrator, town.account, now).await.unwrap().is_empty());

    world.account(&town.command_line, "collega", Role::Operator).await;
    let (_, shown) = token(&mut world, &town, "collega", &scopes).await;
    world.pass(Duration::days(90) - Duration::seconds(1));
    assert!(!is_dead(&world, &shown).await);
    world.pass(Duration::seconds(1));
    assert!(is_dead(&world, &shown).await);
    let filter = AuditFilter { action: Some("token.use".into()), only_refused: true, ..AuditFilter::default() };
    let refused = store.audit(&town.administrator, &filter, 50, world.now).await.unwrap();
    assert!(refused.len() >= 7, "the use of a token that is over is told, {}", refused.len());
    assert_eq!(store.audit_verify(&world.platform, Some(town.id), &[]).await.unwrap().problem, None);
}

#[rstest]
#[tokio::test]
async fn without_an_agreement_a_token_reads_and_of_a_closed_ente_it_is_none(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (_, shown) = token(&mut world, &town, "operatrice", &OF_A_ROLE).await;
    let (store, now) = (world.store.clone(), world.now);
    let over = NewAgreement {
        kind: AgreementKind::First,
        number: "1/2025".into(),
        text_version: 1,
        signed_on: on(2025, 1, 1),
        from: on(2025, 1, 1),
        until: on(2025, 12, 31),
        maintenance: "ordinaria".into(),
    };
    store.add_agreement(&world.platform, town.id, &over, now, &mut world.chance).await.unwrap();
    let access = store.token_access(&shown, PEER, now).await.unwrap();
    access.scope(TokenScope::PersoneRead).unwrap();
    assert_eq!(access.scope(TokenScope::PersoneWrite).unwrap_err(), Refused::NoAgreement);
    let closed = tables::enti::ActiveModel {
        id: sea_orm::Set(town.id.0),
        closed_at: sea_orm::Set(Some(now)),
        ..Default::default()
    };
    crate::open::update(closed, &world.intruder().await).await.unwrap();
    assert!(is_dead(&world, &shown).await);
}

#[rstest]
#[tokio::test]
async fn of_a_token_a_hash_is_kept_and_wrong_ones_are_slowed_down(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (_, shown) = token(&mut world, &town, "operatrice", &[TokenScope::PersoneRead]).await;
    let digits = shown.strip_prefix("noncello_").unwrap().to_owned();
    let row = tables::tokens::Entity::find().one(&world.intruder().await).await.unwrap().unwrap();
    let secret = hex::decode(&digits).unwrap();
    assert_ne!(row.token_hash, secret);
    assert!(!format!("{row:?}").contains(&digits));
    let mut finds_what_is_there = false;
    for file in world.database.files() {
        // PostgreSQL takes files away while it runs.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        finds_what_is_there |= memchr::memmem::find(&bytes, b"Gestionale").is_some();
        for needle in [digits.as_bytes(), &secret] {
            assert!(memchr::memmem::find(&bytes, needle).is_none(), "{} holds a token", file.display());
        }
    }
    assert!(finds_what_is_there);
    for wrong in 0..30 {
        let made_up = [format!("noncello_{wrong:064x}"), "noncello_x".into(), digits.clone()];
        assert!(is_dead(&world, &made_up[wrong % 3]).await);
    }
    let blocked =
        |result: Result<TokenAccess, StoreError>| matches!(result, Err(StoreError::Refused(Refused::Throttled { .. })));
    assert!(blocked(world.store.token_access(&shown, PEER, world.now).await), "even the right one must wait");
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8));
    world.store.token_access(&shown, elsewhere, world.now).await.unwrap();
    world.pass(Duration::minutes(16));
    world.store.token_access(&shown, PEER, world.now).await.unwrap();
}
