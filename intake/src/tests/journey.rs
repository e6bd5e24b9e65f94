//! From the login to a report, a correction and an annulment: a questionnaire's whole life through the pages.

use axum::http::StatusCode;
use domain::feed::What;

use rstest::rstest;
use store::Role;
use test_database::Kind;

use super::{Browser, World, account, chance, now, rechecked, section_fields};

const CODE: &str = "BNCLRA80A41G888J";

/// The operator enters a persona known by a codice fiscale; gives the path of her page.
pub(super) async fn enters_persona(operator: &mut Browser) -> String {
    operator.get("/persone/nuova").await;
    let read =
        [("action", "read"), ("identifier_kind", ""), ("identifier", "bnclra80a41g888j"), ("surname", "Bianchi")];
    let reply = operator.post("/persone/nuova", &read).await;
    assert_eq!(reply.status, StatusCode::OK);
    for filled in ["value=\"1&#x2f;1&#x2f;1980\"", "value=\"Pordenone\"", "value=\"f\" selected", "value=\"Bianchi\""] {
        assert!(reply.body.contains(filled), "{filled} is not filled in: {}", reply.body);
    }
    let save = [
        ("action", "save"),
        ("identifier_kind", "codice_fiscale"),
        ("identifier", CODE),
        ("surname", "Bianchi"),
        ("name", "Laura"),
        ("comune", "093033"),
        ("education", "isced_2"),
        ("disadvantage_asked", "some"),
        ("disadvantage", "poverty"),
        ("disadvantage", "housing"),
    ];
    let reply = operator.post("/persone/nuova", &save).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    let again = operator.post("/persone/nuova", &save).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("già di una persona"), "the duplicate is told");
    reply.location().split('?').next().unwrap().to_owned()
}

/// Fills in every section with the options at one place; gives the path of the draft.
pub(super) async fn fills_in(operator: &mut Browser, persona: &str, id: &str, place: usize) -> String {
    operator.get(persona).await;
    let started = operator.post(&format!("{persona}/questionari"), &[("instrument", id)]).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.body);
    let mut path = started.location().to_owned();
    let instruments = crate::instruments::shipped().unwrap();
    let instrument = instruments.iter().find(|instrument| instrument.id.as_str() == id).unwrap();
    for section in 0..instrument.sections.len() {
        let page = operator.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        let revision = page.value("revision");
        let next = instrument.sections.get(section + 1).map_or("riepilogo", |next| next.id.as_str());
        let answers = section_fields(instrument, section, place);
        let mut fields: Vec<(&str, &str)> =
            answers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend([("revision", revision.as_str()), ("go", next), ("assessed_on", "24/11/2026")]);
        let saved = operator.post(&path, &fields).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
        path = saved.location().to_owned();
    }
    path.strip_suffix("/riepilogo").unwrap().to_owned()
}

/// Both versions are there, and the new one can be annulled and stays visible.
async fn check_correction(operator: &mut Browser, report: &str, new: &str) {
    assert!(operator.get(new).await.body.contains("Avevo letto male."));
    assert!(operator.get(report).await.body.contains("è stata corretta"));
    assert_eq!(operator.get(&format!("{report}/correggi")).await.status, StatusCode::NOT_FOUND);
    operator.get(&format!("{new}/annulla")).await;
    let reply = operator.post(&format!("{new}/annulla"), &[("reason", "")]).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    let reply = operator.post(&format!("{new}/annulla"), &[("reason", "Persona sbagliata.")]).await;
    assert_eq!(reply.location(), new);
    assert!(operator.get(new).await.body.contains("Persona sbagliata."));
}

#[rstest]
#[tokio::test]
async fn a_questionnaire_from_login_to_report_and_beyond(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;

    operator.get("/persone").await;
    let found = operator.post("/persone/cerca", &[("query", CODE)]).await;
    assert!(found.body.contains("Bianchi Laura") && found.body.contains("Una persona trovata"), "{}", found.body);
    let found = operator.post("/persone/cerca", &[("query", "bianc lau")]).await;
    assert!(found.body.contains("Bianchi Laura"), "{}", found.body);

    for id in ["asso", "isa"] {
        let draft = fills_in(&mut operator, &persona, id, 1).await;
        let desk = operator.get("/scrivania").await;
        assert!(desk.body.contains(&draft.replace('/', "&#x2f;")), "the draft is on the desk");
        let summary = operator.get(&format!("{draft}/riepilogo")).await;
        assert!(!summary.body.contains("senza risposta</h2>"), "nothing is missing");
        let revision = summary.value("revision");

        // Nothing becomes valid without the operator's own word, nor overridden without a reason.
        let valida = format!("{draft}/valida");
        let reply = operator.post(&valida, &[("revision", &revision)]).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(reply.body.contains("href=\"#campo-evaluation\""));
        let reply = operator.post(&valida, &[("revision", &revision), ("evaluation", "overridden")]).await;
        assert!(reply.body.contains("href=\"#campo-reason\""));

        let azioni: Vec<String> = summary
            .body
            .split("name=\"azione\"")
            .skip(1)
            .map(|rest| rest.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned())
            .collect();
        let mut fields = vec![
            ("revision", revision.as_str()),
            ("evaluation", "overridden"),
            ("reason", "Ha già un lavoro promesso."),
        ];
        fields.extend(azioni.iter().take(1).map(|azione| ("azione", azione.as_str())));
        let looked_at = rechecked(&summary.body);
        fields.extend(looked_at.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let reply = operator.post(&valida, &fields).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        let report = reply.location().split('?').next().unwrap().to_owned();

        let page = operator.get(reply.location()).await;
        for shown in [
            "24&#x2f;11&#x2f;2026",
            "Prova operator",
            "Ha già un lavoro promesso.",
            "non conferma il risultato",
            "è validato",
        ] {
            assert!(page.body.contains(shown), "{id}: no {shown}");
        }
        assert!(azioni.is_empty() || page.body.contains("nc-azione"), "{id}: what was agreed is shown");
        // The same form sent twice makes no second questionnaire.
        fields.extend([("instrument", id), ("version", "1")]);
        let twice = operator.post(&valida, &fields).await;
        assert!(twice.location().starts_with(&report), "{} is not {report}", twice.location());

        // A correction is a new version with a reason; both stay visible.
        let correct = operator.get(&format!("{report}/correggi")).await;
        assert_eq!(correct.status, StatusCode::OK);
        let instruments = crate::instruments::shipped().unwrap();
        let instrument = instruments.iter().find(|instrument| instrument.id.as_str() == id).unwrap();
        let answers: Vec<(String, String)> =
            (0..instrument.sections.len()).flat_map(|section| section_fields(instrument, section, 2)).collect();
        let mut fields: Vec<(&str, &str)> =
            answers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend([("assessed_on", "23/11/2026"), ("evaluation", "confirmed"), ("action", "save")]);
        let without_reason = operator.post(&format!("{report}/correggi"), &fields).await;
        assert_eq!(without_reason.status, StatusCode::UNPROCESSABLE_ENTITY);
        fields.push(("correction", "Avevo letto male."));
        let asked = operator.post(&format!("{report}/correggi"), &fields).await;
        let has_rules = asked.body.contains("name=\"rule\"");
        assert_eq!(has_rules, id == "asso", "ASSO finds another title of study than the record's");
        assert_eq!(asked.status == StatusCode::UNPROCESSABLE_ENTITY, has_rules, "{}", asked.body);
        if !has_rules {
            let new = asked.location().split('?').next().unwrap().to_owned();
            check_correction(&mut operator, &report, &new).await;
            continue;
        }
        assert!(asked.body.contains("href=\"#campo-recheck\""));
        let looked_at = rechecked(&asked.body);
        fields.extend(looked_at.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let corrected = operator.post(&format!("{report}/correggi"), &fields).await;
        assert_eq!(corrected.status, StatusCode::SEE_OTHER, "{}", corrected.body);
        let new = corrected.location().split('?').next().unwrap().to_owned();
        check_correction(&mut operator, &report, &new).await;
    }

    let visura = operator.get(&persona).await.body;
    assert!(visura.contains("annullato") && visura.contains("sostituito da una correzione"));
    let mine = operator.get("/questionari").await.body;
    assert!(mine.contains("Bianchi Laura"));
    let account = world.accounts[&(0, "operator".to_owned())];
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let theirs = administrator.get(&format!("/operatori/{account}/questionari")).await;
    assert!(theirs.body.contains("Bianchi Laura"), "the Ente administrator sees an operator's visura");
    assert_eq!(administrator.get(&persona).await.status, StatusCode::OK);

    let events = world.store.events(world.enti[0], 0, 100).await.unwrap();
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| {
            let is_valid = matches!(event.what, What::Validated(_)).then_some("validated");
            let is_amended = || matches!(event.what, What::Amended(_)).then_some("amended");
            let is_annulled = || matches!(event.what, What::Annulled { .. }).then_some("annulled");
            is_valid.or_else(is_amended).or_else(is_annulled)
        })
        .collect();
    assert_eq!(kinds, ["validated", "amended", "annulled", "validated", "amended", "annulled"]);
    assert!(world.store.events(world.enti[1], 0, 10).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn two_windows_lose_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    operator.get(&persona).await;
    let path = operator.post(&format!("{persona}/questionari"), &[("instrument", "asso")]).await.location().to_owned();
    let revision = operator.get(&path).await.value("revision");
    let (mut first, mut second) = (operator.clone(), operator.clone());
    let fields = |value| {
        [("revision", revision.as_str()), ("go", "desk"), ("assessed_on", "24/11/2026"), ("item.fascia_eta", value)]
    };
    assert_eq!(first.post(&path, &fields("2")).await.location(), "/scrivania");
    let conflict = second.post(&path, &fields("3")).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert!(
        conflict.body.contains("cambiata in un&#x27;altra finestra") || conflict.body.contains("un'altra finestra")
    );
    assert!(
        conflict.body.contains("Da 25 a 34 anni") && conflict.body.contains("nell'altra «Da 25 a 34 anni»"),
        "{}",
        conflict.body
    );
    let chosen = conflict.body.lines().find(|line| line.contains("id=\"item-fascia_eta-3\"")).unwrap();
    assert!(chosen.contains(" checked"), "what was sent is kept: {chosen}");
    let renewed = conflict.value("revision");
    let again =
        [("revision", renewed.as_str()), ("go", "desk"), ("assessed_on", "24/11/2026"), ("item.fascia_eta", "3")];
    assert_eq!(second.post(&path, &again).await.location(), "/scrivania");
}

#[rstest]
#[tokio::test]
async fn what_is_wrong_is_named_and_the_rest_is_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    operator.get(&persona).await;
    let path = operator.post(&format!("{persona}/questionari"), &[("instrument", "asso")]).await.location().to_owned();
    let revision = operator.get(&path).await.value("revision");
    let fields =
        [("revision", revision.as_str()), ("go", "desk"), ("assessed_on", "1/1/2030"), ("item.fascia_eta", "77")];
    let reply = operator.post(&path, &fields).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.body.contains("errore-fascia_eta") && reply.body.contains("href=\"#campo-assessed_on\""));
    let mut colleague = world.logged_in("primo", "colleague").await;
    assert_eq!(colleague.get(&path).await.status, StatusCode::NOT_FOUND, "a draft is its operator's own");
}

#[rstest]
#[tokio::test]
async fn leaving_ends_the_session(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let mut thief = operator.clone();
    let left = operator.post("/esci", &[]).await;
    assert_eq!(left.location(), "/accesso?motivo=uscita");
    assert!(left.headers["clear-site-data"].to_str().unwrap().contains("cookies"));
    assert!(operator.cookies.is_empty());
    assert_eq!(thief.get("/persone").await.location(), "/accesso?motivo=scaduta");
}

#[rstest]
#[tokio::test]
async fn the_platform_admits_an_ente_and_sees_nothing_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut platform = world.logged_in("", "platform_administrator").await;
    let list = platform.get("/enti").await.body;
    assert!(list.contains("Ente primo") && list.contains("Ente secondo"));
    platform.get("/enti/nuovo").await;
    let fields = [
        ("name", "Terzo"),
        ("code", "terzo"),
        ("comuni", "Udine\n093033"),
        ("number", "12/2026"),
        ("signed_on", "2/11/2026"),
        ("from", "3/11/2026"),
        ("until", "31/12/2028"),
        ("maintenance", "ordinaria"),
        ("administrator_name", "Anna Verdi"),
        ("username", "anna"),
    ];
    let without = platform.post("/enti/nuovo", &[&fields[..3], &fields[8..]].concat()).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY, "no Ente without an agreement");
    let reply = platform.post("/enti/nuovo", &fields).await;
    assert!(reply.body.contains("nc-secret") && reply.body.contains("Anna Verdi"), "{}", reply.body);
    let again = platform.post("/enti/nuovo", &fields).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a code is taken once");
    for path in ["/persone", "/questionari", "/operatori"] {
        assert_eq!(platform.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn an_administrator_finds_an_account_by_how_its_name_begins() {
    let world = World::new(Kind::Sqlite).await;
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let new =
        store::NewAccount { display_name: "Niccolò D’Àgata".to_owned(), ..account(Role::Operator, "ndagata") };
    world.store.create_account(&scope, &new, now(), &mut chance(95)).await.unwrap();
    let mut browser = world.logged_in("primo", "ente_administrator").await;
    let everybody = browser.get("/operatori").await.body;
    assert!(everybody.contains("Niccolò") && everybody.contains("Prova colleague"));
    for (searched, is_found) in
        [("nicco", true), ("AGATA+niccolo", true), ("ndag", true), ("gata", false), ("niccolo+x", false)]
    {
        let page = browser.get(&format!("/operatori?cerca={searched}")).await.body;
        assert_eq!(page.contains("D’Àgata"), is_found, "{searched}");
        assert!(!page.contains("Prova colleague"), "{searched}");
        assert_eq!(page.contains("Nessun account comincia così"), !is_found, "{searched}");
    }
    let list = browser.get("/operatori/elenco.csv").await.body;
    assert!(list.contains("Prova colleague") && list.contains("Niccolò"), "the list is of everybody");
}

#[rstest]
#[tokio::test]
async fn the_platform_closes_an_ente_whose_agreement_is_over(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    enters_persona(&mut operator).await;
    let mut platform = world.logged_in("", "platform_administrator").await;
    let ente = world.enti[0];
    let path = format!("/enti/{ente}");
    let page = platform.get(&format!("{path}/chiudi")).await;
    assert!(page.body.contains("ha mai scaricato"));
    let wrong = [("reason", "protocollo 12"), ("code", "secondo")];
    let refused = platform.post(&format!("{path}/chiudi"), &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("Non è il codice di questo Ente."));
    assert_eq!(operator.get("/scrivania").await.status, StatusCode::OK);
    let right = [("reason", "estratti dall'Ente, protocollo 12"), ("code", "primo")];
    assert_eq!(platform.post(&format!("{path}/chiudi"), &right).await.location(), path);
    let page = platform.get(&path).await;
    assert!(page.body.contains("la chiave con cui erano cifrati è stata distrutta"), "{}", page.body);
    let paper = platform.get(&format!("/chiusure/{ente}/attestato.pdf")).await;
    assert!(paper.status == StatusCode::OK && paper.body.starts_with("%PDF-1.7"));
    assert_eq!(platform.get(&format!("{path}/chiudi")).await.status, StatusCode::NOT_FOUND, "it is closed for ever");
    assert!(operator.get("/scrivania").await.location().starts_with("/accesso"));
    assert_eq!(world.browser().log_in("primo", "operator", super::PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.logged_in("secondo", "operator").await.get("/persone").await.status, StatusCode::OK);
    // One whose agreement is in force, and one that does not exist.
    let mut chance = chance(71);
    let scope = world.store.command_line_platform("prova", "test", now()).await.unwrap();
    let today = now().date_naive();
    let new = store::NewAgreement {
        kind: store::AgreementKind::First,
        number: "1/2026".to_owned(),
        text_version: 1,
        signed_on: today,
        from: today,
        until: today + chrono::Days::new(400),
        maintenance: "ordinaria".to_owned(),
    };
    world.store.add_agreement(&scope, world.enti[1], &new, now(), &mut chance).await.unwrap();
    let path = format!("/enti/{}/chiudi", world.enti[1]);
    let page = platform.get(&path).await;
    assert!(page.body.contains("Un Ente si chiude quando la convenzione è finita"));
    let refused = platform.post(&path, &[("reason", "protocollo 13"), ("code", "secondo")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}
