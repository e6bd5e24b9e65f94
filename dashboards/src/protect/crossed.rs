//! Two characteristics at once, over all periods: each two of them are a cross table of their own, whose margins the tables
//! that are protected together have settled. Categories are counted together until that is so, and until the cross table can be
//! protected; where two categories of each are not left, the two are not offered together.
//!
//! Every target that both are counted by is in the cross table, with all its outcomes: were one left out, or its outcomes counted
//! together, people by the two would still narrow down what each of them hides of it.
//!
//! Two that were shown before keep the categories that they had then, or fewer; what was shown of them is shown again, and what was
//! hidden stays hidden. Where that cannot be protected, the two are not offered.

use std::collections::BTreeMap;

use disclosure::{
    Alike, CrossError, CrossTable, DimensionId, ProtectedCross, ProtectedTables, PublishedCross, Threshold,
};
use serde::{Deserialize, Serialize};
use warehouse::AlikeRow;

use super::marts::level;
use super::plan::{Ids, Plan, outcome_of};
use super::{Marts, Part, Protected, permille};
use crate::characteristic::{Characteristic, Filter};
use crate::merge::Merged;

/// The movement of what cannot be asked.
const UNSETTLED: u64 = 1;

/// Categories counted together, by their places in the list they come from.
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
}

/// Two characteristics with what comes of people, as they are published.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Crossed {
    #[serde(flatten)]
    names: Names,
    table: PublishedCross,
}

/// What a cross table is of.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Names {
    /// The categories counted together, for each of the two.
    groups: [Vec<Vec<String>>; 2],
    /// The outcomes by target.
    targets: Vec<(String, Vec<String>)>,
}

impl Names {
    pub(super) fn published(&self, table: &ProtectedCross) -> Crossed {
        Crossed { names: self.clone(), table: table.published() }
    }
}

/// Two filters crossed, with what proves that it is safe.
pub(super) type Proved = ((Filter, Filter), Names, ProtectedCross);

/// All that can be crossed.
pub(super) type Crosses = BTreeMap<(Filter, Filter), Crossed>;

impl Crossed {
    pub(super) fn groups(&self, second: bool) -> &[Vec<String>] {
        &self.names.groups[usize::from(second)]
    }

    /// Everybody of a group of one of the two.
    pub(super) fn people_along(&self, second: bool, group: usize) -> u32 {
        if second { self.table.people_of_column(group) } else { self.table.people_of_row(group) }
    }

    /// The outcomes of a target; none where it is not counted by both.
    pub(super) fn outcomes(&self, target: &str) -> &[String] {
        let found = self.names.targets.iter().find(|(code, _)| code == target);
        found.map(|(_, outcomes)| outcomes.as_slice()).unwrap_or_default()
    }

    pub(super) fn people(&self, group: (usize, usize)) -> Option<u32> {
        self.table.people(group).value()
    }

    pub(super) fn part(&self, group: (usize, usize), target: &str, outcome: usize) -> Option<Part> {
        let target = self.names.targets.iter().position(|(code, _)| code == target)?;
        let people = self.table.count(group, target, outcome).value();
        let share = self.table.share(group, target, outcome).value();
        Some(Part { people, share_permille: share.and_then(permille) })
    }
}

/// Crosses each two characteristics.
pub(super) fn cross(
    marts: &Marts,
    plan: &Plan,
    ids: &Ids,
    tables: &ProtectedTables,
    before: Option<&Protected>,
) -> Result<Vec<Proved>, CrossError> {
    let target = |(code, outcomes): (&String, &Vec<String>)| {
        Some(Target { code: code.clone(), dimension: *ids.targets.get(code)?, outcomes: outcomes.clone() })
    };
    let targets: Vec<Target> = plan.targets.iter().filter_map(target).collect();
    let axes = axes(plan, ids, &targets, tables);
    if !agree(&marts.alike, plan, &axes, &targets) {
        tracing::error!("people counted one by one are not those of the tables: no two characteristics are crossed");
        return Ok(Vec::new());
    }
    let mut crosses = Vec::new();
    for (place, first) in axes.iter().enumerate() {
        for second in &axes[place + 1..] {
            let beside: Vec<&Axis> =
                axes.iter().filter(|axis| ![first.filter, second.filter].contains(&axis.filter)).collect();
            let pair = Pair::new(first, second, &targets, plan.has_pyramid(), tables);
            let seen = before.and_then(|before| Seen::new(before, &pair));
            let mut groups = match &seen {
                Some(seen) => {
                    seen.groups.clone().map(|groups| groups.into_iter().filter(|group| !group.is_empty()).collect())
                }
                None => [first, second].map(|axis| (0..axis.categories.len()).map(|one| vec![one]).collect()),
            };
            while let Some(settled) = pair.settle(groups).filter(|groups| pair.is_settled(groups, tables)) {
                let mut table = pair.count(&settled, &marts.alike, &beside)?;
                if let Some(seen) = &seen {
                    seen.say(&mut table, &settled, &pair)?;
                }
                match table.protect(Threshold::default()) {
                    Ok(table) => {
                        crosses.push(((first.filter, second.filter), pair.names(&settled), table));
                        break;
                    }
                    Err(CrossError::Unprotectable { row, column }) => match pair.join_at(settled, [row, column]) {
                        Some(joined) => groups = joined,
                        None => break,
                    },
                    Err(error @ CrossError::Unknown { .. }) => return Err(error),
                }
            }
        }
    }
    Ok(crosses)
}

/// The last that was shown of two characteristics that are not offered now, in the categories of now: whoever remembers it will compare it
/// with what they are when they are offered again.
pub(super) fn withdrawn(before: &Protected, plan: &Plan, offered: &Crosses) -> Crosses {
    let mut withdrawn = before.withdrawn.clone();
    withdrawn.extend(before.crosses.iter().map(|(filters, shown)| (*filters, shown.clone())));
    withdrawn.retain(|filters, _| !offered.contains_key(filters));
    for (filters, shown) in &mut withdrawn {
        for (filter, groups) in [filters.0, filters.1].into_iter().zip(&mut shown.names.groups) {
            let now = match filter {
                Filter::Comune => Some(&plan.comuni),
                Filter::Of(of) => plan.characteristics.get(&of),
            };
            // A characteristic that nobody has a category of keeps the names of then.
            let Some((now, then)) = now.zip(before.merged(filter)) else { continue };
            for group in groups {
                *group = group.iter().flat_map(|name| now.now_of(then, name)).map(str::to_owned).collect();
            }
        }
    }
    withdrawn
}

/// What was shown of two characteristics before.
struct Seen<'a> {
    before: &'a Crossed,
    /// The categories that are now what those counted together then were, in the order of then.
    groups: [Vec<Group>; 2],
}

impl<'a> Seen<'a> {
    /// Nothing where the two were not offered.
    fn new(before: &'a Protected, pair: &Pair<'_>) -> Option<Self> {
        let [first, second] = pair.axes;
        let filters = (first.filter, second.filter);
        let shown = before.crosses.get(&filters).or_else(|| before.withdrawn.get(&filters))?;
        let of_axis = |axis: &Axis, names: &[Vec<String>]| {
            let then = before.merged(axis.filter)?;
            let place = |code: &str| axis.categories.iter().position(|known| known == code);
            let of_group = |names: &Vec<String>| -> Group {
                names.iter().flat_map(|name| axis.merged.now_of(then, name)).filter_map(place).collect()
            };
            let mut groups: Vec<Group> = names.iter().map(of_group).collect();
            // A category that there was not had nobody: with others or without, they were the same people.
            let is_new = |place: &usize| !groups.iter().any(|group| group.contains(place));
            let new: Vec<usize> = (0..axis.categories.len()).filter(is_new).collect();
            let people = |group: &&mut Group| group.iter().map(|&one| axis.people[one]).sum::<u32>();
            groups.iter_mut().min_by_key(people)?.extend(new);
            Some(groups)
        };
        let [rows, columns] = &shown.names.groups;
        Some(Self { before: shown, groups: [of_axis(first, rows)?, of_axis(second, columns)?] })
    }

    /// Says what was seen of groups, each of one or more of those of then: shown where all of these were.
    fn say(&self, table: &mut CrossTable, groups: &[Vec<Group>; 2], pair: &Pair<'_>) -> Result<(), CrossError> {
        // Which of then are in a group of now; those that have nobody left are in none.
        let parts = |axis: usize, group: &Group| {
            let then = self.groups[axis].iter().enumerate();
            then.filter(|(_, part)| part.iter().any(|one| group.contains(one))).map(|(number, _)| number).collect()
        };
        for (row, of_row) in groups[0].iter().enumerate() {
            let rows: Vec<usize> = parts(0, of_row);
            for (column, of_column) in groups[1].iter().enumerate() {
                let columns: Vec<usize> = parts(1, of_column);
                let of_then = || rows.iter().flat_map(|&one| columns.iter().map(move |&other| (one, other)));
                let was_shown = of_then().all(|group| self.before.people(group).is_some());
                table.seen_before((row, column), None, was_shown)?;
                for (number, (_, target)) in pair.targets.iter().enumerate() {
                    let then = self.before.outcomes(&target.code);
                    for (place, outcome) in target.outcomes.iter().enumerate() {
                        let Some(of) = then.iter().position(|known| known == outcome) else { continue };
                        let part = |group| self.before.part(group, &target.code, of).and_then(|part| part.people);
                        let was_shown = of_then().all(|group| part(group).is_some());
                        table.seen_before((row, column), Some((number, place)), was_shown)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether people counted one by one are those of the tables, by category and by outcome: margins of other people are not settled.
fn agree(rows: &[AlikeRow], plan: &Plan, axes: &[Axis], targets: &[Target]) -> bool {
    let all = super::ALL;
    axes.iter().all(|axis| {
        let mut people = vec![0_i64; axis.categories.len()];
        let mut with: BTreeMap<(usize, &str, String), i64> = BTreeMap::new();
        for row in rows {
            let Some(place) = place(axis, row) else { return false };
            people[place] += row.people;
            for target in targets {
                let outcome = outcome_of(&target.outcomes, level(row, &target.code));
                *with.entry((place, &target.code, outcome)).or_default() += row.people;
            }
        }
        let is_same = people.iter().zip(&axis.people).all(|(one, &known)| *one == i64::from(known));
        let of_outcome = |place: usize, target: &Target, outcome: &String| {
            let key = (axis.categories[place].clone(), outcome.clone(), all.to_owned());
            let cells = match axis.filter {
                Filter::Comune => plan.comune_by_outcome.get(&target.code),
                Filter::Of(of) => plan.category_by_outcome.get(&(of, target.code.clone())),
            };
            cells.map(|cells| i64::from(cells.get(&key).copied().unwrap_or_default()))
        };
        is_same
            && (0..axis.categories.len()).all(|place| {
                targets.iter().all(|target| {
                    // Whoever had a version without the scale is in no mart of it, and counted as without a valid result.
                    target.outcomes.iter().filter(|outcome| *outcome != super::NOT_VALID).all(|outcome| {
                        let found =
                            with.get(&(place, target.code.as_str(), outcome.clone())).copied().unwrap_or_default();
                        of_outcome(place, target, outcome).is_none_or(|known| known == found)
                    })
                })
            })
    })
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
        let moves = categories.iter().map(|one| movement(&[(dimension, one)]).unwrap_or(UNSETTLED)).collect();
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
            moves,
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

impl<'a> Pair<'a> {
    fn new(
        first: &'a Axis,
        second: &'a Axis,
        targets: &'a [Target],
        has_pyramid: bool,
        tables: &ProtectedTables,
    ) -> Self {
        let axes = [first, second];
        let is_counted = |&(place, _): &(usize, &Target)| axes.iter().all(|axis| axis.moves_with[place].is_some());
        let is_of = |of| axes.iter().any(|axis| axis.filter == Filter::Of(of));
        let has_known_people = has_pyramid && is_of(Characteristic::Sex) && is_of(Characteristic::AgeBand);
        // What cannot be asked is not settled.
        let movement = |one: &str, other: &str| {
            tables.movement(&[(first.dimension, one), (second.dimension, other)]).unwrap_or(UNSETTLED)
        };
        let of_row = |one: &String| second.categories.iter().map(|other| movement(one, other)).collect();
        let known_people = has_known_people.then(|| first.categories.iter().map(of_row).collect());
        Self { axes, targets: targets.iter().enumerate().filter(is_counted).collect(), known_people }
    }

    /// Counts categories together, two groups at a time, until everything is settled. Nothing where two of each are not left.
    fn settle(&self, mut groups: [Vec<Group>; 2]) -> Option<[Vec<Group>; 2]> {
        while groups.iter().all(|groups| groups.len() >= 2) {
            if self.unsettled(&groups) == 0 {
                return Some(groups);
            }
            let joins = [0, 1].into_iter().filter(|&axis| groups[axis].len() > 2).flat_map(|axis| {
                let count = groups[axis].len();
                (0..count).flat_map(move |one| (one + 1..count).map(move |other| (axis, one, other)))
            });
            let ranked = joins.map(|(axis, one, other)| {
                let joined = joined(&groups, axis, one, other);
                let people = self.people(axis, &groups[axis][one]) + self.people(axis, &groups[axis][other]);
                ((self.unsettled(&joined), people), joined)
            });
            groups = ranked.min_by_key(|(rank, _)| *rank)?.1;
        }
        None
    }

    /// How many margins are not settled.
    fn unsettled(&self, groups: &[Vec<Group>; 2]) -> usize {
        self.unsettled_people(groups)
            + self.targets.iter().map(|(place, _)| self.unsettled_outcomes(groups, *place)).sum::<usize>()
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

    fn unsettled_outcomes(&self, groups: &[Vec<Group>; 2], target: usize) -> usize {
        let of_axis = |axis: usize| {
            let moves = self.axes[axis].moves_with[target].as_ref();
            moves.map_or(0, |moves| {
                let lines = groups[axis].iter().flat_map(|group| {
                    let outcomes = group.first().map_or(0, |&one| moves[one].len());
                    (0..outcomes).map(move |outcome| adds_up(group.iter().map(|&one| moves[one][outcome])))
                });
                lines.filter(|is_settled| !is_settled).count()
            })
        };
        of_axis(0) + of_axis(1)
    }

    /// Whether everything is settled indeed.
    fn is_settled(&self, groups: &[Vec<Group>; 2], tables: &ProtectedTables) -> bool {
        let of_group = |axis: &Axis, group: &Group, with: Option<(DimensionId, &str)>| {
            let cells = group.iter().map(|&one| {
                let category = (axis.dimension, axis.categories[one].as_str());
                std::iter::once(category).chain(with).collect()
            });
            is_settled(tables, &cells.collect::<Vec<_>>())
        };
        let of_axis = |number: usize| {
            let axis = self.axes[number];
            groups[number].iter().all(|group| {
                of_group(axis, group, None)
                    && self.targets.iter().all(|(_, target)| {
                        let mut outcomes = target.outcomes.iter();
                        outcomes.all(|outcome| of_group(axis, group, Some((target.dimension, outcome))))
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
        let [rows, columns] = groups;
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

    fn count(&self, groups: &[Vec<Group>; 2], rows: &[AlikeRow], beside: &[&Axis]) -> Result<CrossTable, CrossError> {
        let outcomes: Vec<usize> = self.targets.iter().map(|(_, target)| target.outcomes.len()).collect();
        let categories: Vec<usize> = beside.iter().map(|axis| axis.categories.len()).collect();
        let mut table = CrossTable::new(groups[0].len(), groups[1].len(), &outcomes, &categories);
        if self.known_people.is_some() {
            table = table.with_known_people();
        }
        let group_of = |axis: usize, row: &AlikeRow| {
            let place = place(self.axes[axis], row)?;
            groups[axis].iter().position(|group| group.contains(&place))
        };
        let outcome = |row: &AlikeRow, target: &Target| {
            let outcome = outcome_of(&target.outcomes, level(row, &target.code));
            target.outcomes.iter().position(|known| *known == outcome)
        };
        for one in rows {
            // Everybody has a place along each axis: `agree` has looked.
            let (Some(row), Some(column)) = (group_of(0, one), group_of(1, one)) else { continue };
            let outcomes: Vec<usize> = self.targets.iter().filter_map(|(_, target)| outcome(one, target)).collect();
            let beside: Vec<usize> = beside.iter().filter_map(|axis| place(axis, one)).collect();
            let people = u32::try_from(one.people).unwrap_or(u32::MAX);
            table.add(Alike { row, column, outcomes: &outcomes, beside: &beside }, people)?;
        }
        Ok(table)
    }

    fn names(&self, groups: &[Vec<Group>; 2]) -> Names {
        let names = |axis: usize| {
            let name = |group: &Group| group.iter().map(|&one| self.axes[axis].categories[one].clone()).collect();
            groups[axis].iter().map(name).collect::<Vec<Vec<String>>>()
        };
        let targets = self.targets.iter().map(|(_, target)| (target.code.clone(), target.outcomes.clone()));
        Names { groups: [names(0), names(1)], targets: targets.collect() }
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

fn is_settled(tables: &ProtectedTables, cells: &[Vec<(DimensionId, &str)>]) -> bool {
    let at: Vec<&[(DimensionId, &str)]> = cells.iter().map(Vec::as_slice).collect();
    tables.is_settled(&at).unwrap_or(false)
}
