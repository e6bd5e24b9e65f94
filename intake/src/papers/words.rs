//! The words of messages/papers.toml: those that papers take from no record.

use std::sync::LazyLock;

use documents::{Party, Purpose, Recipient, Remainder, Storage};
use serde::Deserialize;

/// All of them.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| {
    toml::from_str(include_str!("../../messages/papers.toml")).expect("a test reads the file in the binary")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    platform: Platform,
    pub(super) access: Access,
    pub(super) certificate: Certificate,
    pub(super) closing: Closing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    name: String,
    ipa_code: Option<String>,
    fiscal_code: Option<String>,
    address: Option<String>,
    pec: Option<String>,
}

/// What is said beside the data of an access report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Access {
    pub(super) controller_office: String,
    pub(super) categories: Vec<String>,
    pub(super) purposes: Vec<Purpose>,
    pub(super) storage: Vec<Storage>,
    recipients: Vec<Recipient>,
}

/// What the certificate of an erasure says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Certificate {
    pub(super) removed: Vec<String>,
    pub(super) merged: String,
    pub(super) key: String,
    pub(super) remains: Vec<Remainder>,
}

/// What the certificate of an Ente's closing says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    pub(super) persone: String,
    pub(super) assessments: String,
    pub(super) drafts: String,
    pub(super) accounts: String,
    pub(super) others: String,
    pub(super) key: String,
    pub(super) handed_over: String,
    pub(super) remains: Vec<Remainder>,
}

/// The administration that runs the platform, by its name.
pub(crate) fn platform_name() -> &'static str {
    &WORDS.platform.name
}

/// The same, as an agreement names it.
pub(super) fn platform() -> Party {
    let Platform { name, ipa_code, fiscal_code, address, pec } = &WORDS.platform;
    Party {
        name: name.clone(),
        ipa_code: ipa_code.clone(),
        fiscal_code: fiscal_code.clone(),
        address: address.clone(),
        pec: pec.clone(),
        represented_by: None,
        office: None,
        dpo: None,
    }
}

/// The words for a code, or the code where there are none.
pub(super) fn words(kind: &str, code: &str) -> String {
    templates::term(kind, code).unwrap_or(code).to_owned()
}

impl Access {
    /// Who gets data, whoever runs the platform by name.
    pub(super) fn recipients(&self) -> Vec<Recipient> {
        let named = |recipient: &Recipient| match recipient.who.as_str() {
            "" => Recipient { who: platform_name().to_owned(), ..recipient.clone() },
            _ => recipient.clone(),
        };
        self.recipients.iter().map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_nobody_is_without_a_name() {
        assert!(!platform().name.is_empty());
        assert!(WORDS.access.recipients().iter().all(|recipient| !recipient.who.is_empty()));
        assert!(!WORDS.certificate.remains.is_empty());
    }
}
