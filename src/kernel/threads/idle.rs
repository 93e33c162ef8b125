//! Helpers that have done their parts and stay awake for the next work, for a while.
//!
//! Waking a sleeping thread costs the calling one a system call, and it comes too late for work of less than some 40 µs.
//! One that waits here is handed work through memory, and gets it within a microsecond.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::lock;
use super::shared::Work;

/// How long a helper waits before it goes back to rayon's pool, where it soon falls asleep: longer than what a training
/// step of a small network does on one thread between two forks.
const PATIENCE: Duration = Duration::from_micros(250);

/// How often to look for work between two looks at the clock.
const LOOKS: usize = 64;

/// Where a helper waits and is handed work.
#[derive(Default)]
struct Desk {
    work: Mutex<Option<Arc<Work>>>,
    is_handed: AtomicBool,
}

/// The desks of the helpers that are waiting.
static WAITING: Mutex<Vec<Arc<Desk>>> = Mutex::new(Vec::new());

/// Hands work to helpers that are waiting, to at most so many, the latest first; returns to how many.
pub(super) fn hand(work: &Arc<Work>, most: usize) -> usize {
    let mut waiting = lock(&WAITING);
    let rest = waiting.len().saturating_sub(most);
    let desks = waiting.drain(rest..);
    let count = desks.len();
    for desk in desks {
        *lock(&desk.work) = Some(Arc::clone(work));
        desk.is_handed.store(true, Ordering::Release);
    }
    count
}

/// The work that is handed to this thread soon, if any is.
pub(super) fn wait() -> Option<Arc<Work>> {
    let desk = Arc::new(Desk::default());
    lock(&WAITING).push(Arc::clone(&desk));
    let start = Instant::now();
    loop {
        for _ in 0..LOOKS {
            if desk.is_handed.load(Ordering::Acquire) {
                return lock(&desk.work).take();
            }
            spin_loop();
        }
        if start.elapsed() > PATIENCE {
            // Whoever has taken the desk off the list has handed it work before unlocking the list.
            lock(&WAITING).retain(|other| !Arc::ptr_eq(other, &desk));
            return lock(&desk.work).take();
        }
    }
}
