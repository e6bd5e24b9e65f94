//! What a released table tells beyond its labels to somebody who knows how such tables are made.
//!
//! Two attacks need nothing but the table. *Combinatorial refinement* (Chhillar and others, 2025) uses the order of a greedy
//! choice: a row under a broad label that a narrower, cheaper one would cover too was not there when that one was given, so its
//! values are elsewhere. *Downcoding* (Cohen, 2022) uses minimality: a label is there because something needed it. This module
//! makes both on a table of one's own, and beside the original says how often it was right, and how often chance would have
//! been. It reads labels, as anybody could; what it finds certain is only as certain as what is [`Assumed`].
//!
//! A gate can ask it; it is no proof. Another attacker may know more.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{AsArray, RecordBatch};
use serde::Serialize;

use crate::error::Error;
use crate::hierarchy::{Hierarchy, NodeId};
use crate::rules::{QuasiIdentifier, Rules};
use crate::table;

/// The box of a larger class is not looked at value by value: of what covers it, only single classes are.
const BOX_MAX: usize = 1 << 14;

/// Costs of labels are sums of fractions.
const TOLERANCE: f64 = 1e-9;

/// What the attacker takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed {
    /// The rows that a class must have. What other rules there are they do not know.
    pub k: usize,
    /// How rows came into their classes.
    pub choice: Choice,
    /// Whether each label is the lowest that covers its rows.
    pub is_tight: bool,
}

/// How rows came into their classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The cheapest labels first, and all rows under them: no row is under labels that cost more than others that cover it.
    Greedy,
    /// By moving rows until no move lowers the loss: the same, for rows that their class could have spared.
    Settled,
}

/// What the attacker believes to know. Rows of `*` only are left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exposure {
    /// Cells whose label is not a single value.
    pub cells: usize,
    /// Those from which some of the values under the label are ruled out.
    pub narrowed: usize,
    /// Those where one value is left.
    pub pinned: usize,
    /// The part of the values under its label that is ruled out, mean over the cells.
    pub ruled_out: f64,
    /// Values that some row of a class must have, counted class by class.
    pub present: usize,
    /// Labels of a class of which all rows but fewer than k must be under one part, since it could have been split else.
    pub lopsided: usize,
    /// Labels of a class under which nothing fits what is assumed, so that the attacker gives up on them.
    pub contradictions: usize,
    /// How right that is.
    pub found: Option<Found>,
}

/// What the attacker believes, beside the truth. By chance means: for a value that is drawn from those under the label by how
/// frequent they are in the original, which an attacker may know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// Narrowed cells whose value is among those left.
    pub narrowed_right: usize,
    /// As many would be by chance.
    pub narrowed_by_chance: f64,
    /// Values that are present as they must be.
    pub present_right: usize,
    /// As many would be by chance.
    pub present_by_chance: f64,
    /// Labels that are as lopsided as they must be.
    pub lopsided_right: usize,
    /// Cells of which the value is guessed by taking the most frequent of those left.
    pub guessed: usize,
    /// The same when nothing is ruled out.
    pub guessed_without: usize,
}

/// The table a release was made from.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// The table.
    pub original: &'a RecordBatch,
    /// For each released row its row in there.
    pub origins: &'a [usize],
    /// The rules, for what a missing value is.
    pub rules: &'a Rules,
}

/// Attacks a released table.
///
/// # Errors
/// A column that is missing or holds what its hierarchy does not know; origins that are not those of the rows.
pub fn attack(
    released: &RecordBatch,
    identifiers: &[QuasiIdentifier],
    assumed: Assumed,
    truth: Option<Truth<'_>>,
) -> Result<Exposure, Error> {
    let classes = Class::read(released, identifiers)?;
    let truth = truth.map(|truth| Known::read(released, identifiers, truth)).transpose()?;
    let mut exposure = Exposure {
        cells: 0,
        narrowed: 0,
        pinned: 0,
        ruled_out: 0.0,
        present: 0,
        lopsided: 0,
        contradictions: 0,
        found: truth.as_ref().map(|_| Found {
            narrowed_right: 0,
            narrowed_by_chance: 0.0,
            present_right: 0,
            present_by_chance: 0.0,
            lopsided_right: 0,
            guessed: 0,
            guessed_without: 0,
        }),
    };
    for class in &classes {
        let could_move = assumed.choice == Choice::Greedy || class.rows.len() > assumed.k;
        let possible = if could_move { class.possible(&classes) } else { class.everything() };
        for (attribute, possible) in possible.into_iter().enumerate() {
            if class.leaves[attribute].len() > 1 {
                let label = Label { class, attribute, hierarchy: &identifiers[attribute].hierarchy };
                label.expose(possible, assumed, truth.as_ref(), &mut exposure);
            }
        }
    }
    if exposure.cells > 0 {
        exposure.ruled_out /= exposure.cells as f64;
    }
    Ok(exposure)
}

/// The original as numbers.
struct Known {
    /// By quasi-identifier and released row.
    leaf_of: Vec<Vec<usize>>,
    /// By quasi-identifier: rows of the original by leaf.
    frequencies: Vec<Vec<usize>>,
}

impl Known {
    fn read(released: &RecordBatch, identifiers: &[QuasiIdentifier], truth: Truth<'_>) -> Result<Self, Error> {
        if truth.origins.len() != released.num_rows() {
            return Err(Error::RowsDoNotMatch {
                reason: format!("{} origins for {} rows", truth.origins.len(), released.num_rows()),
            });
        }
        let mut known = Self { leaf_of: Vec::new(), frequencies: Vec::new() };
        for QuasiIdentifier { column, hierarchy, .. } in identifiers {
            let missing = truth.rules.missing.get(column).map(String::as_str);
            let leaves = table::leaves(truth.original, column, hierarchy, missing)?;
            let mut frequencies = vec![0; hierarchy.leaf_count()];
            leaves.iter().for_each(|&leaf| frequencies[leaf as usize] += 1);
            let leaf_of = truth.origins.iter().map(|&row| {
                leaves
                    .get(row)
                    .map(|&leaf| leaf as usize)
                    .ok_or_else(|| Error::RowsDoNotMatch { reason: format!("there is no original row {row}") })
            });
            known.leaf_of.push(leaf_of.collect::<Result<_, _>>()?);
            known.frequencies.push(frequencies);
        }
        Ok(known)
    }
}

/// Rows under the same labels.
struct Class {
    rows: Vec<usize>,
    nodes: Vec<NodeId>,
    /// The leaves under each label.
    leaves: Vec<Range<usize>>,
    /// What the labels lose, summed.
    cost: f64,
}

impl Class {
    fn read(released: &RecordBatch, identifiers: &[QuasiIdentifier]) -> Result<Vec<Self>, Error> {
        let mut names: Vec<Vec<NodeId>> = vec![Vec::with_capacity(identifiers.len()); released.num_rows()];
        for QuasiIdentifier { column, hierarchy, .. } in identifiers {
            let text = table::as_text(table::column(released, column)?, column)?;
            for (row, label) in text.as_string::<i32>().iter().enumerate() {
                let node = label.and_then(|label| hierarchy.node(label)).ok_or_else(|| Error::UnknownValue {
                    column: column.clone(),
                    value: label.unwrap_or_default().to_owned(),
                    row,
                })?;
                names[row].push(node);
            }
        }
        let mut rows_of: BTreeMap<Vec<NodeId>, Vec<usize>> = BTreeMap::new();
        for (row, name) in names.into_iter().enumerate() {
            rows_of.entry(name).or_default().push(row);
        }
        let is_star = |nodes: &[NodeId]| {
            nodes.iter().zip(identifiers).all(|(&node, identifier)| identifier.hierarchy.parent(node).is_none())
        };
        let classes = rows_of.into_iter().filter(|(nodes, _)| !is_star(nodes)).map(|(nodes, rows)| {
            let each = || nodes.iter().zip(identifiers).map(|(&node, identifier)| (node, &identifier.hierarchy));
            let loss = |(node, hierarchy): (NodeId, &Hierarchy)| {
                let (numerator, denominator) = hierarchy.loss(node);
                numerator as f64 / denominator as f64
            };
            Self {
                leaves: each().map(|(node, hierarchy)| hierarchy.leaves(node)).collect(),
                cost: each().map(loss).sum(),
                nodes,
                rows,
            }
        });
        Ok(classes.collect())
    }

    /// By attribute: whether each leaf under the label may be a value.
    fn everything(&self) -> Vec<Vec<bool>> {
        self.leaves.iter().map(|leaves| vec![true; leaves.len()]).collect()
    }

    /// The same without what cheaper labels would have taken.
    fn possible(&self, classes: &[Self]) -> Vec<Vec<bool>> {
        // Of two nodes of a tree that share leaves one holds the other.
        let shared = classes.iter().filter(|other| other.cost < self.cost - TOLERANCE).filter_map(|other| {
            let ranges = self.leaves.iter().zip(&other.leaves).map(|(mine, theirs)| {
                let range = mine.start.max(theirs.start)..mine.end.min(theirs.end);
                (!range.is_empty()).then(|| range.start - mine.start..range.end - mine.start)
            });
            ranges.collect::<Option<Vec<Range<usize>>>>()
        });
        let values = self
            .leaves
            .iter()
            .try_fold(1_usize, |values, leaves| values.checked_mul(leaves.len()).filter(|&values| values <= BOX_MAX));
        let Some(values) = values else { return self.possible_beside_single(shared) };
        let mut is_taken = vec![false; values];
        for ranges in shared {
            self.take(&ranges, 0, 0, &mut is_taken);
        }
        let mut possible: Vec<Vec<bool>> = self.leaves.iter().map(|leaves| vec![false; leaves.len()]).collect();
        for value in (0..values).filter(|&value| !is_taken[value]) {
            let mut rest = value;
            for possible in possible.iter_mut().rev() {
                let count = possible.len();
                possible[rest % count] = true;
                rest /= count;
            }
        }
        possible
    }

    /// Marks all values of a part of the box.
    fn take(&self, ranges: &[Range<usize>], attribute: usize, prefix: usize, is_taken: &mut [bool]) {
        let Some(range) = ranges.get(attribute) else {
            is_taken[prefix] = true;
            return;
        };
        for leaf in range.clone() {
            self.take(ranges, attribute + 1, prefix * self.leaves[attribute].len() + leaf, is_taken);
        }
    }

    /// What is left when a value counts as ruled out only where one class takes all rows that have it.
    fn possible_beside_single(&self, shared: impl Iterator<Item = Vec<Range<usize>>>) -> Vec<Vec<bool>> {
        let mut possible = self.everything();
        for ranges in shared {
            let mut narrower =
                (0..ranges.len()).filter(|&attribute| ranges[attribute].len() < self.leaves[attribute].len());
            if let (Some(attribute), None) = (narrower.next(), narrower.next()) {
                possible[attribute][ranges[attribute].clone()].fill(false);
            }
        }
        possible
    }
}

/// One label of a class.
struct Label<'a> {
    class: &'a Class,
    attribute: usize,
    hierarchy: &'a Hierarchy,
}

impl Label<'_> {
    fn expose(&self, mut possible: Vec<bool>, assumed: Assumed, truth: Option<&Known>, exposure: &mut Exposure) {
        let rows = self.class.rows.len();
        let leaves = &self.class.leaves[self.attribute];
        let parts: Vec<Range<usize>> = self
            .hierarchy
            .children(self.class.nodes[self.attribute])
            .map(|child| self.hierarchy.leaves(child))
            .collect();
        let left_in = |possible: &[bool], part: &Range<usize>| -> Vec<usize> {
            part.clone().filter(|leaf| possible[leaf - leaves.start]).collect()
        };
        // A node with one child only repeats it: then no part is more than the label.
        let parts_left = parts.iter().filter(|part| !left_in(&possible, part).is_empty()).count();
        if parts_left == 0 || (assumed.is_tight && parts.len() > 1 && parts_left < 2) {
            exposure.contradictions += 1;
            possible.fill(true);
        }
        let left: Vec<usize> = left_in(&possible, leaves);
        let ruled_out = leaves.len() - left.len();
        exposure.cells += rows;
        exposure.ruled_out += rows as f64 * ruled_out as f64 / leaves.len() as f64;
        if ruled_out > 0 {
            exposure.narrowed += rows;
        }
        if left.len() == 1 {
            exposure.pinned += rows;
        }
        // With two parts left there must be a row in each, and where a part has one value it is that.
        let mut present = Vec::new();
        let parts_left: Vec<Vec<usize>> =
            parts.iter().map(|part| left_in(&possible, part)).filter(|left| !left.is_empty()).collect();
        if assumed.is_tight && parts_left.len() == 2 {
            present = parts_left.iter().filter(|left| left.len() == 1).map(|left| left[0]).collect();
        }
        exposure.present += present.len();
        // Three times k rows can be dealt to two sides of k each unless one part has nearly all.
        let is_lopsided = parts.len() > 1 && rows >= 3 * assumed.k;
        exposure.lopsided += usize::from(is_lopsided);
        if let (Some(known), Some(found)) = (truth, &mut exposure.found) {
            let label = Told { left: &left, present: &present, parts: is_lopsided.then_some(&parts) };
            self.compare(&label, assumed.k, known, ruled_out > 0, found);
        }
    }

    fn compare(&self, told: &Told<'_>, k: usize, known: &Known, is_narrowed: bool, found: &mut Found) {
        let frequencies = &known.frequencies[self.attribute];
        let values: Vec<usize> = self.class.rows.iter().map(|&row| known.leaf_of[self.attribute][row]).collect();
        let all: Vec<usize> = self.class.leaves[self.attribute].clone().collect();
        let weight = |leaves: &[usize]| leaves.iter().map(|&leaf| frequencies[leaf] as f64).sum::<f64>();
        let share = |leaves: &[usize]| weight(leaves) / weight(&all).max(1.0);
        if is_narrowed {
            found.narrowed_right += values.iter().filter(|value| told.left.contains(value)).count();
            found.narrowed_by_chance += values.len() as f64 * share(told.left);
        }
        for leaf in told.present {
            found.present_right += usize::from(values.contains(leaf));
            found.present_by_chance += 1.0 - (1.0 - share(&[*leaf])).powf(values.len() as f64);
        }
        if let Some(parts) = told.parts {
            let under = |part: &Range<usize>| values.iter().filter(|value| part.contains(value)).count();
            found.lopsided_right += usize::from(parts.iter().any(|part| under(part) + k > values.len()));
        }
        let most_frequent = |leaves: &[usize]| leaves.iter().copied().max_by_key(|&leaf| frequencies[leaf]);
        let hits = |guess: Option<usize>| values.iter().filter(|&&value| Some(value) == guess).count();
        found.guessed += hits(most_frequent(told.left));
        found.guessed_without += hits(most_frequent(&all));
    }
}

/// What the attacker says of a label.
struct Told<'a> {
    /// The values that are not ruled out.
    left: &'a [usize],
    present: &'a [usize],
    /// The parts of which one must have nearly all rows, if that is said.
    parts: Option<&'a Vec<Range<usize>>>,
}
