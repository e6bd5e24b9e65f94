//! An Ente that leaves.

use super::*;

/// One of each in an Ente.
async fn fill(world: &mut World, ente: EnteId) -> (ViewId, ReportId, EditionId) {
    let elsa = manager();
    let visit = Visit { ente, account: elsa.account, page: "quadro", strumento: "asso" };
    for version in [1, 2] {
        world.workspace.see(&visit, version, "{}", world.now).await.unwrap();
    }
    let view = world.save_view(ente, &elsa, "Quadro", "/cruscotti/quadro").await.unwrap();
    let report = world.scheduled(ente, "Piano").await;
    let edition = world.issued(ente, report, edition("{}", on(2026, 12, 29))).await;
    world.workspace.open_edition(ente, edition, elsa.account).await.unwrap();
    world.workspace.keep_needs_groups(ente, "asso", "{}", world.now).await.unwrap();
    world.workspace.keep_snapshot(ente, "asso", world.now, vec![1]).await.unwrap();
    (view, report, edition)
}

#[rstest]
#[tokio::test]
async fn an_ente_is_forgotten_and_no_other(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, elsa) = (world.workspace.clone(), manager().account);
    let project = world.project("Percorsi", &researcher()).await;
    fill(&mut world, pordenone()).await;
    let (view, report, edition) = fill(&mut world, sacile()).await;
    let all = Forgotten { visits: 2, views: 1, reports: 1, editions: 1, groups: 1, snapshots: 1 };
    assert_eq!(workspace.forget_ente(pordenone()).await.unwrap(), all);
    assert_eq!(workspace.forget_ente(pordenone()).await.unwrap(), Forgotten::default());
    assert_eq!(workspace.kept_enti().await.unwrap(), [sacile()]);

    let intruder = world.intruder().await;
    for table in ["visits", "saved_views", "reports", "editions", "edition_readers", "needs_groups", "snapshots"] {
        // What is of the other Ente, and nothing else.
        let sql = format!("select count(*) as rows, count(distinct ente_id) as enti from {table}");
        let counted = sea_orm::Statement::from_string(intruder.get_database_backend(), sql);
        let counted = intruder.query_one_raw(counted).await.unwrap().unwrap();
        let expected = if table == "visits" { (2_i64, 1_i64) } else { (1, 1) };
        assert_eq!((counted.try_get("", "rows").unwrap(), counted.try_get("", "enti").unwrap()), expected, "{table}");
    }
    let visit = Visit { ente: sacile(), account: elsa, page: "quadro", strumento: "asso" };
    assert_eq!(workspace.seen(&visit, 2).await.unwrap().unwrap().version, 1);
    workspace.view(sacile(), elsa, view).await.unwrap();
    workspace.report(sacile(), report).await.unwrap();
    assert_eq!(workspace.edition(sacile(), edition).await.unwrap().read_by, [elsa].into());
    workspace.project(project).await.unwrap();
}
