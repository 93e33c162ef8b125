//! The ops of the softmax family by name, and everything the tape gives for one of them.
#![allow(dead_code)] // each test binary uses its part

use wengert::transform::grad_and_hvp;
use wengert::{Elem, Tape, Tensor, Var};

/// What is applied to the rows of a record.
#[derive(Clone)]
pub enum Op {
    Softmax(isize),
    LogSoftmax(isize),
    LogSumExp(isize),
    Masked(isize, Tensor<bool>),
    Scaled(isize, f64),
}

impl Op {
    pub fn apply<'t, T: Elem>(&self, x: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
        match self {
            Op::Softmax(axis) => x.softmax(*axis),
            Op::LogSoftmax(axis) => x.log_softmax(*axis),
            Op::LogSumExp(axis) => x.logsumexp_axis(*axis),
            Op::Masked(axis, mask) => x.masked_softmax(*axis, mask),
            Op::Scaled(axis, temperature) => x.softmax_scaled(*axis, T::of(*temperature)),
        }
    }
}

/// Everything that the tape gives for a cotangent `g` and a direction `v`.
pub struct Results<T> {
    pub y: Tensor<T>,
    pub vjp: Tensor<T>,
    pub jvp: Tensor<T>,
    pub hvp: Tensor<T>,
}

/// Value, VJP, JVP and second order of an op at `x`.
pub fn run<T: Elem>(op: &Op, x: &Tensor<T>, g: &Tensor<T>, v: &Tensor<T>) -> Results<T> {
    let tape = Tape::<T>::default();
    let leaf = tape.var(x.clone());
    let y = op.apply(leaf);
    let jvp = tape.forward().along(leaf, v.clone()).walk().of(y);
    let g = Tensor::new(y.shape(), g.data().to_vec()).unwrap();
    let vjp = y.vjp(g.clone()).wrt(leaf);

    let (again, hvp) = grad_and_hvp(|x| (op.apply(x) * &g).sum(), x, v);
    // The two may add in different orders, and subnormal numbers are far apart.
    let terms: f64 = g.iter().map(|g| g.primal().abs()).sum();
    let step = (T::min_positive_value() * T::epsilon()).primal();
    let slack = 4.0 * (T::epsilon().primal() * terms).max(step);
    for (once, twice) in vjp.iter().zip(again.iter()) {
        let same = once == twice || (once.is_nan() && twice.is_nan());
        let gap = (once.primal() - twice.primal()).abs();
        let close = gap <= 1e-3 * once.primal().abs() + slack;
        assert!(same || close, "{once} and {twice} for {x}");
    }
    Results {
        y: y.value(),
        vjp,
        jvp,
        hvp,
    }
}
