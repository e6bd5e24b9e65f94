//! Suppresses outliers, last of all and only where the reported loss falls.
//!
//! A suppressed row costs as much as a row can; it pays when its class shrinks by more. `*` rows that are kept must hold as
//! a class themselves, so that a reader who takes them for one finds nothing wrong; if they are dropped, the classes must
//! hold in the table that is left. Where the best rows do not, half as many are tried.

use crate::engine::Problem;
use crate::engine::conditions::Scratch;
use crate::engine::view::View;
use crate::rules::SuppressedRows;

/// The classes that are left; rows in none of them are suppressed.
pub(crate) fn outliers<const N: usize>(problem: &Problem<N>, classes: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    // Classes of `*` only come out as suppressed too.
    let stars: usize = classes.iter().filter(|class| problem.is_star(class)).map(Vec::len).sum();
    let suppressed_max = problem.suppressed_max.saturating_sub(stars);
    if suppressed_max == 0 {
        return classes;
    }
    let view = View::whole(problem);
    let mut scratch = Scratch::default();
    // Within a class the second removal presumes the first, so what is chosen is how many of each list to take.
    let mut gains: Vec<(u64, usize, usize)> = Vec::new();
    let mut removals: Vec<Vec<u32>> = Vec::with_capacity(classes.len());
    for (index, class) in classes.iter().enumerate() {
        let mut left = class.clone();
        let mut removed = Vec::new();
        let mut least_gain = u64::MAX;
        while let Some((gain, place)) = best_removal(&view, &left, &mut scratch) {
            least_gain = least_gain.min(gain);
            gains.push((least_gain, index, removed.len()));
            removed.push(left.swap_remove(place));
        }
        removals.push(removed);
    }
    gains.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    gains.truncate(suppressed_max);
    while !gains.is_empty() {
        let mut taken = vec![0; classes.len()];
        for &(_, class, _) in &gains {
            taken[class] += 1;
        }
        let removed = || removals.iter().zip(&taken).map(|(removed, &taken)| &removed[..taken]);
        let left: Vec<Vec<u32>> = classes
            .iter()
            .zip(removed())
            .map(|(class, removed)| class.iter().copied().filter(|row| !removed.contains(row)).collect())
            .collect();
        let holds = match problem.suppressed_rows {
            SuppressedRows::Kept => {
                problem.conditions.hold(&removed().flatten().copied().collect::<Vec<_>>(), &mut scratch)
            }
            SuppressedRows::Dropped => problem.all_hold(&left),
        };
        if holds {
            return left;
        }
        gains.truncate(gains.len() / 2);
    }
    classes
}

/// What the loss falls by, and the place of the row; `None` if no removal pays and holds.
fn best_removal<const N: usize>(view: &View<'_, N>, class: &[u32], scratch: &mut Scratch) -> Option<(u64, usize)> {
    if class.len() <= view.k() {
        return None;
    }
    let before = view.price(class.len(), &view.extent(class));
    let mut rest = class[1..].to_vec();
    let mut best: Option<(u64, usize)> = None;
    for place in 0..class.len() {
        // `rest` is the class without `place`.
        let after = view.price(rest.len(), &view.extent(&rest)) + u64::from(view.space().cost_suppressed());
        if before > after
            && best.is_none_or(|best| before - after > best.0)
            && view.may_hold(rest.len(), &rest, scratch)
        {
            best = Some((before - after, place));
        }
        if place < rest.len() {
            rest[place] = class[place];
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Conditions, Domain, Ground, Input, SensitiveCondition, Space};
    use crate::hierarchy::Hierarchy;
    use crate::rules::{Effort, QuasiIdentifier, Seed};

    /// Ninety rows at a, half of them ill; one ill at b, in their class; ten at c, seven of them ill. With `stars`, a last
    /// class of `*` too: five rows at a and five at c, none of them ill.
    fn suppressed(t: f64, suppressed_max: usize, stars: bool) -> usize {
        let rows: u32 = if stars { 111 } else { 101 };
        let place = |row: u32| match row {
            0..90 | 101..106 => 0,
            90 => 1,
            _ => 2,
        };
        let places: Vec<u32> = (0..rows).map(place).collect();
        let ill = |row: u32| u32::from(row < 45 || (90..98).contains(&row));
        let codes: Vec<u32> = (0..rows).map(ill).collect();
        let totals = vec![rows - codes.iter().sum::<u32>(), codes.iter().sum()];
        let hierarchy = Hierarchy::from_text("a;x;*\nb;x;*\nc;y;*", ';').expect("a tree");
        let (domain, _) = Domain::new(&QuasiIdentifier::new("place", hierarchy), &places).expect("few values");
        let leaves = places.iter().map(|&leaf| i16::try_from(leaf).expect("few leaves")).collect();
        let problem = Problem::<8>::new(Input {
            space: Space::new(vec![domain]),
            columns: vec![leaves],
            conditions: Conditions {
                k: 10,
                people: None,
                contributors: None,
                sensitive: vec![SensitiveCondition {
                    column: "illness".into(),
                    codes,
                    totals,
                    distinct_l: None,
                    entropy_l: None,
                    recursive_l: None,
                    closeness: Some((t, Ground::Equal)),
                    likeness: None,
                }],
            },
            suppressed_max,
            suppressed_rows: SuppressedRows::Dropped,
            effort: Effort::Fast,
            seed: Seed::new([0; 32]),
        });
        let mut classes: Vec<Vec<u32>> = vec![(0..91).collect(), (91..101).collect()];
        if stars {
            classes.push((101..111).collect());
        }
        rows as usize - outliers(&problem, classes).iter().map(Vec::len).sum::<usize>()
    }

    #[test]
    fn dropped_rows_count_no_more_in_what_classes_are_close_to() {
        // Seven of ten against 53 of 101 is .1752, against 52 of 100 it is .18.
        assert_eq!(suppressed(0.176, 5, false), 0);
        assert_eq!(suppressed(0.181, 5, false), 1);
        // The class of `*` is dropped too: with it the table has 53 of 111, and .7 is .2225 away.
        assert_eq!(suppressed(0.181, 15, true), 1);
        assert_eq!(suppressed(0.176, 15, true), 0);
    }

    #[test]
    fn classes_of_stars_count_as_suppressed() {
        assert_eq!(suppressed(0.3, 11, true), 1);
        assert_eq!(suppressed(0.3, 10, true), 0);
    }
}
