//! Every kernel of the softmax family, called by its hook on the same inputs: results to compare bit by bit or in ulps.
#![allow(dead_code)] // each test binary uses its part

use wengert::{Elem, Random, Rows, Tensor};

/// Inputs of the family's kernels.
#[derive(Clone)]
pub struct Inputs<T> {
    pub rows: Rows,
    pub x: Box<[T]>,
    pub g: Box<[T]>,
    pub each: Box<[T]>,
    pub mask: Box<[bool]>,
    pub labels: Box<[u32]>,
}

/// A result: its name, its numbers, and the sizes of the terms they were made of; 0 stands for the size of the result.
pub struct Found<T> {
    pub name: &'static str,
    pub numbers: Vec<T>,
    pub sizes: Vec<f64>,
}

impl<T: Elem> Inputs<T> {
    /// Random inputs, with special logits scattered among them.
    pub fn random(rows: Rows, spread: f64, special: &[f64], seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut draw =
            |count: usize, spread: f64| -> Tensor<f64> { random.normal([count], 0.0, spread) };
        let (count, all) = (rows.count(), rows.elements());
        let [x, g, each] = [(all, spread), (all, 1.0), (count, 1.0)].map(|(n, s)| draw(n, s));
        let mut x: Box<[T]> = x.iter().map(|&x| T::of(x)).collect();
        for x in &mut x {
            if let Some(&special) = special.get(random.below(3 * special.len() + 1)) {
                *x = T::of(special);
            }
        }
        Self {
            rows,
            x,
            g: g.iter().map(|&x| T::of(x)).collect(),
            each: each.iter().map(|&x| T::of(x)).collect(),
            mask: (0..all).map(|_| random.below(4) > 0).collect(),
            labels: (0..count)
                .map(|_| random.below(rows.n.max(1)) as u32)
                .collect(),
        }
    }

    /// The same numbers in the wider type.
    pub fn widen(&self) -> Inputs<T::Wide> {
        let wide = |x: &[T]| x.iter().map(|x| x.widen()).collect();
        Inputs {
            rows: self.rows,
            x: wide(&self.x),
            g: wide(&self.g),
            each: wide(&self.each),
            mask: self.mask.clone(),
            labels: self.labels.clone(),
        }
    }

    /// The results of every kernel.
    pub fn run(&self) -> Vec<Found<T>> {
        let Self { rows, x, g, .. } = self;
        let (rows, count, all) = (*rows, self.rows.count(), self.rows.elements());
        let buffer = |n: usize| vec![T::nan(); n].into_boxed_slice();
        let mut found = Vec::new();
        let mut add = |name, numbers: &[T], sizes: Vec<f64>| {
            let numbers = numbers.to_vec();
            found.push(Found {
                name,
                numbers,
                sizes,
            });
        };
        let top = |top: &[u32]| -> Vec<T> { top.iter().map(|&j| T::of(f64::from(j))).collect() };
        let mut tops = vec![7; count].into_boxed_slice();
        let (mut y, mut gx, mut rest, mut value) =
            (buffer(all), buffer(all), buffer(count), buffer(count));

        T::softmax(rows, x, &mut y, &mut tops);
        T::softmax_vjp(rows, &y, &tops, g, &mut gx);
        add("softmax", &y, Vec::new());
        add("softmax top", &top(&tops), Vec::new());
        add("softmax vjp", &gx, centred(rows, &y, &tops, g));
        let same = |a: &[T], b: &[T]| a.iter().zip(b).all(|(a, &b)| a.same(b));
        let mut alone = buffer(all);
        // The positions of the maxima are optional.
        T::softmax(rows, x, &mut alone, &mut []);
        assert!(same(&alone, &y), "{alone:?} for {y:?}");
        let weights = y.clone();
        let targets: Vec<T> = g.iter().map(|g| g.abs()).collect();
        let temperature = T::of(0.75);
        T::softmax_scaled(rows, x, temperature, &mut alone, &mut []);
        T::softmax_scaled(rows, x, temperature, &mut y, &mut tops);
        assert!(same(&alone, &y), "{alone:?} for {y:?}");
        T::softmax_scaled_vjp(rows, &y, &tops, temperature, g, &mut gx);
        add("scaled", &y, Vec::new());
        add(
            "scaled vjp",
            &gx,
            centred(rows, &y, &tops, g)
                .iter()
                .map(|s| s / 0.75)
                .collect(),
        );
        T::masked_softmax(rows, x, &self.mask, &mut y, &mut tops);
        T::masked_softmax_vjp(rows, &y, &self.mask, &tops, g, &mut gx);
        add("masked", &y, Vec::new());
        add("masked top", &top(&tops), Vec::new());
        add("masked vjp", &gx, centred(rows, &y, &tops, g));

        T::log_softmax(rows, x, &mut y, &mut tops, &mut rest);
        T::log_softmax_vjp(rows, x, &tops, &rest, g, &mut gx);
        add("log_softmax", &y, Vec::new());
        add("rest", &rest, Vec::new());
        add("log_softmax vjp", &gx, mass(rows, &weights, g, None));
        T::logsumexp(rows, x, &mut value, &mut tops, &mut rest);
        T::logsumexp_vjp(rows, x, &tops, &rest, &self.each, &mut gx);
        let peak = |r: usize| rows.row(rows.at(r, 0)).map(|at| x[at].primal().abs());
        let peaks = (0..count).map(|r| peak(r).fold(0.0, f64::max)).collect();
        add("logsumexp", &value, peaks);
        add("logsumexp vjp", &gx, Vec::new());
        if rows.n > 0 {
            let (labels, each) = (&self.labels, &self.each);
            T::cross_entropy(rows, x, labels, &mut value, &mut tops, &mut rest);
            T::cross_entropy_vjp(rows, x, labels, &tops, &rest, each, &mut gx);
            add("cross_entropy", &value, Vec::new());
            add("cross_entropy vjp", &gx, Vec::new());
            let (mut loss, mut both) = (buffer(count), buffer(all));
            let (tops, rest) = (&mut tops, &mut rest);
            T::cross_entropy_and_vjp(rows, x, labels, &mut loss, tops, rest, each, &mut both);
            assert!(same(&loss, &value), "{loss:?} for {value:?}");
            assert!(same(&both, &gx), "{both:?} for {gx:?}");
        }
        T::soft_cross_entropy(rows, x, &targets, &mut value, &mut tops, &mut rest);
        T::soft_cross_entropy_vjp(rows, x, &targets, &tops, &rest, &self.each, &mut gx);
        add("soft", &value, Vec::new());
        add(
            "soft vjp",
            &gx,
            mass(rows, &weights, &targets, Some(&self.each)),
        );
        found
    }
}

/// `y max(|g - c|, Σ y |g - c|)`: what enters the pullback of softmax.
fn centred<T: Elem>(rows: Rows, y: &[T], top: &[u32], g: &[T]) -> Vec<f64> {
    let mut sizes = vec![0.0; y.len()];
    for (r, &top) in top.iter().enumerate().filter(|(_, top)| **top != u32::MAX) {
        let c = g[rows.at(r, top as usize)].primal();
        let term = |at: usize| (g[at].primal() - c).abs();
        let row = rows.row(rows.at(r, 0));
        let sum: f64 = row.clone().map(|at| y[at].primal() * term(at)).sum();
        row.for_each(|at| sizes[at] = y[at].primal() * term(at).max(sum));
    }
    sizes
}

/// `|a| max(|g|, y Σ |g|)`: what enters the pullbacks of log-softmax and of soft targets.
fn mass<T: Elem>(rows: Rows, y: &[T], g: &[T], each: Option<&[T]>) -> Vec<f64> {
    let mut sizes = vec![0.0; y.len()];
    for r in 0..rows.count() {
        let a = each.map_or(1.0, |each| each[r].primal().abs());
        let row = rows.row(rows.at(r, 0));
        let sum: f64 = row.clone().map(|at| g[at].primal().abs()).sum();
        row.for_each(|at| sizes[at] = a * g[at].primal().abs().max(y[at].primal() * sum));
    }
    sizes
}
