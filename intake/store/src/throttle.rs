//! Slows down guessing, per account and per address, in the database so that a restart forgives nothing.
//!
//! An attempt counts before the password is looked at, so that many at once count as many. A block grows to a quarter of
//! an hour and ends: nobody can lock an account for good. Accounts that do not exist are counted like those that do.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use crate::error::StoreError;
use crate::open::{Writing, moment};
use crate::tables::throttles;

/// What is counted.
#[derive(Clone)]
pub(crate) struct Counted {
    /// An HMAC of an account's name or of an address.
    pub(crate) id: Vec<u8>,
    /// Attempts before the first block.
    pub(crate) free: i32,
}

/// Failures are forgotten after an hour without any.
const FORGOTTEN_AFTER: Duration = Duration::hours(1);
/// The longest block.
const BLOCK_SECONDS_MAX: i64 = 900;

/// One second after the free attempts, then twice as long each time.
fn block(failures: i32, free: i32) -> Option<Duration> {
    let over = u32::try_from(failures - free).ok()?;
    Some(Duration::seconds(2_i64.checked_pow(over).map_or(BLOCK_SECONDS_MAX, |seconds| seconds.min(BLOCK_SECONDS_MAX))))
}

/// Counts an attempt; gives the end of the block when it must not be looked at.
pub(crate) async fn reserve(
    writing: &Writing,
    counted: &[Counted],
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let now = moment(now);
    let mut rows = Vec::new();
    for one in counted {
        let row = throttles::Entity::find_by_id(one.id.clone()).lock_exclusive().one(&**writing).await?;
        rows.push((one, row));
    }
    let blocked = rows.iter().filter_map(|(_, row)| row.as_ref()?.blocked_until).filter(|until| *until > now).max();
    if blocked.is_some() {
        return Ok(blocked);
    }
    for (one, row) in rows {
        let before = row.as_ref().filter(|row| row.last_at + FORGOTTEN_AFTER > now).map_or(0, |row| row.failures);
        let failures = before.saturating_add(1);
        let is_new = row.is_none();
        let model = throttles::ActiveModel {
            id: Set(one.id.clone()),
            failures: Set(failures),
            last_at: Set(now),
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

/// After a success: the account starts afresh; the address only gets back the attempt that was no failure.
pub(crate) async fn forgive(
    writing: &Writing,
    account: &Counted,
    address: &Counted,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    throttles::Entity::delete_by_id(account.id.clone()).exec(&**writing).await?;
    if let Some(row) = throttles::Entity::find_by_id(address.id.clone()).one(&**writing).await? {
        let failures = (row.failures - 1).max(0);
        let model = throttles::ActiveModel {
            id: Set(row.id),
            failures: Set(failures),
            last_at: Set(row.last_at),
            blocked_until: Set(row.blocked_until.filter(|_| failures >= address.free)),
        };
        write(model, false, &**writing).await?;
    }
    // What is forgotten need not be kept: addresses are personal data, even under a key.
    throttles::Entity::delete_many()
        .filter(throttles::Column::LastAt.lt(moment(now) - FORGOTTEN_AFTER))
        .exec(&**writing)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_grow_and_end() {
        let seconds: Vec<Option<i64>> = (3..=18).map(|failures| block(failures, 5).map(|b| b.num_seconds())).collect();
        assert_eq!(seconds[..5], [None, None, Some(1), Some(2), Some(4)]);
        assert_eq!(seconds.last(), Some(&Some(900)));
        assert_eq!(block(i32::MAX, 5), Some(Duration::seconds(900)));
    }
}
