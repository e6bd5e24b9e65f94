//! What the law asks for and what was mistaken: restricting, erasing, merging and taking a merge back. Each leaves its event
//! in the feed and its line in the audit.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::feed::{EnteId, What};
use domain::identifier::{Identifier, IdentifierKind};
use domain::keys::Secret;
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set};
use uuid::Uuid;

use super::cases::follow_along;
use super::{going_on, group, persona_key, persona_secrets, reason_given, seen_one, usable};
use crate::access::{EnteScope, Right};
use crate::assessments::AccountName;
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::error::{Refused, StoreError};
use crate::feed::{Kind, NewEvent};
use crate::ids::PersonaId;
use crate::keys::{Opens, context, open, seal};
use crate::open::{Chance, Store, moment, new_id, update};
use crate::tables::{
    assessments, azione_results, drafts, events, imports, notices, persona_cases, persona_index, persona_keys,
    persona_trail, persone, segments,
};

/// On what grounds a persona is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureGround {
    /// They asked for it (GDPR art. 17).
    Request,
    /// The time for which data are kept is over.
    Retention,
    /// They were entered by mistake.
    Mistake,
}

impl ErasureGround {
    /// All.
    pub const ALL: [Self; 3] = [Self::Request, Self::Retention, Self::Mistake];

    /// The code that the audit holds.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Retention => "retention",
            Self::Mistake => "mistake",
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ground| ground.code() == code)
    }
}

/// What erasing a persona would take away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasurePreview {
    /// Questionnaires, corrections and annulled ones included.
    pub assessments: usize,
    /// Drafts, whoever's.
    pub drafts: u64,
    /// Persone merged into this one.
    pub merged: usize,
}

/// What was decided about a persona as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    /// Their data may not be used for now.
    Restricted,
    /// They may again.
    Unrestricted,
    /// Two persone are one.
    Merged,
    /// They are not, after all.
    Unmerged,
    /// They are known by another code than before, or for the first time by one.
    IdentifierChanged,
    /// They, or somebody for them, were given all that is held (GDPR art. 15).
    AccessGiven,
}

impl DecisionKind {
    const ALL: [Self; 6] = [
        Self::Restricted,
        Self::Unrestricted,
        Self::Merged,
        Self::Unmerged,
        Self::IdentifierChanged,
        Self::AccessGiven,
    ];

    /// The code that is stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Unrestricted => "unrestricted",
            Self::Merged => "merged",
            Self::Unmerged => "unmerged",
            Self::IdentifierChanged => "identifier_changed",
            Self::AccessGiven => "access_given",
        }
    }
}

/// A decision with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub kind: DecisionKind,
    /// About whom.
    pub persona: PersonaId,
    /// With whom they were merged.
    pub other: Option<PersonaId>,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Option<AccountName>,
    /// Why; empty of another code, which is its own reason.
    pub reason: String,
    /// The code before, where there was one.
    pub former: Option<FormerIdentifier>,
}

/// A code by which a persona was known. Prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct FormerIdentifier {
    /// Its kind.
    pub kind: IdentifierKind,
    code: String,
}

impl FormerIdentifier {
    /// The code.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.code
    }

    /// As it stands in the place of a reason: the kind, a blank, the code.
    fn parse(text: &str) -> Option<Self> {
        let (kind, code) = text.split_once(' ')?;
        let kind = IdentifierKind::ALL.into_iter().find(|known| known.code() == kind)?;
        Some(Self { kind, code: code.to_owned() })
    }

    /// What [`FormerIdentifier::parse`] reads; empty where there was none.
    pub(super) fn text(identifier: Option<&Identifier>) -> String {
        identifier.map_or_else(String::new, |it| format!("{} {}", it.kind().code(), it.expose()))
    }
}

impl fmt::Debug for FormerIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormerIdentifier").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Store {
    /// What was decided about a persona, and about those merged into them, the last first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn decisions(&self, scope: &EnteScope, id: PersonaId) -> Result<Vec<Decision>, StoreError> {
        scope.require(Right::SeePersone)?;
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reading = &self.reading(ente);
        seen_one(reading, scope, id).await?;
        let rows = persona_trail::Entity::find()
            .filter(persona_trail::Column::EnteId.eq(ente.0))
            .filter(
                Condition::any()
                    .add(persona_trail::Column::PersonaId.eq(id.0))
                    .add(persona_trail::Column::OtherId.eq(id.0)),
            )
            .order_by_desc(persona_trail::Column::At)
            .order_by_asc(persona_trail::Column::Id)
            .all(reading)
            .await?;
        let persone: Vec<PersonaId> = rows.iter().map(|row| PersonaId(row.persona_id)).collect();
        let secrets = persona_secrets(reading, &keys, ente, &persone).await?;
        let names = self.account_names(ente).await?;
        rows.into_iter()
            .map(|row| {
                let damaged = || StoreError::Damaged { table: "persona_trail", row: row.id.to_string() };
                let kind = DecisionKind::ALL.into_iter().find(|kind| kind.code() == row.kind).ok_or_else(damaged)?;
                let key = secrets.get(&PersonaId(row.persona_id)).ok_or_else(damaged)?;
                let reason: String = open(key, &row.sealed, ente, "persona_trail", "sealed", row.id)?;
                let (reason, former) = match kind {
                    DecisionKind::IdentifierChanged => (String::new(), FormerIdentifier::parse(&reason)),
                    DecisionKind::Restricted
                    | DecisionKind::Unrestricted
                    | DecisionKind::Merged
                    | DecisionKind::Unmerged
                    | DecisionKind::AccessGiven => (reason, None),
                };
                Ok(Decision {
                    kind,
                    persona: PersonaId(row.persona_id),
                    other: row.other_id.map(PersonaId),
                    at: row.at,
                    by: AccountName::of(row.account_id, &names),
                    reason,
                    former,
                })
            })
            .collect()
    }

    /// Notes that all that is held of a persona is given out (GDPR art. 15): `about` says on which request, of whom.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; `about` empty or too long; no right.
    pub async fn record_access_given(
        &self,
        scope: &EnteScope,
        id: PersonaId,
        about: &str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Erase)?;
        let (now, ente) = (moment(now), scope.ente());
        let about = reason_given(about)?;
        let keys = self.ente_keys(ente).await?;
        let writing = self.write(ente).await?;
        seen_one(&*writing, scope, id).await?;
        let key = persona_key(&*writing, &keys, ente, id).await?;
        self.trail(&writing, scope, id, None, DecisionKind::AccessGiven.code(), &about, &key, now, chance).await?;
        append(&self.keys, &*writing, Line::done(scope, "persona.access_given", &[id.0]), now).await?;
        writing.commit().await
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
        chance: &mut dyn Chance,
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
        chance: &mut dyn Chance,
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
        ground: ErasureGround,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Erase)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let writing = self.write(ente).await?;
        going_on(&*writing, scope, id).await?;
        let group = group(&*writing, ente, id).await?;
        let mut blanked = Vec::new();
        for persona in &group {
            blanked.extend(erase_rows(&writing, ente, *persona, now).await?);
        }
        for persona in &group {
            let event =
                NewEvent { ente, persona: None, what: What::Erased { person: self.keys.person_token(*persona) } };
            crate::feed::append(&*writing, event, keys.own.sealing(), now, chance).await?;
        }
        mark_segments(&writing, ente, &blanked).await?;
        self.withdraw_identified(&writing, scope, now).await?;
        let subjects: Vec<Uuid> = group.iter().map(|persona| persona.0).collect();
        let line = Line::done(scope, "persona.erase", &subjects).with_detail(ground.code());
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await?;
        self.fold_log().await
    }

    /// What [`Store::erase_persona`] would take away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; no right.
    pub async fn erasure_preview(&self, scope: &EnteScope, id: PersonaId) -> Result<ErasurePreview, StoreError> {
        scope.require(Right::Erase)?;
        let ente = scope.ente();
        let reading = &self.reading(ente);
        going_on(reading, scope, id).await?;
        let group = group(reading, ente, id).await?;
        let ids: Vec<Uuid> = group.iter().map(|persona| persona.0).collect();
        let assessments = assessments::Entity::find()
            .filter(assessments::Column::EnteId.eq(ente.0))
            .filter(assessments::Column::PersonaId.is_in(ids.clone()))
            .count(reading)
            .await?;
        let drafts = drafts::Entity::find()
            .filter(drafts::Column::EnteId.eq(ente.0))
            .filter(drafts::Column::PersonaId.is_in(ids))
            .count(reading)
            .await?;
        Ok(ErasurePreview {
            assessments: usize::try_from(assessments).unwrap_or(usize::MAX),
            drafts,
            merged: group.len() - 1,
        })
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
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reason = reason_given(reason)?;
        if from == into {
            return Err(Refused::Merged.into());
        }
        let writing = self.write(ente).await?;
        usable(&*writing, scope, from).await?;
        usable(&*writing, scope, into).await?;
        let change = persone::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(from.0),
            merged_into: Set(Some(into.0)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        for persona in group(&*writing, ente, from).await? {
            follow_along(&writing, ente, persona, into, now).await?;
        }
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
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assess)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reason = reason_given(reason)?;
        let writing = self.write(ente).await?;
        let row = seen_one(&*writing, scope, from).await?;
        let into = row.merged_into.map(PersonaId).ok_or(StoreError::NotFound("persona"))?;
        // The other one must be in reach too, and what is restricted is not taken apart.
        if seen_one(&*writing, scope, into).await?.is_restricted || row.is_restricted {
            return Err(Refused::Restricted.into());
        }
        let change = persone::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(from.0),
            merged_into: Set(None),
            updated_at: Set(now),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let key = persona_key(&*writing, &keys, ente, from).await?;
        self.trail(&writing, scope, from, Some(into), "unmerged", &reason, &key, now, chance).await?;
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
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::Erase)?;
        let now = moment(now);
        let ente = scope.ente();
        let keys = self.ente_keys(ente).await?;
        let reason = reason_given(reason)?;
        let writing = self.write(ente).await?;
        let row = going_on(&*writing, scope, id).await?;
        if row.is_restricted == is_restricted {
            return Ok(());
        }
        let (kind, action) =
            if is_restricted { ("restricted", "persona.restrict") } else { ("unrestricted", "persona.unrestrict") };
        // Whoever was merged into them is the same human.
        for persona in group(&*writing, ente, id).await? {
            let change = persone::ActiveModel {
                ente_id: Set(ente.0),
                id: Set(persona.0),
                is_restricted: Set(is_restricted),
                ..Default::default()
            };
            update(change, &*writing).await?;
            let key = persona_key(&*writing, &keys, ente, persona).await?;
            let person = self.keys.person_token(persona);
            let what = if is_restricted { What::Restricted { person } } else { What::Unrestricted { person } };
            let event = NewEvent { ente, persona: Some(persona), what };
            crate::feed::append(&*writing, event, &key, now, chance).await?;
        }
        let key = persona_key(&*writing, &keys, ente, id).await?;
        self.trail(&writing, scope, id, None, kind, &reason, &key, now, chance).await?;
        if is_restricted {
            self.withdraw_identified(&writing, scope, now).await?;
        }
        append(&self.keys, &*writing, Line::done(scope, action, &[id.0]), now).await?;
        writing.commit().await
    }

    /// Writes down what was decided about a persona and why.
    #[expect(clippy::too_many_arguments, reason = "the fields of one row")]
    pub(super) async fn trail(
        &self,
        writing: &Writing,
        scope: &EnteScope,
        persona: PersonaId,
        other: Option<PersonaId>,
        kind: &str,
        reason: &str,
        key: &Secret,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
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
    delete!(persona_cases, PersonaId);
    delete!(notices, PersonaId);
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
