//! Three Enti whose every text carries a word of its own, and thousands of requests in a random order: none gives an Ente a word
//! or an id of another, and nobody's thing looks like no thing.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use axum::http::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rstest::rstest;
use serde_json::{Value, json};
use store::{
    AcceptedPassword, AccountChange, AccountId, Credentials, EnteScope, NewEnte, Reach, Right, Role, TokenScope,
};
use test_database::Kind;
use uuid::Uuid;

use super::api::Client;
use super::{Browser, PASSWORD, Questionnaire, Reply, World, account, api, chance, now};

/// A word that nobody else writes, for each Ente; the first letters of each are still everybody's.
const WORDS: [&str; 3] = ["Qxalbero", "Qxbarca", "Qxcasa"];
const CODES: [&str; 3] = ["primo", "secondo", "terzo"];
const SCOPES: [TokenScope; 4] =
    [TokenScope::PersoneRead, TokenScope::PersoneWrite, TokenScope::QuestionariRead, TokenScope::QuestionariWrite];

/// An Ente, as its people and programs use it.
struct Side<'a> {
    operator: Browser,
    administrator: Browser,
    program: Client<'a>,
    scope: EnteScope,
    persone: Vec<String>,
    drafts: Vec<String>,
    assessments: Vec<String>,
    accounts: Vec<String>,
    extractions: Vec<String>,
}

/// What the requests came to.
#[derive(Default)]
struct Tally {
    requests: usize,
    /// Answers in which an Ente found its own word.
    own: usize,
    /// Answers about another's thing, each compared with the answer about nothing.
    foreign: usize,
    files: usize,
}

struct Watch {
    /// Whose an id is.
    owners: BTreeMap<Uuid, usize>,
    tally: Tally,
}

/// Every id in a text.
fn ids(text: &str) -> impl Iterator<Item = Uuid> {
    let is_part = |character: char| character.is_ascii_hexdigit() || character == '-';
    text.split(move |character| !is_part(character))
        .filter(|part| part.len() == 36)
        .filter_map(|part| part.parse().ok())
}

impl Watch {
    /// Nothing of another Ente is in what an Ente was given.
    fn look(&mut self, side: usize, text: &str, what: &str) {
        let folded = text.to_lowercase();
        for (other, word) in WORDS.iter().enumerate() {
            let is_there = folded.contains(&word.to_lowercase());
            if other == side {
                self.tally.own += usize::from(is_there);
            } else {
                assert!(!is_there, "{} reads the word of {} at {what}", CODES[side], CODES[other]);
            }
        }
        for id in ids(text) {
            let owner = self.owners.get(&id).copied().unwrap_or(side);
            assert_eq!(owner, side, "{} reads an id of {} at {what}", CODES[side], CODES[owner]);
        }
    }

    fn reply(&mut self, side: usize, reply: &Reply, what: &str) {
        self.tally.requests += 1;
        self.look(side, &reply.body, what);
        for value in reply.headers.values() {
            self.look(side, &String::from_utf8_lossy(value.as_bytes()), what);
        }
    }

    fn own(&mut self, side: usize, path: &str) -> String {
        let id = path.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
        self.owners.insert(id.parse().unwrap(), side);
        id
    }
}

impl World {
    /// One more Ente, with an operator and an administrator.
    async fn third(&mut self) {
        let (store, mut chance) = (self.store.clone(), chance(300));
        let platform = store.command_line_platform("prova", "test", now()).await.unwrap();
        let new = NewEnte {
            code: CODES[2].to_owned(),
            name: "Ente terzo".to_owned(),
            from: now().date_naive(),
            comuni: ["093033".to_owned()].into(),
            is_demo: false,
        };
        let ente = store.create_ente(&platform, &new, now(), &mut chance).await.unwrap();
        let scope = store.command_line(ente, "prova", "test", now()).await.unwrap();
        for role in [Role::Operator, Role::EnteAdministrator] {
            let password = AcceptedPassword::check(PASSWORD, role, &[]).unwrap();
            let new = account(role, role.code());
            let made = store.create_account_with_password(&scope, &new, &password, now(), &mut chance).await.unwrap();
            if role.needs_second_factor() {
                store.set_totp(&scope, made, &super::TOTP_SECRET, now(), &mut chance).await.unwrap();
            }
        }
    }

    async fn side(&self, place: usize, watch: &mut Watch) -> Side<'_> {
        let (code, mut seed) = (CODES[place], chance(310 + place as u64));
        let credentials =
            Credentials { ente: Some(code), username: "operator", password: PASSWORD, peer: [127, 0, 0, 1].into() };
        let session = self.store.login(credentials, now(), &mut seed).await.unwrap().session;
        let ente = session.ente().unwrap();
        watch.owners.insert(ente.0, place);
        let command_line = self.store.command_line(ente, "prova", "test", now()).await.unwrap();
        let mut accounts = Vec::new();
        for one in self.store.accounts(&command_line).await.unwrap() {
            watch.owners.insert(one.id.0, place);
            accounts.push(one.id.to_string());
        }
        self.name(&command_line, session.account(), WORDS[place]).await;
        let program = api::client(self, code, "operator", &SCOPES).await;
        let operator = self.logged_in(code, "operator").await;
        let administrator = self.logged_in(code, "ente_administrator").await;
        // Once more, after the right was given: a scope is what the account may do when it is asked for.
        let mut seed = chance(320 + place as u64);
        let scope =
            self.store.login(credentials, now(), &mut seed).await.unwrap().session.scope(Right::Assess).unwrap();
        Side {
            operator,
            administrator,
            program,
            scope,
            persone: Vec::new(),
            drafts: Vec::new(),
            assessments: Vec::new(),
            accounts,
            extractions: Vec::new(),
        }
    }

    /// Gives an account a name with its Ente's word, and the right to take names out.
    async fn name(&self, scope: &EnteScope, id: AccountId, word: &str) {
        let granted = [Right::ExtractIdentified].into();
        let change = AccountChange { display_name: format!("Prova {word}"), unita: None, reach: Reach::Ente, granted };
        self.store.update_account(scope, id, &change, now()).await.unwrap();
    }
}

/// Something of a kind, of an Ente or of nobody; with it whether it is the Ente's own.
fn thing<'a>(mine: &'a [String], others: &'a [String], rng: &mut StdRng) -> Option<(&'a str, bool)> {
    if rng.random_ratio(1, 4) {
        others.choose(rng).map(|id| (id.as_str(), false))
    } else {
        mine.choose(rng).map(|id| (id.as_str(), true))
    }
}

const NOTHING: &str = "00000000-0000-4000-8000-000000000001";

/// Asks for something by a path with an id in it. Another's thing must look like nothing.
async fn open(watch: &mut Watch, side: usize, browser: &mut Browser, template: &str, id: &str, is_own: bool) {
    let reply = browser.get(&template.replace("{}", id)).await;
    watch.reply(side, &reply, template);
    if is_own {
        assert!(
            reply.status == StatusCode::OK || reply.status == StatusCode::SEE_OTHER,
            "{template}: {}",
            reply.status
        );
        return;
    }
    let nothing = browser.get(&template.replace("{}", NOTHING)).await;
    assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &nothing.body), "{template}");
    watch.tally.foreign += 1;
}

/// A validated questionnaire with a word in its notes.
async fn validated(world: &World, side: &Side<'_>, persona: &str, word: &str, rng: &mut StdRng) -> String {
    let instrument = crate::instruments::shipped().unwrap().swap_remove(0);
    let questionnaire = Questionnaire {
        instrument: &instrument,
        persona: persona.parse().unwrap(),
        assessed_on: now().date_naive(),
        sheet: crate::example::sheet(&instrument, rng.random_range(0..50)),
        note: Some(format!("nota {word}")),
        azione: Some(store::AzioneTerms { due_on: None, followed_by: Some(format!("Sportello {word}")) }),
    };
    questionnaire.validate(&world.store, &side.scope, rng).await.to_string()
}

/// The texts of a file of tables.
fn texts(archive: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut all = String::new();
    for place in 0..archive.len() {
        archive.by_index(place).unwrap().read_to_string(&mut all).unwrap();
    }
    all
}

/// Takes everything out with names, as a text or a spreadsheet, and reads it.
async fn extract(world: &World, watch: &mut Watch, at: usize, side: &mut Side<'_>, format: &str) {
    let mut fields = vec![
        ("strumento", "asso"),
        ("dal", "2026"),
        ("al", "2026"),
        ("formato", format),
        ("motivo", "Verifica dei fascicoli"),
        ("responsabilita", "1"),
    ];
    fields.extend(["azioni", "persone", "questionari", "risposte"].map(|table| ("tabella", table)));
    let asked = side.operator.post("/estrazioni-con-nomi/nuova", &fields).await;
    watch.reply(at, &asked, "an extraction");
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
    let path = asked.location().to_owned();
    let id = watch.own(at, &path);
    side.extractions.push(id.clone());
    let page = super::identified::ended(&mut side.operator, &path).await;
    watch.look(at, &page, "the page of an extraction");
    let session_of =
        |code| Credentials { ente: Some(code), username: "operator", password: PASSWORD, peer: [127, 0, 0, 1].into() };
    let mut seed = chance(10_000 + watch.tally.files as u64);
    let session = world.store.login(session_of(CODES[at]), world.clock.now(), &mut seed).await.unwrap().session;
    let scope = session.scope(Right::ExtractIdentified).unwrap();
    let file = world.store.take_identified(&scope, id.parse().unwrap(), world.clock.now()).await.unwrap();
    let own = watch.tally.own;
    watch.look(at, &texts(&file), "the file of an extraction");
    assert_eq!(watch.tally.own, own + 1, "the file holds the Ente's own");
    watch.tally.files += 1;
}

/// What a program asks.
async fn ask_as_program(watch: &mut Watch, at: usize, side: &mut Side<'_>, others: &Side<'_>, rng: &mut StdRng) {
    let program = side.program.clone();
    let send = async |method, path: &str, body: Option<Value>| program.send(method, path, body.as_ref()).await;
    match rng.random_range(0..5) {
        0 => {
            let persona = json!({ "surname": WORDS[at], "name": "Comune", "residence": "093033", "disadvantage": [] });
            let reply = send(Method::POST, "/api/v1/persone", Some(persona)).await;
            assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
            let id = watch.own(at, reply.location());
            watch.reply(at, &reply, "a program's persona");
            side.persone.push(id);
        }
        1 => {
            let words = ["comune", "qxa", "qxb", "qxc"];
            let name = words.choose(rng).unwrap();
            let reply = send(Method::POST, "/api/v1/persone/cerca", Some(json!({ "name": name }))).await;
            watch.reply(at, &reply, "a program's search");
            let found: Value = serde_json::from_str(&reply.body).unwrap();
            let is_own = *name == "comune" || WORDS[at].to_lowercase().starts_with(name);
            let count = found["persone"].as_array().unwrap().len();
            assert_eq!(count, if is_own { side.persone.len().min(50) } else { 0 }, "{name} in {}", CODES[at]);
            assert_eq!(found["has_more"], json!(is_own && side.persone.len() > 50));
        }
        2 => watch.reply(at, &send(Method::GET, "/api/v1/questionari", None).await, "a program's list"),
        kind => {
            let (mine, theirs, path) = if kind == 3 {
                (&side.persone, &others.persone, "/api/v1/persone/")
            } else {
                (&side.assessments, &others.assessments, "/api/v1/questionari/")
            };
            let Some((id, is_own)) = thing(mine, theirs, rng) else { return };
            let reply = send(Method::GET, &format!("{path}{id}"), None).await;
            watch.reply(at, &reply, path);
            if is_own {
                assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            } else {
                let nothing = send(Method::GET, &format!("{path}{NOTHING}"), None).await;
                assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &nothing.body), "{path}");
                watch.tally.foreign += 1;
            }
        }
    }
}

/// What an operator asks.
async fn ask_as_operator(
    world: &World,
    watch: &mut Watch,
    at: usize,
    side: &mut Side<'_>,
    others: &Side<'_>,
    rng: &mut StdRng,
) {
    let word = WORDS[at];
    match rng.random_range(0..9) {
        0 => {
            let note = format!("annotazione {word}");
            let fields = [
                ("action", "save"),
                ("surname", word),
                ("name", "Comune"),
                ("comune", "093033"),
                ("phone", "0434 1"),
                ("notes", note.as_str()),
            ];
            let reply = side.operator.post("/persone/nuova", &fields).await;
            assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
            let id = watch.own(at, reply.location());
            watch.reply(at, &reply, "a new persona");
            side.persone.push(id);
        }
        1 => {
            let query = ["comune", "qxa", "qxb", "qxc", ""].choose(rng).unwrap();
            let reply = side.operator.post("/persone/cerca", &[("query", query)]).await;
            watch.reply(at, &reply, "a search");
            let found = ids(&reply.body).count();
            let is_own = *query == "comune" || (!query.is_empty() && word.to_lowercase().starts_with(query));
            assert!(is_own || query.is_empty() || found == 0, "{query} finds {found} in {}", CODES[at]);
        }
        2 => {
            let page = ["/persone/{}", "/persone/{}/modifica", "/persone/{}/gestione"].choose(rng).unwrap();
            let Some((id, is_own)) = thing(&side.persone, &others.persone, rng) else { return };
            open(watch, at, &mut side.operator, page, id, is_own).await;
        }
        3 => {
            let Some((id, is_own)) = thing(&side.persone, &others.persone, rng) else { return };
            let reply = side.operator.post(&format!("/persone/{id}/questionari"), &[("instrument", "asso")]).await;
            if is_own {
                assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
                let draft = watch.own(at, reply.location().split("/parte/").next().unwrap());
                side.drafts.push(draft);
            } else {
                assert_eq!(reply.status, StatusCode::NOT_FOUND);
                watch.tally.foreign += 1;
            }
            watch.reply(at, &reply, "a new draft");
        }
        4 => {
            let Some((id, is_own)) = thing(&side.drafts, &others.drafts, rng) else { return };
            open(watch, at, &mut side.operator, "/bozze/{}/riepilogo", id, is_own).await;
        }
        5 => {
            let Some(persona) = side.persone.choose(rng).cloned() else { return };
            let id = validated(world, side, &persona, word, rng).await;
            watch.own(at, &id);
            side.assessments.push(id);
            watch.tally.requests += 1;
        }
        6 => {
            let page =
                ["/questionari/{}", "/questionari/{}/fhir.json", "/questionari/{}/correggi"].choose(rng).unwrap();
            let Some((id, is_own)) = thing(&side.assessments, &others.assessments, rng) else { return };
            open(watch, at, &mut side.operator, page, id, is_own).await;
        }
        7 => {
            let page =
                ["/scrivania", "/questionari", "/questionari/tutti", "/persone", "/account"].choose(rng).unwrap();
            let reply = side.operator.get(page).await;
            assert_eq!(reply.status, StatusCode::OK, "{page}");
            watch.reply(at, &reply, page);
        }
        _ => {
            let pages = ["/estrazioni-con-nomi", "/persone/doppioni", "/estrazioni-con-nomi/nuova"];
            let page = pages.choose(rng).unwrap();
            let reply = side.operator.get(page).await;
            assert_eq!(reply.status, StatusCode::OK, "{page}");
            watch.reply(at, &reply, page);
            if let Some((id, is_own)) = thing(&side.extractions, &others.extractions, rng) {
                open(watch, at, &mut side.operator, "/estrazioni-con-nomi/{}", id, is_own).await;
            }
        }
    }
}

/// What an administrator asks.
async fn ask_as_administrator(watch: &mut Watch, at: usize, side: &mut Side<'_>, others: &Side<'_>, rng: &mut StdRng) {
    match rng.random_range(0..5) {
        0 => {
            let pages = [
                "/operatori",
                "/operatori/elenco.csv",
                "/registro",
                "/conservazione",
                "/impostazioni",
                "/importazioni",
            ];
            let page = pages.choose(rng).unwrap();
            let reply = side.administrator.get(page).await;
            assert_eq!(reply.status, StatusCode::OK, "{page}");
            watch.reply(at, &reply, page);
        }
        1 => {
            let Some((id, is_own)) = thing(&side.accounts, &others.accounts, rng) else { return };
            let page = ["/operatori/{}", "/operatori/{}/questionari"].choose(rng).unwrap();
            let reply = side.administrator.get(&page.replace("{}", id)).await;
            watch.reply(at, &reply, page);
            assert_eq!(is_own, reply.status == StatusCode::OK, "{page}: {}", reply.status);
            watch.tally.foreign += usize::from(!is_own);
        }
        2 | 3 => {
            let pages = ["/persone/{}/accessi", "/persone/{}/fascicolo.json", "/persone/{}/cancella", "/persone/{}"];
            let Some((id, is_own)) = thing(&side.persone, &others.persone, rng) else { return };
            open(watch, at, &mut side.administrator, pages.choose(rng).unwrap(), id, is_own).await;
        }
        _ => {
            let number = rng.next_u32().to_string();
            let (name, username) = (format!("{} {number}", WORDS[at]), format!("u{number}"));
            let fields = [("name", name.as_str()), ("username", username.as_str()), ("role", "operator")];
            let reply = side.administrator.post("/operatori/nuovo", &fields).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            watch.reply(at, &reply, "a new account");
        }
    }
}

#[rstest]
#[case(Kind::Sqlite, 10_000)]
#[case(Kind::Postgres, 1_000)]
#[tokio::test]
async fn nobody_reads_a_word_of_another_ente(#[case] kind: Kind, #[case] requests: usize) {
    let mut world = World::new(kind).await;
    world.third().await;
    let mut watch = Watch { owners: BTreeMap::new(), tally: Tally::default() };
    let mut sides = Vec::new();
    for place in 0..CODES.len() {
        sides.push(world.side(place, &mut watch).await);
    }
    let mut rng = chance(7_001);
    let mut next_file = requests / 8;
    while watch.tally.requests < requests {
        let at = rng.random_range(0..sides.len());
        let other = (at + rng.random_range(1..CODES.len())) % CODES.len();
        let [first, second] = sides.get_disjoint_mut([at, other]).unwrap();
        match rng.random_range(0..4) {
            0 => ask_as_program(&mut watch, at, first, second, &mut rng).await,
            1 => ask_as_administrator(&mut watch, at, first, second, &mut rng).await,
            _ => ask_as_operator(&world, &mut watch, at, first, second, &mut rng).await,
        }
        if watch.tally.requests >= next_file && !first.assessments.is_empty() {
            next_file += requests / 8;
            let format = if watch.tally.files.is_multiple_of(2) { "csv" } else { "xlsx" };
            extract(&world, &mut watch, at, first, format).await;
        }
    }
    let Tally { own, foreign, files, .. } = watch.tally;
    assert!(own > requests / 4, "only {own} answers held the Ente's own word: the watch would see nothing");
    assert!(foreign > requests / 20 && files >= 6, "{foreign} foreign things, {files} files");
}

#[test]
fn the_watch_sees_a_word_and_an_id() {
    let id: Uuid = NOTHING.parse().unwrap();
    let sees = |text: &'static str| {
        let look = move || {
            let mut watch = Watch { owners: BTreeMap::from([(id, 1)]), tally: Tally::default() };
            watch.look(0, text, "a test");
        };
        std::panic::catch_unwind(look).is_err()
    };
    assert!(sees("… QXBARCA …") && sees("/persone/00000000-0000-4000-8000-000000000001/modifica"));
    assert!(!sees("Qxalbero qxb 00000000-0000-4000-8000-000000000002"));
}
