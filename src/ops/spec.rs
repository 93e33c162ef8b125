//! `Spec`: the description of an op that its checks, its row in the table of ops and its benchmarks use.
//!
//! One line in the registry and one `Spec` suffice for all of them. The checks themselves are in the crate's tests.

use std::fmt::Debug;

use crate::kernel::Elem;
use crate::tensor::{Random, Shape, Tensor};
use crate::var::Var;

/// An op as the registry knows it.
///
/// This is how the crate tests its own ops: [`visit`](super::visit) passes each to a [`Visitor`], which may
/// sample operands, run either form and compare them, or list names and formulas. The registry is fixed, so an
/// op of your own needs no `Spec`: [`check`](crate::check) judges it as a closure. If you have many, a `Spec`
/// for each lets one generic function check them all.
pub trait Spec: 'static {
    /// The op's name. Errors give it as well; those of `solve_triangular` name its methods, `solve_lower` and
    /// `solve_upper`.
    const NAME: &'static str;

    /// The value, in plain text.
    const FORMULA: &'static str;

    /// The VJP rule, in plain text.
    const GRADIENT: &'static str;

    /// Special values for elementwise ops: their results on scalars and tensors must agree.
    const EDGES: &'static [f64] = &[];

    /// What the op takes besides tensors, such as an axis.
    type Attributes: Clone + Debug;

    /// Operands and attributes, drawn so that the op is differentiable there.
    fn sample(draw: &mut Draw) -> Sample<Self::Attributes>;

    /// The op with its hand-written rule.
    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Self::Attributes) -> Var<'t, Tensor<T>>;

    /// The same function composed from other ops; `None` if the op is primitive.
    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        with: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        let _ = (x, with);
        None
    }

    /// The same function on scalar handles; `None` if it has no scalar form.
    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], with: &Self::Attributes) -> Option<Var<'t, T>> {
        let _ = (x, with);
        None
    }
}

/// What one check of an op runs on.
#[derive(Clone, Debug)]
pub struct Sample<A> {
    /// The operands; every number is exact in `f32`.
    pub inputs: Vec<Tensor<f64>>,
    /// The attributes.
    pub with: A,
}

impl<A> Sample<A> {
    /// Operands and attributes.
    pub fn new(inputs: Vec<Tensor<f64>>, with: A) -> Self {
        Self { inputs, with }
    }
}

/// An action to perform on every op of the registry, whatever its type.
pub trait Visitor {
    /// Visits one op.
    fn op<S: Spec>(&mut self);
}

/// A source of shapes, axes and values for [`Spec::sample`].
///
/// Shapes range from no axes to four, with sizes of 0 and 1 among them.
#[derive(Clone, Debug)]
pub struct Draw {
    random: Random,
}

impl Draw {
    /// A source of draws with this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
        }
    }

    /// A whole number in `0..n`.
    ///
    /// # Panics
    /// If `n` is 0.
    #[track_caller]
    pub fn below(&mut self, n: usize) -> usize {
        self.random.below(n)
    }

    /// One of the given values.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn pick<A: Clone>(&mut self, from: &[A]) -> A {
        assert!(!from.is_empty(), "pick: there is nothing to pick from");
        from[self.below(from.len())].clone()
    }

    /// A shape with at least `rank` axes and at most four.
    ///
    /// # Panics
    /// If `rank` is more than 4.
    #[track_caller]
    pub fn shape(&mut self, rank: usize) -> Shape {
        assert!(
            rank <= 4,
            "shape: a shape of at least {rank} axes is not drawn; ask for at most 4"
        );
        let rank = rank + self.below(5 - rank);
        // Most sizes are ordinary; one in fifteen is 0.
        (0..rank)
            .map(|_| self.pick(&[1, 2, 2, 3, 3, 3, 4, 4, 5, 1, 2, 3, 4, 6, 0]))
            .collect()
    }

    /// A shape as from [`shape`](Self::shape), without an axis of size 0.
    ///
    /// # Panics
    /// If `rank` is more than 4.
    #[track_caller]
    pub fn filled_shape(&mut self, rank: usize) -> Shape {
        self.shape(rank).iter().map(|&n| n.max(1)).collect()
    }

    /// An axis of a shape, counted from either end.
    ///
    /// # Panics
    /// If the shape has no axes.
    #[track_caller]
    pub fn axis(&mut self, shape: &Shape) -> isize {
        let rank = shape.rank();
        assert!(rank > 0, "axis: shape {shape} has no axes to draw from");
        self.below(2 * rank) as isize - rank as isize
    }

    /// Some of the axes of a shape, none twice; possibly none or all.
    pub fn axes(&mut self, shape: &Shape) -> Vec<isize> {
        (0..shape.rank() as isize)
            .filter(|_| self.below(2) == 0)
            .collect()
    }

    /// A shape that broadcasts to `shape`: leading axes dropped, some sizes replaced by 1.
    pub fn narrower(&mut self, shape: &Shape) -> Shape {
        let skip = if self.below(2) == 0 {
            0
        } else {
            self.below(shape.rank() + 1)
        };
        shape[skip..]
            .iter()
            .map(|&n| if self.below(3) == 0 { 1 } else { n })
            .collect()
    }

    /// Values uniformly distributed over `[low, high)`, each exact in `f32`.
    pub fn values(&mut self, shape: impl Into<Shape>, low: f64, high: f64) -> Tensor<f64> {
        let values: Tensor<f32> = self.random.uniform(shape, low, high);
        values.map(f64::from)
    }

    /// Values of magnitude `low` to `high` and either sign, each exact in `f32`.
    pub fn signed(&mut self, shape: impl Into<Shape>, low: f64, high: f64) -> Tensor<f64> {
        let sizes = self.values(shape, low, high);
        sizes.map(|x| if self.below(2) == 0 { x } else { -x })
    }

    /// Values over `[low, high)` in random order, no two of them close, each exact in `f32`.
    pub fn distinct(&mut self, shape: impl Into<Shape>, low: f64, high: f64) -> Tensor<f64> {
        let places = self.values(shape, 0.25, 0.75);
        let step = (high - low) / places.len().max(1) as f64;
        let mut order = self.random.permutation(places.len()).into_iter();
        places.map(|x| {
            let turn = order.next().expect("there are as many turns as places");
            f64::from((low + (turn as f64 + x) * step) as f32)
        })
    }

    /// One operand of any shape.
    pub fn one(&mut self, low: f64, high: f64) -> Vec<Tensor<f64>> {
        let shape = self.shape(0);
        vec![self.values(shape, low, high)]
    }

    /// Two operands that broadcast, either of which may be the narrower one.
    pub fn pair(&mut self, low: f64, high: f64) -> Vec<Tensor<f64>> {
        let wide = self.shape(0);
        let narrow = self.narrower(&wide);
        let mut pair = vec![self.values(wide, low, high), self.values(narrow, low, high)];
        if self.below(2) == 0 {
            pair.swap(0, 1);
        }
        pair
    }
}
