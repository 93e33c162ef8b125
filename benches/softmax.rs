//! The softmax kernels by themselves: `cargo bench --bench softmax`.
//!
//! First ours against the textbook's at rows of 1024: the median ratio of alternating runs. Then ours over many shapes,
//! in ns per element. With `-- --test` everything runs once, checked but untimed.

#[cfg(target_arch = "x86_64")]
#[path = "textbook/mod.rs"]
mod textbook;

use std::time::Instant;
use wengert::{Elem, Level, Random, Rows, Tensor};

/// Rows with a cotangent, and buffers for results: tensors, which are aligned to cache lines.
struct Case<T: Elem> {
    rows: Rows,
    x: Tensor<T>,
    g: Tensor<T>,
    y: Tensor<T>,
    gx: Tensor<T>,
    top: Vec<u32>,
}

impl<T: Elem> Case<T> {
    fn new(rows: Rows) -> Self {
        let mut random = Random::new(1);
        let mut draw = || random.normal::<T>([rows.elements()], 0.0, 2.0);
        let (x, g) = (draw(), draw());
        let zeros = || Tensor::zeros([rows.elements()]);
        let (y, gx) = (zeros(), zeros());
        let top = vec![0; rows.count()];
        Self {
            rows,
            x,
            g,
            y,
            gx,
            top,
        }
    }

    fn forward(&mut self) {
        let (x, y) = (self.x.data(), self.y.data_mut());
        T::softmax(self.rows, x, y, &mut self.top);
    }

    fn vjp(&mut self) {
        let [y, g] = [&self.y, &self.g].map(Tensor::data);
        T::softmax_vjp(self.rows, y, &self.top, g, self.gx.data_mut());
    }

    /// The probabilities of each row add up to 1, the gradient to 0.
    fn check(&self) {
        for start in self.rows.starts() {
            let sum = |v: &Tensor<T>| {
                let row = self.rows.row(start);
                row.map(|at| v.data()[at].primal()).sum::<f64>()
            };
            let (y, gx) = (sum(&self.y), sum(&self.gx));
            assert!((y - 1.0).abs() < 1e-5, "a row adds up to {y}");
            assert!(gx.abs() < 1e-5, "a gradient adds up to {gx}");
        }
    }
}

/// Seconds that `f` takes.
fn time(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Consecutive calls of a kernel: after a few, what the other one left in caches and predictors is gone.
#[cfg(target_arch = "x86_64")]
const CALLS: usize = 64;

/// Buffers that they work on, one after the other.
#[cfg(target_arch = "x86_64")]
const PLACES: usize = 16;

#[cfg(target_arch = "x86_64")]
fn against_the_textbook<T: Elem + textbook::Textbook>(name: &str, runs: usize) {
    let rows = Rows::last(16, 1024);
    for &level in Level::all() {
        let Some((forward, vjp)) = T::kernels(level) else {
            continue;
        };
        // Where buffers lie in the caches matters as much as the kernel, so both use the same ones, and there are many.
        let mut cases: Vec<_> = (0..PLACES.min(runs))
            .map(|_| Case::<T>::new(rows))
            .collect();
        let (mut ratios, mut seconds) = ([vec![], vec![]], [vec![], vec![]]);
        for case in &mut cases {
            forward(case.x.data(), case.y.data_mut());
            vjp(case.y.data(), case.g.data(), case.gx.data_mut());
            case.check();
            level.force(|| {
                for _ in 0..runs.div_ceil(PLACES) {
                    let behind =
                        time(|| (0..CALLS).for_each(|_| forward(case.x.data(), case.y.data_mut())));
                    let ahead = time(|| (0..CALLS).for_each(|_| case.forward()));
                    ratios[0].push(ahead / behind);
                    seconds[0].push(ahead);
                    let behind = time(|| {
                        (0..CALLS)
                            .for_each(|_| vjp(case.y.data(), case.g.data(), case.gx.data_mut()))
                    });
                    let ahead = time(|| (0..CALLS).for_each(|_| case.vjp()));
                    ratios[1].push(ahead / behind);
                    seconds[1].push(ahead);
                }
            });
            case.check();
        }
        for (what, (ratio, seconds)) in ["forward", "vjp"]
            .iter()
            .zip(ratios.into_iter().zip(seconds))
        {
            let each = median(seconds) * 1e9 / (CALLS * rows.elements()) as f64;
            println!(
                "{name} {level:8} {what:8} {each:7.3} ns an element, {:.3} of the textbook's time",
                median(ratio)
            );
        }
    }
}

fn over_shapes<T: Elem>(name: &str, shapes: &[(usize, usize)], runs: usize) {
    for &(count, n) in shapes {
        for axis in [1, 0] {
            let rows = match axis {
                1 => Rows::last(count, n),
                _ => Rows {
                    outer: 1,
                    n: count,
                    inner: n,
                },
            };
            let mut case = Case::<T>::new(rows);
            for &level in Level::all() {
                level.force(|| {
                    let repeat = if runs == 1 { 1 } else { 1 + 100_000 / rows.elements() };
                    let each = 1e9 / (repeat * rows.elements()) as f64;
                    let mut run = |f: &mut dyn FnMut(&mut Case<T>)| {
                        let times = (0..runs).map(|_| time(|| (0..repeat).for_each(|_| f(&mut case))));
                        median(times.collect()) * each
                    };
                    let forward = run(&mut Case::forward);
                    let vjp = run(&mut Case::vjp);
                    println!("{name} {count}x{n} axis {axis} {level:8} forward {forward:7.3} vjp {vjp:7.3}");
                });
            }
            case.check();
        }
    }
}

fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    let runs = |count| if test { 1 } else { count };
    #[cfg(target_arch = "x86_64")]
    {
        against_the_textbook::<f32>("f32", runs(160));
        against_the_textbook::<f64>("f64", runs(160));
    }
    let small = [(64, 10), (128, 1000), (1000, 128)];
    let large = [(12288, 128), (32, 50257), (4096, 4096)];
    println!("ns an element");
    over_shapes::<f32>("f32", &small, runs(31));
    over_shapes::<f64>("f64", &small, runs(31));
    if !test {
        over_shapes::<f32>("f32", &large, 7);
        over_shapes::<f64>("f64", &large, 7);
    }
}
