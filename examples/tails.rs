//! Where textbook formulas lose their digits: the result of this crate, the exact one, and that of the
//! formula, for the inputs of bug reports against other systems and for a few others.
//!
//! Exact results are computed here, by the crate's op on double-doubles (31 digits). They must agree to
//! 12 digits with the textbook's formula on double-doubles, which has digits to lose there. Results of
//! the crate must be within 5 ulps.

use std::fmt::LowerExp;

use wengert::{Dd, Elem, Random, Tape, Tensor};

/// The formulas of textbooks, for a row `x`, shifted by its maximum, and a cotangent `g`.
mod textbook {
    use wengert::Elem;

    fn sum<T: Elem>(x: impl Iterator<Item = T>) -> T {
        x.fold(T::zero(), |s, x| s + x)
    }

    fn shifted<T: Elem>(x: &[T]) -> Vec<T> {
        let m = x.iter().copied().fold(T::neg_infinity(), T::max);
        x.iter().map(|&x| x - m).collect()
    }

    pub fn softmax<T: Elem>(x: &[T], _: &[T]) -> Vec<T> {
        let e: Vec<T> = shifted(x).into_iter().map(T::exp).collect();
        let s = sum(e.iter().copied());
        e.iter().map(|&e| e / s).collect()
    }

    pub fn softmax_vjp<T: Elem>(x: &[T], g: &[T]) -> Vec<T> {
        let y = softmax(x, g);
        let dot = sum(y.iter().zip(g).map(|(&y, &g)| y * g));
        y.iter().zip(g).map(|(&y, &g)| y * (g - dot)).collect()
    }

    pub fn log_softmax<T: Elem>(x: &[T], _: &[T]) -> Vec<T> {
        let x = shifted(x);
        let ln = sum(x.iter().map(|&x| x.exp())).ln();
        x.iter().map(|&x| x - ln).collect()
    }

    pub fn log_softmax_vjp<T: Elem>(x: &[T], g: &[T]) -> Vec<T> {
        let (y, total) = (softmax(x, g), sum(g.iter().copied()));
        y.iter().zip(g).map(|(&y, &g)| g - y * total).collect()
    }

    /// p - t, the label being the first.
    pub fn cross_entropy_gradient<T: Elem>(x: &[T], g: &[T]) -> Vec<T> {
        let mut y = softmax(x, g);
        y[0] -= T::one();
        y
    }

    pub fn sigmoid_slope<T: Elem>(x: &[T], _: &[T]) -> Vec<T> {
        let y = (T::one() + (-x[0]).exp()).recip();
        vec![y * (T::one() - y)]
    }

    pub fn tanh_slope<T: Elem>(x: &[T], _: &[T]) -> Vec<T> {
        vec![T::one() - x[0].tanh() * x[0].tanh()]
    }

    pub fn softplus<T: Elem>(x: &[T], _: &[T]) -> Vec<T> {
        vec![(T::one() + x[0].exp()).ln()]
    }

    pub fn gelu<T: Elem>(x: &[T], _: &[T]) -> Vec<T> {
        vec![x[0] * T::of(0.5) * (T::one() + (x[0] * T::FRAC_1_SQRT_2()).erf())]
    }

    pub fn asinh<T: Elem>(x: &[T], _: &[T]) -> Vec<T> {
        vec![(x[0] + (x[0] * x[0] + T::one()).sqrt()).ln()]
    }
}

/// Runs one expression and one formula, on the given numbers and on double-doubles.
macro_rules! case {
    ($what:literal, $t:ty, $x:expr, $g:expr; |$leaf:ident, $cotangent:pat_param| $ours:expr; $textbook:ident) => {{
        fn ours<T: Elem>(x: &[T], g: &[T]) -> Vec<T> {
            let tape = Tape::<T>::default();
            let ($leaf, $cotangent) = (tape.var(Tensor::from(x)), Tensor::from(g));
            $ours.into_vec()
        }
        let (x, g): (&[$t], &[$t]) = (&$x, &$g);
        let [wide_x, wide_g] = [x, g].map(|v| v.iter().map(|&v| Dd::from(v)).collect::<Vec<_>>());
        let (exact, formula) = (
            ours(&wide_x, &wide_g),
            textbook::$textbook(&wide_x, &wide_g),
        );
        for (exact, formula) in exact.iter().zip(&formula) {
            let gap = ((*exact - *formula) / *exact).hi();
            assert!(gap.abs() < 1e-12, "{}: {exact} and {formula}", $what);
        }
        show($what, &ours(x, g), &exact, &textbook::$textbook(x, g));
    }};
}

/// The error in ulps of the exact result.
fn ulps<T: Elem>(found: T, exact: Dd) -> f64 {
    let ulp = 2f64.powf(exact.hi().abs().log2().floor()) * T::epsilon().primal();
    ((Dd::from(found.primal()) - exact) / Dd::from(ulp))
        .hi()
        .abs()
}

fn header(title: &str) {
    let [ours, exact, textbook] = ["this crate", "exact", "textbook"];
    println!("\n{title:44} {ours:>23} {exact:>26} {textbook:>23}   ulps off: ours, textbook");
}

/// Prints a row, or, of a long one, the entry where the textbook is worst.
fn show<T: Elem + LowerExp>(what: &str, ours: &[T], exact: &[Dd], textbook: &[T]) {
    let error = |y: &[T], k: usize| ulps(y[k], exact[k]);
    let all = 0..ours.len();
    for k in all.clone() {
        let (y, off) = (ours[k], error(ours, k));
        // A gradient through softmax is a product of two probabilities: twice their error, and roundings.
        assert!(
            off <= 5.0,
            "{what} at {k}: {y:e} is {off} ulps from {:e}",
            exact[k]
        );
    }
    let worst = all
        .clone()
        .max_by(|&a, &b| error(textbook, a).total_cmp(&error(textbook, b)));
    for k in all.filter(|&k| ours.len() <= 3 || Some(k) == worst) {
        let what = if k == 0 || ours.len() > 3 { what } else { "" };
        print!(
            "{what:44} {:>23e} {:>26.18e} {:>23e}",
            ours[k], exact[k], textbook[k]
        );
        println!("   {:>6.2} {:>10.3e}", error(ours, k), error(textbook, k));
    }
}

fn main() {
    header("Bug reports, f64: two logits 40 apart");
    case! { "softmax gradient: jax 40344", f64, [40.0, 0.0], [1.0, 0.0];
    |x, g| x.softmax(0).vjp(g).wrt(x); softmax_vjp }
    header("Bug reports, f64: 37.42994775023705 apart");
    const X: [f64; 2] = [37.42994775023705, 0.0];
    case! { "softmax gradient: pytorch 195684, jax 40386", f64, X, [1.0, 0.0];
    |x, g| x.softmax(0).vjp(g).wrt(x); softmax_vjp }
    case! { "log_softmax gradient: pytorch 195680", f64, X, [1.0, 0.0];
    |x, g| x.log_softmax(0).vjp(g).wrt(x); log_softmax_vjp }
    case! { "cross_entropy gradient: pytorch 195678", f64, X, [];
    |x, _| x.cross_entropy(0, [0]).backward().wrt(x); cross_entropy_gradient }
    case! { "soft targets, gradient: tensorflow 126634", f64, X, [1.0, 0.0];
    |x, targets| x.cross_entropy_soft(0, targets).backward().wrt(x); cross_entropy_gradient }
    case! { "sigmoid gradient: jax 40385", f64, X[..1], [1.0];
    |x, g| x.sigmoid().vjp(g).wrt(x); sigmoid_slope }
    header("Bug report, f32: 1 - ln ε apart");
    case! { "log_softmax: pytorch 113708", f32, [1.0 - f32::EPSILON.ln(), 0.0], [];
    |x, _| x.log_softmax(0).value(); log_softmax }

    header("Nothing special, f32");
    case! { "softmax gradient at a gap of 12", f32, [12.0, 0.0], [1.0, 0.0];
    |x, g| x.softmax(0).vjp(g).wrt(x); softmax_vjp }
    case! { "softmax, where x - max is rounded", f32, [3.3, -80.1, 0.7], [];
    |x, _| x.softmax(0).value(); softmax }
    case! { "softmax gradient, g with an offset", f32, [2.0, 1.0, 0.0], [1000001.0, 1000000.0, 999999.5];
    |x, g| x.softmax(0).vjp(g).wrt(x); softmax_vjp }
    case! { "softmax gradient, g near overflow", f32, [1.0, 0.0], [3e38, -3e38];
    |x, g| x.softmax(0).vjp(g).wrt(x); softmax_vjp }

    header("Other tails, f64");
    case! { "tanh gradient at 20", f64, [20.0], [1.0]; |x, g| x.tanh().vjp(g).wrt(x); tanh_slope }
    case! { "softplus at -40", f64, [-40.0], []; |x, _| x.softplus().value(); softplus }
    case! { "gelu at -8", f64, [-8.0], []; |x, _| x.gelu().value(); gelu }
    case! { "asinh at -1e8", f64, [-1e8], []; |x, _| x.asinh().value(); asinh }

    header("Rows of 1,000,000, f32, the worst entry");
    let x: Tensor<f32> = Random::new(1).uniform([1_000_000], -8.0, 8.0);
    let mut one = Tensor::zeros([1_000_000]);
    one.data_mut()[0] = 1.0;
    case! { "softmax", f32, x.data(), []; |x, _| x.softmax(0).value(); softmax }
    case! { "log_softmax", f32, x.data(), []; |x, _| x.log_softmax(0).value(); log_softmax }
    case! { "softmax gradient of the first", f32, x.data(), one.data();
    |x, g| x.softmax(0).vjp(g).wrt(x); softmax_vjp }
}
