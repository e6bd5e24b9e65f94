//! `noncello ente`: the Enti and how they stand, for whoever looks after the machine.

mod hand_over;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::{Format, block_on, open_store, print_line};
use crate::data_folder::DataFolder;
use crate::system;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the Enti: code, name, and how their agreement stands. One that runs out within sixty days is marked.
    #[command(after_help = "Example: noncello ente list --data /srv/noncello")]
    List {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// How to report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Hand persone over to another Ente: for somebody who moves, an Ente that is split, two that become one.
    HandOver(hand_over::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::List { data, format } => list(data, *format),
        Command::HandOver(arguments) => hand_over::run(arguments),
    }
}

fn list(data: &Path, format: Format) -> Result<ExitCode> {
    let folder = DataFolder::open(data)?;
    block_on(async {
        let store = open_store(&folder).await?;
        let now = system::now();
        let platform = store.command_line_platform("ente list", "ente list", now).await?;
        let enti = store.enti(&platform, now).await?;
        store.close().await?;
        match format {
            Format::Json => {
                let rows = enti.iter().map(|ente| {
                    let standing = ente.standing;
                    json!({ "code": ente.code, "name": ente.name, "agreement": standing.code(), "day": standing.day() })
                });
                print_line(&serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
            }
            Format::Text => {
                for ente in &enti {
                    let day = ente.standing.day().map_or_else(String::new, |day| format!(" {day}"));
                    print_line(&format!("{}\t{}{day}\t{}", ente.code, ente.standing.code(), ente.name));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
