//! `noncello totp`: the code of an authenticator, for a demonstration and for those who have none at hand.

use std::process::ExitCode;

use anyhow::{Result, bail};

use super::print_line;
use crate::system;

#[derive(clap::Args)]
#[command(after_help = "Example: noncello totp NZXW4Y3FNRWG6IDENFWW643UOJQXU2LP

The secret stays in the history of the shell: for real accounts use an authenticator.")]
pub(crate) struct Arguments {
    /// The secret, as base 32; spaces do not matter.
    secret: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Some(code) = store::totp_code(&arguments.secret, system::now()) else {
        bail!("this is no secret of an authenticator: 32 letters and digits of base 32 are");
    };
    print_line(&code);
    Ok(ExitCode::SUCCESS)
}
