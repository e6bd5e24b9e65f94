//! Finds a class for rows that have none, or that are in one of `*` only.
//!
//! Each joins the class where that costs least and that still holds. What nothing can take becomes a class, or joins one,
//! whole; the caller keeps what it had if even that fails.

use crate::engine::Problem;
use crate::engine::conditions::Scratch;
use crate::engine::space::Extent;
use crate::engine::view::View;

/// How many classes a row asks before it waits for the others.
const ASKED_MAX: usize = 64;

/// The classes with the rows placed, each of them holding; `None` if that cannot be.
pub(crate) fn place<const N: usize>(
    problem: &Problem<N>,
    mut classes: Vec<Vec<u32>>,
    rows: Vec<u32>,
) -> Option<Vec<Vec<u32>>> {
    if rows.is_empty() {
        return Some(classes);
    }
    let view = View::whole(problem);
    let mut scratch = Scratch::default();
    let mut extents: Vec<Extent<N>> = classes.iter().map(|class| view.extent(class)).collect();
    let star = u64::from(view.space().cost_suppressed());
    let mut waiting = rows;
    loop {
        let before = waiting.len();
        waiting.retain(|&row| {
            let mut choices: Vec<(u64, usize)> = (0..classes.len())
                .filter_map(|class| {
                    let count = classes[class].len();
                    let joined = view.price(1, &extents[class].with(view.point(row)));
                    // Never into `*`: that would be one more class to spread.
                    (joined < star).then(|| (joined * (count as u64 + 1) - view.price(count, &extents[class]), class))
                })
                .collect();
            if choices.len() > ASKED_MAX {
                choices.select_nth_unstable(ASKED_MAX);
                choices.truncate(ASKED_MAX);
            }
            choices.sort_unstable();
            for (_, class) in choices {
                classes[class].push(row);
                if view.may_hold(classes[class].len(), &classes[class], &mut scratch) {
                    extents[class].add(view.point(row));
                    return false;
                }
                classes[class].pop();
            }
            true
        });
        if waiting.is_empty() {
            return Some(classes);
        }
        // A class that has grown may take what it could not take before.
        if waiting.len() == before {
            break;
        }
    }
    if view.may_hold(waiting.len(), &waiting, &mut scratch) {
        classes.push(waiting);
        return Some(classes);
    }
    let extent = view.extent(&waiting);
    let mut hosts: Vec<(u64, usize)> = (0..classes.len())
        .map(|class| (view.price(classes[class].len() + waiting.len(), &extents[class].join(&extent)), class))
        .collect();
    hosts.sort_unstable();
    for (_, host) in hosts {
        let alone = classes[host].len();
        classes[host].extend_from_slice(&waiting);
        if view.hold(&classes[host], &mut scratch) {
            return Some(classes);
        }
        classes[host].truncate(alone);
    }
    None
}

/// Spreads the rows of classes that would come out as `*` only, since they would count as suppressed: always if there
/// are more than may be or the others do not hold without them, otherwise if it costs less.
pub(crate) fn spread_stars<const N: usize>(problem: &Problem<N>, classes: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    let (stars, others): (Vec<Vec<u32>>, Vec<Vec<u32>>) = classes.into_iter().partition(|class| problem.is_star(class));
    if stars.is_empty() {
        return others;
    }
    let rows: Vec<u32> = stars.iter().flatten().copied().collect();
    let may_stay = rows.len() <= problem.suppressed_max && problem.all_hold(&others);
    let limit = if may_stay { problem.cost(&others) + problem.cost(&stars) } else { u64::MAX };
    match place(problem, others.clone(), rows) {
        Some(placed) if problem.cost(&placed) < limit => placed,
        _ => others.into_iter().chain(stars).collect(),
    }
}
