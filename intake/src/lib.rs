//! The portal: its pages and what they may do.
//!
//! `routes` is the table of all pages with what each asks for; `visitor` turns a session into the scope that the store
//! wants; `api` is the same for programs with a token; `beside` lends both guards to pages of others; `gateway` asks a gateway to SPID and CIE who somebody is. What is
//! missing on purpose: DuckDB and arrow (figures belong to `dashboards`), and SQL (that belongs to `store`). Clock and chance come with the configuration.

mod api;
mod beside;
mod cookies;
pub mod example;
mod extraction;
mod form;
mod gateway;
pub mod handover;
mod headers;
pub mod import;
pub mod instruments;
mod pages;
mod papers;
mod portal;
mod reply;
mod routes;
mod upload;
mod visitor;

#[cfg(test)]
mod tests;

pub use api::interrogazioni::{AnswerFormat, Answerer, Answering, NoAnswer, Question};
pub use beside::{Demand, ReleaseProgram};
pub use cookies::Cookies;
pub use gateway::{Gateway, GatewayConfig, GatewayConfigError};
pub use portal::{CalibrationReader, Clock, Portal, PortalConfig, PortalError, RunReader, UnreadReader};
pub use visitor::Visitor;
