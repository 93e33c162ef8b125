//! Steps on small tensors, one after the other on one tape, with buffers that are held elsewhere, are watched, or had
//! another shape in the step before.

use wengert::{Shape, Tape, Tensor, Var};

type Numbers = Tensor<f64>;
type Handle<'t> = Var<'t, Numbers>;

fn numbers(shape: &Shape, seed: usize) -> Numbers {
    Tensor::from_fn(shape, |k| ((k * 7 + seed * 13) % 17) as f64 / 8.0 - 1.0)
}

/// Products, sums and differences whose operands are used more than once, and one that broadcasts.
fn expression<'t>([x, a, b]: [Handle<'t>; 3]) -> Handle<'t> {
    let y = x * a + b;
    let z = y * x - b * a;
    (z.tanh() + y * 0.5) * z - x
}

/// The gradients of a step.
fn step(tape: &Tape, shape: &Shape, seed: usize) -> Vec<Numbers> {
    let leaves = [0, 1, 2].map(|k| tape.var(numbers(shape, seed + k)));
    let y = expression(leaves);
    let gradients = y.vjp(numbers(shape, seed + 3));
    let mut all: Vec<Numbers> = leaves.iter().map(|&x| gradients.wrt(x)).collect();
    all.push(y.value());
    all
}

#[test]
fn a_step_gives_what_a_fresh_tape_gives_whatever_shapes_came_before() {
    let mut tape = Tape::new();
    let shapes: [&[usize]; 9] = [
        &[4],
        &[2, 2],
        &[4, 1],
        &[],
        &[3],
        &[64],
        &[1, 4],
        &[0, 2],
        &[2, 3, 4],
    ];
    for round in 0..3 {
        for (k, shape) in shapes.iter().enumerate() {
            tape.reset();
            let (shape, seed) = (Shape::new(shape), round * 5 + k);
            let fresh = step(&Tape::new(), &shape, seed);
            assert_eq!(step(&tape, &shape, seed), fresh, "{shape}");
        }
    }
}

#[test]
fn a_second_walk_gives_the_same_and_no_more() {
    let tape = Tape::new();
    let shape = Shape::new(&[4]);
    let leaves = [0, 1, 2].map(|k| tape.var(numbers(&shape, k)));
    let y = expression(leaves);
    let walk = || {
        let gradients = y.vjp(numbers(&shape, 9));
        leaves.map(|x| gradients.wrt(x))
    };
    let first = walk();
    let cost = tape.last_walk();
    assert_eq!(walk(), first);
    assert_eq!(tape.last_walk(), cost);
}

#[test]
fn a_product_adds_to_a_cotangent_that_others_hold() {
    let tape = Tape::new();
    let [a, b, c] = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].map(|x| tape.var(Tensor::from(x)));
    let (w, v) = (Tensor::from([10.0, 20.0]), Tensor::from([0.5, 0.25]));
    let p = a * c;
    let s = (a + b).watch();
    let gradients = ((s * &w).sum() + (p * &v).sum()).backward();
    // The sum passes one tensor on to both of its operands, and keeps it.
    assert_eq!(gradients.wrt(a), Tensor::from([12.5, 21.5]));
    assert_eq!(gradients.wrt(b), w);
    assert_eq!(gradients.wrt(s), w);
    assert_eq!(gradients.wrt(c), Tensor::from([0.5, 0.5]));
}

#[test]
fn an_operand_that_is_there_twice_gets_both_shares() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([3.0, -2.0]));
    let (square, double) = (x * x, x + x);
    let gradients = (square + double - x).vjp(Tensor::from([1.0, 10.0]));
    assert_eq!(gradients.wrt(x), Tensor::from([7.0, -30.0]));
}

#[test]
fn what_was_given_out_stays_as_it_is_in_the_next_step() {
    let mut tape = Tape::new();
    let shape = Shape::new(&[2, 3]);
    let held = step(&tape, &shape, 1);
    let copies: Vec<Vec<f64>> = held.iter().map(|x| x.data().to_vec()).collect();
    for seed in 2..5 {
        tape.reset();
        step(&tape, &shape, seed);
    }
    for (held, copy) in held.iter().zip(&copies) {
        assert_eq!(held.data(), copy);
    }
    for mut held in held {
        let place = held.data().as_ptr();
        assert_eq!(
            held.data_mut().as_ptr(),
            place,
            "the tape holds it no longer"
        );
    }
}
