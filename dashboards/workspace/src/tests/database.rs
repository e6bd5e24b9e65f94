//! The file, its versions, and what the database refuses by itself.

use super::*;

#[rstest]
#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let project = world.project("Percorsi", &researcher()).await;
    world.workspace.clone().close().await.unwrap();
    let again = world.opened_again().await;
    again.ping().await.unwrap();
    assert_eq!(again.project(project).await.unwrap().terms, terms("Percorsi"));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(&Place::File(folder.path().join("workspace.sqlite"))).await.unwrap();
    let mut chance = ChaCha20Rng::seed_from_u64(1);
    workspace.create_project(&officer(), &terms("Percorsi"), DateTime::UNIX_EPOCH, &mut chance).await.unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["workspace.sqlite", "workspace.sqlite-shm", "workspace.sqlite-wal"]);
}

#[rstest]
#[tokio::test]
async fn two_programs_may_open_a_new_database_together(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = TestDatabase::new(kind);
    let place = place(&database);
    let opened = tokio::join!(Workspace::open(&place), Workspace::open(&place), Workspace::open(&place));
    for workspace in [opened.0, opened.1, opened.2] {
        assert_eq!(workspace.unwrap().projects().await.unwrap(), []);
    }
}

#[rstest]
#[tokio::test]
async fn a_newer_program_s_database_is_left_alone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let sql = "insert into seaql_migrations (version, applied_at) values ('workspace_9999_later', 0)";
    world.intruder().await.execute_unprepared(sql).await.unwrap();
    let refused = Workspace::open(&place(&world.database)).await;
    assert!(matches!(refused, Err(WorkspaceError::Version(_))), "{refused:?}");
}

#[test]
fn an_address_is_not_printed() {
    assert_eq!(format!("{:?}", Place::Server("postgres://role:secret@host/database".to_owned())), "Server(…)");
}

#[rstest]
#[tokio::test]
async fn the_database_refuses_to_change_what_only_grows(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let project = world.project("Percorsi", &researcher()).await;
    world.published(project, &researcher()).await;
    let intruder = world.intruder().await;
    for table in ["register", "events"] {
        for sql in [format!("update {table} set act = 'withdrawn'"), format!("delete from {table}")] {
            let refused = intruder.execute_unprepared(&sql).await.unwrap_err().to_string();
            assert!(refused.contains(&format!("{table} only grows")), "{sql}: {refused}");
        }
        if kind == Kind::Postgres {
            let refused = intruder.execute_unprepared(&format!("truncate {table}")).await.unwrap_err().to_string();
            assert!(refused.contains("only grows"), "{refused}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn what_must_be_unique_is_so_in_the_tables(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let project = world.project("Percorsi", &researcher()).await;
    world.published(project, &researcher()).await;
    world.ask(project, &researcher(), &wanted()).await.unwrap();
    let sql = "select 1";
    world.workspace.save_query(project, &researcher(), "Conteggio", sql, world.now, &mut world.chance).await.unwrap();
    let intruder = world.intruder().await;
    // Each copies a row, with another key where its key is not what must be unique.
    for sql in [
        "insert into approvals select * from approvals",
        "insert into members select * from members",
        "insert into release_numbers select * from release_numbers",
        "insert into register select 7, act, release, request_id, project_id, at, by_id, by_name, content, hash from register",
        "insert into saved_queries select project_id, project_id, name, sql, saved_at, saved_by, saved_name from saved_queries",
        "update requests set release = 'asso-2026-06-30-01'",
    ] {
        let error = intruder.execute_unprepared(sql).await.unwrap_err();
        let unique = matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)));
        assert!(unique, "{sql}: {error}");
    }
}
