//! `noncello init`: a data folder with keys, a database and the first platform administrator.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use store::{NewAccount, Reach, Role};

use super::{block_on, open_store, print_line};
use crate::data_folder::DataFolder;
use crate::system;

#[derive(clap::Args)]
#[command(after_help = "Example: noncello init --data /srv/noncello --administrator m.rossi")]
pub(crate) struct Arguments {
    /// The folder to make; must be absent or empty.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The username of the first platform administrator.
    #[arg(long, default_value = "piattaforma")]
    administrator: String,
    /// Keep the portal's database in PostgreSQL instead of a file of SQLite: a file of yours alone that says where
    /// (`portal = "postgres://…"`, `owner = "postgres://…"`; docs/running.md). It is copied into the data folder.
    #[arg(long, value_name = "FILE")]
    postgres: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut chance = system::chance();
    let folder = DataFolder::create(&arguments.data, &mut chance)?;
    if let Some(file) = &arguments.postgres {
        folder.use_postgres(file)?;
    }
    block_on(async {
        let store = open_store(&folder).await?;
        let now = system::now();
        let platform = store.command_line_platform("init", "first administrator", now).await?;
        let account = NewAccount {
            username: arguments.administrator.clone(),
            display_name: "Amministratore di piattaforma".to_owned(),
            role: Role::PlatformAdministrator,
            unita: None,
            reach: Reach::Ente,
        };
        let (_, password) = store.create_platform_account(&platform, &account, now, &mut chance).await?;
        print_line(&format!("data folder: {}", arguments.data.display()));
        print_line("keys: four files in keys/, readable by you alone; copy them to a safe place, apart from the data");
        print_line(&format!("platform administrator: {}", arguments.administrator));
        print_line(&format!("one-time password (72 hours, shown once): {}", password.expose()));
        print_line(&format!("next: noncello serve --data {}", arguments.data.display()));
        store.close().await?;
        Ok(ExitCode::SUCCESS)
    })
}
