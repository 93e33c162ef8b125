//! The ledger as JSON.

use serde_json::{json, to_value};
use wengert::{Tape, Tensor};

#[test]
fn a_ledger_serializes_with_the_names_of_its_fields() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0]]));
    let _ = x.softmax(1).vjp(Tensor::ones([1, 2]));
    let json = to_value(tape.ledger()).unwrap();
    let softmax = json!({
        "op": "softmax",
        "nodes": 1,
        "values": 16,
        "residuals": 4,
        "keeps": {"inputs": false, "output": true, "residual": true},
        "why": "gx_i = y_i ((g_i - c) - Σ_j (g_j - c) y_j), c = g at the maximum, whose place is kept",
        "unread": 0,
        "saved": {"nodes": 4, "bytes": 52},
    });
    assert_eq!(json["rows"][1], softmax);
    assert_eq!(json["bytes"], 36);
    assert_eq!(json["walk"]["pullbacks"], 1);
}
