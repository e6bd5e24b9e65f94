//! Imports: staged invisibly in small transactions, made real by one short one.
//!
//! Staged rows stand in their tables under an import that is not committed; every query leaves such rows out. Their events
//! are numbered within the import, and committing gives the whole import a stretch of the Ente's numbers at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use domain::feed::{AssessmentId, AzioneOutcome, EnteId, Evaluation, Origin, SealedLink, UnitaId, What};
use domain::instrument::{Id, Instrument, Severity};
use domain::keys::Secret;
use domain::scoring::Sheet;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use crate::access::{EnteScope, Right};
use crate::assessments::{Facts, Place, StoredAssessment, StoredResult, check_azioni, check_evaluation, sem_of};
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::drafts::possible_day;
use crate::error::{Refused, StoreError};
use crate::feed::{Kind, row as event_row, take_numbers};
use crate::ids::{AccountId, ImportId, PersonaId};
use crate::keys::{EnteKeys, IndexKind, context, seal};
use crate::open::{Chance, Store, moment, new_id, required, update};
use crate::persone::{IDS_MAX, PersonaData, Prepared, StoredPersona, persona_secrets, real};
use crate::tables::{
    accounts, assessments, azione_results, events, imports, persona_index, persona_keys, persone, unita,
};

/// Being staged: invisible.
const STAGING: &str = "staging";
/// Real. Queries of persone and assessments look for this.
pub(crate) const COMMITTED: &str = "committed";
/// Being thrown away: invisible, and never to be real.
const ABANDONING: &str = "abandoning";
/// Thrown away.
const ABANDONED: &str = "abandoned";

/// An import that nobody has touched for so long was left by a program that died.
const LEFT_ALONE: Duration = Duration::minutes(10);
/// Rows in one transaction: the portal waits no longer than that.
const BATCH: usize = 250;
/// Imports that a list shows.
const LISTED_MAX: u64 = 200;

/// Whose a row is.
#[derive(Clone, Debug)]
pub struct ImportPersona {
    /// The same external id is the same persona, in this import and in later ones.
    pub external_id: String,
    /// Whether the external id is of this row alone: nobody who is there already, but for the same questionnaire, is meant.
    pub is_of_this_row: bool,
    /// What is recorded when the persona is new; one who exists stays as they are. Residence, education and the like are
    /// also the assessment's categories.
    pub data: PersonaData,
    /// Age in completed years on the day of the assessment, where there is no birth date.
    pub age: Option<u8>,
}

/// One questionnaire to be imported.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Whose.
    pub persona: ImportPersona,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
    /// The answers.
    pub sheet: Sheet,
    /// `Import` for all but the demo.
    pub origin: Origin,
    /// Who assessed, if an account of the Ente.
    pub operator: Option<AccountId>,
    /// In which unità.
    pub unita: Option<UnitaId>,
    /// `Absent` for all but the demo.
    pub evaluation: Evaluation,
    /// Why, when it overrides.
    pub evaluation_reason: Option<String>,
    /// Azioni agreed, with what came of them.
    pub azioni: Vec<(Id, Option<AzioneOutcome>)>,
    /// When the form was first opened.
    pub started_at: Option<DateTime<Utc>>,
    /// When it became valid; `None` for the moment of the import.
    pub validated_at: Option<DateTime<Utc>>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// Staged, under this persona.
    Staged(PersonaId),
    /// There already, the same in everything.
    Skipped,
    /// There already, but different: imports never change a questionnaire.
    Different,
    /// Against a rule.
    Refused(crate::error::Refused),
}

/// What a dry run remembers from one batch of rows to the next: whom it met, and which questionnaires would be there by now.
#[derive(Default)]
pub struct ImportCheck {
    known: Known,
    there: BTreeMap<Vec<u8>, Vec<u8>>,
    persone: u64,
}

impl ImportCheck {
    /// Persone that would have been made so far.
    #[must_use]
    pub fn persone(&self) -> u64 {
        self.persone
    }
}

/// How far an import came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImportState {
    /// Rows are being staged; nobody sees them yet.
    UnderWay,
    /// Its questionnaires are there.
    Committed,
    /// It was given up, or its program ended: nothing of it is there.
    Abandoned,
}

impl ImportState {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::UnderWay, Self::Committed, Self::Abandoned];

    /// A code for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnderWay => "under_way",
            Self::Committed => "committed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// An import, as the Ente's list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportEntry {
    /// Its id, by which the audit names it.
    pub id: ImportId,
    /// From where, and who answers for it.
    pub source: String,
    /// How far it came.
    pub state: ImportState,
    /// When it was begun.
    pub begun_at: DateTime<Utc>,
    /// What it did; of one that was given up, what had been staged.
    pub summary: ImportSummary,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Questionnaires brought in.
    pub assessments: u64,
    /// Persone made for them.
    pub persone: u64,
    /// Rows that were there already.
    pub skipped: u64,
}

impl Store {
    /// Begins an import. `source` is from where, for everyone to read on the questionnaires: never a person's data.
    ///
    /// # Errors
    /// [`crate::Refused::ImportUnderWay`]: one at a time in an Ente; one that was left alone for ten minutes is abandoned.
    pub async fn begin_import(
        &self,
        scope: &EnteScope,
        source: &str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<ImportId, StoreError> {
        scope.require(Right::Import)?;
        let now = moment(now);
        let ente = scope.ente();
        let source = required("source", source, 200)?;
        self.ente_keys(ente).await?;
        self.abandon_left_alone(ente, now).await?;
        let id = ImportId(new_id(chance));
        let writing = self.write(ente).await?;
        let under_way = imports::Entity::find()
            .filter(imports::Column::EnteId.eq(ente.0))
            .filter(imports::Column::State.is_in([STAGING, ABANDONING]))
            .one(&*writing)
            .await?;
        if let Some(row) = under_way {
            return Err(Refused::ImportUnderWay(ImportId(row.id)).into());
        }
        let row = imports::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            source: Set(source),
            state: Set(STAGING.to_owned()),
            begun_at: Set(now),
            touched_at: Set(now),
            committed_at: Set(None),
            count_events: Set(0),
            count_assessments: Set(0),
            count_persone: Set(0),
            count_skipped: Set(0),
            first_seq: Set(None),
        };
        imports::Entity::insert(row).exec_without_returning(&*writing).await?;
        append(&self.keys, &*writing, Line::done(scope, "import.begin", &[id.0]), now).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// Stages rows of one strumento; any number, written in transactions of a few hundred. One outcome per row, in order;
    /// rows that are not `Staged` leave nothing behind.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`crate::Refused::ImportOver`]; the database.
    pub async fn stage_import(
        &self,
        scope: &EnteScope,
        import: ImportId,
        instrument: &Instrument,
        rows: &[ImportRow],
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Vec<RowOutcome>, StoreError> {
        scope.require(Right::Import)?;
        let keys = self.ente_keys(scope.ente()).await?;
        staging(&self.reading(scope.ente()), scope.ente(), import).await?;
        let mut stage = self.stage(scope, &keys, import, instrument, now, Known::default()).await?;
        let mut outcomes = Vec::with_capacity(rows.len());
        for batch in rows.chunks(BATCH) {
            outcomes.extend(stage.batch(scope, batch, chance).await?);
        }
        Ok(outcomes)
    }

    /// Begins a dry run: it is written to the audit, because it tells who is there already.
    ///
    /// # Errors
    /// The right is missing; the database.
    pub async fn begin_check(&self, scope: &EnteScope, now: DateTime<Utc>) -> Result<ImportCheck, StoreError> {
        scope.require(Right::Import)?;
        self.note(Line::done(scope, "import.check", &[]), now).await?;
        Ok(ImportCheck::default())
    }

    /// Says what [`Store::stage_import`] would make of rows, and writes nothing.
    ///
    /// # Errors
    /// The right is missing; the database.
    pub async fn check_import(
        &self,
        scope: &EnteScope,
        check: &mut ImportCheck,
        instrument: &Instrument,
        rows: &[ImportRow],
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Vec<RowOutcome>, StoreError> {
        scope.require(Right::Import)?;
        let keys = self.ente_keys(scope.ente()).await?;
        let known = std::mem::take(&mut check.known);
        // No import has this id, so nothing that another one staged is taken for real.
        let mut stage = self.stage(scope, &keys, ImportId(Uuid::nil()), instrument, now, known).await?;
        let mut outcomes = Vec::with_capacity(rows.len());
        for batch in rows.chunks(BATCH) {
            let (batch, said) = stage.prepared(scope, batch, &mut check.there, 0, chance).await?;
            check.persone += batch.persone.len() as u64;
            outcomes.extend(said);
        }
        check.known = stage.known;
        Ok(outcomes)
    }

    /// The imports of an Ente, the newest first.
    ///
    /// # Errors
    /// The right is missing; the database.
    pub async fn imports(&self, scope: &EnteScope, now: DateTime<Utc>) -> Result<Vec<ImportEntry>, StoreError> {
        scope.require(Right::Import)?;
        let rows = imports::Entity::find()
            .filter(imports::Column::EnteId.eq(scope.ente().0))
            .order_by_desc(imports::Column::BegunAt)
            .order_by_desc(imports::Column::Id)
            .limit(LISTED_MAX)
            .all(&self.reading(scope.ente()))
            .await?;
        let entry = |row: imports::Model| ImportEntry {
            id: ImportId(row.id),
            summary: summary(&row),
            state: match row.state.as_str() {
                COMMITTED => ImportState::Committed,
                STAGING if row.touched_at >= now - LEFT_ALONE => ImportState::UnderWay,
                _ => ImportState::Abandoned,
            },
            source: row.source,
            begun_at: row.begun_at,
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// What stays the same while rows are looked at.
    async fn stage<'a>(
        &'a self,
        scope: &EnteScope,
        keys: &'a EnteKeys,
        import: ImportId,
        instrument: &'a Instrument,
        now: DateTime<Utc>,
        known: Known,
    ) -> Result<Stage<'a>, StoreError> {
        let ente = scope.ente();
        let accounts: BTreeSet<Uuid> = accounts::Entity::find()
            .filter(accounts::Column::EnteId.eq(ente.0))
            .all(&self.reading(ente))
            .await?
            .into_iter()
            .map(|row| row.id)
            .collect();
        let unita: BTreeSet<Uuid> = unita::Entity::find()
            .filter(unita::Column::EnteId.eq(ente.0))
            .all(&self.reading(ente))
            .await?
            .into_iter()
            .map(|row| row.id)
            .collect();
        Ok(Stage { store: self, ente, keys, import, instrument, accounts, unita, now: moment(now), known })
    }

    /// Makes an import real, at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`crate::Refused::ImportOver`].
    pub async fn commit_import(
        &self,
        scope: &EnteScope,
        import: ImportId,
        now: DateTime<Utc>,
    ) -> Result<ImportSummary, StoreError> {
        scope.require(Right::Import)?;
        let now = moment(now);
        let ente = scope.ente();
        let writing = self.write(ente).await?;
        let row = staging(&*writing, ente, import).await?;
        let first_seq =
            if row.count_events > 0 { Some(take_numbers(&*writing, ente, row.count_events).await?) } else { None };
        let change = imports::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(import.0),
            state: Set(COMMITTED.to_owned()),
            committed_at: Set(Some(now)),
            first_seq: Set(first_seq),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let summary = summary(&row);
        let detail =
            format!("assessments {} persone {} skipped {}", summary.assessments, summary.persone, summary.skipped);
        append(&self.keys, &*writing, Line::done(scope, "import.commit", &[import.0]).with_detail(detail), now).await?;
        writing.commit().await?;
        Ok(summary)
    }

    /// Throws away what an import staged.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`crate::Refused::ImportOver`].
    pub async fn abandon_import(
        &self,
        scope: &EnteScope,
        import: ImportId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::Import)?;
        let now = moment(now);
        let writing = self.write(scope.ente()).await?;
        staging(&*writing, scope.ente(), import).await?;
        set_state(&writing, scope.ente(), import, ABANDONING).await?;
        append(&self.keys, &*writing, Line::done(scope, "import.abandon", &[import.0]), now).await?;
        writing.commit().await?;
        self.throw_away(scope.ente(), import).await
    }

    /// Throws away imports whose program died.
    async fn abandon_left_alone(&self, ente: EnteId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let rows = imports::Entity::find()
            .filter(imports::Column::EnteId.eq(ente.0))
            .filter(imports::Column::State.is_in([STAGING, ABANDONING]))
            .filter(imports::Column::TouchedAt.lt(now - LEFT_ALONE))
            .all(&self.reading(ente))
            .await?;
        for row in rows {
            let import = ImportId(row.id);
            let writing = self.write(ente).await?;
            set_state(&writing, ente, import, ABANDONING).await?;
            let subjects = [import.0];
            let line = Line {
                ente,
                actor: None,
                action: "import.abandon",
                is_refused: false,
                subjects: &subjects,
                detail: Some("left alone".to_owned()),
            };
            append(&self.keys, &*writing, line, now).await?;
            writing.commit().await?;
            self.throw_away(ente, import).await?;
        }
        Ok(())
    }

    /// Deletes what an import staged, in small transactions: what refers to something goes before it.
    async fn throw_away(&self, ente: EnteId, import: ImportId) -> Result<(), StoreError> {
        loop {
            let writing = self.write(ente).await?;
            let ids: Vec<Uuid> = assessments::Entity::find()
                .filter(assessments::Column::EnteId.eq(ente.0))
                .filter(assessments::Column::ImportId.eq(import.0))
                .limit(BATCH as u64)
                .all(&*writing)
                .await?
                .into_iter()
                .map(|row| row.id)
                .collect();
            if ids.is_empty() {
                break;
            }
            events::Entity::delete_many()
                .filter(events::Column::EnteId.eq(ente.0))
                .filter(events::Column::AssessmentId.is_in(ids.clone()))
                .exec(&*writing)
                .await?;
            azione_results::Entity::delete_many()
                .filter(azione_results::Column::EnteId.eq(ente.0))
                .filter(azione_results::Column::AssessmentId.is_in(ids.clone()))
                .exec(&*writing)
                .await?;
            assessments::Entity::delete_many()
                .filter(assessments::Column::EnteId.eq(ente.0))
                .filter(assessments::Column::Id.is_in(ids))
                .exec(&*writing)
                .await?;
            writing.commit().await?;
        }
        // Those of azioni name a persona and no assessment.
        let writing = self.write(ente).await?;
        events::Entity::delete_many()
            .filter(events::Column::EnteId.eq(ente.0))
            .filter(events::Column::Block.eq(import.0))
            .exec(&*writing)
            .await?;
        writing.commit().await?;
        loop {
            let writing = self.write(ente).await?;
            let ids: Vec<Uuid> = persone::Entity::find()
                .filter(persone::Column::EnteId.eq(ente.0))
                .filter(persone::Column::ImportId.eq(import.0))
                .order_by_asc(persone::Column::Id)
                .limit(BATCH as u64)
                .all(&*writing)
                .await?
                .into_iter()
                .map(|row| row.id)
                .collect();
            if ids.is_empty() {
                set_state(&writing, ente, import, ABANDONED).await?;
                return writing.commit().await;
            }
            persona_index::Entity::delete_many()
                .filter(persona_index::Column::EnteId.eq(ente.0))
                .filter(persona_index::Column::PersonaId.is_in(ids.clone()))
                .exec(&*writing)
                .await?;
            persona_keys::Entity::delete_many()
                .filter(persona_keys::Column::EnteId.eq(ente.0))
                .filter(persona_keys::Column::PersonaId.is_in(ids.clone()))
                .exec(&*writing)
                .await?;
            persone::Entity::delete_many()
                .filter(persone::Column::EnteId.eq(ente.0))
                .filter(persone::Column::Id.is_in(ids))
                .exec(&*writing)
                .await?;
            writing.commit().await?;
        }
    }
}

fn summary(row: &imports::Model) -> ImportSummary {
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    ImportSummary {
        assessments: count(row.count_assessments),
        persone: count(row.count_persone),
        skipped: count(row.count_skipped),
    }
}

async fn staging(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    import: ImportId,
) -> Result<imports::Model, StoreError> {
    let row = imports::Entity::find_by_id((ente.0, import.0)).one(connection).await?;
    let row = row.ok_or(StoreError::NotFound("import"))?;
    if row.state == STAGING { Ok(row) } else { Err(Refused::ImportOver.into()) }
}

async fn set_state(writing: &Writing, ente: EnteId, import: ImportId, state: &str) -> Result<(), StoreError> {
    let change = imports::ActiveModel {
        ente_id: Set(ente.0),
        id: Set(import.0),
        state: Set(state.to_owned()),
        ..Default::default()
    };
    update(change, &**writing).await
}

/// A persona that rows of this import belong to.
#[derive(Clone)]
struct Whose {
    id: PersonaId,
    key: Secret,
    link: Option<SealedLink>,
    /// The persona that goes on where this one was merged into it; themselves otherwise.
    human: PersonaId,
    /// What stands for their identifier in the index.
    identifier: Option<Vec<u8>>,
    is_restricted: bool,
    /// Made by this import: nobody else can have touched it.
    is_ours: bool,
}

/// Persone met so far, by search token.
#[derive(Default)]
struct Known {
    by_external: BTreeMap<Vec<u8>, Whose>,
    by_identifier: BTreeMap<Vec<u8>, Whose>,
}

/// What stays the same while rows are staged.
struct Stage<'a> {
    store: &'a Store,
    ente: EnteId,
    keys: &'a EnteKeys,
    import: ImportId,
    instrument: &'a Instrument,
    accounts: BTreeSet<Uuid>,
    unita: BTreeSet<Uuid>,
    now: DateTime<Utc>,
    known: Known,
}

/// What a batch is to write.
#[derive(Default)]
struct Batch {
    persone: Vec<Prepared>,
    assessments: Vec<assessments::ActiveModel>,
    results: Vec<azione_results::ActiveModel>,
    events: Vec<events::ActiveModel>,
    /// Persone that were there before, with the rows that are theirs.
    theirs: BTreeMap<PersonaId, Vec<usize>>,
    skipped: i64,
}

impl Stage<'_> {
    async fn batch(
        &mut self,
        scope: &EnteScope,
        rows: &[ImportRow],
        chance: &mut dyn Chance,
    ) -> Result<Vec<RowOutcome>, StoreError> {
        let base = staging(&self.store.reading(self.ente), self.ente, self.import).await?.count_events;
        let (batch, outcomes) = self.prepared(scope, rows, &mut BTreeMap::new(), base, chance).await?;
        self.write(batch).await?;
        Ok(outcomes)
    }

    /// What is to be written of rows, and what became of each. `there` holds questionnaires by what stands for them, and takes
    /// in those of these rows.
    async fn prepared(
        &mut self,
        scope: &EnteScope,
        rows: &[ImportRow],
        there: &mut BTreeMap<Vec<u8>, Vec<u8>>,
        base: i64,
        chance: &mut dyn Chance,
    ) -> Result<(Batch, Vec<RowOutcome>), StoreError> {
        let instrument = self.instrument.id.as_str();
        let tokens: Vec<Vec<u8>> = rows
            .iter()
            .map(|row| {
                let day = row.assessed_on.to_string();
                self.keys.external_row_token(instrument, row.persona.external_id.trim(), &day)
            })
            .collect();
        let stored = assessments::Entity::find()
            .filter(assessments::Column::EnteId.eq(self.ente.0))
            .filter(assessments::Column::ExternalToken.is_in(tokens.clone()))
            .all(&self.store.reading(self.ente))
            .await?;
        there.extend(stored.into_iter().filter_map(|row| row.external_token.zip(row.external_mac)));
        self.look_up(rows).await?;
        let mut batch = Batch::default();
        let mut outcomes = Vec::with_capacity(rows.len());
        for (at, (row, token)) in rows.iter().zip(tokens).enumerate() {
            let outcome = match self.prepare(scope, at, row, token, there, base, &mut batch, chance) {
                Ok(outcome) => outcome,
                Err(refused) => RowOutcome::Refused(refused),
            };
            batch.skipped += i64::from(outcome == RowOutcome::Skipped);
            outcomes.push(outcome);
        }
        Ok((batch, outcomes))
    }

    /// Finds the persone of a batch that are there already.
    async fn look_up(&mut self, rows: &[ImportRow]) -> Result<(), StoreError> {
        let external: Vec<Vec<u8>> = rows
            .iter()
            .map(|row| self.keys.external_token(row.persona.external_id.trim()))
            .filter(|token| !self.known.by_external.contains_key(token))
            .collect();
        let identifiers: Vec<Vec<u8>> = rows
            .iter()
            .filter_map(|row| row.persona.data.identifier.as_ref())
            .map(|identifier| self.keys.identifier_token(identifier))
            .filter(|token| !self.known.by_identifier.contains_key(token))
            .collect();
        for (kind, tokens) in [(IndexKind::External, external), (IndexKind::Identifier, identifiers)] {
            let tokens: Vec<Vec<u8>> = tokens.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            for chunk in tokens.chunks(IDS_MAX) {
                let found = persona_index::Entity::find()
                    .filter(persona_index::Column::EnteId.eq(self.ente.0))
                    .filter(persona_index::Column::Kind.eq(kind.code()))
                    .filter(persona_index::Column::Token.is_in(chunk.to_vec()))
                    .all(&self.store.reading(self.ente))
                    .await?;
                if found.is_empty() {
                    continue;
                }
                let ids: Vec<PersonaId> = found.iter().map(|row| PersonaId(row.persona_id)).collect();
                let whose = self.whose(&ids).await?;
                let known = match kind {
                    IndexKind::External => &mut self.known.by_external,
                    IndexKind::Identifier | IndexKind::Name | IndexKind::Similar => &mut self.known.by_identifier,
                };
                for row in found {
                    if let Some(whose) = whose.get(&PersonaId(row.persona_id)) {
                        known.insert(row.token, whose.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// Opens persone that are real, or made by this import.
    async fn whose(&self, ids: &[PersonaId]) -> Result<BTreeMap<PersonaId, Whose>, StoreError> {
        let secrets = persona_secrets(&self.store.reading(self.ente), self.keys, self.ente, ids).await?;
        let mut all = BTreeMap::new();
        for chunk in ids.chunks(IDS_MAX) {
            let rows = persone::Entity::find()
                .filter(persone::Column::EnteId.eq(self.ente.0))
                .filter(persone::Column::Id.is_in(chunk.iter().map(|id| id.0)))
                .filter(persone::Column::ErasedAt.is_null())
                .filter(real(persone::Column::ImportId, self.ente).add(persone::Column::ImportId.eq(self.import.0)))
                .all(&self.store.reading(self.ente))
                .await?;
            for row in rows {
                let id = PersonaId(row.id);
                let Some(key) = secrets.get(&id) else { continue };
                let stored = StoredPersona::open(key, &row.sealed, self.ente, id)?;
                let identifier = stored.data(id)?.identifier.map(|known| self.keys.identifier_token(&known));
                let mut human = row.id;
                let mut merged_into = row.merged_into;
                while let Some(next) = merged_into {
                    human = next;
                    let row =
                        persone::Entity::find_by_id((self.ente.0, next)).one(&self.store.reading(self.ente)).await?;
                    merged_into = row.and_then(|row| row.merged_into);
                }
                let whose = Whose {
                    id,
                    human: PersonaId(human),
                    key: key.clone(),
                    link: stored.link,
                    identifier,
                    is_restricted: row.is_restricted,
                    is_ours: row.import_id == Some(self.import.0),
                };
                all.insert(id, whose);
            }
        }
        Ok(all)
    }

    /// Scores and seals a row, or says why not. Nothing is written yet: sealing takes its time while the portal writes.
    #[expect(clippy::too_many_arguments, reason = "one step of `batch`, which owns all of them")]
    fn prepare(
        &mut self,
        scope: &EnteScope,
        at: usize,
        row: &ImportRow,
        token: Vec<u8>,
        there: &mut BTreeMap<Vec<u8>, Vec<u8>>,
        base: i64,
        batch: &mut Batch,
        chance: &mut dyn Chance,
    ) -> Result<RowOutcome, Refused> {
        let external_id = required("external_id", &row.persona.external_id, 200)?;
        possible_day(row.assessed_on, self.now)?;
        let data = row.persona.data.checked(false)?;
        check_azioni(self.instrument, row.azioni.iter().map(|(azione, _)| azione))?;
        let is_import = row.origin == Origin::Import;
        let reason = check_evaluation(self.instrument, &row.evaluation, row.evaluation_reason.as_deref(), is_import)?;
        if !row.operator.is_none_or(|operator| self.accounts.contains(&operator.0)) {
            return Err(Refused::TextForm("operator"));
        }
        if !row.unita.is_none_or(|unita| self.unita.contains(&unita.0)) {
            return Err(Refused::TextForm("unita"));
        }
        let mut categories = data.categories(row.assessed_on);
        categories.facts.age = categories.facts.age.or(row.persona.age);
        let recorded = categories.facts.clone();
        let id = AssessmentId(new_id(chance));
        let external = self.keys.external_token(&external_id);
        let identifier = data.identifier.as_ref().map(|identifier| self.keys.identifier_token(identifier));
        let by_identifier = identifier.as_ref().and_then(|token| self.known.by_identifier.get(token));
        let by_external = self.known.by_external.get(&external);
        let is_another = by_external.is_some_and(|whose| match (by_identifier, &identifier, &whose.identifier) {
            (Some(other), ..) => other.human != whose.human,
            (None, Some(given), Some(known)) => given != known,
            (None, ..) => false,
        });
        let is_taken = row.persona.is_of_this_row && by_external.is_some();
        let found = by_external.or(by_identifier).cloned();
        if found.as_ref().is_some_and(|whose| whose.is_restricted) {
            return Err(Refused::Restricted);
        }
        let person = found.as_ref().map_or_else(|| PersonaId(new_id(chance)), |whose| whose.id);
        let facts = Facts {
            id,
            supersedes: None,
            origin: row.origin,
            person: self.store.keys.person_token(person),
            link: None,
            operator: self.store.keys.operator_token(self.ente, row.operator.or(scope.account_id())),
            unita: row.unita,
            categories,
            started_at: row.started_at.map(moment),
            assessed_on: row.assessed_on,
            validated_at: row.validated_at.map_or(self.now, moment),
        };
        let azioni = row.azioni.iter().map(|(azione, _)| azione.clone()).collect();
        let mut told = facts.told(self.instrument, &row.sheet, row.evaluation.clone(), azioni)?;
        let content = self.keys.content_mac(&content(&told, reason.as_deref(), row));
        if let Some(before) = there.get(&token) {
            return Ok(if *before == content { RowOutcome::Skipped } else { RowOutcome::Different });
        }
        // Two tables may use the same numbers for different people: whoever they are, it is not for an import to guess.
        if is_another || is_taken {
            return Err(Refused::OtherPersona);
        }
        if is_import {
            let fired = self.instrument.inconsistencies(&row.sheet, &recorded);
            let hard = fired.iter().filter(|rule| rule.severity == Severity::Hard);
            let hard: Vec<Id> = hard.map(|rule| rule.id.clone()).collect();
            if !hard.is_empty() {
                return Err(Refused::Inconsistent(hard));
            }
        }
        // From here on nothing refuses.
        let whose = match found {
            Some(mut whose) => {
                // What a row says of their code holds for the rows that follow, although nothing recorded is changed.
                whose.identifier = whose.identifier.or_else(|| identifier.clone());
                whose
            }
            None => {
                let store = self.store;
                let prepared = Prepared::new(
                    &store.keys,
                    self.keys,
                    self.ente,
                    person,
                    &data,
                    Some(&external_id),
                    self.now,
                    chance,
                );
                let whose = Whose {
                    id: person,
                    human: person,
                    key: prepared.key.clone(),
                    link: prepared.link.clone(),
                    identifier: identifier.clone(),
                    is_restricted: false,
                    is_ours: true,
                };
                batch.persone.push(prepared);
                if let Some(identifier) = identifier {
                    self.known.by_identifier.insert(identifier, whose.clone());
                }
                whose
            }
        };
        self.known.by_external.insert(external, whose.clone());
        if !whose.is_ours {
            batch.theirs.entry(whose.id).or_default().push(at);
        }
        there.insert(token.clone(), content.clone());
        told.link = whose.link.clone();
        let stored = StoredAssessment {
            told,
            evaluation_reason: reason,
            amendment_reason: None,
            sem_hundredths: sem_of(self.instrument),
            terms: BTreeMap::new(),
            notes: BTreeMap::new(),
            rechecked: BTreeSet::new(),
        };
        let place = Place {
            ente: self.ente,
            persona: whose.id,
            account: row.operator,
            revision: 1,
            draft: None,
            import: Some(self.import.0),
            external: Some((token, content)),
        };
        batch.assessments.push(stored.row(&place, &whose.key, chance));
        batch.events.push(self.event(base, batch.events.len(), &whose, Ok(id), chance));
        for (azione, outcome) in &row.azioni {
            let Some(outcome) = *outcome else { continue };
            let result = StoredResult { azione: azione.clone(), outcome };
            let at = stored.told.validated_at;
            batch.results.push(result.row(self.ente, whose.id, id, row.operator, at, &whose.key, chance));
            let what =
                What::AzioneRecorded { assessment: id, person: stored.told.person, azione: azione.clone(), outcome };
            batch.events.push(self.event(base, batch.events.len(), &whose, Err(what), chance));
        }
        Ok(RowOutcome::Staged(whose.id))
    }

    /// An event of the import's block: the validation of an assessment, or another one.
    fn event(
        &self,
        base: i64,
        index: usize,
        whose: &Whose,
        what: Result<AssessmentId, What>,
        chance: &mut dyn Chance,
    ) -> events::ActiveModel {
        let ordinal = base + 1 + i64::try_from(index).unwrap_or(i64::MAX);
        let (kind, assessment, sealed) = match what {
            Ok(assessment) => (Kind::Validated, Some(assessment.0), Vec::new()),
            Err(what) => {
                let context = context(self.ente, "events", "sealed", event_row(self.import.0, ordinal));
                (Kind::OfPersona, None, seal(&whose.key, &what, &context, chance))
            }
        };
        events::ActiveModel {
            ente_id: Set(self.ente.0),
            block: Set(self.import.0),
            ordinal: Set(ordinal),
            persona_id: Set(Some(whose.id.0)),
            assessment_id: Set(assessment),
            at: Set(self.now),
            kind: Set(kind.code().to_owned()),
            sealed: Set(sealed),
        }
    }

    async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let writing = self.store.write(self.ente).await?;
        let row = staging(&*writing, self.ente, self.import).await?;
        // A persona that was erased or restricted since it was looked up stops the batch: begin the batch again.
        let theirs: Vec<Uuid> = batch.theirs.keys().map(|id| id.0).collect();
        if !theirs.is_empty() {
            let usable = persone::Entity::find()
                .filter(persone::Column::EnteId.eq(self.ente.0))
                .filter(persone::Column::Id.is_in(theirs.clone()))
                .filter(persone::Column::ErasedAt.is_null())
                .filter(persone::Column::IsRestricted.eq(false))
                .all(&*writing)
                .await?;
            if usable.len() != theirs.len() {
                return Err(StoreError::Conflict("persona"));
            }
        }
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let change = imports::ActiveModel {
            ente_id: Set(self.ente.0),
            id: Set(self.import.0),
            touched_at: Set(self.now.max(row.touched_at)),
            count_events: Set(row.count_events + count(batch.events.len())),
            count_assessments: Set(row.count_assessments + count(batch.assessments.len())),
            count_persone: Set(row.count_persone + count(batch.persone.len())),
            count_skipped: Set(row.count_skipped + batch.skipped),
            ..Default::default()
        };
        update(change, &*writing).await?;
        Prepared::insert_all(batch.persone, &writing, self.ente, Some(self.import.0), self.now).await?;
        if !batch.assessments.is_empty() {
            assessments::Entity::insert_many(batch.assessments).exec_without_returning(&*writing).await?;
        }
        for chunk in batch.events.chunks(IDS_MAX) {
            events::Entity::insert_many(chunk.to_vec()).exec_without_returning(&*writing).await?;
        }
        for chunk in batch.results.chunks(IDS_MAX) {
            azione_results::Entity::insert_many(chunk.to_vec()).exec_without_returning(&*writing).await?;
        }
        writing.commit().await
    }
}

/// What must be the same for a row to be the one that is there: all that it says of the assessment, without what is made
/// while it is stored.
fn content(told: &domain::feed::Assessment, reason: Option<&str>, row: &ImportRow) -> Vec<u8> {
    let parts = (
        (&told.version, &told.definition_sha256, &told.answers, &told.evaluation, reason),
        (&told.comune, &told.age, &told.sex, &told.education, &told.citizenship, &told.household, &told.work),
        (&told.disadvantage, &told.origin, &told.unita, &row.operator, &row.azioni, &told.started_at),
    );
    serde_json::to_vec(&parts).expect("plain data")
}
