//! Extractions with names: who gets there, what the file holds, what it leaves out.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::time::Duration;

use axum::http::StatusCode;
use rstest::rstest;
use store::{Credentials, EnteScope, PersonaData, Right, Role};
use test_database::Kind;

use super::beside::grant;
use super::{Browser, PASSWORD, Questionnaire, World, chance, now};
use crate::routes::{Need, ROUTES, Verb};

/// The operator's scope, as the store gives it.
async fn scope(world: &World, right: Right, seed: u64) -> EnteScope {
    let credentials =
        Credentials { ente: Some("primo"), username: "operator", password: PASSWORD, peer: [127, 0, 0, 1].into() };
    world.store.login(credentials, now(), &mut chance(seed)).await.unwrap().session.scope(right).unwrap()
}

/// A persona of the first Ente with a questionnaire; its strumento.
async fn assessed(world: &World, surname: &str) -> String {
    let scope = scope(world, Right::Assess, 90).await;
    let instrument = crate::instruments::shipped().unwrap().swap_remove(0);
    let data = PersonaData {
        surname: surname.to_owned(),
        name: "Anna".to_owned(),
        residence: Some("093033".to_owned()),
        note: Some("annotazione che resta".to_owned()),
        ..PersonaData::default()
    };
    let mut chance = chance(91);
    let persona = world.store.create_persona(&scope, &data, now(), &mut chance).await.unwrap();
    let mut sheet = crate::example::sheet(&instrument, 1);
    let last = instrument.items.last().unwrap().id.clone();
    sheet.remove(&last);
    let questionnaire = Questionnaire {
        instrument: &instrument,
        persona,
        assessed_on: now().date_naive(),
        sheet,
        note: Some("nota che resta".to_owned()),
        azione: Some(store::AzioneTerms { due_on: None, followed_by: Some("=Sportello".to_owned()) }),
    };
    questionnaire.validate(&world.store, &scope, &mut chance).await;
    instrument.id.to_string()
}

fn form<'a>(instrument: &'a str, format: &'a str, tables: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("strumento", instrument),
        ("dal", "2026"),
        ("al", "2026"),
        ("formato", format),
        ("motivo", "Verifica dei  fascicoli"),
        ("responsabilita", "1"),
    ];
    fields.extend(tables.iter().map(|&table| ("tabella", table)));
    fields
}

/// The page of an extraction, once it is no longer under way.
pub(super) async fn ended(browser: &mut Browser, path: &str) -> String {
    for _ in 0..600 {
        let page = browser.get(path).await.body;
        if !page.contains("in preparazione") {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the extraction does not end");
}

fn entries(archive: &[u8]) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut all = BTreeMap::new();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        all.insert(entry.name().unwrap().into_owned(), text);
    }
    all
}

#[rstest]
#[tokio::test]
async fn the_right_alone_opens_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let routes = || ROUTES.iter().filter(|route| route.path.starts_with("/estrazioni-con-nomi"));
    assert_eq!(routes().count(), 6);
    let id = "00000000-0000-4000-8000-000000000001";
    for role in Role::ALL.into_iter().filter(|role| role.is_of_an_ente()) {
        for (granted, is_let_in) in [(Right::ExtractPseudonymous, false), (Right::ExtractIdentified, true)] {
            grant(&world, role, &[granted]).await;
            let browser = world.logged_in("primo", role.code()).await;
            for route in routes() {
                assert_eq!(route.need, Need::EnteFresh(Right::ExtractIdentified), "{}", route.path);
                let path = route.path.replace("{extraction}", id);
                let mut browser = browser.clone();
                let reply = match route.verb {
                    Verb::Get => browser.get(&path).await,
                    Verb::Post(_) | Verb::Put(_) | Verb::Delete(_) => browser.post(&path, &[]).await,
                };
                let expected = match (is_let_in, route.path.contains("{extraction}"), route.verb) {
                    (false, ..) => StatusCode::FORBIDDEN,
                    (true, true, _) => StatusCode::NOT_FOUND,
                    (true, false, Verb::Get) => StatusCode::OK,
                    (true, false, Verb::Post(_) | Verb::Put(_) | Verb::Delete(_)) => StatusCode::UNPROCESSABLE_ENTITY,
                };
                assert_eq!(reply.status, expected, "{role:?} {granted:?} {}", route.path);
            }
        }
    }
    let mut browser = world.logged_in("primo", Role::Analyst.code()).await;
    let stale = browser.post_exactly("/estrazioni-con-nomi/nuova", &[("csrf", "0")]).await;
    assert!(stale.status == StatusCode::FORBIDDEN && stale.body.contains("Modulo scaduto"), "the session's token");
    world.clock.pass(11 * 60);
    let reply = browser.get("/estrazioni-con-nomi").await;
    assert_eq!(reply.location(), "/conferma?poi=/estrazioni-con-nomi", "the password again");
}

#[rstest]
#[tokio::test]
async fn the_file_holds_what_the_portal_holds(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let instrument = assessed(&world, "=Rossi").await;
    grant(&world, Role::Operator, &[Right::ExtractIdentified]).await;
    let mut browser = world.logged_in("primo", Role::Operator.code()).await;
    browser.get("/estrazioni-con-nomi/nuova").await;
    let all = ["azioni", "persone", "questionari", "risposte"];
    let reply = browser.post("/estrazioni-con-nomi/nuova", &form(&instrument, "csv", &all)).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    let path = reply.location().to_owned();
    let page = ended(&mut browser, &path).await;
    assert!(page.contains("Scarica il file") && page.contains("Verifica dei fascicoli"), "{page}");

    let scope = scope(&world, Right::ExtractIdentified, 92).await;
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let file = world.store.take_identified(&scope, id, world.clock.now()).await.unwrap();
    let entries = entries(&file);
    let names: Vec<&str> = entries.keys().map(String::as_str).collect();
    let expected = [
        "azioni.csv",
        "codebook_codici.csv",
        "codebook_colonne.csv",
        "codebook_informazioni.csv",
        "persone.csv",
        "questionari.csv",
        "risposte.csv",
    ];
    assert_eq!(names, expected);
    let lines = |name: &str| -> Vec<Vec<String>> {
        entries[name]
            .trim_start_matches('\u{feff}')
            .lines()
            .map(|line| line.split(';').map(str::to_owned).collect())
            .collect()
    };
    let cell = |name: &str, row: usize, column: &str| {
        let lines = lines(name);
        let place = lines[0].iter().position(|head| head == column).unwrap_or_else(|| panic!("no {column}"));
        lines[row][place].clone()
    };
    assert_eq!(lines("persone.csv").len(), 2);
    assert_eq!(cell("persone.csv", 1, "cognome"), "'=Rossi", "no formula");
    assert_eq!(cell("persone.csv", 1, "residenza"), "Pordenone");
    assert_eq!(cell("azioni.csv", 1, "chi_la_segue"), "'=Sportello");
    assert_eq!(cell("questionari.csv", 1, "codice_persona"), cell("persone.csv", 1, "codice_persona"));
    assert_eq!(cell("risposte.csv", 1, "codice_questionario"), cell("questionari.csv", 1, "codice_questionario"));
    assert_eq!(cell("questionari.csv", 1, "data_valutazione"), "2026-11-25");
    let definition = crate::instruments::shipped().unwrap().swap_remove(0);
    let sheet = crate::example::sheet(&definition, 1);
    for item in &definition.items[..10] {
        assert_eq!(cell("risposte.csv", 1, item.id.as_str()), sheet[&item.id].code().to_string(), "{}", item.id);
    }
    let last = definition.items.last().unwrap();
    assert!(cell("risposte.csv", 1, last.id.as_str()).starts_with('-'), "nobody answered the last");
    let columns = lines("codebook_colonne.csv").into_iter().skip(1).map(|line| (line[0].clone(), line[1].clone()));
    let heads = ["persone", "questionari", "risposte", "azioni"].into_iter().flat_map(|table| {
        lines(&format!("{table}.csv"))[0].clone().into_iter().map(move |head| (table.to_owned(), head))
    });
    let mut heads: Vec<_> = heads.collect();
    let mut explained: Vec<_> = columns.collect();
    heads.sort();
    explained.sort();
    assert_eq!(explained, heads, "every column is explained, and no other");
    let whole = entries.values().fold(String::new(), |all, entry| all + entry);
    for kept_back in ["nota che resta", "annotazione che resta", "Prova operator"] {
        assert!(!whole.contains(kept_back), "{kept_back}");
    }

    let taken = browser.get(&format!("{path}/scarica")).await;
    assert_eq!(taken.headers["content-type"], "application/zip");
    let name = taken.headers["content-disposition"].to_str().unwrap();
    assert!(name.starts_with(&format!("attachment; filename=\"estrazione-con-nomi-{instrument}-2026-2026-")), "{name}");
    browser.get(&path).await;
    let reply = browser.post(&format!("{path}/elimina"), &[]).await;
    assert_eq!(reply.location(), "/estrazioni-con-nomi");
    assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_spreadsheet_comes_too_and_a_wrong_form_says_what_is_missing() {
    let world = World::new(Kind::Sqlite).await;
    let instrument = assessed(&world, "Rossi").await;
    grant(&world, Role::EnteAdministrator, &[Right::ExtractIdentified]).await;
    let mut browser = world.logged_in("primo", Role::EnteAdministrator.code()).await;
    browser.get("/estrazioni-con-nomi/nuova").await;
    for (fields, said) in [
        (form(&instrument, "csv", &[]), "Scegliere almeno una tabella."),
        (form(&instrument, "csv", &["x"]), "La scelta non è tra quelle previste."),
        (form("x", "csv", &["persone"]), "La scelta non è tra quelle previste."),
        (form(&instrument, "parquet", &["persone"]), "La scelta non è tra quelle previste."),
        (
            form(&instrument, "csv", &["persone"]).into_iter().filter(|(name, _)| *name != "motivo").collect(),
            "Scrivere il motivo",
        ),
        (
            form(&instrument, "csv", &["persone"]).into_iter().filter(|(name, _)| *name != "responsabilita").collect(),
            "Senza questa dichiarazione",
        ),
    ] {
        let reply = browser.post("/estrazioni-con-nomi/nuova", &fields).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(reply.body.contains(said), "{said}: {}", reply.body);
    }
    assert!(browser.get("/estrazioni-con-nomi").await.body.contains("Nessuna estrazione"), "nothing was begun");
    let reply = browser.post("/estrazioni-con-nomi/nuova", &form(&instrument, "xlsx", &["questionari"])).await;
    let path = reply.location().to_owned();
    let page = ended(&mut browser, &path).await;
    assert!(page.contains("Scarica il file (XLSX"), "{page}");
    let taken = browser.get(&format!("{path}/scarica")).await;
    assert!(taken.body.starts_with("PK"), "a spreadsheet is an archive");
}
