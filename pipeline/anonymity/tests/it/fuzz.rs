//! Nothing that goes in brings it down: any bytes as a hierarchy, any table, any rules. It ends with an error that says why, or
//! with a table that the verifier accepts.

use std::collections::BTreeMap;
use std::sync::Arc;

use anonymity::attack::{Assumed, Choice, Truth, attack};
use anonymity::compare::compare;
use anonymity::verify::{Beside, Checks, Released, verify, verify_together};
use anonymity::{
    Effort, Gain, Hierarchy, Mode, Period, QuasiIdentifier, Request, RowOrder, Rules, Seed, Sensitive, SeveralRows,
    SuppressedRows, anonymize,
};
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{Days, NaiveDate};
use proptest::prelude::*;

/// Texts as they should not be: empty, `*`, quotes, separators, line ends, other scripts, a mark of byte order.
const ODD: [&str; 12] = ["", "*", "\"", ";", "a\nb", "\r", "\u{feff}", "ü", "人", " ", "(null)", "0-9"];

/// A cell, from few words so that they come again, or anything.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => (0..5_u8).prop_map(|number| number.to_string()),
        2 => prop::sample::select(&ODD[..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Text that is nearly a file of a hierarchy.
fn file() -> impl Strategy<Value = String> {
    let line =
        prop::collection::vec(prop_oneof![4 => cell(), 2 => Just("x".to_owned()), 2 => Just("*".to_owned())], 0..5);
    prop::collection::vec(line, 0..12)
        .prop_map(|lines| lines.into_iter().map(|cells| cells.join(";")).collect::<Vec<_>>().join("\n"))
}

/// What a hierarchy promises of itself, whatever it was read from.
fn is_sound(hierarchy: &Hierarchy) -> Result<(), TestCaseError> {
    prop_assert!(hierarchy.leaf_count() > 0 && hierarchy.level_count() > 1);
    for (leaf, value) in hierarchy.values().enumerate() {
        prop_assert_eq!(hierarchy.leaf(value), Some(leaf));
        let mut node = hierarchy.leaf_node(leaf);
        let mut steps = 0;
        loop {
            prop_assert!(hierarchy.leaves(node).contains(&leaf));
            let named = hierarchy.node(hierarchy.label(node)).map(|named| hierarchy.leaves(named));
            prop_assert_eq!(named, Some(hierarchy.leaves(node)));
            let (numerator, denominator) = hierarchy.loss(node);
            prop_assert!(numerator <= denominator && denominator > 0);
            let Some(parent) = hierarchy.parent(node) else { break };
            node = parent;
            steps += 1;
        }
        prop_assert_eq!(steps + 1, hierarchy.level_count());
        prop_assert_eq!(hierarchy.label(node), "*");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes are refused or are a tree, and a tree that is written is read as the same.
    #[test]
    fn any_text_is_a_hierarchy_or_is_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        file in file(),
        separator in prop_oneof![Just(';'), Just(','), any::<char>()],
    ) {
        for text in [String::from_utf8_lossy(&bytes).into_owned(), file] {
            let Ok(hierarchy) = Hierarchy::from_text(&text, separator) else { continue };
            is_sound(&hierarchy)?;
            let json = serde_json::to_string(&hierarchy).expect("text");
            prop_assert_eq!(&serde_json::from_str::<Hierarchy>(&json).expect("what was written"), &hierarchy);
        }
    }

    #[test]
    fn any_rows_are_a_hierarchy_or_are_refused(
        rows in prop::collection::vec(prop::collection::vec(cell(), 0..4), 0..10),
        widths in prop::collection::vec(0..40_usize, 0..4),
        first in prop_oneof![-50_i64..50, Just(i64::MAX - 9), Just(i64::MIN)],
        length in 0_i64..60,
        years in any::<u16>(),
    ) {
        let values: Vec<String> = rows.iter().filter_map(|row| row.first().cloned()).collect();
        let day = NaiveDate::from_ymd_opt(1900, 1, 1).expect("a day") + Days::new(length.unsigned_abs() * 700);
        let made = [
            Hierarchy::from_rows(rows.clone()),
            Hierarchy::flat(values.clone()),
            Hierarchy::ordered(values, &widths),
            Hierarchy::integers(first, first.saturating_add(length), &widths),
            Hierarchy::days(day, day + Days::new(length.unsigned_abs()), &[Period::Month, Period::Year, Period::Years(years)]),
        ];
        for hierarchy in made.into_iter().flatten() {
            is_sound(&hierarchy)?;
            prop_assert_eq!(&Hierarchy::from_text(&hierarchy.to_text(';'), ';').expect("what was written"), &hierarchy);
        }
    }
}

/// A column that may be of another type, with nulls.
#[derive(Debug, Clone)]
enum Column {
    Text(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
    Fractions(Vec<Option<f64>>),
    Flags(Vec<Option<bool>>),
}

impl Column {
    fn array(self, rows: usize) -> ArrayRef {
        fn cut<T: Clone>(cells: &[Option<T>], rows: usize) -> Vec<Option<T>> {
            cells.iter().cycle().take(rows).cloned().collect()
        }
        match self {
            Self::Text(cells) => Arc::new(StringArray::from(cut(&cells, rows))),
            Self::Numbers(cells) => Arc::new(Int64Array::from(cut(&cells, rows))),
            Self::Fractions(cells) => Arc::new(Float64Array::from(cut(&cells, rows))),
            Self::Flags(cells) => Arc::new(BooleanArray::from(cut(&cells, rows))),
        }
    }
}

const LENGTHS: std::ops::Range<usize> = 1..40;

fn odd_column() -> impl Strategy<Value = Column> {
    prop_oneof![
        4 => prop::collection::vec(cell().prop_map(Some), LENGTHS).prop_map(Column::Text),
        2 => prop::collection::vec(prop::option::weighted(0.9, cell()), LENGTHS).prop_map(Column::Text),
        2 => prop::collection::vec(prop::option::weighted(0.95, -3_i64..8), LENGTHS).prop_map(Column::Numbers),
        1 => prop::collection::vec(prop::option::of(any::<f64>()), LENGTHS).prop_map(Column::Fractions),
        2 => prop::collection::vec(prop::option::weighted(0.95, any::<bool>()), LENGTHS).prop_map(Column::Flags),
        // Every row another value.
        1 => LENGTHS.prop_map(|rows| Column::Text((0..rows).map(|row| Some(format!("v{row}"))).collect())),
    ]
}

/// What there is in a column, and the word for what is not.
fn values_of(array: &ArrayRef, missing: &str) -> Vec<String> {
    let text = arrow::compute::cast(array, &DataType::Utf8).expect("these types have a text form");
    let text = text.as_any().downcast_ref::<StringArray>().expect("text");
    let mut values: Vec<String> = text.iter().flatten().map(str::to_owned).collect();
    values.push(missing.to_owned());
    values.sort();
    values.dedup();
    values.retain(|value| !value.is_empty());
    values
}

/// A hierarchy that knows what there is in a column, flat or in groups; or one that does not.
fn hierarchy_of(array: &ArrayRef, kind: u8, missing: &str) -> Option<Hierarchy> {
    let mut values = values_of(array, missing);
    values.retain(|value| value != "*");
    match kind {
        0 => Hierarchy::flat(values).ok(),
        1 => Hierarchy::ordered(values, &[2, 4]).ok(),
        2 => Hierarchy::from_rows(
            values.iter().enumerate().map(|(place, value)| [value.clone(), format!("group {}", place % 3), "*".into()]),
        )
        .ok(),
        3 => Hierarchy::integers(-3, 7, &[3]).ok(),
        _ => Hierarchy::flat(["a"]).ok(),
    }
}

fn odd_number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..4.0, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(-1.0), 1 => Just(0.0)]
}

#[derive(Debug, Clone)]
struct Asked {
    k: usize,
    person: Option<usize>,
    contributor: Option<usize>,
    presence: Option<(usize, f64, f64)>,
    is_together: bool,
    sensitive: Vec<(usize, u8, f64, usize)>,
    missing: Vec<(usize, String)>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let column = || prop_oneof![9 => 2..6_usize, 1 => 0..9_usize];
    (
        0..6_usize,
        prop::option::weighted(0.4, column()),
        prop::option::weighted(0.3, column()),
        prop::option::weighted(0.1, (column(), odd_number(), odd_number())),
        prop::bool::weighted(0.4),
        prop::collection::vec((column(), 0..8_u8, odd_number(), 0..4_usize), 0..3),
        prop::collection::vec((0..6_usize, cell()), 0..5),
    )
        .prop_map(|(k, person, contributor, presence, is_together, sensitive, missing)| Asked {
            k,
            person,
            contributor,
            presence,
            is_together,
            sensitive,
            missing,
        })
}

impl Asked {
    /// The same as somebody would ask it who means it, so that it comes to a table often enough.
    fn tamed(self) -> Self {
        let word = |column| (column, "0".to_owned());
        let sensitive = self.sensitive.into_iter().zip(2..).map(|((_, kind, number, l), column)| {
            let number = if number.is_finite() && number > 0.0 { number } else { 0.5 };
            let number = match kind {
                1 => 1.0 + number / 4.0,
                3..=5 => (number / 3.0).min(1.0),
                _ => number + 0.1,
            };
            (column, kind, number, l.max(1))
        });
        Self {
            k: self.k.max(1),
            person: self.person.map(|_| 4),
            contributor: self.contributor.map(|_| 5),
            presence: None,
            is_together: self.is_together && self.person.is_some(),
            missing: [0, 1].map(word).into_iter().chain(sensitive.clone().map(|(column, ..)| word(column))).collect(),
            sensitive: sensitive.collect(),
        }
    }
}

fn name(column: usize) -> String {
    format!("c{column}")
}

fn rules(asked: &Asked, arrays: &[ArrayRef]) -> Rules {
    let mut rules = Rules::k(asked.k);
    rules.person = asked.person.map(name);
    rules.contributor = asked.contributor.map(name);
    if asked.is_together {
        rules.several_rows = SeveralRows::Together;
    }
    if let Some((column, least, most)) = asked.presence {
        rules = rules.present_within(name(column), least, most);
    }
    for &(column, kind, number, l) in &asked.sensitive {
        let sensitive = Sensitive::new(name(column));
        let values = arrays.get(column).map_or_else(Vec::new, |array| values_of(array, "0"));
        rules = rules.with(match kind {
            0 => sensitive.distinct_l(l),
            1 => sensitive.entropy_l(number),
            2 => sensitive.recursive_l(number, l),
            3 => sensitive.equal_t(number),
            4 => sensitive.ordered_t(number, values),
            5 => match hierarchy_of(&arrays[column.min(5)], 1, "0") {
                Some(hierarchy) => sensitive.hierarchical_t(number, hierarchy),
                None => sensitive,
            },
            6 => sensitive.likeness(number, Gain::Enhanced),
            _ => sensitive,
        });
    }
    for (column, word) in &asked.missing {
        rules = rules.missing_as(name(*column), word);
    }
    rules
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_ends_in_an_error_or_in_a_table_that_verifies(
        columns in prop::collection::vec(odd_column(), 6),
        is_meant in prop::bool::weighted(0.75),
        rows in prop_oneof![1 => 0..3_usize, 4 => 3..40_usize],
        kinds in prop::array::uniform2(prop_oneof![30 => 0..3_u8, 1 => 3..5_u8]),
        asked in asked(),
        suppression in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0],
        odd in odd_number(),
        switches in any::<[bool; 4]>(),
        seed: u8,
    ) {
        let (asked, suppression, weight) = match is_meant {
            true => (asked.tamed(), suppression, 1.0 + suppression),
            // Mostly one thing is wrong at a time, or the first would hide the others.
            false if odd > 1.0 => (asked, suppression, odd),
            false => (asked, odd, 1.0),
        };
        let columns: Vec<Column> = columns
            .into_iter()
            .enumerate()
            .map(|(number, column)| match number {
                // Whose a row is must be known.
                4 if is_meant => Column::Numbers((0..20).map(|row| Some(row * row % 13)).collect()),
                5 if is_meant => Column::Numbers((0..7).map(Some).collect()),
                _ => column,
            })
            .collect();
        let fields: Vec<Field> = (0..6)
            .zip(&columns)
            .map(|(number, column)| {
                let data_type = match column {
                    Column::Text(_) => DataType::Utf8,
                    Column::Numbers(_) => DataType::Int64,
                    Column::Fractions(_) => DataType::Float64,
                    Column::Flags(_) => DataType::Boolean,
                };
                Field::new(name(number), data_type, true)
            })
            .collect();
        let arrays: Vec<ArrayRef> = columns.into_iter().map(|column| column.array(rows)).collect();
        let rules = rules(&asked, &arrays);
        let mut identifiers = Vec::new();
        for (number, &kind) in kinds.iter().enumerate() {
            let missing = rules.missing.get(&name(number)).map_or("0", String::as_str);
            let Some(hierarchy) = hierarchy_of(&arrays[number], kind, missing) else { return Ok(()) };
            identifiers.push(QuasiIdentifier::new(name(number), hierarchy).weight(weight));
        }
        let original = [RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")];
        let [is_global, is_dropped, is_shuffled, is_fast] = switches;
        let request = Request::new(identifiers, rules, Seed::new([seed; 32]))
            .suppression(suppression)
            .mode(if is_global && !(is_meant && asked.is_together) { Mode::Global } else { Mode::Local })
            .effort(if is_fast { Effort::Fast } else { Effort::Default })
            .row_order(if is_shuffled { RowOrder::Shuffled } else { RowOrder::Kept })
            .suppressed_rows(if is_dropped { SuppressedRows::Dropped } else { SuppressedRows::Kept });
        let names: Vec<String> = request.quasi_identifiers.iter().map(|qi| qi.column.clone()).collect();
        let hierarchies: BTreeMap<String, Hierarchy> =
            request.quasi_identifiers.iter().map(|qi| (qi.column.clone(), qi.hierarchy.clone())).collect();
        let checks = Checks { suppression: Some(suppression), ..Checks::new(names, request.rules.clone()).strict() };

        let made = match anonymize(&original, &request) {
            Ok(made) => made,
            Err(error) => {
                prop_assert!(!error.to_string().is_empty());
                // The same table is checked and compared as if it had been released: that must end too.
                let beside = Beside { hierarchies, original: &original, ..Beside::default() };
                let _ = verify(&original, &checks, &beside);
                let _ = verify(&original, &checks, &Beside::default());
                let people: Vec<u64> = (0..rows as u64).map(|row| row / 2).collect();
                let _ = verify_together(&[Released { batch: &original[0], people: &people, checks: &checks }]);
                let origins: Vec<usize> = (0..rows).collect();
                let _ = compare(&original, &original[0], &origins, &request);
                return Ok(());
            }
        };
        let beside = Beside { hierarchies, original: &original, origins: Some(&made.origins), ..Beside::default() };
        let outcome = verify(std::slice::from_ref(&made.batch), &checks, &beside).expect("can be checked");
        prop_assert!(outcome.passed, "{:?}", outcome.violations);
        let people: Vec<u64> = made.origins.iter().map(|&row| row as u64).collect();
        let together = verify_together(&[Released { batch: &made.batch, people: &people, checks: &checks }]);
        // Each row is somebody's own here: with contributors and people aside it is what the classes were asked.
        prop_assert!(together.is_ok_and(|together| together.passed || request.rules.person.is_some()));
        prop_assert!(compare(&original, &made.batch, &made.origins, &request).is_ok());
        for choice in [Choice::Greedy, Choice::Settled] {
            let assumed = Assumed { k: asked.k, choice, is_tight: true };
            let truth = Truth { original: &original[0], origins: &made.origins, rules: &request.rules };
            prop_assert!(attack(&made.batch, &request.quasi_identifiers, assumed, Some(truth)).is_ok());
        }
        prop_assert!(serde_json::from_str::<anonymity::report::Report>(&made.report.to_json()).is_ok());
    }
}
