//! Routers beside the portal's own: what their routes ask for, as every role, with and without the right given by name, with
//! and without a fresh password, with and without the token.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use rstest::rstest;
use store::{AccountChange, AuditFilter, Reach, Right, Role};
use test_database::Kind;

use super::{Browser, PASSWORD, Reply, World, now};

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
    world.router = world.portal.router_with(world.portal.behind(Right::ExtractPseudonymous, others()));
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
    world.router = world.portal.router_with(world.portal.behind(Right::ExtractPseudonymous, others()));
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
    world.router = world.portal.router_with(world.portal.behind(Right::Query, questions()));
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
