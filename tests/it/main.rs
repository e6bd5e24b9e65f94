//! The one test binary: a module per area. Unit tests sit beside the code.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod anonymize;
mod command;
mod demonstration;
mod erase;
mod interleaved;
mod keys;
mod portal;
mod real;
mod tidy;
mod warehouse;
