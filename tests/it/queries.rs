//! Questions in SQL by their page, answered by the process that really does: all that is offered is answered, whatever is
//! hostile is refused, and nobody gets a row of another Ente.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use dashboards::query::{
    Analyst, AnswerFormat, CAPS, Queries, QueryConfig, QueryEvent, QueryRecorder, Step, Unanswered,
};
use domain::feed::EnteId;
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use templates::{Area, Layout, Renderer, UserView};
use tower::ServiceExt;
use warehouse::Lake;
use warehouse::analyst::Caps;

use crate::analyst::{hostile, lake, two};
use crate::demonstration::{Demonstration, now};

/// What the audit is told.
type Audit = Arc<Mutex<Vec<QueryEvent>>>;

fn queries(lake: &Lake) -> Queries {
    let config = QueryConfig {
        program: Arc::new(|| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_noncello"));
            command.args(["warehouse", "answer"]);
            command
        }),
        caps: Caps { memory_mib: 256, ..CAPS },
        patience: Duration::from_secs(60),
        clock: Arc::new(now),
        chance: StdRng::seed_from_u64(1),
    };
    let instruments = intake::instruments::shipped().unwrap();
    Queries::new(lake.clone(), instruments, Arc::new(Renderer::new().unwrap()), config)
}

fn recorder(audit: &Audit) -> QueryRecorder {
    let audit = Arc::clone(audit);
    Arc::new(move |event| {
        audit.lock().unwrap().push(event);
        Box::pin(async { Ok(()) })
    })
}

fn analyst(ente: EnteId, audit: &Audit) -> Analyst {
    let user = UserView {
        name: "Anna Prova".to_owned(),
        role: "analyst".to_owned(),
        ente: None,
        agreement: None,
        csrf: "00".to_owned(),
        entries: Vec::new(),
    };
    let layout = Layout { is_demonstration: true, area: Area::Interrogazioni, has_accounts: true, user: Some(user) };
    Analyst { ente, ente_name: "Ente di prova".to_owned(), layout, record: recorder(audit) }
}

async fn send(router: &Router, analyst: Analyst, mut request: Request<Body>) -> (StatusCode, String) {
    request.extensions_mut().insert(analyst);
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn get(router: &Router, analyst: Analyst, path: &str) -> (StatusCode, String) {
    send(router, analyst, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn ask(router: &Router, analyst: Analyst, sql: &str) -> (StatusCode, String) {
    let encoded: String = sql.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let request = Request::post("/interrogazioni/risposta")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("sql={encoded}")))
        .unwrap();
    send(router, analyst, request).await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn every_example_and_every_table_of_the_page_is_answered() {
    let demonstration = Demonstration::new();
    let lake = lake(&demonstration);
    let ente = two(&lake).0;
    let queries = queries(&lake);
    let router = queries.clone().router();
    let audit = Audit::default();
    runtime().block_on(async {
        let (status, page) = get(&router, analyst(ente, &audit), "/interrogazioni").await;
        assert_eq!(status, StatusCode::OK);
        assert!(Queries::examples().len() >= 5);
        for example in Queries::examples() {
            assert!(page.contains(&format!("?esempio={}", example.id)), "{} is offered", example.id);
            let (status, page) = ask(&router, analyst(ente, &audit), &example.sql).await;
            assert_eq!(status, StatusCode::OK, "{}: {page}", example.id);
            assert!(page.contains("<tbody><tr>"), "{} has rows", example.id);
        }
        // What the page says of a table is what comes out of it.
        let said: Vec<(String, Vec<String>)> = page.split("data-table=\"").skip(1).map(table_said).collect();
        assert!(said.len() > 10);
        for (table, columns) in said {
            let sql = format!("select * from {table}");
            let file = queries.ask_file(ente, &recorder(&audit), sql, AnswerFormat::Csv).await.unwrap();
            let head = String::from_utf8(file).unwrap();
            let head = head.trim_start_matches('\u{feff}').split("\r\n").next().unwrap().to_owned();
            assert_eq!(head.split(';').collect::<Vec<_>>(), columns, "{table}");
        }
    });
}

/// A table of the page, and its columns.
fn table_said(html: &str) -> (String, Vec<String>) {
    let columns = html.split("data-column=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    (html.split('"').next().unwrap().to_owned(), columns.collect())
}

#[test]
fn whatever_is_hostile_is_refused_on_the_page_too() {
    let demonstration = Demonstration::new();
    let lake = lake(&demonstration);
    let (own, other) = two(&lake);
    let written = demonstration.data.join("written");
    let statements = hostile(&lake, (own, other), &demonstration.data, &written);
    assert!(statements.len() >= 40);
    let root = fs::read(lake.folder().join("root.json")).unwrap();
    let router = queries(&lake).router();
    let audit = Audit::default();
    runtime().block_on(async {
        for sql in &statements {
            let (status, page) = ask(&router, analyst(own, &audit), sql).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{sql}");
            assert!(page.contains("role=\"alert\"") && !page.contains("Tabella della risposta"), "{sql}");
        }
        let (status, _) = ask(&router, analyst(own, &audit), "select count(*) from assessments").await;
        assert_eq!(status, StatusCode::OK, "another question is answered as if nothing had happened");
    });
    assert!(!written.exists());
    assert_eq!(fs::read(lake.folder().join("root.json")).unwrap(), root);
    lake.verify(own).unwrap();
    let refused = audit
        .lock()
        .unwrap()
        .iter()
        .filter(|event| matches!(event, QueryEvent::Question { act: Step::Refuse, .. }))
        .count();
    // One without a word in it is no question, and comes to nobody.
    assert_eq!(refused, statements.iter().filter(|sql| !sql.trim().is_empty()).count());
}

#[test]
fn two_enti_ask_at_once_and_each_gets_its_own() {
    let demonstration = Demonstration::new();
    let lake = lake(&demonstration);
    let (one, other) = two(&lake);
    let queries = queries(&lake);
    let audit = Audit::default();
    runtime().block_on(async {
        let people = async |ente: EnteId| {
            let sql = "select distinct pseudonym from assessments order by 1".to_owned();
            let file = queries.ask_file(ente, &recorder(&audit), sql, AnswerFormat::Json).await.unwrap();
            let rows: Vec<serde_json::Value> = serde_json::from_slice(&file).unwrap();
            rows.iter().map(|row| row["pseudonym"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        let (own, foreign) = tokio::join!(people(one), people(other));
        assert!(!own.is_empty() && !foreign.is_empty() && own.is_disjoint(&foreign));
        for _ in 0..3 {
            let (again, foreign_again) = tokio::join!(people(one), people(other));
            assert!(again == own && foreign_again == foreign);
        }
        let nobody = EnteId(uuid::Uuid::from_u128(1));
        let answer = queries.ask(nobody, &recorder(&audit), "select 1".to_owned()).await;
        assert_eq!(answer.err(), Some(Unanswered::Unpublished));
    });
}

#[test]
fn an_answer_comes_in_every_form() {
    let demonstration = Demonstration::new();
    let lake = lake(&demonstration);
    let ente = two(&lake).0;
    let queries = queries(&lake);
    let audit = Audit::default();
    runtime().block_on(async {
        let ask = async |sql: &str, format| queries.ask_file(ente, &recorder(&audit), sql.to_owned(), format).await;
        let sql =
            "select sum(people) as people, 2.50::decimal(9, 2) as exact, 'è' as text, null as nothing from mart_totals";
        let json: serde_json::Value = serde_json::from_slice(&ask(sql, AnswerFormat::Json).await.unwrap()).unwrap();
        assert!(
            json[0]["people"].is_u64()
                && json[0]["exact"] == 2.5
                && json[0]["text"] == "è"
                && json[0]["nothing"].is_null()
        );
        let csv = String::from_utf8(ask(sql, AnswerFormat::Csv).await.unwrap()).unwrap();
        assert!(csv.ends_with(";2,50;è;\r\n"), "{csv}");
        let arrow = ask(sql, AnswerFormat::Arrow).await.unwrap();
        let read = arrow::ipc::reader::StreamReader::try_new(arrow.as_slice(), None).unwrap();
        assert_eq!(read.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
        let parquet = ask("select * from assessments", AnswerFormat::Parquet).await.unwrap();
        assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
        // What a format cannot hold is said, and does not break anything.
        let odd = ask("select interval 1 month as pause", AnswerFormat::Parquet).await;
        assert_eq!(odd.err(), Some(Unanswered::Format));
        for format in [AnswerFormat::Json, AnswerFormat::Csv] {
            let nested = "select [1, 2] as list, {'a': 1} as pair, interval 1 month as pause, time '10:00' as hour";
            assert!(ask(nested, format).await.is_ok());
        }
    });
}
