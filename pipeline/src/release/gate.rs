//! The gate that a table goes through before it is written: a [`Draft`] becomes [`Assessed`] when the verifier has looked at it,
//! [`Cleared`] when nothing is wrong with it, and only that can be written. What is asked of a table is its own business
//! ([`Gated`]).

use anonymity::verify::Verification;

use super::ReleaseError;

/// A table that nobody has verified.
#[derive(Debug)]
pub struct Draft<T> {
    pub(super) table: T,
}

/// A table with the outcome of its verification.
#[derive(Debug)]
pub struct Assessed<T> {
    table: T,
    verification: Verification,
}

/// A table with which nothing is wrong: the only one that can be written.
#[derive(Debug)]
pub struct Cleared<T> {
    pub(super) table: T,
    pub(super) verification: Verification,
}

/// A table that the verifier can be asked about.
pub trait Gated {
    /// Asks it.
    ///
    /// # Errors
    /// When it cannot look; what is wrong with the table is in the outcome.
    fn verify(&self) -> Result<Verification, ReleaseError>;
}

impl<T: Gated> Draft<T> {
    /// Has it verified.
    ///
    /// # Errors
    /// When the verifier cannot look; what is wrong with the table is in the outcome.
    pub fn assess(self) -> Result<Assessed<T>, ReleaseError> {
        let verification = self.table.verify()?;
        Ok(Assessed { table: self.table, verification })
    }
}

impl<T> Assessed<T> {
    /// The outcome of the verification.
    #[must_use]
    pub fn verification(&self) -> &Verification {
        &self.verification
    }

    /// Clears it for writing.
    ///
    /// # Errors
    /// [`ReleaseError::Refused`] when anything is wrong with it.
    pub fn clear(self) -> Result<Cleared<T>, ReleaseError> {
        refuse(&self.verification)?;
        Ok(Cleared { table: self.table, verification: self.verification })
    }
}

pub(super) fn refuse(verification: &Verification) -> Result<(), ReleaseError> {
    match verification.violations.first() {
        None if verification.passed => Ok(()),
        first => Err(ReleaseError::Refused {
            count: verification.violations.len(),
            first: first.map(ToString::to_string).unwrap_or_default(),
        }),
    }
}
