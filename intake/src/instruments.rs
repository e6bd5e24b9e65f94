//! The strumenti that Noncello ships. The only place in the code where one is named.

use domain::instrument::{DefinitionError, Instrument};

const SHIPPED: [(&str, u32, &str); 2] =
    [("asso", 1, include_str!("../instruments/asso/1.toml")), ("isa", 1, include_str!("../instruments/isa/1.toml"))];

/// A definition in the binary that breaks a rule.
#[derive(Debug, thiserror::Error)]
#[error("the definition {id} {version} breaks a rule: {}", .errors.first().map(ToString::to_string).unwrap_or_default())]
pub struct ShippedError {
    /// Which strumento.
    pub id: &'static str,
    /// Which version.
    pub version: u32,
    /// All that is wrong.
    pub errors: Vec<DefinitionError>,
}

/// The strumenti shipped, in the order in which pages list them.
///
/// # Errors
/// When a definition in the binary breaks a rule; `make check` refuses that.
pub fn shipped() -> Result<Vec<Instrument>, ShippedError> {
    SHIPPED
        .into_iter()
        .map(|(id, version, text)| Instrument::parse(text).map_err(|errors| ShippedError { id, version, errors }))
        .collect()
}

/// The files shipped, as they are: id, version, text. A data folder starts with a copy of them.
pub fn shipped_files() -> impl Iterator<Item = (&'static str, u32, &'static str)> {
    SHIPPED.into_iter()
}
