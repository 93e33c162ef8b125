//! What every workload needs: inputs, the timing rule, and one line of JSON for each figure.
//!
//! All three are those of the programs that measure other systems, so that their figures and ours can share a table.
//! Times are in microseconds, memory in MB of resident pages.

use std::time::{Duration, Instant};
use wengert::{Elem, Shape, Tensor};

/// Numbers in `[low, high)` that any language can reproduce: the upper 24 bits of splitmix64 of a counter.
fn numbers(len: usize, seed: u64, low: f64, high: f64) -> impl Iterator<Item = f64> {
    (0..len as u64).map(move |i| {
        let counter = (seed << 32).wrapping_add(i).wrapping_add(1);
        let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        low + (high - low) * ((z >> 40) as f64 / f64::from(1 << 24))
    })
}

/// A tensor of such numbers.
pub fn tensor<T: Elem>(shape: impl Into<Shape>, seed: u64, low: f64, high: f64) -> Tensor<T> {
    let shape = shape.into();
    let mut data = numbers(shape.elements(), seed, low, high).map(T::of);
    Tensor::from_fn(shape, |_| data.next().expect("a number for each place"))
}

/// One label in `0..classes` for each of `rows`.
pub fn labels(rows: usize, seed: u64, classes: usize) -> Vec<usize> {
    let draws = numbers(rows, seed, 0.0, classes as f64);
    draws.map(|x| (x as usize).min(classes - 1)).collect()
}

/// The sum of squares by which implementations are compared.
pub fn squares<T: Elem>(x: &Tensor<T>) -> f64 {
    x.iter().map(|x| x.primal() * x.primal()).sum()
}

/// A figure of `/proc/self/status` in MB; 0 where there is none.
fn resident(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.unwrap_or(0.0) / 1024.0
}

/// What to run and how.
pub struct Harness {
    threads: usize,
    only: Vec<String>,
    shapes: Vec<String>,
    /// Time nothing, but run everything that is small enough, once or this many times.
    test: Option<usize>,
    /// Resident memory before the first workload.
    base: f64,
}

impl Harness {
    /// Reads `--threads N`, `--only S1,S2`, `--shape 64x10,...`, `--test` and, for untimed runs, `--steps N`.
    pub fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let after = |key: &str| {
            let at = arguments.iter().position(|a| a == key)?;
            arguments.get(at + 1)
        };
        let list = |key| {
            let given = after(key).map_or("", String::as_str).split(',');
            given.filter(|x| !x.is_empty()).map(String::from).collect()
        };
        let count = |key, usual| after(key).map_or(usual, |n| n.parse().expect("a number"));
        let threads = count("--threads", 1);
        let test = arguments.iter().any(|a| a == "--test");
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .expect("the first pool of the process");
        Self {
            threads,
            only: list("--only"),
            shapes: list("--shape"),
            test: test.then(|| count("--steps", 1)),
            base: resident("VmRSS"),
        }
    }

    /// Whether a workload on this many elements is requested.
    pub fn wants(&self, workload: &str, shape: &str, elements: usize) -> bool {
        let asked = |list: &[String], x| list.is_empty() || list.iter().any(|y| y == x);
        asked(&self.only, workload)
            && asked(&self.shapes, shape)
            && !(self.test.is_some() && elements > 200_000)
    }

    /// Whether a workload that is not part of the usual run is requested by name.
    pub fn names(&self, workload: &str) -> bool {
        self.only.iter().any(|x| x == workload)
    }

    /// Times `step`, whose result is the number that implementations must agree on.
    ///
    /// It warms up for 0.15 s, then takes at least 20 samples and 0.5 s, or 5 samples and 6 s; steps under 50 µs run in
    /// batches. `step` is told whether its result is used.
    pub fn run<T: Elem>(&self, workload: &str, shape: &str, mut step: impl FnMut(bool) -> f64) {
        let check = step(true);
        assert!(check.is_finite(), "{workload} {shape}: {check}");
        if let Some(steps) = self.test {
            for _ in 1..steps {
                step(false);
            }
            println!("{workload} {shape}: {check:e}");
            return;
        }
        let (start, mut calls) = (Instant::now(), 0u32);
        while calls < 3 || start.elapsed() < Duration::from_millis(150) {
            step(false);
            calls += 1;
            if start.elapsed() > Duration::from_secs(2) {
                break;
            }
        }
        let each = start.elapsed().as_secs_f64() / f64::from(calls);
        let batch = (50e-6 / each).ceil().clamp(1.0, 10_000.0) as usize;
        let (mut times, start) = (Vec::new(), Instant::now());
        loop {
            let sample = Instant::now();
            for _ in 0..batch {
                step(false);
            }
            times.push(sample.elapsed().as_secs_f64() * 1e6 / batch as f64);
            let spent = start.elapsed().as_secs_f64();
            if times.len() >= 20 && spent >= 0.5 || times.len() >= 5 && spent >= 6.0 {
                break;
            }
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{{\"impl\":\"wengert\",\"workload\":\"{workload}\",\"shape\":\"{shape}\",\"dtype\":\"f{}\",\"threads\":{},\
             \"median_us\":{:.4},\"min_us\":{:.4},\"iters\":{},\"peak_rss_mb\":{:.1},\"base_rss_mb\":{:.1},\
             \"check\":{check:.6e},\"note\":\"\"}}",
            8 * size_of::<T>(),
            self.threads,
            times[times.len() / 2],
            times[0],
            times.len() * batch,
            resident("VmHWM"),
            self.base,
        );
    }
}
