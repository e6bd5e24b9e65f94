//! `noncello erase`: a persona asks to be forgotten (GDPR art. 17), and the Ente has decided that they are.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use store::{ErasureGround, PersonaId};
use uuid::Uuid;

use super::{block_on, open_store, print_line};
use crate::data_folder::DataFolder;
use crate::system;

#[derive(clap::Args)]
#[command(after_help = "Example: noncello erase --data /srv/noncello --ente dimostrazione-pordenone \\
  --persona 5f0e8a52-6d0f-4c1e-9d55-0b0f4a3c9e11 --actor \"Anna Neri\" --reason \"richiesta del 3 marzo, protocollo 1234\"

Erases a persona and those merged into them: their keys, data, questionnaires and earlier events. It cannot be taken back. The next
`noncello pipeline run` takes them out of the lake; releases that were published stay.")]
pub(crate) struct Arguments {
    /// The data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The code of the Ente.
    #[arg(long, value_name = "CODE")]
    ente: String,
    /// The persona: the last part of the address of their page.
    #[arg(long, value_name = "ID")]
    persona: Uuid,
    /// Who does it: written to the Ente's audit.
    #[arg(long, value_name = "NAME")]
    actor: String,
    /// On what grounds, without naming the persona: written to the Ente's audit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// On what grounds: request, retention or mistake.
    #[arg(long, default_value = "request", value_name = "GROUND")]
    ground: Ground,
}

/// A ground as it is typed.
#[derive(Clone, Copy)]
struct Ground(ErasureGround);

impl std::str::FromStr for Ground {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        ErasureGround::from_code(text).map(Self).ok_or("request, retention or mistake")
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    super::log_to_standard_error();
    let Arguments { data, ente, persona, actor, reason, ground } = arguments;
    let folder = DataFolder::open(data)?;
    block_on(async {
        let store = open_store(&folder).await?;
        let id = store.ente_id(ente).await.with_context(|| format!("the Ente {ente}"))?;
        let now = system::now();
        let scope = store.command_line(id, actor, reason, now).await?;
        store
            .erase_persona(&scope, PersonaId(*persona), ground.0, now, &mut system::chance())
            .await
            .with_context(|| format!("the persona {persona}"))?;
        store.close().await?;
        print_line("erased; `noncello pipeline run` takes them out of the lake");
        Ok(ExitCode::SUCCESS)
    })
}
