//! How the pages are reached from outside: the address that people type, the proxies in front, the gateway that vouches for people.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use intake::{Gateway, GatewayConfig};
use store::PasskeySite;

use crate::data_folder::read_private;

#[derive(Default, clap::Args)]
pub(crate) struct Outside {
    /// The address that people type, without a path: passkeys are made for it, and a gateway sends people back to it.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A gateway to SPID and CIE, by OpenID Connect: a file of yours alone with `name`, `issuer`, `client_id`,
    /// `client_secret` and `acr = ["…"]` (docs/running.md).
    #[arg(long, value_name = "FILE", requires = "public_url")]
    gateway: Option<PathBuf>,
    /// A reverse proxy whose X-Forwarded-For says who asks; may be given more than once. Without it everybody behind a proxy
    /// is slowed down together after wrong passwords.
    #[arg(long = "trusted-proxy", value_name = "ADDRESS")]
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

impl Outside {
    /// The site that passkeys are made for.
    pub(crate) fn passkeys(&self) -> Result<Option<PasskeySite>> {
        Ok(self.public_url.as_deref().map(PasskeySite::new).transpose()?)
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> Result<Option<Gateway>> {
        match (&self.gateway, &self.public_url) {
            (Some(file), Some(address)) => Ok(Some(Gateway::new(read(file)?, address)?)),
            _ => Ok(None),
        }
    }
}

fn read(file: &Path) -> Result<GatewayConfig> {
    let text = read_private(file)?;
    // What TOML says of a mistake quotes the line, and a line here holds a secret.
    let Ok(config) = toml::from_str(&text) else {
        bail!(
            "{} must hold `name`, `issuer`, `client_id` and `acr = [\"…\"]`, and `client_secret` where the gateway gave one",
            file.display()
        );
    };
    Ok(config)
}
