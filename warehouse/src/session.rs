//! A DuckDB session that can read one folder and open nothing else; and one that shows the tables of an Ente.
//!
//! The order of the settings matters: the folder is allowed first, then outside access and extensions are closed, then
//! the configuration is locked, so that no statement can open it again. This alone does not stop a statement from
//! *writing* in that folder nor from using too much memory: SQL that people type needs a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use domain::instrument::{Instrument, Missing};
use domain::keys::Secret;
use duckdb::{Config, Connection, params};
use serde::{Deserialize, Serialize};

use crate::manifest::FileEntry;
use crate::mart::{Mart, VIEWS};
use crate::schema::{self, column};

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The folder does not exist or cannot be resolved.
    #[error("the folder {} cannot be opened", .folder.display())]
    Folder {
        /// The folder asked for.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder's path is not Unicode text, which DuckDB's settings need.
    #[error("the folder {} has a name that is not Unicode", .0.display())]
    FolderName(PathBuf),
    /// DuckDB refused a setting.
    #[error("DuckDB refused to lock the session: {0}")]
    Duckdb(#[from] duckdb::Error),
    /// A statement of ours or of somebody else failed.
    #[error("the query failed: {0}")]
    Query(duckdb::Error),
    /// A statement that is not exactly one SELECT, or that asks for more than tables.
    #[error("{0}: write one SELECT over the tables there are, by their names")]
    NotASelect(String),
    /// A value cannot be shown or changed into the type that was asked for.
    #[error("a result cannot be read: {0}")]
    Value(#[from] arrow::error::ArrowError),
}

/// How much a session may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Memory, in mebibytes.
    pub memory_mib: u32,
    /// Threads.
    pub threads: u32,
}

/// Opens an in-memory DuckDB that can read files under `folder` and nothing else.
///
/// # Errors
/// When the folder cannot be resolved, or DuckDB refuses a setting.
pub fn open(folder: &Path, limits: Limits) -> Result<Connection, SessionError> {
    open_with(&[folder], limits, None)
}

/// The name under which a session knows the key of its files: views name it, so that their text holds no key.
const KEY_NAME: &str = "partition";

/// DuckDB 1.5.6 fails on an encrypted file ("Computed AES tag differs") once a condition is pushed into its scan. Ordinary
/// conditions are stopped by a limit that no table reaches ([`open_files`]); what joins and sorts find out while they run, by
/// not looking for it. `union_by_name` fails too, and is not needed: the files of a table have one schema.
const PUSHED_WHILE_RUNNING: &str = "join_filter_pushdown,top_n";

fn open_with(folders: &[impl AsRef<Path>], limits: Limits, key: Option<&Secret>) -> Result<Connection, SessionError> {
    let mut allowed = Vec::new();
    for folder in folders {
        let folder = folder.as_ref();
        let resolved =
            folder.canonicalize().map_err(|source| SessionError::Folder { folder: folder.to_owned(), source })?;
        let text = resolved.to_str().ok_or_else(|| SessionError::FolderName(resolved.clone()))?;
        // A setting takes no bound parameter: the texts placed here are quoted.
        allowed.push(format!("'{}/'", text.trim_end_matches('/').replace('\'', "''")));
    }
    let allowed = allowed.join(", ");
    let connection = Connection::open_in_memory_with_flags(Config::default().threads(i64::from(limits.threads))?)?;
    if let Some(key) = key {
        // A pragma takes no bound parameter; the key is hexadecimal digits turned into base64 by DuckDB itself.
        let key: String = connection.query_row("select to_base64(unhex(?))", params![hex(key)], |row| row.get(0))?;
        connection.execute_batch(&format!("pragma add_parquet_key('{KEY_NAME}', '{key}')"))?;
    }
    connection.execute_batch(&format!(
        "set temp_directory = '';
         set disabled_optimizers = '{PUSHED_WHILE_RUNNING}';
         set allowed_directories = [{allowed}];
         set enable_external_access = false;
         set autoinstall_known_extensions = false;
         set autoload_known_extensions = false;
         set memory_limit = '{}MiB';
         set threads = {};
         set lock_configuration = true;",
        limits.memory_mib, limits.threads
    ))?;
    Ok(connection)
}

fn hex(key: &Secret) -> String {
    hex::encode(key.expose())
}

/// A table with the files that hold it, absolute and checked by the caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TableFiles {
    pub(crate) table: String,
    pub(crate) files: Vec<PathBuf>,
}

impl TableFiles {
    /// The tables of these files, which are in `folder`.
    pub(crate) fn group<'a>(folder: &Path, files: impl IntoIterator<Item = &'a FileEntry>) -> Vec<Self> {
        let mut tables: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
        for entry in files {
            tables.entry(&entry.table).or_default().push(folder.join(&entry.path));
        }
        tables.into_iter().map(|(table, files)| Self { table: table.to_owned(), files }).collect()
    }
}

/// Opens a session that shows `tables` by name, each query reading their files in place. `folders` are the Ente's, or
/// those of files in clear, which have no key.
pub(crate) fn open_files(
    folders: &[impl AsRef<Path>],
    key: Option<&Secret>,
    tables: &[TableFiles],
    limits: Limits,
) -> Result<Connection, SessionError> {
    let connection = open_with(folders, limits, key)?;
    let config =
        if key.is_some() { format!(", encryption_config = {{footer_key: '{KEY_NAME}'}}") } else { String::new() };
    for table in tables {
        let files: Vec<String> = table
            .files
            .iter()
            .map(|file| {
                let file = file.to_str().ok_or_else(|| SessionError::FolderName(file.clone()))?;
                Ok(format!("'{}'", file.replace('\'', "''")))
            })
            .collect::<Result<_, SessionError>>()?;
        // Names of tables are made of ids, which the definition's rules keep to letters, digits and `_`.
        connection.execute_batch(&format!(
            "create temp view \"{}\" as select * from read_parquet([{}], hive_partitioning = false{config}) limit {};",
            table.table,
            files.join(", "),
            i64::MAX,
        ))?;
    }
    Ok(connection)
}

/// Opens a session that holds rows by the name of their table, to make marts from. `folder` is the Ente's.
///
/// In place of pseudonyms and ids of assessments stand numbers in the same order: marts join, sort and count by them and
/// publish neither, and numbers are several times faster than texts.
pub(crate) fn open_rows<'a>(
    folder: &Path,
    tables: impl IntoIterator<Item = (&'a str, &'a RecordBatch)>,
    limits: Limits,
) -> Result<Connection, SessionError> {
    let connection = open_with(&[folder], limits, None)?;
    let mut by_table: BTreeMap<&str, Vec<&RecordBatch>> = BTreeMap::new();
    for (table, rows) in tables {
        by_table.entry(table).or_default().push(rows);
    }
    // Every assessment has a row in one table, and so has whoever was assessed.
    let assessments = by_table.get(schema::ASSESSMENTS).map(Vec::as_slice).unwrap_or_default();
    let numbers: BTreeMap<&str, Places<'_>> =
        [column::PSEUDONYM, column::ASSESSMENT_ID].map(|name| (name, places(assessments, name))).into();
    connection.execute_batch("begin")?;
    for (table, batches) in by_table {
        let numbered: Vec<RecordBatch> =
            batches.into_iter().map(|rows| with_numbers(rows, &numbers)).collect::<Result<_, _>>()?;
        let Some(first) = numbered.first() else { continue };
        create(&connection, table, &first.schema())?;
        let mut appender = connection.appender(table)?;
        numbered.into_iter().try_for_each(|rows| appender.append_record_batch(rows))?;
        appender.flush()?;
    }
    connection.execute_batch("commit")?;
    Ok(connection)
}

/// A text's place among all texts of its column.
#[expect(clippy::disallowed_types, reason = "asked for one text at a time, never listed")]
type Places<'a> = std::collections::HashMap<&'a str, i64>;

/// The texts of a column, numbered in their order.
fn places<'a>(batches: &[&'a RecordBatch], name: &str) -> Places<'a> {
    let columns = batches.iter().filter_map(|rows| rows.column_by_name(name)?.as_string_opt::<i32>());
    let mut texts: Vec<&str> = columns.flat_map(|column| column.iter().flatten()).collect();
    // Rows of one assessment stand side by side.
    texts.dedup();
    texts.sort_unstable();
    texts.dedup();
    texts.into_iter().zip(0..).collect()
}

/// The same rows with a text's place in its list instead of the text.
fn with_numbers(rows: &RecordBatch, numbers: &BTreeMap<&str, Places<'_>>) -> Result<RecordBatch, SessionError> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        match (numbers.get(field.name().as_str()), column.as_string_opt::<i32>()) {
            (Some(places), Some(texts)) => {
                let numbers = texts.iter().map(|text| places.get(text?).copied());
                columns.push(Arc::new(numbers.collect::<Int64Array>()) as ArrayRef);
                fields.push(Arc::new(Field::new(field.name(), DataType::Int64, field.is_nullable())));
            }
            _ => {
                columns.push(Arc::clone(column));
                fields.push(Arc::clone(field));
            }
        }
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// Makes an empty table.
pub(crate) fn create(connection: &Connection, table: &str, schema: &SchemaRef) -> Result<(), SessionError> {
    let columns: Vec<String> =
        schema.fields().iter().map(|field| format!("\"{}\" {}", field.name(), sql_type(field.data_type()))).collect();
    connection.execute_batch(&format!("create table \"{table}\" ({})", columns.join(", ")))?;
    Ok(())
}

/// Holds rows in a table that later steps can ask.
pub(crate) fn hold(connection: &Connection, table: &str, rows: &RecordBatch) -> Result<(), SessionError> {
    create(connection, table, &rows.schema())?;
    let mut appender = connection.appender(table)?;
    appender.append_record_batch(rows.clone())?;
    appender.flush()?;
    Ok(())
}

/// Makes what marts need besides the partition: which strumenti have a profile, what the definitions say of each scale, and which
/// azioni they propose. Tables that are not among `tables` become empty ones.
pub(crate) fn prepare_marts(
    connection: &Connection,
    instruments: &[Instrument],
    tables: &BTreeSet<&str>,
) -> Result<(), SessionError> {
    for table in schema::FIXED_TABLES.into_iter().filter(|table| !tables.contains(table)) {
        if let Some(schema) = schema::fixed(table) {
            create(connection, table, &schema)?;
        }
    }
    connection.execute_batch(
        "create table ref_instruments (instrument varchar, version integer, has_profile integer);
         create table ref_scales (instrument varchar, version integer, scale varchar, items integer, points_max bigint, \
         sem_hundredths integer, alpha_thousandths integer);
         create table ref_azioni (instrument varchar, version integer, source varchar, target varchar, outcome varchar, \
         azione varchar);",
    )?;
    let mut instrument_rows = connection.appender("ref_instruments")?;
    let mut scale_rows = connection.appender("ref_scales")?;
    let mut azione_rows = connection.appender("ref_azioni")?;
    for instrument in instruments {
        let (id, version) = (instrument.id.as_str(), i64::from(instrument.version));
        instrument_rows.append_row(params![id, version, i64::from(instrument.profile.is_some())])?;
        for (index, scale) in instrument.scales.iter().enumerate() {
            let weights =
                instrument.items.iter().map(|item| i64::from(item.weight(index))).filter(|weight| *weight > 0);
            let items = i64::try_from(weights.clone().count()).unwrap_or(i64::MAX);
            let sem = scale.reliability.as_ref().map(|reliability| reliability.sem_hundredths);
            let alpha = scale.reliability.as_ref().and_then(|reliability| reliability.alpha_thousandths);
            scale_rows.append_row(params![id, version, scale.id.as_str(), items, weights.sum::<i64>(), sem, alpha])?;
        }
        for (source, target, outcome, azione) in proposals(instrument) {
            azione_rows.append_row(params![id, version, source, target, outcome, azione])?;
        }
    }
    instrument_rows.flush()?;
    scale_rows.flush()?;
    azione_rows.flush()?;
    Ok(())
}

/// By what a report proposes an azione: what kind of thing, of which scale where it is a level, its id, and the azione.
fn proposals(instrument: &Instrument) -> Vec<(&'static str, &str, &str, &str)> {
    let mut found = Vec::new();
    let mut add = |source, target, outcome, azioni: &[usize]| {
        found.extend(azioni.iter().map(|azione| (source, target, outcome, instrument.azioni[*azione].id.as_str())));
    };
    for scale in &instrument.scales {
        scale.levels.iter().for_each(|level| add("level", scale.id.as_str(), level.id.as_str(), &level.azioni));
    }
    instrument.blocks.iter().for_each(|block| add("block", "", block.id.as_str(), &block.azioni));
    let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
    classes.for_each(|class| add("class", "", class.id.as_str(), &class.azioni));
    found
}

/// What views read, besides answers.
const VIEWS_READ: [&str; 3] = [schema::ASSESSMENTS, schema::SCORES, SCALES];

/// What definitions say of scales.
pub(crate) const SCALES: &str = "mart_scales";

/// The views of an Ente that has these tables, with their columns; none where one that they read is missing. `scales` are the columns
/// of `mart_scales`.
pub(crate) fn view_schemas(
    tables: &BTreeSet<&str>,
    scales: &SchemaRef,
) -> Result<Vec<(&'static Mart, SchemaRef)>, SessionError> {
    let connection = Connection::open_in_memory()?;
    for table in VIEWS_READ.iter().filter(|table| tables.contains(*table)) {
        let columns = schema::fixed(table).unwrap_or_else(|| SchemaRef::clone(scales));
        create(&connection, table, &columns)?;
    }
    // How many answers are missing is a number whatever the items are.
    let shown = show_views(&connection, &VIEWS_READ.into_iter().filter(|table| tables.contains(table)).collect())?;
    let views = VIEWS.iter().filter(|view| shown.contains(&view.step.name));
    let with_columns = |view: &'static Mart| {
        let mut statement = connection.prepare(&format!("select * from {} limit 0", view.step.name))?;
        Ok((view, statement.query_arrow([])?.get_schema()))
    };
    views.map(with_columns).collect()
}

/// Shows the views that an Ente's own people ask, where the tables that they read are there; says which.
pub(crate) fn show_views(connection: &Connection, tables: &BTreeSet<&str>) -> Result<Vec<&'static str>, SessionError> {
    if !VIEWS_READ.iter().all(|table| tables.contains(table)) {
        return Ok(Vec::new());
    }
    let mut missing =
        vec!["select '' as assessment_id, 0 as not_answered, 0 as not_assessable, 0 as refused where false".to_owned()];
    for table in tables.iter().filter(|table| table.starts_with(&schema::answers_table(""))) {
        let answers = connection.prepare(&format!("select * from \"{table}\" limit 0"))?.query_arrow([])?.get_schema();
        let items = || answers.fields().iter().skip(schema::answers(&[]).fields().len());
        let count = |kind: Missing| {
            let equal =
                items().map(|item| format!("coalesce(cast(\"{}\" = {} as integer), 0)", item.name(), kind.code()));
            ["0".to_owned()].into_iter().chain(equal).collect::<Vec<_>>().join(" + ")
        };
        let [not_answered, not_assessable, refused] = Missing::ALL.map(count);
        missing.push(format!("select assessment_id, {not_answered}, {not_assessable}, {refused} from \"{table}\""));
    }
    connection.execute_batch(&format!("create temp view int_missing as {}", missing.join(" union all ")))?;
    for view in VIEWS {
        connection.execute_batch(&format!("create temp view {} as {}", view.step.name, view.step.sql))?;
    }
    Ok(VIEWS.iter().map(|view| view.step.name).collect())
}

fn sql_type(kind: &DataType) -> &'static str {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the schema has no other types")]
    match kind {
        DataType::Int16 => "smallint",
        DataType::Int32 => "integer",
        DataType::Int64 => "bigint",
        DataType::Date32 => "date",
        _ => "varchar",
    }
}

/// The version of the DuckDB that is linked, such as `v1.5.6`.
///
/// # Errors
/// When DuckDB cannot be started at all.
pub fn library_version() -> Result<String, SessionError> {
    Ok(Connection::open_in_memory()?.query_row("select version()", [], |row| row.get(0))?)
}
