//! Resident population by comune, sex and single year of age, on the first of January of the years ISTAT published.
//!
//! Numbers stand on today's comuni: where some have merged since, their people are added up.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use crate::codes::ComuneCode;
use crate::comuni::{comuni, index_of};
use crate::decode::{Reader, unpack};

/// Sex as the registry office counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sex {
    /// Women.
    Female,
    /// Men.
    Male,
}

/// The last age, which holds everybody of that age and above.
pub const AGE_MAX: u8 = 100;

const AGES: usize = AGE_MAX as usize + 1;

/// One year's people of one comune: by sex, then by age.
type Pyramid = [[u16; AGES]; 2];

struct Population {
    years: Vec<i32>,
    /// In the order of `comuni()`, then of the years; none where the source has no figures.
    pyramids: Vec<Option<Vec<Pyramid>>>,
}

static POPULATION: LazyLock<Population> = LazyLock::new(|| {
    let unpacked = unpack(include_bytes!("../data/population.bin"));
    read(Reader::new(&unpacked))
});

/// The years for which there are figures, in order.
pub fn population_years() -> &'static [i32] {
    &POPULATION.years
}

/// The year with figures that is nearest to the one asked; of two as near, the later.
pub fn nearest_population_year(year: i32) -> i32 {
    let nearest = population_years().iter().copied().min_by_key(|known| (known.abs_diff(year), -known));
    nearest.expect("the built-in data has at least one year")
}

/// Residents of a comune on the first of January of `year`, of one sex or (`None`) of both, of the ages given.
///
/// Ages above [`AGE_MAX`] are counted within it. `None` when the comune, the year or the figures are missing: an unknown
/// number is not zero.
pub fn population(code: ComuneCode, year: i32, sex: Option<Sex>, ages: RangeInclusive<u8>) -> Option<u32> {
    let year = population_years().binary_search(&year).ok()?;
    let pyramid = &POPULATION.pyramids[index_of(code)?].as_ref()?[year];
    let sexes = match sex {
        Some(Sex::Female) => &pyramid[..1],
        Some(Sex::Male) => &pyramid[1..],
        None => &pyramid[..],
    };
    let (first, last) = ages.into_inner();
    let (first, last) = (usize::from(first.min(AGE_MAX)), usize::from(last.min(AGE_MAX)));
    let count = |by_age: &[u16; AGES]| by_age.iter().take(last + 1).skip(first).copied().map(u32::from).sum::<u32>();
    Some(sexes.iter().map(count).sum())
}

fn read(mut data: Reader<'_>) -> Population {
    let years: Vec<i32> = (0..data.length()).map(|_| data.small()).collect();
    assert_eq!(data.length(), comuni().len(), "population and comuni are written together");
    let pyramids = comuni()
        .iter()
        .map(|comune| {
            assert_eq!(data.count(), comune.code.number(), "population follows the order of the comuni");
            (data.count() == 1).then(|| read_pyramids(&mut data, years.len()))
        })
        .collect();
    data.finish();
    Population { years, pyramids }
}

/// The first year stands as it is; a later one as the difference from those a year younger a year before.
fn read_pyramids(data: &mut Reader<'_>, years: usize) -> Vec<Pyramid> {
    let mut pyramids = vec![[[0; AGES]; 2]; years];
    for sex in 0..2 {
        let mut before = [0; AGES];
        for (position, pyramid) in pyramids.iter_mut().enumerate() {
            for (age, people) in pyramid[sex].iter_mut().enumerate() {
                *people = if position == 0 { data.small() } else { grown(&before, age, data.signed()) };
            }
            before = pyramid[sex];
        }
    }
    pyramids
}

/// The people of an age: those who were a year younger, and the difference. The first age and the open last one have
/// nobody to grow from and compare with themselves.
fn grown(before: &[u16; AGES], age: usize, difference: i32) -> u16 {
    let younger = if age == 0 || age == AGES - 1 { age } else { age - 1 };
    u16::try_from(i32::from(before[younger]) + difference).expect("people of one age in one comune fit 16 bits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codes::RegionCode;

    fn code(text: &str) -> ComuneCode {
        text.parse().unwrap()
    }

    fn everybody(code: ComuneCode, year: i32) -> Option<u32> {
        population(code, year, None, 0..=AGE_MAX)
    }

    #[test]
    fn pordenone_has_its_residents() {
        let pordenone = code("093033");
        assert_eq!(everybody(pordenone, 2023), Some(51_725));
        assert_eq!(everybody(pordenone, 2022), Some(51_617));
        assert_eq!(population(pordenone, 2023, Some(Sex::Female), 0..=AGE_MAX), Some(26_783));
        assert_eq!(population(pordenone, 2023, Some(Sex::Male), 0..=AGE_MAX), Some(24_942));
    }

    #[test]
    fn friuli_venezia_giulia_adds_up() {
        let region: RegionCode = "06".parse().unwrap();
        let own = || comuni().iter().filter(move |comune| comune.region == region);
        assert_eq!(own().count(), 215);
        let total = |year| own().filter_map(|comune| everybody(comune.code, year)).sum::<u32>();
        assert_eq!([total(2022), total(2023)], [1_194_647, 1_192_191]);
    }

    #[test]
    fn italy_adds_up() {
        let total = |year| comuni().iter().filter_map(|comune| everybody(comune.code, year)).sum::<u32>();
        assert_eq!([total(2022), total(2023)], [59_019_317, 58_840_177]);
    }

    #[test]
    fn sexes_and_ages_add_up_everywhere() {
        for comune in comuni() {
            for year in population_years() {
                let part = |sex, ages| population(comune.code, *year, sex, ages);
                let Some(total) = everybody(comune.code, *year) else { continue };
                let women = part(Some(Sex::Female), 0..=AGE_MAX).unwrap();
                let men = part(Some(Sex::Male), 0..=AGE_MAX).unwrap();
                assert_eq!(women + men, total, "{}", comune.name);
                assert_eq!(part(None, 0..=17).unwrap() + part(None, 18..=255).unwrap(), total, "{}", comune.name);
            }
        }
    }

    #[test]
    fn merged_comuni_count_the_people_of_both() {
        // Moransengo 184 and Tonengo 210 in the source's figures of 2023.
        assert_eq!(everybody(code("005122"), 2023), Some(184 + 210));
    }

    #[test]
    fn unknown_is_not_zero() {
        assert_eq!(everybody(code("093033"), 2021), None);
        assert_eq!(everybody(code("999999"), 2023), None);
        let without: Vec<_> = comuni().iter().filter(|c| everybody(c.code, 2023).is_none()).map(|c| c.name).collect();
        assert_eq!(without, ["Misiliscemi", "Montecopiolo", "Sassofeltrio"]);
    }

    #[test]
    fn the_nearest_year_is_one_there_is() {
        assert_eq!([1990, 2022, 2023, 2026].map(nearest_population_year), [2022, 2022, 2023, 2023]);
    }

    proptest! {
        #[test]
        fn any_range_is_the_sum_of_its_ages(first in 0u8..=120, last in 0u8..=120) {
            let pordenone = code("093033");
            let one_by_one: u32 = (first..=last.min(AGE_MAX))
                .map(|age| population(pordenone, 2023, None, age..=age).unwrap())
                .sum();
            let at_once = population(pordenone, 2023, None, first..=last).unwrap();
            if first <= AGE_MAX {
                prop_assert_eq!(at_once, one_by_one);
            } else if first <= last {
                prop_assert_eq!(at_once, population(pordenone, 2023, None, AGE_MAX..=AGE_MAX).unwrap());
            }
        }
    }
}
