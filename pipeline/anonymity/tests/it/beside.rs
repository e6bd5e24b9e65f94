//! What stands beside a release: the comparison with its original, the risk against a register, the page of the report.

use anonymity::compare::{Category, compare};
use anonymity::register::register_risk;
use anonymity::{Gain, Hierarchy, Mode, Page, Request, Rules, Sensitive};

use crate::data::{SEED, identifiers, released, table, tamper};

const TEXT: &str = "
    age: 1 2 3 4 11 12 13 14
    place: Aviano Aviano Sacile Sacile Udine Udine Udine Cividale
    illness: flu flu gout flu gout gout flu gout";

#[test]
fn before_and_after_are_counted_at_one_level() {
    let original = table(TEXT);
    let request = Request::new(identifiers(), Rules::k(4).with(Sensitive::new("illness").distinct_l(2)), SEED);
    let (made, outcome) = released(&original, &request);
    assert!(outcome.passed, "{:?}", outcome.violations);
    let found = compare(std::slice::from_ref(&original), &made.batch, &made.origins, &request).expect("the same table");
    assert_eq!((found.rows_before, found.rows_after, found.least), (8, 8, 4));
    let category = |label: &str| Category { label: Some(label.to_owned()), before: 4, after: 4 };
    assert_eq!(found.attributes[0].categories, [category("0-9"), category("10-19")]);
    assert_eq!(found.attributes[0].levels, [0, 8, 0, 0]);
    assert_eq!(found.attributes[1].categories, [category("west"), category("east")]);
    assert_eq!(found.attributes[1].levels, [0, 8, 0]);
    // Who is young lives in the west, before and after; of eight rows the correction for bias leaves all of it.
    let pair = &found.associations[0];
    assert_eq!((pair.first.as_str(), pair.second.as_str()), ("age", "place"));
    assert!((pair.before - 1.0).abs() < 1e-9 && (pair.after - 1.0).abs() < 1e-9, "{pair:?}");
    assert_eq!(found.associations.len(), 3);

    // Categories of fewer than k rows have no name.
    let few = Request { rules: Rules::k(5), ..request.clone() };
    let found = compare(std::slice::from_ref(&original), &made.batch, &made.origins, &few).expect("the same table");
    assert_eq!(found.attributes[1].categories, [Category { label: None, before: 8, after: 8 }]);

    // What came out as `*` is in no category.
    let starred = tamper(&made.batch, "place", 0, Some("*"));
    let found = compare(std::slice::from_ref(&original), &starred, &made.origins, &request).expect("the same table");
    assert_eq!(found.attributes[1].levels, [0, 7, 1]);
    assert_eq!(found.attributes[1].categories[0], Category { label: Some("west".into()), before: 4, after: 3 });

    let odd = tamper(&made.batch, "place", 0, Some("nowhere"));
    assert!(
        compare(std::slice::from_ref(&original), &odd, &made.origins, &request)
            .is_err_and(|error| error.to_string().contains("nowhere"))
    );
    assert!(compare(&[original], &made.batch, &[99], &request).is_err_and(|error| error.to_string().contains("99")));
}

#[test]
fn a_register_tells_how_many_somebody_could_be() {
    let made = table("age: 0-9 0-9 10-19 10-19\nplace: west west * *");
    let register = table("age: 1 1 11 12\nplace: Aviano Udine Sacile Udine\npeople: 40 1000 3 7");
    let risk = register_risk(&made, &identifiers(), &register, "people").expect("a register");
    // Young in the west: 40. Older, anywhere: 10.
    assert_eq!((risk.people, risk.least, risk.max), (1050, 10, 0.1));
    assert!((risk.mean - (2.0 / 40.0 + 2.0 / 10.0) / 4.0).abs() < 1e-12);
    // Without places the register knows the young as 1,040.
    let by_age = table("age: 1 11\npeople: 1040 10");
    let risk = register_risk(&made, &identifiers(), &by_age, "people").expect("a register");
    assert_eq!((risk.columns.as_slice(), risk.least), (["age".to_owned()].as_slice(), 10));
    // Fewer people than rows cannot be.
    let small = table("age: 1 11\npeople: 1 1");
    assert_eq!(register_risk(&made, &identifiers(), &small, "people").expect("a register").least, 2);

    let refused =
        |register: &str| register_risk(&made, &identifiers(), &table(register), "people").unwrap_err().to_string();
    assert!(refused("shoe: 1\npeople: 1").contains("without any quasi-identifier"));
    assert!(refused("age: 99\npeople: 1").contains("\"99\" is not in the hierarchy"));
    assert!(refused("age: 1\npeople: -1").contains("not a whole number from 0 up"));
    assert!(refused("age: 1\nfolk: 1").contains("there is no column \"people\""));
}

#[test]
fn the_page_says_what_the_report_says() {
    let original = tamper(&table(TEXT), "illness", 0, Some("<b>flu"));
    let tree = Hierarchy::flat(["<b>flu", "flu", "gout"]).expect("three values");
    let illness = Sensitive::new("illness").distinct_l(2).hierarchical_t(1.0, tree).likeness(9.0, Gain::Enhanced);
    let rules = Rules::k(4).with(illness.recursive_l(9.0, 2)).missing_as("age", "0");
    let request = Request::new(identifiers(), rules, SEED).mode(Mode::Global);
    let (made, outcome) = released(&original, &request);
    let comparison = compare(&[original], &made.batch, &made.origins, &request).expect("the same table");
    let register = table("age: 1 11\npeople: 1040 10");
    let risk = register_risk(&made.batch, &request.quasi_identifiers, &register, "people").expect("a register");
    let page = Page {
        title: "People & places",
        report: &made.report,
        verification: Some(&outcome),
        comparison: Some(&comparison),
        register: Some(&risk),
    };
    let html = page.to_html();
    for part in [
        "<title>People &amp; places: anonymity report</title>",
        "8 rows went in; 2 classes of at least 4 people came out, 0 rows suppressed",
        "the verifier found nothing against it",
        "a register of 1050 people by age; at least 10 of them",
        "recursive (9.0, 2); t 1.0, hierarchical distance; β 9.0, enhanced",
        "is the value 0, a category like others",
        "age and place",
        "global; no row may be suppressed; the order of rows is kept",
        "<th scope=\"row\">west</th><td class=\"number\">4</td><td class=\"number\">4</td>",
    ] {
        assert!(html.contains(part), "no {part} in {html}");
    }
    assert!(!html.contains("<b>") && !html.contains("undefined") && !html.contains("None"), "{html}");
    let alone = Page { verification: None, comparison: None, register: None, ..page }.to_html();
    assert!(alone.contains("the worst case") && !alone.contains("Distributions"), "{alone}");
}
