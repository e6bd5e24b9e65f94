//! A request from asking to withdrawing, and every act in every state.

use super::*;

#[rstest]
#[tokio::test]
async fn a_request_becomes_a_release_that_two_people_approved(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now, today) = (world.workspace.clone(), world.now, world.today);
    let anna = researcher();
    let project = world.project("Percorsi", &anna).await;
    let request = world.ask(project, &anna, &wanted()).await.unwrap();
    let read = workspace.request(request).await.unwrap();
    assert_eq!((read.project, read.by.clone(), read.at, read.asked.clone()), (project, anna.clone(), now, wanted()));
    assert_eq!(read.state, State::Requested);

    let job = world.accept(request).await.unwrap();
    let release = world.building(request).await;
    assert_eq!(release.to_string(), "asso-2026-06-30-01");
    let taken = workspace.take_job(now).await.unwrap().unwrap();
    assert_eq!((taken.id, taken.work), (job, Work::Draft { request }));
    let draft = draft(&release);
    workspace.assessed(job, &draft, now).await.unwrap();
    assert_eq!(world.state(request).await, State::Assessed { draft: draft.clone(), approvals: Vec::new() });

    assert_refused(world.publish(request).await, &Refused::ApprovalsMissing);
    assert_refused(workspace.approve(request, &anna, &draft.sha256, now).await, &Refused::OwnRequest);
    let other = "0b".repeat(32);
    assert_refused(workspace.approve(request, &officer(), &other, now).await, &Refused::OtherDraft);
    workspace.approve(request, &officer(), &draft.sha256, now).await.unwrap();
    let renamed = Person { name: "Carla Neri Rossi".to_owned(), ..officer() };
    assert_refused(workspace.approve(request, &renamed, &draft.sha256, now).await, &Refused::ApprovedAlready);
    assert_refused(world.publish(request).await, &Refused::ApprovalsMissing);
    assert_eq!(workspace.release(&release).await.unwrap_err().to_string(), "no such release");
    workspace.approve(request, &second_officer(), &draft.sha256, now).await.unwrap();
    let State::Assessed { approvals, .. } = world.state(request).await else { panic!("it is assessed") };
    assert_eq!(approvals.len(), 2);
    assert!(approvals.contains(&Approval { by: officer(), at: now }));

    assert_eq!(workspace.releases_of(anna.account, today).await.unwrap(), []);
    assert_eq!(world.publish(request).await.unwrap(), release);
    assert_eq!(world.state(request).await, State::Published { release: release.clone() });
    let had = workspace.release_for(anna.account, &release, today).await.unwrap().unwrap();
    assert_eq!((had.content.sha256.as_str(), had.content.rows, had.content.k), (draft.sha256.as_str(), 1_804, 6));
    assert_eq!(had.content.licence, "CC BY 4.0");

    workspace.withdraw(&release, &second_officer(), "Un errore nella codifica", now).await.unwrap();
    let reason = "Un errore nella codifica".to_owned();
    assert_eq!(world.state(request).await, State::Withdrawn { release: release.clone(), reason: reason.clone() });
    assert_eq!(workspace.release_for(anna.account, &release, today).await.unwrap(), None);
    let withdrawn = workspace.release(&release).await.unwrap().withdrawn;
    assert_eq!(withdrawn, Some(Withdrawal { by: second_officer(), at: now, reason: reason.clone() }));

    let history = workspace.history(request).await.unwrap();
    let told: Vec<_> = history.iter().map(|e| (e.act, e.by.clone(), e.detail.clone())).collect();
    let (id, hash) = (Some(release.to_string()), Some(draft.sha256.clone()));
    let expected = [
        (Act::Requested, Some(anna), None),
        (Act::Accepted, Some(officer()), id.clone()),
        (Act::Assessed, None, hash.clone()),
        (Act::Approved, Some(officer()), hash.clone()),
        (Act::Approved, Some(second_officer()), hash),
        (Act::Published, Some(officer()), id),
        (Act::Withdrawn, Some(second_officer()), Some(reason)),
    ];
    assert_eq!(told, expected);
}

#[rstest]
#[tokio::test]
async fn only_members_of_active_projects_ask(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let anna = researcher();
    let project = world.project("Percorsi", &anna).await;
    assert_refused(world.ask(project, &officer(), &wanted()).await, &Refused::NotMember);
    assert_not_found(world.ask(ProjectId(Uuid::nil()), &anna, &wanted()).await, "project");
    world.today = on(2026, 9, 30);
    assert_refused(world.ask(project, &anna, &wanted()).await, &Refused::NotActive(Standing::NotStarted));
    world.today = on(2027, 10, 1);
    assert_refused(world.ask(project, &anna, &wanted()).await, &Refused::NotActive(Standing::Ended));
    world.today = on(2026, 11, 29);
    let unsigned = NewProject { undertaking_on: None, ..terms("Percorsi") };
    workspace.change_project(project, &officer(), &unsigned, now).await.unwrap();
    assert_refused(world.ask(project, &anna, &wanted()).await, &Refused::NotActive(Standing::Unsigned));
    workspace.change_project(project, &officer(), &terms("Percorsi"), now).await.unwrap();
    world.ask(project, &anna, &wanted()).await.unwrap();
    workspace.close_project(project, &officer(), "Rinuncia", now).await.unwrap();
    assert_refused(world.ask(project, &anna, &wanted()).await, &Refused::NotActive(Standing::Closed));
    assert_eq!(workspace.requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_asked_is_held_to_its_form() {
    let mut world = World::new(Kind::Sqlite).await;
    let anna = researcher();
    let project = world.project("Percorsi", &anna).await;
    let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let coarser = |column: &str, steps| BTreeMap::from([(column.to_owned(), steps)]);
    let plain = NewRequest { coarser: BTreeMap::new(), ..wanted() };
    let many: Vec<String> = (0..201).map(|number| format!("c{number}")).collect();
    for (new, refused) in [
        (NewRequest { columns: Vec::new(), ..plain.clone() }, field("columns", Problem::Missing)),
        (NewRequest { columns: many, ..plain.clone() }, field("columns", Problem::TooLong)),
        (NewRequest { columns: columns(&["eta", "eta"]), ..plain.clone() }, field("columns", Problem::Twice)),
        (NewRequest { columns: columns(&["eta; drop"]), ..plain.clone() }, field("columns", Problem::Form)),
        (NewRequest { k: 4, ..plain.clone() }, field("k", Problem::Range)),
        (NewRequest { k: u32::MAX, ..plain.clone() }, field("k", Problem::Range)),
        (NewRequest { coarser: coarser("sesso", 1), ..plain.clone() }, field("coarser", Problem::NotAsked)),
        (NewRequest { coarser: coarser("eta", 0), ..plain.clone() }, field("coarser", Problem::Range)),
        (NewRequest { reason: String::new(), ..plain.clone() }, field("reason", Problem::Missing)),
    ] {
        assert_refused(world.ask(project, &anna, &new).await, &refused);
    }
    world.ask(project, &anna, &NewRequest { k: K_MIN, ..plain }).await.unwrap();
}

#[tokio::test]
async fn a_draft_is_what_was_asked_for() {
    let mut world = World::new(Kind::Sqlite).await;
    let project = world.project("Percorsi", &researcher()).await;
    let request = world.ask(project, &researcher(), &NewRequest { k: 10, ..wanted() }).await.unwrap();
    let job = world.accept(request).await.unwrap();
    world.workspace.take_job(world.now).await.unwrap();
    let good = Draft { k: 10, ..draft(&world.building(request).await) };
    let other: ReleaseId = "asso-2026-06-30-02".parse().unwrap();
    for (draft, refused) in [
        (Draft { release: other, ..good.clone() }, field("release", Problem::NotAsked)),
        (Draft { sha256: "0A".repeat(32), ..good.clone() }, field("sha256", Problem::Form)),
        (Draft { sha256: "0a".repeat(31), ..good.clone() }, field("sha256", Problem::Form)),
        (Draft { rows: u64::MAX, ..good.clone() }, field("rows", Problem::Range)),
        (Draft { k: 9, ..good.clone() }, field("k", Problem::Range)),
        (Draft { report: "{".to_owned(), ..good.clone() }, field("report", Problem::Form)),
        (Draft { report: format!("\"{}\"", "a".repeat(4_000_000)), ..good.clone() }, field("report", Problem::TooLong)),
    ] {
        assert_refused(world.workspace.assessed(job, &draft, world.now).await, &refused);
    }
    // What was refused has left the job as it was.
    world.workspace.assessed(job, &good, world.now).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn numbers_are_of_the_base_and_never_given_twice(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let project = world.project("Percorsi", &researcher()).await;
    let mut numbers = Vec::new();
    for base in ["asso-2026-06-30", "asso-2026-06-30", "isa-2026-06-30", "asso-2026-06-30"] {
        let new = NewRequest { base: base.parse().unwrap(), ..wanted() };
        let request = world.ask(project, &researcher(), &new).await.unwrap();
        world.accept(request).await.unwrap();
        numbers.push(world.building(request).await.to_string());
        // What becomes of it does not free the number.
        workspace.refuse(request, &officer(), "Una prova", now).await.unwrap();
    }
    assert_eq!(numbers, ["asso-2026-06-30-01", "asso-2026-06-30-02", "isa-2026-06-30-01", "asso-2026-06-30-03"]);
}

#[rstest]
#[tokio::test]
async fn what_failed_is_built_again_under_its_id(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let project = world.project("Percorsi", &researcher()).await;
    let request = world.ask(project, &researcher(), &wanted()).await.unwrap();
    let job = world.accept(request).await.unwrap();
    let release = world.building(request).await;
    workspace.take_job(now).await.unwrap();
    workspace.fail(job, "too-few-people", now).await.unwrap();
    let problem = "too-few-people".to_owned();
    assert_eq!(world.state(request).await, State::Failed { release: release.clone(), problem });
    let again = world.accept(request).await.unwrap();
    assert_ne!(again, job);
    assert_eq!(world.building(request).await, release);
    assert_eq!(workspace.take_job(now).await.unwrap().unwrap().id, again);
    workspace.assessed(again, &draft(&release), now).await.unwrap();
    let acts: Vec<Act> = workspace.history(request).await.unwrap().into_iter().map(|event| event.act).collect();
    assert_eq!(acts, [Act::Requested, Act::Accepted, Act::Failed, Act::Accepted, Act::Assessed]);
}

#[rstest]
#[tokio::test]
async fn a_request_may_be_refused_until_it_is_published(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let project = world.project("Percorsi", &researcher()).await;
    let request = world.ask(project, &researcher(), &wanted()).await.unwrap();
    let job = world.accept(request).await.unwrap();
    let release = world.building(request).await;
    workspace.take_job(now).await.unwrap();
    workspace.refuse(request, &officer(), "Non serve più", now).await.unwrap();
    let state = State::Refused { by: officer(), reason: "Non serve più".to_owned(), at: now };
    assert_eq!(world.state(request).await, state);
    // The builder comes too late, and nobody takes the job up again.
    assert_refused(workspace.assessed(job, &draft(&release), now).await, &Refused::JobNotUnderWay);
    assert_eq!(workspace.take_job(now).await.unwrap(), None);
    assert_eq!(workspace.jobs(10).await.unwrap()[0].state, JobState::Dropped { at: now });
    assert_eq!(world.state(request).await, state);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Accept,
    Refuse,
    Approve,
    Publish,
    Withdraw,
    Assessed,
    Fail,
}

impl Step {
    const ALL: [Self; 7] =
        [Self::Accept, Self::Refuse, Self::Approve, Self::Publish, Self::Withdraw, Self::Assessed, Self::Fail];

    /// Where a request may be for this, as the rules have it.
    fn possible(self) -> &'static [StateKind] {
        use StateKind::*;
        match self {
            Self::Accept => &[Requested, Failed],
            Self::Refuse => &[Requested, Building, Failed, Assessed],
            Self::Approve | Self::Publish => &[Assessed],
            Self::Withdraw => &[Published],
            Self::Assessed | Self::Fail => &[Building],
        }
    }
}

/// A request in a state, with two approvals where it has a draft, its last job and the id fixed for it.
async fn in_state(world: &mut World, project: ProjectId, kind: StateKind) -> (RequestId, JobId, ReleaseId) {
    let (workspace, now) = (world.workspace.clone(), world.now);
    let request = world.ask(project, &researcher(), &wanted()).await.unwrap();
    let never: ReleaseId = "asso-2026-06-30-99".parse().unwrap();
    if kind == StateKind::Requested {
        return (request, JobId(Uuid::nil()), never);
    }
    let job = world.accept(request).await.unwrap();
    let release = world.building(request).await;
    assert_eq!(workspace.take_job(now).await.unwrap().unwrap().id, job);
    match kind {
        StateKind::Requested | StateKind::Building => {}
        StateKind::Failed => workspace.fail(job, "too-few-people", now).await.unwrap(),
        StateKind::Refused => workspace.refuse(request, &officer(), "No", now).await.unwrap(),
        StateKind::Assessed | StateKind::Published | StateKind::Withdrawn => {
            workspace.assessed(job, &draft(&release), now).await.unwrap();
            for officer in [officer(), second_officer()] {
                workspace.approve(request, &officer, &draft(&release).sha256, now).await.unwrap();
            }
        }
    }
    if matches!(kind, StateKind::Published | StateKind::Withdrawn) {
        world.publish(request).await.unwrap();
    }
    if kind == StateKind::Withdrawn {
        workspace.withdraw(&release, &officer(), "Un errore", now).await.unwrap();
    }
    (request, job, release)
}

#[rstest]
#[tokio::test]
async fn every_act_is_refused_outside_its_states(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let project = world.project("Percorsi", &researcher()).await;
    for state in StateKind::ALL {
        for step in Step::ALL {
            let (request, job, release) = in_state(&mut world, project, state).await;
            let before = (world.state(request).await, workspace.history(request).await.unwrap());
            assert_eq!(before.0.kind(), state);
            let rows_before = workspace.register().await.unwrap().len();
            let hash = draft(&release).sha256;
            let done = match step {
                Step::Accept => world.accept(request).await.map(drop),
                Step::Refuse => workspace.refuse(request, &officer(), "No", now).await,
                Step::Approve => workspace.approve(request, &someone("Elio Gialli"), &hash, now).await,
                Step::Publish => world.publish(request).await.map(drop),
                Step::Withdraw => workspace.withdraw(&release, &officer(), "No", now).await,
                Step::Assessed => workspace.assessed(job, &draft(&release), now).await,
                Step::Fail => workspace.fail(job, "no", now).await,
            };
            let after = (world.state(request).await, workspace.history(request).await.unwrap());
            if step.possible().contains(&state) {
                assert!(done.is_ok(), "{step:?} while {state:?}: {done:?}");
                assert_ne!(after, before, "{step:?} while {state:?}");
                assert_eq!(after.1.len(), before.1.len() + 1, "{step:?} while {state:?}: one event");
            } else {
                let expected = match (step, state) {
                    // Before it is accepted a request has neither an id of a release nor a job.
                    (Step::Withdraw | Step::Assessed | Step::Fail, StateKind::Requested) => {
                        matches!(done, Err(WorkspaceError::NotFound("release" | "job")))
                    }
                    (Step::Assessed | Step::Fail, _) => {
                        matches!(done, Err(WorkspaceError::Refused(Refused::JobNotUnderWay)))
                    }
                    _ => matches!(done, Err(WorkspaceError::Refused(Refused::NotNow(kind))) if kind == state),
                };
                assert!(expected, "{step:?} while {state:?}: {done:?}");
                assert_eq!(after, before, "{step:?} while {state:?}");
                assert_eq!(workspace.register().await.unwrap().len(), rows_before, "{step:?} while {state:?}");
            }
            // Leaves nothing for the next pair's builder.
            if world.state(request).await.kind() == StateKind::Building {
                workspace.refuse(request, &officer(), "Una prova", now).await.unwrap();
            }
        }
    }
    assert_eq!(workspace.verify_register().await.unwrap().problem, None);
}

#[rstest]
#[tokio::test]
async fn of_two_who_act_at_once_one_succeeds(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (here, now, today) = (world.workspace.clone(), world.now, world.today);
    let there = world.opened_again().await;
    let project = world.project("Percorsi", &researcher()).await;
    for _ in 0..5 {
        let (request, draft) = world.assessed(project, &researcher()).await;
        let (anna, hash) = (officer(), draft.sha256);
        let twice = tokio::join!(here.approve(request, &anna, &hash, now), there.approve(request, &anna, &hash, now));
        let (done, refused) = if twice.0.is_ok() { twice } else { (twice.1, twice.0) };
        done.unwrap();
        assert_refused(refused, &Refused::ApprovedAlready);
        let (dario, elio) = (second_officer(), someone("Elio Gialli"));
        let both = tokio::join!(here.approve(request, &dario, &hash, now), there.approve(request, &elio, &hash, now));
        both.0.unwrap();
        both.1.unwrap();
        let licence = licence();
        let ends =
            tokio::join!(here.publish(request, &anna, &licence, today, now), there.refuse(request, &dario, "No", now),);
        match ends {
            (Ok(_), refused) => assert_refused(refused, &Refused::NotNow(StateKind::Published)),
            (refused, done) => {
                done.unwrap();
                assert_refused(refused, &Refused::NotNow(StateKind::Refused));
            }
        }
    }
    assert_eq!(here.verify_register().await.unwrap().problem, None);
}

/// On PostgreSQL two who do not wait for each other's turn still meet at the key of the table and at the guard of the state.
#[tokio::test]
async fn the_guards_hold_without_the_turn() {
    let mut world = World::new(Kind::Postgres).await;
    let project = world.project("Percorsi", &researcher()).await;
    let (request, draft) = world.assessed(project, &researcher()).await;
    let intruder = world.intruder().await;
    let approval = format!(
        "begin; insert into approvals values ('{request}', '{}', '{}', 'x', now())",
        draft.sha256,
        officer().account
    );
    intruder.execute_unprepared(&approval).await.unwrap();
    let workspace = world.workspace.clone();
    let now = world.now;
    let waiting = tokio::spawn(async move { workspace.approve(request, &officer(), &draft.sha256, now).await });
    until_blocked(&world, &waiting).await;
    intruder.execute_unprepared("commit").await.unwrap();
    assert_refused(waiting.await.unwrap(), &Refused::ApprovedAlready);

    intruder
        .execute_unprepared(&format!(
            "begin; update requests set state = 'refused', ended_at = now(), ended_by = id, ended_name = 'x', \
             ended_reason = 'x' where id = '{request}'"
        ))
        .await
        .unwrap();
    let workspace = world.workspace.clone();
    let waiting =
        tokio::spawn(async move { workspace.publish(request, &officer(), &licence(), on(2026, 11, 29), now).await });
    until_blocked(&world, &waiting).await;
    intruder.execute_unprepared("commit").await.unwrap();
    assert_refused(waiting.await.unwrap(), &Refused::NotNow(StateKind::Refused));
}

/// Waits until a task waits for another's row, or has ended without.
async fn until_blocked<T>(world: &World, task: &tokio::task::JoinHandle<T>) {
    let watcher = world.intruder().await;
    let sql = "select 1 as one from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let asked = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    while watcher.query_one_raw(asked.clone()).await.unwrap().is_none() && !task.is_finished() {
        tokio::task::yield_now().await;
    }
}
