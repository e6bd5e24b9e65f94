//! What the package promises, asked through its public functions.

mod adult;
mod attack;
mod beside;
mod builder;
mod data;
mod fuzz;
mod global;
mod measures;
mod patterns;
mod properties;
mod refusals;
mod successive;
mod suppression;
mod tampering;
mod wide;
