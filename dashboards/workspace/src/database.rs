//! The database itself: the only place that knows whether it is SQLite or PostgreSQL, and what keeps acknowledged writes
//! there.
//!
//! Writes take turns, whichever process they come from: on SQLite by the file's own lock, taken when a write begins; on
//! PostgreSQL by a lock that goes with the transaction. Few people write here and a write is short; in exchange what a write
//! has read stays true until it ends. Changes of a state are guarded all the same (`requests`), and what must be unique is
//! so in the tables.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use crate::error::WorkspaceError;
use crate::migrations::Migrator;

/// Connections at once: on SQLite one writes, the others read.
const CONNECTIONS: u32 = 4;
/// How long a writer waits for its turn.
const TURN: Duration = Duration::from_secs(20);
/// How long until a file that somebody else is making is asked for again.
const AGAIN: Duration = Duration::from_millis(20);
/// How often, at most.
const ATTEMPTS: u32 = 200;
/// Names the turn among the locks of a PostgreSQL database.
const TURN_LOCK: i64 = 0x6e6f_6e63_656c_6c6f;

/// Where the database is; it is nobody else's. Prints redacted: an address holds a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A file of SQLite, made when it is absent; its folder must exist.
    File(PathBuf),
    /// A database of PostgreSQL, as a role that may make tables in it: `postgres://role:password@host/database`.
    Server(String),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "File({})", file.display()),
            Self::Server(_) => f.write_str("Server(…)"),
        }
    }
}

/// The database of the research area and of what dashboards keep. Cheap to clone: clones share connections.
#[derive(Clone)]
pub struct Workspace {
    database: DatabaseConnection,
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workspace(…)")
    }
}

impl Workspace {
    /// Opens the database and brings it to the newest version.
    ///
    /// # Errors
    /// The database cannot be reached, or was written by a newer or another program.
    pub async fn open(place: &Place) -> Result<Self, WorkspaceError> {
        let database = match place {
            Place::File(file) => {
                create_private(file)?;
                connect(file).await?
            }
            Place::Server(url) => sea_orm::Database::connect(postgres(url)).await?,
        };
        let workspace = Self { database };
        // In one turn: two programs that start together do not both make the tables.
        let writing = workspace.write().await?;
        Migrator::up(&writing, None).await.map_err(|error| {
            if let DbErr::Custom(what) = error { WorkspaceError::Version(what) } else { error.into() }
        })?;
        writing.commit().await?;
        Ok(workspace)
    }

    /// Whether the database answers: for the health page.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), WorkspaceError> {
        Ok(self.database.ping().await?)
    }

    /// Waits for what is being written and closes the connections.
    ///
    /// # Errors
    /// When the database cannot be closed in order.
    pub async fn close(self) -> Result<(), WorkspaceError> {
        Ok(self.database.close().await?)
    }

    /// For reading.
    pub(crate) fn reading(&self) -> &DatabaseConnection {
        &self.database
    }

    /// For writing, once it is our turn. Dropped without a commit, it leaves nothing.
    pub(crate) async fn write(&self) -> Result<DatabaseTransaction, WorkspaceError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.database.begin_with_options(options).await?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            let sql = "select pg_advisory_xact_lock($1)";
            let lock = Statement::from_sql_and_values(DbBackend::Postgres, sql, [TURN_LOCK.into()]);
            transaction.query_one_raw(lock).await?;
        }
        Ok(transaction)
    }
}

/// Connects to a file. One that is new becomes a database with a log of writes, and for that moment SQLite waits for nobody, whatever
/// its timeout: whoever comes second asks again.
async fn connect(file: &Path) -> Result<DatabaseConnection, DbErr> {
    let mut attempts = 0;
    loop {
        match sea_orm::Database::connect(sqlite(file)).await {
            Err(error) if is_locked(&error) && attempts < ATTEMPTS => {
                tokio::time::sleep(AGAIN).await;
                attempts += 1;
            }
            connected => return connected,
        }
    }
}

/// Whether SQLite says that somebody else has the file: SQLITE_BUSY, with whatever it adds in the higher bytes.
fn is_locked(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else { return false };
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| code.parse::<u32>().is_ok_and(|code| code & 0xff == 5))
}

fn sqlite(file: &Path) -> ConnectOptions {
    let mut options = ConnectOptions::new("sqlite://workspace.sqlite?mode=rwc");
    let path = file.to_owned();
    options.max_connections(CONNECTIONS).min_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&path)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(TURN)
    });
    options
}

fn postgres(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(CONNECTIONS).min_connections(1).sqlx_logging(false).map_sqlx_postgres_opts(|postgres| {
        postgres.application_name("noncello workspace").options([
            // Acknowledged means on the disk, whatever the server's own habit is.
            ("synchronous_commit", "on".to_owned()),
            ("lock_timeout", TURN.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", "60000".to_owned()),
            ("client_min_messages", "warning".to_owned()),
        ])
    });
    options
}

/// An empty file that only its owner reads; the database's companions take its mode.
fn create_private(file: &Path) -> Result<(), WorkspaceError> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map_err(|source| WorkspaceError::File { path: file.display().to_string(), source })?;
    Ok(())
}
