//! Properties of scoring, on random small definitions and on the strumenti shipped.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::changes::Raise;
use super::*;

/// Points on the two scales, and whether it sets the block.
type SmallOption = (u8, u8, bool);

/// A definition of two scales with three levels, blocks and fixed items, drawn at random but always within the rules.
#[derive(Clone, Debug)]
struct Small {
    /// Per item: is it fixed, and its options.
    items: Vec<(bool, Vec<SmallOption>)>,
    thresholds: (u8, u8),
}

impl Small {
    fn toml(&self) -> String {
        let mut text = String::from(
            "format = 1\nid = \"s\"\nversion = 1\nstatus = \"non ufficiale\"\nlanguages = [\"it\"]\ntitle = \"S\"\n\
             description = \"S\"\nsource = \"S\"\nlicence = \"EUPL-1.2\"\n[[section]]\nid = \"s\"\ntitle = \"S\"\n",
        );
        for (index, (fixed, options)) in self.items.iter().enumerate() {
            let _ = write!(text, "[[section.item]]\nid = \"i{index}\"\ntext = \"I\"\nfixed = {fixed}\noptions = [");
            for (value, (a, b, block)) in options.iter().enumerate() {
                let blocks = if *block { "\"stop\"" } else { "" };
                let _ = write!(
                    text,
                    "{{ value = {value}, text = \"o\", points = {{ a = {a}, b = {b} }}, blocks = [{blocks}] }},"
                );
            }
            text.push_str("]\n");
        }
        // Two items that make every draw keep the rules: points for both scales, and an option that sets the block.
        text.push_str(
            "[[section.item]]\nid = \"both\"\ntext = \"I\"\noptions = [{ value = 0, text = \"o\", blocks = [\"stop\"] }, \
             { value = 1, text = \"o\", points = { a = 1, b = 1 } }]\n",
        );
        for scale in ["a", "b"] {
            let _ = write!(
                text,
                "[[scale]]\nid = \"{scale}\"\ntitle = \"S\"\ndescription = \"S\"\nminimum_percent = 1\n\
                 [[scale.level]]\nid = \"l0\"\ntitle = \"L\"\nfrom = 0\nparagraph = \"P\"\n\
                 [[scale.level]]\nid = \"l1\"\ntitle = \"L\"\nfrom = {}\nparagraph = \"P\"\n\
                 [[scale.level]]\nid = \"l2\"\ntitle = \"L\"\nfrom = {}\nparagraph = \"P\"\n",
                self.thresholds.0, self.thresholds.1
            );
        }
        text.push_str("[[block]]\nid = \"stop\"\ntitle = \"B\"\ntext = \"B\"\ncaps = { a = \"l0\", b = \"l1\" }\n");
        text
    }
}

fn small() -> impl Strategy<Value = Small> {
    let option = (0_u8..6, 0_u8..6, prop::bool::weighted(0.2));
    let item = (prop::bool::weighted(0.2), prop::collection::vec(option, 2..4));
    (prop::collection::vec(item, 1..5), (1_u8..60, 61_u8..=100))
        .prop_map(|(items, thresholds)| Small { items, thresholds })
}

/// A definition with a sheet on it; about one item in six is left blank.
fn small_with_sheet() -> impl Strategy<Value = (Instrument, Sheet)> {
    (small(), prop::collection::vec((0_usize..6, 0_usize..12), 8)).prop_map(|(small, draws)| {
        let instrument = Instrument::parse(&small.toml()).expect("drawn within the rules");
        let sheet = instrument
            .items
            .iter()
            .zip(draws)
            .filter(|(_, (blank, _))| *blank > 0)
            .map(|(item, (_, draw))| (item.id.clone(), Answer::Value(item.options[draw % item.options.len()].value)))
            .collect();
        (instrument, sheet)
    })
}

/// The fewest changes that raise the level, by trying every sheet with the same items answered.
fn fewest_by_brute_force(instrument: &Instrument, sheet: &Sheet, scale: usize, level: usize) -> Option<usize> {
    let answered: Vec<&Item> = instrument.items.iter().filter(|item| sheet.contains_key(&item.id)).collect();
    let mut fewest = None;
    let mut wheels = vec![0_usize; answered.len()];
    loop {
        let other: Sheet = answered
            .iter()
            .zip(&wheels)
            .map(|(item, wheel)| (item.id.clone(), Answer::Value(item.options[*wheel].value)))
            .collect();
        let changed: Vec<&&Item> = answered.iter().filter(|item| other[&item.id] != sheet[&item.id]).collect();
        let reaches = instrument.score(&other).unwrap().scales[scale].level.is_some_and(|scored| scored.level > level);
        if reaches && changed.iter().all(|item| !item.is_fixed) {
            fewest = Some(fewest.map_or(changed.len(), |fewest: usize| fewest.min(changed.len())));
        }
        let Some(at) = (0..wheels.len()).rev().find(|at| wheels[*at] + 1 < answered[*at].options.len()) else {
            return fewest;
        };
        wheels[at] += 1;
        wheels[at + 1..].fill(0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_set_of_changes_is_enough_and_the_fewest((instrument, sheet) in small_with_sheet(), scale in 0_usize..2) {
        let scored = instrument.score(&sheet).unwrap().scales[scale].level;
        match instrument.raise(&sheet, scale).unwrap() {
            Raise::NotScored => prop_assert!(scored.is_none()),
            Raise::Highest => prop_assert_eq!(scored.unwrap().level, 2),
            Raise::OutOfReach => {
                prop_assert_eq!(fewest_by_brute_force(&instrument, &sheet, scale, scored.unwrap().level), None);
            }
            Raise::Changes { to_level, changes } => {
                let mut raised = sheet.clone();
                for change in &changes {
                    let item = &instrument.items[change.item];
                    prop_assert!(!item.is_fixed);
                    prop_assert_eq!(raised.insert(item.id.clone(), Answer::Value(change.to)), Some(Answer::Value(change.from)));
                }
                prop_assert!(instrument.score(&raised).unwrap().scales[scale].level.unwrap().level >= to_level);
                let fewest = fewest_by_brute_force(&instrument, &sheet, scale, scored.unwrap().level);
                prop_assert_eq!(fewest, Some(changes.len()));
            }
        }
    }

    #[test]
    fn a_better_answer_never_lowers_a_scale((instrument, sheet) in small_with_sheet(), scale in 0_usize..2) {
        let before = instrument.score(&sheet).unwrap();
        for item in &instrument.items {
            let Some(Answer::Value(value)) = sheet.get(&item.id) else { continue };
            let now = item.option(*value).unwrap();
            for better in item.options.iter().filter(|option| option.points[scale] >= now.points[scale]) {
                let mut other = sheet.clone();
                other.insert(item.id.clone(), Answer::Value(better.value));
                let after = instrument.score(&other).unwrap();
                prop_assert!(after.scales[scale].points >= before.scales[scale].points);
                prop_assert_eq!(after.scales[scale].reachable, before.scales[scale].reachable);
                let levels = (before.scales[scale].level, after.scales[scale].level);
                if let (Some(before_level), Some(after_level)) = levels {
                    prop_assert!(after_level.level_of_index >= before_level.level_of_index);
                }
            }
        }
    }

    #[test]
    fn every_sheet_scores_or_is_refused_with_a_reason(
        which in 0_usize..2,
        answers in prop::collection::vec((0_usize..60, prop_oneof![(-1_i16..7).prop_map(Answer::Value), Just(Answer::Missing(Missing::NotAnswered)), Just(Answer::Missing(Missing::NotAssessable)), Just(Answer::Missing(Missing::Refused))]), 0..70),
    ) {
        let instrument = Instrument::parse(crate::shipped_for_tests()[which].1).unwrap();
        let sheet: Sheet = answers
            .into_iter()
            .map(|(index, answer)| {
                let id = instrument.items.get(index).map_or_else(|| Id::parse("no_such_item").unwrap(), |item| item.id.clone());
                (id, answer)
            })
            .collect();
        let foreign = sheet.iter().any(|(id, answer)| {
            instrument.item_index(id.as_str()).is_none_or(|index| {
                let item = &instrument.items[index];
                match answer {
                    Answer::Value(value) => item.option(*value).is_none(),
                    Answer::Missing(Missing::NotAnswered) => false,
                    Answer::Missing(missing) => !item.missing.contains(missing),
                }
            })
        });
        match instrument.score(&sheet) {
            Err(refusal) => {
                prop_assert!(foreign);
                prop_assert!(!refusal.to_string().is_empty());
            }
            Ok(scoring) => {
                prop_assert!(!foreign);
                prop_assert_eq!(scoring.scales.len(), instrument.scales.len());
                for (scale, score) in instrument.scales.iter().zip(&scoring.scales) {
                    prop_assert!(0 <= score.points && score.points <= score.reachable);
                    prop_assert!(score.reachable <= score.reachable_of_all);
                    prop_assert_eq!(score.points, score.contributions.iter().map(|given| given.points).sum::<i32>());
                    prop_assert_eq!(score.reachable, score.contributions.iter().map(|given| given.reachable).sum::<i32>());
                    prop_assert_eq!(score.level.is_some(), score.is_valid && !scale.levels.is_empty());
                }
                let all_valid = scoring.scales.iter().all(|score| score.level.is_some());
                prop_assert_eq!(scoring.profile.is_some(), instrument.profile.is_some() && all_valid);
            }
        }
    }
}

/// A sheet with the option at `place` (counted from the first) of every item.
fn uniform_sheet(instrument: &Instrument, place: impl Fn(&Item) -> usize) -> Sheet {
    instrument.items.iter().map(|item| (item.id.clone(), Answer::Value(item.options[place(item)].value))).collect()
}

#[test]
fn the_best_sheet_of_each_strumento_reaches_every_highest_level() {
    for (name, text) in crate::shipped_for_tests() {
        let instrument = Instrument::parse(text).unwrap();
        for scale in 0..instrument.scales.len() {
            let best = uniform_sheet(&instrument, |item| {
                (0..item.options.len())
                    .max_by_key(|at| {
                        (item.options[*at].points[scale], std::cmp::Reverse(item.options[*at].blocks.len()))
                    })
                    .unwrap_or(0)
            });
            let score = instrument.score(&best).unwrap().scales[scale].clone();
            assert_eq!(score.index_tenths(), Some(1_000), "{name}");
            assert_eq!(score.level.unwrap().level, instrument.scales[scale].levels.len() - 1, "{name}");
            assert_eq!(instrument.raise(&best, scale).unwrap(), Raise::Highest, "{name}");
        }
    }
}

#[test]
fn an_empty_sheet_has_no_valid_result() {
    for (name, text) in crate::shipped_for_tests() {
        let instrument = Instrument::parse(text).unwrap();
        let scoring = instrument.score(&Sheet::new()).unwrap();
        assert!(scoring.scales.iter().all(|score| !score.is_valid && score.level.is_none()), "{name}");
        assert_eq!(scoring.profile, None, "{name}");
        assert_eq!(instrument.raise(&Sheet::new(), 0).unwrap(), Raise::NotScored, "{name}");
    }
}

#[test]
fn the_shape_of_the_strumenti_shipped() {
    let [(_, asso), (_, isa)] = crate::shipped_for_tests();
    let asso = Instrument::parse(asso).unwrap();
    let isa = Instrument::parse(isa).unwrap();
    let sizes = |instrument: &Instrument| -> Vec<usize> {
        instrument.sections.iter().map(|section| section.items.len()).collect()
    };
    assert_eq!(sizes(&asso), [1, 3, 3, 3, 3, 3, 3, 2, 4]);
    assert_eq!(sizes(&isa), [10; 5]);
    assert!(asso.items.iter().all(|item| (3..=5).contains(&item.options.len())));
    assert!(isa.items.iter().all(|item| item.options.len() == 5));
    assert_eq!(asso.profile.unwrap().classes.len(), 5);
}

#[test]
fn a_result_is_valid_from_exactly_its_minimum() {
    let definition = |minimum: &str| {
        let item = |id: &str, points: i32| {
            format!(
                "[[section.item]]\nid = \"{id}\"\ntext = \"I\"\noptions = [{{ value = 0, text = \"o\" }}, \
                 {{ value = 1, text = \"o\", points = {{ a = {points} }} }}]\n"
            )
        };
        let text = format!(
            "format = 1\nid = \"s\"\nversion = 1\nstatus = \"non ufficiale\"\nlanguages = [\"it\"]\ntitle = \"S\"\n\
             description = \"S\"\nsource = \"S\"\nlicence = \"EUPL-1.2\"\n[[section]]\nid = \"s\"\ntitle = \"S\"\n{}{}\
             [[scale]]\nid = \"a\"\ntitle = \"S\"\ndescription = \"S\"\n{minimum}\n",
            item("heavy", 4),
            item("light", 1)
        );
        Instrument::parse(&text).unwrap()
    };
    // The heavy item alone is four fifths of the weight and one of two items.
    for (minimum, expected) in [
        ("minimum_percent = 80", true),
        ("minimum_percent = 81", false),
        ("minimum_items = 1", true),
        ("minimum_items = 2", false),
    ] {
        let sheet = Sheet::from([(Id::parse("heavy").unwrap(), Answer::Value(0))]);
        assert_eq!(definition(minimum).score(&sheet).unwrap().scales[0].is_valid, expected, "{minimum}");
    }
}

#[test]
fn a_shown_index_never_stands_at_a_threshold_not_reached() {
    let score = |points, reachable| ScaleScore {
        points,
        reachable,
        reachable_of_all: reachable,
        items_answered: 1,
        items: 1,
        is_valid: true,
        level: None,
        contributions: Vec::new(),
    };
    assert_eq!(score(50, 61).index_tenths(), Some(819), "81.967… is not 82");
    assert_eq!(score(8, 55).index_tenths(), Some(145), "14.545… is not 14.6");
    assert_eq!(score(1, 1).index_tenths(), Some(1_000));
    assert_eq!(score(0, 0).index_tenths(), None);
    for reachable in 1..200 {
        for points in 0..=reachable {
            let score = score(points, reachable);
            for threshold in 0..=100 {
                assert_eq!(
                    score.reaches(threshold),
                    score.index_tenths() >= Some(10 * threshold),
                    "{points}/{reachable}"
                );
            }
        }
    }
}

/// Items, values, points, thresholds and the results of a thousand sheets, as one digest: ASSO 1 and ISA 1 may gain
/// words, never another score. Taken when both were files of format 1.
#[test]
fn the_strumenti_shipped_score_as_they_always_did() {
    use rand::{RngExt as _, SeedableRng as _};
    use sha2::{Digest as _, Sha256};

    let digest_of = |text: &str| {
        let instrument = Instrument::parse(text).unwrap();
        let mut told = String::new();
        for item in &instrument.items {
            let _ = write!(told, "{} {} {:?};", item.id, item.is_fixed, item.missing);
            for option in &item.options {
                let _ = write!(told, "{} {:?} {:?};", option.value, option.points, option.blocks);
            }
        }
        for scale in &instrument.scales {
            let levels: Vec<(&str, i32)> = scale.levels.iter().map(|level| (level.id.as_str(), level.from)).collect();
            let _ = write!(told, "{} {:?} {levels:?};", scale.id, scale.minimum);
        }
        let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(147);
        for _ in 0..1_000 {
            let blank = chance.random_range(0..4_u32);
            let sheet: Sheet = instrument
                .items
                .iter()
                .filter_map(|item| {
                    let option = &item.options[chance.random_range(0..item.options.len())];
                    let is_blank = chance.random_range(0..10_u32) < blank;
                    (!is_blank).then(|| (item.id.clone(), Answer::Value(option.value)))
                })
                .collect();
            let scoring = instrument.score(&sheet).unwrap();
            for score in &scoring.scales {
                let level = score.level.map(|scored| (scored.level, scored.level_of_index));
                let _ = write!(told, "{} {} {} {level:?};", score.points, score.reachable, score.is_valid);
            }
            let _ = write!(told, "{:?} {:?};", scoring.blocks, scoring.profile);
        }
        hex::encode(Sha256::digest(told))
    };
    let digests = crate::shipped_for_tests().map(|(_, text)| digest_of(text));
    assert_eq!(
        digests,
        [
            "6977f09e1b411e8b47478938e2f93016c8bf491cb1738dd835343ac7c676e8dc",
            "e68e3085c0701ded5bfb988778644842765eff4f33908dc80be4a328633c8a52"
        ]
    );
}
