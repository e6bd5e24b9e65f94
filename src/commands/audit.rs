//! `noncello audit verify`: whether a line of any audit was changed, taken out or cut off.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use store::AuditProblem;

use super::{block_on, open_store, print_complaint, print_line};
use crate::data_folder::DataFolder;
use crate::system;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Follow the chain of every Ente's audit, and the platform's, from the first line.
    #[command(after_help = "Example: noncello audit verify --data /srv/noncello")]
    Verify {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    let Command::Verify { data } = command;
    let folder = DataFolder::open(data)?;
    block_on(async {
        let store = open_store(&folder).await?;
        let platform = store.command_line_platform("audit verify", "audit verify", system::now()).await?;
        let mut chains = vec![(None, "platform".to_owned())];
        chains.extend(store.enti(&platform, system::now()).await?.into_iter().map(|ente| (Some(ente.id), ente.code)));
        let mut is_any_wrong = false;
        for (ente, name) in chains {
            let verdict = store.audit_verify(&platform, ente).await?;
            match verdict.problem {
                None => print_line(&format!("{name}: {} lines, whole", verdict.lines)),
                Some(problem) => {
                    is_any_wrong = true;
                    let what = match problem {
                        AuditProblem::Changed { seq } => format!("line {seq} is not what was written"),
                        AuditProblem::Missing { seq } => format!("line {seq} is missing"),
                        AuditProblem::Truncated { expected, found } => {
                            format!("ends at line {found}, but line {expected} was written")
                        }
                    };
                    print_complaint(&format!("{name}: {what}; compare with a backup"));
                }
            }
        }
        Ok(if is_any_wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
    })
}
