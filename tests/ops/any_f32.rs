//! Functions of any `f32`, over the whole range and where their slopes vanish, in units in the last place.

use wengert::{Dd, Elem, Level, Tape, Tensor, Var};

/// An op of one operand.
type Plain<T> = for<'t> fn(Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>>;

/// Both forms of gelu in `f32` against their formulas in double-double: over the whole range, and at every number near
/// the zero of the slope, where its terms cancel.
#[test]
fn gelu_of_any_f32_is_rounded_once() {
    let mut x: Vec<f32> = (0..50.0_f32.to_bits())
        .step_by(99_991)
        .map(f32::from_bits)
        .collect();
    for zero in [0.751_791_5_f32, 0.752_461_4] {
        let at = zero.to_bits();
        x.extend((at - 500..at + 500).map(f32::from_bits));
    }
    let x: Vec<f32> = x.iter().flat_map(|&x| [x, -x]).collect();
    let ops: [(Plain<f32>, Plain<Dd>); 2] = [
        (|x| x.gelu(), |x| x.gelu()),
        (|x| x.gelu_tanh(), |x| x.gelu_tanh()),
    ];
    for (which, (short, long)) in ops.into_iter().enumerate() {
        let (narrow, wide) = (Tape::<f32>::default(), Tape::<Dd>::default());
        let a = narrow.var(Tensor::from(x.clone()));
        let b = wide.var(x.iter().map(|&x| Dd::of(x.into())).collect());
        let (y, z) = (short(a), long(b));
        let gx = y.vjp(Tensor::ones([x.len()])).wrt(a);
        let gz = z.vjp(Tensor::ones([x.len()])).wrt(b);
        for (what, found, exact) in [("value", y.value(), z.value()), ("slope", gx, gz)] {
            for ((&x, &found), exact) in x.iter().zip(found.iter()).zip(exact.iter()) {
                let exact = exact.primal();
                let least = (exact.abs() as f32).max(f32::MIN_POSITIVE);
                let unit = f64::from(least.log2().floor() - 23.0).exp2();
                let off = (f64::from(found) - exact).abs() / unit;
                assert!(
                    off < 0.51,
                    "{what} of gelu {which} at {x:e}: {found:e}, off by {off}"
                );
            }
        }
    }
}

/// Every 997th `f32`, from negative to positive infinity, on every level of kernels.
#[test]
fn the_exponential_of_any_f32_is_within_a_unit() {
    let numbers = (0..=0xFF80_0000_u32).step_by(997).map(f32::from_bits);
    let x: Vec<f32> = numbers.filter(|x| !x.is_nan()).collect();
    let x = Tensor::new([x.len()], x).unwrap();
    let levels = Level::all().iter().map(|level| level.force(|| x.exp()));
    for (k, y) in levels.flat_map(|y| y.data().to_vec()).enumerate() {
        let x = x.data()[k % x.len()];
        let exact = f64::from(x).exp();
        if exact > f64::from(f32::MAX) {
            assert!(y == f32::INFINITY || y == f32::MAX, "exp({x:e}) = {y:e}");
            continue;
        }
        // Subnormal numbers have the spacing of the least normal number.
        let exponent = (exact as f32).max(f32::MIN_POSITIVE).log2().floor();
        let unit = f64::from(exponent - 23.0).exp2();
        let off = (f64::from(y) - exact).abs() / unit;
        assert!(off < 0.92, "exp({x:e}) = {y:e}, off by {off}");
    }
}
