//! Every op of the registry through detected sparsity: the compressed matrices equal those of products
//! with unit vectors, and the declared reach of an op is not too narrow.

use crate::sweep::Function;
use wengert::ops::{Draw, Sample, Spec, Visitor, visit};
use wengert::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use wengert::transform::sparse;
use wengert::{Dual, Elem, Error, Random, Shape, Tape, Tensor, Var};

type Lifted<'t> = Var<'t, Tensor<Dual<f64>>>;

/// An op with its attributes, plain and on dual numbers, behind pointers, so that what follows is compiled once, not
/// for each op.
struct Op<'a> {
    name: &'static str,
    plain: Function<'a, f64>,
    lifted: Function<'a, Dual<f64>>,
}

struct Orders;

impl Visitor for Orders {
    fn op<S: Spec>(&mut self) {
        for seed in 0..12 {
            let Sample { inputs, with } = S::sample(&mut Draw::new(seed));
            let op = Op {
                name: S::NAME,
                plain: &|x| S::fused(x, &with),
                lifted: &|x| S::fused(x, &with),
            };
            if inputs.iter().map(Tensor::len).sum::<usize>() <= 60 {
                second_order(&op, &inputs);
                first_order(&op, &inputs);
            }
        }
    }
}

/// The elements of all tensors in one row.
fn row(x: impl IntoIterator<Item = Tensor<f64>>) -> Vec<f64> {
    x.into_iter().flat_map(Tensor::into_vec).collect()
}

/// Unit tensors: zeros, except for one element of all tensors together.
fn unit(x: &[Tensor<f64>], k: usize) -> Vec<Tensor<f64>> {
    let mut place = 0..;
    let mut one = |_| f64::from(u8::from(place.next() == Some(k)));
    x.iter().map(|x| x.map(&mut one)).collect()
}

fn assert_entry(op: &Op<'_>, m: &sparse::Csr<f64>, i: usize, j: usize, expected: &[f64]) {
    let found = m.get(i, j);
    let same = |&x: &f64| x == found || (x.is_nan() && found.is_nan());
    let stored = m.pattern().contains(i, j) || expected.iter().all(|&x| x == 0.0);
    assert!(
        expected.iter().any(same) && stored,
        "{}: entry ({i}, {j}) is {found}, not {expected:?}",
        op.name
    );
}

fn second_order(op: &Op<'_>, x: &[Tensor<f64>]) {
    // Once plain, and once with something bent above and below.
    for bent in [false, true] {
        let dense: Vec<Vec<f64>> = (0..row(x.to_vec()).len())
            .map(|k| {
                let tape = Tape::<Dual<f64>>::default();
                let lift = |(x, t): (&Tensor<f64>, Tensor<f64>)| {
                    let mut t = t.iter();
                    tape.var(x.map(|x| Dual::new(x, *t.next().unwrap())))
                };
                let handles: Vec<_> = x.iter().zip(unit(x, k)).map(lift).collect();
                match energy(op, &handles, bent).try_backward() {
                    Ok(grads) => row(handles.iter().map(|&x| grads.wrt(x).map(|d| d.tangent))),
                    Err(_) => vec![0.0; row(x.to_vec()).len()],
                }
            })
            .collect();
        let h = sparse::hessian(|x| energy(op, x, bent), x);
        for (i, by_i) in dense.iter().enumerate() {
            for (j, by_j) in dense.iter().enumerate() {
                assert_entry(op, &h, i, j, &[by_j[i], by_i[j]]);
            }
        }
    }
}

fn energy<'t>(op: &Op<'_>, x: &[Lifted<'t>], bent: bool) -> Var<'t, Dual<f64>> {
    let y = if bent {
        // Bent only a little, to stay within the op's domain; outside of it all numbers are NaN.
        let bend = |x: &Lifted<'t>| (*x * *x + *x).atan() * 1e-3 + *x;
        let below: Vec<_> = x.iter().map(bend).collect();
        (op.lifted)(&below).tanh()
    } else {
        (op.lifted)(x)
    };
    let weights: Tensor<f64> = Random::new(3).uniform(y.shape(), 0.5, 1.5);
    (y * weights.map(Dual::constant)).sum()
}

fn first_order(op: &Op<'_>, x: &[Tensor<f64>]) {
    let j = sparse::jacobian(|x| vec![(op.plain)(x)], x);
    let tape = Tape::new();
    let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
    let y = (op.plain)(&handles);
    for column in 0..j.columns() {
        let along = handles.iter().zip(unit(x, column));
        let walk = along.fold(tape.forward(), |walk, (&x, t)| walk.along(x, t));
        let tangent = walk.walk().of(y);
        for (i, &expected) in tangent.iter().enumerate() {
            let found = j.get(i, column);
            let near = (found - expected).abs() <= 1e-11 * (1.0 + expected.abs());
            assert!(
                near || (found.is_nan() && expected.is_nan()) || found == expected,
                "{}: entry ({i}, {column}) is {found}, not {expected}",
                op.name
            );
        }
    }
}

#[test]
fn every_op_of_the_registry_is_covered() {
    visit(&mut Orders);
}

/// `y_i = x_i x_(i+1)`, cyclic, which declares the reach that it is given.
#[derive(Clone, Copy, Debug)]
struct Neighbours {
    reach: Reach,
    jvp: bool,
}

impl<T: Elem> Rule<T> for Neighbours {
    fn name(&self) -> &'static str {
        "neighbours"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let x = x[0].data();
        for (i, y) in y.fill().iter_mut().enumerate() {
            *y = x[i] * x[(i + 1) % x.len()];
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let x = at.x[0].data();
        let gx = gx[0].accumulate();
        for (i, &g) in g.iter().enumerate() {
            let next = (i + 1) % x.len();
            gx[i] += g * x[next];
            gx[next] += g * x[i];
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        if !self.jvp {
            let missing = wengert::ErrorKind::Missing {
                op: "neighbours",
                what: "JVP",
                line: None,
            };
            return Err(Error::new(missing));
        }
        let (x, t) = (at.x[0].data(), t[0].expect("one operand").data());
        for (i, ty) in ty.fill().iter_mut().enumerate() {
            let next = (i + 1) % x.len();
            *ty = x[next] * t[i] + x[i] * t[next];
        }
        Ok(())
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS
    }

    fn reach(&self) -> Reach {
        self.reach
    }
}

#[test]
fn a_rule_of_ones_own_is_dense_unless_it_says_more() {
    let rule = Neighbours {
        reach: Reach::Dense,
        jvp: true,
    };
    let x = [Tensor::from([1.0, 2.0, 3.0, 4.0])];
    let j = sparse::jacobian(|x| vec![x[0].tape().apply(rule, [x[0]])], &x);
    assert_eq!(j.pattern().len(), 16);
    let expected = [[2.0, 1.0, 0.0, 0.0], [0.0, 3.0, 2.0, 0.0]];
    assert_eq!(j.row(0), expected[0]);
    assert_eq!(j.row(1), expected[1]);
    let h = sparse::hessian(|x| x[0].tape().apply(rule, [x[0]]).sum(), &x);
    assert_eq!(h.row(0), [0.0, 1.0, 0.0, 1.0]);
}

#[test]
fn a_reach_that_is_too_narrow_is_refused() {
    let rule = Neighbours {
        reach: Reach::Elementwise,
        jvp: true,
    };
    let x = [Tensor::from([1.0, 2.0, 3.0, 4.0])];
    let text = sparse::try_jacobian(|x| vec![x[0].tape().apply(rule, [x[0]])], &x)
        .unwrap_err()
        .to_string();
    assert!(text.contains("an op's reach is too narrow"), "{text}");
    let text = sparse::try_hessian(|x| x[0].tape().apply(rule, [x[0]]).sum(), &x)
        .unwrap_err()
        .to_string();
    assert!(text.contains("an op's reach is too narrow"), "{text}");
}

#[test]
fn a_rule_without_a_pushforward_is_walked_in_reverse() {
    let rule = Neighbours {
        reach: Reach::Dense,
        jvp: false,
    };
    let x = [Tensor::from([1.0, 2.0, 3.0])];
    let mut plan = sparse::Jacobian::of(|x| vec![x[0].tape().apply(rule, [x[0]])], &x);
    assert!(plan.is_forward());
    let j = plan.at(|x| vec![x[0].tape().apply(rule, [x[0]])], &x);
    assert_eq!(j.row(2), [3.0, 0.0, 1.0]);
    assert!(!plan.is_forward());
}
