//! People by two characteristics at once, and by what comes of them, over margins that readers know already.
//!
//! # What is assumed
//!
//! A [`CrossTable`] counts people in groups, a row and a column each, and within a group by the outcomes of any number of
//! targets. Its margins (everybody of a row, of a column, of a row with an outcome, of a column with an outcome) are taken
//! to be known exactly, shown or not, and every alternative that protects a cell keeps them. So tables that share nothing
//! but margins can be protected one by one, each in milliseconds, where all of them together are out of reach of linear
//! programming. What makes it right to take the margins as known is that nothing else moves them: ask
//! [`ProtectedTables::is_settled`](crate::ProtectedTables::is_settled) of each, and count categories together until it is so.
//! Two characteristics that are offered as a table of their own elsewhere must not be crossed here again. And every target that
//! both characteristics are counted by elsewhere must be in their cross table, with the same outcomes: else people by the two would
//! narrow down what is hidden of it there.
//!
//! Crosses of three characteristics, two by two, come from one table of all three: readers can make something of that too.
//! So every alternative is kept possible with each further characteristic, taken one at a time: of those who trade places,
//! enough have the same category there, and the crosses with it do not change.
//!
//! # How
//!
//! The rule is that of [`suppress`](crate::TableSet::protect): a count under the threshold, zero included, needs one table
//! with nobody there and one with a threshold of people. These are reached by *basic moves* (Diaconis and Sturmfels 1998):
//! one person more in two opposite corners of a rectangle of groups and one less in the other two, all with one outcome.
//! *Within groups* two outcomes of one target do so, one way and the other, so that groups keep their people; *between
//! groups* people do, and each target follows. A group whose people are hidden shows none of its outcomes. Moves are taken greedily, those that hide nothing more first; what they
//! touch that was shown becomes complementary, and is shown again in the end where others can do without. At the end every
//! alternative is checked anew against margins, sums and what is shown.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::decision::loss_of;
use crate::model::{Model, Protection, Standing};
use crate::published::{PublishedCross, PublishedGroup};
use crate::{Decision, Error, Reason, Threshold};

/// Moves tried one after the other for one alternative.
const STEPS: usize = 16;
/// How much more is lost with the people of a group than with one of its outcomes of the same size.
const OF_PEOPLE: u32 = 3;
/// The first target: everybody, in one outcome.
const PEOPLE: usize = 0;

/// Some people of whom everything is the same, as places among categories and outcomes.
#[derive(Clone, Copy, Debug)]
pub struct Alike<'a> {
    /// The row.
    pub row: usize,
    /// The column.
    pub column: usize,
    /// The outcome of each target.
    pub outcomes: &'a [usize],
    /// The category of each further characteristic.
    pub beside: &'a [usize],
}

/// Why there is no protected cross table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossError {
    /// A group that is not in the table, or an outcome that it does not have.
    #[error("people in row {row}, column {column} are in no cell of the cross table")]
    Unknown {
        /// Their row.
        row: usize,
        /// Their column.
        column: usize,
    },
    /// A cell that nothing protects: counting its row or its column together with another is the remedy.
    #[error("row {row}, column {column} cannot be protected with these categories (count some of them together)")]
    Unprotectable {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    rows: usize,
    columns: usize,
    /// Of each target; of [`PEOPLE`] one.
    outcomes: Vec<usize>,
    /// Where the cells of each target begin.
    starts: Vec<usize>,
    cells: usize,
    /// The categories of each further characteristic.
    beside: Vec<usize>,
    /// The people of each group are known, and stay.
    has_known_people: bool,
}

/// A cell: a group with an outcome of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    group: usize,
    target: usize,
    outcome: usize,
}

impl Shape {
    fn new(rows: usize, columns: usize, outcomes: &[usize], beside: &[usize]) -> Self {
        let outcomes: Vec<usize> = std::iter::once(1).chain(outcomes.iter().copied()).collect();
        let mut cells = 0;
        let mut starts = Vec::new();
        for outcomes in &outcomes {
            starts.push(cells);
            cells += rows * columns * outcomes;
        }
        Self { rows, columns, outcomes, starts, cells, beside: beside.to_vec(), has_known_people: false }
    }

    fn groups(&self) -> usize {
        self.rows * self.columns
    }

    fn group(&self, row: usize, column: usize) -> usize {
        row * self.columns + column
    }

    fn cell(&self, group: usize, target: usize, outcome: usize) -> usize {
        self.starts[target] + group * self.outcomes[target] + outcome
    }

    /// The same, from outside: nothing where the table has no such group, target or outcome.
    fn known_cell(&self, (row, column): (usize, usize), target: usize, outcome: usize) -> Option<usize> {
        let is_known = row < self.rows
            && column < self.columns
            && self.outcomes.get(target).is_some_and(|&outcomes| outcome < outcomes);
        is_known.then(|| self.cell(self.group(row, column), target, outcome))
    }

    fn place(&self, cell: usize) -> Place {
        let target = self.starts.iter().rposition(|&start| start <= cell).unwrap_or(PEOPLE);
        let within = cell - self.starts[target];
        let outcomes = self.outcomes[target];
        Place { group: within / outcomes, target, outcome: within % outcomes }
    }

    /// The people of a group and all its outcomes.
    fn line(&self, group: usize) -> impl Iterator<Item = usize> + '_ {
        let outcomes = self.outcomes.iter().enumerate();
        outcomes.flat_map(move |(target, &outcomes)| (0..outcomes).map(move |one| self.cell(group, target, one)))
    }

    /// The other corners of each rectangle with a group: in its row, in its column, and opposite.
    fn rectangles(&self, group: usize) -> impl Iterator<Item = [usize; 3]> + '_ {
        let (row, column) = (group / self.columns, group % self.columns);
        let others = (0..self.rows).filter(move |&other| other != row);
        others.flat_map(move |other_row| {
            (0..self.columns).filter(move |&other| other != column).map(move |other_column| {
                [self.group(row, other_column), self.group(other_row, column), self.group(other_row, other_column)]
            })
        })
    }

    /// The sums that readers know: each the cells that add up to the same in every alternative.
    fn margins(&self) -> Vec<Vec<usize>> {
        let mut margins = Vec::new();
        for (target, &outcomes) in self.outcomes.iter().enumerate() {
            for outcome in 0..outcomes {
                let cell = |row, column| self.cell(self.group(row, column), target, outcome);
                margins
                    .extend((0..self.rows).map(|row| (0..self.columns).map(|one| cell(row, one)).collect::<Vec<_>>()));
                margins.extend((0..self.columns).map(|column| (0..self.rows).map(|one| cell(one, column)).collect()));
            }
        }
        margins
    }
}

/// People by row, column, outcomes and further characteristics, before they are protected.
#[derive(Clone)]
pub struct CrossTable {
    shape: Shape,
    world: World,
    /// By cell, whether it was shown before; nothing where it is new.
    before: Vec<Option<bool>>,
}

/// Counts of people by cell; and of each further characteristic by cell and category.
#[derive(Clone)]
struct World {
    counts: Vec<i64>,
    beside: Vec<Vec<i64>>,
}

impl CrossTable {
    /// Nobody yet, in a table of so many rows and columns, targets of so many outcomes each, and further characteristics of so
    /// many categories each.
    #[must_use]
    pub fn new(rows: usize, columns: usize, outcomes: &[usize], beside: &[usize]) -> Self {
        let shape = Shape::new(rows, columns, outcomes, beside);
        let beside = beside.iter().map(|categories| vec![0; shape.cells * categories]).collect();
        Self { world: World { counts: vec![0; shape.cells], beside }, before: vec![None; shape.cells], shape }
    }

    /// Takes the people of each group as known too, because they are offered elsewhere: they must be settled there.
    #[must_use]
    pub fn with_known_people(mut self) -> Self {
        self.shape.has_known_people = true;
        self
    }

    /// Says that a table with the people of a group, or of a target and outcome in it, was published before, and whether they were shown.
    /// What was shown and is not small now is shown again, and nothing that proves what is hidden moves it. What was hidden stays so: where
    /// nobody came since it is the same people, and shown now it would tell of those that were hidden with it then.
    ///
    /// # Errors
    ///
    /// [`CrossError::Unknown`].
    pub fn seen_before(
        &mut self,
        group: (usize, usize),
        of: Option<(usize, usize)>,
        was_shown: bool,
    ) -> Result<(), CrossError> {
        let (target, outcome) = of.map_or((PEOPLE, 0), |(target, outcome)| (target + 1, outcome));
        let cell = self.shape.known_cell(group, target, outcome);
        let cell = cell.ok_or(CrossError::Unknown { row: group.0, column: group.1 })?;
        self.before[cell] = Some(was_shown);
        Ok(())
    }

    /// Adds people.
    ///
    /// # Errors
    ///
    /// [`CrossError::Unknown`].
    pub fn add(&mut self, alike: Alike<'_>, people: u32) -> Result<(), CrossError> {
        let shape = &self.shape;
        let Alike { row, column, outcomes, beside } = alike;
        let is_known = row < shape.rows
            && column < shape.columns
            && outcomes.len() + 1 == shape.outcomes.len()
            && outcomes.iter().zip(&shape.outcomes[1..]).all(|(outcome, outcomes)| outcome < outcomes)
            && beside.len() == shape.beside.len()
            && beside.iter().zip(&shape.beside).all(|(category, categories)| category < categories);
        if !is_known {
            return Err(CrossError::Unknown { row, column });
        }
        let group = shape.group(row, column);
        for (target, &outcome) in std::iter::once(&0).chain(outcomes).enumerate() {
            let cell = shape.cell(group, target, outcome);
            self.world.counts[cell] += i64::from(people);
            for ((counts, &category), categories) in self.world.beside.iter_mut().zip(beside).zip(&shape.beside) {
                counts[cell * categories + category] += i64::from(people);
            }
        }
        Ok(())
    }

    /// Decides what to show.
    ///
    /// # Errors
    ///
    /// [`CrossError::Unprotectable`] when hiding everything does not protect a cell.
    pub fn protect(self, threshold: Threshold) -> Result<ProtectedCross, CrossError> {
        let Self { shape, world, before } = self;
        let enough = i64::from(threshold.people());
        // People that are taken as known are told: where they are few nothing here protects them.
        let is_few = |&group: &usize| world.counts[shape.cell(group, PEOPLE, 0)] < enough;
        if let Some(group) = (0..shape.groups()).find(is_few).filter(|_| shape.has_known_people) {
            return Err(CrossError::Unprotectable { row: group / shape.columns, column: group % shape.columns });
        }
        let mut pattern = Pattern::new(&shape, &world, &before, enough);
        let decided = pattern.hide_more().and_then(|()| {
            pattern.show_again();
            pattern.verify()
        });
        if let Err(cell) = decided {
            let group = shape.place(cell).group;
            return Err(CrossError::Unprotectable { row: group / shape.columns, column: group % shape.columns });
        }
        let reason = |cell: usize| match (pattern.is_hidden[cell], pattern.is_small(cell)) {
            (true, true) => Some(Reason::Primary),
            (true, false) => Some(Reason::Complementary),
            (false, _) => None,
        };
        let reasons = (0..shape.cells).map(reason).collect();
        let values = world.counts.iter().map(|&people| u32::try_from(people).unwrap_or(u32::MAX)).collect();
        Ok(ProtectedCross { protection: Protection::decided(threshold, values, reasons), shape })
    }
}

impl std::fmt::Debug for CrossTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CrossTable").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// A [`CrossTable`] after [`CrossTable::protect`].
pub struct ProtectedCross {
    shape: Shape,
    protection: Protection,
}

impl ProtectedCross {
    /// The people of a group.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCell`].
    pub fn people(&self, group: (usize, usize)) -> Result<Decision<u32>, Error> {
        self.decision(group, PEOPLE, 0)
    }

    /// The people of a group, a row and a column, with an outcome of a target.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCell`].
    pub fn count(&self, group: (usize, usize), target: usize, outcome: usize) -> Result<Decision<u32>, Error> {
        self.decision(group, target + 1, outcome)
    }

    /// What readers see of it: the margins, and the cells that are shown.
    #[must_use]
    pub fn published(&self) -> PublishedCross {
        let shape = &self.shape;
        let people = |row, column| self.protection.value(shape.cell(shape.group(row, column), PEOPLE, 0));
        let sum = |counts: &mut dyn Iterator<Item = u32>| counts.fold(0, u32::saturating_add);
        let rows = (0..shape.rows).map(|row| sum(&mut (0..shape.columns).map(|column| people(row, column))));
        let columns = (0..shape.columns).map(|column| sum(&mut (0..shape.rows).map(|row| people(row, column))));
        let told = |cell| self.protection.at(cell).published().value();
        let groups = (0..shape.groups()).map(|group| PublishedGroup {
            people: told(shape.cell(group, PEOPLE, 0)),
            targets: shape
                .outcomes
                .iter()
                .enumerate()
                .skip(1)
                .map(|(target, &outcomes)| (0..outcomes).map(|one| told(shape.cell(group, target, one))).collect())
                .collect(),
        });
        PublishedCross::new(self.protection.threshold(), rows.collect(), columns.collect(), groups.collect())
    }

    fn decision(&self, group: (usize, usize), target: usize, outcome: usize) -> Result<Decision<u32>, Error> {
        let unknown = || Error::UnknownCell { cell: format!("row {}, column {}, outcome {outcome}", group.0, group.1) };
        let cell = self.shape.known_cell(group, target, outcome).ok_or_else(unknown)?;
        Ok(self.protection.at(cell))
    }

    /// How many cells there are, and how many of them are hidden.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let hidden = (0..self.shape.cells).filter(|&cell| self.protection.at(cell).reason().is_some());
        (self.shape.cells, hidden.count())
    }

    /// The small counts that readers who know the margins could narrow down after all, by linear programming: another path
    /// than the moves that chose what to hide.
    ///
    /// # Errors
    ///
    /// [`Error::Unanswered`].
    pub fn exposed(&self) -> Result<Vec<String>, Error> {
        let shape = &self.shape;
        let mut model = Model::new();
        let (mut vars, mut values, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for cell in 0..shape.cells {
            let Place { group, target, outcome } = shape.place(cell);
            let value = self.protection.value(cell);
            let label = format!("group {group}, target {target}, outcome {outcome}");
            vars.push(model.variable(label, value, Standing::Offered)?);
            values.push(value);
            reasons.push(self.protection.at(cell).reason());
        }
        for (number, margin) in shape.margins().iter().enumerate() {
            let sum = margin.iter().map(|&cell| values[cell]).fold(0, u32::saturating_add);
            let total = model.variable(format!("margin {number}"), sum, Standing::Known)?;
            values.push(sum);
            reasons.push(None);
            model.sum(total, &margin.iter().map(|&cell| vars[cell]).collect::<Vec<_>>());
        }
        for group in 0..shape.groups() {
            for (target, &outcomes) in shape.outcomes.iter().enumerate().skip(1) {
                let parts: Vec<_> = (0..outcomes).map(|one| vars[shape.cell(group, target, one)]).collect();
                model.sum(vars[shape.cell(group, PEOPLE, 0)], &parts);
            }
        }
        model.exposed(&Protection::decided(self.protection.threshold(), values, reasons))
    }
}

impl std::fmt::Debug for ProtectedCross {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProtectedCross").field("shape", &self.shape).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Enough,
    Nobody,
}

const SIDES: [Side; 2] = [Side::Enough, Side::Nobody];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Missing,
    Truth,
    /// An alternative, by number.
    Other(usize),
}

/// The proofs that a cell can have enough people, and nobody.
#[derive(Clone, Copy)]
struct Proofs {
    enough: Proof,
    nobody: Proof,
}

impl Proofs {
    fn of(self, side: Side) -> Proof {
        match side {
            Side::Enough => self.enough,
            Side::Nobody => self.nobody,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut Proof {
        match side {
            Side::Enough => &mut self.enough,
            Side::Nobody => &mut self.nobody,
        }
    }
}

/// A basic move: in one outcome of a target two groups gain people and two lose them.
#[derive(Clone, Copy)]
struct Trade {
    target: usize,
    outcome: usize,
    gaining: [usize; 2],
    losing: [usize; 2],
    by: i64,
}

/// Trades that belong together, with what they do for their goal.
struct Move {
    trades: Vec<Trade>,
    /// By how many people the goal comes nearer.
    by: i64,
    /// What it would hide that is shown.
    hides: BTreeSet<usize>,
    loss: u32,
}

impl Move {
    fn rank(&self) -> (u32, Reverse<i64>) {
        (self.loss.saturating_mul(64) / u32::try_from(self.by).unwrap_or(u32::MAX).max(1), Reverse(self.by))
    }
}

/// Another table, as what it changes of the true one: cells, and of each further characteristic cells by category.
struct Other {
    counts: Vec<(usize, i64)>,
    beside: Vec<Vec<(usize, i64)>>,
}

struct Pattern<'a> {
    shape: &'a Shape,
    truth: &'a World,
    /// By cell: one that was shown is so again, whatever it costs, unless it is small; one that was hidden stays so.
    before: &'a [Option<bool>],
    enough: i64,
    is_hidden: Vec<bool>,
    proofs: Vec<Proofs>,
    /// Tables that agree with all that is shown.
    others: Vec<Other>,
}

impl<'a> Pattern<'a> {
    fn new(shape: &'a Shape, truth: &'a World, before: &'a [Option<bool>], enough: i64) -> Self {
        let proofs = truth.counts.iter().map(|&people| Proofs {
            enough: Proof::Missing,
            nobody: if people == 0 { Proof::Truth } else { Proof::Missing },
        });
        let was_hidden = before.iter().map(|before| *before == Some(false));
        let mut is_hidden: Vec<bool> =
            truth.counts.iter().zip(was_hidden).map(|(&people, was_hidden)| people < enough || was_hidden).collect();
        for group in 0..shape.groups() {
            let people = shape.cell(group, PEOPLE, 0);
            if shape.has_known_people {
                is_hidden[people] = false;
            } else if is_hidden[people] {
                for cell in shape.line(group) {
                    is_hidden[cell] = true;
                }
            }
        }
        Self { shape, truth, before, enough, is_hidden, proofs: proofs.collect(), others: Vec::new() }
    }

    /// Few people are there, and it must not be told.
    fn is_small(&self, cell: usize) -> bool {
        self.truth.counts[cell] < self.enough
    }

    fn lacks(&self, cell: usize, side: Side) -> bool {
        self.is_small(cell) && self.proofs[cell].of(side) == Proof::Missing
    }

    /// What is lost when a cell is hidden.
    fn loss(&self, cell: usize) -> u32 {
        let size = loss_of(self.truth.counts[cell]);
        if self.shape.place(cell).target == PEOPLE { size * OF_PEOPLE } else { size }
    }

    fn hide_more(&mut self) -> Result<(), usize> {
        for side in SIDES {
            for cell in 0..self.shape.cells {
                if self.lacks(cell, side) {
                    let (other, hides) = self.reach(cell, side, true).ok_or(cell)?;
                    for hidden in hides {
                        self.is_hidden[hidden] = true;
                    }
                    self.credit(other);
                }
            }
        }
        Ok(())
    }

    /// Files an alternative under every cell that lacked one on the side where it puts it.
    fn credit(&mut self, other: Other) {
        let number = self.others.len();
        for &(cell, by) in &other.counts {
            let people = self.truth.counts[cell] + by;
            let side = match people {
                0 => Side::Nobody,
                _ if people >= self.enough => Side::Enough,
                _ => continue,
            };
            if self.lacks(cell, side) {
                *self.proofs[cell].of_mut(side) = Proof::Other(number);
            }
        }
        self.others.push(other);
    }

    /// An alternative with nobody, or with enough people, in a cell; and what must be hidden for it.
    fn reach(&self, cell: usize, side: Side, may_hide: bool) -> Option<(Other, BTreeSet<usize>)> {
        let mut world = self.truth.clone();
        let mut hides = BTreeSet::new();
        let goal = match side {
            Side::Nobody => 0,
            Side::Enough => self.enough,
        };
        for _ in 0..STEPS {
            let missing = match side {
                Side::Nobody => world.counts[cell],
                Side::Enough => goal - world.counts[cell],
            };
            if missing <= 0 {
                let other = self.difference(&world);
                return Some((other, hides));
            }
            let moves = self.moves(&world, cell, side, missing).into_iter().filter_map(|(trades, by)| {
                let would = self.would_hide(&trades, &hides);
                let loss = would.iter().map(|&one| self.loss(one)).sum();
                let is_told = would.iter().any(|&one| self.before[one] == Some(true));
                (loss == 0 || may_hide && !is_told).then_some(Move { trades, by, hides: would, loss })
            });
            let Move { trades, hides: more, .. } = moves.min_by_key(Move::rank)?;
            for trade in trades {
                self.apply(&mut world, trade);
            }
            hides.extend(more);
        }
        None
    }

    /// What trades move that is neither hidden nor to be: with the people of a group all its outcomes.
    fn would_hide(&self, trades: &[Trade], hides: &BTreeSet<usize>) -> BTreeSet<usize> {
        let is_shown = |cell: &usize| !self.is_hidden[*cell] && !hides.contains(cell);
        let mut would = BTreeSet::new();
        for trade in trades {
            for group in trade.gaining.into_iter().chain(trade.losing) {
                let cell = self.shape.cell(group, trade.target, trade.outcome);
                if is_shown(&cell) {
                    if trade.target == PEOPLE {
                        would.extend(self.shape.line(group).filter(is_shown));
                    } else {
                        would.insert(cell);
                    }
                }
            }
        }
        would
    }

    /// Every move that brings a cell nearer to its goal, with by how many people.
    fn moves(&self, world: &World, cell: usize, side: Side, most: i64) -> Vec<(Vec<Trade>, i64)> {
        let Place { group, target, outcome } = self.shape.place(cell);
        let mut found = Vec::new();
        for [beside, below, opposite] in self.shape.rectangles(group) {
            let (gaining, losing) = match side {
                Side::Enough => ([group, opposite], [beside, below]),
                Side::Nobody => ([beside, below], [group, opposite]),
            };
            let room = |target, outcome, losing| self.room(world, target, outcome, losing);
            if target != PEOPLE {
                let here = room(target, outcome, losing).min(most);
                for other in (0..self.shape.outcomes[target]).filter(|&other| here > 0 && other != outcome) {
                    let by = here.min(room(target, other, gaining));
                    if by > 0 {
                        let back = Trade { target, outcome: other, gaining: losing, losing: gaining, by };
                        found.push((vec![Trade { target, outcome, gaining, losing, by }, back], by));
                    }
                }
            }
            if self.shape.has_known_people {
                continue;
            }
            // Between groups: as many as every target has room for, the asked one in the asked outcome.
            let through =
                |of: usize, one: usize| if of == target && one != outcome { 0 } else { room(of, one, losing) };
            let targets = || self.shape.outcomes.iter().enumerate();
            let by = targets().map(|(of, &outcomes)| (0..outcomes).map(|one| through(of, one)).sum::<i64>()).min();
            let by = by.unwrap_or(0).min(most);
            if by > 0 {
                let mut trades = Vec::new();
                for (of, &outcomes) in targets() {
                    let mut left = by;
                    for one in 0..outcomes {
                        let here = through(of, one).min(left);
                        if here > 0 {
                            trades.push(Trade { target: of, outcome: one, gaining, losing, by: here });
                            left -= here;
                        }
                    }
                }
                found.push((trades, by));
            }
        }
        found
    }

    /// How many people of an outcome two groups can both lose; of each further characteristic as many of a category.
    fn room(&self, world: &World, target: usize, outcome: usize, losing: [usize; 2]) -> i64 {
        let [one, other] = losing.map(|group| self.shape.cell(group, target, outcome));
        let alike = world.beside.iter().zip(&self.shape.beside).map(|(counts, &categories)| {
            (0..categories)
                .map(|category| counts[one * categories + category].min(counts[other * categories + category]))
                .sum()
        });
        alike.chain([world.counts[one].min(world.counts[other])]).min().unwrap_or(0)
    }

    fn apply(&self, world: &mut World, trade: Trade) {
        let cell = |group| self.shape.cell(group, trade.target, trade.outcome);
        let (gaining, losing) = (trade.gaining.map(cell), trade.losing.map(cell));
        for (cells, by) in [(gaining, trade.by), (losing, -trade.by)] {
            for cell in cells {
                world.counts[cell] += by;
            }
        }
        for (counts, &categories) in world.beside.iter_mut().zip(&self.shape.beside) {
            let mut left = trade.by;
            for category in 0..categories {
                let at = |cell: usize| cell * categories + category;
                let here = losing.map(|cell| counts[at(cell)]).into_iter().min().unwrap_or(0).min(left);
                for (cells, by) in [(gaining, here), (losing, -here)] {
                    for cell in cells {
                        counts[at(cell)] += by;
                    }
                }
                left -= here;
            }
        }
    }

    fn difference(&self, world: &World) -> Other {
        let between = |now: &[i64], truth: &[i64]| {
            let by = now.iter().zip(truth).map(|(now, truth)| now - truth).enumerate();
            by.filter(|&(_, by)| by != 0).collect::<Vec<_>>()
        };
        Other {
            counts: between(&world.counts, &self.truth.counts),
            beside: world.beside.iter().zip(&self.truth.beside).map(|(now, truth)| between(now, truth)).collect(),
        }
    }

    /// Shows what was hidden for others' sake again where they can do without, the most informative first.
    fn show_again(&mut self) {
        let is_candidate =
            |&cell: &usize| self.is_hidden[cell] && !self.is_small(cell) && self.before[cell] != Some(false);
        let mut candidates: Vec<usize> = (0..self.shape.cells).filter(is_candidate).collect();
        candidates.sort_by_key(|&cell| (self.shape.place(cell).target != PEOPLE, Reverse(self.loss(cell)), cell));
        for cell in candidates {
            let Place { group, target, .. } = self.shape.place(cell);
            if target != PEOPLE && self.is_hidden[self.shape.cell(group, PEOPLE, 0)] {
                continue;
            }
            let moves = |other: &Other| other.counts.binary_search_by_key(&cell, |&(moved, _)| moved).is_ok();
            let is_lost: Vec<bool> = self.others.iter().map(moves).collect();
            let (before, kept) = (self.proofs.clone(), self.others.len());
            self.is_hidden[cell] = false;
            for proofs in &mut self.proofs {
                for side in SIDES {
                    if matches!(proofs.of(side), Proof::Other(number) if is_lost[number]) {
                        *proofs.of_mut(side) = Proof::Missing;
                    }
                }
            }
            if !self.find_again() {
                self.is_hidden[cell] = true;
                self.proofs = before;
                self.others.truncate(kept);
            }
        }
    }

    /// Looks for the proofs that are missing within what is hidden.
    fn find_again(&mut self) -> bool {
        for cell in 0..self.shape.cells {
            for side in SIDES {
                if self.lacks(cell, side) {
                    let Some((other, _)) = self.reach(cell, side, false) else { return false };
                    self.credit(other);
                }
            }
        }
        true
    }

    /// Checks every proof again. Fails with a cell that has none.
    fn verify(&self) -> Result<(), usize> {
        let margins = self.shape.margins();
        let is_sound: Vec<bool> = self.others.iter().map(|other| self.is_sound(other, &margins)).collect();
        for cell in (0..self.shape.cells).filter(|&cell| self.is_small(cell)) {
            for side in SIDES {
                let people = match self.proofs[cell].of(side) {
                    Proof::Missing => None,
                    Proof::Truth => Some(self.truth.counts[cell]),
                    Proof::Other(number) => {
                        let by = self.others[number].counts.iter().find(|&&(moved, _)| moved == cell);
                        by.filter(|_| is_sound[number]).map(|&(_, by)| self.truth.counts[cell] + by)
                    }
                };
                let is_proved = people.is_some_and(|people| match side {
                    Side::Nobody => people == 0,
                    Side::Enough => people >= self.enough,
                });
                if !is_proved || !self.is_hidden[cell] {
                    return Err(cell);
                }
            }
        }
        Ok(())
    }

    /// Whether a table agrees with what is shown, with the margins and with itself; and so do those with each further
    /// characteristic.
    fn is_sound(&self, other: &Other, margins: &[Vec<usize>]) -> bool {
        let shape = self.shape;
        let spread = |changes: &[(usize, i64)], cells: usize| {
            let mut by = vec![0; cells];
            for &(cell, more) in changes {
                by[cell] += more;
            }
            by
        };
        let by = spread(&other.counts, shape.cells);
        let is_possible = (0..shape.cells)
            .all(|cell| self.truth.counts[cell] + by[cell] >= 0 && (by[cell] == 0 || self.is_hidden[cell]));
        let keeps_groups = (0..shape.groups()).all(|group| {
            let people = by[shape.cell(group, PEOPLE, 0)];
            shape.outcomes.iter().enumerate().all(|(target, &outcomes)| {
                (0..outcomes).map(|outcome| by[shape.cell(group, target, outcome)]).sum::<i64>() == people
            })
        });
        let keeps_margins = margins.iter().all(|margin| margin.iter().map(|&cell| by[cell]).sum::<i64>() == 0);
        let mut characteristics = other.beside.iter().zip(&self.truth.beside).zip(&shape.beside);
        is_possible
            && keeps_groups
            && keeps_margins
            && characteristics.all(|((changes, truth), &categories)| {
                let of = spread(changes, shape.cells * categories);
                let at = |cell: usize, category: usize| of[cell * categories + category];
                of.iter().zip(truth).all(|(by, truth)| truth + by >= 0)
                    && (0..shape.cells).all(|cell| (0..categories).map(|one| at(cell, one)).sum::<i64>() == by[cell])
                    && (0..categories).all(|one| {
                        margins.iter().all(|margin| margin.iter().map(|&cell| at(cell, one)).sum::<i64>() == 0)
                    })
            })
    }
}
