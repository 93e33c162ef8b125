//! Checks that the workloads compute what they should: `--test`.

use wengert::Tape;

use crate::drive::Subject;
use crate::subject;

/// Small enough to be quick, large enough for every branch.
const SMALL: &[(&str, usize)] = &[
    ("K1", 10),
    ("K2", 20),
    ("K3", 205),
    ("K3tensor", 302),
    ("K4", 10),
    ("K4fused", 10),
    ("K5", 20),
    ("K5fused", 20),
    ("K6", 15),
    ("K6L", 266),
    ("K7", 5),
    ("K8", 20),
    ("K9", 1_000),
];

/// Panics if a value differs from its evaluation in plain numbers, or a gradient from the difference
/// quotient along some direction.
pub fn all() {
    for &(name, size) in SMALL {
        let subject = subject(name, size).expect("the list names workloads");
        check(&*subject);
        println!("{name} {size}: ok");
    }
}

fn check(subject: &dyn Subject) {
    let x = subject.inputs();
    let mut gradient = vec![f64::NAN; x.len() * subject.outputs()];
    let value = subject.gradient(&mut Tape::new(), &mut gradient, &mut || ());
    let plain = subject.value(x);
    let name = subject.name();
    assert!(
        (value - plain).abs() <= 1e-15 * plain.abs(),
        "{name}: {value} where plain numbers give {plain}"
    );

    // The step balances a remainder of h² against rounding of 1 / h.
    let h = f64::EPSILON.cbrt();
    let weight = |i: usize| 1.0 - 0.3 * (i % 5) as f64;
    let direction: Vec<f64> = (0..x.len()).map(|i| x[i] * weight(i)).collect();
    let moved = |h: f64| {
        let x: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + h * d).collect();
        subject.value(&x)
    };
    let difference = (moved(h) - moved(-h)) / (2.0 * h);
    let terms = gradient.iter().zip(&direction).map(|(g, d)| g * d);
    let (along, scale) = terms.fold((0.0, 0.0), |(sum, scale), term| {
        (sum + term, scale + f64::abs(term))
    });
    assert!(
        (along - difference).abs() <= 3e-9 * scale,
        "{name}: slope {along} where differences give {difference}"
    );
}
