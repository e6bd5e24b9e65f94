//! The register as somebody reads it, and what shows that it was tampered with; who may have which release.

use super::*;

#[rstest]
#[tokio::test]
async fn the_register_tells_everything_in_order(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let empty = RegisterVerdict { rows: 0, head: None, problem: None };
    assert_eq!(workspace.verify_register().await.unwrap(), empty);
    let project = world.project("Percorsi", &researcher()).await;
    let (request, first) = world.published(project, &researcher()).await;
    let (_, second) = world.published(project, &researcher()).await;
    workspace.withdraw(&first, &officer(), "Un errore", now).await.unwrap();
    let entries = workspace.register().await.unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.seq, entry.release.clone())).collect();
    assert_eq!(told, [(1, first.clone()), (2, second), (3, first.clone())]);
    assert_eq!((entries[0].request, entries[0].project, entries[0].at), (request, project, now));
    assert_eq!(entries[0].by, officer());
    let Content::Published(content) = &entries[0].content else { panic!("{:?}", entries[0]) };
    assert_eq!((content.base.clone(), content.expires_on), (wanted().base, licence().expires_on));
    assert_eq!(entries[2].content, Content::Withdrawn { reason: "Un errore".to_owned() });
    let verdict = workspace.verify_register().await.unwrap();
    assert_eq!(verdict, RegisterVerdict { rows: 3, head: Some(entries[2].hash.clone()), problem: None });
}

#[rstest]
#[tokio::test]
async fn what_an_intruder_did_to_the_register_is_found(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(
        ("update", "update register set content = replace(content, '1804', '1805') where seq = 2", RegisterProblem::Changed { seq: 2 }),
        ("update", "update register set by_name = 'Nessuno' where seq = 3", RegisterProblem::Changed { seq: 3 }),
        ("update", "update register set at = '2026-11-29 09:00:01+00:00' where seq = 1", RegisterProblem::Changed { seq: 1 }),
        ("update", "update register set seq = 9 where seq = 3", RegisterProblem::Missing { seq: 3 }),
        ("delete", "delete from register where seq = 1", RegisterProblem::Missing { seq: 1 }),
        ("delete", "delete from register where seq = 2", RegisterProblem::Missing { seq: 2 }),
        ("delete", "delete from register where seq = 3", RegisterProblem::End { expected: 3, found: 2 }),
        ("update", "update register_head set hash = 'x'", RegisterProblem::End { expected: 3, found: 3 }),
    )]
    deed: (&str, &str, RegisterProblem),
) {
    let mut world = World::new(kind).await;
    let project = world.project("Percorsi", &researcher()).await;
    for _ in 0..3 {
        world.published(project, &researcher()).await;
    }
    let (act, sql, problem) = deed;
    let intruder = world.intruder().await;
    world.drop_trigger(&intruder, "register", act).await;
    let rows = intruder.execute_unprepared(sql).await.unwrap().rows_affected();
    assert_eq!(rows, 1, "{sql}");
    assert_eq!(world.workspace.verify_register().await.unwrap().problem, Some(problem), "{sql}");
}

#[rstest]
#[tokio::test]
async fn a_release_is_had_by_members_of_active_projects_until_it_expires(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let (workspace, now, today) = (world.workspace.clone(), world.now, world.today);
    let anna = researcher();
    let project = world.project("Percorsi", &anna).await;
    let (request, _) = world.approved(project, &anna).await;
    for expires_on in [on(2026, 11, 28), today] {
        let gone = Terms { expires_on, ..licence() };
        let refused = workspace.publish(request, &officer(), &gone, today, now).await;
        assert_refused(refused, &field("expires_on", Problem::Order));
    }
    for (terms, name) in [
        (Terms { licence: " ".to_owned(), ..licence() }, "licence"),
        (Terms { citation: " ".to_owned(), ..licence() }, "citation"),
    ] {
        let refused = workspace.publish(request, &officer(), &terms, today, now).await;
        assert_refused(refused, &field(name, Problem::Missing));
    }
    let long = Terms { expires_on: on(2030, 1, 1), ..licence() };
    let late = workspace.publish(request, &officer(), &long, on(2027, 10, 1), now).await;
    assert_refused(late, &Refused::NotActive(Standing::Ended));
    let release = world.publish(request).await.unwrap();
    let has = async |today: NaiveDate| {
        let one = workspace.release_for(anna.account, &release, today).await.unwrap();
        let all = workspace.releases_of(anna.account, today).await.unwrap();
        assert_eq!(one.clone().into_iter().collect::<Vec<_>>(), all);
        one.is_some()
    };
    assert!(has(today).await);
    assert!(has(licence().expires_on).await, "the last day counts");
    assert!(!has(on(2027, 7, 1)).await, "it has expired");
    assert!(!has(on(2026, 9, 30)).await, "the project has not begun");
    workspace.remove_member(project, anna.account, &officer(), now).await.unwrap();
    assert!(!has(today).await, "a member no more");
    workspace.add_member(project, &anna, &officer(), now).await.unwrap();
    assert!(has(today).await);
    let unsigned = NewProject { undertaking_on: None, ..terms("Percorsi") };
    workspace.change_project(project, &officer(), &unsigned, now).await.unwrap();
    assert!(!has(today).await, "not signed");
    workspace.change_project(project, &officer(), &terms("Percorsi"), now).await.unwrap();
    workspace.close_project(project, &officer(), "Finito", now).await.unwrap();
    assert!(!has(today).await, "closed");
    assert_eq!(workspace.release(&release).await.unwrap().withdrawn, None);
}

/// The canary: what is one project's never comes out for a member of another.
#[rstest]
#[tokio::test]
async fn a_member_of_one_project_has_nothing_of_another(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now, today) = (world.workspace.clone(), world.now, world.today);
    let (anna, ugo) = (researcher(), someone("Ugo Bianchi"));
    let hers = world.project("CANARINO", &anna).await;
    let his = world.project("Altro", &ugo).await;
    let (_, release) = world.published(hers, &anna).await;
    let (_, his_release) = world.published(his, &ugo).await;
    let line =
        NewLogLine { sql: "select 'CANARINO'".to_owned(), outcome: "ok".to_owned(), rows: Some(1), milliseconds: 3 };
    let saved = workspace.save_query(hers, &anna, "CANARINO", &line.sql, now, &mut world.chance).await.unwrap();
    workspace.log_query(hers, &anna, &line, now).await.unwrap();

    assert_eq!(workspace.release_for(ugo.account, &release, today).await.unwrap(), None);
    let his_ids: Vec<ReleaseId> =
        workspace.releases_of(ugo.account, today).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(his_ids, [his_release]);
    let refused = workspace.save_query(hers, &ugo, "CANARINO", "select 2", now, &mut world.chance).await;
    assert_refused(refused, &Refused::NotMember);
    assert_refused(workspace.log_query(hers, &ugo, &line, now).await, &Refused::NotMember);
    assert_refused(workspace.delete_query(hers, saved, &ugo).await, &Refused::NotMember);
    assert_not_found(workspace.delete_query(his, saved, &ugo).await, "query");
    let all = format!(
        "{:?}{:?}{:?}{:?}{:?}",
        workspace.projects_of(ugo.account).await.unwrap(),
        workspace.requests_of(his).await.unwrap(),
        workspace.releases_of(ugo.account, today).await.unwrap(),
        workspace.saved_queries(his).await.unwrap(),
        workspace.query_log(his, 100).await.unwrap(),
    );
    assert!(!all.contains("CANARINO") && !all.contains(&anna.name), "{all}");
    assert_eq!(workspace.saved_queries(hers).await.unwrap().len(), 1);
}
