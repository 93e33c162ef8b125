//! Work cut into parts, shared by the calling thread and those of rayon.
//!
//! A sleeping thread takes 20 to 60 µs to wake, and nobody waits for it: the calling thread begins immediately and
//! takes one part after another. A thread that has woken by then takes parts, too; one that comes late finds none. Each
//! begins at a seat of its own, so that it gets the same parts each time and finds them in its caches. The result of a
//! part must not depend on its thread.
#![cfg_attr(feature = "rayon", allow(unsafe_code))]

use std::sync::Mutex;

/// Runs `f` for the parts `0..parts`.
///
/// # Panics
/// If `f` panics; by then all parts that were begun are finished.
pub(crate) fn each(parts: usize, f: impl Fn(usize) + Sync) {
    #[cfg(feature = "rayon")]
    if parts > 1 && count() > 1 {
        return shared::run(parts, &f);
    }
    (0..parts).for_each(f);
}

/// The results of `f` for all parts, in their order.
pub(crate) fn map<P: Send, R: Send>(parts: Vec<P>, f: impl Fn(P) -> R + Sync) -> Vec<R> {
    let slot = |part| Mutex::new((Some(part), None));
    let slots: Vec<Mutex<(Option<P>, Option<R>)>> = parts.into_iter().map(slot).collect();
    each(slots.len(), |k| {
        let part = lock(&slots[k]).0.take().expect("each part is taken once");
        let result = f(part);
        lock(&slots[k]).1 = Some(result);
    });
    let result = |slot: Mutex<(_, Option<R>)>| {
        let slot = slot.into_inner().expect("a panic would have gone on");
        slot.1.expect("all parts are done")
    };
    slots.into_iter().map(result).collect()
}

/// Locks a mutex whose content no panic leaves half written.
fn lock<X>(mutex: &Mutex<X>) -> std::sync::MutexGuard<'_, X> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// How many threads can share work.
pub(crate) fn count() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}

/// The number of this thread: below [`count`] if it is one of rayon's, else `count` itself.
pub(crate) fn number() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_thread_index().unwrap_or_else(count);
    #[cfg(not(feature = "rayon"))]
    0
}

/// How many parts to cut shared work into: more than there are threads, since some come late.
pub(crate) fn shares() -> usize {
    match count() {
        1 => 1,
        count => 4 * count,
    }
}

#[cfg(feature = "rayon")]
mod shared {
    use std::any::Any;
    use std::ops::Range;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use rayon::iter::{IntoParallelIterator, ParallelIterator};

    use super::{count, lock, number};

    /// The most bunches: what a set of bits holds.
    const MOST: usize = u64::BITS as usize;

    /// How often to check on the other threads before the core is left to them: about as long as a part takes.
    const TURNS: usize = 1 << 10;

    /// Helpers that were called and have not come yet. While rayon's threads are busy with other work, more calls would
    /// only lengthen their queue.
    static CALLED: AtomicUsize = AtomicUsize::new(0);

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

    /// Calls this many helpers: two, each of which calls half of the others when it comes.
    fn call(work: &Arc<Work>, helpers: usize) {
        for helpers in [helpers.div_ceil(2), helpers / 2] {
            if helpers == 0 || CALLED.load(Ordering::Relaxed) > 4 * count() {
                return;
            }
            CALLED.fetch_add(1, Ordering::Relaxed);
            let work = Arc::clone(work);
            rayon::spawn(move || {
                CALLED.fetch_sub(1, Ordering::Relaxed);
                if work.is_open() {
                    call(&work, helpers - 1);
                    work.help(1 + number() % (count() - 1));
                }
            });
        }
    }

    /// Runs `f` for all parts, with the help of the threads that come in time.
    pub(super) fn run(parts: usize, f: &(dyn Fn(usize) + Sync)) {
        // Within rayon's pool, its own fork-join serves: a pool thread that waited here for a helper with no thread
        // left to run on would wait for ever.
        if rayon::current_thread_index().is_some() {
            return (0..parts).into_par_iter().for_each(f);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_part_is_done_once() {
        // The last so many that helpers come while parts are left.
        for parts in [0, 1, 2, 7, 1_000_000] {
            let done: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
            each(parts, |k| {
                done[k].fetch_add(1, Ordering::Relaxed);
            });
            assert!(done.iter().all(|k| k.load(Ordering::Relaxed) == 1));
        }
    }

    #[cfg(feature = "rayon")]
    #[test]
    fn what_a_helper_has_begun_is_done_at_the_end() {
        use std::thread;
        use std::time::{Duration, Instant};
        if count() == 1 {
            return;
        }
        let asking = thread::current().id();
        let (begun, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let helped = |_| {
            each(2, |_| {
                if thread::current().id() == asking {
                    // Waits until a helper has the other part, if one comes.
                    let start = Instant::now();
                    while begun.load(Ordering::Relaxed) == 0 && start.elapsed().as_millis() < 100 {
                        thread::yield_now();
                    }
                } else {
                    begun.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(50));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            let begun = begun.load(Ordering::Relaxed);
            assert_eq!(done.load(Ordering::Relaxed), begun);
            begun > 0
        };
        // Other tests may keep the pool busy for a while.
        assert!((0..100).any(helped), "no helper came");
    }

    #[cfg(feature = "rayon")]
    #[test]
    fn a_seat_is_where_a_thread_begins() {
        for parts in [2, 63, 64, 65, 1000] {
            let work = shared::Work::new(&|_| (), parts);
            let bunches = parts.min(64);
            let start = bunches / 2;
            let taken: Vec<usize> = std::iter::from_fn(|| work.take(start)).collect();
            let expected: Vec<usize> = (start..bunches).chain(0..start).collect();
            assert_eq!(taken, expected);
            let all = (0..bunches).flat_map(|k| work.bunch(k));
            assert!(all.eq(0..parts));
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_parts() {
        let squares = map((0..100).collect(), |k: usize| k * k);
        assert!(
            squares
                .iter()
                .enumerate()
                .all(|(k, &square)| square == k * k)
        );
    }

    #[test]
    fn parts_have_parts() {
        let sum = AtomicUsize::new(0);
        each(20, |k| {
            each(20, |j| {
                sum.fetch_add(20 * k + j, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.into_inner(), (0..400).sum());
    }

    #[cfg(feature = "rayon")]
    #[test]
    fn a_pool_that_is_busy_holds_nobody_up() {
        use std::sync::Arc;
        use std::sync::atomic::AtomicBool;
        let (busy, over) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        for _ in 0..count() {
            let (busy, over) = (Arc::clone(&busy), Arc::clone(&over));
            rayon::spawn(move || {
                busy.fetch_add(1, Ordering::Relaxed);
                while !over.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
            });
        }
        while busy.load(Ordering::Relaxed) < count() {
            std::thread::yield_now();
        }
        let sum = AtomicUsize::new(0);
        for _ in 0..1000 {
            each(8, |k| {
                sum.fetch_add(k, Ordering::Relaxed);
            });
        }
        over.store(true, Ordering::Relaxed);
        assert_eq!(sum.into_inner(), 28_000);
    }

    #[test]
    fn what_a_panic_carries_may_panic_when_it_is_dropped() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                assert!(std::thread::panicking(), "dropped");
            }
        }
        let run = || each(50, |_| std::panic::panic_any(Bomb));
        let panic = std::panic::catch_unwind(run).expect_err("all parts have panicked");
        assert!(panic.is::<Bomb>());
        std::mem::forget(panic);
    }

    #[test]
    fn a_panic_comes_back_when_all_is_done() {
        let done = AtomicUsize::new(0);
        let run = || {
            each(50, |k| {
                done.fetch_add(1, Ordering::Relaxed);
                assert!(k != 20, "part 20 fails");
            });
        };
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        let panic = panic.expect_err("a part has panicked");
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        assert_eq!(text.as_deref(), Some("part 20 fails"));
        assert!(done.into_inner() >= 21);
    }
}
