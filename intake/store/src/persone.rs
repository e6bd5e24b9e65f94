//! Persone: who is assessed. All that is known of them is sealed under a key of their own; searching goes through keyed
//! indexes, and erasing destroys the key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{EnteId, SealedLink, What};
use domain::identifier::{Identifier, IdentifierKind};
use domain::keys::Secret;
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    Set,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::{EnteScope, Right};
use crate::assessments::Categories;
use crate::audit::{Line, append};
use crate::error::{Refused, StoreError};
use crate::feed::{Kind, NewEvent};
use crate::ids::PersonaId;
use crate::keys::{EnteKeys, IndexKind, PortalKeys, context, folded_words, open, seal};
use crate::open::{Chance, Store, Writing, day, moment, new_id, required, text, update};
use crate::tables::{
    assessments, azione_results, drafts, events, imports, persona_index, persona_keys, persona_trail, persone, segments,
};

/// Persone opened at most for one search: a longer text narrows it.
const CANDIDATES_MAX: usize = 1_000;
/// Ids in one condition.
pub(crate) const IDS_MAX: usize = 500;

/// What is recorded of a persona. Prints redacted.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonaData {
    /// Surname; empty for imported persone without one.
    pub surname: String,
    /// Name; empty for imported persone without one.
    pub name: String,
    /// By what administrations know them.
    pub identifier: Option<Identifier>,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
    /// Belfiore code of the comune or country of birth.
    pub birth_place: Option<String>,
    /// Sex.
    pub sex: Option<Sex>,
    /// ISTAT code of the comune of residence.
    pub residence: Option<String>,
    /// Education.
    pub education: Option<Education>,
    /// Citizenship.
    pub citizenship: Option<Citizenship>,
    /// Household.
    pub household: Option<Household>,
    /// Work condition.
    pub work: Option<Work>,
    /// Categories of disadvantage; `None` when nobody asked, empty when there are none.
    pub disadvantage: Option<BTreeSet<Disadvantage>>,
    /// Telephone.
    pub phone: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// The operator's note.
    pub note: Option<String>,
}

impl fmt::Debug for PersonaData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonaData(…)")
    }
}

/// A persona.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// Their id.
    pub id: PersonaId,
    /// What is recorded.
    pub data: PersonaData,
    /// To be given back when changing.
    pub revision: i32,
    /// When they were entered.
    pub created_at: DateTime<Utc>,
    /// When they were last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether their data may not be used for now.
    pub is_restricted: bool,
    /// The persona who goes on in their place.
    pub merged_into: Option<PersonaId>,
}

/// A persona in a list. Prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonaSummary {
    /// Their id.
    pub id: PersonaId,
    /// Surname.
    pub surname: String,
    /// Name.
    pub name: String,
    /// Birth date.
    pub birth_date: Option<NaiveDate>,
    /// ISTAT code of the comune of residence.
    pub residence: Option<String>,
    /// By what administrations know them.
    pub identifier: Option<Identifier>,
    /// When they were last changed or assessed.
    pub updated_at: DateTime<Utc>,
    /// Whether their data may not be used for now.
    pub is_restricted: bool,
}

impl fmt::Debug for PersonaSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonaSummary({}, …)", self.id)
    }
}

/// What a search by name found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonaFound {
    /// By surname and name.
    pub persone: Vec<PersonaSummary>,
    /// Whether there are more than were asked for: a longer name narrows them.
    pub has_more: bool,
}

impl Store {
    /// Enters a persona. Look for the identifier first: a taken one is refused.
    ///
    /// # Errors
    /// [`crate::Refused::IdentifierTaken`], texts too long, no right.
    pub async fn create_persona(
        &self,
        scope: &EnteScope,
        data: &PersonaData,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<PersonaId, StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let keys = self.ente_keys(scope.ente()).await?;
        let data = data.checked(true)?;
        let id = PersonaId(new_id(chance));
        let prepared = Prepared::new(&self.keys, &keys, scope.ente(), id, &data, None, now, chance);
        let writing = self.write().await?;
        identifier_free(&writing, scope.ente(), &keys, &data, None).await?;
        prepared.insert(&writing, scope.ente(), None, now).await?;
        append(&self.keys, &*writing, Line::done(scope, "persona.create", &[id.0]), now).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// Changes what is recorded. Assessments made before keep what was recorded then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when `revision` is no longer the present one; identifier taken.
    pub async fn update_persona(
        &self,
        scope: &EnteScope,
        id: PersonaId,
        revision: i32,
        data: &PersonaData,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let data = data.checked(true)?;
        let writing = self.write().await?;
        let row = usable(&*writing, ente, id).await?;
        if row.revision != revision {
            return Err(StoreError::Conflict("persona"));
        }
        identifier_free(&writing, ente, &keys, &data, Some(id)).await?;
        let key = persona_key(&*writing, &keys, ente, id).await?;
        let before = StoredPersona::open(&key, &row.sealed, ente, id)?;
        let same_identifier = before.data(id)?.identifier == data.identifier;
        let link = match &data.identifier {
            Some(_) if same_identifier => before.link,
            Some(identifier) => Some(self.keys.link(identifier, chance)),
            None => None,
        };
        let stored = StoredPersona::new(&data, link.clone(), day(now));
        let change = persone::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            revision: Set(revision + 1),
            updated_at: Set(now),
            sealed: Set(stored.seal(&key, ente, id, chance)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        persona_index::Entity::delete_many()
            .filter(persona_index::Column::EnteId.eq(ente.0))
            .filter(persona_index::Column::PersonaId.eq(id.0))
            .filter(persona_index::Column::Kind.ne(IndexKind::External.code()))
            .exec(&*writing)
            .await?;
        insert_index(&*writing, index_rows(&keys, ente, id, &data, None)).await?;
        if !same_identifier {
            let what = What::PersonaChanged { person: self.keys.person_token(id), link };
            let event = NewEvent { ente, persona: Some(id), what };
            crate::feed::append(&*writing, event, &key, now, chance).await?;
        }
        append(&self.keys, &*writing, Line::done(scope, "persona.update", &[id.0]), now).await?;
        writing.commit().await
    }

    /// Reads a persona; audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also once erased.
    pub async fn persona(&self, scope: &EnteScope, id: PersonaId, now: DateTime<Utc>) -> Result<Persona, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let row = visible(ente)
            .filter(persone::Column::Id.eq(id.0))
            .one(self.reading())
            .await?
            .ok_or(StoreError::NotFound("persona"))?;
        let (row, stored) = self.open_persone(&keys, ente, vec![row]).await?.remove(0);
        self.note(Line::done(scope, "persona.read", &[id.0]), now).await?;
        Ok(Persona {
            id,
            data: stored.data(id)?,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            is_restricted: row.is_restricted,
            merged_into: row.merged_into.map(PersonaId),
        })
    }

    /// The persona with an identifier; of merged persone the one that goes on; audited.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn find_by_identifier(
        &self,
        scope: &EnteScope,
        identifier: &Identifier,
        now: DateTime<Utc>,
    ) -> Result<Option<PersonaSummary>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let ids = indexed(self.reading(), ente, IndexKind::Identifier, keys.identifier_token(identifier)).await?;
        let mut rows = visible(ente).filter(persone::Column::Id.is_in(ids)).all(self.reading()).await?;
        // The one that goes on, however often it was merged.
        while let Some(into) = rows.first().and_then(|row| row.merged_into) {
            rows = visible(ente).filter(persone::Column::Id.eq(into)).all(self.reading()).await?;
        }
        rows.truncate(1);
        let found = self.summaries(&keys, ente, rows).await?.pop();
        let subjects: Vec<Uuid> = found.iter().map(|found| found.id.0).collect();
        self.note(Line::done(scope, "persona.find_by_identifier", &subjects), now).await?;
        Ok(found)
    }

    /// Persone who have, for each word asked for, a word in surname or name that begins with it; case and accents do not
    /// matter. Words of fewer than three letters must be whole. Audited.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn find_by_name(
        &self,
        scope: &EnteScope,
        text: &str,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<PersonaFound, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let words = folded_words(text);
        let mut ids: Option<BTreeSet<Uuid>> = None;
        for word in &words {
            let token = keys.prefix_token(word).unwrap_or_else(|| keys.word_token(word));
            let found: BTreeSet<Uuid> =
                indexed(self.reading(), ente, IndexKind::Name, token).await?.into_iter().collect();
            ids = Some(ids.map_or_else(|| found.clone(), |ids| &ids & &found));
        }
        let ids: Vec<Uuid> = ids.unwrap_or_default().into_iter().collect();
        let mut has_more = ids.len() > CANDIDATES_MAX;
        let mut found = Vec::new();
        for chunk in ids[..ids.len().min(CANDIDATES_MAX)].chunks(IDS_MAX) {
            let rows = visible(ente)
                .filter(persone::Column::MergedInto.is_null())
                .filter(persone::Column::Id.is_in(chunk.to_vec()))
                .all(self.reading())
                .await?;
            found.extend(self.summaries(&keys, ente, rows).await?.into_iter().filter(|one| one.has_words(&words)));
        }
        found.sort_by_cached_key(|one| (folded_words(&one.surname), folded_words(&one.name), one.birth_date, one.id));
        has_more |= found.len() > limit;
        found.truncate(limit);
        let subjects: Vec<Uuid> = found.iter().map(|found| found.id.0).collect();
        self.note(Line::done(scope, "persona.find_by_name", &subjects), now).await?;
        Ok(PersonaFound { persone: found, has_more })
    }

    /// The persone last changed or assessed; audited.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn recent_persone(
        &self,
        scope: &EnteScope,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<PersonaSummary>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let rows = visible(ente)
            .filter(persone::Column::MergedInto.is_null())
            .order_by_desc(persone::Column::UpdatedAt)
            .order_by_asc(persone::Column::Id)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX))
            .all(self.reading())
            .await?;
        let found = self.summaries(&keys, ente, rows).await?;
        let subjects: Vec<Uuid> = found.iter().map(|found| found.id.0).collect();
        self.note(Line::done(scope, "persona.recent", &subjects), now).await?;
        Ok(found)
    }

    /// How many persone the Ente has: erased and merged ones do not count.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn count_persone(&self, scope: &EnteScope) -> Result<u64, StoreError> {
        scope.require(Right::SeePersone)?;
        Ok(visible(scope.ente()).filter(persone::Column::MergedInto.is_null()).count(self.reading()).await?)
    }

    /// Restricts the use of a persona's data (GDPR art. 18).
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; no reason; no right.
    pub async fn restrict_persona(
        &self,
        scope: &EnteScope,
        id: PersonaId,
        reason: &str,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        self.set_restricted(scope, id, true, reason, now, chance).await
    }

    /// Lifts the restriction.
    ///
    /// # Errors
    /// As [`Store::restrict_persona`].
    pub async fn unrestrict_persona(
        &self,
        scope: &EnteScope,
        id: PersonaId,
        reason: &str,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        self.set_restricted(scope, id, false, reason, now, chance).await
    }

    /// Erases a persona and those merged into them: keys destroyed, contents gone, earlier events blanked, the segments
    /// that hold them marked for writing anew, a tombstone in the feed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; no right.
    pub async fn erase_persona(
        &self,
        scope: &EnteScope,
        id: PersonaId,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Erase)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let writing = self.write().await?;
        let row = visible(ente)
            .filter(persone::Column::Id.eq(id.0))
            .one(&*writing)
            .await?
            .ok_or(StoreError::NotFound("persona"))?;
        if row.merged_into.is_some() {
            return Err(Refused::Merged.into());
        }
        let group = group(&*writing, ente, id).await?;
        let mut blanked = Vec::new();
        for persona in &group {
            blanked.extend(erase_rows(&writing, ente, *persona, now).await?);
        }
        for persona in &group {
            let event =
                NewEvent { ente, persona: None, what: What::Erased { person: self.keys.person_token(*persona) } };
            crate::feed::append(&*writing, event, &keys.own, now, chance).await?;
        }
        mark_segments(&writing, ente, &blanked).await?;
        let subjects: Vec<Uuid> = group.iter().map(|persona| persona.0).collect();
        append(&self.keys, &*writing, Line::done(scope, "persona.erase", &subjects), now).await?;
        writing.commit().await?;
        self.fold_log().await
    }

    /// Two persone were found to be one human: `into` goes on, with the questionnaires of both.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; either merged already, or restricted; no reason.
    pub async fn merge_persone(
        &self,
        scope: &EnteScope,
        from: PersonaId,
        into: PersonaId,
        reason: &str,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reason = reason_given(reason)?;
        if from == into {
            return Err(Refused::Merged.into());
        }
        let writing = self.write().await?;
        usable(&*writing, ente, from).await?;
        usable(&*writing, ente, into).await?;
        let change = persone::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(from.0),
            merged_into: Set(Some(into.0)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let key = persona_key(&*writing, &keys, ente, from).await?;
        self.trail(&writing, scope, from, Some(into), "merged", &reason, &key, now, chance).await?;
        let (from_token, into_token) = (self.keys.person_token(from), self.keys.person_token(into));
        let what = What::PersonasMerged { from: from_token, into: into_token };
        crate::feed::append(&*writing, NewEvent { ente, persona: Some(from), what }, &key, now, chance).await?;
        append(&self.keys, &*writing, Line::done(scope, "persona.merge", &[from.0, into.0]), now).await?;
        writing.commit().await
    }

    /// They were not, after all.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when `from` is not merged.
    pub async fn unmerge_persona(
        &self,
        scope: &EnteScope,
        from: PersonaId,
        reason: &str,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reason = reason_given(reason)?;
        let writing = self.write().await?;
        let row = visible(ente)
            .filter(persone::Column::Id.eq(from.0))
            .filter(persone::Column::MergedInto.is_not_null())
            .one(&*writing)
            .await?
            .ok_or(StoreError::NotFound("persona"))?;
        let change = persone::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(from.0),
            merged_into: Set(None),
            updated_at: Set(now),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let key = persona_key(&*writing, &keys, ente, from).await?;
        let into = row.merged_into.map(PersonaId);
        self.trail(&writing, scope, from, into, "unmerged", &reason, &key, now, chance).await?;
        let what = What::Unmerged { from: self.keys.person_token(from) };
        crate::feed::append(&*writing, NewEvent { ente, persona: Some(from), what }, &key, now, chance).await?;
        append(&self.keys, &*writing, Line::done(scope, "persona.unmerge", &[from.0]), now).await?;
        writing.commit().await
    }

    async fn set_restricted(
        &self,
        scope: &EnteScope,
        id: PersonaId,
        is_restricted: bool,
        reason: &str,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Erase)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reason = reason_given(reason)?;
        let writing = self.write().await?;
        let row = visible(ente)
            .filter(persone::Column::Id.eq(id.0))
            .one(&*writing)
            .await?
            .ok_or(StoreError::NotFound("persona"))?;
        if row.is_restricted == is_restricted {
            return Ok(());
        }
        let change = persone::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            is_restricted: Set(is_restricted),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let key = persona_key(&*writing, &keys, ente, id).await?;
        let person = self.keys.person_token(id);
        let (kind, action, what) = if is_restricted {
            ("restricted", "persona.restrict", What::Restricted { person })
        } else {
            ("unrestricted", "persona.unrestrict", What::Unrestricted { person })
        };
        self.trail(&writing, scope, id, None, kind, &reason, &key, now, chance).await?;
        crate::feed::append(&*writing, NewEvent { ente, persona: Some(id), what }, &key, now, chance).await?;
        append(&self.keys, &*writing, Line::done(scope, action, &[id.0]), now).await?;
        writing.commit().await
    }

    /// Writes down what was decided about a persona and why.
    #[expect(clippy::too_many_arguments, reason = "the fields of one row")]
    async fn trail(
        &self,
        writing: &Writing,
        scope: &EnteScope,
        persona: PersonaId,
        other: Option<PersonaId>,
        kind: &str,
        reason: &str,
        key: &Secret,
        now: DateTime<Utc>,
        chance: &mut impl Chance,
    ) -> Result<(), StoreError> {
        let id = new_id(chance);
        let row = persona_trail::ActiveModel {
            ente_id: Set(scope.ente().0),
            id: Set(id),
            persona_id: Set(persona.0),
            other_id: Set(other.map(|other| other.0)),
            kind: Set(kind.to_owned()),
            at: Set(now),
            account_id: Set(scope.account_id().map(|account| account.0)),
            sealed: Set(seal(key, &reason, &context(scope.ente(), "persona_trail", "sealed", id), chance)),
        };
        persona_trail::Entity::insert(row).exec_without_returning(&**writing).await?;
        Ok(())
    }

    /// Opens rows of persone that are not erased.
    async fn open_persone(
        &self,
        keys: &EnteKeys,
        ente: EnteId,
        rows: Vec<persone::Model>,
    ) -> Result<Vec<(persone::Model, StoredPersona)>, StoreError> {
        let ids: Vec<PersonaId> = rows.iter().map(|row| PersonaId(row.id)).collect();
        let secrets = persona_secrets(self.reading(), keys, ente, &ids).await?;
        rows.into_iter()
            .map(|row| {
                let id = PersonaId(row.id);
                let key = secrets.get(&id).ok_or_else(|| damaged(id))?;
                let stored = StoredPersona::open(key, &row.sealed, ente, id)?;
                Ok((row, stored))
            })
            .collect()
    }

    async fn summaries(
        &self,
        keys: &EnteKeys,
        ente: EnteId,
        rows: Vec<persone::Model>,
    ) -> Result<Vec<PersonaSummary>, StoreError> {
        let opened = self.open_persone(keys, ente, rows).await?;
        opened
            .into_iter()
            .map(|(row, stored)| {
                let id = PersonaId(row.id);
                let data = stored.data(id)?;
                Ok(PersonaSummary {
                    id,
                    surname: data.surname,
                    name: data.name,
                    birth_date: data.birth_date,
                    residence: data.residence,
                    identifier: data.identifier,
                    updated_at: row.updated_at,
                    is_restricted: row.is_restricted,
                })
            })
            .collect()
    }
}

impl PersonaSummary {
    /// Whether each word begins a word of the name; short ones must be whole.
    fn has_words(&self, words: &[String]) -> bool {
        let own: Vec<String> = [&self.surname, &self.name].into_iter().flat_map(|text| folded_words(text)).collect();
        words.iter().all(|word| {
            let is_short = word.chars().count() < 3;
            own.iter().any(|own| if is_short { own == word } else { own.starts_with(word.as_str()) })
        })
    }
}

impl PersonaData {
    /// With texts trimmed and looked at. Who is entered by hand has a surname or a name.
    pub(crate) fn checked(&self, needs_name: bool) -> Result<Self, Refused> {
        let optional = |field, given: &Option<String>, max| -> Result<Option<String>, Refused> {
            let text = given.as_deref().map(|given| self::text(field, given, max)).transpose()?;
            Ok(text.filter(|text| !text.is_empty()))
        };
        let checked = Self {
            surname: text("surname", &self.surname, 100)?,
            name: text("name", &self.name, 100)?,
            birth_place: optional("birth_place", &self.birth_place, 4)?,
            residence: optional("residence", &self.residence, 6)?,
            phone: optional("phone", &self.phone, 40)?,
            email: optional("email", &self.email, 254)?,
            note: optional("note", &self.note, 4_000)?,
            ..self.clone()
        };
        if needs_name && checked.surname.is_empty() && checked.name.is_empty() {
            return Err(Refused::TextForm("surname"));
        }
        let is_istat = |code: &String| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        if !checked.residence.as_ref().is_none_or(is_istat) {
            return Err(Refused::TextForm("residence"));
        }
        Ok(checked)
    }

    /// What the feed may know on a day.
    pub(crate) fn categories(&self, on: NaiveDate) -> Categories {
        Categories {
            comune: self.residence.clone(),
            age: self.birth_date.and_then(|birth| on.years_since(birth)).and_then(|years| u8::try_from(years).ok()),
            sex: self.sex,
            education: self.education,
            citizenship: self.citizenship,
            household: self.household,
            work: self.work,
            disadvantage: self.disadvantage.clone(),
        }
    }
}

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
    fn new(data: &PersonaData, link: Option<SealedLink>, today: NaiveDate) -> Self {
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

    fn seal(self, key: &Secret, ente: EnteId, id: PersonaId, chance: &mut impl Chance) -> Vec<u8> {
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
        chance: &mut impl Chance,
    ) -> Self {
        let key = Secret::generate(chance);
        let link = data.identifier.as_ref().map(|identifier| portal.link(identifier, chance));
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

async fn insert_index(
    connection: &impl ConnectionTrait,
    rows: Vec<persona_index::ActiveModel>,
) -> Result<(), StoreError> {
    for chunk in rows.chunks(IDS_MAX) {
        persona_index::Entity::insert_many(chunk.to_vec()).exec_without_returning(connection).await?;
    }
    Ok(())
}

fn index_rows(
    keys: &EnteKeys,
    ente: EnteId,
    id: PersonaId,
    data: &PersonaData,
    external_id: Option<&str>,
) -> Vec<persona_index::ActiveModel> {
    let mut tokens: BTreeSet<(&'static str, Vec<u8>)> = BTreeSet::new();
    for word in [&data.surname, &data.name].into_iter().flat_map(|text| folded_words(text)) {
        tokens.insert((IndexKind::Name.code(), keys.word_token(&word)));
        tokens.extend(keys.prefix_token(&word).map(|token| (IndexKind::Name.code(), token)));
    }
    tokens.extend(data.identifier.iter().map(|it| (IndexKind::Identifier.code(), keys.identifier_token(it))));
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

fn damaged(id: PersonaId) -> StoreError {
    StoreError::Damaged { table: "persone", row: id.to_string() }
}

pub(crate) fn reason_given(reason: &str) -> Result<String, Refused> {
    match required("reason", reason, 4_000) {
        Ok(reason) => Ok(reason),
        Err(_) if reason.trim().is_empty() => Err(Refused::ReasonMissing),
        Err(other) => Err(other),
    }
}

/// The Ente's imports that are real.
fn committed(ente: EnteId) -> SelectStatement {
    Query::select()
        .column(imports::Column::Id)
        .from(imports::Entity)
        .and_where(imports::Column::EnteId.eq(ente.0))
        .and_where(imports::Column::State.eq(crate::import::COMMITTED))
        .take()
}

/// Rows that no import brought, or one that is real.
pub(crate) fn real(import_id: impl ColumnTrait, ente: EnteId) -> Condition {
    Condition::any().add(import_id.is_null()).add(import_id.in_subquery(committed(ente)))
}

/// The Ente's persone that are there: not erased, not merely staged.
pub(crate) fn visible(ente: EnteId) -> Select<persone::Entity> {
    persone::Entity::find()
        .filter(persone::Column::EnteId.eq(ente.0))
        .filter(persone::Column::ErasedAt.is_null())
        .filter(real(persone::Column::ImportId, ente))
}

/// A persona whose data may be used and changed.
pub(crate) async fn usable(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    id: PersonaId,
) -> Result<persone::Model, StoreError> {
    let row = visible(ente)
        .filter(persone::Column::Id.eq(id.0))
        .one(connection)
        .await?
        .ok_or(StoreError::NotFound("persona"))?;
    if row.is_restricted {
        return Err(Refused::Restricted.into());
    }
    if row.merged_into.is_some() {
        return Err(Refused::Merged.into());
    }
    Ok(row)
}

/// A persona and all that were merged into it, at whatever remove.
pub(crate) async fn group(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    id: PersonaId,
) -> Result<Vec<PersonaId>, StoreError> {
    let mut all = vec![id];
    let mut newest = vec![id.0];
    while !newest.is_empty() {
        newest = persone::Entity::find()
            .filter(persone::Column::EnteId.eq(ente.0))
            .filter(persone::Column::MergedInto.is_in(newest))
            .order_by_asc(persone::Column::Id)
            .all(connection)
            .await?
            .into_iter()
            .map(|row| row.id)
            .collect();
        all.extend(newest.iter().copied().map(PersonaId));
    }
    Ok(all)
}

/// Notes that something happened to a persona.
pub(crate) async fn touch(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    id: PersonaId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let change =
        persone::ActiveModel { ente_id: Set(ente.0), id: Set(id.0), updated_at: Set(now), ..Default::default() };
    update(change, connection).await
}

pub(crate) async fn persona_key(
    connection: &impl ConnectionTrait,
    keys: &EnteKeys,
    ente: EnteId,
    id: PersonaId,
) -> Result<Secret, StoreError> {
    let row = persona_keys::Entity::find_by_id((ente.0, id.0)).one(connection).await?.ok_or_else(|| damaged(id))?;
    keys.unwrap_persona(id, &row.wrapped_key)
}

/// The keys of many persone; those erased have none.
pub(crate) async fn persona_secrets(
    connection: &impl ConnectionTrait,
    keys: &EnteKeys,
    ente: EnteId,
    ids: &[PersonaId],
) -> Result<BTreeMap<PersonaId, Secret>, StoreError> {
    let mut secrets = BTreeMap::new();
    for chunk in ids.chunks(IDS_MAX) {
        let rows = persona_keys::Entity::find()
            .filter(persona_keys::Column::EnteId.eq(ente.0))
            .filter(persona_keys::Column::PersonaId.is_in(chunk.iter().map(|id| id.0)))
            .all(connection)
            .await?;
        for row in rows {
            let id = PersonaId(row.persona_id);
            secrets.insert(id, keys.unwrap_persona(id, &row.wrapped_key)?);
        }
    }
    Ok(secrets)
}

/// The persone that stand under a token.
async fn indexed(
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

/// Refuses an identifier that another persona of the Ente has. Those of merged persone count: they are the same human.
async fn identifier_free(
    writing: &Writing,
    ente: EnteId,
    keys: &EnteKeys,
    data: &PersonaData,
    but: Option<PersonaId>,
) -> Result<(), StoreError> {
    let Some(identifier) = &data.identifier else { return Ok(()) };
    let ids = indexed(&**writing, ente, IndexKind::Identifier, keys.identifier_token(identifier)).await?;
    let others: Vec<Uuid> = ids.into_iter().filter(|id| but.map(|but| but.0) != Some(*id)).collect();
    let taken = visible(ente).filter(persone::Column::Id.is_in(others)).count(&**writing).await? > 0;
    if taken { Err(Refused::IdentifierTaken.into()) } else { Ok(()) }
}

/// Takes away all that is held of a persona; gives the numbers of the events that became blank.
async fn erase_rows(
    writing: &Writing,
    ente: EnteId,
    id: PersonaId,
    now: DateTime<Utc>,
) -> Result<Vec<i64>, StoreError> {
    let connection = &**writing;
    let rows = events::Entity::find()
        .filter(events::Column::EnteId.eq(ente.0))
        .filter(events::Column::PersonaId.eq(id.0))
        .all(connection)
        .await?;
    let mut numbers = Vec::new();
    for row in rows {
        let first = if row.block == crate::feed::ORDINARY {
            Some(1)
        } else {
            imports::Entity::find_by_id((ente.0, row.block)).one(connection).await?.and_then(|import| import.first_seq)
        };
        numbers.extend(first.map(|first| first - 1 + row.ordinal));
        let blank = events::ActiveModel {
            ente_id: Set(row.ente_id),
            block: Set(row.block),
            ordinal: Set(row.ordinal),
            persona_id: Set(None),
            assessment_id: Set(None),
            kind: Set(Kind::Blank.code().to_owned()),
            sealed: Set(Vec::new()),
            ..Default::default()
        };
        update(blank, connection).await?;
    }
    macro_rules! delete {
        ($table:ident, $column:ident) => {
            $table::Entity::delete_many()
                .filter($table::Column::EnteId.eq(ente.0))
                .filter($table::Column::$column.eq(id.0))
                .exec(connection)
                .await?;
        };
    }
    delete!(drafts, PersonaId);
    delete!(azione_results, PersonaId);
    delete!(assessments, PersonaId);
    delete!(persona_trail, PersonaId);
    delete!(persona_trail, OtherId);
    delete!(persona_index, PersonaId);
    delete!(persona_keys, PersonaId);
    let tombstone = persone::ActiveModel {
        ente_id: Set(ente.0),
        id: Set(id.0),
        updated_at: Set(now),
        erased_at: Set(Some(now)),
        merged_into: Set(None),
        is_restricted: Set(false),
        sealed: Set(Vec::new()),
        ..Default::default()
    };
    update(tombstone, connection).await?;
    Ok(numbers)
}

/// Has the segments that hold these events written anew.
async fn mark_segments(writing: &Writing, ente: EnteId, numbers: &[i64]) -> Result<(), StoreError> {
    let rows = segments::Entity::find().filter(segments::Column::EnteId.eq(ente.0)).all(&**writing).await?;
    for row in rows {
        if numbers.iter().any(|number| (row.first_seq..=row.last_seq).contains(number)) {
            let change = segments::ActiveModel {
                ente_id: Set(row.ente_id),
                first_seq: Set(row.first_seq),
                wanted: Set(row.wanted + 1),
                ..Default::default()
            };
            update(change, &**writing).await?;
        }
    }
    Ok(())
}
