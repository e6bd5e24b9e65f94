//! Who may be in the Ente twice: the same words in their name, in whatever order, and the same birth date. Found by a keyed
//! token, so that the index tells nobody who it is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{PersonaData, PersonaSummary, seen};
use crate::access::{EnteScope, Right};
use crate::audit::Line;
use crate::error::StoreError;
use crate::keys::IndexKind;
use crate::open::Store;
use crate::tables::{persona_index, persone};

/// Groups looked at for one list.
const GROUPS_MAX: u64 = 500;

impl Store {
    /// The persone who may be the one described; audited.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn similar_persone(
        &self,
        scope: &EnteScope,
        data: &PersonaData,
        now: DateTime<Utc>,
    ) -> Result<Vec<PersonaSummary>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let Some(token) = keys.similarity_token(&data.surname, &data.name, data.birth_date) else {
            return Ok(Vec::new());
        };
        let ids = super::indexed(&self.reading(ente), ente, IndexKind::Similar, token).await?;
        let rows = seen(scope)
            .filter(persone::Column::MergedInto.is_null())
            .filter(persone::Column::Id.is_in(ids))
            .order_by_asc(persone::Column::Id)
            .all(&self.reading(ente))
            .await?;
        let found = self.summaries(&keys, ente, rows).await?;
        let subjects: Vec<Uuid> = found.iter().map(|found| found.id.0).collect();
        self.note(Line::done(scope, "persona.similar", &subjects), now).await?;
        Ok(found)
    }

    /// Groups of persone who may be the same human, among those whom the scope reaches; audited.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn possible_duplicates(
        &self,
        scope: &EnteScope,
        now: DateTime<Utc>,
    ) -> Result<Vec<Vec<PersonaSummary>>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let tokens: Vec<Vec<u8>> = persona_index::Entity::find()
            .select_only()
            .column(persona_index::Column::Token)
            .filter(persona_index::Column::EnteId.eq(ente.0))
            .filter(persona_index::Column::Kind.eq(IndexKind::Similar.code()))
            .group_by(persona_index::Column::Token)
            .having(ExprTrait::gt(persona_index::Column::PersonaId.count(), 1))
            .order_by_asc(persona_index::Column::Token)
            .limit(GROUPS_MAX)
            .into_tuple()
            .all(&self.reading(ente))
            .await?;
        let pairs = persona_index::Entity::find()
            .filter(persona_index::Column::EnteId.eq(ente.0))
            .filter(persona_index::Column::Kind.eq(IndexKind::Similar.code()))
            .filter(persona_index::Column::Token.is_in(tokens))
            .all(&self.reading(ente))
            .await?;
        let token_of: BTreeMap<Uuid, Vec<u8>> = pairs.into_iter().map(|row| (row.persona_id, row.token)).collect();
        let rows = seen(scope)
            .filter(persone::Column::MergedInto.is_null())
            .filter(persone::Column::Id.is_in(token_of.keys().copied().collect::<Vec<_>>()))
            .order_by_asc(persone::Column::CreatedAt)
            .order_by_asc(persone::Column::Id)
            .all(&self.reading(ente))
            .await?;
        let mut groups: BTreeMap<&[u8], Vec<PersonaSummary>> = BTreeMap::new();
        for found in self.summaries(&keys, ente, rows).await? {
            if let Some(token) = token_of.get(&found.id.0) {
                groups.entry(token).or_default().push(found);
            }
        }
        let mut groups: Vec<Vec<PersonaSummary>> = groups.into_values().filter(|group| group.len() > 1).collect();
        groups.sort_by_cached_key(|group| (group[0].surname.to_lowercase(), group[0].name.to_lowercase(), group[0].id));
        let subjects: Vec<Uuid> = groups.iter().flatten().map(|found| found.id.0).collect();
        self.note(Line::done(scope, "persona.duplicates", &subjects), now).await?;
        Ok(groups)
    }
}
