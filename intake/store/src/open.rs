//! Opening the store: its connections (`database`), its keys, and what its modules share.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use domain::feed::EnteId;
use domain::keys::{KeyError, RingKey, SealingKey, Secret};
use rand::CryptoRng;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::database::{Connections, Location, PLATFORM, Reading, Rows, Writing};
use crate::error::{Refused, StoreError};
use crate::ids::AccountId;
use crate::keys::{Bundle, EnteKeys, Kept, PortalKeys};
use crate::persone::INDEX_VERSION;
use crate::tables::{ente_counters, enti, kept_secrets};

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
    connections: Connections,
    pub(crate) keys: Arc<PortalKeys>,
    pub(crate) cost: HashingCost,
    /// As many password hashes at once as there are cores.
    pub(crate) hashing: Arc<Semaphore>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(…)")
    }
}

impl Store {
    /// Opens the database and brings it to the newest version.
    ///
    /// # Errors
    /// The database cannot be opened, was written by a newer program, or with another key; on PostgreSQL, roles that would
    /// go round its row security.
    pub async fn open(
        location: &Location,
        identity: RingKey,
        release: SealingKey,
        cost: HashingCost,
        chance: &mut dyn Chance,
    ) -> Result<Self, StoreError> {
        let connections = Connections::open(location).await?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let reading = connections.reading(Rows::Of(PLATFORM));
        let platform = enti::Entity::find_by_id(PLATFORM.0).one(&reading).await?;
        if let Some(row) = platform.filter(|row| row.ring_id != identity.id()) {
            return Err(StoreError::WrongKey(KeyError::OtherRing { wanted: "identity", found: row.ring_id }));
        }
        let kept = kept_secrets::Entity::find().filter(kept_secrets::Column::EnteId.eq(PLATFORM.0));
        let kept: Vec<Kept> = kept.all(&reading).await?.into_iter().map(|row| (row.purpose, row.sealed)).collect();
        let store = Self {
            keys: Arc::new(PortalKeys::new(&identity, &kept, release)?),
            connections,
            cost,
            hashing: Arc::new(Semaphore::new(cores)),
        };
        store.check_platform(chance).await?;
        store.renew_indexes().await?;
        Ok(store)
    }

    /// Makes the platform's row in a new database; in an old one, tries the key on it.
    async fn check_platform(&self, chance: &mut dyn Chance) -> Result<(), StoreError> {
        let writing = self.write(PLATFORM).await?;
        match enti::Entity::find_by_id(PLATFORM.0).one(&*writing).await? {
            Some(row) => {
                self.keys.unwrap_ente(&row.ring_id, PLATFORM, &row.wrapped_key)?;
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
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let key = Bundle::First(Secret::generate(chance));
        let ring_id = self.keys.ring_id();
        let row = enti::ActiveModel {
            id: Set(ente.0),
            code: Set(code.to_owned()),
            is_platform: Set(is_platform),
            is_demo: Set(is_demo),
            created_at: Set(now),
            wrapped_key: Set(self.keys.wrap_ente(&ring_id, ente, &key, chance)?),
            ring_id: Set(ring_id),
            closed_at: Set(None),
            index_version: Set(INDEX_VERSION),
        };
        enti::Entity::insert(row).exec_without_returning(connection).await?;
        let counters = ente_counters::ActiveModel {
            ente_id: Set(ente.0),
            feed_seq: Set(0),
            audit_seq: Set(0),
            audit_mac: Set(crate::audit::first_mac(&self.keys, ente).to_vec()),
            key_version: Set(1),
        };
        ente_counters::Entity::insert(counters).exec_without_returning(connection).await?;
        Ok(())
    }

    /// Waits for what is being written and closes the connections.
    ///
    /// # Errors
    /// When the database cannot be closed in order.
    pub async fn close(self) -> Result<(), StoreError> {
        self.connections.close().await
    }

    /// Whether the database answers: for the health page.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        enti::Entity::find_by_id(PLATFORM.0).one(&self.reading(PLATFORM)).await?;
        Ok(())
    }

    /// For reading what is an Ente's.
    pub(crate) fn reading(&self, ente: EnteId) -> Reading<'_> {
        self.connections.reading(Rows::Of(ente))
    }

    /// For reading the tables that lead to a login or list the Enti.
    pub(crate) fn directory(&self) -> Reading<'_> {
        self.connections.reading(Rows::Directory)
    }

    /// For reading several things of an Ente as they were at one moment.
    pub(crate) async fn snapshot(&self, ente: EnteId) -> Result<DatabaseTransaction, StoreError> {
        self.connections.snapshot(ente).await
    }

    /// For writing what is an Ente's, once it is our turn.
    pub(crate) async fn write(&self, ente: EnteId) -> Result<Writing, StoreError> {
        self.connections.write(ente).await
    }

    /// The keys of an Ente, read once.
    pub(crate) async fn ente_keys(&self, ente: EnteId) -> Result<Arc<EnteKeys>, StoreError> {
        if let Some(keys) = self.keys.cached(ente) {
            return Ok(keys);
        }
        let row =
            enti::Entity::find_by_id(ente.0).one(&self.reading(ente)).await?.ok_or(StoreError::NotFound("Ente"))?;
        if row.closed_at.is_some() {
            return Err(Refused::EnteClosed.into());
        }
        let bundle = self.keys.unwrap_ente(&row.ring_id, ente, &row.wrapped_key)?;
        if ente == PLATFORM {
            self.keys.use_ring(&row.ring_id);
        }
        let keys = Arc::new(EnteKeys::new(ente, bundle));
        self.keys.cache(keys.clone());
        Ok(keys)
    }

    /// Has what was deleted gone from the files too.
    pub(crate) async fn fold_log(&self) -> Result<(), StoreError> {
        self.connections.fold_log().await
    }
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
pub(crate) fn new_id(chance: &mut dyn Chance) -> Uuid {
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
    A: ActiveModelTrait,
{
    // What the row is now nobody asks: reading it back would be a second statement.
    A::Entity::update(row).exec_without_returning(connection).await?;
    Ok(())
}

/// The id that a request of an account makes, however often it is sent: random as `request` is, and no other account's.
pub(crate) fn requested_id(account: AccountId, kind: &str, request: Uuid) -> Uuid {
    let digest = Sha256::new().chain_update(account.0).chain_update(request).chain_update(kind).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
