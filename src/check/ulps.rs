//! Distances in units in the last place, measured in wider arithmetic.

use num_traits::{Float, Zero};

use crate::kernel::Elem;
use crate::tensor::Tensor;

/// The spacing of `T`'s numbers around `x`: `2^max(⌊log₂ |x|⌋, emin) ε`.
pub(super) fn ulp<T: Elem>(x: f64) -> f64 {
    let (epsilon, least) = (T::epsilon().primal(), T::min_positive_value().primal());
    // The exponent field of an f64 is exact, where a logarithm may round up.
    let size = x.abs().max(least);
    let power = f64::from_bits(size.to_bits() & 0x7FF0_0000_0000_0000);
    power * epsilon
}

/// How far `found` is from `exact`, in ulps of `exact`.
///
/// Two NaN agree, as do two equal infinities. An exact 0 has no ulps of its own: those of `scale`,
/// the largest number around, are used.
pub(super) fn distance<T: Elem>(found: T, exact: T::Wide, scale: f64) -> f64 {
    let (found, target) = (found.widen(), exact.primal());
    if found.is_nan() || exact.is_nan() {
        return if found.is_nan() && exact.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    // An exact result beyond the largest number of `T` has infinity as its nearest neighbour.
    let largest = T::max_value().primal();
    if target.abs() > largest || !found.is_finite() {
        let agree = found.primal().signum() == target.signum()
            && !found.is_finite()
            && target.abs() >= largest;
        return if agree { 0.0 } else { f64::INFINITY };
    }
    let error = (found - exact).abs().primal();
    let unit = if exact.is_zero() {
        ulp::<T>(scale)
    } else {
        ulp::<T>(target)
    };
    error / unit
}

/// The largest finite magnitude in a tensor.
pub(super) fn scale<T: Elem>(x: &Tensor<T>) -> f64 {
    let finite = x.iter().map(|x| x.primal().abs()).filter(|x| x.is_finite());
    finite.fold(0.0, f64::max)
}

/// The position of element `at` of a tensor, one number an axis.
pub(super) fn position(shape: &[usize], mut at: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &n) in index.iter_mut().zip(shape).rev() {
        *i = at % n;
        at /= n;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Dd;

    #[test]
    fn an_ulp_is_the_spacing_of_the_numbers() {
        assert_eq!(ulp::<f64>(1.0), f64::EPSILON);
        assert_eq!(ulp::<f64>(1.99), f64::EPSILON);
        assert_eq!(ulp::<f32>(4.0), 4.0 * f64::from(f32::EPSILON));
        assert_eq!(ulp::<f64>(0.0), f64::from_bits(1));
    }

    #[test]
    fn distance_counts_in_ulps_of_the_exact_result() {
        let exact = Dd::from(1.0);
        assert_eq!(distance(1.0 + 3.0 * f64::EPSILON, exact, 1.0), 3.0);
        assert_eq!(distance(f64::NAN, Dd::from(f64::NAN), 1.0), 0.0);
        assert_eq!(distance(1.0, Dd::from(f64::NAN), 1.0), f64::INFINITY);
        assert_eq!(distance(f32::INFINITY, Dd::from(1e300), 1.0), 0.0);
    }
}
