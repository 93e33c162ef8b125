//! Elements of matrix products whose sums left the range, computed again.
//!
//! A sum of products may be a number although one of its products, or a sum on the way, is beyond the range. It comes
//! out as an infinity or NaN then, and is computed again on wider numbers, whose exponents do not end.

use crate::kernel::{Elem, Matrix, Span, are_finite, threads};

/// The most products of two numbers that are estimated in one call, and that are computed on wider numbers; either
/// takes less than a second. What would need more stays as it is, since a training run that diverges is to go on, not
/// to stand still.
const ESTIMATED: usize = 1 << 27;
const SUMMED: usize = 1 << 22;

/// 2^-550.
const SCALE: f64 = f64::from_bits((1023 - 550) << 52);

/// Elements that are worth a thread's look.
const FORK: usize = 1 << 17;

/// Matrices to multiply: the left one and the right one at the beginning of their buffers.
pub(crate) type Pair<'a, T> = (Matrix<'a, T>, Matrix<'a, T>);

/// Computes elements of `c = Σ a b`, summed over `pairs` and places, again that are not finite, unless something was
/// not finite that went into them.
///
/// Places are those of `matmuls`.
pub(crate) fn mend_products<T: Elem>(
    pairs: &[Pair<'_, T>],
    places: impl FnOnce() -> Vec<[usize; 3]>,
    c: &mut [T],
) {
    if !T::REFERENCE && !all_finite(c) {
        mend(pairs, places(), c);
    }
}

/// [`mend_products`] where something is not finite.
#[cold]
fn mend<T: Elem>(pairs: &[Pair<'_, T>], mut places: Vec<[usize; 3]>, c: &mut [T]) {
    places.sort_by_key(|place| place[2]);
    let sums: Vec<Sum<'_, T>> = places
        .chunk_by(|one, next| one[2] == next[2])
        .filter_map(|places| Sum::of(pairs, places, c))
        .collect();
    let work = |sum: &Sum<'_, T>| sum.lost.len() * sum.terms();
    if sums.iter().map(work).sum::<usize>() > ESTIMATED {
        return;
    }
    let mut left = SUMMED;
    for sum in &sums {
        for &(i, j) in &sum.lost {
            if !sum.overflows(i, j) {
                let Some(rest) = left.checked_sub(sum.terms()) else {
                    return;
                };
                left = rest;
                c[sum.start + i * sum.columns + j] = T::narrow(sum.wide(i, j));
            }
        }
    }
}

/// One result, and which of its elements are lost.
struct Sum<'a, T> {
    /// The matrices at their places.
    pairs: Vec<Pair<'a, T>>,
    start: usize,
    columns: usize,
    /// The elements that are not finite although their rows and columns are.
    lost: Vec<(usize, usize)>,
}

impl<'a, T: Elem> Sum<'a, T> {
    /// `None` if all of the result is finite.
    fn of(pairs: &[Pair<'a, T>], places: &[[usize; 3]], c: &[T]) -> Option<Self> {
        let ((a, b), start) = (pairs.first()?, places.first()?[2]);
        let (rows, columns) = (a.size.0, b.size.1);
        let c = &c[start..][..rows * columns];
        if are_finite(c) {
            return None;
        }
        let at = |&[i, j, _]: &[usize; 3]| {
            let pairs = pairs.iter();
            pairs.map(move |(a, b)| (a.part(i, a.size), b.part(j, b.size)))
        };
        let pairs: Vec<Pair<'a, T>> = places.iter().flat_map(at).collect();
        let finite = |x: T| x.is_within(Span::Finite);
        let all = |x: Matrix<'a, T>, row: usize| (0..x.size.1).all(|p| finite(x.at(row, p)));
        let row = |&i: &usize| {
            !are_finite(&c[i * columns..][..columns]) && pairs.iter().all(|(a, _)| all(*a, i))
        };
        let column = |j: usize| pairs.iter().all(|(_, b)| all(b.transposed(), j));
        let whole: Vec<bool> = (0..columns).map(column).collect();
        let lost = (0..rows).filter(row).flat_map(|i| {
            let lost = |&j: &usize| whole[j] && !finite(c[i * columns + j]);
            (0..columns)
                .filter(lost)
                .map(move |j| (i, j))
                .collect::<Vec<_>>()
        });
        let lost = lost.collect();
        Some(Self {
            pairs,
            start,
            columns,
            lost,
        })
    }

    /// How many products an element sums.
    fn terms(&self) -> usize {
        self.pairs.iter().map(|(a, _)| a.size.1).sum()
    }

    /// The factors of an element's products.
    fn factors(&self, i: usize, j: usize) -> impl Iterator<Item = (T, T)> {
        let pairs = self.pairs.iter();
        pairs.flat_map(move |(a, b)| (0..a.size.1).map(move |p| (a.at(i, p), b.at(p, j))))
    }

    /// An element on wider numbers.
    fn wide(&self, i: usize, j: usize) -> T::Wide {
        let products = self.factors(i, j).map(|(a, b)| a.widen() * b.widen());
        products.fold(T::widen(T::zero()), |sum, product| sum + product)
    }

    /// Whether the exact sum is sure to be beyond the range, too. Of a number with tangents, nothing is said.
    fn overflows(&self, i: usize, j: usize) -> bool {
        if T::PARTS > 1 {
            return false;
        }
        // Scaled by a power of 2, no product leaves the range at its upper end, and what is lost at the lower end is far
        // below the limit. The sum is good to `error`.
        let scaled = |x: T| x.primal() * SCALE;
        let (sum, size) = self.factors(i, j).fold((0.0, 0.0), |(sum, size), (a, b)| {
            let product = scaled(a) * scaled(b);
            (sum + product, size + f64::abs(product))
        });
        let error = size * f64::EPSILON * (self.terms() + 4) as f64;
        f64::abs(sum) - error > 2.0 * scaled(T::max_value()) * SCALE
    }
}

/// [`are_finite`] on several threads.
fn all_finite<T: Elem>(x: &[T]) -> bool {
    let parts = (x.len() / FORK).min(threads::count());
    if parts <= 1 {
        return are_finite(x);
    }
    let parts = x.chunks(x.len().div_ceil(parts)).collect();
    threads::map(parts, are_finite)
        .into_iter()
        .all(|finite| finite)
}
