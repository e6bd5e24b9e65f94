//! Tables as files for a spreadsheet: the separator and the mark that Italian spreadsheets expect, and no text that they
//! would take for a formula.

/// The text of a CSV file: semicolons, a mark of UTF-8 in front, a line per list of fields.
pub fn csv<Line, Field>(lines: impl IntoIterator<Item = Line>) -> String
where
    Line: IntoIterator<Item = Field>,
    Field: AsRef<str>,
{
    let mut file = String::from(CSV_MARK);
    for line in lines {
        file.push_str(&csv_line(line.into_iter().map(|field| harmless(field.as_ref()))));
    }
    file
}

/// What stands before the first line: spreadsheets would take the file for another encoding.
pub const CSV_MARK: &str = "\u{feff}";

/// A line of such a file, for whoever writes one line at a time. Texts are [`harmless`] already; numbers need not be: a
/// negative one is no formula.
pub fn csv_line<Field: AsRef<str>>(fields: impl IntoIterator<Item = Field>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|field| quoted(field.as_ref())).collect();
    format!("{}\r\n", fields.join(";"))
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
