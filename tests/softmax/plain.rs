//! Losses of plain tensors, beside those of handles.

use wengert::{LossOptions, Tape, Tensor};

#[test]
fn plain_tensors_are_judged_as_handles_are() {
    let x = Tensor::from([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5], [0.25, 0.75, 1.0]]);
    let targets = x.softmax(1);
    let labels = [2, 255, 1];
    let smooth = LossOptions::new().weights([1.0, 2.0, 0.5]);
    let options = smooth.clone().ignore_index(255);
    let tape = Tape::new();
    let v = tape.var(x.clone());
    let (z, logs) = (v.log_softmax(1), x.log_softmax(1));
    let (hard, soft) = (&options, &smooth);
    let pairs = [
        (
            x.cross_entropy_with(1, labels, hard),
            v.cross_entropy_with(1, labels, hard),
        ),
        (
            x.cross_entropy_soft_with(1, &targets, soft),
            v.cross_entropy_soft_with(1, &targets, soft),
        ),
        (
            logs.nll_loss_with(1, labels, hard),
            z.nll_loss_with(1, labels, hard),
        ),
    ];
    for (plain, handle) in pairs {
        assert_eq!(plain, handle.value());
    }
    let pairs = [
        (
            x.cross_entropy_rows(1, labels, hard),
            v.cross_entropy_rows(1, labels, hard),
        ),
        (
            x.cross_entropy_soft_rows(1, &targets, soft),
            v.cross_entropy_soft_rows(1, &targets, soft),
        ),
        (
            logs.nll_loss_rows(1, labels, hard),
            z.nll_loss_rows(1, labels, hard),
        ),
    ];
    for (plain, handle) in pairs {
        assert_eq!(plain, handle.value());
    }
    let refused = x.try_cross_entropy_with(1, labels, soft).unwrap_err();
    let same = v.try_cross_entropy_with(1, labels, soft).unwrap_err();
    assert_eq!(refused.to_string(), same.to_string());
}
