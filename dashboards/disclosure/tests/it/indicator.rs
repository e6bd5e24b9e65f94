//! What one has or not, by characteristics: against linear programming, and against an attacker who tries all ways there are.

use disclosure::{IndicatorError, IndicatorTable, ProtectedIndicator, Reason, Threshold};
use proptest::prelude::*;

use crate::chance::Chance;

/// Somebody: a category along each characteristic, and whether they have it.
type Person = (Vec<usize>, bool);

fn people(count: usize, categories: &[usize], share: usize, chance: &mut Chance) -> Vec<Person> {
    let anybody = |_| {
        let of: Vec<usize> = categories.iter().map(|&most| chance.uneven(most)).collect();
        // Those of the first categories have it more often.
        let has = chance.below(100) < share + if of[0] == 0 { share / 2 } else { 0 };
        (of, has)
    };
    (0..count).map(anybody).collect()
}

fn table(categories: &[usize], people: &[Person]) -> IndicatorTable {
    let mut table = IndicatorTable::new(categories);
    for (of, has) in people {
        table.add(of, u32::from(*has), u32::from(!has)).unwrap();
    }
    table
}

/// How many categories there are, and how many of them are hidden.
fn size(protected: &ProtectedIndicator, categories: &[usize]) -> (usize, usize) {
    let each = categories.iter().enumerate().flat_map(|(of, &most)| (0..most).map(move |one| (of, one)));
    let hidden = each.clone().filter(|&(of, one)| protected.count(of, one).unwrap().reason().is_some());
    (each.count(), hidden.count())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_small_is_shown_and_linear_programming_finds_nothing(
        count in 40_usize..160,
        share in 5_usize..60,
        seed in any::<u64>(),
    ) {
        let categories = [3, 2, 4];
        let people = people(count, &categories, share, &mut Chance(seed));
        match table(&categories, &people).protect(Threshold::default()) {
            Ok(protected) => {
                prop_assert_eq!(protected.exposed().unwrap(), Vec::<String>::new());
                let published = protected.published();
                for (of, one) in categories.iter().enumerate().flat_map(|(of, &most)| (0..most).map(move |one| (of, one))) {
                    let those = || people.iter().filter(move |(categories, _)| categories[of] == one);
                    let with = those().filter(|(_, has)| *has).count();
                    let without = those().count() - with;
                    match published.count(of, one).value() {
                        Some(shown) => {
                            prop_assert_eq!(usize::try_from(shown).unwrap(), with);
                            prop_assert!(with >= 5 && without >= 5);
                            prop_assert!(published.share(of, one).value().is_some());
                        }
                        None => prop_assert!(published.share(of, one).value().is_none()),
                    }
                }
            }
            Err(error) => prop_assert_eq!(error, IndicatorError::Unprotectable),
        }
    }
}

/// All ways in which people of these kinds can have it: how many of each kind.
fn ways(sizes: &[u32]) -> impl Iterator<Item = Vec<u32>> + '_ {
    let radix = |size: &u32| usize::try_from(size + 1).unwrap();
    (0..sizes.iter().map(radix).product::<usize>()).map(move |mut number| {
        let digits = sizes.iter().map(|size| {
            let digit = number % radix(size);
            number /= radix(size);
            u32::try_from(digit).unwrap()
        });
        digits.collect()
    })
}

/// People alike in both characteristics are told apart by nothing, so trying how many of each kind have it is trying all ways there are.
#[test]
fn whoever_knows_everybody_and_tries_all_ways_finds_nobody_out() {
    let (mut told, mut sensitive, mut complementary) = (0, 0, 0);
    for seed in 0..14 {
        let categories = [2, 3];
        let people = people(64, &categories, 30, &mut Chance(seed * 977 + 5));
        let Ok(protected) = table(&categories, &people).protect(Threshold::default()) else { continue };
        let kinds: Vec<(usize, usize)> = (0..2).flat_map(|row| (0..3).map(move |column| (row, column))).collect();
        let count = |kind: &(usize, usize), has: bool| {
            let of = people.iter().filter(|(of, with)| of[..] == [kind.0, kind.1] && (*with || !has));
            u32::try_from(of.count()).unwrap()
        };
        let sizes: Vec<u32> = kinds.iter().map(|kind| count(kind, false)).collect();
        let truth: Vec<u32> = kinds.iter().map(|kind| count(kind, true)).collect();
        let members = |of: usize, one: usize| -> Vec<usize> {
            let is_there = |&kind: &usize| if of == 0 { kinds[kind].0 == one } else { kinds[kind].1 == one };
            (0..kinds.len()).filter(is_there).collect()
        };
        let of = |way: &[u32], cell: &[usize]| cell.iter().map(|&kind| way[kind]).sum::<u32>();
        let mut cells: Vec<Vec<usize>> = (0..kinds.len()).map(|kind| vec![kind]).collect();
        let mut shown = vec![((0..kinds.len()).collect(), truth.iter().sum())];
        for (characteristic, one) in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)] {
            cells.push(members(characteristic, one));
            let decision = protected.count(characteristic, one).unwrap();
            complementary += usize::from(decision.reason() == Some(Reason::Complementary));
            if let Some(with) = decision.published().value() {
                shown.push((members(characteristic, one), with));
            }
        }
        let mut found = vec![(u32::MAX, 0); cells.len()];
        for way in ways(&sizes).filter(|way| shown.iter().all(|(cell, with)| of(way, cell) == *with)) {
            for (cell, (least, most)) in cells.iter().zip(&mut found) {
                *least = of(&way, cell).min(*least);
                *most = of(&way, cell).max(*most);
            }
        }
        for (cell, (least, most)) in cells.iter().zip(found) {
            let (people, with) = (of(&sizes, cell), of(&truth, cell));
            let enough = people.min(5);
            if people > 0 && with < 5 {
                assert!(least == 0 && most >= enough, "seed {seed}: {least} to {most} of {people}");
                sensitive += 1;
            }
            if people > 0 && people - with < 5 {
                assert!(most == people && least <= people - enough, "seed {seed}: {least} to {most} of {people}");
                sensitive += 1;
            }
        }
        told += shown.len() - 1;
    }
    assert!(told > 10 && sensitive > 30 && complementary > 5, "{told} {sensitive} {complementary}");
}

#[test]
fn of_many_people_nearly_everything_is_shown() {
    let categories = [6, 2, 4, 3, 5];
    let people = people(3_000, &categories, 40, &mut Chance(7));
    let protected = table(&categories, &people).protect(Threshold::default()).unwrap();
    let (all, hidden) = size(&protected, &categories);
    assert!(all == 20 && hidden <= 3, "{hidden}");
}

#[test]
fn what_readers_are_not_told_of_is_never_shown_and_what_was_shown_stays_so() {
    let categories = [4, 2, 3, 5];
    let each: Vec<(usize, usize)> =
        categories.iter().enumerate().flat_map(|(of, &most)| (0..most).map(move |one| (of, one))).collect();
    let mut kept = 0;
    for seed in 0..12 {
        let people = people(260, &categories, 20, &mut Chance(seed));
        let free = table(&categories, &people).protect(Threshold::default()).unwrap();
        let of_reason = |wanted: Option<Reason>| {
            let is_so = |&&(of, one): &&(usize, usize)| free.count(of, one).unwrap().reason() == wanted;
            each.iter().filter(is_so).copied().collect::<Vec<_>>()
        };
        let with = |change: &dyn Fn(&mut IndicatorTable)| {
            let mut table = table(&categories, &people);
            change(&mut table);
            table.protect(Threshold::default()).map(|table| table.published())
        };
        for &(of, one) in of_reason(None).iter().take(2) {
            let withheld = with(&|table| table.withhold(of, one).unwrap()).unwrap();
            let hidden = with(&|table| table.seen_before(of, one, false).unwrap()).unwrap();
            assert_eq!((withheld.count(of, one).value(), hidden.count(of, one).value()), (None, None));
        }
        for &(of, one) in of_reason(Some(Reason::Complementary)).iter().take(2) {
            if let Ok(again) = with(&|table| table.seen_before(of, one, true).unwrap()) {
                assert!(again.count(of, one).value().is_some());
                kept += 1;
            }
        }
    }
    assert!(kept > 5, "{kept}");
}

#[test]
fn what_cannot_be_told_of_at_all_is_refused() {
    let categories = [2, 2];
    let few: Vec<Person> = (0..40).map(|number| (vec![number % 2, number / 2 % 2], number < 4)).collect();
    assert_eq!(table(&categories, &few).protect(Threshold::default()).err(), Some(IndicatorError::Unprotectable));
    let mut table = IndicatorTable::new(&categories);
    let unknown = IndicatorError::Unknown { characteristic: 1, category: 2 };
    assert_eq!(table.add(&[0, 2], 1, 0), Err(unknown));
    assert_eq!(table.withhold(2, 0), Err(IndicatorError::Unknown { characteristic: 2, category: 0 }));
    assert_eq!(table.add(&[0], 1, 0), Err(IndicatorError::Incomplete { given: 1, wanted: 2 }));
}
