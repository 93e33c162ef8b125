//! An op of your own with its own rule, judged like the crate's.
//!
//! `ln cosh x`, a smooth absolute value for robust regression: composed naively it overflows at 711
//! and its slope is inf/inf; the fused rule is right everywhere.

use wengert::rule::{Keeps, Point, Residual, Rule, Slot};
use wengert::{Elem, Error, Shape, Tape, Tensor, check};

/// `y = ln cosh x = |x| + ln(1 + e^(-2|x|)) - ln 2`, slope `tanh x`.
#[derive(Clone, Copy, Debug)]
struct LnCosh;

impl<T: Elem> Rule<T> for LnCosh {
    fn name(&self) -> &'static str {
        "ln_cosh"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        for (y, &x) in y.fill().iter_mut().zip(x[0].iter()) {
            let a = x.abs();
            *y = a + (-(a + a)).exp().ln_1p() - T::LN_2();
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        for (gx, (&g, &x)) in gx[0].fill().iter_mut().zip(g.iter().zip(at.x[0].iter())) {
            *gx = g * x.tanh();
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

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS
    }
}

fn main() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([-800.0, -1.0, 0.0, 0.5, 800.0]));
    let y = tape.apply(LnCosh, [x]);
    let grads = y.sum().backward();
    println!("x          {}", x.value());
    println!("ln cosh x  {:.4}", y.value());
    println!("gradient   {:.4}\n", grads.wrt(x));

    let composed = (x.cosh().ln()).sum();
    println!(
        "composed: value {}, gradient {:.4}\n",
        composed,
        composed.backward().wrt(x)
    );

    let ordinary = Tensor::from([-3.0, -1.0, 0.25, 0.5, 2.0]);
    let report = check::compare(
        |x| x.tape().apply(LnCosh, [x]),
        |x| x.cosh().ln(),
        &ordinary,
    );
    println!("{report}\n");
    report.assert_agrees();

    let checks = [
        check::adjoint(|x| x[0].tape().apply(LnCosh, [x[0]]), &[&ordinary]),
        check::difference(|x| x[0].tape().apply(LnCosh, [x[0]]), &[&ordinary]),
        check::forward(|x| x[0].tape().apply(LnCosh, [x[0]]), &[&ordinary]),
    ];
    for check in checks {
        println!("{check}");
        check.assert_passed();
    }
}
