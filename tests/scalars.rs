//! Scalar nodes: what they cost, and that a tape gives the same bits as its plainest form, with and
//! without the feature `cursor`, with and without lines.

#[path = "support/panics.rs"]
mod panics;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use panics::panic_of;
use proptest::prelude::*;
use wengert::{Gradients, Tape, Tensor, Var, scalar};

/// A folding tape in its plainest form: the entries in a vector, every index checked, every share
/// added in memory.
#[derive(Default)]
struct Plain {
    entries: RefCell<Vec<([f64; 2], [usize; 2])>>,
}

#[derive(Clone, Copy)]
struct Handle {
    value: f64,
    slope: f64,
    index: usize,
}

impl Plain {
    fn leaf(&self, value: f64) -> Handle {
        let index = self.entries.borrow().len();
        self.entries.borrow_mut().push(([0.0; 2], [index; 2]));
        Handle {
            value,
            slope: 1.0,
            index,
        }
    }

    fn pair(&self, a: Handle, b: Handle, value: f64, partial: [f64; 2]) -> Handle {
        let slopes = [partial[0] * a.slope, partial[1] * b.slope];
        if a.index == b.index {
            let slope = slopes[0] + slopes[1];
            return Handle { value, slope, ..a };
        }
        let node = self.leaf(value);
        self.entries.borrow_mut()[node.index] = (slopes, [a.index, b.index]);
        node
    }

    fn sweep(&self, y: Handle) -> Vec<f64> {
        let entries = self.entries.borrow();
        let mut adjoint = vec![0.0; entries.len()];
        adjoint[y.index] = y.slope;
        for (k, (partial, operand)) in entries.iter().enumerate().rev() {
            let a = adjoint[k];
            if a != 0.0 && *operand != [k; 2] {
                adjoint[operand[0]] += partial[0] * a;
                adjoint[operand[1]] += partial[1] * a;
            }
        }
        adjoint
    }
}

/// The number of leaves that a random program starts from; steps may enter more.
const LEAVES: usize = 3;

/// Runs steps `(op, i, j)` on earlier values `i` and `j`, near and far, on both tapes, and compares all
/// values and the gradients of a few outputs.
fn compare(tape: &Tape, steps: &[(u8, usize, usize)]) -> Result<(), TestCaseError> {
    let plain = Plain::default();
    let start = [0.7, -1.3, 2.1];
    let mut ours: Vec<Var<'_, f64>> = match steps.len() % 2 {
        0 => tape.vars(&start),
        _ => start.map(|x| tape.var(x)).to_vec(),
    };
    let mut leaves: Vec<usize> = (0..LEAVES).collect();
    let mut theirs: Vec<Handle> = start.map(|x| plain.leaf(x)).to_vec();
    for &(op, i, j) in steps {
        let (i, j) = (ours.len() - 1 - i % ours.len(), j % ours.len());
        let ((x, y), (a, b)) = ((ours[i], ours[j]), (theirs[i], theirs[j]));
        let (u, v) = (a.value, b.value);
        let (our, their) = match op % 6 {
            0 => (x + y, plain.pair(a, b, u + v, [1.0, 1.0])),
            1 => (x - y, plain.pair(a, b, u - v, [1.0, -1.0])),
            2 => (x * y, plain.pair(a, b, u * v, [v, u])),
            3 => (x * 0.5, plain.pair(a, a, u * 0.5, [0.5, 0.0])),
            4 => {
                leaves.push(ours.len());
                let our = match i % 2 {
                    0 => tape.vars(&[0.3])[0],
                    _ => tape.var(0.3),
                };
                (our, plain.leaf(0.3))
            }
            _ => (x.sin(), plain.pair(a, a, u.sin(), [u.cos(), 0.0])),
        };
        prop_assert_eq!(our.value().to_bits(), their.value.to_bits());
        ours.push(our);
        theirs.push(their);
    }
    for k in [ours.len() - 1, ours.len() / 2] {
        let (gradients, adjoint) = (ours[k].backward(), plain.sweep(theirs[k]));
        for &leaf in &leaves {
            // A gradient of -0 is reported as 0. A leaf entered after the output gets 0.
            let expected = adjoint.get(theirs[leaf].index).copied().unwrap_or(0.0) + 0.0;
            prop_assert_eq!(gradients.wrt(ours[leaf]).to_bits(), expected.to_bits());
        }
    }
    prop_assert_eq!(tape.scalar_nodes(), plain.entries.borrow().len());
    Ok(())
}

proptest! {
    #[test]
    fn a_tape_gives_the_bits_of_its_plainest_form(
        steps in prop::collection::vec((any::<u8>(), 0..40usize, any::<usize>()), 1..400),
    ) {
        let mut tape = Tape::new();
        compare(&tape, &steps)?;
        tape.reset();
        compare(&tape, &steps[steps.len() / 2..])?;
        compare(&Tape::new().with_lines(), &steps)?;
    }
}

#[test]
fn a_unary_or_constant_op_costs_nothing_and_a_binary_one_24_bytes_and_8_of_the_walk() {
    let tape = Tape::new();
    let (x, w) = (tape.var(1.5), tape.var(0.5));
    let state = || (tape.bytes(), tape.scalar_nodes());
    let cost = |before: (usize, usize), y: Var<'_, f64>| {
        let bytes = (tape.bytes() - before.0, tape.scalar_nodes() - before.1);
        let _: Gradients<'_, _> = y.backward();
        (bytes, tape.last_walk().unwrap().adjoints)
    };
    let leaves = cost(state(), w).1;
    assert_eq!(cost(state(), (x.exp() * 2.0 + 1.0).sqrt() / 3.0).0, (0, 0));
    assert_eq!(cost(state(), -x * x + x.sin() * x).0, (0, 0));
    assert_eq!(cost(state(), x * w), ((24, 1), leaves + 8));
    assert_eq!(cost(state(), (x / w).tanh() + x), ((48, 2), leaves + 24));
}

#[test]
fn gradients_of_two_outputs_stay_apart_however_long_they_live() {
    let mut tape = Tape::new();
    for _ in 0..3 {
        let x = tape.vars(&[2.0, 3.0]);
        let (product, quotient) = (x[0] * x[1], x[1] / x[0]);
        let first = product.backward();
        let second = quotient.backward();
        assert_eq!([first.wrt(x[0]), first.wrt(x[1])], [3.0, 2.0]);
        drop(first);
        let again = product.backward();
        assert_eq!([second.wrt(x[0]), second.wrt(x[1])], [-0.75, 0.5]);
        assert_eq!([again.wrt(x[0]), again.wrt(x[1])], [3.0, 2.0]);
        assert_eq!(second.get(product), None);
        drop((again, second));
        tape.reset();
    }
}

#[test]
fn leaves_entered_at_once_are_those_entered_one_by_one() {
    let values: Vec<f64> = (0..3000).map(f64::from).collect();
    let tape = Tape::new();
    let (first, at_once) = (tape.var(-1.0), tape.vars(&values));
    assert!(tape.vars(&[]).is_empty());
    assert_eq!((tape.scalar_nodes(), tape.bytes()), (3001, 3001 * 24));
    let last = tape.var(-2.0);
    let products = at_once.iter().fold(first * last, |sum, &x| sum + x * last);
    let gradients = products.backward();
    for (x, &value) in at_once.iter().zip(&values) {
        assert_eq!((x.value(), gradients.wrt(*x)), (value, -2.0));
    }
    assert_eq!(gradients.wrt(last), values.iter().sum::<f64>() - 1.0);
    assert_eq!(at_once[7].backward().wrt(at_once[7]), 1.0);

    for count in [2, 200] {
        let watched = Tape::new().with_lines();
        let mut values = vec![1.0; count];
        values[1] = f64::NAN;
        let (_, line) = (watched.vars(&values), line!());
        let birth = watched.first_non_finite().unwrap();
        assert_eq!((birth.op, birth.line.unwrap().line()), ("leaf", line));
    }
}

#[test]
fn many_leaves_entered_first_take_8_bytes_each() {
    let values: Vec<f64> = (0..3000).map(f64::from).collect();
    let mut tape = Tape::new();
    for _ in 0..2 {
        let (one, two) = (tape.vars(&values), tape.vars(&values[..40]));
        assert_eq!((tape.scalar_nodes(), tape.bytes()), (3040, 3040 * 8));
        let late = tape.var(2.0);
        let few = tape.vars(&values[..40]);
        assert_eq!(tape.bytes(), 3040 * 8 + 41 * 24);
        let y = one[2999] * two[39] + late * few[1] + one[0];
        let gradients = y.backward();
        let all = [one[2999], two[39], late, few[1], one[0], one[1]];
        let expected = [39.0, 2999.0, 1.0, 2.0, 1.0, 0.0];
        assert_eq!(all.map(|x| gradients.wrt(x)), expected);
        // An output among these leaves.
        assert_eq!(two[0].backward().wrt(two[0]), 1.0);
        assert_eq!(two[0].backward().wrt(one[5]), 0.0);
        let ids = [
            one[7].id().unwrap(),
            two[3].id().unwrap(),
            few[2].id().unwrap(),
        ];
        assert_eq!(ids.map(|id| tape.handle(id).value()), [7.0, 3.0, 2.0]);
        drop(gradients);
        tape.reset();
    }
}

#[test]
fn a_wide_node_of_handles_from_two_tapes_leaves_nothing_behind() {
    let (one, two) = (Tape::new(), Tape::new());
    let (a, b) = (one.var(1.0), two.var(2.0));
    let before = (one.bytes(), format!("{one:?}"));
    for x in [[a, b, 3.0.into()], [3.0.into(), a, b]] {
        let error = scalar::try_softmax(&x).unwrap_err().to_string();
        assert!(error.starts_with("softmax: the handle belongs to another tape"));
        assert!(one.try_stack(&x).is_err());
    }
    assert_eq!((one.bytes(), format!("{one:?}")), before);

    // Plain numbers may occur among the handles, and alone make a constant.
    let numbers = [Var::number(1.0).exp(), 2.0.into()];
    let (constant, empty) = (one.stack(&numbers), one.stack(&[]));
    assert_eq!(
        scalar::logsumexp(&[a.exp(), numbers[0]]).backward().wrt(a),
        0.5 * a.exp().value()
    );
    assert!(constant.sum().try_backward().is_err());
    assert!(empty.sum().try_backward().is_err());
    assert_eq!((empty.shape().elements(), one.tensor_nodes()), (0, 1));
}

#[test]
fn a_wide_node_costs_12_bytes_an_input_8_an_output_and_8_an_input_if_a_handle_is_folded() {
    const N: usize = 1000;
    let tape = Tape::new();
    let leaves: Vec<_> = (0..N).map(|i| tape.var((i as f64).sin())).collect();
    let folded: Vec<_> = leaves.iter().map(|&x| x * 2.0 + 1.0).collect();
    let cost = |record: &dyn Fn()| {
        let before = tape.bytes();
        record();
        tape.bytes() - before
    };
    let mut mixed = leaves.clone();
    mixed[N / 2] = folded[N / 2];
    for (x, input) in [(&leaves, 12), (&mixed, 20), (&folded, 20)] {
        // Besides inputs and outputs there are the statistics of one row.
        let one = cost(&|| {
            let _ = scalar::logsumexp(x);
        });
        assert_eq!(one, input * N + 8 + 12);
        let one = cost(&|| {
            let _ = scalar::cross_entropy(x, 3);
        });
        assert!(one <= input * N + 64, "{one} bytes");
        let many = cost(&|| drop(scalar::softmax(x)));
        assert_eq!(many, (input + 8) * N + 4);
    }
}

#[test]
fn plain_numbers_that_were_transformed_do_not_stop_a_replay() {
    let mut tape = Tape::new();
    let x = tape.var(1.0);
    let y = scalar::logsumexp(&[x, Var::number(0.0).exp()]);
    let (x, y) = (x.id().unwrap(), y.id().unwrap());
    tape.replay([(x, 3.0)]).unwrap();
    assert_eq!(tape.handle(y).value(), (3f64.exp() + 1f64.exp()).ln());
}

#[test]
fn a_tape_that_is_walked_refuses_scalar_nodes_and_is_none_the_worse() {
    thread_local!(static TAPE: &'static Tape = Box::leak(Box::new(Tape::new())));
    let tape = TAPE.with(|&tape| tape);
    let (a, b) = (tape.var(2.0), tape.var(3.0));
    let y = tape.stack(&[a * b]).sum().inspect_cotangent(|_| {
        let _ = TAPE.with(|&tape| tape.var(1.0));
    });
    let (text, _, _) = panic_of(|| drop(y.backward()));
    assert_eq!(
        text,
        "a scalar node was recorded while a walk or a reader uses the tape"
    );
    let z = a * b * a;
    assert_eq!(z.backward().wrt(a), 12.0);
}

#[test]
fn a_panic_amid_a_formula_leaves_the_tape_as_it_was() {
    let tape = Tape::new();
    let x = tape.var(2.0);
    let mut y = x;
    let other = Tape::new();
    let stranger = other.var(1.0);
    for _ in 0..100 {
        y *= x;
        let broken = catch_unwind(AssertUnwindSafe(|| y * x + stranger));
        assert!(broken.is_err());
    }
    assert_eq!(y.value(), 2f64.powi(101));
    assert_eq!(y.backward().wrt(x), 101.0 * 2f64.powi(100));
}

#[test]
fn a_tape_goes_to_another_thread_with_what_is_on_it() {
    let mut tape = Tape::new();
    let id = (tape.var(3.0)).id().unwrap();
    let tape = thread::spawn(move || {
        let x = tape.handle(id);
        let y = (0..1000).fold(x, |y, _| y + x * y.sin());
        assert!(y.backward().wrt(x).is_finite());
        tape.reset();
        tape
    })
    .join()
    .unwrap();
    let x = tape.var(Tensor::from([1.0]));
    assert_eq!(x.sum().backward().wrt(x), Tensor::from([1.0]));
}

#[test]
fn a_share_reaches_the_scalar_just_before_a_tensor_node() {
    let tape = Tape::new();
    let (x, w) = (tape.var(2.0), tape.var(3.0));
    // The stretch of scalar nodes after this one begins with a node whose operand is the one before.
    let between = tape.var(Tensor::from([1.0]));
    let grads = (x * w).backward();
    assert_eq!((grads.wrt(x), grads.wrt(w)), (3.0, 2.0));
    assert_eq!(grads.get(between), None);
}

/// A tensor's walk leaves a cotangent of 0 at an infinite slope behind; folding must not multiply them.
#[test]
fn a_cotangent_of_0_stops_at_a_pole() {
    type Function = fn(Var<'_, f64>) -> Var<'_, f64>;
    let tape = Tape::new();
    let poles: [(f64, Function); 16] = [
        (0.0, |x| x.sqrt()),
        (0.0, |x| x.cbrt()),
        (0.0, |x| x.ln()),
        (0.0, |x| x.log2()),
        (0.0, |x| x.log10()),
        (-1.0, |x| x.log1p()),
        (1.0, |x| x.asin()),
        (-1.0, |x| x.acos()),
        (1.0, |x| x.atanh()),
        (1.0, |x| x.acosh()),
        (0.0, |x| x.recip()),
        (0.0, |x| x.powf(0.5)),
        (0.0, |x| 1.0 / x),
        (0.0, |x| num_traits::Float::powf(x, Var::from(0.5))),
        (0.0, |x| x.pow(0.25)),
        (0.0, |x| x.pow(-1.0)),
    ];
    for (at, f) in poles {
        let x = tape.var(at);
        assert!(!f(x).backward().wrt(x).is_finite(), "no pole at {at}");
        let y = f(x) * 0.0 + x;
        assert_eq!(y.backward().wrt(x), 1.0, "a factor of 0 after {at}");
        let w = tape.var(0.0);
        let y = f(x) * w + x;
        assert_eq!(y.backward().wrt(x), 1.0, "a node of 0 after {at}");
    }
}

#[test]
fn a_handle_compares_with_a_number_by_its_value() {
    let tape = Tape::new();
    let x = tape.var(2.0);
    assert!(x < 2.5 && x > 1.0 && x <= 2.0 && x == 2.0 && x != 3.0);
    assert_eq!((x * f64::NAN).partial_cmp(&0.0), None);
    // Heron's iteration, and beside dual numbers numbers are plain as well.
    let mut y = x;
    while (y * y - x).abs() > 1e-12 {
        y = (y + x / y) * 0.5;
    }
    assert!((y.backward().wrt(x) - 0.125f64.sqrt()).abs() < 1e-12);
    let second = wengert::transform::hvp(|x| if x > 1.0 { x * x * x } else { x }, 2.0, 1.0);
    assert_eq!(second, 12.0);
}
