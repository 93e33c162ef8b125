//! Sparse Jacobians and Hessians: right patterns, few products, the same numbers as dense ones.

use num_traits::Float;
use proptest::prelude::*;
use wengert::transform::sparse;
use wengert::{Dual, Tape, Tensor, Var};

type Number<'t> = Var<'t, Dual<f64>>;

/// Tells the compiler the type of a closure that is not written in the call itself.
fn scalar<F: for<'t> Fn(&[Number<'t>]) -> Number<'t>>(f: F) -> F {
    f
}

/// The same for a function of plain handles with several outputs.
fn several<F: for<'t> Fn(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>>(f: F) -> F {
    f
}

/// The Hessian by one product for each variable, column by column.
fn dense(f: impl for<'t> Fn(&[Number<'t>]) -> Number<'t>, x: &[f64]) -> Vec<Vec<f64>> {
    let column = |j: usize| {
        let tape = Tape::<Dual<f64>>::default();
        let unit = |(i, &x): (usize, &f64)| Dual::new(x, f64::from(u8::from(i == j)));
        let handles: Vec<_> = x
            .iter()
            .enumerate()
            .map(unit)
            .map(|x| tape.var(x))
            .collect();
        match f(&handles).try_backward() {
            Ok(grads) => handles.iter().map(|&x| grads.wrt(x).tangent).collect(),
            Err(_) => vec![0.0; x.len()],
        }
    };
    (0..x.len()).map(column).collect()
}

/// Checks that every number of the sparse matrix is, bit for bit, one of the two that dense products
/// give; where there is no entry, both are 0.
fn assert_same(h: &sparse::Csr<f64>, columns: &[Vec<f64>]) {
    assert_eq!([h.rows(), h.columns()], [columns.len(); 2]);
    for (i, by_i) in columns.iter().enumerate() {
        for (j, by_j) in columns.iter().enumerate() {
            let found = h.get(i, j);
            let pair = [by_j[i], by_i[j]];
            let same = |x: f64| x == found || (x.is_nan() && found.is_nan());
            let zeros = h.pattern().contains(i, j) || pair == [0.0; 2];
            assert!(
                pair.into_iter().any(same) && zeros,
                "({i}, {j}): {found}, not {pair:?}"
            );
        }
    }
}

fn rosenbrock<'t>(x: &[Number<'t>]) -> Number<'t> {
    let term = |pair: &[Number<'t>]| {
        let (a, b) = (pair[0], pair[1]);
        let (one, hundred) = (Dual::constant(1.0), Dual::constant(100.0));
        (a - one).square() + (b - a * a).square() * hundred
    };
    x.windows(2).map(term).sum()
}

#[test]
fn a_chain_of_a_hundred_thousand_takes_three_products() {
    let x: Vec<f64> = (0..100_000).map(|k| (k as f64 * 0.7).sin()).collect();
    let mut plan = sparse::Hessian::of(rosenbrock, &x);
    assert_eq!(plan.colours(), 3);
    assert_eq!(plan.pattern().len(), 100_000 + 2 * 99_999);
    let h = plan.at(rosenbrock, &x);
    for i in [1, 777, 50_000, 99_998] {
        let (a, b) = (x[i], x[i + 1]);
        let diagonal = 2.0 + 200.0 + 1200.0 * a * a - 400.0 * b;
        assert!((h.get(i, i) - diagonal).abs() < 1e-10, "{}", h.get(i, i));
        assert!((h.get(i, i + 1) + 400.0 * a).abs() < 1e-10);
        assert_eq!(h.get(i, i + 1), h.get(i + 1, i));
        assert_eq!(h.get(i, i.wrapping_sub(2) % 100_000), 0.0);
    }
}

#[test]
fn an_arrow_takes_two_products_and_not_one_a_variable() {
    let arrow = scalar(|x| x[1..].iter().map(|&y| (y * x[0]).sin()).sum());
    let x: Vec<f64> = (0..2000).map(|k| 0.1 + k as f64 / 4000.0).collect();
    let plan = sparse::Hessian::of(arrow, &x);
    assert_eq!(plan.colours(), 2);
    assert_same(&sparse::hessian(arrow, &x[..40]), &dense(arrow, &x[..40]));
}

#[test]
fn an_entry_that_is_zero_at_the_first_point_is_in_the_pattern() {
    let f = scalar(|x| x[0].sin() + x[1] * x[1] * x[1] + (x[2] * x[3]).powi(3));
    let mut plan = sparse::Hessian::of(f, &[0.0; 4]);
    assert!(plan.pattern().contains(0, 0) && plan.pattern().contains(1, 1));
    assert!(plan.pattern().contains(2, 3) && !plan.pattern().contains(1, 2));
    let x = [0.5, 0.25, 1.5, 2.0];
    assert_same(&plan.at(f, &x), &dense(f, &x));
}

#[test]
fn linear_functions_and_constants_have_no_entries() {
    let two = Dual::constant(2.0);
    let h = sparse::hessian(|x| x[0] * two - x[1] / two + two, &[1.0, 2.0]);
    assert!(h.pattern().is_empty());
    assert_eq!(h.rows(), 2);
    let h = sparse::hessian(|x| x[0].detach().floor(), &[1.5]);
    assert_eq!(h.to_dense(), Tensor::zeros([1, 1]));
}

#[test]
fn a_branch_that_goes_another_way_widens_the_plan() {
    fn f<'t>(x: &[Number<'t>]) -> Number<'t> {
        if x[0].value().primal > 0.0 {
            x[0] * x[1]
        } else {
            (x[1] * x[2]).exp()
        }
    }
    let mut plan = sparse::Hessian::of(f, &[1.0, 2.0, 3.0]);
    assert!(!plan.pattern().contains(1, 2));
    let x = [-1.0, 0.5, 0.25];
    assert_same(&plan.at(f, &x), &dense(f, &x));
    assert!(plan.pattern().contains(0, 1) && plan.pattern().contains(1, 2));
    let before = plan.pattern().clone();
    let x = [2.0, 0.5, 0.25];
    assert_same(&plan.at(f, &x), &dense(f, &x));
    assert_eq!(plan.pattern(), &before);
}

#[test]
fn a_hidden_unit_that_wakes_up_widens_the_plan() {
    fn f<'t>(x: &[Number<'t>]) -> Number<'t> {
        x[0].relu() * x[1]
    }
    let mut plan = sparse::Hessian::of(f, &[-1.0, 2.0]);
    assert_eq!(plan.at(f, &[3.0, 2.0]).get(0, 1), 1.0);
}

#[test]
fn a_sum_that_becomes_a_product_widens_the_plan() {
    // Constant at the first point, so that nothing meets; the operation and its marks look the same.
    fn f<'t>(x: &[Number<'t>]) -> Number<'t> {
        x[0].atan2(x[1].relu())
    }
    let mut plan = sparse::Hessian::of(f, &[0.5, -1.0]);
    assert!(!plan.pattern().contains(0, 1));
    let x = [0.5, 0.25];
    assert_same(&plan.at(f, &x), &dense(f, &x));
    assert!(plan.pattern().contains(0, 1));
}

#[test]
fn a_flat_branch_beside_a_factor_hides_no_entry() {
    let f = scalar(|x| x[0] * (x[1].relu() + x[2]) + x[3].relu().atan2(x[2] + x[4]));
    let x = [0.5, -1.0, 2.0, -0.5, 0.25];
    let h = sparse::hessian(f, &x);
    assert_eq!((h.get(0, 2), h.get(0, 1)), (1.0, 0.0));
    assert_same(&h, &dense(f, &x));
}

#[test]
fn tensors_serve_as_scalars_do() {
    fn scalars<'t>(x: &[Number<'t>]) -> Number<'t> {
        x.windows(2)
            .map(|w| (w[1] - w[0]).cosh())
            .sum::<Number<'_>>()
            + x[3].exp() * x[0]
    }
    fn tensor<'t>(x: &[Var<'t, Tensor<Dual<f64>>>]) -> Number<'t> {
        // Leaves that are no variables, so many that they have no entries on the tape.
        let one = x[0].tape().vars(&[Dual::new(1.0, 0.0); 40])[39];
        let steps = x[0].slice(1..) - x[0].slice(..-1);
        steps.cosh().sum() * one + x[0].at([3]).exp() * (x[0].at([0]) * one)
    }
    let x = [0.5, -0.25, 1.0, 0.75, 2.0, -1.5];
    let by_scalars = sparse::hessian(scalars, &x);
    let by_tensor = sparse::hessian(tensor, &[Tensor::from(x)]);
    assert_eq!(by_tensor.pattern(), by_scalars.pattern());
    assert_eq!(by_tensor.pattern().len(), 6 + 2 * 5 + 2);
    assert_same(&by_tensor, &dense(scalars, &x));
    assert_same(&by_scalars, &dense(scalars, &x));
}

#[test]
fn generic_code_is_called_as_it_is() {
    fn kepler<F: Float>(anomaly: F, eccentricity: F) -> F {
        anomaly - eccentricity * anomaly.sin()
    }
    let h = sparse::hessian(|x| kepler(x[0], x[1]), &[0.5, 0.1]);
    assert_eq!(h.get(0, 1), -0.5f64.cos());
    assert_eq!(h.get(1, 1), 0.0);
    let h = sparse::hessian(|x| kepler(x[0], x[1]), &[0.5f32, 0.1]);
    assert_eq!(h.get(0, 1), -0.5f32.cos());
}

#[test]
fn a_long_sum_costs_no_sets() {
    // If the support of every partial sum were kept, this would take 20,000² / 2 steps and numbers.
    let x = vec![0.5; 20_000];
    let f = scalar(|x| x.iter().map(|&x| x.exp()).sum());
    let plan = sparse::Hessian::of(f, &x);
    assert_eq!(plan.pattern().len(), 20_000);
    assert_eq!(plan.colours(), 1);
}

#[test]
fn sums_of_bent_terms_are_told_from_products() {
    // Pairs of terms, added in a tree, with shared variables and through nodes of their own.
    fn f<'t>(x: &[Number<'t>]) -> Number<'t> {
        let pair = |k: usize| (x[k] * x[k + 1]).sin() + (x[k + 2] * x[k + 3]).exp();
        (pair(0) + pair(4)) + (x[0].exp() + x[7].cosh()) + (x[1] - x[6]).square()
    }
    let x = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
    let h = sparse::hessian(f, &x);
    assert_same(&h, &dense(f, &x));
    let off: Vec<_> = h
        .triplets()
        .filter(|(i, j, _)| i < j)
        .map(|(i, j, _)| (i, j))
        .collect();
    assert_eq!(off, [(0, 1), (1, 6), (2, 3), (4, 5), (6, 7)]);
}

#[test]
fn a_jacobian_takes_the_cheaper_direction() {
    let x: Vec<f64> = (1..=300).map(f64::from).collect();
    // A band: two colours of columns.
    let band = several(|x| x.windows(2).map(|w| w[0] * w[1]).collect());
    let plan = sparse::Jacobian::of(band, &x);
    assert_eq!((plan.colours(), plan.is_forward()), (2, true));
    // One output that depends on everything: one reverse walk.
    let sum = several(|x| vec![x.iter().map(|x| x.ln()).sum()]);
    let mut plan = sparse::Jacobian::of(sum, &x);
    assert_eq!((plan.colours(), plan.is_forward()), (1, false));
    let j = plan.at(sum, &x);
    assert_eq!(j.row(0)[199], 1.0 / 200.0);
    // Outputs that depend on one variable: one forward walk.
    let all = several(|x| (0..50).map(|k| x[0] * f64::from(k)).collect());
    let plan = sparse::Jacobian::of(all, &[2.0]);
    assert_eq!((plan.colours(), plan.is_forward()), (1, true));
}

#[test]
fn a_csr_reads_like_its_dense_form() {
    let j = sparse::jacobian(
        |x| vec![x[0] * x[2], x[1].exp(), x[0] + x[1]],
        &[2.0, 0.0, 5.0],
    );
    let dense = Tensor::from([[5.0, 0.0, 2.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]);
    assert_eq!(j.to_dense(), dense);
    assert_eq!(j.matvec(&[1.0, 10.0, 100.0]), [205.0, 10.0, 11.0]);
    assert_eq!(
        j.matvec_transposed(&[1.0, 10.0, 100.0]),
        [105.0, 110.0, 2.0]
    );
    assert_eq!(j.triplets().count(), 5);
    assert_eq!(j.pattern().row(2), [0, 1]);
    assert_eq!((j.rows(), j.columns(), j.pattern().len()), (3, 3, 5));
    assert_eq!(format!("{j:?}"), "Csr { rows: 3, columns: 3, entries: 5 }");
}

/// One step of a random program over the numbers so far.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add(usize, usize),
    Mul(usize, usize),
    Atan2(usize, usize),
    Tanh(usize),
    Relu(usize),
    Scale(usize, i8),
    Max(usize, usize),
    Softmax(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    // Mostly neighbours, so that something stays sparse.
    let k = 0..40usize;
    prop_oneof![
        (k.clone(), 0..3usize).prop_map(|(a, d)| Step::Add(a, a + d)),
        (k.clone(), 0..3usize).prop_map(|(a, d)| Step::Mul(a, a + d)),
        (k.clone(), 0..3usize).prop_map(|(a, d)| Step::Atan2(a, a + d)),
        k.clone().prop_map(Step::Tanh),
        k.clone().prop_map(Step::Relu),
        (k.clone(), any::<i8>()).prop_map(|(a, c)| Step::Scale(a, c)),
        (k.clone(), 0..3usize).prop_map(|(a, d)| Step::Max(a, a + d)),
        (k, 0..3usize).prop_map(|(a, d)| Step::Softmax(a, a + d)),
    ]
}

fn run<'t, T: wengert::Elem>(x: &[Var<'t, T>], program: &[Step]) -> Vec<Var<'t, T>> {
    let mut s = x.to_vec();
    let mut outputs = Vec::new();
    for step in program {
        let a = |k: usize| s[k % s.len()];
        let next = match *step {
            Step::Add(i, j) => a(i) + a(j),
            Step::Mul(i, j) => (a(i) * a(j)).sin(),
            Step::Atan2(i, j) => a(i).atan2(a(j)),
            Step::Tanh(i) => a(i).tanh(),
            Step::Relu(i) => a(i).relu(),
            Step::Scale(i, c) => a(i) * T::of(f64::from(c) / 64.0),
            Step::Max(i, j) => a(i).maximum(a(j)),
            Step::Softmax(i, j) => wengert::scalar::softmax(&[a(i), a(j), a(i) * a(j)])[1],
        };
        let k = s.len();
        s[k - 1 - (k / 2) % x.len().max(1)] = next;
        outputs.push(next);
    }
    outputs
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_compressed_hessian_equals_the_dense_one(
        program in prop::collection::vec(step(), 0..30),
        x in prop::collection::vec(-1.0..1.0f64, 3..14),
        other in prop::collection::vec(-1.0..1.0f64, 14),
    ) {
        let f = scalar(|x| run(x, &program).into_iter().sum());
        let mut plan = sparse::Hessian::of(f, &x);
        for x in [&x[..], &other[..x.len()]] {
            assert_same(&plan.at(f, x), &dense(f, x));
        }
    }

    #[test]
    fn a_compressed_jacobian_equals_the_dense_one(
        program in prop::collection::vec(step(), 1..30),
        x in prop::collection::vec(-1.0..1.0f64, 3..14),
    ) {
        let j = sparse::jacobian(|x| run(x, &program), &x);
        let tape = Tape::new();
        let handles: Vec<_> = x.iter().map(|&x| tape.var(x)).collect();
        for (row, y) in run(&handles, &program).into_iter().enumerate() {
            let grads = y.try_backward();
            for (column, &x) in handles.iter().enumerate() {
                let slope = grads.as_ref().map_or(0.0, |grads| grads.wrt(x));
                let found = j.get(row, column);
                prop_assert!((found - slope).abs() <= 1e-12 * (1.0 + slope.abs()));
            }
        }
    }
}

#[test]
fn a_function_may_take_any_structure_of_arguments() {
    let (x, b) = (Tensor::from([1.0, 2.0]), 3.0);
    let two = Dual::constant(2.0);
    // b² Σ x², with the second derivatives 2 b², 4 b x and 2 Σ x².
    let h = sparse::hessian(|(x, b)| (x * x).sum() * b * b, (&x, b));
    let exact = [[18.0, 0.0, 12.0], [0.0, 18.0, 24.0], [12.0, 24.0, 10.0]];
    assert_eq!(h.to_dense(), Tensor::from(exact));
    // The closure gets a slice for a slice, an array for an array, a handle for a single argument.
    let slice = sparse::hessian(|x| x[0] * x[1] * x[1], &[1.0, 2.0]);
    let array = sparse::hessian(|[x, y]| x * y * y, [1.0, 2.0]);
    let vector = sparse::hessian(|x| x[0] * x[1] * x[1], vec![1.0, 2.0]);
    assert_eq!(
        (slice.to_dense(), array.to_dense()),
        (vector.to_dense(), slice.to_dense())
    );
    assert_eq!(sparse::hessian(|x| x * x * two, 5.0).row(0), [4.0]);

    let j = sparse::jacobian(|(x, b)| vec![x * b, x * x], (&x, b));
    let exact = [
        [3.0, 0.0, 1.0],
        [0.0, 3.0, 2.0],
        [2.0, 0.0, 0.0],
        [0.0, 4.0, 0.0],
    ];
    assert_eq!(j.to_dense(), Tensor::from(exact));
    let j = sparse::jacobian(|([x, y], z)| vec![x * y, y * z], ([1.0, 2.0], 3.0));
    assert_eq!(
        j.to_dense(),
        Tensor::from([[2.0, 1.0, 0.0], [0.0, 3.0, 2.0]])
    );

    // A plan is for elements, whatever their structure.
    let mut plan = sparse::Hessian::of(|(x, b)| (x * x).sum() * b, (&x, b));
    let elsewhere = plan.at(|(x, b)| (x * x).sum() * b, (&x, 5.0));
    assert_eq!(elsewhere.get(0, 0), 10.0);
    let refused = plan.try_at(|x| x[0] * x[1], &[1.0, 2.0]).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("the plan is for 3 variables, got 2")
    );
}
