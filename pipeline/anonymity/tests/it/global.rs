//! Full-domain recoding against every combination of levels, one by one; and presence in a population.

use std::collections::BTreeMap;

use anonymity::verify::{Checks, Violation, verify};
use anonymity::{Error, Mode, QuasiIdentifier, Request, Rules, Sensitive, SuppressedRows, anonymize};
use arrow::array::RecordBatch;
use proptest::prelude::*;

use crate::data::{SEED, beside, column, from_columns, identifiers, released, table, tamper};

const PLACES: [&str; 4] = ["Aviano", "Sacile", "Udine", "Cividale"];

/// Age, place, illness, whether released.
type Row = (u8, usize, usize, bool);

fn batch(rows: &[Row]) -> RecordBatch {
    let column = |name: &str, value: &dyn Fn(&Row) -> String| {
        (name.to_owned(), rows.iter().map(|row| Some(value(row))).collect())
    };
    from_columns(vec![
        column("age", &|row| row.0.to_string()),
        column("place", &|row| PLACES[row.1].to_owned()),
        column("illness", &|row| row.2.to_string()),
        column("here", &|row| row.3.to_string()),
    ])
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0_u8..20, 0_usize..4, 0_usize..3, any::<bool>()), 12..60)
}

/// The label of a value so many levels up, and the loss of it.
fn raised(identifier: &QuasiIdentifier, value: &str, level: usize) -> (String, f64) {
    let hierarchy = &identifier.hierarchy;
    let mut node = hierarchy.leaf_node(hierarchy.leaf(value).expect("a value"));
    while hierarchy.level(node) < level {
        node = hierarchy.parent(node).expect("a level");
    }
    let (numerator, denominator) = hierarchy.loss(node);
    (hierarchy.label(node).to_owned(), numerator as f64 / denominator as f64)
}

/// The least loss of all combinations, each looked at: classes with fewer than `k` rows or `l` values are suppressed, and the rows
/// suppressed must be at most so many, and be a class themselves.
fn least_loss(batch: &RecordBatch, k: usize, l: usize, suppressed_max: usize) -> Option<f64> {
    let identifiers = identifiers();
    let cells = [column(batch, "age"), column(batch, "place")];
    let illness = column(batch, "illness");
    let distinct = |rows: &[usize]| {
        let values: std::collections::BTreeSet<_> = rows.iter().map(|&row| &illness[row]).collect();
        values.len()
    };
    let mut best: Option<f64> = None;
    for levels in (0..4).flat_map(|age| (0..3).map(move |place| [age, place])) {
        if levels == [3, 2] {
            continue;
        }
        let mut classes: BTreeMap<Vec<String>, (Vec<usize>, f64)> = BTreeMap::new();
        for (row, (age, place)) in cells[0].iter().zip(&cells[1]).enumerate() {
            let raised: Vec<(String, f64)> = [age, place]
                .into_iter()
                .zip(&identifiers)
                .zip(levels)
                .map(|((value, identifier), level)| raised(identifier, value.as_ref().expect("no null"), level))
                .collect();
            let loss = raised.iter().map(|(_, loss)| loss).sum::<f64>() / 2.0;
            let class = classes.entry(raised.into_iter().map(|(label, _)| label).collect()).or_default();
            class.0.push(row);
            class.1 += loss;
        }
        let holds = |rows: &[usize]| rows.len() >= k && distinct(rows) >= l;
        let suppressed: Vec<usize> =
            classes.values().filter(|(rows, _)| !holds(rows)).flat_map(|(rows, _)| rows.clone()).collect();
        if suppressed.len() > suppressed_max || !(suppressed.is_empty() || holds(&suppressed)) {
            continue;
        }
        let kept: f64 = classes.values().filter(|(rows, _)| holds(rows)).map(|(_, loss)| loss).sum();
        let loss = (kept + suppressed.len() as f64) / batch.num_rows() as f64;
        best = Some(best.map_or(loss, |best| best.min(loss)));
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_combination_of_levels_loses_less(rows in rows(), k in 2_usize..6, l in 1_usize..3, suppression in prop_oneof![Just(0.0), 0.0..1.0]) {
        let original = batch(&rows);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few rows")]
        let suppressed_max = (suppression * rows.len() as f64).floor() as usize;
        let request = Request::new(identifiers(), Rules::k(k).with(Sensitive::new("illness").distinct_l(l)), SEED)
            .mode(Mode::Global)
            .suppression(suppression);
        let least = least_loss(&original, k, l, suppressed_max);
        match anonymize(std::slice::from_ref(&original), &request) {
            Ok(_) => {
                let (made, outcome) = released(&original, &request);
                prop_assert!(outcome.passed, "{:?}", outcome.violations);
                let loss = made.report.measures.loss.expect("hierarchies are given");
                // Suppressing a class more than must be may make the suppressed rows a class: then less can be lost than counted here.
                prop_assert!(least.is_none_or(|least| loss <= least + 1e-9), "{loss} and {least:?}");
                prop_assert!(suppressed_max > 0 || least.is_some_and(|least| loss >= least - 1e-9), "{loss} and {least:?}");
                // All labels of a column are of one level.
                for (at, name) in ["age", "place"].into_iter().enumerate() {
                    let hierarchy = &identifiers()[at].hierarchy;
                    let labels = column(&made.batch, name).into_iter().flatten().filter(|label| label != "*");
                    let levels: std::collections::BTreeSet<usize> =
                        labels.map(|label| hierarchy.level(hierarchy.node(&label).expect("a label"))).collect();
                    prop_assert!(levels.len() <= 1, "{levels:?}");
                }
            }
            Err(error) => {
                prop_assert!(matches!(error, Error::Unsatisfiable { .. }), "{error}");
                prop_assert!(least.is_none(), "{least:?}");
            }
        }
    }

    /// Of a population some are released, and in each class they are the part that was asked.
    #[test]
    fn presence_is_kept(rows in rows(), most in 0.5_f64..1.0, dropped: bool) {
        let original = batch(&rows);
        let request = Request::new(identifiers(), Rules::k(2).present_within("here", 0.1, most), SEED)
            .mode(Mode::Global)
            .suppression(1.0)
            .suppressed_rows(if dropped { SuppressedRows::Dropped } else { SuppressedRows::Kept });
        let Ok(made) = anonymize(std::slice::from_ref(&original), &request) else { return Ok(()) };
        let here = rows.iter().filter(|row| row.3).count();
        prop_assert_eq!(made.report.measures.rows, here);
        prop_assert!(made.origins.iter().all(|&row| rows[row].3));
        prop_assert!(made.batch.column_by_name("here").is_none());
        let original = [original];
        let checks = Checks::new(["age", "place"], request.rules.clone());
        let beside = beside(&request.quasi_identifiers, &original, Some(&made.origins));
        let outcome = verify(std::slice::from_ref(&made.batch), &checks, &beside).expect("can be checked");
        prop_assert!(outcome.passed, "{:?}", outcome.violations);
        prop_assert_eq!(outcome.measures.presence, made.report.measures.presence);
        prop_assert_eq!(outcome.measures.suppressed, made.report.measures.suppressed);
    }
}

/// Four of five in the west are released: an attacker who knows somebody there is nearly sure.
#[test]
fn the_verifier_counts_who_is_there() {
    let population = table(
        "age: 1 2 3 4 0 11 12 13 14 10
         place: Aviano Sacile Aviano Sacile Aviano Udine Udine Cividale Cividale Udine
         here: true true true true false true true false false false",
    );
    let identifiers = identifiers();
    let request =
        Request::new(identifiers.clone(), Rules::k(2).present_within("here", 0.0, 0.8), SEED).mode(Mode::Global);
    let made = anonymize(std::slice::from_ref(&population), &request).expect("four of five are allowed");
    let presence = made.report.measures.presence.expect("asked");
    assert_eq!((presence.population, presence.least, presence.most), (10, 0.4, 0.8));

    let original = [population];
    let found = |least: f64, most: f64| {
        let checks = Checks::new(["age", "place"], Rules::k(2).present_within("here", least, most));
        let beside = beside(&identifiers, &original, Some(&made.origins));
        verify(std::slice::from_ref(&made.batch), &checks, &beside).expect("can be checked").violations
    };
    assert_eq!(found(0.0, 0.8), []);
    assert!(matches!(found(0.0, 0.7).as_slice(), [Violation::PresenceTellsTooMuch { released: 4, population: 5, .. }]));
    // Two of five in the east: at the limit is within it.
    assert_eq!(found(0.4, 0.8), []);
    assert!(matches!(found(0.5, 0.8).as_slice(), [Violation::PresenceTellsTooMuch { released: 2, population: 5, .. }]));

    let half = Request { rules: Rules::k(2).present_within("here", 0.0, 0.5), ..request.clone() };
    let made = anonymize(&original, &half);
    assert!(made.is_err_and(|error| error.to_string().contains("no combination of levels")));
    let local = Request { mode: Mode::Local, ..request };
    assert!(
        anonymize(&original, &local).is_err_and(|error| error.to_string().contains("global where presence is asked"))
    );
    let odd = tamper(&original[0], "here", 3, Some("yes"));
    assert!(anonymize(&[odd], &half).is_err_and(|error| error.to_string().contains("\"yes\"")));
}

/// What a column costs decides which one is kept finer.
#[test]
fn a_dear_column_stays_finer() {
    let original = table(
        "age: 0 0 5 5 10 10 15 15
         place: Aviano Udine Aviano Udine Aviano Udine Aviano Udine",
    );
    for mode in [Mode::Global, Mode::Local] {
        let loss_of = |age: f64, place: f64| {
            let mut identifiers = identifiers();
            identifiers[0].weight = age;
            identifiers[1].weight = place;
            let (made, outcome) = released(&original, &Request::new(identifiers, Rules::k(2), SEED).mode(mode));
            assert!(outcome.passed);
            let losses: Vec<f64> =
                made.report.measures.loss_by_attribute.iter().map(|attribute| attribute.loss).collect();
            (losses[0], losses[1])
        };
        assert_eq!(loss_of(60.0, 1.0).0, 0.0, "{mode:?}");
        assert_eq!(loss_of(0.1, 10.0).1, 0.0, "{mode:?}");
    }
    let mut identifiers = identifiers();
    identifiers[0].weight = 0.0;
    let refused = anonymize(&[original], &Request::new(identifiers, Rules::k(2), SEED));
    assert!(refused.is_err_and(|error| error.to_string().contains("weight of \"age\" is 0")));
}
