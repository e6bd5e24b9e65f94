//! Routers beside the portal's own: what their routes ask for, as every role, with and without the right given by name, with
//! and without a fresh password, with and without the token; and those that programs read.

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::http::{Method, Request, StatusCode};
use axum::routing::{get, post};
use rstest::rstest;
use store::{AccountChange, AuditFilter, Reach, ResearchAccounts, Right, Role, TokenScope};
use test_database::Kind;

use super::api::{client, problem, sent};
use super::{Browser, PASSWORD, Reply, World, now};
use crate::{Demand, ReleaseProgram, Visitor};

/// Method and path, as `dashboards` has them.
const ROUTES: [(&str, &str); 6] = [
    ("GET", "/estrazioni"),
    ("GET", "/estrazioni/nuova"),
    ("POST", "/estrazioni/nuova"),
    ("GET", "/estrazioni/{id}"),
    ("GET", "/estrazioni/{id}/scarica"),
    ("POST", "/estrazioni/{id}/elimina"),
];

const ID: &str = "00000000-0000-4000-8000-000000000001";

fn others() -> Router {
    let body = |body: String| async move { format!("let in {body}") };
    let absent = || async { StatusCode::NOT_FOUND };
    Router::new()
        .route("/estrazioni", get(|| async { "let in" }))
        .route("/estrazioni/nuova", get(|| async { "let in" }).post(body))
        .route("/estrazioni/{id}", get(|| async { "let in" }))
        .route("/estrazioni/{id}/scarica", get(|| async { "let in" }))
        .route("/estrazioni/{id}/elimina", post(body))
        .route("/estrazioni/{id}/assente", get(absent))
}

async fn ask(browser: &mut Browser, method: &str, path: &str) -> Reply {
    let path = path.replace("{id}", ID);
    match method {
        "GET" => browser.get(&path).await,
        _ => browser.post(&path, &[("motivo", "prova")]).await,
    }
}

/// Gives rights to an account of the first Ente, instead of those it has.
pub(super) async fn grant(world: &World, role: Role, granted: &[Right]) {
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let account = world.accounts[&(0, role.code().to_owned())];
    let granted = granted.iter().copied().collect();
    let change = AccountChange { display_name: "Prova".into(), unita: None, reach: Reach::Ente, granted };
    world.store.update_account(&scope, account, &change, now()).await.unwrap();
}

/// What a refusal leaves in the audit.
async fn refusals(world: &World) -> usize {
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let filter = AuditFilter { only_refused: true, action: Some("refused".into()), ..AuditFilter::default() };
    world.store.audit(&scope, &filter, 1_000, now()).await.unwrap().len()
}

#[rstest]
#[tokio::test]
async fn every_route_beside_as_every_role(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.router =
        world.portal.router_with(world.portal.behind(Demand::EnteFresh(Right::ExtractPseudonymous), others()));
    for (method, path) in ROUTES {
        let reply = ask(&mut world.browser(), method, path).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, "/accesso?motivo=scaduta"), "{path}");
    }
    for role in Role::ALL {
        let ente = if role.is_of_an_ente() { "primo" } else { "" };
        // The other right given by name opens nothing here.
        for (granted, is_let_in) in
            [(&[][..], false), (&[Right::ExtractIdentified][..], false), (&[Right::ExtractPseudonymous][..], true)]
        {
            if role.is_of_an_ente() {
                grant(&world, role, granted).await;
            } else if is_let_in {
                continue;
            }
            let browser = world.logged_in(ente, role.code()).await;
            for (method, path) in ROUTES {
                let at = format!("{role:?} {granted:?} {method} {path}");
                let before = refusals(&world).await;
                let reply = ask(&mut browser.clone(), method, path).await;
                if is_let_in {
                    assert_eq!(reply.status, StatusCode::OK, "{at}");
                    assert!(reply.body.starts_with("let in"), "{at}");
                    assert_eq!(method == "POST", reply.body.contains("motivo=prova"), "{at}: the form comes through");
                    assert_eq!(reply.headers["cache-control"], "no-store", "{at}");
                } else {
                    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{at}");
                    assert!(reply.body.contains("Pagina riservata"), "{at}");
                    let after = refusals(&world).await;
                    assert_eq!(after - before, usize::from(role.is_of_an_ente()), "{at}: the refusal is in the audit");
                }
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn what_is_beside_asks_for_the_password_and_the_token(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.router =
        world.portal.router_with(world.portal.behind(Demand::EnteFresh(Right::ExtractPseudonymous), others()));
    grant(&world, Role::Analyst, &[Right::ExtractPseudonymous]).await;
    let mut browser = world.logged_in("primo", Role::Analyst.code()).await;

    let absent = browser.get(&format!("/estrazioni/{ID}/assente")).await;
    let nowhere = browser.get("/no-such-page").await;
    assert_eq!((absent.status, &absent.body), (StatusCode::NOT_FOUND, &nowhere.body));

    for (method, path) in ROUTES.into_iter().filter(|(method, _)| *method == "POST") {
        let path = path.replace("{id}", ID);
        let stale = browser.clone().post_exactly(&path, &[("motivo", "x"), ("csrf", "00")]).await;
        assert_eq!(stale.status, StatusCode::FORBIDDEN, "{method} {path}");
        let body = format!("motivo=x&csrf={}", browser.csrf);
        let elsewhere = Request::post(&path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site");
        let reply = browser.clone().send(elsewhere.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{method} {path} from elsewhere");
        let origin = Request::post(&path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "noncello.example")
            .header("origin", "https://evil.example");
        let reply = browser.clone().send(origin.body(Body::from(body)).unwrap()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{method} {path} of another origin");
    }

    // Eleven minutes later the password is asked for, and the way leads back.
    world.clock.pass(11 * 60);
    for (method, path, then) in [
        ("GET", "/estrazioni", "/estrazioni"),
        ("GET", "/estrazioni/nuova", "/estrazioni/nuova"),
        ("POST", "/estrazioni/nuova", "/estrazioni"),
        ("GET", "/estrazioni/{id}", "/estrazioni/{id}"),
        ("GET", "/estrazioni/{id}/scarica", "/estrazioni/{id}/scarica"),
        ("POST", "/estrazioni/{id}/elimina", "/estrazioni/{id}"),
    ] {
        let reply = ask(&mut browser.clone(), method, path).await;
        let then = format!("/conferma?poi={}", then.replace("{id}", ID));
        assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, then.as_str()), "{method} {path}");
    }
    browser.get("/conferma").await;
    browser.post("/conferma", &[("password", PASSWORD), ("then", "/estrazioni")]).await;
    assert_eq!(browser.get("/estrazioni").await.status, StatusCode::OK);
}

/// The same of questions in SQL, which a role may ask.
const QUESTIONS: [(&str, &str); 4] = [
    ("GET", "/interrogazioni"),
    ("GET", "/interrogazioni/risposta"),
    ("POST", "/interrogazioni/risposta"),
    ("POST", "/interrogazioni/file"),
];

fn questions() -> Router {
    let body = |body: String| async move { format!("let in {body}") };
    Router::new()
        .route("/interrogazioni", get(|| async { "let in" }))
        .route("/interrogazioni/risposta", get(|| async { "let in" }).post(body))
        .route("/interrogazioni/file", post(body))
}

#[rstest]
#[tokio::test]
async fn an_analyst_asks_and_nobody_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.router = world.portal.router_with(world.portal.behind(Demand::EnteFresh(Right::Query), questions()));
    for (method, path) in QUESTIONS {
        let reply = ask(&mut world.browser(), method, path).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, "/accesso?motivo=scaduta"), "{path}");
    }
    for role in Role::ALL {
        let is_of_an_ente = role.is_of_an_ente();
        if is_of_an_ente {
            // What is given by name opens nothing here.
            grant(&world, role, &Right::GRANTED).await;
        }
        let mut browser = world.logged_in(if is_of_an_ente { "primo" } else { "" }, role.code()).await;
        let may = role.may(Right::Query);
        assert_eq!(may, role == Role::Analyst);
        let desk = browser.get("/scrivania").await;
        assert_eq!(desk.body.contains("&#x2f;interrogazioni\""), may, "{role:?} finds it in the menu");
        for (method, path) in QUESTIONS {
            let at = format!("{role:?} {method} {path}");
            let before = refusals(&world).await;
            let reply = ask(&mut browser.clone(), method, path).await;
            let after = refusals(&world).await;
            if may {
                assert_eq!(reply.status, StatusCode::OK, "{at}");
                assert_eq!(method == "POST", reply.body.contains("motivo=prova"), "{at}: the form comes through");
            } else {
                assert_eq!(reply.status, StatusCode::FORBIDDEN, "{at}");
                assert!(reply.body.contains("Pagina riservata"), "{at}");
                assert_eq!(after - before, usize::from(is_of_an_ente), "{at}: the refusal is in the audit");
            }
        }
    }
    let mut browser = world.logged_in("primo", Role::Analyst.code()).await;
    for (_, path) in QUESTIONS.into_iter().filter(|(method, _)| *method == "POST") {
        let stale = browser.clone().post_exactly(path, &[("sql", "select 1"), ("csrf", "00")]).await;
        assert_eq!(stale.status, StatusCode::FORBIDDEN, "{path}");
    }
    // Rows about people come out: the password is asked for as before an extraction, and the way leads back to the editor.
    world.clock.pass(11 * 60);
    for (method, path) in QUESTIONS {
        let reply = ask(&mut browser.clone(), method, path).await;
        let then = if method == "GET" { path } else { "/interrogazioni" };
        assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, format!("/conferma?poi={then}").as_str()));
    }
    browser.get("/conferma").await;
    browser.post("/conferma", &[("password", PASSWORD), ("then", "/interrogazioni")]).await;
    assert_eq!(browser.get("/interrogazioni").await.status, StatusCode::OK);
}

/// The same of what is the platform's.
const RESEARCH: [(&str, &str); 5] = [
    ("GET", "/ricerca"),
    ("GET", "/ricerca/progetti/nuovo"),
    ("POST", "/ricerca/progetti/nuovo"),
    ("GET", "/ricerca/progetti/{id}"),
    ("POST", "/ricerca/progetti/{id}/elimina"),
];

fn research() -> Router {
    // Who asks, as a page would write it to the audit.
    let seen = |Extension(visitor): Extension<Visitor>| async move {
        let session = visitor.session().unwrap();
        let scope = visitor.platform_scope(Right::UseReleases).unwrap();
        format!("let in {} {} {:?}", session.account(), session.display_name(), scope.actor())
    };
    let body = |body: String| async move { format!("let in {body}") };
    let absent = || async { StatusCode::NOT_FOUND };
    Router::new()
        .route("/ricerca", get(seen))
        .route("/ricerca/progetti/nuovo", get(seen).post(body))
        .route("/ricerca/progetti/{id}", get(seen))
        .route("/ricerca/progetti/{id}/elimina", post(body))
        .route("/ricerca/progetti/{id}/assente", get(absent))
}

/// How many lines the platform's audit has; the chain holds.
async fn lines_of_the_platform(world: &World) -> u64 {
    let platform = world.store.command_line_platform("prova", "test", now()).await.unwrap();
    let verdict = world.store.audit_verify(&platform, None, &[]).await.unwrap();
    assert_eq!(verdict.problem, None);
    verdict.lines
}

#[rstest]
#[tokio::test]
async fn what_is_the_platforms_as_every_role(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    for right in [Right::Release, Right::UseReleases] {
        for demand in [Demand::Platform(right), Demand::PlatformFresh(right)] {
            world.router = world.portal.router_with(world.portal.behind(demand, research()));
            for (method, path) in RESEARCH {
                let reply = ask(&mut world.browser(), method, path).await;
                let answer = (reply.status, reply.location());
                assert_eq!(answer, (StatusCode::SEE_OTHER, "/accesso?motivo=scaduta"), "{path}");
            }
            for role in Role::ALL {
                let is_of_an_ente = role.is_of_an_ente();
                if is_of_an_ente {
                    // What is given by name opens nothing here.
                    grant(&world, role, &Right::GRANTED).await;
                }
                let mut browser = world.logged_in(if is_of_an_ente { "primo" } else { "" }, role.code()).await;
                for (method, path) in RESEARCH {
                    let at = format!("{demand:?} {role:?} {method} {path}");
                    let of_ente = refusals(&world).await;
                    let of_platform = lines_of_the_platform(&world).await;
                    let reply = ask(&mut browser.clone(), method, path).await;
                    // Counting is itself a line.
                    let of_platform = lines_of_the_platform(&world).await - of_platform - 1;
                    let of_ente = refusals(&world).await - of_ente;
                    if role.may(right) {
                        assert_eq!(reply.status, StatusCode::OK, "{at}");
                        assert!(reply.body.starts_with("let in"), "{at}");
                        assert_eq!(method == "POST", reply.body.contains("motivo=prova"), "{at}");
                        assert_eq!(reply.headers["cache-control"], "no-store", "{at}");
                        let account = world.accounts[&(2, role.code().to_owned())];
                        assert_eq!(method == "GET", reply.body.contains(&account.to_string()), "{at}");
                        assert_eq!((of_ente, of_platform), (0, 0), "{at}");
                    } else {
                        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{at}");
                        assert!(reply.body.contains("Pagina riservata"), "{at}");
                        let expected = if is_of_an_ente { (1, 0) } else { (0, 1) };
                        assert_eq!((of_ente, of_platform), expected, "{at}: the refusal is in the right audit");
                    }
                }
                if !role.may(right) {
                    continue;
                }
                let absent = browser.get(&format!("/ricerca/progetti/{ID}/assente")).await;
                let nowhere = browser.get("/no-such-page").await;
                assert_eq!((absent.status, &absent.body), (StatusCode::NOT_FOUND, &nowhere.body));
                let path = format!("/ricerca/progetti/{ID}/elimina");
                let stale = browser.clone().post_exactly(&path, &[("csrf", "00")]).await;
                assert_eq!(stale.status, StatusCode::FORBIDDEN);
                world.clock.pass(11 * 60);
                for (method, path) in RESEARCH {
                    let reply = ask(&mut browser.clone(), method, path).await;
                    let is_asked = reply.location().starts_with("/conferma?poi=/ricerca");
                    assert_eq!(is_asked, demand == Demand::PlatformFresh(right), "{demand:?} {method} {path}");
                    assert_eq!(reply.status == StatusCode::OK, !is_asked, "{demand:?} {method} {path}");
                }
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn everybody_finds_their_own_side_of_research(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    for role in Role::ALL {
        let mut browser = world.logged_in(if role.is_of_an_ente() { "primo" } else { "" }, role.code()).await;
        let desk = browser.get("/scrivania").await.body;
        let of_role = match role {
            Role::PlatformAdministrator => &["/ricerca/ufficio"][..],
            Role::ResearchOfficer => &["/ricerca", "/ricerca/partner"][..],
            Role::UniversityPartner => &["/dati-ricerca"][..],
            Role::EnteAdministrator | Role::Operator | Role::Manager | Role::Analyst => &[][..],
        };
        for path in ["/ricerca", "/ricerca/partner", "/ricerca/ufficio", "/dati-ricerca"] {
            // Once in the navigation, once on the desk.
            let found = desk.matches(&format!("href=\"{}\"", path.replace('/', "&#x2f;"))).count();
            assert_eq!(found, if of_role.contains(&path) { 2 } else { 0 }, "{role:?} {path}");
        }
    }
}

const PROGRAMS: [&str; 2] = ["/api/rilasci", "/api/rilasci/{id}/file"];

fn read_by_programs() -> Router {
    let seen = |Extension(program): Extension<ReleaseProgram>| async move {
        let partners = program.store().partners(program.platform_scope()).await;
        assert!(partners.is_err(), "the scope lends one right");
        format!("let in {} {} {:?}", program.account(), program.display_name(), program.platform_scope().actor())
    };
    let absent = || async { (StatusCode::NOT_FOUND, "what is here is told to nobody") };
    Router::new()
        .route("/api/rilasci", get(seen).post(|| async { "written" }))
        .route("/api/rilasci/{id}/file", get(seen))
        .route("/api/rilasci/{id}/assente", get(absent))
}

#[rstest]
#[tokio::test]
async fn programs_read_with_the_right_token_alone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let others = world.portal.behind_token(TokenScope::RilasciRead, read_by_programs());
    world.router = world.portal.router_with(others);
    let path = |path: &str| path.replace("{id}", ID);
    // Neither nothing nor a session, in a cookie or as a token, is one.
    let partner = world.logged_in("", Role::UniversityPartner.code()).await;
    let session = partner.cookies["__Host-noncello"].clone();
    for (name, value) in [
        ("x-nothing", String::new()),
        ("cookie", format!("__Host-noncello={session}")),
        ("authorization", format!("Bearer {session}")),
        ("authorization", format!("Basic {session}")),
    ] {
        for at in PROGRAMS.map(path) {
            let reply = sent(&world, Request::get(&at).header(name, &value).body(Body::empty()).unwrap()).await;
            assert_eq!((reply.status, problem(&reply).as_str()), (StatusCode::UNAUTHORIZED, "no-token"), "{at}");
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
    }
    grant(&world, Role::Operator, &[Right::ExtractIdentified]).await;
    for (ente, role, scopes) in [
        ("", Role::UniversityPartner, &[TokenScope::RilasciRead][..]),
        ("", Role::ResearchOfficer, &[TokenScope::RilasciRead][..]),
        ("primo", Role::Operator, &[TokenScope::PersoneRead, TokenScope::EstrazioniIdentified][..]),
        ("primo", Role::Analyst, &[TokenScope::InterrogazioniAsk][..]),
    ] {
        let is_of_the_platform = ente.is_empty();
        let program = client(&world, ente, role.code(), scopes).await;
        for at in PROGRAMS.map(path) {
            let (of_ente, of_platform) = (refusals(&world).await, lines_of_the_platform(&world).await);
            let reply = program.send(Method::GET, &at, None).await;
            let of_platform = lines_of_the_platform(&world).await - of_platform - 1;
            let of_ente = refusals(&world).await - of_ente;
            assert_eq!(reply.headers["cache-control"], "no-store", "{role:?} {at}");
            if is_of_the_platform {
                assert_eq!(reply.status, StatusCode::OK, "{role:?} {at}");
                let account = world.accounts[&(2, role.code().to_owned())].to_string();
                assert!(reply.body.contains(&account) && reply.body.contains("Token {"), "{}", reply.body);
                assert_eq!((of_ente, of_platform), (0, 0));
                let head = program.send(Method::HEAD, &at, None).await;
                assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
            } else {
                let answer = (reply.status, problem(&reply));
                assert_eq!(answer, (StatusCode::FORBIDDEN, "not-in-scope".to_owned()), "{role:?} {at}");
                assert_eq!((of_ente, of_platform), (1, 0), "the refusal is in the Ente's audit");
            }
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
                let reply = program.send(method.clone(), &at, None).await;
                let answer = (reply.status, problem(&reply));
                assert_eq!(answer, (StatusCode::METHOD_NOT_ALLOWED, "method".to_owned()), "{method} {at}");
                assert_eq!(reply.headers["allow"], "GET, HEAD");
            }
        }
        if is_of_the_platform {
            let absent = program.send(Method::GET, &path("/api/rilasci/{id}/assente"), None).await;
            let nowhere = program.send(Method::GET, "/api/no-such-thing", None).await;
            assert_eq!((absent.status, problem(&absent).as_str()), (StatusCode::NOT_FOUND, "not-found"));
            assert_eq!(absent.body, nowhere.body);
        }
    }
    // It dies with its account, by the page.
    let program = client(&world, "", Role::UniversityPartner.code(), &[TokenScope::RilasciRead]).await;
    let mut officer = world.logged_in("", Role::ResearchOfficer.code()).await;
    let account = format!("/ricerca/partner/{}", world.accounts[&(2, Role::UniversityPartner.code().to_owned())]);
    officer.get(&account).await;
    assert_eq!(officer.post(&format!("{account}/sospendi"), &[]).await.location(), "/ricerca/partner?fatto=sospeso");
    let reply = program.send(Method::GET, PROGRAMS[0], None).await;
    assert_eq!((reply.status, problem(&reply).as_str()), (StatusCode::UNAUTHORIZED, "no-token"));
    // Where the scope is one of an Ente's nobody gets in, not even a token that has it.
    let others = world.portal.behind_token(TokenScope::InterrogazioniAsk, read_by_programs());
    world.router = world.portal.router_with(others);
    let program = client(&world, "primo", Role::Analyst.code(), &[TokenScope::InterrogazioniAsk]).await;
    let reply = program.send(Method::GET, PROGRAMS[0], None).await;
    assert_eq!((reply.status, problem(&reply).as_str()), (StatusCode::FORBIDDEN, "not-allowed"));
}

/// What a page shows once.
fn secret(reply: &Reply) -> String {
    let (_, rest) = reply.body.split_once("nc-secret").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap().to_owned()
}

#[rstest]
#[tokio::test]
async fn the_office_and_its_partners_are_made_on_their_pages(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    for (keeper, list, role, kept) in [
        (Role::PlatformAdministrator, "/ricerca/ufficio", Role::ResearchOfficer, ResearchAccounts::Officers),
        (Role::ResearchOfficer, "/ricerca/partner", Role::UniversityPartner, ResearchAccounts::Partners),
    ] {
        let mut browser = world.logged_in("", keeper.code()).await;
        browser.get(&format!("{list}/nuovo")).await;
        let new = format!("{list}/nuovo");
        for fields in [
            &[("name", ""), ("username", "nuova")][..],
            &[("name", "Nuova Persona"), ("username", "x")][..],
            // Taken, whoever has it.
            &[("name", "Nuova Persona"), ("username", Role::PlatformAdministrator.code())][..],
        ] {
            let reply = browser.post(&new, fields).await;
            assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        }
        // A role in the form is none: the page makes its own.
        let username = &role.code()[..4];
        let fields = [("name", "Nuova Persona"), ("username", username), ("role", "platform_administrator")];
        let made = browser.post(&new, &fields).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        let one_time = secret(&made);
        let mut first = world.browser();
        assert_eq!(first.log_in("", username, &one_time).await.location(), "/password");
        let platform = world.store.command_line_platform("prova", "test", now()).await.unwrap();
        let accounts = world.store.research_accounts(&platform, kept).await.unwrap();
        let account = accounts.iter().find(|account| account.username == username).unwrap();
        assert_eq!((account.role, account.must_change), (role, true));
        let listed = browser.get(list).await;
        assert!(listed.body.contains("Nuova Persona") && listed.body.contains("deve cambiare la password"));
        assert_eq!(listed.body.matches("<th scope=\"row\">").count(), 2, "its own kind alone");
        // A new password takes the place of the one before, and whoever is suspended does not get in.
        let page = format!("{list}/{}", account.id);
        browser.get(&page).await;
        let again = secret(&browser.post(&format!("{page}/password"), &[]).await);
        assert_eq!(world.browser().log_in("", username, &one_time).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(world.browser().log_in("", username, &again).await.location(), "/password");
        let suspended = browser.post(&format!("{page}/sospendi"), &[]).await;
        assert_eq!(suspended.location(), format!("{list}?fatto=sospeso"));
        assert!(browser.get(suspended.location()).await.body.contains("è sospeso"));
        assert_eq!(world.browser().log_in("", username, &again).await.status, StatusCode::UNAUTHORIZED);
        let taken_up = browser.post(&format!("{page}/riattiva"), &[]).await;
        assert_eq!(taken_up.location(), format!("{list}?fatto=riattivato"));
        assert_eq!(world.browser().log_in("", username, &again).await.location(), "/password");
        let known = world.accounts[&(2, role.code().to_owned())];
        let without = browser.post(&format!("{list}/{known}/secondo-fattore"), &[]).await;
        assert_eq!(without.location(), format!("{list}?fatto=senza-secondo-fattore"));
        assert!(browser.get(&format!("{list}/{known}")).await.status == StatusCode::OK);
        let platform = world.store.command_line_platform("prova", "test", now()).await.unwrap();
        let mut chance = super::chance(90);
        world.store.set_platform_totp(&platform, known, &super::TOTP_SECRET, now(), &mut chance).await.unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn whoever_is_of_another_role_is_not_there(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    for (keeper, list, own) in [
        (Role::PlatformAdministrator, "/ricerca/ufficio", Role::ResearchOfficer),
        (Role::ResearchOfficer, "/ricerca/partner", Role::UniversityPartner),
    ] {
        let mut browser = world.logged_in("", keeper.code()).await;
        let nobody = browser.get(&format!("{list}/{ID}")).await;
        assert_eq!(nobody.status, StatusCode::NOT_FOUND);
        let operator = world.accounts[&(0, Role::Operator.code().to_owned())];
        let of_platform = Role::ALL.into_iter().filter(|role| !role.is_of_an_ente() && *role != own);
        let of_platform = of_platform.map(|role| world.accounts[&(2, role.code().to_owned())]);
        for id in of_platform.chain([operator]) {
            let page = browser.get(&format!("{list}/{id}")).await;
            assert_eq!((page.status, &page.body), (StatusCode::NOT_FOUND, &nobody.body), "{list} {id}");
            for act in ["sospendi", "riattiva", "password", "secondo-fattore"] {
                let reply = browser.post(&format!("{list}/{id}/{act}"), &[]).await;
                assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &nobody.body), "{list} {id} {act}");
            }
        }
    }
    // Nothing was done to anybody.
    for role in Role::ALL.into_iter().filter(|role| !role.is_of_an_ente()) {
        world.logged_in("", role.code()).await;
    }
    world.logged_in("primo", Role::Operator.code()).await;
}

#[rstest]
#[tokio::test]
async fn a_partner_makes_a_token_on_the_page(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let others = world.portal.behind_token(TokenScope::RilasciRead, read_by_programs());
    world.router = world.portal.router_with(others);
    for role in Role::ALL.into_iter().filter(|role| !role.is_of_an_ente()) {
        let mut browser = world.logged_in("", role.code()).await;
        let may = role.may(Right::UseReleases);
        let form = browser.get("/account/chiavi").await;
        assert_eq!(form.status, StatusCode::OK);
        assert_eq!(form.body.contains("value=\"rilasci:read\""), may, "{role:?}");
        assert!(!form.body.contains("persone:read"), "{role:?}");
        for scope in TokenScope::ALL {
            let fields = [("token_name", "Analisi"), ("days", "30"), ("scope", scope.code())];
            let reply = browser.post("/account/chiavi", &fields).await;
            let lends = may && scope == TokenScope::RilasciRead;
            let status = if lends { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            assert_eq!(reply.status, status, "{role:?} {scope:?}");
            if lends {
                let bearer = format!("Bearer {}", secret(&reply));
                let request = Request::get(PROGRAMS[0]).header("authorization", bearer).body(Body::empty()).unwrap();
                assert_eq!(sent(&world, request).await.status, StatusCode::OK);
                assert!(browser.get("/account").await.body.contains("Revoca<span"));
            }
        }
    }
}
