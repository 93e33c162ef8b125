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
        rayon_core::spawn(move || {
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

#[cfg(feature = "rayon")]
#[test]
fn a_thread_that_waits_is_handed_work() {
    use std::sync::Arc;
    let work = Arc::new(shared::Work::new(&|_| (), 3));
    let wanted = Arc::clone(&work);
    // Other tests hand out work as well, and have helpers that wait.
    let is_wanted = move |work: Arc<shared::Work>| Arc::ptr_eq(&work, &wanted);
    let helper = std::thread::spawn(move || while !idle::wait().is_some_and(&is_wanted) {});
    while !helper.is_finished() {
        idle::hand(&work, usize::MAX);
        std::thread::yield_now();
    }
    helper.join().expect("the thread was handed the work");
}

#[cfg(feature = "rayon")]
#[test]
fn a_thread_that_is_handed_nothing_goes_on() {
    assert!((0..10_000).any(|_| idle::wait().is_none()));
}
