//! Identities that hold exactly in real arithmetic, and here to the last bit where the docs say so.

use proptest::prelude::*;
use wengert::{Elem, Level, Random, Tape, Tensor};

/// Softmax of `x` and its VJP for `g`, along an axis.
fn softmax<T: Elem>(x: &Tensor<T>, g: &Tensor<T>, axis: isize) -> [Tensor<T>; 2] {
    let tape = Tape::<T>::default();
    let handle = tape.var(x.clone());
    let y = handle.softmax(axis);
    let gx = y.vjp(g.clone()).wrt(handle);
    [y.value(), gx]
}

/// Its JVP for the tangent `t`.
fn pushed<T: Elem>(x: &Tensor<T>, t: &Tensor<T>, axis: isize) -> Tensor<T> {
    let tape = Tape::<T>::default();
    let handle = tape.var(x.clone());
    let y = handle.softmax(axis);
    tape.forward().along(handle, t.clone()).walk().of(y)
}

/// The bits, which tell what `==` does not: the sign of zero, and whether two NaN are the same.
pub fn bits<T: Elem>(x: &Tensor<T>) -> Vec<(u64, i16, i8)> {
    x.iter().map(|x| x.integer_decode()).collect()
}

fn permuted<T: Elem>(x: &Tensor<T>, order: &[usize]) -> Tensor<T> {
    x.index_select(1, order.to_vec())
}

/// The distance of two results in units of the spacing at the larger one.
fn ulps<T: Elem>(a: T, b: T) -> f64 {
    let size = a.abs().max(b.abs()).max(T::min_positive_value());
    ((a - b) / (size * T::epsilon())).abs().primal()
}

/// A matrix of logits and one of cotangents, on a grid of 1/256, so that shifts are exact.
pub fn matrices<T: Elem>(seed: u64, rows: usize, n: usize, spread: f64) -> [Tensor<T>; 2] {
    let mut random = Random::new(seed);
    let mut draw = |spread: f64| -> Tensor<T> {
        let values: Tensor<f64> = random.uniform([rows, n], -spread, spread);
        values.map(|x| T::of((x * 256.0).round() / 256.0))
    };
    [draw(spread), draw(1.0)]
}

fn holds<T: Elem>(seed: u64, rows: usize, n: usize, spread: f64) -> Result<(), TestCaseError> {
    let [x, g] = matrices::<T>(seed, rows, n, spread);
    let [y, gx] = softmax(&x, &g, 1);

    // The Jacobian maps constants to 0, and the centred rule does so exactly.
    let [_, still] = softmax(&x, &Tensor::full([rows, n], T::of(0.7)), 1);
    prop_assert!(
        still.iter().all(T::is_zero),
        "a constant cotangent gives {still}"
    );

    // Rows add up to 1, and rows of the gradient to 0, up to the roundings of their n terms.
    for row in 0..rows {
        let terms = |m: &Tensor<T>| m.data()[row * n..(row + 1) * n].to_vec();
        let sum = |v: Vec<T>| v.iter().map(|x| x.primal()).sum::<f64>();
        let unit = T::epsilon().primal();
        let total = sum(terms(&y));
        prop_assert!(
            (total - 1.0).abs() <= 2.0 * unit,
            "row {row} adds up to {total}"
        );
        let size = sum(terms(&gx).iter().map(|x| x.abs()).collect());
        let total = sum(terms(&gx));
        prop_assert!(
            total.abs() <= 4.0 * unit * size,
            "its gradient to {total} of {size}"
        );
    }

    // The Jacobian is symmetric, so one kernel computes both products.
    prop_assert_eq!(bits(&pushed(&x, &g, 1)), bits(&gx));

    // A row alone, in a batch, and along the other axis.
    for row in 0..rows {
        let alone = |m: &Tensor<T>| m.index_select(0, vec![row]);
        let [y_alone, gx_alone] = softmax(&alone(&x), &alone(&g), 1);
        prop_assert_eq!(bits(&y_alone), bits(&alone(&y)));
        prop_assert_eq!(bits(&gx_alone), bits(&alone(&gx)));
    }
    let [y_down, gx_down] = softmax(&x.transpose(), &g.transpose(), 0);
    prop_assert_eq!(bits(&y_down.transpose()), bits(&y));
    prop_assert_eq!(bits(&gx_down.transpose()), bits(&gx));

    // The order of a row decides the order of its sums, and so only their last bits.
    let order = Random::new(seed ^ 1).permutation(n);
    let [y_mixed, gx_mixed] = softmax(&permuted(&x, &order), &permuted(&g, &order), 1);
    let pairs = y_mixed.data().iter().zip(permuted(&y, &order).into_vec());
    let worst = pairs.map(|(&a, b)| ulps(a, b)).fold(0.0, f64::max);
    prop_assert!(worst <= 2.0, "another order moves softmax by {worst} ulps");
    let scale = permuted(&y, &order);
    let pairs = gx_mixed.data().iter().zip(permuted(&gx, &order).into_vec());
    for ((&a, b), &y) in pairs.zip(scale.iter()) {
        let unit = T::epsilon() * (y + y).max(T::min_positive_value());
        let moved = ((a - b) / unit).abs().primal();
        prop_assert!(
            moved <= 8.0,
            "another order moves a gradient by {moved} centred ulps"
        );
    }
    Ok(())
}

/// A shift that leaves every logit exact changes no bit, however large it is.
fn shifts<T: Elem>(seed: u64, n: usize, shift: f64) -> Result<(), TestCaseError> {
    let [x, g] = matrices::<T>(seed, 2, n, 20.0);
    let shifted = x.map(|x| x + T::of(shift));
    let exact = x
        .iter()
        .zip(shifted.iter())
        .all(|(&x, &s)| s - T::of(shift) == x);
    prop_assume!(exact);
    let (before, after) = (softmax(&x, &g, 1), softmax(&shifted, &g, 1));
    prop_assert_eq!(bits(&before[0]), bits(&after[0]));
    prop_assert_eq!(bits(&before[1]), bits(&after[1]));
    let z = |x: &Tensor<T>| x.log_softmax(1);
    prop_assert_eq!(bits(&z(&x)), bits(&z(&shifted)));
    Ok(())
}

/// A mask, matrices as [`matrices`] gives them, and the same with NaN, infinities and the largest number where the
/// mask hides them.
pub fn trapped<T: Elem>(seed: u64, n: usize) -> (Tensor<bool>, [[Tensor<T>; 2]; 2]) {
    let plain = matrices::<T>(seed, 3, n, 20.0);
    let mut random = Random::new(seed ^ 2);
    let mask = plain[0].map(|_| random.below(3) > 0);
    let traps = [T::nan(), T::infinity(), T::neg_infinity(), T::max_value()];
    let spoilt = plain.each_ref().map(|m| {
        let mut kept = mask.iter();
        m.map(|v| match kept.next() {
            Some(true) => v,
            _ => traps[random.below(traps.len())],
        })
    });
    (mask, [plain, spoilt])
}

/// What the mask hides may hold NaN or infinities, in the logits and in the cotangent.
fn masks<T: Elem>(seed: u64, n: usize) -> Result<(), TestCaseError> {
    let (mask, [[x, g], [spoilt, spoilt_g]]) = trapped::<T>(seed, n);
    let run = |x: &Tensor<T>, g: &Tensor<T>| {
        let tape = Tape::<T>::default();
        let handle = tape.var(x.clone());
        let y = handle.masked_softmax(1, &mask);
        let gx = y.vjp(g.clone()).wrt(handle);
        [bits(&y.value()), bits(&gx)]
    };
    prop_assert_eq!(run(&x, &g), run(&spoilt, &spoilt_g));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn softmax_keeps_its_identities(seed: u64, rows in 1..5usize, n in 1..70usize, spread in 0.1..60.0) {
        holds::<f32>(seed, rows, n, spread)?;
        holds::<f64>(seed, rows, n, spread)?;
    }

    #[test]
    fn an_exact_shift_changes_no_bit(seed: u64, n in 1..70usize, shift in -4096i32..4096) {
        shifts::<f32>(seed, n, f64::from(shift))?;
        shifts::<f64>(seed, n, f64::from(shift) * 1024.0)?;
    }

    #[test]
    fn a_masked_entry_leaves_no_trace(seed: u64, n in 1..40usize) {
        masks::<f32>(seed, n)?;
        masks::<f64>(seed, n)?;
    }
}

/// A few long lines that lie apart are copied, and give the bits of contiguous ones.
fn lines_apart<T: Elem>([outer, n, inner]: [usize; 3]) {
    let of = |seed: u64| -> Tensor<T> {
        let x: Tensor<f64> = Random::new(seed).uniform([outer, n, inner], -20.0, 20.0);
        x.map(T::of)
    };
    let (mut x, g) = (of(1), of(2));
    // The first line holds an infinity and the second a NaN, so that both are computed again; the mask hides them.
    x.data_mut()[n / 2 * inner] = T::infinity();
    x.data_mut()[1] = T::nan();
    let results = |x: &Tensor<T>, g: &Tensor<T>, axis: isize| {
        let mask = x.map(|x| !x.is_nan() && x < T::of(10.0));
        let tape = Tape::<T>::default();
        let x = tape.var(x.clone());
        let rows = x.logsumexp_axis(axis);
        let weights = rows.value().map(|_| T::of(0.5));
        let hidden = x.masked_softmax(axis, &mask);
        let targets = g.softmax(axis);
        let soft = x.cross_entropy_soft(axis, targets.clone());
        let full = [x.softmax(axis), x.log_softmax(axis), hidden];
        let mut all: Vec<_> = full.iter().map(|y| y.value()).collect();
        all.extend(full.iter().map(|y| y.vjp(g.clone()).wrt(x)));
        all.push(rows.vjp(weights).wrt(x));
        all.push(soft.backward().wrt(x));
        (all, rows.value())
    };
    let (apart, of_rows) = results(&x, &g, 1);
    let turned = |x: &Tensor<T>| x.permute([0, 2, 1]);
    let (along, expected) = results(&turned(&x), &turned(&g), 2);
    assert_eq!(bits(&of_rows), bits(&expected));
    for (k, (apart, along)) in apart.iter().zip(&along).enumerate() {
        assert_eq!(
            bits(&turned(apart)),
            bits(along),
            "result {k} of [{outer}, {n}, {inner}]"
        );
    }
}

#[test]
fn a_few_long_lines_that_lie_apart_are_like_contiguous_ones() {
    // Up to four lines of f32, two of f64; more are put side by side.
    for shape in [
        [1, 200, 2],
        [2, 200, 2],
        [1, 49, 4],
        [1, 20_000, 2],
        [1, 1001, 15],
        [3, 200, 5],
    ] {
        lines_apart::<f32>(shape);
        lines_apart::<f64>(shape);
    }
}

/// Columns that are far apart are copied, too, if the tensor is larger than the caches.
fn large<T: Elem>(shape: [usize; 3], masked: bool) {
    let [_, _, inner] = shape;
    let of = |seed: u64| -> Tensor<T> {
        let x: Tensor<f64> = Random::new(seed).uniform(shape, -20.0, 20.0);
        x.map(T::of)
    };
    let (mut x, g) = (of(1), of(2));
    x.data_mut()[5 * inner + 40] = T::infinity();
    x.data_mut()[7 * inner + 3] = T::nan();
    let turned = |x: &Tensor<T>| x.permute([0, 2, 1]);
    let results = |x: &Tensor<T>, g: &Tensor<T>, mask: &Tensor<bool>, axis| {
        let mut all = softmax(x, g, axis).to_vec();
        if masked {
            all.push(x.masked_softmax(axis, mask));
        }
        all
    };
    let (x_turned, g_turned) = (turned(&x), turned(&g));
    let [mask, mask_turned] = [&x, &x_turned].map(|x| x.map(|x| x < T::of(10.0)));
    let compare = |how: &str| {
        let apart = results(&x, &g, &mask, 1);
        let along = results(&x_turned, &g_turned, &mask_turned, 2);
        for (k, (apart, along)) in apart.iter().zip(&along).enumerate() {
            let along = turned(along);
            let mut pairs = apart.iter().zip(&along);
            assert!(
                pairs.all(|(a, &b)| a.same(b)),
                "result {k} of {shape:?}, {how}"
            );
        }
    };
    compare("all threads");
    // A level is forced on one thread only.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("a thread").install(|| {
        for &level in Level::all() {
            level.force(|| compare(&level.to_string()));
        }
    });
}

#[test]
fn columns_of_a_large_tensor_are_like_contiguous_rows() {
    // More than 32 MB each, and of columns and rows more than whole squares of vectors.
    large::<f32>([1, 1030, 8176], false);
    large::<f32>([2, 1030, 4112], true);
    large::<f64>([1, 1030, 4088], false);
}
