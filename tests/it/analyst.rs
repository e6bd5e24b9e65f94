//! SQL that people write (SECURITY 15): answered by a process of its own, which refuses whatever is not one SELECT over the
//! Ente's tables, and takes no more than it is given.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use domain::feed::EnteId;
use domain::keys::Ring;
use warehouse::analyst::{Answer, AnswerError, Caps};
use warehouse::{EnteLake, Lake, schema};

use crate::demonstration::Demonstration;

const CAPS: Caps = Caps { rows: 5_000, bytes: 8 << 20, memory_mib: 256, seconds: 20 };

pub(crate) fn lake(demonstration: &Demonstration) -> Lake {
    let data = &demonstration.data;
    Lake::new(data.join("lake"), data.join("keys/lake.d"), demonstration.ring("lake.key", Ring::Lake).unwrap())
}

fn ask(lake: &EnteLake, sql: &str, caps: Caps) -> Result<Answer, AnswerError> {
    lake.ask(Command::new(env!("CARGO_BIN_EXE_noncello")).args(["warehouse", "answer"]), sql, caps)
}

fn number(lake: &EnteLake, sql: &str) -> i64 {
    let answer = ask(lake, sql, CAPS).unwrap_or_else(|error| panic!("{sql}: {error}"));
    answer.batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// The two Enti with the most rows.
pub(crate) fn two(lake: &Lake) -> (EnteId, EnteId) {
    let rows = |ente: &EnteId| lake.manifest(*ente).unwrap().unwrap().counts.accepted;
    let mut enti = lake.enti().unwrap();
    enti.sort_by_key(rows);
    (enti[enti.len() - 1], enti[enti.len() - 2])
}

#[test]
fn one_select_over_ones_own_tables_is_answered() {
    let demonstration = Demonstration::new();
    let lake = lake(&demonstration);
    let ente = lake.ente(two(&lake).0).unwrap().unwrap();
    let assessments = ente.manifest().counts.accepted;
    assert_eq!(number(&ente, "select count(*) from assessments"), assessments);
    assert_eq!(number(&ente, "  SELECT count(*) from \"Assessments\" ; "), assessments);
    for sql in [
        "with recent as (select * from assessments where assessed_on >= date '2024-01-01') select count(*) from recent",
        "with recursive n as (select 1 as i union all select i + 1 from n where i < 9) select max(i)::bigint from n",
        "select count(*) from assessments a join scores s using (assessment_id) where s.is_valid = 1",
        "select count(*) from assessments a, scores s where a.assessment_id = s.assessment_id",
        "select sum(people)::bigint from mart_totals where period = 'all'",
        "select count(*) from mart_assessments where is_last = 1",
        "select count(*) from mart_persone p join mart_scales s using (instrument, scale) where p.results > 0",
        "select max(n) from (select count(*) over (partition by pseudonym) as n from assessments)",
        "select count(*) from range(10) where range > 3",
        "select count(*) from (values (1), (2)) as pairs(x), unnest([1, 2, 3]) as list(y)",
    ] {
        assert!(number(&ente, sql) > 0, "{sql}");
    }
    let none = ask(&ente, "select * from azioni where false", CAPS).unwrap();
    assert!(none.schema.fields().len() > 3 && none.batches.iter().all(|batch| batch.num_rows() == 0));
}

/// A file of an Ente's.
fn file_of(lake: &Lake, ente: EnteId) -> String {
    let manifest = lake.manifest(ente).unwrap().unwrap();
    let entry = manifest.files.iter().find(|entry| entry.table == "assessments").unwrap().path.clone();
    lake.folder().join(format!("ente={ente}")).join(entry).display().to_string()
}

/// Statements and paths that are refused, whoever asks: `to` is a file that none of them may write.
pub(crate) fn hostile(lake: &Lake, (own, other): (EnteId, EnteId), data: &Path, to: &Path) -> Vec<String> {
    let (own_file, other_file) = (file_of(lake, own), file_of(lake, other));
    let root = lake.folder().join("root.json").display().to_string();
    let (data, to) = (data.display(), to.display());
    vec![
        // Nothing, not SQL, more than one statement.
        String::new(),
        ";".into(),
        "selec 1".into(),
        "select 1; select 2".into(),
        "select 1; drop table assessments".into(),
        "select 1 -- ;\n; select 2".into(),
        // Statements that are no SELECT.
        "drop view assessments".into(),
        "create table mine as select 1".into(),
        "create temp view assessments as select 1".into(),
        "insert into assessments select * from assessments".into(),
        "update assessments set age = 1".into(),
        "delete from assessments".into(),
        "install httpfs".into(),
        "load httpfs".into(),
        "set enable_external_access = true".into(),
        "set lock_configuration = false".into(),
        "set disabled_optimizers = ''".into(),
        "reset memory_limit".into(),
        "pragma add_parquet_key('mine', '0123456789112345')".into(),
        "pragma database_list".into(),
        "call enable_logging(storage = 'file')".into(),
        "explain analyze select 1".into(),
        "prepare p as select 1".into(),
        "begin".into(),
        "checkpoint".into(),
        "use other".into(),
        "describe assessments".into(),
        "show tables".into(),
        "summarize assessments".into(),
        format!("copy assessments to '{to}'"),
        format!("copy (select 1) to '{own_file}'"),
        format!("attach '{to}' as mine"),
        format!("export database '{to}'"),
        format!("import database '{data}'"),
        // Files: another Ente's, one's own, of the lake, of the system, by any way of naming them.
        format!("select * from '{other_file}'"),
        format!("select * from '{own_file}'"),
        format!("select * from \"{other_file}\""),
        format!("select * from read_parquet('{other_file}')"),
        format!("select * from read_parquet('{own_file}', encryption_config = {{footer_key: 'partition'}})"),
        format!("select * from parquet_metadata('{own_file}')"),
        format!("select * from parquet_scan(['{other_file}'])"),
        format!("select * from read_text('{root}')"),
        format!("select * from read_blob('{data}/keys/lake.key')"),
        format!("select * from read_csv('{data}/keys/../keys/identity.key')"),
        format!("select * from read_json('{root}')"),
        "select * from read_text('/proc/self/environ')".into(),
        "select * from read_text('/etc/passwd')".into(),
        "select * from 'file:///etc/passwd'".into(),
        "select * from 'https://example.org/x.parquet'".into(),
        format!("select * from glob('{data}/**')"),
        format!("select (select content from read_text('{root}') limit 1)"),
        format!("with x as (select * from read_csv('{root}')) select * from x"),
        format!("select * from assessments where exists (select 1 from glob('{data}/*'))"),
        format!("select 1 from range(1) order by (select count(*) from glob('{data}/*'))"),
        // What DuckDB says of itself, and ways around names.
        // What views are made from, and is none of anybody's tables.
        "select * from int_missing".into(),
        "select * from duckdb_settings()".into(),
        "select * from duckdb_secrets()".into(),
        "select * from duckdb_views".into(),
        "select * from information_schema.tables".into(),
        "select * from sqlite_master".into(),
        "select * from pg_catalog.pg_tables".into(),
        "select * from main.assessments".into(),
        "select * from temp.assessments".into(),
        "select * from query('select * from assessments')".into(),
        "select * from query_table('assessments')".into(),
        "select current_setting('allowed_directories')".into(),
        "select getenv('HOME')".into(),
        "select * from (show tables)".into(),
        "select * from (describe assessments)".into(),
        "from sniff_csv('/etc/passwd')".into(),
        "select * from pragma_table_info('assessments')".into(),
        "select * from nothing_of_that_name".into(),
        // A name made in one place and used in another.
        "select * from (with duckdb_views as (select 1) select 1), duckdb_views".into(),
        "select * from (with tables as (select 1) select 1), information_schema.tables".into(),
        format!("select * from (with \"{root}\" as (select 1) select 1), '{root}'"),
        format!("select * from (with \"{own_file}\" as (select 1) select 1), '{own_file}'"),
        // What is not for answers: who assessed, and tables as they were published.
        "select operator from assessments".into(),
        "select count(distinct a.operator) from assessments a".into(),
        "select * from \"published assessments\"".into(),
        "select * from (with \"published assessments\" as (select 1) select 1), \"published assessments\"".into(),
    ]
}

#[test]
fn whatever_else_is_refused() {
    let demonstration = Demonstration::new();
    let lake = lake(&demonstration);
    let (own, other) = two(&lake);
    let ente = lake.ente(own).unwrap().unwrap();
    let written = demonstration.data.join("written");
    let own_file = file_of(&lake, own);
    let before = fs::read(&own_file).unwrap();
    let hostile = hostile(&lake, (own, other), &demonstration.data, &written);
    assert!(hostile.len() >= 40);
    for sql in &hostile {
        match ask(&ente, sql, CAPS) {
            Err(AnswerError::Refused(reason)) => {
                assert!(!reason.is_empty() && reason.lines().count() == 1, "{sql}: {reason}");
            }
            Err(error) => panic!("{sql}: {error}"),
            Ok(answer) => panic!("let through: {sql}: {answer:?}"),
        }
    }
    assert!(!written.exists());
    assert_eq!(fs::read(&own_file).unwrap(), before);
    lake.verify(own).unwrap();
    assert_eq!(number(&ente, "select count(*) from assessments"), ente.manifest().counts.accepted);
}

#[test]
fn who_assessed_and_ids_of_the_portal_are_in_no_answer() {
    let demonstration = Demonstration::new();
    let lake = lake(&demonstration);
    let ente = lake.ente(two(&lake).0).unwrap().unwrap();
    let published = ente.table("assessments").unwrap();
    let texts = |batches: &[RecordBatch], name: &str| -> BTreeSet<String> {
        let columns = batches.iter().map(|batch| batch.column_by_name(name).unwrap().as_string::<i32>());
        columns.flat_map(|column| column.iter().flatten().map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let (ids, workers) = (texts(&published, "assessment_id"), texts(&published, "operator"));
    let answer = ask(&ente, "select * from assessments", CAPS).unwrap();
    let names: Vec<&str> = answer.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let expected: Vec<String> =
        schema::fixed("assessments").unwrap().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, expected.iter().filter(|name| *name != "operator").collect::<Vec<_>>());
    let codes = texts(&answer.batches, "assessment_id");
    assert_eq!(codes.len(), ids.len(), "a code for each");
    assert!(codes.is_disjoint(&ids));
    let everything = format!("{answer:?}");
    assert!(workers.iter().all(|worker| !everything.contains(worker)));
    // The tables still fit each other, as published.
    let joined = "select count(*) from assessments join scores using (assessment_id)";
    let scores: usize = ente.table("scores").unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(usize::try_from(number(&ente, joined)).unwrap(), scores);
    let codes_again =
        texts(&ask(&ente, "select assessment_id from assessments", CAPS).unwrap().batches, "assessment_id");
    assert_eq!(codes_again, codes, "and what was asked before fits what is asked now");
}

#[test]
fn an_answer_takes_no_more_than_it_is_given() {
    let demonstration = Demonstration::new();
    let lake = lake(&demonstration);
    let ente = lake.ente(two(&lake).0).unwrap().unwrap();
    let short = Caps { seconds: 2, ..CAPS };
    let endless = "with recursive n as (select 1 as i union all select i + 1 from n where i > 0) select max(i) from n";
    let error = ask(&ente, endless, short).unwrap_err();
    assert!(matches!(error, AnswerError::Late(2)), "{error}");
    for greedy in [
        "select length(repeat('x', 3000000000))",
        "select len(list(a.range)) from range(30000) a, range(30000) b",
        "select string_agg(repeat('x', 1000000), '') from range(3000)",
    ] {
        let error = ask(&ente, greedy, CAPS).unwrap_err();
        assert!(
            matches!(error, AnswerError::Refused(_) | AnswerError::Died | AnswerError::Late(_)),
            "{greedy}: {error}"
        );
    }
    let error = ask(&ente, "select range from range(5001)", CAPS).unwrap_err();
    assert!(matches!(error, AnswerError::Large(_)), "{error}");
    assert_eq!(
        ask(&ente, "select range from range(5000)", CAPS).unwrap().batches.iter().map(|b| b.num_rows()).sum::<usize>(),
        5_000
    );
    let error = ask(&ente, "select repeat('x', 100000) from range(1000)", CAPS).unwrap_err();
    assert!(matches!(error, AnswerError::Large(_)), "{error}");
    // Another question is answered as if nothing had happened.
    assert_eq!(number(&ente, "select count(*) from assessments"), ente.manifest().counts.accepted);
}

#[test]
fn the_command_prints_rows_in_five_forms() {
    let demonstration = Demonstration::new();
    let ask = |format: &str| {
        let sql = "select instrument, people from mart_totals where period = 'all' order by 1";
        let rest = ["--ente", "dimostrazione-trieste", "--format", format, sql];
        let output = demonstration.run(&["warehouse", "query"], &rest);
        assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let text = |format: &str| String::from_utf8(ask(format)).unwrap();
    assert!(text("table").starts_with("instrument  people\nasso "), "{}", text("table"));
    assert!(text("csv").starts_with("instrument,people\nasso,"), "{}", text("csv"));
    let json: serde_json::Value = serde_json::from_str(&text("json")).unwrap();
    assert_eq!(json[0]["instrument"], "asso");
    let parquet = ask("parquet");
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let stream = ask("arrow");
    let arrow = arrow::ipc::reader::StreamReader::try_new(stream.as_slice(), None).unwrap();
    assert_eq!(arrow.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), json.as_array().unwrap().len());
    let refused = demonstration
        .run(&["warehouse", "query"], &["--ente", "dimostrazione-trieste", "select * from read_text('/etc/passwd')"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("read_text"));
}
