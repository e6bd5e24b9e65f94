//! Splits rows along one attribute at a time for as long as the parts hold.
//!
//! The construction that is always there, and the tool with which the search makes a few classes anew. It is given rows
//! that hold as one class and gives classes that do. Values with too few rows of their own stay together; if they are
//! still too few, some rows of a larger part come to them, or they join the part where that costs least.

use rayon::prelude::*;

use crate::engine::chance::{fraction, mix};
use crate::engine::conditions::Scratch;
use crate::engine::space::{DomainNode, Extent, Point};
use crate::engine::view::View;
use crate::table::small;

/// Parts with fewer rows are not worth another thread.
const PARALLEL_ROWS_MIN: usize = 8192;

/// How many rows a part may borrow, in multiples of k, where the number of rows is not all that matters.
const BORROWED_MAX: usize = 3;

/// Above this many rows the boxes of a plan are taken from one row in several. Rows are counted all the same, so only
/// the choice between plans is less exact, and where so many rows are together it is seldom close.
const SAMPLED_ROWS: usize = 8192;

/// What a split is valued by.
#[derive(Clone, Copy)]
pub(crate) struct Taste {
    /// The loss a split saves is divided by its information to this power: rows told apart here can not be told apart by
    /// something else further down.
    pub(crate) thrift: f64,
    /// The greatest part by which chance raises a value.
    pub(crate) noise: f64,
    /// What chance is made from. It decides ties too: an order of choice that is known can be undone.
    pub(crate) key: u64,
}

/// Splits rows into classes; its buffers serve many calls.
pub(crate) struct Splitter<'a, const N: usize> {
    view: View<'a, N>,
    taste: Taste,
    scratch: Scratch,
    parts: Vec<Part<N>>,
    sorted: Vec<u32>,
    pool: Vec<u32>,
    classes: Vec<Vec<u32>>,
}

/// The rows under one child of the attribute's node.
#[derive(Clone, Copy)]
struct Part<const N: usize> {
    rows: usize,
    extent: Extent<N>,
}

struct Plan {
    attribute: usize,
    score: f64,
    /// Child → group; groups are classes to be.
    group_of: Vec<usize>,
    group_count: usize,
    /// The last group has too few rows and takes some of the others'.
    borrows: bool,
}

/// A child that is in no group yet.
const UNGROUPED: usize = usize::MAX;

impl<'a, const N: usize> Splitter<'a, N> {
    pub(crate) fn new(view: View<'a, N>) -> Self {
        Self {
            view,
            taste: Taste { thrift: 0.0, noise: 0.0, key: 0 },
            scratch: Scratch::default(),
            parts: Vec::new(),
            sorted: Vec::new(),
            pool: Vec::new(),
            classes: Vec::new(),
        }
    }

    fn with_taste(view: View<'a, N>, taste: Taste) -> Self {
        Self { taste, ..Self::new(view) }
    }

    /// Splits rows that hold as one class.
    pub(crate) fn split(&mut self, rows: &mut [u32], taste: Taste) -> Vec<Vec<u32>> {
        self.taste = taste;
        if !rows.is_empty() {
            let extent = self.view.extent(rows);
            self.divide(rows, &extent);
        }
        std::mem::take(&mut self.classes)
    }

    fn divide(&mut self, rows: &mut [u32], extent: &Extent<N>) {
        let price = self.view.price(rows.len(), extent);
        if price == 0 || rows.len() < 2 * self.view.k() {
            self.classes.push(rows.to_vec());
            return;
        }
        let splittable: Vec<usize> = (0..self.view.space().attribute_count())
            .filter(|&attribute| extent.low[attribute] != extent.high[attribute])
            .collect();
        let mut plans: Vec<Plan> = if rows.len() >= PARALLEL_ROWS_MIN {
            let (view, taste) = (self.view, self.taste);
            let plan = |attribute| Splitter::with_taste(view, taste).plan(rows, extent, attribute, price);
            splittable.into_par_iter().filter_map(plan).collect()
        } else {
            splittable.into_iter().filter_map(|attribute| self.plan(rows, extent, attribute, price)).collect()
        };
        plans.sort_by(|a, b| b.score.total_cmp(&a.score));
        let Some(groups) = plans.iter().find_map(|plan| self.realise(plan, rows, extent)) else {
            self.classes.push(rows.to_vec());
            return;
        };
        if rows.len() >= PARALLEL_ROWS_MIN {
            let (view, taste) = (self.view, self.taste);
            let classes: Vec<Vec<Vec<u32>>> =
                groups.into_par_iter().map(|group| split_copied(view, &group, taste)).collect();
            self.classes.extend(classes.into_iter().flatten());
        } else {
            for mut group in groups {
                let extent = self.view.extent(&group);
                self.divide(&mut group, &extent);
            }
        }
    }

    fn node(&self, extent: &Extent<N>, attribute: usize) -> &'a DomainNode {
        let domain = &self.view.space().domains[attribute];
        domain.node(domain.ancestor(extent.low[attribute], extent.high[attribute]))
    }

    /// A way to split on this attribute that lowers the price of the rows, if there is one.
    fn plan(&mut self, rows: &[u32], extent: &Extent<N>, attribute: usize, price: u64) -> Option<Plan> {
        let node = self.node(extent, attribute);
        self.parts.clear();
        self.parts.resize(node.children.len(), Part { rows: 0, extent: Extent::EMPTY });
        let stride = if self.view.size_only() { (rows.len() / SAMPLED_ROWS).max(1) } else { 1 };
        for some in rows.chunks(stride) {
            for (position, &row) in some.iter().enumerate() {
                let point = self.view.point(row);
                let part = &mut self.parts[node.child_of(point[attribute])];
                if position == 0 || part.rows == 0 {
                    part.extent.add(point);
                }
                part.rows += 1;
            }
        }
        let starts = if self.view.size_only() { Vec::new() } else { self.sort_by_child(rows, node, attribute) };

        // Each child that holds is a group; the others share one, the pool.
        let mut group_of = vec![UNGROUPED; self.parts.len()];
        let mut group_count = 0;
        let mut pool = Part { rows: 0, extent: Extent::EMPTY };
        let mut planned = 0;
        self.pool.clear();
        for (child, group) in group_of.iter_mut().enumerate() {
            let part = self.parts[child];
            let members = starts.get(child..child + 2).map_or(0..0, |bounds| bounds[0]..bounds[1]);
            if part.rows > 0 && self.view.may_hold(part.rows, &self.sorted[members.clone()], &mut self.scratch) {
                *group = group_count;
                group_count += 1;
                planned += self.view.price(part.rows, &part.extent);
            } else if part.rows > 0 {
                pool.rows += part.rows;
                pool.extent = pool.extent.join(&part.extent);
                self.pool.extend_from_slice(&self.sorted[members]);
            }
        }
        if group_count == 0 {
            return None;
        }
        let mut borrows = false;
        if pool.rows > 0 {
            let pool_group = if self.view.may_hold(pool.rows, &self.pool, &mut self.scratch) {
                planned += self.view.price(pool.rows, &pool.extent);
                group_count
            } else if let Some(borrowing) = self.borrowing(&pool, extent, attribute, &group_of)
                && self.cheapest_host(&pool, &group_of).is_none_or(|(joining, _)| borrowing < joining)
            {
                planned += borrowing;
                borrows = true;
                group_count
            } else {
                let (joining, host) = self.cheapest_host(&pool, &group_of)?;
                planned += joining;
                group_of[host]
            };
            group_count = group_count.max(pool_group + 1);
            for (group, part) in group_of.iter_mut().zip(&self.parts) {
                if *group == UNGROUPED && part.rows > 0 {
                    *group = pool_group;
                }
            }
        }
        if group_count < 2 || planned >= price {
            return None;
        }
        let score = self.score(rows.len(), attribute, &group_of, group_count, price - planned);
        Some(Plan { attribute, score, group_of, group_count, borrows })
    }

    fn score(&self, rows: usize, attribute: usize, group_of: &[usize], group_count: usize, saved: u64) -> f64 {
        let mut sizes = vec![0; group_count];
        for (part, &group) in self.parts.iter().zip(group_of) {
            if group != UNGROUPED {
                sizes[group] += part.rows;
            }
        }
        let information: f64 = sizes.iter().map(|&size| size as f64 * (rows as f64 / size as f64).log2()).sum();
        let chance = fraction(mix(self.taste.key, rows as u64 ^ ((attribute as u64) << 48) ^ saved));
        saved as f64 / information.powf(self.taste.thrift) * (1.0 + self.taste.noise * chance)
    }

    /// About what the pool will cost with enough rows borrowed from the groups; `None` if they cannot spare them.
    fn borrowing(&self, pool: &Part<N>, extent: &Extent<N>, attribute: usize, group_of: &[usize]) -> Option<u64> {
        let k = self.view.k();
        let spare: usize = self
            .parts
            .iter()
            .zip(group_of)
            .filter(|&(_, &group)| group != UNGROUPED)
            .map(|(part, _)| part.rows - k)
            .sum();
        let mut wide = pool.extent;
        wide.low[attribute] = extent.low[attribute];
        wide.high[attribute] = extent.high[attribute];
        (pool.rows + spare >= k).then(|| self.view.price(k.max(pool.rows + 1), &wide))
    }

    /// The child in a group that the pool would join, and what that costs; `None` if all would be one class again.
    fn cheapest_host(&self, pool: &Part<N>, group_of: &[usize]) -> Option<(u64, usize)> {
        let hosts = (0..self.parts.len()).filter(|&child| group_of[child] != UNGROUPED);
        let joining = |child: usize| {
            let part = &self.parts[child];
            self.view.price(part.rows + pool.rows, &part.extent.join(&pool.extent))
                - self.view.price(part.rows, &part.extent)
        };
        if hosts.clone().count() < 2 {
            return None;
        }
        hosts.map(|child| (joining(child), child)).min()
    }

    /// The groups of a plan, unless they turn out not to hold.
    fn realise(&mut self, plan: &Plan, rows: &[u32], extent: &Extent<N>) -> Option<Vec<Vec<u32>>> {
        let mut groups = vec![Vec::new(); plan.group_count];
        let node = self.node(extent, plan.attribute);
        for &row in rows {
            groups[plan.group_of[node.child_of(self.view.point(row)[plan.attribute])]].push(row);
        }
        if plan.borrows {
            self.borrow(&mut groups)?;
        } else if !self.view.size_only() && !groups.iter().all(|group| self.view.hold(group, &mut self.scratch)) {
            // Joining the host was not asked when it was planned.
            return None;
        }
        Some(groups)
    }

    /// Fills the last group with the rows of others that make it grow least; `None` if they cannot be spared.
    fn borrow(&mut self, groups: &mut Vec<Vec<u32>>) -> Option<()> {
        let k = self.view.k();
        let mut pool = groups.pop()?;
        let rows_max = pool.len().max(k) + BORROWED_MAX * k;
        let mut extent = self.view.extent(&pool);
        while pool.len() < k || !self.view.may_hold(pool.len(), &pool, &mut self.scratch) {
            if pool.len() >= rows_max {
                return None;
            }
            let mut best: Option<(u64, usize, usize)> = None;
            for (index, group) in groups.iter().enumerate().filter(|(_, group)| group.len() > k) {
                for (place, &row) in group.iter().enumerate() {
                    let cost = self.view.price(1, &extent.with(self.view.point(row)));
                    if best.is_none_or(|best| cost < best.0) {
                        best = Some((cost, index, place));
                    }
                }
            }
            let (_, index, place) = best?;
            let row = groups[index].swap_remove(place);
            extent.add(self.view.point(row));
            pool.push(row);
        }
        let spared = self.view.size_only() || groups.iter().all(|group| self.view.hold(group, &mut self.scratch));
        groups.push(pool);
        spared.then_some(())
    }

    /// Fills `sorted` with the rows child by child and returns where each begins.
    fn sort_by_child(&mut self, rows: &[u32], node: &DomainNode, attribute: usize) -> Vec<usize> {
        let mut starts = vec![0; self.parts.len() + 1];
        for (child, part) in self.parts.iter().enumerate() {
            starts[child + 1] = starts[child] + part.rows;
        }
        let mut next = starts.clone();
        self.sorted.clear();
        self.sorted.resize(rows.len(), 0);
        for &row in rows {
            let child = node.child_of(self.view.point(row)[attribute]);
            self.sorted[next[child]] = row;
            next[child] += 1;
        }
        starts
    }
}

/// Splits rows over a copy of their points: what follows goes over them many times, and side by side they stay in the
/// cache.
fn split_copied<const N: usize>(view: View<'_, N>, rows: &[u32], taste: Taste) -> Vec<Vec<u32>> {
    let points: Vec<Point<N>> = rows.iter().map(|&row| *view.point(row)).collect();
    let problem_rows: Vec<u32> = rows.iter().map(|&row| view.problem_row(row)).collect();
    let mut members: Vec<u32> = (0..small(rows.len())).collect();
    let mut classes = Splitter::new(view.copied(&points, &problem_rows)).split(&mut members, taste);
    for class in &mut classes {
        for member in class {
            *member = rows[*member as usize];
        }
    }
    classes
}
