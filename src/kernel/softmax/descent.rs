//! Descents through the rows of a strip: the largest element of each line, sums of functions, functions of each row.
//!
//! Each is a function of its own, which the jobs of a level share. Those with `WHOLE` are for strips with all bundles.
#![allow(unsafe_code)]

use super::bundles::Kept;
use super::layout::{put, take};
use super::place::WIDE;
use super::strip::Strip;
use super::sum::Total;
use super::sweep::{Function, one};
use crate::kernel::simd::{Lanes, Real, Step};
use std::ops::Range;

/// The largest element of each line among some rows, and the mark of the first row that has it.
#[derive(Clone, Copy)]
pub(super) struct Found<V> {
    pub m: [V; WIDE],
    pub places: [V; WIDE],
}

impl<V: Lanes> Found<V> {
    /// The result among no rows.
    #[inline(always)]
    pub fn none(level: V::Level) -> Self {
        Self {
            m: [V::splat(level, V::Item::NOTHING); WIDE],
            places: [V::splat(level, V::Item::ZERO); WIDE],
        }
    }

    /// Takes in bundle `k` of a row further down.
    #[inline(always)]
    fn add(&mut self, k: usize, x: V, place: V) {
        self.places[k] = self.m[k].where_less(x, place, self.places[k]);
        self.m[k] = x.max(self.m[k]);
    }

    /// Writes the index for each line.
    #[inline(always)]
    fn tell(&self, top: &mut [u32]) {
        for (top, places) in top.chunks_mut(V::COUNT).zip(self.places) {
            for (top, place) in top.iter_mut().zip(places.numbers()) {
                *top = place.mark();
            }
        }
    }
}

/// Finds the largest elements among some rows, and writes their indices if they are wanted.
pub(super) struct Highest<'s, 'a, V: Lanes, const WHOLE: bool> {
    pub level: V::Level,
    pub strip: &'s Strip<'a, V::Item>,
    pub rows: Range<usize>,
    pub found: &'s mut Found<V>,
    pub top: &'s mut [u32],
}

impl<V: Lanes, const WHOLE: bool> Step for Highest<'_, '_, V, WHOLE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (level, strip) = (self.level, self.strip);
        // A local value, which stays in registers.
        let mut found = Found::none(level);
        for j in self.rows {
            let [row, _] = strip.row::<V, false, WHOLE>(j);
            let mark = V::splat(level, V::Item::marked(j as u32));
            for k in 0..strip.place.bundles::<V, WHOLE>() {
                found.add(k, take::<V>(level, row, k, V::Item::NOTHING), mark);
            }
        }
        found.tell(self.top);
        *self.found = found;
    }
}

/// The largest among all rows, from what was found among the first ones and later ones.
pub(super) struct First<'s, V> {
    pub found: &'s mut Found<V>,
    pub later: &'s [Found<V>],
    pub top: &'s mut [u32],
}

impl<V: Lanes> Step for First<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for later in self.later {
            for k in 0..WIDE {
                self.found.add(k, later.m[k], later.places[k]);
            }
        }
        self.found.tell(self.top);
    }
}

/// Adds the values for a block of rows into what each lane of a line across would have of this block; the sums are left
/// at the beginning of `terms`, lane by lane.
pub(super) struct Terms<'s, 'a, V: Lanes, F, const TWO: bool, const KEEP: bool> {
    pub level: V::Level,
    pub strip: &'s Strip<'a, V::Item>,
    /// The function for each bundle.
    pub f: &'s [F],
    /// No other step in progress accesses one of them.
    pub rows: Range<usize>,
    pub terms: &'s mut [V::Item],
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool> Step
    for Terms<'_, '_, V, F, TWO, KEEP>
{
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (slots, width) = (4 * V::COUNT, self.f.len() * V::COUNT);
        let used = slots.min(self.rows.len());
        if !F::HEAVY && self.strip.place.is_whole::<V>() {
            self.add::<true>();
        } else {
            self.add::<false>();
        }
        let (level, terms) = (self.level, self.terms);
        V::apart(
            level,
            Lanewise::<V> {
                level,
                width,
                used,
                terms,
            },
        );
    }
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool> Terms<'_, '_, V, F, TWO, KEEP> {
    /// Adds the values to the slots in turn, one row after the other in each.
    #[inline(always)]
    fn add<const WHOLE: bool>(&mut self) {
        let (level, strip) = (self.level, self.strip);
        let (slots, bundles) = (4 * V::COUNT, strip.place.bundles::<V, WHOLE>());
        let keep = KEEP && self.f[0].keeps();
        for (i, j) in self.rows.clone().enumerate() {
            let [a, b] = strip.row::<V, TWO, WHOLE>(j);
            let later = strip.later::<TWO, KEEP>(j);
            let out = if keep {
                // SAFETY: needs that nobody else holds the row: it belongs to this block, and blocks share none.
                unsafe { strip.out::<V, WHOLE>(j) }
            } else {
                &mut []
            };
            let slot = &mut self.terms[i % slots * bundles * V::COUNT..][..bundles * V::COUNT];
            for (k, f) in self.f[..bundles].iter().enumerate() {
                if F::HEAVY {
                    later.ask::<V>(level, k);
                }
                let x = take::<V>(level, a, k, V::Item::ZERO);
                let y = take::<V>(level, b, k, V::Item::ZERO);
                let before = match i < slots {
                    true => V::splat(level, V::Item::ZERO),
                    false => take(level, slot, k, V::Item::ZERO),
                };
                let term = if F::PRODUCT && !KEEP {
                    f.add(j, x, y, before)
                } else {
                    let y = one(f, j, x, y);
                    if keep {
                        put(y, out, k);
                    }
                    before + y
                };
                put(term, slot, k);
            }
        }
    }
}

/// Adds up the slots of a block, for each lane.
struct Lanewise<'s, V: Lanes> {
    level: V::Level,
    /// Elements of a slot.
    width: usize,
    /// How many slots there are.
    used: usize,
    terms: &'s mut [V::Item],
}

impl<V: Lanes> Step for Lanewise<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            level,
            width,
            used,
            terms,
        } = self;
        terms[used * width..].fill(V::Item::ZERO);
        for l in 0..V::COUNT.min(used) {
            for k in 0..width / V::COUNT {
                let mut four = [V::splat(level, V::Item::ZERO); 4];
                for (q, term) in four.iter_mut().enumerate() {
                    *term = V::load(level, &terms[(l + q * V::COUNT) * width + k * V::COUNT..]);
                }
                let [a, b, c, d] = four;
                ((a + b) + (c + d)).store(&mut terms[l * width + k * V::COUNT..]);
            }
        }
    }
}

/// Adds what a block has left to the sums of the lanes, in the order of the vectors of a line across.
pub(super) struct Gather<'s, V: Lanes> {
    pub level: V::Level,
    pub bundles: usize,
    pub rows: usize,
    pub terms: &'s [V::Item],
    pub sums: &'s mut [[Total<V>; 16]; WIDE],
}

impl<V: Lanes> Step for Gather<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for l in 0..V::COUNT.min(self.rows) {
            let terms = &self.terms[l * self.bundles * V::COUNT..];
            for (k, sums) in self.sums.iter_mut().enumerate().take(self.bundles) {
                sums[l] = sums[l].plus(take(self.level, terms, k, V::Item::ZERO));
            }
        }
    }
}

/// Joins the lanes of each line.
pub(super) struct Join<'s, V: Lanes> {
    pub sums: &'s mut [[Total<V>; 16]],
    pub totals: &'s mut Kept<Total<V>>,
}

impl<V: Lanes> Step for Join<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for sums in self.sums {
            self.totals.push(Total::tree(sums, V::COUNT));
        }
    }
}

/// The sums over lines with no more elements than a vector has lanes.
pub(super) struct Few<'s, 'a, V: Lanes, F, const TWO: bool, const KEEP: bool> {
    pub level: V::Level,
    /// No other step in progress writes to it.
    pub strip: &'s Strip<'a, V::Item>,
    pub f: &'s [F],
    pub totals: &'s mut Kept<Total<V>>,
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool> Step
    for Few<'_, '_, V, F, TWO, KEEP>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (level, strip) = (self.level, self.strip);
        for (k, f) in self.f.iter().enumerate() {
            let mut terms = [V::splat(level, V::Item::ZERO); 16];
            for (j, term) in terms.iter_mut().enumerate().take(strip.place.n) {
                let [a, b] = strip.row::<V, TWO, false>(j);
                let x = take::<V>(level, a, k, V::Item::ZERO);
                let y = take::<V>(level, b, k, V::Item::ZERO);
                if F::PRODUCT && !KEEP {
                    *term = f.add(j, x, y, *term);
                    continue;
                }
                *term = one(f, j, x, y);
                if KEEP && f.keeps() {
                    // SAFETY: needs that nobody else holds the row: all rows are this step's.
                    put(*term, unsafe { strip.out::<V, false>(j) }, k);
                }
            }
            let (terms, totals) = (&terms, &mut *self.totals);
            V::apart(
                level,
                Tree {
                    level,
                    terms,
                    totals,
                },
            );
        }
    }
}

/// The sum of the terms of [`Few`].
struct Tree<'s, V: Lanes> {
    level: V::Level,
    terms: &'s [V; 16],
    totals: &'s mut Kept<Total<V>>,
}

impl<V: Lanes> Step for Tree<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.totals.push(Total::few(self.level, self.terms));
    }
}

/// Writes values to some rows of the result: functions of the inputs or, with `AGAIN`, of the result itself.
pub(super) struct Write<'s, 'a, V: Lanes, F, const TWO: bool, const AGAIN: bool, const WHOLE: bool>
{
    pub level: V::Level,
    pub strip: &'s Strip<'a, V::Item>,
    pub f: &'s [F],
    /// No other step in progress accesses one of them.
    pub rows: Range<usize>,
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const AGAIN: bool, const WHOLE: bool> Step
    for Write<'_, '_, V, F, TWO, AGAIN, WHOLE>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let place = self.strip.place;
        if (WHOLE || F::HEAVY) && place.far && place.is_whole::<V>() {
            let level = self.level;
            self.write::<true>();
            V::drain(level);
        } else {
            self.write::<false>();
        }
    }
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const AGAIN: bool, const WHOLE: bool>
    Write<'_, '_, V, F, TWO, AGAIN, WHOLE>
{
    /// Writes row after row. With `FAR`, the thread must drain before anybody reads or writes them again.
    #[inline(always)]
    fn write<const FAR: bool>(self) {
        let (level, strip) = (self.level, self.strip);
        let place = strip.place;
        for j in self.rows {
            let [a, b] = match AGAIN {
                true => [&[][..]; 2],
                false => strip.row::<V, TWO, WHOLE>(j),
            };
            let later = strip.later::<TWO, true>(j);
            // SAFETY: needs that nobody else holds the row: it is this step's, as `rows` says.
            let out = unsafe { strip.out::<V, WHOLE>(j) };
            for (k, f) in self.f[..place.bundles::<V, WHOLE>()].iter().enumerate() {
                if F::HEAVY {
                    later.ask::<V>(level, k);
                }
                let [a, b] = if AGAIN { [&*out; 2] } else { [a, b] };
                let x = take::<V>(level, a, k, V::Item::ONE);
                let y = take::<V>(level, b, k, V::Item::ONE);
                let y = one(f, j, x, y);
                if FAR {
                    // SAFETY: needs that the thread drains before anybody reads or writes the row again, as `run` does.
                    unsafe { y.stream(&mut out[k * V::COUNT..(k + 1) * V::COUNT]) }
                } else {
                    put(y, out, k);
                }
            }
        }
    }
}
