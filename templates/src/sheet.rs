//! Tables as files for a spreadsheet: the separator and the mark that Italian spreadsheets expect, and no text that they
//! would take for a formula.

/// The text of a CSV file: semicolons, a mark of UTF-8 in front, a line per list of fields.
pub fn csv<Line, Field>(lines: impl IntoIterator<Item = Line>) -> String
where
    Line: IntoIterator<Item = Field>,
    Field: AsRef<str>,
{
    let mut file = String::from('\u{feff}');
    for line in lines {
        let fields: Vec<String> = line.into_iter().map(|field| quoted(&harmless(field.as_ref()))).collect();
        file.push_str(&fields.join(";"));
        file.push_str("\r\n");
    }
    file
}

/// A text as a cell may hold it: a spreadsheet takes one that begins like a formula for a formula.
#[must_use]
pub fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn quoted(text: &str) -> String {
    if text.contains([';', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_formula_gets_through() {
        let lines = [["=HYPERLINK(\"x\")", "12,5"], ["San Vito; al \"T\"", "n<5"], ["@a", "+1"], ["\ta", "-1"]];
        let expected =
            "\u{feff}\"'=HYPERLINK(\"\"x\"\")\";12,5\r\n\"San Vito; al \"\"T\"\"\";n<5\r\n'@a;'+1\r\n'\ta;'-1\r\n";
        assert_eq!(csv(lines), expected);
    }
}
