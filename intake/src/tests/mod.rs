//! The portal through its router, with a real store: two Enti, an account of every role, and people at browsers.

mod api;
mod beside;
mod canary;
mod data;
mod gateway;
mod handover;
mod identified;
mod imports;
mod interrogazioni;
mod journey;
mod matrix;
mod offline;
mod papers;
mod work;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use domain::calibration::Calibration;
use domain::feed::{AssessmentId, EnteId, Evaluation};
use domain::instrument::{Answer, Instrument};
use domain::keys::{Ring, RingKey};
use domain::run::RunRecord;
use domain::scoring::Sheet;
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{
    AcceptedPassword, AccountId, AzioneTerms, EnteScope, Filling, HashingCost, Location, NewAccount, NewDraft, NewEnte,
    PasskeySite, PersonaId, PostgresUrls, Reach, Role, Store, Validation, totp_code, totp_secret,
};
use test_database::{Kind, Place, TestDatabase};
use tower::ServiceExt;

use crate::{Answerer, Cookies, Gateway, Portal, PortalConfig};

/// The second factor of everybody who needs one.
const TOTP_SECRET: [u8; 20] = *b"prova prova prova 20";

const PASSWORD: &str = "tavolo nuvola girasole binario 7";

/// The moment at which all tests begin.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 25, 9, 0, 0).unwrap()
}

fn chance(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// The portal's clock: `now` and the seconds that have passed since.
#[derive(Clone, Default)]
struct TestClock(Arc<AtomicI64>);

impl TestClock {
    fn now(&self) -> DateTime<Utc> {
        now() + Duration::seconds(self.0.load(Ordering::SeqCst))
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// What the lake's side has told the portal: runs and calibrations by Ente, editions to read by account.
#[derive(Clone, Default)]
struct Told {
    runs: Arc<Mutex<BTreeMap<EnteId, RunRecord>>>,
    calibrations: Arc<Mutex<BTreeMap<EnteId, Calibration>>>,
    unread: Arc<Mutex<BTreeMap<(EnteId, AccountId), u32>>>,
}

/// A portal with two Enti.
struct World {
    store: Store,
    portal: Portal,
    router: Router,
    clock: TestClock,
    /// What the lake's side tells.
    told: Told,
    /// The gateway, which tells what a test has it tell.
    provider: gateway::Provider,
    enti: [EnteId; 2],
    /// By Ente (0, 1; 2 for the platform) and username.
    accounts: BTreeMap<(usize, String), AccountId>,
    _database: TestDatabase,
}

impl World {
    async fn new(kind: Kind) -> Self {
        let database = TestDatabase::new(kind);
        let mut chance = chance(1);
        let identity = RingKey::generate(Ring::Identity, &mut chance);
        let release = RingKey::generate(Ring::Release, &mut chance).opening().sealing().clone();
        let location = match database.place() {
            Place::File(file) => Location::Sqlite(file.clone()),
            Place::Server { owner, portal } => {
                Location::Postgres(PostgresUrls { portal: portal.clone().into(), owner: Some(owner.clone().into()) })
            }
        };
        let store = Store::open(&location, identity, release, HashingCost::LEAST, &mut chance).await.unwrap();
        let platform = store.command_line_platform("prova", "test", now()).await.unwrap();
        let mut accounts = BTreeMap::new();
        let mut enti = Vec::new();
        for (place, code) in ["primo", "secondo"].into_iter().enumerate() {
            let new = NewEnte {
                code: code.to_owned(),
                name: format!("Ente {code}"),
                from: now().date_naive(),
                comuni: ["093033".to_owned(), "093010".to_owned()].into(),
                is_demo: false,
            };
            let ente = store.create_ente(&platform, &new, now(), &mut chance).await.unwrap();
            enti.push(ente);
            let scope = store.command_line(ente, "prova", "test", now()).await.unwrap();
            let named = Role::ALL.into_iter().filter(|role| role.is_of_an_ente()).map(|role| (role, role.code()));
            for (role, username) in named.chain([(Role::Operator, "suspended"), (Role::Operator, "colleague")]) {
                let new = account(role, username);
                let password = AcceptedPassword::check(PASSWORD, role, &[]).unwrap();
                let made =
                    store.create_account_with_password(&scope, &new, &password, now(), &mut chance).await.unwrap();
                if role.needs_second_factor() {
                    store.set_totp(&scope, made, &TOTP_SECRET, now(), &mut chance).await.unwrap();
                }
                if username == "suspended" {
                    store.set_account_active(&scope, made, false, now()).await.unwrap();
                }
                accounts.insert((place, username.to_owned()), made);
            }
        }
        for role in Role::ALL.into_iter().filter(|role| !role.is_of_an_ente()) {
            let password = AcceptedPassword::check(PASSWORD, role, &[]).unwrap();
            let new = account(role, role.code());
            let made = store
                .create_platform_account_with_password(&platform, &new, &password, now(), &mut chance)
                .await
                .unwrap();
            store.set_platform_totp(&platform, made, &TOTP_SECRET, now(), &mut chance).await.unwrap();
            accounts.insert((2, role.code().to_owned()), made);
        }
        let clock = TestClock::default();
        let provider = gateway::Provider::start().await;
        let told = Told::default();
        let portal = portal(&store, &clock, &told, provider.gateway(), None);
        let router = portal.router();
        Self { store, portal, router, clock, told, provider, enti: [enti[0], enti[1]], accounts, _database: database }
    }

    /// The same, with another gateway.
    fn with_gateway(self, gateway: Gateway) -> Self {
        let portal = portal(&self.store, &self.clock, &self.told, gateway, None);
        Self { router: portal.router(), portal, ..self }
    }

    /// The same, with something that answers questions in SQL.
    fn with_answerer(self, answerer: Answerer) -> Self {
        let portal = portal(&self.store, &self.clock, &self.told, self.provider.gateway(), Some(answerer));
        Self { router: portal.router(), portal, ..self }
    }

    fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            clock: self.clock.clone(),
            cookies: BTreeMap::new(),
            csrf: String::new(),
        }
    }

    /// Somebody at a browser, logged in. The platform's Ente is "".
    async fn logged_in(&self, ente: &str, username: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.log_in(ente, username, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{ente} {username} cannot log in");
        browser.get("/scrivania").await;
        browser
    }
}

fn portal(store: &Store, clock: &TestClock, told: &Told, gateway: Gateway, answerer: Option<Answerer>) -> Portal {
    let clock = clock.clone();
    let (of_runs, of_calibrations, of_unread) = (told.clone(), told.clone(), told.clone());
    let config = PortalConfig {
        store: Some(store.clone()),
        instruments: crate::instruments::shipped().unwrap(),
        is_demonstration: false,
        clock: Arc::new(move || clock.now()),
        chance: StdRng::seed_from_u64(2),
        cookies: Cookies::Host,
        passkeys: Some(PasskeySite::new("http://localhost:8080").unwrap()),
        gateway: Some(gateway),
        runs: Some(Arc::new(move |ente| of_runs.runs.lock().unwrap().get(&ente).cloned())),
        calibrations: Some(Arc::new(move |ente| of_calibrations.calibrations.lock().unwrap().get(&ente).cloned())),
        trusted_proxies: Vec::new(),
        answerer,
        unread: Some(Arc::new(move |ente, account| {
            let unread = of_unread.unread.lock().unwrap().get(&(ente, account)).copied();
            Box::pin(async move { unread })
        })),
    };
    Portal::new(config).unwrap()
}

fn account(role: Role, username: &str) -> NewAccount {
    NewAccount {
        username: username.to_owned(),
        display_name: format!("Prova {username}"),
        role,
        unita: None,
        reach: Reach::Ente,
    }
}

/// A questionnaire that is filled in and validated at once; the operator confirms the result.
struct Questionnaire<'a> {
    instrument: &'a Instrument,
    persona: PersonaId,
    assessed_on: NaiveDate,
    sheet: Sheet,
    /// Of its first item.
    note: Option<String>,
    /// Of the strumento's first azione, where it was agreed.
    azione: Option<AzioneTerms>,
}

impl Questionnaire<'_> {
    async fn validate(self, store: &Store, scope: &EnteScope, chance: &mut StdRng) -> AssessmentId {
        let instrument = self.instrument;
        let new = NewDraft {
            persona: self.persona,
            instrument: instrument.id.clone(),
            version: instrument.version,
            assessed_on: self.assessed_on,
            copied: None,
        };
        let draft = store.start_draft(scope, &new, now(), chance).await.unwrap();
        let notes = self.note.into_iter().map(|note| (instrument.items[0].id.clone(), note)).collect();
        let filling = Filling { sheet: self.sheet, notes, assessed_on: self.assessed_on };
        let revision = store.save_draft(scope, draft, 1, &filling, now(), chance).await.unwrap();
        let validation = Validation {
            instrument,
            evaluation: Evaluation::Confirmed,
            evaluation_reason: None,
            azioni: self.azione.into_iter().map(|terms| (instrument.azioni[0].id.clone(), terms)).collect(),
            outcomes: Vec::new(),
            rechecked: instrument.consistency.iter().map(|rule| rule.id.clone()).collect(),
            sem_hundredths: BTreeMap::new(),
        };
        store.validate(scope, draft, revision, &validation, now(), chance).await.unwrap()
    }
}

/// What the portal answered.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |location| location.to_str().unwrap())
    }

    /// The value of an input of the page.
    fn value(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let at = self.body.find(&start).unwrap_or_else(|| panic!("no {name} in {}", self.body));
        self.body[at + start.len()..].split('"').next().unwrap().to_owned()
    }
}

/// A browser: keeps cookies and the token of the last form.
#[derive(Clone)]
struct Browser {
    router: Router,
    clock: TestClock,
    cookies: BTreeMap<String, String>,
    csrf: String,
}

impl Browser {
    async fn send(&mut self, mut request: Request<Body>) -> Reply {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(COOKIE, cookies.join("; ").parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        // A paper is not text; of that its head is looked at.
        let body = String::from_utf8_lossy(&body).into_owned();
        for header in parts.headers.get_all(SET_COOKIE) {
            let header = header.to_str().unwrap();
            let (name, value) = header.split(';').next().unwrap().split_once('=').unwrap();
            // The gateway sends the browser back with the one cookie that tells where it had been sent.
            let site = if name == "__Host-noncello-gateway" { "Lax" } else { "Strict" };
            assert!(header.contains(&format!("; HttpOnly; SameSite={site}; Path=/")), "{header}");
            match header.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let reply = Reply { status: parts.status, headers: parts.headers, body };
        if reply.body.contains("name=\"csrf\"") {
            self.csrf = reply.value("csrf");
        }
        reply
    }

    async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let csrf = self.csrf.clone();
        let all: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        self.post_exactly(path, &all).await
    }

    async fn post_exactly(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.join("&"))).unwrap()).await
    }

    /// Sends a form with a file: the token first, the file last.
    async fn post_file(&mut self, path: &str, fields: &[(&str, &str)], file: Option<&[u8]>) -> Reply {
        let csrf = self.csrf.clone();
        let first = [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied());
        let body = multipart(&first.collect::<Vec<_>>(), file);
        let request = Request::post(path).header(CONTENT_TYPE, MULTIPART);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn log_in(&mut self, ente: &str, username: &str, password: &str) -> Reply {
        self.get("/accesso").await;
        let fields = [("ente", ente), ("username", username), ("password", password)];
        let reply = self.post("/accesso", &fields).await;
        if reply.location() != "/secondo-fattore" {
            return reply;
        }
        // A code is good once: the next one comes half a minute later.
        self.clock.pass(30);
        self.get("/secondo-fattore").await;
        let code = totp_code(&totp_secret(&TOTP_SECRET), self.clock.now()).unwrap();
        self.post("/secondo-fattore", &[("code", &code)]).await
    }
}

const MULTIPART: &str = "multipart/form-data; boundary=------prova";

/// A form with a file, as a browser sends it: the file last.
fn multipart(fields: &[(&str, &str)], file: Option<&[u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--------prova\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    if let Some(file) = file {
        let head = "--------prova\r\nContent-Disposition: form-data; name=\"file\"; filename=\"tabella\"\r\nContent-Type: application/octet-stream\r\n\r\n";
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--------prova--\r\n");
    body
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The fields that say that the rules shown on a page were looked at again.
fn rechecked(body: &str) -> Vec<(String, String)> {
    let rules = body.split("name=\"rule\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let rules = rules.map(|rule| ("rule".to_owned(), rule.to_owned()));
    rules.chain([("recheck".to_owned(), "yes".to_owned())]).collect()
}

/// The fields of a section with the given place of each item's options, as a browser sends them.
fn section_fields(instrument: &Instrument, section: usize, place: usize) -> Vec<(String, String)> {
    let items = &instrument.items[instrument.sections[section].items.clone()];
    items
        .iter()
        .map(|item| {
            // The age is that of the people of these tests.
            let place = if item.id.as_str() == "fascia_eta" { 2 } else { place };
            let option = &item.options[place.min(item.options.len() - 1)];
            (format!("item.{}", item.id), Answer::Value(option.value).code().to_string())
        })
        .collect()
}
