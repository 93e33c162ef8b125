//! Matrix products beyond the registry's sizes: large ones, stored transposed, in batches, on several threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::ThreadPoolBuilder;
use wengert::{Elem, Matrix, Random, Shape, Tape, Tensor};

/// Sizes `[m, k, n]` on both sides of every border: tiles of the transposing copy, blocks of the inner axis, and the
/// number of rows from which a copy or a thread pays.
const SIZES: &[[usize; 3]] = &[
    [1, 1, 1],
    [1, 700, 40],
    [3, 600, 2],
    [7, 9, 11],
    [23, 40, 33],
    [24, 40, 33],
    [33, 513, 17],
    [40, 1100, 90],
    [130, 300, 130],
    [257, 512, 65],
    [300, 600, 16],
    [2000, 1200, 1],
];

/// Sizes that threads share: by rows, by columns, by whichever suits the way the left matrix is stored.
const SHARED: &[[usize; 3]] = &[
    [500, 500, 500],
    [3000, 70, 33],
    [60, 600, 323],
    [13, 1000, 1000],
];

fn numbers<T: Elem>(len: usize, seed: u64) -> Vec<T> {
    Random::new(seed).uniform([len], -1.0, 1.0).data().to_vec()
}

/// The same matrix stored column by column.
fn turned<T: Copy>(x: &[T], rows: usize, columns: usize) -> Vec<T> {
    let column = |j| (0..rows).map(move |i| x[i * columns + j]);
    (0..columns).flat_map(column).collect()
}

fn transposed_operands_give_the_product<T: Elem>() {
    for &[m, k, n] in SIZES {
        let (a, b, start) = (
            numbers::<T>(m * k, 1),
            numbers::<T>(k * n, 2),
            numbers::<T>(m * n, 3),
        );
        let (at, bt) = (turned(&a, m, k), turned(&b, k, n));
        let lefts = [Matrix::new(&a, m, k), Matrix::new(&at, k, m).transposed()];
        let rights = [Matrix::new(&b, k, n), Matrix::new(&bt, n, k).transposed()];
        for (left, right, add) in [(0, 0, false), (0, 1, false), (1, 0, true), (1, 1, true)] {
            let mut c = start.clone();
            T::matmul(lefts[left], rights[right], &mut c, add);
            for (at, &c) in c.iter().enumerate() {
                let (i, j) = (at / n, at % n);
                let mut exact = if add { start[at].primal() } else { 0.0 };
                let mut size = exact.abs();
                for p in 0..k {
                    let term = a[i * k + p].primal() * b[p * n + j].primal();
                    exact += term;
                    size += term.abs();
                }
                // The bound of a sum in any order, doubled for the reference in f64.
                let bound = 2.0 * (k + 1) as f64 * T::epsilon().primal() * size;
                assert!(
                    (c.primal() - exact).abs() <= bound,
                    "[{m}, {k}, {n}] ({left}, {right}) at ({i}, {j}): {c}, exact {exact}"
                );
            }
        }
    }
}

#[test]
fn operands_stored_transposed_give_the_product() {
    transposed_operands_give_the_product::<f32>();
    transposed_operands_give_the_product::<f64>();
}

/// The result of `f` on this many threads; 0 means outside of a pool, where work is shared in another way.
fn with<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    if threads == 0 {
        return f();
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(f)
}

fn bits<T: Elem>(x: &[T]) -> Vec<u64> {
    x.iter().map(|x| x.primal().to_bits()).collect()
}

fn threads_change_no_bit_of_one_product<T: Elem>() {
    for &[m, k, n] in SIZES.iter().chain(SHARED) {
        let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
        let (at, bt) = (turned(&a, m, k), turned(&b, k, n));
        let product = |left: bool, right: bool| {
            let a = match left {
                true => Matrix::new(&at, k, m).transposed(),
                false => Matrix::new(&a, m, k),
            };
            let b = match right {
                true => Matrix::new(&bt, n, k).transposed(),
                false => Matrix::new(&b, k, n),
            };
            let mut c = vec![T::zero(); m * n];
            T::matmul(a, b, &mut c, false);
            bits(&c)
        };
        for (left, right) in [(false, false), (false, true), (true, false)] {
            let one = with(1, || product(left, right));
            for threads in [0, 2, 3, 8] {
                let several = with(threads, || product(left, right));
                assert!(one == several, "[{m}, {k}, {n}] on {threads} threads");
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_one_product_the_same_bits() {
    threads_change_no_bit_of_one_product::<f32>();
    threads_change_no_bit_of_one_product::<f64>();
}

/// Shapes of batches: alike, one right matrix for all, one left, broadcast on both sides, empty.
const BATCHES: [[&[usize]; 2]; 8] = [
    [&[40, 40, 70], &[40, 70, 50]],
    [&[6, 40, 70], &[6, 70, 50]],
    [&[30, 30, 70], &[70, 50]],
    [&[30, 70], &[30, 70, 50]],
    [&[6, 1, 30, 70], &[4, 70, 50]],
    [&[4, 1, 70], &[4, 70, 1]],
    [&[5, 70], &[3, 70, 20]],
    [&[0, 5, 7], &[1, 7, 3]],
];

#[test]
fn batches_are_products_one_by_one_on_any_number_of_threads() {
    for shapes in BATCHES {
        let [a, b] =
            [0, 1].map(|k| Random::new(k).uniform(Shape::new(shapes[k as usize]), -1.0, 1.0));
        let all = |(a, b): (&Tensor<f64>, &Tensor<f64>)| {
            let tape = Tape::new();
            let (a, b) = (tape.var(a.clone()), tape.var(b.clone()));
            let y = a.matmul(b);
            let g = Random::new(2).uniform(y.shape(), -1.0, 1.0);
            let grads = y.vjp(g);
            [y.value(), grads.wrt(a), grads.wrt(b)]
        };
        let one = with(1, || all((&a, &b)));
        for threads in [0, 2, 3, 8] {
            let several = with(threads, || all((&a, &b)));
            for (one, several) in one.iter().zip(&several) {
                assert_eq!(
                    bits(one.data()),
                    bits(several.data()),
                    "{shapes:?} on {threads} threads"
                );
            }
        }
        let tape = Tape::new();
        let (x, w) = (tape.var(a), tape.var(b));
        let y = (x.unsqueeze(-1) * w.unsqueeze(-3)).sum_axis(-2);
        let grads = y.vjp(Random::new(2).uniform(y.shape(), -1.0, 1.0));
        for (found, expected) in one.iter().zip([y.value(), grads.wrt(x), grads.wrt(w)]) {
            approx::assert_abs_diff_eq!(*found, expected, epsilon = 1e-12);
        }
    }
}

#[test]
fn rows_against_rows_are_the_product_with_a_transposed_copy() {
    for shapes in BATCHES.iter().filter(|shapes| shapes[1].len() > 1) {
        let [a, b]: [Tensor<f32>; 2] =
            [0, 1].map(|k| Random::new(k).uniform(Shape::new(shapes[k as usize]), -1.0, 1.0));
        let tape = Tape::<f32>::default();
        let (a, b) = (tape.var(a), tape.var(b));
        let y = a.matmul(b);
        let rows = b.swap_axes(-2, -1).watch();
        let same = a.matmul_t(rows);
        let g: Tensor<f32> = Random::new(2).uniform(y.shape(), -1.0, 1.0);
        let (grads, of_rows) = (y.vjp(g.clone()), same.vjp(g));
        approx::assert_abs_diff_eq!(same.value(), y.value(), epsilon = 1e-5);
        approx::assert_abs_diff_eq!(of_rows.wrt(a), grads.wrt(a), epsilon = 1e-5);
        let gb = of_rows.wrt(rows).swap_axes(-2, -1);
        approx::assert_abs_diff_eq!(gb, grads.wrt(b), epsilon = 1e-5);
    }
}

#[test]
fn views_that_reach_beyond_their_slices_are_refused() {
    let (few, many) = ([1.0; 4], vec![1.0; 1024]);
    let refused = |a: Matrix<'_, f64>, b: Matrix<'_, f64>, len: usize| {
        let run = AssertUnwindSafe(|| f64::matmul(a, b, &mut vec![0.0; len], false));
        assert!(catch_unwind(run).is_err(), "{:?} {:?}", a.size, a.step);
    };
    // Modulo 2^64 the last element is at position 0, and the product has 1024 numbers.
    let (tall, taller) = ((1 << 20) + 1, (1 << 63) + 1);
    let far = Matrix {
        data: &few[..],
        size: (tall, 1),
        step: (1 << 44, 1),
    };
    refused(far, Matrix::new(&few[..1], 1, 1), tall);
    let same = Matrix {
        data: &many[..],
        size: (taller, 1),
        step: (0, 1),
    };
    refused(same, Matrix::new(&many, 1, 1024), 1024);
}
