//! Work cut into parts, shared by the calling thread and those of rayon.
//!
//! A sleeping thread takes 20 to 60 µs to wake, and nobody waits for it: the calling thread begins immediately and
//! takes one part after another. A thread that has woken by then takes parts, too; one that comes late finds none. Each
//! begins at a seat of its own, so that it gets the same parts each time and finds them in its caches. The result of a
//! part must not depend on its thread.
//!
//! A training step forks many times, so a thread that was woken stays awake for a while (`idle`).

#[cfg(feature = "rayon")]
mod idle;
#[cfg(feature = "rayon")]
mod shared;

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
    return rayon_core::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}

/// The number of this thread: below [`count`] if it is one of rayon's, else `count` itself.
pub(crate) fn number() -> usize {
    #[cfg(feature = "rayon")]
    return rayon_core::current_thread_index().unwrap_or_else(count);
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

#[cfg(test)]
mod tests;
