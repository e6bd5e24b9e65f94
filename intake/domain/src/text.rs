//! What a text must not hide from its reader.

/// Whether a text has characters that a reader cannot see or that reorder what is seen: controls, marks of writing
/// direction, spaces without width. Ordinary white space is none of them.
#[must_use]
pub fn has_hidden_characters(text: &str) -> bool {
    text.chars().any(|character| {
        (character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
            || matches!(
                character,
                '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'
            )
    })
}

#[cfg(test)]
mod tests {
    use super::has_hidden_characters;

    #[test]
    fn what_hides_is_found_and_what_shows_is_not() {
        for hidden in ["a\u{0}", "\u{1b}[31m", "\u{202E}txt", "\u{200B}", "\u{FEFF}a"] {
            assert!(has_hidden_characters(hidden), "{hidden:?}");
        }
        for shown in ["", "perché\u{a0}così\n\tè", "l’età – «sì»", "日本", "Đorđević"] {
            assert!(!has_hidden_characters(shown), "{shown:?}");
        }
    }
}
