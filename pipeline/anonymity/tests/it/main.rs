//! What the package promises, asked through its public functions.

mod adult;
mod builder;
mod data;
mod global;
mod measures;
mod properties;
mod refusals;
mod suppression;
mod tampering;
mod wide;
