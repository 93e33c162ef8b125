//! Copies that bypass the caches, of data that leaves the last one before anything reads it. No arithmetic is here.
#![allow(unsafe_code)]

use crate::kernel::simd::{self, Detected, Lanes, Real, Task};

/// `y_i = x_i`, bypassing the caches if `y` begins at a cache line: no line of it is read before it is written, and
/// nothing that will be used again is evicted for it.
pub(in crate::kernel) fn copy_past<T: Real>(x: &[T], y: &mut [T]) {
    simd::run(Detected::current(), Past { x, y });
}

struct Past<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Real> Task<T> for Past<'_, T> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        let Self { x, y } = self;
        let x = &x[..y.len()];
        let (mut of, mut to) = (x.chunks_exact(V::COUNT), y.chunks_exact_mut(V::COUNT));
        for (x, y) in of.by_ref().zip(to.by_ref()) {
            // SAFETY: needs that the thread drains before anybody reads or writes `y` again, which it does below.
            unsafe { V::load(level, x).stream(y) }
        }
        V::drain(level);
        to.into_remainder().copy_from_slice(of.remainder());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::simd::Level;

    #[test]
    fn a_copy_is_the_same_wherever_it_begins_and_ends() {
        let x: Vec<f32> = (0..200).map(|k| k as f32).collect();
        for &level in Level::all() {
            for (start, len) in (0..17).flat_map(|start| (0..70).map(move |len| (start, len))) {
                let mut y = vec![-1.0; 200];
                level.force(|| copy_past(&x[..len], &mut y[start..start + len]));
                assert_eq!(y[start..start + len], x[..len], "{level} {start} {len}");
                let rest = y[..start].iter().chain(&y[start + len..]);
                assert!(
                    rest.into_iter().all(|&y| y == -1.0),
                    "{level} {start} {len}"
                );
            }
        }
    }
}
