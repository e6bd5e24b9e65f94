//! Profiles of the community: groups of people with similar needs.

use super::render;
use crate::pages::Choices;
use crate::pages::comunita::Comunita;
use crate::protect::{ALL, Marts, Protected, Remembered, Start, item, questions};
use crate::samples;
use crate::strumento::Strumento;

fn marts(people: u32, strumento: &Strumento) -> Marts {
    samples::marts(&samples::sheets(people, strumento), strumento)
}

fn low_of_all(figures: &Protected, question: &str) -> Option<u32> {
    figures.people_in(&item(question), "low", ALL)
}

#[test]
fn groups_are_everybody_and_counted_as_the_tables_count_them() {
    let strumento = samples::strumento();
    let data = samples::data(&marts(900, &strumento), strumento).unwrap();
    let figures = &data.figures;
    assert!(figures.groups().len() >= 2);
    let people: u32 = figures.groups().iter().map(|name| figures.of_group(name).people.unwrap()).sum();
    assert_eq!(Some(people), figures.people(ALL));
    let mut compared = 0;
    for question in questions(&data.strumento.content) {
        let of = |name: &String| figures.low_of_group(name, &question.id).people;
        let Some(sum) = figures.groups().iter().map(of).sum::<Option<u32>>() else { continue };
        assert_eq!(Some(sum), low_of_all(figures, &question.id), "{}", question.id);
        compared += 1;
    }
    assert!(compared > 2, "{compared}");
    assert!(figures.exposed().is_empty());
}

/// What the next state grows from.
fn after(figures: &Protected) -> Start {
    Remembered::new(1, Start::default(), figures.found().clone()).start(2)
}

#[test]
fn groups_keep_their_letters_when_their_sizes_change() {
    let strumento = samples::strumento();
    let figures = |people, start: &Start| Protected::new(&marts(people, &strumento), &strumento, start, None).unwrap();
    let first = figures(600, &Start::default());
    let remembered = Remembered::new(1, Start::default(), first.found().clone());
    // Who is held back most.
    let most = |figures: &Protected| {
        let of = |name: &&String| figures.low_of_group(name, "orari").share_permille;
        figures.groups().iter().max_by_key(of).cloned().unwrap()
    };
    let second = figures(900, &remembered.start(2));
    assert_eq!((first.groups(), most(&first)), (second.groups(), most(&second)));
    assert_ne!(first.of_group("A").people, second.of_group("A").people);
    // With other letters the same people have the others: they come from what is remembered.
    let text = serde_json::to_string(&remembered).unwrap();
    let turned = text.replace("\"A\"", "\"x\"").replace("\"B\"", "\"A\"").replace("\"x\"", "\"B\"");
    let turned: Remembered = serde_json::from_str(&turned).unwrap();
    assert_ne!(most(&figures(900, &turned.start(2))), most(&second));
}

#[test]
fn other_questions_are_another_picture() {
    let strumento = samples::strumento();
    let first = Protected::new(&marts(900, &strumento), &strumento, &Start::default(), None).unwrap();
    let mut other = samples::strumento();
    other.content.items.truncate(3);
    let marts = samples::marts(&samples::sheets(900, &other), &other);
    let found = Protected::new(&marts, &other, &after(&first), None).unwrap();
    let anew = Protected::new(&marts, &other, &Start::default(), None).unwrap();
    // Other people in other groups, whose letters are new ones.
    let people =
        |figures: &Protected| figures.groups().iter().map(|name| figures.of_group(name).people).collect::<Vec<_>>();
    assert_eq!(people(&found), people(&anew));
    assert!(found.groups().iter().all(|name| !first.groups().contains(name)), "{:?}", found.groups());
    let fixed = {
        let mut fixed = samples::strumento();
        fixed.content.items.iter_mut().for_each(|item| item.is_fixed = true);
        fixed
    };
    let marts = samples::marts(&samples::sheets(900, &fixed), &fixed);
    assert!(Protected::new(&marts, &fixed, &Start::default(), None).unwrap().groups().is_empty());
}

#[test]
fn people_who_are_not_those_of_the_tables_make_no_groups() {
    let strumento = samples::strumento();
    let of = |marts: &Marts| Protected::new(marts, &strumento, &Start::default(), None).unwrap().groups().len();
    assert!(of(&marts(900, &strumento)) > 0);
    let mut wrong = marts(900, &strumento);
    wrong.low[0].pattern = wrong.low[0].pattern.chars().map(|one| if one == '1' { '0' } else { '1' }).collect();
    assert_eq!(of(&wrong), 0);
    assert_eq!(of(&marts(30, &strumento)), 0);
}

#[test]
fn whoever_answered_another_version_is_in_no_group() {
    let strumento = samples::strumento();
    let sheets = samples::sheets(900, &strumento);
    let of_this: Vec<_> = sheets.iter().filter(|sheet| sheet.person < 870).cloned().collect();
    let of_this = samples::marts(&of_this, &strumento);
    let marts = Marts { items: of_this.items, low: of_this.low, ..samples::marts(&sheets, &strumento) };
    let figures = Protected::new(&marts, &strumento, &Start::default(), None).unwrap();
    let people: u32 = figures.groups().iter().map(|name| figures.of_group(name).people.unwrap()).sum();
    assert_eq!(people, 870);
    assert!(figures.has_ungrouped());
    assert!(figures.exposed().is_empty());
}

#[test]
fn the_page_says_of_a_group_what_holds_it_back() {
    let data = &samples::all()[0];
    let page = Comunita::new(&samples::viewer(), data, &Choices::default());
    let csv = page.file().csv();
    assert!(csv.contains("Gruppo A") && csv.contains("Rispetta gli orari?"), "{csv}");
    let shown = render(&page);
    assert!(shown.contains("Bisogni simili fanno ") && shown.contains(" gruppi: il più numeroso è "), "{shown}");
    assert!(shown.contains("Più di tutti alla domanda «") && shown.contains("Meno di tutti alla domanda «"), "{shown}");
}
