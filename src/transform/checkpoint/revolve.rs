//! The binomial schedule: where to keep states so that the fewest steps are run again.
//!
//! Griewank and Walther, "Algorithm 799: Revolve", ACM TOMS 26 (2000). With `s` states kept and every
//! step run again at most `r` times, chains of up to `β(s, r) = (s + r)! / (s! r!)` steps can be reversed;
//! no schedule reaches more.

use crate::error::Error;

/// How many steps a walk over a chain of `steps` runs again to reach states that were not kept, if
/// `budget` states are: the least possible.
///
/// ```text
/// r steps - β(budget + 1, r - 1),   β(s, r) = (s + r)! / (s! r!),   β(budget, r - 1) < steps ≤ β(budget, r)
/// ```
/// Each step is also run once to be walked, which is not counted here.
///
/// # Panics
/// If `budget` is 0: the first state is always kept.
///
/// # Example
/// ```
/// use wengert::transform::checkpoint::advances;
///
/// assert_eq!(advances(10_000, 10_000), 9_999); // all states kept: one pass to get them
/// assert_eq!(advances(10_000, 20), 37_976); // 3.8 passes for a 500th of the states
/// assert_eq!(advances(100, 1), 99 * 100 / 2); // from the start each time
/// ```
#[track_caller]
pub fn advances(steps: usize, budget: usize) -> usize {
    if budget == 0 {
        panic!("{}", no_budget("advances"));
    }
    // More states than steps are of no use.
    let budget = budget.min(steps);
    match repetitions(steps, budget) {
        0 => 0,
        r => {
            let all = r as u128 * steps as u128 - reach(budget as u128 + 1, r - 1);
            usize::try_from(all).unwrap_or(usize::MAX)
        }
    }
}

/// The error for a budget of nothing.
pub(super) fn no_budget(op: &'static str) -> Error {
    let text = "a budget of 0 states; the first one is always kept, so give at least 1";
    Error::argument(op, text)
}

/// How far to advance from the first of `steps` steps to the next state that is kept, when `budget`
/// states may be kept, the first included.
///
/// Every choice is optimal that leaves each part within reach: the later one of `r` repetitions with one
/// state less, the earlier one of `r - 1` repetitions.
pub(super) fn split(steps: usize, budget: usize) -> usize {
    debug_assert!(steps > 1 && budget > 0, "one step is walked, not split");
    if budget == 1 {
        return steps - 1;
    }
    let budget = budget.min(steps);
    let r = repetitions(steps, budget);
    let (steps, s) = (steps as u128, budget as u128);
    let least = if r > 1 { reach(s, r - 2) } else { 1 };
    least.max(steps.saturating_sub(reach(s - 1, r))) as usize
}

/// The least `r` with which `steps` steps can be reversed.
fn repetitions(steps: usize, budget: usize) -> usize {
    let reaches = |r| steps == 0 || reach(budget as u128, r) >= steps as u128;
    let mut high = 0;
    while !reaches(high) {
        high = 2 * high + 1;
    }
    // `high / 2` was tried before and did not reach.
    let mut low = high / 2;
    while low < high {
        let middle = low + (high - low) / 2;
        match reaches(middle) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    high
}

/// `β(s, r)`: how many steps can be reversed with `s` states and `r` repetitions; where that exceeds
/// `usize::MAX`, any number that does.
fn reach(s: u128, r: usize) -> u128 {
    let (r, mut binomial) = (r as u128, 1);
    for k in 1..=s.min(r) {
        // Exact at each step: a product of k consecutive numbers is divisible by k!.
        binomial = binomial * (s.max(r) + k) / k;
        if binomial > usize::MAX as u128 {
            break;
        }
    }
    binomial
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The optimum by dynamic programming over all places of the next state.
    fn best(most: usize, states: usize) -> Vec<Vec<usize>> {
        let mut table = vec![vec![0; most + 1]; states + 1];
        for s in 1..=states {
            for l in 2..=most {
                let at = |k: usize| k + table[s - 1][l - k] + table[s][k];
                table[s][l] = match s {
                    1 => l * (l - 1) / 2,
                    _ => (1..l).map(at).min().unwrap(),
                };
            }
        }
        table
    }

    #[test]
    fn the_formula_is_the_optimum_of_dynamic_programming() {
        for (s, row) in best(120, 9).iter().enumerate().skip(1) {
            for (l, &least) in row.iter().enumerate() {
                assert_eq!(advances(l, s), least, "{l} steps, {s} states");
            }
        }
    }

    #[test]
    fn counts_at_the_end_of_their_range_are_reached() {
        assert_eq!(advances(3, usize::MAX), 2);
        assert_eq!(advances(usize::MAX, usize::MAX), usize::MAX - 1);
        assert_eq!(advances(usize::MAX, 1), usize::MAX);
        assert!((1..3).contains(&split(3, usize::MAX)));
        for budget in [2, 3, 60] {
            assert!(advances(usize::MAX, budget) >= usize::MAX - 1);
            assert!((1..usize::MAX).contains(&split(usize::MAX, budget)));
        }
    }

    #[test]
    fn the_splits_reach_the_optimum() {
        fn run(l: usize, s: usize) -> usize {
            if l < 2 {
                return 0;
            }
            let k = split(l, s);
            assert!((1..l).contains(&k), "{l} steps, {s} states: split at {k}");
            k + run(l - k, s - 1) + run(k, s)
        }
        for s in 1..12 {
            for l in 0..200 {
                assert_eq!(run(l, s), advances(l, s), "{l} steps, {s} states");
            }
        }
        assert_eq!(run(10_000, 20), advances(10_000, 20));
        assert_eq!(run(300, 1000), 299);
    }
}
