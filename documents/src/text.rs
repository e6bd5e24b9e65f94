//! Makes texts that people typed fit to be set: one way of writing each letter, nothing invisible, no letter that no font has.
//!
//! A character that cannot be drawn becomes □ and is listed, so that the paper can say which ones they were: a PDF that is
//! to be kept may not have a hole where a letter was.

use serde_json::Value;
use typst::text::Font;
use unicode_normalization::UnicodeNormalization;

/// What stands for a character that cannot be drawn.
pub(crate) const REPLACEMENT: char = '□';
/// Where a word as long as an address may be broken.
const BREAK: char = '\u{200B}';
/// Longer words are broken: they would leave their cell.
const LONG_WORD: usize = 28;
/// Letters between two places where a long word may be broken.
const STEP: usize = 14;
/// More characters that were replaced than these are not listed one by one.
const LISTED: usize = 60;

/// Which letters may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Those that some font has.
    AnyFont,
    /// Those of the font that papers are written in.
    PlainLetters,
}

/// Which letters there are.
pub(crate) struct Glyphs {
    fonts: Vec<Font>,
}

impl Glyphs {
    /// Of these fonts; the first is the one that papers are written in.
    pub(crate) fn new(fonts: &[Font]) -> Self {
        Self { fonts: fonts.to_vec() }
    }

    pub(crate) fn has(&self, character: char, strictness: Strictness) -> bool {
        let fonts = match strictness {
            Strictness::AnyFont => &self.fonts[..],
            Strictness::PlainLetters => &self.fonts[..self.fonts.len().min(1)],
        };
        fonts.iter().any(|font| font.info().coverage.contains(u32::from(character)))
    }

    /// Cleans every text of `values`; gives the characters that were replaced, each once, as `U+1F642`.
    pub(crate) fn clean(&self, values: &mut Value, strictness: Strictness) -> Vec<String> {
        let mut replaced = Vec::new();
        self.walk(values, strictness, &mut replaced);
        replaced.into_iter().map(|character| format!("U+{:04X}", u32::from(character))).collect()
    }

    fn walk(&self, value: &mut Value, strictness: Strictness, replaced: &mut Vec<char>) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => *text = self.text(text, strictness, replaced),
            Value::Array(values) => values.iter_mut().for_each(|value| self.walk(value, strictness, replaced)),
            Value::Object(values) => values.values_mut().for_each(|value| self.walk(value, strictness, replaced)),
        }
    }

    fn text(&self, text: &str, strictness: Strictness, replaced: &mut Vec<char>) -> String {
        let mut clean = String::with_capacity(text.len());
        // Composed: a letter and its accent are one glyph of one font.
        for character in text.nfc() {
            match character {
                '\n' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
                // The other half of a line end, when there is one.
                '\r' => clean.push('\n'),
                '\t' => clean.push(' '),
                '\u{202F}' => clean.push('\u{A0}'),
                invisible if is_invisible(invisible) => {}
                space if space.is_whitespace() && !self.has(space, strictness) => clean.push(' '),
                letter if !letter.is_control() && self.has(letter, strictness) => clean.push(letter),
                other => {
                    clean.push(REPLACEMENT);
                    if replaced.len() < LISTED && !replaced.contains(&other) {
                        replaced.push(other);
                    }
                }
            }
        }
        break_long_words(&clean)
    }
}

/// Marks of direction, joiners, selectors of a variant, soft hyphens: they show nothing, and some turn around what stands
/// beside them.
const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

fn break_long_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let is_long = word.chars().nth(LONG_WORD).is_some();
        for (place, character) in word.chars().enumerate() {
            if is_long && place > 0 && place % STEP == 0 && !is_mark(character) {
                out.push(BREAK);
            }
            out.push(character);
        }
    }
    out
}

/// A mark belongs to the letter before it.
fn is_mark(character: char) -> bool {
    unicode_normalization::char::is_combining_mark(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Shop;

    fn glyphs() -> Glyphs {
        Glyphs::new(Shop::new().unwrap().fonts())
    }

    #[track_caller]
    fn check(typed: &str, set: &str, listed: &[&str]) {
        let mut value = Value::String(typed.to_owned());
        let replaced = glyphs().clean(&mut value, Strictness::AnyFont);
        assert_eq!(value, Value::String(set.to_owned()));
        assert_eq!(replaced, listed);
    }

    #[test]
    fn texts_are_as_they_were_typed_unless_they_cannot_be_drawn() {
        check("Niccolò #let *x* $y$ \\ @z <a> _b_", "Niccolò #let *x* $y$ \\ @z <a> _b_", &[]);
        check("Šimun Đorđević, Łucja, Олена, محمد, Αθηνά", "Šimun Đorđević, Łucja, Олена, محمد, Αθηνά", &[]);
        check("王小明 🙂 王 ☺", "□□□ □ □ ☺", &["U+738B", "U+5C0F", "U+660E", "U+1F642"]);
        check("👩\u{200D}👧", "□□", &["U+1F469", "U+1F467"]);
        check("a\u{0}b\u{7}", "a□b□", &["U+0000", "U+0007"]);
        check("\u{E000}\u{FFFF}", "□□", &["U+E000", "U+FFFF"]);
    }

    #[test]
    fn what_shows_nothing_goes() {
        check("a\u{202E}b\u{200B}c\u{FEFF}d\u{AD}e", "abcde", &[]);
        check("una\triga\r\ndue\u{2028}tre", "una riga\n\ndue\ntre", &[]);
        check("10\u{202F}000\u{3000}x", "10\u{A0}000 x", &[]);
    }

    #[test]
    fn letters_are_composed() {
        check("e\u{301}", "é", &[]);
    }

    #[test]
    fn long_words_can_be_broken_and_short_ones_are_left_alone() {
        check("ufficio.protocollo@comune.it", "ufficio.protocollo@comune.it", &[]);
        check(&"a".repeat(30), "aaaaaaaaaaaaaa\u{200B}aaaaaaaaaaaaaa\u{200B}aa", &[]);
    }

    #[test]
    fn the_second_font_has_all_letters_of_the_first() {
        let shop = Shop::new().unwrap();
        let (last, first) = shop.fonts().split_last().unwrap();
        for font in first {
            for code in font.info().coverage.iter() {
                assert!(last.info().coverage.contains(code), "U+{code:04X}: a mark after it would leave a hole");
            }
        }
    }

    #[test]
    fn every_sign_that_papers_write_has_a_glyph() {
        let glyphs = glyphs();
        for character in std::iter::once(REPLACEMENT).chain(crate::world::files().flat_map(|(_, text)| text.chars())) {
            let has = character.is_control() || glyphs.has(character, Strictness::AnyFont);
            assert!(has, "{character:?} of a .typ file is in no font");
        }
    }
}
