//! Checkpoints: gradients bit for bit, the promised memory, and the optimal schedule.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use wengert::transform::checkpoint::advances;
use wengert::{Dual, Elem, Random, Tape, Tensor, Var};

/// The bits of a tensor's numbers.
fn bits(x: &Tensor<f64>) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// A stretch in which both operands are used several times.
fn stretch<'t, T: Elem>(x: &[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>> {
    let hidden = (x[0].matmul(x[1]) + x[0]).tanh();
    (hidden * x[0]).softmax(1) - (x[1] * hidden).sin()
}

fn matrices(seed: u64) -> [Tensor<f64>; 2] {
    let mut random = Random::new(seed);
    [0; 2].map(|_| random.normal([3, 3], 0.0, 1.0))
}

#[test]
fn gradients_are_those_without_bit_for_bit() {
    let [a, w] = matrices(1);
    let run = |checkpointed: bool| {
        let tape = Tape::new();
        let (a, w) = (tape.var(a.clone()), tape.var(w.clone()));
        // The operands are used before, after, and twice in the stretch.
        let before = (a * w).cos();
        let y = if checkpointed {
            tape.checkpoint(&[before, w, before], |_, x| stretch(&[x[0], x[1]]) * x[2])
        } else {
            stretch(&[before, w]) * before
        };
        let loss = (y * a + before.exp() + w).sum();
        let grads = loss.backward();
        let again = loss.backward();
        assert_eq!(bits(&grads.wrt(a)), bits(&again.wrt(a)));
        [bits(&y.value()), bits(&grads.wrt(a)), bits(&grads.wrt(w))]
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn a_checkpoint_keeps_its_output_and_eight_bytes() {
    let [a, w] = matrices(2);
    let tape = Tape::new();
    let (a, w) = (tape.var(a), tape.var(w));
    let before = tape.bytes();
    let y = tape.checkpoint(&[a, w], |_, x| stretch(x));
    assert_eq!(tape.bytes() - before, 9 * 8 + 8);
    assert_eq!(tape.tensor_nodes(), 1);
    let _ = tape.take_recomputation();
    let _ = y.sum().backward();
    let cost = tape.take_recomputation();
    assert_eq!(cost.runs, 1);
    let taken = tape.take_recomputation();
    assert_eq!((taken.runs, taken.peak), (0, 0), "it starts anew");

    // On the tape itself, this takes exactly what the checkpoint held during the walk.
    let plain = Tape::new();
    let (a, w) = (plain.var(a.value()), plain.var(w.value()));
    let before = plain.bytes();
    let _ = stretch(&[a, w]);
    assert_eq!(cost.peak, plain.bytes() - before);
    assert!(plain.tensor_nodes() > 5);
}

#[test]
fn checkpoints_nest() {
    let [a, w] = matrices(3);
    let run = |depth: usize| {
        fn level<'t>(tape: &'t Tape, x: &[Var<'t, Tensor>], depth: usize) -> Var<'t, Tensor> {
            let y = stretch(x);
            match depth {
                0 => stretch(&[y, x[1]]),
                _ => tape.checkpoint(&[y, x[1]], move |tape, x| level(tape, x, depth - 1)),
            }
        }
        type Tensor = wengert::Tensor<f64>;
        let tape = Tape::new();
        let (a, w) = (tape.var(a.clone()), tape.var(w.clone()));
        let y = tape.checkpoint(&[a, w], move |tape, x| level(tape, x, depth));
        let grads = (y * a).sum().backward();
        (
            bits(&grads.wrt(a)),
            bits(&grads.wrt(w)),
            tape.take_recomputation().runs,
        )
    };
    let plain = {
        let tape = Tape::new();
        let (a, w) = (tape.var(a.clone()), tape.var(w.clone()));
        let y = (0..4).fold(a, |y, _| stretch(&[y, w]));
        let grads = (y * a).sum().backward();
        (bits(&grads.wrt(a)), bits(&grads.wrt(w)))
    };
    let (by_a, by_w, runs) = run(2);
    assert_eq!((by_a, by_w), plain);
    // The outer one runs again once; the nested one when the outer is recorded and when it is walked.
    assert_eq!(runs, 3);
}

#[test]
fn forward_mode_and_second_order_go_through() {
    let [a, w] = matrices(4);
    let [da, dw] = matrices(5);
    let forward = |checkpointed: bool| {
        let tape = Tape::new();
        let (x, v) = (tape.var(a.clone()), tape.var(w.clone()));
        let y = if checkpointed {
            tape.checkpoint(&[x, v], |_, x| stretch(x))
        } else {
            stretch(&[x, v])
        };
        let walk = tape.forward().along(x, da.clone()).along(v, dw.clone());
        bits(&walk.walk().of(y))
    };
    assert_eq!(forward(true), forward(false));
    let second = |checkpointed: bool| {
        let lift = |x: &Tensor<f64>, t: &Tensor<f64>| {
            let pairs = x.iter().zip(t.iter());
            let data = pairs.map(|(&x, &t)| Dual::new(x, t)).collect();
            Tensor::new([3, 3], data).unwrap()
        };
        let tape = Tape::<Dual<f64>>::default();
        let (x, v) = (tape.var(lift(&a, &da)), tape.var(lift(&w, &dw)));
        let y = if checkpointed {
            tape.checkpoint(&[x, v], |_, x| stretch(x))
        } else {
            stretch(&[x, v])
        };
        let grads = y.sum().backward();
        bits(&grads.wrt(v).map(|d| d.tangent))
    };
    assert_eq!(second(true), second(false));
}

#[test]
fn a_checkpoint_replays_on_new_values() {
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let y = tape.checkpoint(&[x], |_, x| x[0] * x[0]);
    let z = tape.checkpoint_chain(3, 1, y, &[], |_, x, _| x * x).sum();
    let (x, z) = (x.id().unwrap(), z.id().unwrap());
    tape.replay([(x, Tensor::from([1.0, -1.5]))]).unwrap();
    assert_eq!(tape.handle(z).value(), 1.0 + 1.5f64.powi(16));
    let grads = tape.handle(z).backward();
    assert_eq!(
        grads.wrt(tape.handle(x)),
        Tensor::from([16.0, -16.0 * 1.5f64.powi(15)])
    );
}

#[test]
fn constants_and_unused_inputs_get_nothing() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let unused = tape.var(Tensor::from([1.0]));
    let fixed = tape.constant(Tensor::from([3.0, 4.0]));
    let y = tape.checkpoint(&[x, fixed, unused], |_, x| x[0] * x[1]);
    let grads = y.sum().backward();
    assert_eq!(grads.wrt(x), Tensor::from([3.0, 4.0]));
    assert_eq!(grads.get(unused), None);
    // Constants alone give a constant.
    let nodes = tape.tensor_nodes();
    let z = tape.checkpoint(&[fixed], |_, x| x[0].exp());
    assert_eq!(z.value(), fixed.value().exp());
    assert_eq!(tape.tensor_nodes(), nodes);
    // An identity, and a function of nothing.
    let same = tape.checkpoint(&[x], |_, x| x[0]);
    assert_eq!((same * x).sum().backward().wrt(x), Tensor::from([2.0, 4.0]));
    let one = tape.checkpoint(&[x], |tape, _| tape.constant(Tensor::from([1.0])));
    assert_eq!(one.sum().backward().get(x), None);
}

/// One step of a recurrence with a parameter; `k` matters.
fn step<'t, T: Elem>(
    k: usize,
    x: Var<'t, Tensor<T>>,
    with: &[Var<'t, Tensor<T>>],
) -> Var<'t, Tensor<T>> {
    let shift = T::of((k % 7) as f64 / 8.0);
    (x.matmul(with[0]) + x * shift).tanh() + with[1] * x
}

/// Value and gradients of a chain, and how many steps were run in all.
fn chain(steps: usize, budget: Option<usize>, alias: bool) -> ([Vec<u64>; 4], usize, usize) {
    let [a, w] = matrices(6);
    let calls = Arc::new(AtomicUsize::new(0));
    let tape = Tape::new();
    let (a, w) = (tape.var(a), tape.var(w));
    let bias = if alias {
        a
    } else {
        tape.var(Tensor::from([0.1, 0.2, 0.3]))
    };
    let y = match budget {
        None => (0..steps).fold(a, |x, k| step(k, x, &[w, bias])),
        Some(budget) => {
            let calls = Arc::clone(&calls);
            tape.checkpoint_chain(steps, budget, a, &[w, bias], move |k, x, with| {
                calls.fetch_add(1, Ordering::Relaxed);
                step(k, x, with)
            })
        }
    };
    let grads = (y.sin() * a + w).sum().backward();
    let results = [y.value(), grads.wrt(a), grads.wrt(w), grads.wrt(bias)];
    let runs = tape.take_recomputation().runs;
    (
        results.map(|x| bits(&x)),
        calls.load(Ordering::Relaxed),
        runs,
    )
}

#[test]
fn a_chain_has_the_gradients_without_and_the_fewest_runs() {
    for steps in [0, 1, 2, 3, 7, 20, 33] {
        for budget in [1, 2, 3, 5, 50] {
            for alias in [false, true] {
                let (found, calls, runs) = chain(steps, Some(budget), alias);
                let (plain, _, _) = chain(steps, None, alias);
                assert_eq!(found, plain, "{steps} steps, {budget} states");
                assert_eq!(runs, steps + advances(steps, budget));
                assert_eq!(calls, steps + runs);
            }
        }
    }
}

#[test]
fn ten_thousand_steps_keep_what_the_budget_allows() {
    const STEPS: usize = 10_000;
    const STATE: usize = 64 * 8;
    let mut random = Random::new(7);
    let x0 = random.normal([64], 0.0, 1.0);
    let rate = random.uniform([64], 0.5, 1.0);
    let plain = {
        let tape = Tape::new();
        let (x, r) = (tape.var(x0.clone()), tape.var(rate.clone()));
        let y = (0..STEPS).fold(x, |x, _| (x * r).sin());
        assert_eq!(tape.bytes(), 2 * STATE + 2 * STATE * STEPS);
        let grads = y.sum().backward();
        [bits(&grads.wrt(x)), bits(&grads.wrt(r))]
    };
    for budget in [3, 20, 100, 1000] {
        let tape = Tape::new();
        let (x, r) = (tape.var(x0.clone()), tape.var(rate.clone()));
        let y = tape.checkpoint_chain(STEPS, budget, x, &[r], |_, x, r| (x * r[0]).sin());
        assert_eq!(tape.bytes(), 3 * STATE + 8, "operands, output, fingerprint");
        let grads = y.sum().backward();
        let cost = tape.take_recomputation();
        assert_eq!(cost.runs, STEPS + advances(STEPS, budget));
        // All states but the first, which the tape has; the current one, one to compare with, and the
        // two nodes of a step.
        assert_eq!(cost.peak, (budget - 1 + 4) * STATE);
        assert_eq!([bits(&grads.wrt(x)), bits(&grads.wrt(r))], plain);
    }
}

#[test]
fn a_chain_goes_through_forward_mode_and_second_order() {
    let [a, w] = matrices(8);
    let [da, dw] = matrices(9);
    let bias = Tensor::from([0.1, 0.2, 0.3]);
    for alias in [false, true] {
        let forward = |budget: Option<usize>| {
            let tape = Tape::new();
            let (x, v) = (tape.var(a.clone()), tape.var(w.clone()));
            let b = if alias {
                x
            } else {
                tape.constant(bias.clone())
            };
            let y = match budget {
                None => (0..9).fold(x, |x, k| step(k, x, &[v, b])),
                Some(budget) => tape.checkpoint_chain(9, budget, x, &[v, b], step),
            };
            let walk = tape.forward().along(x, da.clone()).along(v, dw.clone());
            bits(&walk.walk().of(y))
        };
        assert_eq!(forward(Some(2)), forward(None));
    }
    let second = |budget: Option<usize>| {
        let tape = Tape::<Dual<f64>>::default();
        let mut t = da.iter();
        let x = tape.var(a.map(|x| Dual::new(x, *t.next().unwrap())));
        let v = tape.var(w.map(Dual::constant));
        let b = tape.var(bias.map(Dual::constant));
        let y = match budget {
            None => (0..9).fold(x, |x, k| step(k, x, &[v, b])),
            Some(budget) => tape.checkpoint_chain(9, budget, x, &[v, b], step),
        };
        bits(&y.sum().backward().wrt(v).map(|d| d.tangent))
    };
    assert_eq!(second(Some(3)), second(None));
}

#[test]
fn a_chain_from_a_constant_gives_its_inputs_their_gradients() {
    let run = |budget: Option<usize>| {
        let tape = Tape::new();
        let x = tape.constant(Tensor::from([0.5, 0.25]));
        let w = tape.var(Tensor::from([1.5, -0.5]));
        let y = match budget {
            None => (0..6).fold(x, |x, _| (x * w).exp()),
            Some(budget) => tape.checkpoint_chain(6, budget, x, &[w], |_, x, w| (x * w[0]).exp()),
        };
        bits(&y.sum().backward().wrt(w))
    };
    assert_eq!(run(Some(2)), run(None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_chain_within_any_budget(steps in 0..60usize, budget in 1..12usize, alias: bool) {
        let (found, calls, runs) = chain(steps, Some(budget), alias);
        prop_assert_eq!(found, chain(steps, None, alias).0);
        prop_assert_eq!((runs, calls), (steps + advances(steps, budget), 2 * steps + advances(steps, budget)));
    }
}
