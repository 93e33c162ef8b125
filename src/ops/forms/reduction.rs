//! Reductions: the rule and all methods of an op, from its value and its pullback on rows.

use std::borrow::Cow;
use std::fmt::Debug;

use super::given::Given;
use super::over::Over;
use super::pull::passed;
use crate::error::Error;
use crate::kernel::{self, Elem, Rows};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Axes, Shape, Tensor};
use crate::var::Var;

/// A function that maps a row to one number.
pub(crate) trait Reduction<T: Elem>: Clone + Debug + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;

    /// What the pullback reads.
    const KEEPS: Keeps;

    /// Why it reads that: its formula.
    const WHY: &'static str;

    /// Whether a row without elements is refused.
    const NEEDS_ELEMENTS: bool = false;

    /// The same function on wider elements.
    type Wide: Reduction<T::Wide>;

    /// The same function on wider elements.
    fn wide(&self) -> Self::Wide;

    /// Writes one number for each row, and puts into `keep` what else the pullback needs.
    fn value(&self, rows: Rows, x: &[T], y: &mut [T], keep: &mut Residual<T>);

    /// Whether cotangents may leave the range on the way to one that does not.
    const OVERFLOWS: bool = false;

    /// Writes the cotangent of every element, given one cotangent for each row.
    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]);

    /// Whether [`pull_onto`](Self::pull_onto) may be called instead where `gx` holds earlier contributions.
    const ONTO: bool = false;

    /// Adds the cotangent of every element to `gx`, which saves a pass over it.
    fn pull_onto(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        let _ = (at, g, gx);
        unreachable!("asked where ONTO says so");
    }

    /// The same function along these axes, composed from other ops; `None` if it is primitive.
    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        let _ = (x, axes, keep);
        None
    }

    /// The value of a row of `n` elements, if it follows from their sum as [`kernel::sum_axis`] gives it.
    fn of_total(&self, _n: usize, _total: T) -> Option<T> {
        None
    }

    /// The cotangent of every element of a row of `n`, if it is the same for all.
    fn even(&self, _n: usize, _g: T) -> Option<T> {
        None
    }

    /// Whether the result is constant in an element wherever that slope is 0; see [`Unary::GATE`](super::Unary::GATE).
    const GATE: bool = false;

    /// Writes one tangent for each row; by default from the slopes, which are the pullback of ones.
    fn push(&self, at: &Given<'_, T>, t: &[T], ty: &mut [T]) {
        let mut terms = vec![T::zero(); t.len()];
        self.pull(at, &vec![T::one(); ty.len()], &mut terms);
        for (term, &t) in terms.iter_mut().zip(t) {
            *term = passed(Self::GATE, t, *term, || None);
        }
        kernel::sum_axis(at.rows, &terms, ty);
    }
}

/// The rule of a [`Reduction`] over some axes of a tensor.
#[derive(Clone, Debug)]
pub(crate) struct Reduce<R> {
    op: R,
    over: Over,
}

impl<R> Reduce<R> {
    /// `op` over all elements of a tensor of `rank` axes.
    pub(crate) fn all(op: R, rank: usize) -> Self {
        Self {
            op,
            over: Over::all(rank),
        }
    }

    /// `op` over some axes of a tensor of this shape.
    ///
    /// # Errors
    /// If one is not an axis of the shape or is named twice.
    pub(crate) fn along<T: Elem>(
        op: R,
        shape: &Shape,
        axes: impl Axes,
        keep: bool,
    ) -> Result<Self, Error>
    where
        R: Reduction<T>,
    {
        let over = Over::new(R::NAME, shape, axes, keep)?;
        Ok(Self { op, over })
    }

    /// Calls `f` with the point in the form of rows.
    fn given<T: Elem, A>(&self, at: &Point<'_, T>, f: impl FnOnce(&Given<'_, T>) -> A) -> A
    where
        R: Reduction<T>,
    {
        let (x, rows) = match R::KEEPS.inputs {
            true => self.over.rows(at.x[0]),
            false => (Cow::default(), self.over.geometry(at.x[0].shape())),
        };
        f(&Given {
            rows,
            x: &x,
            y: at.y.data(),
            kept: &at.kept.values,
            indices: &at.kept.indices,
        })
    }
}

impl<T: Elem, R: Reduction<T>> Rule<T> for Reduce<R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        let rows = self.over.geometry(x[0]);
        if R::NEEDS_ELEMENTS && rows.n == 0 && rows.count() > 0 {
            let axes = self.over.axes();
            return Err(Error::argument(
                R::NAME,
                format!(
                    "rows of 0 elements have none to choose (shape {}, axes {axes:?}); drop them first",
                    x[0]
                ),
            ));
        }
        Ok(self.over.shape(x[0]))
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let (elements, rows) = self.over.rows(x[0]);
        self.op.value(rows, &elements, y.fill(), keep);
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let onto = R::ONTO && gx[0].has_earlier() && self.over.is_in_order(at.x[0].rank());
        self.given(at, |given| {
            if onto {
                return self.op.pull_onto(given, g.data(), gx[0].accumulate());
            }
            self.over.write(at.x[0].shape(), gx[0].fill(), |gx, _| {
                self.op.pull(given, g.data(), gx);
            });
        });
        if R::OVERFLOWS {
            guard::cotangents(self, at, g, gx);
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => {
                let t = self.over.rows(t).0;
                self.given(at, |given| self.op.push(given, &t, ty.fill()));
            }
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(Reduce {
            op: self.op.wide(),
            over: self.over.clone(),
        }))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        let axes: Vec<isize> = self.over.axes().iter().map(|&axis| axis as isize).collect();
        // A row without elements has no maximum, with which some composed forms begin.
        let x = (!x[0].is_empty()).then_some(x)?;
        Twin::record_some(x, |x| self.op.composed(x[0], &axes, self.over.keeps()))
    }

    fn keeps(&self) -> Keeps {
        R::KEEPS
    }

    fn why(&self) -> &'static str {
        R::WHY
    }

    fn rowwise(&self, _: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        // A reduction along one of the leading axes mixes their rows.
        let within = self.over.axes().first().is_some_and(|&axis| axis >= axes);
        within.then_some(self)
    }

    fn even(&self, n: usize, g: T) -> Option<T> {
        self.op.even(n, g)
    }

    fn of_total(&self, n: usize, total: T) -> Option<T> {
        self.op.of_total(n, total)
    }
}

/// Writes the methods of a [`Reduction`] for tensor handles and plain tensors.
///
/// A reduction that refuses rows without elements also names a `try_` twin of the full form and, after
/// `or`, the condition under which its methods fail.
macro_rules! reduction {
    (
        $(#[$doc:meta])*
        pub fn $all:ident(self $(, $arg:ident: $type:ty)*) $(, fn $try_all:ident, or $none:literal)?;
        pub fn $axis:ident(self, axes $(, $arg_a:ident)*), fn $try_axis:ident;
        pub fn $keep:ident(self, axes $(, $arg_k:ident)*), fn $try_keep:ident;
        = $op:expr
    ) => {
        const _: () = {
            use $crate::error::{Error, OrPanic};
            use $crate::kernel::Elem;
            use $crate::ops::evaluate;
            use $crate::ops::forms::reduction::Reduce;
            use $crate::tensor::{Axes, Storage, Tensor};
            use $crate::var::Var;

            impl<'t, T: Elem> Var<'t, Tensor<T>> {
                $(#[$doc])*
                #[track_caller]
                pub fn $all(self $(, $arg: $type)*) -> Var<'t, T> {
                    self.record_scalar(Reduce::all($op, self.rank())).or_panic()
                }

                $(
                    #[doc = concat!("[`", stringify!($all), "`](Self::", stringify!($all), "), with bad input as an [`Error`](crate::Error).")]
                    ///
                    /// # Errors
                    #[doc = concat!("If ", $none, ".")]
                    #[track_caller]
                    pub fn $try_all(self) -> Result<Var<'t, T>, Error> {
                        self.record_scalar(Reduce::all($op, self.rank()))
                    }
                )?

                #[doc = concat!("[`", stringify!($all), "`](Self::", stringify!($all), ") along some axes, which disappear: `0`, `[0, -1]`, `..-1`, or `..` for all.")]
                ///
                /// # Panics
                #[doc = concat!("If one is not an axis of the tensor or is named twice" $(, ", or if ", $none)?, ".")]
                #[track_caller]
                pub fn $axis(self, axes: impl Axes $(, $arg: $type)*) -> Self {
                    self.$try_axis(axes $(, $arg)*).or_panic()
                }

                #[doc = concat!("[`", stringify!($axis), "`](Self::", stringify!($axis), "), with bad input as an [`Error`](crate::Error).")]
                ///
                /// # Errors
                #[doc = concat!("If one is not an axis of the tensor or is named twice" $(, ", or if ", $none)?, ".")]
                #[track_caller]
                pub fn $try_axis(self, axes: impl Axes $(, $arg: $type)*) -> Result<Self, Error> {
                    self.record(Reduce::along::<T>($op, &self.shape(), axes, false)?)
                }

                #[doc = concat!("[`", stringify!($all), "`](Self::", stringify!($all), ") along some axes, which stay as size 1, so that the result broadcasts against `self`.")]
                ///
                /// # Panics
                #[doc = concat!("If one is not an axis of the tensor or is named twice" $(, ", or if ", $none)?, ".")]
                #[track_caller]
                pub fn $keep(self, axes: impl Axes $(, $arg: $type)*) -> Self {
                    self.$try_keep(axes $(, $arg)*).or_panic()
                }

                #[doc = concat!("[`", stringify!($keep), "`](Self::", stringify!($keep), "), with bad input as an [`Error`](crate::Error).")]
                ///
                /// # Errors
                #[doc = concat!("If one is not an axis of the tensor or is named twice" $(, ", or if ", $none)?, ".")]
                #[track_caller]
                pub fn $try_keep(self, axes: impl Axes $(, $arg: $type)*) -> Result<Self, Error> {
                    self.record(Reduce::along::<T>($op, &self.shape(), axes, true)?)
                }
            }

            impl<T: Storage> Tensor<T> {
                #[doc = concat!("`", stringify!($all), "` of all elements of a plain tensor. Formula and special values are documented on the method of handles.")]
                $(
                    ///
                    /// # Panics
                    #[doc = concat!("If ", $none, ".")]
                )?
                #[must_use]
                #[track_caller]
                pub fn $all(&self $(, $arg: $type)*) -> T {
                    evaluate(&Reduce::all($op, self.rank()), [self]).or_panic().item()
                }

                $(
                    #[doc = concat!("[`", stringify!($all), "`](Self::", stringify!($all), "), with bad input as an [`Error`](crate::Error).")]
                    ///
                    /// # Errors
                    #[doc = concat!("If ", $none, ".")]
                    pub fn $try_all(&self) -> Result<T, Error> {
                        Ok(evaluate(&Reduce::all($op, self.rank()), [self])?.item())
                    }
                )?

                #[doc = concat!("[`", stringify!($all), "`](Self::", stringify!($all), ") along some axes, which disappear.")]
                ///
                /// # Panics
                #[doc = concat!("If one is not an axis of the tensor or is named twice" $(, ", or if ", $none)?, ".")]
                #[must_use]
                #[track_caller]
                pub fn $axis(&self, axes: impl Axes $(, $arg: $type)*) -> Self {
                    self.$try_axis(axes $(, $arg)*).or_panic()
                }

                #[doc = concat!("[`", stringify!($axis), "`](Self::", stringify!($axis), "), with bad input as an [`Error`](crate::Error).")]
                ///
                /// # Errors
                #[doc = concat!("If one is not an axis of the tensor or is named twice" $(, ", or if ", $none)?, ".")]
                pub fn $try_axis(&self, axes: impl Axes $(, $arg: $type)*) -> Result<Self, Error> {
                    evaluate(&Reduce::along::<T::Work>($op, self.shape(), axes, false)?, [self])
                }

                #[doc = concat!("[`", stringify!($all), "`](Self::", stringify!($all), ") along some axes, which stay as size 1.")]
                ///
                /// # Panics
                #[doc = concat!("If one is not an axis of the tensor or is named twice" $(, ", or if ", $none)?, ".")]
                #[must_use]
                #[track_caller]
                pub fn $keep(&self, axes: impl Axes $(, $arg: $type)*) -> Self {
                    self.$try_keep(axes $(, $arg)*).or_panic()
                }

                #[doc = concat!("[`", stringify!($keep), "`](Self::", stringify!($keep), "), with bad input as an [`Error`](crate::Error).")]
                ///
                /// # Errors
                #[doc = concat!("If one is not an axis of the tensor or is named twice" $(, ", or if ", $none)?, ".")]
                pub fn $try_keep(&self, axes: impl Axes $(, $arg: $type)*) -> Result<Self, Error> {
                    evaluate(&Reduce::along::<T::Work>($op, self.shape(), axes, true)?, [self])
                }
            }
        };
    };
}

pub(crate) use reduction;
