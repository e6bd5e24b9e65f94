//! The strumenti that Noncello ships. The only place in the code where one is named.

use domain::instrument::{DefinitionError, Instrument};

const SHIPPED: [(&str, &str); 2] = [
    ("asso/1.toml", include_str!("../instruments/asso/1.toml")),
    ("isa/1.toml", include_str!("../instruments/isa/1.toml")),
];

/// A definition in the binary that breaks a rule.
#[derive(Debug, thiserror::Error)]
#[error("the definition {file} breaks a rule: {}", .errors.first().map(ToString::to_string).unwrap_or_default())]
pub struct ShippedError {
    /// Which.
    pub file: &'static str,
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
        .map(|(file, text)| Instrument::parse(text).map_err(|errors| ShippedError { file, errors }))
        .collect()
}
