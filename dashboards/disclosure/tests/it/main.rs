//! Whoever reads the tables, against the engine.

#![expect(clippy::unwrap_used, reason = "tests may")]

mod attacks;
mod before;
mod by_hand;
mod chance;
mod cross;
mod figures;
mod indicator;
mod people;
mod worlds;
