//! How wide the columns of a table are: as wide as what they hold, and no word broken as long as the page has room. LibreOffice
//! takes widths as they are; Word looks at the words again.

use super::ReportColumn;
use super::text::lines;

// Twentieths of a point: a letter of a heading in a table, and the room beside a cell's words.
const LETTER: usize = 110;
const AROUND: usize = 216;

/// Letters above which a cell breaks its lines rather than asking for room.
const LETTERS_MAX: usize = 40;

/// The width of each column, together at most `room`.
pub(super) fn widths(columns: &[ReportColumn], rows: &[Vec<String>], room: usize) -> Vec<usize> {
    let asked: Vec<Asked> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| Asked::of(&column.title, rows.iter().filter_map(|cells| cells.get(place))))
        .collect();
    let sum = |of: fn(&Asked) -> usize| asked.iter().map(of).sum::<usize>();
    let [least, most, whole] = [sum(|asked| asked.least), sum(|asked| asked.most), sum(|asked| asked.whole)];
    if whole <= room {
        asked.iter().map(|asked| asked.whole).collect()
    } else if most <= room {
        shared(&asked, |asked| asked.most, |asked| asked.whole, room)
    } else if least <= room {
        shared(&asked, |asked| asked.least, |asked| asked.most, room)
    } else {
        asked.iter().map(|asked| room * asked.least / least).collect()
    }
}

/// To each what it has to have, and of the rest what it would have in proportion.
fn shared(asked: &[Asked], has: fn(&Asked) -> usize, would_have: fn(&Asked) -> usize, room: usize) -> Vec<usize> {
    let all: usize = asked.iter().map(has).sum();
    let more: usize = asked.iter().map(would_have).sum::<usize>() - all;
    asked.iter().map(|asked| has(asked) + (room - all) * (would_have(asked) - has(asked)) / more).collect()
}

/// What a column asks for, each no less than the one before.
struct Asked {
    /// Its longest word.
    least: usize,
    /// Its longest line below the heading, which may be broken between words.
    most: usize,
    /// Its longest line.
    whole: usize,
}

impl Asked {
    fn of<'a>(heading: &str, cells: impl Iterator<Item = &'a String>) -> Self {
        let heading = lines(heading);
        let cells: Vec<String> = cells.flat_map(|cell| lines(cell)).collect();
        let words = heading.iter().chain(&cells).flat_map(|line| line.split_whitespace());
        let least = width_of_longest(words);
        let most = least.max(width_of_longest(cells.iter().map(String::as_str)));
        Self { least, most, whole: most.max(width_of_longest(heading.iter().map(String::as_str))) }
    }
}

/// With room for one letter more: some are wider.
fn width_of_longest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    let letters = texts.map(|text| text.chars().count()).max().unwrap_or(0);
    (letters.min(LETTERS_MAX) + 1) * LETTER + AROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_letters(letters: usize) -> usize {
        (letters + 1) * LETTER + AROUND
    }

    /// Columns are `heading|cell|cell`.
    fn check(columns: &[&str], room: usize, expected: &[usize]) {
        let columns: Vec<Vec<&str>> = columns.iter().map(|column| column.split('|').collect()).collect();
        let heads: Vec<ReportColumn> =
            columns.iter().map(|column| ReportColumn { title: column[0].to_owned(), is_number: false }).collect();
        let rows: Vec<Vec<String>> =
            (1..columns[0].len()).map(|row| columns.iter().map(|column| column[row].to_owned()).collect()).collect();
        let widths = widths(&heads, &rows, room);
        assert_eq!(widths, expected);
        assert!(widths.iter().sum::<usize>() <= room);
    }

    #[test]
    fn a_short_table_is_as_wide_as_its_words() {
        check(&["Anno|2025|2026", "Età è|1|2"], 9_638, &[of_letters(4), of_letters(5)]);
        check(&["a|b\ncinque", "|"], 9_638, &[of_letters(6), of_letters(0)]);
    }

    #[test]
    fn what_is_left_goes_to_the_long_lines() {
        let long = format!("testo|{}", "parola ".repeat(20).trim());
        let least = of_letters(7) + of_letters(6);
        check(&["Persone|1", &long], least + 100, &[of_letters(7), of_letters(6) + 100]);
    }

    #[test]
    fn headings_are_broken_before_cells() {
        let columns = ["Persone seguite|1", "Comune|San Vito al Tagliamento"];
        let [heading, cell] = [of_letters(15), of_letters(23)];
        check(&columns, heading + cell, &[heading, cell]);
        check(&columns, heading + cell - 1, &[heading - 1, cell]);
        check(&columns, of_letters(7) + cell, &[of_letters(7), cell]);
        check(&columns, of_letters(7) + cell - 1, &[of_letters(7), cell - 1]);
    }

    #[test]
    fn no_table_is_wider_than_the_page() {
        let long = "parola".repeat(30);
        check(&[&long, "sei456"], 2_000, &[2_000 * 4_726 / 5_712, 2_000 * 986 / 5_712]);
        let many = vec!["0123456789"; 63];
        check(&many, 9_638, &[152; 63]);
    }
}
