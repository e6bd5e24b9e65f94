//! The life of a release on the pages, who gets what, what the audit is told. What builds and what answers here are stand-ins: the
//! builder and the process that answers are in the root's tests.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use templates::{Page, UserView};
use tower::ServiceExt;
use uuid::Uuid;
use warehouse::analyst::Answer;
use workspace::{Draft, NewProject, Place, ProjectId, RequestId, Work};

use super::analyses::Analyses;
use super::office::Office;
use super::profiles::ProfilesPage;
use super::project::{ProjectForm, ProjectPage};
use super::register::RegisterPage;
use super::release::ReleasePage;
use super::request::RequestPage;
use super::scholar::{AskForm, ScholarHome};
use super::sql::SqlPage;
use super::tables::TablesPage;
use super::twins::TwinsPage;
use super::*;

const BASE: &str = "asso-2026-06-30";
const RELEASE: &str = "asso-2026-06-30-01";

fn person(number: u128, name: &str) -> Person {
    Person { account: Uuid::from_u128(number), name: name.into() }
}

/// Two of the office, two partners of different projects.
fn officers() -> [Person; 2] {
    [person(1, "Ufficio ricerca"), person(2, "Responsabile ricerca")]
}

fn partners() -> [Person; 2] {
    [person(3, "Anna Verdi"), person(4, "Carlo Blu")]
}

struct World {
    folder: tempfile::TempDir,
    workspace: Workspace,
    audit: Arc<Mutex<Vec<ResearchEvent>>>,
    /// Whether the audit takes nothing.
    is_audit_closed: Arc<Mutex<bool>>,
    woken: Arc<AtomicUsize>,
    routers: [Router; 4],
    programs: Router,
    projects: [ProjectId; 2],
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|place| place.to_str().ok()).unwrap_or_default()
    }
}

fn now() -> DateTime<Utc> {
    "2026-07-01T10:00:00Z".parse().unwrap()
}

fn day_of(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn base() -> BaseTable {
    let column = |name: &str, levels: &[&[&str]]| BaseColumn {
        name: name.into(),
        meaning: format!("Che cosa vuol dire {name}"),
        levels: levels.iter().map(|level| level.iter().map(|label| (*label).to_owned()).collect()).collect(),
    };
    BaseTable {
        id: BASE.into(),
        title: "ASSO".into(),
        cutoff: day_of("2026-06-30"),
        entered_after: None,
        entered_by: day_of("2025-06-30"),
        k: 5,
        rows: 40,
        columns: vec![
            column("sesso", &[&["f", "m"]]),
            column("fascia_eta", &[&["0_24", "25_34"], &["0_34"]]),
            column("profilo", &[]),
        ],
    }
}

/// What the process that answers says: counts of a column of two codes.
fn answer() -> Answer {
    let columns: [(&str, ArrayRef, bool); 2] = [
        ("sesso", Arc::new(StringArray::from(vec!["f", "m"])), true),
        ("people", Arc::new(Int64Array::from(vec![36, 3])), true),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    Answer { schema: batch.schema(), batches: vec![batch] }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(&Place::File(folder.path().join("workspace.sqlite"))).await.unwrap();
        let rows = folder.path().join("rows.arrow");
        std::fs::write(&rows, answer().to_arrow().unwrap()).unwrap();
        let woken = Arc::new(AtomicUsize::new(0));
        let waking = Arc::clone(&woken);
        let config = ResearchConfig {
            workspace: workspace.clone(),
            parts: folder.path().join("projects"),
            twins: folder.path().join("twins"),
            bases: Arc::new(|| Ok(vec![base()])),
            strumenti: vec![Buildable { id: "asso".into(), title: "ASSO".into() }],
            wake: Arc::new(move || {
                waking.fetch_add(1, Ordering::SeqCst);
            }),
            is_demonstration: false,
            program: Arc::new(move || {
                let mut command = std::process::Command::new("/bin/sh");
                command.arg("-c").arg("cat >/dev/null; cat \"$0\"").arg(&rows);
                command
            }),
            caps: crate::query::CAPS,
            patience: Duration::ZERO,
            clock: Arc::new(now),
            chance: StdRng::seed_from_u64(1),
        };
        let ResearchRouters { office, office_acts, scholars, programs, public } =
            Research::new(Arc::new(Renderer::new().unwrap()), config).routers();
        let mut projects = Vec::new();
        for (partner, title) in partners().iter().zip(["Lavoro e autonomia", "Casa e salute"]) {
            let project = NewProject {
                title: title.into(),
                purpose: "Capire".into(),
                institution: "Università di prova".into(),
                responsible: "Bianca Neri".into(),
                ethics: "Parere 1/2026".into(),
                starts_on: day_of("2026-01-01"),
                ends_on: day_of("2028-12-31"),
                undertaking_on: Some(day_of("2026-01-01")),
            };
            let mut chance = StdRng::seed_from_u64(projects.len() as u64);
            let id = workspace.create_project(&officers()[0], &project, now(), &mut chance).await.unwrap();
            workspace.add_member(id, partner, &officers()[0], now()).await.unwrap();
            projects.push(id);
        }
        Self {
            folder,
            workspace,
            audit: Arc::default(),
            is_audit_closed: Arc::default(),
            woken,
            routers: [office, office_acts, scholars, public],
            programs,
            projects: projects.try_into().unwrap(),
        }
    }

    fn recorder(&self) -> ResearchRecorder {
        let (audit, is_closed) = (Arc::clone(&self.audit), Arc::clone(&self.is_audit_closed));
        Arc::new(move |event| {
            let is_closed = *is_closed.lock().unwrap();
            if !is_closed {
                audit.lock().unwrap().push(event);
            }
            Box::pin(async move { if is_closed { Err(NotRecorded) } else { Ok(()) } })
        })
    }

    async fn send(&self, who: &Person, request: axum::http::request::Builder, body: Body) -> Reply {
        let user = UserView {
            name: who.name.clone(),
            role: "university_partner".into(),
            ente: None,
            agreement: None,
            csrf: "00".into(),
            entries: Vec::new(),
        };
        let layout = Layout { is_demonstration: false, area: Area::Other, has_accounts: true, user: Some(user) };
        let scholar = Scholar {
            person: who.clone(),
            layout,
            record: self.recorder(),
            partners: Arc::new(|| Box::pin(async { Ok(partners().into()) })),
        };
        let program = ScholarProgram { person: who.clone(), record: self.recorder() };
        let request = request.extension(scholar).extension(program).body(body).unwrap();
        let routers = self.routers.iter().cloned().reduce(Router::merge).unwrap();
        let response = routers.merge(self.programs.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).replace("&#x2f;", "/").replace("&#x27;", "'"),
        }
    }

    async fn sees(&self, who: &Person, path: &str) -> Reply {
        self.send(who, Request::get(path), Body::empty()).await
    }

    async fn fills(&self, who: &Person, path: &str, fields: &[(&str, &str)]) -> Reply {
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(who, request, body.join("&").into()).await
    }

    /// The first partner asks.
    async fn asked(&self) -> RequestId {
        let path = format!("/dati-ricerca/progetti/{}/richiesta", self.projects[0]);
        let fields = [
            ("tabella", BASE),
            ("colonna", "sesso"),
            ("colonna", "fascia_eta"),
            ("livello.fascia_eta", "1"),
            ("k", "5"),
            ("reason", "Per lo studio"),
        ];
        let reply = self.fills(&partners()[0], &path, &fields).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, "/dati-ricerca?fatto=asked"));
        self.workspace.requests().await.unwrap()[0].id
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join("projects").join(RELEASE)
    }

    /// What the builder does.
    async fn builds(&self) -> String {
        let folder = self.part();
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in [
            (TABLE, "PAR1 0123456789 PAR1"),
            ("citazione.txt", "Noncello, dati anonimi\n"),
            ("licenza.txt", "Uso per soli scopi scientifici\n\nI dati…\n"),
            (
                "dizionario.csv",
                "\"colonna\";\"codice\";\"descrizione\";\"tipo\";\"ruolo\"\n\"sesso\";\"f\";\"donna\";\"\";\"\"\n",
            ),
            (".nascosto", "x"),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let twin = self.folder.path().join("twins").join(RELEASE);
        std::fs::create_dir_all(&twin).unwrap();
        std::fs::write(twin.join("gemello.csv"), "sesso\n").unwrap();
        let sha256 = hex::encode(Sha256::digest("PAR1 0123456789 PAR1"));
        let job = self.workspace.take_job(now()).await.unwrap().unwrap();
        assert!(matches!(job.work, Work::Draft { .. }));
        let report =
            r#"{"suppressed":1,"measures":{"classes":4,"k":5,"risk":{"prosecutor_max":0.2,"prosecutor_mean":0.1}}}"#;
        let draft =
            Draft { release: RELEASE.parse().unwrap(), sha256: sha256.clone(), rows: 39, k: 5, report: report.into() };
        self.workspace.assessed(job.id, &draft, now()).await.unwrap();
        sha256
    }

    /// A release of the first project, all the way.
    async fn published(&self) -> RequestId {
        let request = self.asked().await;
        let [one, other] = officers();
        let path = |act: &str| format!("/ricerca/richieste/{request}/{act}");
        self.fills(&one, &path("accetta"), &[]).await;
        let sha256 = self.builds().await;
        for officer in [&one, &other] {
            self.fills(officer, &path("approva"), &[("sha256", &sha256)]).await;
        }
        let reply = self.fills(&one, &path("pubblica"), &[]).await;
        assert!(reply.location().ends_with("fatto=published"), "{}", reply.location());
        request
    }

    fn acts(&self) -> Vec<ResearchAct> {
        self.audit.lock().unwrap().iter().map(|event| event.act).filter(|act| *act != ResearchAct::See).collect()
    }
}

#[tokio::test]
async fn a_release_lives_from_request_to_withdrawal() {
    let world = World::new().await;
    let ([one, other], [anna, carlo]) = (officers(), partners());
    let request = world.asked().await;
    let path = |act: &str| format!("/ricerca/richieste/{request}{act}");
    let office = world.sees(&one, "/ricerca").await;
    assert!(office.body.contains("Lavoro e autonomia") && office.body.contains("da guardare"), "{}", office.body);
    assert!(world.sees(&one, &path("")).await.body.contains("Accetta e prepara il file"));

    assert!(world.fills(&one, &path("/accetta"), &[]).await.location().ends_with("fatto=accepted"));
    assert_eq!(world.woken.load(Ordering::SeqCst), 1);
    let sha256 = world.builds().await;
    let page = world.sees(&one, &path("")).await.body;
    assert!(page.contains("20,0 %") && page.contains(&sha256) && page.contains("resa meno precisa di 1"), "{page}");
    let file = world.sees(&one, &path("/file/citazione.txt")).await;
    assert_eq!((file.status, file.body.as_str()), (StatusCode::OK, "Noncello, dati anonimi\n"));

    let approves = |who: Person, sha256: String| {
        let (world, path) = (&world, path("/approva"));
        async move { world.fills(&who, &path, &[("sha256", &sha256)]).await.location().to_owned() }
    };
    assert!(approves(one.clone(), "00".repeat(32)).await.ends_with("problema=other-draft"));
    assert!(approves(anna.clone(), sha256.clone()).await.ends_with("problema=own-request"));
    assert!(approves(one.clone(), sha256.clone()).await.ends_with("fatto=approved"));
    assert!(approves(one.clone(), sha256.clone()).await.ends_with("problema=approved-already"));
    let early = world.fills(&one, &path("/pubblica"), &[]).await;
    assert!(early.location().ends_with("problema=approvals-missing"), "{}", early.location());
    // Nobody may have it before it is published.
    assert_eq!(world.sees(&anna, &format!("/dati-ricerca/rilasci/{RELEASE}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.sees(&anna, &format!("/gemelli/{RELEASE}/gemello.csv")).await.status, StatusCode::NOT_FOUND);

    assert!(approves(other.clone(), sha256.clone()).await.ends_with("fatto=approved"));
    let published = world.fills(&other, &path("/pubblica"), &[]).await;
    assert!(published.location().ends_with("fatto=published"), "{}", published.location());
    assert!(world.sees(&anna, "/dati-ricerca").await.body.contains(RELEASE));
    let release = world.sees(&anna, &format!("/dati-ricerca/rilasci/{RELEASE}")).await.body;
    assert!(release.contains("31/12/2028") && release.contains("Uso per soli scopi scientifici"), "{release}");
    assert_eq!(world.sees(&carlo, &format!("/gemelli/{RELEASE}/gemello.csv")).await.body, "sesso\n");
    let register = world.sees(&one, "/ricerca/rilasci").await.body;
    assert!(register.contains("Il registro è intero") && register.contains(&sha256), "{register}");

    let nothing = world.fills(&one, &format!("/ricerca/rilasci/{RELEASE}/ritira"), &[("motivo", " ")]).await;
    assert!(nothing.location().ends_with("problema=field"));
    let withdrawn = world.fills(&one, &format!("/ricerca/rilasci/{RELEASE}/ritira"), &[("motivo", "Un errore")]).await;
    assert!(withdrawn.location().ends_with("fatto=withdrawn"));
    for path in ["", "/file/dati.parquet", "/analisi"] {
        let reply = world.sees(&anna, &format!("/dati-ricerca/rilasci/{RELEASE}{path}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
    use ResearchAct::{Approve, Build, Download, Publish, Request as Ask, Withdraw};
    let told = world.acts();
    assert_eq!(told[..3], [Ask, Build, Download]);
    assert_eq!(told.iter().filter(|act| **act == Approve).count(), 5);
    assert_eq!(told.iter().filter(|act| **act == Publish).count(), 2);
    assert_eq!(told.last(), Some(&Withdraw));
}

#[tokio::test]
async fn what_is_described_for_programs_is_what_they_get() {
    let world = World::new().await;
    world.published().await;
    let [anna, _] = partners();
    let json = |reply: &Reply| serde_json::from_str::<serde_json::Value>(&reply.body).unwrap();
    let described = json(&world.sees(&anna, "/api/v1/rilasci/openapi.json").await);
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1."));
    let paths: Vec<&String> = described["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/api/v1/rilasci", "/api/v1/rilasci/openapi.json", "/api/v1/rilasci/{id}/{name}"]);
    for path in paths {
        let get = &described["paths"][path]["get"];
        assert!(get["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{path}");
        let is_open = path.ends_with(".json");
        assert_eq!(get["security"][0]["token"].as_array().is_some_and(|scopes| scopes == &["rilasci:read"]), !is_open);
        let asked = path.replace("{id}", RELEASE).replace("{name}", "dati.parquet");
        assert_eq!(world.sees(&anna, &asked).await.status, StatusCode::OK, "{asked}");
    }
    let listed = json(&world.sees(&anna, "/api/v1/rilasci").await);
    let schemas = &described["components"]["schemas"];
    for (schema, given) in [("Releases", &listed), ("Listed", &listed["releases"][0])] {
        let given: BTreeSet<&String> = given.as_object().unwrap().keys().collect();
        let properties: BTreeSet<&String> = schemas[schema]["properties"].as_object().unwrap().keys().collect();
        let required = schemas[schema]["required"].as_array().unwrap().len();
        assert_eq!((&given, given.len()), (&properties, required), "{schema}");
    }
    let file = world.sees(&anna, listed["releases"][0]["href"].as_str().unwrap()).await;
    assert_eq!(file.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_of_one_project_is_as_absent_for_another() {
    let world = World::new().await;
    world.published().await;
    let [anna, carlo] = partners();
    let sql = format!("/dati-ricerca/progetti/{}/sql", world.projects[0]);
    world.fills(&anna, &format!("{sql}/salva"), &[("nome", "Profili"), ("sql", "select 1")]).await;
    let paths = [
        format!("/dati-ricerca/rilasci/{RELEASE}"),
        format!("/dati-ricerca/rilasci/{RELEASE}/analisi"),
        format!("/dati-ricerca/rilasci/{RELEASE}/file/dati.parquet"),
        format!("/dati-ricerca/progetti/{}/richiesta", world.projects[0]),
        format!("/api/v1/rilasci/{RELEASE}/dati.parquet"),
        sql.clone(),
    ];
    for path in &paths {
        assert_eq!(world.sees(&anna, path).await.status, StatusCode::OK, "{path}");
        let reply = world.sees(&carlo, path).await;
        assert_eq!((reply.status, reply.body.as_str()), (StatusCode::NOT_FOUND, ""), "{path}");
        // As one that was never there.
        let absent = path
            .replace(RELEASE, "asso-2026-06-30-77")
            .replace(&world.projects[0].to_string(), &Uuid::nil().to_string());
        let reply = world.sees(&carlo, &absent).await;
        assert_eq!((reply.status, reply.body.as_str()), (StatusCode::NOT_FOUND, ""), "{absent}");
    }
    for act in ["", "/file", "/salva", "/elimina"] {
        let reply = world.fills(&carlo, &format!("{sql}{act}"), &[("sql", "select 1"), ("formato", "csv")]).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{act}");
    }
    let listed = world.sees(&carlo, "/api/v1/rilasci").await.body;
    assert_eq!(listed, r#"{"releases":[]}"#);
    assert!(world.sees(&anna, "/api/v1/rilasci").await.body.contains(RELEASE));
    assert!(!world.sees(&carlo, "/dati-ricerca").await.body.contains(RELEASE));
    // An officer is no member: what it does not own it does not read here.
    assert_eq!(world.sees(&officers()[0], &paths[2]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn files_are_read_by_ranges_and_no_other_file_is() {
    let world = World::new().await;
    world.published().await;
    let [anna, _] = partners();
    let path = format!("/api/v1/rilasci/{RELEASE}/{TABLE}");
    let part = world.send(&anna, Request::get(&path).header(header::RANGE, "bytes=5-14"), Body::empty()).await;
    assert_eq!((part.status, part.body.as_str()), (StatusCode::PARTIAL_CONTENT, "0123456789"));
    assert_eq!(part.headers[header::CONTENT_RANGE], "bytes 5-14/20");
    let last = world.send(&anna, Request::get(&path).header(header::RANGE, "bytes=-4"), Body::empty()).await;
    assert_eq!((last.status, last.body.as_str()), (StatusCode::PARTIAL_CONTENT, "PAR1"));
    let head = world.send(&anna, Request::head(&path), Body::empty()).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(
        (&head.headers[header::CONTENT_LENGTH], &head.headers[header::ACCEPT_RANGES]),
        (&"20".parse().unwrap(), &"bytes".parse().unwrap())
    );
    let beyond = world.send(&anna, Request::get(&path).header(header::RANGE, "bytes=99-"), Body::empty()).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    for name in [".nascosto", "..", "%2e%2e%2fworkspace.sqlite", "altro.csv", "a%00b", "%2fetc%2fpasswd"] {
        for path in [format!("/api/v1/rilasci/{RELEASE}/{name}"), format!("/gemelli/{RELEASE}/{name}")] {
            assert_eq!(world.sees(&anna, &path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    let page = world.sees(&anna, &format!("/dati-ricerca/rilasci/{RELEASE}/file/{TABLE}")).await;
    assert_eq!(page.headers[header::CONTENT_DISPOSITION], "attachment; filename=\"dati.parquet\"");
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn nothing_is_done_that_the_audit_did_not_take() {
    let world = World::new().await;
    let request = world.asked().await;
    *world.is_audit_closed.lock().unwrap() = true;
    let [one, _] = officers();
    let [anna, _] = partners();
    for path in
        ["/ricerca", "/dati-ricerca", "/ricerca/rilasci", "/ricerca/tabelle", &format!("/ricerca/richieste/{request}")]
    {
        let who = if path.starts_with("/dati") { &anna } else { &one };
        assert_eq!(world.sees(who, path).await.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
    let accepted = world.fills(&one, &format!("/ricerca/richieste/{request}/accetta"), &[]).await;
    assert_eq!(accepted.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(world.workspace.request(request).await.unwrap().state, workspace::State::Requested);
    assert_eq!(world.woken.load(Ordering::SeqCst), 0);
    let sql = format!("/dati-ricerca/progetti/{}/sql", world.projects[0]);
    let asked = world.fills(&anna, &sql, &[("sql", "select 1")]).await;
    assert_eq!(asked.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(world.workspace.query_log(world.projects[0], 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_changed_is_not_published() {
    let world = World::new().await;
    let request = world.asked().await;
    let [one, other] = officers();
    let path = |act: &str| format!("/ricerca/richieste/{request}/{act}");
    world.fills(&one, &path("accetta"), &[]).await;
    let sha256 = world.builds().await;
    for officer in [&one, &other] {
        world.fills(officer, &path("approva"), &[("sha256", &sha256)]).await;
    }
    std::fs::write(world.part().join(TABLE), "PAR1 another PAR1").unwrap();
    let reply = world.fills(&one, &path("pubblica"), &[]).await;
    assert!(reply.location().ends_with("problema=other-draft"), "{}", reply.location());
    assert!(world.workspace.register().await.unwrap().is_empty());
}

#[tokio::test]
async fn questions_are_answered_logged_and_kept() {
    let world = World::new().await;
    world.published().await;
    let [anna, _] = partners();
    let path = format!("/dati-ricerca/progetti/{}/sql", world.projects[0]);
    let page = world.sees(&anna, &path).await;
    assert!(
        page.body.contains("asso_2026_06_30_01") && page.body.contains("data-column=\"fascia_eta\""),
        "{}",
        page.body
    );
    assert!(!page.body.contains("data-column=\"profilo\""), "only what was asked for is there");
    let answered =
        world.fills(&anna, &path, &[("sql", "select sesso, count(*) from asso_2026_06_30_01 group by 1")]).await;
    assert_eq!(answered.status, StatusCode::OK);
    assert!(answered.body.contains("il valore più alto di people (36)"), "{}", answered.body);
    let file = world.fills(&anna, &format!("{path}/file"), &[("sql", "select 1"), ("formato", "json")]).await;
    assert_eq!(
        (file.status, &file.headers[header::CONTENT_TYPE]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    let empty = world.fills(&anna, &path, &[("sql", "  ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let log = world.workspace.query_log(world.projects[0], 10).await.unwrap();
    assert_eq!(log.len(), 2);
    assert_eq!((log[0].line.sql.as_str(), log[0].line.rows), ("select 1", Some(2)));

    let saved = world.fills(&anna, &format!("{path}/salva"), &[("nome", "Sesso"), ("sql", "select 2")]).await;
    assert!(saved.location().ends_with("fatto=saved"), "{}", saved.location());
    let query = world.workspace.saved_queries(world.projects[0]).await.unwrap().remove(0);
    assert!(world.sees(&anna, &format!("{path}?salvata={}", query.id)).await.body.contains("select 2"));
    let deleted = world.fills(&anna, &format!("{path}/elimina"), &[("salvata", &query.id.to_string())]).await;
    assert!(deleted.location().ends_with("fatto=deleted"));
    assert!(world.workspace.saved_queries(world.projects[0]).await.unwrap().is_empty());
    // The audit has hashes and counts, never the text.
    let told: Vec<String> = world.audit.lock().unwrap().iter().map(|event| event.detail.clone()).collect();
    assert!(told.iter().any(|detail| detail == "rows=2") && !told.iter().any(|detail| detail.contains("select")));
}

#[tokio::test]
async fn an_analysis_hides_what_is_small() {
    let world = World::new().await;
    world.published().await;
    let page = world.sees(&partners()[0], &format!("/dati-ricerca/rilasci/{RELEASE}/analisi?colonna=sesso")).await.body;
    // Three men are not shown, and neither is what would give them away.
    let table = page.split("<tbody>").nth(1).unwrap().split("</tbody>").next().unwrap();
    assert!(table.contains("donna") && table.contains("n&lt;5"), "{table}");
    assert!(!table.contains(">3<") && table.matches("n&lt;5").count() >= 2, "{table}");
}

#[tokio::test]
async fn forms_say_what_is_wrong_and_keep_what_was_typed() {
    let world = World::new().await;
    let [one, _] = officers();
    let [anna, _] = partners();
    let wrong = [("title", "Un titolo"), ("purpose", ""), ("starts_on", "31/02/2026"), ("ends_on", "")];
    let reply = world.fills(&one, "/ricerca/progetti/nuovo", &wrong).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.body.contains("value=\"Un titolo\"") && reply.body.contains("31/02/2026"), "{}", reply.body);
    assert_eq!(world.workspace.projects().await.unwrap().len(), 2);
    let path = format!("/dati-ricerca/progetti/{}/richiesta", world.projects[0]);
    let fields = [("tabella", BASE), ("colonna", "profilo"), ("k", "4"), ("reason", "Perché sì")];
    let reply = world.fills(&anna, &path, &fields).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.body.contains("Ci sono 2 cose da correggere") && reply.body.contains("Perché sì"), "{}", reply.body);
    assert_eq!(world.fills(&anna, &path, &[("tabella", "asso-1999-01-01")]).await.status, StatusCode::BAD_REQUEST);
    assert!(world.workspace.requests().await.unwrap().is_empty());
    for (fields, expected) in [
        (
            [("strumento", "asso"), ("cutoff", "30/06/2026"), ("entered_by", "30/06/2027"), ("k", "5")],
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            [("strumento", "altro"), ("cutoff", "30/06/2026"), ("entered_by", "30/06/2025"), ("k", "5")],
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            [("strumento", "asso"), ("cutoff", "30/06/2026"), ("entered_by", "30/06/2025"), ("k", "4")],
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            [("strumento", "asso"), ("cutoff", "30/06/2026"), ("entered_by", "30/06/2025"), ("k", "5")],
            StatusCode::SEE_OTHER,
        ),
    ] {
        assert_eq!(world.fills(&one, "/ricerca/tabelle", &fields).await.status, expected, "{fields:?}");
    }
    assert_eq!(world.workspace.jobs(10).await.unwrap().len(), 1);
}

#[test]
fn every_page_renders_its_samples() {
    fn check<P: Page>() {
        let renderer = Renderer::new().unwrap();
        let user = UserView {
            name: "Anna Verdi".into(),
            role: "research_officer".into(),
            ente: None,
            agreement: None,
            csrf: "00".into(),
            entries: Vec::new(),
        };
        let layout = Layout { is_demonstration: false, area: Area::Other, has_accounts: true, user: Some(user) };
        for sample in P::samples() {
            match renderer.render(&sample, &layout) {
                Ok(html) => {
                    assert!(html.contains("</html>") && !html.contains(" style="), "{}", P::TEMPLATE);
                    assert_eq!(
                        html.matches("<select ").count(),
                        html.matches("<label for=\"campo-persona").count()
                            + html.matches("<label for=\"campo-strumento").count()
                            + html.matches("<label for=\"livello-").count()
                            + html.matches("<label for=\"scelta-").count(),
                        "{}",
                        P::TEMPLATE
                    );
                }
                Err(error) => panic!("{}: {:#}", P::TEMPLATE, error.source),
            }
        }
    }
    check::<Office>();
    check::<ProjectForm>();
    check::<ProjectPage>();
    check::<RequestPage>();
    check::<TablesPage>();
    check::<RegisterPage>();
    check::<ScholarHome>();
    check::<AskForm>();
    check::<ReleasePage>();
    check::<SqlPage>();
    check::<Analyses>();
    check::<ProfilesPage>();
    check::<TwinsPage>();
}
