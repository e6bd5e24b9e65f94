//! The workspace as people use it: an officer, members of two projects, the builder, managers of two Enti; and somebody who
//! writes to the database behind everybody's back.

mod database;
mod editions;
mod forgetting;
mod groups;
mod jobs;
mod projects;
mod queries;
mod register;
mod reports;
mod requests;
mod snapshots;
mod views;
mod visits;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use domain::feed::EnteId;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use test_database::{Kind, TestDatabase};
use uuid::Uuid;

use crate::*;

/// A workspace of its own, with a clock that stands still and a project with one member.
struct World {
    database: TestDatabase,
    workspace: Workspace,
    chance: ChaCha20Rng,
    now: DateTime<Utc>,
    today: NaiveDate,
    kind: Kind,
}

fn on(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn someone(name: &str) -> Person {
    // The same name is the same account.
    let mut bytes = [0; 16];
    bytes[..name.len().min(16)].copy_from_slice(&name.as_bytes()[..name.len().min(16)]);
    Person { account: Uuid::from_bytes(bytes), name: name.to_owned() }
}

fn officer() -> Person {
    someone("Carla Neri")
}

fn second_officer() -> Person {
    someone("Dario Blu")
}

fn researcher() -> Person {
    someone("Anna Verdi")
}

fn pordenone() -> EnteId {
    EnteId(Uuid::from_u128(1))
}

fn sacile() -> EnteId {
    EnteId(Uuid::from_u128(2))
}

/// Who reads dashboards in an Ente.
fn manager() -> Person {
    someone("Elsa Bruni")
}

fn second_manager() -> Person {
    someone("Fabio Rosa")
}

fn written(title: &str) -> NewReport {
    let texts = [(INTRODUCTION, "Il territorio nel 2025.\nSeconda riga."), ("bisogni", "Crescono.")];
    NewReport {
        title: title.to_owned(),
        strumento: "asso".to_owned(),
        period: "2025".to_owned(),
        chapters: vec!["bisogni".to_owned(), "percorsi".to_owned()],
        texts: texts.map(|(part, text)| (part.to_owned(), text.to_owned())).into(),
    }
}

fn every_month(next_on: NaiveDate) -> Option<Schedule> {
    Some(Schedule { every: Every::Month, next_on })
}

fn edition(content: &str, next_on: NaiveDate) -> NewEdition {
    NewEdition { version: 7, content: content.as_bytes().to_vec(), next_on }
}

fn terms(title: &str) -> NewProject {
    NewProject {
        title: title.to_owned(),
        purpose: "Capire che cosa aiuta".to_owned(),
        institution: "Università di Udine".to_owned(),
        responsible: "Prof. Bruna Rossi".to_owned(),
        ethics: "Parere favorevole del 3 settembre 2026".to_owned(),
        starts_on: on(2026, 10, 1),
        ends_on: on(2027, 9, 30),
        undertaking_on: Some(on(2026, 9, 15)),
    }
}

fn wanted() -> NewRequest {
    NewRequest {
        base: "asso-2026-06-30".parse().unwrap(),
        columns: vec!["eta".to_owned(), "provincia".to_owned(), "profilo".to_owned()],
        k: 5,
        coarser: BTreeMap::from([("eta".to_owned(), 1)]),
        reason: "Serve alla tesi".to_owned(),
    }
}

fn licence() -> Terms {
    Terms {
        licence: "CC BY 4.0".to_owned(),
        citation: "Comune di Pordenone, 2026".to_owned(),
        expires_on: on(2027, 6, 30),
    }
}

fn draft(release: &ReleaseId) -> Draft {
    Draft { release: release.clone(), sha256: "0a".repeat(32), rows: 1_804, k: 6, report: "{\"k\":6}".to_owned() }
}

fn place(database: &TestDatabase) -> Place {
    match database.place() {
        test_database::Place::File(file) => Place::File(file.clone()),
        test_database::Place::Server { owner, .. } => Place::Server(owner.clone()),
    }
}

/// Refused, and for this reason.
#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, WorkspaceError>, expected: &Refused) {
    match result {
        Err(WorkspaceError::Refused(refused)) if refused == *expected => {}
        other => panic!("expected {expected:?}, found {other:?}"),
    }
}

#[track_caller]
fn assert_not_found<T: std::fmt::Debug>(result: Result<T, WorkspaceError>, expected: &str) {
    match result {
        Err(WorkspaceError::NotFound(what)) if what == expected => {}
        other => panic!("expected no {expected}, found {other:?}"),
    }
}

/// An Ente's thing that is not there, or not for this account.
#[track_caller]
fn assert_absent<T: std::fmt::Debug>(result: Result<T, EnteError>, expected: &str) {
    match result {
        Err(EnteError::NotFound(what)) if what == expected => {}
        other => panic!("expected no {expected}, found {other:?}"),
    }
}

#[track_caller]
fn assert_field<T: std::fmt::Debug>(result: Result<T, EnteError>, expected: &str, why: Problem) {
    match result {
        Err(EnteError::Field { field, problem }) if field == expected && problem == why => {}
        other => panic!("expected {why:?} in {expected}, found {other:?}"),
    }
}

#[track_caller]
fn assert_conflict<T: std::fmt::Debug>(result: Result<T, EnteError>, expected: i64) {
    match result {
        Err(EnteError::Conflict { present }) if present == expected => {}
        other => panic!("expected a conflict with {expected}, found {other:?}"),
    }
}

fn field(field: &'static str, problem: Problem) -> Refused {
    Refused::Field { field, problem }
}

impl World {
    async fn new(kind: Kind) -> Self {
        let database = TestDatabase::new(kind);
        let workspace = Workspace::open(&place(&database)).await.unwrap();
        Self {
            database,
            workspace,
            chance: ChaCha20Rng::seed_from_u64(42),
            now: Utc.with_ymd_and_hms(2026, 11, 29, 9, 0, 0).unwrap(),
            today: on(2026, 11, 29),
            kind,
        }
    }

    /// The workspace as another process has it.
    async fn opened_again(&self) -> Workspace {
        Workspace::open(&place(&self.database)).await.unwrap()
    }

    /// Whoever can read and write every row.
    async fn intruder(&self) -> DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(self.database.intruder());
        options.max_connections(1).sqlx_logging(false);
        sea_orm::Database::connect(options).await.unwrap()
    }

    /// What only who owns the tables can do.
    async fn drop_trigger(&self, intruder: &DatabaseConnection, table: &str, act: &str) {
        let on_table = if self.kind == Kind::Postgres { format!(" on {table}") } else { String::new() };
        intruder.execute_unprepared(&format!("drop trigger {table}_no_{act}{on_table}")).await.unwrap();
    }

    /// An active project with one member.
    async fn project(&mut self, title: &str, member: &Person) -> ProjectId {
        let id = self.workspace.create_project(&officer(), &terms(title), self.now, &mut self.chance).await.unwrap();
        self.workspace.add_member(id, member, &officer(), self.now).await.unwrap();
        id
    }

    async fn ask(&mut self, project: ProjectId, by: &Person, new: &NewRequest) -> Result<RequestId, WorkspaceError> {
        self.workspace.ask(project, by, new, self.today, self.now, &mut self.chance).await
    }

    async fn accept(&mut self, request: RequestId) -> Result<JobId, WorkspaceError> {
        self.workspace.accept(request, &officer(), self.now, &mut self.chance).await
    }

    async fn publish(&self, request: RequestId) -> Result<ReleaseId, WorkspaceError> {
        self.workspace.publish(request, &officer(), &licence(), self.today, self.now).await
    }

    async fn save_view(&mut self, ente: EnteId, by: &Person, title: &str, address: &str) -> Result<ViewId, EnteError> {
        self.workspace.save_view(ente, by, title, address, self.now, &mut self.chance).await
    }

    async fn report(&mut self, ente: EnteId, new: &NewReport) -> Result<ReportId, EnteError> {
        self.workspace.create_report(ente, &manager(), new, self.now, &mut self.chance).await
    }

    /// A report of which an edition is due today, each month.
    async fn scheduled(&mut self, ente: EnteId, title: &str) -> ReportId {
        let id = self.report(ente, &written(title)).await.unwrap();
        self.workspace.schedule_report(ente, id, every_month(self.today)).await.unwrap();
        id
    }

    async fn issue(&mut self, ente: EnteId, report: ReportId, new: NewEdition) -> Result<Issued, EnteError> {
        self.workspace.issue(ente, report, new, self.now, &mut self.chance).await
    }

    /// An edition that was made.
    async fn issued(&mut self, ente: EnteId, report: ReportId, new: NewEdition) -> EditionId {
        match self.issue(ente, report, new).await.unwrap() {
            Issued::Made(id) => id,
            Issued::Already => panic!("nothing was made"),
        }
    }

    async fn state(&self, request: RequestId) -> State {
        self.workspace.request(request).await.unwrap().state
    }

    /// The id fixed for a request that is being built.
    async fn building(&self, request: RequestId) -> ReleaseId {
        let state = self.state(request).await;
        let State::Building { release } = state else { panic!("{state:?}") };
        release
    }

    /// A request with a draft that nobody has approved; its draft.
    async fn assessed(&mut self, project: ProjectId, by: &Person) -> (RequestId, Draft) {
        let request = self.ask(project, by, &wanted()).await.unwrap();
        let job = self.accept(request).await.unwrap();
        let draft = draft(&self.building(request).await);
        assert_eq!(self.workspace.take_job(self.now).await.unwrap().unwrap().id, job);
        self.workspace.assessed(job, &draft, self.now).await.unwrap();
        (request, draft)
    }

    async fn approved(&mut self, project: ProjectId, by: &Person) -> (RequestId, Draft) {
        let (request, draft) = self.assessed(project, by).await;
        for officer in [officer(), second_officer()] {
            self.workspace.approve(request, &officer, &draft.sha256, self.now).await.unwrap();
        }
        (request, draft)
    }

    async fn published(&mut self, project: ProjectId, by: &Person) -> (RequestId, ReleaseId) {
        let (request, _) = self.approved(project, by).await;
        (request, self.publish(request).await.unwrap())
    }
}

/// Pages are served from many threads: what the workspace promises must be able to cross them.
#[test]
fn futures_can_cross_threads() {
    fn check<T: Send>(_: impl Fn(&'static Workspace) -> T) {}
    check(|workspace| async {
        let mut chance = ChaCha20Rng::seed_from_u64(0);
        let (now, today) = (DateTime::UNIX_EPOCH, NaiveDate::MIN);
        let project = workspace.create_project(&officer(), &terms("Prova"), now, &mut chance).await?;
        let request = workspace.ask(project, &officer(), &wanted(), today, now, &mut chance).await?;
        workspace.accept(request, &officer(), now, &mut chance).await?;
        workspace.take_job(now).await?;
        workspace.publish(request, &officer(), &licence(), today, now).await?;
        workspace.releases_of(Uuid::nil(), today).await?;
        workspace.verify_register().await?;
        Ok::<(), WorkspaceError>(())
    });
    check(|workspace| async {
        let mut chance = ChaCha20Rng::seed_from_u64(0);
        let (now, ente, account) = (DateTime::UNIX_EPOCH, pordenone(), Uuid::nil());
        let visit = Visit { ente, account, page: "quadro", strumento: "asso" };
        workspace.see(&visit, 1, "{}", now).await?;
        workspace.seen(&visit, 1).await?;
        let view = workspace.save_view(ente, &manager(), "Prova", "/cruscotti/quadro", now, &mut chance).await?;
        workspace.view(ente, account, view).await?;
        let report = workspace.create_report(ente, &manager(), &written("Prova"), now, &mut chance).await?;
        workspace.update_report(ente, report, 1, &written("Prova"), &manager(), now).await?;
        workspace.issue(ente, report, edition("{}", NaiveDate::MIN), now, &mut chance).await?;
        workspace.unread(ente, account).await?;
        workspace.forget_ente(ente).await?;
        Ok::<(), EnteError>(())
    });
}
