//! How data stand on their way to the dashboards, to an Ente and to the platform; what its own data say of a strumento reaches
//! an Ente's reports.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use chrono::Duration;
use domain::calibration::{CalibratedScale, Calibration};
use domain::feed::{AssessmentId, EnteId};
use domain::run::{Cause, Halt, RunRecord, StageCounts};
use test_database::Kind;

use super::journey::{enters_persona, fills_in};
use super::{Browser, World, now, rechecked};

fn record(ente: EnteId) -> RunRecord {
    let counts = StageCounts {
        events: 31,
        versions: 29,
        set_aside: BTreeMap::from([("annulled".to_owned(), 2)]),
        current: 27,
        accepted: 26,
        rejected: BTreeMap::from([("age_impossible".to_owned(), 1), ("of_tomorrow".to_owned(), 0)]),
        people: 20,
        ..StageCounts::default()
    };
    let at = now() - Duration::hours(6);
    RunRecord { ente, ran_at: at, halt: None, in_order_at: Some(at), last_seq: 31, lake_version: 4, counts }
}

#[tokio::test]
async fn an_ente_sees_its_own_figures_and_the_platform_three_words() {
    let world = World::new(Kind::Sqlite).await;
    let [first, second] = world.enti;
    let mut manager = world.logged_in("primo", "manager").await;
    let mut elsewhere = world.logged_in("secondo", "manager").await;
    let mut platform = world.logged_in("", "platform_administrator").await;
    let page = manager.get("/dati").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("In attesa"), "{}", page.body);

    world.told.runs.lock().unwrap().insert(first, record(first));
    let page = manager.get("/dati").await;
    for shown in ["In ordine", ">31<", ">29<", ">27<", ">26<", ">20<", "annullate", "età impossibile", "of_tomorrow"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    assert!(elsewhere.get("/dati").await.body.contains("In attesa"));

    let halt = Halt { cause: Cause::Reconciliation, reason: "asso of 2026 27 and 26".to_owned() };
    world.told.runs.lock().unwrap().insert(second, RunRecord { halt: Some(halt), ..record(second) });
    let page = elsewhere.get("/dati").await;
    assert!(page.body.contains("Fermo") && page.body.contains("non contano lo stesso"), "{}", page.body);
    assert!(!page.body.contains("27 and 26"), "what is told to whoever runs the platform is no page's");

    let page = platform.get("/enti").await;
    assert!(page.body.contains("In ordine") && page.body.contains("Fermo"), "{}", page.body);
    for figure in [">31<", ">29<", ">27<", ">26<", ">20<"] {
        assert!(!page.body.contains(figure), "{figure}: {}", page.body);
    }
    assert_eq!(platform.get("/dati").await.status, StatusCode::FORBIDDEN);
    world.clock.pass(21 * 3_600);
    let mut platform = world.logged_in("", "platform_administrator").await;
    assert!(platform.get("/enti").await.body.contains("In ritardo"));
}

async fn validates(operator: &mut Browser, persona: &str) -> String {
    let draft = fills_in(operator, persona, "asso", 1).await;
    let summary = operator.get(&format!("{draft}/riepilogo")).await;
    let revision = summary.value("revision");
    let mut fields = vec![("revision", revision.as_str()), ("evaluation", "confirmed")];
    let looked_at = rechecked(&summary.body);
    fields.extend(looked_at.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let reply = operator.post(&format!("{draft}/valida"), &fields).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    reply.location().split('?').next().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn reports_use_the_precision_of_the_entes_own_data_once_there_is_enough() {
    let world = World::new(Kind::Sqlite).await;
    let [first, second] = world.enti;
    let instruments = crate::instruments::shipped().unwrap();
    let asso = instruments.iter().find(|one| one.id.as_str() == "asso").unwrap();
    let scale = |place: usize, people, sem_hundredths| CalibratedScale {
        instrument: asso.id.clone(),
        version: asso.version,
        scale: asso.scales[place].id.clone(),
        people,
        sem_hundredths,
    };
    let enough = i64::from(asso.reliability_enough.unwrap());
    let calibration = Calibration {
        ente: first,
        published_at: now(),
        scales: vec![scale(0, enough, 512), scale(1, enough - 1, 333)],
    };
    world.told.calibrations.lock().unwrap().insert(first, calibration);
    for (code, ente) in [("primo", first), ("secondo", second)] {
        let mut operator = world.logged_in(code, "operator").await;
        let persona = enters_persona(&mut operator).await;
        let id = validates(&mut operator, &persona).await;
        let scope = world.store.command_line(ente, "prova", "test", now()).await.unwrap();
        let stored = world.store.assessment(&scope, AssessmentId(id.parse().unwrap()), now()).await.unwrap();
        let definition = |place: usize| asso.scales[place].reliability.as_ref().unwrap().sem_hundredths;
        let expected = if ente == first { 512 } else { definition(0) };
        assert_eq!(stored.sem_hundredths[&asso.scales[0].id], expected, "{code}");
        assert_eq!(stored.sem_hundredths[&asso.scales[1].id], definition(1), "{code}: too few people");
    }
}

#[tokio::test]
async fn the_desk_tells_a_manager_of_reports_to_read() {
    let world = World::new(Kind::Sqlite).await;
    let [first, second] = world.enti;
    let id = |ente: usize, role: &str| world.accounts[&(ente, role.to_owned())];
    let mut manager = world.logged_in("primo", "manager").await;
    let mut operator = world.logged_in("primo", "operator").await;
    let mut elsewhere = world.logged_in("secondo", "manager").await;
    assert!(!manager.get("/scrivania").await.body.contains("relazion"), "there is nothing to read");
    {
        let mut unread = world.told.unread.lock().unwrap();
        unread.insert((first, id(0, "manager")), 2);
        unread.insert((first, id(0, "operator")), 9);
        unread.insert((second, id(1, "manager")), 1);
    }
    let desk = manager.get("/scrivania").await.body;
    assert!(desk.contains("Ci sono 2 relazioni nuove da leggere") && desk.contains("/cruscotti/relazioni"), "{desk}");
    assert!(elsewhere.get("/scrivania").await.body.contains("C'è una relazione nuova da leggere"));
    assert!(!operator.get("/scrivania").await.body.contains("relazion"), "whoever sees no dashboards reads none");
}
