//! The builder, and workers that end under their work.

use super::*;

fn order() -> BaseOrder {
    BaseOrder {
        instrument: domain::instrument::Id::parse("asso").unwrap(),
        entered_by: on(2026, 9, 30),
        cutoff: on(2026, 6, 30),
        k: 5,
    }
}

#[rstest]
#[tokio::test]
async fn jobs_are_done_in_the_order_in_which_they_were_queued(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    assert_eq!(workspace.take_job(now).await.unwrap(), None);
    let too_fine = BaseOrder { k: 4, ..order() };
    let refused = workspace.queue_base(&officer(), &too_fine, now, &mut world.chance).await;
    assert_refused(refused, &field("k", Problem::Range));
    let base = workspace.queue_base(&officer(), &order(), now, &mut world.chance).await.unwrap();
    let project = world.project("Percorsi", &researcher()).await;
    let request = world.ask(project, &researcher(), &wanted()).await.unwrap();
    let job = world.accept(request).await.unwrap();
    let (asso, isa): (BaseId, BaseId) = (wanted().base, "isa-2026-06-30".parse().unwrap());

    assert_refused(workspace.base_built(base, &asso, now).await, &Refused::JobNotUnderWay);
    let taken = workspace.take_job(now).await.unwrap().unwrap();
    assert_eq!((taken.id, taken.work, taken.taken), (base, Work::Base(order()), 1));
    assert_eq!((taken.by, taken.state), (officer(), JobState::Started { at: now }));
    assert_refused(workspace.base_built(base, &isa, now).await, &Refused::OtherWork);
    let release = world.building(request).await;
    assert_refused(workspace.assessed(base, &draft(&release), now).await, &Refused::OtherWork);
    workspace.base_built(base, &asso, now).await.unwrap();
    assert_refused(workspace.base_built(base, &asso, now).await, &Refused::JobNotUnderWay);
    assert_not_found(workspace.base_built(JobId(Uuid::nil()), &asso, now).await, "job");

    assert_eq!(workspace.take_job(now).await.unwrap().unwrap().id, job);
    assert_refused(workspace.base_built(job, &asso, now).await, &Refused::OtherWork);
    workspace.assessed(job, &draft(&release), now).await.unwrap();
    assert_eq!(workspace.take_job(now).await.unwrap(), None);
    let jobs = workspace.jobs(10).await.unwrap();
    let told: Vec<_> = jobs.into_iter().map(|job| (job.id, job.state)).collect();
    let done = |made: String| JobState::Done { at: now, made };
    assert_eq!(told, [(job, done(release.to_string())), (base, done(asso.to_string()))]);
    assert_eq!(workspace.jobs(1).await.unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_job_whose_workers_end_is_given_out_three_times(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, now) = (world.workspace.clone(), world.now);
    let project = world.project("Percorsi", &researcher()).await;
    let request = world.ask(project, &researcher(), &wanted()).await.unwrap();
    let job = world.accept(request).await.unwrap();
    let release = world.building(request).await;
    let base = workspace.queue_base(&officer(), &order(), now, &mut world.chance).await.unwrap();
    for taken in 1..=TAKEN_MAX {
        // Nothing comes back, and the next worker asks.
        let found = workspace.take_job(now).await.unwrap().unwrap();
        assert_eq!((found.id, found.taken), (job, taken));
    }
    assert_eq!(workspace.take_job(now).await.unwrap().unwrap().id, base, "the next one's turn has come");
    let problem = GAVE_UP.to_owned();
    assert_eq!(world.state(request).await, State::Failed { release: release.clone(), problem: problem.clone() });
    assert_eq!(workspace.jobs(10).await.unwrap()[1].state, JobState::Failed { at: now, problem });
    // The last of the three was only slow.
    assert_refused(workspace.assessed(job, &draft(&release), now).await, &Refused::JobNotUnderWay);
    assert_refused(workspace.fail(base, " ", now).await, &field("problem", Problem::Missing));
    workspace.fail(base, "nobody", now).await.unwrap();
    assert_eq!(workspace.take_job(now).await.unwrap(), None);
}
