//! Slopes of 0 that meet an infinite cotangent or tangent: a gate that is closed stops it, a smooth function multiplies
//! and gives NaN, and both do so alike on scalar handles, folded or watched, in tensors, in walks either way and on
//! dual numbers.

use num_traits::Float;
use wengert::transform::sparse;
use wengert::{Dual, Duals, Tape, Tensor, Var};

/// What became of an infinite slope before or after a function.
struct Seen {
    of: &'static str,
    /// Derivatives by reverse walks, and by forward walks.
    back: Vec<(&'static str, f64)>,
    forth: Vec<(&'static str, f64)>,
    /// Second derivatives, by reverse walks on dual numbers.
    second: Vec<f64>,
}

impl Seen {
    /// All derivatives must be 0.
    fn is_nothing(&self) {
        self.is(0.0, 0.0);
        let nothing = self.second.iter().all(|&g| g == 0.0);
        assert!(nothing, "{}: {:?}", self.of, self.second);
    }

    /// Both derivatives must be these, whichever way they were found; any NaN equals another.
    fn is(&self, back: f64, forth: f64) {
        for (all, expected) in [(&self.back, back), (&self.forth, forth)] {
            for &(way, found) in all {
                let same = found == expected || found.is_nan() && expected.is_nan();
                assert!(same, "{}, {way}: {found}, not {expected}", self.of);
            }
        }
    }
}

/// The derivatives at a number of one function after another, as handles of every kind give them.
macro_rules! seen {
    ($at:expr, |$x:ident| $inner:expr, |$y:ident| $outer:expr) => {{
        let (mut back, mut forth, mut second) = (Vec::new(), Vec::new(), Vec::new());
        {
            let tape = Tape::new();
            let $x = tape.var($at);
            let $y = $inner;
            let folded = $outer;
            let $y = $y.watch();
            let watched = $outer;
            let $y = $y.tensor();
            let packed = ($outer).sum();
            let tangents = tape.forward().along($x, 1.0).walk();
            for (way, z) in [("folded", folded), ("watched", watched), ("packed", packed)] {
                back.push((way, z.backward().wrt($x)));
                forth.push((way, tangents.of(z)));
            }
        }
        {
            let tape = Tape::new();
            let $x = tape.var(Tensor::from([$at]));
            let $y = $inner;
            let z = ($outer).sum();
            back.push(("tensor", z.backward().wrt($x)[[0]]));
            let tangents = tape.forward().along($x, Tensor::from([1.0])).walk();
            forth.push(("tensor", tangents.of(z)));
        }
        {
            let tape = Tape::<Dual<f64>>::default();
            let $x = tape.var(Dual::new($at, 1.0));
            let $y = $inner;
            let folded = $outer;
            let $y = $y.watch();
            let watched = $outer;
            for (way, z) in [("dual, folded", folded), ("dual, watched", watched)] {
                let g = z.backward().wrt($x);
                back.push((way, g.primal));
                second.push(g.tangent);
                forth.push((way, z.value().tangent));
            }
        }
        {
            let tape = Tape::<Dual<f64>>::default();
            let $x = tape.var(Tensor::from([Dual::new($at, 1.0)]));
            let $y = $inner;
            let z = ($outer).sum();
            let g = z.backward().wrt($x)[[0]];
            back.push(("dual tensor", g.primal));
            second.push(g.tangent);
        }
        let of = stringify!($inner, $outer);
        Seen {
            of,
            back,
            forth,
            second,
        }
    }};
}

#[test]
fn a_closed_gate_stops_an_infinite_cotangent_or_tangent_however_it_is_recorded() {
    seen!(-1.0, |x| x.relu(), |y| y.sqrt()).is_nothing();
    seen!(0.0, |x| x.relu(), |y| y.sqrt()).is_nothing();
    seen!(-1.0, |x| x.relu(), |y| y.ln()).is_nothing();
    seen!(-1.0, |x| x.leaky_relu(0.0), |y| y.cbrt()).is_nothing();
    seen!(-1.0, |x| x.clamp(0.0, 9.0), |y| y.sqrt()).is_nothing();
    seen!(2.0, |x| x.clamp(-9.0, 0.0), |y| y.recip()).is_nothing();
    seen!(-1.0, |x| x.maximum(0.0), |y| y.sqrt()).is_nothing();
    seen!(2.0, |x| x.minimum(0.0), |y| y.sqrt()).is_nothing();
    seen!(0.5, |x| x.floor(), |y| y.sqrt()).is_nothing();
    seen!(2.0, |x| x.sign(), |y| y.asin()).is_nothing();
    seen!(-1.0, |x| x.relu() * 3.0, |y| y.sqrt()).is_nothing();
    seen!(-1.0, |x| -x.relu() + x.relu(), |y| y.sqrt()).is_nothing();
    // The pole comes first.
    seen!(0.0, |x| x.sqrt() - 1.0, |y| y.relu()).is_nothing();
    seen!(0.0, |x| x.sqrt() + 0.5, |y| y.floor()).is_nothing();
    seen!(0.0, |x| x.cbrt(), |y| y.maximum(1.0)).is_nothing();
}

#[test]
fn a_smooth_function_multiplies_though_its_slope_is_0() {
    // A tangent of 0 contributes nothing, as a cotangent of 0 does: each walk shows the slope of 0 that it meets last.
    let nan = f64::NAN;
    seen!(0.0, |x| x.square(), |y| y.sqrt()).is(nan, 0.0);
    seen!(0.0, |x| x.powi(3), |y| y.cbrt()).is(nan, 0.0);
    seen!(0.0, |x| x * x, |y| y.sqrt()).is(nan, 0.0);
    seen!(0.0, |x| x.cos() - 1.0, |y| y.cbrt()).is(nan, 0.0);
    seen!(3.0, |x| x * 0.0, |y| y.sqrt()).is(nan, 0.0);
    seen!(3.0, |x| x - x, |y| y.sqrt()).is(nan, 0.0);
    seen!(3.0, |x| x * 0.0, |y| y.ln()).is(nan, 0.0);
    seen!(3.0, |x| x.powi(0) - 1.0, |y| y.sqrt()).is(nan, 0.0);
    seen!(3.0, |x| x.powf(0.0) - 1.0, |y| y.sqrt()).is(nan, 0.0);
    // Not constant on either side of 0.
    seen!(0.0, |x| x.abs(), |y| y.sqrt()).is(nan, 0.0);
}

#[test]
fn a_cotangent_of_0_stops_before_an_infinite_slope_and_a_tangent_does_not() {
    let tape = Tape::new();
    let x = tape.var(0.0);
    let y = x.sqrt().square();
    assert_eq!(y.backward().wrt(x), 0.0);
    assert!(tape.forward().along(x, 1.0).walk().of(y).is_nan());
    let y = x.square().sqrt() * 0.0 + x;
    assert_eq!(y.backward().wrt(x), 1.0);
}

#[test]
fn the_losing_operand_of_two_gets_nothing_and_the_other_everything() {
    type Choose = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;
    let choices: [(f64, Choose); 4] = [
        (-1.0, |x, w| x.maximum(w)),
        (-1.0, |x, w| w.maximum(x)),
        (1.0, |x, w| x.minimum(w)),
        (1.0, |x, w| w.minimum(x)),
    ];
    for (at, choose) in choices {
        for folds in [true, false] {
            let tape = Tape::new().with_lines();
            let (x, w) = (tape.var(at), tape.var(0.0));
            let chosen = if folds {
                choose(x * 2.0, w * 3.0)
            } else {
                choose(x, w)
            };
            let y = chosen.sqrt();
            let grads = y.backward();
            assert_eq!((grads.wrt(x), grads.wrt(w)), (0.0, f64::INFINITY));
            assert_eq!(grads.wrt(chosen), f64::INFINITY);
            let tangents = tape.forward().along(x, 1.0).along(w, 0.0).walk();
            assert_eq!((tangents.of(chosen), tangents.of(y)), (0.0, 0.0));
            assert!(y.diagnose().nan_cotangent.is_none());
        }
        // Both of one node.
        let tape = Tape::new();
        let x = tape.var(at);
        assert_eq!(choose(x, x * 0.5).backward().wrt(x), 0.5);
    }
    // As do the elements of a tensor.
    let tape = Tape::new();
    let x = tape.var(Tensor::from([0.0, 4.0]));
    let y = x.sqrt().max();
    let tangents = tape.forward().along(x, Tensor::from([1.0, 0.0])).walk();
    assert_eq!(tangents.of(y), 0.0);
    assert_eq!(
        (-(x.sqrt())).min().backward().wrt(x),
        Tensor::from([0.0, -0.25])
    );
    // Where neither wins, the halves multiply.
    let tape = Tape::new();
    let (x, w) = (tape.var(0.0), tape.var(0.0));
    assert_eq!(x.maximum(w).sqrt().backward().wrt(x), f64::INFINITY);
}

#[test]
fn numbers_rounded_by_the_trait_are_closed_gates() {
    fn steps<F: Float>(x: F) -> [F; 3] {
        let zero = F::zero();
        [x.trunc().sqrt(), x.floor().ln(), (-x).max(zero).sqrt()]
    }
    let tape = Tape::new();
    let x = tape.var(0.25);
    for y in steps(x) {
        assert_eq!(y.backward().wrt(x), 0.0);
    }
    for y in steps(Dual::new(0.25, 1.0)) {
        assert_eq!(y.tangent, 0.0);
    }
    let far = Dual::new(-1.0, f64::INFINITY);
    assert_eq!(far.max(Dual::constant(0.0)).tangent, 0.0);
    assert_eq!(far.floor().tangent, 0.0);
    assert!(Float::powi(far + 1.0, 2).tangent.is_nan());
}

#[test]
fn a_closed_gate_is_a_node_that_a_recording_remembers() {
    let tape = Tape::new();
    let (x, w) = (tape.var(-1.0), tape.var(2.0));
    let before = tape.scalar_nodes();
    let (open, closed) = (w.relu(), x.relu());
    assert_eq!(tape.scalar_nodes() - before, 1);
    // What may be asked of a handle does not depend on the side of the gate.
    for y in [open, closed] {
        assert!(y.backward().try_wrt(y).is_err());
        assert!(y.id().is_err() && y.watch().id().is_err());
    }
    let y = closed.watch();
    assert_eq!((y * w).backward().wrt(y), 2.0);
    // A tangent after the walk, too.
    let tangents = tape.forward().along(x, 1.0).along(w, 1.0).walk();
    assert_eq!(
        (tangents.of(x.relu()), tangents.of(w.relu() * 3.0)),
        (0.0, 3.0)
    );
    assert_eq!(tangents.of((x.relu() + 1.0) * 2.0), 0.0);
}

#[test]
fn a_pattern_is_the_same_whichever_gates_are_closed() {
    fn f<'t>(x: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
        vec![
            x[0].relu() * x[1],
            x[0].maximum(x[2]) - x[1].relu(),
            x[2].clamp(0.0, 1.0),
        ]
    }
    let plan = |x: [f64; 3]| sparse::Jacobian::of(f, &x).pattern().clone();
    let open = plan([3.0, 2.0, 0.5]);
    assert_eq!(open.len(), 6);
    for x in [[-1.0, 2.0, 0.5], [-1.0, -2.0, -0.5], [3.0, -1.0, 7.0]] {
        assert_eq!(plan(x), open);
    }
}

#[test]
fn a_slope_that_is_0_with_a_tangent_is_not_still() {
    let tape = Tape::<Dual<f64>>::default();
    let x = tape.var(Dual::new(0.0, 1.0));
    let y = x.square().leaky_relu(Dual::new(0.0, 1.0));
    assert_eq!(y.backward().wrt(x).tangent, 0.0);
    let y = x.leaky_relu(Dual::new(0.0, 5.0)) * 2.0;
    assert_eq!(y.backward().wrt(x), Dual::new(0.0, 10.0));
    assert_eq!(x.square().backward().wrt(x).tangent, 2.0);
}

#[test]
fn a_tangent_of_0_stays_0_beside_an_infinite_quotient() {
    let (one, zero) = (Dual::constant(1.0), Dual::constant(0.0));
    assert_eq!((one / zero).tangent, 0.0);
    assert!((zero / zero).tangent.is_nan());
    let several = Duals::<f64, 2>::constant(1.0) / Duals::new(0.0, [0.0, 1.0]);
    assert_eq!(several.tangents, [0.0, f64::NEG_INFINITY]);
    let tape = Tape::<Dual<f64>>::default();
    let x = tape.var(Dual::constant(0.0));
    let g = (-(1.0 / (x * x))).exp().backward().wrt(x);
    assert_eq!((g.primal, g.tangent), (0.0, 0.0));
}
