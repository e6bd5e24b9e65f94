//! The codes by which Italian places are known, each its own type.
//!
//! Parsing checks the form only; whether a place with that code exists is asked of `comuni` or `history`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Why a text is not a code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodeError {
    /// A code made of digits has another length or other characters.
    #[error("{kind} code has {digits} digits, not `{found}`")]
    Digits {
        /// Which code was expected.
        kind: &'static str,
        /// How many digits it has.
        digits: usize,
        /// The text that was given.
        found: String,
    },
    /// A Belfiore code is a letter and three digits.
    #[error("Belfiore code is a letter and three digits, not `{0}`")]
    Belfiore(String),
}

/// Defines a code of a fixed number of digits; three of them differ only in name and width.
macro_rules! digit_code {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $digits:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// The code as a number, without leading zeros.
            pub fn number(self) -> $inner {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = CodeError;

            fn from_str(text: &str) -> Result<Self, CodeError> {
                let refused = || CodeError::Digits { kind: $kind, digits: $digits, found: text.to_owned() };
                // The length is checked apart because `parse` takes a sign and fewer digits.
                if text.len() != $digits || !text.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(refused());
                }
                text.parse().map($name).map_err(|_| refused())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:0width$}", self.0, width = $digits)
            }
        }
    };
}

digit_code!(
    /// ISTAT code of a comune: six digits, the first three being its province (`093033` is Pordenone).
    ComuneCode, u32, 6, "comune"
);
digit_code!(
    /// ISTAT code of a province or what has taken its place: three digits (`093` is Pordenone).
    ProvinceCode, u16, 3, "province"
);
digit_code!(
    /// ISTAT code of a region: two digits (`06` is Friuli-Venezia Giulia).
    RegionCode, u8, 2, "region"
);

impl ComuneCode {
    pub(crate) const fn from_data(number: u32) -> Self {
        Self(number)
    }

    /// The province the code says, by its first three digits.
    pub fn province(self) -> ProvinceCode {
        ProvinceCode(u16::try_from(self.0 / 1000).expect("six digits leave three"))
    }
}

impl ProvinceCode {
    pub(crate) const fn from_data(number: u16) -> Self {
        Self(number)
    }
}

impl RegionCode {
    pub(crate) const fn from_data(number: u8) -> Self {
        Self(number)
    }
}

/// Belfiore code, also called cadastral code: the birthplace within a codice fiscale (`G888` is Pordenone, `Z335`
/// Nigeria).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BelfioreCode {
    letter: u8,
    number: u16,
}

impl BelfioreCode {
    pub(crate) const fn from_data(letter: u8, number: u16) -> Self {
        Self { letter, number }
    }

    /// Whether the code is of the series kept for foreign countries.
    pub fn is_foreign(self) -> bool {
        self.letter == b'Z'
    }
}

impl FromStr for BelfioreCode {
    type Err = CodeError;

    /// Takes small letters too: people type them.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let refused = || CodeError::Belfiore(text.to_owned());
        let (letter, digits) = text.split_at_checked(1).ok_or_else(refused)?;
        let letter = letter.bytes().next().ok_or_else(refused)?.to_ascii_uppercase();
        if !letter.is_ascii_uppercase() || digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refused());
        }
        Ok(Self { letter, number: digits.parse().map_err(|_| refused())? })
    }
}

impl fmt::Display for BelfioreCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:03}", char::from(self.letter), self.number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_keep_their_leading_zeros() {
        assert_eq!("001007".parse::<ComuneCode>().unwrap().to_string(), "001007");
        assert_eq!("001007".parse::<ComuneCode>().unwrap().province().to_string(), "001");
        assert_eq!("06".parse::<RegionCode>().unwrap().to_string(), "06");
        assert_eq!("a001".parse::<BelfioreCode>().unwrap().to_string(), "A001");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "93033", "0930331", "+93033", "09303x", "٠٩٣٠٣٣"] {
            assert!(text.parse::<ComuneCode>().is_err(), "{text}");
        }
        for text in ["", "G", "G88", "G8888", "8888", "ÈG88", "G+88", "GG88"] {
            assert!(text.parse::<BelfioreCode>().is_err(), "{text}");
        }
        assert_eq!("300".parse::<RegionCode>().unwrap_err().to_string(), "region code has 2 digits, not `300`");
    }

    proptest! {
        #[test]
        fn what_is_printed_can_be_read(letter in b'A'..=b'Z', number in 0u16..1000, comune in 0u32..1_000_000) {
            let code = BelfioreCode::from_data(letter, number);
            prop_assert_eq!(code.to_string().parse(), Ok(code));
            let code = ComuneCode::from_data(comune);
            prop_assert_eq!(code.to_string().parse(), Ok(code));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".*") {
            let _ = text.parse::<BelfioreCode>();
            let _ = text.parse::<ComuneCode>();
        }
    }
}
