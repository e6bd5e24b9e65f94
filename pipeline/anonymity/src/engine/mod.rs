//! Finds classes that hold at little loss.
//!
//! Sees points and codes, never text. Construct, then search; what comes out is a partition of the rows in which every
//! class holds, and possibly a few rows to suppress. Nobody takes its word for it: `verify` reads the released table.

mod chance;
mod conditions;
mod peel;
mod place;
mod search;
mod space;
mod suppress;
mod top_down;
mod view;

pub(crate) use chance::Chance;
pub(crate) use conditions::{Conditions, Contributors, Ground, Scratch, SensitiveCondition};
pub(crate) use space::{Domain, Space, WEIGHTS, cost_of_cell};

use crate::error::Error;
use crate::hierarchy::NodeId;
use crate::rules::{Effort, Seed, SuppressedRows};
use crate::table::small;
use space::{Extent, Point};
use top_down::{Splitter, Taste};
use view::View;

/// The most quasi-identifiers a request may have.
pub(crate) const ATTRIBUTES_MAX: usize = 32;

/// How dearly the first construction pays for information; tried on Adult from .3 to 1.5, flat around this.
const THRIFT: f64 = 0.45;

/// From this k on peeling pays within a short search; below, the search itself is quicker.
const PEELED_K_MIN: usize = 8;

/// Streams of the seed, by purpose.
pub(crate) mod streams {
    pub(crate) const ROW_ORDER_IN: u64 = 1;
    pub(crate) const ROW_ORDER_OUT: u64 = 2;
    pub(crate) const TIES: u64 = 3;
    pub(crate) const ROWS_OF_A_PERSON: u64 = 4;
    pub(crate) const ROWS_LEFT_OUT: u64 = 5;
    pub(crate) const SEARCH: u64 = 1 << 32;
}

/// What is to be solved: columns of leaves in row order, and the conditions.
pub(crate) struct Input {
    pub(crate) space: Space,
    pub(crate) columns: Vec<Vec<i16>>,
    pub(crate) conditions: Conditions,
    pub(crate) suppressed_max: usize,
    pub(crate) suppressed_rows: SuppressedRows,
    pub(crate) effort: Effort,
    pub(crate) seed: Seed,
}

/// A partition of the rows that are not suppressed.
pub(crate) struct Solution {
    pub(crate) classes: Vec<SolvedClass>,
}

/// Some rows, and the label of each attribute.
pub(crate) struct SolvedClass {
    pub(crate) rows: Vec<u32>,
    pub(crate) nodes: Vec<NodeId>,
}

/// An [`Input`] with its rows as points; the width is fixed so that boxes are compared in a few vector instructions.
pub(crate) struct Problem<const N: usize> {
    pub(crate) space: Space,
    /// Which attribute of the request each attribute here is.
    attributes: Vec<usize>,
    pub(crate) points: Vec<Point<N>>,
    pub(crate) conditions: Conditions,
    /// Whether only the number of rows decides if a class holds.
    pub(crate) size_only: bool,
    pub(crate) tie_key: u64,
    pub(crate) seed: Seed,
    pub(crate) suppressed_max: usize,
    pub(crate) suppressed_rows: SuppressedRows,
    pub(crate) effort: Effort,
}

/// Solves, or says why the whole table as one class does not hold.
pub(crate) fn solve(input: Input) -> Result<Solution, Error> {
    let attributes = input.columns.len();
    match attributes {
        0..=8 => Problem::<8>::new(input).solve(),
        9..=16 => Problem::<16>::new(input).solve(),
        17..=ATTRIBUTES_MAX => Problem::<32>::new(input).solve(),
        _ => Err(Error::TooMany { what: "quasi-identifiers".into(), found: attributes, limit: ATTRIBUTES_MAX }),
    }
}

impl<const N: usize> Problem<N> {
    fn new(mut input: Input) -> Self {
        let attributes = input.space.put_dearest_first(&mut input.columns);
        let rows = input.columns.first().map_or(0, Vec::len);
        let mut points = vec![[0; N]; rows];
        for (attribute, column) in input.columns.iter().enumerate() {
            for (point, &leaf) in points.iter_mut().zip(column) {
                point[attribute] = leaf;
            }
        }
        Self {
            space: input.space,
            attributes,
            points,
            size_only: input.conditions.is_size_only(),
            conditions: input.conditions,
            tie_key: Chance::new(input.seed, streams::TIES).number(),
            seed: input.seed,
            suppressed_max: input.suppressed_max,
            suppressed_rows: input.suppressed_rows,
            effort: input.effort,
        }
    }

    fn solve(&self) -> Result<Solution, Error> {
        let mut rows: Vec<u32> = (0..small(self.points.len())).collect();
        if rows.is_empty() {
            return Ok(Solution { classes: Vec::new() });
        }
        if let Some(reason) = self.conditions.complaint(&rows, &mut Scratch::default()) {
            return Err(Error::Unsatisfiable { reason: format!("the whole table has {reason}") });
        }
        let classes = self.construct(&mut rows);
        let classes = search::improve(self, classes);
        let classes = place::spread_stars(self, classes);
        let classes = suppress::outliers(self, classes);
        if !self.all_hold(&classes) {
            // Only dropped rows can bring this about: every step leaves every class holding in the whole table.
            debug_assert!(self.suppressed_rows == SuppressedRows::Dropped, "a class that does not hold");
            return Err(Error::Unsatisfiable {
                reason: "without the rows that would be dropped a class is too far from the table; keep those rows"
                    .into(),
            });
        }
        Ok(Solution { classes: classes.into_iter().map(|rows| self.label(rows)).collect() })
    }

    /// Whether the table is peeled too. Where a class must be like the table, splitting alone gives half again as much loss.
    pub(crate) fn is_peeled(&self) -> bool {
        match self.effort {
            Effort::Fast => false,
            Effort::Default => self.conditions.k >= PEELED_K_MIN || self.conditions.is_like_the_table(),
            Effort::More => true,
        }
    }

    /// The better of two constructions, or the quick one if that is enough.
    fn construct(&self, rows: &mut [u32]) -> Vec<Vec<u32>> {
        let mut splitter = Splitter::new(View::whole(self));
        let taste = Taste { thrift: THRIFT, noise: 0.0, key: self.tie_key };
        let split = splitter.split(rows, taste);
        if !self.is_peeled() {
            return split;
        }
        let Some(peeled) = peel::peel(self) else { return split };
        let peeled: Vec<Vec<u32>> =
            peeled.into_iter().flat_map(|mut class| splitter.split(&mut class, taste)).collect();
        if self.cost(&peeled) < self.cost(&split) { peeled } else { split }
    }

    fn label(&self, rows: Vec<u32>) -> SolvedClass {
        let extent = Extent::around(rows.iter().map(|&row| &self.points[row as usize]));
        let mut nodes: Vec<(usize, NodeId)> = (0..self.attributes.len())
            .map(|attribute| {
                let domain = &self.space.domains[attribute];
                let node = domain.ancestor(extent.low[attribute], extent.high[attribute]);
                (self.attributes[attribute], domain.node(node).original)
            })
            .collect();
        nodes.sort_unstable_by_key(|&(attribute, _)| attribute);
        SolvedClass { nodes: nodes.into_iter().map(|(_, node)| node).collect(), rows }
    }

    /// Whether nothing but `*` is left of these rows, so that they read as suppressed.
    pub(crate) fn is_star(&self, rows: &[u32]) -> bool {
        let extent = Extent::around(rows.iter().map(|&row| &self.points[row as usize]));
        self.space.cost(&extent.low, &extent.high) == self.space.cost_suppressed()
    }

    /// Whether every class holds in the table that is released. It is what classes are close to, and dropped rows, those in
    /// no class or in one of `*` only, are not in it.
    pub(crate) fn all_hold(&self, classes: &[Vec<u32>]) -> bool {
        let mut scratch = Scratch::default();
        if self.suppressed_rows == SuppressedRows::Kept {
            return classes.iter().all(|class| self.conditions.hold(class, &mut scratch));
        }
        let released: Vec<&Vec<u32>> = classes.iter().filter(|class| !self.is_star(class)).collect();
        let mut is_dropped = vec![true; self.points.len()];
        released.iter().copied().flatten().for_each(|&row| is_dropped[row as usize] = false);
        let dropped: Vec<u32> = (0..small(is_dropped.len())).filter(|&row| is_dropped[row as usize]).collect();
        let conditions = self.conditions.without(&dropped);
        released.iter().all(|class| conditions.hold(class, &mut scratch))
    }

    /// The loss of a partition, in units of [`space::cost_of_cell`].
    pub(crate) fn cost(&self, classes: &[Vec<u32>]) -> u64 {
        classes
            .iter()
            .map(|class| {
                let extent = Extent::around(class.iter().map(|&row| &self.points[row as usize]));
                class.len() as u64 * u64::from(self.space.cost(&extent.low, &extent.high))
            })
            .sum()
    }
}
