//! Distances in units in the last place, measured in wider arithmetic.
//!
//! A dual number is measured part by part: a lost tangent makes second order wrong, however right the
//! primal is.

use crate::kernel::Elem;
use crate::tensor::Tensor;

/// The spacing of `T`'s numbers around `x`: `2^max(⌊log₂ |x|⌋, emin) ε`, where `emin` is at least that of `f64`.
pub(super) fn ulp<T: Elem>(x: f64) -> f64 {
    let (epsilon, least) = (T::epsilon().primal(), T::min_positive_value().primal());
    // The exponent field of an f64 is exact, whereas a logarithm may round up.
    let size = x.abs().max(least).max(f64::MIN_POSITIVE);
    let power = f64::from_bits(size.to_bits() & 0x7FF0_0000_0000_0000);
    power * epsilon
}

/// How far part `k` of `found` is from that of `exact`, in ulps of the latter.
///
/// Two NaN agree, as do two equal infinities. An exact 0 has no ulps of its own, so those of `scale`,
/// the largest number around, are used.
pub(super) fn distance<T: Elem>(found: T, exact: T::Wide, k: usize, scale: f64) -> f64 {
    let (part, target) = (found.part(k), exact.part(k));
    if part.is_nan() || target.is_nan() {
        return if part.is_nan() && target.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    // An exact result beyond the largest number of `T` has infinity as its nearest neighbour.
    let largest = T::max_value().primal();
    if target.abs() > largest || !part.is_finite() {
        let agree =
            part.signum() == target.signum() && !part.is_finite() && target.abs() >= largest;
        return if agree { 0.0 } else { f64::INFINITY };
    }
    let unit = ulp::<T>(if target == 0.0 { scale } else { target });
    // Divided before it is rounded to `f64`, of which a part of the smallest unit is no number.
    ((found.widen() - exact) / T::Wide::of(unit)).part(k).abs()
}

/// The largest finite magnitude of part `k` in a tensor.
pub(super) fn scale<T: Elem>(x: &Tensor<T>, k: usize) -> f64 {
    let finite = x.iter().map(|x| x.part(k).abs()).filter(|x| x.is_finite());
    finite.fold(0.0, f64::max)
}

/// The largest difference of two tensors, relative to the largest number in them, part by part.
///
/// A difference of at most `noise` does not count. Numbers that are not finite must be the same.
pub(super) fn relative<T: Elem>(a: &Tensor<T>, b: &Tensor<T>, noise: f64) -> f64 {
    let of_part = |k: usize| {
        let around = scale(a, k).max(scale(b, k)).max(f64::MIN_POSITIVE);
        let difference = |(&a, &b): (&T, &T)| {
            let (x, y) = (a.part(k), b.part(k));
            if x.is_finite() && y.is_finite() {
                let gap = (a - b).part(k).abs();
                if gap <= noise { 0.0 } else { gap / around }
            } else if x == y || (x.is_nan() && y.is_nan()) {
                0.0
            } else {
                f64::INFINITY
            }
        };
        a.iter().zip(b.iter()).map(difference).fold(0.0, f64::max)
    };
    (0..T::PARTS).map(of_part).fold(0.0, f64::max)
}

/// What part `k` of an element is called in a report.
pub(super) fn part_name<T: Elem>(k: usize) -> String {
    match (T::PARTS, k) {
        (_, 0) => String::new(),
        (2, _) => " (tangent)".into(),
        _ => format!(" (part {k} of {})", T::PARTS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dual::Dual;
    use crate::kernel::Dd;

    #[test]
    fn an_ulp_is_the_spacing_of_the_numbers() {
        assert_eq!(ulp::<f64>(1.0), f64::EPSILON);
        assert_eq!(ulp::<f64>(1.99), f64::EPSILON);
        assert_eq!(ulp::<f32>(4.0), 4.0 * f64::from(f32::EPSILON));
        assert_eq!(ulp::<f64>(0.0), f64::from_bits(1));
        assert_eq!(ulp::<Dd>(1.0), f64::EPSILON * f64::EPSILON);
    }

    #[test]
    fn distance_counts_in_ulps_of_the_exact_result() {
        let exact = Dd::from(1.0);
        assert_eq!(distance(1.0 + 3.0 * f64::EPSILON, exact, 0, 1.0), 3.0);
        assert_eq!(distance(f64::NAN, Dd::from(f64::NAN), 0, 1.0), 0.0);
        assert_eq!(distance(1.0, Dd::from(f64::NAN), 0, 1.0), f64::INFINITY);
        assert_eq!(distance(f32::INFINITY, Dd::from(1e300), 0, 1.0), 0.0);
        let beyond = Dd::from(1e300) * Dd::from(1e300);
        assert_eq!(distance(f64::INFINITY, beyond, 0, 1.0), 0.0);
        assert_eq!(distance(f64::MAX, beyond, 0, 1.0), f64::INFINITY);
        let least = f64::from_bits(1);
        let between = Dd::from(least) * Dd::from(1.25);
        assert_eq!(distance(least, between, 0, 1.0), 0.25);
    }

    #[test]
    fn a_dual_number_is_measured_in_both_parts() {
        let exact = Dual::new(Dd::from(1.0), Dd::from(4.0));
        let found = Dual::new(1.0, 4.0 + 8.0 * f64::EPSILON);
        assert_eq!(distance(found, exact, 0, 1.0), 0.0);
        assert_eq!(distance(found, exact, 1, 1.0), 2.0);
        let lost = Tensor::from([Dual::new(1.0, 0.0)]);
        let kept = Tensor::from([Dual::new(1.0, 4.0)]);
        assert_eq!(relative(&lost, &kept, 0.0), 1.0);
    }
}
