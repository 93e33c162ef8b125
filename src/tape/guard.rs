//! `guard`: what a rule gives is computed again on wider numbers where it is not finite.
//!
//! On real numbers, an op's own forms keep its results within the range. They compare numbers to do so, and of a
//! number with tangents a comparison sees the primal alone: the tangent of a slope may leave the range where the slope
//! is far from its ends. So the rule is run once more on the type that judges it, whose exponents do not end, and the
//! result is rounded. That is slow, hence done for the rows in question only, and only if what went into them is
//! finite. Results that are finite stay as they are.
//!
//! All results on numbers with tangents are looked at, and all pushforwards. On real numbers, where looking is a pass
//! over memory, rules ask for it; most of them have few results or take long.

use std::ops::Range;

use smallvec::SmallVec;

use super::content::Content;
use super::pool::{Pool, unique};
use super::rule::{Point, Residual, Rule, Slot};
use super::run::{is_cut, is_whole};
use crate::error::Error;
use crate::kernel::{Elem, Span, are_finite};
use crate::tensor::{Shape, Tensor};

/// The most numbers that go into a row which is computed again and come out of it.
const LONGEST: usize = 1 << 22;

/// The most operations that they take: a few seconds. An op that diverges is to go on, not to stand still.
const MOST: usize = 1 << 25;

/// Whether results are looked at without being asked; for real numbers, the compiler leaves this out.
const fn looks<T: Elem>() -> bool {
    T::PARTS > 1 && !T::REFERENCE
}

/// [`Rule::forward_to_pull`] if `pulled`, and otherwise [`Rule::forward`].
#[inline(always)]
pub(crate) fn forward<T: Elem>(
    rule: &dyn Rule<T>,
    x: &[&Tensor<T>],
    y: &mut Slot<'_, T>,
    keep: &mut Residual<T>,
    pulled: bool,
) {
    match pulled {
        true => rule.forward_to_pull(x, y, keep),
        false => rule.forward(x, y, keep),
    }
    if looks::<T>() {
        output(rule, x, y);
    }
}

/// [`Rule::vjp`].
#[inline(always)]
pub(crate) fn vjp<T: Elem>(
    rule: &dyn Rule<T>,
    at: &Point<'_, T>,
    g: &Tensor<T>,
    gx: &mut [Slot<'_, T>],
) {
    rule.vjp(at, g, gx);
    if looks::<T>() {
        cotangents(rule, at, g, gx);
    }
}

/// [`Rule::jvp`]. It is not what has to be fast, so the tangents of real numbers are looked at as well.
///
/// # Errors
/// Those of the rule.
pub(crate) fn jvp<T: Elem>(
    rule: &dyn Rule<T>,
    at: &Point<'_, T>,
    t: &[Option<&Tensor<T>>],
    ty: &mut Slot<'_, T>,
) -> Result<(), Error> {
    rule.jvp(at, t, ty)?;
    if !T::REFERENCE && is_lost(ty) {
        let shape = ty.shape().clone();
        if let Some(again) = Again::new(rule, at.x, &shape, &[]) {
            again.tangent(t, ty);
        }
    }
    Ok(())
}

/// Computes an output again where it is not finite. Rules on real numbers call it if they lose results on the way.
pub(crate) fn output<T: Elem>(rule: &dyn Rule<T>, x: &[&Tensor<T>], y: &mut Slot<'_, T>) {
    if !T::REFERENCE && is_lost(y) {
        let shape = y.shape().clone();
        if let Some(again) = Again::new(rule, x, &shape, &[]) {
            again.output(y);
        }
    }
}

/// The same for cotangents.
pub(crate) fn cotangents<T: Elem>(
    rule: &dyn Rule<T>,
    at: &Point<'_, T>,
    g: &Tensor<T>,
    gx: &mut [Slot<'_, T>],
) {
    if !T::REFERENCE && gx.iter_mut().any(is_lost) {
        let wanted: SmallVec<[bool; 4]> = gx.iter().map(Slot::wanted).collect();
        if let Some(again) = Again::new(rule, at.x, g.shape(), &wanted) {
            again.cotangents(g, gx);
        }
    }
}

/// [`cotangents`] if those that are sums over broadcast axes are not finite; the others, as long as the output, are
/// not looked at.
pub(crate) fn sums<T: Elem>(
    rule: &dyn Rule<T>,
    at: &Point<'_, T>,
    g: &Tensor<T>,
    gx: &mut [Slot<'_, T>],
) {
    let mut sums = gx.iter_mut().filter(|gx| gx.shape().elements() < g.len());
    if !T::REFERENCE && sums.any(is_lost) {
        cotangents(rule, at, g, gx);
    }
}

/// Lets `add` add elements of `g` to the cotangent of the first operand. If so many numbers of that size may leave the
/// range, they are not added to what others have given, and the sums are looked at; so they are where that is less work
/// than to look at `g`.
pub(crate) fn added<T: Elem>(
    rule: &dyn Rule<T>,
    at: &Point<'_, T>,
    g: &Tensor<T>,
    gx: &mut [Slot<'_, T>],
    add: impl FnOnce(&mut [T]),
) {
    let few = gx[0].has_earlier() || g.len() < gx[0].shape().elements();
    let bound = T::max_value() / T::of(2.0 * g.len() as f64);
    // No early end within a block, so that the loop is vectorized.
    let small = |g: &[T]| g.iter().fold(true, |all, g| all & (g.abs() < bound));
    if !looks::<T>() && few && g.data().chunks(256).all(small) {
        return add(gx[0].accumulate());
    }
    let sums = gx[0].fill();
    sums.fill(T::zero());
    add(sums);
    cotangents(rule, at, g, gx);
}

/// A rule on wider numbers, and the rows into which its operands are cut.
struct Again<'a, T: Elem> {
    rule: Box<dyn Rule<T::Wide>>,
    x: &'a [&'a Tensor<T>],
    output: &'a Shape,
    /// The operations that a number takes.
    cost: usize,
    /// How many leading axes the rows are counted along.
    axes: usize,
    rows: usize,
}

impl<'a, T: Elem> Again<'a, T> {
    /// `None` if the rule runs on one type only.
    ///
    /// `wanted` says of which operands a cotangent is computed. That of one that is repeated along the rows would be a
    /// sum over all of them.
    #[cold]
    #[inline(never)]
    fn new(
        rule: &dyn Rule<T>,
        x: &'a [&'a Tensor<T>],
        output: &'a Shape,
        wanted: &[bool],
    ) -> Option<Self> {
        let shapes: SmallVec<[&Shape; 4]> = x.iter().map(|x| x.shape()).collect();
        let fits = |axes: usize| {
            let mut operands = shapes.iter().enumerate();
            operands.all(|(k, x)| {
                let wanted = wanted.get(k) == Some(&true);
                is_cut(x, output, axes) || !wanted && is_whole(x, output, axes)
            })
        };
        let cut = |&axes: &usize| rule.rowwise(&shapes, axes).is_some() && fits(axes);
        let axes = (1..=output.rank()).rev().find(cut).unwrap_or(0);
        Some(Self {
            rule: rule.widen()?,
            x,
            output,
            cost: rule.cost(&shapes),
            axes,
            rows: output[..axes].iter().product(),
        })
    }

    fn output(&self, y: &mut Slot<'_, T>) {
        for rows in self.runs(&[], self.lost_rows(std::slice::from_mut(y))) {
            self.at(rows.clone(), |_, at| self.put(&rows, at.y, y));
        }
    }

    fn cotangents(&self, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        for rows in self.runs(&[Some(g)], self.lost_rows(gx)) {
            self.at(rows.clone(), |rule, at| {
                let pool = Pool::default();
                let operands = gx.iter().zip(at.x);
                let slots = operands.map(|(gx, x)| Slot::new(&pool, x.shape(), gx.wanted()));
                let mut wide: SmallVec<[_; 4]> = slots.collect();
                rule.vjp(at, &self.cut(g, &rows), &mut wide);
                for (wide, gx) in wide.iter_mut().zip(&mut *gx) {
                    if let (true, Ok(Some(wide))) = (gx.wanted(), wide.result()) {
                        self.put(&rows, &wide, gx);
                    }
                }
            });
        }
    }

    fn tangent(&self, t: &[Option<&Tensor<T>>], ty: &mut Slot<'_, T>) {
        for rows in self.runs(t, self.lost_rows(std::slice::from_mut(ty))) {
            let cut = |t: &Option<&Tensor<T>>| t.map(|t| self.cut(t, &rows));
            let t: SmallVec<[_; 4]> = t.iter().map(cut).collect();
            let t: SmallVec<[_; 4]> = t.iter().map(Option::as_ref).collect();
            self.at(rows.clone(), |rule, at| {
                let pool = Pool::default();
                let mut wide = Slot::new(&pool, at.y.shape(), true);
                if let (Ok(()), Ok(Some(wide))) = (rule.jvp(at, &t, &mut wide), wide.result()) {
                    self.put(&rows, &wide, ty);
                }
            });
        }
    }

    /// Calls `f` with the rule and the point at some rows.
    fn at(&self, rows: Range<usize>, f: impl FnOnce(&dyn Rule<T::Wide>, &Point<'_, T::Wide>)) {
        let x: SmallVec<[_; 4]> = self.x.iter().map(|x| self.cut(x, &rows)).collect();
        let x: SmallVec<[&Tensor<T::Wide>; 4]> = x.iter().collect();
        let (pool, mut kept) = (Pool::default(), Residual::default());
        let shape = self.shape(self.output, &rows);
        let mut y = Slot::new(&pool, &shape, true);
        self.rule.forward(&x, &mut y, &mut kept);
        if let Ok(y) = y.dense() {
            let (x, y, kept) = (&x, &y, &kept);
            f(&*self.rule, &Point { x, y, kept });
        }
    }

    /// The rows in which something is lost, in order.
    fn lost_rows(&self, results: &mut [Slot<'_, T>]) -> Vec<usize> {
        let mut lost: Vec<usize> = Vec::new();
        for result in results {
            let elements = written(result).unwrap_or_default();
            let width = (elements.len() / self.rows.max(1)).max(1);
            let rows = elements.chunks(width).enumerate();
            let rows = rows.filter(|(_, row)| !row.iter().all(|x| x.is_within(Span::Finite)));
            lost.extend(rows.map(|(row, _)| row));
        }
        lost.sort_unstable();
        lost.dedup();
        lost
    }

    /// These rows as stretches of neighbours, without those that an infinity or NaN went into: it is to come out again,
    /// as a rule, and a sum with an infinite term would take long each time.
    fn runs(&self, more: &[Option<&Tensor<T>>], rows: Vec<usize>) -> Vec<Range<usize>> {
        let operands = || self.x.iter().copied().chain(more.iter().copied().flatten());
        let length = |x: &Tensor<T>| self.range(x, &(0..1)).len();
        let output = self.output.elements() / self.rows.max(1);
        let numbers = operands().map(length).sum::<usize>() + output;
        if rows.is_empty() || numbers > LONGEST || numbers.saturating_mul(self.cost) > MOST {
            return Vec::new();
        }
        let spoilt = |row: usize| {
            let mut operands = operands();
            operands.any(|x| !are_finite(&x.data()[self.range(x, &(row..row + 1))]))
        };
        let mut runs: Vec<Range<usize>> = Vec::new();
        for row in rows.into_iter().filter(|&row| !spoilt(row)) {
            match runs.last_mut().filter(|run| run.end == row) {
                Some(run) => run.end += 1,
                None => runs.push(row..row + 1),
            }
        }
        runs
    }

    /// The part of the elements that belongs to some rows: all, if a tensor is repeated along them.
    fn range(&self, x: &Tensor<T>, rows: &Range<usize>) -> Range<usize> {
        match is_cut(x.shape(), self.output, self.axes) {
            true => {
                let width = x.len() / self.rows;
                rows.start * width..rows.end * width
            }
            false => 0..x.len(),
        }
    }

    /// The shape of such a part.
    fn shape(&self, x: &Shape, rows: &Range<usize>) -> Shape {
        if self.axes == 0 || !is_cut(x, self.output, self.axes) {
            return x.clone();
        }
        let lead = std::iter::repeat_n(1, self.axes - 1).chain([rows.len()]);
        lead.chain(x[self.axes..].iter().copied()).collect()
    }

    /// Some rows of an operand, of the cotangent or of a tangent.
    fn cut(&self, x: &Tensor<T>, rows: &Range<usize>) -> Tensor<T::Wide> {
        let elements = &x.data()[self.range(x, rows)];
        let wide: Vec<_> = elements.iter().map(|x| x.widen()).collect();
        Tensor::of_buffer(self.shape(x.shape(), rows), wide)
    }

    /// Replaces what is not finite in some rows of a result.
    fn put(&self, rows: &Range<usize>, wide: &Tensor<T::Wide>, result: &mut Slot<'_, T>) {
        let Some(elements) = written_mut(result) else {
            return;
        };
        let start = match self.axes {
            0 => 0,
            _ => elements.len() / self.rows * rows.start,
        };
        for (element, &wide) in elements[start..].iter_mut().zip(wide.iter()) {
            if !element.is_within(Span::Finite) {
                *element = T::narrow(wide);
            }
        }
    }
}

/// Whether a part of something that the rule has written is not finite.
fn is_lost<T: Elem>(result: &mut Slot<'_, T>) -> bool {
    !written(result).is_none_or(are_finite)
}

/// What the rule has written, if it is a share of its own and not a sum with others.
fn written<'s, T: Elem>(result: &'s mut Slot<'_, T>) -> Option<&'s [T]> {
    if let Content::InPlace = result.content {
        let collector = result.collector().filter(|collector| !*collector.filled);
        return collector.map(|collector| &*collector.elements);
    }
    match &result.content {
        Content::Filled(tensor) if result.wanted() => Some(tensor.data()),
        _ => None,
    }
}

/// The same for changing; elements that others share are copied.
fn written_mut<'s, T: Elem>(result: &'s mut Slot<'_, T>) -> Option<&'s mut [T]> {
    if let Content::InPlace = result.content {
        let collector = result.collector().filter(|collector| !*collector.filled);
        return collector.map(|collector| &mut *collector.elements);
    }
    match &mut result.content {
        Content::Filled(tensor) => {
            if !tensor.is_unique() {
                *tensor = Tensor::of_buffer(tensor.shape().clone(), tensor.data().to_vec());
            }
            Some(unique(tensor))
        }
        _ => None,
    }
}
