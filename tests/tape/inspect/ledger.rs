//! The ledger: exact bytes, what pullbacks read, what fused rules saved, what a walk cost.

use wengert::inspect::Row;
use wengert::{NodeKind, Random, Tape, Tensor};

#[test]
fn a_small_graph_is_counted_to_the_byte() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let w = tape.var(Tensor::from([[1.0], [0.5], [0.25]]));
    let b = tape.var(0.5);
    let y = (x.matmul(w) + b).exp().reshape([2]);
    let grads = (y.sum() * b).backward();
    let ledger = tape.ledger();
    let of = |op: &str| {
        let row = ledger.row(op).unwrap_or_else(|| panic!("{op}"));
        (row.nodes, row.values, row.residuals, row.unread)
    };
    assert_eq!(of("leaf"), (2, 72, 0, 0)); // x and w, both read by matmul
    assert_eq!(of("matmul"), (1, 16, 0, 16)); // an addition reads nothing
    assert_eq!(of("pack"), (1, 8, 0, 8)); // b as a tensor
    assert_eq!(of("add"), (1, 16, 0, 0)); // exp reads it where its own output has left the range
    assert_eq!(of("exp"), (1, 16, 0, 0));
    assert_eq!(of("reshape"), (1, 16, 0, 0)); // the buffer of exp
    assert_eq!(of("sum"), (1, 8, 0, 8));
    assert!(ledger.row("softmax").is_none());
    // b and its product with the sum: 24 bytes each; the sum as a scalar: nothing; one scalar gathered: 4.
    assert_eq!((ledger.scalar_nodes, ledger.scalar_bytes), (3, 2 * 24 + 4));
    let total: usize = ledger
        .rows
        .iter()
        .map(|row| row.values + row.residuals)
        .sum();
    assert_eq!(total + ledger.scalar_bytes, tape.bytes());
    assert_eq!(ledger.bytes, tape.bytes());
    assert_eq!(ledger.shared, 16, "reshape shares the buffer of exp");
    assert_eq!(
        ledger.rows.iter().map(|row| row.nodes).sum::<usize>(),
        tape.nodes().len()
    );
    drop(grads);
}

#[test]
fn the_peak_of_a_walk_is_that_of_a_count_by_hand() {
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0, 3.0, 4.0]));
    assert_eq!(tape.last_walk(), None);
    let loss = x.exp().square().sum();
    let grads = loss.backward();
    // The scalar's cotangent 8, sum's gx 32 (40 live); 8 back; square's gx 32 (64 live); 32 back;
    // exp's gx 32 (64 live); 32 back.
    let walk = tape.last_walk().unwrap();
    assert_eq!((walk.peak, walk.pullbacks), (64, 3));
    assert_eq!(walk.adjoints, 16); // nobody's and the sum's
    drop(grads);
    // A second walk counts anew, whatever the first has left in the pool.
    drop(loss.backward());
    assert_eq!(tape.last_walk().unwrap(), walk);
    // From a tensor: the seed 32, square's gx (64), the seed back, exp's gx (64).
    drop(x.exp().square().vjp(Tensor::ones([4])));
    assert_eq!(tape.last_walk().unwrap().peak, 64);
    // An addition passes its cotangent on without a copy, so three owners share the seed (32); then
    // square's gx 32; the sum of both shares of x needs a buffer of its own, since the seed is still
    // shared.
    drop((x.square() + x.square()).vjp(Tensor::ones([4])));
    assert_eq!(tape.last_walk().unwrap().peak, 96);
    // A narrower operand: its share is first computed at full size, in a scratch slot.
    let narrow = tape.var(Tensor::from([2.0]));
    drop((x * narrow).vjp(Tensor::ones([4])));
    assert_eq!(tape.last_walk().unwrap().peak, 32 + 32 + 32 + 8);
    tape.reset();
    assert_eq!(tape.last_walk(), None);
}

#[test]
fn a_walk_inside_a_hook_does_not_disturb_the_count() {
    let build = |inner: bool| {
        let tape = Tape::new();
        let x = tape.var(Tensor::from([1.0, 2.0, 3.0, 4.0]));
        let y = x.exp().inspect_cotangent(move |_| {
            let tape = Tape::new();
            let z = tape.var(Tensor::from([1.0; 100]));
            if inner {
                drop(z.exp().sum().backward());
            }
        });
        drop(y.square().sum().backward());
        tape.last_walk().unwrap().peak
    };
    assert_eq!(build(true), build(false));
}

#[test]
fn what_a_fused_rule_saved_is_what_the_composed_form_keeps() {
    use wengert::ops::softmax::composed;
    let logits: Tensor<f32> = Random::new(1).uniform([32, 10], -4.0, 4.0);
    let labels: Vec<usize> = (0..32).map(|k| k % 10).collect();
    let (fused, twin) = (Tape::<f32>::default(), Tape::<f32>::default());
    let _ = fused.var(logits.clone()).cross_entropy(1, &labels);
    let x = twin.var(logits);
    let _ = composed::cross_entropy(x, 1, &labels);
    let saved = fused.ledger().row("cross_entropy").unwrap().saved.unwrap();
    // The twin divides the sum by a constant where `composed` takes the mean: one node and 8 bytes.
    let (nodes, bytes) = (twin.tensor_nodes() + 1, twin.bytes() + 8);
    assert_eq!(
        saved.nodes,
        nodes as isize - fused.tensor_nodes() as isize - 1
    );
    assert_eq!(saved.bytes, bytes as isize - fused.bytes() as isize);
}

#[test]
fn a_ledger_prints_as_a_table() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let loss = (x * 2.0).cross_entropy(1, [0, 1]);
    drop(loss.backward());
    let expected = "\
op              nodes  value bytes   residual       unread  fused saved             pullback reads    why
leaf                1           48          0            0                          -
constant            1            8          0            0                          -
mul                 1           48          0            0                          x                 ga = g b, gb = g a, summed over broadcast axes
cross_entropy       1            8         72            8  9 nodes, 280 bytes      x, statistics     gx_j = g (p_j - (j = t ? 1 : 0)) / rows, p = softmax(x) by the statistics kept
scalar nodes        1            0
184 bytes kept; fused rules saved 9 nodes, 280 bytes
last walk: 2 pullbacks, at most 48 bytes of cotangents at once, 16 of scalar adjoints";
    assert_eq!(tape.ledger().to_string(), expected);
    assert_eq!(
        Tape::new().ledger().to_string().lines().last(),
        Some("no walk yet")
    );
    assert!(
        tape.ledger()
            .rows
            .iter()
            .filter(|row| row.is_op())
            .map(|row: &Row| row.op)
            .eq(["mul", "cross_entropy"])
    );
}

#[test]
fn nodes_may_be_read_one_by_one() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([3.0, 4.0]));
    let line = line!() + 1;
    let y = x.norm();
    let nodes = tape.nodes();
    assert_eq!(nodes.len(), 2);
    let node = nodes.get(1).unwrap();
    assert_eq!(
        (node.op(), node.kind(), node.index()),
        ("norm", NodeKind::Op, 1)
    );
    assert_eq!(node.value().item(), 5.0);
    assert_eq!((node.line().file(), node.line().line()), (file!(), line));
    assert_eq!(node.scalars(), Some(0..1));
    assert_eq!(
        node.inputs().map(|input| input.op()).collect::<Vec<_>>(),
        ["leaf"]
    );
    assert!(!nodes.is_empty() && y.value() == 5.0);
}
