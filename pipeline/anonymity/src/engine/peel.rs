//! Takes classes off the table like skins, the cheapest generalisation first.
//!
//! A node of the lattice generalises every attribute to one level of its hierarchy. The node of least loss whose groups
//! that hold cover enough of the rows left gives those groups as classes; then the next. Rows only ever leave, so a node
//! that fails, fails for good, and so do all nodes below it: general nodes are probed first. What is left at the end joins
//! the class where it costs least.
//!
//! Better than splitting where classes are large, since a rare value does not have to be carried through every split.

use std::ops::Range;

use crate::engine::Problem;
use crate::engine::chance::{fraction, mix};
use crate::engine::conditions::Scratch;
use crate::engine::place::place;
use crate::engine::space::place_of;
use crate::rules::Effort;
use crate::table::small;

/// Larger lattices are not searched.
const NODES_MAX: usize = 50_000;

/// Larger tables take too long: some thousands of nodes are asked about, each in one pass.
const ROWS_MAX: usize = 200_000;

/// By which part at most chance raises a node's loss: an order of choice that is known can be undone from the output.
const JITTER: f64 = 0.02;

/// A level has seven bits in a packed node.
const LEVELS_MAX: usize = 128;

/// How many rows a node must cover to be taken: one in so many. Lower is better and takes longer; to begin with a high bar and
/// lower it is worse than to begin with the low one (Adult, k = 25, no search: .1194 from 1/100 down to 1/2000, .1149 with 1/1000
/// alone, .1143 with k alone), since what a high bar takes is coarser than what was still to come.
const BAR_PART: usize = 1000;

/// The classes, not split yet; `None` if the lattice or the table is too large, or if some rows find no class.
pub(crate) fn peel<const N: usize>(problem: &Problem<N>) -> Option<Vec<Vec<u32>>> {
    if problem.points.len() > ROWS_MAX {
        return None;
    }
    let bar = match problem.effort {
        Effort::Fast | Effort::Default => problem.points.len() / BAR_PART,
        Effort::More => 0,
    };
    let starts = starts_of_units(problem);
    let units = starts.len() - 1;
    let firsts = || starts[..units].iter().map(|&row| &problem.points[row as usize]);
    let attributes = 0..problem.space.attribute_count();
    let mut peeler = Peeler {
        problem,
        lattice: Lattice::new(problem)?,
        left: (0..small(units)).collect(),
        left_rows: problem.points.len(),
        columns: attributes.map(|attribute| firsts().map(|point| point[attribute]).collect()).collect(),
        weights: starts.windows(2).map(|pair| pair[1] - pair[0]).collect(),
        starts: &starts,
        keys: Vec::new(),
        sorted: Vec::new(),
        slots: Vec::new(),
        scratch: Scratch::default(),
        classes: Vec::new(),
    };
    peeler.peel_to(bar.max(problem.conditions.k));
    let left = peeler.left.iter().flat_map(|&unit| peeler.rows(unit)).collect();
    place(problem, peeler.classes, left)
}

/// Where each unit begins, and where the last one ends. A unit is the rows that nothing tells apart; they stand side by side. Where
/// more than their number matters each row is one.
fn starts_of_units<const N: usize>(problem: &Problem<N>) -> Vec<u32> {
    let points = &problem.points;
    let is_first = |row: &usize| *row == 0 || !problem.size_only || points[*row] != points[*row - 1];
    (0..points.len()).filter(is_first).chain([points.len()]).map(small).collect()
}

/// All combinations of levels, by growing loss as chance has it.
struct Lattice {
    /// For each attribute and level: for each leaf a number that stands for its node.
    marks: Vec<Vec<Vec<u64>>>,
    /// Levels of each attribute, node by node.
    nodes: Vec<Vec<u8>>,
    /// The same in one number each.
    packed: Vec<u128>,
}

/// One byte for each attribute, its highest bit free. [`NODES_MAX`] leaves no room for more than fifteen attributes of
/// two levels, and attributes of one level, which are always at 0, have no byte.
fn pack(node: &[u8], marks: &[Vec<Vec<u64>>]) -> u128 {
    let levels = node.iter().zip(marks).filter(|(_, levels)| levels.len() > 1);
    levels.fold(0, |packed, (&level, _)| packed << 8 | u128::from(level))
}

const HIGHEST_BITS: u128 = u128::from_ne_bytes([0x80; 16]);

/// Whether no level of a node is above that of the other.
#[inline]
fn is_below(node: u128, other: u128) -> bool {
    ((other | HIGHEST_BITS) - node) & HIGHEST_BITS == HIGHEST_BITS
}

impl Lattice {
    fn new<const N: usize>(problem: &Problem<N>) -> Option<Self> {
        let mut marks = Vec::new();
        let mut losses: Vec<Vec<f64>> = Vec::new();
        for (attribute, domain) in problem.space.domains.iter().enumerate() {
            let mut rows_of = vec![0_u64; domain.leaf_count()];
            for point in &problem.points {
                rows_of[place_of(point[attribute])] += 1;
            }
            let mut levels: Vec<Vec<u32>> = (0..=domain.level_max())
                .map(|level| (0..domain.leaf_count()).map(|leaf| domain.at_level(leaf, level)).collect())
                .collect();
            levels.dedup();
            losses.push(
                levels
                    .iter()
                    .map(|nodes| {
                        let lost: u64 = nodes
                            .iter()
                            .zip(&rows_of)
                            .map(|(&node, rows)| u64::from(domain.node(node).cost) * rows)
                            .sum();
                        lost as f64
                    })
                    .collect(),
            );
            marks.push(
                levels
                    .into_iter()
                    .map(|nodes| {
                        nodes
                            .into_iter()
                            .map(|node| mix(problem.tie_key, u64::from(node) << 8 | attribute as u64))
                            .collect()
                    })
                    .collect::<Vec<Vec<u64>>>(),
            );
        }
        let count = losses.iter().try_fold(1_usize, |count, levels| {
            count.checked_mul(levels.len()).filter(|&count| count <= NODES_MAX && levels.len() <= LEVELS_MAX)
        })?;
        let mut nodes: Vec<(f64, Vec<u8>)> = Vec::with_capacity(count);
        nodes.push((0.0, Vec::new()));
        for levels in &losses {
            nodes = nodes
                .into_iter()
                .flat_map(|(loss, node)| {
                    levels.iter().enumerate().map(move |(level, more)| {
                        let mut node = node.clone();
                        node.push(u8::try_from(level).expect("the number of levels was checked"));
                        (loss + more, node)
                    })
                })
                .collect();
        }
        for ((loss, _), number) in nodes.iter_mut().zip(0_u64..) {
            *loss *= 1.0 + JITTER * fraction(mix(problem.tie_key, number));
        }
        nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let nodes: Vec<Vec<u8>> = nodes.into_iter().map(|(_, node)| node).collect();
        Some(Self { packed: nodes.iter().map(|node| pack(node, &marks)).collect(), nodes, marks })
    }
}

struct Peeler<'a, const N: usize> {
    problem: &'a Problem<N>,
    lattice: Lattice,
    /// Units in no class yet, and how many rows they are.
    left: Vec<u32>,
    left_rows: usize,
    /// Of each unit left: its leaves, by attribute; its rows; and what its group is known by.
    columns: Vec<Vec<i16>>,
    weights: Vec<u32>,
    keys: Vec<u64>,
    /// Keys with the place of their unit among those left, group by group.
    sorted: Vec<(u64, u32)>,
    starts: &'a [u32],
    slots: Vec<u32>,
    scratch: Scratch,
    classes: Vec<Vec<u32>>,
}

impl<const N: usize> Peeler<'_, N> {
    fn peel_to(&mut self, bar: usize) {
        let mut dead = vec![false; self.lattice.nodes.len()];
        for index in 0..self.lattice.nodes.len() {
            if dead[index] || self.left_rows < bar {
                continue;
            }
            // From this node to the most general one, an attribute raised at a time; the lowest that passes is looked
            // for by halves, and the highest that fails takes everything below it along.
            let node = self.lattice.nodes[index].clone();
            let chain = self.chain(&node, index as u64);
            let (mut fails, mut passes) = (None, chain.len());
            let mut from = 0;
            while from < passes {
                let middle = (from + passes) / 2;
                if self.may_cover(&chain[middle], bar) && (middle > 0 || self.covers(bar)) {
                    passes = middle;
                } else {
                    fails = Some(middle);
                    from = middle + 1;
                }
            }
            if let Some(fails) = fails {
                self.kill_below(&chain[fails], &mut dead);
            } else {
                // Whatever held below this node was taken with it.
                self.take(&node);
                self.kill_below(&node, &mut dead);
            }
        }
    }

    fn rows(&self, unit: u32) -> Range<u32> {
        self.starts[unit as usize]..self.starts[unit as usize + 1]
    }

    fn kill_below(&self, node: &[u8], dead: &mut [bool]) {
        let node = pack(node, &self.lattice.marks);
        for (&other, dead) in self.lattice.packed.iter().zip(dead) {
            *dead |= is_below(other, node);
        }
    }

    fn chain(&self, node: &[u8], index: u64) -> Vec<Vec<u8>> {
        let mut chain = vec![node.to_vec()];
        let mut node = node.to_vec();
        let mut step = 0;
        loop {
            let open: Vec<usize> = (0..node.len())
                .filter(|&attribute| usize::from(node[attribute]) + 1 < self.lattice.marks[attribute].len())
                .collect();
            if open.is_empty() {
                return chain;
            }
            step += 1;
            let highest = open
                .iter()
                .max_by_key(|&&attribute| mix(self.problem.tie_key, index << 16 | step << 8 | attribute as u64));
            node[*highest.expect("an attribute is open")] += 1;
            chain.push(node.clone());
        }
    }

    /// Fills `keys` with a number for each unit left that is the same within a group.
    fn mark(&mut self, node: &[u8]) {
        self.keys.clear();
        self.keys.resize(self.left.len(), 0);
        for ((column, levels), &level) in self.columns.iter().zip(&self.lattice.marks).zip(node) {
            // At `*` an attribute tells nothing apart, and general nodes have many of those.
            if usize::from(level) + 1 == levels.len() {
                continue;
            }
            let marks = &levels[usize::from(level)];
            for (key, &leaf) in self.keys.iter_mut().zip(column) {
                *key = key.wrapping_add(marks[place_of(leaf)]);
            }
        }
    }

    /// `false` only if the groups do not cover so many rows.
    fn may_cover(&mut self, node: &[u8], bar: usize) -> bool {
        self.mark(node);
        // Counting by a part of the key puts groups together at times and so never counts too little: most nodes that
        // fail, fail here, and only the others are sorted.
        let slots = (self.left.len() * 2).next_power_of_two().max(64);
        self.slots.clear();
        self.slots.resize(slots, 0);
        for (key, &rows) in self.keys.iter().zip(&self.weights) {
            self.slots[(key >> 32) as usize & (slots - 1)] += rows;
        }
        let k = self.problem.conditions.k;
        let covered: usize = self.slots.iter().map(|&count| count as usize).filter(|&count| count >= k).sum();
        covered >= bar
    }

    fn sort(&mut self) -> Vec<(u64, u32)> {
        let mut sorted = std::mem::take(&mut self.sorted);
        sorted.clear();
        sorted.extend(self.keys.iter().copied().zip(0..));
        sorted.sort_unstable();
        sorted
    }

    /// The same for the node marked last, exactly.
    fn covers(&mut self, bar: usize) -> bool {
        let sorted = self.sort();
        let mut covered = 0;
        let is_covered = sorted.chunk_by(|a, b| a.0 == b.0).any(|group| {
            let rows = self.count(group);
            if self.holds(group, rows) {
                covered += rows;
            }
            covered >= bar
        });
        self.sorted = sorted;
        is_covered
    }

    fn take(&mut self, node: &[u8]) {
        self.mark(node);
        let sorted = self.sort();
        let mut stays = vec![true; self.left.len()];
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            let rows = self.count(group);
            if self.holds(group, rows) {
                self.left_rows -= rows;
                group.iter().for_each(|&(_, place)| stays[place as usize] = false);
                let units = group.iter().map(|&(_, place)| self.left[place as usize]);
                self.classes.push(units.flat_map(|unit| self.rows(unit)).collect());
            }
        }
        self.sorted = sorted;
        keep(&mut self.left, &stays);
        keep(&mut self.weights, &stays);
        self.columns.iter_mut().for_each(|column| keep(column, &stays));
    }

    /// How many rows a group has.
    fn count(&self, group: &[(u64, u32)]) -> usize {
        group.iter().map(|&(_, place)| self.weights[place as usize] as usize).sum()
    }

    fn holds(&mut self, group: &[(u64, u32)], rows: usize) -> bool {
        let problem = self.problem;
        if rows < problem.conditions.k || problem.size_only {
            return rows >= problem.conditions.k;
        }
        let mut chosen = self.scratch.take_rows();
        chosen.extend(group.iter().flat_map(|&(_, place)| self.rows(self.left[place as usize])));
        let holds = problem.conditions.hold(&chosen, &mut self.scratch);
        self.scratch.give_back_rows(chosen);
        holds
    }
}

fn keep<T>(items: &mut Vec<T>, stays: &[bool]) {
    let mut stays = stays.iter();
    items.retain(|_| stays.next().is_some_and(|stays| *stays));
}
