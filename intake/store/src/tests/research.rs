//! The research area's accounts, tokens and lines of the audit, as its people use them; and those who should not.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::*;
use crate::tables;

/// Accounts of the platform, by username: one of each role.
const NAMES: [(&str, Role); 3] = [
    ("piattaforma", Role::PlatformAdministrator),
    ("ricerca", Role::ResearchOfficer),
    ("universita", Role::UniversityPartner),
];

/// Makes one account of each of the platform's roles, with a second factor.
async fn people(world: &mut World) -> BTreeMap<&'static str, AccountId> {
    let mut made = BTreeMap::new();
    for (username, role) in NAMES {
        made.insert(username, account(world, username, role).await);
    }
    made
}

async fn account(world: &mut World, username: &str, role: Role) -> AccountId {
    let new = NewAccount {
        username: username.into(),
        display_name: format!("{username} di prova"),
        role,
        unita: None,
        reach: Reach::Ente,
    };
    let password = AcceptedPassword::check(PASSWORD, role, &[username]).unwrap();
    let (store, now) = (world.store.clone(), world.now);
    let made = store
        .create_platform_account_with_password(&world.platform, &new, &password, now, &mut world.chance)
        .await
        .unwrap();
    store.set_platform_totp(&world.platform, made, &TOTP_SECRET, now, &mut world.chance).await.unwrap();
    made
}

/// Somebody of the platform, logged in with both factors.
async fn session(world: &mut World, username: &str) -> Session {
    // A code is good once.
    world.pass(Duration::seconds(30));
    let (store, now) = (world.store.clone(), world.now);
    let credentials = Credentials { ente: None, username, password: PASSWORD, peer: PEER };
    let login = store.login(credentials, now, &mut world.chance).await.unwrap();
    let code = totp_code(&totp_secret(&TOTP_SECRET), now).unwrap();
    store.prove_second_factor(&login.session, &code, PEER, now).await.unwrap();
    store.session(&login.token, now).await.unwrap()
}

fn token_of(scopes: &[TokenScope]) -> NewToken {
    NewToken { name: "Analisi".into(), scopes: scopes.iter().copied().collect(), days: 90 }
}

/// A partner's, or an officer's, token for anonymous datasets, as its program shows it.
async fn token(world: &mut World, username: &str) -> (TokenId, String) {
    let session = session(world, username).await;
    let new = token_of(&[TokenScope::RilasciRead]);
    let (id, secret) = world.store.create_token(&session, &new, world.now, &mut world.chance).await.unwrap();
    (id, secret.expose().to_string())
}

async fn is_dead(world: &World, shown: &str) -> bool {
    match world.store.token_access(shown, PEER, world.now).await {
        Ok(_) => false,
        Err(StoreError::Refused(Refused::NoToken)) => true,
        Err(other) => panic!("{other:?}"),
    }
}

fn is_not_allowed<T>(result: Result<T, StoreError>, right: Right) -> bool {
    matches!(result, Err(StoreError::Refused(Refused::NotAllowed(found))) if found == right)
}

/// The lines of the platform's audit about research, or about tokens, the oldest first.
async fn lines(world: &World, actions: &str) -> Vec<tables::audit::Model> {
    tables::audit::Entity::find()
        .filter(tables::audit::Column::EnteId.eq(crate::database::PLATFORM.0))
        .filter(tables::audit::Column::Action.starts_with(actions))
        .order_by_asc(tables::audit::Column::Seq)
        .all(&world.intruder().await)
        .await
        .unwrap()
}

#[test]
fn rights_of_the_platform_are_of_no_role_of_an_ente() {
    for role in Role::ALL {
        assert_eq!(Role::from_code(role.code()), Some(role));
        let is_partner = role == Role::UniversityPartner;
        assert_eq!(role.may(Right::UseReleases), is_partner || role == Role::ResearchOfficer, "{role:?}");
        assert_eq!(role.may(Right::Release), role == Role::ResearchOfficer, "{role:?}");
        if is_partner {
            assert!(!role.is_of_an_ente() && role.needs_second_factor());
        }
        for right in Right::ALL.into_iter().filter(|right| role.may(*right)) {
            assert_eq!(right.is_of_the_platform(), !role.is_of_an_ente(), "{role:?} {right:?}");
        }
    }
    let partners = Right::ALL.into_iter().filter(|right| Role::UniversityPartner.may(*right));
    assert_eq!(partners.collect::<Vec<_>>(), [Right::UseReleases], "and nothing else");
}

#[rstest]
#[tokio::test]
async fn each_kind_of_account_is_kept_by_the_role_above_it_alone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let made = people(&mut world).await;
    let (store, now) = (world.store.clone(), world.now);
    let nobody = AccountId(uuid::Uuid::from_u128(7));
    for (kept, keeper, right) in [
        (ResearchAccounts::Officers, "piattaforma", Right::ManageEnti),
        (ResearchAccounts::Partners, "ricerca", Right::Release),
    ] {
        let own = if kept == ResearchAccounts::Officers { "ricerca" } else { "universita" };
        let keeping = session(&mut world, keeper).await.platform_scope(right).unwrap();
        let listed = store.research_accounts(&keeping, kept).await.unwrap();
        assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [made[own]], "its own kind and no other");
        assert_eq!(store.research_account(&keeping, kept, made[own]).await.unwrap().username, own);
        // Whoever is of another role is not there, whatever is asked, and nothing is done to them.
        let untouched = session(&mut world, "universita").await;
        let others = NAMES.into_iter().map(|(name, _)| made[name]).filter(|id| *id != made[own]);
        for id in others.chain([nobody]) {
            let chance = &mut world.chance;
            let found = store.research_account(&keeping, kept, id).await.err();
            let switched = store.set_research_account_active(&keeping, kept, id, false, now).await.err();
            let renewed = store.reset_research_password(&keeping, kept, id, now, chance).await.err();
            let taken = store.reset_research_second_factor(&keeping, kept, id, now).await.err();
            for refused in [found, switched, renewed, taken] {
                assert!(matches!(refused, Some(StoreError::NotFound("account"))), "{refused:?}");
            }
        }
        store.revoke_session(&untouched, untouched.id(), world.now).await.unwrap();
        // Nobody else keeps them, whatever their scope is for.
        for (other, role) in NAMES.into_iter().filter(|(name, _)| *name != keeper) {
            let session = session(&mut world, other).await;
            for scope in Right::ALL.into_iter().filter(|one| role.may(*one)) {
                let scope = session.platform_scope(scope).unwrap();
                let (id, chance) = (made[own], &mut world.chance);
                assert!(is_not_allowed(store.research_accounts(&scope, kept).await, right), "{other}");
                assert!(is_not_allowed(store.research_account(&scope, kept, id).await, right), "{other}");
                let new = store.create_research_account(&scope, kept, "nuovo", "Nuovo", now, chance).await;
                assert!(is_not_allowed(new, right), "{other}");
                let switched = store.set_research_account_active(&scope, kept, id, false, now).await;
                assert!(is_not_allowed(switched, right), "{other}");
                let renewed = store.reset_research_password(&scope, kept, id, now, chance).await;
                assert!(is_not_allowed(renewed, right), "{other}");
                assert!(is_not_allowed(store.reset_research_second_factor(&scope, kept, id, now).await, right));
                assert_eq!(store.partners(&scope).await.is_ok(), other == "ricerca", "{other}");
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn an_office_keeps_its_partners(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    people(&mut world).await;
    let kept = ResearchAccounts::Partners;
    let office = session(&mut world, "ricerca").await.platform_scope(Right::Release).unwrap();
    let (store, now) = (world.store.clone(), world.now);
    let create = async |world: &mut World, username: &str| {
        store.create_research_account(&office, kept, username, "Ateneo di prova", now, &mut world.chance).await
    };
    for (username, expected) in
        [("UNIVERSITA", Refused::UsernameTaken), ("ricerca", Refused::UsernameTaken), ("x", Refused::UsernameForm)]
    {
        let refused = create(&mut world, username).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Refused(refused) if *refused == expected), "{refused:?}");
    }
    let (id, password) = create(&mut world, "ateneo").await.unwrap();
    let account = store.research_account(&office, kept, id).await.unwrap();
    assert_eq!((account.role, account.must_change), (Role::UniversityPartner, true));
    assert_eq!(account.one_time_until, Some(now + Duration::hours(72)));
    let credentials = |password| Credentials { ente: None, username: "ateneo", password, peer: PEER };
    let first = store.login(credentials(password.expose()), world.now, &mut world.chance).await.unwrap();
    assert!(first.session.must_change_password());
    let chosen = AcceptedPassword::check("tazza blu sul tavolo", Role::UniversityPartner, &[]).unwrap();
    let (session, present) = (&first.session, password.expose());
    store.change_password(session, present, chosen, PEER, world.now, &mut world.chance).await.unwrap();
    let complete = store.session(&first.token, world.now).await.unwrap();
    assert!(matches!(
        complete.platform_scope(Right::UseReleases),
        Err(StoreError::Refused(Refused::MustEnrolSecondFactor))
    ));
    let again = store.reset_research_password(&office, kept, id, now, &mut world.chance).await.unwrap();
    assert!(matches!(store.session(&first.token, world.now).await, Err(StoreError::Refused(Refused::NoSession))));
    let names = |found: Vec<AccountName>| found.into_iter().map(|one| one.display_name).collect::<Vec<_>>();
    assert_eq!(names(store.partners(&office).await.unwrap()), ["Ateneo di prova", "universita di prova"]);
    store.set_research_account_active(&office, kept, id, false, now).await.unwrap();
    assert_eq!(names(store.partners(&office).await.unwrap()), ["universita di prova"], "who may log in");
    assert!(!store.research_account(&office, kept, id).await.unwrap().is_active, "the others stay in the list");
    let suspended = store.login(credentials(again.expose()), world.now, &mut world.chance).await;
    assert!(matches!(suspended, Err(StoreError::Refused(Refused::Credentials))));
    store.set_research_account_active(&office, kept, id, true, now).await.unwrap();
    store.login(credentials(again.expose()), world.now, &mut world.chance).await.unwrap();
    let told = lines(&world, "account.").await;
    let told = told.iter().filter(|line| line.subjects.contains(&id.to_string()));
    let told: Vec<(&str, Option<&str>)> = told.map(|line| (line.action.as_str(), line.actor_role.as_deref())).collect();
    let officer = Some("research_officer");
    assert_eq!(
        told,
        [
            ("account.create", officer),
            ("account.password_changed", Some("university_partner")),
            ("account.reset_password", officer),
            ("account.suspend", officer),
            ("account.activate", officer),
        ]
    );
    assert_eq!(store.audit_verify(&world.platform, None, &[]).await.unwrap().problem, None);
    let late = now + Duration::hours(72);
    let late = store.login(credentials(again.expose()), late, &mut world.chance).await;
    assert!(matches!(late, Err(StoreError::Refused(Refused::OneTimePasswordExpired))));
}

#[rstest]
#[tokio::test]
async fn a_token_of_the_platform_opens_datasets_and_no_ente(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let made = people(&mut world).await;
    let town = world.town("pordenone").await;
    world.account(&town.command_line, "analista", Role::Analyst).await;
    for username in ["universita", "ricerca"] {
        let (id, shown) = token(&mut world, username).await;
        let access = world.store.token_access(&shown, PEER, world.now).await.unwrap();
        assert_eq!((access.account(), access.ente()), (made[username], None));
        let scope = access.platform_scope(TokenScope::RilasciRead).unwrap();
        let role = if username == "ricerca" { Role::ResearchOfficer } else { Role::UniversityPartner };
        assert_eq!(*scope.actor(), Actor::Token { id: made[username], role, token: id });
        // That right alone, also where the account has others.
        assert!(is_not_allowed(world.store.partners(&scope).await, Right::Release));
        assert!(is_not_allowed(world.store.enti(&scope, world.now).await, Right::ManageEnti));
        for scope in TokenScope::ALL {
            let is_lent = scope == TokenScope::RilasciRead;
            let expected = if is_lent { Refused::NotAllowed(Right::UseReleases) } else { Refused::NotInScope(scope) };
            assert_eq!(access.scope(scope).unwrap_err(), expected, "{username}");
        }
    }
    // What an account may not do, or does elsewhere, it cannot lend.
    for username in ["universita", "ricerca", "piattaforma"] {
        let session = session(&mut world, username).await;
        for scope in TokenScope::ALL {
            let lends = scope == TokenScope::RilasciRead && username != "piattaforma";
            assert_eq!(session.may_lend(scope), lends, "{username} {scope:?}");
            let new = token_of(&[scope]);
            let asked = world.store.create_token(&session, &new, world.now, &mut world.chance).await;
            assert_eq!(asked.is_ok(), lends);
            assert!(lends || is_not_allowed(asked, scope.right()));
        }
    }
    let analyst = world.login("pordenone", "analista").await.session;
    assert!(analyst.may_lend(TokenScope::InterrogazioniAsk) && !analyst.may_lend(TokenScope::RilasciRead));
    let new = token_of(&[TokenScope::RilasciRead]);
    let refused = world.store.create_token(&analyst, &new, world.now, &mut world.chance).await;
    assert!(is_not_allowed(refused, Right::UseReleases));
    let new = token_of(&[TokenScope::InterrogazioniAsk]);
    let (id, secret) = world.store.create_token(&analyst, &new, world.now, &mut world.chance).await.unwrap();
    let shown = secret.expose().to_string();
    let of_ente = world.store.token_access(&shown, PEER, world.now).await.unwrap();
    let asked = |access: &TokenAccess, scope| access.platform_scope(scope).unwrap_err();
    assert_eq!(asked(&of_ente, TokenScope::InterrogazioniAsk), Refused::NotAllowed(Right::Query));
    assert_eq!(asked(&of_ente, TokenScope::RilasciRead), Refused::NotInScope(TokenScope::RilasciRead));
    // Not even a row that says otherwise carries a token over the wall.
    let (of_platform, partners) = token(&mut world, "universita").await;
    let intruder = world.intruder().await;
    for (home, id, scopes) in [
        (town.id.0, id, "interrogazioni:ask rilasci:read"),
        (crate::database::PLATFORM.0, of_platform, "persone:read rilasci:read"),
    ] {
        let row = tables::tokens::ActiveModel {
            ente_id: sea_orm::Set(home),
            id: sea_orm::Set(id.0),
            scopes: sea_orm::Set(scopes.to_owned()),
            ..Default::default()
        };
        crate::open::update(row, &intruder).await.unwrap();
    }
    let forged = world.store.token_access(&shown, PEER, world.now).await.unwrap();
    assert_eq!(asked(&forged, TokenScope::RilasciRead), Refused::NotAllowed(Right::UseReleases));
    assert!(forged.scope(TokenScope::RilasciRead).is_err() && forged.scope(TokenScope::InterrogazioniAsk).is_ok());
    let forged = world.store.token_access(&partners, PEER, world.now).await.unwrap();
    assert_eq!(forged.scope(TokenScope::PersoneRead).unwrap_err(), Refused::NotAllowed(Right::SeePersone));
    assert_eq!(asked(&forged, TokenScope::PersoneRead), Refused::NotAllowed(Right::SeePersone));
}

#[rstest]
#[tokio::test]
async fn a_token_of_the_platform_dies_with_what_it_was_given_for(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let made = people(&mut world).await;
    let (store, kept, partner) = (world.store.clone(), ResearchAccounts::Partners, made["universita"]);
    let office = session(&mut world, "ricerca").await.platform_scope(Right::Release).unwrap();

    let (id, shown) = token(&mut world, "universita").await;
    store.token_access(&shown, PEER, world.now).await.unwrap();
    let own = session(&mut world, "universita").await;
    let listed = store.tokens(&own, world.now).await.unwrap();
    assert!(listed.len() == 1 && listed[0].last_used_at.is_some(), "its use is noted");
    store.revoke_token(&own, id, world.now).await.unwrap();
    assert!(is_dead(&world, &shown).await);

    let (_, shown) = token(&mut world, "universita").await;
    store.set_research_account_active(&office, kept, partner, false, world.now).await.unwrap();
    assert!(is_dead(&world, &shown).await);
    store.set_research_account_active(&office, kept, partner, true, world.now).await.unwrap();
    assert!(is_dead(&world, &shown).await, "it does not come back with the account");

    let (_, shown) = token(&mut world, "universita").await;
    world.pass(Duration::days(90) - Duration::seconds(1));
    assert!(!is_dead(&world, &shown).await);
    world.pass(Duration::seconds(1));
    assert!(is_dead(&world, &shown).await);

    let (_, shown) = token(&mut world, "universita").await;
    store.reset_research_second_factor(&office, kept, partner, world.now).await.unwrap();
    assert!(is_dead(&world, &shown).await);
    store.set_platform_totp(&world.platform, partner, &TOTP_SECRET, world.now, &mut world.chance).await.unwrap();
    assert!(is_dead(&world, &shown).await, "nor with the second factor");

    let (_, shown) = token(&mut world, "universita").await;
    store.reset_research_password(&office, kept, partner, world.now, &mut world.chance).await.unwrap();
    assert!(is_dead(&world, &shown).await);

    // The platform's audit tells both ends of each, and who uses one that is over.
    let told = lines(&world, "token.").await;
    let count = |action: &str| told.iter().filter(|line| line.action == action).count();
    assert_eq!((count("token.create"), count("token.revoke"), count("token.use")), (5, 4, 7));
    assert!(told.iter().all(|line| line.is_refused == (line.action == "token.use")));
    for wrong in 0..30 {
        let wrong = store.token_access(&format!("noncello_{wrong:064x}"), PEER, world.now).await;
        assert!(wrong.is_err());
    }
    let slowed = store.token_access(&shown, PEER, world.now).await;
    assert!(matches!(slowed, Err(StoreError::Refused(Refused::Throttled { .. }))));
    assert_eq!(store.audit_verify(&world.platform, None, &[]).await.unwrap().problem, None);
}

#[rstest]
#[tokio::test]
async fn the_platforms_audit_tells_of_work_on_datasets(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    people(&mut world).await;
    let town = world.town("pordenone").await;
    let office = session(&mut world, "ricerca").await.platform_scope(Right::Release).unwrap();
    let partner = session(&mut world, "universita").await.platform_scope(Right::UseReleases).unwrap();
    let (_, shown) = token(&mut world, "ricerca").await;
    let access = world.store.token_access(&shown, PEER, world.now).await.unwrap();
    let program = access.platform_scope(TokenScope::RilasciRead).unwrap();
    let administrator = session(&mut world, "piattaforma").await.platform_scope(Right::ManageEnti).unwrap();
    let (store, now) = (world.store.clone(), world.now);
    let mut expected = Vec::new();
    let of_the_office = ["build", "approve", "refuse", "publish", "withdraw"];
    for act in ResearchAct::ALL {
        let is_of_the_office = of_the_office.iter().any(|code| act.code().ends_with(code));
        assert_eq!(act.right(), if is_of_the_office { Right::Release } else { Right::UseReleases });
        for (who, scope) in [("research_officer", &office), ("university_partner", &partner), ("program", &program)] {
            let written = store.record_research(scope, act, "p-7", "righe=3", now).await;
            let is_written = who == "research_officer" || !is_of_the_office;
            assert_eq!(written.is_ok(), is_written, "{who} {act:?}");
            assert!(is_written || is_not_allowed(written, Right::Release), "{who} {act:?}");
            if is_written {
                expected.push((act.code(), who == "program"));
            }
        }
        let refused = store.record_research(&administrator, act, "p-7", "", now).await;
        assert!(is_not_allowed(refused, act.right()), "{act:?}");
    }
    let told = lines(&world, "research.").await;
    let found: Vec<(&str, bool)> = told.iter().map(|line| (line.action.as_str(), line.actor_name.is_some())).collect();
    assert_eq!(found, expected);
    assert!(told.iter().all(|line| line.detail.as_deref() == Some("p-7 righe=3") && line.subjects.is_empty()));
    let id = uuid::Uuid::from_u128(7).to_string();
    store.record_research(&office, ResearchAct::See, &id, &"x".repeat(2_000), now).await.unwrap();
    let last = lines(&world, "research.").await.pop().unwrap();
    assert_eq!((last.subjects, last.detail.map(|detail| detail.len())), (id, Some(1_000)));
    // Nothing of it is in an Ente's.
    let of_research = AuditFilter { action: Some("research".into()), ..AuditFilter::default() };
    assert!(store.audit(&town.administrator, &of_research, 10, now).await.unwrap().is_empty());
    assert_eq!(store.audit_verify(&world.platform, None, &[]).await.unwrap().problem, None);
}
