//! Products that stay within the range although some of their factors, multiplied together, may leave it.
//!
//! This module chooses the order of multiplication; the ops supply the factors.

use crate::kernel::Elem;

/// `g` multiplied by `times` and divided by `over`, at each step by the factor that brings the product nearest to 1.
///
/// So nothing overflows or loses digits on the way unless the product does. A factor that makes the product 0 comes
/// first, before anything can overflow. Of factors that bring it equally near, as all then do, the first is taken.
pub(crate) fn product<T: Elem, const N: usize, const M: usize>(
    g: T,
    times: [T; N],
    over: [T; M],
) -> T {
    let mut product = g;
    let (mut times, mut over) = (times.map(Some), over.map(Some));
    for _ in 0..N + M {
        let multiplied = times.iter_mut().map(|place| (place, false));
        let divided = over.iter_mut().map(|place| (place, true));
        let left = multiplied.chain(divided).filter_map(|(place, by)| {
            let factor = (*place)?;
            let (next, ends) = match by {
                true => (product / factor, factor.is_infinite()),
                false => (product * factor, factor == T::zero()),
            };
            let away = if ends { 0.0 } else { distance(next) };
            Some((away, next, place))
        });
        if let Some((_, next, place)) = left.min_by(|(a, ..), (b, ..)| a.total_cmp(b)) {
            product = next;
            *place = None;
        }
    }
    product
}

/// The ratio by which a number is larger or smaller than 1; infinite where the number is not normal.
fn distance<T: Elem>(x: T) -> f64 {
    let size = x.primal().abs();
    if x.is_normal() {
        size.max(size.recip())
    } else {
        f64::INFINITY
    }
}

/// `g c p` for a power p with `root(s) = p^s`: by two square roots, or by four fourth roots where those are infinite.
/// c is near 1.
pub(crate) fn by_roots<T: Elem>(g: T, c: T, root: impl Fn(T) -> T) -> T {
    let half = root(T::of(0.5));
    if !half.is_infinite() {
        return (g * half) * c * half;
    }
    let fourth = root(T::of(0.25));
    (g * fourth) * c * fourth * fourth * fourth
}

/// Four factors of `size^p`, none of which leaves the range if a number of type `T` can bring the power back into it.
pub(crate) fn power<T: Elem>(size: T, p: T) -> [T; 4] {
    let half = size.powf(p * T::of(0.5));
    if half.is_normal() {
        return [half, half, T::one(), T::one()];
    }
    [size.powf(p * T::of(0.25)); 4]
}
