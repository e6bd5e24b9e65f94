//! Enti: codes, dated names, comuni served, unità.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{EnteId, UnitaId, What};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::access::{EnteScope, PlatformScope, Right};
use crate::agreements::Standing;
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::error::{Refused, StoreError};
use crate::feed::NewEvent;
use crate::keys::Opens;
use crate::open::{Chance, Store, day, moment, new_id, required, update};
use crate::tables::{ente_comuni, ente_names, enti, unita};

/// An Ente to be admitted.
#[derive(Clone, Debug)]
pub struct NewEnte {
    /// Short code, as typed at login: `pordenone-demo`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// From which day it has the name and serves the comuni.
    pub from: NaiveDate,
    /// ISTAT codes of the comuni it serves.
    pub comuni: BTreeSet<String>,
    /// Whether its data are made up.
    pub is_demo: bool,
}

/// An Ente.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ente {
    /// Its id.
    pub id: EnteId,
    /// Its code.
    pub code: String,
    /// Its name today.
    pub name: String,
    /// All names it has had, the oldest first.
    pub names: Vec<EnteName>,
    /// ISTAT codes of the comuni it serves today.
    pub comuni: BTreeSet<String>,
    /// Whether its data are made up.
    pub is_demo: bool,
    /// How it stands today.
    pub standing: Standing,
    /// When it was admitted.
    pub created_at: DateTime<Utc>,
}

/// A name with the days it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnteName {
    /// The name.
    pub name: String,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it no longer held.
    pub until: Option<NaiveDate>,
}

/// An associated municipality or a service within an Ente.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unita {
    /// Its id.
    pub id: UnitaId,
    /// Its name.
    pub name: String,
    /// Under which unità tables count it, if not itself.
    pub counted_under: Option<UnitaId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The day from which on nobody belongs to it any more.
    pub ended_on: Option<NaiveDate>,
}

impl Unita {
    /// Whether somebody can belong to it on a day.
    #[must_use]
    pub fn is_open(&self, on: NaiveDate) -> bool {
        self.ended_on.is_none_or(|end| on < end)
    }
}

/// What changes of an Ente from a day on.
#[derive(Clone, Debug)]
pub struct EnteChange {
    /// Its name.
    pub name: String,
    /// ISTAT codes of the comuni it serves.
    pub comuni: BTreeSet<String>,
    /// From which day on.
    pub from: NaiveDate,
}

impl Store {
    /// Admits an Ente, with keys of its own.
    ///
    /// # Errors
    /// Code taken or malformed; no right.
    pub async fn create_ente(
        &self,
        scope: &PlatformScope,
        new: &NewEnte,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<EnteId, StoreError> {
        scope.require(Right::ManageEnti)?;
        let new = self.checked_ente(new).await?;
        let id = EnteId(new_id(chance));
        let writing = self.write(PLATFORM).await?;
        writing.turn_to(id).await?;
        self.insert_new_ente(&writing, scope, id, &new, moment(now), chance).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// An Ente to be admitted with what forms write into it put in order. Two who ask for one code at once are told apart by
    /// the index.
    pub(crate) async fn checked_ente(&self, new: &NewEnte) -> Result<NewEnte, StoreError> {
        let code = code(&new.code)?;
        let name = required("name", &new.name, 200)?;
        if !new.comuni.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(Refused::TextForm("comuni").into());
        }
        if enti::Entity::find().filter(enti::Column::Code.eq(&code)).one(&self.directory()).await?.is_some() {
            return Err(Refused::CodeTaken.into());
        }
        Ok(NewEnte { code, name, ..new.clone() })
    }

    /// Puts in a checked Ente, in a transaction that has turned to it; leaves it turned to the platform.
    pub(crate) async fn insert_new_ente(
        &self,
        writing: &Writing,
        scope: &PlatformScope,
        id: EnteId,
        new: &NewEnte,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        self.insert_ente(&**writing, id, &new.code, false, new.is_demo, now, chance).await?;
        let row = ente_names::ActiveModel {
            ente_id: Set(id.0),
            id: Set(new_id(chance)),
            name: Set(new.name.clone()),
            valid_from: Set(new.from),
            valid_until: Set(None),
        };
        ente_names::Entity::insert(row).exec_without_returning(&**writing).await?;
        let comuni: Vec<ente_comuni::ActiveModel> = new
            .comuni
            .iter()
            .map(|code| ente_comuni::ActiveModel {
                ente_id: Set(id.0),
                id: Set(new_id(chance)),
                istat_code: Set(code.clone()),
                valid_from: Set(new.from),
                valid_until: Set(None),
            })
            .collect();
        if !comuni.is_empty() {
            ente_comuni::Entity::insert_many(comuni).exec_without_returning(&**writing).await?;
        }
        writing.turn_to(PLATFORM).await?;
        let subjects = [id.0];
        let line = Line::on_platform(scope, "ente.create", &subjects).with_detail(new.code.as_str());
        append(&self.keys, &**writing, line, now).await
    }

    /// All Enti, by code.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn enti(&self, scope: &PlatformScope, now: DateTime<Utc>) -> Result<Vec<Ente>, StoreError> {
        scope.require(Right::ManageEnti)?;
        let rows = enti::Entity::find()
            .filter(enti::Column::IsPlatform.eq(false))
            .order_by_asc(enti::Column::Code)
            .all(&self.directory())
            .await?;
        let mut enti = Vec::new();
        for row in rows {
            enti.push(self.described(row, None, now).await?);
        }
        Ok(enti)
    }

    /// The Ente with this code: for the command line, which is given codes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn ente_id(&self, code: &str) -> Result<EnteId, StoreError> {
        let row = enti::Entity::find()
            .filter(enti::Column::Code.eq(code.trim().to_lowercase()))
            .filter(enti::Column::IsPlatform.eq(false))
            .one(&self.directory())
            .await?;
        row.map(|row| EnteId(row.id)).ok_or(StoreError::NotFound("Ente"))
    }

    /// The scope's own Ente.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ente(&self, scope: &EnteScope, now: DateTime<Utc>) -> Result<Ente, StoreError> {
        scope.require(Right::SeeEnte)?;
        let row = enti::Entity::find_by_id(scope.ente().0).one(&self.reading(scope.ente())).await?;
        self.described(row.ok_or(StoreError::NotFound("Ente"))?, None, now).await
    }

    /// An Ente, for what runs by itself in its name, nothing where it is closed: nothing of its persone is asked.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], which is not the same as closed; the database.
    pub async fn open_ente(&self, ente: EnteId, now: DateTime<Utc>) -> Result<Option<Ente>, StoreError> {
        let row = enti::Entity::find_by_id(ente.0).one(&self.reading(ente)).await?;
        let row = row.filter(|row| !row.is_platform).ok_or(StoreError::NotFound("Ente"))?;
        if row.closed_at.is_some() { Ok(None) } else { Ok(Some(self.described(row, None, now).await?)) }
    }

    /// Gives an Ente another name, or other comuni, from a day on: what was before keeps its days.
    ///
    /// # Errors
    /// No such Ente, or one that is closed; [`Refused::TextForm`] of a day that is not after the first of what ends.
    pub async fn change_ente(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        change: &EnteChange,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageEnti)?;
        let from = change.from;
        let name = required("name", &change.name, 200)?;
        let writing = self.write(ente).await?;
        let row = enti::Entity::find_by_id(ente.0).one(&*writing).await?;
        row.filter(|row| !row.is_platform && row.closed_at.is_none()).ok_or(StoreError::NotFound("Ente"))?;
        let present = ente_names::Entity::find()
            .filter(ente_names::Column::EnteId.eq(ente.0))
            .filter(ente_names::Column::ValidUntil.is_null())
            .one(&*writing)
            .await?
            .ok_or(StoreError::NotFound("Ente"))?;
        if present.name != name {
            if present.valid_from >= from {
                return Err(Refused::TextForm("from").into());
            }
            let end = ente_names::ActiveModel {
                ente_id: Set(ente.0),
                id: Set(present.id),
                valid_until: Set(Some(from)),
                ..Default::default()
            };
            update(end, &*writing).await?;
            let row = ente_names::ActiveModel {
                ente_id: Set(ente.0),
                id: Set(new_id(chance)),
                name: Set(name),
                valid_from: Set(from),
                valid_until: Set(None),
            };
            ente_names::Entity::insert(row).exec_without_returning(&*writing).await?;
        }
        let served = ente_comuni::Entity::find()
            .filter(ente_comuni::Column::EnteId.eq(ente.0))
            .filter(ente_comuni::Column::ValidUntil.is_null())
            .all(&*writing)
            .await?;
        let known: BTreeSet<String> = served.iter().map(|row| row.istat_code.clone()).collect();
        for row in served.iter().filter(|row| !change.comuni.contains(&row.istat_code)) {
            if row.valid_from >= from {
                return Err(Refused::TextForm("from").into());
            }
            let end = ente_comuni::ActiveModel {
                ente_id: Set(ente.0),
                id: Set(row.id),
                valid_until: Set(Some(from)),
                ..Default::default()
            };
            update(end, &*writing).await?;
        }
        for code in change.comuni.difference(&known) {
            let row = ente_comuni::ActiveModel {
                ente_id: Set(ente.0),
                id: Set(new_id(chance)),
                istat_code: Set(code.clone()),
                valid_from: Set(from),
                valid_until: Set(None),
            };
            ente_comuni::Entity::insert(row).exec_without_returning(&*writing).await?;
        }
        writing.turn_to(PLATFORM).await?;
        append(&self.keys, &*writing, Line::on_platform(scope, "ente.change", &[ente.0]), now).await?;
        writing.commit().await
    }

    /// Makes an unità.
    ///
    /// # Errors
    /// No right; an empty name.
    pub async fn create_unita(
        &self,
        scope: &EnteScope,
        name: &str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<UnitaId, StoreError> {
        scope.require(Right::ManageAccounts)?;
        let now = moment(now);
        let name = required("name", name, 200)?;
        let id = UnitaId(new_id(chance));
        let writing = self.write(scope.ente()).await?;
        let row = unita::ActiveModel {
            ente_id: Set(scope.ente().0),
            id: Set(id.0),
            name: Set(name),
            counted_under: Set(None),
            created_at: Set(now),
            ended_on: Set(None),
        };
        unita::Entity::insert(row).exec_without_returning(&*writing).await?;
        append(&self.keys, &*writing, Line::done(scope, "unita.create", &[id.0]), now).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// The Ente's unità, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unita(&self, scope: &EnteScope) -> Result<Vec<Unita>, StoreError> {
        scope.require(Right::SeeEnte)?;
        let rows = unita::Entity::find()
            .filter(unita::Column::EnteId.eq(scope.ente().0))
            .order_by_asc(unita::Column::Name)
            .order_by_asc(unita::Column::Id)
            .all(&self.reading(scope.ente()))
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| Unita {
                id: UnitaId(row.id),
                name: row.name,
                counted_under: row.counted_under.map(UnitaId),
                created_at: row.created_at,
                ended_on: row.ended_on,
            })
            .collect())
    }

    /// Has an unità counted under another from now on; `None` for itself.
    ///
    /// # Errors
    /// No such unità; no right.
    pub async fn move_unita(
        &self,
        scope: &EnteScope,
        unita: UnitaId,
        counted_under: Option<UnitaId>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        let keys = self.ente_keys(scope.ente()).await?;
        let writing = self.write(scope.ente()).await?;
        for id in [Some(unita), counted_under].into_iter().flatten() {
            let row = unita::Entity::find_by_id((scope.ente().0, id.0)).one(&*writing).await?;
            row.ok_or(StoreError::NotFound("unità"))?;
        }
        let counted_under = counted_under.filter(|under| *under != unita);
        let change = unita::ActiveModel {
            ente_id: Set(scope.ente().0),
            id: Set(unita.0),
            counted_under: Set(counted_under.map(|under| under.0)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let event = NewEvent { ente: scope.ente(), persona: None, what: What::UnitaMoved { unita, counted_under } };
        crate::feed::append(&*writing, event, keys.own.sealing(), now, chance).await?;
        append(&self.keys, &*writing, Line::done(scope, "unita.move", &[unita.0]), now).await?;
        writing.commit().await
    }

    /// Ends an unità from a day on, or has it go on (`None`): its accounts and figures stay what they are.
    ///
    /// # Errors
    /// No such unità; no right.
    pub async fn end_unita(
        &self,
        scope: &EnteScope,
        id: UnitaId,
        ended_on: Option<NaiveDate>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        let writing = self.write(scope.ente()).await?;
        let row = unita::Entity::find_by_id((scope.ente().0, id.0)).one(&*writing).await?;
        row.ok_or(StoreError::NotFound("unità"))?;
        let change = unita::ActiveModel {
            ente_id: Set(scope.ente().0),
            id: Set(id.0),
            ended_on: Set(ended_on),
            ..Default::default()
        };
        update(change, &*writing).await?;
        append(&self.keys, &*writing, Line::done(scope, "unita.end", &[id.0]), now).await?;
        writing.commit().await
    }

    /// An Ente as it is on the day of an instant, for a session that has been proved already.
    pub(crate) async fn ente_described(&self, id: EnteId, now: DateTime<Utc>) -> Result<Ente, StoreError> {
        let row = enti::Entity::find_by_id(id.0).one(&self.reading(id)).await?;
        self.described(
            row.filter(|row| EnteId(row.id) != PLATFORM).ok_or(StoreError::NotFound("Ente"))?,
            Some(day(now)),
            now,
        )
        .await
    }

    /// On a day; without one, by the names and comuni that have no end.
    async fn described(&self, row: enti::Model, on: Option<NaiveDate>, now: DateTime<Utc>) -> Result<Ente, StoreError> {
        let reading = &self.reading(EnteId(row.id));
        let names = ente_names::Entity::find()
            .filter(ente_names::Column::EnteId.eq(row.id))
            .order_by_asc(ente_names::Column::ValidFrom)
            .all(reading)
            .await?;
        let comuni = ente_comuni::Entity::find().filter(ente_comuni::Column::EnteId.eq(row.id)).all(reading).await?;
        let holds = |until: Option<NaiveDate>| match (until, on) {
            (None, _) => true,
            (Some(until), Some(on)) => on < until,
            (Some(_), None) => false,
        };
        let name = names.iter().find(|name| holds(name.valid_until));
        let damaged = || StoreError::Damaged { table: "ente_names", row: row.id.to_string() };
        Ok(Ente {
            id: EnteId(row.id),
            name: name.ok_or_else(damaged)?.name.clone(),
            names: names
                .into_iter()
                .map(|row| EnteName { name: row.name, from: row.valid_from, until: row.valid_until })
                .collect(),
            comuni: comuni.into_iter().filter(|row| holds(row.valid_until)).map(|row| row.istat_code).collect(),
            code: row.code,
            is_demo: row.is_demo,
            standing: self.standing(EnteId(row.id), row.closed_at, now).await?,
            created_at: row.created_at,
        })
    }
}

/// The unità of an Ente by name, those that ended included.
pub(crate) async fn unita_names(
    connection: &impl ConnectionTrait,
    ente: EnteId,
) -> Result<BTreeMap<UnitaId, String>, StoreError> {
    let rows = unita::Entity::find().filter(unita::Column::EnteId.eq(ente.0)).all(connection).await?;
    Ok(rows.into_iter().map(|row| (UnitaId(row.id), row.name)).collect())
}

fn code(given: &str) -> Result<String, Refused> {
    let trimmed = given.trim();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (2..=40).contains(&trimmed.len()) && trimmed.bytes().all(fits) {
        Ok(trimmed.to_owned())
    } else {
        Err(Refused::CodeForm)
    }
}
