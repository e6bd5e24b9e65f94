//! SQL that people write, answered in a process of its own.
//!
//! The process gets one Ente's file key and the paths of its files, or the paths of anonymous files in clear; no ring, no
//! environment and no argument. It takes limits of the system upon itself (memory, time on a core, not a byte into any file) before
//! it reads the question; whoever asked kills it at a deadline and reads no more of the answer than was agreed. It answers one SELECT over the tables that it was given and
//! refuses everything else by looking at the parsed statement: other tables, files, functions that list or read anything. Columns
//! that never leave the Ente's own systems are not there ([`hidden_columns`]), and codes stand for the ids of assessments, at
//! which the portal has a name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use domain::keys::Secret;
use duckdb::Connection;
use parquet::errors::ParquetError;
use rlimit::Resource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lake::{EnteLake, LakeError};
use crate::mart::{self, MARTS, PrivacyClass, VIEWS};
use crate::notes::BaseNotes;
use crate::parquet_file;
use crate::schema::{self, column::ASSESSMENT_ID};
use crate::session::{self, Limits, SessionError, TableFiles};

/// How a process that refuses a question ends: the reason is on its standard error.
pub const REFUSED: u8 = 3;

/// What an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Rows.
    pub rows: usize,
    /// Bytes of the answer, as an Arrow stream.
    pub bytes: usize,
    /// Memory that DuckDB may use, in mebibytes; the process may have a gibibyte more.
    pub memory_mib: u32,
    /// Seconds, by the clock and on a core.
    pub seconds: u32,
}

impl Default for Caps {
    /// A hundred thousand rows, 64 MiB, 1 GiB of memory, 20 seconds.
    fn default() -> Self {
        Self { rows: 100_000, bytes: 64 << 20, memory_mib: 1_024, seconds: 20 }
    }
}

/// What the answering process is told, on its standard input.
#[derive(Serialize, Deserialize)]
struct Question {
    /// All that may be read: an Ente's folder, or those of the files in clear.
    folders: Vec<PathBuf>,
    /// Of the files of a partition, in hexadecimal digits; files in clear have none.
    key: Option<String>,
    tables: Vec<TableFiles>,
    sql: String,
    caps: Caps,
}

/// The rows of an answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Names and types of the columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Not one SELECT over the tables, or DuckDB refuses it. For whoever asked.
    #[error("{0}")]
    Refused(String),
    /// The deadline.
    #[error("not answered within {0} seconds: ask for less, or of fewer years")]
    Late(u32),
    /// More rows or bytes than agreed.
    #[error("the answer has more than {0}: add a condition or a `limit`")]
    Large(String),
    /// The process ended without an answer, most often for lack of memory.
    #[error("the answer needs more memory than there is for it: ask for less, or group first")]
    Died,
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The process cannot be started or spoken with.
    #[error("the answering process cannot be used")]
    Process(#[from] io::Error),
    /// What it said is no answer.
    #[error("the answer cannot be read")]
    Content(#[from] ArrowError),
}

impl Answer {
    /// As an Arrow stream.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn to_arrow(&self) -> Result<Vec<u8>, ArrowError> {
        let mut writer = StreamWriter::try_new(Vec::new(), &self.schema)?;
        self.batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.into_inner()
    }

    /// As a Parquet file, in clear.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn to_parquet(&self) -> Result<Vec<u8>, ParquetError> {
        let mut writer = parquet_file::plain(Vec::new(), SchemaRef::clone(&self.schema))?;
        self.batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.into_inner()
    }
}

impl EnteLake {
    /// Has one SELECT answered by `program`, which must call [`answer`] and nothing else. Every table, mart and view of the Ente
    /// that it names is there.
    ///
    /// # Errors
    /// Whatever keeps it from being answered; files are checked first.
    pub fn ask(&self, program: &mut Command, sql: &str, caps: Caps) -> Result<Answer, AnswerError> {
        let question = Question {
            folders: vec![self.folder().to_owned()],
            key: Some(hex::encode(self.file_key().expose())),
            tables: self.tables_named(sql)?,
            sql: sql.to_owned(),
            caps,
        };
        put(&question, program)
    }
}

/// Has one SELECT answered by `program`, as [`EnteLake::ask`] does, over Parquet files in clear by the names given to them: small
/// letters, digits and `_`. Nothing but their folders can be read.
///
/// # Errors
/// Whatever keeps it from being answered.
pub fn ask_files(
    files: &BTreeMap<String, PathBuf>,
    program: &mut Command,
    sql: &str,
    caps: Caps,
) -> Result<Answer, AnswerError> {
    let table = |(name, file): (&String, &PathBuf)| TableFiles { table: name.clone(), files: vec![file.clone()] };
    let folders: BTreeSet<&Path> = files.values().filter_map(|file| file.parent()).collect();
    let question = Question {
        folders: folders.into_iter().map(Path::to_owned).collect(),
        key: None,
        tables: files.iter().map(table).collect(),
        sql: sql.to_owned(),
        caps,
    };
    put(&question, program)
}

/// Puts a question to an answering process.
fn put(question: &Question, program: &mut Command) -> Result<Answer, AnswerError> {
    let caps = question.caps;
    let mut child = program.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(io::Error::other("a pipe is missing").into());
    };
    let (sender, receiver) = mpsc::channel();
    let reading = thread::spawn(move || {
        let (mut answer, mut complaint) = (Vec::new(), String::new());
        let read = stdout.take(caps.bytes as u64 + 1).read_to_end(&mut answer);
        // One that goes on writing would never end its complaint.
        if answer.len() <= caps.bytes {
            let _ = stderr.take(1 << 16).read_to_string(&mut complaint);
        }
        // Nobody waits any more once the deadline has passed.
        let _ = sender.send(read.map(|_| (answer, complaint)));
    });
    // One that has died already says why below.
    let _ = serde_json::to_writer(&mut stdin, question).map_err(io::Error::from).and_then(|()| stdin.flush());
    drop(stdin);
    let said = receiver.recv_timeout(Duration::from_secs(caps.seconds.into()));
    let is_large = matches!(&said, Ok(Ok((answer, _))) if answer.len() > caps.bytes);
    if said.is_err() || is_large {
        child.kill()?;
    }
    let status = child.wait()?;
    // Its pipes are closed now.
    let _ = reading.join();
    let Ok(said) = said else { return Err(AnswerError::Late(caps.seconds)) };
    let (bytes, complaint) = said?;
    if is_large {
        return Err(AnswerError::Large(format!("{} MiB", caps.bytes >> 20)));
    }
    match status.code() {
        Some(0) => {
            let reader = StreamReader::try_new(bytes.as_slice(), None)?;
            let schema = reader.schema();
            let batches = reader.collect::<Result<Vec<_>, _>>()?;
            if batches.iter().map(RecordBatch::num_rows).sum::<usize>() > caps.rows {
                return Err(AnswerError::Large(format!("{} rows", caps.rows)));
            }
            Ok(Answer { schema, batches })
        }
        Some(code) if code == i32::from(REFUSED) => Err(AnswerError::Refused(complaint.trim().to_owned())),
        _ => Err(AnswerError::Died),
    }
}

/// The whole work of the answering process: reads a question, writes the answer as an Arrow stream.
///
/// # Errors
/// A text for whoever asked: the process ends with [`REFUSED`].
pub fn answer(from: impl Read, to: impl Write) -> Result<(), String> {
    // Before anything is read: whatever comes, no file is written and no core dump holds rows.
    for resource in [Resource::FSIZE, Resource::CORE] {
        resource.set(0, 0).map_err(|error| error.to_string())?;
    }
    let question: Question = serde_json::from_reader(from).map_err(|_| "not a question".to_owned())?;
    let caps = question.caps;
    let memory = (u64::from(caps.memory_mib) + 1_024) << 20;
    Resource::AS.set(memory, memory).map_err(|error| error.to_string())?;
    let seconds = u64::from(caps.seconds);
    Resource::CPU.set(2 * seconds, 2 * seconds + 1).map_err(|error| error.to_string())?;
    Resource::NOFILE.set(4_096, 4_096).map_err(|error| error.to_string())?;
    answered(&question, to).map_err(|error| first_line(&error.to_string()))
}

/// DuckDB's messages go on with a picture of the place, and may end in a trace: the first line says what is wrong.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn answered(question: &Question, to: impl Write) -> Result<(), SessionError> {
    let mut names: BTreeSet<&str> = question.tables.iter().map(|table| table.table.as_str()).collect();
    let limits = Limits { memory_mib: question.caps.memory_mib, threads: 2 };
    let connection = match &question.key {
        Some(key) => open_partition(question, key, limits)?,
        None => session::open_files(&question.folders, None, &question.tables, limits)?,
    };
    if mart::names_a_view(&question.sql) {
        let views = session::show_views(&connection, &names)?;
        names.extend(views);
    }
    check(&connection, &question.sql, &names)?;
    let mut statement = connection.prepare(&question.sql).map_err(SessionError::Query)?;
    let rows = statement.query_arrow([]).map_err(SessionError::Query)?;
    let mut writer = StreamWriter::try_new(to, &rows.get_schema())?;
    let mut count = 0;
    for batch in rows {
        count += batch.num_rows();
        writer.write(&batch)?;
        // One more than agreed is enough to say so.
        if count > question.caps.rows {
            break;
        }
    }
    writer.finish()?;
    Ok(())
}

/// A session that shows the tables of an Ente without what never leaves it.
fn open_partition(question: &Question, key: &str, limits: Limits) -> Result<Connection, SessionError> {
    let key = hex::decode(key).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
    let key = Secret::from_bytes(key.ok_or_else(|| SessionError::NotASelect("not a key".to_owned()))?);
    let published: Vec<TableFiles> = question
        .tables
        .iter()
        .map(|table| TableFiles { table: as_published(&table.table), files: table.files.clone() })
        .collect();
    let connection = session::open_files(&question.folders, Some(&key), &published, limits)?;
    let codes = hex::encode(key.derive("codes of assessments in answers").expose());
    for table in &question.tables {
        connection.execute_batch(&view(&table.table, &codes))?;
    }
    Ok(connection)
}

/// The name under which a session has a table as it was published: no statement can say it ([`check`]).
fn as_published(table: &str) -> String {
    format!("published {table}")
}

/// The columns of a table that no answer has: those of the class `private`, and whatever nobody has classed.
#[must_use]
pub fn hidden_columns(table: &str) -> BTreeSet<String> {
    if let Some(mart) = MARTS.iter().chain(VIEWS).find(|mart| mart.step.name == table) {
        let columns = mart.notes().map(|notes| notes.columns).unwrap_or_default();
        return columns
            .into_iter()
            .filter(|(_, note)| note.class == PrivacyClass::Private)
            .map(|(name, _)| name)
            .collect();
    }
    let (Some(schema), Ok(notes)) = (schema::fixed(table), BaseNotes::read()) else { return BTreeSet::new() };
    let names = schema.fields().iter().map(|field| field.name());
    names.filter(|name| !notes.may_leave(table, name)).cloned().collect()
}

/// A table as it may be asked: without its hidden columns; a code made with `codes` for the id of an assessment, the same in
/// all tables.
fn view(table: &str, codes: &str) -> String {
    let quoted: Vec<String> = hidden_columns(table).iter().map(|name| format!("\"{name}\"")).collect();
    let exclude = if quoted.is_empty() { String::new() } else { format!(" exclude ({})", quoted.join(", ")) };
    let is_base = schema::fixed(table).is_some() || table.starts_with(&schema::answers_table(""));
    let replace = if is_base {
        format!(" replace (md5('{codes}' || {ASSESSMENT_ID}) as {ASSESSMENT_ID})")
    } else {
        String::new()
    };
    format!("create temp view \"{table}\" as select *{exclude}{replace} from \"{}\"", as_published(table))
}

/// Table functions that read nothing.
const TABLE_FUNCTIONS: [&str; 3] = ["unnest", "range", "generate_series"];

/// Functions that say something about the process or the machine.
const CLOSED_FUNCTIONS: [&str; 6] = ["getenv", "getvariable", "current_setting", "current_query", "nextval", "currval"];

/// What may stand after FROM.
const SOURCES: [&str; 8] =
    ["BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "CTE"];

/// Parses a statement as DuckDB does, and refuses all but one SELECT over `names`.
fn check(connection: &Connection, sql: &str, names: &BTreeSet<&str>) -> Result<(), SessionError> {
    let refused = |what: String| Err(SessionError::NotASelect(what));
    let parsed: String = connection.query_row("select json_serialize_sql(?::varchar)", [sql], |row| row.get(0))?;
    let parsed: Value = serde_json::from_str(&parsed).map_err(|error| SessionError::NotASelect(error.to_string()))?;
    if parsed["error"].as_bool() != Some(false) {
        return refused(parsed["error_message"].as_str().unwrap_or("this cannot be read").to_owned());
    }
    match parsed["statements"].as_array().map(Vec::as_slice) {
        Some([statement]) => {
            let mut own = BTreeSet::new();
            each(statement, &mut |node| {
                let entries = node["cte_map"]["map"].as_array().into_iter().flatten();
                own.extend(entries.filter_map(|entry| entry["key"].as_str()).map(str::to_lowercase));
                own.extend(node["cte_name"].as_str().map(str::to_lowercase));
                own.extend(node["ctename"].as_str().map(str::to_lowercase));
            });
            // A name holds where it is made, and this list holds everywhere: none may be a path or a table of DuckDB's own.
            if let Some(name) = own.iter().find(|name| !is_plain(name)) {
                return refused(format!("{name} cannot be the name of a query"));
            }
            let mut found = None;
            each(statement, &mut |node| found = found.take().or_else(|| closed(node, names, &own)));
            found.map_or(Ok(()), refused)
        }
        Some([]) | None => refused("there is no statement".to_owned()),
        Some(_) => refused("there is more than one statement".to_owned()),
    }
}

/// How the tables begin in which DuckDB speaks of itself.
const SYSTEM: [&str; 4] = ["duckdb_", "pg_", "sqlite_", "pragma_"];

fn is_plain(name: &str) -> bool {
    name.chars().all(|character| character.is_alphanumeric() || character == '_')
        && !SYSTEM.iter().any(|prefix| name.starts_with(prefix))
}

fn each<'a>(node: &'a Value, see: &mut impl FnMut(&'a Value)) {
    match node {
        Value::Object(fields) => {
            see(node);
            fields.values().for_each(|field| each(field, see));
        }
        Value::Array(nodes) => nodes.iter().for_each(|node| each(node, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Why a part of a statement is not answered.
fn closed(node: &Value, names: &BTreeSet<&str>, own: &BTreeSet<String>) -> Option<String> {
    let text = |field: &str| node[field].as_str().unwrap_or_default().to_lowercase();
    if node.get("sample").is_some() && node.get("query_location").is_some() && node.get("alias").is_some() {
        let kind = node["type"].as_str().unwrap_or_default();
        if !SOURCES.contains(&kind) {
            return Some(format!("{} is not answered", kind.to_lowercase()));
        }
    }
    if let Some(name) = node["table_name"].as_str().filter(|_| node["type"] == "BASE_TABLE") {
        let is_plain = text("schema_name").is_empty() && text("catalog_name").is_empty();
        let lower = name.to_lowercase();
        if !is_plain || !(names.contains(lower.as_str()) || own.contains(&lower)) {
            return Some(format!("there is no table {name}"));
        }
    }
    if node["type"] == "TABLE_FUNCTION" {
        let called = node["function"]["function_name"].as_str().unwrap_or_default().to_lowercase();
        if !TABLE_FUNCTIONS.contains(&called.as_str()) {
            return Some(format!("the function {called} is not answered"));
        }
    }
    let function = text("function_name");
    CLOSED_FUNCTIONS.contains(&function.as_str()).then(|| format!("the function {function} is not answered"))
}
