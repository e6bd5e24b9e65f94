//! Looks for *witnesses*: other tables, whole and non-negative, that agree with everything shown and keep every relation.
//!
//! A linear program proposes, integers decide: a proposal counts only when it keeps every relation exactly, so that an
//! error of floating point can cost a figure but never reveal one. Programs are cut to the surroundings of a cell, since
//! what lies outside may simply stay as it is.

use std::cmp::Reverse;

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOptions, SolveOutcome, Variable};

use crate::model::{Comparison, Model};

/// Branch-and-bound nodes for one program; beyond them wider surroundings, or another pattern, are the better try.
const NODES: u64 = 200;
/// Variables of one long sum that are tried first: those of each price with the most people to move.
const FAN: usize = 8;
/// What a cell taken along is worth, and what a cell hidden for another's sake costs to lean on, beside the cost of
/// hiding one, which is at least 1: a thousand cells taken along must not be worth a hidden one.
const TAKE_ALONG: f64 = 0.000_1;
const BORROWING: f64 = 0.01;

/// A model in canonical order: variables by label, relations by their variables.
pub(crate) struct System {
    pub(crate) values: Vec<i64>,
    rows: Vec<Row>,
    touching: Vec<Vec<usize>>,
    dimensions: Vec<Vec<usize>>,
}

struct Row {
    terms: Vec<(usize, i64)>,
    comparison: Comparison,
}

impl Row {
    fn sum(&self, value: impl Fn(usize) -> i64) -> i64 {
        self.terms.iter().map(|&(index, coefficient)| coefficient * value(index)).sum()
    }

    fn holds(&self, value: impl Fn(usize) -> i64) -> bool {
        match self.comparison {
            Comparison::Equal => self.sum(value) == 0,
            Comparison::AtMost => self.sum(value) <= 0,
        }
    }

    fn is_sum(&self) -> bool {
        self.comparison == Comparison::Equal
    }
}

/// What a reader must not be able to rule out of a small count: that nobody is there, and that enough people are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Nobody,
    Enough,
}

/// Where a cell must be put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim {
    pub(crate) cell: usize,
    pub(crate) side: Side,
    /// How many are enough.
    pub(crate) enough: i64,
}

impl Aim {
    fn goal(self) -> i64 {
        match self.side {
            Side::Nobody => 0,
            Side::Enough => self.enough,
        }
    }
}

/// How far around a cell to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Two sums away, and of long sums only the most promising parts: where a rectangle of cells can trade places.
    Near,
    /// As near, around everything that can mend an inequality and not only what best does: the same cell in all periods.
    Layers,
    /// Whatever is linked with categories of one dimension, up to so many variables: who is in which of them changes, and how many
    /// there are in each category of others does not.
    Along(usize, usize),
    /// Whatever is linked by sums, up to so many variables. Inequalities are taken as they stand, with their other side
    /// where the search starts.
    Sums(usize),
    /// Through any relation, but of long ones the most promising parts alone, up to so many variables.
    Fans(usize),
    /// Whatever is linked by any relation.
    Everything,
}

/// Another table, as what it changes of the true one.
pub(crate) struct Witness {
    pub(crate) changes: Vec<(usize, i64)>,
}

/// What came of one program.
enum Proposal {
    Stands(Witness),
    Impossible,
    /// It has no whole solution that was found, or what was left out does not fit.
    Fails,
}

/// What it costs to move a variable by one person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Price {
    /// Shown or known: it stays.
    Fixed,
    /// Hidden for its own sake.
    Free,
    /// Hidden for another's sake: move it only when nothing free will do, so that it may be shown again.
    Borrowed,
    /// Shown: moving it means hiding it.
    Hiding(u32),
}

impl System {
    pub(crate) fn new(model: &Model) -> (Self, Vec<usize>) {
        let mut order: Vec<usize> = (0..model.variables.len()).collect();
        order.sort_by(|&a, &b| model.variables[a].label.cmp(&model.variables[b].label));
        let mut place = vec![0; order.len()];
        for (index, &var) in order.iter().enumerate() {
            place[var] = index;
        }
        let mut rows: Vec<(Comparison, Vec<(usize, i64)>)> = model
            .relations()
            .map(|relation| {
                let mut terms: Vec<_> =
                    relation.terms.iter().map(|&(var, coefficient)| (place[var.0], i64::from(coefficient))).collect();
                terms.sort_unstable();
                (relation.comparison, terms)
            })
            .collect();
        rows.sort();
        let rows: Vec<Row> = rows.into_iter().map(|(comparison, terms)| Row { terms, comparison }).collect();
        let mut touching = vec![Vec::new(); order.len()];
        for (number, row) in rows.iter().enumerate() {
            for &(index, _) in &row.terms {
                touching[index].push(number);
            }
        }
        let values = order.iter().map(|&var| i64::from(model.variables[var].value)).collect();
        let dimensions = order.iter().map(|&var| model.variables[var].dimensions.clone()).collect();
        (Self { values, rows, touching, dimensions }, order)
    }

    /// The variables that must follow when one rises, because it is a part of them or may not exceed them; each with the
    /// other parts, if it is their sum.
    pub(crate) fn totals_of(&self, cell: usize) -> Vec<(usize, Vec<usize>)> {
        let mut totals: Vec<(usize, Vec<usize>)> = self.touching[cell]
            .iter()
            .filter_map(|&number| {
                let row = &self.rows[number];
                let sign = row.terms.iter().find(|&&(index, _)| index == cell)?.1.signum();
                let (fellows, totals): (Vec<_>, Vec<_>) =
                    row.terms.iter().partition(|&&(_, coefficient)| coefficient.signum() == sign);
                match totals[..] {
                    [(total, _)] if row.is_sum() && fellows.len() > 1 => {
                        let fellows = fellows.iter().map(|&(index, _)| index).filter(|&index| index != cell);
                        Some((total, fellows.collect()))
                    }
                    [(total, _)] if sign > 0 => Some((total, Vec::new())),
                    _ => None,
                }
            })
            .collect();
        totals.sort_unstable();
        totals
    }

    /// The table that a witness describes.
    pub(crate) fn table(&self, witness: &Witness) -> Vec<i64> {
        let mut values = self.values.clone();
        for &(index, value) in &witness.changes {
            values[index] = value;
        }
        values
    }

    /// Whether a witness is non-negative, keeps every relation, and moves only what `may_move`.
    pub(crate) fn accepts(&self, witness: &Witness, may_move: impl Fn(usize) -> bool) -> bool {
        let values = self.table(witness);
        let keeps = |&number: &usize| self.rows[number].holds(|index| values[index]);
        witness
            .changes
            .iter()
            .all(|&(index, value)| value >= 0 && may_move(index) && self.touching[index].iter().all(keeps))
    }

    /// The variables to look at for an aim.
    fn surroundings(&self, aim: Aim, reach: Reach, base: &[i64], price: impl Fn(usize) -> Price) -> Vec<usize> {
        let mut found = match reach {
            Reach::Near | Reach::Layers | Reach::Sums(_) => {
                let mut found = self.spread(self.seeds(aim, reach, base, &price), reach, base, &price);
                let mut helpers: Vec<usize> = found
                    .iter()
                    .flat_map(|&index| &self.touching[index])
                    .flat_map(|&number| &self.rows[number].terms)
                    .map(|&(index, _)| index)
                    .filter(|&index| self.is_helper(index) && price(index) == Price::Free)
                    .collect();
                found.append(&mut helpers);
                found
            }
            Reach::Along(..) | Reach::Fans(_) | Reach::Everything => self.spread(vec![aim.cell], reach, base, &price),
        };
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The cell itself and, for each inequality that moving it alone would break, what can best mend it.
    fn seeds(&self, aim: Aim, reach: Reach, base: &[i64], price: impl Fn(usize) -> Price) -> Vec<usize> {
        let mut seeds = vec![aim.cell];
        for &number in &self.touching[aim.cell] {
            let row = &self.rows[number];
            if row.is_sum() || row.holds(|index| if index == aim.cell { aim.goal() } else { base[index] }) {
                continue;
            }
            let mends = |&&(index, coefficient): &&(usize, i64)| {
                index != aim.cell && price(index) != Price::Fixed && (coefficient < 0 || base[index] > 0)
            };
            let mut best: Vec<&(usize, i64)> = row.terms.iter().filter(mends).collect();
            best.sort_by_key(|&&(index, coefficient)| (coefficient > 0, Reverse(base[index]), index));
            if reach != Reach::Layers {
                best.truncate(1);
            }
            seeds.extend(best.iter().map(|&&(index, _)| index));
        }
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// Whether a variable is part of no sum: it only follows others.
    fn is_helper(&self, index: usize) -> bool {
        self.touching[index].iter().all(|&number| !self.rows[number].is_sum())
    }

    /// Breadth first from `seeds`, through what may move.
    fn spread(&self, seeds: Vec<usize>, reach: Reach, base: &[i64], price: impl Fn(usize) -> Price) -> Vec<usize> {
        let most = match reach {
            Reach::Near | Reach::Layers | Reach::Everything => usize::MAX,
            Reach::Along(_, most) | Reach::Sums(most) | Reach::Fans(most) => most,
        };
        let mut is_found = vec![false; self.values.len()];
        let mut is_crossed = vec![false; self.rows.len()];
        let mut found = seeds;
        for &index in &found {
            is_found[index] = true;
        }
        let (mut layer, mut next) = (0, 0);
        let mut layer_end = found.len();
        while next < found.len() {
            if next == layer_end {
                layer += 1;
                layer_end = found.len();
                if matches!(reach, Reach::Near | Reach::Layers) && layer == 2 {
                    break;
                }
            }
            for &number in &self.touching[found[next]] {
                let row = &self.rows[number];
                let leads_on = row.is_sum() || matches!(reach, Reach::Along(..) | Reach::Fans(_) | Reach::Everything);
                if !leads_on || std::mem::replace(&mut is_crossed[number], true) {
                    continue;
                }
                for index in self.parts(row, reach, base, &price) {
                    if matches!(reach, Reach::Along(dimension, _) if !self.goes_along(found[next], index, dimension)) {
                        continue;
                    }
                    if found.len() < most && !std::mem::replace(&mut is_found[index], true) {
                        found.push(index);
                    }
                }
            }
            next += 1;
        }
        found
    }

    /// Whether moving people among the categories of a dimension leads from one variable to another: not to how many there are over
    /// all of them, and where the dimension has no part, no further than the categories of the same others.
    fn goes_along(&self, from: usize, to: usize, dimension: usize) -> bool {
        let (of_from, of_to) = (&self.dimensions[from], &self.dimensions[to]);
        if of_to.contains(&dimension) {
            return true;
        }
        if of_from.contains(&dimension) {
            return !of_to.iter().all(|one| of_from.contains(one));
        }
        of_from == of_to
    }

    /// The dimensions that a variable has a category of.
    pub(crate) fn dimensions_of(&self, index: usize) -> &[usize] {
        &self.dimensions[index]
    }

    /// The variables of a relation that may move; of a long one, when looking near, the most promising of each price.
    fn parts(&self, row: &Row, reach: Reach, base: &[i64], price: impl Fn(usize) -> Price) -> Vec<usize> {
        let mut hidden = Vec::new();
        let mut shown = Vec::new();
        for &(index, _) in &row.terms {
            match price(index) {
                Price::Fixed => {}
                Price::Free | Price::Borrowed => hidden.push(index),
                Price::Hiding(_) => shown.push(index),
            }
        }
        for parts in [&mut hidden, &mut shown] {
            if matches!(reach, Reach::Near | Reach::Layers | Reach::Along(..) | Reach::Fans(_)) && parts.len() > FAN {
                parts.sort_by_key(|&index| (Reverse(base[index]), index));
                parts.truncate(FAN);
            }
        }
        hidden.append(&mut shown);
        hidden
    }

    /// The cheapest witness for an aim within reach, starting from `base`, a table that agrees with what is shown. `also`
    /// names other cells that are still without one on that side: where it costs nothing, they are taken along.
    ///
    /// Helpers mostly have room, so they are first left out and set afterwards: what is impossible without them is so
    /// with them.
    pub(crate) fn find(
        &self,
        aim: Aim,
        reach: Reach,
        base: &[i64],
        price: impl Fn(usize) -> Price,
        also: impl Fn(usize) -> bool,
    ) -> Option<Witness> {
        let block = self.surroundings(aim, reach, base, &price);
        let (helpers, others): (Vec<usize>, Vec<usize>) =
            block.iter().partition(|&&index| index != aim.cell && self.is_helper(index));
        match self.propose(aim, base, &others, &helpers, &price, &also) {
            Proposal::Stands(witness) => Some(witness),
            Proposal::Impossible => None,
            Proposal::Fails if helpers.is_empty() => None,
            Proposal::Fails => match self.propose(aim, base, &block, &[], &price, &also) {
                Proposal::Stands(witness) => Some(witness),
                Proposal::Impossible | Proposal::Fails => None,
            },
        }
    }

    fn propose(
        &self,
        aim: Aim,
        base: &[i64],
        block: &[usize],
        left_out: &[usize],
        price: impl Fn(usize) -> Price,
        also: impl Fn(usize) -> bool,
    ) -> Proposal {
        let largest = block.iter().map(|&index| base[index]).max().unwrap_or(0);
        let mut limits = vec![None; self.values.len()];
        for &index in block {
            limits[index] = Some(Limits { low: 0, high: largest * 2 + aim.enough * 20 });
        }
        if let Some(limits) = limits[aim.cell].as_mut() {
            match aim.side {
                Side::Nobody => limits.high = 0,
                Side::Enough => limits.low = aim.enough,
            }
        }
        let Some(rows) = self.tighten(&mut limits, base, block, left_out) else { return Proposal::Impossible };
        let mut program = Program::new(self.values.len());
        for &index in block {
            let (Some(limits), value) = (limits[index], base[index]) else { continue };
            program.columns[index] = Some(match (price(index), aim.side) {
                (Price::Free, Side::Nobody) if also(index) => program.level(TAKE_ALONG, limits),
                (Price::Free, Side::Enough) if also(index) => program.level_wanted(aim.enough, limits),
                (Price::Free | Price::Fixed, _) => program.level(0.0, limits),
                (Price::Borrowed, _) => program.shift(BORROWING, value, limits),
                (Price::Hiding(cost), _) => program.shift(f64::from(cost), value, limits),
            });
        }
        for number in rows {
            program.constrain(&self.rows[number], base);
        }
        let mut values = match program.solve(base) {
            Ok(values) => values,
            Err(problem) => return problem,
        };
        self.set_helpers(&mut values, left_out);
        let changes =
            values.iter().copied().enumerate().filter(|&(index, value)| value != self.values[index]).collect();
        let witness = Witness { changes };
        if self.accepts(&witness, |index| price(index) != Price::Fixed) {
            Proposal::Stands(witness)
        } else {
            Proposal::Fails
        }
    }

    /// Turns relations with one moving variable into limits of it, and returns those with more. None when a variable is
    /// left without a value.
    fn tighten(
        &self,
        limits: &mut [Option<Limits>],
        base: &[i64],
        block: &[usize],
        left_out: &[usize],
    ) -> Option<Vec<usize>> {
        let mut is_done = vec![false; self.rows.len()];
        for &number in left_out.iter().flat_map(|&index| &self.touching[index]) {
            is_done[number] = true;
        }
        let mut remaining = Vec::new();
        for &number in block.iter().flat_map(|&index| &self.touching[index]) {
            if std::mem::replace(&mut is_done[number], true) {
                continue;
            }
            let row = &self.rows[number];
            let mut moving = row.terms.iter().filter(|&&(index, _)| limits[index].is_some());
            let (Some(&(index, coefficient)), None) = (moving.next(), moving.next()) else {
                remaining.push(number);
                continue;
            };
            let others = row.sum(|other| if other == index { 0 } else { base[other] });
            // times × variable + rest is zero, or at most zero, or at least zero when the coefficient was negative.
            let (times, rest) = if coefficient > 0 { (coefficient, others) } else { (-coefficient, -others) };
            let limit = limits[index].as_mut()?;
            if coefficient > 0 || row.is_sum() {
                limit.high = limit.high.min((-rest).div_euclid(times));
            }
            if coefficient < 0 || row.is_sum() {
                limit.low = limit.low.max(-rest.div_euclid(times));
            }
            if limit.low > limit.high {
                return None;
            }
        }
        Some(remaining)
    }

    /// Sets helpers as high as what bounds them allows: what they bound in turn only gains by it.
    fn set_helpers(&self, values: &mut [i64], helpers: &[usize]) {
        for &helper in helpers {
            let bounds = self.touching[helper].iter().filter_map(|&number| {
                let row = &self.rows[number];
                let (_, coefficient) = row.terms.iter().find(|&&(index, _)| index == helper)?;
                (*coefficient == 1).then(|| -row.sum(|index| if index == helper { 0 } else { values[index] }))
            });
            if let Some(bound) = bounds.min() {
                values[helper] = bound;
            }
        }
    }
}

/// What a variable may be in one program.
#[derive(Clone, Copy)]
struct Limits {
    low: i64,
    high: i64,
}

/// How a variable of the model is written in a program: a constant plus one or two solver variables, the second with a
/// sign.
#[derive(Clone, Copy)]
struct Column {
    constant: i64,
    first: Variable,
    second: Option<(Variable, i64)>,
}

impl Column {
    fn parts(&self) -> impl Iterator<Item = (Variable, i64)> {
        [(self.first, 1)].into_iter().chain(self.second)
    }
}

struct Program {
    problem: Problem,
    columns: Vec<Option<Column>>,
}

impl Program {
    fn new(variables: usize) -> Self {
        Self { problem: Problem::new(OptimizationDirection::Minimize), columns: vec![None; variables] }
    }

    fn level(&mut self, cost: f64, limits: Limits) -> Column {
        let first = self.problem.add_integer_var(cost, (bound(limits.low), bound(limits.high)));
        Column { constant: 0, first, second: None }
    }

    /// A level that is rewarded up to `enough` and not beyond.
    fn level_wanted(&mut self, enough: i64, limits: Limits) -> Column {
        if limits.high <= enough || limits.low > 0 {
            return self.level(-TAKE_ALONG, limits);
        }
        let first = self.problem.add_integer_var(-TAKE_ALONG, (0, bound(enough)));
        let rest = self.problem.add_integer_var(0.0, (0, bound(limits.high - enough)));
        Column { constant: 0, first, second: Some((rest, 1)) }
    }

    /// A level that costs by its distance from the true one.
    fn shift(&mut self, cost: f64, value: i64, limits: Limits) -> Column {
        let span = |low: i64, high: i64| (bound(low.max(0)), bound(high.max(0)));
        let first = self.problem.add_integer_var(cost, span(limits.low - value, limits.high - value));
        let down = self.problem.add_integer_var(cost, span(value - limits.high, value - limits.low));
        Column { constant: value, first, second: Some((down, -1)) }
    }

    fn constrain(&mut self, row: &Row, values: &[i64]) {
        let mut right = 0;
        let mut left = Vec::with_capacity(row.terms.len() * 2);
        for &(index, coefficient) in &row.terms {
            match self.columns[index] {
                None => right -= coefficient * values[index],
                Some(column) => {
                    right -= coefficient * column.constant;
                    left.extend(column.parts().map(|(variable, sign)| (variable, real(coefficient * sign))));
                }
            }
        }
        let comparison = match row.comparison {
            Comparison::Equal => ComparisonOp::Eq,
            Comparison::AtMost => ComparisonOp::Le,
        };
        self.problem.add_constraint(left, comparison, real(right));
    }

    /// The values of the optimum, those outside the program unchanged. It fails without a proof when there is none within
    /// the nodes allowed, or the solver lost its footing: there is then no witness to show.
    fn solve(&self, values: &[i64]) -> Result<Vec<i64>, Proposal> {
        let mut options = SolveOptions::default();
        options.node_limit = Some(NODES);
        // The last hundredth of the cheapest cost is not worth the proof.
        options.mip_gap = 0.01;
        match self.problem.solve_with(options) {
            Ok(SolveOutcome::Solution(solution)) => {
                let value = |(column, &value): (&Option<Column>, &i64)| match column {
                    None => value,
                    Some(column) => {
                        let parts = column.parts().map(|(variable, sign)| sign * whole(solution.var_value(variable)));
                        column.constant + parts.sum::<i64>()
                    }
                };
                Ok(self.columns.iter().zip(values).map(value).collect())
            }
            Err(microlp::Error::Infeasible) => Err(Proposal::Impossible),
            Ok(SolveOutcome::Interrupted(_)) | Err(_) => Err(Proposal::Fails),
        }
    }
}

fn bound(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay under 2^52: Model::LARGEST bounds them")]
fn real(value: i64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast from float saturates, and `accepts` checks what comes of it"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}
