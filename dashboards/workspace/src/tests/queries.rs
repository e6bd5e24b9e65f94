//! Saved queries, and the log of those asked.

use super::*;

#[rstest]
#[tokio::test]
async fn a_query_is_saved_under_a_name_and_replaced_under_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let (anna, ugo) = (researcher(), someone("Ugo Bianchi"));
    let project = world.project("Percorsi", &anna).await;
    workspace.add_member(project, &ugo, &officer(), now).await.unwrap();
    let chance = &mut world.chance;
    let first = workspace.save_query(project, &anna, "Per età", "select 1", now, chance).await.unwrap();
    let later = now + chrono::TimeDelta::hours(1);
    workspace.save_query(project, &anna, "Conteggio", "select 2", now, chance).await.unwrap();
    let again = workspace.save_query(project, &ugo, " Per età ", "select 3", later, chance).await.unwrap();
    assert_eq!(again, first);
    let queries = workspace.saved_queries(project).await.unwrap();
    let told: Vec<_> = queries.iter().map(|one| (one.name.as_str(), one.sql.as_str(), one.by.clone())).collect();
    assert_eq!(told, [("Conteggio", "select 2", anna.clone()), ("Per età", "select 3", ugo.clone())]);
    assert_eq!(queries[1].at, later);
    for (name, sql, refused) in [
        ("", "select 1", field("name", Problem::Missing)),
        ("a", " ", field("sql", Problem::Missing)),
        ("a", "a\0b", field("sql", Problem::Hidden)),
    ] {
        assert_refused(workspace.save_query(project, &anna, name, sql, now, chance).await, &refused);
    }
    workspace.delete_query(project, first, &anna).await.unwrap();
    assert_not_found(workspace.delete_query(project, first, &anna).await, "query");
    assert_eq!(workspace.saved_queries(project).await.unwrap().len(), 1);
    workspace.remove_member(project, anna.account, &officer(), now).await.unwrap();
    let refused = workspace.save_query(project, &anna, "Altro", "select 4", now, chance).await;
    assert_refused(refused, &Refused::NotMember);
}

#[rstest]
#[tokio::test]
async fn whatever_is_asked_is_in_the_log(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let anna = researcher();
    let project = world.project("Percorsi", &anna).await;
    let answered = NewLogLine { sql: "select 1".to_owned(), outcome: "ok".to_owned(), rows: Some(12), milliseconds: 7 };
    let odd = format!("a\0b\u{202E}{}", "è".repeat(30_000));
    let refused = NewLogLine { sql: odd, outcome: "refused".to_owned(), rows: None, milliseconds: 0 };
    workspace.log_query(project, &anna, &answered, now).await.unwrap();
    workspace.log_query(project, &anna, &refused, now).await.unwrap();
    let log = workspace.query_log(project, 10).await.unwrap();
    assert_eq!(log.iter().map(|one| one.seq).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(log[1], LoggedQuery { seq: 1, at: now, by: anna.clone(), line: answered.clone() });
    assert!(log[0].line.sql.starts_with("a\u{FFFD}b\u{202E}è"));
    assert_eq!((log[0].line.sql.chars().count(), log[0].line.rows), (20_000, None));
    assert_eq!(workspace.query_log(project, 1).await.unwrap()[0].seq, 2);
    let no_code = NewLogLine { outcome: "Tutto bene".to_owned(), ..answered };
    assert_refused(workspace.log_query(project, &anna, &no_code, now).await, &field("outcome", Problem::Form));
}
