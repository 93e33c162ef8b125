//! `Recomputation`: what checkpoints cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Tape;
use crate::kernel::Elem;

/// What walks over checkpoints have cost: see [`Tape::recomputation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recomputation {
    /// How many times a checkpointed closure, or a step of a chain, was run again.
    pub runs: usize,
    /// The most bytes that recomputed stretches kept at once, beyond [`Tape::bytes`].
    pub peak: usize,
}

/// The counters, which a tape shares with the tapes of its checkpoints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Counters>);

// Atomic because a rule is `Send` and holds a share; one thread counts at a time.
#[derive(Debug, Default)]
struct Counters {
    runs: AtomicUsize,
    held: AtomicUsize,
    peak: AtomicUsize,
}

impl Meter {
    /// Counts one run.
    pub(crate) fn run(&self) {
        self.0.runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes as kept until the guard is dropped.
    pub(crate) fn hold(&self, bytes: usize) -> Held {
        let held = self.0.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.0.peak.fetch_max(held, Ordering::Relaxed);
        Held {
            meter: self.clone(),
            bytes,
        }
    }
}

/// Bytes that count as kept while this lives.
#[derive(Debug)]
pub(crate) struct Held {
    meter: Meter,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.meter.0.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl<T: Elem> Tape<T> {
    /// What walks over the checkpoints of this tape have cost since this was last asked.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.5, 1.0]));
    /// let y = tape.checkpoint(&[x], |_, x| x[0].sin().exp().sin());
    /// let _ = y.sum().backward();
    /// let cost = tape.recomputation();
    /// assert_eq!((cost.runs, cost.peak), (1, 3 * 2 * 8)); // three tensors of two numbers
    /// ```
    pub fn recomputation(&self) -> Recomputation {
        let Counters { runs, peak, .. } = &*self.meter.0;
        Recomputation {
            runs: runs.swap(0, Ordering::Relaxed),
            peak: peak.swap(0, Ordering::Relaxed),
        }
    }
}
