//! Expressions of interest (manifestazioni di interesse): what administrations write that would like to join. They belong to
//! the platform and are sealed with its key.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set};
use serde::{Deserialize, Serialize};

use crate::access::{PlatformScope, Right};
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::error::{Refused, StoreError};
use crate::ids::InterestId;
use crate::keys::{EnteKeys, context, open, seal};
use crate::open::{Chance, Store, moment, new_id, required, text, update};
use crate::tables::interests;
use crate::throttle::{Counted, address_bytes, reserve_one};

/// Undecided ones at most: beyond that the form is closed until somebody has looked.
const UNDECIDED_MAX: u64 = 500;
/// From one address before it is slowed down.
const FREE_PER_ADDRESS: i32 = 3;

/// What an administration writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterestData {
    /// The administration's name.
    pub administration: String,
    /// Its code in the index of public administrations.
    pub ipa_code: String,
    /// Its certified e-mail address.
    pub pec: String,
    /// The comuni that it would serve, as it writes them.
    pub comuni: String,
    /// Who wrote.
    pub contact: String,
    /// What they are there.
    pub contact_role: String,
    /// Their telephone.
    pub phone: String,
    /// Their e-mail address.
    pub email: String,
    /// What else they say.
    pub note: String,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterestState {
    /// Nobody has decided.
    Received,
    /// An Ente was admitted.
    Admitted,
    /// Declined.
    Declined,
}

impl InterestState {
    /// All.
    pub const ALL: [Self; 3] = [Self::Received, Self::Admitted, Self::Declined];

    /// The code that is stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Admitted => "admitted",
            Self::Declined => "declined",
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// An expression of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Its id.
    pub id: InterestId,
    /// What was written.
    pub data: InterestData,
    /// When.
    pub received_at: DateTime<Utc>,
    /// What became of it.
    pub state: InterestState,
    /// When that was decided.
    pub decided_at: Option<DateTime<Utc>>,
}

/// The stored forms: every version is read, the newest is written.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum VersionedInterest {
    #[serde(rename = "1")]
    V1(InterestData),
}

impl InterestData {
    fn checked(&self) -> Result<Self, Refused> {
        Ok(Self {
            administration: required("administration", &self.administration, 200)?,
            ipa_code: required("ipa_code", &self.ipa_code, 20)?,
            pec: required("pec", &self.pec, 254)?,
            comuni: required("comuni", &self.comuni, 2_000)?,
            contact: required("contact", &self.contact, 100)?,
            contact_role: text("contact_role", &self.contact_role, 100)?,
            phone: text("phone", &self.phone, 40)?,
            email: required("email", &self.email, 254)?,
            note: text("note", &self.note, 2_000)?,
        })
    }
}

impl Store {
    /// Takes an expression of interest from anybody: counted by address, and refused when too many are undecided.
    ///
    /// # Errors
    /// [`Refused::Throttled`]; [`Refused::InterestsFull`]; a text that is missing or too long.
    pub async fn express_interest(
        &self,
        data: &InterestData,
        peer: IpAddr,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<InterestId, StoreError> {
        let now = moment(now);
        let data = data.checked()?;
        let keys = self.ente_keys(PLATFORM).await?;
        let counted = Counted {
            id: self.keys.throttle.authenticate(&[b"interest", &address_bytes(peer)]).to_vec(),
            free: FREE_PER_ADDRESS,
            one_forgiven_every: Some(Duration::hours(6)),
        };
        let writing = self.write(PLATFORM).await?;
        if let Some(until) = reserve_one(&writing, &counted, now).await? {
            return Err(Refused::Throttled { until }.into());
        }
        let undecided = interests::Entity::find()
            .filter(interests::Column::EnteId.eq(PLATFORM.0))
            .filter(interests::Column::State.eq(InterestState::Received.code()))
            .count(&*writing)
            .await?;
        if undecided >= UNDECIDED_MAX {
            return Err(Refused::InterestsFull.into());
        }
        let id = InterestId(new_id(chance));
        let place = context(PLATFORM, "interests", "sealed", id);
        let row = interests::ActiveModel {
            ente_id: Set(PLATFORM.0),
            id: Set(id.0),
            received_at: Set(now),
            state: Set(InterestState::Received.code().to_owned()),
            decided_at: Set(None),
            sealed: Set(seal(&keys.own, &VersionedInterest::V1(data), &place, chance)),
        };
        interests::Entity::insert(row).exec_without_returning(&*writing).await?;
        let subjects = [id.0];
        let line = Line {
            ente: PLATFORM,
            actor: None,
            action: "interest.receive",
            is_refused: false,
            subjects: &subjects,
            detail: None,
        };
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// All expressions of interest, the last first.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn interests(&self, scope: &PlatformScope) -> Result<Vec<Interest>, StoreError> {
        scope.require(Right::ManageEnti)?;
        let rows = interests::Entity::find()
            .filter(interests::Column::EnteId.eq(PLATFORM.0))
            .order_by_desc(interests::Column::ReceivedAt)
            .order_by_asc(interests::Column::Id)
            .all(&self.reading(PLATFORM))
            .await?;
        let keys = self.ente_keys(PLATFORM).await?;
        rows.into_iter().map(|row| read_interest(&keys, row)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn interest(&self, scope: &PlatformScope, id: InterestId) -> Result<Interest, StoreError> {
        scope.require(Right::ManageEnti)?;
        let row = interests::Entity::find_by_id((PLATFORM.0, id.0)).one(&self.reading(PLATFORM)).await?;
        read_interest(&*self.ente_keys(PLATFORM).await?, row.ok_or(StoreError::NotFound("interest"))?)
    }

    /// Says what became of one; of a declined one, who wrote is forgotten.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when it was decided already.
    pub async fn decide_interest(
        &self,
        scope: &PlatformScope,
        id: InterestId,
        state: InterestState,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageEnti)?;
        let keys = self.ente_keys(PLATFORM).await?;
        let writing = self.write(PLATFORM).await?;
        self.decide_within(&writing, scope, &keys, id, state, moment(now), chance).await?;
        writing.commit().await
    }

    /// The same in a transaction that has turned to the platform.
    #[expect(clippy::too_many_arguments, reason = "what the two ways of deciding have in common")]
    pub(crate) async fn decide_within(
        &self,
        writing: &Writing,
        scope: &PlatformScope,
        keys: &EnteKeys,
        id: InterestId,
        state: InterestState,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let row = interests::Entity::find_by_id((PLATFORM.0, id.0))
            .one(&**writing)
            .await?
            .filter(|row| row.state == InterestState::Received.code() && state != InterestState::Received)
            .ok_or(StoreError::NotFound("interest"))?;
        let place = context(PLATFORM, "interests", "sealed", id);
        let sealed = match state {
            InterestState::Received | InterestState::Admitted => row.sealed,
            // Of those who do not join, the administration's name is kept and nobody's who wrote.
            InterestState::Declined => {
                let VersionedInterest::V1(data) = open(&keys.own, &row.sealed, PLATFORM, "interests", "sealed", id)?;
                let kept = InterestData {
                    administration: data.administration,
                    ipa_code: data.ipa_code,
                    ..InterestData::default()
                };
                seal(&keys.own, &VersionedInterest::V1(kept), &place, chance)
            }
        };
        let change = interests::ActiveModel {
            ente_id: Set(PLATFORM.0),
            id: Set(id.0),
            state: Set(state.code().to_owned()),
            decided_at: Set(Some(now)),
            sealed: Set(sealed),
            ..Default::default()
        };
        update(change, &**writing).await?;
        let subjects = [id.0];
        let line = Line::on_platform(scope, "interest.decide", &subjects).with_detail(state.code());
        append(&self.keys, &**writing, line, now).await
    }
}

fn read_interest(keys: &EnteKeys, row: interests::Model) -> Result<Interest, StoreError> {
    let VersionedInterest::V1(data) = open(&keys.own, &row.sealed, PLATFORM, "interests", "sealed", row.id)?;
    let state = InterestState::from_code(&row.state)
        .ok_or_else(|| StoreError::Damaged { table: "interests", row: row.id.to_string() })?;
    Ok(Interest { id: InterestId(row.id), data, received_at: row.received_at, state, decided_at: row.decided_at })
}
