//! The form in which a persona is kept: sealed data, wrapped key. Versioned; every version is read, the newest
//! is written.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{EnteId, SealedLink};
use domain::identifier::{Identifier, IdentifierKind};
use domain::keys::Secret;
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use sea_orm::{EntityTrait, Set};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::index::{index_rows, insert_index};
use super::{PersonaData, damaged};
use crate::database::Writing;
use crate::error::StoreError;
use crate::ids::PersonaId;
use crate::keys::{EnteKeys, PortalKeys, context, open, seal};
use crate::open::{Chance, day};
use crate::tables::{persona_index, persona_keys, persone};

/// The stored forms: every version is read, the newest is written.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum VersionedPersona {
    #[serde(rename = "1")]
    V1(StoredPersona),
}

/// Version 1.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredPersona {
    surname: String,
    name: String,
    identifier: Option<StoredIdentifier>,
    birth_date: Option<NaiveDate>,
    birth_place: Option<String>,
    sex: Option<Sex>,
    residence: Option<String>,
    education: Option<Education>,
    citizenship: Option<Citizenship>,
    household: Option<Household>,
    work: Option<Work>,
    disadvantage: Option<BTreeSet<Disadvantage>>,
    phone: Option<String>,
    email: Option<String>,
    note: Option<String>,
    /// Sealed once per identifier: sealing is slow, and the same persona is known to the feed by a token anyway.
    pub(crate) link: Option<SealedLink>,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredIdentifier {
    kind: String,
    code: String,
    /// The day on which it was read, for the century of a birth.
    read_on: NaiveDate,
}

impl StoredPersona {
    pub(super) fn new(data: &PersonaData, link: Option<SealedLink>, today: NaiveDate) -> Self {
        let data = data.clone();
        Self {
            surname: data.surname,
            name: data.name,
            identifier: data.identifier.map(|identifier| StoredIdentifier {
                kind: identifier.kind().code().to_owned(),
                code: identifier.expose().to_owned(),
                read_on: today,
            }),
            birth_date: data.birth_date,
            birth_place: data.birth_place,
            sex: data.sex,
            residence: data.residence,
            education: data.education,
            citizenship: data.citizenship,
            household: data.household,
            work: data.work,
            disadvantage: data.disadvantage,
            phone: data.phone,
            email: data.email,
            note: data.note,
            link,
        }
    }

    pub(super) fn seal(self, key: &Secret, ente: EnteId, id: PersonaId, chance: &mut dyn Chance) -> Vec<u8> {
        seal(key, &VersionedPersona::V1(self), &context(ente, "persone", "sealed", id), chance)
    }

    pub(crate) fn open(key: &Secret, sealed: &[u8], ente: EnteId, id: PersonaId) -> Result<Self, StoreError> {
        let VersionedPersona::V1(stored) = open(key, sealed, ente, "persone", "sealed", id)?;
        Ok(stored)
    }

    pub(crate) fn data(&self, id: PersonaId) -> Result<PersonaData, StoreError> {
        let stored = self.clone();
        let identifier = stored
            .identifier
            .map(|identifier| {
                let kind = IdentifierKind::ALL.into_iter().find(|kind| kind.code() == identifier.kind);
                kind.and_then(|kind| Identifier::parse(kind, &identifier.code, identifier.read_on).ok())
                    .ok_or_else(|| damaged(id))
            })
            .transpose()?;
        Ok(PersonaData {
            surname: stored.surname,
            name: stored.name,
            identifier,
            birth_date: stored.birth_date,
            birth_place: stored.birth_place,
            sex: stored.sex,
            residence: stored.residence,
            education: stored.education,
            citizenship: stored.citizenship,
            household: stored.household,
            work: stored.work,
            disadvantage: stored.disadvantage,
            phone: stored.phone,
            email: stored.email,
            note: stored.note,
        })
    }
}

/// A new persona, sealed, ready to be inserted.
pub(crate) struct Prepared {
    pub(crate) id: PersonaId,
    pub(crate) key: Secret,
    pub(crate) link: Option<SealedLink>,
    wrapped: Vec<u8>,
    sealed: Vec<u8>,
    index: Vec<persona_index::ActiveModel>,
}

impl Prepared {
    #[expect(clippy::too_many_arguments, reason = "keys, place and content of one persona; two callers")]
    pub(crate) fn new(
        portal: &PortalKeys,
        keys: &EnteKeys,
        ente: EnteId,
        id: PersonaId,
        data: &PersonaData,
        external_id: Option<&str>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Self {
        let key = Secret::generate(chance);
        let link = data.identifier.as_ref().and_then(|identifier| portal.link(identifier, chance));
        Self {
            id,
            wrapped: keys.wrap_persona(id, &key, chance),
            sealed: StoredPersona::new(data, link.clone(), day(now)).seal(&key, ente, id, chance),
            index: index_rows(keys, ente, id, data, external_id),
            key,
            link,
        }
    }

    pub(crate) async fn insert(
        self,
        connection: &Writing,
        ente: EnteId,
        import: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Self::insert_all(vec![self], connection, ente, import, now).await
    }

    pub(crate) async fn insert_all(
        all: Vec<Self>,
        connection: &Writing,
        ente: EnteId,
        import: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if all.is_empty() {
            return Ok(());
        }
        let (mut rows, mut keys, mut index) = (Vec::new(), Vec::new(), Vec::new());
        for one in all {
            rows.push(persone::ActiveModel {
                ente_id: Set(ente.0),
                id: Set(one.id.0),
                revision: Set(1),
                created_at: Set(now),
                updated_at: Set(now),
                is_restricted: Set(false),
                erased_at: Set(None),
                merged_into: Set(None),
                import_id: Set(import),
                sealed: Set(one.sealed),
            });
            keys.push(persona_keys::ActiveModel {
                ente_id: Set(ente.0),
                persona_id: Set(one.id.0),
                wrapped_key: Set(one.wrapped),
            });
            index.extend(one.index);
        }
        persone::Entity::insert_many(rows).exec_without_returning(&**connection).await?;
        persona_keys::Entity::insert_many(keys).exec_without_returning(&**connection).await?;
        insert_index(&**connection, index).await
    }
}
