//! Extractions with names: whose rows they hold, who may ask, how long they last, what takes them away.

use super::*;
use crate::AuditFilter as Filter;

fn request(tables: &[&str]) -> IdentifiedRequest {
    IdentifiedRequest {
        instrument: id("asso"),
        from: 2026,
        until: 2026,
        tables: tables.iter().map(|&table| table.to_owned()).collect(),
        format: "csv".to_owned(),
        reason: " Verifica dei fascicoli ".to_owned(),
        only: Narrowing::default(),
    }
}

impl World {
    /// The operator of a town, who may extract with names and reaches so far.
    pub(super) async fn extractor(&mut self, town: &Town, reach: Reach) -> EnteScope {
        let granted = [Right::ExtractIdentified].into();
        let change = AccountChange { display_name: "operatrice".into(), unita: None, reach, granted };
        self.store.update_account(&town.command_line, town.account, &change, self.now).await.unwrap();
        self.login(&town.code, "operatrice").await.session.scope(Right::ExtractIdentified).unwrap()
    }

    pub(super) async fn begun(&mut self, scope: &EnteScope) -> Result<IdentifiedJob, StoreError> {
        self.store.begin_identified(scope, request(&["persone"]), self.now, &mut self.chance).await
    }

    /// One of two pieces and three rows, ready.
    pub(super) async fn ready(&mut self, scope: &EnteScope) -> ExtractionId {
        let mut job = self.begun(scope).await.unwrap();
        for piece in [b"first ", b"second"] {
            job.keep(piece, 1, 3, self.now, &mut self.chance).await.unwrap();
        }
        let id = job.id();
        let rows = BTreeMap::from([("persone".to_owned(), 3)]);
        job.finish(rows, self.now, &mut self.chance).await.unwrap();
        id
    }

    async fn told(&self, town: &Town, action: &str) -> Vec<crate::AuditEntry> {
        let filter = Filter { action: Some(action.to_owned()), ..Filter::default() };
        self.store.audit(&town.command_line, &filter, 100, self.now).await.unwrap()
    }
}

fn is_gone<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::NotFound("extraction"))), "{outcome:?}");
}

#[rstest]
#[tokio::test]
async fn it_is_of_who_counts_and_is_reached(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let mut persone = Vec::new();
    for surname in ["Contata", "Limitata", "Unita", "Annullata", "Altrui"] {
        let persona = world.persona(&town, surname, "Prova").await;
        let assessment = world.validated(&town, persona, &asso).await;
        persone.push((persona, assessment));
    }
    let [counted, restricted, merged, annulled, others] = persone[..] else { panic!("five were made") };
    let other_year = world.persona(&town, "Mai", "Valutata").await;
    let (store, now) = (world.store.clone(), world.now);
    store.restrict_persona(&town.administrator, restricted.0, "prova", now, &mut world.chance).await.unwrap();
    store.merge_persone(&town.operator, merged.0, counted.0, "doppione", now, &mut world.chance).await.unwrap();
    store.annul(&town.operator, annulled.1, "errore", now, &mut world.chance).await.unwrap();

    let scope = world.extractor(&town, Reach::Ente).await;
    let job = world.begun(&scope).await.unwrap();
    assert_eq!(job.request().reason, "Verifica dei fascicoli");
    assert_eq!(job.everybody().iter().collect::<BTreeSet<_>>(), [&counted.0, &others.0].into());
    assert!(!job.everybody().contains(&other_year));
    let found = job.assessments(0, 10).await.unwrap();
    let whose: BTreeSet<_> = found.iter().map(|one| (one.id, one.persona)).collect();
    assert_eq!(whose, [(counted.1, counted.0), (merged.1, counted.0), (others.1, others.0)].into(), "as who goes on");
    assert_eq!(job.count_assessments(), 3);
    assert_eq!(job.assessments(1, 1).await.unwrap()[0].id, found[1].id);
    assert!(job.assessments(3, 1).await.unwrap().is_empty());
    let all = [counted.0, restricted.0, others.0, other_year].into();
    let names: BTreeSet<_> = job.persone(&all).await.unwrap().into_iter().map(|one| one.data.surname).collect();
    assert_eq!(names, ["Contata".to_owned(), "Altrui".to_owned()].into(), "nobody whom the request does not mean");
    let id = job.id();
    store.delete_identified(&scope, id, now).await.unwrap();

    // Whoever reaches own cases alone takes out those alone.
    let own = store.command_line(town.id, "prova", "test", now).await.unwrap();
    let follows = Follows { account: None, unita: None };
    store.assign_persona(&own, others.0, follows, now).await.unwrap();
    let scope = world.extractor(&town, Reach::Own).await;
    let job = world.begun(&scope).await.unwrap();
    assert_eq!(job.everybody(), [counted.0]);
}

#[rstest]
#[tokio::test]
async fn it_asks_for_the_right_a_reason_and_its_turn(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let other = world.town("udine").await;
    for scope in [&town.operator, &town.administrator] {
        let refused = world.begun(scope).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(Refused::NotAllowed(Right::ExtractIdentified))));
    }
    let command_line = town.command_line.clone();
    let refused = world.begun(&command_line).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refused::NotAllowed(_) | Refused::NeedsAccount)), "{refused}");
    let scope = world.extractor(&town, Reach::Ente).await;
    let (store, now) = (world.store.clone(), world.now);
    let silent = IdentifiedRequest { reason: "  ".to_owned(), ..request(&["persone"]) };
    let refused = store.begin_identified(&scope, silent, now, &mut world.chance).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refused::ReasonMissing)));
    assert!(store.identified_extractions(&scope, now).await.unwrap().is_empty());

    let job = world.begun(&scope).await.unwrap();
    let refused = world.begun(&scope).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refused::ExtractionUnderWay)));
    let foreign = world.extractor(&other, Reach::Ente).await;
    let id = job.id();
    is_gone(store.identified_extraction(&foreign, id, now).await);
    is_gone(store.take_identified(&foreign, id, now).await);
    is_gone(store.delete_identified(&foreign, id, now).await);
    world.begun(&foreign).await.unwrap();

    // Nobody has worked on it for two minutes: the program that made it has ended.
    job.tell(40, 100, now).await.unwrap();
    let state = |one: IdentifiedExtraction| one.state;
    let running = store.identified_extraction(&scope, id, now).await.unwrap();
    assert_eq!(state(running), IdentifiedState::Running { read: 40, of: 100 });
    world.pass(Duration::minutes(2));
    let interrupted = store.identified_extraction(&scope, id, world.now).await.unwrap();
    assert_eq!(state(interrupted), IdentifiedState::Interrupted);
    world.begun(&scope).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn the_file_is_kept_for_seven_days_and_every_step_is_told(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let persona = world.persona(&town, "Verdi", "Anna").await;
    world.validated(&town, persona, &instrument("asso")).await;
    let scope = world.extractor(&town, Reach::Ente).await;
    let id = world.ready(&scope).await;
    let store = world.store.clone();
    let found = store.identified_extraction(&scope, id, world.now).await.unwrap();
    assert_eq!(found.asked_by.map(|by| by.id), Some(town.account));
    let rows = BTreeMap::from([("persone".to_owned(), 3)]);
    assert_eq!(found.state, IdentifiedState::Ready { rows, bytes: 12 });
    world.pass(Duration::days(7) - Duration::seconds(1));
    assert_eq!(store.take_identified(&scope, id, world.now).await.unwrap(), b"first second");
    let told = world.told(&town, "identified_extraction").await;
    let lines: Vec<(&str, Option<&str>)> =
        told.iter().rev().map(|entry| (entry.action.as_str(), entry.detail.as_deref())).collect();
    assert_eq!(
        lines,
        [
            ("identified_extraction.request", Some("asso 2026-2026 csv persone; Verifica dei fascicoli")),
            ("identified_extraction.persone", None),
            ("identified_extraction.ready", Some("rows persone=3 bytes=12")),
            ("identified_extraction.download", Some("asso 2026-2026 csv persone rows persone=3 bytes=12")),
        ]
    );
    let about = Filter { subject: Some(persona.0), action: Some("identified_extraction".into()), ..Filter::default() };
    let seen = store.audit(&town.command_line, &about, 10, world.now).await.unwrap();
    assert_eq!(seen.len(), 1, "who asks who has seen a persona finds the extraction");
    world.pass(Duration::seconds(1));
    is_gone(store.take_identified(&scope, id, world.now).await);
    is_gone(store.identified_extraction(&scope, id, world.now).await);
    assert!(store.identified_extractions(&scope, world.now).await.unwrap().is_empty());
    let rows = rows_of(&world).await;
    assert_eq!(rows, (0, 0), "swept with the list");
}

/// Extractions and pieces in the tables.
async fn rows_of(world: &World) -> (u64, u64) {
    use sea_orm::{EntityTrait, PaginatorTrait};
    let connection = &world.intruder().await;
    (
        crate::tables::identified_extractions::Entity::find().count(connection).await.unwrap(),
        crate::tables::identified_extraction_pieces::Entity::find().count(connection).await.unwrap(),
    )
}

#[rstest]
#[tokio::test]
async fn whoever_is_erased_or_restricted_takes_the_files_away(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let mut persone = Vec::new();
    for surname in ["Prima", "Seconda"] {
        let persona = world.persona(&town, surname, "Prova").await;
        world.validated(&town, persona, &asso).await;
        persone.push(persona);
    }
    let scope = world.extractor(&town, Reach::Ente).await;
    let store = world.store.clone();
    for (place, persona) in persone.into_iter().enumerate() {
        let kept = world.ready(&scope).await;
        let mut running = world.begun(&scope).await.unwrap();
        running.keep(b"piece", 1, 2, world.now, &mut world.chance).await.unwrap();
        let (privacy, now) = (&town.command_line, world.now);
        if place == 0 {
            store.restrict_persona(privacy, persona, "prova", now, &mut world.chance).await.unwrap();
        } else {
            store.erase_persona(privacy, persona, ErasureGround::Request, now, &mut world.chance).await.unwrap();
        }
        is_gone(store.take_identified(&scope, kept, now).await);
        is_gone(running.keep(b"piece", 2, 2, now, &mut world.chance).await);
        is_gone(running.tell(2, 2, now).await);
        is_gone(running.finish(BTreeMap::new(), now, &mut world.chance).await);
        assert_eq!(rows_of(&world).await, (0, 0));
        let told = world.told(&town, "identified_extraction.withdraw").await;
        assert_eq!((told.len(), told[0].subjects.len()), (place + 1, 2));
    }
}

#[rstest]
#[tokio::test]
async fn what_was_changed_is_not_given_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    use crate::tables::identified_extraction_pieces as pieces;
    use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait, QueryOrder, Set};
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let scope = world.extractor(&town, Reach::Ente).await;
    let id = world.ready(&scope).await;
    let (store, now) = (world.store.clone(), world.now);
    let intruder = world.intruder().await;
    let rows = pieces::Entity::find().order_by_asc(pieces::Column::Place).all(&intruder).await.unwrap();
    let damaged = |outcome: Result<Vec<u8>, StoreError>| {
        assert!(matches!(outcome, Err(StoreError::Damaged { .. })), "{outcome:?}");
    };
    let put = async |at: usize, sealed: Vec<u8>| {
        let mut row = rows[at].clone().into_active_model();
        row.sealed = Set(sealed);
        row.update(&intruder).await.unwrap();
    };
    let mut flipped = rows[0].sealed.clone();
    flipped[30] ^= 1;
    put(0, flipped).await;
    damaged(store.take_identified(&scope, id, now).await);
    put(0, rows[1].sealed.clone()).await;
    damaged(store.take_identified(&scope, id, now).await);
    put(0, rows[0].sealed.clone()).await;
    assert_eq!(store.take_identified(&scope, id, now).await.unwrap(), b"first second");
    rows[1].clone().delete(&intruder).await.unwrap();
    damaged(store.take_identified(&scope, id, now).await);
}

#[rstest]
#[tokio::test]
async fn a_failure_leaves_no_pieces(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let scope = world.extractor(&town, Reach::Ente).await;
    let mut job = world.begun(&scope).await.unwrap();
    let (store, now, id) = (world.store.clone(), world.now, job.id());
    job.keep(b"piece", 1, 2, now, &mut world.chance).await.unwrap();
    job.fail("too_large", now, &mut world.chance).await.unwrap();
    assert_eq!(rows_of(&world).await, (1, 0));
    let state = store.identified_extraction(&scope, id, now).await.unwrap().state;
    assert_eq!(state, IdentifiedState::Failed { problem: "too_large".to_owned() });
    is_gone(store.take_identified(&scope, id, now).await);
}

#[rstest]
#[tokio::test]
async fn it_can_be_of_one_operator_one_unita_one_level(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let (maria, anna) = (world.persona(&town, "Verdi", "Maria").await, world.persona(&town, "Neri", "Anna").await);
    let by_operator = world.validated(&town, maria, &asso).await;
    let unita = world.store.create_unita(&town.command_line, "Sacile", world.now, &mut world.chance).await.unwrap();
    let (store, now) = (world.store.clone(), world.now);
    let second = world.account(&town.command_line, "seconda", Role::Operator).await;
    let change =
        AccountChange { display_name: "Seconda".into(), unita: Some(unita), reach: Reach::Ente, granted: [].into() };
    store.update_account(&town.command_line, second, &change, now).await.unwrap();
    let colleague = world.login("pordenone", "seconda").await.session.scope(Right::Assess).unwrap();
    let entry = Entry {
        persona: anna,
        sheet: sheet(&asso, 3),
        assessed_on: on(2026, 11, 20),
        validation: confirmed(&asso),
        request: None,
    };
    let by_second = store.enter(&colleague, &entry, now, &mut world.chance).await.unwrap();
    let scope = world.extractor(&town, Reach::Ente).await;
    let level = |one: &Assessment| {
        let score = one.scores.iter().find(|score| score.level.is_some()).unwrap();
        (score.scale.clone(), score.level.clone().unwrap())
    };
    let of_second = store.assessment(&town.command_line, by_second, now).await.unwrap();
    let of_first = store.assessment(&town.command_line, by_operator, now).await.unwrap();
    assert_eq!(of_second.unita, Some(unita));
    let only = |operator, unita, level| Narrowing { operator, unita, level };
    for (only, expected, of_whom) in [
        (only(Some(second), None, None), vec![by_second], vec![anna]),
        (only(Some(town.account), None, None), vec![by_operator], vec![maria]),
        (only(None, Some(unita), None), vec![by_second], vec![anna]),
        (only(None, None, Some(level(&of_second))), vec![by_second], vec![anna]),
        (only(None, None, Some(level(&of_first))), vec![by_operator], vec![maria]),
        (only(Some(second), None, Some(level(&of_first))), vec![], vec![]),
    ] {
        let wanted = IdentifiedRequest { only: only.clone(), ..request(&["questionari"]) };
        let mut job = store.begin_identified(&scope, wanted, now, &mut world.chance).await.unwrap();
        job.keep_level().await.unwrap();
        let found: Vec<AssessmentId> = job.assessments(0, 100).await.unwrap().into_iter().map(|one| one.id).collect();
        assert_eq!((found, job.everybody().to_vec()), (expected, of_whom), "{only:?}");
        assert_eq!(job.unita().get(&unita).map(String::as_str), Some("Sacile"));
        job.finish(BTreeMap::new(), now, &mut world.chance).await.unwrap();
    }
    let kept = store.identified_extractions(&scope, now).await.unwrap();
    assert!(kept.iter().any(|one| one.operator.as_ref().is_some_and(|by| by.display_name == "Seconda")));
    assert!(kept.iter().any(|one| one.unita.as_deref() == Some("Sacile")));
    let told = world.told(&town, "identified_extraction.request").await;
    assert!(told.iter().any(|line| line.detail.as_ref().is_some_and(|it| it.contains(&format!("operator={second}")))));
}
