//! The clock and the chance of the real world: everything else gets them as arguments.

use chrono::{DateTime, Utc};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

/// The system's generator of secrets.
pub(crate) type SystemChance = UnwrapErr<SysRng>;

/// The moment it is now.
#[expect(clippy::disallowed_methods, reason = "the binary is where the clock is read")]
pub(crate) fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// The system's generator; a system without one cannot make keys, and panics.
pub(crate) fn chance() -> SystemChance {
    UnwrapErr(SysRng)
}
