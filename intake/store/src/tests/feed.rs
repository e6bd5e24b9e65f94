//! Numbers without gaps, segments that follow the database, erasures that reach both, an audit that tells on who changes it.

use super::*;
use domain::feed::{Event, Segment, TALLY_FILE, Tally, What};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::tables::{audit, ente_counters};

pub(super) fn segments_of(world: &World, town: &Town, folder: &std::path::Path) -> Vec<Segment> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join(format!("ente={}", town.id)))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "segment"));
    files.sort();
    files.iter().map(|file| Segment::open(&std::fs::read(file).unwrap(), &world.pipeline).unwrap()).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_leave_no_gap_in_feed_or_audit(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let mut tasks = Vec::new();
    for at in 0..12 {
        let persona = world.persona(&town, "Verdi", &format!("Anna{at}")).await;
        let (draft, revision) = world.draft(&town, persona, &asso).await;
        let (store, scope, now, asso) = (world.store.clone(), town.operator.clone(), world.now, asso.clone());
        tasks.push(tokio::spawn(async move {
            let mut chance = ChaCha20Rng::seed_from_u64(at);
            store.validate(&scope, draft, revision, &confirmed(&asso), now, &mut chance).await.unwrap()
        }));
    }
    let mut made = BTreeSet::new();
    for task in tasks {
        made.insert(task.await.unwrap());
    }
    let events = world.events(&town).await;
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert_eq!(made.len(), 12);
    assert_eq!(world.store.last_seq(town.id).await.unwrap(), 12);
    let middle = world.store.events(town.id, 5, 3).await.unwrap();
    assert_eq!(middle.iter().map(|event| event.seq).collect::<Vec<_>>(), [6, 7, 8]);
    let verdict = world.store.audit_verify(&world.platform, Some(town.id), &[]).await.unwrap();
    assert_eq!(verdict.problem, None);
    assert!(verdict.lines > 36);
}

#[rstest]
#[tokio::test]
async fn an_erasure_reaches_events_and_segments(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let with_code = PersonaData { identifier: Some(stp(9)), ..data("Verdi", "Anna") };
    let (store, now) = (world.store.clone(), world.now);
    let anna = store.create_persona(&town.operator, &with_code, now, &mut world.chance).await.unwrap();
    let other = world.persona(&town, "Neri", "Ugo").await;
    let assessment = world.validated(&town, anna, &asso).await;
    let kept = world.validated(&town, other, &asso).await;
    let folder = tempfile::tempdir().unwrap();
    let pipeline = world.pipeline.sealing().clone();
    let first = store.export_segments(folder.path(), &pipeline, now, &mut world.chance).await.unwrap();
    assert_eq!(first, Exported { events: 2, segments: 1, rewritten: 0 });
    let nothing = store.export_segments(folder.path(), &pipeline, now, &mut world.chance).await.unwrap();
    assert_eq!(nothing, Exported::default());
    let What::Validated(told) = &segments_of(&world, &town, folder.path())[0].events()[0].what.clone() else {
        panic!("validated")
    };
    let link = told.link.clone().expect("a code that holds everywhere gives a link");
    assert_eq!(world.release.open(&hex::decode(&link.0).unwrap(), "link").unwrap().len(), 32);

    // The operator may not; the administrator may.
    let not_allowed = store.erase_persona(&town.operator, anna, ErasureGround::Request, now, &mut world.chance).await;
    assert!(matches!(not_allowed, Err(StoreError::Refused(Refused::NotAllowed(Right::Erase)))));
    store.erase_persona(&town.administrator, anna, ErasureGround::Request, now, &mut world.chance).await.unwrap();
    assert!(matches!(store.persona(&town.operator, anna, now).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.assessment(&town.operator, assessment, now).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.find_by_identifier(&town.operator, &local("PN-9"), now).await.unwrap(), None);
    assert!(store.find_by_name(&town.operator, "verdi", 9, now).await.unwrap().persone.is_empty());
    let events = world.events(&town).await;
    assert_eq!(events[0].what, What::Blank);
    assert!(matches!(&events[1].what, What::Validated(told) if told.id == kept));
    assert!(matches!(&events[2].what, What::Erased { person } if *person == told.person));

    let again = store.export_segments(folder.path(), &pipeline, now, &mut world.chance).await.unwrap();
    assert_eq!(again, Exported { events: 1, segments: 1, rewritten: 1 });
    let read: Vec<_> = segments_of(&world, &town, folder.path()).into_iter().flat_map(Segment::into_events).collect();
    assert_eq!(read, events);

    // What a killed export leaves, and what gets lost, is put right by the next.
    let place = folder.path().join(format!("ente={}", town.id));
    std::fs::write(place.join("000000000001-000000000002.segment.unfinished"), b"half").unwrap();
    std::fs::remove_file(place.join("000000000003-000000000003.segment")).unwrap();
    let mended = store.export_segments(folder.path(), &pipeline, now, &mut world.chance).await.unwrap();
    assert_eq!(mended.rewritten, 1);
    assert_eq!(segments_of(&world, &town, folder.path()).len(), 2);
}

#[rstest]
#[tokio::test]
async fn small_segments_are_put_together(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let folder = tempfile::tempdir().unwrap();
    let pipeline = world.pipeline.sealing().clone();
    let (store, now) = (world.store.clone(), world.now);
    let mut ranges = Vec::new();
    for night in 1..=11 {
        world.validated(&town, persona, &asso).await;
        let exported = store.export_segments(folder.path(), &pipeline, now, &mut world.chance).await.unwrap();
        assert_eq!(exported, Exported { events: 1, segments: 1, rewritten: 0 }, "night {night}");
        let segments = segments_of(&world, &town, folder.path());
        ranges = segments.iter().map(Segment::range).collect();
        let read: Vec<_> = segments.into_iter().flat_map(Segment::into_events).collect();
        assert_eq!(read, world.events(&town).await, "night {night}");
    }
    assert_eq!(ranges, [(1, 8), (9, 10), (11, 11)]);
    let nothing = store.export_segments(folder.path(), &pipeline, now, &mut world.chance).await.unwrap();
    assert_eq!(nothing, Exported::default());
}

#[rstest]
#[tokio::test]
async fn any_line_of_the_audit_that_is_changed_or_gone_is_found(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let persona = world.persona(&town, "Verdi", "Anna").await;
    for _ in 0..10 {
        world.store.persona(&town.operator, persona, world.now).await.unwrap();
    }
    let store = world.store.clone();
    let intruder = world.intruder().await;
    let before = audit::Entity::find().filter(audit::Column::EnteId.eq(town.id.0)).all(&intruder).await.unwrap();
    let count = i64::try_from(before.len()).unwrap();
    let verify = async || store.audit_verify(&world.platform, Some(town.id), &[]).await.unwrap().problem;
    assert_eq!(verify().await, None);
    for row in &before {
        let seq = row.seq;
        let of_row = audit::Column::EnteId.eq(town.id.0).and(audit::Column::Seq.eq(seq));
        let change = async |column: audit::Column, value: Expr| {
            let update = audit::Entity::update_many().col_expr(column, value).filter(of_row.clone());
            update.exec(&intruder).await.unwrap();
        };
        change(audit::Column::Action, Expr::val("nothing")).await;
        assert_eq!(verify().await, Some(AuditProblem::Changed { seq }));
        change(audit::Column::Action, Expr::val(row.action.clone())).await;
        change(audit::Column::Subjects, Expr::val("")).await;
        let expected = (!row.subjects.is_empty()).then_some(AuditProblem::Changed { seq });
        assert_eq!(verify().await, expected);
        change(audit::Column::Subjects, Expr::val(row.subjects.clone())).await;
        audit::Entity::delete_many().filter(of_row.clone()).exec(&intruder).await.unwrap();
        let expected = if seq == count {
            AuditProblem::Truncated { expected: count, found: count - 1 }
        } else {
            AuditProblem::Missing { seq }
        };
        assert_eq!(verify().await, Some(expected));
        audit::Entity::insert(audit::ActiveModel::from(row.clone())).exec_without_returning(&intruder).await.unwrap();
    }
    // Taking the last line away and setting the head back does not help without the key of the seal before.
    audit::Entity::delete_many()
        .filter(audit::Column::EnteId.eq(town.id.0).and(audit::Column::Seq.eq(count)))
        .exec(&intruder)
        .await
        .unwrap();
    ente_counters::Entity::update_many()
        .col_expr(ente_counters::Column::AuditSeq, Expr::val(count - 1))
        .filter(ente_counters::Column::EnteId.eq(town.id.0))
        .exec(&intruder)
        .await
        .unwrap();
    assert!(matches!(verify().await, Some(AuditProblem::Truncated { .. })));
}

/// An audit that is cut off with its head set back, or written anew by somebody who holds the ring, is whole by itself.
#[rstest]
#[tokio::test]
async fn a_checkpoint_outside_shows_what_the_database_hides(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let (store, now) = (world.store.clone(), world.now);
    let first = store.audit_checkpoint(&world.platform, None, now).await.unwrap();
    assert_eq!(first.heads.len(), 2, "the platform's and the Ente's");
    let at_first = first.heads.iter().find(|head| head.ente == town.id).unwrap().clone();
    store.persona(&town.operator, persona, now).await.unwrap();
    store.persona(&town.operator, persona, now).await.unwrap();
    let second = store.audit_checkpoint(&world.platform, Some(&first), now).await.unwrap();
    let at_second = second.heads.iter().find(|head| head.ente == town.id).unwrap().clone();
    assert_eq!(at_second.seq, at_first.seq + 2);
    let both = [first.clone(), second.clone()];
    let verify = async |known: &[AuditCheckpoint]| {
        store.audit_verify(&world.platform, Some(town.id), known).await.unwrap().problem
    };
    assert_eq!(verify(&both).await, None);

    assert!(store.is_our_checkpoint(&first, None) && store.is_our_checkpoint(&second, Some(&first)));
    assert!(!store.is_our_checkpoint(&second, None), "the one before was taken out");
    let mut changed = first.clone();
    changed.heads[1].seq -= 1;
    assert!(!store.is_our_checkpoint(&changed, None));

    // Cut off to where it was, the head with it: nothing in the database tells.
    let intruder = world.intruder().await;
    audit::Entity::delete_many()
        .filter(audit::Column::EnteId.eq(town.id.0).and(audit::Column::Seq.gt(at_first.seq)))
        .exec(&intruder)
        .await
        .unwrap();
    ente_counters::Entity::update_many()
        .col_expr(ente_counters::Column::AuditSeq, Expr::val(at_first.seq))
        .col_expr(ente_counters::Column::AuditMac, Expr::val(hex::decode(&at_first.mac).unwrap()))
        .filter(ente_counters::Column::EnteId.eq(town.id.0))
        .exec(&intruder)
        .await
        .unwrap();
    assert_eq!(verify(&[]).await, None);
    assert_eq!(verify(&both[..1]).await, None);
    let cut = AuditProblem::Truncated { expected: at_second.seq, found: at_first.seq };
    assert_eq!(verify(&both).await, Some(cut));
    // Other lines in their place are whole too, and not the ones that were there.
    let later = now + Duration::minutes(5);
    store.persona(&town.operator, persona, later).await.unwrap();
    store.persona(&town.operator, persona, later).await.unwrap();
    assert_eq!(verify(&[]).await, None);
    assert_eq!(verify(&both).await, Some(AuditProblem::Rewritten { seq: at_second.seq }));
}

/// The tally beside the segments.
fn tally_of(world: &World, town: &Town, folder: &std::path::Path) -> Tally {
    let bytes = std::fs::read(folder.join(format!("ente={}", town.id)).join(TALLY_FILE)).unwrap();
    Tally::open(&bytes, &world.pipeline).unwrap()
}

#[rstest]
#[tokio::test]
async fn what_the_portal_counts_is_what_its_events_come_to(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let other = world.town("cordenons").await;
    let (asso, isa) = (instrument("asso"), instrument("isa"));
    let folder = tempfile::tempdir().unwrap();
    let pipeline = world.pipeline.sealing().clone();
    let (store, now) = (world.store.clone(), world.now);
    let mut seen = BTreeSet::new();
    macro_rules! check {
        () => {
            store.export_segments(folder.path(), &pipeline, now, &mut world.chance).await.unwrap();
            let events: Vec<Event> =
                segments_of(&world, &town, folder.path()).into_iter().flat_map(Segment::into_events).collect();
            let tally = tally_of(&world, &town, folder.path());
            assert_eq!(tally, Tally::of_events(town.id, &events));
            assert_eq!(tally, store.tally(&town.operator).await.unwrap());
            seen.insert((tally.count_counting(), tally.superseded, tally.annulled, tally.restricted));
        };
    }
    check!();
    let mut persone = Vec::new();
    for name in ["Anna", "Bice", "Carla", "Dora"] {
        persone.push(world.persona(&town, "Verdi", name).await);
    }
    let [anna, bice, carla, dora] = persone.try_into().unwrap();
    let first = world.validated(&town, anna, &asso).await;
    let second = world.validated(&town, bice, &isa).await;
    for persona in [bice, carla, dora, dora] {
        world.validated(&town, persona, &asso).await;
    }
    let theirs = world.persona(&other, "Neri", "Ugo").await;
    world.validated(&other, theirs, &asso).await;
    check!();
    let amendment = Amendment {
        sheet: sheet(&asso, 2),
        notes: BTreeMap::new(),
        // In another year.
        assessed_on: on(2025, 3, 3),
        validation: confirmed(&asso),
        reason: "giorno sbagliato".to_owned(),
    };
    store.amend(&town.operator, first, &amendment, now, &mut world.chance).await.unwrap();
    check!();
    store.annul(&town.operator, second, "persona sbagliata", now, &mut world.chance).await.unwrap();
    check!();
    store.merge_persone(&town.operator, anna, bice, "stessa persona", now, &mut world.chance).await.unwrap();
    check!();
    store.restrict_persona(&town.administrator, bice, "richiesta", now, &mut world.chance).await.unwrap();
    check!();
    store.restrict_persona(&town.administrator, carla, "richiesta", now, &mut world.chance).await.unwrap();
    check!();
    store.unrestrict_persona(&town.administrator, bice, "chiarito", now, &mut world.chance).await.unwrap();
    check!();
    store.erase_persona(&town.administrator, dora, ErasureGround::Request, now, &mut world.chance).await.unwrap();
    check!();
    let expected = [
        (0, 0, 0, 0),
        (6, 0, 0, 0),
        (6, 1, 0, 0),
        (5, 1, 1, 0),
        (3, 1, 1, 2),
        (2, 1, 1, 3),
        (4, 1, 1, 1),
        (2, 1, 1, 1),
    ];
    assert_eq!(seen, expected.into());
    assert_eq!(tally_of(&world, &other, folder.path()).count_counting(), 1);
    // Of another strumento and year each has a line of its own.
    let lines = tally_of(&world, &town, folder.path()).counting;
    assert_eq!(lines.iter().map(|line| (line.year, line.assessments)).collect::<Vec<_>>(), [(2025, 1), (2026, 1)]);
}

/// Nothing is passed over while others write: after each export the segments have every number that was there when it began, and
/// the tally is of the moment of the segments.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_passed_over_while_others_write(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const WRITERS: u64 = 6;
    const EACH: u64 = 8;
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = std::sync::Arc::new(instrument("asso"));
    let mut writers = Vec::new();
    for at in 0..WRITERS {
        let mut drafts = Vec::new();
        for each in 0..EACH {
            let persona = world.persona(&town, "Verdi", &format!("Anna{at}x{each}")).await;
            drafts.push((persona, world.draft(&town, persona, &asso).await));
        }
        let (store, town_scopes, now, asso) =
            (world.store.clone(), (town.operator.clone(), town.administrator.clone()), world.now, asso.clone());
        writers.push(tokio::spawn(async move {
            let mut chance = ChaCha20Rng::seed_from_u64(at);
            for (place, (persona, (draft, revision))) in drafts.into_iter().enumerate() {
                let (operator, administrator) = &town_scopes;
                store.validate(operator, draft, revision, &confirmed(&asso), now, &mut chance).await.unwrap();
                // Erasures blank what was exported before.
                if place % 4 == 3 {
                    let ground = ErasureGround::Request;
                    store.erase_persona(administrator, persona, ground, now, &mut chance).await.unwrap();
                }
            }
        }));
    }
    let folder = tempfile::tempdir().unwrap();
    let pipeline = world.pipeline.sealing().clone();
    let (store, now) = (world.store.clone(), world.now);
    let (mut exports, mut agreeing) = (0, 0);
    loop {
        let is_over = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let before = store.last_seq(town.id).await.unwrap();
        store.export_segments(folder.path(), &pipeline, now, &mut world.chance).await.unwrap();
        let events: Vec<Event> =
            segments_of(&world, &town, folder.path()).into_iter().flat_map(Segment::into_events).collect();
        let last = i64::try_from(events.len()).unwrap();
        assert!(last >= before, "{before} were there before the export, {last} are in segments");
        assert!(events.iter().map(|event| event.seq).eq(1..=last));
        exports += 1;
        // An Ente in which somebody writes all the time may have none of this moment: the pipeline halts then, and says so.
        let bytes = std::fs::read(folder.path().join(format!("ente={}", town.id)).join(TALLY_FILE));
        if let Some(tally) = bytes.ok().map(|bytes| Tally::open(&bytes, &world.pipeline).unwrap())
            && tally.last_seq == last
        {
            assert_eq!(tally, Tally::of_events(town.id, &events));
            agreeing += 1;
        }
        if is_over {
            break;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let erased = WRITERS * EACH / 4;
    assert_eq!(store.last_seq(town.id).await.unwrap(), i64::try_from(WRITERS * EACH + erased).unwrap());
    assert!(agreeing > 0 && exports > 1, "{agreeing} of {exports}");
    let tally = tally_of(&world, &town, folder.path());
    assert_eq!(tally.count_counting(), i64::try_from(WRITERS * EACH - erased).unwrap());
}
