//! Small tables made by hand, with the answer beside them.

use anonymity::verify::{Beside, Checks, StarRows, verify};
use anonymity::{
    Effort, Error, Gain, Hierarchy, Mode, QuasiIdentifier, Request, Rules, Sensitive, SuppressedRows, anonymize,
};

use crate::data::{SEED, beside, checked, column, identifiers, released, table, tamper};

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

/// Two classes of three: a a b and a b c.
const TWO_CLASSES: &str = "
    group: x x x y y y
    illness: a a b a b c";

#[test]
fn k_and_distinct_l() {
    let outcome = checked(&table(TWO_CLASSES), &["group"], Rules::k(3).with(Sensitive::new("illness").distinct_l(2)));
    assert!(outcome.passed);
    assert_eq!((outcome.measures.k, outcome.measures.classes), (3, 2));
    assert_eq!(outcome.measures.sensitive[0].distinct_l, 2);
    let stricter = checked(&table(TWO_CLASSES), &["group"], Rules::k(4).with(Sensitive::new("illness").distinct_l(3)));
    let codes: Vec<String> = stricter.violations.iter().map(ToString::to_string).collect();
    assert_eq!(
        codes,
        [
            "class x, first in row 0: 3 people, at least 4 asked",
            "class y, first in row 3: 3 people, at least 4 asked",
            "class x, first in row 0: 2 different values of \"illness\", at least 3 asked",
        ]
    );
}

#[test]
fn entropy_l() {
    let outcome = checked(&table(TWO_CLASSES), &["group"], Rules::k(3).with(Sensitive::new("illness")));
    // −(2/3 ln 2/3 + 1/3 ln 1/3); the class with three different values is at ln 3.
    let least = 2.0 / 3.0 * 1.5_f64.ln() + 3_f64.ln() / 3.0;
    close(outcome.measures.sensitive[0].entropy_l, least.exp());
    let asks = |l| {
        checked(
            &table("group: x x x\nillness: a b c"),
            &["group"],
            Rules::k(3).with(Sensitive::new("illness").entropy_l(l)),
        )
    };
    assert!(asks(3.0).passed);
    assert!(!asks(3.001).passed);
}

#[test]
fn equal_t() {
    // Table: a 1/2, b 1/3, c 1/6. Class x: 2/3, 1/3, 0, so ½(1/6 + 0 + 1/6).
    let outcome = checked(&table(TWO_CLASSES), &["group"], Rules::k(3).with(Sensitive::new("illness").equal_t(0.17)));
    close(outcome.measures.sensitive[0].t_equal, 1.0 / 6.0);
    assert!(outcome.passed);
    assert!(
        !checked(&table(TWO_CLASSES), &["group"], Rules::k(3).with(Sensitive::new("illness").equal_t(0.16))).passed
    );
}

#[test]
fn ordered_t() {
    // The salaries of the article that defined t-closeness: {3, 4, 5} of 3 to 11 is .375 away, {6, 8, 11} .167.
    let salaries = "
        group: x x x y y y z z z
        salary: 3 4 5 6 11 8 7 9 10";
    let values: Vec<String> = (3..=11).map(|salary| salary.to_string()).collect();
    let outcome = checked(
        &table(salaries),
        &["group"],
        Rules::k(3).with(Sensitive::new("salary").ordered_t(0.2, values.clone())),
    );
    close(outcome.measures.sensitive[0].t_ordered.expect("an order is known"), 0.375);
    let far: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
    // {7, 9, 10} is at 5/24 = .2083.
    assert_eq!(far.len(), 2, "{far:?}");
    assert_eq!(far[0], "class x, first in row 0: \"salary\" is 0.3750 from the table, at most 0.2 asked");
    // One more value that nobody has: m is 10, the distances fall by 8/9.
    let mut longer = values;
    longer.push("12".into());
    let outcome =
        checked(&table(salaries), &["group"], Rules::k(3).with(Sensitive::new("salary").ordered_t(0.2, longer)));
    close(outcome.measures.sensitive[0].t_ordered.expect("an order is known"), 0.375 * 8.0 / 9.0);
    // A value that the order leaves out has no distance.
    let shorter = (3..=10).map(|salary| salary.to_string());
    let checks = Checks::new(["group"], Rules::k(3).with(Sensitive::new("salary").ordered_t(0.2, shorter)));
    let refused = verify(&[table(salaries)], &checks, &Beside::default()).unwrap_err();
    assert!(matches!(&refused, Error::UnorderedValue { value, row: 4, .. } if value == "11"), "{refused}");
}

#[test]
fn contributor_robust_k() {
    let text = "
        group: x x x x x y y y y
        office: A A A A B A A B B";
    let outcome = checked(&table(text), &["group"], Rules::k(2).robust_to("office"));
    // Of x only one is left when A's four are taken away.
    assert_eq!(outcome.measures.k_without_any_contributor, Some(1));
    assert_eq!(
        outcome.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["class x, first in row 0: 1 people left without one contributor's, at least 2 asked"]
    );
    assert!(checked(&table(text), &["group"], Rules::k(1).robust_to("office")).passed);
}

#[test]
fn people_instead_of_rows() {
    let text = "
        group: x x x y y y
        who: p p q r s t
        office: A B A A B B";
    let outcome = checked(&table(text), &["group"], Rules::k(3).per_person("who"));
    assert_eq!(outcome.measures.k, 2);
    // A knows p and q, so of x nobody is left, though one of p's rows is B's.
    let robust = checked(&table(text), &["group"], Rules::k(1).per_person("who").robust_to("office"));
    assert_eq!(robust.measures.k_without_any_contributor, Some(0));
}

#[test]
fn a_person_known_elsewhere_is_known_here() {
    // p's row in x is B's, but A has p in y: taking away whom A knows leaves q alone in x.
    let text = "
        group: x x y y y
        who: p q p r s
        office: B B A B C";
    let outcome = checked(&table(text), &["group"], Rules::k(1).per_person("who").robust_to("office"));
    assert_eq!(outcome.measures.k_without_any_contributor, Some(0));
    // Taking away whom B knows leaves nobody in x.
    assert_eq!(outcome.violations.len(), 1);
}

/// Eight people at one place, two of each office; A has another row of two more of them, and those rows are dropped.
#[test]
fn a_person_known_by_a_dropped_row_is_known() {
    let original = table(
        "age: 1 1 1 1 1 1 1 1 19 19
         place: Aviano Aviano Aviano Aviano Aviano Aviano Aviano Aviano Udine Udine
         who: a b c d e f g h c e
         office: A A B B C C D D A A",
    );
    let request = Request::new(identifiers(), Rules::k(3).per_person("who").robust_to("office"), SEED)
        .mode(Mode::Global)
        .suppression(0.2)
        .suppressed_rows(SuppressedRows::Dropped);
    let (released, outcome) = released(&original, &request);
    assert!(outcome.passed, "{:?}", outcome.violations);
    for measures in [&released.report.measures, &outcome.measures] {
        assert_eq!((measures.suppressed, measures.k, measures.k_without_any_contributor), (2, 8, Some(4)));
    }
}

/// Worked by hand from the definitions: x has a a b, y has a b c, the table a half, b a third, c a sixth.
#[test]
fn recursive_l_likeness_and_a_tree() {
    let tree = Hierarchy::from_text("a;ab;*\nb;ab;*\nc;cd;*\nd;cd;*\n", ';').expect("a tree");
    let illness = || Sensitive::new("illness");
    let rules = Rules::k(3).with(illness().recursive_l(2.1, 2).likeness(1.0, Gain::Basic).hierarchical_t(0.2, tree));
    let outcome = checked(&table(TWO_CLASSES), &["group"], rules);
    assert!(outcome.passed, "{:?}", outcome.violations);
    let reached = &outcome.measures.sensitive[0];
    // In x the a are twice the b; in y each is half of the others.
    close(reached.outweighing.expect("asked"), 2.0);
    // c is a third of y and a sixth of the table.
    close(reached.gain.expect("asked"), 1.0);
    // From x a sixth too much moves to c, all the way; within ab nothing has to be exchanged.
    close(reached.t_hierarchical.expect("asked"), 1.0 / 6.0);
    // c's share is 1/6: −ln is 1.79, so that a β of 2 lets it gain 1; a's is 1/2: it may gain .69, and gains a third.
    let asked = |rule: Sensitive| checked(&table(TWO_CLASSES), &["group"], Rules::k(3).with(rule)).violations;
    assert_eq!(asked(illness().likeness(2.0, Gain::Enhanced)), []);
    let found: Vec<String> =
        asked(illness().likeness(0.5, Gain::Enhanced).recursive_l(2.0, 2)).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "class x, first in row 0: the commonest \"illness\" is 2.000 times those from place 2 on, less than 2 asked",
            "class y, first in row 3: a value of \"illness\" is 1.0000 more frequent than in the table, at most 0.5000 allowed",
        ]
    );
    // a is half of the table and all of x: it gains 1, more than the .69 that an enhanced β of any size lets it.
    let halves = "group: x x x y y y\nillness: a a a b b b";
    let gains = |kind: Gain| {
        let rules = Rules::k(3).with(illness().likeness(2.0, kind));
        checked(&table(halves), &["group"], rules).violations.len()
    };
    assert_eq!((gains(Gain::Basic), gains(Gain::Enhanced)), (0, 2));
    // Nothing is rare in x from place 3 on.
    assert_eq!(asked(illness().recursive_l(1e9, 3)).len(), 1);
}

/// What is missing is a value of its own, for whoever makes the table and for whoever checks it.
#[test]
fn a_missing_value_means_what_the_rules_say() {
    let identifiers = vec![
        QuasiIdentifier::new(
            "place",
            Hierarchy::from_text("Aviano;west;*\nSacile;west;*\nnot told;not told;*\n", ';').expect("a tree"),
        ),
        QuasiIdentifier::new("age", Hierarchy::integers(0, 19, &[5, 10]).expect("widths")),
    ];
    let text = "
        place: Aviano Sacile Aviano X X X
        age: 1 1 1 1 1 1
        illness: flu X flu flu gout gout";
    let mut original = table(text);
    for (column, row) in [("place", 3), ("place", 4), ("illness", 1)] {
        original = tamper(&original, column, row, None);
    }
    original = tamper(&original, "place", 5, Some(""));
    let rules = Rules::k(3)
        .with(Sensitive::new("illness").distinct_l(2))
        .missing_as("place", "not told")
        .missing_as("illness", "unknown");
    let (made, outcome) = released(&original, &Request::new(identifiers.clone(), rules.clone(), SEED));
    assert!(outcome.passed, "{:?}", outcome.violations);
    let places = column(&made.batch, "place").into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(places, ["west", "west", "west", "not told", "not told", "not told"]);
    assert_eq!(column(&made.batch, "illness")[1], None, "what is not generalised stays as it was");
    assert_eq!(outcome.measures.sensitive[0].distinct_l, 2);
    close(made.report.measures.loss.expect("known"), outcome.measures.loss.expect("known"));

    let unsaid = Request::new(identifiers.clone(), Rules::k(3), SEED);
    let error = anonymize(&[original.clone()], &unsaid).expect_err("a null that means nothing");
    assert!(error.to_string().contains("row 3: null"), "{error}");
    let unknown = Request::new(identifiers.clone(), rules.clone().missing_as("place", "secret"), SEED);
    assert!(anonymize(&[original.clone()], &unknown).is_err_and(|error| error.to_string().contains("\"secret\"")));
    let elsewhere = Request::new(identifiers, rules.missing_as("note", "none"), SEED);
    assert!(anonymize(&[original], &elsewhere).is_err_and(|error| error.to_string().contains("missing is note")));
}

#[test]
fn loss_discernibility_entropy_and_risk() {
    let original = table("age: 0 1 2 11 12 13\nplace: Aviano Aviano Sacile Udine Udine Udine");
    let request = Request::new(identifiers(), Rules::k(3), SEED).effort(Effort::Fast);
    let (released, outcome) = released(&original, &request);
    assert!(outcome.passed, "{:?}", outcome.violations);
    for measures in [&released.report.measures, &outcome.measures] {
        // Ages 0-4 and 10-14: 4/19 each; west for three rows of six: 1/3.
        close(measures.loss_by_attribute[0].loss, 4.0 / 19.0);
        close(measures.loss_by_attribute[1].loss, 0.5 / 3.0);
        close(measures.loss.expect("hierarchies are given"), (4.0 / 19.0 + 0.5 / 3.0) / 2.0);
        assert_eq!(measures.discernibility, 18);
        close(measures.average_class_size, 3.0);
        close(measures.risk.prosecutor_max, 1.0 / 3.0);
        close(measures.risk.marketer_mean, 1.0 / 3.0);
        assert_eq!(measures.class_sizes.len(), 1);
        // Ages: six different ones, log₂ 3 instead of log₂ 6. Places: of the west two rows lose log₂ 3/2, one log₂ 3.
        let reached = 6.0 * 3_f64.log2() + 2.0 * 1.5_f64.log2() + 3_f64.log2();
        let full = 6.0 * 6_f64.log2() + 2.0 * 3_f64.log2() + 6_f64.log2() + 3.0;
        close(measures.non_uniform_entropy.expect("the original is given"), reached / full);
    }
}

#[test]
fn stars_are_set_apart_or_a_class() {
    let batch = table("age: 0-4 0-4 0-4 * *\nplace: west west west * west");
    let rules = Rules::k(2);
    let checks = Checks::new(["age", "place"], rules);
    let alone = verify(std::slice::from_ref(&batch), &checks, &Beside::default()).expect("can be checked");
    // The last row is not all stars: its `*` equals only `*`, so it is alone.
    assert_eq!((alone.star_rows, alone.measures.classes, alone.measures.suppressed), (1, 2, 1));
    assert_eq!(alone.violations.len(), 1);
    assert_eq!(alone.measures.discernibility, 9 + 1 + 5);
    let strict = verify(std::slice::from_ref(&batch), &checks.strict(), &Beside::default()).expect("can be checked");
    assert_eq!((strict.star_rows_read_as, strict.measures.classes), (StarRows::AreAClass, 3));
    assert_eq!(strict.violations.len(), 2);
}

#[test]
fn too_many_suppressed() {
    let original = table("age: 0 1 2 3\nplace: Aviano Aviano Aviano Udine");
    let batch = table("age: 0-4 0-4 0-4\nplace: Aviano Aviano Aviano");
    let mut checks = Checks::new(["age", "place"], Rules::k(3));
    checks.suppression = Some(0.2);
    let original = [original];
    let outcome =
        verify(&[batch], &checks, &beside(&identifiers(), &original, Some(&[0, 1, 2]))).expect("can be checked");
    assert_eq!(outcome.measures.suppressed, 1);
    close(outcome.measures.loss.expect("hierarchies are given"), (3.0 * 4.0 / 19.0 + 1.0 + 1.0) / 8.0);
    assert_eq!(
        outcome.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["1 of 4 rows suppressed, at most a fraction of 0.2 allowed"]
    );
}

/// Two ordered values are one apart; one value is at no distance from itself.
#[test]
fn few_ordered_values() {
    let batch = table("group: x x y y\nillness: a a b b");
    let of = |values: &[&str], batch: &arrow::array::RecordBatch| {
        let illness = Sensitive::new("illness").ordered_t(1.0, values.iter().copied());
        checked(batch, &["group"], Rules::k(2).with(illness)).measures.sensitive[0].t_ordered
    };
    assert_eq!(of(&["a", "b"], &batch), Some(0.5));
    assert_eq!(of(&["a"], &table("group: x x\nillness: a a")), Some(0.0));
}

/// Where all rows are equal there is nothing to lose.
#[test]
fn no_entropy_to_lose() {
    let original = [table("place: Aviano Aviano")];
    let identifiers = &identifiers()[1..];
    let checks = Checks::new(["place"], Rules::k(2));
    let outcome = verify(&original, &checks, &beside(identifiers, &original, None)).expect("can be checked");
    assert_eq!(outcome.measures.non_uniform_entropy, Some(0.0));
    let json = outcome.to_json();
    assert!(json.contains("\"passed\": true") && json.contains("\"non_uniform_entropy\": 0.0"), "{json}");
}

#[test]
fn a_loss_needs_every_hierarchy() {
    let original = [table("age: 1 1 1\nplace: Aviano Aviano Aviano")];
    let checks = Checks::new(["age", "place"], Rules::k(3));
    let found = |known: usize| {
        let beside = beside(&identifiers()[..known], &original, None);
        let measures = verify(&original, &checks, &beside).expect("can be checked").measures;
        (measures.loss.is_some(), measures.loss_by_attribute.len(), measures.non_uniform_entropy.is_some())
    };
    assert_eq!(found(2), (true, 2, true));
    assert_eq!(found(1), (false, 0, false));
    assert_eq!(found(0), (false, 0, false));
}
