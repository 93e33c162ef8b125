//! Elementwise ops on the tape against plain loops: `cargo bench --bench elementwise`.
//!
//! Each op runs forward and backward on every level, in turn with hand-written loops that call libm and are compiled
//! for the target: medians in ns per element, and their ratio. With `-- --test` everything runs once, untimed but
//! checked.

mod formulas;

use std::hint::black_box;
use std::time::Instant;
use wengert::{Elem, Level, Random, Tape, Tensor, Var};

use self::formulas::{density, mass, one_less_square, one_like, sigmoid, silu_slope, winner};

/// An op on handles.
type Op<T> = for<'t> fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>>;

/// The same by hand: the value and the pullback.
type Hand<T> = (fn(&[Tensor<T>], &mut [T]), fn(&[Tensor<T>], &[T], &mut [T]));

fn seconds<R>(f: impl FnOnce() -> R) -> f64 {
    let start = Instant::now();
    black_box(f());
    start.elapsed().as_secs_f64()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Measures one op on operands of these shapes, in ns per element of the first one.
fn measure<T: Elem>(name: &str, shapes: &[&[usize]], op: Op<T>, hand: Hand<T>, runs: usize) {
    measure_with(|g| g, name, shapes, op, hand, runs);
}

/// The same, with a function applied to the cotangents.
fn measure_with<T: Elem>(
    given: fn(T) -> T,
    name: &str,
    shapes: &[&[usize]],
    op: Op<T>,
    hand: Hand<T>,
    runs: usize,
) {
    let mut random = Random::new(7);
    let mut draw = |shape: &[usize]| -> Tensor<T> {
        let numbers: Tensor<f64> = random.uniform(shape, 0.1, 3.0);
        numbers.map(T::of)
    };
    let x: Vec<Tensor<T>> = shapes.iter().map(|shape| draw(shape)).collect();
    let result = {
        let tape = Tape::<T>::default();
        let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
        op(&handles).shape()
    };
    let g = draw(&result).map(given);
    let n = x[0].len();
    let (mut y, mut gx) = (vec![T::zero(); g.len()], vec![T::zero(); n]);
    for &level in Level::all() {
        let mut tape = Tape::<T>::default();
        let mut times = [const { Vec::new() }; 4];
        level.force(|| {
            for run in 0..runs {
                tape.reset();
                let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
                let mut result = None;
                times[0].push(seconds(|| result = Some(op(&handles))));
                let result = result.expect("the op has run");
                let mut grads = None;
                let g_taken = g.clone();
                times[1].push(seconds(|| grads = Some(result.vjp(g_taken))));
                times[2].push(seconds(|| hand.0(&x, &mut y)));
                times[3].push(seconds(|| hand.1(&x, g.data(), &mut gx)));
                if run == 0 {
                    let pulled = grads.expect("the walk has run").wrt(handles[0]);
                    check(name, result.value().data(), &y);
                    check(name, pulled.data(), &gx);
                }
            }
        });
        let [forward, back, hand_forward, hand_back] =
            times.map(|times| median(times) * 1e9 / n as f64);
        println!(
            "{:3} {name:14} {level:8} forward {forward:6.2} ({:4.2} of the loop's), back {back:6.2} ({:4.2})",
            std::any::type_name::<T>(),
            forward / hand_forward,
            back / hand_back,
        );
    }
}

fn check<T: Elem>(name: &str, found: &[T], expected: &[T]) {
    for (found, expected) in found.iter().zip(expected) {
        let (a, b) = (found.primal(), expected.primal());
        let bound = 64.0 * T::epsilon().primal() * b.abs().max(1.0);
        assert!((a - b).abs() <= bound, "{name}: {a} and {b}");
    }
}

/// Hand-written loops over one operand, or over two of one shape (the cotangent of the first).
macro_rules! hand {
    (|$x:ident| $value:expr, $slope:expr) => {
        (
            |x, y| {
                for (y, &$x) in y.iter_mut().zip(x[0].data()) {
                    *y = $value;
                }
            },
            |x, g, gx| {
                for ((gx, &$x), &g) in gx.iter_mut().zip(x[0].data()).zip(g) {
                    let _ = $x;
                    *gx = g * $slope;
                }
            },
        )
    };
    (|$a:ident, $b:ident| $value:expr, $slope:expr) => {
        (
            |x, y| {
                for ((y, &$a), &$b) in y.iter_mut().zip(x[0].data()).zip(x[1].data()) {
                    *y = $value;
                }
            },
            |x, g, gx| {
                let x = x[0].data().iter().zip(x[1].data());
                for ((gx, (&$a, &$b)), &g) in gx.iter_mut().zip(x).zip(g) {
                    let _ = $a;
                    *gx = g * $slope;
                }
            },
        )
    };
}

fn all<T: Elem>(runs: usize) {
    let flat: &[usize] = &[64, 64];
    let unary = |name: &str, op: Op<T>, hand: Hand<T>| measure(name, &[flat], op, hand, runs);
    unary("neg", |x| -x[0], hand!(|x| -x, -T::one()));
    unary(
        "relu",
        |x| x[0].relu(),
        hand!(|x| x.max(T::zero()), T::one()),
    );
    unary("square", |x| x[0].square(), hand!(|x| x * x, x + x));
    unary(
        "sqrt",
        |x| x[0].sqrt(),
        hand!(|x| x.sqrt(), T::of(0.5) / x.sqrt()),
    );
    unary(
        "recip",
        |x| x[0].recip(),
        hand!(|x| x.recip(), -(x * x).recip()),
    );
    unary("exp", |x| x[0].exp(), hand!(|x| x.exp(), x.exp()));
    unary("expm1", |x| x[0].expm1(), hand!(|x| x.exp_m1(), x.exp()));
    unary("ln", |x| x[0].ln(), hand!(|x| x.ln(), x.recip()));
    unary(
        "log1p",
        |x| x[0].log1p(),
        hand!(|x| x.ln_1p(), (T::one() + x).recip()),
    );
    unary(
        "tanh",
        |x| x[0].tanh(),
        hand!(|x| x.tanh(), one_less_square(x.tanh())),
    );
    unary(
        "sigmoid",
        |x| x[0].sigmoid(),
        hand!(|x| sigmoid(x), sigmoid(x) * sigmoid(-x)),
    );
    unary(
        "silu",
        |x| x[0].silu(),
        hand!(|x| x * sigmoid(x), silu_slope(x)),
    );
    unary(
        "softplus",
        |x| x[0].softplus(),
        hand!(|x| x.exp().ln_1p(), sigmoid(x)),
    );
    unary(
        "log_sigmoid",
        |x| x[0].log_sigmoid(),
        hand!(|x| -(-x).exp().ln_1p(), sigmoid(-x)),
    );
    unary(
        "gelu",
        |x| x[0].gelu(),
        hand!(|x| x * mass(x), mass(x) + x * density(x)),
    );
    unary(
        "powi(3)",
        |x| x[0].powi(3),
        hand!(|x| x.powi(3), T::of(3.0) * x.powi(2)),
    );
    unary(
        "powf(2.5)",
        |x| x[0].powf(T::of(2.5)),
        hand!(|x| x.powf(T::of(2.5)), T::of(2.5) * x.powf(T::of(1.5))),
    );
    unary("sin", |x| x[0].sin(), hand!(|x| x.sin(), x.cos()));
    unary(
        "erf",
        |x| x[0].erf(),
        hand!(|x| x.erf(), T::FRAC_2_SQRT_PI() * (-x * x).exp()),
    );
    let binary = |name: &str, op: Op<T>, hand: Hand<T>| {
        measure(name, &[flat, flat], op, hand, runs);
    };
    binary("add", |x| x[0] + x[1], hand!(|a, b| a + b, one_like(b)));
    binary("mul", |x| x[0] * x[1], hand!(|a, b| a * b, b));
    binary("div", |x| x[0] / x[1], hand!(|a, b| a / b, b.recip()));
    binary(
        "hypot",
        |x| x[0].hypot(x[1]),
        hand!(|a, b| a.hypot(b), a / a.hypot(b)),
    );
    binary(
        "pow",
        |x| x[0].pow(x[1]),
        hand!(|a, b| a.powf(b), b * a.powf(b - T::one())),
    );
    // As behind a rectifier: half of the cotangents are 0.
    let some = |g: T| if g > T::of(1.5) { g } else { T::zero() };
    let through = |name: &str, shapes: &[&[usize]], op: Op<T>, hand: Hand<T>| {
        measure_with(some, name, shapes, op, hand, runs);
    };
    through(
        "exp | 0",
        &[flat],
        |x| x[0].exp(),
        hand!(|x| x.exp(), x.exp()),
    );
    through(
        "div | 0",
        &[flat, flat],
        |x| x[0] / x[1],
        hand!(|a, b| a / b, b.recip()),
    );
    binary(
        "maximum",
        |x| x[0].maximum(x[1]),
        hand!(|a, b| a.max(b), winner(a, b)),
    );
}

/// Reductions along either axis of 64 rows of 64; the hand-written loops run in the order of memory.
fn reductions<T: Elem>(runs: usize) {
    const N: usize = 64;
    let flat: &[usize] = &[N, N];
    let row = |name: &str, op: Op<T>, hand: Hand<T>| measure(name, &[flat], op, hand, runs);
    let sum: fn(&[Tensor<T>], &mut [T]) = |x, y| {
        for (y, row) in y.iter_mut().zip(x[0].data().chunks(N)) {
            *y = row.iter().fold(T::zero(), |sum, &x| sum + x);
        }
    };
    row(
        "sum_keep(1)",
        |x| x[0].sum_keep(1),
        (sum, |_, g, gx| {
            for (gx, &g) in gx.chunks_mut(N).zip(g) {
                gx.fill(g);
            }
        }),
    );
    let sum: fn(&[Tensor<T>], &mut [T]) = |x, y| {
        y.fill(T::zero());
        for row in x[0].data().chunks(N) {
            y.iter_mut().zip(row).for_each(|(y, &x)| *y += x);
        }
    };
    row(
        "sum_keep(0)",
        |x| x[0].sum_keep(0),
        (sum, |_, g, gx| {
            gx.chunks_mut(N).for_each(|gx| gx.copy_from_slice(g));
        }),
    );
    let max: fn(&[Tensor<T>], &mut [T]) = |x, y| {
        for (y, row) in y.iter_mut().zip(x[0].data().chunks(N)) {
            *y = row
                .iter()
                .fold(T::neg_infinity(), |m, &x| if x > m { x } else { m });
        }
    };
    row(
        "max_keep(1)",
        |x| x[0].max_keep(1),
        (max, |x, g, gx| {
            for ((gx, x), &g) in gx.chunks_mut(N).zip(x[0].data().chunks(N)).zip(g) {
                let m = x
                    .iter()
                    .fold(T::neg_infinity(), |m, &x| if x > m { x } else { m });
                for (gx, &x) in gx.iter_mut().zip(x) {
                    *gx = if x == m { g } else { T::zero() };
                }
            }
        }),
    );
    let pair = |name: &str, shape: &[usize], op: Op<T>, hand: Hand<T>| {
        measure(name, &[flat, shape], op, hand, runs);
    };
    pair(
        "div by column",
        &[N, 1],
        |x| x[0] / x[1],
        (
            |x, y| {
                let rows = y.chunks_mut(N).zip(x[0].data().chunks(N));
                for ((y, row), &b) in rows.zip(x[1].data()) {
                    y.iter_mut().zip(row).for_each(|(y, &x)| *y = x / b);
                }
            },
            |x, g, gx| {
                for ((gx, g), &b) in gx.chunks_mut(N).zip(g.chunks(N)).zip(x[1].data()) {
                    gx.iter_mut().zip(g).for_each(|(gx, &g)| *gx = g / b);
                }
            },
        ),
    );
    pair(
        "mul by row",
        &[N],
        |x| x[0] * x[1],
        (
            |x, y| {
                for (y, row) in y.chunks_mut(N).zip(x[0].data().chunks(N)) {
                    y.iter_mut()
                        .zip(row.iter().zip(x[1].data()))
                        .for_each(|(y, (&x, &b))| *y = x * b);
                }
            },
            |x, g, gx| {
                for (gx, g) in gx.chunks_mut(N).zip(g.chunks(N)) {
                    gx.iter_mut()
                        .zip(g.iter().zip(x[1].data()))
                        .for_each(|(gx, (&g, &b))| *gx = g * b);
                }
            },
        ),
    );
}

/// 1000 times `y = y a + b` on 4 elements: ns per op, recorded and pulled back.
fn small<T: Elem>(runs: usize) {
    let mut tape = Tape::<T>::default();
    let [y, a, b] = [0.5, 0.9, 0.1].map(|x| Tensor::full([4], T::of(x)));
    let mut times = Vec::new();
    for _ in 0..runs {
        tape.reset();
        let mut first = T::zero();
        times.push(seconds(|| {
            let start = tape.var(y.clone());
            let (a, b) = (tape.var(a.clone()), tape.var(b.clone()));
            let mut y = start;
            for _ in 0..1000 {
                y = y * a + b;
            }
            first = y.sum().backward().wrt(b).data()[0];
        }));
        assert!((first.primal() - 10.0).abs() < 1e-4, "Σ 0.9^k is {first}");
    }
    let each = median(times) * 1e9 / 2000.0;
    println!(
        "{:3} 4 elements: {each:.1} ns an op, recorded and pulled back",
        std::any::type_name::<T>()
    );
}

fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    let runs = if test { 1 } else { 301 };
    all::<f32>(runs);
    reductions::<f32>(runs);
    small::<f32>(runs);
    all::<f64>(runs);
    reductions::<f64>(runs);
    small::<f64>(runs);
}
