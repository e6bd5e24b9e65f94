//! Random worlds, random people, and an attacker who tries every explanation.

use disclosure::{AllPeriods, Threshold};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::people::{Ask, Seen};
use crate::worlds::{Axis, Kind, Person, World, ring, shapes};

/// A world and its people: a few favourite types, so that cells are uneven, and some of any type.
fn populated(shape: usize) -> impl Strategy<Value = (World, Vec<Person>)> {
    prop::collection::vec((any::<Index>(), 1_usize..10), 0..8).prop_map(move |draws| {
        let world = shapes().swap_remove(shape);
        let types = world.types();
        let people =
            draws.iter().flat_map(|(index, count)| std::iter::repeat_n(index.get(&types).clone(), *count)).collect();
        (world, people)
    })
}

/// What a reader with all the time in the world could say against the promise.
fn complaints(world: &World, people: &[Person], threshold: Threshold) -> Vec<String> {
    let protected = world.protect(people, threshold, false).unwrap();
    let types = world.types();
    let enough = threshold.people();
    let mut complaints = Vec::new();
    let mut seen = Seen { cells: Vec::new(), types: types.len() };
    let mut small = Vec::new();
    for cell in world.cells() {
        let truth = u32::try_from(people.iter().filter(|person| world.counts(person, &cell)).count()).unwrap();
        match protected.shown(&cell) {
            Some(shown) => {
                if shown != truth || shown < enough {
                    complaints.push(format!("{cell:?} shows {shown} for {truth}"));
                }
                seen.cells.push((world.types_in(&types, &cell), shown));
            }
            None if truth < enough => small.push(cell),
            None => {}
        }
    }
    for cell in small {
        let counted = world.types_in(&types, &cell);
        for ask in [Ask::Nobody, Ask::AtLeast(enough)] {
            if !seen.allows(&counted, ask) {
                complaints.push(format!("{cell:?} cannot be {ask:?}"));
            }
        }
    }
    complaints
}

/// The cases of a shape: fewer where there are so many types of people that trying them takes long.
fn cases(world: &World) -> u32 {
    match world.types().len() {
        0..40 => 200,
        40..100 => 25,
        _ => 10,
    }
}

#[test]
fn no_small_count_can_be_computed_or_narrowed_down() {
    for (shape, world) in shapes().iter().enumerate() {
        let config = Config { cases: cases(world), failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let holds = |(world, people): (World, Vec<Person>)| {
            prop_assert_eq!(complaints(&world, &people, Threshold::default()), Vec::<String>::new());
            Ok(())
        };
        runner.run(&populated(shape), holds).unwrap_or_else(|found| panic!("shape {shape}: {found}"));
    }
}

#[test]
fn the_order_of_description_does_not_matter() {
    for (shape, world) in shapes().iter().enumerate() {
        let config = Config { cases: 15, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let same = |(world, people): (World, Vec<Person>)| {
            let [forth, back] =
                [false, true].map(|turned| world.protect(&people, Threshold::default(), turned).unwrap());
            for cell in world.cells() {
                prop_assert_eq!(forth.shown(&cell), back.shown(&cell), "{:?}", cell);
            }
            Ok(())
        };
        runner.run(&populated(shape), same).unwrap_or_else(|found| panic!("{world:?}: {found}"));
    }
}

/// Larger sets, by linear programming: what a reader can compute without trying everything.
#[test]
fn no_interval_of_a_larger_set_is_too_narrow() {
    let kind = |kind, categories, changing| Axis { kind, categories, changing };
    let world = World {
        axes: vec![
            kind(Kind::Exclusive, 4, true),
            kind(Kind::Multiple, 2, true),
            kind(Kind::Apart, 4, true),
            kind(Kind::Exclusive, 2, false),
            kind(Kind::Exclusive, 3, true),
        ],
        periods: Some((3, AllPeriods::Latest)),
        tables: vec![vec![0, 4], vec![1, 4], vec![2, 4], vec![3, 4]],
        background: false,
    };
    for (people, seed) in [(30, 1), (120, 2), (500, 3)] {
        let people = world.draw(people, seed);
        let protected = world.protect(&people, Threshold::default(), false).unwrap();
        assert_eq!(protected.tables.exposed().unwrap(), Vec::<String>::new());
        assert!(protected.tables.report().count() > 0, "nothing to attack");
    }
}

/// Tables in a ring, each sharing an axis with the next, as characteristics × ambiti are. Relations between cells do not
/// say all there is to know of a ring (see `TableSet::background`), so this holds for what was tried and is no proof.
#[test]
fn a_ring_of_tables_gives_nothing_away_either() {
    let axis = |categories| Axis { kind: Kind::Exclusive, categories, changing: false };
    let of_four = World {
        axes: [2, 2, 3, 2].map(axis).to_vec(),
        periods: None,
        tables: vec![vec![0, 2], vec![0, 3], vec![1, 2], vec![1, 3]],
        background: false,
    };
    for world in [ring(), of_four] {
        for seed in 1..40 {
            let people = world.draw(20 + usize::try_from(seed).unwrap(), seed);
            assert_eq!(complaints(&world, &people, Threshold::default()), Vec::<String>::new(), "seed {seed}");
        }
    }
}
