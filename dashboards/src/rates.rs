//! Rates of places of different size and age, so that small ones are not called extreme: what is expected by age, how far
//! chance alone goes, and what is borrowed from all the others.

use statrs::distribution::{ContinuousCDF, DiscreteCDF, Gamma, Poisson};

/// A place: people counted there, and how many were to be expected had it the rates of the whole at each age.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) observed: u32,
    pub(crate) expected: f64,
}

/// A figure with the interval at 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Estimate {
    /// All three by a factor.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, low: self.low * factor, high: self.high * factor }
    }
}

impl Place {
    /// Observed over expected (indirect standardisation). The interval is Garwood's (1936) for a count by chance, exact.
    pub(crate) fn ratio(self) -> Option<Estimate> {
        if self.expected <= 0.0 {
            return None;
        }
        let count = f64::from(self.observed);
        let low = if self.observed == 0 { 0.0 } else { quantile(count, 1.0, 0.025)? };
        let high = quantile(count + 1.0, 1.0, 0.975)?;
        Some(Estimate { value: count, low, high }.times(1.0 / self.expected))
    }
}

fn quantile(shape: f64, rate: f64, at: f64) -> Option<f64> {
    Some(Gamma::new(shape, rate).ok()?.inverse_cdf(at))
}

/// Between which ratios a place of this size stays 95 or 99.8 times of a hundred if it is like the whole: the limits of a funnel
/// plot (Spiegelhalter 2005, between whole counts by interpolation). `outside` is the share beyond them on one side.
pub(crate) fn funnel_limits(expected: f64, outside: f64) -> Option<(f64, f64)> {
    let poisson = Poisson::new(expected).ok()?;
    let limit = |at: f64| {
        let count = poisson.inverse_cdf(at);
        let (until, before) = (poisson.cdf(count), count.checked_sub(1).map_or(0.0, |less| poisson.cdf(less)));
        let back = if until > before { (until - at) / (until - before) } else { 0.0 };
        (real(count) - back).max(0.0) / expected
    };
    Some((limit(outside), limit(1.0 - outside)))
}

#[expect(clippy::cast_precision_loss, reason = "counts of people stay far under 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}

/// What a place borrows from the others: their ratios are taken for draws of one gamma distribution, fitted to them by moments
/// (Marshall 1991), and each place's own count moves it from there (Clayton and Kaldor 1987).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shrinkage {
    /// The ratio of all places together.
    mean: f64,
    /// How much the true ratios differ; zero when chance explains all of it.
    variance: f64,
}

impl Shrinkage {
    /// Of these places; none where there are fewer than three to learn from.
    pub(crate) fn of(places: &[Place]) -> Option<Self> {
        let places: Vec<&Place> = places.iter().filter(|place| place.expected > 0.0).collect();
        if places.len() < 3 {
            return None;
        }
        let expected: f64 = places.iter().map(|place| place.expected).sum();
        let mean = places.iter().map(|place| f64::from(place.observed)).sum::<f64>() / expected;
        let spread = |place: &&Place| place.expected * (f64::from(place.observed) / place.expected - mean).powi(2);
        let spread = places.iter().map(spread).sum::<f64>() / expected;
        let average = expected / f64::from(u32::try_from(places.len()).ok()?);
        (mean > 0.0).then_some(Self { mean, variance: (spread - mean / average).max(0.0) })
    }

    /// The smoothed ratio of a place, with the interval at 95 % of its distribution after its count is known.
    pub(crate) fn smoothed(self, place: Place) -> Option<Estimate> {
        if self.variance <= 0.0 {
            return Some(Estimate { value: self.mean, low: self.mean, high: self.mean });
        }
        let (shape, rate) = (self.mean * self.mean / self.variance, self.mean / self.variance);
        let (shape, rate) = (shape + f64::from(place.observed), rate + place.expected);
        Some(Estimate { value: shape / rate, low: quantile(shape, rate, 0.025)?, high: quantile(shape, rate, 0.975)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() < within, "{found} is not {wanted}");
    }

    #[test]
    fn the_interval_of_a_count_is_as_tabulated() {
        // Garwood's limits, as in Ulm (1990), American Journal of Epidemiology 131, table 1.
        for (observed, low, high) in [(0, 0.0, 3.689), (1, 0.025, 5.572), (5, 1.623, 11.668), (20, 12.217, 30.888)] {
            let found = Place { observed, expected: 1.0 }.ratio().unwrap();
            near(found.low, low, 0.001);
            near(found.high, high, 0.001);
        }
        assert_eq!(Place { observed: 3, expected: 0.0 }.ratio(), None);
    }

    #[test]
    fn a_funnel_narrows_and_holds_as_many_as_it_says() {
        let (low, high) = funnel_limits(100.0, 0.025).unwrap();
        near(low, 0.80, 0.02);
        near(high, 1.20, 0.02);
        let (wide_low, wide_high) = funnel_limits(100.0, 0.001).unwrap();
        assert!(wide_low < low && high < wide_high);
        let (small_low, small_high) = funnel_limits(4.0, 0.025).unwrap();
        assert!(small_low < low && small_high > high);
    }

    #[test]
    fn small_places_move_towards_all_and_large_ones_stay() {
        let places = [
            Place { observed: 2, expected: 1.0 },
            Place { observed: 150, expected: 100.0 },
            Place { observed: 60, expected: 100.0 },
            Place { observed: 95, expected: 100.0 },
        ];
        let shrinkage = Shrinkage::of(&places).unwrap();
        let small = shrinkage.smoothed(places[0]).unwrap();
        let large = shrinkage.smoothed(places[1]).unwrap();
        assert!(small.value < 1.4 && small.value > 1.0, "{small:?}");
        assert!(large.value > 1.35 && large.value < 1.5, "{large:?}");
        assert!(small.high - small.low > large.high - large.low);
        // Where chance explains all, nobody differs.
        let alike = [10, 11, 9, 10].map(|observed| Place { observed, expected: 10.0 });
        let shrinkage = Shrinkage::of(&alike).unwrap();
        near(shrinkage.smoothed(alike[1]).unwrap().value, 1.0, 0.001);
        assert_eq!(Shrinkage::of(&alike[..2]), None);
    }
}
