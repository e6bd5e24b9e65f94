//! Releases laid side by side.

use anonymity::verify::{Checks, Released, Violation, verify, verify_together};
use anonymity::{Request, Rules, Seed, Sensitive, anonymize};
use arrow::array::RecordBatch;

use crate::data::{identifiers, table};

fn holds_alone(batch: &RecordBatch, checks: &Checks) -> bool {
    verify(std::slice::from_ref(batch), checks, &anonymity::verify::Beside::default()).expect("can be checked").passed
}

/// Each release has two classes of three; side by side they cut each other.
#[test]
fn two_releases_that_hold_alone_tell_more_together() {
    let first = table("group: x x x y y y\nillness: flu flu gout gout flu asthma");
    let second = table("group: a a b b b a\nillness: flu flu gout gout flu asthma");
    let checks = Checks::new(["group"], Rules::k(3).with(Sensitive::new("illness").distinct_l(2)));
    let people = [1, 2, 3, 4, 5, 6];
    assert!(holds_alone(&first, &checks) && holds_alone(&second, &checks));
    let [first, second] = [&first, &second].map(|batch| Released { batch, people: &people, checks: &checks });
    let found = verify_together(&[first, second]).expect("can be checked");
    // Persons 1 and 2 are x and a, 3 is x and b, 4 and 5 are y and b, 6 is y and a.
    assert_eq!((found.passed, found.people, found.patterns, found.k), (false, 6, 4, 1));
    let small = found.violations.iter().filter(|violation| matches!(violation, Violation::SmallClass { .. })).count();
    assert_eq!(small, 4);
    // Of 1 and 2 it is known now that both have the flu.
    assert!(found.violations.iter().any(|violation| {
        matches!(violation, Violation::FewDistinctValues { class, distinct: 1, .. } if class == &["x", "a"])
    }));
    assert_eq!(found.sensitive[0][0].distinct_l, 1);

    // The same release twice tells nothing new.
    let again = verify_together(&[first, first]).expect("can be checked");
    assert!(again.passed, "{:?}", again.violations);
    assert_eq!((again.patterns, again.k), (2, 3));
}

/// Who is not in the second release stands out by that.
#[test]
fn not_being_there_tells_too() {
    let first = table("group: x x x x\nillness: a b a b");
    let second = table("group: x x x\nillness: a b a");
    let checks = Checks::new(["group"], Rules::k(3));
    let [all, most] = [(&first, vec![1, 2, 3, 4]), (&second, vec![1, 2, 3])];
    let releases = [&all, &most].map(|(batch, people)| Released { batch, people, checks: &checks });
    let found = verify_together(&releases).expect("can be checked");
    assert_eq!((found.patterns, found.k, found.violations.len()), (2, 1, 1));
    let wrong = Released { people: &[1], ..releases[0] };
    assert!(verify_together(&[wrong]).is_err_and(|error| error.to_string().contains("1 people for 4 rows")));
}

/// One release in which people have several rows: their pattern is what tells them apart.
#[test]
fn the_pattern_of_a_persons_rows_may_stand_out() {
    let batch = table("group: x x x y y y y\nillness: a b a b a b a");
    let checks = Checks::new(["group"], Rules::k(3));
    assert!(holds_alone(&batch, &checks));
    // Person 3 alone has a row in both classes.
    let release = Released { batch: &batch, people: &[1, 2, 3, 3, 4, 5, 6], checks: &checks };
    let found = verify_together(&[release]).expect("can be checked");
    assert_eq!((found.people, found.patterns, found.k), (6, 3, 1));
}

/// What is made anew with another seed is another release: the gate must find it.
#[test]
fn the_same_rows_released_twice_are_found() {
    let ages: Vec<String> = (0..60).map(|row| (row * 7 % 20).to_string()).collect();
    let places: Vec<&str> = (0..60).map(|row| ["Aviano", "Sacile", "Udine", "Cividale"][row * row % 7 % 4]).collect();
    let original = table(&format!("age: {}\nplace: {}", ages.join(" "), places.join(" ")));
    let request = |seed: u8, k: usize| Request::new(identifiers(), Rules::k(k), Seed::new([seed; 32]));
    let made = [request(1, 4), request(2, 5)].map(|request| {
        let made = anonymize(std::slice::from_ref(&original), &request).expect("can be met");
        (made, Checks::new(["age", "place"], request.rules))
    });
    let people: Vec<Vec<u64>> =
        made.iter().map(|(made, _)| made.origins.iter().map(|&row| row as u64).collect()).collect();
    let releases: Vec<Released<'_>> = made
        .iter()
        .zip(&people)
        .map(|((made, checks), people)| Released { batch: &made.batch, people, checks })
        .collect();
    assert!(verify_together(&releases[..1]).expect("can be checked").passed);
    assert!(!verify_together(&releases).expect("can be checked").passed);
}

/// Who is suppressed in a release is not in it for whoever sets `*` rows apart; and in one more class for others.
#[test]
fn rows_of_stars_are_read_either_way() {
    let batch = table("group: x x x * *");
    let people = [1, 2, 3, 1, 2];
    let found = |checks: Checks| {
        let release = Released { batch: &batch, people: &people, checks: &checks };
        verify_together(&[release]).expect("can be checked")
    };
    let checks = Checks::new(["group"], Rules::k(2));
    let apart = found(checks.clone());
    assert_eq!((apart.passed, apart.patterns, apart.k), (true, 1, 3));
    // Person 3 alone has no row of `*`.
    let strict = found(checks.strict());
    assert_eq!((strict.passed, strict.patterns, strict.k), (false, 2, 1));
}
