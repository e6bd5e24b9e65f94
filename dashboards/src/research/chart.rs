//! A bar chart of a small table: its first column of texts against its first column of numbers. The table stands beside it.

use serde::Serialize;

use crate::query::shape::Shown;

/// More bars than this are no picture any more.
const BARS_MAX: usize = 30;
/// The width of the longest bar.
const WIDTH: f64 = 1_000.0;

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: String,
    /// In thousandths of the longest.
    pub(crate) width: f64,
}

/// A chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Chart {
    /// The column of the numbers.
    pub(crate) measure: String,
    /// The column of the labels.
    pub(crate) of: String,
    /// The label with the greatest number, and the number.
    pub(crate) greatest: (String, String),
    pub(crate) bars: Vec<Bar>,
}

impl Chart {
    /// Of an answer; `None` where there is nothing to draw: no such columns, negative numbers, too many rows, all nought.
    pub(crate) fn of(shown: &Shown) -> Option<Self> {
        if shown.rows.len() < 2 || shown.rows.len() > BARS_MAX || shown.rows.len() < shown.count_rows {
            return None;
        }
        let label = shown.columns.iter().position(|column| !column.is_number)?;
        let measure = shown.columns.iter().position(|column| column.is_number)?;
        let mut values = Vec::new();
        for row in &shown.rows {
            let text = row[measure].clone()?;
            let number: f64 = text.replace(',', ".").parse().ok()?;
            if !number.is_finite() || number < 0.0 {
                return None;
            }
            values.push((row[label].clone().unwrap_or_else(|| "—".to_owned()), text, number));
        }
        let greatest = values.iter().max_by(|a, b| a.2.total_cmp(&b.2)).filter(|value| value.2 > 0.0)?.clone();
        let width = |number: f64| (number / greatest.2 * WIDTH).round();
        Some(Self {
            measure: shown.columns[measure].name.clone(),
            of: shown.columns[label].name.clone(),
            bars: values
                .iter()
                .map(|(label, value, number)| Bar { label: label.clone(), value: value.clone(), width: width(*number) })
                .collect(),
            greatest: (greatest.0, greatest.1),
        })
    }

    pub(crate) fn sample() -> Self {
        let bar = |label: &str, value: &str, width| Bar { label: label.into(), value: value.into(), width };
        Self {
            measure: "persone".into(),
            of: "profilo".into(),
            greatest: ("svantaggio lieve".into(), "120".into()),
            bars: vec![bar("svantaggio lieve", "120", 1_000.0), bar("vulnerabilità", "60", 500.0)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::shape::ShownColumn;

    fn shown(rows: &[(Option<&str>, Option<&str>)]) -> Shown {
        let column = |name: &str, is_number| ShownColumn { name: name.into(), is_number };
        Shown {
            columns: vec![column("persone", true), column("profilo", false)],
            rows: rows.iter().map(|(n, text)| vec![n.map(Into::into), text.map(Into::into)]).collect(),
            count_rows: rows.len(),
            count_columns: 2,
            hundredths: 1,
        }
    }

    #[test]
    fn the_longest_bar_is_the_greatest_number() {
        let chart = Chart::of(&shown(&[(Some("10"), Some("a")), (Some("2,5"), Some("b")), (Some("0"), None)])).unwrap();
        assert_eq!(chart.greatest, ("a".to_owned(), "10".to_owned()));
        assert_eq!(chart.bars.iter().map(|bar| bar.width).collect::<Vec<_>>(), [1_000.0, 250.0, 0.0]);
        assert_eq!((chart.measure.as_str(), chart.bars[2].label.as_str()), ("persone", "—"));
    }

    #[test]
    fn what_cannot_be_drawn_is_not() {
        let cases: [&[(Option<&str>, Option<&str>)]; 5] = [
            &[(Some("1"), Some("a"))],
            &[(Some("1"), Some("a")), (None, Some("b"))],
            &[(Some("1"), Some("a")), (Some("-1"), Some("b"))],
            &[(Some("0"), Some("a")), (Some("0"), Some("b"))],
            &[(Some("NaN"), Some("a")), (Some("1"), Some("b"))],
        ];
        for rows in cases {
            assert_eq!(Chart::of(&shown(rows)), None, "{rows:?}");
        }
        let many: Vec<(Option<&str>, Option<&str>)> = vec![(Some("1"), Some("a")); 31];
        assert_eq!(Chart::of(&shown(&many)), None);
    }
}
