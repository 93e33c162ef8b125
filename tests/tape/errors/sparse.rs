//! Bad input to sparse derivatives and checkpoints: exact texts at the user's line.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::panics;
use crate::panics::panic_of;
use wengert::transform::{checkpoint, sparse};
use wengert::{Dual, ErrorKind, Tape, Tensor, Var};

fn other_tape(op: &str) -> String {
    format!(
        "{op}: the handle belongs to another tape; record both operands on one tape, or pass the other's value()"
    )
}

#[test]
fn a_handle_of_another_tape_is_refused() {
    let other = Tape::<Dual<f64>>::default();
    let leaked: &'static Tape<Dual<f64>> = Box::leak(Box::default());
    let strange = leaked.var(Dual::constant(1.0));
    panics!(
        sparse::hessian(|_| strange, &[1.0, 2.0]),
        other_tape("sparse::hessian")
    );
    panics!(
        sparse::Hessian::of(|_| strange, &[1.0]),
        other_tape("sparse::hessian")
    );
    let plain: &'static Tape = Box::leak(Box::default());
    let strange = plain.var(1.0);
    panics!(
        sparse::jacobian(|_| vec![strange], &[1.0]),
        other_tape("sparse::jacobian")
    );
    let kind = sparse::try_jacobian(|_| vec![strange], &[1.0]).unwrap_err();
    assert!(matches!(kind.kind(), ErrorKind::OtherTape { .. }));
    drop(other);

    let tape = Tape::new();
    let (x, y) = (
        tape.var(Tensor::from([1.0])),
        plain.var(Tensor::from([2.0])),
    );
    panics!(
        tape.checkpoint(&[x, y], |_, x| x[0] * x[1]),
        other_tape("checkpoint")
    );
    panics!(
        tape.checkpoint(&[x], |_, _| {
            let inside: &'static Tape = Box::leak(Box::default());
            inside.var(Tensor::from([1.0]))
        }),
        other_tape("checkpoint")
    );
    panics!(
        tape.checkpoint_chain(3, 1, y, &[x], |_, x, w| x * w[0]),
        other_tape("checkpoint_chain")
    );
    panics!(
        tape.checkpoint_chain(3, 1, x, &[], |_, _, _| {
            let inside: &'static Tape = Box::leak(Box::default());
            inside.var(Tensor::from([1.0]))
        }),
        other_tape("checkpoint_chain")
    );
    // The tape stays usable.
    assert_eq!((x * x).sum().backward().wrt(x), Tensor::from([2.0]));
}

#[test]
fn a_budget_of_nothing_is_refused() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0]));
    panics!(
        tape.checkpoint_chain(3, 0, x, &[], |_, x, _| x.exp()),
        "checkpoint_chain: a budget of 0 states; the first one is always kept, so give at least 1"
    );
    panics!(
        checkpoint::advances(3, 0),
        "advances: a budget of 0 states; the first one is always kept, so give at least 1"
            .to_string()
    );
}

/// A number that grows with each call: what a checkpointed closure must not read.
fn drawn() -> f64 {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed) as f64
}

#[test]
fn a_closure_that_is_not_deterministic_is_refused() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let count = Cell::new(0.0);
    let line = line!() + 1;
    let y = tape.checkpoint(&[x], move |_, x| {
        count.set(count.get() + 1.0);
        x[0] * Tensor::from([3.0, count.get()])
    });
    let file = file!();
    let text = format!(
        "checkpoint: the closure recorded at {file}:{line} does not do the same when it is run again (element 1 was 2 at first and is 4 now); it may depend on its inputs alone, so draw random numbers outside and pass them in"
    );
    panics!(y.sum().backward(), text);
    let error = y.try_vjp(Tensor::from([1.0, 1.0])).unwrap_err().to_string();
    assert!(
        error.contains("element 1 was 2 at first and is 6 now"),
        "{error}"
    );
    panics!(
        tape.forward().along(x, Tensor::from([1.0, 0.0])).walk(),
        text.replace("is 4 now", "is 8 now")
    );

    // The same value computed in another way, which has another gradient.
    let one = tape.var(Tensor::from([1.0]));
    let squared = Cell::new(false);
    let line = line!() + 1;
    let y = tape.checkpoint(&[one], move |_, x| match squared.replace(true) {
        false => x[0] * x[0],
        true => x[0],
    });
    panics!(
        y.sum().backward(),
        format!(
            "checkpoint: the closure recorded at {file}:{line} does not do the same when it is run again (it records other ops); it may depend on its inputs alone, so draw random numbers outside and pass them in"
        )
    );

    let grows = Cell::new(0);
    let y = tape.checkpoint(&[x], move |_, x| {
        grows.set(grows.get() + 1);
        x[0].slice(..grows.get())
    });
    let error = y.sum().try_backward().unwrap_err().to_string();
    assert!(error.contains("(shape [1] at first, [2] now)"), "{error}");
}

#[test]
fn the_step_of_a_chain_that_differs_is_named() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0]));
    let calls = Cell::new(0);
    let line = line!() + 1;
    let y = tape.checkpoint_chain(10, 3, x, &[], move |k, x, _| {
        calls.set(calls.get() + 1);
        // Only the run of step 4 that is walked differs.
        let late = k == 4 && calls.get() > 25;
        x * if late { 2.0 } else { 1.0 }
    });
    let file = file!();
    panics!(
        y.sum().backward(),
        format!(
            "checkpoint_chain: step 4 of the closure recorded at {file}:{line} does not do the same when it is run again (element 0 was 1 at first and is 2 now); it may depend on its inputs alone, so draw random numbers outside and pass them in"
        )
    );
}

#[test]
fn a_step_of_a_chain_that_gives_the_same_by_other_ops_is_refused() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0]));
    let calls = Cell::new(0);
    let line = line!() + 1;
    let y = tape.checkpoint_chain(10, 3, x, &[], move |k, x, _| {
        calls.set(calls.get() + 1);
        // As above; 1 squared is 1, but its derivative is 2.
        let late = k == 4 && calls.get() > 25;
        if late { x * 1.0 } else { x * x }
    });
    let file = file!();
    let text = format!(
        "checkpoint_chain: the closure recorded at {file}:{line} does not do the same when it is run again (a step records other ops); it may depend on its inputs alone, so draw random numbers outside and pass them in"
    );
    panics!(y.sum().backward(), text.clone());
    // The counter is past 25 now, so a forward walk meets the other step as well.
    panics!(
        tape.forward().along(x, Tensor::from([1.0])).walk(),
        text.clone()
    );
}

#[test]
fn a_function_that_is_not_deterministic_has_no_sparse_hessian() {
    let (text, file, line) = panic_of(|| {
        let _ = sparse::hessian(|x| x[0] * x[1] * Dual::constant(drawn()), &[1.0, 2.0]);
    });
    assert_eq!((file.as_str(), line), (file!(), line!() - 2));
    let start = "sparse::hessian: the function does not compute the same each time (entry 0 of a product was ";
    let end = "); take random draws and counters out of it";
    assert!(text.starts_with(start) && text.ends_with(end), "{text}");
}

#[test]
fn a_plan_is_for_its_number_of_variables() {
    let mut plan = sparse::Hessian::of(|x| x[0] * x[1], &[1.0, 2.0]);
    panics!(
        plan.at(|x| x[0] * x[1], &[1.0, 2.0, 3.0]),
        "sparse::hessian: the plan is for 2 variables, got 3; make a plan with Hessian::of"
    );
    let mut plan = sparse::Jacobian::of(|x| vec![x[0] * x[1]], &[1.0, 2.0]);
    panics!(
        plan.at(|x| vec![x[0], x[1]], &[1.0, 2.0]),
        "sparse::jacobian: the plan is for 2 variables and 1 outputs, got 2 and 2; make a plan with Jacobian::of"
    );
}

#[test]
fn a_dense_pattern_is_refused_before_it_fills_the_memory() {
    let x = vec![0.001; 20_000];
    let text =
        "sparse: the pattern has more than 268435456 entries; the matrix is dense, use products";
    panics!(
        sparse::hessian(|x| x.iter().copied().sum::<wengert::Var<'_, _>>().exp(), &x),
        text
    );
}

#[test]
fn a_vector_of_the_wrong_length_is_refused() {
    let j = sparse::jacobian(|x| vec![x[0] * x[1]], &[1.0, 2.0]);
    panics!(
        j.matvec(&[1.0]),
        "matvec: 1 numbers for a matrix of 1 rows and 2 columns; give one for each column"
    );
    panics!(
        j.matvec_transposed(&[1.0, 2.0]),
        "matvec_transposed: 2 numbers for a matrix of 1 rows and 2 columns; give one for each row"
    );
    assert!(j.try_matvec(&[]).is_err() && j.try_matvec_transposed(&[]).is_err());
}

/// The angle of (x, s x) does not depend on x, but its rounded second derivative is 1e-16 or 0, depending on the seed.
#[test]
fn noise_of_what_cancels_is_no_missing_entry() {
    let mut x = [0.0; 6];
    for k in 0..2000 {
        x[3] = -0.7961868361114782 + f64::from(k) * 1e-3;
        let hessian = sparse::hessian(|x| (x[3] * 0.59375).atan2(x[3]), &x);
        let bend = hessian.get(3, 3) * x[3] * x[3];
        assert!(bend.abs() < 1e-14, "{k}: {bend}");
    }
}

/// The sum of a softmax is constant: forward walks leave a rounding error, the verifying reverse walk gives exactly 0.
#[test]
fn a_jacobian_that_vanishes_is_a_jacobian() {
    for k in 0..50 {
        let x = Tensor::from_fn([3], |i| ((i * 7 + k * 13) % 29) as f64 / 9.0 - 1.4);
        let jacobian = sparse::jacobian(
            |x: &[Var<'_, Tensor<f64>>]| vec![x[0].softmax(0).sum_keep(0).broadcast_to([3])],
            &[x][..],
        );
        let jacobian = jacobian.to_dense();
        assert!(jacobian.iter().all(|x| x.abs() < 1e-15), "{k}: {jacobian}");
    }
}

#[test]
fn rows_and_columns_that_a_matrix_lacks_are_refused() {
    let j = sparse::jacobian(|x| vec![x[0] * x[1], x[1] * x[2]], &[1.0, 2.0, 3.0]);
    let row = |op: &str| {
        format!("{op}: there is no row 2 in a matrix of 2 rows and 3 columns; use 0 to 1")
    };
    let column = |op: &str| {
        format!("{op}: there is no column 3 in a matrix of 2 rows and 3 columns; use 0 to 2")
    };
    panics!(j.row(2), row("row"));
    panics!(j.get(2, 0), row("get"));
    panics!(j.get(0, 3), column("get"));
    let pattern = j.pattern();
    panics!(pattern.row(2), row("row"));
    panics!(pattern.contains(2, 0), row("contains"));
    panics!(pattern.contains(0, 3), column("contains"));
    assert_eq!((j.get(0, 2), pattern.contains(0, 2)), (0.0, false));
}
