//! Times the engine on the two sizes it was made for, and counts what it hides.
//!
//! `cargo run -p disclosure --example sizes [people]`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::time::Instant;

use disclosure::{AllPeriods, Decision, Dimension, DimensionId, ProtectedTables, Reason, TableSet, Threshold};

/// A small generator, so that the example needs no dependency and always draws the same people.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

/// Counts people over `dimensions`, given the places of each of them.
fn fill(set: &mut TableSet, ids: &[DimensionId], people: &[Vec<Option<String>>]) {
    let mut counts = std::collections::BTreeMap::new();
    for person in people {
        *counts.entry(person.clone()).or_insert(0) += 1;
    }
    for (places, count) in counts {
        let at: Vec<_> = ids.iter().zip(&places).filter_map(|(&id, place)| Some((id, place.as_deref()?))).collect();
        set.count(&at, count).unwrap();
    }
}

/// 60 comuni × 5 levels × 4 periods and all of them, everybody counted over all periods as last found.
fn territory(people: u64) -> TableSet {
    let mut draw = Draw(7);
    let mut set = TableSet::new();
    let comune = set.dimension(Dimension::exclusive("comune", names("c", 60)).changing()).unwrap();
    let level = set.dimension(Dimension::exclusive("level", names("l", 5)).changing()).unwrap();
    let year = set.dimension(Dimension::periods("year", names("y", 4), AllPeriods::Latest)).unwrap();
    set.table(&[comune, level, year]).unwrap();
    let mut rows = Vec::new();
    for _ in 0..people {
        // A few large comuni and many small ones.
        let home = draw.below(60) * draw.below(60) / 60;
        let first = draw.below(4);
        let mut last = None;
        for year in first..4 {
            if year == first || draw.below(3) == 0 {
                let level = (draw.below(5) + draw.below(5)) / 2;
                let found = [Some(format!("c{home}")), Some(format!("l{level}")), Some(format!("y{year}"))];
                rows.push(found.to_vec());
                last = Some(found);
            }
        }
        let [home, level, _] = last.unwrap();
        rows.push(vec![home, level, None]);
    }
    fill(&mut set, &[comune, level, year], &rows);
    set
}

/// 8 characteristics of 5 categories × 3 ambiti of 4 levels: 24 tables that share their margins.
fn community(people: u64) -> TableSet {
    let mut draw = Draw(11);
    let mut set = TableSet::new();
    let dimension = |set: &mut TableSet, name: String, categories: usize| {
        set.dimension(Dimension::exclusive(name, names("v", categories))).unwrap()
    };
    let characteristics: Vec<_> =
        (0..8).map(|number| dimension(&mut set, format!("characteristic{number}"), 5)).collect();
    let ambiti: Vec<_> = (0..3).map(|number| dimension(&mut set, format!("ambito{number}"), 4)).collect();
    let drawn: Vec<(Vec<u64>, Vec<u64>)> = (0..people)
        .map(|_| {
            let characteristics = (0..8).map(|_| draw.below(5) * draw.below(5) / 5).collect();
            (characteristics, (0..3).map(|_| (draw.below(4) + draw.below(4)) / 2).collect())
        })
        .collect();
    for (c, &characteristic) in characteristics.iter().enumerate() {
        for (a, &ambito) in ambiti.iter().enumerate() {
            set.table(&[characteristic, ambito]).unwrap();
            let rows: Vec<_> = drawn
                .iter()
                .map(|(of, levels)| vec![Some(format!("v{}", of[c])), Some(format!("v{}", levels[a]))])
                .collect();
            fill(&mut set, &[characteristic, ambito], &rows);
        }
    }
    set
}

fn measure(name: &str, people: u64, set: TableSet) -> ProtectedTables {
    let cells = set.to_model().unwrap().1.len();
    let started = Instant::now();
    let tables = set.protect(Threshold::default()).unwrap();
    let elapsed = started.elapsed();
    let hidden = |reason| tables.report().filter(|&(_, found)| found == reason).count();
    println!(
        "{name}, {people} people: {cells} cells, {} primary, {} complementary, {:?}, {elapsed:.0?}",
        hidden(Reason::Primary),
        hidden(Reason::Complementary),
        tables.effort(),
    );
    tables
}

fn main() {
    let only = std::env::args().nth(1).and_then(|people| people.parse().ok());
    for people in only.map_or_else(|| vec![200, 500, 1_700, 10_000], |people| vec![people]) {
        let tables = measure("territory", people, territory(people));
        assert!(matches!(tables.count(&[]).unwrap(), Decision::Shown(_)), "everybody is more than a handful");
        measure("community", people, community(people));
    }
}
