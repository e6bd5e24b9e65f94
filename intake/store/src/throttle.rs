//! Slows down guessing, in the database so that a restart forgives nothing: per account as one address tries it, per account
//! from wherever, and per address.
//!
//! An attempt counts before the password is looked at, so that many at once count as many. A block grows to a quarter of
//! an hour and ends. Who guesses from elsewhere blocks themselves long before they block the account's owner, and what an
//! office mistypes is forgotten little by little. Accounts that do not exist are counted like those that do.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use crate::database::Writing;
use crate::error::StoreError;
use crate::open::moment;
use crate::tables::throttles;

/// An address as it is counted: who has one of the sixth version has 2^64 of them.
pub(crate) fn address_bytes(peer: IpAddr) -> Vec<u8> {
    match peer {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

/// What is counted.
#[derive(Clone)]
pub(crate) struct Counted {
    /// An HMAC of what is counted.
    pub(crate) id: Vec<u8>,
    /// Attempts before the first block.
    pub(crate) free: i32,
    /// One failure is forgotten so often, whatever else happens.
    pub(crate) one_forgiven_every: Option<Duration>,
}

/// All that an attempt counts for.
#[derive(Clone)]
pub(crate) struct Attempt {
    /// The account as this address tries it.
    pub(crate) account_here: Counted,
    /// The account, whoever tries it.
    pub(crate) account: Counted,
    /// The address, whatever it tries.
    pub(crate) address: Counted,
}

impl Counted {
    /// The failures that are left of a row, and the instant up to which they are counted.
    fn left(&self, row: &throttles::Model, now: DateTime<Utc>) -> (i32, DateTime<Utc>) {
        let all_forgiven =
            self.one_forgiven_every.map_or(FORGOTTEN_AFTER, |every| FORGOTTEN_AFTER.max(every * row.failures));
        if row.last_at + all_forgiven <= now {
            return (0, now);
        }
        let Some(every) = self.one_forgiven_every else { return (row.failures, now) };
        let times = (now - row.last_at).num_seconds() / every.num_seconds().max(1);
        match i32::try_from(times) {
            Ok(times) if times < row.failures => (row.failures - times, row.last_at + every * times),
            Ok(_) | Err(_) => (0, now),
        }
    }
}

/// Failures are forgotten after an hour without any.
const FORGOTTEN_AFTER: Duration = Duration::hours(1);
/// What nobody has counted for so long is deleted.
const KEPT: Duration = Duration::days(2);
/// The longest block.
const BLOCK_SECONDS_MAX: i64 = 900;

/// One second after the free attempts, then twice as long each time.
fn block(failures: i32, free: i32) -> Option<Duration> {
    let over = u32::try_from(failures - free).ok()?;
    Some(Duration::seconds(2_i64.checked_pow(over).map_or(BLOCK_SECONDS_MAX, |seconds| seconds.min(BLOCK_SECONDS_MAX))))
}

/// Counts one thing alone; gives the end of the block when it must not go on.
pub(crate) async fn reserve_one(
    writing: &Writing,
    one: &Counted,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    reserve_all(writing, &[one], now).await
}

/// Counts an attempt; gives the end of the block when it must not be looked at.
pub(crate) async fn reserve(
    writing: &Writing,
    attempt: &Attempt,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    reserve_all(writing, &[&attempt.account_here, &attempt.account, &attempt.address], now).await
}

/// The end of the block that one thing is under, without counting anything.
pub(crate) async fn blocked(
    connection: &impl ConnectionTrait,
    one: &Counted,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = throttles::Entity::find_by_id(one.id.clone()).one(connection).await?;
    Ok(row.and_then(|row| row.blocked_until).filter(|until| *until > moment(now)))
}

async fn reserve_all(
    writing: &Writing,
    counted: &[&Counted],
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let now = moment(now);
    let mut rows = Vec::new();
    for &one in counted {
        let row = throttles::Entity::find_by_id(one.id.clone()).lock_exclusive().one(&**writing).await?;
        rows.push((one, row));
    }
    let blocked = rows.iter().filter_map(|(_, row)| row.as_ref()?.blocked_until).filter(|until| *until > now).max();
    if blocked.is_some() {
        return Ok(blocked);
    }
    for (one, row) in rows {
        let (before, counted_to) = row.as_ref().map_or((0, now), |row| one.left(row, now));
        let failures = before.saturating_add(1);
        let is_new = row.is_none();
        let model = throttles::ActiveModel {
            id: Set(one.id.clone()),
            failures: Set(failures),
            last_at: Set(counted_to),
            blocked_until: Set(block(failures, one.free).map(|block| now + block)),
        };
        write(model, is_new, &**writing).await?;
    }
    Ok(None)
}

async fn write(row: throttles::ActiveModel, is_new: bool, connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    if is_new {
        throttles::Entity::insert(row).exec_without_returning(connection).await?;
        Ok(())
    } else {
        crate::open::update(row, connection).await
    }
}

/// After a success: the account starts afresh; the address only gets back the attempt that was no failure, and the block
/// that came with it.
pub(crate) async fn forgive(writing: &Writing, attempt: &Attempt, now: DateTime<Utc>) -> Result<(), StoreError> {
    for of_account in [&attempt.account_here, &attempt.account] {
        throttles::Entity::delete_by_id(of_account.id.clone()).exec(&**writing).await?;
    }
    if let Some(row) = throttles::Entity::find_by_id(attempt.address.id.clone()).one(&**writing).await? {
        let model = throttles::ActiveModel {
            id: Set(row.id),
            failures: Set((row.failures - 1).max(0)),
            last_at: Set(row.last_at),
            blocked_until: Set(None),
        };
        write(model, false, &**writing).await?;
    }
    // What is forgotten need not be kept: addresses are personal data, even under a key.
    throttles::Entity::delete_many().filter(throttles::Column::LastAt.lt(moment(now) - KEPT)).exec(&**writing).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_forgotten_one_by_one() {
        let counted = Counted { id: Vec::new(), free: 30, one_forgiven_every: Some(Duration::minutes(2)) };
        let at = |minutes: i64| DateTime::UNIX_EPOCH + Duration::minutes(minutes);
        let row = throttles::Model { id: Vec::new(), failures: 10, last_at: at(0), blocked_until: None };
        assert_eq!(counted.left(&row, at(1)), (10, at(0)));
        assert_eq!(counted.left(&row, at(5)), (8, at(4)));
        assert_eq!(counted.left(&row, at(20)), (0, at(20)));
        let stays = Counted { one_forgiven_every: None, ..counted };
        assert_eq!(stays.left(&row, at(59)), (10, at(59)));
        assert_eq!(stays.left(&row, at(60)), (0, at(60)));
    }

    #[test]
    fn blocks_grow_and_end() {
        let seconds: Vec<Option<i64>> = (3..=18).map(|failures| block(failures, 5).map(|b| b.num_seconds())).collect();
        assert_eq!(seconds[..5], [None, None, Some(1), Some(2), Some(4)]);
        assert_eq!(seconds.last(), Some(&Some(900)));
        assert_eq!(block(i32::MAX, 5), Some(Duration::seconds(900)));
    }
}
