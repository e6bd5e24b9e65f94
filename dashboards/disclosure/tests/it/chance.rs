//! A small generator of numbers, for people who are the same every time.

pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    /// Small numbers are more frequent.
    pub(crate) fn uneven(&mut self, most: usize) -> usize {
        self.below(most).min(self.below(most))
    }
}
