//! Sums of chains whose cotangents are computed with their value, as learned from the recording before: the bits, how
//! often rules run, and everything else that may happen instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::chains::{bits, eager, numbers};
use crate::expressions::{Step, recordings};
use proptest::prelude::*;
use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::{Error, Shape, Tape, Tensor, Var};

const N: usize = 10_000;

type Handle<'t> = Var<'t, Tensor<f64>>;

/// y = x², row by row; counts its forwards and its pullbacks.
#[derive(Clone, Debug, Default)]
struct Square(Arc<[AtomicUsize; 2]>);

impl Square {
    /// How many there were since the last call.
    fn counts(&self) -> [usize; 2] {
        [0, 1].map(|k| self.0[k].swap(0, Ordering::Relaxed))
    }
}

impl Rule<f64> for Square {
    fn name(&self) -> &'static str {
        "counted square"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<f64>], y: &mut Slot<'_, f64>, _: &mut Residual<f64>) {
        self.0[0].fetch_add(1, Ordering::Relaxed);
        y.give(x[0] * x[0]);
    }

    fn vjp(&self, at: &Point<'_, f64>, g: &Tensor<f64>, gx: &mut [Slot<'_, f64>]) {
        self.0[1].fetch_add(1, Ordering::Relaxed);
        gx[0].give(&(g * at.x[0]) * &Tensor::scalar(2.0));
    }

    fn rowwise(&self, _: &[&Shape], _: usize) -> Option<&(dyn Rule<f64> + Sync)> {
        Some(self)
    }
}

/// A tape that puts chains off and has seen two recordings of these steps.
fn taught<R>(step: impl Fn(&Tape) -> R) -> Tape {
    let mut tape = Tape::new().with_blocks(1 << 15);
    for _ in 0..2 {
        drop(step(&tape));
        tape.reset();
    }
    tape
}

fn leaves(tape: &Tape) -> [Handle<'_>; 2] {
    [1, 2].map(|seed| tape.var(numbers(&[N], seed)))
}

/// `(x w)² σ(x)`.
fn chain<'t>(square: &Square, [x, w]: [Handle<'t>; 2]) -> Handle<'t> {
    (x * w).apply(square.clone()) * x.sigmoid()
}

/// One step of training: the gradients of the sum.
fn step(square: &Square, tape: &Tape) -> Vec<Vec<u64>> {
    let leaves = leaves(tape);
    let gradients = chain(square, leaves).sum().backward();
    leaves.map(|x| bits(&gradients.wrt(x))).into()
}

#[test]
fn what_was_learned_is_gone_through_once() {
    let square = Square::default();
    let mut tape = Tape::new().with_blocks(1 << 15);
    let expected = step(&square, &eager());
    square.counts();
    assert_eq!(step(&square, &tape), expected);
    let [forwards, pullbacks] = square.counts();
    assert!(
        forwards > pullbacks && pullbacks > 1,
        "{forwards} {pullbacks}"
    );
    let walk = tape.last_walk();
    for _ in 0..3 {
        tape.reset();
        assert_eq!(step(&square, &tape), expected);
        let [forwards, pullbacks] = square.counts();
        assert_eq!(forwards, pullbacks);
        let [first, now] = [walk.unwrap(), tape.last_walk().unwrap()];
        assert_eq!(now.pullbacks, first.pullbacks);
        assert!(now.peak >= 2 * 8 * N && now.peak <= first.peak);
    }
}

#[test]
fn the_mean_and_several_sums_are_learned_apart() {
    let step = |square: &Square, tape: &Tape| {
        let leaves = leaves(tape);
        let (a, b) = (chain(square, leaves).mean(), chain(square, leaves).sum());
        let gradients = (a * 3.0 - b).backward();
        leaves.map(|x| bits(&gradients.wrt(x)))
    };
    let square = Square::default();
    let tape = taught(|tape| step(&square, tape));
    square.counts();
    let expected = step(&square, &eager());
    square.counts();
    assert_eq!(step(&square, &tape), expected);
    // The walk reaches the second chain first, so the other one finds shares of it and is walked anew.
    let [forwards, pullbacks] = square.counts();
    assert!(forwards < 2 * pullbacks, "{forwards} {pullbacks}");
}

#[test]
fn what_comes_instead_is_walked_anew() {
    let square = Square::default();
    let tape = || taught(|tape| step(&square, tape));
    let both = |ask: &dyn Fn(&Tape) -> Vec<Vec<u64>>| {
        assert_eq!(ask(&tape()), ask(&eager()));
    };
    let gradients = |leaves: [Handle<'_>; 2], loss: Var<'_, f64>| {
        let gradients = loss.backward();
        leaves.map(|x| bits(&gradients.wrt(x))).to_vec()
    };
    // Another cotangent.
    both(&|tape| {
        let leaves = leaves(tape);
        gradients(leaves, chain(&square, leaves).sum() * 0.3)
    });
    // The chain's value, and its last step, used elsewhere.
    both(&|tape| {
        let leaves = leaves(tape);
        let y = chain(&square, leaves);
        let sum = y.sum();
        gradients(leaves, sum + (y * y).mean())
    });
    // A leaf that has received something before.
    both(&|tape| {
        let leaves = leaves(tape);
        let sum = chain(&square, leaves).sum();
        gradients(leaves, sum + leaves[0].dot(leaves[1]))
    });
    // A value that is read in between.
    both(&|tape| {
        let leaves = leaves(tape);
        let y = chain(&square, leaves);
        let sum = y.sum();
        let mut seen = vec![bits(&y.value())];
        seen.extend(gradients(leaves, sum));
        seen
    });
    // A node that is watched, before the sum and after it.
    for early in [true, false] {
        both(&|tape| {
            let leaves = leaves(tape);
            let inner = leaves[0] * leaves[1];
            let y = inner.apply(square.clone()) * leaves[0].sigmoid();
            if early {
                let _ = inner.watch();
            }
            let sum = y.sum();
            let _ = inner.watch();
            let walk = sum.backward();
            vec![bits(&walk.wrt(inner)), bits(&walk.wrt(leaves[0]))]
        });
    }
    // No walk from the sum at all.
    both(&|tape| {
        let leaves = leaves(tape);
        let y = chain(&square, leaves);
        let _ = y.sum();
        let walk = y.vjp(numbers(&[N], 5));
        leaves.map(|x| bits(&walk.wrt(x))).to_vec()
    });
}

#[test]
fn a_second_walk_finds_the_same() {
    let square = Square::default();
    let tape = taught(|tape| step(&square, tape));
    square.counts();
    let leaves = leaves(&tape);
    let loss = chain(&square, leaves).sum();
    let before = tape.bytes();
    let [first, second] = [0, 1].map(|_| {
        let gradients = loss.backward();
        leaves.map(|x| bits(&gradients.wrt(x)))
    });
    assert_eq!(first, second);
    // The first walk took the gradients themselves.
    assert_eq!(tape.bytes(), before - 2 * 8 * N);
    let [forwards, pullbacks] = square.counts();
    assert_eq!(forwards, pullbacks);
}

#[test]
fn who_walks_no_more_pays_no_more() {
    let square = Square::default();
    let mut tape = taught(|tape| step(&square, tape));
    let evaluate = |tape: &Tape| {
        let loss = chain(&square, leaves(tape)).sum().value();
        (loss, tape.bytes())
    };
    let expected = evaluate(&eager()).0;
    // The first time the tape cannot know; the ledger shows what is kept.
    square.counts();
    let (loss, bytes) = evaluate(&tape);
    assert!(square.counts()[1] > 0);
    assert_eq!((loss, bytes), (expected, tape.ledger().bytes));
    let sum = tape.ledger().row("sum").unwrap().residuals;
    assert_eq!(sum, 2 * 8 * N);
    tape.reset();
    let (loss, fewer) = evaluate(&tape);
    assert_eq!((loss, square.counts()[1]), (expected, 0));
    assert_eq!(fewer, bytes - sum);
}

#[test]
fn replay_forgets_what_was_foreseen() {
    let square = Square::default();
    let mut tape = taught(|tape| step(&square, tape));
    let [x, w] = leaves(&tape);
    let loss = chain(&square, [x, w]).sum().id().unwrap();
    let ids = [x, w].map(|x| x.id().unwrap());
    let other = numbers(&[N], 8);
    tape.replay([(ids[0], other.clone())]).unwrap();
    let gradients = tape.handle(loss).backward();
    let found = ids.map(|id| gradients.wrt(tape.handle(id)));
    let fresh = eager();
    let leaves = [fresh.var(other), fresh.var(numbers(&[N], 2))];
    let gradients = chain(&square, leaves).sum().backward();
    assert_eq!(found, leaves.map(|x| gradients.wrt(x)));
}

#[test]
fn constants_are_not_pulled() {
    let square = Square::default();
    let tape = taught(|tape| step(&square, tape));
    square.counts();
    let leaves = [1, 2].map(|seed| tape.constant(numbers(&[N], seed)));
    let _ = chain(&square, leaves).sum();
    assert_eq!(square.counts()[1], 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn foresight_changes_no_bit(
        steps in prop::collection::vec(any::<Step>(), 1..6),
        shape in prop::sample::select(vec![vec![24, 128], vec![3000], vec![12, 2, 128]]),
        end in any::<u8>(),
        threads in 1..3usize,
    ) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let double = |tape: Tape<f64>| recordings(tape, &shape, &steps, end & 3);
        let single = |tape: Tape<f32>| recordings(tape, &shape, &steps, end & 3);
        pool.install(|| {
            prop_assert_eq!(double(eager()), double(Tape::default().with_blocks(1 << 14)));
            prop_assert_eq!(single(eager()), single(Tape::default().with_blocks(1 << 13)));
            Ok(())
        })?;
    }
}

/// A rule that has no pullback.
#[derive(Debug)]
struct OneWay;

impl Rule<f64> for OneWay {
    fn name(&self) -> &'static str {
        "one way"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<f64>], y: &mut Slot<'_, f64>, _: &mut Residual<f64>) {
        y.give(x[0].clone());
    }

    fn vjp(&self, _: &Point<'_, f64>, _: &Tensor<f64>, _: &mut [Slot<'_, f64>]) {}

    fn rowwise(&self, _: &[&Shape], _: usize) -> Option<&(dyn Rule<f64> + Sync)> {
        Some(self)
    }
}

#[test]
fn a_rule_that_refuses_is_told_of_by_the_walk() {
    let mut tape = Tape::new().with_blocks(1 << 15);
    for _ in 0..3 {
        let x = tape.var(numbers(&[N], 1));
        let loss = (x * 2.0).apply(OneWay).sum();
        let error = loss.try_backward().unwrap_err().to_string();
        assert!(error.contains("one way"), "{error}");
        tape.reset();
    }
}
