//! Results that are computed again on wider numbers: which are, and that all others keep their bits.

use wengert::transform::jvp;
use wengert::{Dual, Elem, Random, Tape, Tensor, Var};

type Number = Dual<f64>;
type Function = for<'t> fn(Var<'t, Tensor<Number>>) -> Var<'t, Tensor<Number>>;

/// 64 rows of 16 elements, of which row 40 has the largest directions, unless it is to be ordinary.
fn rows(large: bool) -> Tensor<Number> {
    let (x, t): (Tensor<f64>, Tensor<f64>) = {
        let mut random = Random::new(1);
        (
            random.uniform([64, 16], 0.5, 2.0),
            random.uniform([64, 16], -1.0, 1.0),
        )
    };
    let size = |k: usize| if large && k / 16 == 40 { 1.7e308 } else { 1.0 };
    let both = x.iter().zip(t.iter()).enumerate();
    let both = both.map(|(k, (&x, &t))| Dual::new(x, t * size(k)));
    Tensor::new([64, 16], both.collect()).unwrap()
}

fn gradient(f: Function, x: &Tensor<Number>, cache: usize) -> Tensor<Number> {
    let tape = Tape::<Number>::default().with_blocks(cache);
    let x = tape.var(x.clone());
    let y = f(x);
    let g: Tensor<f64> = Random::new(2).uniform(y.shape(), -1.0, 1.0);
    y.vjp(g.map(Dual::constant)).wrt(x)
}

#[test]
fn other_rows_and_blocks_keep_their_bits() {
    let functions: [Function; 5] = [
        |x| x.layer_norm(1, 1e-5),
        |x| (x * x).softplus(),
        |x| x.cbrt() * x,
        |x| x.var_axis(1, 0),
        |x| x.tanh().norm_axis(1),
    ];
    for (k, f) in functions.into_iter().enumerate() {
        let whole = gradient(f, &rows(true), usize::MAX);
        let blocks = gradient(f, &rows(true), 2048);
        let ordinary = gradient(f, &rows(false), usize::MAX);
        for i in 0..whole.len() {
            let [a, b, c] = [&whole, &blocks, &ordinary].map(|x| x.data()[i]);
            assert!(
                a.same(b),
                "function {k}, element {i}: {a} whole, {b} in blocks"
            );
            assert!(
                i / 16 == 40 || a.same(c),
                "function {k}, element {i}: {a}, alone {c}"
            );
        }
    }
}

#[test]
fn the_order_of_recording_does_not_matter() {
    let tape = Tape::<Number>::default();
    let one = |x: f64, t: f64| Tensor::from([Dual::new(x, t)]);
    let x = tape.var(one(1.0, 0.0));
    let (y, h) = (one(2f64.powi(300), 2f64.powi(500)), one(0.5, 0.0));
    let g = one(2f64.powi(600), -(2f64.powi(800)));
    let first = (x * h.clone() + x * y.clone()).vjp(g.clone()).wrt(x)[[0]];
    let second = (x * y + x * h).vjp(g).wrt(x)[[0]];
    // The two halves of the tangent of the product cancel beyond the range; half of the cotangent's is left.
    assert!(
        first.same(second) && first.tangent == -(2f64.powi(799)),
        "{first} and {second}"
    );
}

#[test]
fn sums_over_broadcast_axes_overflow_only_where_their_result_does() {
    let tape = Tape::new();
    let x = tape.var(Tensor::<f64>::zeros([8]));
    let b = tape.var(Tensor::from([0.0]));
    let g: Tensor<f64> = (0..8)
        .map(|k| if k % 4 < 2 { 1.5e308 } else { -1.5e308 })
        .collect();
    for y in [x + b, x - b, b.broadcast_to([8])] {
        assert_eq!(y.vjp(g.clone()).wrt(b).into_vec(), [0.0]);
    }
}

#[test]
fn one_system_of_a_batch_leaves_the_others_alone() {
    let gradient = |first: [[f64; 2]; 2]| {
        let tape = Tape::new();
        let a = tape.var(Tensor::from([first, [[3.0, 1.0], [1.0, 7.0]]]));
        let b = tape.var(Tensor::from([[[1.0], [1.0]], [[0.3], [0.7]]]));
        let g = Tensor::from([[[1.0], [1.0]], [[0.1], [0.9]]]);
        let grads = a.linear_solve(b).vjp(g);
        (grads.wrt(a).data()[4..].to_vec(), grads.wrt(b).into_vec())
    };
    // The elimination of the first one overflows: 1e200 * 1e200 / 1e-100.
    let (alone, _) = gradient([[1.0, 0.0], [0.0, 1.0]]);
    let (beside, solved) = gradient([[1e-100, 1e200], [1e200, 1.0]]);
    assert_eq!(alone, beside);
    assert!(solved.iter().all(|g| g.is_finite()), "{solved:?}");
}

#[test]
fn long_sums_are_computed_again() {
    const N: usize = 300_000;
    let tape = Tape::<Number>::default();
    let tangent = |k: usize| match k {
        0 => 2f64.powi(960),
        _ if k <= N / 2 => 2f64.powi(1013),
        _ => -(2f64.powi(1013)),
    };
    let x: Tensor<Number> = (0..N + 1).map(|k| Dual::new(0.5, tangent(k))).collect();
    let y = tape.var(x).sum().value();
    assert_eq!(
        (y.primal, y.tangent),
        (0.5 * (N + 1) as f64, 2f64.powi(960))
    );
}

#[test]
fn a_row_with_nan_leaves_the_others_of_a_product_alone() {
    let a = Tensor::from([[1e300, -1e300, 1.0], [f64::NAN, 2.0, 3.0]]);
    let b = Tensor::from([[1e300], [1e300], [6.0]]);
    let (y, ty) = jvp(|b| a.matmul(b), &b, &b);
    for y in [y, ty] {
        assert!(y[[0, 0]] == 6.0 && y[[1, 0]].is_nan(), "{y}");
    }
    let tape = Tape::<Number>::default();
    let [a, b] = [a, b].map(|x| tape.var(x.map(|x| Dual::new(x, 2.0 * x))));
    let y = a.matmul(b).value()[[0, 0]];
    assert_eq!((y.primal, y.tangent), (6.0, 24.0));
}

#[test]
fn sums_of_chosen_elements_overflow_only_where_their_result_does() {
    let shares = || Tensor::from([1e308, 1e308, -1e308]);
    let tape = Tape::new();
    let x = tape.var(Tensor::from([0.0, 7.0]));
    let index = Tensor::from([0_usize, 0, 0]);
    for y in [x.index_select(0, [0, 0, 0]), x.gather(0, &index)] {
        assert_eq!(y.vjp(shares()).wrt(x).into_vec(), [1e308, 0.0]);
    }
    let terms = tape.var(shares());
    let y = x.scatter_add(0, &index, terms).value();
    assert_eq!(y.into_vec(), [1e308, 7.0]);
    let y = terms.cumsum(0);
    assert_eq!(y.value().into_vec(), [1e308, f64::INFINITY, 1e308]);
    let g = y.vjp(Tensor::from([-1e308, 1e308, 1e308])).wrt(terms);
    assert_eq!(g.into_vec(), [1e308, f64::INFINITY, 1e308]);
}

#[test]
fn a_mean_of_losses_overflows_only_where_the_mean_does() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1e308, -1e308], [0.0, 0.0]]));
    let near = |loss: f64| assert!((loss / 1e308 - 1.0).abs() < 1e-15, "{loss}");
    near(x.cross_entropy(1, [1, 0]).value());
    near(
        x.cross_entropy_soft(1, Tensor::from([[0.0, 1.0], [0.0, 0.0]]))
            .value(),
    );
    let z = tape.var(Tensor::from([
        [-1.5e308, 0.0],
        [-1.5e308, 0.0],
        [0.0, 1e308],
    ]));
    near(1.5 * z.nll_loss(1, [0, 0, 1]).value());
}
