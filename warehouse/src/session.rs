//! A DuckDB session that can read one folder and open nothing else.
//!
//! The order of the settings matters: the folder is allowed first, then outside access and extensions are closed, then
//! the configuration is locked, so that no statement can open it again. This alone does not stop a statement from
//! *writing* in that folder nor from using too much memory: SQL that people type needs a process of its own.

use std::path::{Path, PathBuf};

use duckdb::{Config, Connection};

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
    #[error("DuckDB refused to lock the session")]
    Duckdb(#[from] duckdb::Error),
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
    let resolved =
        folder.canonicalize().map_err(|source| SessionError::Folder { folder: folder.to_owned(), source })?;
    let allowed = resolved.to_str().ok_or_else(|| SessionError::FolderName(resolved.clone()))?;
    let connection = Connection::open_in_memory_with_flags(Config::default())?;
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

/// The version of the DuckDB that is linked, such as `v1.5.6`.
///
/// # Errors
/// When DuckDB cannot be started at all.
pub fn library_version() -> Result<String, SessionError> {
    Ok(Connection::open_in_memory()?.query_row("select version()", [], |row| row.get(0))?)
}
