//! Chains in blocks: bit for bit the results of a tape that computes immediately, with less kept.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::chains::{bits, eager, numbers};
use crate::expressions::{Step, recordings};
use crate::panics;
use proptest::prelude::*;
use wengert::ops::Unary;
use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::{Elem, Error, ErrorKind, Shape, Tape, Tensor, Var};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn blocks_change_no_bit(
        steps in prop::collection::vec(any::<Step>(), 1..45),
        shape in prop::sample::select(vec![
            vec![23], vec![7, 3], vec![12, 1], vec![2, 5], vec![5, 2, 3], vec![9, 37], vec![700],
            vec![2, 3, 4, 2], vec![1, 5, 2, 2], vec![2, 1, 3, 3],
        ]),
        end in any::<u8>(),
        bytes in prop::sample::select(vec![1, 32, 64, 200, 1000]),
        threads in 0..4usize,
    ) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let double = |tape: Tape<f64>| recordings(tape, &shape, &steps, end);
        let single = |tape: Tape<f32>| recordings(tape, &shape, &steps, end);
        let both = || {
            prop_assert_eq!(double(eager()), double(Tape::default().with_blocks(bytes)));
            prop_assert_eq!(single(eager()), single(Tape::default().with_blocks(bytes)));
            Ok(())
        };
        // Outside of a pool, work is shared in another way.
        match threads {
            0 => both()?,
            _ => pool.install(both)?,
        }
    }
}

/// `Σ tanh(x w + b) σ(x)`.
fn chain<'t>([x, w, b]: [Var<'t, Tensor<f64>>; 3]) -> Var<'t, f64> {
    ((x * w + b).tanh() * x.sigmoid()).sum()
}

fn leaves(tape: &Tape) -> [Var<'_, Tensor<f64>>; 3] {
    [1, 2, 3].map(|seed| tape.var(numbers(&[1000], seed)))
}

#[test]
fn a_sum_ends_a_chain_that_is_not_written() {
    // Each with enough bytes that blocks end where stretches of 128 elements do.
    for (shape, enough) in [
        (&[100_003][..], 1 << 13),
        (&[3000, 40], 1 << 15),
        (&[999, 33], 1 << 17),
        (&[4001, 3], 1 << 14),
        (&[7, 64, 128], 1 << 18),
    ] {
        let ends = |tape: Tape<f32>| {
            let [x, w] = [1, 2].map(|seed| tape.var(numbers(shape, seed)));
            let y = (x * w).tanh() * x.sigmoid();
            let (sum, mean) = (y.sum(), y.mean());
            let kept = tape.bytes();
            let grads = (sum * mean).backward();
            let numbers = [sum, mean].map(|z| z.value().to_bits());
            (numbers, [x, w].map(|x| bits(&grads.wrt(x))), kept)
        };
        let leaves = 8 * shape.iter().product::<usize>();
        let once = ends(eager());
        for threads in 1..4 {
            for bytes in [1 << 11, enough] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let tape = || Tape::default().with_blocks(bytes);
                let blocks = pool.build().unwrap().install(|| ends(tape()));
                assert_eq!(
                    (once.0, &once.1),
                    (blocks.0, &blocks.1),
                    "{shape:?} {bytes}"
                );
                if bytes == enough {
                    assert!(blocks.2 < leaves + 200, "{shape:?} {}", blocks.2);
                }
            }
        }
    }
}

/// `y = 1 / x`, value and slope together; the slope leaves the range long before its product with a cotangent.
#[derive(Clone, Copy, Debug)]
struct Reciprocal<const LATER: bool>;

impl<const LATER: bool, T: Elem> Unary<T> for Reciprocal<LATER> {
    const NAME: &'static str = "reciprocal";
    const PAIRED: bool = true;
    const FAR_LATER: bool = LATER;
    type Wide = Self;
    fn wide(self) -> Self {
        self
    }
    fn value(self, x: T) -> T {
        x.recip()
    }
    fn slope(self, _: T, y: T) -> T {
        -y * y
    }
    fn far(self, _: T, y: T, g: T) -> Option<T> {
        Some(-(g * y) * y)
    }
}

#[test]
fn a_kept_slope_that_left_the_range_costs_no_gradient() {
    fn gradient<const LATER: bool>(tape: Tape) -> Vec<u64> {
        let x = tape.var(Tensor::full([1000], 1e-200));
        let y = x.unary(Reciprocal::<LATER>) * 1e-150 * 1e-100;
        let gradient = y.sum().backward().wrt(x);
        assert!((gradient.data()[0] + 1e150).abs() < 1e136);
        bits(&gradient)
    }
    let blocks = || Tape::new().with_blocks(1000);
    assert_eq!(gradient::<false>(eager()), gradient::<false>(blocks()));
    assert_eq!(gradient::<true>(eager()), gradient::<true>(blocks()));
}

#[test]
fn only_what_was_asked_for_is_kept() {
    let tape = Tape::new().with_blocks(1000);
    let loss = chain(leaves(&tape));
    let ledger = tape.ledger();
    let values = |op: &str| ledger.row(op).unwrap().values;
    assert_eq!(
        ["mul", "add", "tanh", "sigmoid"].map(values),
        [8000, 0, 0, 0]
    ); // what sum read
    assert_eq!(ledger.bytes, tape.bytes());
    drop(loss.backward());
    assert_eq!(ledger.bytes, tape.bytes());
    let peak = tape.last_walk().unwrap().peak;
    let other = eager();
    drop(chain(leaves(&other)).backward());
    let at_once = other.last_walk().unwrap().peak;
    // The gradients of three leaves are 24,000 bytes; both walks add to them in place.
    assert!(peak < 27_000 && at_once < 27_000, "{peak} {at_once}");
    assert_eq!(other.bytes() - tape.bytes(), 4 * 8000);
}

#[test]
fn what_is_read_is_computed_then_and_kept() {
    let tape = Tape::new().with_blocks(1000);
    let [x, w, _] = leaves(&tape);
    let y = (x * w).exp();
    let before = tape.bytes();
    assert_eq!((y.shape(), tape.bytes()), ([1000].into(), before));
    let value = y.value();
    assert_eq!(value, (&numbers(&[1000], 1) * &numbers(&[1000], 2)).exp());
    assert_eq!(tape.bytes(), before + 8000);
    assert_eq!(
        tape.nodes().iter().last().unwrap().value().data().as_ptr(),
        value.data().as_ptr()
    );
}

#[test]
fn a_shape_that_does_not_fit_is_told_at_once() {
    let tape = Tape::new().with_blocks(1000);
    let y = leaves(&tape)[0].exp();
    panics!(
        y + Tensor::<f64>::ones([7]),
        "add: shapes [1000] and [7] do not broadcast; trailing sizes must be equal or 1"
    );
}

#[test]
fn an_intermediate_that_was_not_watched_is_refused_as_ever() {
    let tape = Tape::new().with_blocks(1000);
    let [x, w, b] = leaves(&tape);
    let inner = (x * w).exp();
    let aside = inner.sin();
    let grads = (inner + b).sum().backward();
    let refused = grads.try_wrt(inner).unwrap_err();
    assert!(matches!(
        refused.kind(),
        ErrorKind::NotKept { op: "exp", .. }
    ));
    assert_eq!(grads.wrt(aside), Tensor::zeros([1000]));
}

#[test]
fn replay_puts_off_again() {
    let mut tape = Tape::new().with_blocks(1000);
    let [x, w, b] = leaves(&tape);
    let (loss, ids) = (
        chain([x, w, b]).id().unwrap(),
        [x, w, b].map(|x| x.id().unwrap()),
    );
    let before = tape.bytes();
    tape.replay([(ids[0], numbers(&[1000], 8))]).unwrap();
    assert_eq!(tape.bytes(), before);
    let other = eager();
    let [_, w, b] = leaves(&other);
    let x = other.var(numbers(&[1000], 8));
    let expected = chain([x, w, b]);
    assert_eq!(tape.handle(loss).value(), expected.value());
    let (grads, expected) = (tape.handle(loss).backward(), expected.backward());
    for (id, handle) in ids.into_iter().zip([x, w, b]) {
        assert_eq!(grads.wrt(tape.handle(id)), expected.wrt(handle));
    }
}

#[test]
fn a_number_born_in_a_block_has_its_birth_certificate() {
    let tape = Tape::new().with_blocks(1000);
    let x = tape.var(Tensor::from(
        (0..1000).map(|k| 900.0 - f64::from(k)).collect::<Vec<_>>(),
    ));
    let (loss, line) = ((x + 1.0).ln().exp().sum(), line!());
    let birth = tape.first_non_finite().unwrap();
    assert_eq!(
        (birth.op, birth.place.as_str(), birth.line.unwrap().line()),
        ("ln", "y[902]", line)
    );
    assert_eq!(loss.diagnose().nan.unwrap().op, "ln");
}

#[test]
fn a_chain_of_ten_thousand_neither_recurses_nor_keeps_all() {
    let tape = Tape::new().with_blocks(1000);
    let x = tape.var(numbers(&[1000], 1));
    let y = (0..10_000).fold(x, |y, _| y.sin());
    let other = eager();
    let z = other.var(numbers(&[1000], 1));
    let expected = (0..10_000).fold(z, |y, _| y.sin()).sum();
    assert_eq!(y.sum().backward().wrt(x), expected.backward().wrt(z));
    assert!(tape.bytes() < other.bytes() / 30);
}

/// y = 2 x, row by row; counts its forwards and keeps something.
#[derive(Debug)]
struct Twice(Arc<AtomicUsize>);

impl Rule<f64> for Twice {
    fn name(&self) -> &'static str {
        "twice"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<f64>], y: &mut Slot<'_, f64>, keep: &mut Residual<f64>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        keep.values.resize(x[0].len(), 2.0);
        y.give(x[0] + x[0]);
    }

    fn vjp(&self, at: &Point<'_, f64>, g: &Tensor<f64>, gx: &mut [Slot<'_, f64>]) {
        let slopes = Tensor::new(g.shape(), at.kept.values.clone()).unwrap();
        gx[0].give(g * &slopes);
    }

    fn rowwise(&self, _: &[&Shape], _: usize) -> Option<&(dyn Rule<f64> + Sync)> {
        Some(self)
    }
}

#[test]
fn a_value_that_was_asked_for_is_not_computed_again() {
    let (count, tape) = (Arc::new(AtomicUsize::new(0)), Tape::new().with_blocks(1000));
    let x = tape.var(numbers(&[1000], 3));
    let y = x.apply(Twice(count.clone()));
    assert_eq!(count.load(Ordering::Relaxed), 0);
    let _ = y.value();
    let before = count.load(Ordering::Relaxed);
    let g = numbers(&[1000], 4);
    assert_eq!(y.vjp(g.clone()).wrt(x), &g + &g);
    assert_eq!(count.load(Ordering::Relaxed), before);
}

/// What blocks of rows have kept is assembled for the forward walk.
#[test]
fn tangents_at_the_end_of_a_chain_are_those_of_a_tape_that_computes_at_once() {
    type End = fn(Var<'_, Tensor<f64>>) -> Var<'_, Tensor<f64>>;
    let ends: [(&str, End); 13] = [
        ("var", |x| x.var_axis(1, 0)),
        ("std", |x| x.std_keep(1, 1)),
        ("layer_norm", |x| x.layer_norm(1, 1e-5)),
        ("softmax", |x| x.softmax(1)),
        ("log_softmax", |x| x.log_softmax(1)),
        ("softmax_scaled", |x| x.softmax_scaled(1, 0.5)),
        ("logsumexp", |x| x.logsumexp_axis(1)),
        ("norm", |x| x.norm_axis(1)),
        ("max", |x| x.max_axis(1)),
        ("prod", |x| x.prod_axis(1)),
        ("mean", |x| x.mean_axis(1)),
        ("cumsum", |x| x.cumsum(1)),
        ("cumprod", |x| x.cumprod(1)),
    ];
    for (name, end) in ends {
        let blocks = |bytes| Tape::new().with_blocks(bytes);
        let found = [eager(), blocks(700), blocks(1500), blocks(4000)].map(|tape: Tape<f64>| {
            let x = tape.var(numbers(&[40, 9], 1));
            let y = end(x * 2.0);
            // Read first, so that the chain is evaluated in blocks.
            let value = y.value();
            let tangents = tape.forward().along(x, numbers(&[40, 9], 2)).walk();
            [bits(&value), bits(&tangents.of(y))]
        });
        assert!(found.iter().all(|x| *x == found[0]), "{name}");
    }
}

#[test]
fn an_empty_batch_beside_a_large_constant_is_empty() {
    for shape in [[0, 2, 400], [2, 0, 400]] {
        let tape = Tape::new().with_blocks(500);
        let x = tape.var(Tensor::<f64>::zeros(shape));
        let y = x * Tensor::ones([400]);
        assert_eq!((y.shape(), y.sum().value()), (shape.into(), 0.0));
        assert_eq!(y.sum().backward().wrt(x), Tensor::zeros(shape));
    }
}

#[test]
fn a_chain_whose_recording_panicked_is_forgotten() {
    let gradients = |refuse: bool| {
        let tape = Tape::new().with_blocks(1000);
        let x = tape.var(numbers::<f64>(&[1000], 3));
        let refused = || {
            let reading = tape.nodes();
            let recording = catch_unwind(AssertUnwindSafe(|| x.sin()));
            drop(reading);
            assert!(recording.is_err());
        };
        // The node that would have begun the chain is not there; the second time, a leaf takes its place.
        if refuse {
            refused();
        }
        let y = x * 2.0;
        if refuse {
            refused();
        }
        let w = tape.var(numbers::<f64>(&[1000], 4));
        let grads = (x.sin() * y * w).sum().backward();
        [grads.wrt(x), grads.wrt(w)]
    };
    assert_eq!(gradients(true), gradients(false));
}
