//! Walks over several buffers in lockstep, each with its own strides: windows, batches, lookups.
//!
//! Axes that behave alike are merged first, so that a block of whole rows is one run.

use smallvec::SmallVec;

use crate::kernel::matrix::transpose::transpose;

/// Positions at which `N` buffers are visited together, the last axis innermost.
#[derive(Clone, Debug)]
pub(crate) struct Strided<const N: usize> {
    start: [usize; N],
    /// Length of a run; 0 if there is nothing to visit.
    run: usize,
    /// Stride of each buffer within a run.
    step: [isize; N],
    /// The axes outside the run, innermost first: size and strides.
    outer: SmallVec<[(usize, [isize; N]); 4]>,
}

impl<const N: usize> Strided<N> {
    /// A walk that begins at `start`, over axes given outermost first by size and strides.
    pub(crate) fn new(
        start: [usize; N],
        axes: impl DoubleEndedIterator<Item = (usize, [isize; N])>,
    ) -> Self {
        let mut merged: SmallVec<[(usize, [isize; N]); 4]> = SmallVec::new();
        let mut empty = false;
        for (size, stride) in axes.rev() {
            empty |= size == 0;
            match merged.last_mut() {
                _ if size == 1 => {}
                Some((n, step)) if (0..N).all(|k| stride[k] == step[k] * *n as isize) => *n *= size,
                _ => merged.push((size, stride)),
            }
        }
        let (run, step) = match merged.is_empty() {
            true => (1, [0; N]),
            false => merged.remove(0),
        };
        Self {
            start,
            run: if empty { 0 } else { run },
            step,
            outer: merged,
        }
    }

    /// The window of shape `sizes` in a row-major buffer of shape `whole`, beside a contiguous
    /// buffer of shape `sizes`: positions `[whole, window]`. Along axis `k` the window begins at
    /// `first(k)` and proceeds by `step(k)`.
    pub(crate) fn window(
        whole: &[usize],
        sizes: &[usize],
        first: impl Fn(usize) -> usize,
        step: impl Fn(usize) -> isize,
    ) -> Strided<2> {
        let (outer, inner) = (strides(whole), strides(sizes));
        let start = (0..sizes.len()).map(|k| first(k) * outer[k]).sum();
        // The step along an axis with one entry is never taken, and may be any number.
        let far = |k| (outer[k] as isize).wrapping_mul(step(k));
        let axis = |k| (sizes[k], [far(k), inner[k] as isize]);
        Strided::new([start, 0], (0..sizes.len()).map(axis))
    }

    /// Calls `f` with the position of each buffer at the start of every run.
    pub(crate) fn runs(&self, mut f: impl FnMut([usize; N])) {
        if self.run == 0 {
            return;
        }
        let runs: usize = self.outer.iter().map(|&(size, _)| size).product();
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, self.outer.len());
        let mut at = self.start;
        for _ in 0..runs {
            f(at);
            for (i, &(size, stride)) in index.iter_mut().zip(&self.outer) {
                *i += 1;
                at = self.shift(at, stride, 1);
                if *i < size {
                    break;
                }
                at = self.shift(at, stride, -(size as isize));
                *i = 0;
            }
        }
    }

    /// Calls `f` with the position of each buffer at every element.
    pub(crate) fn each(&self, mut f: impl FnMut([usize; N])) {
        self.runs(|mut at| {
            for _ in 0..self.run {
                f(at);
                at = self.shift(at, self.step, 1);
            }
        });
    }

    /// Positions after `times` steps. A position beyond the last element may wrap below 0 and is
    /// brought back before it is used.
    #[inline]
    fn shift(&self, at: [usize; N], stride: [isize; N], times: isize) -> [usize; N] {
        std::array::from_fn(|k| at[k].wrapping_add_signed(stride[k].wrapping_mul(times)))
    }
}

impl Strided<2> {
    /// Copies from the first buffer to the second.
    pub(crate) fn copy<T: Copy + Send + Sync>(&self, from: &[T], to: &mut [T]) {
        match self.step {
            [1, 1] => self.runs(|[i, j]| {
                to[j..j + self.run].copy_from_slice(&from[i..i + self.run]);
            }),
            [down, 1] if down > 1 => {
                match self.outer.iter().position(|&(_, [step, _])| step == 1) {
                    Some(axis) => self.transpose(axis, down as usize, from, to),
                    None => self.each(|[i, j]| to[j] = from[i]),
                }
            }
            _ => self.each(|[i, j]| to[j] = from[i]),
        }
    }

    /// Copies with rows and columns exchanged: along a run `to` is contiguous and `from` has stride
    /// `down`; along the outer axis `axis`, `from` is contiguous.
    fn transpose<T: Copy + Send + Sync>(&self, axis: usize, down: usize, from: &[T], to: &mut [T]) {
        let mut planes = self.clone();
        let (rows, [_, across]) = planes.outer.remove(axis);
        planes.runs(|[i, j]| {
            let size = (rows, planes.run);
            transpose(&from[i..], down, size, &mut to[j..], across as usize);
        });
    }

    /// Copies from the second buffer to the first.
    pub(crate) fn copy_back<T: Copy>(&self, from: &[T], to: &mut [T]) {
        match self.step {
            [1, 1] => self.runs(|[i, j]| {
                to[i..i + self.run].copy_from_slice(&from[j..j + self.run]);
            }),
            _ => self.each(|[i, j]| to[i] = from[j]),
        }
    }

    /// Adds the second buffer to the first.
    pub(crate) fn add_back<T: crate::kernel::Elem>(&self, from: &[T], to: &mut [T]) {
        match self.step {
            [1, 1] => self.runs(|[i, j]| {
                crate::kernel::add_to(&from[j..j + self.run], &mut to[i..i + self.run]);
            }),
            _ => self.each(|[i, j]| to[i] += from[j]),
        }
    }
}

/// Strides of a contiguous row-major buffer.
pub(crate) fn strides(shape: &[usize]) -> SmallVec<[usize; 4]> {
    let mut strides = SmallVec::from_elem(1, shape.len());
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Strides of an operand of shape `own` that broadcasts to `out`: 0 along axes where it repeats.
pub(crate) fn spread(out: &[usize], own: &[usize]) -> SmallVec<[isize; 4]> {
    let strides = strides(own);
    let stride = |axis: usize| match (axis + own.len()).checked_sub(out.len()) {
        Some(k) if own[k] != 1 => strides[k] as isize,
        _ => 0,
    };
    (0..out.len()).map(stride).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::matrix::transpose::TILE;

    #[test]
    fn a_window_over_whole_rows_is_one_run() {
        let walk = Strided::<2>::window(&[5, 4, 3], &[2, 4, 3], |k| usize::from(k == 0), |_| 1);
        let mut runs = Vec::new();
        walk.runs(|at| runs.push(at));
        assert_eq!(runs, [[12, 0]]);
    }

    #[test]
    fn a_window_walks_backward() {
        let walk = Strided::<2>::window(&[2, 3], &[2, 3], |k| [1, 2][k], |_| -1);
        let mut to = [0; 6];
        walk.copy(&[1, 2, 3, 4, 5, 6], &mut to);
        assert_eq!(to, [6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_copy_by_tiles_is_a_transpose() {
        let (m, n) = (2 * TILE + 3, TILE + 1);
        let from: Vec<usize> = (0..2 * m * n).collect();
        let mut to = vec![0; from.len()];
        let axes = [(n, [1, m]), (2, [m * n, m * n]), (m, [n, 1])];
        let axes = axes.map(|(size, stride)| (size, stride.map(|s| s as isize)));
        Strided::<2>::new([0, 0], axes.into_iter()).copy(&from, &mut to);
        for (i, &x) in to.iter().enumerate() {
            let (plane, column, row) = (i / (m * n), i / m % n, i % m);
            assert_eq!(x, plane * m * n + row * n + column);
        }
    }

    #[test]
    fn an_axis_of_size_0_is_not_visited() {
        let walk = Strided::<2>::window(&[2, 3], &[2, 0], |_| 0, |_| 1);
        walk.each(|_| panic!("nothing is there"));
    }
}
