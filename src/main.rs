//! The one binary: reads the command line and hands over to a command. No rules here.

mod behind;
mod calibrations;
mod checkpoints;
mod commands;
mod data_folder;
mod demo;
mod outside;
mod research;
mod server;
mod system;

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
    /// Generalise a table until no one can be singled out, at little loss.
    Anonymize(Box<commands::anonymize::Arguments>),
    /// Look after the audit.
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Fill a demonstration with synthetic Enti, people and questionnaires, and serve it.
    Demo(commands::demo::Arguments),
    /// Look at the Enti and their agreements.
    #[command(subcommand)]
    Ente(commands::ente::Command),
    /// Forget a persona.
    Erase(commands::erase::Arguments),
    /// Bring in questionnaires from a CSV file.
    Import(commands::import::Arguments),
    /// Make a data folder: keys, database, the first platform administrator.
    Init(commands::init::Arguments),
    /// Look at definitions of strumenti, check files of them, add one to a data folder.
    #[command(subcommand)]
    Instrument(commands::instrument::Command),
    /// Look after the portal's keys.
    #[command(subcommand)]
    Keys(commands::keys::Command),
    /// From the portal's events to the lake.
    #[command(subcommand)]
    Pipeline(commands::pipeline::Command),
    /// Check tables that leave the house.
    #[command(subcommand)]
    Release(commands::release::Command),
    /// Serve the portal and the dashboards.
    Serve(commands::serve::Arguments),
    /// Print the code of an authenticator.
    Totp(commands::totp::Arguments),
    /// Ask the lake.
    #[command(subcommand)]
    Warehouse(commands::warehouse::Command),
    /// Say which versions of the program and of DuckDB these are.
    #[command(after_help = "Example: noncello version")]
    Version,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Anonymize(arguments) => commands::anonymize::run(&arguments),
        Command::Audit(command) => commands::audit::run(&command),
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Ente(command) => commands::ente::run(&command),
        Command::Erase(arguments) => commands::erase::run(&arguments),
        Command::Import(arguments) => commands::import::run(&arguments),
        Command::Keys(command) => commands::keys::run(&command),
        Command::Init(arguments) => commands::init::run(&arguments),
        Command::Instrument(command) => commands::instrument::run(&command),
        Command::Pipeline(command) => commands::pipeline::run(&command),
        Command::Release(command) => commands::release::run(&command),
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Totp(arguments) => commands::totp::run(&arguments),
        Command::Warehouse(command) => commands::warehouse::run(&command),
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
