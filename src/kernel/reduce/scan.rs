//! Running sums, with the rounding errors carried beside them.

use crate::kernel::{Elem, Rows};

/// A running sum and what rounding has lost of it.
#[derive(Clone, Copy)]
struct Running<T> {
    sum: T,
    lost: T,
}

impl<T: Elem> Running<T> {
    /// The empty sum.
    fn new() -> Self {
        Self {
            sum: T::zero(),
            lost: T::zero(),
        }
    }

    /// Adds a term and returns the sum so far.
    ///
    /// The error of each addition is found by Knuth's TwoSum. Only `sum` is on the path from one
    /// term to the next, so the processor does the rest while it would be waiting.
    fn add(&mut self, x: T) -> T {
        let sum = self.sum + x;
        let grown = sum - self.sum;
        self.lost += (self.sum - (sum - grown)) + (x - grown);
        self.sum = sum;
        // If the sum is infinite, the error is NaN and the sum itself is right.
        if self.lost.is_finite() {
            sum + self.lost
        } else {
            sum
        }
    }
}

/// `y_j = x_0 + .. + x_j` along every row; from the end of the row if `back` is set.
pub(crate) fn cumsum<T: Elem>(rows: Rows, x: &[T], y: &mut [T], back: bool) {
    if rows.elements() == 0 {
        return;
    }
    if rows.inner == 1 {
        for (x, y) in x.chunks_exact(rows.n).zip(y.chunks_exact_mut(rows.n)) {
            let mut running = Running::new();
            let steps = x.iter().zip(y);
            let step = |(&x, y): (&T, &mut T)| *y = running.add(x);
            match back {
                false => steps.for_each(step),
                true => steps.rev().for_each(step),
            }
        }
        return;
    }
    let mut running = vec![Running::new(); rows.inner];
    let block = rows.n * rows.inner;
    for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(block)) {
        running.fill(Running::new());
        let steps = x
            .chunks_exact(rows.inner)
            .zip(y.chunks_exact_mut(rows.inner));
        let step = |(x, y): (&[T], &mut [T])| {
            for (running, (&x, y)) in running.iter_mut().zip(x.iter().zip(y)) {
                *y = running.add(x);
            }
        };
        match back {
            false => steps.for_each(step),
            true => steps.rev().for_each(step),
        }
    }
}
