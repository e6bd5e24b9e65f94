//! Persone: who is assessed. All that is known of them is sealed under a key of their own; searching goes through keyed
//! indexes, and erasing destroys the key.
//!
//! Here they are entered, changed and found. `stored` is the form in which they are kept, `index` what they are found by;
//! restricting, erasing and merging are in `rights`, who follows whom in `cases`, who may be there twice in `duplicates`, who is
//! due in `due`, notices in `notices`, whom the Ente need not keep any longer in `retention`.

mod cases;
mod due;
mod duplicates;
mod index;
mod notices;
mod retention;
mod rights;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{EnteId, What};
use domain::identifier::Identifier;
use domain::keys::Secret;
use domain::person::{Citizenship, Disadvantage, Education, Household, PersonaFacts, Sex, Work};
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    Set,
};
use uuid::Uuid;

use crate::access::{EnteScope, Reach, Right};
use crate::assessments::Categories;
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::error::{Refused, StoreError};
use crate::feed::NewEvent;
use crate::ids::PersonaId;
use crate::keys::{EnteKeys, IndexKind, folded_words};
use crate::open::{Chance, Store, day, moment, new_id, requested_id, required, text, update};
use crate::tables::{imports, persona_cases, persona_index, persona_keys, persone};
pub use cases::Follows;
pub use due::Due;
use index::{candidates, index_rows, indexed, insert_index};
pub use notices::Notice;
pub use retention::PastRetention;
pub use rights::{Decision, DecisionKind, ErasureGround, ErasurePreview, FormerIdentifier};

pub(crate) use index::INDEX_VERSION;
pub(crate) use stored::{Prepared, StoredPersona};

/// Persone opened at most for one search: a longer text narrows it.
const CANDIDATES_MAX: usize = 250;
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
        chance: &mut dyn Chance,
    ) -> Result<PersonaId, StoreError> {
        let id = PersonaId(new_id(chance));
        self.put_persona(scope, id, data, now, chance).await
    }

    /// Enters a persona once, however often it is asked: `request` is what the caller calls this request.
    ///
    /// # Errors
    /// As [`Store::create_persona`]; [`Refused::RequestReused`] when the account entered somebody else by the same request,
    /// or who was entered has changed since.
    pub async fn create_persona_once(
        &self,
        scope: &EnteScope,
        request: Uuid,
        data: &PersonaData,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<PersonaId, StoreError> {
        let account = scope.account_id().ok_or(Refused::NeedsAccount)?;
        let id = PersonaId(requested_id(account, "persona", request));
        self.put_persona(scope, id, data, now, chance).await
    }

    /// A new persona under an id; the same once more is the one that is there.
    async fn put_persona(
        &self,
        scope: &EnteScope,
        id: PersonaId,
        data: &PersonaData,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<PersonaId, StoreError> {
        scope.require(Right::Assess)?;
        let (now, ente) = (moment(now), scope.ente());
        let keys = self.ente_keys(ente).await?;
        let data = data.checked(true)?;
        let prepared = Prepared::new(&self.keys, &keys, ente, id, &data, None, now, chance);
        let writing = self.write(ente).await?;
        if let Some(row) = persone::Entity::find_by_id((ente.0, id.0)).one(&*writing).await? {
            // Whoever was erased stays erased.
            let is_same = row.erased_at.is_none() && {
                let key = persona_key(&*writing, &keys, ente, id).await?;
                StoredPersona::open(&key, &row.sealed, ente, id)?.data(id)? == data
            };
            return if is_same { Ok(id) } else { Err(Refused::RequestReused.into()) };
        }
        identifier_free(&writing, ente, &keys, &data, None).await?;
        prepared.insert(&writing, ente, None, now).await?;
        let follows = Follows { account: scope.account_id(), unita: scope.unita() };
        cases::put(&writing, ente, id, follows, now).await?;
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
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let data = data.checked(true)?;
        let writing = self.write(ente).await?;
        let row = usable(&*writing, scope, id).await?;
        if row.revision != revision {
            return Err(StoreError::Conflict("persona"));
        }
        identifier_free(&writing, ente, &keys, &data, Some(id)).await?;
        let key = persona_key(&*writing, &keys, ente, id).await?;
        let before = StoredPersona::open(&key, &row.sealed, ente, id)?;
        let known_by = before.data(id)?.identifier;
        let same_identifier = known_by == data.identifier;
        let link = match &data.identifier {
            Some(_) if same_identifier => before.link,
            Some(identifier) => self.keys.link(identifier, chance),
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
            let former = FormerIdentifier::text(known_by.as_ref());
            self.trail(&writing, scope, id, None, "identifier_changed", &former, &key, now, chance).await?;
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
        let row = seen_one(&self.reading(ente), scope, id).await?;
        let found = self.whole_persone(&keys, ente, vec![row]).await?.remove(0);
        self.note(Line::done(scope, "persona.read", &[id.0]), now).await?;
        Ok(found)
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
        let ids = indexed(&self.reading(ente), ente, IndexKind::Identifier, keys.identifier_token(identifier)).await?;
        let mut rows = seen(scope).filter(persone::Column::Id.is_in(ids)).all(&self.reading(ente)).await?;
        // The one that goes on, however often it was merged.
        while let Some(into) = rows.first().and_then(|row| row.merged_into) {
            rows = seen(scope).filter(persone::Column::Id.eq(into)).all(&self.reading(ente)).await?;
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
        let rows = candidates(&self.reading(ente), &keys, scope, &words, CANDIDATES_MAX as u64 + 1).await?;
        let mut has_more = rows.len() > CANDIDATES_MAX;
        let mut found = self.summaries(&keys, ente, rows).await?;
        found.retain(|one| one.has_words(&words));
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
        let rows = seen(scope)
            .filter(persone::Column::MergedInto.is_null())
            .order_by_desc(persone::Column::UpdatedAt)
            .order_by_asc(persone::Column::Id)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX))
            .all(&self.reading(ente))
            .await?;
        let found = self.summaries(&keys, ente, rows).await?;
        let subjects: Vec<Uuid> = found.iter().map(|found| found.id.0).collect();
        self.note(Line::done(scope, "persona.recent", &subjects), now).await?;
        Ok(found)
    }

    /// All persone whom the scope reaches and who were not merged into others, by name; audited.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn all_persone(&self, scope: &EnteScope, now: DateTime<Utc>) -> Result<Vec<PersonaSummary>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let rows = seen(scope).filter(persone::Column::MergedInto.is_null()).all(&self.reading(ente)).await?;
        let mut all = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(IDS_MAX) {
            all.extend(self.summaries(&keys, ente, chunk.to_vec()).await?);
        }
        all.sort_by_cached_key(|one| (folded_words(&one.surname), folded_words(&one.name), one.id));
        let subjects: Vec<Uuid> = all.iter().map(|one| one.id.0).collect();
        self.note(Line::done(scope, "persona.list", &subjects), now).await?;
        Ok(all)
    }

    /// Notes that persone were handed over to another Ente.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn record_hand_over(
        &self,
        scope: &EnteScope,
        persone: &BTreeSet<PersonaId>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::SeePersone)?;
        let subjects: Vec<Uuid> = persone.iter().map(|persona| persona.0).collect();
        self.note(Line::done(scope, "persona.hand_over", &subjects), now).await
    }

    /// How many persone the Ente has: erased and merged ones do not count.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn count_persone(&self, scope: &EnteScope) -> Result<u64, StoreError> {
        scope.require(Right::SeePersone)?;
        Ok(seen(scope).filter(persone::Column::MergedInto.is_null()).count(&self.reading(scope.ente())).await?)
    }

    /// Opens rows of persone that are not erased.
    async fn open_persone(
        &self,
        keys: &EnteKeys,
        ente: EnteId,
        rows: Vec<persone::Model>,
    ) -> Result<Vec<(persone::Model, StoredPersona)>, StoreError> {
        let ids: Vec<PersonaId> = rows.iter().map(|row| PersonaId(row.id)).collect();
        let secrets = persona_secrets(&self.reading(ente), keys, ente, &ids).await?;
        rows.into_iter()
            .map(|row| {
                let id = PersonaId(row.id);
                let key = secrets.get(&id).ok_or_else(|| damaged(id))?;
                let stored = StoredPersona::open(key, &row.sealed, ente, id)?;
                Ok((row, stored))
            })
            .collect()
    }

    /// Opens rows of persone that are not erased, with all that is recorded.
    pub(crate) async fn whole_persone(
        &self,
        keys: &EnteKeys,
        ente: EnteId,
        rows: Vec<persone::Model>,
    ) -> Result<Vec<Persona>, StoreError> {
        let opened = self.open_persone(keys, ente, rows).await?;
        opened
            .into_iter()
            .map(|(row, stored)| {
                let id = PersonaId(row.id);
                Ok(Persona {
                    id,
                    data: stored.data(id)?,
                    revision: row.revision,
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                    is_restricted: row.is_restricted,
                    merged_into: row.merged_into.map(PersonaId),
                })
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
    #[must_use]
    pub fn categories(&self, on: NaiveDate) -> Categories {
        Categories {
            comune: self.residence.clone(),
            facts: PersonaFacts {
                age: self.birth_date.and_then(|birth| on.years_since(birth)).and_then(|years| u8::try_from(years).ok()),
                sex: self.sex,
                education: self.education,
                citizenship: self.citizenship,
                household: self.household,
                work: self.work,
                disadvantage: self.disadvantage.clone(),
            },
        }
    }
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

/// Rows of the persone whom a scope reaches.
pub(crate) fn reached(scope: &EnteScope, persona_id: impl ColumnTrait) -> Condition {
    let followed = |by: Condition| {
        Query::select()
            .column(persona_cases::Column::PersonaId)
            .from(persona_cases::Entity)
            .and_where(persona_cases::Column::EnteId.eq(scope.ente().0))
            .cond_where(by)
            .take()
    };
    let own = persona_cases::Column::AccountId.eq(scope.account_id().map_or(Uuid::nil(), |account| account.0));
    match (scope.reach(), scope.unita()) {
        (Reach::Ente, _) => Condition::all(),
        (Reach::Unita, Some(unita)) => {
            let of_unita = persona_cases::Column::UnitaId.eq(unita.0);
            Condition::all().add(persona_id.in_subquery(followed(Condition::any().add(own).add(of_unita))))
        }
        (Reach::Unita, None) | (Reach::Own, _) => {
            Condition::all().add(persona_id.in_subquery(followed(Condition::all().add(own))))
        }
    }
}

/// The persone that are there, as far as the scope reaches.
pub(crate) fn seen(scope: &EnteScope) -> Select<persone::Entity> {
    visible(scope.ente()).filter(reached(scope, persone::Column::Id))
}

/// A persona who is there, as far as the scope reaches.
pub(crate) async fn seen_one(
    connection: &impl ConnectionTrait,
    scope: &EnteScope,
    id: PersonaId,
) -> Result<persone::Model, StoreError> {
    let row = seen(scope).filter(persone::Column::Id.eq(id.0)).one(connection).await?;
    row.ok_or(StoreError::NotFound("persona"))
}

/// A persona who was not merged into another.
async fn going_on(
    connection: &impl ConnectionTrait,
    scope: &EnteScope,
    id: PersonaId,
) -> Result<persone::Model, StoreError> {
    let row = seen_one(connection, scope, id).await?;
    if row.merged_into.is_some() { Err(Refused::Merged.into()) } else { Ok(row) }
}

/// A persona whose data may be used and changed.
pub(crate) async fn usable(
    connection: &impl ConnectionTrait,
    scope: &EnteScope,
    id: PersonaId,
) -> Result<persone::Model, StoreError> {
    let row = seen_one(connection, scope, id).await?;
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

/// From each persona who was merged to the one who goes on, at whatever remove.
pub(crate) async fn going_on_in(
    connection: &impl ConnectionTrait,
    ente: EnteId,
) -> Result<BTreeMap<Uuid, Uuid>, StoreError> {
    let direct: BTreeMap<Uuid, Uuid> = persone::Entity::find()
        .filter(persone::Column::EnteId.eq(ente.0))
        .filter(persone::Column::MergedInto.is_not_null())
        .select_only()
        .columns([persone::Column::Id, persone::Column::MergedInto])
        .into_tuple::<(Uuid, Uuid)>()
        .all(connection)
        .await?
        .into_iter()
        .collect();
    let last = |mut id: Uuid| {
        // Nobody is merged into themselves, at whatever remove.
        while let Some(next) = direct.get(&id) {
            id = *next;
        }
        id
    };
    Ok(direct.keys().map(|from| (*from, last(*from))).collect())
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
