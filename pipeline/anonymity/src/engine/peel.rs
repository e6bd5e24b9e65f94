//! Takes classes off the table like skins, the cheapest generalisation first.
//!
//! A node of the lattice generalises every attribute to one level of its hierarchy. The node of least loss whose groups
//! that hold cover enough of the rows left gives those groups as classes; then the next, with the bar set lower and lower.
//! Rows only ever leave, so a node that fails, fails for good while the bar stays, and so do all nodes below it: general
//! nodes are probed first. What is left at the end joins the class where it costs least.
//!
//! Better than splitting where classes are large, since a rare value does not have to be carried through every split.

use crate::engine::Problem;
use crate::engine::chance::mix;
use crate::engine::conditions::Scratch;
use crate::engine::place::place;
use crate::engine::space::place_of;
use crate::table::small;

/// Larger lattices are not searched.
const NODES_MAX: usize = 50_000;

/// Larger tables take too long: some thousands of nodes are asked about, each in one pass.
const ROWS_MAX: usize = 200_000;

/// A level has seven bits in a packed node.
const LEVELS_MAX: usize = 128;

/// The bars: one row in so many.
const BAR_PARTS: [usize; 4] = [100, 250, 700, 2000];

/// The classes, not split yet; `None` if the lattice or the table is too large, or if some rows find no class.
pub(crate) fn peel<const N: usize>(problem: &Problem<N>) -> Option<Vec<Vec<u32>>> {
    if problem.points.len() > ROWS_MAX {
        return None;
    }
    let mut peeler = Peeler {
        problem,
        lattice: Lattice::new(problem)?,
        left: (0..small(problem.points.len())).collect(),
        keys: Vec::new(),
        slots: Vec::new(),
        scratch: Scratch::default(),
        classes: Vec::new(),
    };
    for part in BAR_PARTS {
        peeler.peel_to((problem.points.len() / part).max(problem.conditions.k));
    }
    place(problem, peeler.classes, peeler.left)
}

/// All combinations of levels, by growing loss.
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
        nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let nodes: Vec<Vec<u8>> = nodes.into_iter().map(|(_, node)| node).collect();
        Some(Self { packed: nodes.iter().map(|node| pack(node, &marks)).collect(), nodes, marks })
    }
}

struct Peeler<'a, const N: usize> {
    problem: &'a Problem<N>,
    lattice: Lattice,
    left: Vec<u32>,
    keys: Vec<(u64, u32)>,
    slots: Vec<u32>,
    scratch: Scratch,
    classes: Vec<Vec<u32>>,
}

impl<const N: usize> Peeler<'_, N> {
    fn peel_to(&mut self, bar: usize) {
        let mut dead = vec![false; self.lattice.nodes.len()];
        for index in 0..self.lattice.nodes.len() {
            if dead[index] || self.left.len() < bar {
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

    /// Fills `keys` with a number for each row left that is the same within a group.
    fn mark(&mut self, node: &[u8]) {
        let problem = self.problem;
        let marks: Vec<&[u64]> = node
            .iter()
            .enumerate()
            .map(|(attribute, &level)| self.lattice.marks[attribute][usize::from(level)].as_slice())
            .collect();
        self.keys.clear();
        self.keys.extend(self.left.iter().map(|&row| {
            let point = &problem.points[row as usize];
            let key =
                marks.iter().zip(point).fold(0_u64, |key, (marks, &leaf)| key.wrapping_add(marks[place_of(leaf)]));
            (key, row)
        }));
    }

    /// `false` only if the groups do not cover so many rows.
    fn may_cover(&mut self, node: &[u8], bar: usize) -> bool {
        self.mark(node);
        // Counting by a part of the key puts groups together at times and so never counts too little: most nodes that
        // fail, fail here, and only the others are sorted.
        let slots = (self.left.len() * 4).next_power_of_two().max(64);
        self.slots.clear();
        self.slots.resize(slots, 0);
        for &(key, _) in &self.keys {
            self.slots[(key >> 32) as usize & (slots - 1)] += 1;
        }
        let k = self.problem.conditions.k;
        let covered: usize = self.slots.iter().map(|&count| count as usize).filter(|&count| count >= k).sum();
        covered >= bar
    }

    /// The same for the node marked last, exactly.
    fn covers(&mut self, bar: usize) -> bool {
        let k = self.problem.conditions.k;
        self.keys.sort_unstable();
        let mut covered = 0;
        for group in self.keys.chunk_by(|a, b| a.0 == b.0) {
            if group.len() >= k && holds(self.problem, group, &mut self.scratch) {
                covered += group.len();
                if covered >= bar {
                    return true;
                }
            }
        }
        false
    }

    fn take(&mut self, node: &[u8]) {
        self.mark(node);
        self.keys.sort_unstable();
        self.left.clear();
        for group in self.keys.chunk_by(|a, b| a.0 == b.0) {
            let rows = group.iter().map(|&(_, row)| row);
            if group.len() >= self.problem.conditions.k && holds(self.problem, group, &mut self.scratch) {
                self.classes.push(rows.collect());
            } else {
                self.left.extend(rows);
            }
        }
        self.left.sort_unstable();
    }
}

fn holds<const N: usize>(problem: &Problem<N>, group: &[(u64, u32)], scratch: &mut Scratch) -> bool {
    if problem.size_only {
        return true;
    }
    let mut rows = scratch.take_rows();
    rows.extend(group.iter().map(|&(_, row)| row));
    let holds = problem.conditions.hold(&rows, scratch);
    scratch.give_back_rows(rows);
    holds
}
