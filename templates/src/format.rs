//! Numbers as Italian readers write them.

use minijinja::Value;

/// Whole hundredths as a number with one decimal, rounded half up: 6342 → «63,4».
pub(crate) fn hundredths(value: i64) -> String {
    let tenths = (value.abs() + 5) / 10;
    let sign = if value < 0 && tenths > 0 { "−" } else { "" };
    format!("{sign}{},{}", tenths / 10, tenths % 10)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_italian() {
        assert_eq!(hundredths(6342), "63,4");
        assert_eq!(hundredths(6345), "63,5");
        assert_eq!(hundredths(-104), "−1,0");
        assert_eq!(hundredths(-4), "0,0");
        assert_eq!(hundredths(10_000), "100,0");
        assert_eq!(thousands(&Value::from(51_725)), "51.725");
        assert_eq!(thousands(&Value::from(999)), "999");
        assert_eq!(thousands(&Value::from(-1_192_191)), "−1.192.191");
    }
}
