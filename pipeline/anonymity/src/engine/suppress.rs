//! Suppresses outliers, last of all and only where the reported loss falls.
//!
//! A suppressed row costs as much as a row can; it pays when its class shrinks by more. The `*` rows must hold as a class
//! themselves, so that a reader who takes them for one finds nothing wrong; otherwise nothing is suppressed.

use crate::engine::Problem;
use crate::engine::conditions::Scratch;
use crate::engine::view::View;
use crate::rules::SuppressedRows;

/// The classes that are left; rows in none of them are suppressed.
pub(crate) fn outliers<const N: usize>(problem: &Problem<N>, classes: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    if problem.suppressed_max == 0 {
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
    gains.truncate(problem.suppressed_max);
    let mut taken = vec![0; classes.len()];
    for (_, class, _) in gains {
        taken[class] += 1;
    }
    let suppressed: Vec<u32> =
        removals.iter().zip(&taken).flat_map(|(removed, &taken)| removed[..taken].iter().copied()).collect();
    if suppressed.is_empty() {
        return classes;
    }

    let left: Vec<Vec<u32>> = classes
        .iter()
        .zip(removals.iter().zip(&taken))
        .map(|(class, (removed, &taken))| class.iter().copied().filter(|row| !removed[..taken].contains(row)).collect())
        .collect();
    let holds = match problem.suppressed_rows {
        SuppressedRows::Kept => problem.conditions.hold(&suppressed, &mut scratch),
        SuppressedRows::Dropped => {
            // The table that classes are close to is the one released.
            let conditions = problem.conditions.without(&suppressed);
            left.iter().all(|class| conditions.hold(class, &mut scratch))
        }
    };
    if holds { left } else { classes }
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
