//! `each`: a formula applied to every element, by a loop that is compiled for every level.
//!
//! The levels differ only in their instructions. No product is fused with a sum, so all give the same bits, except in
//! formulas that are said to fuse ([`Formula::FUSES`]): there all levels with a fused multiply-add do, and an element
//! has the same bits among many and among few. A [`Layout`] says which elements meet where operands broadcast.

use super::simd::FEW;
use super::{Elem, Layout, Soon};

/// A loop that the compiler may vectorize, for [`Elem::at_level`].
pub trait Loop {
    /// Whether the loop rounds differently with `FUSED`. Such a loop runs on the level in use, however short it is.
    const FUSES: bool = false;

    /// Runs the loop; with `FUSED`, which only loops that differ get, on a level that has fused multiply-adds. Must be
    /// `#[inline(always)]`, like everything that is to be compiled to a level's instructions.
    fn run<const FUSED: bool>(self);
}

/// Which elements of a result are computed [`again`](Formula::again).
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Again {
    /// None.
    Never,
    /// Those that came out as 0, subnormal or not finite.
    Abnormal,
    /// Those that came out infinite or NaN.
    Infinite,
    /// Those that came out as NaN.
    Nan,
}

impl Again {
    /// Whether an element that came out as `y` is left as it is.
    #[inline(always)]
    fn leaves<R: Elem>(self, y: R) -> bool {
        match self {
            Self::Never => true,
            Self::Abnormal => y.is_normal(),
            Self::Infinite => y.is_finite(),
            Self::Nan => !y.is_nan(),
        }
    }

    /// No branch per number, so that this loop is vectorized, too.
    #[inline(always)]
    fn leaves_all<R: Elem>(self, y: &[R]) -> bool {
        y.iter().fold(true, |all, &y| all & self.leaves(y))
    }
}

/// An element of a result, from two operands that may broadcast and two buffers that have the layout of the result.
///
/// Operands that are not needed are units; `of` must be `#[inline(always)]`.
pub(crate) trait Formula<A, B, C, D, R> {
    /// Which elements are computed [`again`](Self::again).
    const AGAIN: Again = Again::Never;

    /// Whether an element may round differently with `FUSED`.
    const FUSES: bool = false;

    /// The element; with `FUSED` on a level that has fused multiply-adds.
    fn of<const FUSED: bool>(&self, a: A, b: B, c: C, d: D) -> R;

    /// The element by a longer computation, which would keep a loop from being vectorized.
    fn again(&self, a: A, b: B, c: C, d: D) -> R {
        self.of::<false>(a, b, c, d)
    }

    /// Whether, given this `d`, an element is right as it is. Must be `#[inline(always)]`.
    #[inline(always)]
    fn settled(_: D) -> bool {
        false
    }

    /// Whether to ask [`still`](Self::still), too.
    const STILL: bool = false;

    /// Whether, given this `a` and `d`, an element of this value is right as it is. Must be `#[inline(always)]`.
    #[inline(always)]
    fn still(_: A, _: D, _: R) -> bool {
        false
    }
}

/// How many elements are examined together for any that must be computed again.
const BLOCK: usize = 256;

/// Computes again the elements that are neither left nor settled. `a` gives the first operand from an element on.
#[inline(always)]
fn mend<'a, A: Copy + 'a, B, C, D: Copy, R: Elem, F: Formula<A, B, C, D, R>>(
    y: &mut [R],
    (a, d): (impl Fn(usize) -> &'a [A], &[D]),
    _: &F,
    again: impl Fn(usize) -> R,
) {
    let which = F::AGAIN;
    let blocks = y.chunks_mut(BLOCK).zip(d.chunks(BLOCK));
    for (block, (y, d)) in blocks.enumerate() {
        if which.leaves_all(y) {
            continue;
        }
        // Many cotangents are 0, behind a rectifier half of them; a second vectorized loop costs less than a test of
        // each.
        let mut right = true;
        for (y, &d) in y.iter().zip(d) {
            right &= which.leaves(*y) | F::settled(d);
        }
        if right {
            continue;
        }
        let a = a(block * BLOCK);
        if F::STILL {
            right = true;
            for (&y, (&a, &d)) in y.iter().zip(a.iter().zip(d)) {
                right &= which.leaves(y) | F::settled(d) | F::still(a, d, y);
            }
            if right {
                continue;
            }
        }
        for (k, (y, (&a, &d))) in y.iter_mut().zip(a.iter().zip(d)).enumerate() {
            if !which.leaves(*y) && !F::settled(d) && !F::still(a, d, *y) {
                *y = again(block * BLOCK + k);
            }
        }
    }
}

/// Units, as many as any formula needs.
pub(crate) static UNITS: [(); usize::MAX] = [(); usize::MAX];

/// The buffers of a formula, the result last.
pub(crate) struct Buffers<'a, A, B, C, D, R> {
    pub(crate) a: &'a [A],
    pub(crate) b: &'a [B],
    pub(crate) c: &'a [C],
    pub(crate) d: &'a [D],
    pub(crate) y: &'a mut [R],
}

/// Writes `f` of operands of one shape; buffers of units may be longer.
#[inline]
pub(crate) fn each<A: Copy, B: Copy, C: Copy, D: Copy, T: Elem>(
    buffers: Buffers<'_, A, B, C, D, T>,
    f: impl Formula<A, B, C, D, T>,
) {
    flat::<A, B, C, D, T, _, false>(buffers, f);
}

/// Runs [`Flat`]. For a few real numbers it is compiled into the caller, where the buffers stay in registers, unless
/// the bits depend on the level.
#[inline(always)]
fn flat<A: Copy, B: Copy, C: Copy, D: Copy, T: Elem, F: Formula<A, B, C, D, T>, const ADD: bool>(
    buffers: Buffers<'_, A, B, C, D, T>,
    f: F,
) {
    // Put together in each branch: what a call gets by reference would be written to memory on both.
    let Buffers { a, b, c, d, y } = buffers;
    let len = y.len();
    if const { T::PARTS == 1 && !T::REFERENCE && !F::FUSES } && len < FEW {
        let buffers = Buffers { a, b, c, d, y };
        Flat::<_, _, _, _, _, _, ADD> { buffers, f }.go::<true, false>();
    } else {
        let buffers = Buffers { a, b, c, d, y };
        T::at_level(len, Flat::<_, _, _, _, _, _, ADD> { buffers, f });
    }
}

/// Writes two results for each element of `x`, which share part of their computation.
pub(crate) fn each_pair<T: Elem>(
    x: &[T],
    y: &mut [T],
    z: &mut [T],
    f: impl Formula<T, (), (), (), [T; 2]>,
) {
    T::at_level(x.len(), Pair { x, y, z, f });
}

/// Writes `f` of operands that broadcast.
pub(crate) fn each_of<A: Copy, B: Copy, C: Copy, D: Copy, T: Elem>(
    layout: &Layout,
    buffers: Buffers<'_, A, B, C, D, T>,
    f: impl Formula<A, B, C, D, T>,
) {
    let len = buffers.y.len();
    if len > 0 {
        T::at_level(
            len,
            Spread::<_, _, _, _, _, _, false> { layout, buffers, f },
        );
    }
}

/// Adds `f` of operands that broadcast, or, without a layout, have one shape, to `y`. No element is computed again.
#[inline(always)]
pub(crate) fn each_onto<A: Copy, B: Copy, C: Copy, D: Copy, T: Elem>(
    layout: Option<&Layout>,
    buffers: Buffers<'_, A, B, C, D, T>,
    f: impl Formula<A, B, C, D, T>,
) {
    let len = buffers.y.len();
    match layout {
        None => flat::<A, B, C, D, T, _, true>(buffers, f),
        Some(_) if len == 0 => {}
        Some(layout) => T::at_level(len, Spread::<_, _, _, _, _, _, true> { layout, buffers, f }),
    }
}

/// Whether there are elements of a formula to compute again. As a constant of its own, so that the compiler does not
/// even make the loops for the formulas that have none, which are most.
const fn mends(again: Again, add: bool) -> bool {
    !add && !matches!(again, Again::Never)
}

/// With `ADD`, adds to `y` and computes no element again.
struct Flat<'a, A, B, C, D, R, F, const ADD: bool> {
    buffers: Buffers<'a, A, B, C, D, R>,
    f: F,
}

impl<A: Copy, B: Copy, C: Copy, D: Copy, R: Elem, F: Formula<A, B, C, D, R>, const ADD: bool>
    Flat<'_, A, B, C, D, R, F, ADD>
{
    const MENDS: bool = mends(F::AGAIN, ADD);

    /// The loop; with `FOURS`, four elements at a time: they fill a vector of `f32` on any machine, while the loop that
    /// the compiler makes by itself takes fewer than eight one by one.
    #[inline(always)]
    fn go<const FOURS: bool, const FUSED: bool>(self) {
        let (Buffers { a, b, c, d, y }, f) = (self.buffers, self.f);
        let n = y.len();
        let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
        let mut done = 0;
        if FOURS {
            let fours = y.as_chunks_mut::<4>().0;
            done = 4 * fours.len();
            let a_and_b = a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0);
            let c_and_d = c.as_chunks::<4>().0.iter().zip(d.as_chunks::<4>().0);
            for (y, ((&a, &b), (&c, &d))) in fours.iter_mut().zip(a_and_b.zip(c_and_d)) {
                // Written together, as the compiler does not know that no operand lies where one of them goes.
                let mut four = *y;
                for i in 0..4 {
                    four[i] = put::<R, ADD>(four[i], f.of::<FUSED>(a[i], b[i], c[i], d[i]));
                }
                *y = four;
            }
        }
        // A plain counting loop is the least work for the compiler.
        for i in done..n {
            y[i] = put::<R, ADD>(y[i], f.of::<FUSED>(a[i], b[i], c[i], d[i]));
        }
        if Self::MENDS {
            let of_block = |start: usize| &a[start..];
            mend(y, (of_block, d), &f, |i| f.again(a[i], b[i], c[i], d[i]));
        }
    }
}

impl<A: Copy, B: Copy, C: Copy, D: Copy, R: Elem, F: Formula<A, B, C, D, R>, const ADD: bool> Loop
    for Flat<'_, A, B, C, D, R, F, ADD>
{
    const FUSES: bool = F::FUSES;

    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        if F::FUSES && self.buffers.y.len() < FEW {
            self.go::<true, FUSED>();
        } else {
            self.go::<false, FUSED>();
        }
    }
}

/// How many elements are computed between prefetches: 8 cache lines of `f32` from each of three buffers. Four times as
/// many fill the queue of the second-level cache, and S9 takes 1.06 of its time (docs/measurements.md).
const STRETCH: usize = 128;

struct Pair<'a, T, F> {
    x: &'a [T],
    y: &'a mut [T],
    z: &'a mut [T],
    f: F,
}

impl<T: Elem, F: Formula<T, (), (), (), [T; 2]>> Loop for Pair<'_, T, F> {
    const FUSES: bool = F::FUSES;

    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let Self { x, y, z, f } = self;
        let soon = Soon::places::<T>(x.len());
        let results = y.chunks_mut(STRETCH).zip(z.chunks_mut(STRETCH));
        for (k, (x, (y, z))) in x.chunks(STRETCH).zip(results).enumerate() {
            let n = x.len();
            let (y, z) = (&mut y[..n], &mut z[..n]);
            Soon::ask::<T>(soon, k * STRETCH, n);
            for i in 0..n {
                [y[i], z[i]] = f.of::<FUSED>(x[i], (), (), ());
            }
        }
    }
}

/// Like [`Flat`], for operands that broadcast.
struct Spread<'a, A, B, C, D, R, F, const ADD: bool> {
    layout: &'a Layout,
    buffers: Buffers<'a, A, B, C, D, R>,
    f: F,
}

/// The new element or, with `ADD`, its sum with the old one.
#[inline(always)]
fn put<R: Elem, const ADD: bool>(old: R, new: R) -> R {
    if ADD { old + new } else { new }
}

impl<A, B, C, D, R, F: Formula<A, B, C, D, R>, const ADD: bool> Spread<'_, A, B, C, D, R, F, ADD> {
    const MENDS: bool = mends(F::AGAIN, ADD);
}

impl<A: Copy, B: Copy, C: Copy, D: Copy, R: Elem, F: Formula<A, B, C, D, R>, const ADD: bool> Loop
    for Spread<'_, A, B, C, D, R, F, ADD>
{
    const FUSES: bool = F::FUSES;

    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let (Buffers { a, b, c, d, y }, f) = (self.buffers, self.f);
        let n = self.layout.run();
        let step = self.layout.step();
        let [along_a, along_b] = step.map(|step| step == 1);
        for [i, j, k] in self.layout.runs() {
            let (c, d, y) = (&c[k..k + n], &d[k..k + n], &mut y[k..k + n]);
            if R::REFERENCE {
                for p in 0..n {
                    let (a, b) = (a[i + p * step[0]], b[j + p * step[1]]);
                    y[p] = put::<R, ADD>(y[p], f.of::<FUSED>(a, b, c[p], d[p]));
                }
            } else if along_a && along_b {
                let (a, b) = (&a[i..i + n], &b[j..j + n]);
                for p in 0..n {
                    y[p] = put::<R, ADD>(y[p], f.of::<FUSED>(a[p], b[p], c[p], d[p]));
                }
            } else if along_a {
                let (a, b) = (&a[i..i + n], b[j]);
                for p in 0..n {
                    y[p] = put::<R, ADD>(y[p], f.of::<FUSED>(a[p], b, c[p], d[p]));
                }
            } else if along_b {
                let (a, b) = (a[i], &b[j..j + n]);
                for p in 0..n {
                    y[p] = put::<R, ADD>(y[p], f.of::<FUSED>(a, b[p], c[p], d[p]));
                }
            } else {
                let (a, b) = (a[i], b[j]);
                for p in 0..n {
                    y[p] = put::<R, ADD>(y[p], f.of::<FUSED>(a, b, c[p], d[p]));
                }
            }
        }
        if Self::MENDS && !F::AGAIN.leaves_all(y) {
            for [i, j, k] in self.layout.runs() {
                let again = |p: usize| {
                    let (a, b) = (a[i + p * step[0]], b[j + p * step[1]]);
                    f.again(a, b, c[k + p], d[k + p])
                };
                let given = &d[k..k + n];
                if along_a {
                    let of_block = |start: usize| &a[i + start..i + n];
                    mend(&mut y[k..k + n], (of_block, given), &f, again);
                } else {
                    let same = [a[i]; BLOCK];
                    mend(&mut y[k..k + n], (|_| &same, given), &f, again);
                }
            }
        }
    }
}
