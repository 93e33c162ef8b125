//! Shares of a cotangent: given, written, added or passed on, immediately and in blocks.

use crate::chains::{bits, eager, numbers};
use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::{Elem, Error, Shape, Tape, Tensor};

/// `y = a + b c / 3 + d + 0 e`, whose cotangents use every way that a slot offers.
#[derive(Clone, Copy, Debug)]
struct EveryWay;

impl<T: Elem> Rule<T> for EveryWay {
    fn name(&self) -> &'static str {
        "every_way"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }
    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        for (k, y) in y.fill().iter_mut().enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| x[i].data()[k]);
            *y = a + b * c / T::of(3.0) + d;
        }
    }
    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        gx[0].share(g);
        let product = |x: &Tensor<T>, k: usize| g.data()[k] * x.data()[k] / T::of(3.0);
        for (k, gx) in gx[1].fill().iter_mut().enumerate() {
            *gx = product(at.x[2], k);
        }
        for (k, gx) in gx[2].accumulate().iter_mut().enumerate() {
            *gx += product(at.x[1], k);
        }
        gx[3].sum_to(g);
        gx[4].zero();
    }
    fn rowwise(&self, _: &[&Shape], _: usize) -> Option<&(dyn Rule<T> + Sync)> {
        Some(self)
    }
}

#[test]
fn shares_come_in_their_order_whoever_gets_them_and_however() {
    let gradients = |tape: Tape, operands: [usize; 5], composed: bool| {
        let x = [1, 2, 3].map(|seed| tape.var(numbers(&[1000], seed)));
        let inner = x.map(|x| x.sin());
        // On leaves, which are collected, and on intermediates.
        let [y, z] = [x, inner].map(|x| {
            let [a, b, c, d, _] = operands.map(|k| x[k]);
            match composed {
                true => a + b * c / 3.0 + d,
                false => tape.apply(EveryWay, operands.map(|k| x[k])),
            }
        });
        let grads = (y * z.exp()).sum().backward();
        x.map(|x| grads.wrt(x))
    };
    for operands in [
        [0, 1, 2, 0, 1],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 1, 2],
        [1, 0, 0, 1, 2],
        [2, 1, 1, 0, 0],
        [0, 1, 0, 1, 2],
    ] {
        let once = gradients(eager(), operands, false);
        let blocks = gradients(Tape::new().with_blocks(1000), operands, false);
        assert_eq!(
            once.each_ref().map(bits),
            blocks.each_ref().map(bits),
            "{operands:?}"
        );
        for (gx, expected) in once.iter().zip(gradients(eager(), operands, true)) {
            approx::assert_relative_eq!(gx, &expected, max_relative = 1e-13, epsilon = 1e-13);
        }
    }
}

#[test]
fn a_long_cotangent_is_copied_to_its_place_block_by_block() {
    // More than 8 MB, and more than 32 MB together; no whole number of blocks.
    for n in [1_100_003, 2_200_003] {
        let gradients = |tape: Tape| {
            let [x, w] = [1, 2].map(|k| tape.var(Tensor::from_fn([n], |i| (i * k) as f64 / 1e6)));
            let grads = ((x * w).sin() * x).sum().backward();
            [x, w].map(|x| bits(&grads.wrt(x)))
        };
        assert!(gradients(eager()) == gradients(Tape::new()));
    }
}

/// A reduction adds to what its operand has received, with the bits of the sum of both shares.
#[test]
fn what_reductions_give_is_added_to_what_is_there() {
    type Handle<'t> = wengert::Var<'t, Tensor<f64>>;
    type Reduce = for<'t> fn(Handle<'t>, &[isize]) -> Handle<'t>;
    let reductions: [Reduce; 3] = [
        |x, axes| x.sum_keep(axes),
        |x, axes| x.max_keep(axes),
        |x, axes| x.min_keep(axes),
    ];
    for reduce in reductions {
        // The last two are made adjacent first.
        for axes in [&[-1][..], &[0], &[1], &[1, 2], &[0, 2]] {
            let gradient = |tape: Tape, parts: [bool; 2]| {
                let (x, w) = (
                    tape.var(numbers(&[12, 10, 20], 1)),
                    numbers(&[12, 10, 20], 2),
                );
                // Doubled, so that it is an intermediate and not a leaf.
                let y = x * 2.0;
                let row = reduce(y, axes);
                let row = (row * numbers(&row.shape(), 3)).sum();
                let other = (y * y * w).sum();
                let [a, b] = parts.map(|part| if part { 1.0 } else { 0.0 });
                (row * a + other * b).backward().wrt(x)
            };
            for tape in [eager, || Tape::new().with_blocks(1 << 12)] {
                let both = gradient(tape(), [true, true]);
                let [row, other] = [[true, false], [false, true]].map(|p| gradient(tape(), p));
                assert_eq!(bits(&both), bits(&(&other + &row)), "{axes:?}");
            }
        }
    }
}

/// A broadcast operand of a difference gets minus a sum, and 0, not -0, where that sum is 0.
#[test]
fn minus_a_sum_of_zero_is_zero() {
    let tape = Tape::new();
    let (x, m) = (
        tape.var(Tensor::from([[2.0, 3.0], [4.0, 5.0]])),
        tape.var(Tensor::from([[1.0], [2.0]])),
    );
    let g = Tensor::from([[1.0, -1.0], [1.0, 3.0]]);
    let found = (x - m).vjp(g).wrt(m);
    assert_eq!(bits(&found), bits(&Tensor::from([[0.0], [-4.0]])));
}
