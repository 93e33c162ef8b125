//! The probe: a compressed matrix is compared with one uncompressed product.

use super::csr::Csr;
use crate::error::Error;
use crate::kernel::Elem;
use crate::tensor::Random;

/// A random vector, the same each time, with no number near 0.
pub(super) fn direction<T: Elem>(len: usize) -> Vec<T> {
    let mut random = Random::new(0x5eed);
    let mut number = |_| {
        let size = 0.5 + random.unit();
        T::of(if random.below(2) == 0 { size } else { -size })
    };
    (0..len).map(&mut number).collect()
}

/// Refuses a matrix whose product with the direction differs from the uncompressed one of `product`.
///
/// `found` is the matrix's product and `sizes` the sums of the sizes of its terms. `product` takes a
/// factor for the direction. `factors` gives, for the entries of a row, the factors that make the
/// direction 1 there, as it was for the matrix. `matrix` gives the product of a matrix found by walks that
/// began with a factor. Rounding is forgiven: up to the square root of the precision, relative to each
/// row's terms, and where terms cancelled inside the function, up to what either product shows when it is
/// scaled, since one of them may cancel to 0. Any other difference is an entry that the pattern lacks. A
/// row with an infinite entry is not judged.
///
/// # Errors
/// If a row differs by more, or the product is not the same each time.
pub(super) fn verify<T: Elem>(
    op: &'static str,
    found: &[T],
    sizes: &[f64],
    factors: impl Fn(usize) -> Vec<T>,
    mut product: impl FnMut(T) -> Result<Vec<T>, Error>,
    mut matrix: impl FnMut(T) -> Result<Vec<T>, Error>,
) -> Result<(), Error> {
    let precision = T::epsilon().primal();
    let gap = |a: T, b: T| (a - b).primal().abs();
    let finite = sizes.iter().filter(|size| size.is_finite());
    let floor = 1024.0 * precision * finite.fold(0.0, |a: f64, &b| a.max(b));
    let whole = product(T::one())?;
    let wrong = |floor: f64| {
        let agrees =
            |row: usize| gap(found[row], whole[row]) <= precision.sqrt() * sizes[row] + floor;
        (0..found.len()).find(|&row| sizes[row].is_finite() && !agrees(row))
    };
    if wrong(floor).is_none() {
        return Ok(());
    }
    let again = product(T::one())?;
    let differs = |row: &usize| whole[*row] != again[*row] && !again[*row].is_nan();
    if let Some(row) = (0..found.len()).find(differs) {
        return Err(Error::argument(
            op,
            format!(
                "the function does not compute the same each time (entry {row} of a product was {} and then {}); take random draws and counters out of it",
                whole[row], again[row]
            ),
        ));
    }
    let third = T::one() / T::of(3.0);
    let most = |noise, one: &[T], scaled: &[T], factor| {
        let gaps = one.iter().zip(scaled).map(|(&a, &b)| gap(a, b / factor));
        gaps.filter(|gap| gap.is_finite()).fold(noise, f64::max)
    };
    let (mut noise, mut asked) = (most(0.0, found, &matrix(third)?, third), None);
    while let Some(row) = wrong(floor + 1024.0 * noise) {
        if asked == Some(row) {
            return Err(Error::argument(
                op,
                format!(
                    "entry {row} of a product with a random vector is {}, but {} by the sparse matrix; the function detaches what it should not, or an op's reach is too narrow",
                    whole[row], found[row]
                ),
            ));
        }
        asked = Some(row);
        for factor in factors(row).into_iter().take(8).chain([third]) {
            noise = most(noise, &whole, &product(factor)?, factor);
        }
    }
    Ok(())
}

/// The sum of the sizes of the terms in each row of the product with a vector.
pub(super) fn sizes<T: Elem>(matrix: &Csr<T>, x: &[T]) -> Vec<f64> {
    let mut sizes = vec![0.0; matrix.rows()];
    for (row, column, value) in matrix.triplets() {
        sizes[row] += (value * x[column]).primal().abs();
    }
    sizes
}

/// The same for the product of the transposed matrix.
pub(super) fn sizes_transposed<T: Elem>(matrix: &Csr<T>, y: &[T]) -> Vec<f64> {
    let mut sizes = vec![0.0; matrix.columns()];
    for (row, column, value) in matrix.triplets() {
        sizes[column] += (value * y[row]).primal().abs();
    }
    sizes
}
