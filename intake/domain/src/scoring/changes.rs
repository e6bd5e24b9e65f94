//! The fewest answers whose change would raise a level.
//!
//! Only answers that were given and that something can change (items that are not fixed) are proposed: "become
//! younger" and "answer what you left blank" are no advice. So the reachable points stay, items are independent, and
//! the minimum is exact: every answer that sets a block in the way must change, and of the others those that gain most.

use super::{Refusal, Sheet};
use crate::instrument::Instrument;

/// What it would take to come to a higher level of a scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raise {
    /// The scale has no levels, or its result is not valid.
    NotScored,
    /// There is no higher level.
    Highest,
    /// No change of the answers given is enough.
    OutOfReach,
    /// The fewest changes, in the form's order, that lead to the level above.
    Changes {
        /// Index of the level above the present one.
        to_level: usize,
        /// What would change.
        changes: Vec<AnswerChange>,
    },
}

/// One answer that would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerChange {
    /// Index in [`Instrument::items`].
    pub item: usize,
    /// Value of the option chosen.
    pub from: i16,
    /// Value of the option that would be needed.
    pub to: i16,
}

/// An option that would do, by what it adds to the points on the scale.
#[derive(Clone, Copy)]
struct Candidate {
    option: usize,
    gain: i32,
}

impl Instrument {
    /// The fewest answers whose change would raise the level of a scale (its index) by at least one.
    ///
    /// Among sets of the same size: the items that gain most, then the first of the form; of each item, the smallest
    /// gain that is still enough.
    ///
    /// # Errors
    /// As [`Instrument::score`].
    pub fn raise(&self, sheet: &Sheet, scale: usize) -> Result<Raise, Refusal> {
        let scoring = self.score(sheet)?;
        let score = &scoring.scales[scale];
        let Some(scored) = score.level else { return Ok(Raise::NotScored) };
        let to_level = scored.level + 1;
        let Some(level) = self.scales[scale].levels.get(to_level) else { return Ok(Raise::Highest) };

        // Points that are missing: the least gain g with 100·(points + g) ≥ from·reachable.
        let needed = i64::from(level.from) * i64::from(score.reachable);
        let short = (needed - 100 * i64::from(score.points)).div_euclid(100)
            + i64::from((needed - 100 * i64::from(score.points)).rem_euclid(100) > 0);

        let chosen = self.chosen_options(sheet)?;
        let mut must: Vec<(usize, usize, Vec<Candidate>)> = Vec::new();
        let mut may: Vec<(usize, usize, Vec<Candidate>)> = Vec::new();
        for (item, option) in chosen.iter().enumerate() {
            let Some(option) = *option else { continue };
            let stands_in_the_way = self.caps_below(item, option, scale, to_level);
            let candidates = self.candidates(item, option, scale, to_level);
            if stands_in_the_way {
                if candidates.is_empty() {
                    return Ok(Raise::OutOfReach);
                }
                must.push((item, option, candidates));
            } else if candidates.first().is_some_and(|best| best.gain > 0) {
                may.push((item, option, candidates));
            }
        }
        may.sort_by_key(|(item, _, candidates)| (-candidates[0].gain, *item));

        let mut gained: i64 = must.iter().map(|(_, _, candidates)| i64::from(candidates[0].gain)).sum();
        let mut taken = must;
        let mut others = may.into_iter();
        while gained < short {
            let Some((item, option, candidates)) = others.next() else { return Ok(Raise::OutOfReach) };
            gained += i64::from(candidates[0].gain);
            taken.push((item, option, candidates));
        }
        let changes = self.least_gains(&taken, gained - short);
        Ok(Raise::Changes { to_level, changes })
    }

    /// Whether choosing this option caps the scale below the level.
    fn caps_below(&self, item: usize, option: usize, scale: usize, level: usize) -> bool {
        let blocks = &self.items[item].options[option].blocks;
        blocks.iter().any(|block| self.blocks[*block].caps.get(&scale).is_some_and(|cap| *cap < level))
    }

    /// Other options of the item that cap nothing below the level, from the largest gain, then the first.
    fn candidates(&self, item: usize, chosen: usize, scale: usize, level: usize) -> Vec<Candidate> {
        let this = &self.items[item];
        if this.is_fixed {
            return Vec::new();
        }
        let points_now = this.options[chosen].points[scale];
        let mut candidates: Vec<Candidate> = (0..this.options.len())
            .filter(|option| *option != chosen && !self.caps_below(item, *option, scale, level))
            .map(|option| Candidate { option, gain: this.options[option].points[scale] - points_now })
            .collect();
        candidates.sort_by_key(|candidate| (-candidate.gain, candidate.option));
        candidates
    }

    /// Of each item, with the option chosen, the smallest gain that the surplus allows, the items that gain least first.
    fn least_gains(&self, taken: &[(usize, usize, Vec<Candidate>)], mut surplus: i64) -> Vec<AnswerChange> {
        let mut changes = Vec::new();
        for (item, chosen, candidates) in taken.iter().rev() {
            let best = candidates[0];
            let least = candidates
                .iter()
                .filter(|candidate| i64::from(best.gain - candidate.gain) <= surplus)
                .min_by_key(|candidate| (candidate.gain, candidate.option))
                .copied()
                .unwrap_or(best);
            surplus -= i64::from(best.gain - least.gain);
            let options = &self.items[*item].options;
            changes.push(AnswerChange { item: *item, from: options[*chosen].value, to: options[least.option].value });
        }
        changes.sort_by_key(|change| change.item);
        changes
    }
}
