//! Projects and their members.

use super::*;

#[rstest]
#[tokio::test]
async fn a_project_is_made_changed_and_closed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let id = world.project("Percorsi", &researcher()).await;
    let project = workspace.project(id).await.unwrap();
    assert_eq!(project.terms, terms("Percorsi"));
    assert_eq!((project.created_by.clone(), project.created_at), (officer(), now));
    assert_eq!(project.members, [researcher()]);
    assert!(project.is_active(world.today) && project.has_member(researcher().account));

    let longer = NewProject { title: " Percorsi e ritorni ".to_owned(), ends_on: on(2028, 9, 30), ..terms("Percorsi") };
    workspace.change_project(id, &second_officer(), &longer, now).await.unwrap();
    workspace.change_project(id, &second_officer(), &longer, now).await.unwrap();
    let project = workspace.project(id).await.unwrap();
    assert_eq!((project.terms.title.as_str(), project.terms.ends_on), ("Percorsi e ritorni", on(2028, 9, 30)));

    assert_refused(workspace.close_project(id, &officer(), "  ", now).await, &field("reason", Problem::Missing));
    workspace.close_project(id, &officer(), "Rinuncia", now).await.unwrap();
    let project = workspace.project(id).await.unwrap();
    assert_eq!(project.closed, Some(Closing { by: officer(), at: now, reason: "Rinuncia".to_owned() }));
    assert_refused(workspace.close_project(id, &officer(), "Due volte", now).await, &Refused::Closed);
    assert_refused(workspace.change_project(id, &officer(), &longer, now).await, &Refused::Closed);
    assert_refused(workspace.add_member(id, &second_officer(), &officer(), now).await, &Refused::Closed);

    let history = workspace.project_history(id).await.unwrap();
    let told: Vec<_> = history.iter().map(|event| (event.act.code(), event.detail.as_deref())).collect();
    let expected =
        [("created", None), ("member-added", None), ("changed", Some("title ends_on")), ("closed", Some("Rinuncia"))];
    assert_eq!(told, expected);
    assert_eq!((history[1].by.clone(), history[1].about.clone()), (Some(officer()), Some(researcher())));
}

#[rstest]
#[tokio::test]
async fn members_see_their_projects_as_long_as_they_are_members(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let (anna, ugo) = (researcher(), someone("Ugo Bianchi"));
    let first = world.project("Primo", &anna).await;
    let second = world.project("Secondo", &ugo).await;
    let titles = async |account| {
        let projects = workspace.projects_of(account).await.unwrap();
        projects.into_iter().map(|project| project.terms.title).collect::<Vec<_>>()
    };
    assert_eq!(titles(anna.account).await, ["Primo"]);
    assert_eq!(workspace.projects().await.unwrap().len(), 2);
    workspace.add_member(first, &ugo, &officer(), now).await.unwrap();
    assert_refused(workspace.add_member(first, &ugo, &officer(), now).await, &Refused::MemberAlready);
    assert_eq!(titles(ugo.account).await.len(), 2);
    workspace.remove_member(first, ugo.account, &officer(), now).await.unwrap();
    assert_not_found(workspace.remove_member(first, ugo.account, &officer(), now).await, "member");
    assert_eq!(titles(ugo.account).await, ["Secondo"]);
    assert_eq!(workspace.project(second).await.unwrap().members, [ugo]);
    let history = workspace.project_history(first).await.unwrap();
    assert_eq!(history.last().unwrap().act, Act::MemberRemoved);
    assert_not_found(workspace.project_history(ProjectId(Uuid::nil())).await, "project");
}

#[test]
fn a_project_stands_where_its_days_say() {
    fn check(today: NaiveDate, undertaking_on: Option<NaiveDate>, closed: bool, expected: Standing) {
        let closing = Closing { by: officer(), at: DateTime::UNIX_EPOCH, reason: "Rinuncia".to_owned() };
        let project = Project {
            id: ProjectId(Uuid::nil()),
            terms: NewProject { undertaking_on, ..terms("Percorsi") },
            members: Vec::new(),
            created_at: DateTime::UNIX_EPOCH,
            created_by: officer(),
            closed: closed.then_some(closing),
        };
        assert_eq!(project.standing(today), expected, "{today}");
        assert_eq!(project.is_active(today), expected == Standing::Active);
    }
    let signed = Some(on(2026, 9, 15));
    check(on(2026, 9, 30), signed, false, Standing::NotStarted);
    check(on(2026, 10, 1), signed, false, Standing::Active);
    check(on(2027, 9, 30), signed, false, Standing::Active);
    check(on(2027, 10, 1), signed, false, Standing::Ended);
    check(on(2026, 11, 29), None, false, Standing::Unsigned);
    check(on(2026, 11, 29), Some(on(2026, 11, 30)), false, Standing::Unsigned);
    check(on(2026, 11, 30), Some(on(2026, 11, 30)), false, Standing::Active);
    check(on(2026, 11, 29), signed, true, Standing::Closed);
}

#[tokio::test]
async fn every_field_of_a_project_is_held_to_its_form() {
    let mut world = World::new(Kind::Sqlite).await;
    let long = "a".repeat(5_000);
    type Text = fn(&mut NewProject) -> &mut String;
    let texts: [(&'static str, Text); 5] = [
        ("title", |new| &mut new.title),
        ("purpose", |new| &mut new.purpose),
        ("institution", |new| &mut new.institution),
        ("responsible", |new| &mut new.responsible),
        ("ethics", |new| &mut new.ethics),
    ];
    for (name, of) in texts {
        for (text, problem) in
            [(" ", Problem::Missing), (long.as_str(), Problem::TooLong), ("a\u{202E}b", Problem::Hidden)]
        {
            let mut new = terms("Percorsi");
            *of(&mut new) = text.to_owned();
            let made = world.workspace.create_project(&officer(), &new, world.now, &mut world.chance).await;
            assert_refused(made, &field(name, problem));
        }
    }
    let day = NewProject { ends_on: on(2026, 10, 1), ..terms("Percorsi") };
    let made = world.workspace.create_project(&officer(), &day, world.now, &mut world.chance).await;
    assert_refused(made, &field("ends_on", Problem::Order));
    let nobody = Person { name: String::new(), ..officer() };
    let made = world.workspace.create_project(&nobody, &terms("Percorsi"), world.now, &mut world.chance).await;
    assert_refused(made, &field("name", Problem::Missing));
}
