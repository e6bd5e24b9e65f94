//! Agreements (convenzioni) between the platform and the Enti, and what follows from them: an Ente whose agreement is over
//! reads and writes no more.

use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::access::{EnteScope, PlatformScope, Right};
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::error::{Refused, StoreError};
use crate::ids::AgreementId;
use crate::open::{Chance, Store, day, moment, new_id, required};
use crate::tables::{agreements, enti};

/// From so many days before its end an agreement is said to run out.
pub const WARNED_DAYS: i64 = 60;

/// What an agreement is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgreementKind {
    /// The first.
    First,
    /// A new one, with its own number, after the last.
    Renewal,
    /// The same one, for longer.
    Extension,
}

impl AgreementKind {
    /// All.
    pub const ALL: [Self; 3] = [Self::First, Self::Renewal, Self::Extension];

    /// The code that is stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Renewal => "renewal",
            Self::Extension => "extension",
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// An agreement to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAgreement {
    /// What it is to those before it.
    pub kind: AgreementKind,
    /// Its number in the register of the administration.
    pub number: String,
    /// The version of the standard text that was signed.
    pub text_version: i32,
    /// When it was signed.
    pub signed_on: NaiveDate,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// The form of maintenance agreed, as the agreement names it.
    pub maintenance: String,
}

/// An agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Its id.
    pub id: AgreementId,
    /// What it says.
    pub terms: NewAgreement,
    /// When it was recorded here.
    pub made_at: DateTime<Utc>,
}

/// How an Ente stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No agreement was recorded: it works, and the platform is told so.
    Unrecorded,
    /// It begins on this day.
    NotYet(NaiveDate),
    /// In force up to and with this day.
    Active(NaiveDate),
    /// In force, with sixty days or fewer to go.
    RunningOut(NaiveDate),
    /// Over since this day, its last: what there is can be read.
    Expired(NaiveDate),
    /// Closed: nobody logs in.
    Closed,
}

impl Standing {
    /// The code under which words are found.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unrecorded => "unrecorded",
            Self::NotYet(_) => "not_yet",
            Self::Active(_) => "active",
            Self::RunningOut(_) => "running_out",
            Self::Expired(_) => "expired",
            Self::Closed => "closed",
        }
    }

    /// The day that it is about.
    #[must_use]
    pub const fn day(self) -> Option<NaiveDate> {
        match self {
            Self::NotYet(day) | Self::Active(day) | Self::RunningOut(day) | Self::Expired(day) => Some(day),
            Self::Unrecorded | Self::Closed => None,
        }
    }

    /// Whether anything may be entered.
    #[must_use]
    pub const fn may_write(self) -> bool {
        match self {
            Self::Unrecorded | Self::Active(_) | Self::RunningOut(_) => true,
            Self::NotYet(_) | Self::Expired(_) | Self::Closed => false,
        }
    }

    /// Whether an Ente that stands so can be closed.
    #[must_use]
    pub const fn may_close(self) -> bool {
        match self {
            Self::Unrecorded | Self::Expired(_) => true,
            Self::NotYet(_) | Self::Active(_) | Self::RunningOut(_) | Self::Closed => false,
        }
    }

    /// Of agreements with these first and last days.
    fn of(terms: &[(NaiveDate, NaiveDate)], today: NaiveDate) -> Self {
        if terms.is_empty() {
            return Self::Unrecorded;
        }
        let in_force = terms.iter().any(|(from, until)| (*from..=*until).contains(&today));
        if !in_force {
            let over = terms.iter().map(|(_, until)| *until).filter(|until| *until < today).max();
            let next = terms.iter().map(|(from, _)| *from).filter(|from| *from > today).min();
            return over.map(Self::Expired).or(next.map(Self::NotYet)).unwrap_or(Self::Unrecorded);
        }
        // One that follows without a gap carries on.
        let mut last = today;
        while let Some(further) = terms
            .iter()
            .filter(|(from, until)| *until > last && last.succ_opt().is_some_and(|next| *from <= next))
            .map(|(_, until)| *until)
            .max()
        {
            last = further;
        }
        if (last - today).num_days() <= WARNED_DAYS { Self::RunningOut(last) } else { Self::Active(last) }
    }
}

impl NewAgreement {
    /// The same with what forms write into it put in order.
    pub(crate) fn checked(&self) -> Result<Self, Refused> {
        if self.until < self.from {
            return Err(Refused::AgreementDays);
        }
        let number = required("number", &self.number, 60)?;
        let maintenance = required("maintenance", &self.maintenance, 200)?;
        Ok(Self { number, maintenance, ..self.clone() })
    }
}

impl Store {
    /// Records an agreement with an Ente.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`Refused::AgreementDays`] when it ends before it begins or overlaps one of another number.
    pub async fn add_agreement(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        new: &NewAgreement,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AgreementId, StoreError> {
        scope.require(Right::ManageEnti)?;
        let new = new.checked()?;
        if ente == PLATFORM {
            return Err(StoreError::NotFound("Ente"));
        }
        let writing = self.write(ente).await?;
        enti::Entity::find_by_id(ente.0)
            .one(&*writing)
            .await?
            .filter(|row| row.closed_at.is_none())
            .ok_or(StoreError::NotFound("Ente"))?;
        let before = rows_of(&*writing, ente).await?;
        let overlaps = |row: &agreements::Model| row.valid_from <= new.until && new.from <= row.valid_until;
        if before.iter().any(overlaps) {
            return Err(Refused::AgreementDays.into());
        }
        let id = self.insert_agreement(&writing, scope, ente, &new, moment(now), chance).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// Puts in a checked agreement, in a transaction that has turned to the Ente; leaves it turned to the platform.
    pub(crate) async fn insert_agreement(
        &self,
        writing: &Writing,
        scope: &PlatformScope,
        ente: EnteId,
        new: &NewAgreement,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AgreementId, StoreError> {
        let id = AgreementId(new_id(chance));
        let row = agreements::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            kind: Set(new.kind.code().to_owned()),
            number: Set(new.number.clone()),
            text_version: Set(new.text_version),
            signed_on: Set(new.signed_on),
            valid_from: Set(new.from),
            valid_until: Set(new.until),
            maintenance: Set(new.maintenance.clone()),
            made_at: Set(now),
        };
        agreements::Entity::insert(row).exec_without_returning(&**writing).await?;
        writing.turn_to(PLATFORM).await?;
        let detail = format!("{} {} {}", new.kind.code(), new.from, new.until);
        let subjects = [ente.0, id.0];
        append(&self.keys, &**writing, Line::on_platform(scope, "agreement.add", &subjects).with_detail(detail), now)
            .await?;
        Ok(id)
    }

    /// The agreements with an Ente, the last first.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn agreements(&self, scope: &PlatformScope, ente: EnteId) -> Result<Vec<Agreement>, StoreError> {
        scope.require(Right::ManageEnti)?;
        read(rows_of(&self.reading(ente), ente).await?)
    }

    /// The agreements of one's own Ente, the last first.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn own_agreements(&self, scope: &EnteScope) -> Result<Vec<Agreement>, StoreError> {
        scope.require(Right::SeeEnte)?;
        read(rows_of(&self.reading(scope.ente()), scope.ente()).await?)
    }

    /// How an Ente stands.
    pub(crate) async fn standing(
        &self,
        ente: EnteId,
        closed_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Standing, StoreError> {
        if closed_at.is_some() {
            return Ok(Standing::Closed);
        }
        let rows = rows_of(&self.reading(ente), ente).await?;
        let terms: Vec<_> = rows.iter().map(|row| (row.valid_from, row.valid_until)).collect();
        Ok(Standing::of(&terms, day(now)))
    }
}

async fn rows_of(connection: &impl ConnectionTrait, ente: EnteId) -> Result<Vec<agreements::Model>, StoreError> {
    Ok(agreements::Entity::find()
        .filter(agreements::Column::EnteId.eq(ente.0))
        .order_by_desc(agreements::Column::ValidFrom)
        .order_by_asc(agreements::Column::Id)
        .all(connection)
        .await?)
}

fn read(rows: Vec<agreements::Model>) -> Result<Vec<Agreement>, StoreError> {
    rows.into_iter()
        .map(|row| {
            let damaged = || StoreError::Damaged { table: "agreements", row: row.id.to_string() };
            Ok(Agreement {
                id: AgreementId(row.id),
                made_at: row.made_at,
                terms: NewAgreement {
                    kind: AgreementKind::from_code(&row.kind).ok_or_else(damaged)?,
                    number: row.number,
                    text_version: row.text_version,
                    signed_on: row.signed_on,
                    from: row.valid_from,
                    until: row.valid_until,
                    maintenance: row.maintenance,
                },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standing_follows_the_days() {
        let on = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        let check = |terms: &[(NaiveDate, NaiveDate)], today, expected| {
            assert_eq!(Standing::of(terms, today), expected, "{terms:?} on {today}");
        };
        let spring = (on(1, 1), on(6, 30));
        let autumn = (on(7, 1), on(12, 31));
        check(&[], on(3, 1), Standing::Unrecorded);
        check(&[spring], on(1, 1), Standing::Active(on(6, 30)));
        check(&[spring], on(5, 1), Standing::RunningOut(on(6, 30)));
        check(&[spring], on(4, 30), Standing::Active(on(6, 30)));
        check(&[spring], on(6, 30), Standing::RunningOut(on(6, 30)));
        check(&[spring], on(7, 1), Standing::Expired(on(6, 30)));
        check(&[spring, autumn], on(6, 30), Standing::Active(on(12, 31)));
        check(&[autumn], on(3, 1), Standing::NotYet(on(7, 1)));
        check(&[spring, (on(9, 1), on(12, 31))], on(8, 1), Standing::Expired(on(6, 30)));
    }
}
