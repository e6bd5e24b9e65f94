//! Classes of people who have several rows each, so that which classes a person's rows are in singles nobody out.
//!
//! People with as many rows are one table in which a person is one wide record: their first row, their second and so on, by
//! their quasi-identifiers, so that the order of the input has no part in it. The engine makes classes of people there, and a class of
//! people gives its first rows one name, its second rows another. Then everybody of a pattern has it with all of their class,
//! and what the rules ask of a class of people at each of its places holds of every pattern, for all rules are closed under
//! union: so where two names are equal nothing breaks. Merging ready-made classes of rows until patterns hold would be
//! shorter, and with a few rows a person end in a handful of classes.
//!
//! How many rows a person has is part of the pattern and cannot be generalised. Where too few people have so many, each of
//! them loses a row that the seed picks, down to the next number that somebody has: if rows may be left out.

use std::collections::BTreeMap;

use super::{Assignment, RuleCodes, canonical_order};
use crate::engine::{self, ATTRIBUTES_MAX, Chance, Conditions, Contributors, Domain, Input, Scratch, Space, streams};
use crate::error::Error;
use crate::hierarchy::{Hierarchy, NodeId};
use crate::rules::{Request, SuppressedRows};
use crate::table::small;

/// Which class each row is in; or that no release satisfies the rules.
pub(super) fn solve(
    request: &Request,
    codes: &[Vec<u32>],
    rule_codes: &RuleCodes,
    suppressed_max: usize,
) -> Result<Assignment, Error> {
    let all: Vec<u32> = (0..small(codes.first().map_or(0, Vec::len))).collect();
    let conditions = rule_codes.conditions(&request.rules, &all);
    let mut assignment = Assignment { class_of: vec![None; all.len()], nodes: Vec::new() };
    if all.is_empty() {
        return Ok(assignment);
    }
    if let Some(reason) = conditions.complaint(&all, &mut Scratch::default()) {
        return Err(Error::Unsatisfiable { reason: format!("the whole table has {reason}") });
    }
    let people = People::new(request, codes, rule_codes, &conditions);
    let (people, conditions) = people.with_common_counts(request, conditions, suppressed_max)?;
    let mut numbers: BTreeMap<Vec<NodeId>, u32> = BTreeMap::new();
    let mut places: Vec<Vec<u32>> = Vec::new();
    for (count, group) in people.by_count() {
        for class in people.classes(&group, count, request, codes, rule_codes, &conditions)? {
            for place in 0..count {
                let rows: Vec<u32> = class.iter().map(|&person| people.rows_of[person][place]).collect();
                let nodes: Vec<NodeId> = request
                    .quasi_identifiers
                    .iter()
                    .zip(codes)
                    .map(|(identifier, codes)| lowest_ancestor(&identifier.hierarchy, codes, &rows))
                    .collect();
                let is_star = nodes
                    .iter()
                    .zip(&request.quasi_identifiers)
                    .all(|(&node, identifier)| identifier.hierarchy.parent(node).is_none());
                if is_star {
                    continue;
                }
                let next = small(numbers.len());
                let number = *numbers.entry(nodes).or_insert(next);
                rows.iter().for_each(|&row| assignment.class_of[row as usize] = Some(number));
                places.push(rows);
            }
        }
    }
    assignment.nodes = vec![Vec::new(); numbers.len()];
    for (nodes, number) in numbers {
        assignment.nodes[number as usize] = nodes;
    }
    check_without_stars(request, rule_codes, &assignment, &all, &places)?;
    Ok(assignment)
}

/// Whether what is released still holds beside a table in which rows of `*` are not.
fn check_without_stars(
    request: &Request,
    rule_codes: &RuleCodes,
    assignment: &Assignment,
    all: &[u32],
    places: &[Vec<u32>],
) -> Result<(), Error> {
    if request.suppressed_rows == SuppressedRows::Kept {
        return Ok(());
    }
    let dropped: Vec<u32> = all.iter().copied().filter(|&row| assignment.class_of[row as usize].is_none()).collect();
    let conditions = rule_codes.conditions(&request.rules, all).without(&dropped);
    let mut scratch = Scratch::default();
    if places.iter().all(|rows| conditions.hold(rows, &mut scratch)) {
        return Ok(());
    }
    Err(Error::Unsatisfiable {
        reason: "without the rows that would be dropped a class is too far from the table; keep those rows".into(),
    })
}

/// The lowest node over the leaves of these rows.
fn lowest_ancestor(hierarchy: &Hierarchy, codes: &[u32], rows: &[u32]) -> NodeId {
    let leaves = || rows.iter().map(|&row| codes[row as usize] as usize);
    let (low, high) = (leaves().min().unwrap_or(0), leaves().max().unwrap_or(0));
    let mut node = hierarchy.leaf_node(low);
    while !hierarchy.leaves(node).contains(&high) {
        node = hierarchy.parent(node).expect("the root holds every leaf");
    }
    node
}

/// Who has which rows, and who knows them.
struct People {
    /// By person, rows by their quasi-identifiers. People too are in an order of their values.
    rows_of: Vec<Vec<u32>>,
    /// By person, in the same order: the contributors that have any row of theirs, left out or not.
    known_to: Vec<Vec<u32>>,
    contributor_count: usize,
}

impl People {
    fn new(request: &Request, codes: &[Vec<u32>], rule_codes: &RuleCodes, conditions: &Conditions) -> Self {
        let person_of = conditions.people.as_deref().expect("a person was asked for");
        let mut number_of: BTreeMap<u32, usize> = BTreeMap::new();
        let mut people = Self { rows_of: Vec::new(), known_to: Vec::new(), contributor_count: 0 };
        for row in canonical_order(codes, rule_codes, request) {
            let person = person_of[row as usize];
            let next = people.rows_of.len();
            let number = *number_of.entry(person).or_insert(next);
            if number == next {
                people.rows_of.push(Vec::new());
                people.known_to.push(conditions.contributors.as_ref().map_or_else(Vec::new, |contributors| {
                    let bounds = &contributors.starts[person as usize..person as usize + 2];
                    contributors.known_to[bounds[0] as usize..bounds[1] as usize].to_vec()
                }));
            }
            people.rows_of[number].push(row);
        }
        // Rows with the same quasi-identifiers by chance: by their sensitive values, the first would all have the least.
        let mut chance = Chance::new(request.seed, streams::ROWS_OF_A_PERSON);
        let is_equal = |a: &u32, b: &u32| codes.iter().all(|codes| codes[*a as usize] == codes[*b as usize]);
        for rows in &mut people.rows_of {
            rows.chunk_by_mut(is_equal).for_each(|rows| chance.shuffle(rows));
        }
        people.contributor_count = conditions.contributors.as_ref().map_or(0, |contributors| contributors.count);
        people
    }

    /// The people by how many rows they have; who has none is not there.
    fn by_count(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut by_count: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (person, rows) in self.rows_of.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            by_count.entry(rows.len()).or_default().push(person);
        }
        by_count
    }

    /// The same with rows left out until the people of each count hold as one class, place by place, and the rules beside the
    /// table that is left.
    fn with_common_counts(
        mut self,
        request: &Request,
        conditions: Conditions,
        suppressed_max: usize,
    ) -> Result<(Self, Conditions), Error> {
        let mut scratch = Scratch::default();
        let mut chance = Chance::new(request.seed, streams::ROWS_LEFT_OUT);
        let mut left_out: Vec<u32> = Vec::new();
        loop {
            let now = conditions.without(&left_out);
            let by_count = self.by_count();
            let refused = by_count.iter().rev().find_map(|(&count, group)| {
                let complaint = (0..count).find_map(|place| {
                    let rows: Vec<u32> = group.iter().map(|&person| self.rows_of[person][place]).collect();
                    now.complaint(&rows, &mut scratch)
                });
                complaint.map(|complaint| (count, group.clone(), complaint))
            });
            let Some((count, group, complaint)) = refused else { return Ok((self, now)) };
            let next = by_count.range(..count).next_back().map_or(0, |(&next, _)| next);
            for person in group {
                let rows = &mut self.rows_of[person];
                while rows.len() > next {
                    left_out.push(rows.remove(chance.below(rows.len())));
                }
            }
            if request.suppressed_rows == SuppressedRows::Kept {
                return Err(Error::Unsatisfiable {
                    reason: format!(
                        "a person's rows are read together, and those who have {count} have {complaint}; allow rows to be \
                         dropped, or ask for less"
                    ),
                });
            }
            if left_out.len() > suppressed_max {
                return Err(Error::Unsatisfiable {
                    reason: format!(
                        "a person's rows are read together, and those who have {count} have {complaint}; {} rows would \
                         have to be dropped, and {suppressed_max} may be",
                        left_out.len()
                    ),
                });
            }
        }
    }

    /// Classes of these people, who have so many rows each.
    fn classes(
        &self,
        group: &[usize],
        count: usize,
        request: &Request,
        codes: &[Vec<u32>],
        rule_codes: &RuleCodes,
        conditions: &Conditions,
    ) -> Result<Vec<Vec<usize>>, Error> {
        let at = |place: usize| -> Vec<u32> { group.iter().map(|&person| self.rows_of[person][place]).collect() };
        let mut domains = Vec::new();
        let mut columns = Vec::new();
        // Of more rows than the engine has room for, the first decide who goes with whom; the rules are asked of all.
        let fitting = (ATTRIBUTES_MAX / codes.len()).max(1);
        for place in 0..count.min(fitting) {
            for (identifier, codes) in request.quasi_identifiers.iter().zip(codes) {
                let codes: Vec<u32> = at(place).into_iter().map(|row| codes[row as usize]).collect();
                let (domain, renumbered) = Domain::new(identifier, &codes)?;
                columns.push(codes.iter().map(|&leaf| renumbered[leaf as usize]).collect());
                domains.push(domain);
            }
        }
        let mut sensitive = Vec::new();
        for place in 0..count {
            let mut conditions_here = rule_codes.conditions(&request.rules, &at(place)).sensitive;
            for (here, table) in conditions_here.iter_mut().zip(&conditions.sensitive) {
                here.totals.clone_from(&table.totals);
            }
            sensitive.extend(conditions_here);
        }
        let contributors = conditions.contributors.as_ref().map(|_| {
            let pairs = group.iter().zip(0..).flat_map(|(&person, number)| {
                self.known_to[person].iter().map(move |&contributor| (number, contributor))
            });
            let (numbers, contributors): (Vec<u32>, Vec<u32>) = pairs.unzip();
            Contributors::new(self.contributor_count, group.len(), &contributors, Some(&numbers))
        });
        let solution = engine::solve(Input {
            space: Space::new(domains),
            columns,
            conditions: Conditions { k: conditions.k, people: None, contributors, sensitive },
            suppressed_max: 0,
            suppressed_rows: SuppressedRows::Kept,
            effort: request.effort,
            seed: request.seed,
        })?;
        let people = |rows: Vec<u32>| rows.into_iter().map(|number| group[number as usize]).collect();
        Ok(solution.classes.into_iter().map(|class| people(class.rows)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray};

    use super::*;
    use crate::rules::{Rules, Seed, Sensitive};

    /// Ninety-one rows in a class, ten in another of which seven are ill, ten of `*` of which none is. Of those who are not of
    /// `*`, 53 of 101 are ill, and .7 is .1752 away; of all, 53 of 111.
    fn holds(t: f64, suppressed_rows: SuppressedRows) -> bool {
        let rows = 0..111_u32;
        let is_ill = |row: &u32| *row < 45 || (90..98).contains(row);
        let text = |values: Vec<String>| Arc::new(StringArray::from(values)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([
            ("illness", text(rows.clone().map(|row| is_ill(&row).to_string()).collect())),
            ("who", text(rows.clone().map(|row| row.to_string()).collect())),
        ]);
        let rules = Rules::k(10).per_person_pattern("who").with(Sensitive::new("illness").equal_t(t));
        let rule_codes = RuleCodes::read(&batch.expect("columns of one length"), &rules).expect("columns of the rules");
        let request = Request::new(Vec::new(), rules, Seed::new([0; 32])).suppressed_rows(suppressed_rows);
        let class = |row: u32| match row {
            0..91 => Some(0),
            91..101 => Some(1),
            _ => None,
        };
        let assignment = Assignment { class_of: rows.clone().map(class).collect(), nodes: vec![Vec::new(); 2] };
        let all: Vec<u32> = rows.collect();
        let places = [(0..91).collect(), (91..101).collect()];
        check_without_stars(&request, &rule_codes, &assignment, &all, &places).is_ok()
    }

    #[test]
    fn rows_of_stars_that_are_dropped_count_no_more_in_what_classes_are_close_to() {
        assert!(!holds(0.175, SuppressedRows::Dropped));
        assert!(holds(0.176, SuppressedRows::Dropped));
        // Those that are kept were counted when the classes were made.
        assert!(holds(0.175, SuppressedRows::Kept));
    }
}
