//! Extractions with names: an Ente takes out persone and questionnaires as the portal holds them.
//!
//! The file is kept here for seven days, in pieces sealed under a key of its own, which stands sealed under the Ente's: it
//! goes with the Ente, and with the extraction. Erasing or restricting anybody takes away every file that is kept, and
//! whatever is being made. Which columns a file has is the caller's business; whose rows may be read is decided here, once,
//! when an [`IdentifiedJob`] is given out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::feed::{EnteId, UnitaId};
use domain::instrument::Id;
use domain::keys::Secret;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::{EnteScope, Right};
use crate::assessments::{AccountName, Assessment, HistoryFilter, there};
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::enti::unita_names;
use crate::error::{Refused, StoreError};
use crate::ids::{AccountId, ExtractionId, PersonaId};
use crate::keys::{EnteKeys, context, open, seal};
use crate::open::{Chance, Store, moment, new_id, required, update};
use crate::persone::{IDS_MAX, Persona, going_on_in, reached, seen};
use crate::tables::{assessments, identified_extraction_pieces as pieces, identified_extractions, persone};

/// How long a file is kept once it was asked for.
const KEPT: TimeDelta = TimeDelta::days(7);

/// One that nobody has worked on for so long was left by a program that ended.
const LEFT_ALONE: TimeDelta = TimeDelta::minutes(2);

const RUNNING: &str = "running";
const READY: &str = "ready";
const FAILED: &str = "failed";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifiedRequest {
    /// The strumento.
    pub instrument: Id,
    /// The first year of assessment.
    pub from: i32,
    /// The last.
    pub until: i32,
    /// Codes of the tables wanted.
    pub tables: Vec<String>,
    /// The code of the format.
    pub format: String,
    /// Why.
    pub reason: String,
    /// Which questionnaires alone.
    #[serde(default)]
    pub only: Narrowing,
}

/// Which of the questionnaires of an extraction's years; what is `None` asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrowing {
    /// Who made them valid.
    pub operator: Option<AccountId>,
    /// In which unità.
    pub unita: Option<UnitaId>,
    /// A scale, and the level reached on it.
    pub level: Option<(Id, Id)>,
}

impl IdentifiedRequest {
    /// For the audit: what was chosen, without the reason.
    fn summary(&self) -> String {
        let Self { instrument, from, until, tables, format, reason: _, only } = self;
        let Narrowing { operator, unita, level } = only;
        let mut chosen = format!("{instrument} {from}-{until} {format} {}", tables.join("+"));
        chosen.extend(operator.map(|operator| format!(" operator={operator}")));
        chosen.extend(unita.map(|unita| format!(" unita={unita}")));
        chosen.extend(level.as_ref().map(|(scale, level)| format!(" {scale}={level}")));
        chosen
    }

    /// The questionnaires that count and are asked for.
    fn filter(&self) -> Result<HistoryFilter, Refused> {
        let Narrowing { operator, unita, level } = self.only.clone();
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).ok_or(Refused::AssessedOn);
        Ok(HistoryFilter {
            operator,
            instrument: Some(self.instrument.clone()),
            from: Some(day(self.from, 1, 1)?),
            until: Some(day(self.until, 12, 31)?),
            unita,
            level,
            is_current_only: true,
        })
    }
}

/// What became of an extraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentifiedState {
    /// Under way.
    Running {
        /// Rows written.
        read: u64,
        /// Rows to write.
        of: u64,
    },
    /// It was under way when the program ended.
    Interrupted,
    /// To be taken.
    Ready {
        /// By table.
        rows: BTreeMap<String, u64>,
        /// Of the file in clear.
        bytes: u64,
    },
    /// Not made; why, as the caller's code.
    Failed {
        /// The code.
        problem: String,
    },
}

/// An extraction with names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifiedExtraction {
    /// Its id.
    pub id: ExtractionId,
    /// Who asked.
    pub asked_by: Option<AccountName>,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// Until when it is kept.
    pub until: DateTime<Utc>,
    /// For what.
    pub request: IdentifiedRequest,
    /// The operator that it asks for, by name.
    pub operator: Option<AccountName>,
    /// The unità that it asks for, by name.
    pub unita: Option<String>,
    /// What became of it.
    pub state: IdentifiedState,
}

/// A row's sealed part.
#[derive(Serialize, Deserialize)]
#[serde(tag = "format")]
enum Stored {
    #[serde(rename = "identified extraction 1")]
    V1(StoredExtraction),
}

#[derive(Serialize, Deserialize)]
struct StoredExtraction {
    request: IdentifiedRequest,
    /// Of the file: in hexadecimal digits.
    key: String,
    /// Of the file: how many there must be.
    pieces: i32,
    rows: BTreeMap<String, u64>,
    bytes: u64,
    problem: Option<String>,
}

impl StoredExtraction {
    fn open(keys: &EnteKeys, row: &identified_extractions::Model) -> Result<Self, StoreError> {
        let ente = EnteId(row.ente_id);
        let Stored::V1(stored) = open(&keys.own, &row.sealed, ente, "identified_extractions", "sealed", row.id)?;
        Ok(stored)
    }

    fn key(&self, id: ExtractionId) -> Result<Secret, StoreError> {
        let bytes = hex::decode(&self.key).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Secret::from_bytes).ok_or_else(|| damaged(id))
    }

    fn seal(self, keys: &EnteKeys, ente: EnteId, id: ExtractionId, chance: &mut dyn Chance) -> Vec<u8> {
        seal(&keys.own, &Stored::V1(self), &context(ente, "identified_extractions", "sealed", id), chance)
    }
}

fn damaged(id: ExtractionId) -> StoreError {
    StoreError::Damaged { table: "identified_extractions", row: id.to_string() }
}

fn piece_context(ente: EnteId, id: ExtractionId, place: i32) -> String {
    context(ente, "identified_extraction_pieces", "sealed", format!("{id}|{place}"))
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// An extraction under way: the permission to read the rows that it asks for, and no others.
#[derive(Debug)]
pub struct IdentifiedJob {
    store: Store,
    scope: EnteScope,
    id: ExtractionId,
    request: IdentifiedRequest,
    key: Secret,
    /// The versions that counted when it was asked for, by day.
    assessments: Vec<Uuid>,
    /// Who goes on in whose place.
    merged: BTreeMap<Uuid, Uuid>,
    /// Whose they are.
    persone: Vec<PersonaId>,
    /// The Ente's unità, by name.
    unita: BTreeMap<UnitaId, String>,
    next_piece: i32,
    bytes: u64,
}

impl Store {
    /// Begins an extraction with names, once the audit has taken its line.
    ///
    /// # Errors
    /// No right ([`Right::ExtractIdentified`]); [`Refused::ExtractionUnderWay`]: one at a time in an Ente;
    /// [`Refused::ReasonMissing`]; years that are none.
    pub async fn begin_identified(
        &self,
        scope: &EnteScope,
        request: IdentifiedRequest,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<IdentifiedJob, StoreError> {
        scope.require(Right::ExtractIdentified)?;
        let account = scope.account_id().ok_or(Refused::NeedsAccount)?;
        let (now, ente) = (moment(now), scope.ente());
        let reason = required("reason", &request.reason, 300).map_err(|_| Refused::ReasonMissing)?;
        let request = IdentifiedRequest { reason, ..request };
        let filter = request.filter()?;
        let keys = self.ente_keys(ente).await?;
        let writing = self.write(ente).await?;
        sweep(&writing, ente, now).await?;
        let running = identified_extractions::Entity::find()
            .filter(identified_extractions::Column::EnteId.eq(ente.0))
            .filter(identified_extractions::Column::State.eq(RUNNING))
            .filter(identified_extractions::Column::TouchedAt.gt(now - LEFT_ALONE))
            .one(&*writing)
            .await?;
        if running.is_some() {
            return Err(Refused::ExtractionUnderWay.into());
        }
        let rows = there(ente)
            .filter(reached(scope, assessments::Column::PersonaId))
            .filter(filter.condition())
            .order_by_asc(assessments::Column::AssessedOn)
            .order_by_asc(assessments::Column::Id)
            .select_only()
            .columns([assessments::Column::Id, assessments::Column::PersonaId])
            .into_tuple::<(Uuid, Uuid)>()
            .all(&*writing)
            .await?;
        let merged = going_on_in(&*writing, ente).await?;
        let restricted = restricted(&*writing, ente).await?;
        let unita = unita_names(&*writing, ente).await?;
        let own = |persona: Uuid| *merged.get(&persona).unwrap_or(&persona);
        let (mut assessments, mut persone) = (Vec::new(), BTreeSet::new());
        for (assessment, persona) in rows {
            if !restricted.contains(&own(persona)) {
                assessments.push(assessment);
                persone.insert(PersonaId(own(persona)));
            }
        }
        let id = ExtractionId(new_id(chance));
        let key = Secret::generate(chance);
        let stored = StoredExtraction {
            request: request.clone(),
            key: hex::encode(key.expose()),
            pieces: 0,
            rows: BTreeMap::new(),
            bytes: 0,
            problem: None,
        };
        let row = identified_extractions::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            account_id: Set(account.0),
            asked_at: Set(now),
            touched_at: Set(now),
            state: Set(RUNNING.to_owned()),
            rows_read: Set(0),
            rows_total: Set(0),
            sealed: Set(stored.seal(&keys, ente, id, chance)),
        };
        identified_extractions::Entity::insert(row).exec_without_returning(&*writing).await?;
        let detail = format!("{}; {}", request.summary(), request.reason);
        let subjects = [id.0];
        let line = Line::done(scope, "identified_extraction.request", &subjects).with_detail(detail);
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await?;
        Ok(IdentifiedJob {
            store: self.clone(),
            scope: scope.clone(),
            id,
            request,
            key,
            assessments,
            merged,
            persone: persone.into_iter().collect(),
            unita,
            next_piece: 0,
            bytes: 0,
        })
    }

    /// The extractions with names that are kept, the newest first; those past their time are removed.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn identified_extractions(
        &self,
        scope: &EnteScope,
        now: DateTime<Utc>,
    ) -> Result<Vec<IdentifiedExtraction>, StoreError> {
        scope.require(Right::ExtractIdentified)?;
        let (now, ente) = (moment(now), scope.ente());
        let writing = self.write(ente).await?;
        sweep(&writing, ente, now).await?;
        writing.commit().await?;
        let rows = identified_extractions::Entity::find()
            .filter(identified_extractions::Column::EnteId.eq(ente.0))
            .order_by_desc(identified_extractions::Column::AskedAt)
            .order_by_asc(identified_extractions::Column::Id)
            .all(&self.reading(ente))
            .await?;
        let keys = self.ente_keys(ente).await?;
        let names = self.names(ente).await?;
        rows.into_iter().map(|row| read(&keys, &row, &names, now)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also once it is past its time.
    pub async fn identified_extraction(
        &self,
        scope: &EnteScope,
        id: ExtractionId,
        now: DateTime<Utc>,
    ) -> Result<IdentifiedExtraction, StoreError> {
        scope.require(Right::ExtractIdentified)?;
        let row = kept(&self.reading(scope.ente()), scope.ente(), id, moment(now)).await?;
        let keys = self.ente_keys(scope.ente()).await?;
        let names = self.names(scope.ente()).await?;
        read(&keys, &row, &names, moment(now))
    }

    async fn names(&self, ente: EnteId) -> Result<Names, StoreError> {
        Ok(Names { accounts: self.account_names(ente).await?, unita: unita_names(&self.reading(ente), ente).await? })
    }

    /// The file of an extraction that is ready, whole; audited before anything is given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also while it is not ready; [`StoreError::Damaged`] when a piece was changed or is missing.
    pub async fn take_identified(
        &self,
        scope: &EnteScope,
        id: ExtractionId,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, StoreError> {
        scope.require(Right::ExtractIdentified)?;
        let (now, ente) = (moment(now), scope.ente());
        let keys = self.ente_keys(ente).await?;
        let row = kept(&self.reading(ente), ente, id, now).await?;
        if row.state != READY {
            return Err(StoreError::NotFound("extraction"));
        }
        let stored = StoredExtraction::open(&keys, &row)?;
        let key = stored.key(id)?;
        let mut file = Vec::with_capacity(usize::try_from(stored.bytes).unwrap_or_default());
        for place in 0..stored.pieces {
            let piece = pieces::Entity::find_by_id((ente.0, id.0, place)).one(&self.reading(ente)).await?;
            let piece = piece.ok_or_else(|| damaged(id))?;
            file.extend(key.open(&piece.sealed, &piece_context(ente, id, place)).map_err(|_| damaged(id))?.iter());
        }
        let detail = format!("{} {}", stored.request.summary(), counts(&stored.rows, stored.bytes));
        self.note(Line::done(scope, "identified_extraction.download", &[id.0]).with_detail(detail), now).await?;
        Ok(file)
    }

    /// Deletes an extraction before its time; one that is being made goes too, and its job finds that it is gone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_identified(
        &self,
        scope: &EnteScope,
        id: ExtractionId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ExtractIdentified)?;
        let (now, ente) = (moment(now), scope.ente());
        let writing = self.write(ente).await?;
        kept(&*writing, ente, id, now).await?;
        remove(&writing, ente, &[id.0]).await?;
        append(&self.keys, &*writing, Line::done(scope, "identified_extraction.delete", &[id.0]), now).await?;
        writing.commit().await?;
        self.fold_log().await
    }

    /// Takes away whatever is kept or being made, in the caller's transaction: somebody who may be in it is erased or
    /// restricted.
    pub(crate) async fn withdraw_identified(
        &self,
        writing: &Writing,
        scope: &EnteScope,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let ids = identified_extractions::Entity::find()
            .filter(identified_extractions::Column::EnteId.eq(scope.ente().0))
            .select_only()
            .column(identified_extractions::Column::Id)
            .into_tuple::<Uuid>()
            .all(&**writing)
            .await?;
        if ids.is_empty() {
            return Ok(());
        }
        remove(writing, scope.ente(), &ids).await?;
        append(&self.keys, &**writing, Line::done(scope, "identified_extraction.withdraw", &ids), now).await
    }
}

impl IdentifiedJob {
    /// The extraction's id.
    #[must_use]
    pub const fn id(&self) -> ExtractionId {
        self.id
    }

    /// What was asked for.
    #[must_use]
    pub const fn request(&self) -> &IdentifiedRequest {
        &self.request
    }

    /// The Ente's unità, by name.
    #[must_use]
    pub const fn unita(&self) -> &BTreeMap<UnitaId, String> {
        &self.unita
    }

    /// Leaves only the questionnaires with the level that is asked for. Levels are sealed, so each is opened once more: to be
    /// done before anything is written, and only where there is a level.
    ///
    /// # Errors
    /// As [`IdentifiedJob::assessments`].
    pub async fn keep_level(&mut self) -> Result<(), StoreError> {
        let Some((scale, level)) = self.request.only.level.clone() else { return Ok(()) };
        let (mut kept, mut persone) = (Vec::new(), BTreeSet::new());
        for from in (0..self.assessments.len()).step_by(IDS_MAX) {
            for one in self.assessments(from, IDS_MAX).await? {
                if one.has_level(&scale, &level) {
                    kept.push(one.id.0);
                    persone.insert(one.persona);
                }
            }
        }
        self.assessments = kept;
        self.persone = persone.into_iter().collect();
        Ok(())
    }

    /// How many questionnaires it is about.
    #[must_use]
    pub fn count_assessments(&self) -> usize {
        self.assessments.len()
    }

    /// Whose they are, in the order of their ids.
    #[must_use]
    pub fn everybody(&self) -> &[PersonaId] {
        &self.persone
    }

    /// Questionnaires from place `from`, at most `limit`, each under the persona who goes on; fewer than asked for only at
    /// the end.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] once the extraction was withdrawn; the database.
    pub async fn assessments(&self, from: usize, limit: usize) -> Result<Vec<Assessment>, StoreError> {
        let ente = self.scope.ente();
        let mut all = Vec::new();
        for chunk in stretch(&self.assessments, from, limit).chunks(IDS_MAX) {
            let rows = there(ente)
                .filter(assessments::Column::Id.is_in(chunk.to_vec()))
                .order_by_asc(assessments::Column::AssessedOn)
                .order_by_asc(assessments::Column::Id)
                .all(&self.store.reading(ente))
                .await?;
            self.is_whole(rows.len(), chunk)?;
            all.extend(self.store.read_assessments(ente, rows).await?);
        }
        for one in &mut all {
            one.persona = PersonaId(*self.merged.get(&one.persona.0).unwrap_or(&one.persona.0));
        }
        Ok(all)
    }

    /// Those of [`IdentifiedJob::everybody`] who are asked for, in the order of their ids.
    ///
    /// # Errors
    /// As [`IdentifiedJob::assessments`].
    pub async fn persone(&self, ids: &BTreeSet<PersonaId>) -> Result<Vec<Persona>, StoreError> {
        let ente = self.scope.ente();
        let keys = self.store.ente_keys(ente).await?;
        let ids: Vec<Uuid> =
            ids.iter().filter(|id| self.persone.binary_search(id).is_ok()).map(|persona| persona.0).collect();
        let mut all = Vec::new();
        for chunk in ids.chunks(IDS_MAX) {
            let rows = seen(&self.scope)
                .filter(persone::Column::Id.is_in(chunk.to_vec()))
                .filter(persone::Column::IsRestricted.eq(false))
                .order_by_asc(persone::Column::Id)
                .all(&self.store.reading(ente))
                .await?;
            self.is_whole(rows.len(), chunk)?;
            all.extend(self.store.whole_persone(&keys, ente, rows).await?);
        }
        Ok(all)
    }

    /// Rows that are gone were erased or restricted meanwhile, and the extraction with them.
    fn is_whole(&self, found: usize, chunk: &[Uuid]) -> Result<(), StoreError> {
        if found == chunk.len() { Ok(()) } else { Err(StoreError::NotFound("extraction")) }
    }

    /// Keeps the next piece of the file, and how far the work is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] once the extraction was withdrawn or deleted.
    pub async fn keep(
        &mut self,
        piece: &[u8],
        rows_read: u64,
        rows_total: u64,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let (ente, id, place) = (self.scope.ente(), self.id, self.next_piece);
        let sealed = self.key.seal(piece, &piece_context(ente, id, place), chance);
        let writing = self.store.write(ente).await?;
        self.under_way(&*writing).await?;
        let row = pieces::ActiveModel {
            ente_id: Set(ente.0),
            extraction_id: Set(id.0),
            place: Set(place),
            sealed: Set(sealed),
        };
        pieces::Entity::insert(row).exec_without_returning(&*writing).await?;
        let change = identified_extractions::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            touched_at: Set(moment(now)),
            rows_read: Set(number(rows_read)),
            rows_total: Set(number(rows_total)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        writing.commit().await?;
        self.next_piece += 1;
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Says how far the work is, and that somebody is at it.
    ///
    /// # Errors
    /// As [`IdentifiedJob::keep`].
    pub async fn tell(&self, rows_read: u64, rows_total: u64, now: DateTime<Utc>) -> Result<(), StoreError> {
        let writing = self.store.write(self.scope.ente()).await?;
        self.under_way(&*writing).await?;
        let change = identified_extractions::ActiveModel {
            ente_id: Set(self.scope.ente().0),
            id: Set(self.id.0),
            touched_at: Set(moment(now)),
            rows_read: Set(number(rows_read)),
            rows_total: Set(number(rows_total)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        writing.commit().await
    }

    /// Makes the file ready to be taken, with its line in the audit.
    ///
    /// # Errors
    /// As [`IdentifiedJob::keep`].
    pub async fn finish(
        self,
        rows: BTreeMap<String, u64>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let detail = counts(&rows, self.bytes);
        let (count_pieces, bytes) = (self.next_piece, self.bytes);
        let end = |stored: StoredExtraction| StoredExtraction { pieces: count_pieces, rows, bytes, ..stored };
        self.end(READY, "identified_extraction.ready", detail, end, now, chance).await
    }

    /// Says that there will be no file, and why: `problem` is the caller's code.
    ///
    /// # Errors
    /// As [`IdentifiedJob::keep`].
    pub async fn fail(self, problem: &str, now: DateTime<Utc>, chance: &mut dyn Chance) -> Result<(), StoreError> {
        let end = |stored: StoredExtraction| StoredExtraction { problem: Some(problem.to_owned()), ..stored };
        self.end(FAILED, "identified_extraction.fail", problem.to_owned(), end, now, chance).await
    }

    async fn end(
        &self,
        state: &str,
        action: &'static str,
        detail: String,
        change: impl FnOnce(StoredExtraction) -> StoredExtraction,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let (now, ente, id) = (moment(now), self.scope.ente(), self.id);
        let keys = self.store.ente_keys(ente).await?;
        let writing = self.store.write(ente).await?;
        let row = self.under_way(&*writing).await?;
        let stored = change(StoredExtraction::open(&keys, &row)?);
        if state == READY {
            // Who was in it: for whoever asks who has seen a persona.
            for chunk in self.persone.chunks(IDS_MAX) {
                let subjects: Vec<Uuid> = std::iter::once(id.0).chain(chunk.iter().map(|persona| persona.0)).collect();
                let line = Line::done(&self.scope, "identified_extraction.persone", &subjects);
                append(&self.store.keys, &*writing, line, now).await?;
            }
        } else {
            delete_pieces(&writing, ente, &[id.0]).await?;
        }
        let change = identified_extractions::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            touched_at: Set(now),
            state: Set(state.to_owned()),
            sealed: Set(stored.seal(&keys, ente, id, chance)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let subjects = [id.0];
        append(&self.store.keys, &*writing, Line::done(&self.scope, action, &subjects).with_detail(detail), now)
            .await?;
        writing.commit().await
    }

    async fn under_way(&self, connection: &impl ConnectionTrait) -> Result<identified_extractions::Model, StoreError> {
        let row = identified_extractions::Entity::find_by_id((self.scope.ente().0, self.id.0)).one(connection).await?;
        row.filter(|row| row.state == RUNNING).ok_or(StoreError::NotFound("extraction"))
    }
}

async fn sweep(writing: &Writing, ente: EnteId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let ids = identified_extractions::Entity::find()
        .filter(identified_extractions::Column::EnteId.eq(ente.0))
        .filter(identified_extractions::Column::AskedAt.lte(now - KEPT))
        .select_only()
        .column(identified_extractions::Column::Id)
        .into_tuple::<Uuid>()
        .all(&**writing)
        .await?;
    remove(writing, ente, &ids).await
}

async fn remove(writing: &Writing, ente: EnteId, ids: &[Uuid]) -> Result<(), StoreError> {
    delete_pieces(writing, ente, ids).await?;
    for chunk in ids.chunks(IDS_MAX) {
        identified_extractions::Entity::delete_many()
            .filter(identified_extractions::Column::EnteId.eq(ente.0))
            .filter(identified_extractions::Column::Id.is_in(chunk.to_vec()))
            .exec(&**writing)
            .await?;
    }
    Ok(())
}

async fn delete_pieces(writing: &Writing, ente: EnteId, ids: &[Uuid]) -> Result<(), StoreError> {
    for chunk in ids.chunks(IDS_MAX) {
        pieces::Entity::delete_many()
            .filter(pieces::Column::EnteId.eq(ente.0))
            .filter(pieces::Column::ExtractionId.is_in(chunk.to_vec()))
            .exec(&**writing)
            .await?;
    }
    Ok(())
}

/// An extraction that is there and not past its time.
async fn kept(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    id: ExtractionId,
    now: DateTime<Utc>,
) -> Result<identified_extractions::Model, StoreError> {
    let row = identified_extractions::Entity::find_by_id((ente.0, id.0)).one(connection).await?;
    row.filter(|row| row.asked_at + KEPT > now).ok_or(StoreError::NotFound("extraction"))
}

/// Names of an Ente's own, by id.
struct Names {
    accounts: BTreeMap<Uuid, String>,
    unita: BTreeMap<UnitaId, String>,
}

fn read(
    keys: &EnteKeys,
    row: &identified_extractions::Model,
    names: &Names,
    now: DateTime<Utc>,
) -> Result<IdentifiedExtraction, StoreError> {
    let stored = StoredExtraction::open(keys, row)?;
    let id = ExtractionId(row.id);
    let state = match row.state.as_str() {
        RUNNING if row.touched_at <= now - LEFT_ALONE => IdentifiedState::Interrupted,
        RUNNING => IdentifiedState::Running { read: count(row.rows_read), of: count(row.rows_total) },
        READY => IdentifiedState::Ready { rows: stored.rows, bytes: stored.bytes },
        FAILED => IdentifiedState::Failed { problem: stored.problem.ok_or_else(|| damaged(id))? },
        _ => return Err(damaged(id)),
    };
    Ok(IdentifiedExtraction {
        id,
        operator: AccountName::of(stored.request.only.operator.map(|operator| operator.0), &names.accounts),
        unita: stored.request.only.unita.and_then(|unita| names.unita.get(&unita).cloned()),
        asked_by: AccountName::of(Some(row.account_id), &names.accounts),
        asked_at: row.asked_at,
        until: row.asked_at + KEPT,
        request: stored.request,
        state,
    })
}

async fn restricted(connection: &impl ConnectionTrait, ente: EnteId) -> Result<BTreeSet<Uuid>, StoreError> {
    let ids = persone::Entity::find()
        .filter(persone::Column::EnteId.eq(ente.0))
        .filter(persone::Column::IsRestricted.eq(true))
        .select_only()
        .column(persone::Column::Id)
        .into_tuple::<Uuid>()
        .all(connection)
        .await?;
    Ok(ids.into_iter().collect())
}

fn stretch(ids: &[Uuid], from: usize, limit: usize) -> &[Uuid] {
    let from = from.min(ids.len());
    &ids[from..ids.len().min(from.saturating_add(limit))]
}

/// Counts, for the audit.
fn counts(rows: &BTreeMap<String, u64>, bytes: u64) -> String {
    let tables: Vec<String> = rows.iter().map(|(table, rows)| format!("{table}={rows}")).collect();
    format!("rows {} bytes={bytes}", tables.join(" "))
}
