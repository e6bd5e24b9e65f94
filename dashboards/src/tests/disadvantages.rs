//! People of each disadvantage: what holds them back, and how they changed.

use std::collections::BTreeMap;

use super::render;
use crate::characteristic::Characteristic;
use crate::pages::Choices;
use crate::pages::bisogni::Bisogni;
use crate::pages::percorsi::Percorsi;
use crate::protect::{Protected, Start};
use crate::samples::{self, Sheet};

/// The last sheet of everybody, with all of theirs.
fn histories(sheets: &[Sheet]) -> Vec<Vec<&Sheet>> {
    let mut of: BTreeMap<u32, Vec<&Sheet>> = BTreeMap::new();
    sheets.iter().for_each(|sheet| of.entry(sheet.person).or_default().push(sheet));
    of.into_values().collect()
}

#[test]
fn what_is_shown_of_a_disadvantage_is_what_plain_counting_finds() {
    let strumento = samples::strumento();
    let sheets = samples::sheets(900, &strumento);
    let (marts, histories) = (samples::marts(&sheets, &strumento), histories(&sheets));
    let data = samples::data(&marts, strumento.clone()).unwrap();
    let (figures, of) = (&data.figures, Characteristic::Disadvantage);
    let mut shown = 0;
    for category in figures.categories(of) {
        let is_of = |sheet: &Sheet| sheet.categories[&of].contains(&category.as_str());
        // The patterns of the sample are one for each person, in the same order.
        let people: Vec<_> =
            histories.iter().zip(&marts.low).filter(|(history, _)| is_of(history.last().unwrap())).collect();
        let mut check = |part: crate::protect::Part, counted: usize, whole: usize| {
            let Some(people) = part.people else { return };
            assert!((5..=whole - 5).contains(&counted), "{category}: {counted} of {whole}");
            assert_eq!(usize::try_from(people).unwrap(), counted, "{category}");
            shown += 1;
        };
        for (place, item) in strumento.content.items.iter().enumerate() {
            let low = people.iter().filter(|(_, row)| row.pattern.as_bytes()[place] == b'1').count();
            check(figures.low_of_disadvantage(&category, &item.id), low, people.len());
        }
        let again: Vec<_> =
            people.iter().filter(|(history, _)| history.len() > 1).map(|(history, _)| history).collect();
        check(figures.again_of_disadvantage(&category), again.len(), people.len());
        for scale in &strumento.scales {
            let moved = |history: &[&Sheet]| history.last().unwrap().index_tenths - history[0].index_tenths;
            let is_valid = |sheet: &Sheet| sheet.outcomes.get(&scale.id).is_none_or(Option::is_some);
            let is_compared = |history: &[&Sheet]| is_valid(history[0]) && is_valid(history[history.len() - 1]);
            let improved = again.iter().filter(|history| is_compared(history) && moved(history) > 150).count();
            let worsened = again.iter().filter(|history| is_compared(history) && moved(history) < -150).count();
            let unchanged = again.len() - improved - worsened;
            for (change, counted) in [("improved", improved), ("worsened", worsened), ("unchanged", unchanged)] {
                check(figures.change_of_disadvantage(&category, &scale.id, change), counted, again.len());
            }
        }
    }
    assert!(shown > 100, "{shown}");
    assert!(figures.exposed().is_empty());
    let viewer = samples::viewer();
    let bisogni = Bisogni::new(&viewer, &data, &Choices::default());
    let percorsi = Percorsi::new(&viewer, &data, &Choices::default());
    assert!(render(&bisogni).contains("id=\"svantaggi\"") && bisogni.csv().contains("per svantaggio"));
    assert!(render(&percorsi).contains("id=\"grafico-svantaggi\"") && percorsi.csv().contains("per svantaggio"));
}

#[test]
fn people_who_are_not_those_of_the_tables_are_left_out() {
    let strumento = samples::strumento();
    let mut marts = samples::marts(&samples::sheets(300, &strumento), &strumento);
    let figures = |marts: &_| Protected::new(marts, &strumento, &Start::default(), None).unwrap();
    let has_some = |figures: &Protected| {
        let mut categories = figures.categories(Characteristic::Disadvantage).into_iter();
        categories.any(|category| figures.again_of_disadvantage(&category).people.is_some())
    };
    assert!(has_some(&figures(&marts)));
    marts.disadvantaged[0].people += 1;
    assert!(!has_some(&figures(&marts)));
    assert!(!figures(&marts).names_in(&crate::protect::item("orari")).is_empty());
}

#[test]
fn whoever_answered_another_version_is_not_among_those_who_were_asked() {
    let strumento = samples::strumento();
    let sheets = samples::sheets(900, &strumento);
    let mut marts = samples::marts(&sheets, &strumento);
    // Every fourth answered another version: their answers are not those of today's questions.
    let of_today: Vec<Sheet> = sheets.into_iter().filter(|sheet| sheet.person % 4 != 0).collect();
    let today = samples::marts(&of_today, &strumento);
    (marts.items, marts.low, marts.low_by_disadvantage) = (today.items, today.low, today.low_by_disadvantage);
    let figures = Protected::new(&marts, &strumento, &Start::default(), None).unwrap();
    let mut shown = 0;
    for category in figures.categories(Characteristic::Disadvantage) {
        let part = figures.low_of_disadvantage(&category, "orari");
        let rows = || marts.low_by_disadvantage.iter().filter(|row| row.category == category);
        let low: i64 = rows().filter(|row| row.pattern.starts_with('1')).map(|row| row.people).sum();
        let asked: i64 = rows().map(|row| row.people).sum();
        let Some((people, permille)) = part.people.zip(part.share_permille) else { continue };
        assert_eq!((i64::from(people), i64::from(permille)), (low, (low * 2_000 + asked) / (2 * asked)), "{category}");
        shown += 1;
    }
    assert!(shown > 3, "{shown}");
    assert!(figures.exposed().is_empty());
    // A question that some of today's were not asked: who of them were is not known by disadvantage.
    marts.items.retain(|row| row.item != "orari" || row.value != 3);
    let figures = Protected::new(&marts, &strumento, &Start::default(), None).unwrap();
    let shown = |item: &str| {
        let mut categories = figures.categories(Characteristic::Disadvantage).into_iter();
        categories.any(|category| figures.low_of_disadvantage(&category, item).people.is_some())
    };
    assert!(!shown("orari") && shown("mezzi"));
}
