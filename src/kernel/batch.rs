//! Many matrix products in one call, on as many threads as there are.

use super::{Elem, Matrix, threads};

/// Multiplications for which a thread is worth its start.
const FORK: usize = 1 << 17;

/// The sums of products `c = Σ a b`, or `c += Σ a b` where `add` is set.
///
/// A place names where the left matrix, the right one and the result of one product begin in their
/// buffers; `a` and `b` say what a matrix looks like. Products with the same result are added up in
/// their order, so no bit depends on the number of threads. Results lie in `c` one after the other.
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
    share(a, b, places, c, add);
}

/// The products of some places; `c` begins with the result of the first.
fn share<T: Elem>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    places: &[[usize; 3]],
    c: &mut [T],
    add: bool,
) {
    let (Some(first), area) = (places.first(), a.size.0 * b.size.1) else {
        return;
    };
    let middle = places[places.len() / 2][2];
    let half = match places.partition_point(|place| place[2] < middle) {
        0 => places.partition_point(|place| place[2] == middle),
        half => half,
    };
    let large = places.len() * area * a.size.1 >= 2 * FORK;
    if large && half < places.len() && threads::count() > 1 {
        let (before, after) = places.split_at(half);
        let (c_before, c_after) = c.split_at_mut(after[0][2] - first[2]);
        threads::join(
            || share(a, b, before, c_before, add),
            || share(a, b, after, c_after, add),
        );
        return;
    }
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
