//! Values and slopes by the formulas of textbooks.

use wengert::Elem;

/// The logistic function.
pub fn sigmoid<T: Elem>(x: T) -> T {
    (T::one() + (-x).exp()).recip()
}

/// The normal distribution function.
pub fn mass<T: Elem>(x: T) -> T {
    T::of(0.5) * (-x * T::FRAC_1_SQRT_2()).erfc()
}

/// Its density.
pub fn density<T: Elem>(x: T) -> T {
    (-T::of(0.5) * x * x).exp() * T::of(0.398_942_280_401_432_7)
}

/// The slope of `x σ(x)`.
pub fn silu_slope<T: Elem>(x: T) -> T {
    let s = sigmoid(x);
    s + x * s * (T::one() - s)
}

/// The slope of tanh, given its value.
pub fn one_less_square<T: Elem>(y: T) -> T {
    (T::one() - y) * (T::one() + y)
}

/// The slope of a sum.
pub fn one_like<T: Elem>(_: T) -> T {
    T::one()
}

/// The slope of the larger of two.
pub fn winner<T: Elem>(a: T, b: T) -> T {
    if a > b { T::one() } else { T::zero() }
}
