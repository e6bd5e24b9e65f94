//! One file per command: arguments, and the calls that do the work. Exit codes: 0 done, 1 the data or the request is
//! wrong, 2 usage.

pub(crate) mod demo;
pub(crate) mod instrument;
pub(crate) mod version;

use std::io::Write;

use clap::ValueEnum;

/// How a command reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// An error with all its causes, on standard error.
#[expect(clippy::print_stderr, reason = "the binary is where errors are shown")]
pub(crate) fn print_error(error: &anyhow::Error) {
    eprintln!("noncello: {error:#}");
}

/// A line of a command's result, on standard output.
pub(crate) fn print_line(line: &str) {
    // A reader that has left (`| head`) wants no more: no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line about what is wrong, on standard error.
#[expect(clippy::print_stderr, reason = "the binary is where errors are shown")]
pub(crate) fn print_complaint(line: &str) {
    eprintln!("{line}");
}
