//! Loops over two operands that broadcast, and the sum that undoes a broadcast.
//!
//! Axes that behave alike are merged first, so that adding a bias to a batch runs as two loops, not as one step per
//! element.

use smallvec::SmallVec;

use crate::kernel::each::{Buffers, UNITS, each, each_of, each_onto};
use crate::kernel::map::Of;
use crate::kernel::reduce::sum_axis;
use crate::kernel::{Elem, Rows};

/// How two contiguous operands are read while the output is written in order.
///
/// The innermost merged axis is a run; a stride of 0 in it repeats one element.
pub(crate) struct Layout {
    /// Length of a run.
    run: usize,
    /// Stride of each operand within a run, 0 or 1.
    step: [usize; 2],
    /// The axes outside the run, innermost first.
    outer: SmallVec<[Axis; 4]>,
}

/// One merged axis: its size and the stride of each operand along it.
#[derive(Clone, Copy)]
struct Axis {
    size: usize,
    stride: [usize; 2],
}

impl Layout {
    /// The layout of operands of shapes `a` and `b` that broadcast to `out`.
    pub(crate) fn new(out: &[usize], a: &[usize], b: &[usize]) -> Self {
        if let Some(step) = flat(out, a, b) {
            return Self {
                run: out.iter().product(),
                step,
                outer: SmallVec::new(),
            };
        }
        let mut axes: SmallVec<[Axis; 4]> = SmallVec::new();
        let mut stride = [1, 1];
        for back in 0..out.len() {
            let size = out[out.len() - 1 - back];
            let sizes = [from_end(a, back), from_end(b, back)];
            let step = [0, 1].map(|k| if sizes[k] == 1 { 0 } else { stride[k] });
            stride = [stride[0] * sizes[0], stride[1] * sizes[1]];
            if size == 1 {
                continue;
            }
            match axes.last_mut() {
                Some(last)
                    if (0..2).all(|k| {
                        step[k] == last.stride[k] * last.size
                            && (step[k] == 0) == (last.stride[k] == 0)
                    }) =>
                {
                    last.size *= size;
                }
                _ => axes.push(Axis { size, stride: step }),
            }
        }
        if axes.is_empty() {
            return Self {
                run: 1,
                step: [0, 0],
                outer: axes,
            };
        }
        let inner = axes.remove(0);
        Self {
            run: inner.size,
            step: inner.stride,
            outer: axes,
        }
    }

    #[inline(always)]
    pub(in crate::kernel) fn run(&self) -> usize {
        self.run
    }

    #[inline(always)]
    pub(in crate::kernel) fn step(&self) -> [usize; 2] {
        self.step
    }

    /// The start of each run in both operands and in the output.
    #[inline(always)]
    pub(in crate::kernel) fn runs(&self) -> Runs<'_> {
        // Without an outer axis there is one run.
        const NONE: Axis = Axis {
            size: usize::MAX,
            stride: [0; 2],
        };
        let (&first, others) = self.outer.split_first().unwrap_or((&NONE, &[]));
        Runs {
            left: self.outer.iter().map(|axis| axis.size).product(),
            run: self.run,
            at: [0; 3],
            first,
            step: 0,
            others,
            index: SmallVec::from_elem(0, others.len()),
        }
    }

    /// Writes `f(position, a, b)` to every element of `y`, where `position` indexes `y`.
    pub(crate) fn fill<A: Copy, B: Copy, R>(
        &self,
        a: &[A],
        b: &[B],
        y: &mut [R],
        f: impl Fn(usize, A, B) -> R,
    ) {
        if y.is_empty() {
            return;
        }
        let [step_a, step_b] = self.step;
        for [i, j, k] in self.runs() {
            for (p, y) in y[k..k + self.run].iter_mut().enumerate() {
                *y = f(k + p, a[i + p * step_a], b[j + p * step_b]);
            }
        }
    }
}

/// A walk over the runs of a [`Layout`].
pub(in crate::kernel) struct Runs<'a> {
    left: usize,
    run: usize,
    at: [usize; 3],
    /// The innermost of the outer axes, and the position along it.
    first: Axis,
    step: usize,
    others: &'a [Axis],
    index: SmallVec<[usize; 4]>,
}

impl Runs<'_> {
    /// Goes from the end of the innermost axis to its start, one step along the next.
    #[inline(never)]
    fn carry(&mut self) {
        let [a, b, _] = &mut self.at;
        *a -= self.first.stride[0] * self.first.size;
        *b -= self.first.stride[1] * self.first.size;
        self.step = 0;
        for (i, axis) in self.index.iter_mut().zip(self.others) {
            *i += 1;
            *a += axis.stride[0];
            *b += axis.stride[1];
            if *i < axis.size {
                break;
            }
            *a -= axis.stride[0] * axis.size;
            *b -= axis.stride[1] * axis.size;
            *i = 0;
        }
    }
}

impl Iterator for Runs<'_> {
    type Item = [usize; 3];

    #[inline(always)]
    fn next(&mut self) -> Option<[usize; 3]> {
        self.left = self.left.checked_sub(1)?;
        let here = self.at;
        let [a, b, y] = &mut self.at;
        *y += self.run;
        *a += self.first.stride[0];
        *b += self.first.stride[1];
        self.step += 1;
        if self.step == self.first.size {
            self.carry();
        }
        Some(here)
    }
}

/// Writes `f(a, b)` with both operands broadcast to the shape `out`.
pub(crate) fn zip<A: Copy, B: Copy, T: Elem>(
    out: &[usize],
    (a_shape, a): (&[usize], &[A]),
    (b_shape, b): (&[usize], &[B]),
    y: &mut [T],
    f: impl Fn(A, B) -> T,
) {
    let (c, d) = (&UNITS[..], &UNITS[..]);
    let buffers = Buffers { a, b, c, d, y };
    if a_shape == out && b_shape == out {
        each(buffers, Of(|a, b, ()| f(a, b)));
    } else {
        each_of(
            &Layout::new(out, a_shape, b_shape),
            buffers,
            Of(|a, b, ()| f(a, b)),
        );
    }
}

/// Adds `f(a, b)` with both operands broadcast to the shape `out`.
pub(crate) fn zip_onto<A: Copy, B: Copy, T: Elem>(
    out: &[usize],
    (a_shape, a): (&[usize], &[A]),
    (b_shape, b): (&[usize], &[B]),
    y: &mut [T],
    f: impl Fn(A, B) -> T,
) {
    let (c, d) = (&UNITS[..], &UNITS[..]);
    let (layout, buffers) = (
        Layout::new(out, a_shape, b_shape),
        Buffers { a, b, c, d, y },
    );
    each_onto(Some(&layout), buffers, Of(|a, b, ()| f(a, b)));
}

/// Sums `x` of shape `from` over the axes that were broadcast, into `y` of shape `to`.
pub(crate) fn sum_to<T: Elem>(from: &[usize], x: &[T], to: &[usize], y: &mut [T]) {
    // Runs of axes that are summed or kept together, outermost first: (summed, size).
    let mut groups: SmallVec<[(bool, usize); 4]> = SmallVec::new();
    for (axis, &size) in from.iter().enumerate() {
        let summed = from_end(to, from.len() - 1 - axis) != size;
        match groups.last_mut() {
            Some((s, n)) if *s == summed => *n *= size,
            _ => groups.push((summed, size)),
        }
    }
    let mut source = None;
    while let Some(at) = groups.iter().rposition(|&(summed, _)| summed) {
        let product = |g: &[(bool, usize)]| g.iter().map(|&(_, n)| n).product();
        let rows = Rows {
            outer: product(&groups[..at]),
            n: groups[at].1,
            inner: product(&groups[at + 1..]),
        };
        groups[at] = (false, 1);
        let last = groups.iter().all(|&(summed, _)| !summed);
        let from = source.as_deref().unwrap_or(x);
        if last {
            return sum_axis(rows, from, y);
        }
        let mut next = vec![T::zero(); rows.count()];
        sum_axis(rows, from, &mut next);
        source = Some(next);
    }
    y.copy_from_slice(x);
}

/// The strides of a single run, if one clearly suffices: each operand has the shape `out` or a single element.
fn flat(out: &[usize], a: &[usize], b: &[usize]) -> Option<[usize; 2]> {
    let step = |x: &[usize]| match x == out {
        true => Some(1),
        false => x.iter().all(|&n| n == 1).then_some(0),
    };
    Some([step(a)?, step(b)?])
}

/// The size `back` axes before the last; 1 beyond the first.
fn from_end(shape: &[usize], back: usize) -> usize {
    shape.len().checked_sub(back + 1).map_or(1, |i| shape[i])
}
