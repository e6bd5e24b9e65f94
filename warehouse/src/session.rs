//! A DuckDB session that can read one folder and open nothing else; and one that shows the tables of an Ente.
//!
//! The order of the settings matters: the folder is allowed first, then outside access and extensions are closed, then
//! the configuration is locked, so that no statement can open it again. This alone does not stop a statement from
//! *writing* in that folder nor from using too much memory: SQL that people type needs a process of its own.

use std::path::{Path, PathBuf};

use domain::instrument::Instrument;
use domain::keys::Secret;
use duckdb::{Config, Connection, params};

use crate::schema;

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
    #[error("{0}: write exactly one SELECT over the tables that `show tables` would list")]
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
    open_with(folder, limits, None)
}

/// The name under which a session knows the key of its files: views name it, so that their text holds no key.
const KEY_NAME: &str = "partition";

fn open_with(folder: &Path, limits: Limits, key: Option<&Secret>) -> Result<Connection, SessionError> {
    let resolved =
        folder.canonicalize().map_err(|source| SessionError::Folder { folder: folder.to_owned(), source })?;
    let allowed = resolved.to_str().ok_or_else(|| SessionError::FolderName(resolved.clone()))?;
    let connection = Connection::open_in_memory_with_flags(Config::default())?;
    if let Some(key) = key {
        // A pragma takes no bound parameter; the key is hexadecimal digits turned into base64 by DuckDB itself.
        let key: String = connection.query_row("select to_base64(unhex(?))", params![hex(key)], |row| row.get(0))?;
        connection.execute_batch(&format!("pragma add_parquet_key('{KEY_NAME}', '{key}')"))?;
    }
    // A setting takes no bound parameter: the one text placed here is quoted.
    let allowed = format!("{}/", allowed.trim_end_matches('/')).replace('\'', "''");
    connection.execute_batch(&format!(
        "set temp_directory = '';
         set allowed_directories = ['{allowed}'];
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
#[derive(Clone, Debug)]
pub(crate) struct TableFiles {
    pub(crate) table: String,
    pub(crate) files: Vec<PathBuf>,
}

/// Opens a session that shows `tables` by name. `folder` is the Ente's.
pub(crate) fn open_tables(
    folder: &Path,
    key: &Secret,
    tables: &[TableFiles],
    limits: Limits,
) -> Result<Connection, SessionError> {
    let connection = open_with(folder, limits, Some(key))?;
    for table in tables {
        let files: Vec<String> = table
            .files
            .iter()
            .map(|file| {
                let file = file.to_str().ok_or_else(|| SessionError::FolderName(file.clone()))?;
                Ok(format!("'{}'", file.replace('\'', "''")))
            })
            .collect::<Result<_, SessionError>>()?;
        // Copied whole: DuckDB 1.5.6 fails on an encrypted file ("AES tag differs") once a filter is pushed into its scan, and
        // on any with `union_by_name`; the files of a table have one schema, and a partition fits in memory.
        // Names of tables are made of ids, which the definition's rules keep to letters, digits and `_`.
        connection.execute_batch(&format!(
            "create temp table \"{}\" as select * from read_parquet([{}], hive_partitioning = false, \
             encryption_config = {{footer_key: '{KEY_NAME}'}});",
            table.table,
            files.join(", "),
        ))?;
    }
    Ok(connection)
}

/// Makes what marts need besides the partition: which points each option gives, which strumenti have a profile, and the
/// answers of all strumenti one below the other. Tables that the partition lacks become empty ones.
pub(crate) fn prepare_marts(
    connection: &Connection,
    instruments: &[Instrument],
    tables: &[TableFiles],
) -> Result<(), SessionError> {
    let has = |name: &str| tables.iter().any(|table| table.table == name);
    for table in schema::FIXED_TABLES {
        if !has(table) {
            let columns: Vec<String> = schema::fixed(table)
                .iter()
                .flat_map(|schema| schema.fields().iter().cloned().collect::<Vec<_>>())
                .map(|field| format!("{} {}", field.name(), sql_type(field.data_type())))
                .collect();
            connection.execute_batch(&format!("create table {table} ({})", columns.join(", ")))?;
        }
    }
    connection.execute_batch(
        "create table ref_instruments (instrument varchar, version integer, has_profile integer);
         create table ref_points (instrument varchar, version integer, item varchar, value integer, scale varchar, points integer);",
    )?;
    let mut answers = Vec::new();
    let mut instrument_row = connection.prepare("insert into ref_instruments values (?, ?, ?)")?;
    let mut points_row = connection.prepare("insert into ref_points values (?, ?, ?, ?, ?, ?)")?;
    connection.execute_batch("begin")?;
    for instrument in instruments {
        let (id, version) = (instrument.id.as_str(), i64::from(instrument.version));
        instrument_row.execute(params![id, version, i64::from(instrument.profile.is_some())])?;
        for item in &instrument.items {
            for (index, scale) in instrument.scales.iter().enumerate().filter(|(index, _)| item.weight(*index) > 0) {
                for option in &item.options {
                    let (item, scale, points) = (item.id.as_str(), scale.id.as_str(), option.points[index]);
                    points_row.execute(params![
                        id,
                        version,
                        item,
                        i64::from(option.value),
                        scale,
                        i64::from(points)
                    ])?;
                }
            }
        }
        let table = schema::answers_table(id);
        if has(&table) && !answers.iter().any(|(known, _): &(String, String)| *known == table) {
            let unpivoted = format!(
                "select assessment_id, item, value from (unpivot (select * exclude (pseudonym, assessed_on, version) from \"{table}\") \
                 on columns(* exclude (assessment_id)) into name item value value)"
            );
            answers.push((table, unpivoted));
        }
    }
    connection.execute_batch("commit")?;
    let answers = if answers.is_empty() {
        "select '' as assessment_id, '' as item, cast(0 as smallint) as value where false".to_owned()
    } else {
        answers.into_iter().map(|(_, sql)| sql).collect::<Vec<_>>().join(" union all ")
    };
    connection.execute_batch(&format!("create view stg_answers as {answers}"))?;
    Ok(())
}

fn sql_type(kind: &arrow::datatypes::DataType) -> &'static str {
    use arrow::datatypes::DataType;
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
