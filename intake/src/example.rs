//! Invented answers for trying a strumento out: one underlying ability, some scatter, some answers missing.

use domain::instrument::{Answer, Instrument, Missing};
use domain::scoring::Sheet;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A sheet of invented answers; the same seed gives the same sheet.
#[must_use]
pub fn sheet(instrument: &Instrument, seed: u64) -> Sheet {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    // In thousandths of the way from the least to the most favourable option.
    let ability: i32 = chance.random_range(250..850);
    instrument
        .items
        .iter()
        .map(|item| {
            let answer = if chance.random_ratio(1, 25) {
                item.missing.first().map_or(Answer::Missing(Missing::NotAnswered), |missing| Answer::Missing(*missing))
            } else {
                let here = (ability + chance.random_range(-300..=300)).clamp(0, 999);
                let place = usize::try_from(here).unwrap_or(0) * item.options.len() / 1000;
                Answer::Value(item.options[place].value)
            };
            (item.id.clone(), answer)
        })
        .collect()
}
