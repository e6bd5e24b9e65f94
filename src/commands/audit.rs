//! `noncello audit`: whether a line of any audit was changed, taken out or cut off; checkpoints by hand.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use store::AuditProblem;

use super::{block_on, open_store, print_complaint, print_line};
use crate::checkpoints;
use crate::data_folder::DataFolder;
use crate::system;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write how far every audit has come into the data folder, sealed; `serve` does so every hour.
    #[command(after_help = "Example: noncello audit checkpoint --data /srv/noncello

Keep copies of audit-checkpoints.jsonl where nobody who runs the database can change them.")]
    Checkpoint {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Follow the chain of every Ente's audit, and the platform's, from the first line, and hold it against the checkpoints.
    #[command(after_help = "Example: noncello audit verify --data /srv/noncello")]
    Verify {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Another file of checkpoints, such as a copy from another machine.
        #[arg(long, value_name = "FILE")]
        checkpoints: Option<PathBuf>,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Checkpoint { data } => checkpoint(data),
        Command::Verify { data, checkpoints } => verify(data, checkpoints.as_deref()),
    }
}

fn checkpoint(data: &Path) -> Result<ExitCode> {
    let folder = DataFolder::open(data)?;
    block_on(async {
        let checkpoint = checkpoints::write(&folder, &open_store(&folder).await?).await?;
        let count = checkpoint.heads.len();
        print_line(&format!(
            "{count} audits, as far as they have come, are in {}",
            folder.audit_checkpoints().display()
        ));
        Ok(ExitCode::SUCCESS)
    })
}

fn verify(data: &Path, file: Option<&Path>) -> Result<ExitCode> {
    let folder = DataFolder::open(data)?;
    let file = file.map_or_else(|| folder.audit_checkpoints(), Path::to_owned);
    block_on(async {
        let store = open_store(&folder).await?;
        let known = checkpoints::read(&file)?;
        checkpoints::check(&file, &store, &known)?;
        let platform = store.command_line_platform("audit verify", "audit verify", system::now()).await?;
        let mut chains = vec![(None, "platform".to_owned())];
        chains.extend(store.enti(&platform, system::now()).await?.into_iter().map(|ente| (Some(ente.id), ente.code)));
        let mut is_any_wrong = false;
        for (ente, name) in chains {
            let verdict = store.audit_verify(&platform, ente, &known).await?;
            match verdict.problem {
                None => print_line(&format!("{name}: {} lines, whole", verdict.lines)),
                Some(problem) => {
                    is_any_wrong = true;
                    let what = match problem {
                        AuditProblem::Changed { seq } => format!("line {seq} is not what was written"),
                        AuditProblem::Rewritten { seq } => format!("line {seq} is not the one that a checkpoint saw"),
                        AuditProblem::Missing { seq } => format!("line {seq} is missing"),
                        AuditProblem::Truncated { expected, found } => {
                            format!("ends at line {found}, but line {expected} was written")
                        }
                    };
                    print_complaint(&format!("{name}: {what}; compare with a backup"));
                }
            }
        }
        match known.last() {
            Some(last) => print_line(&format!("held against {} checkpoints, the last of {}", known.len(), last.at)),
            None => print_line("there is no checkpoint: that the last lines were cut off would not be seen"),
        }
        Ok(if is_any_wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
    })
}
