//! The tape: recording, walking, folding, replaying.

use num_traits::Float;
use wengert::{Tape, Tensor};

#[test]
fn a_scalar_and_a_tensor_share_one_tape() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0, 3.0], [1.0, 2.0, 9.0]]));
    let b = tape.var(0.5);
    let loss = ((x * b).tanh() + 1.0).sum() * b;
    let grads = loss.backward();
    let h = 1e-6;
    let f = |b: f64| {
        ((0..6)
            .map(|i| (b * [1.0, 2.0, 3.0, 1.0, 2.0, 9.0][i]).tanh() + 1.0)
            .sum::<f64>())
            * b
    };
    assert!((grads.wrt(b) - (f(0.5 + h) - f(0.5 - h)) / (2.0 * h)).abs() < 1e-8);
    println!("{}", grads.wrt(x));
}

#[test]
fn generic_code_differentiates_as_it_is() {
    fn f<F: Float>(x: F) -> F {
        let three = F::from(3.0).unwrap();
        (x * x + three).sqrt().ln() * x.sin().max(F::zero())
    }
    let tape = Tape::new();
    let x = tape.var(1.3);
    let y = f(x);
    assert_eq!(y.value(), f(1.3));
    let slope = y.backward().wrt(x);
    assert!((slope - (f(1.3 + 1e-6) - f(1.3 - 1e-6)) / 2e-6).abs() < 1e-8);
    assert_eq!(slope, f(wengert::Dual::new(1.3, 1.0)).tangent);
    assert_eq!(tape.scalar_nodes(), 1);
}
