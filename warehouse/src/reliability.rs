//! How precisely a scale measures: alpha, omega and their intervals, from whole-number sums over people.
//!
//! Pure, and the same on every machine: sums are whole numbers, so that the order of people does not matter; what follows uses
//! only the operations that IEEE 754 fixes to the last bit, in a fixed order. Where a figure cannot be had it is absent.

/// Below this many people nothing is said but alpha: the rest would be chance.
pub(crate) const CASES_MIN: i64 = 30;

/// Groups of people that the jackknife leaves out one after the other.
const GROUPS_MAX: usize = 50;

/// 97.5 % quantiles of Student's t, for 29 to 49 degrees of freedom (scipy 1.17.1, `scipy.stats.t.ppf(0.975, df)`).
const T: [f64; 21] = [
    2.045_230, 2.042_272, 2.039_513, 2.036_933, 2.034_515, 2.032_245, 2.030_108, 2.028_094, 2.026_192, 2.024_394,
    2.022_691, 2.021_075, 2.019_541, 2.018_082, 2.016_692, 2.015_368, 2.014_103, 2.012_896, 2.011_741, 2.010_635,
    2.009_575,
];
const T_FIRST: usize = 29;

/// Sums and sums of products of the points of some items over some people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moments {
    cases: i64,
    sums: Vec<i64>,
    /// Row by row, the whole square.
    products: Vec<i64>,
}

impl Moments {
    fn none(items: usize) -> Self {
        Self { cases: 0, sums: vec![0; items], products: vec![0; items * items] }
    }

    fn items(&self) -> usize {
        self.sums.len()
    }

    fn add(&mut self, points: &[i64]) {
        self.cases += 1;
        for (sum, point) in self.sums.iter_mut().zip(points) {
            *sum += point;
        }
        for (row, first) in self.products.chunks_exact_mut(points.len()).zip(points) {
            for (product, second) in row.iter_mut().zip(points) {
                *product += first * second;
            }
        }
    }

    fn put(&mut self, other: &Self, sign: i64) {
        self.cases += sign * other.cases;
        for (sum, of_other) in self.sums.iter_mut().zip(&other.sums) {
            *sum += sign * of_other;
        }
        for (product, of_other) in self.products.iter_mut().zip(&other.products) {
            *product += sign * of_other;
        }
    }

    /// n² times the covariance of two items, not corrected for n: whole, so that differences of large numbers lose nothing.
    fn spread(&self, first: usize, second: usize) -> i128 {
        i128::from(self.cases) * i128::from(self.products[first * self.items() + second])
            - i128::from(self.sums[first]) * i128::from(self.sums[second])
    }

    fn spreads(&self) -> Spreads {
        let items = self.items();
        let all = (0..items).flat_map(|first| (0..items).map(move |second| (first, second)));
        Spreads { items, values: all.map(|(first, second)| self.spread(first, second)).collect() }
    }
}

/// Covariances, each times the same number.
struct Spreads {
    items: usize,
    values: Vec<i128>,
}

impl Spreads {
    fn of(&self, first: usize, second: usize) -> i128 {
        self.values[first * self.items + second]
    }

    fn own(&self) -> i128 {
        (0..self.items).map(|item| self.of(item, item)).sum()
    }

    fn total(&self) -> i128 {
        self.values.iter().sum()
    }

    /// Of an item with the sum of all.
    fn with_total(&self, item: usize) -> i128 {
        self.values[item * self.items..(item + 1) * self.items].iter().sum()
    }
}

/// The one place where whole sums become figures: rounded once, to the nearest.
fn float(number: i128) -> f64 {
    number as f64
}

/// A figure in millionths.
#[expect(clippy::cast_possible_truncation, reason = "a coefficient is far below any limit, and a cast saturates")]
pub(crate) fn rounded(figure: f64) -> i64 {
    figure.round() as i64
}

/// Cronbach's alpha (1951, doi 10.1007/BF02310555): k ÷ (k − 1) · (1 − sum of the items' variances ÷ variance of the total).
fn alpha(spreads: &Spreads) -> Option<f64> {
    let (own, total) = (spreads.own(), spreads.total());
    if spreads.items < 2 || total <= 0 {
        return None;
    }
    let items = float(i128::try_from(spreads.items).ok()?);
    Some(items / (items - 1.0) * (1.0 - float(own) / float(total)))
}

/// One factor: what each item shares with the others.
struct Factor {
    loadings: Vec<f64>,
    omega: f64,
}

/// How near two sweeps must come, and how many there may be.
const NEAR: f64 = 1e-9;
const SWEEPS_MAX: usize = 2_000;

/// McDonald's omega of the sum of points (Test Theory, 1999, chapter 6): (Σλ)² ÷ ((Σλ)² + Σψ), with one factor.
///
/// Loadings are those of MINRES (Harman and Jones 1966, doi 10.1007/BF02289468): the squares of what correlations between
/// different items leave over are least. Each loading is set to its best value while the others stand, again and again until
/// nothing moves. `None` with fewer than three items that vary (two do not fix a factor), when it does not settle, or when a
/// loading passes 1, which no correlation can.
fn factor(spreads: &Spreads, start: Option<&[f64]>) -> Option<Factor> {
    let varying: Vec<usize> = (0..spreads.items).filter(|item| spreads.of(*item, *item) > 0).collect();
    let items = varying.len();
    if items < 3 {
        return None;
    }
    let deviations: Vec<f64> = varying.iter().map(|item| float(spreads.of(*item, *item)).sqrt()).collect();
    let mut correlations = vec![0.0; items * items];
    for (row, first) in varying.iter().enumerate() {
        for (column, second) in varying.iter().enumerate() {
            correlations[row * items + column] =
                float(spreads.of(*first, *second)) / (deviations[row] * deviations[column]);
        }
    }
    let mut loadings = match start {
        Some(known) if known.len() == items => known.to_vec(),
        Some(_) | None => first_component(&correlations, items),
    };
    let mut sweeps = 0;
    loop {
        let mut moved = 0.0_f64;
        for item in 0..items {
            let (mut shared, mut squares) = (0.0, 0.0);
            for other in (0..items).filter(|other| *other != item) {
                shared += correlations[item * items + other] * loadings[other];
                squares += loadings[other] * loadings[other];
            }
            if squares <= 0.0 {
                return None;
            }
            let better = shared / squares;
            moved = moved.max((better - loadings[item]).abs());
            loadings[item] = better;
        }
        sweeps += 1;
        if moved < NEAR {
            break;
        }
        if sweeps == SWEEPS_MAX || moved.is_nan() {
            return None;
        }
    }
    if loadings.iter().any(|loading| loading.abs() > 1.0) {
        return None;
    }
    let (mut common, mut unique) = (0.0, 0.0);
    for (loading, deviation) in loadings.iter().zip(&deviations) {
        common += loading * deviation;
        unique += (1.0 - loading * loading) * deviation * deviation;
    }
    let common = common * common;
    (common + unique > 0.0).then(|| Factor { loadings, omega: common / (common + unique) })
}

/// Where the search begins: the first principal component, near enough.
fn first_component(correlations: &[f64], items: usize) -> Vec<f64> {
    let mut direction = vec![1.0; items];
    let mut length = 0.0_f64;
    for _ in 0..20 {
        let turned: Vec<f64> = correlations
            .chunks_exact(items)
            .map(|row| row.iter().zip(&direction).map(|(one, two)| one * two).sum())
            .collect();
        length = turned.iter().map(|part: &f64| part * part).sum::<f64>().sqrt();
        if length <= 0.0 {
            return vec![0.5; items];
        }
        direction = turned.iter().map(|part| part / length).collect();
    }
    direction.iter().map(|part| part * length.sqrt()).collect()
}

/// A figure with its 95 % interval, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Estimate {
    pub(crate) millionths: i64,
    pub(crate) interval: Option<(i64, i64)>,
}

impl Estimate {
    /// The interval by leaving out groups of people (delete-a-group jackknife: Kott 2001, Journal of Official Statistics 17):
    /// the variance is (G − 1) ÷ G times the sum of squares around the mean, with Student's t for G − 1 degrees. Cut at 1, and
    /// at `least` where there is a least.
    fn new(figure: f64, without: &[Option<f64>], least: Option<f64>) -> Self {
        let interval = || {
            let figures: Vec<f64> = without.iter().copied().collect::<Option<_>>()?;
            let quantile = T.get(figures.len().checked_sub(T_FIRST + 1)?)?;
            let groups = float(i128::try_from(figures.len()).ok()?);
            let mean = figures.iter().sum::<f64>() / groups;
            let squares: f64 = figures.iter().map(|one| (one - mean) * (one - mean)).sum();
            let half = quantile * ((groups - 1.0) / groups * squares).sqrt();
            let low = least.map_or(figure - half, |least| least.max(figure - half));
            Some((rounded(1e6 * low), rounded(1e6 * (figure + half).min(1.0))))
        };
        Self { millionths: rounded(1e6 * figure), interval: interval() }
    }
}

/// From which coefficient an error of measurement was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Alpha,
    Omega,
}

impl Source {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Omega => "omega",
        }
    }
}

/// What can be said of a scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quality {
    pub(crate) cases: i64,
    pub(crate) alpha: Option<Estimate>,
    pub(crate) omega: Option<Estimate>,
    /// The standard error of measurement, in hundredths of an index point: SD of the index · √(1 − reliability).
    pub(crate) sem: Option<(i64, Source)>,
    /// People with the fewest points that can be had, and with the most.
    pub(crate) floor: i64,
    pub(crate) ceiling: i64,
    /// Of each item with the sum of the others (Pearson), in millionths.
    pub(crate) item_rest: Vec<Option<i64>>,
}

/// What can be said of a scale from the points of people who answered all of its items: a row of `items` each, in an order that
/// is always the same. `least` and `most` are the points that can be had.
pub(crate) fn quality(rows: &[i64], items: usize, least: i64, most: i64) -> Quality {
    let people = rows.chunks_exact(items);
    let cases = people.len();
    let count = GROUPS_MAX.min(cases).max(1);
    let mut groups = vec![Moments::none(items); count];
    let (mut floor, mut ceiling) = (0, 0);
    for (number, points) in people.enumerate() {
        groups[number % count].add(points);
        let total: i64 = points.iter().sum();
        floor += i64::from(total == least);
        ceiling += i64::from(total == most);
    }
    let mut all = Moments::none(items);
    groups.iter().for_each(|group| all.put(group, 1));
    let spreads = all.spreads();
    let is_enough = all.cases >= CASES_MIN;
    let whole_alpha = alpha(&spreads);
    let whole_factor = if is_enough { factor(&spreads, None) } else { None };
    let (mut alphas, mut omegas) = (Vec::new(), Vec::new());
    for group in groups.iter().filter(|_| is_enough) {
        all.put(group, -1);
        let spreads = all.spreads();
        alphas.push(alpha(&spreads));
        // What the whole has not, nobody asks of its parts.
        if let Some(whole) = &whole_factor {
            omegas.push(factor(&spreads, Some(&whole.loadings)).map(|factor| factor.omega));
        }
        all.put(group, 1);
    }
    let reliability = match (&whole_factor, whole_alpha) {
        (Some(factor), _) => Some((factor.omega, Source::Omega)),
        (None, Some(alpha)) => Some((alpha.max(0.0), Source::Alpha)),
        (None, None) => None,
    };
    let sem = reliability.filter(|_| is_enough && most > 0).map(|(reliability, source)| {
        let n = float(all.cases.into());
        let deviation = (float(spreads.total()) / (n * (n - 1.0))).sqrt() / float(most.into());
        (rounded(10_000.0 * deviation * (1.0 - reliability).max(0.0).sqrt()), source)
    });
    Quality {
        cases: all.cases,
        alpha: whole_alpha.map(|alpha| Estimate::new(alpha, &alphas, None)),
        omega: whole_factor.map(|factor| Estimate::new(factor.omega, &omegas, Some(0.0))),
        sem,
        floor,
        ceiling,
        item_rest: (0..items).map(|item| item_rest(&spreads, item)).collect(),
    }
}

/// The correlation of an item with the sum of the others.
fn item_rest(spreads: &Spreads, item: usize) -> Option<i64> {
    let (own, with_total, total) = (spreads.of(item, item), spreads.with_total(item), spreads.total());
    let of_rest = total - 2 * with_total + own;
    (own > 0 && of_rest > 0)
        .then(|| rounded(1e6 * float(with_total - own) / (float(own).sqrt() * float(of_rest).sqrt())))
}
