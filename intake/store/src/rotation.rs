//! Renewing keys while the portal runs: the identity ring, and the keys of the Enti that it wraps.
//!
//! Three steps for each Ente, and for the platform; whoever is stopped between any two goes on from there, and everything can
//! be read all the time. *Announced*: a new key stands beside the one in use, and every running portal gets to know it.
//! *Switched*: the new key seals, the old one still opens, and the ring wraps both. *Done*: all that the old key had sealed is
//! sealed with the new one, and the old one is gone. A transaction that sealed with keys since renewed is refused by its line
//! in the audit, which asks for their version.
//!
//! What stays: the persone's own keys, so that nothing of a persona is sealed anew; the search index, whose words are not
//! kept; and the secrets of tokens, which stand in the feed and in the lake.

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use domain::keys::{RingKey, Secret};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use crate::access::{PlatformScope, Right};
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::error::{Refused, StoreError};
use crate::feed::Kind;
use crate::ids::{AccountId, AgreementId, PersonaId};
use crate::keys::{Bundle, EnteKeys, Opens, RenewedKeys, context};
use crate::open::{Chance, Store, moment, update};
use crate::tables::{
    ente_counters, enti, events, identified_extractions, interests, kept_secrets, passkeys, persona_keys,
    second_factors, sessions, signed_agreements,
};

/// Rows of one transaction.
const ROWS_AT_ONCE: u64 = 500;

/// How far the keys of an Ente are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// One key, under a ring that may be the old one.
    Settled,
    /// The new key is known and does not seal yet.
    Announced,
    /// The new key seals; the old one still opens.
    Switched,
}

/// What was sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Keys of persone.
    pub persone: u64,
    /// What the Ente's own key seals.
    pub records: u64,
}

impl Store {
    /// Where to find a ring's key that this store was not opened with, by its id.
    pub fn set_ring_source(&self, source: impl Fn(&str) -> Option<RingKey> + Send + Sync + 'static) {
        self.keys.set_source(Box::new(source));
    }

    /// Reads the keys of Enti anew when they are next asked for: whoever serves does so from time to time, so that a renewal
    /// by another process is known before it matters.
    pub fn forget_keys(&self) {
        self.keys.forget_all();
    }

    /// The ring that wraps the platform's keys, by its id.
    ///
    /// # Errors
    /// The database.
    pub async fn ring_id(&self) -> Result<String, StoreError> {
        let row = enti::Entity::find_by_id(PLATFORM.0).one(&self.reading(PLATFORM)).await?;
        Ok(row.ok_or(StoreError::NotFound("platform"))?.ring_id)
    }

    /// How far the keys of every Ente are that is not closed, and of the platform (as the last): with the ring that wraps them.
    ///
    /// # Errors
    /// No right; a ring that is not there; the database.
    pub async fn key_steps(&self, scope: &PlatformScope) -> Result<Vec<(EnteId, KeyStep, String)>, StoreError> {
        scope.require(Right::ManageEnti)?;
        let rows = enti::Entity::find()
            .filter(enti::Column::ClosedAt.is_null())
            .order_by_desc(enti::Column::Id)
            .all(&self.directory())
            .await?;
        let step = |row: enti::Model| {
            let ente = EnteId(row.id);
            let step = match self.keys.unwrap_ente(&row.ring_id, ente, &row.wrapped_key)? {
                Bundle::Renewed(keys) if keys.is_announced => KeyStep::Announced,
                Bundle::Renewed(keys) if keys.persone.len() > 1 => KeyStep::Switched,
                Bundle::First(_) | Bundle::Renewed(_) => KeyStep::Settled,
            };
            Ok((ente, step, row.ring_id))
        };
        rows.into_iter().map(step).collect()
    }

    /// Puts a new key beside the one that an Ente has; nothing is sealed with it yet. Once more changes nothing.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn announce_key(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let (writing, row, mut keys) = self.begin_step(scope, ente).await?;
        if keys.persone.len() > 1 {
            return Ok(());
        }
        keys.persone.push(Secret::generate(chance));
        keys.own.push(Secret::generate(chance));
        keys.is_announced = true;
        self.end_step(writing, scope, row.ring_id, ente, keys, "keys.announce", now, chance).await
    }

    /// Has the new key of an Ente seal from now on, and a ring wrap it. The platform comes last: with it the secrets that
    /// outlive a ring go under the new one. Once more changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where no key was announced; no right; the database.
    pub async fn switch_key(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        ring: &RingKey,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        self.keys.learn_ring(ring);
        let (writing, row, mut keys) = self.begin_step(scope, ente).await?;
        if row.ring_id == ring.id() {
            return Ok(());
        }
        if !keys.is_announced {
            return Err(StoreError::Conflict("keys of an Ente"));
        }
        keys.persone.reverse();
        keys.own.reverse();
        keys.is_announced = false;
        if ente == PLATFORM {
            kept_secrets::Entity::delete_many()
                .filter(kept_secrets::Column::EnteId.eq(PLATFORM.0))
                .exec(&*writing)
                .await?;
            let rows = self.keys.keep(ring, chance).into_iter().map(|(purpose, sealed)| kept_secrets::ActiveModel {
                ente_id: Set(PLATFORM.0),
                purpose: Set(purpose),
                sealed: Set(sealed),
            });
            kept_secrets::Entity::insert_many(rows).exec_without_returning(&*writing).await?;
        }
        self.end_step(writing, scope, ring.id().to_owned(), ente, keys, "keys.switch", now, chance).await
    }

    /// Seals anew whatever an Ente's old key sealed, a few rows at a time, and gives the old key up. Once more changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; no right; the database.
    pub async fn give_up_key(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Renewed, StoreError> {
        let (writing, _, keys) = self.begin_step(scope, ente).await?;
        drop(writing);
        if keys.is_announced || keys.persone.len() == 1 {
            return Ok(Renewed::default());
        }
        let both = EnteKeys::new(ente, Bundle::Renewed(keys));
        let renewed = Renewed {
            persone: self.rewrap_persone(ente, &both, chance).await?,
            records: self.reseal_records(ente, &both, chance).await?,
        };
        let (writing, row, mut keys) = self.begin_step(scope, ente).await?;
        // What was asked of an authenticator and not answered is asked again.
        sessions::Entity::update_many()
            .col_expr(sessions::Column::Ceremony, Expr::value(None::<Vec<u8>>))
            .filter(sessions::Column::EnteId.eq(ente.0))
            .exec(&*writing)
            .await?;
        keys.persone.truncate(1);
        keys.own.truncate(1);
        self.end_step(writing, scope, row.ring_id, ente, keys, "keys.give_up", now, chance).await?;
        // The old key, wrapped, must not lie about in the database's log.
        self.fold_log().await?;
        Ok(renewed)
    }

    /// Refuses what was sealed with keys that are no longer those of the Ente.
    pub(crate) async fn newest_keys(&self, writing: &Writing, ente: EnteId) -> Result<(), StoreError> {
        let counters = ente_counters::Entity::find_by_id(ente.0).one(&**writing).await?;
        self.keys.check_version(ente, counters.ok_or(StoreError::NotFound("Ente"))?.key_version)
    }

    async fn begin_step(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
    ) -> Result<(Writing, enti::Model, RenewedKeys), StoreError> {
        scope.require(Right::ManageEnti)?;
        let writing = self.write(ente).await?;
        let row = enti::Entity::find_by_id(ente.0).one(&*writing).await?.ok_or(StoreError::NotFound("Ente"))?;
        if row.closed_at.is_some() {
            return Err(Refused::EnteClosed.into());
        }
        let keys = self.keys.unwrap_ente(&row.ring_id, ente, &row.wrapped_key)?.into_renewed();
        Ok((writing, row, keys))
    }

    #[expect(clippy::too_many_arguments, reason = "the end of the three steps above, which own all of them")]
    async fn end_step(
        &self,
        writing: Writing,
        scope: &PlatformScope,
        ring_id: String,
        ente: EnteId,
        mut keys: RenewedKeys,
        action: &'static str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        keys.version += 1;
        let version = keys.version;
        let bundle = Bundle::Renewed(keys);
        let row = enti::ActiveModel {
            id: Set(ente.0),
            wrapped_key: Set(self.keys.wrap_ente(&ring_id, ente, &bundle, chance)?),
            ring_id: Set(ring_id.clone()),
            ..Default::default()
        };
        update(row, &*writing).await?;
        let counters =
            ente_counters::ActiveModel { ente_id: Set(ente.0), key_version: Set(version), ..Default::default() };
        update(counters, &*writing).await?;
        // In the Ente's own audit: these are its keys. Whoever reads them from now on reads the new ones.
        self.keys.forget(ente);
        let line = Line { ente, ..Line::on_platform(scope, action, &[]) };
        append(&self.keys, &*writing, line.with_detail(format!("ring {ring_id}, version {version}")), moment(now))
            .await?;
        writing.commit().await?;
        // Read by somebody between the two lines above, they would be the old ones.
        self.keys.forget(ente);
        if ente == PLATFORM {
            self.keys.use_ring(&ring_id);
        }
        Ok(())
    }

    async fn rewrap_persone(&self, ente: EnteId, keys: &EnteKeys, chance: &mut dyn Chance) -> Result<u64, StoreError> {
        let (mut done, mut last) = (0, Uuid::nil());
        loop {
            let writing = self.write(ente).await?;
            let rows = persona_keys::Entity::find()
                .filter(persona_keys::Column::EnteId.eq(ente.0))
                .filter(persona_keys::Column::PersonaId.gt(last))
                .order_by_asc(persona_keys::Column::PersonaId)
                .limit(ROWS_AT_ONCE)
                .all(&*writing)
                .await?;
            let Some(end) = rows.last().map(|row| row.persona_id) else { return Ok(done) };
            last = end;
            for row in rows {
                let Some(wrapped) = keys.rewrap_persona(PersonaId(row.persona_id), &row.wrapped_key, chance)? else {
                    continue;
                };
                let change = persona_keys::ActiveModel {
                    ente_id: Set(ente.0),
                    persona_id: Set(row.persona_id),
                    wrapped_key: Set(wrapped),
                };
                update(change, &*writing).await?;
                done += 1;
            }
            writing.commit().await?;
        }
    }

    /// Seals anew what stands under the Ente's own key: few rows, so each table is one transaction.
    async fn reseal_records(&self, ente: EnteId, keys: &EnteKeys, chance: &mut dyn Chance) -> Result<u64, StoreError> {
        let mut done = 0;
        macro_rules! reseal {
            ($table:ident, $rows:expr, |$row:ident| $context:expr) => {
                let writing = self.write(ente).await?;
                let rows = $rows.filter($table::Column::EnteId.eq(ente.0)).all(&*writing).await?;
                for $row in rows {
                    let context = $context;
                    let damaged = |_| StoreError::Damaged { table: stringify!($table), row: context.clone() };
                    let text = keys.own.open(&$row.sealed, &context).map_err(damaged)?;
                    let mut change: $table::ActiveModel = $row.into();
                    change.sealed = Set(keys.own.sealing().seal(&text, &context, chance));
                    update(change, &*writing).await?;
                    done += 1;
                }
                writing.commit().await?;
            };
        }
        reseal!(interests, interests::Entity::find(), |row| context(ente, "interests", "sealed", row.id));
        reseal!(signed_agreements, signed_agreements::Entity::find(), |row| {
            crate::signed::place(ente, AgreementId(row.agreement_id))
        });
        reseal!(second_factors, second_factors::Entity::find(), |row| {
            crate::access::totp_context(ente, AccountId(row.account_id))
        });
        reseal!(passkeys, passkeys::Entity::find(), |row| context(ente, "passkeys", "sealed", row.id));
        reseal!(identified_extractions, identified_extractions::Entity::find(), |row| {
            context(ente, "identified_extractions", "sealed", row.id)
        });
        let of_ente = events::Entity::find().filter(events::Column::Kind.eq(Kind::OfEnte.code()));
        reseal!(events, of_ente, |row| context(ente, "events", "sealed", crate::feed::row(row.block, row.ordinal)));
        Ok(done)
    }
}
