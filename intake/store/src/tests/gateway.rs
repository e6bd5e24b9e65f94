//! Identities that a gateway vouches for, and the accounts that they open.

use super::*;

const ISSUER: &str = "https://gateway.example.it";

fn identity(subject: &str) -> GatewayIdentity {
    GatewayIdentity::new(ISSUER, subject).unwrap()
}

impl World {
    async fn through_gateway(&mut self, subject: &str, account: AccountId) -> Result<NewSession, StoreError> {
        let (store, now) = (self.store.clone(), self.now);
        store.login_by_gateway(&identity(subject), account, PEER, now, &mut self.chance).await
    }

    async fn opened_by(&self, subject: &str) -> Vec<GatewayAccount> {
        match self.store.gateway_accounts(&identity(subject), self.now).await {
            Ok(accounts) => accounts,
            Err(StoreError::Refused(Refused::Credentials)) => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Refused(Refused::Credentials)))
}

#[rstest]
#[tokio::test]
async fn an_identity_opens_what_it_is_linked_to_and_nothing_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (here, there) = (world.town("pordenone").await, world.town("sacile").await);
    assert_eq!(world.opened_by("anna").await, []);
    let session = world.login("pordenone", "operatrice").await.session;
    world.store.link_gateway(&session, &identity("anna"), world.now).await.unwrap();
    world.store.set_gateway_of(&there.administrator, there.account, Some(&identity("anna")), world.now).await.unwrap();
    let opened = world.opened_by("anna").await;
    let mut names: Vec<_> = opened.iter().map(|account| account.ente_name.as_deref().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Comune di pordenone", "Comune di sacile"]);
    for town in [&here, &there] {
        let login = world.through_gateway("anna", town.account).await.unwrap();
        assert_eq!((login.session.ente(), login.session.second_factor()), (Some(town.id), SecondFactor::Proved));
        login.session.scope(Right::Assess).unwrap();
    }
    assert!(is_refused(world.through_gateway("bruno", here.account).await));
    // The same subject of another gateway is somebody else.
    let other = GatewayIdentity::new("https://altro.example.it", "anna").unwrap();
    let (store, now) = (world.store.clone(), world.now);
    assert!(is_refused(store.login_by_gateway(&other, here.account, PEER, now, &mut world.chance).await));
}

#[rstest]
#[tokio::test]
async fn a_link_can_be_taken_away_and_an_account_closed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let set = |world: &World, identity: Option<GatewayIdentity>| {
        let (store, scope, account, now) = (world.store.clone(), town.administrator.clone(), town.account, world.now);
        async move { store.set_gateway_of(&scope, account, identity.as_ref(), now).await.unwrap() }
    };
    set(&world, Some(identity("anna"))).await;
    let login = world.through_gateway("anna", town.account).await.unwrap();
    world.store.set_account_active(&town.administrator, town.account, false, world.now).await.unwrap();
    assert_eq!(world.opened_by("anna").await, []);
    assert!(is_refused(world.through_gateway("anna", town.account).await));
    assert!(world.store.session(&login.token, world.now).await.is_err());
    world.store.set_account_active(&town.administrator, town.account, true, world.now).await.unwrap();
    let login = world.through_gateway("anna", town.account).await.unwrap();
    set(&world, None).await;
    assert!(world.store.session(&login.token, world.now).await.is_err(), "the sessions end with the link");
    assert!(is_refused(world.through_gateway("anna", town.account).await));
    let own = world.login("pordenone", "operatrice").await.session;
    world.store.link_gateway(&own, &identity("anna"), world.now).await.unwrap();
    world.store.link_gateway(&own, &identity("anna nuova"), world.now).await.unwrap();
    assert!(is_refused(world.through_gateway("anna", town.account).await), "another identity took its place");
    world.through_gateway("anna nuova", town.account).await.unwrap();
    let own = world.login("pordenone", "operatrice").await.session;
    world.store.unlink_gateway(&own, world.now).await.unwrap();
    assert_eq!(world.opened_by("anna nuova").await, []);
}

#[rstest]
#[tokio::test]
async fn who_comes_by_the_gateway_needs_no_password(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let new = NewAccount {
        username: "nuova".into(),
        display_name: "Nuova".into(),
        role: Role::EnteAdministrator,
        unita: None,
        reach: Reach::Ente,
    };
    let (store, now) = (world.store.clone(), world.now);
    let (account, _) = store.create_account(&town.administrator, &new, now, &mut world.chance).await.unwrap();
    store.set_gateway_of(&town.administrator, account, Some(&identity("nuova")), now).await.unwrap();
    let login = world.through_gateway("nuova", account).await.unwrap();
    let scope = login.session.scope(Right::ManageAccounts).unwrap();
    // For what asks for a password again, the gateway vouches again.
    world.pass(Duration::minutes(10));
    let session = store.session(&login.token, world.now).await.unwrap();
    assert_eq!(session.require_fresh(world.now), Err(Refused::MustConfirmPassword));
    assert!(is_refused(store.confirm_by_gateway(&session, &identity("anna"), world.now).await));
    store.confirm_by_gateway(&session, &identity("nuova"), world.now).await.unwrap();
    store.session(&login.token, world.now).await.unwrap().require_fresh(world.now).unwrap();
    assert!(matches!(
        store.set_gateway_of(&scope, account, None, world.now).await,
        Err(StoreError::Refused(Refused::Oneself))
    ));
    let foreign = world.town("sacile").await;
    assert!(matches!(
        store.set_gateway_of(&foreign.administrator, account, None, world.now).await,
        Err(StoreError::NotFound(_))
    ));
}

#[tokio::test]
async fn what_the_browser_carries_is_for_one_purpose_and_a_time() {
    let mut world = World::new(Kind::Sqlite).await;
    let (store, now) = (world.store.clone(), world.now);
    let until = now + Duration::minutes(5);
    let text = store.carry(&"anna".to_owned(), "a purpose", until, &mut world.chance);
    let read = |text: &str, purpose: &str, at| store.carried::<String>(text, purpose, at);
    assert_eq!(read(&text, "a purpose", now).as_deref(), Some("anna"));
    assert_eq!(read(&text, "another purpose", now), None);
    assert_eq!(read(&text, "a purpose", until), None);
    let mut changed = text.into_bytes();
    changed[60] = if changed[60] == b'0' { b'1' } else { b'0' };
    assert_eq!(read(&String::from_utf8(changed).unwrap(), "a purpose", now), None);
    assert_eq!(read("", "a purpose", now), None);
}
