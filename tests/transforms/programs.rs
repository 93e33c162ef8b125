//! Random programs: in whatever order scalars and tensors are mixed, reverse and forward agree.

use proptest::prelude::*;
use wengert::{Dual, Elem, Tape, Tensor, Var};

/// One step of a program; numbers choose operands among the values so far.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add(usize, usize),
    Mul(usize, usize),
    Tanh(usize),
    Scale(usize, i8),
    /// A tensor times a scalar.
    Broadcast(usize, usize),
    TensorAdd(usize, usize),
    TensorSin(usize),
    /// A tensor's sum as a scalar.
    Sum(usize),
    /// The row sums of a tensor, repeated.
    Centre(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let k = 0..64usize;
    prop_oneof![
        (k.clone(), k.clone()).prop_map(|(a, b)| Step::Add(a, b)),
        (k.clone(), k.clone()).prop_map(|(a, b)| Step::Mul(a, b)),
        k.clone().prop_map(Step::Tanh),
        (k.clone(), any::<i8>()).prop_map(|(a, c)| Step::Scale(a, c)),
        (k.clone(), k.clone()).prop_map(|(a, b)| Step::Broadcast(a, b)),
        (k.clone(), k.clone()).prop_map(|(a, b)| Step::TensorAdd(a, b)),
        k.clone().prop_map(Step::TensorSin),
        k.clone().prop_map(Step::Sum),
        k.prop_map(Step::Centre),
    ]
}

/// Runs a program, whose result depends on all scalars and on reductions of all tensors.
fn run<'t, T: Elem>(
    scalars: &[Var<'t, T>],
    tensors: &[Var<'t, Tensor<T>>],
    program: &[Step],
) -> Var<'t, T> {
    let (mut s, mut t) = (scalars.to_vec(), tensors.to_vec());
    for step in program {
        let a = |k: usize| s[k % s.len()];
        let x = |k: usize| t[k % t.len()];
        // A bounded function after each product keeps the numbers from growing without limit.
        match *step {
            Step::Add(i, j) => s.push((a(i) + a(j)).tanh()),
            Step::Mul(i, j) => s.push((a(i) * a(j)).sin()),
            Step::Tanh(i) => s.push(a(i).tanh()),
            Step::Scale(i, c) => s.push(a(i) * T::of(f64::from(c) / 64.0)),
            Step::Broadcast(i, j) => t.push((x(i) * a(j)).tanh()),
            Step::TensorAdd(i, j) => t.push((x(i) + x(j)).sin()),
            Step::TensorSin(i) => t.push(x(i).sin()),
            Step::Sum(i) => s.push(x(i).sum().sin()),
            Step::Centre(i) => t.push(x(i) - x(i).sum_keep(1) * T::of(0.5)),
        }
    }
    let scalars: Var<T> = s.iter().sum();
    let tensors: Var<T> = t.iter().map(|t| t.sum()).sum();
    scalars * tensors
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn reverse_forward_and_dual_numbers_agree(
        program in prop::collection::vec(step(), 0..40),
        numbers in prop::collection::vec(-1.0..1.0f64, 16),
    ) {
        let tape = Tape::new();
        let scalars = [tape.var(numbers[0]), tape.var(numbers[1])];
        let tensors = [
            tape.var(Tensor::new([2, 3], numbers[2..8].to_vec()).unwrap()),
            tape.var(Tensor::new([1, 3], numbers[8..11].to_vec()).unwrap()),
        ];
        let y = run(&scalars, &tensors, &program);
        let grads = y.backward();
        let directions = &numbers[11..16];
        let along = Tensor::new([2, 3], vec![directions[0]; 6]).unwrap();
        let by_reverse = grads.wrt(scalars[0]) * directions[1]
            + grads.wrt(scalars[1]) * directions[2]
            + grads.wrt(tensors[0]).iter().sum::<f64>() * directions[0];
        let walk = tape.forward()
            .along(scalars[0], directions[1])
            .along(scalars[1], directions[2])
            .along(tensors[0], along)
            .walk();
        let by_forward = walk.of(y);

        let dual = Tape::<Dual<f64>>::default();
        let s = [
            dual.var(Dual::new(numbers[0], directions[1])),
            dual.var(Dual::new(numbers[1], directions[2])),
        ];
        let lift = |x: Tensor<f64>, t: f64| x.map(|x| Dual::new(x, t));
        let t = [
            dual.var(lift(tensors[0].value(), directions[0])),
            dual.var(lift(tensors[1].value(), 0.0)),
        ];
        let by_dual = run(&s, &t, &program).value().tangent;

        let scale = 1.0 + by_dual.abs();
        prop_assert!((by_reverse - by_dual).abs() <= 1e-9 * scale, "{by_reverse} and {by_dual}");
        prop_assert!((by_forward - by_dual).abs() <= 1e-9 * scale, "{by_forward} and {by_dual}");
    }
}
