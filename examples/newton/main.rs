//! Newton's method without building the Hessian: conjugate gradients on Hessian-vector products.
//!
//! Logistic regression of the digits, with 650 parameters. Each step solves `H d = -g` as accurately as
//! is worthwhile, by `hvp` alone, and moves along `d`. Gradient descent runs beside it at the same cost,
//! counted in gradients (a product counts as two). The drawing goes to `target/newton.svg`.

#[path = "../digits/data.rs"]
mod data;
mod draw;

use std::error::Error;

use wengert::transform::{hvp, value_and_grad};
use wengert::{Elem, Random, Tape, Tensor, Var};

use data::Digits;

const SEED: u64 = 12;
/// Weight of `|w|² / 2`: without it separable classes would pull the weights to infinity.
const DECAY: f64 = 1e-4;
/// A gradient this small counts as 0.
const SMALL: f64 = 1e-10;

/// What is minimised: the mean cross entropy of `images w`, plus the decay.
struct Problem {
    images: Tensor<f64>,
    labels: Vec<usize>,
}

impl Problem {
    /// All images of a set, each with a 1 at its end for the bias.
    fn new(digits: &Digits) -> Self {
        let (images, labels) = digits.batch(&(0..digits.len()).collect::<Vec<_>>());
        let ones = Tensor::ones([labels.len(), 1]);
        let images = Tensor::concat(&[images.map(f64::from), ones], 1);
        Self { images, labels }
    }

    /// Generic over the numbers, so that one expression serves both orders.
    fn loss<'t, T: Elem>(&self, w: Var<'t, Tensor<T>>) -> Var<'t, T> {
        let tape: &Tape<T> = w.tape();
        let logits = tape.constant(self.images.map(T::of)).matmul(w);
        logits.cross_entropy(1, &self.labels) + (w * w).sum() * T::of(DECAY / 2.0)
    }

    /// The fraction of the images that `w` classifies correctly.
    fn accuracy(&self, w: &Tensor<f64>) -> f64 {
        let guesses = self.images.matmul(w).argmax(1);
        let right = guesses.iter().zip(&self.labels).filter(|(a, b)| a == b);
        right.count() as f64 / self.labels.len() as f64
    }
}

/// The course of a method: the gradients spent so far, and the norm of the gradient there.
type Course = Vec<(f64, f64)>;

fn norm(x: &Tensor<f64>) -> f64 {
    x.norm()
}

/// Newton's steps, each from conjugate gradients.
fn newton(problem: &Problem) -> (Tensor<f64>, Course) {
    let mut w = Tensor::zeros([65, 10]);
    let (mut loss, mut g) = value_and_grad(|w| problem.loss(w), &w);
    let (mut paid, mut course) = (1.0, vec![(1.0, norm(&g))]);
    println!("step   products         loss      |gradient|");
    for step in 1.. {
        let (d, products) = conjugate_gradients(problem, &w, &g);
        // The natural step of Newton's method is 1; halve it until the loss falls far enough.
        let slope = (&g * &d).sum();
        let mut length = 1.0;
        loop {
            let next = &w + &(&d * length);
            let (found, gradient) = value_and_grad(|w| problem.loss(w), &next);
            paid += 1.0;
            if found <= loss + 1e-4 * length * slope || length < 1e-3 {
                (w, loss, g) = (next, found, gradient);
                break;
            }
            length /= 2.0;
        }
        paid += 2.0 * products as f64;
        course.push((paid, norm(&g)));
        println!("{step:4} {products:10}   {loss:.8}   {:13.3e}", norm(&g));
        if norm(&g) < SMALL || step == 30 {
            break;
        }
    }
    (w, course)
}

/// An approximate solution `d` of `H d = -g`, and the Hessian-vector products that it took.
///
/// Far from the minimum a rough direction is as good as an exact one; near it the tolerance falls
/// with the gradient, which keeps the convergence faster than linear (Nocedal, Wright, "Numerical
/// Optimization", 2006, algorithm 7.1).
fn conjugate_gradients(
    problem: &Problem,
    w: &Tensor<f64>,
    g: &Tensor<f64>,
) -> (Tensor<f64>, usize) {
    let enough = norm(g) * norm(g).sqrt().min(0.5);
    let (mut d, mut residual) = (Tensor::zeros(g.shape()), -g);
    let mut direction = residual.clone();
    let mut square = (&residual * &residual).sum();
    for products in 0..200 {
        if square.sqrt() <= enough {
            return (d, products);
        }
        let curved = hvp(|w| problem.loss(w), w, &direction);
        let length = square / (&direction * &curved).sum();
        d += &direction * length;
        residual -= curved * length;
        let next = (&residual * &residual).sum();
        direction = &residual + &(direction * (next / square));
        square = next;
    }
    (d, 200)
}

/// Gradient steps of length `1/L`, where `L` is the largest curvature at the start, at a given cost.
fn descent(problem: &Problem, price: f64) -> (Tensor<f64>, Course) {
    let mut w = Tensor::zeros([65, 10]);
    // Power iteration, by the same products.
    let mut v: Tensor<f64> = Random::new(SEED).uniform([65, 10], -1.0, 1.0);
    let mut curvature = 1.0;
    for _ in 0..20 {
        v = hvp(|w| problem.loss(w), &w, &(&v / norm(&v)));
        curvature = norm(&v);
    }
    let mut course = Course::new();
    let mut paid = 40.0;
    while paid < price {
        let (_, g) = value_and_grad(|w| problem.loss(w), &w);
        paid += 1.0;
        course.push((paid, norm(&g)));
        w -= g / curvature;
    }
    (w, course)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = Random::new(SEED);
    let (train, test) = Digits::read(include_str!("../data/digits.csv"))?.split(0.8, &mut random);
    let (train, test) = (Problem::new(&train), Problem::new(&test));

    let (w, course) = newton(&train);
    let (paid, end) = course[course.len() - 1];
    let (plain, slow) = descent(&train, paid);
    let (_, far) = slow[slow.len() - 1];
    println!("\nfor the price of {paid} gradients:");
    for (name, end, w) in [("Newton-CG", end, &w), ("gradient descent", far, &plain)] {
        let accuracy = 100.0 * test.accuracy(w);
        println!("{name:18} |gradient| {end:.3e}, test accuracy {accuracy:.2} %");
    }
    std::fs::create_dir_all("target")?;
    draw::courses(
        "target/newton.svg",
        &[("Newton-CG", &course), ("gradient descent", &slow)],
    )?;
    println!("drawn: target/newton.svg");
    if end >= SMALL {
        return Err(format!("the gradient is {end:e}, not below {SMALL:e}").into());
    }
    Ok(())
}
