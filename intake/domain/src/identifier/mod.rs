//! By what a persona is known to administrations: a codice fiscale, one of the codes for those who have none yet, or nothing.
//!
//! Text becomes one of these once, at the edge. All are private values: they print redacted, and leave only by `expose`.

mod codice_fiscale;

use std::fmt;

use chrono::NaiveDate;

use crate::text::has_hidden_characters;

pub use codice_fiscale::{Birth, CodiceFiscale, CodiceFiscaleError};

/// The kinds of identifier, by the code under which they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentifierKind {
    /// Sixteen characters.
    CodiceFiscale,
    /// Eleven digits, given by the Agenzia delle Entrate until the codice fiscale is.
    Provisional,
    /// Straniero Temporaneamente Presente: health care of those without a permit.
    Stp,
    /// Europeo Non Iscritto: health care of EU citizens without insurance.
    Eni,
    /// A code of the Ente's own.
    Local,
}

impl IdentifierKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::CodiceFiscale, Self::Provisional, Self::Stp, Self::Eni, Self::Local];

    /// The code under which it is stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CodiceFiscale => "codice_fiscale",
            Self::Provisional => "provisional",
            Self::Stp => "stp",
            Self::Eni => "eni",
            Self::Local => "local",
        }
    }
}

/// An identifier that has the form its kind asks for. Two are the same only when kind and every character are:
/// two omocodic codici fiscali are two different people.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identifier {
    /// A codice fiscale.
    CodiceFiscale(CodiceFiscale),
    /// A provisional code.
    Provisional(PrivateCode),
    /// An STP code.
    Stp(PrivateCode),
    /// An ENI code.
    Eni(PrivateCode),
    /// A code of the Ente's own.
    Local(PrivateCode),
}

/// A code that identifies somebody: prints redacted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrivateCode(String);

impl PrivateCode {
    /// The code itself, for storing and showing to who may see it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateCode(…)")
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier::{:?}(…)", self.kind())
    }
}

/// Why a text is not an identifier of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not a codice fiscale.
    #[error(transparent)]
    CodiceFiscale(#[from] CodiceFiscaleError),
    /// A provisional code has eleven digits.
    #[error("a provisional code has eleven digits")]
    ProvisionalForm,
    /// The eleventh digit does not follow from the others.
    #[error("the last digit of the provisional code does not follow from the others")]
    ProvisionalCheckDigit,
    /// STP or ENI and thirteen digits.
    #[error(
        "an {0} code is {0} and thirteen digits: three of the region, three of the health authority, seven of the person"
    )]
    HealthForm(&'static str),
    /// A local code has 1 to 40 visible characters.
    #[error("a local code has 1 to 40 visible characters")]
    LocalForm,
}

impl Identifier {
    /// Reads an identifier as somebody typed it: blanks around it and small letters do not matter, except that a local
    /// code is kept as it is. `on` is the day on which it is read, for the century of a birth.
    ///
    /// # Errors
    /// When the text has not the form of its kind; never with the text in the message.
    pub fn parse(kind: IdentifierKind, text: &str, on: NaiveDate) -> Result<Self, IdentifierError> {
        let trimmed = text.trim();
        match kind {
            IdentifierKind::CodiceFiscale => Ok(Self::CodiceFiscale(CodiceFiscale::parse(trimmed, on)?)),
            IdentifierKind::Provisional => provisional(trimmed).map(Self::Provisional),
            IdentifierKind::Stp => health("STP", trimmed).map(Self::Stp),
            IdentifierKind::Eni => health("ENI", trimmed).map(Self::Eni),
            IdentifierKind::Local => local(trimmed).map(Self::Local),
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> IdentifierKind {
        match self {
            Self::CodiceFiscale(_) => IdentifierKind::CodiceFiscale,
            Self::Provisional(_) => IdentifierKind::Provisional,
            Self::Stp(_) => IdentifierKind::Stp,
            Self::Eni(_) => IdentifierKind::Eni,
            Self::Local(_) => IdentifierKind::Local,
        }
    }

    /// The code itself, for storing and showing to who may see it.
    #[must_use]
    pub fn expose(&self) -> &str {
        match self {
            Self::CodiceFiscale(code) => code.expose(),
            Self::Provisional(code) | Self::Stp(code) | Self::Eni(code) | Self::Local(code) => code.expose(),
        }
    }
}

fn provisional(text: &str) -> Result<PrivateCode, IdentifierError> {
    let digits: Vec<u32> = text.chars().filter_map(|character| character.to_digit(10)).collect();
    if digits.len() != 11 || text.chars().count() != 11 {
        return Err(IdentifierError::ProvisionalForm);
    }
    // As for a partita IVA: digits in even places doubled, nine taken off above nine, all summed; the eleventh makes it
    // a multiple of ten.
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    if sum.is_multiple_of(10) { Ok(PrivateCode(text.to_owned())) } else { Err(IdentifierError::ProvisionalCheckDigit) }
}

fn health(prefix: &'static str, text: &str) -> Result<PrivateCode, IdentifierError> {
    let upper = text.to_ascii_uppercase();
    let digits = upper.strip_prefix(prefix).ok_or(IdentifierError::HealthForm(prefix))?;
    if digits.len() == 13 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(PrivateCode(upper))
    } else {
        Err(IdentifierError::HealthForm(prefix))
    }
}

fn local(text: &str) -> Result<PrivateCode, IdentifierError> {
    let is_visible = !text.chars().any(char::is_control) && !has_hidden_characters(text);
    if (1..=40).contains(&text.chars().count()) && is_visible {
        Ok(PrivateCode(text.to_owned()))
    } else {
        Err(IdentifierError::LocalForm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: IdentifierKind, text: &str, expected: Result<&str, IdentifierError>) {
        let on = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let read = Identifier::parse(kind, text, on);
        assert_eq!(read.as_ref().map(Identifier::expose).map_err(Clone::clone), expected);
    }

    #[test]
    fn codes_of_people_without_a_codice_fiscale() {
        // The check digit is the one of a partita IVA: 07643520567 is an often printed example.
        check(IdentifierKind::Provisional, " 07643520567 ", Ok("07643520567"));
        check(IdentifierKind::Provisional, "07643520568", Err(IdentifierError::ProvisionalCheckDigit));
        check(IdentifierKind::Provisional, "0764352056", Err(IdentifierError::ProvisionalForm));
        check(IdentifierKind::Provisional, "0764352056x", Err(IdentifierError::ProvisionalForm));
        check(IdentifierKind::Stp, "stp0601020000001", Ok("STP0601020000001"));
        check(IdentifierKind::Stp, "ENI0601020000001", Err(IdentifierError::HealthForm("STP")));
        check(IdentifierKind::Eni, "ENI0601020000001", Ok("ENI0601020000001"));
        check(IdentifierKind::Eni, "ENI060102000000", Err(IdentifierError::HealthForm("ENI")));
        check(IdentifierKind::Local, "PN/2026/0042 b", Ok("PN/2026/0042 b"));
        check(IdentifierKind::Local, "  ", Err(IdentifierError::LocalForm));
        check(IdentifierKind::Local, "a\u{0}b", Err(IdentifierError::LocalForm));
        check(IdentifierKind::Local, "a\u{202E}b", Err(IdentifierError::LocalForm));
    }

    #[test]
    fn nothing_prints_a_code() {
        let on = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        for (kind, text) in [(IdentifierKind::Local, "secret"), (IdentifierKind::CodiceFiscale, "RSSMRA85T10A562S")] {
            let identifier = Identifier::parse(kind, text, on).unwrap();
            assert!(!format!("{identifier:?}").contains(text));
            match &identifier {
                Identifier::CodiceFiscale(code) => assert!(!format!("{code:?}").contains(text)),
                Identifier::Local(code) => assert!(!format!("{code:?}").contains(text)),
                Identifier::Provisional(_) | Identifier::Stp(_) | Identifier::Eni(_) => unreachable!("not asked for"),
            }
        }
        let error = Identifier::parse(IdentifierKind::Provisional, "12345", on).unwrap_err();
        assert!(!error.to_string().contains("12345"));
    }
}
