//! From a sheet of answers to points, levels, blocks, profile and what each answer contributed.
//!
//! Whole numbers only, so that a score is the same bit for bit on every machine and years later. `changes` finds the
//! fewest answers that would have to change for a higher level, `change` tells a change over time from noise.

pub mod change;
pub mod changes;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::instrument::{Answer, Id, Instrument, Item, Minimum, Missing, Scale};

/// The answers of one assessment, by item. An item that is absent was not answered.
pub type Sheet = BTreeMap<Id, Answer>;

/// Why a sheet cannot be scored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An answer to an item that the strumento has not.
    #[error("item {item} is not in this strumento")]
    UnknownItem {
        /// The id given.
        item: Id,
    },
    /// A value that none of the item's options has.
    #[error("item {item} has no option with the value {value}")]
    UnknownValue {
        /// The item.
        item: Id,
        /// The value given.
        value: i16,
    },
    /// A kind of missing that the form does not offer for the item.
    #[error("item {item} cannot be marked as {missing:?}")]
    MissingNotOffered {
        /// The item.
        item: Id,
        /// The kind given.
        missing: Missing,
    },
}

/// The whole result of a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoring {
    /// One per scale, in the strumento's order.
    pub scales: Vec<ScaleScore>,
    /// Indices of the strumento's blocks that hold, rising, each with the items whose answers set it.
    pub blocks: BTreeMap<usize, Vec<usize>>,
    /// Index of the profile's class; `None` without a profile or when one of its scales has no valid result.
    pub profile: Option<usize>,
}

/// The result on one scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleScore {
    /// Points given by the answers.
    pub points: i32,
    /// The most points that the answered items can give.
    pub reachable: i32,
    /// The most points that all items can give.
    pub reachable_of_all: i32,
    /// Items of the scale that are answered.
    pub items_answered: usize,
    /// Items of the scale.
    pub items: usize,
    /// Whether enough is answered.
    pub is_valid: bool,
    /// Where the index stands; `None` when the result is not valid or the scale has no levels.
    pub level: Option<ScoredLevel>,
    /// What each answer gave, in the form's order.
    pub contributions: Vec<Contribution>,
}

impl ScaleScore {
    /// 100 × points ÷ reachable in tenths, for showing; decisions use the two whole numbers. Rounded down, so that an
    /// index on a page never stands at a threshold that it has not reached.
    #[must_use]
    pub fn index_tenths(&self) -> Option<i32> {
        if self.reachable == 0 {
            return None;
        }
        i32::try_from(1_000 * i64::from(self.points) / i64::from(self.reachable)).ok()
    }

    /// Whether the index is at least `threshold` whole points.
    #[must_use]
    pub fn reaches(&self, threshold: i32) -> bool {
        100 * i64::from(self.points) >= i64::from(threshold) * i64::from(self.reachable)
    }
}

/// A level with the way it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoredLevel {
    /// The level that counts: an index in [`Scale::levels`].
    pub level: usize,
    /// The level of the index alone, before blocks.
    pub level_of_index: usize,
}

impl ScoredLevel {
    /// Whether a block lowered it.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        self.level.cmp(&self.level_of_index) == Ordering::Less
    }
}

/// What one answered item gave to a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Index in [`Instrument::items`].
    pub item: usize,
    /// Points given.
    pub points: i32,
    /// The most that the item can give.
    pub reachable: i32,
}

impl Instrument {
    /// Scores a sheet.
    ///
    /// Too few answers are a result (scales that are not valid), not a refusal.
    ///
    /// # Errors
    /// The first answer, in the order of item ids, that does not belong to this strumento.
    pub fn score(&self, sheet: &Sheet) -> Result<Scoring, Refusal> {
        Ok(self.score_chosen(&self.chosen_options(sheet)?))
    }

    /// Scores the options chosen: per item, in the strumento's order, the index of one.
    ///
    /// # Panics
    /// When there are more or fewer than the strumento has items, or an option that the item has not.
    #[must_use]
    pub fn score_chosen(&self, chosen: &[Option<usize>]) -> Scoring {
        assert_eq!(chosen.len(), self.items.len(), "one choice per item");
        let mut blocks: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (item, option) in chosen.iter().enumerate().filter_map(|(item, option)| Some((item, (*option)?))) {
            for block in &self.items[item].options[option].blocks {
                blocks.entry(*block).or_default().push(item);
            }
        }
        let scales: Vec<ScaleScore> =
            (0..self.scales.len()).map(|scale| self.score_scale(scale, chosen, blocks.keys().copied())).collect();
        let profile = self.profile.as_ref().and_then(|profile| {
            let levels: Option<Vec<usize>> =
                profile.scales.iter().map(|scale| scales[*scale].level.map(|scored| scored.level)).collect();
            profile.class_of(&levels?)
        });
        Scoring { scales, blocks, profile }
    }

    /// Index of the option chosen, by index of the item.
    fn chosen_options(&self, sheet: &Sheet) -> Result<Vec<Option<usize>>, Refusal> {
        let mut chosen = vec![None; self.items.len()];
        for (id, answer) in sheet {
            let index = self.item_index(id.as_str()).ok_or_else(|| Refusal::UnknownItem { item: id.clone() })?;
            let item: &Item = &self.items[index];
            match *answer {
                Answer::Value(value) => {
                    let option = item
                        .options
                        .iter()
                        .position(|option| option.value == value)
                        .ok_or_else(|| Refusal::UnknownValue { item: id.clone(), value })?;
                    chosen[index] = Some(option);
                }
                Answer::Missing(Missing::NotAnswered) => {}
                Answer::Missing(missing) if item.missing.contains(&missing) => {}
                Answer::Missing(missing) => {
                    return Err(Refusal::MissingNotOffered { item: id.clone(), missing });
                }
            }
        }
        Ok(chosen)
    }

    fn score_scale(&self, index: usize, chosen: &[Option<usize>], blocks: impl Iterator<Item = usize>) -> ScaleScore {
        let scale: &Scale = &self.scales[index];
        let mut score = ScaleScore {
            points: 0,
            reachable: 0,
            reachable_of_all: 0,
            items_answered: 0,
            items: 0,
            is_valid: false,
            level: None,
            contributions: Vec::new(),
        };
        for (at, item) in self.items.iter().enumerate() {
            let reachable = item.weight(index);
            if reachable == 0 {
                continue;
            }
            score.items += 1;
            score.reachable_of_all += reachable;
            if let Some(option) = chosen[at] {
                let points = item.options[option].points[index];
                score.items_answered += 1;
                score.points += points;
                score.reachable += reachable;
                score.contributions.push(Contribution { item: at, points, reachable });
            }
        }
        score.is_valid = score.reachable > 0
            && match scale.minimum {
                Minimum::WeightPercent(percent) => {
                    100 * i64::from(score.reachable) >= i64::from(percent) * i64::from(score.reachable_of_all)
                }
                Minimum::Items(minimum) => score.items_answered >= minimum,
            };
        if score.is_valid && !scale.levels.is_empty() {
            let level_of_index = scale.levels.iter().rposition(|level| score.reaches(level.from)).unwrap_or(0);
            let cap = blocks.filter_map(|block| self.blocks[block].caps.get(&index).copied()).min();
            score.level =
                Some(ScoredLevel { level: cap.map_or(level_of_index, |cap| cap.min(level_of_index)), level_of_index });
        }
        score
    }
}

#[cfg(test)]
mod tests;
