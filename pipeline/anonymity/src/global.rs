//! Full-domain recoding: one level of its hierarchy for each column, the same in all rows, and of all combinations of
//! levels that satisfy the rules the one of least loss.
//!
//! A combination loses at least what its labels lose, which is a sum over columns known from their frequencies alone. So
//! combinations are looked at by growing bound until none left can be better. Under rules that more rows never break,
//! what a general combination must suppress every finer one must too: that raises the bound of the finer ones, and a
//! combination that suppresses too much takes all below it along. General ones are therefore asked first.

use crate::anonymize::Assignment;
use crate::engine::{Conditions, Scratch, cost_of_cell};
use crate::error::Error;
use crate::hierarchy::NodeId;
use crate::report::PresenceMeasures;
use crate::rules::{Presence, QuasiIdentifier, SuppressedRows};
use crate::table::small;

/// More combinations of levels are not searched.
const COMBINATIONS_MAX: usize = 1 << 22;

/// What is to be recoded.
pub(crate) struct Input<'a> {
    pub(crate) identifiers: &'a [QuasiIdentifier],
    /// The leaf of each row to release, by column.
    pub(crate) codes: &'a [Vec<u32>],
    /// The rules over those rows.
    pub(crate) conditions: &'a Conditions,
    pub(crate) population: Option<Population<'a>>,
    pub(crate) suppressed_max: usize,
    pub(crate) suppressed_rows: SuppressedRows,
}

impl Input<'_> {
    /// How many rows are to be released.
    fn rows(&self) -> usize {
        self.codes.first().map_or(0, Vec::len)
    }
}

/// The people among whom those released are.
pub(crate) struct Population<'a> {
    /// The leaf of each of its rows, by column.
    pub(crate) codes: &'a [Vec<u32>],
    pub(crate) limits: &'a Presence,
}

/// Which class each row is in and what part of its population is released; or that no combination of levels satisfies the
/// rules.
pub(crate) fn solve(input: &Input<'_>) -> Result<(Assignment, Option<PresenceMeasures>), Error> {
    let lattice = Lattice::new(input)?;
    let mut search = Search {
        input,
        rows: Rows::new(input),
        is_monotone: input.population.is_none() && input.conditions.is_monotone(),
        full: input.identifiers.iter().map(|identifier| u64::from(cost_of_cell(identifier))).sum(),
        with_population: input.population.as_ref().map(|population| {
            let columns = input.codes.iter().zip(population.codes);
            columns.map(|(released, all)| released.iter().chain(all).copied().collect()).collect()
        }),
        lattice: &lattice,
        dead: vec![false; lattice.lost.len()],
        known: Vec::new(),
        best: None,
        scratch: Scratch::default(),
    };
    search.run();
    let Some((_, node)) = search.best else {
        let all: Vec<u32> = (0..small(input.rows())).collect();
        if let Some(reason) = input.conditions.complaint(&all, &mut search.scratch) {
            return Err(Error::Unsatisfiable { reason: format!("the whole table has {reason}") });
        }
        return Err(Error::Unsatisfiable {
            reason:
                "no combination of levels satisfies them with so few rows suppressed; allow more suppression, or ask \
                     for less"
                    .into(),
        });
    };
    Ok(search.assignment(node))
}

/// One level of a column.
struct Level {
    /// Leaf → number of its label.
    labels: Vec<u64>,
    label_count: u64,
    /// Leaf → cost of a cell.
    costs: Vec<u64>,
    /// Leaf → its label.
    nodes: Vec<NodeId>,
}

impl Level {
    fn new(identifier: &QuasiIdentifier, level: usize) -> Self {
        let hierarchy = &identifier.hierarchy;
        let nodes: Vec<NodeId> =
            (0..hierarchy.leaf_count()).map(|leaf| hierarchy.raised(hierarchy.leaf_node(leaf), level)).collect();
        let mut labels = Vec::with_capacity(nodes.len());
        let mut label_count = 0;
        for (leaf, node) in nodes.iter().enumerate() {
            // Leaves of a node stand side by side.
            if leaf == 0 || nodes[leaf - 1] != *node {
                label_count += 1;
            }
            labels.push(label_count - 1);
        }
        let cost = |node: &NodeId| {
            let (numerator, denominator) = hierarchy.loss(*node);
            u64::from(cost_of_cell(identifier)) * numerator as u64 / denominator as u64
        };
        Self { costs: nodes.iter().map(cost).collect(), labels, label_count, nodes }
    }
}

/// All combinations of levels; the number of one has a digit for each column.
struct Lattice {
    /// By column, from the values to `*`.
    levels: Vec<Vec<Level>>,
    /// By column and level: the cost of all rows.
    lost_by_level: Vec<Vec<u64>>,
    strides: Vec<usize>,
    /// What the labels of a combination cost when nothing is suppressed.
    lost: Vec<u64>,
}

impl Lattice {
    fn new(input: &Input<'_>) -> Result<Self, Error> {
        let levels: Vec<Vec<Level>> = input
            .identifiers
            .iter()
            .map(|identifier| {
                let all = (0..identifier.hierarchy.level_count()).map(|level| Level::new(identifier, level));
                let mut levels: Vec<Level> = all.collect();
                // A level that tells apart what the one below does, and costs as much, adds nothing.
                levels.dedup_by(|upper, lower| upper.labels == lower.labels && upper.costs == lower.costs);
                levels
            })
            .collect();
        let count = levels.iter().try_fold(1_usize, |count, levels| count.checked_mul(levels.len()));
        let Some(count) = count.filter(|&count| count <= COMBINATIONS_MAX) else {
            return Err(Error::TooMany {
                what: "combinations of levels for global recoding".into(),
                found: count.unwrap_or(usize::MAX),
                limit: COMBINATIONS_MAX,
            });
        };
        let lost_by_level: Vec<Vec<u64>> = levels
            .iter()
            .zip(input.codes)
            .map(|(levels, codes)| {
                levels.iter().map(|level| codes.iter().map(|&leaf| level.costs[leaf as usize]).sum()).collect()
            })
            .collect();
        let mut strides = vec![1; levels.len()];
        for column in 1..levels.len() {
            strides[column] = strides[column - 1] * levels[column - 1].len();
        }
        let mut lattice = Self { levels, lost_by_level, strides, lost: Vec::with_capacity(count) };
        for node in 0..count {
            let lost =
                (0..lattice.levels.len()).map(|column| lattice.lost_by_level[column][lattice.level(node, column)]);
            let lost = lost.sum();
            lattice.lost.push(lost);
        }
        Ok(lattice)
    }

    fn level(&self, node: usize, column: usize) -> usize {
        node / self.strides[column] % self.levels[column].len()
    }

    fn is_below(&self, node: usize, other: usize) -> bool {
        (0..self.levels.len()).all(|column| self.level(node, column) <= self.level(other, column))
    }

    /// Whether nothing but `*` is left: whatever the rules say of them, all rows read as suppressed.
    fn is_top(&self, node: usize) -> bool {
        node + 1 == self.lost.len()
    }

    /// From a combination to the last one that is not all `*`, a column raised at a time: first the one that costs least more.
    fn chain(&self, mut node: usize) -> Vec<usize> {
        let mut chain = vec![node];
        loop {
            let raised =
                (0..self.levels.len()).filter(|&column| self.level(node, column) + 1 < self.levels[column].len());
            let next = raised.map(|column| node + self.strides[column]).min_by_key(|&next| self.lost[next]);
            let Some(next) = next.filter(|&next| !self.is_top(next)) else { return chain };
            node = next;
            chain.push(node);
        }
    }

    /// Marks a combination and all below it.
    fn kill_below(&self, node: usize, dead: &mut [bool]) {
        let digits: Vec<usize> = (0..self.levels.len()).map(|column| self.level(node, column)).collect();
        let mut current = vec![0; digits.len()];
        let mut index = 0;
        loop {
            dead[index] = true;
            let mut column = 0;
            // The next number whose digits are all at most these.
            loop {
                let Some(&most) = digits.get(column) else { return };
                if current[column] < most {
                    current[column] += 1;
                    index += self.strides[column];
                    break;
                }
                index -= current[column] * self.strides[column];
                current[column] = 0;
                column += 1;
            }
        }
    }
}

/// The rows to recode; where only numbers matter, equal ones are one with a weight.
struct Rows {
    /// Leaves, by column.
    leaves: Vec<Vec<u32>>,
    weights: Vec<u32>,
    /// Whether a row here is several of the input.
    is_collapsed: bool,
}

impl Rows {
    fn new(input: &Input<'_>) -> Self {
        let count = input.rows();
        if !input.conditions.is_size_only() || input.population.is_some() {
            return Self { leaves: input.codes.to_vec(), weights: vec![1; count], is_collapsed: false };
        }
        let mut keys = Keys::new(count);
        for (codes, identifier) in input.codes.iter().zip(input.identifiers) {
            keys.add(identifier.hierarchy.leaf_count() as u64, codes.iter().map(|&leaf| u64::from(leaf)));
        }
        let mut sorted: Vec<(u64, u32)> = keys.values.into_iter().zip(0..).collect();
        sorted.sort_unstable();
        let groups: Vec<&[(u64, u32)]> = sorted.chunk_by(|a, b| a.0 == b.0).collect();
        let firsts: Vec<usize> = groups.iter().map(|group| group[0].1 as usize).collect();
        Self {
            leaves: input.codes.iter().map(|codes| firsts.iter().map(|&row| codes[row]).collect()).collect(),
            weights: groups.iter().map(|group| small(group.len())).collect(),
            is_collapsed: true,
        }
    }

    fn count(&self) -> usize {
        self.weights.len()
    }
}

/// A number for each row that is the same for rows with equal labels.
struct Keys {
    values: Vec<u64>,
    /// Every value is below it.
    bound: u64,
}

impl Keys {
    fn new(rows: usize) -> Self {
        Self { values: vec![0; rows], bound: 1 }
    }

    /// Tells apart by one more column, whose numbers are below `count`.
    fn add(&mut self, count: u64, numbers: impl Iterator<Item = u64>) {
        if count < 2 {
            return;
        }
        if self.bound.checked_mul(count).is_none() {
            // What is told apart so far becomes its rank, which is below the number of rows.
            let mut sorted = self.values.clone();
            sorted.sort_unstable();
            sorted.dedup();
            for value in &mut self.values {
                *value = sorted.partition_point(|other| other < value) as u64;
            }
            self.bound = sorted.len() as u64;
        }
        for (value, number) in self.values.iter_mut().zip(numbers) {
            *value = *value * count + number;
        }
        self.bound *= count;
    }
}

/// What a combination comes to.
struct Outcome {
    suppressed: usize,
    cost: u64,
    /// Whether the suppressed rows may be what they are.
    may_be: bool,
    /// By column and level: what the suppressed rows would cost there.
    saved: Vec<Vec<u64>>,
}

struct Search<'a> {
    input: &'a Input<'a>,
    rows: Rows,
    /// Whether a row suppressed in a combination is suppressed in all finer ones.
    is_monotone: bool,
    /// What a suppressed row costs.
    full: u64,
    /// The leaves of the rows to release, then of the whole population, by column.
    with_population: Option<Vec<Vec<u32>>>,
    lattice: &'a Lattice,
    dead: Vec<bool>,
    /// Combinations that suppress rows, to bound what is below them.
    known: Vec<(usize, Outcome)>,
    best: Option<(u64, usize)>,
    scratch: Scratch,
}

impl Search<'_> {
    fn run(&mut self) {
        let mut order: Vec<usize> = (0..self.lattice.lost.len()).collect();
        order.sort_by_key(|&node| (self.lattice.lost[node], node));
        for node in order {
            if self.is_beaten(self.lattice.lost[node]) {
                return;
            }
            if self.dead[node] || self.is_beaten(self.bound(node)) {
                continue;
            }
            if self.is_monotone {
                self.ask_along(node);
            } else {
                self.ask(node);
            }
        }
    }

    fn is_beaten(&self, bound: u64) -> bool {
        self.best.is_some_and(|(cost, _)| bound >= cost)
    }

    /// What a combination costs at least, by what those above it suppress.
    fn bound(&self, node: usize) -> u64 {
        let lost = self.lattice.lost[node];
        let above = self.known.iter().filter(|(other, _)| self.lattice.is_below(node, *other));
        let more = above.map(|(_, outcome)| self.penalty(outcome, node));
        lost + more.max().unwrap_or(0)
    }

    /// What it costs more than their labels at this combination that these rows are suppressed.
    fn penalty(&self, outcome: &Outcome, node: usize) -> u64 {
        let labels = outcome.saved.iter().enumerate().map(|(column, saved)| saved[self.lattice.level(node, column)]);
        outcome.suppressed as u64 * self.full - labels.sum::<u64>()
    }

    /// By halves from the most general combination down to this one: what fails takes all below it along, what does not
    /// raises the bound of this one.
    fn ask_along(&mut self, node: usize) {
        let chain = self.lattice.chain(node);
        let (mut from, mut passes) = (0, chain.len());
        while from < passes {
            let middle = (from + passes) / 2;
            let is_allowed = self.ask(chain[middle]);
            if !is_allowed {
                from = middle + 1;
            } else if middle == 0 || self.is_beaten(self.bound(node)) {
                return;
            } else {
                passes = middle;
            }
        }
    }

    /// Looks at a combination; whether it suppresses as few rows as it must.
    fn ask(&mut self, node: usize) -> bool {
        let outcome = self.outcome(node);
        self.dead[node] = true;
        if outcome.suppressed > self.input.suppressed_max {
            if self.is_monotone && !self.lattice.is_top(node) {
                self.lattice.kill_below(node, &mut self.dead);
            }
            return false;
        }
        if outcome.may_be && !self.is_beaten(outcome.cost) {
            self.best = Some((outcome.cost, node));
        }
        if self.is_monotone && outcome.suppressed > 0 && !self.lattice.is_top(node) {
            self.known.push((node, outcome));
        }
        true
    }

    /// A number for each row that is the same under equal labels; `leaves` are those of the rows, by column.
    fn keys(&self, node: usize, leaves: &[Vec<u32>]) -> Keys {
        let mut keys = Keys::new(leaves.first().map_or(0, Vec::len));
        for (column, leaves) in leaves.iter().enumerate() {
            let level = &self.lattice.levels[column][self.lattice.level(node, column)];
            keys.add(level.label_count, leaves.iter().map(|&leaf| level.labels[leaf as usize]));
        }
        keys
    }

    fn outcome(&mut self, node: usize) -> Outcome {
        let is_suppressed = if self.lattice.is_top(node) {
            vec![true; self.rows.count()]
        } else if self.rows.is_collapsed {
            self.suppressed_by_size(node)
        } else {
            let mut is_suppressed = vec![true; self.rows.count()];
            for class in self.divided(node).0 {
                class.into_iter().for_each(|row| is_suppressed[row as usize] = false);
            }
            is_suppressed
        };
        let mut outcome = Outcome {
            suppressed: 0,
            cost: 0,
            may_be: true,
            saved: self.lattice.levels.iter().map(|levels| vec![0; levels.len()]).collect(),
        };
        for (row, weight) in self.rows.weights.iter().enumerate().filter(|(row, _)| is_suppressed[*row]) {
            outcome.suppressed += *weight as usize;
            for (column, leaves) in self.rows.leaves.iter().enumerate() {
                let levels = &self.lattice.levels[column];
                for (saved, level) in outcome.saved[column].iter_mut().zip(levels) {
                    *saved += u64::from(*weight) * level.costs[leaves[row] as usize];
                }
            }
        }
        outcome.cost = self.lattice.lost[node] + self.penalty(&outcome, node);
        if outcome.suppressed > 0 && outcome.suppressed <= self.input.suppressed_max {
            self.mind_suppressed(node, &mut outcome);
        }
        outcome
    }

    /// Suppressed rows that are kept must hold as a class, and others may have to join them; without those that are dropped
    /// the classes left must hold. Costs what that costs.
    fn mind_suppressed(&mut self, node: usize, outcome: &mut Outcome) {
        let is_large = outcome.suppressed >= self.input.conditions.k;
        if self.input.conditions.is_size_only()
            && self.input.population.is_none()
            && (is_large || self.input.suppressed_rows == SuppressedRows::Dropped)
        {
            return;
        }
        let (classes, suppressed) = self.classes(node);
        outcome.may_be = suppressed.len() <= self.input.suppressed_max && self.hold(&classes, &suppressed);
        if outcome.may_be {
            let cost = |row: &u32| -> u64 {
                let leaf = |column: usize| self.input.codes[column][*row as usize] as usize;
                (0..self.input.codes.len())
                    .map(|column| self.lattice.levels[column][self.lattice.level(node, column)].costs[leaf(column)])
                    .sum()
            };
            let kept: u64 = classes.iter().flatten().map(cost).sum();
            outcome.cost = kept + suppressed.len() as u64 * self.full;
        }
    }

    fn hold(&mut self, classes: &[Vec<u32>], suppressed: &[u32]) -> bool {
        match self.input.suppressed_rows {
            SuppressedRows::Kept => suppressed.is_empty() || self.input.conditions.hold(suppressed, &mut self.scratch),
            SuppressedRows::Dropped => {
                let left = self.input.conditions.without(suppressed);
                classes.iter().all(|class| left.hold(class, &mut self.scratch))
            }
        }
    }

    /// Whether each row is in a class with too few others.
    fn suppressed_by_size(&self, node: usize) -> Vec<bool> {
        let keys = self.keys(node, &self.rows.leaves);
        let least = self.input.conditions.k;
        let slots = usize::try_from(keys.bound).unwrap_or(usize::MAX);
        if slots <= 8 * self.rows.count() {
            let mut sizes = vec![0_usize; slots];
            let slot = |key: u64| usize::try_from(key).expect("below the number of slots");
            for (&key, &weight) in keys.values.iter().zip(&self.rows.weights) {
                sizes[slot(key)] += weight as usize;
            }
            return keys.values.iter().map(|&key| sizes[slot(key)] < least).collect();
        }
        let mut sorted: Vec<(u64, u32)> = keys.values.into_iter().zip(0..).collect();
        sorted.sort_unstable();
        let mut is_suppressed = vec![false; self.rows.count()];
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            let size: usize = group.iter().map(|&(_, row)| self.rows.weights[row as usize] as usize).sum();
            if size < least {
                group.iter().for_each(|&(_, row)| is_suppressed[row as usize] = true);
            }
        }
        is_suppressed
    }

    /// The classes of a combination that hold, and the rows of the others.
    fn divided(&mut self, node: usize) -> (Vec<Vec<u32>>, Vec<u32>) {
        let released = self.input.rows();
        // Those of the population that are not released have numbers from there on.
        let leaves = self.with_population.as_deref().unwrap_or(self.input.codes);
        let mut sorted: Vec<(u64, u32)> = self.keys(node, leaves).values.into_iter().zip(0..).collect();
        sorted.sort_unstable();
        let (mut classes, mut suppressed) = (Vec::new(), Vec::new());
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            let rows: Vec<u32> = group.iter().map(|&(_, row)| row).filter(|&row| (row as usize) < released).collect();
            if rows.is_empty() {
                continue;
            }
            let is_within = self.input.population.as_ref().is_none_or(|population| {
                let part = rows.len() as f64 / (group.len() - rows.len()) as f64;
                (population.limits.least..=population.limits.most).contains(&part)
            });
            if is_within && self.input.conditions.hold(&rows, &mut self.scratch) {
                classes.push(rows);
            } else {
                suppressed.extend(rows);
            }
        }
        (classes, suppressed)
    }

    /// The same as they are released: where the rows of the others are kept and are no class yet, the classes that lose least
    /// by it join them.
    fn classes(&mut self, node: usize) -> (Vec<Vec<u32>>, Vec<u32>) {
        if self.lattice.is_top(node) {
            return (Vec::new(), (0..small(self.input.rows())).collect());
        }
        let (mut classes, mut suppressed) = self.divided(node);
        if suppressed.is_empty() || self.input.suppressed_rows == SuppressedRows::Dropped {
            return (classes, suppressed);
        }
        classes.sort_by_key(|class| std::cmp::Reverse(class.len()));
        while !self.input.conditions.hold(&suppressed, &mut self.scratch) {
            let Some(class) = classes.pop() else { break };
            suppressed.extend(class);
        }
        (classes, suppressed)
    }

    fn assignment(&mut self, node: usize) -> (Assignment, Option<PresenceMeasures>) {
        let (classes, _) = self.classes(node);
        let mut class_of = vec![None; self.input.rows()];
        let mut nodes = Vec::with_capacity(classes.len());
        for (number, class) in classes.iter().enumerate() {
            for &row in class {
                class_of[row as usize] = Some(small(number));
            }
            let first = class[0] as usize;
            let label = |column: usize| {
                let level = &self.lattice.levels[column][self.lattice.level(node, column)];
                level.nodes[self.input.codes[column][first] as usize]
            };
            nodes.push((0..self.input.codes.len()).map(label).collect());
        }
        let presence = self.input.population.as_ref().map(|population| {
            let parts: Vec<f64> = classes
                .iter()
                .zip(&nodes)
                .map(|(class, labels): (_, &Vec<NodeId>)| {
                    let is_under = |row: usize| {
                        labels.iter().zip(population.codes).zip(self.input.identifiers).all(
                            |((label, codes), identifier)| {
                                identifier.hierarchy.leaves(*label).contains(&(codes[row] as usize))
                            },
                        )
                    };
                    let under = (0..population.codes.first().map_or(0, Vec::len)).filter(|&row| is_under(row)).count();
                    class.len() as f64 / under as f64
                })
                .collect();
            PresenceMeasures {
                population: population.codes.first().map_or(0, Vec::len),
                least: parts.iter().copied().reduce(f64::min).unwrap_or(0.0),
                most: parts.iter().copied().reduce(f64::max).unwrap_or(0.0),
            }
        });
        (Assignment { class_of, nodes }, presence)
    }
}
