//! The portal: its pages and what they may do.
//!
//! Today: the strumenti, to be read and tried out, with nothing stored. What is missing on purpose: DuckDB, polars and
//! arrow (figures belong to `dashboards`), and SQL (that belongs to `store`).

pub mod example;
mod headers;
pub mod instruments;
mod pages;
mod portal;
mod reply;

pub use portal::{Portal, PortalError};
