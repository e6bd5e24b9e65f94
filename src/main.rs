//! The one binary: reads the command line and hands over to a command. No rules here.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The platform of the ASSO and ISA questionnaires, from the social worker's desk to the dashboards.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a demonstration: the strumenti, to be read and tried out.
    Demo(commands::demo::Arguments),
    /// Look at definitions of strumenti, or check files of them.
    #[command(subcommand)]
    Instrument(commands::instrument::Command),
    /// Say which versions of the program and of DuckDB these are.
    #[command(after_help = "Example: noncello version")]
    Version,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Instrument(command) => commands::instrument::run(&command),
        Command::Version => commands::version::run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            commands::print_error(&error);
            ExitCode::from(1)
        }
    }
}
