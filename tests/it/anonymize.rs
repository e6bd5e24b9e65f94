//! `noncello anonymize` and `noncello release verify`, as people type them, on a table of forty people nobody is.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const AGES: &str = "hierarchy_age.csv";
const TOWNS: &str = "shop_hierarchy_town.csv";
const ROWS: usize = 40;

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let ages: String = (20..60).map(|age| format!("{age};{}s;*\n", age / 10 * 10)).collect();
        desk.write(AGES, &ages);
        desk.write(TOWNS, "Aviano;west;*\nSacile;west;*\nUdine;east;*\nCividale;east;*\n");
        desk.write("seed", "0123456789abcdef0123456789abcdef");
        desk.write("people.csv", &csv(','));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the folder can be written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder can be read");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("the folder can be read").file_name().into_string().expect("Unicode"))
            .collect();
        names.sort();
        names
    }

    /// Words are arguments; the program runs in the folder.
    fn noncello(&self, words: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_noncello"))
            .args(words.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .output()
            .expect("the binary starts")
    }

    fn anonymize(&self, more: &str) -> Output {
        self.noncello(&format!("anonymize --hierarchies . --qi age,town {more}"))
    }

    fn makes(&self, more: &str) {
        let output = self.anonymize(more);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }

    /// Refused, with each of these phrases on standard error and no file left behind.
    fn refuses(&self, code: i32, more: &str, phrases: &[&str]) {
        let before = self.names();
        let output = self.anonymize(more);
        says(&output, code, phrases);
        assert_eq!(self.names(), before);
    }

    fn verify(&self, file: &str, more: &str) -> Output {
        self.noncello(&format!("release verify {file} --qi age,town {more}"))
    }

    fn report(&self, file: &str, more: &str) -> serde_json::Value {
        let output = self.verify(file, &format!("--format json {more}"));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    }
}

fn says(output: &Output, code: i32, phrases: &[&str]) {
    let printed = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{printed}");
    for phrase in phrases {
        assert!(printed.contains(phrase), "no «{phrase}» in: {printed}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn age(row: usize) -> usize {
    20 + row * 7 % 40
}

fn town(row: usize) -> &'static str {
    ["Aviano", "Sacile", "Udine", "Cividale"][row * 3 % 4]
}

fn points(row: usize) -> usize {
    row * 5 % 7
}

fn csv(delimiter: char) -> String {
    let mut text = ["age", "town", "points", "note\n"].join(&delimiter.to_string());
    for row in 0..ROWS {
        // A note with every separator in it, one that is empty, and plain ones.
        let note = match row {
            0 => "\"a, b; \"\"c\"\"\td\"".to_owned(),
            1 => String::new(),
            _ => format!("note {row}"),
        };
        let cells = [age(row).to_string(), town(row).to_owned(), points(row).to_string(), note];
        text.push_str(&cells.join(&delimiter.to_string()));
        text.push('\n');
    }
    text
}

/// The column of a CSV file, cells split as a reader of such files does.
fn column(text: &str, delimiter: char, name: &str) -> Vec<String> {
    let delimiter = u8::try_from(delimiter).expect("ASCII");
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let place = reader.headers().expect("names").iter().position(|header| header == name).expect("the column");
    reader.records().map(|record| record.expect("a record")[place].to_owned()).collect()
}

#[test]
fn csv_keeps_its_rows_columns_and_separator() {
    for (delimiter, more) in [(',', ""), (';', ""), ('\t', ""), ('|', "--delimiter |"), ('\t', "--delimiter tab")] {
        let desk = Desk::new();
        let original = csv(delimiter);
        desk.write("people.csv", &original);
        desk.makes(&format!(
            "--input people.csv {more} --sensitive points --k 4 --l 2 --t 0.5:ordered --output out.csv --report report.json"
        ));
        let made = desk.read("out.csv");
        for untouched in ["points", "note"] {
            assert_eq!(column(&made, delimiter, untouched), column(&original, delimiter, untouched));
        }
        let towns = column(&made, delimiter, "town");
        for (row, label) in towns.iter().enumerate() {
            let broader = if row * 3 % 4 < 2 { "west" } else { "east" };
            assert!([town(row), broader, "*"].contains(&label.as_str()), "row {row}: {label}");
        }
        let report: serde_json::Value = serde_json::from_str(&desk.read("report.json")).expect("JSON");
        assert_eq!(report["verification"]["passed"], true);
        assert!(report["release"]["measures"]["k"].as_u64() >= Some(4), "{report}");
        let [said, found] = ["release", "verification"].map(|part| report[part]["measures"]["loss"].as_f64());
        assert!(said.zip(found).is_some_and(|(said, found)| (said - found).abs() < 1e-9), "{report}");
        assert!(!desk.read("report.json").contains("seed"));
        let rules = format!("--k 4 --sensitive points --l 2 --t 0.5:ordered {more}");
        let alone = desk.verify("out.csv", &rules);
        assert_eq!(alone.status.code(), Some(0), "{}", text(&alone.stderr));
        let beside = desk.verify("out.csv", &format!("{rules} --original people.csv --hierarchies ."));
        assert_eq!(beside.status.code(), Some(0), "{}", text(&beside.stderr));
    }
}

fn parquet_of(batch: &RecordBatch, path: &Path) {
    let file = File::create(path).expect("the folder can be written");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a schema Parquet has");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
}

fn batch_of(path: &Path) -> RecordBatch {
    let file = File::open(path).expect("the file is there");
    let mut batches = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("readable");
    batches.next().expect("one batch").expect("readable")
}

#[test]
fn parquet_keeps_its_types_and_nulls() {
    let desk = Desk::new();
    let ages = Int64Array::from_iter_values((0..ROWS).map(|row| i64::try_from(age(row)).expect("small")));
    let weights = Float64Array::from_iter((0..ROWS).map(|row| (row % 3 > 0).then_some(row as f64 / 3.0)));
    let fields = vec![
        Field::new("age", DataType::Int64, true),
        Field::new("town", DataType::Utf8, true),
        Field::new("points", DataType::Int64, false),
        Field::new("weight", DataType::Float64, true),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ages),
        Arc::new(StringArray::from_iter_values((0..ROWS).map(town))),
        Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| i64::try_from(points(row)).expect("small")))),
        Arc::new(weights),
    ];
    let notes = [("pandas".to_owned(), "what a program wrote about the rows".to_owned())];
    let schema = Schema::new(fields).with_metadata(notes.into());
    let original = RecordBatch::try_new(Arc::new(schema), columns).expect("columns of one length");
    parquet_of(&original, &desk.path("people.parquet"));

    desk.makes("--input people.parquet --sensitive points --k 4 --t 0.4:ordered --output out.parquet");
    let made = batch_of(&desk.path("out.parquet"));
    assert_eq!(made.num_rows(), ROWS);
    for name in ["points", "weight"] {
        assert_eq!(made.column_by_name(name), original.column_by_name(name));
    }
    assert_eq!(made.column_by_name("points").expect("kept").as_primitive::<Int64Type>().null_count(), 0);
    for name in ["age", "town"] {
        let labels = made.column_by_name(name).expect("kept");
        assert_eq!((labels.data_type(), labels.null_count()), (&DataType::Utf8, 0));
    }
    assert!(made.schema().metadata().is_empty(), "{:?}", made.schema().metadata());
    let rules = "--k 4 --sensitive points --t 0.4:ordered";
    let beside = desk.verify("out.parquet", &format!("{rules} --original people.parquet --hierarchies . --strict"));
    assert_eq!(beside.status.code(), Some(0), "{}", text(&beside.stderr));
    assert!(text(&beside.stdout).contains("holds\n  40 rows"), "{}", text(&beside.stdout));
}

#[test]
fn what_cannot_be_done_is_refused_and_leaves_nothing() {
    let desk = Desk::new();
    let io = "--input people.csv --output out.csv";
    desk.refuses(1, &format!("{io} --k 41"), &["people.csv", "40 rows", "k is 41"]);
    desk.refuses(1, &format!("{io} --k 40"), &["40 of 40 rows could be released as \"*\" only"]);
    desk.refuses(1, &format!("{io} --k 4 --sensitive points --l 8"), &["7 different values of \"points\"", "l is 8"]);
    desk.refuses(1, &format!("{io} --k 4 --qi shoe"), &["\"shoe\"", "the table has age, town, points, note"]);
    desk.refuses(1, &format!("{io} --k 4 --sensitive shoe"), &["\"shoe\"", "the table has age, town, points, note"]);
    desk.refuses(
        1,
        &format!("{io} --k 4 --qi points"),
        &["\"points\" has no hierarchy", "*hierarchy_points.csv", TOWNS],
    );
    desk.refuses(1, &format!("{io} --k 4 --sensitive town"), &["\"town\" is named twice"]);
    desk.refuses(
        1,
        &format!("{io} --k 4 --sensitive note --t 0.5:ordered"),
        &["\"note\" have no order", "*hierarchy_note.csv"],
    );
    desk.refuses(1, "--input nothing.csv --output out.csv --k 4", &["nothing.csv cannot be read"]);
    desk.refuses(1, "--input people.csv --output out.parquet --k 4", &["different forms"]);
    desk.refuses(1, "--input people.csv --output people.csv --k 4", &["cannot be written over"]);
    desk.refuses(1, "--input people.csv --output no/out.csv --k 4", &["nothing can be written in no"]);
    desk.refuses(1, &format!("{io} --k 4 --seed-file {AGES}"), &[AGES, "a seed has 32"]);
    desk.refuses(1, &format!("{io} --k 4 --delimiter ;"), &["people.csv", "';'", "--delimiter names another"]);
    assert!(desk.read("people.csv").starts_with("age,town"));
}

#[test]
fn wrong_usage_exits_with_2() {
    let desk = Desk::new();
    let io = "--input people.csv --output out.csv";
    desk.refuses(2, &format!("{io} --k 4 --mode both"), &["local", "global"]);
    desk.refuses(2, &format!("{io} --k 4 --sensitive points --t 0.2:far"), &["equal, ordered or hierarchical"]);
    desk.refuses(2, &format!("{io} --k 4 --sensitive points --l 3:recursive"), &["recursive=C"]);
    desk.refuses(2, &format!("{io} --k 4 --sensitive points --beta 1:much"), &["basic or enhanced"]);
    desk.refuses(2, &format!("{io} --k 4 --presence note=0.5..0.2"), &["member=0.01..0.3"]);
    desk.refuses(2, &format!("{io} --k 4 --weight age"), &["age=2"]);
    desk.refuses(2, &format!("{io} --k 0"), &["a whole number from 1 up"]);
    desk.refuses(2, &format!("{io} --k 4 --suppression 2"), &["a number from 0 to 1"]);
    desk.refuses(2, &format!("{io} --k 4 --l 2"), &["--sensitive"]);
    desk.refuses(2, io, &["--k"]);
    says(&desk.noncello("release verify people.csv --k 4"), 2, &["--qi"]);
    says(&desk.verify("people.csv", "--k 4 --original people.csv"), 2, &["--hierarchies"]);
    for help in ["anonymize --help", "release verify --help"] {
        let output = desk.noncello(help);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("Example: noncello "), "{}", text(&output.stdout));
    }
}

#[test]
fn a_bad_value_is_named_with_row_and_column() {
    let desk = Desk::new();
    desk.write("people.csv", &csv(',').replacen("Cividale", "Gorizia", 1));
    let row = (0..ROWS).find(|&row| town(row) == "Cividale").expect("somebody");
    let place = format!("column \"town\", row {row}: value \"Gorizia\"");
    desk.refuses(1, "--input people.csv --output out.csv --k 4", &["people.csv", &place, "*hierarchy_town.csv"]);
    desk.write(TOWNS, "Aviano;west;*\nAviano;east;*\n");
    desk.refuses(1, "--input people.csv --output out.csv --k 4", &[TOWNS, "line 2", "\"Aviano\" is there twice"]);
    desk.write("more_hierarchy_town.csv", "Aviano;*\n");
    desk.refuses(
        1,
        "--input people.csv --output out.csv --k 4",
        &["more than one hierarchy", TOWNS, "more_hierarchy_town"],
    );
    desk.write("people.csv", "age,town\n20,Aviano\n21\n");
    desk.refuses(1, "--input people.csv --output out.csv --k 1", &["people.csv", "line: 3"]);
    desk.write("people.csv", "age,town,age\n20,Aviano,21\n");
    desk.refuses(1, "--input people.csv --output out.csv --k 1", &["two columns are called \"age\""]);
    desk.write("people.csv", "");
    desk.refuses(1, "--input people.csv --output out.csv --k 1", &["the file is empty"]);
    desk.write("people.parquet", "not Parquet");
    desk.refuses(1, "--input people.parquet --output out.parquet --k 1", &["people.parquet cannot be read as Parquet"]);
}

#[test]
fn the_seed_decides() {
    let desk = Desk::new();
    let make = |name: &str, more: &str| {
        desk.makes(&format!("--input people.csv --k 4 --output {name} {more}"));
        desk.read(name)
    };
    let first = make("1.csv", "--seed-file seed --shuffle");
    assert_eq!(make("2.csv", "--seed-file seed --shuffle"), first);
    assert_eq!(make("1.csv", "--seed-file seed --shuffle"), first, "a file that is there is replaced");
    assert_ne!(make("3.csv", "--seed-file seed"), first);
    desk.write("seed", "another secret, 32 bytes long, ok");
    desk.refuses(1, "--input people.csv --k 4 --output 4.csv --seed-file seed", &["holds 33 bytes"]);
    desk.write("seed", "another secret, 32 bytes long ok");
    assert_ne!(make("5.csv", "--seed-file seed --shuffle"), first);
    // From the system's generator no two orders are alike: forty rows have 10⁴⁷.
    assert_ne!(make("6.csv", "--shuffle"), make("7.csv", "--shuffle"));
    assert_eq!(desk.verify("6.csv", "--k 4 --hierarchies .").status.code(), Some(0));
}

#[test]
fn a_tampered_file_is_found() {
    let desk = Desk::new();
    desk.makes("--input people.csv --k 4 --sensitive points --l 2 --output out.csv");
    let made = desk.read("out.csv");
    let original = desk.read("people.csv");
    let rules = "--k 4 --sensitive points --l 2";
    let beside = format!("{rules} --original people.csv --hierarchies .");
    let lines: Vec<&str> = made.lines().collect();
    let with_row = |row: usize, line: &str| {
        let mut lines = lines.clone();
        lines[row + 1] = line;
        desk.write("changed.csv", &(lines.join("\n") + "\n"));
    };
    // The original line of a row put back: a class of one.
    let back = original.lines().nth(11).expect("a row");
    with_row(10, back);
    let place = format!("class {}, {}, first in row 10: 1 people, at least 4 asked", age(10), town(10));
    says(&desk.verify("changed.csv", rules), 1, &["changed.csv", &place]);
    let report = desk.report("changed.csv", rules);
    assert_eq!(report["passed"], false);
    let found = report["violations"].as_array().expect("a list");
    let alone = found.iter().find(|found| found["code"] == "small_class" && found["row"] == 10).expect("told");
    assert_eq!((&alone["class"][1], &alone["people"]), (&town(10).into(), &1.into()));
    // Labels of another region; a sensitive value changed; a row gone.
    let wrong = if row_is_west(10) { "east" } else { "west" };
    with_row(10, &format!("*,{wrong},{},note 10", points(10)));
    says(&desk.verify("changed.csv", &beside), 1, &["column \"town\", row 10", "does not cover"]);
    with_row(10, &lines[11].replace(&format!(",{},", points(10)), ",9,"));
    says(&desk.verify("changed.csv", &beside), 1, &["column \"points\", row 10: differs from the original"]);
    desk.write("changed.csv", &(lines[..ROWS].join("\n") + "\n"));
    says(&desk.verify("changed.csv", &beside), 1, &["40 original rows, 39 released rows"]);
    says(&desk.verify("people.csv", "--k 4"), 1, &["and 20 more; --format json tells all"]);
    says(&desk.verify("people.csv", "--k 4 --qi shoe"), 1, &["people.csv", "no column \"shoe\""]);
}

fn row_is_west(row: usize) -> bool {
    row * 3 % 4 < 2
}

/// Six rows in one class with two illnesses, and two of `*` only with one.
const STARRED: &str = "age;town;illness\n20s;west;flu\n20s;west;flu\n20s;west;gout\n20s;west;gout\n20s;west;flu\n20s;west;gout\n*;*;flu\n*;*;flu\n";

#[test]
fn rows_of_stars_are_set_apart_unless_strict() {
    let desk = Desk::new();
    desk.write("stars.csv", STARRED);
    let rules = "--k 4 --sensitive illness --l 2 --t 0.4";
    let apart = desk.verify("stars.csv", rules);
    assert_eq!(apart.status.code(), Some(0), "{}", text(&apart.stderr));
    assert!(
        text(&apart.stdout).contains("8 rows, 1 classes, k 6, 2 rows of * only set apart"),
        "{}",
        text(&apart.stdout)
    );
    let strict = desk.verify("stars.csv", &format!("{rules} --strict"));
    says(&strict, 1, &["class *, *, first in row 6: 2 people, at least 4 asked", "1 different values of \"illness\""]);
    assert!(text(&strict.stdout).contains("2 rows of * only read as a class"), "{}", text(&strict.stdout));
    let report = desk.report("stars.csv", "--k 2 --sensitive illness --t 0.4 --strict");
    assert_eq!((&report["star_rows"], &report["measures"]["k"]), (&2.into(), &2.into()));
    // Five flus of eight in the table; the class of * has only flus.
    assert_eq!(report["measures"]["sensitive"][0]["t_equal"], 0.375);
    // One star is a label like any other.
    desk.write("stars.csv", &STARRED.replacen("*;*;flu", "*;west;flu", 1));
    says(&desk.verify("stars.csv", "--k 2"), 1, &["class *, west, first in row 6: 1 people"]);
}

#[test]
fn suppression_is_asked_for_and_written_as_stars() {
    let desk = Desk::new();
    // Twelve at one place and age; four that have nothing in common.
    let rows: String = (0..12).map(|_| "20,Aviano\n").collect();
    desk.write("people.csv", &format!("age,town\n{rows}59,Udine\n21,Cividale\n34,Sacile\n47,Aviano\n"));
    let io = "--input people.csv --k 4 --output out.csv";
    desk.makes(&format!("{io} --suppression 0.25"));
    let made = desk.read("out.csv");
    assert_eq!(made.lines().filter(|line| *line == "*,*").count(), 4, "{made}");
    assert_eq!(made.lines().filter(|line| *line == "20,Aviano").count(), 12, "{made}");
    assert_eq!(desk.verify("out.csv", "--k 4 --strict").status.code(), Some(0));
    // Nobody shares a label with 59 at Udine, so that without suppression there is no way; what was there stays.
    desk.refuses(1, io, &["rows could be released as \"*\" only, and 0 may be", "allow more suppression"]);
    assert_eq!(desk.read("out.csv"), made);
}

#[test]
fn the_order_of_words_comes_from_their_hierarchy() {
    let desk = Desk::new();
    desk.write("hierarchy_need.csv", "low;*\nmiddle;*\nhigh;*\n");
    // Two classes: low and middle; middle and high. Each is ½ of ½ from the table of ¼, ½, ¼.
    desk.write("out.csv", "age,town,need\n20s,west,low\n20s,west,middle\n30s,west,middle\n30s,west,high\n");
    let rules = "--k 2 --sensitive need --t 0.25:ordered";
    assert_eq!(desk.verify("out.csv", &format!("{rules} --hierarchies .")).status.code(), Some(0));
    let closer = desk.verify("out.csv", "--k 2 --sensitive need --t 0.24:ordered --hierarchies .");
    says(&closer, 1, &["\"need\" is 0.2500 from the table, at most 0.24 asked"]);
    says(&desk.verify("out.csv", rules), 1, &["\"need\" have no order"]);
}

/// The same rules asked by whoever makes the table and by whoever checks it, with global recoding.
#[test]
fn every_rule_can_be_asked_of_a_table_and_of_its_maker() {
    let desk = Desk::new();
    desk.write("hierarchy_points.csv", "0;few;*\n1;few;*\n2;few;*\n3;many;*\n4;many;*\n5;many;*\n6;many;*\n");
    for rules in
        ["--l 3:recursive=3", "--t 0.3:hierarchical", "--beta 1.5", "--beta 3:enhanced", "--l 2:entropy --t 0.4"]
    {
        let asked = format!("--k 4 --sensitive points {rules}");
        desk.makes(&format!("--input people.csv --mode global {asked} --output out.csv"));
        let ages = column(&desk.read("out.csv"), ',', "age");
        assert!(ages.iter().all(|age| age.len() == ages[0].len()), "{rules}: {ages:?}");
        let held = desk.verify("out.csv", &format!("{asked} --hierarchies . --original people.csv"));
        assert_eq!(held.status.code(), Some(0), "{rules}: {}", text(&held.stderr));
    }
    desk.write("out.csv", "age,town,points\n20s,west,0\n20s,west,0\n20s,west,1\n30s,west,3\n30s,west,4\n30s,west,5\n");
    let found = |rules: &str| desk.verify("out.csv", &format!("--k 3 --sensitive points --hierarchies . {rules}"));
    says(
        &found("--l 2:recursive=2"),
        1,
        &["the commonest \"points\" is 2.000 times those from place 2 on, less than 2 asked"],
    );
    says(&found("--t 0.2:hierarchical"), 1, &["\"points\" is 0.5000 from the table, at most 0.2 asked"]);
    says(
        &found("--beta 0.5"),
        1,
        &["a value of \"points\" is 1.0000 more frequent than in the table, at most 0.5000 allowed"],
    );
    assert_eq!(found("--l 2:recursive=2.1 --t 0.5:hierarchical --beta 1").status.code(), Some(0));
}

#[test]
fn of_a_population_some_are_released() {
    let desk = Desk::new();
    let rows: String = (0..ROWS).map(|row| format!("{},{},{}\n", age(row), town(row), row % 3 == 0)).collect();
    desk.write("people.csv", &format!("age,town,member\n{rows}"));
    let asked = "--k 3 --presence member=0.2..0.5";
    desk.refuses(
        1,
        &format!("--input people.csv {asked} --output out.csv"),
        &["mode is local", "global where presence is asked"],
    );
    desk.makes(&format!("--input people.csv {asked} --mode global --output out.csv --report report.json"));
    let made = desk.read("out.csv");
    assert_eq!(made.lines().count(), 1 + ROWS.div_ceil(3));
    assert!(made.starts_with("age,town\n"), "{made}");
    let report: serde_json::Value = serde_json::from_str(&desk.read("report.json")).expect("JSON");
    assert_eq!(report["verification"]["measures"]["presence"]["population"], ROWS);
    assert_eq!(report["comparison"]["rows_before"], ROWS.div_ceil(3));
}

#[test]
fn a_dear_column_is_kept_fine() {
    let desk = Desk::new();
    let loss = |weight: &str, of: usize| {
        desk.makes(&format!(
            "--input people.csv --k 4 --mode global --weight {weight} --output out.csv --report report.json"
        ));
        let report: serde_json::Value = serde_json::from_str(&desk.read("report.json")).expect("JSON");
        report["release"]["measures"]["loss_by_attribute"][of]["loss"].as_f64().expect("a number")
    };
    assert!(loss("age=30", 0) < loss("town=30", 0));
    assert!(loss("town=30", 1) < loss("age=30", 1));
    desk.refuses(
        1,
        "--input people.csv --k 4 --weight points=2 --output out.csv",
        &["\"points\", which is not among --qi"],
    );
    desk.refuses(1, "--input people.csv --k 4 --weight age=0 --output out.csv", &["weight of \"age\" is 0"]);
}

#[test]
fn the_report_is_a_page_too_and_knows_the_register() {
    let desk = Desk::new();
    let register: String =
        (20..60).map(|age| format!("{age},Aviano,10\n{age},Sacile,20\n{age},Udine,30\n{age},Cividale,40\n")).collect();
    desk.write("residents.csv", &format!("age,town,people\n{register}"));
    let io = "--input people.csv --k 4 --sensitive points --l 2 --output out.csv";
    desk.makes(&format!("{io} --report report.html --register residents.csv:people"));
    let page = desk.read("report.html");
    for part in [
        "<h1>out.csv: anonymity report</h1>",
        "a register of 4000 people by age, town",
        "<caption>town</caption>",
        "age and town",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    desk.makes(&format!("{io} --report report.json --register residents.csv:people"));
    let report: serde_json::Value = serde_json::from_str(&desk.read("report.json")).expect("JSON");
    assert_eq!(report["register"]["people"], 4000);
    assert_eq!(report["comparison"]["rows_before"], ROWS);
    desk.refuses(1, &format!("{io} --report report.pdf"), &["report.pdf", ".json or .html"]);
    desk.refuses(1, &format!("{io} --report new.json --register residents.csv:folk"), &["residents.csv", "\"folk\""]);
    desk.refuses(2, &format!("{io} --report new.json --register residents.csv"), &["residents.csv:people"]);
}

#[test]
fn an_empty_cell_means_what_is_said() {
    let desk = Desk::new();
    desk.write(TOWNS, "Aviano;west;*\nSacile;west;*\nUdine;east;*\nCividale;east;*\nunknown;unknown;*\n");
    let rows: String =
        (0..ROWS).map(|row| format!("{},{}\n", age(row), if row % 5 == 0 { "" } else { town(row) })).collect();
    desk.write("people.csv", &format!("age,town\n{rows}"));
    desk.refuses(1, "--input people.csv --k 4 --output out.csv", &["\"\" is not in the hierarchy"]);
    desk.makes("--input people.csv --k 4 --missing town=unknown --output out.csv");
    let towns = column(&desk.read("out.csv"), ',', "town");
    assert!(towns.iter().enumerate().all(|(row, town)| row % 5 != 0 || town == "unknown" || town == "*"), "{towns:?}");
    let beside = desk.verify("out.csv", "--k 4 --missing town=unknown --original people.csv --hierarchies .");
    assert_eq!(beside.status.code(), Some(0), "{}", text(&beside.stderr));
    desk.refuses(2, "--input people.csv --k 4 --missing town --output out.csv", &["age=unknown"]);
}

/// People with two rows each: classes of three rows may be of one person and a half, and the pattern of the two may stand out.
#[test]
fn rows_of_a_person_count_once_and_their_pattern_does_not_single_anybody_out() {
    let desk = Desk::new();
    let mut rows = String::from("person,giver,age,town,illness\n");
    for row in 0..ROWS {
        let town = ["Aviano", "Sacile", "Udine", "Cividale"][row % 4];
        rows += &format!("p{},g{},{},{town},i{}\n", row / 2, row / 2 % 3, 20 + (row * 7) % 40, row % 3);
    }
    desk.write("twice.csv", &rows);
    desk.makes("--input twice.csv --k 4 --output rows.csv");
    assert_eq!(desk.verify("rows.csv", "--k 4").status.code(), Some(0));
    // Made for rows, it does not hold for people who are known by both of theirs.
    assert_eq!(desk.verify("rows.csv", "--k 4 --person person --person-pattern").status.code(), Some(1));
    desk.makes("--input twice.csv --k 4 --person person --person-pattern --output people.csv");
    for asked in ["--k 4", "--k 4 --person person", "--k 4 --person person --person-pattern"] {
        let output = desk.verify("people.csv", asked);
        assert_eq!(output.status.code(), Some(0), "{asked}: {}", text(&output.stderr));
    }
    desk.makes("--input twice.csv --k 4 --person person --contributor giver --output givers.csv");
    assert_eq!(desk.verify("givers.csv", "--k 4 --person person --contributor giver").status.code(), Some(0));
    assert_eq!(desk.verify("rows.csv", "--k 4 --person person --contributor giver").status.code(), Some(1));
    desk.refuses(2, "--input twice.csv --k 4 --person-pattern --output no.csv", &["--person"]);
    desk.refuses(1, "--input twice.csv --k 4 --person persona --output no.csv", &["persona"]);
    desk.refuses(
        1,
        "--input twice.csv --k 4 --mode global --person person --person-pattern --output no.csv",
        &["global"],
    );
}
