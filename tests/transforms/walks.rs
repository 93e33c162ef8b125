//! Transforms of whole functions: what beginners write, and what each transform must equal.

use num_traits::Float;
use wengert::transform::*;
use wengert::{Dd, Dual, Duals, Elem, Random, Tape, Tensor, Var};

fn random(shape: &[usize], seed: u64) -> Tensor<f64> {
    Random::new(seed).uniform(shape, -1.0, 1.0)
}

/// Largest difference, relative to the largest number.
#[track_caller]
fn assert_close(a: &Tensor<f64>, b: &Tensor<f64>, limit: f64) {
    assert_eq!(a.shape(), b.shape());
    let size = |x: &Tensor<f64>| x.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    let error = size(&(a - b)) / size(b).max(1e-300);
    assert!(error <= limit, "off by {error:e}\n{a}\n{b}");
}

#[test]
fn closures_need_no_annotation_for_any_structure_of_arguments() {
    let (x, w) = (Tensor::<f64>::from([1.0, 2.0]), Tensor::from([3.0, 4.0]));
    assert_eq!(grad(|x| x * x * 3.0, 2.0), 12.0);
    assert_eq!(grad(|x| x * x * 3.0, 2.0f32), 12.0f32);
    assert_eq!(grad(|x| (x * &w).sum() * 2.0, &x), Tensor::from([6.0, 8.0]));
    assert_eq!(grad(|x| (2.0 * x).sum(), x.clone()), Tensor::from([2.0; 2]));
    let (gx, gb) = grad(|(x, b)| (x * b + &w).sum(), (&x, 0.5));
    assert_eq!((gx, gb), (Tensor::from([0.5; 2]), 3.0));
    assert_eq!(grad(|[a, b]| a * b, [2.0, 5.0]), [5.0, 2.0]);
    let list = grad(|x| (x[0] * x[1]).sum(), vec![&x, &w]);
    assert_eq!(list, [w.clone(), x.clone()]);
    assert_eq!(grad(|x| (x[0] * x[1]).sum(), &[&x, &w][..]), list);
    assert_eq!(grad(|x| (x[0] * x[1]).sum(), &list), [x.clone(), w.clone()]);
    let ((ga, gb), gc) = grad(|((a, b), c)| a * b * c, ((2.0, 3.0), 5.0));
    assert_eq!((ga, gb, gc), (15.0, 10.0, 6.0));
    let six = grad(
        |(a, b, c, d, e, f)| a * b * c * d * e * f,
        (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
    );
    assert_eq!(six, (720.0, 360.0, 240.0, 180.0, 144.0, 120.0));
}

#[test]
fn plain_numbers_and_tensors_stay_plain_in_second_order() {
    let (x, v) = (Tensor::<f64>::from([0.5, 2.0]), Tensor::from([1.0, 1.0]));
    let w = Tensor::from([3.0, 4.0]);
    let m = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let hv = hvp(
        |x| {
            let y = 2.0 * x * &w + 1.0 - w.clone() / (x * x) + (&w - x) * 0.5;
            let y = y
                .matmul(&m)
                .clamp(-1e3, 1e3)
                .maximum(-1e3)
                .pad([(1, 1)], 0.0);
            (y * 2.0).sum() * 3.0 + 1.0
        },
        &x,
        &v,
    );
    // Only -w / x² is curved; the rows of m add up to 3 and 7.
    let expected = |x: f64, w: f64, row: f64| -6.0 * w / x.powi(4) * row * 6.0;
    assert_close(
        &hv,
        &Tensor::from([expected(0.5, 3.0, 3.0), expected(2.0, 4.0, 7.0)]),
        1e-15,
    );
    assert_eq!(hvp(|x| 2.0 * x * x - x + 1.0, 3.0, 1.0), 4.0);
    assert_eq!(hvp(|x| 2.0 * x * x * 1.0, 3.0f32, 1.0f32), 4.0f32);
    // The same closure, one order higher.
    let (hv, third) = pushforward(
        |x| {
            hvp(
                |x| (2.0 * x * x * x + &w).sum() * 2.0,
                x,
                Tensor::from(v.clone()),
            )
        },
        &x,
        &v,
    );
    assert_eq!(
        (hv, third),
        (Tensor::from([12.0, 48.0]), Tensor::from([24.0, 24.0]))
    );
}

#[test]
fn a_generic_function_serves_every_transform() {
    fn loss<T: Elem>(x: Var<'_, Tensor<T>>) -> Var<'_, T> {
        (x * x * x).sum()
    }
    let (x, v) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0, 0.0]));
    assert_eq!(grad(loss, &x), Tensor::from([3.0, 12.0]));
    assert_eq!(hvp(loss, &x, &v), Tensor::from([6.0, 0.0]));
    assert_eq!(hessian(loss, &x), Tensor::from([[6.0, 0.0], [0.0, 12.0]]));
    assert_eq!(jacobian(loss, &x), Tensor::from([3.0, 12.0]));
}

#[test]
fn a_function_that_ignores_its_argument_has_gradient_zero() {
    let x = Tensor::from([1.0, 2.0]);
    assert_eq!(grad(|_| Var::number(3.0), &x), Tensor::from([0.0, 0.0]));
    assert_eq!(
        grad(|(_, b)| b * b, (&x, 3.0)),
        (Tensor::from([0.0, 0.0]), 6.0)
    );
    assert_eq!(
        hvp(|(_, b)| b * b, (&x, 3.0), (&x, 1.0)),
        (Tensor::from([0.0, 0.0]), 2.0)
    );
    assert_eq!(jvp(|_| Var::number(3.0), 1.0, 1.0), (3.0, 0.0));
}

#[test]
fn vjp_and_jvp_are_adjoint_and_agree_with_the_jacobian() {
    let (x, t, g) = (random(&[3], 1), random(&[3], 2), random(&[3], 3));
    fn tie<F>(f: F) -> F
    where
        F: for<'t> Fn((Var<'t, Tensor<f64>>, Var<'t, f64>)) -> Var<'t, Tensor<f64>>,
    {
        f
    }
    let f = tie(|(x, s)| (x * s).softmax(0));
    let (y, ty) = jvp(&f, (&x, 2.0), (&t, 0.5));
    let (again, (gx, gs)) = vjp(&f, (&x, 2.0), g.clone());
    assert_eq!(y, again);
    let (jx, js) = jacobian(&f, (&x, 2.0));
    assert_close(&ty, &(jx.matmul(&t) + &(js.clone() * 0.5)), 1e-15);
    assert_close(&gx, &g.matmul(&jx), 1e-15);
    assert!((gs - g.dot(&js)).abs() < 1e-15);
    let (value, slope) = pushforward(
        |(x, s)| (x * Tensor::scalar(s)).softmax(0),
        (&x, 2.0),
        (&t, 0.5),
    );
    assert_eq!(value, y);
    assert_close(&slope, &ty, 1e-15);
}

#[test]
fn both_modes_give_one_jacobian() {
    let (x, w) = (random(&[2, 3], 1), random(&[3, 4], 2));
    let forward = jacobian_forward(|(x, w)| x.matmul(w).tanh(), (&x, &w));
    let reverse = jacobian_reverse(|(x, w)| x.matmul(w).tanh(), (&x, &w));
    assert_eq!(forward.0.shape(), [2, 4, 2, 3]);
    assert_eq!(forward.1.shape(), [2, 4, 3, 4]);
    assert_close(&forward.0, &reverse.0, 1e-15);
    assert_close(&forward.1, &reverse.1, 1e-15);
    let picked = jacobian(|(x, w)| x.matmul(w).tanh(), (&x, &w));
    assert_eq!(picked, reverse, "8 numbers of 18: reverse");
    let few = jacobian(|x| x.matmul(&w).tanh(), &x);
    assert_eq!(
        few,
        jacobian_forward(|x| x.matmul(&w).tanh(), &x),
        "8 numbers of 6: forward"
    );
    // Without a tape, all columns at once.
    let (value, columns) =
        Duals::jacobian(|[a, b]| [a * b, (a / b).exp(), a - b * 2.0], [1.0, 2.0]);
    let by_tape = jacobian(
        |[a, b]| {
            a.tensor()
                .tape()
                .stack(&[a * b, (a / b).exp(), a - b * 2.0])
        },
        [1.0, 2.0],
    );
    assert_eq!(value, [2.0, 0.5f64.exp(), -3.0]);
    for (row, columns) in columns.iter().enumerate() {
        assert_eq!(columns[0], by_tape[0][[row]]);
        assert_eq!(columns[1], by_tape[1][[row]]);
    }
}

/// Compares the Hessian of one expression with dual numbers of dual numbers, without a tape, and with
/// differences of gradients in double-double.
macro_rules! hessian_is_right {
    ($x0:expr, |$x:ident| $body:expr) => {{
        let x0: Tensor<f64> = $x0;
        let n = x0.len();
        let found = hessian(
            |$x| {
                #[allow(dead_code)]
                type E = Dual<f64>;
                $body
            },
            &x0,
        );
        let found = found.reshape([n, n]);
        let mut duals = Tensor::zeros([n, n]);
        let mut differences = Tensor::zeros([n, n]);
        let h = 1e-8;
        for j in 0..n {
            for i in 0..n {
                type E = Dual<Dual<f64>>;
                let unit = |at: usize, k: usize| if at == k { 1.0 } else { 0.0 };
                let numbers = x0
                    .iter()
                    .enumerate()
                    .map(|(k, &x)| Dual::new(Dual::new(x, unit(i, k)), Dual::new(unit(j, k), 0.0)));
                let $x = &Tensor::<E>::new(x0.shape(), numbers.collect()).unwrap();
                let y: E = $body;
                duals[[i, j]] = y.tangent.tangent;
            }
            let moved = |sign: f64| {
                let mut x: Tensor<Dd> = x0.map(Dd::from);
                x.data_mut()[j] += Dd::from(sign * h);
                grad(
                    |$x| {
                        #[allow(dead_code)]
                        type E = Dd;
                        $body
                    },
                    &x,
                )
            };
            let rise = moved(1.0) - moved(-1.0);
            for (i, rise) in rise.iter().enumerate() {
                differences[[i, j]] = (*rise / Dd::from(2.0 * h)).hi();
            }
        }
        assert_close(&found, &duals, 1e-14);
        assert_close(&found, &differences, 1e-13);
    }};
}

/// One spelling for what handles do by value and plain tensors by reference.
trait Alike {
    fn times(&self, other: &Self) -> Self;
    fn plus(&self, other: &Self) -> Self;
}

impl<T: Elem> Alike for Var<'_, Tensor<T>> {
    fn times(&self, other: &Self) -> Self {
        self.matmul(*other)
    }

    fn plus(&self, other: &Self) -> Self {
        *self + *other
    }
}

impl<T: Elem> Alike for Tensor<T> {
    fn times(&self, other: &Self) -> Self {
        self.matmul(other)
    }

    fn plus(&self, other: &Self) -> Self {
        self + other
    }
}

fn fixed<E: Elem>(shape: &[usize], seed: u64) -> Tensor<E> {
    random(shape, seed).map(E::of)
}

#[test]
#[allow(clippy::needless_borrows_for_generic_args)] // the plain tensors need the borrow
fn hessians_equal_dual_numbers_of_dual_numbers_and_differences() {
    hessian_is_right!(random(&[2, 3], 1), |x| (x.softmax(1)
        * &fixed::<E>(&[2, 3], 2))
        .sum());
    hessian_is_right!(random(&[2, 3], 3), |x| (x.log_softmax(1)
        * &fixed::<E>(&[2, 3], 4))
        .sum());
    hessian_is_right!(random(&[2, 3], 5), |x| x.cross_entropy(1, [2, 0]));
    // A network of two layers, with all parameters in one vector.
    hessian_is_right!(random(&[23], 6), |p| {
        let (w1, w2) = (p.slice(..8).reshape([2, 4]), p.slice(8..20).reshape([4, 3]));
        let h = w1.transpose().matmul(&fixed::<E>(&[2, 5], 7)).tanh();
        let logits = w2.transpose().times(&h).transpose().plus(&p.slice(20..));
        logits.cross_entropy(1, [0, 1, 2, 2, 1])
    });
}

#[test]
fn gauss_newton_is_the_product_of_its_three_matrices() {
    let (w1, w2) = (random(&[2, 4], 1), random(&[4, 3], 2));
    let (v1, v2) = (random(&[2, 4], 3), random(&[4, 3], 4));
    let x = random(&[5, 2], 5);
    let product = gauss_newton_vp(
        |(w1, w2)| {
            w1.transpose()
                .matmul(x.transpose())
                .tanh()
                .transpose()
                .matmul(w2)
        },
        (&w1, &w2),
        (&v1, &v2),
        -1,
    );
    let (j1, j2) = jacobian(
        |(w1, w2)| {
            w1.transpose()
                .matmul(x.transpose())
                .tanh()
                .transpose()
                .matmul(w2)
        },
        (&w1, &w2),
    );
    let logits = w1
        .transpose()
        .matmul(&x.transpose())
        .tanh()
        .transpose()
        .matmul(&w2);
    let (j1, j2) = (j1.reshape([15, 8]), j2.reshape([15, 12]));
    let pushed = j1.matmul(&v1.reshape([8])) + &j2.matmul(&v2.reshape([12]));
    let blocks = logits.softmax_jacobian(1);
    let curved = blocks.matmul(&pushed.reshape([5, 3, 1])).reshape([15]) / 5.0;
    assert_close(&product.0, &curved.matmul(&j1).reshape([2, 4]), 1e-14);
    assert_close(&product.1, &curved.matmul(&j2).reshape([4, 3]), 1e-14);
}

#[test]
fn elementary_functions_of_n_tangents_are_those_of_one() {
    fn all<F: Float>(x: F, y: F) -> F {
        let sum = x.sin() * y.exp() + (x / y).atan2(y).tanh() - x.powf(y) % (y + y);
        (sum.mul_add(x, y) + x.hypot(y).ln()).powi(3) + x.max(y) - x.abs_sub(y)
    }
    let (x, y) = (1.3, 0.7);
    let (value, gradient) = Duals::gradient(|[x, y]| all(x, y), [x, y]);
    let along = |tx, ty| all(Dual::new(x, tx), Dual::new(y, ty));
    assert_eq!(value, all(x, y));
    assert_eq!(gradient, [along(1.0, 0.0).tangent, along(0.0, 1.0).tangent]);
    let tape = Tape::new();
    let (a, b) = (tape.var(x), tape.var(y));
    let grads = all(a, b).backward();
    assert!((grads.wrt(a) - gradient[0]).abs() < 1e-12);
    assert!((grads.wrt(b) - gradient[1]).abs() < 1e-12);
    // `Duals` are elements too: N second derivatives at once.
    let tape = Tape::<Duals<f64, 2>>::default();
    let [a, b] = Duals::variables([x, y]).map(|x| tape.var(x));
    let grads = all(a, b).backward();
    let ((aa, ab), (ba, bb)) = hessian(|(a, b)| all(a, b), (x, y));
    for (found, exact) in grads.wrt(a).tangents.iter().zip([aa, ab]) {
        assert!((found - exact.item()).abs() < 1e-11, "{found} {exact}");
    }
    for (found, exact) in grads.wrt(b).tangents.iter().zip([ba, bb]) {
        assert!((found - exact.item()).abs() < 1e-11, "{found} {exact}");
    }
    assert_eq!(Duals::new(1.0, [2.0, 3.0]).to_string(), "1 + 2ε1 + 3ε2");
}

#[test]
fn products_of_dual_matrices_by_planes_are_those_of_the_plain_loop() {
    // 6 * 5 * 7 multiplications go by planes; each element by hand, by the plain loop.
    let lift = |shape: &[usize], seed| {
        let (p, t) = (random(shape, seed), random(shape, seed + 1));
        let both = p.iter().zip(t.iter()).map(|(&p, &t)| Dual::new(p, t));
        Tensor::new(shape, both.collect()).unwrap()
    };
    let (a, b) = (lift(&[6, 5], 1), lift(&[5, 7], 3));
    let product = a.matmul(&b);
    for i in 0..6 {
        for j in 0..7 {
            let exact: Dual<f64> = (0..5).map(|k| a[[i, k]] * b[[k, j]]).sum();
            assert!((product[[i, j]].primal - exact.primal).abs() < 1e-15);
            assert!((product[[i, j]].tangent - exact.tangent).abs() < 1e-15);
        }
    }
    // An infinite primal beside constants: their tangents of 0 stay 0.
    let mut a = a.map(|x| Dual::constant(x.primal));
    a[[0, 0]] = Dual::constant(f64::INFINITY);
    assert!(
        a.matmul(&b.map(|x| Dual::constant(x.primal)))
            .iter()
            .all(|c| c.tangent == 0.0)
    );
}

#[test]
fn tuples_of_six_go_wherever_a_structure_does() {
    let v = Tensor::from([2.0]);
    let x = (1.0, &v, 3.0, 4.0, 5.0, 6.0);
    let h = sparse::hessian(|(a, b, c, d, e, f)| (a * b * c + d * e * f).sum(), x);
    assert_eq!((h.get(0, 1), h.get(3, 4)), (3.0, 6.0));
    let (y, ty) = pushforward(|x| (x, x * x, -x, x, x, x * 2.0), 3.0, 1.0);
    assert_eq!((y.1, ty.1, ty.5), (9.0, 6.0, 2.0));

    let tape = Tape::new();
    let p: [Var<f64>; 6] = std::array::from_fn(|_| tape.var(1.0));
    let [a, b, c, d, e, f] = p;
    let y = fixed_point(
        |y, (a, b, c, d, e, f)| y * 0.5 + a + b + c + d + e + f,
        0.0,
        (a, b, c, d, e, f),
    );
    let grads = y.backward();
    assert!((grads.wrt(f) - 2.0).abs() < 1e-9);
    assert!((grads.global_norm((a, b, c, d, e, f)) - 24f64.sqrt()).abs() < 1e-9);
}
