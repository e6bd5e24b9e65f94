//! The end of an Ente: what goes, what remains, and that nobody else notices.

use std::path::Path;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::*;
use domain::feed::{Segment, What};

/// An Ente with people, questionnaires, a draft, and an agreement that is over.
async fn ended(world: &mut World, code: &str) -> (Town, AssessmentId) {
    let town = world.town(code).await;
    let (store, now, asso) = (world.store.clone(), world.now, instrument("asso"));
    let persona = world.persona(&town, "Canarinozzi", "Usignola").await;
    let assessment = world.validated(&town, persona, &asso).await;
    world.draft(&town, persona, &asso).await;
    let terms = NewAgreement {
        kind: AgreementKind::First,
        number: "1/2025".into(),
        text_version: 1,
        signed_on: on(2025, 1, 1),
        from: on(2025, 1, 1),
        until: on(2026, 11, 1),
        maintenance: "ordinaria".into(),
    };
    let made = store.add_agreement(&world.platform, town.id, &terms, now, &mut world.chance).await.unwrap();
    let signed = b"%PDF-1.7 firmata";
    store.keep_signed_agreement(&world.platform, town.id, made, signed, now, &mut world.chance).await.unwrap();
    (town, assessment)
}

impl World {
    async fn close(&mut self, town: &Town, reason: &str) -> Result<Closing, StoreError> {
        let (store, now) = (self.store.clone(), self.now);
        store.close_ente(&self.platform, town.id, "Anna Neri", reason, now, &mut self.chance).await
    }

    async fn export(&mut self) -> PathBuf {
        let folder = self.database.folder().join("segments");
        let (store, pipeline, now) = (self.store.clone(), self.pipeline.sealing().clone(), self.now);
        store.export_segments(&folder, &pipeline, now, &mut self.chance).await.unwrap();
        folder
    }

    fn feed_of(&self, folder: &Path, town: &Town) -> Vec<What> {
        let segments = super::feed::segments_of(self, town, folder);
        segments.into_iter().flat_map(Segment::into_events).map(|event| event.what).collect()
    }
}

/// How many rows of an Ente a table has.
async fn rows(intruder: &sea_orm::DatabaseConnection, table: &str, ente: EnteId) -> i64 {
    let column = if table == "enti" { "id" } else { "ente_id" };
    let backend = intruder.get_database_backend();
    let place = if backend == DbBackend::Postgres { "$1" } else { "?" };
    let sql = format!("select count(*) from {table} where {column} = {place}");
    let statement = Statement::from_sql_and_values(backend, sql, [ente.0.into()]);
    intruder.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[rstest]
#[tokio::test]
async fn an_ente_in_force_is_not_closed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (town, _) = ended(&mut world, "pordenone").await;
    let missing = world.close(&town, "  ").await;
    assert!(matches!(missing, Err(StoreError::Refused(Refused::ReasonMissing))), "{missing:?}");
    let renewed = NewAgreement {
        kind: AgreementKind::Renewal,
        number: "2/2026".into(),
        text_version: 1,
        signed_on: on(2026, 11, 2),
        from: on(2026, 11, 2),
        until: on(2027, 12, 31),
        maintenance: "ordinaria".into(),
    };
    let (store, now) = (world.store.clone(), world.now);
    store.add_agreement(&world.platform, town.id, &renewed, now, &mut world.chance).await.unwrap();
    let refused = world.close(&town, "fine della convenzione").await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::AgreementNotOver))), "{refused:?}");
    assert!(world.login("pordenone", "operatrice").await.session.scope(Right::SeePersone).is_ok());
}

#[rstest]
#[tokio::test]
async fn a_closed_ente_leaves_nothing_that_could_be_read(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (town, _) = ended(&mut world, "pordenone").await;
    let (other, kept) = ended(&mut world, "sacile").await;
    let folder = world.export().await;
    assert!(world.feed_of(&folder, &town).iter().any(|what| matches!(what, What::Validated(_))));
    let of_other = world.events(&other).await;
    let session = world.login("pordenone", "operatrice").await;

    let closing = world.close(&town, "dati consegnati, protocollo 12").await.unwrap();
    let counts = ClosingCounts { persone: 1, assessments: 1, drafts: 1, accounts: 2 };
    assert_eq!((closing.counts, closing.key_fingerprint.len()), (counts, 64));
    let store = world.store.clone();
    assert_eq!(store.closing(&world.platform, town.id).await.unwrap(), Some(closing));
    assert_eq!(store.closing(&world.platform, other.id).await.unwrap(), None);

    let intruder = world.intruder().await;
    let backend = intruder.get_database_backend();
    let tables = if backend == DbBackend::Postgres {
        "select relname::text from pg_class join pg_namespace n on n.oid = relnamespace where relkind = 'r' and nspname = current_schema()"
    } else {
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
    };
    let tables = intruder.query_all_raw(Statement::from_string(backend, tables)).await.unwrap();
    let mut left = Vec::new();
    for row in tables {
        let table: String = row.try_get_by_index(0).unwrap();
        if !["throttles", "seaql_migrations"].contains(&table.as_str()) && rows(&intruder, &table, town.id).await > 0 {
            left.push(table);
        }
    }
    left.sort();
    let expected =
        ["agreements", "audit", "closings", "ente_comuni", "ente_counters", "ente_names", "enti", "events", "segments"];
    assert_eq!(left, expected, "everything else of the Ente is gone");

    // Nobody gets in, nothing opens, and it does not happen twice.
    assert!(world.try_login("pordenone", "operatrice", PASSWORD).await.is_err());
    assert!(store.session(&session.token, world.now).await.is_err());
    let found = store.find_by_name(&town.operator, "canarinozzi", 9, world.now).await;
    assert!(matches!(found, Err(StoreError::Refused(Refused::EnteClosed))), "{found:?}");
    let twice = world.close(&town, "ancora").await;
    assert!(matches!(twice, Err(StoreError::NotFound(_))), "{twice:?}");
    let standing = store.enti(&world.platform, world.now).await.unwrap();
    assert_eq!(standing.iter().find(|ente| ente.id == town.id).unwrap().standing, Standing::Closed);

    // The feed says that it ended, and nothing else; another process, without the key in memory, writes it.
    let identity = world.identity.clone();
    world.store = world.opened_again(identity).await.unwrap();
    let folder = world.export().await;
    let told = world.feed_of(&folder, &town);
    assert_eq!(told.last(), Some(&What::EnteClosed));
    assert!(told[..told.len() - 1].iter().all(|what| *what == What::Blank), "{told:?}");
    let verdict = world.store.audit_verify(&world.platform, Some(town.id), &[]).await.unwrap();
    assert!(verdict.problem.is_none(), "its audit still holds together");

    // Nothing of the other one changed.
    assert_eq!(world.events(&other).await, of_other);
    let read = world.store.assessment(&other.operator, kept, world.now).await.unwrap();
    assert_eq!(read.id, kept);
    assert_eq!(found_names(&world, &other).await, ["Canarinozzi"]);
}

async fn found_names(world: &World, town: &Town) -> Vec<String> {
    let found = world.store.find_by_name(&town.operator, "canarinozzi", 9, world.now).await.unwrap();
    found.persone.into_iter().map(|one| one.surname).collect()
}
