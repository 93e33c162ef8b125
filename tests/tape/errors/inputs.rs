//! Bad input: exact texts, the user's line, and a tape that stays usable.

use crate::panics;
use wengert::ops::Draw;
use wengert::{Tape, Tensor, Var};

#[test]
fn shapes_that_do_not_broadcast_are_named_both() {
    let tape = Tape::new();
    let (a, b) = (
        tape.var(Tensor::<f64>::ones([2, 3])),
        tape.var(Tensor::ones([4])),
    );
    let text = "add: shapes [2, 3] and [4] do not broadcast; trailing sizes must be equal or 1";
    panics!(a + b, text);
    assert_eq!(a.try_add(b).unwrap_err().to_string(), text);
    panics!(
        Tensor::<f64>::ones([2]) * Tensor::ones([3]),
        "mul: shapes [2] and [3] do not broadcast; trailing sizes must be equal or 1"
    );
    // The tape stays usable.
    assert_eq!((a + 1.0).sum().backward().wrt(a), Tensor::ones([2, 3]));
}

#[test]
fn an_axis_out_of_range_names_the_range() {
    let tape = Tape::new();
    let x = tape.var(Tensor::<f64>::ones([2, 3]));
    let text = "sum: axis 2 is not an axis of [2, 3]; use -2 to 1";
    panics!(x.sum_axis(2), text);
    assert_eq!(x.try_sum_axis(2).unwrap_err().to_string(), text);
    panics!(x.sum_keep([0, -2]), "sum: axis -2 of [2, 3] is named twice");
    let scalar = tape.var(Tensor::scalar(1.0));
    panics!(
        scalar.sum_axis(0),
        "sum: axis 0 is not an axis of [], which has no axes"
    );
}

#[test]
fn data_of_the_wrong_length_is_returned_as_an_error() {
    let error = Tensor::new([2, 3], vec![1.0; 5]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Tensor::new: 5 elements do not fill shape [2, 3], which holds 6"
    );
    assert!(Tensor::<f64>::ones([4]).reshaped([2, 3]).is_err());
}

#[test]
fn a_handle_of_another_tape_is_refused() {
    let (one, two) = (Tape::new(), Tape::new());
    let text = |op| {
        format!(
            "{op}: the handle belongs to another tape; record both operands on one tape, or pass the other's value()"
        )
    };
    let (a, b) = (one.var(1.0), two.var(2.0));
    panics!(a * b, text("mul"));
    let (x, y) = (one.var(Tensor::from([1.0])), two.var(Tensor::from([2.0])));
    panics!(x - y, text("sub"));
    panics!(x * b, text("mul"));
    assert_eq!(x.try_sub(y).unwrap_err().to_string(), text("sub"));
    let grads = x.sum().backward();
    let text = |op| {
        format!(
            "{op}: the handle belongs to another tape; pass one of the tape that the walk went over"
        )
    };
    panics!(grads.wrt(y), text("wrt"));
    panics!(grads.wrt(b), text("wrt"));
    panics!(one.forward().along(y, Tensor::from([1.0])), text("along"));
    panics!(
        one.forward().along(x, Tensor::from([1.0])).walk().of(y),
        text("of")
    );
}

#[test]
fn a_cotangent_of_the_wrong_shape_is_refused() {
    let tape = Tape::new();
    let x = tape.var(Tensor::<f64>::ones([2, 3]));
    panics!(
        x.exp().vjp(Tensor::ones([3])),
        "vjp: the cotangent has shape [3] but [2, 3] is needed"
    );
}

#[test]
fn a_folded_handle_has_no_gradient_of_its_own() {
    let tape = Tape::new();
    let x = tape.var(1.0);
    let y = x.exp();
    let grads = (y * 2.0).backward();
    panics!(
        grads.wrt(y),
        "wrt: this scalar handle was folded into its operand and is not a node of its own; call watch() on it before you use it, and ask for what watch returns"
    );
}

#[test]
fn a_plain_number_has_nothing_to_walk() {
    let y = wengert::Var::<f64>::number(2.0).exp();
    panics!(
        y.backward(),
        "backward: the output is a plain number; it depends on no handle of a tape"
    );
}

#[test]
fn an_index_out_of_range_names_axis_and_shape() {
    let x = Tensor::<f64>::ones([2, 3]);
    panics!(
        x[[1, 3]],
        "index: index 3 is outside axis 1 of [2, 3], which has 3 entries"
    );
    panics!(
        x[[1]],
        "index: 1 indices for shape [2, 3]; give one for each axis"
    );
    panics!(
        x.item(),
        "item: needs exactly one element, got shape [2, 3]; reduce with sum() or pick one with at([..])"
    );
}

#[test]
fn a_draw_that_cannot_be_made_says_which() {
    let draw = || Draw::new(1);
    let text =
        |rank| format!("shape: a shape of at least {rank} axes is not drawn; ask for at most 4");
    panics!(draw().shape(5), text(5));
    panics!(draw().filled_shape(6), text(6));
    panics!(
        draw().pick::<u8>(&[]),
        "pick: there is nothing to pick from"
    );
    panics!(
        draw().axis(&[].into()),
        "axis: shape [] has no axes to draw from"
    );
}

#[test]
fn a_constant_has_no_gradient_instead_of_a_wrong_one() {
    let tape = Tape::new();
    let w = tape.var(Tensor::from([1.0, 2.0]));
    let c = tape.constant(Tensor::from([3.0, 4.0]));
    let (apart, number) = (w.detach(), Var::number(2.0));
    let grads = (c * w * apart.watch() * number).sum().backward();
    let text = |op| {
        format!(
            "{op}: this handle is a constant (a plain number, constant(), detach(), or an expression of these), through which no derivative flows; enter it with var()"
        )
    };
    panics!(grads.wrt(c), text("wrt"));
    panics!(grads.wrt(apart), text("wrt"));
    panics!(grads.get(c * 2.0), text("wrt"));
    assert_eq!(grads.try_get(c).unwrap_err().to_string(), text("wrt"));
    assert_eq!(grads.try_get(w), Ok(Some(Tensor::from([6.0, 16.0]))));
    panics!(grads.wrt(number), text("wrt"));
    panics!(tape.forward().along(number, 1.0), text("along"));
    assert_eq!(number.id().unwrap_err().to_string(), text("id"));
    assert_eq!(grads.wrt(w), Tensor::from([6.0, 16.0]));
}

#[test]
fn a_scalar_that_is_not_a_node_has_no_name() {
    let tape = Tape::new();
    let (x, y) = (tape.var(1.0), tape.var(2.0));
    let texts = [x.sin(), x * y].map(|x| x.id().unwrap_err().to_string());
    assert!(
        texts[0].starts_with("id: this scalar handle was folded"),
        "{}",
        texts[0]
    );
    assert!(
        texts[1].starts_with("id: scalar node 3 was computed from scalars"),
        "{}",
        texts[1]
    );
}

#[test]
fn a_name_from_before_a_reset_finds_nothing() {
    let mut tape = Tape::new();
    let id = tape.var(1.0).id().unwrap();
    assert_eq!(tape.try_handle(id).unwrap().value(), 1.0);
    tape.reset();
    let text = tape.try_handle(id).unwrap_err().to_string();
    assert!(text.starts_with("handle: "), "{text}");
    panics!(tape.handle(id), text);
}

#[test]
fn a_direction_is_of_leaves() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let (square, sum) = (x.square(), x.sum());
    let (line, ones) = (line!() - 1, Tensor::from([1.0, 1.0]));
    let text = format!(
        "along: the node recorded at {}:{line}:40 is not a leaf; name leaves only",
        file!()
    );
    panics!(tape.forward().along(sum, 1.0), text);
    assert!(tape.forward().try_along(square, ones).is_err());
}

/// A detached value is a constant, which a replay leaves as it was: 10 * 1 is no square.
#[test]
fn a_replay_refuses_values_that_were_detached() {
    let mut tape = Tape::new();
    let line = line!() + 2;
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let y = (x * x.detach()).sum_axis(..);
    let (x, y) = (x.id().unwrap(), y.id().unwrap());
    let new = [(x, Tensor::from([10.0, 20.0]))];
    let error = tape.replay(new.clone()).unwrap_err().to_string();
    let text = format!(
        "replay: a value that depends on a leaf was detached at {}:{line}:20 and would stay as it was; record anew, or enter it with constant() if it is to stay",
        file!()
    );
    assert_eq!(error, text);
    assert_eq!(tape.handle(y).value(), Tensor::scalar(5.0), "unchanged");

    // Scalars alike; what depends on no leaf may be detached, and a reset forgets it all.
    tape.reset();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let _ = tape.constant(Tensor::ones([2])).detach() * x;
    let id = x.id().unwrap();
    assert!(tape.replay([(id, Tensor::ones([2]))]).is_ok());
    let _ = tape.handle(id).sum().detach();
    assert!(tape.replay([(id, Tensor::ones([2]))]).is_err());
}

#[test]
fn recording_while_the_nodes_are_read_is_refused_in_clear_words() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let nodes = tape.nodes();
    let text = "record: the nodes of this tape are being read; drop what nodes() returned before you record";
    panics!(x * x, text);
    panics!(tape.var(Tensor::from([1.0])), text);
    let text =
        "watch: the nodes of this tape are being read; drop what nodes() returned before you watch";
    panics!(x.watch(), text);
    // Scalar nodes are another list.
    let (a, b) = (tape.var(2.0), tape.var(3.0));
    assert_eq!((a * b).watch().value(), 6.0);
    drop(nodes);
    assert_eq!((x * x).sum().backward().wrt(x), Tensor::from([2.0, 4.0]));
}

#[test]
fn bounds_that_leave_nothing_between_them_are_refused() {
    let tape = Tape::new();
    let text = "clamp: nothing lies between 2 and 1; the lower bound comes first";
    panics!(tape.var(Tensor::from([0.0, 5.0])).clamp(2.0, 1.0), text);
    panics!(tape.var(0.0).clamp(2.0, 1.0), text);
    let refused = tape.var(Tensor::from([0.0])).try_clamp(2.0, 1.0);
    assert_eq!(refused.unwrap_err().to_string(), text);
    let refused = Tensor::from([0.0]).try_clamp(2.0, 1.0);
    assert_eq!(refused.unwrap_err().to_string(), text);
    let clamped = Tensor::from([-1.0, 0.5, 3.0]).try_clamp(0.0, 1.0);
    assert_eq!(clamped.unwrap(), Tensor::from([0.0, 0.5, 1.0]));
    panics!(Tensor::from([0.0]).clamp(2.0, 1.0), text);
    panics!(
        tape.var(0.0).clamp(f64::NAN, 1.0),
        "clamp: nothing lies between NaN and 1; the lower bound comes first"
    );
}
