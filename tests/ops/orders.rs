//! Second and third order through every op of the registry, and what second order costs.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sweep::Function;
use wengert::ops::{Draw, Sample, Spec, Visitor, visit};
use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::transform::{gauss_newton_vp, grad, hvp, pushforward};
use wengert::{Dd, Dual, Elem, Error, Random, Shape, Tape, Tensor};

/// On how many samples each op is checked.
const CASES: u64 = 8;

/// The step of the differences: they run in double-double, where h² and ε/h are below 1e-19.
const STEP: f64 = 1.0 / (1u64 << 34) as f64;

/// A tensor built element by element from tensors of one shape.
fn join<E: Elem>(x: &Tensor<f64>, t: &[&Tensor<f64>], f: impl Fn(f64, &[f64]) -> E) -> Tensor<E> {
    let element = |k: usize| {
        let t: Vec<f64> = t.iter().map(|t| t.data()[k]).collect();
        f(x.data()[k], &t)
    };
    Tensor::new(x.shape(), (0..x.len()).map(element).collect()).unwrap()
}

/// The VJP of an op at `x`, for any type of numbers.
fn pull<E: Elem>(f: Function<'_, E>, x: Vec<Tensor<E>>) -> Vec<Tensor<E>> {
    let tape = Tape::default();
    let x: Vec<_> = x.into_iter().map(|x| tape.var(x)).collect();
    let y = f(&x);
    let g: Tensor<f64> = Random::new(3).uniform(y.shape(), -1.0, 1.0);
    let grads = y.vjp(g.map(E::of));
    x.iter().map(|&x| grads.wrt(x)).collect()
}

/// Compares derivatives of a VJP, by dual numbers of dual numbers, with differences.
struct Orders;

impl Visitor for Orders {
    fn op<S: Spec>(&mut self) {
        let mut worst = [0.0f64; 2];
        for seed in 0..CASES {
            let Sample { inputs, with } = S::sample(&mut Draw::new(seed));
            let found = errors(seed, &inputs, &|x| S::fused(x, &with), &|x| {
                S::fused(x, &with)
            });
            worst = [0, 1].map(|k| worst[k].max(found[k]));
        }
        let [second, third] = worst;
        println!("{:24} {second:.1e} {third:.1e}", S::NAME);
        assert!(
            second <= 2.5e-15,
            "{}: second order is off by {second:e}",
            S::NAME
        );
        assert!(
            third <= 2.5e-15,
            "{}: third order is off by {third:e}",
            S::NAME
        );
    }
}

/// How far second and third order are from differences, relative to their terms. The op is behind
/// pointers, so that this is compiled once, not for each op.
fn errors(
    seed: u64,
    inputs: &[Tensor<f64>],
    by_rule: Function<'_, Dual<Dual<f64>>>,
    by_step: Function<'_, Dual<Dd>>,
) -> [f64; 2] {
    let mut random = Random::new(seed);
    let mut draw = |x: &Tensor<f64>| random.uniform(x.shape(), -1.0, 1.0);
    let v: Vec<Tensor<f64>> = inputs.iter().map(&mut draw).collect();
    let u: Vec<Tensor<f64>> = inputs.iter().map(&mut draw).collect();
    let inputs = || inputs.iter().zip(v.iter().zip(&u));
    let lifted = inputs().map(|(x, (v, u))| {
        join(x, &[v, u], |x, t| {
            Dual::new(Dual::new(x, t[0]), Dual::new(t[1], 0.0))
        })
    });
    let found = pull(by_rule, lifted.collect());
    let moved = |sign: f64| {
        let x = inputs().map(|(x, (v, u))| {
            join(x, &[v, u], |x, t| {
                let x = Dd::from(x) + Dd::from(sign * STEP) * Dd::from(t[1]);
                Dual::new(x, Dd::from(t[0]))
            })
        });
        pull(by_step, x.collect())
    };
    let (ahead, behind) = (moved(1.0), moved(-1.0));
    let size = |f: &dyn Fn(&Dual<Dual<f64>>) -> f64| {
        let all = found.iter().flat_map(|g| g.iter());
        all.fold(1e-3, |m: f64, g| m.max(f(g).abs()))
    };
    // The terms of a derivative are as large as the derivative of the order below.
    let first = size(&|g| g.primal.primal);
    let second = size(&|g| g.tangent.primal).max(first);
    let third = size(&|g| g.tangent.tangent).max(second);
    let mut worst = [0.0f64; 2];
    for (found, (ahead, behind)) in found.iter().zip(ahead.iter().zip(&behind)) {
        for (found, (ahead, behind)) in found.iter().zip(ahead.iter().zip(behind.iter())) {
            let slope = |rise: Dd| (rise / Dd::from(2.0 * STEP)).hi();
            let exact = slope(ahead.primal - behind.primal);
            worst[0] = worst[0].max((found.tangent.primal - exact).abs() / second);
            let exact = slope(ahead.tangent - behind.tangent);
            worst[1] = worst[1].max((found.tangent.tangent - exact).abs() / third);
        }
    }
    worst
}

#[test]
fn outside_its_domain_a_function_has_no_tangent_either() {
    let (x, t) = (Tensor::from([0.5_f64]), Tensor::from([1.0]));
    let (y, ty) = pushforward(|x| x.acosh(), &x, &t);
    assert!(y[[0]].is_nan() && ty[[0]].is_nan(), "{y} and {ty}");
}

#[test]
fn second_and_third_order_of_every_op_equal_differences() {
    visit(&mut Orders);
}

/// `y = x²`, counting how many numbers of 8 bytes its visits read for each element.
#[derive(Clone, Copy, Debug)]
struct Counted;

static VISITS: AtomicUsize = AtomicUsize::new(0);

impl Counted {
    fn visit<T>() {
        VISITS.fetch_add(size_of::<T>() / size_of::<f64>(), Ordering::Relaxed);
    }
}

impl<T: Elem> Rule<T> for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        Self::visit::<T>();
        let y = y.fill().iter_mut();
        y.zip(x[0].iter()).for_each(|(y, &x)| *y = x * x);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        Self::visit::<T>();
        let pairs = g.iter().zip(at.x[0].iter());
        let gx = gx[0].fill().iter_mut();
        gx.zip(pairs).for_each(|(gx, (&g, &x))| *gx = g * (x + x));
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        self.vjp(at, t[0].unwrap(), std::slice::from_mut(ty));
        Ok(())
    }
}

#[test]
fn a_hessian_vector_product_costs_at_most_four_gradients_in_nodes_visited() {
    let x = Tensor::from([1.0, 0.5]);
    let count = |f: &mut dyn FnMut()| {
        VISITS.store(0, Ordering::Relaxed);
        f();
        VISITS.load(Ordering::Relaxed)
    };
    let gradient = count(&mut || {
        grad(
            |x| (0..50).fold(x, |x, _| x.tape().apply(Counted, [x])).sum(),
            &x,
        );
    });
    assert_eq!(gradient, 100, "50 nodes, forward and back");
    let product = count(&mut || {
        hvp(
            |x| (0..50).fold(x, |x, _| x.tape().apply(Counted, [x])).sum(),
            &x,
            &x,
        );
    });
    assert_eq!(product, 200, "as many nodes, on numbers of twice the size");
    assert!(product <= 4 * gradient);
    let product = count(&mut || {
        gauss_newton_vp(
            |x| (0..50).fold(x, |x, _| x.tape().apply(Counted, [x])),
            &x,
            &x,
            0,
        );
    });
    assert_eq!(
        product, 150,
        "50 nodes, recorded, walked forward and walked back"
    );
}
