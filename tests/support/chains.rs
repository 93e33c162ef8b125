//! What the suites of chains that are put off share: a tape without such chains, numbers, bits.

use wengert::{Elem, Tape, Tensor};

/// A tape that never puts anything off.
pub fn eager<T: Elem>() -> Tape<T> {
    Tape::default().with_blocks(usize::MAX)
}

/// Numbers, some of which are equal.
pub fn numbers<T: Elem>(shape: &[usize], seed: usize) -> Tensor<T> {
    let len = shape.iter().product();
    let number = |k: usize| T::of(((k * 7 + seed * 13) % 29) as f64 / 9.0 - 1.4);
    Tensor::new(shape, (0..len).map(number).collect()).unwrap()
}

pub fn bits<T: Elem>(x: &Tensor<T>) -> Vec<u64> {
    x.iter().map(|x| x.primal().to_bits()).collect()
}
