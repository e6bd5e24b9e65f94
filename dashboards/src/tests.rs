//! What is hidden stays hidden on the way to pages, drawings, sentences and files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::keys::{Ring, RingKey};
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use templates::{Page, Renderer};
use tower::ServiceExt;

use crate::Viewer;
use crate::cache::{Cache, Ready};
use crate::pages::comunita::Comunita;
use crate::pages::qualita::Qualita;
use crate::pages::territorio::Territorio;
use crate::pages::{Choices, Data};
use crate::protect::{ALL, Characteristic};
use crate::samples::{self, Sheet};
use crate::strumento::{Named, ScaleNames, Strumento};

fn strumento() -> Strumento {
    let named = |id: &str| Named { id: id.to_owned(), title: id.to_uppercase() };
    let levels = vec![named("bassa"), named("media"), named("alta")];
    let scale = ScaleNames { id: "ambito".to_owned(), title: "Ambito".to_owned(), levels };
    Strumento {
        id: "prova".to_owned(),
        title: "Prova".to_owned(),
        is_unofficial: false,
        scales: vec![scale],
        profile: None,
    }
}

/// So many people of one comune and of one kind with each level, in one year.
fn sheets(of: &[(&'static str, &str, u32, i64)]) -> Vec<Sheet> {
    let mut sheets = Vec::new();
    for &(comune, level, people, index_tenths) in of {
        for _ in 0..people {
            sheets.push(Sheet {
                person: u32::try_from(sheets.len()).unwrap(),
                year: 2025,
                comune,
                categories: Characteristic::ALL.iter().map(|&of| (of, vec![of.categories()[0]])).collect(),
                outcomes: BTreeMap::from([("ambito".to_owned(), Some(level.to_owned()))]),
                index_tenths,
            });
        }
    }
    sheets
}

fn data(of: &[(&'static str, &str, u32, i64)]) -> Data {
    let strumento = strumento();
    samples::data(&samples::marts(&sheets(of), &strumento), strumento).unwrap()
}

fn render<P: Page>(page: &P) -> String {
    Renderer::new().unwrap().render(page, &samples::viewer().layout).unwrap()
}

/// Every page and file of these figures, in every measure and characteristic.
fn everything(data: &Data) -> Vec<String> {
    let viewer = samples::viewer();
    let mut all = Vec::new();
    for periodo in ["tutti", "2025"] {
        let choices = |misura: &str, livello: &str| Choices {
            periodo: Some(periodo.to_owned()),
            misura: Some(misura.to_owned()),
            livello: Some(livello.to_owned()),
            ..Choices::default()
        };
        for misura in ["tasso", "persone", "indice", "livello"] {
            for livello in ["bassa", "media", "alta"] {
                let page = Territorio::new(&viewer, data, &choices(misura, livello));
                all.extend([render(&page), page.csv()]);
            }
        }
        for of in Characteristic::ALL {
            let choices = Choices { caratteristica: Some(of.code().to_owned()), ..choices("", "") };
            let page = Comunita::new(&viewer, data, &choices);
            all.extend([render(&page), page.csv()]);
        }
    }
    all.push(render(&Qualita::new(&viewer, data, &[])));
    all
}

/// The numbers of a text, decimals included, without the outlines of the map.
fn numbers(text: &str) -> Vec<String> {
    let outlines = |part: &str| part.split_once('"').map_or_else(String::new, |(_, rest)| rest.to_owned());
    let mut pieces = text.split(" d=\"");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    text.extend(pieces.map(outlines));
    text.split(|c: char| !c.is_ascii_digit() && c != ',').map(|number| number.trim_matches(',').to_owned()).collect()
}

#[test]
fn a_small_count_and_the_one_that_would_give_it_away_are_nowhere() {
    // Three people are few; 137 is hidden so that 351 − 211 − 137 cannot be made.
    let data = data(&[("093033", "bassa", 211, 400), ("093033", "media", 137, 500), ("093033", "alta", 3, 777)]);
    let part = |level| data.figures.outcome_of_all("ambito", level, ALL).unwrap();
    assert_eq!(data.figures.people(ALL), Some(351));
    assert_eq!(part("bassa").people, Some(211));
    assert_eq!((part("media").people, part("media").share_permille), (None, None));
    assert_eq!((part("alta").people, part("alta").share_permille), (None, None));
    for text in everything(&data) {
        let numbers = numbers(&text);
        // 137 of 351 are 39,0 %, 390 thousandths of a bar; 3 are 0,9 %.
        for hidden in ["137", "39,0", "390", "0,9"] {
            assert!(!numbers.iter().any(|number| number == hidden), "{hidden} in {text}");
        }
    }
    // The test would see it: what is shown is there.
    let shown = everything(&data).iter().filter(|text| numbers(text).contains(&"211".to_owned())).count();
    assert!(shown >= 14, "{shown}");
}

#[test]
fn a_comune_with_few_people_has_no_figure_of_its_own() {
    let data = data(&[
        ("093033", "bassa", 120, 400),
        ("093033", "media", 130, 400),
        ("093033", "alta", 110, 400),
        ("093017", "bassa", 17, 777),
    ]);
    assert_eq!(data.figures.people_of("093017", ALL), None);
    assert_eq!(data.figures.median_tenths(Some("093017"), "ambito", ALL), None);
    assert_eq!(data.figures.people_of("093033", ALL), Some(360));
    for text in everything(&data) {
        // Its median, and its people for 1,000 residents.
        let residents = territory::population("093017".parse().unwrap(), 2023, None, 18..=64).unwrap();
        let rate = crate::text::tenths(i64::from((17 * 20_000 + residents) / (2 * residents)));
        assert!(!numbers(&text).contains(&"77,7".to_owned()));
        assert!(!numbers(&text).contains(&rate), "{rate}");
    }
}

#[test]
fn all_of_a_group_is_not_told() {
    // Everybody is in the lowest level: neither 100 % nor that nobody is elsewhere.
    let data = data(&[("093033", "bassa", 173, 400)]);
    let part = data.figures.outcome_of_all("ambito", "bassa", ALL).unwrap();
    assert_eq!(part.share_permille, None);
    for text in everything(&data) {
        assert!(!numbers(&text).contains(&"100,0".to_owned()));
        assert!(!text.contains(">0<") && !text.contains(";0;") && !text.contains(";0\r"));
    }
}

#[test]
fn the_file_says_what_the_page_says() {
    for data in samples::all() {
        let viewer = samples::viewer();
        for misura in ["tasso", "livello"] {
            let choices = Choices { misura: Some(misura.to_owned()), ..Choices::default() };
            let page = Territorio::new(&viewer, data, &choices);
            same_cells(&render(&page), &page.csv());
        }
        for of in Characteristic::ALL {
            let choices = Choices { caratteristica: Some(of.code().to_owned()), ..Choices::default() };
            let page = Comunita::new(&viewer, data, &choices);
            same_cells(&render(&page), &page.csv());
        }
    }
}

/// The figures of a page's tables, row by row, are those of the file's lines.
fn same_cells(html: &str, csv: &str) {
    let row = |row: &str| -> Vec<String> {
        let cells = row.split("<td class=\"nc-number\">").skip(1);
        cells.map(|cell| cell.split("</td>").next().unwrap().replace("&lt;", "<")).collect()
    };
    let on_page: Vec<Vec<String>> = html.split("<tr").map(row).filter(|cells| !cells.is_empty()).collect();
    let is_figure =
        |cell: &str| cell.starts_with(|c: char| c.is_ascii_digit()) || cell.starts_with("n<") || cell == "–";
    let line = |line: &str| -> Vec<String> { line.split(';').skip(1).map(ToOwned::to_owned).collect() };
    let tables = csv.split("Ente;").next().unwrap();
    let in_file: Vec<Vec<String>> =
        tables.lines().map(line).filter(|cells| cells.first().is_some_and(|cell| is_figure(cell))).collect();
    assert!(!on_page.is_empty());
    assert_eq!(on_page, in_file);
}

#[test]
fn the_number_of_questionnaires_tells_of_no_few_people() {
    // Ten people, eleven sheets: one was assessed again.
    let mut of = sheets(&[("093033", "bassa", 40, 400)]);
    let again = of[0].clone();
    of.push(again);
    let strumento = strumento();
    let few = samples::data(&samples::marts(&of, &strumento), strumento.clone()).unwrap();
    assert_eq!((few.figures.people(ALL), few.figures.assessments(ALL)), (Some(40), None));
    assert_eq!(few.figures.repeated().people, None);
    for place in 1..12 {
        let again = of[place].clone();
        of.push(again);
    }
    let more = samples::data(&samples::marts(&of, &strumento), strumento).unwrap();
    assert_eq!((more.figures.people(ALL), more.figures.assessments(ALL)), (Some(40), Some(52)));
    assert_eq!(more.figures.repeated().people, Some(12));
}

#[test]
fn marts_that_contradict_each_other_give_no_figures() {
    let strumento = strumento();
    let mut marts = samples::marts(&sheets(&[("093033", "bassa", 40, 400), ("093033", "media", 30, 400)]), &strumento);
    let row = marts.territory_people.iter_mut().find(|row| row.period == ALL).unwrap();
    row.people -= 1;
    let error = samples::data(&marts, strumento.clone()).is_err();
    assert!(error);
    let refused = crate::protect::Protected::new(&marts, &strumento).unwrap_err();
    assert!(!refused.to_string().contains("69"), "{refused}");
}

#[test]
fn the_engine_finds_nothing_that_readers_could_narrow_down() {
    for data in samples::all().iter().skip(1) {
        assert!(data.figures.exposed().is_empty());
    }
}

fn dashboards() -> (tempfile::TempDir, crate::Dashboards) {
    let folder = tempfile::tempdir().unwrap();
    let ring = RingKey::generate(Ring::Lake, &mut StdRng::seed_from_u64(1));
    let lake = warehouse::Lake::new(folder.path().join("lake"), folder.path().join("keys"), ring);
    (folder, crate::Dashboards::new(lake, Vec::new(), Arc::new(Renderer::new().unwrap())))
}

async fn get(path: &str, viewer: Option<Viewer>) -> (StatusCode, String) {
    let (_folder, dashboards) = dashboards();
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    if let Some(viewer) = viewer {
        request.extensions_mut().insert(viewer);
    }
    let response = dashboards.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn without_a_viewer_there_is_no_such_page_and_an_empty_lake_says_so() {
    for path in ["territorio", "territorio.csv", "comunita", "comunita.csv", "qualita"] {
        let path = format!("/cruscotti/{path}?periodo=2025&strumento=asso&misura=&ambito=%22");
        assert_eq!(get(&path, None).await, (StatusCode::NOT_FOUND, String::new()));
        let (status, body) = get(&path, Some(samples::viewer())).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("Nessun dato ancora"), "{body}");
    }
}

#[tokio::test]
async fn a_reader_does_not_wait_for_ever() {
    let (sender, receiver) = tokio::sync::watch::channel(None);
    let ready = Cache::wait(receiver.clone(), Duration::ZERO).await;
    assert!(matches!(ready, Ready::Preparing));
    let figures = Arc::clone(&samples::all()[2].figures);
    sender.send_replace(Some(Ok(figures)));
    assert!(matches!(Cache::wait(receiver, Duration::ZERO).await, Ready::Figures(_)));
}
