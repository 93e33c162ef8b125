//! Normalization of rows to mean 0 and variance 1, and its pullback.
//!
//! The plain sums come first; a row whose sums left the safe range is computed again: the value in a different unit, a
//! power of two, which rounds nothing, the pullback on wider numbers.

use std::ops::Range;

use num_traits::Zero;

use super::centre::{centres, from_centre};
use super::sum::{sum_axis_of, sum_axis_of_both};
use crate::kernel::{Again, Buffers, Elem, Formula, Layout, Rows, UNITS, are_finite, each_of, zip};

/// How many elements are taken through all passes at a time, so that each pass finds them in the cache.
const PART: usize = 4096;

/// Rows in parts, with where the elements of each part lie and which rows it has.
fn parts(rows: Rows) -> impl Iterator<Item = (Rows, Range<usize>, Range<usize>)> {
    let one = rows.n * rows.inner;
    let outer = if one == 0 { 0 } else { rows.outer };
    let most = (PART / one.max(1)).max(1);
    (0..outer).step_by(most).map(move |first| {
        let end = outer.min(first + most);
        let part = Rows {
            outer: end - first,
            ..rows
        };
        let of = |each: usize| first * each..end * each;
        (part, of(one), of(rows.inner))
    })
}

/// `y = d / √(mean(d²) + eps)` for every row, with `d = x - mean(x)`; returns the roots, as `[root, unit]` for
/// `root / unit`.
///
/// By convention a row of equal elements is 0 if `eps` is 0, and so are its tangents; its unit is then 0.
pub(crate) fn normalize<T: Elem>(rows: Rows, x: &[T], eps: T, y: &mut [T]) -> Vec<[T; 2]> {
    let mut scales = Vec::with_capacity(rows.count());
    for (part, at, _) in parts(rows) {
        scales.extend(normalize_part(part, &x[at.clone()], eps, &mut y[at]));
    }
    scales
}

/// `gx = (h - y mean(h y)) / root * unit` for every row, with `h = g - mean(g)`; the JVP is the same.
///
/// Since h is right to its own last digits and y adds up to 0, a constant in g costs none of them. Says whether
/// everything is finite, which costs little here: what has just been written is in the cache.
pub(crate) fn normalize_vjp<T: Elem>(
    rows: Rows,
    y: &[T],
    scales: &[[T; 2]],
    g: &[T],
    gx: &mut [T],
) -> bool {
    let mut finite = true;
    for (part, at, lines) in parts(rows) {
        let (y, g) = (&y[at.clone()], &g[at.clone()]);
        pull_part(part, y, &scales[lines], g, &mut gx[at.clone()]);
        finite &= are_finite(&gx[at]);
    }
    finite
}

/// [`normalize`] for rows that fit in the cache.
fn normalize_part<T: Elem>(rows: Rows, x: &[T], eps: T, y: &mut [T]) -> Vec<[T; 2]> {
    let centres = centres(rows, x);
    let squares = squares(rows, x, &centres);
    let of_row = centres.into_iter().zip(&squares);
    let of_row: Vec<_> = of_row.map(|(c, &s)| (c, (s + eps).sqrt())).collect();
    let ([full, one], f) = (shapes(rows), |x, (c, root)| from_centre(x, c) / root);
    zip(&full, (&full, x), (&one, &of_row), y, f);
    let mut scales: Vec<_> = of_row.iter().map(|&(_, root)| [root, T::one()]).collect();
    for (row, &s) in squares.iter().enumerate() {
        // At and above the bound, squares that underflowed are too small to matter.
        if s + eps < least() || !(s + eps).is_finite() {
            scales[row] = normalize_again(rows, x, row, eps, y).unwrap_or(scales[row]);
        }
    }
    scales
}

/// The mean square of every row's deviations from its centre.
fn squares<T: Elem>(rows: Rows, x: &[T], centres: &[[T; 2]]) -> Vec<T> {
    let mut squares = vec![T::zero(); rows.count()];
    sum_axis_of(rows, x, centres, &mut squares, &|x, c| {
        let d = from_centre(x, c);
        d * d
    });
    let n = T::of(rows.n as f64);
    squares.iter_mut().for_each(|s| *s /= n);
    squares
}

/// The smallest sum of squares that no underflow has spoilt.
fn least<T: Elem>() -> T {
    T::min_positive_value() / T::epsilon()
}

/// Normalizes one row in a unit near its largest element; `None` if the row is right as it is.
#[cold]
fn normalize_again<T: Elem>(
    rows: Rows,
    x: &[T],
    row: usize,
    eps: T,
    y: &mut [T],
) -> Option<[T; 2]> {
    let line = Line::new(rows, row);
    let Some(unit) = line.unit(x) else {
        line.write(y, |_| T::nan());
        return Some([T::nan(), T::one()]);
    };
    let x = line.read(x, unit);
    let centres = centres(line.alone(), &x);
    let square = squares(line.alone(), &x, &centres)[0];
    // Tests for equality, deliberately: by convention value and gradient are 0 where all elements are equal and eps is
    // 0. With a small eps such a row needs no other unit.
    if square == T::zero() {
        return (eps == T::zero()).then(|| {
            line.write(y, |_| T::zero());
            [T::one(), T::zero()]
        });
    }
    let root = (square + eps * unit * unit).sqrt();
    line.write(y, |j| from_centre(x[j], centres[0]) / root);
    Some([root, unit])
}

/// [`normalize_vjp`] for rows that fit in the cache.
fn pull_part<T: Elem>(rows: Rows, y: &[T], scales: &[[T; 2]], g: &[T], gx: &mut [T]) {
    let centres = centres(rows, g);
    let mut sums = vec![T::zero(); rows.count()];
    sum_axis_of_both(rows, g, y, &centres, &mut sums, &|g, y, c| {
        from_centre(g, c) * y
    });
    let n = T::of(rows.n as f64);
    let of_row = centres.iter().zip(&sums).zip(scales);
    let of_row = of_row.map(|((&c, &sum), &[root, unit])| (c, sum / n, unit / root));
    let of_row: Vec<_> = of_row.collect();
    let [full, one] = shapes(rows);
    let buffers = Buffers {
        a: &of_row,
        b: &UNITS[..1],
        c: g,
        d: y,
        y: &mut *gx,
    };
    each_of(&Layout::new(&full, &one, &[1; 3]), buffers, Slopes);
    for (row, &(_, mean, scale)) in of_row.iter().enumerate() {
        if !(mean.is_finite() && scale.is_normal()) {
            pull_again(rows, y, row, scales[row], g, gx);
        }
    }
}

/// Pulls one row back on wider numbers, whose exponents do not end.
#[cold]
fn pull_again<T: Elem>(
    rows: Rows,
    y: &[T],
    row: usize,
    [root, unit]: [T; 2],
    g: &[T],
    gx: &mut [T],
) {
    let line = Line::new(rows, row);
    if unit == T::zero() {
        return line.write(gx, |_| T::zero());
    }
    let (y, g) = (line.widened(y), line.widened(g));
    let n = T::Wide::of(rows.n as f64);
    let sum = |terms: &mut dyn Iterator<Item = T::Wide>| {
        terms.fold(T::Wide::zero(), |sum, term| sum + term)
    };
    let centre = sum(&mut g.iter().copied()) / n;
    let h: Vec<_> = g.iter().map(|&g| g - centre).collect();
    let mean = sum(&mut h.iter().zip(&y).map(|(&h, &y)| h * y)) / n;
    let scale = unit.widen() / root.widen();
    line.write(gx, |j| T::narrow((h[j] - y[j] * mean) * scale));
}

/// The pullback, given each row's centre, mean of products and scale.
struct Slopes;

impl<T: Elem> Formula<([T; 2], T, T), (), T, T, T> for Slopes {
    const AGAIN: Again = Again::Infinite;

    #[inline(always)]
    fn of<const FUSED: bool>(
        &self,
        (centre, mean, scale): ([T; 2], T, T),
        (): (),
        g: T,
        y: T,
    ) -> T {
        (from_centre(g, centre) - y * mean) * scale
    }

    /// The difference may overflow where its product with the scale does not. No y is beyond the root of the row's
    /// length, which is far below 2^40.
    fn again(&self, (centre, mean, scale): ([T; 2], T, T), (): (), g: T, y: T) -> T {
        let unit = T::of(1.0 / (1u64 << 40) as f64);
        let h = from_centre(g * unit, centre.map(|c| c * unit));
        (h - y * (mean * unit)) * scale / unit
    }
}

/// The shapes of the elements and of the entries for each row.
fn shapes(Rows { outer, n, inner }: Rows) -> [[usize; 3]; 2] {
    [[outer, n, inner], [outer, 1, inner]]
}

/// One of the rows.
struct Line {
    rows: Rows,
    start: usize,
}

impl Line {
    fn new(rows: Rows, row: usize) -> Self {
        let start = rows.at(row, 0);
        Self { rows, start }
    }

    /// The geometry of the row as a buffer of its own.
    fn alone(&self) -> Rows {
        Rows::last(1, self.rows.n)
    }

    /// The elements times a factor.
    fn read<T: Elem>(&self, x: &[T], factor: T) -> Vec<T> {
        let places = self.rows.row(self.start);
        places.map(|place| x[place] * factor).collect()
    }

    /// The elements as wider numbers.
    fn widened<T: Elem>(&self, x: &[T]) -> Vec<T::Wide> {
        let places = self.rows.row(self.start);
        places.map(|place| x[place].widen()).collect()
    }

    /// Writes `f(j)` to element `j`.
    fn write<T: Elem>(&self, y: &mut [T], f: impl Fn(usize) -> T) {
        for (j, place) in self.rows.row(self.start).enumerate() {
            y[place] = f(j);
        }
    }

    /// The power of two that brings the largest element near 1; `None` if it is infinite or NaN.
    fn unit<T: Elem>(&self, x: &[T]) -> Option<T> {
        let places = self.rows.row(self.start);
        let sizes = places.map(|place| x[place].primal().abs());
        let top = sizes.fold(0.0, |a: f64, b| if a >= b || a.is_nan() { a } else { b });
        top.is_finite().then(|| {
            // The smallest double-double is 0 in f64, which has no reciprocal.
            let top = top.max(least::<T>().primal()).max(f64::MIN_POSITIVE);
            let power = f64::from_bits(top.to_bits() & f64::INFINITY.to_bits());
            T::of(power.recip())
        })
    }
}
