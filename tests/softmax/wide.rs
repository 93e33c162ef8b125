//! Slices of scalar handles: each call is one wide node, with the bits of the tensor form in every mode.

use wengert::{Dual, Elem, Level, Random, Tape, Tensor, Var, scalar};

/// Whether all numbers are the same bit for bit, in all parts.
#[track_caller]
fn same<E: Elem>(found: &[E], expected: &[E], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (j, (found, &of_tensor)) in found.iter().zip(expected).enumerate() {
        let same = found.same(of_tensor);
        assert!(
            same,
            "{what}[{j}]: {found} of scalars, {of_tensor} of the tensor"
        );
    }
}

/// The same for tangents and cotangents: those of scalars are added to 0, which takes the sign of a tensor's -0 and
/// changes no other number.
#[track_caller]
fn added<E: Elem>(found: &[E], expected: &Tensor<E>, what: &str) {
    same(found, expected.map(|x| x + E::zero()).data(), what);
}

fn values<E: Elem>(y: &[Var<'_, E>]) -> Vec<E> {
    y.iter().map(|y| y.value()).collect()
}

/// Compares each form on scalars with that on a tensor: value, VJP for `g`, JVP along `t`.
fn alike<E: Elem>([x, g, t]: &[Tensor<E>; 3], label: usize, what: &str) {
    let tape = Tape::<E>::default();
    let tensor = tape.var(x.clone());
    let leaves: Vec<_> = x.iter().map(|&x| tape.var(x)).collect();
    let before = (tape.scalar_nodes(), tape.tensor_nodes());

    // Results with one entry for each logit, then those with one.
    let full = [scalar::softmax(&leaves), scalar::log_softmax(&leaves)];
    let one = [
        scalar::logsumexp(&leaves),
        scalar::cross_entropy(&leaves, label),
    ];
    // Each is one node of the tape, and a scalar one for each result.
    let nodes = (before.0 + 2 * x.len() + 2, before.1 + 4);
    assert_eq!((tape.scalar_nodes(), tape.tensor_nodes()), nodes, "{what}");
    let full_tensor = [tensor.softmax(0), tensor.log_softmax(0)];
    let one_tensor = [tensor.logsumexp(), tensor.cross_entropy(0, label)];

    let by_scalars = leaves.iter().zip(t.iter());
    let by_scalars = by_scalars.fold(tape.forward(), |walk, (&x, &t)| walk.along(x, t));
    let by_scalars = by_scalars.walk();
    let by_tensor = tape.forward().along(tensor, t.clone()).walk();

    for (k, (y, expected)) in full.iter().zip(full_tensor).enumerate() {
        let what = |form: &str| format!("{what}: {}softmax {form}", ["", "log_"][k]);
        same(&values(y), expected.value().data(), &what("value"));
        let pushed: Vec<E> = y.iter().map(|&y| by_scalars.of(y)).collect();
        added(&pushed, &by_tensor.of(expected), &what("jvp"));
        // The cotangent of each scalar is that of the tensor's element.
        let terms = y.iter().zip(g.iter()).map(|(&y, &g)| y * g);
        let grads = terms.reduce(|a, b| a + b).unwrap().backward();
        let found: Vec<E> = leaves.iter().map(|&x| grads.wrt(x)).collect();
        let expected = expected.vjp(g.clone()).wrt(tensor);
        added(&found, &expected, &what("vjp"));
    }
    for (k, (y, expected)) in one.into_iter().zip(one_tensor).enumerate() {
        let what = |form: &str| format!("{what}: {} {form}", ["logsumexp", "cross_entropy"][k]);
        same(&[y.value()], &[expected.value()], &what("value"));
        let expected_push = Tensor::from([by_tensor.of(expected)]);
        added(&[by_scalars.of(y)], &expected_push, &what("jvp"));
        // For a cotangent of 1, the gradient of cross entropy was computed beside the value.
        for c in [E::one(), g.data()[0]] {
            let (grads, expected) = ((y * c).backward(), (expected * c).backward());
            let found: Vec<E> = leaves.iter().map(|&x| grads.wrt(x)).collect();
            added(&found, &expected.wrt(tensor), &what("vjp"));
        }
    }
}

fn rows<T: Elem>(name: &str) {
    let traps = [T::nan(), T::infinity(), T::neg_infinity(), T::max_value()];
    for (n, spread) in (1..=70).flat_map(|n| [1.0, 40.0, 700.0].map(|spread| (n, spread))) {
        let mut random = Random::new(n as u64);
        let mut draw = |spread: f64| -> Tensor<T> { random.uniform([n], -spread, spread) };
        let plain = [draw(spread), draw(1.0), draw(1.0)];
        let tangents = [draw(1.0), draw(1.0), draw(1.0)];
        let label = random.below(n);
        let mut spoilt = plain.clone();
        spoilt[0].data_mut()[label] = traps[n % traps.len()];
        // On dual numbers the same rules give the second order.
        let dual = |k: usize| -> Tensor<Dual<T>> {
            let parts = plain[k].iter().zip(&tangents[k]);
            parts.map(|(&x, &t)| Dual::new(x, t)).collect()
        };
        let dual = [dual(0), dual(1), dual(2)];
        for level in Level::all() {
            let what = format!("{n} of {name}, spread {spread}, {level}");
            level.force(|| {
                alike(&plain, label, &what);
                alike(&spoilt, n - 1 - label, &what);
                alike(&dual, label, &what);
            });
        }
    }
}

#[test]
fn scalars_as_one_wide_node_equal_the_tensor_bit_for_bit() {
    rows::<f32>("f32");
    rows::<f64>("f64");
}
