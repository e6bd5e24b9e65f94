//! What programs do with a token: the same as the pages, and no more.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{Method, Request, StatusCode};
use chrono::NaiveDate;
use http_body_util::BodyExt;
use rstest::rstest;
use serde_json::{Value, json};
use store::{Credentials, ErasureGround, NewToken, Right, Role, TokenScope};
use test_database::Kind;
use tower::ServiceExt;

use super::{PASSWORD, Reply, World, chance, now};
use crate::routes::{Need, ROUTES, Verb};

/// The scopes that a role opens: the others take a right that is given by name.
pub(super) const OF_A_ROLE: [TokenScope; 4] =
    [TokenScope::PersoneRead, TokenScope::PersoneWrite, TokenScope::QuestionariRead, TokenScope::QuestionariWrite];

/// A program of somebody's.
#[derive(Clone)]
pub(super) struct Client<'a> {
    world: &'a World,
    pub(super) token: String,
}

impl Client<'_> {
    pub(super) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        sent(self.world, request.unwrap()).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// A POST that its sender calls `key`.
    async fn post_as(&self, key: &str, path: &str, body: &Value) -> Reply {
        let request = Request::post(path)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()));
        sent(self.world, request.unwrap()).await
    }
}

pub(super) async fn sent(world: &World, request: Request<Body>) -> Reply {
    let response = world.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

/// Each login has a generator of its own: the same one would make the same session.
static SEED: AtomicU64 = AtomicU64::new(900);

/// A program with a token that an account has just made. The platform's Ente is "".
pub(super) async fn client<'a>(world: &'a World, ente: &str, username: &str, scopes: &[TokenScope]) -> Client<'a> {
    let mut chance = chance(SEED.fetch_add(1, Ordering::Relaxed));
    let mut now = world.clock.now();
    let ente = (!ente.is_empty()).then_some(ente);
    let credentials = Credentials { ente, username, password: PASSWORD, peer: [127, 0, 0, 1].into() };
    let login = world.store.login(credentials, now, &mut chance).await.unwrap();
    let mut session = login.session;
    if session.require_proved().is_err() {
        // A code is good once.
        world.clock.pass(30);
        now = world.clock.now();
        let code = store::totp_code(&store::totp_secret(&super::TOTP_SECRET), now).unwrap();
        world.store.prove_second_factor(&session, &code, [127, 0, 0, 1].into(), now).await.unwrap();
        session = world.store.session(&login.token, now).await.unwrap();
    }
    let new = NewToken { name: "Gestionale".to_owned(), scopes: scopes.iter().copied().collect(), days: 30 };
    let (_, secret) = world.store.create_token(&session, &new, now, &mut chance).await.unwrap();
    Client { world, token: secret.expose().to_string() }
}

fn json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {}", reply.body))
}

/// The code of a problem, once its form is found to be that of RFC 9457.
pub(super) fn problem(reply: &Reply) -> String {
    assert_eq!(reply.headers[CONTENT_TYPE], "application/problem+json", "{}", reply.body);
    let problem = json(reply);
    assert_eq!(problem["status"], reply.status.as_u16());
    assert_eq!(problem["type"], "about:blank");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    problem["code"].as_str().unwrap().to_owned()
}

fn maria() -> Value {
    json!({
        "surname": "Rossi",
        "name": "Maria",
        "identifier": { "kind": "codice_fiscale", "code": "RSSMRA85T50A562P" },
        "residence": "093033",
        "disadvantage": [],
        "education": "isced_3_4",
    })
}

/// A whole questionnaire, every item answered at a place of its options.
fn questionario(place: usize) -> Value {
    let instrument = crate::instruments::shipped().unwrap().swap_remove(0);
    let answers: serde_json::Map<String, Value> = instrument
        .items
        .iter()
        .map(|item| {
            let place = if item.id.as_str() == "fascia_eta" { 2 } else { place };
            (item.id.to_string(), item.options[place.min(item.options.len() - 1)].value.into())
        })
        .collect();
    let rechecked: Vec<String> = instrument.consistency.iter().map(|rule| rule.id.to_string()).collect();
    json!({
        "instrument": instrument.id.as_str(),
        "version": instrument.version,
        "filled": {
            "assessed_on": now().date_naive(),
            "answers": answers,
            "evaluation": { "kind": "confirmed" },
            "azioni": [{ "azione": instrument.azioni[0].id.as_str(), "due_on": "2027-03-31", "followed_by": "il CPI" }],
            "rechecked": rechecked,
        },
    })
}

/// A code of the person of these tests, with the check letter computed.
fn code_of(first: &str) -> String {
    let on = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let whole = |letter: u8| format!("{first}{}", char::from(letter));
    (b'A'..=b'Z').map(whole).find(|code| domain::identifier::CodiceFiscale::parse(code, on).is_ok()).unwrap()
}

#[rstest]
#[tokio::test]
async fn a_program_does_a_day_s_work(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let program = client(&world, "primo", "operator", &OF_A_ROLE).await;
    let mut maria = maria();
    maria["identifier"]["code"] = code_of("RSSMRA85T50A562").into();

    let made = program.post("/api/v1/persone", &maria).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = made.headers[LOCATION].to_str().unwrap().to_owned();
    let persona = program.get(&path).await;
    assert_eq!(persona.headers["cache-control"], "no-store");
    let persona = json(&persona);
    // What the code says was filled in, as the form does.
    assert_eq!((&persona["data"]["sex"], &persona["data"]["birth_date"]), (&json!("f"), &json!("1985-12-10")));
    let twice = program.post("/api/v1/persone", &maria).await;
    assert_eq!((twice.status, problem(&twice).as_str()), (StatusCode::CONFLICT, "identifier-taken"));

    for search in [json!({ "name": "ROSSI mar" }), json!({ "identifier": maria["identifier"] })] {
        let found = json(&program.post("/api/v1/persone/cerca", &search).await);
        assert_eq!(found["persone"][0]["id"], persona["id"], "{search}");
    }

    let mut change = json!({ "revision": 1, "data": persona["data"] });
    change["data"]["phone"] = "0434 1".into();
    assert_eq!(json(&program.put(&path, &change).await)["revision"], 2);
    let late = program.put(&path, &change).await;
    assert_eq!((late.status, problem(&late).as_str()), (StatusCode::CONFLICT, "conflict"));
    change["data"]["sex"] = "m".into();
    let wrong = program.put(&path, &change).await;
    assert_eq!((wrong.status, problem(&wrong).as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "fields"));
    assert_eq!(json(&wrong)["fields"][0], json!({ "field": "sex", "code": "identifier_differs" }));

    let made = program.post(&format!("{path}/questionari"), &questionario(1)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let at = made.headers[LOCATION].to_str().unwrap().to_owned();
    let one = json(&program.get(&at).await);
    let sent = questionario(1);
    assert_eq!(one["answers"], sent["filled"]["answers"]);
    assert_eq!((&one["is_current"], &one["evaluation"]["kind"]), (&json!(true), &json!("confirmed")));
    assert_eq!(one["operator"]["name"], "Prova operator");
    assert_eq!(one["azioni"][0]["followed_by"], "il CPI");
    assert!(one["scores"][0]["points"].is_i64());
    let resource = program.get(&format!("{at}/fhir")).await;
    assert_eq!(resource.headers[CONTENT_TYPE], "application/fhir+json");
    assert_eq!(json(&resource)["resourceType"], "QuestionnaireResponse");
    assert!(!resource.body.contains("Rossi"), "the persona is an id");
    let report = program.get(&format!("{at}/relazione.pdf")).await;
    assert_eq!((report.status, report.body.starts_with("%PDF-1.7")), (StatusCode::OK, true), "{}", report.status);

    let mut correction = json!({ "reason": "una risposta sbagliata", "filled": questionario(2)["filled"] });
    correction["filled"]["outcomes"] = json!([]);
    let corrected = program.post(&format!("{at}/correggi"), &correction).await;
    assert_eq!(corrected.status, StatusCode::CREATED, "{}", corrected.body);
    let newest = corrected.headers[LOCATION].to_str().unwrap().to_owned();
    let again = program.post(&format!("{at}/correggi"), &correction).await;
    assert_eq!((again.status, problem(&again).as_str()), (StatusCode::CONFLICT, "superseded"));
    let annulled = program.post(&format!("{newest}/annulla"), &json!({ "reason": "era un'altra persona" })).await;
    assert_eq!(annulled.status, StatusCode::NO_CONTENT, "{}", annulled.body);
    assert_eq!(json(&program.get(&newest).await)["annulment"]["reason"], "era un'altra persona");

    let history = json(&program.get(&format!("{path}/questionari")).await);
    assert_eq!(history["questionari"].as_array().unwrap().len(), 2);
    let first = json(&program.get("/api/v1/questionari?limit=1&instrument=asso").await);
    assert_eq!((first["questionari"].as_array().unwrap().len(), &first["next_offset"]), (1, &json!(1)));
    let current = json(&program.get("/api/v1/questionari?current_only=true").await);
    assert_eq!(current, json!({ "questionari": [], "next_offset": null }));

    // The Ente's administrator sees that it was a program.
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let register = administrator.get("/registro?azione=assessment").await;
    assert!(register.body.contains("con una chiave per programmi"));
    assert!(register.body.contains("Prova operator"));
}

#[rstest]
#[tokio::test]
async fn what_does_not_fit_is_refused_and_leaves_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let program = client(&world, "primo", "operator", &OF_A_ROLE).await;
    let made = program.post("/api/v1/persone", &json!({ "surname": "Verdi", "name": "Ada" })).await;
    let persona = made.headers[LOCATION].to_str().unwrap().to_owned();
    let path = format!("{persona}/questionari");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = questionario(1);
        change(&mut body);
        body
    };
    let refused: [(Value, u16, &str); 11] = [
        (with(&|body| body["filled"]["evaluation"]["kind"] = "absent".into()), 422, "evaluation"),
        (with(&|body| body["filled"]["evaluation"]["kind"] = "overridden".into()), 422, "reason-missing"),
        (with(&|body| body["filled"]["evaluation"]["kind"] = "maybe".into()), 400, "bad-request"),
        (with(&|body| body["filled"]["answers"]["fascia_eta"] = 99.into()), 422, "answers"),
        (with(&|body| body["filled"]["answers"]["altro"] = 1.into()), 422, "answers"),
        (with(&|body| body["filled"]["answers"]["fascia_eta"] = (-9).into()), 422, "answers"),
        (with(&|body| body["filled"]["assessed_on"] = "2027-01-01".into()), 422, "assessed-on"),
        (with(&|body| body["filled"]["azioni"][0]["azione"] = "nessuna".into()), 422, "azione"),
        (with(&|body| body["filled"]["azioni"][0]["due_on"] = "2026-01-01".into()), 422, "azione"),
        (with(&|body| body["version"] = 7.into()), 422, "other-definition"),
        (with(&|body| body["sorprese"] = 7.into()), 400, "bad-request"),
    ];
    for (body, status, code) in &refused {
        let reply = program.post(&path, body).await;
        assert_eq!((reply.status.as_u16(), problem(&reply).as_str()), (*status, *code), "{}", reply.body);
    }
    // A soft rule that nobody looked at, and a hard one, name themselves.
    let instrument = crate::instruments::shipped().unwrap().swap_remove(0);
    let old = json!({ "revision": 1, "data": { "surname": "Verdi", "name": "Ada", "birth_date": "1940-01-01" } });
    assert_eq!(program.put(&persona, &old).await.status, StatusCode::OK);
    let hard = program.post(&path, &questionario(1)).await;
    assert_eq!((hard.status.as_u16(), problem(&hard).as_str()), (422, "inconsistent"));
    let rules = json(&hard)["rules"].as_array().unwrap().clone();
    assert!(!rules.is_empty());
    for rule in rules {
        assert!(instrument.consistency.iter().any(|known| rule == known.id.as_str()));
    }
    let history = json(&program.get(&path).await);
    assert!(history["questionari"].as_array().unwrap().is_empty());
    let desk = world.logged_in("primo", "operator").await.get("/scrivania").await;
    assert!(!desk.body.contains("/bozze/"), "no draft stays behind");

    for (body, kind, expected) in [
        ("{}", "text/plain", "media-type"),
        ("{", "application/json", "bad-request"),
        ("[]", "application/json; charset=utf-8", "bad-request"),
    ] {
        let request = Request::post("/api/v1/persone")
            .header(AUTHORIZATION, format!("Bearer {}", program.token))
            .header(CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        assert_eq!(problem(&sent(&world, request).await), expected, "{body}");
    }
    let large = json!({ "surname": "x".repeat(300_000), "name": "y" });
    assert_eq!(problem(&program.post("/api/v1/persone", &large).await), "too-large");
    for query in ["limit=0", "limit=101", "offset=-1", "scale=x", "from=ieri", "sorpresa=1", "instrument=A!"] {
        let reply = program.get(&format!("/api/v1/questionari?{query}")).await;
        assert_eq!((reply.status.as_u16(), problem(&reply).as_str()), (400, "bad-request"), "{query}");
    }
    assert_eq!(problem(&program.get("/api/v1/nulla").await), "not-found");
}

#[rstest]
#[tokio::test]
async fn a_request_sent_again_is_done_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let program = client(&world, "primo", "operator", &OF_A_ROLE).await;
    let (key, other) = ("\"0b7f3c1e-5f0a-4a39-9c0c-3f5f1d0f6a11\"", "7c0f4a52-8e4e-4dd0-a0a3-2a1b0c9d8e7f");
    let verdi = json!({ "surname": "Verdi", "name": "Ada" });
    let first = program.post_as(key, "/api/v1/persone", &verdi).await;
    let again = program.post_as(key, "/api/v1/persone", &verdi).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED), "{}", again.body);
    assert_eq!(first.body, again.body);
    let reused = program.post_as(key, "/api/v1/persone", &json!({ "surname": "Neri", "name": "Ada" })).await;
    assert_eq!((reused.status.as_u16(), problem(&reused).as_str()), (422, "key-reused"));
    assert_ne!(program.post_as(other, "/api/v1/persone", &verdi).await.body, first.body);
    // A colleague who happens upon the same key makes their own.
    let colleague = client(&world, "primo", "colleague", &OF_A_ROLE).await;
    assert_ne!(colleague.post_as(key, "/api/v1/persone", &verdi).await.body, first.body);

    let path = format!("{}/questionari", first.headers[LOCATION].to_str().unwrap());
    let body = questionario(1);
    let one = || program.post_as(key, &path, &body);
    let (first, second, third, fourth) = tokio::join!(one(), one(), one(), one());
    for reply in [&second, &third, &fourth] {
        assert_eq!((reply.status, &reply.body), (StatusCode::CREATED, &first.body));
    }
    assert_eq!(json(&program.get(&path).await)["questionari"].as_array().unwrap().len(), 1);
    for change in [
        |body: &mut Value| body["filled"]["assessed_on"] = "2026-01-07".into(),
        |body: &mut Value| body["filled"]["answers"]["fascia_eta"] = (-2).into(),
        |body: &mut Value| body["filled"]["azioni"] = json!([]),
    ] {
        let mut changed = body.clone();
        change(&mut changed);
        let reused = program.post_as(key, &path, &changed).await;
        assert_eq!((reused.status.as_u16(), problem(&reused).as_str()), (422, "key-reused"), "{changed}");
    }
    for senseless in ["7", "", "00000000-0000-0000-0000-000000000000"] {
        let reply = program.post_as(senseless, &path, &body).await;
        assert_eq!((reply.status.as_u16(), problem(&reply).as_str()), (400, "bad-request"), "{senseless}");
    }
    // Whoever was erased does not come back with a request that was waiting.
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let persona = json(&again)["id"].as_str().unwrap().parse().unwrap();
    world.store.erase_persona(&scope, persona, ErasureGround::Request, now(), &mut chance(92)).await.unwrap();
    let late = program.post_as(key, "/api/v1/persone", &verdi).await;
    assert_eq!((late.status.as_u16(), problem(&late).as_str()), (422, "key-reused"));
}

#[rstest]
#[tokio::test]
async fn a_report_says_as_data_what_the_page_says(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let program = client(&world, "primo", "operator", &OF_A_ROLE).await;
    let made = program.post("/api/v1/persone", &json!({ "surname": "Verdi", "name": "Ada" })).await;
    let path = format!("{}/questionari", made.headers[LOCATION].to_str().unwrap());
    let made = program.post(&path, &questionario(1)).await;
    let at = made.headers[LOCATION].to_str().unwrap();
    let (one, report) = (json(&program.get(at).await), json(&program.get(&format!("{at}/relazione")).await));
    assert_eq!(report["questionario"], one["id"]);
    assert_eq!(report["profile"]["id"], one["profile"]);
    let blocks: Vec<&Value> = report["blocks"].as_array().unwrap().iter().map(|block| &block["id"]).collect();
    assert_eq!(blocks, one["blocks"].as_array().unwrap().iter().collect::<Vec<_>>());
    let mut page = world.logged_in("primo", "operator").await;
    let page = page.get(&format!("/questionari/{}", one["id"].as_str().unwrap())).await.body;
    for (scale, score) in report["scales"].as_array().unwrap().iter().zip(one["scores"].as_array().unwrap()) {
        for same in ["points", "reachable", "is_valid", "items_answered"] {
            assert_eq!(scale[same], score[same], "{same}");
        }
        assert_eq!((&scale["id"], &scale["level"]["id"]), (&score["scale"], &score["level"]));
        let given = scale["contributions"].as_array().unwrap();
        let sum: i64 = given.iter().map(|one| one["points"].as_i64().unwrap()).sum();
        assert_eq!(sum, scale["points"].as_i64().unwrap(), "what the answers gave is the whole");
        let title = scale["level"]["title"].as_str().unwrap_or_default().replace('\'', "&#x27;");
        assert!(page.contains(&title), "the page says {title} too");
    }
    assert!(!report.to_string().contains("Verdi"), "it names nobody");
}

#[rstest]
#[tokio::test]
async fn a_program_with_the_right_takes_out_names(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let plain = client(&world, "primo", "operator", &OF_A_ROLE).await;
    let made = plain.post("/api/v1/persone", &json!({ "surname": "Verdi", "name": "Ada" })).await;
    let path = format!("{}/questionari", made.headers[LOCATION].to_str().unwrap());
    assert_eq!(plain.post(&path, &questionario(1)).await.status, StatusCode::CREATED);
    super::beside::grant(&world, Role::Operator, &[Right::ExtractIdentified]).await;
    let program = client(&world, "primo", "operator", &[TokenScope::EstrazioniIdentified]).await;
    let wanted = json!({
        "instrument": "asso", "from": 2026, "until": 2026, "tables": ["questionari", "persone"], "format": "csv",
        "reason": "Verifica dei fascicoli",
    });
    let with = |name: &str, value: Value| {
        let mut body = wanted.clone();
        body[name] = value;
        body
    };
    for wrong in [
        with("instrument", "nessuno".into()),
        with("from", 2027.into()),
        with("tables", json!([])),
        with("tables", json!(["persone", "persone"])),
        with("tables", json!(["altro"])),
        with("format", "pdf".into()),
        with("reason", "  a ".into()),
        with("scale", "x".into()),
    ] {
        let reply = program.post("/api/v1/estrazioni", &wrong).await;
        assert_eq!((reply.status.as_u16(), problem(&reply).as_str()), (422, "extraction"), "{wrong}");
    }
    let asked = program.post("/api/v1/estrazioni", &wanted).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let at = asked.headers[LOCATION].to_str().unwrap().to_owned();
    let mut one = Value::Null;
    for _ in 0..600 {
        one = json(&program.get(&at).await);
        if one["state"] != "running" {
            break;
        }
        let early = program.get(&format!("{at}/file")).await;
        assert!(early.status == StatusCode::OK || problem(&early) == "not-ready");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(one["state"], "ready", "{one}");
    assert_eq!(one["rows"], json!([{ "table": "persone", "rows": 1 }, { "table": "questionari", "rows": 1 }]));
    let file = program.get(&format!("{at}/file")).await;
    assert!(file.status == StatusCode::OK && file.body.starts_with("PK"), "an archive");
    assert_eq!(json(&program.get("/api/v1/estrazioni").await)["estrazioni"][0]["id"], one["id"]);
    // Nobody was made valid by this account, in this unità: an empty file is a file too.
    let nobody = with("operator", world.accounts[&(0, "manager".to_owned())].to_string().into());
    let asked = program.post("/api/v1/estrazioni", &nobody).await;
    let empty = asked.headers[LOCATION].to_str().unwrap().to_owned();
    for _ in 0..600 {
        one = json(&program.get(&empty).await);
        if one["state"] != "running" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(one["rows"][0]["rows"], 0, "{one}");
    assert_eq!(program.send(Method::DELETE, &at, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(program.get(&at).await.status, StatusCode::NOT_FOUND);
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let register = administrator.get("/registro?azione=identified_extraction").await.body;
    assert!(register.contains("Verifica dei fascicoli") && register.contains("con una chiave per programmi"));
    assert!(!register.contains("persona.create"), "nothing else than what was asked for");
    // The right is taken away: the token opens nothing any more.
    super::beside::grant(&world, Role::Operator, &[]).await;
    let refused = program.get("/api/v1/estrazioni").await;
    assert_eq!((refused.status.as_u16(), problem(&refused).as_str()), (403, "not-allowed"));
}

#[rstest]
#[tokio::test]
async fn a_restricted_persona_is_read_and_not_changed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let program = client(&world, "primo", "operator", &OF_A_ROLE).await;
    let made = program.post("/api/v1/persone", &json!({ "surname": "Verdi", "name": "Ada" })).await;
    let path = made.headers[LOCATION].to_str().unwrap().to_owned();
    let done = program.post(&format!("{path}/questionari"), &questionario(1)).await;
    let done = done.headers[LOCATION].to_str().unwrap().to_owned();
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let persona = path.rsplit('/').next().unwrap().parse().unwrap();
    world.store.restrict_persona(&scope, persona, "lo chiede", now(), &mut chance(91)).await.unwrap();
    assert_eq!(json(&program.get(&path).await)["is_restricted"], true);
    let change = json!({ "revision": 1, "data": { "surname": "Verdi", "name": "Ida" } });
    let refusals = [
        program.put(&path, &change).await,
        program.post(&format!("{path}/questionari"), &questionario(1)).await,
        program.post(&format!("{done}/annulla"), &json!({ "reason": "x" })).await,
        program.post(&format!("{done}/correggi"), &json!({ "reason": "x", "filled": questionario(1)["filled"] })).await,
    ];
    for refused in refusals {
        assert_eq!((refused.status, problem(&refused).as_str()), (StatusCode::CONFLICT, "restricted"));
    }
}

#[rstest]
#[tokio::test]
async fn a_key_is_made_shown_once_used_and_revoked(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let form = operator.get("/account/chiavi").await;
    assert!(form.body.contains("questionari:write"));
    let empty = operator.post("/account/chiavi", &[("token_name", ""), ("days", "30")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.body.contains("Va scelta almeno una cosa"));
    let fields = [("token_name", "Gestionale"), ("days", "90"), ("scope", "persone:read")];
    let made = operator.post("/account/chiavi", &fields).await;
    let at = made.body.find("noncello_").expect("the key is shown");
    let token = made.body[at..].split('<').next().unwrap().to_owned();
    let program = Client { world: &world, token: token.clone() };
    let search = json!({ "name": "rossi" });
    assert_eq!(program.post("/api/v1/persone/cerca", &search).await.status, StatusCode::OK);
    let account = operator.get("/account").await;
    assert!(account.body.contains("Gestionale") && !account.body.contains(&token));
    // An administrator sees it and revokes it; nobody else's is found.
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let known = format!("/operatori/{}", world.accounts[&(0, "operator".to_owned())]);
    let page = administrator.get(&known).await;
    let listed = page.body.replace("&#x2f;", "/");
    let at = listed.find("/chiavi/").expect("the key is listed");
    let id = listed[at + "/chiavi/".len()..].split('/').next().unwrap().to_owned();
    let mut colleague = world.logged_in("primo", "colleague").await;
    let others = colleague.post(&format!("/account/chiavi/{id}/revoca"), &[]).await;
    assert_eq!(others.status, StatusCode::NOT_FOUND);
    assert_eq!(administrator.post(&format!("{known}/chiavi/{id}/revoca"), &[]).await.location(), known);
    let refused = program.post("/api/v1/persone/cerca", &search).await;
    assert_eq!((refused.status, problem(&refused).as_str()), (StatusCode::UNAUTHORIZED, "no-token"));
    assert_eq!(refused.headers["www-authenticate"], "Bearer");

    let made = operator.post("/account/chiavi", &fields).await;
    assert_eq!(made.status, StatusCode::OK);
    let page = operator.get("/account").await;
    let listed = page.body.replace("&#x2f;", "/");
    let at = listed.find("/account/chiavi/").unwrap();
    let path = listed[at..].split('"').next().unwrap().to_owned();
    assert_eq!(operator.post(&path, &[]).await.location(), "/account?fatto=revocata");
    // What the account may not do is not offered, and not given.
    assert!(!administrator.get("/account/chiavi").await.body.contains("questionari:write"));
    let more = [("token_name", "x"), ("days", "30"), ("scope", "persone:write")];
    assert_eq!(administrator.post("/account/chiavi", &more).await.status, StatusCode::BAD_REQUEST);
    let mut manager = world.logged_in("primo", "manager").await;
    assert!(manager.get("/account/chiavi").await.body.contains("non c'è niente"));
}

#[rstest]
#[tokio::test]
async fn wrong_tokens_are_slowed_down(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let program = client(&world, "primo", "operator", &[TokenScope::PersoneRead]).await;
    let wrong = Client { token: format!("noncello_{}", "a".repeat(64)), ..program.clone() };
    let search = json!({ "name": "rossi" });
    for _ in 0..30 {
        assert_eq!(problem(&wrong.post("/api/v1/persone/cerca", &search).await), "no-token");
    }
    let slowed = wrong.post("/api/v1/persone/cerca", &search).await;
    assert_eq!((slowed.status, problem(&slowed).as_str()), (StatusCode::TOO_MANY_REQUESTS, "throttled"));
    assert!(slowed.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    world.clock.pass(16 * 60);
    assert_eq!(program.post("/api/v1/persone/cerca", &search).await.status, StatusCode::OK);
}

#[test]
fn the_description_and_the_table_of_routes_name_the_same() {
    let described = serde_json::to_value(crate::api::description::description()).unwrap();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1."));
    let (mut in_description, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{at}");
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{at}: programs are made from these names, each once");
            let named: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let in_path: BTreeSet<&str> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
            assert_eq!(named, in_path, "{at}");
            let scopes: BTreeSet<String> = operation["security"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|scheme| scheme["token"].as_array().into_iter().flatten())
                .map(|scope| scope.as_str().unwrap().to_owned())
                .collect();
            let statuses: BTreeSet<&str> =
                operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
            if !scopes.is_empty() {
                for status in ["401", "403", "429"] {
                    assert!(statuses.contains(status), "{at} says nothing of {status}");
                }
            }
            if !in_path.is_empty() {
                assert!(statuses.contains("404"), "{at}");
            }
            if operation["requestBody"].is_object() {
                for status in ["400", "413", "415", "422"] {
                    assert!(statuses.contains(status), "{at} says nothing of {status}");
                }
            }
            in_description.insert((method.clone(), path.clone(), scopes));
        }
    }
    let in_table = ROUTES.iter().filter(|route| route.path.starts_with("/api/")).map(|route| {
        let method = match route.verb {
            Verb::Get => "get",
            Verb::Post(_) => "post",
            Verb::Put(_) => "put",
            Verb::Delete(_) => "delete",
        };
        let scopes = if let Need::Program(scopes) = route.need {
            scopes.iter().map(|scope| scope.code().to_owned()).collect()
        } else {
            assert_eq!(route.need, Need::Open, "{}", route.path);
            BTreeSet::new()
        };
        (method.to_owned(), route.path.to_owned(), scopes)
    });
    assert_eq!(in_description, in_table.collect());
}
