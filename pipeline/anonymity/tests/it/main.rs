//! What the package promises, asked through its public functions.

mod adult;
mod data;
mod measures;
mod properties;
mod refusals;
mod tampering;
