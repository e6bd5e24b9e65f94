#![doc = include_str!("../README.md")]
mod anonymize;
mod engine;
mod error;
mod global;
mod hierarchy;
mod measure;
pub mod report;
mod rules;
mod table;
pub mod verify;

pub use anonymize::{Anonymized, anonymize};
pub use error::Error;
pub use hierarchy::{Hierarchy, HierarchyError, NodeId, SUPPRESSED};
pub use rules::{
    Closeness, Distance, Effort, Gain, Likeness, Mode, Presence, QuasiIdentifier, RecursiveL, Request, RowOrder, Rules,
    Seed, Sensitive, SuppressedRows,
};
