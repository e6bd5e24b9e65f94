//! Who gets an answer, who waits, what the audit is told. What answers here is a shell that says what it is told to: the
//! process that really does, and what it refuses, is in the root's tests/it/queries.rs.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use rand::SeedableRng;
use templates::{Area, Page, UserView};
use tower::ServiceExt;
use warehouse::mart::MARTS;

use super::*;
use crate::extraction::tests::{DEFINITION, ente, publication};

/// What answers `rows`.
const ANSWERS: &str = "cat >/dev/null; cat \"$0\"";

struct World {
    folder: tempfile::TempDir,
    lake: Lake,
    audit: Arc<Mutex<Vec<QueryEvent>>>,
    /// What the audit does not take.
    refused: Arc<Mutex<Option<Step>>>,
    /// How often the program was started.
    started: Arc<AtomicUsize>,
    /// The script of the shell that answers.
    script: Arc<Mutex<&'static str>>,
    /// Where one waits for a word before it starts the program.
    gate: Arc<Mutex<Option<std::sync::mpsc::Receiver<()>>>>,
    router: Router,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

fn answer_of_two_rows() -> Answer {
    let columns: [(&str, ArrayRef, bool); 2] = [
        ("comune", Arc::new(StringArray::from(vec![Some("<b>093033</b>"), Some("=1+1")])), true),
        ("persone", Arc::new(Int64Array::from(vec![Some(12), None])), true),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    Answer { schema: batch.schema(), batches: vec![batch] }
}

impl World {
    /// Two Enti with data; whoever waits for a turn does not.
    fn new() -> Self {
        Self::with_caps(CAPS)
    }

    fn with_caps(caps: Caps) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut chance = StdRng::seed_from_u64(5);
        let ring = domain::keys::RingKey::generate(domain::keys::Ring::Lake, &mut chance);
        let lake = Lake::new(folder.path().join("lake"), folder.path().join("keys"), ring);
        std::fs::create_dir_all(lake.folder()).unwrap();
        let instrument = Instrument::parse(DEFINITION).unwrap();
        let at = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        for number in [1, 2, 3] {
            lake.publish(ente(number), publication(&instrument, number), at, &mut chance).unwrap();
        }
        let rows = folder.path().join("rows.arrow");
        std::fs::write(&rows, answer_of_two_rows().to_arrow().unwrap()).unwrap();
        let started = Arc::new(AtomicUsize::new(0));
        let script = Arc::new(Mutex::new(ANSWERS));
        let gate = Arc::new(Mutex::new(None::<std::sync::mpsc::Receiver<()>>));
        let (count, says, waits) = (Arc::clone(&started), Arc::clone(&script), Arc::clone(&gate));
        let program: Program = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            if let Some(gate) = waits.lock().unwrap().as_ref() {
                gate.recv().unwrap();
            }
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(*says.lock().unwrap()).arg(&rows);
            command
        });
        let config = QueryConfig {
            program,
            caps,
            patience: Duration::ZERO,
            clock: Arc::new(move || at),
            chance: StdRng::seed_from_u64(6),
        };
        let queries = Queries::new(lake.clone(), vec![instrument], Arc::new(Renderer::new().unwrap()), config);
        let router = queries.router();
        Self { folder, lake, audit: Arc::default(), refused: Arc::default(), started, script, gate, router }
    }

    fn analyst(&self, number: u128) -> Analyst {
        let (audit, refused) = (Arc::clone(&self.audit), Arc::clone(&self.refused));
        let user = UserView {
            name: "Anna Prova".to_owned(),
            role: "analyst".to_owned(),
            ente: None,
            agreement: None,
            csrf: "00".to_owned(),
            entries: Vec::new(),
        };
        Analyst {
            ente: ente(number),
            ente_name: format!("Ente {number}"),
            layout: Layout { is_demonstration: true, area: Area::Other, has_accounts: true, user: Some(user) },
            record: Arc::new(move |event| {
                let is_refused = match (&event, *refused.lock().unwrap()) {
                    (QueryEvent::Question { act, .. }, Some(refused)) => *act == refused,
                    (QueryEvent::Seen { .. } | QueryEvent::Question { .. }, _) => false,
                };
                if !is_refused {
                    audit.lock().unwrap().push(event);
                }
                Box::pin(async move { if is_refused { Err(NotRecorded) } else { Ok(()) } })
            }),
        }
    }

    async fn send(&self, number: u128, mut request: Request<Body>) -> Reply {
        request.extensions_mut().insert(self.analyst(number));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    async fn get(&self, number: u128, path: &str) -> Reply {
        self.send(number, Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, number: u128, path: &str, sql: &str) -> Reply {
        self.send(number, form(path, sql)).await
    }

    async fn ask(&self, number: u128, sql: &str) -> Reply {
        self.post(number, "/interrogazioni/risposta", sql).await
    }

    /// The same where nothing waits at the gate: one that does has got a turn that it should not have.
    async fn ask_at_once(&self, number: u128) -> Reply {
        let asked = tokio::time::timeout(Duration::from_secs(60), self.ask(number, "select 1")).await;
        asked.expect("it has a turn, and waits at the gate")
    }

    fn steps(&self) -> Vec<(Step, String)> {
        let audit = self.audit.lock().unwrap();
        let steps = audit.iter().filter_map(|event| match event {
            QueryEvent::Seen { .. } => None,
            QueryEvent::Question { act, detail, .. } => Some((*act, detail.clone())),
        });
        steps.collect()
    }

    /// Questions wait before the program starts, until a word comes through here.
    fn close_the_gate(&self) -> Sender<()> {
        let (word, gate) = channel();
        *self.gate.lock().unwrap() = Some(gate);
        word
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        for _ in 0..5_000_000 {
            if is_so() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it never is");
    }
}

fn form(path: &str, sql: &str) -> Request<Body> {
    let encoded: String = sql.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    request.body(Body::from(format!("csrf=00&formato=csv&sql={encoded}"))).unwrap()
}

#[tokio::test]
async fn the_page_offers_all_that_may_be_asked() {
    let world = World::new();
    let page = world.get(1, "/interrogazioni").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(page.headers[header::CONTENT_SECURITY_POLICY], templates::POLICY_WITH_SCRIPTS);
    let lake = world.lake.ente(ente(1)).unwrap().unwrap();
    let names = catalogue::names(&lake);
    assert!(names.len() > MARTS.len());
    for name in &names {
        assert!(page.body.contains(&format!("data-table=\"{name}\"")), "{name}");
    }
    let views = lake.views().unwrap();
    assert_eq!(views.len(), warehouse::mart::VIEWS.len());
    for (view, _) in &views {
        assert!(page.body.contains(&format!("data-table=\"{}\"", view.step.name)), "{}", view.step.name);
    }
    assert_eq!(page.body.matches("data-table=").count(), names.len() + views.len());
    for mart in MARTS.iter().filter(|mart| names.contains(mart.step.name)) {
        let hidden = warehouse::analyst::hidden_columns(mart.step.name);
        for column in mart.notes().unwrap().columns.keys().filter(|column| !hidden.contains(*column)) {
            assert!(page.body.contains(&format!("data-column=\"{column}\"")), "{column}");
        }
    }
    assert!(page.body.contains("Seconda?"), "an item says its question");
    assert!(!page.body.contains("data-column=\"operator\""), "who assessed is not asked");
    assert!(page.body.contains("quasi-identificatore"));
    for example in examples::of(&names) {
        let chosen = world.get(1, &format!("/interrogazioni?esempio={}", example.id)).await;
        let text = chosen.body.split("<textarea").nth(1).unwrap().split("</textarea>").next().unwrap().to_owned();
        assert!(text.contains("select") && !text.contains("data-blank"), "{}: {text}", example.id);
    }
    let unknown = world.get(1, "/interrogazioni?esempio=%3Cb%3E").await;
    assert!(unknown.status == StatusCode::OK && unknown.body.contains("data-blank"));
    let back = world.get(1, "/interrogazioni/risposta").await;
    assert_eq!(
        (back.status, &back.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/interrogazioni".parse().unwrap())
    );
    let audit = world.audit.lock().unwrap();
    assert!(audit.contains(&QueryEvent::Seen { path: "/interrogazioni".to_owned() }));
}

#[tokio::test]
async fn an_answer_is_a_table_and_the_audit_knows_of_it_before() {
    let world = World::new();
    let sql = "select 'Maria Rossi' as comune, 1 as persone from Assessments";
    let page = world.ask(1, sql).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("2 righe") && page.body.contains("<td class=\"nc-number\">12</td>"));
    assert!(page.body.contains("nessun valore") && page.body.contains("&lt;b&gt;093033"));
    assert!(page.body.contains("Maria Rossi"), "what was typed is there again");
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(sql));
    let expected = [
        (Step::Ask, format!("sha256={hash} characters={} tables=assessments", sql.len())),
        (Step::Answer, "rows=2".to_owned()),
    ];
    assert_eq!(world.steps(), expected);
    assert!(!format!("{:?}", world.audit.lock().unwrap()).contains("Maria"), "no text in the audit");

    let file = world.post(1, "/interrogazioni/file", sql).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(file.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    assert_eq!(file.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(
        file.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"interrogazione-20260921-161320.csv\""
    );
    assert_eq!(file.body, "\u{feff}comune;persone\r\n<b>093033</b>;12\r\n'=1+1;\r\n");
    assert_eq!(world.steps().len(), 4);
}

#[tokio::test]
async fn what_has_no_answer_says_why_and_the_audit_does_not_quote_it() {
    let world = World::new();
    for (script, status, words, step) in [
        ("cat >/dev/null; echo 'Error: <i>x</i>' >&2; exit 3", 422, "Error: &lt;i&gt;x&lt;", (Step::Refuse, "refused")),
        ("cat >/dev/null; exit 9", 422, "più memoria", (Step::Fail, "memory")),
        ("cat >/dev/null; echo nonsense", 500, "Qualcosa di nostro", (Step::Fail, "broken")),
    ] {
        *world.script.lock().unwrap() = script;
        for path in ["/interrogazioni/risposta", "/interrogazioni/file"] {
            let page = world.post(1, path, "select 1").await;
            assert_eq!(page.status.as_u16(), status, "{script}");
            assert!(page.body.contains(words) && page.body.contains("role=\"alert\""), "{script}: {}", page.body);
            assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
            assert_eq!(world.steps().last().unwrap(), &(step.0, step.1.to_owned()), "{script}");
        }
    }
    let late = World::with_caps(Caps { seconds: 0, ..CAPS });
    *late.script.lock().unwrap() = "cat >/dev/null; exec sleep 60";
    let page = late.ask(1, "select 1").await;
    assert!(page.status.as_u16() == 422 && page.body.contains("non è arrivata in tempo"));
    let small = World::with_caps(Caps { bytes: 10, ..CAPS });
    let page = small.ask(1, "select 1").await;
    assert!(page.status.as_u16() == 422 && page.body.contains("troppo grande"));
    assert_eq!(small.steps().last().unwrap(), &(Step::Fail, "large".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_a_question_starts_nothing() {
    let world = World::new();
    let long = "x".repeat(CHARACTERS_MAX + 1);
    for (sql, words) in [("", "Manca"), (" \n", "Manca"), (long.as_str(), "troppo lunga")] {
        let page = world.ask(1, sql).await;
        assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.body.contains(words), "{words}");
    }
    // As many characters, whatever their bytes.
    assert_eq!(world.ask(1, &"è".repeat(CHARACTERS_MAX)).await.status, StatusCode::OK);
    assert_eq!(world.started.load(Ordering::SeqCst), 1);
    for body in ["sql=1&sql=2&formato=csv", "sql=1", "sql=1&formato=exe"] {
        let request = Request::post("/interrogazioni/file")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        assert_eq!(world.send(1, request).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let nobody = world.router.clone().oneshot(form("/interrogazioni/risposta", "select 1")).await.unwrap();
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    assert_eq!(world.started.load(Ordering::SeqCst), 1);

    // An Ente without a published lake.
    let none = world.ask(9, "select 1").await;
    assert!(none.status == StatusCode::OK && none.body.contains("Nessun dato ancora"));
    let none = world.get(9, "/interrogazioni").await;
    assert!(none.status == StatusCode::OK && none.body.contains("Nessun dato ancora"));
    assert_eq!(world.started.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_the_line_nothing_is_asked_and_nothing_is_given() {
    let world = World::new();
    *world.refused.lock().unwrap() = Some(Step::Ask);
    assert_eq!(world.ask(1, "select 1").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(world.started.load(Ordering::SeqCst), 0);
    *world.refused.lock().unwrap() = Some(Step::Answer);
    let page = world.ask(1, "select 1").await;
    assert!(page.status == StatusCode::INTERNAL_SERVER_ERROR && !page.body.contains("093033"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_question_of_an_ente_and_two_in_all() {
    let world = Arc::new(World::new());
    let word = world.close_the_gate();
    let begin = |number| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.ask(number, "select 1").await.status })
    };
    let first = begin(1);
    world.until(|| world.started.load(Ordering::SeqCst) == 1).await;
    let busy = world.ask_at_once(1).await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.headers[header::RETRY_AFTER], "5");
    assert!(busy.body.contains("altre interrogazioni"));
    let second = begin(2);
    world.until(|| world.steps().len() == 2).await;
    assert_eq!(world.ask_at_once(3).await.status, StatusCode::SERVICE_UNAVAILABLE, "two in all");
    word.send(()).unwrap();
    word.send(()).unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (StatusCode::OK, StatusCode::OK));
    word.send(()).unwrap();
    assert_eq!(world.ask(3, "select 1").await.status, StatusCode::OK, "the turns were given back");
    assert_eq!(world.started.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_ends_with_its_line_where_nobody_waits_any_more() {
    let world = Arc::new(World::new());
    let word = world.close_the_gate();
    let gone = Arc::clone(&world);
    let asking = tokio::spawn(async move { gone.ask(1, "select 1").await.status });
    world.until(|| world.started.load(Ordering::SeqCst) == 1).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!(world.ask_at_once(1).await.status, StatusCode::SERVICE_UNAVAILABLE, "its turn is not over");
    word.send(()).unwrap();
    world.until(|| world.steps().last().is_some_and(|(step, _)| *step == Step::Answer)).await;
    word.send(()).unwrap();
    let mut status = StatusCode::SERVICE_UNAVAILABLE;
    while status == StatusCode::SERVICE_UNAVAILABLE {
        status = world.ask(1, "select 1").await.status;
    }
    assert_eq!(status, StatusCode::OK);
    assert!(world.folder.path().exists());
}

#[test]
fn every_state_of_the_page_renders() {
    let renderer = Renderer::new().unwrap();
    let layout = World::new().analyst(1).layout;
    for sample in pages::QueryPage::samples() {
        let html = renderer.render(&sample, &layout).unwrap_or_else(|error| panic!("{:#}", error.source));
        assert!(html.contains("</html>") && !html.contains(" style="));
        assert!(html.contains("<label for=\"campo-sql\""));
        assert_eq!(html.matches("<script").count(), 1);
    }
}
