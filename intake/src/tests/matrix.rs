//! Every route as every role, in its own Ente and with another's ids, with and without a session, with and without the
//! token: what is expected follows from the route's own need.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use store::{
    Credentials, ErasureGround, InterestData, NewDraft, PersonaData, ResearchAccounts, Right, Role, TokenScope,
};

use rstest::rstest;
use test_database::Kind;

use super::beside::grant;
use super::{Browser, PASSWORD, Questionnaire, Reply, World, api, chance, now};
use crate::routes::{Need, ROUTES, Route, Token, Verb};

/// Something of each kind in an Ente, by the name it has in paths.
struct Things {
    persona: String,
    draft: String,
    assessment: String,
    account: String,
    session: String,
    token: String,
    ente: String,
    interest: String,
    agreement: String,
    /// A persona who was erased.
    erased: String,
    /// An extraction with names, which no role reaches: tests/identified.rs asks for it with the right.
    extraction: String,
    /// A table that waits to be imported.
    trial: String,
    /// A passkey, which only an authenticator makes: tests of the store have one.
    passkey: String,
    /// An Ente that was closed.
    closed: String,
    unita: String,
    /// A university's account.
    partner: String,
    /// An account of the research office.
    officer: String,
}

impl Things {
    /// As the operator of an Ente makes them.
    async fn make(world: &World, place: usize, code: &str) -> Self {
        let mut chance = chance(40 + place as u64);
        let credentials =
            Credentials { ente: Some(code), username: "operator", password: PASSWORD, peer: [127, 0, 0, 1].into() };
        let session = world.store.login(credentials, now(), &mut chance).await.unwrap().session;
        let scope = session.scope(Right::Assess).unwrap();
        let ente = world.store.command_line(world.enti[place], "prova", "test", now()).await.unwrap();
        world.store.set_offline(&ente, true, now()).await.unwrap();
        let data = PersonaData { surname: "Rossi".to_owned(), name: "Maria".to_owned(), ..PersonaData::default() };
        let persona = world.store.create_persona(&scope, &data, now(), &mut chance).await.unwrap();
        let instrument = crate::instruments::shipped().unwrap().swap_remove(0);
        let assessed_on = now().date_naive();
        let questionnaire = Questionnaire {
            instrument: &instrument,
            persona,
            assessed_on,
            sheet: crate::example::sheet(&instrument, 3),
            note: None,
            azione: None,
        };
        let assessment = questionnaire.validate(&world.store, &scope, &mut chance).await;
        let new = NewDraft {
            persona,
            instrument: instrument.id.clone(),
            version: instrument.version,
            assessed_on,
            copied: None,
        };
        let draft = world.store.start_draft(&scope, &new, now(), &mut chance).await.unwrap();
        let new = store::NewToken { name: "prova".to_owned(), scopes: [TokenScope::PersoneRead].into(), days: 30 };
        let (token, _) = world.store.create_token(&session, &new, now(), &mut chance).await.unwrap();
        let erased = world.store.create_persona(&scope, &data, now(), &mut chance).await.unwrap();
        let administration = world.store.command_line(world.enti[place], "prova", "test", now()).await.unwrap();
        let unita = world.store.create_unita(&administration, "Sacile", now(), &mut chance).await.unwrap();
        world.store.erase_persona(&administration, erased, ErasureGround::Request, now(), &mut chance).await.unwrap();
        Self {
            persona: persona.to_string(),
            draft: draft.to_string(),
            assessment: assessment.to_string(),
            account: world.accounts[&(place, "colleague".to_owned())].to_string(),
            session: session.id().to_string(),
            token: token.to_string(),
            ente: world.enti[place].to_string(),
            interest: interest(world, place).await,
            erased: erased.to_string(),
            unita: unita.to_string(),
            partner: research_account(world, place, ResearchAccounts::Partners).await,
            officer: research_account(world, place, ResearchAccounts::Officers).await,
            trial: super::imports::sent(world, code).await,
            ..Self::of_nothing('3')
        }
    }

    /// With an agreement that is in force.
    async fn with_agreement(self, world: &World, place: usize) -> Self {
        let platform = world.store.command_line_platform("prova", "test", now()).await.unwrap();
        let today = now().date_naive();
        let new = agreement(today, today + chrono::Days::new(400));
        let (ente, mut chance) = (world.enti[place], chance(80));
        let made = world.store.add_agreement(&platform, ente, &new, now(), &mut chance).await.unwrap();
        let signed = b"%PDF-1.7 firmata";
        world.store.keep_signed_agreement(&platform, ente, made, signed, now(), &mut chance).await.unwrap();
        let gone = store::NewEnte {
            code: "chiuso".to_owned(),
            name: "Ente chiuso".to_owned(),
            from: today,
            comuni: ["093033".to_owned()].into(),
            is_demo: false,
        };
        let closed = world.store.create_ente(&platform, &gone, now(), &mut chance).await.unwrap();
        world.store.close_ente(&platform, closed, "Prova", "dati consegnati", now(), &mut chance).await.unwrap();
        Self { agreement: made.to_string(), closed: closed.to_string(), ..self }
    }

    /// With an extraction that is ready.
    async fn with_extraction(self, world: &World, place: usize, code: &str) -> Self {
        let command_line = world.store.command_line(world.enti[place], "prova", "test", now()).await.unwrap();
        let account = world.accounts[&(place, "operator".to_owned())];
        let change = |granted: &[Right]| store::AccountChange {
            display_name: "Prova operator".to_owned(),
            unita: None,
            reach: store::Reach::Ente,
            granted: granted.iter().copied().collect(),
        };
        let granted = change(&[Right::ExtractIdentified]);
        world.store.update_account(&command_line, account, &granted, now()).await.unwrap();
        let mut chance = chance(70 + place as u64);
        let credentials =
            Credentials { ente: Some(code), username: "operator", password: PASSWORD, peer: [127, 0, 0, 1].into() };
        let session = world.store.login(credentials, now(), &mut chance).await.unwrap().session;
        let scope = session.scope(Right::ExtractIdentified).unwrap();
        let request = store::IdentifiedRequest {
            instrument: crate::instruments::shipped().unwrap().swap_remove(0).id,
            from: 2026,
            until: 2026,
            tables: vec!["persone".to_owned()],
            format: "csv".to_owned(),
            reason: "prova".to_owned(),
            only: store::Narrowing::default(),
        };
        let mut job = world.store.begin_identified(&scope, request, now(), &mut chance).await.unwrap();
        let extraction = job.id().to_string();
        job.keep(b"un file", 0, 0, now(), &mut chance).await.unwrap();
        job.finish([("persone".to_owned(), 0)].into(), now(), &mut chance).await.unwrap();
        world.store.update_account(&command_line, account, &change(&[]), now()).await.unwrap();
        Self { extraction, ..self }
    }

    /// Ids of nothing.
    fn of_nothing(digit: char) -> Self {
        let id = || format!("00000000-0000-4000-8000-00000000000{digit}");
        Self {
            persona: id(),
            draft: id(),
            assessment: id(),
            account: id(),
            session: id(),
            token: id(),
            ente: id(),
            interest: id(),
            agreement: id(),
            erased: id(),
            extraction: id(),
            trial: id(),
            passkey: id(),
            closed: id(),
            unita: id(),
            partner: id(),
            officer: id(),
        }
    }

    fn path(&self, route: &Route) -> String {
        let instruments = crate::instruments::shipped().unwrap();
        route
            .path
            .replace("{persona}", &self.persona)
            .replace("{draft}", &self.draft)
            .replace("{assessment}", &self.assessment)
            .replace("{account}", &self.account)
            .replace("{session}", &self.session)
            .replace("{token}", &self.token)
            .replace("{ente}", &self.ente)
            .replace("{interest}", &self.interest)
            .replace("{agreement}", &self.agreement)
            .replace("{erased}", &self.erased)
            .replace("{extraction}", &self.extraction)
            .replace("{trial}", &self.trial)
            .replace("{passkey}", &self.passkey)
            .replace("{closed}", &self.closed)
            .replace("{unita}", &self.unita)
            .replace("{partner}", &self.partner)
            .replace("{officer}", &self.officer)
            .replace("{section}", instruments[0].sections[0].id.as_str())
            .replace("{definition}", &format!("{}-{}", instruments[0].id, instruments[0].version))
            .replace("{instrument}", instruments[0].id.as_str())
            .replace("{version}", templates::ASSETS_VERSION)
            .replace("{name}", templates::ASSETS[0].name)
    }
}

/// An agreement from a day, on which it was signed, until another.
fn agreement(from: chrono::NaiveDate, until: chrono::NaiveDate) -> store::NewAgreement {
    store::NewAgreement {
        kind: store::AgreementKind::First,
        number: "12/2026".to_owned(),
        text_version: 1,
        signed_on: from,
        from,
        until,
        maintenance: "ordinaria".to_owned(),
    }
}

/// An account of the research area that nobody uses.
async fn research_account(world: &World, place: usize, kind: ResearchAccounts) -> String {
    let platform = world.store.command_line_platform("prova", "test", now()).await.unwrap();
    let seed = if kind == ResearchAccounts::Partners { 90 } else { 95 };
    let (username, mut chance) = (format!("{}-{place}", kind.role().code()), chance(seed + place as u64));
    let made = world.store.create_research_account(&platform, kind, &username, "Prova", now(), &mut chance).await;
    made.unwrap().0.to_string()
}

/// An expression of interest, from an address of its own.
async fn interest(world: &World, place: usize) -> String {
    let data = InterestData {
        administration: "Comune di Prova".to_owned(),
        ipa_code: "c_x000".to_owned(),
        pec: "comune@pec.example".to_owned(),
        comuni: "Prova".to_owned(),
        contact: "Anna Neri".to_owned(),
        email: "a@example.it".to_owned(),
        ..InterestData::default()
    };
    let peer = [192, 0, 2, u8::try_from(place).unwrap()].into();
    world.store.express_interest(&data, peer, now(), &mut chance(70 + place as u64)).await.unwrap().to_string()
}

fn names_a_thing(route: &Route) -> bool {
    let names = [
        "{persona}",
        "{draft}",
        "{assessment}",
        "{account}",
        "{session}",
        "{token}",
        "{ente}",
        "{interest}",
        "{erased}",
        "{trial}",
        "{passkey}",
        "{closed}",
        "{unita}",
        "{partner}",
        "{officer}",
    ];
    names.iter().any(|name| route.path.contains(name))
}

async fn ask(browser: &mut Browser, route: &Route, path: &str) -> Reply {
    match route.verb {
        Verb::Get => browser.get(path).await,
        Verb::Post(Token::Upload) => browser.post_file(path, &[("revision", "1")], None).await,
        Verb::Post(_) | Verb::Put(_) | Verb::Delete(_) => {
            browser.post(path, &[("revision", "1"), ("instrument", "asso")]).await
        }
    }
}

fn allows(need: Need, role: Role) -> bool {
    match need {
        Need::Public | Need::Open | Need::AnySession | Need::OwnAccount | Need::OwnAccountFresh | Need::Account => true,
        Need::Ente(right) | Need::EnteFresh(right) => role.is_of_an_ente() && role.may(right),
        Need::Platform(right) | Need::PlatformFresh(right) => !role.is_of_an_ente() && role.may(right),
        Need::Program(_) => false,
    }
}

fn is_public(need: Need) -> bool {
    matches!(need, Need::Public | Need::Open)
}

/// The routes that browsers ask.
fn pages() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| !matches!(route.need, Need::Program(_)))
}

/// The routes that programs ask with a token, and the scopes that each needs.
fn of_programs() -> impl Iterator<Item = (&'static Route, &'static [TokenScope])> {
    let scopes = |need| if let Need::Program(scopes) = need { Some(scopes) } else { None };
    ROUTES.iter().filter_map(move |route| Some((route, scopes(route.need)?)))
}

#[rstest]
#[tokio::test]
async fn nobody_gets_in_without_a_session(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let things = Things::make(&world, 0, "primo").await;
    for route in pages().filter(|route| !is_public(route.need)) {
        let mut browser = world.browser();
        let reply = ask(&mut browser, route, &things.path(route)).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", route.path);
        assert_eq!(reply.location(), "/accesso?motivo=scaduta", "{}", route.path);
        browser.cookies.insert("__Host-noncello".to_owned(), "ab".repeat(32));
        let reply = ask(&mut browser, route, &things.path(route)).await;
        assert_eq!(reply.location(), "/accesso?motivo=scaduta", "{} with a made-up session", route.path);
    }
    let mut suspended = world.browser();
    assert_eq!(suspended.log_in("primo", "suspended", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}

#[rstest]
#[tokio::test]
async fn every_route_as_every_role(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await.with_agreement(&world, 0).await;
    let foreign = Things::make(&world, 1, "secondo").await;
    let (nothing, nothing_else) = (Things::of_nothing('1'), Things::of_nothing('2'));
    for role in Role::ALL {
        let ente = if role.is_of_an_ente() { "primo" } else { "" };
        let browser = world.logged_in(ente, role.code()).await;
        for route in pages().filter(|route| !is_public(route.need) && route.path != "/esci") {
            let at = format!("{role:?} {:?} {}", route.verb, route.path);
            if !allows(route.need, role) {
                for things in [&own, &foreign, &nothing] {
                    let reply = ask(&mut browser.clone(), route, &things.path(route)).await;
                    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{at}");
                    assert!(reply.body.contains("Pagina riservata"), "{at}");
                }
                continue;
            }
            if names_a_thing(route) {
                let absent = ask(&mut browser.clone(), route, &nothing.path(route)).await;
                let also_absent = ask(&mut browser.clone(), route, &nothing_else.path(route)).await;
                let others = ask(&mut browser.clone(), route, &foreign.path(route)).await;
                assert_eq!(absent.status, StatusCode::NOT_FOUND, "{at}");
                // What is the platform's is no Ente's.
                if !matches!(route.need, Need::Platform(_) | Need::PlatformFresh(_)) {
                    assert_eq!(others.status, StatusCode::NOT_FOUND, "{at}: another Ente's");
                    assert_eq!(others.body, absent.body, "{at}: another Ente's thing looks like no thing");
                }
                assert_eq!(also_absent.body, absent.body, "{at}");
                let senseless = route.path.replace("{persona}", "x").replace("{draft}", "x");
                let senseless =
                    senseless.replace("{assessment}", "x").replace("{account}", "x").replace("{section}", "x");
                let senseless = senseless
                    .replace("{session}", "x")
                    .replace("{token}", "x")
                    .replace("{ente}", "x")
                    .replace("{interest}", "x")
                    .replace("{passkey}", "x")
                    .replace("{closed}", "x")
                    .replace("{unita}", "x")
                    .replace("{partner}", "x")
                    .replace("{officer}", "x");
                let senseless = senseless.replace("{agreement}", "x").replace("{erased}", "x").replace("{trial}", "x");
                let reply = ask(&mut browser.clone(), route, &senseless).await;
                assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &absent.body), "{at}");
            }
            if route.verb == Verb::Get {
                let reply = ask(&mut browser.clone(), route, &own.path(route)).await;
                let is_fine = reply.status == StatusCode::OK || reply.status == StatusCode::SEE_OTHER;
                // An administrator has no drafts and the like; what a role may see of its own Ente it sees.
                assert!(is_fine, "{at} gives {}", reply.status);
                assert_eq!(reply.headers["cache-control"], "no-store", "{at}");
                if route.path.ends_with(".pdf") {
                    assert!(reply.body.starts_with("%PDF-1.7"), "{at} gives no paper");
                    assert_eq!(reply.headers["content-type"], "application/pdf", "{at}");
                }
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn nothing_is_written_without_the_token_or_from_elsewhere(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await;
    for route in pages() {
        let Verb::Post(token) = route.verb else { continue };
        if token == Token::WritesNothing {
            continue;
        }
        let role = Role::ALL.into_iter().find(|role| allows(route.need, *role) && role.is_of_an_ente());
        // Of no role: given by name, and tests/identified.rs asks.
        let Some(role) = role.or(Role::ALL.into_iter().find(|role| allows(route.need, *role))) else { continue };
        let mut browser = world.logged_in(if role.is_of_an_ente() { "primo" } else { "" }, role.code()).await;
        if token == Token::Login {
            browser.get("/esci").await;
            browser = world.browser();
            browser.get("/accesso").await;
        }
        let path = own.path(route);
        for csrf in ["", "0", &"0".repeat(64)] {
            let reply = browser.post_exactly(&path, &[("csrf", csrf), ("instrument", "asso")]).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path} with «{csrf}»");
            assert!(reply.body.contains("Modulo scaduto"), "{path}");
        }
        let form = format!("csrf={}", browser.csrf);
        for (name, value) in
            [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
        {
            let request = Request::post(&path)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("host", "noncello.example")
                .header(name, value);
            let reply = browser.send(request.body(Body::from(form.clone())).unwrap()).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path} from {value}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_role_in_a_form_is_no_role(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    for role in ["platform_administrator", "research_officer", "university_partner", "root"] {
        let fields = [("name", "X Y"), ("username", "mallory"), ("role", role), ("ente_id", "1"), ("is_admin", "true")];
        let reply = administrator.post("/operatori/nuovo", &fields).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{role}");
    }
}

#[rstest]
#[tokio::test]
async fn a_one_time_password_opens_nothing_but_its_own_change(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let fields = [("name", "Nuova Persona"), ("username", "nuova"), ("role", "operator")];
    let created = administrator.post("/operatori/nuovo", &fields).await;
    assert_eq!(created.status, StatusCode::OK);
    let at = created.body.find("nc-secret\">").unwrap() + "nc-secret\">".len();
    let one_time = created.body[at..].split('<').next().unwrap().to_owned();
    let mut new = world.browser();
    assert_eq!(new.log_in("primo", "nuova", &one_time).await.location(), "/password");
    new.get("/password").await;
    for route in pages().filter(|route| {
        !is_public(route.need) && !matches!(route.need, Need::AnySession | Need::OwnAccount | Need::OwnAccountFresh)
    }) {
        let reply = ask(&mut new, route, &Things::of_nothing('1').path(route)).await;
        let answer = (reply.status, reply.location().to_owned());
        let lacks_right = answer.0 == StatusCode::FORBIDDEN;
        assert!(lacks_right || answer == (StatusCode::SEE_OTHER, "/password".to_owned()), "{}: {answer:?}", route.path);
    }
    new.get("/password").await;
    let weak = [("current", one_time.as_str()), ("password", "password1234"), ("again", "password1234")];
    assert_eq!(new.post("/password", &weak).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let good = [("current", one_time.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(new.post("/password", &good).await.location(), "/scrivania?password=cambiata");
    assert_eq!(world.logged_in("primo", "nuova").await.get("/persone").await.status, StatusCode::OK);
}

#[rstest]
#[tokio::test]
async fn every_failed_login_says_the_same(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut bodies = Vec::new();
    for (ente, username, password) in [
        ("primo", "operator", "sbagliata sbagliata"),
        ("primo", "nessuno", PASSWORD),
        ("nessuno", "operator", PASSWORD),
        ("", "operator", PASSWORD),
        ("primo", "suspended", PASSWORD),
        ("secondo", "nessuno", PASSWORD),
    ] {
        let mut browser = world.browser();
        browser.cookies.insert("__Host-noncello-accesso".to_owned(), "ab".repeat(32));
        let reply = browser.log_in(ente, username, password).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{ente} {username}");
        bodies.push(reply.body.replace(&format!("value=\"{ente}\""), "").replace(&format!("value=\"{username}\""), ""));
        assert!(!reply.headers.contains_key("x-account"));
    }
    let shape = |body: &String| body.split("value=\"").next().unwrap().to_owned();
    assert!(bodies.windows(2).all(|two| shape(&two[0]) == shape(&two[1])));
}

#[rstest]
#[tokio::test]
async fn half_a_login_opens_nothing_but_its_other_half(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    for (ente, username) in [
        ("primo", "ente_administrator"),
        ("", "platform_administrator"),
        ("", "research_officer"),
        ("", "university_partner"),
    ] {
        let mut half = world.browser();
        half.get("/accesso").await;
        let fields = [("ente", ente), ("username", username), ("password", PASSWORD)];
        assert_eq!(half.post("/accesso", &fields).await.location(), "/secondo-fattore");
        half.get("/secondo-fattore").await;
        for route in pages().filter(|route| !is_public(route.need) && route.need != Need::AnySession) {
            let reply = ask(&mut half, route, &Things::of_nothing('1').path(route)).await;
            let answer = (reply.status, reply.location().to_owned());
            let goes_on = answer == (StatusCode::SEE_OTHER, "/secondo-fattore".to_owned());
            assert!(goes_on || answer.0 == StatusCode::FORBIDDEN, "{username} {}: {answer:?}", route.path);
        }
        half.get("/secondo-fattore").await;
        assert_eq!(half.post("/secondo-fattore", &[("code", "000000")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[rstest]
#[tokio::test]
async fn who_must_have_a_second_factor_sets_it_up_first(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut chance = chance(60);
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let new = super::account(Role::EnteAdministrator, "seconda");
    let password = store::AcceptedPassword::check(PASSWORD, Role::EnteAdministrator, &[]).unwrap();
    world.store.create_account_with_password(&scope, &new, &password, now(), &mut chance).await.unwrap();
    let mut browser = world.browser();
    assert_eq!(browser.log_in("primo", "seconda", PASSWORD).await.location(), "/account/secondo-fattore");
    for route in pages().filter(|route| matches!(route.need, Need::Account | Need::Ente(_) | Need::EnteFresh(_))) {
        browser.get("/account").await;
        let reply = ask(&mut browser, route, &Things::of_nothing('1').path(route)).await;
        let answer = (reply.status, reply.location().to_owned());
        let goes_on = answer == (StatusCode::SEE_OTHER, "/account/secondo-fattore".to_owned());
        assert!(goes_on || answer.0 == StatusCode::FORBIDDEN, "{}: {answer:?}", route.path);
    }
    let page = browser.get("/account/secondo-fattore").await;
    let at = page.body.find("nc-secret\">").unwrap() + "nc-secret\">".len();
    let secret = page.body[at..].split('<').next().unwrap().to_owned();
    let code = store::totp_code(&secret, world.clock.now()).unwrap();
    let offer = page.value("offer");
    let done = browser.post("/account/secondo-fattore", &[("offer", &offer), ("code", &code)]).await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(done.body.matches("<li><span class=\"nc-secret\">").count(), 10);
    assert_eq!(browser.get("/operatori").await.status, StatusCode::OK);
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_taken_back_asks_for_the_password_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await;
    let fresh = |need| matches!(need, Need::OwnAccountFresh | Need::EnteFresh(_) | Need::PlatformFresh(_));
    for (ente, username) in [
        ("primo", "ente_administrator"),
        ("", "platform_administrator"),
        ("", "research_officer"),
        ("", "university_partner"),
    ] {
        let mut browser = world.logged_in(ente, username).await;
        let role = Role::from_code(username).unwrap();
        for _ in 0..11 {
            world.clock.pass(60);
            browser.get("/account").await;
        }
        let mut asked = 0;
        for route in pages().filter(|route| fresh(route.need) && allows(route.need, role)) {
            browser.get("/account").await;
            let reply = ask(&mut browser, route, &own.path(route)).await;
            assert!(reply.location().starts_with("/conferma?poi=/"), "{}: {}", route.path, reply.location());
            asked += 1;
        }
        assert!(asked > 3, "{username}");
        let wrong = browser.get("/conferma?poi=/account/secondo-fattore").await;
        assert_eq!(wrong.value("then").replace("&#x2f;", "/"), "/account/secondo-fattore");
        let then = ("then", "/account/secondo-fattore");
        assert_eq!(
            browser.post("/conferma", &[then, ("password", "x")]).await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let right = browser.post("/conferma", &[then, ("password", PASSWORD)]).await;
        assert_eq!(right.location(), "/account/secondo-fattore");
        assert_eq!(browser.get("/account/secondo-fattore").await.status, StatusCode::OK);
    }
}

#[rstest]
#[tokio::test]
async fn an_operator_of_little_reach_finds_nobody_elses_case(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let colleague = &own.account;
    let fields = [("name", "Collega"), ("reach", "own"), ("unita", "")];
    let saved = administrator.post(&format!("/operatori/{colleague}"), &fields).await;
    assert_eq!(saved.location(), "/operatori?fatto=cambiato");
    let (nothing, mut narrow) = (Things::of_nothing('1'), world.logged_in("primo", "colleague").await);
    for route in pages().filter(|route| {
        let names = route.path.contains("{persona}") || route.path.contains("{assessment}");
        names && allows(route.need, Role::Operator)
    }) {
        let absent = ask(&mut narrow.clone(), route, &nothing.path(route)).await;
        let hidden = ask(&mut narrow.clone(), route, &own.path(route)).await;
        assert_eq!((hidden.status, hidden.body), (absent.status, absent.body), "{}", route.path);
        assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{}", route.path);
    }
    let found = narrow.post("/persone/cerca", &[("query", "Rossi")]).await;
    assert!(!found.body.contains("Maria"), "a search finds only one's own");
    assert!(!narrow.get("/scrivania").await.body.contains("Maria"));
    let wide = world.logged_in("primo", "operator").await.post("/persone/cerca", &[("query", "Rossi")]).await;
    assert!(wide.body.contains("Maria"));
}

#[rstest]
#[tokio::test]
async fn when_the_agreement_is_over_everything_can_be_read_and_nothing_entered(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await;
    let mut chance = chance(61);
    let platform = world.store.command_line_platform("prova", "test", now()).await.unwrap();
    let until = now().date_naive().pred_opt().unwrap();
    let over = agreement(until, until);
    world.store.add_agreement(&platform, world.enti[0], &over, now(), &mut chance).await.unwrap();
    for role in Role::ALL.into_iter().filter(|role| role.is_of_an_ente()) {
        let browser = world.logged_in("primo", role.code()).await;
        for route in pages().filter(|route| !is_public(route.need) && allows(route.need, role)) {
            let at = format!("{role:?} {:?} {}", route.verb, route.path);
            let writes = matches!(route.need, Need::Ente(right) | Need::EnteFresh(right) if right.writes());
            if writes {
                let reply = ask(&mut browser.clone(), route, &own.path(route)).await;
                assert_eq!(reply.status, StatusCode::FORBIDDEN, "{at}");
                assert!(reply.body.contains("Si può soltanto leggere"), "{at}");
            } else if route.verb == Verb::Get {
                let reply = ask(&mut browser.clone(), route, &own.path(route)).await;
                let is_fine = reply.status == StatusCode::OK || reply.status == StatusCode::SEE_OTHER;
                assert!(is_fine, "{at} gives {}", reply.status);
            }
        }
    }
    let desk = world.logged_in("primo", "operator").await.get("/scrivania").await;
    assert!(desk.body.contains("scaduta il"), "it is said on every page");
}

/// A body that a route of programs takes.
fn body_for(route: &Route) -> Option<serde_json::Value> {
    let persona = serde_json::json!({ "surname": "Rossi", "name": "Maria" });
    let reason = serde_json::json!({ "reason": "prova" });
    let filled = serde_json::json!({
        "assessed_on": now().date_naive(), "answers": {}, "evaluation": { "kind": "confirmed" },
    });
    let instrument = crate::instruments::shipped().unwrap().swap_remove(0);
    match (route.verb, route.path) {
        (Verb::Get | Verb::Delete(_), _) => None,
        (_, "/api/v1/persone/cerca") => Some(serde_json::json!({ "name": "rossi" })),
        (_, "/api/v1/persone") => Some(persona),
        (_, "/api/v1/persone/{persona}") => Some(serde_json::json!({ "revision": 1, "data": persona })),
        (_, "/api/v1/persone/{persona}/questionari") => Some(serde_json::json!({
            "instrument": instrument.id.as_str(), "version": instrument.version, "filled": filled,
        })),
        (_, "/api/v1/questionari/{assessment}/correggi") => {
            Some(serde_json::json!({ "reason": "prova", "filled": filled }))
        }
        (_, "/api/v1/questionari/{assessment}/annulla") => Some(reason),
        (_, "/api/v1/estrazioni") => Some(serde_json::json!({
            "instrument": instrument.id.as_str(), "from": 2026, "until": 2026, "tables": ["persone"], "format": "csv",
            "reason": "prova",
        })),
        (_, "/api/v1/interrogazioni") => Some(serde_json::json!({ "sql": "select 1" })),
        (_, other) => panic!("{other} has no body here"),
    }
}

fn method_of(route: &Route) -> Method {
    match route.verb {
        Verb::Get => Method::GET,
        Verb::Post(_) => Method::POST,
        Verb::Put(_) => Method::PUT,
        Verb::Delete(_) => Method::DELETE,
    }
}

#[rstest]
#[tokio::test]
async fn a_program_gets_in_by_its_token_alone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await;
    let operator = world.logged_in("primo", "operator").await;
    let cookie = operator.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let session = operator.cookies["__Host-noncello"].clone();
    for (route, _) in of_programs() {
        let body = || body_for(route).map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = || {
            let request = Request::builder().method(method_of(route)).uri(own.path(route));
            request.header("content-type", "application/json").header("host", "noncello.example")
        };
        let basic = format!("Basic {session}");
        for (name, value) in [("x-nothing", ""), ("cookie", cookie.as_str()), ("authorization", basic.as_str())] {
            let reply = api::sent(&world, request().header(name, value).body(body()).unwrap()).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{} with {name}", route.path);
            assert_eq!(api::problem(&reply), "no-token");
        }
        let bearer = format!("Bearer {session}");
        let reply = api::sent(&world, request().header("authorization", bearer).body(body()).unwrap()).await;
        assert!([401, 429].contains(&reply.status.as_u16()), "{}: a session is no token", route.path);
    }
    // A token opens no page.
    let program = api::client(&world, "primo", "operator", &api::OF_A_ROLE).await;
    for route in pages().filter(|route| !is_public(route.need)) {
        let reply = program.send(method_of(route), &own.path(route), None).await;
        assert_eq!(reply.location(), "/accesso?motivo=scaduta", "{}", route.path);
    }
}

#[rstest]
#[tokio::test]
async fn every_route_of_programs_with_every_token(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await.with_extraction(&world, 0, "primo").await;
    let foreign = Things::make(&world, 1, "secondo").await.with_extraction(&world, 1, "secondo").await;
    let (nothing, nothing_else) = (Things::of_nothing('1'), Things::of_nothing('2'));
    for (role, granted) in [
        (Role::Operator, None),
        (Role::EnteAdministrator, None),
        (Role::Analyst, None),
        (Role::ResearchOfficer, None),
        (Role::UniversityPartner, None),
        (Role::Operator, Some(TokenScope::EstrazioniIdentified)),
    ] {
        let granted_rights: Vec<Right> = granted.iter().map(|scope| scope.right()).collect();
        // A token of the platform opens nothing of an Ente's.
        let ente = if role.is_of_an_ente() { "primo" } else { "" };
        if role.is_of_an_ente() {
            grant(&world, role, &granted_rights).await;
        }
        let is_open = |scope: &TokenScope| role.may(scope.right()) || granted == Some(*scope);
        let may: Vec<TokenScope> = TokenScope::ALL.into_iter().filter(is_open).collect();
        for scopes in (0..1_u8 << may.len()).skip(1) {
            let given: Vec<TokenScope> =
                (0..may.len()).filter(|place| scopes >> place & 1 == 1).map(|place| may[place]).collect();
            // An account has twenty tokens at most: with the right, the scope alone and all of them.
            let is_alone = granted.is_some_and(|granted| given == [granted]);
            if granted.is_some() && !is_alone && given.len() != may.len() {
                continue;
            }
            let program = api::client(&world, ente, role.code(), &given).await;
            for (route, needed) in of_programs() {
                let at = format!("{role:?} {given:?} {:?} {}", route.verb, route.path);
                let ask = async |things: &Things| {
                    program.send(method_of(route), &things.path(route), body_for(route).as_ref()).await
                };
                if !needed.iter().all(|scope| given.contains(scope)) {
                    for things in [&own, &foreign, &nothing] {
                        let reply = ask(things).await;
                        assert_eq!(
                            (reply.status, api::problem(&reply).as_str()),
                            (StatusCode::FORBIDDEN, "not-in-scope"),
                            "{at}"
                        );
                    }
                    continue;
                }
                if names_a_thing(route) {
                    let absent = ask(&nothing).await;
                    assert_eq!(absent.status, StatusCode::NOT_FOUND, "{at}");
                    for things in [&foreign, &nothing_else] {
                        let reply = ask(things).await;
                        assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &absent.body), "{at}");
                    }
                    let senseless = ["{persona}", "{assessment}", "{extraction}"]
                        .iter()
                        .fold(route.path.to_owned(), |path, name| path.replace(name, "x"));
                    let reply = program.send(method_of(route), &senseless, body_for(route).as_ref()).await;
                    assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &absent.body), "{at}");
                }
                if route.verb == Verb::Get {
                    let reply = ask(&own).await;
                    assert_eq!(reply.status, StatusCode::OK, "{at}: {}", reply.body);
                    assert_eq!(reply.headers["cache-control"], "no-store", "{at}");
                }
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_program_reaches_what_its_account_reaches_and_dies_with_it(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await;
    let nothing = Things::of_nothing('1');
    let program = api::client(&world, "primo", "colleague", &api::OF_A_ROLE).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let colleague = format!("/operatori/{}", own.account);
    let saved = administrator.post(&colleague, &[("name", "Collega"), ("reach", "own"), ("unita", "")]).await;
    assert_eq!(saved.location(), "/operatori?fatto=cambiato");
    let of_its_own = |(_, needed): &(_, &[TokenScope])| needed.iter().all(|scope| api::OF_A_ROLE.contains(scope));
    for (route, _) in of_programs().filter(of_its_own).filter(|(route, _)| names_a_thing(route)) {
        let ask =
            async |things: &Things| program.send(method_of(route), &things.path(route), body_for(route).as_ref()).await;
        let (absent, hidden) = (ask(&nothing).await, ask(&own).await);
        assert_eq!((hidden.status, hidden.body), (absent.status, absent.body), "{}", route.path);
        assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{}", route.path);
    }
    let search = serde_json::json!({ "name": "rossi" });
    let found = program.send(Method::POST, "/api/v1/persone/cerca", Some(&search)).await;
    assert!(found.status == StatusCode::OK && !found.body.contains("Maria"));
    administrator.get(&colleague).await;
    assert_eq!(administrator.post(&format!("{colleague}/sospendi"), &[]).await.status, StatusCode::SEE_OTHER);
    for (route, _) in of_programs() {
        let reply = program.send(method_of(route), &own.path(route), body_for(route).as_ref()).await;
        assert_eq!((reply.status, api::problem(&reply).as_str()), (StatusCode::UNAUTHORIZED, "no-token"));
    }
}

#[rstest]
#[tokio::test]
async fn when_the_agreement_is_over_programs_read_and_enter_nothing(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::new(kind).await;
    let own = Things::make(&world, 0, "primo").await;
    let program = api::client(&world, "primo", "operator", &api::OF_A_ROLE).await;
    let platform = world.store.command_line_platform("prova", "test", now()).await.unwrap();
    let until = now().date_naive().pred_opt().unwrap();
    let over = agreement(until, until);
    world.store.add_agreement(&platform, world.enti[0], &over, now(), &mut chance(62)).await.unwrap();
    for (route, needed) in of_programs() {
        let reply = program.send(method_of(route), &own.path(route), body_for(route).as_ref()).await;
        if !needed.iter().all(|scope| api::OF_A_ROLE.contains(scope)) {
            assert_eq!((reply.status, api::problem(&reply).as_str()), (StatusCode::FORBIDDEN, "not-in-scope"));
        } else if needed.iter().any(|scope| scope.right().writes()) {
            assert_eq!((reply.status, api::problem(&reply).as_str()), (StatusCode::FORBIDDEN, "no-agreement"));
        } else {
            assert_eq!(reply.status, StatusCode::OK, "{}", route.path);
        }
    }
}
