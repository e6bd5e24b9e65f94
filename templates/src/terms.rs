//! The words for stored codes, from messages/terms.toml: the same in forms, reports, dashboards and CSV files.

use std::collections::BTreeMap;
use std::sync::LazyLock;

type Terms = BTreeMap<String, BTreeMap<String, String>>;

static TERMS: LazyLock<Terms> = LazyLock::new(|| {
    toml::from_str(include_str!("../messages/terms.toml")).expect("a test reads the file in the binary")
});

/// The words for a code of a kind (`education`, `isced_2` → «licenza media»); `None` when the file has no such line.
#[must_use]
pub fn term(kind: &str, code: &str) -> Option<&'static str> {
    TERMS.get(kind)?.get(code).map(String::as_str)
}

/// As templates call it: a code without words is an error, so that no page shows a bare code.
pub(crate) fn term_or_error(kind: &str, code: &str) -> Result<&'static str, minijinja::Error> {
    term(kind, code).ok_or_else(|| {
        minijinja::Error::new(
            minijinja::ErrorKind::InvalidOperation,
            format!("messages/terms.toml has no word for {kind} {code}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_words_and_an_unknown_one_is_an_error() {
        assert_eq!(term("education", "isced_2"), Some("licenza media"));
        assert_eq!(term("disadvantage", "none"), Some("nessuna"));
        assert_eq!(term("sex", "unknown"), Some("non indicato"));
        assert!(term_or_error("sex", "x").unwrap_err().to_string().contains("sex x"));
        for (kind, codes) in &*TERMS {
            for (code, words) in codes {
                assert_eq!(words.trim(), words, "{kind} {code}");
                assert!(!words.is_empty(), "{kind} {code}");
            }
        }
    }
}
