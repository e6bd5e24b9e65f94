//! Times the engine on sets of tables such as a dashboard offers, and counts what it hides.
//!
//! `cargo run --release -p disclosure --example sizes [people [comuni]]`
//!
//! Seconds of one core that others were using too (2 shared cores, 2026-11, release build), and cells; hidden ones include
//! those *without* a disadvantage, which nobody would display:
//!
//! | people | comuni | cells | small | hidden for others | seconds |
//! |---|---|---|---|---|---|
//! | 300 | 10 | 5,000 | 3,361 | 656 | 11 |
//! | 600 | 10 | 5,000 | 2,417 | 814 | 6 |
//! | 1,000 | 10 | 5,000 | 1,797 | 762 | 2–3 |
//! | 5,000 | 10 | 5,000 | 462 | 380 | 0.4–0.7 |
//! | 3,000 | 30 | 6,600 | 1,709 | 687 | 4 |
//! | 5,000 | 60 | 9,000 | 2,690 | 881 | 9 |
//! | 1,000 | 60 | 9,000 | 5,580 | 954 | 23 |
//! | 300 | 60 | 9,000 | 7,488 | 647 | 107 |
//!
//! The last two ask for what nobody should offer: sixty comuni with a handful of people each, by level and year.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::collections::BTreeMap;
use std::time::Instant;

use disclosure::{AllPeriods, Dimension, DimensionId, Reason, TableSet, Threshold};

const YEARS: usize = 4;

/// A small generator, so that the example needs no dependency and always draws the same people.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most).unwrap()).unwrap()
    }

    /// A few common places and many rare ones.
    fn uneven(&mut self, most: usize) -> usize {
        self.below(most).min(self.below(most))
    }

    /// The middle more often than the ends.
    fn middling(&mut self, most: usize) -> usize {
        usize::midpoint(self.below(most), self.below(most))
    }
}

/// What is known of somebody in one year: places by dimension, several of a multiple one.
type Found = Vec<Vec<usize>>;

struct Axis {
    name: &'static str,
    categories: usize,
    is_multiple: bool,
    is_changing: bool,
}

const fn axis(name: &'static str, categories: usize) -> Axis {
    Axis { name, categories, is_multiple: false, is_changing: true }
}

/// Seven characteristics, three ambiti of four levels and "not valid", a profile.
const AXES: [Axis; 11] = [
    axis("age", 6),
    Axis { is_changing: false, ..axis("sex", 2) },
    axis("education", 4),
    axis("citizenship", 3),
    axis("household", 6),
    axis("work", 6),
    Axis { is_multiple: true, ..axis("disadvantage", 12) },
    axis("first ambito", 5),
    axis("second ambito", 5),
    axis("third ambito", 5),
    axis("profile", 5),
];
const CHARACTERISTICS: usize = 7;

/// Somebody's categories, as first found.
fn person(draw: &mut Draw, comuni: usize) -> Found {
    let mut found: Found = AXES
        .iter()
        .enumerate()
        .map(|(number, axis)| match (axis.is_multiple, number < CHARACTERISTICS) {
            (true, _) => {
                let (first, second) = (draw.uneven(axis.categories), draw.uneven(axis.categories));
                if draw.below(3) == 0 { vec![] } else { [first, second][..1 + draw.below(2)].to_vec() }
            }
            (false, true) => vec![draw.uneven(axis.categories)],
            // One in thirty or so is not valid, the last level.
            (false, false) if draw.below(30) == 0 => vec![axis.categories - 1],
            (false, false) => vec![draw.middling(axis.categories - 1)],
        })
        .collect();
    found.push(vec![draw.uneven(comuni)]);
    found
}

/// Everybody by year; found again every third year or so, with other levels and perhaps another place.
fn people(count: usize, comuni: usize) -> Vec<Vec<Option<Found>>> {
    let mut draw = Draw(7);
    (0..count)
        .map(|_| {
            let first = draw.below(YEARS);
            let mut now = person(&mut draw, comuni);
            (0..YEARS)
                .map(|year| {
                    if year > first {
                        let later = person(&mut draw, comuni);
                        for (number, places) in later.into_iter().enumerate() {
                            let changes = if number >= CHARACTERISTICS && number < AXES.len() { 2 } else { 20 };
                            if number != 1 && draw.below(changes) == 0 {
                                now[number] = places;
                            }
                        }
                    }
                    (year == first || year > first && draw.below(3) == 0).then(|| now.clone())
                })
                .collect()
        })
        .collect()
}

/// Counts people over the table and its margins.
fn fill(set: &mut TableSet, ids: &[DimensionId], table: &[usize], year: DimensionId, people: &[Vec<Option<Found>>]) {
    let mut counts: BTreeMap<(Option<usize>, Vec<Option<usize>>), u32> = BTreeMap::new();
    for person in people {
        let last = person.iter().rev().flatten().next().map(|found| (None, found));
        let each = person.iter().enumerate().filter_map(|(year, found)| Some((Some(year), found.as_ref()?)));
        for (year, found) in each.chain(last) {
            let mut cells = vec![vec![]];
            for &number in table {
                let mut places: Vec<Option<usize>> = found[number].iter().copied().map(Some).collect();
                places.push(None);
                places.sort_unstable();
                places.dedup();
                cells = cells
                    .iter()
                    .flat_map(|cell: &Vec<_>| places.iter().map(move |&place| [cell.clone(), vec![place]].concat()))
                    .collect();
            }
            for cell in cells {
                *counts.entry((year, cell)).or_default() += 1;
            }
        }
    }
    for ((period, cell), count) in counts {
        let names: Vec<_> =
            table.iter().zip(&cell).filter_map(|(&n, place)| Some((ids[n], place.as_ref()?.to_string()))).collect();
        let period = period.map(|period| (year, period.to_string()));
        let at: Vec<_> = names.iter().chain(&period).map(|(id, name)| (*id, name.as_str())).collect();
        set.count(&at, count).unwrap();
    }
}

/// What one Ente's dashboards offer: the territory and the community, one set.
fn offered(count: usize, comuni: usize) -> TableSet {
    let people = people(count, comuni);
    let mut set = TableSet::new();
    let names = |count: usize| (0..count).map(|place| place.to_string());
    let mut ids: Vec<DimensionId> = AXES
        .iter()
        .map(|axis| {
            let dimension = if axis.is_multiple { Dimension::multiple } else { Dimension::exclusive };
            let dimension = dimension(axis.name, names(axis.categories));
            set.dimension(if axis.is_changing { dimension.changing() } else { dimension }).unwrap()
        })
        .collect();
    ids.push(set.dimension(Dimension::exclusive("comune", names(comuni)).changing()).unwrap());
    let year = set.dimension(Dimension::periods("year", names(YEARS), AllPeriods::Latest)).unwrap();
    let measures = CHARACTERISTICS..AXES.len();
    let territory = measures.clone().take(3).map(|ambito| [AXES.len(), ambito]);
    let community = (0..CHARACTERISTICS).flat_map(|characteristic| measures.clone().map(move |m| [characteristic, m]));
    for table in territory.chain(community) {
        set.table(&[ids[table[0]], ids[table[1]], year]).unwrap();
        fill(&mut set, &ids, &table, year, &people);
    }
    set
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|number| number.parse::<usize>().unwrap());
    let (only, comuni) = (arguments.next(), arguments.next());
    for people in only.map_or_else(|| vec![300, 1_000, 5_000], |people| vec![people]) {
        for comuni in comuni.map_or_else(|| vec![10, 60], |comuni| vec![comuni]) {
            let set = offered(people, comuni);
            let cells =
                set.to_model(Threshold::default()).unwrap().1.iter().filter(|(label, _)| !label.contains('≠')).count();
            let started = Instant::now();
            let tables = set.protect(Threshold::default()).unwrap();
            let elapsed = started.elapsed();
            let hidden = |reason| tables.report().filter(|(_, found)| *found == reason).count();
            println!(
                "{people} people, {comuni} comuni: {cells} cells, {} primary, {} complementary, {:?}, {elapsed:.1?}",
                hidden(Reason::Primary),
                hidden(Reason::Complementary),
                tables.effort(),
            );
        }
    }
}
