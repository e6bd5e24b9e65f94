//! What leaves is what the lake holds, only to its own Ente, only for seven days, and never without a line in the audit.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Date32Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use domain::keys::{Ring, RingKey};
use http_body_util::BodyExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::SeedableRng;
use rand::rngs::StdRng;
use templates::{Area, Layout, Renderer, UserView};
use tower::ServiceExt;
use uuid::Uuid;
use warehouse::{Counts, Lake, Publication, TableData, schema};

use super::record::{Format, Record, State, Wanted};
use super::{Act, ExtractionConfig, ExtractionEvent, Extractions, Extractor, NotRecorded};

/// Item texts and codes that a spreadsheet would take for formulas.
pub(crate) const DEFINITION: &str = r#"
format = 1
id = "prova"
version = 1
status = "non ufficiale"
languages = ["it"]
title = "Prova"
description = "Una prova."
source = "Nessuna."
licence = "CC0-1.0"
[[section]]
id = "only"
title = "Sezione"
[[section.item]]
id = "a"
text = "=HYPERLINK(1)"
options = [{ value = 1, text = "-uno" }, { value = 2, text = "@due" }]
keys = { scala = "forward" }
[[section.item]]
id = "b"
text = "Seconda?"
options = [{ value = 1, text = "Uno" }, { value = 2, text = "Due" }]
keys = { scala = "reverse" }
[[scale]]
id = "scala"
title = "Scala"
description = "Una scala."
minimum_percent = 50
"#;

const TABLES: [&str; 6] = ["assessments", "scores", "answers", "disadvantages", "blocks", "azioni"];

/// Columns that never leave, or leave as another value.
const NOT_AS_THEY_ARE: [&str; 2] = ["operator", "assessment_id"];

pub(crate) type Row = BTreeMap<&'static str, String>;

pub(crate) fn batch(schema: &SchemaRef, rows: &[Row]) -> RecordBatch {
    let column = |name: &str, kind: &DataType| -> ArrayRef {
        let cells: Vec<Option<&String>> = rows.iter().map(|row| row.get(name)).collect();
        let small = |cell: &Option<&String>| cell.map(|cell| cell.parse::<i16>().unwrap());
        let middle = |cell: &Option<&String>| cell.map(|cell| cell.parse::<i32>().unwrap());
        let large = |cell: &Option<&String>| cell.map(|cell| cell.parse::<i64>().unwrap());
        #[expect(clippy::wildcard_enum_match_arm, reason = "the lake has five types; arrow has many")]
        match kind {
            DataType::Utf8 => Arc::new(cells.iter().map(|cell| cell.map(String::as_str)).collect::<StringArray>()),
            DataType::Int16 => Arc::new(cells.iter().map(small).collect::<Int16Array>()),
            DataType::Int32 => Arc::new(cells.iter().map(middle).collect::<Int32Array>()),
            DataType::Date32 => Arc::new(cells.iter().map(middle).collect::<Date32Array>()),
            _ => Arc::new(cells.iter().map(large).collect::<Int64Array>()),
        }
    };
    let columns = schema.fields().iter().map(|field| column(field.name(), field.data_type())).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

pub(crate) fn ente(number: u128) -> EnteId {
    EnteId(Uuid::from_u128(number))
}

struct World {
    folder: tempfile::TempDir,
    lake: Lake,
    instrument: Instrument,
    clock: Arc<Mutex<DateTime<Utc>>>,
    audit: Arc<Mutex<Vec<ExtractionEvent>>>,
    /// What the audit does not take.
    refused: Arc<Mutex<Option<Act>>>,
    extractions: Extractions,
    router: Router,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn location(&self) -> String {
        self.headers.get(header::LOCATION).map_or(String::new(), |to| to.to_str().unwrap().to_owned())
    }
}

impl World {
    /// Two Enti with data of 2023 and 2024, of the strumento and of another one.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut chance = StdRng::seed_from_u64(5);
        let ring = RingKey::generate(Ring::Lake, &mut chance);
        let lake = Lake::new(folder.path().join("lake"), folder.path().join("keys"), ring);
        fs::create_dir_all(lake.folder()).unwrap();
        let instrument = Instrument::parse(DEFINITION).unwrap();
        let clock = Arc::new(Mutex::new(DateTime::from_timestamp(1_790_000_000, 0).unwrap()));
        for number in [1, 2] {
            let publication = publication(&instrument, number);
            lake.publish(ente(number), publication, *clock.lock().unwrap(), &mut chance).unwrap();
        }
        let time = Arc::clone(&clock);
        let config = ExtractionConfig {
            folder: folder.path().join("extractions"),
            clock: Arc::new(move || *time.lock().unwrap()),
            chance: StdRng::seed_from_u64(6),
        };
        let renderer = Arc::new(Renderer::new().unwrap());
        let extractions = Extractions::new(lake.clone(), vec![instrument.clone()], renderer, config);
        let router = extractions.clone().router();
        let (audit, refused) = (Arc::default(), Arc::default());
        Self { folder, lake, instrument, clock, audit, refused, extractions, router }
    }

    fn now(&self) -> DateTime<Utc> {
        *self.clock.lock().unwrap()
    }

    fn pass(&self, time: TimeDelta) {
        *self.clock.lock().unwrap() += time;
    }

    fn extractor(&self, number: u128) -> Extractor {
        let (audit, refused) = (Arc::clone(&self.audit), Arc::clone(&self.refused));
        let user = UserView {
            name: "Anna Prova".to_owned(),
            role: "analyst".to_owned(),
            ente: None,
            agreement: None,
            csrf: "00".to_owned(),
            entries: Vec::new(),
        };
        Extractor {
            ente: ente(number),
            ente_name: format!("Ente {number}"),
            comuni: vec!["093033".to_owned()],
            name: "Anna Prova".to_owned(),
            layout: Layout { is_demonstration: true, area: Area::Other, has_accounts: true, user: Some(user) },
            record: Arc::new(move |event| {
                let is_refused = match (&event, *refused.lock().unwrap()) {
                    (ExtractionEvent::Done { act, .. }, Some(refused)) => *act == refused,
                    (ExtractionEvent::Seen { .. } | ExtractionEvent::Done { .. }, _) => false,
                };
                if !is_refused {
                    audit.lock().unwrap().push(event);
                }
                Box::pin(async move { if is_refused { Err(NotRecorded) } else { Ok(()) } })
            }),
        }
    }

    async fn send(&self, number: u128, mut request: Request<Body>) -> Reply {
        request.extensions_mut().insert(self.extractor(number));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, number: u128, path: &str) -> Reply {
        self.send(number, Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, number: u128, path: &str, form: &str) -> Reply {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(number, request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn ask(&self, number: u128, format: &str, years: (i32, i32)) -> Reply {
        let tables: Vec<String> = TABLES.iter().map(|table| format!("tabella={table}")).collect();
        let form = format!(
            "strumento=prova&dal={}&al={}&formato={format}&motivo=Relazione+annuale&responsabilita=1&{}",
            years.0,
            years.1,
            tables.join("&")
        );
        self.post(number, "/estrazioni/nuova", &form).await
    }

    /// Waits until what is at an address is no longer under way; the page.
    async fn until_done(&self, number: u128, path: &str) -> Reply {
        for _ in 0..100_000 {
            let page = self.get(number, path).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text());
            if !page.text().contains("Estrazione in preparazione") {
                return page;
            }
            tokio::task::yield_now().await;
        }
        panic!("{path} is never done");
    }

    /// Asks once the turn is free: an extraction has been seen to be ready an instant before it gives its turn back.
    async fn ask_in_turn(&self, number: u128, format: &str) -> Reply {
        loop {
            let reply = self.ask(number, format, (2023, 2024)).await;
            if reply.status != StatusCode::CONFLICT {
                return reply;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Asks, waits, and takes the file.
    async fn extract(&self, number: u128, format: &str) -> (String, Vec<u8>) {
        let reply = self.ask_in_turn(number, format).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.text());
        let path = reply.location();
        let page = self.until_done(number, &path).await;
        assert!(page.text().contains("Estrazione pronta"), "{}", page.text());
        let file = self.get(number, &format!("{path}/scarica")).await;
        assert_eq!(file.status, StatusCode::OK);
        (path, file.body)
    }

    /// What the lake has of a table, the strumento's alone: names of columns, and rows.
    fn lake_has(&self, number: u128, table: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let lake = self.lake.ente(ente(number)).unwrap().unwrap();
        let mut names = Vec::new();
        let mut rows = Vec::new();
        for batch in lake.table(table).unwrap() {
            let (read, more) = texts(&batch);
            names = read;
            rows.extend(more);
        }
        let of = |name: &str| names.iter().position(|known| known == name);
        if let Some(at) = of("instrument") {
            rows.retain(|row| row[at] == "prova");
        } else if table == "disadvantages" {
            // Those of the other strumento say so in their id.
            let at = of("assessment_id").unwrap();
            rows.retain(|row| !row[at].starts_with("altra"));
        }
        without(names, rows)
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join("extractions")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.retain(|path| !path.ends_with("lock"));
        files.sort();
        files
    }

    fn done(&self) -> Vec<(Act, String)> {
        let audit = self.audit.lock().unwrap();
        let done = audit.iter().filter_map(|event| match event {
            ExtractionEvent::Seen { .. } => None,
            ExtractionEvent::Done { act, detail, .. } => Some((*act, detail.clone())),
        });
        done.collect()
    }
}

/// What an Ente with data of two years publishes.
pub(crate) fn publication(instrument: &Instrument, number: u128) -> Publication {
    let row = |cells: &[(&'static str, &str)]| -> Row {
        cells.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    let mut tables = Vec::new();
    for (year, day) in [(2023, "19700"), (2024, "19800")] {
        let key = |id: &str| {
            row(&[
                ("pseudonym", &format!("canary-{number}-{id}")),
                ("assessed_on", day),
                ("assessment_id", &format!("{id}-{year}")),
            ])
        };
        let with = |id: &str, cells: &[(&'static str, &str)]| {
            let mut all = key(id);
            all.extend(row(cells));
            all
        };
        let assessment = |id: &str, instrument: &str| {
            with(
                id,
                &[
                    ("instrument", instrument),
                    ("version", "1"),
                    ("comune", "093033"),
                    ("unita", "=1+1"),
                    ("age", "40"),
                    ("sex", "f"),
                    ("is_disadvantage_known", "1"),
                    ("evaluation", "confirmed"),
                    ("origin", "portal"),
                    ("operator", "operator-canary"),
                    ("validated_at", "1700000000"),
                    ("count_answered", "1"),
                    ("count_items", "2"),
                ],
            )
        };
        let score = |id: &str, instrument: &str, index: &str| {
            with(
                id,
                &[
                    ("instrument", instrument),
                    ("version", "1"),
                    ("scale", "scala"),
                    ("points", "1"),
                    ("reachable", "2"),
                    ("items_answered", "1"),
                    ("is_valid", "1"),
                    ("index_tenths", index),
                ],
            )
        };
        let fixed = |table: &str| schema::fixed(table).unwrap();
        let mut add = |table: &str, schema: SchemaRef, rows: &[Row]| {
            tables.push(TableData { table: table.to_owned(), year, rows: batch(&schema, rows) });
        };
        add(
            "assessments",
            fixed("assessments"),
            &[assessment("altra1", "altra"), assessment("p1", "prova"), assessment("p2", "prova")],
        );
        add(
            "scores",
            fixed("scores"),
            &[score("altra1", "altra", "100"), score("p1", "prova", "500"), score("p2", "prova", "250")],
        );
        add(
            "disadvantages",
            fixed("disadvantages"),
            &[with("altra1", &[("category", "housing")]), with("p1", &[("category", "poverty")])],
        );
        add("azioni", fixed("azioni"), &[with("p1", &[("instrument", "prova"), ("azione", "corso")])]);
        add(
            "answers_prova",
            schema::answers(&[instrument]),
            &[with("p1", &[("version", "1"), ("a", "2"), ("b", "-1")]), with("p2", &[("version", "1"), ("a", "-3")])],
        );
    }
    Publication {
        tables,
        last_seq: 7,
        pseudonym_key_id: "00000000".to_owned(),
        instruments: vec![instrument.clone()],
        counts: Counts { read: 6, accepted: 6, ..Counts::default() },
        source_mark: "segments".to_owned(),
        stages: 1,
        erasures: Vec::new(),
        restrictions: 0,
        keep_days: 0,
    }
}

/// A batch as texts.
fn texts(batch: &RecordBatch) -> (Vec<String>, Vec<Vec<String>>) {
    let options = FormatOptions::new();
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
    let rows = (0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect());
    (batch.schema().fields().iter().map(|field| field.name().clone()).collect(), rows.collect())
}

fn without(names: Vec<String>, rows: Vec<Vec<String>>) -> (Vec<String>, Vec<Vec<String>>) {
    let kept: Vec<usize> = (0..names.len()).filter(|at| !NOT_AS_THEY_ARE.contains(&names[*at].as_str())).collect();
    let only = |row: &Vec<String>| kept.iter().map(|at| row[*at].clone()).collect();
    (only(&names), rows.iter().map(only).collect())
}

fn entry(archive: &[u8], name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap_or_else(|error| panic!("{name}: {error}")).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The cells of a CSV; none of ours holds a line's end.
fn csv(bytes: Vec<u8>) -> Vec<Vec<String>> {
    let text = String::from_utf8(bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').expect("it begins with the mark of UTF-8");
    let cells = |line: &str| {
        let mut cells = vec![String::new()];
        let mut is_quoted = false;
        for letter in line.chars() {
            match letter {
                '"' => is_quoted = !is_quoted,
                ';' if !is_quoted => cells.push(String::new()),
                other => cells.last_mut().unwrap().push(other),
            }
        }
        cells
    };
    text.split_terminator("\r\n").map(cells).collect()
}

/// The text between two marks, each time.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).map(|rest| rest.split(end).next().unwrap()).collect()
}

/// The cells of a sheet by its place in the workbook, each with whether it is a number. Our own few lines: a crate that
/// reads spreadsheets would be compiled for a test alone.
fn sheet(workbook: &[u8], name: &str, width: usize) -> Vec<Vec<(String, bool)>> {
    let read = |name: &str| String::from_utf8(entry(workbook, name)).unwrap();
    let names = read("xl/workbook.xml");
    let place = between(&names, "<sheet name=\"", "\"").iter().position(|known| *known == name).unwrap();
    let unescape =
        |text: &str| text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let shared: Vec<String> = between(&read("xl/sharedStrings.xml"), "<si>", "</si>")
        .iter()
        .map(|one| unescape(one.split_once('>').unwrap().1.strip_suffix("</t>").unwrap()))
        .collect();
    let text = read(&format!("xl/worksheets/sheet{}.xml", place + 1));
    assert!(!text.contains("<f>"), "no cell is a formula");
    let mut rows = Vec::new();
    for row in between(&text, "<row ", "</row>") {
        let mut cells = vec![(String::new(), false); width];
        for cell in between(row, "<c r=\"", "</c>") {
            let letters: String = cell.chars().take_while(char::is_ascii_uppercase).collect();
            let column = letters.bytes().fold(0, |all, letter| all * 26 + usize::from(letter - b'A') + 1) - 1;
            let value = between(cell, "<v>", "</v>")[0];
            let is_text = cell.contains("t=\"s\"");
            cells[column] = if is_text {
                (shared[value.parse::<usize>().unwrap()].clone(), false)
            } else {
                (value.to_owned(), true)
            };
        }
        rows.push(cells);
    }
    rows
}

fn lake_table(table: &str) -> &str {
    if table == "answers" { "answers_prova" } else { table }
}

/// As a cell may hold it.
fn harmless(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let is_number = |cell: &str| cell.parse::<i64>().is_ok();
    let cell = |cell: String| if is_number(&cell) { cell } else { tabular::harmless(&cell) };
    rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect()
}

#[tokio::test]
async fn csv_holds_what_the_lake_holds() {
    let world = World::new();
    let (_, file) = world.extract(1, "csv").await;
    for table in TABLES {
        let mut rows = csv(entry(&file, &format!("{}.csv", lake_table(table))));
        let (names, rows) = without(rows.remove(0), rows);
        let (expected_names, expected) = world.lake_has(1, lake_table(table));
        if table != "blocks" {
            assert_eq!(names, expected_names, "{table}");
            assert!(!expected.is_empty(), "{table}");
        }
        assert_eq!(rows, harmless(expected), "{table}");
    }
    let answers = String::from_utf8(entry(&file, "answers_prova.csv")).unwrap();
    assert!(answers.contains(";1;2;-1\r\n"), "a negative number is no formula: {answers}");
    let assessments = String::from_utf8(entry(&file, "assessments.csv")).unwrap();
    assert!(assessments.contains(";'=1+1;"), "{assessments}");
}

#[tokio::test]
async fn a_spreadsheet_holds_what_the_lake_holds() {
    let world = World::new();
    let (_, file) = world.extract(1, "xlsx").await;
    for table in TABLES {
        let name = lake_table(table);
        let head = sheet(&file, name, 40).remove(0);
        let names: Vec<String> = head.into_iter().map(|(name, _)| name).filter(|name| !name.is_empty()).collect();
        let mut cells = sheet(&file, name, names.len());
        cells.remove(0);
        let (expected_names, expected) = world.lake_has(1, name);
        let texts = cells.iter().map(|row| row.iter().map(|(text, _)| text.clone()).collect()).collect();
        let (names, rows) = without(names, texts);
        if table != "blocks" {
            assert_eq!(names, expected_names, "{table}");
        }
        assert_eq!(rows, harmless(expected), "{table}");
    }
    let answers = sheet(&file, "answers_prova", 6);
    assert_eq!(answers[1].last().unwrap(), &("-1".to_owned(), true), "a negative number stays a number");
}

#[tokio::test]
async fn parquet_holds_what_the_lake_holds() {
    let world = World::new();
    let (_, file) = world.extract(1, "parquet").await;
    for table in TABLES {
        let bytes = bytes::Bytes::from(entry(&file, &format!("{}.parquet", lake_table(table))));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let names: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
        let rows = reader.build().unwrap().flat_map(|batch| texts(&batch.unwrap()).1).collect();
        let (names, rows) = without(names, rows);
        let (expected_names, expected) = world.lake_has(1, lake_table(table));
        if table != "blocks" {
            assert_eq!(names, expected_names, "{table}");
        }
        assert_eq!(rows, expected, "{table}");
    }
    let codebook: serde_json::Value = serde_json::from_slice(&entry(&file, "codebook.json")).unwrap();
    let words = codebook.to_string();
    for expected in ["=HYPERLINK(1)", "quasi-identificatore", "Sono dati personali", "operator", "Ente 1"] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
}

#[tokio::test]
async fn who_assessed_and_the_portals_ids_stay() {
    let world = World::new();
    let (_, first) = world.extract(1, "csv").await;
    let (_, second) = world.extract(1, "csv").await;
    let column = |file: &[u8], table: &str, name: &str| -> Vec<String> {
        let rows = csv(entry(file, &format!("{table}.csv")));
        let at = rows[0].iter().position(|known| known == name).unwrap_or_else(|| panic!("{table} has no {name}"));
        rows[1..].iter().map(|row| row[at].clone()).collect()
    };
    let assessments = String::from_utf8(entry(&first, "assessments.csv")).unwrap();
    assert!(!assessments.contains("operator"), "{assessments}");
    assert!(!assessments.contains("p1-2023"), "{assessments}");
    let codes = column(&first, "assessments", "assessment_id");
    assert_eq!(codes, column(&first, "answers_prova", "assessment_id"), "the codes tie the tables to each other");
    assert_ne!(codes, column(&second, "assessments", "assessment_id"), "and no two extractions");
    assert_eq!(column(&first, "assessments", "pseudonym"), column(&second, "assessments", "pseudonym"));
}

#[tokio::test]
async fn the_codebook_explains_every_column_and_code_and_is_no_formula() {
    let world = World::new();
    let (_, file) = world.extract(1, "csv").await;
    let columns = csv(entry(&file, "codebook_colonne.csv"));
    for table in TABLES {
        let name = lake_table(table);
        for column in &csv(entry(&file, &format!("{name}.csv")))[0] {
            let line = columns.iter().find(|line| line[0] == name && line[1] == *column);
            let line = line.unwrap_or_else(|| panic!("{name}.{column} is not explained"));
            assert!(!line[2].is_empty() && !line[5].is_empty(), "{line:?}");
        }
    }
    let a = columns.iter().find(|line| line[1] == "a").unwrap();
    assert_eq!(a[2], "'=HYPERLINK(1)");
    let codes = csv(entry(&file, "codebook_codici.csv"));
    let words = |column: &str, code: &str| {
        codes.iter().find(|line| line[1] == column && line[2] == code).map(|line| line[3].clone())
    };
    assert_eq!(words("a", "1").as_deref(), Some("'-uno"));
    assert_eq!(words("a", "-1").as_deref(), Some("senza risposta"));
    assert_eq!(words("sex", "f").as_deref(), Some("donna"));
    assert_eq!(words("comune", "093033").as_deref(), Some("Pordenone"));
    assert_eq!(words("scale", "scala").as_deref(), Some("Scala"));
    let information = csv(entry(&file, "codebook_informazioni.csv"));
    let manifest = world.lake.ente(ente(1)).unwrap().unwrap().manifest().clone();
    let hash = format!("1 {}", manifest.definitions[0].sha256);
    assert!(information.iter().any(|line| line[1] == hash), "{information:?}");
    assert!(information.iter().any(|line| line[1] == "assessments: 4"), "{information:?}");
    assert!(!world.instrument.items.is_empty());
}

#[tokio::test]
async fn one_year_is_one_year() {
    let world = World::new();
    let path = world.ask(1, "csv", (2024, 2024)).await.location();
    world.until_done(1, &path).await;
    let file = world.get(1, &format!("{path}/scarica")).await.body;
    let rows = csv(entry(&file, "assessments.csv"));
    assert_eq!(rows.len(), 3);
    assert!(rows[1..].iter().all(|row| row[1].starts_with("2024-")), "{rows:?}");
}

#[tokio::test]
async fn another_entes_extraction_looks_like_none() {
    let world = World::new();
    let (path, _) = world.extract(1, "csv").await;
    let before = world.done();
    let nothing = format!("/estrazioni/{}", Uuid::from_u128(9));
    for (method, end) in [("GET", ""), ("GET", "/scarica"), ("POST", "/elimina")] {
        let ask = async |path: &str| match method {
            "GET" => world.get(2, &format!("{path}{end}")).await,
            _ => world.post(2, &format!("{path}{end}"), "").await,
        };
        let (others, absent, senseless) = (ask(&path).await, ask(&nothing).await, ask("/estrazioni/x").await);
        assert_eq!(others.status, StatusCode::NOT_FOUND, "{end}");
        for reply in [&absent, &senseless] {
            assert_eq!((reply.status, &reply.headers, &reply.body), (others.status, &others.headers, &others.body));
        }
    }
    assert_eq!(world.done(), before);
    assert!(!world.get(2, "/estrazioni").await.text().contains(&path));
    assert_eq!(world.get(1, &format!("{path}/scarica")).await.status, StatusCode::OK, "its own Ente still has it");
    // A file moved to another Ente's folder does not open there.
    let (from, to) = (
        world.folder.path().join(format!("extractions/ente={}", ente(1))),
        world.folder.path().join(format!("extractions/ente={}", ente(2))),
    );
    fs::create_dir_all(&to).unwrap();
    for file in fs::read_dir(&from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    assert_eq!(world.get(2, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_an_extractor_there_is_no_page() {
    let world = World::new();
    for path in ["/estrazioni", "/estrazioni/nuova"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = world.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_audit_has_the_reason_and_the_counts_and_nothing_happens_without_it() {
    let world = World::new();
    let (path, _) = world.extract(1, "csv").await;
    world.post(1, &format!("{path}/elimina"), "").await;
    let done = world.done();
    let acts: Vec<Act> = done.iter().map(|(act, _)| *act).collect();
    assert_eq!(acts, [Act::Request, Act::Ready, Act::Download, Act::Delete]);
    let asked = "prova 2023-2024 csv assessments+scores+answers+disadvantages+blocks+azioni";
    assert_eq!(done[0].1, format!("{asked}; Relazione annuale"));
    let counts = "rows answers_prova=4 assessments=4 azioni=2 blocks=0 disadvantages=2 scores=4 bytes=";
    assert!(done[1].1.starts_with(counts), "{}", done[1].1);
    assert!(done[2].1.starts_with(&format!("{asked} {counts}")), "{}", done[2].1);
    assert!(world.files().is_empty(), "{:?}", world.files());

    *world.refused.lock().unwrap() = Some(Act::Request);
    assert_eq!(world.ask_in_turn(1, "csv").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(world.files().is_empty(), "{:?}", world.files());

    *world.refused.lock().unwrap() = Some(Act::Ready);
    let path = world.ask_in_turn(1, "csv").await.location();
    let page = world.until_done(1, &path).await.text();
    assert!(
        page.contains("Estrazione non riuscita") && page.contains("registro dell&#x27;Ente non ha accettato"),
        "{page}"
    );
    assert_eq!(world.get(1, &format!("{path}/scarica")).await.location(), path);

    *world.refused.lock().unwrap() = None;
    let (path, _) = world.extract(1, "csv").await;
    for (refused, address) in [(Act::Download, "scarica"), (Act::Delete, "elimina")] {
        *world.refused.lock().unwrap() = Some(refused);
        let address = format!("{path}/{address}");
        let reply =
            if refused == Act::Download { world.get(1, &address).await } else { world.post(1, &address, "").await };
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{refused:?}");
    }
    *world.refused.lock().unwrap() = None;
    assert_eq!(world.get(1, &format!("{path}/scarica")).await.status, StatusCode::OK, "it is still there");
}

#[tokio::test]
async fn a_file_is_kept_for_seven_days() {
    let world = World::new();
    let (path, file) = world.extract(1, "csv").await;
    world.pass(TimeDelta::days(7) - TimeDelta::seconds(1));
    assert_eq!(world.get(1, &format!("{path}/scarica")).await.body, file);
    world.pass(TimeDelta::seconds(1));
    assert_eq!(world.get(1, &format!("{path}/scarica")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(1, &path).await.status, StatusCode::NOT_FOUND);
    assert!(world.files().is_empty(), "{:?}", world.files());
    // At the start of the program too, and while another is being made.
    world.extract(1, "csv").await;
    world.pass(TimeDelta::days(8));
    let shelf = world.extractions.shelf(ente(1)).unwrap();
    let _turn = shelf.take_turn(&mut world.extractions.chance()).unwrap();
    world.extractions.sweep();
    assert!(world.files().is_empty(), "{:?}", world.files());
}

#[tokio::test]
async fn what_a_crash_leaves_is_interrupted_and_cannot_be_taken() {
    let world = World::new();
    let shelf = world.extractions.shelf(ente(1)).unwrap();
    let id = Uuid::from_u128(3);
    let wanted = Wanted {
        instrument: "prova".to_owned(),
        from: 2023,
        until: 2024,
        tables: vec!["assessments".to_owned()],
        format: Format::Csv,
        reason: "Prova".to_owned(),
    };
    let state = State::Running { read: 3, of: 6 };
    let record = Record { id, asked_at: world.now(), asked_by: "Anna".to_owned(), wanted, state };
    let turn = shelf.take_turn(&mut world.extractions.chance()).unwrap().unwrap();
    shelf.write(&record, &mut world.extractions.chance()).unwrap();
    let mut writer = shelf.begin(id, world.extractions.chance()).unwrap();
    std::io::Write::write_all(&mut writer, &[1; 600_000]).unwrap();
    drop(writer);

    let path = format!("/estrazioni/{id}");
    let page = world.get(1, &path).await.text();
    assert!(page.contains("3 righe lette su 6"), "{page}");
    let busy = world.ask(1, "csv", (2023, 2024)).await;
    assert_eq!(busy.status, StatusCode::CONFLICT);
    assert!(busy.text().contains("in corso") && busy.text().contains("Relazione annuale"), "what was typed stays");
    assert_eq!(world.ask(2, "csv", (2023, 2024)).await.status, StatusCode::SEE_OTHER, "another Ente does not wait");

    // The program dies: the system gives the lock back.
    drop(turn);
    let page = world.get(1, &path).await.text();
    assert!(page.contains("Estrazione interrotta"), "{page}");
    let taken = world.get(1, &format!("{path}/scarica")).await;
    assert_eq!((taken.status, taken.location()), (StatusCode::SEE_OTHER, path.clone()));
    assert!(!world.files().iter().any(|file| file.extension().is_some_and(|ending| ending == "partial")
        && file.to_string_lossy().contains(&id.to_string())));
    world.extract(1, "csv").await;
    world.post(1, &format!("{path}/elimina"), "").await;
    assert_eq!(world.get(1, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_flipped_bit_is_refused_before_anything_is_sent() {
    let world = World::new();
    let (path, _) = world.extract(1, "csv").await;
    let file = world.files().into_iter().find(|file| file.extension().is_some_and(|ending| ending == "kept")).unwrap();
    let whole = fs::read(&file).unwrap();
    for at in [0, 20, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&file, changed).unwrap();
        let reply = world.get(1, &format!("{path}/scarica")).await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "byte {at}");
        assert!(reply.text().contains("<html"), "byte {at}");
        assert_eq!(world.done().last().unwrap(), &(Act::Fail, "damaged".to_owned()));
    }
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(world.get(1, &format!("{path}/scarica")).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn nothing_is_in_clear_on_the_disk_and_an_ente_that_ends_takes_its_files_along() {
    let world = World::new();
    for format in ["csv", "xlsx", "parquet"] {
        world.extract(1, format).await;
    }
    assert_eq!(world.files().len(), 6);
    for file in world.files() {
        let bytes = fs::read(&file).unwrap();
        for canary in ["canary", "Anna Prova", "Relazione", "assessments"] {
            assert!(
                !bytes.windows(canary.len()).any(|part| part == canary.as_bytes()),
                "{canary} in {}",
                file.display()
            );
        }
    }
    world.lake.close(ente(1)).unwrap();
    let list = world.get(1, "/estrazioni").await;
    assert!(list.text().contains("Nessuna estrazione"), "{}", list.text());
    assert!(world.files().is_empty(), "{:?}", world.files());
}

#[tokio::test]
async fn a_form_that_is_not_complete_says_what_is_missing_and_asks_nothing_of_anybody() {
    let world = World::new();
    let whole = "strumento=prova&dal=2023&al=2024&formato=csv&motivo=Relazione&responsabilita=1&tabella=scores";
    let reason = "x".repeat(301);
    for (form, field) in [
        (String::new(), "strumento"),
        (whole.replace("strumento=prova", "strumento=altra"), "strumento"),
        (whole.replace("dal=2023", "dal=1999"), "dal"),
        (whole.replace("dal=2023", "dal=2024").replace("al=2024&f", "al=2023&f"), "al"),
        (whole.replace("csv", "exe"), "formato"),
        (whole.replace("tabella=scores", "tabella=..%2Fkeys"), "tabella"),
        (whole.replace("&tabella=scores", ""), "tabella"),
        (whole.replace("Relazione", ""), "motivo"),
        (whole.replace("Relazione", &reason), "motivo"),
        (whole.replace("&responsabilita=1", ""), "responsabilita"),
    ] {
        let reply = world.post(1, "/estrazioni/nuova", &form).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(reply.text().contains(&format!("href=\"#campo-{field}\"")), "{form}");
    }
    assert!(world.done().is_empty());
    assert!(world.files().is_empty());
    // What the form does not have is not looked at.
    let more = format!("{whole}&ente={}&role=x", ente(2));
    assert_eq!(world.post(1, "/estrazioni/nuova", &more).await.status, StatusCode::SEE_OTHER);
}

#[test]
fn every_page_renders_its_samples() {
    fn check<P: templates::Page>(layout: &Layout) {
        for sample in P::samples() {
            match Renderer::new().unwrap().render(&sample, layout) {
                Ok(html) => assert!(html.contains("</html>") && !html.contains(" style="), "{}", P::TEMPLATE),
                Err(error) => panic!("{}: {:#}", P::TEMPLATE, error.source),
            }
        }
    }
    let layout = World::new().extractor(1).layout;
    check::<super::pages::list::List>(&layout);
    check::<super::pages::one::One>(&layout);
    check::<super::pages::form::NewExtraction>(&layout);
}
