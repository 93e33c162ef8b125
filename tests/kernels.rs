//! The kernels of the softmax family on every level that this machine has: against the plain forms in double-double, at
//! every length around those of vectors, in every layout, at the end of a page, on several threads.
#![allow(unsafe_code)] // for the guarded pages

#[path = "support/guard.rs"]
mod guard;
#[path = "support/hooks.rs"]
mod hooks;

use hooks::{Found, Inputs};
use wengert::{Elem, Level, Rows};

/// Layouts of rows of `n` elements: alone, contiguous, and side by side in parts of vectors. For some `n` also so many
/// that they fill strips and leave a part.
fn layouts(n: usize) -> Vec<Rows> {
    let layout = |outer, inner| Rows { outer, n, inner };
    let mut layouts = vec![
        layout(1, 1),
        layout(19, 1),
        layout(1, 19),
        layout(2, 3),
        layout(5, 7),
        layout(2, 40),
    ];
    if [2, 16, 33, 64, 700].contains(&n) {
        layouts.extend([layout(70, 1), layout(1, 128), layout(2, 150)]);
    }
    layouts
}

fn lengths<T: Elem>() -> Vec<usize> {
    let lanes = 64 / size_of::<T>();
    (0..=3 * lanes + 1).chain([5 * lanes + 3, 300]).collect()
}

/// Compares results with exact ones, in ulps of the larger of the result and its terms.
fn close<T: Elem>(found: &[Found<T>], exact: &[Found<T::Wide>], what: &str) {
    for (found, exact) in found.iter().zip(exact) {
        for (k, (&a, b)) in found.numbers.iter().zip(&exact.numbers).enumerate() {
            let (a, b) = (a.primal(), b.primal());
            let size = exact.sizes.get(k).copied().unwrap_or(0.0).max(b.abs());
            let least = T::min_positive_value().primal();
            let ulp = size.max(least) * T::epsilon().primal();
            let beyond = a.abs() == f64::INFINITY && b.abs() >= T::max_value().primal();
            let both = a == b || (a.is_nan() && b.is_nan()) || (beyond && a * b > 0.0);
            let same = both || (a - b).abs() <= 5.0 * ulp;
            assert!(same, "{what} {}[{k}]: {a:e}, exact {b:e}", found.name);
        }
    }
}

fn bits<T: Elem>(found: &[Found<T>]) -> Vec<(&'static str, Vec<u64>)> {
    let bits = |x: &T| {
        if x.is_nan() {
            u64::MAX
        } else {
            (x.primal() + 0.0).to_bits()
        }
    };
    let one = |found: &Found<T>| (found.name, found.numbers.iter().map(bits).collect());
    found.iter().map(one).collect()
}

fn parity<T: Elem>() {
    let (huge, tiny) = (T::max_value().primal(), T::min_positive_value().primal());
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let kinds: [(f64, &[f64]); 6] = [
        (3.0, &[]),
        (60.0, &[0.0, -inf]),
        (1.0, &[1e4, -1e4, tiny / 8.0]),
        (1.0, &[-inf]),
        (1.0, &[nan, -inf]),
        (1e3, &[inf, huge / 4.0, -huge / 4.0]),
    ];
    for n in lengths::<T>() {
        for rows in layouts(n) {
            for (kind, (spread, special)) in kinds.iter().enumerate() {
                let inputs = Inputs::<T>::random(rows, *spread, special, n as u64);
                let exact = inputs.widen().run();
                let mut last = None;
                for level in Level::all() {
                    let found = level.force(|| inputs.run());
                    close(&found, &exact, &format!("{level} {rows:?} kind {kind}"));
                    // Without a fused multiply-add the portable level rounds differently.
                    let fused = *level != Level::Portable || cfg!(target_feature = "fma");
                    let bits = fused.then(|| bits(&found));
                    if let (Some(last), Some(bits)) = (&last, &bits) {
                        assert_eq!(last, bits, "{level} {rows:?}");
                    }
                    last = bits;
                }
            }
        }
    }
}

#[test]
fn every_level_agrees_with_the_plain_form_in_f32() {
    parity::<f32>();
}

#[test]
fn every_level_agrees_with_the_plain_form_in_f64() {
    parity::<f64>();
}

/// The rows of other layouts, put one after the other.
fn straighten<T: Elem>(inputs: &Inputs<T>) -> Inputs<T> {
    let from = inputs.rows;
    let places: Vec<usize> = from.starts().flat_map(|start| from.row(start)).collect();
    let sort = |x: &[T]| places.iter().map(|&at| x[at]).collect();
    Inputs {
        rows: Rows::last(from.count(), from.n),
        x: sort(&inputs.x),
        g: sort(&inputs.g),
        each: inputs.each.clone(),
        mask: places.iter().map(|&at| inputs.mask[at]).collect(),
        labels: inputs.labels.clone(),
    }
}

fn one_row<T: Elem>(inputs: &Inputs<T>, r: usize) -> Inputs<T> {
    let n = inputs.rows.n;
    let row = r * n..(r + 1) * n;
    Inputs {
        rows: Rows::last(1, n),
        x: inputs.x[row.clone()].into(),
        g: inputs.g[row.clone()].into(),
        each: [inputs.each[r]].into(),
        mask: inputs.mask[row].into(),
        labels: [inputs.labels[r]].into(),
    }
}

fn places<T: Elem>() {
    for n in [1, 2, 7, 16, 33, 48, 49, 64, 100, 700] {
        for rows in layouts(n).into_iter().skip(1) {
            let inputs = Inputs::<T>::random(rows, 4.0, &[0.0], 5);
            let straight = straighten(&inputs);
            for level in Level::all() {
                let [there, here] = [&inputs, &straight].map(|x| level.force(|| bits(&x.run())));
                for r in [0, 1, rows.count() - 1] {
                    let alone = level.force(|| bits(&one_row(&straight, r).run()));
                    for ((there, here), alone) in there.iter().zip(&here).zip(&alone) {
                        let each = here.1.len() == rows.count() && n > 1;
                        let take = |j: usize| if each { r } else { r * n + j };
                        for (j, &alone) in alone.1.iter().enumerate() {
                            let what = format!("{level} {} of {rows:?}, row {r}", here.0);
                            assert_eq!(here.1[take(j)], alone, "{what} alone");
                            let at = if each { r } else { rows.at(r, j) };
                            assert_eq!(there.1[at], alone, "{what} there");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_wherever_it_lies() {
    places::<f32>();
    places::<f64>();
}

#[cfg(feature = "rayon")]
fn alike_on_threads<T: Elem>(rows: Rows) {
    let inputs = Inputs::<T>::random(rows, 4.0, &[0.0], 6);
    // Outside of a pool, work is shared in another way.
    let expected = bits(&inputs.run());
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let found = pool.build().unwrap().install(|| bits(&inputs.run()));
        assert!(expected == found, "{rows:?} on {threads} threads");
    }
}

#[cfg(feature = "rayon")]
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let layout = |outer, n, inner| Rows { outer, n, inner };
    for rows in [
        layout(5000, 20, 1),
        layout(70, 1500, 1),
        layout(2, 300, 170),
        layout(1, 300, 700),
        layout(5, 20000, 1),
        // One or two strips, whose rows are shared.
        layout(1, 1700, 64),
        layout(2, 1001, 128),
        layout(1, 5003, 21),
    ] {
        alike_on_threads::<f32>(rows);
        alike_on_threads::<f64>(rows);
    }
}

/// Maxima that occur several times, and a line that is recomputed, where threads share the rows.
#[cfg(feature = "rayon")]
#[test]
fn shared_rows_have_the_first_maximum() {
    let rows = Rows {
        outer: 1,
        n: 2000,
        inner: 64,
    };
    let mut x: Vec<f32> = (0..rows.n * rows.inner).map(|k| (k % 7) as f32).collect();
    x[1500 * rows.inner + 3] = f32::NAN;
    let run = || {
        let (mut y, mut top) = (vec![0.0; x.len()], vec![0; rows.inner]);
        f32::softmax(rows, &x, &mut y, &mut top);
        let y: Vec<u32> = y.into_iter().map(f32::to_bits).collect();
        (y, top)
    };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads);
    let [alone, shared] = [1, 4].map(|threads| pool(threads).build().unwrap().install(run));
    assert!(alone == shared);
    let first = (0..rows.inner).map(|line| (0..7).find(|j| (j * rows.inner + line) % 7 == 6));
    for (line, (top, first)) in alone.1.into_iter().zip(first).enumerate() {
        assert!(line == 3 || Some(top as usize) == first, "line {line}");
    }
}

/// Sums of blocks of rows, of which the last is lost unless it is added last.
#[cfg(feature = "rayon")]
fn added_in_order<T: Elem>(large: i32) {
    let rows = Rows {
        outer: 1,
        n: 2048,
        inner: 64,
    };
    let len = rows.n * rows.inner;
    let mut g = vec![T::zero(); len];
    let large = T::of(2f64.powi(large));
    for (row, number) in [(5, large), (256 + 5, -large), (512 + 5, T::one())] {
        g[row * rows.inner..(row + 1) * rows.inner].fill(number);
    }
    let run = || {
        let [x, mut y, mut gx] = [0, 1, 2].map(|_| vec![T::zero(); len]);
        let mut top = vec![0; rows.inner];
        T::softmax(rows, &x, &mut y, &mut top);
        T::softmax_vjp(rows, &y, &top, &g, &mut gx);
        gx
    };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads);
    let [alone, shared] = [1, 4].map(|threads| pool(threads).build().unwrap().install(run));
    assert!(alone == shared);
    assert_eq!(alone[0].primal(), -(2f64.powi(-22)));
}

#[cfg(feature = "rayon")]
#[test]
fn sums_of_shared_rows_are_added_in_order() {
    added_in_order::<f32>(100);
    added_in_order::<f64>(200);
}

/// A result too large for the caches, which several threads write past them.
#[cfg(feature = "rayon")]
#[test]
fn a_tall_result_is_shared_past_the_caches() {
    let rows = Rows {
        outer: 1,
        n: 70_001,
        inner: 128,
    };
    let x: Vec<f32> = (0..rows.n * rows.inner)
        .map(|k| (k % 8191) as f32 / 800.0)
        .collect();
    let run = || {
        let (mut y, mut gx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
        let mut top = vec![0; rows.inner];
        f32::softmax(rows, &x, &mut y, &mut top);
        f32::softmax_vjp(rows, &y, &top, &x, &mut gx);
        (y, gx)
    };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads);
    let [alone, shared] = [1, 3].map(|threads| pool(threads).build().unwrap().install(run));
    assert!(alone == shared && alone.1.iter().all(|gx| gx.is_finite()));
}

/// A result too large for the caches is written past them, in whole cache lines.
#[test]
fn what_goes_past_the_caches_has_the_same_bits() {
    let rows = |inner| Rows {
        outer: 1,
        n: 70,
        inner,
    };
    let (all, few) = (rows(128 * 1000 + 8), rows(128));
    let len = all.n * all.inner;
    let x: Vec<f32> = (0..len).map(|k| (k % 8191) as f32 / 800.0 - 5.0).collect();
    let mut buffer = vec![0f32; len + 32];
    let line = buffer.as_ptr().align_offset(64);
    for level in Level::all() {
        // Aligned to cache lines, and not.
        for start in [line, line + 1] {
            let y = &mut buffer[start..start + len];
            y.fill(f32::NAN);
            let mut top = vec![0; all.inner];
            level.force(|| f32::softmax(all, &x, y, &mut top));
            assert!(y.iter().all(|y| y.is_finite()), "{level}");
            let mut gx = vec![f32::NAN; len];
            level.force(|| f32::softmax_vjp(all, y, &top, &x, &mut gx));
            let [mut lse, mut rest, ones] = [0.0f32, 0.0, 1.0].map(|x| vec![x; all.inner]);
            let mut spread = vec![f32::NAN; len];
            level.force(|| {
                f32::logsumexp(all, &x, &mut lse, &mut top, &mut rest);
                f32::logsumexp_vjp(all, &x, &top, &rest, &ones, &mut spread);
            });
            for first in (0..all.inner - few.inner).step_by(128 * 37) {
                let part = |from: &[f32]| -> Vec<f32> {
                    let columns = from.chunks_exact(all.inner);
                    let columns = columns.map(|row| &row[first..first + few.inner]);
                    columns.flatten().copied().collect()
                };
                let (mut alone, mut pulled) = (vec![0.0; few.n * few.inner], part(&x));
                let (x, mut top, mut alike) = (part(&x), vec![0; few.inner], pulled.clone());
                level.force(|| {
                    f32::softmax(few, &x, &mut alone, &mut top);
                    f32::softmax_vjp(few, &alone, &top, &x, &mut pulled);
                    f32::logsumexp(few, &x, &mut lse[..128], &mut top, &mut rest[..128]);
                    f32::logsumexp_vjp(few, &x, &top, &rest[..128], &ones[..128], &mut alike);
                });
                assert!(part(y) == alone, "{level}: columns from {first} on");
                assert!(part(&gx) == pulled, "{level}: pulled, from {first} on");
                assert!(part(&spread) == alike, "{level}: spread, from {first} on");
            }
        }
    }
}

#[test]
fn nothing_is_read_or_written_beyond_the_end_of_a_page() {
    fn check<T: Elem>() {
        for n in lengths::<T>().into_iter().skip(1) {
            for rows in [
                Rows::last(1, n),
                Rows::last(18, n),
                Rows {
                    outer: 1,
                    n,
                    inner: 19,
                },
            ] {
                let inputs = Inputs::<T>::random(rows, 4.0, &[], 8);
                let x = guard::copy(&inputs.x);
                let g = guard::copy(&inputs.g);
                let mut y = guard::copy(&inputs.g);
                let mut gx = guard::copy(&inputs.g);
                let (mut top, mut rest) = (vec![0; rows.count()], guard::copy(&inputs.each));
                for level in Level::all() {
                    level.force(|| {
                        T::softmax(rows, &x, &mut y, &mut top);
                        T::softmax_vjp(rows, &y, &top, &g, &mut gx);
                        T::softmax_scaled(rows, &x, T::of(3.0), &mut y, &mut top);
                        T::masked_softmax(rows, &x, &inputs.mask, &mut y, &mut top);
                        T::masked_softmax_vjp(rows, &y, &inputs.mask, &top, &g, &mut gx);
                        T::log_softmax(rows, &x, &mut y, &mut top, &mut rest);
                        T::log_softmax_vjp(rows, &x, &top, &rest, &g, &mut gx);
                    });
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
#[should_panic(expected = "WENGERT_SIMD")]
fn an_unknown_level_is_refused() {
    // The variable is read once, at the first kernel of a process, so this runs in a process of its own.
    let program = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["--exact", "every_level_agrees_with_the_plain_form_in_f32"]);
    let output = command.env("WENGERT_SIMD", "sse9").output().unwrap();
    panic!("{}", String::from_utf8_lossy(&output.stdout));
}
