//! The quasi-identifiers as a space: rows are points, a class is the box around its points, and a box has a cost.
//!
//! Each attribute is reduced to the values that rows have and to the nodes that tell them apart: the lowest common ancestor
//! of a set of rows is always one of those. Leaves keep the depth-first order of the hierarchy, so the ancestor of a set
//! is that of its least and its greatest leaf. Costs are whole numbers, so that sums do not depend on their order.

use std::ops::RangeInclusive;

use crate::error::Error;
use crate::hierarchy::{Hierarchy, NodeId};
use crate::rules::QuasiIdentifier;
use crate::table::small;

/// The cost of a suppressed cell of weight 1. Divides out when the loss is reported, which is computed afresh in floating point.
const FULL_COST: u32 = 1 << 20;

/// The weights that a column may have: sums of costs over columns stay far from what 32 bits hold.
pub(crate) const WEIGHTS: RangeInclusive<f64> = 0.01..=64.0;

/// What a suppressed cell of a column costs.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the weight was checked to be in its range"
)]
pub(crate) fn cost_of_cell(identifier: &QuasiIdentifier) -> u32 {
    (f64::from(FULL_COST) * identifier.weight).round() as u32
}

/// Above this many values in use an attribute has no table of spans and ancestors are climbed.
const TABLE_LEAVES_MAX: usize = 512;

/// Points hold a leaf in 16 bits, signed because that is what the smallest vector unit compares.
pub(crate) const LEAVES_MAX: usize = i16::MAX as usize;

/// A row: one leaf for each attribute, then zeros.
pub(crate) type Point<const N: usize> = [i16; N];

/// One attribute, reduced to the values in use.
pub(crate) struct Domain {
    /// What a suppressed cell costs.
    full: u32,
    nodes: Vec<DomainNode>,
    leaf_nodes: Vec<u32>,
    /// Cost of the least and greatest leaf, row by row; empty if there are too many leaves.
    spans: Vec<u32>,
    /// The same with nodes instead of costs.
    span_nodes: Vec<u16>,
}

pub(crate) struct DomainNode {
    pub(crate) parent: u32,
    pub(crate) low: i16,
    pub(crate) high: i16,
    pub(crate) cost: u32,
    pub(crate) original: NodeId,
    /// Column of the hierarchy.
    pub(crate) level: usize,
    pub(crate) children: Vec<u32>,
    /// For each leaf below, counted from `low`, which child holds it.
    child_of: Vec<u16>,
}

impl DomainNode {
    #[inline]
    pub(crate) fn child_of(&self, leaf: i16) -> usize {
        usize::from(self.child_of[place_of(leaf - self.low)])
    }
}

impl Domain {
    /// The domain, and for each leaf of the hierarchy its number here.
    pub(crate) fn new(identifier: &QuasiIdentifier, codes: &[u32]) -> Result<(Self, Vec<i16>), Error> {
        let QuasiIdentifier { column, hierarchy, .. } = identifier;
        let mut used = vec![false; hierarchy.leaf_count()];
        for &code in codes {
            used[code as usize] = true;
        }
        let present: Vec<usize> = (0..used.len()).filter(|&leaf| used[leaf]).collect();
        if present.len() > LEAVES_MAX {
            return Err(Error::TooMany {
                what: format!("different values in column {column:?}"),
                found: present.len(),
                limit: LEAVES_MAX,
            });
        }
        let mut renumbered = vec![0; used.len()];
        for (position, &leaf) in present.iter().enumerate() {
            renumbered[leaf] = leaf_number(position);
        }

        let mut domain = Self {
            full: cost_of_cell(identifier),
            nodes: Vec::new(),
            leaf_nodes: vec![0; present.len()],
            spans: Vec::new(),
            span_nodes: Vec::new(),
        };
        if !present.is_empty() {
            domain.grow(hierarchy, &present, 0, present.len(), 0);
        }
        if present.len() <= TABLE_LEAVES_MAX {
            domain.fill_tables();
        }
        Ok((domain, renumbered))
    }

    /// Adds the lowest node that holds `present[from..to]` and what branches below it.
    fn grow(&mut self, hierarchy: &Hierarchy, present: &[usize], from: usize, to: usize, parent: u32) -> u32 {
        let (first, last) = (present[from], present[to - 1]);
        let mut node = hierarchy.leaf_node(first);
        let mut below = node;
        while !hierarchy.leaves(node).contains(&last) {
            below = node;
            node = hierarchy.parent(node).expect("the root holds every leaf");
        }
        let (numerator, denominator) = hierarchy.loss(node);
        // Rounded once here; a node's share of the root is below one part in a million off.
        let full = u64::from(self.full);
        let cost = (full * numerator as u64 / denominator as u64).min(full);
        let index = small(self.nodes.len());
        self.nodes.push(DomainNode {
            parent,
            low: leaf_number(from),
            high: leaf_number(to - 1),
            cost: u32::try_from(cost).expect("at most the cost of suppression"),
            original: node,
            level: hierarchy.level(node),
            children: Vec::new(),
            child_of: Vec::new(),
        });
        if from + 1 == to {
            self.leaf_nodes[from] = index;
            return index;
        }
        let mut children = Vec::new();
        let mut start = from;
        let mut end_leaf = hierarchy.leaves(below).end;
        while start < to {
            let end = start + present[start..to].partition_point(|&leaf| leaf < end_leaf);
            children.push(self.grow(hierarchy, present, start, end, index));
            start = end;
            if start < to {
                let mut child = hierarchy.leaf_node(present[start]);
                while hierarchy.parent(child) != Some(node) {
                    child = hierarchy.parent(child).expect("the leaf is under the node");
                }
                end_leaf = hierarchy.leaves(child).end;
            }
        }
        let mut child_of = Vec::with_capacity(to - from);
        for (position, &child) in children.iter().enumerate() {
            let child = &self.nodes[child as usize];
            let position = u16::try_from(position).expect("no more children than leaves");
            child_of.extend(std::iter::repeat_n(position, place_of(child.high - child.low) + 1));
        }
        let node = &mut self.nodes[index as usize];
        node.children = children;
        node.child_of = child_of;
        index
    }

    fn fill_tables(&mut self) {
        let width = self.leaf_nodes.len();
        self.spans = vec![0; width * width];
        self.span_nodes = vec![0; width * width];
        for low in 0..width {
            for high in low..width {
                let node = self.climb(leaf_number(low), leaf_number(high));
                self.spans[low * width + high] = self.nodes[node as usize].cost;
                self.span_nodes[low * width + high] =
                    u16::try_from(node).expect("fewer than twice as many nodes as leaves");
            }
        }
    }

    fn climb(&self, low: i16, high: i16) -> u32 {
        let mut node = self.leaf_nodes[place_of(low)];
        while self.nodes[node as usize].high < high {
            node = self.nodes[node as usize].parent;
        }
        node
    }

    /// The lowest node that holds both leaves.
    pub(crate) fn ancestor(&self, low: i16, high: i16) -> u32 {
        if self.span_nodes.is_empty() {
            self.climb(low, high)
        } else {
            u32::from(self.span_nodes[place_of(low) * self.leaf_nodes.len() + place_of(high)])
        }
    }

    /// The highest node over a leaf that is not above this column of the hierarchy.
    pub(crate) fn at_level(&self, leaf: usize, level: usize) -> u32 {
        let mut node = self.leaf_nodes[leaf];
        loop {
            let parent = self.nodes[node as usize].parent;
            if parent == node || self.nodes[parent as usize].level > level {
                return node;
            }
            node = parent;
        }
    }

    pub(crate) fn level_max(&self) -> usize {
        self.nodes.first().map_or(0, |root| root.level)
    }

    pub(crate) fn node(&self, node: u32) -> &DomainNode {
        &self.nodes[node as usize]
    }

    pub(crate) fn leaf_count(&self) -> usize {
        self.leaf_nodes.len()
    }
}

/// All attributes.
pub(crate) struct Space {
    pub(crate) domains: Vec<Domain>,
    /// All tables of spans one after the other, with the place and the width of each.
    spans: Vec<u32>,
    tables: Vec<SpanTable>,
}

#[derive(Clone, Copy)]
struct SpanTable {
    start: usize,
    /// 0 if the attribute has no table.
    width: usize,
}

impl Space {
    pub(crate) fn new(domains: Vec<Domain>) -> Self {
        let mut space = Self { domains, spans: Vec::new(), tables: Vec::new() };
        space.lay_tables();
        space
    }

    fn lay_tables(&mut self) {
        self.spans.clear();
        self.tables.clear();
        for domain in &self.domains {
            let width = if domain.spans.is_empty() { 0 } else { domain.leaf_count() };
            self.tables.push(SpanTable { start: self.spans.len(), width });
            self.spans.extend_from_slice(&domain.spans);
        }
    }

    /// Puts the attributes first in which two rows taken by chance lose most, so that a comparison that is going to fail
    /// fails early. Returns which attribute each one was.
    pub(crate) fn put_dearest_first(&mut self, columns: &mut Vec<Vec<i16>>) -> Vec<usize> {
        let mut order: Vec<(u64, usize)> = columns
            .iter()
            .enumerate()
            .map(|(attribute, column)| {
                let half = column.len() / 2;
                let pairs = column[..half].iter().zip(&column[half..]);
                let lost = pairs.map(|(&a, &b)| u64::from(self.cell_cost(attribute, a.min(b), a.max(b)))).sum();
                (lost, attribute)
            })
            .collect();
        order.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let order: Vec<usize> = order.into_iter().map(|(_, attribute)| attribute).collect();
        let mut domains: Vec<Option<Domain>> = self.domains.drain(..).map(Some).collect();
        let mut taken: Vec<Vec<i16>> = std::mem::take(columns);
        for &attribute in &order {
            self.domains.extend(domains[attribute].take());
            columns.push(std::mem::take(&mut taken[attribute]));
        }
        self.lay_tables();
        order
    }

    pub(crate) fn attribute_count(&self) -> usize {
        self.domains.len()
    }

    /// What one row of a class in this box costs.
    #[inline]
    pub(crate) fn cost<const N: usize>(&self, low: &Point<N>, high: &Point<N>) -> u32 {
        (0..self.tables.len().min(N)).map(|attribute| self.cell_cost(attribute, low[attribute], high[attribute])).sum()
    }

    /// The same, unless it is more than `limit`; most boxes asked about are, and the first attributes tell.
    #[inline]
    pub(crate) fn cost_within<const N: usize>(&self, low: &Point<N>, high: &Point<N>, limit: u32) -> Option<u32> {
        let mut cost = 0;
        for attribute in 0..self.tables.len().min(N) {
            cost += self.cell_cost(attribute, low[attribute], high[attribute]);
            if cost > limit {
                return None;
            }
        }
        Some(cost)
    }

    #[inline(always)]
    fn cell_cost(&self, attribute: usize, low: i16, high: i16) -> u32 {
        let table = self.tables[attribute];
        if table.width > 0 {
            self.spans[table.start + place_of(low) * table.width + place_of(high)]
        } else {
            self.climbed_cost(attribute, low, high)
        }
    }

    /// Out of the way of the loops that hardly ever need it.
    #[cold]
    fn climbed_cost(&self, attribute: usize, low: i16, high: i16) -> u32 {
        let domain = &self.domains[attribute];
        domain.nodes[domain.climb(low, high) as usize].cost
    }

    /// The cost of suppressing a row.
    pub(crate) fn cost_suppressed(&self) -> u32 {
        self.domains.iter().map(|domain| domain.full).sum()
    }
}

/// The smallest box around some points.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent<const N: usize> {
    pub(crate) low: Point<N>,
    pub(crate) high: Point<N>,
}

impl<const N: usize> Extent<N> {
    /// Around nothing: the neutral element of [`Extent::join`].
    pub(crate) const EMPTY: Self = Self { low: [i16::MAX; N], high: [i16::MIN; N] };

    #[inline]
    pub(crate) fn add(&mut self, point: &Point<N>) {
        for (low, &leaf) in self.low.iter_mut().zip(point) {
            *low = leaf.min(*low);
        }
        for (high, &leaf) in self.high.iter_mut().zip(point) {
            *high = leaf.max(*high);
        }
    }

    #[inline]
    pub(crate) fn with(mut self, point: &Point<N>) -> Self {
        self.add(point);
        self
    }

    #[inline]
    pub(crate) fn join(&self, other: &Self) -> Self {
        let mut joined = *self;
        for attribute in 0..N {
            joined.low[attribute] = joined.low[attribute].min(other.low[attribute]);
            joined.high[attribute] = joined.high[attribute].max(other.high[attribute]);
        }
        joined
    }

    /// Whether the box could shrink if a point left.
    #[inline]
    pub(crate) fn touches(&self, point: &Point<N>) -> bool {
        let mut touching = false;
        for (&leaf, (&low, &high)) in point.iter().zip(self.low.iter().zip(&self.high)) {
            touching |= (low != high) & ((leaf == low) | (leaf == high));
        }
        touching
    }

    pub(crate) fn around<'a>(points: impl IntoIterator<Item = &'a Point<N>>) -> Self {
        let mut extent = Self::EMPTY;
        for point in points {
            extent.add(point);
        }
        extent
    }
}

pub(crate) fn leaf_number(position: usize) -> i16 {
    i16::try_from(position).expect("the number of leaves was checked")
}

/// Leaves are never negative; they are signed for the sake of the vector unit.
#[inline]
pub(crate) fn place_of(leaf: i16) -> usize {
    usize::from(leaf.cast_unsigned())
}
