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
    // On SQLite who comes second meets the first only now and then.
    for _ in 0..if kind == Kind::Sqlite { 30 } else { 1 } {
        let database = TestDatabase::new(kind);
        let place = place(&database);
        let opened = tokio::join!(Workspace::open(&place), Workspace::open(&place), Workspace::open(&place));
        for workspace in [opened.0, opened.1, opened.2] {
            assert_eq!(workspace.unwrap().projects().await.unwrap(), []);
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_database_of_the_first_schema_keeps_its_rows(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    use sea_orm_migration::MigratorTrait;
    let database = TestDatabase::new(kind);
    let url = match database.place() {
        test_database::Place::File(file) => format!("sqlite://{}?mode=rwc", file.display()),
        test_database::Place::Server { owner, .. } => owner.clone(),
    };
    // As the program left it that knew the first schema alone.
    let before = sea_orm::Database::connect(url).await.unwrap();
    crate::migrations::Migrator::up(&before, Some(1)).await.unwrap();
    let (id, account) = if kind == Kind::Postgres {
        ("'00000000-0000-0000-0000-000000000007'", "'00000000-0000-0000-0000-000000000008'")
    } else {
        ("x'00000000000000000000000000000007'", "x'00000000000000000000000000000008'")
    };
    let at = "'2026-11-29T09:00:00+00:00'";
    for sql in [
        format!(
            "insert into projects values ({id}, 'Percorsi', 'Capire', 'Udine', 'Rossi', 'Parere', '2026-10-01', \
             '2027-09-30', null, {at}, {account}, 'Carla Neri', null, null, null, null)"
        ),
        format!("insert into members values ({id}, {account}, 'Anna Verdi')"),
        format!("insert into events values ({id}, 1, 'created', {at}, {account}, 'Carla Neri', null, null, null)"),
        format!(
            "insert into saved_queries values ({id}, {id}, 'Conteggio', 'select 1', {at}, {account}, 'Anna Verdi')"
        ),
    ] {
        before.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert!(before.execute_unprepared("select * from visits").await.is_err(), "the second schema is not there yet");
    before.close().await.unwrap();

    for _ in 0..2 {
        let workspace = Workspace::open(&place(&database)).await.unwrap();
        let project = workspace.project(ProjectId(Uuid::from_u128(7))).await.unwrap();
        assert_eq!((project.terms.title.as_str(), project.members.len()), ("Percorsi", 1));
        assert_eq!(project.created_at, Utc.with_ymd_and_hms(2026, 11, 29, 9, 0, 0).unwrap());
        assert_eq!(workspace.project_history(project.id).await.unwrap().len(), 1);
        assert_eq!(workspace.saved_queries(project.id).await.unwrap()[0].sql, "select 1");
        let visit = Visit { ente: pordenone(), account: Uuid::nil(), page: "quadro", strumento: "asso" };
        workspace.see(&visit, 1, "{}", project.created_at).await.unwrap();
        assert_eq!(workspace.seen(&visit, 2).await.unwrap().unwrap().version, 1);
        workspace.keep_needs_groups(pordenone(), "asso", "{}", project.created_at).await.unwrap();
        workspace.keep_snapshot(pordenone(), "asso", project.created_at, vec![1]).await.unwrap();
        workspace.close().await.unwrap();
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
    let visit = Visit { ente: pordenone(), account: manager().account, page: "quadro", strumento: "asso" };
    world.workspace.see(&visit, 1, "{}", world.now).await.unwrap();
    let report = world.scheduled(pordenone(), "Piano").await;
    let edition = world.issued(pordenone(), report, edition("{}", on(2026, 12, 29))).await;
    world.workspace.open_edition(pordenone(), edition, manager().account).await.unwrap();
    world.workspace.keep_needs_groups(pordenone(), "asso", "{}", world.now).await.unwrap();
    world.workspace.keep_snapshot(pordenone(), "asso", world.now, vec![1]).await.unwrap();
    let intruder = world.intruder().await;
    // Each copies a row, with another key where its key is not what must be unique.
    for sql in [
        "insert into approvals select * from approvals",
        "insert into members select * from members",
        "insert into release_numbers select * from release_numbers",
        "insert into register select 7, act, release, request_id, project_id, at, by_id, by_name, content, hash from register",
        "insert into saved_queries select project_id, project_id, name, sql, saved_at, saved_by, saved_name from saved_queries",
        "insert into visits select * from visits",
        "insert into edition_readers select * from edition_readers",
        "insert into needs_groups select * from needs_groups",
        "insert into snapshots select * from snapshots",
        "update requests set release = 'asso-2026-06-30-01'",
    ] {
        let error = intruder.execute_unprepared(sql).await.unwrap_err();
        let unique = matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)));
        assert!(unique, "{sql}: {error}");
    }
}
