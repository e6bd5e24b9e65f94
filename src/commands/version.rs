//! `noncello version`: what is running, the linked DuckDB included.

use std::process::ExitCode;

use anyhow::Result;

use super::print_line;

pub(crate) fn run() -> Result<ExitCode> {
    print_line(&format!("noncello {}", env!("CARGO_PKG_VERSION")));
    print_line(&format!("DuckDB {}", warehouse::session::library_version()?));
    Ok(ExitCode::SUCCESS)
}
