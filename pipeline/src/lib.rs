//! The batch that turns feed segments into one encrypted partition per Ente.
//!
//! [`run`] lists the stages: read, resolve, reconcile, pseudonymize, conform, partition, publish. Each is a plain function; `read` and
//! `publish` alone touch the disk. An Ente whose segments have changed is resolved from its first event, so that a run after
//! each night and one over all of it come to the same tables; the lake keeps the files whose content has not changed. What is
//! missing on purpose: the portal's store, names, codes and birth dates, and any key that could open one.

mod conform;
pub mod links;
mod partition;
mod pseudonymize;
mod publish;
mod read;
mod reconcile;
pub mod release;
mod report;
mod resolve;
mod run;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use pseudonymize::{PseudonymKeyError, renew as renew_pseudonym_key};
pub use report::{EnteReport, RunReport, State};
pub use run::{Config, PipelineError, lock, run};
