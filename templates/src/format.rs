//! Numbers as Italian readers write them.

use minijinja::Value;

/// Whole tenths as a number with one decimal: 634 → «63,4».
pub(crate) fn tenths(value: i64) -> String {
    format!("{}{},{}", sign(value), value.abs() / 10, value.abs() % 10)
}

/// Whole hundredths as a number with two decimals: 764 → «7,64».
pub(crate) fn hundredths(value: i64) -> String {
    format!("{}{},{:02}", sign(value), value.abs() / 100, value.abs() % 100)
}

fn sign(value: i64) -> &'static str {
    if value < 0 { "−" } else { "" }
}

/// A whole number with points between thousands: 51725 → «51.725».
pub(crate) fn thousands(value: &Value) -> String {
    let digits = value.to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("−", rest));
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

/// A share with its article, as it is read aloud: «il 63,4», «l'8,0», «l'11,2», «l'1,5», «lo 0,5». What is no number keeps «il».
pub(crate) fn with_article(value: &str) -> String {
    let whole = value.split(',').next().unwrap_or_default();
    let begins_with_a_vowel = matches!(whole, "1" | "11") || whole.starts_with('8');
    match whole {
        "0" => format!("lo {value}"),
        _ if begins_with_a_vowel => format!("l'{value}"),
        _ => format!("il {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_italian() {
        assert_eq!(tenths(634), "63,4");
        assert_eq!(tenths(-4), "−0,4");
        assert_eq!(tenths(1_000), "100,0");
        for (share, read) in
            [("63,4", "il 63,4"), ("8,0", "l'8,0"), ("1,5", "l'1,5"), ("11", "l'11"), ("10,1", "il 10,1")]
        {
            assert_eq!(with_article(share), read);
        }
        assert_eq!((with_article("88,2"), with_article("n<5")), ("l'88,2".to_owned(), "il n<5".to_owned()));
        assert_eq!(with_article("0,5"), "lo 0,5");
        assert_eq!(hundredths(764), "7,64");
        assert_eq!(hundredths(-5), "−0,05");
        assert_eq!(thousands(&Value::from(51_725)), "51.725");
        assert_eq!(thousands(&Value::from(999)), "999");
        assert_eq!(thousands(&Value::from(-1_192_191)), "−1.192.191");
    }
}
