//! What is hidden stays hidden on the way to pages, drawings, sentences and files.

mod desk;
mod disadvantages;
mod filters;
mod groups;
mod snapshots;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use calamine::{DataType, Reader, Xlsx, open_workbook_from_rs};
use domain::keys::{Ring, RingKey};
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use templates::{Page, Renderer};
use tower::ServiceExt;

use crate::Viewer;
use crate::characteristic::Characteristic;
use crate::pages::bisogni::Bisogni;
use crate::pages::comunita::Comunita;
use crate::pages::esplora::Esplora;
use crate::pages::percorsi::Percorsi;
use crate::pages::quadro::Quadro;
use crate::pages::qualita::Qualita;
use crate::pages::territorio::Territorio;
use crate::pages::{Choices, Data};
use crate::protect::{ALL, ARRIVALS, COHORTS, NOT_VALID, RECENCY, RETURNS, changes, path, paths};
use crate::samples::{self, Sheet};
use crate::strumento::{Content, Named, ScaleNames, Strumento};

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
        content: Content::default(),
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
                all.extend([render(&page), page.file().csv()]);
            }
        }
        for of in Characteristic::ALL {
            let choices = Choices { caratteristica: Some(of.code().to_owned()), ..choices("", "") };
            let page = Comunita::new(&viewer, data, &choices);
            all.extend([render(&page), page.file().csv()]);
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
            same_cells(&render(&page), &page.file().csv());
        }
        for of in Characteristic::ALL {
            let choices = Choices { caratteristica: Some(of.code().to_owned()), ..Choices::default() };
            let page = Comunita::new(&viewer, data, &choices);
            same_cells(&render(&page), &page.file().csv());
        }
        let choices = Choices::default();
        let page = Quadro::new(&viewer, data, &choices);
        same_cells(&render(&page), &page.file().csv());
        let page = Bisogni::new(&viewer, data, &choices);
        same_cells(&render(&page), &page.file().csv());
        let page = Percorsi::new(&viewer, data, &choices);
        same_cells(&render(&page), &page.file().csv());
    }
}

#[test]
fn the_spreadsheet_says_what_the_other_file_says() {
    let mut numbers = 0;
    for data in samples::all() {
        let viewer = samples::viewer();
        let choices = Choices::default();
        let files = [
            Quadro::new(&viewer, data, &choices).file(),
            Territorio::new(&viewer, data, &choices).file(),
            Comunita::new(&viewer, data, &choices).file(),
            Bisogni::new(&viewer, data, &choices).file(),
            Percorsi::new(&viewer, data, &choices).file(),
            Esplora::new(&viewer, data, &choices).file(),
        ];
        for file in files {
            let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(file.xlsx().unwrap())).unwrap();
            let index = book.worksheet_range("Indice").unwrap();
            let said =
                |row: usize, column: usize| index.get((row, column)).map(ToString::to_string).unwrap_or_default();
            for ((title, table), number) in file.tables.iter().zip(1..) {
                let name = format!("Foglio {number}");
                assert_eq!(said(number, 0), name);
                assert!(title.as_ref().is_none_or(|title| *title == said(number, 1)));
                let sheet = book.worksheet_range(&name).unwrap();
                let head: Vec<String> = sheet.rows().next().unwrap().iter().map(ToString::to_string).collect();
                assert_eq!(head, table.columns.iter().map(|column| column.text.clone()).collect::<Vec<_>>());
                assert_eq!(sheet.height(), table.rows.len() + 1);
                for (found, row) in sheet.rows().skip(1).zip(&table.rows) {
                    assert_eq!(found[0].to_string(), row.head);
                    for (found, cell) in found[1..].iter().zip(&row.cells) {
                        match found.as_f64().filter(|_| !found.is_string()) {
                            Some(number) => {
                                numbers += 1;
                                let decimals = cell.split_once(',').map_or(0, |(_, decimals)| decimals.len());
                                let text = format!("{number:.decimals$}").replace('-', "−").replace('.', ",");
                                assert_eq!(text, *cell);
                            }
                            None => assert_eq!(found.to_string(), *cell),
                        }
                    }
                }
            }
            let notes = index.rows().skip(file.tables.len() + 2).map(|row| (row[0].to_string(), row[1].to_string()));
            assert_eq!(notes.collect::<Vec<_>>(), file.notes);
        }
    }
    assert!(numbers > 500, "{numbers}");
}

/// The figures of a page's tables, row by row, are those of the file's lines. A file may have more before them.
fn same_cells(html: &str, csv: &str) {
    let row = |row: &str| -> Vec<String> {
        let cells = row.split("<td class=\"nc-number").skip(1);
        let inside = |cell: &str| cell.split_once('>').unwrap().1.split("</td>").next().unwrap().replace("&lt;", "<");
        cells.map(inside).collect()
    };
    let on_page: Vec<Vec<String>> = html.split("<tr").map(row).filter(|cells| !cells.is_empty()).collect();
    let tables = csv.split("\r\nEnte;").next().unwrap();
    // Tables are parted by a blank line; of each the first line with a semicolon has the headings.
    let in_file: Vec<Vec<String>> = tables
        .split("\r\n\r\n")
        .flat_map(|table| table.lines().filter(|line| line.contains(';')).skip(1))
        .map(|line| line.split(';').skip(1).map(|cell| cell.trim_matches('"').to_owned()).collect())
        .collect();
    assert!(!on_page.is_empty() || in_file.is_empty());
    assert_eq!(on_page, in_file[in_file.len() - on_page.len()..]);
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
    let refused =
        crate::protect::Protected::new(&marts, &strumento, &crate::protect::Start::default(), None).unwrap_err();
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
    for path in ["territorio", "territorio.csv", "territorio.xlsx", "comunita", "comunita.csv", "qualita"] {
        let path = format!("/cruscotti/{path}?periodo=2025&strumento=asso&misura=&ambito=%22");
        assert_eq!(get(&path, None).await, (StatusCode::NOT_FOUND, String::new()));
        let (status, body) = get(&path, Some(samples::viewer())).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("Nessun dato ancora"), "{body}");
    }
}

/// What is shown of how people are followed and of what they need, counted once more from their sheets.
#[test]
fn every_new_figure_that_is_shown_is_the_count_of_its_people() {
    let strumento = samples::strumento();
    let sheets = samples::sheets(900, &strumento);
    let data = samples::data(&samples::marts(&sheets, &strumento), strumento.clone()).unwrap();
    let figures = &data.figures;
    let mut histories: BTreeMap<u32, Vec<&Sheet>> = BTreeMap::new();
    for sheet in &sheets {
        histories.entry(sheet.person).or_default().push(sheet);
    }
    let count = |is_so: &dyn Fn(&[&Sheet]) -> bool| {
        u32::try_from(histories.values().filter(|history| is_so(history.as_slice())).count()).unwrap()
    };
    let mut shown = 0;
    let mut check = |what: &str, found: Option<u32>, wanted: u32| {
        if let Some(found) = found {
            assert_eq!(found, wanted, "{what}");
            assert!(found >= 5, "{what}: {found} people are shown");
            shown += 1;
        }
    };
    let quarter = |sheet: &Sheet| sheet.year * 4 + i32::try_from(sheet.person % 12 / 3).unwrap();
    for year in figures.years() {
        let in_year = |history: &[&Sheet]| history.iter().any(|sheet| sheet.year.to_string() == *year);
        let first = |history: &[&Sheet]| history[0].year.to_string() == *year;
        let new = count(&|history| in_year(history) && first(history));
        check("first", figures.people_in(ARRIVALS, "first", year), new);
        if year != &figures.years()[0] {
            let known = count(&|history| in_year(history) && !first(history));
            check("known", figures.people_in(ARRIVALS, "known", year), known);
        }
    }
    // 180 days before 1 December 2025 was in June.
    let is_overdue = |history: &[&Sheet]| {
        let last = history[history.len() - 1];
        (last.year, last.person % 12 + 1) < (2025, 6)
    };
    check("overdue", figures.people_in(RECENCY, "overdue", ALL), count(&is_overdue));
    let back = |history: &[&Sheet]| history.get(1).map(|second| quarter(second) - quarter(history[0]));
    let mut times: Vec<i32> = histories.values().filter_map(|history| back(history)).collect();
    times.sort_unstable();
    let median = times[(times.len() - 1) / 2];
    assert_eq!(figures.median_quarters(), Some(i64::from(median)));
    let by_then = count(&|history| back(history).is_some_and(|quarters| quarters <= median));
    check("by then", figures.people_in(RETURNS, "by then", ALL), by_then);
    let later = count(&|history| back(history).is_some_and(|quarters| quarters > median));
    check("later", figures.people_in(RETURNS, "later", ALL), later);
    for cohort in figures.names_in(COHORTS).iter().filter(|name| name.len() == 7) {
        let of =
            |history: &[&Sheet]| format!("{}-Q{}", quarter(history[0]) / 4, quarter(history[0]) % 4 + 1) == *cohort;
        check(cohort, figures.people_in(COHORTS, cohort, ALL), count(&of));
        let again = count(&|history| of(history) && history.len() > 1);
        check(cohort, figures.people_in(COHORTS, &format!("{cohort} again"), ALL), again);
    }
    let level = |sheet: &Sheet| sheet.outcomes["ambito"].clone().unwrap_or_else(|| NOT_VALID.to_owned());
    let outcomes = figures.outcomes("ambito");
    for (from, to) in outcomes.iter().flat_map(|from| outcomes.iter().map(move |to| (from, to))) {
        let is_path = |history: &[&Sheet]| {
            history.len() > 1 && level(history[0]) == *from && level(history[history.len() - 1]) == *to
        };
        check("path", figures.people_in(&paths("ambito"), &path(from, to), ALL), count(&is_path));
    }
    let moved = |history: &[&Sheet]| history[history.len() - 1].index_tenths - history[0].index_tenths;
    let is_compared = |history: &[&Sheet]| {
        let ends = [history[0], history[history.len() - 1]];
        history.len() > 1 && ends.iter().all(|sheet| sheet.outcomes["ambito"].is_some())
    };
    let improved = count(&|history| is_compared(history) && moved(history) > 150);
    check("improved", figures.people_in(&changes("ambito"), "improved", ALL), improved);
    let worsened = count(&|history| is_compared(history) && moved(history) < -150);
    check("worsened", figures.people_in(&changes("ambito"), "worsened", ALL), worsened);
    for (sex, age) in [("f", "25_34"), ("m", "35_44")] {
        let is_so = |history: &[&Sheet]| {
            let last = &history[history.len() - 1].categories;
            last[&Characteristic::Sex] == [sex] && last[&Characteristic::AgeBand] == [age]
        };
        check("sex and age", figures.people_of_sex_and_age(sex, age, ALL), count(&is_so));
    }
    let missing = count(&|history| {
        let last = history[history.len() - 1];
        last.person.wrapping_mul(7) % 5 == u32::from(last.year % 5 == 0) * 4
    });
    check("block", figures.missing("casa", ALL).people, missing);
    assert!(shown > 30, "{shown} figures are shown: too few to be a test");
}

#[test]
fn those_who_were_never_known_before_are_not_hidden_for_their_sake() {
    let strumento = samples::strumento();
    let sheets = samples::sheets(900, &strumento);
    let data = samples::data(&samples::marts(&sheets, &strumento), strumento).unwrap();
    let first_year = data.figures.years()[0].clone();
    assert_eq!(data.figures.people_in(ARRIVALS, "first", &first_year), data.figures.people(&first_year));
    assert!(data.figures.people(&first_year).is_some());
}
