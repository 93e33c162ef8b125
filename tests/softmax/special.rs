//! What is special to the softmax family: tails, rows, masks, options, scalar forms, error texts.

use wengert::ops::softmax::composed;
use wengert::{EmptyRow, LossOptions, Random, SoftmaxJacobian, Tape, Tensor, scalar};

const E40: f64 = 4.248354255291589e-18; // e^-40

fn bits(x: &Tensor<f64>) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn close(x: f64, y: f64) -> bool {
    (x - y).abs() <= 4.0 * f64::EPSILON * y.abs()
}

#[test]
fn the_tail_of_a_saturated_row_survives() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([40.0, 0.0]));
    let g = Tensor::from([1.0, 0.0]);
    let gx = x.softmax(0).vjp(g.clone()).wrt(x);
    assert_eq!(gx, Tensor::from([E40, -E40]));
    let y = x.softmax(0);
    assert_eq!(tape.forward().along(x, g).walk().of(y), gx);
    let loss = x.cross_entropy(0, 0);
    assert_eq!(loss.value(), E40);
    assert_eq!(loss.backward().wrt(x), Tensor::from([-E40, E40]));
}

#[test]
fn a_constant_cotangent_gives_exactly_zero() {
    let tape = Tape::new();
    let x: Tensor<f64> = Random::new(1).normal([4, 9], 0.0, 3.0);
    let x = tape.var(x);
    for constant in [1.0, -1e6, 1e300, 3.7e-300] {
        let gx = x.softmax(1).vjp(Tensor::full([4, 9], constant)).wrt(x);
        assert!(gx.iter().all(|&gx| gx == 0.0), "{constant}: {gx}");
    }
}

#[test]
fn a_batch_equals_its_rows_bit_for_bit() {
    let x: Tensor<f64> = Random::new(2).normal([5, 7], 0.0, 4.0);
    let g: Tensor<f64> = Random::new(3).normal([5, 7], 0.0, 1.0);
    let labels = [0usize, 6, 3, 3, 1];
    let tape = Tape::new();
    let batch = tape.var(x.clone());
    let (y, z) = (batch.softmax(1), batch.log_softmax(1));
    let lse = batch.logsumexp_axis(1).value();
    let each = batch.cross_entropy_rows(1, labels, &LossOptions::new());
    let pulled = [y, z].map(|y| y.vjp(g.clone()).wrt(batch));
    let of_losses = each.vjp(Tensor::ones([5])).wrt(batch);
    for (row, label) in labels.into_iter().enumerate() {
        let cut = |t: &Tensor<f64>| Tensor::from(&t.data()[row * 7..][..7]);
        let one = tape.var(cut(&x));
        let (y1, z1) = (one.softmax(0), one.log_softmax(0));
        assert_eq!(bits(&y1.value()), bits(&cut(&y.value())));
        assert_eq!(bits(&z1.value()), bits(&cut(&z.value())));
        assert_eq!(one.logsumexp().value(), lse.data()[row]);
        let again = [y1, z1].map(|y| y.vjp(cut(&g)).wrt(one));
        for (one, batch) in again.iter().zip(&pulled) {
            assert_eq!(bits(one), bits(&cut(batch)));
        }
        let loss = one.cross_entropy(0, label);
        assert_eq!(loss.value(), each.value().data()[row]);
        assert_eq!(bits(&loss.backward().wrt(one)), bits(&cut(&of_losses)));
    }
}

#[test]
fn another_axis_gives_the_same_rows() {
    let x: Tensor<f64> = Random::new(4).normal([3, 4], 0.0, 4.0);
    let turned = Tensor::new(
        [4, 3],
        (0..12).map(|k| x.data()[k % 3 * 4 + k / 3]).collect(),
    )
    .unwrap();
    let (y, turned) = (x.softmax(1), turned.softmax(0));
    for row in 0..3 {
        for j in 0..4 {
            assert_eq!(y[[row, j]], turned[[j, row]]);
        }
    }
    assert_eq!(x.softmax(-1), y);
}

#[test]
fn scalar_twins_compute_the_same_functions() {
    let x = [1.5, -0.25, 3.0];
    let tape = Tape::new();
    let handles = x.map(|x| tape.var(x));
    let (fused, twin) = (
        scalar::softmax(&handles),
        composed::scalar::softmax(&handles),
    );
    for (fused, twin) in fused.iter().zip(&twin) {
        assert!(close(fused.value(), twin.value()));
        let (a, b) = (fused.backward(), twin.backward());
        for x in handles {
            assert!((a.wrt(x) - b.wrt(x)).abs() < 1e-15);
        }
    }
    assert!(close(
        scalar::logsumexp(&handles).value(),
        composed::scalar::logsumexp(&x)
    ));
    let loss = scalar::cross_entropy(&handles, 1).value();
    assert!(close(loss, composed::scalar::cross_entropy(&x, 1)));
    let z = scalar::log_softmax(&handles);
    for (z, twin) in z.iter().zip(composed::scalar::log_softmax(&x)) {
        assert!(close(z.value(), twin));
    }
    assert_eq!(scalar::logsumexp::<f64>(&[]).value(), f64::NEG_INFINITY);
    assert_eq!(composed::scalar::logsumexp::<f64>(&[]), f64::NEG_INFINITY);
}

#[test]
fn logsumexp_reduces_the_axes_it_is_told() {
    let x: Tensor<f64> = Random::new(7).normal([2, 3, 4], 0.0, 1.0);
    assert_eq!(x.logsumexp_axis([0, 2]).shape(), [3]);
    assert_eq!(x.logsumexp_keep([0, -1]).shape(), [1, 3, 1]);
    assert_eq!(x.logsumexp_axis(..).item(), x.logsumexp());
    let naive = x.exp().sum_axis([0, 2]).ln();
    for (a, b) in x.logsumexp_axis([0, 2]).iter().zip(naive.iter()) {
        assert!((a - b).abs() < 1e-14);
    }
    assert_eq!(
        Tensor::<f64>::zeros([2, 0]).logsumexp_axis(1),
        Tensor::full([2], f64::NEG_INFINITY)
    );
}

#[test]
fn a_row_with_nothing_kept_is_what_was_chosen() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    let mask = Tensor::from([[false, false], [true, false]]);
    let run = |empty| {
        let y = x.masked_softmax_or(1, &mask, empty);
        (
            y.value(),
            y.vjp(Tensor::from([[1.0, 2.0], [3.0, 4.0]])).wrt(x),
        )
    };
    let (y, gx) = run(EmptyRow::Zeros);
    assert_eq!(y, Tensor::from([[0.0, 0.0], [1.0, 0.0]]));
    assert_eq!(gx, Tensor::zeros([2, 2]));
    let (y, gx) = run(EmptyRow::Uniform);
    assert_eq!(y, Tensor::from([[0.5, 0.5], [1.0, 0.0]]));
    assert_eq!(gx, Tensor::zeros([2, 2]));
    let (y, gx) = run(EmptyRow::NaN);
    for row in [y, gx] {
        assert!(row.data()[..2].iter().all(|x| x.is_nan()));
        assert!(row.data()[2..].iter().all(|x| !x.is_nan()));
    }
    let error = x
        .try_masked_softmax_or(1, &mask, EmptyRow::Error)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "masked_softmax: the mask keeps nothing of row 0 (shape [2, 2], axis 1); choose another EmptyRow to allow that"
    );
    assert!(
        x.try_masked_softmax_or(0, &Tensor::from([true, true]), EmptyRow::Error)
            .is_ok()
    );
    let error = x
        .try_masked_softmax(1, &Tensor::full([3, 2, 2], true))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "masked_softmax: the mask of shape [3, 2, 2] is larger than x of shape [2, 2]"
    );
    // A plain tensor has the same choice.
    let plain = x.value().masked_softmax_or(1, &mask, EmptyRow::Uniform);
    assert_eq!(plain, Tensor::from([[0.5, 0.5], [1.0, 0.0]]));
    assert!(x.value().try_masked_softmax(2, &mask).is_err());
    assert_eq!(
        x.value().try_masked_softmax(1, &mask),
        Ok(x.value().masked_softmax(1, &mask))
    );
}

#[test]
fn a_temperature_is_refused_unless_positive_and_finite() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let text = |t: f64| x.try_softmax_scaled(0, t).unwrap_err().to_string();
    assert_eq!(
        text(0.0),
        "softmax_scaled: the temperature is 0; it must be positive and finite"
    );
    assert_eq!(
        text(-1.5),
        "softmax_scaled: the temperature is -1.5; it must be positive and finite"
    );
    assert_eq!(
        text(f64::INFINITY),
        "softmax_scaled: the temperature is inf; it must be positive and finite"
    );
    let error = x
        .try_softmax_scaled(0, Tensor::from([1.0, 2.0]))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "softmax_scaled: the temperature has shape [2]; it must be one number"
    );
    // NaN is not a bad argument but a number that went wrong, so it is passed on.
    let y = x.softmax_scaled(0, f64::NAN);
    assert!(y.value().iter().all(|y| y.is_nan()));
    assert!(y.vjp(Tensor::ones([2])).wrt(x).iter().all(|gx| gx.is_nan()));
    assert_eq!(x.softmax_scaled(0, 1.0).value(), x.softmax(0).value());
}

#[test]
fn the_jacobian_is_what_the_rule_applies() {
    let x: Tensor<f64> = Random::new(10).normal([2, 3, 2], 0.0, 2.0);
    let v: Tensor<f64> = Random::new(11).normal([2, 3, 2], 0.0, 1.0);
    let jacobian = SoftmaxJacobian::new(&x, 1);
    let matrix = jacobian.matrix();
    assert_eq!(matrix.shape(), [2, 2, 3, 3]);
    assert_eq!(matrix, x.softmax_jacobian(-2));
    let product = jacobian.apply(&v);
    for (o, i) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for a in 0..3 {
            let dot: f64 = (0..3).map(|b| matrix[[o, i, a, b]] * v[[o, b, i]]).sum();
            assert!((dot - product[[o, a, i]]).abs() < 1e-15);
            for b in 0..3 {
                assert_eq!(matrix[[o, i, a, b]], matrix[[o, i, b, a]]);
            }
        }
    }
    assert_eq!(bits(&jacobian.apply_transposed(&v)), bits(&product));
    let tape = Tape::new();
    let leaf = tape.var(x);
    assert_eq!(bits(&leaf.softmax(1).vjp(v).wrt(leaf)), bits(&product));
    assert!(jacobian.try_apply_transposed(&Tensor::zeros([2])).is_err());
    let error = jacobian.try_apply(&Tensor::zeros([2])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "softmax_jacobian: the vector has shape [2] but [2, 3, 2] is needed"
    );
}

#[test]
fn replay_with_an_unusable_temperature_is_nan_and_no_panic() {
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let t = tape.var(Tensor::scalar(1.0));
    let (t, y) = (t.id().unwrap(), x.softmax_scaled(0, t).id().unwrap());
    tape.replay([(t, Tensor::scalar(0.0))]).unwrap();
    assert!(tape.handle(y).value().iter().all(|y| y.is_nan()));
}

#[test]
fn a_row_of_a_million_sums_to_one() {
    // Most terms are far below half an ulp of the sum; what each of them loses must not add up.
    let x: Tensor<f32> = Random::new(1).uniform([1_000_000], -8.0, 8.0);
    let total: f64 = x.softmax(0).iter().map(|&y| f64::from(y)).sum();
    // The sum is kept in f32: half an ulp of it is 6e-8.
    assert!((total - 1.0).abs() < 6e-8, "{total}");
}
