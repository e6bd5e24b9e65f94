//! Texts that people typed, as a file of XML can hold them, and addresses as it may.

use std::fmt::Write;

/// The lines of a text. What XML cannot hold, and what shows nothing, is left out; whatever ends a line somewhere does so here
/// (office programs copy a line that ends inside a paragraph as U+000B).
pub(super) fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'])
        .map(|line| line.replace('\t', " ").chars().filter(|&letter| is_held(letter)).collect())
        .collect()
}

/// The same on one line, without space around it.
pub(super) fn one_line(text: &str) -> String {
    lines(text).join(" ").trim().to_owned()
}

/// The paragraphs of a text, each with its lines: blank lines stand between them.
pub(super) fn paragraphs(text: &str) -> Vec<Vec<String>> {
    let lines = lines(text);
    let parts = lines.split(|line| line.trim().is_empty());
    parts.filter(|part| !part.is_empty()).map(<[String]>::to_vec).collect()
}

fn is_held(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')
}

/// Whether an address is one that a report may lead to: a page, or a path of whoever serves it. Other schemes open programs,
/// and two slashes a computer in the reader's network.
pub(super) fn is_address(address: &str) -> bool {
    let is_path = address.starts_with('/') && !address.starts_with("//");
    is_path || ["https://", "http://"].iter().any(|scheme| address.len() > scheme.len() && address.starts_with(scheme))
}

/// An address as RFC 3986 spells it: Word takes a file with another for a broken one.
pub(super) fn spelled(address: &str) -> String {
    let bytes = address.as_bytes();
    let mut spelled = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let is_spelled =
            byte == b'%' && bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if is_spelled || byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte) {
            spelled.push(char::from(byte));
        } else {
            write!(spelled, "%{byte:02X}").expect("a string takes whatever is written");
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_what_can_be_read() {
        assert_eq!(lines("a\u{0}\u{1f}b\u{7f}\u{fffe}\u{ffff}\tc\r\nd\re\u{b}f"), ["ab c", "d", "e", "f"]);
        assert_eq!(lines("età, però: 🏠 ﷺ"), ["età, però: 🏠 ﷺ"]);
        assert_eq!(one_line(" a\r\nb "), "a b");
    }

    #[test]
    fn blank_lines_part_paragraphs() {
        assert_eq!(paragraphs("\n\nuno\ndue\n \t\n\r\ntre\n"), [vec!["uno", "due"], vec!["tre"]]);
        assert!(paragraphs(" \n\u{1}\n").is_empty());
    }

    #[test]
    fn an_address_leads_to_a_page() {
        for good in ["https://a.it/b?c=d&e=f#g", "http://localhost:8080/", "/cruscotti/territorio?comune=093033"] {
            assert!(is_address(good), "{good}");
            assert_eq!(spelled(good), good);
        }
        for bad in [
            "",
            "https://",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "//server/x",
            "\\\\server\\x",
            "mailto:a@b.it",
            "cruscotti",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_is_spelled_once() {
        assert_eq!(spelled("/a b?q=è%C3%A8&r=5%<\"\\\n"), "/a%20b?q=%C3%A8%C3%A8&r=5%25%3C%22%5C%0A");
    }
}
