//! After the engine: classes with too few people whom any one Ente does not know are joined to others: in a whole table those that
//! an Ente sees through because it knows people of other Enti too, in a part those that are too small for what it asks.
//!
//! The engine reads one contributor per row; a human may be known to several. Every rule is closed under union, so that
//! joining breaks none; the nearest class is taken, the loss counted as everywhere.

use std::collections::{BTreeMap, BTreeSet};

use anonymity::{Hierarchy, NodeId};

/// Rows that have the same labels.
pub(super) type Classes = BTreeMap<Vec<String>, Vec<usize>>;

/// Joins classes until each has `k` people whom any one Ente does not know, as `others` counts them; gives back the rows that
/// no class could take.
pub(super) fn join(
    classes: &mut Classes,
    hierarchies: &[&Hierarchy],
    others: &dyn Fn(&[usize]) -> usize,
    k: usize,
) -> Vec<usize> {
    let mut left_over = Vec::new();
    loop {
        let seen_through = classes.iter().find(|(_, rows)| others(rows) < k).map(|(labels, _)| labels.clone());
        let Some(labels) = seen_through else { return left_over };
        let Some(rows) = classes.remove(&labels) else { return left_over };
        let candidates = classes.iter().filter_map(|(other, members)| {
            let joined = cover(&labels, other, hierarchies)?;
            if joined.iter().all(|label| label == anonymity::SUPPRESSED) {
                return None;
            }
            let cost = loss(&joined, hierarchies) * (rows.len() + members.len()) as f64
                - loss(other, hierarchies) * members.len() as f64;
            Some((cost, other.clone(), joined))
        });
        let nearest = candidates.min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        match nearest {
            None => left_over.extend(rows),
            Some((_, other, joined)) => {
                let members = classes.remove(&other).unwrap_or_default();
                let target = classes.entry(joined).or_default();
                target.extend(rows);
                target.extend(members);
            }
        }
    }
}

/// The fewest people left when one Ente takes away those it knows.
pub(super) fn without_any(rows: &[usize], known_to: &[BTreeSet<usize>]) -> usize {
    let mut of_ente: BTreeMap<usize, usize> = BTreeMap::new();
    for ente in rows.iter().flat_map(|&row| &known_to[row]) {
        *of_ente.entry(*ente).or_default() += 1;
    }
    rows.len() - of_ente.values().max().copied().unwrap_or(0)
}

/// The narrowest labels that cover both.
fn cover(one: &[String], other: &[String], hierarchies: &[&Hierarchy]) -> Option<Vec<String>> {
    let covered = hierarchies.iter().zip(one.iter().zip(other)).map(|(hierarchy, (one, other))| {
        let leaves = hierarchy.leaves(hierarchy.node(other)?);
        let mut node: NodeId = hierarchy.node(one)?;
        loop {
            let of_node = hierarchy.leaves(node);
            if of_node.start <= leaves.start && leaves.end <= of_node.end {
                return Some(hierarchy.label(node).to_owned());
            }
            node = hierarchy.parent(node)?;
        }
    });
    covered.collect()
}

fn loss(labels: &[String], hierarchies: &[&Hierarchy]) -> f64 {
    let of_label = |(hierarchy, label): (&&Hierarchy, &String)| {
        hierarchy.node(label).map_or(1.0, |node| {
            let (above, below) = hierarchy.loss(node);
            above as f64 / below as f64
        })
    };
    hierarchies.iter().zip(labels).map(of_label).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_an_ente_sees_through_joins_the_nearest() {
        let hierarchy = Hierarchy::from_text("a;ab;*\nb;ab;*\nc;c;*\nd;d;*", ';').unwrap();
        let sex = Hierarchy::flat(["f", "m"]).unwrap();
        let class = |label: &str, rows: &[usize]| (vec![label.to_owned(), "f".to_owned()], rows.to_vec());
        let mut classes = Classes::from([class("a", &[0, 1, 2]), class("b", &[3, 4, 5]), class("c", &[6, 7, 8])]);
        // Of a's people Ente 9 knows two.
        let mut known_to: Vec<BTreeSet<usize>> = (0..9).map(|row| BTreeSet::from([row])).collect();
        known_to[0].insert(9);
        known_to[1].insert(9);
        let others = |rows: &[usize]| without_any(rows, &known_to);
        assert_eq!(join(&mut classes, &[&hierarchy, &sex], &others, 2), Vec::<usize>::new());
        assert_eq!(classes, Classes::from([class("ab", &[0, 1, 2, 3, 4, 5]), class("c", &[6, 7, 8])]));
        // Nobody to join.
        let mut alone = Classes::from([class("a", &[0, 1, 2])]);
        assert_eq!(join(&mut alone, &[&hierarchy, &sex], &others, 3), [0, 1, 2]);
        assert!(alone.is_empty());
    }
}
