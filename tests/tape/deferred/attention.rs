//! Batched products in chains that are put off: attention whose scores exist for one head at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::chains::{bits, eager, numbers};
use proptest::prelude::*;
use wengert::rule::{Keeps, Point, Residual, Rule, Slot};
use wengert::{Elem, Error, Shape, Tape, Tensor, Var};

/// Sizes of batch, heads, queries, keys, and of a key.
type Sizes = [usize; 5];

/// From scores to weights, in several usual ways, some of which can be cut along the heads.
fn weights<'t, T: Elem>(scores: Var<'t, Tensor<T>>, sizes: Sizes, way: u8) -> Var<'t, Tensor<T>> {
    let [batch, heads, queries, keys, _] = sizes;
    let tape = scores.tape();
    let mask = |shape: &[usize], kept: &dyn Fn(usize, usize) -> bool| {
        let len: usize = shape.iter().product();
        let kept = (0..len).map(|at| kept(at / keys, at % keys)).collect();
        Tensor::new(shape, kept).unwrap()
    };
    let causal = mask(&[queries, keys], &|query, key| key <= query);
    let padding = mask(&[batch, 1, 1, keys], &|of, key| key < keys - of % keys);
    match way {
        0 => scores.softmax(-1),
        1 => scores.softmax_scaled(-1, T::of(8.0)),
        2 => scores.masked_softmax(-1, &causal),
        3 => scores.masked_softmax(-1, &padding),
        4 => (scores * T::of(0.3) + numbers::<T>(&[queries, keys], 4)).softmax(-1),
        5 => (scores + numbers::<T>(&[heads, 1, 1], 5)).softmax(-1),
        6 => (scores + tape.var(numbers(&[heads, 1, 1], 6))).softmax(-1),
        7 => scores.log_softmax(-1).exp(),
        8 => scores.softmax(-2),
        9 => scores.softmax(1),
        10 => scores
            .where_(&causal, tape.constant(Tensor::scalar(T::of(-1e3))))
            .softmax(-1),
        _ => scores.sigmoid() * scores.mean_keep(-1),
    }
}

/// Values and gradients of attention, as bits. Heads may share their keys.
fn attend<T: Elem>(tape: &Tape<T>, sizes: Sizes, way: u8, ask: u8, shared: bool) -> Vec<Vec<u64>> {
    let [batch, heads, queries, keys, width] = sizes;
    let own = if shared { 1 } else { heads };
    let shapes = [
        [batch, heads, queries, width],
        [batch, own, keys, width],
        [batch, own, keys, 3],
    ];
    let [q, k, v] = [0, 1, 2].map(|i| tape.var(numbers(&shapes[i], i)));
    let scores = q.matmul_t(k);
    let weights = weights(scores, sizes, way);
    let y = weights.matmul(v);
    let mut seen = Vec::new();
    if ask & 1 > 0 {
        seen.push(bits(&weights.value()));
    }
    if ask & 2 > 0 {
        seen.push(bits(&y.value()));
    }
    let g = numbers(&[batch, heads, queries, 3], 9);
    let walk = match ask & 4 {
        0 => y.vjp(g),
        _ => (y * tape.constant(g)).sum().backward(),
    };
    seen.extend([q, k, v].map(|x| bits(&walk.wrt(x))));
    seen.push(vec![tape.last_walk().unwrap().pullbacks as u64]);
    seen.extend([scores, weights, y].map(|x| bits(&x.value())));
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn one_head_at_a_time_changes_no_bit(
        batch in 1..4usize,
        heads in 1..6usize,
        queries in 1..6usize,
        keys in 1..20usize,
        deep in any::<bool>(),
        way in 0..12u8,
        ask in 0..8u8,
        shared in any::<bool>(),
        bytes in prop::sample::select(vec![1, 100, 400, 1000, 3000]),
        threads in 0..4usize,
    ) {
        let sizes = [batch, heads, queries, keys, if deep { 130 } else { 4 }];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let double = |tape: Tape<f64>| attend(&tape, sizes, way, ask, shared);
        let single = |tape: Tape<f32>| attend(&tape, sizes, way, ask, shared);
        let both = || {
            prop_assert!(double(eager()) == double(Tape::default().with_blocks(bytes)));
            prop_assert!(single(eager()) == single(Tape::default().with_blocks(bytes)));
            Ok(())
        };
        // Outside of a pool, work is shared in another way.
        match threads {
            0 => both()?,
            _ => pool.install(both)?,
        }
    }
}

#[test]
fn large_heads_have_the_same_bits() {
    let run = |tape: Tape<f32>| attend(&tape, [2, 3, 100, 150, 32], 1, 0, false);
    assert_eq!(run(eager()), run(Tape::default().with_blocks(1 << 16)));
}

#[test]
fn scores_and_weights_are_never_there_for_all_heads() {
    let peak = |tape: Tape<f32>, way| {
        let sizes = [2, 4, 40, 40, 8];
        let shape = [2, 4, 40, 8];
        let [q, k, v] = [1, 2, 3].map(|seed| tape.var(numbers(&shape, seed)));
        let y = weights(q.matmul_t(k), sizes, way).matmul(v);
        drop(y.vjp(numbers(&shape, 4)));
        (tape.bytes(), tape.last_walk().unwrap().peak)
    };
    let leaf = 4 * 2 * 4 * 40 * 8;
    let scores = 4 * 2 * 4 * 40 * 40;
    for way in [0, 1, 2, 4, 7, 10] {
        let (kept, walk) = peak(Tape::default().with_blocks(8000), way);
        // On one thread, the buffers of the block count, too: three tensors of a single head.
        assert!(
            kept < 4 * leaf && walk <= 6 * leaf + 3 * scores / 8,
            "{way}: {kept} {walk}"
        );
        let (kept, _) = peak(eager(), way);
        assert!(kept >= 3 * leaf + 2 * scores, "{way}: {kept}");
    }
}

#[test]
fn heads_of_a_single_sequence_are_rows() {
    let tape = Tape::<f32>::default().with_blocks(1000);
    let [q, k] = [1, 2].map(|seed| tape.var(numbers(&[1, 6, 10, 4], seed)));
    let before = tape.bytes();
    let weights = q.matmul_t(k).softmax(-1);
    assert_eq!(
        (weights.shape(), tape.bytes()),
        ([1, 6, 10, 10].into(), before)
    );
}

/// `y = 2 x`, declared to cost more than keeping its output; counts its forwards. Unless `HONEST`, it reads the output without declaring it.
#[derive(Debug)]
struct Dear<const HONEST: bool>(Arc<AtomicUsize>);

impl<const HONEST: bool> Rule<f64> for Dear<HONEST> {
    fn name(&self) -> &'static str {
        "dear"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<f64>], y: &mut Slot<'_, f64>, _: &mut Residual<f64>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        y.give(x[0] + x[0]);
    }

    fn vjp(&self, at: &Point<'_, f64>, g: &Tensor<f64>, gx: &mut [Slot<'_, f64>]) {
        let twice = g + g;
        gx[0].give(match HONEST {
            true => twice,
            false => &twice + &at.y.map(|y| y * 0.0),
        });
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn rowwise(&self, _: &[&Shape], _: usize) -> Option<&(dyn Rule<f64> + Sync)> {
        Some(self)
    }

    fn cost(&self, _: &[&Shape]) -> usize {
        1000
    }
}

#[test]
fn what_is_dear_ends_a_chain_and_is_computed_once() {
    let (count, tape) = (Arc::new(AtomicUsize::new(0)), Tape::new().with_blocks(1000));
    let forwards = || count.swap(0, Ordering::Relaxed);
    let (x, g) = (tape.var(numbers(&[1000], 3)), numbers::<f64>(&[1000], 4));
    // Alone, it is not a chain.
    let _ = x.apply(Dear::<true>(count.clone()));
    assert_eq!(forwards(), 1);
    // If no pullback reads it, it is not computed at all.
    let y = (x + 1.0).apply(Dear::<true>(count.clone()));
    assert_eq!(y.vjp(g.clone()).wrt(x), &g + &g);
    assert_eq!(forwards(), 0);
    // What follows is not part of the chain: it reads the value, which is then kept.
    let y = (x + 1.0).apply(Dear::<true>(count.clone())).sin();
    assert!(forwards() > 0);
    let cosine = numbers::<f64>(&[1000], 3).map(|x| 2.0 * (x + 1.0)).cos();
    let expected = cosine.map(|y| 2.0 * y);
    assert_eq!(y.vjp(Tensor::ones([1000])).wrt(x), expected);
    assert_eq!(forwards(), 0);
}

#[test]
fn a_rule_that_reads_what_it_does_not_keep_gives_nan() {
    let tape = Tape::new().with_blocks(1000);
    let x = tape.var(numbers(&[1000], 3));
    let y = (x + 1.0).apply(Dear::<false>(Arc::default()));
    let gradient = y.vjp(numbers(&[1000], 4)).wrt(x);
    assert!(gradient.iter().all(|x| x.is_nan()));
}
