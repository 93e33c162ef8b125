//! Short formulas: the price of an option, the reprojection error of a camera.

use num_traits::Float;

use crate::workload::{Workload, real};

/// K7: the price of a call option by Black and Scholes; its gradient is the five Greeks.
pub struct BlackScholes;

impl Workload for BlackScholes {
    const NAME: &'static str = "K7";
    type Outputs<F: Float> = [F; 1];

    fn inputs(&self) -> &[f64] {
        &[100.0, 105.0, 0.03, 0.2, 1.5]
    }

    fn operations(&self) -> usize {
        56
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        let [spot, strike, rate, volatility, years] = [x[0], x[1], x[2], x[3], x[4]];
        let spread = volatility * years.sqrt();
        let drift = rate + real::<F>(0.5) * volatility * volatility;
        let near = ((spot / strike).ln() + drift * years) / spread;
        let far = near - spread;
        [spot * normal(near) - strike * (-rate * years).exp() * normal(far)]
    }
}

/// The normal distribution function by formula 26.2.17 of Abramowitz and Stegun, as in the peers'
/// programs.
fn normal<F: Float>(x: F) -> F {
    if x < F::zero() {
        F::one() - upper(-x)
    } else {
        upper(x)
    }
}

fn upper<F: Float>(x: F) -> F {
    const COEFFICIENTS: [f64; 4] = [-1.821255978, 1.781477937, -0.356563782, 0.319381530];
    let k = F::one() / (F::one() + real::<F>(0.2316419) * x);
    let start = k * real(1.330274429);
    let series = COEFFICIENTS
        .iter()
        .fold(start, |sum, &c| k * (real::<F>(c) + sum));
    let density = real::<F>(1.0 / (2.0 * std::f64::consts::PI).sqrt());
    F::one() - density * (real::<F>(-0.5) * x * x).exp() * series
}

/// K6: where a camera sees a point, minus where it was seen: the residual of bundle adjustment, from
/// ADBench. Two outputs, fifteen inputs.
pub struct Reprojection;

/// Where the point was seen.
const SEEN: [f64; 2] = [-10.0, 20.0];

impl Workload for Reprojection {
    const NAME: &'static str = "K6";
    type Outputs<F: Float> = [F; 2];

    fn inputs(&self) -> &[f64] {
        &[
            0.3, -0.2, 0.5, 10.0, 20.0, 30.0, 200.0, 1.0, -2.0, 0.05, 0.01, 1.0, 2.0, 3.0, 0.5,
        ]
    }

    fn operations(&self) -> usize {
        66
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 2] {
        let rotation = [x[0], x[1], x[2]];
        let (centre, focus, principal) = ([x[3], x[4], x[5]], x[6], [x[7], x[8]]);
        let (distortion, point, weight) = ([x[9], x[10]], [x[11], x[12], x[13]], x[14]);

        // Rodrigues' formula: turn by the angle |rotation| about its axis.
        let ray = [0, 1, 2].map(|i| point[i] - centre[i]);
        let angle = dot(rotation, rotation).sqrt();
        let (cos, sin, inverse) = (angle.cos(), angle.sin(), F::one() / angle);
        let axis = rotation.map(|r| r * inverse);
        let normal = cross(axis, ray);
        let along = dot(axis, ray) * (F::one() - cos);
        let turned = [0, 1, 2].map(|i| ray[i] * cos + normal[i] * sin + axis[i] * along);

        let flat = [turned[0] / turned[2], turned[1] / turned[2]];
        let radius = flat[0] * flat[0] + flat[1] * flat[1];
        let bend = F::one() + distortion[0] * radius + distortion[1] * radius * radius;
        [0, 1].map(|i| weight * (flat[i] * bend * focus + principal[i] - real(SEEN[i])))
    }
}

fn dot<F: Float>(a: [F; 3], b: [F; 3]) -> F {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross<F: Float>(a: [F; 3], b: [F; 3]) -> [F; 3] {
    [(1, 2), (2, 0), (0, 1)].map(|(i, j)| a[i] * b[j] - a[j] * b[i])
}
