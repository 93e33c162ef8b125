//! Losses over classes: options, labels in many forms, soft targets, error texts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wengert::ops::softmax::composed;
use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::{Elem, Error, LossOptions, Random, Reduction, Shape, Tape, Tensor};

fn close(x: f64, y: f64) -> bool {
    (x - y).abs() <= 4.0 * f64::EPSILON * y.abs()
}

/// Logits whose softmax is 1/2, 1/4, 1/4 in every row.
fn quarters(tape: &Tape, rows: usize) -> wengert::Var<'_, Tensor<f64>> {
    let row = [2f64.ln(), 0.0, 0.0];
    let data = (0..rows).flat_map(|_| row).collect();
    tape.var(Tensor::new([rows, 3], data).unwrap())
}

#[test]
fn options_mean_what_they_mean_in_pytorch() {
    let (ln2, ln4) = (2f64.ln(), 4f64.ln());
    let tape = Tape::new();
    let x = quarters(&tape, 3);
    let near = |options: &LossOptions, labels: [usize; 3], expected: f64| {
        let loss = x.cross_entropy_with(1, labels, options).value();
        assert!(close(loss, expected), "{options:?}: {loss}, {expected}");
    };
    let plain = LossOptions::new();
    near(&plain, [0, 1, 2], (ln2 + 2.0 * ln4) / 3.0);
    near(
        &plain.clone().reduction(Reduction::Sum),
        [0, 1, 1],
        ln2 + 2.0 * ln4,
    );
    near(&plain.clone().ignore_index(9), [0, 9, 1], (ln2 + ln4) / 2.0);
    // weights w_y; the mean divides by their sum
    let weighted = plain.clone().weights([3.0, 1.0, 0.0]);
    near(&weighted, [0, 1, 1], (3.0 * ln2 + 2.0 * ln4) / 5.0);
    // smoothing: (1 - ε) nll + ε/C Σ_c -ln p_c
    let all = (ln2 + 2.0 * ln4) / 3.0;
    let smooth = plain.clone().label_smoothing(0.25);
    near(&smooth, [0, 0, 0], 0.75 * ln2 + 0.25 * all);
    // both: class weights in the smoothed part too, the mean by the weights of the labels
    let both = smooth.weights([3.0, 1.0, 0.0]).ignore_index(9);
    let spread = (3.0 * ln2 + ln4) / 3.0;
    near(
        &both,
        [0, 9, 1],
        (0.75 * (3.0 * ln2 + ln4) + 0.25 * 2.0 * spread) / 4.0,
    );
    // no row left: 0 / 0, and no gradient
    let none = x.cross_entropy_with(1, [9, 9, 9], &plain.clone().ignore_index(9));
    assert!(none.value().is_nan());
    assert_eq!(none.backward().wrt(x), Tensor::zeros([3, 3]));
    // rows, as reduction="none"
    let rows = x
        .cross_entropy_rows(1, [0, 9, 1], &plain.ignore_index(9))
        .value();
    assert!(close(rows.data()[0], ln2) && rows.data()[1] == 0.0 && close(rows.data()[2], ln4));
}

#[test]
fn soft_targets_and_labels_agree_where_they_say_the_same() {
    let tape = Tape::new();
    let x: Tensor<f64> = Random::new(8).normal([4, 5], 0.0, 2.0);
    let x = tape.var(x);
    let labels = [4usize, 0, 2, 2];
    let mut one_hot = Tensor::zeros([4, 5]);
    for (row, label) in labels.into_iter().enumerate() {
        one_hot[[row, label]] = 1.0;
    }
    let options = LossOptions::new().label_smoothing(0.125);
    for options in [LossOptions::new(), options] {
        let hard = x.cross_entropy_with(1, labels, &options);
        let soft = x.cross_entropy_soft_with(1, &one_hot, &options);
        assert!(close(hard.value(), soft.value()));
        let [a, b] = [hard, soft].map(|loss| loss.backward().wrt(x));
        for (a, b) in a.iter().zip(b.iter()) {
            assert!((a - b).abs() < 1e-16);
        }
    }
    let options = LossOptions::new().ignore_index(1);
    let error = x
        .try_cross_entropy_soft_with(1, &one_hot, &options)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cross_entropy_soft: soft targets have no label 1 to ignore; weigh the rows"
    );
    let nll = x.log_softmax(1).nll_loss(1, labels);
    assert!(close(nll.value(), x.cross_entropy(1, labels).value()));
    assert!(close(
        composed::cross_entropy(x, 1, &labels).value().item(),
        nll.value()
    ));
}

#[test]
fn labels_come_in_many_forms() {
    let x: Tensor<f64> = Random::new(9).normal([2, 3], 0.0, 1.0);
    let expected = x.cross_entropy(1, [2, 0]);
    assert_eq!(x.cross_entropy(1, vec![2, 0]), expected);
    assert_eq!(x.cross_entropy(1, &[2, 0][..]), expected);
    assert_eq!(x.cross_entropy(1, vec![2, 0]), expected);
    assert_eq!(x.cross_entropy(1, Tensor::from([2usize, 0])), expected);
    assert_eq!(x.cross_entropy(1, Tensor::from([2u8, 0])), expected);
    assert_eq!(x.cross_entropy(1, Tensor::from([2.0, 0.0])), expected);
    assert_eq!(x.cross_entropy(1, Tensor::from([2.0f32, 0.0])), expected);
}

#[test]
fn labels_are_whole_numbers_of_any_type() {
    let x: Tensor<f64> = Random::new(9).normal([2, 3], 0.0, 1.0);
    let expected = x.cross_entropy(1, [2, 0]);
    macro_rules! all {
        ($($t:ty)*) => {$(
            let labels: [$t; 2] = [2, 0];
            assert_eq!(x.cross_entropy(1, labels), expected);
            assert_eq!(x.cross_entropy(1, &labels[..]), expected);
            assert_eq!(x.cross_entropy(1, labels.to_vec()), expected);
            assert_eq!(x.cross_entropy(1, &Tensor::from(labels)), expected);
        )*};
    }
    all!(usize u64 u32 u16 u8 i64 i32 i16 i8);
    // As PyTorch marks what is to be left out.
    let x: Tensor<f64> = Random::new(9).normal([3, 3], 0.0, 1.0);
    let tape = Tape::new();
    let options = LossOptions::new().ignore_index(-100);
    let loss = |x: &Tensor<f64>, labels: Vec<i64>| {
        let loss = tape.var(x.clone()).cross_entropy_with(1, labels, &options);
        loss.value()
    };
    let two = Tensor::concat(&[x.slice(..1), x.slice(2..)], 0);
    assert_eq!(loss(&x, vec![2, -100, 0]), loss(&two, vec![2, 0]));
    let refused = |labels: &[i64]| x.try_cross_entropy(1, labels).unwrap_err().to_string();
    assert_eq!(
        refused(&[0, -100, 1]),
        "cross_entropy: label -100 of row 1 is not a class; there are 3 classes, counted from 0"
    );
    assert_eq!(
        x.try_cross_entropy(1, [0, 0, u64::MAX])
            .unwrap_err()
            .to_string(),
        "cross_entropy: label 18446744073709551615 of row 2 is not a class; there are 3 classes, counted from 0"
    );
}

#[test]
fn what_is_no_label_is_refused() {
    let x = Tensor::<f64>::zeros([4, 10]);
    let text = |label: f64| {
        let labels = Tensor::from([0.0, 1.0, 2.0, label]);
        x.try_cross_entropy(1, labels).unwrap_err().to_string()
    };
    for (label, shown) in [
        (f64::NAN, "NaN"),
        (1.5, "1.5"),
        (-1.0, "-1"),
        (10.0, "10"),
        (f64::INFINITY, "inf"),
    ] {
        let expected = format!(
            "cross_entropy: label {shown} of row 3 is not a class; there are 10 classes, counted from 0"
        );
        assert_eq!(text(label), expected);
    }
    let text = |labels: &[usize]| x.try_cross_entropy(1, labels).unwrap_err().to_string();
    assert_eq!(
        text(&[0, 11, 0, 0]),
        "cross_entropy: label 11 of row 1 is not a class; there are 10 classes, counted from 0"
    );
    assert_eq!(
        text(&[0]),
        "cross_entropy: 1 labels for 4 rows; the logits have shape [4, 10] and the classes run along axis 1"
    );
    let shape = x
        .try_cross_entropy(1, Tensor::from([[0usize; 4]]))
        .unwrap_err();
    assert_eq!(
        shape.to_string(),
        "cross_entropy: the tensor of labels has shape [1, 4] but [4] is needed"
    );
    let nll = x.try_nll_loss(1, [0, 1, 2, 10]).unwrap_err();
    assert_eq!(
        nll.to_string(),
        "nll_loss: label 10 of row 3 is not a class; there are 10 classes, counted from 0"
    );
}

#[test]
fn bad_options_and_axes_are_refused() {
    let tape = Tape::new();
    let x = quarters(&tape, 1);
    let options = |options: LossOptions| {
        x.try_cross_entropy_with(1, 0, &options)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        options(LossOptions::new().weights([1.0])),
        "cross_entropy: 1 weights for 3 classes"
    );
    assert_eq!(
        options(LossOptions::new().label_smoothing(1.5)),
        "cross_entropy: label smoothing 1.5 is not between 0 and 1"
    );
    let smooth = LossOptions::new().label_smoothing(0.1);
    assert_eq!(
        x.try_nll_loss_with(1, 0, &smooth).unwrap_err().to_string(),
        "nll_loss: log-probabilities of one class cannot be smoothed; use cross_entropy"
    );
    let axis = |result: Result<wengert::Var<'_, Tensor<f64>>, wengert::Error>| {
        result.unwrap_err().to_string()
    };
    assert_eq!(
        axis(x.try_softmax(2)),
        "softmax: axis 2 is not an axis of [1, 3]; use -2 to 1"
    );
    assert_eq!(
        axis(x.try_log_softmax(-3)),
        "log_softmax: axis -3 is not an axis of [1, 3]; use -2 to 1"
    );
    assert_eq!(
        axis(x.try_logsumexp_axis([0, 0])),
        "logsumexp: axis 0 of [1, 3] is named twice"
    );
    assert_eq!(
        x.try_mse(Tensor::from([1.0])).unwrap_err().to_string(),
        "mse: the tensor of targets has shape [1] but [1, 3] is needed"
    );
    assert_eq!(
        x.try_cross_entropy_soft(1, Tensor::from([1.0]))
            .unwrap_err()
            .to_string(),
        "cross_entropy_soft: the tensor of targets has shape [1] but [1, 3] is needed"
    );
}

#[test]
#[should_panic(expected = "softmax: axis 1 is not an axis of [2]; use -1 to 0")]
fn a_bare_method_panics_with_the_same_text() {
    let _ = Tensor::from([1.0, 2.0]).softmax(1);
}

#[test]
fn an_ignored_row_leaves_no_trace() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[f64::NAN, f64::INFINITY], [0.0, 0.0]]));
    let options = LossOptions::new().ignore_index(-100);
    for options in [options.clone(), options.label_smoothing(0.5)] {
        let labels = Tensor::from([-100, 1]);
        let loss = x.cross_entropy_with(1, labels, &options);
        assert_eq!(loss.value(), 2f64.ln());
        assert_eq!(loss.backward().wrt(x).data()[..2], [0.0, 0.0]);
    }
}

#[test]
fn losses_stay_finite_where_the_exact_result_is() {
    let tape = Tape::new();
    let huge = f64::MAX;
    let x = tape.var(Tensor::from([[huge, 0.0], [huge, 0.0]]));
    assert_eq!(x.cross_entropy(1, [1, 1]).value(), huge);
    let y = x.softmax(1).vjp(Tensor::from([[huge, -huge], [0.0, 0.0]]));
    assert!(y.wrt(x).iter().all(|gx| gx.is_finite()));
    let logits = tape.var(Tensor::from([f64::INFINITY, f64::NEG_INFINITY]));
    assert_eq!(
        logits.bce_with_logits(Tensor::from([1.0, 0.0])).value(),
        0.0
    );
}

/// The gradient that the forward writes for a cotangent of 1, the one that the pullback computes, and the next step's.
#[test]
fn cross_entropy_gives_one_gradient_however_it_is_asked_for() {
    fn check<T: Elem>() {
        let mut tape = Tape::<T>::default();
        for (step, (rows, n)) in [(1, 3), (40, 10), (7, 700)].into_iter().enumerate() {
            tape.reset();
            let logits: Tensor<T> = Random::new(step as u64).uniform([rows, n], -9.0, 9.0);
            let labels: Vec<usize> = (0..rows).map(|r| (r * 7) % n).collect();
            let x = tape.var(logits.clone());
            let loss = x.cross_entropy(1, &labels);
            let gradient = loss.backward().wrt(x);
            // Twice the loss: another cotangent, a power of two.
            let twice = (loss * T::of(2.0)).backward().wrt(x);
            assert_eq!(twice, gradient.map(|g| g + g));
            assert_eq!(loss.backward().wrt(x), gradient);
            // Two losses of one handle add up.
            let both = (loss + x.cross_entropy(1, &labels)).backward().wrt(x);
            assert_eq!(both, twice);
            // Run again on other logits, with other labels at the top.
            let [mut again, fresh] = [(); 2].map(|()| Tape::<T>::default());
            let x = again.var(logits.clone());
            let (id, loss) = (x.id().unwrap(), x.cross_entropy(1, &labels).id().unwrap());
            let others = logits.map(|x| -x);
            again.replay([(id, others.clone())]).unwrap();
            let x = fresh.var(others);
            let expected = x.cross_entropy(1, &labels).backward().wrt(x);
            let gradients = again.handle(loss).backward();
            assert_eq!(gradients.wrt(again.handle(id)), expected);
        }
    }
    check::<f32>();
    check::<f64>();
}

/// The product of two numbers; counts how often a pullback was expected.
#[derive(Debug)]
struct Expecting(Arc<AtomicUsize>);

impl Rule<f64> for Expecting {
    fn name(&self) -> &'static str {
        "expecting"
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape, Error> {
        Ok(Shape::scalar())
    }

    fn forward(&self, x: &[&Tensor<f64>], y: &mut Slot<'_, f64>, _: &mut Residual<f64>) {
        y.fill()[0] = x[0].data()[0] * x[0].data()[1];
    }

    fn forward_to_pull(&self, x: &[&Tensor<f64>], y: &mut Slot<'_, f64>, keep: &mut Residual<f64>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.forward(x, y, keep);
    }

    fn vjp(&self, at: &Point<'_, f64>, g: &Tensor<f64>, gx: &mut [Slot<'_, f64>]) {
        let (x, g) = (at.x[0].data(), g.item());
        gx[0].fill().copy_from_slice(&[g * x[1], g * x[0]]);
    }
}

#[test]
fn a_pullback_is_expected_of_a_loss_that_needs_a_gradient() {
    let (count, tape) = (Arc::new(AtomicUsize::new(0)), Tape::new());
    let x = Tensor::from([2.0, 3.0]);
    let rule = || Expecting(count.clone());
    let _ = tape.constant(x.clone()).apply(rule());
    let _ = tape.stack(&[tape.var(2.0), tape.var(3.0)]).apply(rule());
    assert_eq!(count.load(Ordering::Relaxed), 0);
    let x = tape.var(x);
    let y = x.apply(rule());
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert_eq!(y.sum().backward().wrt(x), Tensor::from([3.0, 2.0]));
}

/// 1024 weights of 1 behind one of 2^24 vanish in an `f32` sum from left to right, which stays at 2^24.
#[test]
fn a_mean_divides_by_all_of_the_weights() {
    let tape = Tape::<f32>::default();
    let x = tape.var(Tensor::zeros([1025, 2]));
    let labels: Vec<usize> = (0..1025).map(|row| usize::from(row > 0)).collect();
    let options = LossOptions::new().weights([16_777_216.0, 1.0]);
    let loss = x.cross_entropy_with(1, &labels, &options);
    assert!((loss.value() - 2f32.ln()).abs() <= 2.0 * f32::EPSILON);
    let share = 0.5 * 16_777_216.0 / 16_778_240.0;
    let gx = loss.backward().wrt(x)[[0, 1]];
    assert!((gx - share).abs() <= 2.0 * f32::EPSILON * share, "{gx}");
}
