//! How far the results of the softmax family may be from the exact ones of `tests/golden`, on every level.

use crate::document;

/// The largest and mean error allowed, in ulps: at most half above what was measured, as a margin for another libm, and
/// never above the goals.
pub const F32: &[(&str, f64, f64)] = &[
    ("cross_entropy grad", 2.16, 0.51),
    ("cross_entropy loss", 1.45, 0.46),
    ("cross_entropy rows", 0.79, 0.33),
    ("log_softmax hvp", 2.60, 0.28),
    ("log_softmax jvp", 2.50, 0.23),
    ("log_softmax vjp", 2.00, 0.30),
    ("log_softmax z", 1.59, 0.37),
    ("logsumexp hvp", 3.15, 0.52),
    ("logsumexp vjp", 2.35, 0.53),
    ("logsumexp y", 0.78, 0.28),
    ("longrows log_vjp", 1.45, 0.23),
    ("longrows lse", 0.61, 0.35),
    ("longrows vjp", 1.80, 0.42),
    ("longrows y", 2.10, 0.45),
    ("longrows z", 1.30, 0.45),
    ("masked jvp", 2.90, 0.43),
    ("masked vjp", 4.10, 0.37),
    ("masked y", 1.90, 0.28),
    ("scaled grad_T", 3.40, 1.05),
    ("scaled jvp", 2.44, 0.58),
    ("scaled vjp", 2.50, 0.67),
    ("scaled y", 2.45, 0.45),
    ("soft grad", 2.65, 0.52),
    ("soft grad_targets", 2.50, 0.60),
    ("soft loss", 0.70, 0.37),
    ("soft rows", 1.30, 0.50),
    ("softmax hvp", 2.20, 0.20),
    ("softmax jacobian", 3.00, 0.65),
    ("softmax jvp", 3.65, 0.75),
    ("softmax vjp", 3.50, 0.63),
    ("softmax y", 2.35, 0.45),
    ("sweep lse", 0.73, 0.35),
    ("sweep vjp", 3.40, 0.71),
    ("sweep y", 2.40, 0.45),
    ("sweep z", 0.85, 0.34),
];

/// The same for `f64`.
pub const F64: &[(&str, f64, f64)] = &[
    ("cross_entropy grad", 2.40, 0.54),
    ("cross_entropy loss", 1.08, 0.50),
    ("cross_entropy rows", 1.32, 0.43),
    ("log_softmax hvp", 3.40, 0.30),
    ("log_softmax jvp", 2.00, 0.26),
    ("log_softmax vjp", 2.11, 0.33),
    ("log_softmax z", 1.90, 0.42),
    ("logsumexp hvp", 2.90, 0.58),
    ("logsumexp vjp", 3.00, 0.55),
    ("logsumexp y", 1.20, 0.33),
    ("longrows log_vjp", 1.65, 0.25),
    ("longrows lse", 0.80, 0.35),
    ("longrows vjp", 2.45, 0.59),
    ("longrows y", 2.60, 0.50),
    ("longrows z", 1.30, 0.50),
    ("masked jvp", 2.20, 0.25),
    ("masked vjp", 1.90, 0.28),
    ("masked y", 1.35, 0.15),
    ("scaled grad_T", 2.90, 0.67),
    ("scaled jvp", 2.75, 0.64),
    ("scaled vjp", 3.55, 0.78),
    ("scaled y", 1.55, 0.50),
    ("soft grad", 1.65, 0.52),
    ("soft grad_targets", 2.15, 0.60),
    ("soft loss", 0.90, 0.60),
    ("soft rows", 1.40, 0.48),
    ("softmax hvp", 2.45, 0.16),
    ("softmax jacobian", 2.56, 0.57),
    ("softmax jvp", 3.60, 0.66),
    ("softmax vjp", 3.70, 0.59),
    ("softmax y", 2.45, 0.46),
    ("sweep lse", 0.80, 0.32),
    ("sweep vjp", 4.20, 0.76),
    ("sweep y", 2.50, 0.50),
    ("sweep z", 1.23, 0.38),
];

/// A goal: the quantities it is for, largest and mean error for `f32` and for `f64`.
type Goal = (&'static [&'static str], [f64; 2], [f64; 2]);

/// The goals that the design set before anything was measured.
const GOALS: &[Goal] = &[
    (
        &["softmax y", "masked y", "scaled y", "sweep y", "longrows y"],
        [2.5, 0.45],
        [3.0, 0.5],
    ),
    (
        &["log_softmax z", "sweep z", "longrows z"],
        [2.5, 0.45],
        [3.0, 0.5],
    ),
    (
        &["logsumexp y", "sweep lse", "longrows lse"],
        [1.5, 0.35],
        [1.5, 0.35],
    ),
    (
        &[
            "softmax vjp",
            "softmax jvp",
            "masked vjp",
            "masked jvp",
            "scaled vjp",
            "scaled jvp",
            "sweep vjp",
            "longrows vjp",
        ],
        [5.0, 0.9],
        [7.0, 1.2],
    ),
    (
        &[
            "cross_entropy rows",
            "cross_entropy loss",
            "cross_entropy grad",
            "soft rows",
            "soft loss",
            "soft grad",
            "soft grad_targets",
            "logsumexp vjp",
        ],
        [3.0, 0.6],
        [3.0, 0.6],
    ),
    (
        &["log_softmax vjp", "longrows log_vjp"],
        [2.0, 0.4],
        [3.0, 0.4],
    ),
];

/// The design sets no goal for these, so only what was measured limits them.
const WITHOUT_GOAL: &[&str] = &[
    "log_softmax hvp",
    "log_softmax jvp",
    "logsumexp hvp",
    "scaled grad_T",
    "softmax hvp",
    "softmax jacobian",
];

fn goal_of(name: &str) -> Option<&'static Goal> {
    GOALS.iter().find(|goal| goal.0.contains(&name))
}

/// The largest error that the design allows, in `f32` and in `f64`.
pub fn largest(name: &str) -> [f64; 2] {
    let (_, f32, f64) = goal_of(name).expect("the design has a goal");
    [f32[0], f64[0]]
}

/// The figures of a row of the page: the largest error and the largest mean among the levels.
fn published(row: &str) -> (&str, [f64; 2]) {
    let mut cells = row.trim_matches(['|', ' ']).split('|').map(str::trim);
    let name = cells.next().expect("a row begins with its name");
    let figures = cells.map(|cell| {
        let (largest, mean) = cell.split_once(" (").expect("a cell is `max (mean)`");
        let mean = mean.trim_end_matches(')');
        [largest, mean].map(|figure| figure.parse::<f64>().expect("a figure is a number"))
    });
    let worst = figures.reduce(|[a, b], [c, d]| [a.max(c), b.max(d)]);
    (name, worst.expect("a row has a level"))
}

fn check(format: &str, limits: &[(&str, f64, f64)], goal: impl Fn(&Goal) -> [f64; 2]) {
    let page = document::read();
    let rows = document::section(&page, &format!("softmax {format}")).lines();
    // Below the names of the levels and the line under them.
    let rows: Vec<_> = rows.skip(2).map(published).collect();
    assert_eq!(rows.len(), limits.len(), "{format}: rows of the page");
    let mut wrong = Vec::new();
    for &(name, largest, mean) in limits {
        let row = rows.iter().find(|row| row.0 == name);
        let (_, figures) = row.unwrap_or_else(|| panic!("{format} {name} is not published"));
        let goals = match goal_of(name) {
            Some(found) => goal(found),
            None if WITHOUT_GOAL.contains(&name) => [f64::INFINITY; 2],
            None => panic!("{name} has no goal"),
        };
        for ((limit, figure), goal) in [largest, mean].into_iter().zip(figures).zip(goals) {
            // Half of a figure with two digits has three, and no rounding may decide.
            if limit > goal || limit > 1.5 * figure + 1e-9 {
                wrong.push(format!("{name}: {limit}, published {figure}, goal {goal}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{format}: {wrong:#?}");
}

#[test]
fn limits_are_within_the_goals_and_half_above_what_is_published() {
    check("f32", F32, |goal| goal.1);
    check("f64", F64, |goal| goal.2);
}
