//! The lake's reading side: the only door to DuckDB.
//!
//! Today: a session that can open one folder and nothing else. Layout, schema, manifest and marts come with the pipeline.
//! What is missing on purpose: any way to the portal's store, and any session that sees two Enti.

pub mod session;
