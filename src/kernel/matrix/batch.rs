//! Many matrix products in one call, on as many threads as there are.

use crate::kernel::{Elem, Matrix, threads};

/// Multiplications from which threads are worth calling, and the least for a part.
const FORK: usize = 1 << 21;
const PART: usize = 1 << 18;

/// The sums of products `c = Σ a b`, or `c += Σ a b` if `add` is set.
///
/// A place says where the left matrix, the right one and the result of one product begin in their
/// buffers; `a` and `b` give the size and strides of a matrix. Products with the same result are added
/// up in order, so no bit depends on the number of threads. Results lie in `c` one after the other.
pub(crate) fn matmuls<T: Elem>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    places: &mut [[usize; 3]],
    c: &mut [T],
    add: bool,
) {
    if places.is_empty() && !add {
        c.fill(T::zero());
    }
    // A stable sort keeps the order of products with the same result.
    places.sort_by_key(|place| place[2]);
    let one = a.size.0 * b.size.1 * a.size.1;
    let all = places.len() * one;
    if threads::count() == 1 || all < FORK {
        multiply(a, b, places, c, add);
    } else {
        let most = (all / threads::shares()).max(PART) / one.max(1);
        let mut parts = Vec::new();
        cut(places, c, most.max(1), &mut parts);
        threads::map(parts, |(places, c)| multiply(a, b, places, c, add));
    }
}

/// Cuts the places into parts of not many more than `most`, each with the results that it alone writes.
fn cut<'p, T>(
    places: &'p [[usize; 3]],
    c: &'p mut [T],
    most: usize,
    parts: &mut Vec<(&'p [[usize; 3]], &'p mut [T])>,
) {
    let middle = places[places.len() / 2][2];
    let half = match places.partition_point(|place| place[2] < middle) {
        0 => places.partition_point(|place| place[2] == middle),
        half => half,
    };
    if places.len() <= most || half == places.len() {
        return parts.push((places, c));
    }
    let (before, after) = places.split_at(half);
    let (c_before, c_after) = c.split_at_mut(after[0][2] - places[0][2]);
    cut(before, c_before, most, parts);
    cut(after, c_after, most, parts);
}

/// The products of some places; `c` begins with the first result.
fn multiply<T: Elem>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    places: &[[usize; 3]],
    c: &mut [T],
    add: bool,
) {
    let (Some(first), area) = (places.first(), a.size.0 * b.size.1) else {
        return;
    };
    let mut last = None;
    for &[i, j, o] in places {
        let c = &mut c[o - first[2]..][..area];
        T::matmul(
            a.part(i, a.size),
            b.part(j, b.size),
            c,
            add || last == Some(o),
        );
        last = Some(o);
    }
}
