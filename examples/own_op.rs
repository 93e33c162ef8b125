//! Ops of your own, judged like the crate's: a function of one number, a rule on rows, a closure,
//! and a straight-through estimate.

use wengert::ops::Unary;
use wengert::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use wengert::{Dual, Elem, Error, Shape, Tape, Tensor, Var, check};

/// `y = ln cosh x = |x| + ln(1 + e^(-2|x|)) - ln 2`, slope `tanh x`.
///
/// A smooth absolute value for robust regression. Composed naively, it overflows at 711 and its slope
/// is inf/inf. For a function of one number, this is all one has to write.
#[derive(Clone, Copy, Debug)]
struct LnCosh;

impl<T: Elem> Unary<T> for LnCosh {
    const NAME: &'static str = "ln_cosh";
    const KEEPS: Keeps = Keeps::INPUTS;
    type Wide = Self;

    fn wide(self) -> Self {
        self
    }

    fn value(self, x: T) -> T {
        let a = x.abs();
        a + (-(a + a)).exp().ln_1p() - T::LN_2()
    }

    fn slope(self, x: T, _: T) -> T {
        x.tanh()
    }
}

/// `y = x / r` with `r = √(mean x² + ε)` of each row along the last axis: root-mean-square
/// normalization (Zhang and Sennrich, arXiv:1910.07467), four ops in one.
///
/// The Jacobian `(I - y yᵀ / n) / r` is symmetric, so one kernel serves as VJP and JVP.
#[derive(Clone, Copy, Debug)]
struct RmsNorm;

const EPSILON: f64 = 1e-6;

impl<T: Elem> Rule<T> for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        match x[0].last() {
            Some(&n) if n > 0 => Ok(x[0].clone()),
            _ => {
                let text = format!("needs a last axis with elements, got shape {}", x[0]);
                Err(Error::argument("rms_norm", text))
            }
        }
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let n = x[0].shape()[x[0].rank() - 1];
        for (y, x) in y.fill().chunks_mut(n).zip(x[0].data().chunks(n)) {
            let squares = x.iter().fold(T::zero(), |sum, &x| sum + x * x);
            let r = (squares / T::of(n as f64) + T::of(EPSILON)).sqrt();
            keep.values.push(r);
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = x / r);
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let n = at.y.shape()[at.y.rank() - 1];
        let rows = at.y.data().chunks(n).zip(g.data().chunks(n));
        let rows = rows.zip(&at.kept.values);
        for (gx, ((y, g), &r)) in gx[0].fill().chunks_mut(n).zip(rows) {
            let dot = g.iter().zip(y).fold(T::zero(), |s, (&g, &y)| s + g * y) / T::of(n as f64);
            for (gx, (&g, &y)) in gx.iter_mut().zip(g.iter().zip(y)) {
                *gx = (g - y * dot) / r;
            }
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => self.vjp(at, t, std::slice::from_mut(ty)),
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        Some(Twin::record(x, |x| composed(x[0])))
    }

    fn keeps(&self) -> Keeps {
        Keeps::OUTPUT.and_residual()
    }
}

/// The same from the crate's ops.
fn composed<'t, T: Elem>(x: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
    x / (x.square().mean_keep(-1) + T::of(EPSILON)).sqrt()
}

fn main() {
    println!("1. A function of one number\n");
    let tape = Tape::new();
    let (a, x) = (
        tape.var(0.5),
        tape.var(Tensor::from([-800.0, -1.0, 0.0, 0.5, 800.0])),
    );
    let y = x.unary(LnCosh);
    println!("x          {}", x.value());
    println!("ln cosh x  {:.4}", y.value());
    println!("gradient   {:.4}", y.sum().backward().wrt(x));
    println!("of a scalar {:.4}", a.unary(LnCosh).backward().wrt(a));
    let naive = x.cosh().ln().sum();
    println!("composed   {naive}, {:.4}\n", naive.backward().wrt(x));

    println!("2. A rule on rows\n");
    let x = Tensor::from([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]]);
    let report = check::compare(|x| x.apply(RmsNorm), composed, &x);
    println!("{report}\n");
    report.assert_agrees();
    for check in [
        check::adjoint(|x| x[0].apply(RmsNorm), &[&x]),
        check::difference(|x| x[0].apply(RmsNorm), &[&x]),
        check::forward(|x| x[0].apply(RmsNorm), &[&x]),
    ] {
        println!("{check}");
        check.assert_passed();
    }
    // The same rule on dual numbers: a Hessian-vector product.
    let tape = Tape::<Dual<f64>>::default();
    let lifted = tape.var(x.map(|x| Dual::new(x, 1.0)));
    let hv = lifted.apply(RmsNorm).exp().sum().backward().wrt(lifted);
    println!("Hessian times ones {:.4}\n", hv.map(|h| h.tangent));

    println!("3. A closure, for one use\n");
    let tape = Tape::new();
    let (a, b) = (
        tape.var(Tensor::from([4.0, 9.0])),
        tape.var(Tensor::from([1.0, 4.0])),
    );
    let mean = tape.custom(
        "geometric_mean",
        [a, b],
        |[a, b]| (a * b).sqrt(),
        |[a, b], y, g| [g * &(&(b / y) * 0.5), g * &(&(a / y) * 0.5)],
    );
    let grads = mean.sum().backward();
    println!(
        "√(a b)  {}, gradients {} {}",
        mean.value(),
        grads.wrt(a),
        grads.wrt(b)
    );
    let refused = tape.forward().along(a, Tensor::ones([2])).try_walk();
    println!("a forward walk is refused: {}\n", refused.unwrap_err());

    println!("4. Straight through a step without a gradient\n");
    let w = tape.var(Tensor::from([0.3, -1.2, 2.6]));
    let quantized = w.straight_through(|w| (w * 2.0).map(f64::round) * 0.5);
    let grads = quantized.square().sum().backward();
    println!("w          {}", w.value());
    println!("quantized  {}", quantized.value());
    println!("gradient   {}", grads.wrt(w));
}
