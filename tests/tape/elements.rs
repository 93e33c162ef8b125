//! Elements of tensor nodes that are read as scalars, mixed with leaves and scalar arithmetic in any order.

use proptest::prelude::*;
use wengert::{Dual, Elem, Tape, Tensor, Var, scalar};

/// How many handles a program begins with, and how many of the latest ones its wide nodes gather.
const LEAVES: usize = 4;
const WIDE: usize = 3;

/// One step of a program and what it reads, as numbers that [`pick`] turns into handles.
type Step = (u8, usize, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..9u8, any::<usize>(), any::<usize>()), 1..30)
}

fn pick<V: Copy>(handles: &[V], k: usize) -> V {
    handles[k % handles.len()]
}

/// How a program is recorded.
#[derive(Clone, Copy)]
struct How {
    /// Whether its wide steps go through tensor nodes, rather than being written out.
    fused: bool,
    /// Whether its first leaves are entered together, beside many others.
    together: bool,
}

const WRITTEN: How = How {
    fused: false,
    together: false,
};

const FUSED: How = How {
    fused: true,
    ..WRITTEN
};

const TOGETHER: How = How {
    together: true,
    ..FUSED
};

/// The leaves that a program begins with. So many together have no entries on the tape, and a tensor node may come
/// between them.
fn enter<'t, T: Elem>(tape: &'t Tape<T>, leaves: &[T], how: How) -> Vec<Var<'t, T>> {
    if !how.together {
        return leaves.iter().map(|&x| tape.var(x)).collect();
    }
    let (some, others) = leaves.split_at(leaves.len() / 2);
    let many = |some: &[T]| {
        let mut all = some.to_vec();
        all.resize(50, T::one());
        tape.vars(&all)[..some.len()].to_vec()
    };
    let first = many(some);
    let _ = tape.var(Tensor::full([3], T::one())).sin();
    [first, many(others)].concat()
}

/// A program, its first leaves and its value, which stays near 1.
fn program<'t, T: Elem>(
    tape: &'t Tape<T>,
    leaves: &[T],
    steps: &[Step],
    how: How,
) -> (Vec<Var<'t, T>>, Var<'t, T>) {
    let mut inputs = enter(tape, &leaves[..LEAVES], how);
    let fused = how.fused;
    let mut later = leaves[LEAVES..].iter();
    let mut x = inputs.clone();
    for &(kind, a, b) in steps {
        let (one, other) = (pick(&x, a), pick(&x, b));
        let some: Vec<_> = (0..=a % WIDE).map(|k| pick(&x, b + k)).collect();
        let tensor = || tape.stack(&some);
        match kind {
            0 => x.push(one * other),
            1 => x.push(one + other.sin()),
            2 => x.push(one.tanh()),
            3 if fused => x.extend(scalar::softmax(&some)),
            3 => {
                let e: Vec<_> = some.iter().map(|x| x.exp()).collect();
                let sum = e[1..].iter().fold(e[0], |sum, &e| sum + e);
                x.extend(e.iter().map(|&e| e / sum));
            }
            4 if fused => x.push(scalar::logsumexp(&some)),
            4 => {
                let e: Vec<_> = some.iter().map(|x| x.exp()).collect();
                x.push(e[1..].iter().fold(e[0], |sum, &e| sum + e).ln());
            }
            5 if fused => x.extend(tensor().sin().scalars()),
            5 => x.extend(some.iter().map(|x| x.sin())),
            6 if fused => x.push((tensor() * one).sum().tanh()),
            6 => {
                let terms: Vec<_> = some.iter().map(|&x| x * one).collect();
                x.push(terms[1..].iter().fold(terms[0], |sum, &x| sum + x).tanh());
            }
            7 if fused => x.push(tensor().at([0])),
            7 => x.push(some[0]),
            _ => {
                if let Some(&value) = later.next() {
                    inputs.push(tape.var(value));
                    x.push(inputs[inputs.len() - 1]);
                }
            }
        }
    }
    let y = x
        .iter()
        .rev()
        .take(2 * WIDE)
        .fold(one(), |y, x| y * x.sin());
    (inputs, y)
}

fn one<'t, T: Elem>() -> Var<'t, T> {
    Var::number(T::one())
}

fn values(count: usize) -> Vec<f64> {
    (0..count).map(|k| (k as f64 * 0.7).sin()).collect()
}

/// The value of a program and its gradient. Leaves of which the lint says that the value does not depend on them have
/// none.
fn outcome<T: Elem>(tape: &Tape<T>, leaves: &[T], steps: &[Step], how: How) -> (T, Vec<T>) {
    let (inputs, y) = program(tape, leaves, steps, how);
    let grads = y.backward();
    let gradient: Vec<T> = inputs.iter().map(|&x| grads.wrt(x)).collect();
    assert!(y.diagnose().is_finite());
    for (k, gradient) in gradient[..LEAVES].iter().enumerate() {
        let index = if how.together && k >= LEAVES / 2 {
            k + 50 - LEAVES / 2
        } else {
            k
        };
        let name = format!("does not depend on scalar leaf {index} ");
        let unread = y.lint().iter().any(|lint| lint.text.contains(&name));
        assert!(!unread || gradient.is_zero(), "leaf {k}: {gradient:?}");
    }
    (y.value(), gradient)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #[test]
    fn wide_nodes_among_scalars_give_what_is_written_out(steps in steps()) {
        let x = values(LEAVES + steps.len());
        let (mut fused, written) = (Tape::new(), Tape::new());
        let expected = outcome(&written, &x, &steps, WRITTEN);
        let found = outcome(&fused, &x, &steps, FUSED);
        prop_assert!(near(found.0, expected.0));
        for (&a, &b) in found.1.iter().zip(&expected.1) {
            prop_assert!(near(a, b), "{a}, not {b}");
        }

        // The same bits on a tape that was used before, with leaves entered together, and on a tape that keeps lines.
        for how in [FUSED, TOGETHER, FUSED] {
            fused.reset();
            prop_assert_eq!(&outcome(&fused, &x, &steps, how), &found);
        }
        let lined = Tape::new().with_lines();
        let (inputs, y) = program(&lined, &x, &steps, FUSED);
        let grads = y.backward();
        let gradient: Vec<f64> = inputs.iter().map(|&x| grads.wrt(x)).collect();
        prop_assert_eq!((y.value(), &gradient), (found.0, &found.1));
        prop_assert_eq!(lined.scalar_nodes(), fused.scalar_nodes());

        // The forward walk along all leaves at once.
        let together = Tape::new().with_lines();
        for (tape, how) in [(&lined, FUSED), (&together, TOGETHER)] {
            let (inputs, y) = program(tape, &x, &steps, how);
            let walk = inputs.iter().fold(tape.forward(), |walk, &x| walk.along(x, 1.0));
            prop_assert!(near(walk.walk().of(y), gradient.iter().sum()));
            prop_assert!(y.diagnose().is_finite());
        }
    }

    #[test]
    fn second_derivatives_pass_through_elements(steps in steps()) {
        let x: Vec<Dual<f64>> = values(LEAVES + steps.len())
            .into_iter()
            .enumerate()
            .map(|(k, x)| Dual::new(x, (k as f64).cos()))
            .collect();
        let duals = Tape::<Dual<f64>>::default;
        let (found, expected) =
            (outcome(&duals(), &x, &steps, TOGETHER), outcome(&duals(), &x, &steps, WRITTEN));
        for (a, b) in found.1.iter().zip(&expected.1) {
            prop_assert!(near(a.primal, b.primal) && near(a.tangent, b.tangent), "{a:?}, not {b:?}");
        }
    }

    #[test]
    fn a_replay_renews_elements_and_the_packs_of_them(
        steps in prop::collection::vec((0..5u8, any::<usize>(), any::<usize>()), 1..15),
        together in any::<bool>(),
    ) {
        // Without scalar arithmetic, which cannot be run again.
        let record = |tape: &Tape, leaves: &[f64]| {
            let mut x = enter(tape, leaves, How { together, ..FUSED });
            for &(kind, a, b) in &steps {
                let some: Vec<_> = (0..=a % WIDE).map(|k| pick(&x, b + k)).collect();
                match kind {
                    0 => x.extend(scalar::softmax(&some)),
                    1 => x.push(scalar::logsumexp(&some)),
                    2 => x.extend(tape.stack(&some).sin().scalars()),
                    3 => x.push((tape.stack(&some) * pick(&x, a)).sum()),
                    _ => x.push(tape.var(leaves[a % leaves.len()])),
                }
            }
            let y = tape.stack(&x).sin().sum();
            let ids = |x: &[Var<'_, f64>]| x.iter().map(|x| x.id().unwrap()).collect::<Vec<_>>();
            (ids(&x), y.id().unwrap())
        };
        let state = |tape: &Tape, (ids, y): &(Vec<_>, _)| {
            let grads = tape.handle(*y).backward();
            let numbers = ids.iter().map(|&id| (tape.handle(id).value(), grads.wrt(tape.handle(id))));
            (tape.handle(*y).value(), numbers.collect::<Vec<(f64, f64)>>())
        };
        let (mut again, fresh) = (Tape::new(), Tape::new());
        let old = values(LEAVES);
        let new: Vec<f64> = old.iter().map(|x| x + 0.5).collect();
        let (one, other) = (record(&again, &old), record(&fresh, &new));
        let is_leaf = |k: usize| k < LEAVES;
        let mut leaves: Vec<_> = (0..LEAVES).map(|k| (one.0[k], new[k])).collect();
        // Leaves that were entered later, between elements.
        let expected = state(&fresh, &other);
        for (k, &id) in one.0.iter().enumerate().filter(|(k, _)| !is_leaf(*k)) {
            if again.replay([(id, 0.0)]).is_ok() {
                leaves.push((id, expected.1[k].0));
            }
        }
        again.replay(leaves).unwrap();
        prop_assert_eq!(state(&again, &one), expected);
    }
}

#[test]
fn an_element_is_no_leaf_and_is_known_by_its_tensor() {
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0, 4.0]));
    let early = tape.var(0.5);
    let elements = x.square().scalars();
    let y = elements[2] * early;
    assert_eq!(tape.scalar_nodes(), 1 + 3 + 1);
    assert_eq!(y.backward().wrt(elements[2]), 0.5);
    // After the output: nothing flows there, and nothing is known of its tangent.
    let walked = tape.forward().along(early, 1.0).walk();
    let late = x.scalars();
    assert_eq!(y.backward().wrt(late[1]), 0.0);
    let error = walked.try_of(late[1]).unwrap_err().to_string();
    assert!(
        error.starts_with("of: this handle was recorded after the walk"),
        "{error}"
    );
    let unused = tape.var(1.5);
    let lints = (unused.sin() * early + y).lint();
    assert!(lints.is_empty(), "{lints:?}");
    let lints = (tape.var(2.5) * y).lint();
    assert!(lints[0].text.contains("scalar leaf 8 "), "{lints:?}");
    let id = elements[1].id().unwrap();
    assert_eq!(tape.handle(id).value(), 4.0);
    let error = tape.replay([(id, 1.0)]).unwrap_err().to_string();
    // The product stands in the way first; its number counts the elements.
    assert!(
        error.contains("scalar node 5 was computed from scalars"),
        "{error}"
    );
}
