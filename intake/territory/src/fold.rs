//! Brings names to a form in which `Forlì`, `FORLI'` and `forli` are the same.
//!
//! Covers the letters that occur in the data and those of the neighbouring languages; others stay as they are.

/// Small letters without accents; whatever is neither letter nor digit becomes a single space, none at the ends.
pub(crate) fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    let mut is_gap = false;
    for letter in name.chars().flat_map(char::to_lowercase) {
        // A letter typed as base and combining accent: the accent goes.
        if ('\u{300}'..='\u{36f}').contains(&letter) {
            continue;
        }
        if !letter.is_alphanumeric() {
            is_gap = true;
            continue;
        }
        if is_gap && !folded.is_empty() {
            folded.push(' ');
        }
        is_gap = false;
        match plain(letter) {
            Some(plain) => folded.push_str(plain),
            None => folded.push(letter),
        }
    }
    folded
}

fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => "a",
        'ç' | 'č' | 'ć' => "c",
        'đ' => "d",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => "o",
        'š' => "s",
        'ß' => "ss",
        'ù' | 'ú' | 'û' | 'ü' => "u",
        'ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_name_in_many_hands() {
        for name in ["Forlì", "FORLI'", "forli", " Forli\u{300} ", "Forlì-"] {
            assert_eq!(fold(name), "forli");
        }
        assert_eq!(fold("San Floriano del Collio-Števerjan"), "san floriano del collio steverjan");
        assert_eq!(fold("Cortaccia/Kurtatsch an der Weinstraße"), "cortaccia kurtatsch an der weinstrasse");
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(name in ".*") {
            let once = fold(&name);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
