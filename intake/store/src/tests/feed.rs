//! Numbers without gaps, segments that follow the database, erasures that reach both, an audit that tells on who changes it.

use super::*;
use domain::feed::{Segment, What};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::tables::{audit, ente_counters};

pub(super) fn segments_of(world: &World, town: &Town, folder: &std::path::Path) -> Vec<Segment> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join(format!("ente={}", town.id)))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
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
