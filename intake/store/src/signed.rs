//! Signed agreements, as they came back from the Ente: kept sealed with the Ente's key, for the platform alone.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::access::{PlatformScope, Right};
use crate::audit::{Line, append};
use crate::database::PLATFORM;
use crate::error::{Refused, StoreError};
use crate::ids::AgreementId;
use crate::keys::{Opens, context};
use crate::open::{Chance, Store, moment};
use crate::tables::{agreements, signed_agreements};

/// How a PDF begins.
const HEAD: &[u8] = b"%PDF-";

pub(crate) fn place(ente: EnteId, agreement: AgreementId) -> String {
    context(ente, "signed_agreements", "sealed", agreement)
}

impl Store {
    /// Keeps the signed copy of an agreement, in the place of the one kept before. The audit gets its SHA-256.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`Refused::NotPdf`]; no right.
    pub async fn keep_signed_agreement(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        agreement: AgreementId,
        pdf: &[u8],
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageEnti)?;
        if !pdf.starts_with(HEAD) {
            return Err(Refused::NotPdf.into());
        }
        let now = moment(now);
        let keys = self.ente_keys(ente).await?;
        let sealed = keys.own.sealing().seal(pdf, &place(ente, agreement), chance);
        let writing = self.write(ente).await?;
        // The line in the audit is the platform's: it does not ask for the version of this Ente's keys.
        self.newest_keys(&writing, ente).await?;
        let there = agreements::Entity::find_by_id((ente.0, agreement.0)).one(&*writing).await?;
        there.ok_or(StoreError::NotFound("agreement"))?;
        signed_agreements::Entity::delete_by_id((ente.0, agreement.0)).exec(&*writing).await?;
        let row = signed_agreements::ActiveModel {
            ente_id: Set(ente.0),
            agreement_id: Set(agreement.0),
            received_at: Set(now),
            sealed: Set(sealed),
        };
        signed_agreements::Entity::insert(row).exec_without_returning(&*writing).await?;
        writing.turn_to(PLATFORM).await?;
        let subjects = [ente.0, agreement.0];
        let detail = format!("sha256 {}", hex::encode(Sha256::digest(pdf)));
        let line = Line::on_platform(scope, "agreement.keep_signed", &subjects).with_detail(detail);
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await
    }

    /// The signed copy of an agreement; audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also where none is kept; [`StoreError::Damaged`]; no right.
    pub async fn signed_agreement(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        agreement: AgreementId,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, StoreError> {
        scope.require(Right::ManageEnti)?;
        let row = signed_agreements::Entity::find_by_id((ente.0, agreement.0)).one(&self.reading(ente)).await?;
        let row = row.ok_or(StoreError::NotFound("agreement"))?;
        let keys = self.ente_keys(ente).await?;
        let damaged = |_| StoreError::Damaged { table: "signed_agreements", row: agreement.to_string() };
        let pdf = keys.own.open(&row.sealed, &place(ente, agreement)).map_err(damaged)?;
        let subjects = [ente.0, agreement.0];
        self.note(Line::on_platform(scope, "agreement.read_signed", &subjects), now).await?;
        Ok(pdf.to_vec())
    }

    /// Of which agreements with an Ente a signed copy is kept.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn signed_agreements(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
    ) -> Result<BTreeSet<AgreementId>, StoreError> {
        scope.require(Right::ManageEnti)?;
        let ids = signed_agreements::Entity::find()
            .filter(signed_agreements::Column::EnteId.eq(ente.0))
            .select_only()
            .column(signed_agreements::Column::AgreementId)
            .into_tuple::<Uuid>()
            .all(&self.reading(ente))
            .await?;
        Ok(ids.into_iter().map(AgreementId).collect())
    }
}
