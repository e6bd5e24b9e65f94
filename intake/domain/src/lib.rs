//! The words of the trade as types: strumenti and their scoring, identifiers of a persona.
//!
//! Pure: no IO, no clock, no log, no floating point in a score. Whoever calls brings the bytes and the dates;
//! the same input gives the same result on every machine, for as long as the definition's version exists.

pub mod instrument;
pub mod scoring;
