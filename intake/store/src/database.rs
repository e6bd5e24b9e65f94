//! The database itself: the only place that knows whether it is SQLite or PostgreSQL, and what keeps acknowledged writes
//! there.
//!
//! Whoever reads or writes says on behalf of which Ente. On PostgreSQL that is told to the database, whose row security
//! lets nothing of another Ente through even where a query forgot to say so (`postgres`). On SQLite writes take turns within
//! the process, and each begins with the database's own lock, so that another process (an import at the command line) waits
//! instead of failing half-way; on PostgreSQL writes of one Ente take turns, whichever process they come from.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::feed::EnteId;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    IsolationLevel, QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::{DatabaseError, StoreError};
use crate::migrations::Migrator;
use crate::postgres;

/// Connections at once: on SQLite one writes, the others read.
const CONNECTIONS: u32 = 6;
/// How long a writer waits for another process.
const BUSY: Duration = Duration::from_secs(20);

/// Where the portal's database is.
#[derive(Clone)]
pub enum Location {
    /// A file of SQLite, made when it is absent; its folder must exist.
    Sqlite(PathBuf),
    /// A database of PostgreSQL.
    Postgres(PostgresUrls),
}

/// How to reach PostgreSQL. Prints redacted: addresses hold passwords.
#[derive(Clone)]
pub struct PostgresUrls {
    /// As the portal's role, which owns nothing: `postgres://role:password@host/database`.
    pub portal: Zeroizing<String>,
    /// As the owner of the tables, to bring them to the newest version; without it they must be there already.
    pub owner: Option<Zeroizing<String>>,
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "Sqlite({})", file.display()),
            Self::Postgres(urls) => urls.fmt(f),
        }
    }
}

impl fmt::Debug for PostgresUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresUrls(…)")
    }
}

/// Whose rows are read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One Ente's; the platform's own stand under its nil id.
    Of(EnteId),
    /// Of the tables that lead to a login or list the Enti (`postgres::SHARED`), everybody's; of all others none.
    Directory,
}

/// The connections, cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections {
    database: DatabaseConnection,
    turn: Arc<Mutex<()>>,
}

/// A connection to read with, statement by statement.
pub(crate) struct Reading<'a> {
    database: &'a DatabaseConnection,
    rows: Rows,
}

/// A write transaction, and the turn to have one. Dropped without [`Writing::commit`], it leaves nothing.
pub(crate) struct Writing {
    transaction: DatabaseTransaction,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Deref for Writing {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

impl Writing {
    /// Goes on for another Ente, in the same transaction: for what the platform does to an Ente.
    pub(crate) async fn turn_to(&self, ente: EnteId) -> Result<(), StoreError> {
        if self.transaction.get_database_backend() == DbBackend::Postgres {
            tell(&self.transaction, Rows::Of(ente)).await?;
            // Who writes to one Ente takes turns, whichever process it is. The lock goes with the transaction.
            let sql = "select pg_advisory_xact_lock(hashtextextended($1, 0))";
            let lock = Statement::from_sql_and_values(DbBackend::Postgres, sql, [ente.to_string().into()]);
            self.transaction.query_one_raw(lock).await?;
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Database(DatabaseError(Box::new(error)))
    }
}

impl Connections {
    /// Connects, and brings the tables to the newest version where it may.
    ///
    /// # Errors
    /// The database cannot be reached, or was written by a newer program; on PostgreSQL also when the tables are older and
    /// there is no owner to change them, or when the portal's role could go round row security.
    pub(crate) async fn open(location: &Location) -> Result<Self, StoreError> {
        let database = match location {
            Location::Sqlite(file) => {
                create_private(file)?;
                let database = sea_orm::Database::connect(sqlite(file)).await?;
                migrate(&database).await?;
                database
            }
            Location::Postgres(urls) => {
                if let Some(owner) = &urls.owner {
                    let owner = sea_orm::Database::connect(postgres_options(owner, 1)).await?;
                    migrate(&owner).await?;
                    postgres::secure(&owner, &postgres::role_of(&urls.portal)?).await?;
                    owner.close().await?;
                }
                let database = sea_orm::Database::connect(postgres_options(&urls.portal, CONNECTIONS * 2)).await?;
                is_newest(&database).await?;
                postgres::check_role(&database).await?;
                database
            }
        };
        Ok(Self { database, turn: Arc::new(Mutex::new(())) })
    }

    /// For reading.
    pub(crate) fn reading(&self, rows: Rows) -> Reading<'_> {
        Reading { database: &self.database, rows }
    }

    /// For reading several things as they were at one moment.
    pub(crate) async fn snapshot(&self, ente: EnteId) -> Result<DatabaseTransaction, StoreError> {
        Ok(begin_reading(&self.database, Rows::Of(ente), Some(IsolationLevel::RepeatableRead)).await?)
    }

    /// For writing, once it is our turn.
    pub(crate) async fn write(&self, ente: EnteId) -> Result<Writing, StoreError> {
        if self.is_postgres() {
            let writing = Writing { transaction: self.database.begin().await?, _turn: None };
            writing.turn_to(ente).await?;
            return Ok(writing);
        }
        let turn = self.turn.clone().lock_owned().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Writing { transaction: self.database.begin_with_options(options).await?, _turn: Some(turn) })
    }

    fn is_postgres(&self) -> bool {
        self.database.get_database_backend() == DbBackend::Postgres
    }

    /// Has what was deleted gone from the files too, as far as the program can. SQLite overwrites and folds its log into the
    /// file; PostgreSQL does it on its own when it vacuums and recycles its log.
    pub(crate) async fn fold_log(&self) -> Result<(), StoreError> {
        if !self.is_postgres() {
            let _turn = self.turn.clone().lock_owned().await;
            self.database.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
        Ok(())
    }

    /// Waits for what is being written and closes the connections.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        let _turn = self.turn.clone().lock_owned().await;
        Ok(self.database.clone().close().await?)
    }
}

/// On PostgreSQL each statement stands in a transaction of its own, which is told for whom it is.
impl Reading<'_> {
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        begin_reading(self.database, self.rows, None).await
    }

    fn is_told(&self) -> bool {
        self.database.get_database_backend() == DbBackend::Postgres
    }
}

async fn begin_reading(
    database: &DatabaseConnection,
    rows: Rows,
    isolation_level: Option<IsolationLevel>,
) -> Result<DatabaseTransaction, DbErr> {
    if database.get_database_backend() != DbBackend::Postgres {
        return database.begin().await;
    }
    let options = TransactionOptions { isolation_level, access_mode: Some(AccessMode::ReadOnly), ..Default::default() };
    let transaction = database.begin_with_options(options).await?;
    tell(&transaction, rows).await?;
    Ok(transaction)
}

/// Tells PostgreSQL whose rows the transaction may reach.
async fn tell(transaction: &DatabaseTransaction, rows: Rows) -> Result<(), DbErr> {
    let (ente, directory) = match rows {
        Rows::Of(ente) => (ente.to_string(), ""),
        Rows::Directory => (String::new(), "on"),
    };
    let told = [ente.into(), directory.into()];
    transaction.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, postgres::TELL, told)).await?;
    Ok(())
}

#[sea_orm_migration::async_trait::async_trait]
impl ConnectionTrait for Reading<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.database.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom(format!("a connection for reading does not execute {}", statement.sql)))
    }

    async fn execute_unprepared(&self, _sql: &str) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom("a connection for reading does not execute".to_owned()))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if !self.is_told() {
            return self.database.query_one_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let found = transaction.query_one_raw(statement).await?;
        transaction.commit().await?;
        Ok(found)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if !self.is_told() {
            return self.database.query_all_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let found = transaction.query_all_raw(statement).await?;
        transaction.commit().await?;
        Ok(found)
    }
}

fn sqlite(file: &Path) -> ConnectOptions {
    let mut options = ConnectOptions::new("sqlite://noncello.sqlite?mode=rwc");
    let path = file.to_owned();
    options.max_connections(CONNECTIONS).min_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&path)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            // What is deleted is overwritten: a destroyed key must not lie about in free pages.
            .pragma("secure_delete", "on")
            // Keys are random, so an import touches pages all over the file: keep more of them at hand, and fold the
            // log into the file every 32 MiB instead of every 4. Durability does not change: commits still sync the log.
            .pragma("cache_size", "-16384")
            .pragma("wal_autocheckpoint", "8192")
    });
    options
}

fn postgres_options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).min_connections(1).sqlx_logging(false).map_sqlx_postgres_opts(|postgres| {
        postgres.application_name("noncello").options([
            // Acknowledged means on the disk, whatever the server's own habit is.
            ("synchronous_commit", "on"),
            ("lock_timeout", "20000"),
            ("idle_in_transaction_session_timeout", "60000"),
            ("client_min_messages", "warning"),
        ])
    });
    options
}

async fn migrate(database: &DatabaseConnection) -> Result<(), StoreError> {
    Migrator::up(database, None)
        .await
        .map_err(|error| if let DbErr::Custom(what) = error { StoreError::Version(what) } else { error.into() })
}

/// Whether the tables are those that this program knows.
async fn is_newest(database: &DatabaseConnection) -> Result<(), StoreError> {
    let sql = "select version from seaql_migrations order by version";
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await?;
    let found: Vec<String> = rows.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?;
    let known: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    if found == known {
        return Ok(());
    }
    Err(StoreError::Version(format!("its tables are at {}, this program's at {}", last(&found), last(&known))))
}

fn last(versions: &[String]) -> &str {
    versions.last().map_or("none", String::as_str)
}

/// An empty file that only its owner reads; the database's companions take its mode.
fn create_private(file: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map_err(|source| StoreError::File { path: file.display().to_string(), source })?;
    Ok(())
}

/// The nil id as the row that stands for the platform where a table asks for an Ente: its accounts, its audit. Never listed
/// as an Ente.
pub(crate) const PLATFORM: EnteId = EnteId(Uuid::nil());
