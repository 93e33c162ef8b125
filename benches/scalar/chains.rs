//! Long and simple functions: product, Rosenbrock, softmax and log-sum-exp by hand, two loops.

use num_traits::Float;

use crate::workload::{Draw, Workload, largest, log_sum_exp, real, sum};

/// K1: the product of `n` numbers near 1.
pub struct Product(Vec<f64>);

impl Product {
    pub fn new(n: usize) -> Self {
        Self(Draw::around(1, 1.0, 1e-3, n))
    }
}

impl Workload for Product {
    const NAME: &'static str = "K1";
    type Outputs<F: Float> = [F; 1];

    fn inputs(&self) -> &[f64] {
        &self.0
    }

    fn operations(&self) -> usize {
        self.size() - 1
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        [x[1..].iter().fold(x[0], |product, &x| product * x)]
    }
}

/// K2: Rosenbrock's valley in `n` dimensions.
pub struct Rosenbrock(Vec<f64>);

impl Rosenbrock {
    pub fn new(n: usize) -> Self {
        Self(Draw::around(2, 1.0, 0.5, n))
    }
}

impl Workload for Rosenbrock {
    const NAME: &'static str = "K2";
    type Outputs<F: Float> = [F; 1];

    fn inputs(&self) -> &[f64] {
        &self.0
    }

    fn operations(&self) -> usize {
        8 * (self.size() - 1) - 1
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        let terms = x.windows(2).map(|pair| valley(pair[0], pair[1]));
        [sum(terms)]
    }
}

#[inline]
fn valley<F: Float>(x: F, y: F) -> F {
    let bend = y - x * x;
    let slope = F::one() - x;
    real::<F>(100.0) * bend * bend + slope * slope
}

/// K4: `-ln` of one entry of a softmax that is written out; all entries are computed.
pub struct SoftmaxLoss(Vec<f64>);

impl SoftmaxLoss {
    pub fn new(n: usize) -> Self {
        Self(Draw::around(4, 0.0, 3.0, n))
    }
}

impl Workload for SoftmaxLoss {
    const NAME: &'static str = "K4";
    type Outputs<F: Float> = [F; 1];

    fn inputs(&self) -> &[f64] {
        &self.0
    }

    fn operations(&self) -> usize {
        4 * self.size() + 1
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        let top = largest(x);
        let mut y: Vec<F> = x.iter().map(|&x| (x - top).exp()).collect();
        let total = sum(y.iter().copied());
        y.iter_mut().for_each(|y| *y = *y / total);
        [-y[x.len() / 3].ln()]
    }
}

/// K5: log-sum-exp of `n` numbers, written out.
pub struct LogSumExp(Vec<f64>);

impl LogSumExp {
    pub fn new(n: usize) -> Self {
        Self(Draw::around(5, 0.0, 3.0, n))
    }
}

impl Workload for LogSumExp {
    const NAME: &'static str = "K5";
    type Outputs<F: Float> = [F; 1];

    fn inputs(&self) -> &[f64] {
        &self.0
    }

    fn operations(&self) -> usize {
        3 * self.size() + 1
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        [log_sum_exp(x)]
    }
}

/// K8: `x <- sin(x) a + b`, `n` times over. The adjoint vanishes on the way back.
pub struct Damped(usize);

impl Damped {
    pub fn new(steps: usize) -> Self {
        Self(steps)
    }
}

impl Workload for Damped {
    const NAME: &'static str = "K8";
    type Outputs<F: Float> = [F; 1];

    fn size(&self) -> usize {
        self.0
    }

    fn inputs(&self) -> &[f64] {
        &[0.7, 1.3, 0.4]
    }

    fn operations(&self) -> usize {
        3 * self.0
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        [(0..self.0).fold(x[0], |y, _| y.sin() * x[1] + x[2])]
    }
}

/// K9: `x <- sin(x) a + x`, `n` times over. The adjoint stays near 1.
pub struct Drift(usize);

impl Drift {
    pub fn new(steps: usize) -> Self {
        Self(steps)
    }
}

impl Workload for Drift {
    const NAME: &'static str = "K9";
    type Outputs<F: Float> = [F; 1];

    fn size(&self) -> usize {
        self.0
    }

    fn inputs(&self) -> &[f64] {
        &[0.7, 1e-7]
    }

    fn operations(&self) -> usize {
        3 * self.0
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        [(0..self.0).fold(x[0], |y, _| y.sin() * x[1] + y)]
    }
}
