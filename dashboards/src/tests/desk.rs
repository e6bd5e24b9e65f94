//! What managers keep: their views, and reports whose sentences and tables are those of the pages.

use std::io::{Cursor, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use domain::feed::EnteId;
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tower::ServiceExt;
use uuid::Uuid;
use workspace::{NewReport, Person, Workspace};

use super::dashboards;
use crate::desk::content::{Chapter, Content};
use crate::desk::{Desk, document};
use crate::{Viewer, samples};

fn terms(chapters: &[Chapter]) -> NewReport {
    let text = |code: &str, text: &str| (code.to_owned(), text.to_owned());
    NewReport {
        title: "Piano di Zona 2027".to_owned(),
        strumento: "prova".to_owned(),
        period: "tutti".to_owned(),
        chapters: chapters.iter().map(|chapter| chapter.code().to_owned()).collect(),
        texts: [text("introduction", "Prima.\n\nPoi."), text("quadro", "Una nota <nostra>.")].into(),
    }
}

fn content(chapters: &[Chapter]) -> Content {
    let (_folder, dashboards) = dashboards();
    Content::new(&dashboards, &samples::viewer(), &samples::all()[0], &terms(chapters))
}

#[test]
fn every_chapter_says_something_and_no_code() {
    let content = content(&Chapter::ALL);
    assert_eq!(content.chapters.len(), Chapter::ALL.len());
    for chapter in &content.chapters {
        assert!(!chapter.sentences.is_empty() && !chapter.tables.is_empty(), "{}", chapter.code);
        for sentence in &chapter.sentences {
            assert!(sentence.text.ends_with('.'), "{}", sentence.text);
            for code in ["not_valid", "pool", "n<5", "None", "age_band", "  "] {
                assert!(!sentence.text.contains(code), "{}", sentence.text);
            }
            assert!(sentence.address.starts_with(&format!("/cruscotti/{}?", chapter.code)), "{}", sentence.address);
        }
    }
    assert_eq!(content.introduction.as_deref(), Some("Prima.\n\nPoi."));
    assert_eq!(content.chapters[0].text.as_deref(), Some("Una nota <nostra>."));
}

#[test]
fn chapters_are_those_chosen_in_their_order() {
    let content = content(&[Chapter::Percorsi, Chapter::Quadro]);
    let codes: Vec<&str> = content.chapters.iter().map(|chapter| chapter.code.as_str()).collect();
    assert_eq!(codes, ["quadro", "percorsi"]);
}

#[test]
fn the_numbers_of_a_report_are_those_of_the_pages() {
    let content = content(&[Chapter::Quadro]);
    let people = samples::all()[0].figures.people(crate::protect::ALL).unwrap().to_string();
    assert!(content.chapters[0].sentences[0].text.contains(&format!(" {people} persone")));
    let first = &content.chapters[0].tables[0].table;
    assert_eq!(first.rows[0].cells[0], people);
}

#[test]
fn the_file_has_every_sentence_and_every_cell() {
    let content = content(&Chapter::ALL);
    let xml = |site| {
        let file = document::file(&content, site).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        let mut xml = String::new();
        archive.by_name("word/document.xml").unwrap().read_to_string(&mut xml).unwrap();
        xml
    };
    let plain = |xml: &str| {
        let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
        marks.iter().fold(xml.to_owned(), |text, (mark, letter)| text.replace(mark, letter))
    };
    let text = plain(&xml(Some("https://esempio.it")));
    let says = |what: &str| text.contains(what);
    for chapter in &content.chapters {
        for sentence in &chapter.sentences {
            assert!(says(&sentence.text), "{}", sentence.text);
        }
        for cell in chapter.tables.iter().flat_map(|titled| &titled.table.rows).flat_map(|row| &row.cells) {
            assert!(says(cell), "{cell}");
        }
    }
    assert!(says("Una nota <nostra>."));
    assert!(text.contains("w:hyperlink") && !xml(None).contains("w:hyperlink"));
}

#[test]
fn an_edition_kept_long_ago_is_read_as_it_was() {
    let kept = include_bytes!("fixtures/edition_1.json");
    let content = Content::read(kept).unwrap();
    assert_eq!(content, crate::desk::content::sample());
    assert_eq!(Content::read(&content.kept().unwrap()).unwrap(), content);
    let of_later = String::from_utf8(kept.to_vec()).unwrap().replace("\"format\": 1", "\"format\": 2");
    assert!(Content::read(of_later.as_bytes()).is_err());
    assert!(Content::read(b"{}").is_err());
}

/// The pages of what is kept, as somebody of an Ente asks for them.
struct Asking {
    router: axum::Router,
    _folder: tempfile::TempDir,
}

impl Asking {
    async fn new() -> Self {
        let (folder, dashboards) = dashboards();
        let place = workspace::Place::File(folder.path().join("workspace.sqlite"));
        let workspace = Workspace::open(&place).await.unwrap();
        let clock = Arc::new(|| "2026-11-30T10:00:00Z".parse().unwrap());
        let desk = Desk::new(workspace, clock, StdRng::seed_from_u64(3));
        Self { router: dashboards.with_desk(desk).desk_router(), _folder: folder }
    }

    async fn ask(&self, who: (u128, u128), path: &str, form: Option<&str>) -> (StatusCode, String) {
        let (ente, account) = who;
        let person = Person { account: Uuid::from_u128(account), name: format!("Persona {account}") };
        let mut layout = samples::viewer().layout;
        layout.user = Some(templates::UserView {
            name: person.name.clone(),
            role: "manager".to_owned(),
            ente: None,
            agreement: None,
            csrf: "segno".to_owned(),
            entries: Vec::new(),
        });
        let viewer = Viewer { ente: EnteId(Uuid::from_u128(ente)), person: Some(person), layout, ..samples::viewer() };
        let request = match form {
            None => Request::get(path),
            Some(_) => Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
        };
        let mut request = request.body(Body::from(form.unwrap_or_default().to_owned())).unwrap();
        request.extensions_mut().insert(viewer);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap().replace("&#x2f;", "/"))
    }
}

const ANNA: (u128, u128) = (1, 10);
const BRUNO: (u128, u128) = (1, 11);
const OUTSIDE: (u128, u128) = (2, 12);

#[tokio::test]
async fn a_view_is_ones_own_until_it_is_shared_and_never_of_another_ente() {
    let asking = Asking::new().await;
    let list = "/cruscotti/viste";
    let form = "title=Donne+sole&address=%2Fcruscotti%2Fquadro%3Fsesso%3Df%26nucleo%3Dalone";
    assert_eq!(asking.ask(ANNA, list, Some(form)).await.0, StatusCode::SEE_OTHER);
    let (_, own) = asking.ask(ANNA, list, None).await;
    assert!(own.contains("Donne sole") && own.contains("/cruscotti/quadro?sesso=f"));
    let view = own.split("/cruscotti/viste/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    for other in [BRUNO, OUTSIDE] {
        assert!(!asking.ask(other, list, None).await.1.contains("Donne sole"));
        let (share, delete) = (format!("{list}/{view}/condividi"), format!("{list}/{view}/elimina"));
        assert_eq!(asking.ask(other, &share, Some("condivisa=si")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(asking.ask(other, &delete, Some("")).await.0, StatusCode::NOT_FOUND);
    }
    let share = format!("{list}/{view}/condividi");
    assert_eq!(asking.ask(ANNA, &share, Some("condivisa=si")).await.0, StatusCode::SEE_OTHER);
    assert!(asking.ask(BRUNO, list, None).await.1.contains("Donne sole"));
    assert!(!asking.ask(OUTSIDE, list, None).await.1.contains("Donne sole"));
    assert_eq!(asking.ask(ANNA, &format!("{list}/{view}/elimina"), Some("")).await.0, StatusCode::SEE_OTHER);
    assert!(!asking.ask(ANNA, list, None).await.1.contains("Donne sole"));
}

#[tokio::test]
async fn a_view_leads_nowhere_but_to_the_dashboards() {
    let asking = Asking::new().await;
    let list = "/cruscotti/viste";
    for address in
        ["https%3A%2F%2Faltrove.it", "%2Fpersone", "%2Fcruscotti%2F..%2Fpersone", "%2F%2Faltrove.it%2Fcruscotti%2F"]
    {
        let (status, page) = asking.ask(ANNA, list, Some(&format!("title=Via&address={address}"))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{address}");
        assert!(page.contains("Niente è stato salvato."), "{address}");
    }
    let (_, page) = asking.ask(ANNA, &format!("{list}?indirizzo=https://altrove.it"), None).await;
    assert!(!page.contains("altrove"));
    let (status, page) = asking.ask(ANNA, list, Some("title=&address=%2Fcruscotti%2Fquadro")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("value=\"/cruscotti/quadro\""), "what was sent is not lost");
}

#[tokio::test]
async fn of_reports_another_ente_sees_nothing() {
    let asking = Asking::new().await;
    let form = "title=Piano&strumento=asso&periodo=tutti&capitolo=quadro&testo.quadro=Nota&ogni=month";
    assert_eq!(asking.ask(ANNA, "/cruscotti/relazioni/nuova", Some(form)).await.0, StatusCode::SEE_OTHER);
    let (_, list) = asking.ask(BRUNO, "/cruscotti/relazioni", None).await;
    assert!(list.contains(">Piano</a>") && list.contains("01/12/2026"));

    let report = list
        .split("/cruscotti/relazioni/")
        .filter_map(|part| part.get(..36))
        .find(|id| id.parse::<Uuid>().is_ok())
        .map(str::to_owned)
        .unwrap();
    assert!(!asking.ask(OUTSIDE, "/cruscotti/relazioni", None).await.1.contains(">Piano</a>"));
    for path in ["", "/docx", "/modifica"] {
        let (status, _) = asking.ask(OUTSIDE, &format!("/cruscotti/relazioni/{report}{path}"), None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let delete = format!("/cruscotti/relazioni/{report}/elimina");
    assert_eq!(asking.ask(OUTSIDE, &delete, Some("")).await.0, StatusCode::NOT_FOUND);
    // There are no figures in this lake: said, and nothing is lost.
    let (status, page) = asking.ask(ANNA, &format!("/cruscotti/relazioni/{report}"), None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!page.contains("id=\"capitolo-quadro\""));
    assert_eq!(asking.ask(ANNA, &delete, Some("")).await.0, StatusCode::SEE_OTHER);
    assert!(!asking.ask(ANNA, "/cruscotti/relazioni", None).await.1.contains(">Piano</a>"));
}
