//! `Random`: a seeded stream of numbers that is the same on every machine and in every release.
//!
//! The generator is splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
//! generators", OOPSLA 2014): twelve lines that never change, whereas the stream of a library might.

use super::{Shape, Tensor};
use crate::error::OrPanic;
use crate::kernel::Elem;

/// How often a number is drawn at most: enough for any interval that holds several numbers of the type.
const TRIES: usize = 64;

/// A seeded source of random numbers and tensors.
///
/// # Example
/// ```
/// use wengert::{Random, Tensor};
///
/// let w: Tensor<f64> = Random::new(7).normal([2, 3], 0.0, 1.0);
/// assert_eq!(w, Random::new(7).normal([2, 3], 0.0, 1.0));
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = self.state;
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `[0, 1)`, a multiple of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (0.5 / (1u64 << 52) as f64)
    }

    /// A whole number in `0..n`.
    ///
    /// # Panics
    /// If `n` is 0.
    #[track_caller]
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "below: there is no whole number below 0");
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A permutation of `0..n`, each equally likely (Fisher and Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }

    /// A tensor of numbers uniformly distributed over `[low, high)`.
    ///
    /// Each is computed in `f64` and rounded to `T`; one that comes out as `high` is drawn again. If the
    /// interval holds no number of this type, all elements are `low`, rounded.
    #[track_caller]
    pub fn uniform<T: Elem>(&mut self, shape: impl Into<Shape>, low: f64, high: f64) -> Tensor<T> {
        let inside = |x: &T| low >= high || x.to_f64().is_none_or(|x| x < high);
        let length = high - low;
        let place = |unit: f64| match length.is_finite() {
            true => low + length * unit,
            false => low * (1.0 - unit) + high * unit,
        };
        self.fill("uniform", shape.into(), |r| {
            let draws = std::iter::repeat_with(|| T::of(place(r.unit())));
            let found = draws.take(TRIES).find(inside);
            found.unwrap_or_else(|| T::of(low))
        })
    }

    /// A tensor of normally distributed numbers (Box and Muller's transform).
    #[track_caller]
    pub fn normal<T: Elem>(
        &mut self,
        shape: impl Into<Shape>,
        mean: f64,
        deviation: f64,
    ) -> Tensor<T> {
        self.fill("normal", shape.into(), |r| {
            // Not the system's functions, whose last digits differ from one machine to the next.
            let radius = (-2.0 * libm::log(1.0 - r.unit())).sqrt();
            let angle = std::f64::consts::TAU * r.unit();
            T::of(mean + deviation * radius * libm::cos(angle))
        })
    }

    #[track_caller]
    fn fill<T: Elem>(
        &mut self,
        op: &'static str,
        shape: Shape,
        mut draw: impl FnMut(&mut Self) -> T,
    ) -> Tensor<T> {
        Tensor::made(op, shape, |_| draw(self)).or_panic()
    }
}
