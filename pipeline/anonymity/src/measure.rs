//! Measures what the engine is about to release, for its report.
//!
//! Works on the codes and nodes that are written, not on what the search believes its result costs. The verifier measures
//! the written table again in its own way.

use std::collections::BTreeMap;

use crate::anonymize::{Assignment, RuleCodes};
use crate::engine::Scratch;
use crate::report::{AttributeLoss, ClassSize, Measures, PresenceMeasures, Risk, SensitiveMeasures};
use crate::rules::{Distance, Request, SeveralRows, SuppressedRows};
use crate::table::small;

/// `codes` are the leaves of each quasi-identifier in the order of the input.
pub(crate) fn measure(
    assignment: &Assignment,
    codes: &[Vec<u32>],
    rule_codes: &RuleCodes,
    request: &Request,
    presence: Option<PresenceMeasures>,
) -> Measures {
    let rows = assignment.class_of.len();
    let suppressed = assignment.class_of.iter().filter(|class| class.is_none()).count();
    let (classes, dropped) = classes_of(assignment, request);
    // Dropped rows are not in what classes are close to; but who knows a person by one of them knows them.
    let all: Vec<u32> = (0..small(rows)).collect();
    let conditions = rule_codes.conditions(&request.rules, &all).without(&dropped);

    let mut scratch = Scratch::default();
    let mut k = usize::MAX;
    let mut k_without = conditions.contributors.as_ref().map(|_| usize::MAX);
    for class in &classes {
        let (people, left) = conditions.count_people(class, &mut scratch);
        k = k.min(people);
        k_without = k_without.zip(left).map(|(least, left)| least.min(left));
    }
    let sensitive = request.rules.sensitive.iter().zip(&conditions.sensitive).map(|(rule, condition)| {
        let mut measures = SensitiveMeasures::at_best(&rule.column);
        let (mut distance, mut outweighing, mut gain) = (0.0_f64, 0.0_f64, 0.0_f64);
        for class in &classes {
            let reached = condition.measure(class, &mut scratch);
            measures.distinct_l = measures.distinct_l.min(reached.distinct);
            measures.entropy_l = measures.entropy_l.min(reached.entropy.exp());
            measures.t_equal = measures.t_equal.max(reached.equal);
            distance = distance.max(reached.distance);
            outweighing = outweighing.max(reached.outweighing);
            gain = gain.max(reached.gain);
        }
        match rule.closeness.as_ref().map(|closeness| &closeness.distance) {
            Some(Distance::Ordered { .. }) => measures.t_ordered = Some(distance),
            Some(Distance::Hierarchical { .. }) => measures.t_hierarchical = Some(distance),
            Some(Distance::Equal) | None => {}
        }
        measures.outweighing = rule.recursive_l.map(|_| outweighing);
        measures.gain = rule.likeness.map(|_| gain);
        measures.or_nothing(classes.is_empty())
    });
    let sensitive = sensitive.collect();

    let sizes: Vec<usize> = classes.iter().map(Vec::len).collect();
    let (loss, loss_by_attribute) = loss(assignment, request);
    Measures {
        rows,
        suppressed,
        classes: classes.len(),
        k: if classes.is_empty() { 0 } else { k },
        k_without_any_contributor: k_without.map(|left| if classes.is_empty() { 0 } else { left }),
        k_of_patterns: (request.rules.several_rows == SeveralRows::Together)
            .then(|| rarest_pattern(&classes, conditions.people.as_deref())),
        sensitive,
        presence,
        loss: Some(loss),
        loss_by_attribute,
        discernibility: sizes.iter().map(|&size| (size as u64).pow(2)).sum::<u64>() + rows as u64 * suppressed as u64,
        average_class_size: if classes.is_empty() { 0.0 } else { (rows - suppressed) as f64 / classes.len() as f64 },
        non_uniform_entropy: Some(non_uniform_entropy(assignment, codes, request)),
        risk: Risk::of_classes(&sizes),
        class_sizes: ClassSize::distribution(&sizes),
    }
}

/// The rows of each class, and those that are not released.
fn classes_of(assignment: &Assignment, request: &Request) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut classes = vec![Vec::new(); assignment.nodes.len()];
    let mut dropped = Vec::new();
    for (row, class) in assignment.class_of.iter().enumerate() {
        match class {
            Some(class) => classes[*class as usize].push(small(row)),
            None if request.suppressed_rows == SuppressedRows::Dropped => dropped.push(small(row)),
            None => {}
        }
    }
    (classes, dropped)
}

/// The people of the rarest pattern of classes; 0 if there is none.
fn rarest_pattern(classes: &[Vec<u32>], people: Option<&[u32]>) -> usize {
    let mut patterns: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (number, class) in classes.iter().enumerate() {
        for &row in class {
            patterns.entry(people.map_or(row, |people| people[row as usize])).or_default().push(number);
        }
    }
    let mut counts: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    for pattern in patterns.into_values() {
        *counts.entry(pattern).or_default() += 1;
    }
    counts.into_values().min().unwrap_or(0)
}

fn loss(assignment: &Assignment, request: &Request) -> (f64, Vec<AttributeLoss>) {
    let rows = assignment.class_of.len();
    let mut sizes = vec![0_u64; assignment.nodes.len()];
    let mut suppressed = 0_u64;
    for class in &assignment.class_of {
        match class {
            Some(class) => sizes[*class as usize] += 1,
            None => suppressed += 1,
        }
    }
    let by_attribute: Vec<AttributeLoss> = request
        .quasi_identifiers
        .iter()
        .enumerate()
        .map(|(attribute, identifier)| {
            // All losses of an attribute share a denominator, so their sum is exact.
            let mut numerators = 0_u64;
            let mut stars = suppressed;
            for (nodes, &size) in assignment.nodes.iter().zip(&sizes) {
                if identifier.hierarchy.parent(nodes[attribute]).is_none() {
                    stars += size;
                } else {
                    numerators += size * identifier.hierarchy.loss(nodes[attribute]).0 as u64;
                }
            }
            let denominator = (identifier.hierarchy.leaf_count() - 1).max(1);
            let total = numerators as f64 / denominator as f64 + stars as f64;
            AttributeLoss { column: identifier.column.clone(), loss: if rows == 0 { 0.0 } else { total / rows as f64 } }
        })
        .collect();
    let loss = by_attribute.iter().map(|attribute| attribute.loss).sum::<f64>() / by_attribute.len() as f64;
    (loss, by_attribute)
}

fn non_uniform_entropy(assignment: &Assignment, codes: &[Vec<u32>], request: &Request) -> f64 {
    let rows = assignment.class_of.len();
    let mut sizes = vec![0_u64; assignment.nodes.len()];
    for class in assignment.class_of.iter().flatten() {
        sizes[*class as usize] += 1;
    }
    let (mut reached, mut full) = (0.0, 0.0);
    for (attribute, (identifier, codes)) in request.quasi_identifiers.iter().zip(codes).enumerate() {
        let hierarchy = &identifier.hierarchy;
        // Rows below each leaf, as running sums: a node is a range of leaves.
        let mut below = vec![0_u64; hierarchy.leaf_count() + 1];
        for &code in codes {
            below[code as usize + 1] += 1;
        }
        for leaf in 0..hierarchy.leaf_count() {
            below[leaf + 1] += below[leaf];
        }
        // −log₂(p ÷ q) = log₂ q − log₂ p: the first is one figure for a class, the second one for a leaf.
        let information = |rows: u64| if rows == 0 { 0.0 } else { (rows as f64).log2() };
        let own: f64 = below.windows(2).map(|pair| (pair[1] - pair[0]) as f64 * information(pair[1] - pair[0])).sum();
        let everything = rows as f64 * information(rows as u64);
        let suppressed = rows as u64 - sizes.iter().sum::<u64>();
        let covered: f64 = assignment
            .nodes
            .iter()
            .zip(&sizes)
            .map(|(nodes, &size)| {
                let leaves = hierarchy.leaves(nodes[attribute]);
                size as f64 * information(below[leaves.end] - below[leaves.start])
            })
            .sum();
        reached += covered + suppressed as f64 * information(rows as u64) - own;
        full += everything - own;
    }
    if full > 0.0 { reached / full } else { 0.0 }
}

impl SensitiveMeasures {
    fn at_best(column: &str) -> Self {
        Self {
            column: column.to_owned(),
            distinct_l: usize::MAX,
            entropy_l: f64::INFINITY,
            t_equal: 0.0,
            t_ordered: None,
            t_hierarchical: None,
            outweighing: None,
            gain: None,
        }
    }

    fn or_nothing(mut self, no_class: bool) -> Self {
        if no_class {
            self.distinct_l = 0;
            self.entropy_l = 0.0;
        }
        self
    }
}

impl Risk {
    fn of_classes(sizes: &[usize]) -> Self {
        let rows: usize = sizes.iter().sum();
        let greatest = sizes.iter().min().map_or(0.0, |&least| 1.0 / least as f64);
        let mean = if rows == 0 { 0.0 } else { sizes.len() as f64 / rows as f64 };
        Self {
            prosecutor_max: greatest,
            prosecutor_mean: mean,
            journalist_max: greatest,
            journalist_mean: mean,
            marketer_mean: mean,
            marketer_max: greatest,
        }
    }
}

impl ClassSize {
    fn distribution(sizes: &[usize]) -> Vec<Self> {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for &size in sizes {
            *counts.entry(size).or_default() += 1;
        }
        counts.into_iter().map(|(rows, classes)| Self { rows, classes }).collect()
    }
}
