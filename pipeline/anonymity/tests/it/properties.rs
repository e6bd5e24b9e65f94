//! What holds of every table, rule and seed.

use anonymity::verify::{Checks, verify};
use anonymity::{
    Effort, Gain, Hierarchy, Mode, QuasiIdentifier, Request, RowOrder, Rules, Seed, Sensitive, SuppressedRows,
    anonymize,
};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use proptest::prelude::*;

use crate::data::{SEED, beside, column, columns_of, from_columns, identifiers, released};

const PLACES: [&str; 4] = ["Aviano", "Sacile", "Udine", "Cividale"];
const ILLNESSES: [&str; 5] = ["a", "b", "c", "d", "e"];
const OFFICES: [&str; 4] = ["A", "B", "C", "D"];

/// Age, place, illness, office, person.
type Row = (u8, usize, usize, usize, usize);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0_u8..20, 0_usize..4, 0_usize..5, 0_usize..4, 0_usize..60), 40..160)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let column = |name: &str, value: &dyn Fn(&Row) -> String| {
        (name.to_owned(), rows.iter().map(|row| Some(value(row))).collect())
    };
    from_columns(vec![
        column("age", &|row| row.0.to_string()),
        column("place", &|row| PLACES[row.1].to_owned()),
        column("illness", &|row| ILLNESSES[row.2].to_owned()),
        column("office", &|row| OFFICES[row.3].to_owned()),
        column("who", &|row| row.4.to_string()),
    ])
}

fn rules() -> impl Strategy<Value = Rules> {
    let illness = || Sensitive::new("illness");
    let tree = || Hierarchy::from_text("a;ab;*\nb;ab;*\nc;cde;*\nd;cde;*\ne;cde;*\n", ';').expect("a tree");
    (2_usize..7, 0..12).prop_map(move |(k, kind)| match kind {
        0 => Rules::k(k),
        1 => Rules::k(k).with(illness().distinct_l(2)),
        2 => Rules::k(k).with(illness().entropy_l(2.0)),
        3 => Rules::k(k).with(illness().equal_t(0.3)),
        4 => Rules::k(k).with(illness().ordered_t(0.25, ILLNESSES)),
        5 => Rules::k(k).robust_to("office"),
        6 => Rules::k(k).per_person("who").robust_to("office"),
        7 => Rules::k(k).with(illness().recursive_l(2.0, 2)),
        8 => Rules::k(k).with(illness().hierarchical_t(0.2, tree())),
        9 => Rules::k(k).with(illness().likeness(0.9, Gain::Basic)),
        10 => Rules::k(k).with(illness().likeness(2.0, Gain::Enhanced).recursive_l(3.0, 3)),
        _ => Rules::k(k).robust_to("office").with(illness().distinct_l(2).equal_t(0.4)),
    })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Local), Just(Mode::Global)]
}

fn request(rules: Rules, seed: u8) -> Request {
    Request::new(identifiers(), rules, Seed::new([seed; 32]))
}

fn loss(measures: &anonymity::report::Measures) -> f64 {
    measures.loss.expect("hierarchies are given")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every output verifies, and the verifier finds the figures that the engine reports.
    #[test]
    fn every_output_verifies(
        rows in rows(),
        rules in rules(),
        seed: u8,
        suppression in prop_oneof![Just(0.0), 0.0..0.5],
        shuffled: bool,
        dropped: bool,
        mode in mode(),
    ) {
        let original = batch(&rows);
        let request = request(rules, seed)
            .mode(mode)
            .suppression(suppression)
            .row_order(if shuffled { RowOrder::Shuffled } else { RowOrder::Kept })
            .suppressed_rows(if dropped { SuppressedRows::Dropped } else { SuppressedRows::Kept });
        // Some rules cannot be met by some tables; then it is said, and there is nothing to verify.
        if let Err(error) = anonymize(std::slice::from_ref(&original), &request) {
            prop_assert!(matches!(error, anonymity::Error::Unsatisfiable { .. }), "{}", error);
            return Ok(());
        }
        let (released, strict) = released(&original, &request);
        prop_assert!(strict.passed, "{:?}", strict.violations);

        let original = [original];
        let checks = Checks::new(["age", "place"], request.rules.clone());
        let beside = beside(&request.quasi_identifiers, &original, Some(&released.origins));
        let outcome = verify(std::slice::from_ref(&released.batch), &checks, &beside).expect("can be checked");
        let (ours, theirs) = (&released.report.measures, &outcome.measures);
        prop_assert!((loss(ours) - loss(theirs)).abs() < 1e-12);
        prop_assert!((ours.non_uniform_entropy.expect("known") - theirs.non_uniform_entropy.expect("known")).abs() < 1e-9);
        prop_assert_eq!(
            (ours.rows, ours.suppressed, ours.classes, ours.k, ours.k_without_any_contributor, ours.discernibility),
            (theirs.rows, theirs.suppressed, theirs.classes, theirs.k, theirs.k_without_any_contributor, theirs.discernibility)
        );
        prop_assert_eq!(&ours.class_sizes, &theirs.class_sizes);
        for (ours, theirs) in ours.sensitive.iter().zip(&theirs.sensitive) {
            prop_assert_eq!(ours.distinct_l, theirs.distinct_l);
            prop_assert!((ours.entropy_l - theirs.entropy_l).abs() < 1e-9);
            prop_assert!((ours.t_equal - theirs.t_equal).abs() < 1e-9);
            let pairs = [
                (ours.t_ordered, theirs.t_ordered),
                (ours.t_hierarchical, theirs.t_hierarchical),
                (ours.outweighing, theirs.outweighing),
                (ours.gain, theirs.gain),
            ];
            for (ours, theirs) in pairs {
                prop_assert_eq!(ours.is_some(), theirs.is_some());
                let (ours, theirs) = (ours.unwrap_or(0.0), theirs.unwrap_or(0.0));
                prop_assert!((ours - theirs).abs() < 1e-9, "{} and {}", ours, theirs);
            }
        }
        prop_assert_eq!(ours.rows, ours.class_sizes.iter().map(|size| size.rows * size.classes).sum::<usize>() + ours.suppressed);
    }

    /// The same rows in another order: the same loss and the same classes, exactly, for one seed. Which of several equal
    /// rows is in which class may change.
    #[test]
    fn the_order_of_rows_does_not_matter(rows in rows(), rules in rules(), mode in mode(), order in any::<u64>()) {
        let original = batch(&rows);
        let request = request(rules, 1).mode(mode);
        let Ok(released) = anonymize(std::slice::from_ref(&original), &request) else { return Ok(()) };
        let mut indices: Vec<u32> = (0..u32::try_from(rows.len()).expect("few rows")).collect();
        indices.sort_by_key(|&row| (u64::from(row) + 1).wrapping_mul(order | 1));
        let shuffled = take_record_batch(&original, &UInt32Array::from(indices)).expect("indices of rows");
        let again = anonymize(&[shuffled], &request).expect("the same rows");
        prop_assert_eq!(loss(&released.report.measures), loss(&again.report.measures));
        prop_assert_eq!(&released.report.measures.class_sizes, &again.report.measures.class_sizes);
        let sorted = |batch: &RecordBatch| {
            let (ages, places) = (column(batch, "age"), column(batch, "place"));
            let mut rows: Vec<_> = ages.into_iter().zip(places).collect();
            rows.sort();
            rows
        };
        prop_assert_eq!(sorted(&released.batch), sorted(&again.batch));
    }

    /// Giving two classes one name never breaks a rule that held.
    #[test]
    fn merging_classes_breaks_nothing(rows in rows(), rules in rules(), pick in any::<(prop::sample::Index, prop::sample::Index)>()) {
        let original = batch(&rows);
        let request = request(rules, 2);
        let Ok(released) = anonymize(std::slice::from_ref(&original), &request) else { return Ok(()) };
        let mut columns = columns_of(&released.batch);
        let (first, second) = (pick.0.index(rows.len()), pick.1.index(rows.len()));
        let name = |columns: &[(String, Vec<Option<String>>)], row: usize| (columns[0].1[row].clone(), columns[1].1[row].clone());
        let (kept, renamed) = (name(&columns, first), name(&columns, second));
        for row in 0..rows.len() {
            if name(&columns, row) == renamed {
                columns[0].1[row].clone_from(&kept.0);
                columns[1].1[row].clone_from(&kept.1);
            }
        }
        let checks = Checks::new(["age", "place"], request.rules.clone());
        let outcome = verify(&[from_columns(columns)], &checks, &anonymity::verify::Beside::default()).expect("can be checked");
        prop_assert!(outcome.passed, "{:?}", outcome.violations);
    }
}

/// One thread or two: the same table, byte for byte; another seed: another table.
#[test]
fn threads_do_not_matter_and_the_seed_does() {
    let rows: Vec<_> = (0..20_000_u64)
        .map(|row| {
            let mixed = (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let part = |shift: u32, bound: u64| usize::try_from((mixed >> shift) % bound).expect("small");
            // Crowded at the low end, so that cells have all sizes.
            let age = part(7, 20) * part(40, 20) / 19;
            (u8::try_from(age).expect("small"), part(17, 4) * part(50, 4) / 3, part(27, 5), part(37, 4), part(47, 60))
        })
        .collect();
    let original = batch(&rows);
    // Of three columns few rows are equal in all, so that there is much to choose.
    let mut identifiers = identifiers();
    identifiers.push(QuasiIdentifier::new("who", Hierarchy::integers(0, 59, &[5, 20]).expect("widths")));
    for rules in [Rules::k(100), Rules::k(60).with(Sensitive::new("illness").equal_t(0.05))] {
        let request = Request::new(identifiers.clone(), rules, SEED);
        let run = |threads: usize, request: &Request| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| anonymize(std::slice::from_ref(&original), request)).expect("can be met").batch
        };
        let one = run(1, &request);
        assert_eq!(one, run(2, &request));
        assert_eq!(one, run(3, &request));
        let other = Request { seed: Seed::new([8; 32]), ..request };
        assert_ne!(one, run(2, &other));
    }
}

/// More effort never gives more loss.
#[test]
fn effort_pays() {
    let rows: Vec<_> = (0..3_000_u64)
        .map(|row| {
            let mixed = (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let part = |shift: u32, bound: u64| usize::try_from((mixed >> shift) % bound).expect("small");
            (u8::try_from(part(0, 20)).expect("small"), part(5, 4), part(9, 5), part(13, 4), part(17, 60))
        })
        .collect();
    let original = batch(&rows);
    let losses = [Effort::Fast, Effort::Default, Effort::More].map(|effort| {
        let request = Request::new(identifiers(), Rules::k(30).with(Sensitive::new("illness").distinct_l(4)), SEED);
        loss(&released(&original, &request.effort(effort)).0.report.measures)
    });
    assert!(losses[0] >= losses[1] && losses[1] >= losses[2], "{losses:?}");
}
