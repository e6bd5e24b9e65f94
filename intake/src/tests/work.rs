//! An operator's work around a questionnaire: notes, rules, azioni, the answers of the last time, looking things up.

use axum::http::StatusCode;
use rstest::rstest;
use test_database::Kind;

use super::journey::{enters_persona, fills_in};
use super::{Browser, World, rechecked};

/// Validates a draft; gives the page of the questionnaire.
async fn validates(operator: &mut Browser, draft: &str, more: &[(&str, &str)]) -> String {
    let summary = operator.get(&format!("{draft}/riepilogo")).await;
    let (revision, looked_at) = (summary.value("revision"), rechecked(&summary.body));
    let mut fields = vec![("revision", revision.as_str()), ("evaluation", "confirmed")];
    fields.extend(looked_at.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    fields.extend(more);
    let reply = operator.post(&format!("{draft}/valida"), &fields).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    reply.location().split('?').next().unwrap().to_owned()
}

/// The value of the first element that comes after `before`.
fn value_after(body: &str, before: &str) -> String {
    let rest = body.split_once(before).unwrap_or_else(|| panic!("no {before}")).1;
    rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_true_stops_a_validation(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    let draft = fills_in(&mut operator, &persona, "asso", 1).await;
    let instruments = crate::instruments::shipped().unwrap();
    let section = instruments[0].sections[0].id.to_string();
    let path = format!("{draft}/parte/{section}");
    let revision = operator.get(&path).await.value("revision");
    let young =
        [("revision", revision.as_str()), ("go", "riepilogo"), ("assessed_on", "24/11/2026"), ("item.fascia_eta", "1")];
    assert_eq!(operator.post(&path, &young).await.status, StatusCode::SEE_OTHER);
    let summary = operator.get(&format!("{draft}/riepilogo")).await;
    assert!(summary.body.contains("Risposte e scheda si contraddicono"), "{}", summary.body);
    let (revision, looked_at) = (summary.value("revision"), rechecked(&summary.body));
    let mut fields = vec![("revision", revision.as_str()), ("evaluation", "confirmed"), ("rule", "eta_35_49")];
    fields.extend(looked_at.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let reply = operator.post(&format!("{draft}/valida"), &fields).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.body.contains("href=\"#campo-rules\""), "{}", reply.body);
}

#[rstest]
#[tokio::test]
async fn azioni_are_followed_from_one_questionnaire_to_the_next(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    let draft = fills_in(&mut operator, &persona, "isa", 1).await;
    let summary = operator.get(&format!("{draft}/riepilogo")).await;
    let azione = value_after(&summary.body, "name=\"azione\"");
    let revision = summary.value("revision");
    let (due, who) = (format!("due.{azione}"), format!("who.{azione}"));
    // A name without the tick, and a day that was over before, are told beside the azione; what was typed stays.
    for (fields, told) in [
        (vec![(who.as_str(), "la scuola")], "non è segnata"),
        (vec![("azione", azione.as_str()), (due.as_str(), "1/1/2020")], "prima della data della valutazione"),
    ] {
        let fields = [vec![("revision", revision.as_str()), ("evaluation", "confirmed")], fields].concat();
        let reply = operator.post(&format!("{draft}/valida"), &fields).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(reply.body.contains("href=\"#campo-azioni\"") && reply.body.contains(told), "{told}: {}", reply.body);
        assert!(reply.body.contains(fields.last().unwrap().1.replace('/', "&#x2f;").as_str()));
    }
    let agreed = [("azione", azione.as_str()), (due.as_str(), "31/3/2027"), (who.as_str(), "il Centro per l'impiego")];
    let first = validates(&mut operator, &draft, &agreed).await;
    let report = operator.get(&first).await.body;
    assert!(
        report.contains("Entro il 31&#x2f;3&#x2f;2027") && report.contains("La segue: il Centro per l&#x27;impiego"),
        "{report}"
    );
    let page = operator.get(&persona).await.body;
    assert!(page.contains("Azioni in corso") && page.contains("entro il 31&#x2f;3&#x2f;2027"), "{page}");

    let draft = fills_in(&mut operator, &persona, "isa", 2).await;
    let summary = operator.get(&format!("{draft}/riepilogo")).await;
    let field = summary.body.split("name=\"outcome.").nth(1).unwrap().split('"').next().unwrap();
    let field = format!("outcome.{field}");
    let made_up = [("revision", "1"), ("evaluation", "confirmed"), (field.as_str(), "vinta")];
    assert_eq!(operator.post(&format!("{draft}/valida"), &made_up).await.status, StatusCode::BAD_REQUEST);
    validates(&mut operator, &draft, &[(field.as_str(), "completed")]).await;
    assert!(operator.get(&first).await.body.contains(": conclusa"));
    assert!(!operator.get(&persona).await.body.contains("Azioni in corso"));
}

#[rstest]
#[tokio::test]
async fn a_draft_begins_with_the_last_answers_and_keeps_notes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    let draft = fills_in(&mut operator, &persona, "isa", 1).await;
    let first = validates(&mut operator, &draft, &[]).await;
    let id = first.rsplit('/').next().unwrap();
    operator.get(&persona).await;
    let begin = format!("{persona}/questionari");
    let foreign = operator.post(&begin, &[("instrument", "asso"), ("copy", id)]).await;
    assert_eq!(foreign.status, StatusCode::BAD_REQUEST, "another strumento's answers");
    let path = operator.post(&begin, &[("instrument", "isa"), ("copy", id)]).await.location().to_owned();
    let page = operator.get(&path).await;
    assert!(
        page.body.contains("risposte del 24&#x2f;11&#x2f;2026") && page.body.contains("Come prima"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("Cambiata."));
    let item = page.body.split("id=\"item-").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (answer, note) = (format!("item.{item}"), format!("note.{item}"));
    let revision = page.value("revision");
    let common = [("revision", revision.as_str()), ("go", "desk"), ("assessed_on", "25/11/2026")];
    let hidden = [&common[..], &[(answer.as_str(), "3"), (note.as_str(), "a\u{202e}b")]].concat();
    let refused = operator.post(&path, &hidden).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains(&format!("href=\"#nota-{item}\"")) && refused.body.contains("Cambiata."));
    let revision = refused.value("revision");
    let common = [("revision", revision.as_str()), ("go", "desk"), ("assessed_on", "25/11/2026")];
    let fine = [&common[..], &[(answer.as_str(), "3"), (note.as_str(), "Prima riga.\r\nSeconda.")]].concat();
    assert_eq!(operator.post(&path, &fine).await.location(), "/scrivania");
    let page = operator.get(&path).await.body;
    assert!(page.contains("Prima riga.\nSeconda.") && page.contains("Cambiata."));
    // Sections that were sent without some answers are blank there: what is left out is filled in again.
    let draft = path.split("/parte/").next().unwrap().to_owned();
    let second = validates(&mut operator, &draft, &[]).await;
    let report = operator.get(&second).await.body;
    assert!(report.contains("Note per il servizio") && report.contains("Prima riga."));
}

#[rstest]
#[tokio::test]
async fn questionnaires_are_looked_up_by_filters(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    let draft = fills_in(&mut operator, &persona, "isa", 1).await;
    let report = validates(&mut operator, &draft, &[]).await;
    let shown = report.replace('/', "&#x2f;");
    let page = operator.get("/questionari/tutti").await.body;
    assert!(page.contains(&shown), "{page}");
    let reached = page.split("<optgroup").nth(1).unwrap();
    let level = value_after(reached, "<option ").replace("&#x2e;", ".");
    for (query, found) in [
        ("strumento=isa&dal=24/11/2026&al=24/11/2026&stato=validi", true),
        ("strumento=asso", false),
        ("dal=25/11/2026", false),
        ("al=23/11/2026", false),
        (&format!("livello={}", level.replace("asso", "isa")), false),
    ] {
        for path in ["/questionari", "/questionari/tutti"] {
            let page = operator.get(&format!("{path}?{query}")).await;
            assert_eq!(page.status, StatusCode::OK);
            assert_eq!(page.body.contains(&shown), found, "{path}?{query}");
        }
    }
    let wrong = operator.get("/questionari/tutti?dal=ieri").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("errore-dal") && !wrong.body.contains(&shown));
    let mut elsewhere = world.logged_in("secondo", "operator").await;
    assert!(!elsewhere.get("/questionari/tutti").await.body.contains(&shown));
}

#[rstest]
#[tokio::test]
async fn two_days_are_compared_and_other_programs_are_told(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    assert_eq!(operator.get(&format!("{persona}/confronto/isa-1")).await.status, StatusCode::NOT_FOUND);
    let draft = fills_in(&mut operator, &persona, "isa", 0).await;
    let first = validates(&mut operator, &draft, &[]).await;
    assert!(!operator.get(&persona).await.body.contains("/confronto/"));
    let draft = fills_in(&mut operator, &persona, "isa", 4).await;
    let second = validates(&mut operator, &draft, &[]).await;
    assert!(operator.get(&persona).await.body.contains("/confronto/isa-1"));
    let page = operator.get(&format!("{persona}/confronto/isa-1")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Sono cambiate 50 risposte.") && page.body.contains("▲ più alto"), "{}", page.body);
    let first_id = first.rsplit('/').next().unwrap();
    let same = operator.get(&format!("{persona}/confronto/isa-1?prima={first_id}&dopo={first_id}&solo=cambiate")).await;
    assert!(same.body.contains("Nessuna risposta è cambiata.") && same.body.contains("lo stesso questionario"));
    let fhir = operator.get(&format!("{second}/fhir.json")).await;
    assert_eq!(fhir.headers["content-type"], "application/fhir+json; charset=utf-8");
    let resource: serde_json::Value = serde_json::from_str(&fhir.body).unwrap();
    assert_eq!(resource["resourceType"], "QuestionnaireResponse");
    assert!(!fhir.body.contains("Bianchi") && !fhir.body.contains("BNCLRA"), "the persona's id alone");
    let mut nobody = world.browser();
    let public = nobody.get("/strumenti/isa/fhir.json").await;
    let resource: serde_json::Value = serde_json::from_str(&public.body).unwrap();
    assert_eq!(resource["resourceType"], "Questionnaire");
    assert_eq!(nobody.get("/strumenti/niente/fhir.json").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whom_the_ente_need_not_keep_is_shown_and_erased_when_somebody_says_so() {
    let world = World::new(Kind::Sqlite).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    let id = persona.rsplit('/').next().unwrap();
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    assert!(administrator.get("/conservazione").await.body.contains("non ha ancora stabilito"));
    administrator.get("/impostazioni").await;
    let set = |months: &'static str| [("retention", months), ("days.asso", "180"), ("days.isa", "180")];
    let wrong = administrator.post("/impostazioni", &set("601")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("al massimo cinquant"), "{}", wrong.body);
    assert_eq!(administrator.post("/impostazioni", &set("12")).await.location(), "/impostazioni?fatto=1");
    assert!(administrator.get("/impostazioni").await.body.contains("name=\"retention\" value=\"12\""));
    assert!(administrator.get("/conservazione").await.body.contains("Nessuna persona ha superato"));

    world.clock.pass(400 * 24 * 60 * 60);
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let page = administrator.get("/conservazione").await.body;
    assert!(page.contains(id) && page.contains("Persone oltre il termine: 1"), "{page}");
    for unsure in [&[("persona", id)][..], &[("certo", "1")][..]] {
        let reply = administrator.post("/conservazione", unsure).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(reply.body.contains("Niente è stato cancellato"), "{}", reply.body);
    }
    let reply = administrator.post("/conservazione", &[("persona", id), ("certo", "1")]).await;
    assert_eq!(reply.location(), "/conservazione?cancellate=1");
    let page = administrator.get(reply.location()).await.body;
    assert!(page.contains("Una persona è stata cancellata") && page.contains("Nessuna persona ha superato"), "{page}");
    assert_eq!(administrator.get(&persona).await.status, StatusCode::NOT_FOUND);
}
