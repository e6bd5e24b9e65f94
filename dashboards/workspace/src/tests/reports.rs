//! Reports for the Piano di Zona: writing them together, and when they are due.

use super::*;

#[rstest]
#[tokio::test]
async fn a_report_is_made_written_and_deleted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, ente, later) = (world.workspace.clone(), pordenone(), world.now + TimeDelta::hours(1));
    let id = world.report(ente, &written(" Piano di Zona ")).await.unwrap();
    world.report(ente, &written("Allegato")).await.unwrap();
    let made = Report {
        id,
        ente,
        terms: written("Piano di Zona"),
        revision: 1,
        schedule: None,
        created_at: world.now,
        updated_at: world.now,
        updated_by: manager(),
    };
    assert_eq!(workspace.report(ente, id).await.unwrap(), made);

    let mut new = written("Piano di Zona");
    new.chapters = ["percorsi", "esiti_dei_percorsi", "bisogni"].map(str::to_owned).to_vec();
    new.texts.insert("percorsi".to_owned(), " Durano di più. ".to_owned());
    new.texts.insert(CLOSING.to_owned(), " \n ".to_owned());
    assert_eq!(workspace.update_report(ente, id, 1, &new, &second_manager(), later).await.unwrap(), 2);
    new.texts.insert("percorsi".to_owned(), "Durano di più.".to_owned());
    new.texts.remove(CLOSING);
    let expected = Report { terms: new, revision: 2, updated_at: later, updated_by: second_manager(), ..made };
    assert_eq!(workspace.report(ente, id).await.unwrap(), expected);
    let titles: Vec<_> = workspace.reports(ente).await.unwrap().into_iter().map(|one| one.terms.title).collect();
    assert_eq!(titles, ["Allegato", "Piano di Zona"]);

    workspace.delete_report(ente, id).await.unwrap();
    assert_absent(workspace.report(ente, id).await, "report");
    assert_absent(workspace.delete_report(ente, id).await, "report");
    assert_absent(workspace.update_report(ente, id, 2, &written("Piano"), &manager(), later).await, "report");
    assert_eq!(workspace.reports(ente).await.unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn nobody_writes_over_what_another_wrote_meanwhile(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, ente, now) = (world.workspace.clone(), pordenone(), world.now);
    let id = world.report(ente, &written("Piano")).await.unwrap();
    let (elsa, fabio) = (manager(), second_manager());
    let (hers, his) = (written("Di Elsa"), written("Di Fabio"));
    let (hers_done, his_done) = tokio::join!(
        workspace.update_report(ente, id, 1, &hers, &elsa, now),
        workspace.update_report(ente, id, 1, &his, &fabio, now),
    );
    let (won, lost) = if hers_done.is_ok() { ("Di Elsa", his_done) } else { ("Di Fabio", hers_done) };
    let told = lost.as_ref().unwrap_err().to_string();
    assert_conflict(lost, 2);
    assert_eq!(told, "the report was changed meanwhile: read revision 2, put both together and write again upon it");
    assert_eq!(workspace.report(ente, id).await.unwrap().terms.title, won);
    // A revision that is not there yet is no better.
    for expected in [1, 3, 0, -1, i64::MAX] {
        assert_conflict(workspace.update_report(ente, id, expected, &his, &fabio, now).await, 2);
    }
    assert_eq!(workspace.update_report(ente, id, 2, &written("Di tutti"), &fabio, now).await.unwrap(), 3);
}

#[rstest]
#[tokio::test]
async fn no_report_is_reached_from_another_ente(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now, today) = (world.workspace.clone(), world.now, world.today);
    let id = world.scheduled(pordenone(), "Piano").await;
    let before = workspace.report(pordenone(), id).await.unwrap();
    assert_eq!(workspace.reports(sacile()).await.unwrap(), []);
    assert_absent(workspace.report(sacile(), id).await, "report");
    assert_absent(workspace.update_report(sacile(), id, 1, &written("Altro"), &manager(), now).await, "report");
    assert_absent(workspace.update_report(sacile(), id, 9, &written("Altro"), &manager(), now).await, "report");
    assert_absent(workspace.schedule_report(sacile(), id, None).await, "report");
    assert_absent(world.issue(sacile(), id, edition("{}", on(2027, 1, 1))).await, "report");
    assert_absent(workspace.delete_report(sacile(), id).await, "report");
    assert_eq!(workspace.report(pordenone(), id).await.unwrap(), before);
    assert_eq!(workspace.due(today).await.unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn reports_are_due_from_their_day_on_in_all_enti(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, today) = (world.workspace.clone(), world.today);
    let tomorrow = today.succ_opt().unwrap();
    let first = world.report(pordenone(), &written("Primo")).await.unwrap();
    let second = world.report(sacile(), &written("Secondo")).await.unwrap();
    world.report(pordenone(), &written("Senza")).await.unwrap();
    assert_eq!(workspace.due(NaiveDate::from_ymd_opt(9999, 12, 31).unwrap()).await.unwrap(), []);
    let quarterly = Schedule { every: Every::Quarter, next_on: today };
    workspace.schedule_report(pordenone(), first, every_month(tomorrow)).await.unwrap();
    workspace.schedule_report(sacile(), second, Some(quarterly)).await.unwrap();
    let scheduled = workspace.report(sacile(), second).await.unwrap();
    assert_eq!((scheduled.schedule, scheduled.revision), (Some(quarterly), 1), "who is writing is not disturbed");
    let of_second = Due { ente: sacile(), report: second, schedule: quarterly };
    let of_first = Due { ente: pordenone(), report: first, schedule: every_month(tomorrow).unwrap() };
    assert_eq!(workspace.due(today.pred_opt().unwrap()).await.unwrap(), []);
    assert_eq!(workspace.due(today).await.unwrap(), [of_second]);
    assert_eq!(workspace.due(tomorrow).await.unwrap(), [of_second, of_first], "the longest due first");
    // Writing leaves the schedule where it is; taking it away ends it.
    workspace.update_report(sacile(), second, 1, &written("Altro"), &manager(), world.now).await.unwrap();
    assert_eq!(workspace.report(sacile(), second).await.unwrap().schedule, Some(quarterly));
    workspace.schedule_report(sacile(), second, None).await.unwrap();
    assert_eq!(workspace.report(sacile(), second).await.unwrap().schedule, None);
    assert_eq!(workspace.due(tomorrow).await.unwrap(), [of_first]);
}

#[tokio::test]
async fn every_field_of_a_report_is_held_to_its_form() {
    let mut world = World::new(Kind::Sqlite).await;
    let long = "a".repeat(300);
    type Text = fn(&mut NewReport) -> &mut String;
    let (title, period): (Text, Text) = (|new| &mut new.title, |new| &mut new.period);
    for (name, of) in [("title", title), ("period", period)] {
        for (text, problem) in [(" ", Problem::Missing), (long.as_str(), Problem::TooLong), ("a\nb", Problem::Hidden)] {
            let mut new = written("Piano");
            *of(&mut new) = text.to_owned();
            assert_field(world.report(pordenone(), &new).await, name, problem);
        }
    }
    let new = NewReport { strumento: "ASSO".to_owned(), ..written("Piano") };
    assert_field(world.report(pordenone(), &new).await, "strumento", Problem::Form);

    let codes = |count: u8| {
        (0..count)
            .map(|at| format!("capitolo_{}", char::from(b'a' + at % 26).to_string().repeat(1 + usize::from(at / 26))))
            .collect()
    };
    let with = |chapters: Vec<String>| NewReport { chapters, texts: BTreeMap::new(), ..written("Piano") };
    world.report(pordenone(), &with(codes(30))).await.unwrap();
    world.report(pordenone(), &with(Vec::new())).await.unwrap();
    world.report(pordenone(), &with(vec!["a".repeat(40), "_".to_owned()])).await.unwrap();
    assert_field(world.report(pordenone(), &with(codes(31))).await, "chapters", Problem::TooLong);
    for code in ["", "Bisogni", "bisogni2", "a-b", "è", "a b", long.as_str(), &"a".repeat(41)] {
        assert_field(world.report(pordenone(), &with(vec![code.to_owned()])).await, "chapters", Problem::Form);
    }
    for twice in [vec!["a", "b", "a"], vec![INTRODUCTION], vec![CLOSING]] {
        let twice = twice.into_iter().map(str::to_owned).collect();
        assert_field(world.report(pordenone(), &with(twice)).await, "chapters", Problem::Twice);
    }

    let full = "è".repeat(20_000);
    let id = world.report(pordenone(), &written("Piano")).await.unwrap();
    for (part, text, problem) in [
        ("bisogni", format!("{full}è"), Some(Problem::TooLong)),
        (INTRODUCTION, "a\u{202E}b".to_owned(), Some(Problem::Hidden)),
        (CLOSING, "a\0b".to_owned(), Some(Problem::Hidden)),
        ("territorio", "Non è un suo capitolo".to_owned(), Some(Problem::NotAsked)),
        ("bisogni", full, None),
    ] {
        let mut new = written("Piano");
        new.texts.insert(part.to_owned(), text);
        let done = world.workspace.update_report(pordenone(), id, 1, &new, &manager(), world.now).await;
        match (done, problem) {
            (Ok(2), None) => {}
            (Err(EnteError::Text { part: found, problem }), Some(expected)) if found == part && problem == expected => {
            }
            (other, expected) => panic!("{part}: expected {expected:?}, found {other:?}"),
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_report_that_makes_no_sense_is_damaged(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let id = world.scheduled(pordenone(), "Piano").await;
    let intruder = world.intruder().await;
    for sql in [
        "update reports set every = 'year'",
        "update reports set every = null",
        "update reports set every = 'month', next_on = null",
        "update reports set next_on = '2026-11-29', body = '{\"format\":\"report 2\"}'",
    ] {
        intruder.execute_unprepared(sql).await.unwrap();
        let read = world.workspace.report(pordenone(), id).await;
        let Err(EnteError::Workspace(WorkspaceError::Damaged { table: "reports", row })) = read else {
            panic!("{sql}: {read:?}");
        };
        assert_eq!(row, id.to_string());
    }
}
