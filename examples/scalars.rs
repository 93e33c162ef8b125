//! Scalar code: Rosenbrock, Black-Scholes with five Greeks, and Newton's iteration over
//! `num_traits::Float` that was never written for differentiation.

use num_traits::Float;
use wengert::{Dual, Elem, Tape, Var};

/// Rosenbrock's valley in any number of dimensions.
fn rosenbrock<F: Float>(x: &[F]) -> F {
    let (one, hundred) = (F::one(), F::from(100.0).expect("100 is a number"));
    x.windows(2)
        .map(|w| hundred * (w[1] - w[0] * w[0]).powi(2) + (one - w[0]).powi(2))
        .fold(F::zero(), |sum, term| sum + term)
}

/// The price of a European call: spot, strike, volatility, time in years, interest rate per year.
fn call<'t, T: Elem>(
    spot: Var<'t, T>,
    strike: T,
    volatility: Var<'t, T>,
    time: Var<'t, T>,
    rate: Var<'t, T>,
) -> Var<'t, T> {
    let mass = |x: Var<'t, T>| (-x * T::FRAC_1_SQRT_2()).erfc() * T::of(0.5);
    let spread = volatility * time.sqrt();
    let d1 = ((spot / strike).ln() + (rate + volatility * volatility * T::of(0.5)) * time) / spread;
    spot * mass(d1) - (-rate * time).exp() * mass(d1 - spread) * strike
}

/// Kepler's equation `E - e sin E = M`, solved for `E` by Newton's method: code as in a library that
/// knows nothing of tapes, with a loop that runs until it has converged. Any `Float` will do.
fn eccentric_anomaly<F: Float>(mean: F, eccentricity: F) -> F {
    let mut e = mean;
    for _ in 0..50 {
        let step = (e - eccentricity * e.sin() - mean) / (F::one() - eccentricity * e.cos());
        e = e - step;
        if step.abs() <= F::epsilon() {
            break;
        }
    }
    e
}

fn main() {
    // Gradient descent would crawl along the valley; here we only look at one gradient.
    let tape = Tape::new();
    let x: Vec<_> = [-1.2, 1.0, 0.8].map(|x| tape.var(x)).into();
    let y = rosenbrock(&x);
    let grads = y.backward();
    println!("Rosenbrock at (-1.2, 1, 0.8): {y}");
    for (k, &x) in x.iter().enumerate() {
        println!("  ∂f/∂x{k} = {:>10.4}", grads.wrt(x));
    }
    println!("  recorded: {:?}\n", tape);

    let tape = Tape::new();
    let [spot, volatility, time, rate] = [100.0, 0.2, 0.5, 0.03].map(|x| tape.var(x));
    let price = call(spot, 105.0, volatility, time, rate);
    let grads = price.backward();
    println!("Call, spot 100, strike 105, volatility 20 %, half a year, rate 3 %: {price:.6}");
    println!("  delta {:>10.6}", grads.wrt(spot));
    println!("  vega  {:>10.6}", grads.wrt(volatility));
    println!("  theta {:>10.6}", -grads.wrt(time));
    println!("  rho   {:>10.6}", grads.wrt(rate));

    // Gamma is a second derivative: the same code on dual numbers, differentiated along the spot.
    let tape = Tape::<Dual<f64>>::default();
    let spot = tape.var(Dual::new(100.0, 1.0));
    let [volatility, time, rate] = [0.2, 0.5, 0.03].map(|x| tape.var(Dual::constant(x)));
    let price = call(spot, Dual::constant(105.0), volatility, time, rate);
    println!("  gamma {:>10.6}\n", price.backward().wrt(spot).tangent);

    let tape = Tape::new();
    let [mean, eccentricity] = [1.0, 0.3].map(|x| tape.var(x));
    let anomaly = eccentric_anomaly(mean, eccentricity);
    let grads = anomaly.backward();
    // The implicit function theorem: dE/dM = 1 / (1 - e cos E), dE/de = sin E / (1 - e cos E).
    let (sin, cos) = anomaly.value().sin_cos();
    let exact = [1.0, sin].map(|part| part / (1.0 - 0.3 * cos));
    println!("Kepler's equation, M = 1, e = 0.3: E = {anomaly:.6}");
    for (name, found, exact) in [
        ("dE/dM", grads.wrt(mean), exact[0]),
        ("dE/de", grads.wrt(eccentricity), exact[1]),
    ] {
        println!("  {name} {found:>10.6}, by the implicit function theorem {exact:>10.6}");
        assert!((found - exact).abs() < 1e-12);
    }
}
