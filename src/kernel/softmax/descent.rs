//! Descents through the rows of a strip: the largest of each line, sums of functions, functions of each row.
//!
//! Each is a function of its own, which the jobs of a level share. `WHOLE` ones are for strips with all bundles.
#![allow(unsafe_code)]

use super::bundles::Kept;
use super::layout::{put, take};
use super::place::WIDE;
use super::strip::Strip;
use super::sum::Total;
use super::sweep::{Function, one};
use crate::kernel::simd::{Lanes, Real, Step};
use std::ops::Range;

/// The largest element of each line, and its first index, unless nobody asks for it.
pub(super) struct Highest<'s, 'a, V: Lanes, const WHOLE: bool> {
    pub level: V::Level,
    pub strip: &'s Strip<'a, V::Item>,
    pub m: &'s mut [V; WIDE],
    pub top: &'s mut [u32],
}

impl<V: Lanes, const WHOLE: bool> Step for Highest<'_, '_, V, WHOLE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (level, strip) = (self.level, self.strip);
        let mut m = [V::splat(level, V::Item::NOTHING); WIDE];
        let mut places = [V::splat(level, V::Item::ZERO); WIDE];
        for j in 0..strip.place.n {
            let [row, _] = strip.row::<V, false, WHOLE>(j);
            let mark = V::splat(level, V::Item::marked(j as u32));
            for k in 0..strip.place.bundles::<V, WHOLE>() {
                let x = take::<V>(level, row, k, V::Item::NOTHING);
                places[k] = m[k].where_less(x, mark, places[k]);
                m[k] = x.max(m[k]);
            }
        }
        *self.m = m;
        for (top, places) in self.top.chunks_mut(V::COUNT).zip(places) {
            for (top, place) in top.iter_mut().zip(places.numbers()) {
                *top = place.mark();
            }
        }
    }
}

/// The sum of a function of the inputs, line by line; see [`Layout::sums`](super::layout::Layout::sums).
pub(super) struct Sums<'s, 'a, V: Lanes, F, const TWO: bool, const KEEP: bool> {
    pub level: V::Level,
    pub fours: usize,
    pub strip: &'s mut Strip<'a, V::Item>,
    /// The function for each bundle.
    pub f: &'s [F],
    pub totals: &'s mut Kept<Total<V>>,
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool> Step
    for Sums<'_, '_, V, F, TWO, KEEP>
{
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (level, n) = (self.level, self.strip.place.n);
        if n <= V::COUNT {
            return self.few();
        }
        let (slots, width) = (4 * V::COUNT, self.f.len() * V::COUNT);
        let mut totals = [[Total::none(level); 16]; WIDE];
        for base in (0..n).step_by(self.fours * slots) {
            let rows = base..n.min(base + self.fours * slots);
            let used = slots.min(rows.len());
            if !F::HEAVY && self.strip.place.is_whole::<V>() {
                self.add::<true>(rows);
            } else {
                self.add::<false>(rows);
            }
            self.strip.terms[used * width..].fill(V::Item::ZERO);
            // Lane by lane, as the vectors of a line across are added.
            for l in 0..V::COUNT.min(used) {
                for (k, totals) in totals.iter_mut().enumerate().take(self.f.len()) {
                    let mut terms = [V::splat(level, V::Item::ZERO); 4];
                    for (q, term) in terms.iter_mut().enumerate() {
                        let slot = &self.strip.terms[(l + q * V::COUNT) * width..];
                        *term = take(level, slot, k, V::Item::ZERO);
                    }
                    let [a, b, c, d] = terms;
                    totals[l] = totals[l].plus((a + b) + (c + d));
                }
            }
        }
        for totals in totals.iter_mut().take(self.f.len()) {
            self.totals.push(Total::tree(totals, V::COUNT.min(n)));
        }
    }
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool> Sums<'_, '_, V, F, TWO, KEEP> {
    /// Adds the values for some rows in the room for terms, one row after the other in each of its slots.
    #[inline(always)]
    fn add<const WHOLE: bool>(&mut self, rows: Range<usize>) {
        let (level, strip) = (self.level, &mut *self.strip);
        let terms = std::mem::take(&mut strip.terms);
        let (slots, bundles) = (4 * V::COUNT, strip.place.bundles::<V, WHOLE>());
        for (i, j) in rows.enumerate() {
            let [a, b] = strip.row::<V, TWO, WHOLE>(j);
            let later = strip.later::<TWO, KEEP>(j);
            let out = if KEEP {
                strip.out::<V, WHOLE>(j)
            } else {
                &mut []
            };
            let slot = &mut terms[i % slots * bundles * V::COUNT..][..bundles * V::COUNT];
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
                    if KEEP {
                        put(y, out, k);
                    }
                    before + y
                };
                put(term, slot, k);
            }
        }
        strip.terms = terms;
    }

    /// The sums over lines that have no more elements than a vector has lanes.
    #[inline(always)]
    fn few(self) {
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
                if KEEP {
                    put(*term, strip.out::<V, false>(j), k);
                }
            }
            self.totals.push(Total::few(level, &terms));
        }
    }
}

/// Writes values to the result: of the inputs, or with `AGAIN` of the result itself.
pub(super) struct Write<'s, 'a, V: Lanes, F, const TWO: bool, const AGAIN: bool, const WHOLE: bool>
{
    pub level: V::Level,
    pub strip: &'s mut Strip<'a, V::Item>,
    /// The function for each bundle.
    pub f: &'s [F],
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
            self.rows::<true>();
            V::drain(level);
        } else {
            self.rows::<false>();
        }
    }
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const AGAIN: bool, const WHOLE: bool>
    Write<'_, '_, V, F, TWO, AGAIN, WHOLE>
{
    /// Goes through all rows. With `FAR`, before anybody reads or writes them again, the thread must drain.
    #[inline(always)]
    fn rows<const FAR: bool>(self) {
        let (level, strip) = (self.level, self.strip);
        let place = strip.place;
        for j in 0..place.n {
            let [a, b] = match AGAIN {
                true => [&[][..]; 2],
                false => strip.row::<V, TWO, WHOLE>(j),
            };
            let later = strip.later::<TWO, true>(j);
            let out = strip.out::<V, WHOLE>(j);
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
