#![doc = include_str!("../README.md")]
mod anonymize;
pub mod attack;
pub mod compare;
mod engine;
mod error;
mod global;
mod hierarchy;
mod measure;
mod page;
pub mod register;
pub mod report;
mod rules;
mod table;
pub mod verify;

pub use anonymize::{Anonymized, anonymize};
pub use error::Error;
pub use hierarchy::{Hierarchy, HierarchyError, NodeId, Period, SUPPRESSED};
pub use page::Page;
pub use rules::{
    Closeness, Distance, Effort, Gain, Likeness, Mode, Presence, QuasiIdentifier, RecursiveL, Request, RowOrder, Rules,
    Seed, Sensitive, SeveralRows, SuppressedRows,
};
