//! Work on both cores: as many threads as the machine gives this process, each taking the next thing when it is done with one.
//!
//! Where there is one core everything happens on the calling thread, in order: that is how tests count what is written.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `work` makes of each item, in the order of the items.
///
/// # Panics
/// When `work` does.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    if workers < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let mut made: Vec<(usize, R)> = thread::scope(|scope| {
        let take = || {
            let mut made = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else { return made };
                made.push((at, work(item)));
            }
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(take)).collect();
        let of_each = handles.into_iter().map(|handle| handle.join().expect("a panic of one worker is everybody's"));
        of_each.flatten().collect()
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_item_is_worked_on_once_and_results_keep_their_order() {
        let items: Vec<u32> = (0..1_000).collect();
        let squares = super::map(&items, |item| item * item);
        assert_eq!(squares, items.iter().map(|item| item * item).collect::<Vec<_>>());
        assert_eq!(super::map(&[] as &[u32], |item| *item), Vec::<u32>::new());
    }
}
