//! Lowers the loss of a partition by many small changes, each of which leaves every class holding.
//!
//! A round sorts the rows by a random order of the attributes: rows that agree in most of them become neighbours, and the
//! classes of a row's neighbours are the only ones it is compared with. The order is cut into blocks that do not share a
//! class, so blocks are worked on at the same time and the result is the same as one after the other. How long a search
//! takes is a number of rounds, never of seconds: a busy machine gives the same table.

use rayon::prelude::*;

use crate::engine::chance::Chance;
use crate::engine::conditions::Scratch;
use crate::engine::space::{Extent, Point};
use crate::engine::top_down::{Splitter, Taste};
use crate::engine::view::View;
use crate::engine::{Problem, streams};
use crate::rules::Effort;
use crate::table::{signed, small};

/// Rows of a block: enough neighbours, and few enough to stay in the cache.
const BLOCK_ROWS: usize = 4096;

/// Changes tried for a class before the next one has its turn.
const CHANGES_MAX: usize = 4;

/// Neighbouring classes with which a class is put together and cut again.
const REMIXED_WITH: usize = 3;

/// Two classes with more rows than this many times k are left to the splitter.
const REMIXED_ROWS: usize = 6;

/// How many rows are split afresh together, in multiples of k.
const RESOLVED_K_MIN: usize = 6;
const RESOLVED_K_MAX: usize = 20;

/// What a round does.
#[derive(Clone, Copy)]
struct Round {
    /// How many rows before and after a member are its neighbours.
    reach: usize,
    /// How often neighbouring classes are split afresh.
    resolves: usize,
    /// By which part a fresh split may be worse and still be taken.
    heat: f64,
}

const SHORT: Round = Round { reach: 6, resolves: 1, heat: 0.0 };
const SHORT_ROUNDS: usize = 3;

/// A long search starts as a short one does, so that it never ends worse.
const LONG: Round = Round { reach: 8, resolves: 4, heat: 0.05 };
const LONG_ROUNDS: usize = 24;

fn rounds<const N: usize>(problem: &Problem<N>) -> Vec<Round> {
    let short = [SHORT; SHORT_ROUNDS];
    match problem.effort {
        Effort::Fast => Vec::new(),
        // Peeling took the time of two rounds and left less to find; with other rules a round is nothing beside it.
        Effort::Default if problem.is_peeled() && problem.size_only => vec![SHORT],
        Effort::Default => short.to_vec(),
        // The heat falls evenly, and the last tenth only takes what pays.
        Effort::More => {
            let cooling = (1..=LONG_ROUNDS).map(|round| {
                let heat = LONG.heat * (1.0 - round as f64 / (0.9 * LONG_ROUNDS as f64)).max(0.0);
                Round { heat, ..LONG }
            });
            short.into_iter().chain(cooling).collect()
        }
    }
}

/// Searches as long as the effort says and returns the best that was met.
pub(crate) fn improve<const N: usize>(problem: &Problem<N>, classes: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    let mut best_cost = problem.cost(&classes);
    let mut best = classes.clone();
    let mut classes = classes;
    for (number, round) in rounds(problem).into_iter().enumerate() {
        classes = improve_once(problem, &classes, number, round);
        let cost = problem.cost(&classes);
        if cost < best_cost {
            best_cost = cost;
            best.clone_from(&classes);
        }
    }
    best
}

fn improve_once<const N: usize>(
    problem: &Problem<N>,
    classes: &[Vec<u32>],
    number: usize,
    round: Round,
) -> Vec<Vec<u32>> {
    let stream = streams::SEARCH + ((number as u64) << 32);
    let mut chance = Chance::new(problem.seed, stream);
    let order = random_order(problem, &mut chance);
    let blocks = cut_blocks(classes, &order, &mut chance);
    let improved: Vec<Vec<Vec<u32>>> = blocks
        .into_par_iter()
        .enumerate()
        .map(|(index, draft)| {
            let points: Vec<Point<N>> = draft.rows.iter().map(|&row| problem.points[row as usize]).collect();
            let view = View::part(problem, &points, &draft.rows);
            let mut block = Block::new(view, &draft, Chance::new(problem.seed, stream + 1 + index as u64));
            for _ in 0..round.resolves {
                block.resolve(round.heat);
            }
            block.sweep(round.reach);
            block.into_classes(&draft.rows)
        })
        .collect();
    improved.into_iter().flatten().collect()
}

/// The rows sorted by the attributes in a random order; as many as fit 64 bits count.
fn random_order<const N: usize>(problem: &Problem<N>, chance: &mut Chance) -> Vec<u32> {
    let mut attributes: Vec<usize> = (0..problem.space.attribute_count()).collect();
    chance.shuffle(&mut attributes);
    let mut keys: Vec<(u64, u32)> = (0..small(problem.points.len())).map(|row| (0, row)).collect();
    let mut free = u64::BITS;
    for attribute in attributes {
        let bits = usize::BITS - problem.space.domains[attribute].leaf_count().leading_zeros();
        if bits > free {
            continue;
        }
        free -= bits;
        for (key, row) in &mut keys {
            *key = *key << bits | u64::from(problem.points[*row as usize][attribute].unsigned_abs());
        }
    }
    keys.sort_unstable();
    keys.into_iter().map(|(_, row)| row).collect()
}

/// The rows of a block in the order of the round, and their classes numbered from 0.
struct Draft {
    rows: Vec<u32>,
    class_of: Vec<u32>,
    class_count: usize,
}

/// Puts each class into the block of one of its rows, chosen by chance, so that it meets others every round.
fn cut_blocks(classes: &[Vec<u32>], order: &[u32], chance: &mut Chance) -> Vec<Draft> {
    let mut class_of = vec![0; order.len()];
    for (index, class) in classes.iter().enumerate() {
        for &row in class {
            class_of[row as usize] = small(index);
        }
    }
    let mut waiting: Vec<usize> = classes.iter().map(|class| chance.below(class.len())).collect();
    let mut place = vec![(0, 0); classes.len()];
    let mut drafts = vec![Draft { rows: Vec::new(), class_of: Vec::new(), class_count: 0 }];
    let mut filled = 0;
    for &row in order {
        let class = class_of[row as usize] as usize;
        if waiting[class] == 0 {
            if filled >= BLOCK_ROWS {
                drafts.push(Draft { rows: Vec::new(), class_of: Vec::new(), class_count: 0 });
                filled = 0;
            }
            let block = drafts.len() - 1;
            place[class] = (block, small(drafts[block].class_count));
            drafts[block].class_count += 1;
            filled += classes[class].len();
        }
        waiting[class] = waiting[class].wrapping_sub(1);
    }
    for &row in order {
        let (block, class) = place[class_of[row as usize] as usize];
        drafts[block].rows.push(row);
        drafts[block].class_of.push(class);
    }
    drafts
}

struct Class<const N: usize> {
    members: Vec<u32>,
    extent: Extent<N>,
    /// What one of its rows costs.
    cost: u32,
}

impl<const N: usize> Class<N> {
    const EMPTY: Self = Self { members: Vec::new(), extent: Extent::EMPTY, cost: 0 };

    fn rows(&self) -> i64 {
        signed(self.members.len())
    }

    fn price(&self) -> i64 {
        self.rows() * i64::from(self.cost)
    }
}

/// Some classes and their rows, sorted; a member's number is its position.
struct Block<'a, const N: usize> {
    view: View<'a, N>,
    class_of: Vec<u32>,
    classes: Vec<Class<N>>,
    chance: Chance,
    scratch: Scratch,
    checked: Vec<u32>,
    near: Near,
}

/// What lies near the class at work: rows of other classes, and those classes.
#[derive(Default)]
struct Near {
    rows: Vec<u32>,
    classes: Vec<u32>,
    /// When a row or class was last seen, so that each is taken once.
    rows_seen: Vec<u32>,
    classes_seen: Vec<u32>,
    now: u32,
}

impl<'a, const N: usize> Block<'a, N> {
    fn new(view: View<'a, N>, draft: &Draft, chance: Chance) -> Self {
        let mut classes: Vec<Class<N>> = (0..draft.class_count).map(|_| Class::EMPTY).collect();
        for (member, &class) in draft.class_of.iter().enumerate() {
            let class = &mut classes[class as usize];
            class.members.push(small(member));
            class.extent.add(view.point(small(member)));
        }
        for class in &mut classes {
            class.cost = view.space().cost(&class.extent.low, &class.extent.high);
        }
        let near = Near { rows_seen: vec![0; draft.rows.len()], ..Near::default() };
        Self {
            view,
            class_of: draft.class_of.clone(),
            classes,
            chance,
            scratch: Scratch::default(),
            checked: Vec::new(),
            near,
        }
    }

    fn into_classes(self, rows: &[u32]) -> Vec<Vec<u32>> {
        self.classes
            .into_iter()
            .filter(|class| !class.members.is_empty())
            .map(|class| class.members.into_iter().map(|member| rows[member as usize]).collect())
            .collect()
    }

    fn cost(&self, extent: &Extent<N>) -> u32 {
        self.view.space().cost(&extent.low, &extent.high)
    }

    /// What so many rows in this box cost, if that is less than `limit`.
    #[inline]
    fn price_below(&self, rows: i64, extent: &Extent<N>, limit: i64) -> Option<i64> {
        let cost_max = (limit - 1).div_euclid(rows);
        let cost =
            i64::from(self.view.space().cost_within(&extent.low, &extent.high, u32::try_from(cost_max).ok()?)?);
        Some(cost * rows)
    }

    /// What the loss grows by if the member joins, if that is less than `limit`.
    #[inline]
    fn joining_below(&self, class: usize, member: u32, limit: i64) -> Option<i64> {
        let class = &self.classes[class];
        let price = class.price();
        let extent = class.extent.with(self.view.point(member));
        Some(self.price_below(class.rows() + 1, &extent, limit.saturating_add(price))? - price)
    }

    /// The box without one member.
    fn without(&self, class: usize, member: u32) -> Extent<N> {
        let class = &self.classes[class];
        if !class.extent.touches(self.view.point(member)) {
            return class.extent;
        }
        let mut extent = Extent::EMPTY;
        for &other in &class.members {
            if other != member {
                extent.add(self.view.point(other));
            }
        }
        extent
    }

    fn shift(&mut self, member: u32, to: usize) {
        let from = self.class_of[member as usize] as usize;
        let extent = self.without(from, member);
        let cost = if self.classes[from].members.len() == 1 { 0 } else { self.cost(&extent) };
        let left = &mut self.classes[from];
        let place = left
            .members
            .iter()
            .position(|&other| other == member)
            .expect("a member is in the class it is said to be in");
        left.members.swap_remove(place);
        left.extent = extent;
        left.cost = cost;
        let extent = self.classes[to].extent.with(self.view.point(member));
        let cost = self.cost(&extent);
        let joined = &mut self.classes[to];
        joined.members.push(member);
        joined.extent = extent;
        joined.cost = cost;
        self.class_of[member as usize] = small(to);
    }

    /// Whether the class would hold with one row less or more. Only the number is known to suffice, and only sometimes.
    fn holds(&mut self, class: usize, without: Option<u32>, with: Option<u32>) -> bool {
        let members = &self.classes[class].members;
        let count = members.len() + usize::from(with.is_some()) - usize::from(without.is_some());
        if self.view.size_only() || count < self.view.k() {
            return count >= self.view.k();
        }
        self.checked.clear();
        self.checked.extend(members.iter().copied().filter(|&member| Some(member) != without));
        self.checked.extend(with);
        self.view.hold(&self.checked, &mut self.scratch)
    }

    fn sweep(&mut self, reach: usize) {
        let mut order: Vec<usize> = (0..self.classes.len()).collect();
        self.chance.shuffle(&mut order);
        for class in order {
            for _ in 0..CHANGES_MAX {
                if self.classes[class].cost == 0 {
                    break;
                }
                self.find_near(class, reach);
                if !(self.relocate(class) || self.shed(class) || self.exchange(class) || self.remix(class)) {
                    break;
                }
            }
        }
    }

    fn find_near(&mut self, class: usize, reach: usize) {
        let near = &mut self.near;
        near.rows.clear();
        near.classes.clear();
        near.now += 1;
        near.classes_seen.resize(self.classes.len(), 0);
        for &member in &self.classes[class].members {
            let member = member as usize;
            for other in member.saturating_sub(reach)..(member + reach + 1).min(self.class_of.len()) {
                let home = self.class_of[other];
                if home as usize == class || near.rows_seen[other] == near.now {
                    continue;
                }
                near.rows_seen[other] = near.now;
                near.rows.push(small(other));
                if near.classes_seen[home as usize] != near.now {
                    near.classes_seen[home as usize] = near.now;
                    near.classes.push(home);
                }
            }
        }
    }

    /// A member moves to another class, or all of them do.
    fn relocate(&mut self, class: usize) -> bool {
        let price = self.classes[class].price();
        let rows = self.classes[class].rows();
        let may_shrink = self.classes[class].members.len() > self.view.k();
        let mut best: Option<(i64, u32, usize)> = None;
        // What it costs to place all members; once it is more than the class costs, they stay together.
        let mut scattered = -price;
        for &member in &self.classes[class].members {
            let left = if may_shrink { i64::from(self.cost(&self.without(class, member))) * (rows - 1) } else { price };
            let gain = price - left;
            let needed = if may_shrink { gain - best.map_or(0, |best| best.0) } else { 0 };
            let mut limit = needed.max(-scattered);
            if limit <= 0 {
                continue;
            }
            let mut cheapest = None;
            for &other in &self.near.classes {
                if let Some(joining) = self.joining_below(other as usize, member, limit) {
                    limit = joining;
                    cheapest = Some((joining, other as usize));
                }
            }
            let Some((joining, to)) = cheapest else {
                scattered = 0;
                continue;
            };
            scattered = (scattered + joining).min(0);
            if may_shrink && gain - joining > best.map_or(0, |best| best.0) {
                best = Some((gain - joining, member, to));
            }
        }
        if let Some((_, member, to)) = best
            && self.holds(class, Some(member), None)
            && self.holds(to, None, Some(member))
        {
            self.shift(member, to);
            return true;
        }
        scattered < 0 && self.scatter(class, &self.classes[class].members.clone(), price)
    }

    /// All members under one child of an attribute's node leave together, so that the class needs the node no more.
    fn shed(&mut self, class: usize) -> bool {
        let k = self.view.k();
        let rows = self.classes[class].members.len();
        if rows <= k {
            return false;
        }
        let price = self.classes[class].price();
        let mut plans: Vec<(i64, Vec<u32>)> = Vec::new();
        for attribute in 0..self.view.space().attribute_count() {
            let extent = self.classes[class].extent;
            let (low, high) = (extent.low[attribute], extent.high[attribute]);
            if low == high {
                continue;
            }
            let domain = &self.view.space().domains[attribute];
            let node = domain.node(domain.ancestor(low, high));
            let first = node.child_of(low);
            let last = node.child_of(high);
            for child in [first, last] {
                let is_leaving = |member: u32| node.child_of(self.view.point(member)[attribute]) == child;
                let (leaving, staying): (Vec<u32>, Vec<u32>) =
                    self.classes[class].members.iter().partition(|&&member| is_leaving(member));
                // One alone is for `relocate`.
                if leaving.len() < 2 || staying.len() < k {
                    continue;
                }
                let rest = self.view.extent(&staying);
                let gain = price - signed(staying.len()) * i64::from(self.cost(&rest));
                if gain > 0 {
                    plans.push((gain, leaving));
                }
            }
        }
        plans.sort_by_key(|plan| std::cmp::Reverse(plan.0));
        for (gain, leaving) in plans {
            if self.scatter(class, &leaving, gain) {
                return true;
            }
        }
        false
    }

    /// Moves members to where each costs least after those before it; undone unless all of it costs less than `limit`.
    fn scatter(&mut self, class: usize, members: &[u32], mut limit: i64) -> bool {
        let mut moved = 0;
        for &member in members {
            let mut cheapest = None;
            let mut joining_max = limit;
            for &other in &self.near.classes {
                if let Some(joining) = self.joining_below(other as usize, member, joining_max) {
                    joining_max = joining;
                    cheapest = Some(other as usize);
                }
            }
            let Some(to) = cheapest else { break };
            if !self.holds(to, None, Some(member)) {
                break;
            }
            self.shift(member, to);
            limit -= joining_max;
            moved += 1;
        }
        if moved == members.len()
            && (self.view.size_only() || self.classes[class].members.is_empty() || self.holds(class, None, None))
        {
            return true;
        }
        for &member in &members[..moved] {
            self.shift(member, class);
        }
        false
    }

    /// Two rows change places.
    fn exchange(&mut self, class: usize) -> bool {
        let rows = self.classes[class].rows();
        let price = self.classes[class].price();
        let mut best: Option<(i64, u32, u32)> = None;
        for &member in &self.classes[class].members {
            let rest = self.without(class, member);
            if rest == self.classes[class].extent {
                continue;
            }
            for &other in &self.near.rows {
                let home = &self.classes[self.class_of[other as usize] as usize];
                // The other class can at best come to cost nothing.
                let limit = home.price() - best.map_or(0, |best| best.0);
                let here = rest.with(self.view.point(other));
                let Some(here) = self.price_below(rows, &here, price + limit) else { continue };
                let there = self.without(self.class_of[other as usize] as usize, other).with(self.view.point(member));
                let Some(there) = self.price_below(home.rows(), &there, limit + price - here) else { continue };
                best = Some((price + home.price() - here - there, member, other));
            }
        }
        let Some((_, member, other)) = best else { return false };
        let home = self.class_of[other as usize] as usize;
        if !self.holds(class, Some(member), Some(other)) || !self.holds(home, Some(other), Some(member)) {
            return false;
        }
        self.shift(member, home);
        self.shift(other, class);
        true
    }

    /// The class and another are put together and cut again, if that pays.
    fn remix(&mut self, class: usize) -> bool {
        let this = &self.classes[class];
        let mut near: Vec<(i64, u32)> = self
            .near
            .classes
            .iter()
            .map(|&other| {
                let that = &self.classes[other as usize];
                let joined = i64::from(self.cost(&this.extent.join(&that.extent))) * (this.rows() + that.rows());
                (joined - this.price() - that.price(), other)
            })
            .collect();
        near.sort_unstable();
        for &(merged, other) in near.iter().take(REMIXED_WITH) {
            let other = other as usize;
            if merged < 0 {
                for member in self.classes[other].members.clone() {
                    self.shift(member, class);
                }
                return true;
            }
            if self.recut(class, other) {
                return true;
            }
        }
        false
    }

    /// Cuts two classes afresh along one attribute, if that pays.
    fn recut(&mut self, class: usize, other: usize) -> bool {
        let k = self.view.k();
        let before = self.classes[class].price() + self.classes[other].price();
        let total = self.classes[class].members.len() + self.classes[other].members.len();
        if total > REMIXED_ROWS * k {
            return false;
        }
        let whole = self.classes[class].extent.join(&self.classes[other].extent);
        let mut sorted: Vec<u64> = Vec::with_capacity(total);
        let mut tails = vec![Extent::EMPTY; total + 1];
        let mut best: Option<(i64, usize, usize)> = None;
        for attribute in 0..self.view.space().attribute_count() {
            if whole.low[attribute] == whole.high[attribute] {
                continue;
            }
            self.sort_by(attribute, class, other, &mut sorted);
            for cut in (k..total).rev() {
                tails[cut] = tails[cut + 1].with(self.view.point(member_of(sorted[cut])));
            }
            let mut head = Extent::EMPTY;
            for (cut, &key) in (1..=total - k).zip(&sorted) {
                head.add(self.view.point(member_of(key)));
                if cut < k {
                    continue;
                }
                let limit = best.map_or(before, |best| best.0);
                let Some(first) = self.price_below(signed(cut), &head, limit) else { continue };
                let Some(second) = self.price_below(signed(total - cut), &tails[cut], limit - first) else {
                    continue;
                };
                best = Some((first + second, attribute, cut));
            }
        }
        let Some((_, attribute, cut)) = best else { return false };
        self.sort_by(attribute, class, other, &mut sorted);
        let members: Vec<u32> = sorted.iter().map(|&key| member_of(key)).collect();
        let (first, second) = members.split_at(cut);
        if !self.view.may_hold(first.len(), first, &mut self.scratch)
            || !self.view.may_hold(second.len(), second, &mut self.scratch)
        {
            return false;
        }
        self.replace(class, members[..cut].to_vec());
        self.replace(other, members[cut..].to_vec());
        true
    }

    /// Members of two classes by leaf, then by number, packed so that they sort as numbers.
    fn sort_by(&self, attribute: usize, class: usize, other: usize, sorted: &mut Vec<u64>) {
        sorted.clear();
        let members = self.classes[class].members.iter().chain(&self.classes[other].members);
        sorted.extend(members.map(|&member| {
            u64::from(self.view.point(member)[attribute].unsigned_abs()) << u32::BITS | u64::from(member)
        }));
        sorted.sort_unstable();
    }

    fn replace(&mut self, class: usize, members: Vec<u32>) {
        let extent = self.view.extent(&members);
        for &member in &members {
            self.class_of[member as usize] = small(class);
        }
        self.classes[class] = Class { cost: self.cost(&extent), extent, members };
    }

    /// Neighbouring classes are put together and split afresh, with another taste, if that pays. This is how classes
    /// come to be where there were fewer.
    fn resolve(&mut self, heat: f64) {
        let mut order: Vec<u32> =
            (0..small(self.classes.len())).filter(|&class| self.classes[class as usize].cost > 0).collect();
        order.sort_unstable_by_key(|&class| self.classes[class as usize].members[0]);
        let start = self.chance.below(order.len().max(1));
        order.rotate_left(start);
        let mut splitter = Splitter::new(self.view);
        let mut rest = order.as_slice();
        let mut rows = Vec::new();
        let wanted = self.view.k() * (RESOLVED_K_MIN + self.chance.below(RESOLVED_K_MAX - RESOLVED_K_MIN));
        while !rest.is_empty() {
            rows.clear();
            let mut before = 0;
            let mut taken = 0;
            while taken < rest.len() && rows.len() < wanted {
                let class = &self.classes[rest[taken] as usize];
                rows.extend_from_slice(&class.members);
                before += class.price();
                taken += 1;
            }
            let (old, others) = rest.split_at(taken);
            rest = others;
            let taste = Taste { thrift: 0.2 + self.chance.fraction(), noise: 0.3, key: self.chance.number() };
            let split = splitter.split(&mut rows, taste);
            let after: u64 = split.iter().map(|class| self.view.price(class.len(), &self.view.extent(class))).sum();
            if after as f64 >= before as f64 * (1.0 + heat) {
                continue;
            }
            for &class in old {
                self.classes[class as usize] = Class::EMPTY;
            }
            let mut free = old.iter().map(|&class| class as usize);
            for members in split {
                let class = free.next().unwrap_or(self.classes.len());
                if class == self.classes.len() {
                    self.classes.push(Class::EMPTY);
                }
                self.replace(class, members);
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is the member, the upper the leaf")]
fn member_of(key: u64) -> u32 {
    key as u32
}
