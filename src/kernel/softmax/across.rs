//! Contiguous lines, one after the other: a vector is a stretch of a line.
//!
//! A line alone would wait in turn for its maximum, its sum and a division; with several, the machine does one's steps
//! while another's wait.

use super::bundles::{Kept, Set};
use super::inputs::Inputs;
use super::layout::{Layout, ahead, take, vectors};
use super::sum::Total;
use super::sweep::{self, Function};
use crate::kernel::simd::{Lanes, Real, Step};

/// Lines of up to this many vectors are searched in full for their maximum's position.
const FEW: usize = 16;

/// Lines across; one alone unless `MANY`.
pub(super) struct Across<'a, T, const MANY: bool> {
    inputs: Inputs<'a, T>,
    out: &'a mut [T],
    count: usize,
    /// Elements of a line.
    size: usize,
}

impl<'a, T, const MANY: bool> Across<'a, T, MANY> {
    /// `count` lines; a result that is not wanted is empty.
    #[inline(always)]
    pub fn new(inputs: Inputs<'a, T>, out: &'a mut [T], count: usize) -> Self {
        let all = inputs.now[0].len();
        Self {
            inputs,
            out,
            count: if MANY { count } else { 1 },
            size: if MANY && count > 1 { all / count } else { all },
        }
    }

    /// Line `k` of a buffer; empty if the buffer does not have it.
    #[inline(always)]
    fn part<'x>(&self, x: &'x [T], k: usize) -> &'x [T] {
        x.get(k * self.size..(k + 1) * self.size).unwrap_or(&[])
    }

    #[inline(always)]
    fn inputs(&self, k: usize) -> Inputs<'a, T> {
        let Inputs { now, next, soon } = self.inputs;
        Inputs {
            now: [self.part(now[0], k), self.part(now[1], k)],
            next: [self.part(next[0], k), self.part(next[1], k)],
            soon,
        }
    }

    #[inline(always)]
    fn out(&mut self, k: usize) -> &mut [T] {
        let place = k * self.size..(k + 1) * self.size;
        self.out.get_mut(place).unwrap_or(&mut [])
    }
}

impl<V: Lanes, const MANY: bool> Layout<V> for Across<'_, V::Item, MANY> {
    const DOWN: bool = false;

    #[inline(always)]
    fn bundles(&self) -> usize {
        if MANY { self.count } else { 1 }
    }

    #[inline(always)]
    fn is_double(&self) -> bool {
        !self.inputs.now[1].is_empty()
    }

    #[inline(always)]
    fn at(&self, input: usize, line: usize, j: usize) -> V::Item {
        self.inputs.now[input][line * self.size + j]
    }

    #[inline(always)]
    fn result(&mut self, line: usize, j: usize) -> &mut V::Item {
        &mut self.out[line * self.size + j]
    }

    #[inline(always)]
    fn largest(&self, level: V::Level, top: &mut [u32], m: &mut Kept<V>) {
        let lines = self;
        V::apart(
            level,
            Largest {
                level,
                lines,
                top,
                m,
            },
        );
    }

    #[inline(always)]
    fn sums<F: Function<V>, const TWO: bool, const KEEP: bool>(
        &mut self,
        level: V::Level,
        fours: usize,
        fill: V::Item,
        f: impl Fn(usize) -> F,
        totals: &mut Kept<Total<V>>,
    ) {
        for k in 0..Layout::<V>::bundles(self) {
            let (f, inputs, out) = (f(k), self.inputs(k), self.out(k));
            totals.push(sweep::sum::<V, _, TWO, KEEP>(
                level, fours, inputs, out, fill, &f,
            ));
        }
    }

    #[inline(always)]
    fn each<F: Function<V>, const TWO: bool>(&mut self, level: V::Level, f: impl Fn(usize) -> F) {
        for k in 0..Layout::<V>::bundles(self) {
            let (f, inputs) = (f(k), self.inputs(k));
            sweep::each::<V, _, TWO>(level, inputs, self.out(k), &f);
        }
    }

    #[inline(always)]
    fn update<F: Function<V>>(&mut self, level: V::Level, f: impl Fn(usize) -> F) {
        let mut each = Kept::new();
        each.fill(Layout::<V>::bundles(self), f);
        let (lines, f) = (self, each.each());
        V::apart(level, Update { level, lines, f });
    }

    #[inline(always)]
    fn together<const N: usize>(
        &self,
        level: V::Level,
        given: impl Fn(usize) -> [V; N],
        f: impl Fn([V; N]) -> (V, u32),
        kept: &mut Kept<V>,
    ) -> Set {
        let mut lanes = [V::splat(level, V::Item::ONE); N];
        for k in 0..Layout::<V>::bundles(self) {
            let given = given(k);
            for n in 0..N {
                lanes[n] = if k == 0 {
                    given[n]
                } else {
                    V::select(1 << k, given[n], lanes[n])
                };
            }
        }
        let (y, well) = f(lanes);
        for &number in &y.numbers()[..Layout::<V>::bundles(self)] {
            kept.push(V::splat(level, number));
        }
        well.into()
    }
}

/// [`Layout::largest`] as a function of its own, which jobs share.
struct Largest<'s, 'a, V: Lanes, const MANY: bool> {
    level: V::Level,
    lines: &'s Across<'a, V::Item, MANY>,
    top: &'s mut [u32],
    m: &'s mut Kept<V>,
}

impl<V: Lanes, const MANY: bool> Step for Largest<'_, '_, V, MANY> {
    type Output = ();

    /// The indices are searched for once all maxima are known: where a search ends cannot be predicted, and while a
    /// line's maximum is still being computed, the search would wait for that, too.
    #[inline(always)]
    fn run(self) {
        let (level, lines, m) = (self.level, self.lines, self.m);
        for k in 0..Layout::<V>::bundles(lines) {
            m.push(highest(level, lines.inputs(k).now[0]));
        }
        for (k, top) in self.top.iter_mut().enumerate() {
            *top = first(level, lines.inputs(k).now[0], m.get(k));
        }
    }
}

/// [`Layout::update`], which jobs share likewise.
struct Update<'s, 'a, V: Lanes, F, const MANY: bool> {
    level: V::Level,
    lines: &'s mut Across<'a, V::Item, MANY>,
    f: &'s [F],
}

impl<V: Lanes, F: Function<V>, const MANY: bool> Step for Update<'_, '_, V, F, MANY> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (k, f) in self.f.iter().enumerate() {
            sweep::update(self.level, self.lines.out(k), f);
        }
    }
}

/// The largest element of a line, in all lanes.
#[inline(always)]
fn highest<V: Lanes>(level: V::Level, x: &[V::Item]) -> V {
    let nothing = V::splat(level, V::Item::NOTHING);
    let m = if let Some(last) = x.len().checked_sub(V::COUNT) {
        let (mut start, mut m) = (0, [nothing; 4]);
        if x.len() % V::COUNT > 0 {
            let (a, b) = (V::load(level, x), V::load(level, &x[last..]));
            (start, m[0], m[1]) = (ahead(x), a.max(nothing), b.max(nothing));
        }
        whole_highest(level, &x[start..], m)
    } else {
        V::load_part(level, x, V::Item::NOTHING).max(nothing)
    };
    let m = if V::COUNT == 16 {
        m.max(m.swapped::<8>())
    } else {
        m
    };
    let m = m.max(m.swapped::<4>());
    let m = m.max(m.swapped::<2>());
    V::splat(level, m.max(m.swapped::<1>()).first())
}

/// The largest of the whole vectors of `x` and of the four in `m`, lane by lane.
#[inline(always)]
fn whole_highest<V: Lanes>(level: V::Level, x: &[V::Item], mut m: [V; 4]) -> V {
    let mut groups = x.chunks_exact(4 * V::COUNT);
    for group in &mut groups {
        for (k, m) in m.iter_mut().enumerate() {
            *m = V::load(level, &group[k * V::COUNT..(k + 1) * V::COUNT]).max(*m);
        }
    }
    for x in groups.remainder().chunks_exact(V::COUNT) {
        m[0] = V::load(level, x).max(m[0]);
    }
    m[0].max(m[1]).max(m[2].max(m[3]))
}

/// The first index of `m` in a line; 0 if it is not there.
#[inline(always)]
fn first<V: Lanes>(level: V::Level, x: &[V::Item], m: V) -> u32 {
    if x.len() <= FEW * V::COUNT {
        let groups = x.chunks_exact(4 * V::COUNT);
        // All of it is searched, from the end: a mispredicted branch costs more.
        let (mut place, last) = (0, groups.remainder());
        for i in (0..vectors::<V>(last)).rev() {
            let found = take::<V>(level, last, i, V::Item::NAN).equal(m);
            let start = x.len() - last.len() + i * V::COUNT;
            place = lowest(u64::from(found), start, place);
        }
        for (i, group) in groups.enumerate().rev() {
            // A loop, since a closure is not compiled to the level's instructions.
            let mut found = 0;
            for k in 0..4 {
                let v = V::load(level, &group[k * V::COUNT..(k + 1) * V::COUNT]);
                found |= u64::from(v.equal(m)) << (k * V::COUNT);
            }
            place = lowest(found, 4 * i * V::COUNT, place);
        }
        return place;
    }
    let found = V::load(level, x).equal(m);
    if found != 0 {
        return found.trailing_zeros();
    }
    let mut start = ahead(x);
    for group in x[start..].chunks_exact(4 * V::COUNT) {
        let mut found = [0; 4];
        for (k, found) in found.iter_mut().enumerate() {
            *found = V::load(level, &group[k * V::COUNT..(k + 1) * V::COUNT]).equal(m);
        }
        let [a, b, c, d] = found;
        if (a | b) | (c | d) != 0 {
            break;
        }
        start += 4 * V::COUNT;
    }
    let last = x.len() - V::COUNT;
    for at in (start..last).step_by(V::COUNT).chain([last]) {
        let found = V::load(level, &x[at..]).equal(m);
        if found != 0 {
            return at as u32 + found.trailing_zeros();
        }
    }
    0
}

/// The lowest member of a set that begins at `start`, or `other` if it is empty.
#[inline(always)]
fn lowest(set: u64, start: usize, other: u32) -> u32 {
    if set == 0 {
        other
    } else {
        start as u32 + set.trailing_zeros()
    }
}
