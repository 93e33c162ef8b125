//! Every op with a scalar form at the edges of its domain: zeros, infinities, NaN.
//!
//! Scalars and tensors must give the same bits there, value and gradient, in both precisions; all NaNs count as the
//! same, and so do both zeros in a gradient.

use crate::sweep::{Function, Scalar};
use wengert::ops::{Draw, Spec, Visitor, visit};
use wengert::{Elem, Tape, Tensor};

struct Edges {
    ops: usize,
}

impl Visitor for Edges {
    fn op<S: Spec>(&mut self) {
        if !S::EDGES.is_empty() {
            at_edges::<S, f64>();
            at_edges::<S, f32>();
            self.ops += 1;
        }
    }
}

fn at_edges<S: Spec, T: Elem>() {
    let with = S::sample(&mut Draw::new(1)).with;
    let op = format!("{} with {with:?}", S::NAME);
    compare::<T>(&op, S::EDGES, &|x| S::fused(x, &with), &|x| {
        S::scalar(x, &with)
    });
}

/// The op is behind pointers, so that this is compiled once for each type of elements, not for each op.
fn compare<T: Elem>(op: &str, edges: &[f64], tensors: Function<'_, T>, scalars: Scalar<'_, T>) {
    let x: Tensor<T> = edges.iter().map(|&x| T::of(x)).collect();
    let tape = Tape::<T>::default();
    let handle = tape.var(x.clone());
    let y = tensors(&[handle]);
    let gradient = y.vjp(Tensor::ones(y.shape())).wrt(handle);
    for (k, &edge) in x.iter().enumerate() {
        let leaf = tape.var(edge);
        let scalar = scalars(&[leaf]).expect("an op with edges has a scalar form");
        // A sweep over scalars adds to 0, so a gradient of -0 comes out as 0.
        let slope = gradient[[k]] + T::zero();
        let pairs = [
            (scalar.value(), y.value()[[k]]),
            (scalar.backward().wrt(leaf), slope),
        ];
        for (a, b) in pairs {
            assert!(
                a.same(b),
                "{op} at {edge}: the scalar gives {a}, the tensor {b}"
            );
        }
    }
}

#[test]
fn scalars_equal_tensors_at_the_edges_of_every_domain() {
    let mut edges = Edges { ops: 0 };
    visit(&mut edges);
    assert!(edges.ops > 30, "{} ops were visited", edges.ops);
}
