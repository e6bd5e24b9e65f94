//! Two characteristics at once, over all periods: each two of them are a cross table of their own, whose margins the tables
//! that are protected together have settled. Categories and outcomes are counted together until that is so, and until the
//! cross table can be protected; where two categories of each are not left, the two are not offered together.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use disclosure::{
    Alike, CrossError, CrossTable, Decision, DimensionId, Figure, ProtectedCross, ProtectedTables, Threshold,
};
use warehouse::AlikeRow;

use super::plan::{Ids, Plan, outcome_of};
use super::{Marts, PROFILE, Part, permille};
use crate::characteristic::{Characteristic, Filter};
use crate::merge::Merged;

/// Categories or outcomes counted together, by their places in the list they come from.
type Group = Vec<usize>;

/// A characteristic with the categories that are counted by themselves before anything is crossed.
struct Axis {
    filter: Filter,
    dimension: DimensionId,
    merged: Merged,
    categories: Vec<String>,
    people: Vec<u32>,
    /// Of each category a number that adds up to zero where categories together are settled.
    moves: Vec<u64>,
    /// The same by target, category and outcome; nothing where a target is not counted by this characteristic.
    moves_with: Vec<Option<Vec<Vec<u64>>>>,
}

/// What comes of people, as the tables protected together know it.
struct Target {
    code: String,
    dimension: DimensionId,
    outcomes: Vec<String>,
    ways: Vec<Vec<Group>>,
}

/// Two characteristics with what comes of people.
pub(super) struct Crossed {
    /// The categories counted together, for each of the two.
    groups: [Vec<Vec<String>>; 2],
    /// The outcomes counted together, by target.
    targets: Vec<(String, Vec<Vec<String>>)>,
    table: ProtectedCross,
}

/// All that can be crossed.
pub(super) type Crosses = BTreeMap<(Filter, Filter), Crossed>;

impl Crossed {
    pub(super) fn groups(&self, second: bool) -> &[Vec<String>] {
        &self.groups[usize::from(second)]
    }

    /// Everybody of a group of one of the two.
    pub(super) fn people_along(&self, second: bool, group: usize) -> u32 {
        if second { self.table.people_of_column(group) } else { self.table.people_of_row(group) }
    }

    /// The outcomes that can be told apart.
    pub(super) fn outcomes(&self, target: &str) -> &[Vec<String>] {
        let found = self.targets.iter().find(|(code, _)| code == target);
        found.map(|(_, outcomes)| outcomes.as_slice()).unwrap_or_default()
    }

    pub(super) fn people(&self, group: (usize, usize)) -> Option<u32> {
        value(self.table.people(group).ok()?)
    }

    pub(super) fn part(&self, group: (usize, usize), target: &str, outcome: usize) -> Option<Part> {
        let target = self.targets.iter().position(|(code, _)| code == target)?;
        let people = value(self.table.count(group, target, outcome).ok()?);
        let share = value(self.table.share(group, target, outcome).ok()?);
        Some(Part { people, share_permille: share.and_then(permille) })
    }

    #[cfg(test)]
    pub(super) fn exposed(&self) -> Vec<String> {
        self.table.exposed().unwrap_or_else(|error| vec![error.to_string()])
    }
}

fn value<T>(decision: Decision<T>) -> Option<T> {
    match decision.published() {
        Figure::Shown(value) => Some(value),
        Figure::Hidden(_) => None,
    }
}

/// Crosses each two characteristics.
pub(super) fn cross(marts: &Marts, plan: &Plan, ids: &Ids, tables: &ProtectedTables) -> Result<Crosses, CrossError> {
    let targets: Vec<Target> = plan
        .targets
        .iter()
        .filter_map(|(code, outcomes)| {
            let dimension = *ids.targets.get(code)?;
            Some(Target { code: code.clone(), dimension, outcomes: outcomes.clone(), ways: ways(outcomes) })
        })
        .collect();
    let axes = axes(plan, ids, &targets, tables);
    let mut crosses = Crosses::new();
    for (place, first) in axes.iter().enumerate() {
        for second in &axes[place + 1..] {
            let beside: Vec<&Axis> =
                axes.iter().filter(|axis| ![first.filter, second.filter].contains(&axis.filter)).collect();
            let pair = Pair::new(first, second, &targets, tables);
            let mut groups = [first, second].map(|axis| (0..axis.categories.len()).map(|one| vec![one]).collect());
            while let Some(shape) = pair.settle(groups).filter(|shape| pair.is_settled(shape, tables)) {
                match pair.count(&shape, &marts.alike, &beside)?.protect(Threshold::default()) {
                    Ok(table) => {
                        crosses.insert((first.filter, second.filter), pair.named(&shape, table));
                        break;
                    }
                    Err(CrossError::Unprotectable { row, column }) => match pair.join_at(shape.groups, [row, column]) {
                        Some(joined) => groups = joined,
                        None => break,
                    },
                    Err(error @ CrossError::Unknown { .. }) => return Err(error),
                }
            }
        }
    }
    let sizes = crosses.values().map(|crossed| crossed.table.size());
    let (cells, hidden) = sizes.fold((0, 0), |(cells, hidden), (more, of_them)| (cells + more, hidden + of_them));
    tracing::info!(pairs = crosses.len(), cells, hidden, "each two characteristics are crossed");
    Ok(crosses)
}

fn axes(plan: &Plan, ids: &Ids, targets: &[Target], tables: &ProtectedTables) -> Vec<Axis> {
    let all = super::ALL.to_owned();
    let axis = |filter: Filter| {
        let (dimension, merged) = match filter {
            Filter::Comune => (ids.comune, &plan.comuni),
            Filter::Of(of) => (*ids.characteristics.get(&of)?, plan.characteristics.get(&of)?),
        };
        let categories: Vec<String> = merged.all().map(str::to_owned).collect();
        let people = categories.iter().map(|category| match filter {
            Filter::Comune => plan.by_comune.get(&(category.clone(), all.clone())).copied().unwrap_or_default(),
            Filter::Of(of) => plan.by_category.get(&(of, category.clone(), all.clone())).copied().unwrap_or_default(),
        });
        let people = people.collect();
        let movement = |cell: &[(DimensionId, &str)]| tables.movement(cell).ok();
        let moves: Option<Vec<u64>> = categories.iter().map(|one| movement(&[(dimension, one)])).collect();
        let moves_with = targets.iter().map(|target| {
            let of = |category: &String| {
                let outcomes = target.outcomes.iter();
                outcomes.map(|outcome| movement(&[(dimension, category), (target.dimension, outcome)])).collect()
            };
            categories.iter().map(of).collect()
        });
        Some(Axis {
            filter,
            dimension,
            merged: merged.clone(),
            people,
            moves: moves?,
            moves_with: moves_with.collect(),
            categories,
        })
    };
    Filter::ALL.into_iter().filter(|filter| filter.is_crossed()).filter_map(axis).collect()
}

/// The place of the code of a row along an axis.
fn place(axis: &Axis, row: &AlikeRow) -> Option<usize> {
    let code = match axis.filter {
        Filter::Comune => &row.comune,
        Filter::Of(Characteristic::AgeBand) => &row.age_band,
        Filter::Of(Characteristic::Sex) => &row.sex,
        Filter::Of(Characteristic::Education) => &row.education,
        Filter::Of(Characteristic::Citizenship) => &row.citizenship,
        Filter::Of(Characteristic::Household) => &row.household,
        Filter::Of(Characteristic::Work) => &row.work,
        Filter::Of(Characteristic::Disadvantage) => return None,
    };
    let category = axis.merged.place(code)?;
    axis.categories.iter().position(|known| known == category)
}

/// Two characteristics to be crossed, with the targets that are counted by both.
struct Pair<'a> {
    axes: [&'a Axis; 2],
    /// By their places.
    targets: Vec<(usize, &'a Target)>,
    /// Of each two categories what [`Axis::moves`] is of one, where the people of both together are among the tables that are
    /// protected together.
    known_people: Option<Vec<Vec<u64>>>,
}

/// What is counted together: categories of each characteristic, and outcomes of the targets that are kept.
struct Shape {
    groups: [Vec<Group>; 2],
    outcomes: Vec<(usize, Vec<Group>)>,
}

impl Shape {
    /// How much it tells, roughly: combinations, most of all those with outcomes, of which the tenth tells less than the second.
    fn worth(&self) -> usize {
        let [first, second] = &self.groups;
        let outcomes: usize = self.outcomes.iter().map(|(_, outcomes)| outcomes.len() - 1).sum();
        (first.len() - 1) * (second.len() - 1) * (1 + (16 * outcomes).isqrt())
    }
}

impl<'a> Pair<'a> {
    fn new(first: &'a Axis, second: &'a Axis, targets: &'a [Target], tables: &ProtectedTables) -> Self {
        let axes = [first, second];
        let is_counted = |&(place, _): &(usize, &Target)| axes.iter().all(|axis| axis.moves_with[place].is_some());
        let movement =
            |one: &str, other: &str| tables.movement(&[(first.dimension, one), (second.dimension, other)]).ok();
        let known_people = first
            .categories
            .iter()
            .map(|one| second.categories.iter().map(|other| movement(one, other)).collect())
            .collect();
        Self { axes, targets: targets.iter().enumerate().filter(is_counted).collect(), known_people }
    }

    /// Counts categories together, two groups at a time, until everything is settled or two are left; of the shapes on the way gives the
    /// one that tells most.
    fn settle(&self, mut groups: [Vec<Group>; 2]) -> Option<Shape> {
        let mut best: Option<Shape> = None;
        while groups.iter().all(|groups| groups.len() >= 2) {
            let (outcomes, unsettled) = self.outcomes(&groups);
            let of_people = self.unsettled_people(&groups);
            let shape = Shape { groups: groups.clone(), outcomes };
            if of_people == 0 && best.as_ref().is_none_or(|best| shape.worth() > best.worth()) {
                best = Some(shape);
            }
            if unsettled + of_people == 0 {
                break;
            }
            let joins = [0, 1].into_iter().filter(|&axis| groups[axis].len() > 2).flat_map(|axis| {
                let count = groups[axis].len();
                (0..count).flat_map(move |one| (one + 1..count).map(move |other| (axis, one, other)))
            });
            let ranked = joins.map(|(axis, one, other)| {
                let joined = joined(&groups, axis, one, other);
                let (outcomes, unsettled) = self.outcomes(&joined);
                let left = unsettled + self.unsettled_people(&joined);
                let people = self.people(axis, &groups[axis][one]) + self.people(axis, &groups[axis][other]);
                let shape = Shape { groups: joined, outcomes };
                ((left, Reverse(shape.worth()), people), shape.groups)
            });
            let Some((_, next)) = ranked.min_by_key(|(rank, _)| *rank) else { break };
            groups = next;
        }
        best
    }

    fn people(&self, axis: usize, group: &[usize]) -> u32 {
        group.iter().map(|&one| self.axes[axis].people[one]).sum()
    }

    /// How many groups of people are not settled.
    fn unsettled_people(&self, groups: &[Vec<Group>; 2]) -> usize {
        let moves = |axis: usize, group: &Group| adds_up(group.iter().map(|&one| self.axes[axis].moves[one]));
        let alone = groups.iter().enumerate();
        let alone = alone.flat_map(|(axis, groups)| groups.iter().map(move |group| moves(axis, group)));
        let together = self.known_people.iter().flat_map(|known| {
            groups[0].iter().flat_map(move |first| {
                groups[1].iter().map(move |second| {
                    adds_up(first.iter().flat_map(|&one| second.iter().map(move |&other| known[one][other])))
                })
            })
        });
        alone.chain(together).filter(|is_settled| !is_settled).count()
    }

    /// Of each target the finest outcomes that are settled, where two are left; and how many margins of the others are not.
    fn outcomes(&self, groups: &[Vec<Group>; 2]) -> (Vec<(usize, Vec<Group>)>, usize) {
        let mut kept = Vec::new();
        let mut unsettled = 0;
        for &(place, target) in &self.targets {
            let mut fewest = usize::MAX;
            for way in &target.ways {
                let left = self.unsettled_outcomes(groups, place, way);
                fewest = fewest.min(left);
                if left == 0 {
                    kept.push((place, way.clone()));
                    break;
                }
            }
            unsettled += if fewest == usize::MAX { 0 } else { fewest };
        }
        (kept, unsettled)
    }

    fn unsettled_outcomes(&self, groups: &[Vec<Group>; 2], target: usize, way: &[Group]) -> usize {
        let of_axis = |axis: usize| {
            let moves = self.axes[axis].moves_with[target].as_ref();
            moves.map_or(0, |moves| {
                let lines = groups[axis].iter().flat_map(|group| way.iter().map(move |together| (group, together)));
                lines
                    .filter(|(group, together)| {
                        let cells = group.iter().flat_map(|&one| together.iter().map(move |&outcome| (one, outcome)));
                        !adds_up(cells.map(|(one, outcome)| moves[one][outcome]))
                    })
                    .count()
            })
        };
        of_axis(0) + of_axis(1)
    }

    /// Whether a shape is settled indeed.
    fn is_settled(&self, shape: &Shape, tables: &ProtectedTables) -> bool {
        let of_people = |axis: &Axis, group: &Group| {
            let cells = group.iter().map(|&one| vec![(axis.dimension, axis.categories[one].as_str())]);
            is_settled(tables, &cells.collect::<Vec<_>>())
        };
        let with = |axis: &Axis, group: &Group, target: &Target, together: &Group| {
            let cells = group.iter().flat_map(|&one| together.iter().map(move |&outcome| (one, outcome)));
            let cells = cells.map(|(one, outcome)| {
                vec![
                    (axis.dimension, axis.categories[one].as_str()),
                    (target.dimension, target.outcomes[outcome].as_str()),
                ]
            });
            is_settled(tables, &cells.collect::<Vec<_>>())
        };
        let of_axis = |number: usize| {
            let axis = self.axes[number];
            shape.groups[number].iter().all(|group| {
                of_people(axis, group)
                    && shape.outcomes.iter().all(|(place, way)| {
                        let of = self.targets.iter().find(|(known, _)| known == place);
                        of.is_some_and(|(_, target)| way.iter().all(|together| with(axis, group, target, together)))
                    })
            })
        };
        let [first, second] = self.axes;
        let of_both = |one: &Group, other: &Group| {
            let cells = one.iter().flat_map(|&one| other.iter().map(move |&other| (one, other)));
            let cells = cells.map(|(one, other)| {
                vec![
                    (first.dimension, first.categories[one].as_str()),
                    (second.dimension, second.categories[other].as_str()),
                ]
            });
            is_settled(tables, &cells.collect::<Vec<_>>())
        };
        let [rows, columns] = &shape.groups;
        of_axis(0)
            && of_axis(1)
            && (self.known_people.is_none() || rows.iter().all(|one| columns.iter().all(|other| of_both(one, other))))
    }

    /// Counts the row or the column of a cell with the group of fewest people: of the two the one that has fewer itself. Nothing where
    /// two are left of both.
    fn join_at(&self, groups: [Vec<Group>; 2], cell: [usize; 2]) -> Option<[Vec<Group>; 2]> {
        let mut axes: Vec<usize> = [0, 1].into_iter().filter(|&axis| groups[axis].len() > 2).collect();
        axes.sort_by_key(|&axis| self.people(axis, &groups[axis][cell[axis]]));
        let &axis = axes.first()?;
        let others = (0..groups[axis].len()).filter(|&other| other != cell[axis]);
        let fewest = others.min_by_key(|&other| (self.people(axis, &groups[axis][other]), other))?;
        Some(joined(&groups, axis, cell[axis].min(fewest), cell[axis].max(fewest)))
    }

    fn count(&self, shape: &Shape, rows: &[AlikeRow], beside: &[&Axis]) -> Result<CrossTable, CrossError> {
        let outcomes: Vec<usize> = shape.outcomes.iter().map(|(_, way)| way.len()).collect();
        let categories: Vec<usize> = beside.iter().map(|axis| axis.categories.len()).collect();
        let mut table = CrossTable::new(shape.groups[0].len(), shape.groups[1].len(), &outcomes, &categories);
        if self.known_people.is_some() {
            table = table.with_known_people();
        }
        let group_of = |groups: &[Group], place: usize| groups.iter().position(|group| group.contains(&place));
        for row in rows {
            let along = |axis: usize| group_of(&shape.groups[axis], place(self.axes[axis], row)?);
            let (Some(first), Some(second)) = (along(0), along(1)) else { continue };
            let mut outcomes = Vec::new();
            for (place, way) in &shape.outcomes {
                let of = self.targets.iter().find(|(known, _)| known == place);
                outcomes.extend(of.and_then(|(_, target)| {
                    let outcome = outcome_of(&target.outcomes, level(row, &target.code));
                    group_of(way, target.outcomes.iter().position(|known| *known == outcome)?)
                }));
            }
            let beside: Vec<usize> = beside.iter().filter_map(|axis| place(axis, row)).collect();
            let people = u32::try_from(row.people).unwrap_or_default();
            table.add(Alike { row: first, column: second, outcomes: &outcomes, beside: &beside }, people)?;
        }
        Ok(table)
    }

    fn named(&self, shape: &Shape, table: ProtectedCross) -> Crossed {
        let names = |groups: &[Group], of: &[String]| {
            let name = |group: &Group| group.iter().map(|&one| of[one].clone()).collect();
            groups.iter().map(name).collect::<Vec<Vec<String>>>()
        };
        let targets = shape.outcomes.iter().filter_map(|(place, way)| {
            let (_, target) = self.targets.iter().find(|(known, _)| known == place)?;
            Some((target.code.clone(), names(way, &target.outcomes)))
        });
        Crossed {
            groups: [0, 1].map(|axis| names(&shape.groups[axis], &self.axes[axis].categories)),
            targets: targets.collect(),
            table,
        }
    }
}

/// Whether movements come to nothing together.
fn adds_up(moves: impl Iterator<Item = u64>) -> bool {
    moves.fold(0, u64::wrapping_add) == 0
}

/// The groups with two of an axis as one.
fn joined(groups: &[Vec<Group>; 2], axis: usize, one: usize, other: usize) -> [Vec<Group>; 2] {
    let mut groups = groups.clone();
    let more = groups[axis].remove(other);
    groups[axis][one].extend(more);
    groups[axis][one].sort_unstable();
    groups
}

/// The ways to count outcomes together that leave two at least, the finest first: those beside each other, and what is not valid by
/// itself or with any.
fn ways(outcomes: &[String]) -> Vec<Vec<Group>> {
    let has_not_valid = outcomes.last().is_some_and(|last| last == super::NOT_VALID);
    let ordered = outcomes.len() - usize::from(has_not_valid);
    let mut ways = Vec::new();
    // A bit for each place between two: whether one ends there.
    for ends in 0..1_u32 << ordered.saturating_sub(1) {
        let mut way: Vec<Group> = vec![Vec::new()];
        for outcome in 0..ordered {
            if outcome > 0 && ends & (1 << (outcome - 1)) != 0 {
                way.push(Vec::new());
            }
            if let Some(last) = way.last_mut() {
                last.push(outcome);
            }
        }
        if !has_not_valid {
            ways.push(way);
            continue;
        }
        for with in 0..way.len() {
            let mut way = way.clone();
            way[with].push(ordered);
            ways.push(way);
        }
        way.push(vec![ordered]);
        ways.push(way);
    }
    ways.retain(|way| way.len() >= 2);
    ways.sort_by_key(|way| (Reverse(way.len()), way.iter().map(Vec::len).max()));
    ways
}

fn is_settled(tables: &ProtectedTables, cells: &[Vec<(DimensionId, &str)>]) -> bool {
    let at: Vec<&[(DimensionId, &str)]> = cells.iter().map(Vec::as_slice).collect();
    tables.is_settled(&at).unwrap_or(false)
}

/// What came of the people of a row on a scale or in the profile.
fn level<'a>(row: &'a AlikeRow, target: &str) -> &'a str {
    if target == PROFILE {
        return &row.profile;
    }
    let of = |one: &&'a str| one.split_once('=').is_some_and(|(scale, _)| scale == target);
    row.levels.split(' ').find(of).and_then(|one| one.split_once('=')).map_or(super::NOT_VALID, |(_, level)| level)
}
