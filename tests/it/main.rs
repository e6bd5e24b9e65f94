//! The one test binary: a module per area. Unit tests sit beside the code.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod analyst;
mod anonymize;
mod command;
mod demonstration;
mod erase;
mod faults;
mod interleaved;
mod keys;
mod portal;
mod queries;
mod real;
mod research;
mod tidy;
mod warehouse;
