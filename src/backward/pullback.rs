//! `Pullback`: a rule applied at a point, with its shares added to the operands' cotangents.

use std::panic::Location;

use smallvec::SmallVec;

use crate::error::Error;
use crate::kernel::{self, Elem};
use crate::tape::rule::{Point, Rule, Slot};
use crate::tape::{Collector, Content, Cotangent, Fault, Pool, guard, unique};
use crate::tensor::{Shape, Tensor};

/// A rule to pull back through, and the point where.
///
/// Rarely called functions get a copy, since the parts of a value that is never referenced stay in registers.
#[derive(Clone, Copy)]
pub(super) struct Pullback<'a, T: Elem> {
    pub(super) rule: &'a dyn Rule<T>,
    pub(super) line: &'static Location<'static>,
    pub(super) at: Point<'a, T>,
    /// The index of each operand's cotangent in the list, and whether it is needed.
    pub(super) inputs: &'a [(usize, bool)],
    /// Whether each share is observed.
    pub(super) seen: bool,
}

/// The collectors of cotangents, by their index in the list; most cotangents have none.
pub(super) type Collectors<'c, T> = [Option<Collector<'c, T>>];

impl<'a, T: Elem> Pullback<'a, T> {
    /// Adds the pullback of `g` to the operands' cotangents; `look` sees each share.
    ///
    /// Returns the index of the cotangent that is to become `g` itself, if any, which needs no second owner:
    /// [`pass_on`].
    ///
    /// # Errors
    /// If the rule leaves a cotangent unset or gives it the wrong shape.
    #[inline(always)]
    pub(super) fn apply(
        self,
        pool: &Pool<T>,
        cotangents: &mut [Cotangent<T>],
        collectors: &mut Collectors<'_, T>,
        g: &Tensor<T>,
        mut look: impl FnMut(usize, &Tensor<T>),
    ) -> Result<Option<usize>, Error> {
        let (rule, at) = (self.rule, self.at);
        let mut heir = None;
        // A slot is built in its final place from what is in registers, since moving one costs more than a pullback of
        // few elements. Nothing is left in the slots afterwards, and dropping them would be a call.
        match (self.inputs, at.x) {
            (&[i], &[x]) if collectors.is_empty() => {
                let a = earlier(pool, cotangents, i, x);
                let mut gx = [self.slot(pool, i, x, a, g)];
                guard::vjp(rule, &at, g, &mut gx);
                let [a] = &mut gx;
                self.settle(pool, cotangents, g, (0, i.0), a, &mut heir, &mut look)?;
                std::mem::forget(gx);
            }
            (&[i, j], &[x, y]) if collectors.is_empty() => {
                let a = earlier(pool, cotangents, i, x);
                let b = earlier(pool, cotangents, j, y);
                let mut gx = [self.slot(pool, i, x, a, g), self.slot(pool, j, y, b, g)];
                guard::vjp(rule, &at, g, &mut gx);
                let [a, b] = &mut gx;
                self.settle(pool, cotangents, g, (0, i.0), a, &mut heir, &mut look)?;
                self.settle(pool, cotangents, g, (1, j.0), b, &mut heir, &mut look)?;
                std::mem::forget(gx);
            }
            _ => {
                let copy = self;
                return copy.apply_to_many(pool, cotangents, collectors, g, &mut look);
            }
        }
        Ok(heir)
    }

    /// The slot of an operand `x` to which `earlier` was given before.
    #[inline(always)]
    fn slot(
        self,
        pool: &'a Pool<T>,
        (_, wanted): (usize, bool),
        x: &'a Tensor<T>,
        earlier: Option<Tensor<T>>,
        g: &'a Tensor<T>,
    ) -> Slot<'a, T> {
        Slot::new(pool, x.shape(), wanted).adding(earlier, g, self.seen)
    }

    /// The same for any number of operands, and for cotangents that have collectors.
    #[inline(never)]
    fn apply_to_many(
        &self,
        pool: &Pool<T>,
        cotangents: &mut [Cotangent<T>],
        collectors: &mut Collectors<'_, T>,
        g: &Tensor<T>,
        look: &mut impl FnMut(usize, &Tensor<T>),
    ) -> Result<Option<usize>, Error> {
        let mut gx: SmallVec<[Slot<'_, T>; 4]> = SmallVec::new();
        for (&input, x) in self.inputs.iter().zip(self.at.x) {
            let earlier = earlier(pool, cotangents, input, x);
            gx.push(self.slot(pool, input, x, earlier, g));
        }
        for (id, collector) in collectors.iter_mut().enumerate() {
            // If an operand occurs twice, its first slot gets the collector.
            let operand = self.inputs.iter().position(|&input| input == (id, true));
            if let (Some(k), Some(collector)) = (operand, collector) {
                gx[k].collect_in(collector);
            }
        }
        guard::vjp(self.rule, &self.at, g, &mut gx);
        let mut heir = None;
        for k in 0..gx.len() {
            let same = |j: &usize| self.inputs[*j] == self.inputs[k];
            match (0..=k).find(|j| same(j) && gx[*j].collector().is_some()) {
                Some(j) => {
                    let content = match gx[k].content.replace() {
                        // Without a collector the slot started empty, so the sum is a plain share.
                        Content::Added(share) if j < k => Content::Filled(share),
                        content => content,
                    };
                    let collector = gx[j].collector().expect("found a line above");
                    self.collect(pool, collector, k, content, g)?;
                }
                None => {
                    let place = (k, self.inputs[k].0);
                    self.settle(pool, cotangents, g, place, &mut gx[k], &mut heir, look)?;
                }
            }
        }
        Ok(heir)
    }

    /// Adds what the rule gave for operand `k` to that operand's cotangent, which is number `id`.
    #[allow(clippy::too_many_arguments)] // as a struct it would be written and read
    #[inline(always)]
    fn settle(
        self,
        pool: &Pool<T>,
        cotangents: &mut [Cotangent<T>],
        g: &Tensor<T>,
        (k, id): (usize, usize),
        gx: &mut Slot<'_, T>,
        heir: &mut Option<usize>,
        look: &mut impl FnMut(usize, &Tensor<T>),
    ) -> Result<(), Error> {
        if !gx.wanted() {
            gx.content.set(Content::Unset);
            return Ok(());
        }
        // Matched by reference: for a value that is moved out in some cases only, the compiler would keep a drop flag.
        let sum = match &gx.content {
            Content::Filled(_) | Content::Added(_) => {
                let share = gx.content.take_tensor();
                look(k, &share);
                match gx.earlier.take() {
                    Some(earlier) => added(pool, earlier, share),
                    None => share,
                }
            }
            Content::Same => {
                look(k, g);
                let Some(earlier) = gx.earlier.take() else {
                    // Only the last heir gets `g` itself; the former one gets a second owner of it.
                    if let Some(former) = heir.replace(id) {
                        receive(pool, &mut cotangents[former], g.clone());
                    }
                    return Ok(());
                };
                plus(pool, earlier, g)
            }
            // Rarely, and out of the way: with one case more the compiler would jump by a table.
            _ => match nothing(self.rule, self.line, k, gx)? {
                Some(sum) => sum,
                None => return Ok(()),
            },
        };
        if *heir == Some(id) {
            // The operand occurs twice; its shares are added in their order.
            *heir = None;
            receive(pool, &mut cotangents[id], g.clone());
        }
        receive(pool, &mut cotangents[id], sum);
        Ok(())
    }

    /// Adds what the rule gave for operand `k` to a collector.
    fn collect(
        &self,
        pool: &Pool<T>,
        collector: &mut Collector<'_, T>,
        k: usize,
        content: Content<T>,
        g: &Tensor<T>,
    ) -> Result<(), Error> {
        match content {
            Content::Zero => return Ok(()),
            Content::InPlace => *collector.filled = true,
            Content::Same => collector.add(g),
            Content::Filled(share) => {
                collector.add(&share);
                pool.put(share);
            }
            Content::Added(all) => {
                collector.elements.copy_from_slice(all.data());
                *collector.filled = true;
                pool.put(all);
            }
            other => {
                let fault = other.fault(self.at.x[k].shape());
                return Err(lacking(fault, self.rule, self.line, k));
            }
        }
        Ok(())
    }
}

/// What was given to operand `k` before, if the rule has declared its share zero.
///
/// # Errors
/// If it has not.
#[cold]
#[inline(never)]
fn nothing<T: Elem>(
    rule: &dyn Rule<T>,
    line: &'static Location<'static>,
    k: usize,
    gx: &mut Slot<'_, T>,
) -> Result<Option<Tensor<T>>, Error> {
    match gx.content.replace() {
        Content::Zero => Ok(gx.earlier.take()),
        other => Err(lacking(other.fault(gx.shape()), rule, line, k)),
    }
}

/// The error for an operand `k` without a cotangent.
#[cold]
fn lacking<T: Elem>(
    fault: Fault,
    rule: &dyn Rule<T>,
    line: &'static Location<'static>,
    k: usize,
) -> Error {
    let what = format!("the cotangent of operand {k}");
    fault.error(rule.name(), what, Some(line))
}

/// What was given to an operand `x` before, taken out so that more can be added.
#[inline(always)]
fn earlier<T: Elem>(
    pool: &Pool<T>,
    cotangents: &mut [Cotangent<T>],
    (id, _): (usize, bool),
    x: &Tensor<T>,
) -> Option<Tensor<T>> {
    cotangents[id].take(|g| filled(pool, x.shape(), g))
}

/// Gives a cotangent that was pulled back to its heir or, if there is none, to the pool.
#[inline]
pub(super) fn pass_on<T: Elem>(
    pool: &Pool<T>,
    cotangents: &mut [Cotangent<T>],
    heir: Option<usize>,
    g: Tensor<T>,
) {
    match heir {
        Some(id) => receive(pool, &mut cotangents[id], g),
        None => pool.put(g),
    }
}

/// Stores the new sum of a cotangent; if the operand occurs twice, its first share is there and is added to.
#[inline]
fn receive<T: Elem>(pool: &Pool<T>, cotangent: &mut Cotangent<T>, sum: Tensor<T>) {
    match cotangent {
        Cotangent::Zero => *cotangent = Cotangent::Sum(sum),
        _ => accumulate(pool, cotangent, sum),
    }
}

/// A tensor that holds the same number everywhere.
pub(super) fn filled<T: Elem>(pool: &Pool<T>, shape: &Shape, g: T) -> Tensor<T> {
    let mut full = pool.take(shape);
    unique(&mut full).fill(g);
    full
}

/// Adds a share to a cotangent; the first one is stored as it is.
pub(super) fn accumulate<T: Elem>(pool: &Pool<T>, cotangent: &mut Cotangent<T>, share: Tensor<T>) {
    let earlier = cotangent.take(|g| filled(pool, share.shape(), g));
    *cotangent = Cotangent::Sum(match earlier {
        Some(sum) => added(pool, sum, share),
        None => share,
    });
}

/// The sum of two shares, in the buffer of the first if nothing else shares it.
#[inline]
fn added<T: Elem>(pool: &Pool<T>, sum: Tensor<T>, share: Tensor<T>) -> Tensor<T> {
    let sum = plus(pool, sum, &share);
    pool.put(share);
    sum
}

/// The same for a share that is still needed.
fn plus<T: Elem>(pool: &Pool<T>, mut sum: Tensor<T>, share: &Tensor<T>) -> Tensor<T> {
    if let Some(elements) = sum.unique_mut() {
        kernel::add_to(share.data(), elements);
        return sum;
    }
    plus_apart(pool, sum, share)
}

/// The same where the sum is shared with the cotangent of another node, and so needs a buffer of its own.
#[inline(never)]
fn plus_apart<T: Elem>(pool: &Pool<T>, sum: Tensor<T>, share: &Tensor<T>) -> Tensor<T> {
    let mut fresh = pool.take(sum.shape());
    kernel::map2(sum.data(), share.data(), unique(&mut fresh), |a, b| a + b);
    fresh
}
