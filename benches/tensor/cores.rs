//! How far two cores are from each other, which no table of two threads can be read without.

use crate::harness::Harness;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A line of the cache.
#[repr(align(128))]
struct Line(AtomicBool);

/// A line of memory that goes to another thread and comes back: 0.1 µs where their cores are near, 0.4 where they are far.
/// Runs if it is asked for by name.
pub fn line(harness: &Harness) {
    if !harness.names("line") {
        return;
    }
    let (sent, over) = (Line(AtomicBool::new(false)), AtomicBool::new(false));
    let wait = |sent_is: bool| {
        while sent.0.load(Ordering::Acquire) != sent_is && !over.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                wait(true);
                sent.0.store(false, Ordering::Release);
            }
        });
        harness.run::<f32>("line", "to and fro", |_| {
            sent.0.store(true, Ordering::Release);
            wait(false);
            0.0
        });
        over.store(true, Ordering::Relaxed);
    });
}
