//! Whose case a persona is, who may be there twice, who is due, notices, decisions.

use super::*;

/// Somebody of the Ente with a reach.
async fn with_reach(world: &mut World, town: &Town, username: &str, reach: Reach, unita: Option<UnitaId>) -> EnteScope {
    let account = world.account(&town.command_line, username, Role::Operator).await;
    let change = AccountChange { display_name: username.into(), unita, reach, granted: BTreeSet::new() };
    world.store.update_account(&town.administrator, account, &change, world.now).await.unwrap();
    world.login(&town.code, username).await.session.scope(Right::Assess).unwrap()
}

#[rstest]
#[tokio::test]
async fn who_reaches_less_sees_less(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    let sacile = store.create_unita(&town.administrator, "Sacile", now, &mut world.chance).await.unwrap();
    let own = with_reach(&mut world, &town, "da.sola", Reach::Own, Some(sacile)).await;
    let unita = with_reach(&mut world, &town, "di.sacile", Reach::Unita, Some(sacile)).await;
    let elsewhere = with_reach(&mut world, &town, "altrove", Reach::Own, None).await;
    let persona = store.create_persona(&own, &data("Verdi", "Anna"), now, &mut world.chance).await.unwrap();
    let asso = instrument("asso");
    let draft =
        NewDraft { persona, instrument: asso.id.clone(), version: 1, assessed_on: on(2026, 11, 20), copied: None };
    let id = store.start_draft(&own, &draft, now, &mut world.chance).await.unwrap();
    let revision = store
        .save_draft(&own, id, 1, &filling(sheet(&asso, 1), on(2026, 11, 20)), now, &mut world.chance)
        .await
        .unwrap();
    let done = store.validate(&own, id, revision, &confirmed(&asso), now, &mut world.chance).await.unwrap();
    for (scope, sees) in [(&own, true), (&unita, true), (&town.operator, true), (&elsewhere, false)] {
        assert_eq!(store.persona(scope, persona, now).await.is_ok(), sees);
        assert_eq!(store.history_of_persona(scope, persona, now).await.is_ok(), sees);
        assert_eq!(store.assessment(scope, done, now).await.is_ok(), sees);
        assert_eq!(store.find_by_name(scope, "verdi", 5, now).await.unwrap().persone.len(), usize::from(sees));
        assert_eq!(store.recent_persone(scope, 5, now).await.unwrap().len(), usize::from(sees));
        assert_eq!(store.count_persone(scope).await.unwrap(), u64::from(sees));
        assert_eq!(store.count_assessments(scope, None).await.unwrap(), u64::from(sees));
        assert_eq!(store.due_persone(scope, &asso.id, on(2026, 11, 20), 9, now).await.unwrap().1, usize::from(sees));
        assert_eq!(store.start_draft(scope, &draft, now, &mut world.chance).await.is_ok(), sees);
    }
    let nobody = Follows { account: elsewhere.account_id(), unita: None };
    let refused = store.assign_persona(&elsewhere, persona, nobody, now).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "nobody takes what they do not see");
    store.assign_persona(&own, persona, nobody, now).await.unwrap();
    assert!(store.persona(&own, persona, now).await.is_err());
    assert!(store.persona(&unita, persona, now).await.is_err());
    store.persona(&elsewhere, persona, now).await.unwrap();
    // A reach of an unità is for who is of one, and only operators have less than all.
    let administrator = world.account(&town.command_line, "altra.amministratrice", Role::EnteAdministrator).await;
    let change = AccountChange { display_name: "x y".into(), unita: None, reach: Reach::Own, granted: BTreeSet::new() };
    let refused = store.update_account(&town.administrator, administrator, &change, now).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::Reach))));
}

#[rstest]
#[tokio::test]
async fn the_same_name_and_birth_date_are_said_to_be_alike(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    let one = world.persona(&town, "D'Angelo", "Anna Maria").await;
    let other = world.persona(&town, "d angelo", "maria ànna").await;
    let later = PersonaData { birth_date: Some(on(1990, 1, 1)), ..data("D'Angelo", "Anna Maria") };
    store.create_persona(&town.operator, &later, now, &mut world.chance).await.unwrap();
    let like = store.similar_persone(&town.operator, &data("D'Angelo", "Anna Maria"), now).await.unwrap();
    assert_eq!(like.iter().map(|found| found.id).collect::<BTreeSet<_>>(), BTreeSet::from([one, other]));
    let groups = store.possible_duplicates(&town.operator, now).await.unwrap();
    assert_eq!(groups.len(), 1);
    store.merge_persone(&town.operator, other, one, "la stessa", now, &mut world.chance).await.unwrap();
    assert!(store.possible_duplicates(&town.operator, now).await.unwrap().is_empty());
    let decided = store.decisions(&town.operator, one).await.unwrap();
    assert_eq!((decided[0].kind, decided[0].reason.as_str()), (DecisionKind::Merged, "la stessa"));
    assert_eq!(decided[0].by.as_ref().unwrap().display_name, "operatrice");
    // Another Ente's are none of ours.
    let there = world.town("udine").await;
    world.persona(&there, "D'Angelo", "Anna Maria").await;
    assert!(store.possible_duplicates(&there.operator, now).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn who_was_assessed_long_ago_is_due(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    let asso = instrument("asso");
    let (anna, ugo) = (world.persona(&town, "Verdi", "Anna").await, world.persona(&town, "Neri", "Ugo").await);
    world.validated(&town, anna, &asso).await;
    world.validated(&town, ugo, &asso).await;
    let due = async |last_on| {
        let (due, count) = store.due_persone(&town.operator, &asso.id, last_on, 1, now).await.unwrap();
        (due.into_iter().map(|due| (due.persona.surname, due.assessed_on)).collect::<Vec<_>>(), count)
    };
    assert_eq!(due(on(2026, 11, 19)).await, (vec![], 0));
    assert_eq!(due(on(2026, 11, 20)).await.1, 2);
    assert_eq!(due(on(2026, 11, 20)).await.0.len(), 1, "no more than asked for");
    store.merge_persone(&town.operator, ugo, anna, "la stessa", now, &mut world.chance).await.unwrap();
    assert_eq!(due(on(2026, 11, 20)).await, (vec![("Verdi".to_owned(), on(2026, 11, 20))], 1));
    store.restrict_persona(&town.administrator, anna, "lo chiede", now, &mut world.chance).await.unwrap();
    assert_eq!(due(on(2026, 11, 20)).await.1, 0);
}

#[rstest]
#[tokio::test]
async fn notices_are_kept_and_go_with_the_persona(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let future = store.record_notice(&town.operator, persona, "1", on(2027, 1, 1), now, &mut world.chance).await;
    assert!(matches!(future, Err(StoreError::Refused(Refused::AssessedOn))));
    store.record_notice(&town.operator, persona, "1", on(2026, 11, 20), now, &mut world.chance).await.unwrap();
    let notices = store.notices(&town.operator, persona).await.unwrap();
    assert_eq!((notices[0].version.as_str(), notices[0].given_on), ("1", on(2026, 11, 20)));
    let preview = store.erasure_preview(&town.administrator, persona).await.unwrap();
    assert_eq!(preview, ErasurePreview::default());
    store.erase_persona(&town.administrator, persona, ErasureGround::Mistake, now, &mut world.chance).await.unwrap();
    assert!(store.notices(&town.operator, persona).await.is_err());
    let filter = AuditFilter { subject: Some(persona.0), action: Some("persona".into()), ..AuditFilter::default() };
    let lines = store.audit(&town.administrator, &filter, 50, now).await.unwrap();
    assert_eq!(lines[0].detail.as_deref(), Some("mistake"));
    assert!(lines.iter().all(|line| line.action.starts_with("persona.") && line.subjects.contains(&persona.0)));
    let other = AuditFilter { actor: town.administrator.account_id(), ..filter };
    let lines = store.audit(&town.administrator, &other, 50, now).await.unwrap();
    assert_eq!(lines.len(), 1, "the administrator only erased");
}

#[rstest]
#[tokio::test]
async fn another_code_leaves_the_one_before_in_the_history(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let persona = world.persona(&town, "Diallo", "Awa").await;
    let (store, now) = (world.store.clone(), world.now);
    let codes = [Some(stp(7)), Some(local("A-12")), None];
    for (revision, code) in (1..).zip(codes) {
        let changed = PersonaData { identifier: code, ..data("Diallo", "Awa") };
        let at = now + Duration::minutes(i64::from(revision));
        store.update_persona(&town.operator, persona, revision, &changed, at, &mut world.chance).await.unwrap();
    }
    // The same code again is no change.
    store.update_persona(&town.operator, persona, 4, &data("Diallo", "Awa"), now, &mut world.chance).await.unwrap();
    let decisions = store.decisions(&town.operator, persona).await.unwrap();
    let former: Vec<_> = decisions
        .iter()
        .map(|one| (one.kind, one.former.as_ref().map(|it| (it.kind, it.expose().to_owned()))))
        .collect();
    let changed = DecisionKind::IdentifierChanged;
    let (stp, local) = (stp(7).expose().to_owned(), local("A-12").expose().to_owned());
    assert_eq!(
        former,
        [
            (changed, Some((IdentifierKind::Local, local))),
            (changed, Some((IdentifierKind::Stp, stp.clone()))),
            (changed, None)
        ]
    );
    assert!(decisions.iter().all(|one| one.reason.is_empty() && one.by.is_some()));
    assert!(!format!("{decisions:?}").contains(&stp), "a code is not printed by accident");
    let foreign = world.town("sacile").await;
    assert!(matches!(store.decisions(&foreign.operator, persona).await, Err(StoreError::NotFound(_))));
}
