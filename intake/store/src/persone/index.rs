//! The search index: keyed tokens under which a persona is found. Of a name it holds how each of its words begins, at several
//! lengths, so that what is typed leads to few persone whatever the size of the Ente.

use std::collections::BTreeSet;

use domain::feed::EnteId;
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set};
use uuid::Uuid;

use super::{IDS_MAX, PersonaData, seen};
use crate::access::EnteScope;
use crate::error::StoreError;
use crate::ids::PersonaId;
use crate::keys::{EnteKeys, IndexKind, folded_words};
use crate::open::{Store, update};
use crate::tables::{enti, persona_index, persone};

/// The version of the index that this program writes. Version 1 held three letters of each word, and the whole word.
pub(crate) const INDEX_VERSION: i32 = 2;
/// How many of its first letters a word of a name is found by.
const PREFIXES: std::ops::RangeInclusive<usize> = 3..=6;

pub(super) async fn insert_index(
    connection: &impl ConnectionTrait,
    rows: Vec<persona_index::ActiveModel>,
) -> Result<(), StoreError> {
    for chunk in rows.chunks(IDS_MAX) {
        persona_index::Entity::insert_many(chunk.to_vec()).exec_without_returning(connection).await?;
    }
    Ok(())
}

pub(super) fn index_rows(
    keys: &EnteKeys,
    ente: EnteId,
    id: PersonaId,
    data: &PersonaData,
    external_id: Option<&str>,
) -> Vec<persona_index::ActiveModel> {
    let mut tokens: BTreeSet<(&'static str, Vec<u8>)> = BTreeSet::new();
    for word in [&data.surname, &data.name].into_iter().flat_map(|text| folded_words(text)) {
        let letters = word.chars().count();
        if letters < *PREFIXES.start() {
            tokens.insert((IndexKind::Name.code(), keys.word_token(&word)));
        }
        let lengths = PREFIXES.take_while(|length| *length <= letters);
        tokens.extend(lengths.map(|length| (IndexKind::Name.code(), keys.prefix_token(&word, length))));
    }
    tokens.extend(data.identifier.iter().map(|it| (IndexKind::Identifier.code(), keys.identifier_token(it))));
    let similar = keys.similarity_token(&data.surname, &data.name, data.birth_date);
    tokens.extend(similar.map(|token| (IndexKind::Similar.code(), token)));
    tokens.extend(external_id.map(|it| (IndexKind::External.code(), keys.external_token(it))));
    tokens
        .into_iter()
        .map(|(kind, token)| persona_index::ActiveModel {
            ente_id: Set(ente.0),
            kind: Set(kind.to_owned()),
            token: Set(token),
            persona_id: Set(id.0),
        })
        .collect()
}

/// Rows counted at most to find the rarest of several words.
const COUNTED_MAX: u64 = 20_000;

/// The token of what is typed of a word: as many of its letters as the index knows. A word of fewer than three must be whole.
fn typed_token(keys: &EnteKeys, word: &str) -> Vec<u8> {
    let letters = word.chars().count();
    if letters < *PREFIXES.start() {
        keys.word_token(word)
    } else {
        keys.prefix_token(word, letters.min(*PREFIXES.end()))
    }
}

/// Persone whom a scope reaches and whose names may have all words that were typed, `limit` at most: those who really have
/// them are told by their names.
pub(super) async fn candidates(
    connection: &impl ConnectionTrait,
    keys: &EnteKeys,
    scope: &EnteScope,
    words: &[String],
    limit: u64,
) -> Result<Vec<persone::Model>, StoreError> {
    let ente = scope.ente();
    // The rarest word first: it leads to the fewest, and the others are looked up for each of these.
    let mut tokens = Vec::new();
    for word in words {
        let token = typed_token(keys, word);
        let count = if words.len() > 1 { count_of(connection, ente, &token).await? } else { 0 };
        tokens.push((count, token));
    }
    tokens.sort_unstable();
    tokens.dedup();
    let Some(((_, first), others)) = tokens.split_first() else { return Ok(Vec::new()) };
    let here = (persona_index::Entity, persona_index::Column::PersonaId);
    let mut found = persona_index::Entity::find()
        .filter(persona_index::Column::EnteId.eq(ente.0))
        .filter(persona_index::Column::Kind.eq(IndexKind::Name.code()))
        .filter(persona_index::Column::Token.eq(first.clone()));
    for (place, (_, token)) in others.iter().enumerate() {
        let other = format!("word_{place}");
        let column = |column: persona_index::Column| Expr::col((other.clone(), column));
        let has_word = Query::select()
            .expr(Expr::val(1))
            .from_as(persona_index::Entity, other.clone())
            .and_where(column(persona_index::Column::EnteId).eq(ente.0))
            .and_where(column(persona_index::Column::Kind).eq(IndexKind::Name.code()))
            .and_where(column(persona_index::Column::Token).eq(token.clone()))
            .and_where(column(persona_index::Column::PersonaId).equals(here))
            .take();
        found = found.filter(Expr::exists(has_word));
    }
    // Asked last: this one reads the persona's row.
    let mut is_seen: SelectStatement = seen(scope).filter(persone::Column::MergedInto.is_null()).into_query();
    is_seen.and_where(Expr::col((persone::Entity, persone::Column::Id)).equals(here));
    found = found.filter(Expr::exists(is_seen));
    let ids: Vec<Uuid> =
        found.limit(limit).all(connection).await?.into_iter().map(|row: persona_index::Model| row.persona_id).collect();
    let mut rows = Vec::new();
    for chunk in ids.chunks(IDS_MAX) {
        let of_chunk = persone::Entity::find()
            .filter(persone::Column::EnteId.eq(ente.0))
            .filter(persone::Column::Id.is_in(chunk.to_vec()));
        rows.extend(of_chunk.all(connection).await?);
    }
    Ok(rows)
}

/// How many persone of an Ente stand under a token of their names, as far as [`COUNTED_MAX`].
async fn count_of(connection: &impl ConnectionTrait, ente: EnteId, token: &[u8]) -> Result<i64, StoreError> {
    let under = persona_index::Entity::find()
        .select_only()
        .column(persona_index::Column::PersonaId)
        .filter(persona_index::Column::EnteId.eq(ente.0))
        .filter(persona_index::Column::Kind.eq(IndexKind::Name.code()))
        .filter(persona_index::Column::Token.eq(token))
        .limit(COUNTED_MAX)
        .into_query();
    let count = Query::select().expr_as(Func::count(Expr::val(1)), "count").from_subquery(under, "under_it").take();
    let row = connection.query_one(&count).await?;
    Ok(row.map(|row| row.try_get("", "count")).transpose()?.unwrap_or_default())
}

/// The persone that stand under a token.
pub(super) async fn indexed(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    kind: IndexKind,
    token: Vec<u8>,
) -> Result<Vec<Uuid>, StoreError> {
    let rows = persona_index::Entity::find()
        .filter(persona_index::Column::EnteId.eq(ente.0))
        .filter(persona_index::Column::Kind.eq(kind.code()))
        .filter(persona_index::Column::Token.eq(token))
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.persona_id).collect())
}

impl Store {
    /// Brings indexes that an earlier version of the program wrote to this one's. Can be cut off anywhere, and begins again.
    pub(crate) async fn renew_indexes(&self) -> Result<(), StoreError> {
        let old = enti::Entity::find()
            .filter(enti::Column::IndexVersion.lt(INDEX_VERSION))
            .filter(enti::Column::ClosedAt.is_null())
            .order_by_asc(enti::Column::Id)
            .all(&self.directory())
            .await?;
        for ente in old {
            self.renew_index(EnteId(ente.id)).await?;
        }
        Ok(())
    }

    async fn renew_index(&self, ente: EnteId) -> Result<(), StoreError> {
        let keys = self.ente_keys(ente).await?;
        let mut after = Uuid::nil();
        loop {
            let rows = persone::Entity::find()
                .filter(persone::Column::EnteId.eq(ente.0))
                .filter(persone::Column::ErasedAt.is_null())
                .filter(persone::Column::Id.gt(after))
                .order_by_asc(persone::Column::Id)
                .limit(IDS_MAX as u64)
                .all(&self.reading(ente))
                .await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            let opened = self.open_persone(&keys, ente, rows).await?;
            let mut index = Vec::new();
            let mut ids = Vec::new();
            for (row, stored) in opened {
                let id = PersonaId(row.id);
                let rows = index_rows(&keys, ente, id, &stored.data(id)?, None);
                index.extend(rows.into_iter().filter(|row| *row.kind.as_ref() == IndexKind::Name.code()));
                ids.push(row.id);
            }
            let writing = self.write(ente).await?;
            persona_index::Entity::delete_many()
                .filter(persona_index::Column::EnteId.eq(ente.0))
                .filter(persona_index::Column::Kind.eq(IndexKind::Name.code()))
                .filter(persona_index::Column::PersonaId.is_in(ids.clone()))
                .exec(&*writing)
                .await?;
            // Whoever was erased meanwhile has no index any more, and gets none.
            let there: BTreeSet<Uuid> = persone::Entity::find()
                .filter(persone::Column::EnteId.eq(ente.0))
                .filter(persone::Column::ErasedAt.is_null())
                .filter(persone::Column::Id.is_in(ids))
                .all(&*writing)
                .await?
                .into_iter()
                .map(|row| row.id)
                .collect();
            index.retain(|row| there.contains(row.persona_id.as_ref()));
            insert_index(&*writing, index).await?;
            writing.commit().await?;
        }
        let writing = self.write(ente).await?;
        let done = enti::ActiveModel { id: Set(ente.0), index_version: Set(INDEX_VERSION), ..Default::default() };
        update(done, &*writing).await?;
        writing.commit().await
    }
}
