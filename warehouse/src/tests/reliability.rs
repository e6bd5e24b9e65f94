//! Alpha, omega and their intervals against figures that scipy found another way, against cases with a known answer, and on
//! answers of real people where this machine has them.

use std::path::Path;

use crate::reliability::{Estimate, Quality, Source, quality};

/// Numbers by a rule that every language has: the linear congruential generator of the C standard.
struct Numbers(i64);

impl Numbers {
    fn next(&mut self) -> i64 {
        self.0 = (self.0 * 1_103_515_245 + 12_345) % (1 << 31);
        self.0 >> 16
    }
}

/// People with one disposition and six items that follow it more or less, each from 0 to 4.
fn made_up(people: usize) -> Vec<i64> {
    let mut numbers = Numbers(42);
    let mut rows = Vec::new();
    for _ in 0..people {
        let disposition = numbers.next() % 5;
        for item in 0..6 {
            let width = 1 + item % 3;
            let noise = numbers.next() % (2 * width + 1) - width;
            rows.push((disposition + noise).clamp(0, 4));
        }
    }
    rows
}

fn millionths(estimate: Option<Estimate>) -> [i64; 3] {
    let estimate = estimate.unwrap();
    let (low, high) = estimate.interval.unwrap();
    [estimate.millionths, low, high]
}

/// The same but for what two ways of computing leave: a millionth of correlations and alphas, a few of a fitted factor.
fn check(found: &Quality, alpha: [i64; 3], omega: [i64; 3], sem: i64, rest: &[i64]) {
    let near = |found: i64, wanted: i64, by: i64| assert!((found - wanted).abs() <= by, "{found} for {wanted}");
    for (found, wanted) in millionths(found.alpha).into_iter().zip(alpha) {
        near(found, wanted, 1);
    }
    for (found, wanted) in millionths(found.omega).into_iter().zip(omega) {
        near(found, wanted, 3);
    }
    assert_eq!(found.sem, Some((sem, Source::Omega)));
    assert_eq!(found.item_rest.len(), rest.len());
    for (found, wanted) in found.item_rest.iter().zip(rest) {
        near(found.unwrap(), *wanted, 1);
    }
}

/// numpy 2.4.6 and scipy 1.17.1: `cov`, `corrcoef`; the factor by `optimize.minimize` (BFGS) of the squares off the diagonal; the
/// jackknife with `stats.t.ppf`, people in groups by their place modulo 50.
#[test]
fn figures_are_those_that_scipy_finds() {
    check(
        &quality(&made_up(200), 6, 0, 24),
        [841_791, 814_846, 868_737],
        [845_453, 819_685, 871_221],
        1_098,
        &[786_561, 615_271, 479_650, 755_025, 621_055, 508_696],
    );
    // Fewer people than groups: each is left out once.
    check(
        &quality(&made_up(35), 6, 0, 24),
        [856_719, 785_576, 927_863],
        [860_267, 791_703, 928_830],
        1_052,
        &[809_366, 643_468, 614_095, 668_604, 700_391, 516_577],
    );
}

/// The alphas are published (psych::alpha, to three digits: .704, .729, .761, .813, .603); the rest is scipy's, as above.
#[test]
fn real_answers_give_the_published_alphas_and_scipys_omegas() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/bfi.csv");
    let Ok(table) = std::fs::read_to_string(path) else {
        println!("bfi.csv is missing: real answers are not tested");
        return;
    };
    let mut lines = table.lines();
    let headings: Vec<&str> = lines.next().unwrap().split(',').map(|text| text.trim_matches('"')).collect();
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let reversed = ["A1", "C4", "C5", "E1", "E2", "O2", "O5"];
    for (scale, cases, alpha, omega, sem, rest) in [
        (
            "A",
            2_709,
            [703_756, 683_577, 723_935],
            [711_601, 692_022, 731_180],
            967,
            [311_401, 563_015, 588_773, 394_794, 487_241],
        ),
        (
            "C",
            2_707,
            [729_277, 707_944, 750_610],
            [732_292, 711_432, 753_151],
            987,
            [455_302, 506_664, 467_533, 557_093, 478_030],
        ),
        (
            "E",
            2_713,
            [760_933, 746_550, 775_316],
            [767_005, 753_125, 780_885],
            1_024,
            [513_497, 606_407, 500_842, 577_890, 454_633],
        ),
        (
            "N",
            2_694,
            [813_303, 801_847, 824_759],
            [816_892, 805_523, 828_261],
            1_023,
            [666_286, 650_902, 672_947, 542_149, 486_729],
        ),
        (
            "O",
            2_726,
            [602_546, 581_548, 623_545],
            [611_460, 591_074, 631_846],
            1_006,
            [389_054, 340_123, 451_952, 219_923, 415_707],
        ),
    ] {
        let items: Vec<String> = (1..=5).map(|number| format!("{scale}{number}")).collect();
        let mut rows = Vec::new();
        for line in &lines {
            let points: Option<Vec<i64>> = items
                .iter()
                .map(|item| {
                    let at = headings.iter().position(|heading| heading == item).unwrap();
                    let value: i64 = line[at].parse().ok()?;
                    Some(if reversed.contains(&item.as_str()) { 6 - value } else { value - 1 })
                })
                .collect();
            rows.extend(points.into_iter().flatten());
        }
        let found = quality(&rows, 5, 0, 25);
        assert_eq!(found.cases, cases, "{scale}");
        check(&found, alpha, omega, sem, &rest);
    }
}

#[test]
fn few_people_say_alpha_and_nothing_else() {
    let found = quality(&made_up(29), 6, 0, 24);
    let alpha = found.alpha.unwrap();
    assert!(alpha.interval.is_none() && alpha.millionths > 700_000);
    assert_eq!((found.cases, found.omega, found.sem), (29, None, None));
    assert!(found.item_rest.iter().all(Option::is_some));
}

#[test]
fn what_does_not_vary_or_is_not_one_factor_has_no_figure() {
    // Everybody the same.
    let same = quality(&[2, 2, 2].repeat(40), 3, 0, 6);
    assert_eq!((same.alpha, same.omega, same.sem), (None, None, None));
    assert_eq!(same.item_rest, [None, None, None]);
    // Two items do not fix a factor; the error is alpha's then.
    let two: Vec<i64> = made_up(60).chunks(6).flat_map(|row| row[..2].to_vec()).collect();
    let two = quality(&two, 2, 0, 8);
    assert_eq!((two.omega, two.sem.map(|(_, source)| source)), (None, Some(Source::Alpha)));
    assert!(two.alpha.unwrap().interval.is_some());
    // One item: no alpha either, nor a rest.
    let one = quality(&(0..60).map(|person| person % 5).collect::<Vec<_>>(), 1, 0, 4);
    assert_eq!((one.alpha, one.omega, one.sem, one.item_rest), (None, None, None, vec![None]));
    assert_eq!((one.floor, one.ceiling), (12, 12));
    // Three items that are one another's opposites: a loading would have to pass 1.
    let opposite: Vec<i64> =
        (0..64).flat_map(|person: i64| [person % 4, 3 - person % 4, (person / 4) % 4 + person % 2]).collect();
    assert!(quality(&opposite, 3, 0, 10).omega.is_none_or(|omega| omega.millionths < 1_000_000));
}

/// Four items that each are the disposition and an error of their own, all combinations once: every loading is the root of the
/// same correlation, and omega is alpha (McDonald 1999, p. 90: equal loadings).
#[test]
fn with_equal_loadings_omega_is_alpha() {
    let mut rows = Vec::new();
    for combination in 0..3_i64 * 16 {
        let (disposition, errors) = (combination / 16, combination % 16);
        rows.extend((0..4).map(|item| 2 * disposition + ((errors >> item) & 1)));
    }
    let found = quality(&rows, 4, 0, 20);
    // Variances of 2·{0,1,2}: 8/3; of errors: 1/4. alpha = 4·(8/3) ÷ (4·(8/3) + 1/4) = 128/131.
    assert_eq!(found.alpha.unwrap().millionths, 977_099);
    assert_eq!(found.omega.unwrap().millionths, 977_099);
    assert_eq!((found.floor, found.ceiling), (1, 1));
}

/// Whole sums: the same people in another order give the same figures but for the intervals, whose groups go by the order.
#[test]
fn the_order_of_people_moves_nothing_but_groups() {
    let rows = made_up(80);
    let mut turned: Vec<i64> = Vec::new();
    rows.chunks(6).rev().for_each(|row| turned.extend(row));
    let (one, other) = (quality(&rows, 6, 0, 24), quality(&turned, 6, 0, 24));
    let bare = |found: &Quality| {
        (found.alpha.unwrap().millionths, found.omega.unwrap().millionths, found.sem, found.item_rest.clone())
    };
    assert_eq!(bare(&one), bare(&other));
    assert_eq!(one, quality(&rows, 6, 0, 24));
}
