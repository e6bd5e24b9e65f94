//! A draft that its page saves by itself, and one that is taken along: what the scripts ask for and what they are told.

use axum::http::StatusCode;
use rstest::rstest;
use serde_json::Value;
use test_database::Kind;

use super::{Browser, Reply, World};

fn json(reply: &Reply) -> Value {
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("application/json"), "{}", reply.body);
    assert_eq!(reply.headers["cache-control"], "no-store");
    serde_json::from_str(&reply.body).unwrap()
}

/// A persona and a draft of ASSO; gives the draft's path and that of its first part.
async fn begins(operator: &mut Browser) -> (String, String) {
    operator.get("/persone/nuova").await;
    let fields = [("action", "save"), ("surname", "Canarini"), ("name", "Serafina"), ("birth_date", "1/1/1980")];
    let reply = operator.post("/persone/nuova", &fields).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    let persona = reply.location().split('?').next().unwrap().to_owned();
    operator.get(&persona).await;
    let part = operator.post(&format!("{persona}/questionari"), &[("instrument", "asso")]).await.location().to_owned();
    operator.get(&part).await;
    (part.split("/parte/").next().unwrap().to_owned(), part)
}

/// The Ente's administrator switches taking along on or off, on the page.
async fn switches(world: &World, offline: &str) {
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    administrator.get("/impostazioni").await;
    let fields = [("offline", offline), ("days.asso", "180"), ("days.isa", "90"), ("retention", "0")];
    assert_eq!(administrator.post("/impostazioni", &fields).await.location(), "/impostazioni?fatto=1");
}

/// What a device sends: the answers of its copy, with some of them changed.
fn sheet(copy: &Value, changes: &[(&str, &str)], revision: i64) -> Vec<(String, String)> {
    let answers = copy["answers"].as_object().unwrap().iter();
    let answers = answers.map(|(id, code)| {
        let changed = changes.iter().find(|(name, _)| name == id).map(|(_, code)| (*code).to_owned());
        (format!("item.{id}"), changed.unwrap_or_else(|| code.as_str().unwrap().to_owned()))
    });
    let rest = [("revision".to_owned(), revision.to_string()), ("assessed_on".to_owned(), "24/11/2026".to_owned())];
    answers.chain(rest).collect()
}

async fn sends(operator: &mut Browser, draft: &str, fields: &[(String, String)]) -> Reply {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    operator.post(&format!("{draft}/fuori-rete"), &fields).await
}

#[rstest]
#[tokio::test]
async fn a_page_saves_by_itself_and_is_told_what_came_of_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let (_, part) = begins(&mut operator).await;
    let with = |revision: &'static str, age: &'static str| {
        [("auto", "1"), ("go", "desk"), ("assessed_on", "24/11/2026"), ("revision", revision), ("item.fascia_eta", age)]
    };
    let saved = operator.post(&part, &with("1", "2")).await;
    assert_eq!(saved.status, StatusCode::OK);
    let saved = json(&saved);
    assert_eq!((saved["revision"].as_i64(), saved["saved_at"].as_str()), (Some(2), Some("10:00")));
    assert_eq!(saved["to"], "/scrivania");
    let page = operator.get(&part).await;
    assert_eq!(page.value("revision"), "2");
    let chosen = page.body.lines().find(|line| line.contains("id=\"item-fascia_eta-2\"")).unwrap();
    assert!(chosen.contains(" checked"));
    assert!(
        page.headers["content-security-policy"].to_str().unwrap().contains("script-src 'self'; connect-src 'self'")
    );

    let stale = operator.post(&part, &with("1", "3")).await;
    assert_eq!((stale.status, json(&stale)), (StatusCode::CONFLICT, serde_json::json!({})));
    assert_eq!(operator.get(&part).await.value("revision"), "2", "nothing was written");

    let wrong = [("auto", "1"), ("go", "desk"), ("assessed_on", "ieri"), ("revision", "2"), ("item.fascia_eta", "3")];
    let wrong = json(&operator.post(&part, &wrong).await);
    assert_eq!((wrong["revision"].as_i64(), wrong["to"].is_null()), (Some(3), true), "the answers are saved");
    assert_eq!(operator.get(&part).await.value("revision"), "3");

    // Logged in again elsewhere: the old token is refused, the new one is had by asking.
    let old = operator.csrf.clone();
    let mut again = world.logged_in("primo", "operator").await;
    again.csrf = old.clone();
    assert_eq!(again.post(&part, &with("3", "4")).await.status, StatusCode::FORBIDDEN);
    let renewed = json(&again.get("/sessione.json").await)["csrf"].as_str().unwrap().to_owned();
    assert_ne!(renewed, old);
    again.csrf = renewed;
    assert_eq!(again.post(&part, &with("3", "4")).await.status, StatusCode::OK);
    let mut colleague = world.logged_in("primo", "colleague").await;
    assert_eq!(colleague.post(&part, &with("4", "1")).await.status, StatusCode::NOT_FOUND);
}

#[rstest]
#[tokio::test]
async fn a_draft_is_taken_along_without_a_name_and_comes_back(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let (draft, part) = begins(&mut operator).await;
    switches(&world, "si").await;
    assert!(operator.get(&part).await.body.contains("value=\"fuori-rete\""), "the page offers it");
    let go = [("go", "fuori-rete"), ("assessed_on", "24/11/2026"), ("revision", "1"), ("item.fascia_eta", "2")];
    assert_eq!(operator.post(&part, &go).await.location(), format!("{draft}/fuori-rete"), "it is saved first");
    assert_eq!(operator.get(&format!("{draft}/fuori-rete")).await.status, StatusCode::OK);
    let copied = operator.get(&format!("{draft}/fuori-rete.json")).await;
    for identity in ["Canarini", "Serafina", "1980"] {
        assert!(!copied.body.contains(identity), "{identity} stays in the portal");
    }
    let copy = json(&copied);
    assert_eq!((copy["format"].as_i64(), copy["revision"].as_i64()), (Some(1), Some(2)));
    assert_eq!((&copy["answers"]["fascia_eta"], &copy["assessed_on"]), (&"2".into(), &"24/11/2026".into()));
    assert_eq!(copy["answers"].as_object().unwrap().len(), 25);

    let all = sheet(&copy, &[("titolo_studio", "1")], 2);
    let without: Vec<_> = all.iter().filter(|(name, _)| name != "item.fascia_eta").cloned().collect();
    assert_eq!(sends(&mut operator, &draft, &without).await.status, StatusCode::BAD_REQUEST, "an item is not there");
    let strange = sheet(&copy, &[("fascia_eta", "77")], 2);
    assert_eq!(sends(&mut operator, &draft, &strange).await.status, StatusCode::BAD_REQUEST);
    let mut late = all.clone();
    late.iter_mut().filter(|(name, _)| name == "assessed_on").for_each(|(_, day)| *day = "26/11/2026".to_owned());
    let refused = sends(&mut operator, &draft, &late).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(json(&refused)["problem"].as_str().unwrap().contains("futur"), "{}", refused.body);
    let saved = sends(&mut operator, &draft, &all).await;
    assert_eq!((saved.status, json(&saved)["revision"].as_i64()), (StatusCode::OK, Some(3)));

    let changed = sends(&mut operator, &draft, &sheet(&copy, &[("fascia_eta", "3")], 2)).await;
    assert_eq!(changed.status, StatusCode::CONFLICT);
    let portal = json(&changed);
    assert_eq!((&portal["revision"], &portal["answers"]["fascia_eta"]), (&3.into(), &"2".into()));
    let decided = sheet(&copy, &[("fascia_eta", "3")], 3);
    assert_eq!(sends(&mut operator, &draft, &decided).await.status, StatusCode::OK);
    let mut colleague = world.logged_in("primo", "colleague").await;
    assert_eq!(sends(&mut colleague, &draft, &decided).await.status, StatusCode::NOT_FOUND);
    assert_eq!(colleague.get(&format!("{draft}/fuori-rete.json")).await.status, StatusCode::NOT_FOUND);

    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let audit = administrator.get("/registro").await.body;
    assert!(audit.contains("draft.take") && audit.contains("settings.change"), "both are in the audit");
}

#[rstest]
#[tokio::test]
async fn where_it_is_off_nothing_is_taken_and_what_was_taken_can_come_back(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let (draft, part) = begins(&mut operator).await;
    let nothing = operator.get("/bozze/00000000-0000-4000-8000-000000000001/fuori-rete.json").await;
    let is_off = async |operator: &mut Browser| {
        for path in ["fuori-rete", "fuori-rete.json"] {
            let reply = operator.get(&format!("{draft}/{path}")).await;
            assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &nothing.body), "{path}");
        }
        assert!(!operator.get(&part).await.body.contains("value=\"fuori-rete\""));
    };
    is_off(&mut operator).await;
    switches(&world, "si").await;
    let copy = json(&operator.get(&format!("{draft}/fuori-rete.json")).await);
    switches(&world, "").await;
    is_off(&mut operator).await;
    let saved = sends(&mut operator, &draft, &sheet(&copy, &[("fascia_eta", "3")], 1)).await;
    assert_eq!(saved.status, StatusCode::OK, "{}", saved.body);
    let other = world.store.command_line(world.enti[1], "prova", "test", super::now()).await.unwrap();
    switches(&world, "si").await;
    assert!(!world.store.allows_offline(&other).await.unwrap(), "an Ente decides for itself alone");
}

#[rstest]
#[tokio::test]
async fn the_settings_of_an_ente_are_set_on_a_page(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let page = administrator.get("/impostazioni").await;
    assert_eq!((page.value("days.asso").as_str(), page.value("days.isa").as_str()), ("180", "90"));
    for days in ["", "x", "-1", "1827"] {
        let fields = [("offline", "si"), ("days.asso", days), ("days.isa", "60"), ("retention", "0")];
        let reply = administrator.post("/impostazioni", &fields).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "«{days}»");
        assert!(reply.body.contains("errore-days.asso"), "«{days}»");
    }
    let scope = world.store.command_line(world.enti[0], "prova", "test", super::now()).await.unwrap();
    assert!(!world.store.allows_offline(&scope).await.unwrap(), "a form that is refused sets nothing");
    assert!(world.store.reassess_days(&scope).await.unwrap().is_empty());
    let fields = [("offline", "si"), ("days.asso", "180"), ("days.isa", "0"), ("retention", "0")];
    assert_eq!(administrator.post("/impostazioni", &fields).await.location(), "/impostazioni?fatto=1");
    let set = world.store.reassess_days(&scope).await.unwrap();
    assert_eq!(set.into_iter().map(|(id, days)| (id.to_string(), days)).collect::<Vec<_>>(), [("isa".to_owned(), 0)]);
    assert!(world.store.allows_offline(&scope).await.unwrap());
}

#[rstest]
#[tokio::test]
async fn what_the_browser_keeps_is_the_same_for_everybody(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let mut nobody = world.browser();
    for path in ["/fuori-rete", "/sw.js"] {
        let (theirs, public) = (operator.get(path).await, nobody.get(path).await);
        assert_eq!(theirs.status, StatusCode::OK);
        assert_eq!(theirs.body, public.body, "{path}");
        assert!(!theirs.body.contains("csrf") && !theirs.body.contains("Prova operator"), "{path}");
        let policy = theirs.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    let worker = nobody.get("/sw.js").await;
    assert_eq!(worker.headers["content-type"], "text/javascript; charset=utf-8");
    let files = worker.body.lines().find_map(|line| line.strip_prefix("const FILES = ")).unwrap();
    let files: Vec<String> = serde_json::from_str(files.trim_end_matches(';')).unwrap();
    assert_eq!(files[0], "/fuori-rete");
    for file in &files {
        assert_eq!(nobody.router.clone().oneshot_status(file).await, StatusCode::OK, "{file}");
    }
    // Whatever the page's modules ask for is among them: a file that is not would be missing without network.
    for name in ["offline.js", "vault.js", "keys.js", "page.js"] {
        let asset = templates::ASSETS.iter().find(|asset| asset.name == name).unwrap();
        let source = std::str::from_utf8(asset.bytes).unwrap();
        for imported in source.split("from './").skip(1).filter_map(|rest| rest.split('\'').next()) {
            assert!(files.contains(&templates::asset_path(imported)), "{name} imports {imported}");
        }
    }
    let left = operator.post("/esci", &[]).await;
    let cleared = left.headers["clear-site-data"].to_str().unwrap();
    assert!(!cleared.contains("storage"), "what waits to be sent is not thrown away by logging out");
}

/// The status of an address whose body is no text.
trait OneshotStatus {
    async fn oneshot_status(self, path: &str) -> StatusCode;
}

impl OneshotStatus for axum::Router {
    async fn oneshot_status(self, path: &str) -> StatusCode {
        use tower::ServiceExt;
        let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        self.oneshot(request).await.unwrap().status()
    }
}
