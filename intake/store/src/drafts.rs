//! Drafts: questionnaires being filled in, each by one operator; what is filled in is sealed; saving asks for the revision
//! last read.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use domain::feed::{AssessmentId, EnteId};
use domain::instrument::Id;
use domain::keys::Secret;
use domain::scoring::Sheet;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, QueryFilter, QueryOrder, Set};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::{EnteScope, Right};
use crate::assessments::AccountName;
use crate::audit::{Line, append};
use crate::error::{Refused, StoreError};
use crate::ids::{AccountId, DraftId, PersonaId};
use crate::keys::{context, open, seal};
use crate::open::{Chance, Store, day, moment, new_id, text, update};
use crate::persone::{group, persona_key, persona_secrets, seen_one, touch, usable};
use crate::tables::drafts;

/// A draft to be started.
#[derive(Clone, Debug)]
pub struct NewDraft {
    /// Whose.
    pub persona: PersonaId,
    /// The strumento.
    pub instrument: Id,
    /// Its version.
    pub version: u32,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
    /// The answers to begin with, where it does not begin blank.
    pub copied: Option<Copied>,
}

/// Answers of an earlier questionnaire, as they read in the draft's definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The questionnaire.
    pub from: AssessmentId,
    /// The day of its assessment.
    pub assessed_on: NaiveDate,
    /// Its answers.
    pub sheet: Sheet,
}

/// What an operator fills in.
#[derive(Clone, PartialEq, Eq)]
pub struct Filling {
    /// The answers so far.
    pub sheet: Sheet,
    /// Notes by item: they never leave the portal.
    pub notes: BTreeMap<Id, String>,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
}

/// A questionnaire being filled in.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its id.
    pub id: DraftId,
    /// Whose.
    pub persona: PersonaId,
    /// The strumento.
    pub instrument: Id,
    /// Its version.
    pub version: u32,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
    /// The answers so far.
    pub sheet: Sheet,
    /// Notes by item: they never leave the portal.
    pub notes: BTreeMap<Id, String>,
    /// The answers that it began with, where it did not begin blank.
    pub copied: Option<Copied>,
    /// To be given back when saving.
    pub revision: i32,
    /// When the form was first opened.
    pub started_at: DateTime<Utc>,
    /// When it was last saved.
    pub updated_at: DateTime<Utc>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Draft({}, …)", self.id)
    }
}

impl Store {
    /// Starts a draft in the name of the scope's account.
    ///
    /// # Errors
    /// No such persona, restricted or merged; a day in the future; no right.
    pub async fn start_draft(
        &self,
        scope: &EnteScope,
        new: &NewDraft,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<DraftId, StoreError> {
        scope.require(Right::Assess)?;
        let account = account(scope)?;
        let now = moment(now);
        possible_day(new.assessed_on, now)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let version = i32::try_from(new.version).map_err(|_| Refused::OtherDefinition)?;
        let id = DraftId(new_id(chance));
        let sheet = new.copied.as_ref().map(|copied| copied.sheet.clone()).unwrap_or_default();
        let content = Content { sheet, notes: BTreeMap::new(), copied: new.copied.clone() };
        let writing = self.write(ente).await?;
        usable(&*writing, scope, new.persona).await?;
        let key = persona_key(&*writing, &keys, ente, new.persona).await?;
        let row = drafts::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            persona_id: Set(new.persona.0),
            account_id: Set(account.0),
            instrument: Set(new.instrument.as_str().to_owned()),
            version: Set(version),
            assessed_on: Set(new.assessed_on),
            revision: Set(1),
            started_at: Set(now),
            updated_at: Set(now),
            sealed: Set(content.seal(&key, ente, id, chance)),
        };
        drafts::Entity::insert(row).exec_without_returning(&*writing).await?;
        touch(&*writing, ente, new.persona, now).await?;
        append(&self.keys, &*writing, Line::done(scope, "draft.start", &[id.0, new.persona.0]), now).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// One's own draft; audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also for another operator's.
    pub async fn draft(&self, scope: &EnteScope, id: DraftId, now: DateTime<Utc>) -> Result<Draft, StoreError> {
        scope.require(Right::SeeOwnWork)?;
        let row = own(&self.reading(scope.ente()), scope, id).await?;
        let draft = self.read_drafts(scope.ente(), vec![row]).await?.remove(0);
        self.note(Line::done(scope, "draft.read", &[id.0, draft.persona.0]), now).await?;
        Ok(draft)
    }

    /// Saves what is filled in, whole; gives the new revision.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when `revision` is no longer the present one; [`StoreError::NotFound`]; a note too long.
    pub async fn save_draft(
        &self,
        scope: &EnteScope,
        id: DraftId,
        revision: i32,
        filling: &Filling,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<i32, StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        possible_day(filling.assessed_on, now)?;
        let notes = checked_notes(&filling.notes)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let writing = self.write(ente).await?;
        let row = own(&*writing, scope, id).await?;
        if row.revision != revision {
            return Err(StoreError::Conflict("draft"));
        }
        usable(&*writing, scope, PersonaId(row.persona_id)).await?;
        let key = persona_key(&*writing, &keys, ente, PersonaId(row.persona_id)).await?;
        let before = Content::open(&key, &row.sealed, ente, id)?;
        let content = Content { sheet: filling.sheet.clone(), notes, copied: before.copied };
        let change = drafts::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            assessed_on: Set(filling.assessed_on),
            revision: Set(revision + 1),
            updated_at: Set(now),
            sealed: Set(content.seal(&key, ente, id, chance)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        append(&self.keys, &*writing, Line::done(scope, "draft.save", &[id.0, row.persona_id]), now).await?;
        writing.commit().await?;
        Ok(revision + 1)
    }

    /// One's own drafts, the last saved first; audited.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn my_drafts(&self, scope: &EnteScope, now: DateTime<Utc>) -> Result<Vec<Draft>, StoreError> {
        scope.require(Right::SeeOwnWork)?;
        let rows = drafts::Entity::find()
            .filter(drafts::Column::EnteId.eq(scope.ente().0))
            .filter(drafts::Column::AccountId.eq(account(scope)?.0))
            .order_by_desc(drafts::Column::UpdatedAt)
            .order_by_asc(drafts::Column::Id)
            .all(&self.reading(scope.ente()))
            .await?;
        let drafts = self.read_drafts(scope.ente(), rows).await?;
        let subjects: Vec<Uuid> = drafts.iter().map(|draft| draft.id.0).collect();
        self.note(Line::done(scope, "draft.list", &subjects), now).await?;
        Ok(drafts)
    }

    /// The drafts about a persona and those merged into them, whoever's, the last saved first: for who tells the persona what
    /// is held of them. With the name of whose each is; audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; no right.
    pub async fn drafts_of_persona(
        &self,
        scope: &EnteScope,
        persona: PersonaId,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Draft, Option<AccountName>)>, StoreError> {
        scope.require(Right::Erase)?;
        let ente = scope.ente();
        let reading = &self.reading(ente);
        seen_one(reading, scope, persona).await?;
        let group = group(reading, ente, persona).await?;
        let rows = drafts::Entity::find()
            .filter(drafts::Column::EnteId.eq(ente.0))
            .filter(drafts::Column::PersonaId.is_in(group.iter().map(|persona| persona.0)))
            .order_by_desc(drafts::Column::UpdatedAt)
            .order_by_asc(drafts::Column::Id)
            .all(reading)
            .await?;
        let names = self.account_names(ente).await?;
        let by: Vec<Option<AccountName>> =
            rows.iter().map(|row| AccountName::of(Some(row.account_id), &names)).collect();
        let drafts = self.read_drafts(ente, rows).await?;
        let subjects: Vec<Uuid> = std::iter::once(persona.0).chain(drafts.iter().map(|draft| draft.id.0)).collect();
        self.note(Line::done(scope, "draft.list", &subjects), now).await?;
        Ok(drafts.into_iter().zip(by).collect())
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_draft(&self, scope: &EnteScope, id: DraftId, now: DateTime<Utc>) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let writing = self.write(scope.ente()).await?;
        let row = own(&*writing, scope, id).await?;
        let subjects = [id.0, row.persona_id];
        row.delete(&*writing).await?;
        append(&self.keys, &*writing, Line::done(scope, "draft.delete", &subjects), now).await?;
        writing.commit().await
    }

    async fn read_drafts(&self, ente: EnteId, rows: Vec<drafts::Model>) -> Result<Vec<Draft>, StoreError> {
        let keys = self.ente_keys(ente).await?;
        let ids: Vec<PersonaId> = rows.iter().map(|row| PersonaId(row.persona_id)).collect();
        let secrets = persona_secrets(&self.reading(ente), &keys, ente, &ids).await?;
        rows.into_iter()
            .map(|row| {
                let damaged = || StoreError::Damaged { table: "drafts", row: row.id.to_string() };
                let persona = PersonaId(row.persona_id);
                let key = secrets.get(&persona).ok_or_else(damaged)?;
                let content = Content::open(key, &row.sealed, ente, DraftId(row.id))?;
                Ok(Draft {
                    id: DraftId(row.id),
                    persona,
                    instrument: Id::parse(&row.instrument).map_err(|_| damaged())?,
                    version: u32::try_from(row.version).map_err(|_| damaged())?,
                    assessed_on: row.assessed_on,
                    sheet: content.sheet,
                    notes: content.notes,
                    copied: content.copied,
                    revision: row.revision,
                    started_at: row.started_at,
                    updated_at: row.updated_at,
                })
            })
            .collect()
    }
}

/// The stored forms: every version is read, the newest is written.
#[derive(Deserialize)]
#[serde(tag = "v")]
enum VersionedContent {
    #[serde(rename = "1")]
    V1 { sheet: Sheet },
    #[serde(rename = "2")]
    V2(Content),
}

#[derive(Serialize)]
#[serde(tag = "v")]
enum Newest<'a> {
    #[serde(rename = "2")]
    V2(&'a Content),
}

/// Version 2: what is filled in, and what it began with.
#[derive(Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) sheet: Sheet,
    pub(crate) notes: BTreeMap<Id, String>,
    copied: Option<Copied>,
}

impl VersionedContent {
    fn into_latest(self) -> Content {
        match self {
            Self::V1 { sheet } => Content { sheet, notes: BTreeMap::new(), copied: None },
            Self::V2(content) => content,
        }
    }
}

impl Content {
    fn seal(&self, key: &Secret, ente: EnteId, id: DraftId, chance: &mut dyn Chance) -> Vec<u8> {
        seal(key, &Newest::V2(self), &context(ente, "drafts", "sealed", id), chance)
    }

    pub(crate) fn open(key: &Secret, sealed: &[u8], ente: EnteId, id: DraftId) -> Result<Self, StoreError> {
        let versioned: VersionedContent = open(key, sealed, ente, "drafts", "sealed", id)?;
        Ok(versioned.into_latest())
    }
}

/// Characters of a note on an item.
const NOTE_MAX: usize = 2_000;

/// The notes, trimmed, without empty ones.
pub(crate) fn checked_notes(notes: &BTreeMap<Id, String>) -> Result<BTreeMap<Id, String>, Refused> {
    let checked = notes.iter().map(|(item, note)| Ok((item.clone(), text("item_note", note, NOTE_MAX)?)));
    let checked: Result<BTreeMap<Id, String>, Refused> = checked.collect();
    checked.map(|notes| notes.into_iter().filter(|(_, note)| !note.is_empty()).collect())
}

/// The scope's account: drafts belong to one.
pub(crate) fn account(scope: &EnteScope) -> Result<AccountId, Refused> {
    scope.account_id().ok_or(Refused::NeedsAccount)
}

/// A draft of the scope's own account; another's is as if there were none.
pub(crate) async fn own(
    connection: &impl ConnectionTrait,
    scope: &EnteScope,
    id: DraftId,
) -> Result<drafts::Model, StoreError> {
    let account = account(scope)?;
    drafts::Entity::find_by_id((scope.ente().0, id.0))
        .one(connection)
        .await?
        .filter(|row| row.account_id == account.0)
        .ok_or(StoreError::NotFound("draft"))
}

/// A day on which somebody can have been assessed: today at the latest, and not before the century.
pub(crate) fn possible_day(assessed_on: NaiveDate, now: DateTime<Utc>) -> Result<(), Refused> {
    // A clock that is a little behind must not refuse today.
    let latest = day(now + Duration::hours(1));
    let earliest = NaiveDate::from_ymd_opt(1950, 1, 1);
    if assessed_on <= latest && Some(assessed_on) >= earliest { Ok(()) } else { Err(Refused::AssessedOn) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stored_version_is_read() {
        let first = r#"{"v":"1","sheet":{"home":{"value":2}}}"#;
        let second = r#"{"v":"2","sheet":{"home":{"value":2}},"notes":{"home":"da rivedere"},"copied":{
            "from":"00000000-0000-0000-0000-000000000001","assessed_on":"2026-01-31","sheet":{"home":{"missing":"refused"}}}}"#;
        let read = |text: &str| serde_json::from_str::<VersionedContent>(text).unwrap().into_latest();
        let item = Id::parse("home").unwrap();
        assert_eq!(read(first).sheet[&item].code(), 2);
        assert!(read(first).notes.is_empty() && read(first).copied.is_none());
        let latest = read(second);
        assert_eq!(latest.notes[&item], "da rivedere");
        assert_eq!(latest.copied.as_ref().unwrap().sheet[&item].code(), -3);
        let written = serde_json::to_value(Newest::V2(&latest)).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(second).unwrap());
    }
}
