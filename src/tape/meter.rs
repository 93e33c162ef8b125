//! `Recomputation`: what checkpoints cost, and the meter that counts it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::Tape;
use crate::kernel::Elem;

/// What walks over checkpoints have cost; see [`Tape::take_recomputation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recomputation {
    /// How many times a checkpointed closure, or a step of a chain, was run again.
    pub runs: usize,
    /// The most bytes that recomputed stretches kept at the same time, beyond [`Tape::bytes`].
    pub peak: usize,
}

/// The counters, which a tape shares with the tapes of its checkpoints. Allocated on first use, since an
/// allocation costs a tenth of a small gradient on a fresh tape.
#[derive(Debug, Default)]
pub(crate) struct Meter(OnceLock<Arc<Counters>>);

impl Clone for Meter {
    fn clone(&self) -> Self {
        Self(OnceLock::from(Arc::clone(self.counters())))
    }
}

// Atomic because a rule is `Send` and holds a share; one thread counts at a time.
#[derive(Debug, Default)]
struct Counters {
    runs: AtomicUsize,
    held: AtomicUsize,
    peak: AtomicUsize,
}

impl Meter {
    fn counters(&self) -> &Arc<Counters> {
        self.0.get_or_init(Arc::default)
    }

    pub(crate) fn run(&self) {
        self.counters().runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes as kept until the guard is dropped.
    pub(crate) fn hold(&self, bytes: usize) -> Held {
        let counters = self.counters();
        let held = counters.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        counters.peak.fetch_max(held, Ordering::Relaxed);
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
        self.meter
            .counters()
            .held
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl<T: Elem> Tape<T> {
    /// Takes the count of what walks over the checkpoints of this tape have cost: it starts again from 0.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.5, 1.0]));
    /// let y = tape.checkpoint(&[x], |_, x| x[0].sin().exp().sin());
    /// let _ = y.sum().backward();
    /// let cost = tape.take_recomputation();
    /// assert_eq!((cost.runs, cost.peak), (1, 3 * 2 * 8)); // three tensors of two numbers
    /// assert_eq!(tape.take_recomputation().runs, 0);
    /// ```
    pub fn take_recomputation(&self) -> Recomputation {
        let Counters { runs, peak, .. } = &**self.meter.counters();
        Recomputation {
            runs: runs.swap(0, Ordering::Relaxed),
            peak: peak.swap(0, Ordering::Relaxed),
        }
    }
}
