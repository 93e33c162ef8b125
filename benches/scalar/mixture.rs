//! K3: the log-likelihood of a Gaussian mixture with a Wishart prior, the GMM of ADBench
//! (github.com/microsoft/ADBench), with its sign of the prior.
//!
//! The inverse covariance of a component is `Q Qᵀ` with a triangular `Q`: the exponentials of `d`
//! numbers on the diagonal, and `d (d - 1) / 2` numbers off it.

use num_traits::Float;

use crate::workload::{Draw, Workload, log_sum_exp, real, sum};

/// Points, and the parameters of a mixture.
pub struct Mixture {
    pub dimension: usize,
    pub components: usize,
    pub points: Vec<f64>,
    x: Vec<f64>,
}

/// How many points there are.
pub const POINTS: usize = 1000;

/// The prior's scale and mass, as in ADBench's instances.
pub const SCALE: f64 = 1.0;
pub const MASS: f64 = 0.0;

impl Mixture {
    /// `size` is 100 times the dimension plus the number of components.
    pub fn new(size: usize) -> Self {
        let (d, k) = (size / 100, size % 100);
        let mut draw = Draw::new(3);
        let parameters = k + k * d + k * d * (d + 1) / 2;
        let x = (0..parameters).map(|_| draw.signed()).collect();
        let points = (0..POINTS * d).map(|_| 2.0 * draw.signed()).collect();
        Self {
            dimension: d,
            components: k,
            points,
            x,
        }
    }

    /// The part that does not depend on the parameters.
    pub fn constant(&self) -> f64 {
        use std::f64::consts::{LN_2, PI};
        let (d, k) = (self.dimension as f64, self.components as f64);
        let freedom = d + MASS + 1.0;
        let log_gammas: f64 = (1..=self.dimension)
            .map(|j| libm::lgamma(0.5 * (freedom + 1.0 - j as f64)))
            .sum();
        let normalizer =
            freedom * d * (SCALE.ln() - 0.5 * LN_2) - (0.25 * d * (d - 1.0) * PI.ln() + log_gammas);
        -0.5 * POINTS as f64 * d * (2.0 * PI).ln() - k * normalizer
    }
}

impl Workload for Mixture {
    const NAME: &'static str = "K3";
    type Outputs<F: Float> = [F; 1];

    fn size(&self) -> usize {
        100 * self.dimension + self.components
    }

    fn inputs(&self) -> &[f64] {
        &self.x
    }

    fn operations(&self) -> usize {
        let (d, k) = (self.dimension, self.components);
        let log_sum_exp = 3 * k + 1;
        let point = k * (d * d + 3 * d + 2) + log_sum_exp;
        let prior = k * (d * d + d + 2) + k - 1;
        k * (2 * d - 1) + POINTS * point + POINTS - 1 + log_sum_exp + prior + 5
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        let (d, k) = (self.dimension, self.components);
        let (weights, rest) = x.split_at(k);
        let (means, factors) = rest.split_at(k * d);
        let factors: Vec<&[F]> = factors.chunks(d * (d + 1) / 2).collect();
        let log_determinants: Vec<F> = factors
            .iter()
            .map(|f| sum(f[..d].iter().copied()))
            .collect();
        let diagonals: Vec<F> = factors
            .iter()
            .flat_map(|f| f[..d].iter().map(|x| x.exp()))
            .collect();

        let mut centred = vec![x[0]; d];
        let mut scaled = vec![x[0]; d];
        let mut terms = vec![x[0]; k];
        let likelihoods = self.points.chunks(d).map(|point| {
            for c in 0..k {
                let (mean, diagonal) = (&means[c * d..][..d], &diagonals[c * d..][..d]);
                for j in 0..d {
                    centred[j] = real::<F>(point[j]) - mean[j];
                    scaled[j] = diagonal[j] * centred[j];
                }
                let mut below = factors[c][d..].iter();
                for (a, &centred) in centred.iter().enumerate() {
                    for (scaled, &factor) in scaled[a + 1..].iter_mut().zip(&mut below) {
                        *scaled = *scaled + factor * centred;
                    }
                }
                let distance = sum_of_squares(&scaled);
                terms[c] = weights[c] + log_determinants[c] - real::<F>(0.5) * distance;
            }
            log_sum_exp(&terms)
        });
        let likelihood = sum(likelihoods);

        let priors = (0..k).map(|c| {
            let mut squares = sum_of_squares(&diagonals[c * d..][..d]);
            if d > 1 {
                squares = squares + sum_of_squares(&factors[c][d..]);
            }
            real::<F>(0.5 * SCALE * SCALE) * squares - real::<F>(MASS) * log_determinants[c]
        });
        let prior = sum(priors);
        let total = likelihood - real::<F>(POINTS as f64) * log_sum_exp(weights) + prior;
        [total + real(self.constant())]
    }
}

#[inline]
fn sum_of_squares<F: Float>(x: &[F]) -> F {
    sum(x.iter().map(|&x| x * x))
}
