//! Opening the database: the only place that knows it is SQLite, and what keeps acknowledged writes there.
//!
//! Writes take turns within the process, and each begins with the database's own lock, so that another process (an import
//! at the command line) waits instead of failing half-way.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use domain::feed::EnteId;
use domain::keys::{KeyError, RingKey, SealingKey, Secret};
use rand::CryptoRng;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait, Set, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use tokio::sync::{Mutex, OwnedMutexGuard, RwLock, Semaphore};
use uuid::Uuid;

use crate::error::{DatabaseError, StoreError};
use crate::keys::{EnteKeys, PortalKeys};
use crate::migrations::Migrator;
use crate::tables::{ente_counters, enti};

/// The row that stands for the platform where a table asks for an Ente: its accounts, its audit. Never listed as an Ente.
pub(crate) const PLATFORM: EnteId = EnteId(Uuid::nil());

/// Connections at once: one writes, the others read.
const CONNECTIONS: u32 = 6;
/// How long a writer waits for another process.
const BUSY: Duration = Duration::from_secs(20);

/// A generator of secrets that may cross threads.
pub trait Chance: CryptoRng + Send {}
impl<R: CryptoRng + Send + ?Sized> Chance for R {}

/// What a password hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashingCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for HashingCost {
    /// 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

impl HashingCost {
    /// The least that argon2 allows: for tests and the demo, where passwords are printed anyway.
    pub const LEAST: Self = Self { memory_kib: 8, passes: 1 };
}

/// The portal's database. Cheap to clone: clones share connections.
#[derive(Clone)]
pub struct Store {
    database: DatabaseConnection,
    turn: Arc<Mutex<()>>,
    pub(crate) keys: Arc<PortalKeys>,
    enti: Arc<RwLock<BTreeMap<EnteId, Arc<EnteKeys>>>>,
    pub(crate) cost: HashingCost,
    /// As many password hashes at once as there are cores.
    pub(crate) hashing: Arc<Semaphore>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(…)")
    }
}

/// A write transaction, and the turn to have one. Dropped without [`Writing::commit`], it leaves nothing.
pub(crate) struct Writing {
    transaction: DatabaseTransaction,
    _turn: OwnedMutexGuard<()>,
}

impl Deref for Writing {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

impl Writing {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Database(DatabaseError(Box::new(error)))
    }
}

impl Store {
    /// Opens the database file, makes it when it is absent (folder must exist), and brings it to the newest version.
    ///
    /// # Errors
    /// The file cannot be opened, was written by a newer program, or with another key.
    pub async fn open(
        file: &Path,
        identity: RingKey,
        release: SealingKey,
        cost: HashingCost,
        chance: &mut impl Chance,
    ) -> Result<Self, StoreError> {
        create_private(file)?;
        let mut options = ConnectOptions::new("sqlite://noncello.sqlite?mode=rwc");
        let path = file.to_owned();
        options.max_connections(CONNECTIONS).min_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(
            move |sqlite| {
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
            },
        );
        let database = Database::connect(options).await?;
        Migrator::up(&database, None)
            .await
            .map_err(|error| if let DbErr::Custom(what) = error { StoreError::Version(what) } else { error.into() })?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let store = Self {
            database,
            turn: Arc::new(Mutex::new(())),
            keys: Arc::new(PortalKeys::new(&identity, release)),
            enti: Arc::new(RwLock::new(BTreeMap::new())),
            cost,
            hashing: Arc::new(Semaphore::new(cores)),
        };
        store.check_key(chance).await?;
        Ok(store)
    }

    /// Makes the platform's row in a new database; in an old one, tries the key on it.
    async fn check_key(&self, chance: &mut impl Chance) -> Result<(), StoreError> {
        let writing = self.write().await?;
        match enti::Entity::find_by_id(PLATFORM.0).one(&*writing).await? {
            Some(row) if row.ring_id != self.keys.ring_id => {
                return Err(StoreError::WrongKey(KeyError::OtherRing { wanted: "identity", found: row.ring_id }));
            }
            Some(row) => {
                self.keys.unwrap_ente(PLATFORM, &row.wrapped_key)?;
            }
            None => {
                // The epoch: the row is the schema's, not somebody's act.
                self.insert_ente(&*writing, PLATFORM, "", true, false, DateTime::UNIX_EPOCH, chance).await?;
            }
        }
        writing.commit().await
    }

    /// An Ente's row, key and counters.
    #[expect(
        clippy::too_many_arguments,
        reason = "one caller besides the platform's row; a struct would repeat the table"
    )]
    pub(crate) async fn insert_ente(
        &self,
        connection: &impl ConnectionTrait,
        ente: EnteId,
        code: &str,
        is_platform: bool,
        is_demo: bool,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        let key = Secret::generate(chance);
        let row = enti::ActiveModel {
            id: Set(ente.0),
            code: Set(code.to_owned()),
            is_platform: Set(is_platform),
            is_demo: Set(is_demo),
            created_at: Set(now),
            wrapped_key: Set(self.keys.wrap_ente(ente, &key, chance)),
            ring_id: Set(self.keys.ring_id.clone()),
        };
        enti::Entity::insert(row).exec_without_returning(connection).await?;
        let counters = ente_counters::ActiveModel {
            ente_id: Set(ente.0),
            feed_seq: Set(0),
            audit_seq: Set(0),
            audit_mac: Set(crate::audit::first_mac(&self.keys, ente).to_vec()),
        };
        ente_counters::Entity::insert(counters).exec_without_returning(connection).await?;
        Ok(())
    }

    /// Waits for what is being written and closes the connections.
    ///
    /// # Errors
    /// When the database cannot be closed in order.
    pub async fn close(self) -> Result<(), StoreError> {
        let _turn = self.turn.clone().lock_owned().await;
        Ok(self.database.clone().close().await?)
    }

    /// Whether the database answers: for the health page.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        enti::Entity::find_by_id(PLATFORM.0).one(&self.database).await?;
        Ok(())
    }

    /// For reading.
    pub(crate) fn reading(&self) -> &DatabaseConnection {
        &self.database
    }

    /// For writing, once it is our turn.
    pub(crate) async fn write(&self) -> Result<Writing, StoreError> {
        let turn = self.turn.clone().lock_owned().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Writing { transaction: self.database.begin_with_options(options).await?, _turn: turn })
    }

    /// The keys of an Ente, read once.
    pub(crate) async fn ente_keys(&self, ente: EnteId) -> Result<Arc<EnteKeys>, StoreError> {
        if let Some(keys) = self.enti.read().await.get(&ente) {
            return Ok(keys.clone());
        }
        let row = enti::Entity::find_by_id(ente.0).one(&self.database).await?.ok_or(StoreError::NotFound("Ente"))?;
        let keys = Arc::new(self.keys.unwrap_ente(ente, &row.wrapped_key)?);
        self.enti.write().await.insert(ente, keys.clone());
        Ok(keys)
    }

    /// Has the log of writes folded into the database file, so that what was deleted is nowhere.
    pub(crate) async fn fold_log(&self) -> Result<(), StoreError> {
        let _turn = self.turn.clone().lock_owned().await;
        self.database.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        Ok(())
    }
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

/// An instant as it is stored: to the millisecond, so that what is read back equals what was written.
pub(crate) fn moment(now: DateTime<Utc>) -> DateTime<Utc> {
    now.trunc_subsecs(3)
}

/// The civil date of an instant.
pub(crate) fn day(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&chrono_tz::Europe::Rome).date_naive()
}

/// A new opaque id: random, so that it tells neither order nor number.
pub(crate) fn new_id(chance: &mut impl Chance) -> Uuid {
    let mut bytes = [0; 16];
    chance.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// A text somebody typed, trimmed.
pub(crate) fn text(field: &'static str, text: &str, characters_max: usize) -> Result<String, crate::Refused> {
    let trimmed = text.trim();
    let length = trimmed.chars().count();
    if length > characters_max || domain::text::has_hidden_characters(trimmed) {
        return Err(crate::Refused::TextForm(field));
    }
    Ok(trimmed.to_owned())
}

/// A text that must say something.
pub(crate) fn required(field: &'static str, given: &str, characters_max: usize) -> Result<String, crate::Refused> {
    text(field, given, characters_max)?;
    if given.trim().is_empty() { Err(crate::Refused::TextForm(field)) } else { Ok(given.trim().to_owned()) }
}

/// Sets columns of one row.
pub(crate) async fn update<A>(row: A, connection: &impl ConnectionTrait) -> Result<(), StoreError>
where
    A: ActiveModelTrait + sea_orm::ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: sea_orm::IntoActiveModel<A>,
{
    A::Entity::update(row).exec(connection).await?;
    Ok(())
}
