//! The second wall: what row security holds back where the program forgets.

use super::*;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

async fn texts(database: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    let rows = database.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Two towns in which everything that makes rows has happened.
async fn two_busy_towns(world: &mut World) -> [Town; 2] {
    let towns = [world.town("pordenone").await, world.town("udine").await];
    let (asso, now) = (instrument("asso"), world.now);
    let store = world.store.clone();
    for town in &towns {
        let unita = store.create_unita(&town.administrator, "Sacile", now, &mut world.chance).await.unwrap();
        store.move_unita(&town.administrator, unita, None, now, &mut world.chance).await.unwrap();
        let persona = world.persona(town, "Verdi", "Anna").await;
        let other = world.persona(town, "Verdi", "Anna Maria").await;
        let done = world.validated(town, persona, &asso).await;
        let azione = asso.azioni[0].id.clone();
        let outcome = domain::feed::AzioneOutcome::Completed;
        store.record_azione(&town.operator, done, &azione, outcome, now, &mut world.chance).await.unwrap();
        world.draft(town, persona, &asso).await;
        store.merge_persone(&town.operator, other, persona, "la stessa", now, &mut world.chance).await.unwrap();
        let import = store.begin_import(&town.administrator, "prova", now, &mut world.chance).await.unwrap();
        store.commit_import(&town.administrator, import, now).await.unwrap();
        world.try_login(&town.code, "operatrice", "sbagliata").await.unwrap_err();
        store.record_notice(&town.operator, persona, "1", on(2026, 11, 20), now, &mut world.chance).await.unwrap();
        store.set_reassess_days(&town.administrator, &asso.id, 180, now).await.unwrap();
        let terms = NewAgreement {
            kind: AgreementKind::First,
            number: "1/2026".into(),
            text_version: 1,
            signed_on: on(2026, 1, 1),
            from: on(2026, 1, 1),
            until: on(2027, 12, 31),
            maintenance: "ordinaria".into(),
        };
        let made = store.add_agreement(&world.platform, town.id, &terms, now, &mut world.chance).await.unwrap();
        let signed = b"%PDF-1.7 firmata";
        store.keep_signed_agreement(&world.platform, town.id, made, signed, now, &mut world.chance).await.unwrap();
        let extractor = world.extractor(town, Reach::Ente).await;
        world.ready(&extractor).await;
        let granted = BTreeSet::from([Right::ExtractPseudonymous]);
        let change = AccountChange { display_name: "Operatrice".into(), unita: None, reach: Reach::Ente, granted };
        store.update_account(&town.administrator, town.account, &change, now).await.unwrap();
        let session = world.login(&town.code, "operatrice").await.session;
        let new = NewToken { name: "Gestionale".into(), scopes: [TokenScope::PersoneRead].into(), days: 30 };
        store.create_token(&session, &new, now, &mut world.chance).await.unwrap();
        let offer = store.offer_totp(&session, now, &mut world.chance).await.unwrap();
        let code = totp_code(&offer.secret, now).unwrap();
        store.enrol_totp(&session, &offer.sealed, &code, now, &mut world.chance).await.unwrap();
        let identity = GatewayIdentity::new("https://gateway.example.it", "anna").unwrap();
        store.link_gateway(&session, &identity, now).await.unwrap();
        world.with_passkey(&session).await;
    }
    let folder = world.database.folder().join("segments");
    let pipeline = world.pipeline.sealing().clone();
    store.export_segments(&folder, &pipeline, now, &mut world.chance).await.unwrap();
    towns
}

/// As the portal connects, without any filter of its own.
async fn as_portal(world: &World) -> DatabaseConnection {
    let Location::Postgres(urls) = location(&world.database) else { panic!("this is about PostgreSQL") };
    let mut options = sea_orm::ConnectOptions::new(urls.portal.as_str());
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

#[tokio::test]
async fn without_any_filter_an_ente_reaches_its_own_rows_and_no_others() {
    let mut world = World::new(Kind::Postgres).await;
    let [here, there] = two_busy_towns(&mut world).await;
    let portal = as_portal(&world).await;
    let tables = texts(
        &portal,
        "select table_name::text from information_schema.columns where table_schema = 'public' and \
         (column_name = 'ente_id' or (table_name = 'enti' and column_name = 'id')) order by 1",
    )
    .await;
    assert!(tables.len() > 15, "{tables:?}");
    let intruder = world.intruder().await;
    // What an Ente has that was closed: closing one for good would leave nothing in the other tables.
    for town in [&here, &there] {
        let closed = format!("insert into closings values ('{}', now(), 'x', 'x', 'x', 0, 0, 0, 0)", town.id);
        intruder.execute_unprepared(&closed).await.unwrap();
        // The platform alone keeps secrets; the wall stands before that table too.
        let kept = format!("insert into kept_secrets values ('{}', 'x', 'x')", town.id);
        intruder.execute_unprepared(&kept).await.unwrap();
    }
    for table in &tables {
        let column = if table == "enti" { "id" } else { "ente_id" };
        let owners = format!("select distinct {column}::text from {table} order by 1");
        let all = texts(&intruder, &owners).await;
        if table == "interests" {
            // They are the platform's alone.
            continue;
        }
        for town in [&here, &there] {
            assert!(
                all.contains(&town.id.to_string()),
                "{table} has nothing of {}: the test would prove nothing",
                town.code
            );
        }
        portal.execute_unprepared("begin").await.unwrap();
        assert!(texts(&portal, &owners).await.is_empty(), "{table} without an Ente");
        let tell = format!("select set_config('noncello.ente', '{}', true)", here.id);
        texts(&portal, &tell).await;
        assert_eq!(texts(&portal, &owners).await, [here.id.to_string()], "{table}");
        if table != "audit" {
            let moved = format!("update {table} set {column} = '{}'", there.id);
            portal.execute_unprepared("savepoint before").await.unwrap();
            let refused = portal.execute_unprepared(&moved).await.unwrap_err().to_string();
            assert!(refused.contains("row-level security"), "{table}: {refused}");
            portal.execute_unprepared("rollback to before").await.unwrap();
            let others = format!("update {table} set {column} = {column} where {column} <> '{}'", here.id);
            assert_eq!(portal.execute_unprepared(&others).await.unwrap().rows_affected(), 0, "{table}");
        } else {
            portal.execute_unprepared("savepoint before").await.unwrap();
            let refused = portal.execute_unprepared("delete from audit").await.unwrap_err().to_string();
            assert!(refused.contains("permission denied"), "{refused}");
            portal.execute_unprepared("rollback to before").await.unwrap();
        }
        let copied = format!("insert into {table} select * from {table}");
        portal.execute_unprepared("rollback").await.unwrap();
        portal.execute_unprepared("begin").await.unwrap();
        texts(&portal, "select set_config('noncello.directory', 'on', true)").await;
        let is_shared = crate::postgres::SHARED.contains(&table.as_str());
        assert_eq!(!texts(&portal, &owners).await.is_empty(), is_shared, "{table} as directory");
        if is_shared {
            let refused = portal.execute_unprepared(&copied).await.unwrap_err().to_string();
            assert!(refused.contains("row-level security"), "{table}: {refused}");
        }
        portal.execute_unprepared("rollback").await.unwrap();
    }
}

#[tokio::test]
async fn a_role_that_row_security_does_not_hold_is_refused() {
    let mut world = World::new(Kind::Postgres).await;
    world.town("pordenone").await;
    let Location::Postgres(urls) = location(&world.database) else { panic!("this is about PostgreSQL") };
    let release = world.release.sealing().clone();
    let intruder = world.intruder().await;
    let mut open_as = async |portal: &str| {
        let portal = zeroize::Zeroizing::new(urls.portal.replace("noncello_portal", portal));
        let location = Location::Postgres(PostgresUrls { portal, owner: None });
        let identity = world.identity.clone();
        Store::open(&location, identity, release.clone(), HashingCost::LEAST, &mut world.chance).await.map(|_| ())
    };
    for role in ["superuser", "noncello_owner"] {
        let refused = open_as(role).await;
        assert!(matches!(refused, Err(StoreError::PostgresRole(_))), "{role}: {refused:?}");
    }
    open_as("noncello_portal").await.unwrap();
    intruder.execute_unprepared("alter table persone disable row level security").await.unwrap();
    let refused = open_as("noncello_portal").await;
    assert!(matches!(refused, Err(StoreError::PostgresRole(_))), "{refused:?}");
}

#[tokio::test]
async fn without_the_owner_older_tables_are_not_touched() {
    let mut world = World::new(Kind::Postgres).await;
    let Location::Postgres(urls) = location(&world.database) else { panic!("this is about PostgreSQL") };
    let intruder = world.intruder().await;
    intruder.execute_unprepared("delete from seaql_migrations").await.unwrap();
    let location = Location::Postgres(PostgresUrls { owner: None, ..urls });
    let release = world.release.sealing().clone();
    let refused = Store::open(&location, world.identity.clone(), release, HashingCost::LEAST, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Version(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_portals_on_one_database_leave_no_gap() {
    let mut world = World::new(Kind::Postgres).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let other = world.opened_again(world.identity.clone()).await.unwrap();
    let mut tasks = Vec::new();
    for at in 0..16 {
        let persona = world.persona(&town, "Verdi", &format!("Anna{at}")).await;
        let (draft, revision) = world.draft(&town, persona, &asso).await;
        let store = if at % 2 == 0 { world.store.clone() } else { other.clone() };
        let (scope, now, asso) = (town.operator.clone(), world.now, asso.clone());
        tasks.push(tokio::spawn(async move {
            let mut chance = ChaCha20Rng::seed_from_u64(at);
            store.validate(&scope, draft, revision, &confirmed(&asso), now, &mut chance).await.unwrap();
            store.events(scope.ente(), 0, 1_000).await.unwrap()
        }));
    }
    for task in tasks {
        // Whatever is seen meanwhile has no gap either.
        let seen = task.await.unwrap();
        assert!(seen.iter().zip(1..).all(|(event, seq)| event.seq == seq));
    }
    assert_eq!(world.events(&town).await.len(), 16);
    assert_eq!(world.store.audit_verify(&world.platform, Some(town.id), &[]).await.unwrap().problem, None);
}
