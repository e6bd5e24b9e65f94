//! The words of the trade as types: strumenti and their scoring, identifiers of a persona.
//!
//! Pure: no IO, no clock, no log, no floating point in a score. Whoever calls brings the bytes and the dates;
//! the same input gives the same result on every machine, for as long as the definition's version exists.

pub mod calibration;
pub mod feed;
pub mod fhir;
pub mod identifier;
pub mod instrument;
pub mod keys;
pub mod person;
pub mod run;
pub mod scoring;
pub mod text;

/// The definitions that Noncello ships, for tests that must hold for real ones.
#[cfg(test)]
pub(crate) fn shipped_for_tests() -> [(&'static str, &'static str); 2] {
    [("asso 1", include_str!("../../instruments/asso/1.toml")), ("isa 1", include_str!("../../instruments/isa/1.toml"))]
}
