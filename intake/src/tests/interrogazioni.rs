//! Questions in SQL by token: who may ask, in which form the answer comes, and what a question without one is told. Something
//! made up answers here; the process that does is in the root's tests.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Method, Request, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use store::{Actor, AuditFilter, QueryAct, Refused, Right, Role, StoreError, TokenScope};
use test_database::Kind;

use super::api::{Client, client, problem, sent};
use super::{Reply, World, chance, now};
use crate::{AnswerFormat, Answerer, NoAnswer};

const PATH: &str = "/api/v1/interrogazioni";

type Asked = Arc<Mutex<Vec<(domain::feed::EnteId, String, AnswerFormat)>>>;

/// Answers by what it is asked, and remembers it.
fn answerer(asked: &Asked) -> Answerer {
    let asked = Arc::clone(asked);
    Arc::new(move |question| {
        asked.lock().unwrap().push((question.scope.ente(), question.sql.clone(), question.format));
        Box::pin(async move {
            let detail = || "because".to_owned();
            match question.sql.as_str() {
                "hostile" => Err(NoAnswer::Refused(detail())),
                "endless" => Err(NoAnswer::TooMuch("late", detail())),
                "busy" => Err(NoAnswer::Busy(detail())),
                "unpublished" => Err(NoAnswer::Unpublished(detail())),
                "broken" => Err(NoAnswer::Broken),
                _ => Ok(b"[{\"n\":1}]".to_vec()),
            }
        })
    })
}

async fn with_accept(world: &World, program: &Client<'_>, accept: Option<&str>, body: &Value) -> Reply {
    let mut request = Request::post(PATH)
        .header(AUTHORIZATION, format!("Bearer {}", program.token))
        .header(CONTENT_TYPE, "application/json");
    if let Some(accept) = accept {
        request = request.header(ACCEPT, accept);
    }
    sent(world, request.body(Body::from(body.to_string())).unwrap()).await
}

#[rstest]
#[tokio::test]
async fn an_analysts_program_asks(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let asked = Asked::default();
    let world = World::new(kind).await.with_answerer(answerer(&asked));
    let program = client(&world, "primo", Role::Analyst.code(), &[TokenScope::InterrogazioniAsk]).await;
    for (accept, format, expected) in [
        (None, None, AnswerFormat::Json),
        (Some("*/*"), None, AnswerFormat::Json),
        (Some("text/csv"), None, AnswerFormat::Csv),
        (Some("application/vnd.apache.parquet"), None, AnswerFormat::Parquet),
        (Some("text/csv"), Some("arrow"), AnswerFormat::Arrow),
        (Some("text/html"), Some("json"), AnswerFormat::Json),
    ] {
        let mut body = json!({ "sql": "select 1" });
        if let Some(format) = format {
            body["format"] = json!(format);
        }
        let reply = with_accept(&world, &program, accept, &body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert_eq!(reply.headers[CONTENT_TYPE], expected.media_type());
        assert_eq!(reply.headers["cache-control"], "no-store");
        let last = asked.lock().unwrap().pop().unwrap();
        assert_eq!(last, (world.enti[0], "select 1".to_owned(), expected), "of its own Ente, as it is wanted");
    }
    for (accept, body, status, code) in [
        (Some("text/html"), json!({ "sql": "select 1" }), 406, "not-acceptable"),
        (None, json!({ "sql": "select 1", "format": "xlsx" }), 422, "format"),
        (None, json!({ "sql": "select 1", "ente": "secondo" }), 400, "bad-request"),
        (None, json!({}), 400, "bad-request"),
        (None, json!({ "sql": 1 }), 400, "bad-request"),
    ] {
        let reply = with_accept(&world, &program, accept, &body).await;
        assert_eq!((reply.status.as_u16(), problem(&reply).as_str()), (status, code), "{body}");
    }
    assert!(asked.lock().unwrap().is_empty(), "none of these was asked");
    for (sql, status, code) in [
        ("hostile", 422, "sql"),
        ("endless", 422, "late"),
        ("busy", 503, "busy"),
        ("unpublished", 404, "not-published"),
        ("broken", 500, "broken"),
    ] {
        let reply = program.send(Method::POST, PATH, Some(&json!({ "sql": sql }))).await;
        assert_eq!((reply.status.as_u16(), problem(&reply).as_str()), (status, code));
        assert_eq!(reply.headers.contains_key(RETRY_AFTER), sql == "busy");
    }
}

#[rstest]
#[tokio::test]
async fn nobody_elses_program_does(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let asked = Asked::default();
    let world = World::new(kind).await.with_answerer(answerer(&asked));
    // Whoever may not ask cannot even make the token.
    for role in [Role::Operator, Role::EnteAdministrator, Role::Manager] {
        let right = TokenScope::InterrogazioniAsk.right();
        assert!(right == Right::Query && !role.may(right));
    }
    let body = json!({ "sql": "select 1" });
    for (username, scopes) in [
        ("operator", &[TokenScope::PersoneRead, TokenScope::QuestionariWrite][..]),
        ("ente_administrator", &[TokenScope::QuestionariRead][..]),
    ] {
        let program = client(&world, "primo", username, scopes).await;
        let reply = program.send(Method::POST, PATH, Some(&body)).await;
        assert_eq!((reply.status, problem(&reply).as_str()), (StatusCode::FORBIDDEN, "not-in-scope"), "{username}");
    }
    // Nor does the scope open anything else.
    let program = client(&world, "primo", Role::Analyst.code(), &[TokenScope::InterrogazioniAsk]).await;
    let reply = program.send(Method::GET, "/api/v1/questionari", None).await;
    assert_eq!((reply.status, problem(&reply).as_str()), (StatusCode::FORBIDDEN, "not-in-scope"));
    assert!(asked.lock().unwrap().is_empty());
    let world = World::new(kind).await;
    let program = client(&world, "primo", Role::Analyst.code(), &[TokenScope::InterrogazioniAsk]).await;
    let reply = program.send(Method::POST, PATH, Some(&body)).await;
    assert_eq!((reply.status, problem(&reply).as_str()), (StatusCode::NOT_FOUND, "not-found"), "no lake, no answer");
}

#[rstest]
#[tokio::test]
async fn the_audit_tells_what_became_of_a_question(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let program = client(&world, "primo", Role::Analyst.code(), &[TokenScope::InterrogazioniAsk]).await;
    let access = world.store.token_access(&program.token, [127, 0, 0, 1].into(), now()).await.unwrap();
    let scope = access.scope(TokenScope::InterrogazioniAsk).unwrap();
    let question = uuid::Uuid::from_u128(7);
    for (act, detail) in [(QueryAct::Ask, "sha256=00"), (QueryAct::Refuse, "refused"), (QueryAct::Answer, "rows=3")] {
        world.store.record_query(&scope, act, question, detail, now()).await.unwrap();
    }
    let reading = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let filter = AuditFilter { action: Some("query".to_owned()), ..AuditFilter::default() };
    let lines = world.store.audit(&reading, &filter, 10, now()).await.unwrap();
    let told: Vec<_> =
        lines.iter().map(|line| (line.action.as_str(), line.is_refused, line.detail.as_deref())).collect();
    let expected = [
        ("query.answer", false, Some("rows=3")),
        ("query.refuse", true, Some("refused")),
        ("query.ask", false, Some("sha256=00")),
    ];
    assert_eq!(told, expected);
    assert!(lines.iter().all(|line| line.subjects == [question] && matches!(line.actor, Some(Actor::Token { .. }))));
    // Of the other Ente nothing is there; and without the right no line is written.
    let other = world.store.command_line(world.enti[1], "prova", "test", now()).await.unwrap();
    assert!(world.store.audit(&other, &filter, 10, now()).await.unwrap().is_empty());
    let credentials = store::Credentials {
        ente: Some("primo"),
        username: "operator",
        password: super::PASSWORD,
        peer: [127, 0, 0, 1].into(),
    };
    let session = world.store.login(credentials, now(), &mut chance(3)).await.unwrap().session;
    let scope = session.scope(Right::SeePersone).unwrap();
    let refused = world.store.record_query(&scope, QueryAct::Ask, question, "x", now()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Refused::NotAllowed(Right::Query))));
}
