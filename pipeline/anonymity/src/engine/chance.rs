//! Chance that a seed decides: one stream of numbers for each purpose, and keyed ties.
//!
//! Streams are numbered by what they are for, never by thread, so the result does not depend on how work was shared.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::rules::Seed;

/// A stream of the seed.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: Seed, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::from_seed(seed.bytes());
        generator.set_stream(stream);
        Self(generator)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which is not 0. The bias is below one in four thousand million.
    #[inline]
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.0.next_u64()) * bound as u128;
        usize::try_from(wide >> 64).expect("less than the bound")
    }

    /// Above 0, at most 1.
    #[inline]
    pub(crate) fn fraction(&mut self) -> f64 {
        fraction(self.0.next_u64())
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

/// Above 0, at most 1, from 64 bits.
#[inline]
pub(crate) fn fraction(bits: u64) -> f64 {
    ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// A number that looks random to whoever has not the key. It only orders ties, so it need not withstand analysis of its
/// output, which nobody sees.
pub(crate) fn mix(key: u64, value: u64) -> u64 {
    let mut mixed = key ^ value.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
