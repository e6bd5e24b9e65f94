//! Tables brought in by a map: what is taken, what is refused, and that nothing is half done.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::feed::{Evaluation, Origin, What};
use domain::instrument::Instrument;
use rstest::rstest;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use test_database::Kind;

use super::{MULTIPART, Reply, World, chance, multipart, now};
use crate::import::standard;
use crate::import::{ImportError, ImportReport, Options, Plausibility, Rule, read_map, run};

const DEFINITION: &str = include_str!("../../../tests/real/bfi/definition.toml");
const MAP: &str = include_str!("../../../tests/real/bfi/map.toml");
const HEADINGS: &str =
    "\"\",A1,A2,A3,A4,A5,C1,C2,C3,C4,C5,E1,E2,E3,E4,E5,N1,N2,N3,N4,N5,O1,O2,O3,O4,O5,gender,education,age\n";

/// Each import has a generator of its own, as each run of the command has.
static SEED: AtomicU64 = AtomicU64::new(100);

async fn import(world: &World, map: &str, table: &str, options: Options) -> Result<ImportReport, ImportError> {
    let instrument = Instrument::parse(DEFINITION).unwrap();
    let map = read_map(map).unwrap_or_else(|errors| panic!("{errors:?}"));
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let mut rows = 0;
    let mut chance = chance(SEED.fetch_add(1, Ordering::Relaxed));
    run(&world.store, &scope, &instrument, &map, table.as_bytes(), options, now(), &mut chance, &mut |read| rows = read)
        .await
}

fn table(rows: &[&str]) -> String {
    format!("{HEADINGS}{}\n", rows.join("\n"))
}

const GOOD: &str = "1,2,4,3,4,4,2,3,3,4,4,3,3,3,4,4,3,4,2,2,3,3,6,3,4,3,1,NA,16";
const WITH_MISSING: &str = "2,2,NA,3,4,4,2,3,3,4,4,3,3,3,4,4,3,4,2,2,3,3,6,3,4,3,2,3,44";
const STRAIGHT: &str = "3,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,3,44";

#[rstest]
#[tokio::test]
async fn a_table_is_imported_once_and_marked_as_such(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let dry = Options { dry_run: true, ..Options::default() };
    let report = import(&world, MAP, &table(&[GOOD, WITH_MISSING]), dry).await.unwrap();
    assert_eq!((report.rows, report.imported, report.persone, report.is_dry_run), (2, 2, 2, true));
    assert!(world.store.events(world.enti[0], 0, 10).await.unwrap().is_empty(), "a dry run writes nothing");

    let report = import(&world, MAP, &table(&[GOOD, WITH_MISSING]), Options::default()).await.unwrap();
    assert_eq!((report.imported, report.persone, report.already_there), (2, 2, 0));
    let events = world.store.events(world.enti[0], 0, 10).await.unwrap();
    assert_eq!(events.len(), 2);
    let What::Validated(first) = &events[0].what else { panic!("not a questionnaire") };
    assert_eq!((first.origin, &first.evaluation, first.age), (Origin::Import, &Evaluation::Absent, Some(16)));
    assert_eq!(first.sex.map(domain::person::Sex::code), Some("m"));
    assert_eq!(first.education, None);

    let again = import(&world, MAP, &table(&[GOOD, WITH_MISSING]), Options::default()).await.unwrap();
    assert_eq!((again.imported, again.already_there), (0, 2));
    assert_eq!(world.store.events(world.enti[0], 0, 10).await.unwrap().len(), 2, "the same table changes nothing");

    let changed = GOOD.replacen(",2,4,", ",3,4,", 1);
    let refused = import(&world, MAP, &table(&[&changed]), Options::default()).await.unwrap_err();
    let ImportError::Refused { refusals, .. } = refused else { panic!("{refused}") };
    assert_eq!(refusals[0].rule, Rule::Different);

    let report = import(&world, MAP, &table(&[GOOD, WITH_MISSING]), dry).await.unwrap();
    assert_eq!((report.imported, report.already_there, report.persone), (0, 2, 0), "a dry run knows what is there");
}

#[rstest]
#[tokio::test]
async fn a_wrong_cell_is_named_and_nothing_is_stored(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let wrong = GOOD.replacen(",6,3,4,3,1,", ",9,3,4,3,7,", 1);
    let refused = import(&world, MAP, &table(&[WITH_MISSING, &wrong]), Options::default()).await.unwrap_err();
    let ImportError::Refused { refusals, count, report } = refused else { panic!("{refused}") };
    assert_eq!((count, report.rows, report.refused), (2, 2, 1));
    let named: Vec<_> = refusals.iter().map(|one| (one.row, one.column.as_str(), one.value.as_str())).collect();
    assert_eq!(named, [(Some(2), "gender", "7"), (Some(2), "O2", "9")]);
    assert!(world.store.events(world.enti[0], 0, 10).await.unwrap().is_empty());

    let lenient = MAP
        .replace("[items]", "[items]\non_invalid = \"missing\"")
        .replace("recode = { 1 = \"m\", 2 = \"f\" }", "recode = { 1 = \"m\", 2 = \"f\" }, on_invalid = \"reject_row\"");
    let report = import(&world, &lenient, &table(&[WITH_MISSING, &wrong]), Options::default()).await.unwrap();
    assert_eq!((report.imported, report.rejected.len(), report.set_missing.len()), (1, 1, 1));
    assert_eq!(report.rejected.values().next().unwrap().first_rows, [2]);
}

#[rstest]
#[tokio::test]
async fn what_is_surprising_needs_a_word(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let refused = import(&world, MAP, &table(&[STRAIGHT]), Options::default()).await.unwrap_err();
    let ImportError::Warnings(report) = refused else { panic!("{refused}") };
    assert_eq!(report.warnings[&Plausibility::SameAnswers].first_rows, [1]);
    let accepted = Options { accept_warnings: true, ..Options::default() };
    assert_eq!(import(&world, MAP, &table(&[STRAIGHT]), accepted).await.unwrap().imported, 1);
}

#[rstest]
#[tokio::test]
async fn a_table_without_its_columns_is_refused(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let headings = HEADINGS.replace("A1", "B1");
    let refused = import(&world, MAP, &format!("{headings}{GOOD}\n"), Options::default()).await.unwrap_err();
    assert!(refused.to_string().contains("items.columns.a1"), "{refused}");
    let doubled = HEADINGS.replace("A1", "A2");
    let refused = import(&world, MAP, &format!("{doubled}{GOOD}\n"), Options::default()).await.unwrap_err();
    assert!(refused.to_string().contains("two columns"), "{refused}");
    let short = format!("{HEADINGS}1,2,3\n");
    assert!(matches!(import(&world, MAP, &short, Options::default()).await, Err(ImportError::Csv { .. })));
}

/// The strumento of the pages' tests.
fn asso() -> Instrument {
    crate::instruments::shipped().unwrap().swap_remove(0)
}

/// A row of the template: its headings with what stands below them. Every answer is the third of its item; `changes` come
/// last, and those of the same heading in place of it.
fn standard_row(id: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let person = [
        ("codice_esterno", id),
        ("data_valutazione", "9/3/2025"),
        ("cognome", "Segretissimi"),
        ("nome", "Maria"),
        ("eta", "40"),
        ("sesso", "donna"),
        ("comune", "93033"),
    ];
    let columns = standard::explained(&asso());
    let first_item = columns.len() - asso().items.len();
    let cells = columns.into_iter().enumerate().map(|(place, column)| {
        let given = changes.iter().chain(&person).find(|(heading, _)| *heading == column.heading);
        let value = match given {
            Some((_, value)) => (*value).to_owned(),
            None if place >= first_item => column.codes[2.min(column.codes.len() - 1)].0.clone(),
            None => String::new(),
        };
        (column.heading, value)
    });
    cells.collect()
}

fn standard_csv(rows: &[Vec<(String, String)>]) -> Vec<u8> {
    let head = rows[0].iter().map(|(heading, _)| heading.clone()).collect::<Vec<_>>();
    let lines = rows.iter().map(|row| row.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>());
    tabular::csv(std::iter::once(head).chain(lines)).into_bytes()
}

/// The same as a workbook, with numbers and days as a spreadsheet keeps them.
fn standard_workbook(rows: &[Vec<(String, String)>]) -> Vec<u8> {
    let day = Format::new().set_num_format("dd/mm/yyyy");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, (heading, _)) in (0..).zip(&rows[0]) {
        sheet.write_string(0, column, heading).unwrap();
    }
    for (row, cells) in (1..).zip(rows) {
        for (column, (heading, value)) in (0..).zip(cells) {
            if heading == "data_valutazione" {
                let on = ExcelDateTime::from_ymd(2025, 3, 9).unwrap();
                sheet.write_datetime_with_format(row, column, &on, &day).unwrap();
            } else if let Ok(number) = value.parse::<f64>() {
                sheet.write_number(row, column, number).unwrap();
            } else {
                sheet.write_string(row, column, value).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

/// Sends a table as the administrator of an Ente; the id under which it waits.
pub(super) async fn sent(world: &World, ente: &str) -> String {
    let mut administrator = world.logged_in(ente, "ente_administrator").await;
    let reply = send(&mut administrator, &standard_csv(&[standard_row("x1", &[])])).await;
    reply.location().rsplit_once('/').unwrap().1.to_owned()
}

async fn send(administrator: &mut super::Browser, file: &[u8]) -> Reply {
    administrator.get("/importazioni/nuova").await;
    let fields = [("strumento", "asso"), ("fonte", "Archivio di prova")];
    let reply = administrator.post_file("/importazioni/nuova", &fields, Some(file)).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    assert!(reply.location().starts_with("/importazioni/prove/"), "{}", reply.location());
    reply
}

/// Sends a table and looks at what was found: the address and the page.
async fn tried(administrator: &mut super::Browser, file: &[u8]) -> (String, Reply) {
    let path = send(administrator, file).await.location().to_owned();
    let page = settled(administrator, &path).await;
    (path, page)
}

/// The page of a table once nobody works on it: each time it is asked for, the page waits a while itself.
async fn settled(administrator: &mut super::Browser, path: &str) -> Reply {
    for _ in 0..100 {
        let page = administrator.get(path).await;
        assert_eq!(page.status, StatusCode::OK);
        if !page.body.contains("Aggiorna la pagina") {
            return page;
        }
    }
    panic!("{path} is never ready");
}

#[rstest]
#[tokio::test]
async fn a_page_tries_a_table_and_imports_it_on_a_word(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let old = [("sesso", "m"), ("nome", "Mario"), ("eta", "101"), ("fascia_eta", "5")];
    let rows = [standard_row("x1", &[]), standard_row("x2", &old)];
    let (path, page) = tried(&mut administrator, &standard_csv(&rows)).await;
    assert!(page.body.contains("La tabella si può importare"), "{}", page.body);
    assert!(page.body.contains("Importa 2 questionari"));
    assert!(!page.body.contains("Segretissimi"), "no name is shown");
    assert!(world.store.events(world.enti[0], 0, 10).await.unwrap().is_empty(), "a trial writes nothing");

    // What is surprising needs a word.
    assert!(page.body.contains("o sopra i 100. 1 riga: 3."), "{}", page.body);
    let without = administrator.post(&format!("{path}/importa"), &[]).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(without.body.contains("Confermare di aver guardato le righe insolite."));
    let done = administrator.post(&format!("{path}/importa"), &[("insolite", "1")]).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, path.as_str()));
    let page = settled(&mut administrator, &path).await;
    assert!(page.body.contains("Importazione fatta"), "{}", page.body);
    let events = world.store.events(world.enti[0], 0, 10).await.unwrap();
    assert_eq!(events.len(), 2);
    let What::Validated(first) = &events[0].what else { panic!("not a questionnaire") };
    assert_eq!((first.origin, &first.evaluation, first.age), (Origin::Import, &Evaluation::Absent, Some(40)));
    assert_eq!(first.sex.map(domain::person::Sex::code), Some("f"), "words are as good as codes");
    assert_eq!(first.comune.as_deref(), Some("093033"), "zeros that a spreadsheet took off are put back");
    assert_eq!(first.answers.len(), asso().items.len());

    // A double submit finds it done.
    administrator.post(&format!("{path}/importa"), &[("insolite", "1")]).await;
    let list = administrator.get("/importazioni").await;
    assert!(list.body.contains("Archivio di prova (Prova ente_administrator)"), "{}", list.body);
    assert_eq!(list.body.matches("<td>fatta</td>").count(), 1);

    for again in [standard_csv(&rows), standard_workbook(&rows)] {
        let (path, page) = tried(&mut administrator, &again).await;
        assert!(page.body.contains("Ogni riga è già presente, uguale in tutto."), "{}", page.body);
        administrator.post(&format!("{path}/importa"), &[("insolite", "1")]).await;
    }
    assert_eq!(world.store.events(world.enti[0], 0, 10).await.unwrap().len(), 2, "the same table changes nothing");

    let changed = [standard_row("x1", &[("eta", "41")]), standard_row("x3", &[])];
    let (path, page) = tried(&mut administrator, &standard_workbook(&changed)).await;
    assert!(page.body.contains("c&#x27;è già, ma è diverso"), "{}", page.body);
    administrator.post(&format!("{path}/importa"), &[("insolite", "1")]).await;
    assert_eq!(world.store.events(world.enti[0], 0, 10).await.unwrap().len(), 2, "one row is enough");
    let audit = administrator.get("/registro?azione=import").await;
    for action in ["import.check", "import.begin", "import.commit"] {
        assert!(audit.body.contains(action), "{action}");
    }
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_taken_is_told_in_plain_words(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let rows = [
        standard_row("x1", &[]),
        standard_row("x2", &[("sesso", "7"), ("codice", "RSSMRA85T10A562X"), ("data_valutazione", "ieri")]),
        standard_row("x3", &[("eta", "20")]),
        standard_row("x4", &[("tipo_codice", "stp"), ("codice", "STP1234567890123")]),
    ];
    let (path, page) = tried(&mut administrator, &standard_csv(&rows)).await;
    assert!(page.body.contains("La tabella non si può importare"), "{}", page.body);
    let told = [
        "<th scope=\"row\" class=\"nc-number\">3</th><td>sesso</td><td>7</td>",
        "non torna con la sua ultima lettera",
        "<td>ieri</td>",
        "La riga si contraddice. Secondo la scheda, alla data della valutazione la persona ha meno di 25 anni",
    ];
    for words in told {
        assert!(page.body.contains(words), "{words} in {}", page.body);
    }
    assert!(!page.body.contains("RSSMRA85"), "a code is not shown");
    administrator.post(&format!("{path}/importa"), &[("insolite", "1")]).await;
    assert!(world.store.events(world.enti[0], 0, 10).await.unwrap().is_empty());

    for (file, words) in [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "cartella di lavoro vecchia"),
        (b"PK\x03\x04".to_vec(), "Non è una tabella CSV né una cartella"),
        (b"a;b\n1;2;3\n".to_vec(), "non ha questa colonna"),
        ([standard_csv(&rows[..1]), b"x;y\r\n".to_vec()].concat(), "Riga 3. Una riga ha più celle"),
        (
            standard_csv(&rows[..1]).into_iter().map(|byte| if byte == b'M' { 0xff } else { byte }).collect(),
            "non è in UTF-8",
        ),
        (standard_csv(&rows[..1]).split(|byte| *byte == b'\n').next().unwrap().to_vec(), "nessuna riga"),
    ] {
        let (path, page) = tried(&mut administrator, &file).await;
        assert!(page.body.contains(words), "{words} in {}", page.body);
        let left = administrator.post(&format!("{path}/lascia"), &[]).await;
        assert_eq!(left.location(), "/importazioni");
        assert_eq!(administrator.get(&path).await.status, StatusCode::NOT_FOUND, "it was let go");
    }
}

#[rstest]
#[tokio::test]
async fn a_table_waits_for_a_quarter_of_an_hour_and_for_nobody_else(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let table = standard_csv(&[standard_row("x1", &[])]);
    let (first, _) = tried(&mut administrator, &table).await;
    let (second, _) = tried(&mut administrator, &table).await;
    assert_eq!(administrator.get(&first).await.status, StatusCode::NOT_FOUND, "a newer one takes its place");
    let mut elsewhere = world.logged_in("secondo", "ente_administrator").await;
    assert_eq!(elsewhere.get(&second).await.status, StatusCode::NOT_FOUND);
    assert_eq!(elsewhere.post(&format!("{second}/importa"), &[]).await.status, StatusCode::NOT_FOUND);
    // The same account in another session finds it.
    world.clock.pass(9 * 60);
    let mut later = world.logged_in("primo", "ente_administrator").await;
    assert_eq!(later.get(&second).await.status, StatusCode::OK);
    world.clock.pass(7 * 60);
    assert_eq!(later.get(&second).await.status, StatusCode::NOT_FOUND, "its time is over");
}

#[rstest]
#[tokio::test]
async fn a_file_is_read_once_the_token_is_proved(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    administrator.get("/importazioni/nuova").await;
    let table = standard_csv(&[standard_row("x1", &[])]);
    let csrf = administrator.csrf.clone();
    let path = "/importazioni/nuova";
    let good = [("csrf", csrf.as_str()), ("strumento", "asso"), ("fonte", "Archivio")];
    let late = [good[1], good[2], good[0]];
    let wrong = [("csrf", "0"), good[1], good[2]];
    for fields in [&late[..], &wrong[..], &good[1..], &[]] {
        let request = Request::post(path).header("content-type", MULTIPART);
        let body = Body::from(multipart(fields, Some(&table)));
        let reply = administrator.send(request.body(body).unwrap()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{fields:?}");
        assert!(reply.body.contains("Modulo scaduto"), "{fields:?}");
    }
    let plain = administrator.post(path, &[("strumento", "asso"), ("fonte", "Archivio")]).await;
    assert_eq!(plain.status, StatusCode::FORBIDDEN, "not the form of this route");
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let request = Request::post(path).header("content-type", MULTIPART).header(name, value);
        let request = request.header("host", "noncello.example");
        let reply = administrator.send(request.body(Body::from(multipart(&good, Some(&table)))).unwrap()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{value}");
    }
    let mut twice = multipart(&good, Some(&table));
    twice.truncate(twice.len() - "--------prova--\r\n".len());
    twice.extend(multipart(&[], Some(&table)));
    let long = "x".repeat(5_000);
    let long = multipart(&[good[0], ("fonte", &long)], Some(&table));
    let cut = multipart(&good, Some(&table))[..400].to_vec();
    for body in [twice, long, cut] {
        let request = Request::post(path).header("content-type", MULTIPART);
        let reply = administrator.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    }
    for (file, words) in [
        (Some(vec![b'x'; 21 * 1024 * 1024]), "supera 20 MB"),
        (Some(Vec::new()), "Scegliere il file"),
        (None, "Scegliere il file"),
    ] {
        let reply = administrator.post_file(path, &good[1..], file.as_deref()).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(reply.body.contains(words), "{words}");
    }
    // Other forms take no file.
    let elsewhere = administrator.post_file("/operatori/nuovo", &[("name", "x")], Some(&table)).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
}

#[rstest]
#[tokio::test]
async fn a_template_says_what_each_column_holds(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let page = administrator.get("/importazioni/modelli/asso").await;
    assert!(page.body.contains("isced_2") && page.body.contains("licenza media"));
    let csv = administrator.get("/importazioni/modelli/asso/modello.csv").await;
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"modello-asso.csv\"");
    assert!(csv.body.starts_with("\u{feff}codice_esterno;data_valutazione;"));
    let xlsx = administrator.get("/importazioni/modelli/asso/modello.xlsx").await;
    assert!(xlsx.body.starts_with("PK"));
    for path in ["/importazioni/modelli/nessuno", "/importazioni/modelli/nessuno/modello.csv"] {
        assert_eq!(administrator.get(path).await.status, StatusCode::NOT_FOUND);
    }
    // A template that nobody filled in is a table without rows.
    let empty = standard::workbook(&asso()).unwrap();
    let (_, page) = tried(&mut administrator, &empty).await;
    assert!(page.body.contains("nessuna riga sotto le intestazioni"), "{}", page.body);
}

#[rstest]
#[tokio::test]
async fn a_workbook_is_imported_with_a_map_too(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let instrument = Instrument::parse(DEFINITION).unwrap();
    let map = MAP.replace(
        "assessed_on = { constant = \"2010-12-31\" }",
        "assessed_on = { column = \"day\", format = \"%d/%m/%Y\" }",
    );
    let map = read_map(&map).unwrap();
    let day = Format::new().set_num_format("dd/mm/yyyy");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, heading) in (0..).zip(HEADINGS.trim_end().split(',').chain(["day"])) {
        sheet.write_string(0, column, heading.trim_matches('"')).unwrap();
    }
    for (row, line) in (1..).zip([GOOD, WITH_MISSING]) {
        let mut last = 0;
        for (column, cell) in (0..).zip(line.split(',')) {
            match cell.parse::<f64>() {
                Ok(number) => sheet.write_number(row, column, number).unwrap(),
                Err(_) => sheet.write_string(row, column, cell).unwrap(),
            };
            last = column;
        }
        let on = ExcelDateTime::from_ymd(2011, 2, 3).unwrap();
        sheet.write_datetime_with_format(row, last + 1, &on, &day).unwrap();
    }
    let bytes = book.save_to_buffer().unwrap();
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let mut chance = chance(SEED.fetch_add(1, Ordering::Relaxed));
    let report = run(
        &world.store,
        &scope,
        &instrument,
        &map,
        bytes.as_slice(),
        Options::default(),
        now(),
        &mut chance,
        &mut |_| {},
    )
    .await
    .unwrap();
    assert_eq!((report.rows, report.imported), (2, 2));
    let events = world.store.events(world.enti[0], 0, 10).await.unwrap();
    let What::Validated(first) = &events[0].what else { panic!("not a questionnaire") };
    assert_eq!(first.assessed_on.to_string(), "2011-02-03", "a cell's day, whatever the map's format");
}
