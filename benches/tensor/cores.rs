//! How far apart two cores are, without which no table for two threads can be read.

use crate::harness::Harness;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A line of the cache.
#[repr(align(128))]
struct Line(AtomicBool);

/// A cache line that goes to another thread and comes back: 0.1 µs if their cores are near, 0.4 if they are far apart.
/// Runs only if requested by name.
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
