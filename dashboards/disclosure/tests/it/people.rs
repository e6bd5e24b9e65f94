//! An attacker who knows nothing of relations: it looks for *people* who would give the same tables.
//!
//! A person is of one type: where they are in every period. A cell counts the people of certain types. The attacker tries
//! all numbers of people of every type, and for worlds where that takes too long asks an integer program for people and
//! counts them. So whatever it says is possible is possible, and it shares nothing with the engine's idea of how cells
//! relate.

use std::collections::{BTreeMap, BTreeSet};

use microlp::ComparisonOp::{Eq, Ge};

/// The types of people that a cell counts.
pub(crate) type Cell = BTreeSet<usize>;

/// What was seen: cells with their counts.
pub(crate) struct Seen {
    pub(crate) cells: Vec<(Cell, u32)>,
    pub(crate) types: usize,
}

/// What the attacker asks of a cell.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask {
    Nobody,
    AtLeast(u32),
}

/// Steps after which trying everything takes too long.
const STEPS: u32 = 20_000;

impl Seen {
    /// Whether people exist who explain everything seen and give this answer.
    pub(crate) fn allows(&self, cell: &Cell, ask: Ask) -> bool {
        let problem = self.problem(cell);
        problem.by_trying(ask).unwrap_or_else(|| problem.by_program(ask))
    }

    fn problem(&self, cell: &Cell) -> Problem {
        // Types that are in the same cells are one.
        let mut alike: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
        for kind in 0..self.types {
            let seen = self.cells.iter().map(|(cell, _)| cell).chain([cell]);
            let signature: Vec<bool> = seen.map(|cell| cell.contains(&kind)).collect();
            let next = alike.len();
            alike.entry(signature).or_insert(next);
        }
        let members =
            |column: usize| alike.iter().filter(|(signature, _)| signature[column]).map(|(_, &kind)| kind).collect();
        Problem {
            sums: self.cells.iter().enumerate().map(|(column, &(_, count))| (members(column), count)).collect(),
            target: members(self.cells.len()),
            types: alike.len(),
        }
    }
}

/// Sums of types that are seen, and one that is asked for.
struct Problem {
    sums: Vec<(Vec<usize>, u32)>,
    target: Vec<usize>,
    types: usize,
}

impl Problem {
    /// None when it takes too long.
    fn by_trying(&self, ask: Ask) -> Option<bool> {
        let mut steps = 0;
        let mut solve = |count| {
            let mut sums = self.sums.clone();
            sums.push((self.target.clone(), count));
            Search::new(sums, self.types).solve(0, &mut steps)
        };
        let room = |kind: &usize| {
            self.sums.iter().filter(|(members, _)| members.contains(kind)).map(|&(_, count)| count).min()
        };
        match ask {
            Ask::Nobody => solve(0),
            Ask::AtLeast(least) => {
                let Some(room) = self.target.iter().map(room).sum::<Option<u32>>() else {
                    // Some type is in nothing seen: as many of them as one likes, beside the true people.
                    return Some(true);
                };
                for count in least..=room {
                    if solve(count)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
        }
    }

    fn by_program(&self, ask: Ask) -> bool {
        let mut program = microlp::Problem::new(microlp::OptimizationDirection::Minimize);
        let people: Vec<_> = (0..self.types).map(|_| program.add_integer_var(1.0, (0, 10_000))).collect();
        let mut constrain = |members: &[usize], comparison, count: u32| {
            let terms: Vec<_> = members.iter().map(|&kind| (people[kind], 1.0)).collect();
            program.add_constraint(terms, comparison, f64::from(count));
        };
        for (members, seen) in &self.sums {
            constrain(members, Eq, *seen);
        }
        match ask {
            Ask::Nobody => constrain(&self.target, Eq, 0),
            Ask::AtLeast(least) => constrain(&self.target, Ge, least),
        }
        match program.solve().map(microlp::SolveOutcome::into_solution) {
            Ok(Ok(solution)) => {
                let found: Vec<u32> = people
                    .iter()
                    .map(|&kind| format!("{:.0}", solution.var_value(kind).abs()).parse().unwrap())
                    .collect();
                let count = |members: &[usize]| members.iter().map(|&kind| found[kind]).sum::<u32>();
                assert!(self.sums.iter().all(|(members, seen)| count(members) == *seen), "these people were not seen");
                match ask {
                    Ask::Nobody => count(&self.target) == 0,
                    Ask::AtLeast(least) => count(&self.target) >= least,
                }
            }
            Err(microlp::Error::Infeasible) => false,
            other => unreachable!("the attacker got stuck: {other:?}"),
        }
    }
}

/// People still to place, type by type in a fixed order: each sum needs so many more. What was needed at a type and could
/// not be met is remembered, so the search never fails twice for the same reason.
struct Search {
    /// For each type the sums it is in, in the order of work.
    of_type: Vec<Vec<usize>>,
    /// For each sum its types, by their place in that order.
    members: Vec<Vec<usize>>,
    needed: Vec<u32>,
    hopeless: BTreeSet<(usize, Vec<u32>)>,
}

impl Search {
    fn new(mut sums: Vec<(Vec<usize>, u32)>, types: usize) -> Self {
        // Short sums first, so that they are soon complete.
        sums.sort_by_key(|(members, _)| members.len());
        let mut order: Vec<usize> = Vec::new();
        for kind in sums.iter().flat_map(|(members, _)| members).copied().chain(0..types) {
            if !order.contains(&kind) {
                order.push(kind);
            }
        }
        let of_type =
            order.iter().map(|kind| (0..sums.len()).filter(|&sum| sums[sum].0.contains(kind)).collect()).collect();
        let place = |kind: &usize| order.iter().position(|other| other == kind).unwrap();
        let members = sums.iter().map(|(members, _)| members.iter().map(place).collect()).collect();
        let needed = sums.iter().map(|&(_, count)| count).collect();
        Self { of_type, members, needed, hopeless: BTreeSet::new() }
    }

    /// The most people of a type that its sums have room for. A type in no sum is left at nobody.
    fn room(&self, kind: usize) -> u32 {
        self.of_type[kind].iter().map(|&sum| self.needed[sum]).min().unwrap_or(0)
    }

    fn solve(&mut self, kind: usize, steps: &mut u32) -> Option<bool> {
        *steps += 1;
        if *steps > STEPS {
            return None;
        }
        let can_be_met = |(members, &needed): (&Vec<usize>, &u32)| {
            let room = members.iter().filter(|&&later| later >= kind).map(|&later| u64::from(self.room(later)));
            room.sum::<u64>() >= u64::from(needed)
        };
        if !self.members.iter().zip(&self.needed).all(can_be_met) {
            return Some(false);
        }
        if kind == self.of_type.len() {
            return Some(true);
        }
        if self.hopeless.contains(&(kind, self.needed.clone())) {
            return Some(false);
        }
        for people in (0..=self.room(kind)).rev() {
            for &sum in &self.of_type[kind] {
                self.needed[sum] -= people;
            }
            let met = self.solve(kind + 1, steps);
            for &sum in &self.of_type[kind] {
                self.needed[sum] += people;
            }
            if met? {
                return Some(true);
            }
        }
        self.hopeless.insert((kind, self.needed.clone()));
        Some(false)
    }
}

fn cell(types: &[usize]) -> Cell {
    types.iter().copied().collect()
}

fn seen(cells: &[(&[usize], u32)]) -> Seen {
    Seen { cells: cells.iter().map(|&(types, count)| (cell(types), count)).collect(), types: 4 }
}

/// Two by two with all totals: the one freedom is to exchange across the diagonal.
#[test]
fn the_attacker_is_right_about_a_table_of_four_cells() {
    // Types: 0 = (0,0), 1 = (0,1), 2 = (1,0), 3 = (1,1); true counts 2, 8, 9, 20.
    let check = |seen: &Seen, ask, expected: bool| {
        let problem = seen.problem(&cell(&[0]));
        assert_eq!((problem.by_trying(ask), problem.by_program(ask)), (Some(expected), expected), "{ask:?}");
    };
    let totals = seen(&[(&[0, 1], 10), (&[2, 3], 29), (&[0, 2], 11), (&[1, 3], 28), (&[0, 1, 2, 3], 39)]);
    check(&totals, Ask::Nobody, true);
    check(&totals, Ask::AtLeast(10), true);
    check(&totals, Ask::AtLeast(11), false);
    let and_a_cell = seen(&[(&[0, 1], 10), (&[2, 3], 29), (&[0, 2], 11), (&[1, 3], 28), (&[1], 8)]);
    check(&and_a_cell, Ask::Nobody, false);
    check(&and_a_cell, Ask::AtLeast(2), true);
    check(&and_a_cell, Ask::AtLeast(3), false);
}
