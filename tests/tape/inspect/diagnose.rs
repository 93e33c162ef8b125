//! Birth certificates of NaN and infinity: op, numbers, shapes and the user's line.

use num_traits::Float;
use wengert::inspect::NonFinite;
use wengert::{Dual, Tape, Tensor, Var};

/// `diagnose.rs:LINE`, for the line given.
fn at(line: u32) -> String {
    format!("at {}:{line}", file!())
}

#[test]
fn the_first_value_that_is_not_finite_is_named_with_its_operand_and_line() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0, 3.0, 0.0]));
    assert_eq!(tape.first_non_finite(), None);
    let line = line!() + 1;
    let y = x.ln();
    let z = y * 0.0;
    let birth = tape.first_non_finite().unwrap();
    let text = format!(
        "ln {}: y[3] = -inf from x[3] = 0; shapes [4] -> [4]",
        at(line)
    );
    assert_eq!(birth.to_string(), text);
    assert_eq!(
        (birth.kind, birth.line.unwrap().line()),
        (NonFinite::Infinite, line)
    );
    // The NaN that came of it is reported separately.
    let diagnosis = z.diagnose(Tensor::ones([4]));
    let nan = format!(
        "mul {}: y[3] = NaN from x0[3] = -inf, x1 = 0; shapes [4], [] -> [4]",
        at(line + 1)
    );
    assert_eq!(diagnosis.nan.as_ref().unwrap().to_string(), nan);
    assert_eq!(diagnosis.infinity, Some(birth));
    assert_eq!(
        diagnosis.to_string().lines().take(2).collect::<Vec<_>>(),
        [
            format!("first NaN: {nan}"),
            format!("first infinity: {text}")
        ]
    );
    assert!(!diagnosis.is_finite());
}

#[test]
fn the_first_cotangent_that_is_not_finite_is_named() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([4.0, 0.0, 9.0]));
    let line = line!() + 1;
    let root = x.sqrt();
    let loss = (root * Tensor::from([1.0, 2.0, 3.0])).sum();
    let diagnosis = loss.diagnose();
    assert_eq!((&diagnosis.nan, &diagnosis.infinity), (&None, &None));
    let text = format!(
        "sqrt {}: gx[1] = inf from g[1] = 2, x[1] = 0, y[1] = 0; shapes [3] -> [3]",
        at(line)
    );
    assert_eq!(
        diagnosis.to_string(),
        format!("first infinite cotangent: {text}")
    );
    assert_eq!(diagnosis.births().count(), 1);
    // The figures of the ordinary walk are not changed by a diagnosis.
    let grads = loss.backward();
    let walk = tape.last_walk();
    let _ = loss.diagnose();
    assert_eq!(tape.last_walk(), walk);
    assert_eq!(grads.wrt(x).data()[1], f64::INFINITY);
    // Nodes that the output does not depend on are ignored.
    let _ = x.ln();
    let finite = (x * x).sum().diagnose();
    assert!(finite.is_finite());
    assert_eq!(finite.to_string(), "all values and cotangents are finite");
}

#[test]
fn operands_that_broadcast_and_operands_of_other_shapes_are_shown() {
    let tape = Tape::new();
    let a = tape.var(Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let b = tape.var(Tensor::from([[1.0], [0.0]]));
    let line = line!() + 1;
    let quotient = a / b;
    let text = format!(
        "div {}: y[1, 0] = inf from x0[1, 0] = 4, x1[1, 0] = 0; shapes [2, 3], [2, 1] -> [2, 3]",
        at(line)
    );
    assert_eq!(tape.first_non_finite().unwrap().to_string(), text);
    let _ = quotient;
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1e308, -2.0, 1.5e308]));
    let line = line!() + 1;
    let _ = x.sum();
    let text = format!(
        "sum {}: y = inf from x = -2 to {}; shapes [3] -> []",
        at(line),
        1.5e308
    );
    assert_eq!(tape.first_non_finite().unwrap().to_string(), text);
}

#[test]
fn what_was_entered_so_is_named_as_such() {
    let tape = Tape::new();
    let line = line!() + 1;
    let x = tape.var(Tensor::from([1.0, f64::NAN]));
    let _ = x * 2.0;
    let text = format!("leaf {}: y[1] = NaN, entered so", at(line));
    assert_eq!(tape.first_non_finite().unwrap().to_string(), text);
    // A mask of -inf is intended; its softmax is finite, and no NaN is reported.
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let line = line!() + 1;
    let y = (x + Tensor::from([0.0, f64::NEG_INFINITY])).softmax(0);
    let diagnosis = y.diagnose(Tensor::from([1.0, 0.0]));
    assert_eq!(diagnosis.nan, None);
    let text = format!(
        "constant {}: y[1] = -inf, entered so or computed from constants",
        at(line)
    );
    assert_eq!(diagnosis.infinity.unwrap().to_string(), text);
    let seeded = x.exp().diagnose(Tensor::from([f64::NAN, 1.0]));
    let text = format!("exp {}: g[0] = NaN, entered so", at(line!() - 1));
    assert_eq!(seeded.nan_cotangent.unwrap().to_string(), text);
}

#[test]
fn shares_that_cancel_to_nan_or_overflow_are_named_where_they_meet() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0]));
    let line = line!() + 1;
    let y = x.exp();
    let z = y * 1e308 + y * 1e308;
    let diagnosis = z.diagnose(Tensor::from([1.0]));
    let text = format!("exp {}: g[0] = inf, by adding its shares", at(line));
    let infinite = diagnosis.infinite_cotangent.unwrap();
    assert_eq!(infinite.to_string(), text);
}

#[test]
fn scalars_are_named_on_a_tape_with_lines() {
    let tape = Tape::new().with_lines();
    let line = line!() + 1;
    let (x, w) = (tape.var(0.0), tape.var(2.0));
    let y = x.ln() * w; // with an infinite slope the logarithm is a node
    let loss = y * 0.0 + w * w;
    let birth = tape.first_non_finite().unwrap();
    let text = format!("ln {}: y = -inf from a = 0", at(line + 1));
    assert_eq!(birth.to_string(), text);
    let diagnosis = loss.diagnose();
    let text = format!(
        "add {}: y = NaN from a = NaN, folded from mul {} = -inf, b = 4, folded from leaf {} = 2",
        at(line + 2),
        at(line + 1),
        at(line)
    );
    assert_eq!(diagnosis.nan.unwrap().to_string(), text);
    let nan = diagnosis.nan_cotangent.map(|birth| birth.to_string());
    assert_eq!(nan, None, "0 as a cotangent stops at ln: {nan:?}");
    // Once something flows, the value of the logarithm is a slope of the product.
    let text = format!("mul {}: gb = -inf from g = 1, slope = -inf", at(line + 1));
    assert_eq!(y.diagnose().infinite_cotangent.unwrap().to_string(), text);
    let line = line!() + 1;
    let leaf = tape.var(f64::INFINITY);
    let text = format!("leaf {}: y = inf, entered so", at(line));
    let found = (leaf * w).diagnose().infinity.unwrap();
    assert_eq!(
        found.to_string(),
        text,
        "and not what the product does not depend on"
    );
}

#[test]
fn a_tensor_comes_before_the_scalars_entered_after_it() {
    let tape = Tape::new();
    let _ = tape.var(f64::INFINITY);
    let _ = tape.var(Tensor::from([f64::NAN]));
    let first = |tape: &Tape| {
        let birth = tape.first_non_finite().unwrap();
        (birth.kind, birth.place)
    };
    assert_eq!(first(&tape), (NonFinite::Infinite, "y".into()));
    let tape = Tape::new();
    let _ = tape.var(Tensor::from([1.0]));
    let _ = tape.var(Tensor::from([f64::INFINITY]));
    let _ = tape.var(f64::NAN);
    assert_eq!(first(&tape), (NonFinite::Infinite, "y[0]".into()));
}

#[test]
fn generic_code_on_a_tape_with_lines_is_named_by_its_own_lines() {
    fn generic<F: Float>(a: F, b: F) -> F {
        (a - a) / (b - b + a - a).max(a - a)
    }
    let tape = Tape::new().with_lines();
    let (a, b) = (tape.var(1.0), tape.var(2.0));
    let y = generic(a, b);
    assert!(y.value().is_nan());
    let found = y.diagnose().nan.unwrap();
    let line = found.line.map(|line| (line.file(), line.line()));
    assert_eq!((found.op, line), ("div", Some((file!(), line!() - 8))));
    // Methods of the trait, and plain numbers on either side.
    fn infinite<F: Float>(x: F) -> ([F; 4], u32) {
        let two = F::one() + F::one();
        let line = line!() + 1;
        let found = [x.ln(), x.powi(-1), x.log(two), x.recip().sin_cos().0];
        (found, line)
    }
    let origin = |y: Var<f64>| {
        let diagnosis = y.diagnose();
        let found = diagnosis.nan.or(diagnosis.infinity).unwrap();
        found.line.map(|line| (line.file(), line.line()))
    };
    let x = tape.var(0.0);
    let (found, line) = infinite(x);
    assert_eq!(found.map(origin), [Some((file!(), line)); 4]);
    fn fraction<F: Float>(x: F) -> (F, u32) {
        (x.fract(), line!())
    }
    let (found, line) = fraction(x.ln());
    assert_eq!(origin(found), Some((file!(), line)));
    let line = line!() + 1;
    let found = [1.0 / x, x / 0.0, 1.0 / &x, x.ln() - 1.0];
    assert_eq!(found.map(origin), [Some((file!(), line)); 4]);
}

#[test]
fn without_lines_scalars_are_named_as_far_as_they_are_known() {
    let tape = Tape::new();
    let (x, w) = (tape.var(0.0), tape.var(2.0));
    let y = (x.ln() * w).exp() * (w / x);
    assert_eq!(tape.first_non_finite(), None, "scalar nodes keep no values");
    let text = "output: y = NaN, made by scalar nodes, which keep no values; record on a tape with_lines()";
    assert_eq!(y.diagnose().nan.unwrap().to_string(), text);
    let text = "output: y = -inf, made by scalar nodes, which keep no values; record on a tape with_lines()";
    assert_eq!(x.ln().diagnose().infinity.unwrap().to_string(), text);
    let cotangent = |y: Var<f64>| y.diagnose().infinite_cotangent.unwrap().to_string();
    let text = "scalar operation: ga = inf from g = 1, slope = inf";
    assert_eq!(cotangent(x.chain(0.0, f64::INFINITY)), text);
    assert_eq!(cotangent(x.ln()), text);
    let text = "scalar operation: gb = -inf from g = 1, slope = -inf";
    assert_eq!(cotangent(x.ln() * w), text);
    let _ = tape.var(f64::NAN).exp();
    assert_eq!(
        tape.first_non_finite().unwrap().to_string(),
        "leaf: y = NaN, entered so"
    );
    let line = line!() + 1;
    let packed = tape.stack(&[w, x.chain(f64::NEG_INFINITY, 1e100)]);
    let text = format!(
        "pack {}: y[1] = -inf, folded from a scalar node = 0",
        at(line)
    );
    assert_eq!(
        packed
            .diagnose(Tensor::ones([2]))
            .infinity
            .unwrap()
            .to_string(),
        text
    );
    let g = Tensor::full([2], f64::MAX);
    let found = packed.diagnose(g).infinite_cotangent.unwrap();
    let text = format!(
        "pack {}: gx of scalar 1 = inf from g = {}, the slope of what is folded into it = {}",
        at(line),
        f64::MAX,
        1e100
    );
    assert_eq!(found.to_string(), text);
}

#[test]
fn lines_change_no_number_and_are_forgotten_by_a_reset() {
    let run = |tape: &Tape| {
        let (x, w) = (tape.var(0.3), tape.var(2.0));
        let y = (x * w).sin() / (x + w) + tape.var(Tensor::from([1.0, 2.0])).sum() * x;
        let grads = y.backward();
        [y.value(), grads.wrt(x), grads.wrt(w)]
    };
    let (plain, mut lined) = (Tape::new(), Tape::new().with_lines());
    assert_eq!(run(&plain), run(&lined));
    assert_eq!(plain.scalar_nodes(), lined.scalar_nodes());
    let origins = lined.bytes() - plain.bytes();
    assert_eq!(origins % lined.scalar_nodes(), 0, "so many bytes a node");
    assert_eq!(lined.ledger().bytes, lined.bytes());
    lined.reset();
    assert_eq!(lined.bytes(), 0);
    let (x, w) = (lined.var(0.0), lined.var(1.0));
    let line = line!() + 1;
    let _ = w / x;
    let found = lined.first_non_finite().unwrap();
    assert_eq!(found.line.unwrap().line(), line);
}

#[test]
fn a_tangent_that_is_not_finite_is_found_on_dual_numbers() {
    let tape = Tape::<Dual<f64>>::default();
    let x = tape.var(Tensor::from([Dual::new(0.0, 1.0)]));
    let line = line!() + 1;
    let _ = x.sqrt();
    let birth = tape.first_non_finite().unwrap();
    let text = format!(
        "sqrt {}: y[0] = 0 + infε from x[0] = 0 + 1ε; shapes [1] -> [1]",
        at(line)
    );
    assert_eq!(birth.to_string(), text);
}

#[test]
fn a_plain_number_and_a_wrong_shape_are_refused() {
    let y = wengert::Var::<f64>::number(2.0);
    assert_eq!(
        y.try_diagnose().unwrap_err().to_string(),
        "diagnose: the output is a plain number; it depends on no handle of a tape"
    );
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    assert_eq!(
        x.exp()
            .try_diagnose(Tensor::ones([3]))
            .unwrap_err()
            .to_string(),
        "vjp: the cotangent has shape [3] but [2] is needed"
    );
}
