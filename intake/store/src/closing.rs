//! The end of an Ente. In one transaction its persone, questionnaires, accounts and its key are gone, its feed is blank and says
//! that it ended: the next export writes its segments anew, the next run of the pipeline destroys its partition's key.
//!
//! What remains: that it was there, with its names and comuni; the terms of its agreements; which imports there were, by the
//! names of their sources; its audit, which holds ids that lead nowhere any more; and how it was closed.

use chrono::{DateTime, Utc};
use domain::feed::{EnteId, What};
use domain::keys::Secret;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set};
use sha2::{Digest, Sha256};

use crate::access::{PlatformScope, Right};
use crate::audit::{Line, append};
use crate::database::PLATFORM;
use crate::error::{Refused, StoreError};
use crate::feed::{Kind, NewEvent};
use crate::open::{Chance, Store, day, moment, required, update};
use crate::tables::{
    account_rights, accounts, assessments, audit, azione_results, closings, drafts, ente_comuni, enti, events,
    gateway_identities, identified_extraction_pieces, identified_extractions, notices, passkeys, persona_cases,
    persona_index, persona_keys, persona_trail, persone, recovery_codes, second_factors, segments, sessions, settings,
    signed_agreements, tokens, unita,
};

/// How much went with an Ente.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosingCounts {
    /// Persone, merged ones included.
    pub persone: u64,
    /// Questionnaires, corrections and annulled ones included.
    pub assessments: u64,
    /// Drafts.
    pub drafts: u64,
    /// Accounts.
    pub accounts: u64,
}

/// How an Ente was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub done_by: String,
    /// Why, and how its data were handed over.
    pub reason: String,
    /// SHA-256 of the wrapped key that was destroyed: what tells it from others, and opens nothing.
    pub key_fingerprint: String,
    /// How much went.
    pub counts: ClosingCounts,
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn counted(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

impl Store {
    /// Closes an Ente whose agreement is over, for ever. `done_by` is the name of whoever does it, `reason` says how its data were
    /// handed over to it, or that it wants none.
    ///
    /// # Errors
    /// [`Refused::AgreementNotOver`], [`Refused::ReasonMissing`]; [`StoreError::NotFound`] of an Ente that is closed already.
    pub async fn close_ente(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        done_by: &str,
        reason: &str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Closing, StoreError> {
        scope.require(Right::ManageEnti)?;
        let now = moment(now);
        let done_by = required("done_by", done_by, 100)?;
        let reason = required("reason", reason, 500).map_err(|_| Refused::ReasonMissing)?;
        if ente == PLATFORM {
            return Err(StoreError::NotFound("Ente"));
        }
        if !self.standing(ente, None, now).await?.may_close() {
            return Err(Refused::AgreementNotOver.into());
        }
        let writing = self.write(ente).await?;
        let row = enti::Entity::find_by_id(ente.0).one(&*writing).await?.filter(|row| row.closed_at.is_none());
        let row = row.ok_or(StoreError::NotFound("Ente"))?;
        let connection = &*writing;
        macro_rules! count {
            ($table:ident) => {
                $table::Entity::find().filter($table::Column::EnteId.eq(ente.0)).count(connection).await?
            };
        }
        let there = persone::Entity::find()
            .filter(persone::Column::EnteId.eq(ente.0))
            .filter(persone::Column::ErasedAt.is_null())
            .count(connection)
            .await?;
        let counts = ClosingCounts {
            persone: there,
            assessments: count!(assessments),
            drafts: count!(drafts),
            accounts: count!(accounts),
        };
        events::Entity::update_many()
            .col_expr(events::Column::PersonaId, Expr::value(None::<uuid::Uuid>))
            .col_expr(events::Column::AssessmentId, Expr::value(None::<uuid::Uuid>))
            .col_expr(events::Column::Kind, Expr::value(Kind::Blank.code()))
            .col_expr(events::Column::Sealed, Expr::value(Vec::<u8>::new()))
            .filter(events::Column::EnteId.eq(ente.0))
            .exec(connection)
            .await?;
        segments::Entity::update_many()
            .col_expr(segments::Column::Wanted, Expr::col(segments::Column::Wanted).add(1))
            .filter(segments::Column::EnteId.eq(ente.0))
            .exec(connection)
            .await?;
        macro_rules! delete {
            ($($table:ident),+) => { $(
                $table::Entity::delete_many().filter($table::Column::EnteId.eq(ente.0)).exec(connection).await?;
            )+ };
        }
        // Whatever refers to another row goes before it.
        delete!(identified_extraction_pieces, identified_extractions, signed_agreements, notices, persona_cases);
        delete!(azione_results, drafts, assessments, persona_trail, persona_index, persona_keys, persone);
        delete!(tokens, sessions, second_factors, recovery_codes, passkeys, gateway_identities, account_rights);
        delete!(settings, accounts, unita);
        ente_comuni::Entity::update_many()
            .col_expr(ente_comuni::Column::ValidUntil, Expr::value(Some(day(now))))
            .filter(ente_comuni::Column::EnteId.eq(ente.0))
            .filter(ente_comuni::Column::ValidUntil.is_null())
            .exec(connection)
            .await?;
        // The event says nothing but that it happened: no key seals it.
        let event = NewEvent { ente, persona: None, what: What::EnteClosed };
        crate::feed::append(connection, event, &Secret::generate(chance), now, chance).await?;
        let key_fingerprint = hex::encode(Sha256::digest(&row.wrapped_key));
        let closed = enti::ActiveModel {
            id: Set(ente.0),
            closed_at: Set(Some(now)),
            wrapped_key: Set(Vec::new()),
            ..Default::default()
        };
        update(closed, connection).await?;
        let closing = Closing { at: now, done_by, reason, key_fingerprint, counts };
        let kept = closings::ActiveModel {
            ente_id: Set(ente.0),
            at: Set(now),
            done_by: Set(closing.done_by.clone()),
            reason: Set(closing.reason.clone()),
            key_fingerprint: Set(closing.key_fingerprint.clone()),
            count_persone: Set(stored(counts.persone)),
            count_assessments: Set(stored(counts.assessments)),
            count_drafts: Set(stored(counts.drafts)),
            count_accounts: Set(stored(counts.accounts)),
        };
        closings::Entity::insert(kept).exec_without_returning(connection).await?;
        writing.turn_to(PLATFORM).await?;
        let subjects = [ente.0];
        let line = Line::on_platform(scope, "ente.close", &subjects).with_detail(closing.reason.clone());
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await?;
        self.keys.forget(ente);
        // The wrapped key must not lie about in the database's log.
        self.fold_log().await?;
        Ok(closing)
    }

    /// How an Ente was closed, if it is.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn closing(&self, scope: &PlatformScope, ente: EnteId) -> Result<Option<Closing>, StoreError> {
        scope.require(Right::ManageEnti)?;
        let row = closings::Entity::find_by_id(ente.0).one(&self.reading(ente)).await?;
        Ok(row.map(|row| Closing {
            at: row.at,
            done_by: row.done_by,
            reason: row.reason,
            key_fingerprint: row.key_fingerprint,
            counts: ClosingCounts {
                persone: counted(row.count_persone),
                assessments: counted(row.count_assessments),
                drafts: counted(row.count_drafts),
                accounts: counted(row.count_accounts),
            },
        }))
    }

    /// When somebody of an Ente last took its data out with names: what it has in hand when it is closed.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn last_taken_with_names(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        scope.require(Right::ManageEnti)?;
        let row = audit::Entity::find()
            .filter(audit::Column::EnteId.eq(ente.0))
            .filter(audit::Column::Action.eq("identified_extraction.download"))
            .order_by_desc(audit::Column::Seq)
            .one(&self.reading(ente))
            .await?;
        Ok(row.map(|row| row.at))
    }
}
