//! Whether a change between two dates is larger than the measurement error.

use super::ScaleScore;

/// What can be said of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Larger than the error, upwards.
    ReliableImprovement,
    /// Within the error: nothing can be said.
    WithinError,
    /// Larger than the error, downwards.
    ReliableWorsening,
}

/// Compares two valid results of one scale: reliable when |Δ| > 1.96 · SEM · √2 (Jacobson and Truax, 1991, doi
/// 10.1037/0022-006X.59.1.12), Δ in index points, `sem_hundredths` in hundredths of an index point.
///
/// Squared and multiplied out, so that no floating point decides: with Δ = 100·N/D this is 10¹²·N² > 76832·sem²·D²,
/// both sides divided by 32. Definitions keep reachable points at or below 500,000, so that nothing overflows.
/// `None` when one of the results is not valid.
#[must_use]
pub fn reliable_change(before: &ScaleScore, after: &ScaleScore, sem_hundredths: i32) -> Option<Change> {
    if !before.is_valid || !after.is_valid {
        return None;
    }
    let numerator = i128::from(after.points) * i128::from(before.reachable)
        - i128::from(before.points) * i128::from(after.reachable);
    let denominator = i128::from(before.reachable) * i128::from(after.reachable);
    let sem = i128::from(sem_hundredths);
    let is_reliable = 31_250_000_000 * numerator * numerator > 2_401 * sem * sem * denominator * denominator;
    Some(match (is_reliable, numerator > 0) {
        (false, _) => Change::WithinError,
        (true, true) => Change::ReliableImprovement,
        (true, false) => Change::ReliableWorsening,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(points: i32, reachable: i32) -> ScaleScore {
        ScaleScore {
            points,
            reachable,
            reachable_of_all: reachable,
            items_answered: 1,
            items: 1,
            is_valid: true,
            level: None,
            contributions: Vec::new(),
        }
    }

    fn check(before: (i32, i32), after: (i32, i32), sem_hundredths: i32, expected: Change) {
        assert_eq!(
            reliable_change(&score(before.0, before.1), &score(after.0, after.1), sem_hundredths),
            Some(expected)
        );
    }

    #[test]
    fn the_bound_is_1_96_sem_root_2() {
        // SEM 5: the bound is 13.859… index points. 69/500 = 13.8 %, 70/500 = 14 %.
        check((0, 500), (69, 500), 500, Change::WithinError);
        check((0, 500), (70, 500), 500, Change::ReliableImprovement);
        check((70, 500), (0, 500), 500, Change::ReliableWorsening);
        // SEM 20: 55.437171… lies between 221,748 and 221,749 of 400,000.
        check((0, 400_000), (221_748, 400_000), 2_000, Change::WithinError);
        check((0, 400_000), (221_749, 400_000), 2_000, Change::ReliableImprovement);
    }

    #[test]
    fn the_largest_definition_does_not_overflow() {
        check((0, 500_000), (500_000, 500_000), 10_000, Change::WithinError);
        check((500_000, 500_000), (0, 499_999), 1, Change::ReliableWorsening);
    }

    #[test]
    fn different_numbers_of_answers_compare_by_index() {
        check((10, 20), (20, 40), 1, Change::WithinError);
        check((10, 20), (21, 40), 1, Change::ReliableImprovement);
    }

    #[test]
    fn nothing_is_said_of_a_result_that_is_not_valid() {
        let invalid = ScaleScore { is_valid: false, ..score(1, 2) };
        assert_eq!(reliable_change(&invalid, &score(1, 2), 500), None);
    }
}
