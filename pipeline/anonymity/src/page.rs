//! The report as a page that stands alone: no script, nothing fetched, to be read and printed.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use crate::compare::Comparison;
use crate::register::RegisterRisk;
use crate::report::Report;
use crate::verify::Verification;

/// What the page of a report is made of.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Page<'a> {
    /// What the table is called.
    pub title: &'a str,
    /// What the engine says.
    pub report: &'a Report,
    /// What the verifier found in the written table.
    pub verification: Option<&'a Verification>,
    /// The table beside its original.
    pub comparison: Option<&'a Comparison>,
    /// The journalist's risk against a register.
    pub register: Option<&'a RegisterRisk>,
}

impl Page<'_> {
    /// The page as HTML.
    pub fn to_html(&self) -> String {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment
            .render_str(include_str!("page.html"), context! { page => Serde(self) })
            .expect("a test renders the page with all its parts")
    }
}
