//! `Workload`: what is measured, a function of numbers that is written once for any float type.

use num_traits::Float;

/// A function written for any float, like a user's code: `f64` evaluates it, a `Var` records it.
pub trait Workload {
    /// Its name in the tables.
    const NAME: &'static str;

    /// One output or several, each with a gradient of its own: `[F; 1]`, `[F; 2]`.
    type Outputs<F: Float>: AsRef<[F]>;

    /// Where the gradient is taken.
    fn inputs(&self) -> &[f64];

    /// The size that the table shows.
    fn size(&self) -> usize {
        self.inputs().len()
    }

    /// Elementary operations on numbers that depend on the inputs: `+ - * /`, negation and functions,
    /// operations with a constant included.
    fn operations(&self) -> usize;

    /// The function.
    fn eval<F: Float>(&self, x: &[F]) -> Self::Outputs<F>;
}

/// A constant of a formula.
#[inline]
pub fn real<F: Float>(x: f64) -> F {
    F::from(x).expect("a float type takes every f64")
}

/// Knuth's 64-bit linear congruential generator (MMIX): the same data here and in the peers' programs.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to 1.
    pub fn unit(&mut self) -> f64 {
        const STEP: u64 = 6_364_136_223_846_793_005;
        const SHIFT: u64 = 1_442_695_040_888_963_407;
        self.0 = self.0.wrapping_mul(STEP).wrapping_add(SHIFT);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From -1 up to 1.
    pub fn signed(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }

    /// `n` numbers around `centre`.
    pub fn around(seed: u64, centre: f64, radius: f64, n: usize) -> Vec<f64> {
        let mut draw = Self::new(seed);
        (0..n).map(|_| centre + radius * draw.signed()).collect()
    }
}

/// The logarithm of a sum of exponentials, written out: three operations per entry.
#[inline]
pub fn log_sum_exp<F: Float>(x: &[F]) -> F {
    let top = largest(x);
    let terms = x.iter().map(|&x| (x - top).exp());
    sum(terms).ln() + top
}

/// The largest number, without arithmetic.
#[inline]
pub fn largest<F: Float>(x: &[F]) -> F {
    let larger = |top, x| if top < x { x } else { top };
    x[1..].iter().copied().fold(x[0], larger)
}

/// A sum that does not start from 0, which would be one operation more.
#[inline]
pub fn sum<F: Float>(terms: impl IntoIterator<Item = F>) -> F {
    terms
        .into_iter()
        .reduce(|sum, term| sum + term)
        .expect("a sum has a term")
}
