//! Agreements and what follows from them; expressions of interest.

use super::*;

fn terms(from: NaiveDate, until: NaiveDate) -> NewAgreement {
    NewAgreement {
        kind: AgreementKind::First,
        number: "12/2026".into(),
        text_version: 1,
        signed_on: from,
        from,
        until,
        maintenance: "ordinaria".into(),
    }
}

#[rstest]
#[tokio::test]
async fn when_the_agreement_is_over_all_can_be_read_and_nothing_entered(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (store, now) = (world.store.clone(), world.now);
    let persona = world.persona(&town, "Verdi", "Anna").await;
    let over = terms(on(2026, 1, 1), on(2026, 12, 31));
    store.add_agreement(&world.platform, town.id, &over, now, &mut world.chance).await.unwrap();
    let standing = |ente: &Ente| ente.standing;
    let enti = store.enti(&world.platform, now).await.unwrap();
    assert_eq!(standing(&enti[0]), Standing::RunningOut(on(2026, 12, 31)));
    let overlapping = terms(on(2026, 12, 31), on(2027, 12, 31));
    let refused = store.add_agreement(&world.platform, town.id, &overlapping, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::AgreementDays))));
    let backwards = terms(on(2028, 1, 2), on(2028, 1, 1));
    let refused = store.add_agreement(&world.platform, town.id, &backwards, now, &mut world.chance).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refused::AgreementDays))));

    world.pass(Duration::days(40));
    let session = world.login("pordenone", "operatrice").await.session;
    assert_eq!(session.standing(), Standing::Expired(on(2026, 12, 31)));
    let scope = session.scope(Right::SeePersone).unwrap();
    store.persona(&scope, persona, world.now).await.unwrap();
    for right in Right::ALL.into_iter().filter(|right| right.writes() && Role::Operator.may(*right)) {
        let refused = session.scope(right);
        assert!(matches!(refused, Err(StoreError::Refused(Refused::NoAgreement))), "{right:?}");
    }
    let renewal = NewAgreement { kind: AgreementKind::Renewal, ..terms(on(2027, 1, 1), on(2029, 12, 31)) };
    store.add_agreement(&world.platform, town.id, &renewal, world.now, &mut world.chance).await.unwrap();
    let session = world.login("pordenone", "operatrice").await.session;
    assert_eq!(session.standing(), Standing::Active(on(2029, 12, 31)));
    session.scope(Right::Assess).unwrap();
    assert_eq!(store.own_agreements(&town.administrator).await.unwrap().len(), 2);
    assert_eq!(store.agreements(&world.platform, town.id).await.unwrap()[0].terms, renewal);
}

#[rstest]
#[tokio::test]
async fn interest_is_received_counted_and_decided_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (store, now) = (world.store.clone(), world.now);
    let data = InterestData {
        administration: "Comune di Prova".into(),
        ipa_code: "c_x000".into(),
        pec: "comune@pec.example".into(),
        comuni: "Prova".into(),
        contact: "Anna Neri".into(),
        email: "a@example.it".into(),
        ..InterestData::default()
    };
    let nobody = InterestData { administration: " ".into(), ..data.clone() };
    assert!(store.express_interest(&nobody, PEER, now, &mut world.chance).await.is_err());
    let first = store.express_interest(&data, PEER, now, &mut world.chance).await.unwrap();
    for _ in 0..2 {
        store.express_interest(&data, PEER, now, &mut world.chance).await.unwrap();
    }
    let fourth = store.express_interest(&data, PEER, now, &mut world.chance).await;
    assert!(matches!(fourth, Err(StoreError::Refused(Refused::Throttled { .. }))), "{fourth:?}");
    let all = store.interests(&world.platform).await.unwrap();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|one| one.data == data && one.state == InterestState::Received));
    store.decide_interest(&world.platform, first, InterestState::Declined, now, &mut world.chance).await.unwrap();
    let declined = store.interest(&world.platform, first).await.unwrap();
    assert_eq!(declined.state, InterestState::Declined);
    assert_eq!((declined.data.administration.as_str(), declined.data.contact.as_str()), ("Comune di Prova", ""));
    let again = store.decide_interest(&world.platform, first, InterestState::Admitted, now, &mut world.chance).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))));
}

#[rstest]
#[tokio::test]
async fn the_signed_copy_is_sealed_and_the_platform_s_alone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let other = world.town("udine").await;
    let (store, platform, now) = (world.store.clone(), world.platform.clone(), world.now);
    let new = terms(on(2026, 1, 2), on(2028, 12, 31));
    let made = store.add_agreement(&platform, town.id, &new, now, &mut world.chance).await.unwrap();
    assert!(store.signed_agreements(&platform, town.id).await.unwrap().is_empty());
    let absent = store.signed_agreement(&platform, town.id, made, now).await.unwrap_err();
    assert!(matches!(absent, StoreError::NotFound("agreement")));
    let chance = &mut world.chance;
    let refused = store.keep_signed_agreement(&platform, town.id, made, b"PK", now, chance).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refused::NotPdf)));
    for (ente, agreement) in [(other.id, made), (town.id, AgreementId(uuid::Uuid::nil()))] {
        let refused = store.keep_signed_agreement(&platform, ente, agreement, b"%PDF-", now, chance).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotFound("agreement")), "{refused}");
    }
    for text in ["%PDF-1.7 bozza di prova", "%PDF-1.7 firmata da Verdi"] {
        store.keep_signed_agreement(&platform, town.id, made, text.as_bytes(), now, chance).await.unwrap();
        assert_eq!(store.signed_agreement(&platform, town.id, made, now).await.unwrap(), text.as_bytes());
    }
    assert_eq!(store.signed_agreements(&platform, town.id).await.unwrap(), [made].into());
    let rows = {
        use sea_orm::EntityTrait;
        crate::tables::signed_agreements::Entity::find().all(&world.intruder().await).await.unwrap()
    };
    assert_eq!(rows.len(), 1, "the second takes the place of the first");
    assert!(memchr::memmem::find(&rows[0].sealed, b"firmata").is_none(), "it is sealed");
}
