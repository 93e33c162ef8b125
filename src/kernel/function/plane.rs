//! The length of a point's coordinates, and its slopes, for `f32` in `f64`, without branches.
//!
//! Squares of an `f32` are exact in `f64` and far from the ends of its range, so the formulas serve as they stand.

use super::exponential::clamp;
use super::inverse::HUGE;

/// `a` and `a² + b²`, 0 and 1 at the origin; NaN if both operands are infinite. If one is, a number stands for it
/// beside which the other is negligible.
#[inline(always)]
fn parts(a: f32, b: f32) -> [f64; 2] {
    let both = a.is_infinite() & b.is_infinite();
    let a = if both { f64::NAN } else { f64::from(a) };
    let (a, b) = (clamp(a, -HUGE, HUGE), clamp(f64::from(b), -HUGE, HUGE));
    let square = a * a + b * b;
    let origin = square == 0.0;
    [
        if origin { 0.0 } else { a },
        if origin { 1.0 } else { square },
    ]
}

/// `√(a² + b²)`, infinite if an operand is, whatever the other.
#[inline(always)]
pub(super) fn hypot([a, b]: [f32; 2]) -> f32 {
    let (x, y) = (f64::from(a), f64::from(b));
    let length = (x * x + y * y).sqrt() as f32;
    let infinite = a.is_infinite() | b.is_infinite();
    if infinite { f32::INFINITY } else { length }
}

/// `a / √(a² + b²)`, 0 at the origin.
#[inline(always)]
pub(super) fn cosine([a, b]: [f32; 2]) -> f32 {
    let [a, square] = parts(a, b);
    (a / square.sqrt()) as f32
}

/// `a / (a² + b²)`, 0 at the origin.
#[inline(always)]
pub(super) fn turn([a, b]: [f32; 2]) -> f32 {
    let [a, square] = parts(a, b);
    (a / square) as f32
}
