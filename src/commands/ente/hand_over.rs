//! `noncello ente hand-over`: persone of one Ente, with their questionnaires, arrive in another.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use intake::handover::{self, HandOver};
use store::PersonaId;
use uuid::Uuid;

use crate::commands::{block_on, log_to_standard_error, open_store, print_line};
use crate::data_folder::DataFolder;
use crate::system;

#[derive(clap::Args)]
#[command(
    group(clap::ArgGroup::new("whom").required(true).multiple(true)),
    after_help = "Example: noncello ente hand-over --data /srv/noncello --from valli --to pianura --comune 093010 \\
  --actor \"Anna Neri\" --reason \"convenzione 12/2026\" --dry-run

What arrives has new ids and keys and says where it comes from. Corrected and annulled versions, notes on items and notices stay, and
the persone stay until their Ente erases them. The other Ente needs an agreement in force. The same again changes nothing."
)]
pub(crate) struct Arguments {
    /// The data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The code of the Ente that hands over.
    #[arg(long, value_name = "CODE")]
    from: String,
    /// The code of the Ente that takes over.
    #[arg(long, value_name = "CODE")]
    to: String,
    /// A persona: the last part of the address of their page; may be given more than once.
    #[arg(long = "persona", value_name = "ID", group = "whom")]
    persone: Vec<Uuid>,
    /// Everybody who lives in this comune (ISTAT code); may be given more than once.
    #[arg(long = "comune", value_name = "CODE", group = "whom")]
    comuni: Vec<String>,
    /// Everybody.
    #[arg(long, group = "whom")]
    all: bool,
    /// Who does it: written to the audits of both.
    #[arg(long, value_name = "NAME")]
    actor: String,
    /// Why, without naming anybody: written to the audits of both.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    log_to_standard_error();
    let Arguments { data, from, to, persone, comuni, all, actor, reason, dry_run } = arguments;
    let folder = DataFolder::open(data)?;
    let instruments = folder.instruments()?;
    block_on(async {
        let store = open_store(&folder).await?;
        let now = system::now();
        let id = |code| store.ente_id(code);
        let from_id = id(from).await.with_context(|| format!("the Ente {from}"))?;
        let to_id = id(to).await.with_context(|| format!("the Ente {to}"))?;
        let from_scope = store.command_line(from_id, actor, reason, now).await?;
        let to_scope = store.command_line(to_id, actor, reason, now).await?;
        let mut wanted: BTreeSet<PersonaId> = persone.iter().copied().map(PersonaId).collect();
        if *all || !comuni.is_empty() {
            let lives_there = |residence: Option<&String>| residence.is_some_and(|comune| comuni.contains(comune));
            let everybody = store.all_persone(&from_scope, now).await?;
            wanted.extend(everybody.iter().filter(|one| *all || lives_there(one.residence.as_ref())).map(|one| one.id));
        }
        if wanted.is_empty() {
            bail!("nobody of {from} is meant");
        }
        let name = store.ente(&from_scope, now).await?.name;
        let source = format!("passaggio da {name}");
        let asked = HandOver { persone: &wanted, source: &source, is_dry_run: *dry_run };
        let mut chance = system::chance();
        let done = handover::hand_over(&store, &from_scope, &to_scope, &instruments, asked, now, &mut chance)
            .await
            .context("nothing was handed over")?;
        store.close().await?;
        let said = if *dry_run { "would be handed over" } else { "handed over" };
        print_line(&format!(
            "{} persone {said}, {} of them new to {to}; {} questionnaires, and {} that were there already",
            done.persone, done.made, done.questionnaires, done.there_already
        ));
        if !*dry_run {
            print_line(&format!(
                "they are still in {from}: its administrator erases them when they are no longer needed"
            ));
        }
        Ok(ExitCode::SUCCESS)
    })
}
