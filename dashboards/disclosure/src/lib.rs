#![doc = include_str!("../README.md")]

mod audit;
mod cross;
mod decision;
mod error;
mod model;
mod protected;
mod search;
mod suppress;
mod tables;
mod threshold;

pub use audit::Interval;
pub use cross::{Alike, CrossError, CrossTable, ProtectedCross};
pub use decision::{Decision, Figure, Mark, Reason, Refusal, Share};
pub use error::Error;
pub use model::{Effort, Model, Protection, Standing, Var};
pub use protected::ProtectedTables;
pub use tables::{AllPeriods, At, Dimension, DimensionId, TableSet};
pub use threshold::Threshold;
