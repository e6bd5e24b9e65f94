#![doc = include_str!("../README.md")]

mod audit;
mod cross;
mod decision;
mod error;
mod indicator;
mod model;
mod protected;
mod published;
mod search;
mod suppress;
mod tables;
mod threshold;

pub use audit::Interval;
pub use cross::{Alike, CrossError, CrossTable, ProtectedCross};
pub use decision::{Decision, Figure, Mark, Reason, Refusal, Share};
pub use error::Error;
pub use indicator::{IndicatorError, IndicatorTable, ProtectedIndicator};
pub use model::{Effort, Model, Protection, Standing, Var};
pub use protected::ProtectedTables;
pub use published::{PublishedCross, PublishedIndicator, PublishedTables};
pub use tables::{AllPeriods, At, Changes, Dimension, DimensionId, TableSet};
pub use threshold::Threshold;
