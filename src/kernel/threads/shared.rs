//! Shared work: the calling thread and those of rayon that come in time take parts of it.
#![allow(unsafe_code)]

use std::any::Any;
use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{count, idle, lock, number};

/// The most bunches: what a set of bits holds.
const MOST: usize = u64::BITS as usize;

/// How often to check on the other threads before the core is left to them: about as long as a part takes.
const TURNS: usize = 1 << 10;

/// Helpers that were called and have not gone back to rayon's pool yet: with the calling thread not more than the pool
/// has threads, since another one would only take a core from them.
static HELPERS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is a helper now.
    static HELPS: Cell<bool> = const { Cell::new(false) };
}

/// Shared work, kept for as long as a thread may look for a part of it. Parts are taken in bunches, at most
/// [`MOST`].
pub(super) struct Work {
    f: *const (dyn Fn(usize) + Sync),
    parts: usize,
    bunches: usize,
    /// The set of bunches that were taken.
    taken: AtomicU64,
    /// How many bunches are done.
    done: AtomicUsize,
    /// The first panic of a part.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: needs that the function may be called from any thread: it is `Sync`. The other fields may be shared.
unsafe impl Send for Work {}
// SAFETY: needs what `Send` needs, since parts are taken through a shared reference.
unsafe impl Sync for Work {}

impl Work {
    /// Work of which nothing is done yet.
    pub(super) fn new(f: &'static (dyn Fn(usize) + Sync), parts: usize) -> Self {
        Self {
            f,
            parts,
            bunches: parts.min(MOST),
            taken: AtomicU64::new(0),
            done: AtomicUsize::new(0),
            panic: Mutex::new(None),
        }
    }

    /// Takes bunches until none is left. Thread `seat` begins at the `seat`th of as many equal stretches as there
    /// are threads, so it gets the same parts in the next work on the same tensors, which are in its caches by
    /// then.
    fn help(&self, seat: usize) {
        let start = self.bunches * seat / count();
        while let Some(bunch) = self.take(start) {
            // SAFETY: needs that the function is alive: `run` does not return before every bunch that was taken is
            // done, and this one is not. A thread that finds none does not get here.
            let f = unsafe { &*self.f };
            for part in self.bunch(bunch) {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| f(part))) {
                    let mut first = lock(&self.panic);
                    match *first {
                        // Dropping it might panic again, and this bunch would never be counted.
                        Some(_) => std::mem::forget(panic),
                        None => *first = Some(panic),
                    }
                }
            }
            self.done.fetch_add(1, Ordering::Release);
        }
    }

    /// Takes the first bunch that is left from `start` on, or else from the beginning.
    pub(super) fn take(&self, start: usize) -> Option<usize> {
        loop {
            let left = !self.taken.load(Ordering::Relaxed) & self.all();
            let later = left & (u64::MAX << start);
            let bunch = if later == 0 { left } else { later }.trailing_zeros();
            let bit = 1u64.checked_shl(bunch)?;
            if self.taken.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
                return Some(bunch as usize);
            }
        }
    }

    fn all(&self) -> u64 {
        u64::MAX >> (MOST - self.bunches)
    }

    pub(super) fn bunch(&self, k: usize) -> Range<usize> {
        let from = |k: usize| (self.parts as u128 * k as u128 / self.bunches as u128) as usize;
        from(k)..from(k + 1)
    }

    /// Whether any bunches are left.
    fn is_open(&self) -> bool {
        self.taken.load(Ordering::Relaxed) != self.all()
    }
}

/// Waits when dropped, whatever happens, until all that was begun is done.
struct Wait<'a>(&'a Work);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let taken = self.0.taken.fetch_or(self.0.all(), Ordering::Relaxed);
        let (taken, mut turns) = (taken.count_ones() as usize, 0);
        while self.0.done.load(Ordering::Acquire) < taken {
            turns += 1;
            if turns < TURNS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// Calls this many helpers, first those that are awake; of the others two, each of which calls half of the rest when it
/// comes.
fn call(work: &Arc<Work>, helpers: usize) {
    let helpers = helpers - idle::hand(work, helpers);
    for helpers in [helpers.div_ceil(2), helpers / 2] {
        if helpers == 0 {
            return;
        }
        let one_more = |busy| (busy + 1 < count()).then_some(busy + 1);
        if HELPERS
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_err()
        {
            return;
        }
        let work = Arc::clone(work);
        rayon_core::spawn(move || {
            if work.is_open() {
                call(&work, helpers - 1);
            }
            // While a part of a helper waits for what it has forked, rayon may have it run another helper; the part must
            // not wait for that one's next work.
            let within = HELPS.replace(true);
            let mut next = Some(work);
            while let Some(work) = next {
                work.help(1 + number() % (count() - 1));
                drop(work);
                next = if within { None } else { idle::wait() };
            }
            HELPS.set(within);
            HELPERS.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Runs `f` for these parts on threads of the pool, at most `bunch` without looking for another thread.
fn fork(parts: Range<usize>, bunch: usize, f: &(dyn Fn(usize) + Sync)) {
    if parts.len() <= bunch {
        return parts.for_each(f);
    }
    let half = parts.start + parts.len() / 2;
    rayon_core::join(
        || fork(parts.start..half, bunch, f),
        || fork(half..parts.end, bunch, f),
    );
}

/// Runs `f` for all parts, with the help of the threads that come in time.
pub(super) fn run(parts: usize, f: &(dyn Fn(usize) + Sync)) {
    // Within rayon's pool, its own fork-join serves: a pool thread that waited here for a helper with no thread
    // left to run on would wait for ever. A helper does not even fork if all others are awake, too.
    if rayon_core::current_thread_index().is_some() {
        if HELPS.get() && HELPERS.load(Ordering::Relaxed) + 1 >= count() {
            return (0..parts).for_each(f);
        }
        return fork(0..parts, parts.div_ceil(MOST), f);
    }
    // SAFETY: needs that nobody calls the function once it is gone: `Wait` ensures it, and `help` takes a bunch
    // before each call.
    let f: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(f) };
    let work = Arc::new(Work::new(f, parts));
    let wait = Wait(&work);
    call(&work, count().min(parts) - 1);
    work.help(0);
    drop(wait);
    if let Some(panic) = lock(&work.panic).take() {
        resume_unwind(panic);
    }
}
