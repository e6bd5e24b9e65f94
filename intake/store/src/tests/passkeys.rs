//! Passkeys, with an authenticator in software.

use super::authenticator::SoftPasskey;
use super::*;

const ADDRESS: &str = "https://noncello.example.it";

fn site() -> PasskeySite {
    PasskeySite::new(ADDRESS).unwrap()
}

impl World {
    async fn asked_new(&mut self, session: &Session) -> Result<String, StoreError> {
        self.store.challenge_new_passkey(session, &site(), self.now, &mut self.chance).await
    }

    async fn enrolled(
        &mut self,
        session: &Session,
        name: &str,
        answer: &str,
    ) -> Result<Option<Vec<zeroize::Zeroizing<String>>>, StoreError> {
        self.store.enrol_passkey(session, &site(), name, answer, self.now, &mut self.chance).await
    }

    async fn asked(&mut self, session: &Session) -> String {
        self.store.challenge_passkey(session, &site(), self.now, &mut self.chance).await.unwrap()
    }

    async fn proved(&mut self, session: &Session, answer: &str) -> Result<(), StoreError> {
        self.store.prove_passkey(session, &site(), answer, PEER, self.now, &mut self.chance).await
    }

    /// Gives the account of a session a passkey; what keeps it, and the recovery codes that came with it.
    pub(super) async fn with_passkey(&mut self, session: &Session) -> (SoftPasskey, Vec<zeroize::Zeroizing<String>>) {
        let mut key = SoftPasskey::new(&mut self.chance);
        let challenge = self.asked_new(session).await.unwrap();
        let answer = key.make(ADDRESS, &challenge);
        let codes = self.enrolled(session, "Portatile", &answer).await.unwrap();
        (key, codes.unwrap_or_default())
    }

    /// An operator with a passkey, what keeps it, and a recovery code.
    async fn operator_with_passkey(&mut self) -> (Town, SoftPasskey, String) {
        let town = self.town("pordenone").await;
        let session = self.login("pordenone", "operatrice").await.session;
        let (key, codes) = self.with_passkey(&session).await;
        assert_eq!(codes.len(), 10, "with the first second factor come recovery codes");
        (town, key, codes[0].to_string())
    }
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Refused(Refused::Passkey)))
}

#[rstest]
#[tokio::test]
async fn a_passkey_takes_the_place_of_a_code(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (town, mut key, code) = world.operator_with_passkey().await;
    let login = world.login("pordenone", "operatrice").await;
    assert_eq!(login.session.second_factor(), SecondFactor::MustProve);
    assert!(login.session.scope(Right::SeePersone).is_err());
    let has = world.store.second_factors(&login.session).await.unwrap();
    assert_eq!(has, SecondFactors { totp: false, passkey: true });
    let challenge = world.asked(&login.session).await;
    let answer = key.give(ADDRESS, &challenge);
    world.proved(&login.session, &answer).await.unwrap();
    let session = world.store.session(&login.token, world.now).await.unwrap();
    session.scope(Right::SeePersone).unwrap();
    let list = world.store.passkeys(&session).await.unwrap();
    assert_eq!((list[0].name.as_str(), list[0].last_used_at), ("Portatile", Some(world.now)));
    let accounts = world.store.accounts(&town.administrator).await.unwrap();
    assert!(accounts.iter().find(|one| one.id == town.account).unwrap().has_second_factor);
    // A recovery code opens too, where the device is lost.
    let again = world.login("pordenone", "operatrice").await.session;
    world.store.prove_second_factor(&again, &code, PEER, world.now).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_challenge_is_answered_once_in_time_and_for_this_site(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (_, mut key, _) = world.operator_with_passkey().await;
    let session = world.login("pordenone", "operatrice").await.session;
    assert!(is_refused(world.proved(&session, "{}").await), "nothing was asked");

    let challenge = world.asked(&session).await;
    let phished = key.give("https://noncello.example.it.evil.example", &challenge);
    assert!(is_refused(world.proved(&session, &phished).await), "another site's answer");
    let honest = key.give(ADDRESS, &challenge);
    assert!(is_refused(world.proved(&session, &honest).await), "the challenge was spent by the wrong answer");

    let challenge = world.asked(&session).await;
    let honest = key.give(ADDRESS, &challenge);
    let other = world.login("pordenone", "operatrice").await.session;
    assert!(is_refused(world.proved(&other, &honest).await), "another session was asked nothing");
    world.proved(&session, &honest).await.unwrap();
    assert!(is_refused(world.proved(&session, &honest).await), "the same answer again");

    let late = world.login("pordenone", "operatrice").await.session;
    let challenge = world.asked(&late).await;
    let answer = key.give(ADDRESS, &challenge);
    world.pass(Duration::minutes(5));
    assert!(is_refused(world.proved(&late, &answer).await), "too late");
}

#[rstest]
#[tokio::test]
async fn of_fifty_who_give_one_answer_one_gets_in(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (_, mut key, _) = world.operator_with_passkey().await;
    let session = world.login("pordenone", "operatrice").await.session;
    let challenge = world.asked(&session).await;
    let answer = key.give(ADDRESS, &challenge);
    let tries: Vec<_> = (0..50_u8)
        .map(|at| {
            let (store, session, answer, now) = (world.store.clone(), session.clone(), answer.clone(), world.now);
            let mut chance = ChaCha20Rng::seed_from_u64(u64::from(at) + 1_000);
            let peer = IpAddr::V4(Ipv4Addr::new(198, 51, 100, at));
            tokio::spawn(async move {
                store.prove_passkey(&session, &site(), &answer, peer, now, &mut chance).await.is_ok()
            })
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
async fn somebody_else_s_passkey_opens_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (town, mut own, _) = world.operator_with_passkey().await;
    world.account(&town.command_line, "collega", Role::Operator).await;
    let colleague = world.login("pordenone", "collega").await.session;
    let (mut theirs, _) = world.with_passkey(&colleague).await;

    // The colleague's authenticator signs a challenge of theirs; it is handed in for the operator.
    let session = world.login("pordenone", "operatrice").await.session;
    world.asked(&session).await;
    let other = world.login("pordenone", "collega").await.session;
    let challenge = world.asked(&other).await;
    let answer = theirs.give(ADDRESS, &challenge);
    assert!(is_refused(world.proved(&session, &answer).await));
    // The answer to the wrong kind of question is none either.
    let challenge = world.asked(&session).await;
    let answer = own.give(ADDRESS, &challenge);
    world.proved(&session, &answer).await.unwrap();
    let proved = world.login("pordenone", "operatrice").await;
    let challenge = world.asked(&proved.session).await;
    let answer = own.give(ADDRESS, &challenge);
    world.proved(&proved.session, &answer).await.unwrap();
    let proved = world.store.session(&proved.token, world.now).await.unwrap();
    world.asked_new(&proved).await.unwrap();
    let challenge = world.asked(&proved).await;
    let answer = own.give(ADDRESS, &challenge);
    assert!(is_refused(world.enrolled(&proved, "Altra", &answer).await));
}

#[rstest]
#[tokio::test]
async fn the_last_second_factor_of_an_administrator_stays(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    world.account(&town.command_line, "seconda", Role::EnteAdministrator).await;
    let login = world.login("pordenone", "seconda").await;
    assert_eq!(login.session.second_factor(), SecondFactor::MustEnrol);
    world.with_passkey(&login.session).await;
    let session = world.store.session(&login.token, world.now).await.unwrap();
    session.scope(Right::ManageAccounts).unwrap();
    let only = world.store.passkeys(&session).await.unwrap().remove(0).id;
    let removed = world.store.remove_passkey(&session, only, world.now).await;
    assert!(matches!(removed, Err(StoreError::Refused(Refused::SecondFactorNeeded))), "{removed:?}");
    // An operator can do without, and then the recovery codes are good for nothing.
    let operator = world.login("pordenone", "operatrice").await;
    let (_, codes) = world.with_passkey(&operator.session).await;
    let session = world.store.session(&operator.token, world.now).await.unwrap();
    let theirs = world.store.remove_passkey(&session, only, world.now).await;
    assert!(matches!(theirs, Err(StoreError::NotFound(_))), "{theirs:?}");
    let own = world.store.passkeys(&session).await.unwrap().remove(0).id;
    world.store.remove_passkey(&session, own, world.now).await.unwrap();
    assert_eq!(world.store.recovery_codes_left(&session).await.unwrap(), 0);
    let session = world.login("pordenone", "operatrice").await.session;
    assert_eq!(session.second_factor(), SecondFactor::NotAsked);
    assert!(world.store.prove_second_factor(&session, &codes[0], PEER, world.now).await.is_err());
}

#[rstest]
#[tokio::test]
async fn an_administrator_takes_lost_passkeys_away(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (town, _, _) = world.operator_with_passkey().await;
    world.store.reset_second_factor(&town.administrator, town.account, world.now).await.unwrap();
    let session = world.login("pordenone", "operatrice").await.session;
    assert_eq!(session.second_factor(), SecondFactor::NotAsked);
    assert!(world.store.passkeys(&session).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn a_copy_and_a_key_that_recognises_nobody_open_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (_, mut key, _) = world.operator_with_passkey().await;
    let session = world.login("pordenone", "operatrice").await.session;
    let challenge = world.asked(&session).await;
    key.verifies = false;
    let touched = key.give(ADDRESS, &challenge);
    assert!(is_refused(world.proved(&session, &touched).await), "anybody can touch a key");
    key.verifies = true;
    let challenge = world.asked(&session).await;
    let answer = key.give(ADDRESS, &challenge);
    world.proved(&session, &answer).await.unwrap();
    let later = world.login("pordenone", "operatrice").await.session;
    let challenge = world.asked(&later).await;
    key.forget_uses();
    let copied = key.give(ADDRESS, &challenge);
    assert!(is_refused(world.proved(&later, &copied).await), "its count of uses went back");
}
